/* SPDX-License-Identifier: BSD-3-Clause
 *
 * row.c: rows of the interface table: which are handed out, and which one an interface had before a
 * restart. Tunnels have many: theirs are found by name and handed out without a search.
 */
#include <stdlib.h>
#include "dataplane/shm/tunnel.h"
#include "model.h"
#include "row.h"

struct row_name { /* a tunnel's row that was found in the tables */
	char name[NAME_SIZE];
	uint32_t index;
	UT_hash_handle hh;
};

static bool is_tunnel(enum interface_kind kind)
{
	return kind == INTERFACE_TUNNEL || kind == INTERFACE_PSEUDOWIRE;
}

static enum interface_kind kind_of(const struct interface *row)
{
	return (enum interface_kind)(word_load(&row->flags) >> INTERFACE_KIND_SHIFT & 0xf);
}

/* ---------------------------------------------------------------- free rows */

static void give_back(struct model *model, uint32_t index)
{
	model->row[index] = ROW_FREE;
	if (index < INTERFACE_FIRST_TUNNEL)
		return;
	uint32_t at = (model->tunnel_oldest + model->tunnel_rows++) % TUNNEL_MAX;
	model->tunnel_row[at].index = index;
	model->tunnel_row[at].since = model_now(model);
}

/* The data plane's sequence numbers stand with the row's counters: a new tunnel whose packets came there
 * before they are out of date would be taken for the old one, and its numbers refused. */
static bool rested(const struct model *model)
{
	uint64_t since = model->tunnel_row[model->tunnel_oldest].since;

	return model->tunnel_rows > 0 &&
	       model_now(model) - since > TUNNEL_SEQUENCE_RESTART * 1000000000ull;
}

static uint32_t take_oldest(struct model *model)
{
	uint32_t index = model->tunnel_row[model->tunnel_oldest].index;

	model->tunnel_oldest = (model->tunnel_oldest + 1) % TUNNEL_MAX;
	model->tunnel_rows--;
	return index;
}

/* No worker looks at the row any more, nor at what it names. */
static void row_released(void *context, uint64_t index)
{
	struct model *model = context;
	struct interface *row = &model->tables->interface[index];
	uint64_t object = word_load(&row->object);

	if (model->row[index] != ROW_WAITING)
		return;
	if (index >= INTERFACE_FIRST_TUNNEL && object != 0) {
		word_store(&row->object, 0);
		heap_free(model->heap, object, sizeof(struct tunnel));
	}
	give_back(model, (uint32_t)index);
}

void row_wait(struct model *model, uint32_t index)
{
	model->row[index] = ROW_WAITING;
	heap_defer(model->heap, row_released, model, index);
}

void row_abandon(struct model *model, uint32_t index)
{
	if (word_load(&model->tables->interface[index].flags) & INTERFACE_VALID)
		model->row[index] = ROW_FOUND;
	else
		give_back(model, index);
}

/* ---------------------------------------------------------------- taking one */

/* A tunnel's: its own, one that was given back long ago, a new one, or any that was given back. A row is handed out once, so that
 * one of those that were given back need not be looked for among them. */
static int take_tunnel_row(struct model *model, enum interface_kind kind, const char *name,
			   uint32_t *index)
{
	struct row_name *found = NULL;

	if (!model->settled)
		HASH_FIND_STR(model->row_names, name, found);
	if (found != NULL && model->row[found->index] == ROW_FOUND &&
	    kind_of(&model->tables->interface[found->index]) == kind) {
		*index = found->index;
	} else if (rested(model)) {
		*index = take_oldest(model);
	} else if (tables_interface_end(model->tables) < INTERFACE_MAX) {
		*index = tables_interface_end(model->tables);
		word_store(&model->tables->control.interface_used, *index + 1);
	} else if (model->tunnel_rows > 0) {
		*index = take_oldest(model);
	} else {
		return -ENOSPC;
	}
	return 0;
}

/* A row that a reader may still hold, of an earlier interface, is not FREE but WAITING. */
static int take_row(const struct model *model, enum interface_kind kind, const char *name,
		    const struct interface_object *parent,
		    const struct interface_settings *settings, uint32_t *index)
{
	uint32_t first = kind == INTERFACE_PORT ? 0 : PORT_MAX;
	uint32_t end = kind == INTERFACE_PORT ? PORT_MAX : INTERFACE_FIRST_TUNNEL;

	for (uint32_t i = first; i < end && !model->settled; i++) {
		const struct interface *row = &model->tables->interface[i];
		if (model->row[i] == ROW_FOUND && strncmp(row->name, name, NAME_SIZE) == 0 &&
		    kind_of(row) == kind && row->outer_tag == settings->outer_tag &&
		    row->inner_tag == settings->inner_tag &&
		    row->parent == (parent != NULL ? parent->index : 0)) {
			*index = i;
			return 0;
		}
	}
	for (uint32_t i = first; i < end; i++) {
		if (model->row[i] == ROW_FREE) {
			*index = i;
			return 0;
		}
	}
	return -ENOSPC;
}

int row_take(struct model *model, enum interface_kind kind, const char *name,
	     const struct interface_object *parent, const struct interface_settings *settings,
	     uint32_t *index)
{
	if (is_tunnel(kind))
		return when_full_again(model, take_tunnel_row(model, kind, name, index));
	return when_full_again(model, take_row(model, kind, name, parent, settings, index));
}

unsigned int row_capacity(enum interface_kind kind)
{
	if (is_tunnel(kind))
		return TUNNEL_MAX;
	return kind == INTERFACE_PORT ? PORT_MAX : INTERFACE_FIRST_TUNNEL - PORT_MAX;
}

/* ---------------------------------------------------------------- restart */

static int remember_name(struct model *model, uint32_t index, const struct interface *row)
{
	struct row_name *name = calloc(1, sizeof(*name)), *other;

	if (name == NULL)
		return -ENOMEM;
	memcpy(name->name, row->name, NAME_SIZE);
	name->index = index;
	HASH_FIND_STR(model->row_names, name->name, other);
	if (other != NULL)
		free(name); /* only a death leaves two: the second is swept */
	else
		HASH_ADD_STR(model->row_names, name, name);
	return 0;
}

/* Rows that are valid are taken over by name; of the others, those that ever had a name may still
 * be in some worker's hands. */
int rows_load(struct model *model)
{
	uint32_t end = tables_interface_end(model->tables);
	int result = 0;

	for (uint32_t i = 0; i < end && result == 0; i++) {
		const struct interface *row = &model->tables->interface[i];
		if (word_load(&row->flags) & INTERFACE_VALID) {
			model->row[i] = ROW_FOUND;
			if (i >= INTERFACE_FIRST_TUNNEL)
				result = remember_name(model, i, row);
		} else if (row->name[0] != 0) {
			row_wait(model, i);
		} else if (i >= INTERFACE_FIRST_TUNNEL) {
			give_back(model, i);
		}
	}
	return result;
}

void rows_forget_names(struct model *model)
{
	struct row_name *name, *next;

	HASH_ITER(hh, model->row_names, name, next)
	{
		HASH_DEL(model->row_names, name);
		free(name);
	}
}

void rows_sweep(struct model *model)
{
	uint32_t end = tables_interface_end(model->tables);

	rows_forget_names(model);
	for (uint32_t i = 0; i < end; i++)
		if (model->row[i] == ROW_FOUND)
			interface_unlink_row(model, i);
}
