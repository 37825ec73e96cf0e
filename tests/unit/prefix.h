/* SPDX-License-Identifier: BSD-3-Clause
 *
 * prefix.h: addresses and prefixes as numbers, for tests of the tries. Left-aligned in 128 bits: an
 * IPv4 address is the upper 32.
 */
#ifndef TESTS_UNIT_PREFIX_H
#define TESTS_UNIT_PREFIX_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

typedef unsigned __int128 address_bits; /* no standard name for it */

struct prefix {
	address_bits bits;
	unsigned int length;
	uint32_t value;
};

static inline address_bits prefix_mask(unsigned int length)
{
	return length == 0 ? 0 : ~(address_bits)0 << (128 - length);
}

/* The last address of a prefix; for IPv4 its lower 96 bits are ones too, which nobody looks at. */
static inline address_bits prefix_last(const struct prefix *prefix)
{
	return prefix->bits | ~prefix_mask(prefix->length);
}

static inline void address_bytes(address_bits bits, uint8_t bytes[16])
{
	uint64_t high = htobe64((uint64_t)(bits >> 64)), low = htobe64((uint64_t)bits);

	memcpy(bytes, &high, 8);
	memcpy(bytes + 8, &low, 8);
}

static inline address_bits address_of_bytes(const uint8_t *bytes, unsigned int size)
{
	address_bits bits = 0;

	for (unsigned int i = 0; i < size; i++)
		bits |= (address_bits)bytes[i] << (120 - 8 * i);
	return bits;
}

static inline uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state * 0x2545f4914f6cdd1dull;
}

#endif
