/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Snooping's entries and their counters over a restart of the control plane.
 */
#include "snooping-entries.h"

static uint32_t counter_of(struct fixture *f, const char *group)
{
	const struct group_entry *entry = any_entry(f, 10, group);

	assert_non_null(entry);
	return entry->counter;
}

/* What `bridge groups show` says of a group; -1: nothing. */
static json_int_t shown(struct fixture *f, const char *group)
{
	json_t *rows = show(f, "bridge groups show"), *row;
	json_int_t packets = -1;
	size_t i;

	json_array_foreach(rows, i, row)
	if (strcmp(json_string_value(json_object_get(row, "group")), group) == 0)
		packets = json_integer_value(json_object_get(row, "packets"));
	json_decref(rows);
	return packets;
}

/* The control plane ends and starts, with what the tables have. */
static void start_anew(struct fixture *f)
{
	model_end(f);
	model_begin(f, 64 << 20);
	f->model->clock = NULL;
	clock_stop(f);
}

/* Every entry has a counter of its own, which it keeps over changes and restarts; another entry has it only when
 * no worker counts for the first one any more, and begins at 0. */
static void counters(void **state)
{
	struct fixture *f = *state;
	struct worker_state *worker = &f->instance.state->worker[0];
	struct traffic_counter *counted = f->instance.state->multicast[0];

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.2", "10.0.0.1");
	uint32_t any = counter_of(f, "239.1.1.1");
	uint32_t source = source_entry(f, 10, "239.1.1.2", "10.0.0.1")->counter;
	uint32_t other = counter_of(f, "239.1.1.2"); /* of other sources, which go to routers */
	assert_true(any > 0 && source > 0 && other > 0);
	assert_true(any != source && other != any && other != source);
	counter_add(&counted[any].packets, 5);
	counter_add(&counted[source].packets, 3);
	counter_add(&counted[0].packets, 9);
	assert_int_equal(shown(f, "239.1.1.1"), 5);
	assert_int_equal(shown(f, "239.1.1.2"), 3);
	report(f, 1, 0, 0x16, "239.1.1.1");
	report(f, 1, 0, 0x16, "239.1.1.2");
	assert_int_equal(counter_of(f, "239.1.1.1"), any);
	assert_int_equal(counter_of(f, "239.1.1.2"), other);
	counter_add(&counted[other].packets, 10);
	assert_int_equal(shown(f, "239.1.1.2"), 13);

	start_anew(f);
	say(f, "bridge add b0 vlan 10 querier on querier-address 10.0.0.100 fast-leave on");
	say(f, "port add p0 devargs net_null0 bridge b0 vlan 10");
	say(f, "port add p1 devargs net_null1 bridge b0 vlan 10");
	model_settle(f->model);
	model_poll(f->model);
	assert_int_equal(counter_of(f, "239.1.1.1"), any);
	assert_int_equal(counter_of(f, "239.1.1.2"), other);
	assert_int_equal(source_entry(f, 10, "239.1.1.2", "10.0.0.1")->counter, source);
	assert_int_equal(shown(f, "239.1.1.1"), 5);
	say(f, "bridge group add b0 239.1.1.3 port p1");
	model_poll(f->model);
	uint32_t third = counter_of(f, "239.1.1.3");
	assert_true(third != 0 && third != any && third != other && third != source);
	counter_add(&counted[third].packets, 7);

	word_store(&worker->seen, word_load(&model_tables(f->model)->control.epoch));
	say(f, "bridge group del b0 239.1.1.3 port p1");
	model_poll(f->model);
	say(f, "bridge group add b0 239.1.1.4 port p1");
	model_poll(f->model);
	assert_int_not_equal(counter_of(f, "239.1.1.4"), third); /* the worker has not moved on */
	counter_add(&counted[third].packets, 1);
	word_store(&worker->seen, WORKER_OFFLINE);
	model_poll(f->model);
	say(f, "bridge group add b0 239.1.1.5 port p1");
	model_poll(f->model);
	assert_int_equal(counter_of(f, "239.1.1.5"), third);
	assert_int_equal(shown(f, "239.1.1.5"), 0);
	counter_add(&counted[third].packets, 2);
	assert_int_equal(shown(f, "239.1.1.5"), 2);
}

/* The control plane goes and comes back: what is in the tables stays as it is until nobody answers. */
static void restart(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 1, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.2", "10.0.0.1");
	hello(f, 2, 10);
	uint32_t flags = domain(f, 10)->flags;
	start_anew(f);
	say(f, "bridge add b0 vlan 10 querier on querier-address 10.0.0.100");
	static const char *const ports[PORTS] = { "vlan 10", "vlan 10", "trunk 10,20 native 20",
						  "vlan 20" };
	for (unsigned int i = 0; i < PORTS; i++) {
		char line[100];
		snprintf(line, sizeof(line), "port add p%u devargs net_null%u bridge b0 %s", i, i,
			 ports[i]);
		say(f, line);
	}
	const struct group_entry *before = NULL;
	model_settle(f->model);
	before = any_entry(f, 10, "239.1.1.1");
	model_poll(f->model);
	assert_ptr_equal(any_entry(f, 10, "239.1.1.1"), before); /* not written again */
	assert_int_equal(domain(f, 10)->flags, flags);
	expect_group(f, 10, "239.1.1.1", "0,1");
	expect_set(f, &domain(f, 10)->routers[BRIDGE_IPV4], "2");
	expect_set(f, &source_entry(f, 10, "239.1.1.2", "10.0.0.1")->ports, "0");
	wait(f, 10);
	report(f, 1, 0, 0x16, "239.1.1.1");
	json_t *rows = show(f, "bridge groups show");
	assert_int_equal(json_array_size(rows), 3);
	json_decref(rows);
	wait(f, 251);
	expect_group(f, 10, "239.1.1.1", "1");
	expect_group(f, 10, "239.1.1.2", "no entry");
	assert_null(source_entry(f, 10, "239.1.1.2", "10.0.0.1"));
}

/* Only p0 and p1 are in the bridge still. */
static void again(struct fixture *f)
{
	start_anew(f);
	say(f, "bridge add b0 vlan 10 querier on querier-address 10.0.0.100");
	say(f, "port add p0 devargs net_null0 bridge b0 vlan 10");
	say(f, "port add p1 devargs net_null1 bridge b0 vlan 10");
	say(f, "port add p2 devargs net_null2");
	say(f, "port add p3 devargs net_null3");
}

/* What is configured is not taken over as learned: it goes when it is deleted. */
static void restart_with_configured_groups(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2; i++) {
		if (i == 1)
			again(f);
		say(f, "bridge group add b0 239.9.9.9 port p0");
		say(f, "bridge group add b0 239.9.9.8 source 10.0.0.1 port p0");
		if (i == 1)
			model_settle(f->model);
		wait(f, 12);
		if (i == 0)
			report(f, 1, 0, 0x16, "239.9.9.9");
		expect_group(f, 10, "239.9.9.9", "0,1");
		expect_set(f, &source_entry(f, 10, "239.9.9.8", "10.0.0.1")->ports, "0");
	}
	say(f, "bridge group del b0 239.9.9.9 port p0");
	say(f, "bridge group del b0 239.9.9.8 source 10.0.0.1 port p0");
	model_poll(f->model);
	expect_group(f, 10, "239.9.9.9", "1"); /* a host's */
	expect_group(f, 10, "239.9.9.8", "no entry");
	assert_null(source_entry(f, 10, "239.9.9.8", "10.0.0.1"));
}

/* Killed between the entry that says that there are sources and the next: it stays for sources alone. */
static void restart_after_a_kill(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	record(f, 0, 0, 5, "239.1.1.1", "10.0.0.1");
	record(f, 2, 10, 5, "239.1.1.2", "10.0.0.1"); /* its port will be out */
	for (unsigned int i = 1; i <= 3; i++) {
		struct address group = address_of("239.1.1.0");
		group.bytes[15] = (uint8_t)i;
		struct group_entry entry = { .flags = GROUP_SOURCES | GROUP_ABSENT,
					     .key = { .bridge = domain(f, 10)->bridge,
						      .vlan = 10 } };
		memcpy(entry.key.group, group.bytes, sizeof(entry.key.group));
		assert_int_equal(hash_put(f->model->tables, f->model->heap, HASH_GROUP, &entry), 0);
	}
	again(f);
	model_settle(f->model);
	model_poll(f->model);
	expect_group(f, 10, "239.1.1.1", "-");
	expect_set(f, &source_entry(f, 10, "239.1.1.1", "10.0.0.1")->ports, "0");
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP_SOURCE, NULL, NULL), 1);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 1);
}

/* What no bridge knows any more goes at the next start. */
static void restart_without_the_bridge(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.2", "10.0.0.1");
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 2);
	model_end(f);
	model_begin(f, 64 << 20);
	model_settle(f->model);
	model_poll(f->model);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 0);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP_SOURCE, NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BRIDGE(counters),
		IN_BRIDGE(restart),
		IN_BRIDGE(restart_with_configured_groups),
		IN_BRIDGE(restart_after_a_kill),
		IN_BRIDGE(restart_without_the_bridge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
