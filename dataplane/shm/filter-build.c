/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-build.c: the object is put together, published, and told of new sets.
 */
#include <errno.h>
#include <stdlib.h>
#include "filter-compile.h"

struct filter_built {
	struct filter *filter; /* private until it is published, then in the heap */
	bool published;
	struct filter_rows rows; /* which there are; they stand in the filter */
	struct filter_side side[2];
};

/* ---------------------------------------------------------------- compile */

static uint32_t dimensions_of(const struct filter_spec *spec)
{
	uint32_t dimensions = 0;

	for (uint32_t i = 0; i < spec->rule_count; i++) {
		const struct filter_rule_spec *rule = spec->rules[i];
		dimensions |= rule->from != 0 ? FILTER_SOURCE : 0;
		dimensions |= rule->to != 0 ? FILTER_DESTINATION : 0;
		dimensions |= rule->sport_count != 0 ? FILTER_SPORT : 0;
		dimensions |= rule->dscp >= 0 || rule->syn || rule->established ? FILTER_MISC : 0;
	}
	return dimensions;
}

static unsigned int words_of(uint32_t rules)
{
	unsigned int words = (rules + 63) / 64;

	return words <= 1 ? 1 : (words + FILTER_LANES - 1) / FILTER_LANES * FILTER_LANES;
}

static int compile(struct filter_compiler *compiler, const struct filter_spec *spec,
		   const struct filter_addresses *addresses)
{
	compiler->spec = spec;
	compiler->rules = spec->rule_count;
	compiler->dimensions = dimensions_of(spec);
	compiler->direct = compiler->dimensions == 0;
	compiler->words = words_of(spec->rule_count);
	compiler->bits = calloc(compiler->words, sizeof(*compiler->bits));
	int result = compiler->bits == NULL ? -ENOMEM
					    : filter_rows_begin(&compiler->rows, compiler->words);
	if (result == 0)
		result = filter_compile_pages(compiler);
	if (result == 0 && !compiler->direct)
		result = filter_compile_lines(compiler);
	if (result == 0 && compiler->dimensions & FILTER_SPORT)
		result = filter_compile_sport(compiler);
	if (result == 0 && compiler->dimensions & FILTER_MISC)
		result = filter_compile_misc(compiler);
	if (result == 0 && compiler->dimensions & (FILTER_SOURCE | FILTER_DESTINATION))
		result = filter_compile_maps(compiler, addresses);
	return result;
}

static void compiler_end(struct filter_compiler *compiler)
{
	filter_rows_end(&compiler->rows);
	free(compiler->class);
	free(compiler->sport);
	free(compiler->line);
	free(compiler->outcome);
	free(compiler->bits);
	for (unsigned int i = 0; i < 2; i++) {
		free(compiler->map[i]);
		filter_side_end(&compiler->side[i]);
	}
	free(compiler);
}

/* ---------------------------------------------------------------- put together */

static uint32_t place(uint64_t *size, uint64_t bytes, uint64_t alignment)
{
	uint64_t at = (*size + alignment - 1) / alignment * alignment;

	*size = at + bytes;
	return (uint32_t)at;
}

static uint64_t text_size(const struct filter_spec *spec)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < spec->rule_count; i++)
		size += strlen(spec->rules[i]->text) + 1;
	return size;
}

/* Rows for sets that come later, where addresses are looked at. */
static uint32_t row_room(const struct filter_compiler *compiler)
{
	uint32_t count = compiler->rows.count;

	if (!(compiler->dimensions & (FILTER_SOURCE | FILTER_DESTINATION)))
		return count;
	count += count / 4 + 64;
	return count < FILTER_ROW_MAX ? count : FILTER_ROW_MAX;
}

static void layout(const struct filter_compiler *compiler, struct filter *filter,
		   uint32_t *texts)
{
	uint64_t size = sizeof(*filter);

	filter->rule = place(&size, compiler->rules * sizeof(struct filter_rule), 8);
	filter->decision = place(&size, compiler->rules * sizeof(uint16_t), 8);
	filter->by_slot = place(&size, compiler->spec->slots * sizeof(uint16_t), 8);
	filter->class = place(&size, compiler->classes * sizeof(uint16_t), CACHE_LINE);
	if (compiler->sport != NULL)
		filter->sport = place(&size, FILTER_SPORT_SIZE * sizeof(uint16_t), CACHE_LINE);
	if (compiler->dimensions & FILTER_MISC)
		filter->misc = place(&size, sizeof(compiler->misc), CACHE_LINE);
	for (unsigned int i = 0; i < 2; i++)
		if (compiler->map[i] != NULL)
			filter->map[i] =
				place(&size, compiler->sets * sizeof(uint16_t), CACHE_LINE);
	if (!compiler->direct) {
		filter->words = compiler->words;
		filter->sets = compiler->sets;
		filter->rows = row_room(compiler);
		if (compiler->words > 1)
			filter->summary =
				place(&size, filter->rows * sizeof(uint64_t), CACHE_LINE);
		filter->row = place(&size,
				    (uint64_t)filter->rows * compiler->words * sizeof(uint64_t),
				    CACHE_LINE);
	}
	if (compiler->lines != 0) {
		filter->lines = compiler->lines;
		filter->line = place(&size, compiler->lines * sizeof(struct filter_line),
				     CACHE_LINE);
		filter->outcome = place(&size, compiler->lines * sizeof(struct filter_outcome),
					CACHE_LINE);
	}
	*texts = place(&size, text_size(compiler->spec), 8);
	filter->size = (size + 7) / 8 * 8;
}

static void *writable(struct filter *filter, uint32_t offset)
{
	return (uint8_t *)filter + offset;
}

static void put_rules(const struct filter_spec *spec, struct filter *filter, uint32_t texts)
{
	struct filter_rule *rules = writable(filter, filter->rule);
	uint16_t *decisions = writable(filter, filter->decision);

	uint16_t *by_slot = writable(filter, filter->by_slot);

	for (uint32_t i = 0; i < spec->slots; i++)
		by_slot[i] = (uint16_t)spec->rule_count;
	for (uint32_t i = 0; i < spec->rule_count; i++) {
		const struct filter_rule_spec *rule = spec->rules[i];
		by_slot[rule->slot] = (uint16_t)i;
		size_t length = strlen(rule->text) + 1;
		decisions[i] = filter_rule_decision(rule);
		rules[i] = (struct filter_rule){ .sequence = rule->sequence,
						 .text = texts,
						 .decision = decisions[i],
						 .meter = rule->meter,
						 .packets = rule->packets,
						 .rate = rule->rate,
						 .burst = rule->burst,
						 .exceed = rule->exceed,
						 .peak = rule->peak,
						 .excess = rule->excess };
		memcpy(writable(filter, texts), rule->text, length);
		texts += (uint32_t)length;
	}
	filter->rule_count = spec->rule_count;
	filter->slots = spec->slots;
	filter->otherwise = filter_decision_of(spec->otherwise);
	memcpy(filter->name, spec->name, strnlen(spec->name, NAME_SIZE - 1));
}

/* The first rule that names a type decides about it: such rules look at nothing else. */
static int put_ethertypes(const struct filter_spec *spec, struct filter *filter)
{
	for (uint32_t i = 0; i < spec->rule_count; i++) {
		const struct filter_rule_spec *rule = spec->rules[i];
		if (!filter_rule_is_other(rule) ||
		    filter_decide_ethertype(filter, rule->ethertype) >= 0)
			continue;
		if (filter->ethertypes == FILTER_ETHERTYPES)
			return -E2BIG;
		filter->ethertype[filter->ethertypes].type = rule->ethertype;
		filter->ethertype[filter->ethertypes++].decision = filter_rule_decision(rule);
	}
	return 0;
}

static void put_summary(struct filter *filter, uint32_t row)
{
	uint64_t *summary = writable(filter, filter->summary);
	const uint64_t *bits = filter_at(filter, filter->row);

	if (filter->words > 1)
		summary[row] = filter_row_summary(&bits[(size_t)row * filter->words],
						  filter->words);
}

static void put_classes(const struct filter_compiler *compiler, struct filter *filter)
{
	memcpy(writable(filter, filter->class), compiler->class,
	       compiler->classes * sizeof(uint16_t));
	memcpy(filter->page, compiler->page, sizeof(filter->page));
	memcpy(filter->fragment, compiler->fragment, sizeof(filter->fragment));
	if (filter->sport != 0)
		memcpy(writable(filter, filter->sport), compiler->sport,
		       FILTER_SPORT_SIZE * sizeof(uint16_t));
	if (filter->misc != 0)
		memcpy(writable(filter, filter->misc), compiler->misc, sizeof(compiler->misc));
	for (unsigned int i = 0; i < 2; i++)
		if (filter->map[i] != 0)
			memcpy(writable(filter, filter->map[i]), compiler->map[i],
			       compiler->sets * sizeof(uint16_t));
	if (filter->lines != 0) {
		memcpy(writable(filter, filter->line), compiler->line,
		       compiler->lines * sizeof(struct filter_line));
		memcpy(writable(filter, filter->outcome), compiler->outcome,
		       compiler->lines * sizeof(struct filter_outcome));
	}
	if (filter->words == 0)
		return;
	memcpy(writable(filter, filter->row), compiler->rows.row,
	       (size_t)compiler->rows.count * compiler->words * sizeof(uint64_t));
	for (uint32_t i = 0; i < compiler->rows.count; i++)
		put_summary(filter, i);
}

static int put_together(struct filter_compiler *compiler, struct filter_built *built)
{
	struct filter shape = { .dimensions = compiler->dimensions };
	uint32_t texts;

	layout(compiler, &shape, &texts);
	if (shape.size > UINT32_MAX)
		return -E2BIG;
	built->filter = aligned_alloc(CACHE_LINE, (shape.size + CACHE_LINE - 1) / CACHE_LINE *
							  CACHE_LINE);
	if (built->filter == NULL)
		return -ENOMEM;
	memset(built->filter, 0, shape.size);
	*built->filter = shape;
	put_rules(compiler->spec, built->filter, texts);
	put_classes(compiler, built->filter);
	return put_ethertypes(compiler->spec, built->filter);
}

/* The rows stand in the filter from now on. */
static int keep_rows(struct filter_compiler *compiler, struct filter_built *built)
{
	built->rows = compiler->rows;
	compiler->rows = (struct filter_rows){ 0 };
	free(built->rows.row);
	built->rows.row = NULL;
	built->rows.capacity = built->filter->rows;
	memcpy(built->side, compiler->side, sizeof(built->side));
	memset(compiler->side, 0, sizeof(compiler->side));
	return filter_rows_fit(&built->rows, filter_at(built->filter, built->filter->row),
			       built->rows.capacity);
}

int filter_build(const struct filter_spec *spec, const struct filter_addresses *addresses,
		 struct filter_built **out)
{
	struct filter_compiler *compiler = calloc(1, sizeof(*compiler));
	struct filter_built *built = calloc(1, sizeof(*built));

	*out = NULL;
	if (compiler == NULL || built == NULL) {
		free(compiler);
		free(built);
		return -ENOMEM;
	}
	int result = compile(compiler, spec, addresses);
	if (result == 0)
		result = put_together(compiler, built);
	if (result == 0 && built->filter->words != 0)
		result = keep_rows(compiler, built);
	if (result == 0 && built->filter->sets != 0)
		built->filter->roots = filter_addresses_roots(addresses);
	compiler_end(compiler);
	if (result != 0) {
		filter_built_delete(built);
		return result;
	}
	*out = built;
	return 0;
}

void filter_built_delete(struct filter_built *built)
{
	if (built == NULL)
		return;
	if (!built->published)
		free(built->filter);
	filter_rows_end(&built->rows);
	filter_side_end(&built->side[0]);
	filter_side_end(&built->side[1]);
	free(built);
}

const struct filter *filter_built_image(const struct filter_built *built)
{
	return built->filter;
}

/* ---------------------------------------------------------------- publish */

static uint64_t size_of(const struct tables *tables, uint64_t offset)
{
	return ((const struct filter *)tables_object(tables, offset))->size;
}

int filter_publish(struct tables *tables, struct heap *heap, uint32_t number,
		   struct filter_built *built)
{
	uint64_t old = word_load(&tables->filter[number]) & FILTER_OFFSET_MASK;
	uint64_t size = built->filter->size;
	uint64_t offset = old;

	built->filter->version =
		old == 0 ? 0 : ((const struct filter *)tables_object(tables, old))->version;
	if (old == 0 || size_of(tables, old) != size ||
	    memcmp(heap_object(heap, old), built->filter, size) != 0) {
		offset = heap_allocate(heap, size);
		if (offset == 0)
			return -ENOSPC;
		/* memory is used again only when the epoch was raised in between */
		built->filter->version = word_load(&tables->control.epoch);
		memcpy(heap_object(heap, offset), built->filter, size);
		word_store(&tables->filter[number],
			   offset | (uint64_t)built->filter->slots << FILTER_SLOTS_SHIFT);
		if (old != 0)
			heap_free(heap, old, size_of(tables, old));
	}
	free(built->filter);
	built->filter = heap_object(heap, offset);
	built->published = true;
	return 0;
}

void filter_unpublish(struct tables *tables, struct heap *heap, uint32_t number)
{
	uint64_t old = word_load(&tables->filter[number]) & FILTER_OFFSET_MASK;

	if (old == 0)
		return;
	word_store(&tables->filter[number], 0);
	heap_free(heap, old, size_of(tables, old));
}

/* ---------------------------------------------------------------- new sets */

int filter_built_add_set(struct filter_built *built, const struct filter_addresses *addresses,
			 uint32_t set)
{
	struct filter *filter = built->filter;
	uint64_t bits[FILTER_RULE_MAX / 64], *rows = writable(filter, filter->row);

	if (filter->sets == 0)
		return 0;
	if (set >= filter->sets)
		return -ENOSPC;
	for (unsigned int i = 0; i < 2; i++) {
		uint32_t before = built->rows.count;
		uint16_t *map = writable(filter, filter->map[i]);
		if (filter->map[i] == 0)
			continue;
		filter_side_row(&built->side[i], filter->words, addresses, set, bits);
		int64_t row = filter_rows_intern_at(&built->rows, rows, bits,
						    filter_row_hash(bits, filter->words));
		if (row < 0)
			return (int)row;
		if (built->rows.count != before)
			put_summary(filter, (uint32_t)row);
		map[set] = (uint16_t)row;
	}
	return 0;
}
