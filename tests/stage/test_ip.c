/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_ip.c: IP forwarding. Each port stands in a VRF of its own, whose one route is another kind, so
 * that the port says what becomes of the packet: to 10.9.8.7 or 2000::2.
 */
#include <stdio.h>

#include "dataplane/shm/lpm.h"
#include "tests/stage/case.h"

enum {
	NEXTHOP_PORT,
	GROUP_PORT,
	LOCAL_PORT,
	GLEAN_PORT,
	BLACKHOLE_PORT,
	UNREACHABLE_PORT,
	EMPTY_PORT,
	PUSH_PORT,
	DEFAULT_PORT,
	HOST_PORT
};

static void route_add(unsigned int vrf, unsigned int length4, unsigned int length6, uint32_t leaf)
{
	static const uint8_t ipv4[4] = { 10, 9, 8, 7 }, ipv6[16] = { 0x20, [15] = 2 };
	uint8_t prefix[16] = { 0 };

	memcpy(prefix, ipv4, length4 / 8);
	assert_int_equal(lpm_insert(fixture.trie[vrf][ROUTE_IPV4], prefix, length4, leaf), 0);
	memset(prefix, 0, sizeof(prefix));
	memcpy(prefix, ipv6, length6 / 8);
	assert_int_equal(lpm_insert(fixture.trie[vrf][ROUTE_IPV6], prefix, length6, leaf), 0);
}

static int start(void **state)
{
	struct group_members members = { .count = 1, .member = { { .weight = 1 } } };
	uint32_t group;
	int result = stage_start(state);

	if (result != 0)
		return result;
	for (unsigned int vrf = 0; vrf < PORTS; vrf++) {
		_Atomic uint64_t *flags = &fixture.tables->interface[vrf].flags;
		word_store(flags, word_load(flags) | (uint64_t)vrf << INTERFACE_VRF_SHIFT);
		for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
			fixture_trie(&fixture, vrf, family, vrf == 0);
	}
	members.member[0].nexthop = via(2, 2, NO_LABELS);
	assert_int_equal(group_add(fixture.nexthops, &members, &group), 0);
	route_add(NEXTHOP_PORT, 24, 32, route_leaf(ROUTE_NEXTHOP, via(1, 1, NO_LABELS)));
	route_add(GROUP_PORT, 16, 48, route_leaf(ROUTE_GROUP, group));
	route_add(LOCAL_PORT, 32, 128, route_leaf(ROUTE_LOCAL, LOCAL_PORT));
	route_add(GLEAN_PORT, 24, 64, route_leaf(ROUTE_GLEAN, GLEAN_PORT));
	route_add(BLACKHOLE_PORT, 8, 16, route_leaf(ROUTE_BLACKHOLE, 0));
	route_add(UNREACHABLE_PORT, 8, 16, route_leaf(ROUTE_UNREACHABLE, 0));
	route_add(PUSH_PORT, 24, 32, route_leaf(ROUTE_NEXTHOP, via(1, 7, LABELS(301, 302))));
	route_add(DEFAULT_PORT, 0, 0, route_leaf(ROUTE_NEXTHOP, via(1, 1, NO_LABELS)));
	route_add(HOST_PORT, 32, 128, route_leaf(ROUTE_NEXTHOP, via(1, 1, NO_LABELS)));
	route(520, LABEL_POP_IP, 0, NEXTHOP_PORT, 0);
	route(521, LABEL_POP_IP, 0, NEXTHOP_PORT, LABEL_TTL_PIPE);
	route(522, LABEL_POP_IP, 0, PUSH_PORT, 0);
	route(523, LABEL_POP_IP, 0, LOCAL_PORT, 0);
	return 0;
}

#define FROM(port_) .port = (port_)

static const struct stage_case route_cases[] = {
	{ "IPv4 to a nexthop", "eth ip4/64/b8", SENT(1, "out:1/1 ip4/63/b8") },
	{ "IPv6 to a nexthop", "eth ip6/64/b8", SENT(1, "out:1/1 ip6/63/b8") },
	{ "TTL 255", "eth ip4/255", SENT(1, "out:1/1 ip4/254") },
	{ "IPv4 to a group", "eth:1 ip4/64", SENT(2, "out:2/2 ip4/63"), FROM(GROUP_PORT) },
	{ "IPv6 to a group", "eth:1 ip6/64", SENT(2, "out:2/2 ip6/63"), FROM(GROUP_PORT) },
	{ "IPv4 for ourselves", "eth:2 ip4/64", PUNTED(ip_local), FROM(LOCAL_PORT) },
	{ "for ourselves: the TTL does not matter", "eth:2 ip4/0", PUNTED(ip_local),
	  FROM(LOCAL_PORT) },
	{ "IPv6 for ourselves", "eth:2 ip6/0", PUNTED(ip_local), FROM(LOCAL_PORT) },
	{ "IPv4 neighbour to be found", "eth:3 ip4/64", PUNTED(neighbour_unknown),
	  FROM(GLEAN_PORT) },
	{ "IPv6 neighbour to be found", "eth:3 ip6/64", PUNTED(neighbour_unknown),
	  FROM(GLEAN_PORT) },
	{ "IPv4 blackhole", "eth:4 ip4/64", DROPPED(blackhole), FROM(BLACKHOLE_PORT) },
	{ "IPv6 blackhole", "eth:4 ip6/64", DROPPED(blackhole), FROM(BLACKHOLE_PORT) },
	{ "IPv4 unreachable", "eth:5 ip4/64", PUNTED(ip_unreachable), FROM(UNREACHABLE_PORT) },
	{ "IPv6 unreachable", "eth:5 ip6/64", PUNTED(ip_unreachable), FROM(UNREACHABLE_PORT) },
	{ "IPv4 without a route", "eth:6 ip4/64", PUNTED(ip_no_route), FROM(EMPTY_PORT) },
	{ "IPv6 without a route", "eth:6 ip6/64", PUNTED(ip_no_route), FROM(EMPTY_PORT) },
	{ "default route, IPv4", "eth:8 ip4/64", SENT(1, "out:1/1 ip4/63"), FROM(DEFAULT_PORT) },
	{ "default route, IPv6", "eth:8 ip6/64", SENT(1, "out:1/1 ip6/63"), FROM(DEFAULT_PORT) },
	{ "host route, IPv4", "eth:9 ip4/64", SENT(1, "out:1/1 ip4/63"), FROM(HOST_PORT) },
	{ "host route, IPv6", "eth:9 ip6/64", SENT(1, "out:1/1 ip6/63"), FROM(HOST_PORT) },
	{ "another destination MAC", "eth:5 ip4/64", DROPPED(not_for_us) },
};

static const struct stage_case ttl_cases[] = {
	{ "IPv4 TTL 2", "eth ip4/2", SENT(1, "out:1/1 ip4/1") },
	{ "IPv4 TTL 1", "eth ip4/1", PUNTED(ip_ttl_exceeded) },
	{ "IPv4 TTL 0", "eth ip4/0", PUNTED(ip_ttl_exceeded) },
	{ "IPv6 hop limit 2", "eth ip6/2", SENT(1, "out:1/1 ip6/1") },
	{ "IPv6 hop limit 1", "eth ip6/1", PUNTED(ip_ttl_exceeded) },
	{ "IPv6 hop limit 0", "eth ip6/0", PUNTED(ip_ttl_exceeded) },
};

/* Into labels and out of them: RFC 3443, RFC 3270. */
static const struct stage_case label_cases[] = {
	{ "push: TTL and precedence go up", "eth:7 ip4/64/b8",
	  SENT(1, "out:1/7 mpls 301/5/63 302/5/63 ip4/63/b8"), FROM(PUSH_PORT) },
	{ "push onto IPv6", "eth:7 ip6/64/b8", SENT(1, "out:1/7 mpls 301/5/63 302/5/63 ip6/63/b8"),
	  FROM(PUSH_PORT) },
	{ "push with TTL 1", "eth:7 ip4/1", PUNTED(ip_ttl_exceeded), FROM(PUSH_PORT) },
	{ "pop to IPv4, uniform: one decrement for the node", "eth mpls 520/0/64 ip4/90",
	  SENT(1, "out:1/1 ip4/63") },
	{ "pop to IPv4, uniform, smaller inside", "eth mpls 520/0/64 ip4/9",
	  SENT(1, "out:1/1 ip4/9") },
	{ "pop to IPv6, uniform", "eth mpls 520/0/64 ip6/90", SENT(1, "out:1/1 ip6/63") },
	{ "pop to IPv4, pipe: the packet's own TTL", "eth mpls 521/0/64 ip4/90",
	  SENT(1, "out:1/1 ip4/89") },
	{ "pop to IPv6, pipe", "eth mpls 521/0/2 ip6/90", SENT(1, "out:1/1 ip6/89") },
	{ "pop to IPv4, then push", "eth mpls 522/0/64 ip4/90",
	  SENT(1, "out:1/7 mpls 301/0/63 302/0/63 ip4/63") },
	{ "explicit null", "eth mpls 0/0/64 ip4/90", SENT(1, "out:1/1 ip4/63") },
	{ "IPv6 explicit null", "eth mpls 2/0/64 ip6/90", SENT(1, "out:1/1 ip6/63") },
	{ "explicit null into the ingress interface's table", "eth:6 mpls 0/0/64 ip4/90",
	  PUNTED_AS(ip_no_route, 18, "eth:6 mpls 0/0/64 ip4/63"), FROM(EMPTY_PORT) },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(route)
RUNS(ttl)
RUNS(label)

/* ---------------------------------------------------------------- headers that are wrong */

struct damage {
	const char *name;
	const char *frame;
	unsigned int offset; /* of the byte in the IP header ... */
	uint8_t value;       /* ... that becomes this */
	bool mend;           /* the checksum is right all the same */
	struct end end;
};

static const struct damage damages[] = {
	{ "version 5", "eth ip4/64", 0, 0x55, true, DROPPED(ip_invalid) },
	{ "header of 16 bytes", "eth ip4/64", 0, 0x44, true, DROPPED(ip_invalid) },
	{ "header longer than the packet", "eth ip4/64", 0, 0x4f, false, DROPPED(ip_invalid) },
	{ "total length less than the header", "eth ip4/64", 3, 19, true, DROPPED(ip_invalid) },
	{ "total length more than the frame", "eth ip4/64", 3, 41, true, DROPPED(ip_invalid) },
	{ "checksum", "eth ip4/64", 10, 0x77, false, DROPPED(ip_checksum) },
	{ "source 0/8", "eth ip4/64", 12, 0, true, DROPPED(ip_martian) },
	{ "source 127/8", "eth ip4/64", 12, 127, true, DROPPED(ip_martian) },
	{ "source multicast", "eth ip4/64", 12, 224, true, DROPPED(ip_martian) },
	{ "source 240/4", "eth ip4/64", 12, 240, true, DROPPED(ip_martian) },
	{ "destination 0/8", "eth ip4/64", 16, 0, true, DROPPED(ip_martian) },
	{ "destination 127/8", "eth ip4/64", 16, 127, true, DROPPED(ip_martian) },
	{ "destination 240/4", "eth ip4/64", 16, 240, true, DROPPED(ip_martian) },
	{ "destination multicast", "eth ip4/64", 16, 225, true, DROPPED(ip_multicast) },
	{ "IPv6 version 4", "eth ip6/64", 0, 0x40, false, DROPPED(ip_invalid) },
	{ "IPv6 payload longer than the frame", "eth ip6/64", 5, 21, false, DROPPED(ip_invalid) },
	{ "IPv6 source multicast", "eth ip6/64", 8, 0xff, false, DROPPED(ip_martian) },
	{ "IPv6 destination multicast", "eth ip6/64", 24, 0xff, false, PUNTED(ip_local) },
	{ "IPv6 destination link-local", "eth ip6/64", 24, 0xfe, false, PUNTED(ip_no_route) },
};

static void mend_checksum(uint8_t *header)
{
	header[10] = header[11] = 0;
	uint16_t sum = frame_checksum(header, (header[0] & 0xfu) * 4);
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}

static void test_damaged(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(damages); i++) {
		const struct damage *damage = &damages[i];
		struct stage_case stage_case = { damage->name, damage->frame, damage->end, 0, 0 };
		size_t length = frame_build(frame, damage->frame);
		frame[ETHERNET + damage->offset] = damage->value;
		if (damage->mend)
			mend_checksum(frame + ETHERNET);
		failed += !case_run(&stage_case, frame, length, HEADROOM, 0);
	}
	assert_int_equal(failed, 0);
}

/* Whatever a byte of the header becomes, the packet ends in one place and nothing is read past it. */
static void test_every_byte(void **state)
{
	static const char *const texts[] = { "eth ip4/64", "eth ip6/64",
					     "eth mpls 520/0/64 ip4/9" };
	static uint8_t frame[FRAME_ROOM];
	struct account before;
	unsigned int failed = 0;

	(void)state;
	for (size_t t = 0; t < RTE_DIM(texts); t++) {
		size_t length = frame_build(frame, texts[t]);
		for (size_t at = ETHERNET; at < length; at++)
			for (unsigned int value = 0; value < 256; value += 5) {
				uint8_t was = frame[at];
				frame[at] = (uint8_t)value;
				struct rte_mbuf *mbuf = guarded_mbuf(frame, length, HEADROOM);
				account_take(&before);
				worker_process(fixture.worker, 0, &mbuf, 1);
				failed += !account_balanced(&before, 1);
				transmit_take();
				punt_take();
				frame[at] = was;
			}
	}
	assert_int_equal(failed, 0);
}

/* Options ask the control plane to look; for ourselves they change nothing. */
static void test_options(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static const struct stage_case onward = { "options", "", PUNTED(ip_options), 0, 0 };
	static const struct stage_case ours = { "options for us", "", PUNTED(ip_local), LOCAL_PORT,
						0 };

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		size_t length = frame_build(frame, i == 0 ? "eth ip4/64 raw:94040000"
							  : "eth:2 ip4/64 raw:94040000");
		uint8_t *header = frame + ETHERNET;
		memmove(header + 24, header + 20, 20);
		memcpy(header + 20, (const uint8_t[]){ 0x94, 4, 0, 0 }, 4);
		header[0] = 0x46;
		header[3] = 44;
		mend_checksum(header);
		assert_true(case_run(i == 0 ? &onward : &ours, frame, length, HEADROOM, 0));
	}
}

/* What comes from a link-local address arrives, but goes no further than its link (RFC 4291 2.5.6). */
static void test_link_local_source(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static const struct {
		const char *frame;
		struct stage_case stage_case;
	} cases[] = {
		{ "eth ip6/64", { "onward", "", PUNTED(ip_unreachable), 0, 0 } },
		{ "eth:1 ip6/64", { "to a group", "", PUNTED(ip_unreachable), GROUP_PORT, 0 } },
		{ "eth:2 ip6/64", { "for us", "", PUNTED(ip_local), LOCAL_PORT, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++) {
		size_t length = frame_build(frame, cases[i].frame);
		memcpy(frame + ETHERNET + 8, (const uint8_t[]){ 0xfe, 0x80 }, 2);
		assert_true(case_run(&cases[i].stage_case, frame, length, HEADROOM, 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_link_local_source),
		cmocka_unit_test(test_every_byte),
	};
	return cmocka_run_group_tests_name("stage: ip", tests, start, stage_stop);
}
