/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_neighbour.c: addresses and neighbours.
 */
#include "view.h"

/* ---------------------------------------------------------------- addresses */

static bool address_wanted(const json_t *row, const char *dev, const char *prefix)
{
	const char *row_dev = json_string_value(json_object_get(row, "dev"));
	const char *row_prefix = json_string_value(json_object_get(row, "prefix"));

	return (dev == NULL || strcmp(dev, row_dev) == 0) &&
	       (prefix == NULL || strcmp(prefix, row_prefix) == 0);
}

json_t *view_addresses(const struct view *view, const struct arguments *arguments,
		       struct error *error)
{
	const char *dev = view_name_argument(arguments, ADDRESS_DEV);
	bool one = argument_present(arguments, ADDRESS_PREFIX);
	char prefix[64] = "";
	json_t *row;
	size_t i;

	if (view->model == NULL) {
		error_set(error, ERROR_REFUSED, -ENOTCONN,
			  "interface addresses are not known while the control plane is not "
			  "running: the shared tables, which can be read without it, do not have "
			  "them");
		return NULL;
	}
	if (one) {
		const struct value *value = &arguments->value[ADDRESS_PREFIX];
		address_format(&value->address, prefix);
		snprintf(prefix + strlen(prefix), 5, "/%u", (unsigned int)(value->number & 0xff));
	}
	json_t *all = view_private(view)->addresses(view->model), *array = json_array();
	json_array_foreach(all, i, row) if (address_wanted(row, dev, one ? prefix : NULL))
		json_array_append(array, row);
	json_decref(all);
	return array;
}

/* ---------------------------------------------------------------- neighbours */

struct neighbour_list {
	const struct view *view;
	const struct arguments *arguments;
	json_t *array;
};

static bool neighbour_wanted(const struct arguments *arguments, const struct neighbour_entry *entry,
			     const char *dev)
{
	const char *only = view_name_argument(arguments, NEIGH_DEV);

	return (only == NULL || strcmp(only, dev) == 0) &&
	       (!argument_present(arguments, NEIGH_ADDRESS) ||
		memcmp(arguments->value[NEIGH_ADDRESS].address.bytes, entry->key.address, 16) == 0);
}

/* State and age of learned ones are the control plane's own: they are left out without it. */
static void add_state(const struct view *view, json_t *row, const struct neighbour_key *key)
{
	const char *state;
	uint64_t age = 0;

	if (view->model == NULL)
		return;
	state = view_private(view)->neighbour(view->model, key, &age);
	if (state == NULL)
		return;
	json_object_set_new(row, "state", json_string(state));
	json_object_set_new(row, "age", json_integer((json_int_t)age));
}

/* One that is asked for: it has no MAC. */
static void visit_unknown(void *context, const struct neighbour_key *key)
{
	struct neighbour_list *list = context;
	struct neighbour_entry entry = { .key = *key };
	char dev[NAME_SIZE], address[46];

	if (view_interface(list->view, key->interface, dev) == 0 ||
	    !neighbour_wanted(list->arguments, &entry, dev))
		return;
	address_format((const struct address *)key->address, address);
	json_t *row =
		json_pack("{s:s, s:s, s:s}", "address", address, "dev", dev, "origin", "learned");
	add_state(list->view, row, key);
	json_array_append_new(list->array, row);
}

static void visit_neighbour(void *context, const void *found)
{
	static const char *const origins[] = {
		[ORIGIN_SYSTEM] = "system", [ORIGIN_STATIC] = "static", [ORIGIN_LEARNED] = "learned"
	};
	struct neighbour_list *list = context;
	struct neighbour_entry entry = *(const struct neighbour_entry *)found;
	char dev[NAME_SIZE], address[46], mac[18];

	if (view_interface(list->view, entry.key.interface, dev) == 0 ||
	    !neighbour_wanted(list->arguments, &entry, dev))
		return;
	address_format((const struct address *)entry.key.address, address);
	mac_format(entry.mac, mac);
	json_t *row = json_pack("{s:s, s:s, s:s, s:s}", "address", address, "lladdr", mac, "dev",
				dev, "origin",
				entry.origin <= ORIGIN_LEARNED ? origins[entry.origin] : "unknown");
	if (entry.origin == ORIGIN_STATIC)
		json_object_set_new(row, "state", json_string("permanent"));
	else
		add_state(list->view, row, &entry.key);
	json_array_append_new(list->array, row);
}

/* The whole list is one copy: an entry found twice would be worse than looking again. */
static json_t *build_neighbours(const struct view *view, const void *what)
{
	struct neighbour_list list = { view, what, json_array() };

	view_hash_walk(view, HASH_NEIGHBOUR, sizeof(struct neighbour_entry), visit_neighbour,
		       &list);
	if (view->model != NULL)
		view_private(view)->unknown_neighbours(view->model, visit_unknown, &list);
	return json_pack("{s:o}", "list", list.array);
}

json_t *view_neighbours(const struct view *view, const struct arguments *arguments,
			struct error *error)
{
	json_t *object = view_row(view, build_neighbours, arguments), *row;
	bool uncertain = json_object_get(object, "inconsistent") != NULL;
	json_t *array = json_incref(json_object_get(object, "list"));
	size_t i;

	(void)error;
	if (uncertain)
		json_array_foreach(array, i, row)
			json_object_set_new(row, "inconsistent", json_true());
	json_decref(object);
	return array;
}
