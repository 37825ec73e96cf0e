/* SPDX-License-Identifier: BSD-3-Clause
 *
 * connection.h: one client. For server.c and connection.c alone.
 */
#ifndef SHUNT_API_CONNECTION_H
#define SHUNT_API_CONNECTION_H

#include "controlplane/api/peer.h"
#include "controlplane/api/scanner.h"
#include "controlplane/api/server.h"

struct connection {
	TAILQ_ENTRY(connection) link;
	struct server *server;
	int fd;
	enum rpc_peer peer;
	struct event *readable, *writable;
	struct event *again; /* go on with what is in `in`, in the next turn of the loop */
	struct buffer in;
	size_t start,
		scanned; /* offsets in `in`: of the message under way, of what is not looked at */
	struct scanner scanner;
	struct evbuffer *out;
	struct rpc_job *job; /* that answers the last message, or NULL */
	uint64_t used_at;    /* queue_clock, of the last byte that came in or went out */
	bool busy;           /* it is not answered */
	bool working;        /* connection_work is on the stack */
	bool ended;          /* the client sends no more */
	bool closing;        /* to be closed when `out` is written */
};

struct server {
	struct api *api;
	int fd;
	int spare; /* given up for a moment when there are no descriptors, to say so */
	char path[320];
	gid_t look, change;
	struct event *acceptable;
	TAILQ_HEAD(, connection) connections;
	size_t count, limit;
	size_t lookers;          /* of `count`: PEER_LOOK */
	size_t input;            /* bytes held in all `in` */
	struct timeval patience; /* with a client that does not read its answers, and with one that
				  * asks nothing while others want its place */
};

/* Take over an accepted descriptor. */
void connection_open(struct server *server, int fd, enum rpc_peer peer);
void connection_close(struct connection *connection);

/* Is no message under way, in either direction? */
bool connection_is_idle(const struct connection *connection);

#endif
