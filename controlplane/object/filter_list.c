/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_list.c: lists of prefixes, and the prefixes that rules name themselves. A list has a prefix at
 * least: the first one makes it, and the last one takes it along, unless a rule names it.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/filter.h"

/* ---------------------------------------------------------------- elements */

static struct filter_element *list_find(const struct model *model, const char *name)
{
	struct filter_element *list;

	HASH_FIND_STR(model->filters->lists, name, list);
	return list;
}

static struct filter_element *element_new(struct model *model)
{
	struct filter_element *element = calloc(1, sizeof(*element));

	if (element == NULL)
		return NULL;
	element->number = filter_element_new(model->filters->addresses);
	if (element->number != 0)
		return element;
	free(element);
	return NULL;
}

static void element_free(struct model *model, struct filter_element *element)
{
	free(element->last);
	filter_element_delete(model->filters->addresses, element->number);
	free(element);
}

static int refuse_element(struct model *model, int result, struct error *error)
{
	return result == -ENOSPC ? refuse_full(model, error, "filter address", 0, 1)
				 : refuse(error, result, "filter address: %s", strerror(-result));
}

static int acquire_prefix(struct model *model, const struct filter_prefix *prefix,
			  struct filter_element **element, struct error *error)
{
	struct filters *filters = model->filters;
	struct filter_element *found;

	HASH_FIND(hh, filters->prefixes, prefix, sizeof(*prefix), found);
	if (found == NULL) {
		found = element_new(model);
		if (found == NULL)
			return refuse_element(model, -ENOMEM, error);
		found->prefix = *prefix;
		int result = when_full_again(model, filter_prefix_add(filters->addresses,
								      found->number, prefix));
		if (result != 0) {
			element_free(model, found);
			return refuse_element(model, result, error);
		}
		HASH_ADD(hh, filters->prefixes, prefix, sizeof(*prefix), found);
	}
	found->references++;
	found->rules++;
	*element = found;
	return 0;
}

int filter_element_acquire(struct model *model, const struct filter_party *party,
			   struct filter_element **element, struct error *error)
{
	*element = NULL;
	if (!party->given)
		return 0;
	if (party->list[0] == 0)
		return acquire_prefix(model, &party->prefix, element, error);
	struct filter_element *list = list_find(model, party->list);
	if (list == NULL)
		return refuse(error, -ENOENT,
			      "filter list %s does not exist: expected one with a prefix at least",
			      party->list);
	list->references++;
	list->rules++;
	*element = list;
	return 0;
}

/* Nobody asks about a list that was emptied any more. */
static void forget_emptied(struct model *model, struct filter_element *list)
{
	struct filter_addresses *addresses = model->filters->addresses;

	while (list->prefixes > 0) {
		if (filter_prefix_remove(addresses, list->number,
					 &list->last[list->prefixes - 1]) != 0) {
			/* no memory for what comes in its place: it stays, and no rule asks about it */
			list->references++;
			return;
		}
		list->prefixes--;
	}
	HASH_DEL(model->filters->emptied, list);
	element_free(model, list);
}

void filter_element_release(struct model *model, struct filter_element *element)
{
	if (--element->references > 0)
		return;
	if (element->list[0] != 0) {
		if (element->last != NULL)
			forget_emptied(model, element);
		return;
	}
	if (filter_prefix_remove(model->filters->addresses, element->number, &element->prefix) != 0) {
		/* no memory for what comes in its place: it stays, and no rule asks about it */
		element->references++;
		return;
	}
	HASH_DEL(model->filters->prefixes, element);
	element_free(model, element);
}

static void free_all(struct filter_element **head)
{
	struct filter_element *element, *next;

	HASH_ITER(hh, *head, element, next)
	{
		HASH_DEL(*head, element);
		free(element->last);
		free(element);
	}
}

void filter_elements_free(struct filters *filters)
{
	free_all(&filters->lists);
	free_all(&filters->prefixes);
	free_all(&filters->emptied);
}

/* ---------------------------------------------------------------- commands */

static struct filter_element *list_make(struct model *model, const char *name)
{
	struct filter_element *list = element_new(model);

	if (list == NULL)
		return NULL;
	snprintf(list->list, sizeof(list->list), "%s", name);
	HASH_ADD_STR(model->filters->lists, list, list);
	return list;
}

static void list_drop_empty(struct model *model, struct filter_element *list)
{
	if (list->prefixes > 0)
		return;
	HASH_DEL(model->filters->lists, list);
	element_free(model, list);
}

/* The first `count` prefixes of the text, out of the list or into it: what was done is undone. */
static void undo(struct model *model, struct filter_element *list, const char *text, uint64_t count,
		 bool add)
{
	struct filter_prefix prefix;

	while (count-- > 0 && filter_prefix_next(&text, &prefix)) {
		if (add)
			filter_prefix_add(model->filters->addresses, list->number, &prefix);
		else
			filter_prefix_remove(model->filters->addresses, list->number, &prefix);
		list->prefixes += add ? 1 : -1ull;
	}
}

static int list_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[FILTER_LIST_NAME].string;
	const char *text = arguments->value[FILTER_LIST_PREFIXES].string, *at = text;
	struct filter_element *list = list_find(model, name);
	struct filter_prefix prefix;
	uint64_t done = 0;
	int result = 0;

	if (list == NULL)
		list = list_make(model, name);
	if (list == NULL)
		return refuse_element(model, -ENOMEM, error);
	while (result == 0 && filter_prefix_next(&at, &prefix)) {
		result = when_full_again(model, filter_prefix_add(model->filters->addresses,
								  list->number, &prefix));
		done += result == 0;
		list->prefixes += result == 0;
	}
	if (result == 0)
		return 0;
	undo(model, list, text, done, false);
	list_drop_empty(model, list);
	if (result != -EEXIST)
		return refuse_element(model, result, error);
	char form[52];
	filter_prefix_format(&prefix, form);
	return refuse(error, -EEXIST, "filter list %s has %s already", name, form);
}

static uint64_t count_prefixes(const char *text)
{
	uint64_t count = 1;

	for (; *text != 0; text++)
		count += *text == ' ';
	return count;
}

/* Are the prefixes of the text, in `prefixes`, just those that the list has? */
static bool is_whole(const struct model *model, const struct filter_element *list, const char *text,
		     struct filter_prefix *prefixes)
{
	uint64_t count = 0;

	for (struct filter_prefix prefix; filter_prefix_next(&text, &prefix); count++) {
		if (count == list->prefixes ||
		    !filter_prefix_has(model->filters->addresses, list->number, &prefix))
			return false;
		for (uint64_t i = 0; i < count; i++)
			if (memcmp(&prefixes[i], &prefix, sizeof(prefix)) == 0)
				return false;
		prefixes[count] = prefix;
	}
	return count == list->prefixes;
}

/* All of a list that no rule names any more, while packets may still be judged by one that did: nobody
 * knows it from now on, and its prefixes are taken away when that is over. 0; 1: the text names others. */
static int list_leave(struct model *model, struct filter_element *list, const char *text)
{
	struct filter_prefix *prefixes = calloc(list->prefixes, sizeof(*prefixes));

	if (prefixes == NULL)
		return -ENOMEM;
	if (!is_whole(model, list, text, prefixes)) {
		free(prefixes);
		return 1;
	}
	HASH_DEL(model->filters->lists, list);
	list->last = prefixes;
	HASH_ADD(hh, model->filters->emptied, number, sizeof(list->number), list);
	return 0;
}

static int list_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[FILTER_LIST_NAME].string;
	const char *text = arguments->value[FILTER_LIST_PREFIXES].string, *at = text;
	struct filter_element *list = list_find(model, name);
	struct filter_prefix prefix;
	uint64_t done = 0;
	int result = 0;

	if (list == NULL)
		return refuse(error, -ENOENT, "filter list %s does not exist", name);
	bool whole = count_prefixes(text) >= list->prefixes;
	if (list->rules > 0 && whole)
		return refuse(error, -EBUSY,
			      "filter list %s is in use by %u rules: its last prefix stays", name,
			      list->rules);
	if (list->references > 0 && whole) {
		result = list_leave(model, list, text);
		if (result <= 0)
			return result == 0 ? 0 : refuse_element(model, result, error);
		result = 0; /* one that it does not have: said below */
	}
	while (result == 0 && filter_prefix_next(&at, &prefix)) {
		result = when_full_again(model, filter_prefix_remove(model->filters->addresses,
								     list->number, &prefix));
		done += result == 0;
		list->prefixes -= result == 0;
	}
	if (result == 0) {
		list_drop_empty(model, list);
		return 0;
	}
	undo(model, list, text, done, true);
	if (result != -ENOENT)
		return refuse_element(model, result, error);
	char form[52];
	filter_prefix_format(&prefix, form);
	return refuse(error, -ENOENT, "filter list %s does not have %s", name, form);
}

/* The same prefixes the other way round: both commands are refused whole. */
static int opposite(const struct model *model, const struct arguments *arguments,
		    struct arguments *back)
{
	(void)model;
	arguments_begin(back, arguments->command->id == COMMAND_FILTER_LIST_ADD
				      ? COMMAND_FILTER_LIST_DEL
				      : COMMAND_FILTER_LIST_ADD);
	argument_string(back, FILTER_LIST_NAME, arguments->value[FILTER_LIST_NAME].string);
	argument_string(back, FILTER_LIST_PREFIXES, arguments->value[FILTER_LIST_PREFIXES].string);
	return 0;
}

const struct handler filter_list_add_handler = { list_add, opposite };
const struct handler filter_list_del_handler = { list_del, opposite };

/* ---------------------------------------------------------------- configuration and show */

struct visitor {
	const char *name;
	struct arguments *arguments;
	int (*visit)(void *context, const struct arguments *arguments);
	void *context;
};

static int visit_prefix(void *context, const struct filter_prefix *prefix)
{
	const struct visitor *visitor = context;
	char text[52];

	filter_prefix_format(prefix, text);
	arguments_begin(visitor->arguments, COMMAND_FILTER_LIST_ADD);
	argument_string(visitor->arguments, FILTER_LIST_NAME, visitor->name);
	argument_string(visitor->arguments, FILTER_LIST_PREFIXES, text);
	return visitor->visit(visitor->context, visitor->arguments);
}

int filter_list_configuration(const struct model *model, struct arguments *arguments,
			      int (*visit)(void *context, const struct arguments *arguments),
			      void *context)
{
	int result = 0;

	for (const struct filter_element *l = model->filters->lists; l != NULL && result == 0;
	     l = l->hh.next) {
		struct visitor visitor = { l->list, arguments, visit, context };
		result = filter_prefix_walk(model->filters->addresses, l->number, NULL,
					    visit_prefix, &visitor);
	}
	return result;
}

struct listing {
	json_t *array;
	uint64_t wanted;
};

static int list_prefix(void *context, const struct filter_prefix *prefix)
{
	struct listing *listing = context;
	char text[52];

	if (json_array_size(listing->array) >= listing->wanted)
		return 1;
	filter_prefix_format(prefix, text);
	json_array_append_new(listing->array, json_string(text));
	return 0;
}

json_t *filter_private_lists(const struct model *model, const char *name,
			     const struct filter_prefix *from, uint64_t count)
{
	json_t *rows = json_array();

	for (const struct filter_element *l = model->filters->lists; l != NULL; l = l->hh.next) {
		if (name != NULL && strcmp(name, l->list) != 0)
			continue;
		json_t *row = json_pack("{s:s, s:I, s:I}", "name", l->list, "size",
					(json_int_t)l->prefixes, "rules", (json_int_t)l->rules);
		if (name != NULL) {
			struct listing listing = { json_array(), count };
			filter_prefix_walk(model->filters->addresses, l->number, from, list_prefix,
					   &listing);
			json_object_set_new(row, "prefixes", listing.array);
		}
		json_array_append_new(rows, row);
	}
	return rows;
}
