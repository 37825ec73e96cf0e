/* SPDX-License-Identifier: BSD-3-Clause
 *
 * export.c: `tables export`: every row of every table, a JSON object a line, with the table's name in
 * front. Rows are what the tables' shows say with -j.
 *
 * Labels and bridges' addresses, of which there may be a million, are read from the shared files: they
 * have all that there is to say of these, and the control plane has nothing to do with it. The rest is
 * asked for, long tables page by page.
 */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "cli/session.h"
#include "controlplane/object/object.h"

enum { PAGE_ROWS = 4096, OUTPUT_BUFFER = 1 << 20 };

/* Parameters are large, and this is one thread. */
static struct arguments arguments;

struct export {
	struct session *session;
	const char *table;
	struct error *error;
	bool broken; /* nobody takes our output any more */
};

static bool wanted_by_nobody(struct export *export)
{
	export->broken |= ferror(stdout) != 0;
	return export->broken;
}

/* ---- rows ---- */

static void print_row(const struct export *export, const char *row, size_t length)
{
	if (length < 2)
		return;
	fputs("{\"table\":\"", stdout);
	fputs(export->table, stdout);
	fputs(length > 2 ? "\"," : "\"", stdout);
	fwrite(row + 1, 1, length - 1, stdout);
	putchar_unlocked('\n');
}

/* Behind the string that begins at the quote: a quote with an odd number of backslashes before it is
 * part of it. Few have any. */
static const char *string_end(const char *at, const char *end)
{
	size_t backslashes;

	do {
		at = memchr(at + 1, '"', (size_t)(end - at - 1));
		for (backslashes = 0; at && at[-1 - (ptrdiff_t)backslashes] == '\\';)
			backslashes++;
	} while (at && backslashes % 2 != 0);
	return at ? at + 1 : end;
}

/* The objects of a compact array, one line each; strings may have any bracket in them. */
static void print_rows(struct export *export, const char *text, size_t length)
{
	static const bool special[256] = { ['"'] = true, ['{'] = true, ['}'] = true,
					   ['['] = true, [']'] = true };
	const char *end = text + length, *row = NULL;
	unsigned int depth = 0;

	for (const char *at = text; at < end;) {
		while (at < end && !special[(unsigned char)*at])
			at++;
		if (at == end)
			break;
		if (*at == '"') {
			at = string_end(at, end);
			continue;
		}
		if (*at == '{' || *at == '[') {
			if (depth++ == 1)
				row = at;
		} else if (--depth == 1 && row) {
			print_row(export, row, (size_t)(at + 1 - row));
		}
		at++;
	}
}

static void print_json(struct export *export, const json_t *row)
{
	char *text = json_dumps(row, JSON_COMPACT);

	if (text)
		print_row(export, text, strlen(text));
	free(text);
}

/* ---- asking ---- */

static int ask(struct export *export, const char *line, json_t **rows)
{
	int code = command_parse(line, &arguments, export->error);

	*rows = NULL;
	return code != 0 ? code : run_query(export->session, &arguments, rows, export->error);
}

static int export_whole(struct export *export, const char *line)
{
	char *text;
	int code = command_parse(line, &arguments, export->error);

	if (code == 0)
		code = run_text(export->session, &arguments, &text, export->error);
	if (code != 0)
		return code;
	print_rows(export, text, strlen(text));
	free(text);
	return 0;
}

/* ---- routes ---- */

/* How many rows at the end are of the last one's prefix: a route may stand behind a system's. */
static size_t count_last(const json_t *rows)
{
	size_t size = json_array_size(rows), count = 0;
	const char *last = member_text(json_array_get(rows, size - 1), "prefix");

	while (count < size &&
	       strcmp(member_text(json_array_get(rows, size - 1 - count), "prefix"), last) == 0)
		count++;
	return count;
}

static int export_vrf(struct export *export, unsigned int vrf)
{
	char from[64] = "", line[160];
	size_t known = 0, size, index;
	json_t *rows, *row;

	do {
		snprintf(line, sizeof(line), "route show vrf %u count %d %s%s", vrf, PAGE_ROWS,
			 *from ? "from " : "", from);
		int code = ask(export, line, &rows);
		if (code != 0)
			return code;
		size = json_array_size(rows);
		json_array_foreach(rows, index, row)
		{
			bool again = index < known && strcmp(member_text(row, "prefix"), from) == 0;
			if (!again)
				print_json(export, row);
		}
		if (size > 0) {
			known = count_last(rows);
			snprintf(from, sizeof(from), "%s",
				 member_text(json_array_get(rows, size - 1), "prefix"));
		}
		json_decref(rows);
	} while (size == PAGE_ROWS && !wanted_by_nobody(export));
	return 0;
}

static int export_routes(struct export *export)
{
	int code = 0;

	for (unsigned int vrf = 0; vrf < VRF_MAX && code == 0; vrf++)
		code = export_vrf(export, vrf);
	return code;
}

/* ---- lists of prefixes ---- */

static int export_list(struct export *export, const char *name)
{
	char from[64] = "", line[160];
	json_t *rows, *prefixes, *prefix;
	size_t size, index;

	do {
		snprintf(line, sizeof(line), "filter list show %s count %d %s%s", name, PAGE_ROWS,
			 *from ? "from " : "", from);
		int code = ask(export, line, &rows);
		if (code != 0)
			return code;
		prefixes = json_object_get(json_array_get(rows, 0), "prefixes");
		size = json_array_size(prefixes);
		json_array_foreach(prefixes, index, prefix)
		{
			const char *text = json_string_value(prefix);
			if (text && strcmp(text, from) != 0)
				printf("{\"table\":\"%s\",\"list\":\"%s\",\"prefix\":\"%s\"}\n",
				       export->table, name, text);
		}
		if (size > 0)
			snprintf(from, sizeof(from), "%s",
				 json_string_value(json_array_get(prefixes, size - 1)));
		json_decref(rows);
	} while (size == PAGE_ROWS && !wanted_by_nobody(export));
	return 0;
}

static int export_lists(struct export *export)
{
	json_t *lists, *list;
	size_t index;
	int code = ask(export, "filter list show", &lists);

	json_array_foreach(lists, index, list)
		if (code == 0)
			code = export_list(export, member_text(list, "name"));
	json_decref(lists);
	return code;
}

/* ---- from the shared files ---- */

static int list_labels(struct export *export, const struct view *view)
{
	struct label_listing listing;
	int code = command_parse("mpls show", &arguments, export->error);

	if (code == 0)
		code = label_listing_begin(&listing, view, &arguments, export->error);
	if (code != 0)
		return code;
	for (int step = 0; step == 0 && !wanted_by_nobody(export);) {
		listing.count = 0; /* no answer that must not be too long */
		step = label_listing_step(&listing, view, export->error);
		if (step != 0)
			buffer_add(&listing.text, "]", 1);
		print_rows(export, listing.text.data, listing.text.used);
		listing.text.used = 0;
		buffer_add(&listing.text, "[", 1);
	}
	buffer_free(&listing.text);
	return 0;
}

static int list_fdb(struct export *export, const struct view *view)
{
	int code = command_parse("bridge fdb show", &arguments, export->error);
	json_t *rows = code == 0 ? view_show(view, &arguments, export->error) : NULL, *row;
	size_t index;

	if (!rows)
		return code != 0 ? code : export->error->code;
	json_array_foreach(rows, index, row) print_json(export, row);
	json_decref(rows);
	return 0;
}

static int with_files(struct export *export,
		      int (*list)(struct export *export, const struct view *view))
{
	struct region tables, state;
	struct view view;
	char reason[REGION_ERROR_SIZE];
	int code = files_open(&export->session->place, &tables, &state, &view, reason);

	if (code != 0)
		return error_set(export->error, ERROR_REFUSED, -code, "%s: %s", export->table, reason);
	code = list(export, &view);
	region_close(&state);
	region_close(&tables);
	return code;
}

static int export_labels(struct export *export)
{
	return with_files(export, list_labels);
}

static int export_fdb(struct export *export)
{
	return with_files(export, list_fdb);
}

/* ---- the tables ---- */

/* `show`: its rows are all there is to it; else `rows`. */
static const struct {
	const char *table, *show;
	int (*rows)(struct export *export);
} tables[] = {
	{ "ports", "port show", NULL },
	{ "vlans", "vlan show", NULL },
	{ "loopbacks", "loopback show", NULL },
	{ "bridges", "bridge show", NULL },
	{ "tunnels", "tunnel show", NULL },
	{ "pseudowires", "pseudowire show", NULL },
	{ "addresses", "address show", NULL },
	{ "neighbours", "neigh show", NULL },
	{ "nexthops", "nexthop show", NULL },
	{ "routes", NULL, export_routes },
	{ "labels", NULL, export_labels },
	{ "fdb", NULL, export_fdb },
	{ "groups", "bridge groups show", NULL },
	{ "routers", "bridge routers show", NULL },
	{ "multicast_routes", "multicast route show", NULL },
	{ "multicast_groups", "multicast groups show", NULL },
	{ "filters", "filter show", NULL },
	{ "rules", "filter rule show", NULL },
	{ "lists", NULL, export_lists },
};

bool export_wanted(const struct arguments *asked)
{
	return asked->command->id == COMMAND_TABLES_EXPORT;
}

/* Without a control plane, what only it knows is missing: said for each table, and by the exit code. */
static int export_all(struct export *export)
{
	struct error first = { .kind = ERROR_NONE };
	int result = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		if (wanted_by_nobody(export))
			break;
		export->table = tables[i].table;
		int code = tables[i].show ? export_whole(export, tables[i].show)
					  : tables[i].rows(export);
		export->session->quiet |= export->session->fd < 0; /* it is said once */
		if (code == 0)
			continue;
		fprintf(stderr, "# %s are missing: %s\n", tables[i].table, export->error->text);
		if (result == 0)
			first = *export->error;
		result = code;
	}
	if (result != 0)
		*export->error = first;
	return result;
}

int export_tables(struct session *session, struct error *error)
{
	struct export export = { .session = session, .error = error };
	bool quiet = session->quiet;

	setvbuf(stdout, NULL, _IOFBF, OUTPUT_BUFFER);
	int code = export_all(&export);
	session->quiet = quiet;
	if (fflush(stdout) != 0 || export.broken)
		return error_set(error, ERROR_REFUSED, -EPIPE, "tables: output: %s", strerror(errno));
	return code;
}
