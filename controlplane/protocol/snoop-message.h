/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-message.h: what igmp.c, mld.c and pim.c read out of a packet, and what igmp-build.c and
 * mld-build.c make. Nothing here keeps state.
 */
#ifndef SHUNT_PROTOCOL_SNOOP_MESSAGE_H
#define SHUNT_PROTOCOL_SNOOP_MESSAGE_H

#include "controlplane/protocol/snoop.h"

#define SNOOP_SECOND 1000000000ull

enum snoop_message_kind {
	MESSAGE_OTHER, /* to be flooded: nothing that snooping looks at */
	MESSAGE_QUERY,
	MESSAGE_REPORT,        /* IGMPv1, v2, MLDv1: one group */
	MESSAGE_LEAVE,         /* IGMPv2, MLDv1: done */
	MESSAGE_RECORDS,       /* IGMPv3, MLDv2 */
	MESSAGE_HELLO,         /* PIM */
	MESSAGE_ADVERTISEMENT, /* RFC 4286 */
	MESSAGE_TERMINATION,
};

struct snoop_message {
	enum snoop_message_kind kind;
	enum snoop_family family;
	unsigned int version; /* IGMP 1 to 3, MLD 1 or 2 */
	struct address source, destination;
	struct address group; /* unspecified: general query */
	/* query */
	uint64_t response; /* Max Resp Time, ns */
	uint64_t interval; /* of the querier, ns; 0: it does not say */
	unsigned int robustness;
	bool suppress; /* S flag: timers stay as they are */
	const uint8_t *sources;
	unsigned int source_count;
	/* records: checked to lie within the packet */
	const uint8_t *records;
	unsigned int record_count;
	uint64_t lifetime; /* hello, advertisement: ns; 0: gone; UINT64_MAX: for ever */
};

enum snoop_record_type {
	RECORD_IS_IN = 1, /* RFC 3376 4.2.12, RFC 3810 5.2.12 */
	RECORD_IS_EX,
	RECORD_TO_IN,
	RECORD_TO_EX,
	RECORD_ALLOW,
	RECORD_BLOCK,
};

struct snoop_record {
	unsigned int type;
	struct address group;
	const uint8_t *sources; /* 4 or 16 bytes each */
	unsigned int count;
};

/* Read an IP packet. False: malformed or not to be believed, and counted. */
bool snoop_parse(const uint8_t *packet, size_t length, bool strict, struct snoop_counters *counters,
		 struct snoop_message *message);

/* Parts of the above: `at` is the message behind the IP header, `size` bytes to the packet's end. */
bool igmp_parse(const uint8_t *packet, const uint8_t *at, size_t size, bool strict,
		struct snoop_counters *counters, struct snoop_message *message);
bool mld_parse(const uint8_t *packet, const uint8_t *at, size_t size, bool alert,
	       struct snoop_counters *counters, struct snoop_message *message);
bool pim_parse(const uint8_t *packet, const uint8_t *at, size_t size,
	       struct snoop_counters *counters, struct snoop_message *message);

/* What records of both families have in common: where the one at `at` ends, or why it does not fit
 * into `size` bytes. */
enum snoop_record_fault { RECORD_FITS, RECORD_ENDS, RECORD_SOURCES, RECORD_AUXILIARY };
enum snoop_record_fault snoop_record_size(enum snoop_family family, const uint8_t *at, size_t size,
					  size_t *taken);

/* Read the record at `at`, of a report that was checked. Returns the next one's place. */
const uint8_t *snoop_record_read(enum snoop_family family, const uint8_t *at,
				 struct snoop_record *record);

/* The i-th of a list of sources. */
struct address snoop_source_at(enum snoop_family family, const uint8_t *sources, unsigned int i);

/* RFC 3376 4.1.1, 4.1.7; RFC 3810 5.1.9: 1 bit, 3 of exponent, 4 of mantissa. */
unsigned int snoop_code8_read(unsigned int code);
unsigned int snoop_code8(uint64_t value);
/* RFC 3810 5.1.3: 1 bit, 3 of exponent, 12 of mantissa. */
unsigned int snoop_code16_read(unsigned int code);
unsigned int snoop_code16(uint64_t value);

/* ---------------------------------------------------------------- building */

struct snoop_query {
	unsigned int version;
	struct address source;
	struct address group; /* unspecified: general */
	uint64_t response;    /* ns */
	uint64_t interval;    /* ns */
	unsigned int robustness;
	bool suppress;
	const struct address *sources;
	unsigned int source_count; /* at most SNOOP_QUERY_SOURCES */
};

enum {
	SNOOP_QUERY_SOURCES = 80, /* what an MLD query of 1,500 bytes holds, with room */
};

/* A whole IP packet, with router alert, TTL or hop limit 1. Returns its length. */
size_t igmp_build_query(const struct snoop_query *query, uint8_t packet[SNOOP_PACKET_MAX]);
size_t mld_build_query(const struct snoop_query *query, uint8_t packet[SNOOP_PACKET_MAX]);
/* Multicast router solicitation (RFC 4286 3.2). */
size_t igmp_build_solicitation(const struct address *source, uint8_t packet[SNOOP_PACKET_MAX]);
size_t mld_build_solicitation(const struct address *source, uint8_t packet[SNOOP_PACKET_MAX]);

/* A report under construction: begin, add records while they fit, end. */
struct snoop_report {
	enum snoop_family family;
	uint8_t packet[SNOOP_PACKET_MAX];
	size_t length;
	unsigned int records;
};

/* IGMPv3, MLDv2 */
void snoop_report_begin(struct snoop_report *report, enum snoop_family family,
			const struct address *source);
/* How many sources of `count` went in; -1: not even the record's header fits. */
int snoop_report_add(struct snoop_report *report, enum snoop_record_type type,
		     const struct address *group, const struct address *sources,
		     unsigned int count);
void snoop_report_end(struct snoop_report *report);
/* IGMPv1, v2, MLDv1: report or leave of one group. Returns the packet's length. */
size_t igmp_build_old(unsigned int version, bool leave, const struct address *source,
		      const struct address *group, uint8_t packet[SNOOP_PACKET_MAX]);
size_t mld_build_old(bool leave, const struct address *source, const struct address *group,
		     uint8_t packet[SNOOP_PACKET_MAX]);

/* IPv4 header with router alert (24 bytes), IPv6 header with hop-by-hop options (48 bytes); the
 * second part fills lengths and checksums in when `length` bytes stand there. */
enum { IGMP_START = 24, MLD_START = 48 };
void igmp_begin(uint8_t *packet, const struct address *source, const struct address *destination);
void igmp_end(uint8_t *packet, size_t length);
void mld_begin(uint8_t *packet, const struct address *source, const struct address *destination);
void mld_end(uint8_t *packet, size_t length);

/* ---------------------------------------------------------------- addresses */

/* bytes: 4 or 16 */
struct address snoop_address(enum snoop_family family, const uint8_t *bytes);
/* Where a family's bytes begin in a struct address. */
const uint8_t *snoop_address_bytes(enum snoop_family family, const struct address *address);
bool snoop_address_equal(const struct address *a, const struct address *b);
/* :: or 0.0.0.0 */
bool snoop_unspecified(const struct address *address);
bool snoop_is_group(enum snoop_family family, const struct address *address);
/* Groups that everybody gets: 224.0.0.0/24, ff02::1, scopes 0 and 1. */
bool snoop_is_local(enum snoop_family family, const struct address *group);
/* RFC 4604: 232.0.0.0/8, ff3x::/32 */
bool snoop_is_ssm(enum snoop_family family, const struct address *group);
enum snoop_family snoop_family_of(const struct address *address);
/* The MAC address of a group (RFC 1112 6.4, RFC 2464 7). */
void snoop_group_mac(enum snoop_family family, const struct address *group, uint8_t mac[6]);

#endif
