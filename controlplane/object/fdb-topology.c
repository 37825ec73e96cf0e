/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fdb-topology.c: addresses are forgotten when ports hear that the spanning tree changed.
 *
 * One walk over all hit indexes goes on as long as any bridge needs it, and serves all that do: each from
 * where it was when that began to all the way round.
 */
#include "controlplane/object/fdb.h"

#define FLUSH_INTERVAL 1000000000u /* ns: a flood of changes must leave time to learn */

void fdb_topology_heard(const struct bridge_member *member)
{
	struct topology_flush *flush = &member->bridge->flush;
	uint32_t row = member->interface->index;

	flush->but = flush->asked && flush->but != row ? INTERFACE_MAX : row;
	flush->asked = true;
}

static void begin(struct topology_flush *flush, uint64_t now)
{
	if (!flush->asked || flush->left != 0 || now < flush->next)
		return;
	flush->asked = false;
	flush->spared = flush->but;
	flush->left = FDB_MAX;
	flush->next = now + FLUSH_INTERVAL;
}

/* seen: indexes that this step saw before. */
static bool is_stale(const struct model *model, const struct fdb_object *object, uint32_t seen)
{
	const struct bridge_object *bridge = model->bridge[object->key.bridge];

	return object->origin == ORIGIN_LEARNED && bridge != NULL && bridge->flush.left > seen &&
	       object->interface != bridge->flush.spared;
}

/* Free indexes cost next to nothing: a table with few addresses is done at once. Returns how many were
 * seen, `most` at most. */
static uint32_t step(struct model *model, uint32_t most)
{
	struct fdb *fdb = model->fdb;
	uint32_t seen = 0;

	for (unsigned int looked = 0; seen < most && looked < FDB_AGE_STEP; seen++) {
		struct fdb_object *object = fdb->object[fdb->flush_next];
		fdb->flush_next = (fdb->flush_next + 1) % FDB_MAX;
		if (object == NULL)
			continue;
		looked++;
		if (is_stale(model, object, seen))
			fdb_remove(model, object);
	}
	return seen;
}

void fdb_topology_poll(struct model *model)
{
	uint64_t now = model_now(model);
	uint32_t most = 0;

	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		if (model->bridge[i] == NULL)
			continue;
		begin(&model->bridge[i]->flush, now);
		most = model->bridge[i]->flush.left > most ? model->bridge[i]->flush.left : most;
	}
	uint32_t seen = step(model, most);
	for (uint32_t i = 1; i < BRIDGE_MAX && seen != 0; i++) {
		struct topology_flush *flush =
			model->bridge[i] == NULL ? NULL : &model->bridge[i]->flush;
		if (flush != NULL)
			flush->left -= flush->left < seen ? flush->left : seen;
	}
}
