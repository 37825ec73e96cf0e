/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel.c: packets out of their tunnels.
 *
 * Those that some tunnel may have been made for are picked out of the IP packets, their keys looked up
 * step by step for the whole vector so that memory is asked for ahead, and then each is taken out of its
 * tunnel. An IP packet takes its place in worker->ip again, so that the ip stage meets all of them in the
 * order in which they came; if it may be another tunnel's, it goes round here first.
 */
#include <rte_ether.h>
#include "dataplane/stage/hand_over.h"
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_arrival.h"
#include "dataplane/stage/tunnel_check.h"

/* ---------------------------------------------------------------- the mouth */

static uint64_t protocols_of(uint64_t forms)
{
	uint64_t protocols = 0;

	forms |= forms >> TUNNEL_FORM_ANY;
	if (forms & (1u << TUNNEL_FORM_GRE | 1u << TUNNEL_FORM_GRE_KEY | 1u << TUNNEL_FORM_GRETAP |
		     1u << TUNNEL_FORM_GRETAP_KEY))
		protocols |= 1ull << PROTOCOL_GRE;
	if (forms & 1u << TUNNEL_FORM_IPIP)
		protocols |= 1ull << PROTOCOL_IPIP | 1ull << PROTOCOL_IPV6;
	if (forms & 1u << TUNNEL_FORM_VXLAN)
		protocols |= 1ull << PROTOCOL_UDP;
	return protocols;
}

static struct mouth mouth_open(struct worker *worker, uint64_t forms)
{
	const struct tables *tables = worker->tables;
	struct mouth mouth = {
		.worker = worker,
		.forms = forms,
		.local = word_load(&tables->filter_local),
		.ready = word_load(&worker->shared->control.interfaces_ready),
		.protocols = { protocols_of(forms & 0xffff),
			       protocols_of(forms >> TUNNEL_FORM_IPV6) },
	};

	mouth.root[0] = tables_object(tables, word_load(&tables->hash_root[HASH_TUNNEL_IPV4]));
	mouth.root[1] = tables_object(tables, word_load(&tables->hash_root[HASH_TUNNEL_IPV6]));
	if (mouth.protocols[1] != 0)
		mouth.protocols[1] |= 1ull << PROTOCOL_DESTINATION_OPTIONS;
	return mouth;
}

/* ---------------------------------------------------------------- into the tunnel */

/* The outer packet ends where it came in. */
static inline void count_outer(struct mouth *mouth, uint32_t interface)
{
	if (unlikely(interface != mouth->ingress)) {
		counter_add(&mouth->worker->interface[mouth->ingress].decapsulated,
			    mouth->decapsulated);
		mouth->ingress = interface;
		mouth->decapsulated = 0;
	}
	mouth->decapsulated++;
}

/* What costs more than a look at the header: GOES_ON or the reason against this packet. */
static __rte_noinline int check_more(const struct mouth *mouth, const struct arrival *arrival)
{
	const struct packet *packet = arrival->packet;
	struct interface_counters *row = &mouth->worker->interface[arrival->value->interface];
	bool vxlan = arrival->form == TUNNEL_FORM_VXLAN;
	const uint8_t *at = packet->l3 + arrival->inner -
			    (vxlan ? UDP_HEADER + VXLAN_HEADER : gre_length(arrival->flags));
	uint32_t length = arrival->length - (uint32_t)(at - packet->l3);

	if ((arrival->flags & GRE_CHECKSUM) && packet_sum(packet->mbuf, at, length) != 0xffff)
		return DROP_tunnel_checksum;
	if (vxlan && ip_load16(at + 6) != 0) {
		uint32_t sum =
			packet_sum(packet->mbuf, at, length) +
			pseudo_header_sum(packet->l3, !arrival->ipv6, PROTOCOL_UDP, length);
		sum = (sum & 0xffff) + (sum >> 16);
		if ((sum & 0xffff) + (sum >> 16) != 0xffff)
			return DROP_tunnel_checksum;
	}
	if (!(arrival->value->flags & TUNNEL_SEQUENCE_RECEIVE))
		return GOES_ON;
	if (!(arrival->flags & GRE_SEQUENCE))
		return DROP_tunnel_sequence_missing;
	return sequence_check(row, arrival->value->flags,
			      ip_load32(packet->l3 + arrival->inner - 4), mouth->now);
}

static inline bool needs_more(const struct arrival *arrival)
{
	return ((arrival->flags & GRE_CHECKSUM) |
		(arrival->value->flags & TUNNEL_SEQUENCE_RECEIVE)) != 0 ||
	       arrival->form == TUNNEL_FORM_VXLAN;
}

/* The remote's keepalive: from our own address, to be sent back to it. */
static __rte_noinline bool is_keepalive(const struct arrival *arrival, const uint8_t *inner)
{
	const uint8_t *end = arrival_end(arrival);

	if (arrival->packet->payload != PAYLOAD_IPV4 ||
	    memcmp(inner + 12, arrival->value->local, 8) != 0)
		return false;
	const uint8_t *gre = inner + (inner[0] & 0xf) * 4;
	return end - gre >= GRE_MINIMUM && ip_load16(gre + 2) == GRE_KEEPALIVE;
}
static_assert(offsetof(struct tunnel_value, remote) == offsetof(struct tunnel_value, local) + 4,
	      "together as in an IPv4 header");

/* The tunnel's own wishes for an IP packet. Returns whether it may go on. */
static inline bool receive_ip(struct mouth *mouth, const struct arrival *arrival, uint8_t *inner,
			      bool ipv4, uint64_t features)
{
	struct packet *packet = arrival->packet;
	uint32_t interface = arrival->value->interface;
	const uint8_t *end = arrival_end(arrival);

	if (unlikely(end - inner < (ipv4 ? IPV4_HEADER : IPV6_HEADER))) {
		drop(mouth->worker, packet->mbuf, interface, DROP_ip_invalid);
		return false;
	}
	if (ipv4 && unlikely(inner[9] == PROTOCOL_GRE) && is_keepalive(arrival, inner)) {
		punt(mouth->worker, packet->mbuf, interface, PUNT_gre_keepalive, inner);
		return false;
	}
	if (unlikely((arrival->traffic_class & 1) != 0)) { /* ECT(1) or CE */
		unsigned int ecn = traffic_class_of(inner, ipv4) & 3;
		int becomes = ecn_decapsulate(arrival->traffic_class & 3, ecn);
		if (becomes < 0) {
			drop(mouth->worker, packet->mbuf, interface, DROP_tunnel_ecn);
			return false;
		}
		if ((unsigned int)becomes != ecn)
			ecn_store(inner, ipv4, (unsigned int)becomes);
	}
	uint16_t mss = (uint16_t)(features >> INTERFACE_MSS_SHIFT);
	if (unlikely(mss != 0))
		mss_clamp(inner, end, ipv4, mss);
	return true;
}

/* A labelled packet, to the mpls stage. */
static void receive_mpls(struct mouth *mouth, const struct arrival *arrival, uint64_t flags)
{
	struct packet *packet = arrival->packet;
	unsigned int space = (unsigned int)(flags >> INTERFACE_SPACE_SHIFT) & 0xff;
	uint32_t interface = packet->interface;
	enum drop_reason reason;

	if (arrival->protocol == GRE_TYPE_MPLS_UPSTREAM)
		space = (unsigned int)(flags >> INTERFACE_UPSTREAM_SHIFT) & 0xff;
	if (!(flags & INTERFACE_MPLS))
		reason = DROP_mpls_disabled;
	else if (arrival->protocol == GRE_TYPE_MPLS_UPSTREAM && space == 0)
		reason = DROP_mpls_upstream_label;
	else if (packet_end(packet) - packet->l3 < 4)
		reason = DROP_mpls_truncated;
	else {
		if ((word_load(&mouth->worker->tables->interface[interface].features) &
		     INTERFACE_FILTER_IN) &&
		    !filter_ethertype(mouth->worker, packet->mbuf, interface,
				      arrival->protocol))
			return;
		packet->payload = PAYLOAD_MPLS;
		packet->space = (uint8_t)space;
		vector_add(&mouth->worker->mpls, packet);
		return;
	}
	drop(mouth->worker, packet->mbuf, interface, reason);
}

/* Everything but IP. */
static __rte_noinline void receive_other(struct mouth *mouth, const struct arrival *arrival,
					 uint64_t flags)
{
	struct packet *packet = arrival->packet;
	bool gre = arrival->form == TUNNEL_FORM_GRE || arrival->form == TUNNEL_FORM_GRE_KEY;

	if (arrival->protocol == GRE_TYPE_ETHERNET)
		receive_ethernet(mouth->worker, packet);
	else if (gre &&
		 (arrival->protocol == GRE_TYPE_MPLS || arrival->protocol == GRE_TYPE_MPLS_UPSTREAM))
		receive_mpls(mouth, arrival, flags);
	else
		drop(mouth->worker, packet->mbuf, packet->interface, DROP_tunnel_payload);
}

/* All of these by one store: the next stage reads them in one piece. */
static inline void set_context(struct packet *packet, uint32_t interface, uint8_t vrf,
			       uint8_t payload, uint8_t flags)
{
	if (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN)
		packet->context = interface | (uint64_t)vrf << 32 | (uint64_t)payload << 48 |
				  (uint64_t)flags << 56;
	else
		packet->context = (uint64_t)interface << 32 | (uint64_t)vrf << 24 |
				  (uint64_t)payload << 8 | flags;
}
static_assert(offsetof(struct packet, vrf) == offsetof(struct packet, context) + 4 &&
		      offsetof(struct packet, payload) == offsetof(struct packet, context) + 6 &&
		      offsetof(struct packet, flags) == offsetof(struct packet, context) + 7,
	      "as set_context has them");

/* Out of the headers. True: it is an IP packet in worker->ip. */
static inline bool receive(struct mouth *mouth, struct arrival *arrival)
{
	struct worker *worker = mouth->worker;
	struct packet *packet = arrival->packet;
	uint32_t interface = arrival->value->interface;
	const struct interface *row = &worker->tables->interface[interface];
	struct interface_counters *counters = &worker->interface[interface];
	int reason = GOES_ON;

	if (unlikely(interface >= mouth->ready)) {
		drop(worker, packet->mbuf, packet->interface, DROP_interface_down);
		return false;
	}
	if (unlikely(arrival->value->flags & TUNNEL_SEQUENCE_RECEIVE) &&
	    hand_over_wanted(worker, interface)) {
		hand_over(worker, packet, interface);
		return false;
	}
	if (unlikely(mouth->local != 0) && !filter_local(worker, packet))
		return false;
	count_outer(mouth, packet->interface);
	uint64_t flags = word_load(&row->flags);
	counter_add(&counters->rx_packets, 1);
	counter_add(&counters->rx_bytes, arrival->length - arrival->inner);
	if (unlikely((flags & (INTERFACE_VALID | INTERFACE_UP)) !=
		     (INTERFACE_VALID | INTERFACE_UP)))
		reason = DROP_tunnel_down;
	else if (unlikely(packet->flags >= TUNNEL_LAYERS_MAX * PACKET_LAYER))
		reason = DROP_too_many_layers;
	else if (unlikely(needs_more(arrival)))
		reason = check_more(mouth, arrival);
	if (unlikely(reason != GOES_ON)) {
		drop(worker, packet->mbuf, interface, (enum drop_reason)reason);
		return false;
	}
	atomic_store_explicit(&counters->last_seen, mouth->now, memory_order_relaxed);
	if (unlikely(arrival->protocol == GRE_KEEPALIVE)) {
		punt(worker, packet->mbuf, interface, PUNT_gre_keepalive, packet->l3);
		return false;
	}
	/* bytes behind the outer packet's end are Ethernet's padding */
	packet_shorten(packet->mbuf, packet_length(packet) - arrival->length);
	bool ipv4 = arrival->protocol == GRE_TYPE_IPV4;
	uint8_t *inner = packet->l3 + arrival->inner;
	bool ip = ipv4 || arrival->protocol == GRE_TYPE_IPV6;
	uint64_t features = word_load(&row->features);
	if (likely(ip) && !receive_ip(mouth, arrival, inner, ipv4, features))
		return false;
	packet->l3 = inner;
	uint8_t layers = (uint8_t)((packet->flags & PACKET_LAYERS) + PACKET_LAYER);
	set_context(packet, interface, (uint8_t)(flags >> INTERFACE_VRF_SHIFT),
		    ipv4 ? PAYLOAD_IPV4 : PAYLOAD_IPV6,
		    layers | PACKET_LABELLED | rpf_flag(features));
	if (unlikely(!ip)) {
		receive_other(mouth, arrival, flags);
		return false;
	}
	return likely(!(features & INTERFACE_FILTER_IN)) || filter_in(worker, packet);
}

/* ---------------------------------------------------------------- the stage */

/* Look at the packets of `count` places; those that are IP packets out of tunnels may be others': their
 * places are left in `places`, their number is returned. */
static unsigned int tunnel_layer(struct mouth *mouth, uint32_t *places, unsigned int count)
{
	struct arrival arrivals[VECTOR_SIZE];
	struct packet **packets = mouth->worker->ip.packet;
	unsigned int found = 0, left = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct arrival *arrival = &arrivals[found];
		if (!arrives(mouth, packets[places[i]], arrival))
			continue;
		arrival->place = (uint8_t)places[i];
		look_up_begin(mouth, arrival, found == 0 ? NULL : arrival - 1);
		found++;
	}
	if (found == 0)
		return 0;
	if (mouth->now == 0)
		mouth->now = coarse_time();
	look_up(mouth, arrivals, found);
	for (unsigned int i = 0; i < found; i++) {
		if (arrivals[i].value == NULL)
			continue;
		if (unlikely(!receive(mouth, &arrivals[i]))) {
			packets[arrivals[i].place] = NULL;
			mouth->gaps = true;
		} else if (unlikely(may_arrive(mouth, arrivals[i].packet))) {
			places[left++] = arrivals[i].place;
		}
	}
	return left;
}

/* What went elsewhere leaves no gaps. */
static void close_gaps(struct vector *vector)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < vector->count; i++)
		if (vector->packet[i] != NULL)
			vector->packet[count++] = vector->packet[i];
	vector->count = count;
}

static __rte_noinline void tunnel_all(struct worker *worker, uint64_t forms)
{
	struct mouth mouth = mouth_open(worker, forms);
	uint32_t places[VECTOR_SIZE];
	unsigned int count = worker->ip.count;

	mouth.ingress = worker->ip.packet[0]->interface;
	for (unsigned int i = 0; i < count; i++)
		places[i] = i;
	while (count > 0) /* ends: receive() counts the layers of each */
		count = tunnel_layer(&mouth, places, count);
	counter_add(&worker->interface[mouth.ingress].decapsulated, mouth.decapsulated);
	if (mouth.gaps)
		close_gaps(&worker->ip);
}

void tunnel(struct worker *worker)
{
	uint64_t forms = word_load(&worker->tables->control.tunnel_forms);

	if (forms != 0 && worker->ip.count != 0)
		tunnel_all(worker, forms);
}
