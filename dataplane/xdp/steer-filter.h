/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer-filter.h: a published filter as the program in the driver asks it.
 *
 * It is the very filter: the same classes, rows and decisions in another place. What differs is that
 * addresses have no trie there, but the ranges that it makes. So a list that changes makes another one.
 */
#ifndef SHUNT_XDP_STEER_FILTER_H
#define SHUNT_XDP_STEER_FILTER_H

#include "dataplane/shm/filter.h"
#include "dataplane/xdp/steer-map.h"

/* Fill `steer` (but for its bank) from a published filter, for an interface with this MAC (as struct
 * interface has it). Returns XDP_FILTER_PUSHED, or why it cannot be there. The caller's epoch row is
 * online; one thread at a time. */
enum xdp_filter steer_compile(const struct tables *tables, const struct filter *filter, uint64_t mac,
			      struct steer_filter *steer);

#endif
