/* SPDX-License-Identifier: BSD-3-Clause
 *
 * group.c: nexthop groups with resilient buckets.
 *
 * A member's share of the buckets is its weight's share, rounded up or down. Which way, and which
 * buckets, is decided so that as few as possible change their member: a member keeps what it has
 * within its two roundings, gives away what is over, and takes buckets that nobody has.
 */
#include <errno.h>
#include <string.h>
#include "nexthop-pool.h"

enum { UNOWNED = -1 };

struct share {
	uint64_t ideal; /* weight times GROUP_BUCKETS; divided by the weights' sum it is buckets */
	uint32_t least; /* ideal rounded down */
	uint32_t most;  /* ideal rounded up */
	uint32_t has;
	uint32_t target;
};

struct plan {
	uint32_t count;
	uint64_t weights; /* sum */
	struct share share[GROUP_MEMBER_MAX];
	int owner[GROUP_BUCKETS]; /* member, or UNOWNED */
};

static int check_members(const struct group_members *members)
{
	if (members->count == 0 || members->count > GROUP_MEMBER_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < members->count; i++)
		if (members->member[i].weight == 0 || members->member[i].nexthop == NEXTHOP_NONE ||
		    members->member[i].nexthop >= NEXTHOP_MAX)
			return -EINVAL;
	return 0;
}

/* What each member should have and, by the buckets of `before` (NULL: none), what it has. */
static void plan_shares(struct plan *plan, const struct group_members *members,
			const struct nexthop_group *before)
{
	*plan = (struct plan){ .count = members->count };
	for (uint32_t i = 0; i < members->count; i++)
		plan->weights += members->member[i].weight;
	for (uint32_t i = 0; i < members->count; i++) {
		struct share *share = &plan->share[i];
		share->ideal = (uint64_t)members->member[i].weight * GROUP_BUCKETS;
		share->least = (uint32_t)(share->ideal / plan->weights);
		share->most = share->least + (share->ideal % plan->weights != 0);
	}
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		plan->owner[b] = UNOWNED;
		if (before == NULL)
			continue;
		uint32_t nexthop = atomic_load_explicit(&before->bucket[b], memory_order_relaxed);
		for (uint32_t i = 0; i < plan->count && plan->owner[b] == UNOWNED; i++)
			if (members->member[i].nexthop == nexthop)
				plan->owner[b] = (int)i;
		if (plan->owner[b] != UNOWNED)
			plan->share[plan->owner[b]].has++;
	}
}

/* How far the member's target is below its ideal (above: negative), in units of 1/weights buckets.
 */
static int64_t lack(const struct plan *plan, const struct share *share)
{
	return (int64_t)share->ideal - (int64_t)(share->target * plan->weights);
}

/* The member that one bucket more (or one less) brings nearest to its ideal, within its roundings.
 */
static struct share *nearest(struct plan *plan, bool more)
{
	struct share *best = NULL;

	for (uint32_t i = 0; i < plan->count; i++) {
		struct share *share = &plan->share[i];
		if (more ? share->target >= share->most : share->target <= share->least)
			continue;
		if (best == NULL || (more ? lack(plan, share) > lack(plan, best)
					  : lack(plan, share) < lack(plan, best)))
			best = share;
	}
	return best;
}

/* Targets that add up to all buckets and are as near as can be to what the members have. */
static void plan_targets(struct plan *plan)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < plan->count; i++) {
		struct share *share = &plan->share[i];
		share->target = share->has < share->least  ? share->least
				: share->has > share->most ? share->most
							   : share->has;
		sum += share->target;
	}
	/* the least add up to no more than all buckets, the most to no less: both loops end */
	for (; sum < GROUP_BUCKETS; sum++)
		nearest(plan, true)->target++;
	for (; sum > GROUP_BUCKETS; sum--)
		nearest(plan, false)->target--;
}

/* Take away what is over, then give each bucket without an owner to the member that lacks most. */
static void plan_owners(struct plan *plan)
{
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		struct share *share =
			plan->owner[b] == UNOWNED ? NULL : &plan->share[plan->owner[b]];
		if (share != NULL && share->has > share->target) {
			share->has--;
			plan->owner[b] = UNOWNED;
		}
	}
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		uint32_t best = 0;
		if (plan->owner[b] != UNOWNED)
			continue;
		for (uint32_t i = 1; i < plan->count; i++)
			if (plan->share[i].target - plan->share[i].has >
			    plan->share[best].target - plan->share[best].has)
				best = i;
		plan->share[best].has++;
		plan->owner[b] = (int)best;
	}
}

/* Buckets that are as near as can be to those of `before`: the group's own (then one store for each
 * that moves, in place), another group's, or NULL. */
static void set_buckets(struct nexthop_group *group, const struct group_members *members,
			const struct nexthop_group *before)
{
	struct plan plan;

	plan_shares(&plan, members, before);
	plan_targets(&plan);
	plan_owners(&plan);
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++) {
		uint32_t nexthop = members->member[plan.owner[b]].nexthop;
		if (atomic_load_explicit(&group->bucket[b], memory_order_relaxed) != nexthop)
			atomic_store_explicit(&group->bucket[b], nexthop, memory_order_release);
	}
}

static void add_interface(struct group_record *record, uint32_t interface)
{
	for (uint32_t i = 0; i < record->interface_count; i++)
		if (record->interface[i] == interface)
			return;
	record->interface[record->interface_count++] = interface;
}

/* The nexthop's rewrite, or NULL if it goes nowhere. */
static const struct rewrite *rewrite_of(const struct tables *tables, uint32_t nexthop)
{
	uint64_t word = word_load(&tables->nexthop[nexthop % NEXTHOP_MAX]);

	return nexthop_kind(word) == NEXTHOP_FORWARD || nexthop_kind(word) == NEXTHOP_UNRESOLVED
		       ? nexthop_rewrite(tables, word)
		       : NULL;
}

/* The heap object's offset, or 0. Only the members in use are copied. */
static uint64_t copy_members(struct nexthop_pool *pool, const struct group_members *members)
{
	uint64_t offset = heap_allocate(pool->heap, sizeof(struct group_record));

	if (offset == 0)
		return 0;
	struct group_record *copy = heap_object(pool->heap, offset);
	copy->members.count = members->count;
	memcpy(copy->members.member, members->member, members->count * sizeof(members->member[0]));
	copy->interface_count = 0;
	for (uint32_t i = 0; i < members->count; i++) {
		const struct rewrite *rewrite =
			rewrite_of(pool->tables, members->member[i].nexthop);
		if (rewrite == NULL)
			continue;
		add_interface(copy, rewrite->interface);
		if (rewrite->backup == NEXTHOP_NONE)
			continue;
		rewrite = rewrite_of(pool->tables, rewrite->backup);
		if (rewrite != NULL)
			add_interface(copy, rewrite->interface);
	}
	return offset;
}

int group_add_like(struct nexthop_pool *pool, const struct group_members *members, uint32_t like,
		   uint32_t *index)
{
	int result = check_members(members);

	if (result != 0)
		return result;
	uint64_t offset = copy_members(pool, members);
	if (offset == 0)
		return -ENOSPC;
	uint32_t taken = index_take(pool, &pool->group);
	if (taken == 0) {
		heap_free(pool->heap, offset, sizeof(struct group_record));
		return -ENOSPC;
	}
	set_buckets(&pool->tables->group[taken], members,
		    like != 0 && like < GROUP_MAX ? &pool->tables->group[like] : NULL);
	word_store(&pool->tables->group_members[taken], offset);
	*index = taken;
	return 0;
}

static bool same_members(const struct group_members *a, const struct group_members *b)
{
	return a->count == b->count &&
	       memcmp(a->member, b->member, a->count * sizeof(a->member[0])) == 0;
}

int group_set(struct nexthop_pool *pool, uint32_t index, const struct group_members *members)
{
	int result = check_members(members);

	if (result != 0)
		return result;
	if (index == 0 || index >= GROUP_MAX)
		return -EINVAL;
	_Atomic uint64_t *word = &pool->tables->group_members[index];
	uint64_t old = word_load(word), offset = old;
	if (old == 0)
		return -EINVAL;
	if (!same_members(tables_object(pool->tables, old), members)) {
		offset = copy_members(pool, members);
		if (offset == 0)
			return -ENOSPC;
	}
	/* buckets first: who is killed in between finds the old members, sets them again and so
	 * finishes the buckets */
	set_buckets(&pool->tables->group[index], members, &pool->tables->group[index]);
	if (offset != old) {
		word_store(word, offset);
		heap_free(pool->heap, old, sizeof(struct group_record));
	}
	return 0;
}

/* False: there is no such group. */
static bool unlink_members(struct nexthop_pool *pool, uint32_t index)
{
	if (index == 0 || index >= GROUP_MAX)
		return false;
	uint64_t old = word_load(&pool->tables->group_members[index]);
	if (old == 0)
		return false;
	word_store(&pool->tables->group_members[index], 0);
	heap_free(pool->heap, old, sizeof(struct group_record));
	return true;
}

void group_remove(struct nexthop_pool *pool, uint32_t index)
{
	if (unlink_members(pool, index))
		index_give(pool, &pool->group, index);
}

void group_cancel(struct nexthop_pool *pool, uint32_t index)
{
	if (unlink_members(pool, index))
		index_give_now(&pool->group, index);
}
