/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nexthop.h: reading nexthops and groups, and choosing one whose port is up.
 */
#ifndef SHUNT_STAGE_NEXTHOP_H
#define SHUNT_STAGE_NEXTHOP_H

#include "dataplane/worker.h"

/* The rewrite of a nexthop that can be used, or NULL. */
static inline const struct rewrite *nexthop_get(const struct tables *tables, uint32_t index)
{
	uint64_t word = word_load(&tables->nexthop[index & (NEXTHOP_MAX - 1)]);
	return nexthop_kind(word) == NEXTHOP_FORWARD ? nexthop_rewrite(tables, word) : NULL;
}

/* Why a nexthop cannot send. Whatever it may have become since, the packet is dropped: what was decided
 * without its rewrite does not go with it. */
static inline enum drop_reason nexthop_trouble(const struct tables *tables, uint32_t index)
{
	switch (nexthop_kind(word_load(&tables->nexthop[index & (NEXTHOP_MAX - 1)]))) {
	case NEXTHOP_FORWARD:
		return DROP_nexthop_down;
	case NEXTHOP_UNRESOLVED:
		return DROP_nexthop_unresolved;
	case NEXTHOP_BLACKHOLE:
		return DROP_blackhole;
	default:
		return DROP_nexthop_invalid;
	}
}

/* May packets go out of this port row now? The control thread says so the moment the link goes. */
static inline bool port_is_live(const struct worker *worker, unsigned int port)
{
	return atomic_load_explicit(&worker->port_live[port], memory_order_relaxed) != 0;
}

/* Fast reroute: the backup's rewrite, if there is a backup and it can send. */
static inline const struct rewrite *nexthop_backup(const struct worker *worker, uint64_t word)
{
	if (nexthop_kind(word) != NEXTHOP_FORWARD && nexthop_kind(word) != NEXTHOP_UNRESOLVED)
		return NULL;
	uint32_t index = nexthop_rewrite(worker->tables, word)->backup;
	if (index == NEXTHOP_NONE)
		return NULL;
	const struct rewrite *backup = nexthop_get(worker->tables, index);
	return backup != NULL && port_is_live(worker, backup->port) ? backup : NULL;
}

/* The rewrite to send by now: the nexthop's own; while its port is down or its neighbour not known, its
 * backup's. NULL: neither, see nexthop_trouble. */
static inline const struct rewrite *nexthop_usable(const struct worker *worker, uint32_t index)
{
	uint64_t word = word_load(&worker->tables->nexthop[index & (NEXTHOP_MAX - 1)]);

	if (likely(nexthop_kind(word) == NEXTHOP_FORWARD)) {
		const struct rewrite *rewrite = nexthop_rewrite(worker->tables, word);
		if (likely(port_is_live(worker, rewrite->port)))
			return rewrite;
	}
	return nexthop_backup(worker, word);
}

enum { GROUP_REHASHES = 8 };
static_assert(GROUP_BUCKETS == 256, "a bucket is the top 8 bits of a hash");

/* The flow's member of a group. If that one cannot send, its flows move to the others, spread by
 * hashing again, in the end by looking at every bucket; flows of members that can send stay where they are. With no
 * member that can send, the flow's own member: the output stage says why not. */
static inline uint32_t group_choose(const struct worker *worker, uint32_t group, uint32_t hash)
{
	const struct nexthop_group *row = &worker->tables->group[group & (GROUP_MAX - 1)];
	uint32_t bucket = hash % GROUP_BUCKETS;
	uint32_t first = atomic_load_explicit(&row->bucket[bucket], memory_order_acquire);

	if (likely(nexthop_usable(worker, first) != NULL))
		return first;
	for (unsigned int i = 0; i < GROUP_REHASHES + GROUP_BUCKETS; i++) {
		hash = hash * 0x9e3779b1u + 0x7f4a7c15u;
		bucket = i < GROUP_REHASHES ? hash >> 24 : (bucket + 1) % GROUP_BUCKETS;
		uint32_t next = atomic_load_explicit(&row->bucket[bucket], memory_order_acquire);
		if (next != first && nexthop_usable(worker, next) != NULL)
			return next;
	}
	return first;
}

#endif
