/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_hand_over.c: a tunnel's sequence numbers with two workers. Each number comes out of the tunnel once,
 * whichever worker its frames came in by, and every frame ends once.
 */
#include <rte_malloc.h>
#include <stdio.h>
#include "dataplane/shm/region.h"
#include "dataplane/stage/hand_over.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/tunnels.h"

enum { STRICT, WINDOW, PLAIN, WORKERS = 2, RING = 1023 };

static struct worker *workers[WORKERS];

static int start(void **state)
{
	static const uint32_t flags[] = { TUNNEL_SEQUENCE_STRICT, TUNNEL_SEQUENCE_WINDOW, 0 };
	int result = tunnels_start(state);

	for (unsigned int i = 0; result == 0 && i < RTE_DIM(flags); i++) {
		struct tunnel tunnel = tunnel_of(TUNNEL_GRE, true, 2 + i, flags[i], 0);
		tunnel_make(i, &tunnel, 0, 0);
	}
	if (result == 0)
		result = region_allocate_workers(&fixture.state_region, WORKERS);
	if (result == 0)
		result = region_allocate_interfaces(&fixture.state_region, WORKERS,
						    INTERFACE_FIRST_TUNNEL, T(PLAIN) + 1);
	fixture.pool = rte_pktmbuf_pool_create("hand_over", 2 * RING, 0, PACKET_ROOM,
					       RTE_PKTMBUF_HEADROOM + 256, 0);
	if (fixture.pool == NULL)
		return -1;
	workers[0] = fixture.worker;
	workers[1] = rte_zmalloc(NULL, sizeof(struct worker), CACHE_LINE);
	if (result != 0 || workers[1] == NULL ||
	    worker_init(workers[1], 1, fixture.state, fixture.pool, true, 1000) != 0 ||
	    (workers[1]->watching == NULL && watch_init(workers[1]) != 0))
		return -1;
	workers[1]->tables = fixture.tables;
	workers[1]->current = &fixture.plan;
	return hand_over_init(workers, WORKERS);
}

/* Both workers' count. */
static uint64_t sum(size_t offset, uint32_t interface)
{
	uint64_t total = 0;

	for (unsigned int i = 0; i < WORKERS; i++)
		total += counter_read((const _Atomic uint64_t *)((const uint8_t *)&workers[i]
									 ->interface[interface] +
								 offset));
	return total;
}
#define SUM(field, interface) sum(offsetof(struct interface_counters, field), interface)

static void arrive(unsigned int worker, unsigned int remote, unsigned int sequence)
{
	uint8_t frame[FRAME_ROOM];
	char text[64];

	snprintf(text, sizeof(text), "eth outer4:%u>1 gre:seq=%u ip4/64/b8", remote, sequence);
	size_t length = frame_build(frame, text);
	struct rte_mbuf *mbuf = mbuf_of(frame, length);
	worker_process(workers[worker], 0, &mbuf, 1);
}

static void take_sent(struct transmit *transmit)
{
	for (unsigned int port = 0; port < PORT_MAX; port++) {
		for (unsigned int i = 0; i < transmit->count[port]; i++)
			rte_pktmbuf_free(transmit->mbuf[port][i]);
		transmit->count[port] = 0;
	}
	transmit->pending = 0;
}

/* What waits for the owners, and what they sent. */
static void settle(void)
{
	for (unsigned int i = 0; i < WORKERS; i++) {
		do
			take_sent(&workers[i]->transmit);
		while (hand_over_poll(workers[i]) != 0);
	}
}

struct step {
	unsigned int worker, sequence;
	int ends; /* GOES_ON: forwarded; or the reason */
};

static void run(unsigned int tunnel, const struct step *steps, size_t count)
{
	uint64_t received = SUM(decapsulated, 0);

	for (size_t i = 0; i < count; i++) {
		size_t dropped = offsetof(struct interface_counters, drop) +
				 (steps[i].ends < 0 ? 0u : (unsigned int)steps[i].ends) * 8;
		uint64_t sent = SUM(forwarded, T(tunnel)), drops = sum(dropped, T(tunnel));
		arrive(steps[i].worker, 2 + tunnel, steps[i].sequence);
		settle();
		if (SUM(forwarded, T(tunnel)) - sent != (steps[i].ends < 0) ||
		    (steps[i].ends >= 0 && sum(dropped, T(tunnel)) - drops != 1))
			fail_msg("step %zu: number %u by worker %u", i, steps[i].sequence,
				 steps[i].worker);
		assert_int_equal(SUM(decapsulated, 0) - received, i + 1);
	}
}

static void test_strict(void **state)
{
	static const struct step steps[] = {
		{ 0, 7, -1 },  { 1, 7, DROP_tunnel_sequence_duplicate },
		{ 1, 8, -1 },  { 0, 8, DROP_tunnel_sequence_duplicate },
		{ 0, 10, -1 }, { 1, 9, DROP_tunnel_sequence_old },
		{ 1, 11, -1 },
	};

	(void)state;
	run(STRICT, steps, RTE_DIM(steps));
}

static void test_window(void **state)
{
	static const struct step steps[] = {
		{ 1, 100, -1 },
		{ 0, 102, -1 },
		{ 1, 101, -1 },
		{ 0, 101, DROP_tunnel_sequence_duplicate },
		{ 1, 102, DROP_tunnel_sequence_duplicate },
	};

	(void)state;
	run(WINDOW, steps, RTE_DIM(steps));
}

/* All others are taken out where they came in. */
static void test_plain(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < WORKERS; i++) {
		uint64_t before = counter_read(&workers[i]->interface[T(PLAIN)].rx_packets);
		arrive(i, 2 + PLAIN, 1);
		settle();
		assert_int_equal(counter_read(&workers[i]->interface[T(PLAIN)].rx_packets) - before,
				 1);
	}
}

/* The worker that does not own the strict tunnel. */
static unsigned int other(void)
{
	return (T(STRICT) + 1) % WORKERS;
}

/* Numbers in the order in which they came, until the ring is full. */
static void test_full(void **state)
{
	size_t busy = offsetof(struct interface_counters, drop) + DROP_tunnel_owner_busy * 8;
	uint64_t sent = SUM(forwarded, T(STRICT)), dropped = sum(busy, 0);

	(void)state;
	for (unsigned int i = 0; i < RING + 5; i++)
		arrive(other(), 2 + STRICT, 1000 + i);
	assert_int_equal(SUM(forwarded, T(STRICT)), sent);
	settle();
	assert_int_equal(SUM(forwarded, T(STRICT)) - sent, RING);
	assert_int_equal(sum(busy, 0) - dropped, 5);
}

static void turn_of(unsigned int worker, void (*act)(void))
{
	watch_turn(workers[worker]);
	act();
	if (workers[worker]->watch & WATCH_PACKETS)
		watch_done(workers[worker]);
}

static void arrive_traced(void)
{
	arrive(other(), 2 + STRICT, 7000);
}

static void take_traced(void)
{
	hand_over_poll(workers[!other()]);
}

/* Is there a record of this kind, and of which packet? */
static const struct trace_record *traced(unsigned int worker, enum trace_kind kind)
{
	const struct trace_ring *ring = &fixture.state->trace[worker];

	for (uint64_t i = 0; i < word_load(&ring->count); i++)
		if (ring->record[i].kind == kind)
			return &ring->record[i];
	return NULL;
}

/* Who traces one packet sees its whole way, at the second worker too, which has seen as many of its own already as
 * were asked for; and of another trace nothing. */
static void test_traced(void **state)
{
	uint64_t size = sizeof(struct watch_wish), offset = heap_allocate(fixture.heap, size);
	struct watch_wish *wish = heap_object(fixture.heap, offset);

	(void)state;
	*wish = (struct watch_wish){
		.generation = 77, .deadline = UINT64_MAX, .count = 1, .interface = WATCH_ANY
	};
	word_store(&fixture.tables->control.trace, offset);
	watch_turn(workers[!other()]);
	arrive(!other(), 2 + PLAIN, 1);
	watch_done(workers[!other()]);
	take_sent(&workers[!other()]->transmit);

	turn_of(other(), arrive_traced);
	const struct trace_record *end = traced(other(), TRACE_END);
	assert_non_null(end);
	assert_int_equal(end->reason, WATCH_other_worker);
	turn_of(!other(), take_traced);
	const struct trace_ring *ring = &fixture.state->trace[!other()];
	unsigned int arrivals = 0, steps = 0;
	for (uint64_t i = 0; i < word_load(&ring->count); i++) {
		const struct trace_record *record = &ring->record[i];
		arrivals += record->kind == TRACE_ARRIVED && record->index == 1;
		steps += record->kind == TRACE_STAGE && record->packet == TRACE_PACKETS_MAX - 1 &&
			 record->next == STAGE_transmit;
	}
	assert_int_equal(arrivals, 1);
	assert_int_equal(steps, 1);

	turn_of(other(), arrive_traced); /* one was asked for: this one is in no trace */
	uint64_t count = word_load(&ring->count);
	turn_of(!other(), take_traced);
	assert_int_equal(word_load(&ring->count), count);
	word_store(&fixture.tables->control.trace, 0);
	for (unsigned int i = 0; i < WORKERS; i++)
		watch_turn(workers[i]);
	settle();
}

/* The port goes down while they wait. */
static void test_interface_down(void **state)
{
	_Atomic uint64_t *flags = &fixture.tables->interface[0].flags;
	uint64_t before = word_load(flags), sent = SUM(forwarded, T(STRICT));
	size_t down = offsetof(struct interface_counters, drop) + DROP_interface_down * 8;
	uint64_t dropped = sum(down, 0);

	(void)state;
	arrive(other(), 2 + STRICT, 5000);
	word_store(flags, before & ~INTERFACE_UP);
	settle();
	word_store(flags, before);
	assert_int_equal(SUM(forwarded, T(STRICT)), sent);
	assert_int_equal(sum(down, 0) - dropped, 1);
}

/* What waits when the workers stop. */
static void test_end(void **state)
{
	unsigned int used = rte_mempool_in_use_count(fixture.pool);

	(void)state;
	arrive(other(), 2 + STRICT, 6000);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), used + 1);
	hand_over_end(workers, WORKERS);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), used);
	assert_null(workers[0]->handover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strict),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_interface_down),
		cmocka_unit_test(test_traced),
		cmocka_unit_test(test_end),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
