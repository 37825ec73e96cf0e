/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Where messages end: the same stream is cut in the same places however its bytes arrive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "controlplane/api/scanner.h"

/* What a stream is cut into: M message, B broken, D too deep, N too many values, each with its length; "?" half a
 * message. */
static void cut(const char *text, size_t size, size_t step, char *result, size_t room)
{
	static struct scanner scanner;
	size_t at = 0, start = 0, used = 0;

	memset(&scanner, 0, sizeof(scanner));
	*result = 0;
	for (size_t have = 0; at < size || have < size;) {
		enum scanner_result r;
		size_t taken;

		have = have + step > size ? size : have + step;
		while (at < have) {
			if (!scanner_begun(&scanner)) {
				at += scanner_skip(&scanner, text + at, have - at);
				start = at;
				if (at == have)
					break;
			}
			r = scanner_feed(&scanner, text + at, have - at, &taken);
			at += taken;
			if (r != SCANNER_MORE)
				used += (size_t)snprintf(result + used, room - used, "%c%zu ",
							 " MBDN"[r], at - start);
		}
	}
	if (scanner_begun(&scanner))
		snprintf(result + used, room - used, "?");
}

static void expect(const char *text, const char *expected)
{
	char result[256];

	for (size_t step = 1; step <= 7; step++) {
		cut(text, strlen(text), step, result, sizeof(result));
		assert_string_equal(result, expected);
	}
	cut(text, strlen(text), strlen(text) + 1, result, sizeof(result));
	assert_string_equal(result, expected);
}

static void test_messages(void **state)
{
	(void)state;
	expect("{}", "M2 ");
	expect("{}\n", "M2 ");
	expect("{\"a\":1}\n[1,2]\n", "M7 M5 ");
	expect("{}{}[]", "M2 M2 M2 ");
	expect(" \t\r\n {\n  \"a\": [1,\n 2]\n}\n", "M18 ");
	expect("", "");
	expect(" \n \n", "");
}

static void test_strings(void **state)
{
	(void)state;
	expect("{\"}\":\"]{\"}", "M10 ");
	expect("{\"\\\"}\":1}", "M9 ");
	expect("{\"\\\\\":1}", "M8 ");
	expect("[\"\\\\\\\"]\"]", "M9 ");
}

static void test_half(void **state)
{
	(void)state;
	expect("{\"a\":", "?");
	expect("{}[1,", "M2 ?");
	expect("{\"a", "?");
	expect("{\"a\\", "?");
}

static void test_broken(void **state)
{
	(void)state;
	expect("hello\n{}", "B1 M2 ");
	expect("}\n{}", "B1 M2 ");
	expect("{]}\n{}", "B2 M2 ");
	expect("[}", "B2 ");
	expect("{\"a\n{}", "B4 M2 "); /* a quote that was forgotten ends with its line */
	expect("{\"a\tb\"}\n{}", "B4 M2 ");
	expect("x {} {}\n{}", "B1 M2 "); /* the rest of the line is dropped with it */
}

static void test_deep(void **state)
{
	static char text[2 * SCANNER_DEPTH_MAX + 3];
	char result[64], expected[64];

	(void)state;
	memset(text, '[', SCANNER_DEPTH_MAX);
	memset(text + SCANNER_DEPTH_MAX, ']', SCANNER_DEPTH_MAX);
	snprintf(expected, sizeof(expected), "M%d ", 2 * SCANNER_DEPTH_MAX);
	cut(text, 2 * SCANNER_DEPTH_MAX, 100, result, sizeof(result));
	assert_string_equal(result, expected);
	memset(text, '{', SCANNER_DEPTH_MAX + 1);
	snprintf(expected, sizeof(expected), "D%d ", SCANNER_DEPTH_MAX + 1);
	cut(text, SCANNER_DEPTH_MAX + 1, 100, result, sizeof(result));
	assert_string_equal(result, expected);
}

/* As many values as a message may have, and one more. */
static void test_many(void **state)
{
	static char text[2 * SCANNER_VALUES_MAX + 8];
	char result[64], expected[64];
	size_t size = 0;

	(void)state;
	size += (size_t)sprintf(text, "{},[");
	while (size < 2 * SCANNER_VALUES_MAX + 2) {
		text[size++] = '1';
		text[size++] = ',';
	}
	text[size++] = '1';
	text[size++] = ']';
	memmove(text + 2, text + 3, size - 3); /* the message before does not count */
	size--;
	snprintf(expected, sizeof(expected), "M2 M%zu ", size - 2);
	cut(text, size, 4096, result, sizeof(result));
	assert_string_equal(result, expected);
	memcpy(text + size - 1, ",1]", 3);
	snprintf(expected, sizeof(expected), "M2 N%zu ?", size - 2);
	cut(text, size, 4096, result, sizeof(result));
	assert_string_equal(result, expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages), cmocka_unit_test(test_strings),
		cmocka_unit_test(test_half),     cmocka_unit_test(test_broken),
		cmocka_unit_test(test_deep),     cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
