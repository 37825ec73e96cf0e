/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch.h: wishes to see packets: trace and capture. They are neither configuration nor journaled, end
 * with this process at the latest when the next one starts, and else by count or at their deadline.
 */
#ifndef SHUNT_OBJECT_WATCH_H
#define SHUNT_OBJECT_WATCH_H

#include "controlplane/api/command.h"

struct model;

/* What one of the words in struct tables_control names. */
struct watch_object {
	uint64_t offset, size; /* of the struct watch_wish in the heap; 0: none */
	uint64_t generation;   /* of the last one */
	uint64_t deadline;     /* CLOCK_MONOTONIC nanoseconds */
};

struct watch_request {
	uint64_t count;      /* packets; 0: no limit */
	const char *port;    /* name of the ingress interface; NULL: any */
	const char *program; /* as watch_program has it; NULL: every frame */
	uint64_t timeout;    /* nanoseconds */
	uint32_t options;    /* of this kind of wish */
};

/* A program of the BSD packet filter as text: instructions with a comma between, each four numbers with
 * blanks between: code, jumps if true and if false, value (what `tcpdump -ddd` prints, without its first
 * line and with commas for newlines). Returns how many instructions were written to `program`
 * (WATCH_PROGRAM_MAX at most), or -EINVAL with *error set: not such text, or a program that jumps or reads
 * where it must not. */
int watch_program(const char *text, struct watch_instruction *program, struct error *error);

/* Publish a wish in `word` (tables_control.trace or .capture) instead of the one before. object->generation
 * is what its answers are known by. 0, -ENOENT (no such interface), -EINVAL, -ENOSPC. */
int watch_begin(struct model *model, struct watch_object *object, _Atomic uint64_t *word,
		const struct watch_request *request, struct error *error);

/* What object wishes lasts from now on for so many nanoseconds. */
void watch_renew(struct model *model, struct watch_object *object, uint64_t timeout);

/* Nothing is wished any more. */
void watch_stop(struct model *model, struct watch_object *object, _Atomic uint64_t *word);

/* Take back what is past its deadline. */
void watch_poll(struct model *model);

/* What an earlier control plane wished: nobody waits for it. Before the heap's objects are claimed. */
void watch_forget(struct model *model);

extern const struct handler trace_handler;
extern const struct handler capture_handler;

#endif
