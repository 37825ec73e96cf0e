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

int offline_show(const struct session *session, const struct arguments *arguments, json_t **result,
		 struct error *error)
{
	struct region tables = { .fd = -1 }, state = { .fd = -1 };
	struct view view = { 0 };
	char reason[REGION_ERROR_SIZE];
	int code;

	*result = NULL;
	code = region_attach(&tables, &session->place, REGION_TABLES, reason);
	if (code != 0)
		return error_set(
			error, ERROR_REFUSED, -code,
			"the control plane of instance %s %s, and there are no tables to read: %s",
			session->place.instance, state_of(session), reason);
	view.tables = tables.base;
	view.tables_region = &tables;
	view.state_region = &state;
	bool attached = region_attach(&state, &session->place, REGION_STATE, reason) == 0;
	if (attached && region_owner_alive(&state)) /* as the control plane has it */
		view.state = state.base;
	*result = view_show(&view, arguments, error);
	if (attached)
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
