/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast.c: which ports of a bridge asked for a group (RFC 4541).
 */
#include <rte_ether.h>
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_header.h"

enum { FRAGMENT_OFFSET = 0x1fff };

/* The IP packet in a frame. */
struct group_packet {
	const uint8_t *header, *end;
	enum bridge_family family;
	uint8_t group[16], source[16]; /* IPv4 as ::ffff:a.b.c.d */
	bool link_local;               /* 224.0.0.0/24, ff02::/16 */
	bool all;     /* of these: what is flooded even when unregistered rules say otherwise */
	uint8_t type; /* of IGMP or MLD */
};

/* ---------------------------------------------------------------- what it is */

static bool parse_ipv4(struct group_packet *packet)
{
	const uint8_t *header = packet->header;

	if (packet->end - header < IPV4_HEADER || header[0] >> 4 != 4 || (header[0] & 0xf) < 5 ||
	    header[16] >> 4 != 0xe)
		return false;
	packet->family = BRIDGE_IPV4;
	multicast_map_ipv4(packet->group, header + 16);
	multicast_map_ipv4(packet->source, header + 12);
	packet->link_local = header[16] == 224 && header[17] == 0 && header[18] == 0;
	packet->all = packet->link_local;
	return true;
}

static bool parse_ipv6(struct group_packet *packet)
{
	static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };
	const uint8_t *header = packet->header;

	if (packet->end - header < IPV6_HEADER || header[0] >> 4 != 6 || header[24] != 0xff)
		return false;
	packet->family = BRIDGE_IPV6;
	memcpy(packet->group, header + 24, 16);
	memcpy(packet->source, header + 8, 16);
	packet->link_local = (header[25] & 0xf) <= 2;
	packet->all = memcmp(header + 24, all_nodes, 16) == 0 || (header[25] & 0xf) < 2;
	return true;
}

/* False: it is no IP multicast, and goes to all ports. */
static bool parse(const struct bridging *bridging, struct group_packet *packet)
{
	unsigned int offset = bridging_l3(bridging);

	packet->end = bridging->frame + bridging->mbuf->data_len;
	packet->header = bridging->frame + offset;
	if (packet->header >= packet->end)
		return false;
	switch (ip_load16(packet->header - 2)) {
	case RTE_ETHER_TYPE_IPV4:
		return parse_ipv4(packet);
	case RTE_ETHER_TYPE_IPV6:
		return parse_ipv6(packet);
	default:
		return false;
	}
}

/* ---------------------------------------------------------------- what is the control plane's */

static bool is_igmp_type(uint8_t type)
{
	switch (type) {
	case 0x11: /* query */
	case 0x12: /* reports, leave: RFC 1112, 2236, 3376 */
	case 0x16:
	case 0x17:
	case 0x22:
	case 0x30: /* multicast router discovery: RFC 4286 */
	case 0x31:
	case 0x32:
		return true;
	default:
		return false;
	}
}

static bool is_mld_type(uint8_t type)
{
	return (type >= 130 && type <= 132) || type == 143 || (type >= 151 && type <= 153);
}

/* Of these types: what hosts say of their groups. */
static bool is_report(int reason, uint8_t type)
{
	if (reason == PUNT_igmp)
		return type == 0x12 || type == 0x16 || type == 0x17 || type == 0x22;
	return reason == PUNT_mld && (type == 131 || type == 132 || type == 143);
}

int multicast_protocol(enum bridge_family family, const uint8_t *header, const uint8_t *end,
		       uint8_t *type)
{
	const uint8_t *payload = header + IPV6_HEADER;
	uint8_t protocol = header[6];

	*type = 0;
	if (family == BRIDGE_IPV4) {
		payload = header + (header[0] & 0xf) * 4;
		bool start = payload < end && (ip_load16(header + 6) & FRAGMENT_OFFSET) == 0;
		*type = start ? payload[0] : 0;
		if (header[9] == PROTOCOL_IGMP)
			return is_igmp_type(*type) ? (int)PUNT_igmp : MULTICAST_UNKNOWN_IGMP;
		return start && header[9] == PROTOCOL_PIM ? (int)PUNT_pim : MULTICAST_DATA;
	}
	if (protocol == PROTOCOL_HOP_BY_HOP && end - payload >= 8) {
		protocol = payload[0];
		payload += (payload[1] + 1) * 8;
	}
	if (payload >= end)
		return MULTICAST_DATA;
	*type = payload[0];
	if (protocol == IPV6_ICMP && is_mld_type(*type))
		return PUNT_mld;
	return protocol == PROTOCOL_PIM ? (int)PUNT_pim : MULTICAST_DATA;
}

/* ---------------------------------------------------------------- lookup */

const struct port_set *multicast_source_members(const struct tables *tables,
						const struct group_entry *any,
						const uint8_t source[16], uint32_t *counter)
{
	struct group_source_key key = { .any = any->key };

	if (any->flags & GROUP_SOURCES) {
		memcpy(key.source, source, sizeof(key.source));
		const struct group_source_entry *entry =
			hash_lookup(tables, HASH_GROUP_SOURCE, &key, sizeof(key));
		if (entry != NULL) {
			*counter = entry->counter;
			return &entry->ports;
		}
	}
	*counter = any->counter;
	return any->flags & GROUP_ABSENT ? NULL : &any->ports;
}

bool multicast_members(const struct tables *tables, uint32_t bridge, unsigned int vlan,
		       const uint8_t group[16], const uint8_t source[16], struct port_set *ports,
		       uint32_t *counter)
{
	struct group_key key = { .bridge = bridge, .vlan = (uint16_t)vlan };

	memcpy(key.group, group, sizeof(key.group));
	const struct group_entry *any = hash_lookup(tables, HASH_GROUP, &key, sizeof(key));
	if (any == NULL)
		return false;
	const struct port_set *members = multicast_source_members(tables, any, source, counter);
	if (members == NULL)
		return false;
	*ports = *members;
	return true;
}

static void flood(const struct bridging *bridging, const struct group_packet *packet,
		  struct port_set *ports)
{
	const struct port_set *routers = &bridging->domain->routers[packet->family];

	*ports = bridging->domain->member;
	/* our own interface gets what hosts get, and what it routes */
	if (!packet->link_local && !port_set_has(routers, SLOT_OWN))
		port_set_remove(ports, SLOT_OWN);
}

bool multicast_ports(const struct bridging *bridging, struct port_set *ports, uint32_t *counter)
{
	const struct bridge_domain *domain = bridging->domain;
	struct group_packet packet;

	if (!parse(bridging, &packet)) {
		*ports = domain->member;
		return true;
	}
	uint32_t rule = domain->flags >> (DOMAIN_FAMILY_BITS * packet.family);
	if (!(domain->flags & DOMAIN_SNOOPING)) {
		flood(bridging, &packet, ports);
		return true;
	}
	int reason = multicast_protocol(packet.family, packet.header, packet.end,
					&packet.type);
	if (reason >= 0 && bridging->port->slot != SLOT_OWN && bridging->port->slot != SLOT_LABEL) {
		punt(bridging->worker, bridging->mbuf, bridging->packet->interface,
		     (enum punt_reason)reason, packet.header);
		return false;
	}
	const struct port_set *routers = &domain->routers[packet.family];
	/* of nobody who could be asked; hosts who heard it would keep still */
	if (is_report(reason, packet.type)) {
		*ports = *routers;
		return true;
	}
	if (packet.all || reason == MULTICAST_UNKNOWN_IGMP || !(rule & DOMAIN_ENFORCED)) {
		flood(bridging, &packet, ports);
		return true;
	}
	if (!multicast_members(bridging->worker->tables, bridging->port->bridge, domain->vlan,
			       packet.group, packet.source, ports, counter)) {
		unsigned int unregistered = rule >> DOMAIN_UNREGISTERED_SHIFT & 3;
		if (unregistered == UNREGISTERED_FLOOD || packet.link_local) {
			flood(bridging, &packet, ports);
			return true;
		}
		if (unregistered == UNREGISTERED_DROP) {
			drop(bridging->worker, bridging->mbuf, bridging->packet->interface,
			     DROP_bridge_unregistered);
			return false;
		}
		*ports = (struct port_set){ 0 };
	}
	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		ports->word[i] |= routers->word[i];
	/* no report of ours says that we have it too: a solicitation for our own address, say */
	if (packet.link_local)
		port_set_add(ports, SLOT_OWN);
	return true;
}
