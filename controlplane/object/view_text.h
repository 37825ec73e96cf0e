/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_text.h: JSON as text, for lists that may have a million rows: a value for each member of
 * each would take ten times as long. Commas are put where the text so far asks for one.
 */
#ifndef SHUNT_OBJECT_VIEW_TEXT_H
#define SHUNT_OBJECT_VIEW_TEXT_H

#include <stdint.h>
#include "controlplane/api/buffer.h"
#include "controlplane/api/value.h"

/* What comes next stands behind a comma unless it is the first one in its brackets. */
static inline void text_separate(struct buffer *text)
{
	char last = text->used ? text->data[text->used - 1] : '[';

	if (last != '[' && last != '{')
		buffer_add(text, ",", 1);
}

/* `"key":` and then `value` as it is ("{", "[", "true"). */
static inline void text_member(struct buffer *text, const char *key, const char *value)
{
	text_separate(text);
	buffer_add(text, "\"", 1);
	buffer_add_string(text, key);
	buffer_add(text, "\":", 2);
	buffer_add_string(text, value);
}

static inline void text_digits(struct buffer *text, uint64_t number)
{
	text->used += number_to_text(number, buffer_reserve(text, 20));
}

static inline void text_number(struct buffer *text, const char *key, uint64_t number)
{
	text_member(text, key, "");
	text_digits(text, number);
}

/* "" is left out. What stands in shared memory need not be a name: then it is shown as "?". */
static inline void text_string(struct buffer *text, const char *key, const char *string)
{
	size_t length = 0;

	if (!*string)
		return;
	while (string[length] > ' ' && string[length] < 0x7f && string[length] != '"' &&
	       string[length] != '\\')
		length++;
	text_member(text, key, "\"");
	if (string[length])
		buffer_add(text, "?", 1);
	else
		buffer_add(text, string, length);
	buffer_add(text, "\"", 1);
}

/* One more number of an array. */
static inline void text_item(struct buffer *text, uint64_t number)
{
	text_separate(text);
	text_digits(text, number);
}

#endif
