/* SPDX-License-Identifier: BSD-3-Clause
 *
 * vlan.c: VLAN subinterfaces: commands, and the table from a port's tags to its subinterface.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "model.h"

static const struct interface_numbers numbers = {
	VLAN_MTU, VLAN_MPLS, VLAN_SPACE, VLAN_UPSTREAM_SPACE, VLAN_VRF, VLAN_RPF, VLAN_ADMIN
};

/* ---------------------------------------------------------------- the table of tags */

static struct vlan_key vlan_key(const struct interface_object *vlan)
{
	return (struct vlan_key){ .port = vlan->parent->index,
				  .outer_tag = vlan->settings.outer_tag,
				  .inner_tag = vlan->settings.inner_tag };
}

int vlan_entry_publish(struct model *model, struct interface_object *vlan,
		       const struct interface_settings *settings)
{
	struct vlan_entry entry = {
		.key = { .port = vlan->parent->index,
			 .outer_tag = settings->outer_tag,
			 .inner_tag = settings->inner_tag },
		.interface = vlan->index,
	};
	const struct vlan_entry *old =
		hash_lookup(model->tables, HASH_VLAN, &entry.key, sizeof(entry.key));

	if (old != NULL && memcmp(old, &entry, sizeof(entry)) == 0)
		return 0;
	return hash_put(model->tables, model->heap, HASH_VLAN, &entry);
}

void vlan_entry_remove(struct model *model, const struct interface_object *vlan)
{
	struct vlan_key key = vlan_key(vlan);

	hash_remove(model->tables, model->heap, HASH_VLAN, &key);
}

struct sweep {
	struct model *model;
	unsigned int count;
	struct vlan_key key[INTERFACE_FIRST_TUNNEL];
};

static void collect_unknown(void *context, const void *found)
{
	const struct vlan_entry *entry = found;
	struct sweep *sweep = context;
	const struct interface_object *vlan =
		entry->interface < INTERFACE_MAX ? sweep->model->interface[entry->interface] : NULL;

	if (vlan != NULL && vlan->kind == INTERFACE_VLAN) {
		struct vlan_key key = vlan_key(vlan);
		if (memcmp(&key, &entry->key, sizeof(key)) == 0)
			return;
	}
	if (sweep->count < INTERFACE_FIRST_TUNNEL)
		sweep->key[sweep->count++] = entry->key;
}

void vlan_sweep(struct model *model)
{
	struct sweep *sweep = malloc(sizeof(*sweep));

	if (sweep == NULL)
		return;
	sweep->model = model;
	sweep->count = 0;
	hash_walk(model->tables, HASH_VLAN, collect_unknown, sweep);
	for (unsigned int i = 0; i < sweep->count; i++)
		hash_remove(model->tables, model->heap, HASH_VLAN, &sweep->key[i]);
	free(sweep);
}

/* ---------------------------------------------------------------- commands */

static int check_tags(const struct model *model, const struct interface_object *port,
		      const char *name, const struct interface_settings *settings,
		      struct error *error)
{
	for (const struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		if (i->parent != port || i->settings.outer_tag != settings->outer_tag ||
		    i->settings.inner_tag != settings->inner_tag)
			continue;
		if (settings->inner_tag != 0)
			return refuse(error, -EEXIST,
				      "vlan %s: port %s tag %u inner %u is vlan %s already", name,
				      port->name, settings->outer_tag, settings->inner_tag,
				      i->name);
		return refuse(error, -EEXIST, "vlan %s: port %s tag %u is vlan %s already", name,
			      port->name, settings->outer_tag, i->name);
	}
	return 0;
}

static int vlan_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[VLAN_NAME].string;
	const char *dev = arguments->value[VLAN_DEV].string;
	struct interface_object draft = { .kind = INTERFACE_VLAN, .settings.up = true };
	struct interface_settings settings = draft.settings;
	int result = interface_name_free(model, name, error);

	if (result != 0)
		return result;
	struct interface_object *port = interface_get(model, dev, error);
	if (port == NULL)
		return -ENOENT;
	if (port->kind != INTERFACE_PORT)
		return refuse(error, -EINVAL, "vlan %s: dev %s is a %s: expected a port", name, dev,
			      interface_kind_name(port->kind));
	if (port->member != NULL)
		return refuse(error, -EBUSY, "vlan %s: port %s is in a bridge: its tags are VLANs of that",
			      name, dev);
	settings.outer_tag = (uint16_t)arguments->value[VLAN_TAG].number;
	if (argument_present(arguments, VLAN_INNER))
		settings.inner_tag = (uint16_t)arguments->value[VLAN_INNER].number;
	snprintf(draft.name, sizeof(draft.name), "%s", name);
	result = check_tags(model, port, name, &settings, error);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, &draft, &settings, error);
	struct multicast_wish multicast;
	if (result == 0)
		result = multicast_wish_from(model, arguments, VLAN_MULTICAST_ROUTING, &draft,
					     settings.vrf, NULL, &multicast, error);
	if (result != 0)
		return result;
	struct interface_object *vlan =
		interface_new(model, name, INTERFACE_VLAN, port, &settings, error);
	if (vlan == NULL)
		return error->code;
	result = interface_apply(model, vlan, &settings, error);
	if (result != 0) {
		interface_abandon(model, vlan);
	} else if (multicast_apply(model, vlan, &multicast, error) != 0) {
		interface_delete(model, vlan);
		result = error->code;
	}
	return result;
}

static struct interface_object *vlan_get(const struct model *model,
					 const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[VLAN_NAME].string;
	struct interface_object *vlan = interface_find(model, name);

	if (vlan != NULL && vlan->kind == INTERFACE_VLAN)
		return vlan;
	refuse(error, -ENOENT, "vlan %s does not exist", name);
	return NULL;
}

static int vlan_set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *vlan = vlan_get(model, arguments, error);

	if (vlan == NULL)
		return -ENOENT;
	struct interface_settings settings = vlan->settings;
	struct multicast_wish multicast;
	int result = interface_settings_from(arguments, &numbers, vlan, &settings, error);
	if (result == 0)
		result = multicast_wish_from(model, arguments, VLAN_MULTICAST_ROUTING, vlan,
					     settings.vrf, NULL, &multicast, error);
	if (result == 0)
		result = interface_apply(model, vlan, &settings, error);
	return result == 0 ? multicast_apply(model, vlan, &multicast, error) : result;
}

static int vlan_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *vlan = vlan_get(model, arguments, error);

	if (vlan == NULL)
		return -ENOENT;
	int result = interface_unused(model, vlan, error);
	if (result == 0)
		interface_delete(model, vlan);
	return result;
}

/* ---------------------------------------------------------------- inverses */

void vlan_add_arguments(const struct interface_object *vlan, struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_VLAN_ADD);
	argument_string(arguments, VLAN_NAME, vlan->name);
	argument_string(arguments, VLAN_DEV, vlan->parent->name);
	argument_number(arguments, VLAN_TAG, vlan->settings.outer_tag);
	if (vlan->settings.inner_tag != 0)
		argument_number(arguments, VLAN_INNER, vlan->settings.inner_tag);
	multicast_to_arguments(vlan, NULL, VLAN_MULTICAST_ROUTING, arguments);
	interface_settings_to(&vlan->settings, &numbers, NULL, arguments);
}

static int vlan_add_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	if (interface_find(model, arguments->value[VLAN_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_VLAN_DEL);
	argument_string(undo, VLAN_NAME, arguments->value[VLAN_NAME].string);
	return 0;
}

static int vlan_set_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	struct error error;
	const struct interface_object *vlan = vlan_get(model, arguments, &error);

	if (vlan == NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_VLAN_SET);
	argument_string(undo, VLAN_NAME, vlan->name);
	multicast_to_arguments(vlan, arguments, VLAN_MULTICAST_ROUTING, undo);
	interface_settings_to(&vlan->settings, &numbers, arguments, undo);
	return 0;
}

static int vlan_del_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	struct error error;
	const struct interface_object *vlan = vlan_get(model, arguments, &error);

	if (vlan == NULL)
		return -ENOENT;
	vlan_add_arguments(vlan, undo);
	return 0;
}

const struct handler vlan_add_handler = { vlan_add, vlan_add_inverse };
const struct handler vlan_set_handler = { vlan_set, vlan_set_inverse };
const struct handler vlan_del_handler = { vlan_del, vlan_del_inverse };
