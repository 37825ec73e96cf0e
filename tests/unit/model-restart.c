/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A control plane that restarts: what it finds it keeps, and packets see only what differs.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/model.h"
#include "model-fixture.h"

enum { HEAP_SIZE = 256 << 20 };

/* Each branch with a label of its own. */
static void most_branches(struct fixture *f)
{
	static char line[64 * GROUP_MEMBER_MAX];
	size_t used = (size_t)sprintf(line, "mpls add 111 replicate");

	for (unsigned int i = 0; i < GROUP_MEMBER_MAX; i++)
		used += (size_t)sprintf(line + used, " swap %u via 10.0.%u.2", 1000 + i, i % 2);
	say(f, line);
	struct error error;
	sprintf(line + used, " swap 999 via 10.0.0.2");
	assert_int_equal(command_parse(line, f->arguments, &error), -EINVAL);
	assert_non_null(strstr(error.text, "more than 256 paths"));
}

static void full_configuration(struct fixture *f)
{
	most_branches(f);
	say(f, "bridge add br9");
	say(f, "mpls add 112 pop bridge br9 control-word");
	say(f, "port set p1 down");
	say(f, "vlan add v10 dev p0 tag 10 mpls on space 2");
	say(f, "vlan add v20 dev p0 tag 20 inner 30 mtu 1300");
	say(f, "vlan set v20 down");
	say(f, "loopback add lo0");
	say(f, "address add 10.10.0.1/24 dev v10");
	say(f, "address add 2001:db8::1/64 dev v20");
	say(f, "address add 10.255.0.1/32 dev lo0");
	say(f, "neigh add 10.10.0.2 lladdr 02:00:00:00:00:77 dev v10");
	say(f, "neigh add fe80::9 lladdr 02:00:00:00:00:78 dev p0");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	say(f, "mpls add 101 swap 300/301/302 via 10.0.1.2 dev p1 ttl pipe");
	say(f, "mpls add 102 swap 200 via 10.0.0.2 swap 200 via 10.10.0.2 weight 3 tc uniform");
	say(f, "mpls add 103 swap 200 via 10.0.0.2 swap 300/301 via 10.0.1.2 "
	       "swap implicit-null via fe80::9 dev p0 no-counters");
	say(f, "mpls add 104 pop via 10.10.0.2 backup via 10.0.1.2 dev p1");
	say(f, "mpls add 105 pop via 10.10.0.2 push 40/41 entropy");
	say(f, "mpls add 106 swap 200 via 10.10.0.2 push 40/41 entropy");
	say(f, "mpls add 107 pop ip vrf 3");
	say(f, "mpls add 108 pop label");
	say(f, "mpls add 109 swap explicit-null via 10.0.0.9");
	say(f, "mpls add 110 swap 200 via 10.0.0.2 weight 4");
	say(f, "mpls add 100 space 2 swap 500 via 10.0.0.2 backup via 10.10.0.2");
}

static void replay(struct fixture *f, const char *lines)
{
	char *copy = strdup(lines), *at = copy, *line;

	while ((line = strsep(&at, "\n")) != NULL)
		if (*line != 0)
			say(f, line);
	free(copy);
}

/* All that readers see: the file without the words that say who writes it and the epochs, the route
 * tables, which are built anew and switched over to at once, and the heap: what is in it is published
 * by words that are compared. */
static uint8_t *image(struct fixture *f, size_t *size)
{
	const struct tables *tables = model_tables(f->model);
	size_t start = offsetof(struct tables, label_space);

	*size = sizeof(struct tables) - start;
	uint8_t *copy = malloc(*size);
	/* idle inject rings are holes: reading them would fill them */
	size_t rings = offsetof(struct tables, inject), after = sizeof(struct tables);
	memcpy(copy, (const uint8_t *)tables + start, rings - start);
	memset(copy + rings - start, 0, after - rings);
	memset(copy + offsetof(struct tables, route_root) - start, 0, sizeof(tables->route_root));
	return copy;
}

static void restart_stores_nothing(void **state)
{
	struct fixture *f = *state;
	size_t size, size_again;

	full_configuration(f);
	model_poll(f->model);
	model_poll(f->model);
	model_poll(f->model);
	char *before = configuration(f);
	uint8_t *tables = image(f, &size);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	assert_true(model_found_tables(f->model));
	replay(f, before);
	model_settle(f->model);
	model_poll(f->model);
	uint8_t *again = image(f, &size_again);
	assert_int_equal(size_again, size);
	for (size_t i = 0; i < size; i++)
		if (tables[i] != again[i])
			fail_msg("byte %zu differs (label_space is 0)", i);
	char *after = configuration(f);
	assert_string_equal(after, before);
	free(before);
	free(after);
	free(tables);
	free(again);
}

/* What was configured in between must not be seen: a port that was down once, a label's earlier
 * route. */
static void history_is_not_replayed_to_packets(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	const struct tables *tables = model_tables(f->model);
	uint64_t wish = tables->port[0].wish;
	uint64_t word = word_of(f, 100);
	char *lines = configuration(f);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	tables = model_tables(f->model);
	replay(f, lines);
	say(f, "port set p0 down");
	say(f, "mpls replace 100 swap 999 via 10.0.1.2");
	say(f, "mpls del 100");
	assert_int_equal(word_of(f, 100), word);
	assert_int_equal(tables->port[0].wish, wish);
	say(f, "port set p0 up");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	model_settle(f->model);
	assert_int_equal(word_of(f, 100), word);
	assert_int_equal(tables->port[0].wish, wish);
	free(lines);
}

/* A route that was replaced while we were away goes on counting; a new one begins at zero. */
static void counters_go_on_after_a_restart(void **state)
{
	struct fixture *f = *state;
	char *lines;

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	counter_add(&f->instance.state->label[0][0][100].packets, 5);
	counter_add(&f->instance.state->label[0][0][101].packets, 6);
	lines = configuration(f);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	replay(f, lines);
	say(f, "mpls replace 100 swap 999 via 10.0.1.2");
	say(f, "mpls add 101 pop ip");
	model_settle(f->model);
	assert_int_equal(packets_of(f, 100), 5);
	assert_int_equal(packets_of(f, 101), 0);
	say(f, "mpls replace 100 swap 998 via 10.0.1.2");
	assert_int_equal(packets_of(f, 100), 5);
	free(lines);
}

static void what_is_not_asked_for_goes(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables;

	full_configuration(f);
	uint64_t kept = word_of(f, 100);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	say(f, "port add p0 devargs net_null0 mpls on");
	say(f, "address add 10.0.0.1/24 dev p0");
	say(f, "neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev p0");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	model_settle(f->model);
	tables = model_tables(f->model);
	assert_int_equal(word_of(f, 100), kept);
	for (uint32_t label = 101; label < 120; label++)
		assert_int_equal(word_of(f, label), 0);
	assert_int_equal(label_get(tables, 2, 100), 0);
	for (int i = 0; i < 4; i++)
		model_poll(f->model);
	unsigned int nexthops = 0, groups = 0, interfaces = 0;
	for (unsigned int i = 0; i < NEXTHOP_MAX; i++)
		nexthops += tables->nexthop[i] != 0;
	for (unsigned int i = 0; i < GROUP_MAX; i++)
		groups += tables->group_members[i] != 0;
	for (unsigned int i = 0; i < INTERFACE_MAX; i++)
		interfaces += (tables->interface[i].flags & INTERFACE_VALID) != 0;
	assert_int_equal(nexthops, 1);
	assert_int_equal(groups, 0);
	assert_int_equal(interfaces, 1);
	assert_int_equal(tables->port[1].wish, 0);
	assert_int_equal(tables->interface[0].flags & INTERFACE_HAS_VLANS, 0);
	assert_int_equal(hash_walk(tables, HASH_NEIGHBOUR, NULL, NULL), 1);
	assert_int_equal(hash_walk(tables, HASH_VLAN, NULL, NULL), 0);
}

/* The MAC that the data plane reported is kept until it reports another. */
static void nexthops_stay_resolved_without_a_dataplane(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	char *lines = configuration(f);
	model_end(f);
	dataplane_end(f);
	model_begin(f, HEAP_SIZE);
	replay(f, lines);
	model_settle(f->model);
	model_poll(f->model);
	const struct tables *tables = model_tables(f->model);
	uint64_t word = tables->nexthop[label_index(word_of(f, 100))];
	assert_int_equal(nexthop_kind(word), NEXTHOP_FORWARD);
	assert_memory_equal(rewrite_of(f, label_index(word_of(f, 100)))->header + 16, port_macs[0],
			    6);
	free(lines);
}

/* A dead process had unlinked the nexthop; a worker may be using it. */
static void freed_indexes_wait_after_a_restart(void **state)
{
	struct fixture *f = *state;
	struct worker_state *worker = &f->instance.state->worker[0];

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	say(f, "mpls add 101 swap 300/200 via 10.0.1.2");
	uint32_t index = label_index(word_of(f, 101));
	char *lines = configuration(f);
	word_store(&worker->seen, word_load(&model_tables(f->model)->control.epoch));
	say(f, "mpls del 101");
	model_end(f);

	model_begin(f, HEAP_SIZE);
	replay(f, lines);
	say(f, "mpls del 101");
	model_settle(f->model);
	for (int i = 0; i < 3; i++)
		model_poll(f->model);
	assert_int_not_equal(model_tables(f->model)->nexthop[index], 0);
	say(f, "mpls add 102 swap 200 via 10.0.1.9");
	assert_int_not_equal(label_index(word_of(f, 102)), index);
	for (int i = 0; i < 3; i++) {
		word_store(&worker->seen, word_load(&model_tables(f->model)->control.epoch));
		model_poll(f->model);
	}
	assert_int_equal(model_tables(f->model)->nexthop[index], 0);
	say(f, "mpls add 103 swap 200 via 10.0.1.8");
	assert_int_equal(label_index(word_of(f, 103)), index);
	word_store(&worker->seen, WORKER_OFFLINE);
	free(lines);
}

static void second_control_plane_is_refused(void **state)
{
	struct fixture *f = *state;
	char error[REGION_ERROR_SIZE] = "";
	struct model *other;

	assert_int_equal(model_open(&other, &f->instance.place, HEAP_SIZE, error), -EBUSY);
	assert_null(other);
	assert_true(error[0] != 0);
}

/* A group's members point at themselves: nothing that a sound process leaves. */
static void corrupt(struct fixture *f)
{
	struct tables *tables = (struct tables *)model_tables(f->model);

	tables->group_members[7] = tables->label_space[0] + 64;
}

static void corrupt_tables_are_not_taken_from_a_dataplane(void **state)
{
	struct fixture *f = *state;
	char error[REGION_ERROR_SIZE] = "";

	corrupt(f);
	model_end(f);
	assert_int_not_equal(model_open(&f->model, &f->instance.place, HEAP_SIZE, error), 0);
	assert_non_null(strstr(error, "corrupt and a data plane is forwarding from it"));
	dataplane_end(f);
	model_begin(f, HEAP_SIZE);
	assert_false(model_found_tables(f->model));
	model_settle(f->model);
}

static void stopped_dataplane_is_named(void **state)
{
	struct fixture *f = *state;
	char line[64];
	int result = 0;

	say(f, "port add p0 devargs net_null0");
	say(f, "address add 10.0.0.1/8 dev p0");
	dataplane_begin(f);
	word_store(&f->instance.state->worker[0].seen,
		   word_load(&model_tables(f->model)->control.epoch));
	for (int i = 0; i < 80000 && result == 0; i++) {
		snprintf(line, sizeof(line), "mpls replace 100 swap %d/200 via 10.0.0.2", 100 + i);
		parse(f, line);
		result = model_execute(f->model, f->arguments, &f->error);
	}
	assert_int_equal(result, -ENOSPC);
	assert_non_null(strstr(f->error.text, "nexthop table is full: no table memory left"));
	f->model->grace_limit_ns = 1;
	refused(f, "mpls replace 100 swap 999999/200 via 10.0.0.2", "data plane not responding");
	word_store(&f->instance.state->worker[0].seen, WORKER_OFFLINE);
	say(f, "mpls replace 100 swap 999999/200 via 10.0.0.2");
}

/* ---------------------------------------------------------------- inverse */

static void every_command_has_its_inverse(void **state)
{
	static const char *const lines[] = {
		"port add p2 devargs net_null2 mtu 9000 space 3",
		"port set p0 mtu 9000",
		"port set p0 down",
		"port set p0 mpls off space 4",
		"port set v10 down mtu 1000",
		"port set lo0 down",
		"port del p9",
		"vlan add v30 dev p0 tag 30",
		"vlan set v20 up mtu 1000",
		"vlan del v40",
		"loopback add lo1 vrf 4",
		"loopback set lo0 down",
		"loopback del lo9",
		"address add 10.3.0.1/24 dev p0",
		"address del 10.255.0.1/32 dev lo0",
		"neigh add 10.0.0.8 lladdr 02:00:00:00:00:08 dev p0",
		"neigh replace 10.0.0.8 lladdr 02:00:00:00:00:08 dev p0",
		"neigh replace 10.0.0.2 lladdr 02:00:00:00:00:08 dev p0",
		"neigh del 10.0.0.7 dev p0",
		"mpls add 200 swap 200 via 10.0.0.2",
		"mpls add 200 space 5 pop label",
		"mpls replace 200 swap 200 via 10.0.0.2",
		"mpls replace 102 pop ip",
		"mpls replace 100 swap 201 via 10.0.0.2",
		"mpls del 102",
		"mpls del 103",
		"mpls del 104",
		"mpls del 105",
		"mpls del 106",
		"mpls del 107",
		"mpls del 108",
		"mpls del 100 space 2",
	};
	struct fixture *f = *state;

	full_configuration(f);
	say(f, "port add p9 devargs net_null9 rx-queues 2");
	say(f, "port set p9 down");
	say(f, "vlan add v40 dev p1 tag 40");
	say(f, "loopback add lo9");
	say(f, "neigh add 10.0.0.7 lladdr 02:00:00:00:00:08 dev p0");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		/* what comes back comes last in its list */
		if (strstr(lines[i], "del") != NULL && strncmp(lines[i], "mpls", 4) != 0)
			continue;
		inverse_of(f, lines[i]);
	}
	inverse_of(f, "port del p9");
	inverse_of(f, "loopback del lo9");
	inverse_of(f, "vlan del v40");
	inverse_of(f, "neigh del 10.0.0.7 dev p0");
	inverse_of(f, "address del 10.255.0.1/32 dev lo0");
}

static void no_inverse_of_what_will_fail(void **state)
{
	static const char *const lines[] = {
		"port add p0 devargs net_null7",
		"port set p7 up",
		"port del p7",
		"vlan add p0 dev p0 tag 1",
		"vlan set p0 up",
		"vlan del p0",
		"loopback add p0",
		"loopback del p0",
		"address add 10.0.0.1/24 dev p0",
		"address del 10.0.0.9/24 dev p0",
		"neigh add 10.0.0.2 lladdr 02:00:00:00:00:08 dev p0",
		"neigh del 10.0.0.9 dev p0",
		"mpls del 100",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(f, lines[i]);
		assert_int_equal(model_inverse(f->model, f->arguments, f->undo), -ENOENT);
	}
	parse(f, "counters clear");
	assert_int_equal(model_inverse(f->model, f->arguments, f->undo), -ENOTSUP);
}

/* More versions than there are groups: those that were replaced make room, whether or not a worker
 * that is stopped could still hold what the dead process had published. */
static void many_versions_of_groups_are_replayed(void **state)
{
	struct fixture *f = *state;
	char line[128];

	full_configuration(f);
	char *before = configuration(f);
	uint64_t word = word_of(f, 102);
	word_store(&f->instance.state->worker[0].seen,
		   word_load(&model_tables(f->model)->control.epoch));
	model_end(f);
	model_begin(f, HEAP_SIZE);
	replay(f, before);
	for (unsigned int i = 0; i < 2 * GROUP_MAX; i++) {
		snprintf(line, sizeof(line),
			 "mpls replace 102 swap %u via 10.0.0.2 swap %u via 10.0.1.2 weight %u",
			 300 + i, 300 + i, 1 + i % 200);
		say(f, line);
	}
	say(f, "mpls replace 102 swap 200 via 10.0.0.2 swap 200 via 10.10.0.2 weight 3 tc uniform");
	model_settle(f->model);
	char *after = configuration(f);
	assert_string_equal(after, before);
	assert_int_equal(word_of(f, 102), word);
	free(before);
	free(after);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(restart_stores_nothing),
		IN_PORTS(history_is_not_replayed_to_packets),
		IN_PORTS(counters_go_on_after_a_restart),
		IN_PORTS(what_is_not_asked_for_goes),
		IN_PORTS(nexthops_stay_resolved_without_a_dataplane),
		IN_PORTS(freed_indexes_wait_after_a_restart),
		IN_PORTS(many_versions_of_groups_are_replayed),
		IN_PORTS(second_control_plane_is_refused),
		IN_PORTS(corrupt_tables_are_not_taken_from_a_dataplane),
		cmocka_unit_test_setup_teardown(stopped_dataplane_is_named, fixture_small,
						fixture_remove),
		IN_PORTS(every_command_has_its_inverse),
		IN_PORTS(no_inverse_of_what_will_fail),
	};
	return cmocka_run_group_tests_name("model-restart", tests, NULL, NULL);
}
