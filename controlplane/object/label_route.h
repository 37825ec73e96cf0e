/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label_route.h: a label route between its command and its word.
 */
#ifndef SHUNT_OBJECT_LABEL_ROUTE_H
#define SHUNT_OBJECT_LABEL_ROUTE_H

#include "model.h"

struct label_path {
	const struct path *given;
	/* labels that the path puts on in place of the incoming one, outermost first */
	uint32_t stack[2 * STACK_MAX];
	unsigned int count;
	uint32_t weight;
	struct nexthop_request request; /* filled by label_route_request */
};

struct label_route {
	unsigned int space;
	uint32_t label;
	enum label_operation operation;
	uint64_t word;      /* all of it but the reference to a nexthop or group */
	const char *bridge; /* POP_BRIDGE: its name; borrowed from the command */
	bool group;         /* several paths, or a weight */
	unsigned int count;
	struct label_path path[GROUP_MEMBER_MAX]; /* only the first `count` are filled */
};

/* Read a command and check everything that needs no model: operations, stacks, limits. */
int label_route_read(const struct arguments *arguments, struct label_route *route,
		     struct error *error);

/* Is it the incoming label of a pseudowire, which is not to be changed by itself? */
static inline bool label_is_pseudowire(uint64_t word)
{
	return label_operation(word) == LABEL_POP_BRIDGE &&
	       label_index(word) >= INTERFACE_FIRST_TUNNEL;
}

/* Refuse a label that has a route. */
int label_free(const struct model *model, unsigned int space, uint32_t label, struct error *error);
/* Give a free label a word that names no nexthop. */
int label_claim(struct model *model, unsigned int space, uint32_t label, uint64_t word,
		struct error *error);
/* ... and take it away. */
void label_drop(struct model *model, unsigned int space, uint32_t label);

/* What the nexthop of path `i` must be. */
void label_route_request(struct label_route *route, unsigned int i);

#endif
