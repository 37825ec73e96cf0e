/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Longest prefix match against a plain list of prefixes: random changes, full memory, and a reader
 * meanwhile. Built again under AddressSanitizer and ThreadSanitizer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "dataplane/shm/epoch.h"
#include "lpm-model.h"

#ifdef __SANITIZE_THREAD__ /* makes each step ten times as long; what matters there is the reader  \
			    */
enum { CHANGES = 500, READER_STEPS = 1500 };
#else
enum { CHANGES = 6000, READER_STEPS = 8000 };
#endif
enum { HEAP_SIZE = 64 << 20, PROBES = 64 };

static void random_changes(void **state)
{
	static struct table table;

	for (unsigned int i = 0; i < SHAPES; i++) {
		table_make(&table, *state, i);
		uint64_t before = heap_in_use(*state);
		lpm_publish(table.lpm);
		for (unsigned int step = 0; step < CHANGES; step++) {
			struct prefix changed = table_change(&table);
			table_probe_edges(&table, &changed);
			if (step % 500 == 0)
				table_check(&table);
			if (step % (CHANGES / 4) == CHANGES / 4 - 1)
				table_remove_all(&table);
			if (step % 64 == 0)
				heap_reclaim(table.instance->heap);
		}
		table_check(&table);
		table_remove_all(&table);
		assert_int_equal(table.root, LPM_NONE);
		assert_int_equal(heap_in_use(*state), before);
		lpm_delete(table.lpm);
	}
}

static void refused_arguments(void **state)
{
	static struct table table;
	const uint8_t ten[16] = { 10, 1, 2, 3 };

	table_make(&table, *state, 1);
	lpm_publish(table.lpm);
	assert_int_equal(lpm_insert(table.lpm, ten, 33, 1), -EINVAL);
	assert_int_equal(lpm_insert(table.lpm, ten, 31, 1), -EINVAL);
	assert_int_equal(lpm_insert(table.lpm, ten, 8, 1), -EINVAL);
	assert_int_equal(lpm_insert(table.lpm, ten, 0, 1), -EINVAL);
	assert_int_equal(lpm_insert(table.lpm, ten, 32, LPM_NONE), -EINVAL);
	assert_int_equal(lpm_insert(table.lpm, ten, 32, LPM_VALUE_MASK + 1), -EINVAL);
	assert_int_equal(lpm_remove(table.lpm, ten, 32), -ENOENT);
	assert_int_equal(lpm_remove(table.lpm, ten, 33), -ENOENT);
	assert_int_equal(lpm_remove(table.lpm, ten, 31), -ENOENT);
	assert_int_equal(table.root, LPM_NONE);
	lpm_delete(table.lpm);
}

/* What keeps the heap full, and can be given back piece by piece. */
struct ballast {
	uint64_t node[16], tail[16];
};

static void fill(struct instance *instance, struct ballast *ballast)
{
	static const uint64_t size[] = { 1 << 20, 1024, 64 };
	uint64_t offset;

	for (unsigned int i = 0; i < 16; i++) {
		ballast->node[i] = heap_allocate(instance->heap, 1024);
		ballast->tail[i] = heap_allocate(instance->heap, 64);
	}
	for (unsigned int i = 0; i < 3; i++)
		do
			offset = heap_allocate(instance->heap, size[i]);
		while (offset != 0);
}

/* Hold all that is free, and let go of `count`. */
static void hold(struct instance *instance, uint64_t *ballast, uint64_t size, unsigned int count)
{
	unsigned int held = 0;

	for (unsigned int i = 0; i < 16; i++) {
		if (ballast[i] == 0)
			ballast[i] = heap_allocate(instance->heap, size);
		held += ballast[i] != 0;
	}
	assert_in_range(count, 0, held);
	assert_int_equal(heap_allocate(instance->heap, size), 0);
	for (unsigned int i = 0; count > 0 && i < 16; i++) {
		if (ballast[i] == 0)
			continue;
		heap_free(instance->heap, ballast[i], size);
		ballast[i] = 0;
		count--;
	}
	heap_in_use(instance);
}

static void leave_room(struct instance *instance, struct ballast *ballast, unsigned int nodes,
		       unsigned int tails)
{
	heap_in_use(instance);
	hold(instance, ballast->node, 1024, nodes);
	hold(instance, ballast->tail, 64, tails);
}

/* Two host routes that differ in their last bit need sixteen nodes. */
static void no_memory_at_each_step(void **state)
{
	static struct table table;
	struct ballast ballast;
	struct prefix first = { (address_bits)0x20010db8 << 96, 128, 1 };
	struct prefix second = { first.bits | 1, 128, 2 };
	struct prefix short_one = { first.bits, 32, 3 };
	struct prefix third = { first.bits | (address_bits)1 << 16, 127, 4 };

	table_make(&table, *state, 2);
	lpm_publish(table.lpm);
	fill(*state, &ballast);
	leave_room(*state, &ballast, 0, 0);
	assert_int_equal(table_insert(&table, &first), -ENOSPC);
	leave_room(*state, &ballast, 0, 1);
	assert_int_equal(table_insert(&table, &first), 0);
	for (unsigned int nodes = 0; nodes < 16; nodes++) {
		leave_room(*state, &ballast, nodes, 0);
		uint64_t before = heap_in_use(*state);
		assert_int_equal(table_insert(&table, &second), -ENOSPC);
		assert_int_equal(heap_in_use(*state), before);
		table_check(&table);
		table_probe_edges(&table, &second);
	}
	leave_room(*state, &ballast, 16, 0);
	assert_int_equal(table_insert(&table, &second), 0); /* both end in the last node */
	leave_room(*state, &ballast, 0, 0);
	assert_int_equal(table_insert(&table, &short_one), 0);
	assert_int_equal(table_insert(&table, &third), -ENOSPC);
	table_check(&table);
	/* no memory for what replaces the nodes: they stay, and answer */
	table_remove(&table, &second);
	table_check(&table);
	table_remove(&table, &first);
	table_check(&table);
	assert_int_equal(table_insert(&table, &second), 0);
	assert_int_equal(table_insert(&table, &first), 0);
	table_check(&table);
	table_remove_all(&table);
	assert_int_equal(table.root, LPM_NONE);
	lpm_delete(table.lpm);
}

static void random_changes_in_little_memory(void **state)
{
	static struct table table;
	struct ballast ballast;

	fill(*state, &ballast);
	leave_room(*state, &ballast, 16, 3);
	uint64_t before = heap_in_use(*state);
	for (unsigned int i = 0; i < SHAPES; i += 2) {
		table_make(&table, *state, i);
		lpm_publish(table.lpm);
		for (unsigned int step = 0; step < CHANGES; step++) {
			struct prefix changed = table_change(&table);
			table_probe_edges(&table, &changed);
			if (step % 100 == 0)
				table_check(&table);
		}
		table_remove_all(&table);
		assert_int_equal(table.root, LPM_NONE);
		assert_int_equal(heap_in_use(*state), before);
		lpm_delete(table.lpm);
	}
}

/* ---------------------------------------------------------------- reader */

struct race {
	struct table *table;
	address_bits address[PROBES];
	uint32_t (*answer)[PROBES]; /* after so many changes */
	_Atomic uint64_t step;      /* changes that are complete */
	_Atomic bool stop;
	_Atomic uint64_t looked, wrong;
};

static bool was_valid(const struct race *race, uint64_t first, uint64_t last, unsigned int i,
		      uint32_t value)
{
	for (uint64_t step = first; step <= last && step <= READER_STEPS; step++)
		if (race->answer[step][i] == value)
			return true;
	return false;
}

static void *read_all_the_time(void *context)
{
	struct race *race = context;
	const struct tables *tables = race->table->instance->tables;
	struct worker_state *worker = &race->table->instance->state->worker[0];

	epoch_online(tables, worker);
	while (!atomic_load_explicit(&race->stop, memory_order_relaxed)) {
		epoch_report(tables, worker);
		for (unsigned int i = 0; i < PROBES; i++) {
			uint64_t first = word_load(&race->step);
			uint32_t value = table_lookup(race->table, race->address[i]);
			uint64_t last = word_load(&race->step) + 1; /* this one may be under way */
			if (!was_valid(race, first, last, i, value))
				counter_add(&race->wrong, 1);
		}
		counter_add(&race->looked, 1);
	}
	epoch_offline(worker);
	return NULL;
}

/* The changes are made to the model first: what is right after each is known before they begin. */
static void plan(struct race *race, struct prefix *what)
{
	struct table *model = race->table;

	for (unsigned int i = 0; i < PROBES; i++) {
		struct prefix prefix = table_random_prefix(model);
		race->address[i] = i % 2 == 0 ? prefix.bits : prefix_last(&prefix);
	}
	for (unsigned int step = 0; step < READER_STEPS; step++) {
		what[step] = table_random_prefix(model);
		if (model->count > 0 &&
		    (model->count > 60 || random_next(&model->random) % 2 == 0)) {
			what[step] = model->prefix[random_next(&model->random) % model->count];
			what[step].value = LPM_NONE;
			model_remove(model, &what[step]);
		} else {
			model_insert(model, &what[step]);
		}
		for (unsigned int i = 0; i < PROBES; i++)
			race->answer[step + 1][i] = model_lookup(model, race->address[i]);
	}
}

static void reader_meanwhile(void **state)
{
	static struct table table;
	static struct prefix what[READER_STEPS];
	struct instance *instance = *state;
	uint8_t bytes[16];
	pthread_t reader;

	for (unsigned int i = 0; i < SHAPES; i++) {
		table_make(&table, instance, i);
		struct race race = { .table = &table };
		race.answer = calloc(READER_STEPS + 1, sizeof(*race.answer));
		lpm_publish(table.lpm);
		plan(&race, what);
		assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, &race), 0);
		while (counter_read(&race.looked) == 0)
			sched_yield();
		for (unsigned int step = 0; step < READER_STEPS; step++) {
			address_bytes(what[step].bits, bytes);
			int result = what[step].value == LPM_NONE
					     ? lpm_remove(table.lpm, bytes, what[step].length)
					     : lpm_insert(table.lpm, bytes, what[step].length,
							  what[step].value);
			assert_int_equal(result, 0);
			word_store(&race.step, step + 1);
			heap_reclaim(instance->heap);
		}
		atomic_store(&race.stop, true);
		pthread_join(reader, NULL);
		assert_int_equal(counter_read(&race.wrong), 0);
		table_check(&table);
		lpm_clear(table.lpm);
		lpm_delete(table.lpm);
		free(race.answer);
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
		TEST(random_changes),         TEST(refused_arguments),
		TEST(no_memory_at_each_step), TEST(random_changes_in_little_memory),
		TEST(reader_meanwhile),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
