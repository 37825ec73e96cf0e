/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_classify.c: whose frame is it? Destination address, VLAN tags, Ethertype, label space; and frames
 * that are cut off anywhere before the label stack (RFC 5332, IEEE 802.1Q).
 */
#include <stdio.h>

#include "tests/stage/case.h"

enum {
	OTHER_SPACE = 3, /* port whose labels are in space 5 */
	NO_MPLS = 4,     /* ports with something about them */
	DOWN = 5,
	UPSTREAM = 6, /* 0x8848 in space 8 */
	NO_MAC = 7,
	ONE_TAG = 64, /* VLAN subinterfaces of port 0 */
	TWO_TAGS = 65,
	TAGGED_NO_MPLS = 66,
	TAGGED_DOWN = 67,
	GONE = 68, /* the VLAN table names it, but its row is not valid */
};

static void port_flags(unsigned int port, uint64_t flags)
{
	uint8_t mac[6];
	fixture_mac(port, mac);
	fixture_port(&fixture, port, mac, flags);
}

static void clear_flags(unsigned int interface, uint64_t flags)
{
	_Atomic uint64_t *word = &fixture.tables->interface[interface].flags;
	word_store(word, word_load(word) & ~flags);
}

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	port_flags(OTHER_SPACE, INTERFACE_MPLS | 5ull << INTERFACE_SPACE_SHIFT);
	port_flags(NO_MPLS, 0);
	clear_flags(DOWN, INTERFACE_UP);
	port_flags(UPSTREAM, INTERFACE_MPLS | 8ull << INTERFACE_UPSTREAM_SHIFT);
	word_store(&fixture.tables->interface[NO_MAC].mac, 0);
	fixture_vlan(&fixture, ONE_TAG, 0, 100, 0, INTERFACE_MPLS);
	fixture_vlan(&fixture, TWO_TAGS, 0, 200, 300,
		     INTERFACE_MPLS | 5ull << INTERFACE_SPACE_SHIFT);
	fixture_vlan(&fixture, TAGGED_NO_MPLS, 0, 101, 0, 0);
	fixture_vlan(&fixture, TAGGED_DOWN, 0, 102, 0, INTERFACE_MPLS);
	clear_flags(TAGGED_DOWN, INTERFACE_UP);
	fixture_vlan(&fixture, GONE, 0, 103, 0, INTERFACE_MPLS);
	clear_flags(GONE, INTERFACE_VALID);

	uint32_t plain = via(1, 1, NO_LABELS);
	route(100, LABEL_SWAP, 200, plain, 0);
	fixture_label(&fixture, 5, 100, label_entry(LABEL_SWAP, 205, plain, 0));
	fixture_label(&fixture, 5, 510, label_entry(LABEL_POP_LABEL, 0, 0, 0));
	fixture_label(&fixture, 8, 100, label_entry(LABEL_SWAP, 208, plain, 0));
	fixture_label(&fixture, 8, 500, label_entry(LABEL_POP, 0, plain, 0));
	route(110, LABEL_SWAP, 210, via(ONE_TAG, 2, NO_LABELS), 0);
	route(111, LABEL_SWAP, 211, via(TWO_TAGS, 3, LABELS(300)), 0);
	route(112, LABEL_POP, 0, via(ONE_TAG, 2, NO_LABELS), 0);
	route(113, LABEL_POP, 0, via(TWO_TAGS, 4, NO_LABELS), 0);
	return 0;
}

#define LABELLED "100/5/64 ip4/7"
#define SWAPPED  SENT(1, "out:1/1 mpls 200/5/63 ip4/7")

static const struct stage_case address_cases[] = {
	{ "ours", "eth mpls " LABELLED, SWAPPED },
	{ "another's", "dst:020000000009 mpls " LABELLED, DROPPED(not_for_us) },
	{ "ours but for the last byte", "dst:020000000001 mpls " LABELLED, DROPPED(not_for_us) },
	{ "ours but for the first byte", "dst:040000000000 mpls " LABELLED, DROPPED(not_for_us) },
	{ "broadcast", "dst:ffffffffffff mpls " LABELLED, DROPPED(not_for_us) },
	{ "MPLS multicast (RFC 5332 4), lowest", "dst:01005e800000 mpls " LABELLED, SWAPPED },
	{ "MPLS multicast, highest", "dst:01005e8fffff mpls " LABELLED, SWAPPED },
	{ "IP multicast", "dst:01005e7fffff mpls " LABELLED, DROPPED(not_for_us) },
	{ "behind MPLS multicast", "dst:01005e900000 mpls " LABELLED, DROPPED(not_for_us) },
	{ "almost MPLS multicast", "dst:01005f800000 mpls " LABELLED, DROPPED(not_for_us) },
	{ "almost MPLS multicast", "dst:03005e800000 mpls " LABELLED, DROPPED(not_for_us) },
	{ "IPv6 multicast", "dst:333300000001 mpls " LABELLED, DROPPED(not_for_us) },
	{ "all zero, port without an address", "dst:000000000000 mpls " LABELLED,
	  DROPPED(not_for_us), NO_MAC },
	{ "MPLS multicast on a port without an address", "dst:01005e800064 mpls " LABELLED, SWAPPED,
	  NO_MAC },
};

static const struct stage_case interface_cases[] = {
	{ "port without mpls", "eth:4 mpls " LABELLED, DROPPED(mpls_disabled), NO_MPLS },
	{ "port without mpls, 0x8848", "eth:4 upstream " LABELLED, DROPPED(mpls_disabled),
	  NO_MPLS },
	{ "port that is down", "eth:5 mpls " LABELLED, DROPPED(interface_down), DOWN },
	{ "port that is down, IP", "eth:5 ip4/7", DROPPED(interface_down), DOWN },
	{ "port that is down, anything", "eth:5 type:9000 fill:46", DROPPED(interface_down), DOWN },
	{ "another label space", "eth:3 mpls " LABELLED, SENT(1, "out:1/1 mpls 205/5/63 ip4/7"),
	  OTHER_SPACE },
	{ "a label that only the platform has", "eth:3 mpls 110/5/64 ip4/7",
	  DROPPED(mpls_unknown_label), OTHER_SPACE },
	{ "what a pop exposes is the platform's", "eth:3 mpls 510/5/64 100/5/63 ip4/7", SWAPPED,
	  OTHER_SPACE },
	{ "upstream label without a context space (RFC 5332)", "eth upstream " LABELLED,
	  DROPPED(mpls_upstream_label) },
	{ "upstream label by multicast without a context space",
	  "dst:01005e800064 upstream " LABELLED, DROPPED(mpls_upstream_label) },
	{ "upstream label in its space; we send 0x8847", "eth:6 upstream " LABELLED,
	  SENT(1, "out:1/1 mpls 208/5/63 ip4/7"), UPSTREAM },
	{ "upstream label by multicast", "dst:01005e800064 upstream " LABELLED,
	  SENT(1, "out:1/1 mpls 208/5/63 ip4/7"), UPSTREAM },
	{ "upstream label that is not there", "eth:6 upstream 110/5/64 ip4/7",
	  DROPPED(mpls_unknown_label), UPSTREAM },
	{ "0x8847 on the same port: platform space", "eth:6 mpls " LABELLED, SWAPPED, UPSTREAM },
	{ "upstream label, popped to IP", "eth:6 upstream 500/5/64 ip4/99",
	  SENT(1, "out:1/1 ip4/63"), UPSTREAM },
	{ "upstream label for another address", "dst:020000000009 upstream " LABELLED,
	  DROPPED(not_for_us), UPSTREAM },
	{ "upstream, cut off", "eth:6 upstream raw:000644", DROPPED(mpls_truncated), UPSTREAM },
};

static const struct stage_case vlan_cases[] = {
	{ "one tag", "eth vlan:100 mpls " LABELLED, SWAPPED, 0, ONE_TAG },
	{ "one tag with priority and DEI bits", "eth vlan:61540 mpls " LABELLED, SWAPPED, 0,
	  ONE_TAG },
	{ "one tag of type 0x88a8", "eth qinq:100 mpls " LABELLED, SWAPPED, 0, ONE_TAG },
	{ "two tags, another label space", "eth qinq:200 vlan:300 mpls " LABELLED,
	  SENT(1, "out:1/1 mpls 205/5/63 ip4/7"), 0, TWO_TAGS },
	{ "two tags, both 0x8100", "eth vlan:200 vlan:300 mpls " LABELLED,
	  SENT(1, "out:1/1 mpls 205/5/63 ip4/7"), 0, TWO_TAGS },
	{ "two tags, another destination", "dst:020000000009 qinq:200 vlan:300 mpls " LABELLED,
	  DROPPED(not_for_us), 0, TWO_TAGS },
	{ "priority tag: the port itself (IEEE 802.1Q 6.9)", "eth vlan:0 mpls " LABELLED, SWAPPED },
	{ "priority tag with its bits", "eth vlan:57344 mpls " LABELLED, SWAPPED },
	{ "unknown tag", "eth vlan:99 mpls " LABELLED, DROPPED(unknown_vlan) },
	{ "outer tag alone of a pair", "eth vlan:200 mpls " LABELLED, DROPPED(unknown_vlan) },
	{ "second tag unknown", "eth qinq:200 vlan:301 mpls " LABELLED, DROPPED(unknown_vlan) },
	{ "second tag where one is expected", "eth vlan:100 vlan:300 mpls " LABELLED,
	  DROPPED(unknown_vlan) },
	{ "three tags", "eth qinq:200 vlan:300 vlan:1 mpls " LABELLED, DROPPED(unknown_ethertype),
	  0, TWO_TAGS },
	{ "tag of another port", "eth:1 vlan:100 mpls " LABELLED, DROPPED(unknown_vlan), 1 },
	{ "subinterface without mpls", "eth vlan:101 mpls " LABELLED, DROPPED(mpls_disabled), 0,
	  TAGGED_NO_MPLS },
	{ "subinterface that is down", "eth vlan:102 mpls " LABELLED, DROPPED(interface_down), 0,
	  TAGGED_DOWN },
	{ "subinterface on its way out", "eth vlan:103 mpls " LABELLED, DROPPED(interface_down), 0,
	  GONE },
	{ "tagged MPLS multicast", "dst:01005e800064 vlan:100 mpls " LABELLED, SWAPPED, 0,
	  ONE_TAG },
	{ "cut off in the first tag", "eth vlan:100", DROPPED(runt_frame) },
	{ "cut off in the second tag", "eth qinq:200 type:8100 raw:01", DROPPED(runt_frame) },
	{ "a tag that is unknown and nothing behind it", "eth vlan:99 mpls",
	  DROPPED(unknown_vlan) },
	{ "nothing behind the tag", "eth vlan:100 mpls", DROPPED(mpls_truncated), 0, ONE_TAG },
	{ "nothing behind two tags", "eth qinq:200 vlan:300 mpls raw:0006", DROPPED(mpls_truncated),
	  0, TWO_TAGS },
	{ "TTL exceeded: the stack begins behind the tag", "eth vlan:100 mpls 100/5/1 ip4/7",
	  PUNTED_AT(mpls_ttl_exceeded, 18), 0, ONE_TAG },
	{ "router alert behind two tags", "eth qinq:200 vlan:300 mpls 1/5/1 ip4/7",
	  PUNTED_AT(mpls_router_alert, 22), 0, TWO_TAGS },
};

static const struct stage_case tagged_out_cases[] = {
	{ "out with one tag", "eth mpls 110/5/64 ip4/7",
	  SENT_BY(0, ONE_TAG, "out:0/2 vlan:100 mpls 210/5/63 ip4/7") },
	{ "out with two tags and a push", "eth mpls 111/5/64 ip4/7",
	  SENT_BY(0, TWO_TAGS, "out:0/3 qinq:200 vlan:300 mpls 300/5/63 211/5/63 ip4/7") },
	{ "IP out with one tag", "eth mpls 112/5/64 ip4/7",
	  SENT_BY(0, ONE_TAG, "out:0/2 vlan:100 ip4/7") },
	{ "IPv6 out with two tags", "eth mpls 113/5/64 ip6/7",
	  SENT_BY(0, TWO_TAGS, "out:0/4 qinq:200 vlan:300 ip6/7") },
	{ "one tag to two", "eth vlan:100 mpls 113/5/64 77/1/1 ip6/7",
	  SENT_BY(0, TWO_TAGS, "out:0/4 qinq:200 vlan:300 mpls 77/1/1 ip6/7"), 0, ONE_TAG },
	{ "two tags to one", "eth qinq:200 vlan:300 mpls 510/5/64 110/5/64 ip6/7",
	  SENT_BY(0, ONE_TAG, "out:0/2 vlan:100 mpls 210/5/63 ip6/7"), 0, TWO_TAGS },
};

static const struct stage_case type_cases[] = {
	{ "some Ethertype", "eth type:9000 fill:46", DROPPED(unknown_ethertype) },
	{ "a length (802.3)", "eth type:002e fill:46", DROPPED(unknown_ethertype) },
	{ "almost MPLS", "eth type:8849 100/5/64 ip4/7", DROPPED(unknown_ethertype) },
	{ "IPv4 for us", "eth ip4/7", AT_IP(0, "ip4/7") },
	{ "IPv4 for somebody else", "dst:020000000009 ip4/7", DROPPED(not_for_us) },
	{ "unicast IPv4 in a multicast frame (RFC 1812 5.3.4)", "dst:01005e000001 ip4/7",
	  DROPPED(ip_martian) },
	{ "IPv4 that is not", "eth type:0800 raw:60000000 fill:60", DROPPED(ip_invalid) },
	{ "IPv4 cut off", "eth type:0800 raw:45000014", DROPPED(ip_invalid) },
	{ "IPv4 with a header length of 16", "eth type:0800 raw:44000028 fill:60",
	  DROPPED(ip_invalid) },
	{ "IPv4 with nothing", "eth type:0800", DROPPED(ip_invalid) },
	{ "IPv6 with nothing", "eth type:86dd", DROPPED(ip_invalid) },
	{ "IPv6 cut off", "eth type:86dd raw:60000000 fill:35", DROPPED(ip_invalid) },
	{ "ARP broadcast", "dst:ffffffffffff type:0806 fill:28", PUNTED(arp) },
	{ "ARP to us", "eth type:0806 fill:28", PUNTED(arp) },
	{ "ARP to somebody else", "dst:020000000009 type:0806 fill:28", DROPPED(not_for_us) },
	{ "ARP of nothing", "eth type:0806", PUNTED(arp) },
	{ "ARP behind a tag", "dst:ffffffffffff vlan:100 type:0806 fill:28", PUNTED_AT(arp, 18), 0,
	  ONE_TAG },
	{ "neighbour solicitation",
	  "dst:3333ff000001 type:86dd raw:6000000000183aff fill:32 raw:87000000 fill:20",
	  PUNTED(nd) },
	{ "neighbour solicitation that was routed",
	  "eth type:86dd raw:6000000000183afe fill:32 raw:87000000 fill:20", PUNTED(ip_no_route) },
	{ "echo request", "eth type:86dd raw:6000000000183aff fill:32 raw:80000000 fill:20",
	  PUNTED(ip_no_route) },
	{ "neighbour discovery out of a label is not from this link",
	  "eth mpls 2/0/0 raw:6000000000183aff fill:32 raw:87000000 fill:20",
	  PUNTED_AS(ip_no_route, 18,
		    "eth mpls 2/0/0 raw:6000000000183a00 fill:32 raw:87000000 fill:20") },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(address)
RUNS(interface)
RUNS(vlan)
RUNS(tagged_out)
RUNS(type)

/* Neighbour discovery in a pipe: its hop limit is still 255, and it is still not from this link. */
static void test_nd_in_pipe(void **state)
{
	static const struct stage_case cases[] = {
		{ "neighbour solicitation in a pipe",
		  "eth mpls 521/0/64 raw:6000000000183aff fill:32 raw:87000000 fill:20",
		  PUNTED_AT(ip_no_route, 18) },
	};
	(void)state;
	route(521, LABEL_POP_IP, 0, 0, LABEL_TTL_PIPE);
	CASES_RUN(cases);
}

/* Runts: every length from nothing to one byte less than Ethernet and one label. */
static void test_runts(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (unsigned int type = 0; type < 2; type++) {
		const char *text = type == 0 ? "eth mpls 100/5/64" : "eth:6 upstream 100/5/64";
		frame_build(frame, text);
		for (size_t length = 0; length < ETHERNET + 4; length++) {
			struct stage_case runt = { "runt", text, DROPPED(runt_frame),
						   type * UPSTREAM, 0 };
			struct stage_case cut = { "0 to 3 bytes", text, DROPPED(mpls_truncated),
						  type * UPSTREAM, 0 };
			failed += !case_run(length < ETHERNET ? &runt : &cut, frame, length,
					    HEADROOM, 0);
		}
	}
	assert_int_equal(failed, 0);
}

/* A vector of both kinds in turns: the order in which they come is the order in which they go, and no
 * packet gets anything of its neighbour. */
static void test_mixed_vector(void **state)
{
	static const char *const in[] = {
		"eth mpls 100/5/64 ip4/7",
		"eth vlan:100 mpls 100/1/9 ip6/7",
		"eth mpls 99/5/64 ip4/7",
		"eth mpls 100/2/1 ip4/7",
		"dst:020000000009 mpls 100/5/64",
		"eth mpls 100/3/30 ip4/1",
		"eth ip4/7",
		"eth qinq:200 vlan:300 mpls 100/4/40 ip4/7",
	};
	static const char *const out[] = {
		"out:1/1 mpls 200/5/63 ip4/7",
		"out:1/1 mpls 200/1/8 ip6/7",
		"out:1/1 mpls 200/3/29 ip4/1",
		"out:1/1 mpls 205/4/39 ip4/7",
	};
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbufs[VECTOR_SIZE];

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		mbufs[i] = mbuf_of(frame, frame_build(frame, in[i % 8]));
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	assert_int_equal(fixture.worker->transmit.count[1], VECTOR_SIZE / 2);
	for (unsigned int i = 0; i < VECTOR_SIZE / 2; i++) {
		struct rte_mbuf *mbuf = fixture.worker->transmit.mbuf[1][i];
		size_t length = frame_build(frame, out[i % 4]);
		assert_int_equal(mbuf->pkt_len, length);
		assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *), frame, length);
	}
	assert_true(account_balanced(&before, VECTOR_SIZE));
	assert_int_equal(dropped_since(&before, 0, DROP_mpls_unknown_label), 8);
	assert_int_equal(dropped_since(&before, 0, DROP_not_for_us), 8);
	assert_int_equal(punt_take(), 16); /* TTL, and no route */
	transmit_take();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_address), cmocka_unit_test(test_interface),
		cmocka_unit_test(test_vlan),    cmocka_unit_test(test_tagged_out),
		cmocka_unit_test(test_type),    cmocka_unit_test(test_nd_in_pipe),
		cmocka_unit_test(test_runts),   cmocka_unit_test(test_mixed_vector),
	};
	return cmocka_run_group_tests_name("stage: classify", tests, start, stage_stop);
}
