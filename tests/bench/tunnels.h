/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnels.h: the tunnels of bench-pipeline, from 10.x.y.z to 192.0.2.1.
 */
#ifndef SHUNT_BENCH_TUNNELS_H
#define SHUNT_BENCH_TUNNELS_H

#include "tests/stage/fixture.h"

/* Tunnels 0 to count - 1 with these TUNNEL_... flags (key: the number), whose underlay is one of
 * `nexthops` each in turn. */
void bench_tunnels(struct fixture *fixture, unsigned int count, uint32_t flags,
		   const uint32_t *nexthops, unsigned int nexthop_count);

/* A nexthop by tunnel `number`: made once each. */
uint32_t bench_tunnel_nexthop(struct fixture *fixture, unsigned int number);

/* Outer headers of a packet that comes by tunnel `number`, of `type` inside, which stands behind them
 * already, `length` bytes. Returns their bytes: bench_outer_length. */
unsigned int bench_outer_length(uint32_t flags);
void bench_outer(uint8_t *at, unsigned int number, uint32_t flags, uint16_t type,
		 unsigned int length);

#endif
