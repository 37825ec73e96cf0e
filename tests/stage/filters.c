/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/filters.h"

static struct filter_addresses *addresses;

static void publish(uint32_t number, enum filter_action otherwise, struct filter_rule_spec *rule)
{
	const struct filter_rule_spec *rules[] = { rule };
	struct filter_spec spec = { "f", otherwise, rules, rule != NULL, 2 };
	struct filter_built *built;

	assert_int_equal(filter_build(&spec, addresses, &built), 0);
	assert_int_equal(filter_publish(fixture.tables, fixture.heap, number, built), 0);
	filter_built_delete(built);
	fixture.worker->rule_ready[number] = 2;
}

static struct filter_rule_spec rule_of(enum filter_action action)
{
	return (struct filter_rule_spec){ .sequence = 1,
					  .slot = 1,
					  .action = action,
					  .protocol = FILTER_ANY,
					  .dscp = FILTER_ANY,
					  .icmp_type = FILTER_ANY,
					  .icmp_code = FILTER_ANY,
					  .text = "" };
}

static void bind(unsigned int interface, uint32_t number, uint64_t feature, _Atomic uint64_t *place)
{
	_Atomic uint64_t *features = &fixture.tables->interface[interface].features;

	word_store(place, number);
	word_store(features, (word_load(features) & ~feature) | (number != 0 ? feature : 0));
}

void bind_in(unsigned int interface, uint32_t number)
{
	bind(interface, number, INTERFACE_FILTER_IN,
	     &fixture.tables->interface[interface].filter_in);
}

void bind_out(unsigned int interface, uint32_t number)
{
	bind(interface, number, INTERFACE_FILTER_OUT,
	     &fixture.tables->interface[interface].filter_out);
	word_store(&fixture.tables->filter_outs, number != 0);
}

void filters_meter(const struct filter_rule_spec *rates)
{
	struct filter_rule_spec rule = rule_of(FILTER_POLICE);

	rule.meter = 1;
	rule.rate = rates->rate;
	rule.burst = rates->burst;
	rule.peak = rates->peak;
	rule.excess = rates->excess;
	rule.packets = rates->packets;
	rule.exceed = rates->exceed;
	publish(METERED, FILTER_DENY, &rule);
}

void filters_start(void)
{
	struct filter_rule_spec udp = rule_of(FILTER_PERMIT), police = rule_of(FILTER_POLICE),
				type = rule_of(FILTER_DENY);

	addresses = filter_addresses_new(fixture.tables, fixture.heap, NULL, NULL);
	for (uint32_t i = PERMIT; i < FILTERS; i++)
		assert_int_equal(region_allocate_filter(&fixture.state_region, 1, i, 2), 0);
	udp.protocol = PROTOCOL_UDP;
	publish(PERMIT, FILTER_DENY, &udp);
	publish(DENY, FILTER_DENY, NULL);
	police.rate = 1; /* a byte a second: no packet more, however long it takes */
	police.burst = 60;
	publish(POLICE, FILTER_DENY, &police);
	type.ethertype = 0x8847;
	publish(ETHERTYPE_DENY, FILTER_PERMIT, &type);
}

void filters_stop(void)
{
	filter_addresses_delete(addresses);
}
