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

/* The node's one decrement, unless a popped label's TTL has it in it. False: it may not go on, and nothing is
 * done. RFC 1812 5.3.1, RFC 8200 3, RFC 3443 */
static inline bool packet_decrement_ttl(struct packet *packet)
{
	uint8_t *header = packet->l3;
	bool ipv4 = packet->payload == PAYLOAD_IPV4;
	bool done = (packet->flags & PACKET_TTL_DONE) != 0;
	uint32_t ttl = ipv4 ? header[8] : header[7];

	if (unlikely(ttl + done <= 1))
		return false;
	if (!done && ipv4)
		ipv4_decrement(header);
	else if (!done)
		header[7]--;
	return true;
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

static inline uint64_t load64(const uint8_t *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

/* ipv4_sum of 20 bytes, which end with `last`. */
static inline bool ipv4_plain_sum_is_right(uint64_t first, uint64_t second, uint32_t last)
{
	uint64_t sum = first + second;

	sum += sum < first;
	sum += last;
	sum += sum < last;
	sum += sum << 32 | sum >> 32; /* the upper half: both halves with the carry between them */
	uint32_t half = (uint32_t)(sum >> 32);
	return (half + (half << 16 | half >> 16)) >> 16 == 0xffff;
}

/* An IPv4 packet as nearly all are: whole in its first buffer, no options, a right checksum, to one host
 * and from one on a network that there may be, the frame to one station. What is not may be right too. */
static inline bool is_ordinary_ipv4(const struct packet *packet)
{
	/* first bytes of addresses that martians, multicast and broadcast have */
	static const uint8_t special[256] = { [0] = 1, [127] = 1, [224 ... 255] = 1 };
	const uint8_t *header = packet->l3;
	const uint8_t *frame = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	ptrdiff_t room = frame + packet->mbuf->data_len - header;

	if (unlikely(room < IPV4_HEADER))
		return false;
	uint32_t last;
	memcpy(&last, header + 16, sizeof(last));
	return likely(header[0] == 0x45 && ip_load16(header + 2) >= IPV4_HEADER &&
		      ip_load16(header + 2) <= room &&
		      ((special[header[12]] | special[header[16]] | frame[0]) & 1) == 0 &&
		      ipv4_plain_sum_is_right(load64(header), load64(header + 8), last));
}

/* The same of IPv6: none of the addresses that begin with 0 (unspecified, loopback, IPv4-mapped) or with
 * 0xfe or 0xff (link-local, multicast), no neighbour discovery. */
static inline bool is_ordinary_ipv6(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	const uint8_t *frame = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	ptrdiff_t room = frame + packet->mbuf->data_len - header;

	if (unlikely(room < IPV6_HEADER))
		return false;
	return likely(header[0] >> 4 == 6 && ip_load16(header + 4) + IPV6_HEADER <= room &&
		      ip_load16(header + 6) != (IPV6_ICMP << 8 | 255) &&
		      (uint8_t)(header[8] - 1) < 0xfd && (uint8_t)(header[24] - 1) < 0xfd &&
		      (frame[0] & 1) == 0);
}

static inline bool ip_is_ordinary(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? is_ordinary_ipv4(packet)
					       : is_ordinary_ipv6(packet);
}

#endif
