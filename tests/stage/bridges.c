/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/bridges.h"

#include <stdio.h>
#include "dataplane/shm/ring.h"

static bool same_frame(const struct rte_mbuf *mbuf, const char *text)
{
	static uint8_t expected[FRAME_ROOM], found[FRAME_ROOM];
	size_t length = frame_build(expected, text);
	const uint8_t *bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, found);

	if (mbuf->pkt_len == length && memcmp(bytes, expected, length) == 0)
		return true;
	frame_print_difference(expected, length, bytes, mbuf->pkt_len);
	return false;
}

/* Every expected copy is there, once, and nothing else; returns how many there are, or -1. */
static int check_copies(const struct bridge_case *test)
{
	unsigned int expected = 0, waiting = 0;

	for (; expected < COPIES_MAX && test->out[expected].frame != NULL; expected++) {
		unsigned int port = test->out[expected].port;
		if (fixture.worker->transmit.count[port] != 1) {
			fprintf(stderr, "  port %u: %u frames\n", port,
				fixture.worker->transmit.count[port]);
			return -1;
		}
		if (!same_frame(fixture.worker->transmit.mbuf[port][0],
				test->out[expected].frame)) {
			fprintf(stderr, "  at port %u\n", port);
			return -1;
		}
	}
	for (unsigned int port = 0; port < PORT_MAX; port++)
		waiting += fixture.worker->transmit.count[port];
	if (waiting != expected) {
		fprintf(stderr, "  %u copies, %u expected\n", waiting, expected);
		return -1;
	}
	return (int)expected;
}

static bool check_punt(const struct bridge_case *test)
{
	const struct frame_slot *slot =
		ring_peek(fixture.worker->punt, &fixture.tables->punt_consumer[0]);

	if ((slot != NULL) != (test->punted != 0))
		return false;
	return slot == NULL ||
	       (slot->reason == (uint32_t)(test->punted - 1) && slot->interface == test->punted_by);
}

static bool check_drop(const struct bridge_case *test, const struct account *before)
{
	for (unsigned int reason = 0; reason < DROP_REASON_COUNT; reason++) {
		uint64_t count = 0;
		for (unsigned int i = 0; i < INTERFACES; i++)
			count += dropped_since(before, i, (enum drop_reason)reason);
		for (unsigned int i = 0; i < TUNNELS; i++)
			count += dropped_since(before, INTERFACE_FIRST_TUNNEL + i,
					       (enum drop_reason)reason);
		if (count != (test->dropped == (int)reason + 1)) {
			fprintf(stderr, "  %lu dropped as %s\n", (unsigned long)count,
				drop_reason_name(reason));
			return false;
		}
	}
	return true;
}

static bool bridge_case_run(const struct bridge_case *test)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	unsigned int free_before = rte_mempool_avail_count(fixture.pool);
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, test->frame));

	account_take(&before);
	worker_process(fixture.worker, test->port, &mbuf, 1);
	int copies = check_copies(test);
	bool good = copies >= 0;
	unsigned int ends = (unsigned int)(copies > 0 ? copies : 0) + (test->dropped != 0) +
			    (test->punted != 0);
	good = good && account_balanced(&before, ends);
	good = check_drop(test, &before) && good;
	if (!check_punt(test)) {
		fprintf(stderr, "  punt is not as expected\n");
		good = false;
	}
	transmit_take();
	punt_take();
	if (rte_mempool_avail_count(fixture.pool) != free_before) {
		fprintf(stderr, "  %u buffers free, %u before\n",
			rte_mempool_avail_count(fixture.pool), free_before);
		good = false;
	}
	return good;
}

void bridge_cases_run(const struct bridge_case *cases, size_t count)
{
	unsigned int wrong = 0;

	for (size_t i = 0; i < count; i++) {
		if (bridge_case_run(&cases[i]))
			continue;
		fprintf(stderr, "FAILED: %s\n", cases[i].name);
		wrong++;
	}
	assert_int_equal(wrong, 0);
}
