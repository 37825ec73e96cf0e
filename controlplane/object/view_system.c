/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_system.c: memory and versions.
 */
#include <inttypes.h>
#include <sys/stat.h>
#include "dataplane/shm/bridge.h"
#include "view.h"

static uint64_t count_words(const _Atomic uint64_t *word, unsigned int count)
{
	uint64_t used = 0;

	for (unsigned int i = 0; i < count; i++)
		used += word_load(&word[i]) != 0;
	return used;
}

/* `limit` and `bytes`: 0 if the heap alone is the limit, or not known. */
static void put_table(json_t *tables, const char *name, uint64_t used, uint64_t limit,
		      uint64_t bytes)
{
	json_t *row = json_object();

	view_number(row, "used", used);
	if (limit != 0)
		view_number(row, "limit", limit);
	if (bytes != 0 || limit != 0)
		view_number(row, "bytes", bytes);
	json_object_set_new(tables, name, row);
}

static uint64_t count_labels(const struct view *view)
{
	uint64_t used = 0;

	for (unsigned int space = 0; space < LABEL_SPACE_MAX; space++) {
		uint64_t offset = word_load(&view->tables->label_space[space]);
		const void *words =
			tables_object_checked(view->tables, offset, LABEL_COUNT * sizeof(uint64_t));
		if (words != NULL)
			used += count_words((const _Atomic uint64_t *)words + LABEL_FIRST_FREE,
					    LABEL_COUNT - LABEL_FIRST_FREE);
	}
	return used;
}

static void count_entry(void *context, const void *entry)
{
	(void)entry;
	++*(uint64_t *)context;
}

static uint64_t count_hash(const struct view *view, enum hash_table_id id, size_t size)
{
	uint64_t count = 0;

	view_hash_walk(view, id, size, count_entry, &count);
	return count;
}

static json_t *table_sizes(const struct view *view)
{
	const struct tables *tables = view->tables;
	uint64_t spaces = count_words(tables->label_space, LABEL_SPACE_MAX);
	uint64_t nexthops = count_words(tables->nexthop, NEXTHOP_MAX);
	uint64_t groups = count_words(tables->group_members, GROUP_MAX);
	uint64_t vlans = count_hash(view, HASH_VLAN, sizeof(struct vlan_entry));
	uint64_t neighbours = count_hash(view, HASH_NEIGHBOUR, sizeof(struct neighbour_entry));
	json_t *object = json_object();

	put_table(object, "labels", count_labels(view), spaces * (LABEL_COUNT - LABEL_FIRST_FREE),
		  spaces * LABEL_COUNT * sizeof(uint64_t));
	put_table(object, "label_spaces", spaces, LABEL_SPACE_MAX, 0);
	put_table(object, "nexthops", nexthops, NEXTHOP_MAX - 1, nexthops * sizeof(struct rewrite));
	put_table(object, "nexthop_groups", groups, GROUP_MAX - 1,
		  groups * sizeof(struct group_record));
	/* an entry takes at least a cache line of the heap */
	put_table(object, "vlans", vlans, INTERFACE_FIRST_TUNNEL - PORT_MAX, vlans * CACHE_LINE);
	put_table(object, "neighbours", neighbours, 0, neighbours * CACHE_LINE);
	put_table(object, "fdb", count_hash(view, HASH_FDB, sizeof(struct fdb_entry)), FDB_MAX, 0);
	put_table(object, "groups", count_hash(view, HASH_GROUP, sizeof(struct group_entry)), 0, 0);
	put_table(object, "group_sources",
		  count_hash(view, HASH_GROUP_SOURCE, sizeof(struct group_source_entry)), 0, 0);
	put_table(object, "multicast_routes",
		  count_hash(view, HASH_MULTICAST_ROUTE, sizeof(struct multicast_route)), 0, 0);
	put_table(object, "filters", count_words(tables->filter, FILTER_MAX), FILTER_MAX - 1, 0);
	if (view->model != NULL) {
		uint64_t routes[ROUTE_FAMILIES];
		view_private(view)->route_counts(view->model, routes);
		put_table(object, "ipv4_routes", routes[ROUTE_IPV4], 0, 0);
		put_table(object, "ipv6_routes", routes[ROUTE_IPV6], 0, 0);
	}
	return object;
}

/* Memory that a file has, of the address range that it was given: the rest are holes that nobody has
 * touched. */
static void put_file(json_t *files, const char *name, const struct region *region)
{
	struct stat status;
	json_t *row;

	if (region == NULL || region->fd < 0 || fstat(region->fd, &status) != 0)
		return;
	row = json_object();
	view_number(row, "allocated",
		    (uint64_t)status.st_blocks * 512); /* whatever st_blksize is */
	view_number(row, "reserved", (uint64_t)status.st_size);
	json_object_set_new(files, name, row);
}

static json_t *file_sizes(const struct view *view)
{
	json_t *files = json_object();

	put_file(files, "tables", view->tables_region);
	put_file(files, "state", view->state_region);
	return files;
}

json_t *view_memory(const struct view *view, const struct arguments *arguments, struct error *error)
{
	const struct tables_control *control = &view->tables->control;
	uint64_t handed_out = word_load(&control->heap_used);
	json_t *object = json_object();
	struct heap_statistics heap;

	(void)arguments;
	(void)error;
	json_object_set_new(object, "files", file_sizes(view));
	view_number(object, "heap_limit", control->heap_size);
	view_number(object, "heap_bytes", handed_out);
	if (view->model != NULL) {
		view_private(view)->heap(view->model, &heap);
		view_number(object, "heap_used", heap.used);
		view_number(object, "heap_free", heap.free);
		view_number(object, "waiting_bytes", heap.waiting);
		view_number(object, "waiting_objects", heap.waiting_objects);
		view_number(object, "oldest_wait_ms", heap.oldest_wait_ns / 1000000);
	}
	json_object_set_new(object, "tables", table_sizes(view));
	return object;
}

/* They are the control plane's memory: nobody else has them. */
json_t *view_events(const struct view *view, const struct arguments *arguments, struct error *error)
{
	const struct value *value = arguments->value;

	if (view->model == NULL) {
		error_set(error, ERROR_REFUSED, -ENOTCONN,
			  "events: the control plane does not run, and has taken them along");
		return NULL;
	}
	return view_private(view)->events(
		view->model,
		argument_present(arguments, EVENTS_FROM) ? value[EVENTS_FROM].number : 0,
		argument_present(arguments, EVENTS_COUNT) ? value[EVENTS_COUNT].number : UINT64_MAX,
		argument_present(arguments, EVENTS_KIND)
			? (enum event_kind)value[EVENTS_KIND].number
			: EVENT_KINDS);
}

static void put_dataplane(const struct state *state, json_t *object)
{
	char version[sizeof(state->control.version) + 1];

	memcpy(version, state->control.version, sizeof(state->control.version));
	version[sizeof(version) - 1] = 0;
	view_string(object, "dataplane", version);
	view_number(object, "dataplane_generation", word_load(&state->control.generation));
	view_number(object, "workers", word_load(&state->control.workers_running));
	view_number(object, "heartbeat", word_load(&state->control.heartbeat));
	view_number(object, "tsc_hz", word_load(&state->control.tsc_hz));
}

json_t *view_version(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	const struct tables *tables = view->tables;
	json_t *object = json_object();
	char hash[20];

	(void)arguments;
	(void)error;
	snprintf(hash, sizeof(hash), "%016" PRIx64, tables->header.layout_hash);
	view_string(object, "version", SHUNT_VERSION);
	view_number(object, "abi_version", tables->header.abi_version);
	view_string(object, "layout_hash", hash);
	json_object_set_new(object, "controlplane_alive", json_boolean(view->model != NULL));
	view_number(object, "controlplane_generation", word_load(&tables->control.generation));
	json_object_set_new(object, "dataplane_alive", json_boolean(view->state != NULL));
	if (view->state != NULL)
		put_dataplane(view->state, object);
	view_number(object, "epoch", word_load(&tables->control.epoch));
	view_number(object, "reclaim", word_load(&tables->control.reclaim));
	return object;
}

json_t *view_protocols(const struct view *view, const struct arguments *arguments,
		       struct error *error)
{
	(void)arguments;
	if (view->model != NULL)
		return view_private(view)->protocols(view->model);
	error_set(error, ERROR_REFUSED, -ENOTCONN,
		  "protocol counters are not known while the control plane is not running");
	return NULL;
}
