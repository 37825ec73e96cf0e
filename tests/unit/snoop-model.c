/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Random reports of three ports, against the tables of RFC 3376 6.4 written down as they stand there:
 * sets of six sources as bit masks, one timer each. After every step each port's state and the port set
 * of every source must be the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "snoop-fixture.h"

enum { SOURCES = 6, PORTS = 3, STEPS = 6000, GMI = 260000, LMQT = 2000 };

typedef unsigned int set; /* of sources */

struct model {
	bool exclude, leaving;
	uint64_t group_timer; /* ms; when it ends */
	set running, stopped; /* A or X; Y */
	uint64_t timer[SOURCES];
	uint64_t until_older;
};

static uint64_t now; /* ms */

static set older(const struct model *m)
{
	return m->until_older > now;
}

static void set_timers(struct model *m, set which, uint64_t due)
{
	for (unsigned int i = 0; i < SOURCES; i++)
		if (which >> i & 1)
			m->timer[i] = due;
}

static void query_sources(struct model *m, set which)
{
	for (unsigned int i = 0; i < SOURCES; i++)
		if (which >> i & 1 && m->timer[i] > now + LMQT)
			m->timer[i] = now + LMQT;
}

static void query_group(struct model *m)
{
	if (!m->leaving && m->group_timer > now + LMQT)
		m->group_timer = now + LMQT;
	m->leaving = true;
}

static void to_exclude(struct model *m)
{
	m->exclude = true;
	m->leaving = false;
	m->group_timer = now + GMI;
}

/* State INCLUDE(A) */
static void included(struct model *m, unsigned int type, set b)
{
	set a = m->running;

	switch (type) {
	case 1: /* IS_IN(B): INCLUDE(A+B), (B)=GMI */
	case 5: /* ALLOW(B): the same */
		m->running = a | b;
		set_timers(m, b, now + GMI);
		break;
	case 2: /* IS_EX(B): EXCLUDE(A*B, B-A), (B-A)=0, Del(A-B), GT=GMI */
	case 4: /* TO_EX(B): also Q(G, A*B) */
		m->running = a & b;
		m->stopped = b & ~a;
		to_exclude(m);
		if (type == 4)
			query_sources(m, a & b);
		break;
	case 3: /* TO_IN(B): INCLUDE(A+B), (B)=GMI, Q(G, A-B) */
		m->running = a | b;
		set_timers(m, b, now + GMI);
		query_sources(m, a & ~b);
		break;
	case 6: /* BLOCK(B): INCLUDE(A), Q(G, A*B) */
		query_sources(m, a & b);
		break;
	}
}

/* State EXCLUDE(X, Y) */
static void excluded(struct model *m, unsigned int type, set a)
{
	set x = m->running, y = m->stopped;

	switch (type) {
	case 1: /* IS_IN(A): EXCLUDE(X+A, Y-A), (A)=GMI */
	case 5: /* ALLOW(A): the same */
		m->running = x | a;
		m->stopped = y & ~a;
		set_timers(m, a, now + GMI);
		break;
	case 2: /* IS_EX(A): EXCLUDE(A-Y, Y*A), (A-X-Y)=GMI, Del(X-A), Del(Y-A), GT=GMI */
		set_timers(m, a & ~x & ~y, now + GMI);
		m->running = a & ~y;
		m->stopped = y & a;
		to_exclude(m);
		break;
	case 4: /* TO_EX(A): (A-X-Y)=GT, Q(G, A-Y) */
		set_timers(m, a & ~x & ~y, m->group_timer);
		m->running = a & ~y;
		m->stopped = y & a;
		to_exclude(m);
		query_sources(m, a & ~y);
		break;
	case 3: /* TO_IN(A): EXCLUDE(X+A, Y-A), (A)=GMI, Q(G, X-A), Q(G) */
		m->running = x | a;
		m->stopped = y & ~a;
		set_timers(m, a, now + GMI);
		query_sources(m, x & ~a);
		query_group(m);
		break;
	case 6: /* BLOCK(A): EXCLUDE(X+(A-Y), Y), (A-X-Y)=GT, Q(G, A-Y) */
		m->running = x | (a & ~y);
		set_timers(m, a & ~x & ~y, m->group_timer);
		query_sources(m, a & ~y);
		break;
	}
}

static void record(struct model *m, unsigned int type, set sources)
{
	if (older(m) && type == 6) /* 7.3.2 */
		return;
	if (older(m) && type == 4)
		sources = 0;
	if (m->exclude)
		excluded(m, type, sources);
	else
		included(m, type, sources);
}

static void expire(struct model *m)
{
	for (unsigned int i = 0; i < SOURCES; i++)
		if (m->running >> i & 1 && m->timer[i] <= now) {
			m->running &= ~(1u << i);
			/* in EXCLUDE it is excluded from then on, if the group timer ran then */
			if (m->exclude && m->timer[i] < m->group_timer)
				m->stopped |= 1u << i;
		}
	if (m->exclude && m->group_timer <= now) { /* 6.5 */
		m->exclude = m->leaving = false;
		m->stopped = 0;
	}
	if (!m->exclude && m->running == 0)
		m->until_older = 0; /* the record is gone, with all that it knew */
}

static void text_of(const struct model *m, char *text, size_t size)
{
	size_t n = 0;
	const char *before = " ";

	if (!m->exclude && m->running == 0) {
		snprintf(text, size, "none");
		return;
	}
	n += m->exclude ? (size_t)snprintf(text, size, "E%g", (double)(m->group_timer - now) / 1000)
			: (size_t)snprintf(text, size, "I");
	for (unsigned int i = 0; i < SOURCES; i++)
		if (m->running >> i & 1) {
			n += (size_t)snprintf(text + n, size - n, "%s%c:%g", before, 'a' + i,
					      (double)(m->timer[i] - now) / 1000);
			before = ",";
		}
	before = " -";
	for (unsigned int i = 0; i < SOURCES; i++)
		if (m->stopped >> i & 1) {
			n += (size_t)snprintf(text + n, size - n, "%s%c", before, 'a' + i);
			before = ",";
		}
}

static bool wants(const struct model *m, unsigned int source)
{
	return m->exclude ? !(m->stopped >> source & 1)
			  : source < SOURCES && m->running >> source & 1;
}

/* ---------------------------------------------------------------- together */

static struct address source_of(enum snoop_family family, unsigned int i)
{
	char text[46];

	snprintf(text, sizeof(text), family == SNOOP_IPV4 ? "10.0.0.%u" : "2001:db8::%u", i + 1);
	return address_of(text);
}

static void compare(struct snoop_fixture *f, const struct model *models,
		    const struct address *group, unsigned int step)
{
	char text[512], expected[512];
	bool registered = false;

	for (unsigned int p = 0; p < PORTS; p++) {
		text_of(&models[p], expected, sizeof(expected));
		fixture_state(f, p + 1, group, text, sizeof(text));
		if (strcmp(text, expected) != 0)
			fail_msg("step %u: port %u is '%s', by the tables '%s'", step, p + 1, text,
				 expected);
		registered |= models[p].exclude || models[p].running != 0;
	}
	for (unsigned int i = 0; i <= SOURCES; i++) {
		struct address source = source_of(f->family, i);
		struct snoop_ports got = fixture_forward(f, &source, group);
		for (unsigned int p = 0; p < PORTS; p++)
			if (snoop_ports_has(&got, p + 1) !=
			    (registered ? wants(&models[p], i) : true))
				fail_msg("step %u: source %u on port %u", step, i, p + 1);
	}
}

static void frame(struct snoop_fixture *f, unsigned int port, unsigned int type, set sources,
		  const struct address *group)
{
	struct address from = address_of(f->family == SNOOP_IPV4 ? "10.0.0.9" : "fe80::9");
	struct address list[SOURCES];
	struct wire_record one = { .type = type, .group = *group, .sources = list };
	uint8_t packet[WIRE_MAX];

	for (unsigned int i = 0; i < SOURCES; i++)
		if (sources >> i & 1)
			list[one.count++] = source_of(f->family, i);
	fixture_input(f, port, packet, wire_records(f->family, &from, &one, 1, packet));
}

static void older_frame(struct snoop_fixture *f, unsigned int port, bool leave,
			const struct address *group)
{
	struct address from = address_of(f->family == SNOOP_IPV4 ? "10.0.0.9" : "fe80::9");
	unsigned int type = f->family == SNOOP_IPV4 ? (leave ? 0x17 : 0x16) : (leave ? 132 : 131);
	uint8_t packet[WIRE_MAX];

	fixture_input(f, port, packet, wire_single(f->family, type, &from, group, packet));
}

static void step_once(struct snoop_fixture *f, struct model *models, const struct address *group)
{
	static const uint64_t waits[] = { 1, 500, 1999, 2000, 2001, 30000, 130000, 257999, 260000 };
	unsigned int p = (unsigned int)random() % PORTS, type = (unsigned int)random() % 6 + 1;
	set sources = (unsigned int)(random() & random()) & 0x3f;

	switch (random() % 16) {
	case 0:
		older_frame(f, p + 1, false, group);
		models[p].until_older = now + GMI;
		record(&models[p], 2, 0);
		break;
	case 1:
		older_frame(f, p + 1, true, group);
		record(&models[p], 3, 0);
		break;
	case 2:
	case 3:
	case 4: {
		uint64_t wait = waits[random() % 9];
		fixture_advance(f, wait * 1000000);
		now += wait;
		for (unsigned int i = 0; i < PORTS; i++)
			expire(&models[i]);
		break;
	}
	default:
		frame(f, p + 1, type, sources, group);
		record(&models[p], type, sources);
	}
	f->sent_count = f->sent_seen = 0;
}

static void run(enum snoop_family family, unsigned int seed)
{
	static struct snoop_fixture f;
	struct model models[PORTS] = { { 0 } };
	struct address group = address_of(family == SNOOP_IPV4 ? "239.1.1.1" : "ff15::1");

	srandom(seed);
	fixture_start(&f);
	f.family = family;
	f.where = "random reports";
	snoop_script(&f, "set querier=1 last_count=2; + 20");
	now = f.now / 1000000;
	for (unsigned int step = 0; step < STEPS; step++) {
		step_once(&f, models, &group);
		compare(&f, models, &group, step);
	}
	fixture_stop(&f);
}

static void random_reports(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 4; seed++) {
		run(SNOOP_IPV4, seed);
		run(SNOOP_IPV6, seed + 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(random_reports) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
