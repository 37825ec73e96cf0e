/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-node.c: a node's twin, its items, and the places where entries stand.
 */
#include <errno.h>
#include <stdlib.h>
#include "lpm-node.h"

enum { ITEMS_MIN = 2 };

/* ---------------------------------------------------------------- items */

static bool has(const struct lpm_node *node, uint32_t key)
{
	return (node->set[key / 64] >> key % 64 & 1) != 0;
}

/* How many items come before `key`. */
static uint32_t rank(const struct lpm_node *node, uint32_t key)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < key / 64; i++)
		count += (uint32_t)__builtin_popcountll(node->set[i]);
	return count +
	       (uint32_t)__builtin_popcountll(node->set[key / 64] & ((1ull << key % 64) - 1));
}

uint64_t lpm_item_get(const struct lpm_node *node, uint32_t key)
{
	if (node->bits == LPM_BITS_WIDE)
		return node->item[key];
	return has(node, key) ? node->item[rank(node, key)] : 0;
}

/* Room for one more; what there is room for is the next power of two. */
static int grow(struct lpm_node *node)
{
	if (node->count != 0 && (node->count < ITEMS_MIN || (node->count & (node->count - 1)) != 0))
		return 0;
	size_t size = node->count == 0 ? ITEMS_MIN : node->count * 2u;
	uint64_t *larger = realloc(node->item, size * sizeof(*larger));
	if (larger == NULL)
		return -ENOSPC;
	node->item = larger;
	return 0;
}

int lpm_item_set(struct lpm_node *node, uint32_t key, uint64_t item)
{
	if (node->bits == LPM_BITS_WIDE) {
		node->item[key] = item;
		return 0;
	}
	uint32_t at = rank(node, key);
	if (!has(node, key)) {
		if (grow(node) != 0)
			return -ENOSPC;
		memmove(&node->item[at + 1], &node->item[at],
			(node->count - at) * sizeof(*node->item));
		node->set[key / 64] |= 1ull << key % 64;
		node->count++;
	}
	node->item[at] = item;
	return 0;
}

void lpm_item_clear(struct lpm_node *node, uint32_t key)
{
	if (node->bits == LPM_BITS_WIDE) {
		node->item[key] = 0;
		return;
	}
	if (!has(node, key))
		return;
	uint32_t at = rank(node, key);
	node->count--;
	memmove(&node->item[at], &node->item[at + 1], (node->count - at) * sizeof(*node->item));
	node->set[key / 64] &= ~(1ull << key % 64);
	/* grow() goes by the count: as the power of two is reached from above, so must the size be
	 */
	if (node->count == 0) {
		free(node->item);
		node->item = NULL;
	} else if (node->count >= ITEMS_MIN && (node->count & (node->count - 1)) == 0) {
		uint64_t *smaller = realloc(node->item, node->count * sizeof(*smaller));
		node->item = smaller != NULL ? smaller : node->item;
	}
}

uint32_t lpm_node_best(const struct lpm_node *node, uint32_t number)
{
	for (; number > 1; number /= 2) {
		uint64_t value = lpm_item_get(node, number);
		if (value != LPM_NONE)
			return (uint32_t)value;
	}
	return LPM_NONE;
}

/* ---------------------------------------------------------------- nodes */

/* The shared array, filled before anybody can see it: the entry that names it, or 0. */
static uint32_t array_new(struct lpm *lpm, unsigned int bits, uint32_t inherited)
{
	uint64_t offset = heap_allocate(lpm->heap, sizeof(uint32_t) << bits);

	if (offset == 0)
		return 0;
	_Atomic uint32_t *entry = heap_object(lpm->heap, offset);
	for (uint32_t i = 0; i < 1u << bits; i++)
		atomic_store_explicit(&entry[i], inherited, memory_order_relaxed);
	enum lpm_type type = bits == LPM_BITS_WIDE ? LPM_NODE16 : LPM_NODE8;
	return (uint32_t)type << LPM_TYPE_SHIFT | (uint32_t)(offset / CACHE_LINE);
}

struct lpm_node *lpm_node_new(struct lpm *lpm, unsigned int depth, uint32_t inherited)
{
	struct lpm_node *node = calloc(1, sizeof(*node));

	if (node == NULL)
		return NULL;
	node->bits = depth == 0 && lpm->large ? LPM_BITS_WIDE : LPM_BITS;
	if (node->bits == LPM_BITS_WIDE) {
		node->item = calloc(3ul << node->bits, sizeof(*node->item));
		if (node->item == NULL) {
			free(node);
			return NULL;
		}
	}
	node->entry = array_new(lpm, node->bits, inherited);
	if (node->entry == 0) {
		lpm_node_delete(node);
		return NULL;
	}
	return node;
}

void lpm_node_delete(struct lpm_node *node)
{
	if (node == NULL)
		return;
	for (uint32_t slot = 0; slot < lpm_slots(node); slot++)
		lpm_node_delete((struct lpm_node *)(uintptr_t)lpm_item_get(
			node, lpm_child_key(node, slot)));
	free(node->item);
	free(node);
}

/* ---------------------------------------------------------------- places */

_Atomic uint32_t *lpm_place_entry(struct lpm *lpm, const struct lpm_place *place)
{
	if (place->node == NULL)
		return lpm->published ? lpm->root : &lpm->beside;
	_Atomic uint32_t *entry = heap_object(lpm->heap, lpm_offset(place->node->entry));
	return &entry[place->slot];
}

struct lpm_node *lpm_place_child(const struct lpm *lpm, const struct lpm_place *place)
{
	if (place->node == NULL)
		return lpm->top;
	return (struct lpm_node *)(uintptr_t)lpm_item_get(place->node,
							  lpm_child_key(place->node, place->slot));
}

int lpm_place_set_child(struct lpm *lpm, const struct lpm_place *place, struct lpm_node *child)
{
	if (place->node != NULL)
		return lpm_item_set(place->node, lpm_child_key(place->node, place->slot),
				    (uintptr_t)child);
	lpm->top = child;
	return 0;
}

void lpm_place_clear_child(struct lpm *lpm, const struct lpm_place *place)
{
	if (place->node != NULL)
		lpm_item_clear(place->node, lpm_child_key(place->node, place->slot));
	else
		lpm->top = NULL;
}

uint32_t lpm_tail_new(struct lpm *lpm, const uint8_t *prefix, unsigned int length, uint32_t value,
		      uint32_t otherwise)
{
	uint64_t offset = heap_allocate(lpm->heap, sizeof(struct lpm_tail));

	if (offset == 0)
		return 0;
	struct lpm_tail *tail = heap_object(lpm->heap, offset);
	memset(tail->prefix, 0, sizeof(tail->prefix));
	memcpy(tail->prefix, prefix, lpm->address_bits / 8);
	tail->length = length;
	atomic_store_explicit(&tail->value, value, memory_order_relaxed);
	atomic_store_explicit(&tail->otherwise, otherwise, memory_order_relaxed);
	return (uint32_t)LPM_TAIL << LPM_TYPE_SHIFT | (uint32_t)(offset / CACHE_LINE);
}
