/* SPDX-License-Identifier: BSD-3-Clause
 *
 * span.c: a member of a JSON object as the text that it is, without building it. A million routes
 * are passed on with -j at the speed of memory.
 */
#include <string.h>
#include "cli/session.h"

static const char *blank_skip(const char *at)
{
	return at + strspn(at, " \t\r\n");
}

/* Behind the string that begins at the quote, or NULL. */
static const char *string_skip(const char *at)
{
	for (at++; *at != '"'; at++) {
		at += strcspn(at, "\"\\");
		if (*at == '"')
			break;
		if (*at == '\0' || *++at == '\0')
			return NULL;
	}
	return at + 1;
}

/* Behind the value, or NULL. */
static const char *value_skip(const char *at)
{
	unsigned int depth = 0;

	do {
		if (*at == '"') {
			at = string_skip(at);
			if (!at)
				return NULL;
			continue;
		}
		depth += *at == '{' || *at == '[';
		depth -= *at == '}' || *at == ']';
		at++;
		if (depth > 0 || strchr(",}] \t\r\n", *at) == NULL)
			at += strcspn(at, depth > 0 ? "\"{}[]" : "\",}] \t\r\n");
		if (*at == '\0')
			return NULL;
	} while (depth > 0);
	return at;
}

const char *span_find(const char *text, const char *name, size_t *length)
{
	const char *at = blank_skip(text);

	if (*at++ != '{')
		return NULL;
	for (;;) {
		const char *key = blank_skip(at), *value, *end;
		at = *key == '"' ? string_skip(key) : NULL;
		if (!at)
			return NULL;
		bool found = (size_t)(at - key) == strlen(name) + 2 &&
			     memcmp(key + 1, name, strlen(name)) == 0;
		value = blank_skip(at);
		if (*value != ':')
			return NULL;
		value = blank_skip(value + 1);
		end = value_skip(value);
		if (!end)
			return NULL;
		*length = (size_t)(end - value);
		if (found)
			return value;
		at = blank_skip(end);
		if (*at++ != ',')
			return NULL;
	}
}
