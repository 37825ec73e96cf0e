/* SPDX-License-Identifier: BSD-3-Clause
 *
 * epoch.h: when may memory be reused that a worker of another process might still read?
 *
 * The control plane's `epoch` stands in `tables`, each worker's `seen` in `state`. To free:
 * unlink, sequentially consistent fence, raise the epoch to e. The period is over when every worker
 * has seen e or is offline. A worker reports at the top of its loop and nowhere else, and keeps no
 * table index from one turn to the next. Each word has one writer, so a process that dies at any
 * point leaves nothing held: a dead data plane (its file's lock is free) reads nothing, and a new one
 * starts with every worker offline before it maps the tables.
 */
#ifndef SHUNT_SHM_EPOCH_H
#define SHUNT_SHM_EPOCH_H

#include <stdbool.h>
#include "layout.h"

/* Worker, at the top of its loop: what was read before is not used any more. */
static inline void epoch_report(const struct tables *tables, struct worker_state *worker)
{
	uint64_t epoch = word_load(&tables->control.epoch);
	if (atomic_load_explicit(&worker->seen, memory_order_relaxed) != epoch)
		word_store(&worker->seen, epoch);
}

/* Worker, before it sleeps or ends: it holds nothing. */
static inline void epoch_offline(struct worker_state *worker)
{
	word_store(&worker->seen, WORKER_OFFLINE);
}

/* Worker, before its first read after it was offline. */
static inline void epoch_online(const struct tables *tables, struct worker_state *worker)
{
	word_store(&worker->seen, word_load(&tables->control.epoch));
	atomic_thread_fence(memory_order_seq_cst);
}

/* Control plane, after unlinking: begins a grace period and returns its epoch. */
static inline uint64_t epoch_begin(struct tables *tables)
{
	atomic_thread_fence(memory_order_seq_cst);
	uint64_t epoch = atomic_load_explicit(&tables->control.epoch, memory_order_relaxed) + 1;
	atomic_store_explicit(&tables->control.epoch, epoch, memory_order_seq_cst);
	return epoch;
}

/* Control plane: is the period that began with `epoch` over? `state` NULL: no data plane was ever
 * seen, or the one that was is dead: nobody reads. Never blocks. */
bool epoch_over(const struct state *state, uint64_t epoch);

#endif
