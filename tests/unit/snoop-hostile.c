/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What is malformed or not to be believed: dropped, each under its own name, and never half-applied.
 * The packets end where the sanitizer sees one byte too far.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snoop-fixture.h"

struct packet {
	uint8_t bytes[WIRE_MAX];
	size_t length;
};

enum base { QUERY_OLD, QUERY, REPORT, LEAVE, RECORDS, PIM, ADVERTISEMENT, BASES };

/* Where things stand: the message, and the first record in it. */
enum { FIRST_RECORD = 8 };

static const struct address *list(enum snoop_family family)
{
	static struct address sources[SNOOP_FAMILIES][3];

	for (unsigned int i = 0; i < 3; i++) {
		char text[46];
		snprintf(text, sizeof(text), family == SNOOP_IPV4 ? "10.0.0.%u" : "2001:db8::%u",
			 i + 1);
		sources[family][i] = address_of(text);
	}
	return sources[family];
}

static void make(enum snoop_family family, enum base base, struct packet *packet)
{
	bool ipv4 = family == SNOOP_IPV4;
	struct address from = address_of(ipv4 ? "10.0.0.9" : "fe80::9");
	struct address group = address_of(ipv4 ? "239.1.1.1" : "ff15::1");
	struct address other = address_of(ipv4 ? "239.1.1.2" : "ff15::2");
	struct wire_query query = { base == QUERY_OLD ? (ipv4 ? 2 : 1) : (ipv4 ? 3 : 2),
				    from,
				    group,
				    list(family),
				    base == QUERY_OLD ? 0 : 3,
				    1000,
				    2,
				    125,
				    false };
	struct wire_record records[] = {
		{ 4, 0, group, NULL, 0 },
		{ 3, 2, other, list(family), 3 },
		{ 5, 1, other, list(family), 1 },
	};
	uint8_t *bytes = packet->bytes;

	switch (base) {
	case QUERY_OLD:
	case QUERY:
		packet->length = wire_query(family, &query, bytes);
		break;
	case REPORT:
		packet->length = wire_single(family, ipv4 ? 0x16 : 131, &from, &group, bytes);
		break;
	case LEAVE:
		packet->length = wire_single(family, ipv4 ? 0x17 : 132, &from, &group, bytes);
		break;
	case RECORDS:
		packet->length = wire_records(family, &from, records, 3, bytes);
		break;
	case PIM:
		packet->length = wire_pim(family, &from, 105, bytes);
		break;
	default:
		packet->length = wire_discovery(family, ipv4 ? 0x30 : 151, &from, 20, bytes);
	}
}

static void start(struct snoop_fixture *f, enum snoop_family family)
{
	fixture_start(f);
	f->where = "hostile input";
	f->family = family;
	snoop_script(f, "set querier=1; + 20");
}

/* All that a dropped packet may count: the sum of those counters. */
static uint64_t drops(const struct snoop_fixture *f)
{
	const uint64_t *counter = (const uint64_t *)snoop_domain_counters(f->snoop, &f->key);
	uint64_t sum = 0;
	size_t last = offsetof(struct snoop_counters, unknown_port) / sizeof(*counter);

	for (size_t i = 0; i < last; i++)
		sum += counter[i];
	return sum;
}

/* The packet is dropped: counted once, forwarded nowhere, and nothing has become of it. */
static void expect_drop(struct snoop_fixture *f, const struct packet *packet, const char *what,
			size_t at)
{
	uint64_t before = drops(f);
	unsigned int writes = f->writes, rules = f->rules, sent = f->sent_count;

	fixture_input(f, 2, packet->bytes, packet->length);
	if (drops(f) != before + 1)
		fail_msg("%s at %zu: counted %d times", what, at, (int)(drops(f) - before));
	if (!snoop_ports_empty(&f->verdict))
		fail_msg("%s at %zu: forwarded", what, at);
	if (f->writes != writes || f->rules != rules || f->sent_count != sent)
		fail_msg("%s at %zu: something came of it", what, at);
}

/* ---------------------------------------------------------------- each fault under its name */

typedef void change(struct packet *packet, uint8_t *message);

static void ttl(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[p->bytes[0] >> 4 == 4 ? 8 : 7] = 2;
	wire_seal(p->bytes, p->length);
}

static void no_alert(struct packet *p, uint8_t *m)
{
	(void)m;
	if (p->bytes[0] >> 4 == 4)
		memset(p->bytes + 20, 1, 4);
	else
		memcpy(p->bytes + 42, "\x01\x04\0\0\0", 6);
	wire_seal(p->bytes, p->length);
}

static void bad_checksum(struct packet *p, uint8_t *m)
{
	(void)p;
	m[2] ^= 0x40;
}

static void ip_checksum(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[10] ^= 1;
}

static void fragment(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[6] = 0x20;
	wire_seal(p->bytes, p->length);
}

static void one_record_more(struct packet *p, uint8_t *m)
{
	m[7]++;
	wire_seal(p->bytes, p->length);
}

static void many_records(struct packet *p, uint8_t *m)
{
	m[6] = m[7] = 0xff;
	wire_seal(p->bytes, p->length);
}

static uint8_t *last_record(uint8_t *m, bool ipv4)
{
	return m + FIRST_RECORD + (ipv4 ? 8 + 8 + 12 + 8 : 20 + 20 + 48 + 8);
}

static void one_source_more(struct packet *p, uint8_t *m)
{
	uint8_t *record = last_record(m, p->bytes[0] >> 4 == 4);

	record[1] = 0;
	record[3] = p->bytes[0] >> 4 == 4 ? 3 : 2;
	wire_seal(p->bytes, p->length);
}

static void many_sources(struct packet *p, uint8_t *m)
{
	memset(last_record(m, p->bytes[0] >> 4 == 4) + 2, 0xff, 2);
	wire_seal(p->bytes, p->length);
}

static void one_word_more(struct packet *p, uint8_t *m)
{
	last_record(m, p->bytes[0] >> 4 == 4)[1]++;
	wire_seal(p->bytes, p->length);
}

static void query_sources(struct packet *p, uint8_t *m)
{
	m[p->bytes[0] >> 4 == 4 ? 11 : 27]++;
	wire_seal(p->bytes, p->length);
}

static void query_length(struct packet *p, uint8_t *m)
{
	p->length = (size_t)(m - p->bytes) + (p->bytes[0] >> 4 == 4 ? 11 : 27);
	wire_seal(p->bytes, p->length);
}

static void short_message(struct packet *p, uint8_t *m)
{
	p->length = (size_t)(m - p->bytes) + 7;
	wire_seal(p->bytes, p->length);
}

static void no_message(struct packet *p, uint8_t *m)
{
	p->length = (size_t)(m - p->bytes);
	wire_seal(p->bytes, p->length);
}

static void no_group(struct packet *p, uint8_t *m)
{
	m[p->bytes[0] >> 4 == 4 ? 4 : 8] = 0x10;
	wire_seal(p->bytes, p->length);
}

/* A general query to a group, and one with sources. */
static void general(struct packet *p, uint8_t *m)
{
	memset(m + (p->bytes[0] >> 4 == 4 ? 4 : 8), 0, p->bytes[0] >> 4 == 4 ? 4 : 16);
	wire_seal(p->bytes, p->length);
}

static void general_with_sources(struct packet *p, uint8_t *m)
{
	if (p->bytes[0] >> 4 == 4)
		memcpy(p->bytes + 16, "\xe0\0\0\1", 4);
	else
		memcpy(p->bytes + 24, "\xff\2\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	general(p, m);
}

static void source_global(struct packet *p, uint8_t *m)
{
	(void)m;
	memcpy(p->bytes + 8, "\x20\x01\x0d\xb8", 4);
	wire_seal(p->bytes, p->length);
}

static void source_zero(struct packet *p, uint8_t *m)
{
	(void)m;
	memset(p->bytes + 8, 0, 16);
	wire_seal(p->bytes, p->length);
}

static void option_past_end(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[43] = 5;
	wire_seal(p->bytes, p->length);
}

static void options_past_end(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[41] = 40;
}

static void discovery_destination(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[p->bytes[0] >> 4 == 4 ? 19 : 39] = 1;
	wire_seal(p->bytes, p->length);
}

static void pim_option(struct packet *p, uint8_t *m)
{
	m[7] = 3;
	wire_seal(p->bytes, p->length);
}

static void pim_option_past_end(struct packet *p, uint8_t *m)
{
	m[13] = 5;
	wire_seal(p->bytes, p->length);
}

static void header_length(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[0] = 0x44;
}

static void header_past_end(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[0] = 0x4f;
	p->length = 32;
}

static void total_length(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[p->bytes[0] >> 4 == 4 ? 2 : 4] = 0x10;
}

static void version(struct packet *p, uint8_t *m)
{
	(void)m;
	p->bytes[0] = 0x50;
}

static const struct {
	const char *title;
	unsigned int families;
	enum base base;
	change *change;
	const char *counter;
} faults[] = {
	{ "TTL 2", ONLY_IPV4, REPORT, ttl, "igmp_ttl" },
	{ "TTL 2, query", ONLY_IPV4, QUERY, ttl, "igmp_ttl" },
	{ "TTL 2, records", ONLY_IPV4, RECORDS, ttl, "igmp_ttl" },
	{ "hop limit 2", ONLY_IPV6, REPORT, ttl, "mld_hop_limit" },
	{ "hop limit 2, query", ONLY_IPV6, QUERY, ttl, "mld_hop_limit" },
	{ "no router alert", ONLY_IPV6, REPORT, no_alert, "mld_router_alert" },
	{ "no router alert, query", ONLY_IPV6, QUERY, no_alert, "mld_router_alert" },
	{ "no router alert, records", ONLY_IPV6, RECORDS, no_alert, "mld_router_alert" },
	{ "checksum", ONLY_IPV4, REPORT, bad_checksum, "igmp_checksum" },
	{ "checksum of a query", ONLY_IPV4, QUERY, bad_checksum, "igmp_checksum" },
	{ "checksum", ONLY_IPV6, REPORT, bad_checksum, "mld_checksum" },
	{ "checksum of PIM", BOTH, PIM, bad_checksum, "pim_invalid" },
	{ "IP checksum", ONLY_IPV4, REPORT, ip_checksum, "ip_checksum" },
	{ "fragment", ONLY_IPV4, REPORT, fragment, "fragment" },
	{ "one record more than there are", ONLY_IPV4, RECORDS, one_record_more,
	  "igmp_record_count" },
	{ "one record more than there are", ONLY_IPV6, RECORDS, one_record_more,
	  "mld_record_count" },
	{ "65,535 records", ONLY_IPV4, RECORDS, many_records, "igmp_record_count" },
	{ "65,535 records", ONLY_IPV6, RECORDS, many_records, "mld_record_count" },
	{ "sources past the end", ONLY_IPV4, RECORDS, one_source_more, "igmp_record_sources" },
	{ "sources past the end", ONLY_IPV6, RECORDS, one_source_more, "mld_record_sources" },
	{ "65,535 sources", ONLY_IPV4, RECORDS, many_sources, "igmp_record_sources" },
	{ "65,535 sources", ONLY_IPV6, RECORDS, many_sources, "mld_record_sources" },
	{ "auxiliary data past the end", ONLY_IPV4, RECORDS, one_word_more,
	  "igmp_record_auxiliary" },
	{ "auxiliary data past the end", ONLY_IPV6, RECORDS, one_word_more,
	  "mld_record_auxiliary" },
	{ "query's sources past the end", ONLY_IPV4, QUERY, query_sources, "igmp_record_sources" },
	{ "query's sources past the end", ONLY_IPV6, QUERY, query_sources, "mld_record_sources" },
	{ "query of 11 bytes", ONLY_IPV4, QUERY, query_length, "igmp_query_length" },
	{ "query of 27 bytes", ONLY_IPV6, QUERY, query_length, "mld_query_length" },
	{ "7 bytes", ONLY_IPV4, REPORT, short_message, "igmp_short" },
	{ "7 bytes of records", ONLY_IPV4, RECORDS, short_message, "igmp_short" },
	{ "7 bytes", ONLY_IPV6, REPORT, short_message, "mld_short" },
	{ "nothing", ONLY_IPV4, REPORT, no_message, "igmp_short" },
	{ "nothing", ONLY_IPV6, REPORT, no_message, "mld_short" },
	{ "nothing of PIM", BOTH, PIM, no_message, "pim_invalid" },
	{ "report of no group", BOTH, REPORT, no_group, "query_group" },
	{ "leave of no group", BOTH, LEAVE, no_group, "query_group" },
	{ "query for no group", BOTH, QUERY_OLD, no_group, "query_group" },
	{ "general query to a group", BOTH, QUERY_OLD, general, "query_destination" },
	{ "general query with sources", BOTH, QUERY, general_with_sources, "query_group" },
	{ "report from a global address", ONLY_IPV6, REPORT, source_global, "mld_source" },
	{ "leave from ::", ONLY_IPV6, LEAVE, source_zero, "mld_source" },
	{ "query from ::", ONLY_IPV6, QUERY, source_zero, "mld_source" },
	{ "advertisement from ::", ONLY_IPV6, ADVERTISEMENT, source_zero, "mld_source" },
	{ "option past the end", ONLY_IPV6, REPORT, option_past_end, "mld_options" },
	{ "options past the end", ONLY_IPV6, REPORT, options_past_end, "mld_options" },
	{ "advertisement to others", BOTH, ADVERTISEMENT, discovery_destination,
	  "advertisement_invalid" },
	{ "PIM option of a wrong length", BOTH, PIM, pim_option, "pim_invalid" },
	{ "PIM option past the end", BOTH, PIM, pim_option_past_end, "pim_invalid" },
	{ "IPv4 header of 16 bytes", ONLY_IPV4, REPORT, header_length, "truncated" },
	{ "IPv4 header past the end", ONLY_IPV4, REPORT, header_past_end, "truncated" },
	{ "length past the end", BOTH, REPORT, total_length, "truncated" },
	{ "IP version 5", BOTH, REPORT, version, "truncated" },
};

static void one_fault(size_t i, enum snoop_family family)
{
	static struct snoop_fixture f;
	struct packet packet;
	char script[128];

	start(&f, family);
	make(family, faults[i].base, &packet);
	faults[i].change(&packet, packet.bytes + wire_start(packet.bytes));
	f.where = faults[i].title;
	expect_drop(&f, &packet, faults[i].title, 0);
	snprintf(script, sizeof(script), "count %s 1; entries 0; routers -", faults[i].counter);
	snoop_script(&f, script);
	fixture_stop(&f);
}

static void each_fault_has_its_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].families & ONLY_IPV4)
			one_fault(i, SNOOP_IPV4);
		if (faults[i].families & ONLY_IPV6)
			one_fault(i, SNOOP_IPV6);
	}
}

/* The same packets without a fault are taken: else the table above says nothing. */
static void bases_are_valid(void **state)
{
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		for (enum base base = 0; base < BASES; base++) {
			make(family, base, &packet);
			fixture_input(&f, 2, packet.bytes, packet.length);
			assert_int_equal(drops(&f), 0);
		}
		snoop_script(&f, "routers 2; ? G 2; ? a>H 2; ? b>H 2; ? d>H 2; count reports 2; "
				 "count queries 2; count leaves 1; count pim_hellos 1; "
				 "count router_advertisements 1");
		fixture_stop(&f);
	}
}

static void router_alert_of_igmp(void **state)
{
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	start(&f, SNOOP_IPV4);
	make(SNOOP_IPV4, REPORT, &packet);
	no_alert(&packet, NULL);
	fixture_input(&f, 2, packet.bytes, packet.length);
	snoop_script(&f,
		     "? G 2; count igmp_no_router_alert 1; port 2 down; port 2 up; set strict=1");
	fixture_input(&f, 2, packet.bytes, packet.length);
	snoop_script(&f, "? G *; count igmp_strict 1; 2 join1 G; ? G 2; count igmp_strict 1");
	/* a longer header: the option stands behind others */
	make(SNOOP_IPV4, REPORT, &packet);
	memmove(packet.bytes + 28, packet.bytes + 20, packet.length - 20);
	memcpy(packet.bytes + 20, "\x01\x07\x03\x04\x01\x01\x01\x01", 8);
	packet.bytes[0] = 0x48;
	packet.length += 8;
	wire_seal(packet.bytes, packet.length);
	fixture_input(&f, 3, packet.bytes, packet.length);
	snoop_script(&f, "? G 2,3; count igmp_strict 1");
	fixture_stop(&f);
}

static void unknown_types_are_flooded(void **state)
{
	static const unsigned int types[] = { 0x13, 0x14, 0x1e, 0x1f, 0x23, 0xff };
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	start(&f, SNOOP_IPV4);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		make(SNOOP_IPV4, REPORT, &packet);
		packet.bytes[24] = (uint8_t)types[i];
		packet.bytes[8] = 5;
		wire_seal(packet.bytes, packet.length);
		fixture_input(&f, 2, packet.bytes, packet.length);
		snoop_script(&f, "to 1,3,4; entries 0");
	}
	snoop_script(&f, "count unknown_type 6");
	make(SNOOP_IPV6, REPORT, &packet);
	packet.bytes[48] = 135;
	fixture_input(&f, 2, packet.bytes, packet.length);
	snoop_script(&f, "to 1,3,4; count not_snooped 1");
	make(SNOOP_IPV4, REPORT, &packet);
	packet.bytes[9] = 17;
	fixture_input(&f, 2, packet.bytes, packet.length);
	snoop_script(&f, "to 1,3,4; count not_snooped 2");
	make(SNOOP_IPV4, PIM, &packet);
	packet.bytes[20] = 0x23; /* a join */
	fixture_input(&f, 2, packet.bytes, packet.length);
	snoop_script(&f, "to 1,3,4; routers -");
	fixture_stop(&f);
}

/* ---------------------------------------------------------------- cut and changed anywhere */

/* Cut at every byte: the frame alone, so that the header says more than there is. */
static void cut_frames(void **state)
{
	static struct snoop_fixture f;
	struct packet packet, cut;

	(void)state;
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		for (enum base base = 0; base < BASES; base++) {
			make(family, base, &packet);
			for (cut = packet; cut.length > 0;) {
				cut.length--;
				expect_drop(&f, &cut, "frame cut", cut.length);
			}
		}
		fixture_stop(&f);
	}
}

/* Cut at every byte, lengths and checksums made to fit: a report with records is void unless all of
 * them are there. */
static void cut_messages(void **state)
{
	static struct snoop_fixture f;
	struct packet packet, cut;

	(void)state;
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		for (enum base base = 0; base < BASES; base++) {
			make(family, base, &packet);
			for (cut = packet; cut.length > wire_start(packet.bytes);) {
				cut.length--;
				wire_seal(cut.bytes, cut.length);
				if (base == RECORDS || base == REPORT || base == LEAVE)
					expect_drop(&f, &cut, "message cut", cut.length);
				else
					fixture_input(&f, 2, cut.bytes, cut.length);
			}
		}
		snoop_script(&f, "entries 0");
		fixture_stop(&f);
	}
}

/* Any byte of a message changed: its checksum says so. */
static void changed_messages(void **state)
{
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		for (enum base base = 0; base < BASES; base++) {
			make(family, base, &packet);
			for (size_t at = wire_start(packet.bytes) + 1; at < packet.length; at++) {
				packet.bytes[at] ^= 0x24;
				expect_drop(&f, &packet, "byte changed", at);
				packet.bytes[at] ^= 0x24;
			}
		}
		fixture_stop(&f);
	}
}

/* Padding behind the packet is none of it. */
static void padding(void **state)
{
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		make(family, RECORDS, &packet);
		memset(packet.bytes + packet.length, 0xee, 50);
		packet.length += 50;
		fixture_input(&f, 2, packet.bytes, packet.length);
		snoop_script(&f, "? G 2; ? a>H 2; count reports 1");
		fixture_stop(&f);
	}
}

/* Random bytes behind correct checksums. */
static void random_messages(void **state)
{
	static struct snoop_fixture f;
	struct packet packet;

	(void)state;
	srandom(5);
	for (enum snoop_family family = 0; family < SNOOP_FAMILIES; family++) {
		start(&f, family);
		for (unsigned int i = 0; i < 20000; i++) {
			make(family, (enum base)(random() % BASES), &packet);
			for (long n = random() % 4; n >= 0; n--)
				packet.bytes[(size_t)random() % packet.length] = (uint8_t)random();
			if (wire_start(packet.bytes) < packet.length)
				wire_seal(packet.bytes, packet.length);
			fixture_input(&f, 2, packet.bytes, packet.length);
			f.sent_count = f.sent_seen = 0;
		}
		fixture_stop(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bases_are_valid),      cmocka_unit_test(each_fault_has_its_name),
		cmocka_unit_test(router_alert_of_igmp), cmocka_unit_test(unknown_types_are_flooded),
		cmocka_unit_test(cut_frames),           cmocka_unit_test(cut_messages),
		cmocka_unit_test(changed_messages),     cmocka_unit_test(padding),
		cmocka_unit_test(random_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
