/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_nexthop.c: the nexthops that label routes share.
 */
#include "view.h"

static json_t *build_nexthop(const struct view *view, const void *what)
{
	uint32_t index = *(const uint32_t *)what;
	enum nexthop_kind kind;
	struct rewrite rewrite;

	uint32_t references =
		view->model != NULL ? view_private(view)->references(view->model, index) : 1;
	/* without references it only waits for the end of its grace period */
	if (references == 0 || !view_rewrite(view, index, &rewrite, &kind))
		return NULL;
	json_t *object = view_path(view, index, -1);
	json_object_del(object, "nexthop");
	view_number(object, "index", index);
	view_string(object, "resolution",
		    kind == NEXTHOP_FORWARD     ? "resolved"
		    : kind == NEXTHOP_BLACKHOLE ? "blackhole"
						: "unresolved");
	json_object_set_new(
		object, "active",
		json_boolean(kind == NEXTHOP_FORWARD && view_port_live(view, rewrite.port)));
	json_object_set_new(object, "is_backup",
			    json_boolean((rewrite.flags & REWRITE_IS_BACKUP) != 0));
	view_number(object, "mtu", rewrite.mtu);
	view_string(object, "origin", "static");
	if (view->model != NULL)
		view_number(object, "references", references);
	return object;
}

json_t *view_nexthops(const struct view *view, const struct arguments *arguments,
		      struct error *error)
{
	bool one = argument_present(arguments, SHOW_NAME);
	uint64_t only = one ? arguments->value[SHOW_NAME].number : 0;
	json_t *array = json_array();

	for (uint32_t i = 1; i < NEXTHOP_MAX; i++) {
		if ((one && i != only) || word_load(&view->tables->nexthop[i]) == 0)
			continue;
		json_t *row = view_row(view, build_nexthop, &i);
		if (row != NULL)
			json_array_append_new(array, row);
	}
	if (!one || json_array_size(array) > 0)
		return array;
	json_decref(array);
	error_set(error, ERROR_REFUSED, -ENOENT, "nexthop %llu does not exist",
		  (unsigned long long)only);
	return NULL;
}
