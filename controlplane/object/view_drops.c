/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_drops.c: what was dropped, where, how fast, and what the last such packet looked like.
 */
#include <stdlib.h>
#include <time.h>
#include "packet_text.h"
#include "view.h"

enum { SAMPLE_TRIES = 100 };

/* False: never used, or its writer died while it wrote. */
static bool sample_copy(const struct drop_sample *sample, struct drop_sample *copy)
{
	for (unsigned int i = 0; i < SAMPLE_TRIES; i++) {
		uint64_t sequence = word_load(&sample->sequence);
		if (sequence == 0)
			return false;
		if (sequence % 2 != 0)
			continue;
		memcpy(copy, sample, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (counter_read(&sample->sequence) == sequence)
			return copy->captured <= sizeof(copy->data);
	}
	return false;
}

/* The newest one of all workers. */
static bool sample_of(const struct view *view, uint32_t interface, unsigned int reason,
		      struct drop_sample *newest)
{
	uint64_t workers = view->state != NULL ? word_load(&view->state->control.worker_count) : 0;
	struct drop_sample copy;

	newest->time = 0;
	for (unsigned int i = 0; i < workers && i < WORKER_MAX; i++) {
		const struct drop_sample *slots = view->state->drop_sample[i][reason];
		for (unsigned int k = 0; k < DROP_SAMPLE_SLOTS; k++)
			if (slots[k].interface == interface && sample_copy(&slots[k], &copy) &&
			    copy.interface == interface && copy.time > newest->time)
				*newest = copy;
	}
	return newest->time != 0;
}

static void put_hex(json_t *row, const struct drop_sample *sample)
{
	char hex[2 * sizeof(sample->data) + 1] = "";

	for (unsigned int i = 0; i < sample->captured; i++)
		snprintf(hex + 2 * i, 3, "%02x", sample->data[i]);
	view_string(row, "hex", hex);
}

static void put_sample(json_t *row, const struct drop_sample *sample)
{
	char text[PACKET_TEXT_SIZE];
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	view_number(row, "age", time > sample->time ? (time - sample->time) / 1000000000u : 0);
	view_number(row, "length", sample->length);
	packet_text(sample->data, sample->captured,
		    packet_start_of(sample->data, sample->captured, sample->length), text);
	view_string(row, "headers", text);
	put_hex(row, sample);
}

static json_t *drop_row(const struct view *view, uint32_t interface, unsigned int reason,
			const char *name, uint64_t packets)
{
	const struct model_private *private = view_private(view);
	double rate = private != NULL ? private->drop_rate(view->model, interface, reason) : -1;
	json_t *row = json_object();
	struct drop_sample sample;

	view_string(row, "interface", name);
	view_string(row, "reason", drop_reason_name(reason));
	view_string(row, "text", drop_reason_text(reason));
	view_number(row, "packets", packets);
	if (rate >= 0)
		json_object_set_new(row, "rate",
				    json_real((double)(uint64_t)(rate * 10 + 0.5) / 10));
	if (sample_of(view, interface, reason, &sample))
		put_sample(row, &sample);
	return row;
}

static void put_drops(const struct view *view, json_t *array, uint32_t interface, const char *name,
		      const struct interface_totals *totals)
{
	const uint64_t *count = &TOTAL(totals, drop);

	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (count[i] != 0)
			json_array_append_new(array, drop_row(view, interface, i, name, count[i]));
}

json_t *view_all_drops(const struct view *view, const struct arguments *arguments,
		       struct error *error)
{
	return view_totals(view, arguments, put_drops, error);
}
