/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-report-build.c: IGMPv3 and MLDv2 reports as sent (RFC 3376 4.2, RFC 3810 5.2).
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	TYPE_IGMP_V3 = 0x22,
	TYPE_MLD_V2 = 143,
	REPORT_HEADER = 8,
	RECORD_HEADER = 4,
};

static size_t start(const struct snoop_report *report)
{
	return report->family == SNOOP_IPV4 ? IGMP_START : MLD_START;
}

void snoop_report_begin(struct snoop_report *report, enum snoop_family family,
			const struct address *source)
{
	static const struct address to[SNOOP_FAMILIES] = {
		{ { [10] = 0xff, 0xff, 224, 0, 0, 22 } },
		{ { 0xff, 2, [15] = 0x16 } },
	};

	report->family = family;
	report->records = 0;
	if (family == SNOOP_IPV4)
		igmp_begin(report->packet, source, &to[family]);
	else
		mld_begin(report->packet, source, &to[family]);
	memset(report->packet + start(report), 0, REPORT_HEADER);
	report->packet[start(report)] = family == SNOOP_IPV4 ? TYPE_IGMP_V3 : TYPE_MLD_V2;
	report->length = start(report) + REPORT_HEADER;
}

int snoop_report_add(struct snoop_report *report, enum snoop_record_type type,
		     const struct address *group, const struct address *sources, unsigned int count)
{
	size_t width = report->family == SNOOP_IPV4 ? 4 : 16;
	size_t header = RECORD_HEADER + width, room = SNOOP_PACKET_MAX - report->length;
	uint8_t *at = report->packet + report->length;

	if (room < header || (count > 0 && room < header + width))
		return -1;
	if (count > (room - header) / width)
		count = (unsigned int)((room - header) / width);
	at[0] = (uint8_t)type;
	at[1] = 0;
	store16(at + 2, count);
	memcpy(at + RECORD_HEADER, snoop_address_bytes(report->family, group), width);
	for (unsigned int i = 0; i < count; i++)
		memcpy(at + header + i * width, snoop_address_bytes(report->family, &sources[i]),
		       width);
	report->length += header + count * width;
	report->records++;
	return (int)count;
}

void snoop_report_end(struct snoop_report *report)
{
	store16(report->packet + start(report) + 6, report->records);
	if (report->family == SNOOP_IPV4)
		igmp_end(report->packet, report->length);
	else
		mld_end(report->packet, report->length);
}
