/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filters.h: filters of the benchmarks, and packets that meet their rules.
 *
 * Ports: each rule is one TCP or UDP port. 5-tuple: protocol, source and destination prefix (one in ten is
 * any), destination port, or 101 of them in one rule of four.
 */
#ifndef SHUNT_BENCH_FILTERS_H
#define SHUNT_BENCH_FILTERS_H

#include "dataplane/shm/filter-build.h"
#include "tests/stage/fixture.h"

enum { BENCH_FILTER = 1 /* its number */ };

/* Counters, and the prefixes that rules may name. Returns the addresses; exits if it fails. */
struct filter_addresses *bench_filters_start(struct fixture *fixture);

/* `count` rules (1 to FILTER_RULE_MAX) that permit, as is the default, built and published; the first asks for
 * the sources of element `list`, if that is not 0. Returns how many milliseconds it took. */
double bench_filter(struct fixture *fixture, uint32_t count, bool tuple, uint32_t list);

/* IPv4 header and 8 bytes behind it of a packet that meets rule `number`, another one for each `seed`. */
void bench_filter_packet(uint8_t *header, uint32_t number, uint32_t seed);

#endif
