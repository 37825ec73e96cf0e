/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Many joins and leaves: what they cost, and that nothing stays of them. Looks at the engine's private
 * counts, since memory that is never given back is seen nowhere else.
 */
#include <stdio.h>
#include <time.h>
#include "controlplane/protocol/snoop-private.h"
#include "snoop-fixture.h"

enum { GROUPS = 4000, ROUNDS = 25, NANOSECONDS_EACH = 100000 };

static struct snoop_fixture f;

static uint64_t clock_now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static unsigned int forwards;

static int count_forward(void *context, const struct snoop_domain_key *domain,
			 const struct address *source, const struct address *group,
			 const struct snoop_ports *ports)
{
	(void)context, (void)domain, (void)source, (void)group, (void)ports;
	forwards++;
	return 0;
}

static void count_remove(void *context, const struct snoop_domain_key *domain,
			 const struct address *source, const struct address *group)
{
	(void)context, (void)domain, (void)source, (void)group;
	forwards--;
}

static void send_nothing(void *context, const struct snoop_domain_key *domain,
			 const struct snoop_ports *ports, const uint8_t mac[6],
			 const uint8_t *packet, size_t length)
{
	(void)context, (void)domain, (void)ports, (void)mac, (void)packet, (void)length;
}

static void expect_empty(void)
{
	assert_int_equal(HASH_COUNT(f.snoop->groups), 0);
	assert_int_equal(HASH_COUNT(f.snoop->members), 0);
	assert_int_equal(HASH_COUNT(f.snoop->sources), 0);
	assert_int_equal(HASH_COUNT(f.snoop->channels), 0);
}

/* The fixture's entries are searched one by one, which many groups are too many for. */
static void start(void)
{
	fixture_start(&f);
	f.where = "storm";
	snoop_script(&f, "set querier=1; + 20");
	f.snoop->output.forward = count_forward;
	f.snoop->output.remove = count_remove;
	f.snoop->output.send = send_nothing;
	forwards = 0;
}

static void input(unsigned int port, unsigned int type, unsigned int number)
{
	static const uint8_t mac[6] = { 2 };
	struct address from = address_of("10.0.0.9"), group = address_of("239.0.0.0");
	struct snoop_ports to;
	uint8_t packet[WIRE_MAX];

	group.bytes[14] = (uint8_t)(number >> 8);
	group.bytes[15] = (uint8_t)number;
	size_t length = wire_single(SNOOP_IPV4, type, &from, &group, packet);
	assert_true(snoop_input(f.snoop, &f.key, port, packet, length, mac, f.now, &to));
}

static void joins_and_leaves(void **state)
{
	uint64_t began, took;

	(void)state;
	start();
	began = clock_now();
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < GROUPS; i++)
			input(1 + i % 4, 0x16, i);
		assert_int_equal(HASH_COUNT(f.snoop->members), GROUPS);
		for (unsigned int i = 0; i < GROUPS; i++)
			input(1 + i % 4, 0x17, i);
		f.next = snoop_tick(f.snoop, f.now);
		fixture_advance(&f, 3 * SECOND);
		expect_empty();
	}
	took = (clock_now() - began) / (2ull * ROUNDS * GROUPS);
	printf("%llu ns a join or leave\n", (unsigned long long)took);
	assert_int_equal(forwards, 0);
	if (took > NANOSECONDS_EACH)
		fail_msg("%llu ns a join or leave", (unsigned long long)took);
	fixture_stop(&f);
}

/* 100,000 groups that are refreshed cost a tick nothing. */
static void ticks_look_at_what_is_due(void **state)
{
	(void)state;
	start();
	f.settings.groups_max = 100000;
	fixture_settings(&f);
	for (unsigned int i = 0; i < 65000; i++)
		input(1, 0x16, i);
	uint64_t began = clock_now();
	for (unsigned int i = 0; i < 100000; i++)
		snoop_tick(f.snoop, f.now += 1000000);
	uint64_t took = (clock_now() - began) / 100000;
	printf("%llu ns a tick with 65,000 groups\n", (unsigned long long)took);
	assert_int_equal(HASH_COUNT(f.snoop->members), 65000);
	if (took > NANOSECONDS_EACH)
		fail_msg("%llu ns a tick", (unsigned long long)took);
	fixture_stop(&f);
}

/* Sources that come and go while the group stays, and limits that are never passed. */
static void sources_leave_nothing(void **state)
{
	char script[128];

	(void)state;
	fixture_start(&f);
	f.where = "sources";
	snoop_script(&f, "set querier=1 sources=10; + 20; 1 rec to_ex G; port 2 fast");
	for (unsigned int i = 0; i < 500; i++) {
		snprintf(script, sizeof(script), "2 rec allow G 10.1.%u.1,10.1.%u.2", i % 250,
			 i % 250);
		snoop_script(&f, script);
		assert_true(HASH_COUNT(f.snoop->sources) <= 10);
		if (i % 4 == 0)
			snoop_script(&f, "2 rec to_in G");
	}
	snoop_script(&f, "2 rec to_in G");
	assert_int_equal(HASH_COUNT(f.snoop->sources), 0);
	assert_int_equal(HASH_COUNT(f.snoop->channels), 0);
	assert_int_equal(HASH_COUNT(f.snoop->groups), 1);
	snoop_script(&f, "+ 300");
	expect_empty();
	fixture_stop(&f);
}

static void totals_are_kept(void **state)
{
	(void)state;
	start();
	f.snoop->members_max = 100;
	for (unsigned int i = 0; i < 200; i++)
		input(1, 0x16, i);
	assert_int_equal(HASH_COUNT(f.snoop->members), 100);
	assert_int_equal(HASH_COUNT(f.snoop->groups), 100);
	snoop_script(&f, "count record_total_full 100");
	f.snoop->sources_max = 2;
	f.snoop->members_max = 200;
	snoop_script(&f, "1 rec allow G a,b,c; count record_total_full 101");
	assert_int_equal(HASH_COUNT(f.snoop->sources), 2);
	snoop_script(&f, "2 rec allow H a; count record_total_full 102");
	assert_int_equal(HASH_COUNT(f.snoop->groups), 101);
	fixture_stop(&f);
}

/* Configured groups: another membership is refused at the limit, one that is there already is not. */
static void configured_groups_at_the_limit(void **state)
{
	const struct address here = address_of("239.1.1.1"), more = address_of("239.1.1.9");
	const struct address source = address_of("10.0.0.1");

	(void)state;
	start();
	snoop_script(&f, "1 join G; 2 join H");
	f.snoop->members_max = 2;
	assert_int_equal(snoop_static_add(f.snoop, &f.key, 1, &more, NULL, f.now), -ENOSPC);
	assert_int_equal(snoop_static_add(f.snoop, &f.key, 3, &here, NULL, f.now), -ENOSPC);
	assert_int_equal(HASH_COUNT(f.snoop->groups), 2);
	assert_int_equal(snoop_static_add(f.snoop, &f.key, 1, &here, NULL, f.now), 0);
	assert_int_equal(snoop_static_add(f.snoop, &f.key, 1, &here, &source, f.now), 0);
	fixture_stop(&f);
}

/* Without room for packets nothing is sent or ends, reports are taken; hosts have their time to answer from
 * the query on, not from when it was due. */
static void busy_output(void **state)
{
	(void)state;
	fixture_start(&f);
	f.where = "busy";
	snoop_script(&f, "set querier=0; + 300; clear");
	f.busy = true;
	snoop_script(&f, "set querier=1; 1 join G; sent -");
	assert_int_equal(HASH_COUNT(f.snoop->members), 1);
	f.now += 5 * SECOND;
	f.busy = false;
	f.next = snoop_tick(f.snoop, f.now);
	assert_true(f.sent_count > 0);
	snoop_script(&f, "clear; + 10.9; enforced 0; + 0.2; enforced 1; ? G 1");
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(joins_and_leaves),
		cmocka_unit_test(ticks_look_at_what_is_due),
		cmocka_unit_test(sources_leave_nothing),
		cmocka_unit_test(totals_are_kept),
		cmocka_unit_test(busy_output),
		cmocka_unit_test(configured_groups_at_the_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
