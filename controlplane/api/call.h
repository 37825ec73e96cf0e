/* SPDX-License-Identifier: BSD-3-Clause
 *
 * call.h: one method called. For rpc.c alone.
 */
#ifndef SHUNT_API_CALL_H
#define SHUNT_API_CALL_H

#include "controlplane/api/batch.h"
#include "controlplane/api/rpc-reply.h"

struct call {
	struct api *api;
	enum rpc_peer peer;
	const char *method;
	json_t *params;      /* or NULL */
	struct lines *lines; /* of a batch, if they are not in params */
	struct unit *unit;   /* where a change is noted that the caller will commit */
};

/* A call that takes more than one slice, between them. Zero before the first. */
struct call_state {
	struct batch *batch;
	struct label_listing *listing;
	struct tunnel_listing *tunnels;
	json_t *(*end)(struct api *api, struct batch *batch, struct error *error);
};

/* Must the unit be in the journal before this is called? Yes for what has a unit of its own (batch,
 * apply) and for what reads the configuration. */
bool call_is_apart(const struct call *call);

/* Must others' changes wait now? */
static inline bool call_is_exclusive(const struct call_state *state)
{
	return state->batch && state->batch->exclusive;
}

/* Call, or go on with what *state holds, until about `deadline`. True: *outcome is set. */
bool call_step(const struct call *call, struct call_state *state, struct outcome *outcome,
	       uint64_t deadline);

#endif
