/* SPDX-License-Identifier: BSD-3-Clause */
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "cli/render.h"
#include "controlplane/api/buffer.h"

enum { TITLE_MAX = 48 };

/* ---- one cell ---- */

/* Text of a cell; a newline in it begins another line of the row. */
static void cell_add(struct buffer *cell, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void cell_add(struct buffer *cell, const char *format, ...)
{
	va_list list, again;

	va_start(list, format);
	va_copy(again, list);
	int length = vsnprintf(NULL, 0, format, list);
	if (length >= 0) {
		size_t size = (size_t)length + 1; /* the end is written, but not counted */
		vsnprintf(buffer_reserve(cell, size), size, format, again);
		cell->used += (size_t)length;
	}
	va_end(again);
	va_end(list);
}

static const char *cell_text(const struct buffer *cell)
{
	return cell->used ? cell->data : "";
}

static void cell_value(struct buffer *cell, json_t *value, const char *between);
static void cell_object(struct buffer *cell, json_t *object, const char *inner);

/* A member with its name; what is false, null or empty is left out. */
static void cell_member(struct buffer *cell, const char *key, json_t *value, const char *inner)
{
	const char *blank = cell->used && cell->data[cell->used - 1] != '\n' &&
					    cell->data[cell->used - 1] != '('
				    ? " "
				    : "";

	if (!value || json_is_null(value) || json_is_false(value) ||
	    (json_is_array(value) && json_array_size(value) == 0) ||
	    (json_is_object(value) && json_object_size(value) == 0) ||
	    (json_is_string(value) && json_string_length(value) == 0))
		return;
	cell_add(cell, "%s%s", blank, key);
	if (json_is_true(value))
		return;
	if (!json_is_object(value)) {
		cell_add(cell, " ");
		cell_value(cell, value, "/");
		return;
	}
	cell_add(cell, " (");
	cell_object(cell, value, inner);
	cell_add(cell, ")");
}

/* Members with their names. `inner` names which ones and their order, NULL: all. */
static void cell_object(struct buffer *cell, json_t *object, const char *inner)
{
	const char *all = inner;

	const char *key;
	json_t *value;

	if (!inner) {
		json_object_foreach(object, key, value) cell_member(cell, key, value, NULL);
		return;
	}
	while (*inner) {
		char name[TITLE_MAX];
		size_t length = strcspn(inner, " ");
		snprintf(name, sizeof(name), "%.*s", (int)length, inner);
		cell_member(cell, name, json_object_get(object, name), all);
		inner += length + strspn(inner + length, " ");
	}
}

static void cell_value(struct buffer *cell, json_t *value, const char *between)
{
	size_t index;
	json_t *item;

	if (json_is_string(value)) {
		cell_add(cell, "%s", json_string_value(value));
	} else if (json_is_integer(value)) {
		cell_add(cell, "%lld", (long long)json_integer_value(value));
	} else if (json_is_real(value)) {
		cell_add(cell, "%.2f", json_real_value(value));
	} else if (json_is_boolean(value)) {
		cell_add(cell, "%s", json_is_true(value) ? "yes" : "no");
	} else if (json_is_object(value)) {
		cell_object(cell, value, NULL);
	} else if (json_is_array(value)) {
		json_array_foreach(value, index, item)
		{
			cell_add(cell, "%s", index ? between : "");
			cell_value(cell, item, between);
		}
	}
}

static void cell_set(struct buffer *cell, const struct column *column, json_t *row)
{
	json_t *value = json_object_get(row, column->key);
	const char *inner = column->inner;
	size_t index;
	json_t *item;

	cell->used = 0;
	if (column->common && json_array_size(json_object_get(row, column->common)) > 0)
		inner += strcspn(inner, " ") + 1;
	if (inner && json_is_object(value)) {
		cell_object(cell, value, inner);
	} else if (inner && json_is_array(value)) {
		json_array_foreach(value, index, item)
		{
			cell_add(cell, "%s", index ? "\n" : "");
			if (json_is_object(item))
				cell_object(cell, item, inner);
			else
				cell_value(cell, item, "/");
		}
	} else {
		cell_value(cell, value, column->flags & COLUMN_STACK ? "/" : ", ");
	}
	if (cell->used == 0)
		cell_add(cell, "-");
}

/* ---- a table ---- */

struct table {
	FILE *out;
	struct column column[COLUMNS_MAX];
	char title[COLUMNS_MAX][TITLE_MAX];
	unsigned int width[COLUMNS_MAX];
	unsigned int count;
	struct buffer *cell; /* one per column */
};

static unsigned int text_width(const char *text)
{
	unsigned int widest = 0;

	for (;;) {
		size_t length = strcspn(text, "\n");
		widest = length > widest ? (unsigned int)length : widest;
		if (text[length] == '\0')
			return widest;
		text += length + 1;
	}
}

static bool any_row_has(json_t *rows, const char *key)
{
	size_t index;
	json_t *row;

	json_array_foreach(rows, index, row)
	{
		json_t *value = json_object_get(row, key);
		if (value && !json_is_null(value) &&
		    !(json_is_string(value) && json_string_length(value) == 0))
			return true;
	}
	return false;
}

static void table_sheet(struct table *table, const struct column *columns, json_t *rows,
			bool statistics)
{
	for (; columns->title && table->count < COLUMNS_MAX; columns++) {
		if ((columns->flags & COLUMN_STATISTICS && !statistics) ||
		    !any_row_has(rows, columns->key))
			continue;
		snprintf(table->title[table->count], TITLE_MAX, "%s", columns->title);
		table->column[table->count++] = *columns;
	}
}

/* rx_packets -> RX PACKETS */
static void title_make(char *title, const char *key)
{
	snprintf(title, TITLE_MAX, "%s", key);
	for (; *title; title++)
		*title = *title == '_' ? ' ' : (char)toupper((unsigned char)*title);
}

static void table_members(struct table *table, json_t *rows)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_array_get(rows, 0), key, value)
	{
		struct column *column = &table->column[table->count];
		if (table->count == COLUMNS_MAX || !any_row_has(rows, key))
			continue;
		title_make(table->title[table->count++], key);
		*column = (struct column){ .title = "",
					   .key = key,
					   .flags = json_is_number(value) ? COLUMN_RIGHT : 0 };
	}
}

static void line_print(const struct table *table, const char *const *text, const size_t *length)
{
	unsigned int owed = 0; /* blanks before the next text: none stand at the end of a line */

	for (unsigned int i = 0; i < table->count; i++) {
		unsigned int pad = table->width[i] - (unsigned int)length[i];
		bool right = table->column[i].flags & COLUMN_RIGHT;
		owed += right ? pad : 0;
		if (length[i] > 0) {
			fprintf(table->out, "%*s%.*s", (int)owed, "", (int)length[i], text[i]);
			owed = 0;
		}
		owed += (right ? 0 : pad) + 2;
	}
	fputc('\n', table->out);
}

static void row_print(const struct table *table)
{
	const char *at[COLUMNS_MAX];
	size_t length[COLUMNS_MAX];
	bool more = true;

	for (unsigned int i = 0; i < table->count; i++)
		at[i] = cell_text(&table->cell[i]);
	while (more) {
		for (unsigned int i = 0; i < table->count; i++)
			length[i] = strcspn(at[i], "\n");
		line_print(table, at, length);
		more = false;
		for (unsigned int i = 0; i < table->count; i++) {
			at[i] += length[i] + (at[i][length[i]] == '\n');
			more |= *at[i] != '\0';
		}
	}
}

static void widths_measure(struct table *table, json_t *rows)
{
	size_t index;
	json_t *row;

	for (unsigned int i = 0; i < table->count; i++)
		table->width[i] = (unsigned int)strlen(table->title[i]);
	json_array_foreach(rows, index, row)
	{
		for (unsigned int i = 0; i < table->count; i++) {
			cell_set(&table->cell[0], &table->column[i], row);
			unsigned int width = text_width(cell_text(&table->cell[0]));
			table->width[i] = width > table->width[i] ? width : table->width[i];
		}
	}
}

static void titles_print(struct table *table)
{
	for (unsigned int i = 0; i < table->count; i++) {
		table->cell[i].used = 0;
		cell_add(&table->cell[i], "%s", table->title[i]);
	}
	row_print(table);
}

/* Columns keep the widths of the page before where they are the same. False: something has moved. */
static bool layout_keep(struct table *table, struct layout *layout)
{
	bool same = layout->count == table->count, kept = true;

	for (unsigned int i = 0; i < table->count && same; i++)
		same = strcmp(layout->key[i], table->column[i].key) == 0;
	for (unsigned int i = 0; i < table->count; i++) {
		if (same && layout->width[i] > table->width[i])
			table->width[i] = layout->width[i];
		kept &= same && layout->width[i] == table->width[i];
		layout->key[i] = table->column[i].key;
		layout->width[i] = table->width[i];
	}
	layout->count = table->count;
	return kept;
}

static void table_print(struct table *table, json_t *rows, struct layout *layout)
{
	size_t index;
	json_t *row;

	widths_measure(table, rows);
	if (!layout_keep(table, layout))
		titles_print(table);
	json_array_foreach(rows, index, row)
	{
		for (unsigned int i = 0; i < table->count; i++)
			cell_set(&table->cell[i], &table->column[i], row);
		row_print(table);
	}
}

static void rows_render(FILE *out, const struct command *command, json_t *rows, bool statistics,
			struct layout *layout)
{
	const struct sheet *sheet = command ? sheet_find(command->id) : NULL;
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return;
	table->out = out;
	if (sheet)
		table_sheet(table, sheet->columns, rows, statistics);
	else
		table_members(table, rows);
	table->cell = calloc(table->count + 1, sizeof(*table->cell));
	if (table->cell && table->count > 0)
		table_print(table, rows, layout);
	for (unsigned int i = 0; table->cell && i < table->count; i++)
		buffer_free(&table->cell[i]);
	free(table->cell);
	free(table);
}

void render_page(FILE *out, const struct command *command, json_t *rows, bool statistics,
		 struct layout *layout)
{
	if (json_array_size(rows) > 0)
		rows_render(out, command, rows, statistics, layout);
}

/* ---- what is no table ---- */

static bool is_rows(json_t *value)
{
	return json_is_array(value) && json_is_object(json_array_get(value, 0));
}

static void value_print(FILE *out, json_t *value)
{
	struct buffer cell = { 0 };

	cell_value(&cell, value, ", ");
	fprintf(out, "%s\n", cell_text(&cell));
	buffer_free(&cell);
}

static bool is_named_rows(json_t *value)
{
	const char *key;
	json_t *item;

	json_object_foreach(value, key, item) if (!json_is_object(item)) return false;
	return json_object_size(value) > 0;
}

/* {NAME: {...}, ...} as rows {"name": NAME, ...}: a new reference. */
static json_t *named_rows(json_t *object)
{
	json_t *rows = json_array(), *item;
	const char *key;

	json_object_foreach(object, key, item)
	{
		json_t *row = json_object();
		json_object_set_new(row, "name", json_string(key));
		json_object_update(row, item);
		json_array_append_new(rows, row);
	}
	return rows;
}

/* What `config diff` says: as commands, the way diff marks its lines. */
static void difference_render(FILE *out, json_t *result)
{
	static const char *const part[][2] = { { "delete", "-" },
					       { "add", "+" },
					       { "change", "~" } };
	size_t index;
	json_t *item;

	for (unsigned int i = 0; i < 3; i++)
		json_array_foreach(json_object_get(result, part[i][0]), index, item)
		{
			const char *text = json_string_value(json_object_get(item, "text"));
			fprintf(out, "%s %s\n", part[i][1], text ? text : "");
		}
}

/* Simple members first, as `name value`; then the lists, each with its name above. */
static void object_render(FILE *out, json_t *object, bool statistics)
{
	const char *key;
	json_t *value;
	int width = 0;

	json_object_foreach(object, key, value) if (!is_rows(value) && !is_named_rows(value) &&
						    (int)strlen(key) > width) width =
		(int)strlen(key);
	json_object_foreach(object, key, value)
	{
		if (is_rows(value) || is_named_rows(value))
			continue;
		fprintf(out, "%-*s  ", width, key);
		value_print(out, value);
	}
	json_object_foreach(object, key, value)
	{
		if (!is_rows(value) && !is_named_rows(value))
			continue;
		json_t *rows = is_rows(value) ? json_incref(value) : named_rows(value);
		fprintf(out, "\n%s:\n", key);
		rows_render(out, NULL, rows, statistics, &(struct layout){ 0 });
		json_decref(rows);
	}
}

void render(FILE *out, const struct command *command, json_t *result, bool statistics)
{
	size_t index;
	json_t *item;

	if (is_rows(result)) {
		rows_render(out, command, result, statistics, &(struct layout){ 0 });
	} else if (json_is_array(result)) {
		json_array_foreach(result, index, item) value_print(out, item);
	} else if (command->id == COMMAND_CONFIG_DIFF) {
		difference_render(out, result);
	} else if (json_is_object(result)) {
		object_render(out, result, statistics);
	} else if (!json_is_null(result) && !json_is_boolean(result)) {
		value_print(out, result);
	}
}
