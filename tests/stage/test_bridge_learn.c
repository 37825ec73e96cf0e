/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_bridge_learn.c: what a bridge tells of the sources it sees, and what its ports may flood.
 */
#include "tests/stage/bridges.h"

#include "dataplane/stage/bridge.h"

static const uint16_t twenty[] = { 20, 0 };

/* Port row p has slot p + 1. */
static const struct bridge_seat seats[] = {
	{ 0, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 1, 2, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 3, 4, 10, twenty, BRIDGE_PORT_LEARNING },
	{ 4, 5, 20, NULL, BRIDGE_PORT_LEARNING },
	{ 5, 6, 30, NULL, BRIDGE_PORT_ISOLATED },
};
enum { SEATS = sizeof(seats) / sizeof(seats[0]) };

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	bridge_make(1, seats, SEATS, 10, BRIDGE_LEARNING, 0);
	fdb_entry_add(1, 10, "0a0000000001", 1, 2, ORIGIN_LEARNED);
	fdb_entry_add(1, 20, "0a0000000003", 3, 4, ORIGIN_STATIC);
	return 0;
}

#define BODY      " type:9000 fill:60"
#define TO(mac)   "mac:" mac "0a0000000009" BODY
#define BROADCAST "ffffffffffff"

static uint64_t events(void)
{
	return word_load(&fixture.state->learn[0].tail);
}

static void send(unsigned int port, const char *text)
{
	static uint8_t frame[FRAME_ROOM];
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, text));

	worker_process(fixture.worker, port, &mbuf, 1);
	transmit_take();
	punt_take();
}

/* The window of what was told lately begins and does not end. */
static void stop_window(void)
{
	struct bridge_memory *memory = fixture.worker->bridging;

	memset(memory->recent, 0, sizeof(memory->recent));
	memset(memory->budget, 0, sizeof(memory->budget));
	memory->learn_window = UINT64_MAX;
}

static void test_learning(void **state)
{
	uint64_t before = events();

	stop_window();
	(void)state;
	send(0, "mac:0a00000000010c0000000001" BODY);
	assert_int_equal(events(), before + 1);
	const struct learn_event *event = &fixture.state->learn[0].slot[before % LEARN_SLOTS];
	assert_int_equal(event->vlan, 10);
	assert_int_equal(event->interface, 0);
	assert_int_equal(event->bridge, 1);
	assert_memory_equal(event->mac, "\x0c\0\0\0\0\x01", 6);
	send(0, "mac:0a00000000010c0000000001" BODY); /* told a moment ago */
	assert_int_equal(events(), before + 1);
	send(1, "mac:0a00000000010c0000000001" BODY); /* on another port: told again */
	assert_int_equal(events(), before + 2);
	send(1, "mac:0a00000000020a0000000001" BODY); /* known here */
	send(5, "mac:0a00000000020c0000000002" BODY); /* no learning on the port */
	send(0, "mac:0a00000000020a0000000003" BODY); /* static, but in VLAN 20 */
	assert_int_equal(events(), before + 3);
	send(4, "mac:0a00000000020a0000000003" BODY); /* static elsewhere: stays there */
	assert_int_equal(events(), before + 3);
}

static void test_hit(void **state)
{
	struct fdb_key key = fdb_key(1, 10, (const uint8_t *)"\x0a\0\0\0\0\x01");
	uint32_t hit = fdb_lookup(fixture.tables, &key)->hit;

	(void)state;
	word_store(&fixture.tables->control.tick, 77);
	send(0, "mac:0a00000000020a0000000001" BODY); /* not where it is */
	assert_int_equal(atomic_load(&fixture.state->fdb_hit[0][hit]), 0);
	send(1, "mac:0a00000000020a0000000001" BODY);
	assert_int_equal(atomic_load(&fixture.state->fdb_hit[0][hit]), 77);
}

/* A port that tells too much is held back, and others are not. */
static void test_learning_budget(void **state)
{
	char text[96];
	uint64_t before = events();

	(void)state;
	stop_window();
	for (unsigned int i = 0; i < 2000; i++) {
		snprintf(text, sizeof(text), "mac:0a00000000020e000000%04x" BODY, i);
		send(0, text);
	}
	assert_int_equal(events(), before + LEARN_BUDGET);
	before = events();
	send(1, "mac:0a00000000020e0000010001" BODY);
	assert_int_equal(events(), before + 1);
}

/* Of a hundred frames of each kind, flooded and not, by a port with these limits: how many those stopped. */
static uint64_t stopped(const struct bridge_seat *limited)
{
	static struct account before;

	bridge_make(1, limited, SEATS, 10, BRIDGE_LEARNING, 0);
	account_take(&before);
	for (unsigned int i = 0; i < 100; i++) {
		send(0, TO(BROADCAST));
		send(0, TO("0a0000000077"));
		send(0, TO("0180c2000010"));
		send(0, TO("0a0000000001"));
	}
	return dropped_since(&before, 0, DROP_bridge_storm);
}

static void test_storm(void **state)
{
	static struct bridge_seat limited[SEATS];

	(void)state;
	memcpy(limited, seats, sizeof(limited));
	limited[0].meter = 1;
	limited[0].storm[STORM_BROADCAST] = 50;
	limited[0].storm[STORM_UNICAST] = 100;
	/* a tenth of a second's worth at once, and what the time it took has added */
	uint64_t dropped = stopped(limited);
	assert_true(dropped > 140 && dropped <= 184);
	limited[0].storm[STORM_BROADCAST] = limited[0].storm[STORM_UNICAST] = 0;
	limited[0].storm[STORM_MULTICAST] = 50;
	dropped = stopped(limited);
	assert_true(dropped > 80 && dropped <= 95);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learning),
		cmocka_unit_test(test_hit),
		cmocka_unit_test(test_learning_budget),
		cmocka_unit_test(test_storm),
	};
	return cmocka_run_group_tests_name("stage: bridge learning", tests, start, stage_stop);
}
