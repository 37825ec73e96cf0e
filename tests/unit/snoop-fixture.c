/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-fixture.c: what the engine puts out, kept as the data plane would keep it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snoop-fixture.h"

struct address address_of(const char *text)
{
	struct address address;

	if (address_parse(text, &address) != 0)
		fail_msg("'%s' is no address", text);
	return address;
}

static bool same(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void ports_text(const struct snoop_ports *ports, char *text, size_t size)
{
	size_t at = 0;

	text[0] = 0;
	for (unsigned int i = 0; i < SNOOP_PORT_MAX && at < size; i++)
		if (snoop_ports_has(ports, i))
			at += (size_t)snprintf(text + at, size - at, "%s%u", at == 0 ? "" : ",", i);
	if (at == 0)
		snprintf(text, size, "-");
}

/* ---------------------------------------------------------------- output */

static struct entry *find(struct snoop_fixture *f, const struct address *source,
			  const struct address *group)
{
	for (unsigned int i = 0; i < f->entries; i++) {
		struct entry *entry = &f->entry[i];
		if (entry->used && entry->any == (source == NULL) && same(&entry->group, group) &&
		    (source == NULL || same(&entry->source, source)))
			return entry;
	}
	return NULL;
}

static int forward(void *context, const struct snoop_domain_key *domain,
		   const struct address *source, const struct address *group,
		   const struct snoop_ports *ports)
{
	struct snoop_fixture *f = context;
	struct entry *entry = find(f, source, group);

	assert_memory_equal(domain, &f->key, sizeof(*domain));
	f->writes++;
	if (f->table_full)
		return -28;
	if (entry == NULL) {
		unsigned int i = 0;
		while (i < f->entries && f->entry[i].used)
			i++;
		assert_true(i < ENTRY_MAX);
		if (i == f->entries)
			f->entries++;
		entry = &f->entry[i];
	} else if (memcmp(&entry->ports, ports, sizeof(*ports)) == 0) {
		fail_msg("%s: an entry was written again as it was", f->where);
	}
	*entry = (struct entry){ .used = true, .any = source == NULL, .group = *group };
	if (source != NULL)
		entry->source = *source;
	entry->ports = *ports;
	return 0;
}

static void removed(void *context, const struct snoop_domain_key *domain,
		    const struct address *source, const struct address *group)
{
	struct snoop_fixture *f = context;
	struct entry *entry = find(f, source, group);

	(void)domain;
	f->removals++;
	if (entry == NULL)
		fail_msg("%s: an entry was removed that is not there", f->where);
	entry->used = false;
}

static void ruled(void *context, const struct snoop_domain_key *domain, enum snoop_family family,
		  const struct snoop_rule *rule)
{
	struct snoop_fixture *f = context;

	(void)domain;
	f->rule[family] = *rule;
	f->rules++;
}

static size_t put_address(enum snoop_family family, const uint8_t *at, char *text, size_t size)
{
	struct address address = { { [10] = 0xff, 0xff } };
	char name[46];

	memcpy(family == SNOOP_IPV4 ? address.bytes + 12 : address.bytes, at,
	       family == SNOOP_IPV4 ? 4 : 16);
	address_format(&address, name);
	return (size_t)snprintf(text, size, "%s", name);
}

/* GROUP{S,S}!/2: '!' S flag, "/N" an older version. */
static void query_text(const uint8_t *packet, size_t length, char *text, size_t size)
{
	enum snoop_family family = packet[0] >> 4 == 4 ? SNOOP_IPV4 : SNOOP_IPV6;
	size_t width = family == SNOOP_IPV4 ? 4 : 16, old = family == SNOOP_IPV4 ? 8 : 24, n;
	const uint8_t *message = packet + wire_start(packet), *more = message + old;
	static const uint8_t zero[16];

	n = memcmp(message + old - width, zero, width) == 0
		    ? (size_t)snprintf(text, size, "general")
		    : put_address(family, message + old - width, text, size);
	if (length == wire_start(packet) + old) {
		snprintf(text + n, size - n, "/%u", family == SNOOP_IPV4 ? 2 : 1);
		return;
	}
	unsigned int count = (unsigned int)more[2] << 8 | more[3];
	for (unsigned int i = 0; i < count; i++) {
		n += (size_t)snprintf(text + n, size - n, i == 0 ? "{" : ",");
		n += put_address(family, more + 4 + i * width, text + n, size - n);
	}
	snprintf(text + n, size - n, "%s%s", count > 0 ? "}" : "", more[0] & 8 ? "!" : "");
}

/* TYPE GROUP{S,S} of each record that fits */
static void records_text(const uint8_t *packet, char *text, size_t size)
{
	static const char *const type[] = { "?", "is_in", "is_ex", "to_in", "to_ex" };
	enum snoop_family family = packet[0] >> 4 == 4 ? SNOOP_IPV4 : SNOOP_IPV6;
	size_t width = family == SNOOP_IPV4 ? 4 : 16, n = 0;
	const uint8_t *at = packet + wire_start(packet);
	unsigned int records = (unsigned int)at[6] << 8 | at[7];

	for (at += 8; records > 0 && size - n > 100; records--) {
		unsigned int count = (unsigned int)at[2] << 8 | at[3];
		n += (size_t)snprintf(text + n, size - n, "%s_", type[at[0] <= 4 ? at[0] : 0]);
		n += put_address(family, at + 4, text + n, size - n);
		at += 4 + width;
		for (unsigned int i = 0; i < count; i++, at += width) {
			n += (size_t)snprintf(text + n, size - n, i == 0 ? "{" : ",");
			n += put_address(family, at, text + n, size - n);
		}
		n += (size_t)snprintf(text + n, size - n, "%s%s", count > 0 ? "}" : "",
				      records > 1 ? "&" : "");
	}
}

static void send(void *context, const struct snoop_domain_key *domain,
		 const struct snoop_ports *ports, const uint8_t mac[6], const uint8_t *packet,
		 size_t length)
{
	struct snoop_fixture *f = context;
	uint8_t copy[SNOOP_PACKET_MAX];
	unsigned int type = packet[wire_start(packet)];

	(void)domain;
	memcpy(copy, packet, length);
	wire_seal(copy, length);
	if (memcmp(copy, packet, length) != 0)
		fail_msg("%s: a packet was sent with a wrong length or checksum", f->where);
	memcpy(f->last_packet, packet, length);
	f->last_length = length;
	memcpy(f->last_mac, mac, 6);
	if (type == 0x31 || type == 152) {
		f->solicitations++;
		return;
	}
	if ((packet[0] >> 4 == 4) != (f->family == SNOOP_IPV4))
		return; /* the other family's general queries */
	assert_true(f->sent_count < SENT_MAX);
	char *text = f->sent[f->sent_count++];
	ports_text(ports, text, 100);
	strcat(text, ":");
	text += strlen(text);
	if (type == 0x22 || type == 143) {
		f->records += (unsigned int)packet[wire_start(packet) + 6] << 8 |
			      packet[wire_start(packet) + 7];
		records_text(packet, text, 150);
	} else if (type == 0x11 || type == 130) {
		query_text(packet, length, text, 150);
	} else {
		size_t n = (size_t)snprintf(text, 150,
					    type == 0x17 || type == 132 ? "leave_" : "report_");
		put_address(packet[0] >> 4 == 4 ? SNOOP_IPV4 : SNOOP_IPV6,
			    packet + wire_start(packet) + (packet[0] >> 4 == 4 ? 4 : 8), text + n,
			    150 - n);
	}
}

static void happened(void *context, const struct snoop_event *event)
{
	struct snoop_fixture *f = context;

	f->events[event->kind]++;
}

/* ---------------------------------------------------------------- life */

static bool busy(void *context)
{
	const struct snoop_fixture *f = context;

	return f->busy;
}

void fixture_settings(struct snoop_fixture *f)
{
	assert_int_equal(snoop_domain_set(f->snoop, &f->key, &f->settings, f->now), 0);
	f->next = snoop_tick(f->snoop, f->now);
}

void fixture_port(struct snoop_fixture *f, unsigned int port)
{
	assert_int_equal(snoop_port_set(f->snoop, &f->key, port, &f->port[port], f->now), 0);
	f->next = snoop_tick(f->snoop, f->now);
}

void fixture_start(struct snoop_fixture *f)
{
	memset(f, 0, sizeof(*f));
	struct snoop_output output = { f, forward, removed, ruled, send, happened, busy };
	f->snoop = snoop_new(&output, 100000, 100000);
	assert_non_null(f->snoop);
	f->where = "start";
	f->key = (struct snoop_domain_key){ 7, 10 };
	f->now = 1000 * SECOND;
	f->settings = snoop_settings_default;
	f->settings.address[SNOOP_IPV4] = address_of("10.0.0.100");
	f->settings.address[SNOOP_IPV6] = address_of("fe80::100");
	fixture_settings(f);
	for (unsigned int port = 1; port <= 4; port++) {
		f->port[port].up = true;
		fixture_port(f, port);
	}
}

void fixture_stop(struct snoop_fixture *f)
{
	snoop_free(f->snoop);
	f->snoop = NULL;
}

void fixture_advance(struct snoop_fixture *f, uint64_t time)
{
	uint64_t end = f->now + time;

	while (f->next <= end) {
		assert_true(f->next > f->now || f->next == 0);
		f->now = f->next;
		f->next = snoop_tick(f->snoop, f->now);
		assert_true(f->next > f->now);
	}
	f->now = end;
}

void fixture_input(struct snoop_fixture *f, unsigned int port, const uint8_t *packet, size_t length)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 9 };
	uint8_t *exact = malloc(length + 1); /* a byte past the packet is seen by the sanitizer */

	assert_non_null(exact);
	memcpy(exact + 1, packet, length); /* and it stands nowhere aligned */
	assert_true(
		snoop_input(f->snoop, &f->key, port, exact + 1, length, mac, f->now, &f->verdict));
	free(exact);
	assert_false(snoop_ports_has(&f->verdict, port));
	f->next = snoop_tick(f->snoop, f->now);
}

struct snoop_ports fixture_forward(struct snoop_fixture *f, const struct address *source,
				   const struct address *group)
{
	bool ipv4 = memcmp(group->bytes, "\0\0\0\0\0\0\0\0\0\0\xff\xff", 12) == 0;
	const struct snoop_rule *rule = &f->rule[ipv4 ? SNOOP_IPV4 : SNOOP_IPV6];
	struct snoop_ports all = { { 0 } }, to, said;
	const struct entry *entry = find(f, source, group);
	bool local = ipv4 ? memcmp(group->bytes + 12, "\xe0\0\0", 3) == 0
			  : group->bytes[0] == 0xff && (group->bytes[1] & 0xf) <= 2;

	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++)
		if (f->port[i].up)
			snoop_ports_add(&all, i);
	if (entry == NULL)
		entry = find(f, NULL, group);
	if (!rule->enforced || (entry == NULL && local))
		to = all;
	else if (entry != NULL)
		to = entry->ports;
	else
		to = rule->unregistered == SNOOP_FLOOD ? all : (struct snoop_ports){ { 0 } };
	if (rule->enforced && (entry != NULL || rule->unregistered == SNOOP_ROUTER_PORTS))
		for (unsigned int i = 0; i < 4; i++)
			to.word[i] |= rule->routers.word[i];
	assert_true(snoop_forward(f->snoop, &f->key, source, group, &said));
	if (memcmp(&said, &to, sizeof(to)) != 0)
		fail_msg("%s: snoop_forward differs from entries and rules", f->where);
	return to;
}

/* ---------------------------------------------------------------- state */

struct look {
	struct snoop_fixture *f;
	unsigned int port;
	const struct address *group;
	char *text;
	size_t size;
};

static int by_address(const void *a, const void *b)
{
	const struct snoop_source_view *one = a, *two = b;

	return memcmp(&one->address, &two->address, sizeof(one->address));
}

static size_t put_sources(const struct look *look, const struct snoop_source_view *sources,
			  unsigned int count, bool running, size_t n)
{
	const char *before = running ? " " : " -";

	for (unsigned int i = 0; i < count; i++) {
		const struct snoop_source_view *source = &sources[i];
		if ((source->expires != 0) != running)
			continue;
		n += (size_t)snprintf(look->text + n, look->size - n, "%s%c", before,
				      'a' + source->address.bytes[15] - 1);
		if (running)
			n += (size_t)snprintf(look->text + n, look->size - n, ":%g",
					      (double)(source->expires - look->f->now) / 1e9);
		before = ",";
	}
	return n;
}

static void see(void *context, const struct snoop_member_view *member)
{
	const struct look *look = context;
	struct snoop_source_view sources[SNOOP_PORT_MAX];
	size_t n;

	if (member->port != look->port || !same(&member->group, look->group))
		return;
	assert_true(member->source_count <= SNOOP_PORT_MAX);
	memcpy(sources, member->sources, member->source_count * sizeof(*sources));
	qsort(sources, member->source_count, sizeof(*sources), by_address);
	if (member->exclude)
		n = (size_t)snprintf(
			look->text, look->size, "E%g",
			member->expires == 0 ? 0 : (double)(member->expires - look->f->now) / 1e9);
	else
		n = (size_t)snprintf(look->text, look->size, "I");
	n = put_sources(look, sources, member->source_count, true, n);
	put_sources(look, sources, member->source_count, false, n);
}

void fixture_state(struct snoop_fixture *f, unsigned int port, const struct address *group,
		   char *text, size_t size)
{
	struct look look = { f, port, group, text, size };

	snprintf(text, size, "none");
	snoop_each_member(f->snoop, &f->key, see, &look);
}
