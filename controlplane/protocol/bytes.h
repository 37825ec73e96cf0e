/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bytes.h: numbers in network order at any place, and the Internet checksum (RFC 1071).
 */
#ifndef SHUNT_PROTOCOL_BYTES_H
#define SHUNT_PROTOCOL_BYTES_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t load16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t load32(const uint8_t *at)
{
	return (uint32_t)load16(at) << 16 | load16(at + 2);
}

static inline void store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline void store32(uint8_t *at, uint32_t value)
{
	store16(at, value >> 16);
	store16(at + 2, value);
}

/* Add `length` bytes, at most 64 KiB, to a sum that began as 0; only the last piece may be odd. */
static inline uint32_t sum_add(uint32_t sum, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += load16(bytes + i);
	if (length % 2 != 0)
		sum += (uint32_t)bytes[length - 1] << 8;
	return (sum & 0xffff) + (sum >> 16);
}

/* What stands in a checksum field; 0 when the sum had the right checksum in it. */
static inline uint16_t sum_end(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline uint16_t checksum(const uint8_t *bytes, size_t length)
{
	return sum_end(sum_add(0, bytes, length));
}

/* Checksum of an ICMPv6 message under its pseudo-header. `addresses`: source and destination, 32
 * bytes. RFC 8200 8.1 */
static inline uint16_t icmp6_checksum(const uint8_t *addresses, const uint8_t *message,
				      size_t length)
{
	return sum_end(sum_add(sum_add((uint32_t)length + 58, addresses, 32), message, length));
}

#endif
