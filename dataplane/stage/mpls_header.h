/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mpls_header.h: a label stack entry (RFC 3032 2.1) as a number: label 20, TC 3, S 1, TTL 8 bits.
 */
#ifndef SHUNT_MPLS_HEADER_H
#define SHUNT_MPLS_HEADER_H

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum special_label { /* RFC 3032 2.1, RFC 6790, RFC 7274 */
		     LABEL_IPV4_EXPLICIT_NULL = 0,
		     LABEL_ROUTER_ALERT = 1,
		     LABEL_IPV6_EXPLICIT_NULL = 2,
		     LABEL_IMPLICIT_NULL = 3,
		     LABEL_ENTROPY_INDICATOR = 7,
		     LABEL_GENERIC_ASSOCIATED_CHANNEL = 13,
		     LABEL_OAM_ALERT = 14,
		     LABEL_EXTENSION = 15,
};

#define LSE_BOTTOM   (1u << 8)
#define LSE_TC_MASK  (7u << 9)
#define LSE_TTL_MASK 0xffu

static inline uint32_t lse_load(const uint8_t *at)
{
	uint32_t word;
	memcpy(&word, at, sizeof(word));
	return rte_be_to_cpu_32(word);
}

static inline void lse_store(uint8_t *at, uint32_t word)
{
	word = rte_cpu_to_be_32(word);
	memcpy(at, &word, sizeof(word));
}

static inline uint32_t lse_label(uint32_t word)
{
	return word >> 12;
}

static inline uint32_t lse_ttl(uint32_t word)
{
	return word & LSE_TTL_MASK;
}

static inline bool lse_is_bottom(uint32_t word)
{
	return (word & LSE_BOTTOM) != 0;
}

#endif
