/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rings and grace periods, step by step. What happens when a process dies is tested by kill-ring.c and
 * kill-epoch.c.
 */
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/ring.h"
#include "instance.h"

static struct ring_producer *producer;
static struct ring_consumer consumer;

static int set_up(void **state)
{
	(void)state;
	producer = aligned_alloc(CACHE_LINE, sizeof(*producer));
	memset(producer, 0, sizeof(*producer));
	memset(&consumer, 0, sizeof(consumer));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(producer);
	return 0;
}

static void frames_come_out_in_order(void **state)
{
	uint64_t put = 0, taken = 0;

	(void)state;
	srand(4);
	assert_null(ring_peek(producer, &consumer));
	while (taken < 5 * RING_SLOTS) {
		for (int burst = rand() % 300; burst > 0; burst--) {
			struct frame_slot *slot = ring_reserve(producer, &consumer);
			if (slot == NULL) {
				assert_int_equal(put - taken, RING_SLOTS);
				break;
			}
			slot->length = (uint32_t)put;
			/* not there before it is published */
			assert_int_equal(producer->tail, put);
			ring_publish(producer);
			put++;
		}
		for (int burst = rand() % 300; burst > 0; burst--) {
			const struct frame_slot *slot = ring_peek(producer, &consumer);
			if (slot == NULL) {
				assert_int_equal(put, taken);
				break;
			}
			/* stays until it is released */
			assert_ptr_equal(ring_peek(producer, &consumer), slot);
			assert_int_equal(slot->length, (uint32_t)taken);
			assert_int_equal(slot->sequence, taken);
			ring_release(&consumer);
			taken++;
		}
	}
}

static void full_ring_refuses(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < RING_SLOTS; i++) {
		assert_non_null(ring_reserve(producer, &consumer));
		ring_publish(producer);
	}
	assert_null(ring_reserve(producer, &consumer));
	ring_release(&consumer);
	assert_ptr_equal(ring_reserve(producer, &consumer), &producer->slot[0]);
}

static void new_producer_is_followed(void **state)
{
	(void)state;
	/* the consumer's file is older than the producer's */
	consumer.head = 1000;
	producer->tail = 3;
	assert_null(ring_peek(producer, &consumer));
	ring_resynchronise(producer, &consumer);
	assert_int_equal(consumer.head, 3);
	assert_null(ring_peek(producer, &consumer));
	/* the same producer as before: what is in the ring stays */
	producer->tail = 5;
	ring_resynchronise(producer, &consumer);
	assert_int_equal(consumer.head, 3);
	assert_ptr_equal(ring_peek(producer, &consumer), &producer->slot[3]);
}

static void period_waits_for_every_online_worker(void **state)
{
	struct instance *instance = malloc(sizeof(*instance));

	(void)state;
	instance_make(instance, HEAP_CHUNK);
	struct tables *tables = instance->tables;
	struct worker_state *worker = instance->state->worker;

	uint64_t first = epoch_begin(tables);
	assert_true(epoch_over(instance->state, first)); /* nobody is online */
	assert_true(epoch_over(NULL, first));
	epoch_online(tables, &worker[0]);
	epoch_online(tables, &worker[WORKER_MAX - 1]); /* beyond any worker_count: counts too */
	assert_true(epoch_over(instance->state, first));

	uint64_t second = epoch_begin(tables);
	assert_int_equal(second, first + 1);
	assert_false(epoch_over(instance->state, second));
	assert_true(epoch_over(instance->state, first));
	epoch_report(tables, &worker[0]);
	assert_false(epoch_over(instance->state, second));
	epoch_report(tables, &worker[WORKER_MAX - 1]);
	assert_true(epoch_over(instance->state, second));

	uint64_t third = epoch_begin(tables);
	epoch_offline(&worker[0]);
	assert_false(epoch_over(instance->state, third));
	epoch_offline(&worker[WORKER_MAX - 1]);
	assert_true(epoch_over(instance->state, third));
	epoch_online(tables, &worker[0]);
	assert_true(epoch_over(instance->state, third));
	instance_remove(instance);
	free(instance);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_come_out_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(full_ring_refuses, set_up, tear_down),
		cmocka_unit_test_setup_teardown(new_producer_is_followed, set_up, tear_down),
		cmocka_unit_test(period_waits_for_every_online_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
