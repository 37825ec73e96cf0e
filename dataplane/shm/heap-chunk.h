/* SPDX-License-Identifier: BSD-3-Clause
 *
 * heap-chunk.h: the heap's private book-keeping. Private to dataplane/shm.
 *
 * The heap is an array of chunks. A chunk is free, holds slots of one power of two (a bitmap says which
 * are taken), or belongs to a run of chunks that is one large object. A slot that waits for its grace
 * period counts as taken.
 */
#ifndef SHUNT_SHM_HEAP_CHUNK_H
#define SHUNT_SHM_HEAP_CHUNK_H

#include "heap.h"

enum {
	SLOT_SHIFT_MIN = 6,  /* 64 bytes */
	SLOT_SHIFT_MAX = 20, /* 1 MiB: two slots in a chunk */
	CHUNK_SHIFT = 21,
};
static_assert(1 << CHUNK_SHIFT == HEAP_CHUNK, "chunk size");
#define CHUNK_NONE UINT32_MAX

enum chunk_kind { CHUNK_FREE, CHUNK_SLOTS, CHUNK_RUN, CHUNK_RUN_REST };

struct chunk {
	uint8_t kind;  /* enum chunk_kind */
	uint8_t shift; /* SLOTS: log2 of the slot size */
	bool claimed;  /* found at a restart, until heap_claimed; else made by this process */
	uint16_t hint; /* SLOTS: no word of the bitmap before this one has a free bit */
	uint32_t free_slots;
	uint32_t fresh_slot; /* SLOTS: from this slot on nobody ever wrote: still zero */
	uint32_t run;        /* RUN: number of chunks */
	uint32_t next;       /* SLOTS: list of the chunks of this size that have free slots */
	uint32_t previous;
	uint64_t *taken; /* SLOTS: bitmap */
};

/* What waits for the end of a grace period. */
struct pending {
	uint64_t epoch;
	uint64_t since;                                 /* CLOCK_MONOTONIC nanoseconds */
	void (*release)(void *context, uint64_t value); /* NULL: an object at offset `value` */
	void *context; /* without release: NULL, or the chunk's bitmap without what is released */
	uint64_t value;
	uint64_t size;
};

struct heap {
	struct region *region;
	struct tables *tables;
	const struct state *state;
	uint64_t state_generation;
	bool claiming; /* between heap_new on a used file and heap_claimed */

	struct chunk *chunk;
	uint32_t chunk_count;
	uint32_t chunk_used;                    /* chunks from here on were never handed out */
	uint32_t chunk_free;                    /* free chunks before chunk_used */
	uint32_t with_free[SLOT_SHIFT_MAX + 1]; /* head of the list of each slot size */

	struct pending *pending; /* a queue, oldest first, in an array used round and round */
	uint64_t pending_first, pending_count, pending_size;

	uint64_t bytes_used, bytes_waiting;
};

static inline uint32_t chunk_slots(const struct chunk *chunk)
{
	return 1u << (CHUNK_SHIFT - chunk->shift);
}

/* log2 of the slot for an object of this size; more than SLOT_SHIFT_MAX: a run of chunks. */
static inline unsigned int heap_shift(uint64_t size)
{
	unsigned int shift = SLOT_SHIFT_MIN;
	while (shift < 63 && 1ull << shift < size)
		shift++;
	return shift;
}

static inline uint64_t heap_chunks(uint64_t size)
{
	return size / HEAP_CHUNK + (size % HEAP_CHUNK != 0);
}

/* Bytes that an object of this size takes. */
static inline uint64_t heap_rounded(uint64_t size)
{
	unsigned int shift = heap_shift(size);
	return shift <= SLOT_SHIFT_MAX ? 1ull << shift : heap_chunks(size) * HEAP_CHUNK;
}

static inline uint32_t heap_chunk_of(const struct heap *heap, uint64_t offset)
{
	return (uint32_t)((offset - heap->tables->control.heap_start) / HEAP_CHUNK);
}

static inline uint64_t heap_chunk_offset(const struct heap *heap, uint32_t index)
{
	return heap->tables->control.heap_start + (uint64_t)index * HEAP_CHUNK;
}

/* Make a free chunk one of slots. `fresh`: its memory was never written. -ENOMEM. */
int chunk_set_slots(struct heap *heap, uint32_t index, unsigned int shift, bool fresh);
/* A free slot of the chunk, which must have one. */
uint32_t chunk_take_slot(struct heap *heap, uint32_t index);
/* The slot is free again; a chunk without taken slots is free as a whole. */
void chunk_give_slot(struct heap *heap, uint32_t index, uint32_t slot);
/* All slots are free again but those of `taken`, which the chunk owns from now on. */
void chunk_give_rest(struct heap *heap, uint32_t index, uint64_t *taken);
void chunk_give_run(struct heap *heap, uint32_t index);
/* The first of `count` free chunks in a row before chunk_used, or CHUNK_NONE. */
uint32_t chunk_find_run(const struct heap *heap, uint32_t count);
/* Put it into or take it out of the list of chunks with free slots. */
void chunk_link(struct heap *heap, uint32_t index);
void chunk_unlink(struct heap *heap, uint32_t index);

/* Queue what is to be released after a grace period from now. */
void heap_wait(struct heap *heap, struct pending what);

#endif
