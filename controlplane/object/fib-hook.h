/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fib-hook.h: what neighbours tell the route tables.
 *
 * neigh-dynamic.c has a weak definition that does nothing, for programs without route tables.
 */
#ifndef SHUNT_OBJECT_FIB_HOOK_H
#define SHUNT_OBJECT_FIB_HOOK_H

#include <stdbool.h>

struct model;
struct neighbour_object;

/* A neighbour's link-layer address has become known (it can be sent to: a host route by it may
 * stand in the tables), or is known no more (its host route must go, ROUTE_GLEAN answers again).
 * Called once per change; a change of MAC is none: nexthops get their new rewrite by themselves.
 * The callee may acquire and release nexthops by the neighbour; the caller keeps the neighbour
 * alive. Called with model->settled only: model_settle calls it for each neighbour that is known
 * then. Not called for one that goes together with its interface's row. */
void fib_neighbour_changed(struct model *model, struct neighbour_object *neighbour, bool known);

#endif
