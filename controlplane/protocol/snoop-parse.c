/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-parse.c: the IP header around IGMP, MLD and PIM, and what their parsers share.
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	PROTOCOL_IGMP = 2,
	PROTOCOL_ICMP6 = 58,
	PROTOCOL_PIM = 103,
	HOP_BY_HOP = 0,
	OPTION_PAD1 = 0,
	OPTION_ROUTER_ALERT = 5, /* RFC 2711 */
	RECORD_HEADER = 4,       /* without the group */
};

unsigned int snoop_code8_read(unsigned int code)
{
	return code < 128 ? code : ((code & 0xf) | 0x10) << ((code >> 4 & 7) + 3);
}

/* The largest value that is not above it. */
unsigned int snoop_code8(uint64_t value)
{
	unsigned int exponent = 0;

	if (value < 128)
		return (unsigned int)value;
	if (value >= 31744)
		return 0xff;
	while (value >> (exponent + 3) > 0x1f)
		exponent++;
	return 0x80 | exponent << 4 | (value >> (exponent + 3) & 0xf);
}

unsigned int snoop_code16_read(unsigned int code)
{
	return code < 32768 ? code : ((code & 0xfff) | 0x1000) << ((code >> 12 & 7) + 3);
}

unsigned int snoop_code16(uint64_t value)
{
	unsigned int exponent = 0;

	if (value < 32768)
		return (unsigned int)value;
	if (value >= 8387584)
		return 0xffff;
	while (value >> (exponent + 3) > 0x1fff)
		exponent++;
	return 0x8000 | exponent << 12 | (value >> (exponent + 3) & 0xfff);
}

struct address snoop_source_at(enum snoop_family family, const uint8_t *sources, unsigned int i)
{
	return snoop_address(family, sources + (size_t)i * (family == SNOOP_IPV4 ? 4 : 16));
}

enum snoop_record_fault snoop_record_size(enum snoop_family family, const uint8_t *at, size_t size,
					  size_t *taken)
{
	size_t width = family == SNOOP_IPV4 ? 4 : 16, need = RECORD_HEADER + width;

	if (size < need)
		return RECORD_ENDS;
	need += load16(at + 2) * width;
	if (size < need)
		return RECORD_SOURCES;
	need += (size_t)at[1] * 4; /* in 32-bit words in both families */
	if (size < need)
		return RECORD_AUXILIARY;
	*taken = need;
	return RECORD_FITS;
}

const uint8_t *snoop_record_read(enum snoop_family family, const uint8_t *at,
				 struct snoop_record *record)
{
	size_t width = family == SNOOP_IPV4 ? 4 : 16;

	record->type = at[0];
	record->count = load16(at + 2);
	record->group = snoop_address(family, at + RECORD_HEADER);
	record->sources = at + RECORD_HEADER + width;
	return record->sources + record->count * width + (size_t)at[1] * 4;
}

/* ---------------------------------------------------------------- IP headers */

static bool parse_ipv4(const uint8_t *packet, size_t length, bool strict,
		       struct snoop_counters *counters, struct snoop_message *message)
{
	size_t header = (packet[0] & 0xfu) * 4, total;

	if (length < IPV4_HEADER || header < IPV4_HEADER || header > length ||
	    (total = load16(packet + 2)) < header || total > length) {
		counters->truncated++;
		return false;
	}
	message->family = SNOOP_IPV4;
	message->source = snoop_address(SNOOP_IPV4, packet + 12);
	message->destination = snoop_address(SNOOP_IPV4, packet + 16);
	if (packet[9] != PROTOCOL_IGMP && packet[9] != PROTOCOL_PIM) {
		counters->not_snooped++;
		return true;
	}
	if (checksum(packet, header) != 0) {
		counters->ip_checksum++;
		return false;
	}
	if (load16(packet + 6) & 0x3fff) { /* more fragments, or not the first one */
		counters->fragment++;
		return false;
	}
	if (packet[9] == PROTOCOL_PIM)
		return pim_parse(packet, packet + header, total - header, counters, message);
	return igmp_parse(packet, packet + header, total - header, strict, counters, message);
}

/* The options of a hop-by-hop header of `size` bytes. False: malformed. RFC 8200 4.2 */
static bool read_options(const uint8_t *header, size_t size, bool *alert)
{
	size_t at = 2;

	while (at < size) {
		if (header[at] == OPTION_PAD1) {
			at++;
			continue;
		}
		if (size - at < 2 || header[at + 1] > size - at - 2)
			return false;
		if (header[at] == OPTION_ROUTER_ALERT && header[at + 1] == 2)
			*alert = true;
		at += 2u + header[at + 1];
	}
	return true;
}

static bool parse_ipv6(const uint8_t *packet, size_t length, struct snoop_counters *counters,
		       struct snoop_message *message)
{
	size_t payload, extension = 0;
	unsigned int next;
	bool alert = false;

	if (length < IPV6_HEADER || (payload = load16(packet + 4)) > length - IPV6_HEADER) {
		counters->truncated++;
		return false;
	}
	const uint8_t *at = packet + IPV6_HEADER;
	message->family = SNOOP_IPV6;
	message->source = snoop_address(SNOOP_IPV6, packet + 8);
	message->destination = snoop_address(SNOOP_IPV6, packet + 24);
	next = packet[6];
	if (next == HOP_BY_HOP) {
		if (payload < 8 || (extension = (at[1] + 1u) * 8) > payload ||
		    !read_options(at, extension, &alert)) {
			counters->mld_options++;
			return false;
		}
		next = at[0];
	}
	at += extension;
	if (next == PROTOCOL_ICMP6)
		return mld_parse(packet, at, payload - extension, alert, counters, message);
	if (next == PROTOCOL_PIM)
		return pim_parse(packet, at, payload - extension, counters, message);
	counters->not_snooped++;
	return true;
}

bool snoop_parse(const uint8_t *packet, size_t length, bool strict, struct snoop_counters *counters,
		 struct snoop_message *message)
{
	memset(message, 0, sizeof(*message));
	if (length > 0 && packet[0] >> 4 == 4)
		return parse_ipv4(packet, length, strict, counters, message);
	if (length > 0 && packet[0] >> 4 == 6)
		return parse_ipv6(packet, length, counters, message);
	counters->truncated++;
	return false;
}
