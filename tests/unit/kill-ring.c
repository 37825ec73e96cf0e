/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Punt rings under kill -9 of either side: at least once, never torn, nothing lost.
 *
 *	kill-ring [KILLS]
 *
 * The producer is a data plane (owns `state`), the consumer a control plane (owns `tables`). A frame's
 * length and every byte of it follow from its sequence.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/shm/ring.h"
#include "instance.h"
#include "victim.h"

struct count {
	uint64_t expected; /* sequence of the next frame that was not seen yet: the consumer's alone */
	uint64_t frames, torn, lost, repeated, stale;
};

struct context {
	struct instance instance;
	struct count *count;
};

static unsigned int kills;

static uint32_t length_of(uint64_t sequence)
{
	return 64 + (uint32_t)(sequence * 2654435761u % 1400);
}

static uint64_t word_of(uint64_t sequence, uint32_t i)
{
	return (sequence + 1) * 0x9e3779b97f4a7c15ull ^ i * 0xff51afd7ed558ccdull;
}

static void fill(struct frame_slot *slot, uint64_t sequence)
{
	slot->length = length_of(sequence);
	slot->time = ~sequence;
	for (uint32_t i = 0; i < slot->length / 8; i++) {
		uint64_t word = word_of(sequence, i);
		memcpy(slot->data + i * 8, &word, 8);
	}
}

static bool whole(const struct frame_slot *slot)
{
	if (slot->length != length_of(slot->sequence) || slot->time != ~slot->sequence)
		return false;
	for (uint32_t i = 0; i < slot->length / 8; i++) {
		uint64_t word = word_of(slot->sequence, i);
		if (memcmp(slot->data + i * 8, &word, 8) != 0)
			return false;
	}
	return true;
}

/* Map the two files as this plane does: its own for writing, the other to read. */
static void map(struct context *context, enum region_kind own, struct region *ours,
		struct region *theirs)
{
	char error[REGION_ERROR_SIZE];
	const struct region_place *place = &context->instance.place;
	enum region_kind other = own == REGION_TABLES ? REGION_STATE : REGION_TABLES;
	bool created;

	if (region_own(ours, place, own, 0, &created, error) != 0 ||
	    region_attach(theirs, place, other, error) != 0) {
		fprintf(stderr, "%s\n", error);
		_exit(1);
	}
	if (created) {
		fprintf(stderr, "a file was lost\n");
		_exit(1);
	}
}

static void produce(void *argument)
{
	struct region state_region, tables_region;

	map(argument, REGION_STATE, &state_region, &tables_region);
	struct ring_producer *producer = ((struct state *)state_region.base)->punt;
	const struct ring_consumer *consumer =
		((const struct tables *)tables_region.base)->punt_consumer;
	for (;;) {
		struct frame_slot *slot = ring_reserve(producer, consumer);
		if (slot == NULL) {
			sched_yield();
			continue;
		}
		fill(slot, slot->sequence);
		ring_publish(producer);
	}
}

static void check(struct count *count, const struct frame_slot *slot, uint64_t head)
{
	uint64_t sequence = slot->sequence;

	count->frames++;
	count->torn += !whole(slot);
	count->stale += sequence != head;
	count->lost += sequence > count->expected ? sequence - count->expected : 0;
	if (sequence < count->expected) {
		/* the one frame that the killed consumer had not given back, no other */
		count->repeated++;
		count->stale += sequence + 1 != count->expected;
	}
	count->expected = sequence + 1;
}

static void consume(void *argument)
{
	struct context *context = argument;
	struct region state_region, tables_region;

	map(argument, REGION_TABLES, &tables_region, &state_region);
	const struct ring_producer *producer = ((const struct state *)state_region.base)->punt;
	struct ring_consumer *consumer = ((struct tables *)tables_region.base)->punt_consumer;
	ring_resynchronise(producer, consumer);
	for (;;) {
		const struct frame_slot *slot = ring_peek(producer, consumer);
		if (slot == NULL) {
			sched_yield();
			continue;
		}
		check(context->count, slot, counter_read(&consumer->head));
		ring_release(consumer);
	}
}

/* With the producer dead: everything that it published arrives. */
static void drain(struct context *context, struct victim *consumer)
{
	char error[REGION_ERROR_SIZE];
	struct region state_region, tables_region;

	assert_int_equal(region_attach(&state_region, &context->instance.place, REGION_STATE, error), 0);
	assert_int_equal(region_attach(&tables_region, &context->instance.place, REGION_TABLES, error),
			 0);
	const struct state *shared = state_region.base;
	const struct tables *tables = tables_region.base;
	uint64_t tail = word_load(&shared->punt[0].tail);
	for (unsigned int i = 0; i < 10000 && word_load(&tables->punt_consumer[0].head) != tail; i++)
		usleep(1000);
	victim_kill(consumer);
	assert_int_equal(word_load(&tables->punt_consumer[0].head), tail);
	assert_int_equal(context->count->expected, tail);
	region_close(&state_region);
	region_close(&tables_region);
}

static void nothing_torn_stale_or_lost(void **state)
{
	struct context context = { .count = shared_memory(sizeof(struct count)) };
	struct victim victim[2] = { { produce, &context, 0 }, { consume, &context, 0 } };
	struct count *count = context.count;

	(void)state;
	srand(1);
	instance_make(&context.instance, HEAP_CHUNK);
	assert_int_equal(region_allocate_workers(&context.instance.state_region, 1), 0);
	region_close(&context.instance.tables_region);
	region_close(&context.instance.state_region);
	victims_kill(victim, kills);
	victim_kill(&victim[0]);
	drain(&context, &victim[1]);
	instance_remove(&context.instance);

	print_message("%u kills: %lu frames, torn %lu, stale %lu, lost %lu, repeated %lu\n", kills,
		      count->frames, count->torn, count->stale, count->lost, count->repeated);
	assert_int_equal(count->torn, 0);
	assert_int_equal(count->stale, 0);
	assert_int_equal(count->lost, 0);
	assert_in_range(count->repeated, 0, kills + 1);
	assert_in_range(count->frames, 10 * kills, UINT64_MAX); /* they did work in between */
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_torn_stale_or_lost) };

	kills = kills_wanted(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
