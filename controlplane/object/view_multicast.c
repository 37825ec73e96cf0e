/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_multicast.c: groups and multicast routers of bridges and routed interfaces: as the control plane knows them,
 * or as far as the tables tell when it does not run.
 */
#include <stdio.h>
#include "controlplane/object/view.h"
#include "dataplane/shm/bridge.h"
#include "dataplane/shm/table.h"

struct list {
	const struct view *view;
	const char *only; /* a bridge, or a routed interface */
	json_t *array;
};

/* The routed interface that an entry is of (0, ""), or a bridge's entry: false. */
static bool routed_name(const struct view *view, const struct group_key *key, char name[NAME_SIZE])
{
	uint32_t interface = key->bridge - BRIDGE_MAX;

	name[0] = 0;
	if (key->bridge < BRIDGE_MAX)
		return false;
	if (interface < INTERFACE_FIRST_TUNNEL)
		view_interface(view, interface, name);
	return true;
}

/* A row for each port of a set; `fill` adds what it is about. */
static void add_ports(const struct list *list, uint32_t bridge, unsigned int vlan,
		      const struct port_set *ports, const char *key, json_t *value)
{
	char name[NAME_SIZE], port[NAME_SIZE];

	view_bridge_name(list->view, bridge, name);
	const struct bridge_members *members =
		bridge >= BRIDGE_MAX
			? NULL
			: tables_object_checked(
				  list->view->tables,
				  word_load(&list->view->tables->bridge[bridge].members),
				  sizeof(*members));
	for (unsigned int slot = 0; slot < BRIDGE_SLOTS && name[0] != 0 && members != NULL;
	     slot++) {
		uint32_t interface = member_interface(members->member[slot]);
		if (!port_set_has(ports, slot) || members->member[slot] == 0 ||
		    interface >= INTERFACE_MAX ||
		    (list->only != NULL && strcmp(list->only, name) != 0) ||
		    view_interface(list->view, interface, port) == 0)
			continue;
		json_t *row = json_pack("{s:s, s:i, s:s}", "bridge", name, "vlan", (int)vlan,
					"port", port);
		json_object_set(row, key, value);
		json_array_append_new(list->array, row);
	}
	json_decref(value);
}

static json_t *address_json(const uint8_t bytes[16])
{
	struct address address;
	char text[46];

	memcpy(address.bytes, bytes, 16);
	address_format(&address, text);
	return json_string(text);
}

static void visit_group(void *context, const void *found)
{
	struct group_entry entry = *(const struct group_entry *)found;

	if (!(entry.flags & GROUP_ABSENT) && entry.key.bridge < BRIDGE_MAX)
		add_ports(context, entry.key.bridge, entry.key.vlan, &entry.ports, "group",
			  address_json(entry.key.group));
}

static json_t *build_groups(const struct view *view, const void *only)
{
	struct list list = { view, only, json_array() };

	view_hash_walk(view, HASH_GROUP, sizeof(struct group_entry), visit_group, &list);
	return json_pack("{s:o}", "list", list.array);
}

static void visit_routed_group(void *context, const void *found)
{
	struct group_entry entry = *(const struct group_entry *)found;
	const struct list *list = context;
	char name[NAME_SIZE];

	if ((entry.flags & GROUP_ABSENT) || !routed_name(list->view, &entry.key, name) ||
	    name[0] == 0 || (list->only != NULL && strcmp(list->only, name) != 0))
		return;
	json_array_append_new(list->array, json_pack("{s:s, s:o}", "port", name, "group",
						     address_json(entry.key.group)));
}

static json_t *build_routed_groups(const struct view *view, const void *only)
{
	struct list list = { view, only, json_array() };

	view_hash_walk(view, HASH_GROUP, sizeof(struct group_entry), visit_routed_group, &list);
	return json_pack("{s:o}", "list", list.array);
}

/* ---------------------------------------------------------------- what was sent to them */

/* "bridge VLAN group[ source]" or "interface 0 group[ source]" to the row that has its totals. */
enum { COUNT_KEY = NAME_SIZE + 6 + 2 * 46 };

struct counts {
	const struct view *view;
	json_t *rows;
};

static void count_key(const struct view *view, const struct group_key *any, const uint8_t *source,
		      char key[COUNT_KEY])
{
	char name[NAME_SIZE], group[46], from[46] = "";
	struct address address;

	if (!routed_name(view, any, name))
		view_bridge_name(view, any->bridge, name);
	memcpy(address.bytes, any->group, sizeof(address.bytes));
	address_format(&address, group);
	if (source != NULL) {
		memcpy(address.bytes, source, sizeof(address.bytes));
		address_format(&address, from);
	}
	snprintf(key, COUNT_KEY, "%s %u %s%s%s", name, any->vlan, group, source != NULL ? " " : "",
		 from);
}

static void add_count(json_t *row, const char *key, uint64_t number)
{
	view_number(row, key, (uint64_t)json_integer_value(json_object_get(row, key)) + number);
}

static void count_into(const struct counts *counts, const char *key, uint32_t counter)
{
	json_t *row = json_object_get(counts->rows, key);
	uint64_t packets, bytes;

	if (row == NULL) {
		row = json_object();
		json_object_set_new(counts->rows, key, row);
	}
	multicast_counters(counts->view->tables, counts->view->state, counter, &packets, &bytes);
	add_count(row, "packets", packets);
	add_count(row, "bytes", bytes);
}

static void count_group(void *context, const void *found)
{
	struct group_entry entry = *(const struct group_entry *)found;
	const struct counts *counts = context;
	char key[COUNT_KEY];

	if (entry.counter == 0)
		return;
	count_key(counts->view, &entry.key, NULL, key);
	count_into(counts, key, entry.counter);
}

/* A source's packets are its group's too. */
static void count_source(void *context, const void *found)
{
	struct group_source_entry entry = *(const struct group_source_entry *)found;
	const struct counts *counts = context;
	char key[COUNT_KEY];

	if (entry.counter == 0)
		return;
	count_key(counts->view, &entry.key.any, entry.key.source, key);
	count_into(counts, key, entry.counter);
	count_key(counts->view, &entry.key.any, NULL, key);
	count_into(counts, key, entry.counter);
}

static void put_count(const struct counts *counts, const json_t *row, const char *source,
		      json_t *into)
{
	const json_t *bridge = json_object_get(row, "bridge");
	char key[COUNT_KEY];

	snprintf(key, sizeof(key), "%s %d %s%s%s",
		 json_string_value(bridge != NULL ? bridge : json_object_get(row, "port")),
		 (int)json_integer_value(json_object_get(row, "vlan")),
		 json_string_value(json_object_get(row, "group")), source != NULL ? " " : "",
		 source != NULL ? source : "");
	json_object_update(into, json_object_get(counts->rows, key));
}

/* Each row of a group, and each source in it, with what its bridge sent in the VLAN to all ports together. What
 * has no counter has neither of the two keys. */
static json_t *with_counts(const struct view *view, json_t *list)
{
	struct counts counts = { view, json_object() };
	json_t *row, *source;
	size_t i, k;

	view_hash_walk(view, HASH_GROUP, sizeof(struct group_entry), count_group, &counts);
	view_hash_walk(view, HASH_GROUP_SOURCE, sizeof(struct group_source_entry), count_source,
		       &counts);
	json_array_foreach(list, i, row)
	{
		put_count(&counts, row, NULL, row);
		json_array_foreach(json_object_get(row, "sources"), k, source)
			put_count(&counts, row,
				  json_string_value(json_object_get(source, "address")), source);
	}
	json_decref(counts.rows);
	return list;
}

static json_t *build_routers(const struct view *view, const void *only)
{
	static const char *const families[] = { "ipv4", "ipv6" };
	struct list list = { view, only, json_array() };

	for (uint32_t bridge = 1; bridge < BRIDGE_MAX; bridge++) {
		const _Atomic uint64_t *words = tables_object_checked(
			view->tables, word_load(&view->tables->bridge[bridge].domains),
			VLAN_MAX * sizeof(uint64_t));
		for (unsigned int i = 0; words != NULL && i < VLAN_MAX * BRIDGE_FAMILIES; i++) {
			unsigned int vlan = i / BRIDGE_FAMILIES, family = i % BRIDGE_FAMILIES;
			const struct bridge_domain *domain = tables_object_checked(
				view->tables, word_load(&words[vlan]), sizeof(*domain));
			if (domain == NULL)
				continue;
			struct port_set routers = domain->routers[family];
			add_ports(&list, bridge, vlan, &routers, "family",
				  json_string(families[family]));
		}
	}
	return json_pack("{s:o}", "list", list.array);
}

static bool is_bridge(const struct view *view, uint32_t interface)
{
	return view_kind(word_load(&view->tables->interface[interface].flags)) == INTERFACE_BRIDGE;
}

static void visit_multicast_route(void *context, const void *found)
{
	struct multicast_route route = *(const struct multicast_route *)found;
	const struct list *list = context;
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < route.count && i < MULTICAST_BRANCHES; i++) {
		if (route.branch[i].interface >= INTERFACE_MAX ||
		    view_interface(list->view, route.branch[i].interface, name) == 0)
			continue;
		bool bridge = is_bridge(list->view, route.branch[i].interface);
		json_array_append_new(
			list->array,
			json_pack("{s:i, s:o, s:s, s:s, s:i}", "vrf", (int)route.key.vrf, "group",
				  address_json(route.key.group), bridge ? "bridge" : "port", name,
				  "rpf", route.branch[i].flags & MULTICAST_NO_RPF ? "off" : "strict",
				  "ttl_threshold", (int)route.branch[i].threshold));
	}
}

static json_t *build_multicast_routes(const struct view *view, const void *only)
{
	struct list list = { view, only, json_array() };

	view_hash_walk(view, HASH_MULTICAST_ROUTE, sizeof(struct multicast_route),
		       visit_multicast_route, &list);
	return json_pack("{s:o}", "list", list.array);
}

static json_t *from_tables(const struct view *view, const char *only,
			   json_t *(*build)(const struct view *view, const void *what))
{
	json_t *object = view_row(view, build, only), *row;
	bool uncertain = json_object_get(object, "inconsistent") != NULL;
	json_t *array = json_incref(json_object_get(object, "list"));
	size_t i;

	if (uncertain)
		json_array_foreach(array, i, row)
			json_object_set_new(row, "inconsistent", json_true());
	json_decref(object);
	return array;
}

json_t *view_bridge_groups(const struct view *view, const struct arguments *arguments,
			   struct error *error)
{
	const char *only = view_name_argument(arguments, FDB_SHOW_BRIDGE);

	if (!view_bridge_exists(view, only, error))
		return NULL;
	return with_counts(view, view->model != NULL
					 ? view_private(view)->groups(view->model, only, false)
					 : from_tables(view, only, build_groups));
}

json_t *view_bridge_routers(const struct view *view, const struct arguments *arguments,
			    struct error *error)
{
	const char *only = view_name_argument(arguments, FDB_SHOW_BRIDGE);

	if (!view_bridge_exists(view, only, error))
		return NULL;
	return view->model != NULL ? view_private(view)->routers(view->model, only)
				   : from_tables(view, only, build_routers);
}

static json_t *status_unknown(struct error *error)
{
	error_set(error, ERROR_REFUSED, -ENOTCONN,
		  "snooping's state is not known while the control plane is not running");
	return NULL;
}

json_t *view_bridge_snooping(const struct view *view, const struct arguments *arguments,
			     struct error *error)
{
	const char *only = view_name_argument(arguments, FDB_SHOW_BRIDGE);

	if (!view_bridge_exists(view, only, error))
		return NULL;
	return view->model != NULL ? view_private(view)->snooping(view->model, only, false)
				   : status_unknown(error);
}

/* ---------------------------------------------------------------- routed interfaces */

/* Is it a port or VLAN subinterface? NULL: any will do. */
static bool interface_exists(const struct view *view, const char *wanted, struct error *error)
{
	char name[NAME_SIZE];

	if (wanted == NULL)
		return true;
	for (uint32_t i = 0; i < INTERFACE_FIRST_TUNNEL; i++) {
		uint64_t flags = view_interface(view, i, name);
		enum interface_kind kind = view_kind(flags);
		if ((kind == INTERFACE_PORT || kind == INTERFACE_VLAN) && flags != 0 &&
		    strcmp(wanted, name) == 0)
			return true;
	}
	error_set(error, ERROR_REFUSED, -ENOENT, "there is no port or vlan %s", wanted);
	return false;
}

json_t *view_multicast_groups(const struct view *view, const struct arguments *arguments,
			      struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);

	if (!interface_exists(view, only, error))
		return NULL;
	return with_counts(view, view->model != NULL
					 ? view_private(view)->groups(view->model, only, true)
					 : from_tables(view, only, build_routed_groups));
}

json_t *view_multicast_querier(const struct view *view, const struct arguments *arguments,
			       struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);

	if (!interface_exists(view, only, error))
		return NULL;
	return view->model != NULL ? view_private(view)->snooping(view->model, only, true)
				   : status_unknown(error);
}

json_t *view_multicast_routes(const struct view *view, const struct arguments *arguments,
			      struct error *error)
{
	(void)arguments;
	(void)error;
	return from_tables(view, NULL, build_multicast_routes);
}
