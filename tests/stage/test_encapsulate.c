/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_encapsulate.c: packets into tunnels. A label of its own leads into each of them: its packets are
 * popped, and routed by a nexthop by the tunnel. The identification of outer IPv4 headers is set before
 * each case.
 */
#include <stdio.h>
#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/tunnels.h"

enum {
	GRE,
	GRE_ALL,
	GRE_FIXED,
	IPIP,
	IPIP_6,
	GRE_6,
	MSS,
	INHERIT_DF,
	DOWN,
	NOWHERE,
	GRETAP,
	VXLAN,
	VXLAN_CHECKSUM,
	PSEUDOWIRE,
	PSEUDOWIRE_WORD,
	ITSELF,
	LABELS_BELOW,
	BY_GROUP,
	PUSHES,
	COUNT
};

enum { FIRST_LABEL = 600, DATAGRAM = 0x1111 };

static uint32_t into[COUNT]; /* nexthop by each tunnel */

static void make(unsigned int number, enum tunnel_mode mode, bool ipv4, uint32_t flags, uint32_t id,
		 uint64_t features)
{
	struct tunnel tunnel = tunnel_of(mode, ipv4, 2, flags, id);

	tunnel.local[15] = (uint8_t)(100 + number); /* no two have the same key */
	tunnel.ttl = 33;
	tunnel.dscp = 46;
	tunnel_make(number, &tunnel, INTERFACE_MPLS, features);
}

static void underlay(unsigned int number, enum route_kind kind, uint32_t index)
{
	word_store(&fixture.tables->interface[T(number)].underlay, route_leaf(kind, index));
}

static int start(void **state)
{
	struct group_members members = { .count = 1, .member = { { .weight = 1 } } };
	uint32_t group;
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	make(GRE, TUNNEL_GRE, true, TUNNEL_DF, 0, 0);
	make(GRE_ALL, TUNNEL_GRE, true, TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND, 5, 0);
	make(GRE_FIXED, TUNNEL_GRE, true, TUNNEL_TTL_FIXED | TUNNEL_DSCP_FIXED, 0, 0);
	make(IPIP, TUNNEL_IPIP, true, 0, 0, 0);
	make(IPIP_6, TUNNEL_IPIP, false, TUNNEL_TTL_FIXED, 0, 0);
	make(GRE_6, TUNNEL_GRE, false, TUNNEL_KEY, 5, 0);
	make(MSS, TUNNEL_GRE, true, 0, 0, 1300ull << INTERFACE_MSS_SHIFT);
	make(INHERIT_DF, TUNNEL_GRE, true, TUNNEL_DF_INHERIT, 0, 0);
	make(DOWN, TUNNEL_GRE, true, 0, 0, 0);
	make(NOWHERE, TUNNEL_GRE, true, 0, 0, 0);
	make(GRETAP, TUNNEL_GRETAP, true, 0, 0, 0);
	make(VXLAN, TUNNEL_VXLAN, true, 0, 100, 0);
	make(VXLAN_CHECKSUM, TUNNEL_VXLAN, true, TUNNEL_CHECKSUM, 101, 0);
	make(PSEUDOWIRE, TUNNEL_PSEUDOWIRE, true, TUNNEL_TTL_FIXED, 777, 0);
	make(PSEUDOWIRE_WORD, TUNNEL_PSEUDOWIRE, true, TUNNEL_CONTROL_WORD, 778, 0);
	make(ITSELF, TUNNEL_GRE, true, 0, 0, 0);
	make(LABELS_BELOW, TUNNEL_GRE, true, TUNNEL_TTL_FIXED, 0, 0);
	make(BY_GROUP, TUNNEL_GRE, true, TUNNEL_TTL_FIXED, 0, 0);
	make(PUSHES, TUNNEL_GRE, true, TUNNEL_TTL_FIXED, 0, 0);
	for (unsigned int i = 0; i < COUNT; i++) {
		if (i == PUSHES)
			into[i] = fixture_nexthop_tunnel(&fixture, T(i), LABELS(301, 302));
		else
			into[i] = fixture_nexthop_tunnel(&fixture, T(i), NO_LABELS);
		route(FIRST_LABEL + i, LABEL_POP, 0, into[i], 0);
	}
	_Atomic uint64_t *flags = &fixture.tables->interface[T(DOWN)].flags;
	word_store(flags, word_load(flags) & ~INTERFACE_UP);
	underlay(NOWHERE, ROUTE_NONE, 0);
	underlay(ITSELF, ROUTE_NEXTHOP, into[ITSELF]);
	underlay(LABELS_BELOW, ROUTE_NEXTHOP, via(2, 3, LABELS(401)));
	members.member[0].nexthop = via(3, 3, NO_LABELS);
	assert_int_equal(group_add(fixture.nexthops, &members, &group), 0);
	underlay(BY_GROUP, ROUTE_GROUP, group);
	return 0;
}

static const struct stage_case ip_cases[] = {
	{ "IPv4 in GRE", "eth mpls 600/0/64 ip4/90/b9",
	  SENT(2, "out:2/2 outer4:100>2/63/b9/4000/1111 gre ip4/63/b9") },
	{ "IPv6 in GRE", "eth mpls 600/0/64 ip6/90/b9",
	  SENT(2, "out:2/2 outer4:100>2/63/b9/4000/1111 gre ip6/63/b9") },
	{ "labels in GRE", "eth mpls 600/0/64 700/5/90 ip6/90/b9",
	  SENT(2, "out:2/2 outer4:100>2/63/a0/4000/1111 gre mpls 700/5/63 ip6/90/b9") },
	{ "key, checksum and sequence number", "eth mpls 601/0/64 ip4/90/b9",
	  SENT(2, "out:2/2 outer4:101>2/63/b9/0/1111 gre:key=5,csum,seq=0 ip4/63/b9") },
	{ "the next number", "eth mpls 601/0/64 ip4/90/b9",
	  SENT(2, "out:2/2 outer4:101>2/63/b9/0/1111 gre:key=5,csum,seq=1 ip4/63/b9") },
	{ "TTL and DSCP of the tunnel, ECN of the packet", "eth mpls 602/0/64 ip4/90/23",
	  SENT(2, "out:2/2 outer4:102>2/33/bb/0/1111 gre ip4/63/23") },
	{ "IPv4 in IPv4", "eth mpls 603/0/64 ip4/90/b9",
	  SENT(2, "out:2/2 outer4:103>2/63/b9/0/1111 ip4/63/b9") },
	{ "IPv6 in IPv4", "eth mpls 603/0/64 ip6/90/b9",
	  SENT(2, "out:2/2 outer4:103>2/63/b9/0/1111 ip6/63/b9") },
	{ "labels in IP in IP", "eth mpls 603/0/64 700/0/90 ip6/90/b9", DROPPED(tunnel_payload) },
	{ "DF of the packet", "eth mpls 607/0/64 ip4/90",
	  SENT(2, "out:2/2 outer4:107>2/63/0/4000/1111 gre ip4/63") },
	{ "IPv6 has DF by nature", "eth mpls 607/0/64 ip6/90",
	  SENT(2, "out:2/2 outer4:107>2/63/0/4000/1111 gre ip6/63") },
	{ "padding stays outside", "eth mpls 600/0/64 ip4/90 raw:0000000000",
	  SENT(2, "out:2/2 outer4:100>2/63/0/4000/1111 gre ip4/63") },
	{ "MSS", "eth mpls 606/0/64 tcp4:1460",
	  SENT(2, "out:2/2 outer4:106>2/63/0/0/1111 gre tcp4:1300/2/63") },
	{ "tunnel set down", "eth mpls 608/0/64 ip4/90", DROPPED(tunnel_down) },
	{ "no way to the remote end", "eth mpls 609/0/64 ip4/90", DROPPED(tunnel_no_route) },
	{ "IP into a tunnel for Ethernet", "eth mpls 610/0/64 ip4/90", DROPPED(tunnel_payload) },
	{ "routed through itself", "eth mpls 615/0/64 ip4/90", DROPPED(too_many_layers) },
	{ "the way there is labelled", "eth mpls 616/0/64 ip4/90/b8",
	  SENT(2, "out:2/3 mpls 401/5/33 outer4:116>2/33/b8/0/1111 gre ip4/63/b8") },
	{ "a group leads there", "eth mpls 617/0/64 ip4/90",
	  SENT(3, "out:3/3 outer4:117>2/33/0/0/1111 gre ip4/63") },
	{ "labels pushed first", "eth mpls 618/2/64 ip4/90",
	  SENT(2, "out:2/2 outer4:118>2/33/40/0/1111 gre mpls 301/2/63 302/2/63 ip4/63") },
};

static void test_ip(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(ip_cases) / sizeof(ip_cases[0]); i++) {
		size_t length = frame_build(frame, ip_cases[i].frame);
		fixture.worker->datagram = DATAGRAM;
		failed += !case_run(&ip_cases[i], frame, length, HEADROOM, 0);
	}
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- what hashes go into */

/* Where the one packet is that was sent by port 2, and its length. */
static const uint8_t *sent(size_t *length)
{
	struct transmit *transmit = &fixture.worker->transmit;

	assert_int_equal(transmit->pending, 1ull << 2);
	assert_int_equal(transmit->count[2], 1);
	*length = transmit->mbuf[2][0]->pkt_len;
	return rte_pktmbuf_mtod(transmit->mbuf[2][0], const uint8_t *);
}

/* A packet into the tunnel of this number: `text` from its Ethernet header on, `payload` at `l3`. */
static void send_into(unsigned int number, const char *text, uint8_t payload, unsigned int l3)
{
	static uint8_t frame[FRAME_ROOM];
	struct packet *packet = &fixture.worker->packet[0];
	size_t length = frame_build(frame, text);

	fixture.worker->datagram = DATAGRAM;
	packet->mbuf = guarded_mbuf(frame, length, HEADROOM);
	packet->l3 = rte_pktmbuf_mtod(packet->mbuf, uint8_t *) + l3;
	packet->context = (struct packet){ .payload = payload }.context;
	tunnel_encapsulate(fixture.worker, packet, T(number));
	encapsulate(fixture.worker);
	worker_process(fixture.worker, 0, NULL, 0);
}

/* The flow label is the flow's: the same for its next packet, another for another flow. */
static void test_flow_label(void **state)
{
	uint8_t expected[FRAME_ROOM];
	uint32_t seen[2];
	size_t length;

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		send_into(IPIP_6, i == 0 ? "eth ip4/63/b8" : "eth tcp4:1000", PAYLOAD_IPV4,
			  ETHERNET);
		const uint8_t *frame = sent(&length);
		uint32_t label =
			(uint32_t)(frame[15] & 0xf) << 16 | (uint32_t)frame[16] << 8 | frame[17];
		char text[128];
		snprintf(text, sizeof(text), "out:2/2 outer6:104>2/33/%s/%x %s",
			 i == 0 ? "b8" : "0", label, i == 0 ? "ip4/63/b8" : "tcp4:1000");
		assert_int_equal(frame_build(expected, text), length);
		assert_memory_equal(frame, expected, length);
		seen[i] = label;
		transmit_take();
	}
	assert_int_not_equal(seen[0], seen[1]);
	send_into(IPIP_6, "eth ip4/63/b8", PAYLOAD_IPV4, ETHERNET);
	assert_int_equal((uint32_t)(sent(&length)[15] & 0xf) << 16 |
				 (uint32_t)sent(&length)[16] << 8 | sent(&length)[17],
			 seen[0]);
	transmit_take();
}

/* Text with the source port that the flow's hash gave. */
static void expect_vxlan(const char *format, const char *inner)
{
	uint8_t expected[FRAME_ROOM];
	char text[256];
	size_t length;
	const uint8_t *frame = sent(&length);
	unsigned int port = (unsigned int)frame[34] << 8 | frame[35];

	assert_true(port >= 49152);
	snprintf(text, sizeof(text), format, port, inner);
	if (frame_build(expected, text) != length || memcmp(frame, expected, length) != 0) {
		frame_print_difference(expected, frame_build(expected, text), frame, length);
		fail_msg("%s", text);
	}
	transmit_take();
}

static void test_ethernet(void **state)
{
	uint8_t expected[FRAME_ROOM];
	size_t length;

	(void)state;
	send_into(GRETAP, "eth ip4/9/b9", PAYLOAD_ETHERNET, 0);
	const uint8_t *frame = sent(&length);
	assert_int_equal(
		frame_build(expected, "out:2/2 outer4:110>2/64/b9/0/1111 gre eth ip4/9/b9"),
		length);
	assert_memory_equal(frame, expected, length);
	transmit_take();
	send_into(VXLAN, "eth ip4/9/b9", PAYLOAD_ETHERNET, 0);
	expect_vxlan("out:2/2 outer4:111>2/64/b9/0/1111 vxlan:100/%u %s", "eth ip4/9/b9");
	send_into(VXLAN, "eth vlan:7 ip6/9/b9", PAYLOAD_ETHERNET, 0);
	expect_vxlan("out:2/2 outer4:111>2/64/b9/0/1111 vxlan:100/%u %s", "eth vlan:7 ip6/9/b9");
	send_into(VXLAN, "eth type:0806 fill:28", PAYLOAD_ETHERNET, 0);
	expect_vxlan("out:2/2 outer4:111>2/64/0/0/1111 vxlan:100/%u %s", "eth type:0806 fill:28");
	send_into(VXLAN_CHECKSUM, "eth type:0806 fill:29", PAYLOAD_ETHERNET, 0);
	expect_vxlan("out:2/2 outer4:112>2/64/0/0/1111 vxlan:101/%u/csum %s",
		     "eth type:0806 fill:29");
}

/* The label's traffic class is the priority of the frame's tag, 0 without one. */
static void test_pseudowire(void **state)
{
	static const struct {
		uint32_t interface;
		uint8_t priority; /* 0: no tag */
		const char *before;
	} rows[] = {
		{ PSEUDOWIRE, 0, "out:2/2 mpls 777/0/33" },
		{ PSEUDOWIRE_WORD, 0, "out:2/2 mpls 778/0/255 cw:00000000" },
		{ PSEUDOWIRE, 5, "out:2/2 mpls 777/5/33" },
		{ PSEUDOWIRE_WORD, 7, "out:2/2 mpls 778/7/255 cw:00000000" },
	};
	uint8_t expected[FRAME_ROOM], inner[FRAME_ROOM];
	size_t length;

	(void)state;
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[64];
		snprintf(text, sizeof(text), rows[i].priority ? "eth vlan:%u type:9999 fill:50"
							      : "eth type:9999 fill:50",
			 (unsigned int)rows[i].priority << 13 | 10);
		size_t inner_length = frame_build(inner, text);
		send_into(rows[i].interface, text, PAYLOAD_ETHERNET, 0);
		const uint8_t *frame = sent(&length);
		size_t before = frame_build(expected, rows[i].before);
		memcpy(expected + before, inner, inner_length);
		assert_int_equal(length, before + inner_length);
		assert_memory_equal(frame, expected, length);
		transmit_take();
	}
}

/* ---------------------------------------------------------------- limits */

/* Longer than the tunnel's MTU: the sender is told the tunnel's MTU; not by one byte less. */
static void test_mtu(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	struct account before;

	(void)state;
	for (unsigned int over = 0; over < 2; over++) {
		size_t length = frame_build(frame, "eth mpls 600/0/64 ip4/90");
		size_t total = 1400 + over;
		memset(frame + length, 0xee, ETHERNET + 4 + total - length);
		uint8_t *header = frame + ETHERNET + 4;
		header[2] = (uint8_t)(total >> 8);
		header[3] = (uint8_t)total;
		header[10] = header[11] = 0;
		uint16_t sum = frame_checksum(header, 20);
		header[10] = (uint8_t)(sum >> 8);
		header[11] = (uint8_t)sum;
		account_take(&before);
		struct rte_mbuf *mbuf = mbuf_of(frame, ETHERNET + 4 + total);
		worker_process(fixture.worker, 0, &mbuf, 1);
		assert_true(account_balanced(&before, 1));
		assert_int_equal(transmit_take(), 1 - over);
		const struct frame_slot *slot =
			ring_peek(fixture.worker->punt, &fixture.tables->punt_consumer[0]);
		assert_int_equal(slot != NULL, over);
		if (slot != NULL) {
			assert_int_equal(slot->reason, PUNT_mtu_exceeded);
			assert_int_equal(slot->nexthop, into[GRE]);
		}
		punt_take();
	}
}

/* No room for the outer headers, to the byte: dropped, and nothing before the buffer was written. */
static void test_headroom(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	struct stage_case fits = { "room", "eth mpls 600/0/64 ip4/90",
				   SENT(2, "out:2/2 outer4:100>2/63/0/4000/1111 gre ip4/63") };
	struct stage_case full = { "no room", "eth mpls 600/0/64 ip4/90", DROPPED(no_headroom) };
	size_t length = frame_build(frame, fits.frame);
	unsigned int least = TUNNEL_HEADER_MAX - ETHERNET - 4;

	(void)state;
	for (unsigned int room = 0; room < 80; room++) {
		fixture.worker->datagram = DATAGRAM;
		assert_true(case_run(room < least ? &full : &fits, frame, length, room, 0));
	}
}

/* A row that has no counters yet is not entered. */
static void test_row_without_counters(void **state)
{
	struct stage_case unready = { "no counters", "eth mpls 600/0/64 ip4/90",
				      DROPPED(interface_down) };
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, unready.frame);

	(void)state;
	word_store(&fixture.state->control.interfaces_ready, INTERFACE_FIRST_TUNNEL);
	bool good = case_run(&unready, frame, length, HEADROOM, 0);
	word_store(&fixture.state->control.interfaces_ready, INTERFACE_MAX);
	assert_true(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ip),
		cmocka_unit_test(test_flow_label),
		cmocka_unit_test(test_ethernet),
		cmocka_unit_test(test_pseudowire),
		cmocka_unit_test(test_mtu),
		cmocka_unit_test(test_headroom),
		cmocka_unit_test(test_row_without_counters),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
