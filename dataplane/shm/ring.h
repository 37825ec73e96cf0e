/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ring.h: frames from one process to another, safe against the death of either.
 *
 * Single producer, single consumer, frames in place. The producer's half (slots, tail) and the
 * consumer's half (head) stand in different files; each is written by its owner alone. Fill, then
 * publish the tail; process, then publish the head: a frame is delivered at least once and never torn.
 * A producer that was killed while filling has published nothing; a consumer that was killed while
 * processing gets the frame again. Nobody ever waits: a full ring is the producer's to report.
 */
#ifndef SHUNT_SHM_RING_H
#define SHUNT_SHM_RING_H

#include <stddef.h>
#include "layout.h"

/* The slot to fill next, or NULL when the ring is full. Producer only. */
static inline struct frame_slot *ring_reserve(struct ring_producer *producer,
					      const struct ring_consumer *consumer)
{
	uint64_t tail = atomic_load_explicit(&producer->tail, memory_order_relaxed);
	if (tail - word_load(&consumer->head) >= RING_SLOTS)
		return NULL;
	struct frame_slot *slot = &producer->slot[tail % RING_SLOTS];
	slot->sequence = tail;
	return slot;
}

/* Publish the slot that ring_reserve gave. Producer only. */
static inline void ring_publish(struct ring_producer *producer)
{
	word_store(&producer->tail,
		   atomic_load_explicit(&producer->tail, memory_order_relaxed) + 1);
}

/* The frame after the `skip` oldest ones, or NULL when there is none. It stays in place until it is
 * released. Consumer only. */
static inline const struct frame_slot *ring_peek_at(const struct ring_producer *producer,
						    const struct ring_consumer *consumer,
						    unsigned int skip)
{
	uint64_t head = atomic_load_explicit(&consumer->head, memory_order_relaxed);
	uint64_t tail = word_load(&producer->tail);
	/* a producer's file that was made anew starts at 0: see ring_resynchronise */
	if (tail - head > RING_SLOTS || tail - head <= skip)
		return NULL;
	return &producer->slot[(head + skip) % RING_SLOTS];
}

/* The oldest frame, or NULL. Consumer only. */
static inline const struct frame_slot *ring_peek(const struct ring_producer *producer,
						 const struct ring_consumer *consumer)
{
	return ring_peek_at(producer, consumer, 0);
}

/* Give the `count` oldest frames back: what they asked for is done. Consumer only. */
static inline void ring_release_count(struct ring_consumer *consumer, unsigned int count)
{
	word_store(&consumer->head,
		   atomic_load_explicit(&consumer->head, memory_order_relaxed) + count);
}

/* Give the frame that ring_peek gave back. Consumer only. */
static inline void ring_release(struct ring_consumer *consumer)
{
	ring_release_count(consumer, 1);
}

/* A consumer that attaches to another producer's file than before starts where that one stands.
 * For the same file nothing changes, and what is in the ring is delivered. Consumer only. */
static inline void ring_resynchronise(const struct ring_producer *producer,
				      struct ring_consumer *consumer)
{
	uint64_t head = atomic_load_explicit(&consumer->head, memory_order_relaxed);
	uint64_t tail = word_load(&producer->tail);
	if (tail - head > RING_SLOTS)
		word_store(&consumer->head, tail);
}

#endif
