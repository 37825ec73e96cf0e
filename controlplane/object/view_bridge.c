/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_bridge.c: bridges with their ports, and the addresses that they know.
 */
#include <stdlib.h>
#include "controlplane/object/view.h"
#include "dataplane/shm/bridge.h"

enum { TRUNK_TEXT = VLAN_MAX * 6 };

/* ---------------------------------------------------------------- ports */

/* Domains of a bridge by VLAN, copied; vlan[v] false: there is none. */
struct domains {
	bool vlan[VLAN_MAX];
	struct bridge_domain domain[VLAN_MAX];
};

static void copy_domains(const struct view *view, uint64_t offset, struct domains *domains)
{
	const _Atomic uint64_t *words =
		tables_object_checked(view->tables, offset, VLAN_MAX * sizeof(uint64_t));

	for (unsigned int vlan = 0; vlan < VLAN_MAX; vlan++) {
		const struct bridge_domain *domain =
			words == NULL ? NULL
				      : tables_object_checked(view->tables, word_load(&words[vlan]),
							      sizeof(*domain));
		domains->vlan[vlan] = domain != NULL;
		if (domain != NULL)
			domains->domain[vlan] = *domain;
	}
}

static bool carries(const struct domains *domains, unsigned int vlan, unsigned int slot)
{
	return domains->vlan[vlan] && port_set_has(&domains->domain[vlan].member, slot);
}

/* VLANs that leave by the slot with a tag: "10,20-29". */
static void tagged_text(const struct domains *domains, unsigned int slot, char *text, size_t size)
{
	size_t used = 0;

	text[0] = 0;
	for (unsigned int vlan = 1; vlan <= VLAN_LAST && used < size; vlan++) {
		unsigned int last = vlan;
		while (last <= VLAN_LAST && carries(domains, last, slot) &&
		       port_set_has(&domains->domain[last].tagged, slot))
			last++;
		if (last == vlan)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%u", used > 0 ? "," : "",
					 vlan);
		if (last - 1 > vlan && used < size)
			used += (size_t)snprintf(text + used, size - used, "-%u", last - 1);
		vlan = last;
	}
}

/* How many addresses it learned, and what its limit kept out: the control plane knows. */
static void put_learning(const struct view *view, uint32_t interface, json_t *row)
{
	struct learning_status status;

	if (view->model == NULL || !view_private(view)->learning(view->model, interface, &status))
		return;
	view_number(row, "learned", status.learned);
	if (status.limit == 0)
		return;
	view_number(row, "learning_limit", status.limit);
	view_number(row, "limited", status.limited);
}

static json_t *port_row(const struct view *view, const struct domains *domains, uint32_t interface,
			unsigned int slot)
{
	static const char *const limits[STORM_KINDS] = { "storm_broadcast", "storm_multicast",
							 "storm_unicast" };
	static char text[TRUNK_TEXT];
	char name[NAME_SIZE];
	const struct bridge_port *port = tables_object_checked(
		view->tables, word_load(&view->tables->interface[interface].bridge_port),
		sizeof(*port));

	if (view_interface(view, interface, name) == 0 || port == NULL)
		return NULL;
	struct bridge_port copy = *port;
	json_t *row = json_object();
	view_string(row, "dev", name);
	tagged_text(domains, slot, text, sizeof(text));
	view_string(row, "trunk", text);
	if (copy.native != VLAN_NONE)
		view_number(row, text[0] != 0 ? "native" : "vlan", copy.native);
	json_object_set_new(row, "isolated",
			    json_boolean((copy.flags & BRIDGE_PORT_ISOLATED) != 0));
	json_object_set_new(row, "learning",
			    json_boolean((copy.flags & BRIDGE_PORT_LEARNING) != 0));
	put_learning(view, interface, row);
	for (unsigned int i = 0; i < STORM_KINDS; i++)
		if (copy.storm[i] != 0)
			view_number(row, limits[i], copy.storm[i]);
	return row;
}

static json_t *ports_of(const struct view *view, const struct bridge_row *row)
{
	const struct bridge_members *members =
		tables_object_checked(view->tables, word_load(&row->members), sizeof(*members));
	struct domains *domains = malloc(sizeof(*domains));
	json_t *array = json_array();

	if (members != NULL && domains != NULL) {
		copy_domains(view, word_load(&row->domains), domains);
		for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++) {
			uint64_t member = members->member[slot];
			json_t *port = NULL;
			if (member != 0 && member_interface(member) < INTERFACE_MAX)
				port = port_row(view, domains, member_interface(member), slot);
			if (port != NULL)
				json_array_append_new(array, port);
		}
	}
	free(domains);
	return array;
}

/* ---------------------------------------------------------------- bridges */

static unsigned int own_vlan(const struct view *view, const struct bridge_row *row)
{
	const _Atomic uint64_t *words = tables_object_checked(
		view->tables, word_load(&row->domains), VLAN_MAX * sizeof(uint64_t));

	for (unsigned int vlan = 1; words != NULL && vlan <= VLAN_LAST; vlan++) {
		const struct bridge_domain *domain = tables_object_checked(
			view->tables, word_load(&words[vlan]), sizeof(*domain));
		if (domain != NULL && port_set_has(&domain->member, SLOT_OWN))
			return vlan;
	}
	return VLAN_NONE;
}

static json_t *build_bridge(const struct view *view, const void *what)
{
	const struct bridge_row *row = &view->tables->bridge[*(const uint32_t *)what];
	uint64_t flags = word_load(&row->flags);
	struct interface_totals totals;
	char name[NAME_SIZE], mac[18];
	uint32_t interface = (uint32_t)(flags >> BRIDGE_INTERFACE_SHIFT);

	if (!(flags & BRIDGE_VALID) || interface >= INTERFACE_MAX)
		return NULL;
	uint64_t own = view_interface(view, interface, name);
	if (view_kind(own) != INTERFACE_BRIDGE)
		return NULL;
	json_t *object = json_object();
	uint64_t word = word_load(&view->tables->interface[interface].mac);
	view_string(object, "name", name);
	view_string(object, "admin", own & INTERFACE_UP ? "up" : "down");
	unsigned int vlan = own_vlan(view, row);
	if (vlan != VLAN_NONE)
		view_number(object, "vlan", vlan);
	mac_format((const uint8_t *)&word, mac);
	view_string(object, "mac", mac);
	view_number(object, "mtu", own >> INTERFACE_MTU_SHIFT & 0xffff);
	json_object_set_new(object, "mpls", json_boolean((own & INTERFACE_MPLS) != 0));
	view_number(object, "vrf", own >> INTERFACE_VRF_SHIFT & 0xffff);
	view_rpf(view, interface, object);
	json_object_set_new(object, "learning", json_boolean((flags & BRIDGE_LEARNING) != 0));
	view_number(object, "ageing", word_load(&row->ageing));
	view_string(object, "unknown_unicast", flags & BRIDGE_DROP_UNKNOWN ? "drop" : "flood");
	json_object_set_new(object, "ports", ports_of(view, row));
	interface_totals(view->tables, view->state, interface, &totals);
	view_number(object, "rx_packets", TOTAL(&totals, rx_packets));
	view_number(object, "tx_packets", TOTAL(&totals, tx_packets));
	json_object_set_new(object, "drops", view_drops(&totals));
	return object;
}

void view_bridge_name(const struct view *view, uint32_t index, char name[NAME_SIZE])
{
	uint64_t flags = index < BRIDGE_MAX ? word_load(&view->tables->bridge[index].flags) : 0;

	name[0] = 0;
	if (flags & BRIDGE_VALID)
		view_interface(view, (uint32_t)(flags >> BRIDGE_INTERFACE_SHIFT), name);
}

bool view_bridge_exists(const struct view *view, const char *wanted, struct error *error)
{
	char name[NAME_SIZE];

	if (wanted == NULL)
		return true;
	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		view_bridge_name(view, i, name);
		if (strcmp(wanted, name) == 0)
			return true;
	}
	error_set(error, ERROR_REFUSED, -ENOENT, "bridge %s does not exist", wanted);
	return false;
}

json_t *view_bridges(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	const char *only = view_name_argument(arguments, SHOW_NAME);
	char name[NAME_SIZE];

	if (!view_bridge_exists(view, only, error))
		return NULL;
	json_t *array = json_array();
	for (uint32_t i = 1; i < BRIDGE_MAX; i++) {
		view_bridge_name(view, i, name);
		if (name[0] == 0 || (only != NULL && strcmp(only, name) != 0))
			continue;
		json_t *row = view_row(view, build_bridge, &i);
		if (row != NULL)
			json_array_append_new(array, row);
	}
	return array;
}

/* ---------------------------------------------------------------- addresses */

struct fdb_list {
	const struct view *view;
	const char *only;
	json_t *array;
};

/* Seconds since any worker saw it as a source. */
static uint64_t age_of(const struct view *view, const struct fdb_entry *entry)
{
	uint64_t now = word_load(&view->tables->control.tick), seen = entry->learned;
	uint64_t workers = word_load(&view->state->control.worker_count);

	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		uint32_t hit = atomic_load_explicit(&view->state->fdb_hit[i][entry->hit],
						    memory_order_relaxed);
		if (hit > seen && hit <= now)
			seen = hit;
	}
	return now > seen ? now - seen : 0;
}

static void visit_fdb(void *context, const void *found)
{
	static const char *const origins[] = {
		[ORIGIN_SYSTEM] = "system", [ORIGIN_STATIC] = "static", [ORIGIN_LEARNED] = "learned"
	};
	struct fdb_list *list = context;
	struct fdb_entry entry = *(const struct fdb_entry *)found;
	char bridge[NAME_SIZE], dev[NAME_SIZE], mac[18];

	view_bridge_name(list->view, entry.key.bridge, bridge);
	if (bridge[0] == 0 || (list->only != NULL && strcmp(list->only, bridge) != 0) ||
	    view_interface(list->view, entry.interface, dev) == 0)
		return;
	mac_format(entry.key.mac, mac);
	json_t *row = json_pack("{s:s, s:i, s:s, s:s, s:s}", "bridge", bridge, "vlan",
				(int)entry.key.vlan, "mac", mac, "dev", dev, "origin",
				entry.origin <= ORIGIN_LEARNED ? origins[entry.origin] : "unknown");
	if (row == NULL)
		return;
	if (entry.origin == ORIGIN_LEARNED && list->view->state != NULL && entry.hit < FDB_MAX)
		view_number(row, "age", age_of(list->view, &entry));
	if (entry.flags & FDB_DAMPED)
		json_object_set_new(row, "damped", json_true());
	json_array_append_new(list->array, row);
}

static json_t *build_fdb(const struct view *view, const void *what)
{
	struct fdb_list list = { view, what, json_array() };

	view_hash_walk(view, HASH_FDB, sizeof(struct fdb_entry), visit_fdb, &list);
	return json_pack("{s:o}", "list", list.array);
}

json_t *view_fdb(const struct view *view, const struct arguments *arguments, struct error *error)
{
	const char *only = view_name_argument(arguments, FDB_SHOW_BRIDGE);
	if (!view_bridge_exists(view, only, error))
		return NULL;
	json_t *object = view_row(view, build_fdb, only), *row;
	bool uncertain = json_object_get(object, "inconsistent") != NULL;
	json_t *array = json_incref(json_object_get(object, "list"));
	size_t i;

	if (uncertain)
		json_array_foreach(array, i, row)
			json_object_set_new(row, "inconsistent", json_true());
	json_decref(object);
	return array;
}
