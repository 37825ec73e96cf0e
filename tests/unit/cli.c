/* SPDX-License-Identifier: BSD-3-Clause
 *
 * What the CLI makes of the table and of results: completion, usage, tables for people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/render.h"
#include "cli/session.h"
#include "controlplane/api/command.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- completion ---- */

static const struct {
	const char *line, *offered; /* words, and <nouns> for live names */
} completions[] = {
	{ "", "bridge port vlan loopback tunnel address pseudowire neigh route mpls nexthop filter show metrics top tables trace capture counters clear config" },
	{ "po", "port" },
	{ "x", "" },
	{ "port ", "add set del show" },
	{ "port s", "set show" },
	{ "show c", "counters config" },
	{ "clear ", "runtime" },
	{ "port set ", "<port vlan loopback bridge tunnel pseudowire>" },
	{ "port add p0 ", "devargs mtu rx-queues mpls space upstream-space vrf host-interface rpf bridge "
	  "vlan trunk native isolated learning learning-limit storm-broadcast storm-multicast "
	  "storm-unicast multicast-routing multicast-ttl-threshold igmp-version mld-version "
	  "fast-leave query-interval query-response-interval last-member-interval "
	  "last-member-count robustness startup-query-interval startup-query-count strict "
	  "group-limit source-limit up down" },
	{ "port add p0 mtu 1500 m", "mpls multicast-routing multicast-ttl-threshold mld-version" },
	{ "port add p0 mtu ", "" },
	{ "port add p0 mpls ", "on off" },
	{ "port set p0 mpls on u", "upstream-space up" },
	{ "vlan add v0 dev ", "<port>" },
	{ "route add 1.0.0.0/8 ", "vrf blackhole unreachable via dev push entropy weight backup" },
	{ "mpls add 16 ttl ", "uniform pipe" },
	{ "mpls add 16 s", "space swap" },
	{ "mpls add 16 swap 17 d", "dev" },
	{ "mpls add 16 swap 17 dev ", "<port vlan loopback bridge tunnel pseudowire>" },
	{ "mpls add 16 pop i", "ip" },
	{ "mpls add 16 pop via 1.1.1.1 backup ", "via dev" },
	{ "mpls add 16 pop via 1.1.1.1 backup v", "via" },
	{ "mpls add 99999999 ", "" },
	{ "port show ", "<port>" },
};

static void collect(void *context, const char *word, const char *nouns)
{
	char *text = context;

	sprintf(text + strlen(text), "%s%s%s%s", *text ? " " : "", word ? word : "<",
		word ? "" : nouns, word ? "" : ">");
}

static void test_completion(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(completions); i++) {
		char text[1024] = "";
		command_complete(completions[i].line, collect, text);
		if (strcmp(text, completions[i].offered) != 0)
			fail_msg("\"%s\": \"%s\" is offered, not \"%s\"", completions[i].line, text,
				 completions[i].offered);
	}
}

/* Every command can be found by its method and by its words, and explains itself. */
static void test_table(void **state)
{
	static struct arguments arguments;
	unsigned int count;
	const struct command *table = command_table(&count);

	(void)state;
	assert_int_equal(count, COMMAND_COUNT);
	for (unsigned int i = 0; i < count; i++) {
		char usage[1024], method[64];
		struct error error;
		command_words(&table[i], method, sizeof(method));
		assert_ptr_equal(command_by_method(method), &table[i]);
		assert_int_equal(table[i].id, i);
		command_usage(&table[i], usage, sizeof(usage));
		assert_memory_equal(usage, method, strlen(method));
		assert_true(strlen(usage) < sizeof(usage) - 1);
		command_parse(method, &arguments, &error);
		assert_ptr_equal(arguments.command, &table[i]);
		assert_non_null(table[i].help);
		for (unsigned int j = 0; table[i].parameters[j].name; j++)
			if (!(table[i].parameters[j].flags & PARAMETER_ABSENT))
				assert_non_null(table[i].parameters[j].help);
	}
	assert_null(command_by_method("port"));
	assert_null(command_by_method("port addx"));
	assert_null(command_by_method("batch"));
}

static void test_usage(void **state)
{
	char usage[1024];

	(void)state;
	command_usage(command_by_id(COMMAND_PORT_SET), usage, sizeof(usage));
	assert_string_equal(usage,
			    "port set NAME [devargs STRING] [mtu N] [rx-queues N] [mpls on|off] "
			    "[space N] [upstream-space N] [host-interface STRING] [rpf off|strict|loose] "
			    "[bridge BR] [vlan N] [trunk STRING] [native N] "
		"[isolated on|off] [learning on|off] [learning-limit N] [storm-broadcast N] "
		"[storm-multicast N] [storm-unicast N] [multicast-routing off|on|no-rpf] "
		"[multicast-ttl-threshold N] [igmp-version N] [mld-version N] [fast-leave on|off] "
		"[query-interval T] [query-response-interval T] [last-member-interval T] "
		"[last-member-count N] [robustness N] [startup-query-interval T] "
		"[startup-query-count N] [strict on|off] [group-limit N] [source-limit N] [up|down]");
	command_usage(command_by_id(COMMAND_VLAN_ADD), usage, sizeof(usage));
	assert_memory_equal(usage, "vlan add NAME dev PORT tag N [inner N]", 38);
}

/* ---- tables ---- */

static const struct {
	enum command_id command;
	bool statistics;
	const char *json, *text;
} renderings[] = {
	{ COMMAND_PORT_SHOW, false, "[]", "" },
	{ COMMAND_PORT_SHOW, false,
	  "[{'name':'p0','mtu':1500,'link':'up','rx_packets':7,'drops':{}},"
	  "{'name':'uplink','mtu':9000,'link':'down','rx_packets':0}]",
	  "NAME    LINK   MTU\n"
	  "p0      up    1500\n"
	  "uplink  down  9000\n" },
	{ COMMAND_PORT_SHOW, true,
	  "[{'name':'p0','rx_packets':7,'drops':{'runt':2,'mpls_no_label':1}}]",
	  "NAME  RX PACKETS  DROPS\n"
	  "p0             7  runt 2 mpls_no_label 1\n" },
	{ COMMAND_MPLS_SHOW, false,
	  "[{'label':100,'operation':'swap','out_labels':[200,300],"
	  "'nexthops':[{'dev':'p1','via':'10.0.0.2','entropy':false},{'via':'10.0.0.3','weight':2,"
	  "'backup':{'via':'10.1.0.1','mac':'x'}}],'packets':5},"
	  "{'label':1048575,'operation':'pop','out_labels':[],'nexthops':[],'packets':null}]",
	  "  LABEL  OPERATION  OUT LABELS  NEXTHOPS                                     PACKETS\n"
	  "    100  swap       200/300     via 10.0.0.2 dev p1                                5\n"
	  "                                via 10.0.0.3 weight 2 backup (via 10.1.0.1)\n"
	  "1048575  pop        -           -                                                  "
	  "-\n" },
	{ COMMAND_MPLS_SHOW, false,
	  "[{'label':16,'out_labels':[20],'nexthops':[{'labels':[20],'dev':'p0'}]},"
	  "{'label':17,'out_labels':[],'nexthops':[{'labels':[20,21],'dev':'p0'},"
	  "{'labels':[22],'dev':'p1'}]}]",
	  "LABEL  OUT LABELS  NEXTHOPS\n"
	  "   16  20          dev p0\n"
	  "   17  -           labels 20/21 dev p0\n"
	  "                   labels 22 dev p1\n" },
	{ COMMAND_SHOW_MEMORY, false, "{'tables':{'labels':{'bytes_used':12}},'heap_used':5}",
	  "heap_used  5\n\ntables:\nNAME    BYTES USED\nlabels          12\n" },
	{ COMMAND_CONFIG_DIFF, false,
	  "{'add':[{'text':'port add p0 devargs x'}],'delete':[{'text':'mpls del "
	  "16'}],'change':[]}",
	  "- mpls del 16\n+ port add p0 devargs x\n" },
	{ COMMAND_CONFIG_APPLY, false, "{'changed':3}", "changed  3\n" },
	{ COMMAND_SHOW_EVENTS, false,
	  "[{'number':7,'kind':'process','text':'started'},"
	  "{'number':8,'kind':'link','object':'p0','text':'up'}]",
	  "NUMBER  KIND     OBJECT  TEXT\n"
	  "     7  process  -       started\n"
	  "     8  link     p0      up\n" },
	{ COMMAND_MPLS_ADD, false, "null", "" },
};

static void test_render(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(renderings); i++) {
		char *json = strdup(renderings[i].json), *text = NULL;
		size_t length;
		FILE *stream = open_memstream(&text, &length);
		for (char *c = json; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		json_t *result = json_loads(json, JSON_DECODE_ANY, NULL);
		assert_non_null(result);
		render(stream, command_by_id(renderings[i].command), result,
		       renderings[i].statistics);
		fclose(stream);
		assert_string_equal(text, renderings[i].text);
		json_decref(result);
		free(text);
		free(json);
	}
}

/* A label of 256 branches, each on a line of its own. */
static void test_render_long(void **state)
{
	json_t *hops = json_array(), *rows = json_array();
	char *text = NULL;
	size_t length;
	unsigned int lines = 0;
	FILE *stream = open_memstream(&text, &length);

	(void)state;
	for (unsigned int i = 0; i < 256; i++)
		json_array_append_new(
			hops, json_pack("{s:[i,i,i,i],s:s,s:s,s:s}", "labels", 1000000 + (int)i, 2, 3, 4,
					"dev", "a-port-with-a-name", "via",
					"2001:db8:1111:2222:3333:4444:5555:6666", "state", "up"));
	json_array_append_new(rows, json_pack("{s:i,s:[],s:o}", "label", 16, "out_labels",
					      "nexthops", hops));
	render(stream, command_by_id(COMMAND_MPLS_SHOW), rows, false);
	fclose(stream);
	for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++)
		lines++;
	assert_int_equal(lines, 257);
	assert_non_null(strstr(text, "labels 1000255/2/3/4 via 2001:db8:1111"));
	assert_true(length > 256 * 64);
	json_decref(rows);
	free(text);
}

/* ---- a member as text ---- */

static const struct {
	const char *text, *name, *value; /* value NULL: none is found */
} spans[] = {
	{ "{'a':1}", "a", "1" },
	{ "{'a':1,'result':[1,{'b':']}'}],'c':2}", "result", "[1,{'b':']}'}]" },
	{ " { 'x' : { 'result' : 3 } , 'result' : null } ", "result", "null" },
	{ "{'result':'}\\\\','error':1}", "result", "'}\\\\'" },
	{ "{'result':-1.5e3}", "result", "-1.5e3" },
	{ "{'result':{}}", "result", "{}" },
	{ "{'resul':1,'results':2}", "result", NULL },
	{ "{'error':{'result':1}}", "result", NULL },
	{ "{}", "result", NULL },
	{ "[]", "result", NULL },
	{ "", "result", NULL },
	{ "{'result':[1,2", "result", NULL },
};

static void test_span(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(spans); i++) {
		char *text = strdup(spans[i].text),
		     *wanted = strdup(spans[i].value ? spans[i].value : "");
		size_t length;
		for (char *c = text; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		for (char *c = wanted; *c; c++)
			*c = *c == '\'' ? '"' : *c;
		const char *found = span_find(text, spans[i].name, &length);
		if (!found != !spans[i].value)
			fail_msg("%s in %s", spans[i].name, text);
		if (found && (length != strlen(wanted) || memcmp(found, wanted, length) != 0))
			fail_msg("%s in %s: %.*s", spans[i].name, text, (int)length, found);
		free(wanted);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_completion), cmocka_unit_test(test_table),
		cmocka_unit_test(test_usage),      cmocka_unit_test(test_render),
		cmocka_unit_test(test_render_long),
		cmocka_unit_test(test_span),
	};

	return cmocka_run_group_tests_name("cli", tests, NULL, NULL);
}
