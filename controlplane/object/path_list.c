/* SPDX-License-Identifier: BSD-3-Clause
 *
 * path_list.c: recursive routes: paths by addresses that only other routes lead to. A list is
 * resolved down to connected nexthops, with the labels of every route on the way, and its group has
 * those as members.
 */
#include <stdlib.h>
#include "route.h"

enum outcome { RESOLVED, NOTHING, LOOP, TOO_DEEP, TOO_MANY_LABELS, TOO_MANY_HOPS };

#define WHOLE (1ull << 32) /* share of all traffic */

struct hop {
	struct nexthop_key key;
	uint64_t share;
};

struct resolution {
	struct model *model;
	const struct route_change *change; /* NULL: none */
	enum outcome outcome;
	const uint8_t *at; /* the `via` that it is about */
	unsigned int depth;
	const struct path_list *way[RECURSION_MAX + 1]; /* lists on the way here */
	unsigned int count;
	struct hop hop[GROUP_MEMBER_MAX];
};

/* What a list puts on below the labels of the route that leads on. */
struct inner {
	uint32_t label[STACK_MAX];
	unsigned int count;
	bool entropy;
};

/* ---------------------------------------------------------------- hops */

static void add_hop(struct resolution *resolution, const struct nexthop_key *key, uint64_t share)
{
	for (unsigned int i = 0; i < resolution->count; i++) {
		if (memcmp(&resolution->hop[i].key, key, sizeof(*key)) != 0)
			continue;
		resolution->hop[i].share += share;
		return;
	}
	if (resolution->count == GROUP_MEMBER_MAX) {
		resolution->outcome = TOO_MANY_HOPS;
		return;
	}
	resolution->hop[resolution->count++] = (struct hop){ *key, share };
}

static void add_nowhere(struct resolution *resolution, enum nexthop_kind kind, uint64_t share)
{
	struct nexthop_key key;

	nexthop_key_nowhere(kind, &key);
	add_hop(resolution, &key, share);
}

static void fail(struct resolution *resolution, enum outcome outcome, const uint8_t *via)
{
	if (resolution->outcome != RESOLVED)
		return;
	resolution->outcome = outcome;
	resolution->at = via;
}

/* The nexthop with the inner labels below its own. */
static void add_nexthop(struct resolution *resolution, struct nexthop_key key,
			const struct inner *inner, uint64_t share)
{
	bool entropy = inner->entropy || (key.flags & REWRITE_ENTROPY) != 0;
	unsigned int count = key.label_count + inner->count;

	if (count + (entropy ? 2u : 0u) > STACK_MAX) {
		fail(resolution, TOO_MANY_LABELS, key.via);
		add_nowhere(resolution, NEXTHOP_UNRESOLVED, share);
		return;
	}
	memcpy(key.label + key.label_count, inner->label, inner->count * sizeof(key.label[0]));
	key.label_count = (uint8_t)count;
	key.flags |= entropy ? REWRITE_ENTROPY : 0;
	add_hop(resolution, &key, share);
}

/* ---------------------------------------------------------------- the way there */

/* The static route that is the longest match for an address once the change is made; *list is set
 * instead of a leaf if that is the changed route, and it has one. */
static uint32_t longest(const struct resolution *resolution, uint32_t vrf,
			const struct address *address, const struct path_list **list)
{
	const struct route_change *change = resolution->change;
	bool covers = change != NULL && route_prefix_covers(&change->prefix, vrf, address);
	uint32_t avoided = LPM_NONE; /* leads by tunnels that are down: for want of another */

	*list = NULL;
	for (int length = address_is_ipv4(address) ? 32 : 128; length >= 0; length--) {
		struct route_prefix prefix = route_prefix_of(vrf, address, (unsigned int)length);
		uint32_t leaf = fib_static(resolution->model, &prefix);
		if (covers && length == change->prefix.length) {
			*list = change->list;
			leaf = change->leaf;
		}
		if (leaf == LPM_NONE && *list == NULL)
			continue;
		if (*list != NULL || !leaf_avoided(resolution->model, leaf))
			return leaf;
		if (avoided == LPM_NONE)
			avoided = leaf;
	}
	return avoided;
}

static void resolve_list(struct resolution *resolution, const struct path_list *list,
			 const struct inner *inner, uint64_t share);

static void follow_group(struct resolution *resolution, const struct group_object *group,
			 const struct inner *inner, uint64_t share)
{
	const struct group_members *members = &group->members;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < members->count; i++)
		sum += members->member[i].weight;
	for (uint32_t i = 0; i < members->count; i++)
		add_nexthop(resolution, resolution->model->nexthop[members->member[i].nexthop]->key,
			    inner, share * members->member[i].weight / sum);
}

/* On by the route that leads to the address. */
static void follow(struct resolution *resolution, const struct nexthop_request *request,
		   const struct inner *inner, uint64_t share)
{
	const struct model *model = resolution->model;
	const struct address *via = (const struct address *)request->via;
	const struct address_object *own = address_own(model, (uint16_t)request->vrf, via);
	const struct path_list *list = NULL;
	uint32_t leaf = LPM_NONE;

	if (own == NULL || own->leaving)
		leaf = longest(resolution, request->vrf, via, &list);
	if (list == NULL)
		list = path_list_of(model, leaf);
	if (list != NULL) {
		resolve_list(resolution, list, inner, share);
	} else if (route_kind(leaf) == ROUTE_NEXTHOP) {
		add_nexthop(resolution, model->nexthop[route_index(leaf)]->key, inner, share);
	} else if (route_kind(leaf) == ROUTE_GROUP) {
		follow_group(resolution, model->group[route_index(leaf)], inner, share);
	} else if (route_kind(leaf) == ROUTE_BLACKHOLE) {
		add_nowhere(resolution, NEXTHOP_BLACKHOLE, share);
	} else {
		if (route_kind(leaf) != ROUTE_UNREACHABLE)
			fail(resolution, NOTHING, request->via);
		add_nowhere(resolution, NEXTHOP_UNRESOLVED, share);
	}
}

/* A node on the network of a tunnel that is down, to which some route leads as well. */
static bool leaves_tunnel(const struct resolution *resolution,
			  const struct nexthop_request *request, const struct nexthop_key *key)
{
	const struct interface_object *interface = resolution->model->interface[key->interface];
	const struct path_list *list;

	return tunnel_avoided(interface) && path_may_recurse(request) &&
	       (longest(resolution, request->vrf, (const struct address *)request->via, &list) !=
			LPM_NONE ||
		list != NULL);
}

static void resolve_path(struct resolution *resolution, const struct nexthop_request *request,
			 const struct inner *below, uint64_t share)
{
	struct inner inner = { .entropy = below->entropy || request->entropy };
	struct nexthop_key key;
	struct error error;

	if (request->label_count + below->count > STACK_MAX) {
		fail(resolution, TOO_MANY_LABELS, request->via);
		add_nowhere(resolution, NEXTHOP_UNRESOLVED, share);
		return;
	}
	int result = nexthop_resolve(resolution->model, request, "", &key, &error);
	if (result == 0 && !leaves_tunnel(resolution, request, &key)) {
		add_nexthop(resolution, key, below, share);
		return;
	}
	result = result == 0 ? -ENETUNREACH : result;
	if (result != -ENETUNREACH || !path_may_recurse(request)) {
		fail(resolution, NOTHING, request->via);
		add_nowhere(resolution, NEXTHOP_UNRESOLVED, share);
		return;
	}
	memcpy(inner.label, request->label, request->label_count * sizeof(inner.label[0]));
	memcpy(inner.label + request->label_count, below->label,
	       below->count * sizeof(inner.label[0]));
	inner.count = request->label_count + below->count;
	follow(resolution, request, &inner, share);
}

static bool on_the_way(const struct resolution *resolution, const struct path_list *list)
{
	for (unsigned int i = 0; i < resolution->depth; i++)
		if (resolution->way[i] == list)
			return true;
	return false;
}

static void resolve_list(struct resolution *resolution, const struct path_list *list,
			 const struct inner *inner, uint64_t share)
{
	bool loop = on_the_way(resolution, list);
	uint64_t sum = 0;

	if (loop || resolution->depth > RECURSION_MAX) {
		fail(resolution, loop ? LOOP : TOO_DEEP, list->path[0].request.via);
		add_nowhere(resolution, NEXTHOP_UNRESOLVED, share);
		return;
	}
	resolution->way[resolution->depth++] = list;
	for (uint32_t i = 0; i < list->count; i++)
		sum += list->path[i].weight;
	for (uint32_t i = 0; i < list->count && resolution->outcome != TOO_MANY_HOPS; i++)
		resolve_path(resolution, &list->path[i].request, inner,
			     share * list->path[i].weight / sum);
	resolution->depth--;
}

static void resolve(struct model *model, const struct path_list *list,
		    const struct route_change *change, struct resolution *resolution)
{
	static const struct inner none;

	resolution->model = model;
	resolution->change = change;
	resolution->outcome = RESOLVED;
	resolution->at = list->path[0].request.via;
	resolution->depth = 0;
	resolution->count = 0;
	resolve_list(resolution, list, &none, WHOLE);
}

/* ---------------------------------------------------------------- members */

enum { WEIGHTS_SUM_MAX = 4096 };

/* `share` of 2^32, in `sum` parts; `off` is how far it is from that, in parts of 2^32. */
static uint32_t parts(uint64_t share, uint64_t sum, uint64_t *off)
{
	uint64_t whole = share * sum + WHOLE / 2, rest = whole % WHOLE;

	*off = rest > WHOLE / 2 ? rest - WHOLE / 2 : WHOLE / 2 - rest;
	return (uint32_t)(whole / WHOLE);
}

/* The smallest weights that have the shares' relations, near enough for 256 buckets. */
static void set_weights(const struct resolution *resolution, struct group_members *members)
{
	uint64_t off, worst = WHOLE;

	for (uint64_t sum = 1; sum <= WEIGHTS_SUM_MAX && worst > WHOLE >> 16; sum++) {
		worst = 0;
		for (unsigned int i = 0; i < resolution->count; i++) {
			uint32_t weight = parts(resolution->hop[i].share, sum, &off);
			members->member[i].weight = weight != 0 ? weight : 1;
			worst = weight == 0 ? WHOLE : off > worst ? off : worst;
		}
	}
}

static void release_members(struct model *model, const struct group_members *members)
{
	for (uint32_t i = 0; i < members->count; i++)
		nexthop_release(model, model->nexthop[members->member[i].nexthop]);
}

/* References on what was found. */
static int acquire_members(struct model *model, const struct resolution *resolution,
			   struct group_members *members)
{
	memset(members, 0, sizeof(*members));
	for (unsigned int i = 0; i < resolution->count; i++) {
		struct nexthop_object *nexthop;
		int result = nexthop_acquire_key(model, &resolution->hop[i].key, &nexthop);
		if (result != 0) {
			release_members(model, members);
			return result;
		}
		members->member[i].nexthop = nexthop->index;
		members->count++;
	}
	set_weights(resolution, members);
	return 0;
}

static int apply(struct model *model, struct path_list *list, const struct resolution *resolution)
{
	struct group_members members;
	int result = acquire_members(model, resolution, &members);

	if (result != 0)
		return result;
	list->dead = resolution->outcome != RESOLVED;
	if (list->group == NULL) {
		result = group_own(model, &members, list, &list->group);
	} else if (memcmp(&list->group->members, &members, sizeof(members)) == 0) {
		release_members(model, &members);
	} else {
		result = group_change(model, list->group, &members);
		underlay_mark_listed(model);
	}
	if (result != 0)
		release_members(model, &members);
	return result;
}

bool path_may_recurse(const struct nexthop_request *request)
{
	return request->has_via && request->dev[0] == 0 && !request->has_backup &&
	       !address_is_link_local((const struct address *)request->via);
}

/* ---------------------------------------------------------------- lists */

static bool give_number(struct model *model, struct path_list *list)
{
	struct path_list **larger =
		realloc(model->list_number, (model->list_numbers + 1) * sizeof(*larger));

	if (larger == NULL || GROUP_MAX + model->list_numbers > ROUTE_INDEX_MASK)
		return false;
	model->list_number = larger;
	list->number = model->list_numbers++;
	larger[list->number] = list;
	return true;
}

struct path_list *path_list_acquire(struct model *model, const struct list_path *path,
				    unsigned int count)
{
	size_t size = count * sizeof(*path);
	struct path_list *list;

	HASH_FIND(hh, model->path_lists, path, size, list);
	if (list != NULL) {
		list->references++;
		return list;
	}
	list = calloc(1, sizeof(*list) + size);
	if (list == NULL)
		return NULL;
	list->references = 1;
	list->count = count;
	memcpy(list->path, path, size);
	if ((!model->routes_live && !give_number(model, list)) || !path_vias_index(model, list)) {
		free(list);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, model->path_lists, list->path, size, list);
	return list;
}

void path_list_release(struct model *model, struct path_list *list)
{
	if (--list->references > 0)
		return;
	HASH_DEL(model->path_lists, list);
	path_vias_forget(model, list, list->count);
	if (!model->routes_live)
		model->list_number[list->number] = NULL;
	if (list->group != NULL)
		group_release(model, list->group);
	free(list);
}

struct path_list *path_list_of(const struct model *model, uint32_t leaf)
{
	uint32_t index = route_index(leaf);

	if (route_kind(leaf) != ROUTE_GROUP)
		return NULL;
	return index >= GROUP_MAX ? model->list_number[index - GROUP_MAX]
				  : model->group[index]->list;
}

uint32_t path_list_leaf(const struct path_list *list)
{
	return route_leaf(ROUTE_GROUP,
			  list->group != NULL ? list->group->index : GROUP_MAX + list->number);
}

/* ---------------------------------------------------------------- checks */

static int refuse_outcome(const struct resolution *resolution, struct error *error)
{
	char via[46];

	address_format((const struct address *)resolution->at, via);
	switch (resolution->outcome) {
	case NOTHING:
		return refuse(error, -ENETUNREACH,
			      "nexthop %s is on no connected network, and no route leads to it",
			      via);
	case LOOP:
		return refuse(error, -ELOOP, "nexthop %s leads back to itself", via);
	case TOO_DEEP:
		return refuse(error, -ELOOP,
			      "nexthop %s is behind more than %d routes, each by the next", via,
			      RECURSION_MAX);
	case TOO_MANY_LABELS:
		return refuse(
			error, -EINVAL,
			"nexthop %s: with the labels of the routes that lead on, more than %d "
			"are put on",
			via, STACK_MAX);
	case TOO_MANY_HOPS:
		return refuse(error, -EINVAL,
			      "nexthop %s: with the paths of the routes that lead on, more than %d "
			      "share the traffic",
			      via, GROUP_MEMBER_MAX);
	case RESOLVED:
		break;
	}
	return 0;
}

int path_list_check(struct model *model, const struct path_list *list,
		    const struct route_change *change, struct error *error)
{
	struct resolution resolution;

	resolve(model, list, change, &resolution);
	return refuse_outcome(&resolution, error);
}

int path_list_begin(struct model *model, struct path_list *list, const struct route_change *change)
{
	struct resolution resolution;

	resolve(model, list, change, &resolution);
	return when_full_again(model, apply(model, list, &resolution));
}

/* Those that lead nowhere already may go on doing so; and a route that is taken away may leave
 * others without a way. */
int path_lists_check(struct model *model, const struct route_change *change, struct error *error)
{
	struct resolution resolution;

	for (const struct path_list *list = model->path_lists; list != NULL; list = list->hh.next) {
		if (list->dead || list->group == NULL)
			continue;
		resolve(model, list, change, &resolution);
		if (resolution.outcome != RESOLVED)
			return refuse_outcome(&resolution, error);
	}
	return 0;
}

/* ---------------------------------------------------------------- changes */

void route_refresh(struct model *model)
{
	struct resolution resolution;

	if (!model->routes_live)
		return;
	for (struct path_list *list = model->path_lists; list != NULL; list = list->hh.next) {
		resolve(model, list, NULL, &resolution);
		if (when_full_again(model, apply(model, list, &resolution)) != 0)
			model->routes_dirty = true;
	}
}

void route_refresh_dirty(struct model *model)
{
	model->routes_dirty = false;
	fib_retry(model);
	route_refresh(model);
}

static uint32_t settled_leaf(const struct model *model, uint32_t leaf)
{
	const struct path_list *list = path_list_of(model, leaf);

	if (list == NULL)
		return leaf;
	return list->group != NULL ? path_list_leaf(list) : LPM_NONE;
}

void route_settle(struct model *model)
{
	struct path_list *list, *next;

	HASH_ITER(hh, model->path_lists, list, next)
	{
		char via[46];
		address_format((const struct address *)list->path[0].request.via, via);
		if (path_list_begin(model, list, NULL) != 0)
			model_complain(model, "routes by %s: not in the tables: no memory", via);
		else if (list->dead)
			model_complain(model, "routes by %s: nothing leads there", via);
	}
	if (model->path_lists != NULL)
		fib_static_map(model, settled_leaf);
	fib_publish(model);
	free(model->list_number);
	model->list_number = NULL;
	HASH_ITER(hh, model->path_lists, list, next)
	{
		if (list->group != NULL)
			continue;
		list->references = 1; /* its routes are gone */
		path_list_release(model, list);
	}
}

void path_lists_close(struct model *model)
{
	struct path_list *list, *next;

	HASH_ITER(hh, model->path_lists, list, next)
	{
		HASH_DEL(model->path_lists, list);
		free(list);
	}
	free(model->list_number);
	free(model->vias);
}
