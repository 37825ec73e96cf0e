/* SPDX-License-Identifier: BSD-3-Clause
 *
 * encapsulate.c: packets into their tunnels.
 */
#include <rte_ether.h>
#include "dataplane/shm/tunnel.h"
#include "dataplane/stage/flow_hash.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_check.h"
#include "dataplane/stage/tunnel_header.h"

enum {
	TTL_OF_FRAMES = 64,       /* outer TTL of what has none of its own */
	VXLAN_PORT_FIRST = 49152, /* source ports: the dynamic ones (RFC 7348 5) */
	IPV4_DF = 0x4000,
};

/* What the outer header takes over from what goes inside. */
struct inside {
	uint8_t traffic_class, ttl;
	bool df;
	uint16_t protocol; /* GRE's number for it */
};

/* A packet on its way into its tunnel. */
struct departure {
	struct worker *worker;
	struct packet *packet;
	const struct interface *row;
	const struct tunnel *tunnel;
	uint32_t interface, underlay;
	uint32_t length; /* bytes of what goes inside */
	uint32_t hash;   /* of its flow */
	struct inside inside;
};

static inline void store32(uint8_t *at, uint32_t value)
{
	uint32_t word = rte_cpu_to_be_32(value);
	memcpy(at, &word, sizeof(word));
}

/* ---------------------------------------------------------------- what goes inside */

static struct inside inside_ip(const uint8_t *header, bool ipv4)
{
	if (ipv4)
		return (struct inside){ header[1], header[8], (header[6] & 0x40) != 0,
					GRE_TYPE_IPV4 };
	return (struct inside){ traffic_class_of(header, false), header[7], true, GRE_TYPE_IPV6 };
}

/* The IP packet in an Ethernet frame with one tag at most, or NULL; `end`: of what can be read. */
static const uint8_t *frame_ip(const uint8_t *frame, const uint8_t *end, bool *ipv4)
{
	const uint8_t *type = frame + 12;

	if (end - type >= 6 && ip_load16(type) == RTE_ETHER_TYPE_VLAN)
		type += 4;
	if (end - type < 2 + IPV4_HEADER)
		return NULL;
	*ipv4 = ip_load16(type) == RTE_ETHER_TYPE_IPV4;
	if (*ipv4)
		return type + 2;
	return ip_load16(type) == RTE_ETHER_TYPE_IPV6 && end - type >= 2 + IPV6_HEADER ? type + 2
										       : NULL;
}

static __rte_noinline struct inside inside_other(const struct packet *packet)
{
	struct inside inside = { .ttl = TTL_OF_FRAMES, .protocol = GRE_TYPE_ETHERNET };
	bool ipv4;

	if (packet->payload == PAYLOAD_MPLS) {
		uint32_t word = lse_load(packet->l3);
		inside.traffic_class = (uint8_t)((word & LSE_TC_MASK) >> 9 << 5);
		inside.ttl = (uint8_t)lse_ttl(word);
		inside.protocol = GRE_TYPE_MPLS;
		return inside;
	}
	const uint8_t *header = frame_ip(packet->l3, packet_end(packet), &ipv4);
	if (header != NULL)
		inside.traffic_class = traffic_class_of(header, ipv4);
	return inside;
}

/* Only where something is chosen by it. */
static uint32_t hash_inside(const struct departure *departure)
{
	const struct packet *packet = departure->packet;
	uint64_t seed = departure->worker->tables->control.flow_seed;
	const uint8_t *end = packet_end(packet);

	switch (packet->payload) {
	case PAYLOAD_MPLS:
		return flow_hash_mpls(packet->l3, end, seed);
	case PAYLOAD_ETHERNET:
		return flow_hash_ethernet(packet->l3, end, seed);
	default:
		return flow_hash_ip(packet->l3, end, seed);
	}
}

/* Bytes from l3 on; those behind an IP packet's end are Ethernet's padding and stay here. */
static inline uint32_t inside_length(struct packet *packet)
{
	uint32_t length = packet_length(packet), said = length;

	if (packet->payload == PAYLOAD_IPV4)
		said = ip_load16(packet->l3 + 2);
	else if (packet->payload == PAYLOAD_IPV6)
		said = ip_load16(packet->l3 + 4) + (uint32_t)IPV6_HEADER;
	if (likely(said >= length))
		return length;
	packet_shorten(packet->mbuf, length - said);
	return said;
}

/* ---------------------------------------------------------------- outer headers */

/* RFC 6040 4.1, normal mode: ECN is copied. */
static inline uint8_t outer_traffic_class(const struct departure *departure)
{
	uint8_t inside = departure->inside.traffic_class;

	if (departure->tunnel->flags & TUNNEL_DSCP_FIXED)
		return (uint8_t)(departure->tunnel->dscp << 2 | (inside & 3));
	return inside;
}

/* The number of IP in IP for what goes inside. */
static inline uint8_t ip_protocol_of(const struct departure *departure)
{
	return departure->inside.protocol == GRE_TYPE_IPV4 ? PROTOCOL_IPIP : PROTOCOL_IPV6;
}

/* What the template leaves open is 0 there. The checksum is made of the template's sum and of what is
 * filled in: the header itself was only just written, and reading it would wait for that. */
static inline void outer_ipv4(const struct departure *departure, uint8_t *header, uint32_t length)
{
	const struct tunnel *tunnel = departure->tunnel;
	uint32_t flags = tunnel->flags;
	bool df = (flags & TUNNEL_DF) || ((flags & TUNNEL_DF_INHERIT) && departure->inside.df);
	uint8_t traffic_class = outer_traffic_class(departure);
	uint16_t datagram = departure->worker->datagram++;
	uint32_t sum =
		ipv4_sum(tunnel->header + TUNNEL_HEADER_MAX - tunnel->header_length, IPV4_HEADER);

	header[1] = traffic_class;
	ip_store16(header + 2, length);
	ip_store16(header + 4, datagram);
	ip_store16(header + 6, df ? IPV4_DF : 0);
	sum += (uint32_t)rte_cpu_to_be_16(traffic_class) + rte_cpu_to_be_16((uint16_t)length) +
	       rte_cpu_to_be_16(datagram) + rte_cpu_to_be_16(df ? IPV4_DF : 0);
	if (!(flags & TUNNEL_TTL_FIXED)) {
		header[8] = departure->inside.ttl;
		sum += rte_cpu_to_be_16((uint16_t)(departure->inside.ttl << 8));
	}
	if (tunnel->mode == TUNNEL_IPIP) {
		header[9] = ip_protocol_of(departure);
		sum += rte_cpu_to_be_16(header[9]);
	}
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t checksum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
	memcpy(header + 10, &checksum, sizeof(checksum));
}

/* The flow label tells flows of one tunnel from each other (RFC 6438). */
static void outer_ipv6(const struct departure *departure, uint8_t *header, uint32_t length)
{
	uint8_t traffic_class = outer_traffic_class(departure);

	store32(header, 6u << 28 | (uint32_t)traffic_class << 20 | (departure->hash >> 12));
	ip_store16(header + 4, length - IPV6_HEADER);
	if (!(departure->tunnel->flags & TUNNEL_TTL_FIXED))
		header[7] = departure->inside.ttl;
	if (departure->tunnel->mode == TUNNEL_IPIP)
		header[6] = ip_protocol_of(departure);
}

/* Numbers that this process has given out, by tunnel, plus 1; 0: none yet. The workers share them: two that
 * counted for themselves would give the same number twice. */
static _Atomic uint64_t sequences[TUNNEL_MAX];

/* Where the process before left off: the highest that any worker wrote down. */
static __rte_noinline void resume_sequence(struct worker *worker, uint32_t interface)
{
	_Atomic uint64_t *next = &sequences[interface - INTERFACE_FIRST_TUNNEL];
	uint64_t workers = word_load(&worker->shared->control.worker_count);
	uint64_t highest = 0, none = 0;

	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		uint64_t own = counter_read(&worker->shared->interface[i][interface].tx_sequence);
		highest = RTE_MAX(highest, own);
	}
	atomic_compare_exchange_strong(next, &none, highest + 1);
}

/* RFC 2890 2.2. An atomic addition, against the rule, for these tunnels alone: their numbers have one order,
 * and receivers refuse what comes twice. */
static uint32_t next_sequence(struct worker *worker, uint32_t interface)
{
	_Atomic uint64_t *next = &sequences[interface - INTERFACE_FIRST_TUNNEL];

	if (atomic_load_explicit(next, memory_order_relaxed) == 0)
		resume_sequence(worker, interface);
	uint64_t number = atomic_fetch_add_explicit(next, 1, memory_order_relaxed);
	atomic_store_explicit(&worker->interface[interface].tx_sequence, number,
			      memory_order_relaxed);
	return (uint32_t)(number - 1);
}

/* `gre` to the end of the packet is `length` bytes. */
static inline void outer_gre_fields(const struct departure *departure, uint8_t *gre,
				    uint32_t length)
{
	uint32_t flags = departure->tunnel->flags;

	ip_store16(gre + 2, departure->inside.protocol);
	if (likely(!(flags & (TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND))))
		return;
	if (flags & TUNNEL_SEQUENCE_SEND) {
		store32(departure->packet->l3 - 4,
			next_sequence(departure->worker, departure->interface));
	}
	if (flags & TUNNEL_CHECKSUM) {
		uint16_t sum = (uint16_t)~packet_sum(departure->packet->mbuf, gre, length);
		memcpy(gre + 4, &sum, sizeof(sum));
	}
}

/* `udp` to the end of the packet is `length` bytes; `header` is the outer IP header. */
static void outer_vxlan_fields(const struct departure *departure, const uint8_t *header,
			       uint8_t *udp, uint32_t length)
{
	bool ipv4 = header[0] >> 4 == 4;

	ip_store16(udp, VXLAN_PORT_FIRST + (departure->hash & 0x3fff));
	ip_store16(udp + 4, length);
	if (!(departure->tunnel->flags & TUNNEL_CHECKSUM))
		return;
	uint32_t sum = packet_sum(departure->packet->mbuf, udp, length) +
		       pseudo_header_sum(header, ipv4, PROTOCOL_UDP, length);
	sum = (sum & 0xffff) + (sum >> 16);
	uint16_t checksum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
	if (checksum == 0) /* which would say that there is none */
		checksum = 0xffff;
	memcpy(udp + 6, &checksum, sizeof(checksum));
}

/* By the template's first byte. */
static inline bool outer_is_ipv4(const struct tunnel *tunnel)
{
	return tunnel->header[TUNNEL_HEADER_MAX - tunnel->header_length] >> 4 == 4;
}

/* The frame begins with the outer header. */
static inline void begin_at(struct packet *packet, uint8_t *header)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	int moved = (int)(header - rte_pktmbuf_mtod(mbuf, uint8_t *));

	mbuf->data_off = (uint16_t)(mbuf->data_off + moved);
	mbuf->data_len = (uint16_t)(mbuf->data_len - moved);
	mbuf->pkt_len = (uint32_t)((int)mbuf->pkt_len - moved);
	packet->l3 = header;
}

/* The label's traffic class is the priority of the frame's tag; 0 without one. */
static inline uint32_t frame_priority(const struct packet *packet)
{
	const uint8_t *tag = packet->l3 + 12;

	if (packet_end(packet) - tag < 4 || (ip_load16(tag) != RTE_ETHER_TYPE_VLAN &&
					     ip_load16(tag) != RTE_ETHER_TYPE_QINQ))
		return 0;
	return tag[2] >> 5;
}

/* The template stands before packet->l3; what depends on the packet is filled in. */
static inline void outer_headers(const struct departure *departure)
{
	const struct tunnel *tunnel = departure->tunnel;
	struct packet *packet = departure->packet;
	uint8_t *header = packet->l3 - tunnel->header_length;
	uint32_t length = departure->length + tunnel->header_length;

	memcpy(packet->l3 - TUNNEL_HEADER_MAX, tunnel->header, TUNNEL_HEADER_MAX);
	if (tunnel->mode == TUNNEL_PSEUDOWIRE) {
		uint32_t label = lse_load(header) | frame_priority(packet) << 9;
		store32(header, label);
		begin_at(packet, header);
		packet->payload = PAYLOAD_MPLS;
		packet->push = label & ~(LSE_BOTTOM | 0xfffff000u);
		return;
	}
	bool ipv4 = outer_is_ipv4(tunnel);
	unsigned int ip_length = ipv4 ? IPV4_HEADER : IPV6_HEADER;
	uint8_t *above = header + ip_length;
	if (tunnel->mode == TUNNEL_GRE || tunnel->mode == TUNNEL_GRETAP)
		outer_gre_fields(departure, above, length - ip_length);
	else if (tunnel->mode == TUNNEL_VXLAN)
		outer_vxlan_fields(departure, header, above, length - ip_length);
	if (likely(ipv4))
		outer_ipv4(departure, header, length);
	else
		outer_ipv6(departure, header, length);
	begin_at(packet, header);
	packet->payload = ipv4 ? PAYLOAD_IPV4 : PAYLOAD_IPV6;
	/* labels on the way to the remote end: as the ip stage has it for any other packet */
	packet->push = (uint32_t)(outer_traffic_class(departure) >> 5) << 9 | LSE_BOTTOM |
		       (tunnel->flags & TUNNEL_TTL_FIXED ? tunnel->ttl : departure->inside.ttl);
}

/* ---------------------------------------------------------------- may it go? */

static inline bool carries(const struct tunnel *tunnel, uint8_t payload)
{
	static const uint8_t carried[TUNNEL_MODES] = {
		[TUNNEL_GRE] = 1 << PAYLOAD_IPV4 | 1 << PAYLOAD_IPV6 | 1 << PAYLOAD_MPLS,
		[TUNNEL_GRETAP] = 1 << PAYLOAD_ETHERNET,
		[TUNNEL_IPIP] = 1 << PAYLOAD_IPV4 | 1 << PAYLOAD_IPV6,
		[TUNNEL_VXLAN] = 1 << PAYLOAD_ETHERNET,
		[TUNNEL_PSEUDOWIRE] = 1 << PAYLOAD_ETHERNET,
	};

	return tunnel->mode < TUNNEL_MODES && (carried[tunnel->mode] >> payload & 1);
}

/* Bytes before the packet: the outer headers, which are written as TUNNEL_HEADER_MAX bytes, and an Ethernet
 * header before them, for which output asks only if it is a longer one. */
static inline ptrdiff_t room_needed(const struct tunnel *tunnel)
{
	return RTE_MAX((ptrdiff_t)TUNNEL_HEADER_MAX,
		       tunnel->header_length + (ptrdiff_t)RTE_ETHER_HDR_LEN);
}

/* GOES_ON, or why it does not. */
static inline int check(const struct departure *departure)
{
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;
	const struct packet *packet = departure->packet;
	enum route_kind kind = route_kind(departure->underlay);

	if (unlikely((word_load(&departure->row->flags) & wanted) != wanted))
		return DROP_tunnel_down;
	if (unlikely(departure->tunnel == NULL || departure->interface < INTERFACE_FIRST_TUNNEL))
		return DROP_nexthop_invalid;
	if (unlikely(kind != ROUTE_NEXTHOP && kind != ROUTE_GROUP))
		return DROP_tunnel_no_route;
	if (unlikely(packet->flags >= TUNNEL_LAYERS_MAX * PACKET_LAYER))
		return DROP_too_many_layers;
	if (unlikely(!carries(departure->tunnel, packet->payload)))
		return DROP_tunnel_payload;
	if (unlikely(packet->l3 - (uint8_t *)packet->mbuf->buf_addr <
		     room_needed(departure->tunnel)))
		return DROP_no_headroom;
	return GOES_ON;
}

static inline bool needs_hash(const struct departure *departure)
{
	return route_kind(departure->underlay) == ROUTE_GROUP ||
	       departure->tunnel->mode == TUNNEL_VXLAN ||
	       (departure->tunnel->mode != TUNNEL_PSEUDOWIRE && !outer_is_ipv4(departure->tunnel));
}

static inline void depart(struct departure *departure)
{
	struct worker *worker = departure->worker;
	struct packet *packet = departure->packet;
	struct interface_counters *counters = &worker->interface[departure->interface];
	int reason = check(departure);

	if (unlikely(reason != GOES_ON)) {
		drop(worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
		return;
	}
	bool ip = packet->payload == PAYLOAD_IPV4 || packet->payload == PAYLOAD_IPV6;
	if (likely(ip))
		departure->inside = inside_ip(packet->l3, packet->payload == PAYLOAD_IPV4);
	else
		departure->inside = inside_other(packet);
	uint16_t mss = (uint16_t)(word_load(&departure->row->features) >> INTERFACE_MSS_SHIFT);
	if (unlikely(mss != 0) && ip)
		mss_clamp(packet->l3, packet_end(packet), packet->payload == PAYLOAD_IPV4, mss);
	departure->length = inside_length(packet);
	if (unlikely(needs_hash(departure)))
		departure->hash = hash_inside(departure);
	outer_headers(departure);
	uint32_t index = route_index(departure->underlay);
	if (unlikely(route_kind(departure->underlay) == ROUTE_GROUP))
		index = group_choose(worker, index, departure->hash);
	packet->nexthop = index;
	packet->flags = (uint8_t)((packet->flags & PACKET_LAYERS) + PACKET_LAYER) | PACKET_ENCAPSULATED;
	counter_add(&counters->tx_packets, 1);
	counter_add(&counters->tx_bytes, departure->length);
	vector_add(&worker->output, packet);
}

/* ---------------------------------------------------------------- the stage */

static __rte_noinline void encapsulate_all(struct worker *worker)
{
	const struct tables *tables = worker->tables;
	uint64_t ready = word_load(&worker->shared->control.interfaces_ready);
	struct departure departures[VECTOR_SIZE];
	unsigned int count = 0;

	for (unsigned int i = 0; i < worker->encapsulate.count; i++) {
		struct packet *packet = worker->encapsulate.packet[i];
		uint32_t interface = packet->nexthop;
		if (unlikely(interface >= ready)) {
			drop(worker, packet->mbuf, packet->interface, DROP_interface_down);
			continue;
		}
		departures[count++] = (struct departure){
			.worker = worker,
			.packet = packet,
			.row = &tables->interface[interface],
			.interface = interface,
		};
		rte_prefetch0(&tables->interface[interface].flags);
		rte_prefetch0(&tables->interface[interface].object);
		rte_prefetch0(&worker->interface[interface]);
		rte_prefetch0(packet->l3 - CACHE_LINE);
	}
	for (unsigned int i = 0; i < count; i++) {
		struct departure *departure = &departures[i];
		departure->tunnel = tunnel_get(tables, departure->interface);
		departure->underlay = (uint32_t)word_load(&departure->row->underlay);
		rte_prefetch0(departure->tunnel);
		rte_prefetch0((const uint8_t *)departure->tunnel + CACHE_LINE);
	}
	for (unsigned int i = 0; i < count; i++)
		depart(&departures[i]);
	worker->encapsulate.count = 0;
}

void tunnel_make_room(struct worker *worker)
{
	/* TUNNEL_LAYERS_MAX times at most; output has room for these beside what is there */
	while (worker->encapsulate.count == VECTOR_SIZE) {
		if (unlikely(worker->watch != 0)) {
			watch_between(worker, WATCH_ENCAPSULATE_FIRST);
			continue;
		}
		encapsulate(worker);
		output(worker);
	}
}

void encapsulate(struct worker *worker)
{
	if (worker->encapsulate.count != 0)
		encapsulate_all(worker);
}
