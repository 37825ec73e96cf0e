/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Filters by command: what is refused, what is published when, what a rule hides, and that a control
 * plane that comes after another one takes over what it finds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/filter.h"
#include "dataplane/shm/filter.h"
#include "model-fixture.h"

/* The verdict of `filter test`, and of which rule; 0: the default. */
static void verdict(struct fixture *fixture, const char *line, const char *expected, unsigned int rule)
{
	json_t *answer = show(fixture, line);

	assert_string_equal(json_string_value(json_object_get(answer, "verdict")), expected);
	assert_int_equal(json_integer_value(json_object_get(answer, "seq")), rule);
	json_decref(answer);
}

static void make(struct fixture *fixture)
{
	say(fixture, "filter list add bad 192.0.2.1 2001:db8::/32");
	say(fixture, "filter add f");
	say(fixture, "filter rule add f 10 deny from @bad");
	say(fixture, "filter rule add f 20 permit proto tcp dport https,8000-8100");
	say(fixture, "filter bind f in p0");
	model_poll(fixture->model);
}

static void test_decides(void **state)
{
	make(*state);
	verdict(*state, "filter test f proto tcp from 192.0.2.2 to 10.0.0.1 dport 443", "permit", 20);
	verdict(*state, "filter test f proto tcp from 192.0.2.1 to 10.0.0.1 dport 443", "deny", 10);
	verdict(*state, "filter test f proto udp from 192.0.2.2 to 10.0.0.1 dport 443", "deny", 0);
	say(*state, "filter list add @bad 192.0.2.2"); /* at once */
	verdict(*state, "filter test f proto tcp from 192.0.2.2 to 10.0.0.1 dport 443", "deny", 10);
	say(*state, "filter list del bad 192.0.2.2");
	verdict(*state, "filter test f proto tcp from 192.0.2.2 to 10.0.0.1 dport 443", "permit", 20);
}

static void test_refused(void **state)
{
	make(*state);
	refused(*state, "filter add f", "exists already");
	refused(*state, "filter rule add f 10 permit", "has a rule 10 already");
	refused(*state, "filter rule add g 10 permit", "filter g does not exist");
	refused(*state, "filter rule add f 30 permit from @none", "list none does not exist");
	refused(*state, "filter rule del f 30", "has no rule 30");
	refused(*state, "filter bind f in p0", "has filter f already");
	refused(*state, "filter bind f in nowhere", "nowhere does not exist");
	refused(*state, "filter unbind f out p0", "is not bound to out p0");
	refused(*state, "filter list add bad 10.0.0.1 192.0.2.1", "has 192.0.2.1/32 already");
	refused(*state, "filter list del bad 10.0.0.1", "does not have 10.0.0.1/32");
	refused(*state, "filter list del bad 192.0.2.1 2001:db8::/32", "is in use by 1 rules");
	show_refused(*state, "filter test f from 10.0.0.0/8", "one source");
	refused(*state, "filter del f", "is bound");
	refused(*state, "port del p0", "in use by filter f");
	say(*state, "filter unbind f in p0");
	refused(*state, "filter del f", "has 2 rules");
}

/* The last prefix goes at once when no rule names the list, though packets may still be judged by one that
 * did; its name is free for another list. */
static void test_list_of_gone_rule(void **state)
{
	struct fixture *fixture = *state;

	make(fixture);
	say(fixture, "filter rule del f 10");
	refused(fixture, "filter list del bad 192.0.2.1 10.0.0.1", "does not have 10.0.0.1/32");
	refused(fixture, "filter list del bad 192.0.2.1 192.0.2.1", "does not have 192.0.2.1/32");
	say(fixture, "filter list del bad 192.0.2.1 2001:db8::/32");
	refused(fixture, "filter rule add f 10 deny from @bad", "list bad does not exist");
	say(fixture, "filter list add bad 192.0.2.9");
	say(fixture, "filter rule add f 10 deny from @bad");
	model_poll(fixture->model);
	verdict(fixture, "filter test f proto tcp from 192.0.2.9 to 10.0.0.1 dport 443", "deny", 10);
	verdict(fixture, "filter test f proto tcp from 192.0.2.1 to 10.0.0.1 dport 443", "permit", 20);
	for (unsigned int i = 0; i < 3; i++)
		model_poll(fixture->model);
	refused(fixture, "filter list del bad 192.0.2.9", "is in use by 1 rules");
	say(fixture, "filter rule del f 10");
	say(fixture, "filter list del bad 192.0.2.9");
	for (unsigned int i = 0; i < 3; i++)
		model_poll(fixture->model);
	char *text = configuration(fixture);
	assert_null(strstr(text, "bad"));
	free(text);
}

/* What is no rule or no list, and what is said of it. */
static void test_bad_words(void **state)
{
	static const struct {
		const char *line, *said;
	} bad[] = {
		{ "filter rule add f 1 permit proto tcp dport 8100-8000", "the other way round" },
		{ "filter rule add f 1 permit proto tcp dport 65536", "ports from 0 to 65535" },
		{ "filter rule add f 1 permit proto tcp dport httpz", "'httpz' is none" },
		{ "filter rule add f 1 permit proto tcp dport 80,,81", "ports from 0 to 65535" },
		{ "filter rule add f 1 permit proto nosuch", "a protocol's name (tcp) or number" },
		{ "filter rule add f 1 permit proto 256", "0 to 255" },
		{ "filter rule add f 1 permit from 192.0.2.1/24", "192.0.2.0/24" },
		{ "filter rule add f 1 permit to 2001:db8::1/64", "2001:db8::/64" },
		{ "filter rule add f 1 permit from @", "or @LIST" },
		{ "filter rule add f 1 permit dscp 64", "0 to 63" },
		{ "filter rule add f 1 permit proto tcp syn fragments", "later fragments" },
		{ "filter rule add f 1 permit from 10.0.0.0/8 to 2001:db8::/32", "to 2001:db8::/32: expected IPv4" },
		{ "filter rule add f 1 permit ethertype ipv6 to 10.0.0.0/8", "as ethertype ipv6 is" },
		{ "filter rule add f 1 permit proto icmpv6 icmp 128 from 10.0.0.0/8", "as icmp 128 is" },
		{ "filter test f fragments dport 443", "later fragments have no ports" },
		{ "filter test f proto udp syn", "about tcp" },
		{ "filter test f proto tcp icmp 8", "proto icmp or icmpv6" },
		{ "filter test f proto gre dport 443", "has no ports" },
		{ "filter test f ethertype mpls dport 443", "no other match" },
		{ "filter test f icmp 128 from 2001:db8::1", "expected IPv4, as icmp" },
		{ "filter test f from 2001:db8::1 to 10.0.0.1", "expected IPv6, as from" },
		{ "filter rule add f 1 police 10", "" },
		{ "filter rule add f 1 permit burst 5k", "burst goes with police" },
		{ "filter rule add f 1 deny exceed deny", "exceed goes with police" },
		{ "filter rule add f 1 police 5mbps exceed deny", "excess-burst or peak" },
		{ "filter rule add f 1 police 5mbps peak-burst 5k", "peak-burst goes with peak" },
		{ "filter rule add f 1 police 5mbps excess-burst 5k peak 6mbps", "one of them" },
		{ "filter rule add f 1 police 5mbps peak 4mbps", "at least police 5mbps" },
		{ "filter rule add f 1 police 5mbps peak 9kpps", "in the same unit" },
		{ "filter rule add f 1 police 5mbps peak 6mbps exceed 64", "DSCP to mark with" },
		{ "filter rule add f 1 police 5mbps peak 6mbps exceed ef ethertype lldp", "no DSCP" },
		{ "filter rule add f 1 police 5mbps excess-burst 0", "N[k|m|g]" },
		{ "filter rule add f 1 permit ethertype 0x05ff", "0x0600" },
		{ "filter list add l", "prefixes is missing" },
		{ "filter list add l 192.0.2.1/24", "no bits behind their length" },
	};
	struct fixture *fixture = *state;
	struct error error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (command_parse(bad[i].line, fixture->arguments, &error) == 0)
			fail_msg("%s: was taken for a command", bad[i].line);
		if (strstr(error.text, bad[i].said) == NULL && strstr(error.expected, bad[i].said) == NULL)
			fail_msg("%s: refused with: %s; expected: %s", bad[i].line, error.text,
				 bad[i].said);
	}
}

/* More Ethertypes than a filter has room for: the rule is refused, and those before it stay. */
static void test_ethertypes(void **state)
{
	struct fixture *fixture = *state;
	char line[80];

	say(fixture, "filter add f default permit");
	for (unsigned int i = 0; i < FILTER_ETHERTYPES; i++) {
		snprintf(line, sizeof(line), "filter rule add f %u deny ethertype 0x%x", i + 1, 0x9000 + i);
		say(fixture, line);
	}
	assert_int_equal(model_flush(fixture->model, &fixture->error), 0);
	verdict(fixture, "filter test f ethertype 0x9000", "deny", 1);
	verdict(fixture, "filter test f ethertype 0x901f", "deny", FILTER_ETHERTYPES);
	verdict(fixture, "filter test f ethertype 0x9020", "permit", 0);
	say(fixture, "filter rule add f 99 deny ethertype 0x9100");
	assert_true(model_flush(fixture->model, &fixture->error) < 0);
	assert_non_null(strstr(fixture->error.text, "more than 32 Ethertypes"));
	say(fixture, "filter rule del f 99");
	assert_int_equal(model_flush(fixture->model, &fixture->error), 0);
}

static void test_full(void **state)
{
	char line[64];

	say(*state, "filter add f");
	for (unsigned int i = 1; i <= FILTER_RULE_MAX; i++) {
		snprintf(line, sizeof(line), "filter rule add f %u permit proto tcp dport %u", i, i);
		say(*state, line);
	}
	refused(*state, "filter rule add f 9999 permit", "is full: it has 4096 rules");
	model_poll(((struct fixture *)*state)->model);
	verdict(*state, "filter test f proto tcp dport 4096", "permit", 4096);
	verdict(*state, "filter test f proto tcp dport 4097", "deny", 0);
}

static void test_shadows(void **state)
{
	struct fixture *fixture = *state;
	json_t *reply;

	make(fixture);
	say(fixture, "filter rule add f 30 permit proto tcp from 10.0.0.0/8 dport 8050");
	reply = model_reply(fixture->model);
	assert_int_equal(json_integer_value(json_object_get(reply, "shadowed_by")), 20);
	json_decref(reply);
	say(fixture, "filter rule add f 5 deny proto tcp");
	reply = model_reply(fixture->model);
	assert_int_equal(json_array_size(json_object_get(reply, "shadows")), 2); /* 20 and 30 */
	json_decref(reply);
	say(fixture, "filter rule add f 40 permit proto udp");
	assert_null(model_reply(fixture->model));
}

/* By the prefixes that a list has: -> the rule that is said to hide this one. */
static void test_shadows_of_lists(void **state)
{
	static const struct {
		const char *words;
		unsigned int by;
	} cases[] = {
		{ "permit from @bad", 10 },          { "permit from 10.1.2.0/24", 10 },
		{ "permit from 10.0.0.0/8", 0 },     { "permit from 2001:db8:1::1", 10 },
		{ "permit from 2001:db9::1", 0 },    { "permit from @some", 10 },
		{ "permit from @others", 0 },        { "permit to @some", 0 },
		{ "permit to 172.16.0.0/13", 20 },   { "permit to @private", 20 },
		{ "permit to @private dport 1", 20 }, { "permit to @others", 0 },
	};
	struct fixture *fixture = *state;
	char line[100];

	say(fixture, "filter list add bad 10.1.0.0/16 2001:db8::/32");
	say(fixture, "filter list add some 10.1.2.3 10.1.128.0/17 2001:db8::1");
	say(fixture, "filter list add others 10.1.2.3 10.2.0.1");
	say(fixture, "filter list add private 172.16.0.1 172.31.0.0/16");
	say(fixture, "filter add f");
	say(fixture, "filter rule add f 10 deny from @bad");
	say(fixture, "filter rule add f 20 deny to 172.16.0.0/12");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		snprintf(line, sizeof(line), "filter rule replace f 30 %s", cases[i].words);
		say(fixture, line);
		json_t *reply = model_reply(fixture->model);
		if (json_integer_value(json_object_get(reply, "shadowed_by")) != cases[i].by)
			fail_msg("%s: expected %u", cases[i].words, cases[i].by);
		json_decref(reply);
	}
}

/* The rule that is said to hide the one just added, 0: none. */
static unsigned int hidden_by(struct fixture *fixture)
{
	json_t *reply = model_reply(fixture->model);
	json_int_t by = json_integer_value(json_object_get(reply, "shadowed_by"));

	json_decref(reply);
	return (unsigned int)by;
}

/* 11.A.B.C/32 to list big, numbers `first` to `end` - 1. */
static void fill_big(struct fixture *fixture, uint32_t first, uint32_t end)
{
	char line[2000];

	for (uint32_t i = first; i < end;) {
		int at = snprintf(line, sizeof(line), "filter list add big");
		for (uint32_t stop = i + 100; i < end && i < stop; i++)
			at += snprintf(line + at, sizeof(line) - (size_t)at, " 11.%u.%u.%u", i >> 16,
				       i >> 8 & 255, i & 255);
		say(fixture, line);
	}
}

/* Whether a list is in another takes a walk: those of one command share a number of nodes. */
static void test_shadows_have_a_limit(void **state)
{
	enum { PREFIXES = FILTER_SHADOW_NODES / 8 * 3 }; /* twice as many nodes: one walk, not two */
	struct fixture *fixture = *state;

	say(fixture, "filter list add wide 12.0.0.0/8");
	say(fixture, "filter list add some 12.1.2.3 12.4.0.0/16");
	say(fixture, "filter list add ends 12.1.2.3 13.0.0.1");
	fill_big(fixture, 0, PREFIXES);
	say(fixture, "filter add f");
	say(fixture, "filter rule add f 10 deny to @ends"); /* no walk: decided by `to` */
	say(fixture, "filter rule add f 20 deny from @wide");
	say(fixture, "filter rule add f 30 permit from @some");
	assert_int_equal(hidden_by(fixture), 20);
	say(fixture, "filter rule replace f 10 deny from @ends"); /* a walk, which is in vain */
	say(fixture, "filter rule replace f 30 permit from @some");
	assert_int_equal(hidden_by(fixture), 0);
	say(fixture, "filter rule replace f 30 permit from 12.4.0.0/17"); /* no walk */
	assert_int_equal(hidden_by(fixture), 20);
}

/* Rules with lists beside one that is longer than the limit: prefixes alone are looked up. */
static void test_shadows_beside_long_list(void **state)
{
	struct fixture *fixture = *state;
	char line[100];

	fill_big(fixture, 0, 100000);
	say(fixture, "filter list add around 12.0.0.0/8 13.0.0.0/8");
	say(fixture, "filter add f");
	say(fixture, "filter rule add f 1 deny from @around");
	for (unsigned int i = 2; i <= 200; i++) {
		snprintf(line, sizeof(line), "filter list add small%u 12.0.0.%u 13.0.0.%u", i, i, i);
		say(fixture, line);
		snprintf(line, sizeof(line), "filter rule add f %u permit from @small%u", i, i);
		say(fixture, line);
		assert_int_equal(hidden_by(fixture), 0);
	}
	say(fixture, "filter rule add f 300 permit from 13.0.0.77");
	assert_int_equal(hidden_by(fixture), 1);
	say(fixture, "filter rule add f 301 permit from 11.0.0.77");
	assert_int_equal(hidden_by(fixture), 0);
	say(fixture, "filter rule add f 302 permit from @big");
	say(fixture, "filter rule replace f 303 permit from 11.0.0.77");
	assert_int_equal(hidden_by(fixture), 301);
}

/* What the workers are told of a rule's meter. */
static void test_meters(void **state)
{
	static const struct {
		const char *words;
		struct filter_rule is;
	} cases[] = {
		{ "police 8mbps", { .exceed = FILTER_EXCEED_PERMIT, .rate = 1000000, .burst = 100000 } },
		{ "police 8mbps burst 1m excess-burst 2m exceed deny",
		  { .exceed = FILTER_EXCEED_DENY, .rate = 1000000, .burst = 1000000, .excess = 2000000 } },
		{ "police 1kpps peak 3kpps exceed af11",
		  { .packets = 1, .exceed = 10, .rate = 1000, .burst = 100, .peak = 3000, .excess = 300 } },
		{ "police 1kpps peak 3kpps peak-burst 7",
		  { .packets = 1, .exceed = FILTER_EXCEED_PERMIT, .rate = 1000, .burst = 100,
		    .peak = 3000, .excess = 7 } },
	};
	struct fixture *fixture = *state;
	char line[120];

	make(fixture);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct filter_rule *is = &cases[i].is;
		snprintf(line, sizeof(line), "filter rule replace f 1 %s", cases[i].words);
		say(fixture, line);
		model_poll(fixture->model);
		const struct tables *tables = model_tables(fixture->model);
		const struct filter *filter =
			filter_get(tables, word_load(&tables->interface[0].filter_in));
		const struct filter_rule *rule = filter_at(filter, filter->rule);
		assert_int_equal(rule->packets, is->packets);
		assert_int_equal(rule->exceed, is->exceed);
		assert_int_equal(rule->rate, is->rate);
		assert_int_equal(rule->burst, is->burst);
		assert_int_equal(rule->peak, is->peak);
		assert_int_equal(rule->excess, is->excess);
	}
}

/* The same numbers, and nothing between that lets packets pass. */
static void test_taken_over(void **state)
{
	struct fixture *fixture = *state;

	make(fixture);
	say(fixture, "filter rule add f 40 police 5mbps peak 6000kbps exceed af11 proto udp");
	say(fixture, "filter rule add f 50 police 2kpps excess-burst 1k exceed deny");
	char *before = configuration(fixture);
	assert_non_null(strstr(before, " 40 police 5mbps peak 6mbps exceed 10 proto udp"));
	assert_non_null(strstr(before, " 50 police 2kpps excess-burst 1000 exceed deny"));
	uint64_t number = word_load(&model_tables(fixture->model)->interface[0].filter_in);
	model_end(fixture);
	model_begin(fixture, 0);
	for (char *line = strtok(before, "\n"); line != NULL; line = strtok(NULL, "\n")) {
		say(fixture, line);
		assert_non_null(filter_get(model_tables(fixture->model), number));
	}
	model_settle(fixture->model);
	assert_int_equal(word_load(&model_tables(fixture->model)->interface[0].filter_in), number);
	verdict(fixture, "filter test f proto tcp from 192.0.2.1 to 10.0.0.1 dport 443", "deny", 10);
	verdict(fixture, "filter test f proto tcp from 192.0.2.2 to 10.0.0.1 dport 443", "permit", 20);
	free(before);
}

/* Bindings to a tunnel: in the tables, in the configuration, and there again after a restart. */
static void test_tunnel(void **state)
{
	struct fixture *fixture = *state;

	make(fixture);
	say(fixture, "tunnel add t0 mode gre local 10.0.0.1 remote 10.0.0.2");
	say(fixture, "filter bind f in t0");
	const struct tables *tables = model_tables(fixture->model);
	assert_int_equal(word_load(&tables->filter_outs), 0);
	inverse_of(fixture, "filter bind f out t0");
	say(fixture, "filter bind f out t0");
	assert_int_equal(word_load(&tables->filter_outs), 1);
	char *before = configuration(fixture);
	assert_non_null(strstr(before, "filter bind f in t0\n"));
	assert_non_null(strstr(before, "filter bind f out t0\n"));
	model_end(fixture);
	model_begin(fixture, 0);
	for (char *line = strtok(before, "\n"); line != NULL; line = strtok(NULL, "\n"))
		say(fixture, line);
	model_settle(fixture->model);
	assert_int_equal(word_load(&model_tables(fixture->model)->filter_outs), 1);
	say(fixture, "filter unbind f out t0");
	assert_int_equal(word_load(&model_tables(fixture->model)->filter_outs), 0);
	free(before);
}

int main(void)
{
#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_PORTS(test_decides), IN_PORTS(test_list_of_gone_rule), IN_PORTS(test_bad_words),
		IN_PORTS(test_ethertypes), IN_PORTS(test_refused),    IN_PORTS(test_full),
		IN_PORTS(test_shadows), IN_PORTS(test_shadows_of_lists), IN_PORTS(test_taken_over), IN_PORTS(test_meters),
		IN_PORTS(test_shadows_have_a_limit), IN_PORTS(test_shadows_beside_long_list),
		IN_PORTS(test_tunnel),
	};
	return cmocka_run_group_tests_name("model: filter", tests, NULL, NULL);
}
