/* SPDX-License-Identifier: BSD-3-Clause
 *
 * unit.h: changes that were executed and do not stand in the journal yet. They are accepted
 * together by one append, or undone together.
 */
#ifndef SHUNT_API_UNIT_H
#define SHUNT_API_UNIT_H

#include "controlplane/api/api.h"

#define UNDO_DELETE  ""  /* the line is an `add`: its `del` undoes it */
#define UNDO_KEPT    "@" /* what there was before need not have a text (an MTU not given) */
#define UNDO_NOTHING "#"

struct unit {
	struct buffer lines; /* for the journal: spelled out, a newline each */
	struct buffer undo;  /* for each, in order, zero-terminated: the command that undoes it, or
			      * UNDO_... */
	struct arguments **kept; /* for each UNDO_KEPT, in order */
	size_t kept_count, kept_capacity;
	size_t count;
	uint64_t undo_waits; /* queue_clock of the first undo that found no room; 0: none did */
	size_t obsolete;     /* bytes of the journal that need not stand there any more, about */
};

/* Execute a changing command and note it. `line` is what it was parsed from, or NULL: where that is
 * spelled out it is noted as it is. 0, or a negative errno with *error set and nothing changed. */
int unit_execute(struct unit *unit, struct api *api, const struct arguments *arguments,
		 const char *line, struct error *error);

/* Append what was noted to the journal, framed if it is to count as a whole. 0: the unit is empty
 * again. Negative errno, *error set: nothing was appended, the unit is as before, undo it. */
int unit_commit(struct unit *unit, struct api *api, bool framed, struct error *error);

/* Undo from the last one back, until `deadline` (queue_clock). True: all is undone. What was deleted
 * from a full table has its room back after a grace period: until then this is not over. */
bool unit_undo(struct unit *unit, struct api *api, uint64_t deadline);

void unit_free(struct unit *unit);

/* Does this command change the configuration (its noun has an `add`, it adds, sets, replaces or
 * deletes)? Others, such as `counters clear` and `bridge fdb flush`, are executed but not journaled. */
bool unit_is_journaled(const struct command *command);

#endif
