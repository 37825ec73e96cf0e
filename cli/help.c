/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>
#include "cli/session.h"

enum { USAGE_MAX = 1024 };

const struct option_help option_table[] = {
	{ "--instance", "NAME", "the instance to talk to, \"default\" if left out" },
	{ "--run-dir", "DIR", "where instances have their files, /run/shunt if left out" },
	{ "-j", NULL, "JSON output" },
	{ "-p", NULL, "pretty JSON output" },
	{ "-s", NULL, "statistics too" },
	{ "-b", "FILE", "execute the commands in FILE, - for standard input" },
	{ "--atomic", NULL, "with -b: all commands or none" },
	{ "--generate", "WHAT", "print bash-completion or man" },
	{ "--version", NULL, "print the version" },
	{ "--help", NULL, "print this" },
	{ NULL, NULL, NULL },
};

void help_options(void)
{
	printf("usage: shuntctl [OPTION...] COMMAND...\n"
	       "       shuntctl [OPTION...] -b FILE\n"
	       "       shuntctl [OPTION...]                    an interactive shell\n"
	       "       shuntctl help [NOUN [VERB]]\n\noptions:\n");
	for (const struct option_help *option = option_table; option->option; option++) {
		char form[64];
		snprintf(form, sizeof(form), "%s%s%s", option->option, option->value ? " " : "",
			 option->value ? option->value : "");
		printf("  %-22s %s\n", form, option->help);
	}
	printf("\nexit status: 0 done, 1 refused by the control plane, 2 wrong "
	       "usage\n\ncommands:\n");
	help_print("");
}

static void parameter_print(const struct command *command, const struct parameter *parameter,
			    const char *indent)
{
	char value[128], form[192];

	if (parameter->flags & PARAMETER_ABSENT)
		return;
	parameter_placeholder(command, parameter, value, sizeof(value));
	if (parameter->flags & PARAMETER_POSITIONAL)
		snprintf(form, sizeof(form), "%s", value);
	else
		snprintf(form, sizeof(form), "%s%s%s", parameter->name, *value ? " " : "", value);
	printf("%s%-24s %s\n", indent, form, parameter->help);
	for (const struct parameter *inner = parameter->group; inner && inner->name; inner++)
		parameter_print(command, inner, "      ");
}

static void command_print(const struct command *command)
{
	char usage[USAGE_MAX];

	command_usage(command, usage, sizeof(usage));
	printf("%s\n    %s\n", usage, command->help);
	for (const struct parameter *list = command->parameters; list->name; list++)
		parameter_print(command, list, "    ");
}

/* Does the command begin with these words, the last of which may be abbreviated? */
static bool is_topic(const struct command *command, const char *topic)
{
	char words[64];

	command_words(command, words, sizeof(words));
	if (strncmp(words, topic, strlen(topic)) == 0)
		return true;
	snprintf(words, sizeof(words), "%s %s", command->verb, command->noun);
	return strcmp(command->verb, "show") == 0 && strncmp(words, topic, strlen(topic)) == 0;
}

int help_print(const char *topic)
{
	char usage[USAGE_MAX], words[64];
	unsigned int count, found = 0;
	size_t length = strlen(topic);
	const struct command *table = command_table(&count);

	while (length > 0 && strchr(" \t\r\n", topic[length - 1]))
		length--;
	snprintf(words, sizeof(words), "%.*s", (int)length, topic);
	for (unsigned int i = 0; i < count; i++) {
		if (!is_topic(&table[i], words))
			continue;
		found++;
		if (*words) {
			command_print(&table[i]);
			continue;
		}
		command_words(&table[i], usage, sizeof(usage));
		printf("  %-18s %s\n", usage, table[i].help);
	}
	if (found > 0)
		return EXIT_DONE;
	fprintf(stderr, "error: no command begins with %s\n", words);
	return EXIT_USAGE;
}
