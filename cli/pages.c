/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pages.c: all label routes, asked for a page at a time: neither the control plane nor we have a
 * million rows in memory, and the first ones are seen at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/render.h"
#include "cli/session.h"

enum { PAGE_ROWS = 4096 };

struct pages {
	struct session *session;
	struct arguments arguments; /* of the next page */
	bool one_space;             /* the user asked for */
	uint64_t rows;              /* printed so far */
	struct layout layout;
};

bool pages_wanted(const struct arguments *arguments)
{
	return arguments->command->id == COMMAND_MPLS_SHOW &&
	       !argument_present(arguments, MPLS_LABEL) &&
	       !argument_present(arguments, MPLS_SHOW_COUNT);
}

static void set_number(struct arguments *arguments, unsigned int parameter, uint64_t number)
{
	arguments->value[parameter].number = number;
	arguments->present |= parameter_bit(parameter);
}

/* How often the member stands in the text; *last is its last value. */
static uint64_t member_count(const char *text, const char *member, uint64_t *last)
{
	uint64_t count = 0;

	while ((text = strstr(text, member))) {
		text += strlen(member);
		*last = strtoull(text, NULL, 10);
		count++;
	}
	return count;
}

/* What to ask for after this page. False: it was the last one. Without a space named, a page begins
 * in the first space and may reach into others; there it goes on space by space. */
static bool pages_next(struct pages *pages, const char *text)
{
	struct arguments *next = &pages->arguments;
	uint64_t label = 0, space = 0, rows = member_count(text, "\"label\":", &label);

	member_count(text, "\"space\":", &space);
	pages->rows += rows;
	if (rows >= PAGE_ROWS && label + 1 < LABEL_COUNT) {
		if (space > 0)
			set_number(next, MPLS_SPACE, space);
		set_number(next, MPLS_SHOW_FROM, label + 1);
		return true;
	}
	if (pages->one_space || (rows < PAGE_ROWS && !argument_present(next, MPLS_SPACE)))
		return false;
	if (rows < PAGE_ROWS)
		space = next->value[MPLS_SPACE].number;
	set_number(next, MPLS_SPACE, space + 1);
	set_number(next, MPLS_SHOW_FROM, LABEL_FIRST_FREE);
	return space + 1 < LABEL_SPACE_MAX;
}

/* The rows of an array without its brackets, as a part of one long array. */
static void rows_pass(const struct pages *pages, const char *text)
{
	const char *first = strchr(text, '['), *last = strrchr(text, ']');

	if (!first || !last || !strchr(text, '{'))
		return;
	while (last > first && (last[-1] == '\n' || last[-1] == ' '))
		last--;
	if (pages->rows > 0)
		putchar(',');
	fwrite(first + 1, 1, (size_t)(last - first - 1), stdout);
}

static void page_print(struct pages *pages, const char *text)
{
	const struct session *session = pages->session;
	json_t *rows;
	char *pretty;

	if (session->json && !session->pretty) {
		rows_pass(pages, text);
		return;
	}
	rows = json_loads(text, 0, NULL);
	if (session->pretty) {
		pretty = json_dumps(rows, JSON_INDENT(2) | JSON_MEANT_REALS);
		if (pretty)
			rows_pass(pages, pretty);
		free(pretty);
	} else {
		render_page(stdout, pages->arguments.command, rows, session->statistics,
			    &pages->layout);
	}
	json_decref(rows);
}

static int pages_print(struct pages *pages, struct error *error)
{
	bool more = true;

	while (more) {
		char *text;
		int code = run_text(pages->session, &pages->arguments, &text, error);

		if (code != 0)
			return code;
		pages->session->quiet |= pages->session->fd < 0; /* it is said once */
		page_print(pages, text);
		more = pages_next(pages, text) && !ferror(stdout);
		free(text);
	}
	return 0;
}

int pages_show(struct session *session, const struct arguments *arguments, struct error *error)
{
	bool array = session->json || session->pretty, quiet = session->quiet;
	struct pages *pages = calloc(1, sizeof(*pages));
	int code;

	if (!pages)
		return error_set(error, ERROR_REFUSED, ENOMEM,
				 "no memory for a page of label routes");
	pages->session = session;
	pages->arguments = *arguments;
	pages->one_space = argument_present(arguments, MPLS_SPACE);
	set_number(&pages->arguments, MPLS_SHOW_COUNT, PAGE_ROWS);
	if (array)
		putchar('[');
	code = pages_print(pages, error);
	session->quiet = quiet;
	if (array && (code == 0 || pages->rows > 0))
		fputs(pages->rows > 0 && session->pretty ? "\n]\n" : "]\n", stdout);
	fflush(stdout);
	free(pages);
	return code;
}
