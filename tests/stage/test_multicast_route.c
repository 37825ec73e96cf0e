/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_multicast_route.c: multicast from ports, tunnels, labels and bridges, to the bridges that asked (RFC
 * 1812 5.2.1, RFC 1112 6.4, RFC 2464 7).
 *
 * Ports 0 and 1 are routed; bridge 1 has ports 2 and 3 (a trunk), bridge 2 ports 4 and 5, bridge 3 port 6,
 * each in VLAN 10. Sources 10.0.0 and 2001:db8:0 are behind port 0, 10.0.1 behind port 1, 10.0.7 behind
 * tunnel 0, 10.0.9 on bridge 1.
 */
#include <stdio.h>
#include "tests/stage/bridges.h"
#include "tests/stage/multicast-words.h"
#include "tests/stage/tunnels.h"

enum { LABEL = 600, LABEL_PIPE = 601, BUD = 602, BUD_PIPE = 603, BUD_DOWN = 604, SHORT = 60, LONG = 700 };

static const uint16_t ten[] = { 10, 0 };
static const struct bridge_seat first[] = { { 2, 1, 10, NULL, 0 }, { 3, 2, 0, ten, 0 } };
static const struct bridge_seat second[] = { { 4, 1, 10, NULL, 0 }, { 5, 2, 10, NULL, 0 } };
static const struct bridge_seat third[] = { { 6, 1, 10, NULL, 0 } };
static const uint32_t rule =
	DOMAIN_SNOOPING | DOMAIN_ENFORCED | DOMAIN_ENFORCED << DOMAIN_FAMILY_BITS |
	(uint32_t)UNREGISTERED_DROP << DOMAIN_UNREGISTERED_SHIFT |
	(uint32_t)UNREGISTERED_DROP << (DOMAIN_UNREGISTERED_SHIFT + DOMAIN_FAMILY_BITS);

static void source_route(const char *prefix, unsigned int length, uint32_t leaf)
{
	uint8_t bytes[16];
	bool ipv4 = strchr(prefix, ':') == NULL;

	tunnel_route(table_address(prefix, bytes), length, ipv4, leaf);
}

static void make_bridges(void)
{
	bridge_make(1, first, RTE_DIM(first), 10, 0, rule);
	bridge_make(2, second, RTE_DIM(second), 10, 0, rule);
	bridge_make(3, third, RTE_DIM(third), 10, 0, rule);
	for (unsigned int family = 0; family < BRIDGE_FAMILIES; family++)
		bridge_routers(1, 10, family, (const unsigned int[]){ SLOT_OWN }, 1);
	fixture_mtu(&fixture, OWN_ROW + 2, 1500);
}

static void make_groups(void)
{
	/* on all of them; one port of the first, both of the second, the only one of the third */
	GROUP_MEMBERS(1, 10, "239.1.1.1", NULL, 0, 1);
	GROUP_MEMBERS(2, 10, "239.1.1.1", NULL, 0, 1, 2);
	GROUP_MEMBERS(3, 10, "239.1.1.1", NULL, 0, 1);
	ROUTE_GROUP_TO("239.1.1.1", { 1 }, { 2 }, { 3 });
	GROUP_MEMBERS(1, 10, "ff0e::9:1", NULL, 0, 1, 2);
	GROUP_MEMBERS(2, 10, "ff0e::9:1", NULL, 0, 2);
	ROUTE_GROUP_TO("ff0e::9:1", { 1 }, { 2 });
	/* with tags alone; one bridge with a threshold; one that takes it from anywhere */
	GROUP_MEMBERS(1, 10, "239.1.1.2", NULL, 0, 2);
	ROUTE_GROUP_TO("239.1.1.2", { 1 });
	GROUP_MEMBERS(2, 10, "239.1.1.3", NULL, 0, 1);
	GROUP_MEMBERS(3, 10, "239.1.1.3", NULL, 0, 1);
	ROUTE_GROUP_TO("239.1.1.3", { 2, 32, 0 }, { 3, 0, MULTICAST_NO_RPF });
	/* sources: 10.0.0.1 alone on bridge 2, all but 10.0.0.1 on bridge 3 */
	GROUP_MEMBERS(2, 10, "239.1.1.4", NULL, GROUP_SOURCES | GROUP_ABSENT);
	GROUP_MEMBERS(2, 10, "239.1.1.4", "10.0.0.1", 0, 1);
	GROUP_MEMBERS(3, 10, "239.1.1.4", NULL, GROUP_SOURCES, 1);
	group_add_entry(3, 10, "239.1.1.4", "10.0.0.1", 0, NULL, 0);
	ROUTE_GROUP_TO("239.1.1.4", { 2 }, { 3 });
	GROUP_MEMBERS(2, 10, "239.1.1.5", NULL, GROUP_SOURCES | GROUP_ABSENT);
	GROUP_MEMBERS(2, 10, "239.1.1.5", "10.0.0.1", 0, 1);
	ROUTE_GROUP_TO("239.1.1.5", { 2 });
	GROUP_MEMBERS(1, 10, "239.129.1.6", NULL, 0, 1); /* bit 23 is not in the MAC */
	ROUTE_GROUP_TO("239.129.1.6", { 1 });
}

/* Replicate labels of which a copy is ours, in VRF 0. */
static void make_buds(void)
{
	struct group_members members = { .count = 2 };
	uint32_t both, down;

	members.member[0].weight = members.member[1].weight = 1;
	members.member[0].nexthop = via(0, 8, LABELS(208));
	members.member[1].nexthop = via(1, 9, LABELS(209));
	assert_int_equal(group_add(fixture.nexthops, &members, &both), 0);
	members.count = 1;
	members.member[0].nexthop = via(9, 9, LABELS(209));
	assert_int_equal(group_add(fixture.nexthops, &members, &down), 0);
	atomic_store(&fixture.state->port_live[9], 0);
	route(BUD, LABEL_REPLICATE, 0, both, LABEL_GROUP | LABEL_LOCAL);
	route(BUD_PIPE, LABEL_REPLICATE, 0, both, LABEL_GROUP | LABEL_LOCAL | LABEL_TTL_PIPE);
	route(BUD_DOWN, LABEL_REPLICATE, 0, down, LABEL_GROUP | LABEL_LOCAL);
}

static int start(void **state)
{
	int result = tunnels_start(state);
	uint32_t tunnel, fanout;
	struct tunnel gre = tunnel_of(TUNNEL_GRE, true, 5, 0, 0);
	struct group_members members = { .count = 1, .member = { { .weight = 1 } } };

	if (result != 0)
		return result;
	tunnel = tunnel_make(0, &gre, 0, 0);
	make_bridges();
	make_groups();
	source_route("10.0.0.0", 24, route_leaf(ROUTE_GLEAN, 0));
	source_route("2001:db8:0:1::", 64, route_leaf(ROUTE_NEXTHOP, via(0, 1, NO_LABELS)));
	members.member[0].nexthop = via(1, 1, NO_LABELS);
	assert_int_equal(group_add(fixture.nexthops, &members, &fanout), 0);
	source_route("10.0.1.0", 24, route_leaf(ROUTE_GROUP, fanout));
	source_route("10.0.7.0", 24,
		     route_leaf(ROUTE_NEXTHOP, fixture_nexthop_tunnel(&fixture, tunnel, NULL, 0)));
	source_route("10.0.9.0", 24, route_leaf(ROUTE_GLEAN, OWN_ROW));
	route(LABEL, LABEL_POP_IP, 0, 0, 0);
	route(LABEL_PIPE, LABEL_POP_IP, 0, 0, LABEL_TTL_PIPE);
	make_buds();
	return 0;
}

/* ---------------------------------------------------------------- cases */

/* What leaves by a port: a tag or "", and its TTL. */
struct leaves {
	unsigned int port;
	const char *tag;
	unsigned int ttl; /* 0: end of the list */
	unsigned int bridge;
};

struct route_case {
	const char *name;
	unsigned int port; /* that it comes in by */
	const char
		*before; /* words up to the packet's IP header; NULL: a frame to the group's MAC */
	const char *source, *group;
	unsigned int ttl, fill;
	struct leaves out[COPIES_MAX];
	int dropped;
};

static void packet_words(char words[PACKET_WORDS], const struct route_case *test, unsigned int ttl)
{
	multicast_packet_words(words, test->source, test->group, ttl, test->fill);
}

static void run(const struct route_case *test)
{
	static char in[1024], out[COPIES_MAX][1024];
	char ethernet[128], packet[512], from[32];
	struct bridge_case translated = {
		.name = test->name, .port = test->port, .frame = in, .dropped = test->dropped
	};

	packet_words(packet, test, test->ttl);
	multicast_mac_words(ethernet, test->group, "0a0000000009", "");
	snprintf(in, sizeof(in), "%s%s", test->before != NULL ? test->before : ethernet, packet);
	for (unsigned int i = 0; i < COPIES_MAX && test->out[i].ttl != 0; i++) {
		const struct leaves *leaves = &test->out[i];
		packet_words(packet, test, leaves->ttl);
		if (leaves->bridge == 0) /* bridged */
			snprintf(from, sizeof(from), "0a0000000009");
		else
			snprintf(from, sizeof(from), "02000000b0%02x", leaves->bridge);
		multicast_mac_words(ethernet, test->group, from, leaves->tag);
		snprintf(out[i], sizeof(out[i]), "%s%s", ethernet, packet);
		translated.out[i] = (struct copy){ leaves->port, out[i] };
	}
	bridge_cases_run(&translated, 1);
}

#define TAG    " vlan:10"
#define GRE_IN "eth outer4:5>1 gre:type=0800 "
#define EVERYBODY(ttl)                                                                             \
	{                                                                                          \
		{ 2, "", ttl, 1 }, { 4, "", ttl, 2 }, { 5, "", ttl, 2 },                           \
		{                                                                                  \
			6, "", ttl, 3                                                              \
		}                                                                                  \
	}

static const struct route_case cases[] = {
	{ "from a port to three bridges", 0, NULL, "10.0.0.5", "239.1.1.1", 64, SHORT,
	  EVERYBODY(63) },
	{ "longer than what a copy has of its own", 0, NULL, "10.0.0.5", "239.1.1.1", 64, LONG,
	  EVERYBODY(63) },
	{ "IPv6, and a tag",
	  0,
	  NULL,
	  "2001:db8:0:1::5",
	  "ff0e::9:1",
	  64,
	  LONG,
	  { { 2, "", 63, 1 }, { 3, TAG, 63, 1 }, { 5, "", 63, 2 } } },
	{ "a tag alone", 0, NULL, "10.0.0.5", "239.1.1.2", 64, LONG, { { 3, TAG, 63, 1 } } },
	{ "the MAC has 23 bits of the group",
	  0,
	  NULL,
	  "10.0.0.5",
	  "239.129.1.6",
	  64,
	  SHORT,
	  { { 2, "", 63, 1 } } },
	{ "nobody's group",
	  0,
	  NULL,
	  "10.0.0.5",
	  "239.1.1.99",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(ip_multicast) },
	/* reverse path */
	{ "source elsewhere",
	  1,
	  NULL,
	  "10.0.0.5",
	  "239.1.1.1",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_incoming) },
	{ "source nowhere",
	  0,
	  NULL,
	  "172.16.0.1",
	  "239.1.1.1",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_incoming) },
	{ "source by a group of nexthops",
	  1,
	  NULL,
	  "10.0.1.5",
	  "239.1.1.2",
	  64,
	  SHORT,
	  { { 3, TAG, 63, 1 } } },
	{ "source elsewhere, a bridge that does not mind",
	  1,
	  NULL,
	  "10.0.0.5",
	  "239.1.1.3",
	  64,
	  SHORT,
	  { { 6, "", 63, 3 } } },
	{ "out of a label, from nobody",
	  1,
	  "eth:1 mpls 600/0/20 ",
	  "::",
	  "ff0e::9:1",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_incoming) },
	{ "link-local source",
	  0,
	  NULL,
	  "fe80::5",
	  "ff0e::9:1",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_incoming) },
	/* TTL */
	{ "TTL 2", 0, NULL, "10.0.0.5", "239.1.1.2", 2, SHORT, { { 3, TAG, 1, 1 } } },
	{ "TTL 1", 0, NULL, "10.0.0.5", "239.1.1.1", 1, SHORT, { { 0 } }, DROP(multicast_ttl) },
	{ "TTL 0", 0, NULL, "10.0.0.5", "239.1.1.1", 0, SHORT, { { 0 } }, DROP(multicast_ttl) },
	{ "hop limit 1",
	  0,
	  NULL,
	  "2001:db8:0:1::5",
	  "ff0e::9:1",
	  1,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_ttl) },
	{ "at the threshold",
	  0,
	  NULL,
	  "10.0.0.5",
	  "239.1.1.3",
	  33,
	  SHORT,
	  { { 4, "", 32, 2 }, { 6, "", 32, 3 } } },
	{ "below it", 0, NULL, "10.0.0.5", "239.1.1.3", 32, SHORT, { { 6, "", 31, 3 } } },
	/* sources that were asked for */
	{ "included here, excluded there",
	  0,
	  NULL,
	  "10.0.0.1",
	  "239.1.1.4",
	  64,
	  SHORT,
	  { { 4, "", 63, 2 } } },
	{ "another source", 0, NULL, "10.0.0.2", "239.1.1.4", 64, SHORT, { { 6, "", 63, 3 } } },
	{ "a source that nobody asked for",
	  0,
	  NULL,
	  "10.0.0.2",
	  "239.1.1.5",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_no_route) },
	/* labels and tunnels */
	{ "out of a label: its path is the way", 1, "eth:1 mpls 600/0/20 ", "10.0.0.5", "239.1.1.1",
	  64, LONG, EVERYBODY(19) },
	{ "the pipe model",
	  1,
	  "eth:1 mpls 601/0/20 ",
	  "10.0.0.5",
	  "239.1.1.2",
	  64,
	  SHORT,
	  { { 3, TAG, 63, 1 } } },
	{ "out of a tunnel", 0, GRE_IN, "10.0.7.5", "239.1.1.1", 64, LONG, EVERYBODY(63) },
	{ "out of a tunnel, source elsewhere",
	  0,
	  GRE_IN,
	  "10.0.0.5",
	  "239.1.1.1",
	  64,
	  SHORT,
	  { { 0 } },
	  DROP(multicast_incoming) },
	/* from a bridge: its own members by itself, others by routing, never back */
	{ "from a bridge",
	  3,
	  "mac:01005e0101010a0000000009 vlan:10 type:0800 ",
	  "10.0.9.5",
	  "239.1.1.1",
	  64,
	  SHORT,
	  { { 2, "", 64, 0 }, { 4, "", 63, 2 }, { 5, "", 63, 2 }, { 6, "", 63, 3 } } },
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		run(&cases[i]);
}

/* Labelled copies by the branches, and one that is routed to the bridge: port 3 gets it, with a tag. `ttl`: of
 * the label; `routed`: what the routed one leaves with, or 0. */
static void run_bud(unsigned int label, unsigned int ttl, unsigned int fill, unsigned int routed,
		    bool branches)
{
	static char frame[1024], out[3][1024];
	struct route_case packet = { .source = "10.99.0.5", .group = "239.1.1.2", .fill = fill };
	struct bridge_case test = { .name = "bud", .port = 1, .frame = frame };
	char words[512], ethernet[128];
	unsigned int count = 0;

	packet_words(words, &packet, 64);
	snprintf(frame, sizeof(frame), "eth:1 mpls %u/3/%u %s", label, ttl, words);
	for (unsigned int i = 8; branches && i <= 9; i++) {
		snprintf(out[count], sizeof(out[0]), "out:%u/%u mpls %u/3/%u %s", i - 8, i,
			 200 + i, ttl - 1, words);
		test.out[count] = (struct copy){ i - 8, out[count] };
		count++;
	}
	if (routed != 0) {
		packet_words(words, &packet, routed);
		multicast_mac_words(ethernet, packet.group, "02000000b001", TAG);
		snprintf(out[count], sizeof(out[0]), "%s%s", ethernet, words);
		test.out[count] = (struct copy){ 3, out[count] };
	} else {
		test.dropped = DROP(multicast_ttl);
	}
	bridge_cases_run(&test, 1);
}

/* A bud node of a point to multipoint path (RFC 4875 1, RFC 6388 1.2). */
static void test_bud(void **state)
{
	uint64_t lost = counter_read(&fixture.worker->interface[9].copies_failed);

	(void)state;
	run_bud(BUD, 20, SHORT, 19, true);
	run_bud(BUD, 20, LONG, 19, true);
	run_bud(BUD, 255, LONG, 64, true); /* uniform: the label's TTL was the greater */
	run_bud(BUD_PIPE, 20, LONG, 63, true);
	/* the path ends here by its TTL: our own copy has arrived */
	run_bud(BUD_PIPE, 1, SHORT, 63, false);
	run_bud(BUD, 1, SHORT, 0, false);
	assert_int_equal(counter_read(&fixture.worker->interface[9].copies_failed), lost);
	run_bud(BUD_DOWN, 20, SHORT, 19, false);
	assert_int_equal(counter_read(&fixture.worker->interface[9].copies_failed), lost + 1);
}

/* The bridge's own MTU is the limit; each that does not get it is counted. */
static void test_too_long(void **state)
{
	static const struct route_case longest = { "MTU",       0,  NULL, "10.0.0.5",
						   "239.1.1.2", 64, 1480, { { 3, TAG, 63, 1 } } };
	static const struct route_case longer = { "MTU and one", 0,           NULL,
						  "10.0.0.5",    "239.1.1.2", 64,
						  1481,          { { 0 } },   DROP(mtu_exceeded) };
	uint64_t lost = counter_read(&fixture.worker->interface[OWN_ROW].copies_failed);

	(void)state;
	run(&longest);
	assert_int_equal(counter_read(&fixture.worker->interface[OWN_ROW].copies_failed), lost);
	run(&longer);
	assert_int_equal(counter_read(&fixture.worker->interface[OWN_ROW].copies_failed), lost + 1);
}

/* A whole vector of packets for all bridges. */
static void test_vector(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int free_before = rte_mempool_avail_count(fixture.pool);
	char words[1024], packet[512], ethernet[128];

	(void)state;
	packet_words(packet, &cases[1], 64);
	multicast_mac_words(ethernet, cases[1].group, "0a0000000009", "");
	snprintf(words, sizeof(words), "%s%s", ethernet, packet);
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		mbufs[i] = mbuf_of(frame, frame_build(frame, words));
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	for (unsigned int port = 2; port <= 6; port++)
		assert_int_equal(fixture.worker->transmit.count[port], port == 3 ? 0 : VECTOR_SIZE);
	assert_true(account_balanced(&before, VECTOR_SIZE * 4));
	transmit_take();
	assert_int_equal(rte_mempool_avail_count(fixture.pool), free_before);
}

/* Without buffers the last bridge gets the packet itself, the others are counted where it is missing. */
static void test_no_buffers(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	char words[1024], packet[512], ethernet[128];
	uint64_t lost[2];

	(void)state;
	packet_words(packet, &cases[0], 64);
	multicast_mac_words(ethernet, cases[0].group, "0a0000000009", "");
	snprintf(words, sizeof(words), "%s%s", ethernet, packet);
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, words));
	buffers_take(0);
	for (unsigned int i = 0; i < 2; i++)
		lost[i] = counter_read(&fixture.worker->interface[OWN_ROW + i].copies_failed);
	account_take(&before);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_true(account_balanced(&before, 1));
	assert_int_equal(fixture.worker->transmit.count[6], 1);
	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(
			counter_read(&fixture.worker->interface[OWN_ROW + i].copies_failed),
			lost[i] + 1);
	transmit_take();
	buffers_give();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_bud),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_no_buffers),
	};
	return cmocka_run_group_tests_name("stage: multicast routes", tests, start, stage_stop);
}
