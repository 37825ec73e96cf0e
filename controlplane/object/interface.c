/* SPDX-License-Identifier: BSD-3-Clause
 *
 * interface.c: what ports, VLAN subinterfaces and loopbacks have in common: names, rows, flags,
 * MAC.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"
#include "model.h"
#include "row.h"

const char *interface_kind_name(enum interface_kind kind)
{
	switch (kind) {
	case INTERFACE_PORT:
		return "port";
	case INTERFACE_VLAN:
		return "vlan";
	case INTERFACE_LOOPBACK:
		return "loopback";
	case INTERFACE_BRIDGE:
		return "bridge";
	case INTERFACE_TUNNEL:
		return "tunnel";
	case INTERFACE_PSEUDOWIRE:
		return "pseudowire";
	default:
		return "interface";
	}
}

struct interface_object *interface_find(const struct model *model, const char *name)
{
	struct interface_object *interface;

	HASH_FIND_STR(model->interfaces, name, interface);
	if (interface == NULL)
		HASH_FIND_STR(model->tunnel_interfaces, name, interface);
	return interface;
}

struct interface_object *interface_get(const struct model *model, const char *name,
				       struct error *error)
{
	struct interface_object *interface = interface_find(model, name);

	if (interface == NULL)
		refuse(error, -ENOENT,
		       "interface %s does not exist: expected a port, vlan, loopback, bridge or "
		       "tunnel",
		       name);
	return interface;
}

int interface_name_free(const struct model *model, const char *name, struct error *error)
{
	const struct interface_object *interface = interface_find(model, name);

	if (interface == NULL)
		return 0;
	return refuse(error, -EEXIST, "%s %s exists already", interface_kind_name(interface->kind),
		      name);
}

uint16_t interface_mtu(const struct interface_object *interface)
{
	uint16_t mtu = interface->settings.mtu, limit = interface->device_mtu;

	if (interface->tunnel != NULL)
		return tunnel_mtu(interface);
	if (interface->parent != NULL)
		limit = interface_mtu(interface->parent);
	else if (mtu == 0)
		mtu = PORT_MTU_DEFAULT;
	if (limit == 0)
		return mtu;
	return mtu != 0 && mtu < limit ? mtu : limit;
}

bool interface_is_up(const struct interface_object *interface)
{
	return interface->settings.up &&
	       (interface->parent == NULL || interface_is_up(interface->parent));
}

static bool has_vlans(const struct model *model, const struct interface_object *port)
{
	for (const struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next)
		if (i->parent == port)
			return true;
	return false;
}

static uint64_t interface_flags(const struct model *model, const struct interface_object *interface)
{
	const struct interface_settings *settings = &interface->settings;
	const struct interface_object *port =
		interface->parent != NULL ? interface->parent : interface;

	return INTERFACE_VALID | (interface_is_up(interface) ? INTERFACE_UP : 0) |
	       (settings->mpls ? INTERFACE_MPLS : 0) |
	       (interface->kind == INTERFACE_PORT && has_vlans(model, interface)
			? INTERFACE_HAS_VLANS
			: 0) |
	       (uint64_t)interface->kind << INTERFACE_KIND_SHIFT |
	       (uint64_t)settings->space << INTERFACE_SPACE_SHIFT |
	       (uint64_t)settings->upstream_space << INTERFACE_UPSTREAM_SHIFT |
	       (uint64_t)(interface->kind == INTERFACE_LOOPBACK  ? 0
			  : interface->kind > INTERFACE_LOOPBACK ? PORT_VIRTUAL
								 : port->index)
		       << INTERFACE_PORT_SHIFT |
	       (uint64_t)interface_mtu(interface) << INTERFACE_MTU_SHIFT |
	       (uint64_t)settings->vrf << INTERFACE_VRF_SHIFT;
}

/* ---------------------------------------------------------------- rows */

static bool is_tunnel(enum interface_kind kind)
{
	return kind == INTERFACE_TUNNEL || kind == INTERFACE_PSEUDOWIRE;
}

struct interface_object *interface_new(struct model *model, const char *name,
				       enum interface_kind kind, struct interface_object *parent,
				       const struct interface_settings *settings,
				       struct error *error)
{
	uint32_t index = 0;

	if (row_take(model, kind, name, parent, settings, &index) != 0) {
		const char *table = kind == INTERFACE_PORT ? "port"
				    : is_tunnel(kind)      ? "tunnel"
							   : "interface";
		refuse_full(model, error, table, row_capacity(kind), row_capacity(kind));
		return NULL;
	}
	struct interface_object *interface = calloc(1, sizeof(*interface));
	if (interface == NULL) {
		row_abandon(model, index);
		refuse(error, -ENOMEM, "%s %s: out of memory", interface_kind_name(kind), name);
		return NULL;
	}
	snprintf(interface->name, sizeof(interface->name), "%s", name);
	interface->index = index;
	interface->kind = kind;
	interface->parent = parent;
	interface->settings = *settings;
	if (parent != NULL)
		interface->mac = parent->mac;
	else if (model->row[index] == ROW_FOUND)
		interface->mac = word_load(&model->tables->interface[index].mac);
	/* a row that was found stays so, for the sweep to know, unless the object lives to settle
	 */
	model->row[index] = ROW_USED;
	model->interface[index] = interface;
	if (is_tunnel(kind)) {
		HASH_ADD_STR(model->tunnel_interfaces, name, interface);
		model->tunnel_count++;
	} else {
		HASH_ADD_STR(model->interfaces, name, interface);
	}
	return interface;
}

static void forget(struct model *model, struct interface_object *interface)
{
	if (interface->announce)
		model->announcements--;
	model->interface[interface->index] = NULL;
	if (is_tunnel(interface->kind)) {
		HASH_DEL(model->tunnel_interfaces, interface);
		model->tunnel_count--;
	} else {
		HASH_DEL(model->interfaces, interface);
	}
	free(interface);
}

static bool row_valid(const struct model *model, uint32_t index)
{
	return (word_load(&model->tables->interface[index].flags) & INTERFACE_VALID) != 0;
}

void interface_abandon(struct model *model, struct interface_object *interface)
{
	row_abandon(model, interface->index);
	forget(model, interface);
}

void interface_features_set(struct model *model, uint32_t index, uint64_t mask, uint64_t bits)
{
	_Atomic uint64_t *features = &model->tables->interface[index].features;
	uint64_t old = word_load(features), new = (old & ~mask) | bits;

	if (old != new)
		word_store(features, new);
}

void interface_unlink_row(struct model *model, uint32_t index)
{
	if (index < PORT_MAX && word_load(&model->tables->port[index].wish) != 0)
		port_wish_set(model->tables, model->heap, index, NULL);
	word_store(&model->tables->interface[index].flags, 0);
	row_wait(model, index);
}

static void store_word(_Atomic uint64_t *word, uint64_t value)
{
	if (word_load(word) != value)
		word_store(word, value);
}

/* Everything but flags, of a row that no reader looks at. Counters of an earlier user of the row
 * are taken into the baseline. */
static int fill_row(struct model *model, const struct interface_object *interface)
{
	struct interface *row = &model->tables->interface[interface->index];

	if (row->name[0] != 0 && model->state != NULL) {
		int result = interface_baseline_set(model->tables, model->heap, interface->index,
						    model->state);
		if (result != 0)
			return result;
	}
	memset(row->name, 0, sizeof(row->name));
	memcpy(row->name, interface->name, strlen(interface->name));
	row->outer_tag = interface->settings.outer_tag;
	row->inner_tag = interface->settings.inner_tag;
	row->parent = interface->parent != NULL ? interface->parent->index : 0;
	word_store(&row->mac, interface->mac);
	interface_features_set(model, interface->index, INTERFACE_BRIDGED, 0);
	return 0;
}

static int make_spaces(struct model *model, const struct interface_settings *settings)
{
	int result = label_space_create(model->tables, model->heap, settings->space);

	if (result == 0 && settings->upstream_space != 0)
		result = label_space_create(model->tables, model->heap, settings->upstream_space);
	return result;
}

/* Subinterfaces take their port's state and MTU over, and nexthops the MTU. */
static void publish_dependents(struct model *model, struct interface_object *interface)
{
	for (struct interface_object *i = model->interfaces; i != NULL && interface->tunnel == NULL;
	     i = i->hh.next) {
		if (i->parent != interface || !row_valid(model, i->index))
			continue;
		store_word(&model->tables->interface[i->index].flags, interface_flags(model, i));
		nexthop_refresh_interface(model, i);
	}
	nexthop_refresh_interface(model, interface);
}

static uint64_t features_of(const struct interface_object *interface)
{
	uint8_t rpf = interface->settings.rpf;

	return (rpf == RPF_STRICT  ? INTERFACE_RPF_STRICT
		: rpf == RPF_LOOSE ? INTERFACE_RPF_LOOSE
				   : 0) |
	       (multicast_is_on(interface) ? INTERFACE_GROUPS : 0);
}

/* What can fail comes first; then the port's wish or the VLAN's entry, then one store of the flags.
 */
static int publish(struct model *model, struct interface_object *interface,
		   const struct interface_settings *settings)
{
	struct interface *row = &model->tables->interface[interface->index];
	int result = make_spaces(model, settings);

	if (result == 0 && !row_valid(model, interface->index)) {
		interface->settings = *settings;
		result = fill_row(model, interface);
	}
	if (result == 0 && interface->kind == INTERFACE_PORT)
		result = port_wish_publish(model, interface, settings);
	if (result == 0 && interface->tunnel != NULL)
		result = tunnel_row_publish(model, interface);
	if (result == 0 && interface->kind == INTERFACE_VLAN)
		result = vlan_entry_publish(model, interface, settings);
	if (result != 0)
		return result;
	interface->settings = *settings;
	interface_features_set(model, interface->index,
			       INTERFACE_RPF_STRICT | INTERFACE_RPF_LOOSE | INTERFACE_GROUPS,
			       features_of(interface));
	if (interface->parent != NULL && interface->mac != 0)
		store_word(&row->mac, interface->mac);
	filter_publish_interface(model, interface);
	store_word(&row->flags, interface_flags(model, interface));
	if (interface->parent != NULL)
		store_word(&model->tables->interface[interface->parent->index].flags,
			   interface_flags(model, interface->parent));
	return 0;
}

bool interface_published(const struct model *model, const struct interface_object *interface)
{
	return row_valid(model, interface->index);
}

void interface_flags_publish(struct model *model, const struct interface_object *interface)
{
	store_word(&model->tables->interface[interface->index].flags,
		   interface_flags(model, interface));
}

int interface_publish(struct model *model, struct interface_object *interface)
{
	struct interface_settings settings = interface->settings;

	return publish(model, interface, &settings);
}

int interface_apply(struct model *model, struct interface_object *interface,
		    const struct interface_settings *settings, struct error *error)
{
	struct interface_settings before = interface->settings;
	uint16_t mtu = interface_mtu(interface);

	if (!model->settled) {
		interface->settings = *settings;
		return 0;
	}
	int result = publish(model, interface, settings);
	if (result != 0) {
		interface->settings = before;
		return refuse_full(model, error, interface_kind_name(interface->kind), 0, 1);
	}
	publish_dependents(model, interface);
	bridge_interface_changed(model, interface);
	if (interface_mtu(interface) != mtu)
		underlay_mark_all(model);
	return 0;
}

void interface_delete(struct model *model, struct interface_object *interface)
{
	struct interface_object *parent = interface->parent;
	uint32_t index = interface->index;

	if (!model->settled) {
		multicast_leave(model, interface);
		member_leave(model, interface);
		interface_abandon(model, interface);
		return;
	}
	if (interface->kind == INTERFACE_VLAN)
		vlan_entry_remove(model, interface);
	multicast_leave(model, interface);
	member_leave(model, interface);
	forget(model, interface);
	interface_unlink_row(model, index);
	if (parent != NULL)
		store_word(&model->tables->interface[parent->index].flags,
			   interface_flags(model, parent));
}

static bool used_by_address(const struct interface_object *interface, struct error *error)
{
	char text[52];

	if (interface->addresses == NULL)
		return false;
	prefix_format(&interface->addresses->address, interface->addresses->length, text);
	refuse(error, -EBUSY, "%s %s is in use by address %s", interface_kind_name(interface->kind),
	       interface->name, text);
	return true;
}

int interface_unused(struct model *model, const struct interface_object *interface,
		     struct error *error)
{
	const char *kind = interface_kind_name(interface->kind);
	char text[128];

	if (interface->filter_in != 0 || interface->filter_out != 0)
		return refuse(error, -EBUSY, "%s %s is in use by filter %s", kind, interface->name,
			      filter_name(model, interface->filter_in != 0
							 ? interface->filter_in
							 : interface->filter_out));
	neighbour_flush(model, interface, NULL);
	if (fdb_stays(model, interface, NULL, error) != 0 ||
	    snooping_stays(model, interface, NULL, error) != 0)
		return error->code;
	for (const struct interface_object *i = model->interfaces;
	     i != NULL && interface->tunnel == NULL; i = i->hh.next)
		if (i->parent == interface)
			return refuse(error, -EBUSY, "%s %s is in use by vlan %s", kind,
				      interface->name, i->name);
	if (interface->tunnel != NULL && used_by_address(interface, error))
		return -EBUSY;
	for (const struct neighbour_object *n = interface->neighbours; n != NULL; n = n->next) {
		if (neighbour_user(n) == NULL)
			continue;
		nexthop_describe(model, neighbour_user(n), text, sizeof(text));
		return refuse(error, -EBUSY, "%s %s is in use by %s", kind, interface->name, text);
	}
	if (used_by_address(interface, error))
		return -EBUSY;
	if (interface->neighbours != NULL) {
		address_format((const struct address *)interface->neighbours->key.address, text);
		return refuse(error, -EBUSY, "%s %s is in use by neighbour %s", kind,
			      interface->name, text);
	}
	return 0;
}

/* ---------------------------------------------------------------- MAC */

/* Gratuitous ARP and unsolicited advertisements are due. */
static void announce(struct model *model, struct interface_object *interface)
{
	if (interface->announce || interface->addresses == NULL || interface->mac == 0)
		return;
	interface->announce = true;
	model->announcements++;
}

void interface_link_changed(struct model *model, struct interface_object *interface)
{
	struct address_object *address;

	DL_FOREACH(interface->addresses, address)
	{
		model->tentative += address->state != ADDRESS_TENTATIVE;
		address->state = ADDRESS_TENTATIVE;
		address->probes = 0;
		address->probe_due = 0;
	}
	announce(model, interface);
}

void interface_device_mtu(struct model *model, struct interface_object *port, uint16_t mtu)
{
	if (port->device_mtu == mtu)
		return;
	port->device_mtu = mtu;
	underlay_mark_all(model);
	store_word(&model->tables->interface[port->index].flags, interface_flags(model, port));
	publish_dependents(model, port);
	bridge_interface_changed(model, port);
}

void interface_mac_learned(struct model *model, struct interface_object *port, const uint8_t mac[6])
{
	uint64_t word = 0;

	memcpy(&word, mac, 6);
	for (struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		if ((i != port && i->parent != port) || i->mac == word)
			continue;
		i->mac = word;
		store_word(&model->tables->interface[i->index].mac, word);
		nexthop_refresh_interface(model, i);
		interface_link_changed(model, i);
		if (model->settled)
			multicast_port_changed(model, i);
	}
}
