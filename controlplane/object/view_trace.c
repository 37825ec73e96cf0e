/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_trace.c: the packets of the last trace, from the workers' rings.
 */
#include "view_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static const char *const end_names[] = { "transmitted", "dropped", "punted", "consumed" };
static const char *const consumer_names[] = {
#define X(name, text) #name,
	WATCH_CONSUMERS(X)
#undef X
};

/* ---- records to JSON ---- */

static void put_bytes(json_t *object, const struct trace_record *record)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * TRACE_BYTES + 1];
	unsigned int count = record->captured <= TRACE_BYTES ? record->captured : TRACE_BYTES;

	for (unsigned int i = 0; i < count; i++) {
		text[2 * i] = digits[record->data[i] >> 4];
		text[2 * i + 1] = digits[record->data[i] & 0xf];
	}
	text[2 * count] = 0;
	view_number(object, "length", record->length);
	view_string(object, "bytes", text);
}

static void put_time(json_t *object, uint64_t time)
{
	time_t seconds = (time_t)(time / 1000000000u);
	struct tm parts = { 0 };
	char text[48], whole[80];

	gmtime_r(&seconds, &parts);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(whole, sizeof(whole), "%s.%06" PRIu64 "Z", text, time % 1000000000u / 1000);
	view_string(object, "time", whole);
}

static const char *reason_name(const struct trace_record *record)
{
	if (record->end == WATCH_DROPPED)
		return record->reason < DROP_REASON_COUNT ? drop_reason_name(record->reason) : "?";
	if (record->end == WATCH_PUNTED)
		return record->reason < PUNT_REASON_COUNT ? punt_reason_name(record->reason) : "?";
	return record->reason < WATCH_CONSUMED_COUNT ? consumer_names[record->reason] : "?";
}

static json_t *end_object(const struct view *view, const struct trace_record *record)
{
	json_t *object = json_object();
	char name[NAME_SIZE];

	view_string(object, "end", record->end < WATCH_ENDS ? end_names[record->end] : "?");
	view_string(object, "stage", stage_name(record->stage));
	if (record->end == WATCH_TRANSMITTED) {
		view_interface(view, record->reason, name);
		view_string(object, "port", name);
	} else {
		view_interface(view, record->interface, name);
		view_string(object, "interface", name);
		view_string(object, "reason", reason_name(record));
	}
	put_bytes(object, record);
	return object;
}

/* ---- a packet ---- */

/* One of a worker's packets while its records are gone through. */
struct traced {
	json_t *object, *steps, *ends;
	json_t *lookups; /* of the stage that it is in; NULL: none so far */
	unsigned int stage;
};

static json_t *step_end(struct traced *traced)
{
	json_t *step = json_object();

	view_string(step, "stage", stage_name(traced->stage));
	json_object_set_new(step, "lookups", traced->lookups ? traced->lookups : json_array());
	traced->lookups = NULL;
	json_array_append_new(traced->steps, step);
	return step;
}

static void take_arrival(const struct view *view, struct traced *traced, unsigned int worker,
			 const struct trace_record *record)
{
	char name[NAME_SIZE];

	if (traced->object != NULL)
		return;
	traced->object = json_object();
	traced->steps = json_array();
	traced->ends = json_array();
	view_number(traced->object, "worker", worker);
	view_number(traced->object, "number", record->packet);
	if (record->index != 0)
		json_object_set_new(traced->object, "continued", json_true());
	put_time(traced->object, record->time);
	view_interface(view, record->interface, name);
	view_string(traced->object, "interface", name);
	put_bytes(traced->object, record);
}

static void take_stage(const struct view *view, struct traced *traced,
		       const struct trace_record *record)
{
	char name[NAME_SIZE];

	traced->stage = record->stage;
	json_t *step = step_end(traced);
	if (record->next < STAGE_COUNT)
		view_string(step, "next", stage_name(record->next));
	view_interface(view, record->interface, name);
	view_string(step, "interface", name);
}

static void take_record(const struct view *view, struct traced *traced,
			const struct trace_record *record)
{
	if (traced->object == NULL)
		return;
	if (traced->lookups != NULL && traced->stage != record->stage)
		step_end(traced);
	if (record->kind == TRACE_LOOKUP) {
		traced->stage = record->stage;
		if (traced->lookups == NULL)
			traced->lookups = json_array();
		json_array_append_new(traced->lookups, view_trace_lookup(view, record));
	} else if (record->kind == TRACE_STAGE) {
		take_stage(view, traced, record);
	} else if (record->kind == TRACE_END) {
		json_array_append_new(traced->ends, end_object(view, record));
	}
}

static json_t *traced_end(struct traced *traced)
{
	if (traced->lookups != NULL)
		step_end(traced);
	json_object_set_new(traced->object, "steps", traced->steps);
	json_object_set_new(traced->object, "ends", traced->ends);
	return traced->object;
}

/* ---- rings ---- */

static void read_worker(const struct view *view, unsigned int worker,
			const struct trace_record *record, uint64_t count, json_t *packets)
{
	struct traced *traced = calloc(TRACE_PACKETS_MAX, sizeof(*traced));

	for (uint64_t i = 0; traced != NULL && i < count; i++) {
		if (record[i].packet >= TRACE_PACKETS_MAX)
			continue;
		struct traced *one = &traced[record[i].packet];
		if (record[i].kind == TRACE_ARRIVED)
			take_arrival(view, one, worker, &record[i]);
		else
			take_record(view, one, &record[i]);
	}
	for (unsigned int i = 0; traced != NULL && i < TRACE_PACKETS_MAX; i++)
		if (traced[i].object != NULL)
			json_array_append_new(packets, traced_end(&traced[i]));
	free(traced);
}

/* The worker may begin another trace meanwhile: then this one is gone. */
static void read_ring(const struct view *view, unsigned int worker, uint64_t generation,
		      json_t *packets)
{
	const struct trace_ring *ring = &view->state->trace[worker];

	if (word_load(&ring->generation) != generation)
		return;
	uint64_t count = word_load(&ring->count);
	if (count == 0 || count > TRACE_SLOTS)
		return;
	struct trace_record *copy = malloc(count * sizeof(*copy));
	if (copy == NULL)
		return;
	memcpy(copy, ring->record, count * sizeof(*copy));
	atomic_thread_fence(memory_order_acquire);
	if (word_load(&ring->generation) == generation)
		read_worker(view, worker, copy, count, packets);
	free(copy);
}

/* Of the trace that is on, or of the last one that any worker saw. */
static uint64_t generation_of(const struct view *view, unsigned int workers, bool *active)
{
	const struct watch_wish *wish = tables_object_checked(
		view->tables, word_load(&view->tables->control.trace), sizeof(*wish));
	uint64_t newest = 0;

	*active = wish != NULL;
	if (wish != NULL)
		return wish->generation;
	for (unsigned int i = 0; i < workers; i++) {
		uint64_t generation = word_load(&view->state->trace[i].generation);
		newest = generation > newest ? generation : newest;
	}
	return newest;
}

/* In the order in which they came; those of one vector may have the same time. */
static int by_time(const void *a, const void *b)
{
	const json_t *first = *(json_t *const *)a, *second = *(json_t *const *)b;
	json_int_t before = json_integer_value(json_object_get(first, "number"));
	json_int_t behind = json_integer_value(json_object_get(second, "number"));
	int order = strcmp(json_string_value(json_object_get(first, "time")),
			   json_string_value(json_object_get(second, "time")));

	return order != 0 ? order : (before > behind) - (before < behind);
}

static json_t *sorted(json_t *packets)
{
	size_t count = json_array_size(packets);
	json_t **order = calloc(count + 1, sizeof(*order));
	json_t *result = json_array();

	for (size_t i = 0; order != NULL && i < count; i++)
		order[i] = json_array_get(packets, i);
	if (order != NULL)
		qsort(order, count, sizeof(*order), by_time);
	for (size_t i = 0; order != NULL && i < count; i++)
		json_array_append(result, order[i]);
	free(order);
	json_decref(packets);
	return result;
}

json_t *view_trace(const struct view *view, const struct arguments *arguments, struct error *error)
{
	json_t *packets = json_array(), *object = json_object();
	unsigned int workers = 0;
	uint64_t generation = 0;
	bool active = false;

	(void)arguments;
	(void)error;
	if (view->state != NULL) {
		uint64_t count = word_load(&view->state->control.worker_count);
		workers = count < WORKER_MAX ? (unsigned int)count : WORKER_MAX;
		generation = generation_of(view, workers, &active);
	}
	for (unsigned int i = 0; i < workers && generation != 0; i++)
		read_ring(view, i, generation, packets);
	view_number(object, "generation", generation);
	json_object_set_new(object, "active", json_boolean(active));
	json_object_set_new(object, "packets", sorted(packets));
	return object;
}
