/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watching.h: insides of watch.c, trace.c and capture.c: what a worker that watches remembers.
 */
#ifndef SHUNT_STAGE_WATCHING_H
#define SHUNT_STAGE_WATCHING_H

#include "dataplane/stage/capture.h"
#include "dataplane/stage/watch-match.h"
#include "dataplane/stage/watch.h"

/* The wishes that there may be. */
enum watch_subject { WATCHED_TRACE, WATCHED_CAPTURE, WATCHED_COUNT };

/* A wish as the worker keeps it: what the tables have may be freed while it is looked at. */
struct watch_active {
	uint64_t generation; /* 0: none yet */
	uint64_t count;
	uint64_t seen; /* packets reported so far: by who reports them */
	uint32_t interface, options;
	struct watch_match match;
};

/* A trace in the making. */
struct trace_state {
	uint64_t generation; /* of the wish that the ring is about */
	uint64_t turn;       /* in the marks of this turn; no other worker has the same */
	uint64_t first_turn; /* of this trace */
	unsigned int written;
	unsigned int taken; /* from other workers; their numbers count from the last one down */
	uint8_t records[TRACE_PACKETS_MAX];    /* of each packet */
	bool entered[TRACE_PACKETS_MAX];       /* the stage that is run */
	uint32_t interface[TRACE_PACKETS_MAX]; /* at which it was counted then */
	struct trace_record spilled;
};

/* What stood in the vectors between stages and in the transmit buffers before a stage began. */
enum { WATCH_VECTORS = 6 };
struct watch_passed {
	unsigned int vector[WATCH_VECTORS]; /* in the order of watch_vector */
	uint16_t port[PORT_MAX];
};

/* Of the worker alone, made by watch_init. */
struct watching {
	uint64_t cycles;     /* of this turn's stages: the rest is receiving */
	enum stage_id stage; /* that is run */
	struct watch_active active[WATCHED_COUNT];
	struct trace_state trace;
	struct watch_passed passed;
	const struct vector *emptied; /* by it */
};

/* One of the vectors between stages, 0 to WATCH_VECTORS - 1. */
const struct vector *watch_vector(const struct worker *worker, unsigned int number);

#endif
