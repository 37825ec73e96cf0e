/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tunnels and pseudowires in the control plane: what the tables get, what is refused, how they follow
 * routes, and that a restart finds everything as it left it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "controlplane/object/model.h"
#include "model-fixture.h"

enum { HEAP_SIZE = 256 << 20, MANY = TUNNEL_MAX };

#define TUNNEL(name, rest) "tunnel add " name " mode gre local 10.0.0.1 " rest

/* ---------------------------------------------------------------- looking */

static uint32_t row_of(struct fixture *f, const char *name)
{
	const struct tables *tables = model_tables(f->model);
	uint64_t used = word_load(&tables->control.interface_used);

	for (uint32_t i = INTERFACE_FIRST_TUNNEL; i < used; i++)
		if (word_load(&tables->interface[i].flags) & INTERFACE_VALID &&
		    strcmp(tables->interface[i].name, name) == 0)
			return i;
	return 0;
}

static const struct tunnel *wire_of(struct fixture *f, const char *name)
{
	uint32_t row = row_of(f, name);

	assert_int_not_equal(row, 0);
	return tunnel_get(model_tables(f->model), row);
}

/* Who takes packets of this tunnel; 0: nobody. */
static uint32_t taker(struct fixture *f, const struct tunnel *wire)
{
	return tunnel_find(model_tables(f->model), wire);
}

static uint64_t underlay_of(struct fixture *f, const char *name)
{
	return word_load(&model_tables(f->model)->interface[row_of(f, name)].underlay);
}

/* The member of the tunnel's row in `show`. */
static void shows(struct fixture *f, const char *line, const char *member, const char *expected)
{
	json_t *rows = show(f, line);
	const char *text =
		json_string_value(json_object_get(json_array_get(rows, 0), member));

	if (text == NULL || strcmp(text, expected) != 0)
		fail_msg("%s: %s is %s, expected %s", line, member, text ? text : "none", expected);
	json_decref(rows);
}

static void has_line(struct fixture *f, const char *line, bool expected)
{
	char *lines = configuration(f);
	const char *found = strstr(lines, line);

	if ((found != NULL) != expected)
		fail_msg("%s: %s in\n%s", line, expected ? "missing" : "unexpected", lines);
	free(lines);
}

/* Do it, undo it, do it again. */
static void undone(struct fixture *f, const char *line)
{
	inverse_of(f, line);
	say(f, line);
}

/* ---------------------------------------------------------------- life */

static void add_set_del(void **state)
{
	struct fixture *f = *state;

	undone(f, TUNNEL("t0", "remote 10.0.0.2 key 7"));
	struct tunnel wire = *wire_of(f, "t0");
	assert_int_equal(wire.mode, TUNNEL_GRE);
	assert_int_equal(wire.id, 7);
	assert_true(wire.flags & TUNNEL_KEY);
	assert_int_equal(wire.header_length, 28);
	assert_int_equal(taker(f, &wire), row_of(f, "t0"));
	assert_int_not_equal(underlay_of(f, "t0"), 0);
	shows(f, "tunnel show t0", "state", "up");

	undone(f, "tunnel set t0 checksum on ttl 9");
	assert_true(wire_of(f, "t0")->flags & TUNNEL_CHECKSUM);
	assert_int_equal(wire_of(f, "t0")->ttl, 9);
	assert_int_equal(taker(f, wire_of(f, "t0")), row_of(f, "t0"));
	undone(f, "tunnel set t0 down");
	shows(f, "tunnel show t0", "reason", "set down");
	has_line(f, "tunnel add t0 mode gre local 10.0.0.1 remote 10.0.0.2 key 7 checksum on ttl 9 down",
		 true);
	undone(f, "tunnel del t0");
	assert_int_equal(row_of(f, "t0"), 0);
	assert_int_equal(taker(f, &wire), 0);
}

/* No key is not key 0, and a remote of its own goes before any. */
static void keys_and_remotes(void **state)
{
	struct fixture *f = *state;

	say(f, TUNNEL("none", "remote 10.0.0.2"));
	say(f, TUNNEL("zero", "remote 10.0.0.2 key 0"));
	say(f, TUNNEL("any", "remote any key 0"));
	assert_int_not_equal(taker(f, wire_of(f, "none")), taker(f, wire_of(f, "zero")));
	assert_int_equal(taker(f, wire_of(f, "any")), row_of(f, "any"));
	say(f, "tunnel del none");
	assert_int_equal(taker(f, wire_of(f, "zero")), row_of(f, "zero"));
}

static void refusals(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
		{ TUNNEL("t0", "remote 10.0.0.3"), "tunnel t0 exists already" },
		{ TUNNEL("p0", "remote 10.0.0.3"), "port p0 exists already" },
		{ TUNNEL("t1", "remote 10.0.0.2"),
		  "tunnel t1: tunnel t0 has the same mode, addresses, key and outer vrf" },
		{ TUNNEL("t1", "remote 10.0.0.1"), "remote 10.0.0.1 is the local address" },
		{ TUNNEL("t1", "remote 2001:db8::1"), "of different families" },
		{ TUNNEL("t1", "remote 224.0.0.1"), "tunnel t1: remote 224.0.0.1" },
		{ "tunnel add t1 mode gre local 224.0.0.5 remote 10.0.0.2", "tunnel t1: local 224.0.0.5" },
		{ TUNNEL("t1", "remote 10.0.0.2 vni 7"), "vni: mode gre has none, vxlan has" },
		{ "tunnel add t1 mode vxlan local 10.0.0.1 remote 10.0.0.2", "expected vni N" },
		{ "tunnel add t1 mode ipip local 10.0.0.1 remote 10.0.0.2 key 1",
		  "key: mode ipip has no keys, gre has" },
		{ "tunnel add t1 mode ipip local 10.0.0.1 remote 10.0.0.2 checksum",
		  "checksum: mode ipip has none" },
		{ "tunnel add t1 mode ipip local 10.0.0.1 remote 10.0.0.2 sequence",
		  "sequence: mode ipip has no sequence numbers" },
		{ "tunnel add t1 mode ipip local 10.0.0.1 remote 10.0.0.2 keepalive",
		  "keepalive: expected mode gre between IPv4 addresses" },
		{ TUNNEL("t1", "remote any keepalive"), "expected one remote address" },
		{ TUNNEL("t1", "remote 10.0.0.9 bridge br0"), "mode gre carries no Ethernet, gretap does" },
		{ "tunnel add t1 mode gretap local 10.0.0.1 remote 10.0.0.9 bridge nix",
		  "bridge nix does not exist" },
		{ "tunnel set nix down", "tunnel nix does not exist" },
		{ "tunnel del nix", "tunnel nix does not exist" },
		{ "tunnel del p0", "tunnel p0 does not exist" },
		{ "tunnel del t0", "tunnel t0 is in use by" },
		/* pseudowires */
		{ "pseudowire add w1 in 100 out 200 via 10.0.0.2", "incoming label of pseudowire w0" },
		{ "pseudowire add w1 in 101 out 200 via 10.0.0.2", "label 101 exists already in space 0" },
		{ "pseudowire add w0 in 102 out 200 via 10.0.0.2", "pseudowire w0 exists already" },
		{ "pseudowire add w1 in 102 out implicit-null via 10.0.0.2", "out 3: expected labels" },
		{ "pseudowire add w1 in 102 out 200/explicit-null via 10.0.0.2", "out 0: expected labels" },
		{ "pseudowire add w1 in 102 out 200 via 10.9.9.9",
		  "pseudowire w1: nexthop 10.9.9.9 is on no connected network" },
		{ "pseudowire add w1 in 102 out 200", "no nexthop: expected via IP" },
		{ "pseudowire add w1 bridge nix in 102 out 200 via 10.0.0.2", "bridge nix does not exist" },
		{ "mpls add 100 pop ip", "label 100 in space 0 is the incoming label of pseudowire w0" },
		{ "mpls replace 100 pop ip", "incoming label of pseudowire w0" },
		{ "mpls del 100", "incoming label of pseudowire w0" },
		{ "bridge del br0", "bridge br0 is in use by pseudowire w0" },
		{ "route add 9.0.0.0/8 dev w0", "dev w0 carries Ethernet" },
		{ "pseudowire del nix", "pseudowire nix does not exist" },
		{ "address del 10.0.1.1/24 dev p1", "of pseudowire w0" },
	};
	struct fixture *f = *state;

	say(f, "bridge add br0");
	say(f, TUNNEL("t0", "remote 10.0.0.2"));
	say(f, "address add 10.5.0.1/24 dev t0");
	say(f, "mpls add 101 pop ip");
	say(f, "pseudowire add w0 bridge br0 in 100 out 16/200 via 10.0.1.2");
	char *before = configuration(f);
	for (unsigned int i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(f, rows[i].line, rows[i].text);
	show_refused(f, "tunnel show nix", "tunnel nix does not exist");
	char *after = configuration(f);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

/* ---------------------------------------------------------------- the way there */

static void follows_routes(void **state)
{
	struct fixture *f = *state;

	say(f, TUNNEL("t0", "remote 192.168.7.7"));
	shows(f, "tunnel show t0", "reason", "no route to the remote end");
	assert_int_equal(underlay_of(f, "t0"), 0);
	say(f, "route add 192.168.0.0/16 via 10.0.0.2");
	shows(f, "tunnel show t0", "state", "up");
	uint64_t first = underlay_of(f, "t0");
	assert_int_equal(route_kind((uint32_t)first), ROUTE_NEXTHOP);
	say(f, "route add 192.168.7.0/24 via 10.0.1.2");
	assert_int_not_equal(underlay_of(f, "t0"), first);
	say(f, "route del 192.168.7.0/24");
	assert_int_equal(underlay_of(f, "t0"), first);
	say(f, "route add 192.168.7.7/32 blackhole");
	assert_int_equal(underlay_of(f, "t0"), 0);
	say(f, "route del 192.168.7.7/32");
	/* its own address goes, and comes back */
	say(f, TUNNEL("t1", "remote 10.0.1.2"));
	shows(f, "tunnel show t1", "state", "up");
	say(f, "loopback add lo0");
	say(f, "address add 10.7.7.7/32 dev lo0");
	say(f, "tunnel add t2 mode ipip local 10.7.7.7 remote 10.0.1.2");
	shows(f, "tunnel show t2", "state", "up");
	say(f, "address del 10.7.7.7/32 dev lo0");
	shows(f, "tunnel show t2", "reason", "local address is not ours");
	say(f, "address add 10.7.7.7/32 dev lo0");
	shows(f, "tunnel show t2", "state", "up");
}

static void recursion(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 192.168.0.0/16 via 10.0.0.2");
	say(f, TUNNEL("t0", "remote 192.168.7.7"));
	refused(f, "route add 192.168.7.0/24 dev t0",
		"leads tunnel t0 into itself: its remote end 192.168.7.7 is in 192.168.7.0/24");
	say(f, "route add 9.0.0.0/8 dev t0");
	/* where no command leads it into itself, but one that takes another route away */
	say(f, "route add 192.168.7.7/32 via 10.0.1.2");
	say(f, "route add 192.168.7.0/24 dev t0");
	shows(f, "tunnel show t0", "state", "up");
	say(f, "route del 192.168.7.7/32");
	shows(f, "tunnel show t0", "state", "down");
	shows(f, "tunnel show t0", "reason",
	      "the way to the remote end leads through the tunnel itself");
	say(f, "route del 192.168.7.0/24");
	shows(f, "tunnel show t0", "state", "up");
}

/* ---------------------------------------------------------------- pseudowires */

static void pseudowire(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge add br0");
	undone(f, "pseudowire add w0 bridge br0 trunk 10 native 1 in 100 out 16/17/200 via 10.0.0.2 dev "
		  "p0 control-word");
	uint32_t row = row_of(f, "w0");
	uint64_t word = word_of(f, 100);
	assert_int_equal(label_operation(word), LABEL_POP_BRIDGE);
	assert_int_equal(label_index(word), row);
	assert_true(word & LABEL_CONTROL_WORD);
	const struct rewrite *way = rewrite_of(f, route_index((uint32_t)underlay_of(f, "w0")));
	assert_int_equal(way->label_count, 2);
	assert_int_equal(way->label[0], 16);
	assert_int_equal(way->label[1], 17);
	assert_int_equal(wire_of(f, "w0")->id, 200);
	shows(f, "pseudowire show w0", "state", "up");
	shows(f, "mpls show 100", "pseudowire", "w0");
	/* its label is its own line's */
	has_line(f, "mpls add 100", false);
	has_line(f, "in 100 out 16/17/200 via 10.0.0.2 dev p0 control-word\n", true);
	/* room: 1500 less two labels, its own, the control word and Ethernet */
	uint64_t flags = word_load(&model_tables(f->model)->interface[row].flags);
	assert_int_equal(flags >> INTERFACE_MTU_SHIFT & 0xffff, 1500 - 8 - 8 - 14);
	say(f, "port set p0 mtu 1400");
	flags = word_load(&model_tables(f->model)->interface[row].flags);
	assert_int_equal(flags >> INTERFACE_MTU_SHIFT & 0xffff, 1400 - 8 - 8 - 14);
	undone(f, "pseudowire set w0 mtu 1000 bridge none");
	undone(f, "pseudowire del w0");
	assert_int_equal(word_of(f, 100), 0);
	assert_int_equal(row_of(f, "w0"), 0);
	say(f, "mpls add 100 pop ip");
}

/* A label into a bridge without a pseudowire. */
static void pop_bridge(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge add br0");
	say(f, "bridge add br1");
	refused(f, "mpls add 100 pop bridge nix", "bridge nix does not exist");
	refused(f, "mpls add 100 pop bridge p0", "p0");
	undone(f, "mpls add 100 pop bridge br0 control-word ttl pipe");
	uint64_t word = word_of(f, 100);
	assert_int_equal(label_operation(word), LABEL_POP_BRIDGE);
	assert_true(word & LABEL_CONTROL_WORD);
	assert_true(label_index(word) > 0 && label_index(word) < BRIDGE_MAX);
	shows(f, "mpls show 100", "bridge", "br0");
	has_line(f, "mpls add 100 pop bridge br0 control-word ttl pipe\n", true);
	refused(f, "bridge del br0", "bridge br0 is in use by 1 mpls label: pop bridge br0");
	undone(f, "mpls replace 100 pop bridge br1");
	assert_true(label_index(word_of(f, 100)) != label_index(word));
	assert_false(word_of(f, 100) & LABEL_CONTROL_WORD);
	say(f, "bridge del br0");
	undone(f, "mpls del 100");
	say(f, "bridge del br1");
}

/* ---------------------------------------------------------------- restart */

static const char *const lines[] = {
	"port add p0 devargs net_null0 mpls on",
	"bridge add br0",
	"address add 10.0.0.1/24 dev p0",
	"neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev p0",
	TUNNEL("t0", "remote 10.0.0.2 key 1"),
	TUNNEL("t1", "remote 10.0.0.2 key 2 sequence window mtu 1300"),
	"tunnel add t2 mode vxlan local 10.0.0.1 remote any vni 9 bridge br0",
	"pseudowire add w0 bridge br0 in 100 out 16/200 via 10.0.0.2 control-word",
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

/* All that the data plane reads of tunnels. */
struct picture {
	struct {
		uint64_t flags, features, object, underlay, bridge_port;
	} row[4];
	uint64_t label, forms;
};

static struct picture take(struct fixture *f)
{
	static const char *const names[] = { "t0", "t1", "t2", "w0" };
	const struct tables *tables = model_tables(f->model);
	struct picture picture = { .label = word_of(f, 100),
				   .forms = word_load(&tables->control.tunnel_forms) };

	for (unsigned int i = 0; i < 4; i++) {
		const struct interface *row = &tables->interface[row_of(f, names[i])];
		picture.row[i].flags = word_load(&row->flags);
		picture.row[i].features = word_load(&row->features);
		picture.row[i].object = word_load(&row->object);
		picture.row[i].underlay = word_load(&row->underlay);
		picture.row[i].bridge_port = word_load(&row->bridge_port);
	}
	return picture;
}

static void restart(void **state)
{
	struct fixture *f = *state;

	for (unsigned int i = 0; i < LINES; i++)
		say(f, lines[i]);
	struct picture before = take(f);
	char *configured = configuration(f);
	model_end(f);
	model_begin(f, HEAP_SIZE);
	for (unsigned int i = 0; i < LINES; i++)
		say(f, lines[i]);
	struct picture meanwhile = take(f);
	assert_memory_equal(&before, &meanwhile, sizeof(before));
	model_settle(f->model);
	struct picture after = take(f);
	assert_memory_equal(&before, &after, sizeof(before));
	char *again = configuration(f);
	assert_string_equal(configured, again);
	free(configured);
	free(again);
	/* what nobody asks for any more goes */
	struct tunnel wire = *wire_of(f, "t1");
	model_end(f);
	model_begin(f, HEAP_SIZE);
	for (unsigned int i = 0; i < 5; i++)
		say(f, lines[i]);
	assert_int_not_equal(taker(f, &wire), 0);
	model_settle(f->model);
	assert_int_equal(taker(f, &wire), 0);
	assert_int_equal(row_of(f, "t1"), 0);
	assert_int_equal(row_of(f, "w0"), 0);
	assert_int_equal(word_of(f, 100), 0);
	assert_int_not_equal(taker(f, wire_of(f, "t0")), 0);
}

/* ---------------------------------------------------------------- many */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now); /* whatever else the machine does */
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void many(void **state)
{
	struct fixture *f = *state;
	char line[128];
	double begin = seconds();

	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line),
			 "tunnel add t%u mode gre local 10.0.0.1 remote 10.0.0.2 key %u", i, i);
		say(f, line);
	}
	refused(f, TUNNEL("more", "remote 10.0.0.2"), "tunnel table is full: 65536 of 65536");
	double added = seconds();
	for (unsigned int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line), "tunnel del t%u", i);
		say(f, line);
	}
	double deleted = seconds();
	print_message("%d tunnels: added in %.2f s, deleted in %.2f s\n", MANY, added - begin,
		      deleted - added);
	/* an algorithm that looks through all of them for each takes minutes */
	assert_true(deleted - begin < 30);
	assert_int_equal(word_load(&model_tables(f->model)->control.tunnel_forms), 0);
}

int main(void)
{
#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)
#define IN_EMPTY(test) cmocka_unit_test_setup_teardown(test, fixture_empty, fixture_remove)
	const struct CMUnitTest tests[] = {
		IN_PORTS(add_set_del),    IN_PORTS(keys_and_remotes), IN_PORTS(refusals),
		IN_PORTS(follows_routes), IN_PORTS(recursion),        IN_PORTS(pseudowire),
		IN_PORTS(pop_bridge),     IN_EMPTY(restart),        IN_PORTS(many),
	};

	return cmocka_run_group_tests_name("model-tunnel", tests, NULL, NULL);
}
