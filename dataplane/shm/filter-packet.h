/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-packet.h: what a filter asks of an IP packet. IPv6 extension headers are walked to the real
 * protocol, so far as a first fragment has them (RFC 7112), and no further than a limit.
 */
#ifndef SHUNT_SHM_FILTER_PACKET_H
#define SHUNT_SHM_FILTER_PACKET_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include "layout.h"

enum filter_parsed {
	PARSED_IP,        /* struct filter_packet says all */
	PARSED_NEIGHBOUR, /* neighbour discovery from the link: no filter is asked (RFC 4861) */
	PARSED_INVALID,   /* no IP header: for the IP stage to drop */
	PARSED_TINY,      /* a fragment that hides its layer-4 header (RFC 1858, 3128, 7112) */
	PARSED_TRUNCATED, /* ends within its layer-4 header or extension headers */
	PARSED_HEADERS,   /* more extension headers than are walked */
};

enum {
	EXTENSIONS_MAX = 8, /* extension headers that are walked */
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_DCCP = 33,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_SCTP = 132,
	PROTOCOL_UDP_LITE = 136,
	TCP_FLAG_SYN = 1 << 1,
	TCP_FLAG_RST = 1 << 2,
	TCP_FLAG_ACK = 1 << 4,
};

struct filter_packet {
	const uint8_t *source, *destination; /* network order, 4 or 16 bytes */
	const uint8_t *l4; /* layer-4 header, its least length there unless later_fragment */
	uint8_t family;    /* ROUTE_IPV4 or ROUTE_IPV6 */
	uint8_t protocol;
	uint8_t dscp;
	bool later_fragment; /* offset above 0: has no layer-4 header */
	bool has_ports;
};

/* Bytes of layer-4 header that a packet of this protocol must have; 0: not looked at. */
static inline unsigned int packet_l4_size(unsigned int protocol)
{
	switch (protocol) {
	case PROTOCOL_TCP:
		return 20;
	case PROTOCOL_UDP:
	case PROTOCOL_UDP_LITE:
		return 8;
	case PROTOCOL_SCTP:
	case PROTOCOL_DCCP:
		return 12;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		return 4;
	default:
		return 0;
	}
}

static inline bool packet_protocol_has_ports(unsigned int protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
	       protocol == PROTOCOL_DCCP || protocol == PROTOCOL_UDP_LITE;
}

/* 16 bits of the layer-4 header. A protocol whose header is not looked at has none. */
static inline uint16_t packet_key(const struct filter_packet *packet, unsigned int offset)
{
	uint16_t word;

	memcpy(&word, packet->l4 + offset, sizeof(word));
	return be16toh(word);
}

/* Index of the misc dimension: DSCP, and bit 6: opens a TCP connection, bit 7: belongs to one. */
static inline unsigned int packet_misc(const struct filter_packet *packet)
{
	unsigned int index = packet->dscp;

	if (packet->protocol == PROTOCOL_TCP && !packet->later_fragment) {
		uint8_t flags = packet->l4[13];
		index |= (flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN ? 64u : 0;
		index |= flags & (TCP_FLAG_ACK | TCP_FLAG_RST) ? 128u : 0;
	}
	return index;
}

/* Layer 4 begins at `at`. `fragment`: it is a fragment's first one. */
static inline enum filter_parsed packet_parse_l4(struct filter_packet *packet, const uint8_t *at,
						 const uint8_t *end, bool fragment)
{
	unsigned int size = packet_l4_size(packet->protocol);

	packet->l4 = at;
	packet->has_ports = packet_protocol_has_ports(packet->protocol);
	if (__builtin_expect(end - at < (ptrdiff_t)size, 0))
		return fragment ? PARSED_TINY : PARSED_TRUNCATED;
	/* with its options (RFC 7112 is about the whole header) */
	if (fragment && packet->protocol == PROTOCOL_TCP && end - at < (at[12] >> 4) * 4)
		return PARSED_TINY;
	/* a key is read of every packet, and masked away where the protocol has none */
	static const uint8_t nothing[4];
	if (size == 0)
		packet->l4 = nothing;
	return PARSED_IP;
}

static inline enum filter_parsed packet_parse_later(struct filter_packet *packet,
						    unsigned int offset)
{
	packet->later_fragment = true;
	packet->has_ports = false;
	/* where the flags of a TCP header would be put over the first fragment's: RFC 3128 */
	return offset == 1 && packet->protocol == PROTOCOL_TCP ? PARSED_TINY : PARSED_IP;
}

/* `header` begins an IPv4 packet; `room` bytes of the frame are there from it on. */
static inline enum filter_parsed packet_parse_ipv4(struct filter_packet *packet,
						   const uint8_t *header, size_t room)
{
	if (room < 20 || header[0] >> 4 != 4)
		return PARSED_INVALID;
	size_t size = (header[0] & 0xfu) * 4u;
	size_t total = (size_t)header[2] << 8 | header[3];
	unsigned int fragment = (unsigned int)(header[6] & 0x3f) << 8 | header[7];
	if (size < 20 || room < size || total < size)
		return PARSED_INVALID;
	packet->source = header + 12;
	packet->destination = header + 16;
	packet->l4 = header;
	packet->family = ROUTE_IPV4;
	packet->protocol = header[9];
	packet->dscp = header[1] >> 2;
	packet->later_fragment = false;
	if (__builtin_expect((fragment & 0x1fff) != 0, 0))
		return packet_parse_later(packet, fragment & 0x1fff);
	/* what is behind the packet's own length pads the frame */
	return packet_parse_l4(packet, header + size, header + (total < room ? total : room),
			       fragment != 0);
}

static inline bool packet_is_extension(unsigned int protocol)
{
	switch (protocol) {
	case 0:   /* hop-by-hop options */
	case 43:  /* routing */
	case 44:  /* fragment */
	case 51:  /* authentication */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* host identity */
	case 140: /* shim6 */
		return true;
	default:
		return false;
	}
}

/* Extension headers from `at` on, the first of which is packet->protocol. RFC 8200 4 */
static inline enum filter_parsed packet_walk(struct filter_packet *packet, const uint8_t *at,
					     const uint8_t *end)
{
	bool fragment = false;

	for (unsigned int i = 0; packet_is_extension(packet->protocol); i++) {
		if (i == EXTENSIONS_MAX)
			return PARSED_HEADERS;
		if (end - at < 8)
			return fragment ? PARSED_TINY : PARSED_TRUNCATED;
		unsigned int type = packet->protocol;
		ptrdiff_t size = type == 44   ? 8
				 : type == 51 ? (at[1] + 2) * 4
					      : (at[1] + 1) * 8;
		packet->protocol = at[0];
		if (type == 44) {
			unsigned int word = (unsigned int)at[2] << 8 | at[3];
			if (word >> 3 != 0)
				return packet_parse_later(packet, word >> 3);
			fragment |= (word & 1) != 0; /* else an atomic one: RFC 6946 */
		}
		if (end - at < size)
			return fragment ? PARSED_TINY : PARSED_TRUNCATED;
		at += size;
	}
	return packet_parse_l4(packet, at, end, fragment);
}

static inline enum filter_parsed packet_parse_ipv6(struct filter_packet *packet,
						   const uint8_t *header, size_t room)
{
	if (room < 40 || header[0] >> 4 != 6)
		return PARSED_INVALID;
	size_t total = 40u + ((size_t)header[4] << 8 | header[5]);
	const uint8_t *end = header + (total < room ? total : room);
	packet->source = header + 8;
	packet->destination = header + 24;
	packet->l4 = header;
	packet->family = ROUTE_IPV6;
	packet->protocol = header[6];
	packet->dscp = (uint8_t)((header[0] & 0xf) << 2 | header[1] >> 6);
	packet->later_fragment = false;
	if (__builtin_expect(packet_is_extension(packet->protocol), 0))
		return packet_walk(packet, header + 40, end);
	/* router and neighbour solicitation and advertisement, redirect: RFC 4861 4 */
	if (packet->protocol == PROTOCOL_ICMPV6 && header[7] == 255 && end - header > 40 &&
	    header[40] >= 133 && header[40] <= 137)
		return PARSED_NEIGHBOUR;
	return packet_parse_l4(packet, header + 40, end, false);
}

#endif
