/* SPDX-License-Identifier: BSD-3-Clause
 *
 * hash.h: exact match, one implementation for every table that needs one.
 *
 * A table's root word in `tables` names an immutable header { buckets, mask }; buckets are 64 bytes:
 * seven entry words and the offset of an overflow bucket. An entry word holds 16 bits of the hash and
 * the heap offset of an immutable entry { key, value }. So insertion, change and removal are one store
 * each, nothing is ever moved in place, and a table that fills is built anew, doubled, and published by
 * one store of the root. Chains are bounded by HASH_CHAIN_MAX buckets; the table doubles before that, so
 * that most entries stand in their chain's first bucket.
 *
 * The hash is keyed (tables->control.hash_key) and not linear, so that an outsider who picks the keys
 * cannot pick the collisions.
 */
#ifndef SHUNT_SHM_HASH_H
#define SHUNT_SHM_HASH_H

#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <string.h>
#include "heap.h"

enum { HASH_BUCKET_ENTRIES = 7, HASH_CHAIN_MAX = 4 };

struct hash_bucket {
	/* bits 63-48 hash, 47-0 heap offset; 0: free */
	_Atomic uint64_t entry[HASH_BUCKET_ENTRIES];
	_Atomic uint64_t overflow; /* heap offset of the next bucket, 0: none */
};
static_assert(sizeof(struct hash_bucket) == 64, "hash_bucket");

struct hash_root {        /* immutable heap object */
	uint64_t buckets; /* heap offset of bucket_count buckets */
	uint64_t bucket_count;
	uint64_t key_size; /* bytes of the key, a multiple of 8, at the start of an entry */
	uint64_t entry_size;
	uint64_t reserved[4];
};

/* Keyed hash of `size` bytes (a multiple of 8). */
static inline uint64_t hash_bytes(const uint64_t key[4], const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint64_t h = key[0] ^ size;
	for (size_t i = 0; i < size; i += 8) {
		uint64_t word;
		memcpy(&word, at + i, 8);
		__extension__ unsigned __int128 product =
			(unsigned __int128)(word ^ key[1] ^ h) * (key[2] | 1);
		h = (uint64_t)product ^ (uint64_t)(product >> 64) ^ key[3];
		h = h << 23 | h >> 41;
	}
	__extension__ unsigned __int128 last = (unsigned __int128)(h ^ key[2]) * (key[1] | 1);
	return (uint64_t)last ^ (uint64_t)(last >> 64);
}

/* Where the chain of this hash begins. */
static inline const struct hash_bucket *hash_bucket(const struct tables *tables,
						    const struct hash_root *root, uint64_t hash)
{
	return (const struct hash_bucket *)tables_object(tables, root->buckets) +
	       (hash & (root->bucket_count - 1));
}

/* Bit per entry of one bucket whose 16 bits fit; free ones too, where those bits are 0. */
static inline uint32_t hash_fits(const struct hash_bucket *bucket, uint64_t hash)
{
	uint32_t fits = 0;

#ifdef __AVX2__
	/* each word of a wide load is read in one piece, as word_load does: entries are aligned */
	const __m256i *half = (const __m256i *)(const void *)bucket;
	__m256i wanted = _mm256_set1_epi64x((long long)(hash >> 48));
	__m256i low = _mm256_srli_epi64(_mm256_loadu_si256(half), 48);
	__m256i high = _mm256_srli_epi64(_mm256_loadu_si256(half + 1), 48);
	low = _mm256_cmpeq_epi64(low, wanted);
	high = _mm256_cmpeq_epi64(high, wanted);
	fits = (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(low)) |
	       (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(high)) << 4;
#else
	for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++)
		fits |= (uint32_t)((word_load(&bucket->entry[i]) ^ hash) >> 48 == 0) << i;
#endif
	return fits & ((1u << HASH_BUCKET_ENTRIES) - 1);
}

/* The first entry of one bucket whose 16 bits fit, or NULL: most likely the one with the key. A lookup of
 * many keys asks for its line, then compares, and follows the chain only where that fails or there is
 * none. */
static inline const void *hash_guess(const struct tables *tables, const struct hash_bucket *bucket,
				     uint64_t hash)
{
	uint32_t fits = hash_fits(bucket, hash);

	if (fits == 0)
		return NULL;
	uint64_t word = word_load(&bucket->entry[__builtin_ctz(fits)]);
	return word == 0 ? NULL : tables_object(tables, word & ((1ull << 48) - 1));
}

/* The entry with this key in the chain that begins here, or NULL. */
static inline const void *hash_find(const struct tables *tables, const struct hash_bucket *bucket,
				    uint64_t hash, const void *key, size_t key_size)
{
	for (;;) {
		for (unsigned int i = 0; i < HASH_BUCKET_ENTRIES; i++) {
			uint64_t word = word_load(&bucket->entry[i]);
			if (word >> 48 != hash >> 48 || word == 0)
				continue;
			const void *entry = tables_object(tables, word & ((1ull << 48) - 1));
			if (memcmp(entry, key, key_size) == 0)
				return entry;
		}
		uint64_t overflow = word_load(&bucket->overflow);
		if (overflow == 0)
			return NULL;
		bucket = tables_object(tables, overflow);
	}
}

/* The entry with this key, or NULL. Any reader inside a grace period. */
static inline const void *hash_lookup(const struct tables *tables, enum hash_table_id id,
				      const void *key, size_t key_size)
{
	uint64_t root_offset = word_load(&tables->hash_root[id]);
	if (root_offset == 0)
		return NULL;
	const struct hash_root *root = tables_object(tables, root_offset);
	uint64_t hash = hash_bytes(tables->control.hash_key, key, key_size);
	return hash_find(tables, hash_bucket(tables, root, hash), hash, key, key_size);
}

/* ---- control plane ---- */

/* Make the table if it is not there: room for `capacity` entries at first. -ENOSPC. */
int hash_create(struct tables *tables, struct heap *heap, enum hash_table_id id, size_t key_size,
		size_t entry_size, uint64_t capacity);

/* Insert the entry, or replace the one with the same key (one store either way). -ENOSPC: nothing
 * changed. */
int hash_put(struct tables *tables, struct heap *heap, enum hash_table_id id, const void *entry);

/* -ENOENT: no such key. */
int hash_remove(struct tables *tables, struct heap *heap, enum hash_table_id id, const void *key);

/* Number of entries; each is passed to `visit` if that is not NULL (any reader inside a grace period,
 * or the control plane). */
uint64_t hash_walk(const struct tables *tables, enum hash_table_id id,
		   void (*visit)(void *context, const void *entry), void *context);

/* Restart: claim the table's root, buckets and entries from the heap. -EINVAL: corrupt. */
int hash_claim(struct tables *tables, struct heap *heap, enum hash_table_id id);

#endif
