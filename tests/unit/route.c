/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Routes: what commands, addresses and neighbours put into the tries, looked up there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "controlplane/object/model.h"
#include "controlplane/object/route.h"
#include "model-fixture.h"

enum { HEAP_SIZE = 256 << 20 };

/* ---------------------------------------------------------------- looking up */

static uint32_t lookup(struct fixture *f, unsigned int vrf, const char *text)
{
	const struct tables *tables = model_tables(f->model);
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	bool ipv4 = address_is_ipv4(&address);
	return lpm_lookup(tables, &tables->route_root[vrf][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
			  address.bytes + (ipv4 ? 12 : 0));
}

static void leads(struct fixture *f, unsigned int vrf, const char *text, enum route_kind kind)
{
	uint32_t leaf = lookup(f, vrf, text);

	if (route_kind(leaf) != kind)
		fail_msg("%s vrf %u: kind %d, expected %d", text, vrf, route_kind(leaf), kind);
}

/* The rewrites that packets to the address may get: via/labels, in order of members. */
static void describe(struct fixture *f, unsigned int vrf, const char *text, char *out, size_t size)
{
	const struct tables *tables = model_tables(f->model);
	uint32_t leaf = lookup(f, vrf, text);
	struct group_members members = { .count = 1 };

	out[0] = 0;
	members.member[0].nexthop = route_index(leaf);
	members.member[0].weight = 1;
	if (route_kind(leaf) == ROUTE_GROUP) {
		const struct group_members *found =
			tables_object(tables, tables->group_members[route_index(leaf)]);
		members = *found;
	} else {
		assert_int_equal(route_kind(leaf), ROUTE_NEXTHOP);
	}
	for (uint32_t i = 0; i < members.count; i++) {
		uint64_t word = tables->nexthop[members.member[i].nexthop];
		const struct rewrite *rewrite = rewrite_of(f, members.member[i].nexthop);
		char via[46], labels[128] = "";
		address_format((const struct address *)rewrite->via, via);
		stack_format(rewrite->label, rewrite->label_count, labels, sizeof(labels));
		size_t used = strlen(out);
		snprintf(out + used, size - used, "%s%s%s%s%s*%u", used ? " " : "",
			 nexthop_kind(word) == NEXTHOP_BLACKHOLE ? "blackhole " : "", via,
			 labels[0] ? " " : "", labels, members.member[i].weight);
	}
}

static void goes(struct fixture *f, unsigned int vrf, const char *address, const char *expected)
{
	char found[512];

	describe(f, vrf, address, found, sizeof(found));
	if (strcmp(found, expected) != 0)
		fail_msg("%s vrf %u: goes %s, expected %s", address, vrf, found, expected);
}

/* ---------------------------------------------------------------- kinds and precedence */

static void addresses_and_neighbours_have_entries(void **state)
{
	struct fixture *f = *state;

	leads(f, 0, "10.0.0.1", ROUTE_LOCAL);
	assert_int_equal(route_index(lookup(f, 0, "10.0.0.1")), 0);
	assert_int_equal(route_index(lookup(f, 0, "10.0.1.1")), 1);
	leads(f, 0, "10.0.0.255", ROUTE_LOCAL);
	leads(f, 0, "10.0.0.7", ROUTE_GLEAN);
	assert_int_equal(route_index(lookup(f, 0, "10.0.1.7")), 1);
	goes(f, 0, "10.0.0.2", "10.0.0.2*1");
	leads(f, 0, "10.0.2.1", ROUTE_NONE);
	leads(f, 1, "10.0.0.1", ROUTE_NONE);
	say(f, "neigh del 10.0.0.2 dev p0");
	leads(f, 0, "10.0.0.2", ROUTE_GLEAN);
	say(f, "neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev p0");
	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	leads(f, 0, "10.0.0.1", ROUTE_NONE);
	leads(f, 0, "10.0.0.255", ROUTE_NONE);
	leads(f, 0, "10.0.1.255", ROUTE_LOCAL);
}

static void other_families_and_vrfs(void **state)
{
	struct fixture *f = *state;

	say(f, "address add 2001:db8::1/64 dev p0");
	say(f, "address add fe80::1/64 dev p0");
	say(f, "neigh add 2001:db8::2 lladdr 02:00:00:00:00:09 dev p0");
	say(f, "neigh add fe80::2 lladdr 02:00:00:00:00:09 dev p0");
	leads(f, 0, "2001:db8::1", ROUTE_LOCAL);
	leads(f, 0, "2001:db8::9", ROUTE_GLEAN);
	goes(f, 0, "2001:db8::2", "2001:db8::2*1");
	leads(f, 0, "fe80::1", ROUTE_NONE);
	say(f, "loopback add lo0 vrf 7");
	say(f, "address add 10.7.0.1/24 dev lo0");
	leads(f, 7, "10.7.0.1", ROUTE_LOCAL);
	leads(f, 7, "10.7.0.2", ROUTE_UNREACHABLE);
	say(f, "vlan add v7 dev p0 tag 7 vrf 7");
	say(f, "address add 10.8.0.1/24 dev v7");
	say(f, "route add 10.9.0.0/16 vrf 7 via 10.8.0.2");
	goes(f, 7, "10.9.1.1", "10.8.0.2*1");
	leads(f, 0, "10.9.1.1", ROUTE_NONE);
	refused(f, "route add 10.9.0.0/16 via 10.8.0.2",
		"route 10.9.0.0/16: nexthop 10.8.0.2 is on "
		"no connected network, and no route");
	say(f, "route add 2001:db8:1::/48 via fe80::2 dev p0 push 30/31");
	goes(f, 0, "2001:db8:1::1", "fe80::2 30/31*1");
	say(f, "route add ::/0 via 2001:db8::77");
	goes(f, 0, "2001:db9::1", "2001:db8::77*1");
}

static void static_routes(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 192.168.0.0/16 via 10.0.0.2");
	say(f, "route add 192.168.1.0/24 via 10.0.1.2 push 100/200");
	say(f, "route add 192.168.2.0/24 blackhole");
	say(f, "route add 192.168.3.0/24 unreachable");
	say(f, "route add 0.0.0.0/0 via 10.0.0.2 weight 3 nexthop via 10.0.1.2");
	goes(f, 0, "192.168.7.1", "10.0.0.2*1");
	goes(f, 0, "192.168.1.1", "10.0.1.2 100/200*1");
	leads(f, 0, "192.168.2.1", ROUTE_BLACKHOLE);
	leads(f, 0, "192.168.3.1", ROUTE_UNREACHABLE);
	goes(f, 0, "1.1.1.1", "10.0.0.2*3 10.0.1.2*1");
	assert_int_equal(lookup(f, 0, "192.168.7.1") & ~ROUTE_SYSTEM,
			 lookup(f, 0, "10.0.0.2") & ~ROUTE_SYSTEM);
	uint32_t group = lookup(f, 0, "1.1.1.1");
	say(f, "route replace 0.0.0.0/0 via 10.0.0.2 nexthop via 10.0.1.2");
	assert_int_equal(lookup(f, 0, "1.1.1.1"), group);
	say(f, "route replace 192.168.2.0/24 via 10.0.0.9");
	goes(f, 0, "192.168.2.1", "10.0.0.9*1");
	assert_int_equal(
		nexthop_kind(
			model_tables(f->model)->nexthop[route_index(lookup(f, 0, "192.168.2.1"))]),
		NEXTHOP_UNRESOLVED);
	say(f, "route del 192.168.1.0/24");
	goes(f, 0, "192.168.1.1", "10.0.0.2*1");
	say(f, "route del 192.168.0.0/16");
	say(f, "route del 0.0.0.0/0");
	leads(f, 0, "192.168.1.1", ROUTE_NONE);
}

static void the_system_goes_before_static_routes(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 10.0.1.0/24 blackhole");
	say(f, "route add 10.0.1.1/32 blackhole");
	say(f, "route add 10.0.1.2/32 via 10.0.0.2");
	say(f, "route add 10.0.9.0/24 via 10.0.0.2");
	leads(f, 0, "10.0.1.9", ROUTE_GLEAN);
	leads(f, 0, "10.0.1.1", ROUTE_LOCAL);
	say(f, "address add 10.0.9.1/24 dev p1");
	leads(f, 0, "10.0.9.9", ROUTE_GLEAN);
	refused(f, "route add 10.0.9.0/24 blackhole", "route 10.0.9.0/24: exists already");
	say(f, "route replace 10.0.9.0/24 unreachable");
	leads(f, 0, "10.0.9.9", ROUTE_GLEAN);
	say(f, "address del 10.0.9.1/24 dev p1");
	leads(f, 0, "10.0.9.9", ROUTE_UNREACHABLE);
	goes(f, 0, "10.0.1.2", "10.0.0.2*1");
	say(f, "neigh del 10.0.1.2 dev p1");
	goes(f, 0, "10.0.1.2", "10.0.0.2*1");
	say(f, "address del 10.0.1.1/24 dev p1");
	leads(f, 0, "10.0.1.9", ROUTE_BLACKHOLE);
	leads(f, 0, "10.0.1.1", ROUTE_BLACKHOLE);
	say(f, "route del 10.0.1.1/32");
	leads(f, 0, "10.0.1.1", ROUTE_BLACKHOLE);
	char *lines = configuration(f);
	assert_non_null(strstr(lines, "route add 10.0.1.2/32 via 10.0.0.2\n"));
	free(lines);
}

/* ---------------------------------------------------------------- refusals */

static void what_is_refused(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 192.168.0.0/16 via 10.0.0.2");
	refused(f, "route add 192.168.0.1/16 via 10.0.0.2",
		"route 192.168.0.1/16 has bits behind its length: expected 192.168.0.0/16");
	refused(f, "route add 2001:db8::1/32 blackhole", "expected 2001:db8::/32");
	refused(f, "route del 192.168.0.1/16", "expected 192.168.0.0/16");
	refused(f, "route add 192.168.0.0/16 via 10.0.1.2", "route 192.168.0.0/16: exists already");
	refused(f, "route del 192.168.0.0/24", "route 192.168.0.0/24 does not exist in vrf 0");
	refused(f, "route del 192.168.0.0/16 vrf 3",
		"route 192.168.0.0/16 does not exist in vrf 3");
	refused(f, "route del 10.0.0.0/24", "route 10.0.0.0/24 does not exist in vrf 0");
	refused(f, "route add 224.0.0.0/8 blackhole", "route 224.0.0.0/8: is multicast");
	refused(f, "route add ff00::/8 blackhole", "is multicast");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.1", "nexthop 10.0.0.1 is our own address on p0");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.255", "nexthop 10.0.0.255 is the network's");
	refused(f, "route add 1.0.0.0/8 via 172.16.0.1", "no route leads to it");
	refused(f, "route add 1.0.0.0/8 via 172.16.0.1 dev p0", "on no connected network of p0");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.2 dev p7", "dev p7 does not exist");
	refused(f, "route add 1.0.0.0/8 dev p0", "dev p0 alone");
	refused(f, "route add 1.0.0.0/8 via fe80::1", "is link-local");
	refused(f, "route add 1.0.0.0/8 vrf 3 via 10.0.0.2", "route 1.0.0.0/8 vrf 3: nexthop");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.2 push 21/22/23/24/25/26/27 entropy",
		"puts on 9 labels with the entropy label's two");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.2 nexthop via 10.0.0.2", "path 2 is the same");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.2 nexthop via 10.0.0.1", "path 2: nexthop");
	refused(f, "route add 1.0.0.0/8 via 10.0.0.2 backup via 10.0.0.2", "the nexthop itself");
	leads(f, 0, "1.1.1.1", ROUTE_NONE);
	refused(f, "address del 10.0.0.1/24 dev p0",
		"address 10.0.0.1/24 is in use by nexthop 10.0.0.2 dev p0 of route 192.168.0.0/16");
	refused(f, "port del p0", "of route 192.168.0.0/16");
	say(f, "route del 192.168.0.0/16");
	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	say(f, "port del p0");
}

static void usage(struct fixture *f, const char *line, const char *text)
{
	f->error.text[0] = 0;
	assert_int_equal(command_parse(line, f->arguments, &f->error), -EINVAL);
	if (strstr(f->error.text, text) == NULL)
		fail_msg("%s: %s, expected %s", line, f->error.text, text);
}

static void what_does_not_parse(void **state)
{
	struct fixture *f = *state;

	usage(f, "route add 1.0.0.0/8", "where to is missing");
	usage(f, "route add 1.0.0.0/8 blackhole via 10.0.0.2", "exclude each other");
	usage(f, "route add 1.0.0.0/8 vrf 256 blackhole", "vrf 256: expected");
	usage(f, "route add 1.0.0.0/8 swap 100 via 10.0.0.2", "swap");
	usage(f, "route add 1.0.0.0/8 push 100", "neither via nor dev");
	usage(f, "route add 1.0.0.0 blackhole", "prefix");
	usage(f, "port add p9 devargs x vrf 256", "vrf 256: expected");
	usage(f, "mpls add 100 pop ip vrf 256", "vrf 256: expected");
	usage(f, "route show 1.0.0.0/8 count 3", "go with a list");
}

/* ---------------------------------------------------------------- recursion */

static void recursive_routes(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 172.16.0.0/16 via 10.0.0.2 push 16");
	say(f, "route add 1.0.0.0/8 via 172.16.0.1 push 17/18");
	say(f, "route add 2.0.0.0/8 via 172.16.0.1 push 17/18");
	goes(f, 0, "1.1.1.1", "10.0.0.2 16/17/18*1");
	uint32_t leaf = lookup(f, 0, "1.1.1.1");
	assert_int_equal(lookup(f, 0, "2.1.1.1"), leaf);

	/* the resolving route changes: no leaf does */
	say(f, "route replace 172.16.0.0/16 via 10.0.1.2");
	goes(f, 0, "1.1.1.1", "10.0.1.2 17/18*1");
	say(f,
	    "route add 172.16.0.0/24 via 10.0.0.2 push 40 nexthop via 10.0.1.2 push 50 weight 3");
	goes(f, 0, "1.1.1.1", "10.0.0.2 40/17/18*1 10.0.1.2 50/17/18*3");
	say(f, "route add 172.16.0.1/32 blackhole");
	goes(f, 0, "1.1.1.1", "blackhole ::*1");
	say(f, "route del 172.16.0.1/32");
	say(f, "route del 172.16.0.0/24");
	goes(f, 0, "1.1.1.1", "10.0.1.2 17/18*1");
	assert_int_equal(lookup(f, 0, "2.1.1.1"), leaf);

	/* no way left, and back again */
	say(f, "route del 172.16.0.0/16");
	goes(f, 0, "1.1.1.1", "::*1");
	say(f, "route add 172.16.0.0/16 via 10.0.0.2 push 16");
	goes(f, 0, "1.1.1.1", "10.0.0.2 16/17/18*1");

	/* by three routes, with a share on the way */
	say(f, "route add 3.0.0.0/8 via 1.0.0.1 push 20 weight 1 via 10.0.1.2 push 21 weight 1");
	goes(f, 0, "3.1.1.1", "10.0.0.2 16/17/18/20*1 10.0.1.2 21*1");
	char *lines = configuration(f);
	assert_non_null(strstr(lines, "route add 1.0.0.0/8 via 172.16.0.1 push 17/18\n"));
	assert_non_null(
		strstr(lines, "route add 3.0.0.0/8 via 1.0.0.1 push 20 via 10.0.1.2 push 21\n"));
	free(lines);
}

/* An IPv4 address stands between ::/0 and the IPv6 addresses in it, byte by byte. */
static void default_routes_of_both_families(void **state)
{
	struct fixture *f = *state;

	say(f, "address add 2001:db8:1::1/64 dev p0");
	say(f, "neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev p0");
	say(f, "route add ::/0 via 2001:db8:1::2");
	say(f, "route add 0.0.0.0/0 via 10.0.0.2");
	say(f, "route add 2001:db8:8000::/48 via 2001:db8:ffff::1 push 16");
	say(f, "route add 1.0.0.0/8 via 172.16.0.1 push 17");
	goes(f, 0, "2001:db8:8000::1", "2001:db8:1::2 16*1");
	goes(f, 0, "1.1.1.1", "10.0.0.2 17*1");
	say(f, "route replace ::/0 via 2001:db8:1::2 push 18");
	goes(f, 0, "2001:db8:8000::1", "2001:db8:1::2 18/16*1");
	say(f, "route replace 0.0.0.0/0 via 10.0.1.2");
	goes(f, 0, "1.1.1.1", "10.0.1.2 17*1");
	say(f, "route del ::/0");
	goes(f, 0, "2001:db8:8000::1", "::*1");
	goes(f, 0, "1.1.1.1", "10.0.1.2 17*1");
	say(f, "route add ::/0 via 2001:db8:1::2");
	goes(f, 0, "2001:db8:8000::1", "2001:db8:1::2 16*1");
}

static void recursion_is_bounded(void **state)
{
	struct fixture *f = *state;
	char line[128];

	refused(f, "route add 0.0.0.0/0 via 8.8.8.8",
		"route 0.0.0.0/0: nexthop 8.8.8.8 leads back");
	say(f, "route add 8.8.8.0/24 via 10.0.0.2");
	say(f, "route add 0.0.0.0/0 via 8.8.8.8");
	refused(f, "route replace 8.8.8.0/24 via 9.9.9.9", "leads back to itself");
	goes(f, 0, "8.8.8.8", "10.0.0.2*1");
	refused(f, "route add 8.8.8.8/32 via 9.9.9.9", "leads back to itself");
	goes(f, 0, "9.9.9.9", "10.0.0.2*1");
	say(f, "route del 8.8.8.0/24");
	goes(f, 0, "9.9.9.9", "::*1");
	say(f, "route del 0.0.0.0/0");

	say(f, "route add 20.0.0.0/32 via 10.0.0.2");
	for (int i = 1; i <= 8; i++) {
		snprintf(line, sizeof(line), "route add 20.0.0.%d/32 via 20.0.0.%d", i, i - 1);
		say(f, line);
	}
	goes(f, 0, "20.0.0.8", "10.0.0.2*1");
	say(f, "route add 20.0.0.9/32 via 20.0.0.8");
	refused(f, "route add 20.0.0.10/32 via 20.0.0.9", "behind more than 8 routes");
	refused(f, "route add 21.0.0.0/8 via 20.0.0.0 backup via 10.0.1.2",
		"on no connected network");

	say(f, "route add 30.0.0.0/8 via 10.0.0.2 push 21/22/23/24/25/26");
	say(f, "route add 31.0.0.0/8 via 30.0.0.1 push 27/28");
	refused(f, "route add 32.0.0.0/8 via 31.0.0.1 push 29", "more than 8 are put on");
	refused(f, "route replace 30.0.0.0/8 via 10.0.0.2 push 21/22/23/24/25/26/27",
		"more than 8 are put on");
	goes(f, 0, "31.1.1.1", "10.0.0.2 21/22/23/24/25/26/27/28*1");
}

static void a_network_comes_and_goes_under_recursion(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 172.16.0.0/16 via 10.0.0.2");
	say(f, "route add 1.0.0.0/8 via 172.16.0.1");
	say(f, "address add 172.16.0.2/24 dev p1");
	goes(f, 0, "1.1.1.1", "172.16.0.1*1");
	say(f, "address del 172.16.0.2/24 dev p1");
	goes(f, 0, "1.1.1.1", "10.0.0.2*1");
}

/* ---------------------------------------------------------------- restart, configuration, undo */

static const char *const whole[] = {
	"loopback add lo0",
	"vlan add v7 dev p0 tag 7 vrf 7",
	"address add 10.7.0.1/24 dev v7",
	"address add 2001:db8::1/64 dev p1",
	"address add 10.255.0.1/32 dev lo0",
	"neigh add fe80::9 lladdr 02:00:00:00:00:78 dev p0",
	/* a recursive route before those that lead on, as a configuration lists them */
	"route add 172.16.0.0/16 via 10.0.1.2 push 16",
	"route add 0.0.0.0/0 via 172.16.0.1",
	"route add 1.0.0.0/8 via 172.16.0.1 push 17/18 entropy weight 2 via 10.0.0.2",
	"route add 2.0.0.0/8 via 172.16.0.1 weight 3",
	"route add 3.0.0.0/8 via 10.0.0.2 weight 5 via 10.0.1.2 dev p1 push 40/41 entropy",
	"route add 4.0.0.0/8 via 10.0.0.2 backup via 10.0.1.2 dev p1",
	"route add 5.0.0.0/8 blackhole",
	"route add 6.0.0.0/8 unreachable",
	"route add 10.0.1.0/24 blackhole",
	"route add 10.0.1.2/32 via 172.16.0.9",
	"route add 7.0.0.0/8 vrf 7 via 10.7.0.2",
	"route add 7.7.0.0/16 vrf 7 via 7.1.1.1 push explicit-null",
	"route add 2001:db8:5::/48 via fe80::9 dev p0 push 50",
	"route add 2001:db8:6::/48 via 2001:db8:7::1",
	"route add 2001:db8:7::/48 via 2001:db8::2",
};

static void full_configuration(struct fixture *f)
{
	/* 2001:db8:6:: needs the one behind it */
	size_t count = sizeof(whole) / sizeof(whole[0]);

	for (size_t i = 0; i + 2 < count; i++)
		say(f, whole[i]);
	say(f, whole[count - 1]);
	say(f, whole[count - 2]);
}

static void replay(struct fixture *f, const char *lines)
{
	char *copy = strdup(lines), *at = copy, *line;

	while ((line = strsep(&at, "\n")) != NULL)
		if (*line != 0)
			say(f, line);
	free(copy);
}

static const char *const destinations[] = { "9.9.9.9", "1.1.1.1",  "2.1.1.1",   "3.1.1.1",
					    "4.1.1.1", "10.0.1.2", "172.16.0.1" };
enum { DESTINATIONS = sizeof(destinations) / sizeof(destinations[0]) };

/* The nexthop, or that of a group's first bucket: of two groups with the same members either may be
 * taken over for one recursive route. */
static uint32_t nexthop_to(struct fixture *f, unsigned int vrf, const char *address)
{
	uint32_t leaf = lookup(f, vrf, address);

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		return route_index(leaf);
	assert_int_equal(route_kind(leaf), ROUTE_GROUP);
	return model_tables(f->model)->group[route_index(leaf)].bucket[0];
}

static void look(struct fixture *f, uint32_t nexthop[DESTINATIONS + 3])
{
	for (unsigned int i = 0; i < DESTINATIONS; i++)
		nexthop[i] = nexthop_to(f, 0, destinations[i]);
	nexthop[DESTINATIONS] = nexthop_to(f, 7, "7.7.1.1");
	nexthop[DESTINATIONS + 1] = nexthop_to(f, 0, "2001:db8:5::1");
	nexthop[DESTINATIONS + 2] = nexthop_to(f, 0, "2001:db8:6::1");
}

static void a_restart_keeps_every_nexthop_and_group(void **state)
{
	struct fixture *f = *state;
	uint32_t before[DESTINATIONS + 3], after[DESTINATIONS + 3];

	full_configuration(f);
	goes(f, 0, "1.1.1.1", "10.0.1.2 16/17/18*2 10.0.0.2*1");
	goes(f, 7, "7.7.1.1", "10.7.0.2 explicit-null*1");
	for (int i = 0; i < 4; i++)
		model_poll(f->model);
	char *lines = configuration(f);
	look(f, before);
	model_end(f);

	model_begin(f, HEAP_SIZE);
	assert_true(model_found_tables(f->model));
	look(f, after); /* what was left behind goes on answering */
	assert_memory_equal(before, after, sizeof(before));
	replay(f, lines);
	look(f, after);
	assert_memory_equal(before, after, sizeof(before));
	model_settle(f->model);
	look(f, after);
	assert_memory_equal(before, after, sizeof(before));
	char *again = configuration(f);
	assert_string_equal(again, lines);
	free(again);
	/* and all of it is alive: what leads on can change */
	say(f, "route replace 172.16.0.0/16 via 10.0.0.2");
	goes(f, 0, "9.9.9.9", "10.0.0.2*1");
	free(lines);
}

static void routes_that_nobody_asks_for_go(void **state)
{
	struct fixture *f = *state;

	full_configuration(f);
	model_end(f);
	model_begin(f, HEAP_SIZE);
	leads(f, 7, "7.1.1.1", ROUTE_NEXTHOP);
	model_settle(f->model);
	leads(f, 7, "7.1.1.1", ROUTE_NONE);
	leads(f, 0, "1.1.1.1", ROUTE_NONE);
	leads(f, 0, "10.0.0.1", ROUTE_NONE);
	for (int i = 0; i < 4; i++)
		model_poll(f->model);
	for (unsigned int i = 0; i < NEXTHOP_MAX; i++)
		assert_int_equal(model_tables(f->model)->nexthop[i], 0);
	for (unsigned int i = 0; i < GROUP_MAX; i++)
		assert_int_equal(model_tables(f->model)->group_members[i], 0);
}

/* A blackhole for a host that is attacked, whether it was known before or turns up later. */
static void static_routes_go_before_neighbours(void **state)
{
	struct fixture *f = *state;

	goes(f, 0, "10.0.1.2", "10.0.1.2*1");
	say(f, "route add 10.0.1.2/32 blackhole");
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	say(f, "route replace 10.0.1.2/32 via 10.0.0.2");
	goes(f, 0, "10.0.1.2", "10.0.0.2*1");
	say(f, "route replace 10.0.1.2/32 blackhole");
	say(f, "neigh del 10.0.1.2 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	say(f, "neigh add 10.0.1.2 lladdr 02:00:00:00:00:02 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	char *lines = configuration(f);
	model_end(f);
	model_begin(f, HEAP_SIZE);
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	replay(f, lines);
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	model_settle(f->model);
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	free(lines);
	/* an address of ours goes before it, and leaves it behind */
	say(f, "neigh del 10.0.1.2 dev p1");
	say(f, "address add 10.0.1.2/24 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_LOCAL);
	say(f, "address del 10.0.1.2/24 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	say(f, "neigh add 10.0.1.2 lladdr 02:00:00:00:00:02 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_BLACKHOLE);
	/* other routes by way of it know it as before */
	say(f, "route add 192.168.0.0/16 via 10.0.1.2");
	goes(f, 0, "192.168.0.1", "10.0.1.2*1");
	say(f, "route del 192.168.0.0/16");
	say(f, "route del 10.0.1.2/32");
	goes(f, 0, "10.0.1.2", "10.0.1.2*1");
	say(f, "neigh del 10.0.1.2 dev p1");
	leads(f, 0, "10.0.1.2", ROUTE_GLEAN);
}

/* A journal of which a line was lost: the route waits for one that leads there. */
static void a_restart_without_the_route_that_leads_on(void **state)
{
	struct fixture *f = *state;

	model_end(f);
	model_begin(f, HEAP_SIZE);
	say(f, "port add p0 devargs net_null0");
	say(f, "address add 10.0.0.1/24 dev p0");
	say(f, "route add 1.0.0.0/8 via 172.16.0.1");
	say(f, "route add 1.1.0.0/16 via 10.0.0.2");
	say(f, "route del 1.1.0.0/16");
	say(f, "route add 2.0.0.0/8 via 172.16.0.2");
	say(f, "route del 2.0.0.0/8");
	model_settle(f->model);
	goes(f, 0, "1.1.1.1", "::*1");
	leads(f, 0, "2.1.1.1", ROUTE_NONE);
	say(f, "route add 172.16.0.0/16 via 10.0.0.2");
	goes(f, 0, "1.1.1.1", "10.0.0.2*1");
}

/* Every command's inverse gives the same configuration and the same answers back. */
static void inverses(void **state)
{
	static const char *const lines[] = {
		"route add 8.0.0.0/8 via 172.16.0.1 push 30",
		"route add 8.0.0.0/8 vrf 9 blackhole",
		"route add 172.16.0.1/32 via 10.0.0.2 push 31",
		"route replace 8.0.0.0/8 via 10.0.0.2",
		"route replace 1.0.0.0/8 blackhole",
		"route replace 2.0.0.0/8 via 10.0.0.2",
		"route replace 3.0.0.0/8 via 10.0.0.2",
		"route replace 172.16.0.0/16 via 10.0.0.2 weight 1 via 10.0.1.2 weight 3",
		"route replace 10.0.1.0/24 unreachable",
		"route del 0.0.0.0/0",
		"route del 1.0.0.0/8",
		"route del 2.0.0.0/8",
		"route del 3.0.0.0/8",
		"route del 4.0.0.0/8",
		"route del 5.0.0.0/8",
		"route del 6.0.0.0/8",
		"route del 7.7.0.0/16 vrf 7",
		"route del 10.0.1.2/32",
		"route del 172.16.0.0/16",
		"route del 2001:db8:6::/48",
		"address add 172.16.0.2/24 dev p1",
	};
	struct fixture *f = *state;

	full_configuration(f);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		char found[2][512], *before = configuration(f);
		describe(f, 0, "9.9.9.9", found[0], sizeof(found[0]));
		parse(f, lines[i]);
		if (model_inverse(f->model, f->arguments, f->undo) != 0)
			fail_msg("%s: no inverse", lines[i]);
		say(f, lines[i]);
		if (model_execute(f->model, f->undo, &f->error) != 0)
			fail_msg("%s: undo: %s", lines[i], f->error.text);
		char *after = configuration(f);
		if (strcmp(before, after) != 0)
			fail_msg("%s: before:\n%safter its undo:\n%s", lines[i], before, after);
		describe(f, 0, "9.9.9.9", found[1], sizeof(found[1]));
		assert_string_equal(found[0], found[1]);
		free(before);
		free(after);
	}
	parse(f, "route add 1.0.0.0/8 blackhole");
	assert_int_equal(model_inverse(f->model, f->arguments, f->undo), -ENOENT);
	parse(f, "route del 1.0.0.0/9");
	assert_int_equal(model_inverse(f->model, f->arguments, f->undo), -ENOENT);
}

/* ---------------------------------------------------------------- show */

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return value != NULL ? value : "";
}

static void expect_row(const json_t *list, size_t i, const char *prefix, const char *kind)
{
	const json_t *row = json_array_get(list, i);

	assert_string_equal(text(row, "prefix"), prefix);
	assert_string_equal(text(row, "kind"), kind);
}

static void shows(void **state)
{
	struct fixture *f = *state;

	say(f, "route add 10.0.0.0/24 blackhole");
	say(f, "route add 172.16.0.0/16 via 10.0.0.2");
	say(f, "route add 192.168.0.0/16 via 172.16.0.1 push 16");
	json_t *list = show(f, "route show");
	expect_row(list, 0, "10.0.0.0/24", "connected");
	assert_string_equal(text(json_array_get(list, 0), "dev"), "p0");
	expect_row(list, 1, "10.0.0.0/24", "blackhole");
	assert_true(json_is_false(json_object_get(json_array_get(list, 1), "active")));
	expect_row(list, 2, "10.0.0.1/32", "local");
	expect_row(list, 3, "10.0.0.2/32", "neighbour");
	expect_row(list, 4, "10.0.0.255/32", "local");
	expect_row(list, 5, "10.0.1.0/24", "connected");
	expect_row(list, 9, "172.16.0.0/16", "static");
	expect_row(list, 10, "192.168.0.0/16", "static");
	assert_int_equal(json_array_size(list), 11);
	json_t *hop = json_array_get(json_object_get(json_array_get(list, 10), "nexthops"), 0);
	assert_string_equal(text(hop, "via"), "10.0.0.2");
	json_t *asked = json_array_get(json_object_get(json_array_get(list, 10), "recursive"), 0);
	assert_string_equal(text(asked, "via"), "172.16.0.1");
	json_decref(list);

	list = show(f, "route show from 10.0.1.0/24 count 2");
	expect_row(list, 0, "10.0.1.0/24", "connected");
	expect_row(list, 1, "10.0.1.1/32", "local");
	assert_int_equal(json_array_size(list), 2);
	json_decref(list);
	list = show(f, "route show 172.16.0.0/16");
	expect_row(list, 0, "172.16.0.0/16", "static");
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	list = show(f, "route show vrf 5");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);

	struct view alone = { .tables = model_tables(f->model), .state = NULL, .model = NULL };
	parse(f, "route show");
	assert_null(view_show(&alone, f->arguments, &f->error));
	assert_non_null(strstr(f->error.text, "not known without the control plane"));
	struct view with = { .tables = model_tables(f->model), .state = NULL, .model = f->model };
	parse(f, "route show 172.16.0.0/17");
	assert_null(view_show(&with, f->arguments, &f->error));
	assert_non_null(strstr(f->error.text, "does not exist in vrf 0"));
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(addresses_and_neighbours_have_entries),
		IN_PORTS(other_families_and_vrfs),
		IN_PORTS(static_routes),
		IN_PORTS(the_system_goes_before_static_routes),
		IN_PORTS(static_routes_go_before_neighbours),
		IN_PORTS(what_is_refused),
		IN_PORTS(what_does_not_parse),
		IN_PORTS(recursive_routes),
		IN_PORTS(default_routes_of_both_families),
		IN_PORTS(recursion_is_bounded),
		IN_PORTS(a_network_comes_and_goes_under_recursion),
		IN_PORTS(a_restart_keeps_every_nexthop_and_group),
		IN_PORTS(routes_that_nobody_asks_for_go),
		IN_PORTS(a_restart_without_the_route_that_leads_on),
		IN_PORTS(inverses),
		IN_PORTS(shows),
	};
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
