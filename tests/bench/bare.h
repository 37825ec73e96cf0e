/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bare.h: what the pipeline is compared with: the loads, the rewrite and the counters of one operation on a
 * vector, with nothing around them.
 */
#ifndef SHUNT_BENCH_BARE_H
#define SHUNT_BENCH_BARE_H

#include "tests/stage/fixture.h"

enum { EGRESS_PORTS = 4 }; /* port rows 1 to 4 */

/* What bench-pipeline has done to packets. */
enum operation {
	SWAP,
	SWAP_3,
	POP,
	PUSH_2,
	POP_IP,
	ROUTE_4,
	ROUTE_6,
	LEAVE,
	LEAVE_MPLS,
	ENTER,
	FILTER_BY_PORT, /* to one route */
	FILTER_BY_TUPLE
};

/* VECTOR_SIZE packets that arrive at port row 0, as the stages would have them; they are not sent. Operations
 * from LEAVE on have no bare loop: nothing happens. */
void bare_run(const struct fixture *fixture, struct rte_mbuf **packets, enum operation operation);

#endif
