/* SPDX-License-Identifier: BSD-3-Clause
 *
 * batch.c: a file of commands. Lines are parsed here first and sent in chunks; the next chunk is
 * read while the control plane works on the one before.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/session.h"

/* A line that is in a chunk. */
struct batch_line {
	char *text;
	size_t number; /* in the file, from 1 */
};

struct chunk {
	struct batch_line *line;
	size_t count, capacity;
	char *request; /* the JSON-RPC message, as memory stream */
	size_t request_length;
	FILE *stream;
};

struct batch_file {
	struct session *session;
	const char *name;
	FILE *file;
	size_t line_number, done;
	bool atomic;
	struct chunk chunk[2];
	unsigned int filling; /* chunk that is being filled; the other one may be at work */
	bool waiting;         /* ... and is */
};

static int refuse(const struct batch_file *batch, size_t number, const char *line,
		  const struct error *error)
{
	int code = error_print(batch->session, batch->name, number, line, error);

	if (!batch->session->json && batch->atomic)
		fprintf(stderr, "nothing was changed\n");
	else if (!batch->session->json && batch->done > 0)
		fprintf(stderr, "%zu command%s before it %s applied\n", batch->done,
			batch->done == 1 ? "" : "s", batch->done == 1 ? "was" : "were");
	return code;
}

/* ---- chunks ---- */

static void json_put_string(FILE *stream, const char *text)
{
	putc_unlocked('"', stream);
	for (;;) {
		size_t plain = strcspn(text, "\"\\\t\r");
		fwrite_unlocked(text, 1, plain, stream);
		text += plain;
		if (*text == '\0')
			break;
		putc_unlocked('\\', stream);
		putc_unlocked(*text == '\t' ? 't' : *text == '\r' ? 'r' : *text, stream);
		text++;
	}
	putc_unlocked('"', stream);
}

/* Nothing of the chunk was sent. */
static void out_of_memory(void)
{
	fprintf(stderr, "error: no memory for the lines of the batch\n");
	exit(EXIT_REFUSED);
}

static void chunk_add(struct batch_file *batch, const char *text)
{
	struct chunk *chunk = &batch->chunk[batch->filling];

	if (chunk->count == chunk->capacity) {
		chunk->capacity = 2 * chunk->capacity + 64;
		chunk->line = realloc(chunk->line, chunk->capacity * sizeof(*chunk->line));
		if (!chunk->line)
			out_of_memory();
	}
	if (chunk->count == 0) {
		chunk->stream = open_memstream(&chunk->request, &chunk->request_length);
		if (!chunk->stream)
			out_of_memory();
		fprintf(chunk->stream,
			"{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"batch\",\"params\":{"
			"\"atomic\":%s,\"commands\":[",
			(unsigned long long)++batch->session->id, batch->atomic ? "true" : "false");
	}
	if (chunk->count > 0)
		putc_unlocked(',', chunk->stream);
	json_put_string(chunk->stream, text);
	char *copy = strdup(text);
	if (!copy)
		out_of_memory();
	chunk->line[chunk->count++] = (struct batch_line){ copy, batch->line_number };
}

static void chunk_empty(struct chunk *chunk)
{
	for (size_t i = 0; i < chunk->count; i++)
		free(chunk->line[i].text);
	chunk->count = 0;
	if (chunk->stream)
		fclose(chunk->stream);
	chunk->stream = NULL;
	free(chunk->request);
	chunk->request = NULL;
}

/* What the control plane says about the chunk at work. */
static int chunk_answer(struct batch_file *batch)
{
	struct chunk *chunk = &batch->chunk[!batch->filling];
	struct error error = { .column = -1 };
	json_t *result = NULL, *first;
	int code = EXIT_DONE;

	if (!batch->waiting)
		return EXIT_DONE;
	batch->waiting = false;
	if (client_receive(batch->session, &result, &error) != 0) {
		code = error_print(batch->session, batch->name, chunk->line[0].number,
				   chunk->line[0].text, &error);
	} else {
		first = json_array_get(json_object_get(result, "errors"), 0);
		batch->done += (size_t)json_integer_value(json_object_get(result, "done"));
		if (first) {
			size_t index = (size_t)json_integer_value(json_object_get(first, "index"));
			json_t *column = json_object_get(first, "column");
			bool usage = strcmp(member_text(first, "kind"), "usage") == 0;
			error.kind = usage ? ERROR_USAGE : ERROR_REFUSED;
			error.column =
				json_is_integer(column) ? (int)json_integer_value(column) : -1;
			error.length = (int)json_integer_value(json_object_get(first, "length"));
			snprintf(error.text, sizeof(error.text), "%s",
				 member_text(first, "message"));
			snprintf(error.expected, sizeof(error.expected), "%s",
				 member_text(first, "expected"));
			if (index >= chunk->count)
				index = chunk->count - 1;
			code = refuse(batch, chunk->line[index].number, chunk->line[index].text,
				      &error);
		}
	}
	json_decref(result);
	chunk_empty(chunk);
	return code;
}

/* Wait for the chunk at work, then send the one that was filled. */
static int chunk_flush(struct batch_file *batch)
{
	struct chunk *chunk = &batch->chunk[batch->filling];
	struct error error;
	int code = chunk_answer(batch);

	if (code != EXIT_DONE || chunk->count == 0)
		return code;
	fputs("]}}\n", chunk->stream);
	fflush(chunk->stream);
	if (client_connect(batch->session, &error) != 0 ||
	    client_send(batch->session, chunk->request, chunk->request_length, &error) != 0)
		return refuse(batch, chunk->line[0].number, chunk->line[0].text, &error);
	batch->waiting = true;
	batch->filling = !batch->filling;
	return EXIT_DONE;
}

/* Everything that was read so far is executed when this returns. */
static int chunk_finish(struct batch_file *batch)
{
	int code = chunk_flush(batch);

	return code == EXIT_DONE ? chunk_answer(batch) : code;
}

/* ---- lines ---- */

/* `config ...`, what clears counters and everything that shows go by themselves, in their place. */
static bool is_single(const struct command *command)
{
	return command->access == ACCESS_LOOK || strcmp(command->noun, "config") == 0 ||
	       command->id == COMMAND_COUNTERS_CLEAR || command->id == COMMAND_CLEAR_RUNTIME;
}

static int single(struct batch_file *batch, const char *line)
{
	struct error error;
	int code;

	if (batch->atomic) {
		error_set(&error, ERROR_USAGE, EINVAL,
			  "only commands that change objects can stand in an atomic batch");
		return refuse(batch, batch->line_number, line, &error);
	}
	code = chunk_finish(batch);
	return code == EXIT_DONE ? run_line(batch->session, line) : code;
}

static int line_take(struct batch_file *batch, char *line)
{
	static struct arguments arguments;
	struct error error;
	size_t length = strlen(line);
	const char *start = line + strspn(line, " \t\r\n");

	batch->line_number++;
	while (length > 0 && (line[length - 1] == '\n' || line[length - 1] == '\r'))
		line[--length] = '\0';
	if (*start == '\0' || *start == '#')
		return EXIT_DONE;
	if (command_parse(line, &arguments, &error) != 0) {
		if (strncmp(start, "help", 4) == 0 || *start == '?')
			return single(batch, line);
		int code = batch->atomic ? EXIT_DONE : chunk_finish(batch);
		return code == EXIT_DONE ? refuse(batch, batch->line_number, line, &error) : code;
	}
	if (is_single(arguments.command))
		return single(batch, line);
	chunk_add(batch, line);
	return EXIT_DONE;
}

static int lines_take(struct batch_file *batch, unsigned int limit)
{
	char *line = NULL;
	size_t size = 0;
	int code = EXIT_DONE;

	while (code == EXIT_DONE) {
		ssize_t length = getline(&line, &size, batch->file);
		if (length < 0)
			break;
		if (strlen(line) != (size_t)length) {
			struct error error;
			error_set(&error, ERROR_USAGE, EINVAL, "a zero byte in the line");
			batch->line_number++;
			code = refuse(batch, batch->line_number, line, &error);
			break;
		}
		code = line_take(batch, line);
		if (code == EXIT_DONE && !batch->atomic &&
		    batch->chunk[batch->filling].count >= limit)
			code = limit == 1 ? chunk_finish(batch) : chunk_flush(batch);
	}
	free(line);
	return code;
}

int batch_run(struct session *session, const char *name, unsigned int limit, bool atomic)
{
	bool input = strcmp(name, "-") == 0;
	struct batch_file batch = { .session = session,
				    .name = input ? "stdin" : name,
				    .file = input ? stdin : fopen(name, "re"),
				    .atomic = atomic };
	int code;

	if (!batch.file) {
		fprintf(stderr, "error: %s: %s\n", name, strerror(errno));
		return EXIT_USAGE;
	}
	code = lines_take(&batch, limit);
	if (code == EXIT_DONE)
		code = chunk_finish(&batch);
	else if (batch.waiting) /* its lines came before the error, whatever becomes of them */
		chunk_answer(&batch);
	chunk_empty(&batch.chunk[0]);
	chunk_empty(&batch.chunk[1]);
	free(batch.chunk[0].line);
	free(batch.chunk[1].line);
	if (!input)
		fclose(batch.file);
	return code;
}
