/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_filter.c: filters in the data plane: where they are bound, and what becomes of the packet. Every
 * packet is UDP from 192.0.2.9 port 0 or so (frame.h); port P's filter is told by its name.
 */
#include <rte_ether.h>
#include "dataplane/shm/lpm.h"
#include "tests/stage/filters.h"

enum { PERMIT_PORT, DENY_PORT, POLICE_PORT, TYPE_PORT, PLAIN_PORT, METER_PORT, LOCAL_PORT };

static int start(void **state)
{
	uint8_t any[16] = { 0 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	filters_start();
	uint32_t leaf = route_leaf(ROUTE_NEXTHOP, via(8, 8, NO_LABELS));
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
		assert_int_equal(
			lpm_insert(fixture_trie(&fixture, 0, family, false), any, 0, leaf), 0);
	bind_in(PERMIT_PORT, PERMIT);
	bind_in(DENY_PORT, DENY);
	bind_in(POLICE_PORT, POLICE);
	bind_in(TYPE_PORT, ETHERTYPE_DENY);
	route(500, LABEL_SWAP, 501, via(8, 8, NO_LABELS), 0);
	route(510, LABEL_POP_IP, 0, 0, 0);
	return 0;
}

static int stop(void **state)
{
	filters_stop();
	return stage_stop(state);
}

#define FROM(port_)   .port = (port_)
#define SENT_ON(text) SENT(8, "out:8/8 " text)

static const struct stage_case in_cases[] = {
	{ "permitted, IPv4", "eth ip4/64", SENT_ON("ip4/63") },
	{ "permitted, IPv6", "eth ip6/64", SENT_ON("ip6/63") },
	{ "denied, IPv4", "eth:1 ip4/64", DROPPED(filter_in), FROM(DENY_PORT) },
	{ "denied, IPv6", "eth:1 ip6/64", DROPPED(filter_in), FROM(DENY_PORT) },
	{ "no filter", "eth:4 ip4/64", SENT_ON("ip4/63"), FROM(PLAIN_PORT) },
	{ "default deny is about IP: a label passes", "eth:1 mpls 500/0/64 ip4/64",
	  SENT(8, "out:8/8 mpls 501/0/63 ip4/64"), FROM(DENY_PORT) },
	{ "an Ethertype that is denied", "eth:3 mpls 500/0/64 ip4/64", DROPPED(filter_in),
	  FROM(TYPE_PORT) },
	{ "and IP beside it is not", "eth:3 ip4/64", SENT_ON("ip4/63"), FROM(TYPE_PORT) },
	{ "police: within the burst", "eth:2 ip4/64", SENT_ON("ip4/63"), FROM(POLICE_PORT) },
	{ "police: above it", "eth:2 ip4/64", DROPPED(filter_policed), FROM(POLICE_PORT) },
	{ "ARP passes", "dst:ffffffffffff type:0806 fill:28", PUNTED(arp), FROM(DENY_PORT) },
};

static void test_in(void **state)
{
	(void)state;
	CASES_RUN(in_cases);
}

/* A byte a second fills no bucket again: two frames of 54 bytes fit into 120. */
#define METER(name, frame, end) { name, "eth:5 " frame, end, FROM(METER_PORT) }
#define GREEN(name)             METER(name, "ip4/64/b9", SENT_ON("ip4/63/b9"))
#define RED                     METER("above both", "ip4/64/b9", DROPPED(filter_policed))

static const struct stage_case single_rate[] = {
	GREEN("within the committed burst"), GREEN("and the second one"),
	GREEN("yellow, within the excess burst"), GREEN("and the second one of these"),
	RED, RED,
};
static const struct stage_case single_denied[] = {
	GREEN("within the committed burst"), GREEN("and the second one"),
	METER("yellow is denied", "ip4/64/b9", DROPPED(filter_exceeded)),
	METER("and the second one", "ip4/64/b9", DROPPED(filter_exceeded)), RED,
};
static const struct stage_case two_rates[] = {
	GREEN("within the committed burst"), GREEN("and the second one"),
	METER("above it, within the peak's: DSCP 10, ECN stays", "ip4/64/b9", SENT_ON("ip4/63/29")),
	METER("above both", "ip4/64/b9", DROPPED(filter_policed)),
};
static const struct stage_case two_rates_ipv6[] = {
	METER("IPv6, within the committed burst", "ip6/64/b9", SENT_ON("ip6/63/b9")),
	METER("IPv6, yellow: DSCP 10, ECN stays", "ip6/64/b9", SENT_ON("ip6/63/29")),
	METER("IPv6, above both", "ip6/64/b9", DROPPED(filter_policed)),
};

/* Each is another rule under the same number: its buckets are full again. */
static void test_colours(void **state)
{
	struct filter_rule_spec rates = { .rate = 1, .burst = 120, .excess = 120,
					  .exceed = FILTER_EXCEED_PERMIT };

	(void)state;
	filters_meter(&rates);
	bind_in(METER_PORT, METERED);
	CASES_RUN(single_rate);
	rates.excess = 121;
	rates.exceed = FILTER_EXCEED_DENY;
	filters_meter(&rates);
	CASES_RUN(single_denied);
	rates.peak = 1;
	rates.excess = 180;
	rates.exceed = 10;
	filters_meter(&rates);
	CASES_RUN(two_rates);
	rates.excess = 181; /* two of 74 bytes */
	filters_meter(&rates);
	CASES_RUN(two_rates_ipv6);
}

/* Which rule decides is not asked: UDP passes by this filter. */
#define IP4(total, fragment, protocol)                                                             \
	"eth type:0800 raw:4500" total "0000" fragment "40" protocol "0000c00002090a090807"
#define IP6(length, next, hops, destination)                                                       \
	" type:86dd raw:60000000" length next hops "20010db8000000000000000000000009" destination
#define SOMEBODY "20010db8000000000000000000000007"
#define OPTIONS  "3c00010400000000" /* and then more of them */

static const struct stage_case hidden[] = {
	{ "a first fragment with 4 bytes of its UDP header: RFC 1858",
	  IP4("0018", "2000", "11") "00350035", DROPPED(tiny_fragment) },
	{ "and one with 16 bytes of its TCP header: RFC 1858",
	  IP4("0024", "2000", "06") "00350035000000000000000000000000", DROPPED(tiny_fragment) },
	{ "one that would be put over the flags: RFC 3128",
	  IP4("001c", "0001", "06") "0000000000000000", DROPPED(tiny_fragment) },
	{ "a first fragment that ends in its extension headers: RFC 7112",
	  "eth" IP6("0008", "2c", "40", SOMEBODY) "3c00000100000007", DROPPED(tiny_fragment) },
	{ "a whole packet that ends in its UDP header", IP4("0018", "0000", "11") "00350035",
	  DROPPED(filter_truncated) },
	{ "nine extension headers",
	  "eth" IP6("0050", "3c", "40", SOMEBODY)
		  OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS OPTIONS
	  "1100010400000000"
	  "0035003500080000",
	  DROPPED(filter_headers) },
};

static void test_hidden(void **state)
{
	(void)state;
	CASES_RUN(hidden);
}

#define ALL_NODES    "ff020000000000000000000000000001"
#define SOLICITATION "8700000000000000fe800000000000000000000000000007"

static const struct stage_case neighbours[] = {
	{ "neighbour solicitation passes",
	  "dst:333300000001" IP6("0018", "3a", "ff", ALL_NODES) SOLICITATION, PUNTED(nd),
	  FROM(DENY_PORT) },
	{ "not one that may have been routed",
	  "dst:333300000001" IP6("0018", "3a", "fe", ALL_NODES) SOLICITATION, DROPPED(filter_in),
	  FROM(DENY_PORT) },
	{ "nor an echo request",
	  "dst:333300000001" IP6("0018", "3a", "ff",
				 ALL_NODES) "8000000000000000fe800000000000000000000000000007",
	  DROPPED(filter_in), FROM(DENY_PORT) },
};

static void test_neighbours(void **state)
{
	(void)state;
	CASES_RUN(neighbours);
}

static const struct stage_case popped[] = {
	{ "out of a label", "eth:4 mpls 510/0/64 ip4/64", DROPPED(filter_in), FROM(PLAIN_PORT) },
	{ "IPv6 out of a label", "eth:4 mpls 510/0/64 ip6/64", DROPPED(filter_in),
	  FROM(PLAIN_PORT) },
};

static const struct stage_case denied_out[] = {
	{ "leaves by a filtered interface", "eth:4 ip4/64", DROPPED(filter_out), FROM(PLAIN_PORT) },
};
static const struct stage_case denied_vrf[] = {
	{ "looked up in a filtered VRF", "eth:4 ip4/64", DROPPED(filter_in), FROM(PLAIN_PORT) },
};

static void test_out(void **state)
{
	(void)state;
	bind_out(8, DENY);
	CASES_RUN(denied_out);
	bind_out(8, 0);
	cases_run(&in_cases[4], 1);
}

static void test_vrf(void **state)
{
	(void)state;
	word_store(&fixture.tables->filter_vrf[0], DENY);
	word_store(&fixture.tables->filter_vrfs, 1);
	CASES_RUN(denied_vrf);
	CASES_RUN(popped);
	word_store(&fixture.tables->filter_vrf[0], 0);
	word_store(&fixture.tables->filter_vrfs, 0);
}

static const struct stage_case denied_local[] = {
	{ "for ourselves", "eth:4 ip4/64", DROPPED(filter_local), FROM(PLAIN_PORT) },
};
static const struct stage_case local[] = {
	{ "for ourselves, unfiltered", "eth:4 ip4/64", PUNTED(ip_local), FROM(PLAIN_PORT) },
};

static void test_local(void **state)
{
	static const uint8_t ours[4] = { 10, 9, 8, 7 };
	struct lpm *trie = fixture.trie[0][ROUTE_IPV4];

	(void)state;
	assert_int_equal(lpm_insert(trie, ours, 32, route_leaf(ROUTE_LOCAL, LOCAL_PORT)), 0);
	CASES_RUN(local);
	word_store(&fixture.tables->filter_local, DENY);
	CASES_RUN(denied_local);
	word_store(&fixture.tables->filter_local, 0);
	assert_int_equal(lpm_remove(trie, ours, 32), 0);
}

static void test_counters(void **state)
{
	const struct traffic_counter *rule = &fixture.state->filter[0][PERMIT][1];
	uint64_t before = counter_read(&rule->packets), bytes = counter_read(&rule->bytes);

	(void)state;
	cases_run(in_cases, 2);
	assert_int_equal(counter_read(&rule->packets), before + 2);
	assert_int_equal(counter_read(&rule->bytes), bytes + 54 + 74);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in),         cmocka_unit_test(test_out),
		cmocka_unit_test(test_vrf),        cmocka_unit_test(test_local),
		cmocka_unit_test(test_counters),   cmocka_unit_test(test_hidden),
		cmocka_unit_test(test_neighbours), cmocka_unit_test(test_colours),
	};
	return cmocka_run_group_tests_name("stage: filter", tests, start, stop);
}
