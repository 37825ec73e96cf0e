/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Punt and inject rings under kill -9 of either side: at least once, never torn, nothing lost.
 *
 *	kill-ring [KILLS]
 *
 * A data plane (owns `state`) fills the punt ring and empties the inject ring, a control plane
 *(owns `tables`) does the reverse. A frame's length and every byte of it follow from its sequence.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/shm/ring.h"
#include "instance.h"
#include "victim.h"

enum {
	PUNT,   /* data plane to control plane */
	INJECT, /* control plane to data plane */
	DIRECTIONS,
	BATCH = 32, /* frames that the inject ring's consumer gives back together, when they are
		       sent */
};

struct count {
	uint64_t expected; /* sequence of the next frame that was not seen yet: the consumer's alone
			    */
	uint64_t frames, torn, lost, repeated, stale;
};

struct context {
	struct instance instance;
	struct count *count; /* of each direction */
};

/* One direction, as a process has it mapped: it writes only its own half. */
struct ring {
	struct ring_producer *producer;
	struct ring_consumer *consumer;
	unsigned int direction;
	unsigned int batch; /* frames that are given back together */
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

static void fill(struct frame_slot *slot, uint64_t sequence, unsigned int direction)
{
	slot->length = length_of(sequence);
	slot->reason = direction;
	slot->time = ~sequence;
	for (uint32_t i = 0; i < slot->length / 8; i++) {
		uint64_t word = word_of(sequence, i);
		memcpy(slot->data + i * 8, &word, 8);
	}
}

static bool whole(const struct frame_slot *slot, unsigned int direction)
{
	if (slot->length != length_of(slot->sequence) || slot->time != ~slot->sequence ||
	    slot->reason != direction)
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

/* Fill what is free. Returns how many frames. */
static unsigned int produce(const struct ring *ring)
{
	unsigned int count = 0;

	for (; count < RING_SLOTS; count++) {
		struct frame_slot *slot = ring_reserve(ring->producer, ring->consumer);
		if (slot == NULL)
			break;
		fill(slot, slot->sequence, ring->direction);
		ring_publish(ring->producer);
	}
	return count;
}

static void check(const struct ring *ring, struct count *count, const struct frame_slot *slot,
		  uint64_t position)
{
	uint64_t sequence = slot->sequence;

	count->frames++;
	count->torn += !whole(slot, ring->direction);
	count->stale += sequence != position;
	count->lost += sequence > count->expected ? sequence - count->expected : 0;
	if (sequence < count->expected) {
		/* what the killed consumer had not given back, no other */
		count->repeated++;
		count->stale += count->expected - sequence > ring->batch;
	} else {
		count->expected = sequence + 1;
	}
}

/* Take what is there, a batch at most. Returns how many frames. */
static unsigned int consume(const struct ring *ring, struct count *count)
{
	unsigned int taken = 0;

	for (; taken < ring->batch; taken++) {
		const struct frame_slot *slot = ring_peek_at(ring->producer, ring->consumer, taken);
		if (slot == NULL)
			break;
		check(ring, count, slot, counter_read(&ring->consumer->head) + taken);
	}
	if (taken > 0)
		ring_release_count(ring->consumer, taken);
	return taken;
}

/* Never returns. */
static void run(struct context *context, const struct ring *out, const struct ring *in)
{
	ring_resynchronise(in->producer, in->consumer);
	for (;;) {
		unsigned int work = produce(out);
		for (unsigned int i = 0; i < RING_SLOTS / in->batch; i++)
			work += consume(in, &context->count[in->direction]);
		if (work == 0)
			sched_yield();
	}
}

static struct ring ring_of(unsigned int direction, struct state *shared, struct tables *tables)
{
	if (direction == PUNT)
		return (struct ring){ shared->punt, tables->punt_consumer, PUNT, 1 };
	return (struct ring){ tables->inject, shared->inject_consumer, INJECT, BATCH };
}

static void data_plane(void *argument)
{
	struct region state_region, tables_region;

	map(argument, REGION_STATE, &state_region, &tables_region);
	struct ring punt = ring_of(PUNT, state_region.base, tables_region.base);
	struct ring inject = ring_of(INJECT, state_region.base, tables_region.base);
	run(argument, &punt, &inject);
}

static void control_plane(void *argument)
{
	struct region state_region, tables_region;

	map(argument, REGION_TABLES, &tables_region, &state_region);
	struct ring punt = ring_of(PUNT, state_region.base, tables_region.base);
	struct ring inject = ring_of(INJECT, state_region.base, tables_region.base);
	run(argument, &inject, &punt);
}

/* ---------------------------------------------------------------- the test */

/* With the producer dead: everything that it published arrives. */
static void drain(const struct ring *ring, const struct count *count)
{
	uint64_t tail = word_load(&ring->producer->tail);

	for (unsigned int i = 0; i < 10000 && word_load(&ring->consumer->head) != tail; i++)
		usleep(1000);
	assert_int_equal(word_load(&ring->consumer->head), tail);
	assert_int_equal(count->expected, tail);
}

/* Kill one plane for good and let the other take what is left, then the other way round. */
static void drain_both(struct context *context, struct victim victim[2])
{
	char error[REGION_ERROR_SIZE];
	const struct region_place *place = &context->instance.place;
	struct region state_region, tables_region;

	assert_int_equal(region_attach(&state_region, place, REGION_STATE, error), 0);
	assert_int_equal(region_attach(&tables_region, place, REGION_TABLES, error), 0);
	for (unsigned int direction = PUNT; direction < DIRECTIONS; direction++) {
		struct ring ring = ring_of(direction, state_region.base, tables_region.base);
		victim_kill(&victim[direction]); /* its producer */
		drain(&ring, &context->count[direction]);
		victim_start(&victim[direction]);
	}
	victim_kill(&victim[0]);
	victim_kill(&victim[1]);
	region_close(&state_region);
	region_close(&tables_region);
}

static void check_count(const char *name, const struct count *count, unsigned int batch)
{
	print_message("%s ring, %u kills a side: %lu frames, torn %lu, stale %lu, lost %lu, "
		      "repeated %lu\n",
		      name, kills, count->frames, count->torn, count->stale, count->lost,
		      count->repeated);
	assert_int_equal(count->torn, 0);
	assert_int_equal(count->stale, 0);
	assert_int_equal(count->lost, 0);
	assert_in_range(count->repeated, 0, (kills + 2) * batch);
	assert_in_range(count->frames, 10 * kills, UINT64_MAX); /* they did work in between */
}

static void nothing_torn_stale_or_lost(void **state)
{
	struct context context = { .count = shared_memory(DIRECTIONS * sizeof(struct count)) };
	struct victim victim[2] = { { data_plane, &context, 0 }, { control_plane, &context, 0 } };

	(void)state;
	srand(1);
	instance_make(&context.instance, HEAP_CHUNK);
	assert_int_equal(region_allocate_workers(&context.instance.state_region, 1), 0);
	region_close(&context.instance.tables_region);
	region_close(&context.instance.state_region);
	victims_kill(victim, kills);
	drain_both(&context, victim);
	instance_remove(&context.instance);
	check_count("punt", &context.count[PUNT], 1);
	check_count("inject", &context.count[INJECT], BATCH);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_torn_stale_or_lost) };

	kills = kills_wanted(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
