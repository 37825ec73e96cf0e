/* SPDX-License-Identifier: BSD-3-Clause
 *
 * check.c: rules between the parameters of a command, the same for text and JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/filter-words.h"
#include "controlplane/api/value.h"

/* Where a rule was broken. */
struct place {
	int *parameter, *path;
};

static int wrong(struct place place, int parameter, int path, struct error *error, const char *text,
		 const char *expected)
{
	if (path >= 0)
		error_set(error, ERROR_USAGE, EINVAL, "path %d: %s", path + 1, text);
	else
		error_set(error, ERROR_USAGE, EINVAL, "%s", text);
	snprintf(error->expected, sizeof(error->expected), "%s", expected);
	*place.parameter = parameter;
	*place.path = path;
	return -EINVAL;
}

static int missing(const struct arguments *arguments, struct place place, struct error *error)
{
	const struct command *command = arguments->command;
	const struct parameter *parameter = command->parameters;

	for (unsigned int i = 0; parameter[i].name; i++) {
		char placeholder[128], text[256];
		if (!(parameter[i].flags & PARAMETER_REQUIRED) || argument_present(arguments, i))
			continue;
		if (arguments->document && strcmp(parameter[i].name, "file") == 0)
			continue;
		parameter_placeholder(command, &parameter[i], placeholder, sizeof(placeholder));
		snprintf(text, sizeof(text), "%s%s%s: %s is missing",
			 command->spelled ? command->spelled : command->noun,
			 command->spelled ? "" : " ", command->spelled ? "" : command->verb,
			 parameter[i].name);
		wrong(place, -1, -1, error, text, "");
		if (parameter[i].flags & PARAMETER_POSITIONAL)
			snprintf(error->expected, sizeof(error->expected), "%s", placeholder);
		else
			snprintf(error->expected, sizeof(error->expected), "%s %s",
				 parameter[i].name, placeholder);
		return -EINVAL;
	}
	return 0;
}

/* `set` without anything to set is a mistake. */
static int set_check(const struct arguments *arguments, struct place place, struct error *error)
{
	const struct parameter *parameter = arguments->command->parameters;
	uint64_t keys = 0;

	for (unsigned int i = 0; parameter[i].name; i++)
		if (parameter[i].flags & PARAMETER_KEY)
			keys |= parameter_bit(i);
	if (arguments->present & ~keys)
		return 0;
	return wrong(place, -1, -1, error, "nothing to set is named",
		     "one or more of the things that can be set");
}

static int path_check(const struct path *path, int index, struct place place, struct error *error)
{
	unsigned int labels = 0;
	char text[96];

	if (!path_present(path, PATH_VIA) && !path_present(path, PATH_DEV))
		return wrong(place, -1, index, error, "neither via nor dev is named",
			     "via IP and/or dev IF");
	if (path_present(path, PATH_ENTROPY) && !path_present(path, PATH_PUSH))
		return wrong(place, -1, index, error, "entropy goes with push",
			     "push STACK entropy");
	if (path_present(path, PATH_BACKUP_DEV) && !path_present(path, PATH_BACKUP_VIA))
		return wrong(place, -1, index, error, "a backup needs an address",
			     "backup via IP dev IF");
	if (path_present(path, PATH_SWAP))
		labels += path->value[PATH_SWAP].stack_count;
	if (path_present(path, PATH_PUSH)) {
		if (path->value[PATH_PUSH].stack[0] == 3)
			return wrong(place, -1, index, error, "implicit-null cannot be pushed",
				     "push STACK of real labels");
		labels += path->value[PATH_PUSH].stack_count;
	}
	if (labels > STACK_MAX) {
		snprintf(text, sizeof(text), "swap and push put on %u labels: expected at most %d",
			 labels, STACK_MAX);
		return wrong(place, -1, index, error, text, "at most 8 labels");
	}
	return 0;
}

static int paths_check(const struct arguments *arguments, bool swap, struct place place,
		       struct error *error)
{
	if (arguments->path_count == 0)
		return wrong(place, -1, -1, error, "a path is missing",
			     swap ? "swap STACK via IP and/or dev IF"
				  : "via IP and/or dev IF, ip, label or bridge BR");
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		const struct path *path = &arguments->path[i];
		if (swap && !path_present(path, PATH_SWAP))
			return wrong(place, -1, (int)i, error, "has no swap",
				     "swap STACK at the beginning of each path");
		if (!swap && path_present(path, PATH_SWAP))
			return wrong(place, -1, (int)i, error, "pop and swap exclude each other",
				     "a path without swap");
		int code = path_check(path, (int)i, place, error);
		if (code != 0)
			return code;
	}
	return 0;
}

/* A branch without swap gets what is below the label. */
static int branches_check(struct arguments *arguments, struct place place, struct error *error)
{
	if (arguments->path_count == 0)
		return wrong(place, -1, -1, error, "a branch is missing",
			     "[swap STACK] via IP and/or dev IF");
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		struct path *path = &arguments->path[i];
		int code = path_check(path, (int)i, place, error);
		if (code != 0)
			return code;
		if (path_present(path, PATH_WEIGHT))
			return wrong(place, -1, (int)i, error,
				     "each branch gets a copy: a weight says nothing", "");
		if (path_present(path, PATH_SWAP))
			continue;
		path->value[PATH_SWAP].stack[0] = LABEL_IMPLICIT_NULL;
		path->value[PATH_SWAP].stack_count = 1;
		path->present |= parameter_bit(PATH_SWAP);
	}
	return 0;
}

static int mpls_check(struct arguments *arguments, struct place place, struct error *error)
{
	enum mpls_operation_word operation;

	if (!argument_present(arguments, MPLS_OPERATION)) {
		if (arguments->path_count == 0 || !path_present(&arguments->path[0], PATH_SWAP))
			return wrong(place, -1, -1, error, "what to do with the label is missing",
				     "swap, pop, pop ip, pop label, pop bridge or replicate");
		arguments->value[MPLS_OPERATION].number = OPERATION_SWAP;
		arguments->present |= parameter_bit(MPLS_OPERATION);
	}
	operation = (enum mpls_operation_word)arguments->value[MPLS_OPERATION].number;
	if (argument_present(arguments, MPLS_VRF) && operation != OPERATION_POP_IP &&
	    operation != OPERATION_REPLICATE)
		return wrong(place, MPLS_VRF, -1, error, "vrf goes with pop ip and replicate only",
			     "");
	if (argument_present(arguments, MPLS_BRIDGE) != (operation == OPERATION_POP_BRIDGE))
		return operation == OPERATION_POP_BRIDGE
			       ? wrong(place, -1, -1, error, "the bridge is missing", "BR")
			       : wrong(place, MPLS_BRIDGE, -1, error, "bridge goes with pop only",
				       "");
	if (argument_present(arguments, MPLS_CONTROL_WORD) && operation != OPERATION_POP_BRIDGE)
		return wrong(place, MPLS_CONTROL_WORD, -1, error,
			     "control-word goes with pop bridge only", "");
	if (operation == OPERATION_REPLICATE)
		return branches_check(arguments, place, error);
	if (operation == OPERATION_SWAP || operation == OPERATION_POP)
		return paths_check(arguments, operation == OPERATION_SWAP, place, error);
	if (arguments->path_count > 0)
		return wrong(place, -1, 0, error, "only swap, a plain pop and replicate have paths",
			     "");
	return 0;
}

static int route_check(const struct arguments *arguments, struct place place, struct error *error)
{
	bool target = argument_present(arguments, ROUTE_TARGET);

	if (target && arguments->path_count > 0)
		return wrong(place, ROUTE_TARGET, -1, error,
			     "paths and blackhole or unreachable exclude each other",
			     "one of the two");
	if (!target && arguments->path_count == 0)
		return wrong(place, -1, -1, error, "where to is missing",
			     "via IP and/or dev IF, blackhole or unreachable");
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		int code = path_check(&arguments->path[i], (int)i, place, error);
		if (code != 0)
			return code;
	}
	return 0;
}

static int route_show_check(const struct arguments *arguments, struct place place,
			    struct error *error)
{
	int page = argument_present(arguments, ROUTE_SHOW_FROM)    ? ROUTE_SHOW_FROM
		   : argument_present(arguments, ROUTE_SHOW_COUNT) ? ROUTE_SHOW_COUNT
								   : -1;

	if (page < 0 || !argument_present(arguments, ROUTE_PREFIX))
		return 0;
	return wrong(place, page, -1, error, "from and count go with a list, not with one prefix",
		     "the end of the command");
}

static int mpls_show_check(const struct arguments *arguments, struct place place,
			   struct error *error)
{
	int page = argument_present(arguments, MPLS_SHOW_FROM)    ? MPLS_SHOW_FROM
		   : argument_present(arguments, MPLS_SHOW_COUNT) ? MPLS_SHOW_COUNT
								  : -1;

	if (page < 0 || !argument_present(arguments, MPLS_LABEL))
		return 0;
	return wrong(place, page, -1, error, "from and count go with a list, not with one label",
		     "the end of the command");
}

/* One place, said in one way. */
static int bind_check(struct arguments *arguments, struct place place, struct error *error)
{
	struct value *direction = &arguments->value[BIND_DIRECTION];
	bool has_direction = argument_present(arguments, BIND_DIRECTION);
	bool dev = argument_present(arguments, BIND_DEV);

	if (has_direction && direction->number == BIND_IN_LOCAL)
		direction->number = BIND_LOCAL;
	if (has_direction == argument_present(arguments, BIND_VRF))
		return wrong(place, has_direction ? BIND_VRF : -1, -1, error,
			     has_direction ? "an interface's filter and a VRF's are two"
					   : "what it filters is missing",
			     "in IF, out IF, vrf V or local");
	if (has_direction && direction->number != BIND_LOCAL && !dev)
		return wrong(place, -1, -1, error, "the interface is missing", "IF");
	if (dev && (!has_direction || direction->number == BIND_LOCAL))
		return wrong(place, BIND_DEV, -1, error, "an interface goes with in and out", "");
	return 0;
}

int command_check(struct arguments *arguments, struct error *error, int *parameter, int *path)
{
	struct place place = { parameter, path };
	int code;

	*parameter = *path = -1;
	code = missing(arguments, place, error);
	if (code != 0)
		return code;
	switch (arguments->command->id) {
	case COMMAND_MPLS_ADD:
	case COMMAND_MPLS_REPLACE:
		return mpls_check(arguments, place, error);
	case COMMAND_ROUTE_ADD:
	case COMMAND_ROUTE_REPLACE:
		return route_check(arguments, place, error);
	case COMMAND_FILTER_RULE_ADD:
	case COMMAND_FILTER_RULE_REPLACE:
	case COMMAND_FILTER_TEST:
		return filter_words_check(arguments, error, parameter);
	case COMMAND_FILTER_BIND:
	case COMMAND_FILTER_UNBIND:
		return bind_check(arguments, place, error);
	case COMMAND_FILTER_SET:
		return set_check(arguments, place, error);
	case COMMAND_ROUTE_SHOW:
		return route_show_check(arguments, place, error);
	case COMMAND_MPLS_SHOW:
		return mpls_show_check(arguments, place, error);
	case COMMAND_BRIDGE_SET:
	case COMMAND_PORT_SET:
	case COMMAND_VLAN_SET:
	case COMMAND_LOOPBACK_SET:
	case COMMAND_TUNNEL_SET:
	case COMMAND_PSEUDOWIRE_SET:
		return set_check(arguments, place, error);
	default:
		return 0;
	}
}
