/* SPDX-License-Identifier: BSD-3-Clause
 *
 * complete.c: what could stand at the end of a line that is being typed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/api/parse.h"

struct completion {
	void (*visit)(void *context, const char *word, const char *nouns);
	void *context;
	const char *begun;  /* what is typed of the last word */
	const char *before; /* the word in front of it, "" if none */
	char last[64];      /* offered last: keywords of several words begin alike */
};

/* The first word of a keyword, or the second where the first is typed already. */
static void offer(void *context, const char *keyword)
{
	struct completion *completion = context;
	const char *blank = strchr(keyword, ' ');
	size_t length = blank ? (size_t)(blank - keyword) : strlen(keyword);
	char word[sizeof(completion->last)];

	snprintf(word, sizeof(word), "%.*s", (int)length, keyword);
	if (strcmp(word, completion->last) == 0)
		return;
	memcpy(completion->last, word, sizeof(word));
	if (strncmp(word, completion->begun, strlen(completion->begun)) == 0)
		completion->visit(completion->context, word, NULL);
}

static void offer_tail(struct completion *completion, const char *keyword)
{
	const char *blank = strchr(keyword, ' ');

	if (blank && strlen(completion->before) == (size_t)(blank - keyword) &&
	    memcmp(completion->before, keyword, (size_t)(blank - keyword)) == 0)
		offer(completion, blank + 1);
}

/* The second words of keywords whose first one has just been typed. */
static void offer_tails(struct completion *completion, const struct command *command)
{
	for (const struct parameter *list = command->parameters; list->name; list++) {
		for (unsigned int i = 0; list->group && list->group[i].name; i++)
			if (!(list->group[i].flags & PARAMETER_ABSENT))
				offer_tail(completion, list->group[i].name);
		for (unsigned int i = 0; list->words && list->words[i]; i++)
			offer_tail(completion, list->words[i]);
	}
}

static void offer_live(struct completion *completion, const struct parameter *parameter)
{
	if (parameter->complete)
		completion->visit(completion->context, NULL, parameter->complete);
}

static void offer_values(struct completion *completion, const struct parameter *parameter)
{
	for (unsigned int i = 0; parameter->words && parameter->words[i]; i++)
		offer(completion, parameter->words[i]);
	switch (parameter->type) {
	case VALUE_WORD:
		break;
	case VALUE_ON_OFF:
		offer(completion, "on");
		offer(completion, "off");
		break;
	default:
		offer_live(completion, parameter);
	}
}

static void offer_commands(struct completion *completion, const char *noun)
{
	unsigned int count;
	const struct command *table = command_table(&count);

	for (unsigned int i = 0; i < count; i++) {
		const char *name = table[i].spelled ? table[i].spelled : table[i].noun;

		if (!noun && !strchr(name, ' '))
			offer(completion, name);
		else if (!noun)
			continue;
		else if (strcmp(noun, name) == 0)
			offer(completion, table[i].verb);
		else if (second_word(name, noun))
			offer(completion, second_word(name, noun));
		else if (strcmp(noun, "show") == 0 && strcmp(table[i].verb, "show") == 0)
			offer(completion, table[i].noun);
	}
}

static void offer_parameters(struct completion *completion, const struct parser *parser)
{
	unsigned int index;
	const struct parameter *positional = parse_positional(parser->arguments, &index);

	if (parser->awaited) {
		offer_values(completion, parser->awaited);
		return;
	}
	if (positional)
		offer_live(completion, positional);
	if (!positional || !(positional->flags & PARAMETER_REQUIRED))
		parse_keywords(parser, offer, completion);
}

void command_complete(const char *line,
		      void (*visit)(void *context, const char *word, const char *nouns),
		      void *context)
{
	size_t length = strlen(line), begun = length;
	char *before = strdup(line);
	struct arguments *arguments = malloc(sizeof(*arguments));
	struct error error = { .kind = ERROR_NONE };
	struct parser parser;

	while (begun > 0 && line[begun - 1] != ' ' && line[begun - 1] != '\t')
		begun--;
	if (before && arguments) {
		struct completion completion = { .visit = visit,
						 .context = context,
						 .begun = line + begun };
		size_t end = begun, start;
		before[begun] = '\0';
		parse_words(&parser, before, arguments, &error);
		if (parser.ended && parser.stage == STAGE_NOUN)
			offer_commands(&completion, NULL);
		else if (parser.ended && parser.stage == STAGE_VERB)
			offer_commands(&completion, parser.noun);
		else if (parser.ended)
			offer_parameters(&completion, &parser);
		while (end > 0 && (before[end - 1] == ' ' || before[end - 1] == '\t'))
			before[--end] = '\0';
		for (start = end;
		     start > 0 && before[start - 1] != ' ' && before[start - 1] != '\t';)
			start--;
		completion.before = before + start;
		if (arguments->command && !parser.awaited)
			offer_tails(&completion, arguments->command);
	}
	free(arguments);
	free(before);
}
