/* SPDX-License-Identifier: BSD-3-Clause
 *
 * routes.h: routing tables with prefixes of the lengths that the Internet's have, and addresses below them.
 */
#ifndef SHUNT_BENCH_ROUTES_H
#define SHUNT_BENCH_ROUTES_H

#include <stdbool.h>
#include <stdint.h>

/* 64 bits, the same for the same number. */
uint64_t bench_random(uint64_t number);

/* An IPv4 header with TTL 64, total length 40 and a right checksum. */
void bench_ip4_header(uint8_t *header, uint32_t destination);

/* Prefix `number`, always the same, host bits 0; returns its length: 16 to 24 bits (3 of 5 are /24) of
 * unicast IPv4, or 29 to 48 (nearly half are /48, most of them below a /32) of 2000::/3. */
unsigned int bench_prefix(bool ip6, uint32_t number, uint8_t prefix[16]);

/* An address below prefix `number`, host bits as `seed` says. Writes 4 or 16 bytes. */
void bench_address(bool ip6, uint32_t number, uint32_t seed, uint8_t *address);

#endif
