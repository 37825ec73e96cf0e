/* SPDX-License-Identifier: BSD-3-Clause
 *
 * stack.c: label stacks in text and JSON: L[/L...], outermost first.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/value.h"

/* Special-purpose labels that may be put on or stand for "none" (RFC 3032 2.1). */
static const struct {
	const char *name;
	uint32_t label;
} named[] = { { "explicit-null", 0 }, { "ipv6-explicit-null", 2 }, { "implicit-null", 3 } };
enum { NAMED_COUNT = sizeof(named) / sizeof(named[0]) };

static const char *label_name(uint32_t label)
{
	if (label > LABEL_IMPLICIT_NULL)
		return NULL;
	for (unsigned int i = 0; i < NAMED_COUNT; i++)
		if (named[i].label == label)
			return named[i].name;
	return NULL;
}

static bool label_from_text(const char *text, size_t length, uint32_t *label)
{
	uint64_t number;

	if (number_from_text(text, length, LABEL_COUNT - 1, &number)) {
		*label = (uint32_t)number;
		return number >= LABEL_FIRST_FREE;
	}
	for (unsigned int i = 0; i < NAMED_COUNT; i++) {
		if (strlen(named[i].name) != length || memcmp(named[i].name, text, length) != 0)
			continue;
		*label = named[i].label;
		return true;
	}
	return false;
}

static int label_refuse(const struct parameter *parameter, const char *text, size_t length,
			size_t column, struct error *error)
{
	error_set(error, ERROR_USAGE, EINVAL, "%s label %.*s: expected %d to %d", parameter->name,
		  length > 64 ? 64 : (int)length, text, LABEL_FIRST_FREE, LABEL_COUNT - 1);
	value_expected(parameter, error->expected, sizeof(error->expected));
	error->column = (int)column;
	error->length = length ? (int)length : 1;
	return -EINVAL;
}

/* What concerns the stack as a whole. */
static int stack_check(const struct parameter *parameter, const struct value *value,
		       unsigned int count, struct error *error)
{
	if (count == 0 || count > STACK_MAX) {
		error_set(error, ERROR_USAGE, EINVAL, "%s of %u labels: expected 1 to %d",
			  parameter->name, count, STACK_MAX);
		snprintf(error->expected, sizeof(error->expected), "1 to %d labels", STACK_MAX);
		return -EINVAL;
	}
	for (unsigned int i = 0; i < count && count > 1; i++)
		if (value->stack[i] == LABEL_IMPLICIT_NULL)
			return error_set(error, ERROR_USAGE, EINVAL,
					 "%s: implicit-null stands alone, not with %u other labels",
					 parameter->name, count - 1);
	return 0;
}

int stack_from_text(const struct parameter *parameter, const char *text, size_t length,
		    struct value *value, struct error *error)
{
	unsigned int count = 0;
	size_t begin = 0;

	for (size_t at = 0; at <= length; at++) {
		uint32_t label;
		if (at < length && text[at] != '/')
			continue;
		if (!label_from_text(text + begin, at - begin, &label))
			return label_refuse(parameter, text + begin, at - begin, begin, error);
		if (count < STACK_MAX)
			value->stack[count] = label;
		count++;
		begin = at + 1;
	}
	if (stack_check(parameter, value, count, error) != 0) {
		error->column = 0;
		error->length = (int)length;
		return -EINVAL;
	}
	value->stack_count = (uint8_t)count;
	return 0;
}

int stack_from_json(const struct parameter *parameter, json_t *json, struct value *value,
		    struct error *error)
{
	size_t count = json_array_size(json);
	char text[24];

	if (!json_is_array(json)) {
		error_set(error, ERROR_USAGE, EINVAL, "%s: expected an array of labels",
			  parameter->name);
		snprintf(error->expected, sizeof(error->expected), "an array of labels");
		return -EINVAL;
	}
	for (size_t i = 0; i < count; i++) {
		json_t *item = json_array_get(json, i);
		uint32_t label;
		if (json_is_integer(item))
			snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(item));
		else
			snprintf(text, sizeof(text), "%s",
				 json_is_string(item) ? json_string_value(item)
				 : json_is_null(item) ? "null"
						      : "of this type");
		if (!label_from_text(text, strlen(text), &label) ||
		    json_is_string(item) != (label < LABEL_FIRST_FREE))
			return label_refuse(parameter, text, strlen(text), 0, error);
		if (i < STACK_MAX)
			value->stack[i] = label;
	}
	if (stack_check(parameter, value, count > 1000 ? 1000 : (unsigned int)count, error) != 0)
		return -EINVAL;
	value->stack_count = (uint8_t)count;
	return 0;
}

json_t *stack_to_json(const struct value *value)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < value->stack_count; i++) {
		const char *name = label_name(value->stack[i]);
		json_array_append_new(array,
				      name ? json_string(name) : json_integer(value->stack[i]));
	}
	return array;
}

void stack_format(const uint32_t *labels, unsigned int count, char *text, size_t size)
{
	size_t used = 0;

	for (unsigned int i = 0; i < count; i++) {
		char form[24];
		const char *name = label_name(labels[i]);
		size_t length = name ? strlen(name) : number_to_text(labels[i], form);
		if (used + (i > 0) + length >= size)
			break;
		if (i > 0)
			text[used++] = '/';
		memcpy(text + used, name ? name : form, length);
		used += length;
	}
	if (size > 0)
		text[used] = '\0';
}
