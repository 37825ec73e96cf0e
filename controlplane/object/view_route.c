/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_route.c: routes. The tries in the tables do not tell which prefixes stand in them, so this
 * asks the control plane.
 */
#include "view.h"

struct listing {
	const struct view *view;
	json_t *array;
	uint64_t wanted; /* rows at most */
};

static const char *kind_name(uint32_t leaf, bool host)
{
	if (leaf & ROUTE_SYSTEM)
		return route_kind(leaf) == ROUTE_LOCAL             ? "local"
		       : route_kind(leaf) == ROUTE_NEXTHOP && host ? "neighbour"
								   : "connected";
	switch (route_kind(leaf)) {
	case ROUTE_BLACKHOLE:
		return "blackhole";
	case ROUTE_UNREACHABLE:
		return "unreachable";
	default:
		return "static";
	}
}

static json_t *hop(const struct view *view, uint32_t nexthop, uint32_t weight)
{
	static const uint8_t nobody[16];
	enum nexthop_kind kind;
	struct rewrite rewrite;
	json_t *object;

	if (view_rewrite(view, nexthop, &rewrite, &kind) && kind != NEXTHOP_FORWARD &&
	    memcmp(rewrite.via, nobody, sizeof(nobody)) == 0)
		object = json_pack("{s:i, s:[], s:s}", "nexthop", (int)nexthop, "labels", "state",
				   kind == NEXTHOP_BLACKHOLE ? "blackhole" : "unresolved");
	else
		object = view_path(view, nexthop, -1);
	view_number(object, "weight", weight);
	return object;
}

static json_t *hops(const struct view *view, uint32_t leaf)
{
	json_t *array = json_array();

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		json_array_append_new(array, hop(view, route_index(leaf), 1));
	if (route_kind(leaf) != ROUTE_GROUP)
		return array;
	const struct group_members *members = tables_object(
		view->tables, word_load(&view->tables->group_members[route_index(leaf)]));
	for (uint32_t i = 0; i < members->count; i++)
		json_array_append_new(
			array, hop(view, members->member[i].nexthop, members->member[i].weight));
	return array;
}

static bool names_interface(uint32_t leaf)
{
	return route_kind(leaf) == ROUTE_LOCAL || route_kind(leaf) == ROUTE_GLEAN ||
	       (leaf & ROUTE_SYSTEM && route_kind(leaf) == ROUTE_UNREACHABLE);
}

static int visit_route(void *context, const struct route_row *row)
{
	struct listing *listing = context;
	char prefix[52], name[NAME_SIZE];

	if ((uint64_t)json_array_size(listing->array) == listing->wanted)
		return 1;
	json_t *object = json_object();
	address_format(&row->address, prefix);
	snprintf(prefix + strlen(prefix), 5, "/%u", row->length & 0xff);
	view_string(object, "prefix", prefix);
	view_number(object, "vrf", row->vrf);
	view_string(
		object, "kind",
		kind_name(row->leaf, row->length == (address_is_ipv4(&row->address) ? 32 : 128)));
	if (names_interface(row->leaf)) {
		view_interface(listing->view, route_index(row->leaf), name);
		view_string(object, "dev", name);
	}
	json_object_set_new(object, "active", json_boolean(!row->hidden));
	json_object_set_new(object, "nexthops", hops(listing->view, row->leaf));
	json_t *paths = view_private(listing->view)->route_paths(listing->view->model, row->leaf);
	if (paths != NULL)
		json_object_set_new(object, "recursive", paths);
	json_array_append_new(listing->array, object);
	return 0;
}

static void begin(struct listing *listing, const struct arguments *arguments,
		  struct route_range *range)
{
	unsigned int key = ROUTE_SHOW_FROM;

	*range = (struct route_range){ .first_vrf = 0, .end_vrf = VRF_MAX };
	if (argument_present(arguments, ROUTE_PREFIX)) {
		key = ROUTE_PREFIX;
		range->one = true;
		range->end_vrf = 1; /* of the main one unless it is named */
	}
	if (argument_present(arguments, ROUTE_VRF)) {
		range->first_vrf = (unsigned int)arguments->value[ROUTE_VRF].number;
		range->end_vrf = range->first_vrf + 1;
	}
	if (argument_present(arguments, key)) {
		range->from = &arguments->value[key].address;
		range->from_length = (unsigned int)arguments->value[key].number;
	}
	listing->wanted = argument_present(arguments, ROUTE_SHOW_COUNT)
				  ? arguments->value[ROUTE_SHOW_COUNT].number
				  : ROUTE_ROWS_MAX + 1;
}

json_t *view_routes(const struct view *view, const struct arguments *arguments, struct error *error)
{
	struct listing listing = { .view = view };
	struct route_range range;

	if (view->model == NULL) {
		error_set(error, ERROR_REFUSED, -ENOTCONN,
			  "routes are not known without the control plane, which does not run");
		return NULL;
	}
	listing.array = json_array();
	begin(&listing, arguments, &range);
	view_private(view)->routes(view->model, &range, visit_route, &listing);
	if (json_array_size(listing.array) > ROUTE_ROWS_MAX)
		error_set(
			error, ERROR_REFUSED, -E2BIG,
			"more than %d routes in one answer: expected `count` of at most that, and "
			"`from` for those that follow",
			ROUTE_ROWS_MAX);
	else if (range.one && json_array_size(listing.array) == 0)
		error_set(error, ERROR_REFUSED, -ENOENT, "this route does not exist in vrf %u",
			  range.first_vrf);
	else
		return listing.array;
	json_decref(listing.array);
	return NULL;
}
