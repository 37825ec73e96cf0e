/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Labels, nexthops, groups, label spaces and ports: random changes against a plain model while a
 * thread reads as a worker does (tables-reader.h). Run under ThreadSanitizer too.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "instance.h"
#include "tables-reader.h"

enum {
	HEAP_SIZE = 128 << 20,
	NEXTHOPS = 96, /* rows of the model, not indexes */
	GROUPS = 24,
	CHECK_EVERY = 5000,
#ifdef __SANITIZE_THREAD__
	STEPS = 120000,
#else
	STEPS = 1000000,
#endif
	TURNS = 2000, /* of the reader, at least */
};

/* ---------------------------------------------------------------- the writer's model */

struct model_nexthop {
	uint32_t index; /* 0: not there */
	uint32_t identity;
	uint32_t references;
	struct rewrite rewrite;
};

struct model_group {
	uint32_t index; /* 0: not there */
	uint32_t references;
	uint32_t family;
	struct group_members members;
	uint32_t row[GROUP_MEMBER_MAX]; /* of the members in the model */
};

struct model_label {
	uint64_t entry;
	bool group;
	uint32_t row;
};

struct writer {
	struct instance instance;
	struct nexthop_pool *pool;
	uint32_t seed;
	uint32_t identities; /* ever given */
	uint64_t reused, refused;
	bool space[SPACES];
	struct model_label label[SPACES][LABELS];
	struct model_nexthop nexthop[NEXTHOPS];
	struct model_group group[GROUPS];
	uint64_t port[PORTS]; /* generation of the wish, 0: none */
};

static uint32_t chance(struct writer *writer, uint32_t below)
{
	return random_number(&writer->seed) % below;
}

/* A full heap waits for the reader, and changes nothing. */
static bool done(struct writer *writer, int result)
{
	if (result == 0)
		return true;
	assert_int_equal(result, -ENOSPC);
	writer->refused++;
	sched_yield();
	return false;
}

static void change_nexthop(struct writer *writer)
{
	struct model_nexthop *nexthop = &writer->nexthop[chance(writer, NEXTHOPS)];
	enum nexthop_kind kind = NEXTHOP_FORWARD + chance(writer, 3);

	if (nexthop->index != 0 && nexthop->references == 0 && chance(writer, 2) == 0) {
		nexthop_remove(writer->pool, nexthop->index);
		assert_int_equal(word_load(&writer->instance.tables->nexthop[nexthop->index]), 0);
		nexthop->index = 0;
		return;
	}
	uint32_t identity = nexthop->index != 0 ? nexthop->identity : ++writer->identities;
	struct rewrite rewrite = make_rewrite(identity, random_number(&writer->seed), kind);
	int result = nexthop->index != 0
			     ? nexthop_set(writer->pool, nexthop->index, kind, &rewrite)
			     : nexthop_add(writer->pool, kind, &rewrite, &nexthop->index);
	if (!done(writer, result))
		return;
	nexthop->identity = identity;
	nexthop->rewrite = rewrite;
}

/* Random members of this family; count 0 if there are none. */
static void choose_members(struct writer *writer, struct model_group *group)
{
	uint32_t salt = 1 + chance(writer, 9), first = chance(writer, NEXTHOPS);

	group->members = (struct group_members){ 0 };
	for (uint32_t i = 0; i < NEXTHOPS && group->members.count < 8; i++) {
		uint32_t row = (first + i) % NEXTHOPS, count = group->members.count;
		const struct model_nexthop *nexthop = &writer->nexthop[row];
		if (nexthop->index == 0 || nexthop->identity % FAMILIES != group->family ||
		    chance(writer, 3) == 0)
			continue;
		group->members.member[count].nexthop = nexthop->index;
		group->members.member[count].weight =
			count == 0 ? salt : weight_of(salt, nexthop->index);
		group->row[count] = row;
		group->members.count++;
	}
}

static void refer_to_members(struct writer *writer, const struct model_group *group, uint32_t by)
{
	for (uint32_t i = 0; i < group->members.count; i++)
		writer->nexthop[group->row[i]].references += by;
}

static void change_group(struct writer *writer)
{
	struct model_group *group = &writer->group[chance(writer, GROUPS)];
	struct model_group next = *group;

	if (group->index != 0 && group->references == 0 && chance(writer, 2) == 0) {
		group_remove(writer->pool, group->index);
		assert_int_equal(word_load(&writer->instance.tables->group_members[group->index]),
				 0);
		refer_to_members(writer, group, UINT32_MAX);
		group->index = 0;
		return;
	}
	if (group->index == 0)
		next = (struct model_group){ .family = chance(writer, FAMILIES) };
	choose_members(writer, &next);
	if (next.members.count == 0)
		return;
	int result = next.index != 0 ? group_set(writer->pool, next.index, &next.members)
				     : group_add(writer->pool, &next.members, &next.index);
	if (!done(writer, result))
		return;
	refer_to_members(writer, &next, 1);
	if (group->index != 0)
		refer_to_members(writer, group, UINT32_MAX);
	*group = next;
}

/* The model's half of a label's removal. */
static void forget_label(struct writer *writer, struct model_label *label)
{
	if (label->entry == 0)
		return;
	if (label->group)
		writer->group[label->row].references--;
	else
		writer->nexthop[label->row].references--;
	label->entry = 0;
}

static void change_label(struct writer *writer)
{
	unsigned int space = chance(writer, SPACES);
	uint32_t i = chance(writer, LABELS), label = LABEL_FIRST_FREE + i;
	struct model_label next = { .group = chance(writer, 2) == 0 };

	next.row = chance(writer, next.group ? GROUPS : NEXTHOPS);
	const struct model_nexthop *nexthop = &writer->nexthop[next.row];
	const struct model_group *group = &writer->group[next.group ? next.row : 0];
	if (!writer->space[space] || (next.group ? group->index : nexthop->index) == 0)
		return;
	if (chance(writer, 3) != 0)
		next.entry =
			next.group
				? make_entry(space, label, group->index, group->family, LABEL_GROUP)
				: make_entry(space, label, nexthop->index, nexthop->identity, 0);
	bool differs = next.entry != writer->label[space][i].entry;
	assert_int_equal(label_set(writer->instance.tables, space, label, next.entry), differs);
	forget_label(writer, &writer->label[space][i]);
	writer->label[space][i] = next;
	if (next.entry == 0)
		return;
	if (next.group)
		writer->group[next.row].references++;
	else
		writer->nexthop[next.row].references++;
}

static void change_space(struct writer *writer)
{
	unsigned int space = chance(writer, SPACES);
	struct instance *instance = &writer->instance;

	if (!writer->space[space]) {
		writer->space[space] =
			done(writer, label_space_create(instance->tables, instance->heap, space));
		return;
	}
	label_space_destroy(instance->tables, instance->heap, space);
	writer->space[space] = false;
	for (uint32_t i = 0; i < LABELS; i++)
		forget_label(writer, &writer->label[space][i]);
}

static void change_port(struct writer *writer)
{
	unsigned int port = chance(writer, PORTS);
	uint64_t generation = chance(writer, 4) == 0 ? 0 : 1 + chance(writer, 1 << 20);
	struct port_wish wish = make_wish(port, generation);

	if (done(writer, port_wish_set(writer->instance.tables, writer->instance.heap, port,
				       generation == 0 ? NULL : &wish)))
		writer->port[port] = generation;
}

static void step(struct writer *writer)
{
	uint32_t kind = chance(writer, 1000);

	if (kind < 500)
		change_label(writer);
	else if (kind < 750)
		change_nexthop(writer);
	else if (kind < 930)
		change_group(writer);
	else if (kind < 999)
		change_port(writer);
	else
		change_space(writer);
	writer->reused += heap_reclaim(writer->instance.heap);
}

/* ---------------------------------------------------------------- the tables are as the model */

static void check_group(const struct tables *tables, const struct model_group *group)
{
	const struct group_members *found =
		tables_object(tables, word_load(&tables->group_members[group->index]));
	uint32_t has[GROUP_MEMBER_MAX] = { 0 }, buckets = 0, weights = 0;

	assert_memory_equal(found, &group->members, sizeof(*found));
	for (uint32_t i = 0; i < found->count; i++) {
		weights += found->member[i].weight;
		for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
			has[i] += tables->group[group->index].bucket[b] == found->member[i].nexthop;
		buckets += has[i];
	}
	assert_int_equal(buckets, GROUP_BUCKETS);
	for (uint32_t i = 0; i < found->count; i++) {
		uint32_t share = GROUP_BUCKETS * found->member[i].weight;
		assert_in_range(has[i], share / weights, (share + weights - 1) / weights);
	}
}

static void check(const struct writer *writer)
{
	const struct tables *tables = writer->instance.tables;

	for (unsigned int space = 0; space < SPACES; space++) {
		assert_int_equal(word_load(&tables->label_space[space]) != 0, writer->space[space]);
		for (uint32_t i = 0; i < LABELS; i++)
			assert_int_equal(label_get(tables, space, LABEL_FIRST_FREE + i),
					 writer->label[space][i].entry);
	}
	for (unsigned int i = 0; i < NEXTHOPS; i++) {
		const struct model_nexthop *nexthop = &writer->nexthop[i];
		uint64_t word = word_load(&tables->nexthop[nexthop->index]);
		if (nexthop->index == 0)
			continue;
		assert_int_equal(nexthop_kind(word), nexthop->rewrite.flags);
		assert_memory_equal(nexthop_rewrite(tables, word), &nexthop->rewrite,
				    sizeof(struct rewrite));
	}
	for (unsigned int i = 0; i < GROUPS; i++)
		if (writer->group[i].index != 0)
			check_group(tables, &writer->group[i]);
	for (unsigned int port = 0; port < PORTS; port++) {
		uint64_t offset = word_load(&tables->port[port].wish);
		const struct port_wish *wish = tables_object(tables, offset);
		assert_int_equal(offset == 0 ? 0 : wish->generation, writer->port[port]);
		assert_true(offset == 0 || wish_good(port, wish));
	}
}

/* Remove everything: not a byte is left in use. */
static void remove_all(struct writer *writer)
{
	struct instance *instance = &writer->instance;
	struct heap_statistics statistics;

	for (unsigned int space = 0; space < SPACES; space++)
		if (writer->space[space])
			label_space_destroy(instance->tables, instance->heap, space);
	for (unsigned int i = 0; i < GROUPS; i++)
		group_remove(writer->pool, writer->group[i].index);
	for (unsigned int i = 0; i < NEXTHOPS; i++)
		nexthop_remove(writer->pool, writer->nexthop[i].index);
	for (unsigned int port = 0; port < PORTS; port++)
		assert_int_equal(port_wish_set(instance->tables, instance->heap, port, NULL), 0);
	heap_reclaim(instance->heap);
	heap_statistics(instance->heap, &statistics);
	assert_int_equal(statistics.used, 0);
	assert_int_equal(statistics.waiting_objects, 0);
}

/* ---------------------------------------------------------------- the test */

static void pause_for(long microseconds)
{
	const struct timespec time = { .tv_nsec = microseconds * 1000 };

	nanosleep(&time, NULL);
}

static void reader_beside_a_writer(void **state)
{
	struct writer *writer = *state;
	struct reader *reader = calloc(1, sizeof(*reader));
	pthread_t thread;

	assert_non_null(reader);
	reader->tables = writer->instance.tables;
	reader->worker = &writer->instance.state->worker[3];
	reader->seed = 77;
	assert_int_equal(pthread_create(&thread, NULL, read_as_worker, reader), 0);
	for (unsigned int i = 1; i <= STEPS || counter_read(&reader->turns) < TURNS; i++) {
		step(writer);
		if (i % CHECK_EVERY == 0)
			check(writer);
		if (i % 64 == 0 && chance(writer, 16) == 0)
			pause_for(50); /* a control plane rests, too: the reader's turns pass */
	}
	check(writer);
	atomic_store(&reader->stop, 1);
	pthread_join(thread, NULL);
	remove_all(writer);
	print_message(
		"%lu reuses (%lu refused); %lu turns, %lu rewrites, %lu groups, %lu wishes read; "
		"bad entries %lu, bad objects %lu, changed %lu\n",
		writer->reused, writer->refused, (uint64_t)reader->turns, reader->rewrites,
		reader->groups, reader->wishes, reader->bad_entry, reader->bad_object,
		reader->changed);
	assert_int_equal(reader->bad_entry, 0);
	assert_int_equal(reader->bad_object, 0);
	assert_int_equal(reader->changed, 0);
	assert_in_range(reader->rewrites, TURNS, UINT64_MAX);
	assert_in_range(reader->groups, TURNS / 10, UINT64_MAX);
	assert_in_range(reader->wishes, TURNS / 10, UINT64_MAX);
	assert_in_range(writer->reused, STEPS / 20, UINT64_MAX);
	free(reader);
}

static int set_up(void **state)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	writer->seed = 20260;
	instance_make(&writer->instance, HEAP_SIZE);
	writer->pool = nexthop_pool_new(writer->instance.tables, writer->instance.heap);
	*state = writer;
	return 0;
}

static int tear_down(void **state)
{
	struct writer *writer = *state;

	nexthop_pool_delete(writer->pool);
	instance_remove(&writer->instance);
	free(writer);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(reader_beside_a_writer, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
