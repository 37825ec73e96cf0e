/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/lines.h"

#include <string.h>

static const char name[] = "\"commands\"";

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

/* The closing quote of the plain string that begins at `at`, or NULL. */
static const char *plain_string_end(const char *at, const char *end)
{
	while (at < end && *at >= ' ' && *at < 0x7f && *at != '"' && *at != '\\')
		at++;
	return at < end && *at == '"' ? at : NULL;
}

/* The first byte of the array of the one member "commands", or NULL. */
static const char *find_array(const char *message, const char *end)
{
	const char *at = memmem(message, (size_t)(end - message), name, sizeof(name) - 1);

	if (!at)
		return NULL;
	at = skip_blanks(at + sizeof(name) - 1, end);
	if (at == end || *at++ != ':')
		return NULL;
	at = skip_blanks(at, end);
	return at < end && *at == '[' ? at : NULL;
}

static void add_line(struct lines *lines, size_t *capacity, const char *from, size_t length)
{
	if (lines->count == *capacity) {
		*capacity = *capacity ? *capacity * 2 : 64;
		lines->line = realloc(lines->line, *capacity * sizeof(*lines->line));
		if (!lines->line)
			abort();
	}
	lines->line[lines->count++] = lines->text.data + lines->text.used;
	memcpy(lines->text.data + lines->text.used, from, length);
	lines->text.used += length;
	lines->text.data[lines->text.used++] = 0;
}

/* The strings of the array that begins at `at`; returns what follows its bracket, or NULL. */
static const char *take_strings(struct lines *lines, const char *at, const char *end)
{
	size_t capacity = 0;

	do {
		const char *start = skip_blanks(at + 1, end), *close;

		if (start == end || *start != '"')
			return NULL;
		close = plain_string_end(start + 1, end);
		if (!close)
			return NULL;
		add_line(lines, &capacity, start + 1, (size_t)(close - start - 1));
		at = skip_blanks(close + 1, end);
	} while (at < end && *at == ',');
	return at < end && *at == ']' ? at + 1 : NULL;
}

bool lines_cut(struct lines *lines, const char *message, size_t size, struct buffer *rest)
{
	const char *end = message + size, *array = find_array(message, end), *after;
	size_t before;

	memset(lines, 0, sizeof(*lines));
	if (!array)
		return false;
	before = (size_t)(array - message);
	buffer_reserve(&lines->text, size); /* so that it never moves */
	after = take_strings(lines, array, end);
	if (!after || memchr(message, '\\', before) || memchr(after, '\\', (size_t)(end - after)) ||
	    memmem(after, (size_t)(end - after), name, sizeof(name) - 1)) {
		lines_free(lines);
		return false;
	}
	buffer_add(rest, message, before);
	buffer_add(rest, "[]", 2);
	buffer_add(rest, after, (size_t)(end - after));
	return true;
}

void lines_free(struct lines *lines)
{
	buffer_free(&lines->text);
	free(lines->line);
	memset(lines, 0, sizeof(*lines));
}
