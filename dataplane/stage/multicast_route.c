/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.c: multicast that comes in by a routed interface, a tunnel or a label, to the bridges and
 * routed interfaces on which hosts have asked for it (RFC 1812 5.2.1, 5.3.8; RFC 4605 4.3 forwards by membership
 * alike).
 *
 * Of each of them, in this order: does anybody there want this source? Did it come in where its source is
 * routed to (or out of a label, whose path was set up for it)? Is its TTL enough, and its length not too
 * much? Each that is left gets a packet with a header of its own before the payload that all share; which
 * ports of a bridge get it, and with which tags, is then the bridge's matter.
 */
#include <rte_ether.h>
#include "dataplane/stage/branch.h"
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/ip_validate.h"
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/transmit.h"

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

/* Where it goes. */
struct outlet {
	uint32_t interface; /* a bridge's own, or a routed one */
	uint32_t counter;   /* of its entry of the group, whose packets a bridge counts itself */
};

/* Does anybody there want it? */
static bool is_wanted(const struct routed *routed, uint32_t groups, unsigned int vlan,
		      uint32_t *counter)
{
	struct port_set ports;
	uint64_t any = 0;

	if (!multicast_members(routed->worker->tables, groups, vlan, routed->key.group,
			       routed->source, &ports, counter))
		return false;
	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		any |= ports.word[i];
	return any != 0;
}

static enum verdict branch_verdict(const struct routed *routed, unsigned int threshold,
				   unsigned int flags, struct outlet *outlet)
{
	const struct tables *tables = routed->worker->tables;
	const struct packet *packet = routed->packet;
	uint32_t interface = outlet->interface;
	const struct bridge_port *own = bridge_port_of(tables, interface);
	uint64_t row = word_load(&tables->interface[interface].flags);
	unsigned int mtu = (unsigned int)(row >> INTERFACE_MTU_SHIFT) & 0xffff;

	if (interface == packet->interface && !(packet->flags & PACKET_LABELLED))
		return NOBODY;
	if (own != NULL) {
		const struct bridge_members *members = bridge_members(tables, own->bridge);
		if (members == NULL ||
		    !is_wanted(routed, own->bridge, own->native, &outlet->counter))
			return NOBODY;
		mtu = member_mtu(members->member[SLOT_OWN]);
	} else if (!(row & INTERFACE_UP) || !is_wanted(routed, groups_of_interface(interface),
						       VLAN_NONE, &outlet->counter)) {
		return NOBODY;
	}
	if (!routed->incoming && !(flags & MULTICAST_NO_RPF))
		return INCOMING;
	if (routed->ttl == 0 || routed->ttl < threshold)
		return TTL;
	if (packet_length(packet) > mtu) {
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

/* The header of a frame by the interface: IEEE 802.1Q, 802.1ad 9.6. Returns its length. */
static unsigned int ethernet_header(const struct packet *packet, const struct interface *row,
				    uint8_t header[RTE_ETHER_HDR_LEN + 2 * TAG_SIZE])
{
	uint64_t mac = word_load(&row->mac);
	uint8_t *at = header + 2 * RTE_ETHER_ADDR_LEN;

	group_mac(packet, header);
	memcpy(header + RTE_ETHER_ADDR_LEN, &mac, RTE_ETHER_ADDR_LEN);
	if (row->outer_tag != 0) {
		ip_store16(at, row->inner_tag != 0 ? RTE_ETHER_TYPE_QINQ : RTE_ETHER_TYPE_VLAN);
		ip_store16(at + 2, row->outer_tag);
		at += TAG_SIZE;
	}
	if (row->inner_tag != 0) {
		ip_store16(at, RTE_ETHER_TYPE_VLAN);
		ip_store16(at + 2, row->inner_tag);
		at += TAG_SIZE;
	}
	ip_store16(at, packet->payload == PAYLOAD_IPV4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	return (unsigned int)(at + 2 - header);
}

/* Out of a routed interface's port. */
static void send_by_port(struct worker *worker, const struct packet *packet,
			 const struct outlet *outlet)
{
	struct interface_counters *egress = &worker->interface[outlet->interface];
	uint64_t flags = word_load(&worker->tables->interface[outlet->interface].flags);
	unsigned int port = (unsigned int)(flags >> INTERFACE_PORT_SHIFT) & 0xff;
	uint32_t length = packet->mbuf->pkt_len;

	if (port >= PORT_MAX) {
		drop(worker, packet->mbuf, packet->interface, DROP_tx_port_gone);
		return;
	}
	multicast_count(worker, outlet->counter, 1, length);
	counter_add(&egress->tx_packets, 1);
	counter_add(&egress->tx_bytes, length);
	transmit(worker, port, packet->mbuf, packet->interface);
}

/* The packet, whose header nobody else has a reference to, ends in the bridge or at the port. */
static void send(struct worker *worker, struct packet *packet, const struct outlet *outlet)
{
	const struct interface *row = &worker->tables->interface[outlet->interface];
	struct rte_mbuf *mbuf = packet->mbuf;
	uint8_t header[RTE_ETHER_HDR_LEN + 2 * TAG_SIZE];

	if (word_load(&worker->tables->filter_outs) != 0 &&
	    !filter_out(worker, packet, outlet->interface))
		return;
	unsigned int length = ethernet_header(packet, row, header);
	rte_pktmbuf_adj(mbuf, (uint16_t)(packet->l3 - rte_pktmbuf_mtod(mbuf, uint8_t *)));
	uint8_t *frame = (uint8_t *)rte_pktmbuf_prepend(mbuf, (uint16_t)length);
	if (frame == NULL) {
		drop(worker, mbuf, packet->interface, DROP_no_headroom);
		return;
	}
	memcpy(frame, header, length);
	if (bridge_port_of(worker->tables, outlet->interface) != NULL)
		bridge_send(worker, packet, outlet->interface);
	else
		send_by_port(worker, packet, outlet);
}

/* To all of these; the last one gets the packet itself. */
static void send_all(struct routed *routed, const struct outlet *outlets, unsigned int count)
{
	struct worker *worker = routed->worker;
	struct packet *packet = routed->packet;

	packet_decrement_ttl(packet); /* is enough for each of them */
	packet->flags &= PACKET_LAYERS;
	for (unsigned int i = 0; i + 1 < count; i++) {
		struct packet *copy = branch_copy(worker, packet, packet->l3);
		if (copy == NULL) {
			counter_add(&worker->interface[outlets[i].interface].copies_failed, 1);
			continue;
		}
		counter_add(&worker->interface[packet->interface].copies, 1);
		send(worker, copy, &outlets[i]);
	}
	send(worker, packet, &outlets[count - 1]);
}

void multicast_route(struct worker *worker, struct packet *packet)
{
	struct routed routed = { .worker = worker, .packet = packet };
	struct outlet outlets[MULTICAST_BRANCHES];
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
		struct outlet *outlet = &outlets[count];
		outlet->interface = route->branch[i].interface;
		enum verdict verdict = branch_verdict(&routed, route->branch[i].threshold,
						      route->branch[i].flags, outlet);
		if (verdict > best)
			best = verdict;
		count += verdict == GOES;
	}
	if (count == 0)
		drop(worker, packet->mbuf, packet->interface, reasons[best]);
	else
		send_all(&routed, outlets, count);
}
