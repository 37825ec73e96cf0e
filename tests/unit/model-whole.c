/* SPDX-License-Identifier: BSD-3-Clause
 *
 * All or nothing: a refused command leaves nothing behind, and a change in place never shows new
 * members under an old word.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "dataplane/shm/table.h"
#include "model-fixture.h"

static void refused_routes_make_no_space(void **state)
{
	struct fixture *f = *state;

	refused(f, "mpls add 100 space 7 swap 200 via 9.9.9.9", "no connected network");
	refused(f, "mpls add 100 space 7 swap 200 via 10.0.0.2 swap 200 via 9.9.9.9",
		"no connected network");
	assert_int_equal(word_load(&model_tables(f->model)->label_space[7]), 0);
	say(f, "mpls add 100 space 7 swap 200 via 10.0.0.2");
	assert_int_not_equal(word_load(&model_tables(f->model)->label_space[7]), 0);
}

/* What a label has after a change of everything but its members' number, and before it. */
static void expect_group(struct fixture *f, const char *from, const char *to, bool in_place)
{
	say(f, from);
	uint32_t before = label_index(word_of(f, 100));
	uint64_t bucket = model_tables(f->model)->group[before].bucket[0];
	say(f, to);
	uint32_t after = label_index(word_of(f, 100));
	if ((after == before) != in_place)
		fail_msg("'%s' to '%s': group %u to %u", from, to, before, after);
	/* who read the old word still finds the old members */
	if (!in_place)
		assert_int_equal(model_tables(f->model)->group[before].bucket[0], bucket);
	say(f, "mpls del 100");
}

static void new_words_have_new_groups(void **state)
{
#define TWO " via 10.0.0.2 swap 200 via 10.0.1.2"
	static const struct {
		const char *from, *to;
		bool in_place;
	} cases[] = {
		/* only members and weights differ */
		{ "mpls add 100 swap 200" TWO, "mpls replace 100 swap 200 via 10.0.0.2 weight 3",
		  true },
		/* another label: the new member must not get the old one */
		{ "mpls add 100 swap 200" TWO, "mpls replace 100 swap 300 via 10.0.0.2 weight 3",
		  false },
		/* the label of the word and those of the nexthops must not add up */
		{ "mpls add 100 swap 200" TWO,
		  "mpls replace 100 swap 200 via 10.0.0.2 swap 300 via 10.0.1.2", false },
		{ "mpls add 100 swap 200" TWO, "mpls replace 100 pop via 10.0.0.2 weight 3",
		  false },
		{ "mpls add 100 swap 200" TWO,
		  "mpls replace 100 swap 200 via 10.0.0.2 weight 3 ttl pipe", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		expect_group(*state, cases[i].from, cases[i].to, cases[i].in_place);
}

/* A path that pops beside one that swaps: whole stacks, of which one is empty. */
static void pop_and_swap_share_a_route(void **state)
{
	static const char *const lines[] = {
		"mpls add 100 swap implicit-null via 10.0.0.2 swap 20 via 10.0.1.2",
		"mpls add 100 swap 20 via 10.0.0.2 swap implicit-null via 10.0.1.2",
	};
	struct fixture *f = *state;

	for (unsigned int i = 0; i < 2; i++) {
		say(f, lines[i]);
		uint64_t word = word_of(f, 100);
		assert_int_equal(label_operation(word), LABEL_REPLACE);
		const struct group_members *members =
			tables_object(model_tables(f->model),
				      model_tables(f->model)->group_members[label_index(word)]);
		assert_int_equal(members->count, 2);
		assert_int_equal(rewrite_of(f, members->member[i].nexthop)->label_count, 0);
		assert_int_equal(rewrite_of(f, members->member[!i].nexthop)->label_count, 1);
		char *text = configuration(f);
		assert_non_null(strstr(text, lines[i]));
		free(text);
		say(f, "mpls del 100");
	}
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(refused_routes_make_no_space),
		IN_PORTS(new_words_have_new_groups),
		IN_PORTS(pop_and_swap_share_a_route),
	};
	return cmocka_run_group_tests_name("model-whole", tests, NULL, NULL);
}
