/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/filters.h"

#include <rte_byteorder.h>
#include <rte_cycles.h>
#include <rte_ip.h>
#include <stdio.h>
#include <stdlib.h>
#include "tests/bench/routes.h"

enum { ELEMENTS = 1024, ANYWHERE = 20 << 24 };

static struct filter_addresses *addresses;
static struct filter_rule_spec rules[FILTER_RULE_MAX];
static const struct filter_rule_spec *rule_list[FILTER_RULE_MAX];
static struct filter_range ranges[FILTER_RULE_MAX];
static uint32_t elements[ELEMENTS];
static struct filter_prefix prefixes[ELEMENTS];
static uint32_t asked; /* random numbers so far: the same rules every time */

static uint32_t next(uint32_t below)
{
	return (uint32_t)(bench_random(0x66000000u + asked++) >> 20) % below;
}

static void check(int result, const char *what)
{
	if (result == 0)
		return;
	fprintf(stderr, "filter: %s: %s\n", what, strerror(-result));
	exit(1);
}

struct filter_addresses *bench_filters_start(struct fixture *fixture)
{
	check(region_allocate_filter(&fixture->state_region, 1, BENCH_FILTER, FILTER_SLOTS),
	      "counters");
	fixture->worker->rule_ready[BENCH_FILTER] = FILTER_SLOTS;
	addresses = filter_addresses_new(fixture->tables, fixture->heap, NULL, NULL);
	check(addresses != NULL ? 0 : -ENOMEM, "addresses");
	filter_addresses_publish(addresses);
	for (unsigned int i = 0; i < ELEMENTS; i++) {
		uint32_t network = rte_cpu_to_be_32(10u << 24 | next(65536) << 8);
		prefixes[i] = (struct filter_prefix){ .family = ROUTE_IPV4, .length = 24 };
		memcpy(prefixes[i].bytes, &network, sizeof(network));
		elements[i] = filter_element_new(addresses);
		check(filter_prefix_add(addresses, elements[i], &prefixes[i]), "prefix");
	}
	return addresses;
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

double bench_filter(struct fixture *fixture, uint32_t count, bool tuple, uint32_t list)
{
	struct filter_spec spec = { "b", FILTER_PERMIT, rule_list, count, (uint16_t)(count + 1) };
	struct filter_built *built;

	asked = ELEMENTS;
	for (uint32_t i = 0; i < count; i++)
		make_rule(i, tuple);
	if (list != 0) {
		rules[0].from = list;
		rules[0].from_prefix = NULL;
	}
	uint64_t start = rte_rdtsc();
	check(filter_build(&spec, addresses, &built), "build");
	check(filter_publish(fixture->tables, fixture->heap, BENCH_FILTER, built), "publish");
	double ms = (double)(rte_rdtsc() - start) * 1000 / (double)rte_get_tsc_hz();
	filter_built_delete(built);
	heap_reclaim(fixture->heap);
	return ms;
}

/* An address that a rule's side asks for. */
static uint32_t address_for(const struct filter_prefix *prefix, uint64_t random)
{
	uint32_t network;

	if (prefix == NULL)
		return rte_cpu_to_be_32(ANYWHERE | (uint32_t)(random >> 40));
	memcpy(&network, prefix->bytes, sizeof(network));
	return network | rte_cpu_to_be_32((uint32_t)(random >> 56));
}

void bench_filter_packet(uint8_t *header, uint32_t number, uint32_t seed)
{
	const struct filter_rule_spec *rule = &rules[number];
	uint64_t random = bench_random(seed);
	uint32_t source = address_for(rule->from_prefix, random);
	uint32_t destination = address_for(rule->to_prefix, bench_random(random));

	bench_ip4_header(header, 0);
	header[9] = (uint8_t)rule->protocol;
	memcpy(header + 12, &source, sizeof(source));
	memcpy(header + 16, &destination, sizeof(destination));
	memset(header + 10, 0, 2);
	uint16_t sum = rte_ipv4_cksum((const struct rte_ipv4_hdr *)header);
	memcpy(header + 10, &sum, sizeof(sum));
	memset(header + 20, 0, 8);
	header[22] = (uint8_t)(rule->dport[0].first >> 8);
	header[23] = (uint8_t)rule->dport[0].first;
}
