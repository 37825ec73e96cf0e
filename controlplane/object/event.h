/* SPDX-License-Identifier: BSD-3-Clause
 *
 * event.h: what happened lately: a ring of the last EVENT_MAX events, oldest overwritten first.
 *
 * Events are for people and their log collectors; nothing in shunt acts on them. Each has a number
 * that grows for ever, over restarts of the process too, so that a follower knows where it was.
 */
#ifndef SHUNT_OBJECT_EVENT_H
#define SHUNT_OBJECT_EVENT_H

#include <jansson.h>
#include <stdint.h>
#include "controlplane/api/command.h"

enum { EVENT_MAX = 2048, EVENT_TEXT_MAX = 160 };

struct event {
	uint64_t number; /* the time in nanoseconds since 1970, made to differ from all before */
	enum event_kind kind;
	char object[NAME_SIZE]; /* interface, filter, ...; "" if there is none */
	char text[EVENT_TEXT_MAX];
};

struct event_ring {
	uint64_t count; /* ever added; the last EVENT_MAX of them are in event[] */
	uint64_t last;  /* number of the last one */
	uint64_t of_kind[EVENT_KINDS]; /* ever added */
	struct event event[EVENT_MAX];
};

/* Where each event is written as a JSON line, beside the ring. */
enum event_sink { EVENT_SINK_NONE, EVENT_SINK_STDERR, EVENT_SINK_SYSLOG };

/* The whole process' sink; before the first event. */
void event_sink_set(enum event_sink sink);

struct model;

/* Add one: `object` names whom it is about, or is "". From the event loop. */
void model_event(struct model *model, enum event_kind kind, const char *object, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));

/* Events from number `from` on, oldest first, at most the last `count` of them, of one kind or of all
 * (EVENT_KINDS): a new reference to an array of { number, time, kind, object, text }. */
json_t *event_list(const struct event_ring *ring, uint64_t from, uint64_t count,
		   enum event_kind kind);

#endif
