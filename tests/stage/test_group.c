/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_group.c: equal-cost choice: what the hash looks at and what it must not, and that flows stay where
 * they are (RFC 6790, RFC 7274 3.1, RFC 4928, RFC 2992).
 */
#include <stdio.h>

#include "tests/stage/case.h"

enum { MEMBERS = 8, FLOWS = 2048 };

static uint32_t group;
static uint32_t members[MEMBERS]; /* member i goes out of port i + 1 */

static struct group_members all_but(int without)
{
	struct group_members result = { 0 };

	for (int i = 0; i < MEMBERS; i++)
		if (i != without)
			result.member[result.count++] = (typeof(result.member[0])){ members[i], 1 };
	return result;
}

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	for (unsigned int i = 0; i < MEMBERS; i++)
		members[i] = via(i + 1, i + 1, NO_LABELS);
	struct group_members all = all_but(-1);
	if (group_add(fixture.nexthops, &all, &group) != 0)
		return -1;
	route(600, LABEL_SWAP, 700, group, LABEL_GROUP);
	route(601, LABEL_SWAP, 701, group, LABEL_GROUP);
	route(610, LABEL_POP, 0, group, LABEL_GROUP);
	route(510, LABEL_POP_LABEL, 0, 0, 0);
	return 0;
}

/* ---------------------------------------------------------------- flows */

/* Writes flow number `i` of some kind into a frame. */
typedef size_t flow_writer(uint8_t frame[FRAME_ROOM], unsigned int i);

static size_t text_flow(uint8_t frame[FRAME_ROOM], const char *format, unsigned int i)
{
	char text[256];
	snprintf(text, sizeof(text), format, i);
	return frame_build(frame, text);
}

/* The IP header of "eth mpls L IP", and of a deeper stack. */
static uint8_t *payload(uint8_t *frame, unsigned int labels)
{
	return frame + ETHERNET + labels * 4;
}

static size_t by_label(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 600/0/64 %u/0/9 31/0/9 raw:00000000", 1000 + i);
}

static size_t by_bottom_label(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 600/0/64 30/0/9 31/0/9 32/0/9 33/0/9 34/0/9 %u/0/9 ip4/7",
			 1000 + i);
}

static size_t by_source(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 30/0/9 ip4/7");
	payload(frame, 2)[15] = (uint8_t)i;
	payload(frame, 2)[14] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_destination(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[19] = (uint8_t)i;
	payload(frame, 1)[18] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_source_port(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[21] = (uint8_t)i;
	payload(frame, 1)[20] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_tcp_destination_port(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[9] = 6;
	payload(frame, 1)[23] = (uint8_t)i;
	payload(frame, 1)[22] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_port_behind_options(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7 fill:20");
	payload(frame, 1)[0] = 0x47;
	payload(frame, 1)[29] = (uint8_t)i;
	payload(frame, 1)[28] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_ipv6_source(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip6/7");
	payload(frame, 1)[23] = (uint8_t)i;
	payload(frame, 1)[10] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_ipv6_destination(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip6/7");
	payload(frame, 1)[39] = (uint8_t)i;
	payload(frame, 1)[24] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_ipv6_port(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip6/7");
	payload(frame, 1)[43] = (uint8_t)i;
	payload(frame, 1)[42] = (uint8_t)(i >> 8);
	return length;
}

static size_t by_entropy_label(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 600/0/64 30/0/9 7/0/9 %u/0/0 31/0/9 ip4/7", 1000 + i);
}

static size_t by_label_above_entropy(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 600/0/64 %u/0/9 7/0/9 4444/0/0 31/0/9 ip4/7", 1000 + i);
}

static size_t by_entropy_behind_extension(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 600/0/64 15/0/9 7/0/9 %u/0/0 31/0/9 ip4/7", 1000 + i);
}

static size_t by_label_below_pop(uint8_t *frame, unsigned int i)
{
	return text_flow(frame, "eth mpls 510/0/64 610/0/64 %u/0/9 ip4/7", 1000 + i);
}

/* ---- and these are all one flow */

static size_t ttl_and_class(uint8_t *frame, unsigned int i)
{
	char text[128];
	snprintf(text, sizeof(text), "eth mpls 600/%u/%u 30/%u/%u ip4/%u/%x", i & 7, 2 + i % 254,
		 i >> 3 & 7, i * 7 & 0xff, i * 5 & 0xff, i * 3 & 0xff);
	return frame_build(frame, text);
}

static size_t ipv6_class_and_hops(uint8_t *frame, unsigned int i)
{
	char text[128];
	snprintf(text, sizeof(text), "eth mpls 600/0/64 ip6/%u/%x", i * 5 & 0xff, i * 3 & 0xff);
	return frame_build(frame, text);
}

static size_t identification(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[4] = (uint8_t)i;
	payload(frame, 1)[36] = (uint8_t)i;
	return length;
}

/* First, middle and last fragments: what would be ports is data. */
static size_t fragments(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[6] = i % 3 == 0 ? 0x20 : 0;
	payload(frame, 1)[7] = i % 3 == 0 ? 0 : (uint8_t)(1 + i % 255);
	payload(frame, 1)[21] = (uint8_t)i;
	payload(frame, 1)[23] = (uint8_t)(i >> 4);
	return length;
}

static size_t ipv6_fragments(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip6/7");
	payload(frame, 1)[6] = 44;
	payload(frame, 1)[43] = (uint8_t)i;
	payload(frame, 1)[42] = (uint8_t)(i >> 8);
	return length;
}

static size_t other_protocol(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/7");
	payload(frame, 1)[9] = 50;
	payload(frame, 1)[21] = (uint8_t)i;
	return length;
}

static size_t below_entropy(uint8_t *frame, unsigned int i)
{
	char text[128];
	snprintf(text, sizeof(text), "eth mpls 600/0/64 7/%u/%u 4444/%u/%u %u/0/9 ip4/%u", i & 7,
		 i & 0xff, i >> 3 & 7, i & 0xff, 1000 + i, i & 0xff);
	size_t length = frame_build(frame, text);
	payload(frame, 4)[15] = (uint8_t)i;
	return length;
}

static size_t payload_is_no_ip(uint8_t *frame, unsigned int i)
{
	size_t length = frame_build(frame, "eth mpls 600/0/64 raw:00 fill:60");
	for (unsigned int k = 1; k < 60; k++)
		payload(frame, 1)[k] = (uint8_t)(i * k);
	return length;
}

static size_t special_labels(uint8_t *frame, unsigned int i)
{
	static const char *const above[] = {
		"",       "0/0/9",        "1/0/9",         "2/0/9 0/0/9",
		"13/0/9", "14/0/9 3/0/9", "15/0/9 20/0/9", "15/0/9 1048575/0/9",
		"4/0/9",  "15/0/9 0/0/9"
	};
	char text[128];
	snprintf(text, sizeof(text), "eth mpls 600/0/64 %s 30/0/9 ip4/7", above[i % 10]);
	return frame_build(frame, text);
}

/* ---------------------------------------------------------------- spread */

static void spread(flow_writer *writer, unsigned int count[PORTS])
{
	static uint8_t frame[FRAME_ROOM];

	memset(count, 0, PORTS * sizeof(count[0]));
	for (unsigned int i = 0; i < FLOWS; i++) {
		size_t length = writer(frame, i);
		int port = egress_of(frame, length);
		assert_true(port > 0);
		count[port]++;
	}
}

static void test_spread(void **state)
{
	static const struct {
		const char *name;
		flow_writer *writer;
	} kinds[] = {
		{ "label", by_label },
		{ "bottom label", by_bottom_label },
		{ "source", by_source },
		{ "destination", by_destination },
		{ "source port", by_source_port },
		{ "destination port", by_tcp_destination_port },
		{ "port behind options", by_port_behind_options },
		{ "IPv6 source", by_ipv6_source },
		{ "IPv6 destination", by_ipv6_destination },
		{ "IPv6 port", by_ipv6_port },
		{ "entropy label", by_entropy_label },
		{ "label above an entropy label", by_label_above_entropy },
		{ "entropy label behind the extension", by_entropy_behind_extension },
		{ "label below a pop", by_label_below_pop },
	};
	unsigned int count[PORTS];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		spread(kinds[i].writer, count);
		for (unsigned int port = 1; port <= MEMBERS; port++)
			if (count[port] < FLOWS / MEMBERS * 3 / 4 ||
			    count[port] > FLOWS / MEMBERS * 5 / 4)
				fail_msg("%s: port %u has %u of %u flows", kinds[i].name, port,
					 count[port], FLOWS);
	}
}

static void test_one_flow(void **state)
{
	static const struct {
		const char *name;
		flow_writer *writer;
	} kinds[] = {
		{ "TTL and traffic class", ttl_and_class },
		{ "IPv6 traffic class and hop limit", ipv6_class_and_hops },
		{ "identification and payload", identification },
		{ "fragments", fragments },
		{ "IPv6 fragments", ipv6_fragments },
		{ "protocol without ports", other_protocol },
		{ "below the entropy label", below_entropy },
		{ "payload that is no IP", payload_is_no_ip },
		{ "special-purpose labels", special_labels },
	};
	unsigned int count[PORTS];

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		unsigned int used = 0;
		spread(kinds[i].writer, count);
		for (unsigned int port = 1; port <= MEMBERS; port++)
			used += count[port] != 0;
		if (used != 1)
			fail_msg("%s: %u ports have packets of one flow", kinds[i].name, used);
	}
}

/* ---------------------------------------------------------------- who moves? */

static void ports_of_flows(uint8_t ports[FLOWS])
{
	static uint8_t frame[FRAME_ROOM];

	for (unsigned int i = 0; i < FLOWS; i++) {
		size_t length = by_source(frame, i);
		int port = egress_of(frame, length);
		assert_true(port > 0);
		ports[i] = (uint8_t)port;
	}
}

/* Flows of port `gone` are spread over the others, and nobody else moved. */
static void check_moved(const uint8_t before[FLOWS], const uint8_t after[FLOWS], unsigned int gone)
{
	unsigned int to[PORTS] = { 0 }, moved = 0;

	for (unsigned int i = 0; i < FLOWS; i++) {
		assert_int_not_equal(after[i], gone);
		if (before[i] != gone) {
			assert_int_equal(after[i], before[i]);
			continue;
		}
		moved++;
		to[after[i]]++;
	}
	for (unsigned int port = 1; port <= MEMBERS; port++) {
		if (port == gone)
			continue;
		if (to[port] < moved / 7 / 3 || to[port] > moved / 7 * 2)
			fail_msg("port %u got %u of %u flows that moved", port, to[port], moved);
	}
}

static void test_remove_member(void **state)
{
	static uint8_t before[FLOWS], after[FLOWS];

	(void)state;
	for (unsigned int gone = 1; gone <= MEMBERS; gone += 3) {
		struct group_members rest = all_but((int)gone - 1), all = all_but(-1);
		ports_of_flows(before);
		assert_int_equal(group_set(fixture.nexthops, group, &rest), 0);
		ports_of_flows(after);
		check_moved(before, after, gone);
		assert_int_equal(group_set(fixture.nexthops, group, &all), 0);
		ports_of_flows(before);
		unsigned int moved = 0;
		for (unsigned int i = 0; i < FLOWS; i++) {
			moved += before[i] != after[i];
			assert_true(before[i] == after[i] || before[i] == gone);
		}
		assert_in_range(moved, FLOWS / MEMBERS * 3 / 4, FLOWS / MEMBERS * 5 / 4);
	}
}

/* The port's link is lost: no table changes, and only its flows move. They come back with it. */
static void test_port_down(void **state)
{
	static uint8_t before[FLOWS], after[FLOWS];

	(void)state;
	ports_of_flows(before);
	for (unsigned int gone = 1; gone <= MEMBERS; gone += 2) {
		atomic_store(&fixture.state->port_live[gone], 0);
		ports_of_flows(after);
		check_moved(before, after, gone);
		atomic_store(&fixture.state->port_live[gone], 1);
		ports_of_flows(after);
		assert_memory_equal(before, after, FLOWS);
	}
}

static void test_all_ports_down(void **state)
{
	static const struct stage_case cases[] = {
		{ "no member can send", "eth mpls 600/0/64 ip4/7", DROPPED(nexthop_down) },
	};
	(void)state;
	for (unsigned int port = 1; port <= MEMBERS; port++)
		atomic_store(&fixture.state->port_live[port], 0);
	CASES_RUN(cases);
	atomic_store(&fixture.state->port_live[5], 1);
	static uint8_t frame[FRAME_ROOM];
	for (unsigned int i = 0; i < 100; i++) {
		size_t length = by_source(frame, i);
		assert_int_equal(egress_of(frame, length), 5);
	}
	for (unsigned int port = 1; port <= MEMBERS; port++)
		atomic_store(&fixture.state->port_live[port], 1);
}

/* A member with a backup keeps its flows: they take the backup. */
static void test_member_with_backup(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	struct group_members two = { .count = 2 };
	uint32_t index, backup = via(9, 9, NO_LABELS);

	(void)state;
	two.member[0] =
		(typeof(two.member[0])){ fixture_nexthop(&fixture, 1, 1, NO_LABELS, backup, 0), 1 };
	two.member[1] = (typeof(two.member[0])){ members[1], 1 };
	assert_int_equal(group_add(fixture.nexthops, &two, &index), 0);
	route(620, LABEL_SWAP, 720, index, LABEL_GROUP);
	for (unsigned int i = 0; i < 64; i++) {
		size_t length = text_flow(frame, "eth mpls 620/0/64 %u/0/9 ip4/7", 1000 + i);
		int before = egress_of(frame, length);
		atomic_store(&fixture.state->port_live[1], 0);
		assert_int_equal(egress_of(frame, length), before == 1 ? 9 : 2);
		atomic_store(&fixture.state->port_live[9], 0);
		assert_int_equal(egress_of(frame, length), 2);
		atomic_store(&fixture.state->port_live[9], 1);
		atomic_store(&fixture.state->port_live[1], 1);
	}
	route(620, LABEL_NONE, 0, 0, 0);
	group_remove(fixture.nexthops, index);
}

static void test_seed(void **state)
{
	static uint8_t before[FLOWS], after[FLOWS];
	uint64_t seed = fixture.tables->control.flow_seed;
	unsigned int moved = 0;

	(void)state;
	ports_of_flows(before);
	fixture.tables->control.flow_seed = seed + 1;
	ports_of_flows(after);
	fixture.tables->control.flow_seed = seed;
	for (unsigned int i = 0; i < FLOWS; i++)
		moved += before[i] != after[i];
	assert_true(moved > FLOWS / 2);
	ports_of_flows(after);
	assert_memory_equal(before, after, FLOWS);
}

/* Weights 1, 2 and 5. */
static void test_weights(void **state)
{
	struct group_members weighted = { .count = 3 };
	unsigned int count[PORTS] = { 0 };
	static uint8_t frame[FRAME_ROOM];
	uint32_t index;

	(void)state;
	for (unsigned int i = 0; i < 3; i++)
		weighted.member[i] = (typeof(weighted.member[0])){ members[i], i == 2 ? 5 : i + 1 };
	assert_int_equal(group_add(fixture.nexthops, &weighted, &index), 0);
	route(621, LABEL_SWAP, 721, index, LABEL_GROUP);
	for (unsigned int i = 0; i < FLOWS; i++) {
		size_t length = text_flow(frame, "eth mpls 621/0/64 %u/0/9 ip4/7", 1000 + i);
		count[egress_of(frame, length)]++;
	}
	assert_in_range(count[1], FLOWS / 8 * 3 / 4, FLOWS / 8 * 5 / 4);
	assert_in_range(count[2], FLOWS / 4 * 3 / 4, FLOWS / 4 * 5 / 4);
	assert_in_range(count[3], FLOWS * 5 / 8 * 3 / 4, FLOWS * 5 / 8 * 5 / 4);
	route(621, LABEL_NONE, 0, 0, 0);
	group_remove(fixture.nexthops, index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spread),         cmocka_unit_test(test_one_flow),
		cmocka_unit_test(test_remove_member),  cmocka_unit_test(test_port_down),
		cmocka_unit_test(test_all_ports_down), cmocka_unit_test(test_member_with_backup),
		cmocka_unit_test(test_seed),           cmocka_unit_test(test_weights),
	};
	return cmocka_run_group_tests_name("stage: groups", tests, start, stage_stop);
}
