/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_counters.c: counters, workers.
 */
#include "view.h"

json_t *view_totals(const struct view *view, const struct arguments *arguments,
		    void (*put)(const struct view *view, json_t *array, uint32_t interface,
				const char *name, const struct interface_totals *totals),
		    struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);
	json_t *array = json_array();
	bool found = only == NULL;

	uint32_t end = tables_interface_end(view->tables);

	for (uint32_t i = 0; i < end; i++) {
		struct interface_totals totals;
		char name[NAME_SIZE];
		if (view_interface(view, i, name) == 0 || (only != NULL && strcmp(only, name) != 0))
			continue;
		found = true;
		interface_totals(view->tables, view->state, i, &totals);
		put(view, array, i, name, &totals);
	}
	if (found)
		return array;
	json_decref(array);
	error_set(error, ERROR_REFUSED, -ENOENT, "interface %s does not exist", only);
	return NULL;
}

/* Everything that came in or was made has one end; what has none yet is in flight. Workers count
 * while this adds up, so in_flight may be off by what they did meanwhile. */
static void put_counters(const struct view *view, json_t *array, uint32_t interface,
			 const char *name, const struct interface_totals *totals)
{
	uint64_t dropped = 0;
	json_t *row = json_object();

	(void)view;
	(void)interface;
	for (unsigned int i = 0; i < DROP_REASON_MAX; i++)
		dropped += (&TOTAL(totals, drop))[i];
	uint64_t begins = TOTAL(totals, rx_packets) + TOTAL(totals, injected) +
			  TOTAL(totals, copies) + TOTAL(totals, fragments);
	uint64_t ends = TOTAL(totals, forwarded) - TOTAL(totals, tx_dropped) +
			TOTAL(totals, punted) + TOTAL(totals, consumed) +
			TOTAL(totals, decapsulated) + dropped;
	view_string(row, "interface", name);
	view_number(row, "rx_packets", TOTAL(totals, rx_packets));
	view_number(row, "rx_bytes", TOTAL(totals, rx_bytes));
	view_number(row, "injected", TOTAL(totals, injected));
	view_number(row, "copies", TOTAL(totals, copies));
	view_number(row, "copies_failed", TOTAL(totals, copies_failed));
	view_number(row, "fragments", TOTAL(totals, fragments));
	view_number(row, "forwarded", TOTAL(totals, forwarded));
	view_number(row, "tx_dropped", TOTAL(totals, tx_dropped));
	view_number(row, "punted", TOTAL(totals, punted));
	view_number(row, "consumed", TOTAL(totals, consumed));
	view_number(row, "decapsulated", TOTAL(totals, decapsulated));
	view_number(row, "dropped", dropped);
	view_number(row, "xdp_dropped", (&TOTAL(totals, drop))[DROP_filter_xdp]);
	view_number(row, "tx_packets", TOTAL(totals, tx_packets));
	view_number(row, "tx_bytes", TOTAL(totals, tx_bytes));
	view_number(row, "ends", ends);
	json_object_set_new(row, "in_flight", json_integer((json_int_t)(begins - ends)));
	json_object_set_new(row, "drops", view_drops(totals));
	json_array_append_new(array, row);
}

json_t *view_counters(const struct view *view, const struct arguments *arguments,
		      struct error *error)
{
	return view_totals(view, arguments, put_counters, error);
}

static json_t *worker_row(const struct worker_state *worker, unsigned int id)
{
	json_t *row = json_object(), *punted = json_object();
	uint64_t packets = counter_read(&worker->packets);
	uint64_t busy = counter_read(&worker->busy_cycles);

	view_number(row, "worker", id);
	view_number(row, "lcore", counter_read(&worker->lcore));
	json_object_set_new(row, "online",
			    json_boolean(counter_read(&worker->seen) != WORKER_OFFLINE));
	view_number(row, "turns", counter_read(&worker->turns));
	view_number(row, "busy_turns", counter_read(&worker->busy_turns));
	view_number(row, "packets", packets);
	view_number(row, "busy_cycles", busy);
	view_number(row, "idle_cycles", counter_read(&worker->idle_cycles));
	view_number(row, "naps", counter_read(&worker->naps));
	if (packets != 0)
		json_object_set_new(row, "cycles_per_packet",
				    json_real((double)busy / (double)packets));
	for (unsigned int i = 0; i < PUNT_REASON_COUNT; i++)
		if (counter_read(&worker->punted[i]) != 0)
			view_number(punted, punt_reason_name(i), counter_read(&worker->punted[i]));
	json_object_set_new(row, "punted", punted);
	return row;
}

json_t *view_workers(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	json_t *array = json_array();

	(void)arguments;
	(void)error;
	if (view->state == NULL)
		return array;
	uint64_t count = word_load(&view->state->control.worker_count);
	for (unsigned int i = 0; i < count && i < WORKER_MAX; i++)
		json_array_append_new(array, worker_row(&view->state->worker[i], i));
	return array;
}
