/* SPDX-License-Identifier: BSD-3-Clause
 *
 * trace.c: `trace N ...`: switch tracing on, print the packets as they come, switch it off.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/session.h"

enum { ASK_NS = 100000000, BYTES_A_LINE = 16 };

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

static long long number(const json_t *object, const char *key)
{
	return (long long)json_integer_value(json_object_get(object, key));
}

/* ---- text ---- */

/* Hexadecimal digits with an offset before each line, as text2pcap(1) reads them. */
static void print_bytes(const char *digits)
{
	size_t count = strlen(digits) / 2;

	for (size_t i = 0; i < count; i++) {
		if (i % BYTES_A_LINE == 0)
			printf("%s    %04zx ", i > 0 ? "\n" : "", i);
		printf(" %.2s", digits + 2 * i);
	}
	if (count > 0)
		putchar('\n');
}

static void print_step(const json_t *step)
{
	json_t *lookups = json_object_get(step, "lookups"), *lookup;
	size_t index;

	printf("  %s", member_text(step, "stage"));
	json_array_foreach(lookups, index, lookup)
		printf("%s%s", index > 0 ? "\n    " : ": ", member_text(lookup, "text"));
	if (*member_text(step, "next"))
		printf(" -> %s", member_text(step, "next"));
	putchar('\n');
}

static void print_end(const json_t *end)
{
	printf("  %s: ", member_text(end, "stage"));
	if (*member_text(end, "port"))
		printf("%s by %s", member_text(end, "end"), member_text(end, "port"));
	else
		printf("%s: %s", member_text(end, "end"), member_text(end, "reason"));
	printf(", %lld bytes\n", number(end, "length"));
	print_bytes(member_text(end, "bytes"));
}

/* Several copies' ports together, before what each of them was. */
static void print_copies(const json_t *ends)
{
	json_t *end;
	size_t index;

	if (json_array_size(ends) < 2)
		return;
	printf("  copies:");
	json_array_foreach((json_t *)ends, index, end)
		printf(" %s", member_text(end, *member_text(end, "port") ? "port" : "reason"));
	putchar('\n');
}

/* Was it traced at the worker that it came in by too? Then it is not another packet. */
static bool is_continued(const json_t *packet)
{
	return json_is_true(json_object_get(packet, "continued"));
}

static void print_packet(const json_t *packet)
{
	json_t *steps = json_object_get(packet, "steps"), *ends = json_object_get(packet, "ends");
	json_t *part;
	size_t index;

	printf("%s %s, %lld bytes, worker %lld%s\n", member_text(packet, "time"),
	       member_text(packet, "interface"), number(packet, "length"), number(packet, "worker"),
	       is_continued(packet) ? ", handed over by another one" : "");
	print_bytes(member_text(packet, "bytes"));
	json_array_foreach(steps, index, part) print_step(part);
	print_copies(ends);
	json_array_foreach(ends, index, part) print_end(part);
	if (json_array_size(ends) == 0)
		puts("  no end seen");
}

void trace_print(const json_t *packets)
{
	json_t *packet;
	size_t index;

	json_array_foreach((json_t *)packets, index, packet) print_packet(packet);
}

/* ---- one trace ---- */

/* What has been seen of it. */
struct progress {
	uint64_t generation, wanted, came;
	json_t *packets; /* printed ones, or to be printed; those that came, and what other workers did with them */
	bool handed_over; /* one of them went to another worker */
	bool active;
};

static bool is_known(const struct progress *progress, const json_t *packet)
{
	json_t *known;
	size_t index;

	json_array_foreach(progress->packets, index,
			   known) if (number(known, "worker") == number(packet, "worker") &&
				      number(known, "number") ==
					      number(packet, "number")) return true;
	return false;
}

static bool is_handed_over(const json_t *packet)
{
	json_t *ends = json_object_get(packet, "ends"), *end;
	size_t index;

	json_array_foreach(ends, index, end) if (strcmp(member_text(end, "reason"),
							"other_worker") == 0) return true;
	return false;
}

static void take(const struct session *session, struct progress *progress, const json_t *rows)
{
	json_t *packet;
	size_t index;

	json_array_foreach((json_t *)rows, index, packet)
	{
		if ((progress->came >= progress->wanted && !is_continued(packet)) ||
		    is_known(progress, packet))
			continue;
		progress->came += !is_continued(packet);
		progress->handed_over |= is_handed_over(packet);
		json_array_append(progress->packets, packet);
		if (!session->json)
			print_packet(packet);
	}
	fflush(stdout);
}

/* Look once. 0, or the error. */
static int look(struct session *session, struct progress *progress, struct error *error)
{
	static struct arguments show;
	json_t *result;

	memset(&show, 0, sizeof(show));
	show.command = command_by_id(COMMAND_SHOW_TRACE);
	int code = run_query(session, &show, &result, error);
	if (code != 0)
		return code;
	bool ours = (uint64_t)number(result, "generation") == progress->generation;
	progress->active = ours && json_is_true(json_object_get(result, "active"));
	if (ours)
		take(session, progress, json_object_get(result, "packets"));
	json_decref(result);
	return 0;
}

static int follow(struct session *session, struct progress *progress, struct error *error)
{
	const struct timespec pause = { .tv_nsec = ASK_NS };
	int code = 0;

	progress->active = true;
	while (code == 0 && progress->active && !interrupted && progress->came < progress->wanted) {
		nanosleep(&pause, NULL);
		code = look(session, progress, error);
	}
	if (code == 0 && progress->handed_over) {
		nanosleep(&pause, NULL); /* the other worker may have it just now */
		code = look(session, progress, error);
	}
	return code;
}

static void switch_off(struct session *session)
{
	static struct arguments off;
	struct error error = { .kind = ERROR_NONE };
	json_t *result;

	memset(&off, 0, sizeof(off));
	off.command = command_by_id(COMMAND_TRACE);
	off.present = parameter_bit(TRACE_COUNT);
	if (run_query(session, &off, &result, &error) == 0)
		json_decref(result);
}

static void finish(const struct session *session, const struct progress *progress)
{
	if (session->json) {
		json_dumpf(progress->packets, stdout,
			   session->pretty ? JSON_INDENT(2) : JSON_COMPACT);
		putchar('\n');
	}
	if (progress->came < progress->wanted)
		fprintf(stderr, "# trace: %llu of %llu packets came\n",
			(unsigned long long)progress->came, (unsigned long long)progress->wanted);
}

bool trace_wanted(const struct arguments *arguments)
{
	return arguments->command->id == COMMAND_TRACE && arguments->value[TRACE_COUNT].number != 0;
}

int trace_run(struct session *session, const struct arguments *arguments, struct error *error)
{
	struct sigaction action = { .sa_handler = on_signal }, before_interrupt, before_end;
	struct progress progress = { .wanted = arguments->value[TRACE_COUNT].number };
	json_t *result;
	int code = run_query(session, arguments, &result, error);

	if (code != 0)
		return code;
	progress.generation = (uint64_t)number(result, "generation");
	json_decref(result);
	progress.packets = json_array();
	interrupted = 0;
	sigaction(SIGINT, &action, &before_interrupt);
	sigaction(SIGTERM, &action, &before_end);
	code = follow(session, &progress, error);
	if (progress.active) /* else it is over, or somebody else's is on */
		switch_off(session);
	sigaction(SIGINT, &before_interrupt, NULL);
	sigaction(SIGTERM, &before_end, NULL);
	finish(session, &progress);
	json_decref(progress.packets);
	return code;
}
