/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bench-multicast: cycles that a bridged packet costs from the received vector to the filled transmit
 * buffers: multicast by how many ports asked for its group and how many groups there are, and known unicast
 * by how many addresses there are.
 *
 * The real stages and tables, packets in memory, no ports; one vector a sample.
 */
#include <rte_cycles.h>
#include <stdio.h>
#include <stdlib.h>
#include "tests/stage/bridges.h"

enum {
	EGRESS = 32,
	SET_SIZE = 4096, /* packets */
	FRAME_SIZE = 64,
	DATA_ROOM = 192,
	ENTRIES_MAX = 131072,
	ROUNDS = 40,
	SAMPLES = ROUNDS * SET_SIZE / VECTOR_SIZE,
};

struct scenario {
	unsigned int entries, copies; /* 0 copies: unicast */
};

static struct rte_mbuf *packets[SET_SIZE];
static double samples[SAMPLES];

static uint32_t random_next(void)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 32);
}

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
static void write_packet(struct rte_mbuf *mbuf, const struct scenario *scenario)
{
	static const uint8_t ethernet[14] = { 0x01, 0, 0x5e, 0, 0, 0, 0x0a, 0, 0, 0, 0, 9, 8, 0 };
	static const uint8_t ip[20] = {
		0x45, 0, 0, 50, 0, 0, 0, 0, 16, 17, 0, 0, 10, 0, 0, 9, 239
	};
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf, FRAME_SIZE);
	uint32_t number = random_next() % scenario->entries;

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
	unsigned int sent = 0;

	for (unsigned int port = 0; port < PORT_MAX; port++) {
		sent += fixture.worker->transmit.count[port];
		fixture.worker->transmit.count[port] = 0;
	}
	fixture.worker->transmit.pending = 0;
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		rte_mbuf_refcnt_set(packets[first + i], 1);
	if (sent == VECTOR_SIZE * copies)
		return;
	fprintf(stderr, "%u copies of %u packets, not %u each\n", sent, VECTOR_SIZE, copies);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return left < right ? -1 : left > right;
}

/* Median cycles a packet; *best: a tenth of the vectors took less, whatever else the machine did. */
static double measure(const struct scenario *scenario, unsigned int rounds, double *best)
{
	unsigned int count = 0, copies = scenario->copies;

	if (copies == 0)
		make_addresses(scenario->entries);
	else
		make_groups(scenario->entries, copies);
	for (unsigned int i = 0; i < SET_SIZE; i++) {
		rte_pktmbuf_reset(packets[i]);
		write_packet(packets[i], scenario);
	}
	for (unsigned int round = 0; round < rounds; round++) {
		for (unsigned int first = 0; first < SET_SIZE; first += VECTOR_SIZE) {
			uint64_t begin = rte_rdtsc_precise();
			worker_process(fixture.worker, 0, &packets[first], VECTOR_SIZE);
			samples[count++] = (double)(rte_rdtsc_precise() - begin) / VECTOR_SIZE;
			take_all(first, copies == 0 ? 1 : copies);
		}
		heap_reclaim(fixture.heap);
	}
	qsort(samples, count, sizeof(samples[0]), compare);
	*best = samples[count / 10];
	return samples[count / 2];
}

static void print_all(void)
{
	static const unsigned int groups[] = { 1, 1000, 131072 }, copies[] = { 1, 4, 16, EGRESS },
				  addresses[] = { 1, 1000, 131072 };
	double best, cycles;

	for (size_t g = 0; g < RTE_DIM(groups); g++) {
		double first = 0;
		for (size_t c = 0; c < RTE_DIM(copies); c++) {
			cycles = measure(&(struct scenario){ groups[g], copies[c] }, ROUNDS, &best);
			first = c == 0 ? best : first;
			printf("multicast-fanout,%u,%u,%.1f,%.1f,%.1f\n", groups[g], copies[c],
			       cycles, best, c > 0 ? (best - first) / (copies[c] - 1) : 0.0);
		}
	}
	for (size_t i = 0; i < RTE_DIM(addresses); i++) {
		cycles = measure(&(struct scenario){ addresses[i], 0 }, ROUNDS, &best);
		printf("bridge-unicast,%u,0,%.1f,%.1f,0.0\n", addresses[i], cycles, best);
	}
}

/* bench-multicast [ENTRIES COPIES]: one of them, once, for callgrind; 0 copies: unicast. */
int main(int argc, char **argv)
{
	struct scenario one = { 0 };
	double best;

	if (argc != 1 && (argc != 3 || sscanf(argv[1], "%u", &one.entries) != 1 ||
			  sscanf(argv[2], "%u", &one.copies) != 1 || one.entries == 0 ||
			  one.entries > ENTRIES_MAX || one.copies > EGRESS)) {
		fprintf(stderr, "usage: bench-multicast [ENTRIES COPIES]: 1-%u, 0-%u\n",
			ENTRIES_MAX, EGRESS);
		return 2;
	}
	fixture_start(&fixture, NULL, SET_SIZE + 1, DATA_ROOM, false);
	make_bridge();
	if (rte_pktmbuf_alloc_bulk(fixture.pool, packets, SET_SIZE) != 0)
		return 1;
	printf("scenario,entries,copies,cycles_median,cycles_p10,each_further_copy_p10\n");
	if (argc == 1)
		print_all();
	else
		printf("%u,%u,%.1f\n", one.entries, one.copies, measure(&one, 1, &best));
	fixture_stop(&fixture);
	return 0;
}
