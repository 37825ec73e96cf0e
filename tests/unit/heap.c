/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The heap against a plain model: what is handed out is zero, aligned, nobody else's, and is not
 * reused while a worker may still read it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/epoch.h"
#include "instance.h"

enum { HEAP_SIZE = 64 << 20, OBJECTS = 400, STEPS = 30000 };

struct object {
	uint64_t offset; /* 0: none */
	uint64_t size;
	uint8_t fill;
	bool freed; /* and a worker may still read it */
};

static int set_up(void **state)
{
	*state = malloc(sizeof(struct instance));
	instance_make(*state, HEAP_SIZE);
	return 0;
}

static int tear_down(void **state)
{
	instance_remove(*state);
	free(*state);
	return 0;
}

/* Sizes of all classes, small ones more often; now and then several chunks. */
static uint64_t random_size(void)
{
	int kind = rand() % 100;

	if (kind < 70)
		return (uint64_t)(1 + rand() % 600);
	if (kind < 95)
		return (uint64_t)(1 + rand() % (64 << 10));
	return (uint64_t)(1 + rand() % (5 << 20));
}

static void check_content(const struct instance *instance, const struct object *object)
{
	const uint8_t *at = heap_object(instance->heap, object->offset);

	/* both ends and a sample are enough to see another object's pattern */
	for (uint64_t i = 0; i < object->size; i += i < 128 || i + 129 > object->size ? 1 : 61)
		assert_int_equal(at[i], object->fill);
	assert_int_equal(at[object->size - 1], object->fill);
}

static uint64_t alignment(uint64_t size)
{
	uint64_t align = 64;
	while (align < size && align < HEAP_CHUNK)
		align *= 2;
	return align;
}

static void model_allocate(struct instance *instance, struct object *object)
{
	object->size = random_size();
	object->offset = heap_allocate(instance->heap, object->size);
	if (object->offset == 0)
		return;
	assert_int_equal(object->offset % alignment(object->size), 0);
	uint8_t *at = heap_object(instance->heap, object->offset);
	assert_int_equal(at[0], 0);
	assert_memory_equal(at, at + 1, object->size - 1);
	object->fill = (uint8_t)(1 + rand() % 255);
	object->freed = false;
	memset(at, object->fill, object->size);
}

static void model_restart(struct instance *instance, struct object *object)
{
	instance_restart_heap(instance);
	for (unsigned int i = 0; i < OBJECTS; i++) {
		if (object[i].offset == 0 || object[i].freed)
			continue;
		assert_int_equal(heap_claim(instance->heap, object[i].offset, object[i].size), 0);
		assert_int_equal(heap_claim(instance->heap, object[i].offset, object[i].size),
				 -EEXIST);
	}
	heap_claimed(instance->heap);
}

static uint64_t rounded(uint64_t size)
{
	uint64_t align = alignment(size);
	return (size + align - 1) / align * align;
}

/* With no grace period open, what the heap says is used is what the model holds. */
static void check_statistics(struct instance *instance, const struct object *object)
{
	struct heap_statistics statistics;
	uint64_t used = 0;

	for (unsigned int i = 0; i < OBJECTS; i++)
		used += object[i].offset != 0 && !object[i].freed ? rounded(object[i].size) : 0;
	heap_statistics(instance->heap, &statistics);
	assert_int_equal(statistics.used, used);
	assert_int_equal(statistics.size, HEAP_SIZE);
	assert_int_equal(statistics.used + statistics.free + statistics.waiting, HEAP_SIZE);
}

static void random_operations(void **state)
{
	struct instance *instance = *state;
	static struct object object[OBJECTS];
	struct worker_state *worker = &instance->state->worker[0];
	unsigned int full = 0;

	srand(7);
	memset(object, 0, sizeof(object));
	epoch_online(instance->tables, worker);
	for (unsigned int step = 0; step < STEPS; step++) {
		struct object *one = &object[rand() % OBJECTS];
		if (one->offset == 0) {
			model_allocate(instance, one);
			full += one->offset == 0;
		} else if (!one->freed) {
			check_content(instance, one);
			heap_free(instance->heap, one->offset, one->size);
			one->freed = true;
		} else {
			/* the worker still holds it, whatever was allocated since */
			check_content(instance, one);
		}
		if (rand() % 8 == 0)
			heap_reclaim(instance->heap);
		if (rand() % 200 == 0) {
			for (unsigned int i = 0; i < OBJECTS; i++)
				if (object[i].freed) {
					check_content(instance, &object[i]);
					object[i].offset = 0;
					object[i].freed = false;
				}
			heap_reclaim(instance->heap); /* opens the period for the last ones */
			epoch_report(instance->tables, worker);
			heap_reclaim(instance->heap);
			assert_false(heap_waiting(instance->heap));
			check_statistics(instance, object);
		}
		if (rand() % 3000 == 0) {
			model_restart(instance, object);
			check_statistics(instance, object);
		}
	}
	assert_in_range(full, 1, STEPS); /* a full heap was met too */
}

static void reuse_waits_for_the_worker(void **state)
{
	struct instance *instance = *state;
	struct worker_state *worker = &instance->state->worker[WORKER_MAX - 1];
	struct heap_statistics statistics;
	uint64_t reclaim = counter_read(&instance->tables->control.reclaim);

	uint64_t offset = heap_allocate(instance->heap, 100);
	epoch_online(instance->tables, worker);
	heap_free(instance->heap, offset, 100);
	assert_true(heap_waiting(instance->heap));
	assert_int_equal(heap_reclaim(instance->heap), 0);
	heap_statistics(instance->heap, &statistics);
	assert_int_equal(statistics.waiting, 128);
	assert_int_equal(statistics.waiting_objects, 1);
	assert_int_equal(counter_read(&instance->tables->control.reclaim), reclaim);
	epoch_report(instance->tables, worker);
	assert_int_equal(heap_reclaim(instance->heap), 1);
	assert_int_equal(counter_read(&instance->tables->control.reclaim), reclaim + 1);
	assert_int_equal(heap_allocate(instance->heap, 100), offset);

	/* a worker that goes to sleep ends the period too */
	heap_free(instance->heap, offset, 100);
	assert_int_equal(heap_reclaim(instance->heap), 0);
	epoch_offline(worker);
	assert_int_equal(heap_reclaim(instance->heap), 1);
}

/* No data plane known: if somebody owns the state file nevertheless, he may have mapped the tables. */
static void unknown_data_plane_is_waited_for(void **state)
{
	struct instance *instance = *state;

	heap_set_state(instance->heap, NULL);
	heap_free(instance->heap, heap_allocate(instance->heap, 64), 64);
	assert_int_equal(heap_reclaim(instance->heap), 0);
	region_close(&instance->state_region);
	assert_int_equal(heap_reclaim(instance->heap), 1);
}

static void new_generation_restamps(void **state)
{
	struct instance *instance = *state;

	epoch_online(instance->tables, &instance->state->worker[0]);
	heap_free(instance->heap, heap_allocate(instance->heap, 64), 64);
	assert_int_equal(heap_reclaim(instance->heap), 0);
	uint64_t epoch = instance->tables->control.epoch;
	epoch_report(instance->tables, &instance->state->worker[0]);
	word_store(&instance->state->control.generation, 9);
	heap_set_state(instance->heap, instance->state);
	assert_int_equal(heap_reclaim(instance->heap), 0);
	assert_int_equal(instance->tables->control.epoch, epoch + 1);
	epoch_report(instance->tables, &instance->state->worker[0]);
	assert_int_equal(heap_reclaim(instance->heap), 1);
}

static void count_release(void *context, uint64_t value)
{
	*(uint64_t *)context += value;
}

static void deferred_calls_wait(void **state)
{
	struct instance *instance = *state;
	uint64_t sum = 0;

	epoch_online(instance->tables, &instance->state->worker[3]);
	heap_defer(instance->heap, count_release, &sum, 40);
	heap_defer(instance->heap, count_release, &sum, 2);
	heap_reclaim(instance->heap);
	assert_int_equal(sum, 0);
	epoch_report(instance->tables, &instance->state->worker[3]);
	assert_int_equal(heap_reclaim(instance->heap), 2);
	assert_int_equal(sum, 42);
}

static void bad_claims_are_refused(void **state)
{
	struct instance *instance = *state;
	uint64_t small = heap_allocate(instance->heap, 100);
	uint64_t large = heap_allocate(instance->heap, 3 << 20);
	uint64_t start = instance->tables->control.heap_start;
	const struct {
		uint64_t offset, size;
	} bad[] = {
		{ 0, 64 },
		{ 64, 64 },
		{ start - 64, 64 },
		{ small + 64, 100 },
		{ small, 0 },
		{ start + HEAP_SIZE, 64 },
		{ start + (8 << 20), 64 },
		{ UINT64_MAX - 63, 64 },
		{ large + 64, 3 << 20 },
		{ large, 64 << 20 },
		{ large, UINT64_MAX },
		{ small, 1ull << 63 },
	};

	instance_restart_heap(instance);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(heap_claim(instance->heap, bad[i].offset, bad[i].size), -EINVAL);
	assert_int_equal(heap_claim(instance->heap, large, 3 << 20), 0);
	assert_int_equal(heap_claim(instance->heap, large + HEAP_CHUNK, 64), -EINVAL);
	assert_int_equal(heap_claim(instance->heap, small, 100), 0);
	assert_int_equal(heap_claim(instance->heap, small, 64), -EINVAL); /* another slot size */
	assert_int_equal(heap_claim(instance->heap, small, 128), -EEXIST);
	heap_claimed(instance->heap);
	assert_int_equal(heap_claim(instance->heap, small + 128, 128), -EINVAL);
}

/* What is allocated before heap_claimed is not mistaken for the dead process's. */
static void allocations_while_claiming(void **state)
{
	struct instance *instance = *state;
	uint64_t old = heap_allocate(instance->heap, 64);

	instance_restart_heap(instance);
	assert_int_equal(heap_claim(instance->heap, old, 64), 0);
	uint64_t new = heap_allocate(instance->heap, 64);
	assert_int_not_equal(new, 0);
	assert_int_not_equal(new / HEAP_CHUNK, old / HEAP_CHUNK);
	assert_int_equal(heap_claim(instance->heap, new, 64), 0);
	heap_claimed(instance->heap);
	for (unsigned int i = 0; i < 100000; i++) {
		uint64_t offset = heap_allocate(instance->heap, 64);
		assert_true(offset != 0 && offset != old && offset != new);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(random_operations),
		TEST(reuse_waits_for_the_worker),
		TEST(unknown_data_plane_is_waited_for),
		TEST(new_generation_restamps),
		TEST(deferred_calls_wait),
		TEST(bad_claims_are_refused),
		TEST(allocations_while_claiming),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
