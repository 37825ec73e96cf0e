/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include "lpm-model.h"

static const struct {
	unsigned int size;
	bool large;
} shape[] = { { 4, false }, { 4, true }, { 16, false }, { 16, true } };
static_assert(sizeof(shape) / sizeof(shape[0]) == SHAPES, "shape");

void table_make(struct table *table, struct instance *instance, unsigned int i)
{
	memset(table, 0, sizeof(*table));
	table->instance = instance;
	table->size = shape[i].size;
	table->large = shape[i].large;
	table->random = 88172645463325252ull + i;
	table->lpm =
		lpm_new(instance->tables, instance->heap, &table->root, table->size, table->large);
	assert_non_null(table->lpm);
}

uint64_t heap_in_use(struct instance *instance)
{
	struct heap_statistics statistics;

	while (heap_waiting(instance->heap))
		heap_reclaim(instance->heap);
	heap_statistics(instance->heap, &statistics);
	return statistics.used;
}

uint32_t model_lookup(const struct table *table, address_bits address)
{
	const struct prefix *best = NULL;

	for (unsigned int i = 0; i < table->count; i++) {
		const struct prefix *prefix = &table->prefix[i];
		if ((address & prefix_mask(prefix->length)) == prefix->bits &&
		    (best == NULL || prefix->length > best->length))
			best = prefix;
	}
	return best == NULL ? LPM_NONE : best->value;
}

uint32_t table_lookup(const struct table *table, address_bits address)
{
	uint8_t bytes[16];

	address_bytes(address, bytes);
	return lpm_lookup(table->instance->tables, &table->root, bytes);
}

static void probe(const struct table *table, address_bits address)
{
	uint32_t expected = model_lookup(table, address), got = table_lookup(table, address);

	if (got != expected)
		fail_msg("%#llx...: %u instead of %u", (unsigned long long)(address >> 64), got,
			 expected);
}

void table_probe_edges(const struct table *table, const struct prefix *prefix)
{
	address_bits one = (address_bits)1 << (128 - table->size * 8);

	probe(table, prefix->bits);
	probe(table, prefix->bits - one);
	probe(table, prefix_last(prefix));
	probe(table, prefix_last(prefix) + one);
	probe(table, prefix->bits + (prefix_last(prefix) - prefix->bits) / 2);
}

struct walked {
	const struct table *table;
	const struct prefix *last;
	struct prefix previous;
	unsigned int count;
};

static int check_walked(void *context, const uint8_t *bytes, unsigned int length, uint32_t value)
{
	struct walked *walked = context;
	struct prefix at = { address_of_bytes(bytes, walked->table->size), length, value };
	bool found = false;

	for (unsigned int i = 0; i < walked->table->count && !found; i++)
		found = memcmp(&walked->table->prefix[i].bits, &at.bits, sizeof(at.bits)) == 0 &&
			walked->table->prefix[i].length == length &&
			walked->table->prefix[i].value == value;
	assert_true(found);
	if (walked->count > 0)
		assert_true(walked->previous.bits < at.bits ||
			    (walked->previous.bits == at.bits && walked->previous.length < length));
	walked->previous = at;
	walked->count++;
	return 0;
}

void table_check(const struct table *table)
{
	struct walked walked = { .table = table };
	uint8_t bytes[16];

	for (unsigned int i = 0; i < table->count; i++) {
		table_probe_edges(table, &table->prefix[i]);
		address_bytes(table->prefix[i].bits, bytes);
		assert_int_equal(lpm_get(table->lpm, bytes, table->prefix[i].length),
				 table->prefix[i].value);
	}
	assert_int_equal(lpm_walk(table->lpm, check_walked, &walked), 0);
	assert_int_equal(walked.count, table->count);
	assert_int_equal(lpm_count(table->lpm), table->count);
}

/* Few values a byte, so that prefixes nest and share nodes; many ends at a node's edge. */
struct prefix table_random_prefix(struct table *table)
{
	static const uint8_t byte[] = { 0, 0, 1, 0x7f, 0x80, 0xff };
	struct prefix prefix = { 0 };
	uint8_t bytes[16];

	for (unsigned int i = 0; i < 16; i++)
		bytes[i] = byte[random_next(&table->random) % sizeof(byte)];
	if (random_next(&table->random) % 4 == 0)
		memset(bytes, 0, 12); /* long common beginnings */
	switch (random_next(&table->random) % 4) {
	case 0:
		prefix.length = (unsigned int)(random_next(&table->random) % (table->size + 1)) * 8;
		break;
	case 1:
		prefix.length = table->size * 8;
		break;
	default:
		prefix.length = (unsigned int)(random_next(&table->random) % (table->size * 8 + 1));
	}
	prefix.bits = address_of_bytes(bytes, table->size) & prefix_mask(prefix.length);
	prefix.value = 1 + (uint32_t)(random_next(&table->random) % 7 == 0
					      ? LPM_VALUE_MASK - 1
					      : random_next(&table->random) % 50);
	return prefix;
}

static struct prefix *model_find(struct table *table, const struct prefix *prefix)
{
	for (unsigned int i = 0; i < table->count; i++)
		if (table->prefix[i].bits == prefix->bits &&
		    table->prefix[i].length == prefix->length)
			return &table->prefix[i];
	return NULL;
}

void model_insert(struct table *table, const struct prefix *prefix)
{
	struct prefix *found = model_find(table, prefix);

	if (found == NULL)
		found = &table->prefix[table->count++];
	*found = *prefix;
}

void model_remove(struct table *table, const struct prefix *prefix)
{
	struct prefix *found = model_find(table, prefix);

	*found = table->prefix[--table->count];
}

int table_insert(struct table *table, const struct prefix *prefix)
{
	uint8_t bytes[16];

	address_bytes(prefix->bits, bytes);
	int result = lpm_insert(table->lpm, bytes, prefix->length, prefix->value);
	if (result == 0)
		model_insert(table, prefix);
	return result;
}

void table_remove(struct table *table, const struct prefix *prefix)
{
	uint8_t bytes[16];

	address_bytes(prefix->bits, bytes);
	assert_int_equal(lpm_remove(table->lpm, bytes, prefix->length), 0);
	assert_int_equal(lpm_remove(table->lpm, bytes, prefix->length), -ENOENT);
	assert_int_equal(lpm_get(table->lpm, bytes, prefix->length), LPM_NONE);
	model_remove(table, prefix);
}

struct prefix table_change(struct table *table)
{
	struct prefix prefix = table_random_prefix(table);
	bool full = table->count == MODEL_MAX;

	if (table->count > 0 && (full || random_next(&table->random) % 5 < 2)) {
		prefix = table->prefix[random_next(&table->random) % table->count];
		table_remove(table, &prefix);
		return prefix;
	}
	if (table->count > 0 && random_next(&table->random) % 8 == 0) {
		uint32_t value = prefix.value;
		prefix = table->prefix[random_next(&table->random) % table->count];
		prefix.value = value;
		assert_int_equal(table_insert(table, &prefix), 0); /* a change needs no memory */
		return prefix;
	}
	int result = table_insert(table, &prefix);
	assert_true(result == 0 || result == -ENOSPC);
	return prefix;
}

void table_remove_all(struct table *table)
{
	while (table->count > 0) {
		struct prefix prefix = table->prefix[random_next(&table->random) % table->count];
		table_remove(table, &prefix);
		table_probe_edges(table, &prefix);
	}
}

void table_changes(struct table *table, unsigned int steps)
{
	for (unsigned int step = 0; step < steps; step++)
		table_change(table);
}
