/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fdb-learn.c: addresses that workers saw, ageing, and what a process before us had learned.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/event.h"
#include "controlplane/object/fdb.h"

static uint64_t tick_now(const struct model *model)
{
	return word_load(&model->tables->control.tick);
}

/* ---------------------------------------------------------------- open and settle */

int fdb_open(struct model *model)
{
	struct fdb *fdb = calloc(1, sizeof(*fdb));

	if (fdb == NULL)
		return -ENOMEM;
	model->fdb = fdb;
	for (uint32_t hit = FDB_MAX; hit > 0; hit--)
		fdb->free_hit[fdb->free_count++] = hit - 1;
	fdb->tick_time = model_now(model);
	return 0;
}

void fdb_close(struct model *model)
{
	struct fdb_object *object, *next;

	if (model->fdb == NULL)
		return;
	HASH_ITER(hh, model->fdb->objects, object, next)
	{
		HASH_DEL(model->fdb->objects, object);
		free(object);
	}
	free(model->fdb);
	model->fdb = NULL;
}

/* The port of an entry that may stay: learned, and its port is still where it was. */
static struct bridge_member *member_of(const struct model *model, const struct fdb_entry *entry)
{
	if (entry->key.bridge >= BRIDGE_MAX || entry->interface >= INTERFACE_MAX ||
	    entry->hit >= FDB_MAX || entry->origin != ORIGIN_LEARNED)
		return NULL;
	const struct interface_object *interface = model->interface[entry->interface];
	struct bridge_member *member = interface != NULL ? interface->member : NULL;
	if (member == NULL || member->bridge->index != entry->key.bridge ||
	    member->slot != entry->slot ||
	    !vlan_set_has(&member->settings.vlans, entry->key.vlan % VLAN_MAX))
		return NULL;
	return member;
}

struct sweep {
	struct model *model;
	struct fdb_key *key;
	size_t count, capacity;
	uint8_t *used; /* hit indexes */
};

static void keep(struct sweep *sweep, const struct fdb_key *key)
{
	if (sweep->count == sweep->capacity) {
		size_t capacity = sweep->capacity != 0 ? sweep->capacity * 2 : 1024;
		struct fdb_key *grown = realloc(sweep->key, capacity * sizeof(*grown));
		if (grown == NULL)
			return; /* stays until its next sweep */
		sweep->key = grown;
		sweep->capacity = capacity;
	}
	sweep->key[sweep->count++] = *key;
}

static void visit_found(void *context, const void *found)
{
	const struct fdb_entry *entry = found;
	struct sweep *sweep = context;
	struct bridge_member *member = member_of(sweep->model, entry);
	struct fdb_object *configured = fdb_find(sweep->model, &entry->key);

	if (configured != NULL && !configured->placed) {
		configured->placed = true; /* replaced below */
		return;
	}
	if (member == NULL || configured != NULL || sweep->used[entry->hit]) {
		keep(sweep, &entry->key);
		return;
	}
	struct fdb_object *object = fdb_new(sweep->model, &entry->key, entry->hit);
	if (object == NULL)
		return;
	sweep->used[entry->hit] = 1;
	object->interface = entry->interface;
	object->slot = entry->slot;
	object->learned = entry->learned;
	object->origin = entry->origin;
	object->placed = true;
	member->learned++;
}

/* Hit indexes of what was taken over are not free; those of static entries were taken from the same
 * list before the tables had been looked at, so they are given anew. */
static void rebuild_hits(struct fdb *fdb, const struct sweep *sweep)
{
	struct fdb_object *object, *next;

	fdb->free_count = 0;
	for (uint32_t hit = FDB_MAX; hit > 0; hit--)
		if (!sweep->used[hit - 1])
			fdb->free_hit[fdb->free_count++] = hit - 1;
	HASH_ITER(hh, fdb->objects, object, next)
	{
		if (object->origin == ORIGIN_LEARNED || fdb->free_count == 0)
			continue;
		object->hit = fdb->free_hit[--fdb->free_count];
		fdb->object[object->hit] = object;
	}
}

static void place_static(struct model *model)
{
	struct fdb_object *object, *next;

	HASH_ITER(hh, model->fdb->objects, object, next)
	{
		const struct interface_object *interface = model->interface[object->interface];
		if (object->origin != ORIGIN_STATIC)
			continue;
		if (interface == NULL || interface->member == NULL)
			fdb_remove(model, object);
		else
			fdb_set(model, object, interface, interface->member->slot, ORIGIN_STATIC);
	}
}

void fdb_settle(struct model *model)
{
	struct sweep sweep = { .model = model, .used = calloc(FDB_MAX, 1) };

	if (sweep.used == NULL) {
		model_complain(model, "bridges: learned addresses are not taken over: no memory");
		return;
	}
	for (uint32_t hit = 0; hit < FDB_MAX; hit++)
		model->fdb->object[hit] = NULL;
	hash_walk(model->tables, HASH_FDB, visit_found, &sweep);
	rebuild_hits(model->fdb, &sweep);
	for (size_t i = 0; i < sweep.count; i++)
		hash_remove(model->tables, model->heap, HASH_FDB, &sweep.key[i]);
	place_static(model);
	free(sweep.key);
	free(sweep.used);
}

/* ---------------------------------------------------------------- learning */

/* May it be told of? A loop moves every address there is, for as long as it is there, and must not push
 * out of the ring what else happened. */
static bool may_tell(struct model *model, uint64_t *told)
{
	struct fdb *fdb = model->fdb;

	if (fdb->told_moves == 0 && fdb->told_dampings == 0)
		fdb->told_since = tick_now(model);
	return ++*told <= FDB_TOLD;
}

static uint64_t untold(uint64_t told)
{
	return told > FDB_TOLD ? told - FDB_TOLD : 0;
}

/* What was not told of is summed up when the time is over. */
static void tell_rest(struct model *model)
{
	struct fdb *fdb = model->fdb;
	uint64_t moves = untold(fdb->told_moves), dampings = untold(fdb->told_dampings);

	if (tick_now(model) - fdb->told_since < FDB_TOLD_TICKS)
		return;
	fdb->told_moves = fdb->told_dampings = 0;
	if (moves != 0 || dampings != 0)
		model_event(model, EVENT_MAC, "",
			    "%" PRIu64 " more moves and %" PRIu64
			    " more addresses held not told of, within %u seconds",
			    moves, dampings, FDB_TOLD_TICKS);
}

/* at: the port that the address is on now; other: the one that it was or would be on. */
static void tell(struct model *model, const struct fdb_object *object, const char *at,
		 const char *what, const char *other)
{
	char mac[18];

	mac_format(object->key.mac, mac);
	model_event(model, EVENT_MAC, at, "bridge %s vlan %u: %s %s %s",
		    model->bridge[object->key.bridge]->interface->name, object->key.vlan, mac, what,
		    other);
}

/* An address that was on another port: moved, or held where it is when it moves too often. */
static bool may_move(struct model *model, const struct bridge_member *to, struct fdb_object *object)
{
	uint64_t now = tick_now(model);

	if (object->damped) {
		if (now < object->damped_until)
			return false;
		object->damped = false;
		object->moves = 0;
	}
	if (now - object->moving >= FDB_MOVE_TICKS) {
		object->moving = now;
		object->moves = 0;
	}
	if (++object->moves <= FDB_MOVES)
		return true;
	object->damped = true;
	object->damped_until = now + FDB_DAMP_TICKS;
	model->counters.fdb_damped++;
	fdb_publish(model, object);
	if (may_tell(model, &model->fdb->told_dampings))
		tell(model, object, model->interface[object->interface]->name,
		     "moves too often, held here against", to->interface->name);
	return false;
}

static void learn_new(struct model *model, struct bridge_member *member, const struct fdb_key *key)
{
	struct fdb_object *object;

	if (member->settings.learning_limit != 0 &&
	    member->learned >= member->settings.learning_limit) {
		member->limited++;
		model->counters.fdb_limited++;
		return;
	}
	object = fdb_new(model, key, FDB_MAX);
	if (object == NULL ||
	    fdb_set(model, object, member->interface, member->slot, ORIGIN_LEARNED) != 0)
		model->counters.fdb_full++;
}

static void move(struct model *model, struct bridge_member *member, struct fdb_object *object)
{
	if (object->origin != ORIGIN_LEARNED || !may_move(model, member, object))
		return;
	if (member->settings.learning_limit != 0 &&
	    member->learned >= member->settings.learning_limit) {
		member->limited++;
		model->counters.fdb_limited++;
		return;
	}
	const char *from = model->interface[object->interface]->name;
	model->counters.fdb_moves++;
	object->learned = tick_now(model);
	if (fdb_set(model, object, member->interface, member->slot, ORIGIN_LEARNED) != 0)
		model->counters.fdb_full++;
	else if (may_tell(model, &model->fdb->told_moves))
		tell(model, object, member->interface->name, "moved here from", from);
}

/* The ring is another process's: nothing in it is believed. */
static void learn(struct model *model, const struct learn_event *event)
{
	static const uint8_t none[6];
	struct fdb_key key = fdb_key(event->bridge, event->vlan, event->mac);
	const struct interface_object *interface =
		event->interface < INTERFACE_MAX ? model->interface[event->interface] : NULL;
	struct bridge_member *member = interface != NULL ? interface->member : NULL;

	if (member == NULL || member->slot == SLOT_NONE || member->bridge->index != event->bridge ||
	    event->vlan >= VLAN_MAX || !vlan_set_has(&member->settings.vlans, event->vlan) ||
	    !member->settings.learning || !member->bridge->settings.learning ||
	    !interface_is_up(interface) || (event->mac[0] & 1) != 0 ||
	    memcmp(event->mac, none, sizeof(none)) == 0 ||
	    memcmp(event->mac, &member->bridge->interface->mac, sizeof(none)) == 0)
		return;
	struct fdb_object *object = fdb_find(model, &key);
	if (object == NULL)
		learn_new(model, member, &key);
	else if (object->interface != interface->index)
		move(model, member, object);
}

static void take_events(struct model *model, unsigned int worker)
{
	const struct learn_producer *producer = &model->state->learn[worker];
	struct ring_consumer *consumer = &model->tables->learn_consumer[worker];
	uint64_t head = counter_read(&consumer->head), tail = word_load(&producer->tail);

	if (tail - head > LEARN_SLOTS) /* another file than before */
		head = tail;
	for (unsigned int i = 0; i < FDB_LEARN_STEP && head != tail; i++, head++) {
		struct learn_event event = producer->slot[head % LEARN_SLOTS];
		learn(model, &event);
	}
	if (head != counter_read(&consumer->head))
		word_store(&consumer->head, head);
}

/* ---------------------------------------------------------------- ageing */

/* When it was heard of last, in ticks. */
static uint64_t last_seen(const struct model *model, const struct fdb_object *object)
{
	uint64_t workers = word_load(&model->state->control.worker_count);
	uint64_t now = tick_now(model), seen = object->learned;

	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		uint32_t hit = atomic_load_explicit(&model->state->fdb_hit[i][object->hit],
						    memory_order_relaxed);
		/* what is of the future was counted by another file's clock */
		if (hit > seen && hit <= now)
			seen = hit;
	}
	return seen;
}

static void age(struct model *model)
{
	struct fdb *fdb = model->fdb;
	uint64_t now = tick_now(model);

	for (unsigned int i = 0; i < FDB_AGE_STEP; i++) {
		struct fdb_object *object = fdb->object[fdb->age_next];
		fdb->age_next = (fdb->age_next + 1) % FDB_MAX;
		if (object == NULL || object->origin != ORIGIN_LEARNED)
			continue;
		const struct bridge_object *bridge = model->bridge[object->key.bridge];
		if (bridge == NULL ||
		    now - last_seen(model, object) >= bridge->settings.ageing / 1000000000u)
			fdb_remove(model, object);
	}
}

/* Seconds go by only while there is somebody who could have seen an address. */
static void raise_tick(struct model *model)
{
	struct fdb *fdb = model->fdb;
	uint64_t now = model_now(model);

	if (now - fdb->tick_time < 1000000000u)
		return;
	uint64_t seconds = (now - fdb->tick_time) / 1000000000u;
	fdb->tick_time += seconds * 1000000000u;
	word_store(&model->tables->control.tick, tick_now(model) + (model->alive ? seconds : 0));
}

void fdb_poll(struct model *model)
{
	if (!model->settled)
		return;
	raise_tick(model);
	tell_rest(model);
	if (!model->alive || model->state == NULL)
		return;
	uint64_t workers = word_load(&model->state->control.worker_count);
	for (unsigned int i = 0; i < workers && i < WORKER_MAX; i++)
		take_events(model, i);
	fdb_topology_poll(model);
	age(model);
}
