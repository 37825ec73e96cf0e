/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_swap.c: swap, swap to several labels, push (RFC 3031 3.10, RFC 3032 2.1, RFC 3443 2.1).
 */
#include <stdio.h>

#include "tests/stage/case.h"

static void entropy_route(void)
{
	uint32_t nexthop =
		fixture_nexthop(&fixture, 7, 7, LABELS(700), NEXTHOP_NONE, REWRITE_ENTROPY);

	route(140, LABEL_SWAP, 240, nexthop, 0);
	route(141, LABEL_POP, 0, nexthop, 0);
}

static int start(void **state)
{
	static const uint32_t eight[] = { 801, 802, 803, 804, 805, 806, 807, 808 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	route(100, LABEL_SWAP, 200, via(1, 1, NO_LABELS), 0);
	route(16, LABEL_SWAP, 1048575, via(1, 1, NO_LABELS), 0);
	route(1048575, LABEL_SWAP, 16, via(1, 1, NO_LABELS), 0);
	route(101, LABEL_SWAP, 201, via(2, 2, LABELS(301)), 0);
	route(102, LABEL_SWAP, 202, via(2, 3, LABELS(301, 302)), 0);
	route(103, LABEL_SWAP, 203, via(2, 4, eight, 7), 0);
	route(104, LABEL_SWAP, 204, via(2, 5, eight, 8), 0);
	route(105, LABEL_SWAP, 0, via(1, 1, NO_LABELS), 0);
	route(110, LABEL_REPLACE, 0, via(3, 1, LABELS(400)), 0);
	route(111, LABEL_REPLACE, 0, via(3, 2, LABELS(401, 402, 403)), 0);
	route(112, LABEL_REPLACE, 0, via(3, 3, NO_LABELS), 0);
	route(113, LABEL_REPLACE, 0, via(3, 4, eight, 8), 0);
	route(120, LABEL_SWAP, 220, via(2, 2, LABELS(301)), LABEL_TTL_PIPE);
	route(121, LABEL_SWAP, 221, via(1, 1, NO_LABELS), LABEL_TTL_PIPE);
	route(122, LABEL_REPLACE, 0, via(3, 2, LABELS(401, 402, 403)), LABEL_TTL_PIPE);
	route(123, LABEL_SWAP, 223, via(2, 2, LABELS(301)), LABEL_TC_UNIFORM);
	route(130, LABEL_SWAP, 230, via(1, 1, NO_LABELS), LABEL_NO_COUNTERS);
	entropy_route();
	return 0;
}

static const struct stage_case swap_cases[] = {
	{ "swap, one label", "eth mpls 100/5/64 ip4/7", SENT(1, "out:1/1 mpls 200/5/63 ip4/7") },
	{ "swap above another label: only the top one changes", "eth mpls 100/0/64 300/3/9 ip4/7",
	  SENT(1, "out:1/1 mpls 200/0/63 300/3/9 ip4/7") },
	{ "lowest label in, highest out, all TC bits", "eth mpls 16/7/255 ip6/9",
	  SENT(1, "out:1/1 mpls 1048575/7/254 ip6/9") },
	{ "highest label in, lowest out", "eth mpls 1048575/0/2 ip6/9",
	  SENT(1, "out:1/1 mpls 16/0/1 ip6/9") },
	{ "the payload is nobody's business", "eth mpls 100/1/3 raw:00112233",
	  SENT(1, "out:1/1 mpls 200/1/2 raw:00112233") },
	{ "nothing below the bottom", "eth mpls 100/1/3", SENT(1, "out:1/1 mpls 200/1/2") },
	{ "frame padded to 60 bytes keeps its padding", "eth mpls 100/1/3 ip4/7 raw:000000000000",
	  SENT(1, "out:1/1 mpls 200/1/2 ip4/7 raw:000000000000") },
	{ "swap to explicit null", "eth mpls 105/2/64 ip4/7",
	  SENT(1, "out:1/1 mpls 0/2/63 ip4/7") },
	{ "swap to explicit null above a label (RFC 4182)", "eth mpls 105/2/64 55/1/9 ip4/7",
	  SENT(1, "out:1/1 mpls 0/2/63 55/1/9 ip4/7") },
	{ "eight labels in",
	  "eth mpls 100/5/64 2/0/0 3/0/0 40/0/0 50/0/0 60/0/0 70/0/0 80/1/1 ip4/7",
	  SENT(1, "out:1/1 mpls 200/5/63 2/0/0 3/0/0 40/0/0 50/0/0 60/0/0 70/0/0 80/1/1 ip4/7") },
	{ "no such label", "eth mpls 99/5/64 ip4/7", DROPPED(mpls_unknown_label) },
	{ "no such label, TTL 1: unknown all the same", "eth mpls 99/5/1 ip4/7",
	  DROPPED(mpls_unknown_label) },
	{ "no-counters forwards as well", "eth mpls 130/5/64 ip4/7",
	  SENT(1, "out:1/1 mpls 230/5/63 ip4/7") },
};

static const struct stage_case push_cases[] = {
	{ "swap and push one: TC and TTL are copied", "eth mpls 101/5/64 ip4/7",
	  SENT(2, "out:2/2 mpls 301/5/63 201/5/63 ip4/7") },
	{ "swap and push two", "eth mpls 102/5/64 30/1/2 ip4/7",
	  SENT(2, "out:2/3 mpls 301/5/63 302/5/63 202/5/63 30/1/2 ip4/7") },
	{ "eight labels out", "eth mpls 103/5/64 ip4/7",
	  SENT(2, "out:2/4 mpls 801/5/63 802/5/63 803/5/63 804/5/63 805/5/63 806/5/63 807/5/63 "
		  "203/5/63 ip4/7") },
	{ "eight labels pushed on top of a swapped one", "eth mpls 104/5/64 ip4/7",
	  SENT(2, "out:2/5 mpls 801/5/63 802/5/63 803/5/63 804/5/63 805/5/63 806/5/63 807/5/63 "
		  "808/5/63 204/5/63 ip4/7") },
	{ "replace by one label", "eth mpls 110/3/64 ip4/7",
	  SENT(3, "out:3/1 mpls 400/3/63 ip4/7") },
	{ "replace by three: the innermost replaces", "eth mpls 111/3/64 30/1/2 ip4/7",
	  SENT(3, "out:3/2 mpls 401/3/63 402/3/63 403/3/63 30/1/2 ip4/7") },
	{ "replace by none is a pop", "eth mpls 112/3/64 30/1/20 ip4/7",
	  SENT(3, "out:3/3 mpls 30/1/20 ip4/7") },
	{ "replace by eight", "eth mpls 113/3/64 ip4/7",
	  SENT(3, "out:3/4 mpls 801/3/63 802/3/63 803/3/63 804/3/63 805/3/63 806/3/63 807/3/63 "
		  "808/3/63 ip4/7") },
	{ "pipe: a push writes 255 outside, the swapped label decrements",
	  "eth mpls 120/4/64 ip4/7", SENT(2, "out:2/2 mpls 301/4/255 220/4/63 ip4/7") },
	{ "pipe without a push is a swap like any other", "eth mpls 121/4/64 ip4/7",
	  SENT(1, "out:1/1 mpls 221/4/63 ip4/7") },
	{ "pipe: replace by three", "eth mpls 122/3/64 ip4/7",
	  SENT(3, "out:3/2 mpls 401/3/255 402/3/255 403/3/63 ip4/7") },
	{ "tc uniform changes nothing in a swap", "eth mpls 123/4/64 30/1/2 ip4/7",
	  SENT(2, "out:2/2 mpls 301/4/63 223/4/63 30/1/2 ip4/7") },
};

static const struct stage_case ttl_cases[] = {
	{ "TTL 1 would be 0", "eth mpls 100/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "TTL 0 is no better", "eth mpls 100/5/0 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "TTL 1 with a push: nothing was written yet", "eth mpls 102/5/1 ip4/7",
	  PUNTED(mpls_ttl_exceeded) },
	{ "TTL 1, pipe with a push", "eth mpls 120/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "TTL 1, replace", "eth mpls 111/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "TTL 1, replace by none", "eth mpls 112/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
	{ "TTL 1, no-counters", "eth mpls 130/5/1 ip4/7", PUNTED(mpls_ttl_exceeded) },
};

static void test_swap(void **state)
{
	(void)state;
	CASES_RUN(swap_cases);
}

static void test_push(void **state)
{
	(void)state;
	CASES_RUN(push_cases);
}

static void test_ttl(void **state)
{
	(void)state;
	CASES_RUN(ttl_cases);
}

/* Every TTL and every traffic class: one decrement, never raised, 0 never leaves. */
static void test_every_ttl(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	char in[128], out[128];
	unsigned int failed = 0;

	(void)state;
	for (unsigned int ttl = 0; ttl < 256; ttl++) {
		snprintf(in, sizeof(in), "eth mpls 100/%u/%u 7/7/255 ip4/7", ttl % 8, ttl);
		snprintf(out, sizeof(out), "out:1/1 mpls 200/%u/%u 7/7/255 ip4/7", ttl % 8,
			 ttl - 1);
		struct stage_case forwarded = { "every TTL", in, SENT(1, out), 0, 0 };
		struct stage_case punted = { "every TTL", in, PUNTED(mpls_ttl_exceeded), 0, 0 };
		size_t length = frame_build(frame, in);
		failed += !case_run(ttl < 2 ? &punted : &forwarded, frame, length, HEADROOM, 0);
	}
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- entropy label pushed (RFC 6790) */

static uint32_t entry_at(const uint8_t *frame, unsigned int index)
{
	const uint8_t *at = frame + ETHERNET + index * 4;
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Send it and give back what left. */
static size_t send_one(const char *text, uint8_t out[FRAME_ROOM])
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, text);
	struct rte_mbuf *mbuf = mbuf_of(frame, length);

	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(fixture.worker->transmit.count[7], 1);
	struct rte_mbuf *sent = fixture.worker->transmit.mbuf[7][0];
	length = sent->pkt_len;
	memcpy(out, rte_pktmbuf_mtod(sent, const uint8_t *), length);
	transmit_take();
	return length;
}

static void test_entropy_push(void **state)
{
	static uint8_t out[FRAME_ROOM], again[FRAME_ROOM];

	(void)state;
	size_t length = send_one("eth mpls 140/5/64 ip4/7", out);
	assert_int_equal(length, ETHERNET + 16 + 40);
	assert_int_equal(entry_at(out, 0), 700u << 12 | 5u << 9 | 63);
	assert_int_equal(entry_at(out, 1), 7u << 12 | 5u << 9 | 63);
	uint32_t entropy = entry_at(out, 2);
	assert_true(entropy >> 12 >= 16);
	assert_int_equal(entropy & 0xff, 0); /* TTL 0, RFC 6790 4.2 */
	assert_int_equal(entropy & 0x100, 0);
	assert_int_equal(entry_at(out, 3), 240u << 12 | 5u << 9 | 0x100 | 63);
	/* the same flow, another TTL and TC: the same entropy label */
	send_one("eth mpls 140/1/9 ip4/3", again);
	assert_int_equal(entry_at(again, 2) >> 12, entropy >> 12);
	/* another payload flow: another one (20 bits: they could meet, these do not) */
	send_one("eth mpls 140/1/9 ip6/3", again);
	assert_int_not_equal(entry_at(again, 2) >> 12, entropy >> 12);
}

/* A pop exposes IP and the nexthop pushes: the entropy label is at the bottom of the stack. */
static void test_entropy_push_on_ip(void **state)
{
	static uint8_t out[FRAME_ROOM];

	(void)state;
	size_t length = send_one("eth mpls 141/5/64 ip4/99", out);
	assert_int_equal(length, ETHERNET + 12 + 40);
	assert_int_equal(entry_at(out, 0), 700u << 12 | 5u << 9 | 63);
	assert_int_equal(entry_at(out, 1), 7u << 12 | 5u << 9 | 63);
	assert_int_equal(entry_at(out, 2) & 0x1ff, 0x100);
	assert_true(entry_at(out, 2) >> 12 >= 16);
	assert_int_equal(out[ETHERNET + 12], 0x45);
	assert_int_equal(out[ETHERNET + 12 + 8], 63);
	assert_int_equal(frame_checksum(out + ETHERNET + 12, 20), 0);
}

/* ---------------------------------------------------------------- per-label counters */

static void totals(uint32_t label, uint64_t *packets, uint64_t *bytes)
{
	label_counters(fixture.tables, fixture.state, 0, label, packets, bytes);
}

static void expect_counted(uint32_t label, const char *text, unsigned int packets_expected)
{
	static uint8_t frame[FRAME_ROOM];
	uint64_t packets_before, bytes_before, packets, bytes;
	size_t length = frame_build(frame, text);

	totals(label, &packets_before, &bytes_before);
	egress_of(frame, length);
	totals(label, &packets, &bytes);
	if (packets - packets_before != packets_expected ||
	    bytes - bytes_before != packets_expected * length)
		fail_msg("label %u: %s: %lu packets, %lu bytes", label, text,
			 (unsigned long)(packets - packets_before),
			 (unsigned long)(bytes - bytes_before));
}

static void test_label_counters(void **state)
{
	(void)state;
	expect_counted(100, "eth mpls 100/5/64 ip4/7", 1);
	expect_counted(100, "eth mpls 100/5/64 fill:1000", 1);
	expect_counted(100, "eth mpls 100/5/1 ip4/7", 1); /* it came, even if it does not leave */
	expect_counted(100, "eth mpls 101/5/64 100/5/64 ip4/7",
		       0);                                 /* below the top: not looked at */
	expect_counted(102, "eth mpls 102/5/64 ip4/7", 1); /* frame as received, without the push */
	expect_counted(112, "eth mpls 112/5/64 30/0/9 ip4/7", 1);
	expect_counted(120, "eth mpls 120/5/64 ip4/7", 1);
	expect_counted(130, "eth mpls 130/5/64 ip4/7", 0); /* no-counters */
	expect_counted(99, "eth mpls 99/5/64 ip4/7", 0);   /* no such label */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_swap),
		cmocka_unit_test(test_push),
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_every_ttl),
		cmocka_unit_test(test_entropy_push),
		cmocka_unit_test(test_entropy_push_on_ip),
		cmocka_unit_test(test_label_counters),
	};
	return cmocka_run_group_tests_name("stage: swap and push", tests, start, stage_stop);
}
