/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-walk.c: the prefixes of a trie, from the twins and the tails.
 */
#include "lpm-node.h"

struct walk {
	const struct lpm *lpm;
	uint8_t *prefix; /* the bits on the way here; the rest 0 */
	int (*visit)(void *context, const uint8_t *prefix, unsigned int length, uint32_t value);
	void *context;
};

static int walk_node(const struct walk *walk, const struct lpm_node *node, unsigned int depth);

static int walk_slot(const struct walk *walk, const struct lpm_node *node, uint32_t slot,
		     unsigned int depth)
{
	const _Atomic uint32_t *array = tables_object(walk->lpm->tables, lpm_offset(node->entry));
	uint32_t entry = lpm_entry_load(&array[slot]);

	if (lpm_is_node(entry))
		return walk_node(walk,
				 (const struct lpm_node *)(uintptr_t)lpm_item_get(
					 node, lpm_child_key(node, slot)),
				 depth + node->bits);
	if (lpm_type(entry) != LPM_TAIL)
		return 0;
	const struct lpm_tail *tail = lpm_tail_at(walk->lpm, entry);
	return walk->visit(walk->context, tail->prefix, tail->length, lpm_entry_load(&tail->value));
}

/* Write the node's bits of the prefix. */
static void put_slice(uint8_t *prefix, unsigned int depth, unsigned int bits, uint32_t slice)
{
	if (bits == LPM_BITS_WIDE)
		prefix[depth / 8] = (uint8_t)(slice >> 8);
	prefix[depth / 8 + bits / 8 - 1] = (uint8_t)slice;
}

/* Prefix `number` of a node with `length` of its bits, and all that it contains. */
static int walk_number(const struct walk *walk, const struct lpm_node *node, unsigned int depth,
		       uint32_t number, unsigned int length)
{
	uint64_t value = lpm_item_get(node, number);
	int result = 0;

	put_slice(walk->prefix, depth, node->bits,
		  (number << (node->bits - length)) & (lpm_slots(node) - 1));
	if (value != LPM_NONE)
		result = walk->visit(walk->context, walk->prefix, depth + length, (uint32_t)value);
	if (result == 0 && length == node->bits)
		return walk_slot(walk, node, number - lpm_slots(node), depth);
	for (unsigned int half = 0; result == 0 && half < 2; half++)
		result = walk_number(walk, node, depth, number * 2 + half, length + 1);
	return result;
}

static int walk_node(const struct walk *walk, const struct lpm_node *node, unsigned int depth)
{
	int result = walk_number(walk, node, depth, 1, 0);

	put_slice(walk->prefix, depth, node->bits, 0);
	return result;
}

int lpm_walk_below(const struct lpm *lpm, const struct lpm_node *node, unsigned int depth,
		   uint8_t *prefix,
		   int (*visit)(void *context, const uint8_t *prefix, unsigned int length,
				uint32_t value),
		   void *context)
{
	const struct walk walk = { lpm, prefix, visit, context };

	return walk_node(&walk, node, depth);
}

int lpm_walk(const struct lpm *lpm,
	     int (*visit)(void *context, const uint8_t *prefix, unsigned int length,
			  uint32_t value),
	     void *context)
{
	uint8_t prefix[16] = { 0 };
	int result = 0;

	if (lpm->default_value != LPM_NONE)
		result = visit(context, prefix, 0, lpm->default_value);
	if (result != 0)
		return result;
	if (lpm->top != NULL)
		return lpm_walk_below(lpm, lpm->top, 0, prefix, visit, context);
	uint32_t entry = lpm_entry_load(lpm->published ? lpm->root : &lpm->beside);
	if (lpm_type(entry) != LPM_TAIL)
		return 0;
	const struct lpm_tail *tail = lpm_tail_at(lpm, entry);
	return visit(context, tail->prefix, tail->length, lpm_entry_load(&tail->value));
}
