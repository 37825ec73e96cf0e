/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/fragment.h"

enum {
	PROTOCOL_TCP = 6,
	TCP_HEADER = 20,
	IPV6_HOP_BY_HOP = 0,
	IPV6_ROUTING = 43,
	IPV6_DESTINATION = 60,
	MORE_FRAGMENTS = 0x2000,
	OFFSET_MASK = 0x1fff,
};

static bool is_extension(uint8_t next)
{
	return next == IPV6_HOP_BY_HOP || next == IPV6_ROUTING || next == IPV6_DESTINATION;
}

/* Length and offset, without the first fragment's contents. `limit`: bytes that the whole may carry. */
static enum fragment_verdict judge(const struct fragment *fragment, uint32_t limit)
{
	if (fragment->end <= fragment->start || (fragment->more && fragment->end % 8 != 0) ||
	    fragment->end > limit)
		return FRAGMENT_INVALID;
	return FRAGMENT_GOOD;
}

static enum fragment_verdict read_ipv4(const struct packet *packet, struct fragment *fragment)
{
	const uint8_t *header = packet->l3;
	unsigned int length = (header[0] & 0xfu) * 4, word = ip_load16(header + 6);

	if ((word & (MORE_FRAGMENTS | OFFSET_MASK)) == 0)
		return FRAGMENT_NONE;
	*fragment = (struct fragment){
		.identification = ip_load16(header + 4),
		.start = (word & OFFSET_MASK) * 8,
		.more = word & MORE_FRAGMENTS,
		.protocol = header[9],
		.header = (uint16_t)length,
	};
	fragment->end = fragment->start + ip_load16(header + 2) - length;
	enum fragment_verdict verdict = judge(fragment, IP_PACKET_MAX - length);
	if (verdict == FRAGMENT_GOOD && fragment->start == 0 &&
	    fragment->protocol == PROTOCOL_TCP && fragment->end < TCP_HEADER)
		return FRAGMENT_TINY;
	return verdict;
}

/* The first fragment of IPv6 has all headers up to the transport's. RFC 7112 5 */
static bool chain_is_whole(const uint8_t *at, uint32_t room, uint8_t next)
{
	for (unsigned int i = 0; i < EXTENSION_HEADERS_MAX && is_extension(next); i++) {
		if (room < 8 || ((uint32_t)at[1] + 1) * 8 > room)
			return false;
		uint32_t size = ((uint32_t)at[1] + 1) * 8;
		next = at[0];
		at += size;
		room -= size;
	}
	return room >= (next == PROTOCOL_TCP ? TCP_HEADER : 8);
}

static enum fragment_verdict read_ipv6(const struct packet *packet, struct fragment *fragment)
{
	const uint8_t *header = packet->l3;
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	uint32_t total = IPV6_HEADER + (uint32_t)ip_load16(header + 4), at = IPV6_HEADER, room;
	uint16_t next_at = 6;

	if (total < (uint32_t)(end - header))
		end = header + total;
	room = (uint32_t)(end - header);
	for (unsigned int i = 0; header[next_at] != IPV6_FRAGMENT; i++) {
		if (!is_extension(header[next_at]) || i == EXTENSION_HEADERS_MAX)
			return FRAGMENT_NONE;
		if (room - at < 8 || ((uint32_t)header[at + 1] + 1) * 8 > room - at)
			return FRAGMENT_NONE; /* broken otherwise: whoever reads it says how */
		next_at = (uint16_t)at;
		at += ((uint32_t)header[at + 1] + 1) * 8;
	}
	if (room - at < FRAGMENT_HEADER)
		return FRAGMENT_INVALID;
	unsigned int word = ip_load16(header + at + 2);
	*fragment = (struct fragment){
		.identification = ip_load32(header + at + 4),
		.start = word & ~7u,
		.end = (word & ~7u) + total - at - FRAGMENT_HEADER,
		.more = word & 1,
		.protocol = header[at],
		.header = (uint16_t)(at + FRAGMENT_HEADER),
		.next_at = next_at,
	};
	enum fragment_verdict verdict = judge(fragment, IP_PACKET_MAX - (at - IPV6_HEADER));
	at += FRAGMENT_HEADER;
	if (verdict == FRAGMENT_GOOD && fragment->start == 0 && fragment->more &&
	    !chain_is_whole(header + at, room - at, fragment->protocol))
		return FRAGMENT_TINY;
	return verdict;
}

enum fragment_verdict fragment_read(const struct packet *packet, struct fragment *fragment)
{
	return packet->payload == PAYLOAD_IPV4 ? read_ipv4(packet, fragment)
					       : read_ipv6(packet, fragment);
}
