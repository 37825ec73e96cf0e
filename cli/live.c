/* SPDX-License-Identifier: BSD-3-Clause
 *
 * live.c: completion: words of the table and names of the objects that there are.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/session.h"

struct word_list {
	struct session *session;
	const char *begun;
	char **word;
	size_t count;
};

static void word_add(struct word_list *list, const char *word)
{
	char **larger = realloc(list->word, (list->count + 2) * sizeof(*larger));

	if (!larger)
		return;
	list->word = larger;
	list->word[list->count] = strdup(word);
	if (list->word[list->count])
		list->count++;
	list->word[list->count] = NULL;
}

/* The names that `NOUN show` tells. */
static void names_add(struct word_list *list, const char *noun)
{
	struct arguments *arguments = malloc(sizeof(*arguments));
	struct error error = { .kind = ERROR_NONE };
	char line[64];
	json_t *rows = NULL, *row;
	size_t index;

	snprintf(line, sizeof(line), "%s show", noun);
	if (arguments && command_parse(line, arguments, &error) == 0 &&
	    run_query(list->session, arguments, &rows, &error) == 0) {
		json_array_foreach(rows, index, row)
		{
			const char *name = json_string_value(json_object_get(row, "name"));
			if (name && strncmp(name, list->begun, strlen(list->begun)) == 0)
				word_add(list, name);
		}
	}
	json_decref(rows);
	free(arguments);
}

static void word_visit(void *context, const char *word, const char *nouns)
{
	struct word_list *list = context;

	if (word)
		word_add(list, word);
	while (nouns && *nouns) {
		char noun[32];
		size_t length = strcspn(nouns, " ");
		snprintf(noun, sizeof(noun), "%.*s", (int)length, nouns);
		names_add(list, noun);
		nouns += length + strspn(nouns + length, " ");
	}
}

static int word_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char **live_complete(struct session *session, const char *line)
{
	struct word_list list = { .session = session };
	bool quiet = session->quiet;
	size_t kept = 0;

	list.begun = line + strlen(line);
	while (list.begun > line && list.begun[-1] != ' ' && list.begun[-1] != '\t')
		list.begun--;
	list.word = calloc(1, sizeof(*list.word));
	if (!list.word)
		return NULL;
	session->quiet = true;
	command_complete(line, word_visit, &list);
	session->quiet = quiet;
	qsort(list.word, list.count, sizeof(*list.word), word_compare);
	for (size_t i = 0; i < list.count; i++) {
		if (kept > 0 && strcmp(list.word[kept - 1], list.word[i]) == 0)
			free(list.word[i]);
		else
			list.word[kept++] = list.word[i];
	}
	list.word[kept] = NULL;
	return list.word;
}
