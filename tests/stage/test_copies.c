/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_copies.c: bursts of which the stages make more packets than a vector holds: copies into tunnels, to a
 * bridge itself, to the branches of a label, beside packets that only pass. All are made, each ends once,
 * and no buffer is lost.
 */
#include "dataplane/stage/bridge.h"
#include "tests/stage/bridges.h"
#include "tests/stage/tunnels.h"

enum { MEMBERS = 12, IN = 3, BRIDGED = 4, ROUTED = 1, UNDERLAY = 2, REPLICATE = 100, FEW = 4 };

/* What a frame may be. */
enum kind {
	BROADCAST,  /* to all of the bridge, itself too */
	TO_BRIDGE,  /* to the bridge's own address, and routed to ROUTED */
	PLAIN,      /* routed to ROUTED */
	OUT_OF_ONE, /* a broadcast out of the first tunnel */
	BRANCHES,   /* labelled, to FEW branches by port ROUTED */
	OWN_LABEL,  /* the same to the bridge's own address */
	KINDS
};

static uint8_t frames[KINDS][FRAME_ROOM];
static size_t lengths[KINDS];

static void make_frames(void)
{
	static const char *const text[KINDS] = {
		"eth ip4/64", "eth ip4/64", "eth ip4/64", "eth outer4:2>1 vxlan:100 eth ip4/64/b8",
		"eth mpls 100/5/64 ip4/30", "eth mpls 100/5/64 ip4/30",
	};
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
}

static int start(void **state)
{
	struct bridge_seat seats[MEMBERS + 2] = { { IN, 1, 10, NULL, 0 }, { BRIDGED, 2, 10, NULL, 0 } };
	struct group_members branches = { .count = FEW };
	uint32_t group;
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	for (unsigned int i = 0; i < MEMBERS; i++) {
		struct tunnel tunnel = tunnel_of(TUNNEL_VXLAN, true, 2 + i, 0, 100);
		tunnel_make(i, &tunnel, 0, 0);
		seats[i + 2] = (struct bridge_seat){ .interface = T(i), .slot = 16 + i, .native = 10 };
	}
	bridge_make(1, seats, MEMBERS + 2, 10, 0, 0);
	word_store(&fixture.tables->interface[OWN_ROW].flags,
		   word_load(&fixture.tables->interface[OWN_ROW].flags) | INTERFACE_MPLS);
	for (unsigned int i = 0; i < FEW; i++) {
		branches.member[i].nexthop = via(ROUTED, 10 + i, LABELS(201 + i));
		branches.member[i].weight = 1;
	}
	assert_int_equal(group_add(fixture.nexthops, &branches, &group), 0);
	route(REPLICATE, LABEL_REPLICATE, 0, group, LABEL_GROUP);
	make_frames();
	return 0;
}

/* VECTOR_SIZE frames by a port. */
struct burst {
	const char *name;
	unsigned int port;
	enum kind kind[2];
	unsigned int second; /* how many of them are of the second kind */
	bool mixed;          /* in turn, not one kind after the other */
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
	expect(burst, "each ended once", account_balanced(&before, VECTOR_SIZE + (unsigned int)made), true);
	transmit_take();
	punt_take();
	expect(burst, "free buffers", rte_mempool_avail_count(fixture.pool), available);
}

static void all_copies_are_made(void **state)
{
	static const struct burst bursts[] = {
		{ "broadcasts", IN, { BROADCAST, BROADCAST }, 0, false, 0, 64 * MEMBERS, 64 },
		{ "for the bridge, then broadcasts", IN, { TO_BRIDGE, BROADCAST }, 20, false, 44,
		  20 * MEMBERS, 20 },
		{ "broadcasts, then for the bridge", IN, { BROADCAST, TO_BRIDGE }, 20, false, 20,
		  44 * MEMBERS, 44 },
		{ "both in turn", IN, { BROADCAST, TO_BRIDGE }, 32, true, 32, 32 * MEMBERS, 32 },
		{ "routed beside broadcasts out of a tunnel", 0, { PLAIN, OUT_OF_ONE }, 33, false, 31,
		  33 * (MEMBERS - 1), 33 },
		{ "in turn", 0, { PLAIN, OUT_OF_ONE }, 33, true, 31, 33 * (MEMBERS - 1), 33 },
		{ "one routed", 0, { OUT_OF_ONE, PLAIN }, 1, true, 1, 63 * (MEMBERS - 1), 63 },
		{ "branches beside broadcasts out of a tunnel", 0, { BRANCHES, OUT_OF_ONE }, 33, true,
		  31 * FEW, 33 * (MEMBERS - 1), 33 },
		{ "the bridge's own labels, which have branches", IN, { OWN_LABEL, BROADCAST }, 10, true,
		  54 * FEW, 10 * MEMBERS, 10 },
	};

	(void)state;
	for (unsigned int round = 0; round < 5; round++) /* what is used in turn is used again */
		for (size_t i = 0; i < sizeof(bursts) / sizeof(bursts[0]); i++)
			run(&bursts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_copies_are_made),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
