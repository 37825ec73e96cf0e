/* SPDX-License-Identifier: BSD-3-Clause
 *
 * output.c: the nexthop's rewrite goes onto the packet, the packet into its port's transmit buffer.
 */
#include <rte_ethdev.h>
#include <rte_ether.h>
#include "dataplane/stage/flow_hash.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/stage.h"

/* ---------------------------------------------------------------- transmit buffers */

void transmit_port(struct worker *worker, unsigned int port)
{
	struct transmit *transmit = &worker->transmit[port];
	const struct tx_queue *tx = &worker->current->tx[port];
	enum drop_reason reason = DROP_tx_port_gone;
	unsigned int sent = 0;

	if (likely(tx->running)) {
		reason = DROP_tx_full;
		if (tx->lock != NULL)
			rte_spinlock_lock(tx->lock);
		for (unsigned int i = 0; sent < transmit->count && i < TX_RETRIES; i++)
			sent += rte_eth_tx_burst(tx->dpdk_port, tx->queue, &transmit->mbuf[sent],
						 (uint16_t)(transmit->count - sent));
		if (tx->lock != NULL)
			rte_spinlock_unlock(tx->lock);
	}
	for (; sent < transmit->count; sent++) {
		counter_add(&worker->interface[transmit->ingress[sent]].tx_dropped, 1);
		drop(worker, transmit->mbuf[sent], transmit->ingress[sent], reason);
	}
	transmit->count = 0;
	worker->transmit_pending &= ~(1ull << port);
}

static inline void transmit_add(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf,
				unsigned int ingress)
{
	struct transmit *transmit = &worker->transmit[port];

	transmit->mbuf[transmit->count] = mbuf;
	transmit->ingress[transmit->count] = (uint16_t)ingress;
	worker->transmit_pending |= 1ull << port;
	if (unlikely(++transmit->count == TRANSMIT_SIZE))
		transmit_port(worker, port);
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

	if (packet->flags & PACKET_REPLACED)
		count--;
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

/* The Ethernet header before l3. The usual length is written as what it is, so that no line before
 * the frame's own is touched; tagged ones are copied right-aligned. */
static inline void store_header(uint8_t *l3, const struct rewrite *rewrite)
{
	const uint8_t *end = rewrite->header + sizeof(rewrite->header);

	if (likely(rewrite->header_length == RTE_ETHER_HDR_LEN))
		memcpy(l3 - RTE_ETHER_HDR_LEN, end - RTE_ETHER_HDR_LEN, RTE_ETHER_HDR_LEN);
	else
		memcpy(l3 - sizeof(rewrite->header), rewrite->header, sizeof(rewrite->header));
}

static inline void store_ethertype(uint8_t *l3, uint8_t payload)
{
	uint16_t type = rte_cpu_to_be_16(payload == PAYLOAD_IPV4 ? RTE_ETHER_TYPE_IPV4
								 : RTE_ETHER_TYPE_IPV6);
	memcpy(l3 - sizeof(type), &type, sizeof(type));
}

/* The frame begins at `start` now. */
static inline void set_start(struct rte_mbuf *mbuf, const uint8_t *start)
{
	int moved = (int)(start - rte_pktmbuf_mtod(mbuf, const uint8_t *));

	if (likely(moved == 0)) /* the same length as on arrival: leave the line clean */
		return;
	mbuf->data_off = (uint16_t)(mbuf->data_off + moved);
	mbuf->data_len = (uint16_t)(mbuf->data_len - moved);
	mbuf->pkt_len = (uint32_t)((int)mbuf->pkt_len - moved);
}

/* Where a packet ends whose nexthop has no rewrite. */
static void drop_without_rewrite(struct worker *worker, struct packet *packet)
{
	uint64_t word = word_load(&worker->tables->nexthop[packet->nexthop & (NEXTHOP_MAX - 1)]);
	enum drop_reason reason = DROP_nexthop_invalid;

	if (nexthop_kind(word) == NEXTHOP_UNRESOLVED)
		reason = DROP_nexthop_unresolved;
	else if (nexthop_kind(word) == NEXTHOP_BLACKHOLE)
		reason = DROP_blackhole;
	drop(worker, packet->mbuf, packet->interface, reason);
}

/* Fast reroute: the nexthop's port is down; its backup, if that one can send. */
static const struct rewrite *backup_of(struct worker *worker, const struct rewrite *rewrite)
{
	if (rewrite->backup == NEXTHOP_NONE)
		return NULL;
	const struct rewrite *backup = nexthop_get(worker->tables, rewrite->backup);
	return backup != NULL && port_is_live(worker, backup->port) ? backup : NULL;
}

/* The rewrite to use, or NULL after the packet was dropped. */
static inline const struct rewrite *resolve(struct worker *worker, struct packet *packet)
{
	const struct rewrite *rewrite = nexthop_get(worker->tables, packet->nexthop);

	if (unlikely(rewrite == NULL)) {
		drop_without_rewrite(worker, packet);
		return NULL;
	}
	if (likely(port_is_live(worker, rewrite->port)))
		return rewrite;
	rewrite = backup_of(worker, rewrite);
	if (rewrite == NULL)
		drop(worker, packet->mbuf, packet->interface, DROP_nexthop_down);
	return rewrite;
}

static inline void output_one(struct worker *worker, struct packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	const struct rewrite *rewrite = resolve(worker, packet);

	if (unlikely(rewrite == NULL))
		return;
	if (unlikely(packet->l3 - buffer_start(mbuf) < headroom_needed(rewrite))) {
		drop(worker, mbuf, packet->interface, DROP_no_headroom);
		return;
	}
	if (rewrite->label_count != 0)
		push_labels(worker, packet, rewrite);

	uint32_t length = mbuf->pkt_len -
			  (uint32_t)(packet->l3 - rte_pktmbuf_mtod(mbuf, const uint8_t *));
	if (unlikely(length > rewrite->mtu)) {
		if (carries_ip(packet)) {
			set_start(mbuf, packet->l3);
			punt(worker, mbuf, packet->interface, PUNT_mtu_exceeded, packet->l3);
		} else {
			drop(worker, mbuf, packet->interface, DROP_mtu_exceeded);
		}
		return;
	}
	store_header(packet->l3, rewrite);
	if (unlikely(packet->payload != PAYLOAD_MPLS))
		store_ethertype(packet->l3, packet->payload);
	set_start(mbuf, packet->l3 - rewrite->header_length);

	struct interface_counters *egress = &worker->interface[rewrite->interface];
	counter_add(&egress->tx_packets, 1);
	counter_add(&egress->tx_bytes, mbuf->pkt_len);
	counter_add(&worker->interface[packet->interface].forwarded, 1);
	transmit_add(worker, rewrite->port, mbuf, packet->interface);
}

void output(struct worker *worker)
{
	struct vector *in = &worker->output;

	for (unsigned int i = 0; i < in->count; i++)
		output_one(worker, in->packet[i]);
	in->count = 0;
}
