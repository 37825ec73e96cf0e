/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge-publish.c: bridges and their ports in the tables.
 *
 * A port joins in the order: slot (members), what the port does with its frames (bridge_port), frames
 * go to the bridge (features), frames are sent to it (domains). It leaves in the other order, and its
 * slot is given away again after a grace period.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static void store_word(_Atomic uint64_t *word, uint64_t value)
{
	if (word_load(word) != value)
		word_store(word, value);
}

/* Make *word name an object with these bytes: nothing is done if it does. */
static int object_publish(struct model *model, _Atomic uint64_t *word, const void *bytes,
			  size_t size)
{
	uint64_t old = word_load(word);

	if (old != 0 && memcmp(tables_object(model->tables, old), bytes, size) == 0)
		return 0;
	uint64_t offset = heap_allocate(model->heap, size);
	if (offset == 0)
		return -ENOSPC;
	memcpy(heap_object(model->heap, offset), bytes, size);
	word_store(word, offset);
	if (old != 0)
		heap_free(model->heap, old, size);
	return 0;
}

static void object_unlink(struct model *model, _Atomic uint64_t *word, size_t size)
{
	uint64_t old = word_load(word);

	word_store(word, 0);
	if (old != 0)
		heap_free(model->heap, old, size);
}

static struct bridge_row *row_of(const struct model *model, const struct bridge_object *bridge)
{
	return &model->tables->bridge[bridge->index];
}

/* ---------------------------------------------------------------- indexes */

uint32_t bridge_index_take(struct model *model, const struct interface_object *interface)
{
	const struct interface *row = &model->tables->interface[interface->index];
	uint64_t flags = word_load(&row->flags);
	uint32_t found = (uint32_t)(word_load(&row->features) >> INTERFACE_BRIDGE_SHIFT) & 0xffff;

	if (!model->settled && (flags & INTERFACE_VALID) && found > 0 && found < BRIDGE_MAX &&
	    model->bridge_use[found] == ROW_FOUND && strcmp(row->name, interface->name) == 0) {
		model->bridge_use[found] = ROW_USED;
		return found;
	}
	for (int round = 0; round < 2; round++) {
		for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
			if (model->bridge_use[i] != ROW_FREE)
				continue;
			model->bridge_use[i] = ROW_USED;
			return i;
		}
		if (!model_reclaim(model))
			break;
	}
	return 0;
}

static void index_released(void *context, uint64_t index)
{
	struct model *model = context;

	if (model->bridge_use[index] == ROW_WAITING)
		model->bridge_use[index] = ROW_FREE;
}

/* ---------------------------------------------------------------- what the row refers to */

static uint64_t member_word(const struct interface_object *interface)
{
	bool port = interface->kind == INTERFACE_PORT || interface->kind == INTERFACE_VLAN;
	uint32_t row = interface->parent != NULL ? interface->parent->index : interface->index;

	return MEMBER_VALID | (uint64_t)interface_mtu(interface) << MEMBER_MTU_SHIFT |
	       (uint64_t)(port ? row : PORT_VIRTUAL) << MEMBER_PORT_SHIFT | interface->index;
}

static int publish_members(struct model *model, const struct bridge_object *bridge)
{
	struct bridge_members members = { 0 };

	members.member[SLOT_OWN] = member_word(bridge->interface);
	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
		const struct bridge_member *member = bridge->slot[slot];
		if (member == NULL)
			continue;
		members.member[slot] = member_word(member->interface);
		if (member->settings.isolated)
			port_set_add(&members.isolated, slot);
		if (member->settings.horizon)
			port_set_add(&members.horizon, slot);
	}
	return object_publish(model, &row_of(model, bridge)->members, &members, sizeof(members));
}

/* Who is in the VLAN. False: nobody. */
static bool make_domain(const struct bridge_object *bridge, unsigned int vlan,
			struct bridge_domain *domain)
{
	bool any = false;

	memset(domain, 0, sizeof(*domain));
	domain->vlan = vlan;
	domain->bridge = bridge->index;
	if (vlan == bridge->settings.vlan) {
		any = true;
		if (interface_is_up(bridge->interface))
			port_set_add(&domain->member, SLOT_OWN);
	}
	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
		const struct bridge_member *member = bridge->slot[slot];
		if (member == NULL || !vlan_set_has(&member->settings.vlans, vlan))
			continue;
		any = true;
		if (!interface_is_up(member->interface))
			continue;
		port_set_add(&domain->member, slot);
		if (vlan != member->settings.native)
			port_set_add(&domain->tagged, slot);
	}
	const struct domain_rule *rule = bridge->rule[vlan];
	if (rule != NULL) {
		domain->flags = rule->flags;
		memcpy(domain->routers, rule->routers, sizeof(domain->routers));
	}
	/* who routes groups elsewhere gets all of them */
	if (bridge->settings.snooping.routing != MULTICAST_ROUTING_OFF &&
	    vlan == bridge->settings.vlan)
		for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++)
			port_set_add(&domain->routers[i], SLOT_OWN);
	return any;
}

static int publish_domain(struct model *model, const struct bridge_object *bridge,
			  _Atomic uint64_t *words, unsigned int vlan)
{
	struct bridge_domain domain;

	if (make_domain(bridge, vlan, &domain))
		return object_publish(model, &words[vlan], &domain, sizeof(domain));
	if (word_load(&words[vlan]) != 0)
		object_unlink(model, &words[vlan], sizeof(domain));
	return 0;
}

void bridge_used_vlans(const struct bridge_object *bridge, struct vlan_set *used)
{
	memset(used, 0, sizeof(*used));
	used->word[bridge->settings.vlan / 64] |= 1ull << (bridge->settings.vlan % 64);
	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++)
		for (unsigned int i = 0; bridge->slot[slot] != NULL && i < VLAN_WORDS; i++)
			used->word[i] |= bridge->slot[slot]->settings.vlans.word[i];
}

static int publish_domains(struct model *model, const struct bridge_object *bridge)
{
	struct vlan_set used;

	struct bridge_row *row = row_of(model, bridge);
	uint64_t offset = word_load(&row->domains);

	if (offset == 0) {
		offset = heap_allocate(model->heap, VLAN_MAX * sizeof(uint64_t));
		if (offset == 0)
			return -ENOSPC;
		word_store(&row->domains, offset);
	}
	_Atomic uint64_t *words = heap_object(model->heap, offset);
	bridge_used_vlans(bridge, &used);
	for (unsigned int vlan = 1; vlan <= VLAN_LAST; vlan++) {
		if (!vlan_set_has(&used, vlan) && word_load(&words[vlan]) == 0)
			continue;
		int result = publish_domain(model, bridge, words, vlan);
		if (result != 0)
			return result;
	}
	return 0;
}

int bridge_rule_set(struct model *model, struct bridge_object *bridge, unsigned int vlan,
		    const struct domain_rule *rule)
{
	if (bridge->rule[vlan] == NULL)
		bridge->rule[vlan] = calloc(1, sizeof(*rule));
	if (bridge->rule[vlan] == NULL)
		return -ENOMEM;
	*bridge->rule[vlan] = *rule;
	uint64_t offset = word_load(&row_of(model, bridge)->domains);
	if (!model->settled || offset == 0)
		return 0;
	int result = when_full_again(
		model, publish_domain(model, bridge, heap_object(model->heap, offset), vlan));
	if (result != 0)
		bridge->dirty = true;
	return result;
}

/* ---------------------------------------------------------------- ports */

/* Policers stand in the workers under a number; a port without limits has none. */
static void choose_meter(struct model *model, struct bridge_member *member)
{
	const uint32_t *storm = member->settings.storm;
	bool wanted = (storm[0] | storm[1] | storm[2]) != 0;

	if (!wanted && member->meter != 0) {
		model->meter_use[member->meter] = false;
		member->meter = 0;
	}
	for (uint16_t i = 1; wanted && member->meter == 0 && i < STORM_METERS; i++) {
		if (model->meter_use[i])
			continue;
		model->meter_use[i] = true;
		member->meter = i;
	}
	if (wanted && member->meter == 0)
		model_complain(model, "%s: no storm control: %d ports have it already",
			       member->interface->name, STORM_METERS - 1);
}

static int publish_member(struct model *model, struct bridge_member *member)
{
	struct interface *row = &model->tables->interface[member->interface->index];
	const struct member_settings *settings = &member->settings;
	bool learns = settings->learning && member->bridge->settings.learning;

	choose_meter(model, member);
	struct bridge_port port = {
		.bridge = member->bridge->index,
		.slot = (uint16_t)member->slot,
		.native = settings->native,
		.flags = (learns ? BRIDGE_PORT_LEARNING : 0) |
			 (settings->isolated ? BRIDGE_PORT_ISOLATED : 0) |
			 (settings->horizon ? BRIDGE_PORT_HORIZON : 0),
		.meter = member->meter,
	};
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		port.storm[i] = settings->storm[i];
	int result = object_publish(model, &row->bridge_port, &port, sizeof(port));
	if (result == 0)
		interface_features_set(model, member->interface->index,
				       INTERFACE_BRIDGED | 0xffffull << INTERFACE_BRIDGE_SHIFT,
				       INTERFACE_BRIDGED | (uint64_t)port.bridge
								   << INTERFACE_BRIDGE_SHIFT);
	return result;
}

static void unlink_port(struct model *model, uint32_t index)
{
	interface_features_set(model, index,
			       INTERFACE_BRIDGED | 0xffffull << INTERFACE_BRIDGE_SHIFT, 0);
	object_unlink(model, &model->tables->interface[index].bridge_port,
		      sizeof(struct bridge_port));
}

/* value: bridge << 16 | slot */
static void slot_released(void *context, uint64_t value)
{
	struct model *model = context;
	struct bridge_object *bridge = model->bridge[value >> 16];
	unsigned int slot = value & 0xffff;

	if (bridge != NULL && bridge->slot_use[slot] == ROW_WAITING)
		bridge->slot_use[slot] = ROW_FREE;
}

void member_unpublish(struct model *model, struct bridge_member *member)
{
	struct bridge_object *bridge = member->bridge;

	bridge->slot[member->slot] = NULL;
	bridge->slot_use[member->slot] = ROW_WAITING;
	snooping_bridge(model, bridge);
	if (publish_domains(model, bridge) != 0)
		bridge->dirty = true;
	unlink_port(model, member->interface->index);
	fdb_flush(model, member, true);
	if (publish_members(model, bridge) != 0)
		bridge->dirty = true;
	if (member->meter != 0)
		model->meter_use[member->meter] = false;
	heap_defer(model->heap, slot_released, model, (uint64_t)bridge->index << 16 | member->slot);
}

/* ---------------------------------------------------------------- bridges */

static uint64_t bridge_flags(const struct bridge_object *bridge)
{
	return BRIDGE_VALID | (bridge->settings.learning ? BRIDGE_LEARNING : 0) |
	       (bridge->settings.drop_unknown ? BRIDGE_DROP_UNKNOWN : 0) |
	       (uint64_t)bridge->interface->index << BRIDGE_INTERFACE_SHIFT;
}

static int publish(struct model *model, struct bridge_object *bridge)
{
	struct bridge_row *row = row_of(model, bridge);
	int result = publish_members(model, bridge);

	if (result != 0)
		return result;
	const struct bridge_port own = { .bridge = bridge->index,
					 .slot = SLOT_OWN,
					 .native = bridge->settings.vlan };
	result = object_publish(model,
				&model->tables->interface[bridge->interface->index].bridge_port,
				&own, sizeof(own));
	if (result != 0)
		return result;
	store_word(&row->ageing, bridge->settings.ageing / 1000000000u);
	store_word(&row->flags, bridge_flags(bridge));
	interface_features_set(model, bridge->interface->index, 0xffffull << INTERFACE_BRIDGE_SHIFT,
			       (uint64_t)bridge->index << INTERFACE_BRIDGE_SHIFT);
	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
		if (bridge->slot[slot] == NULL)
			continue;
		result = publish_member(model, bridge->slot[slot]);
		if (result != 0)
			return result;
	}
	return publish_domains(model, bridge);
}

void bridge_publish(struct model *model, struct bridge_object *bridge)
{
	if (!model->settled)
		return;
	snooping_bridge(model, bridge);
	bool failed_before = bridge->dirty;
	bridge->dirty = when_full_again(model, publish(model, bridge)) != 0;
	if (bridge->dirty && !failed_before)
		model_complain(model, "bridge %s: not all in the tables: no table memory",
			       bridge->interface->name);
	fdb_own(model, bridge);
	multicast_route_interface(model, bridge->interface);
}

void bridge_interface_changed(struct model *model, struct interface_object *interface)
{
	if (!model->settled)
		return;
	multicast_port_changed(model, interface);
	if (interface->bridge != NULL)
		bridge_publish(model, interface->bridge);
	if (interface->member == NULL)
		return;
	if (!interface_is_up(interface))
		fdb_flush(model, interface->member, false);
	bridge_publish(model, interface->member->bridge);
}

static void unlink_row(struct model *model, uint32_t index)
{
	struct bridge_row *row = &model->tables->bridge[index];
	uint64_t domains = word_load(&row->domains);

	word_store(&row->flags, 0);
	word_store(&row->domains, 0);
	if (domains != 0) {
		_Atomic uint64_t *words = heap_object(model->heap, domains);
		for (unsigned int vlan = 0; vlan < VLAN_MAX; vlan++)
			if (word_load(&words[vlan]) != 0)
				object_unlink(model, &words[vlan], sizeof(struct bridge_domain));
		heap_free(model->heap, domains, VLAN_MAX * sizeof(uint64_t));
	}
	object_unlink(model, &row->members, sizeof(struct bridge_members));
	model->bridge_use[index] = ROW_WAITING;
	heap_defer(model->heap, index_released, model, index);
}

void bridge_unpublish(struct model *model, struct bridge_object *bridge)
{
	if (!model->settled) {
		model->bridge_use[bridge->index] =
			word_load(&row_of(model, bridge)->flags) != 0 ? ROW_FOUND : ROW_FREE;
		return;
	}
	fdb_flush_bridge(model, bridge);
	unlink_port(model, bridge->interface->index);
	snooping_forget(model, bridge);
	unlink_row(model, bridge->index);
}

/* ---------------------------------------------------------------- settle and poll */

/* The slot that the tables have for this port in this bridge, or SLOT_NONE. */
static unsigned int found_slot(const struct model *model, const struct bridge_member *member)
{
	const struct interface *row = &model->tables->interface[member->interface->index];
	uint64_t offset = word_load(&row->bridge_port);

	if (offset == 0)
		return SLOT_NONE;
	const struct bridge_port *port = tables_object(model->tables, offset);
	if (port->bridge != member->bridge->index || port->slot == SLOT_OWN ||
	    port->slot >= BRIDGE_SLOTS || member->bridge->slot[port->slot] != NULL)
		return SLOT_NONE;
	return port->slot;
}

static void give_slot(struct bridge_member *member, unsigned int slot)
{
	member->slot = slot;
	member->bridge->slot[slot] = member;
	member->bridge->slot_use[slot] = ROW_USED;
}

/* Slots that the tables have given away are free for others after a grace period only, or a frame on
 * its way might go to another port than it was for. */
static void reserve_found_slots(struct model *model)
{
	for (uint32_t b = 1; b < BRIDGE_MAX; b++) {
		struct bridge_object *bridge = model->bridge[b];
		uint64_t offset = bridge != NULL ? word_load(&model->tables->bridge[b].members) : 0;
		if (offset == 0)
			continue;
		const struct bridge_members *members = tables_object(model->tables, offset);
		for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
			if (members->member[slot] == 0 || bridge->slot[slot] != NULL)
				continue;
			bridge->slot_use[slot] = ROW_WAITING;
			heap_defer(model->heap, slot_released, model, (uint64_t)b << 16 | slot);
		}
	}
}

static void give_slots(struct model *model)
{
	struct interface_object *i;

	FOREACH_INTERFACE(model, i)
	{
		unsigned int slot = i->member != NULL ? found_slot(model, i->member) : SLOT_NONE;
		if (slot != SLOT_NONE)
			give_slot(i->member, slot);
	}
	reserve_found_slots(model);
	FOREACH_INTERFACE(model, i)
	{
		if (i->member == NULL || i->member->slot != SLOT_NONE)
			continue;
		for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
			if (i->member->bridge->slot_use[slot] != ROW_FREE)
				continue;
			give_slot(i->member, slot);
			break;
		}
		if (i->member->slot == SLOT_NONE) {
			model_complain(model, "%s: bridge %s is full", i->name,
				       i->member->bridge->interface->name);
			free(i->member);
			i->member = NULL;
		}
	}
}

void bridge_settle(struct model *model)
{
	give_slots(model);
	for (uint32_t i = 0; i < INTERFACE_MAX; i++) {
		const struct interface_object *interface = model->interface[i];
		if (word_load(&model->tables->interface[i].bridge_port) != 0 &&
		    (interface == NULL || (interface->member == NULL && interface->bridge == NULL)))
			unlink_port(model, i);
	}
	fdb_settle(model);
	snooping_settle(model);
	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		if (model->bridge[i] != NULL)
			bridge_publish(model, model->bridge[i]);
		else if (model->bridge_use[i] == ROW_FOUND)
			unlink_row(model, i);
	}
	multicast_port_settle(model);
	multicast_route_settle(model);
}

void bridge_poll(struct model *model)
{
	for (uint32_t i = 1; i < BRIDGE_MAX; i++)
		if (model->bridge[i] != NULL && model->bridge[i]->dirty)
			bridge_publish(model, model->bridge[i]);
	multicast_port_poll(model);
	fdb_poll(model);
	snooping_poll(model);
}
