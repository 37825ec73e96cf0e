/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_rpf.c: reverse-path check. In each VRF the route back to the packets' source is another one, and
 * everything else goes by port 1; each case puts port 0 into a VRF and says what it checks.
 */
#include <stdio.h>

#include "dataplane/shm/lpm.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"

enum way {
	BY_ITSELF,
	BY_ANOTHER,
	BACKUP,
	GROUP,
	OTHER_GROUP,
	LARGE_GROUP,
	ON_LINK,
	ON_OTHER_LINK,
	OUR_OWN,
	HOLE,
	UNREACHABLE,
	NOWHERE,
	BY_NOBODY,
	WAYS
};
enum { OFF, VLAN = 64, BACK_PORT = 0, OUT_PORT = 1, OTHER_PORT = 2 };
#define STRICT INTERFACE_RPF_STRICT
#define LOOSE  INTERFACE_RPF_LOOSE

static uint32_t group_by(unsigned int first, unsigned int others)
{
	struct group_members members = { .count = 1 + others };
	uint32_t index;

	for (unsigned int i = 0; i < members.count; i++) {
		members.member[i].nexthop = via(i == 0 ? first : 3 + i % 5, 100 + i, NO_LABELS);
		members.member[i].weight = 1;
	}
	assert_int_equal(group_add(fixture.nexthops, &members, &index), 0);
	return route_leaf(ROUTE_GROUP, index);
}

static void add_routes(unsigned int vrf, uint32_t back)
{
	static const uint8_t source4[4] = { 10, 1, 2 };
	uint8_t source6[16];
	uint8_t frame[FRAME_ROOM];

	frame_build(frame, "eth ip6/64");
	memcpy(source6, frame + ETHERNET + 8, 16);
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
		struct lpm *trie = fixture_trie(&fixture, vrf, family, vrf == 0);
		const uint8_t *source = family == ROUTE_IPV4 ? source4 : source6;
		if (back != 0)
			assert_int_equal(
				lpm_insert(trie, source, family == ROUTE_IPV4 ? 24 : 128, back), 0);
		const uint8_t destination[16] = { family == ROUTE_IPV4 ? 10 : 0x20,
						  family == ROUTE_IPV4 ? 9 : 0 };
		assert_int_equal(lpm_insert(trie, destination, 16,
					    route_leaf(ROUTE_NEXTHOP, via(OUT_PORT, 1, NO_LABELS))),
				 0);
	}
}

static int start(void **state)
{
	struct rewrite nowhere = { .header_length = 14 };
	uint32_t hole;
	int result = stage_start(state);

	if (result != 0)
		return result;
	fixture_vlan(&fixture, VLAN, BACK_PORT, 100, 0, 0);
	assert_int_equal(nexthop_add(fixture.nexthops, NEXTHOP_BLACKHOLE, &nowhere, &hole), 0);
	uint32_t itself = via(BACK_PORT, 5, NO_LABELS), another = via(OTHER_PORT, 6, NO_LABELS);
	uint32_t backup = fixture_nexthop(&fixture, OTHER_PORT, 7, NULL, 0, itself, 0);
	const uint32_t back[WAYS] = {
		[BY_ITSELF] = route_leaf(ROUTE_NEXTHOP, itself),
		[BY_ANOTHER] = route_leaf(ROUTE_NEXTHOP, another),
		[BACKUP] = route_leaf(ROUTE_NEXTHOP, backup),
		[GROUP] = group_by(BACK_PORT, 3),
		[OTHER_GROUP] = group_by(OTHER_PORT, 3),
		[LARGE_GROUP] = group_by(BACK_PORT, GROUP_MEMBER_MAX - 1),
		[ON_LINK] = route_leaf(ROUTE_GLEAN, BACK_PORT),
		[ON_OTHER_LINK] = route_leaf(ROUTE_GLEAN, OTHER_PORT),
		[OUR_OWN] = route_leaf(ROUTE_LOCAL, BACK_PORT),
		[HOLE] = route_leaf(ROUTE_BLACKHOLE, 0),
		[UNREACHABLE] = route_leaf(ROUTE_UNREACHABLE, 0),
		[BY_NOBODY] = route_leaf(ROUTE_NEXTHOP, hole),
	};
	for (unsigned int vrf = 0; vrf < WAYS; vrf++)
		add_routes(vrf, back[vrf]);
	route(520, LABEL_POP_IP, 0, NOWHERE, LABEL_TTL_PIPE);
	return 0;
}

static void set_interface(unsigned int interface, enum way way, uint64_t check)
{
	struct interface *row = &fixture.tables->interface[interface];

	word_store(&row->flags, (word_load(&row->flags) & ~(0xffffull << INTERFACE_VRF_SHIFT)) |
					(uint64_t)way << INTERFACE_VRF_SHIFT);
	word_store(&row->features, check);
}

static const struct {
	const char *name;
	enum way way;
	bool strict, loose; /* does it pass? */
} cases[] = {
	{ "the interface itself", BY_ITSELF, true, true },
	{ "another interface", BY_ANOTHER, false, true },
	{ "the backup's interface", BACKUP, true, true },
	{ "one of several paths", GROUP, true, true },
	{ "none of several paths", OTHER_GROUP, false, true },
	{ "one of 64 paths", LARGE_GROUP, true, true },
	{ "on the link, not asked for yet", ON_LINK, true, true },
	{ "on another link", ON_OTHER_LINK, false, true },
	{ "an address of ours", OUR_OWN, false, false },
	{ "blackhole (RFC 5635)", HOLE, false, false },
	{ "unreachable", UNREACHABLE, false, false },
	{ "no route", NOWHERE, false, false },
	{ "a nexthop that is none", BY_NOBODY, false, false },
};

/* Each way, each check, both families, by the port and by a subinterface whose route is the port's. */
static void test_ways(void **state)
{
	static const char *const in[] = { "eth ip4/64", "eth ip6/64" };
	static const char *const out[] = { "out:1/1 ip4/63", "out:1/1 ip6/63" };
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		for (unsigned int family = 0; family < 2; family++)
			for (unsigned int check = 0; check < 3; check++) {
				bool strict = check == 1;
				bool pass =
					check == 0 || (strict ? cases[i].strict : cases[i].loose);
				struct stage_case sent = { cases[i].name, in[family],
							   SENT(1, out[family]), 0, 0 };
				struct stage_case gone = { cases[i].name,
							   in[family],
							   { .kind = END_DROPPED,
							     .reason = strict ? DROP_ip_rpf_strict
									      : DROP_ip_rpf_loose },
							   0,
							   0 };
				set_interface(BACK_PORT, cases[i].way,
					      check == 0 ? OFF
					      : strict   ? STRICT
							 : LOOSE);
				size_t length = frame_build(frame, in[family]);
				failed +=
					!case_run(pass ? &sent : &gone, frame, length, HEADROOM, 0);
			}
	assert_int_equal(failed, 0);
}

/* The subinterface is another interface than its port; what comes out of labels is not asked. */
static void test_others(void **state)
{
	static const struct stage_case vlan_cases[] = {
		{ "a subinterface is not its port", "eth vlan:100 ip4/64", DROPPED(ip_rpf_strict),
		  0, VLAN },
		{ "the port itself is not checked", "eth ip4/64", SENT(1, "out:1/1 ip4/63") },
	};
	static const struct stage_case label_cases[] = {
		{ "out of a label", "eth mpls 520/0/64 ip4/64", SENT(1, "out:1/1 ip4/63") },
		{ "a broadcast from nowhere is the kernel's or nobody's", "dst:ffffffffffff ip4/64",
		  DROPPED(ip_martian) },
	};

	(void)state;
	set_interface(BACK_PORT, BY_ITSELF, OFF);
	set_interface(VLAN, BY_ITSELF, STRICT);
	CASES_RUN(vlan_cases);
	set_interface(BACK_PORT, NOWHERE, STRICT);
	CASES_RUN(label_cases);
	set_interface(BACK_PORT, BY_ITSELF, OFF);
}

/* Link-local sources have no route, and are asked for none. */
static void test_link_local(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static const struct stage_case one = { "link-local", "", PUNTED(ip_unreachable), 0, 0 };
	size_t length = frame_build(frame, "eth ip6/64");

	(void)state;
	set_interface(BACK_PORT, NOWHERE, STRICT);
	memcpy(frame + ETHERNET + 8, (const uint8_t[]){ 0xfe, 0x80 }, 2);
	assert_true(case_run(&one, frame, length, HEADROOM, 0));
	set_interface(BACK_PORT, BY_ITSELF, OFF);
}

/* Good and bad in one vector: the good ones keep their order and their routes. */
static void test_vector(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbufs[VECTOR_SIZE];

	(void)state;
	set_interface(BACK_PORT, BY_ITSELF, STRICT);
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		size_t length =
			frame_build(frame, i % 2 == 0 ? "eth ip4/64 raw:00" : "eth ip6/64 raw:00");
		if (i % 3 == 0) /* from elsewhere */
			frame[ETHERNET + (i % 2 == 0 ? 14 : 20)] ^= 1;
		if (i % 2 == 0) {
			frame[ETHERNET + 10] = frame[ETHERNET + 11] = 0;
			uint16_t sum = frame_checksum(frame + ETHERNET, 20);
			frame[ETHERNET + 10] = (uint8_t)(sum >> 8);
			frame[ETHERNET + 11] = (uint8_t)sum;
		}
		frame[length - 1] = (uint8_t)i;
		mbufs[i] = mbuf_of(frame, length);
	}
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	assert_int_equal(dropped_since(&before, 0, DROP_ip_rpf_strict), 22);
	assert_int_equal(fixture.worker->transmit.count[1], VECTOR_SIZE - 22);
	for (unsigned int i = 0, next = 0; i < VECTOR_SIZE; i++) {
		if (i % 3 == 0)
			continue;
		struct rte_mbuf *mbuf = fixture.worker->transmit.mbuf[1][next++];
		assert_int_equal(*rte_pktmbuf_mtod_offset(mbuf, uint8_t *, mbuf->pkt_len - 1), i);
	}
	transmit_take();
	assert_true(account_balanced(&before, VECTOR_SIZE));
	set_interface(BACK_PORT, BY_ITSELF, OFF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ways),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_vector),
	};
	return cmocka_run_group_tests_name("stage: rpf", tests, start, stage_stop);
}
