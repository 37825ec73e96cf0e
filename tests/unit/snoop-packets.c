/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-packets.c: for snoop-scapy, which compares with scapy what is said here.
 *   snoop-packets parse   packets as hexadecimal lines in, what is read out of each
 *   snoop-packets build   packets of all kinds, each as what it is to say and a hexadecimal line
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/protocol/snoop-message.h"

static struct address numbered(enum snoop_family family, bool group, unsigned int i)
{
	uint8_t bytes[16] = { 0 };

	bytes[0] = family == SNOOP_IPV4 ? (group ? 239 : 10) : (group ? 0xff : 0x20);
	bytes[1] = family == SNOOP_IPV4 ? 1 : group ? 0x15 : 1;
	bytes[family == SNOOP_IPV4 ? 3 : 15] = (uint8_t)i;
	return snoop_address(family, bytes);
}

static void put_address(const struct address *address)
{
	char text[46];

	address_format(address, text);
	printf("%s", text);
}

static void put_sources(enum snoop_family family, const uint8_t *sources, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct address source = snoop_source_at(family, sources, i);
		printf("%s", i == 0 ? "" : ",");
		put_address(&source);
	}
}

static void put_records(const struct snoop_message *message)
{
	const uint8_t *at = message->records;
	struct snoop_record record;

	printf("records %u", message->version);
	for (unsigned int i = 0; i < message->record_count; i++) {
		at = snoop_record_read(message->family, at, &record);
		printf(" %u;", record.type);
		put_address(&record.group);
		printf(";");
		put_sources(message->family, record.sources, record.count);
	}
}

static void put_message(const struct snoop_message *message)
{
	static const char *const kinds[] = { "other",   "query", "report",        "leave",
					     "records", "hello", "advertisement", "termination" };

	switch (message->kind) {
	case MESSAGE_RECORDS:
		put_records(message);
		break;
	case MESSAGE_QUERY:
		printf("query %u ", message->version);
		put_address(&message->group);
		printf(" response=%llu interval=%llu qrv=%u s=%u sources=",
		       (unsigned long long)message->response / 1000000,
		       (unsigned long long)(message->interval / SNOOP_SECOND), message->robustness,
		       message->suppress);
		put_sources(message->family, message->sources, message->source_count);
		break;
	case MESSAGE_REPORT:
	case MESSAGE_LEAVE:
		printf("%s %u ", kinds[message->kind], message->version);
		put_address(&message->group);
		break;
	default:
		printf("%s %llu", kinds[message->kind],
		       (unsigned long long)(message->lifetime / SNOOP_SECOND));
	}
	printf("\n");
}

static int parse(void)
{
	static char line[8192];
	static uint8_t packet[4096];

	while (fgets(line, sizeof(line), stdin) != NULL) {
		struct snoop_counters counters = { 0 };
		struct snoop_message message;
		size_t length = strcspn(line, "\n") / 2;
		for (size_t i = 0; i < length; i++) {
			char byte[3] = { line[2 * i], line[2 * i + 1], 0 };
			packet[i] = (uint8_t)strtoul(byte, NULL, 16);
		}
		if (snoop_parse(packet, length, true, &counters, &message))
			put_message(&message);
		else
			printf("dropped\n");
	}
	return 0;
}

/* ---------------------------------------------------------------- building */

static void put_packet(const uint8_t *packet, size_t length)
{
	printf("\t");
	for (size_t i = 0; i < length; i++)
		printf("%02x", packet[i]);
	printf("\n");
}

static void build_query(enum snoop_family family, unsigned int version, unsigned int count,
			bool general, unsigned int seconds)
{
	struct address sources[SNOOP_QUERY_SOURCES];
	struct snoop_query query = {
		.version = version,
		.source = numbered(family, false, 1),
		.response = seconds * SNOOP_SECOND,
		.interval = seconds * 10 * SNOOP_SECOND,
		.robustness = 1 + seconds % 7,
		.suppress = count % 2 != 0,
		.sources = sources,
		.source_count = count,
	};
	uint8_t packet[SNOOP_PACKET_MAX];

	if (!general)
		query.group = numbered(family, true, 7);
	for (unsigned int i = 0; i < count; i++)
		sources[i] = numbered(family, false, i + 1);
	size_t length = family == SNOOP_IPV4 ? igmp_build_query(&query, packet)
					     : mld_build_query(&query, packet);
	printf("query %u %u %u %u %u", family == SNOOP_IPV4 ? 4 : 6, version, count, general,
	       seconds);
	put_packet(packet, length);
}

static void build_report(enum snoop_family family, unsigned int records, unsigned int sources)
{
	struct address from = numbered(family, false, 9), list[8];
	struct snoop_report report;

	for (unsigned int i = 0; i < sources; i++)
		list[i] = numbered(family, false, i + 1);
	snoop_report_begin(&report, family, &from);
	for (unsigned int i = 0; i < records; i++) {
		struct address group = numbered(family, true, i + 1);
		if (snoop_report_add(&report, i % 6 + 1, &group, list, sources) != (int)sources)
			abort();
	}
	snoop_report_end(&report);
	printf("records %u %u %u", family == SNOOP_IPV4 ? 4 : 6, records, sources);
	put_packet(report.packet, report.length);
}

static void build_old(enum snoop_family family, unsigned int version, bool leave)
{
	struct address from = numbered(family, false, 9), group = numbered(family, true, 3);
	uint8_t packet[SNOOP_PACKET_MAX];
	size_t length = family == SNOOP_IPV4 ? igmp_build_old(version, leave, &from, &group, packet)
					     : mld_build_old(leave, &from, &group, packet);

	printf("old %u %u %u", family == SNOOP_IPV4 ? 4 : 6, version, leave);
	put_packet(packet, length);
}

static int build(void)
{
	static const unsigned int seconds[] = { 1, 2, 10, 12, 13, 25, 100, 1000, 3000, 9000 };
	static const unsigned int counts[] = { 0, 1, 2, SNOOP_QUERY_SOURCES };

	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		unsigned int newest = family == SNOOP_IPV4 ? 3 : 2;
		for (unsigned int i = 0; i < 10; i++) {
			build_query(family, newest, 0, true, seconds[i]);
			build_query(family, newest - 1, 0, true, seconds[i]);
			build_query(family, newest - 1, 0, false, seconds[i]);
			for (unsigned int c = 0; c < 4; c++)
				build_query(family, newest, counts[c], false, seconds[i]);
		}
		for (unsigned int i = 0; i < 7; i++)
			build_report(family, i, i);
		build_old(family, newest - 1, false);
		build_old(family, newest - 1, true);
	}
	return 0;
}

int main(int count, char **arguments)
{
	if (count == 2 && strcmp(arguments[1], "parse") == 0)
		return parse();
	if (count == 2 && strcmp(arguments[1], "build") == 0)
		return build();
	fprintf(stderr, "usage: %s parse|build\n", arguments[0]);
	return 2;
}
