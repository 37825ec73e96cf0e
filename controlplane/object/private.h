/* SPDX-License-Identifier: BSD-3-Clause
 *
 * private.h: what the views ask of the control plane's memory, when they run inside it.
 *
 * The views are linked into the CLI as well, which has no model, so they reach it through this
 * table: it is the first member of struct model.
 */
#ifndef SHUNT_OBJECT_PRIVATE_H
#define SHUNT_OBJECT_PRIVATE_H

#include <jansson.h>
#include "controlplane/api/command.h"
#include "dataplane/shm/heap.h"

struct model;
struct filter_prefix;
struct snoop_counters;

/* One line of `route show`. */
struct route_row {
	struct address address;
	unsigned int length; /* bits of its own family */
	unsigned int vrf;
	uint32_t leaf;
	bool hidden; /* another entry of the same prefix answers */
};

/* Which ones. */
struct route_range {
	unsigned int first_vrf, end_vrf;
	const struct address *from; /* NULL: from the beginning of the first VRF */
	unsigned int from_length;
	bool one; /* the prefix `from` alone */
};
struct neighbour_key;

/* What the tables do not say of a tunnel. */
struct tunnel_status {
	const char *reason;                           /* why it is down, or "" */
	uint64_t changed;                             /* seconds since it came up or went down */
	uint64_t keepalive;                           /* ns between two; 0: none */
	uint64_t retries, sent, answered, unanswered; /* unanswered: since the last answer */
};

/* Addresses that a bridge's port learned. */
struct learning_status {
	uint32_t learned, limit; /* limit 0: none */
	uint64_t limited;        /* times that one was not learned for the limit */
};

struct model_private {
	/* interface addresses as JSON: [{ prefix, dev, state }] */
	json_t *(*addresses)(const struct model *model);
	void (*heap)(const struct model *model, struct heap_statistics *statistics);
	/* entries of the route tables of all VRFs, the system's among them, by family */
	void (*route_counts)(const struct model *model, uint64_t count[ROUTE_FAMILIES]);
	/* one nexthop's references (labels, groups, primaries); 0: none */
	uint32_t (*references)(const struct model *model, uint32_t nexthop);
	/* what the protocols counted: [{ counter, count }] */
	json_t *(*protocols)(const struct model *model);
	/* frames taken out of the punt rings, by reason */
	uint64_t (*punted)(const struct model *model, unsigned int reason);
	/* a neighbour's state ("permanent", "reachable" ...) and the seconds since it was heard of;
	 * NULL: there is none */
	const char *(*neighbour)(const struct model *model, const struct neighbour_key *key,
				 uint64_t *age);
	/* neighbours that are asked for and not in the tables: visited one by one */
	void (*unknown_neighbours)(const struct model *model,
				   void (*visit)(void *context, const struct neighbour_key *key),
				   void *context);
	/* routes in the order of VRF, family, address and length; `visit` returns non-zero to stop */
	void (*routes)(const struct model *model, const struct route_range *range,
		       int (*visit)(void *context, const struct route_row *row), void *context);
	/* filter lists, or one with at most `count` of its prefixes: [{ name, size, prefixes }] */
	json_t *(*filter_lists)(const struct model *model, const char *name,
				const struct filter_prefix *from, uint64_t count);
	/* what happened lately, as event_list says */
	json_t *(*events)(const struct model *model, uint64_t from, uint64_t count,
			  enum event_kind kind);
	/* how many there were since the process began, by kind */
	const uint64_t *(*event_counts)(const struct model *model);
	/* of a bridge's port by its row; false: there is none */
	bool (*learning)(const struct model *model, uint32_t interface,
			 struct learning_status *status);
	/* memberships and router ports of bridges: `bridge groups|routers show`; only: one bridge. routed: of routed
	 * interfaces, `multicast groups show`; only: one of them */
	json_t *(*groups)(const struct model *model, const char *only, bool routed);
	json_t *(*routers)(const struct model *model, const char *only);
	/* `bridge snooping show`; routed: `multicast querier show` */
	json_t *(*snooping)(const struct model *model, const char *only, bool routed);
	/* what snooping counted at each bridge, in all VLANs that it has or had; at each routed interface */
	void (*bridge_counters)(const struct model *model,
				void (*see)(void *context, const char *name,
					    const struct snoop_counters *counters),
				void *context);
	void (*port_counters)(const struct model *model,
			      void (*see)(void *context, const char *name,
					  const struct snoop_counters *counters),
			      void *context);
	/* the paths that were asked for, of a recursive route: a new reference; else NULL */
	json_t *(*route_paths)(const struct model *model, uint32_t leaf);
	/* packets a second that were dropped lately; negative: not known yet */
	double (*drop_rate)(const struct model *model, uint32_t interface, unsigned int reason);
	/* a tunnel by its row; false: there is none */
	bool (*tunnel)(const struct model *model, uint32_t interface, struct tunnel_status *status);
};

#endif
