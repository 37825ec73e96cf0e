/* SPDX-License-Identifier: BSD-3-Clause
 *
 * igmp-build.c: IGMP messages as sent.
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	TYPE_QUERY = 0x11,
	TYPE_REPORT_V1 = 0x12,
	TYPE_REPORT_V2 = 0x16,
	TYPE_LEAVE = 0x17,
	TYPE_SOLICITATION = 0x31,
	PROTOCOL_IGMP = 2,
	MESSAGE_SIZE = 8,
	QUERY_V3_SIZE = 12,
	SUPPRESS = 8,
};

static const struct address all_hosts = { { [10] = 0xff, 0xff, 224, 0, 0, 1 } };
static const struct address all_routers = { { [10] = 0xff, 0xff, 224, 0, 0, 2 } };

/* RFC 3376 4: TTL 1, internetwork control, router alert. */
void igmp_begin(uint8_t *packet, const struct address *source, const struct address *destination)
{
	static const uint8_t start[IGMP_START] = {
		[0] = 0x46, [1] = 0xc0, [8] = 1, [9] = PROTOCOL_IGMP, [20] = 148, [21] = 4,
	};

	memcpy(packet, start, IGMP_START);
	memcpy(packet + 12, source->bytes + 12, 4);
	memcpy(packet + 16, destination->bytes + 12, 4);
}

void igmp_end(uint8_t *packet, size_t length)
{
	uint8_t *message = packet + IGMP_START;

	store16(packet + 2, (uint32_t)length);
	store16(packet + 10, 0);
	store16(packet + 10, checksum(packet, IGMP_START));
	store16(message + 2, 0);
	store16(message + 2, checksum(message, length - IGMP_START));
}

/* In tenths of a second; never 0, which means version 1. */
static uint64_t tenths(uint64_t time)
{
	time /= SNOOP_SECOND / 10;
	return time == 0 ? 1 : time;
}

size_t igmp_build_query(const struct snoop_query *query, uint8_t packet[SNOOP_PACKET_MAX])
{
	uint8_t *message = packet + IGMP_START;
	uint64_t seconds = query->interval / SNOOP_SECOND;
	size_t length = IGMP_START + MESSAGE_SIZE;

	igmp_begin(packet, &query->source,
		   snoop_unspecified(&query->group) ? &all_hosts : &query->group);
	memset(message, 0, QUERY_V3_SIZE);
	message[0] = TYPE_QUERY;
	memcpy(message + 4, query->group.bytes + 12, 4);
	if (query->version == 2) {
		uint64_t time = tenths(query->response);
		message[1] = (uint8_t)(time > 255 ? 255 : time);
	} else {
		message[1] = (uint8_t)snoop_code8(tenths(query->response));
		message[8] = (uint8_t)((query->suppress ? SUPPRESS : 0) |
				       (query->robustness > 7 ? 0 : query->robustness));
		message[9] = (uint8_t)snoop_code8(seconds == 0 ? 1 : seconds);
		store16(message + 10, query->source_count);
		for (unsigned int i = 0; i < query->source_count; i++)
			memcpy(message + QUERY_V3_SIZE + 4 * i, query->sources[i].bytes + 12, 4);
		length = IGMP_START + QUERY_V3_SIZE + 4 * query->source_count;
	}
	igmp_end(packet, length);
	return length;
}

size_t igmp_build_solicitation(const struct address *source, uint8_t packet[SNOOP_PACKET_MAX])
{
	igmp_begin(packet, source, &all_routers);
	memset(packet + IGMP_START, 0, 4);
	packet[IGMP_START] = TYPE_SOLICITATION;
	igmp_end(packet, IGMP_START + 4);
	return IGMP_START + 4;
}

size_t igmp_build_old(unsigned int version, bool leave, const struct address *source,
		      const struct address *group, uint8_t packet[SNOOP_PACKET_MAX])
{
	uint8_t *message = packet + IGMP_START;

	igmp_begin(packet, source, leave ? &all_routers : group);
	memset(message, 0, MESSAGE_SIZE);
	message[0] = leave ? TYPE_LEAVE : version == 1 ? TYPE_REPORT_V1 : TYPE_REPORT_V2;
	memcpy(message + 4, group->bytes + 12, 4);
	igmp_end(packet, IGMP_START + MESSAGE_SIZE);
	return IGMP_START + MESSAGE_SIZE;
}
