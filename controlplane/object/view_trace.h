/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_trace.h: traced packets for readers.
 */
#ifndef SHUNT_OBJECT_VIEW_TRACE_H
#define SHUNT_OBJECT_VIEW_TRACE_H

#include "view.h"

/* What a TRACE_LOOKUP record says: its members, and all of it as "text". */
json_t *view_trace_lookup(const struct view *view, const struct trace_record *record);

#endif
