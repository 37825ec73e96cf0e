/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_length.c: MTU, headroom, several segments, deep stacks, and label stacks that are cut off.
 */
#include <stdio.h>

#include "tests/stage/case.h"

static int start(void **state)
{
	static const uint32_t eight[] = { 801, 802, 803, 804, 805, 806, 807, 808 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	fixture_mtu(&fixture, 2, 9000);
	fixture_vlan(&fixture, 64, 3, 100, 0, INTERFACE_MPLS);
	route(100, LABEL_SWAP, 200, via(1, 1, NO_LABELS), 0);
	route(101, LABEL_SWAP, 201, via(1, 2, LABELS(301, 302)), 0);
	route(102, LABEL_SWAP, 202, via(2, 3, NO_LABELS), 0);
	route(103, LABEL_SWAP, 203, via(2, 4, LABELS(301)), 0);
	route(104, LABEL_SWAP, 204, via(64, 5, NO_LABELS), 0);
	route(105, LABEL_SWAP, 205, via(1, 6, eight, 8), 0);
	route(500, LABEL_POP, 0, via(1, 1, NO_LABELS), 0);
	route(502, LABEL_POP, 0, via(2, 3, NO_LABELS), 0);
	route(510, LABEL_POP_LABEL, 0, 0, 0);
	route(511, LABEL_POP_LABEL, 0, 0, LABEL_TTL_PIPE);
	route(520, LABEL_POP_IP, 0, 0, 0);
	return 0;
}

/* What is told of a packet that is too long is the packet as it would have left, without Ethernet. */
#define TOO_LONG(text)                                                                             \
	{                                                                                          \
		.kind = END_PUNTED, .reason = PUNT_mtu_exceeded, .l3 = 0, .frame = (text)          \
	}

/* IP with UDP is 40 bytes (IPv4) or 60 (IPv6); a label is 4. */
static const struct stage_case mtu_cases[] = {
	{ "exactly the MTU", "eth mpls 100/5/64 ip4/7 fill:1456",
	  SENT(1, "out:1/1 mpls 200/5/63 ip4/7 fill:1456") },
	{ "one byte more, IPv4", "eth mpls 100/5/64 ip4/7 fill:1457",
	  TOO_LONG("200/5/63 ip4/7 fill:1457") },
	{ "one byte more, IPv6 below two labels", "eth mpls 100/5/64 9/1/1 ip6/7 fill:1433",
	  TOO_LONG("200/5/63 9/1/1 ip6/7 fill:1433") },
	{ "one byte more, not IP", "eth mpls 100/5/64 raw:00 fill:1496", DROPPED(mtu_exceeded) },
	{ "exactly the MTU, not IP", "eth mpls 100/5/64 raw:00 fill:1495",
	  SENT(1, "out:1/1 mpls 200/5/63 raw:00 fill:1495") },
	{ "pushed labels count", "eth mpls 101/5/64 ip4/7 fill:1448",
	  SENT(1, "out:1/2 mpls 301/5/63 302/5/63 201/5/63 ip4/7 fill:1448") },
	{ "pushed labels make it too long", "eth mpls 101/5/64 ip4/7 fill:1449",
	  TOO_LONG("301/5/63 302/5/63 201/5/63 ip4/7 fill:1449") },
	{ "pushed labels make it too long, not IP", "eth mpls 101/5/64 raw:00 fill:1488",
	  DROPPED(mtu_exceeded) },
	{ "a popped label does not count", "eth mpls 500/5/64 ip4/7 fill:1460",
	  SENT(1, "out:1/1 ip4/7 fill:1460") },
	{ "IP itself is too long", "eth mpls 500/5/64 raw:450005dd1234400007113dc90a0102030a090807 fill:1481",
	  TOO_LONG("raw:450005dd1234400007113dc90a0102030a090807 fill:1481") },
	{ "what is only padding does not count", "eth mpls 500/5/64 ip4/7 fill:1461",
	  SENT(1, "out:1/1 ip4/7") },
	{ "nor behind IPv6", "eth mpls 500/5/64 ip6/7 fill:1461", SENT(1, "out:1/1 ip6/7") },
	{ "below a popped label, another", "eth mpls 500/5/64 9/1/1 ip4/7 fill:1456",
	  SENT(1, "out:1/1 mpls 9/1/1 ip4/7 fill:1456") },
	{ "below a popped label, too long", "eth mpls 500/5/64 9/1/1 ip4/7 fill:1457",
	  TOO_LONG("9/1/1 ip4/7 fill:1457") },
	{ "a tag does not count", "eth mpls 104/5/64 ip4/7 fill:1456",
	  SENT_BY(3, 64, "out:3/5 vlan:100 mpls 204/5/63 ip4/7 fill:1456") },
	{ "too long behind a tag", "eth mpls 104/5/64 ip4/7 fill:1457",
	  TOO_LONG("204/5/63 ip4/7 fill:1457") },
	{ "jumbo frame on a jumbo port", "eth mpls 102/5/64 ip4/7 fill:8956",
	  SENT(2, "out:2/3 mpls 202/5/63 ip4/7 fill:8956") },
	{ "jumbo frame and a byte", "eth mpls 102/5/64 ip4/7 fill:8957",
	  TOO_LONG("202/5/63 ip4/7 fill:8957") },
	{ "jumbo frame, too long, nothing to read of the payload", "eth mpls 102/5/64 fill:9001",
	  DROPPED(mtu_exceeded) },
};

static const struct stage_case deep_cases[] = {
	{ "9 labels", "eth mpls 100/5/64 2/0/0 3/0/0 4/0/0 5/0/0 6/0/0 7/0/0 8/0/0 9/1/1 ip4/7",
	  SENT(1, "out:1/1 mpls 200/5/63 2/0/0 3/0/0 4/0/0 5/0/0 6/0/0 7/0/0 8/0/0 9/1/1 ip4/7") },
	{ "sixteen pops",
	  "eth mpls 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 "
	  "510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 "
	  "500/0/64 ip4/99",
	  SENT(1, "out:1/1 ip4/63") },
	{ "seventeen are too many",
	  "eth mpls 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 "
	  "510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 510/0/64 "
	  "510/0/64 510/0/64 510/0/64 500/0/64 ip4/99",
	  DROPPED(too_many_layers) },
	{ "bottom missing", "eth mpls 100/5/64 30/0/9n", DROPPED(mpls_truncated) },
	{ "bottom missing, one label", "eth mpls 100/5/64n", DROPPED(mpls_truncated) },
	{ "bottom missing, unknown label", "eth mpls 99/5/64n 30/0/9n raw:000000",
	  DROPPED(mpls_truncated) },
	{ "bottom missing, special label", "eth mpls 1/5/64n 30/0/9n raw:0000",
	  DROPPED(mpls_truncated) },
	{ "bottom in what looks like IP: who can tell", "eth mpls 100/5/64n raw:45000100 raw:00",
	  SENT(1, "out:1/1 mpls 200/5/63n raw:45000100 raw:00") },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(mtu)
RUNS(deep)

/* Stacks of any depth are switched on their top label; nobody looks further than 64. */
static void test_every_depth(void **state)
{
	static uint8_t in[FRAME_ROOM], out[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (unsigned int depth = 1; depth <= 70; depth++) {
		struct rte_mbuf *mbuf;
		size_t length = frame_build(in, "eth mpls 100/5/64n");
		frame_build(out, "out:1/1 mpls 200/5/63n");
		for (unsigned int i = 1; i < depth; i++, length += 4) {
			frame_build(in + length, "777/3/9n");
			frame_build(out + length, "777/3/9n");
		}
		in[length - 2] |= 1;
		out[length - 2] |= 1;
		memset(in + length, 0x45, 40);
		memset(out + length, 0x45, 40);
		length += 40;
		mbuf = mbuf_of(in, length);
		worker_process(fixture.worker, 0, &mbuf, 1);
		bool sent = fixture.worker->transmit.count[1] == 1;
		if (sent)
			sent = memcmp(rte_pktmbuf_mtod(fixture.worker->transmit.mbuf[1][0],
						       uint8_t *),
				      out, length) == 0;
		failed += sent != (depth <= STACK_WALK_MAX);
		transmit_take();
	}
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- headroom */

/* Too little room before the frame for what is to be put on: dropped, and nothing is written before the
 * buffer. With the room that a device leaves (128 bytes), eight labels, a pair and two tags fit. */
static void test_headroom(void **state)
{
	static const char pushed[] =
		"out:1/6 mpls 801/5/63 802/5/63 803/5/63 804/5/63 805/5/63 806/5/63 "
		"807/5/63 808/5/63 205/5/63 ip4/7";
	static const struct stage_case sent = { "headroom", "eth mpls 105/5/64 ip4/7",
						SENT(1, pushed) };
	static const struct stage_case dropped = { "no headroom", "eth mpls 105/5/64 ip4/7",
						   DROPPED(no_headroom) };
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, sent.frame);
	unsigned int failed = 0;

	(void)state;
	for (unsigned int headroom = 0; headroom < 32; headroom++)
		failed += !case_run(&dropped, frame, length, headroom, 0);
	for (unsigned int headroom = 24 + 8 * 4 + 8; headroom <= 160; headroom++)
		failed += !case_run(&sent, frame, length, headroom, 0);
	assert_int_equal(failed, 0);
}

/* What does not grow needs no headroom at all. */
static void test_no_headroom_needed(void **state)
{
	static const struct stage_case swap = { "swap", "eth mpls 100/5/64 ip4/7",
						SENT(1, "out:1/1 mpls 200/5/63 ip4/7") };
	static const struct stage_case pop = { "pop", "eth mpls 500/5/64 30/1/20 ip4/7",
					       SENT(1, "out:1/1 mpls 30/1/20 ip4/7") };
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	assert_true(case_run(&swap, frame, frame_build(frame, swap.frame), 0, 0));
	assert_true(case_run(&pop, frame, frame_build(frame, pop.frame), 0, 0));
}

/* ---------------------------------------------------------------- segments */

/* Jumbo frames in several buffers: all bytes arrive, and lengths are of the whole packet. */
static void test_segments(void **state)
{
	static const struct stage_case cases[] = {
		{ "swap", "eth mpls 102/5/64 ip4/7 fill:8900",
		  SENT(2, "out:2/3 mpls 202/5/63 ip4/7 fill:8900") },
		{ "push", "eth mpls 103/5/64 ip4/7 fill:8900",
		  SENT(2, "out:2/4 mpls 301/5/63 203/5/63 ip4/7 fill:8900") },
		{ "pop", "eth mpls 502/5/64 ip6/99 fill:8900",
		  SENT(2, "out:2/3 ip6/63 fill:8900") },
		{ "too long for port 1", "eth mpls 100/5/64 ip6/99 fill:3000",
		  TOO_LONG("200/5/63 ip6/99 fill:3000") },
		{ "too long for port 2", "eth mpls 103/5/64 fill:8993", DROPPED(mtu_exceeded) },
		{ "punted as it arrived", "eth mpls 1/5/64 ip6/99 fill:5000",
		  PUNTED(mpls_router_alert) },
		{ "label unknown", "eth mpls 99/5/64 fill:5000", DROPPED(mpls_unknown_label) },
	};
	static const size_t firsts[] = { 80, 128, 1500, 2048 };
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t length = frame_build(frame, cases[i].frame);
		for (size_t k = 0; k < sizeof(firsts) / sizeof(firsts[0]); k++)
			failed += !case_run(&cases[i], frame, length, HEADROOM, firsts[k]);
	}
	assert_int_equal(failed, 0);
}

/* Only the first segment is looked at: a stack that goes on in the second is cut off. */
static void test_stack_across_segments(void **state)
{
	static const struct stage_case cut = { "stack across segments",
					       "eth mpls 100/5/64 30/0/9 ip4/7",
					       DROPPED(mpls_truncated) };
	static const struct stage_case payload = { "payload in the second segment",
						   "eth mpls 500/5/64 ip4/7",
						   DROPPED(mpls_payload_unknown) };
	static const struct stage_case swap = { "swap with the payload in the second segment",
						"eth mpls 100/5/64 30/0/9 ip4/7",
						SENT(1, "out:1/1 mpls 200/5/63 30/0/9 ip4/7") };
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	size_t length = frame_build(frame, cut.frame);
	for (size_t first = 18; first < 22; first++)
		failed += !case_run(&cut, frame, length, HEADROOM, first);
	for (size_t first = 22; first < length; first++)
		failed += !case_run(&swap, frame, length, HEADROOM, first);
	length = frame_build(frame, payload.frame);
	for (size_t first = 18; first < 38; first++)
		failed += !case_run(&payload, frame, length, HEADROOM, first);
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- cut off at every byte */

/* Bytes up to which it is a runt, cut off in the stack, and cut off in the IP header (0: nobody looks). */
struct cut {
	const char *frame, *out;
	size_t stack, header;
};

static void test_cut_at_every_byte(void **state)
{
	static const struct cut cuts[] = {
		{ "eth mpls 100/5/64 30/0/9 31/0/9 ip4/7",
		  "out:1/1 mpls 200/5/63 30/0/9 31/0/9 ip4/7", 26, 0 },
		{ "eth mpls 500/5/64 30/0/9 31/0/9 ip4/7", "out:1/1 mpls 30/0/9 31/0/9 ip4/7", 26,
		  0 },
		{ "eth mpls 510/5/64 510/0/9 100/0/9 ip4/7", "out:1/1 mpls 200/0/9 ip4/7", 26, 0 },
		{ "eth mpls 510/5/64 511/0/9 500/0/9 ip4/7", "out:1/1 ip4/7", 26, 46 },
		{ "eth mpls 510/5/64 511/0/9 500/0/9 ip6/7", "out:1/1 ip6/7", 26, 66 },
		{ "eth mpls 7/5/64 777/0/9 100/0/9 ip6/7", "out:1/1 mpls 200/0/9 ip6/7", 26, 0 },
	};
	static uint8_t frame[FRAME_ROOM];
	char out[16384];
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		static uint8_t whole[FRAME_ROOM];
		size_t length = frame_build(frame, cuts[i].frame);
		size_t out_length = frame_build(whole, cuts[i].out);
		for (size_t cut = 0; cut < length; cut++) {
			struct stage_case runt = { "cut", cuts[i].frame, DROPPED(runt_frame) };
			struct stage_case stack = { "cut", cuts[i].frame, DROPPED(mpls_truncated) };
			struct stage_case header = { "cut", cuts[i].frame,
						     DROPPED(mpls_payload_unknown) };
			struct stage_case sent = { "cut", cuts[i].frame, SENT(1, out) };
			size_t at = 0, left = out_length - (length - cut);
			if (cut >= cuts[i].stack && cut >= cuts[i].header) {
				at = (size_t)snprintf(out, sizeof(out), "raw:");
				for (size_t k = 0; k < left; k++)
					at += (size_t)snprintf(out + at, sizeof(out) - at, "%02x",
							       whole[k]);
			}
			failed += !case_run(cut < ETHERNET         ? &runt
					    : cut < cuts[i].stack  ? &stack
					    : cut < cuts[i].header ? &header
								   : &sent,
					    frame, cut, HEADROOM, 0);
		}
	}
	assert_int_equal(failed, 0);
}

/* Frames of all kinds cut at every byte: each ends somewhere, once, and nothing beyond it is read. */
static void test_survives_every_cut(void **state)
{
	static const char *const texts[] = {
		"eth qinq:200 vlan:300 mpls 100/5/64 30/0/9 ip4/7",
		"eth vlan:0 mpls 510/5/64 520/0/9 ip4/7",
		"eth mpls 510/5/64 15/0/9 7/0/0 777/0/0 100/0/9 ip4/7",
		"eth mpls 520/5/64 15/0/9 7/0/0 777/0/0 ip6/7",
		"eth mpls 7/5/64 777/0/0 ip6/7",
		"eth mpls 510/5/64 7/0/9 777/0/0 ip4/7",
		"eth mpls 510/5/64 0/0/9 2/0/0 ip6/7",
		"eth mpls 510/0/9 7/0/0 7/0/0 7/0/0 7/0/0 ip4/7",
		"eth mpls 15/0/9 15/0/9 15/0/9 7/0/9 ip4/7",
		"eth mpls 13/0/9 fill:9",
		"eth type:0800 raw:4f000014 fill:60",
		"eth ip6/255",
		"dst:ffffffffffff type:0806 fill:28",
		"eth type:86dd raw:6000000000183aff fill:32 raw:87",
		"eth mpls 520/0/9 raw:6000000000183aff fill:32 raw:87",
		"eth mpls 101/5/64 ip4/7",
	};
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		size_t length = frame_build(frame, texts[i]);
		for (size_t cut = 0; cut <= length; cut++) {
			struct rte_mbuf *mbuf = guarded_mbuf(frame, cut, HEADROOM);
			account_take(&before);
			worker_process(fixture.worker, 0, &mbuf, 1);
			failed += !account_balanced(&before, 1);
			transmit_take();
			punt_take();
		}
	}
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_every_depth),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_no_headroom_needed),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_stack_across_segments),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_survives_every_cut),
	};
	return cmocka_run_group_tests_name("stage: lengths", tests, start, stage_stop);
}
