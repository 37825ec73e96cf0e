/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-claim.c: filters found again by a control plane that restarts, and rule counters. What a dead
 * process wrote is not believed unchecked.
 */
#include <errno.h>
#include "filter-build.h"
#include "filter-line.h"
#include "reader.h"
#include "traffic.h"

/* ---------------------------------------------------------------- roots */

int filter_roots_claim(const struct tables *tables, struct heap *heap, uint64_t roots)
{
	int result = heap_claim(heap, roots, sizeof(struct filter_roots));

	if (result == -EEXIST) /* several filters name them */
		return 0;
	const struct filter_roots *object = tables_object(tables, roots);
	for (unsigned int i = 0; i < ROUTE_FAMILIES && result == 0; i++)
		result = lpm_claim(tables, heap,
				   atomic_load_explicit(&object->root[i], memory_order_acquire),
				   i == ROUTE_IPV4 ? 4 : 16);
	return result == 0 ? 0 : -EINVAL;
}

void filter_roots_free(struct tables *tables, struct heap *heap, uint64_t roots)
{
	struct filter_roots *object = heap_object(heap, roots);

	for (unsigned int i = 0; i < ROUTE_FAMILIES; i++) {
		/* an empty table takes the place of what is there, which is freed */
		struct lpm *lpm = lpm_new(tables, heap, &object->root[i], i == ROUTE_IPV4 ? 4 : 16,
					  false);
		if (lpm == NULL)
			return;
		lpm_publish(lpm);
		lpm_delete(lpm);
	}
	heap_free(heap, roots, sizeof(*object));
}

/* ---------------------------------------------------------------- claim */

static bool inside(const struct filter *filter, uint32_t offset, uint64_t bytes)
{
	return offset % 8 == 0 && offset <= filter->size && bytes <= filter->size - offset;
}

/* Are all classes of a list rows that are there? Decisions may be anything. */
static bool values_good(const struct filter *filter, uint32_t offset, uint64_t count)
{
	const uint16_t *value = filter_at(filter, offset);

	if (!inside(filter, offset, count * sizeof(*value)))
		return false;
	for (uint64_t i = 0; filter->words != 0 && i < count; i++)
		if (value[i] >= filter->rows)
			return false;
	return true;
}

static bool page_good(const struct filter *filter, const struct filter_page *page)
{
	const uint16_t *class = filter_at(filter, filter->class);
	uint64_t end = page->first + page->mask + 1ull;

	if (page->key > 2 || !inside(filter, filter->class, end * sizeof(*class)))
		return false;
	for (uint64_t i = page->first; filter->words != 0 && i < end; i++)
		if (class[i] >= filter->rows)
			return false;
	return true;
}

static bool pages_good(const struct filter *filter)
{
	for (unsigned int i = 0; i < ROUTE_FAMILIES * 256; i++)
		if (!page_good(filter, &filter->page[i / 256][i % 256]) ||
		    (filter->words != 0 && filter->fragment[i / 256][i % 256] >= filter->rows))
			return false;
	return true;
}

static bool rows_good(const struct filter *filter)
{
	uint64_t row_words = (uint64_t)filter->rows * filter->words;

	if (filter->words == 0)
		return true;
	if (filter->words > FILTER_RULE_MAX / 64 || filter->rule_count > filter->words * 64 ||
	    filter->row % 32 != 0 || !inside(filter, filter->row, row_words * 8) ||
	    (filter->words > 1 && !inside(filter, filter->summary, filter->rows * 8ull)))
		return false;
	if (filter->dimensions & FILTER_SPORT &&
	    !values_good(filter, filter->sport, FILTER_SPORT_SIZE))
		return false;
	if (filter->dimensions & FILTER_MISC &&
	    !values_good(filter, filter->misc, FILTER_MISC_SIZE))
		return false;
	for (unsigned int side = 0; side < 2; side++)
		if (filter->dimensions & (FILTER_SOURCE << side) &&
		    (filter->sets == 0 || filter->roots == 0 ||
		     !values_good(filter, filter->map[side], filter->sets)))
			return false;
	return true;
}

/* Every class of a packet that may be compared has its line, and no line leads back. */
static bool lines_good(const struct filter *filter)
{
	const struct filter_outcome *outcome = filter_at(filter, filter->outcome);
	const uint16_t *class = filter_at(filter, filter->class);

	if (filter->lines == 0)
		return true;
	if (filter->words == 0 || filter->line % CACHE_LINE != 0 ||
	    !inside(filter, filter->line, (uint64_t)filter->lines * sizeof(struct filter_line)) ||
	    !inside(filter, filter->outcome, (uint64_t)filter->lines * sizeof(*outcome)))
		return false;
	for (uint32_t i = 0; i < filter->lines; i++)
		if (outcome[i].decision[FILTER_LINE_RULES] == FILTER_NEXT_LINE &&
		    (outcome[i].next <= i || outcome[i].next >= filter->lines))
			return false;
	for (unsigned int protocol = 0; protocol < 256; protocol++) {
		const struct filter_page *page = &filter->page[ROUTE_IPV4][protocol];
		for (uint64_t i = page->first; i <= (uint64_t)page->first + page->mask; i++)
			if (class[i] >= filter->lines)
				return false;
	}
	return true;
}

static bool texts_good(const struct filter *filter)
{
	const struct filter_rule *rule = filter_at(filter, filter->rule);

	if (filter->rule_count > FILTER_RULE_MAX ||
	    !inside(filter, filter->rule, filter->rule_count * sizeof(*rule)) ||
	    !inside(filter, filter->decision, filter->rule_count * sizeof(uint16_t)) ||
	    !inside(filter, filter->by_slot, filter->slots * sizeof(uint16_t)) ||
	    filter->name[NAME_SIZE - 1] != 0)
		return false;
	for (uint32_t i = 0; i < filter->rule_count; i++)
		if (rule[i].text >= filter->size ||
		    memchr(filter_at(filter, rule[i].text), 0, filter->size - rule[i].text) == NULL)
			return false;
	return true;
}

static int claim_one(const struct tables *tables, struct heap *heap, uint64_t offset)
{
	const struct filter *filter = tables_object_checked(tables, offset, sizeof(*filter));

	if (filter == NULL || filter->size < sizeof(*filter) || filter->slots > FILTER_SLOTS ||
	    tables_object_checked(tables, offset, filter->size) == NULL ||
	    heap_claim(heap, offset, filter->size) != 0 || !texts_good(filter) ||
	    !rows_good(filter) || !pages_good(filter) || !lines_good(filter))
		return -EINVAL;
	return filter->roots == 0 ? 0 : filter_roots_claim(tables, heap, filter->roots);
}

int filter_claim(const struct tables *tables, struct heap *heap)
{
	int result = 0;

	for (uint32_t i = 0; i < FILTER_MAX && result == 0; i++) {
		uint64_t offset = word_load(&tables->filter[i]) & FILTER_OFFSET_MASK;
		if (offset != 0)
			result = i == 0 ? -EINVAL : claim_one(tables, heap, offset);
		offset = word_load(&tables->filter_baseline[i]);
		if (result == 0 && offset != 0 &&
		    heap_claim(heap, offset, FILTER_SLOTS * sizeof(struct traffic_counter)) != 0)
			result = -EINVAL;
	}
	return result;
}

/* ---------------------------------------------------------------- counters */

/* What ended in a driver included. */
static void sum_workers(const struct state *state, uint32_t number, unsigned int slot,
			uint64_t *packets, uint64_t *bytes)
{
	*packets = *bytes = 0;
	if (state == NULL || number >= FILTER_MAX || slot >= FILTER_SLOTS)
		return;
	uint64_t workers = word_load(&state->control.worker_count);
	bool ready = slot < word_load(&state->filter_ready[number]);
	for (uint64_t i = 0; ready && i < workers && i < DRIVER_ROW; i++)
		traffic_add(&state->filter[i][number][slot], packets, bytes);
	if (slot < word_load(&state->filter_driver_ready[number]))
		traffic_add(&state->filter[DRIVER_ROW][number][slot], packets, bytes);
}

void filter_counters(const struct tables *tables, const struct state *state, uint32_t number,
		     unsigned int slot, uint64_t *packets, uint64_t *bytes)
{
	sum_workers(state, number, slot, packets, bytes);
	if (number < FILTER_MAX && slot < FILTER_SLOTS)
		traffic_since(tables, word_load(&tables->filter_baseline[number]), FILTER_SLOTS,
			      slot, packets, bytes);
}

int filter_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
			uint32_t number, unsigned int slot)
{
	uint64_t packets, bytes;

	sum_workers(state, number, slot, &packets, &bytes);
	return traffic_baseline_set(heap, &tables->filter_baseline[number], FILTER_SLOTS, slot,
				    packets, bytes);
}
