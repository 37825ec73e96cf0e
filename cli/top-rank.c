/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include "cli/top.h"

/* What a counter grew by. One that is smaller than before began at 0 in between. */
static double growth(const uint64_t *before, const uint64_t *now, unsigned int counter)
{
	uint64_t from = before ? before[1 + counter] : 0, to = now[1 + counter];

	return (double)(to >= from ? to - from : to);
}

double top_value(const struct top_column *column, const uint64_t *before, const uint64_t *now,
		 double seconds, double hz)
{
	double base;

	if (column->kind == TOP_TOTAL)
		return (double)now[1 + column->a];
	if (seconds <= 0)
		return 0;
	switch (column->kind) {
	case TOP_RATE:
		return growth(before, now, column->a) * column->scale / seconds;
	case TOP_SHARE:
		return hz > 0 ? 100 * growth(before, now, column->a) / (hz * seconds) : 0;
	default:
		base = growth(before, now, column->b);
		return base > 0 ? growth(before, now, column->a) / base : 0;
	}
}

/* A row that may be shown. */
struct candidate {
	double key;
	const uint64_t *before, *now;
};

/* Does a new one stand before `other`? Ids ascend as rows are looked at: of equal ones the first stays
 * first. */
static bool stands_before(double key, const struct candidate *other, bool reverse)
{
	return reverse ? key < other->key : key > other->key;
}

/* Into the sorted list of the best so far. */
static unsigned int insert(struct candidate *best, unsigned int count, unsigned int wanted,
			   const struct candidate *new, bool reverse)
{
	unsigned int low = 0, high = count;

	if (count == wanted && (count == 0 || !stands_before(new->key, &best[count - 1], reverse)))
		return count;
	while (low < high) {
		unsigned int middle = (low + high) / 2;
		if (stands_before(new->key, &best[middle], reverse))
			high = middle;
		else
			low = middle + 1;
	}
	if (count == wanted)
		count--;
	memmove(best + low + 1, best + low, (count - low) * sizeof(*best));
	best[low] = *new;
	return count + 1;
}

static void fill_row(const struct view *view, const struct top_pane *pane,
		     const struct candidate *candidate, double seconds, double hz,
		     struct top_row *row)
{
	memset(row, 0, sizeof(*row));
	row->id = candidate->now[0];
	pane->name_of(view, row->id, row->name);
	for (unsigned int i = 0; pane->columns[i].title; i++)
		row->value[i] = top_value(&pane->columns[i], candidate->before, candidate->now,
					  seconds, hz);
}

void top_rank(const struct view *view, const struct top_pane *pane, const struct top_order *order,
	      const struct top_sample *before, const struct top_sample *now, unsigned int wanted,
	      struct top_result *result)
{
	static struct candidate best[TOP_ROWS];
	bool known = before->time != 0 && before->mapped == now->mapped;
	double hz = view->state ? (double)word_load(&view->state->control.tsc_hz) : 0;
	unsigned int count = 0;
	size_t old = 0;

	result->seconds = known ? (double)(now->time - before->time) / 1e9 : 0;
	if (wanted > TOP_ROWS)
		wanted = TOP_ROWS;
	for (size_t i = 0; i < now->rows; i++) {
		struct candidate new = { .now = top_sample_at(now, i) };
		while (known && old < before->rows && top_sample_at(before, old)[0] < new.now[0])
			old++;
		if (known && old < before->rows && top_sample_at(before, old)[0] == new.now[0])
			new.before = top_sample_at(before, old);
		new.key = order->column < TOP_COLUMNS
				  ? top_value(&pane->columns[order->column], new.before, new.now,
					      result->seconds, hz)
				  : -(double)i;
		count = insert(best, count, wanted, &new, order->reverse);
	}
	result->of = now->rows;
	result->count = count;
	for (unsigned int i = 0; i < count; i++)
		fill_row(view, pane, &best[i], result->seconds, hz, &result->row[i]);
}
