/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-grace: how long a grace period takes while a worker is under full load.
 *
 * One thread turns as worker_run does: report the epoch, a burst of 64 through all stages. The main
 * thread begins grace periods as the control plane does and waits for each. Prints CSV:
 * count,median_ns,p99_ns,best_ns,worst_ns
 */
#include <inttypes.h>
#include <pthread.h>
#include <rte_pause.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/stage/mpls_header.h"
#include "tests/stage/fixture.h"

enum { PERIODS = 20000, LABEL = 100, FRAME_SIZE = 64, PAUSE_NS = 20000 };

static struct fixture fixture;
static struct rte_mbuf *packets[VECTOR_SIZE];
static _Atomic bool stop;

static void pin(unsigned int which)
{
	cpu_set_t all, one;
	unsigned int seen = 0;

	CPU_ZERO(&one);
	if (pthread_getaffinity_np(pthread_self(), sizeof(all), &all) != 0)
		return;
	for (unsigned int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && seen++ == which)
			CPU_SET(cpu, &one);
	if (CPU_COUNT(&one) == 1)
		pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
}

static void restore(struct rte_mbuf *mbuf)
{
	uint8_t *frame;

	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->data_len = FRAME_SIZE;
	mbuf->pkt_len = FRAME_SIZE;
	frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	fixture_mac(0, frame);
	frame[12] = 0x88;
	frame[13] = 0x47;
	lse_store(frame + 14, LABEL << 12 | LSE_BOTTOM | 64);
	frame[18] = 0x45;
}

static void *turn(void *argument)
{
	struct worker *worker = fixture.worker;

	(void)argument;
	pin(1);
	epoch_online(fixture.tables, worker->state);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		epoch_report(fixture.tables, worker->state);
		for (unsigned int i = 0; i < VECTOR_SIZE; i++)
			restore(packets[i]);
		worker_process(worker, 0, packets, VECTOR_SIZE);
		fixture_transmitted(&fixture);
	}
	epoch_offline(worker->state);
	return NULL;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static void wait_until(uint64_t time)
{
	while (now() < time)
		rte_pause();
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return x < y ? -1 : x > y;
}

static void measure(void)
{
	static uint64_t took[PERIODS];

	for (unsigned int i = 0; i < PERIODS; i++) {
		uint64_t start = now();
		uint64_t epoch = epoch_begin(fixture.tables);
		while (!epoch_over(fixture.state, epoch))
			rte_pause();
		took[i] = now() - start;
		wait_until(start + PAUSE_NS + (uint64_t)(i % 64) * 100); /* anywhere in a turn */
	}
	qsort(took, PERIODS, sizeof(*took), compare);
	printf("count,median_ns,p99_ns,best_ns,worst_ns\n%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64
	       ",%" PRIu64 "\n",
	       PERIODS, took[PERIODS / 2], took[PERIODS * 99 / 100], took[0], took[PERIODS - 1]);
}

int main(void)
{
	uint8_t mac[6];
	pthread_t thread;
	cpu_set_t cpus; /* EAL pins us to one */
	bool known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;

	fixture_start(&fixture, NULL, VECTOR_SIZE + 1, 192, false);
	if (known)
		sched_setaffinity(0, sizeof(cpus), &cpus);
	for (unsigned int port = 0; port < 2; port++) {
		fixture_mac(port, mac);
		fixture_port(&fixture, port, mac, INTERFACE_MPLS);
	}
	fixture_label(&fixture, 0, LABEL,
		      label_entry(LABEL_SWAP, 200,
				  fixture_nexthop(&fixture, 1, 1, NULL, 0, NEXTHOP_NONE, 0), 0));
	if (rte_pktmbuf_alloc_bulk(fixture.pool, packets, VECTOR_SIZE) != 0 ||
	    pthread_create(&thread, NULL, turn, NULL) != 0)
		return 1;
	while (word_load(&fixture.worker->state->seen) == WORKER_OFFLINE)
		sched_yield();
	pin(0);
	measure();
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	if (counter_read(&fixture.worker->interface[0].forwarded) == 0) {
		fprintf(stderr, "bench-grace: the worker forwarded nothing\n");
		return 1;
	}
	fixture_stop(&fixture);
	return 0;
}
