/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast-counter.c: what the workers counted for bridges' groups.
 */
#include <errno.h>
#include "reader.h"
#include "table.h"

enum { BASELINE_SIZE = MULTICAST_COUNTERS * sizeof(struct traffic_counter) };

static void sum_workers(const struct state *state, uint32_t counter, uint64_t *packets,
			uint64_t *bytes)
{
	*packets = *bytes = 0;
	if (state == NULL || counter == 0 || counter >= MULTICAST_COUNTERS)
		return;
	uint64_t workers = word_load(&state->control.worker_count);
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		*packets += counter_read(&state->multicast[i][counter].packets);
		*bytes += counter_read(&state->multicast[i][counter].bytes);
	}
}

void multicast_counters(const struct tables *tables, const struct state *state, uint32_t counter,
			uint64_t *packets, uint64_t *bytes)
{
	const struct traffic_counter *baseline = tables_object_checked(
		tables, word_load(&tables->multicast_baseline), BASELINE_SIZE);

	sum_workers(state, counter, packets, bytes);
	if (baseline == NULL || counter >= MULTICAST_COUNTERS)
		return;
	uint64_t from_packets = counter_read(&baseline[counter].packets);
	uint64_t from_bytes = counter_read(&baseline[counter].bytes);
	/* a state file that was made anew counts from 0 again, below its baseline */
	*packets -= *packets >= from_packets ? from_packets : 0;
	*bytes -= *bytes >= from_bytes ? from_bytes : 0;
}

int multicast_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
			   uint32_t counter)
{
	uint64_t offset = word_load(&tables->multicast_baseline), packets, bytes;

	if (counter == 0 || counter >= MULTICAST_COUNTERS)
		return -EINVAL;
	sum_workers(state, counter, &packets, &bytes);
	if (packets == 0 && bytes == 0 && offset == 0)
		return 0;
	if (offset == 0) {
		offset = heap_allocate(heap, BASELINE_SIZE);
		if (offset == 0)
			return -ENOSPC;
		word_store(&tables->multicast_baseline, offset);
	}
	struct traffic_counter *baseline =
		(struct traffic_counter *)heap_object(heap, offset) + counter;
	word_store(&baseline->packets, packets);
	word_store(&baseline->bytes, bytes);
	return 0;
}
