/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm.c: insert, change, remove.
 *
 * A change of a prefix stores only the entries whose best match it is, and goes down into children
 * whose inherited value it is. What is longer than a slot is deep stands below it: nothing is a
 * leaf, one prefix a tail, more a child node, which is filled completely before the one store that
 * publishes it.
 */
#include <errno.h>
#include <stdlib.h>
#include "lpm-node.h"

/* The way down to a prefix: the places passed, from the root on. */
struct path {
	struct lpm_place place[LPM_DEPTH_MAX];
	unsigned int count;
	struct lpm_node
		*own; /* the node that the prefix ends in; NULL: it stands below the last place */
	uint32_t number; /* within own */
};

static void free_tail(struct lpm *lpm, uint32_t entry)
{
	heap_free(lpm->heap, lpm_offset(entry), sizeof(struct lpm_tail));
}

static uint32_t number_in(const struct lpm_node *node, unsigned int depth, const uint8_t *prefix,
			  unsigned int length)
{
	unsigned int bits = length - depth;
	return 1u << bits | lpm_slice(prefix, depth, node->bits) >> (node->bits - bits);
}

static bool is_tail_of(const struct lpm *lpm, uint32_t entry, const uint8_t *prefix,
		       unsigned int length)
{
	if (lpm_type(entry) != LPM_TAIL)
		return false;
	const struct lpm_tail *tail = lpm_tail_at(lpm, entry);
	return tail->length == length && memcmp(tail->prefix, prefix, lpm->address_bits / 8) == 0;
}

/* From the last place of the path on; a prefix longer than that place is deep. */
static void descend(struct lpm *lpm, struct path *path, const uint8_t *prefix, unsigned int length)
{
	for (;;) {
		struct lpm_place *last = &path->place[path->count - 1];
		struct lpm_node *node = lpm_place_child(lpm, last);
		if (node == NULL)
			return;
		unsigned int depth = last->depth + node->bits;
		if (length <= depth) {
			path->own = node;
			path->number = number_in(node, last->depth, prefix, length);
			return;
		}
		path->place[path->count++] =
			(struct lpm_place){ node, lpm_slice(prefix, last->depth, node->bits),
					    depth };
	}
}

/* What holds at a place on the path where nothing below it does. */
static uint32_t inherited_at(const struct lpm *lpm, const struct path *path, unsigned int i)
{
	for (; i > 0; i--) {
		const struct lpm_place *place = &path->place[i];
		uint32_t value = lpm_node_best(place->node, lpm_slots(place->node) + place->slot);
		if (value != LPM_NONE)
			return value;
	}
	return lpm->default_value;
}

static bool host_bits_clear(const uint8_t *prefix, unsigned int length, unsigned int address_bits)
{
	if (length % 8 != 0 && (uint8_t)(prefix[length / 8] << length % 8) != 0)
		return false;
	for (unsigned int i = (length + 7) / 8; i < address_bits / 8; i++)
		if (prefix[i] != 0)
			return false;
	return true;
}

/* ---------------------------------------------------------------- values pushed down */

static void refresh_place(struct lpm *lpm, const struct lpm_place *place, uint32_t value);

/* `value` is now the best match of prefix `number` of a node where nothing longer is. */
static void refresh(struct lpm *lpm, struct lpm_node *node, uint32_t number, uint32_t value)
{
	if (number >= lpm_slots(node)) {
		struct lpm_place place = { .node = node, .slot = number - lpm_slots(node) };
		refresh_place(lpm, &place, value);
		return;
	}
	for (uint32_t half = number * 2; half <= number * 2 + 1; half++)
		if (lpm_item_get(node, half) == LPM_NONE)
			refresh(lpm, node, half, value);
}

static void refresh_place(struct lpm *lpm, const struct lpm_place *place, uint32_t value)
{
	_Atomic uint32_t *entry = lpm_place_entry(lpm, place);
	uint32_t old = lpm_entry_load(entry);

	if (lpm_is_node(old))
		refresh(lpm, lpm_place_child(lpm, place), 1, value);
	else if (lpm_type(old) == LPM_TAIL)
		lpm_entry_store(&lpm_tail_at(lpm, old)->otherwise, value);
	else if (old != value)
		lpm_entry_store(entry, value);
}

/* ---------------------------------------------------------------- insert */

/* A prefix that ends in this node. 1: it is new; 0: changed; -ENOSPC. */
static int insert_own(struct lpm *lpm, struct lpm_node *node, uint32_t number, uint32_t value)
{
	bool new = lpm_item_get(node, number) == LPM_NONE;

	if (lpm_item_set(node, number, value) != 0)
		return -ENOSPC;
	refresh(lpm, node, number, value);
	return new;
}

/* A prefix below a place where nothing is yet. */
static int insert_tail(struct lpm *lpm, const struct lpm_place *place, const uint8_t *prefix,
		       unsigned int length, uint32_t value)
{
	_Atomic uint32_t *entry = lpm_place_entry(lpm, place);
	uint32_t tail = lpm_tail_new(lpm, prefix, length, value, lpm_entry_load(entry));

	if (tail == 0)
		return -ENOSPC;
	lpm_entry_store(entry, tail);
	return 1;
}

/* Into a node that nobody sees yet, and that has no children. */
static int insert_first(struct lpm *lpm, struct lpm_node *node, unsigned int depth,
			const uint8_t *prefix, unsigned int length, uint32_t value)
{
	if (length <= depth + node->bits)
		return insert_own(lpm, node, number_in(node, depth, prefix, length), value);
	struct lpm_place place = { node, lpm_slice(prefix, depth, node->bits), depth + node->bits };
	return insert_tail(lpm, &place, prefix, length, value);
}

/* Unlinked, or never linked. */
static void free_subtree(struct lpm *lpm, struct lpm_node *node, unsigned int depth)
{
	lpm_trie_free(lpm->tables, lpm->heap, node->entry, depth, lpm->address_bits);
	lpm_node_delete(node);
}

/* A subtree of two prefixes, longer than `depth`: that of a tail, and another one. NULL: no memory.
 */
static struct lpm_node *build(struct lpm *lpm, unsigned int depth, const struct lpm_tail *tail,
			      const uint8_t *prefix, unsigned int length, uint32_t value)
{
	struct lpm_node *node = lpm_node_new(lpm, depth, lpm_entry_load(&tail->otherwise));
	int result = 0;

	if (node == NULL)
		return NULL;
	struct lpm_place place = { node, lpm_slice(prefix, depth, node->bits), depth + node->bits };
	node->prefixes = 2;
	if (length > place.depth && tail->length > place.depth &&
	    place.slot == lpm_slice(tail->prefix, depth, node->bits)) {
		struct lpm_node *child = build(lpm, place.depth, tail, prefix, length, value);
		result = child == NULL ? -ENOSPC : lpm_place_set_child(lpm, &place, child);
		if (result == 0)
			lpm_entry_store(lpm_place_entry(lpm, &place), child->entry);
		else if (child != NULL)
			free_subtree(lpm, child, place.depth);
	} else {
		result = insert_first(lpm, node, depth, tail->prefix, tail->length,
				      lpm_entry_load(&tail->value));
		if (result >= 0)
			result = insert_first(lpm, node, depth, prefix, length, value);
	}
	if (result >= 0)
		return node;
	free_subtree(lpm, node, depth);
	return NULL;
}

/* A second prefix below a place where one is. */
static int split(struct lpm *lpm, const struct lpm_place *place, const uint8_t *prefix,
		 unsigned int length, uint32_t value)
{
	_Atomic uint32_t *entry = lpm_place_entry(lpm, place);
	uint32_t old = lpm_entry_load(entry);
	struct lpm_node *node =
		build(lpm, place->depth, lpm_tail_at(lpm, old), prefix, length, value);

	if (node == NULL)
		return -ENOSPC;
	if (lpm_place_set_child(lpm, place, node) != 0) {
		free_subtree(lpm, node, place->depth);
		return -ENOSPC;
	}
	lpm_entry_store(entry, node->entry);
	free_tail(lpm, old);
	return 1;
}

static void set_default(struct lpm *lpm, uint32_t value)
{
	struct lpm_place top = { 0 };

	lpm->default_value = value;
	refresh_place(lpm, &top, value);
}

int lpm_insert(struct lpm *lpm, const uint8_t *prefix, unsigned int length, uint32_t value)
{
	struct path path = { .count = 1 };
	int result;

	if (length > lpm->address_bits || value == LPM_NONE || value > LPM_VALUE_MASK ||
	    !host_bits_clear(prefix, length, lpm->address_bits))
		return -EINVAL;
	if (length == 0) {
		set_default(lpm, value);
		return 0;
	}
	descend(lpm, &path, prefix, length);
	const struct lpm_place *last = &path.place[path.count - 1];
	uint32_t entry = lpm_entry_load(lpm_place_entry(lpm, last));
	if (path.own != NULL) {
		result = insert_own(lpm, path.own, path.number, value);
	} else if (is_tail_of(lpm, entry, prefix, length)) {
		lpm_entry_store(&lpm_tail_at(lpm, entry)->value, value);
		result = 0;
	} else if (lpm_type(entry) == LPM_TAIL) {
		result = split(lpm, last, prefix, length, value);
	} else {
		result = insert_tail(lpm, last, prefix, length, value);
	}
	for (unsigned int i = 1; result > 0 && i < path.count; i++)
		path.place[i].node->prefixes++;
	if (result > 0 && path.own != NULL)
		path.own->prefixes++;
	return result < 0 ? result : 0;
}

/* ---------------------------------------------------------------- remove */

struct lone {
	uint8_t prefix[16];
	unsigned int length;
	uint32_t value;
};

static int keep_first(void *context, const uint8_t *prefix, unsigned int length, uint32_t value)
{
	struct lone *lone = context;

	memcpy(lone->prefix, prefix, sizeof(lone->prefix));
	lone->length = length;
	lone->value = value;
	return 1;
}

/* The node at this place has one prefix left, or none: a tail or a leaf instead. If there is no
 * memory for the tail, the node goes on. */
static void collapse(struct lpm *lpm, const struct lpm_place *place, const uint8_t *prefix,
		     uint32_t inherited)
{
	struct lpm_node *node = lpm_place_child(lpm, place);
	struct lone lone = { 0 };
	uint8_t before[16] = { 0 };
	uint32_t entry = inherited;

	if (node->prefixes > 0) {
		memcpy(before, prefix, place->depth / 8);
		lpm_walk_below(lpm, node, place->depth, before, keep_first, &lone);
		entry = lpm_tail_new(lpm, lone.prefix, lone.length, lone.value, inherited);
		if (entry == 0)
			return;
	}
	lpm_entry_store(lpm_place_entry(lpm, place), entry);
	lpm_place_clear_child(lpm, place);
	free_subtree(lpm, node, place->depth);
}

/* After a prefix of this path was removed: the uppermost node that is not worth one. */
static void removed(struct lpm *lpm, const struct path *path, const uint8_t *prefix)
{
	bool done = false;

	for (unsigned int i = 1; i < path->count; i++)
		path->place[i].node->prefixes--;
	if (path->own != NULL)
		path->own->prefixes--;
	for (unsigned int i = 0; i < path->count && !done; i++) {
		const struct lpm_node *node = lpm_place_child(lpm, &path->place[i]);
		done = node != NULL && node->prefixes <= 1;
		if (done)
			collapse(lpm, &path->place[i], prefix, inherited_at(lpm, path, i));
	}
}

static uint32_t own_parent(const struct lpm *lpm, const struct path *path)
{
	uint32_t value = lpm_node_best(path->own, path->number / 2);

	return value != LPM_NONE ? value : inherited_at(lpm, path, path->count - 1);
}

int lpm_remove(struct lpm *lpm, const uint8_t *prefix, unsigned int length)
{
	struct path path = { .count = 1 };

	if (lpm_get(lpm, prefix, length) == LPM_NONE)
		return -ENOENT;
	if (length == 0) {
		set_default(lpm, LPM_NONE);
		return 0;
	}
	descend(lpm, &path, prefix, length);
	if (path.own != NULL) {
		uint32_t parent = own_parent(lpm, &path);
		lpm_item_clear(path.own, path.number);
		refresh(lpm, path.own, path.number, parent);
	} else {
		_Atomic uint32_t *entry = lpm_place_entry(lpm, &path.place[path.count - 1]);
		uint32_t tail = lpm_entry_load(entry);
		lpm_entry_store(entry, lpm_entry_load(&lpm_tail_at(lpm, tail)->otherwise));
		free_tail(lpm, tail);
	}
	removed(lpm, &path, prefix);
	return 0;
}

/* ---------------------------------------------------------------- read */

uint32_t lpm_get(const struct lpm *constant, const uint8_t *prefix, unsigned int length)
{
	struct lpm *lpm =
		(struct lpm *)constant; /* the way down is shared with those who change it */
	struct path path = { .count = 1 };

	if (length > lpm->address_bits || !host_bits_clear(prefix, length, lpm->address_bits))
		return LPM_NONE;
	if (length == 0)
		return lpm->default_value;
	descend(lpm, &path, prefix, length);
	if (path.own != NULL)
		return (uint32_t)lpm_item_get(path.own, path.number);
	uint32_t entry = lpm_entry_load(lpm_place_entry(lpm, &path.place[path.count - 1]));
	return is_tail_of(lpm, entry, prefix, length)
		       ? lpm_entry_load(&lpm_tail_at(lpm, entry)->value)
		       : LPM_NONE;
}

uint64_t lpm_count(const struct lpm *constant)
{
	struct lpm *lpm = (struct lpm *)constant; /* as above */
	struct lpm_place top = { 0 };
	uint64_t count = lpm->default_value != LPM_NONE;

	if (lpm->top != NULL)
		return count + lpm->top->prefixes;
	return count + (lpm_type(lpm_entry_load(lpm_place_entry(lpm, &top))) == LPM_TAIL);
}
