/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_filter_inner.c: filters of what tunnels carry, of what bridges pass on, and of what ends in a tunnel
 * of ours. PERMIT lets UDP pass, which is what ip4 and ip6 are (frame.h), and DENY no IP.
 */
#include "tests/stage/bridges.h"
#include "tests/stage/filters.h"
#include "tests/stage/tunnels.h"

enum { GRE, IPIP, INTO };

static void make(unsigned int number, enum tunnel_mode mode, unsigned int remote, uint64_t features)
{
	struct tunnel tunnel = tunnel_of(mode, true, remote, TUNNEL_TTL_FIXED, 0);

	tunnel.ttl = 33;
	tunnel_make(number, &tunnel, INTERFACE_MPLS, features);
}

static int start(void **state)
{
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	filters_start();
	make(GRE, TUNNEL_GRE, 2, 0);
	make(IPIP, TUNNEL_IPIP, 2, 0);
	make(INTO, TUNNEL_GRE, 3, 0);
	route(520, LABEL_SWAP, 521, via(1, 1, NO_LABELS), 0);
	route(600, LABEL_POP, 0, fixture_nexthop_tunnel(&fixture, T(INTO), NO_LABELS), 0);
	return 0;
}

static int stop(void **state)
{
	filters_stop();
	return stage_stop(state);
}

#define IN(number) .tunnel = T(number)
#define OUT4       SENT(1, "out:1/1 ip4/63/b8")
#define OUT6       SENT(1, "out:1/1 ip6/63/b8")

/* ---------------------------------------------------------------- out of tunnels */

static const struct stage_case carried[] = {
	{ "IPv4", "eth outer4:2>1 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "IPv6", "eth outer4:2>1 gre ip6/64/b8", OUT6, IN(GRE) },
	{ "a tunnel inside", "eth outer4:2>1 gre outer4:2>1 ip4/64/b8", OUT4, IN(IPIP) },
	{ "a label", "eth outer4:2>1 gre mpls 520/3/64 ip4/64",
	  SENT(1, "out:1/1 mpls 521/3/63 ip4/64"), IN(GRE) },
};
static const struct stage_case carried_denied[] = {
	{ "IPv4", "eth outer4:2>1 gre ip4/64/b8", DROPPED(filter_in), IN(GRE) },
	{ "IPv6", "eth outer4:2>1 gre ip6/64/b8", DROPPED(filter_in), IN(GRE) },
	{ "a tunnel inside", "eth outer4:2>1 gre outer4:2>1 ip4/64/b8", DROPPED(filter_in),
	  IN(GRE) },
	{ "default deny is about IP", "eth outer4:2>1 gre mpls 520/3/64 ip4/64",
	  SENT(1, "out:1/1 mpls 521/3/63 ip4/64"), IN(GRE) },
	{ "another tunnel", "eth outer4:2>1 ip4/64/b8", OUT4, IN(IPIP) },
};
/* UDP, and what is inside of IP in IP is another protocol */
static const struct stage_case carried_udp[] = {
	{ "UDP", "eth outer4:2>1 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "IP in IP", "eth outer4:2>1 gre outer4:2>1 ip4/64/b8", DROPPED(filter_in), IN(GRE) },
};
static const struct stage_case carried_label[] = {
	{ "an Ethertype that is denied", "eth outer4:2>1 gre mpls 520/3/64 ip4/64",
	  DROPPED(filter_in), IN(GRE) },
	{ "and IP beside it is not", "eth outer4:2>1 gre ip4/64/b8", OUT4, IN(GRE) },
};

static void test_tunnel_in(void **state)
{
	(void)state;
	CASES_RUN(carried);
	bind_in(T(GRE), DENY);
	CASES_RUN(carried_denied);
	bind_in(T(GRE), PERMIT);
	CASES_RUN(carried_udp);
	bind_in(T(GRE), ETHERTYPE_DENY);
	CASES_RUN(carried_label);
	bind_in(T(GRE), 0);
	CASES_RUN(carried);
}

/* The outer packet came in by port 0; the inner one did not. */
static void test_outer_in(void **state)
{
	static const struct stage_case denied[] = {
		{ "outer", "eth outer4:2>1 gre ip4/64/b8", DROPPED(filter_in) },
	};

	(void)state;
	bind_in(0, PERMIT);
	CASES_RUN(denied);
	bind_in(0, 0);
}

/* ---------------------------------------------------------------- into tunnels */

#define INTO_FRAME "eth mpls 600/0/64 ip4/90/b8"
#define INTO_SENT  "out:2/2 outer4:1>3/33/b8/0/1111 gre ip4/63/b8"

static const struct stage_case into[] = { { "into a tunnel", INTO_FRAME, SENT(2, INTO_SENT) } };
static const struct stage_case into_denied[] = { { "into a tunnel", INTO_FRAME,
						   DROPPED(filter_out) } };

static void into_run(unsigned int interface, uint32_t number, const struct stage_case *test)
{
	bind_out(interface, number);
	fixture.worker->datagram = 0x1111;
	cases_run(test, 1);
	bind_out(interface, 0);
}

/* By the tunnel the inner packet leaves, by the port the outer one: GRE, which PERMIT denies. */
static void test_tunnel_out(void **state)
{
	(void)state;
	into_run(T(INTO), 0, into);
	into_run(T(INTO), PERMIT, into);
	into_run(T(INTO), DENY, into_denied);
	into_run(2, PERMIT, into_denied);
}

/* ---------------------------------------------------------------- our own tunnels */

static const struct stage_case closed[] = {
	{ "GRE to us", "eth outer4:2>1 gre ip4/64/b8", DROPPED(filter_local) },
	{ "IP in IP to us", "eth outer4:2>1 ip4/64/b8", DROPPED(filter_local) },
	{ "labels in GRE to us", "eth outer4:2>1 gre mpls 520/3/64 ip4/64", DROPPED(filter_local) },
	{ "transit", "eth outer4:2>9 gre ip4/64/b8",
	  SENT(2, "out:2/2 outer4:2>9/63 gre ip4/64/b8") },
	{ "of no tunnel", "eth outer4:9>1 ip4/64/b8", DROPPED(tunnel_unknown) },
};

static void test_tunnel_local(void **state)
{
	(void)state;
	word_store(&fixture.tables->filter_local, PERMIT);
	CASES_RUN(closed);
	word_store(&fixture.tables->filter_local, ETHERTYPE_DENY);
	CASES_RUN(carried);
	word_store(&fixture.tables->filter_local, 0);
	CASES_RUN(carried);
}

/* ---------------------------------------------------------------- bridges */

#define TO(mac) "mac:" mac "0a0000000009"
#define KNOWN   "0a0000000001"
#define UNKNOWN "0a0000000077"
#define NEIGHBOUR                                                                                  \
	" type:86dd "                                                                              \
	"raw:6000000000183aff20010db800000000000000000000000520010db8000000000000000000000006"     \
	"870000000000000020010db8000000000000000000000006"

#define PASSES(text)                                                                               \
	{                                                                                          \
		6, TO(KNOWN) text                                                                  \
	}

static const struct bridge_case permitted_cases[] = {
	{ "IPv4", 5, TO(KNOWN) " ip4/64", { PASSES(" ip4/64") } },
	{ "IPv6", 5, TO(KNOWN) " ip6/64", { PASSES(" ip6/64") } },
	{ "tagged", 5, TO(KNOWN) " vlan:10 ip4/64", { PASSES(" ip4/64") } },
	{ "ARP", 5, TO(KNOWN) " type:0806 fill:46", { PASSES(" type:0806 fill:46") } },
	{ "neighbour discovery", 5, TO(KNOWN) NEIGHBOUR, { PASSES(NEIGHBOUR) } },
	{ "another Ethertype",
	  5,
	  TO(KNOWN) " type:9000 fill:46",
	  { PASSES(" type:9000 fill:46") } },
	{ "flooded",
	  5,
	  TO(UNKNOWN) " ip4/64",
	  { { 6, TO(UNKNOWN) " ip4/64" }, { 7, TO(UNKNOWN) " vlan:10 ip4/64" } } },
};
/* `how` they are dropped */
#define DENIED_CASES(how)                                                                          \
	{ "IPv4", 5, TO(KNOWN) " ip4/64", { { 0, NULL } }, DROP(how) },                            \
		{ "IPv6", 5, TO(KNOWN) " ip6/64", { { 0, NULL } }, DROP(how) },                    \
		{ "tagged", 5, TO(KNOWN) " vlan:10 ip4/64", { { 0, NULL } }, DROP(how) },          \
		{ "below a second tag",                                                            \
		  5,                                                                               \
		  TO(KNOWN) " vlan:10 vlan:9 ip4/64",                                              \
		  { { 0, NULL } },                                                                 \
		  DROP(how) },                                                                     \
		{ "below an 802.1ad tag",                                                          \
		  5,                                                                               \
		  TO(KNOWN) " qinq:9 vlan:9 ip6/64",                                               \
		  { { 0, NULL } },                                                                 \
		  DROP(how) },                                                                     \
		{ "ARP", 5, TO(KNOWN) " type:0806 fill:46", { PASSES(" type:0806 fill:46") } },    \
		{ "neighbour discovery", 5, TO(KNOWN) NEIGHBOUR, { PASSES(NEIGHBOUR) } },          \
	{                                                                                          \
		"another Ethertype", 5, TO(KNOWN) " type:9000 fill:46",                            \
		{                                                                                  \
			PASSES(" type:9000 fill:46")                                               \
		}                                                                                  \
	}

static const struct bridge_case denied_in_cases[] = {
	DENIED_CASES(filter_in),
	{ "flooded", 5, TO(UNKNOWN) " ip4/64", { { 0, NULL } }, DROP(filter_in) },
	{ "by another port",
	  6,
	  TO(UNKNOWN) " ip4/64",
	  { { 5, TO(UNKNOWN) " ip4/64" }, { 7, TO(UNKNOWN) " vlan:10 ip4/64" } } },
	{ "a tag and nothing behind it",
	  5,
	  TO(KNOWN) " vlan:10 type:8100",
	  { PASSES(" type:8100") } },
	{ "nothing behind the Ethertype", 5, TO(KNOWN) " type:0800", { PASSES(" type:0800") } },
};
static const struct bridge_case denied_out_cases[] = {
	DENIED_CASES(filter_out),
	{ "flooded: the others get it",
	  5,
	  TO(UNKNOWN) " ip4/64",
	  { { 7, TO(UNKNOWN) " vlan:10 ip4/64" } },
	  DROP(filter_out) },
};
static const struct bridge_case denied_type_cases[] = {
	{ "labels", 5, TO(KNOWN) " mpls 520/0/64 ip4/64", { { 0, NULL } }, DROP(filter_in) },
	{ "IPv4", 5, TO(KNOWN) " ip4/64", { PASSES(" ip4/64") } },
};

static void make_bridge(void)
{
	static const uint16_t ten[] = { 10, 0 };
	static const struct bridge_seat seats[] = { { 5, 6, 10, NULL, 0 },
						    { 6, 7, 10, NULL, 0 },
						    { 7, 8, 0, ten, 0 } };

	bridge_make(1, seats, sizeof(seats) / sizeof(seats[0]), 10, 0, 0);
	fdb_entry_add(1, 10, KNOWN, 6, 7, ORIGIN_STATIC);
}

static void test_bridge(void **state)
{
	(void)state;
	make_bridge();
	BRIDGE_CASES_RUN(permitted_cases);
	bind_in(5, PERMIT);
	BRIDGE_CASES_RUN(permitted_cases);
	bind_in(5, DENY);
	BRIDGE_CASES_RUN(denied_in_cases);
	bind_in(5, ETHERTYPE_DENY);
	BRIDGE_CASES_RUN(denied_type_cases);
	bind_in(5, 0);
	bind_out(6, PERMIT);
	BRIDGE_CASES_RUN(permitted_cases);
	bind_out(6, DENY);
	BRIDGE_CASES_RUN(denied_out_cases);
	bind_out(6, 0);
	BRIDGE_CASES_RUN(permitted_cases);
}

/* What may not come in teaches nothing: the control plane hears of no address. */
static void test_learning(void **state)
{
	static const struct bridge_seat seats[] = { { 5, 6, 10, NULL, BRIDGE_PORT_LEARNING },
						    { 6, 7, 10, NULL, 0 } };
	static const struct bridge_case denied = {
		"denied", 5, "mac:0a00000000010a0000000055 ip4/64", { { 0, NULL } }, DROP(filter_in)
	};
	static const struct bridge_case permitted = {
		"permitted",
		5,
		"mac:0a00000000010a0000000055 ip4/64",
		{ { 6, "mac:0a00000000010a0000000055 ip4/64" } }
	};
	const struct learn_producer *learn = &fixture.state->learn[0];
	uint64_t before = atomic_load(&learn->tail);

	(void)state;
	bridge_make(1, seats, 2, 10, BRIDGE_LEARNING, 0);
	bind_in(5, DENY);
	bridge_cases_run(&denied, 1);
	assert_int_equal(atomic_load(&learn->tail), before);
	bind_in(5, 0);
	bridge_cases_run(&permitted, 1);
	assert_int_equal(atomic_load(&learn->tail), before + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tunnel_in),  cmocka_unit_test(test_outer_in),
		cmocka_unit_test(test_tunnel_out), cmocka_unit_test(test_tunnel_local),
		cmocka_unit_test(test_bridge),     cmocka_unit_test(test_learning),
	};

	return cmocka_run_group_tests_name("stage: filter of what is inside", tests, start, stop);
}
