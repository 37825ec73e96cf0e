/* SPDX-License-Identifier: BSD-3-Clause
 *
 * main.c: shuntctl's options.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/session.h"

enum { CHUNK_LINES = 4096 };

enum long_option {
	OPTION_INSTANCE = 256,
	OPTION_RUN_DIR,
	OPTION_ATOMIC,
	OPTION_GENERATE,
	OPTION_COMPLETE,
	OPTION_VERSION,
	OPTION_HELP
};

struct options {
	const char *instance, *run_dir, *batch, *generate;
	bool json, pretty, statistics, atomic, complete, version, help;
};

static const struct option option_list[] = {
	{ "instance", required_argument, NULL, OPTION_INSTANCE },
	{ "run-dir", required_argument, NULL, OPTION_RUN_DIR },
	{ "atomic", no_argument, NULL, OPTION_ATOMIC },
	{ "generate", required_argument, NULL, OPTION_GENERATE },
	{ "complete", no_argument, NULL, OPTION_COMPLETE },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* Could getopt take it for one of ours, whole or abbreviated? */
static bool is_option(const char *word)
{
	size_t length = strcspn(word, "=");

	for (const struct option *option = option_list; option->name; option++)
		if (strncmp(option->name, word, length) == 0)
			return true;
	return false;
}

/* Of a noun's keywords one may say --follow for follow: `show events --follow`, `top --count 3`. */
static void keywords_bare(int count, char **words)
{
	bool noun = false;

	for (int i = 1; i < count; i++) {
		bool dashes = strncmp(words[i], "--", 2) == 0 && words[i][2];
		if (strcmp(words[i], "--") == 0 || strcmp(words[i], "--complete") == 0)
			return;
		if (noun && dashes && !is_option(words[i] + 2))
			words[i] += 2;
		noun |= words[i][0] != '-';
	}
}

static int options_read(int count, char **words, struct options *options)
{
	int option;

	while (!options->complete &&
	       (option = getopt_long(count, words, "jpsb:hV", option_list, NULL)) != -1) {
		switch (option) {
		case OPTION_INSTANCE:
			options->instance = optarg;
			break;
		case OPTION_RUN_DIR:
			options->run_dir = optarg;
			break;
		case OPTION_ATOMIC:
			options->atomic = true;
			break;
		case OPTION_GENERATE:
			options->generate = optarg;
			break;
		case OPTION_COMPLETE:
			options->complete = true;
			break;
		case 'V':
		case OPTION_VERSION:
			options->version = true;
			break;
		case 'h':
		case OPTION_HELP:
			options->help = true;
			break;
		case 'j':
			options->json = true;
			break;
		case 'p':
			options->pretty = true;
			break;
		case 's':
			options->statistics = true;
			break;
		case 'b':
			options->batch = optarg;
			break;
		default:
			return -EINVAL;
		}
	}
	return 0;
}

/* Words as the shell gave them to one line; those that the parser would not read back are quoted.
 */
static char *words_join(char **words, bool quote)
{
	char *line = NULL;
	size_t length;
	FILE *stream = open_memstream(&line, &length);

	for (char **word = words; stream && *word; word++) {
		bool quoted = quote && (**word == '\0' || strpbrk(*word, " \t\"'") != NULL);
		if (word != words)
			fputc(' ', stream);
		if (quoted)
			fputc('"', stream);
		for (const char *c = *word; *c; c++) {
			if (quoted && (*c == '"' || *c == '\\'))
				fputc('\\', stream);
			fputc(*c, stream);
		}
		if (quoted)
			fputc('"', stream);
	}
	if (stream)
		fclose(stream);
	return line;
}

static int complete_print(struct session *session, char **words)
{
	char *line = words_join(words, false);
	char **list = line ? live_complete(session, line) : NULL;

	for (size_t i = 0; list && list[i]; i++) {
		puts(list[i]);
		free(list[i]);
	}
	free(list);
	free(line);
	return EXIT_DONE;
}

static int usage_error(const char *what, const char *expected)
{
	fprintf(stderr, "error: %s: expected %s\n", what, expected);
	return EXIT_USAGE;
}

static int generate(const char *what)
{
	if (strcmp(what, "man") == 0)
		manual_print();
	else if (strcmp(what, "bash-completion") == 0)
		bash_print();
	else
		return usage_error(what, "bash-completion or man");
	return EXIT_DONE;
}

/* What needs no instance. */
static int about(const struct options *options)
{
	if (options->generate)
		return generate(options->generate);
	if (options->version)
		puts("shuntctl " SHUNT_VERSION);
	else
		help_options();
	return EXIT_DONE;
}

static int command_run(struct session *session, char **words)
{
	char *line = words_join(words, true);
	int code = line ? run_line(session, line) : EXIT_REFUSED;

	free(line);
	return code;
}

static int dispatch(struct session *session, const struct options *options, char **words)
{
	if (options->complete)
		return complete_print(session, words);
	if (options->atomic && !options->batch)
		return usage_error("--atomic", "-b FILE beside it");
	if (options->batch && *words)
		return usage_error(*words, "no command beside -b");
	if (options->batch)
		return batch_run(session, options->batch, CHUNK_LINES, options->atomic);
	if (*words)
		return command_run(session, words);
	/* Lines from a pipe are answered one by one: whoever writes them may wait for that */
	return isatty(STDIN_FILENO) ? shell_run(session) : batch_run(session, "-", 1, false);
}

int main(int count, char **words)
{
	struct options options = { 0 };
	struct session session = { .fd = -1 };
	char reason[REGION_ERROR_SIZE];
	int code;

	keywords_bare(count, words);
	if (options_read(count, words, &options) != 0) {
		fprintf(stderr, "Try shuntctl --help\n");
		return EXIT_USAGE;
	}
	if (options.version || options.help || options.generate)
		return about(&options);
	code = region_place(&session.place, options.run_dir, options.instance, reason);
	if (code != 0) {
		fprintf(stderr, "error: %s\n", reason);
		return EXIT_USAGE;
	}
	session.json = options.json || options.pretty;
	session.pretty = options.pretty;
	session.statistics = options.statistics;
	code = dispatch(&session, &options, words + optind);
	client_close(&session);
	free(session.received);
	return fflush(stdout) == 0 ? code : EXIT_REFUSED;
}
