/* SPDX-License-Identifier: BSD-3-Clause
 *
 * counters.c: counting from zero again: baselines, since the counters themselves are the data
 * plane's.
 */
#include "model.h"

int label_clear(struct model *model, unsigned int space, uint32_t label)
{
	return label_baseline_set(model->tables, model->heap, model->state, space, label);
}

static int clear_labels(struct model *model)
{
	int result = 0;

	for (unsigned int space = 0; space < LABEL_SPACE_MAX && result == 0; space++) {
		if (word_load(&model->tables->label_space[space]) == 0)
			continue;
		for (uint32_t label = 0; label < LABEL_COUNT && result == 0; label++)
			if (label_get(model->tables, space, label) != 0)
				result = label_clear(model, space, label);
	}
	return result;
}

/* All, labels included; or one interface's by name. */
static int counters_clear(struct model *model, const struct arguments *arguments,
			  struct error *error)
{
	bool all = !argument_present(arguments, SHOW_NAME);
	const struct interface_object *only = NULL;
	int result = 0;

	if (!model->settled)
		return 0;
	if (!all) {
		only = interface_get(model, arguments->value[SHOW_NAME].string, error);
		if (only == NULL)
			return -ENOENT;
	}
	for (uint32_t i = 0; i < INTERFACE_MAX && result == 0; i++)
		if (model->interface[i] != NULL && (all || only == model->interface[i]))
			result =
				interface_baseline_set(model->tables, model->heap, i, model->state);
	if (result == 0 && all)
		result = clear_labels(model);
	return result == 0 ? 0 : refuse_full(model, error, "counter baseline", 0, 1);
}

const struct handler counters_clear_handler = { counters_clear, NULL };

static int runtime_clear(struct model *model, const struct arguments *arguments,
			 struct error *error)
{
	(void)arguments;
	if (!model->settled || runtime_baseline_set(model->tables, model->heap, model->state) == 0)
		return 0;
	return refuse_full(model, error, "runtime baseline", 0, 1);
}

const struct handler runtime_clear_handler = { runtime_clear, NULL };
