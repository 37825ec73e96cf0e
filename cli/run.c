/* SPDX-License-Identifier: BSD-3-Clause
 *
 * run.c: one line: parsed here, executed by the control plane, printed here.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/render.h"
#include "cli/session.h"

static void error_print_json(const struct error *error)
{
	json_t *inside =
		json_pack("{s:s, s:s}", "kind", error->kind == ERROR_USAGE ? "usage" : "refused",
			  "message", error->text);
	json_t *object = json_pack("{s:o}", "error", inside);

	if (error->column >= 0) {
		json_object_set_new(inside, "column", json_integer(error->column));
		json_object_set_new(inside, "length", json_integer(error->length));
	}
	if (error->expected[0])
		json_object_set_new(inside, "expected", json_string(error->expected));
	json_dumpf(object, stderr, JSON_COMPACT);
	fputc('\n', stderr);
	json_decref(object);
}

/* Blanks and tabs as in the line, so that the caret stands under its word. */
static void caret_print(const char *line, const struct error *error)
{
	for (int i = 0; i < error->column; i++)
		fputc(line[i] == '\t' ? '\t' : ' ', stderr);
	for (int i = 0; i < error->length; i++)
		fputc('^', stderr);
	fputc('\n', stderr);
}

int error_print(const struct session *session, const char *file, size_t line_number,
		const char *line, const struct error *error)
{
	int code = error->kind == ERROR_USAGE ? EXIT_USAGE : EXIT_REFUSED;

	if (session->json) {
		error_print_json(error);
		return code;
	}
	if (file)
		fprintf(stderr, "%s:%zu:\n", file, line_number);
	if (line && (error->column >= 0 || file))
		fprintf(stderr, "%s\n", line);
	if (line && error->column >= 0 && (size_t)error->column <= strlen(line))
		caret_print(line, error);
	fprintf(stderr, "error: %s\n", error->text);
	if (error->expected[0] && !strstr(error->text, error->expected))
		fprintf(stderr, "expected: %s\n", error->expected);
	return code;
}

/* The configuration file is read here, where a relative name has its meaning. */
static int config_load(json_t *params, const char *file, struct error *error)
{
	json_error_t reason;
	json_t *document = json_load_file(strcmp(file, "-") == 0 ? "/dev/stdin" : file,
					  JSON_REJECT_DUPLICATES, &reason);

	if (!document && json_error_code(&reason) == json_error_cannot_open_file)
		return error_set(error, ERROR_REFUSED, ENOENT, "%s", reason.text);
	if (!document)
		return error_set(error, ERROR_REFUSED, EBADMSG, "%s:%d:%d: %s", file, reason.line,
				 reason.column, reason.text);
	json_object_del(params, "file");
	json_object_set_new(params, "config", document);
	return 0;
}

/* The control plane has another working directory. */
static void make_absolute(json_t *params, const char *file)
{
	char *directory = getcwd(NULL, 0), *path = NULL;

	if (file[0] != '/' && directory && asprintf(&path, "%s/%s", directory, file) > 0)
		json_object_set_new(params, "file", json_string(path));
	free(path);
	free(directory);
}

static int params_prepare(const struct arguments *arguments, json_t *params, struct error *error)
{
	bool file = argument_present(arguments, CONFIG_FILE);

	switch (arguments->command->id) {
	case COMMAND_CONFIG_APPLY:
	case COMMAND_CONFIG_DIFF:
		return config_load(params, arguments->value[CONFIG_FILE].string, error);
	case COMMAND_CONFIG_SAVE:
		if (file)
			make_absolute(params, arguments->value[CONFIG_FILE].string);
		return 0;
	case COMMAND_TRACE:
		return argument_present(arguments, TRACE_MATCH)
			       ? match_params(arguments->value[TRACE_MATCH].string, params, error)
			       : 0;
	default:
		return 0;
	}
}

static int query_send(struct session *session, const struct arguments *arguments,
		      struct error *error)
{
	const struct command *command = arguments->command;
	json_t *params = command_to_json(arguments);
	char method[64];
	int code = params_prepare(arguments, params, error);

	if (code != 0) {
		json_decref(params);
		return code;
	}
	command_words(command, method, sizeof(method));
	return client_request(session, method, params, error);
}

static bool is_broken(int code)
{
	return code == -ENOTCONN || code == -EIO || code == -ETIMEDOUT;
}

/* Can the answer come from the shared files when the control plane gives none? */
static bool is_in_files(const struct command *command)
{
	return command->access == ACCESS_LOOK && strcmp(command->noun, "config") != 0;
}

/* Ask the control plane. Looking is done again when the connection breaks: the process that had it
 * may have died at this moment. With `result` NULL the answer is taken as text. */
static int query(struct session *session, const struct arguments *arguments, json_t **result,
		 char **text, struct error *error)
{
	bool look = arguments->command->access == ACCESS_LOOK;
	int code = -EIO;

	session->patience = is_in_files(arguments->command) ? PATIENCE_LOOK : PATIENCE;
	if (session->unanswered && is_in_files(arguments->command))
		return -ETIMEDOUT; /* the next page of the same: it is not waited for again */
	for (unsigned int tries = look ? 2 : 1; tries > 0 && code == -EIO; tries--) {
		code = query_send(session, arguments, error);
		if (code == 0)
			code = result ? client_receive(session, result, error)
				      : client_text(session, text, error);
	}
	session->patience = 0;
	return code;
}

static bool is_offline(int code, const struct command *command)
{
	return is_broken(code) && is_in_files(command);
}

int run_query(struct session *session, const struct arguments *arguments, json_t **result,
	      struct error *error)
{
	int code;

	*result = NULL;
	code = query(session, arguments, result, NULL, error);
	if (is_offline(code, arguments->command))
		return offline_show(session, arguments, result, error);
	return code;
}

int run_text(struct session *session, const struct arguments *arguments, char **text,
	     struct error *error)
{
	int code = query(session, arguments, NULL, text, error);
	json_t *result;

	if (!is_offline(code, arguments->command))
		return code;
	code = offline_show(session, arguments, &result, error);
	if (code != 0)
		return code;
	*text = json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY | JSON_MEANT_REALS);
	json_decref(result);
	return *text ? 0 : error_set(error, ERROR_REFUSED, ENOMEM, "no memory for the answer");
}

static void result_print(const struct session *session, const struct command *command,
			 json_t *result)
{
	bool document = command->id == COMMAND_CONFIG_SHOW && !session->json;

	if (json_is_string(result) && !session->json) {
		fputs(json_string_value(result), stdout);
		fflush(stdout);
		return;
	}
	if (session->pretty || document)
		json_dumpf(result, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_MEANT_REALS);
	else if (session->json)
		json_dumpf(result, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_MEANT_REALS);
	else if (command->id == COMMAND_SHOW_TRACE)
		trace_print(json_object_get(result, "packets"));
	else
		render(stdout, command, result, session->statistics);
	if (session->json || session->pretty || document)
		fputc('\n', stdout);
	fflush(stdout);
}

/* Execute a command and print what comes of it. */
static int run_command(struct session *session, const struct arguments *arguments,
		       struct error *error)
{
	json_t *result;
	char *text;
	int code;

	if (follow_wanted(arguments))
		return follow_events(session, arguments, error);
	if (export_wanted(arguments))
		return export_tables(session, error);
	if (top_wanted(arguments))
		return top_show(session, arguments, error);
	if (capture_wanted(arguments))
		return capture_run(session, arguments, error);
	if (trace_wanted(arguments))
		return trace_run(session, arguments, error);
	if (pages_wanted(arguments))
		return pages_show(session, arguments, error);
	if (session->json && !session->pretty) {
		code = run_text(session, arguments, &text, error);
		if (code == 0) {
			puts(text);
			free(text);
		}
		return code;
	}
	code = run_query(session, arguments, &result, error);
	if (code != 0)
		return code;
	result_print(session, arguments->command, result);
	json_decref(result);
	return 0;
}

/* "help mpls add", "?": 0 if the line is none of these. */
static const char *help_topic(const char *line)
{
	size_t length = strcspn(line, " \t");

	if (!(length == 1 && line[0] == '?') && !(length == 4 && memcmp(line, "help", 4) == 0))
		return NULL;
	return line + length + strspn(line + length, " \t");
}

int run_line(struct session *session, const char *line)
{
	static struct arguments arguments;
	struct error error = { .kind = ERROR_NONE };
	const char *start = line + strspn(line, " \t\r\n");

	session->unanswered = false;
	if (*start == '\0' || *start == '#')
		return EXIT_DONE;
	if (help_topic(start))
		return help_print(help_topic(start));
	if (command_parse(line, &arguments, &error) != 0)
		return error_print(session, NULL, 0, line, &error);
	if (run_command(session, &arguments, &error) != 0)
		return error_print(session, NULL, 0, line, &error);
	return fflush(stdout) == 0 ? EXIT_DONE : EXIT_REFUSED;
}
