/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label_route_read.c: a label route's command, understood and checked.
 *
 * The label that takes the incoming one's place is the innermost of what a path puts on. If all
 * paths have the same one it stands in the label's word (SWAP) and the nexthops push the rest; if
 * not, the nexthops carry whole stacks (REPLACE). A swap to implicit null puts nothing in its
 * place: a pop (RFC 3032 2.1).
 */
#include "label_route.h"

static int check_stack(const struct label_route *route, const char *word, const struct value *stack,
		       bool may_be_implicit_null, struct error *error)
{
	for (unsigned int i = 0; i < stack->stack_count; i++) {
		if (stack->stack[i] >= LABEL_COUNT)
			return refuse(error, -EINVAL, "label %u: %s %u: expected a label up to %u",
				      route->label, word, stack->stack[i], LABEL_COUNT - 1);
		if (stack->stack[i] == LABEL_IMPLICIT_NULL &&
		    (stack->stack_count > 1 || !may_be_implicit_null))
			return refuse(
				error, -EINVAL,
				"label %u: %s: implicit-null is never on the wire: expected it "
				"alone after swap",
				route->label, word);
	}
	return 0;
}

static void append(struct label_path *path, const struct value *stack)
{
	for (unsigned int i = 0; i < stack->stack_count && i < STACK_MAX; i++)
		path->stack[path->count++] = stack->stack[i];
}

/* push is outside of swap. */
static int read_path(const struct label_route *route, const struct path *given,
		     struct label_path *path, struct error *error)
{
	const struct value *swap = &given->value[PATH_SWAP], *push = &given->value[PATH_PUSH];
	bool entropy = path_present(given, PATH_ENTROPY) && given->value[PATH_ENTROPY].number != 0;
	int result = 0;

	path->given = given;
	path->count = 0;
	path->weight =
		path_present(given, PATH_WEIGHT) ? (uint32_t)given->value[PATH_WEIGHT].number : 1;
	if (path_present(given, PATH_PUSH)) {
		result = check_stack(route, "push", push, false, error);
		append(path, push);
	} else if (entropy) {
		result = refuse(error, -EINVAL, "label %u: entropy: expected push STACK entropy",
				route->label);
	}
	if (result == 0 && path_present(given, PATH_SWAP)) {
		result = check_stack(route, "swap", swap, true, error);
		if (!path_swaps_to_nothing(given))
			append(path, swap);
	}
	if (result != 0)
		return result;
	/* an entropy label comes with its indicator (RFC 6790 3) */
	unsigned int put_on = path->count + (entropy ? 2 : 0);
	if (put_on > STACK_MAX)
		return refuse(error, -EINVAL, "label %u: puts on %u labels%s: at most %d",
			      route->label, put_on, entropy ? " with the entropy label's two" : "",
			      STACK_MAX);
	return 0;
}

static int read_paths(const struct arguments *arguments, struct label_route *route,
		      struct error *error)
{
	bool swap = route->operation != LABEL_POP;

	if (arguments->path_count == 0)
		return refuse(error, -EINVAL, "label %u: no nexthop: expected via IP [dev IF]",
			      route->label);
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		const struct path *given = &arguments->path[i];
		if (path_present(given, PATH_SWAP) != swap)
			return refuse(
				error, -EINVAL,
				swap ? "label %u: path %u has no swap: expected swap STACK"
				     : "label %u: path %u has a swap: expected pop or swap, not "
				       "both",
				route->label, i + 1);
		int result = read_path(route, given, &route->path[i], error);
		if (result != 0)
			return result;
		route->group |= path_present(given, PATH_WEIGHT);
		route->count++;
	}
	route->group |= route->count > 1 || route->operation == LABEL_REPLICATE;
	return 0;
}

/* SWAP, REPLACE or POP, and the label in the word. */
static void choose_operation(struct label_route *route)
{
	bool all_pop = true, same = true;

	for (unsigned int i = 0; i < route->count; i++) {
		const struct label_path *path = &route->path[i];
		bool pops = path_swaps_to_nothing(path->given);
		all_pop &= pops;
		/* a path that pops may have no label at all */
		same = same && !pops &&
		       path->stack[path->count - 1] ==
			       route->path[0].stack[route->path[0].count - 1];
	}
	route->operation = all_pop ? LABEL_POP : same ? LABEL_SWAP : LABEL_REPLACE;
	if (same && !all_pop)
		route->word |= route->path[0].stack[route->path[0].count - 1];
}

static enum mpls_operation_word operation_word(const struct arguments *arguments)
{
	if (argument_present(arguments, MPLS_OPERATION))
		return (enum mpls_operation_word)arguments->value[MPLS_OPERATION].number;
	return OPERATION_SWAP;
}

/* Words that go with one operation only. */
static int check_words(const struct arguments *arguments, const struct label_route *route,
		       enum mpls_operation_word operation, struct error *error)
{
	bool to_paths = operation == OPERATION_SWAP || operation == OPERATION_POP ||
			operation == OPERATION_REPLICATE;

	if (argument_present(arguments, MPLS_VRF) && operation != OPERATION_POP_IP &&
	    operation != OPERATION_REPLICATE)
		return refuse(error, -EINVAL,
			      "label %u: vrf: expected it after pop ip or replicate only",
			      route->label);
	if (operation != OPERATION_POP_BRIDGE && (argument_present(arguments, MPLS_BRIDGE) ||
						  argument_present(arguments, MPLS_CONTROL_WORD)))
		return refuse(
			error, -EINVAL,
			"label %u: bridge and control-word: expected them with pop bridge only",
			route->label);
	if (!to_paths && arguments->path_count > 0)
		return refuse(error, -EINVAL,
			      "label %u: expected no nexthop with pop ip, pop label "
			      "or pop bridge",
			      route->label);
	if (operation == OPERATION_POP_BRIDGE && !argument_present(arguments, MPLS_BRIDGE))
		return refuse(error, -EINVAL, "label %u: pop bridge: expected the name of a bridge",
			      route->label);
	return 0;
}

static bool word_is(const struct arguments *arguments, unsigned int parameter, uint64_t number)
{
	return argument_present(arguments, parameter) &&
	       arguments->value[parameter].number == number;
}

static int read_operation(const struct arguments *arguments, struct label_route *route,
			  struct error *error)
{
	enum mpls_operation_word operation = operation_word(arguments);
	int result = check_words(arguments, route, operation, error);

	if (result != 0)
		return result;
	switch (operation) {
	case OPERATION_SWAP:
		route->operation = LABEL_SWAP;
		result = read_paths(arguments, route, error);
		if (result == 0)
			choose_operation(route);
		return result;
	case OPERATION_POP:
		route->operation = LABEL_POP;
		return read_paths(arguments, route, error);
	case OPERATION_REPLICATE:
		route->operation = LABEL_REPLICATE;
		if (argument_present(arguments, MPLS_VRF))
			route->word |= LABEL_LOCAL | arguments->value[MPLS_VRF].number;
		return read_paths(arguments, route, error);
	case OPERATION_POP_IP:
		route->operation = LABEL_POP_IP;
		if (argument_present(arguments, MPLS_VRF))
			route->word |= arguments->value[MPLS_VRF].number << LABEL_INDEX_SHIFT;
		return 0;
	case OPERATION_POP_BRIDGE:
		route->operation = LABEL_POP_BRIDGE;
		route->bridge = arguments->value[MPLS_BRIDGE].string;
		if (word_is(arguments, MPLS_CONTROL_WORD, 1))
			route->word |= LABEL_CONTROL_WORD;
		return 0;
	default:
		route->operation = LABEL_POP_LABEL;
		return 0;
	}
}

int label_route_read(const struct arguments *arguments, struct label_route *route,
		     struct error *error)
{
	uint64_t label = arguments->value[MPLS_LABEL].number;
	uint64_t space =
		argument_present(arguments, MPLS_SPACE) ? arguments->value[MPLS_SPACE].number : 0;

	if (label < LABEL_FIRST_FREE || label >= LABEL_COUNT)
		return refuse(error, -EINVAL, "label %llu: expected %d to %d",
			      (unsigned long long)label, LABEL_FIRST_FREE, LABEL_COUNT - 1);
	if (space >= LABEL_SPACE_MAX)
		return refuse(error, -EINVAL, "label %llu: space %llu: expected 0 to %d",
			      (unsigned long long)label, (unsigned long long)space,
			      LABEL_SPACE_MAX - 1);
	route->label = (uint32_t)label;
	route->space = (unsigned int)space;
	route->word = 0;
	route->group = false;
	route->bridge = NULL;
	route->count = 0;
	int result = read_operation(arguments, route, error);
	if (result != 0)
		return result;
	route->word |= (uint64_t)route->operation << LABEL_OPERATION_SHIFT |
		       (uint64_t)ORIGIN_STATIC << LABEL_ORIGIN_SHIFT;
	if (word_is(arguments, MPLS_TTL, MODEL_PIPE))
		route->word |= LABEL_TTL_PIPE;
	if (word_is(arguments, MPLS_TC, MODEL_UNIFORM))
		route->word |= LABEL_TC_UNIFORM;
	if (word_is(arguments, MPLS_NO_COUNTERS, 1))
		route->word |= LABEL_NO_COUNTERS;
	return 0;
}

void label_route_request(struct label_route *route, unsigned int i)
{
	struct label_path *path = &route->path[i];

	path_to_request(path->given, path->stack,
			path->count - (route->operation == LABEL_SWAP ? 1 : 0), &path->request);
}
