/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/object/event.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "controlplane/object/event_log.h"
#include "controlplane/object/model.h"

static enum event_sink sink;
static uint64_t lost; /* that the log did not take, since it took the last one */

void event_sink_set(enum event_sink to)
{
	sink = to;
}

/* 2026-11-22T03:04:05.123456Z */
static void time_format(uint64_t number, char text[32])
{
	time_t seconds = (time_t)(number / 1000000000u);
	struct tm utc;
	char day[24];

	gmtime_r(&seconds, &utc);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(text, 32, "%s.%06uZ", day, (unsigned int)(number % 1000000000u / 1000));
}

static json_t *event_json(const struct event *event)
{
	json_t *row = json_object(), *text = json_string(event->text);
	char time[32];

	time_format(event->number, time);
	json_object_set_new(row, "number", json_integer((json_int_t)event->number));
	json_object_set_new(row, "time", json_string(time));
	json_object_set_new(row, "kind", json_string(event_kind_words[event->kind]));
	if (event->object[0] != '\0')
		json_object_set_new(row, "object", json_string(event->object));
	json_object_set_new(row, "text", text != NULL ? text : json_string("?"));
	return row;
}

static void tell(const struct event *event)
{
	if (sink == EVENT_SINK_NONE)
		return;
	json_t *row = event_json(event);
	if (lost != 0)
		json_object_set_new(row, "lost", json_integer((json_int_t)lost));
	char *line = json_dumps(row, JSON_COMPACT);
	json_decref(row);
	if (line == NULL)
		return;
	if (sink == EVENT_SINK_SYSLOG)
		lost = event_log_write(line, strlen(line)) ? 0 : lost + 1;
	else
		fprintf(stderr, "%s\n", line);
	free(line);
}

/* Take a character off that was cut in the middle (UTF-8, RFC 3629 3): JSON has none of these. */
static void end_of_character(char *text)
{
	size_t length = strlen(text), begin = length;
	unsigned int bytes = 1;

	while (begin > 0 && ((unsigned char)text[--begin] & 0xc0) == 0x80)
		bytes++;
	unsigned char first = (unsigned char)text[begin];
	if (bytes < (first >= 0xf0 ? 4u : first >= 0xe0 ? 3u : first >= 0xc0 ? 2u : 1u))
		text[begin] = '\0';
}

void model_event(struct model *model, enum event_kind kind, const char *object, const char *format,
		 ...)
{
	struct event_ring *ring = &model->events;
	struct event *event = &ring->event[ring->count % EVENT_MAX];
	struct timespec now;
	va_list arguments;

	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t number = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	ring->last = number > ring->last ? number : ring->last + 1;
	event->number = ring->last;
	event->kind = kind;
	snprintf(event->object, sizeof(event->object), "%s", object);
	va_start(arguments, format);
	if (vsnprintf(event->text, sizeof(event->text), format, arguments) >= EVENT_TEXT_MAX)
		end_of_character(event->text);
	va_end(arguments);
	ring->count++;
	ring->of_kind[kind]++;
	tell(event);
}

json_t *event_list(const struct event_ring *ring, uint64_t from, uint64_t count,
		   enum event_kind kind)
{
	uint64_t first = ring->count > EVENT_MAX ? ring->count - EVENT_MAX : 0, at = ring->count;
	json_t *array = json_array();

	for (uint64_t found = 0; at > first && found < count; at--) {
		const struct event *event = &ring->event[(at - 1) % EVENT_MAX];
		if (event->number < from)
			break;
		found += kind == EVENT_KINDS || event->kind == kind;
	}
	for (; at < ring->count; at++) {
		const struct event *event = &ring->event[at % EVENT_MAX];
		if (kind == EVENT_KINDS || event->kind == kind)
			json_array_append_new(array, event_json(event));
	}
	return array;
}
