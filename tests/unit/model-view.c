/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What show commands say: in the control plane, and from the files alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/reason.h"
#include "model-fixture.h"

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	if (value == NULL)
		fail_msg("no string %s", key);
	return value;
}

static json_int_t number(const json_t *object, const char *key)
{
	if (!json_is_integer(json_object_get(object, key)))
		fail_msg("no number %s", key);
	return json_integer_value(json_object_get(object, key));
}

static void ports(void **state)
{
	struct fixture *f = *state;
	struct interface_counters *counters = &f->instance.state->interface[0][0];

	say(f, "vlan add v10 dev p0 tag 10 inner 11");
	counter_add(&counters->rx_packets, 10);
	counter_add(&counters->rx_bytes, 1000);
	counter_add(&counters->drop[DROP_mpls_unknown_label], 3);
	counter_add(&f->instance.state->interface[0][PORT_MAX].rx_packets, 4);
	json_t *list = show(f, "port show p0");
	const json_t *port = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(port, "name"), "p0");
	assert_string_equal(text(port, "mac"), "02:00:00:00:00:10");
	assert_string_equal(text(port, "admin"), "up");
	assert_string_equal(text(port, "link"), "up");
	assert_string_equal(text(port, "driver"), "net_null");
	assert_string_equal(text(port, "condition"), "running");
	assert_int_equal(number(port, "mtu"), 1500);
	assert_int_equal(number(port, "speed"), 10000);
	assert_int_equal(number(port, "flaps"), 0);
	assert_int_equal(number(port, "rx_packets"), 14); /* its subinterface's included */
	assert_int_equal(number(port, "rx_bytes"), 1000);
	assert_int_equal(number(json_object_get(port, "drops"), "mpls_unknown_label"), 3);
	json_decref(list);

	list = show(f, "vlan show");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "dev"), "p0");
	assert_int_equal(number(json_array_get(list, 0), "inner"), 11);
	assert_int_equal(number(json_array_get(list, 0), "rx_packets"), 4);
	json_decref(list);

	list = show(f, "show drops");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "reason"), "mpls_unknown_label");
	assert_int_equal(number(json_array_get(list, 0), "packets"), 3);
	json_decref(list);

	counter_add(&counters->forwarded, 5);
	counter_add(&counters->tx_dropped, 1);
	counter_add(&counters->copies_failed, 7);
	counter_add(&counters->drop[DROP_tx_full], 1);
	list = show(f, "show counters p0");
	assert_int_equal(number(json_array_get(list, 0), "ends"), 8);
	assert_int_equal(number(json_array_get(list, 0), "in_flight"), 2);
	assert_int_equal(number(json_array_get(list, 0), "copies_failed"), 7);
	json_decref(list);
}

static void routes(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200/201 via 10.0.0.2 backup via 10.0.1.2 ttl pipe");
	say(f, "mpls add 101 swap 200 via 10.0.0.2 swap 300 via 10.0.1.9 weight 2");
	say(f, "mpls add 102 pop ip vrf 3");
	json_t *list = show(f, "mpls show");
	assert_int_equal(json_array_size(list), 3);
	const json_t *route = json_array_get(list, 0);
	assert_int_equal(number(route, "label"), 100);
	assert_int_equal(number(route, "space"), 0);
	assert_string_equal(text(route, "operation"), "swap");
	assert_string_equal(text(route, "ttl"), "pipe");
	assert_string_equal(text(route, "tc"), "pipe");
	json_t *labels = json_pack("[i, i]", 200, 201);
	assert_true(json_equal(json_object_get(route, "out_labels"), labels));
	const json_t *path = json_array_get(json_object_get(route, "nexthops"), 0);
	assert_true(json_equal(json_object_get(path, "labels"), labels));
	json_decref(labels);
	assert_string_equal(text(path, "via"), "10.0.0.2");
	assert_string_equal(text(path, "dev"), "p0");
	assert_string_equal(text(path, "port"), "p0");
	assert_string_equal(text(path, "mac"), "02:00:00:00:00:02");
	assert_string_equal(text(path, "state"), "active");
	assert_string_equal(text(json_object_get(path, "backup"), "dev"), "p1");
	route = json_array_get(list, 1);
	assert_int_equal(json_array_size(json_object_get(route, "out_labels")), 0);
	path = json_array_get(json_object_get(route, "nexthops"), 1);
	assert_string_equal(text(path, "state"), "unresolved");
	assert_int_equal(number(path, "weight"), 2);
	route = json_array_get(list, 2);
	assert_string_equal(text(route, "operation"), "pop-ip");
	assert_int_equal(number(route, "vrf"), 3);
	json_decref(list);

	/* the carrier goes: the data plane has switched over */
	atomic_store(&f->instance.state->port_live[0], 0);
	list = show(f, "mpls show 100");
	path = json_array_get(json_object_get(json_array_get(list, 0), "nexthops"), 0);
	assert_string_equal(text(path, "state"), "backup");
	assert_string_equal(text(json_object_get(path, "backup"), "state"), "active");
	json_decref(list);

	list = show(f, "nexthop show"); /* two of them are of neighbours' host routes */
	assert_int_equal(json_array_size(list), 6);
	json_decref(list);
}

static void the_rest(void **state)
{
	struct fixture *f = *state;

	say(f, "loopback add lo0 vrf 2");
	json_t *list = show(f, "address show dev p1");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "prefix"), "10.0.1.1/24");
	json_decref(list);
	list = show(f, "neigh show");
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	list = show(f, "neigh show 10.0.1.2");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(text(json_array_get(list, 0), "lladdr"), "02:00:00:00:00:03");
	assert_string_equal(text(json_array_get(list, 0), "origin"), "static");
	json_decref(list);
	list = show(f, "loopback show");
	assert_int_equal(number(json_array_get(list, 0), "vrf"), 2);
	json_decref(list);
	list = show(f, "show workers");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	json_t *object = show(f, "show memory");
	json_t *files = json_object_get(object, "files");
	json_t *file = json_object_get(files, "tables");
	/* one label space: nothing that is only reserved counts */
	assert_in_range(number(file, "allocated"), 8 << 20, 64 << 20);
	assert_int_equal(number(file, "reserved"), model_tables(f->model)->header.size);
	file = json_object_get(files, "state");
	assert_in_range(number(file, "allocated"), 1, number(file, "reserved") - 1);
	assert_int_equal(
		number(json_object_get(json_object_get(object, "tables"), "neighbours"), "used"),
		2);
	json_t *routes = show(f, "route show");
	assert_int_equal(
		number(json_object_get(json_object_get(object, "tables"), "ipv4_routes"), "used") +
			number(json_object_get(json_object_get(object, "tables"), "ipv6_routes"),
			       "used"),
		json_array_size(routes));
	json_decref(routes);
	json_decref(object);
	object = show(f, "show protocols");
	const json_t *row = json_array_get(object, 4);
	assert_string_equal(text(row, "counter"), "duplicates");
	assert_int_equal(number(row, "count"), 0);
	json_decref(object);
	object = show(f, "show version");
	assert_true(json_is_true(json_object_get(object, "dataplane_alive")));
	json_decref(object);
}

/* packets of worker 0's only stage in `show runtime`; 0: it shows none. */
static uint64_t stage_packets(struct fixture *f)
{
	json_t *rows = show(f, "show runtime");
	json_int_t count = json_integer_value(json_object_get(json_array_get(rows, 0), "packets"));

	assert_true(json_array_size(rows) <= 1);
	json_decref(rows);
	return (uint64_t)count;
}

/* The data plane's counters stay as they are. One that comes with a new file counts from 0 again. */
static void runtime_begins_anew(void **state)
{
	struct fixture *f = *state;
	struct stage_counters *stage = &f->instance.state->runtime[0][STAGE_mpls];

	counter_add(&stage->calls, 2);
	counter_add(&stage->packets, 7);
	counter_add(&stage->cycles, 700);
	assert_int_equal(stage_packets(f), 7);
	for (unsigned int i = 0; i < 3; i++) {
		say(f, "clear runtime");
		assert_int_equal(stage_packets(f), 0);
		counter_add(&stage->calls, 1);
		counter_add(&stage->packets, 5);
		counter_add(&stage->cycles, 50);
		assert_int_equal(stage_packets(f), 5);
	}
	assert_int_equal(counter_read(&stage->packets), 22);
	json_t *rows = show(f, "show runtime");
	const json_t *cost = json_object_get(json_array_get(rows, 0), "cycles_per_packet");
	assert_true(json_real_value(cost) == 10);
	json_decref(rows);
	word_store(&stage->calls, 9);
	word_store(&stage->packets, 9);
	word_store(&stage->cycles, 9);
	assert_int_equal(stage_packets(f), 9);
}

static void unknown_names_are_refused(void **state)
{
	static const char *const lines[][2] = {
		{ "port show p7", "port p7 does not exist" },
		{ "vlan show p0", "vlan p0 does not exist" },
		{ "mpls show 99", "label 99 does not exist in space 0" },
		{ "nexthop show 99", "nexthop 99 does not exist" },
		{ "show drops p7", "interface p7 does not exist" },
	};
	struct fixture *f = *state;
	struct view view = { .tables = model_tables(f->model), .model = f->model };

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(f, lines[i][0]);
		assert_null(view_show(&view, f->arguments, &f->error));
		assert_string_equal(f->error.text, lines[i][1]);
	}
}

/* The CLI while the control plane is down: the same answers, but for what only that one knows. */
static void from_the_files_alone(void **state)
{
	static const char *const lines[] = {
		"port show", "vlan show",  "loopback show", "neigh show 10.0.0.2",
		"mpls show", "show drops", "show counters", "show workers",
	};
	struct fixture *f = *state;
	struct region tables;
	char error[REGION_ERROR_SIZE];

	say(f, "vlan add v10 dev p0 tag 10");
	say(f, "mpls add 100 swap 200/201 via 10.0.0.2 backup via 10.0.1.2 ttl pipe");
	say(f, "mpls add 101 swap 200 via 10.0.0.2 swap 300 via 10.0.1.9 weight 2");
	assert_int_equal(region_attach(&tables, &f->instance.place, REGION_TABLES, error), 0);
	struct view alone = { .tables = tables.base, .state = f->instance.state };
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *with = show(f, lines[i]);
		json_t *without = view_show(&alone, f->arguments, &f->error);
		assert_non_null(without);
		assert_true(json_equal(with, without));
		json_decref(with);
		json_decref(without);
	}
	parse(f, "address show");
	assert_null(view_show(&alone, f->arguments, &f->error));
	assert_non_null(strstr(f->error.text, "not known while the control plane"));
	parse(f, "show version");
	json_t *version = view_show(&alone, f->arguments, &f->error);
	assert_true(json_is_false(json_object_get(version, "controlplane_alive")));
	json_decref(version);
	region_close(&tables);
}

/* Whatever stands in the file, a reader stays inside it. */
static void rubbish_is_survived(void **state)
{
	static const char *const lines[] = { "port show",    "vlan show",    "neigh show",
					     "mpls show",    "nexthop show", "show memory",
					     "show counters" };
	struct fixture *f = *state;
	struct tables *tables = (struct tables *)model_tables(f->model);
	struct view alone = { .tables = tables, .state = f->instance.state };
	struct interface saved[2];
	uint64_t *heap = (uint64_t *)((uint8_t *)tables + tables->control.heap_start);
	size_t words = tables->control.heap_used / 8;

	say(f, "vlan add v10 dev p0 tag 10");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	say(f, "mpls add 101 swap 200 via 10.0.0.2 swap 300 via 10.0.1.9 weight 2");
	uint64_t *copy = malloc(words * 8);
	memcpy(copy, heap, words * 8);
	memcpy(saved, tables->interface, sizeof(saved));
	srand(1);
	for (int round = 0; round < 20; round++) {
		for (size_t i = 0; i < words; i++)
			if (copy[i] != 0)
				heap[i] = (uint64_t)rand() << 40 ^ (uint64_t)rand() << 16 ^
					  (uint64_t)rand();
		memset(tables->interface[0].name, 0xff, NAME_SIZE);
		tables->nexthop[rand() % 8] = (uint64_t)rand() << 33 ^ (uint64_t)rand();
		tables->group_members[1] = (uint64_t)rand() << 16;
		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			parse(f, lines[i]);
			json_decref(view_show(&alone, f->arguments, &f->error));
		}
	}
	memcpy(heap, copy, words * 8);
	memcpy(tables->interface, saved, sizeof(saved));
	free(copy);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(ports),
		IN_PORTS(routes),
		IN_PORTS(the_rest),
		IN_PORTS(runtime_begins_anew),
		IN_PORTS(unknown_names_are_refused),
		IN_PORTS(from_the_files_alone),
		IN_PORTS(rubbish_is_survived),
	};
	return cmocka_run_group_tests_name("model-view", tests, NULL, NULL);
}
