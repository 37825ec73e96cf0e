/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Routes by several paths: groups, backups, and what they leave behind.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model-fixture.h"

static unsigned int buckets_of(struct fixture *f, uint32_t group, uint32_t nexthop)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < GROUP_BUCKETS; i++)
		count += model_tables(f->model)->group[group].bucket[i] == nexthop;
	return count;
}

static void groups_are_shared_and_resilient(void **state)
{
	struct fixture *f = *state;

	say(f, "neigh add 10.0.0.3 lladdr 02:00:00:00:00:33 dev p0");
	say(f, "mpls add 100 swap 200 via 10.0.0.2 swap 200 via 10.0.1.2 weight 3");
	say(f, "mpls add 101 swap 201 via 10.0.0.2 swap 201 via 10.0.1.2 weight 3");
	uint64_t word = word_of(f, 100);
	assert_true(word & LABEL_GROUP);
	assert_int_equal(label_operation(word), LABEL_SWAP);
	uint32_t group = label_index(word);
	assert_int_equal(label_index(word_of(f, 101)), group);
	say(f, "mpls add 110 swap 200 via 10.0.0.2");
	uint32_t first = label_index(word_of(f, 110));
	assert_int_equal(buckets_of(f, group, first), 64);
	/* another user keeps the group: a change makes a new one */
	say(f, "mpls replace 101 swap 201 via 10.0.0.2 swap 201 via 10.0.0.3");
	uint32_t other = label_index(word_of(f, 101));
	assert_int_not_equal(other, group);
	/* the only user changes in place, and keeps what need not move */
	say(f,
	    "mpls replace 101 swap 201 via 10.0.0.2 swap 201 via 10.0.0.3 swap 201 via 10.0.1.2");
	assert_int_equal(label_index(word_of(f, 101)), other);
	unsigned int kept = buckets_of(f, other, first);
	assert_in_range(kept, 85, 86);
	say(f, "mpls replace 101 swap 201 via 10.0.0.2");
	assert_false(word_of(f, 101) & LABEL_GROUP);
	assert_int_equal(label_index(word_of(f, 101)), first);
	say(f, "mpls add 102 swap 200 via 10.0.0.2 weight 5");
	assert_true(word_of(f, 102) & LABEL_GROUP);
}

/* Routes that share a group: one that loses a member moves that member's flows and no others, though it
 * gets a group of its own; the next one that makes the same change follows it there. */
static void shared_group_is_resilient(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);
	unsigned int moved = 0, gone = 0;

	say(f, "neigh add 10.0.0.3 lladdr 02:00:00:00:00:33 dev p0");
	for (int label = 100; label < 102; label++) {
		char line[192];
		snprintf(line, sizeof(line),
			 "mpls add %d swap 200 via 10.0.0.2 swap 200 via 10.0.0.3 "
			 "swap 200 via 10.0.1.2 swap 200 via 10.0.1.3",
			 label);
		say(f, line);
	}
	uint32_t before = label_index(word_of(f, 100));
	assert_int_equal(label_index(word_of(f, 101)), before);
	say(f, "mpls add 102 swap 200 via 10.0.0.3");
	uint32_t lost = label_index(word_of(f, 102));
	say(f,
	    "mpls replace 100 swap 200 via 10.0.0.2 swap 200 via 10.0.1.2 swap 200 via 10.0.1.3");
	uint32_t after = label_index(word_of(f, 100));
	assert_int_not_equal(after, before);
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		gone += tables->group[before].bucket[b] == lost;
		moved += tables->group[after].bucket[b] != tables->group[before].bucket[b];
	}
	assert_int_equal(gone, GROUP_BUCKETS / 4);
	assert_int_equal(moved, gone);
	say(f,
	    "mpls replace 101 swap 200 via 10.0.0.2 swap 200 via 10.0.1.2 swap 200 via 10.0.1.3");
	assert_int_equal(label_index(word_of(f, 101)), after);
}

static void different_labels_are_replaced(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2 swap 300/301 via 10.0.1.2 "
	       "swap implicit-null via 10.0.0.3");
	uint64_t word = word_of(f, 100);
	assert_int_equal(label_operation(word), LABEL_REPLACE);
	const struct tables *tables = model_tables(f->model);
	const struct group_members *members =
		tables_object(tables, tables->group_members[label_index(word)]);
	assert_int_equal(members->count, 3);
	assert_int_equal(rewrite_of(f, members->member[0].nexthop)->label_count, 1);
	assert_int_equal(rewrite_of(f, members->member[1].nexthop)->label_count, 2);
	assert_int_equal(rewrite_of(f, members->member[1].nexthop)->label[1], 301);
	assert_int_equal(rewrite_of(f, members->member[2].nexthop)->label_count, 0);
}

static void backup_is_a_nexthop_of_its_own(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200/201 via 10.0.0.2 backup via 10.0.1.2 dev p1");
	const struct rewrite *rewrite = rewrite_of(f, label_index(word_of(f, 100)));
	assert_int_equal(rewrite->flags, REWRITE_BACKUP_DEV);
	const struct rewrite *backup = rewrite_of(f, rewrite->backup);
	assert_int_equal(backup->flags, REWRITE_IS_BACKUP | REWRITE_DEV_GIVEN);
	assert_int_equal(backup->port, 1);
	assert_int_equal(backup->label_count, 1);
	assert_int_equal(backup->label[0], 200);
}

/* A route by one to three of ten nexthops, some with labels, weights and backups. */
static void random_route(char *line, size_t size, const char *verb, int label)
{
	size_t used = (size_t)snprintf(line, size, "mpls %s %d", verb, label);
	int paths = 1 + rand() % 3, first = rand() % 10;

	for (int i = 0; i < paths; i++) {
		int hop = (first + i) % 10;
		used += (size_t)snprintf(line + used, size - used, " swap %s%d via 10.0.%d.%d",
					 rand() % 2 ? "" : "50/", 200 + rand() % 2, hop / 5,
					 2 + hop % 5);
		if (rand() % 4 == 0)
			used += (size_t)snprintf(line + used, size - used, " weight %d",
						 1 + rand() % 4);
		if (rand() % 4 == 0)
			used += (size_t)snprintf(line + used, size - used, " backup via 10.0.%d.%d",
						 1 - hop / 5, 2 + rand() % 5);
	}
}

/* References add up: in the end nothing is left, and nothing went too early on the way. */
static void random_changes_leave_nothing(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);
	bool there[20] = { false };
	char line[512];

	srand(7);
	for (int i = 0; i < 20000; i++) {
		int at = rand() % 20;
		if (there[at] && rand() % 3 == 0)
			snprintf(line, sizeof(line), "mpls del %d", 100 + at);
		else
			random_route(line, sizeof(line), there[at] ? "replace" : "add", 100 + at);
		say(f, line);
		there[at] = strstr(line, "del") == NULL;
		if (rand() % 50 == 0)
			model_poll(f->model);
		for (int j = 0; j < 20; j++) {
			uint64_t word = word_of(f, (uint32_t)(100 + j));
			assert_int_equal(word != 0, there[j]);
			if (word != 0 && !(word & LABEL_GROUP))
				assert_int_not_equal(tables->nexthop[label_index(word)], 0);
			for (int b = 0; (word & LABEL_GROUP) && b < GROUP_BUCKETS; b += 16)
				assert_int_not_equal(
					tables->nexthop[tables->group[label_index(word)].bucket[b]],
					0);
		}
	}
	for (int j = 0; j < 20; j++) {
		snprintf(line, sizeof(line), "mpls del %d", 100 + j);
		if (there[j])
			say(f, line);
	}
	for (int i = 0; i < 4; i++)
		model_poll(f->model);
	unsigned int left = 0;
	for (unsigned int i = 0; i < NEXTHOP_MAX; i++)
		left += tables->nexthop[i] != 0;
	assert_int_equal(left, 2); /* the neighbours' host routes' */
	for (unsigned int i = 0; i < GROUP_MAX; i++)
		assert_int_equal(tables->group_members[i], 0);
	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	say(f, "port del p0");
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(groups_are_shared_and_resilient), IN_PORTS(shared_group_is_resilient),
		IN_PORTS(different_labels_are_replaced),   IN_PORTS(backup_is_a_nexthop_of_its_own),
		IN_PORTS(random_changes_leave_nothing),
	};
	return cmocka_run_group_tests_name("model: groups", tests, NULL, NULL);
}
