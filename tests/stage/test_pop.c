/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_pop.c: pop to a nexthop, to the next label, to IP; what it does to TTL and traffic class
 * (RFC 3443, RFC 3270 2.6, RFC 5462).
 */
#include <stdio.h>

#include "tests/stage/case.h"

#define UNIFORM 0

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	uint32_t plain = via(1, 1, NO_LABELS);
	uint32_t pushing = via(2, 2, LABELS(301, 302));
	route(100, LABEL_SWAP, 200, plain, 0);
	route(500, LABEL_POP, 0, plain, UNIFORM);
	route(501, LABEL_POP, 0, plain, LABEL_TTL_PIPE);
	route(502, LABEL_POP, 0, plain, LABEL_TC_UNIFORM);
	route(503, LABEL_POP, 0, plain, LABEL_TTL_PIPE | LABEL_TC_UNIFORM);
	route(504, LABEL_POP, 0, plain, LABEL_NO_COUNTERS);
	route(510, LABEL_POP_LABEL, 0, 0, UNIFORM);
	route(511, LABEL_POP_LABEL, 0, 0, LABEL_TTL_PIPE);
	route(512, LABEL_POP_LABEL, 0, 0, LABEL_TC_UNIFORM);
	route(513, LABEL_POP_LABEL, 0, 0, LABEL_TTL_PIPE | LABEL_TC_UNIFORM);
	route(520, LABEL_POP_IP, 0, 7, UNIFORM);
	route(521, LABEL_POP_IP, 0, 255, LABEL_TTL_PIPE);
	route(522, LABEL_POP_IP, 0, 0, LABEL_TC_UNIFORM);
	route(530, LABEL_POP_BRIDGE, 0, 1, 0);
	route(540, LABEL_POP, 0, pushing, UNIFORM);
	route(541, LABEL_POP, 0, pushing, LABEL_TTL_PIPE);
	return 0;
}

static const struct stage_case pop_cases[] = {
	{ "to a label: the smaller TTL, its own TC", "eth mpls 500/5/64 30/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/63 ip4/7") },
	{ "to a label with a smaller TTL: never raised", "eth mpls 500/5/64 30/1/20 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/20 ip4/7") },
	{ "to a label with the same TTL as goes out", "eth mpls 500/5/64 30/1/63 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/63 ip4/7") },
	{ "the exposed label is the bottom or not as it was",
	  "eth mpls 500/5/64 30/1/20 31/2/3 ip4/7", SENT(1, "out:1/1 mpls 30/1/20 31/2/3 ip4/7") },
	{ "pipe: the exposed TTL is left alone", "eth mpls 501/5/64 30/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/200 ip4/7") },
	{ "pipe: even one of 1", "eth mpls 501/5/64 30/1/1 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/1 ip4/7") },
	{ "tc uniform: the popped TC goes down", "eth mpls 502/5/64 30/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 30/5/63 ip4/7") },
	{ "tc uniform, TC 0 goes down too", "eth mpls 502/0/64 30/7/20 ip4/7",
	  SENT(1, "out:1/1 mpls 30/0/20 ip4/7") },
	{ "both models", "eth mpls 503/5/64 30/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 30/5/200 ip4/7") },
	{ "no counters", "eth mpls 504/5/64 30/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 30/1/63 ip4/7") },
	{ "outgoing TTL 0", "eth mpls 500/5/1 30/1/200 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "outgoing TTL 0, pipe: checked as well", "eth mpls 501/5/1 30/1/200 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "incoming TTL 0", "eth mpls 500/5/0 30/1/200 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "exposed TTL 0 must not leave", "eth mpls 500/5/64 30/1/0 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "an entropy pair below stays for the egress (RFC 6790 4.3)",
	  "eth mpls 500/5/64 7/5/200 77777/0/0 ip4/7",
	  SENT(1, "out:1/1 mpls 7/5/63 77777/0/0 ip4/7") },
	{ "explicit null below stays as well", "eth mpls 500/5/64 0/5/9 ip4/7",
	  SENT(1, "out:1/1 mpls 0/5/9 ip4/7") },
};

static const struct stage_case pop_to_ip_cases[] = {
	{ "IPv4: Ethertype, the smaller TTL, the checksum", "eth mpls 500/5/64 ip4/200/b8",
	  SENT(1, "out:1/1 ip4/63/b8") },
	{ "IPv4: never raised", "eth mpls 500/5/64 ip4/7/b8", SENT(1, "out:1/1 ip4/7/b8") },
	{ "IPv6", "eth mpls 500/5/64 ip6/200/b9", SENT(1, "out:1/1 ip6/63/b9") },
	{ "IPv6: never raised", "eth mpls 500/5/64 ip6/1/b9", SENT(1, "out:1/1 ip6/1/b9") },
	{ "IPv4, pipe: left alone", "eth mpls 501/5/64 ip4/200/b8", SENT(1, "out:1/1 ip4/200/b8") },
	{ "IPv6, pipe: left alone", "eth mpls 501/5/64 ip6/255/b9", SENT(1, "out:1/1 ip6/255/b9") },
	{ "IPv4, tc uniform: class selector, ECN kept", "eth mpls 502/5/64 ip4/200/bb",
	  SENT(1, "out:1/1 ip4/63/a3") },
	{ "IPv4, tc uniform, TC 0", "eth mpls 502/0/64 ip4/200/ff", SENT(1, "out:1/1 ip4/63/03") },
	{ "IPv6, tc uniform: class selector, ECN and flow label kept",
	  "eth mpls 502/6/64 ip6/200/bb", SENT(1, "out:1/1 ip6/63/c3") },
	{ "IPv6, tc uniform, TC 7 over 0", "eth mpls 502/7/64 ip6/20/00",
	  SENT(1, "out:1/1 ip6/20/e0") },
	{ "IPv4, both models", "eth mpls 503/3/64 ip4/200/02", SENT(1, "out:1/1 ip4/200/62") },
	{ "outgoing TTL 0", "eth mpls 500/5/1 ip4/200", PUNTED(mpls_ttl_exceeded) },
	{ "outgoing TTL 0, pipe", "eth mpls 501/5/1 ip6/200", PUNTED(mpls_ttl_exceeded) },
	{ "IPv4 TTL 0", "eth mpls 500/5/64 ip4/0", PUNTED(mpls_ttl_exceeded) },
	{ "IPv6 hop limit 0", "eth mpls 500/5/64 ip6/0", PUNTED(mpls_ttl_exceeded) },
	{ "IPv4 TTL 1 is the next node's business", "eth mpls 500/5/64 ip4/1",
	  SENT(1, "out:1/1 ip4/1") },
	{ "first nibble 0: a control word (RFC 4928)", "eth mpls 500/5/64 raw:00000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "first nibble 1", "eth mpls 500/5/64 raw:10000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "first nibble 5", "eth mpls 501/5/64 raw:50000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "first nibble 15", "eth mpls 502/5/64 raw:ff fill:60", DROPPED(mpls_payload_unknown) },
	{ "nothing below", "eth mpls 500/5/64", DROPPED(mpls_payload_unknown) },
	{ "IPv4 header cut short", "eth mpls 500/5/64 raw:4500001400000000400600000a0000010a0000",
	  DROPPED(mpls_payload_unknown) },
	{ "IPv6 header cut short", "eth mpls 500/5/64 raw:60000000 fill:35",
	  DROPPED(mpls_payload_unknown) },
	{ "padding of a short frame stays behind IP", "eth mpls 500/5/64 ip4/9 raw:0000",
	  SENT(1, "out:1/1 ip4/9 raw:0000") },
};

static const struct stage_case push_cases[] = {
	{ "pop and push on the label below", "eth mpls 540/5/64 30/1/200 ip4/7",
	  SENT(2, "out:2/2 mpls 301/5/63 302/5/63 30/1/63 ip4/7") },
	{ "pop and push on IP: the bottom bit is the innermost one's", "eth mpls 540/5/64 ip4/200",
	  SENT(2, "out:2/2 mpls 301/5/63 302/5/63 ip4/63") },
	{ "uniform: the pushed labels have the TTL that the exposed one leaves with",
	  "eth mpls 540/5/64 30/1/20 ip4/7",
	  SENT(2, "out:2/2 mpls 301/5/20 302/5/20 30/1/20 ip4/7") },
	{ "uniform: the same on IP", "eth mpls 540/5/64 ip6/20",
	  SENT(2, "out:2/2 mpls 301/5/20 302/5/20 ip6/20") },
	{ "pipe: 255 outside", "eth mpls 541/5/64 30/1/20 ip4/7",
	  SENT(2, "out:2/2 mpls 301/5/255 302/5/255 30/1/20 ip4/7") },
	{ "pipe: 255 outside IP", "eth mpls 541/5/64 ip4/20",
	  SENT(2, "out:2/2 mpls 301/5/255 302/5/255 ip4/20") },
};

static const struct stage_case chain_cases[] = {
	{ "pop and swap: one decrement", "eth mpls 510/5/64 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 ip4/7") },
	{ "pop and swap: the exposed TTL is smaller, no further decrement",
	  "eth mpls 510/5/64 100/1/20 ip4/7", SENT(1, "out:1/1 mpls 200/1/20 ip4/7") },
	{ "three pops and a swap: still one decrement",
	  "eth mpls 510/5/64 510/4/64 510/3/64 100/1/64 30/0/9 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/63 30/0/9 ip4/7") },
	{ "the smallest of all", "eth mpls 510/5/64 510/4/10 510/3/99 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/10 ip4/7") },
	{ "pipe: the exposed TTL is the incoming one", "eth mpls 511/5/64 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/199 ip4/7") },
	{ "pipe: the outer TTL does not matter to an inner one", "eth mpls 511/5/1 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/199 ip4/7") },
	{ "pipe: the exposed TTL would be 0", "eth mpls 511/5/64 100/1/1 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "uniform, then pipe", "eth mpls 510/5/9 511/4/200 100/1/50 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/49 ip4/7") },
	{ "pipe, then uniform", "eth mpls 511/5/9 510/4/200 100/1/255 ip4/7",
	  SENT(1, "out:1/1 mpls 200/1/199 ip4/7") },
	{ "the outer TTL would be 0", "eth mpls 510/5/1 100/1/200 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "the exposed TTL is 0", "eth mpls 510/5/64 100/1/0 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "tc uniform goes down", "eth mpls 512/5/64 100/1/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/5/63 ip4/7") },
	{ "tc uniform goes down twice", "eth mpls 512/6/64 512/1/64 100/3/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/6/63 ip4/7") },
	{ "tc uniform, then not", "eth mpls 512/6/64 510/1/64 100/3/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/3/63 ip4/7") },
	{ "both models", "eth mpls 513/6/64 100/3/200 ip4/7",
	  SENT(1, "out:1/1 mpls 200/6/199 ip4/7") },
	{ "pop label, then pop to a nexthop", "eth mpls 510/5/64 500/1/60 ip4/99",
	  SENT(1, "out:1/1 ip4/60") },
	{ "tc uniform twice, down to IP", "eth mpls 512/5/64 502/1/60 ip4/99/03",
	  SENT(1, "out:1/1 ip4/60/a3") },
	{ "eight labels, all popped",
	  "eth mpls 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 "
	  "510/0/64 500/0/64 ip4/99",
	  SENT(1, "out:1/1 ip4/63") },
	{ "pop label at the bottom", "eth mpls 510/5/64 ip4/7", DROPPED(mpls_no_label_below) },
	{ "pop label at the bottom, deeper", "eth mpls 510/5/64 511/5/64 ip4/7",
	  DROPPED(mpls_no_label_below) },
	{ "what a pop exposes is unknown", "eth mpls 510/5/64 99/5/64 ip4/7",
	  DROPPED(mpls_unknown_label) },
};

static const struct stage_case ip_cases[] = {
	{ "pop ip: VRF, smaller TTL", "eth mpls 520/5/64 ip4/200/b8", AT_IP(7, "ip4/63/b8") },
	{ "pop ip: never raised", "eth mpls 520/5/64 ip6/9", AT_IP(7, "ip6/9") },
	{ "pop ip: for ourselves, so TTL 1 is no matter here", "eth mpls 520/5/1 ip4/200",
	  AT_IP(7, "ip4/0") },
	{ "pop ip, pipe: left alone", "eth mpls 521/5/1 ip4/200/b8", AT_IP(255, "ip4/200/b8") },
	{ "pop ip, tc uniform", "eth mpls 522/5/64 ip4/200/bb", AT_IP(0, "ip4/63/a3") },
	{ "pop label, then pop ip: one decrement", "eth mpls 510/5/64 520/5/64 ip4/200",
	  AT_IP(7, "ip4/63") },
	{ "pop ip above the bottom", "eth mpls 520/5/64 100/5/64 ip4/200",
	  DROPPED(mpls_not_bottom) },
	{ "pop ip on no IP", "eth mpls 520/5/64 raw:00000000 fill:60",
	  DROPPED(mpls_payload_unknown) },
	{ "pop ip on nothing", "eth mpls 520/5/64", DROPPED(mpls_payload_unknown) },
	{ "pop bridge above the bottom", "eth mpls 530/5/64 100/5/64 ip4/200",
	  DROPPED(mpls_not_bottom) },
	{ "pop bridge: there is none", "eth mpls 530/5/64 fill:64", DROPPED(bridge_unknown) },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(pop)
RUNS(pop_to_ip)
RUNS(push)
RUNS(chain)
RUNS(ip)

/* ---------------------------------------------------------------- every pair of TTLs */

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/* The TTL that leaves by RFC 3443, or 0. `label`: 500, 501 pop; 510, 511 pop and swap. */
static unsigned int leaves_with(unsigned int label, unsigned int outer, unsigned int inner)
{
	unsigned int out = outer == 0 ? 0 : outer - 1;

	switch (label) {
	case 500:
	case 510:
		return least(out, inner);
	case 501:
		return out == 0 ? 0 : inner;
	default:
		return inner == 0 ? 0 : inner - 1;
	}
}

static unsigned int run_pair(unsigned int label, const char *payload, unsigned int outer,
			     unsigned int inner)
{
	static uint8_t frame[FRAME_ROOM];
	char in[128], out[128];
	unsigned int ttl = leaves_with(label, outer, inner);
	bool swapped = label >= 510;
	bool ip = payload[0] == 'i';

	snprintf(in, sizeof(in),
		 ip ? "eth mpls %u/2/%u %s/%u/10" : "eth mpls %u/2/%u %s/1/%u ip4/7", label, outer,
		 payload, inner);
	if (ip)
		snprintf(out, sizeof(out), "out:1/1 %s/%u/10", payload, ttl);
	else
		snprintf(out, sizeof(out), "out:1/1 mpls %u/1/%u ip4/7", swapped ? 200u : 100u,
			 ttl);
	struct stage_case sent = { "every pair of TTLs", in, SENT(1, out), 0, 0 };
	struct stage_case punted = { "every pair of TTLs", in, PUNTED(mpls_ttl_exceeded), 0, 0 };
	bool exceeded = ttl == 0 && !(label == 501 && outer > 1);
	size_t length = frame_build(frame, in);
	return !case_run(exceeded ? &punted : &sent, frame, length, HEADROOM, 0);
}

static void test_every_pair(void **state)
{
	static const unsigned int ttls[] = { 0, 1, 2, 3, 63, 64, 65, 127, 128, 254, 255 };
	enum { COUNT = sizeof(ttls) / sizeof(ttls[0]) };
	unsigned int failed = 0;

	(void)state;
	for (unsigned int i = 0; i < COUNT * COUNT; i++) {
		unsigned int outer = ttls[i / COUNT], inner = ttls[i % COUNT];
		for (unsigned int label = 500; label <= 501; label++) {
			failed += run_pair(label, "100", outer, inner);
			failed += run_pair(label, "ip4", outer, inner);
			failed += run_pair(label, "ip6", outer, inner);
		}
		failed += run_pair(510, "100", outer, inner);
		failed += run_pair(511, "100", outer, inner);
	}
	assert_int_equal(failed, 0);
}

/* RFC 1624: every TTL and TOS, so that the checksum crosses each of its corners. */
static void test_every_checksum(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	char in[128], out[128];
	unsigned int failed = 0;

	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		for (unsigned int ttl = 1; ttl < 256; ttl += 7) {
			snprintf(in, sizeof(in), "eth mpls 502/%u/2 ip4/%u/%x", i & 7, ttl, i);
			snprintf(out, sizeof(out), "out:1/1 ip4/1/%x", (i & 7) << 5 | (i & 3));
			struct stage_case sent = { "every checksum", in, SENT(1, out), 0, 0 };
			size_t length = frame_build(frame, in);
			failed += !case_run(&sent, frame, length, HEADROOM, 0);
		}
	}
	assert_int_equal(failed, 0);
}

/* The same with every identification: each carry that the sum can have. */
static void test_every_carry(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "eth mpls 502/7/64 ip4/255");
	uint8_t *header = frame + ETHERNET + 4;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int i = 0; i < 65536; i++) {
		header[4] = (uint8_t)(i >> 8);
		header[5] = (uint8_t)i;
		header[10] = header[11] = 0;
		uint16_t sum = frame_checksum(header, 20);
		header[10] = (uint8_t)(sum >> 8);
		header[11] = (uint8_t)sum;
		struct rte_mbuf *mbuf = mbuf_of(frame, length);
		worker_process(fixture.worker, 0, &mbuf, 1);
		const uint8_t *sent =
			rte_pktmbuf_mtod(fixture.worker->transmit.mbuf[1][0], const uint8_t *) +
			ETHERNET;
		failed += sent[8] != 63 || sent[1] != 0xe0 || frame_checksum(sent, 20) != 0;
		assert_int_equal(transmit_take(), 1);
	}
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- counters */

static uint64_t packets_of(uint32_t label)
{
	uint64_t packets, bytes;
	label_counters(fixture.tables, fixture.state, 0, label, &packets, &bytes);
	return packets;
}

static uint64_t bytes_of(uint32_t label)
{
	uint64_t packets, bytes;
	label_counters(fixture.tables, fixture.state, 0, label, &packets, &bytes);
	return bytes;
}

/* Each label that was looked up counts the frame as it arrived. */
static void test_counters(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static const uint32_t labels[] = { 500, 510, 520, 100, 504 };
	uint64_t packets[5], bytes[5];

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		packets[i] = packets_of(labels[i]);
		bytes[i] = bytes_of(labels[i]);
	}
	size_t length = frame_build(frame, "eth mpls 510/5/64 100/1/200 500/0/1 ip4/7");
	assert_int_equal(egress_of(frame, length), 1);
	assert_int_equal(packets_of(510) - packets[1], 1);
	assert_int_equal(bytes_of(510) - bytes[1], length);
	assert_int_equal(packets_of(100) - packets[3], 1);
	assert_int_equal(bytes_of(100) - bytes[3], length);
	assert_int_equal(packets_of(500) - packets[0], 0);
	length = frame_build(frame, "eth mpls 500/5/64 ip4/7");
	assert_int_equal(egress_of(frame, length), 1);
	length = frame_build(frame, "eth mpls 500/5/64 30/0/9 ip4/7");
	assert_int_equal(egress_of(frame, length), 1);
	assert_int_equal(packets_of(500) - packets[0], 2);
	assert_int_equal(bytes_of(500) - bytes[0], 2 * length - 4);
	length = frame_build(frame, "eth mpls 520/5/64 ip4/7");
	assert_int_equal(egress_of(frame, length), -1);
	assert_int_equal(packets_of(520) - packets[2], 1);
	length = frame_build(frame, "eth mpls 504/5/64 30/0/9 ip4/7");
	assert_int_equal(egress_of(frame, length), 1);
	assert_int_equal(packets_of(504) - packets[4], 0);
	assert_int_equal(bytes_of(504) - bytes[4], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pop),
		cmocka_unit_test(test_pop_to_ip),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_ip),
		cmocka_unit_test(test_every_pair),
		cmocka_unit_test(test_every_checksum),
		cmocka_unit_test(test_every_carry),
		cmocka_unit_test(test_counters),
	};
	return cmocka_run_group_tests_name("stage: pop", tests, start, stage_stop);
}
