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
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_check.h"
#include "dataplane/stage/tunnel_header.h"

/* What one turn of the stage has for all packets. */
struct mouth {
	struct worker *worker;
	const struct hash_root *root[2]; /* by family: IPv4, IPv6 */
	uint64_t protocols[2];           /* bits of IP protocols that tunnels have, by family */
	uint64_t forms, ready;           /* tunnel_forms, interfaces_ready */
	uint64_t local;                  /* filter of what is for ourselves, or 0 */
	uint64_t now;                    /* nanoseconds; 0: not asked for yet */
	uint32_t ingress, decapsulated;  /* whose packets are being added up */
};

/* A packet on its way into its tunnel. */
struct arrival {
	struct packet *packet;
	const struct hash_bucket *bucket;
	const uint8_t *entry; /* that has the key, most likely */
	const struct tunnel_value *value;
	uint64_t hash;
	struct outer outer;
	uint32_t place; /* in worker->ip */
	bool again;     /* has the key of the arrival before */
	bool any;       /* the key is one with any remote end */
	union tunnel_key key;
};

/* ---------------------------------------------------------------- which packets */

static inline unsigned int family_of(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? 0 : 1;
}

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

/* Is it whole, valid, of a form that some tunnel has? Then `arrival` has its headers and key. */
static inline bool arrives(const struct mouth *mouth, struct packet *packet,
			   struct arrival *arrival)
{
	const uint8_t *header = packet->l3;
	unsigned int family = family_of(packet);
	ptrdiff_t least = family == 0 ? IPV4_HEADER : IPV6_HEADER;

	if (packet_end(packet) - header < least)
		return false;
	uint8_t protocol = family == 0 ? header[9] : header[6];
	if (protocol >= 64 || !(mouth->protocols[family] >> protocol & 1))
		return false;
	if (ip_validate(packet) != GOES_ON)
		return false;
	/* sent to a group by the link, and to us alone by IP: the ip stage says no (RFC 1812 5.3.4) */
	if (!(packet->flags & PACKET_LABELLED) &&
	    (rte_pktmbuf_mtod(packet->mbuf, const uint8_t *)[0] & 1))
		return false;
	int inside = outer_protocol(packet, &arrival->outer);
	if (inside < 0 || !outer_by_protocol(&arrival->outer, (uint8_t)inside))
		return false;
	uint64_t forms = mouth->forms >> tunnel_form_bit(packet, arrival->outer.form);
	if (!(forms & (1u | 1u << TUNNEL_FORM_ANY)))
		return false;
	arrival->packet = packet;
	arrival->any = !(forms & 1);
	tunnel_key(&arrival->key, packet, arrival->outer.form, arrival->outer.id, arrival->any);
	rte_prefetch0(packet->l3 + arrival->outer.inner + IPV4_HEADER);
	return true;
}

/* ---------------------------------------------------------------- looking up */

static inline void look_up_begin(const struct mouth *mouth, struct arrival *arrival,
				 const struct arrival *before)
{
	const struct tables *tables = mouth->worker->tables;

	arrival->again = before != NULL && before->packet->payload == arrival->packet->payload &&
			 before->any == arrival->any &&
			 tunnel_key_equal(arrival->packet, &before->key, &arrival->key);
	if (arrival->again)
		return;
	arrival->hash = tunnel_key_hash(tables, arrival->packet, &arrival->key);
	arrival->bucket =
		hash_bucket(tables, mouth->root[family_of(arrival->packet)], arrival->hash);
	rte_prefetch0(arrival->bucket);
}

static inline void look_up_guess(const struct mouth *mouth, struct arrival *arrival)
{
	if (arrival->again)
		return;
	arrival->entry = hash_guess(mouth->worker->tables, arrival->bucket, arrival->hash);
	rte_prefetch0(arrival->entry);
}

/* The exact remote end, or a tunnel that takes any. */
static inline const struct tunnel_value *look_up_end(const struct mouth *mouth,
						     const struct arrival *arrival)
{
	const struct tables *tables = mouth->worker->tables;
	const struct packet *packet = arrival->packet;
	const struct outer *outer = &arrival->outer;
	size_t size = tunnel_key_size(packet);
	const uint8_t *entry = arrival->entry;

	if (unlikely(entry == NULL || !tunnel_key_equal(packet, entry, &arrival->key)))
		entry = hash_find(tables, arrival->bucket, arrival->hash, &arrival->key, size);
	if (likely(entry != NULL))
		return (const struct tunnel_value *)(entry + size);
	unsigned int any = tunnel_form_bit(packet, outer->form) + TUNNEL_FORM_ANY;
	if (arrival->any || !(mouth->forms >> any & 1))
		return NULL;
	return tunnel_look_up(tables, packet, outer->form, outer->id, true);
}

/* The tunnels of all arrivals, or NULL. */
static void look_up(const struct mouth *mouth, struct arrival *arrivals, unsigned int count)
{
	struct worker *worker = mouth->worker;

	for (unsigned int i = 0; i < count; i++)
		look_up_guess(mouth, &arrivals[i]);
	for (unsigned int i = 0; i < count; i++) {
		struct arrival *arrival = &arrivals[i];
		if (arrival->again) {
			arrival->value = arrival[-1].value;
			continue;
		}
		arrival->value = look_up_end(mouth, arrival);
		if (arrival->value == NULL)
			continue;
		rte_prefetch0(&worker->tables->interface[arrival->value->interface]);
		rte_prefetch0(&worker->interface[arrival->value->interface]);
	}
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
	const struct outer *outer = &arrival->outer;
	struct interface_counters *row = &mouth->worker->interface[arrival->value->interface];
	uint32_t length = outer->length - (uint32_t)(outer->at - packet->l3);

	if ((outer->flags & GRE_CHECKSUM) && packet_sum(packet->mbuf, outer->at, length) != 0xffff)
		return DROP_tunnel_checksum;
	if (outer->form == TUNNEL_FORM_VXLAN && ip_load16(outer->at + 6) != 0) {
		uint32_t sum = packet_sum(packet->mbuf, outer->at, length) +
			       pseudo_header_sum(packet->l3, packet->payload == PAYLOAD_IPV4,
						 PROTOCOL_UDP, length);
		sum = (sum & 0xffff) + (sum >> 16);
		if ((sum & 0xffff) + (sum >> 16) != 0xffff)
			return DROP_tunnel_checksum;
	}
	if (!(arrival->value->flags & TUNNEL_SEQUENCE_RECEIVE))
		return GOES_ON;
	if (!(outer->flags & GRE_SEQUENCE))
		return DROP_tunnel_sequence_missing;
	return sequence_check(row, arrival->value->flags, ip_load32(packet->l3 + outer->inner - 4),
			      mouth->now);
}

static inline bool needs_more(const struct arrival *arrival)
{
	return ((arrival->outer.flags & GRE_CHECKSUM) |
		(arrival->value->flags & TUNNEL_SEQUENCE_RECEIVE)) != 0 ||
	       arrival->outer.form == TUNNEL_FORM_VXLAN;
}

/* The remote's keepalive: from our own address, to be sent back to it. */
static __rte_noinline bool is_keepalive(const struct arrival *arrival, const uint8_t *inner)
{
	const uint8_t *end = arrival->outer.end;

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
	const uint8_t *end = arrival->outer.end;

	if (unlikely(end - inner < (ipv4 ? IPV4_HEADER : IPV6_HEADER))) {
		drop(mouth->worker, packet->mbuf, interface, DROP_ip_invalid);
		return false;
	}
	if (ipv4 && unlikely(inner[9] == PROTOCOL_GRE) && is_keepalive(arrival, inner)) {
		punt(mouth->worker, packet->mbuf, interface, PUNT_gre_keepalive, inner);
		return false;
	}
	if (unlikely((arrival->outer.traffic_class & 1) != 0)) { /* ECT(1) or CE */
		unsigned int ecn = traffic_class_of(inner, ipv4) & 3;
		int becomes = ecn_decapsulate(arrival->outer.traffic_class & 3, ecn);
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

	if (arrival->outer.protocol == GRE_TYPE_MPLS_UPSTREAM)
		space = (unsigned int)(flags >> INTERFACE_UPSTREAM_SHIFT) & 0xff;
	if (!(flags & INTERFACE_MPLS))
		reason = DROP_mpls_disabled;
	else if (arrival->outer.protocol == GRE_TYPE_MPLS_UPSTREAM && space == 0)
		reason = DROP_mpls_upstream_label;
	else if (arrival->outer.end - packet->l3 < 4)
		reason = DROP_mpls_truncated;
	else {
		if ((word_load(&mouth->worker->tables->interface[interface].features) &
		     INTERFACE_FILTER_IN) &&
		    !filter_ethertype(mouth->worker, packet->mbuf, interface,
				      arrival->outer.protocol))
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
	const struct outer *outer = &arrival->outer;
	bool gre = outer->form == TUNNEL_FORM_GRE || outer->form == TUNNEL_FORM_GRE_KEY;

	if (outer->protocol == GRE_TYPE_ETHERNET)
		receive_ethernet(mouth->worker, packet);
	else if (gre &&
		 (outer->protocol == GRE_TYPE_MPLS || outer->protocol == GRE_TYPE_MPLS_UPSTREAM))
		receive_mpls(mouth, arrival, flags);
	else
		drop(mouth->worker, packet->mbuf, packet->interface, DROP_tunnel_payload);
}

/* Out of the headers. True: it is an IP packet in worker->ip. */
static inline bool receive(struct mouth *mouth, struct arrival *arrival)
{
	struct worker *worker = mouth->worker;
	struct packet *packet = arrival->packet;
	const struct outer *outer = &arrival->outer;
	uint32_t interface = arrival->value->interface;
	const struct interface *row = &worker->tables->interface[interface];
	struct interface_counters *counters = &worker->interface[interface];
	int reason = GOES_ON;

	if (unlikely(interface >= mouth->ready)) {
		drop(worker, packet->mbuf, packet->interface, DROP_interface_down);
		return false;
	}
	if (unlikely(mouth->local != 0) && !filter_local(worker, packet))
		return false;
	count_outer(mouth, packet->interface);
	uint64_t flags = word_load(&row->flags);
	counter_add(&counters->rx_packets, 1);
	counter_add(&counters->rx_bytes, outer->length - outer->inner);
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
	if (unlikely(outer->protocol == GRE_KEEPALIVE)) {
		punt(worker, packet->mbuf, interface, PUNT_gre_keepalive, packet->l3);
		return false;
	}
	/* bytes behind the outer packet's end are Ethernet's padding */
	packet_shorten(packet->mbuf, packet_length(packet) - outer->length);
	bool ipv4 = outer->protocol == GRE_TYPE_IPV4;
	uint8_t *inner = packet->l3 + outer->inner;
	bool ip = ipv4 || outer->protocol == GRE_TYPE_IPV6;
	if (likely(ip) && !receive_ip(mouth, arrival, inner, ipv4, word_load(&row->features)))
		return false;
	packet->l3 = inner;
	uint8_t layers = (uint8_t)((packet->flags & PACKET_LAYERS) + PACKET_LAYER);
	packet->interface = interface;
	packet->vrf = (uint8_t)(flags >> INTERFACE_VRF_SHIFT);
	packet->payload = ipv4 ? PAYLOAD_IPV4 : PAYLOAD_IPV6;
	packet->flags = layers | PACKET_LABELLED | rpf_flag(word_load(&row->features));
	if (unlikely(!ip)) {
		receive_other(mouth, arrival, flags);
		return false;
	}
	return likely(!(word_load(&row->features) & INTERFACE_FILTER_IN)) ||
	       filter_in(worker, packet);
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
		arrival->place = places[i];
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
		if (likely(receive(mouth, &arrivals[i])))
			places[left++] = arrivals[i].place;
		else
			packets[arrivals[i].place] = NULL;
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
	close_gaps(&worker->ip);
}

void tunnel(struct worker *worker)
{
	uint64_t forms = word_load(&worker->tables->control.tunnel_forms);

	if (forms != 0 && worker->ip.count != 0)
		tunnel_all(worker, forms);
}
