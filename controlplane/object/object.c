/* SPDX-License-Identifier: BSD-3-Clause
 *
 * object.c: the table of changing commands, and the running configuration as commands.
 */
#include <stdlib.h>
#include "controlplane/object/snooping.h"
#include "label_route.h"
#include "model.h"

static const struct handler *const handlers[COMMAND_COUNT] = {
	[COMMAND_PORT_ADD] = &port_add_handler,
	[COMMAND_PORT_SET] = &port_set_handler,
	[COMMAND_PORT_DEL] = &port_del_handler,
	[COMMAND_VLAN_ADD] = &vlan_add_handler,
	[COMMAND_VLAN_SET] = &vlan_set_handler,
	[COMMAND_VLAN_DEL] = &vlan_del_handler,
	[COMMAND_LOOPBACK_ADD] = &loopback_add_handler,
	[COMMAND_LOOPBACK_SET] = &loopback_set_handler,
	[COMMAND_LOOPBACK_DEL] = &loopback_del_handler,
	[COMMAND_BRIDGE_ADD] = &bridge_add_handler,
	[COMMAND_BRIDGE_SET] = &bridge_set_handler,
	[COMMAND_BRIDGE_DEL] = &bridge_del_handler,
	[COMMAND_FDB_ADD] = &fdb_add_handler,
	[COMMAND_FDB_DEL] = &fdb_del_handler,
	[COMMAND_FDB_FLUSH] = &fdb_flush_handler,
	[COMMAND_BRIDGE_GROUP_ADD] = &bridge_group_add_handler,
	[COMMAND_BRIDGE_GROUP_DEL] = &bridge_group_del_handler,
	[COMMAND_BRIDGE_ROUTER_ADD] = &bridge_router_add_handler,
	[COMMAND_BRIDGE_ROUTER_DEL] = &bridge_router_del_handler,
	[COMMAND_BRIDGE_MULTICAST_ADD] = &bridge_multicast_add_handler,
	[COMMAND_BRIDGE_MULTICAST_DEL] = &bridge_multicast_del_handler,
	[COMMAND_BRIDGE_TOPOLOGY_CHANGE] = &topology_change_handler,
	[COMMAND_TUNNEL_ADD] = &tunnel_add_handler,
	[COMMAND_TUNNEL_SET] = &tunnel_set_handler,
	[COMMAND_TUNNEL_DEL] = &tunnel_del_handler,
	[COMMAND_PSEUDOWIRE_ADD] = &pseudowire_add_handler,
	[COMMAND_PSEUDOWIRE_SET] = &pseudowire_set_handler,
	[COMMAND_PSEUDOWIRE_DEL] = &pseudowire_del_handler,
	[COMMAND_ADDRESS_ADD] = &address_add_handler,
	[COMMAND_ADDRESS_DEL] = &address_del_handler,
	[COMMAND_NEIGH_ADD] = &neigh_add_handler,
	[COMMAND_NEIGH_REPLACE] = &neigh_replace_handler,
	[COMMAND_NEIGH_DEL] = &neigh_del_handler,
	[COMMAND_ROUTE_ADD] = &route_add_handler,
	[COMMAND_ROUTE_REPLACE] = &route_replace_handler,
	[COMMAND_ROUTE_DEL] = &route_del_handler,
	[COMMAND_MPLS_ADD] = &mpls_add_handler,
	[COMMAND_MPLS_REPLACE] = &mpls_replace_handler,
	[COMMAND_MPLS_DEL] = &mpls_del_handler,
	[COMMAND_FILTER_LIST_ADD] = &filter_list_add_handler,
	[COMMAND_FILTER_LIST_DEL] = &filter_list_del_handler,
	[COMMAND_FILTER_ADD] = &filter_add_handler,
	[COMMAND_FILTER_SET] = &filter_set_handler,
	[COMMAND_FILTER_DEL] = &filter_del_handler,
	[COMMAND_FILTER_RULE_ADD] = &filter_rule_add_handler,
	[COMMAND_FILTER_RULE_REPLACE] = &filter_rule_replace_handler,
	[COMMAND_FILTER_RULE_DEL] = &filter_rule_del_handler,
	[COMMAND_FILTER_BIND] = &filter_bind_handler,
	[COMMAND_FILTER_UNBIND] = &filter_unbind_handler,
	[COMMAND_TRACE] = &trace_handler,
	[COMMAND_CAPTURE] = &capture_handler,
	[COMMAND_COUNTERS_CLEAR] = &counters_clear_handler,
	[COMMAND_CLEAR_RUNTIME] = &runtime_clear_handler,
};

static const struct handler *handler_of(const struct command *command)
{
	return (unsigned int)command->id < COMMAND_COUNT ? handlers[command->id] : NULL;
}

int model_execute(struct model *model, const struct arguments *arguments, struct error *error)
{
	const struct handler *handler = handler_of(arguments->command);

	if (handler == NULL)
		return refuse(error, -ENOTSUP, "`%s %s` changes no object",
			      arguments->command->noun, arguments->command->verb);
	json_decref(model->reply);
	model->reply = NULL;
	int result = handler->execute(model, arguments, error);
	underlay_follow(model);
	return result;
}

json_t *model_reply(struct model *model)
{
	json_t *reply = model->reply;

	model->reply = NULL;
	return reply;
}

int model_inverse(const struct model *model, const struct arguments *arguments,
		  struct arguments *undo)
{
	const struct handler *handler = handler_of(arguments->command);

	if (handler == NULL || handler->inverse == NULL)
		return -ENOTSUP;
	return handler->inverse(model, arguments, undo);
}

/* ---------------------------------------------------------------- arguments */

void arguments_begin(struct arguments *arguments, enum command_id id)
{
	arguments->command = command_by_id(id);
	arguments->present = 0;
	arguments->path_count = 0;
	arguments->document = NULL;
	arguments->spelled_out = false;
	arguments->text_used = 0;
}

void argument_number(struct arguments *arguments, unsigned int parameter, uint64_t number)
{
	arguments->value[parameter].number = number;
	arguments->present |= parameter_bit(parameter);
}

/* Room for every string that a model's object can have: a name and devargs, or the interfaces of a
 * route's paths. */
void string_keep(struct arguments *arguments, const char *string, struct value *value,
		 uint64_t *present, unsigned int parameter)
{
	size_t size = strlen(string) + 1;

	if (size > sizeof(arguments->text) - arguments->text_used)
		return;
	value[parameter].string = arguments->text + arguments->text_used;
	memcpy(value[parameter].string, string, size);
	arguments->text_used += (unsigned int)size;
	*present |= parameter_bit(parameter);
}

void argument_string(struct arguments *arguments, unsigned int parameter, const char *string)
{
	string_keep(arguments, string, arguments->value, &arguments->present, parameter);
}

/* ---------------------------------------------------------------- configuration */

struct visitor {
	int (*visit)(void *context, const struct arguments *arguments);
	void *context;
	struct arguments *arguments;
};

static int visit_interfaces(const struct model *model, enum interface_kind kind,
			    const struct visitor *visitor)
{
	const struct interface_object *first =
		kind == INTERFACE_TUNNEL || kind == INTERFACE_PSEUDOWIRE ? model->tunnel_interfaces
								 : model->interfaces;

	for (const struct interface_object *i = first; i != NULL; i = i->hh.next) {
		if (i->kind != kind)
			continue;
		interface_to_arguments(model, i, visitor->arguments);
		int result = visitor->visit(visitor->context, visitor->arguments);
		if (result != 0)
			return result;
	}
	return 0;
}

static int visit_addresses(const struct model *model, const struct visitor *visitor)
{
	const struct address_object *address;

	DL_FOREACH2(model->addresses, address, all_next)
	{
		address_to_arguments(address, visitor->arguments);
		int result = visitor->visit(visitor->context, visitor->arguments);
		if (result != 0)
			return result;
	}
	return 0;
}

static int visit_neighbours(const struct model *model, const struct visitor *visitor)
{
	for (const struct neighbour_object *n = model->neighbours; n != NULL; n = n->hh.next) {
		if (!n->configured)
			continue;
		neigh_to_arguments(n, visitor->arguments);
		int result = visitor->visit(visitor->context, visitor->arguments);
		if (result != 0)
			return result;
	}
	return 0;
}

static int visit_labels(const struct model *model, const struct visitor *visitor)
{
	for (unsigned int space = 0; space < LABEL_SPACE_MAX; space++) {
		if (model->staged[space] == NULL &&
		    word_load(&model->tables->label_space[space]) == 0)
			continue;
		for (uint32_t label = LABEL_FIRST_FREE; label < LABEL_COUNT; label++) {
			uint64_t word = label_word(model, space, label);
			if (word == 0 || label_is_pseudowire(word))
				continue;
			mpls_to_arguments(model, space, label, word, visitor->arguments);
			int result = visitor->visit(visitor->context, visitor->arguments);
			if (result != 0)
				return result;
		}
	}
	return 0;
}

int model_configuration(const struct model *model,
			int (*visit)(void *context, const struct arguments *arguments),
			void *context)
{
	struct visitor visitor = { visit, context, calloc(1, sizeof(struct arguments)) };
	int result;

	if (visitor.arguments == NULL)
		return -ENOMEM;
	result = visit_interfaces(model, INTERFACE_BRIDGE, &visitor);
	if (result == 0)
		result = visit_interfaces(model, INTERFACE_PORT, &visitor);
	if (result == 0)
		result = visit_interfaces(model, INTERFACE_VLAN, &visitor);
	if (result == 0)
		result = visit_interfaces(model, INTERFACE_LOOPBACK, &visitor);
	if (result == 0)
		result = visit_interfaces(model, INTERFACE_TUNNEL, &visitor);
	if (result == 0)
		result = visit_addresses(model, &visitor);
	if (result == 0)
		result = visit_interfaces(model, INTERFACE_PSEUDOWIRE, &visitor);
	if (result == 0)
		result = fdb_configuration(model, visitor.arguments, visit, context);
	if (result == 0)
		result = snooping_configuration(model, visitor.arguments, visit, context);
	if (result == 0)
		result = visit_neighbours(model, &visitor);
	if (result == 0)
		result = route_configuration(model, visitor.arguments, visit, context);
	if (result == 0)
		result = visit_labels(model, &visitor);
	if (result == 0)
		result = filter_configuration(model, visitor.arguments, visit, context);
	free(visitor.arguments);
	return result;
}
