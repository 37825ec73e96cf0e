/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Rows of tunnels: one that was given back rests before another tunnel gets it; the clock is the test's.
 */
#include "dataplane/shm/tunnel.h"
#include "controlplane/object/model.h"
#include "model-fixture.h"

static uint64_t now;

static uint64_t stopped(void)
{
	return now;
}

static uint32_t add(struct fixture *f, unsigned int number)
{
	char line[128], name[16];

	snprintf(name, sizeof(name), "t%u", number);
	snprintf(line, sizeof(line), "tunnel add %s mode gre local 10.0.0.1 remote 10.0.0.2 key %u",
		 name, number);
	say(f, line);
	return interface_find(f->model, name)->index;
}

static void del(struct fixture *f, unsigned int number)
{
	char line[32];

	snprintf(line, sizeof(line), "tunnel del t%u", number);
	say(f, line);
	for (unsigned int i = 0; i < 4; i++) /* two grace periods are over: nobody is online */
		model_poll(f->model);
}

static void rows_rest(void **state)
{
	struct fixture *f = *state;

	now = 1000000000ull;
	f->model->clock = stopped;
	uint32_t first = add(f, 1), second = add(f, 2);
	assert_int_equal(second, first + 1);
	del(f, 1);
	assert_int_equal(add(f, 3), first + 2);
	now += TUNNEL_SEQUENCE_RESTART * 1000000000ull;
	assert_int_equal(add(f, 4), first + 3);
	now += 1;
	assert_int_equal(add(f, 5), first);
	/* in the order in which they came back */
	del(f, 4);
	del(f, 2);
	now += TUNNEL_SEQUENCE_RESTART * 1000000000ull + 1;
	assert_int_equal(add(f, 6), first + 3);
	assert_int_equal(add(f, 7), second);
	assert_int_equal(add(f, 8), first + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(rows_rest, fixture_ports, fixture_remove),
	};
	return cmocka_run_group_tests_name("model: rows", tests, NULL, NULL);
}
