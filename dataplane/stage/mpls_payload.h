/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mpls_payload.h: the IP header below a label stack.
 */
#ifndef SHUNT_MPLS_PAYLOAD_H
#define SHUNT_MPLS_PAYLOAD_H

#include "dataplane/worker.h"

/* Write IP's TTL and traffic class, which a pop in the uniform models hands down (RFC 3443 3.1,
 * RFC 3270 2.6.2: the class selector of the traffic class). IPv4's checksum follows (RFC 1624). */
static inline void ipv4_store(uint8_t *header, uint32_t ttl, bool set_class,
			      uint32_t class_selector)
{
	uint32_t sum = (uint16_t) ~(header[10] << 8 | header[11]);
	uint8_t tos = set_class ? (uint8_t)(class_selector | (header[1] & 3)) : header[1];

	sum += (uint16_t) ~(header[8] << 8 | header[9]) + (ttl << 8 | header[9]);
	sum += (uint16_t) ~(header[0] << 8 | header[1]) + (uint32_t)(header[0] << 8 | tos);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	header[1] = tos;
	header[8] = (uint8_t)ttl;
	header[10] = (uint8_t)(~sum >> 8);
	header[11] = (uint8_t)~sum;
}

static inline void ipv6_store(uint8_t *header, uint32_t ttl, bool set_class,
			      uint32_t class_selector)
{
	header[7] = (uint8_t)ttl;
	if (!set_class)
		return;
	uint32_t traffic_class = class_selector | (header[1] >> 4 & 3);
	header[0] = (uint8_t)(header[0] & 0xf0) | (uint8_t)(traffic_class >> 4);
	header[1] = (uint8_t)(traffic_class << 4) | (header[1] & 0xf);
}

/* What stands below the bottom label, by its first nibble (RFC 4928): PAYLOAD_IPV4, PAYLOAD_IPV6, or -1.
 * A header that does not fit into the frame is no IP packet. */
static inline int payload_of(const uint8_t *at, const uint8_t *end)
{
	if (at >= end)
		return -1;
	if (at[0] >> 4 == 4 && end - at >= 20)
		return PAYLOAD_IPV4;
	if (at[0] >> 4 == 6 && end - at >= 40)
		return PAYLOAD_IPV6;
	return -1;
}

#endif
