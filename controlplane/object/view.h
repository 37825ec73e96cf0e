/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view.h: for the files view*.c: reading tables that change meanwhile, and pieces that several
 * shows have in common.
 */
#ifndef SHUNT_OBJECT_VIEW_H
#define SHUNT_OBJECT_VIEW_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/object/object.h"
#include "controlplane/object/private.h"
#include "dataplane/shm/filter-build.h"
#include "dataplane/shm/reader.h"
#include "dataplane/shm/reason.h"
#include "dataplane/shm/table.h"

/* One row of a list is built between two looks at `reclaim`, again if memory was reused meanwhile,
 * and marked "inconsistent": true if that never stops. The control plane itself reuses nothing
 * meanwhile. */
json_t *view_row(const struct view *view,
		 json_t *(*build)(const struct view *view, const void *what), const void *what);

/* An interface's flags, 0 if there is none; its name is copied. */
uint64_t view_interface(const struct view *view, uint32_t index, char name[NAME_SIZE]);
enum interface_kind view_kind(uint64_t flags);
/* Add what the row of any interface that carries packets says. */
void view_settings(const struct view *view, uint32_t index, uint64_t flags, json_t *object);

/* Its reverse-path check, as `rpf`. */
void view_rpf(const struct view *view, uint32_t index, json_t *object);
/* What became of the port's filter in its driver: "none", "pushed", "pending", or "not pushed: " and why. */
const char *view_xdp_filter(const struct view *view, const struct port_status *status);
/* All interfaces of a kind as `build` makes them (what: row as uint32_t), or the one that is named. */
json_t *view_interface_list(const struct view *view, const struct arguments *arguments,
			    enum interface_kind kind, const char *kind_name,
			    json_t *(*build)(const struct view *view, const void *what),
			    struct error *error);

/* The control plane's private part, or NULL in the CLI. */
const struct model_private *view_private(const struct view *view);

/* Visit a hash's entries of `size` bytes; stops where the table is not to be believed. */
void view_hash_walk(const struct view *view, enum hash_table_id id, size_t size,
		    void (*visit)(void *context, const void *entry), void *context);

/* Call `put` for each interface, or the one that is named, with the array that is returned. */
json_t *view_totals(const struct view *view, const struct arguments *arguments,
		    void (*put)(const struct view *view, json_t *array, uint32_t interface,
				const char *name, const struct interface_totals *totals),
		    struct error *error);

/* { reason: count } of what is not 0. */
json_t *view_drops(const struct interface_totals *totals);

/* Is a port started with its link up? Without a data plane: assumed. */
bool view_port_live(const struct view *view, uint32_t port);

/* Can packets go into the tunnel or pseudowire of this row? `flags`: its interface's. */
bool view_tunnel_up(const struct view *view, uint32_t index, uint64_t flags);

/* Add key: number, string ("" is left out). */
void view_number(json_t *object, const char *key, uint64_t number);
void view_string(json_t *object, const char *key, const char *string);
/* The string argument of a show command, or NULL. */
const char *view_name_argument(const struct arguments *arguments, unsigned int parameter);

/* One path: { via, dev, port, mac, labels, state, ... , backup }. `word_label`: label of the word
 * that is below the nexthop's own, or -1. */
json_t *view_path(const struct view *view, uint32_t nexthop, int64_t word_label);
/* Its members, as text. */
void view_path_text(const struct view *view, uint32_t nexthop, int64_t word_label,
		    struct buffer *text);
/* A copy of a nexthop's rewrite. False: there is none. */
bool view_rewrite(const struct view *view, uint32_t nexthop, struct rewrite *rewrite,
		  enum nexthop_kind *kind);

/* The shows: a new reference, or NULL with *error set. */
json_t *view_bridges(const struct view *view, const struct arguments *arguments,
		     struct error *error);
json_t *view_fdb(const struct view *view, const struct arguments *arguments, struct error *error);
json_t *view_bridge_groups(const struct view *view, const struct arguments *arguments,
			   struct error *error);
json_t *view_bridge_snooping(const struct view *view, const struct arguments *arguments,
			     struct error *error);
json_t *view_bridge_routers(const struct view *view, const struct arguments *arguments,
			    struct error *error);
json_t *view_multicast_groups(const struct view *view, const struct arguments *arguments,
			      struct error *error);
json_t *view_multicast_querier(const struct view *view, const struct arguments *arguments,
			       struct error *error);
json_t *view_multicast_routes(const struct view *view, const struct arguments *arguments,
			      struct error *error);
/* The bridge's name, "" if there is none. */
void view_bridge_name(const struct view *view, uint32_t index, char name[NAME_SIZE]);
/* Is there a bridge of this name? NULL: any will do. False: the error says so. */
bool view_bridge_exists(const struct view *view, const char *name, struct error *error);
json_t *view_ports(const struct view *view, const struct arguments *arguments, struct error *error);
json_t *view_vlans(const struct view *view, const struct arguments *arguments, struct error *error);
json_t *view_loopbacks(const struct view *view, const struct arguments *arguments,
		       struct error *error);
/* Pseudowires too. */
json_t *view_tunnels(const struct view *view, const struct arguments *arguments,
		     struct error *error);
json_t *view_addresses(const struct view *view, const struct arguments *arguments,
		       struct error *error);
json_t *view_neighbours(const struct view *view, const struct arguments *arguments,
			struct error *error);
json_t *view_routes(const struct view *view, const struct arguments *arguments,
		    struct error *error);
json_t *view_labels(const struct view *view, const struct arguments *arguments,
		    struct error *error);
json_t *view_nexthops(const struct view *view, const struct arguments *arguments,
		      struct error *error);
json_t *view_all_drops(const struct view *view, const struct arguments *arguments,
		       struct error *error);
json_t *view_counters(const struct view *view, const struct arguments *arguments,
		      struct error *error);
json_t *view_workers(const struct view *view, const struct arguments *arguments,
		     struct error *error);
/* Stages of workers, in the turns that were sampled. */
json_t *view_runtime(const struct view *view, const struct arguments *arguments,
		     struct error *error);
/* part / whole, rounded to 1 / places; 0 of nothing. */
json_t *view_ratio(uint64_t part, uint64_t whole, uint64_t places);
json_t *view_trace(const struct view *view, const struct arguments *arguments, struct error *error);
/* "swap", "pop", ... */
const char *view_operation_name(enum label_operation operation);
json_t *view_protocols(const struct view *view, const struct arguments *arguments,
		       struct error *error);
json_t *view_memory(const struct view *view, const struct arguments *arguments,
		    struct error *error);
json_t *view_events(const struct view *view, const struct arguments *arguments,
		    struct error *error);
json_t *view_metrics(const struct view *view, const struct arguments *arguments,
		     struct error *error);
json_t *view_filters(const struct view *view, const struct arguments *arguments,
		     struct error *error);
json_t *view_filter_rules(const struct view *view, const struct arguments *arguments,
			  struct error *error);
json_t *view_filter_lists(const struct view *view, const struct arguments *arguments,
			  struct error *error);
json_t *view_filter_test(const struct view *view, const struct arguments *arguments,
			 struct error *error);
json_t *view_version(const struct view *view, const struct arguments *arguments,
		     struct error *error);

#endif
