/* SPDX-License-Identifier: BSD-3-Clause
 *
 * object.h: the control plane's model: what was configured, and how it becomes tables.
 *
 * The model is private and small: interfaces, addresses, neighbours, shared nexthops and groups
 * (with reference counts). Label routes have no private copy: the label's word in the tables IS the
 * model, since this process is its only writer. Each kind of object has one file; object.c has
 * their table.
 *
 * Rule for every handler: check everything first, change nothing if anything is wrong, then change
 * the tables so that each store leaves a valid state.
 */
#ifndef SHUNT_OBJECT_OBJECT_H
#define SHUNT_OBJECT_OBJECT_H

#include "controlplane/api/buffer.h"
#include "controlplane/api/command.h"
#include "dataplane/shm/hash.h"
#include "dataplane/shm/heap.h"
#include "dataplane/shm/region.h"
#include "dataplane/shm/table.h"

struct model; /* object/model.h: for the files in object/ */

/* ---- life ---- */

/* Own the tables file in `place` (made anew if it is not there) and get ready to configure: what
 * the file has is claimed from the heap, but stays as it is. After this, replay the journal with
 * model_execute, then model_settle. -EBUSY: another control plane runs. */
int model_open(struct model **model, const struct region_place *place, uint64_t heap_size,
	       char error[REGION_ERROR_SIZE]);

/* End of replay: everything in the tables that the replayed configuration did not ask for is
 * unlinked. While replaying, a handler that finds its wish in the tables already leaves them
 * untouched: a restart changes only the entries that differ. */
void model_settle(struct model *model);

/* Unlock and unmap. The tables stay as they are and go on forwarding. */
void model_close(struct model *model);

/* Was the tables file found (true) or made anew (false)? A journal without tables (reboot survived
 * by neither) or tables without a journal are both handled: the journal rules. */
bool model_found_tables(const struct model *model);

/* Housekeeping, from the event loop, about every 10 ms and when the doorbell rings; never blocks:
 * attach to the data plane's state when it appears or was replaced, take over port status (MAC,
 * link), complete rewrites, allocate inject rings for its workers, end grace periods. */
void model_poll(struct model *model);

const struct tables *model_tables(const struct model *model);
const struct state *model_state(const struct model *model); /* NULL: no data plane is alive */
/* The files themselves; the state's has fd -1 while there is none. */
const struct region *model_tables_region(const struct model *model);
const struct region *model_state_region(const struct model *model);
bool model_dataplane_alive(const struct model *model);

/* ---- commands ---- */

/* Execute one changing command (ACCESS_CHANGE, not config ...). 0, or a negative errno with *error
 * set and nothing changed. */
int model_execute(struct model *model, const struct arguments *arguments, struct error *error);

/* Publish what commands since the last call left to be published whole (filters), before they are
 * answered. 0, or a negative errno with *error set: what did not fit. */
int model_flush(struct model *model, struct error *error);

/* What the last command has to say besides that it is done: a new reference, NULL: nothing. */
json_t *model_reply(struct model *model);

/* The command that undoes `arguments` if it is executed now: filled in `undo`, for atomic batches;
 * call before model_execute. 0, or -ENOENT: executing it will fail anyway. */
int model_inverse(const struct model *model, const struct arguments *arguments,
		  struct arguments *undo);

/* The running configuration as commands, in an order in which they can be executed again (ports,
 * vlans, loopbacks, addresses, neighbours, label routes). `visit` returns non-zero to stop, which
 * is returned. */
int model_configuration(const struct model *model,
			int (*visit)(void *context, const struct arguments *arguments),
			void *context);

/* ---- showing: from the shared files alone, so that the CLI can do it while the control plane is
 * down. `state` may be NULL. A new reference; -> JSON as design.md section 7 says. ---- */

struct view {
	const struct tables *tables;
	const struct state *state; /* NULL: none */
	struct model *model;       /* NULL: read-only view by the CLI */
	/* the files, for how much of them is allocated; NULL: that is not shown */
	const struct region *tables_region, *state_region;
};

/* Handle any `show` command (NOUN show, show NOUN). NULL with *error set on failure. Config
 * commands are not shown here. Everything is bounds-checked: the tables may change meanwhile. */
json_t *view_show(const struct view *view, const struct arguments *arguments, struct error *error);

/* `mpls show` in steps of well under a millisecond, for the event loop. The rows are looked at as they
 * are in the step that comes to them. */
struct label_listing {
	unsigned int space, end_space; /* where it is; behind the last one */
	uint32_t label, end_label;
	uint32_t wanted, count; /* rows at most; so far */
	struct buffer text;     /* the array as JSON text, to be freed at the end */
};

/* 0, or -ENOENT with *error set: the one label that was asked for does not exist. */
int label_listing_begin(struct label_listing *listing, const struct view *view,
			const struct arguments *arguments, struct error *error);

/* 0: go on. 1: the text is complete. -E2BIG with *error set and the text freed: more than
 * LABEL_ROWS_MAX rows. */
int label_listing_step(struct label_listing *listing, const struct view *view, struct error *error);

/* `tunnel show` and `pseudowire show` likewise: there may be 65,536 of them. Zero before the first
 * step. */
struct tunnel_listing {
	uint32_t index;     /* rows behind INTERFACE_FIRST_TUNNEL that were looked at */
	uint32_t count;     /* that are in the text */
	struct buffer text; /* as above */
};

/* 0: go on. 1: the text is complete. -ENOENT with *error set and the text freed: the one that was
 * asked for does not exist. */
int tunnel_listing_step(struct tunnel_listing *listing, const struct view *view,
			const struct arguments *arguments, struct error *error);

#endif
