/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The exact-match hash against a plain model, 100,000 keys, while a worker thread looks keys up and
 * checks every entry that it finds. Built a second time under ThreadSanitizer.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/hash.h"
#include "instance.h"

#ifdef __SANITIZE_THREAD__
#define STEPS 100000 /* the sanitizer makes each ten times as long */
#else
#define STEPS 600000
#endif
enum { KEYS = 100000, STABLE = 1000, HEAP_SIZE = 256 << 20 };

#define TABLE ((enum hash_table_id)(HASH_TABLE_MAX - 1))

struct entry {
	uint64_t key[2];
	uint64_t value;
	uint64_t check; /* of key and value: a reader sees whether the entry is one piece */
};

struct shared {
	struct instance instance;
	_Atomic bool stop;
	_Atomic uint64_t found, missed, wrong;
};

static struct entry make_entry(uint64_t number, uint64_t value)
{
	struct entry entry = { { number, number * 0x9e3779b97f4a7c15ull }, value, 0 };
	entry.check = entry.key[0] ^ entry.key[1] ^ (value * 0xff51afd7ed558ccdull + 1);
	return entry;
}

static bool entry_whole(const struct entry *entry)
{
	struct entry expected = make_entry(entry->key[0], entry->value);
	return memcmp(&expected, entry, sizeof(expected)) == 0;
}

/* A worker: keys below STABLE are never removed and must be found at every moment. */
static void *read_all_the_time(void *context)
{
	struct shared *shared = context;
	const struct tables *tables = shared->instance.tables;
	struct worker_state *worker = &shared->instance.state->worker[0];
	uint64_t random = 88172645463325252ull;

	epoch_online(tables, worker);
	while (!atomic_load_explicit(&shared->stop, memory_order_relaxed)) {
		epoch_report(tables, worker);
		for (unsigned int i = 0; i < 64; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			uint64_t number = random % (i % 2 == 0 ? STABLE : KEYS);
			struct entry key = make_entry(number, 0);
			const struct entry *entry =
				hash_lookup(tables, TABLE, key.key, sizeof(key.key));
			if (entry == NULL)
				counter_add(&shared->missed, number < STABLE);
			else if (entry->key[0] != number || !entry_whole(entry))
				counter_add(&shared->wrong, 1);
			else
				counter_add(&shared->found, 1);
		}
	}
	epoch_offline(worker);
	return NULL;
}

struct walked {
	uint64_t *value; /* by key; 0: not in the table */
	uint64_t seen;
};

static void check_walked(void *context, const void *bytes)
{
	struct walked *walked = context;
	const struct entry *entry = bytes;

	assert_in_range(entry->key[0], 0, KEYS - 1);
	assert_true(entry_whole(entry));
	assert_int_equal(entry->value, walked->value[entry->key[0]]);
	walked->seen++;
}

static void check_against(const struct tables *tables, uint64_t *value)
{
	struct walked walked = { value, 0 };
	uint64_t expected = 0;

	for (uint64_t i = 0; i < KEYS; i++) {
		struct entry key = make_entry(i, 0);
		const struct entry *entry = hash_lookup(tables, TABLE, key.key, sizeof(key.key));
		assert_int_equal(entry == NULL ? 0 : entry->value, value[i]);
		expected += value[i] != 0;
	}
	assert_int_equal(hash_walk(tables, TABLE, check_walked, &walked), expected);
	assert_int_equal(walked.seen, expected);
}

static void put(struct instance *instance, uint64_t number, uint64_t *value)
{
	static uint64_t next = 1;
	struct entry entry = make_entry(number, next++);

	assert_int_equal(hash_put(instance->tables, instance->heap, TABLE, &entry), 0);
	value[number] = entry.value;
}

static void random_operations(struct shared *shared, uint64_t *value)
{
	struct instance *instance = &shared->instance;

	for (unsigned int step = 0; step < STEPS; step++) {
		uint64_t number = (uint64_t)rand() % KEYS;
		if (number < STABLE || value[number] == 0 || rand() % 3 != 0) {
			put(instance, number, value);
		} else {
			struct entry key = make_entry(number, 0);
			assert_int_equal(
				hash_remove(instance->tables, instance->heap, TABLE, key.key), 0);
			assert_int_equal(
				hash_remove(instance->tables, instance->heap, TABLE, key.key),
				-ENOENT);
			value[number] = 0;
		}
		if (step % 64 == 0)
			heap_reclaim(instance->heap);
	}
}

static void restart(struct instance *instance)
{
	struct heap_statistics before, after;

	while (heap_waiting(instance->heap))
		heap_reclaim(instance->heap);
	heap_statistics(instance->heap, &before);
	instance_restart_heap(instance);
	assert_int_equal(hash_claim(instance->tables, instance->heap, TABLE), 0);
	heap_claimed(instance->heap);
	while (heap_waiting(instance->heap))
		heap_reclaim(instance->heap);
	heap_statistics(instance->heap, &after);
	assert_int_equal(after.used, before.used);
}

static void model_and_reader(void **state)
{
	static uint64_t value[KEYS];
	struct shared *shared = *state;
	struct instance *instance = &shared->instance;
	pthread_t reader;

	assert_int_equal(
		hash_create(instance->tables, instance->heap, TABLE, 16, sizeof(struct entry), 100),
		0);
	for (uint64_t i = 0; i < STABLE; i++)
		put(instance, i, value);
	assert_int_equal(pthread_create(&reader, NULL, read_all_the_time, shared), 0);
	/* the reader must have been there, also on a busy machine */
	while (counter_read(&shared->found) == 0)
		sched_yield();
	random_operations(shared, value);
	check_against(instance->tables, value);
	restart(instance);
	random_operations(shared, value);
	check_against(instance->tables, value);
	atomic_store(&shared->stop, true);
	pthread_join(reader, NULL);
	assert_int_equal(counter_read(&shared->missed), 0);
	assert_int_equal(counter_read(&shared->wrong), 0);
	assert_int_not_equal(counter_read(&shared->found), 0);
}

static void no_chain_is_long(void **state)
{
	struct instance *instance = &((struct shared *)*state)->instance;
	static uint64_t value[KEYS];

	assert_int_equal(
		hash_create(instance->tables, instance->heap, TABLE, 16, sizeof(struct entry), 1),
		0);
	for (uint64_t i = 0; i < KEYS; i++)
		put(instance, i, value);
	const struct hash_root *root =
		tables_object(instance->tables, instance->tables->hash_root[TABLE]);
	const struct hash_bucket *bucket = tables_object(instance->tables, root->buckets);
	for (uint64_t i = 0; i < root->bucket_count; i++) {
		unsigned int chain = 1;
		for (uint64_t next = bucket[i].overflow; next != 0; chain++)
			next = ((const struct hash_bucket *)tables_object(instance->tables, next))
				       ->overflow;
		assert_in_range(chain, 1, HASH_CHAIN_MAX);
	}
}

static void full_heap_changes_nothing(void **state)
{
	struct instance *instance = &((struct shared *)*state)->instance;
	static uint64_t value[KEYS];
	uint64_t number = 0;
	int result = 0;

	assert_int_equal(
		hash_create(instance->tables, instance->heap, TABLE, 16, sizeof(struct entry), 1),
		0);
	/* leave little: what is taken here is not given back */
	while (heap_allocate(instance->heap, 1 << 20) != 0)
		;
	for (; result == 0 && number < KEYS; number++) {
		struct entry entry = make_entry(number, number + 1);
		result = hash_put(instance->tables, instance->heap, TABLE, &entry);
		value[number] = result == 0 ? entry.value : 0;
	}
	assert_int_equal(result, -ENOSPC);
	check_against(instance->tables, value);
	struct entry again = make_entry(0, 1);
	assert_int_equal(hash_put(instance->tables, instance->heap, TABLE, &again), 0);
}

/* Each is put in place of a good word, and must be refused when claimed. */
static void corrupt_tables_are_refused(void **state)
{
	struct instance *instance = &((struct shared *)*state)->instance;
	struct tables *tables = instance->tables;
	static uint64_t value[KEYS];

	assert_int_equal(hash_create(tables, instance->heap, TABLE, 16, sizeof(struct entry), 1),
			 0);
	for (uint64_t i = 0; i < 300; i++)
		put(instance, i, value);
	struct hash_root *root = heap_object(instance->heap, tables->hash_root[TABLE]);
	struct hash_bucket *bucket = heap_object(instance->heap, root->buckets);
	while (bucket->overflow == 0)
		bucket++;
	const struct {
		_Atomic uint64_t *word;
		uint64_t bad;
	} bad[] = {
		{ &tables->hash_root[TABLE], 64 },
		{ &tables->hash_root[TABLE], UINT64_MAX },
		{ (_Atomic uint64_t *)&root->buckets, 1ull << 60 },
		{ (_Atomic uint64_t *)&root->bucket_count, 0 },
		{ (_Atomic uint64_t *)&root->bucket_count, 3 },
		{ (_Atomic uint64_t *)&root->bucket_count, 1ull << 63 },
		{ (_Atomic uint64_t *)&root->key_size, 7 },
		{ (_Atomic uint64_t *)&root->key_size, 1 << 20 },
		{ (_Atomic uint64_t *)&root->entry_size, 8 },
		{ (_Atomic uint64_t *)&root->entry_size, 1ull << 40 },
		{ &bucket->entry[0], bucket->entry[1] },
		{ &bucket->entry[0], bucket->entry[0] ^ 1ull << 48 },
		{ &bucket->entry[0], bucket->entry[0] + 1 },
		{ &bucket->entry[0], 1 },
		{ &bucket->overflow, bucket->overflow + 8 },
		{ &bucket->overflow, root->buckets },
		{ &bucket->overflow, UINT64_MAX - 63 },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		uint64_t good = word_load(bad[i].word);
		word_store(bad[i].word, bad[i].bad);
		instance_restart_heap(instance);
		assert_int_equal(hash_claim(tables, instance->heap, TABLE), -EINVAL);
		hash_walk(tables, TABLE, NULL,
			  NULL); /* ends, and reads nothing that is not there */
		word_store(bad[i].word, good);
	}
	instance_restart_heap(instance);
	assert_int_equal(hash_claim(tables, instance->heap, TABLE), 0);
}

static int set_up(void **state)
{
	struct shared *shared = calloc(1, sizeof(*shared));

	srand(11);
	instance_make(&shared->instance, HEAP_SIZE);
	*state = shared;
	return 0;
}

static int tear_down(void **state)
{
	struct shared *shared = *state;

	instance_remove(&shared->instance);
	free(shared);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(model_and_reader),
		TEST(no_chain_is_long),
		TEST(full_heap_changes_nothing),
		TEST(corrupt_tables_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
