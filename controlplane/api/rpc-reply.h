/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rpc-reply.h: responses as text. For rpc*.c alone.
 */
#ifndef SHUNT_API_RPC_REPLY_H
#define SHUNT_API_RPC_REPLY_H

#include "controlplane/api/rpc.h"

/* How a call ended. */
struct outcome {
	bool failed;
	enum rpc_code code;
	struct error error; /* text, code, column, ... */
	json_t *result;     /* owned; or */
	struct buffer text; /* JSON text, owned; neither: {} */
};

/* Failed by a command's error, which is set: usage or refused. */
void outcome_refuse(struct outcome *outcome);

/* Failed with a code and a message. */
void outcome_fail(struct outcome *outcome, enum rpc_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Append the response to the request `id` (NULL: null), without a newline. Frees what the outcome
 * owns. */
void reply_add(struct buffer *buffer, json_t *id, struct outcome *outcome);

#endif
