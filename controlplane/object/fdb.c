/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fdb.c: addresses that bridges know: entries, static ones by command, the bridge's own.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/fdb.h"

struct fdb_object *fdb_find(const struct model *model, const struct fdb_key *key)
{
	struct fdb_object *object;

	HASH_FIND(hh, model->fdb->objects, key, sizeof(*key), object);
	return object;
}

/* ---------------------------------------------------------------- entries */

int fdb_publish(struct model *model, const struct fdb_object *object)
{
	struct fdb_entry entry = {
		.key = object->key,
		.interface = object->interface,
		.slot = (uint16_t)object->slot,
		.origin = object->origin,
		.flags = object->damped ? FDB_DAMPED : 0,
		.hit = object->hit,
		.learned = (uint32_t)object->learned,
	};
	const struct fdb_entry *old = fdb_lookup(model->tables, &object->key);

	if (old != NULL && memcmp(old, &entry, sizeof(entry)) == 0)
		return 0;
	return hash_put(model->tables, model->heap, HASH_FDB, &entry);
}

static void hit_released(void *context, uint64_t hit)
{
	struct fdb *fdb = ((struct model *)context)->fdb;

	fdb->free_hit[fdb->free_count++] = (uint32_t)hit;
}

static void count_learned(struct model *model, const struct fdb_object *object, int change)
{
	const struct interface_object *interface = model->interface[object->interface];

	if (object->origin == ORIGIN_LEARNED && interface != NULL && interface->member != NULL)
		interface->member->learned += (uint32_t)change;
}

struct fdb_object *fdb_new(struct model *model, const struct fdb_key *key, uint32_t hit)
{
	struct fdb *fdb = model->fdb;
	struct fdb_object *object;

	if (hit == FDB_MAX && fdb->free_count == 0)
		return NULL;
	object = calloc(1, sizeof(*object));
	if (object == NULL)
		return NULL;
	object->key = *key;
	object->hit = hit != FDB_MAX ? hit : fdb->free_hit[--fdb->free_count];
	object->learned = word_load(&model->tables->control.tick);
	fdb->object[object->hit] = object;
	fdb->count++;
	HASH_ADD(hh, fdb->objects, key, sizeof(object->key), object);
	return object;
}

/* Out of the model; the tables have no entry of it. */
static void discard(struct model *model, struct fdb_object *object)
{
	struct fdb *fdb = model->fdb;

	HASH_DEL(fdb->objects, object);
	fdb->object[object->hit] = NULL;
	fdb->count--;
	if (model->settled)
		heap_defer(model->heap, hit_released, model, object->hit);
	else /* no entry has it: settling gives all of them anew */
		hit_released(model, object->hit);
	free(object);
}

int fdb_set(struct model *model, struct fdb_object *object,
	    const struct interface_object *interface, unsigned int slot, enum origin origin)
{
	struct fdb_object before = *object;

	count_learned(model, object, object->placed ? -1 : 0);
	object->interface = interface->index;
	object->slot = (uint16_t)slot;
	object->origin = (uint8_t)origin;
	int result = when_full_again(model, fdb_publish(model, object));
	if (result != 0) {
		object->interface = before.interface;
		object->slot = before.slot;
		object->origin = before.origin;
		count_learned(model, object, object->placed ? 1 : 0);
		if (!object->placed)
			discard(model, object);
		return result;
	}
	object->placed = true;
	count_learned(model, object, 1);
	return 0;
}

void fdb_remove(struct model *model, struct fdb_object *object)
{
	count_learned(model, object, object->placed ? -1 : 0);
	if (object->placed)
		hash_remove(model->tables, model->heap, HASH_FDB, &object->key);
	discard(model, object);
}

void fdb_flush(struct model *model, const struct bridge_member *member, bool configured)
{
	struct fdb_object *object, *next;

	HASH_ITER(hh, model->fdb->objects, object, next)
	if (object->interface == member->interface->index && object->origin != ORIGIN_SYSTEM &&
	    (configured || object->origin == ORIGIN_LEARNED))
		fdb_remove(model, object);
}

void fdb_flush_learned(struct model *model, const struct bridge_object *bridge,
		       const struct bridge_member *member, unsigned int vlan)
{
	struct fdb_object *object, *next;

	HASH_ITER(hh, model->fdb->objects, object, next)
	if (object->key.bridge == bridge->index && object->origin == ORIGIN_LEARNED &&
	    (member == NULL || object->interface == member->interface->index) &&
	    (vlan == 0 || object->key.vlan == vlan))
		fdb_remove(model, object);
}

void fdb_flush_bridge(struct model *model, const struct bridge_object *bridge)
{
	struct fdb_object *object, *next;

	HASH_ITER(hh, model->fdb->objects, object, next)
	if (object->key.bridge == bridge->index)
		fdb_remove(model, object);
}

bool fdb_private_learning(const struct model *model, uint32_t index, struct learning_status *status)
{
	const struct interface_object *interface = model->interface[index];

	if (interface == NULL || interface->member == NULL)
		return false;
	*status = (struct learning_status){ interface->member->learned,
					    interface->member->settings.learning_limit,
					    interface->member->limited };
	return true;
}

void fdb_own(struct model *model, struct bridge_object *bridge)
{
	uint64_t mac = bridge->interface->mac;
	struct fdb_key key = fdb_key(bridge->index, bridge->settings.vlan, (const uint8_t *)&mac);
	struct fdb_object *object, *next;

	HASH_ITER(hh, model->fdb->objects, object, next)
	if (object->origin == ORIGIN_SYSTEM && object->key.bridge == bridge->index &&
	    memcmp(&object->key, &key, sizeof(key)) != 0)
		fdb_remove(model, object);
	object = fdb_find(model, &key);
	if (object == NULL)
		object = fdb_new(model, &key, FDB_MAX);
	if (object == NULL ||
	    fdb_set(model, object, bridge->interface, SLOT_OWN, ORIGIN_SYSTEM) != 0)
		model_complain(model, "bridge %s: no room for its own address",
			       bridge->interface->name);
}

int fdb_stays(const struct model *model, const struct interface_object *interface,
	      const struct member_wish *wish, struct error *error)
{
	const struct bridge_member *member = interface->member;
	char text[18];

	if (member == NULL)
		return 0;
	for (const struct fdb_object *o = model->fdb->objects; o != NULL; o = o->hh.next) {
		if (o->origin != ORIGIN_STATIC || o->interface != interface->index ||
		    (wish != NULL && wish->bridge == member->bridge &&
		     vlan_set_has(&wish->settings.vlans, o->key.vlan)))
			continue;
		mac_format(o->key.mac, text);
		return refuse(error, -EBUSY, "%s %s is in use by bridge fdb %s vlan %u",
			      interface_kind_name(interface->kind), interface->name, text,
			      o->key.vlan);
	}
	return 0;
}

/* ---------------------------------------------------------------- commands */

static struct bridge_member *member_from(const struct model *model,
					 const struct arguments *arguments, struct fdb_key *key,
					 struct error *error)
{
	const char *name = arguments->value[FDB_DEV].string;
	const struct interface_object *interface = interface_get(model, name, error);
	char text[18];

	if (interface == NULL)
		return NULL;
	mac_format(arguments->value[FDB_MAC].mac, text);
	struct bridge_member *member = interface->member;
	if (member == NULL) {
		refuse(error, -EINVAL, "fdb %s: %s %s is in no bridge", text,
		       interface_kind_name(interface->kind), name);
		return NULL;
	}
	unsigned int vlan = argument_present(arguments, FDB_VLAN)
				    ? (unsigned int)arguments->value[FDB_VLAN].number
				    : member->settings.native;
	if (vlan == VLAN_NONE || !vlan_set_has(&member->settings.vlans, vlan)) {
		refuse(error, -EINVAL, "fdb %s: %s is not in VLAN %u of bridge %s", text, name,
		       vlan, member->bridge->interface->name);
		return NULL;
	}
	*key = fdb_key(member->bridge->index, vlan, arguments->value[FDB_MAC].mac);
	return member;
}

static int add_static(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct fdb_key key;
	char text[18];

	mac_format(arguments->value[FDB_MAC].mac, text);
	if (arguments->value[FDB_MAC].mac[0] & 1)
		return refuse(error, -EINVAL, "fdb %s: expected a unicast address", text);
	struct bridge_member *member = member_from(model, arguments, &key, error);
	if (member == NULL)
		return error->code;
	struct fdb_object *object = fdb_find(model, &key);
	if (object != NULL && object->origin != ORIGIN_LEARNED)
		return refuse(error, -EEXIST, "fdb %s vlan %u exists already in bridge %s", text,
			      key.vlan, member->bridge->interface->name);
	if (object == NULL)
		object = fdb_new(model, &key, FDB_MAX);
	if (object == NULL)
		return refuse_full(model, error, "fdb", model->fdb->count, FDB_MAX);
	if (!model->settled) {
		object->interface = member->interface->index;
		object->origin = ORIGIN_STATIC;
		return 0;
	}
	object->damped = false;
	if (fdb_set(model, object, member->interface, member->slot, ORIGIN_STATIC) != 0)
		return refuse_full(model, error, "fdb", model->fdb->count, FDB_MAX);
	return 0;
}

static struct fdb_object *static_get(const struct model *model, const struct arguments *arguments,
				     struct error *error)
{
	struct fdb_key key;
	struct bridge_member *member = member_from(model, arguments, &key, error);
	char text[18];

	if (member == NULL)
		return NULL;
	struct fdb_object *object = fdb_find(model, &key);
	if (object != NULL && object->origin == ORIGIN_STATIC &&
	    object->interface == member->interface->index)
		return object;
	mac_format(key.mac, text);
	refuse(error, -ENOENT, "static fdb %s vlan %u dev %s does not exist", text, key.vlan,
	       member->interface->name);
	return NULL;
}

static int del_static(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct fdb_object *object = static_get(model, arguments, error);

	if (object == NULL)
		return -ENOENT;
	fdb_remove(model, object);
	return 0;
}

static void same_entry(const struct arguments *arguments, enum command_id id,
		       struct arguments *undo)
{
	arguments_begin(undo, id);
	memcpy(undo->value[FDB_MAC].mac, arguments->value[FDB_MAC].mac, 6);
	undo->present |= parameter_bit(FDB_MAC);
	argument_string(undo, FDB_DEV, arguments->value[FDB_DEV].string);
	if (argument_present(arguments, FDB_VLAN))
		argument_number(undo, FDB_VLAN, arguments->value[FDB_VLAN].number);
}

static int add_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;

	if (static_get(model, arguments, &error) != NULL)
		return -ENOENT;
	same_entry(arguments, COMMAND_FDB_DEL, undo);
	return 0;
}

static int del_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;

	if (static_get(model, arguments, &error) == NULL)
		return -ENOENT;
	same_entry(arguments, COMMAND_FDB_ADD, undo);
	return 0;
}

static int flush(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct value *value = arguments->value;
	const struct bridge_object *bridge =
		bridge_get(model, value[FDB_FLUSH_BRIDGE].string, error);
	unsigned int vlan = argument_present(arguments, FDB_FLUSH_VLAN)
				    ? (unsigned int)value[FDB_FLUSH_VLAN].number
				    : 0;
	const struct interface_object *port = NULL;
	struct vlan_set used;

	if (!model->settled) /* in a journal; its VLANs are not known yet */
		return 0;
	if (bridge == NULL)
		return error->code;
	if (argument_present(arguments, FDB_FLUSH_DEV)) {
		port = interface_get(model, value[FDB_FLUSH_DEV].string, error);
		if (port == NULL)
			return error->code;
		if (port->member == NULL || port->member->bridge != bridge)
			return refuse(error, -EINVAL, "%s %s is not in bridge %s",
				      interface_kind_name(port->kind), port->name,
				      bridge->interface->name);
	}
	bridge_used_vlans(bridge, &used);
	if (vlan != 0 && !vlan_set_has(&used, vlan))
		return refuse(error, -ENOENT, "bridge %s has no VLAN %u", bridge->interface->name,
			      vlan);
	fdb_flush_learned(model, bridge, port != NULL ? port->member : NULL, vlan);
	return 0;
}

const struct handler fdb_flush_handler = { flush, NULL };
const struct handler fdb_add_handler = { add_static, add_inverse };
const struct handler fdb_del_handler = { del_static, del_inverse };

int fdb_configuration(const struct model *model, struct arguments *arguments,
		      int (*visit)(void *context, const struct arguments *arguments), void *context)
{
	for (const struct fdb_object *o = model->fdb->objects; o != NULL; o = o->hh.next) {
		const struct interface_object *interface = model->interface[o->interface];
		if (o->origin != ORIGIN_STATIC || interface == NULL || interface->member == NULL)
			continue;
		arguments_begin(arguments, COMMAND_FDB_ADD);
		memcpy(arguments->value[FDB_MAC].mac, o->key.mac, 6);
		arguments->present |= parameter_bit(FDB_MAC);
		argument_string(arguments, FDB_DEV, interface->name);
		if (o->key.vlan != interface->member->settings.native)
			argument_number(arguments, FDB_VLAN, o->key.vlan);
		int result = visit(context, arguments);
		if (result != 0)
			return result;
	}
	return 0;
}
