/* SPDX-License-Identifier: BSD-3-Clause
 *
 * route.c: the commands of static routes: the FEC, and by `push` its binding to a label-switched
 * path (RFC 3031 3.1, 3.11).
 */
#include <stdio.h>
#include "route.h"

struct route {
	struct route_prefix prefix;
	char text[52];
	uint32_t leaf; /* of a route without paths */
	bool group;    /* several paths, or a weight */
	unsigned int count;
	struct list_path path[GROUP_MEMBER_MAX]; /* only the first `count` are filled */
};

/* ---------------------------------------------------------------- reading */

static unsigned int vrf_of(const struct arguments *arguments)
{
	return argument_present(arguments, ROUTE_VRF)
		       ? (unsigned int)arguments->value[ROUTE_VRF].number
		       : 0;
}

static bool is_multicast(const struct route_prefix *prefix)
{
	return prefix->family == ROUTE_IPV4 ? prefix->length >= 4 && prefix->bytes[0] >> 4 == 0xe
					    : prefix->length >= 8 && prefix->bytes[0] == 0xff;
}

static int read_prefix(const struct arguments *arguments, struct route_prefix *prefix,
		       struct error *error)
{
	const struct value *value = &arguments->value[ROUTE_PREFIX];
	unsigned int vrf = vrf_of(arguments), length = (unsigned int)value->number;
	struct address base;
	char text[52], right[52];

	if (vrf >= VRF_MAX)
		return refuse(error, -EINVAL, "vrf %u: expected 0 to %d", vrf, VRF_MAX - 1);
	*prefix = route_prefix_of(vrf, &value->address, length);
	route_prefix_address(prefix, &base);
	if (memcmp(&base, &value->address, sizeof(base)) == 0)
		return 0;
	prefix_format(&value->address, length, text);
	prefix_format(&base, length, right);
	return refuse(error, -EINVAL, "route %s has bits behind its length: expected %s", text,
		      right);
}

static int read_path(const struct path *given, unsigned int vrf, struct list_path *path,
		     struct error *error)
{
	const struct value *push = &given->value[PATH_PUSH];
	bool has_push = path_present(given, PATH_PUSH);
	bool entropy = path_present(given, PATH_ENTROPY) && given->value[PATH_ENTROPY].number != 0;
	unsigned int count = has_push ? push->stack_count : 0, put_on = count + (entropy ? 2 : 0);

	if (entropy && !has_push)
		return refuse(error, -EINVAL, "entropy: expected push STACK entropy");
	for (unsigned int i = 0; i < count; i++)
		if (push->stack[i] == 3 || push->stack[i] >= LABEL_COUNT)
			return refuse(error, -EINVAL,
				      "push %u: expected labels that stand on the wire",
				      push->stack[i]);
	/* an entropy label comes with its indicator (RFC 6790 3) */
	if (put_on > STACK_MAX)
		return refuse(error, -EINVAL, "puts on %u labels%s: expected at most %d", put_on,
			      entropy ? " with the entropy label's two" : "", STACK_MAX);
	path_to_request(given, push->stack, count, &path->request);
	path->request.vrf = vrf;
	path->weight_given = path_present(given, PATH_WEIGHT);
	path->weight = path->weight_given ? (uint32_t)given->value[PATH_WEIGHT].number : 1;
	return 0;
}

static int read_route(const struct arguments *arguments, struct route *route, struct error *error)
{
	int result = read_prefix(arguments, &route->prefix, error);

	if (result != 0)
		return result;
	route->leaf = LPM_NONE;
	route->count = 0;
	if (is_multicast(&route->prefix))
		return refuse(error, -EINVAL, "is multicast: expected unicast destinations");
	if (argument_present(arguments, ROUTE_TARGET)) {
		route->leaf = route_leaf(arguments->value[ROUTE_TARGET].number == TARGET_BLACKHOLE
						 ? ROUTE_BLACKHOLE
						 : ROUTE_UNREACHABLE,
					 0);
		return 0;
	}
	if (arguments->path_count == 0)
		return refuse(error, -EINVAL, "no nexthop: expected via IP [dev IF]");
	route->group = arguments->path_count > 1;
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		result = read_path(&arguments->path[i], route->prefix.vrf, &route->path[i], error);
		if (result != 0)
			return result;
		route->group |= route->path[i].weight_given;
		route->count++;
	}
	return 0;
}

/* ---------------------------------------------------------------- references */

static void release_leaf(struct model *model, uint32_t leaf)
{
	struct path_list *list = path_list_of(model, leaf);

	if (list != NULL)
		path_list_release(model, list);
	else if (route_kind(leaf) == ROUTE_NEXTHOP)
		nexthop_release(model, model->nexthop[route_index(leaf)]);
	else if (route_kind(leaf) == ROUTE_GROUP)
		group_release(model, model->group[route_index(leaf)]);
}

/* The group behind a leaf, if its members may be changed in place: all that the leaf says stays. */
static struct group_object *reusable_group(const struct model *model, uint32_t old)
{
	if (route_kind(old) != ROUTE_GROUP || path_list_of(model, old) != NULL)
		return NULL;
	return model->group[route_index(old)];
}

static void where_of(const struct route *route, unsigned int i, char where[24])
{
	where[0] = 0;
	if (route->count > 1)
		snprintf(where, 24, "path %u: ", i + 1);
}

static int acquire_member(struct model *model, const struct route *route, unsigned int i,
			  struct group_members *members, struct error *error)
{
	struct nexthop_object *nexthop;
	char where[24];

	where_of(route, i, where);
	int result = nexthop_acquire(model, &route->path[i].request, where, &nexthop, error);
	if (result != 0)
		return result;
	members->member[i].nexthop = nexthop->index;
	members->member[i].weight = route->path[i].weight;
	members->count++;
	for (unsigned int j = 0; j < i; j++)
		if (members->member[j].nexthop == nexthop->index)
			return refuse(error, -EEXIST,
				      "path %u is the same as path %u: expected a weight instead",
				      i + 1, j + 1);
	return 0;
}

static int acquire_group(struct model *model, const struct route *route, struct group_object *reuse,
			 uint32_t *leaf, struct error *error)
{
	struct group_members members = { .count = 0 };
	struct group_object *group;
	int result = 0;

	for (unsigned int i = 0; i < route->count && result == 0; i++)
		result = acquire_member(model, route, i, &members, error);
	if (result == 0)
		result = group_acquire(model, &members, reuse, &group, error);
	if (result == 0) {
		*leaf = route_leaf(ROUTE_GROUP, group->index);
		return 0;
	}
	for (uint32_t i = 0; i < members.count; i++)
		nexthop_release(model, model->nexthop[members.member[i].nexthop]);
	return result;
}

/* The nexthop or group of paths that all lead to connected nodes. */
static int acquire_connected(struct model *model, const struct route *route,
			     struct group_object *reuse, uint32_t *leaf, struct error *error)
{
	struct nexthop_object *nexthop;

	if (route->group)
		return acquire_group(model, route, reuse, leaf, error);
	int result = nexthop_acquire(model, &route->path[0].request, "", &nexthop, error);
	if (result == 0)
		*leaf = route_leaf(ROUTE_NEXTHOP, nexthop->index);
	return result;
}

/* ---------------------------------------------------------------- recursive routes */

/* A path by a node that other routes lead to must be to some host that is not we. */
static int check_far(struct model *model, const struct nexthop_request *request, const char *where,
		     struct error *error)
{
	const struct address *via = (const struct address *)request->via;
	const struct address_object *own = address_own(model, (uint16_t)request->vrf, via);
	const char *trouble = address_trouble(via, 32, false);
	char text[46];

	address_format(via, text);
	if (own != NULL)
		return refuse(error, -EINVAL, "%snexthop %s is our own address on %s", where, text,
			      own->interface->name);
	if (trouble != NULL)
		return refuse(error, -EINVAL, "%snexthop %s %s: expected a host's unicast address",
			      where, text, trouble);
	return 0;
}

static int check_paths(struct model *model, const struct route *route, struct error *error)
{
	for (unsigned int i = 0; i < route->count; i++) {
		const struct nexthop_request *request = &route->path[i].request;
		struct nexthop_key key;
		char where[24];

		where_of(route, i, where);
		for (unsigned int j = 0; j < i; j++)
			if (memcmp(request, &route->path[j].request, sizeof(*request)) == 0)
				return refuse(error, -EEXIST,
					      "path %u is the same as path %u: expected a weight "
					      "instead",
					      i + 1, j + 1);
		int result = nexthop_resolve(model, request, where, &key, error);
		if (result == -ENETUNREACH && path_may_recurse(request))
			result = check_far(model, request, where, error);
		if (result != 0)
			return result;
	}
	return 0;
}

/* A list that leads somewhere after the change. During replay all that is seen to at its end, since
 * routes come in any order. */
static int acquire_list(struct model *model, const struct route *route, uint32_t *leaf,
			struct error *error)
{
	struct route_change change = { .prefix = route->prefix };
	int result = check_paths(model, route, error);

	if (result != 0)
		return result;
	struct path_list *list = path_list_acquire(model, route->path, route->count);
	if (list == NULL)
		return refuse(error, -ENOMEM, "out of memory");
	change.list = list;
	if (model->routes_live)
		result = path_list_check(model, list, &change, error);
	if (result == 0 && model->routes_live && list->group == NULL) {
		result = path_list_begin(model, list, &change);
		if (result != 0)
			refuse_full(model, error, "nexthop group", model->group_count,
				    GROUP_MAX - 1);
	}
	if (result != 0)
		path_list_release(model, list);
	else
		*leaf = path_list_leaf(list);
	return result;
}

static int acquire(struct model *model, const struct route *route, struct group_object *reuse,
		   uint32_t *leaf, struct error *error)
{
	*leaf = route->leaf;
	if (route->count == 0)
		return 0;
	int result = acquire_connected(model, route, reuse, leaf, error);
	return result == -ENETUNREACH ? acquire_list(model, route, leaf, error) : result;
}

/* ---------------------------------------------------------------- commands */

/* Everything that can be refused, then the one store. */
static int change_route(struct model *model, const struct route *route, uint32_t old,
			struct error *error)
{
	bool looked_at = path_lists_look_at(model, &route->prefix);
	struct route_change change = { .prefix = route->prefix };
	int result = acquire(model, route, looked_at ? NULL : reusable_group(model, old),
			     &change.leaf, error);

	if (result != 0)
		return result;
	change.list = path_list_of(model, change.leaf);
	if (looked_at && model->routes_live)
		result = path_lists_check(model, &change, error);
	if (result == 0)
		result = underlay_check(model, &route->prefix, change.leaf, error);
	if (result == 0 && change.leaf != old) {
		result = fib_static_set(model, &route->prefix, change.leaf);
		if (result != 0)
			refuse_full(model, error, "route", 0, 1);
	}
	release_leaf(model, result == 0 ? old : change.leaf);
	if (result == 0 && looked_at)
		route_refresh(model);
	return result;
}

/* Tell which route it is about. */
static void name_route(const struct route *route, struct error *error)
{
	char text[ERROR_TEXT_MAX], prefix[52];

	route_prefix_format(&route->prefix, prefix);
	snprintf(text, sizeof(text), "%s", error->text);
	if (route->prefix.vrf == 0)
		snprintf(error->text, sizeof(error->text), "route %s: %.400s", prefix, text);
	else
		snprintf(error->text, sizeof(error->text), "route %s vrf %u: %.400s", prefix,
			 route->prefix.vrf, text);
}

static int put(struct model *model, const struct arguments *arguments, bool replace,
	       struct error *error)
{
	struct route route;
	struct route_prefix prefix;
	int result = read_prefix(arguments, &prefix, error);

	if (result != 0)
		return result;
	result = read_route(arguments, &route, error);
	uint32_t old = result == 0 ? fib_static(model, &route.prefix) : LPM_NONE;
	if (result == 0 && old != LPM_NONE && !replace)
		result = refuse(error, -EEXIST, "exists already");
	if (result == 0)
		result = change_route(model, &route, old, error);
	if (result != 0)
		name_route(&route, error);
	return result;
}

static int route_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	return put(model, arguments, false, error);
}

static int route_replace(struct model *model, const struct arguments *arguments,
			 struct error *error)
{
	return put(model, arguments, true, error);
}

static int route_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct route_prefix prefix;
	int result = read_prefix(arguments, &prefix, error);

	if (result != 0)
		return result;
	uint32_t leaf = fib_static(model, &prefix);
	if (leaf == LPM_NONE) {
		char text[52];
		route_prefix_format(&prefix, text);
		return refuse(error, -ENOENT, "route %s does not exist in vrf %u", text,
			      prefix.vrf);
	}
	fib_static_clear(model, &prefix);
	release_leaf(model, leaf);
	if (path_lists_look_at(model, &prefix))
		route_refresh(model);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

/* The static route that a command names; LPM_NONE: none. */
static uint32_t named(const struct model *model, const struct arguments *arguments,
		      struct route_prefix *prefix)
{
	struct error error;

	return read_prefix(arguments, prefix, &error) == 0 ? fib_static(model, prefix) : LPM_NONE;
}

static void del_arguments(const struct arguments *arguments, struct arguments *undo)
{
	arguments_begin(undo, COMMAND_ROUTE_DEL);
	undo->value[ROUTE_PREFIX] = arguments->value[ROUTE_PREFIX];
	undo->present |= parameter_bit(ROUTE_PREFIX);
	if (argument_present(arguments, ROUTE_VRF))
		argument_number(undo, ROUTE_VRF, arguments->value[ROUTE_VRF].number);
}

static int route_add_inverse(const struct model *model, const struct arguments *arguments,
			     struct arguments *undo)
{
	struct route_prefix prefix;

	if (named(model, arguments, &prefix) != LPM_NONE)
		return -ENOENT;
	del_arguments(arguments, undo);
	return 0;
}

static int route_replace_inverse(const struct model *model, const struct arguments *arguments,
				 struct arguments *undo)
{
	struct route_prefix prefix;
	uint32_t leaf = named(model, arguments, &prefix);

	if (leaf == LPM_NONE)
		del_arguments(arguments, undo);
	else
		route_to_arguments(model, COMMAND_ROUTE_REPLACE, &prefix, leaf, undo);
	return 0;
}

static int route_del_inverse(const struct model *model, const struct arguments *arguments,
			     struct arguments *undo)
{
	struct route_prefix prefix;
	uint32_t leaf = named(model, arguments, &prefix);

	if (leaf == LPM_NONE)
		return -ENOENT;
	route_to_arguments(model, COMMAND_ROUTE_ADD, &prefix, leaf, undo);
	return 0;
}

const struct handler route_add_handler = { route_add, route_add_inverse };
const struct handler route_replace_handler = { route_replace, route_replace_inverse };
const struct handler route_del_handler = { route_del, route_del_inverse };

void route_close(struct model *model)
{
	path_lists_close(model);
	fib_close(model);
}
