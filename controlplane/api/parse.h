/* SPDX-License-Identifier: BSD-3-Clause
 *
 * parse.h: the parser's insides, shared by parse.c, keyword.c and complete.c.
 */
#ifndef SHUNT_API_PARSE_H
#define SHUNT_API_PARSE_H

#include "controlplane/api/value.h"

/* A word of the line; quoted ones are never keywords. */
struct word {
	const char *start; /* in the line, the quote included */
	unsigned int length;
	bool quoted;
};

struct scanner {
	const char *line, *at;
};

/* The next word. 1: there is one; 0: end of the line; -EINVAL: a quote is not closed, or stands in
 * the middle of a word. */
int word_next(struct scanner *scanner, struct word *word);

/* How far the parser came: what completion has to offer. */
enum parse_stage { STAGE_NOUN, STAGE_VERB, STAGE_PARAMETERS };

enum { NEXTHOP_KEYWORD = -1 };

struct parser {
	struct scanner scanner;
	struct arguments *arguments;
	struct error *error;
	enum parse_stage stage;
	const char *noun;                /* STAGE_VERB: the noun found */
	const struct parameter *awaited; /* the line ended where its value should stand */
	bool ended;    /* no error but that the line ends too early, or none at all */
	bool new_path; /* `nexthop` was said: the next path keyword begins a path */
	int last_path; /* path parameter given last, or -1 */
	struct word column[PARAMETER_MAX], path_column[GROUP_MEMBER_MAX];
};

/* The next word, or the error that a quote is not closed. */
int parse_next(struct parser *parser, struct word *word);

/* The error is at this word. Returns -EINVAL. */
int parse_fail_at(struct parser *parser, const struct word *word);

/* One more word that the error says was expected; `context`: struct error. */
void parse_expected_add(void *context, const char *word);

/* Does the word, and as many more as `name` has, stand for name (which may have a blank in it)?
 * 0: no. Else twice the number of words, and one more if they are written in full.
 * `after` is where the words end. */
unsigned int keyword_match(const char *name, const struct word *word, struct scanner *after);

/* The best match so far. */
struct match {
	unsigned int score;
	bool ambiguous;
	struct scanner after;
	const char *name;
	int parameter; /* of the command, or -1 */
	int path;      /* path parameter, or -1 */
	int word;      /* of a positional WORD, or -1 */
};

/* The keyword that begins with `word`, among all that the command has. */
void keyword_find(const struct parser *parser, const struct word *word, struct match *match);

/* What follows a noun's word in a name of two words; NULL: it is not that one's. */
const char *second_word(const char *name, const char *noun);

/* Words to arguments, without the rules between parameters (command_check). */
int parse_words(struct parser *parser, const char *line, struct arguments *arguments,
		struct error *error);

/* Call `visit` for every keyword that could come next. */
void parse_keywords(const struct parser *parser, void (*visit)(void *context, const char *word),
		    void *context);

/* The positional value that comes next (not a WORD), or NULL. */
const struct parameter *parse_positional(const struct arguments *arguments, unsigned int *index);

#endif
