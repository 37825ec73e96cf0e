/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include "cli/top.h"

void top_source_begin(struct top_source *source, const struct region_place *place)
{
	memset(source, 0, sizeof(*source));
	source->place = *place;
	source->tables.fd = source->state.fd = -1;
}

/* The file of this kind as it is now: what is mapped already, or the one that took its place. A file
 * that vanished is no longer of interest: nobody counts in it. */
static int refresh(struct top_source *source, struct region *region, enum region_kind kind,
		   char reason[REGION_ERROR_SIZE])
{
	struct region found = { .fd = -1 };

	if (region->base && region_is_current(region, &source->place))
		return 0;
	int code = region_attach(&found, &source->place, kind, reason);
	region_close(region);
	if (code != 0)
		return code;
	*region = found;
	source->mapped++;
	return 0;
}

int top_source_refresh(struct top_source *source)
{
	char ignored[REGION_ERROR_SIZE];
	int code;

	source->reason[0] = '\0';
	code = refresh(source, &source->tables, REGION_TABLES, source->reason);
	refresh(source, &source->state, REGION_STATE, ignored);
	source->view = (struct view){
		.tables = source->tables.base,
		.state = source->tables.base ? source->state.base : NULL,
		.tables_region = &source->tables,
		.state_region = &source->state,
	};
	source->controlplane = source->tables.base && region_owner_alive(&source->tables);
	source->dataplane = source->state.base && region_owner_alive(&source->state);
	return code;
}

void top_source_end(struct top_source *source)
{
	region_close(&source->tables);
	region_close(&source->state);
}
