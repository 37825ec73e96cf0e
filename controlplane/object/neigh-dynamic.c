/* SPDX-License-Identifier: BSD-3-Clause
 *
 * neigh-dynamic.c: neighbours that were learned: their states, the timer wheel, packets that wait.
 * What is sent and received to learn them is protocol/neighbour.c's.
 */
#include <stdlib.h>
#include <time.h>
#include "fib-hook.h"
#include "model.h"

enum {
	SPREAD_MAX_MS = 8000, /* many neighbours are asked over this time */
};

__attribute__((weak)) void fib_neighbour_changed(struct model *model,
						 struct neighbour_object *neighbour, bool known)
{
	(void)model;
	(void)neighbour;
	(void)known;
}

uint64_t model_now(const struct model *model)
{
	struct timespec time;

	if (model->clock != NULL)
		return model->clock();
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

bool neighbour_known(const struct neighbour_object *neighbour)
{
	return neighbour->configured || neighbour->state == NEIGHBOUR_REACHABLE ||
	       neighbour->state == NEIGHBOUR_STALE || neighbour->state == NEIGHBOUR_PROBE;
}

const char *neighbour_state_name(const struct neighbour_object *neighbour)
{
	static const char *const names[] = {
		[NEIGHBOUR_NONE] = "none",           [NEIGHBOUR_INCOMPLETE] = "incomplete",
		[NEIGHBOUR_REACHABLE] = "reachable", [NEIGHBOUR_STALE] = "stale",
		[NEIGHBOUR_PROBE] = "probe",         [NEIGHBOUR_FAILED] = "failed",
	};

	return neighbour->configured ? "permanent" : names[neighbour->state];
}

void interface_link_local(const struct interface_object *interface, struct address *address)
{
	uint8_t mac[8];

	memcpy(mac, &interface->mac, sizeof(mac));
	*address = (struct address){ .bytes = { 0xfe, 0x80, [8] = (uint8_t)(mac[0] ^ 2), mac[1],
						mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5] } };
}

/* ---------------------------------------------------------------- the timer wheel */

void neighbour_unschedule(struct model *model, struct neighbour_object *neighbour)
{
	struct neighbour_object **slot =
		&model->wheel[neighbour->due / NEIGHBOUR_TICK_NS % NEIGHBOUR_WHEEL];

	if (!neighbour->waiting)
		return;
	DL_DELETE2(*slot, neighbour, wheel_prev, wheel_next);
	neighbour->waiting = false;
}

void neighbour_schedule(struct model *model, struct neighbour_object *neighbour, uint64_t due)
{
	uint64_t first = model->wheel_tick * NEIGHBOUR_TICK_NS;

	neighbour_unschedule(model, neighbour);
	neighbour->due = due > first ? due : first;
	struct neighbour_object **slot =
		&model->wheel[neighbour->due / NEIGHBOUR_TICK_NS % NEIGHBOUR_WHEEL];
	DL_APPEND2(*slot, neighbour, wheel_prev, wheel_next);
	neighbour->waiting = true;
}

/* The tick of `now` is not over: it is looked at again. */
struct neighbour_object *neighbour_due(struct model *model, uint64_t now)
{
	uint64_t last = now / NEIGHBOUR_TICK_NS;
	struct neighbour_object *neighbour;

	if (last - model->wheel_tick >= NEIGHBOUR_WHEEL && last > model->wheel_tick)
		model->wheel_tick = last - NEIGHBOUR_WHEEL + 1; /* every slot once */
	for (; model->wheel_tick <= last; model->wheel_tick++) {
		DL_FOREACH2(model->wheel[model->wheel_tick % NEIGHBOUR_WHEEL], neighbour,
			    wheel_next)
		if (neighbour->due <= now) {
			neighbour_unschedule(model, neighbour);
			return neighbour;
		}
		if (model->wheel_tick == last)
			break;
	}
	return NULL;
}

/* When to ask one of many, not all at once: a millisecond each, but 8 s at most. */
static uint64_t spread(const struct model *model, const struct neighbour_key *key, uint64_t now)
{
	uint64_t hash = hash_bytes(model->tables->control.hash_key, key, sizeof(*key));
	uint64_t limit =
		model->dynamic_count < SPREAD_MAX_MS ? model->dynamic_count : SPREAD_MAX_MS;

	return now + hash % (limit + 1) * 1000000;
}

/* ---------------------------------------------------------------- states */

static void set_state(struct model *model, struct neighbour_object *neighbour,
		      enum neighbour_state state)
{
	if (neighbour->state == NEIGHBOUR_NONE && state != NEIGHBOUR_NONE) {
		model->dynamic_count++;
		neighbour->interface->dynamic++;
	} else if (neighbour->state != NEIGHBOUR_NONE && state == NEIGHBOUR_NONE) {
		model->dynamic_count--;
		neighbour->interface->dynamic--;
	}
	neighbour->state = state;
}

/* Known no more: out of the tables, away from the nexthops and routes. */
static void withdraw(struct model *model, struct neighbour_object *neighbour,
		     enum neighbour_state state)
{
	bool was_known = neighbour_known(neighbour);

	if (!was_known || neighbour->configured) {
		set_state(model, neighbour, state);
		return;
	}
	/* not NONE yet: the last nexthop that goes must leave it to us to forget it */
	set_state(model, neighbour, NEIGHBOUR_FAILED);
	hash_remove(model->tables, model->heap, HASH_NEIGHBOUR, &neighbour->key);
	neighbour_tell(model, neighbour, false);
	neighbour_refresh_nexthops(model, neighbour);
	set_state(model, neighbour, state);
}

void neighbour_tell(struct model *model, struct neighbour_object *neighbour, bool known)
{
	if (!model->settled || neighbour->told == known)
		return;
	neighbour->told = known;
	fib_neighbour_changed(model, neighbour, known);
}

void neighbour_need(struct model *model, struct neighbour_object *neighbour)
{
	if (!model->settled || neighbour_known(neighbour) || neighbour->state != NEIGHBOUR_NONE ||
	    neighbour->interface->tunnel != NULL)
		return;
	set_state(model, neighbour, NEIGHBOUR_INCOMPLETE);
	neighbour->asked = 0;
	neighbour->confirmed = model_now(model);
	neighbour_schedule(model, neighbour, 0);
}

struct neighbour_object *neighbour_discover(struct model *model, const struct address *address,
					    struct interface_object *interface)
{
	struct neighbour_object *neighbour = neighbour_find(model, address, interface);

	if (neighbour == NULL) {
		if (model->dynamic_count >= NEIGHBOUR_MAX ||
		    interface->dynamic >= NEIGHBOUR_INTERFACE_MAX) {
			model->counters.neighbours_full++;
			return NULL;
		}
		neighbour = neighbour_acquire(model, address->bytes, interface);
	}
	if (neighbour != NULL)
		neighbour_need(model, neighbour);
	return neighbour;
}

/* "10.0.0.2 is at 02:00:00:00:00:01" */
static void tell_event(struct model *model, const struct neighbour_object *neighbour,
		       const char *what)
{
	char address[46], mac[18];

	address_format((const struct address *)neighbour->key.address, address);
	mac_format(neighbour->mac, mac);
	model_event(model, EVENT_NEIGHBOUR, neighbour->interface->name, "%s %s %s", address, what,
		    mac);
}

void neighbour_learned(struct model *model, struct neighbour_object *neighbour,
		       const uint8_t mac[6], enum neighbour_state state)
{
	bool was_known = neighbour_known(neighbour);
	bool same = was_known && memcmp(neighbour->mac, mac, 6) == 0;

	memmove(neighbour->mac, mac, 6); /* may be its own */
	set_state(model, neighbour, state);
	neighbour->asked = 0;
	neighbour->confirmed = model_now(model);
	/* for show and for a restart alone: packets go by the nexthops, so that want of memory
	 * does no harm but that a restarted control plane has to ask */
	(void)neighbour_publish(model, neighbour);
	if (same)
		return;
	tell_event(model, neighbour, was_known ? "changed to" : "is at");
	neighbour_refresh_nexthops(model, neighbour);
	neighbour_tell(model, neighbour, true);
}

void neighbour_forget(struct model *model, struct neighbour_object *neighbour)
{
	withdraw(model, neighbour, NEIGHBOUR_NONE);
	if (neighbour->configured && neighbour->packets != NULL)
		neighbour_schedule(model, neighbour, 0);
	neighbour_release(model, neighbour);
}

bool neighbour_lost(struct model *model, struct neighbour_object *neighbour)
{
	withdraw(model, neighbour, NEIGHBOUR_FAILED);
	if (neighbour->nexthops != NULL)
		return true;
	neighbour_forget(model, neighbour);
	return false;
}

bool neighbour_yield(struct model *model, struct neighbour_object *neighbour)
{
	bool known = neighbour_known(neighbour);

	neighbour_tell(model, neighbour, false); /* its host route's nexthop is no user of it */
	if (neighbour->nexthops == NULL) {
		neighbour_forget(model, neighbour);
		return true;
	}
	neighbour_tell(model, neighbour, known);
	return false;
}

void neighbour_flush(struct model *model, const struct interface_object *interface,
		     const struct address_object *network)
{
	struct neighbour_object *n, *next;

	for (n = interface->neighbours; n != NULL; n = next) {
		const struct address *address = (const struct address *)n->key.address;
		next = n->next;
		if (n->state == NEIGHBOUR_NONE || n->configured ||
		    (network != NULL &&
		     !prefix_contains(&network->address, network->length, address)))
			continue;
		neighbour_yield(model, n);
	}
}

void neighbour_suspect(struct model *model, struct interface_object *interface)
{
	struct neighbour_object *neighbour;

	DL_FOREACH(interface->neighbours, neighbour)
	{
		if (neighbour->state == NEIGHBOUR_NONE || neighbour->configured)
			continue;
		if (neighbour_known(neighbour))
			neighbour->state = NEIGHBOUR_STALE;
		neighbour->asked = 0;
		neighbour_schedule(model, neighbour,
				   spread(model, &neighbour->key, model_now(model)));
	}
}

/* ---------------------------------------------------------------- packets that wait */

struct neighbour_packet *neighbour_dequeue(struct model *model, struct neighbour_object *neighbour)
{
	struct neighbour_packet *packet = neighbour->packets;

	if (packet == NULL)
		return NULL;
	DL_DELETE(neighbour->packets, packet);
	neighbour->packet_count--;
	model->packet_count--;
	return packet;
}

/* RFC 4861 7.2.2: the latest ones are kept. */
void neighbour_queue(struct model *model, struct neighbour_object *neighbour, const void *data,
		     size_t length, uint16_t vrf, uint32_t ingress)
{
	if (neighbour->packet_count >= NEIGHBOUR_PACKETS) {
		free(neighbour_dequeue(model, neighbour));
		model->counters.packets_dropped++;
	}
	struct neighbour_packet *packet = NULL;
	if (model->packet_count < NEIGHBOUR_PACKETS_MAX && length <= FRAME_MAX)
		packet = malloc(sizeof(*packet) + length);
	if (packet == NULL) {
		model->counters.packets_dropped++;
		return;
	}
	packet->ingress = ingress;
	packet->vrf = vrf;
	packet->length = (uint16_t)length;
	memcpy(packet->data, data, length);
	DL_APPEND(neighbour->packets, packet);
	neighbour->packet_count++;
	model->packet_count++;
}

/* ---------------------------------------------------------------- restart */

struct found {
	struct model *model;
	uint64_t now;
};

static void take_over(void *context, const void *entry_found)
{
	const struct neighbour_entry *entry = entry_found;
	struct found *found = context;
	struct model *model = found->model;
	const struct address *address = (const struct address *)entry->key.address;
	struct interface_object *interface = entry->key.interface < INTERFACE_MAX
						     ? model->interface[entry->key.interface]
						     : NULL;

	if (entry->origin != ORIGIN_LEARNED || interface == NULL ||
	    !address_connected(interface, address) || (entry->mac[0] & 1) ||
	    address_own(model, interface->settings.vrf, address) != NULL)
		return;
	struct neighbour_object *neighbour =
		neighbour_acquire(model, entry->key.address, interface);
	if (neighbour == NULL || neighbour->configured)
		return;
	memcpy(neighbour->mac, entry->mac, 6);
	set_state(model, neighbour, NEIGHBOUR_STALE);
	neighbour->confirmed = found->now;
	neighbour_schedule(model, neighbour, spread(model, &neighbour->key, found->now));
}

void neighbour_take_over(struct model *model)
{
	struct found found = { model, model_now(model) };
	struct neighbour_object *neighbour, *next;

	model->wheel_tick = found.now / NEIGHBOUR_TICK_NS;
	hash_walk(model->tables, HASH_NEIGHBOUR, take_over, &found);
	HASH_ITER(hh, model->neighbours, neighbour, next)
	if (neighbour->nexthops != NULL)
		neighbour_need(model, neighbour);
}

void neighbour_tell_fib(struct model *model)
{
	struct neighbour_object *neighbour, *next;

	HASH_ITER(hh, model->neighbours, neighbour, next)
	if (neighbour_known(neighbour))
		neighbour_tell(model, neighbour, true);
}

/* ---------------------------------------------------------------- for the views */

const char *neighbour_private_state(const struct model *model, const struct neighbour_key *key,
				    uint64_t *age)
{
	const struct neighbour_object *neighbour;

	HASH_FIND(hh, model->neighbours, key, sizeof(*key), neighbour);
	if (neighbour == NULL)
		return NULL;
	*age = neighbour->state == NEIGHBOUR_NONE
		       ? 0
		       : (model_now(model) - neighbour->confirmed) / 1000000000u;
	return neighbour_state_name(neighbour);
}

void neighbour_private_unknown(const struct model *model,
			       void (*visit)(void *context, const struct neighbour_key *key),
			       void *context)
{
	const struct neighbour_object *neighbour;

	for (neighbour = model->neighbours; neighbour != NULL; neighbour = neighbour->hh.next)
		if (neighbour->state == NEIGHBOUR_INCOMPLETE ||
		    neighbour->state == NEIGHBOUR_FAILED)
			visit(context, &neighbour->key);
}
