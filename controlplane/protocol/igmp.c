/* SPDX-License-Identifier: BSD-3-Clause
 *
 * igmp.c: IGMPv1, v2 and v3 as read (RFC 1112, RFC 2236, RFC 3376), and multicast router discovery's
 * messages for IPv4 (RFC 4286).
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	TYPE_QUERY = 0x11,
	TYPE_REPORT_V1 = 0x12,
	TYPE_REPORT_V2 = 0x16,
	TYPE_LEAVE = 0x17,
	TYPE_REPORT_V3 = 0x22,
	TYPE_ADVERTISEMENT = 0x30,
	TYPE_SOLICITATION = 0x31,
	TYPE_TERMINATION = 0x32,
	MESSAGE_SIZE = 8,
	DISCOVERY_SIZE = 4,
	QUERY_V3_SIZE = 12,
	OPTION_END = 0,
	OPTION_NOP = 1,
	OPTION_ROUTER_ALERT = 148, /* RFC 2113 */
	IPV4_HEADER = 20,
};

static const struct address all_hosts = { { [10] = 0xff, 0xff, 224, 0, 0, 1 } };
static const struct address all_snoopers = { { [10] = 0xff, 0xff, 224, 0, 0, 106 } };

static bool drop(uint64_t *counter)
{
	(*counter)++;
	return false;
}

static bool has_router_alert(const uint8_t *packet)
{
	size_t header = (packet[0] & 0xfu) * 4;

	for (size_t at = IPV4_HEADER; at < header && packet[at] != OPTION_END;) {
		if (packet[at] == OPTION_NOP) {
			at++;
			continue;
		}
		if (header - at < 2 || packet[at + 1] < 2)
			return false;
		if (packet[at] == OPTION_ROUTER_ALERT && packet[at + 1] == 4 && header - at >= 4)
			return true;
		at += packet[at + 1];
	}
	return false;
}

/* RFC 3376 4.1, 7.1 */
static bool parse_query(const uint8_t *at, size_t size, struct snoop_counters *counters,
			struct snoop_message *message)
{
	message->kind = MESSAGE_QUERY;
	message->group = snoop_address(SNOOP_IPV4, at + 4);
	message->version = size >= QUERY_V3_SIZE ? 3 : at[1] != 0 ? 2 : 1;
	message->response = at[1] * (SNOOP_SECOND / 10);
	if (message->version == 1)
		message->response = 10 * SNOOP_SECOND; /* RFC 3376 7.2.1 */
	if (size > MESSAGE_SIZE && size < QUERY_V3_SIZE)
		return drop(&counters->igmp_query_length);
	if (message->version == 3) {
		message->source_count = load16(at + 10);
		if (message->source_count * 4 > size - QUERY_V3_SIZE)
			return drop(&counters->igmp_record_sources);
		message->sources = at + QUERY_V3_SIZE;
		message->response = snoop_code8_read(at[1]) * (SNOOP_SECOND / 10);
		message->suppress = at[8] & 8;
		message->robustness = at[8] & 7;
		message->interval = snoop_code8_read(at[9]) * SNOOP_SECOND;
	}
	if (snoop_unspecified(&message->group)) {
		if (!snoop_address_equal(&message->destination, &all_hosts))
			return drop(&counters->query_destination);
		return message->source_count == 0 || drop(&counters->query_group);
	}
	return snoop_is_group(SNOOP_IPV4, &message->group) || drop(&counters->query_group);
}

static bool parse_single(const uint8_t *at, enum snoop_message_kind kind, unsigned int version,
			 struct snoop_counters *counters, struct snoop_message *message)
{
	message->kind = kind;
	message->version = version;
	message->group = snoop_address(SNOOP_IPV4, at + 4);
	return snoop_is_group(SNOOP_IPV4, &message->group) || drop(&counters->query_group);
}

/* RFC 3376 4.2: every record must lie in the packet before one of them is looked at. */
static bool parse_records(const uint8_t *at, size_t size, struct snoop_counters *counters,
			  struct snoop_message *message)
{
	size_t place = MESSAGE_SIZE, taken = 0;

	message->kind = MESSAGE_RECORDS;
	message->version = 3;
	message->records = at + MESSAGE_SIZE;
	message->record_count = load16(at + 6);
	for (unsigned int i = 0; i < message->record_count; i++, place += taken) {
		switch (snoop_record_size(SNOOP_IPV4, at + place, size - place, &taken)) {
		case RECORD_FITS:
			break;
		case RECORD_ENDS:
			return drop(&counters->igmp_record_count);
		case RECORD_SOURCES:
			return drop(&counters->igmp_record_sources);
		case RECORD_AUXILIARY:
			return drop(&counters->igmp_record_auxiliary);
		}
	}
	return true;
}

/* RFC 4286 3.1, 3.3 */
static bool parse_discovery(const uint8_t *at, struct snoop_counters *counters,
			    struct snoop_message *message)
{
	if (at[0] == TYPE_SOLICITATION)
		return true;
	if (!snoop_address_equal(&message->destination, &all_snoopers))
		return drop(&counters->advertisement_invalid);
	message->kind = at[0] == TYPE_ADVERTISEMENT ? MESSAGE_ADVERTISEMENT : MESSAGE_TERMINATION;
	if (at[0] == TYPE_ADVERTISEMENT)
		message->lifetime = 3 * at[1] * SNOOP_SECOND;
	return true;
}

static bool dispatch(const uint8_t *at, size_t size, struct snoop_counters *counters,
		     struct snoop_message *message)
{
	switch (at[0]) {
	case TYPE_QUERY:
		return parse_query(at, size, counters, message);
	case TYPE_REPORT_V1:
		return parse_single(at, MESSAGE_REPORT, 1, counters, message);
	case TYPE_REPORT_V2:
		return parse_single(at, MESSAGE_REPORT, 2, counters, message);
	case TYPE_LEAVE:
		return parse_single(at, MESSAGE_LEAVE, 2, counters, message);
	case TYPE_REPORT_V3:
		return parse_records(at, size, counters, message);
	default:
		return parse_discovery(at, counters, message);
	}
}

/* The least size of a type; 0: unknown. */
static size_t least_size(unsigned int type)
{
	switch (type) {
	case TYPE_QUERY:
	case TYPE_REPORT_V1:
	case TYPE_REPORT_V2:
	case TYPE_LEAVE:
	case TYPE_REPORT_V3:
	case TYPE_ADVERTISEMENT:
		return MESSAGE_SIZE;
	case TYPE_SOLICITATION:
	case TYPE_TERMINATION:
		return DISCOVERY_SIZE;
	default:
		return 0;
	}
}

/* IGMPv1 has no router alert: its reports, and queries without a response time. */
static bool is_version_1(const uint8_t *at, size_t size)
{
	return at[0] == TYPE_REPORT_V1 ||
	       (at[0] == TYPE_QUERY && size == MESSAGE_SIZE && at[1] == 0);
}

bool igmp_parse(const uint8_t *packet, const uint8_t *at, size_t size, bool strict,
		struct snoop_counters *counters, struct snoop_message *message)
{
	if (size == 0)
		return drop(&counters->igmp_short);
	size_t least = least_size(at[0]);
	if (least == 0) { /* RFC 4541 2.1.1.3 */
		counters->unknown_type++;
		return true;
	}
	if (size < least)
		return drop(&counters->igmp_short);
	if (packet[8] != 1)
		return drop(&counters->igmp_ttl);
	if (checksum(at, size) != 0)
		return drop(&counters->igmp_checksum);
	if (!is_version_1(at, size) && !has_router_alert(packet)) {
		if (strict)
			return drop(&counters->igmp_strict);
		counters->igmp_no_router_alert++;
	}
	return dispatch(at, size, counters, message);
}
