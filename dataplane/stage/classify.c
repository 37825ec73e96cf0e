/* SPDX-License-Identifier: BSD-3-Clause
 *
 * classify.c: whose frame is it, and which stage takes it?
 */
#include <rte_byteorder.h>
#include <rte_ether.h>
#include "dataplane/shm/hash.h"
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/stage.h"

enum {
	ETHERTYPE_MPLS = 0x8847,          /* downstream-assigned label (RFC 5332) */
	ETHERTYPE_MPLS_UPSTREAM = 0x8848, /* upstream-assigned label */
	PREFETCH_AHEAD = 16,
};
#define MAC_MASK 0x0000ffffffffffffull /* of eight bytes loaded little-endian */

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t load16(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint16_t load16_be(const uint8_t *at)
{
	return rte_be_to_cpu_16(load16(at));
}

/* Six bytes as struct interface has them in `mac`: memory order, whatever the machine's. */
static inline uint64_t mac_word(const uint8_t *at)
{
	uint64_t value = 0;
	memcpy(&value, at, 6);
	return value;
}

/* 01:00:5e:8x:xx:xx carries labelled multicast (RFC 5332 section 4). */
static inline bool is_mpls_multicast(const uint8_t *mac)
{
	return mac[0] == 0x01 && mac[1] == 0x00 && mac[2] == 0x5e && (mac[3] & 0xf0) == 0x80;
}

static inline bool is_ours(const struct interface *interface, const uint8_t *frame)
{
	uint64_t mac = word_load(&interface->mac);
	return mac != 0 && mac == mac_word(frame);
}

/* What the stages need to know of a labelled frame that came in by `interface`. */
static inline struct packet mpls_packet(unsigned int interface, unsigned int space)
{
	return (struct packet){
		.interface = interface,
		.space = (uint8_t)space,
		.payload = PAYLOAD_MPLS,
	};
}

/* A labelled frame on an interface that is up. */
static void classify_mpls(struct worker *worker, struct packet *packet, unsigned int interface,
			  uint64_t flags, uint8_t *l3, bool upstream, uint8_t layers)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (!(flags & INTERFACE_MPLS)) {
		drop(worker, mbuf, interface, DROP_mpls_disabled);
		return;
	}
	if (!is_ours(&worker->tables->interface[interface], frame) && !is_mpls_multicast(frame)) {
		drop(worker, mbuf, interface, DROP_not_for_us);
		return;
	}
	if (l3 + 4 > frame + mbuf->data_len) {
		drop(worker, mbuf, interface, DROP_mpls_truncated);
		return;
	}
	unsigned int space = (unsigned int)(flags >> INTERFACE_SPACE_SHIFT) & 0xff;
	if (upstream) {
		space = (unsigned int)(flags >> INTERFACE_UPSTREAM_SHIFT) & 0xff;
		if (space == 0) {
			drop(worker, mbuf, interface, DROP_mpls_upstream_label);
			return;
		}
	}
	packet->l3 = l3;
	packet->context = mpls_packet(interface, space).context;
	packet->flags |= layers;
	vector_add(&worker->mpls, packet);
}

/* What the stages need to know of an IP packet that came in by `interface`. */
static inline struct packet ip_packet(const struct worker *worker, unsigned int interface,
				      uint64_t flags, uint8_t payload)
{
	return (struct packet){
		.interface = interface,
		.vrf = (uint8_t)(flags >> INTERFACE_VRF_SHIFT),
		.payload = payload,
		.flags = rpf_flag(word_load(&worker->tables->interface[interface].features)),
	};
}

static inline bool is_filtered(const struct interface *row)
{
	return (word_load(&row->features) & INTERFACE_FILTER_IN) != 0;
}

/* Which stage takes IP packets of this interface. */
static inline struct vector *ip_vector(struct worker *worker, const struct interface *row)
{
	return unlikely(is_filtered(row)) ? &worker->filter : &worker->ip;
}

/* An IP frame that is not labelled. */
static void classify_ip(struct worker *worker, struct packet *packet, unsigned int interface,
			uint64_t flags, uint8_t *l3, uint8_t payload, uint8_t layers)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (!is_ours(&worker->tables->interface[interface], frame) && !(frame[0] & 1)) {
		drop(worker, mbuf, interface, DROP_not_for_us);
		return;
	}
	packet->l3 = l3;
	packet->context = ip_packet(worker, interface, flags, payload).context;
	packet->flags |= layers;
	vector_add(ip_vector(worker, &worker->tables->interface[interface]), packet);
}

static void classify_arp(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
			 const uint8_t *l3)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (!is_ours(&worker->tables->interface[interface], frame) &&
	    mac_word(frame) != rte_cpu_to_le_64(MAC_MASK)) { /* broadcast */
		drop(worker, mbuf, interface, DROP_not_for_us);
		return;
	}
	if (host_mirrored(worker, interface) && host_wants_arp(l3, frame + mbuf->data_len))
		host_copy(worker, mbuf, interface, l3, HOST_LINK);
	punt(worker, mbuf, interface, PUNT_arp, l3);
}

/* Instead of an interface: why a tagged frame belongs to none. */
enum { TAG_CUT_OFF = INTERFACE_MAX, TAG_UNKNOWN };

/* The interface of a tagged frame, or TAG_.... Moves *l3 past the tags, which end with *type. */
static unsigned int tagged_interface(struct worker *worker, unsigned int port, const uint8_t *end,
				     uint8_t **l3, unsigned int *type)
{
	uint8_t *at = *l3;
	struct vlan_key key = { .port = port };

	if (at + 4 > end)
		return TAG_CUT_OFF;
	key.outer_tag = load16_be(at) & 0xfff;
	*type = load16_be(at + 2);
	at += 4;
	if (*type == RTE_ETHER_TYPE_VLAN || *type == RTE_ETHER_TYPE_QINQ) {
		if (at + 4 > end)
			return TAG_CUT_OFF;
		key.inner_tag = load16_be(at) & 0xfff;
		*type = load16_be(at + 2);
		at += 4;
	}
	*l3 = at;
	if (key.outer_tag == 0) /* priority tag: the untagged interface (IEEE 802.1Q 6.9) */
		return key.inner_tag == 0 ? port : TAG_UNKNOWN;
	if (!(word_load(&worker->tables->interface[port].flags) & INTERFACE_HAS_VLANS))
		return TAG_UNKNOWN;
	const struct vlan_entry *entry = hash_lookup(worker->tables, HASH_VLAN, &key, sizeof(key));
	return entry == NULL ? TAG_UNKNOWN : entry->interface;
}

/* A frame of `interface`, which it is counted at, with its tags behind us. `layers`: PACKET_LAYERS so far. */
static void classify_at(struct worker *worker, struct packet *packet, unsigned int interface,
			uint8_t *l3, unsigned int type, uint8_t layers)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);
	if ((flags & (INTERFACE_VALID | INTERFACE_UP)) != (INTERFACE_VALID | INTERFACE_UP)) {
		drop(worker, mbuf, interface, DROP_interface_down);
		return;
	}
	/* IP is filtered behind this stage, and nobody filters ARP */
	if (unlikely(is_filtered(&worker->tables->interface[interface])) &&
	    type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6 &&
	    type != RTE_ETHER_TYPE_ARP && !filter_ethertype(worker, mbuf, interface, (uint16_t)type))
		return;
	switch (type) {
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		classify_mpls(worker, packet, interface, flags, l3,
			      type == ETHERTYPE_MPLS_UPSTREAM, layers);
		return;
	case RTE_ETHER_TYPE_IPV4:
		classify_ip(worker, packet, interface, flags, l3, PAYLOAD_IPV4, layers);
		return;
	case RTE_ETHER_TYPE_IPV6:
		classify_ip(worker, packet, interface, flags, l3, PAYLOAD_IPV6, layers);
		return;
	case RTE_ETHER_TYPE_ARP:
		classify_arp(worker, mbuf, interface, l3);
		return;
	default:
		if (!host_other(worker, mbuf, interface, l3))
			drop(worker, mbuf, interface, DROP_unknown_ethertype);
	}
}

/* Everything that is not a plain labelled frame for us. Counts the frame as received where it belongs. */
static void classify_other(struct worker *worker, struct packet *packet, unsigned int port)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	const uint8_t *end = frame + mbuf->data_len;
	uint8_t *l3 = frame + RTE_ETHER_HDR_LEN;
	unsigned int interface = port;
	unsigned int type = 0;
	bool runt = mbuf->data_len < RTE_ETHER_HDR_LEN;

	if (!runt) {
		type = load16_be(frame + 12);
		if (type == RTE_ETHER_TYPE_VLAN || type == RTE_ETHER_TYPE_QINQ)
			interface = tagged_interface(worker, port, end, &l3, &type);
	}
	unsigned int counted = interface < INTERFACE_MAX ? interface : port;
	counter_add(&worker->interface[counted].rx_packets, 1);
	counter_add(&worker->interface[counted].rx_bytes, mbuf->pkt_len);
	if (runt) {
		drop(worker, mbuf, port, DROP_runt_frame);
		return;
	}
	if (interface >= INTERFACE_MAX) {
		drop(worker, mbuf, port,
		     interface == TAG_CUT_OFF ? DROP_runt_frame : DROP_unknown_vlan);
		return;
	}
	classify_at(worker, packet, interface, l3, type, 0);
}

void classify_own(struct worker *worker, struct packet *packet, uint32_t interface)
{
	uint8_t *frame = rte_pktmbuf_mtod(packet->mbuf, uint8_t *);

	uint8_t layers = packet->flags & PACKET_LAYERS;

	packet->context = (struct packet){ .interface = interface }.context;
	classify_at(worker, packet, interface, frame + RTE_ETHER_HDR_LEN, load16_be(frame + 12), layers);
}

/* The destination address as it stands in a frame for this interface, or a value that no six bytes have if
 * it takes none. */
static uint64_t expected_mac(const struct interface *row, uint64_t flags)
{
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;
	uint64_t mac = word_load(&row->mac);

	return (flags & wanted) == wanted && mac != 0 ? mac : UINT64_MAX;
}

/* classify_other, while the labelled packets so far are counted outside of worker->mpls; returns how many
 * there are then. */
static __rte_noinline unsigned int classify_rest(struct worker *worker, struct packet *packet,
						 unsigned int interface, unsigned int labelled)
{
	worker->mpls.count = labelled;
	classify_other(worker, packet, interface);
	return worker->mpls.count;
}

void classify(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
	      unsigned int count)
{
	const struct interface *row = &worker->tables->interface[interface];
	if (unlikely(word_load(&row->features) & INTERFACE_BRIDGED)) {
		bridge_classify(worker, interface, mbufs, count);
		return;
	}
	uint64_t flags = word_load(&row->flags);
	uint64_t mac = expected_mac(row, flags);
	struct vector *ip = ip_vector(worker, row);
	/* an Ethertype that no frame has where labels are not taken, or not by the short way */
	uint32_t mpls_type = flags & INTERFACE_MPLS && ip == &worker->ip ? RTE_BE16(ETHERTYPE_MPLS)
									 : UINT32_MAX;
	uint64_t mpls_context =
		mpls_packet(interface, (unsigned int)(flags >> INTERFACE_SPACE_SHIFT) & 0xff)
			.context;
	uint64_t ipv4_context = ip_packet(worker, interface, flags, PAYLOAD_IPV4).context;
	uint64_t ipv6_context = ip_packet(worker, interface, flags, PAYLOAD_IPV6).context;
	uint64_t bytes = 0;
	unsigned int labelled = 0, others = 0;

	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(mbufs[i]);
	for (unsigned int i = 0; i < count && i < PREFETCH_AHEAD; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbufs[i];
		uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
		struct packet *packet = &worker->packet[i];

		if (i + PREFETCH_AHEAD < count)
			rte_prefetch0(rte_pktmbuf_mtod(mbufs[i + PREFETCH_AHEAD], void *));
		packet->mbuf = mbuf;
		packet->l3 = frame + RTE_ETHER_HDR_LEN;
		/* the common case: untagged, ours, and long enough for one label */
		if (unlikely(mbuf->data_len < RTE_ETHER_HDR_LEN + 4 ||
			     (load64(frame) & rte_cpu_to_le_64(MAC_MASK)) != mac)) {
			labelled = classify_rest(worker, packet, interface, labelled);
			others++;
			continue;
		}
		uint16_t type = load16(frame + 12);
		if (type == mpls_type) {
			packet->context = mpls_context;
			worker->mpls.packet[labelled++] = packet;
		} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV4)) {
			packet->context = ipv4_context;
			vector_add(ip, packet);
		} else if (type == RTE_BE16(RTE_ETHER_TYPE_IPV6)) {
			packet->context = ipv6_context;
			vector_add(ip, packet);
		} else {
			labelled = classify_rest(worker, packet, interface, labelled);
			others++;
			continue;
		}
		bytes += mbuf->pkt_len;
	}
	worker->mpls.count = labelled;
	counter_add(&worker->interface[interface].rx_packets, count - others);
	counter_add(&worker->interface[interface].rx_bytes, bytes);
}
