/* SPDX-License-Identifier: BSD-3-Clause
 *
 * `shuntctl top`: which rows come first, what their rates are, how numbers are written.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/top.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- numbers ---- */

static const struct {
	double value;
	const char *text;
} numbers[] = {
	{ 0, "0" },          { 1, "1" },           { 0.04, "0.0" },    { 1.25, "1.2" },
	{ 99.94, "99.9" },   { 99.96, "100" },     { 999, "999" },     { 999.96, "1.00k" },
	{ 1000, "1.00k" },   { 9994, "9.99k" },    { 9996, "10.0k" },  { 99960, "100k" },
	{ 999400, "999k" },  { 999600, "1.00M" },  { 14.88e6, "14.9M" }, { 1e9, "1.00G" },
	{ 1.2345e12, "1.23T" }, { 1.8446744073709552e19, "18.4E" },
};

static void test_numbers(void **state)
{
	char text[16];

	(void)state;
	for (size_t i = 0; i < COUNT(numbers); i++) {
		top_number(numbers[i].value, text);
		assert_string_equal(text, numbers[i].text);
		assert_true(strlen(text) <= 7);
	}
}

/* ---- values ---- */

/* Rows are { id, counter, counter }. */
static const uint64_t was[] = { 7, 100, 50 }, is[] = { 7, 300, 54 };

static const struct {
	struct top_column column;
	const uint64_t *before, *now;
	double seconds, hz, value;
} values[] = {
	{ { "", "", TOP_RATE, 0, 0, 1 }, was, is, 2, 0, 100 },
	{ { "", "", TOP_RATE, 0, 0, 8 }, was, is, 2, 0, 800 },
	{ { "", "", TOP_RATE, 0, 0, 1 }, NULL, is, 2, 0, 150 },  /* new: it began at 0 */
	{ { "", "", TOP_RATE, 0, 0, 1 }, is, was, 2, 0, 50 },    /* cleared meanwhile */
	{ { "", "", TOP_RATE, 0, 0, 1 }, was, is, 0, 0, 0 },     /* no earlier look */
	{ { "", "", TOP_TOTAL, 1, 0, 0 }, was, is, 0, 0, 54 },
	{ { "", "", TOP_SHARE, 0, 0, 0 }, was, is, 2, 1000, 10 },
	{ { "", "", TOP_SHARE, 0, 0, 0 }, was, is, 2, 0, 0 },    /* no data plane: no clock */
	{ { "", "", TOP_QUOTIENT, 0, 1, 0 }, was, is, 2, 0, 50 },
	{ { "", "", TOP_QUOTIENT, 0, 1, 0 }, is, is, 2, 0, 0 },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(values); i++)
		if (top_value(&values[i].column, values[i].before, values[i].now, values[i].seconds,
			      values[i].hz) != values[i].value)
			fail_msg("value %zu is not %g", i, values[i].value);
}

/* ---- order ---- */

static void collect_nothing(const struct view *view, struct top_sample *sample)
{
	(void)view;
	(void)sample;
}

static void name_number(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	(void)view;
	snprintf(name[0], TOP_NAME, "%llu", (unsigned long long)id);
}

static const struct top_column columns[] = { { "", "rate", TOP_RATE, 0, 0, 1 },
					     { "", "total", TOP_TOTAL, 0, 0, 0 },
					     { .title = NULL } };
static const struct top_pane pane = { "test",  { "", "" },      { "id", "" }, { true, false }, 0, 1,
				      columns, collect_nothing, name_number };

static struct top_sample sample_of(uint64_t seconds, const char *text)
{
	struct top_sample sample = { .counters = 1, .time = seconds * 1000000000u };
	char *end;

	while (*text) {
		uint64_t id = strtoull(text, &end, 10), count = strtoull(end + 1, &end, 10);
		top_sample_row(&sample, id)[1] = count;
		text = end + strspn(end, " ");
	}
	return sample;
}

/* Ids and rates of what is shown, of "id:count ..." before and now, one second later. */
static const struct {
	const char *before, *now;
	struct top_order order;
	unsigned int wanted;
	const char *shown;
} orders[] = {
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { 0, false }, 9, "2=3 3=2 1=1" },
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { 0, true }, 9, "1=1 3=2 2=3" },
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { 0, false }, 2, "2=3 3=2" },
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { 0, true }, 1, "1=1" },
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { TOP_COLUMNS, false }, 2, "1=1 2=3" },
	{ "1:10 2:10 3:10", "1:11 2:13 3:12", { TOP_COLUMNS, true }, 2, "3=2 2=3" },
	{ "1:10 2:10 3:10", "1:10 2:10 3:10", { 0, false }, 2, "1=0 2=0" }, /* equal: by id */
	{ "1:10 2:10 3:10", "1:10 2:10 3:10", { 0, true }, 2, "1=0 2=0" },
	{ "1:5 3:5 5:5", "2:7 3:6 4:9 6:1", { 0, false }, 9, "4=9 2=7 3=1 6=1" }, /* gone and new */
	{ "", "2:7", { 0, false }, 9, "2=7" },
	{ "2:7", "", { 0, false }, 9, "" },
	{ "1:90 2:10", "1:90 2:20", { 1, false }, 9, "1=0 2=10" },
	{ "1:1", "1:2", { 0, false }, 0, "" },
};

static void test_orders(void **state)
{
	static struct top_result result;
	const struct view view = { .tables = NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(orders); i++) {
		struct top_sample before = sample_of(1, orders[i].before);
		struct top_sample now = sample_of(2, orders[i].now);
		char text[256] = "";
		top_rank(&view, &pane, &orders[i].order, &before, &now, orders[i].wanted, &result);
		for (unsigned int r = 0; r < result.count; r++)
			sprintf(text + strlen(text), "%s%s=%g", r ? " " : "", result.row[r].name[0],
				result.row[r].value[0]);
		if (strcmp(text, orders[i].shown) != 0)
			fail_msg("order %zu: %s, expected %s", i, text, orders[i].shown);
		assert_int_equal(result.of, now.rows);
		free(before.word);
		free(now.word);
	}
}

/* Samples of two different files have nothing to do with each other. */
static void test_another_file(void **state)
{
	static struct top_result result;
	const struct view view = { .tables = NULL };
	const struct top_order order = { 0, false };
	struct top_sample before = sample_of(1, "1:10"), now = sample_of(2, "1:30");

	(void)state;
	now.mapped = 1;
	top_rank(&view, &pane, &order, &before, &now, 9, &result);
	assert_true(result.seconds == 0 && result.row[0].value[0] == 0 &&
		    result.row[0].value[1] == 30);
	before.mapped = 1;
	top_rank(&view, &pane, &order, &before, &now, 9, &result);
	assert_true(result.seconds == 1 && result.row[0].value[0] == 20);
	free(before.word);
	free(now.word);
}

static void test_many(void **state)
{
	static struct top_result result;
	const struct view view = { .tables = NULL };
	const struct top_order order = { 0, false };
	struct top_sample before = { .counters = 1, .time = 1000000000u };
	struct top_sample now = { .counters = 1, .time = 2000000000u };

	(void)state;
	for (uint64_t id = 0; id < 100000; id++) {
		top_sample_row(&before, id)[1] = 5;
		top_sample_row(&now, id)[1] = 5 + id * 7919 % 100003;
	}
	top_rank(&view, &pane, &order, &before, &now, TOP_ROWS + 5, &result);
	assert_int_equal(result.count, TOP_ROWS);
	for (unsigned int i = 1; i < result.count; i++)
		assert_true(result.row[i - 1].value[0] >= result.row[i].value[0]);
	uint64_t better = 0;
	for (size_t i = 0; i < now.rows; i++)
		better += (double)(top_sample_at(&now, i)[1] - 5) >
			  result.row[result.count - 1].value[0];
	assert_int_equal(better, TOP_ROWS - 1);
	free(before.word);
	free(now.word);
}

/* Every pane has a column for `sort`, and no key twice. */
static void test_panes(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < TOP_WORDS; i++) {
		const struct top_pane *one = &top_panes[i];
		unsigned int columns_of = top_pane_columns(one);
		assert_true(columns_of > 0 && columns_of <= TOP_COLUMNS);
		assert_int_equal(top_pane_sort(one, one->keys[0]), TOP_COLUMNS);
		assert_int_equal(top_pane_sort(one, "nothing"), -1);
		for (unsigned int c = 0; c < columns_of; c++) {
			assert_int_equal(top_pane_sort(one, one->columns[c].key), c);
			assert_true(one->columns[c].a < one->counters);
			assert_true(one->columns[c].b < one->counters);
		}
		assert_true(one->sort == TOP_COLUMNS || one->sort < columns_of);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers), cmocka_unit_test(test_values),
		cmocka_unit_test(test_orders),  cmocka_unit_test(test_another_file),
		cmocka_unit_test(test_many),    cmocka_unit_test(test_panes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
