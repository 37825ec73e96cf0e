/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-wire.c: IGMP, MLD and PIM packets for tests.
 */
#include <string.h>
#include "snoop-fixture.h"

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned int sum(const uint8_t *at, size_t length, unsigned int start)
{
	for (size_t i = 0; i < length; i++)
		start += i % 2 == 0 ? (unsigned int)at[i] << 8 : at[i];
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return start;
}

static size_t width(enum snoop_family family)
{
	return family == SNOOP_IPV4 ? 4 : 16;
}

static const uint8_t *bytes(enum snoop_family family, const struct address *address)
{
	return family == SNOOP_IPV4 ? address->bytes + 12 : address->bytes;
}

size_t wire_start(const uint8_t *packet)
{
	if (packet[0] >> 4 == 4)
		return (packet[0] & 0xfu) * 4;
	return packet[6] == 0 ? 40u + (packet[41] + 1u) * 8 : 40;
}

void wire_seal(uint8_t *packet, size_t length)
{
	size_t start = wire_start(packet);
	uint8_t *message = packet + start;
	unsigned int pseudo = 0, at = 2;

	if (packet[0] >> 4 == 4) {
		put16(packet + 2, (unsigned int)length);
		put16(packet + 10, 0);
		put16(packet + 10, ~sum(packet, start, 0));
	} else {
		put16(packet + 4, (unsigned int)length - 40);
		pseudo = sum(packet + 8, 32,
			     (unsigned int)(length - start) +
				     (packet[6] == 0 ? packet[40] : packet[6]));
	}
	if (length < start + 4)
		return;
	put16(message + at, 0);
	put16(message + at, ~sum(message, length - start, pseudo));
}

/* IP header with router alert, or without (PIM). */
static uint8_t *begin(enum snoop_family family, bool alert, unsigned int protocol,
		      const struct address *source, const char *destination, uint8_t *packet)
{
	struct address to = address_of(destination);

	memset(packet, 0, WIRE_MAX);
	if (family == SNOOP_IPV4) {
		packet[0] = alert ? 0x46 : 0x45;
		packet[8] = 1;
		packet[9] = (uint8_t)protocol;
		memcpy(packet + 12, source->bytes + 12, 4);
		memcpy(packet + 16, to.bytes + 12, 4);
		if (alert)
			memcpy(packet + 20, "\x94\x04\0\0", 4);
		return packet + (alert ? 24 : 20);
	}
	packet[0] = 0x60;
	packet[6] = alert ? 0 : (uint8_t)protocol;
	packet[7] = 1;
	memcpy(packet + 8, source->bytes, 16);
	memcpy(packet + 24, to.bytes, 16);
	if (alert)
		memcpy(packet + 40, (uint8_t[]){ (uint8_t)protocol, 0, 5, 2, 0, 0, 1, 0 }, 8);
	return packet + (alert ? 48 : 40);
}

static size_t end(uint8_t *packet, const uint8_t *at)
{
	wire_seal(packet, (size_t)(at - packet));
	return (size_t)(at - packet);
}

static unsigned int protocol(enum snoop_family family)
{
	return family == SNOOP_IPV4 ? 2 : 58;
}

size_t wire_query(enum snoop_family family, const struct wire_query *query, uint8_t *packet)
{
	bool newest = query->version == (family == SNOOP_IPV4 ? 3u : 2u);
	struct address zero = { { 0 } };
	bool general = memcmp(bytes(family, &query->group), zero.bytes, width(family)) == 0;
	char to[46];

	address_format(&query->group, to);
	if (general)
		strcpy(to, family == SNOOP_IPV4 ? "224.0.0.1" : "ff02::1");
	uint8_t *at = begin(family, query->version != 1 || family == SNOOP_IPV6, protocol(family),
			    &query->source, to, packet);
	if (family == SNOOP_IPV4) {
		at[0] = 0x11;
		at[1] = (uint8_t)(query->version == 1 ? 0 : query->response_ms / 100);
		memcpy(at + 4, query->group.bytes + 12, 4);
		at += 8;
	} else {
		at[0] = 130;
		put16(at + 4, query->response_ms);
		if (!general)
			memcpy(at + 8, query->group.bytes, 16);
		at += 24;
	}
	if (newest) {
		at[0] = (uint8_t)((query->suppress ? 8 : 0) | query->robustness);
		at[1] = (uint8_t)query->interval_s;
		put16(at + 2, query->source_count);
		at += 4;
		for (unsigned int i = 0; i < query->source_count; i++, at += width(family))
			memcpy(at, bytes(family, &query->sources[i]), width(family));
	}
	return end(packet, at);
}

size_t wire_single(enum snoop_family family, unsigned int type, const struct address *source,
		   const struct address *group, uint8_t *packet)
{
	char to[46];

	address_format(group, to);
	if (type == 0x17)
		strcpy(to, "224.0.0.2");
	if (type == 132)
		strcpy(to, "ff02::2");
	uint8_t *at = begin(family, type != 0x12, protocol(family), source, to, packet);
	at[0] = (uint8_t)type;
	memcpy(at + (family == SNOOP_IPV4 ? 4 : 8), bytes(family, group), width(family));
	return end(packet, at + (family == SNOOP_IPV4 ? 8 : 24));
}

size_t wire_records(enum snoop_family family, const struct address *source,
		    const struct wire_record *records, unsigned int count, uint8_t *packet)
{
	uint8_t *at = begin(family, true, protocol(family), source,
			    family == SNOOP_IPV4 ? "224.0.0.22" : "ff02::16", packet);

	at[0] = family == SNOOP_IPV4 ? 0x22 : 143;
	put16(at + 6, count);
	at += 8;
	for (unsigned int i = 0; i < count; i++) {
		at[0] = (uint8_t)records[i].type;
		at[1] = (uint8_t)records[i].auxiliary;
		put16(at + 2, records[i].count);
		memcpy(at + 4, bytes(family, &records[i].group), width(family));
		at += 4 + width(family);
		for (unsigned int s = 0; s < records[i].count; s++, at += width(family))
			memcpy(at, bytes(family, &records[i].sources[s]), width(family));
		memset(at, 0xaa, records[i].auxiliary * 4ul);
		at += records[i].auxiliary * 4ul;
	}
	return end(packet, at);
}

size_t wire_pim(enum snoop_family family, const struct address *source, unsigned int holdtime,
		uint8_t *packet)
{
	uint8_t *at = begin(family, false, 103, source,
			    family == SNOOP_IPV4 ? "224.0.0.13" : "ff02::d", packet);

	at[0] = 0x20;
	put16(at + 4, 1);
	put16(at + 6, 2);
	put16(at + 8, holdtime);
	put16(at + 10, 19); /* DR priority, which we don't need */
	put16(at + 12, 4);
	return end(packet, at + 18);
}

size_t wire_discovery(enum snoop_family family, unsigned int type, const struct address *source,
		      unsigned int interval, uint8_t *packet)
{
	bool advertisement = type == 0x30 || type == 151;
	uint8_t *at = begin(family, true, protocol(family), source,
			    family == SNOOP_IPV4 ? "224.0.0.106" : "ff02::6a", packet);

	at[0] = (uint8_t)type;
	at[1] = (uint8_t)interval;
	return end(packet, at + (advertisement ? 8 : 4));
}
