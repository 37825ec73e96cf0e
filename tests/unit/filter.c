/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The classifier against rules that are read one after the other, on random filters and packets, by
 * the scalar and the wide way, also while lists change under a published filter; and what a packet is
 * taken for. SEED in the environment repeats a run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/filter-line.h"
#include "dataplane/shm/filter-rows.h"
#include "filter-tables.h"

enum { PACKETS = 4000, SHORT = 1 << 30 };

/* ---------------------------------------------------------------- comparing */

static uint16_t expected_decision(const struct model_packet *packet, uint32_t *rule)
{
	*rule = model_first(&model, packet);
	if (*rule == model.rule_count)
		return FILTER_DENY << FILTER_ACTION_SHIFT;
	return (uint16_t)(model.rule[*rule].slot |
			  (unsigned int)model.rule[*rule].action << FILTER_ACTION_SHIFT);
}

static enum filter_parsed parse(const uint8_t *bytes, size_t size, struct filter_packet *packet)
{
	return bytes[0] >> 4 == 4 ? packet_parse_ipv4(packet, bytes, size)
				  : packet_parse_ipv6(packet, bytes, size);
}

/* The lines, by both ways; false: they leave the packet to the rows. */
static bool compare_lines(const struct filter *filter, const struct filter_packet *packet,
			  uint16_t expected)
{
	uint16_t found = filter_short(filter, packet);
	uint32_t source, destination;

	if (found == FILTER_ASK_ROWS)
		return false;
	if (found != expected)
		fail_msg("seed %llu: %u rules: a line says %x, expected %x", (unsigned long long)seed,
			 model.rule_count, found, expected);
	const struct filter_line *line = filter_at(filter, filter->line);
	memcpy(&source, packet->source, sizeof(source));
	memcpy(&destination, packet->destination, sizeof(destination));
	line += filter_class(filter, packet);
	assert_int_equal(filter_line_lane(line, source, destination),
			 filter_line_lane_scalar(line, source, destination));
	return true;
}

/* One packet, all ways. Returns the rule, with SHORT if it needed no rows. */
static uint32_t compare(void)
{
	const struct filter *filter = filter_get(instance.tables, NUMBER);
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant;
	struct filter_packet packet;
	uint32_t rule;

	model_make_packet(&model, &meant);
	size_t size = model_write_packet(&meant, bytes);
	if (parse(bytes, size, &packet) != PARSED_IP)
		fail_msg("seed %llu: a good packet is not taken for one",
			 (unsigned long long)seed);
	uint16_t expected = expected_decision(&meant, &rule);
	for (unsigned int simd = 0; simd <= (filter_has_simd() ? 1u : 0u); simd++) {
		uint16_t found = filter_decide(instance.tables, filter, &packet, simd != 0);
		if (found != expected)
			fail_msg("seed %llu: %u rules, %s: decision %x, expected %x (rule %u); "
				 "family %u protocol %u ports %u %u dscp %u flags %x fragment %u",
				 (unsigned long long)seed, model.rule_count,
				 simd ? "wide" : "scalar", found, expected, rule, meant.family,
				 meant.protocol, meant.sport, meant.dport, meant.dscp,
				 meant.tcp_flags, meant.fragment);
	}
	return compare_lines(filter, &packet, expected) ? rule | SHORT : rule;
}

/* ---------------------------------------------------------------- random filters */

static void run(uint32_t rules, unsigned int fields, unsigned int times)
{
	unsigned int matched = 0;

	for (unsigned int i = 0; i < times; i++) {
		model_fill_rules(&model, rules, fields);
		publish();
		for (unsigned int n = 0; n < PACKETS; n++)
			matched += (compare() & ~(uint32_t)SHORT) < rules;
	}
	if (rules > 1)
		assert_in_range(matched, 1, times * PACKETS);
}

static void test_ports_only(void **state)
{
	(void)state;
	run(0, MODEL_PORTS, 1);
	run(1, MODEL_PORTS, 20);
	run(5, MODEL_PORTS, 40);
	run(64, MODEL_PORTS, 20);
	run(65, MODEL_PORTS, 10);
	run(1000, MODEL_PORTS, 4);
	run(FILTER_RULE_MAX, MODEL_PORTS, 2);
}

static void test_everything(void **state)
{
	(void)state;
	run(1, MODEL_ALL, 40);
	run(3, MODEL_ALL, 100);
	run(20, MODEL_ALL, 60);
	run(64, MODEL_ALL, 30);
	run(65, MODEL_ALL, 30);
	run(300, MODEL_ALL, 20);
	run(1000, MODEL_ALL, 10);
	run(FILTER_RULE_MAX, MODEL_ALL, 6);
}

static void test_one_dimension(void **state)
{
	(void)state;
	run(10, 0, 20);
	run(10, MODEL_ADDRESSES, 40);
	run(10, MODEL_SPORTS, 40);
	run(10, MODEL_FLAGS, 40);
	run(200, MODEL_SPORTS, 10);
	run(200, MODEL_ADDRESSES, 20);
}

/* Ports that tell rules apart, and prefixes: most packets are decided by a line, some by the fifth. */
static void test_lines(void **state)
{
	unsigned int without_rows = 0, packets = 0;

	(void)state;
	for (unsigned int i = 0; i < 120; i++) {
		model_fill_rules(&model, 1 + i % 60, MODEL_PORTS | MODEL_ADDRESSES);
		publish();
		for (unsigned int n = 0; n < PACKETS; n++, packets++)
			without_rows += (compare() & SHORT) != 0;
	}
	assert_in_range(without_rows, packets / 10, packets);
}

/* Rules without a match before them, so that most of a long filter is looked at. */
static void test_late_rules(void **state)
{
	(void)state;
	model_fill_rules(&model, FILTER_RULE_MAX, MODEL_ALL);
	for (uint32_t i = 0; i + 100 < FILTER_RULE_MAX; i++)
		model.rule[i].dscp = 63;
	publish();
	for (unsigned int n = 0; n < 20 * PACKETS; n++)
		compare();
}

/* Lists change one prefix at a time: the published filter answers rightly for the next packet. */
static void test_lists_change(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 12; i++) {
		model_fill_rules(&model, i % 2 == 0 ? 30 : 200, MODEL_ADDRESSES);
		publish();
		for (unsigned int change = 0; change < 1500; change++) {
			model_change_element(&model);
			for (unsigned int n = 0; n < 20; n++)
				compare();
			if (change % 64 == 0)
				heap_reclaim(instance.heap);
		}
	}
}

/* ---------------------------------------------------------------- what a packet is */

static size_t make(struct model_packet *packet, uint8_t *bytes)
{
	memset(packet, 0, sizeof(*packet));
	packet->family = ROUTE_IPV4;
	packet->protocol = PROTOCOL_TCP;
	return model_write_packet(packet, bytes);
}

static void test_fragments(void **state)
{
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant;
	struct filter_packet packet;
	size_t size = make(&meant, bytes);

	(void)state;
	assert_int_equal(parse(bytes, 39, &packet), PARSED_TRUNCATED); /* 19 bytes of TCP */
	assert_int_equal(parse(bytes, 40, &packet), PARSED_IP);
	bytes[6] = 0x20; /* first fragment */
	assert_int_equal(parse(bytes, 39, &packet), PARSED_TINY);
	assert_int_equal(parse(bytes, 40, &packet), PARSED_IP);
	bytes[32] = 0x60; /* 24 bytes of header: RFC 7112 */
	assert_int_equal(parse(bytes, 43, &packet), PARSED_TINY);
	assert_int_equal(parse(bytes, 44, &packet), PARSED_IP);
	bytes[6] = 0;
	bytes[7] = 1; /* RFC 1858, RFC 3128 */
	assert_int_equal(parse(bytes, size, &packet), PARSED_TINY);
	bytes[9] = PROTOCOL_UDP;
	assert_int_equal(parse(bytes, size, &packet), PARSED_IP);
	assert_true(packet.later_fragment);
	bytes[7] = 0;
	bytes[3] = 27; /* the packet ends in its header, the frame does not */
	assert_int_equal(parse(bytes, size, &packet), PARSED_TRUNCATED);
	bytes[3] = 28;
	assert_int_equal(parse(bytes, size, &packet), PARSED_IP);
}

static void test_extension_headers(void **state)
{
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant = { .family = ROUTE_IPV6, .protocol = PROTOCOL_UDP, .dport = 53 };
	struct filter_packet packet;

	(void)state;
	for (meant.extensions = 0; meant.extensions <= 9; meant.extensions++) {
		size_t size = model_write_packet(&meant, bytes);
		enum filter_parsed parsed = parse(bytes, size, &packet);
		assert_int_equal(parsed, meant.extensions <= EXTENSIONS_MAX ? PARSED_IP
									    : PARSED_HEADERS);
		if (parsed == PARSED_IP)
			assert_int_equal(packet_key(&packet, 2), 53);
	}
	meant.extensions = 3;
	meant.more = true;
	size_t size = model_write_packet(&meant, bytes);
	for (size_t cut = 40; cut < size; cut++) {
		enum filter_parsed parsed = parse(bytes, cut, &packet);
		size_t behind_fragment = size - 32;
		assert_int_equal(parsed, cut < behind_fragment       ? PARSED_TRUNCATED
					 : cut < behind_fragment + 8 ? PARSED_TINY
								     : PARSED_IP);
	}
	meant.fragment = 5;
	size = model_write_packet(&meant, bytes);
	assert_int_equal(parse(bytes, size, &packet), PARSED_IP);
	assert_true(packet.later_fragment);
	assert_int_equal(packet.protocol, PROTOCOL_UDP);
}

static void test_neighbour_discovery(void **state)
{
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant = { .family = ROUTE_IPV6, .protocol = PROTOCOL_ICMPV6 };
	struct filter_packet packet;

	(void)state;
	for (meant.sport = 130; meant.sport < 140; meant.sport++) {
		size_t size = model_write_packet(&meant, bytes);
		bool is_nd = meant.sport >= 133 && meant.sport <= 137;
		assert_int_equal(parse(bytes, size, &packet), PARSED_IP);
		bytes[7] = 255;
		assert_int_equal(parse(bytes, size, &packet),
				 is_nd ? PARSED_NEIGHBOUR : PARSED_IP);
	}
}

static void test_no_ip(void **state)
{
	uint8_t bytes[MODEL_PACKET_ROOM];
	struct model_packet meant;
	struct filter_packet packet;
	size_t size = make(&meant, bytes);

	(void)state;
	assert_int_equal(packet_parse_ipv4(&packet, bytes, 19), PARSED_INVALID);
	assert_int_equal(packet_parse_ipv6(&packet, bytes, size), PARSED_INVALID);
	bytes[0] = 0x44;
	assert_int_equal(packet_parse_ipv4(&packet, bytes, size), PARSED_INVALID);
	bytes[0] = 0x4f;
	assert_int_equal(packet_parse_ipv4(&packet, bytes, size), PARSED_INVALID);
	bytes[0] = 0x65;
	assert_int_equal(packet_parse_ipv4(&packet, bytes, size), PARSED_INVALID);
	assert_int_equal(packet_parse_ipv6(&packet, bytes, 39), PARSED_INVALID);
}

/* Whatever the bytes are: no more of them is read than there are (asan), and it ends. */
static void test_random_bytes(void **state)
{
	(void)state;
	model_fill_rules(&model, 100, MODEL_ALL);
	publish();
	for (unsigned int i = 0; i < 300000; i++) {
		size_t size = model_pick(&model, 120);
		uint8_t *bytes = malloc(size + 1);
		struct filter_packet packet;
		for (size_t n = 0; n < size; n++)
			bytes[n] = (uint8_t)(model_pick(&model, 3) == 0 ? model_random(&model)
									: model_pick(&model, 3) * 22);
		bytes[0] = (uint8_t)(model_pick(&model, 2) ? 0x45 : 0x60);
		uint8_t *exact = malloc(size);
		if (size > 0)
			memcpy(exact, bytes, size);
		if (size > 0 && parse(exact, size, &packet) == PARSED_IP)
			filter_decide(instance.tables, filter_get(instance.tables, NUMBER), &packet,
				      false);
		free(exact);
		free(bytes);
	}
}

static void test_same_again(void **state)
{
	(void)state;
	model_fill_rules(&model, 50, MODEL_PORTS);
	publish();
	uint64_t before = word_load(&instance.tables->filter[NUMBER]);
	publish();
	assert_int_equal(word_load(&instance.tables->filter[NUMBER]), before);
	model.rule[7].slot = 99;
	model.spec.slots = 100;
	publish();
	assert_int_not_equal(word_load(&instance.tables->filter[NUMBER]), before);
}

/* A control plane that comes after this one claims what there is, and nothing leaks. */
static void test_claim(void **state)
{
	struct heap_statistics statistics;

	(void)state;
	model_fill_rules(&model, 200, MODEL_ALL);
	publish();
	instance_restart_heap(&instance);
	assert_int_equal(filter_claim(instance.tables, instance.heap), 0);
	heap_claimed(instance.heap);
	while (heap_reclaim(instance.heap) > 0)
		continue;
	for (unsigned int n = 0; n < PACKETS; n++)
		compare();
	uint64_t roots = filter_get(instance.tables, NUMBER)->roots;
	filter_unpublish(instance.tables, instance.heap, NUMBER);
	filter_roots_free(instance.tables, instance.heap, roots);
	while (heap_reclaim(instance.heap) > 0)
		continue;
	heap_statistics(instance.heap, &statistics);
	assert_int_equal(statistics.free, statistics.size);
}

static void test_claim_refuses(void **state)
{
	(void)state;
	model_fill_rules(&model, 200, MODEL_ALL);
	publish();
	struct filter *filter =
		heap_object(instance.heap, word_load(&instance.tables->filter[NUMBER]) &
						   FILTER_OFFSET_MASK);
	uint16_t *map = (uint16_t *)((uint8_t *)filter + filter->map[0]);
	map[3] = (uint16_t)filter->rows;
	instance_restart_heap(&instance);
	assert_int_equal(filter_claim(instance.tables, instance.heap), -EINVAL);
	map[3] = 0;
	struct filter_outcome *outcome =
		(struct filter_outcome *)((uint8_t *)filter + filter->outcome);
	uint16_t none = outcome[5].decision[FILTER_LINE_RULES];
	outcome[5].decision[FILTER_LINE_RULES] = FILTER_NEXT_LINE; /* to an earlier one: for ever */
	outcome[5].next = 5;
	instance_restart_heap(&instance);
	assert_int_equal(filter_claim(instance.tables, instance.heap), -EINVAL);
	outcome[5].decision[FILTER_LINE_RULES] = none;
	filter->page[0][6].first += 1u << 20;
	instance_restart_heap(&instance);
	assert_int_equal(filter_claim(instance.tables, instance.heap), -EINVAL);
}

/* One element in another, beside 100,000 prefixes of a third: the nodes looked at are counted. */
static void test_elements_cover(void **state)
{
	enum { MANY = 100000, LIMIT = 5000 };
	struct filter_addresses *addresses =
		filter_addresses_new(instance.tables, instance.heap, NULL, NULL);
	struct filter_prefix prefix = { .family = ROUTE_IPV4, .length = 32 };
	uint32_t many = filter_element_new(addresses), wide = filter_element_new(addresses);
	uint32_t inner = filter_element_new(addresses), nodes = LIMIT;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++) {
		uint32_t address = htobe32(0x0b000000 | i);
		memcpy(prefix.bytes, &address, sizeof(address));
		assert_int_equal(filter_prefix_add(addresses, many, &prefix), 0);
	}
	prefix.bytes[0] = 12;
	assert_int_equal(filter_prefix_add(addresses, inner, &prefix), 0);
	assert_false(filter_prefix_covered(addresses, wide, &prefix));
	struct filter_prefix wider = { .bytes = { 12 }, .family = ROUTE_IPV4, .length = 8 };
	assert_int_equal(filter_prefix_add(addresses, wide, &wider), 0);
	assert_true(filter_prefix_covered(addresses, wide, &prefix));
	assert_true(filter_prefix_covered(addresses, wide, &wider));
	assert_false(filter_prefix_covered(addresses, inner, &wider));
	wider.length = 7;
	assert_false(filter_prefix_covered(addresses, wide, &wider));
	assert_false(filter_element_covers(addresses, wide, inner, &nodes));
	assert_int_equal(nodes, 0);
	nodes = 2 * (MANY + 2); /* as many as there can be */
	assert_true(filter_element_covers(addresses, wide, inner, &nodes));
	assert_in_range(nodes, 1, MANY + 4);
	nodes = 2 * (MANY + 2);
	assert_false(filter_element_covers(addresses, inner, wide, &nodes));
	nodes = LIMIT;
	assert_false(filter_element_covers(addresses, wide, many, &nodes)); /* the first one says no */
	assert_in_range(nodes, LIMIT - 64, LIMIT - 1);
	filter_addresses_delete(addresses);
}

/* A table of rows holds as many as an index can name, and no more. */
static void test_rows_end(void **state)
{
	struct filter_rows rows;

	(void)state;
	assert_int_equal(filter_rows_begin(&rows, 1), 0);
	for (uint64_t bits = 1; bits <= FILTER_ROW_MAX; bits++)
		assert_int_equal(filter_rows_intern(&rows, &bits, filter_row_hash(&bits, 1)),
				 bits - 1);
	uint64_t bits = FILTER_ROW_MAX + 1;
	assert_int_equal(filter_rows_intern(&rows, &bits, filter_row_hash(&bits, 1)), -E2BIG);
	assert_int_equal(rows.count, FILTER_ROW_MAX);
	bits = 7; /* one that is there */
	assert_int_equal(filter_rows_intern(&rows, &bits, filter_row_hash(&bits, 1)), 6);
	filter_rows_end(&rows);
}

int main(void)
{
#define WITH_TABLES(test) cmocka_unit_test_setup_teardown(test, filter_tables_start, filter_tables_stop)
	const struct CMUnitTest tests[] = {
		WITH_TABLES(test_ports_only),
		WITH_TABLES(test_everything),
		WITH_TABLES(test_one_dimension),
		WITH_TABLES(test_lines),
		WITH_TABLES(test_late_rules),
		WITH_TABLES(test_lists_change),
		WITH_TABLES(test_random_bytes),
		WITH_TABLES(test_same_again),
		WITH_TABLES(test_claim),
		WITH_TABLES(test_claim_refuses),
		WITH_TABLES(test_elements_cover),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_neighbour_discovery),
		cmocka_unit_test(test_no_ip),
		cmocka_unit_test(test_rows_end),
	};

	seed = model_seed();
	return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
