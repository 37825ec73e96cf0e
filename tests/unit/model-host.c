/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Ports' mirrors in the kernel: what is wished of the data plane, what is refused, what undoes it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model-fixture.h"

static const struct port_wish *wish_of(struct fixture *f, unsigned int port)
{
	const struct tables *tables = model_tables(f->model);

	return tables_object(tables, word_load(&tables->port[port].wish));
}

static void is_a_wish(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_null0 host-interface tap0");
	assert_string_equal(wish_of(f, 0)->host_interface, "tap0");
	uint64_t generation = wish_of(f, 0)->generation;
	uint32_t identity = wish_of(f, 0)->identity;
	say(f, "port set p0 host-interface tap0");
	assert_int_equal(wish_of(f, 0)->generation, generation);
	say(f, "port set p0 host-interface fifteen-letters");
	assert_string_equal(wish_of(f, 0)->host_interface, "fifteen-letters");
	assert_true(wish_of(f, 0)->generation > generation);
	assert_int_equal(wish_of(f, 0)->identity, identity); /* not another device */
	say(f, "port set p0 mtu 1400");
	assert_string_equal(wish_of(f, 0)->host_interface, "fifteen-letters");
	say(f, "port set p0 host-interface none");
	assert_string_equal(wish_of(f, 0)->host_interface, "");
	say(f, "port add p1 devargs net_null1");
	assert_string_equal(wish_of(f, 1)->host_interface, "");
}

static void is_refused(void **state)
{
	struct fixture *f = *state;
	static const char *const bad[] = { "a/b", "a:b", "tap%d", "\"a b\"", ".", ".." };
	char line[128];

	say(f, "port add p0 devargs net_af_packet0,iface=veth0 host-interface tap0");
	refused(f, "port add p1 devargs net_null1 host-interface tap0", "is in use by port p0");
	refused(f, "port add p1 devargs net_null1 host-interface veth0",
		"is the device of port p0");
	refused(f, "port set p0 host-interface veth0", "is its own device");
	refused(f, "port add p1 devargs net_af_packet1,iface=tap0",
		"Linux interface tap0 is the host-interface of port p0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(line, sizeof(line), "port set p0 host-interface %s", bad[i]);
		refused(f, line, "expected 1 to 15 characters");
	}
	say(f, "vlan add v5 dev p0 tag 5");
	refused(f, "v5 set host-interface tap5", "v5 has no device");
	assert_string_equal(wish_of(f, 0)->host_interface, "tap0");
	/* free again */
	say(f, "port set p0 host-interface none");
	say(f, "port add p1 devargs net_null1 host-interface tap0");
}

static void is_configuration(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_null0 host-interface tap0");
	char *lines = configuration(f);
	assert_string_equal(lines, "port add p0 devargs net_null0 host-interface tap0\n");
	free(lines);
	say(f, "port set p0 host-interface none");
	lines = configuration(f);
	assert_string_equal(lines, "port add p0 devargs net_null0\n");
	free(lines);
}

static void undo_of(struct fixture *f, const char *line, const char *expected)
{
	char text[256];

	parse(f, line);
	assert_int_equal(model_inverse(f->model, f->arguments, f->undo), 0);
	command_to_text(f->undo, text, sizeof(text));
	assert_string_equal(text, expected);
}

static void is_undone(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_null0");
	undo_of(f, "port set p0 host-interface tap0", "port set p0 host-interface none");
	say(f, "port set p0 host-interface tap0");
	undo_of(f, "port set p0 host-interface none", "port set p0 host-interface tap0");
	undo_of(f, "port del p0", "port add p0 devargs net_null0 host-interface tap0");
}

/* The Linux interfaces behind a group's members are the members', not the port's. */
static void group_has_no_device(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_bonding0,mode=4,slave(net_af_packet1,iface=eth1)");
	assert_string_equal(wish_of(f, 0)->host_device, "");
	say(f, "port add p1 devargs net_af_packet0,iface=eth0");
	assert_string_equal(wish_of(f, 1)->host_device, "eth0");
}

#define EMPTY(test) cmocka_unit_test_setup_teardown(test, fixture_empty, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EMPTY(is_a_wish),
		EMPTY(is_refused),
		EMPTY(is_configuration),
		EMPTY(is_undone),
		EMPTY(group_has_no_device),
	};
	return cmocka_run_group_tests_name("model: host-interface", tests, NULL, NULL);
}
