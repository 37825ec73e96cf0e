/* SPDX-License-Identifier: BSD-3-Clause
 *
 * heap.c: hand out, take back after a grace period. heap-claim.c rebuilds it at a restart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/clock.h"
#include "epoch.h"
#include "heap-chunk.h"

struct heap *heap_new(struct region *tables_region)
{
	struct heap *heap = calloc(1, sizeof(*heap));

	if (heap == NULL)
		return NULL;
	heap->region = tables_region;
	heap->tables = tables_region->base;
	heap->chunk_count = (uint32_t)(heap->tables->control.heap_size / HEAP_CHUNK);
	heap->chunk_used = (uint32_t)(word_load(&heap->tables->control.heap_used) / HEAP_CHUNK);
	heap->claiming = heap->chunk_used > 0;
	/* one more: calloc of nothing may give NULL */
	heap->chunk = calloc(heap->chunk_count + 1ul, sizeof(*heap->chunk));
	for (unsigned int i = 0; i <= SLOT_SHIFT_MAX; i++)
		heap->with_free[i] = CHUNK_NONE;
	if (heap->chunk == NULL) {
		free(heap);
		return NULL;
	}
	return heap;
}

static struct pending *pending_at(const struct heap *heap, uint64_t i)
{
	return &heap->pending[(heap->pending_first + i) % heap->pending_size];
}

void heap_delete(struct heap *heap)
{
	if (heap == NULL)
		return;
	for (uint64_t i = 0; i < heap->pending_count; i++)
		if (pending_at(heap, i)->release == NULL)
			free(pending_at(heap, i)->context);
	for (uint32_t i = 0; i < heap->chunk_used; i++)
		free(heap->chunk[i].taken);
	free(heap->chunk);
	free(heap->pending);
	free(heap);
}

void *heap_object(struct heap *heap, uint64_t offset)
{
	return (uint8_t *)heap->tables + offset;
}

/* ---------------------------------------------------------------- hand out */

/* `count` chunks that were never used: their memory first, then heap_used, so that what is below
 * heap_used is never a hole. */
static uint32_t grow(struct heap *heap, uint32_t count)
{
	uint32_t index = heap->chunk_used;

	if (count > heap->chunk_count - index)
		return CHUNK_NONE;
	if (region_allocate(heap->region, heap_chunk_offset(heap, index),
			    (uint64_t)count * HEAP_CHUNK) != 0)
		return CHUNK_NONE;
	heap->chunk_used += count;
	word_store(&heap->tables->control.heap_used, (uint64_t)heap->chunk_used * HEAP_CHUNK);
	return index;
}

/* `count` chunks in a row, used before or not. A file that is being claimed is not known yet: only
 * what was never used is surely free. */
static uint32_t take_chunks(struct heap *heap, uint32_t count, bool *fresh)
{
	uint32_t index = heap->claiming ? CHUNK_NONE : chunk_find_run(heap, count);

	*fresh = index == CHUNK_NONE;
	if (*fresh)
		return grow(heap, count);
	heap->chunk_free -= count;
	return index;
}

static uint64_t allocate_run(struct heap *heap, uint64_t size)
{
	uint64_t count = heap_chunks(size);
	bool fresh;

	if (count > heap->chunk_count)
		return 0;
	uint32_t index = take_chunks(heap, (uint32_t)count, &fresh);
	if (index == CHUNK_NONE)
		return 0;
	heap->chunk[index] = (struct chunk){ .kind = CHUNK_RUN, .run = (uint32_t)count };
	for (uint32_t i = 1; i < count; i++)
		heap->chunk[index + i].kind = CHUNK_RUN_REST;
	uint64_t offset = heap_chunk_offset(heap, index);
	if (!fresh)
		memset(heap_object(heap, offset), 0, count * HEAP_CHUNK);
	return offset;
}

/* A chunk with a free slot of this size, a new one if need be. */
static uint32_t chunk_with_slot(struct heap *heap, unsigned int shift)
{
	bool fresh;

	/* claimed chunks are not in the list: their rest may still be some reader's */
	if (heap->with_free[shift] != CHUNK_NONE)
		return heap->with_free[shift];
	uint32_t index = take_chunks(heap, 1, &fresh);
	if (index == CHUNK_NONE)
		return CHUNK_NONE;
	if (chunk_set_slots(heap, index, shift, fresh) != 0) {
		heap->chunk_free++;
		return CHUNK_NONE;
	}
	chunk_link(heap, index);
	return index;
}

static uint64_t allocate_slot(struct heap *heap, unsigned int shift)
{
	uint32_t index = chunk_with_slot(heap, shift);

	if (index == CHUNK_NONE)
		return 0;
	struct chunk *chunk = &heap->chunk[index];
	uint32_t slot = chunk_take_slot(heap, index);
	uint64_t offset = heap_chunk_offset(heap, index) + ((uint64_t)slot << shift);
	if (slot < chunk->fresh_slot)
		memset(heap_object(heap, offset), 0, 1ull << shift);
	else
		chunk->fresh_slot = slot + 1;
	return offset;
}

uint64_t heap_allocate(struct heap *heap, uint64_t size)
{
	unsigned int shift = heap_shift(size);
	uint64_t offset = 0;

	if (size == 0)
		return 0;
	for (unsigned int attempt = 0; attempt < 2 && offset == 0; attempt++) {
		if (attempt > 0 && heap_reclaim(heap) == 0)
			return 0;
		offset = shift <= SLOT_SHIFT_MAX ? allocate_slot(heap, shift)
						 : allocate_run(heap, size);
	}
	if (offset != 0)
		heap->bytes_used += heap_rounded(size);
	return offset;
}

/* ---------------------------------------------------------------- take back */

static uint64_t now(void)
{
	/* called for every free: milliseconds are enough, and this clock costs next to nothing */
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

static bool grow_pending(struct heap *heap)
{
	uint64_t size = heap->pending_size == 0 ? 1024 : heap->pending_size * 2;
	struct pending *larger = malloc(size * sizeof(*larger));

	if (larger == NULL)
		return false;
	for (uint64_t i = 0; i < heap->pending_count; i++)
		larger[i] = *pending_at(heap, i);
	free(heap->pending);
	heap->pending = larger;
	heap->pending_first = 0;
	heap->pending_size = size;
	return true;
}

void heap_wait(struct heap *heap, struct pending what)
{
	/* without private memory the object is lost until the next restart; reusing it would be worse */
	if (heap->pending_count == heap->pending_size && !grow_pending(heap))
		return;
	/* the next epoch to begin comes after the unlinking, whoever begins it */
	what.epoch = word_load(&heap->tables->control.epoch) + 1;
	what.since = now();
	heap->bytes_waiting += what.size;
	*pending_at(heap, heap->pending_count++) = what;
}

void heap_free(struct heap *heap, uint64_t offset, uint64_t size)
{
	if (offset == 0)
		return;
	heap_wait(heap, (struct pending){ .value = offset, .size = heap_rounded(size) });
}

void heap_defer(struct heap *heap, void (*release)(void *context, uint64_t value), void *context,
		uint64_t value)
{
	heap_wait(heap, (struct pending){ .release = release, .context = context, .value = value });
}

static void complete(struct heap *heap, const struct pending *done)
{
	heap->bytes_waiting -= done->size;
	if (done->release != NULL) {
		done->release(done->context, done->value);
		return;
	}
	uint32_t index = heap_chunk_of(heap, done->value);
	heap->bytes_used -= done->size;
	if (done->context != NULL)
		chunk_give_rest(heap, index, done->context);
	else if (heap->chunk[index].kind == CHUNK_RUN)
		chunk_give_run(heap, index);
	else
		chunk_give_slot(heap, index,
				(uint32_t)(done->value % HEAP_CHUNK >> heap->chunk[index].shift));
}

/* Nobody reads who is not in `state`? A data plane that started after the caller looked locked its
 * file before it maps the tables, so it sees whatever was unlinked before this question. */
static bool readers_known(const struct heap *heap)
{
	return heap->state != NULL || !region_owned(&heap->region->place, REGION_STATE);
}

unsigned int heap_reclaim(struct heap *heap)
{
	struct tables_control *control = &heap->tables->control;
	unsigned int completed = 0;
	uint64_t over = 0;

	if (heap->pending_count == 0 || !readers_known(heap))
		return 0;
	if (pending_at(heap, heap->pending_count - 1)->epoch > word_load(&control->epoch))
		epoch_begin(heap->tables);
	while (heap->pending_count > 0) {
		struct pending front = *pending_at(heap, 0);
		if (front.epoch != over && !epoch_over(heap->state, front.epoch))
			break;
		over = front.epoch;
		if (completed++ == 0) {
			/* readers that nobody waits for must see this before they see new contents */
			counter_add(&control->reclaim, 1);
			atomic_thread_fence(memory_order_release);
		}
		heap->pending_first = (heap->pending_first + 1) % heap->pending_size;
		heap->pending_count--;
		complete(heap, &front);
	}
	return completed;
}

void heap_set_state(struct heap *heap, const struct state *state)
{
	heap->state = state;
	if (state == NULL)
		return;
	uint64_t generation = word_load(&state->control.generation);
	if (generation == heap->state_generation)
		return;
	heap->state_generation = generation;
	for (uint64_t i = 0; i < heap->pending_count; i++)
		pending_at(heap, i)->epoch = word_load(&heap->tables->control.epoch) + 1;
}

bool heap_waiting(const struct heap *heap)
{
	return heap->pending_count > 0;
}

void heap_statistics(const struct heap *heap, struct heap_statistics *statistics)
{
	uint64_t size = (uint64_t)heap->chunk_count * HEAP_CHUNK;

	*statistics = (struct heap_statistics){
		.size = size,
		.used = heap->bytes_used - heap->bytes_waiting,
		.free = size - heap->bytes_used,
		.waiting = heap->bytes_waiting,
		.waiting_objects = heap->pending_count,
		.oldest_wait_ns = heap->pending_count > 0 ? now() - pending_at(heap, 0)->since : 0,
	};
}
