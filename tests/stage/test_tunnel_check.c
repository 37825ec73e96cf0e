/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_tunnel_check.c: what a tunnel looks at in the packets that come out of it: checksums, sequence
 * numbers, ECN, the MSS, Ethernet; frames that end too early, fragments, and any damage.
 */
#include <stdio.h>
#include "dataplane/stage/tunnel_check.h"
#include "dataplane/stage/tunnel_header.h"
#include "tests/stage/tunnels.h"

enum {
	GRE,
	STRICT,
	WINDOW,
	MSS,
	GRETAP,
	VXLAN,
	GRE_6,
	VXLAN_6,
	IPIP,
	WIRE,
	WIRE_WORD,
	WIRE_DOWN,
	LABELS_IN,
};

static void make(unsigned int number, enum tunnel_mode mode, bool ipv4, uint32_t flags, uint32_t id,
		 uint64_t features)
{
	struct tunnel tunnel = tunnel_of(mode, ipv4, 2 + number, flags, id);
	tunnel_make(number, &tunnel, number == LABELS_IN ? INTERFACE_MPLS : 0, features);
}

static int start(void **state)
{
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	make(GRE, TUNNEL_GRE, true, 0, 0, 0);
	make(STRICT, TUNNEL_GRE, true, TUNNEL_SEQUENCE_STRICT, 0, 0);
	make(WINDOW, TUNNEL_GRE, true, TUNNEL_SEQUENCE_WINDOW | TUNNEL_KEY, 9, 0);
	make(MSS, TUNNEL_GRE, true, 0, 0, 1300ull << INTERFACE_MSS_SHIFT);
	make(GRETAP, TUNNEL_GRETAP, true, 0, 0, 0);
	make(VXLAN, TUNNEL_VXLAN, true, 0, 100, 0);
	make(GRE_6, TUNNEL_GRE, false, 0, 0, 0);
	make(VXLAN_6, TUNNEL_VXLAN, false, 0, 100, 0);
	make(IPIP, TUNNEL_IPIP, true, 0, 0, 0);
	make(WIRE, TUNNEL_PSEUDOWIRE, true, 0, 777, 0);
	make(WIRE_WORD, TUNNEL_PSEUDOWIRE, true, TUNNEL_CONTROL_WORD, 778, 0);
	make(WIRE_DOWN, TUNNEL_PSEUDOWIRE, true, 0, 779, 0);
	make(LABELS_IN, TUNNEL_GRE, true, 0, 0, 0);
	_Atomic uint64_t *flags = &fixture.tables->interface[T(WIRE_DOWN)].flags;
	word_store(flags, word_load(flags) & ~INTERFACE_UP);
	route(520, LABEL_SWAP, 521, via(1, 1, NO_LABELS), 0);
	route(530, LABEL_POP_BRIDGE, 0, T(WIRE), 0);
	route(531, LABEL_POP_BRIDGE, 0, T(WIRE_WORD), LABEL_CONTROL_WORD);
	route(532, LABEL_POP_BRIDGE, 0, T(WIRE_DOWN), 0);
	route(533, LABEL_POP_BRIDGE, 0, 7, 0); /* a bridge without a pseudowire */
	route(534, LABEL_POP_BRIDGE, 0, INTERFACE_FIRST_TUNNEL - 1, 0);
	return 0;
}

#define IN(number) .tunnel = T(number)
#define OUT4       SENT(1, "out:1/1 ip4/63/b8")

/* ---------------------------------------------------------------- sequence numbers */

static const struct stage_case sequence_cases[] = {
	{ "strict: the first", "eth outer4:3>1 gre:seq=7 ip4/64/b8", OUT4, IN(STRICT) },
	{ "strict: the next", "eth outer4:3>1 gre:seq=8 ip4/64/b8", OUT4, IN(STRICT) },
	{ "strict: again", "eth outer4:3>1 gre:seq=8 ip4/64/b8", DROPPED(tunnel_sequence_duplicate),
	  IN(STRICT) },
	{ "strict: one before", "eth outer4:3>1 gre:seq=7 ip4/64/b8", DROPPED(tunnel_sequence_old),
	  IN(STRICT) },
	{ "strict: some are lost", "eth outer4:3>1 gre:seq=2000000000 ip4/64/b8", OUT4,
	  IN(STRICT) },
	{ "strict: without", "eth outer4:3>1 gre ip4/64/b8", DROPPED(tunnel_sequence_missing),
	  IN(STRICT) },
	{ "strict: and more", "eth outer4:3>1 gre:seq=4000000000 ip4/64/b8", OUT4, IN(STRICT) },
	{ "strict: near the end", "eth outer4:3>1 gre:seq=0xffffffff ip4/64/b8", OUT4, IN(STRICT) },
	{ "strict: round the end", "eth outer4:3>1 gre:seq=0 ip4/64/b8", OUT4, IN(STRICT) },
	{ "strict: before the end", "eth outer4:3>1 gre:seq=0xfffffffe ip4/64/b8",
	  DROPPED(tunnel_sequence_old), IN(STRICT) },
	{ "strict: a wrong checksum is not taken for the newest",
	  "eth outer4:3>1 gre:bits=8000,seq=9 raw:00000000 ip4/64/b8", DROPPED(tunnel_checksum),
	  IN(STRICT) },
	{ "strict: the next all the same", "eth outer4:3>1 gre:seq=1 ip4/64/b8", OUT4, IN(STRICT) },
	{ "window: the first", "eth outer4:4>1 gre:key=9,seq=100 ip4/64/b8", OUT4, IN(WINDOW) },
	{ "window: late", "eth outer4:4>1 gre:key=9,seq=98 ip4/64/b8", OUT4, IN(WINDOW) },
	{ "window: late and again", "eth outer4:4>1 gre:key=9,seq=98 ip4/64/b8",
	  DROPPED(tunnel_sequence_duplicate), IN(WINDOW) },
	{ "window: the newest again", "eth outer4:4>1 gre:key=9,seq=100 ip4/64/b8",
	  DROPPED(tunnel_sequence_duplicate), IN(WINDOW) },
	{ "window: ahead", "eth outer4:4>1 gre:key=9,seq=129 ip4/64/b8", OUT4, IN(WINDOW) },
	{ "window: between", "eth outer4:4>1 gre:key=9,seq=99 ip4/64/b8", OUT4, IN(WINDOW) },
	{ "window: known in its last place", "eth outer4:4>1 gre:key=9,seq=98 ip4/64/b8",
	  DROPPED(tunnel_sequence_duplicate), IN(WINDOW) },
	{ "window: before its last place", "eth outer4:4>1 gre:key=9,seq=97 ip4/64/b8",
	  DROPPED(tunnel_sequence_old), IN(WINDOW) },
	{ "window: the first is still known", "eth outer4:4>1 gre:key=9,seq=100 ip4/64/b8",
	  DROPPED(tunnel_sequence_duplicate), IN(WINDOW) },
	{ "window: far ahead", "eth outer4:4>1 gre:key=9,seq=5000 ip4/64/b8", OUT4, IN(WINDOW) },
	{ "window: all behind it is new", "eth outer4:4>1 gre:key=9,seq=4999 ip4/64/b8", OUT4,
	  IN(WINDOW) },
};

static void test_sequence(void **state)
{
	(void)state;
	CASES_RUN(sequence_cases);
}

/* After a silence whatever comes is the first. */
static void test_sequence_restart(void **state)
{
	static struct interface_counters own;

	(void)state;
	memset(&own, 0, sizeof(own));
	uint64_t second = 1000000000ull, now = 50 * second;
	for (uint32_t sequence = 10; sequence < 13; sequence++) {
		assert_int_equal(sequence_check(&own, TUNNEL_SEQUENCE_STRICT, sequence, now),
				 GOES_ON);
		atomic_store(&own.last_seen, now);
	}
	now += TUNNEL_SEQUENCE_RESTART * second;
	assert_int_equal(sequence_check(&own, TUNNEL_SEQUENCE_STRICT, 0, now),
			 DROP_tunnel_sequence_old);
	assert_int_equal(sequence_check(&own, TUNNEL_SEQUENCE_STRICT, 0, now + 1), GOES_ON);
}

/* ---------------------------------------------------------------- ECN */

/* RFC 6040 figure 4: rows inner, columns outer Not-ECT, ECT(0), ECT(1), CE; -1: dropped. */
static void test_ecn(void **state)
{
	static const unsigned int order[4] = { ECN_NOT_ECT, ECN_ECT_0, ECN_ECT_1, ECN_CE };
	static const int expected[4][4] = {
		{ ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, -1 },
		{ ECN_ECT_0, ECN_ECT_0, ECN_ECT_1, ECN_CE },
		{ ECN_ECT_1, ECN_ECT_1, ECN_ECT_1, ECN_CE },
		{ ECN_CE, ECN_CE, ECN_CE, ECN_CE },
	};
	static uint8_t frame[FRAME_ROOM];
	char arrives[128], leaves[64];

	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		unsigned int inner = order[i / 4 % 4], outer = order[i % 4];
		int becomes = expected[i / 4 % 4][i % 4];
		bool outer6 = i & 16, inner6 = i & 32;
		snprintf(arrives, sizeof(arrives), "eth outer%s/64/%x gre ip%c/64/%x",
			 outer6 ? "6:8>1" : "4:2>1", 0xb8 | outer, inner6 ? '6' : '4',
			 0x28 | inner);
		snprintf(leaves, sizeof(leaves), "out:1/1 ip%c/63/%x", inner6 ? '6' : '4',
			 0x28 | (becomes < 0 ? 0 : (unsigned int)becomes));
		struct stage_case one = { "ECN", arrives, DROPPED(tunnel_ecn),
					  .tunnel = T(outer6 ? GRE_6 : GRE) };
		if (becomes >= 0)
			one.end = (struct end)SENT(1, leaves);
		assert_true(case_run(&one, frame, frame_build(frame, arrives), HEADROOM, 0));
	}
}

/* ---------------------------------------------------------------- checksums, MSS, Ethernet */

static const struct stage_case check_cases[] = {
	{ "GRE checksum", "eth outer4:2>1 gre:csum ip4/64/b8", OUT4, IN(GRE) },
	{ "GRE checksum of an odd length", "eth outer4:2>1 gre:csum ip4/64/b8 raw:99",
	  SENT(1, "out:1/1 ip4/63/b8 raw:99"), IN(GRE) },
	{ "padding is not summed", "eth outer4:2>1 gre:csum ip4/64/b8 pad:1", OUT4, IN(GRE) },
	{ "wrong GRE checksum", "eth outer4:2>1 gre:bits=8000 raw:00000000 ip4/64/b8",
	  DROPPED(tunnel_checksum), IN(GRE) },
	{ "over IPv6", "eth outer6:8>1 gre:csum ip4/64/b8", OUT4, IN(GRE_6) },
	{ "MSS", "eth outer4:5>1 gre tcp4:1460", SENT(1, "out:1/1 tcp4:1300/2/63"), IN(MSS) },
	{ "MSS, SYN and ACK", "eth outer4:5>1 gre tcp4:1460/12", SENT(1, "out:1/1 tcp4:1300/12/63"),
	  IN(MSS) },
	{ "MSS in IPv6", "eth outer4:5>1 gre tcp6:1460", SENT(1, "out:1/1 tcp6:1300/2/63"),
	  IN(MSS) },
	{ "MSS that fits", "eth outer4:5>1 gre tcp4:1300", SENT(1, "out:1/1 tcp4:1300/2/63"),
	  IN(MSS) },
	{ "no SYN", "eth outer4:5>1 gre tcp4:1460/10", SENT(1, "out:1/1 tcp4:1460/10/63"),
	  IN(MSS) },
	{ "no TCP", "eth outer4:5>1 gre ip4/64/b8", OUT4, IN(MSS) },
	{ "no clamp", "eth outer4:2>1 gre tcp4:1460", SENT(1, "out:1/1 tcp4:1460/2/63"), IN(GRE) },
	{ "Ethernet in GRE, no bridge", "eth outer4:6>1 gre eth ip4/64/b8", DROPPED(bridge_unknown),
	  IN(GRETAP) },
	{ "IP in a tunnel for Ethernet", "eth outer4:6>1 gre ip4/64/b8", DROPPED(tunnel_payload) },
	{ "Ethernet in a tunnel for IP", "eth outer4:2>1 gre eth ip4/64/b8",
	  DROPPED(tunnel_payload) },
	{ "Ethernet cut off", "eth outer4:6>1 gre:type=6558 raw:02000000000002aa0000000108",
	  DROPPED(runt_frame), IN(GRETAP) },
	{ "VXLAN", "eth outer4:7>1 vxlan:100 eth ip4/64/b8", DROPPED(bridge_unknown), IN(VXLAN) },
	{ "VXLAN with a checksum", "eth outer4:7>1 vxlan:100/5555/csum eth ip4/64/b8",
	  DROPPED(bridge_unknown), IN(VXLAN) },
	{ "VXLAN over IPv6", "eth outer6:9>1 vxlan:100/5555/csum eth ip4/64/b8 raw:99",
	  DROPPED(bridge_unknown), IN(VXLAN_6) },
	{ "another VNI", "eth outer4:7>1 vxlan:101 eth ip4/64/b8", DROPPED(tunnel_key) },
	{ "VXLAN from elsewhere", "eth outer4:8>1 vxlan:100 eth ip4/64/b8",
	  DROPPED(tunnel_unknown) },
	{ "another UDP port", "eth outer4:7>1 ip4/64/b8", DROPPED(tunnel_unknown) },
	{ "pseudowire", "eth mpls 530/0/64s dst:0200000000ff type:9999 fill:46",
	  DROPPED(bridge_unknown), IN(WIRE) },
	{ "pseudowire, runt", "eth mpls 530/0/64s raw:0200", DROPPED(runt_frame), IN(WIRE) },
	{ "pseudowire set down", "eth mpls 532/0/64s fill:60", DROPPED(tunnel_down),
	  IN(WIRE_DOWN) },
	{ "control word", "eth mpls 531/0/64s cw:00000000 fill:60", DROPPED(bridge_unknown),
	  IN(WIRE_WORD) },
	{ "control word that says how short it is", "eth mpls 531/0/64s cw:00080000 fill:60",
	  DROPPED(runt_frame), IN(WIRE_WORD) },
	{ "associated channel", "eth mpls 531/0/64s cw:10000021 ip4/64", PUNTED(mpls_oam),
	  IN(WIRE_WORD) },
	{ "no control word", "eth mpls 531/0/64s cw:45000000 fill:60",
	  DROPPED(pseudowire_control_word), IN(WIRE_WORD) },
	{ "cut off in the control word", "eth mpls 531/0/64s raw:0000", DROPPED(tunnel_truncated),
	  IN(WIRE_WORD) },
	{ "below an entropy label", "eth mpls 530/0/64 7/0/64 1000/0/0s fill:60",
	  DROPPED(bridge_unknown), IN(WIRE) },
	{ "not the bottom", "eth mpls 530/0/64 99/0/64s fill:60", DROPPED(mpls_not_bottom) },
	{ "a bridge without a pseudowire", "eth mpls 533/0/64s fill:60", DROPPED(bridge_unknown) },
	{ "neither bridge nor pseudowire", "eth mpls 534/0/64s fill:60", DROPPED(bridge_unknown) },
};

static void test_checks(void **state)
{
	(void)state;
	CASES_RUN(check_cases);
}

/* ---------------------------------------------------------------- whatever comes */

static const char *const whole[] = {
	"eth outer4:2>1 gre:csum,seq=5 ip4/64/b8",
	"eth outer4:4>1 gre:csum,key=9,seq=1 ip6/64",
	"eth outer4:2>1 gre outer4:1>2/255 gre:type=0000",
	"eth outer4:5>1 gre tcp4:1460",
	"eth outer4:5>1 gre tcp6:1460",
	"eth outer4:6>1 gre eth ip4/64",
	"eth outer4:7>1 vxlan:100/7/csum eth ip4/64",
	"eth outer6:9>1 vxlan:100/7/csum eth ip4/64",
	"eth outer4:14>1 gre mpls 520/0/64 ip4/64",
	"eth outer4:10>1 ip4/64",
	"eth outer4:10>1 ip6/64",
	"eth outer6:8>1 options gre:csum ip6/64",
	"eth mpls 531/0/64s cw:00000000 eth ip4/64",
	"eth outer4:10>1 outer4:2>1 gre ip4/64",
};

/* One packet with one end, whatever it is: nothing read past it, nothing lost. */
static void ends_once(const uint8_t *frame, size_t length, size_t first_segment)
{
	struct account before;
	unsigned int available = rte_mempool_avail_count(fixture.pool);
	size_t first = first_segment == 0 || first_segment > length ? length : first_segment;
	struct rte_mbuf *mbuf = guarded_mbuf(frame, first, HEADROOM);

	if (first < length)
		assert_int_equal(rte_pktmbuf_chain(mbuf, mbuf_of(frame + first, length - first)),
				 0);
	account_take(&before);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_true(account_balanced(&before, 1));
	transmit_take();
	punt_take();
	assert_int_equal(rte_mempool_avail_count(fixture.pool), available);
}

/* Cut off at every byte; the outer header may say so or not. */
static void test_truncated(void **state)
{
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t length = frame_build(frame, whole[i]);
		bool ipv4 = frame[12] == 0x08, ip = frame[12] != 0x88;
		for (size_t cut = 1; cut <= length; cut++) {
			frame_build(frame, whole[i]);
			ends_once(frame, cut, 0);
			if (!ip || cut < ETHERNET + 40)
				continue;
			size_t said = cut - ETHERNET - (ipv4 ? 0 : 40);
			uint8_t *at = frame + ETHERNET + (ipv4 ? 2 : 4);
			at[0] = (uint8_t)(said >> 8);
			at[1] = (uint8_t)said;
			if (ipv4) {
				frame[ETHERNET + 10] = frame[ETHERNET + 11] = 0;
				uint16_t sum = frame_checksum(frame + ETHERNET, 20);
				frame[ETHERNET + 10] = (uint8_t)(sum >> 8);
				frame[ETHERNET + 11] = (uint8_t)sum;
			}
			ends_once(frame, cut, 0);
		}
	}
}

/* The same frames in two segments, parted at every byte. */
static void test_segments(void **state)
{
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t length = frame_build(frame, whole[i]);
		for (size_t first = ETHERNET; first < length; first++)
			ends_once(frame, length, first);
	}
}

/* A checksum over two segments, parted at every byte behind the headers. */
static void test_checksum_of_segments(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	struct stage_case one = { "segments", "eth outer4:2>1 gre:csum ip4/64/b8", OUT4, IN(GRE) };
	size_t length = frame_build(frame, one.frame);

	(void)state;
	for (size_t first = ETHERNET + 28 + 20; first < length; first++)
		assert_true(case_run(&one, frame, length, HEADROOM, first));
}

/* Each bit wrong in turn, with the outer checksum mended. */
static void test_damaged(void **state)
{
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
		size_t length = frame_build(frame, whole[i]);
		for (size_t bit = ETHERNET * 8; bit < length * 8; bit++) {
			frame_build(frame, whole[i]);
			frame[bit / 8] ^= (uint8_t)(1 << bit % 8);
			if (frame[12] == 0x08 && bit / 8 < ETHERNET + 20) {
				frame[ETHERNET + 10] = frame[ETHERNET + 11] = 0;
				uint16_t sum = frame_checksum(frame + ETHERNET, 20);
				frame[ETHERNET + 10] = (uint8_t)(sum >> 8);
				frame[ETHERNET + 11] = (uint8_t)sum;
			}
			struct rte_mbuf *mbuf = guarded_mbuf(frame, length, HEADROOM);
			worker_process(fixture.worker, 0, &mbuf, 1);
			transmit_take();
			punt_take();
		}
	}
}

/* A vector of packets of many tunnels and of none, with both ends of each: order is kept, and each has its
 * own tunnel's counters. */
static void test_vector(void **state)
{
	static const char *const text[] = {
		"eth outer4:2>1 gre ip4/64/1",  "eth ip4/64/2",
		"eth outer6:8>1 gre ip4/64/4",  "eth outer4:9>1 gre ip4/64/8",
		"eth outer4:2>1 gre ip4/64/10", "eth outer4:10>1 ip4/64/20",
	};
	enum { KINDS = sizeof(text) / sizeof(text[0]) };
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	static uint8_t frame[FRAME_ROOM];
	struct account before;
	unsigned int unknown = 0;

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		mbufs[i] = mbuf_of(frame, frame_build(frame, text[i * 7 % KINDS]));
		unknown += i * 7 % KINDS == 3;
	}
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	assert_true(account_balanced(&before, VECTOR_SIZE));
	assert_int_equal(dropped_since(&before, 0, DROP_tunnel_unknown), unknown);
	const struct transmit *transmit = &fixture.worker->transmit;
	unsigned int sent = 0;
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		static const uint8_t class[KINDS] = { 0x1, 0x2, 0x4, 0x8, 0x10, 0x20 };
		if (i * 7 % KINDS == 3)
			continue;
		assert_true(sent < transmit->count[1]);
		const uint8_t *out = rte_pktmbuf_mtod(transmit->mbuf[1][sent], const uint8_t *);
		sent++;
		assert_int_equal(out[ETHERNET + 1], class[i * 7 % KINDS]);
	}
	assert_int_equal(transmit_take(), sent);
}

/* Outer fragments: put together, then out of the tunnel. */
static void test_fragments(void **state)
{
	static uint8_t frame[FRAME_ROOM], piece[FRAME_ROOM], expected[FRAME_ROOM];
	struct account before;
	size_t length = frame_build(frame, "eth outer4:2>1/64/0/0/77 gre:csum ip4/64/b8");
	size_t half = 32, rest = length - ETHERNET - 20 - half;

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < 2; i++) {
		size_t part = i == 0 ? half : rest;
		uint8_t *header = piece + ETHERNET;
		memcpy(piece, frame, ETHERNET + 20);
		memcpy(header + 20, frame + ETHERNET + 20 + (i == 0 ? 0 : half), part);
		header[3] = (uint8_t)(20 + part);
		header[6] = i == 0 ? 0x20 : 0;
		header[7] = i == 0 ? 0 : (uint8_t)(half / 8);
		header[10] = header[11] = 0;
		uint16_t sum = frame_checksum(header, 20);
		header[10] = (uint8_t)(sum >> 8);
		header[11] = (uint8_t)sum;
		struct rte_mbuf *mbuf = mbuf_of(piece, ETHERNET + 20 + part);
		worker_process(fixture.worker, 0, &mbuf, 1);
	}
	const struct transmit *transmit = &fixture.worker->transmit;
	assert_int_equal(transmit->count[1], 1);
	struct rte_mbuf *out = transmit->mbuf[1][0];
	size_t wanted = frame_build(expected, "out:1/1 ip4/63/b8");
	assert_int_equal(out->pkt_len, wanted);
	assert_memory_equal(rte_pktmbuf_read(out, 0, out->pkt_len, frame), expected, wanted);
	assert_int_equal(counter_read(&fixture.worker->interface[T(GRE)].rx_packets) -
				 before.value[account_index(T(GRE))][0],
			 1);
	transmit_take();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_sequence_restart),
		cmocka_unit_test(test_ecn),
		cmocka_unit_test(test_checks),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_checksum_of_segments),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_fragments),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
