/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_punt.c: frames to the control plane and from it, and the way out to a device.
 */
#include <rte_ethdev.h>
#include <rte_malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"

enum { LOTS = 1000000, VLAN = 64, DOWN = 5 };

/* Take what the control plane put in, as a turn of the worker does. */
static unsigned int inject_all(void)
{
	unsigned int count = inject(fixture.worker);

	inject_done(fixture.worker, count);
	return count;
}

static struct account before;

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	fixture_vlan(&fixture, VLAN, 2, 100, 0, INTERFACE_MPLS);
	_Atomic uint64_t *flags = &fixture.tables->interface[DOWN].flags;
	word_store(flags, word_load(flags) & ~INTERFACE_UP);
	route(100, LABEL_SWAP, 200, via(1, 1, NO_LABELS), 0);
	return region_allocate_inject(&fixture.tables_region, 1);
}

/* ---------------------------------------------------------------- punt */

/* `count` frames with this label, in vectors. */
static void receive(const char *text, unsigned int count)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, text);
	struct rte_mbuf *mbufs[VECTOR_SIZE];

	while (count > 0) {
		unsigned int n = count < VECTOR_SIZE ? count : VECTOR_SIZE;
		for (unsigned int i = 0; i < n; i++)
			mbufs[i] = mbuf_of(frame, length);
		worker_process(fixture.worker, 0, mbufs, n);
		count -= n;
	}
}

static void set_rate(unsigned int rate)
{
	rte_free(fixture.worker->punt_profile);
	assert_int_equal(punt_init(fixture.worker, rate), 0);
}

static uint64_t punted(enum punt_reason reason)
{
	return counter_read(&fixture.worker->state->punted[reason]);
}

/* Each reason has its own policer: a flood of one does not starve another. */
static void test_policer(void **state)
{
	uint64_t alerts = punted(PUNT_mpls_router_alert);

	(void)state;
	set_rate(10); /* two at once, then one every 100 ms */
	account_take(&before);
	receive("eth mpls 1/5/64 ip4/7", 60);
	uint64_t policed = dropped_since(&before, 0, DROP_punt_policed);
	assert_in_range(policed, 55, 58);
	assert_int_equal(punted(PUNT_mpls_router_alert) - alerts, 60 - policed);
	receive("eth mpls 13/5/64 ip4/7", 1);
	receive("eth mpls 100/5/1 ip4/7", 1);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_policed), policed);
	assert_true(account_balanced(&before, 62));
	assert_int_equal(punt_take(), 62 - policed);
	/* the bucket fills again: until one is let through, at most a second */
	alerts = punted(PUNT_mpls_router_alert);
	uint64_t end = rte_get_timer_cycles() + 2 * rte_get_timer_hz();
	while (punted(PUNT_mpls_router_alert) == alerts && rte_get_timer_cycles() < end)
		receive("eth mpls 1/5/64 ip4/7", 1);
	assert_int_equal(punted(PUNT_mpls_router_alert), alerts + 1);
	punt_take();
	set_rate(LOTS);
}

/* A scan of addresses that no route covers: what nobody is told is counted by what it was. */
static void test_scan(void **state)
{
	(void)state;
	set_rate(10);
	account_take(&before);
	receive("eth ip4/64", 60);
	uint64_t untold = dropped_since(&before, 0, DROP_ip_no_route);
	assert_in_range(untold, 55, 58);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_policed), 0);
	set_rate(LOTS);
	receive("eth ip6/64", RING_SLOTS);
	assert_int_equal(dropped_since(&before, 0, DROP_ip_no_route), 60);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_ring_full), 0);
	assert_true(account_balanced(&before, 60 + RING_SLOTS));
	assert_int_equal(punt_take(), RING_SLOTS);
}

static void test_ring_full(void **state)
{
	struct ring_consumer *consumer = &fixture.tables->punt_consumer[0];

	(void)state;
	account_take(&before);
	receive("eth mpls 1/5/64 ip4/7", RING_SLOTS + 10);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_ring_full), 10);
	assert_true(account_balanced(&before, RING_SLOTS + 10));
	uint64_t sequence = ring_peek(fixture.worker->punt, consumer)->sequence;
	ring_release(consumer);
	receive("eth mpls 14/5/64 ip4/7", 2);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_ring_full), 11);
	for (unsigned int i = 1; i <= RING_SLOTS; i++) {
		const struct frame_slot *slot = ring_peek(fixture.worker->punt, consumer);
		assert_non_null(slot);
		assert_int_equal(slot->sequence, sequence + i);
		assert_int_equal(slot->reason,
				 i == RING_SLOTS ? PUNT_mpls_oam_alert : PUNT_mpls_router_alert);
		ring_release(consumer);
	}
	assert_null(ring_peek(fixture.worker->punt, consumer));
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

static void test_longest_frame(void **state)
{
	static const struct stage_case whole = { "longest that fits a slot", "eth mpls 1/5/64 ...",
						 PUNTED(mpls_router_alert) };
	static const struct stage_case too_long = { "a byte more", "eth mpls 1/5/64 ...",
						    DROPPED(punt_too_long) };
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "eth mpls 1/5/64");

	(void)state;
	for (size_t i = length; i < FRAME_MAX + 1; i++)
		frame[i] = (uint8_t)(i * 7);
	assert_true(case_run(&whole, frame, FRAME_MAX, HEADROOM, 2000));
	assert_true(case_run(&whole, frame, FRAME_MAX, HEADROOM, 0));
	assert_true(case_run(&too_long, frame, FRAME_MAX + 1, HEADROOM, 2000));
	assert_true(case_run(&too_long, frame, FRAME_MAX + 1, HEADROOM, 0));
}

/* The control plane's head is from a file that another data plane wrote: full until it looks again. */
static void test_punt_resynchronise(void **state)
{
	struct ring_consumer *consumer = &fixture.tables->punt_consumer[0];
	uint64_t tail = word_load(&fixture.worker->punt->tail);

	(void)state;
	word_store(&consumer->head, tail + 1000000);
	account_take(&before);
	assert_null(ring_peek(fixture.worker->punt, consumer));
	receive("eth mpls 1/5/64 ip4/7", 1);
	assert_int_equal(dropped_since(&before, 0, DROP_punt_ring_full), 1);
	ring_resynchronise(fixture.worker->punt, consumer);
	assert_int_equal(word_load(&consumer->head), tail);
	receive("eth mpls 1/5/64 ip4/7", 2);
	ring_resynchronise(fixture.worker->punt, consumer); /* the same file: nothing is lost */
	assert_int_equal(punt_take(), 2);
}

/* The doorbell rings when the control plane has said that it sleeps, and only then. */
static void test_doorbell(void **state)
{
	int ends[2];
	char byte;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	atomic_store(&fixture.worker->doorbell, ends[1]);
	receive("eth mpls 1/5/64 ip4/7", 1);
	word_store(&fixture.tables->control.sleeping, 1);
	receive("eth mpls 1/5/64 ip4/7", 1);
	word_store(&fixture.tables->control.sleeping, 0);
	receive("eth mpls 1/5/64 ip4/7", 1);
	atomic_store(&fixture.worker->doorbell, -1);
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	assert_int_equal(punt_take(), 3);
}

/* ---------------------------------------------------------------- inject */

static void put(unsigned int interface, const uint8_t *frame, size_t length)
{
	struct ring_producer *producer = &fixture.tables->inject[0];
	struct frame_slot *slot = ring_reserve(producer, &fixture.state->inject_consumer[0]);

	assert_non_null(slot);
	slot->interface = interface;
	slot->length = (uint32_t)length;
	memcpy(slot->data, frame, length < FRAME_MAX ? length : FRAME_MAX);
	ring_publish(producer);
}

static uint64_t injected(unsigned int interface)
{
	return counter_read(&fixture.worker->interface[interface].injected);
}

static void test_inject(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "out:1/1 ip4/7");

	(void)state;
	account_take(&before);
	put(1, frame, length);
	put(VLAN, frame, 14);
	assert_int_equal(inject_all(), 2);
	assert_int_equal(inject_all(), 0);
	assert_true(account_balanced(&before, 2));
	struct transmit *transmit = &fixture.worker->transmit;
	assert_int_equal(transmit->count[1], 1);
	assert_int_equal(transmit->count[2], 1); /* the subinterface's port */
	assert_int_equal(transmit->mbuf[1][0]->pkt_len, length);
	assert_memory_equal(rte_pktmbuf_mtod(transmit->mbuf[1][0], uint8_t *), frame, length);
	assert_int_equal(transmit->mbuf[2][0]->pkt_len, 14);
	assert_int_equal(injected(1), 1);
	assert_int_equal(injected(VLAN), 1);
	assert_int_equal(transmit_take(), 2);
}

static void test_inject_invalid(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "out:1/1 ip4/7 fill:12000");

	(void)state;
	account_take(&before);
	put(INTERFACE_MAX, frame, 60);
	put(UINT32_MAX, frame, 60);
	put(DOWN, frame, 60);
	put(90, frame, 60); /* no such interface */
	put(1, frame, 0);
	put(1, frame, 13);
	put(1, frame, FRAME_MAX + 1);
	put(1, frame, UINT32_MAX);
	put(1, frame, 65536 + 60);
	put(1, frame, 5000); /* longer than the buffers here */
	assert_true(length > FRAME_MAX);
	assert_int_equal(inject_all(), 10);
	assert_int_equal(transmit_take(), 0);
	assert_int_equal(dropped_since(&before, 0, DROP_inject_invalid), 2);
	assert_int_equal(dropped_since(&before, DOWN, DROP_inject_invalid), 1);
	assert_int_equal(dropped_since(&before, 90, DROP_inject_invalid), 1);
	assert_int_equal(dropped_since(&before, 1, DROP_inject_invalid), 6);
	assert_true(account_balanced(&before, 10));
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* A turn takes a vector's worth; the rest stays for the next one. */
static void test_inject_many(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "out:1/1 ip4/7");

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < RING_SLOTS; i++)
		put(1, frame, length);
	assert_null(ring_reserve(&fixture.tables->inject[0], &fixture.state->inject_consumer[0]));
	for (unsigned int i = 0; i < RING_SLOTS / VECTOR_SIZE; i++) {
		assert_int_equal(inject_all(), VECTOR_SIZE);
		assert_int_equal(transmit_take(), VECTOR_SIZE);
	}
	assert_int_equal(inject_all(), 0);
	assert_true(account_balanced(&before, RING_SLOTS));
}

static void test_inject_without_buffers(void **state)
{
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	buffers_take(0);
	account_take(&before);
	put(1, frame, frame_build(frame, "out:1/1 ip4/7"));
	assert_int_equal(inject_all(), 1);
	assert_int_equal(dropped_since(&before, 1, DROP_no_buffer), 1);
	assert_true(account_balanced(&before, 1));
	buffers_give();
}

/* The head in `state` is from a tables file that was made anew: start where that one stands. */
static void test_inject_resynchronise(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "out:1/1 ip4/7");
	struct ring_consumer *consumer = &fixture.state->inject_consumer[0];

	(void)state;
	word_store(&consumer->head, word_load(&fixture.tables->inject[0].tail) + 77);
	assert_int_equal(inject_all(), 0);
	ring_resynchronise(&fixture.tables->inject[0], consumer);
	put(1, frame, length);
	assert_int_equal(inject_all(), 1);
	assert_int_equal(transmit_take(), 1);
}

/* ---------------------------------------------------------------- to the device */

enum { DEVICE = RTE_MAX_ETHPORTS - 1 };

static unsigned int device_takes; /* packets a call */
static unsigned int device_has, device_calls;
static unsigned int device_segments; /* of the packets that it took */
static uint32_t device_bytes;

static uint16_t device_burst(void *queue, struct rte_mbuf **mbufs, uint16_t count)
{
	uint16_t taken = count < device_takes ? count : (uint16_t)device_takes;

	(void)queue;
	device_calls++;
	for (unsigned int i = 0; i < taken; i++) {
		device_segments += mbufs[i]->nb_segs;
		device_bytes += mbufs[i]->pkt_len;
		rte_pktmbuf_free(mbufs[i]);
	}
	device_has += taken;
	return taken;
}

static void device_start(unsigned int takes, bool multi_segment)
{
	static void *queues[RTE_MAX_QUEUES_PER_PORT];

	rte_eth_fp_ops[DEVICE].tx_pkt_burst = device_burst;
	rte_eth_fp_ops[DEVICE].txq.data = queues;
	rte_eth_fp_ops[DEVICE].txq.clbk = (void **)queues;
	fixture.plan.tx[1] = (struct tx_queue){
		.running = true,
		.multi_segment = multi_segment,
		.dpdk_port = DEVICE,
	};
	device_takes = takes;
	device_has = device_calls = device_segments = device_bytes = 0;
}

static uint64_t tx_dropped_since(unsigned int interface)
{
	return counter_read(&fixture.worker->interface[interface].tx_dropped) -
	       before.value[interface][offsetof(struct interface_counters, tx_dropped) / 8];
}

static void test_port_gone(void **state)
{
	(void)state;
	account_take(&before);
	receive("eth mpls 100/5/64 ip4/7", 10);
	worker_flush(fixture.worker);
	assert_int_equal(dropped_since(&before, 0, DROP_tx_port_gone), 10);
	assert_int_equal(tx_dropped_since(0), 10);
	assert_true(account_balanced(&before, 10));
	assert_int_equal(fixture.worker->transmit.pending, 0);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

static void test_device(void **state)
{
	rte_spinlock_t lock = RTE_SPINLOCK_INITIALIZER;

	(void)state;
	account_take(&before);
	device_start(1000, true);
	fixture.plan.tx[1].lock = &lock;
	receive("eth mpls 100/5/64 ip4/7", 10);
	assert_int_equal(device_has, 0); /* not before the flush */
	worker_flush(fixture.worker);
	assert_int_equal(device_has, 10);
	assert_int_equal(rte_spinlock_is_locked(&lock), 0);
	receive("eth mpls 100/5/64 ip4/7", TRANSMIT_SIZE + 5); /* a full buffer flushes itself */
	assert_int_equal(device_has, 10 + TRANSMIT_SIZE);
	worker_flush(fixture.worker);
	assert_int_equal(device_has, 15 + TRANSMIT_SIZE);
	assert_true(account_balanced(&before, 15 + TRANSMIT_SIZE));
	assert_int_equal(tx_dropped_since(0), 0);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
	fixture.plan.tx[1] = (struct tx_queue){ 0 };
}

static void test_device_full(void **state)
{
	(void)state;
	account_take(&before);
	device_start(3, true); /* a call takes three, and it is asked TX_RETRIES times */
	receive("eth mpls 100/5/64 ip4/7", 20);
	worker_flush(fixture.worker);
	assert_int_equal(device_calls, TX_RETRIES);
	assert_int_equal(device_has, 3 * TX_RETRIES);
	assert_int_equal(dropped_since(&before, 0, DROP_tx_full), 20 - 3 * TX_RETRIES);
	assert_int_equal(tx_dropped_since(0), 20 - 3 * TX_RETRIES);
	assert_true(account_balanced(&before, 20));
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
	fixture.plan.tx[1] = (struct tx_queue){ 0 };
}

/* A device that sends single buffers only gets one. */
static void test_device_without_segments(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "eth mpls 100/5/64 ip4/7 fill:1000");

	(void)state;
	for (unsigned int multi = 0; multi < 2; multi++) {
		struct rte_mbuf *mbuf = mbuf_of(frame, 500);
		assert_int_equal(rte_pktmbuf_chain(mbuf, mbuf_of(frame + 500, length - 500)), 0);
		account_take(&before);
		device_start(10, multi == 1);
		worker_process(fixture.worker, 0, &mbuf, 1);
		worker_flush(fixture.worker);
		assert_int_equal(device_has, 1);
		assert_int_equal(device_bytes, length);
		assert_int_equal(device_segments, 1 + multi);
		assert_true(account_balanced(&before, 1));
		assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
	}
	fixture.plan.tx[1] = (struct tx_queue){ 0 };
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policer),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_ring_full),
		cmocka_unit_test(test_longest_frame),
		cmocka_unit_test(test_punt_resynchronise),
		cmocka_unit_test(test_doorbell),
		cmocka_unit_test(test_inject),
		cmocka_unit_test(test_inject_invalid),
		cmocka_unit_test(test_inject_many),
		cmocka_unit_test(test_inject_without_buffers),
		cmocka_unit_test(test_inject_resynchronise),
		cmocka_unit_test(test_port_gone),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_device_full),
		cmocka_unit_test(test_device_without_segments),
	};
	return cmocka_run_group_tests_name("stage: punt, inject, transmit", tests, start,
					   stage_stop);
}
