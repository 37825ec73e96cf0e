/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rpc.h: JSON-RPC 2.0 (https://www.jsonrpc.org/specification). A method is "NOUN VERB" of the
 * command table, or "batch".
 *
 *   batch  params {"commands": [lines], "atomic": bool, "continue": bool}
 *          result {"done": N, "failed": N, "errors": [{index, message, column, length, expected,
 * kind}]}
 *
 * Errors: the standard's codes; -32602 has data {kind: "usage", column, length, expected}; what the
 * control plane refuses has code 1 and data {kind: "refused", errno: "ENOENT"}.
 */
#ifndef SHUNT_API_RPC_H
#define SHUNT_API_RPC_H

#include <stdbool.h>
#include <stddef.h>
#include "controlplane/api/api.h"

struct connection;

/* Requests in one array: the answer to each takes a hundred bytes or more, all held until the last. */
enum { REQUESTS_MAX = 100000 };

enum rpc_code {
	RPC_PARSE_ERROR = -32700,
	RPC_INVALID_REQUEST = -32600,
	RPC_METHOD_NOT_FOUND = -32601,
	RPC_INVALID_PARAMS = -32602,
	RPC_REFUSED = 1,
};

/* What the other side may do. */
enum rpc_peer {
	PEER_NOBODY,
	PEER_LOOK,
	PEER_CHANGE, /* and name files in /etc/shunt */
	PEER_OWNER,  /* root or our own user: any file */
};

struct rpc_job;

/* One message came in. It is answered by connection_reply and then connection_done: during this
 * call (NULL is returned), or by the job that is returned and is to be submitted. The connection
 * gives no other message before it is done. */
struct rpc_job *rpc_handle(struct api *api, struct connection *connection, enum rpc_peer peer,
			   const char *text, size_t size);

/* Start the job; it may be over (freed) when this returns. */
void rpc_submit(struct api *api, struct rpc_job *job);

/* The connection is gone: the job goes on, its answer is dropped. */
void rpc_forget_connection(struct rpc_job *job);

/* A line with an error that belongs to no request, for the server. Returns its length. */
int rpc_error_line(char *line, size_t size, enum rpc_code code, const char *message);

#endif
