/* SPDX-License-Identifier: BSD-3-Clause
 *
 * trace-lookup.c: what a stage is about to look up for a traced packet, looked up beside it.
 */
#include <rte_ether.h>
#include "dataplane/shm/lpm.h"
#include "dataplane/shm/table.h"
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_validate.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/trace.h"

/* The traced packet that is asked about. */
struct asked {
	struct worker *worker;
	unsigned int number;
	const struct packet *packet;
	const uint8_t *at, *end; /* packet->l3 and the end of its first buffer */
};

static struct trace_record *lookup(const struct asked *asked, enum trace_lookup kind)
{
	struct trace_record *record = trace_record(asked->worker, asked->number, TRACE_LOOKUP);

	record->lookup = (uint8_t)kind;
	record->interface = asked->packet->interface;
	record->vrf = asked->packet->vrf;
	record->space = asked->packet->space;
	return record;
}

/* ---------------------------------------------------------------- labels */

static void ask_labels(const struct asked *asked)
{
	const uint8_t *at = asked->at;
	unsigned int space = asked->packet->space;

	for (unsigned int i = 0; i < LAYERS_MAX && at + 4 <= asked->end; i++, at += 4) {
		uint32_t word = lse_load(at), label = lse_label(word);
		uint64_t entry = label_get(asked->worker->tables, space, label);
		struct trace_record *record = lookup(asked, TRACE_LABEL);
		record->index = label;
		record->space = (uint8_t)space;
		record->result = entry;
		bool goes_on =
			label < LABEL_FIRST_FREE || label_operation(entry) == LABEL_POP_LABEL;
		if (!goes_on || lse_is_bottom(word))
			return;
		space = 0; /* RFC 3031 3.14 */
	}
}

/* ---------------------------------------------------------------- addresses */

static void ask_route(const struct asked *asked)
{
	bool ipv4 = asked->packet->payload == PAYLOAD_IPV4;
	unsigned int vrf = asked->packet->vrf % VRF_MAX;
	const uint8_t *destination = asked->at + (ipv4 ? 16 : 24);

	if (asked->end - asked->at < (ipv4 ? IPV4_HEADER : IPV6_HEADER))
		return;
	struct trace_record *record = lookup(asked, TRACE_ROUTE);
	if (ipv4)
		multicast_map_ipv4(record->key, destination);
	else
		memcpy(record->key, destination, sizeof(record->key));
	record->result =
		lpm_lookup(asked->worker->tables,
			   &asked->worker->tables->route_root[vrf][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
			   destination);
}

/* ---------------------------------------------------------------- bridges */

/* The frame's VLAN in its bridge, as the stage finds it; 0: none. */
static unsigned int vlan_of(const struct asked *asked, const struct bridge_port *port)
{
	const uint8_t *frame = asked->at;
	unsigned int tag = 0;

	if (ip_load16(frame + 12) == RTE_ETHER_TYPE_VLAN)
		tag = asked->end - frame < 18 ? 0 : ip_load16(frame + 14) & 0xfffu;
	return tag != 0 ? tag : port->native;
}

static void ask_address(const struct asked *asked, uint32_t bridge, unsigned int vlan)
{
	struct fdb_key key = fdb_key(bridge, vlan, asked->at);
	const struct fdb_entry *entry = fdb_lookup(asked->worker->tables, &key);
	struct trace_record *record = lookup(asked, TRACE_ADDRESS);

	record->index = bridge;
	memcpy(record->key, asked->at, RTE_ETHER_ADDR_LEN);
	record->key[6] = (uint8_t)(vlan >> 8);
	record->key[7] = (uint8_t)vlan;
	record->result = entry == NULL ? WATCH_ANY : entry->interface;
}

static void ask_group(const struct asked *asked, uint32_t bridge, unsigned int vlan)
{
	const uint8_t *header = asked->at + RTE_ETHER_HDR_LEN;
	uint8_t group[16], source[16];
	struct port_set ports;
	uint32_t counter;

	if (ip_load16(asked->at + 12) == RTE_ETHER_TYPE_VLAN)
		header += TAG_SIZE;
	if (asked->end - header >= IPV4_HEADER && header[0] >> 4 == 4) {
		multicast_map_ipv4(group, header + 16);
		multicast_map_ipv4(source, header + 12);
	} else if (asked->end - header >= IPV6_HEADER && header[0] >> 4 == 6) {
		memcpy(group, header + 24, sizeof(group));
		memcpy(source, header + 8, sizeof(source));
	} else {
		return;
	}
	struct trace_record *record = lookup(asked, TRACE_GROUP);
	record->index = bridge;
	memcpy(record->key, group, sizeof(record->key));
	record->result =
		multicast_members(asked->worker->tables, bridge, vlan, group, source, &ports,
				  &counter);
}

static void ask_bridge(const struct asked *asked)
{
	const struct tables *tables = asked->worker->tables;
	const struct packet *packet = asked->packet;
	const struct bridge_port *port = packet->space == BRIDGE_BY_LABEL
						 ? bridge_own_port(tables, packet->nexthop)
						 : bridge_port_of(tables, packet->interface);

	if (port == NULL || asked->end - asked->at < RTE_ETHER_HDR_LEN)
		return;
	unsigned int vlan = vlan_of(asked, port);
	if (asked->at[0] & 1)
		ask_group(asked, port->bridge, vlan);
	else
		ask_address(asked, port->bridge, vlan);
}

/* ---------------------------------------------------------------- the way out */

static void ask_nexthop(const struct asked *asked)
{
	const struct tables *tables = asked->worker->tables;
	const struct rewrite *rewrite = nexthop_usable(asked->worker, asked->packet->nexthop);
	struct trace_record *record = lookup(asked, TRACE_NEXTHOP);

	record->index = asked->packet->nexthop;
	record->result = WATCH_ANY;
	if (rewrite == NULL)
		return;
	record->result = rewrite->interface | (uint64_t)rewrite->label_count << 32;
	memcpy(record->key, rewrite->label, sizeof(record->key));
	const struct interface *egress = &tables->interface[rewrite->interface % INTERFACE_MAX];
	if (word_load(&egress->features) & INTERFACE_FILTER_OUT)
		trace_filter(asked->worker, asked->number, asked->packet,
			     word_load(&egress->filter_out));
}

static void ask_tunnel(const struct asked *asked)
{
	struct trace_record *record = lookup(asked, TRACE_TUNNEL);

	record->index = asked->packet->nexthop;
}

void trace_lookups(struct worker *worker, unsigned int number, enum stage_id stage,
		   const struct packet *packet)
{
	const struct tables *tables = worker->tables;
	const struct asked asked = {
		.worker = worker,
		.number = number,
		.packet = packet,
		.at = packet->l3,
		.end = packet_end(packet),
	};

	switch (stage) {
	case STAGE_filter:
		trace_filter(worker, number, packet,
			     word_load(&tables->interface[packet->interface].filter_in));
		return;
	case STAGE_mpls:
		ask_labels(&asked);
		return;
	case STAGE_filter_vrf:
		trace_filter(worker, number, packet, word_load(&tables->filter_vrf[packet->vrf]));
		return;
	case STAGE_ip:
		ask_route(&asked);
		return;
	case STAGE_bridge:
		ask_bridge(&asked);
		return;
	case STAGE_output:
		ask_nexthop(&asked);
		return;
	case STAGE_encapsulate:
		ask_tunnel(&asked);
		return;
	default:
		return;
	}
}
