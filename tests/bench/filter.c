/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-filter: cycles of the filter stage by itself, per packet, and how long a filter takes to build
 * and publish. CSV: scenario, rules, median cycles, best, milliseconds to build and publish.
 *
 * filter-ports: each rule is one TCP or UDP port. filter-5tuple: protocol, source and destination
 * prefixes, destination port or range; one address in ten is any. filter-list: the ports beside a list of
 * a million hosts. Packets are random, and most of them meet some rule.
 */
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include "dataplane/shm/filter-build.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/fixture.h"

enum { SET = 32768, ROUNDS = 40, NUMBER = 1, LIST_SIZE = 1000000, ELEMENTS = 1024, DATA_ROOM = 192 };

static struct fixture fixture;
static struct rte_mbuf *mbufs[SET];
static struct packet packets[SET];
static struct filter_addresses *addresses;
static struct filter_rule_spec rules[FILTER_RULE_MAX];
static const struct filter_rule_spec *rule_list[FILTER_RULE_MAX];
static struct filter_range ranges[FILTER_RULE_MAX];
static uint32_t elements[ELEMENTS], networks[ELEMENTS];
static struct filter_prefix prefixes[ELEMENTS];
static uint64_t state = 88172645463325252ull;
static double clock_cost;
static double samples[ROUNDS * SET / VECTOR_SIZE];

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static struct filter_prefix prefix_of(uint32_t address, uint8_t length)
{
	struct filter_prefix prefix = { .family = ROUTE_IPV4, .length = length };
	uint32_t big = rte_cpu_to_be_32(address);

	memcpy(prefix.bytes, &big, 4);
	return prefix;
}

static void check(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "bench-filter: %s: %s\n", what, strerror(-result));
	exit(1);
}

static void make_elements(void)
{
	for (unsigned int i = 0; i < ELEMENTS; i++) {
		networks[i] = (10u << 24) | next(65536) << 8;
		prefixes[i] = prefix_of(networks[i], 24);
		elements[i] = filter_element_new(addresses);
		check(filter_prefix_add(addresses, elements[i], &prefixes[i]), "prefix");
	}
}

static void name_element(uint32_t *element, const struct filter_prefix **prefix)
{
	uint32_t i = next(ELEMENTS);

	*element = elements[i];
	*prefix = &prefixes[i];
}

static void make_rule(uint32_t i, bool tuple)
{
	uint16_t port = (uint16_t)(1 + next(65000));

	ranges[i] = (struct filter_range){ port, (uint16_t)(port + (tuple && i % 4 == 0 ? 100 : 0)) };
	rules[i] = (struct filter_rule_spec){ .sequence = i + 1,
					      .slot = (uint16_t)(i + 1),
					      .action = FILTER_PERMIT,
					      .protocol = i % 2 == 0 ? PROTOCOL_TCP : PROTOCOL_UDP,
					      .dscp = FILTER_ANY,
					      .icmp_type = FILTER_ANY,
					      .icmp_code = FILTER_ANY,
					      .dport = &ranges[i],
					      .dport_count = 1,
					      .text = "" };
	if (tuple && next(10) != 0)
		name_element(&rules[i].from, &rules[i].from_prefix);
	if (tuple && next(10) != 0)
		name_element(&rules[i].to, &rules[i].to_prefix);
	rule_list[i] = &rules[i];
}

static uint32_t address_for(uint32_t element)
{
	for (unsigned int i = 0; i < ELEMENTS; i++)
		if (elements[i] == element)
			return networks[i] | next(256);
	return next(UINT32_MAX);
}

static void write_packet(unsigned int i, uint32_t count, bool random_source)
{
	const struct filter_rule_spec *rule = &rules[next(count)];
	uint8_t *header = rte_pktmbuf_mtod(mbufs[i], uint8_t *) + 14;
	uint32_t source = rte_cpu_to_be_32(random_source ? next(UINT32_MAX)
							 : address_for(rule->from));
	uint32_t destination = rte_cpu_to_be_32(address_for(rule->to));

	memset(header, 0, 46);
	header[0] = 0x45;
	header[3] = 40;
	header[9] = (uint8_t)rule->protocol;
	memcpy(header + 12, &source, 4);
	memcpy(header + 16, &destination, 4);
	header[22] = (uint8_t)(rule->dport[0].first >> 8);
	header[23] = (uint8_t)rule->dport[0].first;
	packets[i] = (struct packet){ .mbuf = mbufs[i], .l3 = header, .payload = PAYLOAD_IPV4 };
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
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

static void measure(const char *name, uint32_t count, bool tuple, bool list)
{
	struct filter_spec spec = { "b", FILTER_PERMIT, rule_list, count, (uint16_t)(count + 1) };
	struct filter_built *built;
	unsigned int n = 0;

	for (uint32_t i = 0; i < count; i++)
		make_rule(i, tuple);
	if (list)
		rules[0].from = elements[0];
	uint64_t start = rte_rdtsc();
	check(filter_build(&spec, addresses, &built), "build");
	check(filter_publish(fixture.tables, fixture.heap, NUMBER, built), "publish");
	double ms = (double)(rte_rdtsc() - start) * 1000 / (double)rte_get_tsc_hz();
	filter_built_delete(built);
	for (unsigned int i = 0; i < SET; i++)
		write_packet(i, count, list);
	for (unsigned int round = 0; round < ROUNDS; round++)
		for (unsigned int first = 0; first < SET; first += VECTOR_SIZE)
			samples[n++] = run_vector(first);
	qsort(samples, n, sizeof(samples[0]), compare);
	printf("%s,%u,%.1f,%.1f,%.1f\n", name, count, samples[n / 2], samples[0], ms);
	fflush(stdout);
}

static void fill_list(void)
{
	for (uint32_t i = 0; i < LIST_SIZE; i++) {
		struct filter_prefix prefix = prefix_of(next(UINT32_MAX), 32);
		int result = filter_prefix_add(addresses, elements[0], &prefix);
		check(result == -EEXIST ? 0 : result, "list");
	}
}

int main(int argc, char **argv)
{
	static const uint32_t counts[] = { 1, 100, 1000, FILTER_RULE_MAX };

	fixture_start(&fixture, argc > 1 ? argv[1] : NULL, SET + 64, DATA_ROOM, false);
	check(region_allocate_filter(&fixture.state_region, 1, NUMBER, FILTER_SLOTS), "counters");
	fixture.worker->rule_ready[NUMBER] = FILTER_SLOTS;
	word_store(&fixture.tables->interface[0].filter_in, NUMBER);
	addresses = filter_addresses_new(fixture.tables, fixture.heap, NULL, NULL);
	filter_addresses_publish(addresses);
	make_elements();
	for (unsigned int i = 0; i < SET; i++) {
		mbufs[i] = rte_pktmbuf_alloc(fixture.pool);
		rte_pktmbuf_append(mbufs[i], 64);
	}
	measure_clock();
	printf("scenario,rules,cycles_median,cycles_best,build_ms\n");
	for (unsigned int i = 0; i < RTE_DIM(counts); i++)
		measure("filter-ports", counts[i], false, false);
	for (unsigned int i = 0; i < RTE_DIM(counts); i++)
		measure("filter-5tuple", counts[i], true, false);
	measure("filter-list-empty", 2, false, true);
	uint64_t start = rte_rdtsc();
	fill_list();
	double seconds = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
	measure("filter-list-1m", 2, false, true);
	fprintf(stderr, "list: %.0f changes a second\n", LIST_SIZE / seconds);
	fixture_stop(&fixture);
	return 0;
}
