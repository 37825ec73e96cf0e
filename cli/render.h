/* SPDX-License-Identifier: BSD-3-Clause
 *
 * render.h: results as tables for people. JSON is for programs: nothing here is stable.
 */
#ifndef SHUNT_CLI_RENDER_H
#define SHUNT_CLI_RENDER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "controlplane/api/command.h"

enum column_flag {
	COLUMN_RIGHT = 1 << 0,      /* numbers */
	COLUMN_STATISTICS = 1 << 1, /* with -s only */
	COLUMN_STACK = 1 << 2,      /* an array of labels: joined with / */
};

/* One column: a member of each row. A column that no row has is left out. */
struct column {
	const char *title;
	const char *key;
	unsigned int flags;
	const char *inner;  /* an array of objects: their members to show, blanks between; each
			     * object is a line of its own */
	const char *common; /* the row's member that says the first of these for all of them, if it
			     * has anything to say */
};

/* How the result of one command is laid out. */
struct sheet {
	enum command_id command;
	const struct column *columns; /* ends with title NULL */
};

/* The sheet of a command, or NULL: then the columns are the members of the first row. */
const struct sheet *sheet_find(enum command_id command);

/* How the page before was laid out: columns (the sheet's own) and their widths. Zero at first. */
enum { COLUMNS_MAX = 48 };
struct layout {
	unsigned int count;
	const char *key[COLUMNS_MAX];
	unsigned int width[COLUMNS_MAX];
};

/* One page of a long table. Its titles are written where they changed place. */
void render_page(FILE *out, const struct command *command, json_t *rows, bool statistics,
		 struct layout *layout);

/* Write `result` for people: an array of objects as a table, an object as lines and tables. */
void render(FILE *out, const struct command *command, json_t *result, bool statistics);

#endif
