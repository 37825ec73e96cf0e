/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch.h: looking on while packets go through the stages: runtime (cycles per stage), trace, capture.
 *
 * worker->watch says what is looked at in this turn, and is decided at the top of the worker's loop
 * (watch_turn). While it is 0, which is nearly always, a packet meets no hook but the test of that byte
 * where packets end. Else worker_process has the way of watch_process: the same stages, a hook before and
 * behind each.
 */
#ifndef SHUNT_STAGE_WATCH_H
#define SHUNT_STAGE_WATCH_H

#include <rte_branch_prediction.h>
#include "dataplane/worker.h"

enum watch_flag {
	WATCH_RUNTIME =
		1 << 0,       /* cycles and packets of each stage: one of WATCH_SAMPLE busy turns */
	WATCH_TRACE = 1 << 1, /* tables_control.trace */
	WATCH_CAPTURE = 1 << 2,                      /* tables_control.capture */
	WATCH_PACKETS = WATCH_TRACE | WATCH_CAPTURE, /* someone wants to see packets */
};

/* Memory of worker->watching. 0 or -ENOMEM. */
int watch_init(struct worker *worker);

/* What the tables wish to see; sets the bits of worker->watch. */
void watch_wishes(struct worker *worker);

/* Decide what is looked at until the next turn. At the top of the worker's loop, worker->tables set. */
static inline void watch_turn(struct worker *worker)
{
	const struct tables_control *control = &worker->tables->control;

	worker->watch =
		counter_read(&worker->state->busy_turns) % WATCH_SAMPLE == 0 ? WATCH_RUNTIME : 0;
	if (unlikely((word_load(&control->trace) | word_load(&control->capture)) != 0))
		watch_wishes(worker);
}

/* worker_process and worker_stages for a worker that watches. */
void watch_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		   unsigned int count);
void watch_stages(struct worker *worker);

/* The same for output and encapsulate that another stage runs before it is through, as a vector is full. */
enum watch_order { WATCH_OUTPUT_FIRST, WATCH_ENCAPSULATE_FIRST };
void watch_between(struct worker *worker, enum watch_order order);

/* worker_flush likewise. */
void watch_flush(struct worker *worker);

/* A sampled turn is over, in which so many packets came in and so many cycles passed. */
void watch_runtime(struct worker *worker, unsigned int packets, uint64_t cycles);

/* A packet that came in by `interface` ends here; its buffer is still whole. To be called only if
 * worker->watch & WATCH_PACKETS. */
void watch_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum watch_end end, unsigned int reason);

/* `copy` is a copy of the packet, if it has no bytes in common with it: else that is seen. As watch_end. */
void watch_copied(struct worker *worker, const struct rte_mbuf *mbuf, struct rte_mbuf *copy);

/* Fragments were put together: `head` has what `last`, which came in this turn by `interface`, goes on as. As
 * watch_end. */
void watch_joined(struct worker *worker, struct rte_mbuf *head, const struct rte_mbuf *last,
		  unsigned int interface);

/* A packet goes to another worker: what that one is to be told with it. And what it was told. As watch_end. */
uint32_t watch_give(const struct worker *worker, const struct rte_mbuf *mbuf);
void watch_take(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		uint32_t given);

/* The turn is over: readers may have what was reported. If worker->watch & WATCH_PACKETS. */
void watch_done(struct worker *worker);

/* What waits for a port row is about to go, maybe in the middle of a stage, whatever becomes of it. As watch_end. */
void watch_filled(struct worker *worker, unsigned int port);

/* It is about to be handed to its device. As watch_end. */
void watch_transmit(struct worker *worker, unsigned int port);

#endif
