/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.c: memberships on bridges as routes of multicast.
 */
#include <stdlib.h>
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static enum bridge_family family_of(const uint8_t group[16])
{
	return group[0] == 0xff ? BRIDGE_IPV6 : BRIDGE_IPV4;
}

static bool has_routing(const struct bridge_settings *settings)
{
	return settings->multicast_routing != MULTICAST_ROUTING_OFF;
}

int multicast_route_allowed(const struct model *model, const struct bridge_object *bridge,
			    const char *name, unsigned int vrf,
			    const struct bridge_settings *settings, struct error *error)
{
	unsigned int count = 0;

	if (!has_routing(settings))
		return 0;
	if (!settings->snooping.on || !settings->snooping.engine.querier)
		return refuse(error, -EINVAL,
			      "bridge %s: multicast-routing: expected `snooping on` and `querier "
			      "on`, or nobody knows what its hosts ask for",
			      name);
	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		const struct bridge_object *other = model->bridge[i];
		count += other != NULL && other != bridge && has_routing(&other->settings) &&
			 other->interface->settings.vrf == vrf;
	}
	return count < MULTICAST_BRANCHES
		       ? 0
		       : refuse(error, -ENOSPC,
				"bridge %s: multicast-routing: VRF %u has %d such bridges: "
				"expected no more",
				name, vrf, MULTICAST_BRANCHES);
}

/* ---------------------------------------------------------------- one route */

static bool has_group(const struct model *model, const struct bridge_object *bridge,
		      const struct multicast_key *route)
{
	struct group_key key = { .bridge = bridge->index, .vlan = bridge->routed.vlan };

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

	for (uint32_t i = 1; i < BRIDGE_MAX && route.count < MULTICAST_BRANCHES; i++) {
		const struct bridge_object *bridge = model->bridge[i];
		if (bridge == NULL || !bridge->routed.wanted[family] ||
		    bridge->interface->settings.vrf != key->vrf || !has_group(model, bridge, key))
			continue;
		route.branch[route.count].interface = bridge->interface->index;
		route.branch[route.count].threshold = bridge->routed.threshold;
		route.branch[route.count++].flags = bridge->routed.flags;
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

void multicast_route_group(struct model *model, const struct group_key *key)
{
	struct bridge_object *bridge = model->bridge[key->bridge % BRIDGE_MAX];
	struct multicast_key route = { .vrf = 0 };

	if (bridge == NULL || key->vlan != bridge->routed.vlan ||
	    !bridge->routed.wanted[family_of(key->group)])
		return;
	memcpy(route.group, key->group, sizeof(route.group));
	route.vrf = bridge->interface->settings.vrf;
	if (route_publish(model, &route) != 0) {
		bridge->routed =
			(struct multicast_branch){ .vlan = 0 }; /* all anew, by bridge_poll */
		bridge->dirty = true;
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
	const struct bridge_object *bridge = keys->model->bridge[group->key.bridge % BRIDGE_MAX];

	if (bridge != NULL && group->key.vlan == bridge->routed.vlan &&
	    bridge->routed.wanted[family_of(group->key.group)])
		keep_key(keys, group->key.group, bridge->interface->settings.vrf);
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

/* ---------------------------------------------------------------- bridges */

static struct multicast_branch branch_of(const struct bridge_object *bridge)
{
	const struct bridge_settings *settings = &bridge->settings;
	struct multicast_branch branch = { .vlan = settings->vlan,
					   .threshold = settings->ttl_threshold };

	if (settings->multicast_routing == MULTICAST_ROUTING_NO_RPF)
		branch.flags = MULTICAST_NO_RPF;
	for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++)
		branch.wanted[i] = has_routing(settings) && interface_is_up(bridge->interface) &&
				   snooping_has_address(bridge, (enum snoop_family)i);
	return branch;
}

static bool wants_any(const struct multicast_branch *branch)
{
	return branch->wanted[BRIDGE_IPV4] || branch->wanted[BRIDGE_IPV6];
}

/* Until all are known, entries of the tables must not lose the bridges that come later. */
void multicast_route_bridge(struct model *model, struct bridge_object *bridge)
{
	struct multicast_branch branch = branch_of(bridge), before = bridge->routed;

	if (memcmp(&branch, &before, sizeof(branch)) == 0)
		return;
	bridge->routed = branch;
	if (!model->multicast_settled || (!wants_any(&branch) && !wants_any(&before)))
		return;
	if (publish_all(model) != 0) {
		bridge->routed = before;
		bridge->dirty = true;
	}
}

void multicast_route_settle(struct model *model)
{
	model->multicast_settled = true;
	if (publish_all(model) != 0)
		model_complain(model, "multicast routes: not all in the tables: no table memory");
}
