/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_rule.c: the rules of a filter.
 */
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/object/filter.h"

enum { SHADOWS_TOLD = 32, WORDS_BEFORE_TEXT = 5 /* filter rule add NAME SEQ */ };

/* ---------------------------------------------------------------- find */

/* Where a rule of this number stands, or would stand. */
static uint32_t position_of(const struct filter_object *filter, uint32_t sequence)
{
	uint32_t low = 0, high = filter->rule_count;

	while (low < high) {
		uint32_t middle = (low + high) / 2;
		if (filter->rule[middle]->spec.sequence < sequence)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct filter_rule_object *rule_at(const struct filter_object *filter, uint32_t sequence)
{
	uint32_t position = position_of(filter, sequence);

	return position < filter->rule_count &&
			       filter->rule[position]->spec.sequence == sequence
		       ? filter->rule[position]
		       : NULL;
}

/* ---------------------------------------------------------------- slots and meters */

static int take_slot(struct model *model, struct filter_object *filter, uint32_t sequence,
		     uint16_t *slot)
{
	for (uint32_t i = 0; i < filter->found_count; i++) {
		if (filter->found[i].sequence == sequence) {
			*slot = filter->found[i].slot;
			return 0;
		}
	}
	for (uint32_t i = 0; i < FILTER_SLOTS; i++) {
		if (filter->slot[i / 64] >> i % 64 & 1)
			continue;
		/* of an earlier rule, or of an earlier filter of this number: from now on it counts for
		 * this one */
		int result = model->settled
				     ? filter_baseline_set(model->tables, model->heap, model->state,
							   filter->number, i)
				     : 0;
		if (result != 0)
			return result;
		filter->slot[i / 64] |= 1ull << i % 64;
		*slot = (uint16_t)i;
		if (i >= filter->slots)
			filter->slots = (uint16_t)(i + 1);
		return 0;
	}
	return -ENOSPC;
}

static void give_slot(struct filter_object *filter, uint16_t slot)
{
	for (uint32_t i = 0; i < filter->found_count; i++)
		if (filter->found[i].slot == slot)
			return; /* it may come back */
	filter->slot[slot / 64] &= ~(1ull << slot % 64);
}

static int take_meter(struct model *model, uint16_t *meter)
{
	for (uint32_t i = 0; i < FILTER_METERS; i++) {
		uint64_t *word = &model->filters->meter[i / 64];
		if (*word >> i % 64 & 1)
			continue;
		*word |= 1ull << i % 64;
		*meter = (uint16_t)i;
		return 0;
	}
	return -ENOSPC;
}

static void give_meter(struct model *model, const struct filter_rule_object *rule)
{
	if (rule->spec.action == FILTER_POLICE)
		model->filters->meter[rule->spec.meter / 64] &= ~(1ull << rule->spec.meter % 64);
}

/* ---------------------------------------------------------------- make */

void filter_rule_free(struct filter_rule_object *rule)
{
	if (rule == NULL)
		return;
	free(rule->spec.sport);
	free(rule->spec.dport);
	free(rule->text);
	free(rule);
}

static struct filter_range *copy_ranges(const struct filter_range *ranges, unsigned int count)
{
	struct filter_range *copy = malloc((count + 1ull) * sizeof(*copy));

	if (copy != NULL)
		memcpy(copy, ranges, count * sizeof(*copy));
	return copy;
}

/* The words behind SEQ, as the canonical line has them. */
static char *make_text(const struct arguments *arguments)
{
	static char line[2 * STRING_MAX + 512]; /* large; one thread */
	const char *at = line;

	if (command_to_text(arguments, line, sizeof(line)) < 0)
		return NULL;
	for (unsigned int i = 0; i < WORDS_BEFORE_TEXT && at != NULL; i++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL ? strdup(at) : NULL;
}

static struct filter_rule_object *make_rule(const struct arguments *arguments,
					    struct filter_words *words)
{
	struct filter_rule_object *rule = calloc(1, sizeof(*rule));

	if (rule == NULL)
		return NULL;
	rule->text = make_text(arguments);
	rule->spec = filter_words_spec(words);
	rule->spec.sequence = (uint32_t)arguments->value[RULE_SEQUENCE].number;
	rule->spec.sport = copy_ranges(words->sport, words->sport_count);
	rule->spec.dport = copy_ranges(words->dport, words->dport_count);
	rule->spec.text = rule->text;
	if (rule->text != NULL && rule->spec.sport != NULL && rule->spec.dport != NULL)
		return rule;
	filter_rule_free(rule);
	return NULL;
}

/* What an element stands for, if that is one prefix for good. */
static const struct filter_prefix *prefix_of(const struct filter_element *element)
{
	return element != NULL && element->list[0] == 0 ? &element->prefix : NULL;
}

/* What it names, held by it. */
static int take_elements(struct model *model, struct filter_rule_object *rule,
			 const struct filter_words *words, struct error *error)
{
	int result = filter_element_acquire(model, &words->from, &rule->from, error);

	if (result != 0)
		return result;
	result = filter_element_acquire(model, &words->to, &rule->to, error);
	if (result != 0 && rule->from != NULL) {
		rule->from->rules--;
		filter_element_release(model, rule->from);
	}
	rule->spec.from = rule->from != NULL ? rule->from->number : 0;
	rule->spec.to = result == 0 && rule->to != NULL ? rule->to->number : 0;
	rule->spec.from_prefix = prefix_of(rule->from);
	rule->spec.to_prefix = result == 0 ? prefix_of(rule->to) : NULL;
	return result;
}

/* ---------------------------------------------------------------- add, replace */

/* Say which rules decide about nothing from now on, as far as FILTER_SHADOW_NODES tell. */
static void tell_shadows(struct model *model, const struct filter_object *filter,
			 const struct filter_rule_object *rule)
{
	const struct filter_addresses *addresses = model->filters->addresses;
	json_t *shadows = json_array();
	json_int_t by = 0;
	uint32_t nodes = FILTER_SHADOW_NODES;

	for (uint32_t i = 0; i < filter->rule_count; i++) {
		const struct filter_rule_object *other = filter->rule[i];
		if (other == rule)
			continue;
		if (other->spec.sequence < rule->spec.sequence && by == 0 &&
		    filter_rule_covers(addresses, other, rule, &nodes))
			by = other->spec.sequence;
		if (other->spec.sequence > rule->spec.sequence &&
		    json_array_size(shadows) < SHADOWS_TOLD &&
		    filter_rule_covers(addresses, rule, other, &nodes))
			json_array_append_new(shadows, json_integer(other->spec.sequence));
	}
	if (by != 0 || json_array_size(shadows) > 0) {
		json_decref(model->reply);
		model->reply = json_object();
		if (by != 0)
			json_object_set_new(model->reply, "shadowed_by", json_integer(by));
		if (json_array_size(shadows) > 0)
			json_object_set(model->reply, "shadows", shadows);
	}
	json_decref(shadows);
}

static int make_room(struct filter_object *filter)
{
	if (filter->rule_count < filter->rule_capacity)
		return 0;
	uint32_t capacity = filter->rule_capacity != 0 ? 2 * filter->rule_capacity : 16;
	struct filter_rule_object **rule = realloc(filter->rule, capacity * sizeof(struct filter_rule_object *));
	if (rule == NULL)
		return -ENOMEM;
	filter->rule = rule;
	filter->rule_capacity = capacity;
	return 0;
}

/* The slot and meter that the rule has from now on; `old` is the one that it takes the place of. */
static int take_numbers(struct model *model, struct filter_object *filter,
			struct filter_rule_object *rule, const struct filter_rule_object *old)
{
	bool police = rule->spec.action == FILTER_POLICE;
	int result = 0;

	if (police && old != NULL && old->spec.action == FILTER_POLICE)
		rule->spec.meter = old->spec.meter;
	else if (police)
		result = take_meter(model, &rule->spec.meter);
	if (result != 0)
		return result;
	if (old != NULL)
		rule->spec.slot = old->spec.slot;
	else
		result = take_slot(model, filter, rule->spec.sequence, &rule->spec.slot);
	if (result != 0)
		give_meter(model, rule);
	return result;
}

static void put_rule(struct model *model, struct filter_object *filter,
		     struct filter_rule_object *rule, struct filter_rule_object *old)
{
	uint32_t position = position_of(filter, rule->spec.sequence);

	if (old != NULL) {
		if (rule->spec.action != FILTER_POLICE)
			give_meter(model, old);
		filter_element_leave(model, old->from);
		filter_element_leave(model, old->to);
		filter_rule_free(old);
	} else {
		memmove(&filter->rule[position + 1], &filter->rule[position],
			(filter->rule_count - position) * sizeof(struct filter_rule_object *));
		filter->rule_count++;
	}
	filter->rule[position] = rule;
	filter_changed(model, filter);
}

static int check_room(struct filter_object *filter, const struct filter_rule_object *old,
		      uint32_t sequence, bool replace, struct error *error)
{
	if (old != NULL && !replace)
		return refuse(error, -EEXIST, "filter %s has a rule %u already", filter->name,
			      sequence);
	if (old == NULL && filter->rule_count == FILTER_RULE_MAX)
		return refuse(error, -ENOSPC, "filter %s is full: it has %d rules", filter->name,
			      FILTER_RULE_MAX);
	if (make_room(filter) != 0)
		return refuse(error, -ENOMEM, "filter %s: out of memory", filter->name);
	return 0;
}

static int put(struct model *model, const struct arguments *arguments, bool replace,
	       struct error *error)
{
	static struct filter_words words; /* large; one thread */
	struct filter_object *filter =
		filter_named(model, arguments->value[RULE_FILTER].string, error);
	uint32_t sequence = (uint32_t)arguments->value[RULE_SEQUENCE].number;

	if (filter == NULL)
		return -ENOENT;
	struct filter_rule_object *old = rule_at(filter, sequence);
	int result = check_room(filter, old, sequence, replace, error);
	if (result != 0)
		return result;
	filter_words_read(arguments, &words);
	struct filter_rule_object *rule = make_rule(arguments, &words);
	if (rule == NULL)
		return refuse(error, -ENOMEM, "filter %s rule %u: out of memory", filter->name,
			      sequence);
	result = take_elements(model, rule, &words, error);
	if (result != 0) {
		filter_rule_free(rule);
		return result;
	}
	if (take_numbers(model, filter, rule, old) != 0) {
		filter_element_leave(model, rule->from);
		filter_element_leave(model, rule->to);
		filter_rule_free(rule);
		return refuse(error, -ENOSPC, "filter %s rule %u: no meter or counter is left: %d "
			      "rules may police", filter->name, sequence, FILTER_METERS);
	}
	put_rule(model, filter, rule, old);
	if (model->settled)
		tell_shadows(model, filter, rule);
	return 0;
}

static int rule_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	return put(model, arguments, false, error);
}

static int rule_replace(struct model *model, const struct arguments *arguments,
			struct error *error)
{
	return put(model, arguments, true, error);
}

static int rule_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct filter_object *filter =
		filter_named(model, arguments->value[RULE_FILTER].string, error);
	uint32_t sequence = (uint32_t)arguments->value[RULE_SEQUENCE].number;

	if (filter == NULL)
		return -ENOENT;
	struct filter_rule_object *rule = rule_at(filter, sequence);
	if (rule == NULL)
		return refuse(error, -ENOENT, "filter %s has no rule %u", filter->name, sequence);
	uint32_t position = position_of(filter, sequence);
	filter->rule_count--;
	memmove(&filter->rule[position], &filter->rule[position + 1],
		(filter->rule_count - position) * sizeof(struct filter_rule_object *));
	give_slot(filter, rule->spec.slot);
	give_meter(model, rule);
	filter_element_leave(model, rule->from);
	filter_element_leave(model, rule->to);
	filter_rule_free(rule);
	filter_changed(model, filter);
	return 0;
}

/* ---------------------------------------------------------------- inverses */

static const struct filter_rule_object *named_rule(const struct model *model,
						   const struct arguments *arguments)
{
	const struct filter_object *filter =
		filter_find(model, arguments->value[RULE_FILTER].string);

	return filter == NULL ? NULL
			      : rule_at(filter, (uint32_t)arguments->value[RULE_SEQUENCE].number);
}

static int del_instead(const struct arguments *arguments, struct arguments *undo)
{
	arguments_begin(undo, COMMAND_FILTER_RULE_DEL);
	argument_string(undo, RULE_FILTER, arguments->value[RULE_FILTER].string);
	argument_number(undo, RULE_SEQUENCE, arguments->value[RULE_SEQUENCE].number);
	return 0;
}

static int put_back(const struct arguments *arguments, const struct filter_rule_object *rule,
		    const char *verb, struct arguments *undo)
{
	static char line[2 * STRING_MAX + 512]; /* large; one thread */
	struct error error;

	snprintf(line, sizeof(line), "filter rule %s %s %u %s", verb,
		 arguments->value[RULE_FILTER].string, rule->spec.sequence, rule->text);
	return command_parse(line, undo, &error) == 0 ? 0 : -ENOENT;
}

static int rule_add_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	return named_rule(model, arguments) != NULL ? -ENOENT : del_instead(arguments, undo);
}

static int rule_replace_inverse(const struct model *model, const struct arguments *arguments,
				struct arguments *undo)
{
	const struct filter_rule_object *rule = named_rule(model, arguments);

	return rule == NULL ? del_instead(arguments, undo)
			    : put_back(arguments, rule, "replace", undo);
}

static int rule_del_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	const struct filter_rule_object *rule = named_rule(model, arguments);

	return rule == NULL ? -ENOENT : put_back(arguments, rule, "add", undo);
}

const struct handler filter_rule_add_handler = { rule_add, rule_add_inverse };
const struct handler filter_rule_replace_handler = { rule_replace, rule_replace_inverse };
const struct handler filter_rule_del_handler = { rule_del, rule_del_inverse };
