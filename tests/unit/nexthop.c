/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Nexthop words, the indexes' reuse, and groups whose buckets move as little as they must.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/epoch.h"
#include "instance.h"

enum { HEAP_SIZE = 64 << 20 };

struct fixture {
	struct instance instance;
	struct nexthop_pool *pool;
};

static int set_up(void **state)
{
	struct fixture *fixture = malloc(sizeof(*fixture));

	instance_make(&fixture->instance, HEAP_SIZE);
	fixture->pool = nexthop_pool_new(fixture->instance.tables, fixture->instance.heap);
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

static struct rewrite rewrite_of(uint8_t port)
{
	return (struct rewrite){
		.header_length = 14, .port = port, .interface = port, .mtu = 1500
	};
}

static uint32_t add(struct fixture *fixture, uint8_t port)
{
	struct rewrite rewrite = rewrite_of(port);
	uint32_t index = 0;

	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), 0);
	return index;
}

static void change_is_one_store(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	struct rewrite rewrite = rewrite_of(7);
	uint32_t index = add(fixture, 6);

	uint64_t before = tables->nexthop[index];
	assert_int_not_equal(index, NEXTHOP_NONE);
	assert_int_equal(nexthop_kind(before), NEXTHOP_FORWARD);
	assert_int_equal(nexthop_rewrite(tables, before)->port, 6);
	assert_int_equal(nexthop_set(fixture->pool, index, NEXTHOP_FORWARD, &rewrite), 0);
	uint64_t after = tables->nexthop[index];
	assert_int_not_equal(after, before);
	assert_int_equal(nexthop_rewrite(tables, before)->port, 6); /* the old one is not touched */
	assert_int_equal(nexthop_rewrite(tables, after)->port, 7);
	assert_int_equal(nexthop_set(fixture->pool, index, NEXTHOP_FORWARD, &rewrite), 0);
	assert_int_equal(tables->nexthop[index], after);
	assert_int_equal(nexthop_set(fixture->pool, index, NEXTHOP_UNRESOLVED, &rewrite), 0);
	assert_int_equal(nexthop_kind(tables->nexthop[index]), NEXTHOP_UNRESOLVED);

	assert_int_equal(nexthop_set(fixture->pool, 0, NEXTHOP_FORWARD, &rewrite), -EINVAL);
	assert_int_equal(nexthop_set(fixture->pool, index + 1, NEXTHOP_FORWARD, &rewrite), -EINVAL);
	assert_int_equal(nexthop_set(fixture->pool, NEXTHOP_MAX, NEXTHOP_FORWARD, &rewrite),
			 -EINVAL);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FREE, &rewrite, &index), -EINVAL);
}

static void indexes_wait_for_the_worker(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	struct worker_state *worker = &fixture->instance.state->worker[0];
	struct rewrite rewrite = rewrite_of(1);
	uint32_t index = 0;

	for (uint32_t i = 1; i < NEXTHOP_MAX; i++)
		assert_int_equal(add(fixture, 1), i);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), -ENOSPC);
	epoch_online(tables, worker);
	nexthop_remove(fixture->pool, 500);
	assert_int_equal(tables->nexthop[500], 0);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), -ENOSPC);
	assert_true(heap_waiting(fixture->instance.heap));
	epoch_report(tables, worker);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &index), 0);
	assert_int_equal(index, 500);
}

static void full_heap_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	struct rewrite rewrite = rewrite_of(2);
	uint32_t index = add(fixture, 1), other;
	uint64_t word = tables->nexthop[index];

	for (uint64_t size = 1 << 20; size >= 64; size /= 2)
		while (heap_allocate(fixture->instance.heap, size) != 0)
			;
	assert_int_equal(nexthop_set(fixture->pool, index, NEXTHOP_FORWARD, &rewrite), -ENOSPC);
	assert_int_equal(tables->nexthop[index], word);
	assert_int_equal(nexthop_add(fixture->pool, NEXTHOP_FORWARD, &rewrite, &other), -ENOSPC);
	struct group_members members = { .count = 1, .member = { { index, 1 } } };
	assert_int_equal(group_add(fixture->pool, &members, &other), -ENOSPC);
}

/* ---------------------------------------------------------------- groups */

static struct group_members members_of(unsigned int count, uint32_t weight)
{
	struct group_members members = { .count = count };

	for (uint32_t i = 0; i < count; i++) {
		members.member[i].nexthop = i + 1;
		members.member[i].weight = weight;
	}
	return members;
}

static void remove_member(struct group_members *members, uint32_t which)
{
	members->count--;
	for (uint32_t i = which; i < members->count; i++)
		members->member[i] = members->member[i + 1];
}

static void copy_buckets(const struct tables *tables, uint32_t index, uint32_t copy[GROUP_BUCKETS])
{
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
		copy[b] = tables->group[index].bucket[b];
}

/* Each member has its weight's share, rounded up or down. */
static void check_shares(const struct tables *tables, uint32_t index,
			 const struct group_members *members)
{
	uint64_t weights = 0;
	uint32_t total = 0;

	for (uint32_t i = 0; i < members->count; i++)
		weights += members->member[i].weight;
	for (uint32_t i = 0; i < members->count; i++) {
		uint64_t ideal = (uint64_t)members->member[i].weight * GROUP_BUCKETS;
		uint32_t has = 0;
		for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
			has += tables->group[index].bucket[b] == members->member[i].nexthop;
		assert_in_range(has, ideal / weights, (ideal + weights - 1) / weights);
		total += has;
	}
	assert_int_equal(total, GROUP_BUCKETS);
}

static void removed_member_moves_alone(void **state)
{
	struct fixture *fixture = *state;
	const struct tables *tables = fixture->instance.tables;
	uint32_t before[GROUP_BUCKETS];

	for (uint32_t count = 2; count <= GROUP_MEMBER_MAX; count++) {
		for (uint32_t gone = 0; gone < count; gone += 1 + count / 5) {
			struct group_members members = members_of(count, 3);
			uint32_t nexthop = members.member[gone].nexthop, index, moved = 0;
			assert_int_equal(group_add(fixture->pool, &members, &index), 0);
			check_shares(tables, index, &members);
			copy_buckets(tables, index, before);
			remove_member(&members, gone);
			assert_int_equal(group_set(fixture->pool, index, &members), 0);
			check_shares(tables, index, &members);
			for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
				if (before[b] != nexthop)
					assert_int_equal(tables->group[index].bucket[b], before[b]);
				moved += tables->group[index].bucket[b] != before[b];
			}
			if (count == 8)
				assert_int_equal(moved, GROUP_BUCKETS / 8);
			group_remove(fixture->pool, index);
			heap_reclaim(fixture->instance.heap);
		}
	}
}

static void added_member_takes_its_share_evenly(void **state)
{
	struct fixture *fixture = *state;
	const struct tables *tables = fixture->instance.tables;
	struct group_members members = members_of(7, 1);
	uint32_t before[GROUP_BUCKETS], lost[8] = { 0 }, index, moved = 0;

	assert_int_equal(group_add(fixture->pool, &members, &index), 0);
	copy_buckets(tables, index, before);
	members = members_of(8, 1);
	assert_int_equal(group_set(fixture->pool, index, &members), 0);
	check_shares(tables, index, &members);
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		if (tables->group[index].bucket[b] == before[b])
			continue;
		assert_int_equal(tables->group[index].bucket[b], 8);
		lost[before[b]]++;
		moved++;
	}
	assert_int_equal(moved, GROUP_BUCKETS / 8);
	for (unsigned int i = 1; i < 8; i++)
		assert_in_range(lost[i], 4, 5);

	/* the same members again move nothing, and no new object is made */
	uint64_t object = tables->group_members[index];
	copy_buckets(tables, index, before);
	assert_int_equal(group_set(fixture->pool, index, &members), 0);
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
		assert_int_equal(tables->group[index].bucket[b], before[b]);
	assert_int_equal(tables->group_members[index], object);
}

/* What a process that was killed in the middle left behind is finished by setting it again. */
static void half_set_group_is_finished(void **state)
{
	struct fixture *fixture = *state;
	struct tables *tables = fixture->instance.tables;
	struct group_members members = members_of(4, 1);
	uint32_t index;

	assert_int_equal(group_add(fixture->pool, &members, &index), 0);
	for (unsigned int b = 0; b < 100; b++)
		tables->group[index].bucket[b] = 77;
	assert_int_equal(group_set(fixture->pool, index, &members), 0);
	check_shares(tables, index, &members);
}

static void random_groups(void **state)
{
	struct fixture *fixture = *state;
	const struct tables *tables = fixture->instance.tables;
	struct group_members members = members_of(1, 1);
	uint32_t index;

	srand(5);
	assert_int_equal(group_add(fixture->pool, &members, &index), 0);
	for (unsigned int step = 0; step < 3000; step++) {
		uint32_t which = (uint32_t)rand() % members.count;
		uint32_t weight = 1 + (uint32_t)rand() % (rand() % 4 == 0 ? 1000000 : 20);
		if (rand() % 3 == 0 && members.count < GROUP_MEMBER_MAX) {
			members.member[members.count].nexthop = 1000 + step;
			members.member[members.count++].weight = weight;
		} else if (rand() % 2 == 0 && members.count > 1) {
			remove_member(&members, which);
		} else {
			members.member[which].weight = weight;
		}
		assert_int_equal(group_set(fixture->pool, index, &members), 0);
		check_shares(tables, index, &members);
		heap_reclaim(fixture->instance.heap);
	}
}

static void bad_members_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct group_members good = members_of(2, 1), bad;
	uint32_t index, other;

	assert_int_equal(group_add(fixture->pool, &good, &index), 0);
	bad = good, bad.count = 0;
	assert_int_equal(group_set(fixture->pool, index, &bad), -EINVAL);
	bad.count = GROUP_MEMBER_MAX + 1;
	assert_int_equal(group_add(fixture->pool, &bad, &other), -EINVAL);
	bad = good, bad.member[1].weight = 0;
	assert_int_equal(group_set(fixture->pool, index, &bad), -EINVAL);
	bad = good, bad.member[0].nexthop = NEXTHOP_NONE;
	assert_int_equal(group_set(fixture->pool, index, &bad), -EINVAL);
	bad.member[0].nexthop = NEXTHOP_MAX;
	assert_int_equal(group_add(fixture->pool, &bad, &other), -EINVAL);
	assert_int_equal(group_set(fixture->pool, index + 1, &good), -EINVAL);
	assert_int_equal(group_set(fixture->pool, GROUP_MAX, &good), -EINVAL);
}

static void groups_run_out(void **state)
{
	struct fixture *fixture = *state;
	struct group_members members = members_of(3, 1);
	uint32_t index;

	for (uint32_t i = 1; i < GROUP_MAX; i++) {
		assert_int_equal(group_add(fixture->pool, &members, &index), 0);
		assert_int_equal(index, i);
	}
	assert_int_equal(group_add(fixture->pool, &members, &index), -ENOSPC);
	epoch_online(fixture->instance.tables, &fixture->instance.state->worker[0]);
	group_remove(fixture->pool, 9);
	assert_int_equal(group_add(fixture->pool, &members, &index), -ENOSPC);
	epoch_report(fixture->instance.tables, &fixture->instance.state->worker[0]);
	assert_int_equal(group_add(fixture->pool, &members, &index), 0);
	assert_int_equal(index, 9);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(change_is_one_store),
		TEST(indexes_wait_for_the_worker),
		TEST(full_heap_changes_nothing),
		TEST(removed_member_moves_alone),
		TEST(added_member_takes_its_share_evenly),
		TEST(half_set_group_is_finished),
		TEST(random_groups),
		TEST(bad_members_are_refused),
		TEST(groups_run_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
