/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast-counter.c: what the workers counted for bridges' groups.
 */
#include <errno.h>
#include "table.h"
#include "traffic.h"

static void sum_workers(const struct state *state, uint32_t counter, uint64_t *packets,
			uint64_t *bytes)
{
	*packets = *bytes = 0;
	if (state == NULL || counter == 0 || counter >= MULTICAST_COUNTERS)
		return;
	uint64_t workers = word_load(&state->control.worker_count);
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++)
		traffic_add(&state->multicast[i][counter], packets, bytes);
}

void multicast_counters(const struct tables *tables, const struct state *state, uint32_t counter,
			uint64_t *packets, uint64_t *bytes)
{
	sum_workers(state, counter, packets, bytes);
	if (counter < MULTICAST_COUNTERS)
		traffic_since(tables, word_load(&tables->multicast_baseline), MULTICAST_COUNTERS,
			      counter, packets, bytes);
}

int multicast_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
			   uint32_t counter)
{
	uint64_t packets, bytes;

	if (counter == 0 || counter >= MULTICAST_COUNTERS)
		return -EINVAL;
	sum_workers(state, counter, &packets, &bytes);
	return traffic_baseline_set(heap, &tables->multicast_baseline, MULTICAST_COUNTERS, counter,
				    packets, bytes);
}
