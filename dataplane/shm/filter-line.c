/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-line.c: the rules that a class leaves, as far as they ask for nothing but prefixes.
 */
#include <errno.h>
#include <stdlib.h>
#include "filter-compile.h"

enum verdict { NEVER, MAYBE, ALWAYS, UNKNOWN };

/* One side of a rule, of IPv4 packets, as a mask and a value. */
static enum verdict side_of(uint32_t element, const struct filter_prefix *prefix, uint32_t *mask,
			    uint32_t *value)
{
	*mask = *value = 0;
	if (element == 0)
		return ALWAYS;
	if (prefix == NULL)
		return UNKNOWN; /* a list */
	if (prefix->family != ROUTE_IPV4)
		return NEVER;
	if (prefix->length == 0)
		return ALWAYS;
	*mask = htobe32(UINT32_MAX << (32 - prefix->length));
	memcpy(value, prefix->bytes, sizeof(*value));
	*value &= *mask;
	return MAYBE;
}

struct candidate {
	uint32_t source_mask, source, destination_mask, destination;
};

static enum verdict candidate_of(const struct filter_rule_spec *rule, struct candidate *candidate)
{
	enum verdict from = side_of(rule->from, rule->from_prefix, &candidate->source_mask,
				    &candidate->source);
	enum verdict to = side_of(rule->to, rule->to_prefix, &candidate->destination_mask,
				  &candidate->destination);

	if (from == NEVER || to == NEVER)
		return NEVER;
	if (from == UNKNOWN || to == UNKNOWN || rule->sport_count != 0 || rule->dscp >= 0 ||
	    rule->syn || rule->established)
		return UNKNOWN;
	return from == ALWAYS && to == ALWAYS ? ALWAYS : MAYBE;
}

/* ---------------------------------------------------------------- lines */

static int grow(struct filter_compiler *compiler)
{
	uint32_t capacity = compiler->line_capacity + compiler->line_capacity / 2 + 16;
	struct filter_line *line = realloc(compiler->line, (size_t)capacity * sizeof(*line));

	if (line == NULL)
		return -ENOMEM;
	compiler->line = line;
	struct filter_outcome *outcome =
		realloc(compiler->outcome, (size_t)capacity * sizeof(*outcome));
	if (outcome == NULL)
		return -ENOMEM;
	compiler->outcome = outcome;
	compiler->line_capacity = capacity;
	return 0;
}

/* One more line: no lane matches, and then the rows are asked. */
static int64_t line_new(struct filter_compiler *compiler)
{
	uint32_t number = compiler->lines;

	if (number == compiler->line_capacity && grow(compiler) != 0)
		return -ENOMEM;
	compiler->lines++;
	struct filter_line *line = &compiler->line[number];
	struct filter_outcome *outcome = &compiler->outcome[number];
	memset(line, 0, sizeof(*line));
	memset(outcome, 0, sizeof(*outcome));
	for (unsigned int i = 0; i < FILTER_LINE_RULES; i++)
		line->source[i] = UINT32_MAX;
	for (unsigned int i = 0; i <= FILTER_LINE_RULES; i++)
		outcome->decision[i] = FILTER_ASK_ROWS;
	return number;
}

/* Where a class's rules are being put. */
struct writing {
	uint32_t line;
	unsigned int lanes, lines;
};

/* 0, 1: there is no more room for this class, or -ENOMEM. */
static int put_candidate(struct filter_compiler *compiler, struct writing *writing,
			 const struct candidate *candidate, uint16_t decision)
{
	if (writing->lanes == FILTER_LINE_RULES) {
		if (writing->lines == FILTER_LINES_MAX)
			return 1;
		int64_t next = line_new(compiler);
		if (next < 0)
			return (int)next;
		compiler->outcome[writing->line].decision[FILTER_LINE_RULES] = FILTER_NEXT_LINE;
		compiler->outcome[writing->line].next = (uint32_t)next;
		*writing = (struct writing){ (uint32_t)next, 0, writing->lines + 1 };
	}
	struct filter_line *line = &compiler->line[writing->line];
	unsigned int lane = writing->lanes++;
	line->source_mask[lane] = candidate->source_mask;
	line->source[lane] = candidate->source;
	line->destination_mask[lane] = candidate->destination_mask;
	line->destination[lane] = candidate->destination;
	compiler->outcome[writing->line].decision[lane] = decision;
	return 0;
}

/* One rule of a class: 0: go on, 1: the rules behind it are not looked at, or -ENOMEM. */
static int put_rule(struct filter_compiler *compiler, struct writing *writing, uint32_t index,
		    bool *open)
{
	const struct filter_rule_spec *rule = compiler->spec->rules[index];
	struct candidate candidate;

	switch (candidate_of(rule, &candidate)) {
	case NEVER:
		return 0;
	case MAYBE: {
		int result = put_candidate(compiler, writing, &candidate,
					   filter_rule_decision(rule));
		*open = result == 0;
		return result;
	}
	case ALWAYS:
		compiler->outcome[writing->line].decision[FILTER_LINE_RULES] =
			filter_rule_decision(rule);
		*open = false;
		return 1;
	default:
		*open = false;
		return 1;
	}
}

/* The rules of a class, in order, as far as they can be put into lines: behind that, the rows are asked.
 * Returns whether any packet is spared them, or -ENOMEM. */
static int put_class(struct filter_compiler *compiler, uint32_t row)
{
	struct writing writing = { row, 0, 1 };
	bool open = true; /* all rules so far were put into lanes */
	int result = 0;

	for (unsigned int w = 0; w < compiler->words && result == 0; w++) {
		uint64_t bits = compiler->rows.row[(size_t)row * compiler->words + w];
		for (; bits != 0 && result == 0; bits &= bits - 1)
			result = put_rule(compiler, &writing,
					  w * 64 + (uint32_t)__builtin_ctzll(bits), &open);
	}
	if (result < 0)
		return result;
	uint16_t *none = &compiler->outcome[writing.line].decision[FILTER_LINE_RULES];
	if (open)
		*none = filter_decision_of(compiler->spec->otherwise);
	return *none != FILTER_ASK_ROWS || writing.lanes > 0;
}

int filter_compile_lines(struct filter_compiler *compiler)
{
	uint32_t useful = 0;

	for (uint32_t row = 0; row < compiler->rows.count; row++)
		if (line_new(compiler) < 0)
			return -ENOMEM;
	for (uint32_t row = 0; row < compiler->rows.count; row++) {
		int result = put_class(compiler, row);
		if (result < 0)
			return result;
		useful += (uint32_t)result;
	}
	if (useful == 0)
		compiler->lines = 0;
	return 0;
}
