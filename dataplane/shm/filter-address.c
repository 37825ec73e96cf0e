/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-address.c: which elements have which prefixes. A binary radix tree a family, in private
 * memory, knows of each prefix the elements that have it (`own`) and those that cover it (`effective`:
 * own and what its nearest covering prefix has). The shared tries (lpm.h) have the effective sets.
 *
 * A change is made in two passes over what stands below the prefix: the first gets every new set,
 * which may fail, the second stores them.
 */
#include <errno.h>
#include <stdlib.h>
#include "filter-set.h"
#include "lpm.h"

enum { FIRST_NODES = 1024 };

struct node {
	uint8_t prefix[16];
	uint32_t child[2]; /* 0: none */
	uint32_t own, effective;
	uint32_t pending; /* effective-to-be between the two passes */
	uint8_t length;
	uint8_t waits; /* pending is set */
};

struct filter_addresses {
	struct tables *tables;
	struct heap *heap;
	struct filter_sets sets;
	struct node *node; /* by number; 0 is none */
	uint32_t node_count, node_capacity, node_free; /* free: list by child[0] */
	uint32_t root[ROUTE_FAMILIES];
	struct lpm *lpm[ROUTE_FAMILIES];
	uint64_t roots;
	uint32_t element_count; /* numbers ever given */
	uint32_t *element_free;
	uint32_t element_free_count;
};

/* ---------------------------------------------------------------- life */

struct filter_addresses *filter_addresses_new(struct tables *tables, struct heap *heap,
					      filter_set_added *added, void *context)
{
	struct filter_addresses *addresses = calloc(1, sizeof(*addresses));

	if (addresses == NULL)
		return NULL;
	addresses->tables = tables;
	addresses->heap = heap;
	addresses->node = calloc(FIRST_NODES, sizeof(*addresses->node));
	addresses->node_count = 1;
	addresses->node_capacity = FIRST_NODES;
	addresses->roots = heap_allocate(heap, sizeof(struct filter_roots));
	if (filter_sets_begin(&addresses->sets, heap, added, context) == 0 &&
	    addresses->node != NULL && addresses->roots != 0) {
		struct filter_roots *roots = heap_object(heap, addresses->roots);
		for (unsigned int i = 0; i < ROUTE_FAMILIES; i++)
			addresses->lpm[i] = lpm_new(tables, heap, &roots->root[i],
						    i == ROUTE_IPV4 ? 4 : 16, true);
		if (addresses->lpm[0] != NULL && addresses->lpm[1] != NULL)
			return addresses;
	}
	filter_addresses_delete(addresses);
	return NULL;
}

void filter_addresses_publish(struct filter_addresses *addresses)
{
	for (unsigned int i = 0; i < ROUTE_FAMILIES; i++)
		lpm_publish(addresses->lpm[i]);
}

void filter_addresses_delete(struct filter_addresses *addresses)
{
	if (addresses == NULL)
		return;
	for (unsigned int i = 0; i < ROUTE_FAMILIES; i++)
		lpm_delete(addresses->lpm[i]);
	filter_sets_end(&addresses->sets);
	free(addresses->node);
	free(addresses->element_free);
	free(addresses);
}

uint64_t filter_addresses_roots(const struct filter_addresses *addresses)
{
	return addresses->roots;
}

uint32_t filter_element_new(struct filter_addresses *addresses)
{
	if (addresses->element_free_count > 0)
		return addresses->element_free[--addresses->element_free_count];
	uint32_t *list = realloc(addresses->element_free,
				 (addresses->element_count + 1ull) * sizeof(*list));
	if (list == NULL)
		return 0;
	addresses->element_free = list;
	return ++addresses->element_count;
}

void filter_element_delete(struct filter_addresses *addresses, uint32_t element)
{
	if (element != 0)
		addresses->element_free[addresses->element_free_count++] = element;
}

const uint32_t *filter_set_elements(const struct filter_addresses *addresses, uint32_t set,
				    uint32_t *count)
{
	if (set >= addresses->sets.count)
		return NULL;
	*count = addresses->sets.set[set].count;
	return addresses->sets.set[set].element;
}

uint32_t filter_set_count(const struct filter_addresses *addresses)
{
	return addresses->sets.count;
}

/* ---------------------------------------------------------------- the tree */

static inline unsigned int bit_at(const uint8_t *prefix, unsigned int at)
{
	return prefix[at / 8] >> (7 - at % 8) & 1;
}

/* Leading bits that both have, `most` at most. */
static unsigned int common_bits(const uint8_t *a, const uint8_t *b, unsigned int most)
{
	for (unsigned int i = 0; i * 8 < most; i++) {
		unsigned int different = (unsigned int)(a[i] ^ b[i]);
		if (different == 0)
			continue;
		unsigned int bits = i * 8 + (unsigned int)__builtin_clz(different) - 24;
		return bits < most ? bits : most;
	}
	return most;
}

static void mask_prefix(uint8_t prefix[16], unsigned int length)
{
	for (unsigned int i = 0; i < 16; i++) {
		unsigned int keep = length > i * 8 ? length - i * 8 : 0;
		if (keep < 8)
			prefix[i] &= (uint8_t)(0xff00 >> keep);
	}
}

static uint32_t node_new(struct filter_addresses *addresses, const uint8_t *prefix,
			 unsigned int length)
{
	uint32_t index = addresses->node_free;

	if (index != 0) {
		addresses->node_free = addresses->node[index].child[0];
	} else {
		if (addresses->node_count == addresses->node_capacity) {
			struct node *node = realloc(addresses->node,
						    2ull * addresses->node_capacity * sizeof(*node));
			if (node == NULL || addresses->node_capacity > UINT32_MAX / 2)
				return 0;
			addresses->node = node;
			addresses->node_capacity *= 2;
		}
		index = addresses->node_count++;
	}
	struct node *node = &addresses->node[index];
	*node = (struct node){ .length = (uint8_t)length };
	memcpy(node->prefix, prefix, 16);
	mask_prefix(node->prefix, length);
	return index;
}

static void node_free(struct filter_addresses *addresses, uint32_t index)
{
	struct node *node = &addresses->node[index];

	filter_set_release(&addresses->sets, node->own);
	filter_set_release(&addresses->sets, node->effective);
	*node = (struct node){ .child = { addresses->node_free } };
	addresses->node_free = index;
}

/* The way to a prefix: the links followed, so that what hangs on the last one can be replaced. */
struct way {
	uint32_t parent;    /* node that the last link is in, 0: the root */
	unsigned int bit;   /* which of its links */
	uint32_t above;     /* node before that one, 0: the root ... */
	unsigned int above_bit;
	uint32_t inherited; /* effective set there */
	uint32_t node;      /* what hangs on the link, 0: nothing */
	unsigned int same;  /* bits that it has in common with the prefix */
};

static uint32_t *link_of(struct filter_addresses *addresses, unsigned int family, uint32_t parent,
			 unsigned int bit)
{
	return parent == 0 ? &addresses->root[family] : &addresses->node[parent].child[bit];
}

static struct way find_way(const struct filter_addresses *addresses,
			   const struct filter_prefix *prefix)
{
	struct way way = { .node = addresses->root[prefix->family] };

	while (way.node != 0) {
		const struct node *node = &addresses->node[way.node];
		unsigned int most =
			node->length < prefix->length ? node->length : prefix->length;
		way.same = common_bits(node->prefix, prefix->bytes, most);
		if (way.same < node->length || node->length == prefix->length)
			return way;
		way.above = way.parent;
		way.above_bit = way.bit;
		way.parent = way.node;
		way.inherited = node->effective;
		way.bit = bit_at(prefix->bytes, node->length);
		way.node = node->child[way.bit];
	}
	return way;
}

static bool is_exact(const struct filter_addresses *addresses, const struct way *way,
		     const struct filter_prefix *prefix)
{
	return way->node != 0 && addresses->node[way->node].length == prefix->length &&
	       way->same == prefix->length;
}

/* Put a node for the prefix where the way ends; returns it, 0: no memory. It has no sets yet but what
 * it inherits. */
static uint32_t insert_node(struct filter_addresses *addresses, const struct filter_prefix *prefix,
			    const struct way *way)
{
	uint32_t index = node_new(addresses, prefix->bytes, prefix->length);
	uint32_t top = index;

	if (index == 0)
		return 0;
	if (way->node != 0 && way->same < prefix->length) {
		/* both hang below what they have in common */
		top = node_new(addresses, prefix->bytes, way->same);
		if (top == 0) {
			node_free(addresses, index);
			return 0;
		}
		struct node *fork = &addresses->node[top];
		unsigned int bit = bit_at(prefix->bytes, way->same);
		fork->child[bit] = index;
		fork->child[!bit] = way->node;
		fork->effective = way->inherited;
		filter_set_hold(&addresses->sets, way->inherited);
	} else if (way->node != 0) {
		struct node *node = &addresses->node[index];
		node->child[bit_at(addresses->node[way->node].prefix, prefix->length)] = way->node;
	}
	addresses->node[index].effective = way->inherited;
	filter_set_hold(&addresses->sets, way->inherited);
	*link_of(addresses, prefix->family, way->parent, way->bit) = top;
	return index;
}

/* A node that no element has and that forks nothing is not needed. */
static void prune(struct filter_addresses *addresses, unsigned int family, uint32_t index,
		  uint32_t parent, unsigned int bit)
{
	struct node *node = index != 0 ? &addresses->node[index] : NULL;

	if (node == NULL || node->own != 0 || (node->child[0] != 0 && node->child[1] != 0))
		return;
	*link_of(addresses, family, parent, bit) =
		node->child[0] != 0 ? node->child[0] : node->child[1];
	node_free(addresses, index);
}

/* ---------------------------------------------------------------- changing sets */

/* First pass: what becomes of the node and of all below, with `inherited` above it. */
static int prepare(struct filter_addresses *addresses, uint32_t index, uint32_t own,
		   uint32_t inherited)
{
	int64_t set = filter_set_union(&addresses->sets, own, inherited);
	struct node *node = &addresses->node[index];

	if (set < 0)
		return (int)set;
	node->pending = (uint32_t)set;
	node->waits = 1;
	if (node->pending == node->effective)
		return 0;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t child = node->child[i];
		int result = child == 0 ? 0
					: prepare(addresses, child, addresses->node[child].own,
						  (uint32_t)set);
		if (result != 0)
			return result;
	}
	return 0;
}

/* Second pass: `store` takes what was prepared over, else it is given back. */
static void finish(struct filter_addresses *addresses, unsigned int family, uint32_t index,
		   bool store)
{
	struct node *node = &addresses->node[index];

	if (!node->waits)
		return;
	uint32_t old = node->effective, new = node->pending;
	node->waits = 0;
	for (unsigned int i = 0; i < 2; i++)
		if (node->child[i] != 0)
			finish(addresses, family, node->child[i], store);
	if (store && old != new && node->own != 0) /* it is there: needs no memory */
		lpm_insert(addresses->lpm[family], node->prefix, node->length, new);
	if (store)
		node->effective = new;
	filter_set_release(&addresses->sets, store ? old : new);
}

static void count_change(struct filter_addresses *addresses)
{
	struct filter_roots *roots = heap_object(addresses->heap, addresses->roots);

	word_store(&roots->changes, word_load(&roots->changes) + 1);
}

/* The node's own set becomes `own`, a reference that is taken over unless this fails. */
static int change_own(struct filter_addresses *addresses, unsigned int family, uint32_t index,
		      uint32_t own, uint32_t inherited)
{
	struct node *node = &addresses->node[index];
	uint32_t old = node->own;
	int result = prepare(addresses, index, own, inherited);

	/* what can fail: a new prefix. One that goes is removed when nothing below has its value. */
	if (result == 0 && own != 0 && old == 0)
		result = lpm_insert(addresses->lpm[family], node->prefix, node->length,
				    node->pending);
	if (result == 0) {
		node->own = own;
		filter_set_release(&addresses->sets, old);
	}
	finish(addresses, family, index, result == 0);
	if (result == 0 && own == 0 && old != 0)
		lpm_remove(addresses->lpm[family], node->prefix, node->length);
	count_change(addresses);
	return result;
}

/* ---------------------------------------------------------------- prefixes */

int filter_prefix_add(struct filter_addresses *addresses, uint32_t element,
		      const struct filter_prefix *prefix)
{
	struct way way = find_way(addresses, prefix);
	bool exact = is_exact(addresses, &way, prefix);
	uint32_t index = way.node;

	if (exact && filter_set_has(&addresses->sets, addresses->node[index].own, element))
		return -EEXIST;
	if (!exact)
		index = insert_node(addresses, prefix, &way);
	if (index == 0)
		return -ENOSPC;
	int64_t own = filter_set_with(&addresses->sets, addresses->node[index].own, element);
	int result = own < 0 ? (int)own
			     : change_own(addresses, prefix->family, index, (uint32_t)own,
					  way.inherited);
	if (result == 0)
		return 0;
	if (own >= 0)
		filter_set_release(&addresses->sets, (uint32_t)own);
	if (!exact) {
		struct way back = find_way(addresses, prefix);
		prune(addresses, prefix->family, index, back.parent, back.bit);
		prune(addresses, prefix->family, back.parent, back.above, back.above_bit);
	}
	return -ENOSPC;
}

int filter_prefix_remove(struct filter_addresses *addresses, uint32_t element,
			 const struct filter_prefix *prefix)
{
	struct way way = find_way(addresses, prefix);

	if (!is_exact(addresses, &way, prefix) ||
	    !filter_set_has(&addresses->sets, addresses->node[way.node].own, element))
		return -ENOENT;
	int64_t own =
		filter_set_without(&addresses->sets, addresses->node[way.node].own, element);
	int result = own < 0 ? (int)own
			     : change_own(addresses, prefix->family, way.node, (uint32_t)own,
					  way.inherited);
	if (result != 0) {
		if (own >= 0)
			filter_set_release(&addresses->sets, (uint32_t)own);
		return -ENOSPC;
	}
	prune(addresses, prefix->family, way.node, way.parent, way.bit);
	prune(addresses, prefix->family, way.parent, way.above, way.above_bit);
	return 0;
}

bool filter_prefix_has(const struct filter_addresses *addresses, uint32_t element,
		       const struct filter_prefix *prefix)
{
	struct way way = find_way(addresses, prefix);

	return is_exact(addresses, &way, prefix) &&
	       filter_set_has(&addresses->sets, addresses->node[way.node].own, element);
}

/* ---------------------------------------------------------------- covering */

bool filter_prefix_covered(const struct filter_addresses *addresses, uint32_t element,
			   const struct filter_prefix *prefix)
{
	struct way way = find_way(addresses, prefix);
	uint32_t set = is_exact(addresses, &way, prefix) ? addresses->node[way.node].effective
							 : way.inherited;

	return filter_set_has(&addresses->sets, set, element);
}

static bool covers_below(const struct filter_addresses *addresses, uint32_t a, uint32_t b,
			 uint32_t index, uint32_t *nodes)
{
	const struct node *node = &addresses->node[index];

	if (index == 0)
		return true;
	if (*nodes == 0)
		return false;
	--*nodes;
	if (filter_set_has(&addresses->sets, node->own, b) &&
	    !filter_set_has(&addresses->sets, node->effective, a))
		return false;
	return covers_below(addresses, a, b, node->child[0], nodes) &&
	       covers_below(addresses, a, b, node->child[1], nodes);
}

bool filter_element_covers(const struct filter_addresses *addresses, uint32_t a, uint32_t b,
			   uint32_t *nodes)
{
	for (unsigned int i = 0; i < ROUTE_FAMILIES; i++)
		if (!covers_below(addresses, a, b, addresses->root[i], nodes))
			return false;
	return true;
}

/* ---------------------------------------------------------------- walk */

struct walk {
	const struct filter_addresses *addresses;
	uint32_t element;
	const struct filter_prefix *from;
	unsigned int family;
	int (*visit)(void *context, const struct filter_prefix *prefix);
	void *context;
};

/* Is everything at and below the node before what is asked for? */
static bool is_before(const struct walk *walk, const struct node *node)
{
	if (walk->from == NULL)
		return false;
	unsigned int same = common_bits(node->prefix, walk->from->bytes, node->length);
	return same < node->length &&
	       bit_at(node->prefix, same) < bit_at(walk->from->bytes, same);
}

static bool is_wanted(const struct walk *walk, const struct node *node)
{
	if (!filter_set_has(&walk->addresses->sets, node->own, walk->element))
		return false;
	if (walk->from == NULL)
		return true;
	int order = memcmp(node->prefix, walk->from->bytes, 16);
	return order > 0 || (order == 0 && node->length >= walk->from->length);
}

static int walk_below(const struct walk *walk, uint32_t index)
{
	const struct node *node = &walk->addresses->node[index];

	if (index == 0 || is_before(walk, node))
		return 0;
	if (is_wanted(walk, node)) {
		struct filter_prefix prefix = { .family = (uint8_t)walk->family,
						.length = node->length };
		memcpy(prefix.bytes, node->prefix, 16);
		int result = walk->visit(walk->context, &prefix);
		if (result != 0)
			return result;
	}
	int result = walk_below(walk, node->child[0]);
	return result != 0 ? result : walk_below(walk, node->child[1]);
}

int filter_prefix_walk(const struct filter_addresses *addresses, uint32_t element,
		       const struct filter_prefix *from,
		       int (*visit)(void *context, const struct filter_prefix *prefix),
		       void *context)
{
	struct walk walk = { addresses, element, from, 0, visit, context };
	int result = 0;

	for (; walk.family < ROUTE_FAMILIES && result == 0; walk.family++) {
		if (from != NULL && walk.family < from->family)
			continue;
		if (from != NULL && walk.family > from->family)
			walk.from = NULL;
		result = walk_below(&walk, addresses->root[walk.family]);
	}
	return result;
}
