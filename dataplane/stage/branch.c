/* SPDX-License-Identifier: BSD-3-Clause
 *
 * branch.c: copies of a labelled packet for the branches of a replicate label.
 */
#include "dataplane/stage/branch.h"

struct packet *branch_copy(struct worker *worker, const struct packet *packet, const uint8_t *from)
{
	struct rte_mbuf *mbuf = packet->mbuf, *rest = NULL;
	uint32_t skipped = (uint32_t)(from - rte_pktmbuf_mtod(mbuf, const uint8_t *));
	uint32_t own = RTE_MIN((uint32_t)BRANCH_OWN, mbuf->data_len - skipped);
	struct rte_mbuf *header = rte_pktmbuf_alloc(worker->pool);

	if (header != NULL && skipped + own < mbuf->pkt_len) {
		rest = rte_pktmbuf_clone(mbuf, worker->pool);
		if (rest == NULL) {
			rte_pktmbuf_free(header);
			return NULL;
		}
		rte_pktmbuf_adj(rest, (uint16_t)(skipped + own));
	}
	if (header == NULL)
		return NULL;
	uint8_t *start = (uint8_t *)rte_pktmbuf_append(header, (uint16_t)own);
	memcpy(start, from, own);
	if (rest != NULL) {
		header->next = rest;
		header->nb_segs = (uint16_t)(1 + rest->nb_segs);
		header->pkt_len += rest->pkt_len;
	}
	struct packet *copy = packet_of(header);
	*copy = *packet;
	copy->mbuf = header;
	if (unlikely(worker->watch & WATCH_PACKETS))
		watch_copied(worker, mbuf, header);
	copy->l3 = start;
	return copy;
}

struct packet *branch_alone(struct worker *worker, const struct packet *packet, const uint8_t *needed)
{
	struct rte_mbuf *shared = packet->mbuf;
	const uint8_t *start = rte_pktmbuf_mtod(shared, const uint8_t *);
	struct rte_mbuf *mbuf = rte_pktmbuf_copy(shared, worker->pool, 0, UINT32_MAX);

	if (mbuf == NULL || needed - start > mbuf->data_len) {
		rte_pktmbuf_free(mbuf);
		return NULL;
	}
	if (unlikely(worker->watch & WATCH_PACKETS))
		watch_copied(worker, shared, mbuf);
	struct packet *alone = packet_of(mbuf);
	*alone = *packet; /* which may stand in the other buffer */
	alone->mbuf = mbuf;
	alone->l3 = rte_pktmbuf_mtod(mbuf, uint8_t *) + (packet->l3 - start);
	rte_pktmbuf_free(shared);
	return alone;
}

void branch_lost(struct worker *worker, uint32_t nexthop)
{
	uint64_t word = word_load(&worker->tables->nexthop[nexthop % NEXTHOP_MAX]);

	if (nexthop_kind(word) != NEXTHOP_FORWARD)
		return;
	uint32_t interface = nexthop_rewrite(worker->tables, word)->interface;
	counter_add(&worker->interface[interface].copies_failed, 1);
}

void branch_flush(struct worker *worker)
{
	while (worker->output.count != 0) {
		if (unlikely(worker->watch != 0)) {
			watch_between(worker, WATCH_OUTPUT_FIRST);
			continue;
		}
		output(worker);
		encapsulate(worker);
	}
}
