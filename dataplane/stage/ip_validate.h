/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip_validate.h: is this IP header one to go by?
 */
#ifndef SHUNT_IP_VALIDATE_H
#define SHUNT_IP_VALIDATE_H

#include "dataplane/stage/ip_header.h"
#include "dataplane/worker.h"

enum { GOES_ON = -1 }; /* instead of a reason */

static inline const uint8_t *packet_end(const struct packet *packet)
{
	return rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
}

/* Bytes of the packet from its IP header on, padding included. */
static inline uint32_t packet_length(const struct packet *packet)
{
	return packet->mbuf->pkt_len -
	       (uint32_t)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, const uint8_t *));
}

/* RFC 1812 5.2.2: the header is whole and its checksum right. */
static inline int validate_ipv4(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	ptrdiff_t room = packet_end(packet) - header;

	if (room < IPV4_HEADER || header[0] >> 4 != 4)
		return DROP_ip_invalid;
	unsigned int length = (header[0] & 0xfu) * 4;
	if (length < IPV4_HEADER || room < (ptrdiff_t)length || ip_load16(header + 2) < length ||
	    ip_load16(header + 2) > packet_length(packet))
		return DROP_ip_invalid;
	uint32_t sum = likely(length == IPV4_HEADER) ? ipv4_sum(header, IPV4_HEADER)
						     : ipv4_sum(header, length);
	if (sum != 0xffff)
		return DROP_ip_checksum;
	if (ipv4_source_is_martian(ip_load32(header + 12)))
		return DROP_ip_martian;
	return GOES_ON;
}

/* RFC 8200 3 */
static inline int validate_ipv6(const struct packet *packet)
{
	const uint8_t *header = packet->l3;

	if (packet_end(packet) - header < IPV6_HEADER || header[0] >> 4 != 6 ||
	    ip_load16(header + 4) + (uint32_t)IPV6_HEADER > packet_length(packet))
		return DROP_ip_invalid;
	if (header[8] == 0xff)
		return DROP_ip_martian;
	return GOES_ON;
}

/* What is wrong with the header, or GOES_ON. */
static inline int ip_validate(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? validate_ipv4(packet) : validate_ipv6(packet);
}

#endif
