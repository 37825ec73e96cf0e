/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Lines of a batch, cut out of their message: what may be cut, what must be left to the JSON
 * parser.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "controlplane/api/lines.h"

static const struct {
	const char *name, *message, *rest, *lines; /* lines joined by |; NULL: left alone */
} cases[] = {
	{ "one line", "{\"params\":{\"commands\":[\"a b\"]}}", "{\"params\":{\"commands\":[]}}",
	  "a b|" },
	{ "blanks", "{ \"commands\" : \n[ \"a\" ,\t\"b\" ] }", "{ \"commands\" : \n[] }", "a|b|" },
	{ "an empty line", "{\"commands\":[\"\",\"b\"]}", "{\"commands\":[]}", "|b|" },
	{ "what follows need not be JSON here", "{\"commands\":[\"a\"]x", "{\"commands\":[]x",
	  "a|" },
	{ "no line", "{\"commands\":[]}", NULL, NULL },
	{ "no string", "{\"commands\":[\"a\",1]}", NULL, NULL },
	{ "a comma too many", "{\"commands\":[\"a\",]}", NULL, NULL },
	{ "no comma", "{\"commands\":[\"a\" \"b\"]}", NULL, NULL },
	{ "no array", "{\"commands\":\"a\"}", NULL, NULL },
	{ "no bracket", "{\"commands\":[\"a\"", NULL, NULL },
	{ "no quote", "{\"commands\":[\"a", NULL, NULL },
	{ "no colon", "{\"commands\"[\"a\"]}", NULL, NULL },
	{ "ends after the name", "{\"commands\"", NULL, NULL },
	{ "ends after the colon", "{\"commands\":", NULL, NULL },
	{ "an escape in a line", "{\"commands\":[\"a\\n\"]}", NULL, NULL },
	{ "a control character", "{\"commands\":[\"a\tb\"]}", NULL, NULL },
	{ "not ASCII", "{\"commands\":[\"\xc3\xa9\"]}", NULL, NULL },
	{ "two of the name", "{\"x\":{\"commands\":[\"a\"]},\"commands\":[\"b\"]}", NULL, NULL },
	{ "the name inside a string", "{\"x\":\"\\\"commands\":[\"a\"]}", NULL, NULL },
	{ "another spelling before", "{\"command\\u0073\":1,\"commands\":[\"a\"]}", NULL, NULL },
	{ "another spelling behind", "{\"commands\":[\"a\"],\"command\\u0073\":1}", NULL, NULL },
	{ "something else", "{\"method\":\"mpls show\"}", NULL, NULL },
};

static void assert_lines(const struct lines *lines, const char *expected)
{
	for (size_t i = 0; i < lines->count; i++) {
		size_t length = strlen(lines->line[i]);

		assert_memory_equal(lines->line[i], expected, length);
		assert_int_equal(expected[length], '|');
		expected += length + 1;
	}
	assert_int_equal(*expected, 0);
}

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t size = strlen(cases[i].message);
		char *message = malloc(size); /* no zero behind it: a read too far is found */
		struct buffer rest = { 0 };
		struct lines lines;

		print_message("%s\n", cases[i].name);
		assert_non_null(message);
		memcpy(message, cases[i].message, size);
		assert_int_equal(lines_cut(&lines, message, size, &rest), cases[i].rest != NULL);
		free(message);
		if (cases[i].rest) {
			assert_int_equal(rest.used, strlen(cases[i].rest));
			assert_memory_equal(rest.data, cases[i].rest, rest.used);
			assert_lines(&lines, cases[i].lines);
		}
		assert_true(cases[i].rest || (!lines.line && !rest.data));
		lines_free(&lines);
		buffer_free(&rest);
	}
}

static void test_many(void **state)
{
	enum { COUNT = 10000 };
	struct buffer message = { 0 }, rest = { 0 };
	struct lines lines;

	(void)state;
	buffer_add_string(&message, "{\"commands\":[\"x\"");
	for (int i = 1; i < COUNT; i++)
		buffer_add_string(&message, ",\"mpls add 16 swap 17 via 10.0.0.1\"");
	buffer_add_string(&message, "]}");
	assert_true(lines_cut(&lines, message.data, message.used, &rest));
	assert_int_equal(lines.count, COUNT);
	assert_string_equal(lines.line[0], "x");
	assert_string_equal(lines.line[COUNT - 1], "mpls add 16 swap 17 via 10.0.0.1");
	lines_free(&lines);
	buffer_free(&message);
	buffer_free(&rest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
