/* SPDX-License-Identifier: BSD-3-Clause
 *
 * api.h: what the parts of the API share: one of these per process, one thread.
 *
 *   server   connections, framing, who is there
 *   rpc      JSON-RPC 2.0: a message becomes a job
 *   queue    jobs take turns in slices
 *   batch    many commands, atomic or not
 *   unit     commands executed but not yet in the journal
 *   config   the configuration file, apply, confirm, rollback
 */
#ifndef SHUNT_API_API_H
#define SHUNT_API_API_H

#include "controlplane/api/journal.h"
#include "controlplane/api/queue.h"
#include "controlplane/object/object.h"
#include "dataplane/shm/region.h"

struct api {
	struct event_base *base;
	struct model *model;
	struct region_place place;
	struct journal journal;
	struct queue queue;
	char config_path[320]; /* where `config save` goes unless told */
	/* config apply ... confirm T */
	char rollback_path[320]; /* RUN_DIR/NAME/rollback.json */
	struct event *rollback_timer;
	uint64_t rollback_deadline; /* CLOCK_BOOTTIME nanoseconds; 0: nothing to confirm */
	bool rollback_running;
};

/* Rewrite the journal from the model. 0 or a negative errno; the old one stays then. */
int api_compact(struct api *api);

#endif
