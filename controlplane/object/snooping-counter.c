/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-counter.c: which counter of the workers' an entry of a group, or of a group's source, has.
 *
 * Which are in use stands in the entries alone. One that an entry had is another's after a grace period, with
 * a baseline: no worker counts for the old one any more.
 */
#include "controlplane/object/snooping.h"

static void released(void *context, uint64_t counter)
{
	struct snooping *snooping = ((struct model *)context)->snooping;

	snooping->free_counter[snooping->free_counters++] = (uint32_t)counter;
}

void snooping_counter_release(struct model *model, uint32_t counter)
{
	if (counter != 0 && counter < MULTICAST_COUNTERS)
		heap_defer(model->heap, released, model, counter);
}

uint32_t snooping_counter_take(struct model *model)
{
	struct snooping *snooping = model->snooping;

	if (snooping->free_counters == 0)
		return 0;
	uint32_t counter = snooping->free_counter[snooping->free_counters - 1];
	if (multicast_baseline_set(model->tables, model->heap, model->state, counter) != 0)
		return 0;
	snooping->free_counters--;
	return counter;
}

static void mark(bool *used, uint32_t counter)
{
	if (counter < MULTICAST_COUNTERS)
		used[counter] = true;
}

static void mark_group(void *context, const void *entry)
{
	mark(context, ((const struct group_entry *)entry)->counter);
}

static void mark_source(void *context, const void *entry)
{
	mark(context, ((const struct group_source_entry *)entry)->counter);
}

void snooping_counters_find(struct model *model)
{
	struct snooping *snooping = model->snooping;
	static bool used[MULTICAST_COUNTERS];

	memset(used, 0, sizeof(used));
	hash_walk(model->tables, HASH_GROUP, mark_group, used);
	hash_walk(model->tables, HASH_GROUP_SOURCE, mark_source, used);
	snooping->free_counters = 0;
	for (uint32_t counter = MULTICAST_COUNTERS - 1; counter > 0; counter--) /* lowest last */
		if (!used[counter])
			snooping->free_counter[snooping->free_counters++] = counter;
}
