/* SPDX-License-Identifier: BSD-3-Clause
 *
 * keyword.c: a line's words, and which keyword, written in full or not, each of them stands for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/parse.h"

/* ---- words ---- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

int word_next(struct scanner *scanner, struct word *word)
{
	const char *at = scanner->at;

	while (is_blank(*at))
		at++;
	word->start = at;
	word->quoted = *at == '"' || *at == '\'';
	if (*at == '\0') {
		scanner->at = at;
		word->length = 0;
		return 0;
	}
	if (word->quoted) {
		char quote = *at++;
		while (*at && *at != quote)
			at += quote == '"' && *at == '\\' && at[1] ? 2 : 1;
		if (*at)
			at++;
		else
			quote = '\0';
		word->length = (unsigned int)(at - word->start);
		scanner->at = at;
		return quote && (*at == '\0' || is_blank(*at)) ? 1 : -EINVAL;
	}
	while (*at && !is_blank(*at) && *at != '"' && *at != '\'')
		at++;
	word->length = (unsigned int)(at - word->start);
	scanner->at = at;
	return *at == '"' || *at == '\'' ? -EINVAL : 1;
}

int parse_fail_at(struct parser *parser, const struct word *word)
{
	parser->error->column = (int)(word->start - parser->scanner.line);
	parser->error->length = word->length ? (int)word->length : 1;
	return -EINVAL;
}

void parse_expected_add(void *context, const char *word)
{
	struct error *error = context;
	size_t used = strlen(error->expected);

	snprintf(error->expected + used, sizeof(error->expected) - used, "%s%s", used ? ", " : "",
		 word);
}

int parse_next(struct parser *parser, struct word *word)
{
	int code = word_next(&parser->scanner, word);

	if (code < 0) {
		error_set(parser->error, ERROR_USAGE, EINVAL, "the quote in this word is %s",
			  word->quoted && *parser->scanner.at == '\0'
				  ? "not closed"
				  : "not at its end and beginning");
		return parse_fail_at(parser, word);
	}
	return code;
}

/* ---- keywords ---- */

unsigned int keyword_match(const char *name, const struct word *word, struct scanner *after)
{
	const char *blank;
	struct word second;
	unsigned int same = 0, rest;
	bool full;

	if (word->quoted)
		return 0;
	while (same < word->length && name[same] == word->start[same])
		same++;
	if (same < word->length || same == 0)
		return 0;
	full = name[same] == '\0' || name[same] == ' ';
	blank = name[same] == '\0' ? NULL : strchr(name + same, ' ');
	if (!blank)
		return 2 + full;
	if (word_next(after, &second) != 1)
		return 0;
	rest = keyword_match(blank + 1, &second, after);
	if (rest == 0)
		return 0;
	return (rest & ~1u) + 2 + (rest & 1 && full);
}

static void match_try(struct match *match, const char *name, const struct word *word,
		      const struct parser *parser, int parameter, int path, int index)
{
	struct scanner after = parser->scanner;
	unsigned int score;

	if (*word->start != *name) /* the common case, made cheap */
		return;
	score = keyword_match(name, word, &after);
	if (score == 0 || score < match->score)
		return;
	match->ambiguous = score == match->score;
	*match =
		(struct match){ score, score == match->score, after, name, parameter, path, index };
}

void keyword_find(const struct parser *parser, const struct word *word, struct match *match)
{
	const struct parameter *list = parser->arguments->command->parameters;

	*match = (struct match){ .parameter = -1, .path = -1, .word = -1 };
	for (int i = 0; list[i].name; i++) {
		const struct parameter *parameter = &list[i];
		if (parameter->type == VALUE_PATHS) {
			for (int j = 0; parameter->group[j].name; j++)
				match_try(match, parameter->group[j].name, word, parser, i, j, -1);
			match_try(match, "nexthop", word, parser, i, NEXTHOP_KEYWORD, 0);
		} else if (!(parameter->flags & (PARAMETER_POSITIONAL | PARAMETER_ABSENT))) {
			match_try(match, parameter->name, word, parser, i, -1, -1);
		} else if (parameter->type == VALUE_WORD &&
			   !(parameter->flags & PARAMETER_ABSENT)) {
			for (int j = 0; parameter->words[j]; j++)
				if (*parameter->words[j] == *word->start &&
				    !word_of_path(list, parameter->words[j]))
					match_try(match, parameter->words[j], word, parser, i, -1,
						  j);
		}
	}
}

void parse_keywords(const struct parser *parser, void (*visit)(void *context, const char *word),
		    void *context)
{
	const struct arguments *arguments = parser->arguments;
	const struct parameter *list = arguments->command->parameters;

	for (unsigned int i = 0; list[i].name; i++) {
		if (list[i].type == VALUE_PATHS) {
			for (unsigned int j = 0; list[i].group[j].name; j++)
				if (!(list[i].group[j].flags & PARAMETER_ABSENT))
					visit(context, list[i].group[j].name);
		} else if (list[i].flags & PARAMETER_ABSENT || argument_present(arguments, i)) {
			continue;
		} else if (!(list[i].flags & PARAMETER_POSITIONAL)) {
			visit(context, list[i].name);
		} else if (list[i].type == VALUE_WORD) {
			for (unsigned int j = 0; list[i].words[j]; j++)
				if (!word_of_path(list, list[i].words[j]))
					visit(context, list[i].words[j]);
		}
	}
}
