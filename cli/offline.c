/* SPDX-License-Identifier: BSD-3-Clause
 *
 * offline.c: `show` without a control plane, or with one that does not answer, from the shared files
 * that outlive it.
 */
#include <errno.h>
#include <stdio.h>
#include "cli/session.h"
#include "controlplane/object/object.h"

static const char *state_of(const struct session *session)
{
	return session->unanswered ? "does not answer" : "is not running";
}

int files_open(const struct region_place *place, struct region *tables, struct region *state,
	       struct view *view, char reason[REGION_ERROR_SIZE])
{
	char ignored[REGION_ERROR_SIZE];
	int code = region_attach(tables, place, REGION_TABLES, reason);

	if (code != 0)
		return code;
	*view = (struct view){ .tables = tables->base, .tables_region = tables,
			       .state_region = state };
	if (region_attach(state, place, REGION_STATE, ignored) == 0 &&
	    region_owner_alive(state)) /* as the control plane has it */
		view->state = state->base;
	return 0;
}

int offline_show(const struct session *session, const struct arguments *arguments, json_t **result,
		 struct error *error)
{
	struct region tables, state;
	struct view view;
	char reason[REGION_ERROR_SIZE];

	*result = NULL;
	int code = files_open(&session->place, &tables, &state, &view, reason);
	if (code != 0)
		return error_set(
			error, ERROR_REFUSED, -code,
			"the control plane of instance %s %s, and there are no tables to read: %s",
			session->place.instance, state_of(session), reason);
	*result = view_show(&view, arguments, error);
	region_close(&state);
	region_close(&tables);
	if (*result) {
		if (!session->quiet)
			fprintf(stderr, "# control plane %s: read from shared memory\n",
				state_of(session));
		return 0;
	}
	return error->kind == ERROR_USAGE ? -EINVAL : -EPERM;
}
