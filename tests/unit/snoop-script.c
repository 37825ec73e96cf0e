/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-script.c: the language of snoop-fixture.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snoop-fixture.h"

enum { WORDS = 32, RECORDS = 8, SOURCES = 128 };
struct words {
	char text[512];
	char *word[WORDS];
	unsigned int count;
};

static void wrong(struct snoop_fixture *f, const char *what, const char *got, const char *expected)
{
	fail_msg("%s (IPv%c): %s is '%s', expected '%s'", f->where,
		 f->family == SNOOP_IPV4 ? '4' : '6', what, got, expected);
}

static void expect_text(struct snoop_fixture *f, const char *what, const char *got,
			const char *expected)
{
	if (strcmp(got, expected) != 0)
		wrong(f, what, got, expected);
}

static void expect_number(struct snoop_fixture *f, const char *what, unsigned long got,
			  const char *expected)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", got);
	expect_text(f, what, text, expected);
}

/* ---------------------------------------------------------------- words */

static struct address name(const struct snoop_fixture *f, const char *text)
{
	static const struct {
		char name;
		const char *address[SNOOP_FAMILIES];
	} names[] = {
		{ 'G', { "239.1.1.1", "ff15::1" } },    { 'H', { "239.1.1.2", "ff15::2" } },
		{ 'U', { "10.0.0.100", "fe80::100" } }, { 'L', { "10.0.0.50", "fe80::50" } },
		{ 'M', { "10.0.0.60", "fe80::60" } },   { 'R', { "10.0.0.254", "fe80::254" } },
		{ 'Z', { "0.0.0.0", "::" } },
	};
	char source[46];

	if (text[0] >= 'a' && text[0] <= 'f' && text[1] == 0) {
		snprintf(source, sizeof(source),
			 f->family == SNOOP_IPV4 ? "10.0.0.%d" : "2001:db8::%d", text[0] - 'a' + 1);
		return address_of(source);
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text[0] == names[i].name && text[1] == 0)
			return address_of(names[i].address[f->family]);
	return address_of(text);
}

static unsigned int source_list(const struct snoop_fixture *f, char *text, struct address *sources)
{
	unsigned int count = 0;
	char *rest = NULL;

	for (char *one = strtok_r(text, ",", &rest); one != NULL;
	     one = strtok_r(NULL, ",", &rest)) {
		assert_true(count < SOURCES);
		sources[count++] = name(f, one);
	}
	return count;
}

/* Value of "key=value"; NULL: another key. */
static const char *value_of(const char *word, const char *key)
{
	size_t length = strlen(key);

	return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static unsigned int record_type(const char *text)
{
	static const char *const types[] = { "0",     "is_in", "is_ex", "to_in",
					     "to_ex", "allow", "block" };

	for (unsigned int i = 1; i < 7; i++)
		if (strcmp(types[i], text) == 0)
			return i;
	return (unsigned int)atoi(text);
}

static struct snoop_ports port_list(const struct snoop_fixture *f, const char *text)
{
	struct snoop_ports ports = { { 0 } };

	if (strcmp(text, "*") == 0)
		for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++)
			if (f->port[i].up)
				snoop_ports_add(&ports, i);
	for (const char *at = text; *at >= '0' && *at <= '9';) {
		char *after;
		snoop_ports_add(&ports, (unsigned int)strtoul(at, &after, 10));
		at = *after == ',' ? after + 1 : after;
	}
	return ports;
}

static void expect_ports(struct snoop_fixture *f, const char *what, const struct snoop_ports *got,
			 const char *expected)
{
	struct snoop_ports ports = port_list(f, expected);
	char one[1024], other[1024];

	ports_text(got, one, sizeof(one));
	ports_text(&ports, other, sizeof(other));
	expect_text(f, what, one, other);
}

/* ---------------------------------------------------------------- frames */

static void input_single(struct snoop_fixture *f, unsigned int port, const struct words *w)
{
	bool ipv4 = f->family == SNOOP_IPV4;
	struct address group = name(f, w->word[2]);
	struct address from = name(f, w->count > 3 ? w->word[3] : ipv4 ? "10.0.0.9" : "fe80::9");
	unsigned int type = ipv4 ? 0x16 : 131;
	uint8_t packet[WIRE_MAX];

	if (strcmp(w->word[1], "join1") == 0)
		type = 0x12;
	else if (strcmp(w->word[1], "leave") == 0)
		type = ipv4 ? 0x17 : 132;
	fixture_input(f, port, packet, wire_single(f->family, type, &from, &group, packet));
}

static void input_records(struct snoop_fixture *f, unsigned int port, const struct words *w)
{
	static struct address sources[RECORDS][SOURCES];
	struct wire_record records[RECORDS] = { { 0 } };
	struct address from = address_of(f->family == SNOOP_IPV4 ? "10.0.0.9" : "fe80::9");
	unsigned int count = 0;
	uint8_t packet[WIRE_MAX];

	for (unsigned int i = 2; i < w->count; i++, count++) {
		assert_true(count < RECORDS && i + 1 < w->count);
		struct wire_record *record = &records[count];
		record->type = record_type(w->word[i++]);
		record->group = name(f, w->word[i]);
		record->sources = sources[count];
		while (i + 1 < w->count && strcmp(w->word[i + 1], "&") != 0) {
			i++;
			if (value_of(w->word[i], "aux") != NULL)
				record->auxiliary = (unsigned int)atoi(value_of(w->word[i], "aux"));
			else
				record->count = source_list(f, w->word[i], sources[count]);
		}
		i++;
	}
	fixture_input(f, port, packet, wire_records(f->family, &from, records, count, packet));
}

static void input_query(struct snoop_fixture *f, unsigned int port, const struct words *w)
{
	struct address sources[SOURCES];
	struct wire_query query = {
		.version = f->family == SNOOP_IPV4 ? 3 : 2,
		.source = name(f, w->word[2]),
		.group = name(f, "Z"),
		.sources = sources,
		.response_ms = 10000,
		.robustness = 2,
		.interval_s = 125,
	};
	uint8_t packet[WIRE_MAX];
	const char *value;

	for (unsigned int i = 3; i < w->count; i++) {
		char *word = w->word[i];
		if ((value = value_of(word, "group")) != NULL)
			query.group = name(f, value);
		else if ((value = value_of(word, "sources")) != NULL)
			query.source_count = source_list(f, word + 8, sources);
		else if ((value = value_of(word, "v")) != NULL)
			query.version = (unsigned int)atoi(value);
		else if ((value = value_of(word, "resp")) != NULL)
			query.response_ms = (unsigned int)atoi(value);
		else if ((value = value_of(word, "qrv")) != NULL)
			query.robustness = (unsigned int)atoi(value);
		else if ((value = value_of(word, "qqi")) != NULL)
			query.interval_s = (unsigned int)atoi(value);
		else if (strcmp(word, "s") == 0)
			query.suppress = true;
		else
			fail_msg("%s: '%s' in a query", f->where, word);
	}
	fixture_input(f, port, packet, wire_query(f->family, &query, packet));
}

static void input_router(struct snoop_fixture *f, unsigned int port, const struct words *w)
{
	struct address from = name(f, w->word[2]);
	bool ipv4 = f->family == SNOOP_IPV4;
	uint8_t packet[WIRE_MAX];
	unsigned int seconds = w->count > 3 ? (unsigned int)atoi(w->word[3]) : 0;
	size_t length;

	if (strcmp(w->word[1], "pim") == 0)
		length = wire_pim(f->family, &from, seconds, packet);
	else if (strcmp(w->word[1], "mrd") == 0)
		length = wire_discovery(f->family, ipv4 ? 0x30 : 151, &from, seconds, packet);
	else
		length = wire_discovery(f->family, ipv4 ? 0x32 : 153, &from, 0, packet);
	fixture_input(f, port, packet, length);
}

static void input(struct snoop_fixture *f, const struct words *w)
{
	unsigned int port = (unsigned int)atoi(w->word[0]);
	const char *what = w->word[1];

	assert_true(w->count >= 3);
	if (strncmp(what, "join", 4) == 0 || strcmp(what, "leave") == 0)
		input_single(f, port, w);
	else if (strcmp(what, "rec") == 0)
		input_records(f, port, w);
	else if (strcmp(what, "query") == 0)
		input_query(f, port, w);
	else if (strcmp(what, "pim") == 0 || strcmp(what, "mrd") == 0 || strcmp(what, "term") == 0)
		input_router(f, port, w);
	else
		fail_msg("%s: no frame '%s'", f->where, what);
}

/* ---------------------------------------------------------------- settings */

static void set(struct snoop_fixture *f, const struct words *w)
{
	struct snoop_settings *s = &f->settings;

	for (unsigned int i = 1; i < w->count; i++) {
		char *value = strchr(w->word[i], '=');
		assert_non_null(value);
		*value++ = 0;
		unsigned int number = (unsigned int)atoi(value);
		uint64_t time = number * (SECOND / 1000);
		const char *key = w->word[i];
#define SET(text, field, what)                                                                     \
	else if (strcmp(key, text) == 0)                                                           \
	{                                                                                          \
		s->field = what;                                                                   \
	}
		if (0) {
		}
		SET("querier", querier, number != 0)
		SET("strict", strict, number != 0)
		SET("proxy", proxy, number != 0)
		SET("unregistered", unregistered, number)
		SET("robustness", robustness, number)
		SET("query", query_interval, time)
		SET("response", query_response_interval, time)
		SET("last", last_member_interval, time)
		SET("last_count", last_member_count, number)
		SET("startup", startup_interval, time)
		SET("startup_count", startup_count, number)
		SET("groups", groups_max, number)
		SET("sources", sources_max, number)
		SET("version", version[f->family], (uint8_t)number)
		SET("address", address[f->family], name(f, value))
		else fail_msg("%s: no setting '%s'", f->where, key);
#undef SET
	}
	fixture_settings(f);
}

static void permit(struct snoop_fixture *f, struct snoop_port_settings *s, char *text)
{
	char *slash = strchr(text, '/');
	bool ipv4 = f->family == SNOOP_IPV4;

	assert_non_null(slash);
	*slash = 0;
	s->permit[s->permit_count++] = (struct snoop_prefix){
		.address = address_of(text),
		.length = (ipv4 ? 96u : 0u) + (unsigned int)atoi(slash + 1),
	};
}

static void set_port(struct snoop_fixture *f, const struct words *w)
{
	unsigned int port = (unsigned int)atoi(w->word[1]);
	struct snoop_port_settings *s = &f->port[port];

	for (unsigned int i = 2; i < w->count; i++) {
		const char *word = w->word[i], *value;
		if (strcmp(word, "delete") == 0) {
			memset(s, 0, sizeof(*s));
			snoop_port_delete(f->snoop, &f->key, port, f->now);
			f->next = snoop_tick(f->snoop, f->now);
			return;
		}
		if (strcmp(word, "up") == 0 || strcmp(word, "down") == 0)
			s->up = word[0] == 'u';
		else if (strcmp(word, "fast") == 0 || strcmp(word, "slow") == 0)
			s->fast_leave = word[0] == 'f';
		else if ((value = value_of(word, "router")) != NULL)
			s->router[f->family] = value[0] == 's'   ? SNOOP_ROUTER_STATIC
					       : value[0] == 'n' ? SNOOP_ROUTER_NEVER
								 : SNOOP_ROUTER_LEARN;
		else if ((value = value_of(word, "max")) != NULL)
			s->groups_max = (unsigned int)atoi(value);
		else if (value_of(word, "permit") != NULL)
			permit(f, s, w->word[i] + 7);
		else
			fail_msg("%s: no port setting '%s'", f->where, word);
	}
	fixture_port(f, port);
}

static void set_static(struct snoop_fixture *f, const struct words *w)
{
	unsigned int port = (unsigned int)atoi(w->word[1]);
	struct address group = name(f, w->word[2]), source;
	const struct address *from = NULL;

	if (w->count > 3) {
		source = name(f, w->word[3]);
		from = &source;
	}
	int (*what)(struct snoop *, const struct snoop_domain_key *, unsigned int,
		    const struct address *, const struct address *, uint64_t) =
		w->word[0][0] == 'u' ? snoop_static_delete : snoop_static_add;
	assert_int_equal(what(f->snoop, &f->key, port, &group, from, f->now), 0);
	f->next = snoop_tick(f->snoop, f->now);
}

/* ---------------------------------------------------------------- expectations */

static void expect_forward(struct snoop_fixture *f, char *what, const char *expected)
{
	char *arrow = strchr(what, '>');
	struct address source = name(f, f->family == SNOOP_IPV4 ? "10.9.9.9" : "2001:db8::99");
	char label[128];

	snprintf(label, sizeof(label), "data to %s", what);
	if (arrow != NULL) {
		*arrow = 0;
		source = name(f, what);
		what = arrow + 1;
	}
	struct address group = name(f, what);
	struct snoop_ports ports = fixture_forward(f, &source, &group);
	expect_ports(f, label, &ports, expected);
}

/* Names in what was sent are written as addresses: translate the expectation. */
static void expect_sent(struct snoop_fixture *f, const char *expected)
{
	char text[512], one[2] = "";
	size_t n = 0;

	if (strcmp(expected, "-") == 0) {
		if (f->sent_seen < f->sent_count)
			wrong(f, "sent", f->sent[f->sent_seen], "-");
		return;
	}
	const char *at = strchr(expected, ':');
	assert_non_null(at);
	n = (size_t)snprintf(text, sizeof(text), "%.*s:", (int)(at - expected), expected);
	for (at++; *at != 0; at++) {
		bool alone = strchr("{,:_&", at[-1]) != NULL &&
			     (at[1] == 0 || strchr("{,}!/&", at[1]) != NULL);
		one[0] = *at;
		if (alone && strchr("GHabcdef", *at) != NULL) {
			struct address address = name(f, one);
			char written[46];
			address_format(&address, written);
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", written);
		} else {
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", one);
		}
	}
	expect_text(f, "sent", f->sent_seen < f->sent_count ? f->sent[f->sent_seen] : "nothing",
		    text);
	f->sent_seen++;
	if (f->sent_seen == f->sent_count)
		f->sent_seen = f->sent_count = 0;
}

static void expect_state(struct snoop_fixture *f, const struct words *w)
{
	struct address group = name(f, w->word[2]);
	char state[2048], expected[512];

	fixture_state(f, (unsigned int)atoi(w->word[1]), &group, state, sizeof(state));
	snprintf(expected, sizeof(expected), "%s", w->word[3]);
	for (char *at = expected; *at != 0; at++)
		if (*at == '_')
			*at = ' ';
	expect_text(f, "state", state, expected);
}

static void expect_querier(struct snoop_fixture *f, const char *expected)
{
	struct snoop_querier_view view;
	char text[46];

	assert_true(snoop_querier(f->snoop, &f->key, f->family, &view));
	struct address nobody = { { 0 } };
	if (view.self || memcmp(&view.address, &nobody, sizeof(nobody)) == 0) {
		expect_text(f, "querier", view.self ? "self" : "none", expected);
		return;
	}
	struct address address = name(f, expected);
	char other[46];
	address_format(&view.address, text);
	address_format(&address, other);
	expect_text(f, "querier", text, other);
}

static void expect_counter(struct snoop_fixture *f, const char *which, const char *expected)
{
	const struct snoop_counters *counters = snoop_domain_counters(f->snoop, &f->key);

#define X(counter, text)                                                                           \
	if (strcmp(which, #counter) == 0) {                                                        \
		expect_number(f, which, (unsigned long)counters->counter, expected);               \
		return;                                                                            \
	}
	SNOOP_COUNTERS(X)
#undef X
	fail_msg("%s: no counter '%s'", f->where, which);
}

struct version_look {
	unsigned int port, version;
	struct address group;
};

static void see_version(void *context, const struct snoop_member_view *member)
{
	struct version_look *look = context;

	if (member->port == look->port &&
	    memcmp(&member->group, &look->group, sizeof(look->group)) == 0)
		look->version = member->version;
}

static void expect_version(struct snoop_fixture *f, const struct words *w)
{
	struct version_look look = { .port = (unsigned int)atoi(w->word[1]),
				     .group = name(f, w->word[2]) };

	snoop_tick(f->snoop, f->now);
	snoop_each_member(f->snoop, NULL, see_version, &look);
	expect_number(f, "version", look.version, w->word[3]);
}

struct reason_look {
	enum snoop_family family;
	unsigned int port, reasons;
};

static void see_reasons(void *context, const struct snoop_router_view *router)
{
	struct reason_look *look = context;

	if (router->family == look->family && router->port == look->port)
		look->reasons = router->reasons;
}

static void expect_reasons(struct snoop_fixture *f, const struct words *w)
{
	struct reason_look look = { f->family, (unsigned int)atoi(w->word[1]), 0 };

	snoop_each_router(f->snoop, &f->key, see_reasons, &look);
	expect_number(f, "reasons", look.reasons, w->word[2]);
}

static void expect_entries(struct snoop_fixture *f, const char *expected)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < f->entries; i++)
		used += f->entry[i].used;
	expect_number(f, "number of entries", used, expected);
}

static void expect_events(struct snoop_fixture *f, const char *which, const char *expected)
{
	static const char *const kinds[] = {
		"joined", "left", "refused", "found", "gone", "querier"
	};

	for (unsigned int i = 0; i < 6; i++)
		if (strcmp(kinds[i], which) == 0)
			expect_number(f, which, f->events[i], expected);
}

/* ---------------------------------------------------------------- statements */

static void run(struct snoop_fixture *f, struct words *w)
{
	const char *verb = w->word[0];

	if (verb[0] >= '0' && verb[0] <= '9')
		input(f, w);
	else if (strcmp(verb, "+") == 0)
		fixture_advance(f, (uint64_t)(strtod(w->word[1], NULL) * 1000 + 0.5) * 1000000);
	else if (strcmp(verb, "set") == 0)
		set(f, w);
	else if (strcmp(verb, "port") == 0)
		set_port(f, w);
	else if (strcmp(verb, "static") == 0 || strcmp(verb, "unstatic") == 0)
		set_static(f, w);
	else if (strcmp(verb, "other") == 0)
		f->family ^= 1;
	else if (strcmp(verb, "topology") == 0)
		snoop_topology_change(f->snoop, &f->key, f->now);
	else if (strcmp(verb, "?") == 0)
		expect_forward(f, w->word[1], w->word[2]);
	else if (strcmp(verb, "to") == 0)
		expect_ports(f, "where the frame goes", &f->verdict, w->word[1]);
	else if (strcmp(verb, "sent") == 0)
		expect_sent(f, w->word[1]);
	else if (strcmp(verb, "clear") == 0)
		f->sent_count = f->sent_seen = 0;
	else if (strcmp(verb, "state") == 0)
		expect_state(f, w);
	else if (strcmp(verb, "routers") == 0)
		expect_ports(f, "router ports", &f->rule[f->family].routers, w->word[1]);
	else if (strcmp(verb, "why") == 0)
		expect_reasons(f, w);
	else if (strcmp(verb, "enforced") == 0)
		expect_number(f, "enforced", f->rule[f->family].enforced, w->word[1]);
	else if (strcmp(verb, "querier") == 0)
		expect_querier(f, w->word[1]);
	else if (strcmp(verb, "count") == 0)
		expect_counter(f, w->word[1], w->word[2]);
	else if (strcmp(verb, "entries") == 0)
		expect_entries(f, w->word[1]);
	else if (strcmp(verb, "events") == 0)
		expect_events(f, w->word[1], w->word[2]);
	else if (strcmp(verb, "version") == 0)
		expect_version(f, w);
	else
		fail_msg("%s: no statement '%s'", f->where, verb);
}

void snoop_script(struct snoop_fixture *f, const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	assert_non_null(copy);
	for (char *one = strtok_r(copy, ";", &rest); one != NULL;
	     one = strtok_r(NULL, ";", &rest)) {
		struct words w = { .count = 0 };
		char *words = NULL;
		assert_true(strlen(one) < sizeof(w.text));
		strcpy(w.text, one);
		for (char *word = strtok_r(w.text, " \n\t", &words); word != NULL;
		     word = strtok_r(NULL, " \n\t", &words)) {
			assert_true(w.count < WORDS);
			w.word[w.count++] = word;
		}
		if (w.count > 0)
			run(f, &w);
	}
	free(copy);
}

static void run_row(const struct snoop_row *row, enum snoop_family family)
{
	static struct snoop_fixture f;

	fixture_start(&f);
	f.where = row->title;
	f.family = family;
	if (row->start == START_QUERIER)
		snoop_script(&f, "set querier=1; + 20; enforced 1");
	if (row->start == START_OTHER)
		snoop_script(&f, "4 query R; + 20; enforced 1; routers 4");
	f.sent_count = f.sent_seen = 0;
	snoop_script(&f, row->script);
	fixture_stop(&f);
}

void snoop_table(const struct snoop_row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (rows[i].families & ONLY_IPV4)
			run_row(&rows[i], SNOOP_IPV4);
		if (rows[i].families & ONLY_IPV6)
			run_row(&rows[i], SNOOP_IPV6);
	}
}
