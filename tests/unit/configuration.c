/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Configuration documents: what is refused and how it is named, what is the same, and the commands
 * that lead from one to another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "controlplane/api/configuration.h"

#define P0 "{\"name\":\"p0\",\"devargs\":\"net_null0\"}"

static int load(struct configuration *configuration, const char *members, struct error *error)
{
	char text[2048];
	json_t *document;
	int rc;

	memset(configuration, 0, sizeof(*configuration));
	snprintf(text, sizeof(text), "{\"shunt_config\":1%s%s}", *members ? "," : "", members);
	document = json_loads(text, 0, NULL);
	assert_non_null(document);
	rc = configuration_from_json(configuration, document, error);
	json_decref(document);
	return rc;
}

static void test_refused(void **state)
{
	static const struct {
		const char *members, *says;
	} cases[] = {
		{ "\"ports\":[]", "unknown member 'ports'" },
		{ "\"show\":[]", "unknown member 'show'" },
		{ "\"port\":{}", "port: expected an array" },
		{ "\"port\":[7]", "port[0]: expected an object" },
		{ "\"port\":[" P0 ",{\"name\":\"p1\"}]", "port[1]: " },
		{ "\"port\":[{\"name\":\"p0\",\"devargs\":\"x\",\"colour\":1}]", "colour" },
		{ "\"port\":[{\"name\":\"p0\",\"devargs\":\"x\",\"mtu\":\"big\"}]",
		  "port[0]: mtu" },
		{ "\"port\":[{\"name\":\"p0\",\"devargs\":\"x\",\"admin\":\"left\"}]",
		  "port[0]: " },
		{ "\"port\":[" P0 "," P0 "]", "stands here twice" },
		{ "\"mpls\":[{\"label\":15,\"operation\":\"pop-label\"}]", "mpls[0]: label" },
		{ "\"mpls\":[{\"label\":1048576,\"operation\":\"pop-label\"}]", "mpls[0]: label" },
		{ "\"port\":[{\"name\":\"p0\",\"devargs\":\"a\\nb\"}]", "port[0]: " },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct configuration configuration;
		struct error error = { 0 };

		assert_int_not_equal(load(&configuration, cases[i].members, &error), 0);
		if (!strstr(error.text, cases[i].says))
			fail_msg("%s: '%s' is not in '%s'", cases[i].members, cases[i].says,
				 error.text);
		configuration_free(&configuration);
	}
}

static void test_no_version(void **state)
{
	static const char *const documents[] = { "{}", "{\"shunt_config\":2}",
						 "{\"shunt_config\":\"1\"}", "[]" };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct configuration configuration = { 0 };
		json_t *document = json_loads(documents[i], 0, NULL);
		struct error error = { 0 };

		assert_int_not_equal(configuration_from_json(&configuration, document, &error), 0);
		configuration_free(&configuration);
		json_decref(document);
	}
}

/* Lines of the three lists, "-" before what is removed, "+" added, "~" changed. */
static void add_lines(char *text, size_t size, char mark, const struct buffer *lines)
{
	char *at = lines->data, *end;

	for (; lines->used && at < lines->data + lines->used; at = end + 1) {
		size_t used = strlen(text);

		end = memchr(at, '\n', (size_t)(lines->data + lines->used - at));
		snprintf(text + used, size - used, "%c%.*s\n", mark, (int)(end - at), at);
	}
}

static void expect_difference(const char *old, const char *new, const char *expected)
{
	struct configuration_difference difference;
	struct configuration a, b;
	struct error error = { 0 };
	char text[2048] = "";

	if (load(&a, old, &error) || load(&b, new, &error))
		fail_msg("%s", error.text);
	configuration_difference(&a, &b, &difference);
	add_lines(text, sizeof(text), '-', &difference.remove);
	add_lines(text, sizeof(text), '+', &difference.add);
	add_lines(text, sizeof(text), '~', &difference.change);
	assert_string_equal(text, expected);
	configuration_difference_free(&difference);
	configuration_free(&a);
	configuration_free(&b);
}

#define VIA                    "\"via\":\"10.0.0.2\""
#define ROUTE(operation, path) "\"mpls\":[{\"label\":16," operation ",\"paths\":[{" path "}]}]"

#define ROUTER_AT_P0           "\"bridge router\":[{\"name\":\"b0\",\"port\":\"p0\""

static void test_same(void **state)
{
	(void)state;
	expect_difference("", "\"port\":[],\"mpls\":[]", "");
	expect_difference("\"port\":[" P0 "]", "\"port\":[" P0 "]", "");
	/* Defaults say nothing. */
	expect_difference("\"port\":[" P0 "]",
			  "\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"mtu\":1500,"
			  "\"mpls\":false,\"vrf\":0,\"admin\":\"up\"}]",
			  "");
	expect_difference("\"mpls\":[{\"label\":16,\"operation\":\"pop-label\"}]",
			  "\"mpls\":[{\"label\":16,\"operation\":\"pop-label\",\"space\":0,"
			  "\"ttl\":\"uniform\"}]",
			  "");
	expect_difference("\"bridge\":[{\"name\":\"b0\"}]",
			  "\"bridge\":[{\"name\":\"b0\",\"group_limit\":4096,"
			  "\"source_limit\":64,\"multicast_routing\":\"off\","
			  "\"multicast_ttl_threshold\":0}]",
			  "");
	expect_difference(ROUTER_AT_P0 "}]", ROUTER_AT_P0 ",\"mode\":\"always\"}]", "");
	/* Nor does it matter in which of two ways a route is told. */
	expect_difference(ROUTE("\"operation\":\"pop\"", VIA),
			  ROUTE("\"operation\":\"swap\"", "\"swap\":[\"implicit-null\"]," VIA), "");
	expect_difference(
		ROUTE("\"operation\":\"pop\"", "\"push\":[300]," VIA),
		ROUTE("\"operation\":\"swap\"", "\"swap\":[\"implicit-null\"],\"push\":[300]," VIA),
		"");
	expect_difference(ROUTE("\"operation\":\"swap\"", "\"swap\":[300,200]," VIA),
			  ROUTE("\"operation\":\"swap\"", "\"swap\":[200],\"push\":[300]," VIA),
			  "");
	expect_difference(ROUTE("\"operation\":\"swap\"",
				"\"swap\":[200],\"push\":[400,300],\"entropy\":true," VIA),
			  ROUTE("\"operation\":\"swap\"",
				"\"swap\":[300,200],\"push\":[400],\"entropy\":true," VIA),
			  "");
	/* Nor does the order. */
	expect_difference("\"loopback\":[{\"name\":\"a\"},{\"name\":\"b\"}]",
			  "\"loopback\":[{\"name\":\"b\"},{\"name\":\"a\"}]", "");
}

static void test_order(void **state)
{
	static const char *const all =
		"\"mpls\":[{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":\"10.0.0.2\"}]}],"
		"\"address\":[{\"prefix\":\"10.0.0.1/24\",\"dev\":\"p0\"}],\"port\":[" P0 "]";

	(void)state;
	expect_difference("", all,
			  "+port add p0 devargs net_null0\n"
			  "+address add 10.0.0.1/24 dev p0\n"
			  "+mpls add 16 swap 17 via 10.0.0.2\n");
	expect_difference(all, "",
			  "-mpls del 16\n"
			  "-address del 10.0.0.1/24 dev p0\n"
			  "-port del p0\n");
}

#define ON_P0                                                                                      \
	"\"address\":[{\"prefix\":\"10.0.0.1/24\",\"dev\":\"p0\"}],"                               \
	"\"mpls\":[{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":\"10.0.0.2\"}]},"               \
	"{\"label\":18,\"operation\":\"pop-label\"}]"

static void test_change(void **state)
{
	(void)state;
	expect_difference("\"mpls\":[{\"label\":16,\"operation\":\"pop-label\"}]",
			  "\"mpls\":[{\"label\":16,\"operation\":\"pop-ip\"}]",
			  "~mpls replace 16 pop ip\n");
	expect_difference("\"port\":[" P0 "]",
			  "\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"mtu\":9000,"
			  "\"mpls\":true,\"admin\":\"down\"}]",
			  "~port set p0 mtu 9000 mpls on down\n");
	/* Back to what is left out. */
	expect_difference("\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"mtu\":9000,"
			  "\"mpls\":true,\"admin\":\"down\"}]",
			  "\"port\":[" P0 "]", "~port set p0 mtu 1500 mpls off up\n");
	expect_difference("\"bridge\":[{\"name\":\"b0\",\"source_limit\":100}]",
			  "\"bridge\":[{\"name\":\"b0\"}]",
			  "~bridge set b0 source-limit 64\n");
	/* Another device, and nothing that stands on the port is touched. */
	expect_difference(ON_P0 ",\"port\":[" P0 "]",
			  ON_P0 ",\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null1\","
				"\"rx_queues\":2}]",
			  "~port set p0 devargs net_null1 rx-queues 2\n");
	/* Not one that another port has yet. */
	expect_difference("\"port\":[{\"name\":\"a\",\"devargs\":\"x,iface=i\"},"
			  "{\"name\":\"b\",\"devargs\":\"y,iface=j\"}]",
			  "\"port\":[{\"name\":\"a\",\"devargs\":\"x,iface=j\"},"
			  "{\"name\":\"b\",\"devargs\":\"y,iface=i\"}]",
			  "-port del a\n-port del b\n"
			  "+port add a devargs x,iface=j\n+port add b devargs y,iface=i\n");
	/* What `set` cannot say is made anew. */
	expect_difference("\"port\":[" P0 "]",
			  "\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"vrf\":7}]",
			  "-port del p0\n+port add p0 devargs net_null0 vrf 7\n");
}

#define P0_1 "\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"vrf\":7}]"
/* What stands on an object that is made anew is made anew too, and nothing else. */
#define MOVES(dev)                                                                                 \
	"\"address\":[{\"prefix\":\"10.0.0.1/24\",\"dev\":\"" dev "\"}],\"neigh\":[{"              \
	"\"address\":\"10.0.0.2\",\"lladdr\":\"02:00:00:00:00:02\",\"dev\":\"" dev                 \
	"\"}],\"mpls\":["                                                                          \
	"{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":\"10.0.0.2\"}]}]"

/* Two networks, and a route whose nexthop follows. */
#define GOES(dev, net, host, dev2, net2, host2)                                                    \
	"\"address\":[{\"prefix\":\"10.0." net "." host "/24\",\"dev\":\"" dev                     \
	"\"},{\"prefix\":\"10.0." net2 "." host2 "/24\",\"dev\":\"" dev2                           \
	"\"}],\"mpls\":[{\"label\":16,\"paths\":[{\"swap\":[17],\"via\":\""

static void test_moved(void **state)
{
	(void)state;
	expect_difference(ON_P0 ",\"port\":[" P0 "]", ON_P0 "," P0_1,
			  "-mpls del 16\n"
			  "-address del 10.0.0.1/24 dev p0\n"
			  "-port del p0\n"
			  "+port add p0 devargs net_null0 vrf 7\n"
			  "+address add 10.0.0.1/24 dev p0\n"
			  "+mpls add 16 swap 17 via 10.0.0.2\n");
	/* With its neighbour: the route goes before both, or it would be added again too early. */
	expect_difference(MOVES("a"), MOVES("b"),
			  "-mpls del 16\n"
			  "-neigh del 10.0.0.2 dev a\n"
			  "-address del 10.0.0.1/24 dev a\n"
			  "+address add 10.0.0.1/24 dev b\n"
			  "+neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev b\n"
			  "+mpls add 16 swap 17 via 10.0.0.2\n");
	/* From a network that goes: to one that stays in place, to a new one not. */
	expect_difference(GOES("a", "1", "3", "b", "2", "3") "10.0.1.2\"}]}]",
			  GOES("b", "2", "3", "c", "3", "3") "10.0.2.2\"}]}]",
			  "-address del 10.0.1.3/24 dev a\n"
			  "+address add 10.0.3.3/24 dev c\n"
			  "~mpls replace 16 swap 17 via 10.0.2.2\n");
	expect_difference(GOES("a", "1", "3", "b", "2", "3") "10.0.1.2\"}]}]",
			  GOES("b", "2", "3", "c", "3", "3") "10.0.3.2\"}]}]",
			  "-mpls del 16\n"
			  "-address del 10.0.1.3/24 dev a\n"
			  "+address add 10.0.3.3/24 dev c\n"
			  "+mpls add 16 swap 17 via 10.0.3.2\n");
	/* An address that moves to another interface. */
	expect_difference("\"loopback\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
			  "\"address\":[{\"prefix\":\"10.0.0.1/24\",\"dev\":\"a\"}],"
			  "\"mpls\":[{\"label\":16,\"operation\":\"pop\",\"paths\":["
			  "{\"via\":\"10.0.0.9\"}]},{\"label\":17,\"operation\":\"pop\",\"paths\":["
			  "{\"via\":\"10.0.1.9\",\"dev\":\"b\"}]}]",
			  "\"loopback\":[{\"name\":\"a\"},{\"name\":\"b\"}],"
			  "\"address\":[{\"prefix\":\"10.0.0.1/24\",\"dev\":\"b\"}],"
			  "\"mpls\":[{\"label\":16,\"operation\":\"pop\",\"paths\":["
			  "{\"via\":\"10.0.0.9\"}]},{\"label\":17,\"operation\":\"pop\",\"paths\":["
			  "{\"via\":\"10.0.1.9\",\"dev\":\"b\"}]}]",
			  "-mpls del 16\n"
			  "-address del 10.0.0.1/24 dev a\n"
			  "+address add 10.0.0.1/24 dev b\n"
			  "+mpls add 16 pop via 10.0.0.9\n");
}

static void test_json(void **state)
{
	static const char *const members =
		"\"port\":[{\"name\":\"p0\",\"devargs\":\"net_null0\",\"admin\":\"down\"}],"
		"\"loopback\":[{\"name\":\"lo\"}]";
	struct configuration first, second = { 0 };
	struct configuration_difference difference;
	struct error error = { 0 };
	struct buffer text = { 0 };
	json_t *document;

	(void)state;
	assert_int_equal(load(&first, members, &error), 0);
	configuration_to_json(&first, &text);
	document = json_loadb(text.data, text.used, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(document);
	assert_int_equal(configuration_from_json(&second, document, &error), 0);
	configuration_difference(&first, &second, &difference);
	assert_int_equal(difference.add.used + difference.remove.used + difference.change.used, 0);
	text.used = 0;
	configuration_commands(&second, &text);
	buffer_add(&text, "", 1);
	assert_string_equal(text.data, "port add p0 devargs net_null0 down\nloopback add lo\n");
	configuration_difference_free(&difference);
	json_decref(document);
	buffer_free(&text);
	configuration_free(&first);
	configuration_free(&second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused), cmocka_unit_test(test_no_version),
		cmocka_unit_test(test_same),    cmocka_unit_test(test_order),
		cmocka_unit_test(test_change),  cmocka_unit_test(test_moved),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
