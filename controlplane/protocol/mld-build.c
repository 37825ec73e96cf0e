/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mld-build.c: MLD messages as sent.
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	TYPE_QUERY = 130,
	TYPE_REPORT_V1 = 131,
	TYPE_DONE = 132,
	TYPE_SOLICITATION = 152,
	IPV6_HEADER = 40,
	ICMP6 = 58,
	MESSAGE_SIZE = 24,
	QUERY_V2_SIZE = 28,
	SUPPRESS = 8,
};

static const struct address all_nodes = { { 0xff, 2, [15] = 1 } };
static const struct address all_routers = { { 0xff, 2, [15] = 2 } };

/* RFC 3810 5: hop limit 1, router alert in a hop-by-hop header. */
void mld_begin(uint8_t *packet, const struct address *source, const struct address *destination)
{
	static const uint8_t options[8] = { ICMP6, 0, 5, 2, 0, 0, 1, 0 };

	memset(packet, 0, IPV6_HEADER);
	packet[0] = 0x60;
	packet[7] = 1;
	memcpy(packet + 8, source->bytes, 16);
	memcpy(packet + 24, destination->bytes, 16);
	memcpy(packet + IPV6_HEADER, options, sizeof(options));
}

void mld_end(uint8_t *packet, size_t length)
{
	uint8_t *message = packet + MLD_START;

	store16(packet + 4, (uint32_t)length - IPV6_HEADER);
	store16(message + 2, 0);
	store16(message + 2, icmp6_checksum(packet + 8, message, length - MLD_START));
}

size_t mld_build_query(const struct snoop_query *query, uint8_t packet[SNOOP_PACKET_MAX])
{
	uint8_t *message = packet + MLD_START;
	uint64_t seconds = query->interval / SNOOP_SECOND;
	uint64_t time = query->response / (SNOOP_SECOND / 1000);
	size_t length = MLD_START + MESSAGE_SIZE;

	mld_begin(packet, &query->source,
		  snoop_unspecified(&query->group) ? &all_nodes : &query->group);
	memset(message, 0, QUERY_V2_SIZE);
	message[0] = TYPE_QUERY;
	if (!snoop_unspecified(&query->group))
		memcpy(message + 8, query->group.bytes, 16);
	if (query->version == 1) {
		store16(message + 4, (uint32_t)(time > 65535 ? 65535 : time));
	} else {
		store16(message + 4, snoop_code16(time));
		message[24] = (uint8_t)((query->suppress ? SUPPRESS : 0) |
					(query->robustness > 7 ? 0 : query->robustness));
		message[25] = (uint8_t)snoop_code8(seconds == 0 ? 1 : seconds);
		store16(message + 26, query->source_count);
		for (unsigned int i = 0; i < query->source_count; i++)
			memcpy(message + QUERY_V2_SIZE + 16 * i, query->sources[i].bytes, 16);
		length = MLD_START + QUERY_V2_SIZE + 16 * query->source_count;
	}
	mld_end(packet, length);
	return length;
}

size_t mld_build_solicitation(const struct address *source, uint8_t packet[SNOOP_PACKET_MAX])
{
	mld_begin(packet, source, &all_routers);
	memset(packet + MLD_START, 0, 4);
	packet[MLD_START] = TYPE_SOLICITATION;
	mld_end(packet, MLD_START + 4);
	return MLD_START + 4;
}

size_t mld_build_old(bool leave, const struct address *source, const struct address *group,
		     uint8_t packet[SNOOP_PACKET_MAX])
{
	uint8_t *message = packet + MLD_START;

	mld_begin(packet, source, leave ? &all_routers : group);
	memset(message, 0, MESSAGE_SIZE);
	message[0] = leave ? TYPE_DONE : TYPE_REPORT_V1;
	memcpy(message + 8, group->bytes, 16);
	mld_end(packet, MLD_START + MESSAGE_SIZE);
	return MLD_START + MESSAGE_SIZE;
}
