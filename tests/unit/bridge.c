/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Bridges in the control plane: VLAN tables, learning, moves, limits, ageing on a stopped clock, static
 * entries, and a control plane that restarts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/bridge.h"
#include "controlplane/object/fdb.h"
#include "model-fixture.h"

enum { HEAP_SIZE = 256 << 20 };

static uint64_t now;

static uint64_t stopped_clock(void)
{
	return now;
}

/* It goes on from where the model's began. */
static void stop_clock(struct fixture *f)
{
	now = model_now(f->model);
	f->model->clock = stopped_clock;
}

static void configure(struct fixture *f)
{
	say(f, "bridge add br0 vlan 10");
	say(f, "port add q0 devargs net_null0 bridge br0 vlan 10");
	say(f, "port add q1 devargs net_null1 bridge br0 trunk 10,20-30 native 10");
	say(f, "port add q2 devargs net_null2 bridge br0 vlan 20 isolated on");
	say(f, "port add q3 devargs net_null3");
}

static int start(void **state)
{
	fixture_empty(state);
	struct fixture *f = *state;

	stop_clock(f);
	dataplane_begin(f);
	model_poll(f->model);
	configure(f);
	return 0;
}

/* So many seconds go by, with housekeeping often enough to look at every entry. */
static void wait_seconds(struct fixture *f, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds; i++) {
		now += 1000000000u;
		model_poll(f->model);
	}
	for (unsigned int i = 0; i <= FDB_MAX / 4096; i++)
		model_poll(f->model);
}

static uint32_t row_of(struct fixture *f, const char *name)
{
	return interface_find(f->model, name)->index;
}

/* A worker saw a source address. */
static void saw(struct fixture *f, const char *port, unsigned int vlan, unsigned int number)
{
	struct learn_producer *ring = &f->instance.state->learn[0];
	uint64_t tail = word_load(&ring->tail);
	struct learn_event *event = &ring->slot[tail % LEARN_SLOTS];

	*event = (struct learn_event){ .mac = { 0x0a, 0, 0, 0, (uint8_t)(number >> 8),
						(uint8_t)number },
				       .vlan = (uint16_t)vlan,
				       .interface = row_of(f, port),
				       .bridge = interface_find(f->model, "br0")->bridge->index,
				       .sequence = tail };
	word_store(&ring->tail, tail + 1);
	model_poll(f->model);
}

static const struct fdb_entry *entry_of(struct fixture *f, unsigned int vlan, unsigned int number)
{
	const uint8_t mac[6] = { 0x0a, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number };
	struct fdb_key key = fdb_key(interface_find(f->model, "br0")->bridge->index, vlan, mac);

	return fdb_lookup(model_tables(f->model), &key);
}

static bool is_at(struct fixture *f, unsigned int vlan, unsigned int number, const char *port)
{
	const struct fdb_entry *entry = entry_of(f, vlan, number);

	return entry != NULL && entry->interface == row_of(f, port) &&
	       entry->slot == interface_find(f->model, port)->member->slot;
}

static void vlans_are_published(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);
	uint32_t bridge = interface_find(f->model, "br0")->bridge->index;
	unsigned int q0 = interface_find(f->model, "q0")->member->slot;
	unsigned int q1 = interface_find(f->model, "q1")->member->slot;
	unsigned int q2 = interface_find(f->model, "q2")->member->slot;
	const struct bridge_domain *ten = bridge_domain(tables, bridge, 10);
	const struct bridge_domain *twenty = bridge_domain(tables, bridge, 20);

	assert_true(port_set_has(&ten->member, SLOT_OWN) && port_set_has(&ten->member, q0) &&
		    port_set_has(&ten->member, q1) && !port_set_has(&ten->member, q2));
	assert_false(port_set_has(&ten->tagged, q1));
	assert_true(port_set_has(&twenty->tagged, q1) && port_set_has(&twenty->member, q2) &&
		    !port_set_has(&twenty->tagged, q2) && !port_set_has(&twenty->member, q0));
	assert_non_null(bridge_domain(tables, bridge, 30));
	assert_null(bridge_domain(tables, bridge, 31));
	assert_true(port_set_has(&bridge_members(tables, bridge)->isolated, q2));
	assert_true(word_load(&tables->interface[row_of(f, "q0")].features) & INTERFACE_BRIDGED);
	assert_false(word_load(&tables->interface[row_of(f, "q3")].features) & INTERFACE_BRIDGED);

	say(f, "port set q0 down"); /* a port that is down gets nothing */
	assert_false(port_set_has(&bridge_domain(tables, bridge, 10)->member, q0));
	say(f, "port set q0 up");
	say(f, "port set q1 vlan 20");
	assert_null(bridge_domain(tables, bridge, 30));
	say(f, "port set q0 bridge none");
	assert_int_equal(word_load(&tables->interface[row_of(f, "q0")].bridge_port), 0);
	assert_int_equal(word_load(&tables->interface[row_of(f, "q0")].features), 0);
}

static void commands_are_refused(void **state)
{
	struct fixture *f = *state;

	refused(f, "port set q0 bridge br9", "does not exist");
	refused(f, "port set q3 vlan 10", "is in no bridge");
	refused(f, "port set q0 vlan 10 trunk 20", "exclude each other");
	refused(f, "port set q0 trunk 20,4095", "expected VLANs");
	refused(f, "port set q0 trunk 30-20", "expected VLANs");
	refused(f, "port set q0 native 10", "native goes with trunk");
	refused(f, "bridge del br0", "in use by port q0");
	refused(f, "bridge add none", "leaves a bridge");
	refused(f, "address add 10.9.0.1/24 dev q0", "is a port of a bridge");
	refused(f, "vlan add v dev q0 tag 5", "is in a bridge");
	say(f, "address add 10.9.0.1/24 dev q3");
	refused(f, "port set q3 bridge br0", "has addresses");
	refused(f, "bridge fdb add 0a:00:00:00:00:01 dev q0 vlan 20", "not in VLAN 20");
	refused(f, "bridge fdb add 0b:00:00:00:00:01 dev q0", "unicast");
	refused(f, "bridge fdb add 0a:00:00:00:00:01 dev q3", "is in no bridge");
	say(f, "bridge fdb add 0a:00:00:00:00:01 dev q0");
	refused(f, "bridge fdb add 0a:00:00:00:00:01 dev q1", "exists already");
	refused(f, "port set q0 bridge none", "in use by bridge fdb 0a:00:00:00:00:01");
	refused(f, "port set q0 vlan 20", "in use by bridge fdb");
	refused(f, "port del q0", "in use by bridge fdb");
	say(f, "bridge fdb del 0a:00:00:00:00:01 dev q0");
	refused(f, "bridge fdb del 0a:00:00:00:00:01 dev q0", "does not exist");
	say(f, "port del q0");
}

static void addresses_are_learned(void **state)
{
	struct fixture *f = *state;

	saw(f, "q0", 10, 1);
	assert_true(is_at(f, 10, 1, "q0"));
	assert_int_equal(entry_of(f, 10, 1)->origin, ORIGIN_LEARNED);
	saw(f, "q0", 20, 2); /* q0 is not in VLAN 20 */
	assert_null(entry_of(f, 20, 2));
	say(f, "port set q1 learning off");
	saw(f, "q1", 10, 3);
	assert_null(entry_of(f, 10, 3));
	say(f, "port set q1 learning on");
	saw(f, "q1", 10, 1); /* moved */
	assert_true(is_at(f, 10, 1, "q1"));
	say(f, "bridge fdb add 0a:00:00:00:00:01 dev q0"); /* what is learned gives way */
	assert_true(is_at(f, 10, 1, "q0"));
	saw(f, "q1", 10, 1); /* static ones stay */
	assert_true(is_at(f, 10, 1, "q0"));
	saw(f, "q1", 10, 4);
	say(f, "port set q1 down"); /* who was behind it may turn up elsewhere */
	assert_null(entry_of(f, 10, 4));
	assert_true(is_at(f, 10, 1, "q0"));
}

static void learning_is_limited(void **state)
{
	struct fixture *f = *state;

	say(f, "port set q0 learning-limit 3");
	for (unsigned int i = 1; i <= 5; i++)
		saw(f, "q0", 10, i);
	assert_non_null(entry_of(f, 10, 3));
	assert_null(entry_of(f, 10, 4));
	json_t *rows = show(f, "bridge show br0");
	json_t *port = json_array_get(json_object_get(json_array_get(rows, 0), "ports"), 0);
	assert_string_equal(json_string_value(json_object_get(port, "dev")), "q0");
	assert_int_equal(json_integer_value(json_object_get(port, "learned")), 3);
	assert_int_equal(json_integer_value(json_object_get(port, "learning_limit")), 3);
	assert_int_equal(json_integer_value(json_object_get(port, "limited")), 2);
	json_decref(rows);
	assert_int_equal(f->model->counters.fdb_limited, 2);
	saw(f, "q1", 10, 4); /* another port's limit is its own */
	assert_non_null(entry_of(f, 10, 4));
	saw(f, "q0", 10, 4); /* nor does it take another's */
	assert_true(is_at(f, 10, 4, "q1"));
	saw(f, "q1", 10, 1); /* one moves away: there is room again */
	saw(f, "q0", 10, 5);
	assert_non_null(entry_of(f, 10, 5));
}

static void learned_ones_are_flushed(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge fdb add 0a:00:00:00:00:09 dev q0");
	saw(f, "q0", 10, 1);
	saw(f, "q1", 10, 2);
	saw(f, "q1", 20, 2);
	refused(f, "bridge fdb flush b9", "bridge b9 does not exist");
	refused(f, "bridge fdb flush br0 dev q3", "port q3 is not in bridge br0");
	refused(f, "bridge fdb flush br0 vlan 99", "bridge br0 has no VLAN 99");
	say(f, "bridge fdb flush br0 dev q1 vlan 20");
	assert_null(entry_of(f, 20, 2));
	assert_non_null(entry_of(f, 10, 2));
	say(f, "bridge fdb flush br0 dev q1");
	assert_null(entry_of(f, 10, 2));
	assert_non_null(entry_of(f, 10, 1));
	saw(f, "q1", 10, 2);
	saw(f, "q1", 20, 2);
	say(f, "bridge fdb flush br0 vlan 10");
	assert_null(entry_of(f, 10, 1));
	assert_null(entry_of(f, 10, 2));
	assert_non_null(entry_of(f, 20, 2));
	say(f, "bridge fdb flush br0");
	assert_null(entry_of(f, 20, 2));
	assert_true(is_at(f, 10, 9, "q0")); /* not learned */
	char *text = configuration(f);
	assert_null(strstr(text, "flush"));
	free(text);
}

static void moves_are_damped(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 6; i++)
		saw(f, i % 2 != 0 ? "q1" : "q0", 10, 1);
	assert_true(is_at(f, 10, 1, "q1"));
	saw(f, "q0", 10, 1); /* the sixth move within ten seconds */
	assert_true(is_at(f, 10, 1, "q1"));
	assert_true(entry_of(f, 10, 1)->flags & FDB_DAMPED);
	wait_seconds(f, 9);
	saw(f, "q0", 10, 1);
	assert_true(is_at(f, 10, 1, "q1"));
	wait_seconds(f, 1);
	saw(f, "q0", 10, 1);
	assert_true(is_at(f, 10, 1, "q0"));
	assert_false(entry_of(f, 10, 1)->flags & FDB_DAMPED);
}

/* Each move is told of, damping once, and in a minute never more than so many: the rest as a sum. */
static void moves_are_told_of(void **state)
{
	struct fixture *f = *state;
	const uint64_t *told = &f->model->events.of_kind[EVENT_MAC];

	for (unsigned int i = 0; i < 6; i++)
		saw(f, i % 2 != 0 ? "q1" : "q0", 10, 1);
	assert_int_equal(*told, 5);
	json_t *rows = show(f, "show events kind mac");
	json_t *row = json_array_get(rows, 4);
	assert_string_equal(json_string_value(json_object_get(row, "object")), "q1");
	assert_string_equal(json_string_value(json_object_get(row, "text")),
			    "bridge br0 vlan 10: 0a:00:00:00:00:01 moved here from q0");
	json_decref(rows);
	for (unsigned int i = 0; i < 100; i++)
		saw(f, "q0", 10, 1);
	assert_int_equal(*told, 6);
	rows = show(f, "show events kind mac count 1");
	row = json_array_get(rows, 0);
	assert_string_equal(json_string_value(json_object_get(row, "object")), "q1");
	assert_string_equal(json_string_value(json_object_get(row, "text")),
			    "bridge br0 vlan 10: 0a:00:00:00:00:01 moves too often, held here "
			    "against q0");
	json_decref(rows);
	for (unsigned int i = 100; i < 200; i++) {
		saw(f, "q0", 10, i);
		saw(f, "q1", 10, i);
	}
	assert_true(is_at(f, 10, 199, "q1"));
	assert_int_equal(*told, 6 + 11); /* 16 moves in all */
	wait_seconds(f, 59);
	saw(f, "q0", 10, 199);
	assert_int_equal(*told, 6 + 11);
	wait_seconds(f, 1);
	assert_int_equal(*told, 6 + 12);
	rows = show(f, "show events kind mac count 1");
	row = json_array_get(rows, 0);
	assert_null(json_object_get(row, "object"));
	assert_string_equal(
		json_string_value(json_object_get(row, "text")),
		"90 more moves and 0 more addresses held not told of, within 60 seconds");
	json_decref(rows);
	saw(f, "q1", 10, 199);
	assert_int_equal(*told, 6 + 13);
	wait_seconds(f, 60); /* nothing to sum up */
	assert_int_equal(*told, 6 + 13);
	for (unsigned int i = 0; i < 20; i++) /* loops go on */
		for (unsigned int number = 300; number < 320; number++)
			saw(f, i % 2 != 0 ? "q1" : "q0", 10, number);
	assert_int_equal(*told, 6 + 13 + 16 + 16);
	wait_seconds(f, 60);
	rows = show(f, "show events kind mac count 1");
	row = json_array_get(rows, 0);
	assert_string_equal(
		json_string_value(json_object_get(row, "text")),
		"84 more moves and 4 more addresses held not told of, within 60 seconds");
	json_decref(rows);
}

static void addresses_age(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge set br0 ageing 20s");
	saw(f, "q0", 10, 1);
	saw(f, "q0", 10, 2);
	say(f, "bridge fdb add 0a:00:00:00:00:03 dev q0");
	wait_seconds(f, 19);
	assert_non_null(entry_of(f, 10, 1));
	atomic_store(&f->instance.state->fdb_hit[0][entry_of(f, 10, 2)->hit],
		     (uint32_t)word_load(&model_tables(f->model)->control.tick));
	wait_seconds(f, 1);
	assert_null(entry_of(f, 10, 1));
	assert_non_null(entry_of(f, 10, 2));
	wait_seconds(f, 18);
	assert_non_null(entry_of(f, 10, 2));
	wait_seconds(f, 1);
	assert_null(entry_of(f, 10, 2));
	assert_non_null(entry_of(f, 10, 3));
}

/* A control plane that restarts keeps slots and what was learned; what does not fit any more goes. */
static void restart_keeps_addresses(void **state)
{
	struct fixture *f = *state;

	saw(f, "q1", 10, 1);
	saw(f, "q2", 20, 2);
	say(f, "bridge fdb add 0a:00:00:00:00:03 dev q1 vlan 20");
	unsigned int q1 = interface_find(f->model, "q1")->member->slot;
	uint64_t mac = interface_find(f->model, "br0")->mac;
	uint64_t port_object =
		word_load(&model_tables(f->model)->interface[row_of(f, "q1")].bridge_port);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	stop_clock(f);
	say(f, "bridge add br0 vlan 10");
	say(f,
	    "port add q1 devargs net_null1 bridge br0 trunk 10,20-30 native 10"); /* q0 is gone */
	say(f, "port add q2 devargs net_null2 bridge br0 vlan 21 isolated on");
	say(f, "bridge fdb add 0a:00:00:00:00:03 dev q1 vlan 20");
	model_settle(f->model);
	model_poll(f->model);
	assert_int_equal(interface_find(f->model, "q1")->member->slot, q1);
	assert_int_equal(interface_find(f->model, "br0")->mac, mac);
	assert_int_equal(word_load(&model_tables(f->model)->interface[row_of(f, "q1")].bridge_port),
			 port_object);
	assert_true(is_at(f, 10, 1, "q1"));
	assert_int_equal(entry_of(f, 10, 1)->origin, ORIGIN_LEARNED);
	assert_int_equal(entry_of(f, 20, 3)->origin, ORIGIN_STATIC);
	assert_null(entry_of(f, 20, 2)); /* its port left the VLAN */
	wait_seconds(f, 299);
	assert_true(is_at(f, 10, 1, "q1"));
	wait_seconds(f, 2);
	assert_null(entry_of(f, 10, 1)); /* nobody heard of it since */
}

/* Each hit index is free once or has one address, also when a journal takes addresses back. */
static void replay_keeps_hits(void **state)
{
	struct fixture *f = *state;

	model_end(f);
	model_begin(f, HEAP_SIZE);
	stop_clock(f);
	configure(f);
	for (unsigned int i = 0; i < 3; i++) {
		say(f, "bridge fdb add 0a:00:00:00:00:03 dev q0");
		say(f, "bridge fdb add 0a:00:00:00:00:04 dev q0");
		say(f, "bridge fdb del 0a:00:00:00:00:03 dev q0");
		say(f, "bridge fdb del 0a:00:00:00:00:04 dev q0");
	}
	say(f, "bridge fdb add 0a:00:00:00:00:05 dev q0");
	model_settle(f->model);
	model_poll(f->model);
	assert_int_equal(f->model->fdb->free_count + f->model->fdb->count, FDB_MAX);
	say(f, "bridge fdb add 0a:00:00:00:00:03 dev q0");
	say(f, "bridge fdb del 0a:00:00:00:00:03 dev q0");
	model_poll(f->model);
	assert_int_equal(f->model->fdb->free_count + f->model->fdb->count, FDB_MAX);
}

/* Nothing is changed of a port that finds no room, and nothing is left of one that is new. */
static void full_bridges_refuse(void **state)
{
	struct fixture *f = *state;
	struct bridge_object *bridge = interface_find(f->model, "br0")->bridge;

	for (unsigned int slot = SLOT_OWN + 1; slot < BRIDGE_SLOTS; slot++)
		if (bridge->slot[slot] == NULL)
			bridge->slot_use[slot] = ROW_USED;
	refused(f, "port set q3 down mtu 1400 bridge br0", "bridge br0 is full");
	const struct interface_object *port = interface_find(f->model, "q3");
	assert_true(port->settings.up && port->settings.mtu == 0 && port->member == NULL);
	refused(f, "port add q4 devargs net_null4 bridge br0", "bridge br0 is full");
	assert_null(interface_find(f->model, "q4"));
	refused(f, "tunnel add t4 mode gretap local 10.0.0.1 remote 10.0.0.2 bridge br0",
		"bridge br0 is full");
	say(f, "port set q0 isolated on"); /* it has its slot */
}

static void configuration_is_complete(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge set br0 unknown-unicast drop ageing 10s lladdr 02:00:00:00:00:42");
	say(f, "port set q2 storm-broadcast 100 learning-limit 5");
	say(f, "bridge fdb add 0a:00:00:00:00:03 dev q1 vlan 20");
	char *text = configuration(f);
	assert_non_null(strstr(text, "bridge add br0 vlan 10 lladdr 02:00:00:00:00:42 ageing 10s "
				     "unknown-unicast drop\n"));
	assert_non_null(strstr(text, "bridge br0 trunk 10,20-30 native 10\n"));
	assert_non_null(strstr(text, "bridge br0 vlan 20 isolated on learning-limit 5 "
				     "storm-broadcast 100\n"));
	assert_non_null(strstr(text, "bridge fdb add 0a:00:00:00:00:03 dev q1 vlan 20\n"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(vlans_are_published, start, fixture_remove),
		cmocka_unit_test_setup_teardown(commands_are_refused, start, fixture_remove),
		cmocka_unit_test_setup_teardown(addresses_are_learned, start, fixture_remove),
		cmocka_unit_test_setup_teardown(learning_is_limited, start, fixture_remove),
		cmocka_unit_test_setup_teardown(learned_ones_are_flushed, start, fixture_remove),
		cmocka_unit_test_setup_teardown(moves_are_damped, start, fixture_remove),
		cmocka_unit_test_setup_teardown(moves_are_told_of, start, fixture_remove),
		cmocka_unit_test_setup_teardown(addresses_age, start, fixture_remove),
		cmocka_unit_test_setup_teardown(restart_keeps_addresses, start, fixture_remove),
		cmocka_unit_test_setup_teardown(replay_keeps_hits, start, fixture_remove),
		cmocka_unit_test_setup_teardown(full_bridges_refuse, start, fixture_remove),
		cmocka_unit_test_setup_teardown(configuration_is_complete, start, fixture_remove),
	};
	return cmocka_run_group_tests_name("bridge", tests, NULL, NULL);
}
