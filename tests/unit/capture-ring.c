/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The ring of captured packets: a reader that keeps up gets every record whole, one that does not is told
 * so, and none that was written over is ever handed out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "dataplane/shm/capture.h"

enum { CHUNK = 64 << 10, RECORDS = 30000, RACE_RECORDS = 300000 };

static struct capture_ring *ring;
static uint8_t chunk[CHUNK];

static int start(void **state)
{
	(void)state;
	ring = aligned_alloc(64, sizeof(*ring));
	if (ring == NULL)
		return -1;
	memset(ring, 0, sizeof(*ring));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	free(ring);
	return 0;
}

/* Of all lengths from 0 on, the rest of the ring's end among them. */
static uint16_t length_of(uint64_t number)
{
	return (uint16_t)(number * 7919 % 1700);
}

static void put(uint64_t number, uint16_t reserved)
{
	struct capture_record *record = capture_reserve(ring, reserved);

	*record = (struct capture_record){ .captured = length_of(number), .number = number };
	memset(record + 1, (int)(number & 0xff), record->captured);
	capture_publish(ring, record);
}

static void check(const struct capture_record *record)
{
	const uint8_t *bytes = (const uint8_t *)(record + 1);

	assert_int_equal(record->captured, length_of(record->number));
	for (unsigned int i = 0; i < record->captured; i++)
		assert_int_equal(bytes[i], record->number & 0xff);
}

/* All that is there; returns the number behind the last one. */
static uint64_t take(uint64_t *position, uint64_t next, bool *lost)
{
	const struct capture_record *record;
	uint32_t at = 0, used = capture_read(ring, position, chunk, sizeof(chunk), lost);

	while ((record = capture_next(chunk, used, &at)) != NULL) {
		check(record);
		assert_true(record->number >= next);
		next = record->number + 1;
	}
	assert_int_equal(at, used);
	return next;
}

static void whole_and_in_order(void **state)
{
	uint64_t position = 0, next = 0;
	bool lost;

	(void)state;
	for (uint64_t i = 0; i < RECORDS; i++) {
		/* less may be published than was reserved */
		put(i, (uint16_t)(length_of(i) + i % 3 * 500));
		if (i % 13 != 0)
			continue;
		uint64_t before = next;
		next = take(&position, next, &lost);
		assert_false(lost);
		assert_true(next > before && next == i + 1);
	}
	assert_true(position > 3ull * CAPTURE_BYTES);
}

static void written_over(void **state)
{
	uint64_t position = 0, next = 0, i = 0;
	bool lost;

	(void)state;
	for (; atomic_load(&ring->tail) <= CAPTURE_BYTES; i++)
		put(i, length_of(i));
	take(&position, 0, &lost);
	assert_true(lost);
	assert_int_equal(position, atomic_load(&ring->tail));
	put(i, length_of(i));
	next = take(&position, 0, &lost);
	assert_false(lost);
	assert_int_equal(next, i + 1);
	/* what is about to be written over counts as gone already */
	position = atomic_load(&ring->tail) - CAPTURE_BYTES + 1000;
	capture_reserve(ring, 1700);
	take(&position, 0, &lost);
	assert_true(lost);
}

static _Atomic bool written;

static void *writer(void *argument)
{
	(void)argument;
	for (uint64_t i = 0; i < RACE_RECORDS; i++)
		put(i, length_of(i));
	atomic_store(&written, true);
	return NULL;
}

static void at_the_same_time(void **state)
{
	uint64_t position = 0, next = 0;
	unsigned int losses = 0;
	bool lost = false, done;
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, writer, NULL), 0);
	do {
		done = atomic_load(&written);
		next = take(&position, next, &lost);
		losses += lost;
	} while (!done || position != atomic_load(&ring->tail));
	pthread_join(thread, NULL);
	if (losses == 0)
		assert_int_equal(next, RACE_RECORDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(whole_and_in_order, start, stop),
		cmocka_unit_test_setup_teardown(written_over, start, stop),
		cmocka_unit_test_setup_teardown(at_the_same_time, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
