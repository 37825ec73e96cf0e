/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge-member.c: interfaces as ports of bridges: what is said about it in their commands.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/snooping.h"

/* Parameters of BRIDGE_MEMBER (parameter.h), from its first one on. */
enum {
	MEMBER_BRIDGE,
	MEMBER_VLAN,
	MEMBER_TRUNK,
	MEMBER_NATIVE,
	MEMBER_ISOLATED,
	MEMBER_LEARNING,
	MEMBER_LIMIT,
	MEMBER_STORM,
	MEMBER_PARAMETERS = MEMBER_STORM + STORM_KINDS
};
static_assert(PORT_STORM_UNICAST - PORT_BRIDGE == MEMBER_PARAMETERS - 1, "BRIDGE_MEMBER");
static_assert(PORT_TRUNK - PORT_BRIDGE == MEMBER_TRUNK, "BRIDGE_MEMBER");
static_assert(PORT_STORM_BROADCAST - PORT_BRIDGE == MEMBER_STORM, "BRIDGE_MEMBER");

enum { TRUNK_TEXT = VLAN_MAX * 5 };

/* ---------------------------------------------------------------- lists of VLANs */

static void vlan_set_add(struct vlan_set *set, unsigned int vlan)
{
	set->word[vlan / 64] |= 1ull << (vlan % 64);
}

/* One VLAN ID; *at is behind it. 0: there is none. */
static unsigned int vlan_parse(const char **at)
{
	char *end;

	if (**at < '1' || **at > '9')
		return 0;
	unsigned long number = strtoul(*at, &end, 10);
	*at = end;
	return number <= VLAN_LAST ? (unsigned int)number : 0;
}

/* "10,20-29". -EINVAL */
static int vlans_parse(const char *text, struct vlan_set *set)
{
	memset(set, 0, sizeof(*set));
	for (const char *at = text;; at++) {
		unsigned int first = vlan_parse(&at), last = first;
		if (first != 0 && *at == '-') {
			at++;
			last = vlan_parse(&at);
		}
		if (first == 0 || last < first)
			return -EINVAL;
		for (unsigned int vlan = first; vlan <= last; vlan++)
			vlan_set_add(set, vlan);
		if (*at == 0)
			return 0;
		if (*at != ',')
			return -EINVAL;
	}
}

/* The same in order, without what is said twice. */
static void vlans_format(const struct vlan_set *set, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned int vlan = 1; vlan <= VLAN_LAST && used < size; vlan++) {
		unsigned int last = vlan;
		if (!vlan_set_has(set, vlan))
			continue;
		while (last < VLAN_LAST && vlan_set_has(set, last + 1))
			last++;
		used += (size_t)snprintf(text + used, size - used, "%s%u", used > 0 ? "," : "",
					 vlan);
		if (last > vlan && used < size)
			used += (size_t)snprintf(text + used, size - used, "-%u", last);
		vlan = last;
	}
}

/* ---------------------------------------------------------------- from a command */

static void access_to(struct member_settings *settings, unsigned int vlan)
{
	memset(&settings->vlans, 0, sizeof(settings->vlans));
	vlan_set_add(&settings->vlans, vlan);
	settings->native = (uint16_t)vlan;
	settings->trunk = false;
}

static int trunk_from(const struct value *value, uint64_t present, const char *name,
		      struct member_settings *settings, struct error *error)
{
	if (vlans_parse(value[MEMBER_TRUNK].string, &settings->vlans) != 0)
		return refuse(error, -EINVAL,
			      "%s: trunk %s: expected VLANs from 1 to %d, like 10,20-29", name,
			      value[MEMBER_TRUNK].string, VLAN_LAST);
	settings->trunk = true;
	settings->native = VLAN_NONE;
	if (present >> MEMBER_NATIVE & 1) {
		settings->native = (uint16_t)value[MEMBER_NATIVE].number;
		vlan_set_add(&settings->vlans, settings->native);
	}
	return 0;
}

static int vlans_from(const struct value *value, uint64_t present, const char *name,
		      struct member_settings *settings, struct error *error)
{
	bool vlan = present >> MEMBER_VLAN & 1, trunk = present >> MEMBER_TRUNK & 1;

	if (vlan && trunk)
		return refuse(error, -EINVAL,
			      "%s: vlan and trunk exclude each other: expected one of them", name);
	if (trunk)
		return trunk_from(value, present, name, settings, error);
	if (vlan)
		access_to(settings, (unsigned int)value[MEMBER_VLAN].number);
	if (!(present >> MEMBER_NATIVE & 1))
		return 0;
	if (vlan || !settings->trunk)
		return refuse(error, -EINVAL, "%s: native goes with trunk", name);
	settings->native = (uint16_t)value[MEMBER_NATIVE].number;
	vlan_set_add(&settings->vlans, settings->native);
	return 0;
}

static int settings_from(const struct value *value, uint64_t present, const char *name,
			 struct member_settings *settings, struct error *error)
{
	if (present >> MEMBER_ISOLATED & 1)
		settings->isolated = value[MEMBER_ISOLATED].number != 0;
	if (present >> MEMBER_LEARNING & 1)
		settings->learning = value[MEMBER_LEARNING].number != 0;
	if (present >> MEMBER_LIMIT & 1)
		settings->learning_limit = (uint32_t)value[MEMBER_LIMIT].number;
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		if (present >> (MEMBER_STORM + i) & 1)
			settings->storm[i] = (uint32_t)value[MEMBER_STORM + i].number;
	return vlans_from(value, present, name, settings, error);
}

/* A port of a bridge gets no frames of its own. */
static int check_routed(const struct model *model, const struct interface_object *interface,
			struct error *error)
{
	if (interface->kind == INTERFACE_BRIDGE || interface->kind == INTERFACE_LOOPBACK)
		return refuse(error, -EINVAL, "%s %s cannot be in a bridge",
			      interface_kind_name(interface->kind), interface->name);
	if (interface->addresses != NULL)
		return refuse(error, -EBUSY,
			      "%s %s has addresses: delete them before it goes into a bridge",
			      interface_kind_name(interface->kind), interface->name);
	for (const struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next)
		if (i->parent == interface)
			return refuse(error, -EBUSY,
				      "%s %s has vlan %s: delete it before it goes into a bridge",
				      interface_kind_name(interface->kind), interface->name,
				      i->name);
	for (const struct neighbour_object *n = interface->neighbours; n != NULL; n = n->next)
		if (n->configured || neighbour_user(n) != NULL)
			return refuse(error, -EBUSY,
				      "%s %s has neighbours that are in use: it cannot go into a "
				      "bridge",
				      interface_kind_name(interface->kind), interface->name);
	return 0;
}

static int take_slot(struct model *model, struct bridge_object *bridge)
{
	for (int round = 0; round < 2; round++) {
		for (int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++)
			if (bridge->slot_use[slot] == ROW_FREE)
				return slot;
		if (!model_reclaim(model))
			break;
	}
	return -ENOSPC;
}

/* Room for one that is no port of the bridge so far. */
static int check_room(struct model *model, struct bridge_object *bridge, struct error *error)
{
	if (!model->settled || take_slot(model, bridge) >= 0)
		return 0;
	return refuse(error, -ENOSPC, "bridge %s is full: %d of %d ports in use",
		      bridge->interface->name, SLOT_LABEL - 1, SLOT_LABEL - 1);
}

static int bridge_from(struct model *model, const struct value *value, uint64_t present,
		       const char *name, const struct interface_object *interface,
		       struct member_wish *wish, struct error *error)
{
	struct bridge_object *before = wish->bridge;

	if (present >> MEMBER_BRIDGE & 1) {
		bool none = strcmp(value[MEMBER_BRIDGE].string, "none") == 0;
		wish->bridge = none ? NULL : bridge_get(model, value[MEMBER_BRIDGE].string, error);
		if (!none && wish->bridge == NULL)
			return -ENOENT;
	}
	if (wish->bridge == NULL && (present & ~parameter_bit(MEMBER_BRIDGE)) != 0)
		return refuse(error, -EINVAL, "%s is in no bridge: expected bridge BR", name);
	if (wish->bridge == NULL || wish->bridge == before)
		return 0;
	if (interface != NULL) {
		int result = check_routed(model, interface, error);
		if (result != 0)
			return result;
	}
	memset(&wish->settings, 0, sizeof(wish->settings));
	wish->settings.learning = true;
	access_to(&wish->settings, BRIDGE_VLAN_DEFAULT);
	return check_room(model, wish->bridge, error);
}

int member_wish_from(struct model *model, const struct arguments *arguments, unsigned int first,
		     enum interface_kind kind, const char *name,
		     const struct interface_object *interface, struct member_wish *wish,
		     struct error *error)
{
	uint64_t present = arguments->present >> first & (parameter_bit(MEMBER_PARAMETERS) - 1);

	memset(wish, 0, sizeof(*wish));
	wish->given = present != 0;
	if (interface != NULL && interface->member != NULL) {
		wish->bridge = interface->member->bridge;
		wish->settings = interface->member->settings;
	}
	if (!wish->given)
		return 0;
	int result =
		bridge_from(model, arguments->value + first, present, name, interface, wish, error);
	wish->settings.horizon = kind == INTERFACE_TUNNEL || kind == INTERFACE_PSEUDOWIRE;
	if (result == 0 && wish->bridge != NULL)
		result = settings_from(arguments->value + first, present, name, &wish->settings,
				       error);
	if (result == 0 && interface != NULL)
		result = fdb_stays(model, interface, wish, error);
	if (result == 0 && interface != NULL)
		result = snooping_stays(model, interface, wish, error);
	return result;
}

/* ---------------------------------------------------------------- joining and leaving */

static int join(struct model *model, struct interface_object *interface,
		const struct member_wish *wish, struct error *error)
{
	struct bridge_object *bridge = wish->bridge;
	int slot = model->settled ? take_slot(model, bridge) : SLOT_NONE;
	struct bridge_member *member = calloc(1, sizeof(*member));

	if (slot < 0 || member == NULL) {
		free(member);
		return refuse(error, -ENOSPC, "bridge %s is full: %d of %d ports in use",
			      bridge->interface->name, SLOT_LABEL - 1, SLOT_LABEL - 1);
	}
	member->bridge = bridge;
	member->interface = interface;
	member->settings = wish->settings;
	member->slot = (unsigned int)slot;
	interface->member = member;
	neighbour_flush(model, interface, NULL);
	if (!model->settled)
		return 0;
	bridge->slot[slot] = member;
	bridge->slot_use[slot] = ROW_USED;
	bridge_publish(model, bridge);
	return 0;
}

void member_leave(struct model *model, struct interface_object *interface)
{
	struct bridge_member *member = interface->member;

	if (member == NULL)
		return;
	if (model->settled)
		member_unpublish(model, member);
	interface->member = NULL;
	free(member);
}

int member_apply(struct model *model, struct interface_object *interface,
		 const struct member_wish *wish, struct error *error)
{
	struct bridge_member *member = interface->member;

	if (!wish->given)
		return 0;
	if (member != NULL && member->bridge == wish->bridge) {
		member->settings = wish->settings;
		bridge_publish(model, member->bridge);
		return 0;
	}
	if (wish->bridge != NULL && check_room(model, wish->bridge, error) != 0)
		return error->code;
	member_leave(model, interface);
	return wish->bridge != NULL ? join(model, interface, wish, error) : 0;
}

/* ---------------------------------------------------------------- to a command */

static void vlans_to(const struct member_settings *settings, unsigned int first,
		     struct arguments *arguments)
{
	static char text[TRUNK_TEXT];

	if (!settings->trunk) {
		argument_number(arguments, first + MEMBER_VLAN, settings->native);
		return;
	}
	vlans_format(&settings->vlans, text, sizeof(text));
	argument_string(arguments, first + MEMBER_TRUNK, text);
	if (settings->native != VLAN_NONE)
		argument_number(arguments, first + MEMBER_NATIVE, settings->native);
}

static void put(const struct arguments *only, struct arguments *arguments, unsigned int parameter,
		uint64_t number, uint64_t usual, bool all)
{
	if (only != NULL && !all ? argument_present(only, parameter) : number != usual)
		argument_number(arguments, parameter, number);
}

void member_to_arguments(const struct interface_object *interface, const struct arguments *only,
			 unsigned int first, struct arguments *arguments)
{
	const struct bridge_member *member = interface->member;
	uint64_t asked = only != NULL ? only->present >> first : ~0ull;
	bool all = asked >> MEMBER_BRIDGE & 1;

	if (member == NULL) {
		if (only != NULL && all)
			argument_string(arguments, first + MEMBER_BRIDGE, "none");
		return;
	}
	const struct member_settings *settings = &member->settings;
	const uint64_t vlans = parameter_bit(MEMBER_VLAN) | parameter_bit(MEMBER_TRUNK) |
			       parameter_bit(MEMBER_NATIVE);
	if (all)
		argument_string(arguments, first + MEMBER_BRIDGE, member->bridge->interface->name);
	if ((only != NULL && (all || (asked & vlans) != 0)) || settings->trunk ||
	    (only == NULL && settings->native != BRIDGE_VLAN_DEFAULT))
		if (all || (asked & vlans) != 0)
			vlans_to(settings, first, arguments);
	put(only, arguments, first + MEMBER_ISOLATED, settings->isolated, false, all);
	put(only, arguments, first + MEMBER_LEARNING, settings->learning, true, all);
	put(only, arguments, first + MEMBER_LIMIT, settings->learning_limit, 0, all);
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		put(only, arguments, first + MEMBER_STORM + i, settings->storm[i], 0, all);
}
