/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The command table's parser: lines that are right with their canonical form, lines that are wrong
 * with the word that is told, JSON that is right and wrong.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "controlplane/api/command.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONG_NAME    "abcdefghijklmnopqrstuvwxyz01234" /* 31 */

static struct arguments arguments, again;

/* ---- lines that are right ---- */

static const struct {
	const char *line, *canonical, *json;
} good[] = {
	{ "port show", "port show", "{}" },
	{ "show port", "port show", "{}" },
	{ "show port p0", "port show p0", "{\"name\":\"p0\"}" },
	{ "sh po", "port show", "{}" },
	{ "po sh", "port show", "{}" },
	{ "show drops", "show drops", "{}" },
	{ "sho co p1", NULL, NULL }, /* counters or config */
	{ "show cou p1", "show counters p1", "{\"name\":\"p1\"}" },
	{ "show workers", "show workers", "{}" },
	{ "show memory", "show memory", "{}" },
	{ "show protocols", "show protocols", "{}" },
	{ "show version", "show version", "{}" },
	{ "counters clear", "counters clear", "{}" },
	{ "counters clear p0", "counters clear p0", "{\"name\":\"p0\"}" },
	{ "clear runtime", "clear runtime", "{}" },
	{ "cl ru", "clear runtime", "{}" },
	{ "  port \t show\r\n", "port show", "{}" },
	{ "port add p0 devargs net_null0", "port add p0 devargs net_null0",
	  "{\"name\":\"p0\",\"devargs\":\"net_null0\"}" },
	{ "port add " LONG_NAME " devargs x", "port add " LONG_NAME " devargs x",
	  "{\"name\":\"" LONG_NAME "\",\"devargs\":\"x\"}" },
	{ "port add p0 rx-q 2 mtu 9000 devargs \"a b\\\"c\\\\\" mpls on space 3 upstream-space 4 "
	  "vrf 255",
	  "port add p0 devargs \"a b\\\"c\\\\\" mtu 9000 rx-queues 2 mpls on space 3 "
	  "upstream-space 4 vrf "
	  "255",
	  "{\"name\":\"p0\",\"devargs\":\"a "
	  "b\\\"c\\\\\",\"mtu\":9000,\"rx_queues\":2,\"mpls\":true,"
	  "\"space\":3,\"upstream_space\":4,\"vrf\":255}" },
	{ "port add p0 devargs 'single \"quotes\"'",
	  "port add p0 devargs \"single \\\"quotes\\\"\"",
	  "{\"name\":\"p0\",\"devargs\":\"single \\\"quotes\\\"\"}" },
	{ "port add p0 down devargs a", "port add p0 devargs a down",
	  "{\"name\":\"p0\",\"devargs\":\"a\",\"admin\":\"down\"}" },
	{ "port set p0 down", "port set p0 down", "{\"name\":\"p0\",\"admin\":\"down\"}" },
	{ "port set p0 mpls off", "port set p0 mpls off", "{\"name\":\"p0\",\"mpls\":false}" },
	{ "p0 set down", "port set p0 down", "{\"name\":\"p0\",\"admin\":\"down\"}" },
	{ "lo set down", "port set lo down", "{\"name\":\"lo\",\"admin\":\"down\"}" },
	{ "lo set d down", "loopback set d down", "{\"name\":\"d\",\"admin\":\"down\"}" },
	{ "loopback set lo down", "loopback set lo down", "{\"name\":\"lo\",\"admin\":\"down\"}" },
	{ "port set p0 rx-queues 2 devargs net_null1", "port set p0 devargs net_null1 rx-queues 2",
	  "{\"name\":\"p0\",\"devargs\":\"net_null1\",\"rx_queues\":2}" },
	{ "po set p0 mtu 1400", "port set p0 mtu 1400", "{\"name\":\"p0\",\"mtu\":1400}" },
	{ "v100 set mtu 1400", "port set v100 mtu 1400", "{\"name\":\"v100\",\"mtu\":1400}" },
	{ "vlan add v1 dev p0 tag 100 inner 200", "vlan add v1 dev p0 tag 100 inner 200",
	  "{\"name\":\"v1\",\"dev\":\"p0\",\"tag\":100,\"inner\":200}" },
	{ "loopback add lo0 vrf 0", "loopback add lo0 vrf 0", "{\"name\":\"lo0\",\"vrf\":0}" },
	{ "address add 10.0.0.1/24 dev p0", "address add 10.0.0.1/24 dev p0",
	  "{\"prefix\":\"10.0.0.1/24\",\"dev\":\"p0\"}" },
	{ "address add 2001:DB8:0::1/64 dev p0", "address add 2001:db8::1/64 dev p0",
	  "{\"prefix\":\"2001:db8::1/64\",\"dev\":\"p0\"}" },
	{ "neigh add 10.0.0.2 lladdr 02:AB:00:00:00:01 dev p0",
	  "neigh add 10.0.0.2 lladdr 02:ab:00:00:00:01 dev p0",
	  "{\"address\":\"10.0.0.2\",\"lladdr\":\"02:ab:00:00:00:01\",\"dev\":\"p0\"}" },
	{ "neigh del fe80::1 dev p0", "neigh del fe80::1 dev p0",
	  "{\"address\":\"fe80::1\",\"dev\":\"p0\"}" },
	{ "mpls add 16 swap 1048575 via 10.0.0.2", "mpls add 16 swap 1048575 via 10.0.0.2",
	  "{\"label\":16,\"operation\":\"swap\",\"paths\":[{\"swap\":[1048575],\"via\":\"10.0.0."
	  "2\"}]}" },
	{ "mpls add 16 swap 16/17/18/19/20/21/22/23 dev p0",
	  "mpls add 16 swap 16/17/18/19/20/21/22/23 dev p0",
	  "{\"label\":16,\"operation\":\"swap\",\"paths\":[{\"swap\":[16,17,18,19,20,21,22,23],"
	  "\"dev\":\"p0\"}]}" },
	{ "mpls add 16 swap 20/explicit-null dev p0 no-counters ttl pipe",
	  "mpls add 16 swap 20/explicit-null dev p0 ttl pipe no-counters",
	  "{\"label\":16,\"operation\":\"swap\",\"paths\":[{\"swap\":[20,\"explicit-null\"],"
	  "\"dev\":\"p0\"}],\"ttl\":\"pipe\",\"no_counters\":true}" },
	{ "mpls add 16 swap implicit-null via ::1", "mpls add 16 swap implicit-null via ::1",
	  "{\"label\":16,\"operation\":\"swap\",\"paths\":[{\"swap\":[\"implicit-null\"],\"via\":"
	  "\"::1\"}]}" },
	{ "mpls rep 16 sp 2 sw 20 v 1.1.1.1 sw 21 v 1.1.1.2 w 3 b v 2.2.2.2 d p1", NULL, NULL },
	{ "mpls rep 16 sp 2 sw 20 vi 1.1.1.1 sw 21 vi 1.1.1.2 w 3 ba v 2.2.2.2 d p1",
	  "mpls replace 16 space 2 swap 20 via 1.1.1.1 swap 21 via 1.1.1.2 weight 3 backup via "
	  "2.2.2.2 dev p1",
	  "{\"label\":16,\"space\":2,\"operation\":\"swap\",\"paths\":[{\"swap\":[20],\"via\":\"1."
	  "1.1.1\"},"
	  "{\"swap\":[21],\"via\":\"1.1.1.2\",\"weight\":3,\"backup\":{\"via\":\"2.2.2.2\","
	  "\"dev\":\"p1\"}}]}" },
	{ "mpls add 16 pop via 1.1.1.1 push 20 entropy via 1.1.1.2",
	  "mpls add 16 pop via 1.1.1.1 push 20 entropy via 1.1.1.2",
	  "{\"label\":16,\"operation\":\"pop\",\"paths\":[{\"via\":\"1.1.1.1\",\"push\":[20],"
	  "\"entropy\":true},{\"via\":\"1.1.1.2\"}]}" },
	{ "mpls add 16 pop via 1.1.1.1 nexthop dev p0",
	  "mpls add 16 pop via 1.1.1.1 nexthop dev p0",
	  "{\"label\":16,\"operation\":\"pop\",\"paths\":[{\"via\":\"1.1.1.1\"},{\"dev\":\"p0\"}]"
	  "}" },
	{ "mpls add 16 pop via 1.1.1.1 weight 2 dev p0",
	  "mpls add 16 pop via 1.1.1.1 dev p0 weight 2",
	  "{\"label\":16,\"operation\":\"pop\",\"paths\":[{\"via\":\"1.1.1.1\",\"dev\":\"p0\","
	  "\"weight\":2}]}" },
	{ "mpls add 16 pop ip vrf 7", "mpls add 16 pop ip vrf 7",
	  "{\"label\":16,\"operation\":\"pop-ip\",\"vrf\":7}" },
	{ "mpls add 16 pop label tc uniform", "mpls add 16 pop label tc uniform",
	  "{\"label\":16,\"operation\":\"pop-label\",\"tc\":\"uniform\"}" },
	{ "mpls add 16 pop bridge br0 control-word", "mpls add 16 pop bridge br0 control-word",
	  "{\"label\":16,\"operation\":\"pop-bridge\",\"bridge\":\"br0\",\"control_word\":true}" },
	{ "mpls del 16 space 63", "mpls del 16 space 63", "{\"label\":16,\"space\":63}" },
	{ "mpls show", "mpls show", "{}" },
	{ "mpls show 17", "mpls show 17", "{\"label\":17}" },
	{ "show mpls space 2", "mpls show space 2", "{\"space\":2}" },
	{ "config save", "config save", "{}" },
	{ "config apply 'my file.json' confirm 300s", "config apply \"my file.json\" confirm 5m",
	  "{\"file\":\"my file.json\",\"confirm\":\"5m\"}" },
};

static void test_good_lines(void **state)
{
	struct error error;
	char text[4096];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		int code = command_parse(good[i].line, &arguments, &error);
		if (!good[i].canonical) {
			assert_int_not_equal(code, 0);
			assert_non_null(strstr(error.text, "several"));
			continue;
		}
		if (code != 0)
			fail_msg("%s: %s", good[i].line, error.text);
		assert_true(command_to_text(&arguments, text, sizeof(text)) > 0);
		assert_string_equal(text, good[i].canonical);
		json_t *json = command_to_json(&arguments);
		char *dump = json_dumps(json, JSON_COMPACT);
		assert_string_equal(dump, good[i].json);
		assert_int_equal(command_from_json(arguments.command, json, &again, &error), 0);
		assert_true(command_to_text(&again, text, sizeof(text)) > 0);
		assert_string_equal(text, good[i].canonical);
		free(dump);
		json_decref(json);
	}
}

/* ---- lines that are wrong: the words that are told stand under the caret ---- */

static const struct {
	const char *line, *told,
		*text; /* told NULL: the end of the line; text: part of the message */
} bad[] = {
	{ "", NULL, "a command is missing" },
	{ "port", NULL, "too early" },
	{ "clear", NULL, "too early" },
	{ "counters", NULL, "too early" }, /* what changes anything is asked for by its verb */
	{ "counters p0", "p0", "unknown word after counters" },
	{ "bridge topology br0", "br0", "unknown word after bridge topology" },
	{ "capture", NULL, "capture: file is missing" },
	{ "trace", NULL, "count is missing" },
	{ "clear runtime p0", "p0", "unknown word" },
	{ "frobnicate all", "frobnicate", "unknown command" },
	{ "port frob", "frob", "unknown word after port" },
	{ "prot set p0 down", "prot", "unknown command" },
	{ "port add", NULL, "name is missing" },
	{ "port add p0", NULL, "devargs is missing" },
	{ "port add p0 devargs", NULL, "devargs is missing" },
	{ "port add p0 devargs x mtu", NULL, "the value of mtu" },
	{ "port add p0 devargs \"x", "\"x", "not closed" },
	{ "port add p0 devargs a\"x\"", "a", "not at its end" },
	{ "port add p0 devargs \"x\"y", "\"x\"", "not at its end" },
	{ "port add p0 devargs \"\"", "\"\"", "1 to 255 bytes" },
	{ "port add p0 devargs x speed 10", "speed", "unknown word" },
	{ "port add p0 devargs x down up", "up", "is said already" },
	{ "port add p0 devargs x mtu 1500 mtu 1500", "mtu", "given twice" },
	{ "port add p0 devargs x mtu 67", "67", "mtu 67: expected 68 to" },
	{ "port add p0 devargs x mtu 65536", "65536", "expected 68 to" },
	{ "port add p0 devargs x mtu +1500", "+1500", "expected" },
	{ "port add p0 devargs x mtu 1500x", "1500x", "expected" },
	{ "port add p0 devargs x mtu 0x5dc", "0x5dc", "expected" },
	{ "port add p0 devargs x mtu 01500", "01500", "expected" },
	{ "port add p0 devargs x mtu 18446744073709553116", "18446744073709553116", "expected" },
	{ "port add p0 devargs x mpls yes", "yes", "on or off" },
	{ "port add p0 devargs x space 64", "64", "0 to 63" },
	{ "port add " LONG_NAME "5 devargs x", LONG_NAME "5", "1 to 31" },
	{ "port add .p devargs x", ".p", "a name" },
	{ "port add p/0 devargs x", "p/0", "a name" },
	{ "port set p0", NULL, "nothing to set" },
	{ "port set p0 up down", "down", "said already" },
	{ "vlan set v0 devargs x", "devargs", "unknown word" },
	{ "port del", NULL, "name is missing" },
	{ "show ne", "ne", "several" },
	{ "show version now", "now", "unknown word" },
	{ "vlan add v dev p0 tag 0", "0", "1 to 4094" },
	{ "vlan add v dev p0 tag 4095", "4095", "1 to 4094" },
	{ "vlan add v tag 1", NULL, "dev is missing" },
	{ "address add 10.0.0.1 dev p0", "10.0.0.1", "with a length" },
	{ "address add 10.0.0.1/33 dev p0", "10.0.0.1/33", "with a length" },
	{ "address add 10.0.0.1/ dev p0", "10.0.0.1/", "with a length" },
	{ "address add 10.0.0.256/8 dev p0", "10.0.0.256/8", "with a length" },
	{ "address add 010.0.0.1/8 dev p0", "010.0.0.1/8", "with a length" },
	{ "address add ::1/129 dev p0", "::1/129", "with a length" },
	{ "address add ::ffff:10.0.0.1/120 dev p0", "::ffff:10.0.0.1/120", "with a length" },
	{ "neigh add 10.0.0.2 lladdr 02:00:00:00:00:0g dev p0", "02:00:00:00:00:0g", "Ethernet" },
	{ "neigh add 10.0.0.2 lladdr 2:0:0:0:0:1 dev p0", "2:0:0:0:0:1", "Ethernet" },
	{ "neigh add 10.0.0.2 dev p0", NULL, "lladdr is missing" },
	{ "neigh del 10.0.0.2 lladdr 02:00:00:00:00:01 dev p0", "lladdr", "unknown word" },
	{ "mpls add", NULL, "label is missing" },
	{ "mpls add 1048576 swap 200 via 1.1.1.1", "1048576",
	  "label 1048576: expected 16 to 1048575" },
	{ "mpls add 15 swap 200 via 1.1.1.1", "15", "label 15: expected 16 to 1048575" },
	{ "mpls add -16 swap 200 via 1.1.1.1", "-16", "expected 16 to 1048575" },
	{ "mpls add explicit-null swap 200 via 1.1.1.1", "explicit-null",
	  "expected 16 to 1048575" },
	{ "mpls add 16 swap 1048576 via 1.1.1.1", "1048576",
	  "label 1048576: expected 16 to 1048575" },
	{ "mpls add 16 swap 17/1/18 via 1.1.1.1", "1", "label 1: expected 16" },
	{ "mpls add 16 swap 17//18 via 1.1.1.1", "/", "label : expected 16" },
	{ "mpls add 16 swap 16/17/18/19/20/21/22/23/24 via 1.1.1.1", "16/17/18/19/20/21/22/23/24",
	  "9 labels: expected 1 to 8" },
	{ "mpls add 16 swap 16/17/18/19/20 via 1.1.1.1 push 21/22/23/24", "swap",
	  "9 labels: expected at most 8" },
	{ "mpls add 16 swap 17/implicit-null via 1.1.1.1", "17/implicit-null", "stands alone" },
	{ "mpls add 16 pop via 1.1.1.1 push implicit-null", "via", "cannot be pushed" },
	{ "mpls add 16 swap", NULL, "the value of swap" },
	{ "mpls add 16 swap via 1.1.1.1", "via", "label via" },
	{ "mpls add 16 swap 17", "swap", "neither via nor dev" },
	{ "mpls add 16 swap 17 via 1.1.1", "1.1.1", "an IPv4 or IPv6 address" },
	{ "mpls add 16 swap 17 via 1.1.1.1 via 1.1.1.2", "via", "has no swap" },
	{ "mpls add 16 swap 17 via 1.1.1.1 entropy", "swap", "entropy goes with push" },
	{ "mpls add 16 swap 17 via 1.1.1.1 backup dev p0", "swap", "backup needs an address" },
	{ "mpls add 16 swap 17 via 1.1.1.1 weight 0", "0", "1 to 256" },
	{ "mpls add 16 swap 17 via 1.1.1.1 space 1 space 2", "space", "given twice" },
	{ "mpls add 16 swap 17 via 1.1.1.1 vrf 1", "vrf", "goes with pop ip" },
	{ "mpls add 16 swap 17 via 1.1.1.1 control-word", "control-word", "goes with pop bridge" },
	{ "mpls add 16 swap 17 via 1.1.1.1 bridge br0", "bridge", "goes with pop" },
	{ "mpls add 16 swap 17 via 1.1.1.1 pop", "swap", "exclude" },
	{ "mpls add 16 swap 17 via 1.1.1.1 ttl short", "short", "uniform or pipe" },
	{ "mpls add 16", NULL, "what to do with the label" },
	{ "mpls add 16 pop", NULL, "a path is missing" },
	{ "mpls add 16 pop ip via 1.1.1.1", "via", "have paths" },
	{ "mpls add 16 pop bridge", NULL, "the value of bridge" },
	{ "mpls add 16 pop ip pop label", "pop", "said already" },
	{ "mpls del 16 swap 17", "swap", "unknown word" },
	{ "config apply", NULL, "file is missing" },
	{ "config apply f confirm 5", "5", "300ms" },
	{ "config apply f confirm 5d", "5d", "300ms" },
	{ "config apply f confirm 0s", "0s", "1s to" },
	{ "config apply f confirm 99999999999999999999h", "99999999999999999999h", "1s to" },
};

static void test_bad_lines(void **state)
{
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		const char *line = bad[i].line;
		int code = command_parse(line, &arguments, &error);
		if (code != -EINVAL || error.kind != ERROR_USAGE)
			fail_msg("\"%s\" is taken", line);
		if (!strstr(error.text, bad[i].text))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", line, error.text,
				 bad[i].text);
		assert_true(error.column >= 0 && error.length > 0);
		assert_true((size_t)error.column <= strlen(line));
		if (!bad[i].told) {
			assert_int_equal(error.column, strlen(line));
			continue;
		}
		if (strncmp(line + error.column, bad[i].told, strlen(bad[i].told)) != 0)
			fail_msg("\"%s\": the caret is at %d", line, error.column);
	}
}

/* What could have stood in place of the wrong word is told. */
static void test_expected(void **state)
{
	struct error error;

	(void)state;
	assert_int_equal(command_parse("port set p0 sped 3", &arguments, &error), -EINVAL);
	assert_string_equal(error.expected,
			    "devargs, mtu, rx-queues, mpls, space, upstream-space, "
			    "host-interface, rpf, bridge, vlan, trunk, native, "
	"isolated, learning, learning-limit, storm-broadcast, storm-multicast, storm-unicast, "
	"multicast-routing, multicast-ttl-threshold, igmp-version, mld-version, fast-leave, "
	"query-interval, query-response-interval, last-member-interval, last-member-count, "
	"robustness, startup-query-interval, startup-query-count, strict, group-limit, "
	"source-limit, up, down");
	assert_int_equal(command_parse("neigh frob", &arguments, &error), -EINVAL);
	assert_string_equal(error.expected, "add, replace, del, show");
}

/* Only a line without abbreviations may go to the journal as it is. */
static void test_spelled_out(void **state)
{
	static const struct {
		const char *line;
		bool spelled_out;
	} cases[] = {
		{ "mpls add 16 swap 17 via 10.0.0.1", true },
		{ "  mpls  add 16 swap 17 via 10.0.0.1 ttl pipe no-counters", true },
		{ "mpls add 16 pop ip", true },
		{ "mpls add 16 pop via 10.0.0.1 backup via 10.0.0.2 dev p1", true },
		{ "port set p0 down mtu 9000", true },
		{ "mp add 16 swap 17 via 10.0.0.1", false },
		{ "mpls a 16 swap 17 via 10.0.0.1", false },
		{ "mpls add 16 sw 17 via 10.0.0.1", false },
		{ "mpls add 16 swap 17 vi 10.0.0.1", false },
		{ "mpls add 16 pop i", false },
		{ "mpls add 16 swap 17 via 10.0.0.1 ttl p", false },
		{ "mpls add 16 swap 17 via 10.0.0.1 no", false },
		{ "mpls add 16 pop via 10.0.0.1 back via 10.0.0.2 dev p1", false },
		{ "p0 set down", false },
	};
	struct error error;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].line);
		assert_int_equal(command_parse(cases[i].line, &arguments, &error), 0);
		assert_int_equal(arguments.spelled_out, cases[i].spelled_out);
	}
}

static void test_too_many_paths(void **state)
{
	char line[8192] = "mpls add 16 pop";
	struct error error;

	(void)state;
	for (int i = 0; i < GROUP_MEMBER_MAX; i++)
		strcat(line, " via 10.0.0.1");
	assert_int_equal(command_parse(line, &arguments, &error), 0);
	assert_int_equal(arguments.path_count, GROUP_MEMBER_MAX);
	strcat(line, " via 10.0.0.1");
	assert_int_equal(command_parse(line, &arguments, &error), -EINVAL);
	assert_non_null(strstr(error.text, "more than 256 paths"));
}

/* ---- JSON that is wrong ---- */

static const struct {
	const char *method, *params, *text;
} bad_json[] = {
	{ "mpls add", "[]", "expected an object" },
	{ "mpls add", "{}", "label is missing" },
	{ "mpls add", "{\"label\":\"16\"}", "label \"16\": expected 16 to" },
	{ "mpls add", "{\"label\":16.5}", "label 16.5: expected" },
	{ "mpls add", "{\"label\":-16}", "label -16: expected" },
	{ "mpls add", "{\"label\":4294967312}", "label 4294967312: expected" },
	{ "mpls add", "{\"label\":16,\"colour\":1}", "colour: mpls add has no such member" },
	{ "mpls add", "{\"label\":16,\"config\":{}}", "config: mpls add has no such member" },
	{ "mpls add", "{\"label\":16,\"paths\":{}}", "paths: expected an array" },
	{ "mpls add", "{\"label\":16,\"paths\":[1]}", "path 1: expected an object" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":17,\"via\":\"1.1.1.1\"}]}",
	  "path 1: swap: expected an array" },
	{ "mpls add",
	  "{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":\"1.1.1.1\"},{\"swap\":[3]}]}",
	  "path 2: swap label 3: expected" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[\"17\"],\"via\":\"1.1.1.1\"}]}",
	  "path 1: swap label 17" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[[]],\"via\":\"1.1.1.1\"}]}",
	  "path 1: swap" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":1}]}",
	  "path 1: via 1: expected" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[17],\"backup_via\":\"1.1.1.1\"}]}",
	  "path 1: backup_via: a path has no such member" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[17],\"backup\":\"1.1.1.1\"}]}",
	  "path 1: backup: expected an object" },
	{ "mpls add", "{\"label\":16,\"paths\":[{\"swap\":[17],\"backup\":{\"weight\":1}}]}",
	  "path 1: weight: a backup has no such member" },
	{ "mpls add", "{\"label\":16,\"operation\":\"pop ip\"}", "operation \"pop ip\": expected" },
	{ "mpls add", "{\"label\":16,\"operation\":\"pop-ip\",\"no_counters\":1}",
	  "no-counters: expected true or false" },
	{ "port add", "{\"name\":\"p0\",\"devargs\":\"a\\nb\"}", "without control characters" },
	{ "port add", "{\"name\":\"p 0\",\"devargs\":\"a\"}", "name p 0: expected a name" },
	{ "port add", "{\"name\":\"p0\",\"devargs\":null}", "devargs null: expected" },
	{ "port add", "{\"name\":\"p0\",\"devargs\":\"a\",\"admin\":\"off\"}",
	  "admin \"off\": expected up or down" },
	{ "port set", "{\"name\":\"p0\",\"mpls\":\"on\"}", "mpls: expected true or false" },
	{ "config apply", "{\"config\":[]}", "config: expected an object" },
	{ "show version", "{\"name\":\"x\"}", "name: show version has no such member" },
};

static void test_bad_json(void **state)
{
	struct error error;

	(void)state;
	for (size_t i = 0; i < COUNT(bad_json); i++) {
		json_t *params = json_loads(bad_json[i].params, 0, NULL);
		const struct command *command = command_by_method(bad_json[i].method);
		assert_non_null(params);
		assert_non_null(command);
		if (command_from_json(command, params, &arguments, &error) != -EINVAL)
			fail_msg("%s is taken", bad_json[i].params);
		if (!strstr(error.text, bad_json[i].text))
			fail_msg("%s: \"%s\" does not say \"%s\"", bad_json[i].params, error.text,
				 bad_json[i].text);
		assert_int_equal(error.column, -1);
		json_decref(params);
	}
}

/* An inline configuration stands for the file. */
static void test_json_document(void **state)
{
	json_t *params = json_loads("{\"config\":{\"port\":[]},\"confirm\":\"5m\"}", 0, NULL);
	struct error error;

	(void)state;
	assert_int_equal(
		command_from_json(command_by_id(COMMAND_CONFIG_APPLY), params, &arguments, &error),
		0);
	assert_ptr_equal(arguments.document, json_object_get(params, "config"));
	assert_true(arguments.value[CONFIG_CONFIRM].number == 300000000000ull);
	json_decref(params);
}

static void test_text_too_small(void **state)
{
	struct error error;
	char text[40];

	(void)state;
	assert_int_equal(
		command_parse("mpls add 16 swap 17 via 10.0.0.2 dev p0", &arguments, &error), 0);
	assert_int_equal(command_to_text(&arguments, text, 39), -ENOSPC);
	assert_int_equal(command_to_text(&arguments, text, 40), 39);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_lines),     cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_expected),       cmocka_unit_test(test_spelled_out),
		cmocka_unit_test(test_too_many_paths), cmocka_unit_test(test_bad_json),
		cmocka_unit_test(test_json_document),  cmocka_unit_test(test_text_too_small),
	};

	return cmocka_run_group_tests_name("command", tests, NULL, NULL);
}
