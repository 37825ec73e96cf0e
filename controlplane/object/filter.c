/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter.c: filters: commands, and how they come into the tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/filter.h"

/* ---------------------------------------------------------------- find */

struct filter_object *filter_find(const struct model *model, const char *name)
{
	struct filter_object *filter;

	HASH_FIND_STR(model->filters->filters, name, filter);
	return filter;
}

struct filter_object *filter_named(const struct model *model, const char *name, struct error *error)
{
	struct filter_object *filter = filter_find(model, name);

	if (filter == NULL)
		refuse(error, -ENOENT, "filter %s does not exist", name);
	return filter;
}

void filter_changed(struct model *model, struct filter_object *filter)
{
	filter->dirty = true;
	model->filters->dirty = true;
}

/* ---------------------------------------------------------------- elements of rules that are gone */

static void keep_element(struct filter_elements *list, struct filter_element *element)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity != 0 ? 2 * list->capacity : 64;
		struct filter_element **more =
			realloc(list->element, capacity * sizeof(struct filter_element *));
		if (more == NULL)
			return; /* the prefix stays in the tries, where nobody asks about it */
		list->element = more;
		list->capacity = capacity;
	}
	list->element[list->count++] = element;
}

/* No packet is judged by a filter that asks about it. */
static void element_left(void *context, uint64_t value)
{
	struct model *model = context;

	keep_element(&model->filters->left, (struct filter_element *)(uintptr_t)value);
}

void filter_element_leave(struct model *model, struct filter_element *element)
{
	if (element == NULL)
		return;
	element->rules--;
	if (!model->settled)
		filter_element_release(model, element);
	else
		keep_element(&model->filters->leaving, element);
}

/* ---------------------------------------------------------------- publish */

static int build_and_publish(struct model *model, struct filter_object *filter)
{
	const struct filter_rule_spec **rules = calloc(filter->rule_count + 1ull, sizeof(*rules));
	struct filter_spec spec = { .name = filter->name,
				    .otherwise = filter->otherwise,
				    .rules = rules,
				    .rule_count = filter->rule_count,
				    .slots = filter->slots };
	struct filter_built *built = NULL;

	if (rules == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < filter->rule_count; i++)
		rules[i] = &filter->rule[i]->spec;
	int result = filter_build(&spec, model->filters->addresses, &built);
	free(rules);
	if (result == 0)
		result = when_full_again(model, filter_publish(model->tables, model->heap,
							       filter->number, built));
	if (result != 0) {
		filter_built_delete(built);
		return result;
	}
	filter_built_delete(filter->built);
	filter->built = built;
	filter->dirty = false;
	return 0;
}

int filter_flush(struct model *model, struct filter_object *filter, struct error *error)
{
	if (!filter->dirty || !model->settled)
		return 0;
	int result = build_and_publish(model, filter);
	if (result == -ENOSPC)
		return refuse_full(model, error, "filter", 0, 1);
	if (result == -E2BIG)
		return refuse(error, result,
			      "filter %s: its rules make more than %d classes, or name more than "
			      "%d Ethertypes",
			      filter->name, FILTER_ROW_MAX, FILTER_ETHERTYPES);
	if (result != 0)
		return refuse(error, result, "filter %s: %s", filter->name, strerror(-result));
	return 0;
}

int model_flush(struct model *model, struct error *error)
{
	struct filters *filters = model->filters;
	int result = 0;

	if (!filters->dirty || !model->settled)
		return 0;
	for (struct filter_object *f = filters->filters; f != NULL && result == 0; f = f->hh.next)
		result = filter_flush(model, f, error);
	filters->dirty = result != 0;
	for (size_t i = 0; result == 0 && i < filters->leaving.count; i++)
		heap_defer(model->heap, element_left, model,
			   (uint64_t)(uintptr_t)filters->leaving.element[i]);
	if (result == 0)
		filters->leaving.count = 0;
	return result;
}

/* Before an address leads to the set: every filter that looks at addresses knows what it means. One
 * that has no room for it is built anew, with all its rules as they are now. */
static int set_added(void *context, uint32_t set)
{
	struct model *model = context;

	for (struct filter_object *f = model->filters->filters; f != NULL; f = f->hh.next) {
		if (f->built == NULL ||
		    filter_built_add_set(f->built, model->filters->addresses, set) == 0)
			continue;
		int result = build_and_publish(model, f);
		if (result != 0)
			return -ENOSPC;
	}
	return 0;
}

/* ---------------------------------------------------------------- numbers */

static void number_released(void *context, uint64_t number)
{
	struct model *model = context;

	if (model->filters->row[number] == ROW_WAITING)
		model->filters->row[number] = ROW_FREE;
}

static int find_number(const struct model *model, const char *name, uint32_t *number)
{
	const uint8_t *row = model->filters->row;

	for (uint32_t i = 1; i < FILTER_MAX && !model->settled; i++) {
		if (row[i] == ROW_FOUND &&
		    strncmp(filter_get(model->tables, i)->name, name, NAME_SIZE) == 0) {
			*number = i;
			return 0;
		}
	}
	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		if (row[i] == ROW_FREE) {
			*number = i;
			return 0;
		}
	}
	return -ENOSPC;
}

/* Counters of rules that are there again go on where they were. */
static int load_found(struct model *model, struct filter_object *filter)
{
	const struct filter *found = filter_get(model->tables, filter->number);

	if (model->filters->row[filter->number] != ROW_FOUND || found == NULL)
		return 0;
	const struct filter_rule *rule = filter_at(found, found->rule);
	filter->found = calloc(found->rule_count + 1ull, sizeof(*filter->found));
	if (filter->found == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < found->rule_count; i++) {
		uint16_t slot = rule[i].decision & FILTER_SLOT_MASK;
		if (slot >= FILTER_SLOTS)
			continue;
		filter->found[filter->found_count++] =
			(struct filter_found_rule){ rule[i].sequence, slot };
		filter->slot[slot / 64] |= 1ull << slot % 64;
	}
	filter->slots = found->slots > 0 ? found->slots : 1;
	return 0;
}

/* ---------------------------------------------------------------- commands */

static int filter_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	const char *name = arguments->value[FILTER_NAME].string;
	uint32_t number = 0;

	if (filter_find(model, name) != NULL)
		return refuse(error, -EEXIST, "filter %s exists already", name);
	if (when_full_again(model, find_number(model, name, &number)) != 0)
		return refuse_full(model, error, "filter", FILTER_MAX - 1, FILTER_MAX - 1);
	struct filter_object *filter = calloc(1, sizeof(*filter));
	if (filter == NULL)
		return refuse(error, -ENOMEM, "filter %s: out of memory", name);
	snprintf(filter->name, sizeof(filter->name), "%s", name);
	filter->number = number;
	filter->otherwise = FILTER_DENY;
	filter->slot[0] = 1;
	filter->slots = 1;
	if (argument_present(arguments, FILTER_DEFAULT) &&
	    arguments->value[FILTER_DEFAULT].number == FILTER_WORD_PERMIT)
		filter->otherwise = FILTER_PERMIT;
	/* what an earlier filter of this number has counted is not its */
	if (load_found(model, filter) != 0 ||
	    (model->settled && filter_baseline_set(model->tables, model->heap, model->state, number,
						   0) != 0)) {
		free(filter);
		return refuse(error, -ENOMEM, "filter %s: out of memory", name);
	}
	model->filters->row[number] = ROW_USED;
	model->filters->filter[number] = filter;
	HASH_ADD_STR(model->filters->filters, name, filter);
	filter_changed(model, filter);
	return 0;
}

static int filter_set(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct filter_object *filter =
		filter_named(model, arguments->value[FILTER_NAME].string, error);

	if (filter == NULL)
		return -ENOENT;
	filter->otherwise = arguments->value[FILTER_DEFAULT].number == FILTER_WORD_PERMIT
				    ? FILTER_PERMIT
				    : FILTER_DENY;
	filter_changed(model, filter);
	return 0;
}

static void filter_free(struct filter_object *filter)
{
	for (uint32_t i = 0; i < filter->rule_count; i++)
		filter_rule_free(filter->rule[i]);
	filter_built_delete(filter->built);
	free(filter->rule);
	free(filter->found);
	free(filter);
}

static int filter_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct filter_object *filter =
		filter_named(model, arguments->value[FILTER_NAME].string, error);

	if (filter == NULL)
		return -ENOENT;
	if (filter->bindings > 0)
		return refuse(error, -EBUSY, "filter %s is bound: `filter unbind` it first",
			      filter->name);
	if (filter->rule_count > 0)
		return refuse(error, -EBUSY, "filter %s has %u rules: `filter rule del` them first",
			      filter->name, filter->rule_count);
	uint32_t number = filter->number;
	bool there = word_load(&model->tables->filter[number]) != 0;
	model->filters->filter[number] = NULL;
	model->filters->row[number] = there ? ROW_FOUND : ROW_FREE;
	if (there && model->settled) {
		filter_unpublish(model->tables, model->heap, number);
		model->filters->row[number] = ROW_WAITING;
		heap_defer(model->heap, number_released, model, number);
	}
	HASH_DEL(model->filters->filters, filter);
	filter_free(filter);
	return 0;
}

static void to_arguments(const struct filter_object *filter, enum command_id id,
			 struct arguments *arguments)
{
	arguments_begin(arguments, id);
	argument_string(arguments, FILTER_NAME, filter->name);
	argument_number(arguments, FILTER_DEFAULT,
			filter->otherwise == FILTER_PERMIT ? FILTER_WORD_PERMIT : FILTER_WORD_DENY);
}

static int filter_add_inverse(const struct model *model, const struct arguments *arguments,
			      struct arguments *undo)
{
	if (filter_find(model, arguments->value[FILTER_NAME].string) != NULL)
		return -ENOENT;
	arguments_begin(undo, COMMAND_FILTER_DEL);
	argument_string(undo, FILTER_NAME, arguments->value[FILTER_NAME].string);
	return 0;
}

static int set_or_del_inverse(const struct model *model, const struct arguments *arguments,
			      struct arguments *undo)
{
	const struct filter_object *filter =
		filter_find(model, arguments->value[FILTER_NAME].string);

	if (filter == NULL)
		return -ENOENT;
	to_arguments(filter,
		     arguments->command->id == COMMAND_FILTER_SET ? COMMAND_FILTER_SET
								  : COMMAND_FILTER_ADD,
		     undo);
	return 0;
}

const struct handler filter_add_handler = { filter_add, filter_add_inverse };
const struct handler filter_set_handler = { filter_set, set_or_del_inverse };
const struct handler filter_del_handler = { filter_del, set_or_del_inverse };

/* ---------------------------------------------------------------- configuration */

static int visit_rules(const struct filter_object *filter, struct arguments *arguments,
		       int (*visit)(void *context, const struct arguments *arguments),
		       void *context)
{
	static char line[STRING_MAX * 2 + 128]; /* large; one thread */
	struct error error;
	int result = 0;

	for (uint32_t i = 0; i < filter->rule_count && result == 0; i++) {
		snprintf(line, sizeof(line), "filter rule add %s %u %s", filter->name,
			 filter->rule[i]->spec.sequence, filter->rule[i]->text);
		if (command_parse(line, arguments, &error) == 0)
			result = visit(context, arguments);
	}
	return result;
}

int filter_configuration(const struct model *model, struct arguments *arguments,
			 int (*visit)(void *context, const struct arguments *arguments),
			 void *context)
{
	int result = filter_list_configuration(model, arguments, visit, context);

	for (struct filter_object *f = model->filters->filters; f != NULL && result == 0;
	     f = f->hh.next) {
		to_arguments(f, COMMAND_FILTER_ADD, arguments);
		result = visit(context, arguments);
		if (result == 0)
			result = visit_rules(f, arguments, visit, context);
	}
	return result != 0 ? result : filter_bind_configuration(model, arguments, visit, context);
}

/* ---------------------------------------------------------------- life */

int filter_open(struct model *model)
{
	struct filters *filters = calloc(1, sizeof(*filters));

	model->filters = filters;
	if (filters == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i < FILTER_MAX; i++)
		if (word_load(&model->tables->filter[i]) != 0)
			filters->row[i] = ROW_FOUND;
	filters->addresses = filter_addresses_new(model->tables, model->heap, set_added, model);
	return filters->addresses == NULL ? -ENOMEM : 0;
}

/* Tries of an earlier process, once each. */
static uint32_t found_roots(const struct model *model, uint64_t roots[FILTER_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		const struct filter *filter = filter_get(model->tables, i);
		uint32_t k = 0;
		if (filter == NULL || filter->roots == 0)
			continue;
		while (k < count && roots[k] != filter->roots)
			k++;
		if (k == count)
			roots[count++] = filter->roots;
	}
	return count;
}

/* Slots of rules that are not there any more are free. */
static void forget_found(struct filter_object *filter)
{
	for (uint32_t i = 0; i < filter->found_count; i++)
		if (filter->found[i].slot != 0)
			filter->slot[filter->found[i].slot / 64] &=
				~(1ull << filter->found[i].slot % 64);
	free(filter->found);
	filter->found = NULL;
	filter->found_count = 0;
	for (uint32_t i = 0; i < filter->rule_count; i++) {
		uint16_t slot = filter->rule[i]->spec.slot;
		filter->slot[slot / 64] |= 1ull << slot % 64;
	}
}

void filter_settle(struct model *model)
{
	struct filters *filters = model->filters;
	uint64_t roots[FILTER_MAX];
	uint32_t count = found_roots(model, roots);
	struct error error;
	bool all = true;

	filter_addresses_publish(filters->addresses);
	for (struct filter_object *f = filters->filters; f != NULL; f = f->hh.next) {
		forget_found(f);
		if (filter_flush(model, f, &error) == 0)
			continue;
		model_complain(model, "filter %s: not in the tables: %s", f->name, error.text);
		all = false;
	}
	filter_bind_settle(model);
	for (uint32_t i = 1; i < FILTER_MAX; i++) {
		if (filters->row[i] != ROW_FOUND)
			continue;
		filter_unpublish(model->tables, model->heap, i);
		filters->row[i] = ROW_WAITING;
		heap_defer(model->heap, number_released, model, i);
	}
	for (uint32_t i = 0; i < count && all; i++)
		filter_roots_free(model->tables, model->heap, roots[i]);
}

void filter_close(struct model *model)
{
	struct filters *filters = model->filters;
	struct filter_object *filter, *next;

	if (filters == NULL)
		return;
	HASH_ITER(hh, filters->filters, filter, next)
	{
		HASH_DEL(filters->filters, filter);
		filter_free(filter);
	}
	filter_elements_free(filters);
	filter_addresses_delete(filters->addresses);
	free(filters->leaving.element);
	free(filters->left.element);
	free(filters);
	model->filters = NULL;
}

void filter_poll(struct model *model)
{
	struct filters *filters = model->filters;
	struct error error;

	if (filters->dirty && model_flush(model, &error) != 0 &&
	    strcmp(error.text, model->error) != 0)
		model_complain(model, "%s", error.text);
	while (filters->left.count > 0)
		filter_element_release(model, filters->left.element[--filters->left.count]);
	if (model->alive && model->state != NULL)
		filter_take_samples(model);
}
