/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-output.c: what the snooping engine says: entries and rules of the tables, frames, events.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/event.h"
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/multicast_route.h"
#include "controlplane/object/snooping.h"

static_assert(sizeof(struct snoop_ports) == sizeof(struct port_set), "sets of ports are the same");
static_assert((int)SNOOP_PORT_MAX == (int)BRIDGE_SLOTS, "sets of ports are the same");
static_assert((int)SNOOP_FLOOD == (int)UNREGISTERED_FLOOD &&
		      (int)SNOOP_ROUTER_PORTS == (int)UNREGISTERED_ROUTERS &&
		      (int)SNOOP_DROP == (int)UNREGISTERED_DROP,
	      "rules for unregistered groups are the same");
static_assert(BRIDGE_MAX + INTERFACE_FIRST_TUNNEL <= UINT16_MAX, "snoop_domain_key.bridge");

/* ---------------------------------------------------------------- whose domain it is */

struct interface_object *snooping_domain_interface(const struct model *model,
						   const struct snoop_domain_key *domain)
{
	if (domain->bridge < BRIDGE_MAX) {
		const struct bridge_object *bridge = model->bridge[domain->bridge];
		return bridge != NULL ? bridge->interface : NULL;
	}
	struct interface_object *interface = model->interface[domain->bridge - BRIDGE_MAX];
	return interface != NULL && interface->multicast != NULL ? interface : NULL;
}

const struct interface_object *snooping_domain_port(const struct model *model,
						    const struct snoop_domain_key *domain,
						    unsigned int port)
{
	const struct interface_object *interface = snooping_domain_interface(model, domain);

	if (interface == NULL || interface->bridge == NULL)
		return interface;
	const struct bridge_member *member = interface->bridge->slot[port];
	return member != NULL ? member->interface : NULL;
}

/* ---------------------------------------------------------------- entries */

static struct group_key group_key(const struct snoop_domain_key *domain,
				  const struct address *group)
{
	struct group_key key = { .bridge = domain->bridge, .vlan = domain->vlan };

	memcpy(key.group, group->bytes, sizeof(key.group));
	return key;
}

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

void snooping_entry_remove(struct model *model, const struct snoop_domain_key *domain,
			   const struct address *source, const struct address *group)
{
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

static void remove_entry(void *context, const struct snoop_domain_key *domain,
			 const struct address *source, const struct address *group)
{
	snooping_entry_remove(context, domain, source, group);
}

/* Data of a routed interface goes by its groups alone. */
static void set_rule(void *context, const struct snoop_domain_key *domain, enum snoop_family family,
		     const struct snoop_rule *said)
{
	struct model *model = context;
	struct bridge_object *bridge =
		domain->bridge < BRIDGE_MAX ? model->bridge[domain->bridge] : NULL;
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

/* ---------------------------------------------------------------- frames */

static void queue_frame(struct model *model, const struct snoop_domain_key *domain,
			const struct interface_object *port, const uint8_t destination_mac[6],
			const uint8_t *packet, size_t length)
{
	const struct interface_object *from = snooping_domain_interface(model, domain);
	struct snooping *snooping = model->snooping;
	struct snooping_frame *frame;

	frame = snooping->frame_count < SNOOPING_FRAMES_MAX ? malloc(sizeof(*frame)) : NULL;
	if (frame == NULL) {
		if (model->state != NULL) /* there is somebody to lose them */
			snoop_lost(snooping->engine, domain);
		return;
	}
	frame->interface = port->index;
	frame->domain = *domain;
	frame->queued = model_now(model);
	frame->length = 14 + length;
	memcpy(frame->data, destination_mac, 6);
	memcpy(frame->data + 6, &from->mac, 6);
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

	for (unsigned int slot = 0; slot < BRIDGE_SLOTS; slot++) {
		const struct interface_object *port =
			snoop_ports_has(ports, slot) ? snooping_domain_port(model, domain, slot)
						     : NULL;
		if (port != NULL)
			queue_frame(model, domain, port, destination_mac, packet, length);
	}
}

void snooping_frame_end(struct model *model, struct snooping_frame *frame, bool lost)
{
	if (lost)
		snoop_lost(model->snooping->engine, &frame->domain);
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

/* ---------------------------------------------------------------- events */

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
	const struct interface_object *own = snooping_domain_interface(model, &event->domain);
	const struct interface_object *port =
		event->kind == SNOOP_QUERIER
			? own
			: snooping_domain_port(model, &event->domain, event->port);
	char address[46], who[46 + 18 + 4] = "", where[NAME_SIZE + 24] = "";

	if (own == NULL)
		return;
	address_format(&event->address, address);
	if (event->kind <= SNOOP_REFUSED)
		host_text(event, who, sizeof(who));
	if (own->bridge != NULL)
		snprintf(where, sizeof(where), "bridge %s vlan %u: ", own->name,
			 event->domain.vlan);
	model_event(model, texts[event->kind].kind, port != NULL ? port->name : own->name,
		    "%s%s %s%s", where, texts[event->kind].text, address, who);
}

struct snoop_output snooping_output(struct model *model)
{
	return (struct snoop_output){ model, forward, remove_entry, set_rule, send, tell, busy };
}
