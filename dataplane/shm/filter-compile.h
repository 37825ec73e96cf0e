/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-compile.h: a filter while it is built. Private to dataplane/shm.
 */
#ifndef SHUNT_SHM_FILTER_COMPILE_H
#define SHUNT_SHM_FILTER_COMPILE_H

#include "filter-line.h"
#include "filter-rows.h"

/* What a filter asks of addresses on one side: which rules each of its elements is named by. */
struct filter_side {
	uint64_t *any; /* row of the rules that name none */
	uint32_t *element; /* hash table: element, 0: empty */
	uint64_t *row;     /* beside it: rows */
	uint32_t slots;    /* a power of two; 0: no rule asks */
};

/* A page that was made already, by the rules that it is about. */
struct filter_page_made {
	uint64_t signature;
	struct filter_page page;
};

struct filter_compiler {
	const struct filter_spec *spec;
	uint32_t rules;
	uint32_t dimensions;
	bool direct;        /* class[] holds decisions */
	unsigned int words; /* of a row; of a direct filter: while it is built */
	struct filter_rows rows;
	uint16_t *class;
	uint32_t classes, class_capacity;
	uint16_t fragment[ROUTE_FAMILIES][256];
	struct filter_page page[ROUTE_FAMILIES][256];
	struct filter_page_made made[64];
	unsigned int made_count;
	uint16_t *sport; /* FILTER_SPORT_SIZE, or NULL */
	uint16_t misc[FILTER_MISC_SIZE];
	struct filter_side side[2];
	uint16_t *map[2];
	uint32_t sets;
	struct filter_line *line;
	struct filter_outcome *outcome;
	uint32_t lines, line_capacity;
	uint64_t *bits; /* a row to work with */
};

/* filter-page.c: what needs no address. 0, -ENOMEM, -E2BIG. */
int filter_compile_pages(struct filter_compiler *compiler);
int filter_compile_sport(struct filter_compiler *compiler);
int filter_compile_misc(struct filter_compiler *compiler);
/* A decision of a direct filter, else a row: what stands in class[] for these bits. */
int64_t filter_compile_value(struct filter_compiler *compiler, const uint64_t *bits, uint64_t hash);
/* No IP packet ever gets to it. */
bool filter_rule_is_other(const struct filter_rule_spec *rule);
uint16_t filter_rule_decision(const struct filter_rule_spec *rule);
/* Of slot 0: what no rule decides. */
static inline uint16_t filter_decision_of(enum filter_action otherwise)
{
	return (uint16_t)((unsigned int)otherwise << FILTER_ACTION_SHIFT);
}

/* filter-line.c: lines of the rows that there are, which are those of the pages. 0, -ENOMEM. */
int filter_compile_lines(struct filter_compiler *compiler);

/* filter-map.c: addresses. */
int filter_compile_maps(struct filter_compiler *compiler, const struct filter_addresses *addresses);
/* The row of a set, into `bits`. */
void filter_side_row(const struct filter_side *side, unsigned int words,
		     const struct filter_addresses *addresses, uint32_t set, uint64_t *bits);
void filter_side_end(struct filter_side *side);

#endif
