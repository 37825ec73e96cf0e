/* SPDX-License-Identifier: BSD-3-Clause
 *
 * loopback.c: loopback interfaces: a row and addresses, no device.
 */
#include <limits.h>
#include <stdio.h>
#include "controlplane/object/bridge.h"
#include "model.h"

static const struct interface_numbers numbers = { UINT_MAX,     UINT_MAX, UINT_MAX,      UINT_MAX,
						  LOOPBACK_VRF, UINT_MAX, LOOPBACK_ADMIN };

static int loopback_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[LOOPBACK_NAME].string;
	struct interface_object draft = { .kind = INTERFACE_LOOPBACK, .settings.up = true };
	struct interface_settings settings = draft.settings;
	int result = interface_name_free(model, name, error);

	snprintf(draft.name, sizeof(draft.name), "%s", name);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, &draft, &settings, error);
	if (result != 0)
		return result;
	struct interface_object *loopback =
		interface_new(model, name, INTERFACE_LOOPBACK, NULL, &settings, error);
	if (loopback == NULL)
		return error->code;
	result = interface_apply(model, loopback, &settings, error);
	if (result != 0)
		interface_abandon(model, loopback);
	return result;
}

static struct interface_object *loopback_get(const struct model *model,
					     const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[LOOPBACK_NAME].string;
	struct interface_object *loopback = interface_find(model, name);

	if (loopback != NULL && loopback->kind == INTERFACE_LOOPBACK)
		return loopback;
	refuse(error, -ENOENT, "loopback %s does not exist", name);
	return NULL;
}

static int loopback_set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *loopback = loopback_get(model, arguments, error);

	if (loopback == NULL)
		return -ENOENT;
	struct interface_settings settings = loopback->settings;
	int result = interface_settings_from(arguments, &numbers, loopback, &settings, error);
	return result != 0 ? result : interface_apply(model, loopback, &settings, error);
}

static int loopback_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *loopback = loopback_get(model, arguments, error);

	if (loopback == NULL)
		return -ENOENT;
	int result = interface_unused(model, loopback, error);
	if (result == 0)
		interface_delete(model, loopback);
	return result;
}

static void loopback_add_arguments(const struct interface_object *loopback,
				   struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_LOOPBACK_ADD);
	argument_string(arguments, LOOPBACK_NAME, loopback->name);
	interface_settings_to(&loopback->settings, &numbers, NULL, arguments);
}

static int loopback_add_inverse(const struct model *model, const struct arguments *arguments,
				struct arguments *undo)
{
	if (interface_find(model, arguments->value[LOOPBACK_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_LOOPBACK_DEL);
	argument_string(undo, LOOPBACK_NAME, arguments->value[LOOPBACK_NAME].string);
	return 0;
}

static int loopback_set_inverse(const struct model *model, const struct arguments *arguments,
				struct arguments *undo)
{
	struct error error;
	const struct interface_object *loopback = loopback_get(model, arguments, &error);

	if (loopback == NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_LOOPBACK_SET);
	argument_string(undo, LOOPBACK_NAME, loopback->name);
	interface_settings_to(&loopback->settings, &numbers, arguments, undo);
	return 0;
}

static int loopback_del_inverse(const struct model *model, const struct arguments *arguments,
				struct arguments *undo)
{
	struct error error;
	const struct interface_object *loopback = loopback_get(model, arguments, &error);

	if (loopback == NULL)
		return -ENOENT;
	loopback_add_arguments(loopback, undo);
	return 0;
}

const struct handler loopback_add_handler = { loopback_add, loopback_add_inverse };
const struct handler loopback_set_handler = { loopback_set, loopback_set_inverse };
const struct handler loopback_del_handler = { loopback_del, loopback_del_inverse };

void interface_to_arguments(const struct model *model, const struct interface_object *interface,
			    struct arguments *arguments)
{
	if (interface->kind == INTERFACE_PORT)
		port_add_arguments(interface, arguments);
	else if (interface->kind == INTERFACE_VLAN)
		vlan_add_arguments(interface, arguments);
	else if (interface->kind == INTERFACE_BRIDGE)
		bridge_add_arguments(interface, arguments);
	else if (interface->kind == INTERFACE_TUNNEL)
		tunnel_add_arguments(interface, arguments);
	else if (interface->kind == INTERFACE_PSEUDOWIRE)
		pseudowire_add_arguments(model, interface, arguments);
	else
		loopback_add_arguments(interface, arguments);
}
