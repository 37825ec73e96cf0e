/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables of RFC 3376 6.4 and RFC 3810 7.4, row by row, for both families: a port's state before a
 * record, the record, the state after it with each timer, and the queries sent.
 */
#include <stdio.h>
#include "snoop-fixture.h"

struct row {
	const char *title, *section, *before, *record, *after, *sent;
};

/* Membership interval 260 s, last member query time 2 s. Each record comes 10 s after `before`: what
 * ran then has 250 s left. */
#define INCLUDE_AB "2 rec is_in G a,b"
/* EXCLUDE({a,b}, {c,d}): what BLOCK of unknown sources leaves has a timer until it runs out */
#define EXCLUDE_AB_CD "2 rec is_ex G c,d; 2 rec allow G a,b"

static const struct row rows[] = {
	/* 6.4.1 current-state records */
	{ "INCLUDE + IS_IN", "6.4.1", INCLUDE_AB, "is_in G b,c", "I_a:250,b:260,c:260", "" },
	{ "INCLUDE + IS_IN, the same", "6.4.1", INCLUDE_AB, "is_in G a,b", "I_a:260,b:260", "" },
	{ "INCLUDE + IS_IN, empty", "6.4.1", INCLUDE_AB, "is_in G", "I_a:250,b:250", "" },
	{ "INCLUDE + IS_EX", "6.4.1", INCLUDE_AB, "is_ex G b,c", "E260_b:250_-c", "" },
	{ "INCLUDE + IS_EX, empty", "6.4.1", INCLUDE_AB, "is_ex G", "E260", "" },
	{ "INCLUDE + IS_EX, the same", "6.4.1", INCLUDE_AB, "is_ex G a,b", "E260_a:250,b:250", "" },
	{ "EXCLUDE + IS_IN of new", "6.4.1", EXCLUDE_AB_CD, "is_in G e",
	  "E250_a:250,b:250,e:260_-c,d", "" },
	{ "EXCLUDE + IS_IN of X and Y", "6.4.1", EXCLUDE_AB_CD, "is_in G a,c",
	  "E250_a:260,b:250,c:260_-d", "" },
	{ "EXCLUDE + IS_EX: A-Y, Y*A, new ones get the membership interval", "6.4.1", EXCLUDE_AB_CD,
	  "is_ex G a,c,e", "E260_a:250,e:260_-c", "" },
	{ "EXCLUDE + IS_EX, empty", "6.4.1", EXCLUDE_AB_CD, "is_ex G", "E260", "" },
	{ "EXCLUDE + IS_EX, the same Y", "6.4.1", EXCLUDE_AB_CD, "is_ex G c,d", "E260_-c,d", "" },
	/* 6.4.2 filter-mode-change and source-list-change records */
	{ "INCLUDE + ALLOW", "6.4.2", INCLUDE_AB, "allow G b,c", "I_a:250,b:260,c:260", "" },
	{ "INCLUDE + ALLOW, empty", "6.4.2", INCLUDE_AB, "allow G", "I_a:250,b:250", "" },
	{ "INCLUDE + BLOCK: Q(G,A*B)", "6.4.2", INCLUDE_AB, "block G b,c", "I_a:250,b:2",
	  "2:G{b}" },
	{ "INCLUDE + BLOCK of others", "6.4.2", INCLUDE_AB, "block G c", "I_a:250,b:250", "" },
	{ "INCLUDE + BLOCK of all", "6.4.2", INCLUDE_AB, "block G a,b", "I_a:2,b:2", "2:G{a,b}" },
	{ "INCLUDE + TO_EX: Q(G,A*B)", "6.4.2", INCLUDE_AB, "to_ex G b,c", "E260_b:2_-c",
	  "2:G{b}" },
	{ "INCLUDE + TO_EX, empty", "6.4.2", INCLUDE_AB, "to_ex G", "E260", "" },
	{ "INCLUDE + TO_EX of others", "6.4.2", INCLUDE_AB, "to_ex G c", "E260_-c", "" },
	{ "INCLUDE + TO_IN: Q(G,A-B)", "6.4.2", INCLUDE_AB, "to_in G b,c", "I_a:2,b:260,c:260",
	  "2:G{a}" },
	{ "INCLUDE + TO_IN, empty: leave", "6.4.2", INCLUDE_AB, "to_in G", "I_a:2,b:2",
	  "2:G{a,b}" },
	{ "INCLUDE + TO_IN, the same", "6.4.2", INCLUDE_AB, "to_in G a,b", "I_a:260,b:260", "" },
	{ "EXCLUDE + ALLOW of new, X and Y", "6.4.2", EXCLUDE_AB_CD, "allow G a,c,e",
	  "E250_a:260,b:250,c:260,e:260_-d", "" },
	{ "EXCLUDE + BLOCK: new ones get the group timer; Q(G,A-Y)", "6.4.2", EXCLUDE_AB_CD,
	  "block G a,c,e", "E250_a:2,b:250,e:2_-c,d", "2:G{a,e}" },
	{ "EXCLUDE + BLOCK of what is excluded", "6.4.2", EXCLUDE_AB_CD, "block G c,d",
	  "E250_a:250,b:250_-c,d", "" },
	{ "EXCLUDE + TO_EX: new ones get the group timer; Q(G,A-Y)", "6.4.2", EXCLUDE_AB_CD,
	  "to_ex G a,c,e", "E260_a:2,e:2_-c", "2:G{a,e}" },
	{ "EXCLUDE + TO_EX, empty", "6.4.2", EXCLUDE_AB_CD, "to_ex G", "E260", "" },
	{ "EXCLUDE + TO_EX, the same Y", "6.4.2", EXCLUDE_AB_CD, "to_ex G c,d", "E260_-c,d", "" },
	{ "EXCLUDE + TO_IN: Q(G,X-A), Q(G)", "6.4.2", EXCLUDE_AB_CD, "to_in G a,c,e",
	  "E2_a:260,b:2,c:260,e:260_-d", "2:G;sent 2:G{b}" },
	{ "EXCLUDE + TO_IN, empty: leave", "6.4.2", EXCLUDE_AB_CD, "to_in G", "E2_a:2,b:2_-c,d",
	  "2:G;sent 2:G{a,b}" },
	/* nothing was there */
	{ "nothing + IS_IN", "6.4", "", "is_in G a", "I_a:260", "" },
	{ "nothing + IS_IN, empty", "6.4", "", "is_in G", "none", "" },
	{ "nothing + IS_EX", "6.4", "", "is_ex G a", "E260_-a", "" },
	{ "nothing + TO_EX, empty: join", "6.4", "", "to_ex G", "E260", "" },
	{ "nothing + TO_IN, empty", "6.4", "", "to_in G", "none", "" },
	{ "nothing + ALLOW", "6.4", "", "allow G a,b", "I_a:260,b:260", "" },
	{ "nothing + BLOCK", "6.4", "", "block G a", "none", "" },
};

static void run_row(const struct row *row, enum snoop_family family)
{
	static struct snoop_fixture f;
	char script[1024];

	fixture_start(&f);
	f.where = row->title;
	f.family = family;
	snoop_script(&f, "set querier=1 last_count=2; + 200");
	f.sent_count = f.sent_seen = 0;
	snprintf(script, sizeof(script), "%s; + 10; 2 rec %s; state 2 G %s; %s%s; sent -",
		 row->before, row->record, row->after, row->sent[0] != 0 ? "sent " : "", row->sent);
	snoop_script(&f, script);
	fixture_stop(&f);
}

static void tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		run_row(&rows[i], SNOOP_IPV4);
		run_row(&rows[i], SNOOP_IPV6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
