/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter-rows.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64, ALIGNMENT = 32 };

uint64_t filter_row_hash(const uint64_t *row, unsigned int words)
{
	uint64_t hash = 0;

	for (unsigned int i = 0; i < words; i++)
		for (uint64_t bits = row[i]; bits != 0; bits &= bits - 1)
			hash ^= filter_bit_hash(i * 64 + (uint32_t)__builtin_ctzll(bits));
	return hash;
}

static uint64_t *allocate_rows(uint32_t count, unsigned int words)
{
	size_t size = (size_t)count * words * sizeof(uint64_t);

	return aligned_alloc(ALIGNMENT, (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
}

int filter_rows_begin(struct filter_rows *rows, unsigned int words)
{
	*rows = (struct filter_rows){ .words = words,
				      .capacity = FIRST_CAPACITY,
				      .slots = 2 * FIRST_CAPACITY };
	rows->row = allocate_rows(FIRST_CAPACITY, words);
	rows->slot = calloc(rows->slots, sizeof(*rows->slot));
	if (rows->row != NULL && rows->slot != NULL)
		return 0;
	filter_rows_end(rows);
	return -ENOMEM;
}

void filter_rows_end(struct filter_rows *rows)
{
	free(rows->row);
	free(rows->slot);
	*rows = (struct filter_rows){ 0 };
}

/* Where the row is, or the empty slot where it would be. */
static uint32_t *find_slot(const struct filter_rows *rows, const uint64_t *row,
			   const uint64_t *bits, uint64_t hash)
{
	for (uint32_t i = (uint32_t)hash & (rows->slots - 1);; i = (i + 1) & (rows->slots - 1)) {
		uint32_t *slot = &rows->slot[i];
		if (*slot == 0 || memcmp(&row[(size_t)(*slot - 1) * rows->words], bits,
					 rows->words * sizeof(*bits)) == 0)
			return slot;
	}
}

/* A hash table for `capacity` rows of those at `row`. */
int filter_rows_fit(struct filter_rows *rows, const uint64_t *row, uint32_t capacity)
{
	uint32_t slots = rows->slots;

	while (slots < 2 * capacity)
		slots *= 2;
	uint32_t *slot = calloc(slots, sizeof(*slot));

	if (slot == NULL)
		return -ENOMEM;
	free(rows->slot);
	rows->slot = slot;
	rows->slots = slots;
	for (uint32_t i = 0; i < rows->count; i++) {
		const uint64_t *bits = &row[(size_t)i * rows->words];
		*find_slot(rows, row, bits, filter_row_hash(bits, rows->words)) = i + 1;
	}
	return 0;
}

static int grow(struct filter_rows *rows)
{
	uint32_t capacity = rows->capacity * 2;
	uint64_t *row = allocate_rows(capacity, rows->words);

	if (row == NULL)
		return -ENOMEM;
	memcpy(row, rows->row, (size_t)rows->count * rows->words * sizeof(*row));
	free(rows->row);
	rows->row = row;
	rows->capacity = capacity;
	return filter_rows_fit(rows, row, capacity);
}

int64_t filter_rows_intern_at(struct filter_rows *rows, uint64_t *row, const uint64_t *bits,
			      uint64_t hash)
{
	uint32_t *slot = find_slot(rows, row, bits, hash);

	if (*slot != 0)
		return *slot - 1;
	if (rows->count == rows->capacity || rows->count >= FILTER_ROW_MAX)
		return -ENOSPC;
	memcpy(&row[(size_t)rows->count * rows->words], bits, rows->words * sizeof(*bits));
	*slot = ++rows->count;
	return *slot - 1;
}

int64_t filter_rows_intern(struct filter_rows *rows, const uint64_t *bits, uint64_t hash)
{
	int64_t index = filter_rows_intern_at(rows, rows->row, bits, hash);

	if (index != -ENOSPC)
		return index;
	if (rows->count >= FILTER_ROW_MAX)
		return -E2BIG;
	int result = grow(rows);
	return result != 0 ? result : filter_rows_intern_at(rows, rows->row, bits, hash);
}
