/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label_route.c: label routes (RFC 3031 3.11). A route is its word in the tables; there is no copy.
 */
#include <stdio.h>
#include <stdlib.h>
#include "bridge.h"
#include "label_route.h"
#include "model.h"

/* ---------------------------------------------------------------- words */

uint64_t label_word(const struct model *model, unsigned int space, uint32_t label)
{
	if (!model->settled)
		return model->staged[space] != NULL ? model->staged[space][label] : 0;
	return label_get(model->tables, space, label);
}

/* Make the space, so that label_store cannot fail. */
static int make_space(struct model *model, unsigned int space)
{
	if (model->settled)
		return label_space_create(model->tables, model->heap, space);
	if (model->staged[space] == NULL)
		model->staged[space] = calloc(LABEL_COUNT, sizeof(uint64_t));
	return model->staged[space] != NULL ? 0 : -ENOMEM;
}

static void label_store(struct model *model, unsigned int space, uint32_t label, uint64_t word)
{
	if (model->settled)
		label_set(model->tables, space, label, word);
	else
		model->staged[space][label] = word;
}

static bool has_nexthop(uint64_t word)
{
	enum label_operation operation = label_operation(word);

	return operation == LABEL_SWAP || operation == LABEL_REPLACE || operation == LABEL_POP ||
	       operation == LABEL_REPLICATE;
}

static void release_word(struct model *model, uint64_t word)
{
	if (label_operation(word) == LABEL_POP_BRIDGE && !label_is_pseudowire(word))
		model->bridge[label_index(word)]->labels--;
	if (!has_nexthop(word))
		return;
	if (word & LABEL_GROUP)
		group_release(model, model->group[label_index(word)]);
	else
		nexthop_release(model, model->nexthop[label_index(word)]);
}

/* ---------------------------------------------------------------- from a command to a word */

/* The group of the old word, if its members may be changed in place: packets, and a process that takes
 * over after a death, see the new members under the old word, so all else that the word says must be the
 * same. Else NULL: a new group, and then one store of the word. During replay packets go by the word that
 * the tables have: a new group begins like that one's. */
static struct group_object *reusable_group(const struct model *model,
					   const struct label_route *route, uint64_t old)
{
	uint64_t index = LABEL_INDEX_MASK << LABEL_INDEX_SHIFT;

	if (!model->settled)
		old = label_get(model->tables, route->space, route->label);
	if (!has_nexthop(old) || (old & ~index) != (route->word | LABEL_GROUP))
		return NULL;
	return model->group[label_index(old)];
}

/* The group or nexthop of the route, with a reference. */
static int acquire_paths(struct model *model, struct label_route *route, uint64_t old,
			 uint64_t *reference, struct error *error)
{
	struct group_members members = { .count = 0 };
	struct nexthop_object *nexthop = NULL;
	struct group_object *group;
	int result = 0;

	for (unsigned int i = 0; i < route->count && result == 0; i++) {
		char where[24] = "";
		if (route->count > 1)
			snprintf(where, sizeof(where), "path %u: ", i + 1);
		label_route_request(route, i);
		result = nexthop_acquire(model, &route->path[i].request, where, &nexthop, error);
		if (result != 0)
			break;
		members.member[i].nexthop = nexthop->index;
		members.member[i].weight = route->path[i].weight;
		members.count++;
		for (unsigned int j = 0; j < i && result == 0; j++)
			if (members.member[j].nexthop == nexthop->index)
				result = refuse(
					error, -EEXIST,
					"label %u: path %u is the same as path %u: expected a "
					"weight instead",
					route->label, i + 1, j + 1);
	}
	if (result == 0 && !route->group) {
		*reference = (uint64_t)nexthop->index << LABEL_INDEX_SHIFT;
		return 0;
	}
	if (result == 0)
		result = group_acquire(model, &members, reusable_group(model, route, old), &group,
				       error);
	if (result == 0) {
		*reference = (uint64_t)group->index << LABEL_INDEX_SHIFT | LABEL_GROUP;
		return 0;
	}
	for (uint32_t i = 0; i < members.count; i++)
		nexthop_release(model, model->nexthop[members.member[i].nexthop]);
	return result;
}

/* The bridge that the label's packets go into. */
static int acquire_bridge(struct model *model, const struct label_route *route, uint64_t *reference,
			  struct error *error)
{
	struct bridge_object *bridge = bridge_get(model, route->bridge, error);

	if (bridge == NULL)
		return -ENOENT;
	bridge->labels++;
	*reference = (uint64_t)bridge->index << LABEL_INDEX_SHIFT;
	return 0;
}

/* The first request is done apart from the rest, since most routes have one path and a command's
 * worth of members need not be cleared for it. */
static int acquire(struct model *model, struct label_route *route, uint64_t old,
		   uint64_t *reference, struct error *error)
{
	struct nexthop_object *nexthop;

	*reference = 0;
	if (route->bridge != NULL)
		return acquire_bridge(model, route, reference, error);
	if (route->count == 0)
		return 0;
	if (route->count > 1 || route->group)
		return acquire_paths(model, route, old, reference, error);
	label_route_request(route, 0);
	int result = nexthop_acquire(model, &route->path[0].request, "", &nexthop, error);
	if (result == 0)
		*reference = (uint64_t)nexthop->index << LABEL_INDEX_SHIFT;
	return result;
}

/* What a label is already, for those who want it otherwise. */
static int refuse_pseudowire(const struct model *model, unsigned int space, uint32_t label,
			     uint64_t word, int code, struct error *error)
{
	const struct interface_object *interface = model->interface[label_index(word)];

	return refuse(error, code, "label %u in space %u is the incoming label of pseudowire %s",
		      label, space, interface != NULL ? interface->name : "?");
}

int label_free(const struct model *model, unsigned int space, uint32_t label, struct error *error)
{
	uint64_t word = label_word(model, space, label);

	if (word == 0)
		return 0;
	if (label_is_pseudowire(word))
		return refuse_pseudowire(model, space, label, word, -EEXIST, error);
	return refuse(error, -EEXIST, "label %u exists already in space %u", label, space);
}

/* After all that can be refused: a space is 8 MiB, and stays. Where a label was there is one. A new
 * route counts from 0; one that is replaced goes on. */
static int store_new(struct model *model, unsigned int space, uint32_t label, uint64_t word,
		     bool fresh, struct error *error)
{
	if (make_space(model, space) != 0)
		return refuse_full(model, error, "label space", 0, 1);
	if (fresh && model->settled && label_clear(model, space, label) != 0)
		return refuse_full(model, error, "label counter baseline", 0, 1);
	label_store(model, space, label, word);
	return 0;
}

static int put(struct model *model, const struct arguments *arguments, bool replace,
	       struct error *error)
{
	struct label_route route;
	uint64_t reference;
	int result = label_route_read(arguments, &route, error);

	if (result != 0)
		return result;
	uint64_t old = label_word(model, route.space, route.label);
	if (!replace || label_is_pseudowire(old))
		result = label_free(model, route.space, route.label, error);
	if (result != 0)
		return result;
	result = acquire(model, &route, old, &reference, error);
	if (result != 0)
		return result;
	uint64_t word = route.word | reference;
	result = store_new(model, route.space, route.label, word, old == 0, error);
	release_word(model, result == 0 ? old : word);
	return result;
}

int label_claim(struct model *model, unsigned int space, uint32_t label, uint64_t word,
		struct error *error)
{
	int result = label_free(model, space, label, error);

	return result == 0 ? store_new(model, space, label, word, true, error) : result;
}

void label_drop(struct model *model, unsigned int space, uint32_t label)
{
	label_store(model, space, label, 0);
}

/* ---------------------------------------------------------------- commands */

static int mpls_add(struct model *model, const struct arguments *arguments, struct error *error)
{
	return put(model, arguments, false, error);
}

static int mpls_replace(struct model *model, const struct arguments *arguments, struct error *error)
{
	return put(model, arguments, true, error);
}

static unsigned int argument_space(const struct arguments *arguments)
{
	return argument_present(arguments, MPLS_SPACE)
		       ? (unsigned int)arguments->value[MPLS_SPACE].number
		       : 0;
}

/* The word that a command names; 0: none, or no label that could have one. */
static uint64_t named_word(const struct model *model, const struct arguments *arguments)
{
	uint64_t label = arguments->value[MPLS_LABEL].number;
	unsigned int space = argument_space(arguments);

	if (label < LABEL_FIRST_FREE || label >= LABEL_COUNT || space >= LABEL_SPACE_MAX)
		return 0;
	return label_word(model, space, (uint32_t)label);
}

static int mpls_del(struct model *model, const struct arguments *arguments, struct error *error)
{
	uint64_t word = named_word(model, arguments);

	if (word == 0)
		return refuse(error, -ENOENT, "label %llu does not exist in space %u",
			      (unsigned long long)arguments->value[MPLS_LABEL].number,
			      argument_space(arguments));
	if (label_is_pseudowire(word))
		return refuse_pseudowire(model, argument_space(arguments),
					 (uint32_t)arguments->value[MPLS_LABEL].number, word,
					 -EBUSY, error);
	label_store(model, argument_space(arguments), (uint32_t)arguments->value[MPLS_LABEL].number,
		    0);
	release_word(model, word);
	return 0;
}

static void del_arguments(const struct arguments *arguments, struct arguments *undo)
{
	arguments_begin(undo, COMMAND_MPLS_DEL);
	argument_number(undo, MPLS_LABEL, arguments->value[MPLS_LABEL].number);
	if (argument_present(arguments, MPLS_SPACE))
		argument_number(undo, MPLS_SPACE, arguments->value[MPLS_SPACE].number);
}

static int mpls_replace_inverse(const struct model *model, const struct arguments *arguments,
				struct arguments *undo)
{
	uint64_t word = named_word(model, arguments);

	if (label_is_pseudowire(word))
		return -ENOENT;
	if (word == 0) {
		del_arguments(arguments, undo);
		return 0;
	}
	mpls_to_arguments(model, argument_space(arguments),
			  (uint32_t)arguments->value[MPLS_LABEL].number, word, undo);
	undo->command = command_by_id(COMMAND_MPLS_REPLACE);
	return 0;
}

static int mpls_add_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	if (named_word(model, arguments) != 0)
		return -ENOENT;
	del_arguments(arguments, undo);
	return 0;
}

static int mpls_del_inverse(const struct model *model, const struct arguments *arguments,
			    struct arguments *undo)
{
	uint64_t word = named_word(model, arguments);

	if (word == 0 || label_is_pseudowire(word))
		return -ENOENT;
	mpls_to_arguments(model, argument_space(arguments),
			  (uint32_t)arguments->value[MPLS_LABEL].number, word, undo);
	return 0;
}

const struct handler mpls_add_handler = { mpls_add, mpls_add_inverse };
const struct handler mpls_replace_handler = { mpls_replace, mpls_replace_inverse };
const struct handler mpls_del_handler = { mpls_del, mpls_del_inverse };

/* ---------------------------------------------------------------- for messages */

static bool uses(const struct model *model, uint64_t word, uint32_t nexthop)
{
	if (!has_nexthop(word))
		return false;
	if (!(word & LABEL_GROUP))
		return label_index(word) == nexthop;
	const struct group_members *members = &model->group[label_index(word)]->members;
	for (uint32_t i = 0; i < members->count; i++)
		if (members->member[i].nexthop == nexthop)
			return true;
	return false;
}

bool label_user(const struct model *model, uint32_t nexthop, unsigned int *space, uint32_t *label)
{
	for (*space = 0; *space < LABEL_SPACE_MAX; (*space)++) {
		if (model->settled ? word_load(&model->tables->label_space[*space]) == 0
				   : model->staged[*space] == NULL)
			continue;
		for (*label = LABEL_FIRST_FREE; *label < LABEL_COUNT; (*label)++)
			if (uses(model, label_word(model, *space, *label), nexthop))
				return true;
	}
	return false;
}

/* ---------------------------------------------------------------- settle */

static void settle_space(struct model *model, unsigned int space)
{
	uint64_t *staged = model->staged[space];

	if (staged == NULL && word_load(&model->tables->label_space[space]) == 0)
		return;
	if (label_space_create(model->tables, model->heap, space) != 0) {
		model_complain(model, "label space %u is not in the tables: no memory", space);
		return;
	}
	for (uint32_t label = LABEL_FIRST_FREE; label < LABEL_COUNT; label++) {
		uint64_t word = staged != NULL ? staged[label] : 0;
		uint64_t found = label_get(model->tables, space, label);
		if (found == word)
			continue;
		if (found == 0 && label_clear(model, space, label) != 0)
			model_complain(model, "label %u: counts from before: no memory", label);
		label_set(model->tables, space, label, word);
	}
	free(staged);
	model->staged[space] = NULL;
}

void label_settle(struct model *model)
{
	for (unsigned int space = 0; space < LABEL_SPACE_MAX; space++)
		settle_space(model, space);
}
