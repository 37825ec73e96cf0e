/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A control plane that restarts: everything reachable is claimed, nothing leaks, freed indexes wait,
 * and a corrupt table is refused, never followed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/hash.h"
#include "dataplane/shm/traffic.h"
#include "instance.h"

enum { HEAP_SIZE = 128 << 20, LAST_INTERFACE = INTERFACE_MAX - 1 };

struct fixture {
	struct instance instance;
	struct nexthop_pool *pool;
	uint32_t nexthop[10];
	uint32_t group;
};

/* Something in every table. */
static void fill(struct fixture *fixture)
{
	struct instance *instance = &fixture->instance;
	struct tables *tables = instance->tables;
	struct group_members members = { .count = 10 };
	struct port_wish wish = { .name = "p0", .devargs = "net_null0", .generation = 1 };
	struct vlan_entry vlan = { .key = { 1, 2, 3 }, .interface = 4 };

	assert_int_equal(label_space_create(tables, instance->heap, 0), 0);
	assert_int_equal(traffic_baseline_set(instance->heap, &tables->label_baseline[0],
					      LABEL_COUNT, 16, 1, 2),
			 0);
	for (uint8_t i = 0; i < 10; i++) {
		struct rewrite rewrite = { .header_length = 14, .port = i };
		assert_int_equal(
			nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &fixture->nexthop[i]),
			0);
		members.member[i].nexthop = fixture->nexthop[i];
		members.member[i].weight = 1;
		label_set(tables, 0, 100u + i, label_entry(LABEL_SWAP, 5, fixture->nexthop[i], 0));
	}
	assert_int_equal(group_add(fixture->pool, &members, &fixture->group), 0);
	label_set(tables, 0, 99, label_entry(LABEL_SWAP, 5, fixture->group, LABEL_GROUP));
	assert_int_equal(port_wish_set(tables, instance->heap, 0, &wish), 0);
	assert_int_equal(interface_baseline_set(tables, instance->heap, 7, instance->state), 0);
	word_store(&tables->interface[LAST_INTERFACE].flags,
		   INTERFACE_VALID | (uint64_t)INTERFACE_VLAN << INTERFACE_KIND_SHIFT);
	assert_int_equal(
		hash_create(tables, instance->heap, HASH_VLAN, sizeof(vlan.key), sizeof(vlan), 10),
		0);
	assert_int_equal(hash_put(tables, instance->heap, HASH_VLAN, &vlan), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	instance_make(&fixture->instance, HEAP_SIZE);
	fixture->pool = nexthop_pool_new(fixture->instance.tables, fixture->instance.heap);
	fill(fixture);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	nexthop_pool_delete(fixture->pool);
	instance_remove(&fixture->instance);
	free(fixture);
	return 0;
}

static void restart(struct fixture *fixture)
{
	struct instance *instance = &fixture->instance;

	instance_restart_heap(instance);
	assert_int_equal(tables_claim(instance->tables, instance->heap), 0);
	assert_int_equal(hash_claim(instance->tables, instance->heap, HASH_VLAN), 0);
	heap_claimed(instance->heap);
	nexthop_pool_delete(fixture->pool);
	fixture->pool = nexthop_pool_new(instance->tables, instance->heap);
	assert_non_null(fixture->pool);
}

static uint64_t used(struct fixture *fixture)
{
	struct heap_statistics statistics;

	heap_reclaim(fixture->instance.heap);
	heap_statistics(fixture->instance.heap, &statistics);
	assert_int_equal(statistics.waiting, 0);
	return statistics.used;
}

static void nothing_leaks(void **state)
{
	struct fixture *fixture = *state;
	struct instance *instance = &fixture->instance;
	uint64_t before = used(fixture);

	/* killed between making an object and publishing it */
	assert_int_not_equal(heap_allocate(instance->heap, 5000), 0);
	assert_int_not_equal(heap_allocate(instance->heap, 5 << 20), 0);
	restart(fixture);
	assert_int_equal(used(fixture), before);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(nexthop_rewrite(instance->tables,
						 instance->tables->nexthop[fixture->nexthop[i]])
					 ->port,
				 i);
}

/* A worker may hold an index that was freed just before the control plane died. */
static void freed_indexes_wait_after_a_restart(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	struct worker_state *worker = &fixture->instance.state->worker[0];
	struct rewrite rewrite = { .header_length = 14 };
	uint32_t index;

	epoch_online(tables, worker);
	nexthop_remove(fixture->pool, fixture->nexthop[4]);
	restart(fixture);
	/* one that nobody ever had is given out at once */
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), 0);
	assert_int_equal(index, fixture->nexthop[9] + 1);
	epoch_report(tables, worker);
	heap_reclaim(fixture->instance.heap);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), 0);
	assert_int_equal(index, fixture->nexthop[4]);
}

static void refused(struct fixture *fixture, _Atomic uint64_t *word, uint64_t bad)
{
	struct instance *instance = &fixture->instance;
	uint64_t good = word_load(word);

	word_store(word, bad);
	instance_restart_heap(instance);
	if (tables_claim(instance->tables, instance->heap) != -EINVAL)
		fail_msg("word at %td: %#lx instead of %#lx was not refused",
			 (uint8_t *)word - (uint8_t *)instance->tables, bad, good);
	word_store(word, good);
}

static void corrupt_words_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	_Atomic uint64_t *label = (_Atomic uint64_t *)((uint8_t *)tables + tables->label_space[0]);
	uint64_t nexthop = tables->nexthop[fixture->nexthop[0]];
	uint64_t end = tables->control.heap_start + HEAP_SIZE;

	refused(fixture, &tables->label_space[0], 8);
	refused(fixture, &tables->label_space[0], end);
	refused(fixture, &tables->label_space[1], tables->label_space[0]);
	refused(fixture, &tables->label_space[0], end - HEAP_CHUNK);
	refused(fixture, &tables->label_baseline[63], UINT64_MAX);
	refused(fixture, &label[50], 1);
	refused(fixture, &label[50], label_entry(LABEL_SWAP, 1, NEXTHOP_MAX, 0));
	refused(fixture, &label[50], label_entry(LABEL_SWAP, 1, 0, 0));
	refused(fixture, &label[50], label_entry(LABEL_POP, 1, GROUP_MAX, LABEL_GROUP));
	refused(fixture, &label[LABEL_COUNT - 1], 9ull << LABEL_OPERATION_SHIFT);
	refused(fixture, &tables->nexthop[0], nexthop);
	refused(fixture, &tables->nexthop[11], nexthop);
	refused(fixture, &tables->nexthop[NEXTHOP_MAX - 1], nexthop_word(NEXTHOP_FORWARD, 64));
	refused(fixture, &tables->nexthop[fixture->nexthop[0]], nexthop + 8);
	refused(fixture, &tables->nexthop[fixture->nexthop[0]], nexthop | 1ull << 50);
	refused(fixture, &tables->nexthop[fixture->nexthop[0]], nexthop | 0xffull << 56);
	refused(fixture, &tables->nexthop[fixture->nexthop[0]], nexthop & NEXTHOP_OFFSET_MASK);
	refused(fixture, &tables->control.nexthop_used, 3);
	refused(fixture, &tables->control.nexthop_used, 0);
	refused(fixture, &tables->control.nexthop_used, UINT64_MAX);
	refused(fixture, &tables->control.group_used, 1);
	refused(fixture, &tables->control.group_used, GROUP_MAX + 1);
	refused(fixture, &tables->group_members[0], tables->group_members[fixture->group]);
	refused(fixture, &tables->group_members[fixture->group], end - 1024);
	refused(fixture, (_Atomic uint64_t *)&tables->group[fixture->group].bucket[0], UINT64_MAX);
	refused(fixture, &tables->port[5].wish, tables->port[0].wish);
	refused(fixture, &tables->port[5].wish, 1);
	refused(fixture, &tables->interface_baseline[0], tables->interface_baseline[7]);
	refused(fixture, &tables->interface[LAST_INTERFACE].flags,
		INTERFACE_VALID | 0xfull << INTERFACE_KIND_SHIFT);
	refused(fixture, &tables->interface[0].flags,
		INTERFACE_VALID | 200ull << INTERFACE_SPACE_SHIFT);
	refused(fixture, &tables->interface[0].flags,
		INTERFACE_VALID | 200ull << INTERFACE_PORT_SHIFT);
}

static void corrupt_objects_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	uint8_t *base = (uint8_t *)tables;
	struct group_members *members =
		(struct group_members *)(base + tables->group_members[fixture->group]);
	struct port_wish *wish = (struct port_wish *)(base + tables->port[0].wish);
	struct rewrite *rewrite = (struct rewrite *)(base + (tables->nexthop[fixture->nexthop[0]] &
							     NEXTHOP_OFFSET_MASK));
	_Atomic uint64_t *count = (_Atomic uint64_t *)&members->count;

	refused(fixture, count, 0);
	refused(fixture, count, UINT32_MAX);
	refused(fixture, (_Atomic uint64_t *)&members->member[0], NEXTHOP_MAX | 1ull << 32);
	refused(fixture, (_Atomic uint64_t *)&members->member[0], 1);
	rewrite->label_count = STACK_MAX + 1;
	refused(fixture, &tables->control.reclaim, 0);
	rewrite->label_count = 0;
	rewrite->port = PORT_VIRTUAL + 1;
	refused(fixture, &tables->control.reclaim, 0);
	rewrite->port = 0;
	memset(wish->devargs, 'x', sizeof(wish->devargs));
	refused(fixture, &tables->control.reclaim, 0);
	memset(wish->devargs, 0, sizeof(wish->devargs));
	restart(fixture); /* and now it is well again */
}

/* Whatever single word of the tables' first part is overwritten: refused or claimed, never a crash. */
static void random_damage(void **state)
{
	struct fixture *fixture = *state;
	struct instance *instance = &fixture->instance;
	uint64_t first = offsetof(struct tables, label_space) / 8;
	uint64_t last = offsetof(struct tables, punt_consumer) / 8;
	_Atomic uint64_t *word = (_Atomic uint64_t *)instance->tables;

	srand(2);
	for (unsigned int i = 0; i < 300; i++) {
		uint64_t at = first + (uint64_t)rand() % (rand() % 2 == 0 ? 256 : last - first);
		uint64_t good = word_load(&word[at]);
		uint64_t bad = rand() % 2 == 0 ? good ^ 1ull << rand() % 64
					       : (uint64_t)rand() << 20 ^ (uint64_t)rand();
		word_store(&word[at], bad);
		instance_restart_heap(instance);
		int result = tables_claim(instance->tables, instance->heap);
		if (result == 0)
			result = hash_claim(instance->tables, instance->heap, HASH_VLAN);
		assert_true(result == 0 || result == -EINVAL);
		word_store(&word[at], good);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(nothing_leaks),
		TEST(freed_indexes_wait_after_a_restart),
		TEST(corrupt_words_are_refused),
		TEST(corrupt_objects_are_refused),
		TEST(random_damage),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
