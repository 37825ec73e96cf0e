/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.c: memberships on bridges and routed interfaces as routes of multicast.
 */
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static enum bridge_family family_of(const uint8_t group[16])
{
	return group[0] == 0xff ? BRIDGE_IPV6 : BRIDGE_IPV4;
}

/* ---------------------------------------------------------------- where groups may be routed to */

/* The interface's, or NULL: nothing was ever routed to it. */
static struct multicast_branch *branch_of(const struct interface_object *interface)
{
	return interface == NULL	      ? NULL
	       : interface->bridge != NULL    ? &interface->bridge->routed
	       : interface->multicast != NULL ? &interface->multicast->routed
					      : NULL;
}

static const struct snooping_settings *settings_of(const struct interface_object *interface)
{
	return interface->bridge != NULL ? &interface->bridge->settings.snooping
					 : &interface->multicast->settings;
}

/* What group_key has as its bridge. */
static uint32_t groups_of(const struct interface_object *interface)
{
	return interface->bridge != NULL ? interface->bridge->index
					 : groups_of_interface(interface->index);
}

/* Bridges in the order of their indexes, then routed interfaces. NULL: begin; NULL back: that was the last. */
static struct interface_object *next_of(const struct model *model,
					const struct interface_object *after)
{
	bool bridges = after == NULL || after->bridge != NULL;

	for (uint32_t i = after == NULL ? 1 : groups_of(after) + 1; bridges && i < BRIDGE_MAX; i++)
		if (model->bridge[i] != NULL)
			return model->bridge[i]->interface;
	const struct multicast_port *port = bridges ? model->multicast_ports
						    : after->multicast->next;
	return port == NULL ? NULL : port->interface;
}

#define FOREACH_BRANCH(model, i)                                                                   \
	for (struct interface_object *i = next_of(model, NULL); i != NULL; i = next_of(model, i))

/* What they were made from is to be looked at anew, by bridge_poll or multicast_port_poll. */
static void try_again(struct interface_object *interface)
{
	if (interface->bridge != NULL)
		interface->bridge->dirty = true;
	else
		interface->multicast->dirty = true;
}

int multicast_route_allowed(const struct model *model, const struct interface_object *interface,
			    unsigned int vrf, const struct snooping_settings *settings,
			    struct error *error)
{
	const char *kind = interface_kind_name(interface->kind);
	unsigned int count = 0;

	if (settings->routing == MULTICAST_ROUTING_OFF)
		return 0;
	if (interface->kind == INTERFACE_BRIDGE && (!settings->on || !settings->engine.querier))
		return refuse(error, -EINVAL,
			      "bridge %s: multicast-routing: expected `snooping on` and `querier "
			      "on`, or nobody knows what its hosts ask for",
			      interface->name);
	FOREACH_BRANCH(model, other)
	count += other != interface && other->settings.vrf == vrf &&
		 settings_of(other)->routing != MULTICAST_ROUTING_OFF;
	return count < MULTICAST_BRANCHES
		       ? 0
		       : refuse(error, -ENOSPC,
				"%s %s: multicast-routing: VRF %u has %d bridges, ports and vlans "
				"with it: expected no more",
				kind, interface->name, vrf, MULTICAST_BRANCHES);
}

/* ---------------------------------------------------------------- one route */

static bool has_group(const struct model *model, const struct interface_object *interface,
		      const struct multicast_key *route)
{
	struct group_key key = { .bridge = groups_of(interface),
				 .vlan = branch_of(interface)->vlan };

	memcpy(key.group, route->group, sizeof(key.group));
	return hash_lookup(model->tables, HASH_GROUP, &key, sizeof(key)) != NULL;
}

/* Make the table's entry say what it should. */
static int route_publish(struct model *model, const struct multicast_key *key)
{
	const struct multicast_route *found =
		hash_lookup(model->tables, HASH_MULTICAST_ROUTE, key, sizeof(*key));
	enum bridge_family family = family_of(key->group);
	struct multicast_route route = { .key = *key };

	FOREACH_BRANCH(model, i)
	{
		const struct multicast_branch *branch = branch_of(i);
		if (route.count == MULTICAST_BRANCHES)
			break;
		if (!branch->wanted[family] || i->settings.vrf != key->vrf ||
		    !has_group(model, i, key))
			continue;
		route.branch[route.count].interface = i->index;
		route.branch[route.count].threshold = branch->threshold;
		route.branch[route.count++].flags = branch->flags;
	}
	if (route.count == 0)
		return found == NULL
			       ? 0
			       : hash_remove(model->tables, model->heap, HASH_MULTICAST_ROUTE, key);
	if (found != NULL && memcmp(found, &route, sizeof(route)) == 0)
		return 0;
	return when_full_again(model,
			       hash_put(model->tables, model->heap, HASH_MULTICAST_ROUTE, &route));
}

/* Whose group it is, if it is routed to. */
static struct interface_object *routed_to(const struct model *model, const struct group_key *key)
{
	const struct snoop_domain_key domain = { (uint16_t)key->bridge, key->vlan };
	struct interface_object *interface = snooping_domain_interface(model, &domain);
	const struct multicast_branch *branch = branch_of(interface);

	return branch != NULL && key->vlan == branch->vlan && branch->wanted[family_of(key->group)]
		       ? interface
		       : NULL;
}

void multicast_route_group(struct model *model, const struct group_key *key)
{
	struct interface_object *interface = routed_to(model, key);
	struct multicast_key route = { .vrf = 0 };

	if (interface == NULL)
		return;
	memcpy(route.group, key->group, sizeof(route.group));
	route.vrf = interface->settings.vrf;
	if (route_publish(model, &route) != 0) {
		*branch_of(interface) = (struct multicast_branch){ .vlan = 0 }; /* all anew */
		try_again(interface);
	}
}

/* ---------------------------------------------------------------- all routes */

/* Keys are copied first: publishing changes the tables that they stand in. */
struct keys {
	const struct model *model;
	struct multicast_key *key;
	size_t count, room;
	bool lost; /* no memory for them */
};

static void keep_key(struct keys *keys, const uint8_t group[16], uint32_t vrf)
{
	if (keys->count == keys->room) {
		size_t room = keys->room == 0 ? 256 : keys->room * 2;
		struct multicast_key *key = realloc(keys->key, room * sizeof(*key));
		keys->lost |= key == NULL;
		if (key == NULL)
			return;
		keys->key = key;
		keys->room = room;
	}
	struct multicast_key *key = &keys->key[keys->count++];
	*key = (struct multicast_key){ .vrf = vrf };
	memcpy(key->group, group, sizeof(key->group));
}

static void keep_route(void *context, const void *entry)
{
	const struct multicast_route *route = entry;

	keep_key(context, route->key.group, route->key.vrf);
}

static void keep_group(void *context, const void *entry)
{
	struct keys *keys = context;
	const struct group_entry *group = entry;
	const struct interface_object *interface = routed_to(keys->model, &group->key);

	if (interface != NULL)
		keep_key(keys, group->key.group, interface->settings.vrf);
}

static int publish_all(struct model *model)
{
	struct keys keys = { .model = model };

	hash_walk(model->tables, HASH_MULTICAST_ROUTE, keep_route, &keys);
	hash_walk(model->tables, HASH_GROUP, keep_group, &keys);
	int result = keys.lost ? -ENOMEM : 0;
	for (size_t i = 0; i < keys.count && result == 0; i++)
		result = route_publish(model, &keys.key[i]);
	free(keys.key);
	return result;
}

/* ---------------------------------------------------------------- bridges and interfaces */

static struct multicast_branch branch_wanted(const struct interface_object *interface)
{
	const struct bridge_object *bridge = interface->bridge;
	const struct snooping_settings *settings = settings_of(interface);
	struct multicast_branch branch = { .threshold = settings->ttl_threshold };

	if (bridge != NULL)
		branch.vlan = bridge->settings.vlan;
	if (settings->routing == MULTICAST_ROUTING_NO_RPF)
		branch.flags = MULTICAST_NO_RPF;
	for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++) {
		enum snoop_family family = (enum snoop_family)i;
		branch.wanted[i] = settings->routing != MULTICAST_ROUTING_OFF &&
				   interface_is_up(interface) &&
				   (bridge != NULL ? snooping_has_address(bridge, family)
						   : multicast_port_has_address(interface, family));
	}
	return branch;
}

static bool wants_any(const struct multicast_branch *branch)
{
	return branch->wanted[BRIDGE_IPV4] || branch->wanted[BRIDGE_IPV6];
}

/* Have what routes to the interface follow from as it is now. False: no route follows from what changed, or not
 * yet: until all are known, entries of the tables must not lose those that come later. */
static bool take(const struct model *model, struct interface_object *interface,
		 struct multicast_branch *before)
{
	struct multicast_branch branch = branch_wanted(interface), *own = branch_of(interface);

	memcpy(before, own, sizeof(*before));
	memcpy(own, &branch, sizeof(*own));
	return memcmp(&branch, before, sizeof(branch)) != 0 && model->multicast_settled &&
	       (wants_any(&branch) || wants_any(before));
}

/* Routes found no memory. */
static void give_back(struct interface_object *interface, const struct multicast_branch *before)
{
	memcpy(branch_of(interface), before, sizeof(*before));
	try_again(interface);
}

void multicast_route_interface(struct model *model, struct interface_object *interface)
{
	struct multicast_branch before;

	if (take(model, interface, &before) && publish_all(model) != 0)
		give_back(interface, &before);
}

void multicast_route_ports(struct model *model)
{
	struct multicast_port *port;
	bool any = false;

	DL_FOREACH(model->multicast_ports, port)
	{
		port->changed = port->changed && take(model, port->interface, &port->before);
		any |= port->changed;
	}
	bool failed = any && publish_all(model) != 0;
	DL_FOREACH(model->multicast_ports, port)
	{
		if (failed && port->changed)
			give_back(port->interface, &port->before);
		port->changed = false;
	}
}

void multicast_route_settle(struct model *model)
{
	model->multicast_settled = true;
	if (publish_all(model) != 0)
		model_complain(model, "multicast routes: not all in the tables: no table memory");
}
