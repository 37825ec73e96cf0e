/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter-set.h"

#include <errno.h>
#include <stdlib.h>

enum { FIRST_SLOTS = 1024 };

static uint64_t hash_of(const uint32_t *element, uint32_t count)
{
	uint64_t hash = count;

	for (uint32_t i = 0; i < count; i++) {
		hash = (hash ^ element[i]) * 0x9e3779b97f4a7c15ull;
		hash ^= hash >> 31;
	}
	return hash;
}

int filter_sets_begin(struct filter_sets *sets, struct heap *heap, filter_set_added *added,
		      void *context)
{
	*sets = (struct filter_sets){ .heap = heap,
				      .added = added,
				      .context = context,
				      .count = 1,
				      .capacity = FIRST_SLOTS,
				      .slots = FIRST_SLOTS };
	sets->set = calloc(sets->capacity, sizeof(*sets->set));
	sets->slot = calloc(sets->slots, sizeof(*sets->slot));
	return sets->set != NULL && sets->slot != NULL ? 0 : -ENOMEM;
}

void filter_sets_end(struct filter_sets *sets)
{
	for (uint32_t i = 1; i < sets->count; i++)
		free(sets->set[i].element);
	free(sets->set);
	free(sets->slot);
	free(sets->free);
}

/* ---------------------------------------------------------------- by content */

static uint32_t *find_slot(const struct filter_sets *sets, uint64_t hash, const uint32_t *element,
			   uint32_t count)
{
	uint32_t mask = sets->slots - 1;

	for (uint32_t i = (uint32_t)hash & mask;; i = (i + 1) & mask) {
		uint32_t *slot = &sets->slot[i];
		const struct filter_set *set = &sets->set[*slot];
		if (*slot == 0 ||
		    (set->hash == hash && set->count == count &&
		     memcmp(set->element, element, count * sizeof(*element)) == 0))
			return slot;
	}
}

/* Backward shift: no marks are left behind. */
static void remove_slot(struct filter_sets *sets, uint32_t *slot)
{
	uint32_t mask = sets->slots - 1, hole = (uint32_t)(slot - sets->slot);

	for (uint32_t i = (hole + 1) & mask; sets->slot[i] != 0; i = (i + 1) & mask) {
		uint32_t home = (uint32_t)sets->set[sets->slot[i]].hash & mask;
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		sets->slot[hole] = sets->slot[i];
		hole = i;
	}
	sets->slot[hole] = 0;
	sets->used--;
}

static int grow_slots(struct filter_sets *sets)
{
	if (2 * sets->used < sets->slots)
		return 0;
	uint32_t *old = sets->slot, count = sets->slots;
	uint32_t *slot = calloc((size_t)count * 2, sizeof(*slot));
	if (slot == NULL)
		return -ENOMEM;
	sets->slot = slot;
	sets->slots = count * 2;
	for (uint32_t i = 0; i < count; i++) {
		const struct filter_set *set = &sets->set[old[i]];
		if (old[i] != 0)
			*find_slot(sets, set->hash, set->element, set->count) = old[i];
	}
	free(old);
	return 0;
}

/* ---------------------------------------------------------------- numbers */

static int64_t new_number(struct filter_sets *sets)
{
	if (sets->free_count > 0)
		return sets->free[--sets->free_count];
	if (sets->count == sets->capacity) {
		struct filter_set *set =
			realloc(sets->set, 2ull * sets->capacity * sizeof(*set));
		if (set == NULL || sets->capacity >= LPM_VALUE_MASK / 2)
			return -ENOMEM;
		memset(&set[sets->capacity], 0, sets->capacity * sizeof(*set));
		sets->set = set;
		sets->capacity *= 2;
	}
	return sets->count++;
}

/* The number may be given again: no packet has it any more. */
static void number_released(void *context, uint64_t number)
{
	struct filter_sets *sets = context;

	free(sets->set[number].element);
	sets->set[number] = (struct filter_set){ 0 };
	if (sets->free_count == sets->free_capacity) {
		uint32_t capacity = sets->free_capacity != 0 ? 2 * sets->free_capacity : 64;
		uint32_t *list = realloc(sets->free, capacity * sizeof(*list));
		if (list == NULL)
			return; /* one number less */
		sets->free = list;
		sets->free_capacity = capacity;
	}
	sets->free[sets->free_count++] = (uint32_t)number;
}

static int64_t make_set(struct filter_sets *sets, uint32_t *element, uint32_t count, uint64_t hash)
{
	int64_t number = grow_slots(sets);

	if (number == 0)
		number = new_number(sets);
	if (number < 0) {
		free(element);
		return number;
	}
	sets->set[number] = (struct filter_set){ element, count, 1, hash };
	int result = sets->added != NULL ? sets->added(sets->context, (uint32_t)number) : 0;
	if (result != 0) {
		number_released(sets, (uint64_t)number);
		return result;
	}
	*find_slot(sets, hash, element, count) = (uint32_t)number;
	sets->used++;
	return number;
}

/* Takes `element` over. */
static int64_t intern(struct filter_sets *sets, uint32_t *element, uint32_t count)
{
	if (count == 0) {
		free(element);
		return 0;
	}
	uint64_t hash = hash_of(element, count);
	uint32_t number = *find_slot(sets, hash, element, count);
	if (number == 0)
		return make_set(sets, element, count, hash);
	free(element);
	filter_set_hold(sets, number);
	return number;
}

void filter_set_hold(struct filter_sets *sets, uint32_t set)
{
	if (set != 0)
		sets->set[set].references++;
}

void filter_set_release(struct filter_sets *sets, uint32_t number)
{
	struct filter_set *set = &sets->set[number];

	if (number == 0 || --set->references > 0)
		return;
	remove_slot(sets, find_slot(sets, set->hash, set->element, set->count));
	/* a packet may have the number still: filters that are built now must know what it means */
	heap_defer(sets->heap, number_released, sets, number);
}

bool filter_set_has(const struct filter_sets *sets, uint32_t number, uint32_t element)
{
	const struct filter_set *set = &sets->set[number];

	for (uint32_t i = 0; i < set->count; i++)
		if (set->element[i] == element)
			return true;
	return false;
}

/* ---------------------------------------------------------------- operations */

static uint32_t *merge(const uint32_t *a, uint32_t a_count, const uint32_t *b, uint32_t b_count,
		       uint32_t *count)
{
	uint32_t *both = malloc(((size_t)a_count + b_count) * sizeof(*both));
	uint32_t i = 0, j = 0, n = 0;

	while (both != NULL && (i < a_count || j < b_count)) {
		if (j == b_count || (i < a_count && a[i] < b[j]))
			both[n++] = a[i++];
		else if (i == a_count || b[j] < a[i])
			both[n++] = b[j++];
		else {
			both[n++] = a[i++];
			j++;
		}
	}
	*count = n;
	return both;
}

static int64_t intern_merged(struct filter_sets *sets, uint32_t a, const uint32_t *element,
			     uint32_t element_count)
{
	const struct filter_set *set = &sets->set[a];
	uint32_t count;
	uint32_t *both = merge(set->element, set->count, element, element_count, &count);

	return both == NULL ? -ENOMEM : intern(sets, both, count);
}

int64_t filter_set_union(struct filter_sets *sets, uint32_t a, uint32_t b)
{
	if (a == 0 || b == 0 || a == b) {
		filter_set_hold(sets, a == 0 ? b : a);
		return a == 0 ? b : a;
	}
	return intern_merged(sets, a, sets->set[b].element, sets->set[b].count);
}

int64_t filter_set_with(struct filter_sets *sets, uint32_t a, uint32_t element)
{
	return intern_merged(sets, a, &element, 1);
}

int64_t filter_set_without(struct filter_sets *sets, uint32_t a, uint32_t element)
{
	const struct filter_set *set = &sets->set[a];
	uint32_t *rest = malloc((set->count + 1ull) * sizeof(*rest)), count = 0;

	if (rest == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < set->count; i++)
		if (set->element[i] != element)
			rest[count++] = set->element[i];
	return intern(sets, rest, count);
}
