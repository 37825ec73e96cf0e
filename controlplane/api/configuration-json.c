/* SPDX-License-Identifier: BSD-3-Clause
 *
 * configuration-json.c: a configuration from and to its JSON document.
 */
#include "controlplane/api/configuration.h"

#include <errno.h>
#include <stdio.h>

static struct arguments arguments; /* of the element at hand: large; one thread */

/* ---- reading ---- */

/* JSON's member for a parameter: "rx_queues". */
static void member_name(const struct parameter *parameter, char name[64])
{
	snprintf(name, 64, "%s", parameter->name);
	for (char *at = name; *at; at++)
		if (*at == '-' || *at == ' ')
			*at = '_';
}

/* Members that only the noun's `set` knows (admin), moved out of `element` together with copies of
 * the key: a new reference, or NULL if there are none. */
static json_t *split_set(json_t *element, const struct command *add, const struct command *set)
{
	json_t *rest = json_object();
	bool any = false;
	char name[64];

	for (unsigned int i = 0; set->parameters[i].name; i++) {
		json_t *value;

		if (!configuration_takes(set, i))
			continue;
		member_name(&set->parameters[i], name);
		value = json_object_get(element, name);
		if (!value)
			continue;
		if (set->parameters[i].flags & PARAMETER_KEY) {
			json_object_set(rest, name, value);
		} else if (!configuration_takes(add, i)) {
			json_object_set(rest, name, value);
			json_object_del(element, name);
			any = true;
		}
	}
	if (any)
		return rest;
	json_decref(rest);
	return NULL;
}

static int take(struct configuration *configuration, const struct command *command, json_t *params,
		struct error *error)
{
	int rc = command_from_json(command, params, &arguments, error);

	return rc ? rc : configuration_apply(configuration, &arguments, error);
}

static int take_element(struct configuration *configuration, const struct command *add,
			json_t *element, struct error *error)
{
	const struct command *set = configuration_command(add->noun, "set");
	json_t *params, *rest = NULL;
	int rc;

	if (!json_is_object(element))
		return error_set(error, ERROR_USAGE, -EINVAL, "expected an object");
	params = json_copy(element);
	if (set)
		rest = split_set(params, add, set);
	rc = take(configuration, add, params, error);
	if (!rc && rest)
		rc = take(configuration, set, rest, error);
	json_decref(params);
	json_decref(rest);
	return rc;
}

static int take_noun(struct configuration *configuration, const struct command *add, json_t *list,
		     struct error *error)
{
	json_t *element;
	size_t index;

	if (!json_is_array(list))
		return error_set(error, ERROR_USAGE, -EINVAL, "config: %s: expected an array",
				 add->noun);
	json_array_foreach(list, index, element)
	{
		struct error why = { .column = -1 };
		int rc = take_element(configuration, add, element, &why);

		if (rc) {
			error_set(error, ERROR_USAGE, rc, "config: %s[%zu]: %.*s", add->noun, index,
				  ERROR_TEXT_MAX - 128, why.text);
			memcpy(error->expected, why.expected, sizeof(error->expected));
			return -EINVAL;
		}
	}
	return 0;
}

int configuration_from_json(struct configuration *configuration, json_t *document,
			    struct error *error)
{
	const char *member;
	json_t *value;
	int rc = 0;

	if (!json_is_object(document))
		return error_set(error, ERROR_USAGE, -EINVAL, "config: expected an object");
	if (json_integer_value(json_object_get(document, "shunt_config")) != 1)
		return error_set(error, ERROR_USAGE, -EINVAL,
				 "config: expected the member \"shunt_config\": 1");
	json_object_foreach(document, member, value)
	{
		const struct command *add;

		if (!strcmp(member, "shunt_config"))
			continue;
		add = configuration_command(member, "add");
		if (!add)
			return error_set(error, ERROR_USAGE, -EINVAL,
					 "config: unknown member '%.64s'", member);
		rc = take_noun(configuration, add, value, error);
		if (rc)
			return rc;
	}
	return 0;
}

/* ---- writing ---- */

static json_t *line_to_json(const char *line)
{
	struct error error = { 0 };

	return command_parse(line, &arguments, &error) ? NULL : command_to_json(&arguments);
}

static void add_element(const struct configuration_entry *entry, struct buffer *buffer)
{
	json_t *element = line_to_json(entry->line);
	json_t *set = entry->set ? line_to_json(entry->set) : NULL;
	size_t size;

	if (set)
		json_object_update_missing(element, set);
	size = json_dumpb(element, buffer_reserve(buffer, 2048), 2048, 0);
	if (size > 2048) /* what it takes: again with room for it */
		json_dumpb(element, buffer_reserve(buffer, size), size, 0);
	buffer->used += size;
	json_decref(set);
	json_decref(element);
}

/* The list of one noun; an empty one is written too, as a place to write into. */
static void add_noun(const struct configuration *configuration, const struct command *add,
		     struct buffer *buffer)
{
	const char *separator = "\n    ";

	buffer_add_string(buffer, ",\n  \"");
	buffer_add_string(buffer, add->noun);
	buffer_add_string(buffer, "\": [");
	for (size_t i = 0; i < configuration->count; i++) {
		if (configuration->entry[i].order != add->id)
			continue;
		buffer_add_string(buffer, separator);
		add_element(&configuration->entry[i], buffer);
		separator = ",\n    ";
	}
	buffer_add_string(buffer, *separator == ',' ? "\n  ]" : "]");
}

void configuration_to_json(const struct configuration *configuration, struct buffer *buffer)
{
	unsigned int count;
	const struct command *table = command_table(&count);

	buffer_add_string(buffer, "{\n  \"shunt_config\": 1");
	for (unsigned int i = 0; i < count; i++)
		if (!strcmp(table[i].verb, "add"))
			add_noun(configuration, &table[i], buffer);
	buffer_add_string(buffer, "\n}\n");
}
