/* SPDX-License-Identifier: BSD-3-Clause
 *
 * heap.h: memory in the tables file, handed out by the control plane (the only user of this file).
 *
 * Objects have offsets, not addresses, and never move. Small ones (up to 1 MiB) are rounded up to a
 * power of two of at least 64 bytes and share a chunk of HEAP_CHUNK bytes with others of their size;
 * larger ones take whole chunks. Book-keeping is private to the process: a control plane that restarts
 * walks what is reachable from the tables, calls heap_claim for each object, then heap_claimed; what
 * nobody claimed is free after one grace period.
 */
#ifndef SHUNT_SHM_HEAP_H
#define SHUNT_SHM_HEAP_H

#include "region.h"

struct heap;

/* `state` gives the worker's epochs and may be NULL while no data plane is there; see heap_set_state. */
struct heap *heap_new(struct region *tables_region);
void heap_delete(struct heap *heap);

/* The data plane's file as mapped now (NULL: none, or its owner is dead): decides when a grace period
 * is over. A new data plane generation: pending frees are stamped anew. While it is NULL, heap_reclaim
 * asks the kernel whether somebody owns the state file all the same: a data plane may have started
 * since the caller looked, and then frees wait for this function to be called. */
void heap_set_state(struct heap *heap, const struct state *state);

/* Offset of `size` zeroed bytes, aligned to min(size rounded to a power of two, HEAP_CHUNK).
 * 0: full (heap or machine memory). If only frees that wait for a grace period could serve it,
 * heap_waiting() says so, and the caller refuses with "data plane not responding". */
uint64_t heap_allocate(struct heap *heap, uint64_t size);

/* Write to an object that is not published yet. */
void *heap_object(struct heap *heap, uint64_t offset);

/* The object was unlinked: reuse it after a grace period. Any size class; size as allocated. */
void heap_free(struct heap *heap, uint64_t offset, uint64_t size);

/* The same for something that is not heap memory (a nexthop index, an interface row): `release` is
 * called with (context, value) after a grace period. */
void heap_defer(struct heap *heap, void (*release)(void *context, uint64_t value), void *context,
		uint64_t value);

/* Restart: this object is reachable. -EEXIST: claimed already (shared objects: claim once);
 * -EINVAL: not a place that heap_allocate could have given (a corrupt table). */
int heap_claim(struct heap *heap, uint64_t offset, uint64_t size);
void heap_claimed(struct heap *heap);

/* End grace periods that are over; call from the event loop and before refusing for want of memory.
 * Returns how many frees were completed. Never blocks. */
unsigned int heap_reclaim(struct heap *heap);

/* Do frees wait for a grace period? Tells why heap_allocate gave 0. */
bool heap_waiting(const struct heap *heap);

/* Frees that wait for a grace period: bytes, and how long the oldest has waited in nanoseconds. */
struct heap_statistics {
	uint64_t size, used, free, waiting, waiting_objects, oldest_wait_ns;
};
void heap_statistics(const struct heap *heap, struct heap_statistics *statistics);

#endif
