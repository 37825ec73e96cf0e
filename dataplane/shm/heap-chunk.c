/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include "heap-chunk.h"

void chunk_link(struct heap *heap, uint32_t index)
{
	struct chunk *chunk = &heap->chunk[index];
	uint32_t *head = &heap->with_free[chunk->shift];

	chunk->previous = CHUNK_NONE;
	chunk->next = *head;
	if (*head != CHUNK_NONE)
		heap->chunk[*head].previous = index;
	*head = index;
}

void chunk_unlink(struct heap *heap, uint32_t index)
{
	struct chunk *chunk = &heap->chunk[index];

	if (chunk->previous != CHUNK_NONE)
		heap->chunk[chunk->previous].next = chunk->next;
	else
		heap->with_free[chunk->shift] = chunk->next;
	if (chunk->next != CHUNK_NONE)
		heap->chunk[chunk->next].previous = chunk->previous;
}

int chunk_set_slots(struct heap *heap, uint32_t index, unsigned int shift, bool fresh)
{
	struct chunk *chunk = &heap->chunk[index];
	uint32_t slots = 1u << (CHUNK_SHIFT - shift);
	uint64_t *taken = calloc((slots + 63) / 64, sizeof(*taken));

	if (taken == NULL)
		return -ENOMEM;
	if (slots < 64)
		taken[0] = ~0ull << slots; /* bits that stand for no slot */
	*chunk = (struct chunk){
		.kind = CHUNK_SLOTS,
		.shift = (uint8_t)shift,
		.free_slots = slots,
		.fresh_slot = fresh ? 0 : slots,
		.taken = taken,
	};
	return 0;
}

uint32_t chunk_take_slot(struct heap *heap, uint32_t index)
{
	struct chunk *chunk = &heap->chunk[index];

	while (chunk->taken[chunk->hint] == ~0ull)
		chunk->hint++;
	unsigned int bit = (unsigned int)__builtin_ctzll(~chunk->taken[chunk->hint]);
	chunk->taken[chunk->hint] |= 1ull << bit;
	if (--chunk->free_slots == 0)
		chunk_unlink(heap, index);
	return chunk->hint * 64u + bit;
}

void chunk_give_slot(struct heap *heap, uint32_t index, uint32_t slot)
{
	struct chunk *chunk = &heap->chunk[index];

	assert((chunk->taken[slot / 64] >> slot % 64 & 1) != 0); /* freed twice */
	chunk->taken[slot / 64] &= ~(1ull << slot % 64);
	if (slot / 64 < chunk->hint)
		chunk->hint = (uint16_t)(slot / 64);
	if (chunk->free_slots++ == 0)
		chunk_link(heap, index);
	if (chunk->free_slots == chunk_slots(chunk)) {
		chunk_unlink(heap, index);
		free(chunk->taken);
		*chunk = (struct chunk){ .kind = CHUNK_FREE };
		heap->chunk_free++;
	}
}

/* Only after a restart: the chunk was full since, and what was freed after the claim comes later. */
void chunk_give_rest(struct heap *heap, uint32_t index, uint64_t *taken)
{
	struct chunk *chunk = &heap->chunk[index];
	uint32_t slots = chunk_slots(chunk);

	free(chunk->taken);
	chunk->taken = taken;
	chunk->hint = 0;
	chunk->free_slots = (slots + 63) / 64 * 64;
	for (uint32_t i = 0; i < (slots + 63) / 64; i++)
		chunk->free_slots -= (uint32_t)__builtin_popcountll(taken[i]);
	chunk_link(heap, index);
}

void chunk_give_run(struct heap *heap, uint32_t index)
{
	uint32_t count = heap->chunk[index].run;

	for (uint32_t i = index; i < index + count; i++)
		heap->chunk[i] = (struct chunk){ .kind = CHUNK_FREE };
	heap->chunk_free += count;
}

uint32_t chunk_find_run(const struct heap *heap, uint32_t count)
{
	uint32_t found = 0;

	if (heap->chunk_free < count)
		return CHUNK_NONE;
	for (uint32_t i = 0; i < heap->chunk_used; i++) {
		found = heap->chunk[i].kind == CHUNK_FREE ? found + 1 : 0;
		if (found == count)
			return i + 1 - count;
	}
	return CHUNK_NONE;
}
