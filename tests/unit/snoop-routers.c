/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Situations of queriers and routers: who asks, when, who believes whom, which ports have routers, what
 * happens without anybody who asks.
 */
#include <stdio.h>
#include <string.h>
#include "snoop-fixture.h"

/* Ours is U; L and M are lower (L lowest), R is higher. Router ports by queries last 255 s. */

static const struct snoop_row querier[] = {
	{ "startup queries, then every interval", "3376 8.6, 8.7", BOTH, START_BARE,
	  "set querier=1; sent 1,2,3,4:general; querier self; + 31.249; sent -; + 0.001; "
	  "sent 1,2,3,4:general; + 124.999; sent -; + 0.001; sent 1,2,3,4:general; + 125; "
	  "sent 1,2,3,4:general; + 124; sent -" },
	{ "startup as set", "3376 8.6, 8.7", BOTH, START_BARE,
	  "set querier=1 startup=2000 startup_count=3; sent 1,2,3,4:general; + 2; "
	  "sent 1,2,3,4:general; + 2; sent 1,2,3,4:general; + 124.999; sent -; + 0.001; "
	  "sent 1,2,3,4:general" },
	{ "not querier: silent", "4541 2.1.1", BOTH, START_BARE, "+ 500; sent -; querier none" },
	{ "version 2 queries", "2236 2", ONLY_IPV4, START_BARE,
	  "set querier=1 version=2; sent 1,2,3,4:general/2" },
	{ "MLDv1 queries", "2710 3", ONLY_IPV6, START_BARE,
	  "set querier=1 version=1; sent 1,2,3,4:general/1" },
	{ "switched off", "3376 6.6.2", BOTH, START_QUERIER,
	  "set querier=0; + 500; sent -; querier none; enforced 0" },
	{ "without a link-local address no MLD querier", "3810 5.1.14", ONLY_IPV6, START_BARE,
	  "set querier=1 address=::; + 500; sent -; querier none; enforced 0" },
	{ "without an address IGMP asks from 0.0.0.0", "4541 2.1.1", ONLY_IPV4, START_BARE,
	  "set querier=1 address=0.0.0.0; sent 1,2,3,4:general; querier self" },
	{ "a port that comes up is asked at once", "4541 2.1.1.4", BOTH, START_QUERIER,
	  "+ 20; clear; port 3 down; sent -; port 3 up; sent 3:general; + 31.25; "
	  "sent 1,2,3,4:general; + 125; sent 1,2,3,4:general; sent -" },
	{ "topology change: everybody at once", "4541 2.1.1.4", BOTH, START_QUERIER,
	  "topology; sent 1,2,3,4:general" },
	{ "topology change, another is querier: where no router is", "4541 2.1.1.4", BOTH,
	  START_OTHER, "topology; sent 1,2,3:general; sent -" },
	{ "topology change without querier", "4541 2.1.1.4", BOTH, START_BARE, "topology; sent -" },
};

static const struct snoop_row election[] = {
	{ "a lower address wins", "3376 6.6.2", BOTH, START_QUERIER,
	  "4 query L; querier L; + 254.999; sent -; + 0.001; querier self; sent 1,2,3,4:general; "
	  "enforced 1" },
	{ "a higher one does not, but makes a router port", "3376 6.6.2", BOTH, START_QUERIER,
	  "events querier 2; 4 query R; querier self; events querier 2; routers 4; + 11.25; sent "
	  "1,2,3,4:general" },
	{ "our own address heard", "3376 6.6.2", BOTH, START_QUERIER, "4 query U; querier self" },
	{ "a zero source wins nothing", "4541 2.1.1", ONLY_IPV4, START_QUERIER,
	  "4 query Z; querier self; routers -; to 1,2,3; count query_zero_source 1" },
	{ "a zero source makes no querier for others either", "4541 2.1.1", ONLY_IPV4, START_BARE,
	  "4 query Z; querier none; + 60; enforced 0; routers -" },
	{ "an MLD query from :: is dropped", "3810 5.1.14", ONLY_IPV6, START_QUERIER,
	  "4 query Z; querier self; routers -; to -; count mld_source 1" },
	{ "an MLD query that is not link-local is dropped", "3810 5.1.14", ONLY_IPV6, START_QUERIER,
	  "4 query 2001:db8::1; querier self; routers -; to -; count mld_source 1" },
	{ "ours is 0.0.0.0: anybody wins", "4541 2.1.1", ONLY_IPV4, START_BARE,
	  "set querier=1 address=0.0.0.0; 4 query R; querier R" },
	{ "the lower of two others", "3376 6.6.2", BOTH, START_BARE,
	  "4 query R; querier R; 3 query M; querier M; 2 query L; querier L; 3 query M; querier L; "
	  "routers 2,3,4" },
	{ "the lower one goes, the other one is heard", "3376 6.6.2", BOTH, START_BARE,
	  "3 query L; + 200; 4 query R; + 55; querier none; 4 query R; querier R" },
	{ "a query again restarts the timer", "3376 6.6.2", BOTH, START_QUERIER,
	  "4 query L; + 200; 4 query L; + 254.999; querier L; + 0.001; querier self" },
	{ "specific queries elect nobody", "4541 2.1.1", BOTH, START_QUERIER,
	  "4 query L group=G; querier self; routers -" },
	{ "its robustness and interval are adopted", "3376 4.1.6, 4.1.7", BOTH, START_BARE,
	  "4 query R qrv=3 qqi=20; 2 join G; + 60; 4 query R qrv=3 qqi=20; + 9.999; ? G 2,4; "
	  "+ 0.001; ? G *; + 54.999; querier R; + 0.001; querier none" },
	{ "a longer time to answer too", "3376 8.3, 8.4, 8.5", BOTH, START_BARE,
	  "4 query R qrv=1 qqi=20 resp=12000; 2 join G; state 2 G E32; + 25.999; querier R; "
	  "+ 0.001; querier none; 2 join H; state 2 H E260" },
	{ "a shorter one is that query's alone", "3376 8.3, 8.4", BOTH, START_BARE,
	  "4 query R resp=1000; 2 join G; state 2 G E260" },
	{ "zero in them means ours", "3376 4.1.6, 4.1.7", BOTH, START_BARE,
	  "4 query R qrv=0 qqi=0; 2 join G; + 254.999; querier R; + 0.001; querier none; "
	  "state 2 G E5" },
	{ "when it is gone, ours count again", "3376 6.6.2", BOTH, START_QUERIER,
	  "4 query L qrv=2 qqi=10; + 25; querier self; 2 join G; + 259.999; state 2 G E0.001" },
	{ "version 2 queries adopt nothing", "3376 7.3.1", ONLY_IPV4, START_BARE,
	  "4 query R v=2; 2 join G; state 2 G E260; count query_other_version 1; routers 4" },
	{ "version 1 queries", "3376 7.3.1", ONLY_IPV4, START_BARE,
	  "4 query R v=1; querier R; routers 4; count query_other_version 1" },
	{ "MLDv1 queries", "3810 8.3.1", ONLY_IPV6, START_BARE,
	  "4 query R v=1; querier R; routers 4; count query_other_version 1" },
	{ "switched on while a lower one is there", "3376 6.6.2", BOTH, START_BARE,
	  "4 query L; set querier=1; querier L; sent -; + 255; querier self" },
	{ "switched on while a higher one is there", "3376 6.6.2", BOTH, START_BARE,
	  "4 query R; set querier=1; querier self; sent 1,2,3,4:general" },
	{ "families elect by themselves", "3376 6.6.2", BOTH, START_QUERIER,
	  "4 query L; querier L" },
};

static const struct snoop_row enforcement[] = {
	{ "nobody asks: groups are flooded", "4541 2.1.2", BOTH, START_BARE,
	  "enforced 0; 2 join G; ? G *; set unregistered=2; ? H *" },
	{ "a querier: enforced when hosts had time to answer", "4541 2.1.2", BOTH, START_BARE,
	  "2 join G; 4 query R resp=5000; + 5.999; enforced 0; ? G *; + 0.001; enforced 1; ? G "
	  "2,4" },
	{ "we are querier: likewise", "4541 2.1.2", BOTH, START_BARE,
	  "set querier=1; + 10.999; enforced 0; + 0.001; enforced 1" },
	{ "the querier is gone: flooded", "4541 2.1.2", BOTH, START_OTHER,
	  "2 join G; ? G 2,4; + 234.999; ? G 2,4; + 0.001; ? G *; enforced 0" },
	{ "the querier is gone and we follow: no gap", "4541 2.1.2", BOTH, START_QUERIER,
	  "4 query L; + 200; 2 join G; ? G 2,4; + 55; querier self; enforced 1; ? G 2" },
	{ "another querier comes: no gap", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; ? G 2; 4 query L; enforced 1; ? G 2,4" },
};

static const struct snoop_row routers[] = {
	{ "a query makes a router port", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 query R; routers 3; + 254.999; routers 3; + 0.001; routers -; events found 1; "
	  "events gone 1" },
	{ "a PIM hello makes one", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 pim R 105; routers 3; to 1,2,4; querier none; + 104.999; routers 3; + 0.001; routers "
	  "-" },
	{ "PIM holdtime 0 ends it", "7761 4.9.2", BOTH, START_BARE,
	  "3 pim R 105; routers 3; 3 pim R 0; routers -" },
	{ "PIM holdtime 65535 is for ever", "7761 4.9.2", BOTH, START_BARE,
	  "3 pim R 65535; + 100000; routers 3; 3 pim R 0; routers -" },
	{ "an advertisement makes one, for three intervals", "4286 3.1", BOTH, START_BARE,
	  "3 mrd R 20; routers 3; to 1,2,4; + 59.999; routers 3; + 0.001; routers -" },
	{ "a termination ends it", "4286 3.3", BOTH, START_BARE,
	  "3 mrd R 20; 3 term R; routers -; to 1,2,4" },
	{ "a zero source advertises and ends nothing", "4286 3.1", ONLY_IPV4, START_BARE,
	  "3 mrd Z 20; routers -; to 1,2,4; count advertisement_zero_source 1; 3 mrd R 20; "
	  "3 term Z; routers 3; count advertisement_zero_source 2" },
	{ "an MLD advertisement from :: is dropped", "4286 3.1", ONLY_IPV6, START_BARE,
	  "3 mrd Z 20; routers -; to -; count mld_source 1" },
	{ "a termination ends what an advertisement began, nothing else", "4286 3.3", BOTH,
	  START_BARE, "3 pim R 105; 3 mrd R 20; 3 term R; routers 3" },
	{ "the last reason counts", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 pim R 50; 3 mrd R 20; 3 query R; why 3 7; + 50; why 3 5; + 10; why 3 1; + 194.999; "
	  "routers 3; + 0.001; routers -" },
	{ "static", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=static; routers 3; + 10000; routers 3; port 3 router=learn; routers -" },
	{ "static keeps what was learned", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 pim R 105; port 3 router=static; port 3 router=learn; routers 3; + 105; routers -" },
	{ "a family's static router is the other's none", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=static; routers 3; other; routers -; 3 pim R 105; routers 3; other; "
	  "why 3 8" },
	{ "never in one family, learned in the other", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=never; 3 pim R 105; routers -; other; 3 pim R 105; routers 3" },
	{ "never one, but its querier is believed", "3376 6.6.2", BOTH, START_BARE,
	  "port 3 router=never; 3 query R; routers -; querier R; + 20; enforced 1" },
	{ "never", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=never; 3 query R; 3 pim R 105; 3 mrd R 20; routers -; querier R" },
	{ "several", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 query R; 4 pim R 105; port 1 router=static; routers 1,3,4" },
	{ "port down", "4541 2.1.1.1", BOTH, START_BARE,
	  "3 query R; 3 pim R 105; port 3 down; routers -; port 3 up; routers -" },
	{ "a static one that is down", "4541 2.1.1.1", BOTH, START_BARE,
	  "port 3 router=static; port 3 down; routers -; port 3 up; routers 3" },
	{ "port deleted", "4541 2.1.1.1", BOTH, START_BARE, "3 query R; port 3 delete; routers -" },
	{ "with the querier's interval", "3376 8.5", BOTH, START_BARE,
	  "3 query R qrv=2 qqi=10; + 24.999; routers 3; + 0.001; routers -" },
	{ "router ports get data of registered groups", "4541 2.1.2", BOTH, START_QUERIER,
	  "2 join G; 3 pim R 105; ? G 2,3; ? H *; + 105; ? G 2" },
	{ "a frame from a port that is down", "4541 2", BOTH, START_QUERIER,
	  "port 3 down; 3 join G; to -; entries 0; count unknown_port 1" },
	{ "strict needs no more of those that have a router alert", "3376 4", BOTH, START_QUERIER,
	  "set strict=1; 2 join G; ? G 2" },
};

static const struct snoop_row proxies[] = {
	{ "reports end here", "4541 2.1.1.1", BOTH, START_OTHER,
	  "set proxy=1; 2 join G; to -; sent 4:to_ex_G; 3 join G; to -; sent -; + 1; "
	  "sent 4:to_ex_G; + 5; sent -" },
	{ "leaves end here, the last one's too", "4541 2.1.1.1", BOTH, START_OTHER,
	  "set proxy=1; 2 join G; to -; 2 leave G; to -; 2 leave H; to -" },
	{ "the last member's leave is told", "3376 5.1", BOTH, START_OTHER,
	  "set proxy=1; 2 join G; 3 join G; + 5; clear; 2 leave G; to -; + 2; clear; 3 leave G; + "
	  "1; "
	  "clear; + 1; sent 4:to_in_G; + 1; sent 4:to_in_G; + 5; sent -" },
	{ "sources are the sum", "3376 3.2", BOTH, START_OTHER,
	  "set proxy=1; 2 rec allow G a; sent 4:to_in_G{a}; 3 rec allow G b; sent 4:to_in_G{a,b}; "
	  "1 rec to_ex G a,c; sent 4:to_ex_G{c}" },
	{ "a general query is answered once, in time", "3376 5.2", BOTH, START_OTHER,
	  "set proxy=1; 2 rec to_ex G; 3 rec allow H a,b; + 5; clear; 4 query R; + 10; "
	  "sent 4:is_ex_G&is_in_H{a,b}; sent -" },
	{ "a second query does not put the answer off", "3376 5.2", BOTH, START_OTHER,
	  "set proxy=1; 2 rec to_ex G; + 5; clear; 4 query R resp=100; 4 query R resp=10000; + "
	  "0.1; "
	  "sent 4:is_ex_G; + 10; sent -" },
	{ "a specific query is answered", "3376 5.2", BOTH, START_OTHER,
	  "set proxy=1; 2 rec to_ex G; + 5; clear; 4 query R group=G resp=1000; + 1; sent "
	  "4:is_ex_G; "
	  "sent -" },
	{ "not for what nobody wants", "3376 5.2", BOTH, START_OTHER,
	  "set proxy=1; 2 rec to_ex G; + 5; clear; 4 query R group=H resp=1000; + 5; sent -" },
	{ "to an older querier in its version", "3376 7.2.1", ONLY_IPV4, START_BARE,
	  "set proxy=1; 4 query R v=2; 2 rec to_ex G; sent 4:report_G; + 1; sent 4:report_G; "
	  "port 2 fast; 2 rec to_in G; sent 4:leave_G; + 1; sent 4:leave_G; + 5; sent -" },
	{ "to an older MLD querier", "3810 8.2.1", ONLY_IPV6, START_BARE,
	  "set proxy=1; 4 query R v=1; 2 rec to_ex G; sent 4:report_G; + 1; sent 4:report_G; "
	  "port 2 fast; 2 rec to_in G; sent 4:leave_G; + 1; sent 4:leave_G; + 5; sent -" },
	{ "switched on late", "4541 2.1.1.1", BOTH, START_OTHER,
	  "2 join G; set proxy=1; sent 4:to_ex_G; set proxy=0; + 5; sent -; 2 join G; to 4" },
};

#define TABLE(rows)                                                                                \
	static void test_##rows(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		snoop_table(rows, sizeof(rows) / sizeof(rows[0]));                                 \
	}
TABLE(querier)
TABLE(election)
TABLE(enforcement)
TABLE(routers)
TABLE(proxies)

/* Of the last packet that was sent. */
static void expect_source(const struct snoop_fixture *f, const char *expected)
{
	struct address address = address_of(expected);
	bool ipv4 = f->family == SNOOP_IPV4;

	if (memcmp(f->last_packet + (ipv4 ? 12 : 8), address.bytes + (ipv4 ? 12 : 0),
		   ipv4 ? 4 : 16) != 0)
		fail_msg("the last packet is not from %s", expected);
}

/* A querier asks from its address, a bridge that is none from 0.0.0.0 (RFC 4541 2.1.1), so that nobody takes it for
 * one; MLD's are always link-local (RFC 3810 5.1.14). */
static void sources_of_queries(void **state)
{
	static struct snoop_fixture f;

	(void)state;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		fixture_start(&f);
		f.where = "source of queries";
		f.family = i;
		snoop_script(&f, "set querier=1; + 20; 2 join G; clear; 2 leave G; sent 2:G");
		expect_source(&f, i == SNOOP_IPV4 ? "10.0.0.100" : "fe80::100");
		snoop_script(&f, "4 query L; 3 join G; clear; 3 leave G; sent 3:G");
		expect_source(&f, i == SNOOP_IPV4 ? "0.0.0.0" : "fe80::100");
		fixture_stop(&f);
	}
}

/* A proxy's answer has a record of each group, also of those that begin a packet of their own. */
static void answers_of_many_groups(void **state)
{
	enum { GROUPS = 400 };
	static const char *const groups[SNOOP_FAMILIES] = { "239.1.%u.%u", "ff15::%x:%x" };
	static struct snoop_fixture f;
	uint8_t packet[WIRE_MAX];
	char text[46];

	(void)state;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		struct address host = address_of(i == SNOOP_IPV4 ? "10.0.0.9" : "fe80::9");
		fixture_start(&f);
		f.where = "a proxy's answer";
		f.family = i;
		snoop_script(&f, "set proxy=1");
		for (unsigned int g = 0; g < GROUPS; g++) {
			snprintf(text, sizeof(text), groups[i], g / 200, g % 200);
			struct address group = address_of(text);
			fixture_input(&f, 2, packet,
				      wire_single(i, i == SNOOP_IPV4 ? 0x16 : 131, &host, &group,
						  packet));
		}
		fixture_advance(&f, 20 * SECOND);
		assert_int_equal(f.records, 0); /* no router hears them */
		snoop_script(&f, "4 query R; + 10");
		assert_int_equal(f.records, GROUPS);
		fixture_stop(&f);
	}
}

/* RFC 4286: three solicitations after ports came up, together. */
static void solicitations(void **state)
{
	static struct snoop_fixture f;

	(void)state;
	fixture_start(&f);
	fixture_advance(&f, SECOND - 1);
	assert_int_equal(f.solicitations, 0);
	fixture_advance(&f, 1);
	assert_int_equal(f.solicitations, 2); /* one a family */
	fixture_advance(&f, 100 * SECOND);
	assert_int_equal(f.solicitations, 6);
	f.port[2].up = false;
	fixture_port(&f, 2);
	f.port[2].up = true;
	fixture_port(&f, 2);
	fixture_advance(&f, 100 * SECOND);
	assert_int_equal(f.solicitations, 12);
	fixture_stop(&f);
}

/* ---------------------------------------------------------------- take-over */

static struct snoop_ports set_of(unsigned int a, unsigned int b)
{
	struct snoop_ports ports = { { 0 } };

	if (a != 0)
		snoop_ports_add(&ports, a);
	if (b != 0)
		snoop_ports_add(&ports, b);
	return ports;
}

/* What another engine has put out, told to a new one. */
static void take_over(struct snoop_fixture *f)
{
	static struct snoop_fixture before;

	before = *f;
	snoop_free(f->snoop);
	fixture_start(f);
	f->now = before.now;
	f->where = before.where;
	f->family = before.family;
	memcpy(f->entry, before.entry, sizeof(f->entry));
	f->entries = before.entries;
	memcpy(f->rule, before.rule, sizeof(f->rule));
	/* a new engine, told everything before its first tick */
	snoop_domain_delete(f->snoop, &f->key);
	f->settings = before.settings;
	assert_int_equal(snoop_domain_set(f->snoop, &f->key, &f->settings, f->now), 0);
	for (unsigned int port = 0; port < SNOOP_PORT_MAX; port++) {
		f->port[port] = before.port[port];
		if (f->port[port].up)
			assert_int_equal(
				snoop_port_set(f->snoop, &f->key, port, &f->port[port], f->now), 0);
	}
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++)
		snoop_adopt_rule(f->snoop, &f->key, i, &f->rule[i], f->now);
	for (unsigned int pass = 0; pass < 2; pass++)
		for (unsigned int i = 0; i < f->entries; i++)
			if (f->entry[i].used && f->entry[i].any == (pass == 0))
				assert_int_equal(
					snoop_adopt(f->snoop, &f->key,
						    f->entry[i].any ? NULL : &f->entry[i].source,
						    &f->entry[i].group, &f->entry[i].ports, f->now),
					0);
	f->writes = f->removals = f->rules = f->sent_count = f->sent_seen = 0;
	f->next = snoop_tick(f->snoop, f->now);
}

static void taken_over(enum snoop_family family, bool own, const char *before, const char *after)
{
	static struct snoop_fixture f;

	fixture_start(&f);
	f.family = family;
	f.where = before;
	snoop_script(&f, own ? "set querier=1; + 20" : "4 query R; + 20");
	snoop_script(&f, before);
	take_over(&f);
	assert_int_equal(f.writes, 0);
	assert_int_equal(f.removals, 0);
	assert_int_equal(f.rules, 0);
	snoop_script(&f, after);
	fixture_stop(&f);
}

static void takeover(void **state)
{
	(void)state;
	for (enum snoop_family i = 0; i < SNOOP_FAMILIES; i++) {
		taken_over(
			i, true, "2 join G; 3 join G",
			"sent 1,2,3,4:general; enforced 1; ? G 2,3; version 2 G 0; + 5; 2 join G; "
			"version 3 G 0; + 254.999; ? G 2,3; + 0.001; ? G 2; events joined 0; "
			"events left 1");
		taken_over(i, true, "2 rec allow G a,b; 3 rec to_ex G c",
			   "? a>G 2,3; ? b>G 2,3; ? c>G -; ? d>G 3; + 5; 2 rec is_in G a; "
			   "3 rec is_ex G c; + 255; ? a>G 2,3; ? b>G 3; ? c>G -; + 5; ? a>G *");
		taken_over(
			i, true, "2 rec to_ex G a; 3 rec allow G a",
			"? a>G 3; ? b>G 2; state 2 G E260_-a; state 3 G I_a:260; + 260; entries 0");
		taken_over(
			i, false, "2 join G; 3 pim R 105",
			"sent 1,2:general; sent -; enforced 1; routers 3,4; ? G 2,3,4; 4 query R; "
			"querier R; 2 join G; + 254.999; enforced 1; routers 3,4; + 0.001; "
			"enforced 0; routers -");
		taken_over(i, false, "2 join G", "+ 254.999; enforced 1; + 0.001; enforced 0");
	}
}

/* What stands in the tables but cannot be: a port that is gone, an entry that says nothing. */
static void takeover_of_what_does_not_fit(void **state)
{
	static struct snoop_fixture f;
	struct address group = address_of("239.1.1.1"), source = address_of("10.0.0.1");

	(void)state;
	fixture_start(&f);
	f.where = "take-over";
	f.entry[0] = (struct entry){ true, true, source, group, set_of(2, 77) };
	f.entry[1] = (struct entry){ true, false, source, group, set_of(2, 77) };
	f.entry[2] = (struct entry){ true, true, source, address_of("239.1.1.2"), set_of(0, 0) };
	f.entries = 3;
	take_over(&f);
	snoop_script(&f, "state 2 G E260; state 77 G none; entries 1");
	assert_true(snoop_ports_has(&f.entry[0].ports, 2));
	assert_false(snoop_ports_has(&f.entry[0].ports, 77));
	struct snoop_domain_key other = { 8, 1 };
	assert_int_equal(snoop_adopt(f.snoop, &other, NULL, &group, &f.entry[0].ports, f.now), -2);
	group = address_of("224.0.0.5");
	assert_int_equal(snoop_adopt(f.snoop, &f.key, NULL, &group, &f.entry[0].ports, f.now), -22);
	fixture_stop(&f);
}

/* A table that is full: counted, and tried again. */
static void table_full(void **state)
{
	static struct snoop_fixture f;

	(void)state;
	fixture_start(&f);
	f.where = "table full";
	snoop_script(&f, "set querier=1; + 20");
	f.table_full = true;
	snoop_script(&f, "2 join G; ? G *; count table_full 1");
	f.table_full = false;
	snoop_script(&f,
		     "3 join G; ? G 2,3; count table_full 1; port 2 down; port 3 down; entries 0");
	fixture_stop(&f);
}

/* Settings that make no sense are refused. */
static void settings(void **state)
{
	static struct snoop_fixture f;
	struct snoop_settings s;

	(void)state;
	fixture_start(&f);
#define REFUSED(change)                                                                            \
	s = snoop_settings_default;                                                                \
	s.change;                                                                                  \
	assert_int_equal(snoop_domain_set(f.snoop, &f.key, &s, f.now), -22)
	REFUSED(robustness = 0);
	REFUSED(robustness = 8);
	REFUSED(query_interval = 0);
	REFUSED(query_response_interval = s.query_interval);
	REFUSED(query_response_interval = 0);
	REFUSED(last_member_interval = 0);
	REFUSED(startup_interval = 1);
	REFUSED(version[SNOOP_IPV4] = 1);
	REFUSED(version[SNOOP_IPV6] = 3);
	fixture_stop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_querier),     cmocka_unit_test(test_election),
		cmocka_unit_test(test_enforcement), cmocka_unit_test(test_routers),
		cmocka_unit_test(test_proxies),     cmocka_unit_test(sources_of_queries),
		cmocka_unit_test(solicitations),    cmocka_unit_test(answers_of_many_groups),
		cmocka_unit_test(takeover),         cmocka_unit_test(takeover_of_what_does_not_fit),
		cmocka_unit_test(table_full),       cmocka_unit_test(settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
