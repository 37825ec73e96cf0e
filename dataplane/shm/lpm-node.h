/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-node.h: the private side of the tries. Private to dataplane/shm.
 *
 * Each shared node, an array of entries, has a twin here that knows why its entries are what they
 * are: the prefixes that end in it, and the twins of its child nodes. A prefix ends in the node
 * whose entries it covers one or more of: depth < length <= depth + bits. Within the node it has
 * the number that it would have in a binary tree laid out in an array: 1 is the whole range (never
 * used: it ends in the parent), 2 and 3 its halves, and so on; (1 << bits) + slot is one slot. A
 * prefix that stands in a tail has no other record.
 */
#ifndef SHUNT_SHM_LPM_NODE_H
#define SHUNT_SHM_LPM_NODE_H

#include "lpm.h"

enum { LPM_BITS = 8, LPM_BITS_WIDE = 16, LPM_DEPTH_MAX = 16 /* nodes on a path */ };

/* Items by key: a prefix's number gives its value, lpm_child_key() the twin of a child. A narrow
 * node keeps only what is there, in order; `set` tells which that is. A wide one has room for all.
 */
struct lpm_node {
	uint64_t *item;    /* 0: none */
	uint32_t entry;    /* what names the shared array */
	uint32_t prefixes; /* that end in it or below */
	uint16_t count;    /* items; narrow only */
	uint16_t bits;     /* LPM_BITS or LPM_BITS_WIDE */
	uint64_t set[3 << LPM_BITS >> 6];
};

struct lpm {
	struct tables *tables;
	struct heap *heap;
	_Atomic uint32_t *root;
	_Atomic uint32_t beside; /* the root entry until lpm_publish */
	bool published;
	bool large;
	unsigned int address_bits;
	uint32_t default_value; /* of the prefix of length 0, or LPM_NONE */
	struct lpm_node *top;   /* the twin of what the root entry names, if that is a node */
};

/* Where an entry stands: a slot of a node, or (node NULL) the root. */
struct lpm_place {
	struct lpm_node *node;
	uint32_t slot;
	unsigned int depth; /* bits of the address that lead here */
};

static inline uint32_t lpm_slots(const struct lpm_node *node)
{
	return 1u << node->bits;
}

static inline uint32_t lpm_child_key(const struct lpm_node *node, uint32_t slot)
{
	return (2u << node->bits) + slot;
}

static inline bool lpm_is_node(uint32_t entry)
{
	return lpm_type(entry) == LPM_NODE8 || lpm_type(entry) == LPM_NODE16;
}

/* The writer's own view of an entry or a tail's value. */
static inline uint32_t lpm_entry_load(const _Atomic uint32_t *entry)
{
	return atomic_load_explicit(entry, memory_order_relaxed);
}

/* With everything that it names. */
static inline void lpm_entry_store(_Atomic uint32_t *entry, uint32_t value)
{
	atomic_store_explicit(entry, value, memory_order_release);
}

/* The `bits` bits of a prefix from `depth` on. */
static inline uint32_t lpm_slice(const uint8_t *prefix, unsigned int depth, unsigned int bits)
{
	const uint8_t *at = prefix + depth / 8;
	return bits == LPM_BITS ? at[0] : (uint32_t)at[0] << 8 | at[1];
}

static inline struct lpm_tail *lpm_tail_at(const struct lpm *lpm, uint32_t entry)
{
	return heap_object(lpm->heap, lpm_offset(entry));
}

/* A node whose entries are all the leaf `inherited`, and its twin. NULL: no memory. */
struct lpm_node *lpm_node_new(struct lpm *lpm, unsigned int depth, uint32_t inherited);
/* Twins only, with all below. */
void lpm_node_delete(struct lpm_node *node);

uint64_t lpm_item_get(const struct lpm_node *node, uint32_t key);
/* -ENOSPC: no memory, nothing changed; never when the key is there already. */
int lpm_item_set(struct lpm_node *node, uint32_t key, uint64_t item);
void lpm_item_clear(struct lpm_node *node, uint32_t key);

/* Value of the longest prefix of the node that covers this one or is it, or LPM_NONE. */
uint32_t lpm_node_best(const struct lpm_node *node, uint32_t number);

_Atomic uint32_t *lpm_place_entry(struct lpm *lpm, const struct lpm_place *place);
struct lpm_node *lpm_place_child(const struct lpm *lpm, const struct lpm_place *place);
int lpm_place_set_child(struct lpm *lpm, const struct lpm_place *place, struct lpm_node *child);
void lpm_place_clear_child(struct lpm *lpm, const struct lpm_place *place);

/* The entry of a new tail, or 0: no memory. */
uint32_t lpm_tail_new(struct lpm *lpm, const uint8_t *prefix, unsigned int length, uint32_t value,
		      uint32_t otherwise);

/* Every prefix of a place's child, in order. `prefix`: 16 bytes, those before its depth set, the
 * rest 0. */
int lpm_walk_below(const struct lpm *lpm, const struct lpm_node *node, unsigned int depth,
		   uint8_t *prefix,
		   int (*visit)(void *context, const uint8_t *prefix, unsigned int length,
				uint32_t value),
		   void *context);

/* heap_free every shared object that an unlinked entry reaches, twins not looked at. */
void lpm_trie_free(const struct tables *tables, struct heap *heap, uint32_t entry,
		   unsigned int depth, unsigned int address_bits);

#endif
