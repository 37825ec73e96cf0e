/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Whole vectors of random packets through the filter stage, against rules that are read one after the
 * other: which packets go on, in which order, under which reason the others end, and what each rule counts.
 * SEED in the environment repeats a run.
 */
#include <stdio.h>
#include <stdlib.h>
#include "dataplane/stage/filter_ask.h"
#include "tests/stage/fixture.h"
#include "tests/unit/filter-model.h"

enum { NUMBER = 3, PERMIT_ALL = 4, MBUFS = 512, DATA_ROOM = 512, OFFSET = 14 };

static struct fixture fixture;
static struct filter_model model;
static struct filter_built *built;
static uint64_t seed;

/* A vector and what must come of it. */
struct expectation {
	struct rte_mbuf *mbuf[VECTOR_SIZE], *passed[VECTOR_SIZE];
	unsigned int passed_count;
	uint64_t drop[2][DROP_REASON_COUNT], rule[FILTER_SLOTS];
};

/* ---------------------------------------------------------------- set up */

static void publish(uint32_t number, const struct filter_spec *spec, struct filter_built **out)
{
	assert_int_equal(filter_build(spec, model.addresses, out), 0);
	assert_int_equal(filter_publish(fixture.tables, fixture.heap, number, *out), 0);
	heap_reclaim(fixture.heap);
	heap_reclaim(fixture.heap);
}

static void bind(unsigned int interface, uint32_t number)
{
	word_store(&fixture.tables->interface[interface].filter_in, number);
}

static int start(void **state)
{
	const struct filter_spec all = { "all", FILTER_PERMIT, NULL, 0, 1 };
	struct filter_built *permit;

	(void)state;
	fixture_start(&fixture, NULL, MBUFS, DATA_ROOM, false);
	for (uint32_t i = NUMBER; i <= PERMIT_ALL; i++) {
		assert_int_equal(
			region_allocate_filter(&fixture.state_region, 1, i, FILTER_SLOTS), 0);
		fixture.worker->rule_ready[i] = FILTER_SLOTS;
	}
	model.random = seed;
	model.addresses = filter_addresses_new(fixture.tables, fixture.heap, NULL, NULL);
	assert_non_null(model.addresses);
	filter_addresses_publish(model.addresses);
	model_fill_elements(&model);
	publish(PERMIT_ALL, &all, &permit);
	filter_built_delete(permit);
	bind(0, NUMBER);
	bind(1, PERMIT_ALL);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	filter_built_delete(built);
	filter_addresses_delete(model.addresses);
	fixture_stop(&fixture);
	return 0;
}

/* Rules of which some are logged; those leave the plain way, and decide the same. */
static void next_filter(uint32_t rules, unsigned int fields)
{
	model_fill_rules(&model, rules, fields);
	for (uint32_t i = 0; i < rules; i++)
		model.rule[i].log = model_pick(&model, 8) == 0;
	filter_built_delete(built);
	publish(NUMBER, &model.spec, &built);
}

/* ---------------------------------------------------------------- one vector */

static uint64_t drops(unsigned int interface, unsigned int reason)
{
	return counter_read(&fixture.worker->interface[interface].drop[reason]);
}

static uint64_t rule_packets(unsigned int slot)
{
	return counter_read(&fixture.worker->rule[NUMBER][slot].packets);
}

static void counters_before(struct expectation *expect)
{
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int reason = 0; reason < DROP_REASON_COUNT; reason++)
			expect->drop[i][reason] = drops(i, reason);
	for (unsigned int slot = 0; slot <= model.rule_count; slot++)
		expect->rule[slot] = rule_packets(slot);
}

/* What the packet's end must be: a reason, or GOES_ON. */
static int expected_end(struct expectation *expect, const struct packet *packet,
			const struct model_packet *meant)
{
	struct filter_packet parsed;
	enum filter_parsed result = filter_parse(packet, &parsed);

	if (result != PARSED_IP)
		return filter_end_of_parsed(result);
	if (packet->interface != 0)
		return GOES_ON;
	uint32_t rule = model_first(&model, meant);
	expect->rule[rule < model.rule_count ? model.rule[rule].slot : 0]++;
	return rule < model.rule_count && model.rule[rule].action == FILTER_PERMIT ? GOES_ON
										   : DROP_filter_in;
}

/* Packet `i` of the vector: some are cut short, some came in by the other interface. */
static void make_packet(struct expectation *expect, unsigned int i)
{
	struct packet *packet = &fixture.worker->packet[i];
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fixture.pool);
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant;

	assert_non_null(mbuf);
	model_make_packet(&model, &meant);
	size_t size = model_write_packet(&meant, bytes);
	if (model_pick(&model, 40) == 0)
		size = model_pick(&model, (unsigned int)size);
	uint8_t *frame = (uint8_t *)rte_pktmbuf_append(mbuf, (uint16_t)(OFFSET + size));
	memcpy(frame + OFFSET, bytes, size);
	*packet = (struct packet){ .mbuf = mbuf,
				   .l3 = frame + OFFSET,
				   .interface = model_pick(&model, 30) == 0,
				   .payload = meant.family == ROUTE_IPV4 ? PAYLOAD_IPV4
									 : PAYLOAD_IPV6 };
	expect->mbuf[i] = mbuf;
	fixture.worker->filter.packet[i] = packet;
	int end = expected_end(expect, packet, &meant);
	if (end == GOES_ON)
		expect->passed[expect->passed_count++] = mbuf;
	else
		expect->drop[packet->interface][end]++;
}

static void check_vector(unsigned int count)
{
	static struct expectation expect;
	struct vector *ip = &fixture.worker->ip;

	expect.passed_count = 0;
	counters_before(&expect);
	for (unsigned int i = 0; i < count; i++)
		make_packet(&expect, i);
	fixture.worker->filter.count = count;
	ip->count = 0;
	filter(fixture.worker);
	assert_int_equal(fixture.worker->filter.count, 0);
	assert_int_equal(ip->count, expect.passed_count);
	for (unsigned int i = 0; i < ip->count; i++)
		assert_ptr_equal(ip->packet[i]->mbuf, expect.passed[i]);
	for (unsigned int i = 0; i < 2; i++)
		for (unsigned int reason = 0; reason < DROP_REASON_COUNT; reason++)
			assert_int_equal(drops(i, reason), expect.drop[i][reason]);
	for (unsigned int slot = 0; slot <= model.rule_count; slot++)
		assert_int_equal(rule_packets(slot), expect.rule[slot]);
	for (unsigned int i = 0; i < ip->count; i++)
		rte_pktmbuf_free(ip->packet[i]->mbuf);
	ip->count = 0;
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

/* ---------------------------------------------------------------- tests */

static void run(uint32_t rules, unsigned int fields, unsigned int filters)
{
	for (unsigned int i = 0; i < filters; i++) {
		next_filter(rules, fields);
		for (unsigned int n = 0; n < 12; n++)
			check_vector(1 + model_pick(&model, VECTOR_SIZE));
	}
}

static void test_ports(void **state)
{
	(void)state;
	run(0, MODEL_PORTS, 1);
	run(8, MODEL_PORTS, 20);
	run(200, MODEL_PORTS, 5);
}

static void test_prefixes(void **state)
{
	(void)state;
	run(1, MODEL_PORTS | MODEL_ADDRESSES, 20);
	run(8, MODEL_PORTS | MODEL_ADDRESSES, 40);
	run(64, MODEL_PORTS | MODEL_ADDRESSES, 20);
	run(300, MODEL_PORTS | MODEL_ADDRESSES, 10);
}

static void test_everything(void **state)
{
	(void)state;
	run(3, MODEL_ALL, 30);
	run(40, MODEL_ALL, 30);
	run(400, MODEL_ALL, 10);
}

/* Slots from 5 on have no memory yet: nothing is counted there, and the packets end as they should. */
static void test_slots_without_memory(void **state)
{
	static struct expectation expect;
	uint64_t before[21];

	(void)state;
	next_filter(20, MODEL_PORTS);
	for (unsigned int slot = 0; slot <= 20; slot++)
		before[slot] = rule_packets(slot);
	fixture.worker->rule_ready[NUMBER] = 5;
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		make_packet(&expect, i);
	fixture.worker->filter.count = VECTOR_SIZE;
	filter(fixture.worker);
	fixture.worker->rule_ready[NUMBER] = FILTER_SLOTS;
	assert_int_equal(fixture.worker->ip.count, expect.passed_count);
	for (unsigned int slot = 5; slot <= 20; slot++)
		assert_int_equal(rule_packets(slot), before[slot]);
	for (unsigned int i = 0; i < fixture.worker->ip.count; i++)
		rte_pktmbuf_free(fixture.worker->ip.packet[i]->mbuf);
	fixture.worker->ip.count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_prefixes),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_slots_without_memory),
	};

	seed = model_seed();
	printf("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("filter vectors", tests, start, stop);
}
