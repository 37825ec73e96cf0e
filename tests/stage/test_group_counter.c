/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_group_counter.c: what a bridge counts for its groups and their sources.
 */
#include "tests/stage/bridges.h"

#include <errno.h>
#include "dataplane/shm/table.h"

static const struct bridge_seat seats[] = {
	{ 0, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 1, 2, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 2, 3, 10, NULL, BRIDGE_PORT_LEARNING },
};

#define DATA4(address)                                                                             \
	"mac:01005e0101010a0000000009 type:0800 raw:45000028000000000a1100000a000009" address      \
	" fill:20"

static void expect_counted(uint32_t counter, uint64_t packets, uint64_t bytes)
{
	uint64_t got_packets, got_bytes;

	multicast_counters(fixture.tables, fixture.state, counter, &got_packets, &got_bytes);
	assert_int_equal(got_packets, packets);
	assert_int_equal(got_bytes, bytes);
}

/* Bytes of a frame as it came. */
static size_t length_of(const char *text)
{
	static uint8_t frame[FRAME_ROOM];

	return frame_build(frame, text);
}

/* Each entry counts what it sent, a source's apart from its group's; what goes nowhere is not counted. */
static void test_group_counters(void **state)
{
	static const unsigned int one[] = { 2 }, arrival[] = { 1 };
	static const struct bridge_case cases[] = {
		{ "a group", 0, DATA4("ef010101"), { { 1, DATA4("ef010101") } } },
		{ "again", 0, DATA4("ef010101"), { { 1, DATA4("ef010101") } } },
		{ "a source of a group", 0, DATA4("ef010102"), { { 1, DATA4("ef010102") } } },
		{ "a group without a counter", 0, DATA4("ef010103"), { { 1, DATA4("ef010103") } } },
		{ "nobody but who sent it", 0, DATA4("ef010104"), { { 0 } }, DROP(bridge_no_port) },
	};

	(void)state;
	bridge_make(1, seats, 3, 10, BRIDGE_LEARNING, DOMAIN_SNOOPING | DOMAIN_ENFORCED);
	group_add_entry(1, 10, "239.1.1.1", NULL, COUNTER(11), one, 1);
	group_add_entry(1, 10, "239.1.1.2", NULL, GROUP_SOURCES | COUNTER(12), one, 1);
	group_add_entry(1, 10, "239.1.1.2", "10.0.0.9", COUNTER(13), one, 1);
	group_add_entry(1, 10, "239.1.1.3", NULL, 0, one, 1);
	group_add_entry(1, 10, "239.1.1.4", NULL, COUNTER(14), arrival, 1);
	BRIDGE_CASES_RUN(cases);
	expect_counted(11, 2, 2 * length_of(DATA4("ef010101")));
	expect_counted(12, 0, 0);
	expect_counted(13, 1, length_of(DATA4("ef010102")));
	expect_counted(14, 0, 0);
	expect_counted(0, 0, 0);
	/* every worker's counts, and no more than there are */
	word_store(&fixture.state->multicast[0][MULTICAST_COUNTERS - 1].packets, 7);
	expect_counted(MULTICAST_COUNTERS - 1, 7, 0);
	expect_counted(MULTICAST_COUNTERS, 0, 0);
	expect_counted(UINT32_MAX, 0, 0);
	/* from a baseline on */
	assert_int_equal(multicast_baseline_set(fixture.tables, fixture.heap, fixture.state, 11), 0);
	expect_counted(11, 0, 0);
	bridge_cases_run(cases, 1);
	expect_counted(11, 1, length_of(DATA4("ef010101")));
	expect_counted(13, 1, length_of(DATA4("ef010102")));
	assert_int_equal(multicast_baseline_set(fixture.tables, fixture.heap, fixture.state, 0),
			 -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_group_counters),
	};

	return cmocka_run_group_tests_name("stage: group counters", tests, stage_start, stage_stop);
}
