/* SPDX-License-Identifier: BSD-3-Clause
 *
 * model.c: the model's life: open, replay, settle, poll, close.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/lpm.h"
#include "dataplane/shm/ring.h"
#include "controlplane/object/filter.h"
#include "controlplane/object/snooping.h"
#include "model.h"
#include "row.h"

void model_complain(struct model *model, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	vsnprintf(model->error, sizeof(model->error), format, list);
	va_end(list);
	fprintf(stderr, "error: %s\n", model->error);
}

/* ---------------------------------------------------------------- the data plane */

static void detach(struct model *model)
{
	if (model->state == NULL)
		return;
	model->state = NULL;
	heap_set_state(model->heap, NULL);
	region_close(&model->state_region);
	model->state_region.fd = -1;
}

/* Frames that the dead data plane left are delivered; in another file they start where it stands.
 */
static void attach(struct model *model)
{
	char error[REGION_ERROR_SIZE];
	int result = region_attach(&model->state_region, &model->place, REGION_STATE, error);

	if (result != 0) {
		model->state_region.fd = -1;
		if (result == -EPROTO && strcmp(error, model->error) != 0)
			model_complain(model, "%s", error);
		return;
	}
	model->state = model->state_region.base;
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		ring_resynchronise(&model->state->punt[i], &model->tables->punt_consumer[i]);
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		struct port_status status;
		if (port_status_copy(model->state, i, &status) != 0)
			continue;
		/* a wish of ours must differ from all that were ever answered */
		if (status.generation > model->generation)
			model->generation = status.generation;
		if (status.identity > model->identity)
			model->identity = status.identity;
		if (model->interface[i] != NULL)
			model->interface[i]->status_sequence = 0;
	}
}

/* While its owner is dead the file stays mapped for its counters, but its epochs count no more. */
static void look_for_dataplane(struct model *model)
{
	if (model->state != NULL && !region_is_current(&model->state_region, &model->place))
		detach(model);
	if (model->state == NULL)
		attach(model);
	bool was_alive = model->alive;
	model->alive = model->state != NULL && region_owner_alive(&model->state_region);
	if (model->alive != was_alive && model->settled)
		model_event(model, EVENT_PROCESS, "",
			    model->alive ? "data plane runs" : "data plane does not run");
	heap_set_state(model->heap, model->alive ? model->state : NULL);
}

bool model_reclaim(struct model *model)
{
	look_for_dataplane(model);
	/* the first may begin the period, and what it releases begins another */
	unsigned int done = heap_reclaim(model->heap);
	done += heap_reclaim(model->heap);
	return done > 0;
}

static void make_inject_rings(struct model *model)
{
	if (model->state == NULL)
		return;
	uint64_t workers = word_load(&model->state->control.worker_count);
	if (workers > WORKER_MAX || workers <= model->inject_workers)
		return;
	if (region_allocate_inject(&model->tables_region, (unsigned int)workers) == 0)
		model->inject_workers = (unsigned int)workers;
}

void model_poll(struct model *model)
{
	look_for_dataplane(model);
	make_inject_rings(model);
	if (model->alive && model->settled)
		port_poll(model);
	bridge_poll(model);
	if (model->dirty)
		nexthop_refresh_dirty(model);
	if (model->routes_dirty)
		route_refresh_dirty(model);
	underlay_follow(model);
	if (model->settled)
		filter_poll(model);
	drop_rate_poll(model);
	watch_poll(model);
	heap_reclaim(model->heap);
}

const struct tables *model_tables(const struct model *model)
{
	return model->tables;
}

const struct region *model_tables_region(const struct model *model)
{
	return &model->tables_region;
}

const struct region *model_state_region(const struct model *model)
{
	return &model->state_region;
}

const struct state *model_state(const struct model *model)
{
	return model->alive ? model->state : NULL;
}

bool model_dataplane_alive(const struct model *model)
{
	return model->alive;
}

bool model_found_tables(const struct model *model)
{
	return model->found_tables;
}

/* ---------------------------------------------------------------- refusing */

int refuse_full(struct model *model, struct error *error, const char *table, uint64_t used,
		uint64_t capacity)
{
	struct heap_statistics heap;

	heap_statistics(model->heap, &heap);
	if (heap.waiting_objects > 0 && heap.oldest_wait_ns > model->grace_limit_ns)
		return refuse(error, -EBUSY,
			      "%s table: data plane not responding: %" PRIu64
			      " freed objects wait, the "
			      "oldest for %" PRIu64 " s",
			      table, heap.waiting_objects, heap.oldest_wait_ns / 1000000000u);
	if (used >= capacity)
		return refuse(error, -ENOSPC, "%s table is full: %" PRIu64 " of %" PRIu64 " in use",
			      table, used, capacity);
	return refuse(error, -ENOSPC,
		      "%s table is full: no table memory left, %" PRIu64 " of %" PRIu64
		      " bytes in use",
		      table, heap.size - heap.free, heap.size);
}

/* ---------------------------------------------------------------- open */

static json_t *private_protocols(const struct model *model)
{
#define COUNTER(name)                                                                              \
	json_array_append_new(list, json_pack("{s:s, s:I}", "counter", #name, "count",             \
					      (json_int_t)model->counters.name))
	json_t *list = json_array();

	COUNTER(arp_invalid);
	COUNTER(nd_invalid);
	COUNTER(router_solicitations);
	COUNTER(router_messages);
	COUNTER(duplicates);
	COUNTER(neighbours_full);
	COUNTER(packets_dropped);
	COUNTER(echo_requests);
	COUNTER(icmp_invalid);
	COUNTER(icmp_sent);
	COUNTER(icmp_suppressed);
	COUNTER(icmp_limited);
	COUNTER(icmp_no_way);
	COUNTER(fdb_moves);
	COUNTER(fdb_damped);
	COUNTER(fdb_limited);
	COUNTER(fdb_full);
#undef COUNTER
	return list;
}

static json_t *private_addresses(const struct model *model)
{
	static const char *const states[] = { [ADDRESS_TENTATIVE] = "tentative",
					      [ADDRESS_PREFERRED] = "preferred",
					      [ADDRESS_DUPLICATE] = "duplicate" };
	const struct address_object *address;
	json_t *list = json_array();

	DL_FOREACH2(model->addresses, address, all_next)
	{
		char text[52];
		prefix_format(&address->address, address->length, text);
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "prefix", text, "dev",
						      address->interface->name, "state",
						      states[address->state]));
	}
	return list;
}

static void private_heap(const struct model *model, struct heap_statistics *statistics)
{
	heap_statistics(model->heap, statistics);
}

static json_t *private_events(const struct model *model, uint64_t from, uint64_t count,
			      enum event_kind kind)
{
	return event_list(&model->events, from, count, kind);
}

static const uint64_t *private_event_counts(const struct model *model)
{
	return model->events.of_kind;
}

static uint32_t private_references(const struct model *model, uint32_t nexthop)
{
	const struct nexthop_object *object =
		nexthop < NEXTHOP_MAX ? model->nexthop[nexthop] : NULL;

	return object == NULL ? 0 : object->references;
}

static uint64_t private_punted(const struct model *model, unsigned int reason)
{
	return reason < PUNT_REASON_MAX ? model->punted[reason] : 0;
}

static int claim_routes(struct model *model)
{
	int result = 0;

	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++) {
		for (unsigned int family = 0; family < ROUTE_FAMILIES && result == 0; family++) {
			uint32_t root = atomic_load_explicit(
				&model->tables->route_root[vrf][family], memory_order_acquire);
			result = lpm_claim(model->tables, model->heap, root,
					   family == ROUTE_IPV4 ? 4 : 16);
		}
	}
	return result;
}

/* Everything reachable is the heap's again. */
static int claim(struct model *model)
{
	watch_forget(model);
	int result = tables_claim(model->tables, model->heap);

	if (result == 0)
		result = claim_routes(model);

	for (unsigned int id = 0; result == 0 && id < HASH_TABLE_MAX; id++)
		if (word_load(&model->tables->hash_root[id]) != 0)
			result = hash_claim(model->tables, model->heap, (enum hash_table_id)id);
	if (result == 0)
		heap_claimed(model->heap);
	return result;
}

static int own_tables(struct model *model, uint64_t heap_size, bool *created,
		      char error[REGION_ERROR_SIZE])
{
	int result = region_own(&model->tables_region, &model->place, REGION_TABLES, heap_size,
				created, error);

	if (result != 0)
		return result;
	model->tables = model->tables_region.base;
	model->heap = heap_new(&model->tables_region);
	if (model->heap == NULL) {
		snprintf(error, REGION_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	return 0;
}

static void disown_tables(struct model *model)
{
	heap_delete(model->heap);
	model->heap = NULL;
	region_close(&model->tables_region);
	model->tables_region.fd = -1;
	model->tables = NULL;
}

/* A file that contradicts itself is replaced only while nobody forwards from it. */
static int replace_corrupt(struct model *model, uint64_t heap_size, bool *created,
			   char error[REGION_ERROR_SIZE])
{
	char link[64], path[400];

	if (region_owned(&model->place, REGION_STATE)) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: the tables file is corrupt and a data plane is forwarding from it: "
			 "stop "
			 "the data plane first, then the tables are made anew",
			 model->place.directory);
		return -EUCLEAN;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", model->tables_region.fd);
	ssize_t length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return -errno;
	path[length] = 0;
	model_complain(model, "%s is corrupt: made anew, since no data plane uses it", path);
	if (unlink(path) != 0) {
		int result = -errno;
		snprintf(error, REGION_ERROR_SIZE, "%s: cannot be removed: %s", path,
			 strerror(errno));
		return result;
	}
	disown_tables(model);
	return own_tables(model, heap_size, created, error);
}

static int make_fixed_tables(struct model *model)
{
	struct tables *tables = model->tables;
	int result = label_space_create(tables, model->heap, 0);

	if (result == 0 && word_load(&tables->hash_root[HASH_VLAN]) == 0)
		result = hash_create(tables, model->heap, HASH_VLAN, sizeof(struct vlan_key),
				     sizeof(struct vlan_entry), 64);
	if (result == 0 && word_load(&tables->hash_root[HASH_NEIGHBOUR]) == 0)
		result = hash_create(tables, model->heap, HASH_NEIGHBOUR,
				     sizeof(struct neighbour_key), sizeof(struct neighbour_entry),
				     256);
	if (result == 0 && word_load(&tables->hash_root[HASH_FDB]) == 0)
		result = hash_create(tables, model->heap, HASH_FDB, sizeof(struct fdb_key),
				     sizeof(struct fdb_entry), 256);
	if (result == 0 && word_load(&tables->hash_root[HASH_GROUP]) == 0)
		result = hash_create(tables, model->heap, HASH_GROUP, sizeof(struct group_key),
				     sizeof(struct group_entry), 256);
	if (result == 0 && word_load(&tables->hash_root[HASH_GROUP_SOURCE]) == 0)
		result = hash_create(tables, model->heap, HASH_GROUP_SOURCE,
				     sizeof(struct group_source_key),
				     sizeof(struct group_source_entry), 64);
	if (result == 0 && word_load(&tables->hash_root[HASH_MULTICAST_ROUTE]) == 0)
		result = hash_create(tables, model->heap, HASH_MULTICAST_ROUTE,
				     sizeof(struct multicast_key), sizeof(struct multicast_route),
				     64);
	if (result == 0)
		result = tunnel_table_open(&model->tunnel_table, tables, model->heap);
	return result;
}

/* Wishes of ours must differ from those that there are. */
static void load_wishes(struct model *model)
{
	for (unsigned int i = 0; i < BRIDGE_MAX; i++)
		if (word_load(&model->tables->bridge[i].flags) != 0)
			model->bridge_use[i] = ROW_FOUND;
	model->bridge_use[0] = ROW_USED; /* no bridge has it */
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		uint64_t offset = word_load(&model->tables->port[i].wish);
		if (offset == 0)
			continue;
		const struct port_wish *wish = tables_object(model->tables, offset);
		if (wish->generation > model->generation)
			model->generation = wish->generation;
		if (wish->identity > model->identity)
			model->identity = wish->identity;
	}
}

static int prepare(struct model *model, uint64_t heap_size, char error[REGION_ERROR_SIZE])
{
	bool created = false;
	int result = own_tables(model, heap_size, &created, error);

	if (result != 0)
		return result;
	if (!created && claim(model) != 0) {
		result = replace_corrupt(model, heap_size, &created, error);
		if (result != 0)
			return result;
	}
	model->found_tables = !created;
	counter_add(&model->tables->control.generation, 1);
	result = make_fixed_tables(model);
	if (result != 0) {
		snprintf(error, REGION_ERROR_SIZE, "%s: no memory for the first tables: %s",
			 model->place.directory, strerror(-result));
		return result;
	}
	look_for_dataplane(model);
	heap_reclaim(model->heap);
	model->pool = nexthop_pool_new(model->tables, model->heap);
	if (model->pool == NULL || nexthop_load(model) != 0 || group_load(model) != 0 ||
	    fdb_open(model) != 0 || snooping_open(model) != 0 || rows_load(model) != 0 ||
	    filter_open(model) != 0) {
		snprintf(error, REGION_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	load_wishes(model);
	return 0;
}

int model_open(struct model **out, const struct region_place *place, uint64_t heap_size,
	       char error[REGION_ERROR_SIZE])
{
	struct model *model = calloc(1, sizeof(*model));

	*out = NULL;
	if (model == NULL) {
		snprintf(error, REGION_ERROR_SIZE, "out of memory");
		return -ENOMEM;
	}
	model->private = (struct model_private){
		.addresses = private_addresses,
		.heap = private_heap,
		.route_counts = route_counts,
		.references = private_references,
		.punted = private_punted,
		.protocols = private_protocols,
		.events = private_events,
		.event_counts = private_event_counts,
		.neighbour = neighbour_private_state,
		.unknown_neighbours = neighbour_private_unknown,
		.tunnel = tunnel_private_status,
	};
	model->private.filter_lists = filter_private_lists;
	model->private.drop_rate = drop_rate_private;
	model->private.learning = fdb_private_learning;
	model->private.groups = snooping_groups;
	model->private.routers = snooping_routers;
	model->private.snooping = snooping_status;
	model->private.bridge_counters = snooping_bridge_counters;
	model->private.port_counters = snooping_port_counters;
	model->private.routes = route_rows;
	model->private.route_paths = route_asked;
	model->place = *place;
	model->grace_limit_ns = GRACE_LIMIT_NS;
	model->tables_region.fd = model->state_region.fd = -1;
	int result = region_place_make(place, error);
	if (result == 0)
		result = prepare(model, heap_size, error);
	if (result != 0) {
		model_close(model);
		return result;
	}
	*out = model;
	return 0;
}

/* ---------------------------------------------------------------- settle and close */

static void publish_interfaces(struct model *model, struct interface_object *first)
{
	for (struct interface_object *i = first; i != NULL; i = i->hh.next) {
		int result = interface_publish(model, i);
		if (result != 0)
			model_complain(model, "%s %s: not in the tables: %s",
				       interface_kind_name(i->kind), i->name, strerror(-result));
	}
}

/* Rows, and what leads to them, before who refers to them; then labels; then everything that
 * nothing leads to any more is unlinked. */
void model_settle(struct model *model)
{
	if (model->settled)
		return;
	model->settled = true;
	filter_settle(model);
	publish_interfaces(model, model->interfaces);
	publish_interfaces(model, model->tunnel_interfaces);
	bridge_settle(model);
	neighbour_take_over(model);
	for (struct neighbour_object *n = model->neighbours; n != NULL; n = n->hh.next) {
		int result = n->configured ? neighbour_publish(model, n) : 0;
		if (result != 0)
			model_complain(model, "neighbours of %s: not all in the tables: %s",
				       n->interface->name, strerror(-result));
	}
	nexthop_refresh_all(model);
	group_repair(model);
	label_settle(model);
	neighbour_tell_fib(model);
	route_settle(model);
	tunnel_settle(model);
	group_sweep(model);
	nexthop_sweep(model);
	vlan_sweep(model);
	neighbour_sweep(model);
	rows_sweep(model);
	heap_reclaim(model->heap);
}

static void free_objects(struct model *model)
{
	struct interface_object *interface, *next_interface;
	struct address_object *address, *next_address;
	struct neighbour_object *neighbour, *next_neighbour;

	snooping_close(model);
	bridge_free(model);
	fdb_close(model);
	HASH_ITER(hh, model->interfaces, interface, next_interface)
	{
		HASH_DEL(model->interfaces, interface);
		free(interface);
	}
	HASH_ITER(hh, model->tunnel_interfaces, interface, next_interface)
	{
		HASH_DEL(model->tunnel_interfaces, interface);
		free(interface);
	}
	DL_FOREACH_SAFE2(model->addresses, address, next_address, all_next)
	free(address);
	HASH_ITER(hh, model->neighbours, neighbour, next_neighbour)
	{
		struct neighbour_packet *packet;
		while ((packet = neighbour_dequeue(model, neighbour)) != NULL)
			free(packet);
		HASH_DEL(model->neighbours, neighbour);
		free(neighbour);
	}
	HASH_CLEAR(hh, model->nexthops);
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++)
		free(model->nexthop[i]);
	HASH_CLEAR(hh, model->groups);
	for (uint32_t i = 0; i < GROUP_MAX; i++)
		free(model->group[i]);
	for (unsigned int i = 0; i < LABEL_SPACE_MAX; i++)
		free(model->staged[i]);
}

void model_close(struct model *model)
{
	if (model == NULL)
		return;
	tunnel_close(model);
	rows_forget_names(model);
	filter_close(model);
	drop_rate_close(model);
	json_decref(model->reply);
	route_close(model);
	free_objects(model);
	if (model->pool != NULL)
		nexthop_pool_delete(model->pool);
	if (model->state != NULL)
		region_close(&model->state_region);
	if (model->tables != NULL)
		disown_tables(model);
	free(model);
}
