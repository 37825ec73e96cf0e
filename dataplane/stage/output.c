/* SPDX-License-Identifier: BSD-3-Clause
 *
 * output.c: the nexthop's rewrite goes onto the packet, the packet into its port's transmit buffer.
 */
#include <rte_ethdev.h>
#include <rte_ether.h>
#include "dataplane/stage/flow_hash.h"
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/transmit.h"

/* ---------------------------------------------------------------- transmit buffers */

/* What others share is not written: it gets a copy. */
static bool flatten_one(struct worker *worker, struct rte_mbuf **mbuf)
{
	if (rte_mbuf_refcnt_read(*mbuf) == 1)
		return rte_pktmbuf_linearize(*mbuf) == 0;
	struct rte_mbuf *copy = rte_pktmbuf_copy(*mbuf, worker->pool, 0, UINT32_MAX);
	if (copy == NULL || copy->nb_segs > 1) {
		rte_pktmbuf_free(copy);
		return false;
	}
	rte_pktmbuf_free(*mbuf);
	*mbuf = copy;
	return true;
}

/* For a device that sends single buffers only (net_af_xdp sends rubbish after the first segment and says
 * nothing): each packet becomes one, or is dropped if its first buffer has no room for it. Returns how
 * many are left. */
static __rte_noinline unsigned int flatten(struct worker *worker, unsigned int port,
					   unsigned int count)
{
	struct rte_mbuf **mbufs = worker->transmit.mbuf[port];
	uint32_t *ingress = worker->transmit.ingress[port];
	unsigned int left = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (mbufs[i]->nb_segs > 1 && !flatten_one(worker, &mbufs[i])) {
			counter_add(&worker->interface[ingress[i]].tx_dropped, 1);
			drop(worker, mbufs[i], ingress[i], DROP_no_buffer);
			continue;
		}
		mbufs[left] = mbufs[i];
		ingress[left++] = ingress[i];
	}
	return left;
}

void transmit_port(struct worker *worker, unsigned int port)
{
	struct rte_mbuf **mbufs = worker->transmit.mbuf[port];
	const uint32_t *ingress = worker->transmit.ingress[port];
	unsigned int count = worker->transmit.count[port];
	const struct tx_queue *tx = &worker->current->tx[port];
	enum drop_reason reason = DROP_tx_port_gone;
	unsigned int sent = 0;

	if (unlikely(worker->watch & WATCH_PACKETS))
		watch_filled(worker, port);
	if (likely(tx->running)) {
		if (unlikely(worker->watch & WATCH_PACKETS))
			watch_transmit(worker, port);
		reason = DROP_tx_full;
		if (unlikely(!tx->multi_segment))
			count = flatten(worker, port, count);
		if (tx->lock != NULL)
			rte_spinlock_lock(tx->lock);
		for (unsigned int i = 0; sent < count && i < TX_RETRIES; i++)
			sent += rte_eth_tx_burst(tx->dpdk_port, tx->queue, &mbufs[sent],
						 (uint16_t)(count - sent));
		if (tx->lock != NULL)
			rte_spinlock_unlock(tx->lock);
	}
	for (; sent < count; sent++) {
		counter_add(&worker->interface[ingress[sent]].tx_dropped, 1);
		drop(worker, mbufs[sent], ingress[sent], reason);
	}
	worker->transmit.count[port] = 0;
	worker->transmit.pending &= ~(1ull << port);
}

void transmit(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf, unsigned int ingress)
{
	counter_add(&worker->interface[ingress].forwarded, 1);
	transmit_add(worker, port, mbuf, ingress);
}

/* ---------------------------------------------------------------- rewriting */

/* Is it IP, below whatever labels there are? Then somebody may be told that it was too long. */
static bool carries_ip(const struct packet *packet)
{
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	const uint8_t *at = packet->l3;

	if (packet->payload == PAYLOAD_IPV4 || packet->payload == PAYLOAD_IPV6)
		return true;
	for (unsigned int i = 0; i < STACK_WALK_MAX && at + 4 < end; i++, at += 4) {
		if (lse_is_bottom(lse_load(at)))
			return at[4] >> 4 == 4 || at[4] >> 4 == 6;
	}
	return false;
}

/* The entropy label: 20 bits of the flow's hash, never a special-purpose label (RFC 6790 4.2). */
static uint32_t entropy_label(const struct worker *worker, const struct packet *packet)
{
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	uint64_t seed = worker->tables->control.flow_seed;
	uint32_t hash = packet->payload == PAYLOAD_MPLS ? flow_hash_mpls(packet->l3, end, seed)
							: flow_hash_ip(packet->l3, end, seed);

	return LABEL_FIRST_FREE + (hash ^ hash >> 12) % (LABEL_COUNT - LABEL_FIRST_FREE);
}

/* Put the nexthop's labels on, innermost first. packet->push has their TC, TTL, and S for the first. */
static void push_labels(const struct worker *worker, struct packet *packet,
			const struct rewrite *rewrite)
{
	unsigned int count = rewrite->label_count;
	uint32_t low = packet->push;

	if ((packet->flags & PACKET_REPLACED) && count > 0) {
		/* a backup, or the nexthop as it has become since, has an innermost label of its own */
		count--;
		lse_store(packet->l3, rewrite->label[count] << 12 | (lse_load(packet->l3) & 0xfff));
	}
	if (count == 0)
		return;
	if (rewrite->flags & REWRITE_ENTROPY) {
		uint32_t label = entropy_label(worker, packet);
		packet->l3 -= 4; /* its TTL must be 0, so that nobody forwards by it */
		lse_store(packet->l3, label << 12 | (low & ~LSE_TTL_MASK));
		low &= ~LSE_BOTTOM;
		packet->l3 -= 4;
		lse_store(packet->l3, (uint32_t)LABEL_ENTROPY_INDICATOR << 12 | low);
	}
	for (unsigned int i = count; i > 0; i--) {
		packet->l3 -= 4;
		lse_store(packet->l3, rewrite->label[i - 1] << 12 | low);
		low &= ~LSE_BOTTOM;
	}
	packet->payload = PAYLOAD_MPLS;
}

/* Bytes that pushing and the Ethernet header need before packet->l3. */
static inline unsigned int headroom_needed(const struct rewrite *rewrite)
{
	return sizeof(rewrite->header) + (unsigned int)rewrite->label_count * 4 + 8;
}

static inline uint8_t *buffer_start(const struct rte_mbuf *mbuf)
{
	return (uint8_t *)mbuf->buf_addr;
}

static inline void store_ethertype(uint8_t *l3, uint8_t payload)
{
	uint16_t type = rte_cpu_to_be_16(payload == PAYLOAD_IPV4 ? RTE_ETHER_TYPE_IPV4
								 : RTE_ETHER_TYPE_IPV6);
	memcpy(l3 - sizeof(type), &type, sizeof(type));
}

/* The frame begins `moved` bytes later than it did. */
static inline void move_start(struct rte_mbuf *mbuf, int moved)
{
	mbuf->data_off = (uint16_t)(mbuf->data_off + moved);
	mbuf->data_len = (uint16_t)(mbuf->data_len - moved);
	mbuf->pkt_len = (uint32_t)((int)mbuf->pkt_len - moved);
}

/* Bytes of the frame that stand before packet->l3; less than 0 after a push. */
static inline int offset_of_l3(const struct packet *packet)
{
	return (int)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, const uint8_t *));
}

/* The rewrite to use, or NULL after the packet was dropped. */
static inline const struct rewrite *resolve(struct worker *worker, struct packet *packet)
{
	const struct rewrite *rewrite = nexthop_usable(worker, packet->nexthop);

	if (unlikely(rewrite == NULL)) {
		drop(worker, packet->mbuf, packet->interface,
		     nexthop_trouble(worker->tables, packet->nexthop));
		return NULL;
	}
	/* it has another nexthop's label, and this one, which has come in its place meanwhile, none */
	if (unlikely(packet->flags & PACKET_REPLACED) && unlikely(rewrite->label_count == 0)) {
		drop(worker, packet->mbuf, packet->interface, DROP_nexthop_down);
		return NULL;
	}
	return rewrite;
}

/* The frame is complete: count it where it leaves and let it wait for its port. */
static inline void emit(struct worker *worker, const struct packet *packet,
			const struct rewrite *rewrite, uint32_t length)
{
	struct interface_counters *egress = &worker->interface[rewrite->interface];

	counter_add(&egress->tx_packets, 1);
	counter_add(&egress->tx_bytes, length);
	transmit_add(worker, rewrite->port, packet->mbuf, packet->interface);
}

/* Bytes that pushing puts on. */
static inline unsigned int pushed_size(const struct packet *packet, const struct rewrite *rewrite)
{
	unsigned int count = rewrite->label_count;

	count -= (packet->flags & PACKET_REPLACED) && count > 0;
	return count == 0 ? 0 : count * 4 + (rewrite->flags & REWRITE_ENTROPY ? 8 : 0);
}

static bool labels_make_too_long(const struct packet *packet, const struct rewrite *rewrite)
{
	uint32_t length = packet->mbuf->pkt_len - (uint32_t)offset_of_l3(packet);

	return length + pushed_size(packet, rewrite) > rewrite->mtu;
}

/* IPv4, and nothing says that it must stay whole. What goes into a tunnel does: its stage keeps hold of
 * packets. */
static bool may_be_cut(const struct packet *packet, const struct rewrite *rewrite)
{
	return packet->payload == PAYLOAD_IPV4 &&
	       (rewrite->port != PORT_VIRTUAL || rewrite->header_length != 0) &&
	       fragment_allowed(packet);
}

/* What stands behind an IP packet is the link's padding (RFC 894, RFC 2464) and counts for no MTU. It
 * stays where it does no harm, so that the common case does not look. True: there was some. */
static __rte_noinline bool cut_padding(struct packet *packet)
{
	const uint8_t *header = packet->l3;
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	uint32_t length, room = packet->mbuf->pkt_len - (uint32_t)offset_of_l3(packet);

	if (packet->payload == PAYLOAD_IPV4 && end - header >= IPV4_HEADER)
		length = ip_load16(header + 2);
	else if (packet->payload == PAYLOAD_IPV6 && end - header >= IPV6_HEADER)
		length = ip_load16(header + 4) + (uint32_t)IPV6_HEADER;
	else
		return false;
	if (length < IPV4_HEADER || length >= room)
		return false;
	packet_cut(packet->mbuf, packet->mbuf->pkt_len - (room - length));
	return true;
}

static bool output_general(struct worker *worker, struct packet *packet,
			   const struct rewrite *rewrite);

/* Each fragment goes out as if it had come so, with labels of its own. */
static __rte_noinline void output_fragments(struct worker *worker, struct packet *packet,
					    const struct rewrite *rewrite)
{
	struct rte_mbuf *fragments[FRAGMENTS_MAX];
	const struct packet whole = *packet; /* it may stand in the buffer, which ends */
	unsigned int pushed = pushed_size(packet, rewrite);
	unsigned int mtu = rewrite->mtu > pushed ? rewrite->mtu - pushed : 0;
	unsigned int count = fragment(worker, packet, mtu, fragments);
	uint64_t forwarded = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct packet piece = whole;
		piece.mbuf = fragments[i];
		piece.l3 = rte_pktmbuf_mtod(fragments[i], uint8_t *);
		forwarded += output_general(worker, &piece, rewrite);
	}
	counter_add(&worker->interface[whole.interface].forwarded, forwarded);
}

/* Labels were put on over the header that it came with: for those who look at what was dropped it gets the
 * one that it would have left with. There was room for it. */
static void complete_header(struct packet *packet, const struct rewrite *rewrite)
{
	int length = rewrite->header_length != 0 ? rewrite->header_length : RTE_ETHER_HDR_LEN;
	uint16_t type = rte_cpu_to_be_16(RTE_ETHER_TYPE_MPLS);

	if (offset_of_l3(packet) >= RTE_ETHER_HDR_LEN || packet->payload != PAYLOAD_MPLS)
		return;
	memcpy(packet->l3 - sizeof(rewrite->header), rewrite->header, sizeof(rewrite->header));
	memcpy(packet->l3 - sizeof(type), &type, sizeof(type));
	move_start(packet->mbuf, offset_of_l3(packet) - length);
}

/* Longer than the egress MTU: IPv4 that may be is sent in fragments, labels or not, but nothing that came
 * labelled and leaves so. Else somebody is told, if there is IP in it. False: it ended here. */
static __rte_noinline bool too_long(struct worker *worker, struct packet *packet,
				    const struct rewrite *rewrite)
{
	if (cut_padding(packet))
		return output_general(worker, packet, rewrite);
	if (may_be_cut(packet, rewrite)) {
		output_fragments(worker, packet, rewrite);
		return false;
	}
	/* of a tunnel's own headers nobody needs to be told: the tunnel's MTU is what is wrong */
	if ((packet->flags & PACKET_ENCAPSULATED) || !carries_ip(packet)) {
		complete_header(packet, rewrite);
		drop(worker, packet->mbuf, packet->interface, DROP_mtu_exceeded);
		return false;
	}
	move_start(packet->mbuf, offset_of_l3(packet));
	punt_too_long(worker, packet->mbuf, packet->interface, packet->l3, packet->nexthop,
		      packet->payload == PAYLOAD_MPLS   ? RTE_ETHER_TYPE_MPLS
		      : packet->payload == PAYLOAD_IPV4 ? RTE_ETHER_TYPE_IPV4
							: RTE_ETHER_TYPE_IPV6);
	return false;
}

/* Into a tunnel, or out of a bridge's own interface; the packet has its labels. Both have no device. */
static __rte_noinline void output_virtual(struct worker *worker, struct packet *packet,
					  const struct rewrite *rewrite)
{
	if (rewrite->header_length == 0) {
		tunnel_encapsulate(worker, packet, rewrite->interface);
		return;
	}
	memcpy(packet->l3 - sizeof(rewrite->header), rewrite->header, sizeof(rewrite->header));
	if (packet->payload != PAYLOAD_MPLS)
		store_ethertype(packet->l3, packet->payload);
	move_start(packet->mbuf, offset_of_l3(packet) - rewrite->header_length);
	bridge_send(worker, packet, rewrite->interface);
}

/* Labels to push, tags to write, or a tunnel to go into. False: it ended here, or is not out yet. */
static __rte_noinline bool output_general(struct worker *worker, struct packet *packet,
					  const struct rewrite *rewrite)
{
	struct rte_mbuf *mbuf = packet->mbuf;

	worker->pushed += rewrite->label_count != 0;
	if (packet->payload != PAYLOAD_MPLS && unlikely(labels_make_too_long(packet, rewrite)) &&
	    !(cut_padding(packet) && !labels_make_too_long(packet, rewrite)) &&
	    may_be_cut(packet, rewrite)) {
		output_fragments(worker, packet, rewrite);
		return false;
	}
	if (packet->l3 - buffer_start(mbuf) < headroom_needed(rewrite)) {
		drop(worker, mbuf, packet->interface, DROP_no_headroom);
		return false;
	}
	push_labels(worker, packet, rewrite);
	int offset = offset_of_l3(packet);
	if ((int)mbuf->pkt_len - offset > rewrite->mtu)
		return too_long(worker, packet, rewrite);
	if (unlikely(rewrite->port == PORT_VIRTUAL)) {
		output_virtual(worker, packet, rewrite);
		return false; /* counted there */
	}
	memcpy(packet->l3 - sizeof(rewrite->header), rewrite->header, sizeof(rewrite->header));
	if (packet->payload != PAYLOAD_MPLS)
		store_ethertype(packet->l3, packet->payload);
	move_start(mbuf, offset - rewrite->header_length);
	emit(worker, packet, rewrite, mbuf->pkt_len);
	return true;
}

/* An untagged header, nothing to push, and a port to leave by: bytes that stand side by side, looked at
 * together. */
static inline bool is_plain(const struct rewrite *rewrite)
{
	const uint8_t mask[4] = { 0xff, 0xff, PORT_VIRTUAL, 0 };
	const uint8_t plain[4] = { RTE_ETHER_HDR_LEN, 0, 0, 0 };
	uint32_t shape, masked, wanted;

	static_assert(offsetof(struct rewrite, label_count) ==
				      offsetof(struct rewrite, header_length) + 1 &&
			      offsetof(struct rewrite, port) ==
				      offsetof(struct rewrite, header_length) + 2,
		      "side by side");
	static_assert((PORT_MAX & (PORT_MAX - 1)) == 0 && (int)PORT_VIRTUAL == (int)PORT_MAX,
		      "a bit");
	memcpy(&shape, &rewrite->header_length, sizeof(shape));
	memcpy(&masked, mask, sizeof(masked));
	memcpy(&wanted, plain, sizeof(wanted));
	return (shape & masked) == wanted;
}

/* The common case: a plain rewrite. The header fits where the old one was (l3 never
 * moves towards the start before this stage), and only its own bytes are written, so that no line
 * before the frame's is touched. False: it ended here. */
static inline bool output_common(struct worker *worker, struct packet *packet,
				 const struct rewrite *rewrite)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	int moved = offset_of_l3(packet) - RTE_ETHER_HDR_LEN;
	uint32_t length = mbuf->pkt_len - (uint32_t)moved;

	if (unlikely(length > rewrite->mtu + (uint32_t)RTE_ETHER_HDR_LEN))
		return too_long(worker, packet, rewrite);
	memcpy(packet->l3 - RTE_ETHER_HDR_LEN,
	       rewrite->header + sizeof(rewrite->header) - RTE_ETHER_HDR_LEN, RTE_ETHER_HDR_LEN);
	if (packet->payload != PAYLOAD_MPLS)
		store_ethertype(packet->l3, packet->payload);
	if (unlikely(moved != 0)) /* else leave the line clean */
		move_start(mbuf, moved);
	emit(worker, packet, rewrite, length);
	return true;
}

/* False: it ended here, or is not out yet. With `filtered`, some interface has a filter of what leaves by it. */
static __rte_always_inline bool output_one(struct worker *worker, struct packet *packet,
					   bool filtered)
{
	const struct rewrite *rewrite = resolve(worker, packet);

	if (unlikely(rewrite == NULL))
		return false;
	if (filtered && !filter_out(worker, packet, rewrite->interface))
		return false;
	if (likely(is_plain(rewrite)))
		return output_common(worker, packet, rewrite);
	return output_general(worker, packet, rewrite);
}

static __rte_always_inline void output_all(struct worker *worker, unsigned int count, bool filtered)
{
	struct packet *packets[2 * VECTOR_SIZE];
	uint64_t forwarded = 0;

	/* taken out first: a bridge or a tunnel on the way may have the vector sent again */
	memcpy(packets, worker->output.packet, count * sizeof(packets[0]));
	worker->output.count = 0;
	unsigned int ingress =
		packets[0]->interface; /* whose forwarded packets are being added up */
	worker->pushed = 0;
	for (unsigned int i = 0; i < count; i++) {
		if (unlikely(packets[i]->interface != ingress)) {
			counter_add(&worker->interface[ingress].forwarded, forwarded);
			ingress = packets[i]->interface;
			forwarded = 0;
		}
		forwarded += output_one(worker, packets[i], filtered);
	}
	counter_add(&worker->interface[ingress].forwarded, forwarded);
	worker->pushing = worker->pushed > count / 2;
}

static __rte_noinline void output_filtered(struct worker *worker, unsigned int count)
{
	output_all(worker, count, true);
}

void output(struct worker *worker)
{
	unsigned int count = worker->output.count;

	if (count == 0)
		return;
	if (unlikely(word_load(&worker->tables->filter_outs) != 0))
		output_filtered(worker, count);
	else
		output_all(worker, count, false);
}
