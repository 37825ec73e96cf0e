/* SPDX-License-Identifier: BSD-3-Clause
 *
 * configuration-json.c: a configuration from and to its JSON document.
 */
#include "controlplane/api/configuration.h"

#include <errno.h>
#include <stdio.h>

static struct arguments arguments; /* of the element at hand: large; one thread */

/* ---- reading ---- */

static int take_element(struct configuration *configuration, const struct command *add,
			json_t *element, struct error *error)
{
	int rc;

	if (!json_is_object(element))
		return error_set(error, ERROR_USAGE, -EINVAL, "expected an object");
	rc = command_from_json(add, element, &arguments, error);
	return rc ? rc : configuration_take(configuration, &arguments, error);
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
	size_t size;

	size = json_dumpb(element, buffer_reserve(buffer, 2048), 2048, 0);
	if (size > 2048) /* what it takes: again with room for it */
		json_dumpb(element, buffer_reserve(buffer, size), size, 0);
	buffer->used += size;
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
