/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_special.c: labels 0 to 15 (RFC 3032 2.1, RFC 4182, RFC 5586, RFC 3429, RFC 6790, RFC 7274), at
 * the top, below a pop, and at the bottom.
 */
#include "tests/stage/case.h"

static int start(void **state)
{
	int result = stage_start(state);
	uint8_t mac[6];

	if (result != 0)
		return result;
	fixture_mac(2, mac);
	fixture_port(&fixture, 2, mac, INTERFACE_MPLS | 9ull << INTERFACE_VRF_SHIFT);
	fixture_mac(3, mac);
	fixture_port(&fixture, 3, mac, INTERFACE_MPLS | 5ull << INTERFACE_SPACE_SHIFT);
	fixture_label(&fixture, 5, 100, 0);
	route(100, LABEL_SWAP, 200, via(1, 1, NO_LABELS), 0);
	route(500, LABEL_POP, 0, via(1, 1, NO_LABELS), 0);
	route(510, LABEL_POP_LABEL, 0, 0, 0);
	route(511, LABEL_POP_LABEL, 0, 0, LABEL_TTL_PIPE);
	route(512, LABEL_POP_LABEL, 0, 0, LABEL_TC_UNIFORM);
	route(520, LABEL_POP_IP, 0, 7, 0);
	route(521, LABEL_POP_IP, 0, 7, LABEL_TTL_PIPE);
	route(530, LABEL_POP_BRIDGE, 0, 1, 0);
	return 0;
}

static const struct stage_case explicit_null_cases[] = {
	{ "0 at the bottom: IPv4 in the ingress VRF", "eth mpls 0/5/64 ip4/200",
	  AT_IP(0, "ip4/63") },
	{ "0 at the bottom, another VRF", "eth:2 mpls 0/5/64 ip4/20", AT_IP(9, "ip4/20"), 2 },
	{ "2 at the bottom: IPv6", "eth:2 mpls 2/5/64 ip6/200", AT_IP(9, "ip6/63"), 2 },
	{ "0 with IPv6 below", "eth mpls 0/5/64 ip6/200", DROPPED(mpls_payload_unknown) },
	{ "2 with IPv4 below", "eth mpls 2/5/64 ip4/200", DROPPED(mpls_payload_unknown) },
	{ "0 with a control word below", "eth mpls 0/5/64 raw:00000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "2 with nothing below", "eth mpls 2/5/64", DROPPED(mpls_payload_unknown) },
	{ "for ourselves: TTL 1 is not checked", "eth mpls 0/5/1 ip4/200", AT_IP(0, "ip4/0") },
	{ "0 above a label: that one is looked up", "eth mpls 0/5/64 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "2 above a label (RFC 4182)", "eth mpls 2/5/64 100/1/9 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/9 ip4/7") },
	{ "0 above a label, TTL 1", "eth mpls 0/5/1 100/1/9 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "0 below a pop", "eth mpls 510/5/64 0/1/64 ip4/200", AT_IP(0, "ip4/63") },
	{ "0, 2 and 0 above a label", "eth mpls 0/5/64 2/1/64 0/1/63 100/1/64 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "0 in another label space", "eth:3 mpls 0/5/64 ip4/200", AT_IP(0, "ip4/63"), 3 },
	{ "0 in another space above a label: platform space", "eth:3 mpls 0/5/64 100/1/9 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/9 ip4/7"), 3 },
};

static const struct stage_case punted_cases[] = {
	{ "router alert", "eth mpls 1/5/64 100/1/9 ip4/7", PUNTED(mpls_router_alert) },
	{ "router alert, TTL 1", "eth mpls 1/5/1 100/1/9 ip4/7", PUNTED(mpls_router_alert) },
	{ "router alert at the bottom", "eth mpls 1/5/64 ip4/7", PUNTED(mpls_router_alert) },
	{ "router alert below a pop: as it arrived", "eth mpls 510/5/64 1/5/64 100/1/9 ip4/7",
	  PUNTED(mpls_router_alert) },
	{ "GAL at the bottom (RFC 5586)", "eth mpls 13/5/1 raw:10000007 fill:20",
	  PUNTED(mpls_oam) },
	{ "GAL below a pop", "eth mpls 510/5/64 13/5/1 raw:10000007 fill:20", PUNTED(mpls_oam) },
	{ "OAM alert (RFC 3429)", "eth mpls 14/5/1 raw:01000000 fill:40", PUNTED(mpls_oam_alert) },
	{ "OAM alert below a pop", "eth mpls 510/5/64 14/5/1 fill:40", PUNTED(mpls_oam_alert) },
};

static const struct stage_case reserved_cases[] = {
	{ "label 3 on the wire", "eth mpls 3/5/64 100/1/9 ip4/7", DROPPED(mpls_implicit_null) },
	{ "label 3 at the bottom", "eth mpls 3/5/64 ip4/7", DROPPED(mpls_implicit_null) },
	{ "label 3 below a pop", "eth mpls 510/5/64 3/5/64 ip4/7", DROPPED(mpls_implicit_null) },
	{ "label 4", "eth mpls 4/5/64 100/1/9 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 5", "eth mpls 5/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 6", "eth mpls 6/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 8", "eth mpls 8/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 9", "eth mpls 9/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 10", "eth mpls 10/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 11", "eth mpls 11/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 12", "eth mpls 12/5/64 100/1/9 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 4 below a pop", "eth mpls 510/5/64 4/5/64 ip4/7", DROPPED(mpls_reserved_label) },
	{ "label 4, TTL 1: no ICMP for rubbish", "eth mpls 4/5/1 ip4/7",
	  DROPPED(mpls_reserved_label) },
	{ "label 4 in a space", "eth:3 mpls 4/5/64 ip4/7", DROPPED(mpls_reserved_label), 3 },
	{ "extension with an undefined label", "eth mpls 15/5/64 16/1/9 100/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension with explicit null: not that one", "eth mpls 15/5/64 0/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension with router alert: not that one", "eth mpls 15/5/64 1/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension with a large one", "eth mpls 15/5/64 1048575/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension at the bottom: no label behind it", "eth mpls 15/5/64 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension twice", "eth mpls 15/5/64 15/1/9 100/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "extension below a pop", "eth mpls 510/5/64 15/5/64 20/1/9 ip4/7",
	  DROPPED(mpls_extended_label) },
};

static const struct stage_case entropy_cases[] = {
	{ "pair on top, a label below: TTL of the indicator counts (RFC 6790 4.2)",
	  "eth mpls 7/5/64 77777/0/0 100/1/200 ip4/7", SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "pair on top, TTL 1", "eth mpls 7/5/1 77777/0/0 100/1/200 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "pair on top, smaller TTL below", "eth mpls 7/5/64 77777/0/0 100/1/20 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/20 ip4/7") },
	{ "the entropy label may look like anything, 100 or 3",
	  "eth mpls 7/5/64 3/7/255 100/1/20 ip4/7", SENT(1, "out:1/1 mpls 200/1/20 ip4/7") },
	{ "nothing but a pair: IP for ourselves", "eth:2 mpls 7/5/64 77777/0/0 ip4/200",
	  AT_IP(9, "ip4/63"), 2 },
	{ "nothing but a pair, no IP", "eth mpls 7/5/64 77777/0/0 raw:00000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "pair below a pop", "eth mpls 510/5/64 7/5/64 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "pair below a pop: its TTL says nothing",
	  "eth mpls 510/5/64 7/5/0 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "pair below a pop, pipe: the TTL of the label behind it",
	  "eth mpls 511/5/9 7/5/9 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/199 ip4/7") },
	{ "pair below a pop, tc uniform: into the label behind it",
	  "eth mpls 512/5/64 7/5/64 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/5/63 ip4/7") },
	{ "pair below a pop, and nothing behind it: IP for ourselves",
	  "eth:2 mpls 510/5/64 7/5/64 77777/0/0 ip4/200", AT_IP(9, "ip4/63"), 2 },
	{ "the same, pipe", "eth:2 mpls 511/5/64 7/5/64 77777/0/0 ip4/200", AT_IP(9, "ip4/200"),
	  2 },
	{ "two pairs", "eth mpls 510/5/64 7/5/64 7/0/0 7/5/64 88888/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "pop ip with a pair at the bottom", "eth mpls 520/5/64 7/5/64 77777/0/0 ip4/200",
	  AT_IP(7, "ip4/63") },
	{ "pop ip, pipe, with a pair at the bottom", "eth mpls 521/5/64 7/5/64 77777/0/0 ip4/200",
	  AT_IP(7, "ip4/200") },
	{ "pop ip with a pair and a label below",
	  "eth mpls 520/5/64 7/5/64 77777/0/0 100/1/9 ip4/200", DROPPED(mpls_not_bottom) },
	{ "pop bridge with a pair at the bottom", "eth mpls 530/5/64 7/5/64 77777/0/0 fill:64",
	  DROPPED(bridge_unknown) },
	{ "swap above a pair: it stays", "eth mpls 100/5/64 7/5/64 77777/0/0 ip4/7",
	  SENT(1, "out:1/1 mpls 200/5/63 7/5/64 77777/0/0 ip4/7") },
	{ "indicator at the bottom: its label is missing", "eth mpls 7/5/64 ip4/7",
	  DROPPED(mpls_no_label_below) },
	{ "indicator at the bottom below a pop", "eth mpls 510/5/64 7/5/64 ip4/7",
	  DROPPED(mpls_no_label_below) },
	{ "pop ip with an indicator alone below", "eth mpls 520/5/64 7/5/64 ip4/7",
	  DROPPED(mpls_not_bottom) },
	{ "extension and 7 (RFC 7274 3.1)", "eth mpls 15/5/64 7/0/0 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "extension and 7 below a pop", "eth mpls 510/5/64 15/5/0 7/0/0 77777/0/0 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "extension and 7 below pop ip", "eth mpls 520/5/64 15/5/0 7/0/0 77777/0/0 ip4/200",
	  AT_IP(7, "ip4/63") },
	{ "extension and 7 at the bottom", "eth mpls 15/5/64 7/0/0 ip4/7",
	  DROPPED(mpls_extended_label) },
	{ "pair in another space: what is below is the platform's",
	  "eth:3 mpls 7/5/64 77777/0/0 100/1/200 ip4/7", SENT(1, "out:1/1 mpls 200/1/63 ip4/7"),
	  3 },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(explicit_null)
RUNS(punted)
RUNS(reserved)
RUNS(entropy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explicit_null),
		cmocka_unit_test(test_punted),
		cmocka_unit_test(test_reserved),
		cmocka_unit_test(test_entropy),
	};
	return cmocka_run_group_tests_name("stage: special labels", tests, start, stage_stop);
}
