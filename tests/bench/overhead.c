/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-overhead: what looking on costs a packet that is switched by label: counters, and the hooks of trace,
 * capture and runtime. CSV: what, median cycles a packet, best, and `by_direct`: the median over the rounds of
 * what it took by what the way `direct` took in the same round.
 *
 *   direct         classify and the stages called one after the other, no hook asked for
 *   off            as the worker calls them while nobody looks on
 *   runtime        the same, one vector of 64 measured for `show runtime`: what a worker does always
 *   every-vector   every vector measured
 *   no-counters    as off, label routes without counters
 *
 * The real stages and tables, packets in memory, no ports; the ways take turns on the same packets.
 */
#include <rte_cycles.h>
#include <rte_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/stage.h"
#include "tests/bench/samples.h"
#include "tests/stage/fixture.h"

enum {
	SET_SIZE = 8192, /* packets */
	LABELS = 1000,
	FIRST_LABEL = 16,
	FRAME_SIZE = 64,
	DATA_ROOM = 192,
	NEXTHOPS = 16,
	EGRESS_PORTS = 4,
	ROUNDS = 300,
};

enum way { DIRECT, OFF, RUNTIME, EVERY_VECTOR, NO_COUNTERS, WAYS };
static const char *const names[WAYS] = { "direct", "off", "runtime", "every-vector", "no-counters" };

static struct fixture fixture;
static struct rte_mbuf *packets[SET_SIZE];
static struct samples cycles[WAYS], ratio[WAYS];

static void make_tables(void)
{
	uint32_t nexthops[NEXTHOPS];
	uint8_t mac[6];

	for (unsigned int port = 0; port <= EGRESS_PORTS; port++) {
		fixture_mac(port, mac);
		fixture_port(&fixture, port, mac, INTERFACE_MPLS);
	}
	for (unsigned int i = 0; i < NEXTHOPS; i++)
		nexthops[i] = fixture_nexthop(&fixture, 1 + i % EGRESS_PORTS, i, NULL, 0,
					      NEXTHOP_NONE, 0);
	for (uint32_t i = 0; i < LABELS; i++)
		fixture_label(&fixture, 0, FIRST_LABEL + i,
			      label_entry(LABEL_SWAP, 500000 + i, nexthops[i % NEXTHOPS], 0));
}

static void write_packets(void)
{
	for (unsigned int i = 0; i < SET_SIZE; i++) {
		rte_pktmbuf_reset(packets[i]);
		uint8_t *frame = (uint8_t *)rte_pktmbuf_append(packets[i], FRAME_SIZE);
		memset(frame, 0, FRAME_SIZE);
		fixture_mac(0, frame);
		memcpy(frame + 12, (const uint8_t[]){ 0x88, 0x47 }, 2);
		lse_store(frame + RTE_ETHER_HDR_LEN,
			  (FIRST_LABEL + i * 7919u % LABELS) << 12 | LSE_BOTTOM | 64);
		frame[18] = 0x45;
	}
}

static void run(enum way way, unsigned int first)
{
	struct worker *worker = fixture.worker;

	worker->watch = way == EVERY_VECTOR ||
					(way == RUNTIME && first / VECTOR_SIZE % WATCH_SAMPLE == 0)
				? WATCH_RUNTIME
				: 0;
	if (way == DIRECT) {
		classify(worker, 0, &packets[first], VECTOR_SIZE);
		worker_stages_unwatched(worker);
	} else {
		worker_process(worker, 0, &packets[first], VECTOR_SIZE);
	}
	fixture_transmitted(&fixture);
}

static double measure(enum way way)
{
	struct traffic_counter *counters = fixture.worker->label[0];
	uint64_t start;

	write_packets();
	if (way == NO_COUNTERS)
		fixture.worker->label[0] = NULL;
	start = rte_rdtsc_precise();
	for (unsigned int first = 0; first < SET_SIZE; first += VECTOR_SIZE)
		run(way, first);
	uint64_t took = rte_rdtsc_precise() - start;
	fixture.worker->label[0] = counters;
	fixture.worker->watch = 0;
	return (double)took / SET_SIZE;
}

/* All must have been sent: a benchmark of drops would be fast. */
static void check_sent(void)
{
	uint64_t sent = 0;

	for (unsigned int port = 1; port <= EGRESS_PORTS; port++)
		sent += counter_read(&fixture.worker->interface[port].tx_packets);
	if (sent == (uint64_t)WAYS * ROUNDS * SET_SIZE)
		return;
	fprintf(stderr, "bench-overhead: not all packets were sent\n");
	exit(1);
}

int main(void)
{
	fixture_start(&fixture, NULL, SET_SIZE + 1, DATA_ROOM, false);
	make_tables();
	if (rte_pktmbuf_alloc_bulk(fixture.pool, packets, SET_SIZE) != 0)
		return 1;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		double took[WAYS];
		for (unsigned int i = 0; i < WAYS; i++) { /* each begins a round as often */
			enum way way = (enum way)((i + round) % WAYS);
			took[way] = measure(way);
		}
		for (unsigned int way = 0; way < WAYS; way++) {
			samples_add(&cycles[way], took[way]);
			samples_add(&ratio[way], took[way] / took[DIRECT]);
		}
	}
	check_sent();
	printf("what,cycles_median,cycles_best,by_direct\n");
	for (unsigned int way = 0; way < WAYS; way++)
		printf("%s,%.1f,%.1f,%.3f\n", names[way], samples_percentile(&cycles[way], 50),
		       samples_percentile(&cycles[way], 0), samples_percentile(&ratio[way], 50));
	fixture_stop(&fixture);
	return 0;
}
