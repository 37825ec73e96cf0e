/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping.c: bridges as the snooping engine's domains, and what it says as entries of the tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/event.h"
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static_assert(sizeof(struct snoop_ports) == sizeof(struct port_set), "sets of ports are the same");
static_assert((int)SNOOP_PORT_MAX == (int)BRIDGE_SLOTS, "sets of ports are the same");
static_assert((int)SNOOP_FLOOD == (int)UNREGISTERED_FLOOD &&
		      (int)SNOOP_ROUTER_PORTS == (int)UNREGISTERED_ROUTERS &&
		      (int)SNOOP_DROP == (int)UNREGISTERED_DROP,
	      "rules for unregistered groups are the same");

static struct snoop_domain_key key_of(const struct bridge_object *bridge, unsigned int vlan)
{
	return (struct snoop_domain_key){ (uint16_t)bridge->index, (uint16_t)vlan };
}

static struct group_key group_key(const struct snoop_domain_key *domain,
				  const struct address *group)
{
	struct group_key key = { .bridge = domain->bridge, .vlan = domain->vlan };

	memcpy(key.group, group->bytes, sizeof(key.group));
	return key;
}

/* ---------------------------------------------------------------- what the engine says */

/* before: the group's entry, or NULL. */
static int put_any(struct model *model, const struct group_key *key,
		   const struct group_entry *before, const struct snoop_ports *members,
		   uint32_t flags)
{
	uint32_t had = before != NULL ? before->counter : 0;
	struct group_entry entry = { .key = *key, .flags = flags, .counter = had };

	if (had == 0 && !(flags & GROUP_ABSENT))
		entry.counter = snooping_counter_take(model);
	if (members != NULL)
		memcpy(&entry.ports, members, sizeof(entry.ports));
	int result =
		when_full_again(model, hash_put(model->tables, model->heap, HASH_GROUP, &entry));
	if (result == 0)
		multicast_route_group(model, key);
	else if (entry.counter != had)
		snooping_counter_release(model, entry.counter);
	return result;
}

static int put_source(struct model *model, const struct group_key *any,
		      const struct address *source, const struct snoop_ports *members)
{
	struct group_source_entry entry = { .key.any = *any };

	memcpy(entry.key.source, source->bytes, sizeof(entry.key.source));
	memcpy(&entry.ports, members, sizeof(entry.ports));
	const struct group_source_entry *before =
		hash_lookup(model->tables, HASH_GROUP_SOURCE, &entry.key, sizeof(entry.key));
	uint32_t had = before != NULL ? before->counter : 0;
	entry.counter = had != 0 ? had : snooping_counter_take(model);
	int result = when_full_again(
		model, hash_put(model->tables, model->heap, HASH_GROUP_SOURCE, &entry));
	if (result != 0 && entry.counter != had)
		snooping_counter_release(model, entry.counter);
	return result;
}

/* Workers look for an entry of a source only where the group's says that there may be one. */
static int mark_sources(struct model *model, const struct group_key *key)
{
	const struct group_entry *any = hash_lookup(model->tables, HASH_GROUP, key, sizeof(*key));

	if (any == NULL)
		return put_any(model, key, NULL, NULL, GROUP_SOURCES | GROUP_ABSENT);
	if (any->flags & GROUP_SOURCES)
		return 0;
	struct snoop_ports members;
	memcpy(&members, &any->ports, sizeof(members));
	return put_any(model, key, any, &members, any->flags | GROUP_SOURCES);
}

static int forward(void *context, const struct snoop_domain_key *domain,
		   const struct address *source, const struct address *group,
		   const struct snoop_ports *members)
{
	struct model *model = context;
	struct group_key key = group_key(domain, group);

	if (source == NULL) {
		const struct group_entry *before =
			hash_lookup(model->tables, HASH_GROUP, &key, sizeof(key));
		return put_any(model, &key, before, members,
			       before == NULL ? 0 : before->flags & GROUP_SOURCES);
	}
	int result = put_source(model, &key, source, members);
	return result == 0 ? mark_sources(model, &key) : result;
}

static void remove_entry(void *context, const struct snoop_domain_key *domain,
			 const struct address *source, const struct address *group)
{
	struct model *model = context;
	struct group_source_key key = { .any = group_key(domain, group) };

	if (source == NULL) {
		const struct group_entry *any =
			hash_lookup(model->tables, HASH_GROUP, &key.any, sizeof(key.any));
		uint32_t counter = any != NULL ? any->counter : 0;
		hash_remove(model->tables, model->heap, HASH_GROUP, &key.any);
		snooping_counter_release(model, counter);
		multicast_route_group(model, &key.any);
		return;
	}
	memcpy(key.source, source->bytes, sizeof(key.source));
	const struct group_source_entry *entry =
		hash_lookup(model->tables, HASH_GROUP_SOURCE, &key, sizeof(key));
	uint32_t counter = entry != NULL ? entry->counter : 0;
	hash_remove(model->tables, model->heap, HASH_GROUP_SOURCE, &key);
	snooping_counter_release(model, counter);
}

static void set_rule(void *context, const struct snoop_domain_key *domain, enum snoop_family family,
		     const struct snoop_rule *said)
{
	struct model *model = context;
	struct bridge_object *bridge = model->bridge[domain->bridge];
	unsigned int shift = DOMAIN_FAMILY_BITS * (unsigned int)family;
	uint32_t mask = DOMAIN_ENFORCED | 3u << DOMAIN_UNREGISTERED_SHIFT;

	if (bridge == NULL || bridge->rule[domain->vlan] == NULL)
		return;
	struct domain_rule rule = *bridge->rule[domain->vlan];
	rule.flags &= ~(mask << shift);
	rule.flags |= ((said->enforced ? DOMAIN_ENFORCED : 0) |
		       (uint32_t)said->unregistered << DOMAIN_UNREGISTERED_SHIFT)
		      << shift;
	memcpy(&rule.routers[family], &said->routers, sizeof(rule.routers[family]));
	bridge_rule_set(model, bridge, domain->vlan, &rule);
}

static void queue_frame(struct model *model, const struct bridge_object *bridge, unsigned int slot,
			unsigned int vlan, const uint8_t destination_mac[6], const uint8_t *packet,
			size_t length)
{
	struct snooping *snooping = model->snooping;
	const struct bridge_member *member = bridge->slot[slot];
	struct snooping_frame *frame;

	if (member == NULL)
		return;
	frame = snooping->frame_count < SNOOPING_FRAMES_MAX ? malloc(sizeof(*frame)) : NULL;
	if (frame == NULL) {
		const struct snoop_domain_key key = key_of(bridge, vlan);
		if (model->state != NULL) /* there is somebody to lose them */
			snoop_lost(snooping->engine, &key);
		return;
	}
	frame->interface = member->interface->index;
	frame->vlan = (uint16_t)vlan;
	frame->queued = model_now(model);
	frame->length = 14 + length;
	memcpy(frame->data, destination_mac, 6);
	memcpy(frame->data + 6, &bridge->interface->mac, 6);
	frame->data[12] = packet[0] >> 4 == 4 ? 0x08 : 0x86;
	frame->data[13] = packet[0] >> 4 == 4 ? 0x00 : 0xdd;
	memcpy(frame->data + 14, packet, length);
	DL_APPEND(snooping->frames, frame);
	snooping->frame_count++;
}

static void send(void *context, const struct snoop_domain_key *domain,
		 const struct snoop_ports *ports, const uint8_t destination_mac[6],
		 const uint8_t *packet, size_t length)
{
	struct model *model = context;
	const struct bridge_object *bridge = model->bridge[domain->bridge];

	for (unsigned int slot = SLOT_OWN + 1; bridge != NULL && slot < BRIDGE_SLOTS; slot++)
		if (snoop_ports_has(ports, slot))
			queue_frame(model, bridge, slot, domain->vlan, destination_mac, packet,
				    length);
}

void snooping_frame_end(struct model *model, struct snooping_frame *frame, bool lost)
{
	const struct interface_object *interface = model->interface[frame->interface];

	if (lost && interface != NULL && interface->member != NULL) {
		const struct snoop_domain_key key = key_of(interface->member->bridge, frame->vlan);
		snoop_lost(model->snooping->engine, &key);
	}
	DL_DELETE(model->snooping->frames, frame);
	model->snooping->frame_count--;
	free(frame);
}

/* Without a data plane nobody takes frames away. */
static bool busy(void *context)
{
	const struct model *model = context;

	return model->state != NULL && model->snooping->frame_count >= SNOOPING_FRAMES_BUSY;
}

/* Who said so; a configured group has nobody, nor one that was taken over and not heard of. */
static void host_text(const struct snoop_event *event, char *text, size_t size)
{
	static const uint8_t nobody[6];
	char address[46], mac[18];

	if (memcmp(event->reporter_mac, nobody, sizeof(nobody)) == 0)
		return;
	address_format(&event->reporter, address);
	mac_format(event->reporter_mac, mac);
	snprintf(text, size, ", %s %s", address, mac);
}

static void tell(void *context, const struct snoop_event *event)
{
	static const struct {
		enum event_kind kind;
		const char *text;
	} texts[] = {
		[SNOOP_JOINED] = { EVENT_JOIN, "joined" },
		[SNOOP_LEFT] = { EVENT_LEAVE, "left" },
		[SNOOP_REFUSED] = { EVENT_JOIN, "refused" },
		[SNOOP_ROUTER_FOUND] = { EVENT_ROUTER, "multicast router" },
		[SNOOP_ROUTER_GONE] = { EVENT_ROUTER, "no multicast router any more" },
		[SNOOP_QUERIER] = { EVENT_ROUTER, "querier" },
	};
	struct model *model = context;
	const struct bridge_object *bridge = model->bridge[event->domain.bridge];
	const struct bridge_member *member =
		bridge == NULL || event->kind == SNOOP_QUERIER ? NULL : bridge->slot[event->port];
	char address[46], who[46 + 18 + 4] = "";

	if (bridge == NULL)
		return;
	address_format(&event->address, address);
	if (event->kind <= SNOOP_REFUSED)
		host_text(event, who, sizeof(who));
	model_event(model, texts[event->kind].kind,
		    member != NULL ? member->interface->name : bridge->interface->name,
		    "bridge %s vlan %u: %s %s%s", bridge->interface->name, event->domain.vlan,
		    texts[event->kind].text, address, who);
}

/* ---------------------------------------------------------------- life */

int snooping_open(struct model *model)
{
	struct snoop_output output = { model, forward, remove_entry, set_rule, send, tell, busy };
	struct snooping *snooping = calloc(1, sizeof(*snooping));

	if (snooping == NULL)
		return -ENOMEM;
	snooping->engine = snoop_new(&output, SNOOPING_GROUPS_MAX, SNOOPING_SOURCES_MAX);
	if (snooping->engine == NULL) {
		free(snooping);
		return -ENOMEM;
	}
	model->snooping = snooping;
	return 0;
}

void snooping_close(struct model *model)
{
	if (model->snooping == NULL)
		return;
	while (model->snooping->frames != NULL)
		snooping_frame_end(model, model->snooping->frames, false);
	snoop_free(model->snooping->engine);
	snooping_items_free(model->snooping);
	free(model->snooping);
	model->snooping = NULL;
}

void snooping_poll(struct model *model)
{
	uint64_t now = model_now(model);

	if (model->settled && now >= model->snooping->due)
		model->snooping->due = snoop_tick(model->snooping->engine, now);
}

bool snooping_input(struct model *model, const struct bridge_member *member, unsigned int vlan,
		    const uint8_t *packet, size_t length, const uint8_t source_mac[6],
		    struct port_set *slots)
{
	struct snoop_domain_key key = key_of(member->bridge, vlan);
	struct snoop_ports ports;
	bool known = snoop_input(model->snooping->engine, &key, member->slot, packet, length,
				 source_mac, model_now(model), &ports);

	memcpy(slots, &ports, sizeof(*slots));
	model->snooping->due = 0;
	return known;
}

/* ---------------------------------------------------------------- bridges into domains */

/* The address that queries come from: the one given, or the first of the bridge's own interface. MLD's
 * is the link-local one of that. */
static void engine_settings(const struct bridge_object *bridge, unsigned int vlan,
			    struct snoop_settings *settings)
{
	const struct address_object *own;

	*settings = bridge->settings.snooping.engine;
	interface_link_local(bridge->interface, &settings->address[SNOOP_IPV6]);
	if (bridge->settings.snooping.address_given || vlan != bridge->settings.vlan)
		return;
	DL_FOREACH(bridge->interface->addresses, own)
	if (address_is_ipv4(&own->address)) {
		settings->address[SNOOP_IPV4] = own->address;
		return;
	}
}

bool snooping_has_address(const struct bridge_object *bridge, enum snoop_family family)
{
	struct snoop_settings settings;

	if (family == SNOOP_IPV6)
		return bridge->interface->mac != 0;
	engine_settings(bridge, bridge->settings.vlan, &settings);
	return settings.address[SNOOP_IPV4].bytes[12] != 0;
}

static void set_port(struct model *model, struct bridge_object *bridge, unsigned int vlan,
		     unsigned int slot)
{
	struct snoop_domain_key key = key_of(bridge, vlan);
	const struct bridge_member *member = bridge->slot[slot];
	struct domain_rule *rule = bridge->rule[vlan];
	struct snoop *engine = model->snooping->engine;
	struct snoop_port_settings settings = { 0 };
	bool known = port_set_has(&rule->ports, slot);

	if (member == NULL || !vlan_set_has(&member->settings.vlans, vlan)) {
		if (known)
			snoop_port_delete(engine, &key, slot, model_now(model));
		port_set_remove(&rule->ports, slot);
		return;
	}
	snooping_port_settings(model, member, vlan, &settings);
	settings.up = interface_is_up(member->interface) && !member->link_lost;
	settings.fast_leave |= bridge->settings.snooping.fast_leave;
	if (snoop_port_set(engine, &key, slot, &settings, model_now(model)) != 0)
		return;
	port_set_add(&rule->ports, slot);
	if (!known)
		snooping_port_groups(model, member, vlan);
}

static void delete_domain(struct model *model, struct bridge_object *bridge, unsigned int vlan)
{
	struct snoop_domain_key key = key_of(bridge, vlan);

	if (bridge->rule[vlan] == NULL)
		return;
	snoop_domain_delete(model->snooping->engine, &key);
	free(bridge->rule[vlan]);
	bridge->rule[vlan] = NULL;
}

/* Groups are flooded before their entries go. */
static void end_domain(struct model *model, struct bridge_object *bridge, unsigned int vlan)
{
	static const struct domain_rule flood;

	if (bridge->rule[vlan] == NULL)
		return;
	bridge_rule_set(model, bridge, vlan, &flood);
	delete_domain(model, bridge, vlan);
}

static void set_domain(struct model *model, struct bridge_object *bridge, unsigned int vlan)
{
	struct snoop_domain_key key = key_of(bridge, vlan);
	struct snoop_settings settings;

	if (bridge->rule[vlan] == NULL)
		bridge->rule[vlan] = calloc(1, sizeof(*bridge->rule[vlan]));
	if (bridge->rule[vlan] == NULL)
		return;
	bridge->rule[vlan]->flags |= DOMAIN_SNOOPING;
	engine_settings(bridge, vlan, &settings);
	if (snoop_domain_set(model->snooping->engine, &key, &settings, model_now(model)) != 0) {
		end_domain(model, bridge, vlan);
		return;
	}
	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++)
		set_port(model, bridge, vlan, slot);
}

void snooping_bridge(struct model *model, struct bridge_object *bridge)
{
	struct vlan_set used = { { 0 } };

	if (!model->settled)
		return;
	if (bridge->settings.snooping.on)
		bridge_used_vlans(bridge, &used);
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++) {
		if (vlan_set_has(&used, vlan))
			set_domain(model, bridge, vlan);
		else
			end_domain(model, bridge, vlan);
	}
	model->snooping->due = 0;
}

/* The port's link came or went: nothing else of the bridge did, and there may be all VLANs there are. */
static void set_member(struct model *model, const struct bridge_member *member)
{
	if (!model->settled)
		return;
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++)
		if (member->bridge->rule[vlan] != NULL)
			set_port(model, member->bridge, vlan, member->slot);
	model->snooping->due = 0;
}

/* The link is there for the first time: queries of before found no port in the data plane. */
static void ask_port(struct model *model, const struct bridge_member *member)
{
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++) {
		struct snoop_domain_key key = key_of(member->bridge, vlan);
		if (member->bridge->rule[vlan] != NULL)
			snoop_port_ask(model->snooping->engine, &key, member->slot,
				       model_now(model));
	}
	model->snooping->due = 0;
}

void snooping_link(struct model *model, const struct interface_object *port, bool up)
{
	for (struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		if (i->member == NULL || (i != port && i->parent != port))
			continue;
		if (i->member->link_lost == !up) {
			if (up && model->settled)
				ask_port(model, i->member);
			continue;
		}
		i->member->link_lost = !up;
		set_member(model, i->member);
	}
}

/* ---------------------------------------------------------------- topology changes */

static void topology_changed(struct model *model, const struct bridge_object *bridge,
			     unsigned int vlan)
{
	struct snoop_domain_key key = key_of(bridge, vlan);

	snoop_topology_change(model->snooping->engine, &key, model_now(model));
	model->snooping->due = 0;
}

/* Bridges say so again and again while a change goes on: one query each response interval. */
void snooping_topology(struct model *model, const struct bridge_member *member)
{
	const struct bridge_object *bridge = member->bridge;
	uint64_t *until = &model->snooping->changed[bridge->index], now = model_now(model);

	fdb_topology_heard(member);
	if (now < *until)
		return;
	*until = now + bridge->settings.snooping.engine.query_response_interval;
	model_event(model, EVENT_ROUTER, member->interface->name,
		    "bridge %s: the spanning tree changed", bridge->interface->name);
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++)
		if (bridge->rule[vlan] != NULL)
			topology_changed(model, bridge, vlan);
}

static int change_topology(struct model *model, const struct arguments *arguments,
			   struct error *error)
{
	const char *name = arguments->value[TOPOLOGY_BRIDGE].string;
	const struct bridge_object *bridge = bridge_get(model, name, error);
	unsigned int only = argument_present(arguments, TOPOLOGY_VLAN)
				    ? (unsigned int)arguments->value[TOPOLOGY_VLAN].number
				    : 0;
	struct vlan_set used;

	if (bridge == NULL)
		return error->code;
	bridge_used_vlans(bridge, &used);
	if (only != 0 && !vlan_set_has(&used, only))
		return refuse(error, -ENOENT, "bridge %s has no VLAN %u", name, only);
	fdb_flush_learned(model, bridge, NULL, only);
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++)
		if (bridge->rule[vlan] != NULL && (only == 0 || vlan == only))
			topology_changed(model, bridge, vlan);
	return 0;
}

const struct handler topology_change_handler = { change_topology, NULL };

void snooping_forget(struct model *model, struct bridge_object *bridge)
{
	for (unsigned int vlan = 0; vlan < VLAN_MAX; vlan++)
		delete_domain(model, bridge, vlan);
}

/* ---------------------------------------------------------------- take-over */

/* How the tables have the VLAN forwarded. */
static void adopt_rules(struct model *model, struct bridge_object *bridge, unsigned int vlan)
{
	const struct bridge_domain *found = bridge_domain(model->tables, bridge->index, vlan);
	struct snoop_domain_key key = key_of(bridge, vlan);

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
			remove_entry(model, &key, sources ? &source : NULL, &group);
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
			remove_entry(model, &key, NULL, &group);
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
	adopt_entries(model, HASH_GROUP);
	adopt_entries(model, HASH_GROUP_SOURCE);
	remove_absent(model);
}
