/* SPDX-License-Identifier: BSD-3-Clause
 *
 * shell.c: the interactive shell: history, completion, `?`.
 */
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/session.h"

enum { HISTORY_LINES = 1000 };

static struct session *shell_session; /* libedit's callbacks have no argument of ours */
static char **candidate;              /* of the completion that is going on, owned */

static char *candidate_next(const char *text, int state)
{
	static size_t next;

	(void)text;
	if (state == 0)
		next = 0;
	return candidate && candidate[next] ? strdup(candidate[next++]) : NULL;
}

static void candidates_free(void)
{
	for (size_t i = 0; candidate && candidate[i]; i++)
		free(candidate[i]);
	free(candidate);
	candidate = NULL;
}

static char **complete(const char *text, int start, int end)
{
	char *line = strndup(rl_line_buffer, (size_t)end);
	char **matches = NULL;

	(void)start;
	rl_attempted_completion_over = 1; /* no file names */
	if (!line)
		return NULL;
	candidates_free();
	candidate = live_complete(shell_session, line);
	if (candidate && candidate[0])
		matches = rl_completion_matches(text, candidate_next);
	free(line);
	return matches;
}

/* "mpls add ?": what could stand in place of the question mark. */
static bool question(const char *line)
{
	size_t length = strlen(line);
	char *before;

	if (length == 0 || line[length - 1] != '?' || length == 1)
		return false;
	before = strndup(line, length - 1);
	candidates_free();
	candidate = before ? live_complete(shell_session, before) : NULL;
	for (size_t i = 0; candidate && candidate[i]; i++)
		printf("  %s\n", candidate[i]);
	free(before);
	return true;
}

static bool is_end(const char *line)
{
	return strcmp(line, "quit") == 0 || strcmp(line, "exit") == 0;
}

static void trim(char *line)
{
	size_t length = strlen(line), blank = strspn(line, " \t");

	memmove(line, line + blank, length - blank + 1);
	length -= blank;
	while (length > 0 && strchr(" \t\r\n", line[length - 1]))
		line[--length] = '\0';
}

int shell_run(struct session *session)
{
	char history[512], prompt[64];
	const char *home = getenv("HOME");
	char *line;

	shell_session = session;
	snprintf(history, sizeof(history), "%s/.shuntctl_history", home ? home : "");
	snprintf(prompt, sizeof(prompt), "%s> ",
		 strcmp(session->place.instance, "default") == 0 ? "shunt"
								 : session->place.instance);
	rl_readline_name = "shuntctl";
	rl_attempted_completion_function = complete;
	rl_completion_append_character = ' ';
	using_history();
	stifle_history(HISTORY_LINES);
	if (home)
		read_history(history);
	while ((line = readline(prompt)) != NULL) {
		trim(line);
		if (is_end(line)) {
			free(line);
			break;
		}
		if (*line)
			add_history(line);
		if (!question(line))
			run_line(session, line);
		free(line);
	}
	if (!line)
		putchar('\n');
	if (home)
		write_history(history);
	candidates_free();
	return EXIT_DONE;
}
