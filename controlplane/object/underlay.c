/* SPDX-License-Identifier: BSD-3-Clause
 *
 * underlay.c: the ways to tunnels' remote ends, by the routes of their outer VRFs, and how they
 * follow when these change.
 */
#include <stdlib.h>
#include "tunnel.h"

enum {
	FOLLOW_ROUNDS = 8,                   /* changes that bring about each other */
	VISITS_MAX = 4096,                   /* nexthops that a search for a loop looks at */
	NEXTHOPS_MAX = 2 * GROUP_MEMBER_MAX, /* of a leaf, backups included */
};

/* ---------------------------------------------------------------- order */

static int compare(const struct underlay *a, const struct underlay *b)
{
	bool a_ipv4 = tunnel_is_ipv4(a->place.address), b_ipv4 = tunnel_is_ipv4(b->place.address);

	if (a->place.vrf != b->place.vrf)
		return a->place.vrf < b->place.vrf ? -1 : 1;
	/* a prefix of one family must find those of its family side by side */
	if (a_ipv4 != b_ipv4)
		return a_ipv4 ? -1 : 1;
	return memcmp(a->place.address, b->place.address, sizeof(a->place.address));
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
RB_GENERATE_INTERNAL(underlay_tree, underlay, tree, compare, static)
#pragma GCC diagnostic pop

/* The first in a prefix; NULL: none. */
static struct underlay *first_in(const struct model *model, const struct route_prefix *prefix)
{
	struct underlay from = { .place.vrf = prefix->vrf };

	route_prefix_address(prefix, (struct address *)from.place.address);
	return RB_NFIND(underlay_tree, (struct underlay_tree *)&model->underlays, &from);
}

static bool is_in(const struct route_prefix *prefix, const struct underlay *underlay)
{
	return route_prefix_covers(prefix, underlay->place.vrf,
				   (const struct address *)underlay->place.address);
}

#define FOREACH_IN(model, prefix, u)                                                               \
	for ((u) = first_in(model, prefix); (u) != NULL && is_in(prefix, u);                       \
	     (u) = RB_NEXT(underlay_tree, &(model)->underlays, u))

/* ---------------------------------------------------------------- marks */

void underlay_mark_one(struct model *model, struct underlay *underlay)
{
	if (underlay->dirty)
		return;
	underlay->dirty = true;
	DL_APPEND2(model->underlays_dirty, underlay, dirty_prev, dirty_next);
}

static void unmark(struct model *model, struct underlay *underlay)
{
	if (underlay->dirty)
		DL_DELETE2(model->underlays_dirty, underlay, dirty_prev, dirty_next);
	underlay->dirty = false;
}

void underlay_mark(struct model *model, const struct route_prefix *prefix)
{
	struct underlay *underlay;

	if (RB_EMPTY(&model->underlays))
		return;
	FOREACH_IN(model, prefix, underlay)
	underlay_mark_one(model, underlay);
}

void underlay_mark_all(struct model *model)
{
	struct underlay *underlay;

	pseudowires_mtu_changed(model);
	RB_FOREACH(underlay, underlay_tree, &model->underlays)
	underlay_mark_one(model, underlay);
}

void underlay_mark_listed(struct model *model)
{
	struct underlay *underlay;

	DL_FOREACH2(model->underlays_listed, underlay, list_next)
	underlay_mark_one(model, underlay);
}

void underlay_mark_nested(struct model *model)
{
	struct underlay *underlay;

	DL_FOREACH2(model->underlays_nested, underlay, nested_next)
	underlay_mark_one(model, underlay);
}

/* ---------------------------------------------------------------- what a leaf leads to */

static unsigned int with_backup(const struct nexthop_object *nexthop,
				const struct nexthop_object *list[], unsigned int count)
{
	if (nexthop == NULL)
		return count;
	list[count++] = nexthop;
	if (nexthop->backup != NULL)
		list[count++] = nexthop->backup;
	return count;
}

static unsigned int nexthops_of(const struct model *model, uint32_t leaf,
				const struct nexthop_object *list[NEXTHOPS_MAX])
{
	unsigned int count = 0;
	uint32_t index = route_index(leaf);

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		return with_backup(model->nexthop[index], list, 0);
	if (route_kind(leaf) != ROUTE_GROUP || index >= GROUP_MAX || model->group[index] == NULL)
		return 0;
	const struct group_members *members = &model->group[index]->members;
	for (uint32_t i = 0; i < members->count; i++)
		count = with_backup(model->nexthop[members->member[i].nexthop], list, count);
	return count;
}

static const struct tunnel_object *tunnel_below(const struct nexthop_object *nexthop)
{
	return nexthop->interface != NULL ? nexthop->interface->tunnel : NULL;
}

/* Does the leaf lead through a tunnel of `target`, or through too many? `layers` are in use. */
static bool reaches(const struct model *model, uint32_t leaf, const struct underlay *target,
		    unsigned int layers, unsigned int *visits)
{
	const struct nexthop_object *list[NEXTHOPS_MAX];
	unsigned int count = nexthops_of(model, leaf, list);

	for (unsigned int i = 0; i < count; i++) {
		const struct tunnel_object *tunnel = tunnel_below(list[i]);
		if (tunnel == NULL || tunnel->underlay == NULL)
			continue;
		if (tunnel->underlay == target || layers == TUNNEL_LAYERS_MAX ||
		    ++*visits > VISITS_MAX ||
		    reaches(model, tunnel->underlay->leaf, target, layers + 1, visits))
			return true;
	}
	return false;
}

bool leaf_avoided(const struct model *model, uint32_t leaf)
{
	const struct nexthop_object *list[NEXTHOPS_MAX];
	unsigned int count = nexthops_of(model, leaf, list);

	for (unsigned int i = 0; i < count; i++)
		if (list[i]->interface == NULL || !tunnel_avoided(list[i]->interface))
			return false;
	return count > 0;
}

/* ---------------------------------------------------------------- looking one up */

/* Is the remote end on a network of the interface that stays? */
static bool on_link(const struct interface_object *interface, const struct address *address)
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (!object->leaving && prefix_contains(&object->address, object->length, address))
		return true;
	return false;
}

static uint32_t look_up(const struct model *model, const struct tunnel_place *place)
{
	bool ipv4 = tunnel_is_ipv4(place->address);

	return lpm_lookup(
		model->tables,
		&model->tables->route_root[place->vrf % VRF_MAX][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
		place->address + (ipv4 ? 12 : 0));
}

/* The interface on whose link a system's leaf says that the remote end is, or NULL. */
static const struct interface_object *link_of(const struct model *model, uint32_t leaf)
{
	uint32_t index = route_index(leaf);

	if (route_kind(leaf) == ROUTE_GLEAN)
		return index < INTERFACE_MAX ? model->interface[index] : NULL;
	return model->nexthop[index] != NULL ? model->nexthop[index]->interface : NULL;
}

static int take_nexthop(struct model *model, const struct underlay *underlay,
			const struct interface_object *interface, uint32_t *leaf)
{
	struct nexthop_key key = { .interface = interface->index };
	struct nexthop_object *nexthop;

	/* into a tunnel, nobody is asked for an address */
	if (interface->tunnel == NULL)
		memcpy(key.via, underlay->place.address, sizeof(key.via));
	else
		key.flags = REWRITE_DEV_GIVEN;
	int result = nexthop_acquire_key(model, &key, &nexthop);
	if (result != 0)
		return result;
	nexthop_refresh(model, nexthop);
	*leaf = route_leaf(ROUTE_NEXTHOP, nexthop->index);
	return 0;
}

/* The leaf by which packets go there, with a reference on what it names; LPM_NONE: none. */
static int take_leaf(struct model *model, const struct underlay *underlay, uint32_t *leaf,
		     struct path_list **list, enum tunnel_trouble *trouble)
{
	uint32_t found = look_up(model, &underlay->place), index = route_index(found);
	const struct address *remote = (const struct address *)underlay->place.address;
	enum route_kind kind = route_kind(found);

	*leaf = LPM_NONE;
	*list = NULL;
	*trouble = kind == ROUTE_LOCAL ? TUNNEL_OWN : TUNNEL_NO_ROUTE;
	if (found & ROUTE_SYSTEM && (kind == ROUTE_GLEAN || kind == ROUTE_NEXTHOP)) {
		const struct interface_object *interface = link_of(model, found);
		if (interface == NULL || !on_link(interface, remote))
			return 0;
		return take_nexthop(model, underlay, interface, leaf);
	}
	if (kind == ROUTE_NEXTHOP) {
		model->nexthop[index]->references++;
	} else if (kind == ROUTE_GROUP) {
		*list = path_list_of(model, found);
		if (*list != NULL)
			(*list)->references++;
		else
			model->group[index]->references++;
	} else {
		return 0;
	}
	*leaf = route_leaf(kind, index);
	return 0;
}

static void release_leaf(struct model *model, uint32_t leaf, struct path_list *list)
{
	if (list != NULL)
		path_list_release(model, list);
	else if (route_kind(leaf) == ROUTE_NEXTHOP)
		nexthop_release(model, model->nexthop[route_index(leaf)]);
	else if (route_kind(leaf) == ROUTE_GROUP)
		group_release(model, model->group[route_index(leaf)]);
}

static void set_list(struct model *model, struct underlay *underlay, struct path_list *list)
{
	if (underlay->list != NULL)
		DL_DELETE2(model->underlays_listed, underlay, list_prev, list_next);
	underlay->list = list;
	if (list != NULL)
		DL_APPEND2(model->underlays_listed, underlay, list_prev, list_next);
}

static void set_nested(struct model *model, struct underlay *underlay, bool nested)
{
	if (underlay->nested == nested)
		return;
	underlay->nested = nested;
	if (nested)
		DL_APPEND2(model->underlays_nested, underlay, nested_prev, nested_next);
	else
		DL_DELETE2(model->underlays_nested, underlay, nested_prev, nested_next);
}

/* What may go by this nexthop below the labels that it puts on (RFC 6790: an entropy pair too). */
static unsigned int room_by(const struct nexthop_object *nexthop)
{
	unsigned int labels =
		nexthop->key.label_count + (nexthop->key.flags & REWRITE_ENTROPY ? 2u : 0u);
	unsigned int mtu = interface_mtu(nexthop->interface);

	return mtu > labels * 4 ? mtu - labels * 4 : 0;
}

/* MTU, whether it leads by tunnels, and what is in the way. */
static void judge(struct model *model, struct underlay *underlay, enum tunnel_trouble trouble)
{
	const struct nexthop_object *list[NEXTHOPS_MAX];
	unsigned int count = nexthops_of(model, underlay->leaf, list), visits = 0;
	bool nested = false, usable = false;
	uint16_t mtu = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (list[i]->interface == NULL)
			continue;
		unsigned int room = room_by(list[i]);
		bool tunnel = list[i]->interface->tunnel != NULL;
		if (mtu == 0 || room < mtu)
			mtu = (uint16_t)room;
		nested |= tunnel;
		usable |= !tunnel || tunnel_usable(list[i]->interface);
	}
	set_nested(model, underlay, nested);
	underlay->mtu = mtu;
	if (usable || nested)
		trouble = usable ? TUNNEL_FINE : TUNNEL_BY_DOWN;
	if (nested && reaches(model, underlay->leaf, underlay, 1, &visits))
		trouble = TUNNEL_RECURSIVE;
	underlay->trouble = trouble;
}

/* 0: nothing changed; 1: something did; negative errno: to be tried again. */
static int update(struct model *model, struct underlay *underlay)
{
	uint32_t leaf = underlay->leaf, found;
	enum tunnel_trouble trouble = underlay->trouble, found_trouble;
	struct path_list *found_list;
	uint16_t mtu = underlay->mtu;
	int result = take_leaf(model, underlay, &found, &found_list, &found_trouble);

	underlay->leaf = found;
	set_list(model, underlay, found_list);
	judge(model, underlay, found_trouble);
	if (leaf != underlay->leaf || trouble != underlay->trouble || mtu != underlay->mtu)
		result = result != 0 ? result : 1;
	return result;
}

/* ---------------------------------------------------------------- following */

struct round {
	bool changed; /* some way */
	bool usable;  /* some tunnel became usable or unusable */
};

static void evaluate_tunnels(struct model *model, struct underlay *underlay, struct round *round)
{
	struct tunnel_object *tunnel;

	DL_FOREACH2(underlay->tunnels, tunnel, under_next)
	round->usable |= tunnel_evaluate(model, tunnel);
}

/* What was left behind is not referred to before the tunnels have their new words. */
static bool follow_one(struct model *model, struct underlay *underlay, struct round *round)
{
	uint32_t leaf = underlay->leaf;
	struct path_list *list = underlay->list;
	int result = update(model, underlay);

	if (result != 0) {
		round->changed = true;
		evaluate_tunnels(model, underlay, round);
	}
	release_leaf(model, leaf, list);
	return result >= 0;
}

/* Those that did not come to rest are held: a change of routes marks them again. */
static void hold(struct model *model)
{
	struct underlay *underlay, *next;
	struct round round = { false, false };

	DL_FOREACH_SAFE2(model->underlays_dirty, underlay, next, dirty_next)
	{
		unmark(model, underlay);
		underlay->trouble = TUNNEL_RECURSIVE;
		evaluate_tunnels(model, underlay, &round);
	}
}

void underlay_follow(struct model *model)
{
	struct underlay *again = NULL, *underlay, *next;

	if (!model->routes_live || model->underlays_dirty == NULL)
		return;
	for (unsigned int i = 0; i < FOLLOW_ROUNDS && model->underlays_dirty != NULL; i++) {
		struct underlay *now = model->underlays_dirty;
		struct round round = { false, false };
		model->underlays_dirty = NULL;
		DL_FOREACH_SAFE2(now, underlay, next, dirty_next)
		{
			DL_DELETE2(now, underlay, dirty_prev, dirty_next);
			underlay->dirty = false;
			if (follow_one(model, underlay, &round))
				continue;
			underlay->dirty = true;
			DL_APPEND2(again, underlay, dirty_prev, dirty_next);
		}
		if (round.usable)
			route_refresh(model);
		if (round.changed || round.usable)
			underlay_mark_nested(model);
	}
	if (model->underlays_dirty != NULL)
		hold(model);
	/* no memory now: from model_poll */
	DL_CONCAT2(model->underlays_dirty, again, dirty_prev, dirty_next);
}

/* ---------------------------------------------------------------- life */

struct underlay *underlay_acquire(struct model *model, const struct tunnel_object *tunnel)
{
	struct underlay wanted = { .place.vrf = tunnel->settings.wire.vrf };

	memcpy(wanted.place.address, tunnel->settings.wire.remote, sizeof(wanted.place.address));
	struct underlay *underlay = RB_FIND(underlay_tree, &model->underlays, &wanted);
	if (underlay != NULL)
		return underlay;
	underlay = calloc(1, sizeof(*underlay));
	if (underlay == NULL)
		return NULL;
	underlay->place = wanted.place;
	underlay->leaf = LPM_NONE;
	RB_INSERT(underlay_tree, &model->underlays, underlay);
	underlay_mark_one(model, underlay);
	return underlay;
}

void underlay_release(struct model *model, struct underlay *underlay)
{
	struct path_list *list = underlay->list;

	if (underlay->tunnels != NULL)
		return;
	unmark(model, underlay);
	set_list(model, underlay, NULL);
	set_nested(model, underlay, false);
	release_leaf(model, underlay->leaf, list);
	RB_REMOVE(underlay_tree, &model->underlays, underlay);
	free(underlay);
}

void underlays_close(struct model *model)
{
	struct underlay *underlay;

	while ((underlay = RB_MIN(underlay_tree, &model->underlays)) != NULL) {
		RB_REMOVE(underlay_tree, &model->underlays, underlay);
		free(underlay);
	}
}

/* ---------------------------------------------------------------- checks */

/* Is the prefix what the address is routed by? */
static bool is_longest(const struct model *model, const struct underlay *underlay,
		       const struct route_prefix *prefix, uint32_t leaf)
{
	const struct address *address = (const struct address *)underlay->place.address;
	unsigned int length = address_is_ipv4(address) ? 32 : 128;

	for (; length > prefix->length; length--) {
		struct route_prefix longer = route_prefix_of(prefix->vrf, address, length);
		if (fib_get(model, &longer) != LPM_NONE)
			return false;
	}
	return leaf & ROUTE_SYSTEM || !fib_hides_static(model, prefix);
}

static bool leads_by_tunnel(const struct model *model, uint32_t leaf)
{
	const struct nexthop_object *list[NEXTHOPS_MAX];
	unsigned int count = nexthops_of(model, leaf, list);

	for (unsigned int i = 0; i < count; i++)
		if (tunnel_below(list[i]) != NULL)
			return true;
	return false;
}

int underlay_check(const struct model *model, const struct route_prefix *prefix, uint32_t leaf,
		   struct error *error)
{
	struct underlay *underlay;
	char remote[46], text[52];

	if (!model->routes_live || RB_EMPTY(&model->underlays) || !leads_by_tunnel(model, leaf))
		return 0;
	FOREACH_IN((struct model *)model, prefix, underlay)
	{
		unsigned int visits = 0;
		if (!is_longest(model, underlay, prefix, leaf) ||
		    !reaches(model, leaf, underlay, 1, &visits))
			continue;
		address_format((const struct address *)underlay->place.address, remote);
		route_prefix_format(prefix, text);
		return refuse(error, -ELOOP,
			      "leads tunnel %s into itself: its remote end %s is in %s",
			      underlay->tunnels->interface->name, remote, text);
	}
	return 0;
}
