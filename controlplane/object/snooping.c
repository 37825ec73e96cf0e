/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping.c: bridges as the snooping engine's domains.
 */
#include <stdlib.h>
#include "controlplane/object/event.h"
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"
#include "controlplane/protocol/snoop-message.h"

static struct snoop_domain_key key_of(const struct bridge_object *bridge, unsigned int vlan)
{
	return (struct snoop_domain_key){ (uint16_t)bridge->index, (uint16_t)vlan };
}

/* ---------------------------------------------------------------- life */

int snooping_open(struct model *model)
{
	struct snoop_output output = snooping_output(model);
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

void snooping_own_addresses(const struct interface_object *interface,
			    struct address address[SNOOP_FAMILIES])
{
	static const struct address nobody[SNOOP_FAMILIES] = { { { [10] = 0xff, 0xff } } };
	const struct address_object *own;

	memcpy(address, nobody, sizeof(nobody));
	if (interface->mac != 0)
		interface_link_local(interface, &address[SNOOP_IPV6]);
	DL_FOREACH(interface->addresses, own)
	if (address_is_ipv4(&own->address)) {
		address[SNOOP_IPV4] = own->address;
		return;
	}
}

/* The address that queries come from: the one given, or the first of the bridge's own interface. MLD's
 * is the link-local one of that. */
static void engine_settings(const struct bridge_object *bridge, unsigned int vlan,
			    struct snoop_settings *settings)
{
	struct address own[SNOOP_FAMILIES];

	*settings = bridge->settings.snooping.engine;
	snooping_own_addresses(bridge->interface, own);
	settings->address[SNOOP_IPV6] = own[SNOOP_IPV6];
	if (!bridge->settings.snooping.address_given && vlan == bridge->settings.vlan &&
	    !snoop_unspecified(&own[SNOOP_IPV4]))
		settings->address[SNOOP_IPV4] = own[SNOOP_IPV4];
}

bool snooping_has_address(const struct bridge_object *bridge, enum snoop_family family)
{
	struct snoop_settings settings;

	engine_settings(bridge, bridge->settings.vlan, &settings);
	return !snoop_unspecified(&settings.address[family]);
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

	const struct snoop_counters *counters = snoop_domain_counters(model->snooping->engine, &key);

	if (bridge->rule[vlan] == NULL)
		return;
	if (counters != NULL)
		snoop_counters_add(&bridge->gone, counters);
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
	multicast_port_link(model, port, up);
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

