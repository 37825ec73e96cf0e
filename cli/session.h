/* SPDX-License-Identifier: BSD-3-Clause
 *
 * session.h: what one run of shuntctl knows: its options and its connection.
 */
#ifndef SHUNT_CLI_SESSION_H
#define SHUNT_CLI_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>
#include "controlplane/api/command.h"
#include "dataplane/shm/region.h"

enum exit_code { EXIT_DONE, EXIT_REFUSED, EXIT_USAGE };

enum {
	PATIENCE = 60,     /* seconds without a byte, after which a request is given up */
	PATIENCE_LOOK = 3, /* ... where the shared files have the answer as well */
};

struct session {
	struct region_place place;
	bool json, pretty, statistics; /* -j -p -s */
	bool quiet;                    /* completion: no notes on standard error */
	unsigned int patience;         /* seconds to wait for the control plane; 0: PATIENCE */
	bool unanswered;               /* it let this line wait for so long */
	int fd;                        /* connection to the control plane, -1: none */
	uint64_t id;                   /* of the last request */
	char *received;                /* bytes not yet used */
	size_t received_used, received_size;
};

/* Nanoseconds of CLOCK_MONOTONIC. */
static inline uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The string that is an object's member, and lives as long as it; "": there is none. */
static inline const char *member_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* ---- client.c: JSON-RPC 2.0 over the control socket ---- */

/* Call a method; `params` is taken over (NULL: none). 0: *result is a new reference. Otherwise
 * *error is set: -ENOTCONN: the control plane does not run; -EIO: the connection broke, nobody
 * knows whether the request was executed; -ETIMEDOUT: no byte within session->patience, same; -EINVAL, -EPERM...: the control plane's answer. */
int client_call(struct session *session, const char *method, json_t *params, json_t **result,
		struct error *error);

/* The halves of client_call, so that a batch can work while the control plane does. `request` is a
 * whole message with its newline. */
int client_connect(struct session *session, struct error *error);
int client_send(struct session *session, const char *request, size_t length, struct error *error);
int client_receive(struct session *session, json_t **result, struct error *error);

/* Send a request: client_call without waiting. `params` is taken over. */
int client_request(struct session *session, const char *method, json_t *params,
		   struct error *error);

/* As client_receive, but the result as the text that came, to be freed. */
int client_text(struct session *session, char **text, struct error *error);
void client_close(struct session *session);

/* ---- span.c ---- */

/* The text of a member's value in a JSON object, or NULL. The object is taken to be JSON. */
const char *span_find(const char *text, const char *name, size_t *length);

/* ---- offline.c ---- */

struct view;

/* Map the shared files of an instance, as they are, and look at them through `view`: at the state
 * file only while a data plane runs. 0: close both regions in the end, whether or not there is a
 * state file. Else nothing is open, and `reason` says why there are no tables: -ENOENT, -EACCES,
 * -EPROTO ... */
int files_open(const struct region_place *place, struct region *tables, struct region *state,
	       struct view *view, char reason[REGION_ERROR_SIZE]);

/* Answer a `show` command from the shared files while the control plane is down. */
int offline_show(const struct session *session, const struct arguments *arguments, json_t **result,
		 struct error *error);

/* ---- run.c ---- */

/* Execute one line and print its result. Returns an enum exit_code. Blank lines and comments do
 * nothing. */
int run_line(struct session *session, const char *line);

/* The same, but silent, with the result to the caller: for completion. */
int run_query(struct session *session, const struct arguments *arguments, json_t **result,
	      struct error *error);

/* The same as JSON text, to be freed. */
int run_text(struct session *session, const struct arguments *arguments, char **text,
	     struct error *error);

/* ---- trace.c ---- */

/* `trace N` with N above 0? */
bool trace_wanted(const struct arguments *arguments);

/* Switch tracing on, print packets as they come (an array of all of them with -j), and switch it off
 * when all have come, at the timeout, or when the user interrupts. */
int trace_run(struct session *session, const struct arguments *arguments, struct error *error);

/* `show trace`'s packets as text. */
void trace_print(const json_t *packets);

/* ---- match.c ---- */

/* In params of a command, "program" instead of "match": the expression of pcap-filter(7), about
 * Ethernet frames, as a program in text. 0, or -EINVAL with *error set: no such expression, or its
 * program is longer than STRING_MAX bytes or WATCH_PROGRAM_MAX instructions. Names of hosts in it
 * are looked up here. */
int match_params(const char *expression, json_t *params, struct error *error);

/* ---- pages.c ---- */

/* Is this a list that may be too long for one answer? */
bool pages_wanted(const struct arguments *arguments);

/* Ask for it page by page, and print each. */
int pages_show(struct session *session, const struct arguments *arguments, struct error *error);

/* ---- follow.c ---- */

/* `show events follow`? */
bool follow_wanted(const struct arguments *arguments);

/* Print events as they happen, one a line (JSON lines with -j), until the user or the reader of our
 * output ends it. A control plane that restarts is waited for. */
int follow_events(struct session *session, const struct arguments *arguments, struct error *error);

/* ---- export.c ---- */

/* `tables export`? */
bool export_wanted(const struct arguments *asked);

/* Print every row of every table as a JSON line that begins with the table's name. Not 0: some are
 * missing, as was said on standard error. */
int export_tables(struct session *session, struct error *error);

/* ---- top.c ---- */

/* `top`? */
bool top_wanted(const struct arguments *arguments);

/* Show rates until the user ends it: on a terminal live, else as text or JSON lines. */
int top_show(struct session *session, const struct arguments *arguments, struct error *error);

/* ---- capture.c ---- */

/* `capture FILE ...`? */
bool capture_wanted(const struct arguments *arguments);

/* Write packets to the file until count, duration or a signal ends it. */
int capture_run(struct session *session, const struct arguments *arguments, struct error *error);

/* Print an error below its line. `file` NULL: no place is named. Returns the enum exit_code. */
int error_print(const struct session *session, const char *file, size_t line_number,
		const char *line, const struct error *error);

/* ---- batch.c ---- */

/* Execute the lines of a file ("-": standard input) in chunks of `chunk` lines, or all in one
 * request, all or nothing. Stops at the first error. Returns an enum exit_code. */
int batch_run(struct session *session, const char *file, unsigned int chunk, bool atomic);

/* ---- shell.c ---- */

int shell_run(struct session *session);

/* ---- live.c ---- */

/* Words that could stand at the end of the line, sorted; NULL-terminated, to be freed with their
 * words. Never NULL unless memory is out. */
char **live_complete(struct session *session, const char *line);

/* ---- help.c, manual.c, bash.c: generated from the command table ---- */

/* `topic` is "", "NOUN" or "NOUN VERB". Returns an enum exit_code. */
int help_print(const char *topic);
void help_options(void);
void manual_print(void);
void bash_print(void);

struct option_help {
	const char *option, *value, *help;
};
extern const struct option_help option_table[]; /* ends with option NULL */

#endif
