/* SPDX-License-Identifier: BSD-3-Clause
 *
 * parse.c: a line of text to arguments. Nothing is allocated and only what is given is written.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "controlplane/api/parse.h"

/* ---- noun and verb ---- */

const char *second_word(const char *name, const char *noun)
{
	size_t length = strlen(noun);

	return strncmp(name, noun, length) == 0 && name[length] == ' ' ? name + length + 1 : NULL;
}

/* Every word that may follow `noun`, or every noun: into error->expected. */
static void expect_commands(struct parser *parser, const char *noun)
{
	unsigned int count;
	const struct command *table = command_table(&count);
	bool show = noun && strcmp(noun, "show") == 0;

	for (unsigned int i = 0; i < count; i++) {
		const char *name = table[i].spelled ? table[i].spelled : table[i].noun;
		const char *second = noun ? second_word(name, noun) : NULL;
		bool first = i == 0 || strcmp(table[i].noun, table[i - 1].noun) != 0;

		if (noun && strcmp(noun, name) == 0)
			parse_expected_add(parser->error, table[i].verb);
		else if (show && strcmp(table[i].verb, "show") == 0)
			parse_expected_add(parser->error, table[i].noun);
		else if (second && (first || table[i].spelled))
			parse_expected_add(parser->error, second);
		else if (!noun && first && !strchr(name, ' '))
			parse_expected_add(parser->error, name);
	}
}

/* With `of` NULL the first command of the noun that `word` stands for; else the one command with
 * the noun of `of` (its first) and the verb. `show NOUN` counts as `NOUN show`. The error is set
 * when there is none or more than one. */
static const struct command *command_find(struct parser *parser, const struct command *of,
					  const struct word *word)
{
	const struct command *found = NULL, *table;
	const char *name = NULL, *noun = of ? of->noun : NULL;
	struct scanner end = parser->scanner;
	unsigned int count, best = 0;
	bool ambiguous = false, show = noun && strcmp(noun, "show") == 0;

	table = command_table(&count);
	for (unsigned int i = of && !show ? (unsigned int)(of - table) : 0; i < count; i++) {
		const char *candidate = noun               ? table[i].verb
					: table[i].spelled ? table[i].spelled
							   : table[i].noun;
		struct scanner after = parser->scanner;
		if (noun && noun != table[i].noun &&
		    (*noun != *table[i].noun || strcmp(noun, table[i].noun) != 0)) {
			if (!show)
				break;
			if (strcmp(table[i].verb, "show") != 0)
				continue;
			candidate = table[i].noun;
		}
		if (*candidate != *word->start || candidate == name || (noun && table[i].spelled))
			continue;
		unsigned int score = keyword_match(candidate, word, &after);
		if (score == 0 || score < best || (score == best && strcmp(name, candidate) == 0))
			continue;
		ambiguous = score == best;
		best = score;
		found = &table[i];
		name = candidate;
		end = after;
		if (score & 1 && noun && !show) /* in full: nothing fits better */
			break;
	}
	if (found && !ambiguous) {
		parser->arguments->spelled_out &= best & 1;
		parser->scanner = end;
		return found;
	}
	error_set(parser->error, ERROR_USAGE, EINVAL, "%.*s: %s%s",
		  word->length > 64 ? 64 : (int)word->length, word->start,
		  ambiguous ? "may mean several words"
		  : noun    ? "unknown word after "
			    : "unknown command",
		  ambiguous || !noun ? "" : noun);
	expect_commands(parser, noun);
	parse_fail_at(parser, word);
	return NULL;
}

/* The line ended where `expected` should stand. */
static int ended_early(struct parser *parser, const struct word *word, const char *text)
{
	parser->ended = true;
	error_set(parser->error, ERROR_USAGE, EINVAL, "%s", text);
	return parse_fail_at(parser, word);
}

static bool is_set(const struct word *word)
{
	return word->length == 3 && memcmp(word->start, "set", 3) == 0;
}

/* `IF set KEYWORD ...` stands for `port set IF KEYWORD ...`. A mistyped noun (`prot set p0 mtu
 * 9000`) has a name there, and no keyword. Where IF might be a noun too (`lo set down`: it abbreviates
 * loopback) the keyword must be there in `full`: a name may be short. */
static bool is_interface_set(struct parser *parser, const struct word *verb, bool full)
{
	struct scanner scanner = parser->scanner;
	struct word third;
	struct match match;

	if (!is_set(verb) || word_next(&scanner, &third) != 1)
		return false;
	parser->arguments->command = command_by_id(COMMAND_PORT_SET);
	parser->arguments->spelled_out = false;
	keyword_find(parser, &third, &match);
	return full ? match.score & 1 : match.score > 0;
}

/* Has the noun no other verb? Then it may be left out: `metrics`. But what changes anything is asked for by its
 * verb; `trace 5` changes nothing that was there. */
static bool is_only_command(const struct command *command)
{
	const struct command *table;
	unsigned int count;

	table = command_table(&count);
	return (command->access == ACCESS_LOOK || command->id == COMMAND_TRACE) &&
	       (command == table || strcmp(command[-1].noun, command->noun) != 0) &&
	       (command == table + count - 1 || strcmp(command[1].noun, command->noun) != 0);
}

static bool starts_verb(const struct command *command, const struct word *word)
{
	return word->length <= strlen(command->verb) &&
	       memcmp(word->start, command->verb, word->length) == 0;
}

/* Noun and verb. After `IF set` *object is IF, after a noun without its verb what follows. */
static int parse_command(struct parser *parser, struct word *object)
{
	struct word first, second;
	int code = parse_next(parser, &first);

	object->start = NULL;
	if (code < 0)
		return code;
	if (code == 0) {
		ended_early(parser, &first, "a command is missing");
		expect_commands(parser, NULL);
		return -EINVAL;
	}
	const struct command *noun = command_find(parser, NULL, &first);
	if (noun && noun->spelled) {
		parser->arguments->command = noun;
		return 0;
	}
	int more = parse_next(parser, &second);
	if (more < 0)
		return more;
	bool abbreviated = noun && !parser->arguments->spelled_out;
	if ((!noun || abbreviated) && more > 0 && is_interface_set(parser, &second, abbreviated)) {
		*object = first;
		return 0;
	}
	if (!noun)
		return -EINVAL;
	parser->stage = STAGE_VERB;
	parser->noun = noun->noun;
	if (is_only_command(noun) && (more == 0 || !starts_verb(noun, &second))) {
		parser->arguments->command = noun;
		*object = more > 0 ? second : *object;
		return 0;
	}
	if (more == 0) {
		ended_early(parser, &second, "the command ends too early");
		expect_commands(parser, noun->noun);
		return -EINVAL;
	}
	parser->arguments->command = command_find(parser, noun, &second);
	return parser->arguments->command ? 0 : -EINVAL;
}

/* ---- values ---- */

/* What a quoted word says, into arguments->text behind what is used; length is updated. */
static const char *unquote(struct arguments *arguments, const struct word *word, size_t *length)
{
	char *to = arguments->text + arguments->text_used;
	size_t room = sizeof(arguments->text) - arguments->text_used, used = 0;
	char quote = word->start[0];

	for (unsigned int i = 1; i + 1 < word->length && used < room; i++) {
		if (quote == '"' && word->start[i] == '\\' && i + 2 < word->length)
			i++;
		to[used++] = word->start[i];
	}
	*length = used;
	return to;
}

static int parse_value_of(struct parser *parser, const struct parameter *parameter,
			  const struct word *word, struct value *value)
{
	const char *text = word->start;
	size_t length = word->length;

	if (word->quoted)
		text = unquote(parser->arguments, word, &length);
	if (value_from_text(parameter, text, length, parser->arguments, value, parser->error) ==
	    0) {
		const char *said = parameter->type == VALUE_WORD
					   ? parameter->words[value->number]
					   : value_alternative(parameter, value);
		if (said)
			parser->arguments->spelled_out &= strlen(said) == length;
		return 0;
	}
	struct word wrong = { .start = word->start, .length = word->length };
	if (!word->quoted && parser->error->column >= 0) {
		wrong.start += parser->error->column;
		wrong.length = (unsigned int)parser->error->length;
	}
	return parse_fail_at(parser, &wrong);
}

/* May the value be left out, and is what comes next none? */
static bool stands_bare(const struct parser *parser, const struct parameter *parameter)
{
	struct scanner scanner = parser->scanner;
	struct value value;
	struct word word;
	struct error error;

	if (!(parameter->flags & PARAMETER_BARE))
		return false;
	return word_next(&scanner, &word) != 1 || word.quoted ||
	       ((*word.start < '0' || *word.start > '9') &&
		value_from_text(parameter, word.start, word.length, parser->arguments, &value,
				&error) != 0);
}

/* The value that follows a keyword. */
static int parse_value(struct parser *parser, const struct parameter *parameter,
		       struct value *value)
{
	struct word word;
	char text[ERROR_TEXT_MAX / 2];
	int code;

	if (stands_bare(parser, parameter)) {
		value->number = parameter->usual;
		parser->arguments->spelled_out = false; /* it may have another meaning one day */
		return 0;
	}

	if (parameter->type == VALUE_FLAG) {
		value->number = 1;
		return 0;
	}
	code = parse_next(parser, &word);
	if (code < 0)
		return code;
	if (code > 0)
		return parse_value_of(parser, parameter, &word, value);
	parser->awaited = parameter;
	snprintf(text, sizeof(text), "the value of %s is missing", parameter->name);
	ended_early(parser, &word, text);
	value_expected(parameter, parser->error->expected, sizeof(parser->error->expected));
	return -EINVAL;
}

static int parse_parameter(struct parser *parser, const struct word *word, int index)
{
	struct arguments *arguments = parser->arguments;
	const struct parameter *parameter = &arguments->command->parameters[index];

	if (argument_present(arguments, (unsigned int)index)) {
		error_set(parser->error, ERROR_USAGE, EINVAL, "%s is given twice", parameter->name);
		return parse_fail_at(parser, word);
	}
	parser->column[index] = *word;
	int code = parse_value(parser, parameter, &arguments->value[index]);
	if (code == 0)
		arguments->present |= parameter_bit(index);
	return code;
}

static int parse_path(struct parser *parser, const struct word *word, int parameters, int index)
{
	struct arguments *arguments = parser->arguments;
	const struct parameter *group = arguments->command->parameters[parameters].group;
	struct path *path =
		arguments->path_count ? &arguments->path[arguments->path_count - 1] : NULL;

	if (index == NEXTHOP_KEYWORD) {
		parser->new_path = true;
		parser->last_path = -1;
		return 0;
	}
	if (index == PATH_DEV && parser->last_path == PATH_BACKUP_VIA)
		index = PATH_BACKUP_DEV;
	if (!path || parser->new_path || path_present(path, (enum path_parameter)index)) {
		if (arguments->path_count == GROUP_MEMBER_MAX) {
			error_set(parser->error, ERROR_USAGE, EINVAL, "more than %d paths",
				  GROUP_MEMBER_MAX);
			return parse_fail_at(parser, word);
		}
		parser->path_column[arguments->path_count] = *word;
		path = &arguments->path[arguments->path_count++];
		path->present = 0;
		parser->new_path = false;
	}
	arguments->present |= parameter_bit(parameters);
	parser->last_path = index;
	int code = parse_value(parser, &group[index], &path->value[index]);
	if (code == 0)
		path->present |= parameter_bit(index);
	return code;
}

/* A positional WORD; if its last word is another parameter's keyword (`pop bridge BR`), that one's
 * value follows. */
static int parse_word(struct parser *parser, const struct word *word, const struct match *match)
{
	struct arguments *arguments = parser->arguments;
	const struct parameter *list = arguments->command->parameters;
	int tail = word_tail(list, match->name);

	if (argument_present(arguments, (unsigned int)match->parameter)) {
		error_set(parser->error, ERROR_USAGE, EINVAL, "%s: %s is said already", match->name,
			  list[match->parameter].words[arguments->value[match->parameter].number]);
		return parse_fail_at(parser, word);
	}
	parser->column[match->parameter] = *word;
	arguments->value[match->parameter].number = (uint64_t)match->word;
	arguments->present |= parameter_bit(match->parameter);
	return tail >= 0 ? parse_parameter(parser, word, tail) : 0;
}

const struct parameter *parse_positional(const struct arguments *arguments, unsigned int *index)
{
	const struct parameter *list = arguments->command->parameters;

	for (unsigned int i = 0; list[i].name; i++) {
		if (!(list[i].flags & PARAMETER_POSITIONAL) || list[i].flags & PARAMETER_ABSENT ||
		    list[i].type == VALUE_WORD ||
		    (argument_present(arguments, i) && list[i].type != VALUE_PREFIXES))
			continue;
		*index = i;
		return &list[i];
	}
	return NULL;
}

static int parse_positional_value(struct parser *parser, const struct word *word,
				  unsigned int index)
{
	struct arguments *arguments = parser->arguments;
	const struct parameter *parameter = &arguments->command->parameters[index];

	if (argument_present(arguments, index)) /* one more prefix */
		return prefixes_add(parameter, word->start, word->length, arguments,
				    &arguments->value[index], true, parser->error) == 0
			       ? 0
			       : parse_fail_at(parser, word);
	int code = parse_value_of(parser, parameter, word, &arguments->value[index]);

	if (code == 0)
		arguments->present |= parameter_bit(index);
	parser->column[index] = *word;
	return code;
}

static int parse_argument(struct parser *parser, const struct word *word)
{
	unsigned int index;
	const struct parameter *positional = parse_positional(parser->arguments, &index);
	struct match match;

	if (positional && positional->flags & PARAMETER_REQUIRED)
		return parse_positional_value(parser, word, index);
	keyword_find(parser, word, &match);
	/* A word in full is a keyword; an abbreviation might be a name */
	if (positional && !(match.score & 1) &&
	    (!match.score || positional->type == VALUE_NAME || positional->type == VALUE_STRING))
		return parse_positional_value(parser, word, index);
	if (match.score == 0 || match.ambiguous) {
		error_set(parser->error, ERROR_USAGE, EINVAL, "%.*s: %s",
			  word->length > 64 ? 64 : (int)word->length, word->start,
			  match.score ? "may mean several words" : "unknown word");
		parse_keywords(parser, parse_expected_add, parser->error);
		if (parser->error->expected[0] == '\0')
			parse_expected_add(parser->error, "the end of the command");
		return parse_fail_at(parser, word);
	}
	parser->arguments->spelled_out &= match.score & 1;
	parser->scanner = match.after;
	if (match.word >= 0 && match.path < 0 &&
	    parser->arguments->command->parameters[match.parameter].type == VALUE_WORD)
		return parse_word(parser, word, &match);
	if (parser->arguments->command->parameters[match.parameter].type == VALUE_PATHS)
		return parse_path(parser, word, match.parameter, match.path);
	return parse_parameter(parser, word, match.parameter);
}

int parse_words(struct parser *parser, const char *line, struct arguments *arguments,
		struct error *error)
{
	struct word word;
	int code;

	parser->scanner = (struct scanner){ line, line };
	parser->arguments = arguments;
	parser->error = error;
	parser->stage = STAGE_NOUN;
	parser->awaited = NULL;
	parser->ended = parser->new_path = false;
	parser->last_path = -1;
	arguments->present = arguments->path_count = arguments->text_used = 0;
	arguments->document = NULL;
	arguments->spelled_out = true;
	arguments->command = NULL;
	code = parse_command(parser, &word);
	if (code != 0)
		return code;
	parser->stage = STAGE_PARAMETERS;
	if (word.start)
		code = parse_argument(parser, &word);
	while (code == 0) {
		code = parse_next(parser, &word);
		if (code <= 0)
			break;
		code = parse_argument(parser, &word);
	}
	parser->ended |= code == 0;
	return code;
}

int command_parse(const char *line, struct arguments *arguments, struct error *error)
{
	struct parser parser;
	int parameter, path, code;

	error->kind = ERROR_NONE;
	error->column = -1;
	error->length = 0;
	error->text[0] = error->expected[0] = '\0';
	code = parse_words(&parser, line, arguments, error);
	if (code != 0)
		return code;
	code = command_check(arguments, error, &parameter, &path);
	if (code == 0)
		return 0;
	struct word end = { .start = parser.scanner.at, .length = 1 };
	return parse_fail_at(&parser, path >= 0        ? &parser.path_column[path]
				      : parameter >= 0 ? &parser.column[parameter]
						       : &end);
}
