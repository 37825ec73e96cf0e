/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_metrics.h: for the files view_metrics*.c: metrics being written.
 */
#ifndef SHUNT_OBJECT_VIEW_METRICS_H
#define SHUNT_OBJECT_VIEW_METRICS_H

#include "view.h"

struct metrics_text {
	struct buffer text;
	bool openmetrics;
};

/* Text as it is; at most 511 bytes of it. */
void metrics_add(struct metrics_text *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Begin a family: `name` without shunt_ and _total. All of its samples follow. */
void metrics_family(struct metrics_text *out, const char *name, bool counter, const char *help);

/* Families that are the rows of no show: stages, tunnels, filters, events. */
void metrics_tables(struct metrics_text *out, const struct view *view);

/* What a filter's rules counted, by what they do about packets; the last is its default. */
enum { FILTER_SUM_DEFAULT = 3, FILTER_SUMS };
struct filter_sums {
	char name[NAME_SIZE];
	uint64_t packets[FILTER_SUMS], bytes[FILTER_SUMS]; /* by enum filter_action */
};
/* False: there is no filter of this number. In view_filter.c. */
bool view_filter_sums(const struct view *view, uint32_t number, struct filter_sums *sums);

#endif
