/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/rpc-reply.h"

#include <stdarg.h>
#include <stdio.h>

void outcome_refuse(struct outcome *outcome)
{
	outcome->failed = true;
	outcome->code = outcome->error.kind == ERROR_USAGE ? RPC_INVALID_PARAMS : RPC_REFUSED;
}

void outcome_fail(struct outcome *outcome, enum rpc_code code, const char *format, ...)
{
	va_list list;

	outcome->failed = true;
	outcome->code = code;
	outcome->error = (struct error){ .kind = ERROR_USAGE, .column = -1 };
	va_start(list, format);
	vsnprintf(outcome->error.text, sizeof(outcome->error.text), format, list);
	va_end(list);
}

static int add_bytes(const char *bytes, size_t size, void *buffer)
{
	buffer_add(buffer, bytes, size);
	return 0;
}

static void add_json(struct buffer *buffer, json_t *json)
{
	if (json)
		json_dump_callback(json, add_bytes, buffer,
				   JSON_COMPACT | JSON_ENCODE_ANY | JSON_MEANT_REALS);
	else
		buffer_add_string(buffer, "null");
}

static json_t *error_data(const struct outcome *outcome)
{
	const struct error *error = &outcome->error;
	const char *name = strerrorname_np(-error->code);

	if (outcome->code == RPC_REFUSED)
		return json_pack("{s:s,s:s}", "kind", "refused", "errno", name ? name : "EPERM");
	if (outcome->code == RPC_INVALID_PARAMS)
		return json_pack("{s:s,s:i,s:i,s:s}", "kind", "usage", "column", error->column,
				 "length", error->length, "expected", error->expected);
	return NULL;
}

/* Messages quote what came in, which need not be UTF-8. */
static json_t *text_json(const char *text)
{
	char clean[ERROR_TEXT_MAX];
	json_t *string = json_string(text);

	if (string)
		return string;
	snprintf(clean, sizeof(clean), "%s", text);
	for (char *at = clean; *at; at++)
		if ((unsigned char)*at >= 0x80)
			*at = '?';
	return json_string(clean);
}

static void add_error(struct buffer *buffer, const struct outcome *outcome)
{
	json_t *error = json_pack("{s:i,s:o}", "code", (int)outcome->code, "message",
				  text_json(outcome->error.text));
	json_t *data = error_data(outcome);

	if (data)
		json_object_set_new(error, "data", data);
	add_json(buffer, error);
	json_decref(error);
}

/* A reply is one line: newlines of a document stand between its tokens only. */
static void add_text(struct buffer *buffer, const struct buffer *text)
{
	char *to = buffer_reserve(buffer, text->used);

	for (size_t i = 0; i < text->used; i++)
		to[i] = text->data[i] == '\n' ? ' ' : text->data[i];
	buffer->used += text->used;
}

void reply_add(struct buffer *buffer, json_t *id, struct outcome *outcome)
{
	buffer_add_string(buffer, "{\"jsonrpc\":\"2.0\",\"id\":");
	add_json(buffer, id);
	buffer_add_string(buffer, outcome->failed ? ",\"error\":" : ",\"result\":");
	if (outcome->failed)
		add_error(buffer, outcome);
	else if (outcome->result)
		add_json(buffer, outcome->result);
	else if (outcome->text.used)
		add_text(buffer, &outcome->text);
	else
		buffer_add_string(buffer, "{}");
	buffer_add_string(buffer, "}");
	json_decref(outcome->result);
	buffer_free(&outcome->text);
	outcome->result = NULL;
}

int rpc_error_line(char *line, size_t size, enum rpc_code code, const char *message)
{
	return snprintf(
		line, size,
		"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":%d,\"message\":\"%s\"}}\n",
		(int)code, message);
}
