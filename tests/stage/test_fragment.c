/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_fragment.c: IPv4 packets that are longer than the MTU of the way on.
 */
#include <rte_ethdev.h>
#include <stdio.h>

#include "dataplane/shm/lpm.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"
#include "tests/stage/piece.h"

enum { PLAIN, PUSH, TAGGED, ENTROPY, SMALL, TINY, VRFS, SMALL_PORT = 4, TINY_PORT = 5, VLAN = 64 };

/* Port 0 stands in one VRF after another; in each, there is one way for everything. */
static void set_vrf(unsigned int vrf)
{
	_Atomic uint64_t *flags = &fixture.tables->interface[0].flags;

	word_store(flags, (word_load(flags) & ~(0xffffull << INTERFACE_VRF_SHIFT)) |
				  (uint64_t)vrf << INTERFACE_VRF_SHIFT);
}

static int start(void **state)
{
	static const uint32_t labels[] = { 301, 302 };
	static const uint8_t zero[4];
	uint32_t ways[VRFS];
	int result = stage_start(state);

	if (result != 0)
		return result;
	fixture_vlan(&fixture, VLAN, 3, 100, 0, INTERFACE_MPLS);
	fixture_mtu(&fixture, SMALL_PORT, 100);
	fixture_mtu(&fixture, TINY_PORT, 60);
	ways[PLAIN] = via(1, 1, NO_LABELS);
	ways[PUSH] = via(1, 7, LABELS(301, 302));
	ways[TAGGED] = via(VLAN, 5, NO_LABELS);
	ways[ENTROPY] = fixture_nexthop(&fixture, 1, 8, labels, 2, NEXTHOP_NONE, REWRITE_ENTROPY);
	ways[SMALL] = via(SMALL_PORT, 4, NO_LABELS);
	ways[TINY] = via(TINY_PORT, 4, NO_LABELS);
	for (unsigned int vrf = 0; vrf < VRFS; vrf++) {
		struct lpm *trie = fixture_trie(&fixture, vrf, ROUTE_IPV4, vrf == 0);
		if (lpm_insert(trie, zero, 0, route_leaf(ROUTE_NEXTHOP, ways[vrf])) != 0)
			return -1;
	}
	route(500, LABEL_POP, 0, ways[PLAIN], 0);
	return 0;
}

struct fragment_case {
	const char *name;
	unsigned int way;
	const char *in;  /* bytes that come, as in test_reassemble.c */
	const char *out; /* and in which pieces they go */
	unsigned int port;
	const char *link;         /* what is before each piece */
	struct piece_shape shape; /* as it comes */
};

#define OUT1 1, "out:1/1"
static const struct fragment_case cases[] = {
	{ "fits", PLAIN, "0-1480", "0-1480", OUT1 },
	{ "a byte more", PLAIN, "0-1481", "0-1480+ 1480-1481", OUT1 },
	{ "two full ones", PLAIN, "0-2960", "0-1480+ 1480-2960", OUT1 },
	{ "a fragment's fragments: more follow", PLAIN, "1480-4432+", "1480-2960+ 2960-4432+",
	  OUT1 },
	{ "the last fragment's fragments", PLAIN, "1480-4433", "1480-2960+ 2960-4433", OUT1 },
	{ "the last byte that a packet may have", PLAIN, "63000-65515", "63000-64480+ 64480-65515",
	  OUT1 },
	{ "padding behind it is no reason", PLAIN, "0-1480", "0-1480", OUT1, { .padding = 30 } },
	{ "padding goes", PLAIN, "0-1500", "0-1480+ 1480-1500", OUT1, { .padding = 30 } },
	{ "labels: the MTU less their bytes", PUSH, "0-1480", "0-1472+ 1472-1480", 1,
	  "out:1/7 mpls 301/0/63 302/0/63" },
	{ "labels: it fits", PUSH, "0-1472", "0-1472", 1, "out:1/7 mpls 301/0/63 302/0/63" },
	{ "tags do not count", TAGGED, "0-1481", "0-1480+ 1480-1481", 3, "out:3/5 vlan:100" },
	{ "small MTU", SMALL, "0-300", "0-80+ 80-160+ 160-240+ 240-300", SMALL_PORT, "out:4/4" },
	{ "penultimate hop",
	  PLAIN,
	  "0-1481",
	  "0-1480+ 1480-1481",
	  OUT1,
	  { .link = "eth mpls 500/0/65", .ttl = 70 } },
	{ "penultimate hop, an option that is copied",
	  PLAIN,
	  "0-1480",
	  "0-1472+ 1472-1480",
	  OUT1,
	  { .link = "eth mpls 500/0/65", .ttl = 70, .extension = 4, .option = 0x88 } },
	{ "penultimate hop, options that are not",
	  PLAIN,
	  "0-1480",
	  "0-1472+ 1472-1480",
	  OUT1,
	  { .link = "eth mpls 500/0/65", .ttl = 70, .extension = 4 } },
};

/* Compare what waits for the port; the pieces are `out`. */
static bool check_pieces(const struct fragment_case *one, const char *out)
{
	static uint8_t expected[FRAME_ROOM], found[FRAME_ROOM];
	struct transmit *transmit = &fixture.worker->transmit;
	struct piece_shape shape = one->shape;
	unsigned int count = 0, from, to;
	bool good = true;
	int used;

	shape.family = IPV4;
	shape.id = 77;
	shape.ttl = one->shape.ttl == 70 ? 64 : 63;
	shape.link = one->link;
	shape.padding = 0;
	for (; sscanf(out, "%u-%u%n", &from, &to, &used) == 2; count++) {
		out += used;
		if (!(shape.option & 0x80) && count > 0)
			shape.extension = 0; /* RFC 791 3.1: not copied */
		bool more = *out == '+';
		out += more;
		size_t length = piece_build(expected, &shape, from, to, more, false);
		if (count >= transmit->count[one->port])
			continue;
		struct rte_mbuf *mbuf = transmit->mbuf[one->port][count];
		rte_mbuf_sanity_check(mbuf, 1);
		const uint8_t *bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, found);
		if (mbuf->pkt_len != length || memcmp(bytes, expected, length) != 0) {
			frame_print_difference(expected, length, bytes, mbuf->pkt_len);
			good = false;
		}
	}
	if (transmit->count[one->port] != count)
		fprintf(stderr, "  %u pieces\n", transmit->count[one->port]);
	return transmit->count[one->port] == count && good;
}

static bool run_case(const struct fragment_case *one, bool segments)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	unsigned int available = rte_mempool_avail_count(fixture.pool), from, to;
	struct piece_shape shape = one->shape;

	set_vrf(one->way);
	shape.family = IPV4;
	shape.id = 77;
	assert_int_equal(sscanf(one->in, "%u-%u", &from, &to), 2);
	bool more = one->in[strlen(one->in) - 1] == '+';
	size_t length = piece_build(frame, &shape, from, to, more, false);
	struct rte_mbuf *mbuf = mbuf_of(frame, segments ? length / 2 : length);
	if (segments)
		assert_int_equal(
			rte_pktmbuf_chain(mbuf, mbuf_of(frame + length / 2, length - length / 2)),
			0);
	account_take(&before);
	worker_process(fixture.worker, 0, &mbuf, 1);
	bool good = check_pieces(one, one->out);
	unsigned int sent = transmit_take();
	good = account_balanced(&before, sent) && good;
	if (punt_take() != 0 || rte_mempool_avail_count(fixture.pool) != available)
		good = false;
	if (!good)
		fprintf(stderr, "FAILED: %s%s\n", one->name, segments ? ", in two segments" : "");
	return good;
}

static void test_cases(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		for (unsigned int segments = 0; segments < 2; segments++)
			failed += !run_case(&cases[i], segments != 0);
	assert_int_equal(failed, 0);
}

static struct rte_mbuf *long_packet(unsigned int length)
{
	static uint8_t frame[FRAME_ROOM];
	struct piece_shape shape = { .family = IPV4, .id = 77 };

	return mbuf_of(frame, piece_build(frame, &shape, 0, length, false, false));
}

/* Below each entropy pair, the same label: fragments of a packet take one way. */
static void test_entropy(void **state)
{
	struct rte_mbuf *mbuf = long_packet(1900);
	uint32_t label[2];

	(void)state;
	set_vrf(ENTROPY);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(fixture.worker->transmit.count[1], 2);
	for (unsigned int i = 0; i < 2; i++) {
		struct rte_mbuf *piece = fixture.worker->transmit.mbuf[1][i];
		assert_in_range(piece->pkt_len, 1, ETHERNET + 1500);
		memcpy(&label[i], rte_pktmbuf_mtod_offset(piece, uint8_t *, ETHERNET + 12), 4);
	}
	assert_int_equal(label[0], label[1]);
	transmit_take();
}

/* What must stay whole, or cannot be cut. */
static const struct stage_case whole_cases[] = {
	{ "do not fragment",
	  "eth type:0800 raw:450005dd12344000401104c90a0102030a090807 fill:1481",
	  { .kind = END_PUNTED,
	    .reason = PUNT_mtu_exceeded,
	    .frame = "raw:450005dd123440003f1105c90a0102030a090807 fill:1481" } },
	{ "do not fragment, but for what is only padding", "eth ip4/64 fill:1461",
	  SENT(1, "out:1/1 ip4/63") },
};

static void test_whole(void **state)
{
	static struct account before;

	(void)state;
	set_vrf(PLAIN);
	CASES_RUN(whole_cases);
	set_vrf(TINY); /* IPv4 needs 68 */
	account_take(&before);
	struct rte_mbuf *mbuf = long_packet(1000);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(dropped_since(&before, 0, DROP_mtu_exceeded), 1);
	assert_true(account_balanced(&before, 1));
}

/* Buffers run out: the packet is gone, the fragments that were made too. */
static void test_no_buffers(void **state)
{
	static struct account before;

	(void)state;
	set_vrf(SMALL);
	struct rte_mbuf *mbuf = long_packet(1000);
	buffers_take(5);
	account_take(&before);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(dropped_since(&before, 0, DROP_no_buffer), 1);
	assert_true(account_balanced(&before, 1));
	buffers_give();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_entropy),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_buffers),
	};
	return cmocka_run_group_tests_name("stage: fragment", tests, start, stage_stop);
}
