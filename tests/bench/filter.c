/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-filter: cycles of the filter stage by itself, per packet, and how long a filter takes to build
 * and publish. CSV: scenario, rules, median cycles, best, milliseconds to build and publish.
 *
 * filter-ports and filter-5tuple: filters.h. filter-list: two ports, one beside a list of a million hosts, and
 * random sources. Packets are random, and most of them meet some rule.
 */
#include <errno.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include "dataplane/stage/stage.h"
#include "tests/bench/filters.h"
#include "tests/bench/routes.h"
#include "tests/bench/samples.h"

enum { SET = 32768, ROUNDS = 40, LIST_SIZE = 1000000, DATA_ROOM = 192 };

static struct fixture fixture;
static struct rte_mbuf *mbufs[SET];
static struct packet packets[SET];
static double clock_cost;
static struct samples samples;

static void write_packet(unsigned int i, uint32_t count, bool random_source)
{
	uint8_t *header = rte_pktmbuf_mtod(mbufs[i], uint8_t *) + 14;
	uint64_t random = bench_random(i);

	bench_filter_packet(header, (uint32_t)(random >> 20) % count, i);
	if (random_source)
		memcpy(header + 12, &random, 4);
	packets[i] = (struct packet){ .mbuf = mbufs[i], .l3 = header, .payload = PAYLOAD_IPV4 };
}

/* What two looks at the clock cost with nothing between them: it is no packet's. */
static void measure_clock(void)
{
	clock_cost = 1e9;
	for (unsigned int i = 0; i < 10000; i++) {
		uint64_t start = rte_rdtsc_precise();
		clock_cost = RTE_MIN(clock_cost, (double)(rte_rdtsc_precise() - start));
	}
}

/* Headers are in the cache by then, as classify has just read them. */
static double run_vector(unsigned int first)
{
	struct worker *worker = fixture.worker;
	uint64_t sum = 0;

	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		worker->filter.packet[i] = &packets[first + i];
		sum += packets[first + i].l3[0] + mbufs[first + i]->pkt_len;
	}
	__asm__ volatile("" ::"r"(sum));
	worker->filter.count = VECTOR_SIZE;
	worker->ip.count = 0;
	uint64_t start = rte_rdtsc_precise();
	filter(worker);
	return ((double)(rte_rdtsc_precise() - start) - clock_cost) / VECTOR_SIZE;
}

static void measure(const char *name, uint32_t count, bool tuple, uint32_t list)
{
	double ms = bench_filter(&fixture, count, tuple, list);

	for (unsigned int i = 0; i < SET; i++)
		write_packet(i, count, list != 0);
	samples.count = 0;
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int first = 0; first < SET; first += VECTOR_SIZE)
			samples_add(&samples, run_vector(first));
	printf("%s,%u,%.1f,%.1f,%.1f\n", name, count,
	       samples_percentile(&samples, 50), samples_percentile(&samples, 0), ms);
	fflush(stdout);
}

static void fill_list(struct filter_addresses *addresses, uint32_t list)
{
	for (uint32_t i = 0; i < LIST_SIZE; i++) {
		struct filter_prefix prefix = { .family = ROUTE_IPV4, .length = 32 };
		uint64_t random = bench_random(0x6c000000u + i);
		memcpy(prefix.bytes, &random, 4);
		int result = filter_prefix_add(addresses, list, &prefix);
		if (result != 0 && result != -EEXIST) {
			fprintf(stderr, "bench-filter: list: %s\n", strerror(-result));
			exit(1);
		}
	}
}

int main(int argc, char **argv)
{
	static const uint32_t counts[] = { 1, 100, 1000, FILTER_RULE_MAX };

	fixture_start(&fixture, argc > 1 ? argv[1] : NULL, SET + 64, DATA_ROOM, false);
	struct filter_addresses *addresses = bench_filters_start(&fixture);
	uint32_t list = filter_element_new(addresses);
	word_store(&fixture.tables->interface[0].filter_in, BENCH_FILTER);
	for (unsigned int i = 0; i < SET; i++) {
		mbufs[i] = rte_pktmbuf_alloc(fixture.pool);
		rte_pktmbuf_append(mbufs[i], 64);
	}
	measure_clock();
	printf("scenario,rules,cycles_median,cycles_best,build_ms\n");
	for (unsigned int i = 0; i < RTE_DIM(counts); i++)
		measure("filter-ports", counts[i], false, 0);
	for (unsigned int i = 0; i < RTE_DIM(counts); i++)
		measure("filter-5tuple", counts[i], true, 0);
	measure("filter-list-empty", 2, false, list);
	uint64_t start = rte_rdtsc();
	fill_list(addresses, list);
	double seconds = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	measure("filter-list-1m", 2, false, list);
	fprintf(stderr, "list: %.0f changes a second\n", LIST_SIZE / seconds);
	fixture_stop(&fixture);
	return 0;
}
