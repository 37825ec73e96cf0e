/* SPDX-License-Identifier: BSD-3-Clause
 *
 * configuration.h: a configuration as data: objects by key, each with the command that adds it. It
 * comes from the model, from a JSON document or from the journal, and two of them can be compared.
 *
 * Nothing here knows the objects: keys, order and what can be set come from the command table.
 * Nouns that others depend on stand before them there, and so they do here.
 */
#ifndef SHUNT_API_CONFIGURATION_H
#define SHUNT_API_CONFIGURATION_H

#include "controlplane/api/buffer.h"
#include "controlplane/api/command.h"

struct configuration_entry {
	uint64_t hash;      /* of the key */
	char *key;          /* canonical text of the `del` command */
	char *line;         /* canonical text of the `add` command, defaults left out */
	unsigned int order; /* of the noun: dependencies first */
};

struct configuration {
	struct configuration_entry *entry; /* in the order in which they came */
	size_t count, capacity;
	uint32_t *slot;            /* hash table of entry index + 1 */
	size_t slot_count;         /* a power of two */
	struct text_block *blocks; /* memory of the strings */
};

/* Take one `add` command into account. `arguments` is changed. -EEXIST: added twice. */
int configuration_take(struct configuration *configuration, struct arguments *arguments,
		       struct error *error);

/* Commands of a noun: NULL where it has none. */
const struct command *configuration_command(const char *noun, const char *verb);

/* Does this verb take the parameter of that index in the noun's numbering? */
bool configuration_takes(const struct command *command, unsigned int parameter);

/* Bit per parameter that is part of the object's key. */
uint64_t configuration_key(const struct command *command);

/* Value that a parameter has where it is left out; false: there is none. */
bool configuration_default(const struct command *command, unsigned int parameter, uint64_t *number);

/* Entry with this key, or NULL. */
struct configuration_entry *configuration_find(const struct configuration *configuration,
					       const char *key);

/* Add what a JSON document says; see config.h for its form. The first thing that is wrong is told
 * by noun, index and member, and -EINVAL returned. */
int configuration_from_json(struct configuration *configuration, json_t *document,
			    struct error *error);

/* Append the document as JSON text. */
void configuration_to_json(const struct configuration *configuration, struct buffer *buffer);

/* Append the commands that make this configuration from nothing, a line each. */
void configuration_commands(const struct configuration *configuration, struct buffer *lines);

/* What must be executed to come from `old` to `new`; lines of text, in an order that works unless
 * something in use moves. */
struct configuration_difference {
	struct buffer remove, add, change;
};
void configuration_difference(const struct configuration *old, const struct configuration *new,
			      struct configuration_difference *difference);
void configuration_difference_free(struct configuration_difference *difference);

void configuration_free(struct configuration *configuration);

#endif
