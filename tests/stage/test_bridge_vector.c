/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_bridge_vector.c: vectors of random frames through a bridge, many at a time and one by one: every port
 * gets the same bytes in the same order, and every counter counts the same.
 *
 * A port with a policer has each of its frames looked at alone; a policer without a rate lets all pass.
 */
#include "tests/stage/bridges.h"

#include <stdio.h>
#include "dataplane/shm/table.h"
#include "dataplane/stage/bridge.h"

enum { ARRIVALS = 3, SEATS = 9, ROUNDS = 300, FRAMES = 48, COUNTED = 24 };

static const uint16_t both[] = { 10, 20, 0 }, twenty[] = { 20, 0 };
static const struct bridge_seat seats[SEATS] = {
	{ 0, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 1, 2, 10, twenty, BRIDGE_PORT_LEARNING | BRIDGE_PORT_ISOLATED },
	{ 2, 3, 0, both, BRIDGE_PORT_LEARNING | BRIDGE_PORT_HORIZON },
	{ 3, 4, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 4, 5, 10, NULL, BRIDGE_PORT_ISOLATED },
	{ 5, 6, 10, both, 0 },
	{ 6, 7, 20, NULL, BRIDGE_PORT_HORIZON },
	{ 7, 70, 10, NULL, 0 },
	{ 8, 140, 10, NULL, 0 },
};

static uint64_t random_state = 1;

static uint32_t random_below(uint32_t limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (uint32_t)(random_state >> 33) % limit;
}

/* The bridge, its first ports with policers or without. */
static void make(bool alone)
{
	static const unsigned int routers[] = { 4 };
	struct bridge_seat all[SEATS];

	memcpy(all, seats, sizeof(all));
	for (unsigned int i = 0; i < ARRIVALS; i++)
		all[i].meter = alone ? 1 : 0;
	bridge_make(1, all, SEATS, 10, BRIDGE_LEARNING,
		    DOMAIN_SNOOPING | DOMAIN_ENFORCED | DOMAIN_ENFORCED << DOMAIN_FAMILY_BITS |
			    (uint32_t)UNREGISTERED_ROUTERS
				    << (DOMAIN_UNREGISTERED_SHIFT + DOMAIN_FAMILY_BITS));
	bridge_routers(1, 10, BRIDGE_IPV4, routers, 1);
}

static int start(void **state)
{
	static const unsigned int few[] = { 1, 2 }, many[] = { 1, 2, 3, 4, 5, 6, 70, 140 },
				  far[] = { 70, 140 }, own[] = { 1, 2, 0 };
	int result = stage_start(state);
	char mac[13];

	if (result != 0)
		return result;
	make(false);
	for (unsigned int i = 0; i < SEATS; i++) {
		snprintf(mac, sizeof(mac), "0a00000000%02x", i);
		fdb_entry_add(1, 10, mac, i, seats[i].slot, ORIGIN_LEARNED);
		if (i % 2 == 0)
			fdb_entry_add(1, 20, mac, i, seats[i].slot, ORIGIN_LEARNED);
	}
	for (unsigned int vlan = 10, first = 0; vlan <= 20; vlan += 10, first = COUNTED / 2) {
		group_add_entry(1, vlan, "239.0.0.1", NULL, COUNTER(first + 1), few, 2);
		group_add_entry(1, vlan, "239.0.0.2", NULL, COUNTER(first + 2), many, 8);
		group_add_entry(1, vlan, "239.0.0.3", NULL, GROUP_SOURCES | COUNTER(first + 3), far, 2);
		group_add_entry(1, vlan, "239.0.0.3", "10.0.0.1", COUNTER(first + 4), few, 2);
		group_add_entry(1, vlan, "239.0.0.4", NULL, GROUP_SOURCES | GROUP_ABSENT | COUNTER(first + 5),
				far, 0);
		group_add_entry(1, vlan, "239.0.0.4", "10.0.0.2", COUNTER(first + 6), many, 8);
		group_add_entry(1, vlan, "239.0.0.5", NULL, COUNTER(first + 7), own, 3);
		group_add_entry(1, vlan, "ff05::1", NULL, COUNTER(first + 8), few, 2);
		group_add_entry(1, vlan, "ff05::2", NULL, GROUP_SOURCES | COUNTER(first + 9), far, 2);
		group_add_entry(1, vlan, "ff05::2", "2001:db8::1", COUNTER(first + 10), many, 8);
	}
	return 0;
}

/* ---------------------------------------------------------------- frames */

static size_t write_ipv4(uint8_t *at, const uint8_t *group, unsigned int source)
{
	static const uint8_t protocols[] = { 17, 17, 17, 17, 17, 17, 17, 2, 103, 6 };
	uint8_t header[28] = { 0x45, 0, 0, 28, [8] = 16, [12] = 10, [15] = (uint8_t)source };

	header[9] = protocols[random_below(sizeof(protocols))];
	memcpy(header + 16, group, 4);
	header[20] = random_below(2) ? 0x16 : 0x55;
	memcpy(at, header, sizeof(header));
	return sizeof(header);
}

static size_t write_ipv6(uint8_t *at, const uint8_t *group, unsigned int source)
{
	static const uint8_t protocols[] = { 17, 17, 17, 17, 17, 0, 58, 103 };
	uint8_t header[48] = { 0x60,    [5] = 8,    [7] = 16,    [8] = 0x20,
			       [9] = 1, [10] = 0xd, [11] = 0xb8, [23] = (uint8_t)source };

	header[6] = protocols[random_below(sizeof(protocols))];
	memcpy(header + 24, group, 16);
	memcpy(at, header, sizeof(header));
	return sizeof(header);
}

/* An IP packet to a group behind what is there; sets the destination address. */
static size_t write_multicast(uint8_t *frame, size_t length, unsigned int source)
{
	if (random_below(3) == 0) {
		uint8_t group[16] = {
			0xff,
			(uint8_t)(random_below(8) ? 5 : 2), [15] = (uint8_t)(1 + random_below(3))
		};
		memcpy(frame, (const uint8_t[]){ 0x33, 0x33 }, 2);
		memcpy(frame + 2, group + 12, 4);
		memcpy(frame + length - 2, (const uint8_t[]){ 0x86, 0xdd }, 2);
		return write_ipv6(frame + length, group, source);
	}
	uint8_t group[4] = { (uint8_t)(random_below(12) ? 239 : 224), 0, 0,
			     (uint8_t)(1 + random_below(6)) };
	memcpy(frame, (const uint8_t[]){ 0x01, 0, 0x5e }, 3);
	memcpy(frame + 3, group + 1, 3);
	memcpy(frame + length - 2, (const uint8_t[]){ 8, 0 }, 2);
	return write_ipv4(frame + length, group, source);
}

/* A frame that port `port` may get; returns its bytes. */
static size_t write_frame(uint8_t frame[FRAME_ROOM], unsigned int port)
{
	static const uint16_t tags[] = { 10, 10, 20, 0xa00a, 0, 30 };
	size_t length = 14;

	memset(frame, 0, FRAME_ROOM);
	memcpy(frame + 6, (const uint8_t[]){ 0x0a, 0, 0, 0, 0 }, 5);
	frame[11] = (uint8_t)(random_below(10) ? port : random_below(16));
	if (random_below(20) == 0) /* our own */
		memcpy(frame + 6, (const uint8_t[]){ 0x02, 0, 0, 0, 0xb0, 1 }, 6);
	if (random_below(30) == 0)
		frame[6] |= 1;
	if (port == 2 ? random_below(20) != 0 : random_below(4) == 0) {
		uint16_t tag = rte_cpu_to_be_16(tags[random_below(6)]);
		memcpy(frame + 12, (const uint8_t[]){ 0x81, 0 }, 2);
		memcpy(frame + 14, &tag, sizeof(tag));
		length += 4;
	}
	frame[length - 2] = 0x90;
	if (random_below(3) != 0) {
		length += write_multicast(frame, length, 1 + random_below(3));
	} else if (random_below(8) == 0) {
		memset(frame, 0xff, 6);
	} else {
		memcpy(frame, (const uint8_t[]){ 0x0a, 0, 0, 0, 0 }, 5);
		frame[5] = (uint8_t)random_below(SEATS + 1);
	}
	return length + 4 + random_below(random_below(10) ? 60 : 1600);
}

/* ---------------------------------------------------------------- what came of them */

/* Frames that left by a port, and their bytes in order. */
struct outcome {
	struct {
		unsigned int frames;
		uint64_t digest;
	} port[PORT_MAX];
	unsigned int punted;
	struct account account;
	uint64_t counted[COUNTED][2]; /* packets and bytes of the groups' counters */
};

static void add_to_digest(uint64_t *digest, const struct rte_mbuf *mbuf)
{
	static uint8_t copy[FRAME_ROOM];
	const uint8_t *bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, copy);

	*digest = *digest * 31 + mbuf->pkt_len;
	for (uint32_t i = 0; i < mbuf->pkt_len; i++)
		*digest = (*digest ^ bytes[i]) * 0x100000001b3ull;
}

static void take_outcome(struct outcome *outcome, const struct account *before)
{
	const struct transmit *transmit = &fixture.worker->transmit;
	struct account now;

	for (unsigned int port = 0; port < PORT_MAX; port++)
		for (unsigned int i = 0; i < transmit->count[port]; i++) {
			outcome->port[port].frames++;
			add_to_digest(&outcome->port[port].digest, transmit->mbuf[port][i]);
		}
	transmit_take();
	outcome->punted += punt_take();
	account_take(&now);
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++)
		for (size_t k = 0; k < RTE_DIM(now.value[0]); k++)
			outcome->account.value[i][k] = now.value[i][k] - before->value[i][k];
}

/* What the counters of the groups say now, less `outcome->counted`. */
static void take_counted(struct outcome *outcome)
{
	uint64_t packets, bytes;

	for (uint32_t i = 0; i < COUNTED; i++) {
		multicast_counters(fixture.tables, fixture.state, i, &packets, &bytes);
		outcome->counted[i][0] = packets - outcome->counted[i][0];
		outcome->counted[i][1] = bytes - outcome->counted[i][1];
	}
}

/* The frames, `at_once` in a vector. */
static void run(struct outcome *outcome, unsigned int port, uint8_t frames[][FRAME_ROOM],
		const size_t *lengths, unsigned int at_once)
{
	struct rte_mbuf *mbufs[FRAMES];
	static struct account before;

	memset(outcome, 0, sizeof(*outcome));
	take_counted(outcome);
	account_take(&before);
	for (unsigned int i = 0; i < FRAMES; i += at_once) {
		for (unsigned int k = 0; k < at_once; k++)
			mbufs[k] = mbuf_of(frames[i + k], lengths[i + k]);
		worker_process(fixture.worker, port, mbufs, at_once);
	}
	take_outcome(outcome, &before);
	take_counted(outcome);
}

static void same_outcomes(const struct outcome *a, const struct outcome *b, uint64_t seed)
{
	bool same = a->punted == b->punted;

	for (unsigned int port = 0; port < PORT_MAX; port++) {
		if (a->port[port].frames == b->port[port].frames &&
		    a->port[port].digest == b->port[port].digest)
			continue;
		fprintf(stderr, "  port %u: %u frames many at a time, %u alone\n", port,
			a->port[port].frames, b->port[port].frames);
		same = false;
	}
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++)
		for (size_t k = 0; k < RTE_DIM(a->account.value[0]); k++) {
			if (a->account.value[i][k] == b->account.value[i][k])
				continue;
			fprintf(stderr,
				"  interface %u, counter %zu: %lu many at a time, %lu alone\n", i,
				k, (unsigned long)a->account.value[i][k],
				(unsigned long)b->account.value[i][k]);
			same = false;
		}
	for (uint32_t i = 0; i < COUNTED; i++)
		if (memcmp(a->counted[i], b->counted[i], sizeof(a->counted[i])) != 0) {
			fprintf(stderr, "  group's counter %u: %lu many at a time, %lu alone\n", i,
				(unsigned long)a->counted[i][0], (unsigned long)b->counted[i][0]);
			same = false;
		}
	if (!same)
		fprintf(stderr, "  seed %lu\n", (unsigned long)seed);
	assert_true(same);
}

/* Frames come in trains, as streams do; in some, a bit anywhere or the length differs. */
static void many_at_a_time_as_alone(void **state)
{
	static uint8_t frames[FRAMES][FRAME_ROOM];
	static struct outcome many, alone;
	size_t lengths[FRAMES];
	uint64_t sent = 0;

	(void)state;
	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t seed = random_state = round * 2654435761u + 1;
		unsigned int port = random_below(ARRIVALS);
		unsigned int available = rte_mempool_avail_count(fixture.pool);
		for (unsigned int i = 0; i < FRAMES; i++) {
			if (i > 0 && random_below(2) == 0) {
				memcpy(frames[i], frames[i - 1], FRAME_ROOM);
				lengths[i] = lengths[i - 1];
				frames[i][lengths[i] - 1] = (uint8_t)i;
				if (random_below(4) == 0)
					frames[i][random_below(64)] ^= (uint8_t)(1u << random_below(8));
				if (random_below(8) == 0)
					lengths[i] = 62 + random_below(1600);
				continue;
			}
			lengths[i] = write_frame(frames[i], port);
			if (i > 0 && random_below(2) == 0) /* another of the same sender's */
				memcpy(frames[i] + 6, frames[i - 1] + 6, 6);
		}
		make(false);
		run(&many, port, frames, lengths, FRAMES);
		make(true);
		run(&alone, port, frames, lengths, 1);
		same_outcomes(&many, &alone, seed);
		assert_int_equal(rte_mempool_avail_count(fixture.pool), available);
		heap_reclaim(fixture.heap);
		for (unsigned int i = 0; i < PORTS; i++)
			sent += many.port[i].frames;
	}
	assert_true(sent > ROUNDS * FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(many_at_a_time_as_alone),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
