/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-items.c: what is configured of multicast on a bridge's port: groups that it always gets, that
 * there is a router, and limits.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/snooping.h"

enum { PERMIT_TEXT = SNOOP_PERMIT_MAX * 50 };

static const struct address any_source;

void snooping_items_free(struct snooping *snooping)
{
	struct snooping_item *item, *next;

	HASH_ITER(hh, snooping->items, item, next)
	{
		HASH_DEL(snooping->items, item);
		free(item);
	}
}

static struct snooping_item *find(const struct model *model, const struct snooping_key *key)
{
	struct snooping_item *item;

	HASH_FIND(hh, model->snooping->items, key, sizeof(*key), item);
	return item;
}

static struct snooping_item *item_new(struct model *model, const struct snooping_key *key)
{
	struct snooping_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return NULL;
	item->key = *key;
	HASH_ADD(hh, model->snooping->items, key, sizeof(item->key), item);
	return item;
}

static void item_free(struct model *model, struct snooping_item *item)
{
	HASH_DEL(model->snooping->items, item);
	free(item);
}

/* ---------------------------------------------------------------- into the engine */

void snooping_port_settings(const struct model *model, const struct bridge_member *member,
			    unsigned int vlan, struct snoop_port_settings *settings)
{
	struct snooping_key key = { .interface = member->interface->index, .kind = SNOOPING_PORT };
	const struct snooping_item *item = find(model, &key);

	if (item != NULL) {
		settings->fast_leave = item->fast_leave;
		settings->groups_max = item->group_limit;
		settings->permit_count = item->permit_count;
		memcpy(settings->permit, item->permit, sizeof(settings->permit));
	}
	key.kind = SNOOPING_ROUTER;
	key.vlan = (uint16_t)vlan;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		key.family = (uint8_t)i;
		item = find(model, &key);
		key.family = SNOOPING_BOTH_FAMILIES;
		if (item == NULL)
			item = find(model, &key);
		settings->router[i] = item == NULL ? SNOOP_ROUTER_LEARN : item->router;
	}
}

/* A configured group, if its port is in a domain. 0 or the engine's errno. */
static int apply_group(struct model *model, const struct snooping_key *key, bool add)
{
	const struct interface_object *interface = model->interface[key->interface];
	const struct bridge_member *member = interface == NULL ? NULL : interface->member;

	if (!model->settled || member == NULL || member->bridge->rule[key->vlan] == NULL)
		return 0;
	struct snoop_domain_key domain = { (uint16_t)member->bridge->index, key->vlan };
	const struct address *source =
		memcmp(&key->source, &any_source, sizeof(any_source)) == 0 ? NULL : &key->source;
	model->snooping->due = 0;
	return (add ? snoop_static_add : snoop_static_delete)(model->snooping->engine, &domain,
							      member->slot, &key->group, source,
							      model_now(model));
}

void snooping_port_groups(struct model *model, const struct bridge_member *member,
			  unsigned int vlan)
{
	for (const struct snooping_item *i = model->snooping->items; i != NULL; i = i->hh.next)
		if (i->key.kind == SNOOPING_GROUP && i->key.vlan == vlan &&
		    i->key.interface == member->interface->index &&
		    apply_group(model, &i->key, true) != 0)
			model_complain(model, "%s: no room for a configured group",
				       member->interface->name);
}

/* ---------------------------------------------------------------- commands */

static const char *item_text(const struct snooping_key *key, char text[120])
{
	static const char *const kinds[] = { "group", "router", "multicast" };
	char group[46], source[46];

	address_format(&key->group, group);
	address_format(&key->source, source);
	if (key->kind != SNOOPING_GROUP)
		snprintf(text, 120, "bridge %s", kinds[key->kind]);
	else if (memcmp(&key->source, &any_source, sizeof(any_source)) == 0)
		snprintf(text, 120, "bridge group %s", group);
	else
		snprintf(text, 120, "bridge group %s source %s", group, source);
	return text;
}

int snooping_stays(const struct model *model, const struct interface_object *interface,
		   const struct member_wish *wish, struct error *error)
{
	const struct bridge_member *member = interface->member;
	char text[120];

	if (member == NULL)
		return 0;
	for (const struct snooping_item *i = model->snooping->items; i != NULL; i = i->hh.next) {
		if (i->key.interface != interface->index ||
		    (wish != NULL && wish->bridge == member->bridge &&
		     (i->key.kind == SNOOPING_PORT ||
		      vlan_set_has(&wish->settings.vlans, i->key.vlan))))
			continue;
		return refuse(error, -EBUSY, "%s %s is in use by %s",
			      interface_kind_name(interface->kind), interface->name,
			      item_text(&i->key, text));
	}
	return 0;
}

/* The port that a command names; `bridge`, `vlan`: numbers of those parameters, or UINT_MAX. */
static const struct bridge_member *member_from(const struct model *model,
					       const struct arguments *arguments, unsigned int port,
					       unsigned int bridge, unsigned int vlan,
					       struct snooping_key *key, struct error *error)
{
	const char *name = arguments->value[port].string;
	const struct interface_object *interface = interface_get(model, name, error);

	if (interface == NULL)
		return NULL;
	const struct bridge_member *member = interface->member;
	if (member == NULL ||
	    (bridge != UINT_MAX &&
	     strcmp(member->bridge->interface->name, arguments->value[bridge].string) != 0)) {
		refuse(error, -EINVAL, "%s %s is not in %s%s", interface_kind_name(interface->kind),
		       name, bridge != UINT_MAX ? "bridge " : "a bridge",
		       bridge != UINT_MAX ? arguments->value[bridge].string : "");
		return NULL;
	}
	key->interface = interface->index;
	if (vlan == UINT_MAX)
		return member;
	key->vlan = argument_present(arguments, vlan) ? (uint16_t)arguments->value[vlan].number
						      : member->settings.native;
	if (key->vlan == VLAN_NONE || !vlan_set_has(&member->settings.vlans, key->vlan)) {
		refuse(error, -EINVAL, "%s is not in VLAN %u of bridge %s", name, key->vlan,
		       member->bridge->interface->name);
		return NULL;
	}
	return member;
}

static int group_from(const struct arguments *arguments, struct snooping_key *key,
		      struct error *error)
{
	const struct value *value = arguments->value;
	char text[46];

	if (!argument_present(arguments, BRIDGE_GROUP_ADDRESS))
		return refuse(error, -EINVAL, "bridge group: expected the group's address");
	key->group = value[BRIDGE_GROUP_ADDRESS].address;
	if (argument_present(arguments, BRIDGE_GROUP_SOURCE))
		key->source = value[BRIDGE_GROUP_SOURCE].address;
	address_format(&key->group, text);
	if (!snoop_group_valid(&key->group))
		return refuse(error, -EINVAL,
			      "bridge group %s: expected a multicast address that is not on every "
			      "port anyway",
			      text);
	if (argument_present(arguments, BRIDGE_GROUP_SOURCE) &&
	    !snoop_source_valid(&key->group, &key->source))
		return refuse(error, -EINVAL,
			      "bridge group %s: source: expected a unicast address of its family",
			      text);
	return 0;
}

static const struct bridge_member *key_from(const struct model *model,
					    const struct arguments *arguments,
					    struct snooping_key *key, struct error *error)
{
	memset(key, 0, sizeof(*key));
	switch (arguments->command->id) {
	case COMMAND_BRIDGE_GROUP_ADD:
	case COMMAND_BRIDGE_GROUP_DEL:
		key->kind = SNOOPING_GROUP;
		if (group_from(arguments, key, error) != 0)
			return NULL;
		return member_from(model, arguments, BRIDGE_GROUP_PORT, BRIDGE_GROUP_BRIDGE,
				   BRIDGE_GROUP_VLAN, key, error);
	case COMMAND_BRIDGE_ROUTER_ADD:
	case COMMAND_BRIDGE_ROUTER_DEL:
		key->kind = SNOOPING_ROUTER;
		key->family = argument_present(arguments, BRIDGE_ROUTER_FAMILY)
				      ? (uint8_t)arguments->value[BRIDGE_ROUTER_FAMILY].number
				      : SNOOPING_BOTH_FAMILIES;
		return member_from(model, arguments, BRIDGE_ROUTER_PORT, BRIDGE_ROUTER_BRIDGE,
				   BRIDGE_ROUTER_VLAN, key, error);
	default:
		key->kind = SNOOPING_PORT;
		return member_from(model, arguments, BRIDGE_MULTICAST_PORT, UINT_MAX, UINT_MAX, key,
				   error);
	}
}

/* Is each address in it a group? */
static bool is_range_of_groups(const struct snoop_prefix *range)
{
	return address_is_ipv4(&range->address)
		       ? range->length >= 96 + 4 && (range->address.bytes[12] & 0xf0) == 0xe0
		       : range->length >= 8 && range->address.bytes[0] == 0xff;
}

static int refuse_permit(const char *list, struct error *error)
{
	return refuse(error, -EINVAL,
		      "permit %s: expected up to %d ranges of groups, like "
		      "239.1.0.0/16,ff15::/16",
		      list, SNOOP_PERMIT_MAX);
}

/* "239.1.0.0/16,ff15::/16" */
static int permit_from(const char *list, struct snooping_item *item, struct error *error)
{
	char text[PERMIT_TEXT], *rest = NULL;

	snprintf(text, sizeof(text), "%s", list);
	item->permit_count = 0;
	for (char *one = strtok_r(text, ",", &rest); one != NULL;
	     one = strtok_r(NULL, ",", &rest)) {
		char *slash = strchr(one, '/'), *end = NULL;
		struct snoop_prefix prefix;
		unsigned long length = slash != NULL ? strtoul(slash + 1, &end, 10) : 0;
		if (slash != NULL)
			*slash = 0;
		if (slash == NULL || end == slash + 1 || *end != 0 ||
		    item->permit_count == SNOOP_PERMIT_MAX ||
		    address_parse(one, &prefix.address) != 0 ||
		    length > (address_is_ipv4(&prefix.address) ? 32u : 128u))
			return refuse_permit(list, error);
		prefix.length = (unsigned int)length + (address_is_ipv4(&prefix.address) ? 96 : 0);
		if (!is_range_of_groups(&prefix))
			return refuse_permit(list, error);
		item->permit[item->permit_count++] = prefix;
	}
	/* none at all would permit every group */
	return item->permit_count > 0 ? 0 : refuse_permit(list, error);
}

static int options_from(const struct arguments *arguments, struct snooping_item *item,
			struct error *error)
{
	const struct value *value = arguments->value;

	if (argument_present(arguments, BRIDGE_MULTICAST_FAST_LEAVE))
		item->fast_leave = value[BRIDGE_MULTICAST_FAST_LEAVE].number != 0;
	if (argument_present(arguments, BRIDGE_MULTICAST_GROUP_LIMIT))
		item->group_limit = (uint32_t)value[BRIDGE_MULTICAST_GROUP_LIMIT].number;
	if (!argument_present(arguments, BRIDGE_MULTICAST_PERMIT))
		return 0;
	return permit_from(value[BRIDGE_MULTICAST_PERMIT].string, item, error);
}

static enum snoop_router_rule router_from(const struct arguments *arguments)
{
	return argument_present(arguments, BRIDGE_ROUTER_MODE) &&
			       arguments->value[BRIDGE_ROUTER_MODE].number == ROUTER_NEVER
		       ? SNOOP_ROUTER_NEVER
		       : SNOOP_ROUTER_STATIC;
}

static int add(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct snooping_item draft = { .fast_leave = false };
	struct snooping_key key;
	const struct bridge_member *member = key_from(model, arguments, &key, error);
	char text[120];
	int result;

	if (member == NULL)
		return error->code;
	if (find(model, &key) != NULL)
		return refuse(error, -EEXIST, "%s exists already on %s", item_text(&key, text),
			      member->interface->name);
	if (key.kind == SNOOPING_ROUTER)
		draft.router = router_from(arguments);
	if (key.kind == SNOOPING_PORT && (result = options_from(arguments, &draft, error)) != 0)
		return result;
	if (key.kind == SNOOPING_GROUP && apply_group(model, &key, true) != 0)
		return refuse(error, -ENOSPC, "%s: no room for more memberships",
			      item_text(&key, text));
	struct snooping_item *item = item_new(model, &key);
	if (item == NULL)
		return refuse(error, -ENOMEM, "%s: out of memory", item_text(&key, text));
	draft.key = item->key;
	draft.hh = item->hh;
	*item = draft;
	if (key.kind != SNOOPING_GROUP)
		snooping_bridge(model, member->bridge);
	return 0;
}

static int del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct snooping_key key;
	const struct bridge_member *member = key_from(model, arguments, &key, error);
	struct snooping_item *item = member == NULL ? NULL : find(model, &key);
	char text[120];

	if (member == NULL)
		return error->code;
	if (item == NULL)
		return refuse(error, -ENOENT, "%s does not exist on %s", item_text(&key, text),
			      member->interface->name);
	if (key.kind == SNOOPING_GROUP)
		apply_group(model, &key, false);
	item_free(model, item);
	if (key.kind != SNOOPING_GROUP)
		snooping_bridge(model, member->bridge);
	return 0;
}

/* ---------------------------------------------------------------- as commands */

static void permit_text(const struct snooping_item *item, char text[PERMIT_TEXT])
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < item->permit_count; i++) {
		char address[46];
		bool ipv4 = address_is_ipv4(&item->permit[i].address);
		address_format(&item->permit[i].address, address);
		used += (size_t)snprintf(text + used, PERMIT_TEXT - used, "%s%s/%u",
					 i == 0 ? "" : ",", address,
					 item->permit[i].length - (ipv4 ? 96 : 0));
	}
}

static void put_address(struct arguments *arguments, unsigned int parameter,
			const struct address *address)
{
	arguments->value[parameter].address = *address;
	arguments->present |= parameter_bit(parameter);
}

static void options_to(const struct snooping_item *item, struct arguments *arguments)
{
	static char text[PERMIT_TEXT];

	if (item->fast_leave)
		argument_number(arguments, BRIDGE_MULTICAST_FAST_LEAVE, 1);
	if (item->group_limit != 0)
		argument_number(arguments, BRIDGE_MULTICAST_GROUP_LIMIT, item->group_limit);
	if (item->permit_count == 0)
		return;
	permit_text(item, text);
	argument_string(arguments, BRIDGE_MULTICAST_PERMIT, text);
}

/* `command` is the kind's add or del. */
static void item_to(const struct bridge_member *member, const struct snooping_item *item,
		    enum command_id command, struct arguments *arguments)
{
	const char *bridge = member->bridge->interface->name, *port = member->interface->name;
	const struct snooping_key *key = &item->key;
	bool native = key->vlan == member->settings.native;

	arguments_begin(arguments, command);
	if (key->kind == SNOOPING_PORT) {
		argument_string(arguments, BRIDGE_MULTICAST_PORT, port);
		if (command == COMMAND_BRIDGE_MULTICAST_ADD)
			options_to(item, arguments);
		return;
	}
	if (key->kind == SNOOPING_ROUTER) {
		argument_string(arguments, BRIDGE_ROUTER_BRIDGE, bridge);
		argument_string(arguments, BRIDGE_ROUTER_PORT, port);
		if (!native)
			argument_number(arguments, BRIDGE_ROUTER_VLAN, key->vlan);
		if (key->family != SNOOPING_BOTH_FAMILIES)
			argument_number(arguments, BRIDGE_ROUTER_FAMILY, key->family);
		if (command == COMMAND_BRIDGE_ROUTER_ADD && item->router == SNOOP_ROUTER_NEVER)
			argument_number(arguments, BRIDGE_ROUTER_MODE, ROUTER_NEVER);
		return;
	}
	argument_string(arguments, BRIDGE_GROUP_BRIDGE, bridge);
	argument_string(arguments, BRIDGE_GROUP_PORT, port);
	put_address(arguments, BRIDGE_GROUP_ADDRESS, &key->group);
	if (!native)
		argument_number(arguments, BRIDGE_GROUP_VLAN, key->vlan);
	if (memcmp(&key->source, &any_source, sizeof(any_source)) != 0)
		put_address(arguments, BRIDGE_GROUP_SOURCE, &key->source);
}

static const enum command_id adds[] = { COMMAND_BRIDGE_GROUP_ADD, COMMAND_BRIDGE_ROUTER_ADD,
					COMMAND_BRIDGE_MULTICAST_ADD };
static const enum command_id dels[] = { COMMAND_BRIDGE_GROUP_DEL, COMMAND_BRIDGE_ROUTER_DEL,
					COMMAND_BRIDGE_MULTICAST_DEL };

static int add_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct snooping_item item = { .fast_leave = false };
	struct error error;
	const struct bridge_member *member = key_from(model, arguments, &item.key, &error);

	if (member == NULL || find(model, &item.key) != NULL)
		return -ENOENT;
	item_to(member, &item, dels[item.key.kind], undo);
	return 0;
}

static int del_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct snooping_key key;
	struct error error;
	const struct bridge_member *member = key_from(model, arguments, &key, &error);
	const struct snooping_item *item = member == NULL ? NULL : find(model, &key);

	if (item == NULL)
		return -ENOENT;
	item_to(member, item, adds[key.kind], undo);
	return 0;
}

const struct handler bridge_group_add_handler = { add, add_inverse };
const struct handler bridge_group_del_handler = { del, del_inverse };
const struct handler bridge_router_add_handler = { add, add_inverse };
const struct handler bridge_router_del_handler = { del, del_inverse };
const struct handler bridge_multicast_add_handler = { add, add_inverse };
const struct handler bridge_multicast_del_handler = { del, del_inverse };

int snooping_configuration(const struct model *model, struct arguments *arguments,
			   int (*visit)(void *context, const struct arguments *arguments),
			   void *context)
{
	int result = 0;

	for (const struct snooping_item *i = model->snooping->items; i != NULL && result == 0;
	     i = i->hh.next) {
		const struct interface_object *interface = model->interface[i->key.interface];
		if (interface == NULL || interface->member == NULL)
			continue;
		item_to(interface->member, i, adds[i->key.kind], arguments);
		result = visit(context, arguments);
	}
	return result;
}
