/* SPDX-License-Identifier: BSD-3-Clause
 *
 * text.c: arguments to their canonical line, and the usage line of a command.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/value.h"

struct text {
	char *start;
	size_t size, used;
	bool full;
};

static void text_word(struct text *text, const char *word)
{
	size_t length = strlen(word), blank = text->used > 0;

	if (text->used + blank + length >= text->size) {
		text->full = true;
		return;
	}
	if (blank)
		text->start[text->used++] = ' ';
	memcpy(text->start + text->used, word, length + 1);
	text->used += length;
}

static void text_value(struct text *text, const struct parameter *parameter,
		       const struct value *value)
{
	char form[2 * STRING_MAX + 3];

	if (parameter->type == VALUE_FLAG)
		return;
	if (value_to_text(parameter, value, form, sizeof(form)) < 0)
		text->full = true;
	else
		text_word(text, form);
}

/* The path parameters in their order, and the first of them. */
static int path_first(const struct path *path)
{
	return path->present ? __builtin_ctzll(path->present) : -1;
}

/* Would `next`, written right after `path`, be read as a part of it? */
static bool path_needs_separator(const struct path *path, const struct path *next)
{
	int first = path_first(next), last = path->present ? 63 - __builtin_clzll(path->present) : -1;

	if (first < 0)
		return true;
	if (first == PATH_DEV && last == PATH_BACKUP_VIA)
		return true;
	return !path_present(path, (enum path_parameter)first);
}

static void text_paths(struct text *text, const struct parameter *group,
		       const struct arguments *arguments)
{
	for (unsigned int i = 0; i < arguments->path_count; i++) {
		const struct path *path = &arguments->path[i];
		if (i > 0 && path_needs_separator(path - 1, path))
			text_word(text, "nexthop");
		for (unsigned int j = 0; group[j].name; j++) {
			if (!path_present(path, (enum path_parameter)j))
				continue;
			bool follows = j == PATH_BACKUP_DEV && path_present(path, PATH_BACKUP_VIA);
			text_word(text, follows ? "dev" : group[j].name);
			text_value(text, &group[j], &path->value[j]);
		}
	}
}

int word_tail(const struct parameter *list, const char *word)
{
	const char *tail = strchr(word, ' ');

	for (int i = 0; tail && list[i].name; i++)
		if (strcmp(list[i].name, tail + 1) == 0 && !(list[i].flags & PARAMETER_POSITIONAL))
			return i;
	return -1;
}

bool word_of_path(const struct parameter *list, const char *word)
{
	for (unsigned int i = 0; list[i].name; i++)
		if (list[i].type == VALUE_PATHS && strcmp(list[i].group[0].name, word) == 0)
			return true;
	return false;
}

void command_words(const struct command *command, char *text, size_t size)
{
	if (command->spelled)
		snprintf(text, size, "%s", command->spelled);
	else
		snprintf(text, size, "%s %s", command->noun, command->verb);
}

int command_to_text(const struct arguments *arguments, char *start, size_t size)
{
	const struct parameter *list = arguments->command->parameters;
	struct text text = { .start = start, .size = size };
	int written = -1; /* parameter that stands behind a WORD already */

	if (arguments->command->spelled) {
		text_word(&text, arguments->command->spelled);
	} else {
		text_word(&text, arguments->command->noun);
		text_word(&text, arguments->command->verb);
	}
	for (int i = 0; list[i].name; i++) {
		const struct value *value = &arguments->value[i];
		if (!argument_present(arguments, (unsigned int)i) || i == written)
			continue;
		if (list[i].type == VALUE_PATHS) {
			text_paths(&text, list[i].group, arguments);
			continue;
		}
		if (!(list[i].flags & PARAMETER_POSITIONAL))
			text_word(&text, list[i].name);
		else if (list[i].type == VALUE_WORD &&
			 word_of_path(list, list[i].words[value->number]))
			continue;
		text_value(&text, &list[i], value);
		if (list[i].type == VALUE_WORD && list[i].flags & PARAMETER_POSITIONAL) {
			written = word_tail(list, list[i].words[value->number]);
			if (written >= 0 && argument_present(arguments, (unsigned int)written))
				text_value(&text, &list[written], &arguments->value[written]);
		}
	}
	return text.full ? -ENOSPC : (int)text.used;
}

/* ---- usage ---- */

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list list;

	va_start(list, format);
	vsnprintf(text + used, size - used, format, list);
	va_end(list);
}

void parameter_placeholder(const struct command *command, const struct parameter *parameter,
			   char *text, size_t size)
{
	static const char *const placeholder[] = {
		[VALUE_FLAG] = "",         [VALUE_UNSIGNED] = "N", [VALUE_LABEL] = "L",
		[VALUE_STACK] = "STACK",   [VALUE_NAME] = "NAME",  [VALUE_STRING] = "STRING",
		[VALUE_ON_OFF] = "on|off", [VALUE_ADDRESS] = "IP", [VALUE_PREFIX] = "PREFIX",
		[VALUE_MAC] = "MAC",       [VALUE_DURATION] = "T", [VALUE_PATHS] = "PATH...",
		[VALUE_PREFIXES] = "PREFIX...",
	};

	text[0] = '\0';
	if (parameter->placeholder) {
		snprintf(text, size, "%s", parameter->placeholder);
	} else if (parameter->type == VALUE_WORD) {
		for (unsigned int i = 0; parameter->words[i]; i++)
			if (!(parameter->flags & PARAMETER_POSITIONAL) ||
			    !word_of_path(command->parameters, parameter->words[i]))
				append(text, size, "%s%s", *text ? "|" : "", parameter->words[i]);
	} else if (parameter->words) {
		struct parameter plain = *parameter;
		plain.words = NULL;
		parameter_placeholder(command, &plain, text, size);
		for (unsigned int i = 0; parameter->words[i]; i++)
			append(text, size, "|%s", parameter->words[i]);
	} else if (parameter->flags & PARAMETER_POSITIONAL) {
		snprintf(text, size, "%s", parameter->name);
		for (char *c = text; *c; c++)
			*c = (char)toupper((unsigned char)*c);
	} else if (parameter->type == VALUE_NAME && parameter->complete) {
		snprintf(text, size, "%s",
			 strcmp(parameter->complete, "port") == 0     ? "PORT"
			 : strcmp(parameter->complete, "bridge") == 0 ? "BR"
								      : "IF");
	} else {
		snprintf(text, size, "%s", placeholder[parameter->type]);
	}
}

static void usage_group(const struct command *command, const struct parameter *group, char *text,
			size_t size)
{
	const char *between = "";
	char value[128];

	append(text, size, " [");
	for (unsigned int i = 0; group[i].name; i++) {
		if (group[i].flags & PARAMETER_ABSENT)
			continue;
		parameter_placeholder(command, &group[i], value, sizeof(value));
		append(text, size, "%s%s%s%s", between, group[i].name, *value ? " " : "", value);
		between = "] [";
	}
	append(text, size, "]...");
}

void command_usage(const struct command *command, char *text, size_t size)
{
	char value[128];

	command_words(command, text, size);
	for (unsigned int i = 0; command->parameters[i].name; i++) {
		const struct parameter *parameter = &command->parameters[i];
		bool required = parameter->flags & PARAMETER_REQUIRED;
		if (parameter->flags & PARAMETER_ABSENT)
			continue;
		if (parameter->type == VALUE_PATHS) {
			usage_group(command, parameter->group, text, size);
			continue;
		}
		parameter_placeholder(command, parameter, value, sizeof(value));
		append(text, size, required ? " " : " [");
		if (!(parameter->flags & PARAMETER_POSITIONAL))
			append(text, size, "%s%s", parameter->name, *value ? " " : "");
		if (parameter->flags & PARAMETER_BARE)
			append(text, size, "[%s]", value);
		else
			append(text, size, "%s", value);
		append(text, size, "%s", required ? "" : "]");
	}
}
