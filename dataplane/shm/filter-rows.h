/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-rows.h: a filter's rows while it is built, each kept once. Private to dataplane/shm.
 */
#ifndef SHUNT_SHM_FILTER_ROWS_H
#define SHUNT_SHM_FILTER_ROWS_H

#include "filter-build.h"

struct filter_rows {
	unsigned int words; /* of a row */
	uint32_t count, capacity;
	uint64_t *row;  /* capacity * words, 32-byte aligned; NULL: see filter_rows_of */
	uint32_t *slot; /* hash table of row + 1 */
	uint32_t slots; /* a power of two */
};

/* Hash of a row, which is the sum over its bits: kept up to date by who flips bits one by one. */
static inline uint64_t filter_bit_hash(uint32_t rule)
{
	uint64_t h = (rule + 1) * 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9ull;
	return h ^ h >> 32;
}
uint64_t filter_row_hash(const uint64_t *row, unsigned int words);

int filter_rows_begin(struct filter_rows *rows, unsigned int words);
void filter_rows_end(struct filter_rows *rows);
/* The row with these bits, added if it is new. Negative: -ENOMEM, -E2BIG. */
int64_t filter_rows_intern(struct filter_rows *rows, const uint64_t *bits, uint64_t hash);
/* The same among rows that stand elsewhere, `capacity` of them at `row`: -ENOSPC if there is no room.
 */
int64_t filter_rows_intern_at(struct filter_rows *rows, uint64_t *row, const uint64_t *bits,
			      uint64_t hash);

/* Make the hash table large enough for `capacity` rows; those that there are stand at `row`. -ENOMEM */
int filter_rows_fit(struct filter_rows *rows, const uint64_t *row, uint32_t capacity);

static inline uint64_t filter_row_summary(const uint64_t *row, unsigned int words)
{
	uint64_t summary = 0;

	for (unsigned int i = 0; i < words; i++)
		summary |= (uint64_t)(row[i] != 0) << i;
	return summary;
}

static inline void filter_row_set(uint64_t *row, uint32_t rule)
{
	row[rule / 64] |= 1ull << rule % 64;
}

#endif
