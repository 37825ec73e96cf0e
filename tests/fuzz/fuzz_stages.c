/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz_stages.c: any bytes at all through the real stages. Each packet must end in exactly one place, no
 * buffer may be lost, and nothing beyond the frame may be read (it ends where a page begins that cannot be
 * read).
 *
 * The input is a row of frames: one byte is the port that it comes in by (low 3 bits, and bit 5: a port of a
 * bridge) and the number of segments (bits 3 and 4), two bytes (big-endian) are its length, then its bytes;
 * what is missing is not there. Bit 6 of the first frame: nothing is filtered where it leaves, so that
 * bridges take whole vectors. With -fsanitize=fuzzer it is a libFuzzer target; else with fuzz_main.c a program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "dataplane/shm/lpm.h"
#include "dataplane/shm/ring.h"
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/stage.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_bridges.h"
#include "tests/stage/fixture.h"

enum {
	PORTS = 8,       /* routed; those of bridges come after them */
	INTERFACES = 84, /* rows in use */
	HEADROOM = 128,
	AREA = 16384, /* bytes before the guard page of a frame */
	FRAME_LONGEST = 12000,
	SEGMENT = 2048,
	MBUFS = 1023,
};

struct fixture fixture;
static uint8_t *guard[VECTOR_SIZE]; /* where the page begins that cannot be read, by frame */
static struct rte_mbuf_ext_shared_info external[VECTOR_SIZE];

static void fail(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* ---------------------------------------------------------------- tables: some of everything */

static void route(uint32_t label, enum label_operation operation, uint32_t out, uint32_t index,
		  uint64_t flags)
{
	for (unsigned int space = 0; space < 2; space++)
		fixture_label(&fixture, space, label, label_entry(operation, out, index, flags));
}

static uint32_t nexthop(unsigned int interface, unsigned int count, uint32_t backup,
			unsigned int flags)
{
	static const uint32_t labels[STACK_MAX] = { 801, 802, 803, 804, 805, 806, 807, 808 };
	return fixture_nexthop(&fixture, interface, interface, labels, count, backup, flags);
}

static uint32_t group_of(const uint32_t *nexthops, unsigned int count)
{
	struct group_members members = { .count = count };
	uint32_t index;

	for (unsigned int i = 0; i < count; i++) {
		members.member[i].nexthop = nexthops[i];
		members.member[i].weight = i + 1;
	}
	if (group_add(fixture.nexthops, &members, &index) != 0)
		fail("no group");
	return index;
}

static void make_interfaces(void)
{
	static const uint64_t flags[PORTS] = {
		INTERFACE_MPLS,
		INTERFACE_MPLS,
		INTERFACE_MPLS | 1ull << INTERFACE_SPACE_SHIFT | 9ull << INTERFACE_VRF_SHIFT,
		INTERFACE_MPLS | 1ull << INTERFACE_UPSTREAM_SHIFT,
		0,
		INTERFACE_MPLS,
		INTERFACE_MPLS,
		INTERFACE_MPLS,
	};
	uint8_t mac[6];

	for (unsigned int port = 0; port < PORTS; port++) {
		fixture_mac(
			0,
			mac); /* all have port 0's: an input says by one byte where it comes in */
		fixture_port(&fixture, port, mac, flags[port]);
	}
	fixture_mtu(&fixture, 6, 9000);
	word_store(&fixture.tables->interface[5].flags,
		   word_load(&fixture.tables->interface[5].flags) & ~INTERFACE_UP);
	atomic_store(&fixture.state->port_live[7], 0);
	fixture_vlan(&fixture, 64, 0, 100, 0, INTERFACE_MPLS);
	fixture_vlan(&fixture, 65, 0, 200, 300, INTERFACE_MPLS | 1ull << INTERFACE_SPACE_SHIFT);
	fixture_vlan(&fixture, 66, 0, 101, 0, 0);
}

static void make_labels(void)
{
	uint32_t nexthops[24], groups[2];
	unsigned int count = 0;

	for (unsigned int push = 0; push <= STACK_MAX; push++)
		nexthops[count++] =
			nexthop(1 + push % 3, push, NEXTHOP_NONE, push & 1 ? REWRITE_ENTROPY : 0);
	nexthops[count++] = nexthop(6, 1, NEXTHOP_NONE, REWRITE_ENTROPY);
	nexthops[count++] = nexthop(64, 0, NEXTHOP_NONE, 0);
	nexthops[count++] = nexthop(65, 8, NEXTHOP_NONE, REWRITE_ENTROPY);
	nexthops[count++] = nexthop(7, 2, nexthops[1], 0);
	nexthops[count++] = nexthop(7, 1, nexthops[3], 0);
	nexthops[count++] = nexthop(7, 0, NEXTHOP_NONE, 0);
	struct rewrite nobody = { .port = 1, .interface = 1, .mtu = 1500 };
	nexthop_add(fixture.nexthops, NEXTHOP_UNRESOLVED, &nobody, &nexthops[count++]);
	nexthop_add(fixture.nexthops, NEXTHOP_BLACKHOLE, &nobody, &nexthops[count++]);
	nexthops[count++] = NEXTHOP_MAX - 1;
	groups[0] = group_of(nexthops, count - 1);
	groups[1] = group_of(&nexthops[count - 4], 3); /* none that can send */

	/* labels 16 to 16 + 6 * 32: what an arbitrary byte hits often */
	static const enum label_operation operations[] = { LABEL_SWAP,   LABEL_REPLACE,
							   LABEL_POP,    LABEL_POP_LABEL,
							   LABEL_POP_IP, LABEL_POP_BRIDGE };
	for (unsigned int i = 0; i < 6 * 32; i++) {
		uint64_t flags = (i & 1 ? LABEL_TTL_PIPE : 0) | (i & 2 ? LABEL_TC_UNIFORM : 0) |
				 (i % 5 == 0 ? LABEL_NO_COUNTERS : 0);
		uint32_t index = nexthops[i % count];
		if (i % 7 == 0) {
			flags |= LABEL_GROUP;
			index = groups[i % 2];
		}
		if (operations[i / 32] == LABEL_POP_BRIDGE) {
			index = INTERFACE_FIRST_TUNNEL + i % FUZZ_TUNNELS;
			flags |= i & 1 ? LABEL_CONTROL_WORD : 0;
		}
		route(16 + i, operations[i / 32], i % 11 == 0 ? 0 : 1000 + i, index, flags);
	}
}

/* Every mode over both families; a remote end of address 2, or any; towards themselves, a port, or nowhere. */
static void make_tunnels(void)
{
	static const uint32_t flags[4] = {
		TUNNEL_DF,
		TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND | TUNNEL_SEQUENCE_WINDOW,
		TUNNEL_TTL_FIXED | TUNNEL_DSCP_FIXED,
		TUNNEL_KEY | TUNNEL_SEQUENCE_STRICT,
	};

	for (unsigned int i = 0; i < FUZZ_TUNNELS; i++) {
		struct tunnel tunnel = { .mode = (uint8_t)(i / 2 % TUNNEL_MODES),
					 .ttl = 9,
					 .id = 5 };
		uint64_t features = i % 3 == 0 ? 1000ull << INTERFACE_MSS_SHIFT : 0;
		uint32_t underlay = route_leaf(ROUTE_NEXTHOP, nexthop(1, i % 3, NEXTHOP_NONE, 0));
		(i & 1 ? fixture_ipv6 : fixture_ipv4)(tunnel.local, 1);
		if (i < 20)
			(i & 1 ? fixture_ipv6 : fixture_ipv4)(tunnel.remote, 2 + i / 10);
		tunnel.flags = flags[i / 10];
		if (tunnel.mode == TUNNEL_VXLAN)
			tunnel.flags &= TUNNEL_CHECKSUM;
		else if (tunnel.mode == TUNNEL_PSEUDOWIRE)
			tunnel.flags = i & 1 ? TUNNEL_CONTROL_WORD : 0;
		else if (tunnel.mode == TUNNEL_IPIP)
			tunnel.flags &= ~(TUNNEL_KEY | TUNNEL_CHECKSUM | TUNNEL_SEQUENCE_SEND |
					  TUNNEL_SEQUENCE_RECEIVE);
		if (tunnel_find(fixture.tables, &tunnel) != 0)
			continue;
		fixture_tunnel(&fixture, i, &tunnel, i % 5 == 0 ? 0 : INTERFACE_MPLS, features,
			       i % 7 == 6 ? 0 : underlay);
	}
}

/* Ethernet that comes out of no tunnel: into bridges 1 and 2, and one that is not there. */
static void make_bridge_labels(void)
{
	for (unsigned int i = 0; i < 6; i++)
		route(FUZZ_BRIDGE_LABEL + i, LABEL_POP_BRIDGE, 0, 1 + i / 2,
		      i & 1 ? LABEL_CONTROL_WORD : 0);
}

/* 192.0.2.1 and 2001:db8::1 are ours, 10.0.<n>.0/24 and 2000:0:<n>::/48 lead into tunnel n, all else to port 2. */
static void make_routes(void)
{
	static const uint8_t all[16];
	uint8_t own[16], prefix4[4] = { 10 }, prefix6[16] = { 0x20 };
	struct lpm *ipv4 = fixture_trie(&fixture, 0, ROUTE_IPV4, true);
	struct lpm *ipv6 = fixture_trie(&fixture, 0, ROUTE_IPV6, true);
	uint32_t leaf = route_leaf(ROUTE_NEXTHOP, nexthop(2, 0, NEXTHOP_NONE, 0));
	int result = lpm_insert(ipv4, all, 0, leaf) | lpm_insert(ipv6, all, 0, leaf);
	fixture_ipv4(own, 1);
	result |= lpm_insert(ipv4, own + 12, 32, route_leaf(ROUTE_LOCAL, 0));
	fixture_ipv6(own, 1);
	result |= lpm_insert(ipv6, own, 128, route_leaf(ROUTE_LOCAL, 0));
	for (unsigned int i = 0; i < FUZZ_TUNNELS; i++) {
		uint32_t row = INTERFACE_FIRST_TUNNEL + i;
		leaf = route_leaf(ROUTE_NEXTHOP, fixture_nexthop_tunnel(&fixture, row, NULL, 0));
		prefix4[2] = prefix6[5] = (uint8_t)i;
		result |= lpm_insert(ipv4, prefix4, 24, leaf) | lpm_insert(ipv6, prefix6, 48, leaf);
	}
	/* one that is routed into itself */
	word_store(&fixture.tables->interface[INTERFACE_FIRST_TUNNEL + 4].underlay, leaf);
	if (result != 0)
		fail("no room for the routes");
}

static void start(void)
{
	fixture_start(&fixture, NULL, MBUFS, SEGMENT, false);
	make_interfaces();
	make_labels();
	make_bridge_labels();
	make_tunnels();
	make_routes();
	fuzz_bridges_make();
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		uint8_t *area = mmap(NULL, AREA + 4096, PROT_READ | PROT_WRITE,
				     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (area == MAP_FAILED || mprotect(area + AREA, 4096, PROT_NONE) != 0)
			fail("no memory");
		guard[i] = area + AREA;
	}
}

static void stop(void)
{
	fuzz_bridges_delete();
	fixture_stop(&fixture);
}

/* ---------------------------------------------------------------- one input */

static void external_free(void *address, void *context)
{
	(void)address;
	(void)context;
}

/* Frame number `i` of a vector: its first segment ends where the guard page begins. */
static struct rte_mbuf *make_frame(unsigned int i, const uint8_t *bytes, size_t length,
				   unsigned int segments)
{
	size_t first = length / segments;
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fixture.pool);
	uint8_t *data = guard[i] - first;

	if (mbuf == NULL)
		fail("buffers were lost");
	memcpy(data, bytes, first);
	external[i].free_cb = external_free;
	rte_mbuf_ext_refcnt_set(&external[i], 1);
	rte_pktmbuf_attach_extbuf(mbuf, data - HEADROOM, (rte_iova_t)(uintptr_t)data,
				  (uint16_t)(HEADROOM + first), &external[i]);
	mbuf->data_off = HEADROOM;
	mbuf->data_len = (uint16_t)first;
	mbuf->pkt_len = (uint32_t)first;
	while (first < length) {
		size_t part = length - first < SEGMENT ? length - first : SEGMENT;
		struct rte_mbuf *next = rte_pktmbuf_alloc(fixture.pool);
		if (next == NULL)
			fail("buffers were lost");
		memcpy(rte_pktmbuf_append(next, (uint16_t)part), bytes + first, part);
		rte_pktmbuf_chain(mbuf, next);
		first += part;
	}
	return mbuf;
}

/* What came in and what ended, over all interfaces; they must be equal for each of them. Returns the ends of
 * what came by ports. */
static uint64_t balance(void)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < INTERFACES + FUZZ_TUNNELS; i++) {
		unsigned int interface =
			i < INTERFACES ? i : INTERFACE_FIRST_TUNNEL + i - INTERFACES;
		const struct interface_counters *row = &fixture.worker->interface[interface];
		uint64_t made = counter_read(&row->copies) + counter_read(&row->fragments);
		uint64_t again = counter_read(&row->decapsulated);
		uint64_t out = counter_read(&row->forwarded) - counter_read(&row->tx_dropped) +
			       counter_read(&row->punted) + counter_read(&row->consumed) + again;
		for (unsigned int k = 0; k < DROP_REASON_COUNT; k++)
			out += counter_read(&row->drop[k]);
		if (out != counter_read(&row->rx_packets) + made)
			fail("an interface's packets did not all end once");
		all += out - made - again;
	}
	return all;
}

/* What was sent is well formed: its lengths agree and it is not longer than its MTU allows. Out of a bridge
 * goes what came in: its first segment may end in the middle of the Ethernet header. */
static void check_sent(struct rte_mbuf *mbuf, unsigned int port)
{
	uint64_t flags = word_load(&fixture.tables->interface[port].flags);
	const char *reason;

	if (rte_mbuf_check(mbuf, 1, &reason) != 0)
		fail(reason);
	if (mbuf->pkt_len < 14 || mbuf->pkt_len > ((flags >> INTERFACE_MTU_SHIFT) & 0xffff) + 22)
		fail("length of a frame that was sent");
	if (port >= PORTS)
		return;
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	if (mbuf->data_len < 14 || frame[0] != 0x02 || frame[1] != 0xff)
		fail("address of a frame that was sent");
}

static void take_out(void)
{
	struct transmit *transmit = &fixture.worker->transmit;
	struct ring_consumer *consumer = &fixture.tables->punt_consumer[0];

	for (unsigned int port = 0; port < PORT_MAX; port++) {
		for (unsigned int i = 0; i < transmit->count[port]; i++) {
			check_sent(transmit->mbuf[port][i], port);
			rte_pktmbuf_free(transmit->mbuf[port][i]);
		}
		transmit->count[port] = 0;
	}
	transmit->pending = 0;
	while (ring_peek(fixture.worker->punt, consumer) != NULL)
		ring_release(consumer);
}

/* What depends on the clock and on inputs before begins anew. */
static void forget(void)
{
	struct worker *worker = fixture.worker;

	memset(worker->drop_wanted, 1, sizeof(worker->drop_wanted));
	memset(worker->bridging->storm, 0, sizeof(worker->bridging->storm));
}

static void run_vector(unsigned int port, struct rte_mbuf **mbufs, unsigned int count)
{
	uint64_t before = balance();

	worker_process(fixture.worker, port, mbufs, count);
	reassembly_flush(fixture.worker);
	if (balance() - before != count)
		fail("not as many ends as packets");
	take_out();
	if (rte_mempool_in_use_count(fixture.pool) != 0)
		fail("a buffer was lost");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t filter_outs;
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int count = 0, port = 0;

	if (fixture.worker == NULL) {
		start();
		atexit(stop);
		filter_outs = word_load(&fixture.tables->filter_outs);
	}
	forget();
	word_store(&fixture.tables->filter_outs, size > 0 && data[0] & 0x40 ? 0 : filter_outs);
	while (size >= 3 && count < VECTOR_SIZE) {
		size_t length = (size_t)(data[1] << 8 | data[2]) % FRAME_LONGEST;
		unsigned int segments = 1 + (data[0] >> 3 & 3);
		if (count == 0)
			port = (data[0] & 7u) | (data[0] & 0x20 ? PORTS : 0);
		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		mbufs[count] = make_frame(count, data, length, segments);
		count++;
		data += length;
		size -= length;
	}
	run_vector(port, mbufs, count);
	return 0;
}

/* ---------------------------------------------------------------- without libFuzzer */
