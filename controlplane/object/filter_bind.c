/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_bind.c: where filters decide. A place has one filter, and a filter may have many places.
 */
#include <stdio.h>
#include "controlplane/object/filter.h"

/* A place: where its filter's number is kept. */
struct place {
	uint32_t *number;
	struct interface_object *interface; /* or NULL */
	bool out;
	uint32_t vrf;
	bool local;
	char text[64];
};

const char *filter_name(const struct model *model, uint32_t number)
{
	const struct filter_object *filter =
		number < FILTER_MAX ? model->filters->filter[number] : NULL;

	return filter != NULL ? filter->name : "?";
}

static int find_place(struct model *model, const struct arguments *arguments, struct place *place,
		      struct error *error)
{
	struct filters *filters = model->filters;

	*place = (struct place){ .number = NULL };
	if (argument_present(arguments, BIND_VRF)) {
		place->vrf = (uint32_t)arguments->value[BIND_VRF].number;
		place->number = &filters->vrf[place->vrf];
		snprintf(place->text, sizeof(place->text), "vrf %u", place->vrf);
		return 0;
	}
	if (arguments->value[BIND_DIRECTION].number == BIND_LOCAL) {
		place->local = true;
		place->number = &filters->local;
		snprintf(place->text, sizeof(place->text), "local");
		return 0;
	}
	place->interface = interface_get(model, arguments->value[BIND_DEV].string, error);
	if (place->interface == NULL)
		return -ENOENT;
	place->out = arguments->value[BIND_DIRECTION].number == BIND_OUT;
	place->number = place->out ? &place->interface->filter_out : &place->interface->filter_in;
	snprintf(place->text, sizeof(place->text), "%s %s", place->out ? "out" : "in",
		 place->interface->name);
	return 0;
}

/* ---------------------------------------------------------------- the tables */

static void store(_Atomic uint64_t *word, uint64_t value)
{
	if (word_load(word) != value)
		word_store(word, value);
}

/* The number is there before the feature that has it looked at, and goes after it. */
void filter_publish_interface(struct model *model, const struct interface_object *interface)
{
	struct interface *row = &model->tables->interface[interface->index];
	uint64_t wanted = (interface->filter_in != 0 ? INTERFACE_FILTER_IN : 0) |
			  (interface->filter_out != 0 ? INTERFACE_FILTER_OUT : 0);

	if (interface->filter_in != 0)
		store(&row->filter_in, interface->filter_in);
	if (interface->filter_out != 0)
		store(&row->filter_out, interface->filter_out);
	store(&row->features,
	      (word_load(&row->features) & ~(INTERFACE_FILTER_IN | INTERFACE_FILTER_OUT)) | wanted);
	store(&row->filter_in, interface->filter_in);
	store(&row->filter_out, interface->filter_out);
}

/* Does any interface have a filter of what leaves by it? */
static bool any_out(const struct model *model)
{
	const struct interface_object *i;

	FOREACH_INTERFACE(model, i)
		if (i->filter_out != 0)
			return true;
	return false;
}

static void publish_global(struct model *model)
{
	struct filters *filters = model->filters;
	bool any = false;

	for (unsigned int vrf = 0; vrf < VRF_MAX; vrf++) {
		store(&model->tables->filter_vrf[vrf], filters->vrf[vrf]);
		any |= filters->vrf[vrf] != 0;
	}
	store(&model->tables->filter_vrfs, any);
	store(&model->tables->filter_local, filters->local);
	store(&model->tables->filter_outs, any_out(model));
}

void filter_bind_settle(struct model *model)
{
	const struct interface_object *i;

	publish_global(model);
	FOREACH_INTERFACE(model, i)
		filter_publish_interface(model, i);
}

static void publish(struct model *model, const struct place *place)
{
	if (!model->settled)
		return;
	if (place->interface != NULL)
		filter_publish_interface(model, place->interface);
	publish_global(model);
}

/* ---------------------------------------------------------------- commands */

static int bind(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct filter_object *filter =
		filter_named(model, arguments->value[BIND_FILTER].string, error);
	struct place place;

	if (filter == NULL)
		return -ENOENT;
	int result = find_place(model, arguments, &place, error);
	if (result != 0)
		return result;
	if (*place.number != 0)
		return refuse(error, -EEXIST, "%s has filter %s already: `filter unbind` it first",
			      place.text, filter_name(model, *place.number));
	/* a place whose filter is not there yet would let everything pass */
	result = filter_flush(model, filter, error);
	if (result != 0)
		return result;
	*place.number = filter->number;
	filter->bindings++;
	publish(model, &place);
	return 0;
}

static int unbind(struct model *model, const struct arguments *arguments, struct error *error)
{
	struct filter_object *filter =
		filter_named(model, arguments->value[BIND_FILTER].string, error);
	struct place place;

	if (filter == NULL)
		return -ENOENT;
	int result = find_place(model, arguments, &place, error);
	if (result != 0)
		return result;
	if (*place.number != filter->number)
		return refuse(error, -ENOENT, "filter %s is not bound to %s", filter->name,
			      place.text);
	*place.number = 0;
	filter->bindings--;
	publish(model, &place);
	return 0;
}

/* The same place the other way round: both commands are refused unless they change something. */
static int opposite(const struct model *model, const struct arguments *arguments,
		    struct arguments *undo)
{
	(void)model;
	arguments_begin(undo, arguments->command->id == COMMAND_FILTER_BIND ? COMMAND_FILTER_UNBIND
									    : COMMAND_FILTER_BIND);
	argument_string(undo, BIND_FILTER, arguments->value[BIND_FILTER].string);
	if (argument_present(arguments, BIND_DIRECTION))
		argument_number(undo, BIND_DIRECTION, arguments->value[BIND_DIRECTION].number);
	if (argument_present(arguments, BIND_DEV))
		argument_string(undo, BIND_DEV, arguments->value[BIND_DEV].string);
	if (argument_present(arguments, BIND_VRF))
		argument_number(undo, BIND_VRF, arguments->value[BIND_VRF].number);
	return 0;
}

const struct handler filter_bind_handler = { bind, opposite };
const struct handler filter_unbind_handler = { unbind, opposite };

/* ---------------------------------------------------------------- configuration */

static void begin(const struct model *model, uint32_t number, struct arguments *arguments)
{
	arguments_begin(arguments, COMMAND_FILTER_BIND);
	argument_string(arguments, BIND_FILTER, filter_name(model, number));
}

static int visit_interface(const struct model *model, const struct interface_object *interface,
			   struct arguments *arguments,
			   int (*visit)(void *context, const struct arguments *arguments),
			   void *context)
{
	const uint32_t number[2] = { interface->filter_in, interface->filter_out };
	int result = 0;

	for (unsigned int i = 0; i < 2 && result == 0; i++) {
		if (number[i] == 0)
			continue;
		begin(model, number[i], arguments);
		argument_number(arguments, BIND_DIRECTION, i == 0 ? BIND_IN : BIND_OUT);
		argument_string(arguments, BIND_DEV, interface->name);
		result = visit(context, arguments);
	}
	return result;
}

int filter_bind_configuration(const struct model *model, struct arguments *arguments,
			      int (*visit)(void *context, const struct arguments *arguments),
			      void *context)
{
	const struct interface_object *i;
	int result = 0;

	FOREACH_INTERFACE(model, i)
	{
		if (result == 0)
			result = visit_interface(model, i, arguments, visit, context);
	}
	for (unsigned int vrf = 0; vrf < VRF_MAX && result == 0; vrf++) {
		if (model->filters->vrf[vrf] == 0)
			continue;
		begin(model, model->filters->vrf[vrf], arguments);
		argument_number(arguments, BIND_VRF, vrf);
		result = visit(context, arguments);
	}
	if (result == 0 && model->filters->local != 0) {
		begin(model, model->filters->local, arguments);
		argument_number(arguments, BIND_DIRECTION, BIND_LOCAL);
		result = visit(context, arguments);
	}
	return result;
}
