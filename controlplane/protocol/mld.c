/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mld.c: MLDv1 and v2 as read (RFC 2710, RFC 3810), and multicast router discovery's messages for
 * IPv6 (RFC 4286).
 */
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop-message.h"

enum {
	TYPE_QUERY = 130,
	TYPE_REPORT_V1 = 131,
	TYPE_DONE = 132,
	TYPE_REPORT_V2 = 143,
	TYPE_ADVERTISEMENT = 151,
	TYPE_SOLICITATION = 152,
	TYPE_TERMINATION = 153,
	MESSAGE_SIZE = 24,
	RECORDS_START = 8,
	DISCOVERY_SIZE = 4,
	QUERY_V2_SIZE = 28,
};

#define MILLISECOND (SNOOP_SECOND / 1000)

static const struct address all_nodes = { { 0xff, 2, [15] = 1 } };
static const struct address all_snoopers = { { 0xff, 2, [15] = 0x6a } };

static bool drop(uint64_t *counter)
{
	(*counter)++;
	return false;
}

/* RFC 3810 5.1, 8.1 */
static bool parse_query(const uint8_t *at, size_t size, struct snoop_counters *counters,
			struct snoop_message *message)
{
	message->kind = MESSAGE_QUERY;
	message->group = snoop_address(SNOOP_IPV6, at + 8);
	message->version = size >= QUERY_V2_SIZE ? 2 : 1;
	message->response = load16(at + 4) * MILLISECOND;
	if (size > MESSAGE_SIZE && size < QUERY_V2_SIZE)
		return drop(&counters->mld_query_length);
	if (message->version == 2) {
		message->source_count = load16(at + 26);
		if ((size_t)message->source_count * 16 > size - QUERY_V2_SIZE)
			return drop(&counters->mld_record_sources);
		message->sources = at + QUERY_V2_SIZE;
		message->response = snoop_code16_read(load16(at + 4)) * MILLISECOND;
		message->suppress = at[24] & 8;
		message->robustness = at[24] & 7;
		message->interval = snoop_code8_read(at[25]) * SNOOP_SECOND;
	}
	if (snoop_unspecified(&message->group)) {
		if (!snoop_address_equal(&message->destination, &all_nodes))
			return drop(&counters->query_destination);
		return message->source_count == 0 || drop(&counters->query_group);
	}
	return snoop_is_group(SNOOP_IPV6, &message->group) || drop(&counters->query_group);
}

static bool parse_single(const uint8_t *at, enum snoop_message_kind kind,
			 struct snoop_counters *counters, struct snoop_message *message)
{
	message->kind = kind;
	message->version = 1;
	message->group = snoop_address(SNOOP_IPV6, at + 8);
	return snoop_is_group(SNOOP_IPV6, &message->group) || drop(&counters->query_group);
}

/* RFC 3810 5.2 */
static bool parse_records(const uint8_t *at, size_t size, struct snoop_counters *counters,
			  struct snoop_message *message)
{
	size_t place = RECORDS_START, taken = 0;

	message->kind = MESSAGE_RECORDS;
	message->version = 2;
	message->records = at + RECORDS_START;
	message->record_count = load16(at + 6);
	for (unsigned int i = 0; i < message->record_count; i++, place += taken) {
		switch (snoop_record_size(SNOOP_IPV6, at + place, size - place, &taken)) {
		case RECORD_FITS:
			break;
		case RECORD_ENDS:
			return drop(&counters->mld_record_count);
		case RECORD_SOURCES:
			return drop(&counters->mld_record_sources);
		case RECORD_AUXILIARY:
			return drop(&counters->mld_record_auxiliary);
		}
	}
	return true;
}

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
		return parse_single(at, MESSAGE_REPORT, counters, message);
	case TYPE_DONE:
		return parse_single(at, MESSAGE_LEAVE, counters, message);
	case TYPE_REPORT_V2:
		return parse_records(at, size, counters, message);
	default:
		return parse_discovery(at, counters, message);
	}
}

/* The least size of a type; 0: not multicast's. */
static size_t least_size(unsigned int type)
{
	switch (type) {
	case TYPE_QUERY:
	case TYPE_REPORT_V1:
	case TYPE_DONE:
		return MESSAGE_SIZE;
	case TYPE_REPORT_V2:
	case TYPE_ADVERTISEMENT:
		return RECORDS_START;
	case TYPE_SOLICITATION:
	case TYPE_TERMINATION:
		return DISCOVERY_SIZE;
	default:
		return 0;
	}
}

/* RFC 3590 4, RFC 3810 5.2.13: a report may come from ::, of a host that has no address yet. */
static bool believed(unsigned int type, const struct address *source)
{
	if (source->bytes[0] == 0xfe && (source->bytes[1] & 0xc0) == 0x80)
		return true;
	return snoop_unspecified(source) && (type == TYPE_REPORT_V1 || type == TYPE_REPORT_V2);
}

bool mld_parse(const uint8_t *packet, const uint8_t *at, size_t size, bool alert,
	       struct snoop_counters *counters, struct snoop_message *message)
{
	if (size == 0)
		return drop(&counters->mld_short);
	size_t least = least_size(at[0]);
	if (least == 0) {
		counters->not_snooped++;
		return true;
	}
	if (size < least)
		return drop(&counters->mld_short);
	if (packet[7] != 1)
		return drop(&counters->mld_hop_limit);
	if (!alert)
		return drop(&counters->mld_router_alert);
	if (!believed(at[0], &message->source))
		return drop(&counters->mld_source);
	if (icmp6_checksum(packet + 8, at, size) != 0)
		return drop(&counters->mld_checksum);
	return dispatch(at, size, counters, message);
}
