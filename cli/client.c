/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "cli/session.h"

enum { INVALID_PARAMS = -32602, RECEIVE_STEP = 65536 };

/* A path that does not fit into a socket address is reached through a descriptor of its directory.
 */
static int connect_path(int fd, const char *directory)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int length =
		snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", directory);
	int place = -1, code;

	if ((size_t)length >= sizeof(address.sun_path)) {
		place = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (place < 0)
			return -errno;
		snprintf(address.sun_path, sizeof(address.sun_path),
			 "/proc/self/fd/%d/control.sock", place);
	}
	code = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
	if (place >= 0)
		close(place);
	return code;
}

/* Has the other side gone away since the last answer? */
static bool is_stale(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static unsigned int patience_of(const struct session *session)
{
	return session->patience ? session->patience : PATIENCE;
}

static void set_patience(const struct session *session, int fd)
{
	struct timeval wait = { .tv_sec = patience_of(session) };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)); /* connect(2) too */
}

/* It runs, or did, but takes or gives no byte. What it says later is nobody's answer. */
static int client_unanswered(struct session *session, struct error *error)
{
	client_close(session);
	session->unanswered = true;
	return error_set(
		error, ERROR_REFUSED, ETIMEDOUT,
		"the control plane of instance %s does not answer: waited for %u s; what was "
		"asked may still be done when it goes on",
		session->place.instance, patience_of(session));
}

int client_connect(struct session *session, struct error *error)
{
	int code;

	if (session->fd >= 0 && is_stale(session->fd))
		client_close(session);
	if (session->fd >= 0) {
		set_patience(session, session->fd);
		return 0;
	}
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_set(error, ERROR_REFUSED, errno, "socket: %s", strerror(errno));
	set_patience(session, fd);
	code = connect_path(fd, session->place.directory);
	if (code == 0) {
		session->fd = fd;
		session->received_used = 0;
		return 0;
	}
	close(fd);
	if (code == -EAGAIN) /* its backlog is full */
		return client_unanswered(session, error);
	if (code == -ENOENT || code == -ECONNREFUSED)
		return error_set(error, ERROR_REFUSED, ENOTCONN,
				 "the control plane of instance %s is not running "
				 "(nobody answers at %s/control.sock)",
				 session->place.instance, session->place.directory);
	return error_set(error, ERROR_REFUSED, -code, "%s/control.sock: %s%s",
			 session->place.directory, strerror(-code),
			 code == -EACCES ? ": expected root, or a member of group "
					   "shunt-admin or shunt"
					 : "");
}

void client_close(struct session *session)
{
	if (session->fd >= 0)
		close(session->fd);
	session->fd = -1;
	session->received_used = 0;
}

static int client_broken(struct session *session, const char *what, struct error *error)
{
	client_close(session);
	return error_set(error, ERROR_REFUSED, EIO, "the connection to the control plane broke: %s",
			 what);
}

/* The other side closed while we were sending. It may have said why: the message is too long, there are
 * too many connections. */
static int send_broken(struct session *session, int number, struct error *error)
{
	json_t *result = NULL;
	int code = client_receive(session, &result, error);

	json_decref(result);
	if (code == -EPERM || code == -EINVAL)
		client_close(session);
	else
		code = client_broken(session, strerror(number), error);
	return code;
}

int client_send(struct session *session, const char *request, size_t length, struct error *error)
{
	while (length > 0) {
		ssize_t sent = send(session->fd, request, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno == EAGAIN)
			return client_unanswered(session, error);
		if (sent < 0)
			return send_broken(session, errno, error);
		request += sent;
		length -= (size_t)sent;
	}
	return 0;
}

/* One line into session->received, which is zero-terminated in place of the newline. `rest` is what
 * came behind it. */
static int receive_line(struct session *session, size_t *rest, struct error *error)
{
	size_t searched = 0;

	for (;;) {
		char *newline = session->received_used == searched
					? NULL
					: memchr(session->received + searched, '\n',
						 session->received_used - searched);
		if (newline) {
			*newline = '\0';
			*rest = (size_t)(newline + 1 - session->received);
			return 0;
		}
		searched = session->received_used;
		if (session->received_size - session->received_used < RECEIVE_STEP) {
			size_t size = 2 * session->received_size + 2 * RECEIVE_STEP;
			char *larger = realloc(session->received, size);
			if (!larger)
				return client_broken(session, "no memory for the answer", error);
			session->received = larger;
			session->received_size = size;
		}
		ssize_t got = recv(session->fd, session->received + session->received_used,
				   session->received_size - session->received_used, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return client_unanswered(session, error);
		if (got <= 0)
			return client_broken(session, got ? strerror(errno) : "it was closed",
					     error);
		session->received_used += (size_t)got;
	}
}

/* A JSON-RPC error object to struct error. */
static int answer_error(json_t *json, struct error *error)
{
	json_t *data = json_object_get(json, "data"), *column = json_object_get(data, "column");
	const char *kind = json_string_value(json_object_get(data, "kind"));
	bool usage = kind ? strcmp(kind, "usage") == 0
			  : json_integer_value(json_object_get(json, "code")) == INVALID_PARAMS;

	error->kind = usage ? ERROR_USAGE : ERROR_REFUSED;
	snprintf(error->text, sizeof(error->text), "%s", member_text(json, "message"));
	snprintf(error->expected, sizeof(error->expected), "%s", member_text(data, "expected"));
	error->column = json_is_integer(column) ? (int)json_integer_value(column) : -1;
	error->length = (int)json_integer_value(json_object_get(data, "length"));
	return usage ? -EINVAL : -EPERM;
}

/* The line that was received, of `rest` bytes with its end, was used. */
static void line_drop(struct session *session, size_t rest)
{
	session->received_used -= rest;
	memmove(session->received, session->received + rest, session->received_used);
}

/* Result or error out of the answer that was received. */
static int answer_take(struct session *session, size_t rest, json_t **result, struct error *error)
{
	json_error_t reason;
	json_t *answer = json_loads(session->received, 0, &reason), *problem;
	int code = 0;

	line_drop(session, rest);
	if (!answer)
		return client_broken(session, reason.text, error);
	problem = json_object_get(answer, "error");
	*result = json_incref(json_object_get(answer, "result"));
	if (problem)
		code = answer_error(problem, error);
	else if (!*result)
		code = client_broken(session, "an answer without a result", error);
	json_decref(answer);
	return code;
}

int client_receive(struct session *session, json_t **result, struct error *error)
{
	size_t rest = 0;
	int code = receive_line(session, &rest, error);

	*result = NULL;
	return code == 0 ? answer_take(session, rest, result, error) : code;
}

int client_text(struct session *session, char **result_text, struct error *error)
{
	size_t rest = 0, length;
	int code = receive_line(session, &rest, error);
	const char *text;
	json_t *result = NULL;

	if (code != 0)
		return code;
	text = span_find(session->received, "result", &length);
	if (text) {
		*result_text = strndup(text, length);
		line_drop(session, rest);
		return *result_text ? 0 : client_broken(session, "no memory for its answer", error);
	}
	code = answer_take(session, rest, &result, error);
	json_decref(result);
	return code;
}

int client_request(struct session *session, const char *method, json_t *params, struct error *error)
{
	json_t *request = json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id",
				    (json_int_t)++session->id, "method", method);
	char *text;
	int code;

	if (params)
		json_object_set_new(request, "params", params);
	code = client_connect(session, error);
	if (code == 0) {
		text = json_dumps(request, JSON_COMPACT);
		size_t length = strlen(text);
		text[length] = '\n'; /* in place of the zero */
		code = client_send(session, text, length + 1, error);
		free(text);
	}
	json_decref(request);
	return code;
}

int client_call(struct session *session, const char *method, json_t *params, json_t **result,
		struct error *error)
{
	int code = client_request(session, method, params, error);

	*result = NULL;
	return code == 0 ? client_receive(session, result, error) : code;
}
