/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nexthop-pool.h: which nexthop and group indexes are free. Private to dataplane/shm.
 */
#ifndef SHUNT_SHM_NEXTHOP_POOL_H
#define SHUNT_SHM_NEXTHOP_POOL_H

#include "table.h"

/* Free indexes of one table: those given back, and those from *used on, which nobody ever had. */
struct index_pool {
	uint32_t *given_back; /* `limit` of them */
	uint32_t count;
	uint32_t held;  /* at the array's end: found free at a restart, not yet to be used */
	uint32_t limit; /* indexes of the table */
	_Atomic uint64_t *used; /* in tables_control */
};

struct nexthop_pool {
	struct tables *tables;
	struct heap *heap;
	struct index_pool nexthop;
	struct index_pool group;
};

/* A free index, or 0: there is none, not even after ending the grace periods that are over. */
uint32_t index_take(struct nexthop_pool *pool, struct index_pool *indexes);
/* Nobody could ever find the index: it is free now. */
void index_give_now(struct index_pool *indexes, uint32_t index);
/* Nobody finds the index any more: free it after a grace period. */
void index_give(struct nexthop_pool *pool, struct index_pool *indexes, uint32_t index);

#endif
