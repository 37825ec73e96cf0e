/* SPDX-License-Identifier: BSD-3-Clause
 *
 * json.c: JSON params to arguments and back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/api/value.h"

enum { KEY_MAX = 64 };

/* The JSON key of a name or word: blanks and, in a key, dashes replaced. */
static const char *json_name(const char *name, char blank, char dash, char text[KEY_MAX])
{
	unsigned int i = 0;

	for (; name[i] && i < KEY_MAX - 1; i++)
		text[i] = name[i] == ' ' ? blank : name[i] == '-' ? dash : name[i];
	text[i] = '\0';
	return text;
}

static const char *json_key(const char *name, char text[KEY_MAX])
{
	return json_name(name, '_', '_', text);
}

static int wrong_type(const struct parameter *parameter, json_t *json, struct error *error)
{
	char *text = json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT);

	value_refuse(parameter, text ? text : "", text ? strlen(text) : 0, error);
	free(text);
	return -EINVAL;
}

static int word_from_json(const struct parameter *parameter, json_t *json, struct value *value,
			  struct error *error)
{
	char word[KEY_MAX];

	for (unsigned int i = 0; json_is_string(json) && parameter->words[i]; i++) {
		json_name(parameter->words[i], '-', '-', word);
		if (strcmp(word, json_string_value(json)) != 0)
			continue;
		value->number = i;
		return 0;
	}
	return wrong_type(parameter, json, error);
}

static int number_from_json(const struct parameter *parameter, json_t *json, struct value *value,
			    struct error *error)
{
	json_int_t number = json_integer_value(json);

	if (!json_is_integer(json) || number < 0 || (uint64_t)number < parameter->minimum ||
	    (uint64_t)number > parameter->maximum)
		return wrong_type(parameter, json, error);
	value->number = (uint64_t)number;
	return 0;
}

static int prefixes_from_json(const struct parameter *parameter, json_t *json,
			      struct arguments *arguments, struct value *value, struct error *error)
{
	size_t index;
	json_t *one;
	int code = 0;

	if (!json_is_array(json) || json_array_size(json) == 0)
		return wrong_type(parameter, json, error);
	json_array_foreach(json, index, one)
	{
		if (!json_is_string(one))
			return wrong_type(parameter, one, error);
		code = prefixes_add(parameter, json_string_value(one), json_string_length(one),
				    arguments, value, index > 0, error);
		if (code != 0)
			break;
	}
	return code;
}

static json_t *prefixes_to_json(const struct value *value)
{
	json_t *array = json_array();
	const char *at = value->string;

	while (*at != '\0') {
		size_t length = strcspn(at, " ");
		json_array_append_new(array, json_stringn(at, length));
		at += length + strspn(at + length, " ");
	}
	return array;
}

/* A number where digits alone are one. */
static bool is_number(const struct parameter *parameter, const char *string)
{
	return parameter->flags & PARAMETER_NUMBER && *string != '\0' && strlen(string) < 18 &&
	       string[strspn(string, "0123456789")] == '\0';
}

int value_from_json(const struct parameter *parameter, json_t *json, struct arguments *arguments,
		    struct value *value, struct error *error)
{
	if (parameter->words && json_is_string(json) && parameter->type != VALUE_WORD)
		return value_from_text(parameter, json_string_value(json), json_string_length(json),
				       arguments, value, error);
	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		return number_from_json(parameter, json, value, error);
	case VALUE_STACK:
		return stack_from_json(parameter, json, value, error);
	case VALUE_WORD:
		return word_from_json(parameter, json, value, error);
	case VALUE_FLAG:
	case VALUE_ON_OFF:
		value->number = json_is_true(json);
		if (json_is_boolean(json))
			return 0;
		value_refuse(parameter, "", 0, error);
		error_set(error, ERROR_USAGE, EINVAL, "%s: expected true or false",
			  parameter->name);
		return -EINVAL;
	case VALUE_PREFIXES:
		return prefixes_from_json(parameter, json, arguments, value, error);
	default:
		if (parameter->flags & PARAMETER_NUMBER && json_is_integer(json)) {
			char digits[24];
			snprintf(digits, sizeof(digits), "%lld",
				 (long long)json_integer_value(json));
			return value_from_text(parameter, digits, strlen(digits), arguments, value,
					       error);
		}
		if (!json_is_string(json))
			return wrong_type(parameter, json, error);
		return value_from_text(parameter, json_string_value(json), json_string_length(json),
				       arguments, value, error);
	}
}

json_t *value_to_json(const struct parameter *parameter, const struct value *value)
{
	char text[2 * STRING_MAX + 3];
	const char *word = value_alternative(parameter, value);

	if (word)
		return json_string(word);
	switch (parameter->type) {
	case VALUE_UNSIGNED:
	case VALUE_LABEL:
		return json_integer((json_int_t)value->number);
	case VALUE_FLAG:
	case VALUE_ON_OFF:
		return json_boolean(value->number);
	case VALUE_STACK:
		return stack_to_json(value);
	case VALUE_WORD:
		return json_string(json_name(parameter->words[value->number], '-', '-', text));
	case VALUE_PREFIXES:
		return prefixes_to_json(value);
	case VALUE_NAME:
	case VALUE_STRING:
		return is_number(parameter, value->string) ? json_integer(atoll(value->string))
							   : json_string(value->string);
	default:
		value_to_text(parameter, value, text, sizeof(text));
		return json_string(text);
	}
}

/* "NAME.": in front of what the error says. */
static int error_inside(struct error *error, const char *format, unsigned int index)
{
	char text[sizeof(error->text)];
	int used;

	memcpy(text, error->text, sizeof(text));
	used = snprintf(error->text, sizeof(error->text), format, index);
	snprintf(error->text + used, sizeof(error->text) - (size_t)used, "%s", text);
	error->column = -1;
	error->length = 0;
	return -EINVAL;
}

static int unknown_member(const char *key, const char *where, struct error *error)
{
	return error_set(error, ERROR_USAGE, EINVAL, "%.64s: %s has no such member", key, where);
}

/* One member of a path, or of its "backup": `prefix` is then "backup_". */
static int path_member(const struct parameter *group, const char *prefix, const char *key,
		       json_t *json, struct arguments *arguments, struct path *path,
		       struct error *error)
{
	char full[KEY_MAX + 16], name[KEY_MAX];

	snprintf(full, sizeof(full), "%s%.*s", prefix, KEY_MAX - 1, key);
	for (unsigned int i = 0; group[i].name; i++) {
		bool nested = strchr(group[i].name, ' ') != NULL;
		if (group[i].flags & PARAMETER_ABSENT ||
		    strcmp(json_key(group[i].name, name), full) != 0 || nested != (*prefix != '\0'))
			continue;
		int code = value_from_json(&group[i], json, arguments, &path->value[i], error);
		if (code == 0 && !(group[i].type == VALUE_FLAG && path->value[i].number == 0))
			path->present |= parameter_bit(i);
		return code;
	}
	return unknown_member(key, *prefix ? "a backup" : "a path", error);
}

static int path_from_json(const struct parameter *group, json_t *json, struct arguments *arguments,
			  struct path *path, struct error *error)
{
	const char *key;
	json_t *member;
	int code;

	path->present = 0;
	if (!json_is_object(json))
		return error_set(error, ERROR_USAGE, EINVAL, "expected an object");
	json_object_foreach(json, key, member)
	{
		const char *inner;
		json_t *item;
		if (strcmp(key, "backup") != 0) {
			code = path_member(group, "", key, member, arguments, path, error);
			if (code != 0)
				return code;
			continue;
		}
		if (!json_is_object(member))
			return error_set(error, ERROR_USAGE, EINVAL,
					 "backup: expected an object with via and dev");
		json_object_foreach(member, inner, item)
		{
			code = path_member(group, "backup_", inner, item, arguments, path, error);
			if (code != 0)
				return code;
		}
	}
	return 0;
}

static int paths_from_json(const struct parameter *parameter, json_t *json,
			   struct arguments *arguments, struct error *error)
{
	size_t count = json_array_size(json);

	if (!json_is_array(json))
		return error_set(error, ERROR_USAGE, EINVAL, "%s: expected an array of paths",
				 parameter->name);
	if (count > GROUP_MEMBER_MAX)
		return error_set(error, ERROR_USAGE, EINVAL, "%s: %zu paths: expected at most %d",
				 parameter->name, count, GROUP_MEMBER_MAX);
	for (size_t i = 0; i < count; i++) {
		if (path_from_json(parameter->group, json_array_get(json, i), arguments,
				   &arguments->path[i], error) != 0)
			return error_inside(error, "path %u: ", (unsigned int)i + 1);
		arguments->path_count++;
	}
	return 0;
}

static int member_from_json(const struct command *command, const char *key, json_t *json,
			    struct arguments *arguments, struct error *error)
{
	const struct parameter *list = command->parameters;
	char name[KEY_MAX], where[KEY_MAX];
	int code;

	if (strcmp(key, "config") == 0 &&
	    (command->id == COMMAND_CONFIG_APPLY || command->id == COMMAND_CONFIG_DIFF)) {
		arguments->document = json;
		return json_is_object(json) ? 0
					    : error_set(error, ERROR_USAGE, EINVAL,
							"config: expected an object");
	}
	for (unsigned int i = 0; list[i].name; i++) {
		if (list[i].flags & PARAMETER_ABSENT ||
		    strcmp(json_key(list[i].name, name), key) != 0)
			continue;
		if (list[i].type == VALUE_PATHS) {
			code = paths_from_json(&list[i], json, arguments, error);
			if (code == 0 && arguments->path_count > 0)
				arguments->present |= parameter_bit(i);
			return code;
		}
		code = value_from_json(&list[i], json, arguments, &arguments->value[i], error);
		if (code == 0 && !(list[i].type == VALUE_FLAG && arguments->value[i].number == 0))
			arguments->present |= parameter_bit(i);
		return code;
	}
	snprintf(where, sizeof(where), "%s %s", command->noun, command->verb);
	return unknown_member(key, where, error);
}

int command_from_json(const struct command *command, json_t *params, struct arguments *arguments,
		      struct error *error)
{
	const char *key;
	json_t *json;
	int code = 0, parameter, path;

	error->kind = ERROR_NONE;
	error->column = -1;
	error->length = 0;
	error->text[0] = error->expected[0] = '\0';
	arguments->command = command;
	arguments->present = arguments->path_count = arguments->text_used = 0;
	arguments->document = NULL;
	arguments->spelled_out = false;
	if (params && !json_is_object(params))
		return error_set(error, ERROR_USAGE, EINVAL, "params: expected an object");
	json_object_foreach(params, key, json)
	{
		code = member_from_json(command, key, json, arguments, error);
		if (code != 0)
			break;
	}
	if (code == 0)
		code = command_check(arguments, error, &parameter, &path);
	error->column = -1;
	error->length = 0;
	return code;
}

/* ---- arguments to JSON ---- */

static json_t *path_to_json(const struct parameter *group, const struct path *path)
{
	json_t *object = json_object();
	char key[KEY_MAX];

	for (unsigned int i = 0; group[i].name; i++) {
		const char *blank = strchr(group[i].name, ' ');
		json_t *inside = object;
		if (!path_present(path, (enum path_parameter)i))
			continue;
		if (blank) {
			inside = json_object_get(object, "backup");
			if (!inside) {
				inside = json_object();
				json_object_set_new(object, "backup", inside);
			}
		}
		json_object_set_new(inside, json_key(blank ? blank + 1 : group[i].name, key),
				    value_to_json(&group[i], &path->value[i]));
	}
	return object;
}

json_t *command_to_json(const struct arguments *arguments)
{
	const struct parameter *list = arguments->command->parameters;
	json_t *object = json_object();
	char key[KEY_MAX];

	for (unsigned int i = 0; list[i].name; i++) {
		json_t *value;
		if (!argument_present(arguments, i))
			continue;
		if (list[i].type == VALUE_PATHS) {
			value = json_array();
			for (unsigned int j = 0; j < arguments->path_count; j++)
				json_array_append_new(
					value, path_to_json(list[i].group, &arguments->path[j]));
		} else {
			value = value_to_json(&list[i], &arguments->value[i]);
		}
		json_object_set_new(object, json_key(list[i].name, key), value);
	}
	if (arguments->document)
		json_object_set(object, "config", arguments->document);
	return object;
}
