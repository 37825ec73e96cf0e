/* SPDX-License-Identifier: BSD-3-Clause
 *
 * group.c: shared nexthop groups: found by their members, counted by the label routes that use
 * them.
 */
#include <stdlib.h>
#include "model.h"

static void expire(void *context, uint64_t index)
{
	struct model *model = context;

	model->group_count--;
	group_remove(model->pool, (uint32_t)index);
}

static void discard(struct model *model, struct group_object *group)
{
	if (group->list == NULL)
		HASH_DEL(model->groups, group);
	model->group[group->index] = NULL;
	heap_defer(model->heap, expire, model, group->index);
	free(group);
}

/* One of a replay's groups, which only staged words named: many come and go, and no worker knew
 * them. */
static void cancel(struct model *model, struct group_object *group)
{
	HASH_DEL(model->groups, group);
	model->group[group->index] = NULL;
	model->group_count--;
	group_cancel(model->pool, group->index);
	free(group);
}

static void release_members(struct model *model, const struct group_members *members)
{
	for (uint32_t i = 0; i < members->count; i++)
		nexthop_release(model, model->nexthop[members->member[i].nexthop]);
}

void group_release(struct model *model, struct group_object *group)
{
	struct group_members members = group->members;

	if (--group->references > 0)
		return;
	if (model->settled)
		discard(model, group);
	else if (!group->found)
		cancel(model, group);
	release_members(model, &members);
}

static struct group_object *find(const struct model *model, const struct group_members *members)
{
	struct group_object *group;

	HASH_FIND(hh, model->groups, members, sizeof(*members), group);
	return group;
}

static int create(struct model *model, const struct group_members *members,
		  const struct group_object *like, struct group_object **out)
{
	struct group_object *group = calloc(1, sizeof(*group));

	if (group == NULL)
		return -ENOMEM;
	group->members = *members;
	int result = when_full_again(model,
				     group_add_like(model->pool, members,
						    like != NULL ? like->index : 0, &group->index));
	if (result != 0) {
		free(group);
		return result;
	}
	model->group[group->index] = group;
	model->group_count++;
	HASH_ADD(hh, model->groups, members, sizeof(group->members), group);
	*out = group;
	return 0;
}

int group_own(struct model *model, const struct group_members *members, struct path_list *list,
	      struct group_object **out)
{
	struct group_object *group = find(model, members);

	/* after a restart, the one that it had */
	if (group == NULL || !group->found || group->references > 0) {
		int result = create(model, members, NULL, &group);
		if (result != 0)
			return result;
	}
	HASH_DEL(model->groups, group);
	group->list = list;
	group->references = 1;
	*out = group;
	return 0;
}

/* In place: only the buckets that must move do, and flows by members that stay keep their way. */
int group_change(struct model *model, struct group_object *group,
		 const struct group_members *members)
{
	struct group_members before = group->members;
	int result = group_set(model->pool, group->index, members);

	if (result != 0)
		return result;
	if (group->list == NULL)
		HASH_DEL(model->groups, group);
	group->members = *members;
	if (group->list == NULL)
		HASH_ADD(hh, model->groups, members, sizeof(group->members), group);
	release_members(model, &before);
	return 0;
}

int group_acquire(struct model *model, const struct group_members *members,
		  struct group_object *reuse, struct group_object **out, struct error *error)
{
	struct group_object *group = find(model, members);
	int result = 0;

	if (group != NULL && group->references > 0) {
		/* its members have their references already */
		release_members(model, members);
	} else if (group == NULL && reuse != NULL && reuse->references == 1 && model->settled) {
		group = reuse;
		result = group_change(model, group, members);
	} else if (group == NULL) {
		result = create(model, members, reuse, &group);
	}
	if (result == -ENOSPC)
		return refuse_full(model, error, "nexthop group", model->group_count,
				   GROUP_MAX - 1);
	if (result != 0)
		return refuse(error, result, "nexthop group: out of memory");
	group->references++;
	*out = group;
	return 0;
}

/* ---------------------------------------------------------------- restart */

int group_load(struct model *model)
{
	for (uint32_t i = 1; i < GROUP_MAX; i++) {
		uint64_t offset = word_load(&model->tables->group_members[i]);
		if (offset == 0)
			continue;
		struct group_object *group = calloc(1, sizeof(*group));
		if (group == NULL)
			return -ENOMEM;
		group->index = i;
		group->found = true;
		memcpy(&group->members, tables_object(model->tables, offset),
		       sizeof(group->members));
		model->group[i] = group;
		model->group_count++;
		/* of two with the same members, which only a death leaves, one is found; HASH_DEL
		 * takes the right one out of the other's chain */
		HASH_ADD(hh, model->groups, members, sizeof(group->members), group);
	}
	return 0;
}

/* A process that died in the middle of group_set left buckets of other members; where everything is
 * as it should be, this stores nothing. */
void group_repair(struct model *model)
{
	for (uint32_t i = 1; i < GROUP_MAX; i++) {
		const struct group_object *group = model->group[i];
		if (group != NULL && group->references > 0 &&
		    group_set(model->pool, i, &group->members) != 0)
			model_complain(model, "nexthop group %u: its change cannot be completed",
				       i);
	}
}

void group_sweep(struct model *model)
{
	for (uint32_t i = 1; i < GROUP_MAX; i++) {
		struct group_object *group = model->group[i];
		if (group == NULL)
			continue;
		group->found = false;
		if (group->references == 0)
			discard(model, group);
	}
}
