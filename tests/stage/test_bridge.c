/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_bridge.c: frames in, port sets with tags out (IEEE 802.1Q, RFC 4541).
 */
#include "tests/stage/bridges.h"

static const uint16_t both[] = { 10, 20, 0 }, twenty[] = { 20, 0 };

/* Port row p has slot p + 1. */
static const struct bridge_seat seats[] = {
	{ 0, 1, 10, NULL, BRIDGE_PORT_LEARNING },   { 1, 2, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 2, 3, 0, both, BRIDGE_PORT_LEARNING },    /* trunk */
	{ 3, 4, 10, twenty, BRIDGE_PORT_LEARNING }, /* trunk, native 10 */
	{ 4, 5, 20, NULL, BRIDGE_PORT_LEARNING },   { 5, 6, 30, NULL, BRIDGE_PORT_ISOLATED },
	{ 6, 7, 30, NULL, BRIDGE_PORT_ISOLATED },   { 7, 8, 30, NULL, 0 },
	{ 8, 9, 40, NULL, BRIDGE_PORT_HORIZON },    { 9, 10, 40, NULL, BRIDGE_PORT_HORIZON },
};
enum { SEATS = sizeof(seats) / sizeof(seats[0]) };

static void remake(uint64_t flags, uint32_t rule)
{
	bridge_make(1, seats, SEATS, 10, BRIDGE_LEARNING | flags, rule);
}

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	remake(0, 0);
	fdb_entry_add(1, 10, "0a0000000001", 1, 2, ORIGIN_LEARNED);
	fdb_entry_add(1, 10, "0a0000000002", 2, 3, ORIGIN_LEARNED);
	fdb_entry_add(1, 20, "0a0000000003", 3, 4, ORIGIN_STATIC);
	fdb_entry_add(1, 20, "0a0000000004", 4, 5, ORIGIN_LEARNED);
	fdb_entry_add(1, 10, "0a00000000ff", 1, 7, ORIGIN_LEARNED); /* slot of another interface */
	fdb_entry_add(1, 10, "0a00000000fe", 4, 5, ORIGIN_LEARNED); /* port is not in the VLAN */
	return 0;
}

#define SOURCE    "0a0000000009"
#define BODY      " type:9000 fill:60"
#define TO(mac)   "mac:" mac SOURCE
#define BROADCAST "ffffffffffff"

static const struct bridge_case unicast_cases[] = {
	{ "access to access", 0, TO("0a0000000001") BODY, { { 1, TO("0a0000000001") BODY } } },
	{ "access to trunk: tag put on",
	  0,
	  TO("0a0000000002") BODY,
	  { { 2, TO("0a0000000002") " vlan:10" BODY } } },
	{ "trunk to access: tag taken off",
	  2,
	  TO("0a0000000001") " vlan:10" BODY,
	  { { 1, TO("0a0000000001") BODY } } },
	{ "trunk to trunk: the tag as it is",
	  2,
	  TO("0a0000000003") " vlan:40980" BODY,
	  { { 3, TO("0a0000000003") " vlan:40980" BODY } } },
	{ "priority tag on an access port",
	  0,
	  TO("0a0000000002") " vlan:40960" BODY,
	  { { 2, TO("0a0000000002") " vlan:40970" BODY } } },
	{ "priority tag taken off",
	  0,
	  TO("0a0000000001") " vlan:40960" BODY,
	  { { 1, TO("0a0000000001") BODY } } },
	{ "access port takes its own VLAN's tag",
	  0,
	  TO("0a0000000001") " vlan:10" BODY,
	  { { 1, TO("0a0000000001") BODY } } },
	{ "access port, another VLAN's tag",
	  0,
	  TO("0a0000000004") " vlan:20" BODY,
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "trunk without native VLAN, no tag",
	  2,
	  TO("0a0000000001") BODY,
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "VLAN 4095",
	  2,
	  TO("0a0000000001") " vlan:4095" BODY,
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "VLAN that nobody has",
	  2,
	  TO("0a0000000001") " vlan:99" BODY,
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "tag cut off",
	  2,
	  TO("0a0000000001") " type:8100 raw:00",
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "inner tags pass (802.1ad)",
	  0,
	  TO("0a0000000002") " qinq:77 vlan:78" BODY,
	  { { 2, TO("0a0000000002") " vlan:10 qinq:77 vlan:78" BODY } } },
	{ "second tag behind the VLAN's passes",
	  2,
	  TO("0a0000000001") " vlan:10 vlan:78" BODY,
	  { { 1, TO("0a0000000001") " vlan:78" BODY } } },
	{ "back to where it came from",
	  1,
	  TO("0a0000000001") BODY,
	  { { 0, NULL } },
	  DROP(bridge_same_port) },
	{ "runt", 0, "raw:0a00000000010a00000000", { { 0, NULL } }, DROP(runt_frame) },
	{ "the shortest frame",
	  0,
	  TO("0a0000000001") " type:9000",
	  { { 1, TO("0a0000000001") " type:9000" } } },
	{ "multicast source",
	  0,
	  "mac:0a00000000010b0000000009" BODY,
	  { { 0, NULL } },
	  DROP(bridge_source) },
	{ "zero source",
	  0,
	  "mac:0a0000000001000000000000" BODY,
	  { { 0, NULL } },
	  DROP(bridge_source) },
	{ "our own address as source",
	  0,
	  "mac:0a000000000102000000b001" BODY,
	  { { 0, NULL } },
	  DROP(bridge_source) },
	{ "spanning tree",
	  0,
	  TO("0180c2000000") " type:0026 fill:60",
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "the last reserved address",
	  0,
	  TO("0180c200000f") BODY,
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "longer than the egress MTU",
	  0,
	  TO("0a0000000001") " type:9000 fill:1501",
	  { { 0, NULL } },
	  DROP(bridge_no_port) },
	{ "as long as the egress MTU, tagged",
	  0,
	  TO("0a0000000002") " type:9000 fill:1500",
	  { { 2, TO("0a0000000002") " vlan:10 type:9000 fill:1500" } } },
};

#define FLOODED(mac)                                                                               \
	{                                                                                          \
		{ 1, TO(mac) BODY }, { 2, TO(mac) " vlan:10" BODY },                               \
		{                                                                                  \
			3, TO(mac) BODY                                                            \
		}                                                                                  \
	}

static const struct bridge_case flood_cases[] = {
	{ "unknown unicast", 0, TO("0a0000000077") BODY, FLOODED("0a0000000077") },
	{ "known in another VLAN only", 0, TO("0a0000000003") BODY, FLOODED("0a0000000003") },
	{ "entry whose slot is another's now", 0, TO("0a00000000ff") BODY,
	  FLOODED("0a00000000ff") },
	{ "entry whose port left the VLAN", 0, TO("0a00000000fe") BODY, FLOODED("0a00000000fe") },
	{ "from a trunk",
	  2,
	  TO("0a0000000077") " vlan:10" BODY,
	  { { 0, TO("0a0000000077") BODY },
	    { 1, TO("0a0000000077") BODY },
	    { 3, TO("0a0000000077") BODY } } },
	{ "two trunks and an access port",
	  3,
	  TO("0a0000000077") " vlan:20" BODY,
	  { { 2, TO("0a0000000077") " vlan:20" BODY }, { 4, TO("0a0000000077") BODY } } },
	/* our own interface gets it too, and drops it */
	{ "multicast that is no IP", 0, TO("0180c2000010") BODY, FLOODED("0180c2000010"),
	  DROP(unknown_ethertype) },
	{ "isolated ports get nothing of each other",
	  5,
	  TO("0a0000000077") BODY,
	  { { 7, TO("0a0000000077") BODY } } },
	{ "others reach isolated ports",
	  7,
	  TO("0a0000000077") BODY,
	  { { 5, TO("0a0000000077") BODY }, { 6, TO("0a0000000077") BODY } } },
	{ "split horizon", 8, TO("0a0000000077") BODY, { { 0, NULL } }, DROP(bridge_no_port) },
};

/* A broadcast goes to the bridge's own interface too, as do frames to its address. */
static const struct bridge_case own_cases[] = {
	{ "ARP request",
	  0,
	  TO(BROADCAST) " type:0806 fill:46",
	  { { 1, TO(BROADCAST) " type:0806 fill:46" },
	    { 2, TO(BROADCAST) " vlan:10 type:0806 fill:46" },
	    { 3, TO(BROADCAST) " type:0806 fill:46" } },
	  0,
	  PUNT(arp),
	  OWN_ROW },
	{ "ARP to us",
	  0,
	  TO("02000000b001") " type:0806 fill:46",
	  { { 0, NULL } },
	  0,
	  PUNT(arp),
	  OWN_ROW },
	{ "ARP to us with a tag",
	  2,
	  TO("02000000b001") " vlan:10 type:0806 fill:46",
	  { { 0, NULL } },
	  0,
	  PUNT(arp),
	  OWN_ROW },
	{ "broadcast in a VLAN that we are not in",
	  4,
	  TO(BROADCAST) BODY,
	  { { 2, TO(BROADCAST) " vlan:20" BODY }, { 3, TO(BROADCAST) " vlan:20" BODY } } },
	{ "our address in another VLAN is nobody's",
	  4,
	  TO("02000000b001") BODY,
	  { { 2, TO("02000000b001") " vlan:20" BODY },
	    { 3, TO("02000000b001") " vlan:20" BODY } } },
	{ "labelled, for us",
	  0,
	  TO("02000000b001") " mpls 100/5/64 ip4/7",
	  { { 9, "out:9/1 mpls 200/5/63 ip4/7" } } },
	{ "to us, of no kind that we know",
	  0,
	  TO("02000000b001") BODY,
	  { { 0, NULL } },
	  DROP(unknown_ethertype) },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		BRIDGE_CASES_RUN(name##_cases);                                                    \
	}
RUNS(unicast)
RUNS(flood)

static void test_own(void **state)
{
	(void)state;
	route(100, LABEL_SWAP, 200, via(9, 1, NO_LABELS), 0);
	BRIDGE_CASES_RUN(own_cases);
}

static void test_unknown_dropped(void **state)
{
	static const struct bridge_case cases[] = {
		{ "unknown unicast, not flooded",
		  0,
		  TO("0a0000000077") BODY,
		  { { 0, NULL } },
		  DROP(bridge_unknown_unicast) },
		{ "known unicast goes on",
		  0,
		  TO("0a0000000001") BODY,
		  { { 1, TO("0a0000000001") BODY } } },
		{ "multicast goes on", 0, TO("0180c2000010") BODY, FLOODED("0180c2000010"),
		  DROP(unknown_ethertype) },
	};
	(void)state;
	remake(BRIDGE_DROP_UNKNOWN, 0);
	BRIDGE_CASES_RUN(cases);
	remake(0, 0);
}

/* ---------------------------------------------------------------- multicast */

#define GROUP_MAC "01005e010101"
#define IP_GROUP(address, protocol, body)                                                          \
	" type:0800 raw:45000028000000000a" protocol "00000a000009" address body
#define DATA4(address)        TO(GROUP_MAC) IP_GROUP(address, "11", " fill:20")
#define DATA4_TAGGED(address) TO(GROUP_MAC) " vlan:10" IP_GROUP(address, "11", " fill:20")
#define EVERYBODY(frame, tagged)                                                                   \
	{                                                                                          \
		{ 1, frame }, { 2, tagged },                                                       \
		{                                                                                  \
			3, frame                                                                   \
		}                                                                                  \
	}
#define SOURCE6      "fe800000000000000000000000000009"
#define DATA6(group) TO("333300000101") " type:86dd raw:6000000000141140" SOURCE6 group " fill:20"
#define DATA6_TAGGED(group)                                                                        \
	TO("333300000101") " vlan:10 type:86dd raw:6000000000141140" SOURCE6 group " fill:20"
#define UNKNOWN_TYPE        " raw:9900000000000000 fill:12"
#define IGMP(body)          TO(GROUP_MAC) IP_GROUP("ef010101", "02", body)
#define IGMP_TAGGED(body)   TO(GROUP_MAC) " vlan:10" IP_GROUP("ef010101", "02", body)
#define FRAGMENT            " type:0800 raw:45000028000000050a0200000a000009ef010101" " raw:16 fill:19"
#define IGMP_FRAGMENT       TO(GROUP_MAC) FRAGMENT
#define IGMP_FRAGMENT_TAGGED TO(GROUP_MAC) " vlan:10" FRAGMENT
#define MLD(group, type)                                                                           \
	TO("333300000101")                                                                         \
	" type:86dd raw:60000000001c0001" SOURCE6 group "3a00050200000100" type "000000 fill:16"

static const struct bridge_case group_cases[] = {
	{ "members of any source, and routers",
	  0,
	  DATA4("ef010101"),
	  { { 1, DATA4("ef010101") }, { 3, DATA4("ef010101") } } },
	{ "the ingress port gets no copy of its own",
	  1,
	  DATA4("ef010101"),
	  { { 3, DATA4("ef010101") } } },
	{ "this source's members",
	  0,
	  DATA4("ef010102"),
	  { { 2, DATA4_TAGGED("ef010102") }, { 3, DATA4("ef010102") } } },
	{ "other sources of a group with sources alone: unregistered",
	  0,
	  TO(GROUP_MAC) " type:0800 raw:45000028000000000a1100000a000008ef010103 fill:20",
	  { { 3,
	      TO(GROUP_MAC) " type:0800 raw:45000028000000000a1100000a000008ef010103 fill:20" } } },
	{ "its source",
	  0,
	  DATA4("ef010103"),
	  { { 1, DATA4("ef010103") }, { 3, DATA4("ef010103") } } },
	{ "unregistered: to routers alone", 0, DATA4("ef0101ff"), { { 3, DATA4("ef0101ff") } } },
	{ "224.0.0.0/24 to everybody", 0, DATA4("e0000042"),
	  EVERYBODY(DATA4("e0000042"), DATA4_TAGGED("e0000042")), DROP(ip_checksum) /* we too */ },
	{ "IPv6 group",
	  0,
	  DATA6("ff050000000000000000000000010001"),
	  { { 1, DATA6("ff050000000000000000000000010001") } } },
	{ "unregistered IPv6, no routers",
	  0,
	  DATA6("ff050000000000000000000000010002"),
	  { { 0, NULL } },
	  DROP(bridge_no_port) },
	{ "IGMP report",
	  0,
	  TO(GROUP_MAC) IP_GROUP("ef010101", "02", " raw:1600000000000000 fill:12"),
	  { { 0, NULL } },
	  0,
	  PUNT(igmp),
	  0 },
	{ "IGMP of an unknown type, whatever its group (RFC 4541 2.1.1)", 0, IGMP(UNKNOWN_TYPE),
	  EVERYBODY(IGMP(UNKNOWN_TYPE), IGMP_TAGGED(UNKNOWN_TYPE)) },
	{ "a later fragment of IGMP, whose type nobody sees", 0, IGMP_FRAGMENT,
	  EVERYBODY(IGMP_FRAGMENT, IGMP_FRAGMENT_TAGGED) },
	{ "PIM",
	  0,
	  TO("01005e00000d") IP_GROUP("e000000d", "67", " raw:20000000 fill:16"),
	  { { 0, NULL } },
	  0,
	  PUNT(pim),
	  0 },
	{ "MLD report",
	  0,
	  MLD("ff020000000000000000000000000016", "8f"),
	  { { 0, NULL } },
	  0,
	  PUNT(mld),
	  0 },
	{ "neighbour solicitation goes to everybody", 0,
	  MLD("ff0200000000000000000001ff000009", "87"),
	  EVERYBODY(MLD("ff0200000000000000000001ff000009", "87"),
		    TO("333300000101") " vlan:10 type:86dd raw:60000000001c0001" SOURCE6
				       "ff0200000000000000000001ff000009"
				       "3a00050200000100"
				       "87"
				       "000000 fill:16"),
	  0, PUNT(ip_local), OWN_ROW },
	{ "of an address like ours that a host has joined: we too",
	  0,
	  MLD("ff0200000000000000000001ff00000a", "87"),
	  { { 1, MLD("ff0200000000000000000001ff00000a", "87") } },
	  0,
	  PUNT(ip_local),
	  OWN_ROW },
	{ "IPv4 header cut off: to everybody", 0, TO(GROUP_MAC) " type:0800 raw:4500002800",
	  EVERYBODY(TO(GROUP_MAC) " type:0800 raw:4500002800",
		    TO(GROUP_MAC) " vlan:10 type:0800 raw:4500002800"),
	  DROP(ip_invalid) },
};

static void test_groups(void **state)
{
	static const unsigned int one[] = { 2 }, tagged[] = { 3 }, router[] = { 4 };

	(void)state;
	remake(0, DOMAIN_SNOOPING | DOMAIN_ENFORCED |
			  UNREGISTERED_ROUTERS << DOMAIN_UNREGISTERED_SHIFT |
			  (DOMAIN_ENFORCED | UNREGISTERED_ROUTERS << DOMAIN_UNREGISTERED_SHIFT)
				  << DOMAIN_FAMILY_BITS);
	bridge_routers(1, 10, BRIDGE_IPV4, router, 1);
	group_add_entry(1, 10, "239.1.1.1", NULL, 0, one, 1);
	group_add_entry(1, 10, "239.1.1.2", NULL, GROUP_SOURCES, one, 1);
	group_add_entry(1, 10, "239.1.1.2", "10.0.0.9", 0, tagged, 1);
	group_add_entry(1, 10, "239.1.1.3", NULL, GROUP_SOURCES | GROUP_ABSENT, NULL, 0);
	group_add_entry(1, 10, "239.1.1.3", "10.0.0.9", 0, one, 1);
	group_add_entry(1, 10, "ff05::1:1", NULL, 0, one, 1);
	group_add_entry(1, 10, "ff02::1:ff00:a", NULL, 0, one, 1);
	BRIDGE_CASES_RUN(group_cases);
	remake(0, 0);
}

static void test_unregistered(void **state)
{
	static const struct bridge_case dropped[] = {
		{ "unregistered: dropped",
		  0,
		  DATA4("ef0101ff"),
		  { { 0, NULL } },
		  DROP(bridge_unregistered) },
	};
	static const struct bridge_case flooded[] = {
		{ "unregistered: flooded, not to us", 0, DATA4("ef0101ff"),
		  EVERYBODY(DATA4("ef0101ff"), DATA4_TAGGED("ef0101ff")) },
	};
	static const struct bridge_case starved[] = {
		{ "without a querier registered groups are flooded too", 0, DATA4("ef010101"),
		  EVERYBODY(DATA4("ef010101"), DATA4_TAGGED("ef010101")) },
	};
	(void)state;
	remake(0,
	       DOMAIN_SNOOPING | DOMAIN_ENFORCED | UNREGISTERED_DROP << DOMAIN_UNREGISTERED_SHIFT);
	BRIDGE_CASES_RUN(dropped);
	remake(0, DOMAIN_SNOOPING | DOMAIN_ENFORCED);
	BRIDGE_CASES_RUN(flooded);
	remake(0, DOMAIN_SNOOPING | UNREGISTERED_DROP << DOMAIN_UNREGISTERED_SHIFT);
	BRIDGE_CASES_RUN(starved);
	remake(0, 0);
}

/* ---------------------------------------------------------------- ports and buffers */

/* A port that is down gets no copy, which is counted there; the others get theirs. */
static void test_port_down(void **state)
{
	static const struct bridge_case cases[] = {
		{ "one of three", 0, TO("0a0000000077") BODY,
		  { { 2, TO("0a0000000077") " vlan:10" BODY }, { 3, TO("0a0000000077") BODY } } },
		{ "the only one", 0, TO("0a0000000001") BODY, { { 0, NULL } }, DROP(bridge_no_port) },
	};
	uint64_t lost = counter_read(&fixture.worker->interface[1].copies_failed);

	(void)state;
	atomic_store(&fixture.state->port_live[1], 0);
	BRIDGE_CASES_RUN(cases);
	atomic_store(&fixture.state->port_live[1], 1);
	assert_int_equal(counter_read(&fixture.worker->interface[1].copies_failed), lost + 2);
}

/* Out of the bridge's own interface: routed packets and what the control plane sends. */
static void test_from_own(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rewrite rewrite = {
		.header_length = 14, .port = PORT_VIRTUAL, .interface = OWN_ROW, .mtu = 1500
	};
	uint32_t nexthop;

	(void)state;
	memcpy(rewrite.header + 10, "\x0a\0\0\0\0\x02\x02\0\0\0\xb0\x01\x88\x47", 14);
	assert_int_equal(nexthop_add(fixture.nexthops, NEXTHOP_FORWARD, &rewrite, &nexthop), 0);
	fixture_label(&fixture, 0, 300, label_entry(LABEL_SWAP, 301, nexthop, 0));
	word_store(&fixture.tables->interface[9].features, 0); /* routed */
	account_take(&before);
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, "eth:9 mpls 300/5/64 ip4/7"));
	worker_process(fixture.worker, 9, &mbuf, 1);
	assert_int_equal(fixture.worker->transmit.count[2], 1);
	size_t length =
		frame_build(frame, "mac:0a000000000202000000b001 vlan:10 mpls 301/5/63 ip4/7");
	mbuf = fixture.worker->transmit.mbuf[2][0];
	assert_int_equal(mbuf->pkt_len, length);
	assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *), frame, length);
	assert_true(account_balanced(&before, 1));
	transmit_take();
	remake(0, 0);
}

/* Buffers run out: what was copied is sent, what could not be is counted where it is missing. */
static void test_no_buffers(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, TO("0a0000000077") BODY));

	(void)state;
	account_take(&before);
	buffers_take(0);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(fixture.worker->transmit.count[1], 1);
	assert_int_equal(fixture.worker->transmit.count[2], 0);
	assert_int_equal(fixture.worker->transmit.count[3], 1);
	assert_int_equal(counter_read(&fixture.worker->interface[2].copies_failed), 1);
	assert_true(account_balanced(&before, 2));
	transmit_take();
	buffers_give();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unicast),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_unknown_dropped),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_unregistered),
		cmocka_unit_test(test_port_down),
		cmocka_unit_test(test_from_own),
		cmocka_unit_test(test_no_buffers),
	};
	return cmocka_run_group_tests_name("stage: bridge", tests, start, stage_stop);
}
