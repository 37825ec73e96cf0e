/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_bpdu.c: bridge protocol data units at a bridge's ports: those with a topology change are told of, and
 * the kernel gets them all where it has a mirror of the port (IEEE 802.1D 9.3, 802.1Q table 8-1); and floods of
 * reports, which may be many and still leave room for others.
 */
#include <rte_malloc.h>
#include <rte_ring.h>
#include <sys/eventfd.h>
#include "dataplane/stage/stage.h"
#include "tests/stage/bridges.h"

enum { RING = 64, RATE = 1000 };

static const struct bridge_seat seats[] = {
	{ 0, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 1, 2, 10, NULL, BRIDGE_PORT_LEARNING },
};
static struct rte_ring *to_host;
static struct host_bell bell;

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	bridge_make(1, seats, sizeof(seats) / sizeof(seats[0]), 10, BRIDGE_LEARNING,
		    DOMAIN_SNOOPING);
	to_host = rte_ring_create("to", RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	bell.fd = eventfd(0, EFD_NONBLOCK);
	return to_host == NULL || bell.fd < 0 ? -1
					      : host_init(fixture.worker, to_host, &bell, RATE);
}

#define TO(mac) "mac:" mac "0a0000000009"

static const struct bridge_case cases[] = {
	{ "a configuration message without a topology change",
	  0,
	  TO("0180c2000000") " type:0026 raw:4242030000000000 fill:52",
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "topology change flag",
	  0,
	  TO("0180c2000000") " type:0026 raw:4242030000000001 fill:52",
	  { { 0, NULL } },
	  0,
	  PUNT(stp),
	  0 },
	{ "rapid spanning tree: flags without a topology change",
	  0,
	  TO("0180c2000000") " type:0027 raw:424203000002023c fill:52",
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "topology change notification",
	  0,
	  TO("0180c2000000") " type:0007 raw:42420300000080",
	  { { 0, NULL } },
	  0,
	  PUNT(stp),
	  0 },
	{ "the same, cut before its type",
	  0,
	  TO("0180c2000000") " type:0007 raw:424203000000",
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "the same to another protocol's address",
	  0,
	  TO("0180c2000002") " type:0007 raw:42420300000080",
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
};

static void without_mirror(void **state)
{
	(void)state;
	BRIDGE_CASES_RUN(cases);
}

/* With and without a topology change: the kernel has it, and nothing is dropped. */
static void with_mirror(void **state)
{
	static const char *const frames[] = {
		TO("0180c2000000") " type:0026 raw:4242030000000000 fill:52",
		TO("0180c2000000") " type:0026 raw:4242030000000001 fill:52",
	};
	static uint8_t frame[FRAME_ROOM];
	static struct account before;

	(void)state;
	fixture.plan.mirrored = 1;
	for (unsigned int i = 0; i < 2; i++) {
		size_t length = frame_build(frame, frames[i]);
		struct rte_mbuf *mbuf = mbuf_of(frame, length);
		uint64_t punted = counter_read(&fixture.worker->state->punted[PUNT_stp]);
		account_take(&before);
		worker_process(fixture.worker, 0, &mbuf, 1);
		assert_int_equal(rte_ring_sc_dequeue(to_host, (void **)&mbuf), 0);
		assert_int_equal(mbuf->pkt_len, length);
		assert_memory_equal(rte_pktmbuf_mtod(mbuf, uint8_t *), frame, length);
		rte_pktmbuf_free(mbuf);
		assert_int_not_equal(rte_ring_sc_dequeue(to_host, (void **)&mbuf), 0);
		assert_int_equal(counter_read(&fixture.worker->state->punted[PUNT_stp]) - punted,
				 i);
		assert_true(account_balanced(&before, 1 + i));
	}
	fixture.plan.mirrored = 0;
}

/* ---------------------------------------------------------------- floods */

#define IGMP_REPORT                                                                                \
	"mac:01005e0101010a0000000009 type:0800 raw:4600002000000000010200000a000009ef010101"      \
	"94040000 raw:16000000ef010101 fill:12"
#define BPDU TO("0180c2000000") " type:0026 raw:4242030000000001 fill:52"

static uint64_t punted_of(const char *text, unsigned int count, enum punt_reason reason)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, text);
	uint64_t before = counter_read(&fixture.worker->state->punted[reason]);

	for (unsigned int i = 0; i < count; i++) {
		struct rte_mbuf *mbuf = mbuf_of(frame, length);
		worker_process(fixture.worker, 0, &mbuf, 1);
	}
	return counter_read(&fixture.worker->state->punted[reason]) - before;
}

static void set_rate(unsigned int rate)
{
	rte_free(fixture.worker->punt_profile);
	assert_int_equal(punt_init(fixture.worker, rate), 0);
}

/* A tenth of a second's worth at once, of reports twenty times as many. */
static void reports_are_many(void **state)
{
	(void)state;
	punt_take();
	set_rate(10);
	assert_in_range(punted_of(IGMP_REPORT, 100, PUNT_igmp), 21, 60); /* time goes on */
	assert_in_range(punted_of(BPDU, 100, PUNT_stp), 2, 4);
	punt_take();
}

static void reports_leave_room(void **state)
{
	(void)state;
	punt_take();
	set_rate(70);
	assert_in_range(punted_of(IGMP_REPORT, 2 * RING_SLOTS, PUNT_igmp), RING_SLOTS / 2,
			RING_SLOTS - 10);
	assert_int_equal(punted_of(BPDU, 8, PUNT_stp), 8);
	punt_take();
	set_rate(1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_mirror),
		cmocka_unit_test(with_mirror),
		cmocka_unit_test(reports_are_many),
		cmocka_unit_test(reports_leave_room),
	};
	return cmocka_run_group_tests_name("stage: BPDUs", tests, start, stage_stop);
}
