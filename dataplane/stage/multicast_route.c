/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.c: multicast that comes in by a routed interface, a tunnel or a label, to the bridges on
 * which hosts have asked for it (RFC 1812 5.2.1, 5.3.8; RFC 4605 4.3 forwards by membership alike).
 *
 * Of each bridge, in this order: does anybody there want this source? Did it come in where its source is
 * routed to (or out of a label, whose path was set up for it)? Is its TTL enough, and its length not too
 * much? Each bridge that is left gets a packet with a header of its own before the payload that all share;
 * which of its ports get it, and with which tags, is then the bridge's matter.
 */
#include <rte_ether.h>
#include "dataplane/stage/branch.h"
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/ip_validate.h"
#include "dataplane/stage/rpf.h"

/* What becomes of a branch; the packet is dropped for the last of these that any of its branches met. */
enum verdict { NOBODY, INCOMING, TTL, TOO_LONG, GOES };

static const enum drop_reason reasons[] = {
	[NOBODY] = DROP_multicast_no_route,
	[INCOMING] = DROP_multicast_incoming,
	[TTL] = DROP_multicast_ttl,
	[TOO_LONG] = DROP_mtu_exceeded,
};

/* A packet that is being routed. */
struct routed {
	struct worker *worker;
	struct packet *packet;
	struct multicast_key key;
	uint8_t source[16];
	unsigned int ttl; /* after this node's decrement; 0: it ends here */
	bool incoming;    /* it came in where it should */
};

/* ---------------------------------------------------------------- the packet */

/* Out of a label whose path was set up to lead here, not out of a tunnel, which is an interface. */
static bool came_by_label(const struct worker *worker, const struct packet *packet)
{
	uint64_t flags = word_load(&worker->tables->interface[packet->interface].flags);

	return (packet->flags & PACKET_LABELLED) &&
	       (flags >> INTERFACE_KIND_SHIFT & 0xf) != INTERFACE_TUNNEL;
}

static void read_addresses(struct routed *routed)
{
	const uint8_t *header = routed->packet->l3;

	if (routed->packet->payload == PAYLOAD_IPV4) {
		multicast_map_ipv4(routed->key.group, header + 16);
		multicast_map_ipv4(routed->source, header + 12);
	} else {
		memcpy(routed->key.group, header + 24, sizeof(routed->key.group));
		memcpy(routed->source, header + 8, sizeof(routed->source));
	}
	routed->key.vrf = routed->packet->vrf;
}

/* What is the same for all branches. */
static void judge(struct routed *routed)
{
	const struct packet *packet = routed->packet;
	unsigned int ttl = packet->l3[packet->payload == PAYLOAD_IPV4 ? 8 : 7];

	routed->ttl = packet->flags & PACKET_TTL_DONE || ttl == 0 ? ttl : ttl - 1;
	routed->incoming =
		came_by_label(routed->worker, packet) || rpf_holds(routed->worker, packet);
}

/* ---------------------------------------------------------------- its branches */

static enum verdict branch_verdict(const struct routed *routed, uint32_t interface,
				   unsigned int threshold, unsigned int flags)
{
	const struct tables *tables = routed->worker->tables;
	const struct packet *packet = routed->packet;
	const struct bridge_port *own = bridge_port_of(tables, interface);
	const struct bridge_members *members =
		own != NULL ? bridge_members(tables, own->bridge) : NULL;
	struct port_set ports;
	uint32_t counter; /* the bridge counts what it sends */
	uint64_t any = 0;

	if (members == NULL ||
	    (interface == packet->interface && !(packet->flags & PACKET_LABELLED)))
		return NOBODY;
	if (!multicast_members(tables, own->bridge, own->native, routed->key.group, routed->source,
			       &ports, &counter))
		return NOBODY;
	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		any |= ports.word[i];
	if (any == 0)
		return NOBODY;
	if (!routed->incoming && !(flags & MULTICAST_NO_RPF))
		return INCOMING;
	if (routed->ttl == 0 || routed->ttl < threshold)
		return TTL;
	if (packet_length(packet) > member_mtu(members->member[SLOT_OWN])) {
		counter_add(&routed->worker->interface[interface].copies_failed, 1);
		return TOO_LONG;
	}
	return GOES;
}

/* The group's address on Ethernet: RFC 1112 6.4, RFC 2464 7. */
static void group_mac(const struct packet *packet, uint8_t mac[6])
{
	if (packet->payload == PAYLOAD_IPV4) {
		const uint8_t ipv4[6] = { 0x01,           0x00,
					  0x5e,           packet->l3[17] & 0x7f,
					  packet->l3[18], packet->l3[19] };
		memcpy(mac, ipv4, sizeof(ipv4));
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, packet->l3 + 36, 4);
	}
}

/* The packet, whose header nobody else has a reference to, ends in the bridge. */
static void send(struct worker *worker, struct packet *packet, uint32_t interface)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	const uint16_t type = packet->payload == PAYLOAD_IPV4 ? RTE_BE16(RTE_ETHER_TYPE_IPV4)
							      : RTE_BE16(RTE_ETHER_TYPE_IPV6);
	uint64_t mac = word_load(&worker->tables->interface[interface].mac);

	if (word_load(&worker->tables->filter_outs) != 0 && !filter_out(worker, packet, interface))
		return;
	rte_pktmbuf_adj(mbuf, (uint16_t)(packet->l3 - rte_pktmbuf_mtod(mbuf, uint8_t *)));
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, RTE_ETHER_HDR_LEN);
	if (frame == NULL) {
		drop(worker, mbuf, packet->interface, DROP_no_headroom);
		return;
	}
	group_mac(packet, frame);
	memcpy(frame + 6, &mac, 6);
	memcpy(frame + 12, &type, sizeof(type));
	bridge_send(worker, packet, interface);
}

/* To all of these; the last one gets the packet itself. */
static void send_all(struct routed *routed, const uint32_t *interfaces, unsigned int count)
{
	struct worker *worker = routed->worker;
	struct packet *packet = routed->packet;

	packet_decrement_ttl(packet); /* is enough for each of them */
	packet->flags &= PACKET_LAYERS;
	for (unsigned int i = 0; i + 1 < count; i++) {
		struct packet *copy = branch_copy(worker, packet, packet->l3);
		if (copy == NULL) {
			counter_add(&worker->interface[interfaces[i]].copies_failed, 1);
			continue;
		}
		counter_add(&worker->interface[packet->interface].copies, 1);
		send(worker, copy, interfaces[i]);
	}
	send(worker, packet, interfaces[count - 1]);
}

void multicast_route(struct worker *worker, struct packet *packet)
{
	struct routed routed = { .worker = worker, .packet = packet };
	uint32_t interfaces[MULTICAST_BRANCHES];
	enum verdict best = NOBODY;
	unsigned int count = 0;

	read_addresses(&routed);
	const struct multicast_route *route =
		hash_lookup(worker->tables, HASH_MULTICAST_ROUTE, &routed.key, sizeof(routed.key));
	if (route == NULL) {
		drop(worker, packet->mbuf, packet->interface, DROP_ip_multicast);
		return;
	}
	/* what comes from a link-local address stays on its link, from an unspecified one is nobody's: RFC
	 * 4291 2.5.2, 2.5.6 */
	if (packet->payload == PAYLOAD_IPV6 &&
	    (ipv6_is_link_local(packet->l3 + 8) || ipv6_is_reserved(packet->l3 + 8))) {
		drop(worker, packet->mbuf, packet->interface, DROP_multicast_incoming);
		return;
	}
	judge(&routed);
	for (uint32_t i = 0; i < route->count && i < MULTICAST_BRANCHES; i++) {
		enum verdict verdict =
			branch_verdict(&routed, route->branch[i].interface,
				       route->branch[i].threshold, route->branch[i].flags);
		if (verdict > best)
			best = verdict;
		if (verdict == GOES)
			interfaces[count++] = route->branch[i].interface;
	}
	if (count == 0)
		drop(worker, packet->mbuf, packet->interface, reasons[best]);
	else
		send_all(&routed, interfaces, count);
}
