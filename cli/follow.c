/* SPDX-License-Identifier: BSD-3-Clause
 *
 * follow.c: events as they happen.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/session.h"

enum { ASK_NS = 200000000 };

bool follow_wanted(const struct arguments *arguments)
{
	return arguments->command->id == COMMAND_SHOW_EVENTS &&
	       argument_present(arguments, EVENTS_FOLLOW);
}

static void print_row(const struct session *session, const json_t *row)
{
	const char *object = member_text(row, "object");

	if (session->json)
		json_dumpf(row, stdout, session->pretty ? JSON_INDENT(2) : JSON_COMPACT);
	else
		printf("%s %s%s%s: %s", member_text(row, "time"), member_text(row, "kind"),
		       *object ? " " : "", object, member_text(row, "text"));
	putchar('\n');
}

/* The next question begins behind the last event that came. */
static void print_rows(const struct session *session, const json_t *rows,
		       struct arguments *arguments)
{
	json_t *row;
	size_t index;

	json_array_foreach((json_t *)rows, index, row)
	{
		print_row(session, row);
		arguments->value[EVENTS_FROM].number =
			(uint64_t)json_integer_value(json_object_get(row, "number")) + 1;
		arguments->present |= parameter_bit(EVENTS_FROM);
	}
	/* those were the newest; from now on all */
	if (json_array_size(rows) > 0)
		arguments->present &= ~parameter_bit(EVENTS_COUNT);
}

int follow_events(struct session *session, const struct arguments *arguments, struct error *error)
{
	static struct arguments next;
	const struct timespec pause = { .tv_nsec = ASK_NS };
	bool answered = false;
	json_t *rows;

	next = *arguments;
	session->quiet = true; /* that the control plane is away is said once, by us */
	for (;;) {
		session->unanswered = false;
		int code = run_query(session, &next, &rows, error);
		if (code != 0 && (!answered || code != -ENOTCONN))
			return code;
		if (code == 0) {
			print_rows(session, rows, &next);
			json_decref(rows);
			answered = true;
		}
		if (fflush(stdout) != 0)
			return error_set(error, ERROR_REFUSED, -EPIPE, "events: %s",
					 strerror(errno));
		nanosleep(&pause, NULL);
	}
}
