/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What users are told of snooping: groups, routers, queriers, counters, and events with who said so.
 */
#include "snooping-model.h"

static void shows(void **state)
{
	struct fixture *f = *state;
	json_t *rows, *row;

	wait(f, 12);
	record(f, 2, 10, 5, "239.1.1.1", "10.0.0.1");
	report(f, 0, 0, 0x16, "239.1.1.1");
	hello(f, 3, 0);
	rows = show(f, "bridge groups show b0");
	assert_int_equal(json_array_size(rows), 2);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "port")), "p0");
	assert_string_equal(json_string_value(json_object_get(row, "group")), "239.1.1.1");
	assert_string_equal(json_string_value(json_object_get(row, "mode")), "exclude");
	assert_string_equal(json_string_value(json_object_get(row, "version")), "igmpv2");
	assert_string_equal(json_string_value(json_object_get(row, "origin")), "learned");
	assert_string_equal(json_string_value(json_object_get(row, "reporter")), "10.0.0.9");
	assert_true(json_real_value(json_object_get(row, "expires")) == 260);
	row = json_array_get(json_object_get(json_array_get(rows, 1), "sources"), 0);
	assert_string_equal(json_string_value(json_object_get(row, "address")), "10.0.0.1");
	json_decref(rows);
	rows = show(f, "bridge routers show");
	assert_int_equal(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "port")), "p3");
	assert_int_equal(json_integer_value(json_object_get(row, "vlan")), 20);
	assert_string_equal(json_string_value(json_object_get(row, "family")), "ipv4");
	json_decref(rows);
	rows = show(f, "show events kind join");
	assert_true(json_array_size(rows) >= 2);
	json_decref(rows);
}

/* No empty list of a bridge that there is not: a word misspelt is not silence. */
static void no_such_bridge(void **state)
{
	show_refused(*state, "bridge groups show b9", "bridge b9 does not exist");
	show_refused(*state, "bridge routers show b9", "bridge b9 does not exist");
	show_refused(*state, "bridge snooping show b9", "bridge b9 does not exist");
	show_refused(*state, "bridge fdb show b9", "bridge b9 does not exist");
	json_decref(show(*state, "bridge fdb show b0"));
}

static void expect_event(struct fixture *f, const char *kind, const char *text)
{
	char line[64];
	const char *last = "none";

	snprintf(line, sizeof(line), "show events kind %s", kind);
	json_t *rows = show(f, line);
	if (json_array_size(rows) > 0)
		last = json_string_value(
			json_object_get(json_array_get(rows, json_array_size(rows) - 1), "text"));
	assert_string_equal(last, text);
	json_decref(rows);
}

static void events_say_who(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	say(f, "bridge multicast add p1 group-limit 1");
	report(f, 1, 0, 0x16, "239.1.1.1");
	expect_event(f, "join", "bridge b0 vlan 10: joined 239.1.1.1, 10.0.0.9 02:00:00:00:00:09");
	report(f, 1, 0, 0x16, "239.1.1.2");
	expect_event(f, "join", "bridge b0 vlan 10: refused 239.1.1.2, 10.0.0.9 02:00:00:00:00:09");
	report(f, 1, 0, 0x16, "239.1.1.3"); /* not told of again at once */
	expect_event(f, "join", "bridge b0 vlan 10: refused 239.1.1.2, 10.0.0.9 02:00:00:00:00:09");
	wait(f, 1);
	report(f, 1, 0, 0x16, "239.1.1.3");
	expect_event(f, "join", "bridge b0 vlan 10: refused 239.1.1.3, 10.0.0.9 02:00:00:00:00:09");
	report(f, 1, 0, 0x17, "239.1.1.1");
	expect_event(f, "leave", "none"); /* it is asked first */
	wait(f, 3);
	expect_event(f, "leave", "bridge b0 vlan 10: left 239.1.1.1, 10.0.0.9 02:00:00:00:00:09");
	say(f, "bridge group add b0 239.9.9.9 port p3");
	expect_event(f, "join", "bridge b0 vlan 20: joined 239.9.9.9");
	hello(f, 3, 0);
	expect_event(f, "router", "bridge b0 vlan 20: multicast router 10.0.0.1");
}

static void status(void **state)
{
	struct fixture *f = *state;
	struct address from = address_of("10.0.0.50");
	struct wire_query query = { .version = 3,
				    .source = from,
				    .group = address_of("0.0.0.0"),
				    .response_ms = 2000,
				    .robustness = 5,
				    .interval_s = 40 };
	uint8_t packet[WIRE_MAX];

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	punt_packet(f, 3, 0, packet, wire_query(SNOOP_IPV4, &query, packet));
	json_t *rows = show(f, "bridge snooping show b0");
	assert_int_equal(json_array_size(rows), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *row = json_array_get(rows, i);
		json_t *igmp = json_object_get(row, "ipv4"),
		       *counters = json_object_get(row, "counters");
		bool ten = json_integer_value(json_object_get(row, "vlan")) == 10;
		assert_string_equal(json_string_value(json_object_get(igmp, "querier")),
				    ten ? "self" : "10.0.0.50");
		assert_true(json_is_true(json_object_get(igmp, "enforced")));
		assert_int_equal(json_integer_value(json_object_get(igmp, "robustness")),
				 ten ? 2 : 5);
		assert_true(json_real_value(json_object_get(igmp, "query_interval")) ==
			    (ten ? 125 : 40));
		assert_int_equal(json_integer_value(json_object_get(row, "groups")), ten);
		assert_int_equal(
			json_integer_value(json_object_get(counters, ten ? "reports" : "queries")),
			1);
		assert_null(json_object_get(counters, "leaves"));
		if (!ten)
			assert_string_equal(json_string_value(json_object_get(igmp, "port")), "p3");
	}
	json_decref(rows);
}

static void take_sum(void *context, const char *name, const struct snoop_counters *counters)
{
	assert_string_equal(name, "b0");
	snoop_counters_add(context, counters);
}

/* A bridge's sum does not fall when one of its VLANs goes: those who watch it take that for a new beginning. */
static void sums_of_vlans(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 3, 0, 0x16, "239.1.1.2");
	for (unsigned int i = 0; i < 3; i++) {
		struct snoop_counters sum = { 0 };
		snooping_bridge_counters(f->model, take_sum, &sum);
		assert_int_equal(sum.reports, 2);
		if (i == 0) { /* VLAN 20 goes */
			say(f, "port set p2 vlan 10");
			say(f, "port set p3 vlan 10");
			assert_null(interface_find(f->model, "b0")->bridge->rule[20]);
		} else if (i == 1) {
			say(f, "port set p3 vlan 20");
		}
	}
	say(f, "bridge set b0 snooping off");
	struct snoop_counters sum = { 0 };
	snooping_bridge_counters(f->model, take_sum, &sum);
	assert_int_equal(sum.reports, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BRIDGE(shows),
		IN_BRIDGE(no_such_bridge),
		IN_BRIDGE(events_say_who),
		IN_BRIDGE(status),
		IN_BRIDGE(sums_of_vlans),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
