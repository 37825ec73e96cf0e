/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_keepalive.c: which tunnels ask their remote ends, when, and what silence does. What is
 * sent and comes back is protocol/keepalive.c's.
 */
#include "tunnel.h"

static struct tunnel_object **slot_of(struct model *model, uint64_t due)
{
	return &model->keepalives[due / KEEPALIVE_TICK_NS % KEEPALIVE_WHEEL];
}

static void schedule(struct model *model, struct tunnel_object *tunnel, uint64_t due)
{
	tunnel->keepalive_due = due;
	DL_APPEND2(*slot_of(model, due), tunnel, keepalive_prev, keepalive_next);
	tunnel->scheduled = true;
}

void keepalive_stop(struct model *model, struct tunnel_object *tunnel)
{
	if (!tunnel->scheduled)
		return;
	DL_DELETE2(*slot_of(model, tunnel->keepalive_due), tunnel, keepalive_prev, keepalive_next);
	tunnel->scheduled = false;
	tunnel->silent = false;
	tunnel->unanswered = 0;
}

/* Many tunnels ask at different times. */
void keepalive_start(struct model *model, struct tunnel_object *tunnel)
{
	uint64_t interval = tunnel->settings.keepalive, now = model_now(model);

	if (interval == 0)
		return;
	uint64_t hash =
		hash_bytes(model->tables->control.hash_key, &tunnel->key, sizeof(tunnel->key));
	uint64_t first = model->tunnel_count < 100 ? 0 : hash % interval;
	if (model->keepalive_tick == 0)
		model->keepalive_tick = now / KEEPALIVE_TICK_NS;
	schedule(model, tunnel, now + first);
}

/* The tick of `now` is not over: it is looked at again. */
struct tunnel_object *keepalive_next(struct model *model, uint64_t now)
{
	uint64_t last = now / KEEPALIVE_TICK_NS;
	struct tunnel_object *tunnel;

	if (last > model->keepalive_tick && last - model->keepalive_tick >= KEEPALIVE_WHEEL)
		model->keepalive_tick = last - KEEPALIVE_WHEEL + 1; /* every slot once */
	for (; model->keepalive_tick <= last; model->keepalive_tick++) {
		DL_FOREACH2(model->keepalives[model->keepalive_tick % KEEPALIVE_WHEEL], tunnel,
			    keepalive_next)
		if (tunnel->keepalive_due <= now) {
			DL_DELETE2(*slot_of(model, tunnel->keepalive_due), tunnel, keepalive_prev,
				   keepalive_next);
			schedule(model, tunnel, now + tunnel->settings.keepalive);
			return tunnel;
		}
		if (model->keepalive_tick == last)
			break;
	}
	return NULL;
}

void keepalive_asked(struct model *model, struct tunnel_object *tunnel)
{
	tunnel->keepalives_sent++;
	tunnel->keepalive_sent = model_now(model);
	if (tunnel->unanswered < UINT8_MAX)
		tunnel->unanswered++;
	if (tunnel->silent || tunnel->unanswered <= tunnel->settings.retries)
		return;
	tunnel->silent = true;
	tunnel_changed(model, tunnel);
}

void keepalive_answered(struct model *model, struct tunnel_object *tunnel)
{
	tunnel->keepalives_answered++;
	tunnel->unanswered = 0;
	if (!tunnel->silent)
		return;
	tunnel->silent = false;
	tunnel_changed(model, tunnel);
}
