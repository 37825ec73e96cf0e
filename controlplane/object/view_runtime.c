/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_runtime.c: what the stages of each worker cost.
 */
#include "view.h"

static uint64_t cycles_of(const struct stage_counters *stage)
{
	uint64_t cycles = 0;

	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		cycles += counter_read(&stage[i].cycles);
	return cycles;
}

/* `all`: cycles of all of the worker's stages. */
static json_t *stage_row(unsigned int worker, unsigned int stage,
			 const struct stage_counters *counters, uint64_t all)
{
	uint64_t calls = counter_read(&counters->calls);
	uint64_t packets = counter_read(&counters->packets);
	uint64_t cycles = counter_read(&counters->cycles);
	json_t *row = json_object();

	view_number(row, "worker", worker);
	view_string(row, "stage", stage_name(stage));
	view_number(row, "calls", calls);
	view_number(row, "packets", packets);
	json_object_set_new(row, "packets_per_call", view_ratio(packets, calls, 100));
	json_object_set_new(row, "cycles_per_packet", view_ratio(cycles, packets, 10));
	json_object_set_new(row, "percent", view_ratio(cycles * 100, all, 10));
	return row;
}

json_t *view_ratio(uint64_t part, uint64_t whole, uint64_t places)
{
	double ratio = whole == 0 ? 0 : (double)part / (double)whole;

	return json_real((double)(uint64_t)(ratio * (double)places + 0.5) / (double)places);
}

json_t *view_runtime(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	json_t *array = json_array();

	(void)arguments;
	(void)error;
	if (view->state == NULL)
		return array;
	uint64_t workers = word_load(&view->state->control.worker_count);
	for (unsigned int i = 0; i < workers && i < WORKER_MAX; i++) {
		const struct stage_counters *stage = view->state->runtime[i];
		uint64_t cycles = cycles_of(stage);
		for (unsigned int k = 0; k < STAGE_COUNT; k++)
			if (counter_read(&stage[k].calls) != 0)
				json_array_append_new(array, stage_row(i, k, &stage[k], cycles));
	}
	return array;
}
