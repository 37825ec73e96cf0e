/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz_snoop.c: any bytes at all as IGMP, MLD and PIM into the snooping engine. Nothing may be read past a
 * packet, entries must be written and removed as they stand, state must stay within its limits, and when
 * all timers have run out nothing may be left.
 *
 * The input is a row of packets: one byte is the port that it comes in by (low 3 bits) and what else happens
 * (next 2 bits: nothing, checksums made right, time goes on, the port goes down and up), two bytes
 * (big-endian) are its length, then its bytes; what is missing is not there. With -fsanitize=fuzzer it is a
 * libFuzzer target; else with fuzz_main.c a program.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/snoop.h"
#include "tests/fuzz/fuzz.h"

enum { PORTS = 8, ENTRIES = 65536, GROUPS = 64, SOURCES = 256 };

#define SECOND 1000000000ull

static struct snoop *snoop;
static const struct snoop_domain_key key = { 1, 1 };
static struct snoop_port_settings port_settings = { .up = true };
static uint64_t now;
static long entries;

static void fail(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

/* ---------------------------------------------------------------- output */

/* Entries are told apart by a hash only: one that is not there must not be removed. */
static struct {
	bool used;
	struct address source, group;
} entry[ENTRIES];

static unsigned int place(const struct address *source, const struct address *group, bool *there)
{
	static const struct address any;
	unsigned int at = 5381;

	if (source == NULL)
		source = &any;
	for (unsigned int i = 0; i < 16; i++)
		at = at * 33 + source->bytes[i] * 7u + group->bytes[i];
	for (at %= ENTRIES; entry[at].used; at = (at + 1) % ENTRIES)
		if (memcmp(&entry[at].source, source, 16) == 0 &&
		    memcmp(&entry[at].group, group, 16) == 0)
			break;
	*there = entry[at].used;
	return at;
}

static int forward(void *context, const struct snoop_domain_key *domain,
		   const struct address *source, const struct address *group,
		   const struct snoop_ports *ports)
{
	static const struct address any;
	bool there;
	unsigned int at = place(source, group, &there);

	(void)context, (void)domain;
	for (unsigned int i = 1; i < SNOOP_PORT_MAX / 64; i++)
		if (ports->word[i] != 0)
			fail("a port that there is not");
	if (!there && ++entries > GROUPS * 2 + SOURCES * 2)
		fail("more entries than groups and sources");
	entry[at].used = true;
	entry[at].source = source == NULL ? any : *source;
	entry[at].group = *group;
	return 0;
}

static void removed(void *context, const struct snoop_domain_key *domain,
		    const struct address *source, const struct address *group)
{
	bool there;
	unsigned int hole = place(source, group, &there);

	(void)context, (void)domain;
	if (!there)
		fail("an entry removed that is not there");
	entries--;
	entry[hole].used = false;
	/* those behind it move up */
	for (unsigned int at = (hole + 1) % ENTRIES; entry[at].used; at = (at + 1) % ENTRIES) {
		entry[at].used = false;
		unsigned int to = place(&entry[at].source, &entry[at].group, &there);
		entry[to] = entry[at];
		entry[to].used = true;
	}
}

static void ruled(void *context, const struct snoop_domain_key *domain, enum snoop_family family,
		  const struct snoop_rule *rule)
{
	(void)context, (void)domain, (void)family, (void)rule;
}

static void sent(void *context, const struct snoop_domain_key *domain,
		 const struct snoop_ports *ports, const uint8_t mac[6], const uint8_t *packet,
		 size_t length)
{
	(void)context, (void)domain, (void)ports, (void)mac, (void)packet;
	if (length > SNOOP_PACKET_MAX || length < 28)
		fail("a packet of an impossible length");
}

static void happened(void *context, const struct snoop_event *event)
{
	(void)context, (void)event;
}

static bool busy(void *context)
{
	(void)context;
	return false;
}

/* ---------------------------------------------------------------- input */

static void set(bool querier, bool proxy)
{
	struct snoop_settings settings = snoop_settings_default;

	settings.querier = querier;
	settings.proxy = proxy;
	settings.address[SNOOP_IPV6] = (struct address){ { 0xfe, 0x80, [15] = 0x77 } };
	if (snoop_domain_set(snoop, &key, &settings, now) != 0)
		fail("no domain");
}

static void start(bool proxy)
{
	static const struct snoop_output output = { NULL, forward, removed, ruled, sent, happened,
						    busy };

	now = 1000 * SECOND;
	entries = 0;
	snoop = snoop_new(&output, GROUPS, SOURCES);
	if (snoop == NULL)
		fail("no engine");
	set(true, proxy);
	for (unsigned int port = 0; port < PORTS; port++)
		if (snoop_port_set(snoop, &key, port, &port_settings, now) != 0)
			fail("no port");
	snoop_tick(snoop, now);
}

/* Time goes on, timer by timer. */
static void advance(uint64_t until)
{
	uint64_t next;

	while ((next = snoop_tick(snoop, now)) <= until) {
		if (next <= now)
			fail("time stands still");
		now = next;
	}
	now = until;
}

static void seal(uint8_t *packet, size_t length)
{
	size_t start_at;

	if (length >= 24 && packet[0] >> 4 == 4) {
		start_at = (packet[0] & 0xfu) * 4;
		if (start_at < 20 || start_at + 4 > length)
			return;
		store16(packet + 2, (uint32_t)length);
		store16(packet + 10, 0);
		store16(packet + 10, checksum(packet, start_at));
		store16(packet + start_at + 2, 0);
		store16(packet + start_at + 2, checksum(packet + start_at, length - start_at));
	} else if (length >= 60 && packet[0] >> 4 == 6) {
		start_at = packet[6] == 0 ? 40 + (packet[41] + 1u) * 8 : 40;
		store16(packet + 4, (uint32_t)length - 40);
		if (start_at + 4 > length)
			return;
		store16(packet + start_at + 2, 0);
		store16(packet + start_at + 2,
			icmp6_checksum(packet + 8, packet + start_at, length - start_at));
	}
}

static void one(unsigned int head, const uint8_t *data, size_t length)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	unsigned int port = head & 7;
	struct snoop_ports to;
	uint8_t *packet = malloc(length == 0 ? 1 : length); /* it ends where the sanitizer looks */

	if (packet == NULL)
		fail("no memory");
	memcpy(packet, data, length);
	switch (head >> 3 & 3) {
	case 1:
		seal(packet, length);
		break;
	case 2:
		seal(packet, length);
		advance(now + (head >> 5) * 700000000ull);
		break;
	case 3:
		port_settings.up = false;
		snoop_port_set(snoop, &key, port, &port_settings, now);
		port_settings.up = true;
		snoop_port_set(snoop, &key, port, &port_settings, now);
		break;
	}
	if (!snoop_input(snoop, &key, port, packet, length, mac, now, &to))
		fail("the domain is gone");
	if (snoop_ports_has(&to, port))
		fail("a frame goes back where it came from");
	free(packet);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	start(size > 0 && data[0] >> 7);
	for (unsigned int n = 0; size >= 3 && n < 1000; n++) {
		size_t length = (size_t)load16(data + 1);
		unsigned int head = data[0];
		data += 3;
		size -= 3;
		if (length > size)
			length = size;
		one(head, data, length);
		data += length;
		size -= length;
	}
	set(false, false);
	advance(now + 600000 * SECOND); /* above the longest time that a query can ask for */
	if (entries != 0)
		fail("entries are left when all has run out");
	snoop_free(snoop);
	return 0;
}
