/* SPDX-License-Identifier: BSD-3-Clause
 *
 * heap-claim.c: the heap of a control plane that restarts. What is reachable is claimed; everything
 * else waits one grace period, since a worker may still hold what the dead process had unlinked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "heap-chunk.h"

/* The claims give 0, a negative errno, or ALLOCATED: an object that this process has made since. */
enum { ALLOCATED = 1 };

static int claim_run(struct heap *heap, uint32_t index, uint64_t within, uint64_t count)
{
	struct chunk *first = &heap->chunk[index];

	if (within != 0 || count > heap->chunk_used - index)
		return -EINVAL;
	if (first->kind == CHUNK_RUN && first->run == count)
		return first->claimed ? -EEXIST : ALLOCATED;
	for (uint32_t i = 0; i < count; i++)
		if (first[i].kind != CHUNK_FREE)
			return -EINVAL;
	for (uint32_t i = 1; i < count; i++)
		first[i].kind = CHUNK_RUN_REST;
	*first = (struct chunk){ .kind = CHUNK_RUN, .claimed = true, .run = (uint32_t)count };
	return 0;
}

static int claim_slot(struct heap *heap, uint32_t index, uint64_t within, unsigned int shift)
{
	struct chunk *chunk = &heap->chunk[index];
	uint64_t slot = within >> shift;

	if (within % (1ull << shift) != 0)
		return -EINVAL;
	if (chunk->kind == CHUNK_FREE) {
		int result = chunk_set_slots(heap, index, shift, false);
		if (result != 0)
			return result;
		chunk->claimed = true;
	}
	if (chunk->kind != CHUNK_SLOTS || chunk->shift != shift)
		return -EINVAL;
	if ((chunk->taken[slot / 64] >> slot % 64 & 1) != 0)
		return chunk->claimed ? -EEXIST : ALLOCATED;
	if (!chunk->claimed)
		return -EINVAL;
	chunk->taken[slot / 64] |= 1ull << slot % 64;
	chunk->free_slots--;
	return 0;
}

int heap_claim(struct heap *heap, uint64_t offset, uint64_t size)
{
	uint64_t start = heap->tables->control.heap_start;
	unsigned int shift = heap_shift(size);

	if (!heap->claiming || size == 0 || offset < start ||
	    (offset - start) / HEAP_CHUNK >= heap->chunk_used)
		return -EINVAL;
	uint32_t index = heap_chunk_of(heap, offset);
	uint64_t within = offset % HEAP_CHUNK;
	int result = shift <= SLOT_SHIFT_MAX ? claim_slot(heap, index, within, shift)
					     : claim_run(heap, index, within, heap_chunks(size));
	if (result == 0)
		heap->bytes_used += heap_rounded(size);
	return result == ALLOCATED ? 0 : result;
}

/* The unclaimed slots of a chunk: taken for now. What waits is the bitmap of those that were claimed. */
static void release_rest(struct heap *heap, uint32_t index)
{
	struct chunk *chunk = &heap->chunk[index];
	uint64_t rest = (uint64_t)chunk->free_slots << chunk->shift;
	size_t size = (chunk_slots(chunk) + 63) / 64 * sizeof(*chunk->taken);
	uint64_t *claimed = malloc(size);

	if (rest > 0 && claimed != NULL) {
		memcpy(claimed, chunk->taken, size);
		heap->bytes_used += rest;
		heap_wait(heap, (struct pending){ .context = claimed,
						  .value = heap_chunk_offset(heap, index),
						  .size = rest });
	} else {
		free(claimed);
	}
	memset(chunk->taken, 0xff, size);
	chunk->free_slots = 0;
}

/* A chunk that nobody claimed: a large object that is freed. */
static void release_chunk(struct heap *heap, uint32_t index)
{
	heap->chunk[index] = (struct chunk){ .kind = CHUNK_RUN, .run = 1 };
	heap->bytes_used += HEAP_CHUNK;
	heap_free(heap, heap_chunk_offset(heap, index), HEAP_CHUNK);
}

void heap_claimed(struct heap *heap)
{
	if (!heap->claiming)
		return;
	heap->claiming = false;
	for (uint32_t i = 0; i < heap->chunk_used; i++) {
		if (heap->chunk[i].kind == CHUNK_SLOTS && heap->chunk[i].claimed)
			release_rest(heap, i);
		else if (heap->chunk[i].kind == CHUNK_FREE)
			release_chunk(heap, i);
		heap->chunk[i].claimed = false;
	}
	heap_reclaim(heap);
}
