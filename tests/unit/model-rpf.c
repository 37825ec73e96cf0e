/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Reverse-path check: an interface's setting, and by which interfaces a group of paths goes.
 */
#include <stdlib.h>
#include <string.h>
#include "model-fixture.h"

enum { VLAN_ROW = PORT_MAX };

static uint64_t checks_of(struct fixture *f, uint32_t interface)
{
	return word_load(&model_tables(f->model)->interface[interface].features);
}

static void is_a_feature(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(checks_of(f, 0), 0);
	say(f, "port set p0 rpf strict");
	assert_int_equal(checks_of(f, 0), INTERFACE_RPF_STRICT);
	json_t *ports = show(f, "port show p0");
	assert_string_equal(json_string_value(json_object_get(json_array_get(ports, 0), "rpf")),
			    "strict");
	json_decref(ports);
	say(f, "port set p0 mtu 1400");
	assert_int_equal(checks_of(f, 0), INTERFACE_RPF_STRICT);
	say(f, "vlan add v9 dev p0 tag 9 rpf loose");
	assert_int_equal(checks_of(f, VLAN_ROW), INTERFACE_RPF_LOOSE);
	say(f, "port set v9 rpf off");
	assert_int_equal(checks_of(f, VLAN_ROW), 0);
	say(f, "v9 set rpf strict");
	char *lines = configuration(f);
	assert_non_null(strstr(lines, "vlan add v9 dev p0 tag 9 rpf strict\n"));
	const char *port = strstr(lines, "port add p0 ");
	assert_non_null(port);
	assert_in_range(strstr(port, " rpf strict\n") - port, 1, strchr(port, '\n') - port);
	free(lines);
	/* another user of the row begins without */
	say(f, "vlan del v9");
	say(f, "vlan add v8 dev p0 tag 8");
	for (uint32_t i = VLAN_ROW; i < VLAN_ROW + 4; i++)
		if (word_load(&model_tables(f->model)->interface[i].flags) != 0)
			assert_int_equal(checks_of(f, i), 0);
	say(f, "loopback add lo0");
	refused(f, "port set lo0 rpf strict", "loopback lo0 has no rpf to set");
}

static void is_undone(void **state)
{
	struct fixture *f = *state;
	char text[256];

	say(f, "port set p0 rpf loose");
	parse(f, "port set p0 rpf strict");
	assert_int_equal(model_inverse(f->model, f->arguments, f->undo), 0);
	command_to_text(f->undo, text, sizeof(text));
	assert_string_equal(text, "port set p0 rpf loose");
}

/* Members' and their backups' interfaces, each once. */
static void groups_name_their_interfaces(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2 dev p0 swap 201 via 10.0.0.3 dev p0");
	say(f, "mpls add 101 swap 200 via 10.0.0.2 dev p0 backup via 10.0.1.2 dev p1 "
	       "swap 201 via 10.0.0.3 dev p0");
	for (uint32_t label = 100; label <= 101; label++) {
		uint64_t word = word_of(f, label);
		assert_true(word & LABEL_GROUP);
		const struct tables *tables = model_tables(f->model);
		const struct group_record *record = tables_object(
			tables, word_load(&tables->group_members[label_index(word)]));
		assert_int_equal(record->members.count, 2);
		assert_int_equal(record->interface_count, label == 100 ? 1 : 2);
		assert_int_equal(record->interface[0], 0);
		if (label == 101)
			assert_int_equal(record->interface[1], 1);
	}
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(is_a_feature),
		IN_PORTS(is_undone),
		IN_PORTS(groups_name_their_interfaces),
	};
	return cmocka_run_group_tests_name("model: rpf", tests, NULL, NULL);
}
