/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model-fixture.h"

enum { HEAP_SIZE = 256 << 20, SMALL_HEAP = 24 << 20 };

const uint8_t port_macs[2][6] = { { 2, 0, 0, 0, 0, 0x10 }, { 2, 0, 0, 0, 0, 0x11 } };

void model_begin(struct fixture *fixture, uint64_t heap_size)
{
	char error[REGION_ERROR_SIZE] = "";
	int result = model_open(&fixture->model, &fixture->instance.place, heap_size, error);

	if (result != 0)
		fail_msg("model_open: %d %s", result, error);
}

void model_end(struct fixture *fixture)
{
	model_close(fixture->model);
	fixture->model = NULL;
}

static struct fixture *make(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	*state = fixture;
	fixture->arguments = calloc(1, sizeof(*fixture->arguments));
	fixture->undo = calloc(1, sizeof(*fixture->undo));
	instance_directory(&fixture->instance);
	return fixture;
}

static int make_settled(void **state, uint64_t heap_size)
{
	struct fixture *fixture = make(state);

	model_begin(fixture, heap_size);
	model_settle(fixture->model);
	return 0;
}

int fixture_empty(void **state)
{
	return make_settled(state, HEAP_SIZE);
}

int fixture_small(void **state)
{
	return make_settled(state, SMALL_HEAP);
}

int fixture_ports(void **state)
{
	make_settled(state, HEAP_SIZE);
	struct fixture *fixture = *state;
	dataplane_begin(fixture);
	say(fixture, "port add p0 devargs net_null0 mpls on");
	say(fixture, "port add p1 devargs net_null1 mpls on");
	say(fixture, "address add 10.0.0.1/24 dev p0");
	say(fixture, "address add 10.0.1.1/24 dev p1");
	say(fixture, "neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev p0");
	say(fixture, "neigh add 10.0.1.2 lladdr 02:00:00:00:00:03 dev p1");
	dataplane_answers(fixture, 0, port_macs[0], true);
	dataplane_answers(fixture, 1, port_macs[1], true);
	model_poll(fixture->model);
	return 0;
}

int fixture_remove(void **state)
{
	struct fixture *fixture = *state;

	model_end(fixture);
	if (fixture->instance.state != NULL)
		dataplane_end(fixture);
	instance_remove(&fixture->instance);
	free(fixture->arguments);
	free(fixture->undo);
	free(fixture);
	return 0;
}

void parse(struct fixture *fixture, const char *line)
{
	fixture->error.text[0] = 0;
	if (command_parse(line, fixture->arguments, &fixture->error) != 0)
		fail_msg("%s: does not parse: %s", line, fixture->error.text);
}

void say(struct fixture *fixture, const char *line)
{
	parse(fixture, line);
	int result = model_execute(fixture->model, fixture->arguments, &fixture->error);
	if (result != 0)
		fail_msg("%s: %d %s", line, result, fixture->error.text);
}

void refused(struct fixture *fixture, const char *line, const char *text)
{
	parse(fixture, line);
	int result = model_execute(fixture->model, fixture->arguments, &fixture->error);
	if (result == 0)
		fail_msg("%s: was accepted, expected: %s", line, text);
	assert_true(result < 0);
	assert_int_equal(fixture->error.kind, ERROR_REFUSED);
	if (strstr(fixture->error.text, text) == NULL)
		fail_msg("%s: refused with: %s; expected: %s", line, fixture->error.text, text);
}

void dataplane_begin(struct fixture *fixture)
{
	struct instance *instance = &fixture->instance;
	char error[REGION_ERROR_SIZE];
	bool created;

	assert_int_equal(region_own(&instance->state_region, &instance->place, REGION_STATE, 0,
				    &created, error),
			 0);
	instance->state = instance->state_region.base;
	counter_add(&instance->state->control.generation, 1);
	assert_int_equal(region_allocate_workers(&instance->state_region, 1), 0);
	assert_int_equal(region_allocate_labels(&instance->state_region, 1, 0), 0);
	word_store(&instance->state->control.spaces_ready, 1);
	word_store(&instance->state->control.worker_count, 1);
	word_store(&instance->state->control.interfaces_ready, INTERFACE_FIRST_TUNNEL);
	word_store(&instance->state->control.workers_running, 1);
	model_poll(fixture->model);
	assert_true(model_dataplane_alive(fixture->model));
}

void dataplane_end(struct fixture *fixture)
{
	region_close(&fixture->instance.state_region);
	fixture->instance.state_region.fd = -1;
	fixture->instance.state = NULL;
}

void dataplane_answers(struct fixture *fixture, unsigned int port, const uint8_t mac[6], bool link)
{
	const struct tables *tables = model_tables(fixture->model);
	uint64_t offset = word_load(&tables->port[port].wish);
	struct port_status *status = &fixture->instance.state->port[port];

	assert_true(offset != 0);
	const struct port_wish *wish = tables_object(tables, offset);
	counter_add(&status->sequence, 1);
	status->generation = wish->generation;
	status->identity = wish->identity;
	status->condition = PORT_RUNNING;
	status->link_up = link;
	status->speed_mbps = 10000;
	memcpy(status->mac, mac, 6);
	snprintf(status->driver, sizeof(status->driver), "net_null");
	counter_add(&status->sequence, 1);
	atomic_store(&fixture->instance.state->port_live[port], link);
	model_poll(fixture->model);
}

struct text {
	char *string;
	size_t used;
};

static int append_line(void *context, const struct arguments *arguments)
{
	struct text *text = context;
	static char line[64 * GROUP_MEMBER_MAX];
	int length = command_to_text(arguments, line, sizeof(line));

	assert_true(length > 0);
	text->string = realloc(text->string, text->used + (size_t)length + 2);
	memcpy(text->string + text->used, line, (size_t)length);
	text->used += (size_t)length;
	text->string[text->used++] = '\n';
	text->string[text->used] = 0;
	return 0;
}

char *configuration(struct fixture *fixture)
{
	struct text text = { calloc(1, 1), 0 };

	assert_int_equal(model_configuration(fixture->model, append_line, &text), 0);
	return text.string;
}

void inverse_of(struct fixture *fixture, const char *line)
{
	char *before = configuration(fixture);

	parse(fixture, line);
	int result = model_inverse(fixture->model, fixture->arguments, fixture->undo);
	if (result != 0)
		fail_msg("%s: no inverse: %d", line, result);
	say(fixture, line);
	char *between = configuration(fixture);
	if (strcmp(before, between) == 0)
		fail_msg("%s: changed nothing", line);
	if (model_execute(fixture->model, fixture->undo, &fixture->error) != 0)
		fail_msg("%s: undo: %s", line, fixture->error.text);
	char *after = configuration(fixture);
	if (strcmp(before, after) != 0)
		fail_msg("%s: before:\n%safter its undo:\n%s", line, before, after);
	free(before);
	free(between);
	free(after);
}

static json_t *look(struct fixture *fixture, const char *line)
{
	struct view view = { model_tables(fixture->model), model_state(fixture->model),
			     fixture->model, model_tables_region(fixture->model),
			     model_state_region(fixture->model) };

	parse(fixture, line);
	return view_show(&view, fixture->arguments, &fixture->error);
}

json_t *show(struct fixture *fixture, const char *line)
{
	json_t *result = look(fixture, line);

	if (result == NULL)
		fail_msg("%s: %s", line, fixture->error.text);
	return result;
}

void show_refused(struct fixture *fixture, const char *line, const char *text)
{
	if (look(fixture, line) != NULL)
		fail_msg("%s: answered; expected: %s", line, text);
	if (strstr(fixture->error.text, text) == NULL)
		fail_msg("%s: refused with: %s; expected: %s", line, fixture->error.text, text);
}

uint64_t packets_of(struct fixture *fixture, uint32_t label)
{
	char line[32];
	json_int_t count;
	json_t *rows;

	snprintf(line, sizeof(line), "mpls show %u", label);
	rows = show(fixture, line);
	count = json_integer_value(json_object_get(json_array_get(rows, 0), "packets"));
	json_decref(rows);
	return (uint64_t)count;
}

uint64_t word_of(struct fixture *fixture, uint32_t label)
{
	return label_get(model_tables(fixture->model), 0, label);
}

const struct rewrite *rewrite_of(struct fixture *fixture, uint32_t nexthop)
{
	const struct tables *tables = model_tables(fixture->model);
	uint64_t word = word_load(&tables->nexthop[nexthop]);

	assert_int_not_equal(nexthop_kind(word), NEXTHOP_FREE);
	return tables_object(tables, word & NEXTHOP_OFFSET_MASK);
}
