/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_multicast_port.c: multicast to routed interfaces whose hosts asked (RFC 1812 5.2.1, RFC 1112 6.4, RFC 2464 7,
 * IEEE 802.1Q), and IGMP and MLD that come in by them (RFC 3376, RFC 3810).
 *
 * Ports 1, 2 and 3 and VLAN subinterfaces of port 3 have groups, each with its own MTU or threshold; bridge 1 with
 * port 4 has some too. Port 9 has none. Sources 10.0.0 and 2001:db8:0:1 are behind port 0, 10.0.2 behind port 2.
 */
#include <stdio.h>
#include "tests/stage/bridges.h"
#include "tests/stage/multicast-words.h"
#include "tests/stage/tunnels.h"

enum { ONE_TAG = 70, TWO_TAGS = 71, LABEL = 600, SHORT = 60, LONG = 700 };

static const struct bridge_seat seat[] = { { 4, 1, 10, NULL, 0 } };

#define PORT_MEMBER(row, group, source, flags, ...)                                                \
	GROUP_MEMBERS(groups_of_interface(row), VLAN_NONE, group, source, flags, __VA_ARGS__)

static void source_route(const char *prefix, unsigned int length, uint32_t leaf)
{
	uint8_t bytes[16];
	bool ipv4 = strchr(prefix, ':') == NULL;

	tunnel_route(table_address(prefix, bytes), length, ipv4, leaf);
}

static void features_add(unsigned int row, uint64_t bits)
{
	_Atomic uint64_t *features = &fixture.tables->interface[row].features;

	word_store(features, word_load(features) | bits);
}

static int start(void **state)
{
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	fixture_vlan(&fixture, ONE_TAG, 3, 100, 0, 0);
	fixture_vlan(&fixture, TWO_TAGS, 3, 200, 300, 0);
	bridge_make(1, seat, RTE_DIM(seat), 10, 0, DOMAIN_SNOOPING);
	fixture_mtu(&fixture, 2, 1000);
	for (unsigned int port = 1; port <= 3; port++)
		features_add(port, INTERFACE_GROUPS);
	features_add(ONE_TAG, INTERFACE_GROUPS);
	PORT_MEMBER(1, "239.1.1.1", NULL, COUNTER(7), 0);
	PORT_MEMBER(2, "239.1.1.1", NULL, 0, 0);
	PORT_MEMBER(ONE_TAG, "239.1.1.1", NULL, 0, 0);
	GROUP_MEMBERS(1, 10, "239.1.1.1", NULL, 0, 1);
	ROUTE_GROUP_TO("239.1.1.1", { 1 }, { BRANCH_INTERFACE(1) }, { BRANCH_INTERFACE(2) },
		       { BRANCH_INTERFACE(ONE_TAG) });
	PORT_MEMBER(TWO_TAGS, "ff0e::9:1", NULL, 0, 0);
	PORT_MEMBER(1, "ff0e::9:1", NULL, 0, 0);
	ROUTE_GROUP_TO("ff0e::9:1", { BRANCH_INTERFACE(TWO_TAGS) }, { BRANCH_INTERFACE(1) });
	PORT_MEMBER(1, "239.1.1.2", NULL, GROUP_SOURCES | GROUP_ABSENT);
	PORT_MEMBER(1, "239.1.1.2", "10.0.0.1", COUNTER(8), 0);
	PORT_MEMBER(2, "239.1.1.2", NULL, GROUP_SOURCES, 0);
	group_add_entry(groups_of_interface(2), VLAN_NONE, "239.1.1.2", "10.0.0.1", 0, NULL, 0);
	ROUTE_GROUP_TO("239.1.1.2", { BRANCH_INTERFACE(1) }, { BRANCH_INTERFACE(2) });
	PORT_MEMBER(1, "239.1.1.3", NULL, 0, 0);
	PORT_MEMBER(2, "239.1.1.3", NULL, 0, 0);
	ROUTE_GROUP_TO("239.1.1.3", { BRANCH_INTERFACE(1), 32, 0 },
		       { BRANCH_INTERFACE(2), 0, MULTICAST_NO_RPF });
	PORT_MEMBER(1, "239.1.1.4", NULL, 0, 0); /* a route to who has no such group */
	ROUTE_GROUP_TO("239.1.1.4", { BRANCH_INTERFACE(9) });
	source_route("10.0.0.0", 24, route_leaf(ROUTE_GLEAN, 0));
	source_route("10.0.2.0", 24, route_leaf(ROUTE_GLEAN, 2));
	source_route("2001:db8:0:1::", 64, route_leaf(ROUTE_GLEAN, 0));
	route(LABEL, LABEL_POP_IP, 0, 0, 0);
	return 0;
}

/* ---------------------------------------------------------------- data */

/* What leaves by a port: tags, and a TTL. */
struct leaves {
	unsigned int port;
	const char *tag;
	unsigned int ttl; /* 0: end of the list */
	const char *from;
};

struct port_case {
	const char *name;
	unsigned int port;  /* that it comes in by */
	const char *before; /* words up to the packet's IP header; NULL: a frame to the group's MAC */
	const char *source, *group;
	unsigned int ttl, fill;
	struct leaves out[COPIES_MAX];
	int dropped;
};

#define P1(ttl) { 1, "", ttl, "020000000001" }
#define P2(ttl) { 2, "", ttl, "020000000002" }
#define V1(ttl) { 3, " vlan:100", ttl, "020000000003" }
#define V2(ttl) { 3, " qinq:200 vlan:300", ttl, "020000000003" }
#define B1(ttl) { 4, "", ttl, "02000000b001" }

static const struct port_case cases[] = {
	{ "to ports, a tag and a bridge", 0, NULL, "10.0.0.5", "239.1.1.1", 64, SHORT,
	  { P1(63), P2(63), V1(63), B1(63) } },
	{ "longer than what a copy has of its own", 0, NULL, "10.0.0.5", "239.1.1.1", 64, LONG,
	  { P1(63), P2(63), V1(63), B1(63) } },
	{ "IPv6, and two tags", 0, NULL, "2001:db8:0:1::5", "ff0e::9:1", 64, LONG,
	  { V2(63), P1(63) } },
	{ "not back where it came from", 2, NULL, "10.0.2.5", "239.1.1.1", 64, SHORT,
	  { P1(63), V1(63), B1(63) } },
	{ "out of a label, whose path ends here", 2, "eth:2 mpls 600/0/20 ", "10.0.0.5", "239.1.1.1",
	  64, SHORT, { P1(19), P2(19), V1(19), B1(19) } },
	{ "source elsewhere", 9, NULL, "10.0.0.5", "239.1.1.1", 64, SHORT, { { 0 } },
	  DROP(multicast_incoming) },
	{ "source elsewhere, one does not mind", 9, NULL, "10.0.0.5", "239.1.1.3", 64, SHORT,
	  { P2(63) } },
	{ "included here, excluded there", 0, NULL, "10.0.0.1", "239.1.1.2", 64, SHORT, { P1(63) } },
	{ "another source", 0, NULL, "10.0.0.2", "239.1.1.2", 64, SHORT, { P2(63) } },
	{ "at the threshold", 0, NULL, "10.0.0.5", "239.1.1.3", 33, SHORT, { P1(32), P2(32) } },
	{ "below it", 0, NULL, "10.0.0.5", "239.1.1.3", 32, SHORT, { P2(31) } },
	{ "TTL 1", 0, NULL, "10.0.0.5", "239.1.1.1", 1, SHORT, { { 0 } }, DROP(multicast_ttl) },
	{ "the MTU of one of them", 0, NULL, "10.0.0.5", "239.1.1.1", 64, 980,
	  { P1(63), P2(63), V1(63), B1(63) } },
	{ "more than it", 0, NULL, "10.0.0.5", "239.1.1.1", 64, 981, { P1(63), V1(63), B1(63) } },
	{ "more than that of all", 0, NULL, "10.0.0.5", "239.1.1.2", 64, 1481, { { 0 } },
	  DROP(mtu_exceeded) },
	{ "nobody there has the group", 0, NULL, "10.0.0.5", "239.1.1.4", 64, SHORT, { { 0 } },
	  DROP(multicast_no_route) },
};

static void run(const struct port_case *test)
{
	static char in[1024], out[COPIES_MAX][1024];
	char ethernet[MAC_WORDS], packet[PACKET_WORDS];
	struct bridge_case translated = {
		.name = test->name, .port = test->port, .frame = in, .dropped = test->dropped
	};

	multicast_packet_words(packet, test->source, test->group, test->ttl, test->fill);
	multicast_mac_words(ethernet, test->group, "0a0000000009", "");
	snprintf(in, sizeof(in), "%s%s", test->before != NULL ? test->before : ethernet, packet);
	for (unsigned int i = 0; i < COPIES_MAX && test->out[i].ttl != 0; i++) {
		const struct leaves *leaves = &test->out[i];
		multicast_packet_words(packet, test->source, test->group, leaves->ttl, test->fill);
		multicast_mac_words(ethernet, test->group, leaves->from, leaves->tag);
		snprintf(out[i], sizeof(out[i]), "%s%s", ethernet, packet);
		translated.out[i] = (struct copy){ leaves->port, out[i] };
	}
	bridge_cases_run(&translated, 1);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		run(&cases[i]);
}

static struct traffic_counter counted(uint32_t counter)
{
	return fixture.worker->multicast[counter];
}

/* At the interface, and at the entry that decided. */
static void test_counters(void **state)
{
	static const struct port_case any = { "any", 0, NULL, "10.0.0.5", "239.1.1.1", 64, SHORT,
					      { P1(63), P2(63), V1(63), B1(63) } };
	static const struct port_case one = { "one", 0, NULL, "10.0.0.1", "239.1.1.2", 64, SHORT,
					      { P1(63) } };
	const struct interface_counters *row = &fixture.worker->interface[ONE_TAG];
	struct traffic_counter before[2] = { counted(7), counted(8) };
	uint64_t packets = counter_read(&row->tx_packets), bytes = counter_read(&row->tx_bytes);

	(void)state;
	run(&any);
	run(&one);
	run(&one);
	struct traffic_counter after[2] = { counted(7), counted(8) };
	assert_int_equal(counter_read(&after[0].packets) - counter_read(&before[0].packets), 1);
	assert_int_equal(counter_read(&after[0].bytes) - counter_read(&before[0].bytes),
			 14 + 20 + SHORT);
	assert_int_equal(counter_read(&after[1].packets) - counter_read(&before[1].packets), 2);
	assert_int_equal(counter_read(&row->tx_packets) - packets, 1);
	assert_int_equal(counter_read(&row->tx_bytes) - bytes, 18 + 20 + SHORT);
}

/* A port that is set down gets none. */
static void test_down(void **state)
{
	static const struct port_case test = { "down", 0, NULL, "10.0.0.5", "239.1.1.3", 64, SHORT,
					       { P2(63) } };
	_Atomic uint64_t *flags = &fixture.tables->interface[1].flags;
	uint64_t before = word_load(flags);

	(void)state;
	word_store(flags, before & ~INTERFACE_UP);
	run(&test);
	word_store(flags, before);
}

/* ---------------------------------------------------------------- IGMP and MLD */

/* IGMPv3 report: to 224.0.0.22, with router alert; IGMPv2 report to its group; without an address. */
#define IGMP3                                                                                      \
	"mac:01005e0000160a0000000009 type:0800 "                                                  \
	"raw:46c00028000040000102f8f30a010105e000001694040000" "2200f9fc00000001040000"              \
	"00ef010101"
#define IGMP2(source, sum)                                                                         \
	"mac:01005e0101010a0000000009 type:0800 "                                                  \
	"raw:4500001c000040000102" sum source "ef01010116" "00f9fdef010101"
/* UDP to the same group as IGMP2 */
#define UDP4                                                                                       \
	"mac:01005e0101090a0000000009 type:0800 "                                                  \
	"raw:4500001c0000400001117fc20a000005ef010109000100020008" "0000"
#define MLD_TO(destination, type)                                                                  \
	"mac:3333000000160a0000000009 type:86dd raw:6000000000240001fe800000000000000000000000000009" \
	destination "3a00050200000000" type "00000000000001"                                       \
	"04000000" "ff0e0000000000000000000000090001"
#define MLD  MLD_TO("ff020000000000000000000000000016", "8f")
#define MLD1 MLD_TO("ff0e0000000000000000000000090001", "83")
#define PIM6                                                                                       \
	"mac:33330000000d0a0000000009 type:86dd raw:6000000000046701fe800000000000000000000000000009" \
	"ff02000000000000000000000000000d20000000"

static const struct bridge_case control[] = {
	{ "IGMPv3", 1, IGMP3, { { 0 } }, 0, PUNT(igmp), 1 },
	{ "IGMPv3 by a tag", 3, "mac:01005e0000160a0000000009 vlan:100 type:0800 "
	  "raw:46c00028000040000102f8f30a010105e0000016940400002200f9fc0000000104000000ef010101",
	  { { 0 } }, 0, PUNT(igmp), ONE_TAG },
	{ "IGMPv2, to its group", 1, IGMP2("0a010105", "7ed8"), { { 0 } }, 0, PUNT(igmp), 1 },
	{ "IGMPv2 from nobody", 1, IGMP2("00000000", "89de"), { { 0 } }, 0, PUNT(igmp), 1 },
	{ "MLDv2", 1, MLD, { { 0 } }, 0, PUNT(mld), 1 },
	{ "MLDv1, to its group", 1, MLD1, { { 0 } }, 0, PUNT(mld), 1 },
	{ "data to the group", 1, UDP4, { { 0 } }, DROP(ip_multicast) },
	{ "PIM is for ourselves", 1, PIM6, { { 0 } }, 0, PUNT(ip_local), 1 },
	/* where nobody is asked */
	{ "IGMPv3 elsewhere", 9, IGMP3, { { 0 } }, 0, PUNT(ip_local), 9 },
	{ "IGMPv2 elsewhere", 9, IGMP2("0a010105", "7ed8"), { { 0 } },
	  DROP(multicast_incoming) },
	{ "IGMPv2 from nobody elsewhere", 9, IGMP2("00000000", "89de"), { { 0 } },
	  DROP(ip_martian) },
	{ "MLDv1 elsewhere", 9, MLD1, { { 0 } }, DROP(multicast_incoming) },
	{ "IGMPv3 by another tag", 3, "mac:01005e0000160a0000000009 qinq:200 vlan:300 type:0800 "
	  "raw:46c00028000040000102f8f30a010105e0000016940400002200f9fc0000000104000000ef010101",
	  { { 0 } }, 0, PUNT(ip_local), TWO_TAGS },
};

static void test_control(void **state)
{
	(void)state;
	BRIDGE_CASES_RUN(control);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_down),
		cmocka_unit_test(test_control),
	};
	return cmocka_run_group_tests_name("stage: multicast ports", tests, start, stage_stop);
}
