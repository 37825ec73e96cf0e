/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table.h: how the control plane writes labels, nexthops, groups, interfaces and ports.
 *
 * Everything here is for the control plane alone (the data plane reads with the inline functions of
 * layout.h and the stages' own lookups). Nothing here knows names, users or text: callers have
 * validated. Functions return 0 or a negative errno and change nothing when they fail.
 */
#ifndef SHUNT_SHM_TABLE_H
#define SHUNT_SHM_TABLE_H

#include <stddef.h>
#include "heap.h"

/* Make label space `space` (its ILM with labels 0 to 15 as LABEL_SPECIAL). 0 if it is there already.
 * -ENOSPC. */
int label_space_create(struct tables *tables, struct heap *heap, unsigned int space);
/* Unlink an empty or full space; its labels are unknown from then on. */
void label_space_destroy(struct tables *tables, struct heap *heap, unsigned int space);

/* A label's word; 0 when the space is not there. Anybody. */
static inline uint64_t label_get(const struct tables *tables, unsigned int space, uint32_t label)
{
	uint64_t offset = word_load(&tables->label_space[space]);
	if (offset == 0)
		return 0;
	return word_load((const _Atomic uint64_t *)tables_object(tables, offset) + label);
}

/* Publish a label's word (0 removes it). The space must be there. Returns whether it differed. */
bool label_set(struct tables *tables, unsigned int space, uint32_t label, uint64_t entry);

/* From now on, a label's totals read as 0. The baseline array is made when first needed. -ENOSPC; -EINVAL: no
 * such label. */
int label_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
		       unsigned int space, uint32_t label);

/* A label's totals over all workers, less its baseline. `state` NULL gives zeros. Anybody. */
void label_counters(const struct tables *tables, const struct state *state, unsigned int space,
		    uint32_t label, uint64_t *packets, uint64_t *bytes);

/* What the workers counted for a bridge's group, or a group's source, less its baseline. Zeros: `state` is
 * NULL, or the counter 0 or none that there is. Anybody. */
void multicast_counters(const struct tables *tables, const struct state *state, uint32_t counter,
			uint64_t *packets, uint64_t *bytes);

/* From now on its totals read as 0. The baseline array is made when first needed. -ENOSPC; -EINVAL: no such
 * counter. */
int multicast_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
			   uint32_t counter);

/* Nexthop indexes: private free list in the process, rebuilt on restart from the words. */
struct nexthop_pool;
struct nexthop_pool *nexthop_pool_new(struct tables *tables, struct heap *heap);
void nexthop_pool_delete(struct nexthop_pool *pool);

/* A new index with this rewrite (copied into the heap). *index is set. -ENOSPC. */
int nexthop_add(struct nexthop_pool *pool, enum nexthop_kind kind, const struct rewrite *rewrite,
		uint32_t *index);
/* Give the index another rewrite: one store. Nothing is stored when it is the same. -ENOSPC. */
int nexthop_set(struct nexthop_pool *pool, uint32_t index, enum nexthop_kind kind,
		const struct rewrite *rewrite);
/* Nothing refers to it any more: word to FREE now, index and rewrite reused after a grace period. */
void nexthop_remove(struct nexthop_pool *pool, uint32_t index);

/* Group indexes and buckets. Members' weights are spread over the buckets so that a change of members
 * moves only the buckets it must: with equal weights, removing one of n moves 1/n. A new group may begin
 * `like` another one (an index, 0: none): members of both have the same buckets in both, as far as their
 * shares let them. */
int group_add_like(struct nexthop_pool *pool, const struct group_members *members, uint32_t like,
		   uint32_t *index);
static inline int group_add(struct nexthop_pool *pool, const struct group_members *members,
			    uint32_t *index)
{
	return group_add_like(pool, members, 0, index);
}
int group_set(struct nexthop_pool *pool, uint32_t index, const struct group_members *members);
void group_remove(struct nexthop_pool *pool, uint32_t index);
/* Undo the group_add of a group that no label word ever named: its index is free at once. */
void group_cancel(struct nexthop_pool *pool, uint32_t index);

/* Restart: claim from the heap what the label spaces, nexthops, groups, ports and baselines refer to.
 * Then the hashes claim theirs (hash_claim), then heap_claimed. -EINVAL: the tables are corrupt. */
int tables_claim(struct tables *tables, struct heap *heap);
/* Part of it: bridges, their ports and domains. */
int tables_claim_bridges(struct tables *tables, struct heap *heap);

/* Publish the wish of a port row (NULL: no port). */
int port_wish_set(struct tables *tables, struct heap *heap, unsigned int port,
		  const struct port_wish *wish);

/* The condition's name as users see it, or "unknown" for a number that is none. Anybody. */
const char *port_condition_name(uint32_t condition);

/* A consistent copy of a port's status. -EAGAIN: it kept changing, or its writer died in the middle. */
int port_status_copy(const struct state *state, unsigned int port, struct port_status *copy);

/* An interface's flags, 0 if there is none; its name is copied, or "". Anybody. */
uint64_t tables_interface(const struct tables *tables, uint32_t index, char name[NAME_SIZE]);
/* Interface rows from here on were never in use. Anybody. */
uint32_t tables_interface_end(const struct tables *tables);

/* Sum of one interface's counters over all workers, less the interface's baseline. Plain numbers in the
 * order of struct interface_counters. */
struct interface_totals {
	uint64_t value[sizeof(struct interface_counters) / sizeof(uint64_t)];
};
#define TOTAL(totals, member)                                                                      \
	((totals)->value[offsetof(struct interface_counters, member) / sizeof(uint64_t)])
void interface_totals(const struct tables *tables, const struct state *state,
		      unsigned int interface, struct interface_totals *totals);
/* Clear, or reuse of the row: totals count from here. -ENOSPC */
int interface_baseline_set(struct tables *tables, struct heap *heap, unsigned int interface,
			   const struct state *state);

/* What a worker counted of a stage (struct stage_counters), less the baseline. */
struct stage_totals {
	uint64_t calls, packets, cycles;
};
/* Worker below state->control.worker_count and WORKER_MAX, stage below STAGE_COUNT. Anybody. */
void stage_totals(const struct tables *tables, const struct state *state, unsigned int worker,
		  unsigned int stage, struct stage_totals *totals);
/* From now on the totals of all stages read as 0. `state` NULL: there is nothing yet. -ENOSPC */
int runtime_baseline_set(struct tables *tables, struct heap *heap, const struct state *state);

#endif
