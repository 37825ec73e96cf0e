/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip_header.h: what an IP header must be to be forwarded, and what forwarding changes in it.
 */
#ifndef SHUNT_IP_HEADER_H
#define SHUNT_IP_HEADER_H

#include <rte_byteorder.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
	IPV4_HEADER = 20, /* bytes without options */
	IPV6_HEADER = 40,
	IPV6_FRAGMENT = 44,
	IPV6_ICMP = 58,
};

static inline uint16_t ip_load16(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof(value));
	return rte_be_to_cpu_16(value);
}

static inline uint32_t ip_load32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return rte_be_to_cpu_32(value);
}

static inline void ip_store16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* One's complement sum of an IPv4 header of `length` bytes; 0xffff when its checksum is right. RFC 1071 */
static inline uint32_t ipv4_sum(const uint8_t *header, unsigned int length)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < length; i += 4) {
		uint32_t word;
		memcpy(&word, header + i, sizeof(word));
		sum += word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)((sum & 0xffff) + (sum >> 16));
}

/* The checksum of a header whose other fields are right. */
static inline void ipv4_set_checksum(uint8_t *header)
{
	memset(header + 10, 0, sizeof(uint16_t));
	/* the sum is in memory order, and so is its complement */
	uint16_t sum = (uint16_t)~ipv4_sum(header, (header[0] & 0xfu) * 4);
	memcpy(header + 10, &sum, sizeof(sum));
}

/* One less TTL (which is not 0), checksum mended: the sum grows by 0x0100, that is by 1 as it stands in
 * memory order. RFC 1141, RFC 1624 */
static inline void ipv4_decrement(uint8_t *header)
{
	uint32_t word; /* TTL, protocol, checksum */
	memcpy(&word, header + 8, sizeof(word));
	uint64_t sum = (uint64_t)rte_le_to_cpu_32(word) + 0x10000 - 1;

	word = rte_cpu_to_le_32((uint32_t)sum + ((uint32_t)(sum >> 32) << 16));
	memcpy(header + 8, &word, sizeof(word));
}

/* Addresses that no packet on a link may come from: this network, loopback, multicast and what is
 * above it. RFC 1812 5.3.7, RFC 6890 */
static inline bool ipv4_source_is_martian(uint32_t address)
{
	return address >> 24 == 0 || address >> 24 == 127 || address >= 0xe0000000u;
}

/* The same of a destination that is neither multicast nor broadcast. */
static inline bool ipv4_destination_is_martian(uint32_t address)
{
	return address >> 24 == 0 || address >> 24 == 127 || address >= 0xf0000000u;
}

/* fe80::/10. RFC 4291 2.5.6 */
static inline bool ipv6_is_link_local(const uint8_t *address)
{
	return (ip_load16(address) & 0xffc0) == 0xfe80;
}

/* Unspecified, loopback, IPv4-mapped and multicast sources. RFC 4291 2.5, 2.7 */
static inline bool ipv6_is_reserved(const uint8_t *address)
{
	static const uint8_t zero[16];

	return memcmp(address, zero, 10) == 0 &&
	       (memcmp(address, zero, 15) == 0 ? address[15] <= 1
					       : address[10] == 0xff && address[11] == 0xff);
}

#endif
