/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view.c: show commands, from the shared files alone.
 */
#include "view.h"

enum { ROW_TRIES = 5, CHAIN_LIMIT = 1024 };

json_t *view_row(const struct view *view,
		 json_t *(*build)(const struct view *view, const void *what), const void *what)
{
	for (unsigned int i = 1;; i++) {
		uint64_t begin = tables_read_begin(view->tables);
		json_t *row = build(view, what);
		if (row == NULL || view->model != NULL || !tables_read_retry(view->tables, begin))
			return row;
		if (i == ROW_TRIES) {
			json_object_set_new(row, "inconsistent", json_true());
			return row;
		}
		json_decref(row);
	}
}

uint64_t view_interface(const struct view *view, uint32_t index, char name[NAME_SIZE])
{
	return tables_interface(view->tables, index, name);
}

enum interface_kind view_kind(uint64_t flags)
{
	return (enum interface_kind)(flags >> INTERFACE_KIND_SHIFT & 0xf);
}

const struct model_private *view_private(const struct view *view)
{
	return (const struct model_private *)view->model;
}

static void walk_bucket(const struct view *view, uint64_t offset, size_t size,
			void (*visit)(void *context, const void *entry), void *context)
{
	for (unsigned int i = 0; i < CHAIN_LIMIT && offset != 0; i++) {
		const struct hash_bucket *bucket =
			tables_object_checked(view->tables, offset, sizeof(*bucket));
		if (bucket == NULL)
			return;
		for (unsigned int j = 0; j < HASH_BUCKET_ENTRIES; j++) {
			const void *entry = tables_object_checked(
				view->tables, word_load(&bucket->entry[j]) & ((1ull << 48) - 1),
				size);
			if (entry != NULL)
				visit(context, entry);
		}
		offset = word_load(&bucket->overflow);
	}
}

void view_hash_walk(const struct view *view, enum hash_table_id id, size_t size,
		    void (*visit)(void *context, const void *entry), void *context)
{
	const struct hash_root *root = tables_object_checked(
		view->tables, word_load(&view->tables->hash_root[id]), sizeof(*root));

	if (root == NULL)
		return;
	uint64_t buckets = root->buckets, count = root->bucket_count;
	if (count > view->tables->header.size / sizeof(struct hash_bucket) ||
	    tables_object_checked(view->tables, buckets, count * sizeof(struct hash_bucket)) ==
		    NULL)
		return;
	for (uint64_t i = 0; i < count; i++)
		walk_bucket(view, buckets + i * sizeof(struct hash_bucket), size, visit, context);
}

json_t *view_drops(const struct interface_totals *totals)
{
	json_t *drops = json_object();
	const uint64_t *count = &TOTAL(totals, drop);

	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (count[i] != 0)
			view_number(drops, drop_reason_name(i), count[i]);
	return drops;
}

bool view_port_live(const struct view *view, uint32_t port)
{
	if (view->state == NULL || port >= PORT_MAX)
		return true;
	return atomic_load_explicit(&view->state->port_live[port], memory_order_relaxed) != 0;
}

void view_number(json_t *object, const char *key, uint64_t number)
{
	json_object_set_new(object, key, json_integer((json_int_t)number));
}

/* What stands in shared memory need not be UTF-8. */
void view_string(json_t *object, const char *key, const char *string)
{
	json_t *value = json_string(string);

	if (string[0] != 0)
		json_object_set_new(object, key, value != NULL ? value : json_string("?"));
	else
		json_decref(value);
}

const char *view_name_argument(const struct arguments *arguments, unsigned int parameter)
{
	return argument_present(arguments, parameter) ? arguments->value[parameter].string : NULL;
}

json_t *view_show(const struct view *view, const struct arguments *arguments, struct error *error)
{
	static json_t *(*const shows[COMMAND_COUNT])(const struct view *, const struct arguments *,
						     struct error *) = {
		[COMMAND_PORT_SHOW] = view_ports,
		[COMMAND_VLAN_SHOW] = view_vlans,
		[COMMAND_LOOPBACK_SHOW] = view_loopbacks,
		[COMMAND_ADDRESS_SHOW] = view_addresses,
		[COMMAND_NEIGH_SHOW] = view_neighbours,
		[COMMAND_MPLS_SHOW] = view_labels,
		[COMMAND_ROUTE_SHOW] = view_routes,
		[COMMAND_NEXTHOP_SHOW] = view_nexthops,
		[COMMAND_SHOW_DROPS] = view_all_drops,
		[COMMAND_SHOW_COUNTERS] = view_counters,
		[COMMAND_SHOW_WORKERS] = view_workers,
		[COMMAND_SHOW_MEMORY] = view_memory,
		[COMMAND_SHOW_PROTOCOLS] = view_protocols,
		[COMMAND_FILTER_SHOW] = view_filters,
		[COMMAND_FILTER_RULE_SHOW] = view_filter_rules,
		[COMMAND_FILTER_LIST_SHOW] = view_filter_lists,
		[COMMAND_FILTER_TEST] = view_filter_test,
		[COMMAND_SHOW_RUNTIME] = view_runtime,    [COMMAND_SHOW_TRACE] = view_trace,
		[COMMAND_SHOW_VERSION] = view_version,
		[COMMAND_SHOW_EVENTS] = view_events,
		[COMMAND_BRIDGE_SHOW] = view_bridges,
		[COMMAND_FDB_SHOW] = view_fdb,
		[COMMAND_BRIDGE_GROUPS_SHOW] = view_bridge_groups,
		[COMMAND_BRIDGE_ROUTERS_SHOW] = view_bridge_routers,
		[COMMAND_BRIDGE_SNOOPING_SHOW] = view_bridge_snooping,
		[COMMAND_MULTICAST_ROUTE_SHOW] = view_multicast_routes,
		[COMMAND_MULTICAST_GROUPS_SHOW] = view_multicast_groups,
		[COMMAND_MULTICAST_QUERIER_SHOW] = view_multicast_querier,
		[COMMAND_METRICS_SHOW] = view_metrics,
		[COMMAND_TUNNEL_SHOW] = view_tunnels,
		[COMMAND_PSEUDOWIRE_SHOW] = view_tunnels,
	};
	unsigned int id = (unsigned int)arguments->command->id;

	if (id < COMMAND_COUNT && shows[id] != NULL)
		return shows[id](view, arguments, error);
	error_set(error, ERROR_REFUSED, -ENOTSUP, "`%s %s` shows nothing of the tables",
		  arguments->command->noun, arguments->command->verb);
	return NULL;
}
