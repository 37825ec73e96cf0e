/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-line.h: the rules that a class leaves, when they are few, to be compared one beside the other.
 *
 * Most classes by protocol and destination port leave a handful of rules, and most of those ask for
 * prefixes alone. Such a rule is decided by comparing two words: no trie is walked, no rows are ANDed.
 * A line is one cache line with four of these rules, in order; beside it stands the outcome of each, and
 * what happens if none matches: the filter's default, the next line, or the rows, which know all rules.
 *
 * For IPv4 packets that are no fragments and have no options. Line number = the class's row.
 */
#ifndef SHUNT_SHM_FILTER_LINE_H
#define SHUNT_SHM_FILTER_LINE_H

#include "filter.h"

enum {
	FILTER_LINE_RULES = 4,
	FILTER_LINES_MAX = 4, /* that one packet may be compared with */
};

/* Addresses as packets have them. A lane without a rule has a value that its mask rules out. */
struct filter_line {
	uint32_t source_mask[FILTER_LINE_RULES], source[FILTER_LINE_RULES];
	uint32_t destination_mask[FILTER_LINE_RULES], destination[FILTER_LINE_RULES];
};
static_assert(sizeof(struct filter_line) == CACHE_LINE, "filter_line");

/* Instead of decisions: no action has this number. */
#define FILTER_ASK_ROWS  0xffffu
#define FILTER_NEXT_LINE 0xfffeu

/* decision[FILTER_LINE_RULES]: if none of them matches. */
struct filter_outcome {
	uint16_t decision[FILTER_LINE_RULES + 1];
	uint16_t reserved;
	uint32_t next; /* FILTER_NEXT_LINE: which; above this one's number */
};
static_assert(sizeof(struct filter_outcome) == 16, "filter_outcome");

/* The first lane that matches, or FILTER_LINE_RULES. */
static inline unsigned int filter_line_lane_scalar(const struct filter_line *line, uint32_t source,
						   uint32_t destination)
{
	unsigned int lane = 0;

	while (lane < FILTER_LINE_RULES &&
	       (((source & line->source_mask[lane]) ^ line->source[lane]) |
		((destination & line->destination_mask[lane]) ^ line->destination[lane])) != 0)
		lane++;
	return lane;
}

/* The same; what every x86-64 processor has does all lanes at once. */
static inline unsigned int filter_line_lane(const struct filter_line *line, uint32_t source,
					    uint32_t destination)
{
#ifdef __SSE2__
	__m128i from = _mm_and_si128(_mm_set1_epi32((int)source),
				     _mm_load_si128((const __m128i *)line->source_mask));
	__m128i to = _mm_and_si128(_mm_set1_epi32((int)destination),
				   _mm_load_si128((const __m128i *)line->destination_mask));
	__m128i equal = _mm_and_si128(
		_mm_cmpeq_epi32(from, _mm_load_si128((const __m128i *)line->source)),
		_mm_cmpeq_epi32(to, _mm_load_si128((const __m128i *)line->destination)));
	unsigned int lanes = (unsigned int)_mm_movemask_ps(_mm_castsi128_ps(equal));

	return (unsigned int)__builtin_ctz(lanes | 1u << FILTER_LINE_RULES);
#else
	return filter_line_lane_scalar(line, source, destination);
#endif
}

/* The decision about an IPv4 packet of class `row` with these addresses (as they stand in it), or
 * FILTER_ASK_ROWS. The filter has lines. */
static inline uint16_t filter_line_decide(const struct filter_line *lines,
					  const struct filter_outcome *outcomes, uint32_t row,
					  uint32_t source, uint32_t destination)
{
	uint16_t decision = outcomes[row].decision[filter_line_lane(&lines[row], source, destination)];

	while (__builtin_expect(decision == FILTER_NEXT_LINE, 0)) {
		row = outcomes[row].next;
		decision = outcomes[row].decision[filter_line_lane(&lines[row], source, destination)];
	}
	return decision;
}

/* The decision about a parsed packet as far as lines know it, else FILTER_ASK_ROWS: the same as
 * filter_decide's. For what is not a burst. */
static inline uint16_t filter_short(const struct filter *filter, const struct filter_packet *packet)
{
	uint32_t source, destination;

	if (filter->lines == 0 || packet->family != ROUTE_IPV4 || packet->later_fragment)
		return FILTER_ASK_ROWS;
	memcpy(&source, packet->source, sizeof(source));
	memcpy(&destination, packet->destination, sizeof(destination));
	return filter_line_decide(filter_at(filter, filter->line),
				  filter_at(filter, filter->outcome), filter_class(filter, packet),
				  source, destination);
}

#endif
