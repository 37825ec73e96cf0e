/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fib.c: the route tables: which leaf stands at which prefix. On one prefix our own addresses go
 * before connected networks, these before static routes, and these before known neighbours: a host on
 * a link of ours can be led elsewhere, or nowhere.
 */
#include <stdlib.h>
#include "fib-hook.h"
#include "route.h"

enum { IPV4_OFFSET = 12 };

struct route_shadow { /* a static route that another entry of its prefix hides */
	struct route_prefix prefix;
	uint32_t leaf;
	UT_hash_handle hh;
};

/* ---------------------------------------------------------------- prefixes */

static unsigned int address_size(unsigned int family)
{
	return family == ROUTE_IPV4 ? 4 : 16;
}

static void clear_host_bits(uint8_t *bytes, unsigned int size, unsigned int length)
{
	for (unsigned int i = 0; i < size; i++)
		if (length <= i * 8)
			bytes[i] = 0;
		else if (length < i * 8 + 8)
			bytes[i] &= (uint8_t)(0xff00u >> (length - i * 8));
}

struct route_prefix route_prefix_of(uint32_t vrf, const struct address *address,
				    unsigned int length)
{
	bool ipv4 = address_is_ipv4(address);
	struct route_prefix prefix = { .vrf = (uint16_t)vrf,
				       .family = ipv4 ? ROUTE_IPV4 : ROUTE_IPV6,
				       .length = (uint8_t)length };
	unsigned int size = address_size(prefix.family);

	memcpy(prefix.bytes, address->bytes + (ipv4 ? IPV4_OFFSET : 0), size);
	clear_host_bits(prefix.bytes, size, length);
	return prefix;
}

void route_prefix_address(const struct route_prefix *prefix, struct address *address)
{
	static const uint8_t mapped[IPV4_OFFSET] = { [10] = 0xff, [11] = 0xff };
	bool ipv4 = prefix->family == ROUTE_IPV4;

	memcpy(address->bytes, mapped, sizeof(mapped));
	memcpy(address->bytes + (ipv4 ? IPV4_OFFSET : 0), prefix->bytes,
	       address_size(prefix->family));
}

void route_prefix_format(const struct route_prefix *prefix, char text[52])
{
	struct address address;

	route_prefix_address(prefix, &address);
	prefix_format(&address, prefix->length, text);
}

bool route_prefix_covers(const struct route_prefix *prefix, uint32_t vrf,
			 const struct address *address)
{
	struct route_prefix host = route_prefix_of(vrf, address, prefix->length);

	return prefix->vrf == vrf && prefix->family == host.family &&
	       memcmp(prefix->bytes, host.bytes, sizeof(host.bytes)) == 0;
}

/* ---------------------------------------------------------------- tables */

static struct lpm *table_of(const struct model *model, const struct route_prefix *prefix)
{
	return model->route_table[prefix->vrf][prefix->family];
}

uint32_t fib_get(const struct model *model, const struct route_prefix *prefix)
{
	const struct lpm *lpm = table_of(model, prefix);

	return lpm != NULL ? lpm_get(lpm, prefix->bytes, prefix->length) : LPM_NONE;
}

static struct lpm *make_table(struct model *model, unsigned int vrf, unsigned int family)
{
	struct lpm **lpm = &model->route_table[vrf][family];

	if (*lpm == NULL)
		*lpm = lpm_new(model->tables, model->heap, &model->tables->route_root[vrf][family],
			       address_size(family), vrf == 0);
	if (*lpm != NULL && model->routes_live)
		lpm_publish(*lpm);
	return *lpm;
}

static void withdraw(struct model *model, const struct route_prefix *prefix)
{
	underlay_mark(model, prefix);
	lpm_remove(table_of(model, prefix), prefix->bytes, prefix->length);
}

static int insert(struct model *model, const struct route_prefix *prefix, uint32_t leaf)
{
	struct lpm *lpm = table_of(model, prefix);

	if (lpm == NULL)
		lpm = make_table(model, prefix->vrf, prefix->family);
	if (lpm == NULL)
		return -ENOSPC;
	underlay_mark(model, prefix);
	return when_full_again(model, lpm_insert(lpm, prefix->bytes, prefix->length, leaf));
}

struct visitor {
	struct route_prefix prefix;
	int (*visit)(void *context, const struct route_prefix *prefix, uint32_t leaf);
	void *context;
};

static int visit_prefix(void *context, const uint8_t *bytes, unsigned int length, uint32_t leaf)
{
	struct visitor *visitor = context;

	memcpy(visitor->prefix.bytes, bytes, address_size(visitor->prefix.family));
	visitor->prefix.length = (uint8_t)length;
	return visitor->visit(visitor->context, &visitor->prefix, leaf);
}

int fib_walk(const struct model *model, unsigned int vrf, unsigned int family,
	     int (*visit)(void *context, const struct route_prefix *prefix, uint32_t leaf),
	     void *context)
{
	struct visitor visitor = { .visit = visit, .context = context };

	visitor.prefix.vrf = (uint16_t)vrf;
	visitor.prefix.family = (uint8_t)family;
	if (model->route_table[vrf][family] == NULL)
		return 0;
	return lpm_walk(model->route_table[vrf][family], visit_prefix, &visitor);
}

void route_counts(const struct model *model, uint64_t count[ROUTE_FAMILIES])
{
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
		count[family] = 0;
		for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++)
			if (model->route_table[vrf][family] != NULL)
				count[family] += lpm_count(model->route_table[vrf][family]);
	}
}

/* ---------------------------------------------------------------- static routes */

static uint32_t system_leaf(const struct model *model, const struct route_prefix *prefix);

static bool is_host(const struct route_prefix *prefix)
{
	return prefix->length == 8 * address_size(prefix->family);
}

/* Is the leaf a known neighbour's? Nothing else of the system's is a nexthop for one host. */
static bool is_neighbour(const struct route_prefix *prefix, uint32_t leaf)
{
	return leaf & ROUTE_SYSTEM && route_kind(leaf) == ROUTE_NEXTHOP && is_host(prefix);
}

static struct route_shadow *find_shadow(const struct model *model,
					const struct route_prefix *prefix)
{
	struct route_shadow *shadow;

	HASH_FIND(hh, model->shadows, prefix, sizeof(*prefix), shadow);
	return shadow;
}

static int set_shadow(struct model *model, const struct route_prefix *prefix, uint32_t leaf)
{
	struct route_shadow *shadow = find_shadow(model, prefix);

	if (shadow == NULL) {
		shadow = calloc(1, sizeof(*shadow));
		if (shadow == NULL)
			return -ENOSPC;
		shadow->prefix = *prefix;
		HASH_ADD(hh, model->shadows, prefix, sizeof(*prefix), shadow);
	}
	shadow->leaf = leaf;
	return 0;
}

static void drop_shadow(struct model *model, struct route_shadow *shadow)
{
	HASH_DEL(model->shadows, shadow);
	free(shadow);
}

uint32_t fib_shadow(const struct model *model, const struct route_prefix *prefix)
{
	const struct route_shadow *shadow =
		model->shadows != NULL ? find_shadow(model, prefix) : NULL;

	return shadow != NULL ? shadow->leaf : LPM_NONE;
}

uint32_t fib_static(const struct model *model, const struct route_prefix *prefix)
{
	uint32_t leaf = fib_get(model, prefix);

	return leaf & ROUTE_SYSTEM ? fib_shadow(model, prefix) : leaf;
}

bool fib_hides_static(const struct model *model, const struct route_prefix *prefix)
{
	uint32_t found = fib_get(model, prefix);

	return found & ROUTE_SYSTEM && !is_neighbour(prefix, found);
}

int fib_static_set(struct model *model, const struct route_prefix *prefix, uint32_t leaf)
{
	if (fib_hides_static(model, prefix))
		return set_shadow(model, prefix, leaf);
	return insert(model, prefix, leaf);
}

void fib_static_clear(struct model *model, const struct route_prefix *prefix)
{
	uint32_t leaf = fib_get(model, prefix);

	if (leaf & ROUTE_SYSTEM) {
		drop_shadow(model, find_shadow(model, prefix));
		return;
	}
	uint32_t neighbour = is_host(prefix) ? system_leaf(model, prefix) : LPM_NONE;
	if (neighbour != LPM_NONE)
		insert(model, prefix, neighbour); /* of a prefix that is there: fits */
	else if (leaf != LPM_NONE)
		withdraw(model, prefix);
}

/* ---------------------------------------------------------------- replacing leaves */

struct map {
	struct model *model;
	uint32_t (*map)(const struct model *model, uint32_t leaf);
	struct route_prefix *gone; /* cannot go while the trie is walked */
	size_t gone_count;
};

static int map_leaf(void *context, const struct route_prefix *found, uint32_t leaf)
{
	struct map *map = context;
	struct route_prefix prefix = *found;

	if (leaf & ROUTE_SYSTEM)
		return 0;
	uint32_t other = map->map(map->model, leaf);
	if (other == leaf)
		return 0;
	if (other != LPM_NONE)
		return insert(map->model, &prefix, other); /* of a prefix that is there: fits */
	if ((map->gone_count & (map->gone_count - 1)) == 0) {
		size_t size = map->gone_count == 0 ? 1 : map->gone_count * 2;
		void *larger = realloc(map->gone, size * sizeof(*map->gone));
		if (larger == NULL)
			abort();
		map->gone = larger;
	}
	map->gone[map->gone_count++] = prefix;
	return 0;
}

void fib_static_map(struct model *model, uint32_t (*map)(const struct model *model, uint32_t leaf))
{
	struct map context = { .model = model, .map = map };
	struct route_shadow *shadow, *next;

	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++)
		for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
			fib_walk(model, vrf, family, map_leaf, &context);
	for (size_t i = 0; i < context.gone_count; i++)
		fib_static_clear(model, &context.gone[i]);
	free(context.gone);
	HASH_ITER(hh, model->shadows, shadow, next)
	{
		shadow->leaf = map(model, shadow->leaf);
		if (shadow->leaf == LPM_NONE)
			drop_shadow(model, shadow);
	}
}

/* ---------------------------------------------------------------- the system's entries */

static bool same_address(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* The directed broadcast address of an IPv4 network (RFC 1812 4.2.2.11). False: it has none. */
static bool broadcast_of(const struct address_object *object, struct address *broadcast)
{
	if (!address_is_ipv4(&object->address) || object->length >= 31)
		return false;
	*broadcast = object->address;
	for (unsigned int bit = object->length; bit < 32; bit++)
		broadcast->bytes[IPV4_OFFSET + bit / 8] |= (uint8_t)(0x80u >> bit % 8);
	return true;
}

static bool is_local(const struct address_object *object, const struct address *address)
{
	struct address broadcast;

	return same_address(&object->address, address) ||
	       (broadcast_of(object, &broadcast) && same_address(&broadcast, address));
}

/* Nobody is behind a loopback, and everybody at a tunnel's other end. */
static uint32_t network_leaf(const struct address_object *object)
{
	const struct interface_object *interface = object->interface;

	if (object->into != NULL)
		return route_leaf(ROUTE_NEXTHOP, object->into->index);
	return interface->kind == INTERFACE_LOOPBACK || interface->tunnel != NULL
		       ? route_leaf(ROUTE_UNREACHABLE, interface->index)
		       : route_leaf(ROUTE_GLEAN, interface->index);
}

/* What the addresses and neighbours of the VRF say about a prefix. */
static uint32_t system_leaf(const struct model *model, const struct route_prefix *prefix)
{
	bool host = is_host(prefix);
	uint32_t connected = LPM_NONE, neighbour = LPM_NONE;
	const struct address_object *object;
	struct address address;

	route_prefix_address(prefix, &address);
	DL_FOREACH2(model->addresses, object, all_next)
	{
		const struct interface_object *interface = object->interface;
		if (interface->settings.vrf != prefix->vrf ||
		    address_is_link_local(&object->address))
			continue;
		if (host && is_local(object, &address))
			return route_leaf(ROUTE_LOCAL, interface->index) | ROUTE_SYSTEM;
		if (!prefix_contains(&object->address, object->length, &address))
			continue;
		if (object->length == prefix->length)
			connected = network_leaf(object);
		const struct neighbour_object *n =
			host ? neighbour_find(model, &address, interface) : NULL;
		if (n != NULL && n->adjacency != NULL)
			neighbour = route_leaf(ROUTE_NEXTHOP, n->adjacency->index);
	}
	if (neighbour != LPM_NONE)
		return neighbour | ROUTE_SYSTEM;
	return connected != LPM_NONE ? connected | ROUTE_SYSTEM : LPM_NONE;
}

static int put_system(struct model *model, const struct route_prefix *prefix, uint32_t leaf)
{
	uint32_t found = fib_get(model, prefix);
	bool hides = found != LPM_NONE && !(found & ROUTE_SYSTEM);

	if (hides && set_shadow(model, prefix, found) != 0)
		return -ENOSPC;
	return insert(model, prefix, leaf);
}

static void remove_system(struct model *model, const struct route_prefix *prefix)
{
	struct route_shadow *shadow = find_shadow(model, prefix);

	if (shadow == NULL) {
		withdraw(model, prefix);
		return;
	}
	insert(model, prefix, shadow->leaf); /* of a prefix that is there: fits */
	drop_shadow(model, shadow);
}

/* What stands at the prefix is what the system says. */
static int update(struct model *model, const struct route_prefix *prefix)
{
	uint32_t wanted = system_leaf(model, prefix), found = fib_get(model, prefix);

	if (is_neighbour(prefix, wanted) && fib_static(model, prefix) != LPM_NONE)
		wanted = LPM_NONE;
	if (wanted == found)
		return 0;
	if (wanted != LPM_NONE)
		return put_system(model, prefix, wanted);
	if (found & ROUTE_SYSTEM)
		remove_system(model, prefix);
	return 0;
}

/* The prefixes that an address speaks for. */
static unsigned int prefixes_of(const struct address_object *object, struct route_prefix prefix[3])
{
	uint32_t vrf = object->interface->settings.vrf;
	unsigned int count = 0, bits = address_is_ipv4(&object->address) ? 32 : 128;
	struct address broadcast;

	/* on every interface: they are looked for there, not in a table */
	if (address_is_link_local(&object->address))
		return 0;
	prefix[count++] = route_prefix_of(vrf, &object->address, bits);
	prefix[count++] = route_prefix_of(vrf, &object->address, object->length);
	if (broadcast_of(object, &broadcast))
		prefix[count++] = route_prefix_of(vrf, &broadcast, bits);
	return count;
}

void fib_address_removed(struct model *model, const struct address_object *object)
{
	struct route_prefix prefix[3];
	unsigned int count = prefixes_of(object, prefix);

	for (unsigned int i = 0; i < count; i++)
		update(model, &prefix[i]);
}

int fib_address_added(struct model *model, const struct address_object *object)
{
	struct route_prefix prefix[3];
	unsigned int count = prefixes_of(object, prefix);

	for (unsigned int i = 0; i < count; i++) {
		int result = update(model, &prefix[i]);
		if (result != 0)
			return result;
	}
	for (struct neighbour_object *n = object->interface->neighbours;
	     n != NULL && model->settled; n = n->next)
		if (neighbour_known(n))
			fib_neighbour_changed(model, n, true);
	return 0;
}

/* ---------------------------------------------------------------- neighbours */

static struct route_prefix host_prefix(const struct neighbour_object *neighbour)
{
	const struct address *address = (const struct address *)neighbour->key.address;

	return route_prefix_of(neighbour->interface->settings.vrf, address,
			       address_is_ipv4(address) ? 32 : 128);
}

static void add_neighbour(struct model *model, struct neighbour_object *neighbour)
{
	const struct address *address = (const struct address *)neighbour->key.address;
	struct nexthop_key key = { .interface = neighbour->key.interface };
	struct route_prefix prefix = host_prefix(neighbour);

	if (neighbour->adjacency != NULL || address_is_link_local(address) ||
	    address_covering(neighbour->interface, address) == NULL)
		return;
	memcpy(key.via, neighbour->key.address, sizeof(key.via));
	if (nexthop_acquire_key(model, &key, &neighbour->adjacency) != 0) {
		neighbour->adjacency = NULL;
		model->routes_dirty = true; /* until then its packets are gleaned */
		return;
	}
	if (update(model, &prefix) == 0)
		return;
	fib_neighbour_changed(model, neighbour, false);
	model->routes_dirty = true;
}

void fib_neighbour_changed(struct model *model, struct neighbour_object *neighbour, bool known)
{
	struct nexthop_object *adjacency = neighbour->adjacency;

	if (known) {
		add_neighbour(model, neighbour);
	} else if (adjacency != NULL) {
		struct route_prefix prefix = host_prefix(neighbour);
		neighbour->adjacency = NULL;
		update(model, &prefix);
		nexthop_release(model, adjacency);
	}
}

void fib_retry(struct model *model)
{
	for (struct neighbour_object *n = model->neighbours; n != NULL; n = n->hh.next)
		if (neighbour_known(n))
			add_neighbour(model, n);
}

/* ---------------------------------------------------------------- life */

/* A table that was left behind and is not wanted any more is replaced by an empty one. */
void fib_publish(struct model *model)
{
	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++) {
		for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
			if (model->route_table[vrf][family] == NULL &&
			    atomic_load_explicit(&model->tables->route_root[vrf][family],
						 memory_order_relaxed) != LPM_NONE &&
			    make_table(model, vrf, family) == NULL)
				model_complain(model, "routes of vrf %u: no memory", vrf);
			if (model->route_table[vrf][family] != NULL)
				lpm_publish(model->route_table[vrf][family]);
		}
	}
	model->routes_live = true;
}

void fib_close(struct model *model)
{
	struct route_shadow *shadow, *next;

	HASH_ITER(hh, model->shadows, shadow, next)
	drop_shadow(model, shadow);
	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++)
		for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
			lpm_delete(model->route_table[vrf][family]);
}
