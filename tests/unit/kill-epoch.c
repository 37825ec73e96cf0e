/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Grace periods under kill -9 of either side: what a worker holds inside a turn never changes, and an
 * index that it has read names what it named then, or nothing.
 *
 *	kill-epoch [KILLS]
 *
 * The writer is a control plane with the real heap, nexthop pool and label space: labels come and go,
 * each with a nexthop of its own whose rewrite says which label's it is. It restarts by claiming. The
 * reader is a data plane with one worker that goes from label to nexthop to rewrite, slowly now and then.
 */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/shm/epoch.h"
#include "instance.h"
#include "victim.h"

enum { LABELS = 64, HEAP_SIZE = 64 << 20, ASK_EVERY = 3000 };

struct count {
	/* the reader's */
	uint64_t turns, looked, changed, wrong_label, torn;
	/* the writer's */
	uint64_t writes, refused, ended, restarts;
};

struct context {
	struct instance instance;
	struct count *count;
};

static unsigned int kills;
static uint32_t seed;

static uint32_t random_number(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void give_up(const char *what)
{
	fprintf(stderr, "%s\n", what);
	_exit(1);
}

/* ---------------------------------------------------------------- the rewrite's content */

/* Every byte that tables_claim does not look at follows from the label and a serial number. */
static struct rewrite make_rewrite(uint32_t label, uint32_t serial)
{
	struct rewrite rewrite = { .header_length = 14, .label_count = STACK_MAX, .mtu = 1500 };

	for (unsigned int i = 0; i < STACK_MAX; i++)
		rewrite.label[i] = serial ^ (label << 8) ^ i * 0x01010101u;
	memcpy(rewrite.header, &label, 4);
	memcpy(rewrite.header + 4, &serial, 4);
	memset(rewrite.header + 8, (int)(serial & 0xff), sizeof(rewrite.header) - 8);
	memset(rewrite.via, (int)(serial >> 8 & 0xff), sizeof(rewrite.via));
	return rewrite;
}

static uint32_t rewrite_label(const struct rewrite *rewrite)
{
	uint32_t label;
	memcpy(&label, rewrite->header, 4);
	return label;
}

static bool whole(const struct rewrite *rewrite)
{
	uint32_t serial;
	memcpy(&serial, rewrite->header + 4, 4);
	struct rewrite expected = make_rewrite(rewrite_label(rewrite), serial);
	return memcmp(&expected, rewrite, sizeof(expected)) == 0;
}

/* ---------------------------------------------------------------- reader */

static void linger(void)
{
	/* mostly a moment; now and then as long as a control plane takes to restart and to reuse */
	uint32_t chance = random_number() % 4096;
	unsigned int turns = chance == 0 ? 5000000 : chance < 32 ? 300000 : 50;
	for (volatile unsigned int i = 0; i < turns; i++)
		;
}

static void look(const struct tables *tables, struct count *count)
{
	uint32_t label = LABEL_FIRST_FREE + random_number() % LABELS;
	uint64_t entry = label_get(tables, 0, label);

	if (entry == 0)
		return;
	linger();
	uint64_t word = word_load(&tables->nexthop[label_index(entry)]);
	if (nexthop_kind(word) == NEXTHOP_FREE)
		return; /* label and nexthop were removed since */
	const struct rewrite *rewrite = nexthop_rewrite(tables, word);
	linger();
	struct rewrite copy = *rewrite;
	count->torn += !whole(&copy);
	count->wrong_label += rewrite_label(&copy) != label;
	linger();
	count->changed += memcmp(&copy, rewrite, sizeof(copy)) != 0;
	count->looked++;
}

static void read_tables(void *argument)
{
	struct context *context = argument;
	char error[REGION_ERROR_SIZE];
	struct region state_region, tables_region;
	bool created;

	seed = (uint32_t)getpid();
	if (region_own(&state_region, &context->instance.place, REGION_STATE, 0, &created, error) !=
	    0)
		give_up(error);
	struct state *shared = state_region.base;
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		epoch_offline(&shared->worker[i]);
	counter_add(&shared->control.generation, 1);
	if (region_attach(&tables_region, &context->instance.place, REGION_TABLES, error) != 0)
		give_up(error);
	const struct tables *tables = tables_region.base;
	struct worker_state *worker = &shared->worker[random_number() % WORKER_MAX];
	epoch_online(tables, worker);
	for (;;) {
		epoch_report(tables, worker);
		for (unsigned int i = 0; i < 8; i++)
			look(tables, context->count);
		context->count->turns++;
		if (random_number() % 16 == 0) {
			epoch_offline(worker);
			sched_yield();
			epoch_online(tables, worker);
		}
	}
}

/* ---------------------------------------------------------------- writer */

struct writer {
	struct region tables_region, state_region;
	struct tables *tables;
	struct heap *heap;
	struct nexthop_pool *pool;
	struct count *count;
};

/* Nexthops that no label names: the process was killed between the two stores. */
static void collect(struct writer *writer)
{
	bool *named = calloc(NEXTHOP_MAX, sizeof(*named));

	for (uint32_t i = 0; i < LABELS; i++)
		named[label_index(label_get(writer->tables, 0, LABEL_FIRST_FREE + i))] = true;
	for (uint32_t i = 1; i < NEXTHOP_MAX; i++)
		if (!named[i])
			nexthop_remove(writer->pool, i);
	free(named);
}

/* Who reads? Asked every now and then only, as an event loop would. */
static void ask(struct writer *writer)
{
	bool alive = region_owner_alive(&writer->state_region);
	heap_set_state(writer->heap, alive ? writer->state_region.base : NULL);
}

static void start(struct writer *writer, struct context *context)
{
	char error[REGION_ERROR_SIZE];
	const struct region_place *place = &context->instance.place;
	bool created;

	writer->count = context->count;
	if (region_own(&writer->tables_region, place, REGION_TABLES, HEAP_SIZE, &created, error) !=
		    0 ||
	    region_attach(&writer->state_region, place, REGION_STATE, error) != 0)
		give_up(error);
	writer->tables = writer->tables_region.base;
	writer->heap = heap_new(&writer->tables_region);
	if (created || tables_claim(writer->tables, writer->heap) != 0)
		give_up("tables are lost or corrupt");
	ask(writer);
	heap_claimed(writer->heap);
	writer->pool = nexthop_pool_new(writer->tables, writer->heap);
	collect(writer);
	writer->count->restarts++;
}

static int change(struct writer *writer)
{
	uint32_t label = LABEL_FIRST_FREE + random_number() % LABELS;
	uint64_t entry = label_get(writer->tables, 0, label);
	struct rewrite rewrite = make_rewrite(label, random_number());
	uint32_t index = label_index(entry);

	if (entry != 0 && random_number() % 2 == 0)
		return nexthop_set(writer->pool, index, NEXTHOP_FORWARD, &rewrite);
	if (entry != 0) {
		label_set(writer->tables, 0, label, 0);
		nexthop_remove(writer->pool, index);
		return 0;
	}
	int result = nexthop_add(writer->pool, NEXTHOP_FORWARD, &rewrite, &index);
	if (result == 0)
		label_set(writer->tables, 0, label, label_entry(LABEL_SWAP, 100, index, 0));
	return result;
}

static void write_tables(void *argument)
{
	struct writer writer = { 0 };

	seed = (uint32_t)getpid();
	start(&writer, argument);
	for (unsigned int i = 1;; i++) {
		if (change(&writer) == 0)
			writer.count->writes++;
		else
			writer.count->refused++;
		writer.count->ended += heap_reclaim(writer.heap);
		if (i % ASK_EVERY == 0)
			ask(&writer);
	}
}

/* ---------------------------------------------------------------- the test */

/* All is claimed once more: nothing leaked, whatever the kills left behind. */
static void check_for_leaks(struct context *context)
{
	struct writer writer = { 0 };
	struct heap_statistics statistics;
	uint64_t expected = LABEL_COUNT * sizeof(uint64_t);

	start(&writer, context);
	heap_reclaim(writer.heap);
	for (uint32_t i = 0; i < LABELS; i++)
		if (label_get(writer.tables, 0, LABEL_FIRST_FREE + i) != 0)
			expected += sizeof(struct rewrite);
	heap_statistics(writer.heap, &statistics);
	assert_int_equal(statistics.waiting_objects, 0);
	assert_int_equal(statistics.used, expected);
	nexthop_pool_delete(writer.pool);
	heap_delete(writer.heap);
	region_close(&writer.state_region);
	region_close(&writer.tables_region);
}

static void nothing_reused_while_held(void **state)
{
	struct context context = { .count = shared_memory(sizeof(struct count)) };
	struct victim victim[2] = { { write_tables, &context, 0 }, { read_tables, &context, 0 } };
	struct count *count = context.count;

	(void)state;
	srand(2);
	instance_make(&context.instance, HEAP_SIZE);
	assert_int_equal(label_space_create(context.instance.tables, context.instance.heap, 0), 0);
	heap_delete(context.instance.heap);
	context.instance.heap = NULL;
	region_close(&context.instance.tables_region);
	region_close(&context.instance.state_region);
	victims_kill(victim, kills);
	victim_kill(&victim[0]);
	victim_kill(&victim[1]);
	check_for_leaks(&context);
	instance_remove(&context.instance);

	print_message(
		"%u kills a side: %lu restarts, %lu writes (%lu refused), %lu reuses; %lu turns, "
		"%lu rewrites read; torn %lu, changed %lu, of another label %lu\n",
		kills, count->restarts, count->writes, count->refused, count->ended, count->turns,
		count->looked, count->torn, count->changed, count->wrong_label);
	assert_int_equal(count->torn, 0);
	assert_int_equal(count->changed, 0);
	assert_int_equal(count->wrong_label, 0);
	/* they did work in between */
	assert_in_range(count->ended, 10 * kills, UINT64_MAX);
	assert_in_range(count->looked, 10 * kills, UINT64_MAX);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_reused_while_held) };

	kills = kills_wanted(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
