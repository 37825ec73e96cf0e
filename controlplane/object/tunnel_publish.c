/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_publish.c: tunnels in the tables: the row's object, features and underlay, the hash of
 * those that may enter; and what is in a tunnel's way.
 */
#include <stdlib.h>
#include "controlplane/object/event.h"
#include "tunnel.h"

/* ---------------------------------------------------------------- what it can do */

static bool is_admin_up(const struct interface_object *interface)
{
	return interface->settings.up;
}

bool tunnel_usable(const struct interface_object *interface)
{
	const struct tunnel_object *tunnel = interface->tunnel;

	return is_admin_up(interface) && tunnel->underlay != NULL && tunnel->trouble == TUNNEL_FINE;
}

bool tunnel_avoided(const struct interface_object *interface)
{
	return interface->tunnel != NULL && !tunnel_usable(interface) &&
	       interface->tunnel->trouble != TUNNEL_RECURSIVE;
}

/* Bytes that stand before an inner packet, an inner Ethernet header included. */
static unsigned int overhead(const struct tunnel *wire)
{
	return wire->header_length +
	       (wire->mode == TUNNEL_GRE || wire->mode == TUNNEL_IPIP ? 0u : ETHERNET_HEADER_SIZE);
}

uint16_t tunnel_mtu(const struct interface_object *interface)
{
	if (interface->settings.mtu != 0)
		return interface->settings.mtu;
	if (interface->tunnel->way != NULL)
		return (uint16_t)pseudowire_room(interface->tunnel);
	return interface->tunnel->mtu;
}

static uint16_t mtu_inside(const struct tunnel_object *tunnel)
{
	unsigned int outside = PORT_MTU_DEFAULT, inside = overhead(&tunnel->settings.wire);

	if (tunnel->underlay != NULL && tunnel->underlay->mtu != 0)
		outside = tunnel->underlay->mtu;
	return outside > inside + TUNNEL_MTU_MIN ? (uint16_t)(outside - inside) : TUNNEL_MTU_MIN;
}

static enum tunnel_trouble trouble_of(const struct tunnel_object *tunnel)
{
	if (!tunnel->local->ours)
		return TUNNEL_NO_LOCAL;
	if (tunnel->underlay != NULL && tunnel->underlay->trouble != TUNNEL_FINE)
		return tunnel->underlay->trouble;
	return tunnel->silent ? TUNNEL_SILENT : TUNNEL_FINE;
}

static bool row_valid(const struct model *model, const struct interface_object *interface)
{
	return (word_load(&model->tables->interface[interface->index].flags) & INTERFACE_VALID) !=
	       0;
}

static const char *trouble_text(enum tunnel_trouble trouble)
{
	static const char *const texts[] = {
		[TUNNEL_FINE] = "",
		[TUNNEL_NO_LOCAL] = "local address is not ours",
		[TUNNEL_NO_ROUTE] = "no route to the remote end",
		[TUNNEL_OWN] = "remote address is our own",
		[TUNNEL_RECURSIVE] = "the way to the remote end leads through the tunnel itself",
		[TUNNEL_BY_DOWN] = "the way to the remote end leads through a tunnel that is down",
		[TUNNEL_SILENT] = "no answer to keepalives",
	};

	return texts[trouble];
}

/* Up and down as events; what was so before this process began is no news. */
static void tell(struct model *model, struct tunnel_object *tunnel)
{
	enum tunnel_told now = tunnel->usable ? TOLD_UP : TOLD_DOWN;

	if (now == tunnel->told)
		return;
	tunnel->told = now;
	if (now == TOLD_UP)
		model_event(model, EVENT_TUNNEL, tunnel->interface->name, "up");
	else
		model_event(model, EVENT_TUNNEL, tunnel->interface->name, "down: %s",
			    is_admin_up(tunnel->interface) ? trouble_text(tunnel->trouble)
							   : "set down");
}

bool tunnel_evaluate(struct model *model, struct tunnel_object *tunnel)
{
	struct interface_object *interface = tunnel->interface;
	_Atomic uint64_t *word = &model->tables->interface[interface->index].underlay;
	uint16_t mtu = tunnel->mtu;
	uint64_t leaf = 0;

	if (!model->settled || !row_valid(model, interface))
		return false;
	bool avoided = tunnel->avoided, usable = tunnel->usable;
	if (tunnel->told == TOLD_NOTHING)
		tunnel->told = word_load(word) != 0 ? TOLD_UP : TOLD_DOWN;
	tunnel->trouble = trouble_of(tunnel);
	tunnel->usable = tunnel_usable(interface);
	tunnel->avoided = tunnel_avoided(interface);
	tunnel->mtu = mtu_inside(tunnel);
	if (tunnel->underlay != NULL && tunnel->trouble == TUNNEL_FINE)
		leaf = tunnel->underlay->leaf;
	if (word_load(word) != leaf)
		word_store(word, leaf);
	if (tunnel->usable != usable)
		tunnel->changed = model_now(model);
	tell(model, tunnel);
	if (tunnel->mtu != mtu) {
		interface_flags_publish(model, interface);
		pseudowires_mtu_changed(model);
	}
	if (tunnel->mtu != mtu || tunnel->usable != usable)
		nexthop_refresh_interface(model, interface);
	return tunnel->usable != usable || tunnel->avoided != avoided;
}

void tunnel_changed(struct model *model, struct tunnel_object *tunnel)
{
	if (tunnel_evaluate(model, tunnel)) {
		route_refresh(model);
		underlay_mark_nested(model);
	}
	underlay_follow(model);
}

bool tunnel_private_status(const struct model *model, uint32_t index, struct tunnel_status *status)
{
	const struct interface_object *interface =
		index < INTERFACE_MAX ? model->interface[index] : NULL;

	if (interface == NULL || interface->tunnel == NULL)
		return false;
	const struct tunnel_object *tunnel = interface->tunnel;
	*status = (struct tunnel_status){
		.reason = is_admin_up(interface) ? trouble_text(tunnel->trouble) : "set down",
		.changed = (model_now(model) - tunnel->changed) / 1000000000u,
		.keepalive = tunnel->settings.keepalive,
		.retries = tunnel->settings.retries,
		.sent = tunnel->keepalives_sent,
		.answered = tunnel->keepalives_answered,
		.unanswered = tunnel->unanswered,
	};
	return true;
}

/* ---------------------------------------------------------------- the row */

/* A changed object is a new one and one store; the hash's copy of the flags follows. */
static int publish_object(struct model *model, const struct interface_object *interface)
{
	struct interface *row = &model->tables->interface[interface->index];
	uint64_t before = word_load(&row->object);
	const struct tunnel *wire = &interface->tunnel->settings.wire;

	if (before != 0 && memcmp(tables_object(model->tables, before), wire, sizeof(*wire)) == 0)
		return 0;
	uint64_t offset = heap_allocate(model->heap, sizeof(*wire));
	if (offset == 0)
		return -ENOSPC;
	memcpy(heap_object(model->heap, offset), wire, sizeof(*wire));
	word_store(&row->object, offset);
	if (before != 0)
		heap_free(model->heap, before, sizeof(*wire));
	return 0;
}

int tunnel_row_publish(struct model *model, const struct interface_object *interface)
{
	struct interface *row = &model->tables->interface[interface->index];
	uint64_t mss = (uint64_t)interface->tunnel->settings.mss << INTERFACE_MSS_SHIFT;
	uint64_t features = word_load(&row->features);
	int result = when_full_again(model, publish_object(model, interface));

	if (result != 0)
		return result;
	if (interface->tunnel->way != NULL)
		word_store(&row->underlay, pseudowire_leaf(interface->tunnel));
	else if (!row_valid(model, interface))
		word_store(&row->underlay, 0);
	if ((features & 0xffffull << INTERFACE_MSS_SHIFT) != mss)
		word_store(&row->features, (features & ~(0xffffull << INTERFACE_MSS_SHIFT)) | mss);
	return 0;
}

/* ---------------------------------------------------------------- local addresses */

static bool is_ours(const struct model *model, const struct tunnel_place *place)
{
	const struct address *address = (const struct address *)place->address;
	struct route_prefix host =
		route_prefix_of(place->vrf, address, address_is_ipv4(address) ? 32 : 128);
	uint32_t leaf = fib_get(model, &host);

	return leaf & ROUTE_SYSTEM && route_kind(leaf) == ROUTE_LOCAL;
}

void tunnel_address_changed(struct model *model, uint16_t vrf, const struct address *address)
{
	struct tunnel_place place = { .vrf = vrf };
	struct tunnel_object *tunnel;
	struct tunnel_local *local;

	memcpy(place.address, address, sizeof(place.address));
	HASH_FIND(hh, model->tunnel_locals, &place, sizeof(place), local);
	if (local == NULL || local->ours == is_ours(model, &place))
		return;
	local->ours = !local->ours;
	DL_FOREACH2(local->tunnels, tunnel, local_next)
	tunnel_changed(model, tunnel);
}

static struct tunnel_local *local_acquire(struct model *model, const struct tunnel *wire)
{
	struct tunnel_place place = { .vrf = wire->vrf };
	struct tunnel_local *local;

	memcpy(place.address, wire->local, sizeof(place.address));
	HASH_FIND(hh, model->tunnel_locals, &place, sizeof(place), local);
	if (local != NULL)
		return local;
	local = calloc(1, sizeof(*local));
	if (local == NULL)
		return NULL;
	local->place = place;
	local->ours = is_ours(model, &place);
	HASH_ADD(hh, model->tunnel_locals, place, sizeof(place), local);
	return local;
}

static void local_release(struct model *model, struct tunnel_local *local)
{
	if (local->tunnels != NULL)
		return;
	HASH_DEL(model->tunnel_locals, local);
	free(local);
}

/* ---------------------------------------------------------------- the object */

struct tunnel_key tunnel_key_of(const struct tunnel *wire)
{
	struct tunnel_key key = { .id = wire->id,
				  .vrf = wire->vrf,
				  .mode = wire->mode,
				  .keyed = (wire->flags & TUNNEL_KEY) != 0 };

	memcpy(key.local, wire->local, sizeof(key.local));
	memcpy(key.remote, wire->remote, sizeof(key.remote));
	return key;
}

/* A row that was found says how the tunnel was when the last process ended. */
static void take_over(struct model *model, struct tunnel_object *tunnel)
{
	const struct interface *row = &model->tables->interface[tunnel->interface->index];
	bool had_way = word_load(&row->underlay) != 0;

	tunnel->mtu = mtu_inside(tunnel);
	if (!row_valid(model, tunnel->interface))
		return;
	if (tunnel->interface->settings.mtu == 0)
		tunnel->mtu = (uint16_t)(word_load(&row->flags) >> INTERFACE_MTU_SHIFT);
	tunnel->silent = tunnel->settings.keepalive != 0 && !had_way;
	tunnel->usable = had_way && is_admin_up(tunnel->interface);
	tunnel->trouble = had_way ? TUNNEL_FINE : TUNNEL_NO_ROUTE;
}

int tunnel_attach(struct model *model, struct interface_object *interface,
		  const struct tunnel_settings *settings)
{
	struct tunnel_object *tunnel = calloc(1, sizeof(*tunnel));

	if (tunnel == NULL)
		return -ENOMEM;
	tunnel->interface = interface;
	tunnel->settings = *settings;
	tunnel->key = tunnel_key_of(&settings->wire);
	tunnel->trouble = TUNNEL_NO_ROUTE;
	tunnel->changed = model_now(model);
	tunnel->local = local_acquire(model, &settings->wire);
	if (tunnel->local == NULL) {
		free(tunnel);
		return -ENOMEM;
	}
	if (!tunnel_is_any(settings->wire.remote)) {
		tunnel->underlay = underlay_acquire(model, tunnel);
		if (tunnel->underlay == NULL) {
			local_release(model, tunnel->local);
			free(tunnel);
			return -ENOMEM;
		}
		DL_APPEND2(tunnel->underlay->tunnels, tunnel, under_prev, under_next);
	}
	DL_APPEND2(tunnel->local->tunnels, tunnel, local_prev, local_next);
	HASH_ADD(hh, model->tunnels, key, sizeof(tunnel->key), tunnel);
	interface->tunnel = tunnel;
	take_over(model, tunnel);
	return 0;
}

void tunnel_detach(struct model *model, struct interface_object *interface)
{
	struct tunnel_object *tunnel = interface->tunnel;

	if (model->settled)
		tunnel_remove(&model->tunnel_table, &tunnel->settings.wire, interface->index);
	keepalive_stop(model, tunnel);
	HASH_DEL(model->tunnels, tunnel);
	DL_DELETE2(tunnel->local->tunnels, tunnel, local_prev, local_next);
	local_release(model, tunnel->local);
	if (tunnel->underlay != NULL) {
		DL_DELETE2(tunnel->underlay->tunnels, tunnel, under_prev, under_next);
		underlay_release(model, tunnel->underlay);
	}
	interface->tunnel = NULL;
	free(tunnel);
}

void tunnel_close(struct model *model)
{
	struct tunnel_object *tunnel, *next;
	struct tunnel_local *local, *next_local;

	HASH_ITER(hh, model->tunnels, tunnel, next)
	{
		HASH_DEL(model->tunnels, tunnel);
		free(tunnel);
	}
	HASH_ITER(hh, model->tunnel_locals, local, next_local)
	{
		HASH_DEL(model->tunnel_locals, local);
		free(local);
	}
	underlays_close(model);
	pseudowires_close(model);
}

/* ---------------------------------------------------------------- settle */

struct sweep {
	struct model *model;
	struct stranger {
		struct tunnel wire;
		uint32_t interface;
	} * stranger;
	size_t count, size;
};

/* An entry that no tunnel asked for, noted as the tunnel that it would be. */
static void note(struct sweep *sweep, const struct tunnel *wire, uint32_t index)
{
	const struct interface_object *interface =
		index < INTERFACE_MAX ? sweep->model->interface[index] : NULL;
	struct tunnel_key key = tunnel_key_of(wire);

	if (interface != NULL && interface->tunnel != NULL &&
	    memcmp(&interface->tunnel->key, &key, sizeof(key)) == 0)
		return;
	if (sweep->count == sweep->size) {
		size_t size = sweep->size == 0 ? 64 : sweep->size * 2;
		struct stranger *larger = realloc(sweep->stranger, size * sizeof(*larger));
		if (larger == NULL)
			return;
		sweep->stranger = larger;
		sweep->size = size;
	}
	sweep->stranger[sweep->count++] = (struct stranger){ *wire, index };
}

static bool set_form(struct tunnel *wire, uint8_t form)
{
	static const struct {
		uint8_t mode;
		uint32_t flags;
	} forms[TUNNEL_FORM_VXLAN + 1] = {
		[TUNNEL_FORM_GRE] = { TUNNEL_GRE, 0 },
		[TUNNEL_FORM_GRE_KEY] = { TUNNEL_GRE, TUNNEL_KEY },
		[TUNNEL_FORM_GRETAP] = { TUNNEL_GRETAP, 0 },
		[TUNNEL_FORM_GRETAP_KEY] = { TUNNEL_GRETAP, TUNNEL_KEY },
		[TUNNEL_FORM_IPIP] = { TUNNEL_IPIP, 0 },
		[TUNNEL_FORM_VXLAN] = { TUNNEL_VXLAN, 0 },
	};

	if (form > TUNNEL_FORM_VXLAN)
		return false;
	wire->mode = forms[form].mode;
	wire->flags = forms[form].flags;
	return true;
}

static void map_ipv4(uint8_t to[16], const uint8_t from[4])
{
	to[10] = to[11] = 0xff;
	memcpy(to + 12, from, 4);
}

static void note_ipv4(void *context, const void *found)
{
	static const uint8_t any[4];
	const struct tunnel_entry_ipv4 *entry = found;
	struct tunnel wire = { .id = entry->key.id, .vrf = entry->key.vrf };

	map_ipv4(wire.local, entry->key.local);
	if (memcmp(entry->key.remote, any, sizeof(any)) != 0)
		map_ipv4(wire.remote, entry->key.remote);
	if (set_form(&wire, entry->key.form))
		note(context, &wire, entry->value.interface);
}

static void note_ipv6(void *context, const void *found)
{
	const struct tunnel_entry_ipv6 *entry = found;
	struct tunnel wire = { .id = entry->key.id, .vrf = entry->key.vrf };

	memcpy(wire.local, entry->key.local, sizeof(wire.local));
	memcpy(wire.remote, entry->key.remote, sizeof(wire.remote));
	if (set_form(&wire, entry->key.form))
		note(context, &wire, entry->value.interface);
}

static void sweep_entries(struct model *model)
{
	struct sweep sweep = { .model = model };

	hash_walk(model->tables, HASH_TUNNEL_IPV4, note_ipv4, &sweep);
	hash_walk(model->tables, HASH_TUNNEL_IPV6, note_ipv6, &sweep);
	for (size_t i = 0; i < sweep.count; i++)
		tunnel_remove(&model->tunnel_table, &sweep.stranger[i].wire,
			      sweep.stranger[i].interface);
	free(sweep.stranger);
}

void tunnel_settle(struct model *model)
{
	struct tunnel_local *local;

	sweep_entries(model);
	for (local = model->tunnel_locals; local != NULL; local = local->hh.next)
		local->ours = is_ours(model, &local->place);
	underlay_follow(model);
	for (struct tunnel_object *t = model->tunnels; t != NULL; t = t->hh.next) {
		bool lets_in = row_valid(model, t->interface);
		tunnel_changed(model, t);
		keepalive_start(model, t);
		if (lets_in &&
		    tunnel_add(&model->tunnel_table, &t->settings.wire, t->interface->index) != 0)
			model_complain(model, "tunnel %s: not in the tables: no memory",
				       t->interface->name);
	}
}
