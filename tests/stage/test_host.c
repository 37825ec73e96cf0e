/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_host.c: what goes to the kernel by a port's mirror, and what does not. Port 0 and its VLAN have one,
 * port 1 has none. 10.9.8.7 and 2000::2 are ours.
 */
#include <rte_malloc.h>
#include <rte_ring.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dataplane/shm/lpm.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"

enum { VLAN = 64, RING = 64, LOTS = 1000000, EDITS = 8 };

static struct host_bell bell;
static struct rte_ring *to_host, *from_host;
static struct account before;

static void set_rate(unsigned int rate)
{
	rte_free(fixture.worker->host.profile);
	assert_int_equal(host_init(fixture.worker, to_host, &bell, rate), 0);
}

static void local_route(enum route_family family, const uint8_t *address, unsigned int length)
{
	struct lpm *trie = fixture_trie(&fixture, 0, family, true);

	assert_int_equal(lpm_insert(trie, address, length, route_leaf(ROUTE_LOCAL, 0)), 0);
}

static int start(void **state)
{
	static const uint8_t ipv4[16] = { 10, 9, 8, 7 }, ipv6[16] = { 0x20, [15] = 2 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	fixture_vlan(&fixture, VLAN, 0, 100, 0, INTERFACE_MPLS);
	local_route(ROUTE_IPV4, ipv4, 32);
	local_route(ROUTE_IPV6, ipv6, 128);
	route(520, LABEL_POP_IP, 0, 0, LABEL_TTL_PIPE);
	to_host = rte_ring_create("to", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	from_host = rte_ring_create("from", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bell.fd = eventfd(0, EFD_NONBLOCK);
	if (to_host == NULL || from_host == NULL || bell.fd < 0)
		return -1;
	fixture.plan.mirrored = 1;
	fixture.plan.host_count = 1;
	fixture.plan.host[0] = (struct host_queue){ .ring = from_host, .port = 0 };
	set_rate(LOTS);
	return 0;
}

/* ---------------------------------------------------------------- whose is it? */

enum whose { KERNEL = 1, SHUNT = 2, BOTH = 3, NOBODY = 0 };

struct host_case {
	const char *name;
	const char *frame;
	enum whose whose;
	int reason; /* PUNT_... if shunt gets it, DROP_... if nobody does */
	/* {offset, value} of bytes after the Ethernet header that are changed; then checksums are right */
	uint8_t edit[EDITS][2];
	const char *to_kernel; /* NULL: as it came */
	unsigned int port;
	unsigned int interface;
};

/* In an IPv4 header: protocol, or destination. */
#define PROTOCOL(n)                                                                                \
	{                                                                                          \
		9, (n)                                                                             \
	}
#define TO(a, b, c, d)                                                                             \
	{ 16, (a) }, { 17, (b) }, { 18, (c) },                                                     \
	{                                                                                          \
		19, (d)                                                                            \
	}
#define FROM_NOBODY                                                                                \
	{ 12, 0 }, { 13, 0 }, { 14, 0 },                                                           \
	{                                                                                          \
		15, 0                                                                              \
	}
/* In an IPv6 header. */
#define NEXT(n)                                                                                    \
	{                                                                                          \
		6, (n)                                                                             \
	}
#define LINK_ALL                                                                                   \
	{ 24, 0xff },                                                                              \
	{                                                                                          \
		25, 2                                                                              \
	}
#define BODY(at, n)                                                                                \
	{                                                                                          \
		40 + (at), (n)                                                                     \
	}
#define GROUP_FRAME  "dst:01005e000005 type:0800 "
#define GROUP6_FRAME "dst:333300000001 type:86dd "

static const struct host_case cases[] = {
	/* our addresses */
	{ "UDP", "eth ip4/64", KERNEL },
	{ "TCP", "eth ip4/64", KERNEL, .edit = { PROTOCOL(6) } },
	{ "OSPF, unicast", "eth ip4/1", KERNEL, .edit = { PROTOCOL(89) } },
	{ "TTL 0: it has arrived", "eth ip4/0", KERNEL },
	{ "UDP over IPv6", "eth ip6/64", KERNEL },
	{ "TCP over IPv6", "eth ip6/64", KERNEL, .edit = { NEXT(6) } },
	{ "ICMP echo request", "eth ip4/64", SHUNT, PUNT_ip_local, { PROTOCOL(1), { 20, 8 } } },
	{ "ICMP echo reply", "eth ip4/64", BOTH, PUNT_ip_local, { PROTOCOL(1), { 20, 0 } } },
	{ "ICMP unreachable", "eth ip4/64", BOTH, PUNT_ip_local, { PROTOCOL(1), { 20, 3 } } },
	{ "ICMP, first fragment",
	  "eth ip4/64",
	  SHUNT,
	  PUNT_ip_local,
	  { PROTOCOL(1), TO(224, 0, 0, 1), { 6, 0x20 }, { 20, 3 } } },
	{ "ICMP, later fragment",
	  "eth ip4/64",
	  SHUNT,
	  PUNT_ip_local,
	  { PROTOCOL(1), TO(224, 0, 0, 1), { 7, 5 }, { 20, 3 } } },
	{ "UDP to a group, later fragment", GROUP_FRAME "ip4/64", KERNEL,
	  .edit = { TO(224, 0, 0, 1), { 7, 5 } } },
	{ "IGMP, unicast", "eth ip4/1", SHUNT, PUNT_ip_local, { PROTOCOL(2) } },
	{ "ICMPv6 echo request", "eth ip6/64", SHUNT, PUNT_ip_local, { NEXT(58), BODY(0, 128) } },
	{ "ICMPv6 echo reply", "eth ip6/64", BOTH, PUNT_ip_local, { NEXT(58), BODY(0, 129) } },
	{ "ICMPv6 packet too big", "eth ip6/64", BOTH, PUNT_ip_local, { NEXT(58), BODY(0, 2) } },
	{ "ICMPv6 echo request, fragment",
	  "eth ip6/64",
	  SHUNT,
	  PUNT_ip_local,
	  { NEXT(44), LINK_ALL, BODY(0, 58) } },
	{ "UDP over IPv6 to a group, fragment", GROUP6_FRAME "ip6/64", KERNEL,
	  .edit = { NEXT(44), LINK_ALL, BODY(0, 17) } },
	{ "ICMPv6 echo request after options",
	  "eth ip6/64",
	  SHUNT,
	  PUNT_ip_local,
	  { NEXT(0), BODY(0, 58), BODY(1, 0), BODY(8, 128) } },
	{ "options that do not end",
	  "eth ip6/64",
	  SHUNT,
	  PUNT_ip_local,
	  { NEXT(0), BODY(0, 58), BODY(1, 255) } },
	{ "TCP after options", "eth ip6/64", KERNEL, .edit = { NEXT(0), BODY(0, 6), BODY(1, 0) } },
	{ "neighbour advertisement", "eth ip6/255", BOTH, PUNT_nd, { NEXT(58), BODY(0, 136) } },
	{ "neighbour solicitation",
	  "dst:3333ff000002 type:86dd ip6/255",
	  BOTH,
	  PUNT_nd,
	  { NEXT(58), BODY(0, 135), LINK_ALL } },
	/* groups on the link */
	{ "OSPF hello, 224.0.0.5", GROUP_FRAME "ip4/1", KERNEL,
	  .edit = { PROTOCOL(89), TO(224, 0, 0, 5) } },
	{ "LDP hello, 224.0.0.2", GROUP_FRAME "ip4/1", KERNEL, .edit = { TO(224, 0, 0, 2) } },
	{ "IGMP query, 224.0.0.1",
	  GROUP_FRAME "ip4/1",
	  SHUNT,
	  PUNT_ip_local,
	  { PROTOCOL(2), TO(224, 0, 0, 1) } },
	{ "multicast that may be routed",
	  GROUP_FRAME "ip4/1",
	  NOBODY,
	  DROP_ip_multicast,
	  { TO(225, 0, 0, 5) } },
	{ "OSPFv3 hello, ff02::5", GROUP6_FRAME "ip6/1", KERNEL, .edit = { NEXT(89), LINK_ALL } },
	{ "MLD query",
	  GROUP6_FRAME "ip6/1",
	  SHUNT,
	  PUNT_ip_local,
	  { NEXT(0), LINK_ALL, BODY(0, 58), BODY(1, 0), BODY(8, 130) } },
	{ "MLDv2 report",
	  GROUP6_FRAME "ip6/1",
	  SHUNT,
	  PUNT_ip_local,
	  { NEXT(0), LINK_ALL, BODY(0, 58), BODY(1, 0), BODY(8, 143) } },
	{ "broadcast", "dst:ffffffffffff type:0800 ip4/64", KERNEL,
	  .edit = { TO(255, 255, 255, 255) } },
	{ "DHCP from 0.0.0.0", "dst:ffffffffffff type:0800 ip4/64", KERNEL,
	  .edit = { FROM_NOBODY, TO(255, 255, 255, 255) } },
	{ "0.0.0.0 to an address", "eth ip4/64", NOBODY, DROP_ip_martian, { FROM_NOBODY } },
	{ "127.0.0.1 to all",
	  "dst:ffffffffffff type:0800 ip4/64",
	  NOBODY,
	  DROP_ip_martian,
	  { { 12, 127 }, TO(255, 255, 255, 255) } },
	/* other Ethertypes */
	{ "LLDP", "dst:0180c200000e type:88cc fill:50", KERNEL },
	{ "STP, in LLC", "dst:0180c2000000 type:0026 fill:50", KERNEL },
	{ "IS-IS, in LLC", "dst:0180c2000014 type:0030 fill:50", KERNEL },
	{ "unknown Ethertype to us", "eth type:1234 fill:50", KERNEL },
	{ "unknown Ethertype, broadcast", "dst:ffffffffffff type:1234 fill:50", KERNEL },
	{ "unknown Ethertype to somebody else", "eth:5 type:1234 fill:50", NOBODY,
	  DROP_unknown_ethertype },
	{ "nothing but a header", "dst:0180c200000e type:88cc", KERNEL },
	/* ARP: Ethernet, IPv4, operation, hardware and protocol addresses of sender and target */
	{ "ARP request",
	  "dst:ffffffffffff type:0806 raw:000108000604000102ff00000001"
	  "0a0908010000000000000a090807",
	  SHUNT, PUNT_arp },
	{ "ARP reply", "eth type:0806 raw:000108000604000202ff000000010a0908010200000000000a090807",
	  BOTH, PUNT_arp },
	{ "ARP announcement",
	  "dst:ffffffffffff type:0806 raw:000108000604000102ff00000001"
	  "0a0908010000000000000a090801",
	  BOTH, PUNT_arp },
	{ "ARP reply, cut off",
	  "eth type:0806 raw:000108000604000202ff000000010a0908010200000000000a0908", SHUNT,
	  PUNT_arp },
	/* tags stay, labels go */
	{ "tagged", "eth vlan:100 ip4/64", KERNEL, .interface = VLAN },
	{ "priority tag", "eth vlan:0 ip4/64", KERNEL },
	{ "tagged LLDP", "dst:0180c200000e vlan:100 type:88cc fill:50", KERNEL, .interface = VLAN },
	{ "tag that no interface has", "eth vlan:101 ip4/64", NOBODY, DROP_unknown_vlan },
	{ "out of a label", "eth mpls 520/0/64 ip4/64", KERNEL, .to_kernel = "eth ip4/64" },
	{ "out of two labels, tagged", "eth vlan:100 mpls 0/0/64 520/0/64 ip6/64", KERNEL,
	  .to_kernel = "eth vlan:100 ip6/64", .interface = VLAN },
	/* what is not for us */
	{ "to another MAC", "eth:5 ip4/64", NOBODY, DROP_not_for_us },
	{ "to another address", "eth ip4/64", SHUNT, PUNT_ip_no_route, { TO(10, 9, 8, 6) } },
	{ "IPv4 that is none", "eth ip4/64", NOBODY, DROP_ip_invalid, { { 0, 0x65 } } },
	/* without a mirror */
	{ "UDP, no mirror", "eth:1 ip4/64", SHUNT, PUNT_ip_local, .port = 1 },
	{ "OSPF, no mirror",
	  GROUP_FRAME "ip4/1",
	  SHUNT,
	  PUNT_ip_local,
	  { PROTOCOL(89), TO(224, 0, 0, 5) },
	  .port = 1 },
	{ "LLDP, no mirror", "dst:0180c200000e type:88cc fill:50", NOBODY, DROP_unknown_ethertype,
	  .port = 1 },
	{ "ICMP unreachable, no mirror",
	  "eth:1 ip4/64",
	  SHUNT,
	  PUNT_ip_local,
	  { PROTOCOL(1), { 20, 3 } },
	  .port = 1 },
	{ "ARP reply, no mirror",
	  "eth:1 type:0806 raw:000108000604000202ff000000010a0908010200000000000a090807", SHUNT,
	  PUNT_arp, .port = 1 },
	{ "DHCP from 0.0.0.0, no mirror",
	  "dst:ffffffffffff type:0800 ip4/64",
	  NOBODY,
	  DROP_ip_martian,
	  { FROM_NOBODY, TO(255, 255, 255, 255) },
	  .port = 1 },
};

/* The bytes that the case changes; of IPv4, the header's checksum is made right again. */
static void edit(const struct host_case *test, uint8_t *frame)
{
	uint8_t *header = frame + ETHERNET;

	for (unsigned int i = 0; i < EDITS && (test->edit[i][0] | test->edit[i][1]) != 0; i++)
		header[test->edit[i][0]] = test->edit[i][1];
	if (header[-2] != 0x08 || header[-1] != 0)
		return;
	header[10] = header[11] = 0;
	uint16_t sum = frame_checksum(header, 20);
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}

/* What is in the ring to the kernel: at most one frame, these bytes. */
static bool check_kernel(const struct host_case *test, const uint8_t *frame, size_t length)
{
	static uint8_t expected[FRAME_ROOM];
	struct rte_mbuf *mbuf = NULL;
	bool good;

	unsigned int waiting = rte_ring_count(to_host);
	if (waiting != ((test->whose & KERNEL) != 0)) {
		fprintf(stderr, "  %u frames for the kernel\n", waiting);
		while (rte_ring_sc_dequeue(to_host, (void **)&mbuf) == 0)
			rte_pktmbuf_free(mbuf);
		return false;
	}
	if (waiting == 0)
		return true;
	if (test->to_kernel != NULL)
		length = frame_build(expected, test->to_kernel);
	else
		memcpy(expected, frame, length);
	assert_int_equal(rte_ring_sc_dequeue(to_host, (void **)&mbuf), 0);
	const uint8_t *found = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	good = mbuf->pkt_len == length && memcmp(found, expected, length) == 0 &&
	       mbuf->port == test->port;
	if (!good)
		frame_print_difference(expected, length, found, mbuf->pkt_len);
	rte_pktmbuf_free(mbuf);
	return good;
}

static uint64_t since(unsigned int interface, size_t offset)
{
	static struct account now;
	size_t field = offset / sizeof(uint64_t);

	account_take(&now);
	return now.value[interface][field] - before.value[interface][field];
}
#define SINCE(interface, field) since(interface, offsetof(struct interface_counters, field))

static bool check_counters(const struct host_case *test)
{
	unsigned int interface = test->interface != 0 ? test->interface : test->port;
	bool kernel = test->whose & KERNEL, shunt = test->whose & SHUNT;

	if (SINCE(interface, to_host) == kernel && SINCE(interface, consumed) == kernel &&
	    SINCE(interface, punted) == shunt &&
	    SINCE(interface, copies) == (test->whose == BOTH) &&
	    (test->whose != NOBODY ||
	     dropped_since(&before, interface, (enum drop_reason)test->reason) == 1))
		return account_balanced(&before, test->whose == BOTH ? 2 : 1);
	fprintf(stderr, "  to the kernel %lu, consumed %lu, punted %lu, copies %lu\n",
		(unsigned long)SINCE(interface, to_host), (unsigned long)SINCE(interface, consumed),
		(unsigned long)SINCE(interface, punted), (unsigned long)SINCE(interface, copies));
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		if (dropped_since(&before, interface, i) != 0)
			fprintf(stderr, "  dropped as %s\n", drop_reason_name(i));
	return false;
}

static bool run(const struct host_case *test)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int available = rte_mempool_avail_count(fixture.pool);
	size_t length = frame_build(frame, test->frame);

	edit(test, frame);
	struct rte_mbuf *mbuf = guarded_mbuf(frame, length, HEADROOM);
	account_take(&before);
	uint64_t punted = counter_read(&fixture.worker->state->punted[test->reason]);
	worker_process(fixture.worker, test->port, &mbuf, 1);
	bool good = check_kernel(test, frame, length);
	good = check_counters(test) && good;
	if ((test->whose & SHUNT) &&
	    counter_read(&fixture.worker->state->punted[test->reason]) != punted + 1)
		good = false;
	punt_take();
	good = transmit_take() == 0 && good;
	good = rte_mempool_avail_count(fixture.pool) == available && good;
	if (!good)
		fprintf(stderr, "FAILED: %s: %s\n", test->name, test->frame);
	return good;
}

static void test_whose(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		failed += !run(&cases[i]);
	assert_int_equal(failed, 0);
}

/* ---------------------------------------------------------------- limits */

static void receive(const char *text, unsigned int count)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, text);

	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbuf_of(frame, length);
		worker_process(fixture.worker, 0, &mbuf, 1);
	}
}

static unsigned int host_take(void)
{
	struct rte_mbuf *mbuf;
	unsigned int count = 0;

	for (; rte_ring_sc_dequeue(to_host, (void **)&mbuf) == 0; count++)
		rte_pktmbuf_free(mbuf);
	return count;
}

/* A flood of one class leaves room for the others, and for other ports. */
static void test_policer(void **state)
{
	(void)state;
	set_rate(10); /* 2 at once, and a third of a second in which this may stand still */
	account_take(&before);
	receive("eth ip4/64", 20);
	unsigned int passed = host_take();
	assert_in_range(passed, 2, 5);
	assert_int_equal(SINCE(0, drop[DROP_host_policed]), 20 - passed);
	receive("dst:0180c200000e type:88cc fill:50", 1);
	assert_int_equal(host_take(), 1);
	assert_true(account_balanced(&before, 21));
	/* copies are policed like the rest; the control plane gets its own */
	account_take(&before);
	receive("eth type:0806 raw:000108000604000202ff000000010a0908010200000000000a090807", 20);
	assert_in_range(host_take(), 1, 5);
	assert_int_equal(SINCE(0, copies), 20);
	assert_int_equal(punt_take(), 20);
	assert_true(account_balanced(&before, 40));
	set_rate(LOTS);
}

static void test_ring_full(void **state)
{
	(void)state;
	account_take(&before);
	receive("eth ip4/64", RING + 10);
	assert_int_equal(SINCE(0, to_host), RING - 1);
	assert_int_equal(SINCE(0, drop[DROP_host_ring_full]), 11);
	assert_true(account_balanced(&before, RING + 10));
	assert_int_equal(host_take(), RING - 1);
}

/* A thread that sleeps is woken once. */
static void test_bell(void **state)
{
	uint64_t rung = 0;

	(void)state;
	receive("eth ip4/64", 2);
	assert_int_equal(read(bell.fd, &rung, sizeof(rung)), -1);
	atomic_store(&bell.sleeping, true);
	receive("eth ip4/64", 3);
	assert_int_equal(read(bell.fd, &rung, sizeof(rung)), sizeof(rung));
	assert_int_equal(rung, 1);
	assert_false(atomic_load(&bell.sleeping));
	assert_int_equal(host_take(), 5);
}

/* ---------------------------------------------------------------- from the kernel */

static void test_from_kernel(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	struct transmit *transmit = &fixture.worker->transmit;
	size_t length = frame_build(frame, "out:0/1 ip4/64");
	_Atomic uint64_t *flags = &fixture.tables->interface[0].flags;

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < 3; i++)
		assert_int_equal(rte_ring_sp_enqueue(from_host, mbuf_of(frame, length)), 0);
	assert_int_equal(host_poll(fixture.worker), 3);
	assert_int_equal(transmit->count[0], 3);
	assert_memory_equal(rte_pktmbuf_mtod(transmit->mbuf[0][0], uint8_t *), frame, length);
	assert_int_equal(transmit_take(), 3);
	assert_int_equal(SINCE(0, from_host), 3);
	assert_int_equal(SINCE(0, injected), 3);
	assert_int_equal(SINCE(0, tx_packets), 3);
	assert_int_equal(SINCE(0, tx_bytes), 3 * length);
	assert_true(account_balanced(&before, 3));
	/* an interface that is set down sends nothing */
	account_take(&before);
	word_store(flags, word_load(flags) & ~INTERFACE_UP);
	assert_int_equal(rte_ring_sp_enqueue(from_host, mbuf_of(frame, length)), 0);
	assert_int_equal(host_poll(fixture.worker), 1);
	word_store(flags, word_load(flags) | INTERFACE_UP);
	assert_int_equal(transmit_take(), 0);
	assert_int_equal(SINCE(0, drop[DROP_tx_port_gone]), 1);
	assert_true(account_balanced(&before, 1));
}

static int stop(void **state)
{
	rte_ring_free(to_host);
	rte_ring_free(from_host);
	close(bell.fd);
	return stage_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose),       cmocka_unit_test(test_policer),
		cmocka_unit_test(test_ring_full),   cmocka_unit_test(test_bell),
		cmocka_unit_test(test_from_kernel),
	};
	return cmocka_run_group_tests_name("stage: host", tests, start, stop);
}
