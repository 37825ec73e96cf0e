/* SPDX-License-Identifier: BSD-3-Clause
 *
 * traffic.h: packets and bytes that workers counted, from a baseline on. What the counters are of (labels,
 * filters' rules, groups) is their own files' matter.
 */
#ifndef SHUNT_SHM_TRAFFIC_H
#define SHUNT_SHM_TRAFFIC_H

#include "heap.h"

/* What was counted since the baseline. A state file that was made anew counts from 0 again, below it. */
static inline uint64_t counter_since(uint64_t total, uint64_t baseline)
{
	return total >= baseline ? total - baseline : total;
}

/* Add what a worker counted to a sum. */
static inline void traffic_add(const struct traffic_counter *counter, uint64_t *packets,
			       uint64_t *bytes)
{
	*packets += counter_read(&counter->packets);
	*bytes += counter_read(&counter->bytes);
}

/* Take the baseline off a sum: entry `index` of the `count` traffic_counter at the heap offset `baseline`
 * (0: there is none). Anybody. */
void traffic_since(const struct tables *tables, uint64_t baseline, uint32_t count, uint32_t index,
		   uint64_t *packets, uint64_t *bytes);

/* A sum becomes entry `index` of the baseline whose heap offset is in `word`: made of `count` entries when
 * first needed, which is not for a sum of nothing. Control plane. -ENOSPC. */
int traffic_baseline_set(struct heap *heap, _Atomic uint64_t *word, uint32_t count, uint32_t index,
			 uint64_t packets, uint64_t bytes);

#endif
