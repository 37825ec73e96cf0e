/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nexthop.c: nexthop words, their rewrites, and the pool of indexes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "nexthop-pool.h"

void index_give_now(struct index_pool *indexes, uint32_t index)
{
	indexes->given_back[indexes->count++] = index;
}

static void release_index(void *context, uint64_t value)
{
	index_give_now(context, (uint32_t)value);
}

uint32_t index_take(struct nexthop_pool *pool, struct index_pool *indexes)
{
	uint64_t fresh = word_load(indexes->used);

	if (indexes->count == 0 && fresh >= indexes->limit)
		heap_reclaim(pool->heap);
	if (indexes->count > 0)
		return indexes->given_back[--indexes->count];
	if (fresh >= indexes->limit)
		return 0;
	/* before anybody can find the index: a control plane that restarts must not take it as
	 * fresh */
	word_store(indexes->used, fresh + 1);
	return (uint32_t)fresh;
}

void index_give(struct nexthop_pool *pool, struct index_pool *indexes, uint32_t index)
{
	heap_defer(pool->heap, release_index, indexes, index);
}

static void release_held(void *context, uint64_t value)
{
	struct index_pool *indexes = context;

	(void)value;
	for (; indexes->held > 0; indexes->held--)
		index_give_now(indexes, indexes->given_back[indexes->limit - indexes->held]);
}

/* After a restart a worker may still hold an index that the dead process had freed: one period, and
 * one wait for all of them. */
static int index_pool_fill(struct nexthop_pool *pool, struct index_pool *indexes, uint32_t limit,
			   _Atomic uint64_t *used, const _Atomic uint64_t *word)
{
	indexes->limit = limit;
	indexes->used = used;
	indexes->given_back = calloc(limit, sizeof(*indexes->given_back));
	if (indexes->given_back == NULL)
		return -ENOMEM;
	for (uint32_t i = 1; i < limit && i < word_load(used); i++)
		if (word_load(&word[i]) == 0)
			indexes->given_back[limit - ++indexes->held] = i;
	if (indexes->held > 0)
		heap_defer(pool->heap, release_held, indexes, 0);
	return 0;
}

struct nexthop_pool *nexthop_pool_new(struct tables *tables, struct heap *heap)
{
	struct nexthop_pool *pool = calloc(1, sizeof(*pool));

	if (pool == NULL)
		return NULL;
	pool->tables = tables;
	pool->heap = heap;
	if (index_pool_fill(pool, &pool->nexthop, NEXTHOP_MAX, &tables->control.nexthop_used,
			    tables->nexthop) != 0 ||
	    index_pool_fill(pool, &pool->group, GROUP_MAX, &tables->control.group_used,
			    tables->group_members) != 0) {
		nexthop_pool_delete(pool);
		return NULL;
	}
	heap_reclaim(heap);
	return pool;
}

void nexthop_pool_delete(struct nexthop_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->nexthop.given_back);
	free(pool->group.given_back);
	free(pool);
}

/* The word for a new copy of this rewrite, or 0. */
static uint64_t make_word(struct nexthop_pool *pool, enum nexthop_kind kind,
			  const struct rewrite *rewrite)
{
	uint64_t offset = heap_allocate(pool->heap, sizeof(*rewrite));

	if (offset == 0)
		return 0;
	memcpy(heap_object(pool->heap, offset), rewrite, sizeof(*rewrite));
	return nexthop_word(kind, offset);
}

int nexthop_add(struct nexthop_pool *pool, enum nexthop_kind kind, const struct rewrite *rewrite,
		uint32_t *index)
{
	if (kind == NEXTHOP_FREE || rewrite == NULL)
		return -EINVAL;
	uint32_t taken = index_take(pool, &pool->nexthop);
	if (taken == 0)
		return -ENOSPC;
	uint64_t word = make_word(pool, kind, rewrite);
	if (word == 0) {
		index_give_now(&pool->nexthop, taken);
		return -ENOSPC;
	}
	word_store(&pool->tables->nexthop[taken], word);
	*index = taken;
	return 0;
}

int nexthop_set(struct nexthop_pool *pool, uint32_t index, enum nexthop_kind kind,
		const struct rewrite *rewrite)
{
	if (index == NEXTHOP_NONE || index >= NEXTHOP_MAX || kind == NEXTHOP_FREE)
		return -EINVAL;
	uint64_t old = word_load(&pool->tables->nexthop[index]);
	if (nexthop_kind(old) == NEXTHOP_FREE)
		return -EINVAL;
	if (nexthop_kind(old) == kind &&
	    memcmp(nexthop_rewrite(pool->tables, old), rewrite, sizeof(*rewrite)) == 0)
		return 0;
	uint64_t word = make_word(pool, kind, rewrite);
	if (word == 0)
		return -ENOSPC;
	word_store(&pool->tables->nexthop[index], word);
	heap_free(pool->heap, old & NEXTHOP_OFFSET_MASK, sizeof(*rewrite));
	return 0;
}

void nexthop_remove(struct nexthop_pool *pool, uint32_t index)
{
	if (index == NEXTHOP_NONE || index >= NEXTHOP_MAX)
		return;
	uint64_t old = word_load(&pool->tables->nexthop[index]);
	if (nexthop_kind(old) == NEXTHOP_FREE)
		return;
	word_store(&pool->tables->nexthop[index], 0);
	heap_free(pool->heap, old & NEXTHOP_OFFSET_MASK, sizeof(struct rewrite));
	index_give(pool, &pool->nexthop, index);
}
