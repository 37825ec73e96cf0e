/* SPDX-License-Identifier: BSD-3-Clause
 *
 * row.h: handing out rows of the interface table.
 */
#ifndef SHUNT_OBJECT_ROW_H
#define SHUNT_OBJECT_ROW_H

#include "model.h"

/* A row for a new interface: during replay the one that it had before, by kind, name, tags and
 * parent. A tunnel's counts as handed out from now on, as the data plane is told. -ENOSPC. */
int row_take(struct model *model, enum interface_kind kind, const char *name,
	     const struct interface_object *parent, const struct interface_settings *settings,
	     uint32_t *index);
/* It was not used after all. */
void row_abandon(struct model *model, uint32_t index);
/* It is not valid any more: free after a grace period, and what it names. */
void row_wait(struct model *model, uint32_t index);
/* How many interfaces of a kind there may be. */
unsigned int row_capacity(enum interface_kind kind);

/* At the start: which rows are in use, or may be in some worker's hands. -ENOMEM */
int rows_load(struct model *model);
/* Settle: those that were found and that nobody took. */
void rows_sweep(struct model *model);
/* Part of that; and at the end. */
void rows_forget_names(struct model *model);

#endif
