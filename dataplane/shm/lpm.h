/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm.h: longest prefix match for IPv4 and IPv6, one structure for both.
 *
 * A trie whose nodes are plain arrays of 4-byte entries: 65,536 of them at the root of a large
 * table, 256 everywhere else. An entry is a leaf (what to do with the packet), a child node, or a
 * tail: a single longer prefix with the bits that it still has to match and what holds if they
 * don't, so that a lone host route costs one line and no chain of nodes. Leaves are pushed down: a
 * lookup never looks back.
 *
 *   IPv4: 16 + 8 + 8 bits, three lines at most.
 *   IPv6: 16 bits, then 8 a node; where a prefix is alone in its slot, a tail ends the walk.
 *
 * Every entry is valid by itself: a change stores entries one by one, and each packet meets the old
 * or the new answer of its own address. Nodes and tails are published complete by the one store of
 * the entry that names them, and reused after a grace period. A tail's prefix never changes; its
 * two values are words like entries: a change is one store, so that withdrawing a route never needs
 * memory.
 *
 * The root entry of a table stands in the tables file: an empty table costs nothing, one with a
 * default route only is a leaf.
 */
#ifndef SHUNT_SHM_LPM_H
#define SHUNT_SHM_LPM_H

#include <endian.h>
#include <string.h>
#include "heap.h"

/* Entry: two bits of type, thirty of value (a leaf's) or of heap offset in lines of 64 bytes. */
enum lpm_type { LPM_LEAF, LPM_NODE8, LPM_NODE16, LPM_TAIL };
#define LPM_TYPE_SHIFT 30
#define LPM_VALUE_MASK 0x3fffffffu
#define LPM_NONE       0u /* the leaf that says: no route */

struct lpm_tail {                   /* heap object */
	uint8_t prefix[16];         /* the whole prefix, host bits 0; like length never changed */
	uint32_t length;            /* of it, in bits */
	_Atomic uint32_t value;     /* leaf value if it matches ... */
	_Atomic uint32_t otherwise; /* ... and if not */
	uint32_t reserved;
};
static_assert(sizeof(struct lpm_tail) == 32, "lpm_tail");

static inline enum lpm_type lpm_type(uint32_t entry)
{
	return (enum lpm_type)(entry >> LPM_TYPE_SHIFT);
}

static inline uint64_t lpm_offset(uint32_t entry)
{
	return (uint64_t)(entry & LPM_VALUE_MASK) * CACHE_LINE;
}

/* `count` bytes of an address as a number; count is 4 or 8. */
static inline uint64_t lpm_bits(const uint8_t *address, size_t count)
{
	uint64_t word = 0;

	memcpy(&word, address, count);
	return be64toh(word) >> (64 - 8 * count);
}

/* Do the first `length` bits agree? Reads four bytes of either if length is at most 32, else
 * sixteen. */
static inline bool lpm_prefix_matches(const uint8_t *address, const uint8_t *prefix,
				      uint32_t length)
{
	if (length <= 32)
		return (lpm_bits(address, 4) ^ lpm_bits(prefix, 4)) >> (32 - length) == 0;
	uint64_t high = lpm_bits(address, 8) ^ lpm_bits(prefix, 8);
	if (length <= 64)
		return high >> (64 - length) == 0;
	return high == 0 &&
	       (lpm_bits(address + 8, 8) ^ lpm_bits(prefix + 8, 8)) >> (128 - length) == 0;
}

/* The entry that `entry`, a child node, has for the address at bit `depth`; moves depth on. */
static inline const _Atomic uint32_t *lpm_step(const struct tables *tables, uint32_t entry,
					       const uint8_t *address, unsigned int *depth)
{
	const _Atomic uint32_t *node = tables_object(tables, lpm_offset(entry));
	const uint8_t *at = address + *depth / 8;

	if (lpm_type(entry) == LPM_NODE16) {
		*depth += 16;
		return &node[at[0] << 8 | at[1]];
	}
	*depth += 8;
	return &node[at[0]];
}

/* The leaf value that an entry which is no node has for the address. */
static inline uint32_t lpm_leaf(const struct tables *tables, uint32_t entry, const uint8_t *address)
{
	if (lpm_type(entry) != LPM_TAIL)
		return entry;
	const struct lpm_tail *tail = tables_object(tables, lpm_offset(entry));
	return lpm_prefix_matches(address, tail->prefix, tail->length) ? tail->value
								       : tail->otherwise;
}

/* What an entry that is a tail says of an address: the leaf value. */
static inline uint32_t lpm_tail_value(const struct tables *tables, uint32_t entry,
				      const uint8_t *address)
{
	const struct lpm_tail *tail = tables_object(tables, lpm_offset(entry));

	return atomic_load_explicit(lpm_prefix_matches(address, tail->prefix, tail->length)
					    ? &tail->value
					    : &tail->otherwise,
				    memory_order_relaxed);
}

/* Leaf value of an address (4 or 16 bytes, network order), LPM_NONE if no prefix covers it.
 * Any reader inside a grace period. RFC 1812 5.2.4.3 */
static inline uint32_t lpm_lookup(const struct tables *tables, const _Atomic uint32_t *root,
				  const uint8_t *address)
{
	uint32_t entry = atomic_load_explicit(root, memory_order_acquire);
	unsigned int depth = 0;

	while (lpm_type(entry) == LPM_NODE8 || lpm_type(entry) == LPM_NODE16)
		entry = atomic_load_explicit(lpm_step(tables, entry, address, &depth),
					     memory_order_acquire);
	return lpm_type(entry) == LPM_TAIL ? lpm_tail_value(tables, entry, address) : entry;
}

/* Start to read what an entry names, for the address at bit `depth`. */
static inline const _Atomic uint32_t *lpm_prefetch(const struct tables *tables, uint32_t entry,
						   const uint8_t *address, unsigned int depth)
{
	const _Atomic uint32_t *next = lpm_type(entry) == LPM_TAIL
					       ? tables_object(tables, lpm_offset(entry))
					       : lpm_step(tables, entry, address, &depth);
	__builtin_prefetch((const void *)next);
	return next;
}

/* The same for a burst of packets (at most LPM_BURST) step by step together, so that their cache
 * misses overlap: entry[i] is the root entry of address[i]'s table, loaded with acquire order, and
 * becomes the leaf value. */
#define LPM_BURST 64
static inline void lpm_lookup_burst(const struct tables *tables, uint32_t *entry,
				    const uint8_t *const *address, unsigned int count)
{
	const _Atomic uint32_t *next[LPM_BURST];
	uint8_t depth[LPM_BURST], list[LPM_BURST];
	unsigned int active = 0;

	for (unsigned int i = 0; i < count; i++) {
		if (lpm_type(entry[i]) == LPM_LEAF)
			continue;
		depth[i] = 0;
		next[i] = lpm_prefetch(tables, entry[i], address[i], 0);
		list[active++] = (uint8_t)i;
	}
	for (unsigned int still; active > 0; active = still) {
		still = 0;
		for (unsigned int k = 0; k < active; k++) {
			unsigned int i = list[k];
			if (lpm_type(entry[i]) == LPM_TAIL) {
				entry[i] = lpm_tail_value(tables, entry[i], address[i]);
				continue;
			}
			depth[i] =
				(uint8_t)(depth[i] + (lpm_type(entry[i]) == LPM_NODE16 ? 16 : 8));
			entry[i] = atomic_load_explicit(next[i], memory_order_acquire);
			if (lpm_type(entry[i]) == LPM_LEAF)
				continue;
			next[i] = lpm_prefetch(tables, entry[i], address[i], depth[i]);
			list[still++] = (uint8_t)i;
		}
	}
}

/* Sorts what the packets that are `on` their way met at one depth: whose entry is a child node goes on,
 * tails wait, leaves are done. Without branches, for what comes next is as random as the addresses are.
 * `list` NULL: packets 0 to on - 1. */
struct lpm_round {
	const _Atomic uint32_t *next[LPM_BURST]; /* of packet i: what its entry names */
	uint8_t node[LPM_BURST], tail[LPM_BURST];
	unsigned int nodes, tails;
};

static inline __attribute__((always_inline)) void
lpm_round(const struct tables *tables, struct lpm_round *round, const uint8_t *list,
	  unsigned int on, unsigned int byte, uint32_t *entry, const uint8_t *const *address)
{
	unsigned int nodes = 0, tails = round->tails;

	for (unsigned int k = 0; k < on; k++) {
		unsigned int i = list != NULL ? list[k] : k;
		uint32_t found = atomic_load_explicit(round->next[i], memory_order_acquire);
		bool is_node = lpm_type(found) == LPM_NODE8;
		uint64_t offset = lpm_type(found) == LPM_LEAF ? 0 : lpm_offset(found);

		offset += is_node ? (uint64_t)address[i][byte] * sizeof(found) : 0;
		entry[i] = found;
		round->next[i] = tables_object(tables, offset);
		__builtin_prefetch((const void *)round->next[i]);
		round->node[nodes] = round->tail[tails % LPM_BURST] = (uint8_t)i;
		nodes += is_node;
		tails += lpm_type(found) == LPM_TAIL;
	}
	round->nodes = nodes;
	round->tails = tails;
}

/* lpm_lookup_burst for addresses of one table, whose root entry is `root` (loaded with acquire order);
 * entry[i] becomes the leaf value of address[i]. They are all at the same depth at any time. */
static inline void lpm_lookup_table(const struct tables *tables, uint32_t root, uint32_t *entry,
				    const uint8_t *const *address, unsigned int count)
{
	const _Atomic uint32_t *node = tables_object(tables, lpm_offset(root));
	bool wide = lpm_type(root) == LPM_NODE16;
	unsigned int byte = wide ? 2 : 1; /* of the addresses: the next to go by */
	struct lpm_round round;

	if (lpm_type(root) == LPM_LEAF || lpm_type(root) == LPM_TAIL) {
		for (unsigned int i = 0; i < count; i++)
			entry[i] = lpm_type(root) == LPM_LEAF
					   ? root
					   : lpm_tail_value(tables, root, address[i]);
		return;
	}
	for (unsigned int i = 0; i < count; i++) {
		const uint8_t *at = address[i];
		round.next[i] = &node[wide ? (unsigned int)at[0] << 8 | at[1] : at[0]];
		__builtin_prefetch((const void *)round.next[i]);
	}
	round.tails = 0;
	lpm_round(tables, &round, NULL, count, byte, entry, address);
	while (round.nodes != 0)
		lpm_round(tables, &round, round.node, round.nodes, ++byte, entry, address);
	for (unsigned int k = 0; k < round.tails; k++)
		entry[round.tail[k]] =
			lpm_tail_value(tables, entry[round.tail[k]], address[round.tail[k]]);
}

/* ---- control plane ---- */

struct lpm; /* private: which prefixes there are, and which node stands where */

/* A table whose root entry is `root` (in the tables file, LPM_NONE or left behind by an earlier
 * process: that one goes on answering until lpm_publish). `address_size` is 4 or 16; `large` begins
 * with 16 bits. NULL: no memory. */
struct lpm *lpm_new(struct tables *tables, struct heap *heap, _Atomic uint32_t *root,
		    unsigned int address_size, bool large);
/* The process ends: frees what is private. What was published stays and goes on answering. */
void lpm_delete(struct lpm *lpm);
/* Remove every prefix, at once (a VRF goes away). */
void lpm_clear(struct lpm *lpm);

/* Until this is called, nothing reaches the root entry (replay); after it, every change does. Frees
 * what stood there before. */
void lpm_publish(struct lpm *lpm);

/* Insert a prefix or change its value (1 to LPM_VALUE_MASK). Host bits must be 0. -ENOSPC: no
 * memory in the heap or for private use, nothing changed; -EINVAL. To change the value needs no
 * memory. */
int lpm_insert(struct lpm *lpm, const uint8_t *prefix, unsigned int length, uint32_t value);

/* -ENOENT: no such prefix. Never fails for want of memory. */
int lpm_remove(struct lpm *lpm, const uint8_t *prefix, unsigned int length);

/* The prefix's own value, or LPM_NONE. */
uint32_t lpm_get(const struct lpm *lpm, const uint8_t *prefix, unsigned int length);

/* How many prefixes there are. */
uint64_t lpm_count(const struct lpm *lpm);

/* Every prefix in order of address, then of length. `visit` returns non-zero to stop. */
int lpm_walk(const struct lpm *lpm,
	     int (*visit)(void *context, const uint8_t *prefix, unsigned int length,
			  uint32_t value),
	     void *context);

/* Restart: claim from the heap what the root entry reaches, so that it stays until lpm_publish.
 * -EINVAL: corrupt. */
int lpm_claim(const struct tables *tables, struct heap *heap, uint32_t root,
	      unsigned int address_size);

#endif
