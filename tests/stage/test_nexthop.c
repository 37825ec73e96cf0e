/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_nexthop.c: nexthops that cannot be used, backups, and members of a group with different labels.
 */
#include <stdio.h>

#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"

enum { DEAD = 8 }; /* port whose link is down */

static uint32_t of_kind(enum nexthop_kind kind, uint32_t backup)
{
	struct rewrite rewrite = { .port = 1, .interface = 1, .mtu = 1500, .backup = backup };
	uint32_t index;

	if (nexthop_add(fixture.nexthops, kind, &rewrite, &index) != 0)
		return NEXTHOP_NONE;
	return index;
}

static uint32_t group_of(uint32_t a, uint32_t b)
{
	struct group_members members = { .count = 2 };
	uint32_t index;

	members.member[0] = (typeof(members.member[0])){ a, 1 };
	members.member[1] = (typeof(members.member[0])){ b, 1 };
	return group_add(fixture.nexthops, &members, &index) == 0 ? index : 0;
}

static uint32_t with_backup(unsigned int port, const uint32_t *labels, unsigned int count,
			    uint32_t backup)
{
	return fixture_nexthop(&fixture, port, 1, labels, count, backup, 0);
}

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	atomic_store(&fixture.state->port_live[DEAD], 0);
	uint32_t good = via(2, 2, NO_LABELS);
	uint32_t dead = via(DEAD, 8, NO_LABELS);
	uint32_t unresolved = of_kind(NEXTHOP_UNRESOLVED, NEXTHOP_NONE);
	uint32_t blackhole = of_kind(NEXTHOP_BLACKHOLE, NEXTHOP_NONE);
	uint32_t removed = via(2, 3, NO_LABELS);
	nexthop_remove(fixture.nexthops, removed);

	route(100, LABEL_SWAP, 200, unresolved, 0);
	route(101, LABEL_SWAP, 201, blackhole, 0);
	route(102, LABEL_SWAP, 202, NEXTHOP_NONE, 0);
	route(103, LABEL_SWAP, 203, removed, 0);
	route(104, LABEL_SWAP, 204, NEXTHOP_MAX - 1, 0);
	route(105, LABEL_SWAP, 205, dead, 0);
	route(106, LABEL_SWAP, 206, 4000, LABEL_GROUP); /* never made */
	route(110, LABEL_POP, 0, unresolved, 0);
	route(111, LABEL_POP, 0, blackhole, 0);
	route(115, LABEL_POP, 0, dead, 0);
	route(120, LABEL_REPLACE, 0, unresolved, 0);
	route(121, LABEL_REPLACE, 0, blackhole, 0);
	route(122, LABEL_REPLACE, 0, NEXTHOP_NONE, 0);

	route(130, LABEL_SWAP, 230, with_backup(1, NO_LABELS, good), 0);
	route(131, LABEL_SWAP, 231, with_backup(DEAD, NO_LABELS, good), 0);
	route(132, LABEL_SWAP, 232, with_backup(DEAD, NO_LABELS, dead), 0);
	route(133, LABEL_SWAP, 233, with_backup(DEAD, NO_LABELS, unresolved), 0);
	route(134, LABEL_SWAP, 234, with_backup(DEAD, NO_LABELS, removed), 0);
	route(135, LABEL_SWAP, 235, with_backup(DEAD, LABELS(300), via(2, 5, LABELS(300))), 0);
	route(136, LABEL_POP, 0, with_backup(DEAD, NO_LABELS, good), 0);
	route(137, LABEL_REPLACE, 0,
	      with_backup(DEAD, LABELS(300, 301), via(2, 5, LABELS(400, 401))), 0);
	route(138, LABEL_REPLACE, 0, with_backup(DEAD, LABELS(300), via(2, 6, LABELS(400))), 0);
	route(160, LABEL_REPLACE, 0, with_backup(1, LABELS(300), good), 0);
	uint32_t second = with_backup(DEAD, NO_LABELS, good); /* a backup's backup is not used */
	route(139, LABEL_SWAP, 239, with_backup(DEAD, NO_LABELS, second), 0);

	route(140, LABEL_SWAP, 240, group_of(unresolved, good), LABEL_GROUP);
	route(141, LABEL_SWAP, 241, group_of(dead, good), LABEL_GROUP);
	route(142, LABEL_SWAP, 242, group_of(unresolved, dead), LABEL_GROUP);
	return 0;
}

static const struct stage_case unusable_cases[] = {
	{ "unresolved", "eth mpls 100/5/64 ip4/7", DROPPED(nexthop_unresolved) },
	{ "blackhole", "eth mpls 101/5/64 ip4/7", DROPPED(blackhole) },
	{ "none", "eth mpls 102/5/64 ip4/7", DROPPED(nexthop_invalid) },
	{ "removed", "eth mpls 103/5/64 ip4/7", DROPPED(nexthop_invalid) },
	{ "never made", "eth mpls 104/5/64 ip4/7", DROPPED(nexthop_invalid) },
	{ "its port is down", "eth mpls 105/5/64 ip4/7", DROPPED(nexthop_down) },
	{ "group that was never made", "eth mpls 106/5/64 ip4/7", DROPPED(nexthop_invalid) },
	{ "pop, unresolved", "eth mpls 110/5/64 ip4/7", DROPPED(nexthop_unresolved) },
	{ "pop, blackhole", "eth mpls 111/5/64 ip4/7", DROPPED(blackhole) },
	{ "pop, its port is down", "eth mpls 115/5/64 9/0/9 ip4/7", DROPPED(nexthop_down) },
	{ "replace, unresolved", "eth mpls 120/5/64 ip4/7", DROPPED(nexthop_unresolved) },
	{ "replace, blackhole", "eth mpls 121/5/64 ip4/7", DROPPED(blackhole) },
	{ "replace, none", "eth mpls 122/5/64 ip4/7", DROPPED(nexthop_invalid) },
	{ "TTL exceeded comes first", "eth mpls 105/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
};

static const struct stage_case backup_cases[] = {
	{ "not needed", "eth mpls 130/5/64 ip4/7", SENT(1, "out:1/1 mpls 230/5/63 ip4/7") },
	{ "takes over", "eth mpls 131/5/64 ip4/7", SENT(2, "out:2/2 mpls 231/5/63 ip4/7") },
	{ "is down too", "eth mpls 132/5/64 ip4/7", DROPPED(nexthop_down) },
	{ "is unresolved", "eth mpls 133/5/64 ip4/7", DROPPED(nexthop_down) },
	{ "is gone", "eth mpls 134/5/64 ip4/7", DROPPED(nexthop_down) },
	{ "with a push", "eth mpls 135/5/64 ip4/7",
	  SENT(2, "out:2/5 mpls 300/5/63 235/5/63 ip4/7") },
	{ "after a pop", "eth mpls 136/5/64 ip4/200", SENT(2, "out:2/2 ip4/63") },
	{ "with other labels of its own", "eth mpls 137/5/64 ip4/7",
	  SENT(2, "out:2/5 mpls 400/5/63 401/5/63 ip4/7") },
	{ "with another label of its own", "eth mpls 138/5/64 8/0/9 ip4/7",
	  SENT(2, "out:2/6 mpls 400/5/63 8/0/9 ip4/7") },
	{ "has a backup: one is enough", "eth mpls 139/5/64 ip4/7", DROPPED(nexthop_down) },
};

static const struct stage_case group_cases[] = {
	{ "group with an unresolved member: the other one", "eth mpls 140/5/64 ip4/7",
	  SENT(2, "out:2/2 mpls 240/5/63 ip4/7") },
	{ "another flow of it", "eth mpls 140/5/64 9/0/9 ip6/7",
	  SENT(2, "out:2/2 mpls 240/5/63 9/0/9 ip6/7") },
	{ "another flow of it", "eth mpls 140/5/64 10/0/9 ip6/7",
	  SENT(2, "out:2/2 mpls 240/5/63 10/0/9 ip6/7") },
	{ "group with a member that is down", "eth mpls 141/5/64 ip4/7",
	  SENT(2, "out:2/2 mpls 241/5/63 ip4/7") },
	{ "another flow of it", "eth mpls 141/5/64 9/0/9 ip4/7",
	  SENT(2, "out:2/2 mpls 241/5/63 9/0/9 ip4/7") },
	{ "another flow of it", "eth mpls 141/5/64 10/0/9 ip4/7",
	  SENT(2, "out:2/2 mpls 241/5/63 10/0/9 ip4/7") },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(unusable)
RUNS(backup)
RUNS(group)

/* The link goes and comes while packets pass: each goes by the port that is up at that moment. */
static void test_flapping(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "eth mpls 130/5/64 ip4/7");

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		atomic_store(&fixture.state->port_live[1], i & 1);
		assert_int_equal(egress_of(frame, length), i & 1 ? 1 : 2);
	}
	atomic_store(&fixture.state->port_live[1], 1);
}

/* Members with different labels: each flow gets the labels of the member that it goes to. */
static void test_replace_members(void **state)
{
	static uint8_t frame[FRAME_ROOM], expected[FRAME_ROOM];
	unsigned int seen = 0;
	struct group_members members = { .count = 3 };
	uint32_t index;

	(void)state;
	members.member[0] = (typeof(members.member[0])){ via(1, 1, LABELS(401)), 1 };
	members.member[1] = (typeof(members.member[0])){ via(2, 2, LABELS(402, 403)), 1 };
	members.member[2] = (typeof(members.member[0])){ via(3, 3, NO_LABELS), 1 };
	assert_int_equal(group_add(fixture.nexthops, &members, &index), 0);
	route(150, LABEL_REPLACE, 0, index, LABEL_GROUP);
	for (unsigned int i = 0; i < 200; i++) {
		static const char *const out[] = { NULL, "out:1/1 mpls 401/5/63 %u/0/9 ip4/7",
						   "out:2/2 mpls 402/5/63 403/5/63 %u/0/9 ip4/7",
						   "out:3/3 mpls %u/0/9 ip4/7" };
		char text[128];
		snprintf(text, sizeof(text), "eth mpls 150/5/64 %u/0/9 ip4/7", 1000 + i);
		struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, text));
		worker_process(fixture.worker, 0, &mbuf, 1);
		unsigned int port = (unsigned int)__builtin_ctzll(fixture.worker->transmit.pending |
								  1ull << 63);
		assert_in_range(port, 1, 3);
		snprintf(text, sizeof(text), out[port], 1000 + i);
		size_t length = frame_build(expected, text);
		mbuf = fixture.worker->transmit.mbuf[port][0];
		assert_int_equal(mbuf->pkt_len, length);
		assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *), expected, length);
		seen |= 1u << port;
		transmit_take();
	}
	assert_int_equal(seen, 0xe);
}

/* The link goes down between two stages: the packet has the nexthop's label already, the backup has none. */
static void test_no_label_of_another(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, "eth mpls 160/5/64 ip4/7"));

	(void)state;
	account_take(&before);
	classify(fixture.worker, 0, &mbuf, 1);
	mpls(fixture.worker);
	atomic_store(&fixture.state->port_live[1], 0);
	worker_stages(fixture.worker);
	atomic_store(&fixture.state->port_live[1], 1);
	assert_int_equal(transmit_take(), 0);
	assert_int_equal(dropped_since(&before, 0, DROP_nexthop_down), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unusable),        cmocka_unit_test(test_backup),
		cmocka_unit_test(test_group),           cmocka_unit_test(test_flapping),
		cmocka_unit_test(test_replace_members), cmocka_unit_test(test_no_label_of_another),
	};
	return cmocka_run_group_tests_name("stage: nexthops", tests, start, stage_stop);
}
