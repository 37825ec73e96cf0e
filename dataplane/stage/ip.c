/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip.c: IP forwarding (RFC 1812, RFC 8200), for packets that came in plain or out of labels.
 *
 * First pass: is the header one to forward by? Then the whole vector goes through the route tables step
 * by step together (lpm.h), and the last pass does what the routes say. What nearly all packets are goes
 * through the passes without a call; the rest through functions that look at everything.
 */
#include <rte_ether.h>
#include "dataplane/shm/lpm.h"
#include "dataplane/stage/flow_hash.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/ip_validate.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/stage.h"

enum {
	ND_ROUTER_SOLICITATION = 133,
	ND_REDIRECT = 137,
};

/* Neighbour discovery from the link itself (RFC 4861: hop limit 255). Out of a label in the pipe model
 * the hop limit says nothing about that. */
static bool is_neighbour_discovery(const struct packet *packet)
{
	const uint8_t *header = packet->l3;

	return !(packet->flags & PACKET_LABELLED) && header[6] == IPV6_ICMP && header[7] == 255 &&
	       packet_end(packet) - header > IPV6_HEADER &&
	       header[IPV6_HEADER] >= ND_ROUTER_SOLICITATION && header[IPV6_HEADER] <= ND_REDIRECT;
}

/* ---------------------------------------------------------------- destinations */

/* Destinations that no route decides about. True: the packet ended here. */
static bool end_by_destination(struct worker *worker, struct packet *packet)
{
	const uint8_t *header = packet->l3;
	bool link_local, multicast, martian;

	if (packet->payload == PAYLOAD_IPV4) {
		uint32_t address = ip_load32(header + 16);
		link_local = address >> 8 == 0xe00000 || address == UINT32_MAX;
		multicast = address >> 28 == 0xe;
		martian = ipv4_destination_is_martian(address);
	} else {
		if (is_neighbour_discovery(packet)) {
			if (host_mirrored(worker, packet->interface))
				host_copy(worker, packet->mbuf, packet->interface, header,
					  HOST_LINK);
			punt(worker, packet->mbuf, packet->interface, PUNT_nd, header);
			return true;
		}
		link_local = (header[24] == 0xff && (header[25] & 0xf) <= 2) ||
			     ipv6_is_link_local(header + 24);
		multicast = header[24] == 0xff;
		martian = ipv6_is_reserved(header + 24) || ipv6_is_reserved(header + 8);
	}
	/* a link-layer multicast is not forwarded as unicast (RFC 1812 5.3.4) */
	if (!multicast && !(packet->flags & PACKET_LABELLED) &&
	    (rte_pktmbuf_mtod(packet->mbuf, const uint8_t *)[0] & 1))
		martian = true;
	if (likely(!link_local && !multicast && !martian))
		return false;
	if (multicast && membership(worker, packet))
		return true;
	if (link_local) /* the control plane knows whether it is for one of ours */
		host_local(worker, packet);
	else if (multicast)
		multicast_route(worker, packet);
	else
		drop(worker, packet->mbuf, packet->interface, DROP_ip_martian);
	return true;
}

/* ---------------------------------------------------------------- what the route says */

/* What labels that the nexthop pushes have besides their value: the class selector of the packet's
 * DSCP as traffic class (RFC 3270 2.6.2.1), its TTL (RFC 3443 3.1), and the bottom of the stack. */
static inline uint32_t push_bits(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	uint32_t traffic_class =
		packet->payload == PAYLOAD_IPV4 ? header[1] >> 5u : (header[0] >> 1u) & 7;
	uint32_t ttl = packet->payload == PAYLOAD_IPV4 ? header[8] : header[7];

	return traffic_class << 9 | LSE_BOTTOM | ttl;
}

/* Towards a nexthop. Options ask for a look at every hop: the control plane's (RFC 1812 5.2.6). What
 * comes from a link-local address stays on its link (RFC 4291 2.5.6). */
static void forward(struct worker *worker, struct packet *packet, uint32_t leaf)
{
	uint32_t index = route_index(leaf);
	bool ipv4 = packet->payload == PAYLOAD_IPV4;

	if (unlikely(ipv4 ? (packet->l3[0] & 0xf) != 5 : ipv6_is_link_local(packet->l3 + 8))) {
		punt(worker, packet->mbuf, packet->interface,
		     ipv4 ? PUNT_ip_options : PUNT_ip_unreachable, packet->l3);
		return;
	}
	if (route_kind(leaf) == ROUTE_GROUP)
		index = group_choose(worker, index,
				     flow_hash_ip(packet->l3, packet_end(packet),
						  worker->tables->control.flow_seed));
	if (unlikely(!packet_decrement_ttl(packet))) {
		punt(worker, packet->mbuf, packet->interface, PUNT_ip_ttl_exceeded, packet->l3);
		return;
	}
	packet->nexthop = index;
	packet->push = push_bits(packet);
	packet->flags &= PACKET_LAYERS;
	vector_add(&worker->output, packet);
}

static bool is_fragment(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? (ip_load16(packet->l3 + 6) & 0x3fff) != 0
					       : packet->l3[6] == IPV6_FRAGMENT;
}

/* For ourselves. A packet that is whole only now may be a tunnel's: it goes round once more. */
static void end_locally(struct worker *worker, struct packet *packet)
{
	bool fragment = is_fragment(packet);

	packet = reassemble(worker, packet);
	if (packet == NULL)
		return;
	if (fragment && !is_fragment(packet) &&
	    word_load(&worker->tables->control.tunnel_forms) != 0)
		vector_add(&worker->ip, packet);
	else if (!tunnel_refuse(worker, packet))
		host_local(worker, packet);
}

static void end_by_route(struct worker *worker, struct packet *packet, uint32_t leaf)
{
	switch (route_kind(leaf)) {
	case ROUTE_LOCAL: /* not TTL-checked: it has arrived */
		end_locally(worker, packet);
		return;
	case ROUTE_GLEAN:
		punt(worker, packet->mbuf, packet->interface, PUNT_neighbour_unknown, packet->l3);
		return;
	case ROUTE_BLACKHOLE:
		drop(worker, packet->mbuf, packet->interface, DROP_blackhole);
		return;
	case ROUTE_UNREACHABLE:
		punt(worker, packet->mbuf, packet->interface, PUNT_ip_unreachable, packet->l3);
		return;
	default:
		punt_or_drop(worker, packet->mbuf, packet->interface, PUNT_ip_no_route, packet->l3,
			     DROP_ip_no_route);
	}
}

/* Whatever the route says. */
static __rte_noinline void follow(struct worker *worker, struct packet *packet, uint32_t leaf)
{
	if (route_kind(leaf) == ROUTE_NEXTHOP || route_kind(leaf) == ROUTE_GROUP)
		forward(worker, packet, leaf);
	else
		end_by_route(worker, packet, leaf);
}

/* What forward() does with a packet to one nexthop that has no options and may go on. False: this is
 * another one, and nothing is done. */
static inline bool forward_plain(struct packet *packet, uint32_t leaf)
{
	const uint8_t *header = packet->l3;
	bool ipv4 = packet->payload == PAYLOAD_IPV4;

	if (unlikely(route_kind(leaf) != ROUTE_NEXTHOP))
		return false;
	if (ipv4 ? header[0] != 0x45 : ipv6_is_link_local(header + 8))
		return false;
	if (!packet_decrement_ttl(packet))
		return false;
	packet->nexthop = route_index(leaf);
	packet->push = push_bits(packet);
	packet->flags &= PACKET_LAYERS;
	return true;
}

/* ---------------------------------------------------------------- the stage */

/* A header that is out of the ordinary. False: the packet ended here. */
static __rte_noinline bool admit(struct worker *worker, struct packet *packet)
{
	int reason = ip_validate(packet);

	if (reason == GOES_ON)
		return !end_by_destination(worker, packet);
	if (reason != DROP_ip_martian ||
	    (!membership_unconfigured(worker, packet) && !host_unconfigured(worker, packet)))
		drop(worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
	return false;
}

static inline uint32_t root_of(const struct worker *worker, const struct packet *packet)
{
	unsigned int family = packet->payload == PAYLOAD_IPV4 ? ROUTE_IPV4 : ROUTE_IPV6;

	return atomic_load_explicit(&worker->tables->route_root[packet->vrf % VRF_MAX][family],
				    memory_order_acquire);
}

static inline const uint8_t *destination_of(const struct packet *packet)
{
	return packet->l3 + (packet->payload == PAYLOAD_IPV4 ? 16 : 24);
}

/* Their leaves, each from the table of its own VRF and family. */
static __rte_noinline void look_up_mixed(const struct worker *worker, struct packet *const *packets,
					 const uint8_t *const *destinations, uint32_t *leaves,
					 unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		leaves[i] = root_of(worker, packets[i]);
	lpm_lookup_burst(worker->tables, leaves, destinations, count);
}

/* The last pass. The vector's count is kept in a register between packets that are no plain ones. */
static inline void follow_all(struct worker *worker, struct packet *const *packets,
			      const uint32_t *leaves, unsigned int count)
{
	unsigned int forwarded = worker->output.count;

	for (unsigned int i = 0; i < count; i++) {
		if (likely(forward_plain(packets[i], leaves[i]))) {
			worker->output.packet[forwarded++] = packets[i];
			continue;
		}
		worker->output.count = forwarded;
		follow(worker, packets[i], leaves[i]);
		forwarded = worker->output.count;
	}
	worker->output.count = forwarded;
}

void ip(struct worker *worker)
{
	struct packet *packets[VECTOR_SIZE];
	const uint8_t *destinations[VECTOR_SIZE];
	uint32_t leaves[VECTOR_SIZE];
	unsigned int arrived = worker->ip.count, count = 0;
	uint8_t flags = 0; /* of any packet */
	bool mixed = false;

	static_assert(VECTOR_SIZE <= LPM_BURST, "a vector is one burst");
	if (arrived == 0)
		return;
	struct packet *first = worker->ip.packet[0];
	uint8_t vrf = first->vrf, payload = first->payload;
	for (unsigned int i = 0; i < arrived; i++) {
		struct packet *packet = worker->ip.packet[i];

		if (unlikely(!ip_is_ordinary(packet)) && !admit(worker, packet))
			continue;
		mixed |= packet->vrf != vrf || packet->payload != payload;
		flags |= packet->flags;
		packets[count] = packet;
		destinations[count++] = destination_of(packet);
	}
	worker->ip.count = 0;
	if (unlikely(flags & PACKET_RPF)) {
		count = rpf(worker, packets, count);
		for (unsigned int i = 0; i < count; i++)
			destinations[i] = destination_of(packets[i]);
	}
	if (count == 0)
		return;
	if (unlikely(mixed))
		look_up_mixed(worker, packets, destinations, leaves, count);
	else
		lpm_lookup_table(worker->tables, root_of(worker, packets[0]), leaves, destinations,
				 count);
	follow_all(worker, packets, leaves, count);
}
