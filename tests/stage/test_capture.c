/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_capture.c: which packets get into the ring of captured ones, and with which bytes.
 */
#include <stdio.h>
#include <time.h>

#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"

enum { PORT_OUT = 1, FRAMES_MAX = 512, BURST = 60, BRANCHES = 3 };

static uint64_t position; /* in the ring, behind what was looked at */
static uint64_t generation;
static uint64_t wish_offset;
static uint8_t seen[1 << 18];
static const struct capture_record *record[FRAMES_MAX];
static unsigned int records;

static int start(void **state)
{
	int result = stage_start(state);

	if (result == 0)
		result = region_allocate_capture(&fixture.state_region, 1);
	if (result != 0)
		return result;
	word_store(&fixture.state->control.capture_ready, 1);
	route(100, LABEL_SWAP, 200, via(PORT_OUT, 1, NO_LABELS), 0);
	route(101, LABEL_SWAP, 201, via(PORT_OUT, 2, LABELS(301, 302)), 0);
	struct group_members members = { .count = BRANCHES };
	uint32_t group;
	for (unsigned int i = 0; i < BRANCHES; i++) {
		members.member[i].nexthop = via(PORT_OUT, 3 + i, LABELS(203 + i));
		members.member[i].weight = 1;
	}
	assert_int_equal(group_add(fixture.nexthops, &members, &group), 0);
	route(102, LABEL_REPLICATE, 0, group, LABEL_GROUP);
	return 0;
}

/* ---------------------------------------------------------------- a wish, frames, what was captured */

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint32_t events(uint32_t bits)
{
	return capture_options(bits, 0, CAPTURE_SNAP_MAX);
}

/* A new one with these fields, and none with NULL. */
static void wish(const struct watch_wish *fields, const struct watch_instruction *program)
{
	uint64_t size = sizeof(*fields) + 8 * sizeof(*program);

	word_store(&fixture.tables->control.capture, 0);
	heap_free(fixture.heap, wish_offset, size);
	wish_offset = 0;
	if (fields != NULL) {
		wish_offset = heap_allocate(fixture.heap, size);
		struct watch_wish *new = heap_object(fixture.heap, wish_offset);
		memcpy(new, fields, sizeof(*new));
		new->generation = ++generation;
		if (program != NULL)
			memcpy(new->program, program, new->program_length * sizeof(*program));
		word_store(&fixture.tables->control.capture, wish_offset);
	}
	watch_turn(fixture.worker);
}

static void wish_events(uint32_t bits)
{
	wish(&(struct watch_wish){ .deadline = now() + 1000000000000u,
				   .interface = WATCH_ANY,
				   .options = events(bits) },
	     NULL);
}

static size_t send(const char *text, unsigned int port, uint8_t frame[FRAME_ROOM])
{
	size_t length = frame_build(frame, text);
	struct rte_mbuf *mbuf = mbuf_of(frame, length);

	worker_process(fixture.worker, port, &mbuf, 1);
	return length;
}

static void look(void)
{
	uint32_t at = 0;
	bool lost;
	uint32_t used =
		capture_read(&fixture.state->capture[0], &position, seen, sizeof(seen), &lost);

	assert_false(lost);
	records = 0;
	while (records < FRAMES_MAX && (record[records] = capture_next(seen, used, &at)) != NULL)
		records++;
}

static void is(unsigned int index, enum capture_event event, unsigned int interface,
	       const uint8_t *bytes, size_t length)
{
	assert_true(index < records);
	assert_int_equal(record[index]->event, event);
	assert_int_equal(record[index]->interface, interface);
	assert_int_equal(record[index]->length, length);
	assert_int_equal(record[index]->captured, length);
	assert_int_equal(record[index]->generation, generation);
	assert_memory_equal(record[index] + 1, bytes, length);
}

#define BIT(event) (1u << CAPTURE_##event)

/* ---------------------------------------------------------------- tests */

static void in_out_and_lost(void **state)
{
	uint8_t in[FRAME_ROOM], out[FRAME_ROOM], lost[FRAME_ROOM];

	(void)state;
	wish_events(BIT(RECEIVED) | BIT(SENT) | BIT(DROPPED));
	size_t length = send("eth mpls 100/5/64 ip4/7", 0, in);
	frame_build(out, "out:1/1 mpls 200/5/63 ip4/7");
	size_t other = send("eth mpls 99/5/64 ip4/7 fill:900", 0, lost);
	worker_flush(fixture.worker); /* nobody is there to take it */
	look();
	assert_int_equal(records, 4);
	is(0, CAPTURE_RECEIVED, 0, in, length);
	is(1, CAPTURE_RECEIVED, 0, lost, other);
	is(2, CAPTURE_DROPPED, 0, lost, other);
	assert_int_equal(record[2]->reason, DROP_mpls_unknown_label);
	is(3, CAPTURE_DROPPED, 0, out, length);
	assert_int_equal(record[3]->reason, DROP_tx_port_gone);
	for (unsigned int i = 0; i < records; i++)
		assert_int_equal(record[i]->number, i);
}

static void punted(void **state)
{
	uint8_t in[FRAME_ROOM];

	(void)state;
	wish_events(BIT(PUNTED));
	size_t length = send("eth mpls 100/5/1 ip4/7", 0, in);
	look();
	assert_int_equal(records, 1);
	is(0, CAPTURE_PUNTED, 0, in, length);
	assert_int_equal(record[0]->reason, PUNT_mpls_ttl_exceeded);
	punt_take();
}

/* In several buffers, and longer than what a filter looks at. */
static void long_frames(void **state)
{
	uint8_t in[FRAME_ROOM];

	(void)state;
	wish_events(BIT(RECEIVED));
	size_t length = send("eth mpls 99/5/64 ip4/7 fill:3000", 0, in);
	look();
	assert_int_equal(records, 1);
	is(0, CAPTURE_RECEIVED, 0, in, length);
}

static void around_a_stage(void **state)
{
	uint8_t in[FRAME_ROOM], after[FRAME_ROOM];

	(void)state;
	for (int i = 0; i < 2; i++) {
		uint32_t bits = i == 0 ? BIT(BEFORE) : BIT(AFTER);
		wish(&(struct watch_wish){ .deadline = now() + 1000000000000u,
					   .interface = WATCH_ANY,
					   .options = capture_options(bits, STAGE_mpls,
								      CAPTURE_SNAP_MAX) },
		     NULL);
		size_t length = send("eth mpls 101/5/64 ip4/7", 0, in);
		frame_build(after, "eth mpls 201/5/63 ip4/7");
		look();
		assert_int_equal(records, 1);
		is(0, i == 0 ? CAPTURE_BEFORE : CAPTURE_AFTER, 0, i == 0 ? in : after, length);
		assert_int_equal(record[0]->stage, STAGE_mpls);
		assert_int_equal(transmit_take(), 1);
	}
}

static void around(enum capture_event event, enum stage_id stage)
{
	wish(&(struct watch_wish){ .deadline = now() + 1000000000000u,
				   .interface = WATCH_ANY,
				   .options =
					   capture_options(1u << event, stage, CAPTURE_SNAP_MAX) },
	     NULL);
}

/* Frames as they will leave; what waited before is not this stage's. */
static void after_output(void **state)
{
	uint8_t in[FRAME_ROOM], out[FRAME_ROOM];

	(void)state;
	wish(NULL, NULL);
	send("eth mpls 100/5/64 ip4/7", 0, in);
	around(CAPTURE_AFTER, STAGE_output);
	send("eth mpls 100/5/64 ip4/7", 0, in);
	size_t length = frame_build(out, "out:1/1 mpls 200/5/63 ip4/7");
	look();
	assert_int_equal(records, 1);
	is(0, CAPTURE_AFTER, 0, out, length);
	assert_int_equal(record[0]->stage, STAGE_output);
	assert_int_equal(transmit_take(), 2);
}

/* More copies than the vector behind the stage holds, and than the port's buffer: none is left out. */
static void vectors_that_are_full(void **state)
{
	static const struct {
		enum capture_event event;
		enum stage_id stage;
	} where[] = { { CAPTURE_AFTER, STAGE_mpls },
		      { CAPTURE_BEFORE, STAGE_output },
		      { CAPTURE_AFTER, STAGE_output } };
	struct rte_mbuf *mbufs[BURST];
	uint8_t in[FRAME_ROOM];

	(void)state;
	for (unsigned int i = 0; i < RTE_DIM(where); i++) {
		size_t length = frame_build(in, "eth mpls 102/5/64 ip4/7");
		for (unsigned int k = 0; k < BURST; k++)
			mbufs[k] = mbuf_of(in, length);
		around(where[i].event, where[i].stage);
		worker_process(fixture.worker, 0, mbufs, BURST);
		look();
		assert_int_equal(records, BURST * BRANCHES);
		for (unsigned int k = 0; k < records; k++)
			assert_int_equal(record[k]->stage, where[i].stage);
		transmit_take();
	}
}

static void which_ones(void **state)
{
	/* ether[14:4] >> 12 = 99 */
	static const struct watch_instruction label_99[] = {
		{ 0x20, 0, 0, 14 },    { 0x74, 0, 0, 12 }, { 0x15, 0, 1, 99 },
		{ 0x06, 0, 0, 65535 }, { 0x06, 0, 0, 0 },
	};
	struct watch_wish fields = { .deadline = now() + 1000000000000u,
				     .interface = 3,
				     .options = events(BIT(RECEIVED)) };
	uint8_t in[FRAME_ROOM];

	(void)state;
	wish(&fields, NULL); /* by a port */
	send("eth mpls 99/5/64 ip4/7", 0, in);
	size_t length = send("eth:3 mpls 99/5/64 ip4/7", 3, in);
	look();
	assert_int_equal(records, 1);
	is(0, CAPTURE_RECEIVED, 3, in, length);

	fields.interface = WATCH_ANY; /* by a program, which looks further than what is kept */
	fields.program_length = sizeof(label_99) / sizeof(label_99[0]);
	fields.options = capture_options(BIT(RECEIVED), 0, 10);
	wish(&fields, label_99);
	send("eth mpls 98/5/64 ip4/7", 0, in);
	length = send("eth mpls 99/5/64 ip4/7", 0, in);
	look();
	assert_int_equal(records, 1);
	assert_int_equal(record[0]->captured, 10);
	assert_int_equal(record[0]->length, length);
	assert_memory_equal(record[0] + 1, in, 10);

	fields.count = 2; /* so many */
	wish(&fields, label_99);
	for (int i = 0; i < 4; i++)
		send("eth mpls 99/5/64 ip4/7", 0, in);
	look();
	assert_int_equal(records, 2);
	watch_turn(fixture.worker);
	assert_int_equal(fixture.worker->watch & WATCH_CAPTURE, 0);
}

static void not_wished(void **state)
{
	struct watch_wish fields = { .deadline = now() - 1,
				     .interface = WATCH_ANY,
				     .options = events(BIT(RECEIVED)) };
	/* a jump behind the end */
	static const struct watch_instruction wrong[] = { { 0x15, 9, 9, 1 }, { 0x06, 0, 0, 1 } };
	uint8_t in[FRAME_ROOM];

	(void)state;
	wish(NULL, NULL);
	send("eth mpls 99/5/64 ip4/7", 0, in);
	wish(&fields, NULL); /* too late; until it is renewed */
	send("eth mpls 99/5/64 ip4/7", 0, in);
	look();
	assert_int_equal(records, 0);
	struct watch_wish *renewed = heap_object(fixture.heap, wish_offset);
	word_store(&renewed->deadline, now() + 1000000000000u);
	watch_turn(fixture.worker);
	send("eth mpls 99/5/64 ip4/7", 0, in);
	look();
	assert_int_equal(records, 1);
	fields.deadline = now() + 1000000000000u;
	fields.program_length = 2;
	wish(&fields, wrong);
	send("eth mpls 99/5/64 ip4/7", 0, in);
	word_store(&fixture.state->control.capture_ready, 0); /* no memory */
	wish_events(BIT(RECEIVED));
	send("eth mpls 99/5/64 ip4/7", 0, in);
	word_store(&fixture.state->control.capture_ready, 1);
	look();
	assert_int_equal(records, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_out_and_lost), cmocka_unit_test(punted),
		cmocka_unit_test(long_frames),     cmocka_unit_test(around_a_stage),
		cmocka_unit_test(after_output),    cmocka_unit_test(vectors_that_are_full),
		cmocka_unit_test(which_ones),      cmocka_unit_test(not_wished),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
