/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-pipeline: cycles a packet costs from the received vector to the filled transmit buffer.
 *
 * The real stages and tables, packets in memory, no ports. In the same run and in turns, a bare loop
 * does the same job on the same packets and tables with nothing around it: the lookup's loads, the
 * rewrite and the counters. The ratio of the two says what the stages cost beyond the memory.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_prefetch.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "dataplane/shm/lpm.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/mpls_header.h"
#include "tests/bench/bare.h"
#include "tests/bench/filters.h"
#include "tests/bench/routes.h"
#include "tests/bench/samples.h"
#include "tests/bench/tunnels.h"
#include "tests/stage/fixture.h"

enum {
	SET_SIZE = 32768,  /* packets: their lines are twice the second-level cache */
	SLICE_VECTORS = 8, /* vectors between two looks at the clock */
	FRAME_SIZE = 64,
	DATA_ROOM = 192,
	NEXTHOPS = 16,
	FIRST_LABEL = 16,
	FIRST_NETWORK = 0x010000, /* 1.0.0.0/24 */
};

struct scenario {
	const char *name;
	enum operation operation;
	unsigned int stack; /* labels on arrival */
	uint32_t tunnel;    /* TUNNEL_... flags of the tunnels */
};

static const struct scenario scenarios[] = {
	{ "mpls-swap", SWAP, 1, 0 },
	{ "mpls-swap-3-labels", SWAP_3, 3, 0 },
	{ "mpls-pop", POP, 2, 0 },
	{ "mpls-push-2", PUSH_2, 1, 0 },
	{ "mpls-pop-ip", POP_IP, 1, 0 },
	{ "ip4-route", ROUTE_4, 0, 0 },
	{ "ip6-route", ROUTE_6, 0, 0 },
	{ "gre-decap", LEAVE, 0, 0 },
	{ "gre-key-csum-decap", LEAVE, 0, TUNNEL_KEY | TUNNEL_CHECKSUM },
	{ "gre-mpls-decap", LEAVE_MPLS, 1, 0 },
	{ "gre-encap", ENTER, 0, 0 },
	{ "filter-ports", FILTER_BY_PORT, 0, 0 },
	{ "filter-5tuple", FILTER_BY_TUPLE, 0, 0 },
};
static const unsigned int default_entries[] = { 1, 1000, 100000, 1000000 };
static const unsigned int ip6_entries[] = { 1, 1000, 100000, 256000 };
static const unsigned int tunnel_entries[] = { 1, 1000, TUNNEL_MAX };
static const unsigned int rule_entries[] = { 1, 100, 1000, FILTER_RULE_MAX };

static struct fixture fixture;
static struct rte_mbuf *packets[SET_SIZE];
static uint32_t labels[SET_SIZE];
static uint32_t nexthops[NEXTHOPS];

/* ---------------------------------------------------------------- tables and packets */

static bool is_routed(const struct scenario *scenario)
{
	return scenario->operation == ROUTE_4 || scenario->operation == ROUTE_6;
}

/* Prefix i: of a table like the Internet's, the /24 number FIRST_NETWORK + i behind which a tunnel is, or
 * the default route. Returns its length. */
static unsigned int make_prefix(const struct scenario *scenario, uint32_t i, uint8_t prefix[16])
{
	bool network = scenario->operation != POP_IP && scenario->operation < FILTER_BY_PORT;
	uint32_t address = rte_cpu_to_be_32(network ? (FIRST_NETWORK + i) << 8 : 0);

	if (is_routed(scenario))
		return bench_prefix(scenario->operation == ROUTE_6, i, prefix);
	memcpy(prefix, &address, sizeof(address));
	return network ? 24 : 0;
}

static void make_routes(const struct scenario *scenario, unsigned int entries)
{
	static struct lpm *tables[ROUTE_FAMILIES];
	unsigned int family = scenario->operation == ROUTE_6 ? ROUTE_IPV6 : ROUTE_IPV4;
	struct lpm *lpm = tables[family];

	if (lpm == NULL) {
		lpm = lpm_new(fixture.tables, fixture.heap, &fixture.tables->route_root[0][family],
			      family == ROUTE_IPV6 ? 16 : 4, true);
		lpm_publish(lpm);
		tables[family] = lpm;
	}
	for (uint32_t i = 0; i < entries; i++) {
		uint32_t nexthop = scenario->operation == ENTER ? bench_tunnel_nexthop(&fixture, i)
								: nexthops[i % NEXTHOPS];
		uint8_t prefix[16];
		unsigned int length = make_prefix(scenario, i, prefix);
		int result = lpm_insert(lpm, prefix, length, route_leaf(ROUTE_NEXTHOP, nexthop));
		if (result != 0) {
			fprintf(stderr, "bench-pipeline: route %u: %s\n", i, strerror(-result));
			exit(1);
		}
	}
}

static enum label_operation label_operation_of(const struct scenario *scenario)
{
	return scenario->operation == POP      ? LABEL_POP
	       : scenario->operation == POP_IP ? LABEL_POP_IP
					       : LABEL_SWAP;
}

static bool has_tunnels(const struct scenario *scenario)
{
	return scenario->operation >= LEAVE && scenario->operation <= ENTER;
}

static bool has_filter(const struct scenario *scenario)
{
	return scenario->operation >= FILTER_BY_PORT;
}

/* No bare loop stands beside it. */
static bool stands_alone(const struct scenario *scenario)
{
	return has_tunnels(scenario) || has_filter(scenario);
}

static void make_filter(const struct scenario *scenario, unsigned int entries)
{
	static bool started;
	struct interface *row = &fixture.tables->interface[0];
	uint64_t features = word_load(&row->features) & ~INTERFACE_FILTER_IN;

	if (!has_filter(scenario)) {
		word_store(&row->features, features);
		return;
	}
	if (entries > FILTER_RULE_MAX) {
		fprintf(stderr, "bench-pipeline: %u rules: expected %d at most\n", entries,
			FILTER_RULE_MAX);
		exit(2);
	}
	if (!started)
		bench_filters_start(&fixture);
	started = true;
	bench_filter(&fixture, entries, scenario->operation == FILTER_BY_TUPLE, 0);
	word_store(&row->filter_in, BENCH_FILTER);
	word_store(&row->features, features | INTERFACE_FILTER_IN);
}

/* Where the packet's own header begins on arrival. */
static unsigned int inside(const struct scenario *scenario)
{
	bool leaves = scenario->operation == LEAVE || scenario->operation == LEAVE_MPLS;

	return RTE_ETHER_HDR_LEN + (leaves ? bench_outer_length(scenario->tunnel) : 0);
}

static void make_tables(const struct scenario *scenario, unsigned int entries)
{
	static const uint32_t pushed[2] = { 900001, 900002 };
	unsigned int push = scenario->operation == PUSH_2 ? 2 : 0;

	for (unsigned int i = 0; i < NEXTHOPS; i++)
		nexthops[i] = fixture_nexthop(&fixture, 1 + i % EGRESS_PORTS, i, pushed, push,
					      NEXTHOP_NONE, 0);
	make_filter(scenario, entries);
	if (has_tunnels(scenario))
		bench_tunnels(&fixture, entries, scenario->tunnel, nexthops, NEXTHOPS);
	if (scenario->operation != LEAVE_MPLS && scenario->operation >= POP_IP)
		make_routes(scenario,
			    is_routed(scenario) || scenario->operation == ENTER ? entries : 1);
	for (uint32_t i = 0;
	     i < (scenario->operation == LEAVE_MPLS ? 1 : entries) && scenario->stack > 0; i++) {
		uint32_t label = FIRST_LABEL + i;
		enum label_operation operation = label_operation_of(scenario);
		fixture_label(&fixture, 0, label,
			      label_entry(operation,
					  operation == LABEL_SWAP ? LABEL_COUNT - 1 - label : 0,
					  operation == LABEL_POP_IP ? 0 : nexthops[i % NEXTHOPS],
					  0));
	}
}

static void choose_labels(unsigned int entries)
{
	for (unsigned int i = 0; i < SET_SIZE; i++)
		labels[i] = FIRST_LABEL + (uint32_t)(bench_random(i) % entries);
}

/* The packet's own header: to a random address below its route where there are many. */
static void write_ip(const struct scenario *scenario, uint8_t *header, unsigned int number,
		     unsigned int i)
{
	uint8_t address[16];

	switch (scenario->operation) {
	case ROUTE_6:
		memcpy(header, (const uint8_t[]){ 0x60, 0, 0, 0, 0, 8, 17, 64, 0x20, 1, 0xd, 0xb8 },
		       12);
		bench_address(true, number, i, header + 24);
		return;
	case ROUTE_4:
		bench_address(false, number, i, address);
		bench_ip4_header(header, lse_load(address));
		return;
	case FILTER_BY_PORT:
	case FILTER_BY_TUPLE:
		bench_filter_packet(header, number, i);
		return;
	case ENTER:
		bench_ip4_header(header, (FIRST_NETWORK + number) << 8 | 1);
		return;
	default:
		bench_ip4_header(header, scenario->operation == LEAVE ? FIRST_NETWORK << 8 | 1
								      : 0xc0000201);
	}
}

/* Packet `i` as it arrives: Ethernet, the stack, IPv4. */
static void restore(const struct scenario *scenario, unsigned int i)
{
	struct rte_mbuf *mbuf = packets[i];
	unsigned int outer = inside(scenario) - RTE_ETHER_HDR_LEN;
	unsigned int number = labels[i] - FIRST_LABEL;
	uint8_t *frame, *start;

	mbuf->data_off = RTE_PKTMBUF_HEADROOM;
	mbuf->data_len = (uint16_t)(FRAME_SIZE + outer);
	mbuf->pkt_len = FRAME_SIZE + outer;
	frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	start = frame + inside(scenario);
	memset(frame, 0, FRAME_SIZE + outer);
	fixture_mac(0, frame);
	frame[6] = 0x02;
	frame[12] = 0x88;
	frame[13] = 0x47;
	for (unsigned int k = 0; k < scenario->stack; k++) {
		uint32_t label = k > 0                               ? 500000 + k
				 : scenario->operation == LEAVE_MPLS ? FIRST_LABEL
								     : labels[i];
		lse_store(start + k * 4,
			  label << 12 | (k + 1 == scenario->stack ? LSE_BOTTOM : 0) | 64);
	}
	if (scenario->operation == ROUTE_6)
		memcpy(frame + 12, (const uint8_t[]){ 0x86, 0xdd }, 2);
	else if (scenario->stack == 0 || outer != 0)
		memcpy(frame + 12, (const uint8_t[]){ 0x08, 0x00 }, 2);
	write_ip(scenario, start + scenario->stack * 4, number, i);
	if (outer != 0)
		bench_outer(frame + RTE_ETHER_HDR_LEN, number, scenario->tunnel,
			    scenario->stack > 0 ? 0x8847 : 0x0800, scenario->stack * 4 + 40);
}

static void restore_all(const struct scenario *scenario)
{
	for (unsigned int i = 0; i < SET_SIZE; i++)
		restore(scenario, i);
}

/* ---------------------------------------------------------------- measuring */

static void run_stages(unsigned int first)
{
	worker_process(fixture.worker, 0, &packets[first], VECTOR_SIZE);
	fixture_transmitted(&fixture);
}

static void measure_set(const struct scenario *scenario, bool bare, struct samples *samples)
{
	const unsigned int slice = SLICE_VECTORS * VECTOR_SIZE;

	restore_all(scenario);
	for (unsigned int first = 0; first < SET_SIZE; first += slice) {
		uint64_t start = rte_rdtsc_precise();
		for (unsigned int v = 0; v < SLICE_VECTORS; v++) {
			if (bare)
				bare_run(&fixture, &packets[first + v * VECTOR_SIZE],
					 scenario->operation);
			else
				run_stages(first + v * VECTOR_SIZE);
		}
		samples_add(samples, (double)(rte_rdtsc_precise() - start) / slice);
	}
}

/* Packets that left, by any port. */
static uint64_t sent(void)
{
	uint64_t count = 0;

	for (unsigned int port = 1; port <= EGRESS_PORTS; port++)
		count += counter_read(&fixture.worker->interface[port].tx_packets);
	return count;
}

/* The stages must have sent every packet: a benchmark of drops would be fast. */
static void check_forwarded(uint64_t before, unsigned int sets)
{
	uint64_t forwarded = sent() - before;

	if (forwarded != (uint64_t)sets * SET_SIZE) {
		fprintf(stderr,
			"bench-pipeline: %" PRIu64 " packets forwarded, %" PRIu64 " expected\n",
			forwarded, (uint64_t)sets * SET_SIZE);
		exit(1);
	}
}

static void measure(const struct scenario *scenario, unsigned int entries, unsigned int rounds)
{
	static struct samples stages, bare;

	make_tables(scenario, entries);
	choose_labels(entries);
	stages.count = bare.count = 0;
	uint64_t before = sent();
	for (unsigned int i = 0; i < rounds; i++) {
		measure_set(scenario, false, &stages);
		if (!stands_alone(scenario))
			measure_set(scenario, true, &bare);
	}
	check_forwarded(before, rounds);
	double median = samples_percentile(&stages, 50);
	double bare_median = stands_alone(scenario) ? median : samples_percentile(&bare, 50);
	printf("%s,%u,%.1f,%.1f,%.1f,%.1f,%.2f\n", scenario->name, entries, median,
	       samples_percentile(&stages, 0), samples_percentile(&stages, 90), bare_median, median / bare_median);
	fflush(stdout);
}

static void measure_sizes(const struct scenario *scenario, unsigned int rounds)
{
	const unsigned int *entries = default_entries;
	size_t count = RTE_DIM(default_entries);

	if (has_tunnels(scenario)) {
		entries = tunnel_entries;
		count = RTE_DIM(tunnel_entries);
	} else if (has_filter(scenario)) {
		entries = rule_entries;
		count = RTE_DIM(rule_entries);
	} else if (scenario->operation == ROUTE_6) {
		entries = ip6_entries;
		count = RTE_DIM(ip6_entries);
	}
	for (size_t i = 0; i < count; i++)
		measure(scenario, entries[i], rounds);
}

static void usage(void)
{
	fprintf(stderr,
		"usage: bench-pipeline [--scenario NAME] [--entries N] [--csv] [--rounds N] "
		"[--dir DIR] [--huge]\nscenarios:");
	for (size_t i = 0; i < RTE_DIM(scenarios); i++)
		fprintf(stderr, " %s", scenarios[i].name);
	fprintf(stderr, "\nof bench-multicast: multicast-fanout [--copies N], bridge-unicast\n");
	exit(2);
}

/* Those of bench-multicast, which stands beside this program and takes the same options. */
static void call_multicast(char **argv)
{
	char path[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 32);

	if (length < 0)
		return;
	path[length] = 0;
	strcpy(strrchr(path, '/') + 1, "bench-multicast");
	execv(path, argv);
	fprintf(stderr, "bench-pipeline: %s: %s\n", path, strerror(errno));
	exit(1);
}

struct options {
	const char *scenario, *directory;
	unsigned int entries, rounds;
	bool csv, huge;
};

static unsigned int parse_number(const char *text, unsigned int maximum)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);
	if (*end != 0 || number < 1 || number > maximum) {
		fprintf(stderr, "bench-pipeline: '%s': expected 1 to %u\n", text, maximum);
		exit(2);
	}
	return (unsigned int)number;
}

static struct options parse_options(int argc, char **argv)
{
	static const struct option names[] = { { "scenario", required_argument, NULL, 's' },
					       { "entries", required_argument, NULL, 'n' },
					       { "copies", required_argument, NULL, 'o' },
					       { "csv", no_argument, NULL, 'c' },
					       { "rounds", required_argument, NULL, 'r' },
					       { "dir", required_argument, NULL, 'd' },
					       { "huge", no_argument, NULL, 'H' },
					       { 0 } };
	struct options options = { .rounds = 20 };

	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 's':
			options.scenario = optarg;
			break;
		case 'n':
			options.entries = parse_number(optarg, LABEL_COUNT - FIRST_LABEL);
			break;
		case 'o':
			parse_number(optarg, UINT16_MAX); /* for bench-multicast */
			break;
		case 'c':
			options.csv = true;
			break;
		case 'r':
			options.rounds = parse_number(optarg, 10000);
			break;
		case 'd':
			options.directory = optarg;
			break;
		case 'H':
			options.huge = true;
			break;
		default:
			usage();
		}
	}
	return options;
}

int main(int argc, char **argv)
{
	struct options options = parse_options(argc, argv);
	unsigned int matched = 0;
	uint8_t mac[6];

	if (options.scenario != NULL && (strcmp(options.scenario, "multicast-fanout") == 0 ||
					 strcmp(options.scenario, "bridge-unicast") == 0))
		call_multicast(argv);
	fixture_start(&fixture, options.directory, SET_SIZE + 1, DATA_ROOM, options.huge);
	for (unsigned int port = 0; port <= EGRESS_PORTS; port++) {
		fixture_mac(port, mac);
		fixture_port(&fixture, port, mac, INTERFACE_MPLS);
	}
	if (rte_pktmbuf_alloc_bulk(fixture.pool, packets, SET_SIZE) != 0)
		return 1;
	if (options.csv)
		printf("scenario,entries,cycles_median,cycles_best,cycles_p90,bare_median,ratio\n");
	for (size_t i = 0; i < RTE_DIM(scenarios); i++) {
		if (options.scenario != NULL && strcmp(options.scenario, scenarios[i].name) != 0)
			continue;
		matched++;
		if (options.entries != 0) {
			measure(&scenarios[i], options.entries, options.rounds);
			continue;
		}
		measure_sizes(&scenarios[i], options.rounds);
	}
	fixture_stop(&fixture);
	if (matched == 0)
		usage();
	return 0;
}
