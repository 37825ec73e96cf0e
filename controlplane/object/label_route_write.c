/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label_route_write.c: a label's word back to the command that makes it.
 */
#include "bridge.h"
#include "label_route.h"

/* What a path puts on: all of it in swap, but the labels above an entropy label in push. */
static void write_stacks(struct path *path, const struct nexthop_key *key, uint64_t word)
{
	static const uint32_t implicit_null[] = { LABEL_IMPLICIT_NULL };
	enum label_operation operation = label_operation(word);
	uint32_t stack[STACK_MAX + 1];
	unsigned int count = key->label_count, pushed;

	memcpy(stack, key->label, count * sizeof(stack[0]));
	if (operation == LABEL_SWAP)
		stack[count++] = label_out(word);
	bool entropy = (key->flags & REWRITE_ENTROPY) != 0;
	if (operation == LABEL_POP)
		pushed = count;
	else if (entropy)
		pushed = count > 1 ? count - 1 : count;
	else
		pushed = 0;
	if (pushed > 0)
		path_put_stack(path, PATH_PUSH, stack, pushed);
	if (operation != LABEL_POP && count > pushed)
		path_put_stack(path, PATH_SWAP, stack + pushed, count - pushed);
	else if (operation != LABEL_POP)
		path_put_stack(path, PATH_SWAP, implicit_null, 1);
	if (entropy) {
		path->value[PATH_ENTROPY].number = 1;
		path->present |= parameter_bit(PATH_ENTROPY);
	}
}

static void write_path(const struct model *model, struct arguments *arguments, uint32_t nexthop,
		       uint64_t word, uint32_t weight, bool with_weight)
{
	struct path *path = &arguments->path[arguments->path_count++];
	struct nexthop_request request;

	path_of_nexthop(model, nexthop, &request);
	path_put_hop(arguments, path, &request);
	write_stacks(path, &model->nexthop[nexthop]->key, word);
	if (with_weight) {
		path->value[PATH_WEIGHT].number = weight;
		path->present |= parameter_bit(PATH_WEIGHT);
	}
}

static void write_paths(const struct model *model, struct arguments *arguments, uint64_t word)
{
	if (!(word & LABEL_GROUP)) {
		write_path(model, arguments, label_index(word), word, 1, false);
	} else {
		const struct group_members *members = &model->group[label_index(word)]->members;
		for (uint32_t i = 0; i < members->count; i++)
			write_path(model, arguments, members->member[i].nexthop, word,
				   members->member[i].weight,
				   label_operation(word) != LABEL_REPLICATE &&
					   (members->count == 1 || members->member[i].weight != 1));
	}
	arguments->present |= parameter_bit(MPLS_PATHS);
}

void mpls_to_arguments(const struct model *model, unsigned int space, uint32_t label, uint64_t word,
		       struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_MPLS_ADD);
	argument_number(arguments, MPLS_LABEL, label);
	if (space != 0)
		argument_number(arguments, MPLS_SPACE, space);
	switch (label_operation(word)) {
	case LABEL_POP:
		argument_number(arguments, MPLS_OPERATION, OPERATION_POP);
		write_paths(model, arguments, word);
		break;
	case LABEL_POP_IP:
		argument_number(arguments, MPLS_OPERATION, OPERATION_POP_IP);
		if (label_index(word) != 0)
			argument_number(arguments, MPLS_VRF, label_index(word));
		break;
	case LABEL_POP_BRIDGE:
		argument_number(arguments, MPLS_OPERATION, OPERATION_POP_BRIDGE);
		argument_string(arguments, MPLS_BRIDGE,
				model->bridge[label_index(word)]->interface->name);
		if (word & LABEL_CONTROL_WORD)
			argument_number(arguments, MPLS_CONTROL_WORD, 1);
		break;
	case LABEL_REPLICATE:
		argument_number(arguments, MPLS_OPERATION, OPERATION_REPLICATE);
		if (word & LABEL_LOCAL)
			argument_number(arguments, MPLS_VRF, label_out(word));
		write_paths(model, arguments, word);
		break;
	case LABEL_POP_LABEL:
		argument_number(arguments, MPLS_OPERATION, OPERATION_POP_LABEL);
		break;
	default:
		argument_number(arguments, MPLS_OPERATION, OPERATION_SWAP);
		write_paths(model, arguments, word);
	}
	if (word & LABEL_TTL_PIPE)
		argument_number(arguments, MPLS_TTL, MODEL_PIPE);
	if (word & LABEL_TC_UNIFORM)
		argument_number(arguments, MPLS_TC, MODEL_UNIFORM);
	if (word & LABEL_NO_COUNTERS)
		argument_number(arguments, MPLS_NO_COUNTERS, 1);
}
