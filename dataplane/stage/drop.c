/* SPDX-License-Identifier: BSD-3-Clause
 *
 * drop.c: what was dropped lately: a packet of each reason and interface, some times a second, so that a
 * flood costs what it did.
 */
#include <rte_cycles.h>
#include "dataplane/clock.h"
#include "dataplane/stage/stage.h"

enum { SAMPLES_PER_SECOND = 10 };

static void sample(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
		   enum drop_reason reason)
{
	unsigned int slot = interface % DROP_SAMPLE_SLOTS;
	struct drop_sample *to = &worker->shared->drop_sample[worker->id][reason][slot];
	uint32_t captured = RTE_MIN(mbuf->pkt_len, (uint32_t)DROP_SAMPLE_BYTES);
	uint64_t sequence = counter_read(&to->sequence) | 1; /* odd already: its writer died */

	worker->drop_wanted[reason][slot] = 0;
	atomic_store_explicit(&to->sequence, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	to->time = clock_ns(CLOCK_REALTIME);
	to->interface = interface;
	to->length = mbuf->pkt_len;
	to->captured = (uint16_t)captured;
	const void *bytes = rte_pktmbuf_read(mbuf, 0, captured, to->data);
	if (bytes != NULL && bytes != to->data)
		memcpy(to->data, bytes, captured);
	word_store(&to->sequence, sequence + 1);
}

void drop_look(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum drop_reason reason)
{
	if (worker->drop_wanted[reason][interface % DROP_SAMPLE_SLOTS] != 0)
		sample(worker, mbuf, interface, reason);
	if (worker->watch & WATCH_PACKETS)
		watch_end(worker, mbuf, interface, WATCH_DROPPED, reason);
}

void drop_sample_again(struct worker *worker, uint64_t now)
{
	memset(worker->drop_wanted, 1, sizeof(worker->drop_wanted));
	worker->drops_wanted_next = now + rte_get_tsc_hz() / SAMPLES_PER_SECOND;
}
