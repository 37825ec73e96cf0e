/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The journal: what was appended is read again; what was being written when its writer died is not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "controlplane/api/journal.h"

static char directory[] = "/tmp/shunt-journal-XXXXXX";
static char path[64];

static void write_file(const char *text, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static uint64_t file_size(void)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return (uint64_t)status.st_size;
}

/* The lines that count, joined by |. */
static void read_joined(char *text, size_t size, struct journal_lines *lines)
{
	char error[JOURNAL_ERROR_SIZE] = "";
	int rc = journal_read(lines, path, error);

	*text = 0;
	if (rc)
		snprintf(text, size, "error %d", rc);
	for (size_t i = 0; i < lines->count; i++) {
		strncat(text, lines->line[i], size - strlen(text) - 1);
		strncat(text, "|", size - strlen(text) - 1);
	}
}

static void test_reading(void **state)
{
	static const struct {
		const char *what, *text, *lines;
		size_t dropped, valid; /* valid: bytes after the first line */
	} cases[] = {
		{ "empty", "", "", 0, 0 },
		{ "lines", "a 1\nb 2\n", "a 1|b 2|", 0, 8 },
		{ "half a line", "a 1\nb", "a 1|", 0, 4 },
		{ "atomic", "a\nbegin 2\nb\nc\ncommit\nd\n", "a|b|c|d|", 0, 23 },
		{ "atomic without commit", "a\nbegin 2\nb\nc\n", "a|", 2, 2 },
		{ "atomic with half a commit", "a\nbegin 2\nb\nc\ncommi", "a|", 2, 2 },
		{ "atomic with half a line", "a\nbegin 2\nb\nc", "a|", 1, 2 },
		{ "half a begin", "a\nbegin 2", "a|", 0, 2 },
		{ "atomic short of a line", "a\nbegin 3\nb\nc\ncommit\nd\n", "a|d|", 2, 23 },
		{ "atomic in atomic", "begin 2\na\nbegin 1\nb\ncommit\n", "b|", 1, 27 },
		{ "comment and empty line", "# x\n\na\n", "a|", 0, 7 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct journal_lines lines;
		char text[256], joined[256];
		size_t first = strlen(JOURNAL_FIRST_LINE);

		snprintf(text, sizeof(text), "%s%s", JOURNAL_FIRST_LINE, cases[i].text);
		write_file(text, strlen(text));
		read_joined(joined, sizeof(joined), &lines);
		print_message("%s\n", cases[i].what);
		assert_string_equal(joined, cases[i].lines);
		assert_int_equal(lines.dropped, cases[i].dropped);
		assert_int_equal(lines.valid_size, first + cases[i].valid);
		journal_lines_free(&lines);
	}
}

static void test_refused(void **state)
{
	struct journal_lines lines;
	char joined[64];

	(void)state;
	unlink(path);
	read_joined(joined, sizeof(joined), &lines);
	assert_int_equal(atoi(joined + 6), -ENOENT);
	write_file("# shunt journal 2\n", 18);
	read_joined(joined, sizeof(joined), &lines);
	assert_int_equal(atoi(joined + 6), -EPROTO);
	write_file("", 0);
	read_joined(joined, sizeof(joined), &lines);
	assert_int_equal(atoi(joined + 6), -EPROTO);
	unlink(path);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	read_joined(joined, sizeof(joined), &lines);
	assert_int_equal(atoi(joined + 6), -ELOOP);
	unlink(path);
}

static int fill(void *context, struct journal_writer *writer)
{
	for (int i = 0; i < *(int *)context; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d\n", i);
		buffer_add_string(&writer->buffer, line);
		if (journal_spill(writer))
			return writer->status;
	}
	return 0;
}

static int fill_badly(void *context, struct journal_writer *writer)
{
	buffer_add_string(&writer->buffer, "lost\n");
	(void)context;
	return -EIO;
}

static void test_append(void **state)
{
	struct journal journal = { .fd = -1 };
	struct journal_lines lines;
	char joined[64];
	int count = 2;

	(void)state;
	assert_int_equal(journal_rewrite(&journal, path, fill, &count), 0);
	assert_int_equal(journal_append(&journal, "x\ny\n", 4), 0);
	assert_int_equal(journal.size, file_size());
	read_joined(joined, sizeof(joined), &lines);
	assert_string_equal(joined, "line 0|line 1|x|y|");
	journal_lines_free(&lines);

	/* A rewrite that fails leaves everything as it is, and appending goes on. */
	assert_int_equal(journal_rewrite(&journal, path, fill_badly, NULL), -EIO);
	assert_int_equal(journal_append(&journal, "z\n", 2), 0);
	read_joined(joined, sizeof(joined), &lines);
	assert_string_equal(joined, "line 0|line 1|x|y|z|");
	journal_lines_free(&lines);

	/* Through its own path, as compaction does it. */
	count = 1;
	assert_int_equal(journal_rewrite(&journal, journal.path, fill, &count), 0);
	assert_int_equal(journal_append(&journal, "w\n", 2), 0);
	read_joined(joined, sizeof(joined), &lines);
	assert_string_equal(joined, "line 0|w|");
	journal_lines_free(&lines);
	journal_close(&journal);
}

static void test_open_cuts(void **state)
{
	struct journal journal = { .fd = -1 };
	struct journal_lines lines;
	char joined[64];

	(void)state;
	write_file(JOURNAL_FIRST_LINE "a\nbegin 2\nb", strlen(JOURNAL_FIRST_LINE) + 11);
	read_joined(joined, sizeof(joined), &lines);
	assert_int_equal(journal_open(&journal, path, lines.valid_size), 0);
	journal_lines_free(&lines);
	assert_int_equal(journal_append(&journal, "c\n", 2), 0);
	read_joined(joined, sizeof(joined), &lines);
	assert_string_equal(joined, "a|c|");
	journal_lines_free(&lines);
	journal_close(&journal);
}

/* A file system that is full in the middle of a line: nothing of it stays. */
static void test_full(void **state)
{
	struct rlimit limit = { 0 }, old;
	struct journal journal = { .fd = -1 };
	uint64_t before;
	int count = 1;

	(void)state;
	assert_int_equal(journal_rewrite(&journal, path, fill, &count), 0);
	before = file_size();
	getrlimit(RLIMIT_FSIZE, &old);
	limit = (struct rlimit){ before + 5, old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(journal_append(&journal, "longer than five\n", 17), -ENOSPC);
	assert_int_equal(file_size(), before);
	assert_int_equal(journal_append(&journal, "fits\n", 5), 0);
	assert_int_equal(journal_append(&journal, "no\n", 3), -EFBIG);
	assert_int_equal(file_size(), before + 5);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(journal_append(&journal, "again\n", 6), 0);
	journal_close(&journal);
}

static void test_wants_rewrite(void **state)
{
	struct journal journal = { .fd = -1, .size = 2 << 20, .obsolete = 1 << 20 };

	(void)state;
	assert_false(journal_wants_rewrite(&journal));
	journal.obsolete++;
	assert_true(journal_wants_rewrite(&journal));
	journal.size += 4;
	assert_false(journal_wants_rewrite(&journal));
}

static int set_up(void **state)
{
	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	if (!mkdtemp(directory))
		return -1;
	snprintf(path, sizeof(path), "%s/journal", directory);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_append),  cmocka_unit_test(test_open_cuts),
		cmocka_unit_test(test_full),    cmocka_unit_test(test_wants_rewrite),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
