/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The model's commands: what they write into the tables, and what they refuse.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "model-fixture.h"

static uint64_t flags_of(struct fixture *fixture, const char *name)
{
	const struct tables *tables = model_tables(fixture->model);

	for (unsigned int i = 0; i < INTERFACE_MAX; i++)
		if ((word_load(&tables->interface[i].flags) & INTERFACE_VALID) &&
		    strcmp(tables->interface[i].name, name) == 0)
			return word_load(&tables->interface[i].flags);
	return 0;
}

static const struct port_wish *wish_of(struct fixture *fixture, unsigned int port)
{
	const struct tables *tables = model_tables(fixture->model);
	uint64_t offset = word_load(&tables->port[port].wish);

	return offset != 0 ? tables_object(tables, offset) : NULL;
}

/* ---------------------------------------------------------------- interfaces */

static void port_is_a_row_and_a_wish(void **state)
{
	struct fixture *f = *state;

	say(f,
	    "port add p0 devargs net_af_packet0,iface=veth0 mtu 9000 rx-queues 2 mpls on space 3 "
	    "upstream-space 5 vrf 7");
	const struct port_wish *wish = wish_of(f, 0);
	assert_non_null(wish);
	assert_string_equal(wish->name, "p0");
	assert_string_equal(wish->devargs, "net_af_packet0,iface=veth0");
	assert_string_equal(wish->host_device, "veth0");
	assert_int_equal(wish->mtu, 9000);
	assert_int_equal(wish->rx_queues, 2);
	assert_int_equal(wish->up, 1);
	assert_true(wish->generation > 0);
	uint64_t flags = flags_of(f, "p0");
	assert_int_equal(flags & 0xf, INTERFACE_VALID | INTERFACE_UP | INTERFACE_MPLS);
	assert_int_equal(flags >> INTERFACE_KIND_SHIFT & 0xf, INTERFACE_PORT);
	assert_int_equal(flags >> INTERFACE_SPACE_SHIFT & 0xff, 3);
	assert_int_equal(flags >> INTERFACE_UPSTREAM_SHIFT & 0xff, 5);
	assert_int_equal(flags >> INTERFACE_MTU_SHIFT & 0xffff, 9000);
	assert_int_equal(flags >> INTERFACE_VRF_SHIFT, 7);
	assert_true(model_tables(f->model)->label_space[3] != 0);
	assert_true(model_tables(f->model)->label_space[5] != 0);
}

static void port_changes_in_place(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_null0");
	uint64_t generation = wish_of(f, 0)->generation;
	uint32_t identity = wish_of(f, 0)->identity;
	assert_int_equal(wish_of(f, 0)->mtu, 1500);
	say(f, "port set p0 down mtu 2000");
	assert_true(wish_of(f, 0)->generation > generation);
	assert_int_equal(wish_of(f, 0)->identity, identity);
	assert_int_equal(wish_of(f, 0)->up, 0);
	assert_int_equal(flags_of(f, "p0") & INTERFACE_UP, 0);
	generation = wish_of(f, 0)->generation;
	say(f, "port set p0 mpls on");
	assert_int_equal(wish_of(f, 0)->generation, generation);
	assert_true(flags_of(f, "p0") & INTERFACE_MPLS);
	say(f, "port del p0");
	assert_null(wish_of(f, 0));
	assert_int_equal(flags_of(f, "p0"), 0);
	say(f, "port add p9 devargs net_null0");
	model_poll(f->model);
	say(f, "port add p0 devargs net_null1");
	assert_true(wish_of(f, 0)->identity > identity);
}

static void port_refusals(void **state)
{
	struct fixture *f = *state;

	say(f, "port add p0 devargs net_af_packet0,iface=veth0");
	refused(f, "port add p0 devargs net_null0", "port p0 exists already");
	refused(f, "port add p1 devargs net_af_packet0,iface=veth1",
		"device net_af_packet0 is in use by port p0");
	refused(f, "port add p1 devargs net_af_packet1,iface=veth0",
		"Linux interface veth0 is in use by port p0");
	refused(f, "port add p1 devargs ,iface=veth1", "expected DRIVER[,KEY=VALUE...]");
	refused(f, "port add p1 devargs net_null0,,", "expected DRIVER[,KEY=VALUE...]");
	refused(f, "port add p1 devargs net_af_packet1,iface=abcdefghijklmnopq",
		"expected 1 to 15 characters after iface=");
	say(f, "port add p1 devargs 0000:3b:00.0");
	refused(f, "port add p2 devargs 0000:3b:00.0", "in use by port p1");
	refused(f, "port set p7 up", "interface p7 does not exist");
	refused(f, "port del p7", "port p7 does not exist");
}

/* Another device under the same port: the wish is for a new one, and all else stays. */
static void port_gets_another_device(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);

	say(f, "vlan add v10 dev p0 tag 10");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	uint64_t word = word_of(f, 100);
	const struct port_wish *wish = tables_object(tables, tables->port[0].wish);
	uint64_t identity = wish->identity;
	say(f, "port set p0 devargs net_null7 rx-queues 2");
	wish = tables_object(tables, tables->port[0].wish);
	assert_string_equal(wish->devargs, "net_null7");
	assert_int_equal(wish->rx_queues, 2);
	assert_true(wish->identity > identity);
	assert_int_equal(word_of(f, 100), word);
	char *lines = configuration(f);
	assert_non_null(
		strstr(lines, "vlan add v10 dev p0 tag 10\naddress add 10.0.0.1/24 dev p0"));
	free(lines);
	refused(f, "port set p0 devargs net_null7,=a", "expected DRIVER");
	refused(f, "v10 set rx-queues 1", "v10 has no device");
}

static void vlan_follows_its_port(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);

	say(f, "vlan add v10 dev p0 tag 10 mpls on");
	say(f, "vlan add v20 dev p0 tag 20 inner 30");
	assert_true(flags_of(f, "p0") & INTERFACE_HAS_VLANS);
	struct vlan_key key = { .port = 0, .outer_tag = 20, .inner_tag = 30 };
	const struct vlan_entry *entry = hash_lookup(tables, HASH_VLAN, &key, sizeof(key));
	assert_non_null(entry);
	assert_string_equal(tables->interface[entry->interface].name, "v20");
	assert_memory_equal((const void *)&tables->interface[entry->interface].mac, port_macs[0],
			    6);
	assert_int_equal(flags_of(f, "v20") >> INTERFACE_MTU_SHIFT & 0xffff, 1500);
	say(f, "port set p0 down mtu 1400");
	assert_false(flags_of(f, "v10") & INTERFACE_UP);
	assert_int_equal(flags_of(f, "v10") >> INTERFACE_MTU_SHIFT & 0xffff, 1400);
	say(f, "port set p0 up");
	assert_true(flags_of(f, "v10") & INTERFACE_UP);
	say(f, "port set v10 down"); /* any interface, by its name */
	assert_false(flags_of(f, "v10") & INTERFACE_UP);
	say(f, "vlan set v10 up");
	assert_true(flags_of(f, "v10") & INTERFACE_UP);

	refused(f, "vlan add v11 dev p0 tag 10", "port p0 tag 10 is vlan v10 already");
	refused(f, "vlan add v11 dev p0 tag 20 inner 30", "tag 20 inner 30 is vlan v20 already");
	refused(f, "vlan add v11 dev p7 tag 1", "interface p7 does not exist");
	refused(f, "vlan add v11 dev v10 tag 1", "dev v10 is a vlan: expected a port");
	refused(f, "vlan add p0 dev p0 tag 1", "port p0 exists already");
	refused(f, "vlan del p0", "vlan p0 does not exist");
	say(f, "vlan del v10");
	assert_true(flags_of(f, "p0") & INTERFACE_HAS_VLANS);
	say(f, "vlan del v20");
	assert_false(flags_of(f, "p0") & INTERFACE_HAS_VLANS);
	assert_null(hash_lookup(tables, HASH_VLAN, &key, sizeof(key)));
}

static void address_refusals(void **state)
{
	static const char *const cases[][2] = {
		{ "address add 10.0.0.0/24 dev p0", "is the network's own address" },
		{ "address add 10.0.9.255/24 dev p0", "is the network's broadcast address" },
		{ "address add 224.0.0.5/24 dev p0", "is multicast" },
		{ "address add 255.255.255.255/32 dev p0", "is the broadcast address" },
		{ "address add 240.0.0.1/8 dev p0", "is reserved" },
		{ "address add 0.0.0.0/0 dev p0", "expected a prefix length of 1 to 32" },
		{ "address add 0.0.0.0/8 dev p0", "is unspecified" },
		{ "address add 127.0.0.1/8 dev p0", "is a loopback address" },
		{ "address add ::/64 dev p0", "is unspecified" },
		{ "address add ff02::1/64 dev p0", "is multicast" },
		{ "address add 10.0.0.1/24 dev p0", "p0 has 10.0.0.1/24 already" },
		{ "address add 10.0.0.1/32 dev p1", "p0 has 10.0.0.1/24 already" },
		{ "address add 10.0.0.77/28 dev p1", "its network overlaps 10.0.0.1/24 of p0" },
		{ "address add 10.1.1.1/8 dev p1", "its network overlaps 10.0.0.1/24 of p0" },
		{ "address add 10.0.0.2/24 dev p0", "is a neighbour's on p0" },
		{ "address add 10.0.5.1/24 dev p7", "interface p7 does not exist" },
		{ "address del 10.0.0.3/24 dev p0", "address 10.0.0.3/24 does not exist on p0" },
		{ "address del 10.0.0.1/24 dev p0", "address 10.0.0.1/24 is in use by neighbour "
						    "10.0.0.2" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(f, cases[i][0], cases[i][1]);
	say(f, "address add 10.0.7.0/31 dev p0"); /* RFC 3021 */
	say(f, "address add 10.0.0.9/24 dev p0"); /* a second one of the network */
	say(f, "address add fe80::1/64 dev p0");
	say(f, "address add fe80::1/64 dev p1");  /* link-local: each interface has its own */
	say(f, "address del 10.0.0.1/24 dev p0"); /* 10.0.0.9 still reaches the neighbour */
	say(f, "loopback add lo0");
	say(f, "address add 127.0.0.1/8 dev lo0");
	refused(f, "loopback del lo0", "loopback lo0 is in use by address 127.0.0.1/8");
}

static void neighbour_refusals(void **state)
{
	struct fixture *f = *state;

	refused(f, "neigh add 10.0.0.2 lladdr 02:00:00:00:00:09 dev p0", "exists already on p0");
	refused(f, "neigh add 10.9.9.9 lladdr 02:00:00:00:00:09 dev p0",
		"neighbour 10.9.9.9 is on no connected network of p0");
	refused(f, "neigh add 10.0.1.2 lladdr 02:00:00:00:00:09 dev p0",
		"no connected network of p0");
	refused(f, "neigh add 10.0.0.1 lladdr 02:00:00:00:00:09 dev p0",
		"is our own address on p0");
	refused(f, "neigh add 10.0.0.255 lladdr 02:00:00:00:00:09 dev p0", "broadcast address");
	refused(f, "neigh add 10.0.0.3 lladdr 01:00:5e:00:00:09 dev p0",
		"lladdr 01:00:5e:00:00:09 is multicast");
	refused(f, "neigh add 10.0.0.3 lladdr 00:00:00:00:00:00 dev p0", "is all zero");
	refused(f, "neigh add 10.0.0.3 lladdr 02:00:00:00:00:09 dev p7", "p7 does not exist");
	refused(f, "neigh del 10.0.0.3 dev p0", "neighbour 10.0.0.3 does not exist on p0");
	say(f, "neigh add fe80::5 lladdr 02:00:00:00:00:09 dev p0");
}

/* ---------------------------------------------------------------- label routes */

static void swap_is_a_word_and_a_shared_nexthop(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	say(f, "mpls add 101 swap 201 via 10.0.0.2 ttl pipe tc uniform no-counters");
	uint64_t word = word_of(f, 100);
	assert_int_equal(label_operation(word), LABEL_SWAP);
	assert_int_equal(label_out(word), 200);
	assert_int_equal(label_index(word), label_index(word_of(f, 101)));
	assert_int_equal(word_of(f, 101) & (LABEL_TTL_PIPE | LABEL_TC_UNIFORM | LABEL_NO_COUNTERS),
			 LABEL_TTL_PIPE | LABEL_TC_UNIFORM | LABEL_NO_COUNTERS);
	const struct rewrite *rewrite = rewrite_of(f, label_index(word));
	static const uint8_t header[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 0x10, 0x88, 0x47 };
	assert_int_equal(rewrite->header_length, 14);
	assert_memory_equal(rewrite->header + 10, header, 14);
	assert_int_equal(rewrite->port, 0);
	assert_int_equal(rewrite->mtu, 1500);
	assert_int_equal(rewrite->label_count, 0);
	refused(f, "mpls add 100 swap 200 via 10.0.0.2", "label 100 exists already in space 0");

	say(f, "mpls add 102 swap 300/301/302 via 10.0.1.2 push 400");
	rewrite = rewrite_of(f, label_index(word_of(f, 102)));
	assert_int_equal(label_out(word_of(f, 102)), 302);
	assert_int_equal(rewrite->label_count, 3);
	assert_int_equal(rewrite->label[0], 400);
	assert_int_equal(rewrite->label[1], 300);
	assert_int_equal(rewrite->label[2], 301);
}

static void pops(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 pop via 10.0.0.2");
	say(f, "mpls add 101 swap implicit-null via 10.0.0.2");
	say(f, "mpls add 102 pop via 10.0.0.2 push 50/51 entropy");
	say(f, "mpls add 103 pop ip vrf 9");
	say(f, "mpls add 104 pop label");
	refused(f, "mpls add 105 pop bridge br0", "bridge br0 does not exist");
	assert_int_equal(word_of(f, 105), 0);
	assert_int_equal(label_operation(word_of(f, 100)), LABEL_POP);
	assert_int_equal(word_of(f, 100), word_of(f, 101));
	const struct rewrite *rewrite = rewrite_of(f, label_index(word_of(f, 102)));
	assert_int_equal(rewrite->label_count, 2);
	assert_int_equal(rewrite->flags, REWRITE_ENTROPY);
	assert_int_equal(label_operation(word_of(f, 103)), LABEL_POP_IP);
	assert_int_equal(label_index(word_of(f, 103)), 9);
	assert_int_equal(label_operation(word_of(f, 104)), LABEL_POP_LABEL);
}

static void vlan_headers(void **state)
{
	static const uint8_t two[] = { 2,    0,    0,    0, 0,  9,    2, 0, 0,  0,    0,
				       0x10, 0x88, 0xa8, 0, 20, 0x81, 0, 0, 30, 0x88, 0x47 };
	static const uint8_t one[] = { 2, 0, 0,    0,    0, 8, 2,  0,    0,
				       0, 0, 0x10, 0x81, 0, 0, 10, 0x88, 0x47 };
	struct fixture *f = *state;

	say(f, "vlan add v20 dev p0 tag 20 inner 30");
	say(f, "vlan add v10 dev p0 tag 10");
	say(f, "address add 10.20.0.1/24 dev v20");
	say(f, "address add 10.10.0.1/24 dev v10");
	say(f, "neigh add 10.20.0.9 lladdr 02:00:00:00:00:09 dev v20");
	say(f, "neigh add 10.10.0.8 lladdr 02:00:00:00:00:08 dev v10");
	say(f, "mpls add 100 swap 200 via 10.20.0.9");
	say(f, "mpls add 101 swap 200 via 10.10.0.8");
	const struct rewrite *rewrite = rewrite_of(f, label_index(word_of(f, 100)));
	assert_int_equal(rewrite->header_length, 22);
	assert_memory_equal(rewrite->header + 2, two, 22);
	assert_int_equal(rewrite->port, 0);
	rewrite = rewrite_of(f, label_index(word_of(f, 101)));
	assert_int_equal(rewrite->header_length, 18);
	assert_memory_equal(rewrite->header + 6, one, 18);
}

static void nexthop_refusals(void **state)
{
	static const char *const cases[][2] = {
		{ "mpls add 100 swap 200 via 10.9.9.9",
		  "nexthop 10.9.9.9 is on no connected network" },
		{ "mpls add 100 swap 200 via 10.0.0.2 dev p1", "on no connected network of p1" },
		{ "mpls add 100 swap 200 via 10.0.0.1",
		  "nexthop 10.0.0.1 is our own address on p0" },
		{ "mpls add 100 swap 200 via 10.0.0.255", "broadcast" },
		{ "mpls add 100 swap 200 via fe80::2", "link-local: expected via fe80::2 dev IF" },
		{ "mpls add 100 swap 200 dev p0", "expected via IP dev p0" },
		{ "mpls add 100 swap 200 via 10.0.0.2 dev p7", "dev p7 does not exist" },
		{ "mpls add 100 swap 200 via 10.0.0.2 dev lo0", "dev lo0 is a loopback" },
		{ "mpls add 100 swap 200 via 10.0.0.2 backup via 10.9.9.9 dev p1",
		  "backup nexthop 10.9.9.9 is on no connected network of p1" },
		{ "mpls add 100 swap 200 via 10.0.0.2 backup via 10.0.0.2 dev p0",
		  "backup is the nexthop itself" },
		{ "mpls add 100 swap 20 via 10.0.0.2 push 30/31/32/33/34/35 entropy",
		  "puts on 9 labels with the entropy label's two: at most 8" },
		{ "mpls add 100 swap 200 via 10.0.0.2 swap 200 via 10.0.0.2",
		  "path 2 is the same as path 1" },
		{ "mpls add 100 swap 200 via 10.0.0.2 swap 200 via 10.9.9.9",
		  "path 2: nexthop 10.9.9.9 is on no connected network" },
		{ "mpls del 100", "label 100 does not exist in space 0" },
		{ "mpls del 100 space 9", "label 100 does not exist in space 9" },
	};
	struct fixture *f = *state;

	say(f, "loopback add lo0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(f, cases[i][0], cases[i][1]);
	assert_int_equal(word_of(f, 100), 0);
	json_t *nexthops = show(f, "nexthop show");
	/* those of the two neighbours' host routes; nothing half-written */
	assert_int_equal(json_array_size(nexthops), 2);
	json_decref(nexthops);
}

/* The parser counts as well: the model does not rely on it. */
static void nine_labels_are_too_many(void **state)
{
	struct fixture *f = *state;

	parse(f, "mpls add 100 swap 18/19/20/21/22/23 via 10.0.0.2 push 30/31");
	f->arguments->path[0].value[PATH_PUSH].stack[2] = 32;
	f->arguments->path[0].value[PATH_PUSH].stack_count = 3;
	assert_int_equal(model_execute(f->model, f->arguments, &f->error), -EINVAL);
	assert_string_equal(f->error.text, "label 100: puts on 9 labels: at most 8");
	assert_int_equal(word_of(f, 100), 0);
}

static void what_is_in_use_stays(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2 backup via 10.0.1.2");
	refused(f, "port del p0", "port p0 is in use by nexthop 10.0.0.2 dev p0 of label 100");
	refused(f, "port del p1",
		"port p1 is in use by backup nexthop 10.0.1.2 dev p1 of label 100");
	refused(f, "address del 10.0.0.1/24 dev p0",
		"address 10.0.0.1/24 is in use by nexthop 10.0.0.2 dev p0 of label 100");
	/* but a neighbour is asked for from now on */
	uint32_t nexthop = label_index(word_of(f, 100));
	assert_int_equal(nexthop_kind(model_tables(f->model)->nexthop[nexthop]), NEXTHOP_FORWARD);
	say(f, "neigh del 10.0.0.2 dev p0");
	assert_int_equal(nexthop_kind(model_tables(f->model)->nexthop[nexthop]),
			 NEXTHOP_UNRESOLVED);
	say(f, "neigh add 10.0.0.2 lladdr 02:00:00:00:00:07 dev p0");
	assert_int_equal(nexthop_kind(model_tables(f->model)->nexthop[nexthop]), NEXTHOP_FORWARD);
	say(f, "mpls del 100");
	refused(f, "port del p0", "port p0 is in use by address 10.0.0.1/24");
	say(f, "vlan add v10 dev p0 tag 10");
	refused(f, "port del p0", "port p0 is in use by vlan v10");
	say(f, "vlan del v10");
	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	say(f, "port del p0");
	assert_null(wish_of(f, 0));
}

static void resolution_follows_neighbour_mac_and_mtu(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);
	static const uint8_t other_mac[6] = { 2, 0, 0, 0, 0, 0x55 };

	say(f, "mpls add 100 swap 200 via 10.0.0.3");
	uint32_t index = label_index(word_of(f, 100));
	assert_int_equal(nexthop_kind(tables->nexthop[index]), NEXTHOP_UNRESOLVED);
	assert_int_equal(rewrite_of(f, index)->via[15], 3);
	say(f, "neigh add 10.0.0.3 lladdr 02:00:00:00:00:33 dev p0");
	assert_int_equal(nexthop_kind(tables->nexthop[index]), NEXTHOP_FORWARD);
	assert_int_equal(rewrite_of(f, index)->header[15], 0x33);
	say(f, "neigh replace 10.0.0.3 lladdr 02:00:00:00:00:34 dev p0");
	assert_int_equal(rewrite_of(f, index)->header[15], 0x34);
	dataplane_answers(f, 0, other_mac, true);
	assert_int_equal(rewrite_of(f, index)->header[21], 0x55);
	say(f, "port set p0 mtu 2000");
	assert_int_equal(rewrite_of(f, index)->mtu, 2000);
	/* the device has another one still, or refuses this one: what it would lose is not sent to it */
	struct port_status *status = &f->instance.state->port[0];
	status->mtu = 1500;
	dataplane_answers(f, 0, other_mac, true);
	assert_int_equal(rewrite_of(f, index)->mtu, 1500);
	status->mtu = 2000;
	dataplane_answers(f, 0, other_mac, true);
	assert_int_equal(rewrite_of(f, index)->mtu, 2000);
	say(f, "port set p0 mtu 1400");
	assert_int_equal(rewrite_of(f, index)->mtu, 1400);
}

static void references_are_counted(void **state)
{
	struct fixture *f = *state;
	const struct tables *tables = model_tables(f->model);

	for (int i = 100; i < 110; i++) {
		char line[64];
		snprintf(line, sizeof(line), "mpls add %d swap 300/200 via 10.0.0.2", i);
		say(f, line);
	}
	uint32_t index = label_index(word_of(f, 100));
	char line[64];
	snprintf(line, sizeof(line), "nexthop show %u", index);
	json_t *nexthops = show(f, line);
	assert_int_equal(json_array_size(nexthops), 1);
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(nexthops, 0), "references")), 10);
	json_decref(nexthops);
	for (int i = 100; i < 110; i++) {
		snprintf(line, sizeof(line), "mpls del %d", i);
		say(f, line);
	}
	/* a worker that took the label's word before may still ask for the nexthop */
	f->instance.state->worker[0].seen = word_load(&tables->control.epoch);
	model_poll(f->model);
	model_poll(f->model);
	assert_int_not_equal(tables->nexthop[index], 0);
	f->instance.state->worker[0].seen = word_load(&tables->control.epoch);
	model_poll(f->model);
	assert_int_equal(tables->nexthop[index], 0);
	f->instance.state->worker[0].seen = WORKER_OFFLINE;
}

/* ---------------------------------------------------------------- full */

static void full_says_so(void **state)
{
	struct fixture *f = *state;
	char line[96];
	int i, result = 0;

	say(f, "port add p0 devargs net_null0");
	say(f, "address add 10.0.0.1/8 dev p0");
	refused(f, "mpls add 100 space 3 pop label",
		"label space table is full: no table memory left");
	refused(f, "port set p0 space 3", "port table is full");
	assert_int_equal(flags_of(f, "p0") >> INTERFACE_SPACE_SHIFT & 0xff, 0);
	for (i = 0; i < 200000 && result == 0; i++) {
		snprintf(line, sizeof(line), "mpls add %d swap %d/200 via 10.0.0.2", 100 + i,
			 100 + i);
		parse(f, line);
		result = model_execute(f->model, f->arguments, &f->error);
	}
	assert_int_equal(result, -ENOSPC);
	assert_non_null(strstr(f->error.text, "nexthop table is full"));
	assert_int_equal(word_of(f, (uint32_t)(100 + i - 1)), 0);
	assert_int_not_equal(word_of(f, (uint32_t)(100 + i - 2)), 0);
	json_t *nexthops = show(f, "nexthop show");
	assert_int_equal(json_array_size(nexthops), (size_t)(i - 1));
	json_decref(nexthops);
	/* what is given back can be had again */
	snprintf(line, sizeof(line), "mpls del %d", 100);
	say(f, line);
	say(f, "mpls add 90 swap 90/200 via 10.0.0.2");
}

static void ports_run_out(void **state)
{
	struct fixture *f = *state;
	char line[64];

	for (int i = 0; i < PORT_MAX; i++) {
		snprintf(line, sizeof(line), "port add p%d devargs net_null%d", i, i);
		say(f, line);
	}
	refused(f, "port add more devargs net_null99", "port table is full: 64 of 64 in use");
	say(f, "port del p5");
	say(f, "port add more devargs net_null99");
}

/* ---------------------------------------------------------------- counters */

static uint64_t rx_packets(struct fixture *f, const char *line)
{
	json_t *rows = show(f, line);
	json_int_t count =
		json_integer_value(json_object_get(json_array_get(rows, 0), "rx_packets"));

	json_decref(rows);
	return (uint64_t)count;
}

static void counters_of_one_interface(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	counter_add(&f->instance.state->label[0][0][100].packets, 5);
	counter_add(&f->instance.state->interface[0][0].rx_packets, 7);
	counter_add(&f->instance.state->interface[0][1].rx_packets, 8);
	say(f, "counters clear p1");
	assert_int_equal(rx_packets(f, "show counters p0"), 7);
	assert_int_equal(rx_packets(f, "show counters p1"), 0);
	json_t *routes = show(f, "mpls show 100");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(routes, 0), "packets")),
			 5);
	json_decref(routes);
	refused(f, "counters clear p9", "p9 does not exist");
	refused(f, "counters clear all", "all does not exist");
}

/* Whatever a route is replaced by, it is the same route. */
static void replaced_route_goes_on_counting(void **state)
{
	static const char *const lines[] = {
		"mpls replace 100 swap 200 via 10.0.0.2",
		"mpls replace 100 swap 201 via 10.0.0.2",
		"mpls replace 100 swap 201 via 10.0.0.2 swap 202 via 10.0.1.2",
		"mpls replace 100 pop ip",
	};
	struct fixture *f = *state;
	struct traffic_counter *counter = &f->instance.state->label[0][0][100];

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	counter_add(&counter->packets, 5);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		say(f, lines[i]);
		assert_int_equal(packets_of(f, 100), 5);
	}
	say(f, "mpls del 100");
	say(f, "mpls replace 100 pop ip");
	assert_int_equal(packets_of(f, 100), 0);
}

static void counters_begin_at_zero(void **state)
{
	struct fixture *f = *state;
	struct traffic_counter *counter = &f->instance.state->label[0][0][100];

	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	counter_add(&counter->packets, 5);
	counter_add(&counter->bytes, 500);
	counter_add(&f->instance.state->interface[0][0].rx_packets, 7);
	json_t *routes = show(f, "mpls show 100");
	json_t *route = json_array_get(routes, 0);
	assert_int_equal(json_integer_value(json_object_get(route, "packets")), 5);
	json_decref(routes);
	say(f, "mpls del 100");
	say(f, "mpls add 100 swap 200 via 10.0.0.2");
	counter_add(&counter->packets, 1);
	routes = show(f, "mpls show 100");
	route = json_array_get(routes, 0);
	assert_int_equal(json_integer_value(json_object_get(route, "packets")), 1);
	assert_int_equal(json_integer_value(json_object_get(route, "bytes")), 0);
	json_decref(routes);
	say(f, "counters clear");
	routes = show(f, "mpls show 100");
	route = json_array_get(routes, 0);
	assert_int_equal(json_integer_value(json_object_get(route, "packets")), 0);
	json_decref(routes);
	json_t *counters = show(f, "show counters p0");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(counters, 0), "rx_packets")), 0);
	json_decref(counters);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, fixture_ports, fixture_remove)
#define IN_EMPTY(test) cmocka_unit_test_setup_teardown(test, fixture_empty, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_EMPTY(port_is_a_row_and_a_wish),
		IN_EMPTY(port_changes_in_place),
		IN_EMPTY(port_refusals),
		IN_PORTS(port_gets_another_device),
		IN_PORTS(vlan_follows_its_port),
		IN_PORTS(address_refusals),
		IN_PORTS(neighbour_refusals),
		IN_PORTS(swap_is_a_word_and_a_shared_nexthop),
		IN_PORTS(pops),
		IN_PORTS(vlan_headers),
		IN_PORTS(nexthop_refusals),
		IN_PORTS(nine_labels_are_too_many),
		IN_PORTS(what_is_in_use_stays),
		IN_PORTS(resolution_follows_neighbour_mac_and_mtu),
		IN_PORTS(references_are_counted),
		cmocka_unit_test_setup_teardown(full_says_so, fixture_small, fixture_remove),
		IN_EMPTY(ports_run_out),
		IN_PORTS(counters_of_one_interface),
		IN_PORTS(replaced_route_goes_on_counting),
		IN_PORTS(counters_begin_at_zero),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
