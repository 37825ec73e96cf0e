/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/worker.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <time.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/ring.h"
#include "dataplane/stage/hand_over.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/watch.h"

enum {
	IDLE_TURNS_BEFORE_NAP = 256, /* empty turns: a gap in traffic is no reason to sleep */
	NAP_MINIMUM_NS = 10000,
	NAP_MAXIMUM_NS =
		250000, /* bounds what a sleeping worker adds to latency and to a fail-over */
};

int worker_init(struct worker *worker, unsigned int id, struct state *state,
		struct rte_mempool *pool, bool busy_poll, unsigned int punt_rate)
{
	memset(worker, 0, sizeof(*worker));
	worker->id = id;
	worker->shared = state;
	worker->state = &state->worker[id];
	worker->interface = state->interface[id];
	worker->port_live = state->port_live;
	worker->punt = &state->punt[id];
	worker->pool = pool;
	worker->busy_poll = busy_poll;
	worker->datagram = (uint16_t)(id << 11); /* workers begin apart from each other */
	worker->rule = state->filter[id];
	atomic_store(&worker->doorbell, -1);
	memset(worker->drop_wanted, 1, sizeof(worker->drop_wanted));
	epoch_offline(worker->state);
	int result = reassembly_init(worker);
	if (result == 0)
		result = bridge_init(worker);
	if (result == 0)
		result = filter_init(worker);
	if (result == 0)
		result = watch_init(worker);
	return result != 0 ? result : punt_init(worker, punt_rate);
}

void worker_stages_unwatched(struct worker *worker)
{
	do { /* again for what was taken out of a tunnel, or is for a bridge itself */
		if (unlikely(worker->filter.count != 0))
			filter(worker);
		mpls(worker);
		tunnel(worker);
		if (unlikely(word_load(&worker->tables->filter_vrfs) != 0))
			filter_vrf(worker);
		ip(worker);
		bridge(worker);
		do { /* again for what was put into one: the next turn begins with none of it left */
			output(worker);
			encapsulate(worker);
		} while (unlikely(worker->output.count != 0));
	} while (unlikely((worker->mpls.count | worker->ip.count | worker->bridge.count |
			   worker->filter.count) != 0));
}

void worker_stages(struct worker *worker)
{
	if (unlikely(worker->watch != 0))
		watch_stages(worker);
	else
		worker_stages_unwatched(worker);
}

void worker_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		    unsigned int count)
{
	if (unlikely(worker->watch != 0)) {
		watch_process(worker, interface, mbufs, count);
		return;
	}
	classify(worker, interface, mbufs, count);
	worker_stages(worker);
}

void worker_flush(struct worker *worker)
{
	if (unlikely(worker->watch != 0))
		watch_flush(worker);
	while (worker->transmit.pending != 0)
		transmit_port(worker, (unsigned int)__builtin_ctzll(worker->transmit.pending));
}

/* Nothing to send, so that the driver sends what it has of its own: at least every 100 ms. */
static void send_nothing(const struct tx_queue *tx)
{
	if (tx->lock != NULL)
		rte_spinlock_lock(tx->lock);
	rte_eth_tx_burst(tx->dpdk_port, tx->queue, NULL, 0);
	if (tx->lock != NULL)
		rte_spinlock_unlock(tx->lock);
}

/* Every queue of the plan once. Returns the packets that came in. */
static unsigned int poll_queues(struct worker *worker, const struct plan *plan)
{
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int total = 0;

	for (unsigned int i = 0; i < plan->rx_count; i++) {
		const struct rx_queue *rx = &plan->rx[i];
		unsigned int count = rte_eth_rx_burst(rx->dpdk_port, rx->queue, mbufs, VECTOR_SIZE);
		if (unlikely(rx->sends_idle))
			send_nothing(&plan->tx[rx->port]);
		if (count == 0)
			continue;
		worker_process(worker, rx->port, mbufs, count);
		total += count;
	}
	return total;
}

/* Nothing came in for a while: sleep a little longer each time. A sleeping worker holds nothing, so
 * that the control plane need not wait for it. */
static void nap(struct worker *worker)
{
	uint64_t length = (uint64_t)(worker->idle_turns - IDLE_TURNS_BEFORE_NAP) * 1000;
	struct timespec time = { 0, NAP_MINIMUM_NS };

	if (length > NAP_MAXIMUM_NS)
		length = NAP_MAXIMUM_NS;
	if (length > NAP_MINIMUM_NS)
		time.tv_nsec = (long)length;
	epoch_offline(worker->state);
	nanosleep(&time, NULL);
	counter_add(&worker->state->naps, 1);
}

static void idle(struct worker *worker)
{
	if (worker->busy_poll) {
		rte_pause();
		return;
	}
	if (++worker->idle_turns > IDLE_TURNS_BEFORE_NAP)
		nap(worker);
	else
		rte_pause();
}

/* Another tables file than in the turn before: `seen` is of the old one's epochs, so the worker comes
 * back as if it had been offline, and the inject ring goes on where the new file's producer stands. */
static void change_tables(struct worker *worker, const struct tables *tables)
{
	worker->tables = tables;
	epoch_online(tables, worker->state);
	ring_resynchronise(&tables->inject[worker->id],
			   &worker->shared->inject_consumer[worker->id]);
}

int worker_run(void *argument)
{
	struct worker *worker = argument;

	while (!atomic_load_explicit(&worker->stop, memory_order_relaxed)) {
		const struct plan *plan = atomic_load_explicit(&worker->plan, memory_order_acquire);
		worker->current = plan;
		atomic_store_explicit(&worker->in_use, plan, memory_order_release);
		if (plan == NULL || plan->tables == NULL) {
			worker->idle_turns = IDLE_TURNS_BEFORE_NAP + 100;
			nap(worker);
			continue;
		}
		/* the top of the loop: what was read from the tables before is not used any more */
		if (worker->tables != plan->tables)
			change_tables(worker, plan->tables);
		else if (atomic_load_explicit(&worker->state->seen, memory_order_relaxed) ==
			 WORKER_OFFLINE)
			epoch_online(plan->tables, worker->state);
		else
			epoch_report(plan->tables, worker->state);
		watch_turn(worker);

		uint64_t start = rte_rdtsc();
		if (unlikely(start >= worker->drops_wanted_next))
			drop_sample_again(worker, start);
		unsigned int packets = poll_queues(worker, plan);
		packets += hand_over_poll(worker);
		unsigned int injected = inject(worker);
		if (unlikely(worker->reassembling != 0))
			reassembly_expire(worker, start);
		packets += host_poll(worker);
		worker_flush(worker);
		if (unlikely(worker->watch & WATCH_PACKETS))
			watch_done(worker);
		inject_done(worker, injected);
		packets += injected;
		uint64_t cycles = rte_rdtsc() - start;

		counter_add(&worker->state->turns, 1);
		if (packets == 0) {
			counter_add(&worker->state->idle_cycles, cycles);
			idle(worker);
			continue;
		}
		worker->idle_turns = 0;
		if (worker->watch & WATCH_RUNTIME)
			watch_runtime(worker, packets, cycles);
		counter_add(&worker->state->busy_turns, 1);
		counter_add(&worker->state->busy_cycles, cycles);
		counter_add(&worker->state->packets, packets);
	}
	reassembly_flush(worker);
	epoch_offline(worker->state);
	atomic_store_explicit(&worker->in_use, NULL, memory_order_release);
	return 0;
}
