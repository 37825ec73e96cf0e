/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_runtime.c: what the stages of each worker cost.
 */
#include "dataplane/shm/table.h"
#include "view.h"

static uint64_t cycles_of(const struct stage_totals *stage)
{
	uint64_t cycles = 0;

	for (unsigned int i = 0; i < STAGE_COUNT; i++)
		cycles += stage[i].cycles;
	return cycles;
}

/* `all`: cycles of all of the worker's stages. */
static json_t *stage_row(unsigned int worker, unsigned int stage, const struct stage_totals *totals,
			 uint64_t all)
{
	json_t *row = json_object();

	view_number(row, "worker", worker);
	view_string(row, "stage", stage_name(stage));
	view_number(row, "calls", totals->calls);
	view_number(row, "packets", totals->packets);
	json_object_set_new(row, "packets_per_call",
			    view_ratio(totals->packets, totals->calls, 100));
	json_object_set_new(row, "cycles_per_packet",
			    view_ratio(totals->cycles, totals->packets, 10));
	json_object_set_new(row, "percent", view_ratio(totals->cycles * 100, all, 10));
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
		struct stage_totals stage[STAGE_COUNT];
		for (unsigned int k = 0; k < STAGE_COUNT; k++)
			stage_totals(view->tables, view->state, i, k, &stage[k]);
		uint64_t cycles = cycles_of(stage);
		for (unsigned int k = 0; k < STAGE_COUNT; k++)
			if (stage[k].calls != 0)
				json_array_append_new(array, stage_row(i, k, &stage[k], cycles));
	}
	return array;
}
