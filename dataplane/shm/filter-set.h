/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-set.h: interned sets of elements, counted. Private to dataplane/shm.
 */
#ifndef SHUNT_SHM_FILTER_SET_H
#define SHUNT_SHM_FILTER_SET_H

#include "filter-build.h"

struct filter_set {
	uint32_t *element; /* ascending; NULL: number not in use */
	uint32_t count;
	uint32_t references; /* 0 and element set: waits for a grace period */
	uint64_t hash;
};

struct filter_sets {
	struct filter_set *set; /* by number; 0 is the empty one, and not counted */
	uint32_t count, capacity;
	uint32_t *slot; /* hash table of numbers, 0: empty */
	uint32_t slots, used;
	uint32_t *free; /* numbers to be given again */
	uint32_t free_count, free_capacity;
	struct heap *heap;
	filter_set_added *added;
	void *context;
};

int filter_sets_begin(struct filter_sets *sets, struct heap *heap, filter_set_added *added,
		      void *context);
void filter_sets_end(struct filter_sets *sets);

/* One more reference on what a and b have between them. Negative: -ENOSPC, -ENOMEM. */
int64_t filter_set_union(struct filter_sets *sets, uint32_t a, uint32_t b);
/* The same of a with or without one element. */
int64_t filter_set_with(struct filter_sets *sets, uint32_t a, uint32_t element);
int64_t filter_set_without(struct filter_sets *sets, uint32_t a, uint32_t element);
void filter_set_hold(struct filter_sets *sets, uint32_t set);
void filter_set_release(struct filter_sets *sets, uint32_t set);
bool filter_set_has(const struct filter_sets *sets, uint32_t set, uint32_t element);

#endif
