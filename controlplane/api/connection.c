/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/connection.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <unistd.h>
#include "controlplane/api/log.h"

enum { READ_SIZE = 256 << 10, KEEP_SIZE = 64 << 10 };

static const struct timeval at_once = { 0, 0 };

/* ---- end ---- */

static void input_free(struct connection *connection)
{
	connection->server->input -= connection->in.capacity;
	buffer_free(&connection->in);
	connection->start = connection->scanned = 0;
}

void connection_close(struct connection *connection)
{
	struct server *server = connection->server;

	if (connection->job)
		rpc_forget_connection(connection->job);
	TAILQ_REMOVE(&server->connections, connection, link);
	server->count--;
	server->lookers -= connection->peer == PEER_LOOK;
	input_free(connection);
	event_free(connection->readable);
	event_free(connection->writable);
	event_free(connection->again);
	evbuffer_free(connection->out);
	close(connection->fd);
	free(connection);
}

bool connection_is_idle(const struct connection *connection)
{
	return !connection->busy && !evbuffer_get_length(connection->out) &&
	       connection->in.used == connection->start;
}

static bool is_over(const struct connection *connection)
{
	return !connection->busy && !evbuffer_get_length(connection->out) &&
	       (connection->closing || connection->ended);
}

/* ---- output ---- */

/* Write what can be written. False: the connection is gone. */
static bool write_out(struct connection *connection)
{
	bool progress = false;

	while (evbuffer_get_length(connection->out)) {
		if (evbuffer_write(connection->out, connection->fd) > 0) {
			progress = true;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			connection_close(connection);
			return false;
		}
		/* the client's time begins anew with each byte that it takes */
		if (progress || !event_pending(connection->writable, EV_WRITE, NULL))
			event_add(connection->writable, &connection->server->patience);
		break;
	}
	if (progress)
		connection->used_at = queue_clock();
	return true;
}

void connection_reply(struct connection *connection, const char *bytes, size_t size)
{
	evbuffer_add(connection->out, bytes, size);
}

void connection_done(struct connection *connection)
{
	connection->busy = false;
	connection->job = NULL;
	if (!connection->working)
		event_add(connection->again, &at_once);
}

/* Say what is wrong, then close: there is no telling where the next message would begin. */
static void give_up(struct connection *connection, const char *message)
{
	char line[256];
	int length = rpc_error_line(line, sizeof(line), RPC_INVALID_REQUEST, message);

	connection_reply(connection, line, (size_t)length);
	connection->closing = true;
	input_free(connection);
}

/* ---- input ---- */

static void handle_message(struct connection *connection)
{
	struct api *api = connection->server->api;
	const char *text = connection->in.data + connection->start;
	size_t size = connection->scanned - connection->start;

	connection->busy = true;
	connection->job = rpc_handle(api, connection, connection->peer, text, size);
	connection->start = connection->scanned;
	if (connection->job)
		rpc_submit(api, connection->job);
}

/* Broken input is shown to the parser up to the end of its line, for a message that helps. */
static void take_rest_of_line(struct connection *connection)
{
	const char *from = connection->in.data + connection->scanned;
	size_t left = connection->in.used - connection->scanned;
	const char *end = memchr(from, '\n', left);

	if (!connection->scanner.dropping)
		return;
	connection->scanned += end ? (size_t)(end - from) + 1 : left;
	connection->scanner.dropping = !end;
}

/* The next message, if it is complete. False: more must be read. */
static bool next_message(struct connection *connection)
{
	const struct buffer *in = &connection->in;
	enum scanner_result result;
	size_t taken;

	if (!scanner_begun(&connection->scanner)) {
		connection->scanned +=
			scanner_skip(&connection->scanner, in->data + connection->scanned,
				     in->used - connection->scanned);
		connection->start = connection->scanned;
	}
	if (connection->scanned == in->used)
		return false;
	result = scanner_feed(&connection->scanner, in->data + connection->scanned,
			      in->used - connection->scanned, &taken);
	connection->scanned += taken;
	if (result == SCANNER_TOO_MANY)
		give_up(connection, "a message may have 4194304 values");
	if (result == SCANNER_MORE || result == SCANNER_TOO_MANY)
		return false;
	if (result != SCANNER_MESSAGE)
		take_rest_of_line(connection);
	handle_message(connection);
	return true;
}

/* Give back what was dealt with. */
static void input_trim(struct connection *connection)
{
	size_t left = connection->in.used - connection->start;

	if (!left && connection->in.capacity > KEEP_SIZE) {
		input_free(connection);
	} else if (connection->start >= left) {
		memmove(connection->in.data, connection->in.data + connection->start, left);
		connection->scanned -= connection->start;
		connection->in.used = left;
		connection->start = 0;
	}
}

/* What to wait for: for input only where all of it is dealt with. Else connection_done, on_writable
 * or the next turn come back. */
static void wait_for_next(struct connection *connection, bool more)
{
	if (more || connection->busy || connection->closing || connection->ended)
		event_del(connection->readable);
	else
		event_add(connection->readable, NULL);
	if (more && !connection->busy && !connection->closing &&
	    evbuffer_get_length(connection->out) < OUTPUT_PAUSE)
		event_add(connection->again, &at_once);
}

/* Deal with complete messages until one takes longer, the client does not read, or the turn is
 * over. */
static void connection_work(struct connection *connection)
{
	uint64_t deadline = queue_clock() + SLICE_NANOSECONDS;
	bool more = true;

	connection->working = true;
	while (more && !connection->busy && !connection->closing && queue_clock() < deadline &&
	       evbuffer_get_length(connection->out) < OUTPUT_PAUSE)
		more = next_message(connection);
	connection->working = false;
	input_trim(connection);
	if (!connection->closing && connection->in.used - connection->start > MESSAGE_MAX)
		give_up(connection, "a message may have 64 MiB (67108864 bytes)");
	if (!write_out(connection))
		return;
	if (is_over(connection) && (connection->closing || !more))
		connection_close(connection);
	else
		wait_for_next(connection, more);
}

static void on_readable(evutil_socket_t fd, short events, void *context)
{
	struct connection *connection = context;
	struct server *server = connection->server;
	size_t capacity = connection->in.capacity;
	ssize_t n;

	(void)events;
	buffer_reserve(&connection->in, capacity < KEEP_SIZE ? 4096 : READ_SIZE);
	server->input += connection->in.capacity - capacity;
	n = read(fd, connection->in.data + connection->in.used,
		 connection->in.capacity - connection->in.used);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		connection_close(connection);
		return;
	}
	connection->used_at = queue_clock();
	connection->ended = n == 0;
	connection->in.used += (size_t)n;
	if (server->input > INPUT_MAX && connection->in.capacity > READ_SIZE)
		give_up(connection, "too many long messages at once: try again later");
	connection_work(connection);
}

/* Writable, which the kernel says when most of its buffer is free; or it was not for a while. Then
 * what counts is whether anything can be written. */
static void on_writable(evutil_socket_t fd, short events, void *context)
{
	struct connection *connection = context;
	size_t left = evbuffer_get_length(connection->out);

	(void)fd;
	if (events & EV_WRITE) {
		connection_work(connection);
		return;
	}
	if (!write_out(connection))
		return;
	if (evbuffer_get_length(connection->out) < left) {
		connection_work(connection);
		return;
	}
	log_info("control socket: a client that did not read its answers for %lld s was left",
		 (long long)connection->server->patience.tv_sec);
	connection_close(connection);
}

static void on_again(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	connection_work(context);
}

/* ---- begin ---- */

void connection_open(struct server *server, int fd, enum rpc_peer peer)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	struct event_base *base = server->api->base;

	if (!connection)
		abort();
	connection->server = server;
	connection->fd = fd;
	connection->peer = peer;
	connection->out = evbuffer_new();
	connection->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_readable, connection);
	connection->writable = event_new(base, fd, EV_WRITE, on_writable, connection);
	connection->again = evtimer_new(base, on_again, connection);
	if (!connection->out || !connection->readable || !connection->writable ||
	    !connection->again)
		abort();
	TAILQ_INSERT_TAIL(&server->connections, connection, link);
	server->count++;
	server->lookers += peer == PEER_LOOK;
	connection->used_at = queue_clock();
	event_add(connection->readable, NULL);
}
