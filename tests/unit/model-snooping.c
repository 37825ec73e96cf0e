/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Snooping on the bridges of a model: commands, frames in and out of ports as those have VLANs, and
 * entries in the tables.
 */
#include "snooping-entries.h"

/* The next frame that leaves, by this port and with this tag (0: none). */
static const struct frame_slot *expect_out(struct fixture *f, unsigned int port, unsigned int vlan)
{
	const struct frame_slot *slot = injected(f);

	if (slot == NULL)
		fail_msg("nothing leaves");
	assert_int_equal(slot->interface, port);
	bool tagged = slot->data[12] == 0x81 && slot->data[13] == 0;
	assert_int_equal(tagged ? (slot->data[14] & 0xf) << 8 | slot->data[15] : 0, vlan);
	return slot;
}

static void queries_leave_as_ports_have_their_vlans(void **state)
{
	struct fixture *f = *state;
	unsigned int untagged = 0, tagged = 0, families[2] = { 0 };
	const struct frame_slot *slot;

	skip_frames(f);
	say(f, "bridge set b0 querier off");
	wait(f, 0.1);
	skip_frames(f);
	say(f, "bridge set b0 querier on");
	wait(f, 0.1);
	/* VLAN 10 by p0, p1, p2 (tagged), VLAN 20 by p2, p3; IGMP and MLD each */
	while ((slot = injected(f)) != NULL) {
		bool tag = slot->data[12] == 0x81;
		assert_true(slot->interface < PORTS);
		assert_int_equal(slot->data[0] == 1, slot->data[tag ? 16 : 12] == 8);
		assert_true(!tag || (slot->interface == 2 && slot->data[15] == 10));
		untagged += !tag;
		tagged += tag;
		families[slot->data[0] == 1 ? 0 : 1]++;
	}
	assert_int_equal(untagged, 8);
	assert_int_equal(tagged, 2);
	assert_int_equal(families[0], 5);
	assert_int_equal(families[1], 5);
}

static json_int_t frames_lost(struct fixture *f)
{
	json_t *rows = show(f, "bridge snooping show"), *row;
	json_int_t lost = 0;
	size_t i;

	json_array_foreach(rows, i, row)
		lost += json_integer_value(
			json_object_get(json_object_get(row, "counters"), "frames_lost"));
	json_decref(rows);
	return lost;
}

/* Many VLANs are asked at the same time, more than rings and lists hold: each port once in each, later. */
static void queries_wait_for_room(void **state)
{
	static uint8_t asked[PORTS][VLAN_MAX][2];
	struct fixture *f = *state;
	const struct frame_slot *slot;

	say(f, "bridge set b0 querier off");
	say(f, "port set p2 trunk 100-1099");
	say(f, "port set p3 trunk 100-1099");
	wait(f, 0.1);
	skip_frames(f);
	say(f, "bridge set b0 querier on");
	for (unsigned int i = 0; i < 100; i++) {
		test_time += 1000000;
		model_poll(f->model);
		punt_poll(f->model);
		while ((slot = injected(f)) != NULL)
			if (slot->data[12] == 0x81)
				asked[slot->interface][(slot->data[14] & 0xf) << 8 | slot->data[15]]
				     [slot->data[0] == 1]++;
	}
	for (unsigned int vlan = 100; vlan < 1100; vlan++)
		for (unsigned int port = 2; port < 4; port++)
			assert_true(asked[port][vlan][0] == 1 && asked[port][vlan][1] == 1);
	assert_int_equal(frames_lost(f), 0);
	assert_int_equal(f->model->inject_full, 0);
	wait(f, 40); /* nobody takes them */
	assert_true(frames_lost(f) > 0);
}

static void reports_become_entries(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	skip_frames(f);
	assert_true(domain(f, 10)->flags & DOMAIN_SNOOPING);
	assert_true(domain(f, 10)->flags & DOMAIN_ENFORCED);
	assert_true(domain(f, 10)->flags & DOMAIN_ENFORCED << DOMAIN_FAMILY_BITS);
	report(f, 0, 0, 0x16, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "0");
	report(f, 2, 10, 0x16, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "0,2");
	report(f, 2, 0, 0x16, "239.1.1.1");
	expect_group(f, 20, "239.1.1.1", "2");
	report(f, 1, 0, 131, "ff15::1");
	expect_group(f, 10, "ff15::1", "1");
	expect_nothing(f); /* nobody to tell */
	/* a VLAN that the port is not in */
	report(f, 0, 20, 0x16, "239.1.1.2");
	report(f, 3, 10, 0x16, "239.1.1.2");
	expect_group(f, 20, "239.1.1.2", "no entry");
	expect_group(f, 10, "239.1.1.2", "no entry");
	wait(f, 261);
	expect_group(f, 10, "239.1.1.1", "no entry");
}

static void sources_become_entries(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	record(f, 0, 0, 5, "239.1.1.1", "10.0.0.1");
	expect_group(f, 10, "239.1.1.1", "-");
	assert_true(any_entry(f, 10, "239.1.1.1")->flags & GROUP_SOURCES);
	assert_false(any_entry(f, 10, "239.1.1.1")->flags & GROUP_ABSENT);
	expect_set(f, &source_entry(f, 10, "239.1.1.1", "10.0.0.1")->ports, "0");
	report(f, 1, 0, 0x16, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "1");
	expect_set(f, &source_entry(f, 10, "239.1.1.1", "10.0.0.1")->ports, "0,1");
	wait(f, 261);
	assert_null(source_entry(f, 10, "239.1.1.1", "10.0.0.1"));
	assert_null(any_entry(f, 10, "239.1.1.1"));
}

static void frames_go_to_routers(void **state)
{
	struct fixture *f = *state;
	const struct frame_slot *slot;

	wait(f, 12);
	skip_frames(f);
	hello(f, 2, 10); /* is flooded in its VLAN */
	expect_out(f, 0, 0);
	expect_out(f, 1, 0);
	expect_nothing(f);
	expect_set(f, &domain(f, 10)->routers[BRIDGE_IPV4], "2");
	expect_set(f, &domain(f, 20)->routers[BRIDGE_IPV4], "-");
	report(f, 0, 0, 0x16, "239.1.1.1");
	slot = expect_out(f, 2, 10);
	assert_int_equal(slot->data[11], 9); /* the host's own frame */
	expect_nothing(f);
	report(f, 1, 0, 0x16, "239.1.1.1");
	expect_out(f, 2, 10);
	report(f, 0, 0, 0x17, "239.1.1.1"); /* held; asked out of that port */
	slot = expect_out(f, 0, 0);
	assert_memory_equal(slot->data + 6, &interface_find(f->model, "b0")->mac, 6);
	expect_nothing(f);
	wait(f, 105);
	expect_set(f, &domain(f, 10)->routers[BRIDGE_IPV4], "-");
}

/* As the data plane has it with frames that it forwards itself. */
static void frames_keep_their_priority(void **state)
{
	struct fixture *f = *state;

	say(f, "port set p1 trunk 10,20 native 20"); /* VLAN 10 with a tag, as p2 has it */
	wait(f, 12);
	say(f, "bridge router add b0 vlan 10 port p1");
	skip_frames(f);
	report(f, 2, 5 << 13 | 1 << 12 | 10, 0x16, "239.1.1.1");
	assert_int_equal(expect_out(f, 1, 10)->data[14] >> 4, 5 << 1 | 1);
	report(f, 2, 10, 0x16, "239.1.1.1");
	assert_int_equal(expect_out(f, 1, 10)->data[14] >> 4, 0);
	report(f, 0, 6 << 13, 0x16, "239.1.1.1"); /* a priority tag */
	assert_int_equal(expect_out(f, 1, 10)->data[14] >> 4, 6 << 1);
	report(f, 0, 0, 0x16, "239.1.1.1");
	assert_int_equal(expect_out(f, 1, 10)->data[14] >> 4, 0);
	expect_group(f, 10, "239.1.1.1", "0,2");
	hello(f, 2, 3 << 13 | 10); /* untagged where the VLAN is native */
	expect_out(f, 0, 0);
	assert_int_equal(expect_out(f, 1, 10)->data[14] >> 4, 3 << 1);
	expect_nothing(f);
}

static void isolated_ports_hear_nothing_of_each_other(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	say(f, "port set p0 isolated on");
	say(f, "port set p1 isolated on");
	say(f, "bridge router add b0 vlan 10 port p1");
	wait(f, 5);
	skip_frames(f);
	report(f, 0, 0, 0x16, "239.1.1.1");
	expect_nothing(f);
	hello(f, 0, 0);
	expect_out(f, 2, 10);
	expect_nothing(f);
}

/* snoop_port_set, as linked. */
static unsigned int ports_set;

int __real_snoop_port_set(struct snoop *snoop, const struct snoop_domain_key *key,
			  unsigned int number, const struct snoop_port_settings *settings,
			  uint64_t now);
int __wrap_snoop_port_set(struct snoop *snoop, const struct snoop_domain_key *key,
			  unsigned int number, const struct snoop_port_settings *settings,
			  uint64_t now);
int __wrap_snoop_port_set(struct snoop *snoop, const struct snoop_domain_key *key,
			  unsigned int number, const struct snoop_port_settings *settings,
			  uint64_t now)
{
	ports_set++;
	return __real_snoop_port_set(snoop, key, number, settings, now);
}

/* With many VLANs on many ports, work for others' would take as long as many frames. */
static void links_are_looked_at_alone(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 1, 2 };
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 2, 10, 0x16, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "2");
	for (unsigned int up = 0; up < 2; up++) {
		ports_set = 0;
		dataplane_answers(f, 2, mac, up != 0);
		wait(f, 0.1);
		assert_int_equal(ports_set, 2); /* its VLANs */
		expect_group(f, 10, "239.1.1.1", "no entry");
	}
}

static void links_and_states(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 1, 0 };
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 1, 0, 0x16, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "0,1");
	dataplane_answers(f, 0, mac, false);
	wait(f, 0.1);
	expect_group(f, 10, "239.1.1.1", "1");
	say(f, "port set p1 down");
	wait(f, 0.1);
	expect_group(f, 10, "239.1.1.1", "no entry");
	skip_frames(f);
	dataplane_answers(f, 0, mac, true);
	wait(f, 0.1);
	expect_out(f, 0, 0); /* asked at once */
}

/* What was asked before the data plane had the port got lost: asked again once it has it. */
static void first_link(void **state)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 1, 9 };
	struct fixture *f = *state;

	wait(f, 12);
	say(f, "port add p4 devargs net_null4 bridge b0 vlan 10");
	wait(f, 0.1);
	skip_frames(f);
	const struct interface_object *port = interface_get(f->model, "p4", &f->error);
	dataplane_answers(f, port->index, mac, true);
	wait(f, 0.1);
	expect_out(f, port->index, 0);
	expect_out(f, port->index, 0);
	dataplane_answers(f, port->index, mac, true);
	wait(f, 0.1);
	expect_nothing(f);
}

static void static_groups_and_routers(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge group add b0 239.9.9.9 port p0");
	say(f, "bridge group add b0 vlan 10 239.9.9.9 port p2");
	say(f, "bridge group add b0 239.9.9.8 source 10.0.0.1 port p3");
	say(f, "bridge router add b0 vlan 10 port p2");
	wait(f, 0.1);
	expect_group(f, 10, "239.9.9.9", "0,2");
	expect_set(f, &source_entry(f, 20, "239.9.9.8", "10.0.0.1")->ports, "3");
	expect_set(f, &domain(f, 10)->routers[BRIDGE_IPV6], "2");
	refused(f, "bridge group add b0 239.9.9.9 port p0", "exists already");
	refused(f, "bridge group add b0 vlan 20 239.9.9.9 port p0", "not in VLAN 20");
	refused(f, "bridge group add b0 10.0.0.1 port p0", "expected a multicast address");
	refused(f, "bridge group add b0 224.0.0.5 port p0", "expected a multicast address");
	refused(f, "bridge group add b0 239.9.9.9 source 239.1.1.1 port p0", "expected a unicast");
	refused(f, "bridge group add b0 port p0", "expected the group");
	refused(f, "bridge group del b0 239.9.9.7 port p0", "does not exist");
	refused(f, "port set p0 bridge none", "in use by bridge group 239.9.9.9");
	refused(f, "port set p2 trunk 20", "in use by bridge group 239.9.9.9");
	refused(f, "port del p0", "in use by bridge group 239.9.9.9");
	char *text = configuration(f);
	assert_non_null(strstr(text, "bridge group add b0 239.9.9.9 port p0\n"));
	assert_non_null(strstr(text, "bridge group add b0 vlan 10 239.9.9.9 port p2\n"));
	assert_non_null(strstr(text, "bridge group add b0 239.9.9.8 source 10.0.0.1 port p3\n"));
	assert_non_null(strstr(text, "bridge router add b0 vlan 10 port p2\n"));
	free(text);
	say(f, "bridge group del b0 239.9.9.9 port p0");
	say(f, "bridge router del b0 vlan 10 port p2");
	wait(f, 0.1);
	expect_group(f, 10, "239.9.9.9", "2");
	expect_set(f, &domain(f, 10)->routers[BRIDGE_IPV6], "-");
	say(f, "bridge multicast add p0 group-limit 1");
	refused(f, "port del p0", "in use by bridge multicast");
	say(f, "bridge multicast del p0");
	say(f, "bridge router add b0 port p0");
	refused(f, "port del p0", "in use by bridge router");
	say(f, "bridge router del b0 port p0");
	say(f, "port del p0");
}

/* Always, never, per family; what a family says goes before what both are said. */
static void router_modes(void **state)
{
	struct fixture *f = *state;

	say(f, "bridge router add b0 port p3 never");
	say(f, "bridge router add b0 port p3 family ipv6");
	hello(f, 3, 0);
	expect_set(f, &domain(f, 20)->routers[BRIDGE_IPV4], "-");
	expect_set(f, &domain(f, 20)->routers[BRIDGE_IPV6], "3");
	refused(f, "bridge router add b0 port p3 always", "exists already");
	char *text = configuration(f);
	assert_non_null(strstr(text, "bridge router add b0 port p3 never\n"));
	assert_non_null(strstr(text, "bridge router add b0 port p3 family ipv6\n"));
	free(text);
	say(f, "bridge router del b0 port p3 family ipv6");
	wait(f, 0.1);
	expect_set(f, &domain(f, 20)->routers[BRIDGE_IPV6], "-");
	say(f, "bridge router del b0 port p3");
	wait(f, 0.1); /* what was heard meanwhile counts */
	expect_set(f, &domain(f, 20)->routers[BRIDGE_IPV4], "3");
}

/* Queries that leave now, of both families: by how many ports. */
static unsigned int queries(struct fixture *f)
{
	const struct frame_slot *slot;
	unsigned int count = 0;

	wait(f, 0.1);
	while ((slot = injected(f)) != NULL) {
		size_t at = slot->data[12] == 0x81 ? 18 : 14;
		count += slot->data[at] >> 4 == 4 ? slot->data[at + 24] == 0x11
						  : slot->data[at + 48] == 130;
	}
	return count;
}

static void topology_changes(void **state)
{
	static const uint8_t bpdu[] = { 1, 0x80, 0xc2, 0,    0,    0, 2, 0, 0, 0,   0,
					9, 0,    7,    0x42, 0x42, 3, 0, 0, 0, 0x80 };
	struct fixture *f = *state;

	wait(f, 50);
	queries(f);
	say(f, "bridge topology change b0");
	assert_int_equal(queries(f), 2 * 5); /* 3 ports of VLAN 10, 2 of VLAN 20 */
	say(f, "bridge topology change b0 vlan 20");
	assert_int_equal(queries(f), 2 * 2);
	refused(f, "bridge topology change b0 vlan 30", "bridge b0 has no VLAN 30");
	refused(f, "bridge topology change b9", "does not exist");
	/* bridges say it again and again: one query each response interval */
	wait(f, 100);
	queries(f);
	punt_bytes(f, PUNT_stp, 1, 14, bpdu, sizeof(bpdu));
	assert_int_equal(queries(f), 2 * 5);
	punt_bytes(f, PUNT_stp, 1, 14, bpdu, sizeof(bpdu));
	assert_int_equal(queries(f), 0);
	wait(f, 50);
	queries(f);
	punt_bytes(f, PUNT_stp, 1, 14, bpdu, sizeof(bpdu));
	assert_int_equal(queries(f), 2 * 5);
	punt_bytes(f, PUNT_stp, interface_find(f->model, "b0")->index, 14, bpdu, sizeof(bpdu));
	punt_bytes(f, PUNT_stp, 77, 14, bpdu, sizeof(bpdu));
	char *text = configuration(f);
	assert_null(strstr(text, "topology"));
	free(text);
	say(f, "bridge set b0 snooping off");
	say(f, "bridge topology change b0");
	assert_int_equal(queries(f), 0);
}

static void learn(struct fixture *f, unsigned int port, unsigned int vlan, unsigned int number)
{
	struct learn_producer *ring = &f->instance.state->learn[0];
	uint64_t tail = word_load(&ring->tail);

	ring->slot[tail % LEARN_SLOTS] = (struct learn_event){
		.mac = { 0x0a, 0, 0, 0, (uint8_t)(number >> 8), (uint8_t)number },
		.vlan = (uint16_t)vlan,
		.interface = port,
		.bridge = interface_find(f->model, "b0")->bridge->index,
		.sequence = tail,
	};
	word_store(&ring->tail, tail + 1);
	model_poll(f->model);
}

/* What the tables know: numbers of addresses. */
static void expect_known(struct fixture *f, const char *expected)
{
	char text[64] = "";

	for (uint8_t number = 1; number < 10; number++)
		for (unsigned int vlan = 10; vlan <= 20; vlan += 10) {
			const uint8_t mac[6] = { 0x0a, 0, 0, 0, 0, number };
			struct fdb_key key =
				fdb_key(interface_find(f->model, "b0")->bridge->index, vlan, mac);
			if (fdb_lookup(f->model->tables, &key) != NULL)
				snprintf(text + strlen(text), sizeof(text) - strlen(text), "%u",
					 number);
		}
	assert_string_equal(text, expected);
}

static void learn_all(struct fixture *f)
{
	learn(f, 0, 10, 1);
	learn(f, 1, 10, 2);
	learn(f, 2, 10, 3);
	learn(f, 2, 20, 4);
	learn(f, 3, 20, 5);
	expect_known(f, "123459");
}

static void hear_change(struct fixture *f, unsigned int port)
{
	static const uint8_t bpdu[] = { 1, 0x80, 0xc2, 0,    0,    0, 2, 0, 0, 0,   0,
					9, 0,    7,    0x42, 0x42, 3, 0, 0, 0, 0x80 };

	punt_bytes(f, PUNT_stp, port, 14, bpdu, sizeof(bpdu));
}

/* Learned addresses go, those of the port that hears it stay, static ones too. */
static void topology_changes_flush(void **state)
{
	struct fixture *f = *state;

	wait(f, 1);
	say(f, "bridge fdb add 0a:00:00:00:00:09 dev p1");
	learn_all(f);
	say(f, "bridge topology change b0 vlan 20");
	expect_known(f, "1239");
	say(f, "bridge topology change b0");
	expect_known(f, "9");
	learn_all(f);
	hear_change(f, 2);
	expect_known(f, "123459"); /* not while a frame is looked at */
	wait(f, 0.1);
	expect_known(f, "349");
	say(f, "bridge set b0 snooping off");
	say(f, "bridge topology change b0");
	expect_known(f, "9");
}

/* Once a second, whichever ports hear of it; what several heard meanwhile spares none of them. */
static void topology_changes_are_limited(void **state)
{
	struct fixture *f = *state;

	wait(f, 1);
	say(f, "bridge fdb add 0a:00:00:00:00:09 dev p1");
	hear_change(f, 2);
	wait(f, 0.1);
	learn_all(f);
	hear_change(f, 2);
	hear_change(f, 2);
	wait(f, 0.9);
	expect_known(f, "123459");
	wait(f, 0.1);
	expect_known(f, "349");
	learn_all(f);
	hear_change(f, 2);
	hear_change(f, 0);
	hear_change(f, 3);
	wait(f, 0.9);
	expect_known(f, "123459");
	wait(f, 0.1);
	expect_known(f, "9");
	learn_all(f);
	wait(f, 5);
	expect_known(f, "123459"); /* nobody asked again */
}

/* Of many addresses, so many in a turn. */
static void topology_changes_flush_in_steps(void **state)
{
	enum { STEP = 4096, MANY = 2 * STEP + 100 };
	struct fixture *f = *state;

	wait(f, 1);
	const struct bridge_member *member = interface_find(f->model, "p1")->member;
	for (unsigned int i = 0; i < MANY; i++)
		learn(f, 1, 10, i + 1);
	assert_int_equal(member->learned, MANY);
	hear_change(f, 0);
	wait(f, 0.1);
	assert_in_range(member->learned, MANY - STEP, MANY - STEP + 10);
	wait(f, 0.1);
	assert_in_range(member->learned, MANY - 2 * STEP, MANY - 2 * STEP + 10);
	wait(f, 0.1);
	assert_int_equal(member->learned, 0);
}

static void limits_of_ports(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	say(f, "bridge multicast add p0 fast-leave on group-limit 1 permit 239.1.0.0/16,ff15::/16");
	report(f, 0, 0, 0x16, "239.2.1.1");
	report(f, 0, 0, 0x16, "239.1.1.1");
	report(f, 0, 0, 0x16, "239.1.1.2");
	expect_group(f, 10, "239.2.1.1", "no entry");
	expect_group(f, 10, "239.1.1.2", "no entry");
	expect_group(f, 10, "239.1.1.1", "0");
	report(f, 0, 0, 0x17, "239.1.1.1");
	expect_group(f, 10, "239.1.1.1", "no entry");
	char *text = configuration(f);
	assert_non_null(strstr(text, "bridge multicast add p0 fast-leave on group-limit 1 permit "
				     "239.1.0.0/16,ff15::/16\n"));
	free(text);
	refused(f, "bridge multicast add p1 permit 239.1.0.0", "expected up to 8 ranges");
	refused(f, "bridge multicast add p1 permit 239.1.0.0/33", "expected up to 8 ranges");
	refused(f, "bridge multicast add p1 permit ,", "permit ,: expected up to 8 ranges");
	refused(f, "bridge multicast add p1 permit 10.0.0.0/8", "expected up to 8 ranges");
	refused(f, "bridge multicast add p1 permit 224.0.0.0/3", "expected up to 8 ranges");
	refused(f, "bridge multicast add p1 permit 2001:db8::/32", "expected up to 8 ranges");
	refused(f, "port set p0 bridge none", "in use by bridge multicast");
	say(f, "bridge multicast del p0");
	report(f, 0, 0, 0x16, "239.2.1.1");
	expect_group(f, 10, "239.2.1.1", "0");
	say(f, "bridge set b0 source-limit 1");
	record(f, 1, 0, 5, "239.1.1.1", "10.0.0.1");
	record(f, 1, 0, 5, "239.1.1.1", "10.0.0.2");
	assert_non_null(source_entry(f, 10, "239.1.1.1", "10.0.0.1"));
	assert_null(source_entry(f, 10, "239.1.1.1", "10.0.0.2"));
	say(f, "bridge set b0 fast-leave on");
	report(f, 0, 0, 0x17, "239.2.1.1");
	expect_group(f, 10, "239.2.1.1", "no entry");
}

static void settings_are_configuration(void **state)
{
	static const char line[] =
		"querier on querier-address 10.0.0.7 unknown-multicast router-ports proxy on "
		"igmp-version 2 mld-version 1 fast-leave on query-interval 20s "
		"query-response-interval 5s last-member-interval 500ms last-member-count 3 "
		"robustness 3 startup-query-interval 2s startup-query-count 4 strict on "
		"group-limit 10 source-limit 20";
	struct fixture *f = *state;
	char command[600];

	snprintf(command, sizeof(command), "bridge set b0 snooping off %s", line);
	say(f, command);
	char *text = configuration(f);
	assert_non_null(strstr(text, "snooping off"));
	assert_non_null(strstr(text, line));
	free(text);
	wait(f, 0.1);
	assert_int_equal(domain(f, 10)->flags, 0);
	say(f, "bridge set b0 snooping on");
	wait(f, 7);
	assert_int_equal(domain(f, 10)->flags >> DOMAIN_UNREGISTERED_SHIFT & 3,
			 UNREGISTERED_ROUTERS);
	assert_true(domain(f, 10)->flags & DOMAIN_ENFORCED);
	refused(f, "bridge set b0 querier-address fe80::1", "expected an IPv4");
	refused(f, "bridge set b0 querier-address 255.255.255.255", "255.255.255.255: expected an");
	refused(f, "bridge set b0 querier-address 0.0.0.7", "0.0.0.7: expected an IPv4");
	refused(f, "bridge set b0 query-interval 5s", "expected less than the query interval, 5 s");
	refused(f, "bridge set b0 startup-query-interval 99ms", "0.099 s: expected 0s, or 0.1 s");
	assert_true(domain(f, 10)->flags & DOMAIN_SNOOPING);
	say(f, "bridge set b0 startup-query-interval 0s");
	say(f, "bridge set b0 querier-address 0.0.0.0");
	text = configuration(f);
	assert_null(strstr(text, "querier-address"));
	free(text);
}

/* hash_remove, as linked: an entry goes when the VLAN no longer says that there are entries. */
static struct fixture *watched;
static unsigned int removed;

int __real_hash_remove(struct tables *tables, struct heap *heap, enum hash_table_id id,
		       const void *key);
int __wrap_hash_remove(struct tables *tables, struct heap *heap, enum hash_table_id id,
		       const void *key);
int __wrap_hash_remove(struct tables *tables, struct heap *heap, enum hash_table_id id,
		       const void *key)
{
	if (watched != NULL && (id == HASH_GROUP || id == HASH_GROUP_SOURCE)) {
		removed++;
		assert_int_equal(domain(watched, 10)->flags, 0);
		expect_set(watched, &domain(watched, 10)->member, "0,1,2");
	}
	return __real_hash_remove(tables, heap, id, key);
}

/* Members get their groups all the time. */
static void snooping_ends_by_flooding(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.2", "10.0.0.1");
	watched = f;
	say(f, "bridge set b0 snooping off");
	watched = NULL;
	assert_int_equal(removed, 3);
}

static void bridges_go(void **state)
{
	struct fixture *f = *state;

	wait(f, 12);
	report(f, 0, 0, 0x16, "239.1.1.1");
	record(f, 0, 0, 5, "239.1.1.2", "10.0.0.1");
	for (unsigned int i = 0; i < PORTS; i++) {
		char line[40];
		snprintf(line, sizeof(line), "port set p%u bridge none", i);
		say(f, line);
	}
	say(f, "bridge del b0");
	wait(f, 0.1);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP, NULL, NULL), 0);
	assert_int_equal(hash_walk(f->model->tables, HASH_GROUP_SOURCE, NULL, NULL), 0);
}

static void hostile_frames(void **state)
{
	static const uint8_t packet[] = { 0x45, 0, 0, 28, 0, 0, 0, 0, 1, 2 };
	struct fixture *f = *state;
	uint8_t frame[64] = { 1, 0, 0x5e, 1, 1, 1, 2, 0, 0, 0, 0, 9, 8, 0 };

	memcpy(frame + 14, packet, sizeof(packet));
	skip_frames(f);
	for (size_t length = 0; length < sizeof(frame); length++)
		punt_bytes(f, PUNT_igmp, 0, 14, frame, length);
	frame[12] = 0x81;
	for (size_t length = 0; length < sizeof(frame); length++)
		punt_bytes(f, PUNT_mld, 2, 14, frame, length);
	punt_bytes(f, PUNT_igmp, interface_find(f->model, "b0")->index, 14, frame, sizeof(frame));
	punt_bytes(f, PUNT_igmp, 77, 14, frame, sizeof(frame));
	expect_nothing(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_BRIDGE(queries_leave_as_ports_have_their_vlans),
		IN_BRIDGE(queries_wait_for_room),
		IN_BRIDGE(reports_become_entries),
		IN_BRIDGE(sources_become_entries),
		IN_BRIDGE(frames_go_to_routers),
		IN_BRIDGE(frames_keep_their_priority),
		IN_BRIDGE(isolated_ports_hear_nothing_of_each_other),
		IN_BRIDGE(links_are_looked_at_alone),
		IN_BRIDGE(links_and_states),
		IN_BRIDGE(first_link),
		IN_BRIDGE(static_groups_and_routers),
		IN_BRIDGE(router_modes),
		IN_BRIDGE(topology_changes),
		IN_BRIDGE(topology_changes_flush),
		IN_BRIDGE(topology_changes_are_limited),
		IN_BRIDGE(topology_changes_flush_in_steps),
		IN_BRIDGE(limits_of_ports),
		IN_BRIDGE(settings_are_configuration),
		IN_BRIDGE(snooping_ends_by_flooding),
		IN_BRIDGE(bridges_go),
		IN_BRIDGE(hostile_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
