/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Memberships on bridges as routes of multicast: which bridges a group is routed to, by settings, addresses
 * and who joined, and at a restart.
 */
#include "controlplane/object/multicast_route.h"
#include "snooping-model.h"

/* A second bridge beside b0, with its own port p4 in VLAN 10. */
static void second_bridge(struct fixture *f)
{
	const uint8_t mac[6] = { 2, 0, 0, 0, 1, 4 };

	say(f, "bridge add b1 vlan 10 querier on");
	say(f, "port add p4 devargs net_null4 bridge b1 vlan 10");
	dataplane_answers(f, 4, mac, true);
	wait(f, 12);
}

static void routes_follow_members(void **state)
{
	struct fixture *f = *state;

	second_bridge(f);
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 3, 0, 0x16, "239.1.1.2"); /* VLAN 20 is not the one that is routed to */
	expect_route(f, "239.1.1.1", "-");
	say(f, "bridge set b0 multicast-routing on");
	expect_route(f, "239.1.1.1", "b0");
	expect_route(f, "239.1.1.2", "-");
	report(f, 0, 0, 131, "ff0e::1");
	report(f, 4, 0, 131, "ff0e::1");
	report(f, 4, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.3", "10.0.0.1"); /* of a source alone */
	expect_route(f, "ff0e::1", "b0");
	expect_route(f, "239.1.1.3", "b0");
	/* b1 has no address to ask from in IPv4 */
	say(f, "bridge set b1 multicast-routing no-rpf multicast-ttl-threshold 9");
	expect_route(f, "ff0e::1", "b0 b1!/9");
	expect_route(f, "239.1.1.1", "b0");
	say(f, "address add 10.1.0.1/24 dev b1");
	expect_route(f, "239.1.1.1", "b0 b1!/9");
	say(f, "address del 10.1.0.1/24 dev b1");
	expect_route(f, "239.1.1.1", "b0");
	expect_route(f, "ff0e::1", "b0 b1!/9");
	report(f, 0, 0, 0x17, "239.1.1.1");
	wait(f, 3);
	expect_route(f, "239.1.1.1", "-");
	say(f, "bridge set b0 down");
	expect_route(f, "ff0e::1", "b1!/9");
	say(f, "bridge set b0 up");
	say(f, "bridge set b1 multicast-routing off");
	expect_route(f, "239.1.1.3", "b0");
	json_t *rows = show(f, "multicast route show");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);
		assert_string_equal(json_string_value(json_object_get(row, "bridge")), "b0");
		assert_string_equal(json_string_value(json_object_get(row, "rpf")), "strict");
	}
	assert_true(json_array_size(rows) > 0);
	json_decref(rows);
}

/* Its own interface gets what its hosts send, as multicast routers do. */
static void routing_bridge_gets_all_groups(void **state)
{
	struct fixture *f = *state;
	uint32_t index = bridge_get(f->model, "b0", &f->error)->index;

	for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++)
		assert_false(port_set_has(&bridge_domain(f->model->tables, index, 10)->routers[i],
					  SLOT_OWN));
	say(f, "bridge set b0 multicast-routing on");
	for (unsigned int i = 0; i < BRIDGE_FAMILIES; i++) {
		assert_true(port_set_has(&bridge_domain(f->model->tables, index, 10)->routers[i],
					 SLOT_OWN));
		assert_false(port_set_has(&bridge_domain(f->model->tables, index, 20)->routers[i],
					  SLOT_OWN));
	}
	say(f, "bridge set b0 multicast-routing off");
	assert_false(
		port_set_has(&bridge_domain(f->model->tables, index, 10)->routers[0], SLOT_OWN));
}

static void routing_is_refused(void **state)
{
	struct fixture *f = *state;
	char line[80];

	refused(f, "bridge add b9 snooping off querier on multicast-routing on", "snooping on");
	refused(f, "bridge add b9 multicast-routing on", "querier on");
	say(f, "bridge set b0 multicast-routing on");
	refused(f, "bridge set b0 querier off", "querier on");
	for (unsigned int i = 1; i < MULTICAST_BRANCHES; i++) {
		snprintf(line, sizeof(line), "bridge add c%u querier on multicast-routing on", i);
		say(f, line);
	}
	refused(f, "bridge add b9 querier on multicast-routing on", "VRF 0 has 32");
	say(f, "bridge add b9 vrf 1 querier on multicast-routing on");
	say(f, "bridge set b0 multicast-routing no-rpf");
}

/* What the tables have at a restart stays: nothing is written but what nobody asks for any more. */
static void routes_at_a_restart(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge set b0 multicast-routing on");
	wait(f, 12);
	report(f, 1, 0, 0x16, "239.1.1.1");
	expect_route(f, "239.1.1.1", "b0");
	struct address address = address_of("239.1.1.1");
	struct multicast_key key = { .vrf = 0 };
	memcpy(key.group, address.bytes, 16);
	const struct multicast_route *before =
		hash_lookup(f->model->tables, HASH_MULTICAST_ROUTE, &key, sizeof(key));
	size_t offset = (size_t)((const uint8_t *)before - (const uint8_t *)f->model->tables);
	model_end(f);
	model_begin(f, 64 << 20);
	say(f, "bridge add b0 vlan 10 querier on querier-address 10.0.0.100 multicast-routing on");
	say(f, "port add p1 devargs net_null1 bridge b0 vlan 10");
	model_settle(f->model);
	model_poll(f->model);
	expect_route(f, "239.1.1.1", "b0");
	const struct multicast_route *after =
		hash_lookup(f->model->tables, HASH_MULTICAST_ROUTE, &key, sizeof(key));
	assert_int_equal((size_t)((const uint8_t *)after - (const uint8_t *)f->model->tables),
			 offset);
	model_end(f);
	model_begin(f, 64 << 20);
	model_settle(f->model);
	model_poll(f->model);
	assert_int_equal(hash_walk(f->model->tables, HASH_MULTICAST_ROUTE, NULL, NULL), 0);
}

#define IN_BRIDGE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BRIDGE(routes_follow_members),
		IN_BRIDGE(routing_bridge_gets_all_groups),
		IN_BRIDGE(routing_is_refused),
		IN_BRIDGE(routes_at_a_restart),
	};
	return cmocka_run_group_tests_name("routes of multicast", tests, NULL, NULL);
}
