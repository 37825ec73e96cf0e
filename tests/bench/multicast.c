/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-multicast: cycles that a bridged packet costs from the received vector to the filled transmit
 * buffers: multicast by how many ports asked for its group and how many groups there are, and known unicast
 * by how many addresses there are.
 *
 * The real stages and tables, packets in memory, no ports; one vector a sample. In turns with it a bare loop:
 * the lookups, the transmit buffers and a counter a port, nothing around them. bench-pipeline calls this
 * program for its scenarios.
 */
#include <getopt.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include "tests/bench/routes.h"
#include "tests/bench/samples.h"
#include "tests/stage/bridges.h"

enum {
	EGRESS = 32,
	SET_SIZE = 4096, /* packets */
	FRAME_SIZE = 64,
	DATA_ROOM = 192,
	ENTRIES_MAX = 131072,
	ROUNDS = 40,
};

struct scenario {
	unsigned int entries, copies; /* 0 copies: unicast */
};

static struct rte_mbuf *packets[SET_SIZE];
static struct samples stages, bare;

static void make_bridge(void)
{
	static struct bridge_seat seats[EGRESS + 1];

	for (unsigned int port = 0; port <= EGRESS; port++) {
		uint8_t mac[6];
		fixture_mac(port, mac);
		fixture_port(&fixture, port, mac, 0);
		seats[port] = (struct bridge_seat){ .interface = port,
						    .slot = port + 1,
						    .native = 10,
						    .flags = BRIDGE_PORT_LEARNING };
	}
	bridge_make(1, seats, EGRESS + 1, 4000, BRIDGE_LEARNING, DOMAIN_SNOOPING | DOMAIN_ENFORCED);
	fdb_entry_add(1, 10, "0a0000000009", 0, 1, ORIGIN_LEARNED);
}

static void make_groups(unsigned int groups, unsigned int copies)
{
	unsigned int slots[EGRESS];
	char text[32];

	for (unsigned int i = 0; i < copies; i++)
		slots[i] = i + 2; /* slot 1 is where it comes in */
	for (unsigned int i = 0; i < groups; i++) {
		snprintf(text, sizeof(text), "239.%u.%u.%u", i >> 16 & 0xff, i >> 8 & 0xff,
			 i & 0xff);
		group_add_entry(1, 10, text, NULL, 0, slots, copies);
	}
}

static void make_addresses(unsigned int addresses)
{
	char text[13];

	for (unsigned int i = 0; i < addresses; i++) {
		snprintf(text, sizeof(text), "0a0001%06x", i & 0xffffff);
		fdb_entry_add(1, 10, text, 1 + i % EGRESS, 2 + i % EGRESS, ORIGIN_LEARNED);
	}
}

/* A UDP packet, 0 copies: to one of the addresses, else to one of the groups. */
static void write_packet(struct rte_mbuf *mbuf, unsigned int i, const struct scenario *scenario)
{
	static const uint8_t ethernet[14] = { 0x01, 0, 0x5e, 0, 0, 0, 0x0a, 0, 0, 0, 0, 9, 8, 0 };
	static const uint8_t ip[20] = {
		0x45, 0, 0, 50, 0, 0, 0, 0, 16, 17, 0, 0, 10, 0, 0, 9, 239
	};
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf, FRAME_SIZE);
	uint32_t number = (uint32_t)(bench_random(i) >> 32) % scenario->entries;

	if (frame == NULL)
		abort();
	memset(frame, 0, FRAME_SIZE);
	memcpy(frame, ethernet, sizeof(ethernet));
	memcpy(frame + 14, ip, sizeof(ip));
	if (scenario->copies == 0)
		memcpy(frame, (const uint8_t[]){ 0x0a, 0, 1 }, 3);
	frame[31] = frame[3] = (uint8_t)(number >> 16);
	frame[32] = frame[4] = (uint8_t)(number >> 8);
	frame[33] = frame[5] = (uint8_t)number;
}

/* As if everything had been sent. Ends the program if the last vector was not copied as it should. */
static void take_all(unsigned int first, unsigned int copies)
{
	unsigned int sent = fixture_transmitted(&fixture);

	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		rte_mbuf_refcnt_set(packets[first + i], 1);
	if (sent == VECTOR_SIZE * copies)
		return;
	fprintf(stderr, "%u copies of %u packets, not %u each\n", sent, VECTOR_SIZE, copies);
	exit(1);
}

/* ---------------------------------------------------------------- the bare loop */

static void bare_send(struct rte_mbuf *mbuf, unsigned int port)
{
	struct transmit *transmit = &fixture.worker->transmit;

	transmit->mbuf[port][transmit->count[port]++ % TRANSMIT_SIZE] = mbuf;
	transmit->pending |= 1ull << port;
	counter_add(&fixture.worker->interface[port].tx_packets, 1);
}

static void bare_unicast(struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	struct fdb_key from = fdb_key(1, 10, frame + 6), to = fdb_key(1, 10, frame);
	const struct fdb_entry *source = fdb_lookup(fixture.tables, &from);
	const struct fdb_entry *entry = fdb_lookup(fixture.tables, &to);

	if (source != NULL && entry != NULL)
		bare_send(mbuf, entry->interface);
}

static void bare_multicast(struct rte_mbuf *mbuf)
{
	struct group_key key = { .group = { [10] = 0xff, [11] = 0xff }, .bridge = 1, .vlan = 10 };
	unsigned int copies = 0;

	memcpy(key.group + 12, rte_pktmbuf_mtod(mbuf, const uint8_t *) + 30, 4);
	const struct group_entry *entry =
		hash_lookup(fixture.tables, HASH_GROUP, &key, sizeof(key));
	for (unsigned int slot = 1; entry != NULL && slot <= EGRESS + 1; slot++) {
		if (!port_set_has(&entry->ports, slot))
			continue;
		bare_send(mbuf, slot - 1);
		copies++;
	}
	rte_mbuf_refcnt_set(mbuf, (uint16_t)copies);
}

static void bare_vector(unsigned int first, bool unicast)
{
	for (unsigned int i = 0; i < VECTOR_SIZE; i++) {
		if (unicast)
			bare_unicast(packets[first + i]);
		else
			bare_multicast(packets[first + i]);
	}
}

/* ---------------------------------------------------------------- measuring */

static void measure_vector(const struct scenario *scenario, unsigned int first, bool is_bare)
{
	struct samples *samples = is_bare ? &bare : &stages;
	uint64_t begin = rte_rdtsc_precise();

	if (is_bare)
		bare_vector(first, scenario->copies == 0);
	else
		worker_process(fixture.worker, 0, &packets[first], VECTOR_SIZE);
	samples_add(samples, (double)(rte_rdtsc_precise() - begin) / VECTOR_SIZE);
	take_all(first, scenario->copies == 0 ? 1 : scenario->copies);
}

/* Prints a line; -> cycles that nine vectors of ten took more than, whatever else the machine did. `single`:
 * what one copy took so. */
static double measure(const struct scenario *scenario, unsigned int rounds, double single)
{
	unsigned int copies = scenario->copies;

	if (copies == 0)
		make_addresses(scenario->entries);
	else
		make_groups(scenario->entries, copies);
	for (unsigned int i = 0; i < SET_SIZE; i++) {
		rte_pktmbuf_reset(packets[i]);
		write_packet(packets[i], i, scenario);
	}
	stages.count = bare.count = 0;
	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int i = 0; i < 2; i++)
			for (unsigned int first = 0; first < SET_SIZE; first += VECTOR_SIZE)
				measure_vector(scenario, first, i == 1);
		heap_reclaim(fixture.heap);
	}
	double median = samples_percentile(&stages, 50), floor = samples_percentile(&bare, 50);
	double best = samples_percentile(&stages, 10);
	printf("%s,%u,%.1f,%.1f,%.1f,%.1f,%.2f,%u,%.1f\n",
	       copies == 0 ? "bridge-unicast" : "multicast-fanout", scenario->entries, median, best,
	       samples_percentile(&stages, 90), floor, median / floor, copies,
	       copies > 1 && single > 0 ? (best - single) / (copies - 1) : 0.0);
	fflush(stdout);
	return best;
}

struct options {
	bool unicast, multicast;
	unsigned int entries, copies; /* 0: several */
	unsigned int rounds;
};

static void measure_groups(const struct options *options, unsigned int groups)
{
	static const unsigned int copies[] = { 1, 4, 16, EGRESS };
	double single = 0;

	if (options->copies != 0) {
		measure(&(struct scenario){ groups, options->copies }, options->rounds, 0);
		return;
	}
	for (size_t i = 0; i < RTE_DIM(copies); i++) {
		double best = measure(&(struct scenario){ groups, copies[i] }, options->rounds, single);
		single = i == 0 ? best : single;
	}
}

static void measure_all(const struct options *options)
{
	static const unsigned int entries[] = { 1, 1000, ENTRIES_MAX };

	for (size_t i = 0; i < RTE_DIM(entries) && options->multicast; i++)
		if (options->entries == 0 || i == 0)
			measure_groups(options, options->entries ? options->entries : entries[i]);
	for (size_t i = 0; i < RTE_DIM(entries) && options->unicast; i++)
		if (options->entries == 0 || i == 0)
			measure(&(struct scenario){ options->entries ? options->entries : entries[i], 0 },
				options->rounds, 0);
}

/* ---------------------------------------------------------------- options */

static void usage(void)
{
	fprintf(stderr,
		"usage: bench-multicast [--scenario multicast-fanout|bridge-unicast] [--entries 1-%u] "
		"[--copies 1-%u] [--rounds 1-%u] [--csv]\n",
		ENTRIES_MAX, EGRESS, ROUNDS);
	exit(2);
}

static unsigned int parse_number(const char *text, unsigned int maximum)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*end != 0 || number < 1 || number > maximum)
		usage();
	return (unsigned int)number;
}

static struct options parse_options(int argc, char **argv, bool *csv)
{
	static const struct option names[] = { { "scenario", required_argument, NULL, 's' },
					       { "entries", required_argument, NULL, 'n' },
					       { "copies", required_argument, NULL, 'o' },
					       { "rounds", required_argument, NULL, 'r' },
					       { "csv", no_argument, NULL, 'c' },
					       { 0 } };
	struct options options = { .unicast = true, .multicast = true, .rounds = ROUNDS };

	for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		switch (c) {
		case 's':
			options.unicast = strcmp(optarg, "bridge-unicast") == 0;
			options.multicast = strcmp(optarg, "multicast-fanout") == 0;
			break;
		case 'n':
			options.entries = parse_number(optarg, ENTRIES_MAX);
			break;
		case 'o':
			options.copies = parse_number(optarg, EGRESS);
			break;
		case 'r':
			options.rounds = parse_number(optarg, ROUNDS);
			break;
		case 'c':
			*csv = true;
			break;
		default:
			usage();
		}
	}
	if (!options.unicast && !options.multicast)
		usage();
	return options;
}

int main(int argc, char **argv)
{
	bool csv = false;
	struct options options = parse_options(argc, argv, &csv);

	fixture_start(&fixture, NULL, SET_SIZE + 1, DATA_ROOM, false);
	make_bridge();
	if (rte_pktmbuf_alloc_bulk(fixture.pool, packets, SET_SIZE) != 0)
		return 1;
	if (csv)
		printf("scenario,entries,cycles_median,cycles_best,cycles_p90,bare_median,ratio,copies,"
		       "each_further_copy\n");
	measure_all(&options);
	fixture_stop(&fixture);
	return 0;
}
