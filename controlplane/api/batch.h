/* SPDX-License-Identifier: BSD-3-Clause
 *
 * batch.h: many commands as lines of text, executed in slices.
 *
 * Atomic: all lines are parsed before the first is executed; any error undoes what was done, and
 * nothing reaches the journal. Otherwise what succeeded stands, journaled slice by slice, always
 * before it is answered.
 */
#ifndef SHUNT_API_BATCH_H
#define SHUNT_API_BATCH_H

#include "controlplane/api/lines.h"
#include "controlplane/api/unit.h"

enum batch_flag {
	BATCH_ATOMIC = 1 << 0,
	BATCH_CONTINUE = 1 << 1, /* go on after an error (not atomic) */
	BATCH_REORDER = 1 << 2,  /* with ATOMIC: the order of the lines is a suggestion. What is
			 * refused  is tried again after the others, as long as that helps */
};

enum { BATCH_ERRORS_MAX = 1000 }; /* that are listed; all are counted */

enum batch_phase { BATCH_PARSE, BATCH_EXECUTE, BATCH_UNDO, BATCH_OVER };

struct batch {
	struct api *api;
	const char **line; /* owned array of borrowed lines */
	size_t count;
	json_t *owner;      /* a reference that keeps the lines alive, or NULL */
	struct buffer text; /* or they stand here */
	unsigned int flags;
	enum batch_phase phase;
	char source[100];         /* what its configuration was read from; "": no file */
	bool journaled_elsewhere; /* at start: success is not appended to the journal here */
	bool exclusive;           /* others' changes must wait now */
	size_t next;              /* line */
	struct unit unit;
	size_t unit_first; /* line where the unit began */
	size_t *postponed; /* REORDER: lines that were refused in this round */
	size_t postponed_count;
	bool progress; /* REORDER: a line was accepted in this round */
	size_t done;   /* commands accepted */
	size_t failed;
	int first_code; /* of the first error that is listed, negative errno */
	json_t *errors; /* [{index, message, column, length, expected, kind}] */
};

/* A batch of the strings of a JSON array (a reference is kept), or NULL and *error set if an
 * element is no string. */
struct batch *batch_from_json(struct api *api, json_t *lines, unsigned int flags,
			      struct error *error);

/* A batch of lines that were cut out of a message; they are taken over. */
struct batch *batch_from_lines(struct api *api, struct lines *lines, unsigned int flags);

/* A batch of the lines in `text`, which is taken over. */
struct batch *batch_from_text(struct api *api, struct buffer *text, unsigned int flags);

/* Work until about `deadline` (queue_clock). True: it is over. */
bool batch_step(struct batch *batch, uint64_t deadline);

/* {"done":N,"failed":N,"errors":[...]}: a new reference. */
json_t *batch_result(const struct batch *batch);

void batch_free(struct batch *batch);

#endif
