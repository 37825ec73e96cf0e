/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-adopt.c: what the tables have of groups and router ports, taken over when the model is settled.
 */
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"

/* How the tables have the VLAN forwarded. */
static void adopt_rules(struct model *model, struct bridge_object *bridge, unsigned int vlan)
{
	const struct bridge_domain *found = bridge_domain(model->tables, bridge->index, vlan);
	const struct snoop_domain_key key = { (uint16_t)bridge->index, (uint16_t)vlan };

	if (found == NULL || !(found->flags & DOMAIN_SNOOPING))
		return;
	bridge->rule[vlan]->flags = found->flags;
	memcpy(bridge->rule[vlan]->routers, found->routers, sizeof(found->routers));
	for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++) /* not what the engine says */
		port_set_remove(&bridge->rule[vlan]->routers[i], SLOT_OWN);
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		uint32_t flags = found->flags >> (DOMAIN_FAMILY_BITS * i);
		struct snoop_rule rule = {
			.enforced = (flags & DOMAIN_ENFORCED) != 0,
			.unregistered = flags >> DOMAIN_UNREGISTERED_SHIFT & 3,
		};
		memcpy(&rule.routers, &bridge->rule[vlan]->routers[i], sizeof(rule.routers));
		snoop_adopt_rule(model->snooping->engine, &key, i, &rule, model_now(model));
	}
}

/* Entries are copied first: taking one over may remove it. */
struct found_entries {
	struct group_source_entry *entry;
	size_t count, room;
};

static struct group_source_entry *found_next(struct found_entries *found)
{
	if (found->count == found->room) {
		size_t room = found->room == 0 ? 256 : found->room * 2;
		struct group_source_entry *entry = realloc(found->entry, room * sizeof(*entry));
		if (entry == NULL)
			return NULL;
		found->entry = entry;
		found->room = room;
	}
	return &found->entry[found->count++];
}

static void copy_group(void *context, const void *entry)
{
	const struct group_entry *group = entry;
	struct group_source_entry *copy = found_next(context);

	if (copy == NULL)
		return;
	memset(copy, 0, sizeof(*copy));
	copy->key.any = group->key;
	copy->ports = group->ports;
	copy->key.any.reserved = group->flags & GROUP_ABSENT ? 1 : 0;
}

static void copy_source(void *context, const void *entry)
{
	struct group_source_entry *copy = found_next(context);

	if (copy != NULL)
		*copy = *(const struct group_source_entry *)entry;
}

/* Whose entry it is, and of which domain. */
static struct snoop_domain_key group_of(const struct group_source_entry *entry, struct address *group)
{
	memcpy(group->bytes, entry->key.any.group, sizeof(group->bytes));
	return (struct snoop_domain_key){ (uint16_t)entry->key.any.bridge, entry->key.any.vlan };
}

/* One of copy_group that only says that there are sources. */
static bool is_absent(const struct group_source_entry *entry)
{
	return entry->key.any.reserved != 0;
}

static void adopt_entries(struct model *model, enum hash_table_id id)
{
	struct found_entries found = { 0 };
	bool sources = id == HASH_GROUP_SOURCE;

	hash_walk(model->tables, id, sources ? copy_source : copy_group, &found);
	for (size_t i = 0; i < found.count; i++) {
		struct group_source_entry *entry = &found.entry[i];
		struct address group, source;
		const struct snoop_domain_key key = group_of(entry, &group);
		struct snoop_ports members;
		memcpy(source.bytes, entry->key.source, sizeof(source.bytes));
		memcpy(&members, &entry->ports, sizeof(members));
		if (is_absent(entry)) /* there are sources: looked at when they are taken over */
			continue;
		if (snoop_adopt(model->snooping->engine, &key, sources ? &source : NULL, &group,
				&members, model_now(model)) != 0)
			snooping_entry_remove(model, &key, sources ? &source : NULL, &group);
	}
	free(found.entry);
}

/* Sources that nobody wants any more leave behind what says that there are some; of a group without
 * members the engine writes nothing. */
static void remove_absent(struct model *model)
{
	struct found_entries found = { 0 };

	hash_walk(model->tables, HASH_GROUP, copy_group, &found);
	for (size_t i = 0; i < found.count; i++) {
		const struct group_source_entry *entry = &found.entry[i];
		struct address group;
		const struct snoop_domain_key key = group_of(entry, &group);
		if (is_absent(entry) && !snoop_has_members(model->snooping->engine, &key, &group))
			snooping_entry_remove(model, &key, NULL, &group);
	}
	free(found.entry);
}

void snooping_settle(struct model *model)
{
	snooping_counters_find(model);
	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		struct bridge_object *bridge = model->bridge[i];
		if (bridge == NULL)
			continue;
		snooping_bridge(model, bridge);
		for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++)
			if (bridge->rule[vlan] != NULL)
				adopt_rules(model, bridge, vlan);
	}
	multicast_port_domains(model);
	adopt_entries(model, HASH_GROUP);
	adopt_entries(model, HASH_GROUP_SOURCE);
	remove_absent(model);
}
