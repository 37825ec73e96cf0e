/* SPDX-License-Identifier: BSD-3-Clause
 *
 * route_write.c: a route's leaf back to the command that makes it, and who uses a nexthop.
 */
#include <stdio.h>
#include "route.h"

static void write_path(struct arguments *arguments, const struct nexthop_request *request,
		       uint32_t weight, bool with_weight)
{
	struct path *path = &arguments->path[arguments->path_count++];

	path_put_hop(arguments, path, request);
	if (request->label_count > 0)
		path_put_stack(path, PATH_PUSH, request->label, request->label_count);
	if (request->entropy) {
		path->value[PATH_ENTROPY].number = 1;
		path->present |= parameter_bit(PATH_ENTROPY);
	}
	if (with_weight) {
		path->value[PATH_WEIGHT].number = weight;
		path->present |= parameter_bit(PATH_WEIGHT);
	}
}

static void write_group(const struct model *model, const struct group_members *members,
			struct arguments *arguments)
{
	struct nexthop_request request;

	for (uint32_t i = 0; i < members->count; i++) {
		uint32_t weight = members->member[i].weight;
		path_of_nexthop(model, members->member[i].nexthop, &request);
		write_path(arguments, &request, weight, members->count == 1 || weight != 1);
	}
}

static void write_paths(const struct model *model, uint32_t leaf, struct arguments *arguments)
{
	const struct path_list *list = path_list_of(model, leaf);
	struct nexthop_request request;

	for (uint32_t i = 0; list != NULL && i < list->count; i++)
		write_path(arguments, &list->path[i].request, list->path[i].weight,
			   list->path[i].weight_given &&
				   (list->count == 1 || list->path[i].weight != 1));
	if (list == NULL && route_kind(leaf) == ROUTE_GROUP) {
		write_group(model, &model->group[route_index(leaf)]->members, arguments);
	} else if (list == NULL) {
		path_of_nexthop(model, route_index(leaf), &request);
		write_path(arguments, &request, 1, false);
	}
	arguments->present |= parameter_bit(ROUTE_PATHS);
}

void route_to_arguments(const struct model *model, enum command_id id,
			const struct route_prefix *prefix, uint32_t leaf,
			struct arguments *arguments)
{
	arguments_begin(arguments, id);
	argument_number(arguments, ROUTE_PREFIX, prefix->length);
	route_prefix_address(prefix, &arguments->value[ROUTE_PREFIX].address);
	if (prefix->vrf != 0)
		argument_number(arguments, ROUTE_VRF, prefix->vrf);
	if (route_kind(leaf) == ROUTE_BLACKHOLE)
		argument_number(arguments, ROUTE_TARGET, TARGET_BLACKHOLE);
	else if (route_kind(leaf) == ROUTE_UNREACHABLE)
		argument_number(arguments, ROUTE_TARGET, TARGET_UNREACHABLE);
	else
		write_paths(model, leaf, arguments);
}

/* ---------------------------------------------------------------- all of them */

struct listing {
	const struct model *model;
	struct arguments *arguments;
	int (*visit)(void *context, const struct arguments *arguments);
	void *context;
};

static int list_route(void *context, const struct route_prefix *prefix, uint32_t leaf)
{
	const struct listing *listing = context;

	if (leaf & ROUTE_SYSTEM)
		leaf = fib_shadow(listing->model, prefix);
	if (leaf == LPM_NONE)
		return 0;
	route_to_arguments(listing->model, COMMAND_ROUTE_ADD, prefix, leaf, listing->arguments);
	return listing->visit(listing->context, listing->arguments);
}

int route_configuration(const struct model *model, struct arguments *arguments,
			int (*visit)(void *context, const struct arguments *arguments),
			void *context)
{
	struct listing listing = { model, arguments, visit, context };
	int result = 0;

	for (unsigned int vrf = 0; vrf < VRF_MAX && result == 0; vrf++)
		for (unsigned int family = 0; family < ROUTE_FAMILIES && result == 0; family++)
			result = fib_walk(model, vrf, family, list_route, &listing);
	return result;
}

/* ---------------------------------------------------------------- for the views */

struct rows {
	const struct model *model;
	struct route_prefix from;
	bool has_from;
	int (*visit)(void *context, const struct route_row *row);
	void *context;
};

static bool before(const struct route_prefix *a, const struct route_prefix *b)
{
	int order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));

	return order < 0 || (order == 0 && a->length < b->length);
}

static int show_route(void *context, const struct route_prefix *prefix, uint32_t leaf)
{
	const struct rows *rows = context;
	struct route_row row = { .length = prefix->length, .vrf = prefix->vrf, .leaf = leaf };
	uint32_t shadow = leaf & ROUTE_SYSTEM ? fib_shadow(rows->model, prefix) : LPM_NONE;

	if (rows->has_from && before(prefix, &rows->from))
		return 0;
	route_prefix_address(prefix, &row.address);
	int result = rows->visit(rows->context, &row);
	if (result != 0 || shadow == LPM_NONE)
		return result;
	row.leaf = shadow;
	row.hidden = true;
	return rows->visit(rows->context, &row);
}

void route_rows(const struct model *model, const struct route_range *range,
		int (*visit)(void *context, const struct route_row *row), void *context)
{
	struct rows rows = { .model = model, .visit = visit, .context = context };
	int stop = 0;

	if (range->from != NULL)
		rows.from = route_prefix_of(range->first_vrf, range->from, range->from_length);
	if (range->one) {
		uint32_t leaf = fib_get(model, &rows.from);
		if (leaf != LPM_NONE)
			show_route(&rows, &rows.from, leaf);
		return;
	}
	for (unsigned int vrf = range->first_vrf; vrf < range->end_vrf && !stop; vrf++) {
		bool begins = range->from != NULL && vrf == range->first_vrf;
		for (unsigned int family = 0; family < ROUTE_FAMILIES && !stop; family++) {
			if (begins && family < rows.from.family)
				continue;
			rows.has_from = begins && family == rows.from.family;
			stop = fib_walk(model, vrf, family, show_route, &rows);
		}
	}
}

json_t *route_asked(const struct model *model, uint32_t leaf)
{
	static struct arguments arguments; /* large; one thread */
	static const struct route_prefix any;

	if (path_list_of(model, leaf) == NULL)
		return NULL;
	route_to_arguments(model, COMMAND_ROUTE_ADD, &any, leaf, &arguments);
	json_t *command = command_to_json(&arguments);
	json_t *paths = json_incref(json_object_get(command, "paths"));
	json_decref(command);
	return paths;
}

/* ---------------------------------------------------------------- for messages */

struct search {
	const struct model *model;
	uint32_t nexthop;
	struct route_prefix found;
};

static bool uses(const struct model *model, uint32_t leaf, uint32_t nexthop)
{
	const struct path_list *list = path_list_of(model, leaf);

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		return route_index(leaf) == nexthop;
	if (route_kind(leaf) != ROUTE_GROUP || (list != NULL && list->group == NULL))
		return false;
	const struct group_members *members = &model->group[route_index(leaf)]->members;
	for (uint32_t i = 0; i < members->count; i++)
		if (members->member[i].nexthop == nexthop)
			return true;
	return false;
}

static int look_for_user(void *context, const struct route_prefix *prefix, uint32_t leaf)
{
	struct search *search = context;

	if (leaf & ROUTE_SYSTEM)
		leaf = fib_shadow(search->model, prefix);
	if (!uses(search->model, leaf, search->nexthop))
		return 0;
	search->found = *prefix;
	return 1;
}

bool route_user(const struct model *model, uint32_t nexthop, char *text, size_t size)
{
	struct search search = { .model = model, .nexthop = nexthop };
	char prefix[52];
	int found = 0;

	for (unsigned int vrf = 0; vrf < VRF_MAX && !found; vrf++)
		for (unsigned int family = 0; family < ROUTE_FAMILIES && !found; family++)
			found = fib_walk(model, vrf, family, look_for_user, &search);
	if (!found)
		return false;
	route_prefix_format(&search.found, prefix);
	if (search.found.vrf == 0)
		snprintf(text, size, "route %s", prefix);
	else
		snprintf(text, size, "route %s vrf %u", prefix, search.found.vrf);
	return true;
}
