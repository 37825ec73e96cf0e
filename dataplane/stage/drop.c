/* SPDX-License-Identifier: BSD-3-Clause
 *
 * drop.c: what was dropped lately: a packet of each reason and interface, some times a second, so that a
 * flood costs what it did. Of a reason that many interfaces have, those that had it last are remembered.
 */
#include <rte_cycles.h>
#include "dataplane/clock.h"
#include "dataplane/stage/stage.h"

enum { SAMPLES_PER_SECOND = 10 };

/* The interface's own, else one that was never used, else the oldest. */
static struct drop_sample *slot_of(struct worker *worker, unsigned int interface,
				   enum drop_reason reason)
{
	struct drop_sample *slots = worker->shared->drop_sample[worker->id][reason];
	struct drop_sample *oldest = &slots[0]; /* never used: of time 0 */

	for (unsigned int i = 0; i < DROP_SAMPLE_SLOTS; i++) {
		if (slots[i].interface == interface && slots[i].time != 0)
			return &slots[i];
		if (slots[i].time < oldest->time)
			oldest = &slots[i];
	}
	return oldest;
}

static void sample(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
		   enum drop_reason reason)
{
	struct drop_sample *to = slot_of(worker, interface, reason);
	uint32_t captured = RTE_MIN(mbuf->pkt_len, (uint32_t)DROP_SAMPLE_BYTES);
	uint64_t sequence = counter_read(&to->sequence) | 1; /* odd already: its writer died */

	worker->drop_wanted[reason][interface % DROP_WANTED] = 0;
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
	if (worker->drop_wanted[reason][interface % DROP_WANTED] != 0)
		sample(worker, mbuf, interface, reason);
	if (worker->watch & WATCH_PACKETS)
		watch_end(worker, mbuf, interface, WATCH_DROPPED, reason);
}

void drop_sample_again(struct worker *worker, uint64_t now)
{
	memset(worker->drop_wanted, 1, sizeof(worker->drop_wanted));
	worker->drops_wanted_next = now + rte_get_tsc_hz() / SAMPLES_PER_SECOND;
}
