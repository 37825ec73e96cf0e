/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/batch.h"

#include <errno.h>

static struct arguments arguments; /* of the line at hand: large; one thread */

/* ---- making ---- */

/* `line` is taken over, or NULL: room for `count` lines. */
static struct batch *batch_new(struct api *api, const char **line, size_t count, unsigned int flags)
{
	struct batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		abort();
	batch->line = line ? line : malloc((count + 1) * sizeof(*batch->line));
	if (!batch->line)
		abort();
	batch->count = line ? count : 0;
	batch->api = api;
	batch->flags = flags;
	batch->errors = json_array();
	/* A new order is found by trying, so nobody else may change anything from the start. */
	batch->exclusive = flags & BATCH_REORDER;
	batch->phase = flags & BATCH_ATOMIC ? BATCH_PARSE : BATCH_EXECUTE;
	return batch;
}

struct batch *batch_from_json(struct api *api, json_t *lines, unsigned int flags,
			      struct error *error)
{
	struct batch *batch = batch_new(api, NULL, json_array_size(lines), flags);
	size_t index;
	json_t *line;

	json_array_foreach(lines, index, line)
	{
		if (!json_is_string(line)) {
			error_set(error, ERROR_USAGE, -EINVAL,
				  "batch: commands[%zu]: expected a string", index);
			batch_free(batch);
			return NULL;
		}
		batch->line[batch->count++] = json_string_value(line);
	}
	batch->owner = json_incref(lines);
	return batch;
}

struct batch *batch_from_lines(struct api *api, struct lines *lines, unsigned int flags)
{
	struct batch *batch = batch_new(api, lines->line, lines->count, flags);

	batch->text = lines->text;
	*lines = (struct lines){ 0 };
	return batch;
}

struct batch *batch_from_text(struct api *api, struct buffer *text, unsigned int flags)
{
	struct batch *batch;
	size_t count = 0;
	char *end;

	for (size_t i = 0; i < text->used; i++)
		count += text->data[i] == '\n';
	batch = batch_new(api, NULL, count, flags);
	batch->text = *text;
	memset(text, 0, sizeof(*text));
	for (char *at = batch->text.data; batch->count < count; at = end + 1) {
		end = strchr(at, '\n');
		*end = 0;
		batch->line[batch->count++] = at;
	}
	return batch;
}

void batch_free(struct batch *batch)
{
	json_decref(batch->owner);
	json_decref(batch->errors);
	buffer_free(&batch->text);
	unit_free(&batch->unit);
	free(batch->postponed);
	free(batch->line);
	free(batch);
}

json_t *batch_result(const struct batch *batch)
{
	return json_pack("{s:I,s:I,s:O}", "done", (json_int_t)batch->done, "failed",
			 (json_int_t)batch->failed, "errors", batch->errors);
}

/* ---- errors ---- */

static void note_error(struct batch *batch, size_t index, const struct error *error)
{
	batch->failed++;
	if (json_array_size(batch->errors) >= BATCH_ERRORS_MAX)
		return;
	if (!json_array_size(batch->errors))
		batch->first_code = error->code;
	json_array_append_new(batch->errors,
			      json_pack("{s:I,s:s,s:i,s:i,s:s,s:s}", "index", (json_int_t)index,
					"message", error->text, "column", error->column, "length",
					error->length, "expected", error->expected, "kind",
					error->kind == ERROR_USAGE ? "usage" : "refused"));
}

static bool is_empty(const char *line)
{
	line += strspn(line, " \t\r");
	return !*line || *line == '#';
}

/* A line to arguments; only what changes the model may stand in a batch, and in an atomic one only
 * what can be undone: `counters clear` cannot. */
static int parse(const struct batch *batch, const char *line, struct error *error)
{
	bool atomic = batch->flags & BATCH_ATOMIC;
	int rc;

	rc = command_parse(line, &arguments, error);
	if (rc)
		return rc;
	if (arguments.command->access == ACCESS_LOOK || !strcmp(arguments.command->noun, "config"))
		return error_set(error, ERROR_USAGE, -EINVAL, "'%s %s' cannot stand in a batch",
				 arguments.command->noun, arguments.command->verb);
	if (atomic && !unit_is_journaled(arguments.command))
		return error_set(error, ERROR_USAGE, -EINVAL,
				 "'%s %s' cannot stand in an atomic batch: it cannot be undone",
				 arguments.command->noun, arguments.command->verb);
	return 0;
}

/* ---- phases: each works until the deadline or until it changes batch->phase ---- */

static bool is_late(const struct batch *batch, uint64_t deadline)
{
	return batch->next % 16 == 0 && queue_clock() >= deadline;
}

static void parse_slice(struct batch *batch, uint64_t deadline)
{
	struct error error;

	while (batch->next < batch->count) {
		const char *line = batch->line[batch->next];

		if (!is_empty(line) && parse(batch, line, &error))
			note_error(batch, batch->next, &error);
		batch->next++;
		if (is_late(batch, deadline))
			return;
	}
	batch->next = 0;
	batch->phase = batch->failed ? BATCH_OVER : BATCH_EXECUTE;
	batch->exclusive = !batch->failed;
}

/* The journal has the unit, or the unit is undone. */
static void commit(struct batch *batch)
{
	struct error error = { .column = -1 };
	bool atomic = batch->flags & BATCH_ATOMIC;
	size_t count = batch->unit.count;

	if (batch->journaled_elsewhere || !unit_commit(&batch->unit, batch->api, atomic, &error))
		return;
	note_error(batch, batch->unit_first, &error);
	batch->done -= atomic ? batch->done : count;
	batch->phase = BATCH_UNDO;
}

static void postpone(struct batch *batch)
{
	if (!batch->postponed)
		batch->postponed = malloc(batch->count * sizeof(*batch->postponed));
	if (!batch->postponed)
		abort();
	batch->postponed[batch->postponed_count++] = batch->next;
}

/* Another round with the lines that were refused in this one. False: it would not help. */
static bool next_round(struct batch *batch)
{
	if (!batch->postponed_count || !batch->progress)
		return false;
	for (size_t i = 0; i < batch->postponed_count; i++)
		batch->line[i] = batch->line[batch->postponed[i]];
	batch->count = batch->postponed_count;
	batch->postponed_count = 0;
	batch->progress = false;
	batch->failed = 0;
	batch->next = 0;
	json_array_clear(batch->errors);
	return true;
}

static void execute_line(struct batch *batch)
{
	const char *line = batch->line[batch->next];
	struct error error;

	if (is_empty(line))
		return;
	if (!parse(batch, line, &error) &&
	    !unit_execute(&batch->unit, batch->api, &arguments, line, &error)) {
		batch->done++;
		batch->progress = true;
		return;
	}
	note_error(batch, batch->next, &error);
	if (batch->flags & BATCH_REORDER)
		postpone(batch);
	else if (batch->flags & BATCH_ATOMIC)
		batch->phase = BATCH_UNDO;
	else if (!(batch->flags & BATCH_CONTINUE))
		batch->phase = BATCH_OVER;
}

static void execute_slice(struct batch *batch, uint64_t deadline)
{
	bool atomic = batch->flags & BATCH_ATOMIC;

	if (!atomic)
		batch->unit_first = batch->next;
	while (batch->phase == BATCH_EXECUTE && batch->next < batch->count) {
		execute_line(batch);
		batch->next++;
		if (is_late(batch, deadline))
			break;
	}
	if (batch->phase == BATCH_EXECUTE && batch->next == batch->count && !next_round(batch))
		batch->phase = atomic && batch->failed ? BATCH_UNDO : BATCH_OVER;
	if (!atomic || batch->phase == BATCH_OVER)
		commit(batch);
}

bool batch_step(struct batch *batch, uint64_t deadline)
{
	do {
		if (batch->phase == BATCH_PARSE)
			parse_slice(batch, deadline);
		else if (batch->phase == BATCH_EXECUTE)
			execute_slice(batch, deadline);
		if (batch->phase == BATCH_UNDO) {
			batch->exclusive = true;
			batch->done = batch->flags & BATCH_ATOMIC ? 0 : batch->done;
			if (unit_undo(&batch->unit, batch->api, deadline))
				batch->phase = BATCH_OVER;
		}
	} while (batch->phase != BATCH_OVER && queue_clock() < deadline);
	if (batch->phase == BATCH_OVER)
		batch->exclusive = false;
	return batch->phase == BATCH_OVER;
}
