/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_copies.c: bursts of which the stages make more packets than a vector holds: copies into tunnels, to a
 * bridge itself, to the branches of a label, beside packets that only pass. All are made, each ends once,
 * and no buffer is lost.
 */
#include <rte_byteorder.h>
#include "dataplane/shm/ring.h"
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_header.h"
#include "tests/stage/bridges.h"
#include "tests/stage/filters.h"
#include "tests/stage/tunnels.h"

enum {
	MEMBERS = 12, /* tunnels of bridge 1 */
	NESTED = 6,   /* tunnels of bridge 2, each in another one */
	IN = 3,
	BRIDGED = 4,
	IN_NESTED = 5, /* of bridge 2 */
	DEEP = 6,      /* of bridge 3, whose tunnel leaves least room before it */
	ROUTED = 1,
	UNDERLAY = 2,
	REPLICATE = 100,
	BUD, /* the same, and one popped here */
	FEW = 4,
};

/* What a frame may be. */
enum kind {
	BROADCAST,  /* to all of the bridge, itself too */
	TO_BRIDGE,  /* to the bridge's own address, and routed to ROUTED */
	PLAIN,      /* routed to ROUTED */
	OUT_OF_ONE, /* a broadcast out of the first tunnel */
	BRANCHES,   /* labelled, to FEW branches by port ROUTED */
	OWN_LABEL,  /* the same to the bridge's own address */
	GROUP,      /* routed to a group of which all tunnels of bridge 1 are members */
	KINDS
};

static uint8_t frames[KINDS][FRAME_ROOM];
static size_t lengths[KINDS];

static void make_frames(void)
{
	static const char *const text[KINDS] = {
		"eth ip4/64",
		"eth ip4/64",
		"eth ip4/64",
		"eth outer4:2>1 vxlan:100 eth ip4/64/b8",
		"eth mpls 100/5/64 ip4/30",
		"eth mpls 100/5/64 ip4/30",
		"eth ip4/64",
	};
	static const uint8_t group[6] = { 1, 0, 0x5e, 1, 1, 1 }, to_group[4] = { 239, 1, 1, 1 };
	static const uint8_t own[6] = { 0x02, 0, 0, 0, 0xb0, 1 }, host[6] = { 0x0a, 0, 0, 0, 0, 1 };

	for (unsigned int kind = 0; kind < KINDS; kind++)
		lengths[kind] = frame_build(frames[kind], text[kind]);
	memset(frames[BROADCAST], 0xff, 6);
	memset(frames[OUT_OF_ONE] + 14 + 20 + 8 + 8, 0xff, 6);
	memcpy(frames[TO_BRIDGE], own, 6);
	memcpy(frames[OWN_LABEL], own, 6);
	memcpy(frames[BROADCAST] + 6, host, 6);
	memcpy(frames[TO_BRIDGE] + 6, host, 6);
	memcpy(frames[OWN_LABEL] + 6, host, 6);
	memcpy(frames[GROUP], group, 6);
	memcpy(frames[GROUP] + 14 + 16, to_group, 4);
	ipv4_set_checksum(frames[GROUP] + 14);
}

/* VXLAN `number` to `remote` in a GRE tunnel of its own with all fields, which is `number` + 1. */
static void make_nested(unsigned int number, unsigned int remote, bool ipv4)
{
	struct tunnel gre = tunnel_of(TUNNEL_GRE, ipv4, remote,
				      TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND, number);
	struct tunnel vxlan = tunnel_of(TUNNEL_VXLAN, ipv4, remote, 0, 200 + number);
	uint32_t by =
		fixture_nexthop_tunnel(&fixture, tunnel_make(number + 1, &gre, 0, 0), NO_LABELS);

	fixture_tunnel(&fixture, number, &vxlan, 0, 0, route_leaf(ROUTE_NEXTHOP, by));
}

static void make_nested_bridges(void)
{
	static const uint16_t ten[] = { 10, 0 };
	struct bridge_seat nested[NESTED + 1] = { { IN_NESTED, 1, 10, NULL, 0 } };
	struct bridge_seat deep[] = { { DEEP, 1, 10, NULL, 0 },
				      { T(MEMBERS + 2 * NESTED), 2, 0, ten, 0 } };

	for (unsigned int i = 0; i < NESTED; i++) {
		make_nested(MEMBERS + 2 * i, 20 + i, true);
		nested[i + 1] = (struct bridge_seat){ .interface = T(MEMBERS + 2 * i),
						      .slot = 16 + i,
						      .native = 10 };
	}
	bridge_make(2, nested, NESTED + 1, 10, 0, 0);
	make_nested(MEMBERS + 2 * NESTED, 30, false);
	bridge_make(3, deep, 2, 10, 0, 0);
}

static int start(void **state)
{
	struct bridge_seat seats[MEMBERS + 2] = { { IN, 1, 10, NULL, 0 },
						  { BRIDGED, 2, 10, NULL, 0 } };
	struct group_members branches = { .count = FEW };
	unsigned int slots[MEMBERS];
	uint32_t group;
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	for (unsigned int i = 0; i < MEMBERS; i++) {
		struct tunnel tunnel = tunnel_of(TUNNEL_VXLAN, true, 2 + i, 0, 100);
		tunnel_make(i, &tunnel, 0, 0);
		seats[i + 2] =
			(struct bridge_seat){ .interface = T(i), .slot = 16 + i, .native = 10 };
	}
	bridge_make(1, seats, MEMBERS + 2, 10, 0, DOMAIN_SNOOPING | DOMAIN_ENFORCED);
	for (unsigned int i = 0; i < MEMBERS; i++)
		slots[i] = 16 + i;
	group_add_entry(1, 10, "239.1.1.1", NULL, 0, slots, MEMBERS);
	ROUTE_GROUP_TO("239.1.1.1", { .bridge = 1, .flags = MULTICAST_NO_RPF });
	make_nested_bridges();
	word_store(&fixture.tables->interface[OWN_ROW].flags,
		   word_load(&fixture.tables->interface[OWN_ROW].flags) | INTERFACE_MPLS);
	for (unsigned int i = 0; i < FEW; i++) {
		branches.member[i].nexthop = via(ROUTED, 10 + i, LABELS(201 + i));
		branches.member[i].weight = 1;
	}
	assert_int_equal(group_add(fixture.nexthops, &branches, &group), 0);
	route(REPLICATE, LABEL_REPLICATE, 0, group, LABEL_GROUP);
	route(BUD, LABEL_REPLICATE, 0, group, LABEL_GROUP | LABEL_LOCAL);
	make_frames();
	return region_allocate_inject(&fixture.tables_region, 1);
}

/* VECTOR_SIZE frames by a port. */
struct burst {
	const char *name;
	unsigned int port;
	enum kind kind[2];
	unsigned int second;                    /* how many of them are of the second kind */
	bool mixed;                             /* in turn, not one kind after the other */
	unsigned int routed, underlay, bridged; /* packets that leave by these ports */
};

static uint64_t left_by(unsigned int interface)
{
	return counter_read(&fixture.worker->interface[interface].tx_packets);
}

/* Over all interfaces: copies that were made, and those for which there was no room. */
static uint64_t copies(bool made)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++) {
		unsigned int row = i < INTERFACES ? i : T(i - INTERFACES);
		const struct interface_counters *counters = &fixture.worker->interface[row];
		sum += made ? counter_read(&counters->copies)
			    : counter_read(&counters->copies_failed) +
				       counter_read(&counters->drop[DROP_no_buffer]);
	}
	return sum;
}

static bool is_second(const struct burst *burst, unsigned int i)
{
	if (burst->mixed)
		return i * burst->second / VECTOR_SIZE != (i + 1) * burst->second / VECTOR_SIZE;
	return i >= VECTOR_SIZE - burst->second;
}

static void expect(const struct burst *burst, const char *what, uint64_t is, uint64_t expected)
{
	if (is == expected)
		return;
	fprintf(stderr, "FAILED: %s: %s: %lu, not %lu\n", burst->name, what, (unsigned long)is,
		(unsigned long)expected);
	fail();
}

static void run(const struct burst *burst)
{
	unsigned int available = rte_mempool_avail_count(fixture.pool);
	uint64_t routed = left_by(ROUTED), underlay = left_by(UNDERLAY), bridged = left_by(BRIDGED);
	uint64_t made = copies(true), no_room = copies(false);
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	static struct account before;

	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		enum kind kind = burst->kind[is_second(burst, i)];
		mbufs[i] = mbuf_of(frames[kind], lengths[kind]);
	}
	worker_process(fixture.worker, burst->port, mbufs, VECTOR_SIZE);
	expect(burst, "routed", left_by(ROUTED) - routed, burst->routed);
	expect(burst, "by tunnels", left_by(UNDERLAY) - underlay, burst->underlay);
	expect(burst, "bridged", left_by(BRIDGED) - bridged, burst->bridged);
	expect(burst, "copies not made", copies(false) - no_room, 0);
	made = copies(true) - made;
	expect(burst, "each ended once",
	       account_balanced(&before, VECTOR_SIZE + (unsigned int)made), true);
	transmit_take();
	punt_take();
	expect(burst, "free buffers", rte_mempool_avail_count(fixture.pool), available);
}

static void all_copies_are_made(void **state)
{
	static const struct burst bursts[] = {
		{ "broadcasts", IN, { BROADCAST, BROADCAST }, 0, false, 0, 64 * MEMBERS, 64 },
		{ "for the bridge, then broadcasts",
		  IN,
		  { TO_BRIDGE, BROADCAST },
		  20,
		  false,
		  44,
		  20 * MEMBERS,
		  20 },
		{ "broadcasts, then for the bridge",
		  IN,
		  { BROADCAST, TO_BRIDGE },
		  20,
		  false,
		  20,
		  44 * MEMBERS,
		  44 },
		{ "both in turn", IN, { BROADCAST, TO_BRIDGE }, 32, true, 32, 32 * MEMBERS, 32 },
		{ "routed beside broadcasts out of a tunnel",
		  0,
		  { PLAIN, OUT_OF_ONE },
		  33,
		  false,
		  31,
		  33 * (MEMBERS - 1),
		  33 },
		{ "in turn", 0, { PLAIN, OUT_OF_ONE }, 33, true, 31, 33 * (MEMBERS - 1), 33 },
		{ "one routed", 0, { OUT_OF_ONE, PLAIN }, 1, true, 1, 63 * (MEMBERS - 1), 63 },
		{ "branches beside broadcasts out of a tunnel",
		  0,
		  { BRANCHES, OUT_OF_ONE },
		  33,
		  true,
		  31 * FEW,
		  33 * (MEMBERS - 1),
		  33 },
		{ "routed to a group", 0, { GROUP, GROUP }, 0, false, 0, 64 * MEMBERS, 0 },
		{ "plain ones and to a group", 0, { PLAIN, GROUP }, 30, true, 34, 30 * MEMBERS, 0 },
		{ "into tunnels in tunnels",
		  IN_NESTED,
		  { BROADCAST, BROADCAST },
		  0,
		  false,
		  0,
		  64 * NESTED,
		  0 },
		{ "the bridge's own labels, which have branches",
		  IN,
		  { OWN_LABEL, BROADCAST },
		  10,
		  true,
		  54 * FEW,
		  10 * MEMBERS,
		  10 },
	};

	(void)state;
	for (unsigned int round = 0; round < 5; round++) /* what is used in turn is used again */
		for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++)
			run(&bursts[i]);
}

/* What the control plane sends, all in one turn: frames out of the bridge itself, then into a tunnel. */
static void injected(void **state)
{
	struct ring_producer *producer = &fixture.tables->inject[0];
	uint64_t underlay = left_by(UNDERLAY);
	const unsigned int copied = 40, plain = 20;

	(void)state;
	for (unsigned int i = 0; i < copied + plain; i++) {
		struct frame_slot *slot =
			ring_reserve(producer, &fixture.state->inject_consumer[0]);
		enum kind kind = i < copied ? BROADCAST : PLAIN;
		assert_non_null(slot);
		slot->interface = i < copied ? OWN_ROW : T(MEMBERS + 1);
		slot->length = (uint32_t)lengths[kind];
		memcpy(slot->data, frames[kind], lengths[kind]);
		ring_publish(producer);
	}
	inject_done(fixture.worker, inject(fixture.worker));
	assert_int_equal(left_by(UNDERLAY) - underlay, copied * MEMBERS + plain);
	transmit_take();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* 4 bytes of a tag, 56 and 56 of headers: the Ethernet header has no room in the 128 bytes before a frame. */
static void no_room_for_headers(void **state)
{
	struct rte_mbuf *mbuf = mbuf_of(frames[BROADCAST], lengths[BROADCAST]);
	static struct account before;

	(void)state;
	account_take(&before);
	worker_process(fixture.worker, DEEP, &mbuf, 1);
	punt_take();
	assert_int_equal(transmit_take(), 0);
	assert_int_equal(dropped_since(&before, DEEP, DROP_no_headroom), 1);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* Out of bridge 1 itself, to an address that it does not know. */
static uint32_t by_bridge(uint16_t mtu)
{
	static const uint8_t header[14] = {
		0x0a, 0, 0, 0, 0x77, 2, 2, 0, 0, 0, 0xb0, 1, 0x88, 0x47
	};
	struct rewrite rewrite = { .header_length = sizeof(header),
				   .port = PORT_VIRTUAL,
				   .interface = OWN_ROW,
				   .mtu = mtu };
	uint32_t nexthop;

	memcpy(rewrite.header + sizeof(rewrite.header) - sizeof(header), header, sizeof(header));
	assert_int_equal(nexthop_add(fixture.nexthops, NEXTHOP_FORWARD, &rewrite, &nexthop), 0);
	return nexthop;
}

/* Long packets for the bridge that leave by it again: each of the fragments is flooded, while the buffers of
 * those before are used again. */
static void fragments_of_a_bridge(void **state)
{
	enum { LONG = 4000, PIECES = 4, COUNT = 34 };
	static const uint8_t far[4] = { 10, 77, 1, 1 }, head[15] = { 0x0a, 0, 0,    0, 0x77,
								     2,    2, 0,    0, 0,
								     0xb0, 1, 0x08, 0, 0x45 };
	const struct transmit *transmit = &fixture.worker->transmit;
	static uint8_t frame[FRAME_ROOM];
	struct rte_mbuf *mbufs[2 + COUNT];
	uint64_t underlay = left_by(UNDERLAY), bridged = left_by(BRIDGED);
	uint16_t total = rte_cpu_to_be_16(LONG);

	(void)state;
	tunnel_route(far, 32, true, route_leaf(ROUTE_NEXTHOP, by_bridge(1300)));
	memcpy(frame, frames[TO_BRIDGE], lengths[TO_BRIDGE]);
	memcpy(frame + 14 + 2, &total, sizeof(total));
	memset(frame + 14 + 6, 0, 2);
	memcpy(frame + 14 + 16, far, sizeof(far));
	ipv4_set_checksum(frame + 14);
	mbufs[0] = mbuf_of(frames[BROADCAST], lengths[BROADCAST]); /* ports are full amid a packet's pieces */
	mbufs[1] = mbuf_of(frames[BROADCAST], lengths[BROADCAST]);
	for (unsigned int i = 0; i < COUNT; i++)
		mbufs[2 + i] = mbuf_of(frame, 14 + LONG);
	atomic_store(&fixture.state->port_live[IN], 0); /* so that nobody else holds them */
	worker_process(fixture.worker, IN, mbufs, 2 + COUNT);
	atomic_store(&fixture.state->port_live[IN], 1);
	assert_int_equal(left_by(UNDERLAY) - underlay, (2 + COUNT * PIECES) * MEMBERS);
	assert_int_equal(left_by(BRIDGED) - bridged, 2 + COUNT * PIECES);
	for (unsigned int i = 0; i < transmit->count[BRIDGED]; i++)
		assert_memory_equal(rte_pktmbuf_mtod(transmit->mbuf[BRIDGED][i], const uint8_t *),
				    head, sizeof(head));
	transmit_take();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* Tunnels whose packets leave by their own bridge, which does not know where to: not into all tunnels again. */
static void tunnels_out_of_their_bridge(void **state)
{
	struct rte_mbuf *mbuf = mbuf_of(frames[BROADCAST], lengths[BROADCAST]);
	uint64_t bridged = left_by(BRIDGED), no_room = copies(false), underlay[MEMBERS];
	uint32_t by = by_bridge(1500);

	(void)state;
	for (unsigned int i = 0; i < MEMBERS; i++) {
		underlay[i] = word_load(&fixture.tables->interface[T(i)].underlay);
		word_store(&fixture.tables->interface[T(i)].underlay,
			   route_leaf(ROUTE_NEXTHOP, by));
	}
	worker_process(fixture.worker, IN, &mbuf, 1);
	assert_int_equal(left_by(BRIDGED) - bridged, 1 + MEMBERS);
	assert_int_equal(copies(false) - no_room, MEMBERS * MEMBERS);
	for (unsigned int i = 0; i < MEMBERS; i++)
		word_store(&fixture.tables->interface[T(i)].underlay, underlay[i]);
	transmit_take();
	punt_take();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* What ends at a bud node may be written anywhere, behind what a branch's copy has of its own too. */
static void bud_shares_nothing(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	const struct transmit *transmit = &fixture.worker->transmit;
	size_t length = frame_build(frame, "eth mpls 101/5/64 ip4/64");
	struct rte_mbuf *mbuf =
		mbuf_of(frame, length + 400); /* longer than what a branch has of its own */

	(void)state;
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(transmit->count[ROUTED], FEW + 1);
	const struct rte_mbuf *own = transmit->mbuf[ROUTED][FEW];
	for (unsigned int i = 0; i < FEW; i++)
		for (const struct rte_mbuf *part = transmit->mbuf[ROUTED][i]; part != NULL;
		     part = part->next)
			assert_ptr_not_equal(part->buf_addr, own->buf_addr);
	assert_int_equal(rte_mbuf_refcnt_read(own), 1);
	transmit_take();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* A frame of Ethernet in GRE in Ethernet ..., each to the bridge's own address, is not taken apart for ever. */
static void layers_are_counted(void **state)
{
	enum { LAYERS = 40, LAYER = 14 + 20 + 4 };
	static const uint8_t own[6] = { 0x02, 0, 0, 0, 0xb0, 1 }, ethernet[2] = { 0x65, 0x58 };
	struct tunnel gretap = tunnel_of(TUNNEL_GRETAP, true, 40, 0, 0);
	uint32_t row = tunnel_make(TUNNELS - 1, &gretap, 0, 0);
	struct bridge_seat seats[] = { { IN, 1, 10, NULL, 0 }, { row, 2, 10, NULL, 0 } };
	static uint8_t layer[FRAME_ROOM], frame[LAYERS * LAYER + FRAME_ROOM];
	static struct account before;

	(void)state;
	bridge_make(1, seats, 2, 10, 0, 0);
	assert_int_equal(frame_build(layer, "eth outer4:40>1 gre"), LAYER);
	memcpy(layer, own, 6);
	memcpy(layer + LAYER - 2, ethernet, sizeof(ethernet));
	size_t length = LAYERS * LAYER + frame_build(frame + LAYERS * LAYER, "eth ip4/64");
	for (unsigned int i = 0; i < LAYERS; i++) {
		uint8_t *at = frame + i * LAYER;
		uint16_t inside = rte_cpu_to_be_16((uint16_t)(length - i * LAYER - 14));
		memcpy(at, layer, LAYER);
		memcpy(at + 14 + 2, &inside, sizeof(inside));
		ipv4_set_checksum(at + 14);
	}
	account_take(&before);
	struct rte_mbuf *mbuf = mbuf_of(frame, length);
	worker_process(fixture.worker, IN, &mbuf, 1);
	assert_int_equal(dropped_since(&before, row, DROP_too_many_layers) +
				 dropped_since(&before, OWN_ROW, DROP_too_many_layers),
			 1);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* The traffic class in the frame that waits for a port; the rest of a frame may be shared. */
static unsigned int class_of(unsigned int port)
{
	uint8_t copy[16];

	assert_int_equal(fixture.worker->transmit.count[port], 1);
	const uint8_t *frame =
		rte_pktmbuf_read(fixture.worker->transmit.mbuf[port][0], 0, sizeof(copy), copy);
	return frame[15];
}

/* A policer at one port's egress marks what has that port alone; else other ports would get it marked. */
static void marks_are_no_other_ports(void **state)
{
	static const struct bridge_seat seats[] = { { 7, 1, 10, NULL, 0 },
						    { 8, 2, 10, NULL, 0 },
						    { 9, 3, 10, NULL, 0 } };
	static const uint8_t host[6] = { 0x0a, 0, 0, 0, 0, 8 };
	uint8_t frame[256];

	(void)state;
	filters_start();
	filters_meter(&(struct filter_rule_spec){
		.rate = 1, .burst = 1, .excess = 100000, .exceed = 10 });
	bind_out(8, METERED);
	bridge_make(4, seats, 3, 10, 0, 0);
	fdb_entry_add(4, 10, "0a0000000008", 8, 2, ORIGIN_STATIC);
	memcpy(frame, frames[BROADCAST], lengths[BROADCAST]);
	struct rte_mbuf *mbuf = mbuf_of(frame, lengths[BROADCAST]);
	worker_process(fixture.worker, 7, &mbuf, 1);
	assert_int_equal(class_of(8), frame[15]);
	assert_int_equal(class_of(9), frame[15]);
	transmit_take();
	punt_take();
	memcpy(frame, host, sizeof(host));
	mbuf = mbuf_of(frame, lengths[BROADCAST]);
	worker_process(fixture.worker, 7, &mbuf, 1);
	assert_int_equal(class_of(8) >> 2, 10);
	transmit_take();
	bind_out(8, 0);
	filters_stop();
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_copies_are_made),
		cmocka_unit_test(fragments_of_a_bridge),
		cmocka_unit_test(tunnels_out_of_their_bridge),
		cmocka_unit_test(injected),
		cmocka_unit_test(no_room_for_headers),
		cmocka_unit_test(bud_shares_nothing),
		cmocka_unit_test(layers_are_counted),
		cmocka_unit_test(marks_are_no_other_ports),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
