/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <string.h>
#include <time.h>
#include "cli/top.h"

enum { NUMBER_WIDTH = 10 };

void top_number(double value, char text[16])
{
	static const char suffix[] = " kMGTPE";
	unsigned int i = 0;

	if (value < 999.95) {
		bool whole = value >= 99.95 || fabs(value - rint(value)) < 0.005;
		snprintf(text, 16, "%.*f", whole ? 0 : 1, value);
		return;
	}
	for (; value >= 999.5 && i + 2 < sizeof(suffix); i++)
		value /= 1000;
	snprintf(text, 16, "%.*f%c", value < 9.995 ? 2 : value < 99.95 ? 1 : 0, value, suffix[i]);
}

static void time_format(char text[32])
{
	time_t now = time(NULL);
	struct tm utc;

	gmtime_r(&now, &utc);
	strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", &utc);
}

/* ---- text ---- */

static int widest(const struct top *top, unsigned int word)
{
	size_t width = strlen(top->pane->titles[word]);

	for (unsigned int i = 0; i < top->result.count; i++) {
		size_t length = strlen(top->result.row[i].name[word]);
		width = length > width ? length : width;
	}
	return (int)width;
}

void top_print_text(FILE *out, const struct top *top)
{
	const struct top_pane *pane = top->pane;
	int width[2] = { widest(top, 0), widest(top, 1) };
	char time[32], number[16];

	time_format(time);
	fprintf(out, "%s %s: %u of %zu, over %.3f s\n", time, pane->name, top->result.count,
		top->result.of, top->result.seconds);
	fprintf(out, "%-*s %-*s", width[0], pane->titles[0], width[1], pane->titles[1]);
	for (unsigned int i = 0; pane->columns[i].title; i++)
		fprintf(out, " %*s", NUMBER_WIDTH, pane->columns[i].title);
	for (unsigned int r = 0; r < top->result.count; r++) {
		const struct top_row *row = &top->result.row[r];
		fprintf(out, "\n%-*s %-*s", width[0], row->name[0], width[1], row->name[1]);
		for (unsigned int i = 0; pane->columns[i].title; i++) {
			top_number(row->value[i], number);
			fprintf(out, " %*s", NUMBER_WIDTH, number);
		}
	}
	fputs("\n\n", out);
}

/* ---- JSON ---- */

/* Tenths are what a rate over a second is worth; totals are whole. */
static json_t *value_json(const struct top_column *column, double value)
{
	if (column && column->kind == TOP_TOTAL)
		return json_integer((json_int_t)value);
	return json_real(rint(value * 10) / 10);
}

static json_t *row_json(const struct top_pane *pane, const struct top_row *row)
{
	json_t *object = json_object();

	for (unsigned int i = 0; i < 2; i++) {
		const char *name = row->name[i];
		bool number = pane->numbers[i] && *name >= '0' && *name <= '9';
		json_t *word = number ? json_integer(strtoll(name, NULL, 10)) : json_string(name);
		json_object_set_new(object, pane->keys[i], word ? word : json_string("?"));
	}
	for (unsigned int i = 0; pane->columns[i].title; i++)
		json_object_set_new(object, pane->columns[i].key,
				    value_json(&pane->columns[i], row->value[i]));
	return object;
}

void top_print_json(FILE *out, const struct top *top, bool pretty)
{
	json_t *object = json_object(), *summary = json_object(), *rows = json_array();
	char time[32];

	time_format(time);
	json_object_set_new(object, "time", json_string(time));
	json_object_set_new(object, "pane", json_string(top->pane->name));
	json_object_set_new(object, "seconds", json_real(rint(top->result.seconds * 1e6) / 1e6));
	json_object_set_new(object, "controlplane_alive", json_boolean(top->source.controlplane));
	json_object_set_new(object, "dataplane_alive", json_boolean(top->source.dataplane));
	for (unsigned int i = 0; i < SUMMARIES; i++)
		json_object_set_new(summary, top_summary_keys[i], value_json(NULL, top->summary[i]));
	json_object_set_new(object, "summary", summary);
	json_object_set_new(object, "of", json_integer((json_int_t)top->result.of));
	for (unsigned int i = 0; i < top->result.count; i++)
		json_array_append_new(rows, row_json(top->pane, &top->result.row[i]));
	json_object_set_new(object, "rows", rows);
	json_dumpf(object, out, (pretty ? JSON_INDENT(2) : JSON_COMPACT) | JSON_REAL_PRECISION(12));
	fputc('\n', out);
	json_decref(object);
}
