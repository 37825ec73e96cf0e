/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/unit.h"

#include <errno.h>
#include <stdio.h>
#include "controlplane/api/configuration.h"
#include "controlplane/api/log.h"

enum {
	TEXT_MAX = 131072, /* bytes of the longest command: 256 paths */
	LINE_MAX_AS_IS = 512,
};

#define UNDO_PATIENCE_NS 5000000000ull /* as long as a data plane may take to let go */

bool unit_is_journaled(const struct command *command)
{
	static const char *const verbs[] = { "add", "set", "replace", "del" };

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (!strcmp(command->verb, verbs[i]))
			return configuration_command(command->noun, "add");
	return false;
}

/* Canonical text at the end of the buffer, ended by `end`. */
static int add_text(struct buffer *buffer, const struct arguments *arguments, char end)
{
	char *text = buffer_reserve(buffer, TEXT_MAX);
	int length = command_to_text(arguments, text, TEXT_MAX);

	if (length < 0)
		return length;
	if (memchr(text, '\n', (size_t)length))
		return -EINVAL; /* would be two lines of the journal */
	text[length] = end;
	buffer->used += (size_t)length + 1;
	return 0;
}

/* What the journal says of the command. Most lines of a large batch are good as they are: making
 * the canonical text of each again would take longer than executing it. */
static int add_line(struct buffer *buffer, const struct arguments *arguments, const char *line)
{
	size_t length = line && arguments->spelled_out ? strlen(line) : LINE_MAX_AS_IS;

	if (length >= LINE_MAX_AS_IS || strpbrk(line, "\r\n"))
		return add_text(buffer, arguments, '\n');
	buffer_add(buffer, line, length);
	buffer_add(buffer, "\n", 1);
	return 0;
}

static void keep(struct unit *unit, struct arguments *arguments)
{
	if (unit->kept_count == unit->kept_capacity) {
		unit->kept_capacity = unit->kept_capacity ? unit->kept_capacity * 2 : 4;
		unit->kept = realloc(unit->kept, unit->kept_capacity * sizeof(*unit->kept));
		if (!unit->kept)
			abort();
	}
	unit->kept[unit->kept_count++] = arguments;
}

static void drop_kept(struct unit *unit, size_t down_to)
{
	while (unit->kept_count > down_to)
		free(unit->kept[--unit->kept_count]);
}

/* What undoes the command if it is executed now, at the end of unit->undo. */
static int add_undo(struct unit *unit, struct api *api, const struct arguments *arguments)
{
	static struct arguments text_inverse; /* large; one thread */
	bool add = !strcmp(arguments->command->verb, "add");
	bool kept = !add && configuration_command(arguments->command->noun, "set");
	struct arguments *inverse = kept ? malloc(sizeof(*inverse)) : &text_inverse;
	const char *mark = UNDO_NOTHING; /* or it will fail */
	int rc = 0;

	if (!inverse)
		abort();
	if (add)
		mark = UNDO_DELETE; /* most of a large batch: the line says it already */
	else if (!model_inverse(api->model, arguments, inverse))
		mark = kept ? UNDO_KEPT : NULL;
	if (mark)
		buffer_add(&unit->undo, mark, strlen(mark) + 1);
	else
		rc = add_text(&unit->undo, inverse, 0);
	if (kept && mark[0] == UNDO_KEPT[0])
		keep(unit, inverse);
	else if (kept)
		free(inverse);
	return rc;
}

int unit_execute(struct unit *unit, struct api *api, const struct arguments *arguments,
		 const char *line, struct error *error)
{
	size_t lines = unit->lines.used, undo = unit->undo.used, kept = unit->kept_count;
	int rc;

	if (!unit_is_journaled(arguments->command))
		return model_execute(api->model, arguments, error);
	if (add_line(&unit->lines, arguments, line) || add_undo(unit, api, arguments))
		rc = error_set(error, ERROR_REFUSED, -EINVAL,
			       "%s %s: longer than %d bytes, or a newline in a string",
			       arguments->command->noun, arguments->command->verb, TEXT_MAX);
	else
		rc = model_execute(api->model, arguments, error);
	if (rc) {
		unit->lines.used = lines;
		unit->undo.used = undo;
		drop_kept(unit, kept);
		return rc;
	}
	unit->count++;
	/* what changes or deletes makes another line obsolete, and later itself */
	if (strcmp(arguments->command->verb, "add"))
		unit->obsolete += 2 * (unit->lines.used - lines);
	return 0;
}

static int append_framed(struct unit *unit, struct api *api)
{
	struct buffer frame = { 0 };
	char begin[32];
	int rc;

	snprintf(begin, sizeof(begin), "begin %zu\n", unit->count);
	buffer_reserve(&frame, unit->lines.used + 64);
	buffer_add_string(&frame, begin);
	buffer_add(&frame, unit->lines.data, unit->lines.used);
	buffer_add_string(&frame, "commit\n");
	rc = journal_append(&api->journal, frame.data, frame.used);
	buffer_free(&frame);
	return rc;
}

int unit_commit(struct unit *unit, struct api *api, bool framed, struct error *error)
{
	int rc;

	if (!unit->count)
		return 0;
	rc = model_flush(api->model, error);
	if (rc)
		return rc;
	rc = framed && unit->count > 1
		     ? append_framed(unit, api)
		     : journal_append(&api->journal, unit->lines.data, unit->lines.used);
	if (rc) {
		log_error("journal %s: %s; the change is refused", api->journal.path,
			  strerror(-rc));
		return error_set(error, ERROR_REFUSED, rc, "journal %s: %s; the change was undone",
				 api->journal.path, strerror(-rc));
	}
	api->journal.obsolete += unit->obsolete;
	unit->obsolete = 0;
	unit->lines.used = 0;
	unit->undo.used = 0;
	unit->count = 0;
	drop_kept(unit, 0);
	return 0;
}

/* Start of the last string in the buffer: each is ended by `end`. */
static size_t last_start(const struct buffer *buffer, char end)
{
	size_t start = buffer->used - 1;

	while (start && buffer->data[start - 1] != end)
		start--;
	return start;
}

/* The `del` of an `add`: its key alone. */
static int delete_instead(struct arguments *arguments)
{
	const struct command *del = configuration_command(arguments->command->noun, "del");

	if (!del)
		return -ENOENT;
	arguments->present &= configuration_key(del);
	arguments->command = del;
	arguments->path_count = 0;
	return 0;
}

static int execute_undo(struct unit *unit, struct api *api, const char *line, const char *undo,
			struct error *error)
{
	static struct arguments arguments; /* large; one thread */
	int rc;

	if (!strcmp(undo, UNDO_NOTHING))
		return 0;
	if (!strcmp(undo, UNDO_KEPT))
		return model_execute(api->model, unit->kept[unit->kept_count - 1], error);
	rc = command_parse(*undo ? undo : line, &arguments, error);
	if (!rc && !*undo)
		rc = delete_instead(&arguments);
	return rc ? rc : model_execute(api->model, &arguments, error);
}

/* Is there no room yet for what is to come back? A data plane that is stopped is not waited for. */
static bool must_wait(struct unit *unit, int rc)
{
	if (rc != -ENOSPC)
		return false;
	if (!unit->undo_waits)
		unit->undo_waits = queue_clock();
	return queue_clock() - unit->undo_waits < UNDO_PATIENCE_NS;
}

/* False: not now. */
static bool undo_one(struct unit *unit, struct api *api)
{
	size_t line_at = last_start(&unit->lines, '\n'), undo_at = last_start(&unit->undo, 0);
	char *line = unit->lines.data + line_at, *undo = unit->undo.data + undo_at;
	struct error error = { 0 };
	int rc;

	unit->lines.data[unit->lines.used - 1] = 0;
	rc = execute_undo(unit, api, line, undo, &error);
	if (must_wait(unit, rc))
		return false;
	if (rc)
		log_error("undo of '%.200s', which was refused: %s", line, error.text);
	if (!strcmp(undo, UNDO_KEPT))
		drop_kept(unit, unit->kept_count - 1);
	unit->lines.used = line_at;
	unit->undo.used = undo_at;
	unit->count--;
	return true;
}

bool unit_undo(struct unit *unit, struct api *api, uint64_t deadline)
{
	while (unit->count) {
		bool undone = undo_one(unit, api);

		if ((!undone || unit->count % 16 == 0) && queue_clock() >= deadline)
			break;
	}
	return !unit->count;
}

void unit_free(struct unit *unit)
{
	buffer_free(&unit->lines);
	buffer_free(&unit->undo);
	drop_kept(unit, 0);
	free(unit->kept);
	unit->kept = NULL;
	unit->count = 0;
}
