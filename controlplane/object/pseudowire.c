/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pseudowire.c: Ethernet over MPLS (RFC 4448, 4385): a bridge's port whose frames go below labels.
 * What comes in by its label enters at its row; what leaves goes by its nexthop, which puts on the
 * labels above its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include "bridge.h"
#include "label_route.h"
#include "tunnel.h"

static const struct interface_numbers numbers = { PSEUDOWIRE_MTU, UINT32_MAX, UINT32_MAX,
						  UINT32_MAX,     UINT32_MAX, UINT32_MAX,
						  PSEUDOWIRE_ADMIN };

/* What a command asks for. */
struct wanted {
	struct tunnel_settings settings;
	struct nexthop_request request;
};

/* ---------------------------------------------------------------- from a command */

static int read_stack(const struct arguments *arguments, const char *name, struct wanted *wanted,
		      struct error *error)
{
	const struct value *out = &arguments->value[PSEUDOWIRE_OUT];
	unsigned int above = out->stack_count - 1u;

	for (unsigned int i = 0; i < out->stack_count; i++)
		if (out->stack[i] == LABEL_IMPLICIT_NULL ||
		    (i == above && out->stack[i] < LABEL_FIRST_FREE))
			return refuse(error, -EINVAL,
				      "pseudowire %s: out %u: expected labels, the innermost from "
				      "%d to %d",
				      name, out->stack[i], LABEL_FIRST_FREE, LABEL_COUNT - 1);
	wanted->settings.wire.id = out->stack[above];
	wanted->request.label_count = (uint8_t)above;
	memcpy(wanted->request.label, out->stack, above * sizeof(out->stack[0]));
	return 0;
}

static int read_wanted(const struct arguments *arguments, const char *name, struct wanted *wanted,
		       struct error *error)
{
	const struct value *value = arguments->value;
	struct nexthop_request *request = &wanted->request;

	memset(wanted, 0, sizeof(*wanted));
	wanted->settings.wire.mode = TUNNEL_PSEUDOWIRE;
	wanted->settings.wire.in_label = (uint32_t)value[PSEUDOWIRE_IN].number;
	if (argument_present(arguments, PSEUDOWIRE_SPACE))
		wanted->settings.wire.in_space = (uint8_t)value[PSEUDOWIRE_SPACE].number;
	if (argument_present(arguments, PSEUDOWIRE_CONTROL_WORD) &&
	    value[PSEUDOWIRE_CONTROL_WORD].number != 0)
		wanted->settings.wire.flags |= TUNNEL_CONTROL_WORD;
	request->has_via = argument_present(arguments, PSEUDOWIRE_VIA);
	if (request->has_via)
		memcpy(request->via, value[PSEUDOWIRE_VIA].address.bytes, sizeof(request->via));
	if (argument_present(arguments, PSEUDOWIRE_DEV))
		memcpy(request->dev, value[PSEUDOWIRE_DEV].string,
		       strnlen(value[PSEUDOWIRE_DEV].string, NAME_SIZE - 1));
	int result = read_stack(arguments, name, wanted, error);
	if (result == 0 && tunnel_template(&wanted->settings.wire) != 0)
		result = refuse(error, -EINVAL, "pseudowire %s has no such header", name);
	return result;
}

/* ---------------------------------------------------------------- the object */

static uint64_t word_for(const struct interface_object *interface)
{
	uint32_t flags = interface->tunnel->settings.wire.flags;

	return (uint64_t)LABEL_POP_BRIDGE << LABEL_OPERATION_SHIFT |
	       (uint64_t)ORIGIN_STATIC << LABEL_ORIGIN_SHIFT |
	       (uint64_t)interface->index << LABEL_INDEX_SHIFT |
	       (flags & TUNNEL_CONTROL_WORD ? LABEL_CONTROL_WORD : 0);
}

static int attach(struct model *model, struct interface_object *interface,
		  const struct wanted *wanted, struct error *error)
{
	struct tunnel_object *tunnel = calloc(1, sizeof(*tunnel));
	char where[NAME_SIZE + 16];

	if (tunnel == NULL)
		return refuse(error, -ENOMEM, "pseudowire %s: out of memory", interface->name);
	snprintf(where, sizeof(where), "pseudowire %s: ", interface->name);
	int result = nexthop_acquire(model, &wanted->request, where, &tunnel->way, error);
	if (result != 0) {
		free(tunnel);
		return result;
	}
	tunnel->interface = interface;
	tunnel->settings = wanted->settings;
	tunnel->trouble = TUNNEL_FINE;
	tunnel->changed = model_now(model);
	DL_APPEND2(model->pseudowires, tunnel, under_prev, under_next);
	interface->tunnel = tunnel;
	return 0;
}

/* When nothing enters by its label any more: the row, then the nexthop that it names. */
static void detach(struct model *model, struct interface_object *interface, bool published)
{
	struct tunnel_object *tunnel = interface->tunnel;

	DL_DELETE2(model->pseudowires, tunnel, under_prev, under_next);
	if (published)
		interface_delete(model, interface);
	else
		interface_abandon(model, interface);
	nexthop_release(model, tunnel->way);
	free(tunnel);
}

uint32_t pseudowire_leaf(const struct tunnel_object *tunnel)
{
	return route_leaf(ROUTE_NEXTHOP, tunnel->way->index);
}

unsigned int pseudowire_room(const struct tunnel_object *tunnel)
{
	const struct nexthop_object *way = tunnel->way;
	unsigned int above = way->key.label_count * 4u + tunnel->settings.wire.header_length +
			     ETHERNET_HEADER_SIZE;
	unsigned int mtu = interface_mtu(way->interface);

	return mtu > above + TUNNEL_MTU_MIN ? mtu - above : TUNNEL_MTU_MIN;
}

void pseudowires_mtu_changed(struct model *model)
{
	const struct tunnel_object *tunnel;

	DL_FOREACH2(model->pseudowires, tunnel, under_next)
	{
		struct interface_object *interface = tunnel->interface;
		const struct interface *row = &model->tables->interface[interface->index];
		uint64_t before = word_load(&row->flags);
		if (!model->settled || !interface_published(model, interface))
			continue;
		interface_flags_publish(model, interface);
		if (word_load(&row->flags) != before)
			bridge_interface_changed(model, interface);
	}
}

bool pseudowire_user(const struct model *model, const struct nexthop_object *nexthop, char *text,
		     size_t size)
{
	const struct tunnel_object *tunnel;

	DL_FOREACH2(model->pseudowires, tunnel, under_next)
	{
		if (tunnel->way != nexthop)
			continue;
		snprintf(text, size, "pseudowire %s", tunnel->interface->name);
		return true;
	}
	return false;
}

void pseudowires_close(struct model *model)
{
	struct tunnel_object *tunnel, *next;

	DL_FOREACH_SAFE2(model->pseudowires, tunnel, next, under_next)
	free(tunnel);
	model->pseudowires = NULL;
}

/* ---------------------------------------------------------------- commands */

/* Row, bridge, and then the label that lets packets in. */
static int publish_new(struct model *model, struct interface_object *interface,
		       const struct member_wish *wish, struct error *error)
{
	const struct tunnel *wire = &interface->tunnel->settings.wire;
	struct interface_settings settings = interface->settings;
	int result = interface_apply(model, interface, &settings, error);

	if (result == 0)
		result = member_apply(model, interface, wish, error);
	if (result == 0)
		result = label_claim(model, wire->in_space, wire->in_label, word_for(interface),
				     error);
	return result;
}

static int add_interface(struct model *model, const char *name,
			 const struct interface_settings *settings, const struct wanted *wanted,
			 const struct member_wish *wish, struct error *error)
{
	struct interface_object *interface =
		interface_new(model, name, INTERFACE_PSEUDOWIRE, NULL, settings, error);

	if (interface == NULL)
		return error->code;
	int result = attach(model, interface, wanted, error);
	if (result != 0) {
		interface_abandon(model, interface);
		return result;
	}
	result = publish_new(model, interface, wish, error);
	if (result != 0)
		detach(model, interface, interface_published(model, interface));
	return result;
}

static int add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[PSEUDOWIRE_NAME].string;
	struct interface_object draft = { .kind = INTERFACE_PSEUDOWIRE, .settings.up = true };
	struct interface_settings settings = draft.settings;
	struct wanted wanted;
	struct member_wish wish;
	int result = interface_name_free(model, name, error);

	snprintf(draft.name, sizeof(draft.name), "%s", name);
	if (result == 0)
		result = read_wanted(arguments, name, &wanted, error);
	if (result == 0)
		result = interface_settings_from(arguments, &numbers, &draft, &settings, error);
	if (result == 0)
		result = label_free(model, wanted.settings.wire.in_space,
				    wanted.settings.wire.in_label, error);
	if (result == 0)
		result = member_wish_from(model, arguments, PSEUDOWIRE_BRIDGE, INTERFACE_PSEUDOWIRE,
					  name, NULL, &wish, error);
	return result == 0 ? add_interface(model, name, &settings, &wanted, &wish, error) : result;
}

static struct interface_object *get(const struct model *model, const struct arguments *arguments,
				    struct error *error)
{
	const char *name = arguments->value[PSEUDOWIRE_NAME].string;
	struct interface_object *interface = interface_find(model, name);

	if (interface != NULL && interface->kind == INTERFACE_PSEUDOWIRE)
		return interface;
	refuse(error, -ENOENT, "pseudowire %s does not exist", name);
	return NULL;
}

static int set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *interface = get(model, arguments, error);
	struct member_wish wish;

	if (interface == NULL)
		return -ENOENT;
	struct interface_settings settings = interface->settings;
	int result = interface_settings_from(arguments, &numbers, interface, &settings, error);
	if (result == 0)
		result = member_wish_from(model, arguments, PSEUDOWIRE_BRIDGE, INTERFACE_PSEUDOWIRE,
					  interface->name, interface, &wish, error);
	if (result == 0)
		result = interface_apply(model, interface, &settings, error);
	return result == 0 ? member_apply(model, interface, &wish, error) : result;
}

static int del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct interface_object *interface = get(model, arguments, error);

	if (interface == NULL)
		return -ENOENT;
	int result = interface_unused(model, interface, error);
	if (result != 0)
		return result;
	const struct tunnel *wire = &interface->tunnel->settings.wire;
	label_drop(model, wire->in_space, wire->in_label);
	detach(model, interface, true);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

static void put_out(const struct tunnel_object *tunnel, struct value *out)
{
	const struct nexthop_key *key = &tunnel->way->key;

	out->stack_count = (uint8_t)(key->label_count + 1);
	memcpy(out->stack, key->label, key->label_count * sizeof(key->label[0]));
	out->stack[key->label_count] = tunnel->settings.wire.id;
}

void pseudowire_add_arguments(const struct model *model, const struct interface_object *interface,
			      struct arguments *arguments)
{
	const struct tunnel_object *tunnel = interface->tunnel;
	const struct tunnel *wire = &tunnel->settings.wire;
	struct nexthop_request request;

	arguments_begin(arguments, COMMAND_PSEUDOWIRE_ADD);
	argument_string(arguments, PSEUDOWIRE_NAME, interface->name);
	member_to_arguments(interface, NULL, PSEUDOWIRE_BRIDGE, arguments);
	argument_number(arguments, PSEUDOWIRE_IN, wire->in_label);
	if (wire->in_space != 0)
		argument_number(arguments, PSEUDOWIRE_SPACE, wire->in_space);
	put_out(tunnel, &arguments->value[PSEUDOWIRE_OUT]);
	arguments->present |= parameter_bit(PSEUDOWIRE_OUT);
	path_of_nexthop(model, tunnel->way->index, &request);
	if (request.has_via) {
		argument_number(arguments, PSEUDOWIRE_VIA, 0);
		memcpy(arguments->value[PSEUDOWIRE_VIA].address.bytes, request.via,
		       sizeof(request.via));
	}
	if (request.dev[0] != 0)
		argument_string(arguments, PSEUDOWIRE_DEV, request.dev);
	if (wire->flags & TUNNEL_CONTROL_WORD)
		argument_number(arguments, PSEUDOWIRE_CONTROL_WORD, 1);
	interface_settings_to(&interface->settings, &numbers, NULL, arguments);
}

static int add_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	const char *name = arguments->value[PSEUDOWIRE_NAME].string;

	if (interface_find(model, name) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_PSEUDOWIRE_DEL);
	argument_string(undo, PSEUDOWIRE_NAME, name);
	return 0;
}

static int set_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;
	const struct interface_object *interface = get(model, arguments, &error);

	if (interface == NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_PSEUDOWIRE_SET);
	argument_string(undo, PSEUDOWIRE_NAME, interface->name);
	member_to_arguments(interface, arguments, PSEUDOWIRE_BRIDGE, undo);
	interface_settings_to(&interface->settings, &numbers, arguments, undo);
	return 0;
}

static int del_inverse(const struct model *model, const struct arguments *arguments,
		       struct arguments *undo)
{
	struct error error;
	const struct interface_object *interface = get(model, arguments, &error);

	if (interface == NULL)
		return -ENOENT;
	pseudowire_add_arguments(model, interface, undo);
	return 0;
}

const struct handler pseudowire_add_handler = { add, add_inverse };
const struct handler pseudowire_set_handler = { set, set_inverse };
const struct handler pseudowire_del_handler = { del, del_inverse };
