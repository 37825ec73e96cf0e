/* SPDX-License-Identifier: BSD-3-Clause
 *
 * route.h: routes, for the files route*.c, fib.c and path_list.c.
 *
 * A static route has no private copy: its leaf value in the trie is the model, as a label's word
 * is. A leaf names a nexthop or group that routes and labels share; or, where some path leads to an
 * address that only other routes lead to, the group of a path list: what was asked for, and beside
 * it what it leads to at the moment. When that changes, the group's members do, by a store a
 * bucket, and no leaf: a million routes by one node move at once.
 *
 * On one prefix the system's own entries (addresses, networks, neighbours) go before a static
 * route, whose leaf then waits among the shadows.
 */
#ifndef SHUNT_OBJECT_ROUTE_H
#define SHUNT_OBJECT_ROUTE_H

#include "dataplane/shm/lpm.h"
#include "model.h"

enum { RECURSION_MAX = 8 /* routes on the way to a connected nexthop */ };

struct route_prefix { /* no padding: a key */
	uint16_t vrf;
	uint8_t family;    /* enum route_family */
	uint8_t length;    /* bits of its own family */
	uint8_t bytes[16]; /* IPv4: the first four */
};
static_assert(sizeof(struct route_prefix) == 20, "route_prefix has no padding");

/* ---- fib.c: leaf values by prefix ---- */

/* `address` may have host bits: they are cleared. */
struct route_prefix route_prefix_of(uint32_t vrf, const struct address *address,
				    unsigned int length);
void route_prefix_address(const struct route_prefix *prefix, struct address *address);
/* Is the address in it? */
bool route_prefix_covers(const struct route_prefix *prefix, uint32_t vrf,
			 const struct address *address);
void route_prefix_format(const struct route_prefix *prefix, char text[52]);

/* What packets get, of whatever kind; LPM_NONE. */
uint32_t fib_get(const struct model *model, const struct route_prefix *prefix);
/* The static route's leaf, be it in the shadow or not; LPM_NONE. */
uint32_t fib_static(const struct model *model, const struct route_prefix *prefix);
/* Does the system's entry there go before a static route? */
bool fib_hides_static(const struct model *model, const struct route_prefix *prefix);
/* -ENOSPC: nothing changed. */
int fib_static_set(struct model *model, const struct route_prefix *prefix, uint32_t leaf);
void fib_static_clear(struct model *model, const struct route_prefix *prefix);
/* Is there a static route behind the system's entry? Its leaf; LPM_NONE. */
uint32_t fib_shadow(const struct model *model, const struct route_prefix *prefix);
/* Every entry of a table, in order; as lpm_walk. */
int fib_walk(const struct model *model, unsigned int vrf, unsigned int family,
	     int (*visit)(void *context, const struct route_prefix *prefix, uint32_t leaf),
	     void *context);
/* Put in for each static leaf what `map` makes of it; LPM_NONE: the route goes. Never fails. */
void fib_static_map(struct model *model, uint32_t (*map)(const struct model *model, uint32_t leaf));
/* All tables answer from now on. */
void fib_publish(struct model *model);
void fib_retry(struct model *model);
void fib_close(struct model *model);

/* ---- path_list.c: recursive routes ---- */

struct list_path { /* cleared before it is filled: part of a key */
	struct nexthop_request request;
	uint32_t weight;
	uint32_t weight_given;
};

struct path_list {
	uint32_t references;        /* routes */
	uint32_t number;            /* replay */
	bool dead;                  /* it led nowhere when last looked at */
	struct group_object *group; /* NULL during replay */
	UT_hash_handle hh;          /* model->path_lists, by path[] */
	uint32_t count;
	struct list_path path[];
};

/* A change of one route that has not been made yet. */
struct route_change {
	struct route_prefix prefix;
	struct path_list *list; /* that it will have, or NULL: */
	uint32_t leaf;
};

/* May this path lead by other routes? */
bool path_may_recurse(const struct nexthop_request *request);
/* The shared list with these paths, with one more reference. NULL: no memory. */
struct path_list *path_list_acquire(struct model *model, const struct list_path *path,
				    unsigned int count);
void path_list_release(struct model *model, struct path_list *list);
/* The list behind a leaf, or NULL. */
struct path_list *path_list_of(const struct model *model, uint32_t leaf);
/* The leaf of a route by this list. */
uint32_t path_list_leaf(const struct path_list *list);
/* Would the list lead somewhere once the change is made? Refuses if not. */
int path_list_check(struct model *model, const struct path_list *list,
		    const struct route_change *change, struct error *error);
/* Give a new list its group, as of after the change. -ENOSPC, -ENOMEM. */
int path_list_begin(struct model *model, struct path_list *list, const struct route_change *change);
/* Refuse a change that would make other recursive routes a loop or too deep. */
int path_lists_check(struct model *model, const struct route_change *change, struct error *error);
void path_lists_close(struct model *model);

/* ---- path_vias.c ---- */

/* Does some recursive route look for an address of this prefix? */
bool path_lists_look_at(const struct model *model, const struct route_prefix *prefix);
/* Remember what a list looks for. False: no memory, nothing changed. */
bool path_vias_index(struct model *model, const struct path_list *list);
/* Forget what its first `count` paths look for. */
void path_vias_forget(struct model *model, const struct path_list *list, uint32_t count);

/* ---- route_write.c ---- */

/* The leaf's words in a command of `id`. */
void route_to_arguments(const struct model *model, enum command_id id,
			const struct route_prefix *prefix, uint32_t leaf,
			struct arguments *arguments);

#endif
