/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nexthop.c: shared nexthops: found by what they are, counted by who uses them, written as
 * rewrites.
 */
#include <stdio.h>
#include <stdlib.h>
#include "model.h"

enum { TYPE_MPLS = 0x8847 };

/* ---------------------------------------------------------------- rewrites */

static enum nexthop_kind make_rewrite(const struct nexthop_object *nexthop, struct rewrite *rewrite)
{
	const struct interface_object *interface = nexthop->interface, *port;

	memset(rewrite, 0, sizeof(*rewrite));
	if (nexthop->key.nowhere != NEXTHOP_FREE)
		return (enum nexthop_kind)nexthop->key.nowhere;
	port = interface->parent != NULL ? interface->parent : interface;
	if (interface->tunnel == NULL)
		rewrite->header_length = (uint8_t)interface_header(
			interface, nexthop->neighbour->mac, TYPE_MPLS, rewrite->header);
	rewrite->label_count = nexthop->key.label_count;
	memcpy(rewrite->label, nexthop->key.label, sizeof(rewrite->label));
	memcpy(rewrite->via, nexthop->key.via, sizeof(rewrite->via));
	rewrite->flags = nexthop->key.flags;
	rewrite->port = interface->kind == INTERFACE_BRIDGE || interface->tunnel != NULL
				? PORT_VIRTUAL
				: (uint8_t)port->index;
	rewrite->interface = interface->index;
	rewrite->mtu = interface_mtu(interface);
	rewrite->backup = nexthop->backup != NULL ? nexthop->backup->index : NEXTHOP_NONE;
	if (interface->tunnel != NULL)
		return tunnel_usable(interface) ? NEXTHOP_FORWARD : NEXTHOP_UNRESOLVED;
	/* a port that is set down is the data plane's to see: then a backup takes over */
	bool usable = neighbour_known(nexthop->neighbour) && interface->mac != 0 &&
		      (interface->parent == NULL || interface->settings.up);
	return usable ? NEXTHOP_FORWARD : NEXTHOP_UNRESOLVED;
}

void nexthop_refresh(struct model *model, struct nexthop_object *nexthop)
{
	struct rewrite rewrite;

	if (!model->settled || nexthop->interface == NULL)
		return;
	enum nexthop_kind kind = make_rewrite(nexthop, &rewrite);
	nexthop->dirty = nexthop_set(model->pool, nexthop->index, kind, &rewrite) != 0;
	if (nexthop->dirty)
		model->dirty = true;
}

void nexthop_refresh_interface(struct model *model, struct interface_object *interface)
{
	const struct neighbour_object *neighbour;
	struct nexthop_object *nexthop;

	DL_FOREACH(interface->neighbours, neighbour)
	DL_FOREACH(neighbour->nexthops, nexthop)
	nexthop_refresh(model, nexthop);
}

void nexthop_refresh_dirty(struct model *model)
{
	model->dirty = false;
	for (struct nexthop_object *n = model->nexthops; n != NULL; n = n->hh.next)
		if (n->dirty)
			nexthop_refresh(model, n);
}

/* ---------------------------------------------------------------- references */

/* No worker can get at it any more by a label or group that it read before. */
static void expire(void *context, uint64_t index)
{
	struct model *model = context;

	model->nexthop_count--;
	nexthop_remove(model->pool, (uint32_t)index);
}

static void forget_cached(struct model *model, const struct nexthop_object *nexthop)
{
	for (unsigned int i = 0; i < REQUEST_CACHE; i++)
		if (model->cache[i].nexthop == nexthop)
			model->cache[i].nexthop = NULL;
}

static void unlink_nexthop(struct model *model, struct nexthop_object *nexthop)
{
	DL_DELETE(nexthop->neighbour->nexthops, nexthop);
	neighbour_release(model, nexthop->neighbour);
}

/* Take the object out of the model; its index follows after a grace period. */
static void discard(struct model *model, struct nexthop_object *nexthop)
{
	if (nexthop->shared)
		HASH_DEL(model->nexthops, nexthop);
	model->nexthop[nexthop->index] = NULL;
	heap_defer(model->heap, expire, model, nexthop->index);
	free(nexthop);
}

void nexthop_release(struct model *model, struct nexthop_object *nexthop)
{
	if (--nexthop->references > 0)
		return;
	forget_cached(model, nexthop);
	if (nexthop->neighbour != NULL)
		unlink_nexthop(model, nexthop);
	nexthop->neighbour = NULL;
	nexthop->interface = NULL;
	if (nexthop->backup != NULL)
		nexthop_release(model, nexthop->backup);
	if (!nexthop->found || model->settled)
		discard(model, nexthop);
}

/* The first reference: it goes by a neighbour, and its backup is in use. */
static int link_nexthop(struct model *model, struct nexthop_object *nexthop)
{
	struct interface_object *interface = model->interface[nexthop->key.interface];

	if (nexthop->key.nowhere != NEXTHOP_FREE)
		return 0;
	nexthop->neighbour = neighbour_acquire(model, nexthop->key.via, interface);
	if (nexthop->neighbour == NULL)
		return -ENOMEM;
	nexthop->interface = interface;
	DL_APPEND(nexthop->neighbour->nexthops, nexthop);
	neighbour_need(model, nexthop->neighbour);
	return 0;
}

static int create(struct model *model, const struct nexthop_key *key, struct nexthop_object *backup,
		  struct nexthop_object **out)
{
	struct nexthop_object *nexthop = calloc(1, sizeof(*nexthop));
	struct rewrite rewrite;

	if (nexthop == NULL)
		return -ENOMEM;
	nexthop->key = *key;
	nexthop->backup = backup;
	int result = link_nexthop(model, nexthop);
	if (result == 0) {
		enum nexthop_kind kind = make_rewrite(nexthop, &rewrite);
		result = when_full_again(model,
					 nexthop_add(model->pool, kind, &rewrite, &nexthop->index));
		if (result != 0 && nexthop->neighbour != NULL)
			unlink_nexthop(model, nexthop);
	}
	if (result != 0) {
		free(nexthop);
		return result;
	}
	nexthop->shared = true;
	model->nexthop[nexthop->index] = nexthop;
	model->nexthop_count++;
	HASH_ADD(hh, model->nexthops, key, sizeof(nexthop->key), nexthop);
	*out = nexthop;
	return 0;
}

static int acquire_backup(struct model *model, const struct nexthop_key *key,
			  struct nexthop_object **backup)
{
	struct nexthop_key backup_key = {
		.interface = key->backup_interface,
		.label_count = key->label_count,
		.flags = (uint8_t)(REWRITE_IS_BACKUP | (key->flags & REWRITE_ENTROPY) |
				   (key->flags & REWRITE_BACKUP_DEV ? REWRITE_DEV_GIVEN : 0)),
	};

	*backup = NULL;
	if (!key->has_backup)
		return 0;
	memcpy(backup_key.via, key->backup_via, sizeof(backup_key.via));
	memcpy(backup_key.label, key->label, sizeof(backup_key.label));
	return nexthop_acquire_key(model, &backup_key, backup);
}

int nexthop_acquire_key(struct model *model, const struct nexthop_key *key,
			struct nexthop_object **out)
{
	struct nexthop_object *nexthop, *backup;
	int result;

	HASH_FIND(hh, model->nexthops, key, sizeof(*key), nexthop);
	if (nexthop == NULL || nexthop->references == 0) {
		result = acquire_backup(model, key, &backup);
		if (result != 0)
			return result;
		if (nexthop == NULL) {
			result = create(model, key, backup, &nexthop);
		} else {
			nexthop->backup = backup;
			result = link_nexthop(model, nexthop);
		}
		if (result != 0) {
			if (backup != NULL)
				nexthop_release(model, backup);
			return result;
		}
	}
	nexthop->references++;
	*out = nexthop;
	return 0;
}

/* ---------------------------------------------------------------- resolution */

/* Without dev: whose network has the address. */
static struct interface_object *connected_interface(const struct model *model, uint32_t vrf,
						    const struct address *via)
{
	const struct address_object *object;

	DL_FOREACH2(model->addresses, object, all_next)
	if (object->interface->settings.vrf == vrf && !object->leaving &&
	    object->interface->kind != INTERFACE_LOOPBACK &&
	    prefix_contains(&object->address, object->length, via))
		return object->interface;
	return NULL;
}

/* Into a tunnel: to its other end, whatever the address there. */
static int resolve_tunnel(struct interface_object *interface, const struct address *via,
			  const char *text, const char *where, struct interface_object **out,
			  struct error *error)
{
	const char *name = interface->name;

	if (!tunnel_carries_ip(interface))
		return refuse(error, -EINVAL,
			      "%sdev %s carries Ethernet: expected a gre or ipip tunnel", where,
			      name);
	if (via != NULL && !address_connected(interface, via))
		return refuse(error, -ENETUNREACH, "%snexthop %s is on no connected network of %s",
			      where, text, name);
	*out = interface;
	return 0;
}

static int resolve_dev(struct model *model, const struct address *via, const char *text,
		       const char *dev, const char *where, struct interface_object **out,
		       struct error *error)
{
	struct interface_object *interface = interface_find(model, dev);

	if (interface == NULL)
		return refuse(error, -ENOENT,
			      "%sdev %s does not exist: expected a port, vlan or tunnel", where,
			      dev);
	if (interface->kind == INTERFACE_LOOPBACK)
		return refuse(error, -EINVAL,
			      "%sdev %s is a loopback: expected a port, vlan or tunnel", where,
			      dev);
	if (interface->tunnel != NULL)
		return resolve_tunnel(interface, via, text, where, out, error);
	if (via == NULL)
		return refuse(error, -EINVAL,
			      "%sdev %s alone: %s is an Ethernet interface, expected via IP dev %s",
			      where, dev, dev, dev);
	if (!address_connected(interface, via))
		return refuse(error, -ENETUNREACH, "%snexthop %s is on no connected network of %s",
			      where, text, dev);
	*out = interface;
	return 0;
}

static int resolve_via(struct model *model, uint32_t vrf, const struct address *via,
		       const char *text, const char *where, struct interface_object **out,
		       struct error *error)
{
	if (via == NULL)
		return refuse(error, -EINVAL, "%sno nexthop: expected via IP [dev IF]", where);
	if (address_is_link_local(via))
		return refuse(error, -EINVAL, "%snexthop %s is link-local: expected via %s dev IF",
			      where, text, text);
	*out = connected_interface(model, vrf, via);
	if (*out == NULL)
		return refuse(error, -ENETUNREACH, "%snexthop %s is on no connected network", where,
			      text);
	return 0;
}

/* The interface that a via leads to. */
static int resolve(struct model *model, uint32_t vrf, const struct address *via, const char *dev,
		   const char *where, struct interface_object **interface, struct error *error)
{
	char text[46] = "";

	if (via != NULL)
		address_format(via, text);
	int result = dev[0] != 0 ? resolve_dev(model, via, text, dev, where, interface, error)
				 : resolve_via(model, vrf, via, text, where, interface, error);
	if (result == 0 && (*interface)->tunnel != NULL && !tunnel_has_remote(*interface))
		return refuse(error, -EINVAL,
			      "%sdev %s has remote any: expected a tunnel to one remote", where,
			      (*interface)->name);
	if (result != 0 || via == NULL)
		return result;
	const struct address_object *own = address_own(model, (*interface)->settings.vrf, via);
	if (own != NULL)
		return refuse(error, -EINVAL, "%snexthop %s is our own address on %s", where, text,
			      own->interface->name);
	const struct address_object *network = address_covering(*interface, via);
	const char *trouble = address_trouble(via, network != NULL ? network->length : 32, false);
	if (trouble != NULL)
		return refuse(error, -EINVAL, "%snexthop %s %s: expected a host's unicast address",
			      where, text, trouble);
	return 0;
}

int nexthop_resolve(struct model *model, const struct nexthop_request *request, const char *where,
		    struct nexthop_key *key, struct error *error)
{
	struct interface_object *interface, *backup;
	int result = resolve(model, request->vrf,
			     request->has_via ? (const struct address *)request->via : NULL,
			     request->dev, where, &interface, error);

	if (result != 0)
		return result;
	memset(key, 0, sizeof(*key));
	memcpy(key->via, request->via, sizeof(key->via));
	memcpy(key->label, request->label, sizeof(key->label));
	key->label_count = request->label_count;
	key->interface = interface->index;
	key->flags = (uint8_t)((request->dev[0] != 0 ? REWRITE_DEV_GIVEN : 0) |
			       (request->entropy ? REWRITE_ENTROPY : 0));
	if (!request->has_backup)
		return 0;
	char where_backup[64];
	snprintf(where_backup, sizeof(where_backup), "%sbackup ", where);
	result = resolve(model, request->vrf, (const struct address *)request->backup_via,
			 request->backup_dev, where_backup, &backup, error);
	if (result != 0)
		return result;
	if (backup == interface && memcmp(request->via, request->backup_via, 16) == 0)
		return refuse(error, -EINVAL,
			      "%sbackup is the nexthop itself: expected another one", where);
	key->has_backup = 1;
	key->backup_interface = backup->index;
	memcpy(key->backup_via, request->backup_via, sizeof(key->backup_via));
	if (request->backup_dev[0] != 0)
		key->flags |= REWRITE_BACKUP_DEV;
	return 0;
}

/* The last ones are remembered by what was asked for: a batch of routes by few nexthops resolves
 * each once. What is remembered stays true as long as the nexthop is in use, since its interface,
 * name and address cannot go before it. */
int nexthop_acquire(struct model *model, const struct nexthop_request *request, const char *where,
		    struct nexthop_object **nexthop, struct error *error)
{
	uint64_t hash = hash_bytes(model->tables->control.hash_key, request, sizeof(*request));
	unsigned int slot = hash % REQUEST_CACHE;
	struct nexthop_key key;

	if (model->cache[slot].nexthop != NULL &&
	    memcmp(&model->cache[slot].request, request, sizeof(*request)) == 0) {
		*nexthop = model->cache[slot].nexthop;
		(*nexthop)->references++;
		return 0;
	}
	int result = nexthop_resolve(model, request, where, &key, error);
	if (result != 0)
		return result;
	result = nexthop_acquire_key(model, &key, nexthop);
	if (result == -ENOSPC)
		return refuse_full(model, error, "nexthop", model->nexthop_count, NEXTHOP_MAX - 1);
	if (result != 0)
		return refuse(error, result, "%sout of memory", where);
	model->cache[slot].request = *request;
	model->cache[slot].nexthop = *nexthop;
	return 0;
}

void nexthop_key_nowhere(enum nexthop_kind kind, struct nexthop_key *key)
{
	memset(key, 0, sizeof(*key));
	key->nowhere = (uint8_t)kind;
}

struct nexthop_object *neighbour_user(const struct neighbour_object *neighbour)
{
	struct nexthop_object *nexthop;

	DL_FOREACH(neighbour->nexthops, nexthop)
	if (nexthop != neighbour->adjacency || nexthop->references > 1)
		return nexthop;
	return NULL;
}

/* ---------------------------------------------------------------- for messages */

/* " 10.0.0.2"; nothing for a tunnel's other end. */
static void describe_via(const struct nexthop_object *nexthop, char text[48])
{
	static const uint8_t none[16];

	text[0] = text[1] = 0;
	if (memcmp(nexthop->key.via, none, sizeof(none)) == 0)
		return;
	text[0] = ' ';
	address_format((const struct address *)nexthop->key.via, text + 1);
}

void nexthop_describe(const struct model *model, const struct nexthop_object *nexthop, char *text,
		      size_t size)
{
	const struct nexthop_object *user = nexthop;
	const char *what = nexthop->key.flags & REWRITE_IS_BACKUP ? "backup nexthop" : "nexthop";
	char via[48];
	unsigned int space;
	uint32_t label;
	char route[64];

	if (nexthop->key.flags & REWRITE_IS_BACKUP)
		for (struct nexthop_object *n = model->nexthops; n != NULL; n = n->hh.next)
			if (n->backup == nexthop && n->references > 0)
				user = n;
	describe_via(nexthop, via);
	if (!label_user(model, user->index, &space, &label) &&
	    route_user(model, user->index, route, sizeof(route)))
		snprintf(text, size, "%s%s dev %s of %s", what, via, nexthop->interface->name,
			 route);
	else if (!label_user(model, user->index, &space, &label) &&
		 pseudowire_user(model, user, route, sizeof(route)))
		snprintf(text, size, "%s%s dev %s of %s", what, via, nexthop->interface->name,
			 route);
	else if (!label_user(model, user->index, &space, &label))
		snprintf(text, size, "%s%s dev %s", what, via, nexthop->interface->name);
	else if (space == 0)
		snprintf(text, size, "%s%s dev %s of label %u", what, via, nexthop->interface->name,
			 label);
	else
		snprintf(text, size, "%s%s dev %s of label %u space %u", what, via,
			 nexthop->interface->name, label, space);
}

/* ---------------------------------------------------------------- restart */

static const struct rewrite *rewrite_at(const struct model *model, uint32_t index)
{
	uint64_t word = index < NEXTHOP_MAX ? word_load(&model->tables->nexthop[index]) : 0;

	if (nexthop_kind(word) == NEXTHOP_FREE || (word & NEXTHOP_OFFSET_MASK) == 0)
		return NULL;
	return tables_object(model->tables, word & NEXTHOP_OFFSET_MASK);
}

/* The key that makes this rewrite. */
static void read_key(const struct model *model, uint32_t index, const struct rewrite *rewrite,
		     struct nexthop_key *key)
{
	const struct rewrite *backup = rewrite_at(model, rewrite->backup);
	static const uint8_t no_via[16];

	memset(key, 0, sizeof(*key));
	if (memcmp(rewrite->via, no_via, sizeof(no_via)) == 0 &&
	    rewrite->interface < INTERFACE_FIRST_TUNNEL) {
		nexthop_key_nowhere(nexthop_kind(word_load(&model->tables->nexthop[index])), key);
		return;
	}
	memcpy(key->via, rewrite->via, sizeof(key->via));
	memcpy(key->label, rewrite->label, sizeof(key->label));
	key->label_count = rewrite->label_count;
	key->interface = rewrite->interface;
	key->flags = rewrite->flags;
	if (rewrite->backup == NEXTHOP_NONE || backup == NULL)
		return;
	key->has_backup = 1;
	key->backup_interface = backup->interface;
	memcpy(key->backup_via, backup->via, sizeof(key->backup_via));
}

int nexthop_load(struct model *model)
{
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		const struct rewrite *rewrite = rewrite_at(model, i);
		struct nexthop_object *same;
		if (rewrite == NULL)
			continue;
		struct nexthop_object *nexthop = calloc(1, sizeof(*nexthop));
		if (nexthop == NULL)
			return -ENOMEM;
		nexthop->index = i;
		nexthop->found = true;
		read_key(model, i, rewrite, &nexthop->key);
		model->nexthop[i] = nexthop;
		model->nexthop_count++;
		HASH_FIND(hh, model->nexthops, &nexthop->key, sizeof(nexthop->key), same);
		nexthop->shared = same == NULL;
		if (nexthop->shared)
			HASH_ADD(hh, model->nexthops, key, sizeof(nexthop->key), nexthop);
	}
	return 0;
}

void nexthop_refresh_all(struct model *model)
{
	for (struct nexthop_object *n = model->nexthops; n != NULL; n = n->hh.next)
		if (n->references > 0)
			nexthop_refresh(model, n);
}

void nexthop_sweep(struct model *model)
{
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		struct nexthop_object *nexthop = model->nexthop[i];
		if (nexthop == NULL)
			continue;
		nexthop->found = false;
		if (nexthop->references == 0)
			discard(model, nexthop);
	}
}
