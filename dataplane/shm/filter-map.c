/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-map.c: from a set of lists and prefixes to the rules that it leaves.
 */
#include <errno.h>
#include <stdlib.h>
#include "filter-compile.h"

static uint32_t element_of(const struct filter_rule_spec *rule, unsigned int side)
{
	return side == 0 ? rule->from : rule->to;
}

static uint32_t slot_of(const struct filter_side *side, uint32_t element)
{
	uint32_t mask = side->slots - 1, i = element * 0x9e3779b1u >> 7 & mask;

	while (side->element[i] != 0 && side->element[i] != element)
		i = (i + 1) & mask;
	return i;
}

static int side_begin(struct filter_side *side, const struct filter_compiler *compiler,
		      unsigned int which)
{
	unsigned int words = compiler->words;
	uint32_t count = 0, slots = 4;

	for (uint32_t i = 0; i < compiler->rules; i++)
		count += element_of(compiler->spec->rules[i], which) != 0;
	while (slots < 2 * count)
		slots *= 2;
	side->any = calloc(words, sizeof(*side->any));
	side->element = calloc(slots, sizeof(*side->element));
	side->row = calloc((size_t)slots * words, sizeof(*side->row));
	side->slots = slots;
	if (side->any == NULL || side->element == NULL || side->row == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < compiler->rules; i++) {
		uint32_t element = element_of(compiler->spec->rules[i], which);
		if (element == 0) {
			filter_row_set(side->any, i);
			continue;
		}
		uint32_t slot = slot_of(side, element);
		side->element[slot] = element;
		filter_row_set(&side->row[(size_t)slot * words], i);
	}
	return 0;
}

void filter_side_end(struct filter_side *side)
{
	free(side->any);
	free(side->element);
	free(side->row);
	*side = (struct filter_side){ 0 };
}

void filter_side_row(const struct filter_side *side, unsigned int words,
		     const struct filter_addresses *addresses, uint32_t set, uint64_t *bits)
{
	uint32_t count = 0;
	const uint32_t *elements = filter_set_elements(addresses, set, &count);

	memcpy(bits, side->any, words * sizeof(*bits));
	for (uint32_t i = 0; elements != NULL && i < count; i++) {
		uint32_t slot = slot_of(side, elements[i]);
		if (side->element[slot] == 0)
			continue;
		for (unsigned int w = 0; w < words; w++)
			bits[w] |= side->row[(size_t)slot * words + w];
	}
}

static int compile_map(struct filter_compiler *compiler, const struct filter_addresses *addresses,
		       unsigned int which)
{
	struct filter_side *side = &compiler->side[which];
	uint32_t count = filter_set_count(addresses);
	int result = side_begin(side, compiler, which);

	compiler->map[which] = calloc(compiler->sets, sizeof(uint16_t));
	if (compiler->map[which] == NULL)
		result = -ENOMEM;
	for (uint32_t set = 0; set < count && result == 0; set++) {
		filter_side_row(side, compiler->words, addresses, set, compiler->bits);
		int64_t row = filter_rows_intern(
			&compiler->rows, compiler->bits,
			filter_row_hash(compiler->bits, compiler->words));
		compiler->map[which][set] = (uint16_t)row;
		result = row < 0 ? (int)row : 0;
	}
	return result;
}

int filter_compile_maps(struct filter_compiler *compiler, const struct filter_addresses *addresses)
{
	int result = 0;

	/* room for sets that come later */
	for (compiler->sets = 256; compiler->sets < 2 * filter_set_count(addresses);)
		compiler->sets *= 2;
	if (compiler->dimensions & FILTER_SOURCE)
		result = compile_map(compiler, addresses, 0);
	if (result == 0 && compiler->dimensions & FILTER_DESTINATION)
		result = compile_map(compiler, addresses, 1);
	return result;
}
