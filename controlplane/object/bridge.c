/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.c: bridges: commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static const struct interface_numbers numbers = { BRIDGE_MTU,   BRIDGE_MPLS,
						  BRIDGE_SPACE, BRIDGE_UPSTREAM_SPACE,
						  BRIDGE_VRF,   BRIDGE_RPF,
						  BRIDGE_ADMIN };

struct bridge_object *bridge_get(const struct model *model, const char *name, struct error *error)
{
	const struct interface_object *interface = interface_find(model, name);

	if (interface != NULL && interface->kind == INTERFACE_BRIDGE)
		return interface->bridge;
	refuse(error, -ENOENT, "bridge %s does not exist", name);
	return NULL;
}

/* ---------------------------------------------------------------- settings */

static int settings_from(const struct arguments *arguments, const char *name,
			 struct bridge_settings *settings, struct error *error)
{
	const struct value *value = arguments->value;

	if (argument_present(arguments, BRIDGE_VLAN))
		settings->vlan = (uint16_t)value[BRIDGE_VLAN].number;
	if (argument_present(arguments, BRIDGE_LEARN))
		settings->learning = value[BRIDGE_LEARN].number != 0;
	if (argument_present(arguments, BRIDGE_AGEING))
		settings->ageing = value[BRIDGE_AGEING].number;
	if (argument_present(arguments, BRIDGE_UNKNOWN_UNICAST))
		settings->drop_unknown = value[BRIDGE_UNKNOWN_UNICAST].number == UNKNOWN_DROP;
	int result = snooping_settings_from(arguments, name, &settings->snooping, error);
	if (result != 0 || !argument_present(arguments, BRIDGE_LLADDR))
		return result;
	if (value[BRIDGE_LLADDR].mac[0] & 1)
		return refuse(error, -EINVAL, "bridge %s: lladdr: expected a unicast address",
			      name);
	memcpy(settings->mac, value[BRIDGE_LLADDR].mac, sizeof(settings->mac));
	return 0;
}

static bool mac_given(const struct bridge_settings *settings)
{
	static const uint8_t none[6];

	return memcmp(settings->mac, none, sizeof(none)) != 0;
}

static void put(const struct arguments *only, struct arguments *arguments, unsigned int parameter,
		uint64_t number, uint64_t usual)
{
	if (only != NULL ? argument_present(only, parameter) : number != usual)
		argument_number(arguments, parameter, number);
}

static void settings_to(const struct bridge_object *bridge, const struct arguments *only,
			struct arguments *arguments)
{
	const struct bridge_settings *settings = &bridge->settings;

	argument_string(arguments, BRIDGE_NAME, bridge->interface->name);
	put(only, arguments, BRIDGE_VLAN, settings->vlan, BRIDGE_VLAN_DEFAULT);
	put(only, arguments, BRIDGE_LEARN, settings->learning, true);
	put(only, arguments, BRIDGE_AGEING, settings->ageing, BRIDGE_AGEING_DEFAULT);
	put(only, arguments, BRIDGE_UNKNOWN_UNICAST,
	    settings->drop_unknown ? UNKNOWN_DROP : UNKNOWN_FLOOD, UNKNOWN_FLOOD);
	if (only != NULL ? argument_present(only, BRIDGE_LLADDR) : mac_given(settings)) {
		memcpy(arguments->value[BRIDGE_LLADDR].mac, settings->mac, 6);
		arguments->present |= parameter_bit(BRIDGE_LLADDR);
	}
	snooping_settings_to(&settings->snooping, only, arguments);
	interface_settings_to(&bridge->interface->settings, &numbers, only, arguments);
}

/* The address that was given; else one that is made up, locally administered, and then stays: a found
 * row has it already. */
static void set_mac(struct model *model, struct bridge_object *bridge)
{
	uint8_t mac[6];

	memcpy(mac, bridge->settings.mac, sizeof(mac));
	if (!mac_given(&bridge->settings)) {
		if (bridge->interface->mac != 0)
			return;
		if (getrandom(mac, sizeof(mac), 0) != (ssize_t)sizeof(mac))
			memcpy(mac, &bridge->index, sizeof(bridge->index));
		mac[0] = (uint8_t)((mac[0] & 0xfc) | 0x02);
	}
	if (model->settled) {
		interface_mac_learned(model, bridge->interface, mac);
	} else {
		bridge->interface->mac = 0;
		memcpy(&bridge->interface->mac, mac, sizeof(mac));
	}
}

/* ---------------------------------------------------------------- commands */

static struct bridge_object *bridge_new(struct model *model, const char *name,
					const struct interface_settings *settings,
					const struct bridge_settings *own, struct error *error)
{
	struct bridge_object *bridge = calloc(1, sizeof(*bridge));
	struct interface_object *interface = NULL;

	if (bridge == NULL)
		refuse(error, -ENOMEM, "bridge %s: out of memory", name);
	else
		interface = interface_new(model, name, INTERFACE_BRIDGE, NULL, settings, error);
	if (interface == NULL) {
		free(bridge);
		return NULL;
	}
	bridge->index = bridge_index_take(model, interface);
	if (bridge->index == 0) {
		interface_abandon(model, interface);
		free(bridge);
		refuse(error, -ENOSPC, "bridge table is full: %d of %d in use", BRIDGE_MAX - 1,
		       BRIDGE_MAX - 1);
		return NULL;
	}
	bridge->interface = interface;
	bridge->settings = *own;
	bridge->slot_use[SLOT_OWN] = bridge->slot_use[SLOT_LABEL] = ROW_USED;
	interface->bridge = bridge;
	interface->link_up = true;
	model->bridge[bridge->index] = bridge;
	return bridge;
}

static void forget(struct model *model, struct bridge_object *bridge)
{
	for (unsigned int vlan = 0; vlan < VLAN_MAX; vlan++)
		free(bridge->rule[vlan]);
	model->bridge[bridge->index] = NULL;
	free(bridge);
}

static int bridge_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[BRIDGE_NAME].string;
	struct interface_object draft = { .kind = INTERFACE_BRIDGE, .settings.up = true };
	struct interface_settings settings = draft.settings;
	struct bridge_settings own = { .vlan = BRIDGE_VLAN_DEFAULT,
				       .learning = true,
				       .ageing = BRIDGE_AGEING_DEFAULT };
	int result = interface_name_free(model, name, error);

	snooping_settings_begin(&own.snooping);
	if (result == 0 && strcmp(name, "none") == 0)
		result = refuse(error, -EINVAL, "bridge none: that is how a port leaves a bridge");
	snprintf(draft.name, sizeof(draft.name), "%s", name);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, &draft, &settings, error);
	if (result == 0)
		result = settings_from(arguments, name, &own, error);
	if (result == 0)
		result = multicast_route_allowed(model, &draft, settings.vrf, &own.snooping, error);
	if (result != 0)
		return result;
	struct bridge_object *bridge = bridge_new(model, name, &settings, &own, error);
	if (bridge == NULL)
		return error->code;
	set_mac(model, bridge);
	result = interface_apply(model, bridge->interface, &settings, error);
	if (result != 0) {
		struct interface_object *interface = bridge->interface;
		model->bridge_use[bridge->index] = ROW_FREE;
		forget(model, bridge);
		interface_abandon(model, interface);
		return result;
	}
	bridge_publish(model, bridge);
	return 0;
}

static int bridge_set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct bridge_object *bridge =
		bridge_get(model, arguments->value[BRIDGE_NAME].string, error);

	if (bridge == NULL)
		return -ENOENT;
	struct interface_settings settings = bridge->interface->settings;
	struct bridge_settings own = bridge->settings;
	int result =
		interface_settings_from(arguments, &numbers, bridge->interface, &settings, error);
	if (result == 0)
		result = settings_from(arguments, bridge->interface->name, &own, error);
	if (result == 0)
		result = multicast_route_allowed(model, bridge->interface, settings.vrf,
						 &own.snooping, error);
	if (result == 0)
		result = interface_apply(model, bridge->interface, &settings, error);
	if (result != 0)
		return result;
	bridge->settings = own;
	set_mac(model, bridge);
	bridge_publish(model, bridge);
	return 0;
}

static int bridge_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct bridge_object *bridge =
		bridge_get(model, arguments->value[BRIDGE_NAME].string, error);

	if (bridge == NULL)
		return -ENOENT;
	for (unsigned int slot = 0; slot < BRIDGE_SLOTS; slot++)
		if (bridge->slot[slot] != NULL)
			return refuse(error, -EBUSY, "bridge %s is in use by %s %s",
				      bridge->interface->name,
				      interface_kind_name(bridge->slot[slot]->interface->kind),
				      bridge->slot[slot]->interface->name);
	if (bridge->labels > 0)
		return refuse(error, -EBUSY,
			      "bridge %s is in use by %u mpls label%s: pop bridge %s",
			      bridge->interface->name, bridge->labels,
			      bridge->labels == 1 ? "" : "s", bridge->interface->name);
	const struct interface_object *i;
	FOREACH_INTERFACE(model, i)
	if (i->member != NULL && i->member->bridge == bridge)
		return refuse(error, -EBUSY, "bridge %s is in use by %s %s",
			      bridge->interface->name, interface_kind_name(i->kind), i->name);
	struct interface_object *interface = bridge->interface;
	int result = interface_unused(model, interface, error);
	if (result != 0)
		return result;
	bridge_unpublish(model, bridge);
	forget(model, bridge);
	interface_delete(model, interface);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

void bridge_add_arguments(const struct interface_object *interface, struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_BRIDGE_ADD);
	settings_to(interface->bridge, NULL, arguments);
}

static int bridge_add_inverse(const struct model *model, const struct arguments *arguments,
			      struct arguments *undo)
{
	if (interface_find(model, arguments->value[BRIDGE_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_BRIDGE_DEL);
	argument_string(undo, BRIDGE_NAME, arguments->value[BRIDGE_NAME].string);
	return 0;
}

static int bridge_set_inverse(const struct model *model, const struct arguments *arguments,
			      struct arguments *undo)
{
	struct error error;
	const struct bridge_object *bridge =
		bridge_get(model, arguments->value[BRIDGE_NAME].string, &error);

	if (bridge == NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_BRIDGE_SET);
	settings_to(bridge, arguments, undo);
	return 0;
}

static int bridge_del_inverse(const struct model *model, const struct arguments *arguments,
			      struct arguments *undo)
{
	struct error error;
	const struct bridge_object *bridge =
		bridge_get(model, arguments->value[BRIDGE_NAME].string, &error);

	if (bridge == NULL)
		return -ENOENT;
	bridge_add_arguments(bridge->interface, undo);
	return 0;
}

const struct handler bridge_add_handler = { bridge_add, bridge_add_inverse };
const struct handler bridge_set_handler = { bridge_set, bridge_set_inverse };
const struct handler bridge_del_handler = { bridge_del, bridge_del_inverse };

void bridge_free(struct model *model)
{
	for (uint32_t i = 0; i < BRIDGE_MAX; i++)
		if (model->bridge[i] != NULL)
			forget(model, model->bridge[i]);
	struct interface_object *i;
	FOREACH_INTERFACE(model, i)
	{
		free(i->member);
		free(i->multicast);
	}
}
