/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/rpc.h"

#include <string.h>
#include "controlplane/api/call.h"
#include "controlplane/api/lines.h"
#include "controlplane/api/rpc-reply.h"
#include "controlplane/api/server.h"

/* A response of this slice: valid when the journal has taken the slice's changes. */
struct item {
	json_t *id; /* borrowed; NULL: null, or a notification */
	bool notification;
	bool changed;      /* stands in the slice's unit */
	size_t start, end; /* its text in slice_text */
};

struct rpc_job {
	struct job job; /* first */
	struct api *api;
	struct connection *connection; /* NULL: gone */
	enum rpc_peer peer;
	json_t *message;
	struct lines lines; /* of a batch, cut out of the message */
	bool array;
	size_t count, next; /* elements */
	struct call_state call;
	bool calling; /* an element takes more than one slice */
	struct unit unit;
	bool undoing; /* the journal did not take the slice's changes, why stands in `refused` */
	struct outcome refused;
	struct item *item;
	size_t item_count, item_capacity;
	struct buffer slice_text, out;
};

/* ---- responses ---- */

static void add_item(struct rpc_job *job, json_t *id, bool notification, bool changed,
		     struct outcome *outcome)
{
	struct item *item;

	if (job->item_count == job->item_capacity) {
		job->item_capacity = job->item_capacity ? job->item_capacity * 2 : 4;
		job->item = realloc(job->item, job->item_capacity * sizeof(*job->item));
		if (!job->item)
			abort();
	}
	item = &job->item[job->item_count++];
	*item = (struct item){ id, notification, changed, job->slice_text.used, 0 };
	reply_add(&job->slice_text, id, outcome);
	item->end = job->slice_text.used;
}

static void out_separator(struct rpc_job *job)
{
	if (job->array)
		buffer_add(&job->out, job->out.used ? "," : "[", 1);
}

/* The slice's changes go to the journal, or are undone. False: not all are undone yet; others' changes
 * wait until then. */
static bool commit(struct rpc_job *job, uint64_t deadline)
{
	if (!job->undoing) {
		job->refused = (struct outcome){ .error = { .column = -1 } };
		job->undoing = unit_commit(&job->unit, job->api, false, &job->refused.error) != 0;
	}
	bool over = !job->undoing || unit_undo(&job->unit, job->api, deadline);
	job->job.exclusive = !over || (job->calling && call_is_exclusive(&job->call));
	return over;
}

/* The slice is over: its changes, then its responses to the answer. False: go on later. */
static bool flush(struct rpc_job *job, uint64_t deadline)
{
	if (!commit(job, deadline))
		return false;
	if (job->undoing)
		outcome_refuse(&job->refused);
	for (size_t i = 0; i < job->item_count; i++) {
		const struct item *item = &job->item[i];

		if (item->notification)
			continue;
		out_separator(job);
		if (job->undoing && item->changed)
			reply_add(&job->out, item->id, &job->refused);
		else
			buffer_add(&job->out, job->slice_text.data + item->start,
				   item->end - item->start);
	}
	job->undoing = false;
	job->item_count = 0;
	job->slice_text.used = 0;
	return true;
}

/* ---- requests ---- */

/* Is it a request? Then its parts, else the outcome says what is wrong. */
static bool take_request(json_t *element, struct call *call, json_t **id, bool *notification,
			 struct outcome *outcome)
{
	json_t *version = json_object_get(element, "jsonrpc");
	json_t *method = json_object_get(element, "method");

	*id = json_object_get(element, "id");
	*notification = !*id;
	if (!json_is_object(element)) {
		*notification = false;
		outcome_fail(outcome, RPC_INVALID_REQUEST, "request: expected an object");
	} else if (*id && !json_is_string(*id) && !json_is_number(*id) && !json_is_null(*id)) {
		*id = NULL;
		outcome_fail(outcome, RPC_INVALID_REQUEST,
			     "id: expected a string, a number or null");
	} else if (!json_is_string(version) || strcmp(json_string_value(version), "2.0")) {
		outcome_fail(outcome, RPC_INVALID_REQUEST, "jsonrpc: expected \"2.0\"");
		*notification = false;
	} else if (!json_is_string(method)) {
		outcome_fail(outcome, RPC_INVALID_REQUEST, "method: expected a string");
		*notification = false;
	}
	call->method = json_string_value(method);
	call->params = json_object_get(element, "params");
	return !outcome->failed;
}

static json_t *element_at(const struct rpc_job *job)
{
	return job->array ? json_array_get(job->message, job->next) : job->message;
}

/* Work on the next element. False: its turn is over but it is not. */
static bool step_element(struct rpc_job *job, uint64_t deadline)
{
	struct call call = {
		.api = job->api, .peer = job->peer, .unit = &job->unit, .lines = &job->lines
	};
	struct outcome outcome = { .error = { .column = -1 } };
	size_t before = job->unit.count;
	bool notification;
	json_t *id;

	if (take_request(element_at(job), &call, &id, &notification, &outcome)) {
		/* What has a unit of its own, or saves what was accepted: keep the order. */
		if (!job->calling && call_is_apart(&call)) {
			if (!flush(job, deadline))
				return false;
			before = 0;
		}
		job->calling = !call_step(&call, &job->call, &outcome, deadline);
		job->job.exclusive = job->calling && call_is_exclusive(&job->call);
		if (job->calling)
			return false;
	}
	add_item(job, id, notification, job->unit.count > before, &outcome);
	job->next++;
	return true;
}

static void finish(struct rpc_job *job)
{
	struct connection *connection = job->connection;

	if (job->array && job->out.used)
		buffer_add(&job->out, "]", 1);
	if (connection) {
		if (job->out.used) {
			buffer_add(&job->out, "\n", 1);
			connection_reply(connection, job->out.data, job->out.used);
		}
		connection_done(connection);
	}
	json_decref(job->message);
	lines_free(&job->lines);
	unit_free(&job->unit);
	buffer_free(&job->slice_text);
	buffer_free(&job->out);
	free(job->item);
	free(job);
}

static bool step(struct job *base, uint64_t deadline)
{
	struct rpc_job *job = (struct rpc_job *)base;

	if (job->undoing && !flush(job, deadline))
		return false;
	while (job->next < job->count)
		if (!step_element(job, deadline) || queue_clock() >= deadline)
			break;
	if (!flush(job, deadline) || job->next < job->count)
		return false;
	finish(job);
	return true;
}

/* ---- messages ---- */

/* Must it wait while an atomic batch is under way? What changes something, and what reads the whole
 * configuration: half of a batch is nobody's configuration. */
static bool element_waits(json_t *element)
{
	const char *method = json_string_value(json_object_get(element, "method"));
	const struct command *command = method ? command_by_method(method) : NULL;

	return method &&
	       (!command || command->access == ACCESS_CHANGE || !strcmp(command->noun, "config"));
}

static bool message_waits(json_t *message)
{
	json_t *element;
	size_t index;

	json_array_foreach(message, index, element) if (element_waits(element)) return true;
	return !json_is_array(message) && element_waits(message);
}

static void reply_error(struct connection *connection, struct outcome *outcome)
{
	struct buffer line = { 0 };

	reply_add(&line, NULL, outcome);
	buffer_add(&line, "\n", 1);
	connection_reply(connection, line.data, line.used);
	buffer_free(&line);
	connection_done(connection);
}

static bool is_batch(json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	json_t *params = json_object_get(message, "params");

	return method && !strcmp(method, "batch") &&
	       json_is_array(json_object_get(params, "commands"));
}

/* The message as JSON, but for the lines of a batch where they could be cut out. */
static json_t *load(const char *text, size_t size, struct lines *lines, json_error_t *why)
{
	struct buffer rest = { 0 };
	json_t *message = NULL;

	if (lines_cut(lines, text, size, &rest)) {
		message = json_loadb(rest.data, rest.used, JSON_REJECT_DUPLICATES, why);
		buffer_free(&rest);
		if (!is_batch(message)) {
			json_decref(message);
			message = NULL;
		}
	}
	if (message)
		return message;
	lines_free(lines);
	return json_loadb(text, size, JSON_REJECT_DUPLICATES, why);
}

struct rpc_job *rpc_handle(struct api *api, struct connection *connection, enum rpc_peer peer,
			   const char *text, size_t size)
{
	struct outcome outcome = { .error = { .column = -1 } };
	json_error_t why;
	struct lines lines;
	json_t *message = load(text, size, &lines, &why);
	struct rpc_job *job;

	if (!message)
		outcome_fail(&outcome, RPC_PARSE_ERROR, "not JSON: line %d, column %d: %s",
			     why.line, why.column, why.text);
	else if (json_is_array(message) && !json_array_size(message))
		outcome_fail(&outcome, RPC_INVALID_REQUEST, "empty array: expected requests in it");
	else if (json_array_size(message) > REQUESTS_MAX)
		outcome_fail(&outcome, RPC_INVALID_REQUEST,
			     "%zu requests in one array: expected at most %d",
			     json_array_size(message), REQUESTS_MAX);
	if (outcome.failed) {
		json_decref(message);
		lines_free(&lines);
		reply_error(connection, &outcome);
		return NULL;
	}
	job = calloc(1, sizeof(*job));
	if (!job)
		abort();
	job->job.step = step;
	job->job.waits = message_waits(message);
	job->api = api;
	job->connection = connection;
	job->peer = peer;
	job->message = message;
	job->lines = lines;
	job->array = json_is_array(message);
	job->count = job->array ? json_array_size(message) : 1;
	return job;
}

void rpc_submit(struct api *api, struct rpc_job *job)
{
	queue_submit(&api->queue, &job->job);
}

void rpc_forget_connection(struct rpc_job *job)
{
	job->connection = NULL;
}
