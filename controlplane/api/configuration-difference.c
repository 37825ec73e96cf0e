/* SPDX-License-Identifier: BSD-3-Clause
 *
 * configuration-difference.c: the commands that lead from one configuration to another.
 */
#include "controlplane/api/configuration-moved.h"
#include "controlplane/api/configuration.h"

#include <string.h>

enum { TEXT_MAX = 131072 };

static struct arguments before, after; /* entries that are compared: large; one thread */

static void load(struct arguments *arguments, const struct configuration_entry *entry)
{
	struct error error = { 0 };

	command_parse(entry->line, arguments, &error);
}

static void add_line(struct buffer *buffer, const char *line)
{
	buffer_add_string(buffer, line);
	buffer_add(buffer, "\n", 1);
}

static void add_arguments(struct buffer *buffer, const struct arguments *arguments)
{
	char *text = buffer_reserve(buffer, TEXT_MAX);
	int length = command_to_text(arguments, text, TEXT_MAX - 1);

	if (length < 0)
		return;
	text[length] = '\n';
	buffer->used += (size_t)length + 1;
}

/* The value that a parameter has in effect; false: it is left out and has no default. */
static bool effective(const struct arguments *arguments, const struct command *set,
		      unsigned int parameter, struct value *value)
{
	if (argument_present(arguments, parameter))
		*value = arguments->value[parameter];
	else
		return configuration_default(set, parameter, &value->number);
	return true;
}

static bool same(const struct parameter *parameter, const struct value *a, const struct value *b)
{
	switch (parameter->type) {
	case VALUE_NAME:
	case VALUE_STRING:
	case VALUE_PREFIXES:
		return !strcmp(a->string, b->string);
	case VALUE_ADDRESS:
	case VALUE_PREFIX:
		return a->number == b->number &&
		       !memcmp(&a->address, &b->address, sizeof(a->address));
	case VALUE_MAC:
		return !memcmp(a->mac, b->mac, sizeof(a->mac));
	case VALUE_STACK:
		return a->stack_count == b->stack_count &&
		       !memcmp(a->stack, b->stack, a->stack_count * sizeof(a->stack[0]));
	default:
		return a->number == b->number;
	}
}

static bool is_key(const struct command *command, unsigned int parameter)
{
	return command->parameters[parameter].flags & PARAMETER_KEY;
}

/* Are the two `add`s the same but for what `set` can change? */
static bool only_settable_differs(const struct command *set)
{
	static char old_text[TEXT_MAX], new_text[TEXT_MAX];
	uint64_t settable = 0, old_present = before.present, new_present = after.present;

	for (unsigned int i = 0; set->parameters[i].name; i++)
		if (configuration_takes(set, i) && !is_key(set, i))
			settable |= parameter_bit(i);
	before.present &= ~settable;
	after.present &= ~settable;
	command_to_text(&before, old_text, sizeof(old_text));
	command_to_text(&after, new_text, sizeof(new_text));
	before.present = old_present;
	after.present = new_present;
	return !strcmp(old_text, new_text);
}

/* Make *result the `set` command with what differs; its strings stand in `after`. False: `set`
 * cannot say it. */
static bool make_set(const struct command *set, struct arguments *result)
{
	if (!only_settable_differs(set))
		return false;
	result->command = set;
	result->present = 0;
	result->path_count = 0;
	for (unsigned int i = 0; set->parameters[i].name; i++) {
		struct value old = { 0 }, new = { 0 };
		bool had, has;

		if (!configuration_takes(set, i))
			continue;
		had = effective(&before, set, i, &old);
		has = effective(&after, set, i, &new);
		if (had && !has)
			return false;
		if (!has || (had && !is_key(set, i) && same(&set->parameters[i], &old, &new)))
			continue;
		result->value[i] = new;
		result->present |= parameter_bit(i);
	}
	return true;
}

/* Do both devargs have the same in front of the next comma, from where `key` ends? */
static bool same_part(const char *a, const char *b, const char *key)
{
	size_t length;

	a = strstr(a, key);
	b = strstr(b, key);
	if (!a || !b)
		return false;
	a += strlen(key);
	b += strlen(key);
	length = strcspn(a, ",");
	return strcspn(b, ",") == length && !strncmp(a, b, length);
}

/* Does the port `after` get a device, or a Linux interface, that another port has in `old`? That one
 * must give it back first, and may wait for this one's in turn. */
static bool takes_device(const struct configuration *old)
{
	static struct arguments other; /* large; one thread */
	const char *wanted = after.value[PORT_DEVARGS].string;

	for (size_t i = 0; i < old->count; i++) {
		if (old->entry[i].order != COMMAND_PORT_ADD)
			continue;
		load(&other, &old->entry[i]);
		const char *taken = other.value[PORT_DEVARGS].string;
		if (strcmp(other.value[PORT_NAME].string, after.value[PORT_NAME].string) &&
		    (same_part(taken, wanted, "") || same_part(taken, wanted, ",iface=")))
			return true;
	}
	return false;
}

/* Change the object in place. False: it cannot be done. Uses `before` and `after`. */
static bool change_entry(const struct configuration *all,
			 struct configuration_difference *difference)
{
	static struct arguments changed; /* large; one thread */
	const char *noun = after.command->noun;
	const struct command *replace = configuration_command(noun, "replace");
	const struct command *set = configuration_command(noun, "set");

	if (replace) {
		after.command = replace;
		add_arguments(&difference->change, &after);
		return true;
	}
	if (!set || !make_set(set, &changed))
		return false;
	if (set->id == COMMAND_PORT_SET && argument_present(&changed, PORT_DEVARGS) &&
	    takes_device(all))
		return false;
	add_arguments(&difference->change, &changed);
	return true;
}

/* Must the object be deleted before something that it stands on goes away, and added again after that?
 * A route that leaves the old networks for one that stays is changed in place first; one that leaves for
 * a new one cannot wait for that, since what is new may need the place of what is old. Sets `after`, and
 * `before` where that is needed. */
static bool must_be_remade(const struct configuration_entry *old,
			   const struct configuration_entry *new, const struct moved *moved,
			   const struct moved *added)
{
	load(&after, new);
	if (moved_mentions(moved, &after))
		return true;
	if (!strcmp(old->line, new->line))
		return false;
	load(&before, old);
	return moved_mentions(moved, &before) && moved_mentions(added, &after);
}

/* An object that both have; `all` is the old configuration. */
static void compare_entry(const struct configuration *all, const struct configuration_entry *old,
			  const struct configuration_entry *new, struct moved *moved,
			  const struct moved *added, struct buffer removed[COMMAND_COUNT],
			  struct configuration_difference *difference)
{
	bool stays = !strcmp(old->line, new->line);

	if (stays && !moved->name_count && !moved->network_count)
		return;
	if (!must_be_remade(old, new, moved, added) && (stays || change_entry(all, difference)))
		return;
	moved_add(moved, &after);
	add_line(&removed[new->order], new->key);
	add_line(&difference->add, new->line);
}

/* A new one; what has a name or a network is remembered. */
static void add_new(const struct configuration_entry *entry, struct moved *added,
		    struct configuration_difference *difference)
{
	enum value_type type = command_by_id(entry->order)->parameters[0].type;

	add_line(&difference->add, entry->line);
	if (type != VALUE_NAME && type != VALUE_PREFIX)
		return;
	load(&after, entry);
	moved_add(added, &after);
}

/* What goes away. */
static void find_removed(const struct configuration *old, const struct configuration *new,
			 struct moved *moved, struct buffer removed[COMMAND_COUNT])
{
	for (unsigned int order = COMMAND_COUNT; order-- > 0;) {
		for (size_t i = old->count; i-- > 0;) {
			const struct configuration_entry *entry = &old->entry[i];

			if (entry->order != order || configuration_find(new, entry->key))
				continue;
			add_line(&removed[order], entry->key);
			load(&after, entry);
			moved_add(moved, &after);
		}
	}
}

void configuration_difference(const struct configuration *old, const struct configuration *new,
			      struct configuration_difference *difference)
{
	/* by noun: with what is made anew, all that depends on others goes before them, so that
	 * nothing is added again while what it stood on is still there */
	struct buffer removed[COMMAND_COUNT] = { 0 };
	struct moved moved = { 0 }, added = { 0 };

	memset(difference, 0, sizeof(*difference));
	find_removed(old, new, &moved, removed);
	for (unsigned int order = 0; order < COMMAND_COUNT; order++) {
		for (size_t i = 0; i < new->count; i++) {
			const struct configuration_entry *entry = &new->entry[i];
			const struct configuration_entry *had;

			if (entry->order != order)
				continue;
			had = configuration_find(old, entry->key);
			if (had)
				compare_entry(old, had, entry, &moved, &added, removed, difference);
			else
				add_new(entry, &added, difference);
		}
	}
	for (unsigned int order = COMMAND_COUNT; order-- > 0;) {
		buffer_add(&difference->remove, removed[order].data, removed[order].used);
		buffer_free(&removed[order]);
	}
	moved_free(&moved);
	moved_free(&added);
}

void configuration_difference_free(struct configuration_difference *difference)
{
	buffer_free(&difference->remove);
	buffer_free(&difference->add);
	buffer_free(&difference->change);
}
