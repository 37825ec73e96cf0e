/* SPDX-License-Identifier: BSD-3-Clause
 *
 * server.h: the control socket RUN_DIR/NAME/control.sock.
 *
 * Of 1,024 connections 128 are kept for those who may change. When all are taken, the one that has
 * asked nothing for the longest time, a minute at least, makes room. A client that does not take its
 * answers for a minute is left.
 *
 * A connection reads one message (scanner.h), hands it to rpc.h, and looks at what comes next when
 * that is answered: so answers stand in the order of the questions, and who asks faster than it
 * reads is not read from.
 */
#ifndef SHUNT_API_SERVER_H
#define SHUNT_API_SERVER_H

#include "controlplane/api/api.h"

enum {
	MESSAGE_MAX = 64 << 20, /* bytes of a message */
	INPUT_MAX = 256 << 20,  /* bytes of unfinished messages, all connections together */
	CONNECTION_MAX = 1024,
	OUTPUT_PAUSE = 1 << 20, /* bytes waiting to be read by a client: no more is read from it */
};

struct connection;
struct server;

/* Listen on the instance's socket. 0 or a negative errno with `error`. */
int server_open(struct server **server, struct api *api, char error[REGION_ERROR_SIZE]);

/* Write out what can be written, close, remove the socket. */
void server_close(struct server *server);

/* For rpc.h: send bytes; the message that was handed over is answered. */
void connection_reply(struct connection *connection, const char *bytes, size_t size);
void connection_done(struct connection *connection);

#endif
