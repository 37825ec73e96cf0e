/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A batch that is undone while the room of what it deleted is still waiting for the data plane.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "controlplane/api/rpc.h"
#include "controlplane/api/unit.h"
#include "model-fixture.h"

static void execute(struct fixture *f, struct unit *unit, struct api *api, const char *line)
{
	parse(f, line);
	if (unit_execute(unit, api, f->arguments, line, &f->error))
		fail_msg("%s: %s", line, f->error.text);
}

static void fill_ports(struct fixture *f)
{
	char line[64];

	for (int i = 2; i < PORT_MAX; i++) {
		snprintf(line, sizeof(line), "port add q%d devargs net_null%d", i, i);
		say(f, line);
	}
}

static void undo_waits_for_room(void **state)
{
	struct fixture *f = *state;
	struct api api = { .model = f->model };
	struct unit unit = { 0 };
	char *before, *after;

	fill_ports(f);
	before = configuration(f);
	/* a worker that is at work, and has not come round yet */
	_Atomic uint64_t *seen = &f->instance.state->worker[0].seen;
	word_store(seen, word_load(&model_tables(f->model)->control.epoch));
	execute(f, &unit, &api, "mpls add 100 swap 200 via 10.0.0.2");
	execute(f, &unit, &api, "port del q63");
	assert_false(unit_undo(&unit, &api, queue_clock() + 1000000));
	assert_int_equal(unit.count, 2);
	word_store(seen, WORKER_OFFLINE);
	assert_true(unit_undo(&unit, &api, queue_clock() + 1000000000));
	after = configuration(f);
	assert_string_equal(before, after);
	free(before);
	free(after);
	unit_free(&unit);
}

/* Requests that the journal does not take: the loop goes on while they are undone. */
static void requests_are_undone_in_slices(void **state)
{
	static const char text[] =
		"[{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"port del\", \"params\": "
		"{\"name\": \"q63\"}}, "
		"{\"jsonrpc\": \"2.0\", \"id\": 2, \"method\": \"port del\", \"params\": "
		"{\"name\": \"q62\"}}]";
	struct fixture *f = *state;
	struct api api = { .model = f->model, .journal.fd = -1 };
	char *before, *after;

	fill_ports(f);
	before = configuration(f);
	_Atomic uint64_t *seen = &f->instance.state->worker[0].seen;
	word_store(seen, word_load(&model_tables(f->model)->control.epoch));
	struct rpc_job *request = rpc_handle(&api, NULL, PEER_OWNER, text, strlen(text));
	struct job *job = (struct job *)request;
	assert_non_null(job);
	uint64_t start = queue_clock();
	assert_false(job->step(job, start + 100000000));
	assert_true(queue_clock() - start < 2000000000);
	assert_true(job->exclusive);
	word_store(seen, WORKER_OFFLINE);
	assert_true(job->step(job, queue_clock() + 1000000000));
	after = configuration(f);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(undo_waits_for_room, fixture_ports, fixture_remove),
		cmocka_unit_test_setup_teardown(requests_are_undone_in_slices, fixture_ports,
						fixture_remove),
	};
	return cmocka_run_group_tests_name("undo", tests, NULL, NULL);
}
