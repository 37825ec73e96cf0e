/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/protocol/ip-fragment.h"

#include <errno.h>
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/punted.h"

enum {
	DONT_FRAGMENT = 0x4000,
	MORE_FRAGMENTS = 0x2000,
	FRAGMENT = 44,
	FRAGMENT_HEADER = 8,
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_COPIED = 0x80,
	IPV4_HEADER_MAX = 60,
};

static bool is_ipv4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

bool ip_may_fragment(const uint8_t *packet, bool own)
{
	return is_ipv4(packet) ? !(load16(packet + 6) & DONT_FRAGMENT) : own;
}

/* The header of all fragments but the first: only options with the copied bit (RFC 791 3.1), padded to a
 * whole word. Returns its size. */
static size_t later_header(const uint8_t *packet, size_t header, uint8_t *later)
{
	size_t at = IPV4_HEADER_SIZE, size = IPV4_HEADER_SIZE;

	memcpy(later, packet, IPV4_HEADER_SIZE);
	while (at < header && packet[at] != OPTION_END) {
		size_t length = packet[at] == OPTION_NOTHING ? 1
				: header - at >= 2           ? packet[at + 1]
							     : 0;
		if (length == 0 || length > header - at)
			break;
		if (packet[at] & OPTION_COPIED) {
			memcpy(later + size, packet + at, length);
			size += length;
		}
		at += length;
	}
	while (size % 4 != 0)
		later[size++] = OPTION_END;
	later[0] = (uint8_t)(0x40 | size / 4);
	return size;
}

struct sink {
	int (*send)(void *context, const uint8_t *packet, size_t length);
	void *context;
};

static int send_ipv4(const uint8_t *packet, size_t length, unsigned int mtu,
		     const struct sink *sink)
{
	static uint8_t fragment[UINT16_MAX];
	uint8_t later[IPV4_HEADER_MAX];
	size_t header = (packet[0] & 0xfu) * 4, later_size = later_header(packet, header, later);
	unsigned int word = load16(packet + 6);
	int result = 0;

	if (mtu < header + 8)
		return -EMSGSIZE;
	for (size_t at = header; at < length && result == 0;) {
		bool first = at == header;
		size_t size = first ? header : later_size;
		size_t part = (mtu - size) & ~(size_t)7;
		bool more = length - at > mtu - size;
		if (!more)
			part = length - at;
		memcpy(fragment, first ? packet : later, size);
		memcpy(fragment + size, packet + at, part);
		store16(fragment + 2, (uint32_t)(size + part));
		/* a fragment's own fragments begin where it did, and end as it did */
		store16(fragment + 6,
			(uint32_t)(word + (at - header) / 8) | (more ? MORE_FRAGMENTS : 0));
		store16(fragment + 10, 0);
		store16(fragment + 10, checksum(fragment, size));
		result = sink->send(sink->context, fragment, size + part);
		at += part;
	}
	return result;
}

static int send_ipv6(const uint8_t *packet, size_t length, unsigned int mtu,
		     uint32_t identification, const struct sink *sink)
{
	static uint8_t fragment[UINT16_MAX];
	const size_t size = IPV6_HEADER_SIZE + FRAGMENT_HEADER;
	int result = 0;

	if (mtu < size + 8)
		return -EMSGSIZE;
	for (size_t at = IPV6_HEADER_SIZE; at < length && result == 0;) {
		size_t part = (mtu - size) & ~(size_t)7;
		bool more = length - at > mtu - size;
		if (!more)
			part = length - at;
		memcpy(fragment, packet, IPV6_HEADER_SIZE);
		store16(fragment + 4, (uint32_t)(FRAGMENT_HEADER + part));
		fragment[6] = FRAGMENT;
		fragment[IPV6_HEADER_SIZE] = packet[6];
		fragment[IPV6_HEADER_SIZE + 1] = 0;
		store16(fragment + IPV6_HEADER_SIZE + 2, (uint32_t)(at - IPV6_HEADER_SIZE) | more);
		store32(fragment + IPV6_HEADER_SIZE + 4, identification);
		memcpy(fragment + size, packet + at, part);
		result = sink->send(sink->context, fragment, size + part);
		at += part;
	}
	return result;
}

int ip_fragments(const uint8_t *packet, size_t length, unsigned int mtu, bool own,
		 uint32_t identification,
		 int (*send)(void *context, const uint8_t *packet, size_t length), void *context)
{
	const struct sink sink = { send, context };

	if (length <= mtu)
		return send(context, packet, length);
	if (!ip_may_fragment(packet, own))
		return -EMSGSIZE;
	return is_ipv4(packet) ? send_ipv4(packet, length, mtu, &sink)
			       : send_ipv6(packet, length, mtu, identification, &sink);
}
