/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables of routes over a restart of the control plane: the old one answers until the new one is
 * published, nothing leaks, and damage is refused.
 */
#include <errno.h>
#include <stdlib.h>
#include "lpm-model.h"

enum { HEAP_SIZE = 64 << 20 };

static void old_answers_until_publish(void **state)
{
	static struct table table, old;
	struct instance *instance = *state;
	uint64_t empty = heap_in_use(instance);

	for (unsigned int i = 0; i < SHAPES; i++) {
		table_make(&table, instance, i);
		lpm_publish(table.lpm);
		table_changes(&table, 500);
		uint64_t before = heap_in_use(instance);
		lpm_delete(table.lpm);
		instance_restart_heap(instance);
		assert_int_equal(
			lpm_claim(instance->tables, instance->heap, table.root, table.size), 0);
		heap_claimed(instance->heap);
		assert_int_equal(heap_in_use(instance), before);

		old = table;
		table.count = 0;
		table.lpm = lpm_new(instance->tables, instance->heap, &table.root, table.size,
				    table.large);
		table_changes(&table, 500);
		for (unsigned int p = 0; p < old.count; p++) {
			old.root = table.root;
			table_probe_edges(&old, &old.prefix[p]);
		}
		lpm_publish(table.lpm);
		table_check(&table);
		table_changes(&table, 500);
		table_check(&table);
		lpm_clear(table.lpm);
		table.count = 0;
		table_check(&table);
		assert_int_equal(heap_in_use(instance), empty);
		table_changes(&table, 100);
		table_check(&table);
		lpm_clear(table.lpm);
		lpm_delete(table.lpm);
		assert_int_equal(heap_in_use(instance), empty);
	}
}

static void never_published(void **state)
{
	static struct table table;
	uint64_t before = heap_in_use(*state);

	table_make(&table, *state, 3);
	table_changes(&table, 500);
	assert_int_equal(table.root, LPM_NONE);
	lpm_delete(table.lpm);
	assert_int_equal(heap_in_use(*state), before);
}

static int claim(struct table *table)
{
	instance_restart_heap(table->instance);
	return lpm_claim(table->instance->tables, table->instance->heap, table->root, table->size);
}

/* Some entry of this type in the trie, which has one. */
static _Atomic uint32_t *random_entry(struct table *table, enum lpm_type type)
{
	for (;;) {
		_Atomic uint32_t *entry = &table->root;
		for (unsigned int nodes = 0; nodes < 16; nodes++) {
			if (lpm_type(*entry) == type && random_next(&table->random) % 2 == 0)
				return entry;
			if (lpm_type(*entry) != LPM_NODE8 && lpm_type(*entry) != LPM_NODE16)
				break;
			_Atomic uint32_t *node =
				heap_object(table->instance->heap, lpm_offset(*entry));
			uint64_t slots = lpm_type(*entry) == LPM_NODE16 ? 65536 : 256;
			/* the bytes of table_random_prefix() */
			static const uint8_t byte[] = { 0, 0, 1, 0x7f, 0x80, 0xff };
			uint64_t slot = byte[random_next(&table->random) % 6];
			if (slots > 256)
				slot = slot << 8 | byte[random_next(&table->random) % 6];
			entry = &node[slot];
		}
	}
}

static void refused(struct table *table, _Atomic uint32_t *word, uint32_t bad)
{
	uint32_t good = *word;

	*word = bad;
	if (claim(table) != -EINVAL)
		fail_msg("%#x instead of %#x was not refused", bad, good);
	*word = good;
}

static void damage_is_refused(void **state)
{
	static const enum lpm_type any[] = { LPM_LEAF, LPM_NODE8, LPM_TAIL };
	static struct table table;
	struct instance *instance = *state;

	for (unsigned int i = 0; i < SHAPES; i++) {
		table_make(&table, instance, i);
		lpm_publish(table.lpm);
		table_changes(&table, 900);
		lpm_delete(table.lpm);
		_Atomic uint32_t *tail_entry = random_entry(&table, LPM_TAIL);
		_Atomic uint32_t *leaf = random_entry(&table, LPM_LEAF);
		struct lpm_tail *tail = heap_object(instance->heap, lpm_offset(*tail_entry));
		_Atomic uint32_t *length = (_Atomic uint32_t *)&tail->length;
		assert_int_equal(claim(&table), 0);
		refused(&table, leaf, table.root);
		refused(&table, leaf, *tail_entry);
		refused(&table, leaf, (uint32_t)LPM_TAIL << LPM_TYPE_SHIFT);
		refused(&table, leaf, (uint32_t)LPM_NODE8 << LPM_TYPE_SHIFT | LPM_VALUE_MASK);
		refused(&table, leaf, UINT32_MAX);
		refused(&table, tail_entry, *tail_entry ^ 1u << LPM_TYPE_SHIFT);
		refused(&table, tail_entry, *tail_entry ^ 2u << LPM_TYPE_SHIFT);
		refused(&table, length, 0);
		refused(&table, length, table.size * 8 + 1);
		refused(&table, length, UINT32_MAX);
		refused(&table, &tail->value, UINT32_MAX);
		refused(&table, &tail->otherwise, table.root);
		/* whatever stands there: refused, or lookups end */
		for (unsigned int n = 0; n < 200; n++) {
			_Atomic uint32_t *word =
				random_entry(&table, any[random_next(&table.random) % 3]);
			uint32_t good = *word;
			*word ^= 1u << random_next(&table.random) % 32;
			int result = claim(&table);
			assert_true(result == 0 || result == -EINVAL);
			for (unsigned int p = 0; result == 0 && p < table.count; p++)
				table_lookup(&table, table.prefix[p].bits);
			*word = good;
		}
		assert_int_equal(claim(&table), 0);
		heap_claimed(instance->heap);
		table.root = LPM_NONE;
	}
}

static int set_up(void **state)
{
	struct instance *instance = calloc(1, sizeof(*instance));

	instance_make(instance, HEAP_SIZE);
	*state = instance;
	return 0;
}

static int tear_down(void **state)
{
	instance_remove(*state);
	free(*state);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(old_answers_until_publish),
		TEST(never_published),
		TEST(damage_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
