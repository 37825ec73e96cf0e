/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Routed interfaces with multicast-routing: who is asked from which address, entries and routes of what hosts
 * answer, settings as configuration, and what is refused.
 */
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/multicast_route.h"
#include "snooping-model.h"

#define REPLAY_P0 "port add p0 devargs net_null0 multicast-routing on multicast-ttl-threshold 9"

/* p0 and p1 are routed, v0 is p0's VLAN 100; multicast is routed to p0. It has no IPv4 address yet. */
static int start(void **state)
{
	fixture_empty(state);
	struct fixture *f = *state;
	const uint8_t macs[2][6] = { { 2, 0, 0, 0, 1, 0 }, { 2, 0, 0, 0, 1, 1 } };

	dataplane_begin(f);
	clock_stop(f);
	say(f, REPLAY_P0);
	say(f, "port add p1 devargs net_null1");
	say(f, "vlan add v0 dev p0 tag 100");
	for (unsigned int i = 0; i < 2; i++)
		dataplane_answers(f, i, macs[i], true);
	model_poll(f->model);
	punt_poll(f->model);
	return 0;
}

#define ROUTED(test) cmocka_unit_test_setup_teardown(test, start, fixture_remove)

/* ---------------------------------------------------------------- what is in the tables */

static uint32_t row_of(struct fixture *f, const char *interface)
{
	return interface_find(f->model, interface)->index;
}

/* The entry of any source, or of one. */
static const void *entry_of(struct fixture *f, const char *interface, const char *group,
			    const char *source)
{
	struct group_source_key key = {
		.any = { .bridge = groups_of_interface(row_of(f, interface)) }
	};
	struct address address = address_of(group);

	memcpy(key.any.group, address.bytes, 16);
	if (source == NULL)
		return hash_lookup(f->model->tables, HASH_GROUP, &key.any, sizeof(key.any));
	address = address_of(source);
	memcpy(key.source, address.bytes, 16);
	return hash_lookup(f->model->tables, HASH_GROUP_SOURCE, &key, sizeof(key));
}

static bool is_member(struct fixture *f, const char *interface, const char *group)
{
	const struct group_entry *entry = entry_of(f, interface, group, NULL);

	return entry != NULL && port_set_has(&entry->ports, MULTICAST_PORT_NUMBER);
}

static bool punts(struct fixture *f, const char *interface)
{
	return (word_load(&f->model->tables->interface[row_of(f, interface)].features) &
		INTERFACE_GROUPS) != 0;
}

/* ---------------------------------------------------------------- frames */

/* Frames that leave by the interface: queries of a family; solicitations of multicast routers too, which there
 * must not be. *source: the last query's, in bytes. */
static unsigned int queries(struct fixture *f, uint32_t interface, enum snoop_family family,
			    uint8_t source[16])
{
	const struct frame_slot *slot;
	unsigned int count = 0;

	while ((slot = injected(f)) != NULL) {
		const uint8_t *data = slot->data;
		bool tagged = data[12] == 0x81;
		const uint8_t *header = data + (tagged ? 18 : 14);
		bool ipv4 = header[0] >> 4 == 4;
		if (header[-1] == 0x06 || (ipv4 ? header[9] != 2 : header[6] != 0))
			continue; /* ARP, neighbour discovery */
		assert_int_equal(ipv4 ? header[24] : header[48], ipv4 ? 0x11 : 130);
		assert_int_equal(tagged, slot->interface == row_of(f, "v0"));
		if (slot->interface != interface || ipv4 != (family == SNOOP_IPV4))
			continue;
		memcpy(source, header + (ipv4 ? 12 : 8), ipv4 ? 4 : 16);
		count++;
	}
	return count;
}

static void router_query(struct fixture *f, unsigned int port, const char *from, const char *group)
{
	struct wire_query query = { .version = 3,
				    .source = address_of(from),
				    .group = address_of(group),
				    .response_ms = 1000,
				    .robustness = 2,
				    .interval_s = 125 };
	uint8_t packet[WIRE_MAX];

	punt_packet(f, port, 0, packet, wire_query(SNOOP_IPV4, &query, packet));
}

/* ---------------------------------------------------------------- tests */

static void own_addresses_ask(void **state)
{
	static const uint8_t link_local[16] = { 0xfe, 0x80, [11] = 0xff, 0xfe, 0, 1, 0 };
	struct fixture *f = *state;
	uint8_t source[16];

	assert_true(punts(f, "p0"));
	assert_false(punts(f, "p1"));
	wait(f, 1);
	assert_true(queries(f, 0, SNOOP_IPV6, source) > 0);
	assert_memory_equal(source, link_local, 16);
	wait(f, 130);
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 0); /* nobody to ask as */
	say(f, "address add 10.0.0.1/24 dev p0");
	wait(f, 1);
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 1);
	assert_memory_equal(source, ((const uint8_t[]){ 10, 0, 0, 1 }), 4);
	wait(f, 32); /* startup: a quarter of the query interval later */
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 1);
	say(f, "address del 10.0.0.1/24 dev p0");
	wait(f, 260);
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 0);
}

static void answers_become_routes(void **state)
{
	struct fixture *f = *state;

	say(f, "address add 10.0.0.1/24 dev p0");
	report(f, 0, 0, 0x16, "239.1.1.1");
	assert_true(is_member(f, "p0", "239.1.1.1"));
	expect_route(f, "239.1.1.1", "p0/9");
	record(f, 0, 0, 5, "239.1.1.2", "10.9.0.1");
	const struct group_source_entry *source = entry_of(f, "p0", "239.1.1.2", "10.9.0.1");
	assert_non_null(source);
	assert_true(port_set_has(&source->ports, MULTICAST_PORT_NUMBER));
	assert_false(is_member(f, "p0", "239.1.1.2"));
	expect_route(f, "239.1.1.2", "p0/9");
	report(f, 0, 0, 131, "ff0e::1");
	expect_route(f, "ff0e::1", "p0/9");
	report(f, 1, 0, 0x16, "239.1.1.3"); /* nobody asked there */
	assert_null(entry_of(f, "p1", "239.1.1.3", NULL));
	report(f, 0, 0, 0x17, "239.1.1.1");
	wait(f, 3);
	assert_null(entry_of(f, "p0", "239.1.1.1", NULL));
	expect_route(f, "239.1.1.1", "-");
	wait(f, 261); /* and nobody answers */
	expect_route(f, "239.1.1.2", "-");
	expect_route(f, "ff0e::1", "-");
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 0);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP_SOURCE, NULL, NULL), 0);
}

static void routes_follow_state(void **state)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 1, 0 };
	struct fixture *f = *state;

	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 0, 0, 131, "ff0e::1");
	expect_route(f, "239.1.1.1", "-"); /* no address to ask from */
	say(f, "address add 10.0.0.1/24 dev p0");
	expect_route(f, "239.1.1.1", "p0/9");
	say(f, "port set p0 multicast-routing no-rpf multicast-ttl-threshold 0");
	expect_route(f, "239.1.1.1", "p0!");
	say(f, "address del 10.0.0.1/24 dev p0");
	expect_route(f, "239.1.1.1", "-");
	expect_route(f, "ff0e::1", "p0!");
	say(f, "port set p0 down");
	expect_route(f, "ff0e::1", "-");
	say(f, "port set p0 up");
	report(f, 0, 0, 131, "ff0e::1");
	expect_route(f, "ff0e::1", "p0!");
	dataplane_answers(f, 0, mac, false);
	model_poll(f->model);
	expect_route(f, "ff0e::1", "-");
	dataplane_answers(f, 0, mac, true);
	model_poll(f->model);
	report(f, 0, 0, 131, "ff0e::1");
	expect_route(f, "ff0e::1", "p0!");
	say(f, "port set p0 multicast-routing off");
	expect_route(f, "ff0e::1", "-");
	assert_null(entry_of(f, "p0", "ff0e::1", NULL));
	assert_false(punts(f, "p0"));
	report(f, 0, 0, 131, "ff0e::1");
	assert_null(entry_of(f, "p0", "ff0e::1", NULL));
}

/* Tags, and the state of the port that it is a part of. */
static void vlans_are_routed_to(void **state)
{
	struct fixture *f = *state;
	uint32_t row = row_of(f, "v0");
	uint8_t source[16];

	wait(f, 1);
	skip_frames(f);
	say(f, "address add 10.0.1.1/24 dev v0");
	say(f, "vlan set v0 multicast-routing on");
	wait(f, 1);
	assert_int_equal(queries(f, row, SNOOP_IPV4, source), 1);
	assert_memory_equal(source, ((const uint8_t[]){ 10, 0, 1, 1 }), 4);
	report(f, row, 100, 0x16, "239.1.1.1");
	report(f, 0, 0, 131, "ff0e::1");
	report(f, row, 100, 131, "ff0e::1");
	expect_route(f, "239.1.1.1", "v0");
	expect_route(f, "ff0e::1", "p0/9 v0");
	say(f, "port set p0 down");
	expect_route(f, "239.1.1.1", "-");
	say(f, "port set p0 up");
	report(f, 0, 0, 131, "ff0e::1");
	report(f, row, 100, 0x16, "239.1.1.1");
	expect_route(f, "239.1.1.1", "v0");
	/* switched on while its port is down; a port's own groups and its VLANs' come back with it */
	say(f, "vlan set v0 multicast-routing off");
	say(f, "port set p0 down");
	say(f, "vlan set v0 multicast-routing on");
	say(f, "port set p0 up");
	report(f, 0, 0, 131, "ff0e::1");
	report(f, row, 100, 0x16, "239.1.1.1");
	report(f, row, 100, 131, "ff0e::1");
	expect_route(f, "239.1.1.1", "v0");
	expect_route(f, "ff0e::1", "p0/9 v0");
	report(f, row, 100, 132, "ff0e::1");
	wait(f, 3);
	expect_route(f, "ff0e::1", "p0/9");
	say(f, "address del 10.0.1.1/24 dev v0");
	say(f, "vlan del v0");
	expect_route(f, "239.1.1.1", "-");
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 1);
}

/* RFC 3376 6.6.2: the lower address asks; 6.6.1: its queries about a group lower our timers, and we don't ask on a
 * leave. */
static void another_querier(void **state)
{
	struct fixture *f = *state;
	uint8_t source[16];

	say(f, "address add 10.0.0.100/24 dev p0");
	wait(f, 40);
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 0, 0, 0x16, "239.1.1.2");
	router_query(f, 0, "10.0.0.200", "0.0.0.0");
	skip_frames(f);
	report(f, 0, 0, 0x17, "239.1.1.1");
	wait(f, 3);
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 2);
	assert_false(is_member(f, "p0", "239.1.1.1"));
	router_query(f, 0, "10.0.0.50", "0.0.0.0");
	skip_frames(f);
	report(f, 0, 0, 0x17, "239.1.1.2");
	wait(f, 130);
	assert_int_equal(queries(f, 0, SNOOP_IPV4, source), 0);
	assert_true(is_member(f, "p0", "239.1.1.2")); /* its querier has asked nobody */
	expect_route(f, "239.1.1.2", "p0/9");
	router_query(f, 0, "10.0.0.50", "0.0.0.0");
	router_query(f, 0, "10.0.0.50", "239.1.1.2");
	wait(f, 3);
	assert_false(is_member(f, "p0", "239.1.1.2"));
	wait(f, 256); /* it is gone */
	assert_true(queries(f, 0, SNOOP_IPV4, source) > 0);
}

static void restart(void **state)
{
	struct fixture *f = *state;

	say(f, "address add 10.0.0.1/24 dev p0");
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 0, 0, 131, "ff0e::1");
	record(f, 0, 0, 5, "239.1.1.2", "10.9.0.1");
	const struct group_entry *before = entry_of(f, "p0", "239.1.1.1", NULL);
	uint32_t counter = before->counter;
	assert_int_not_equal(counter, 0);
	model_end(f);
	model_begin(f, 64 << 20);
	f->model->clock = NULL;
	clock_stop(f);
	say(f, REPLAY_P0);
	say(f, "port add p1 devargs net_null1");
	say(f, "address add 10.0.0.1/24 dev p0");
	model_settle(f->model);
	model_poll(f->model);
	punt_poll(f->model);
	const struct group_entry *after = entry_of(f, "p0", "239.1.1.1", NULL);
	assert_non_null(after);
	assert_int_equal(after->counter, counter);
	expect_route(f, "239.1.1.1", "p0/9");
	expect_route(f, "239.1.1.2", "p0/9");
	expect_route(f, "ff0e::1", "p0/9");
	assert_true(punts(f, "p0"));
	json_t *rows = show(f, "multicast groups show p0");
	assert_int_equal(json_array_size(rows), 3);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "origin")),
			    "stale");
	json_decref(rows);
	wait(f, 20);
	report(f, 0, 0, 0x16, "239.1.1.1");
	wait(f, 250); /* the others have not answered */
	expect_route(f, "239.1.1.1", "p0/9");
	expect_route(f, "239.1.1.2", "-");
	expect_route(f, "ff0e::1", "-");
	/* without multicast-routing nothing of it is left */
	model_end(f);
	model_begin(f, 64 << 20);
	say(f, "port add p0 devargs net_null0");
	model_settle(f->model);
	model_poll(f->model);
	assert_false(punts(f, "p0"));
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 0);
	assert_int_equal(hash_walk(f->model->tables, HASH_MULTICAST_ROUTE, NULL, NULL), 0);
}

static void settings_are_configuration(void **state)
{
	static const char settings[] =
		"multicast-routing no-rpf multicast-ttl-threshold 4 igmp-version 2 mld-version 1 "
		"fast-leave on query-interval 20s query-response-interval 5s last-member-interval "
		"500ms last-member-count 3 robustness 3 startup-query-interval 2s "
		"startup-query-count 4 strict on group-limit 2 source-limit 20";
	struct fixture *f = *state;
	char line[400];

	snprintf(line, sizeof(line), "port set p1 %s", settings);
	say(f, line);
	snprintf(line, sizeof(line), "vlan set v0 %s", settings);
	say(f, line);
	char *text = configuration(f);
	snprintf(line, sizeof(line), "port add p1 devargs net_null1 %s\n", settings);
	assert_non_null(strstr(text, line));
	snprintf(line, sizeof(line), "vlan add v0 dev p0 tag 100 %s\n", settings);
	assert_non_null(strstr(text, line));
	free(text);
	for (unsigned int i = 1; i <= 3; i++) {
		char group[20];
		snprintf(group, sizeof(group), "239.1.1.%u", i);
		report(f, 1, 0, 0x16, group);
	}
	assert_true(is_member(f, "p1", "239.1.1.2"));
	assert_null(entry_of(f, "p1", "239.1.1.3", NULL)); /* one more than there may be */
	report(f, 1, 0, 0x17, "239.1.1.2");
	wait(f, 0.1);
	assert_null(entry_of(f, "p1", "239.1.1.2", NULL)); /* fast-leave */
	json_t *rows = show(f, "multicast querier show p1");
	json_t *row = json_array_get(rows, 0);
	assert_int_equal(json_array_size(rows), 1);
	assert_int_equal(json_integer_value(json_object_get(row, "ttl_threshold")), 4);
	assert_string_equal(json_string_value(json_object_get(row, "rpf")), "off");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "ipv6"), "querier")),
			    "self");
	assert_string_equal(json_string_value(json_object_get(json_object_get(row, "ipv4"), "querier")),
			    "none"); /* it has no address */
	json_decref(rows);
	rows = show(f, "multicast groups show");
	assert_int_equal(json_array_size(rows), 1);
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "port")), "p1");
	assert_string_equal(json_string_value(json_object_get(row, "group")), "239.1.1.1");
	assert_string_equal(json_string_value(json_object_get(row, "version")), "igmpv2");
	assert_non_null(json_object_get(row, "packets"));
	json_decref(rows);
	rows = show(f, "bridge groups show");
	assert_int_equal(json_array_size(rows), 0);
	json_decref(rows);
}

static void bridges_and_routing_exclude_each_other(void **state)
{
	struct fixture *f = *state;
	char line[80];

	say(f, "bridge add b0");
	say(f, "vlan del v0");
	refused(f, "port set p0 bridge b0", "multicast-routing off");
	say(f, "port set p1 bridge b0");
	refused(f, "port set p1 multicast-routing on", "in no bridge");
	refused(f, "port add p2 devargs net_null2 bridge b0 multicast-routing on", "in no bridge");
	/* both at the same time, and back */
	say(f, "port set p0 bridge b0 multicast-routing off");
	assert_false(punts(f, "p0"));
	say(f, "port set p0 bridge none multicast-routing on");
	assert_true(punts(f, "p0"));
	refused(f, "port set p0 query-interval 5s query-response-interval 5s",
		"port p0: query-response-interval 5 s: expected less");
	refused(f, "port set p0 startup-query-interval 50ms", "startup-query-interval");
	refused(f, "port set b0 multicast-routing on", "is no port");
	show_refused(f, "multicast groups show p9", "no port or vlan p9");
	for (unsigned int i = 1; i < MULTICAST_BRANCHES; i++) {
		snprintf(line, sizeof(line), "vlan add v%u dev p0 tag %u multicast-routing on", i, i);
		say(f, line);
	}
	refused(f, "vlan add v99 dev p0 tag 99 multicast-routing on", "VRF 0 has 32");
	say(f, "vlan add v99 dev p0 tag 99 vrf 1 multicast-routing on");
	refused(f, "bridge set b0 querier on multicast-routing on", "VRF 0 has 32");
}

/* A `set`, an `add` and a `del` are undone. */
static void undone(void **state)
{
	static const char *const lines[] = {
		"port set p0 multicast-routing off",
		"port set p0 multicast-routing no-rpf query-interval 20s multicast-ttl-threshold 3",
		"port set p1 multicast-routing on fast-leave on",
		"vlan set v0 multicast-routing on",
		"vlan add v1 dev p1 tag 5 multicast-routing on robustness 3",
		"port del p1",
		"vlan del v0",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		inverse_of(f, lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROUTED(own_addresses_ask),
		ROUTED(answers_become_routes),
		ROUTED(routes_follow_state),
		ROUTED(vlans_are_routed_to),
		ROUTED(another_querier),
		ROUTED(restart),
		ROUTED(settings_are_configuration),
		ROUTED(bridges_and_routing_exclude_each_other),
		ROUTED(undone),
	};
	return cmocka_run_group_tests_name("multicast to routed interfaces", tests, NULL, NULL);
}
