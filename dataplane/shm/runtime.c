/* SPDX-License-Identifier: BSD-3-Clause
 *
 * runtime.c: what the workers counted of their stages, from a baseline on.
 */
#include <errno.h>
#include <string.h>
#include "reader.h"
#include "table.h"
#include "traffic.h"
#include "watch.h"

static struct stage_totals read_stage(const struct stage_counters *counters)
{
	return (struct stage_totals){ .calls = counter_read(&counters->calls),
				      .packets = counter_read(&counters->packets),
				      .cycles = counter_read(&counters->cycles) };
}

void stage_totals(const struct tables *tables, const struct state *state, unsigned int worker,
		  unsigned int stage, struct stage_totals *totals)
{
	const struct runtime_baseline *baseline = tables_object_checked(
		tables, word_load(&tables->runtime_baseline), sizeof(*baseline));

	*totals = read_stage(&state->runtime[worker][stage]);
	if (baseline == NULL)
		return;
	struct stage_totals from = read_stage(&baseline->stage[worker][stage]);
	/* of all three or of none: what a state file made anew counted has passed some of them sooner */
	if (totals->calls < from.calls || totals->packets < from.packets ||
	    totals->cycles < from.cycles)
		return;
	totals->calls -= from.calls;
	totals->packets -= from.packets;
	totals->cycles -= from.cycles;
}

int runtime_baseline_set(struct tables *tables, struct heap *heap, const struct state *state)
{
	uint64_t offset = heap_allocate(heap, sizeof(struct runtime_baseline));

	if (offset == 0)
		return -ENOSPC;
	struct runtime_baseline *baseline = (struct runtime_baseline *)heap_object(heap, offset);
	memset(baseline, 0, sizeof(*baseline));
	uint64_t workers = state == NULL ? 0 : word_load(&state->control.worker_count);
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++)
		for (unsigned int k = 0; k < STAGE_COUNT; k++) {
			struct stage_totals now = read_stage(&state->runtime[i][k]);
			word_store(&baseline->stage[i][k].calls, now.calls);
			word_store(&baseline->stage[i][k].packets, now.packets);
			word_store(&baseline->stage[i][k].cycles, now.cycles);
		}
	uint64_t old = word_load(&tables->runtime_baseline);
	word_store(&tables->runtime_baseline, offset);
	heap_free(heap, old, sizeof(*baseline));
	return 0;
}
