/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Neighbours: resolution, reachability, ageing, ARP and neighbour discovery; the clock stands still.
 */
#include <stdlib.h>
#include <string.h>
#include "controlplane/protocol/dad.h"
#include "controlplane/protocol/neighbour.h"
#include "controlplane/protocol/punt.h"
#include "dataplane/shm/lpm.h"
#include "dataplane/shm/reason.h"
#include "frames.h"
#include "packet.h"

enum { P0, P1 };

static const uint8_t host_mac[6] = { 2, 0, 0, 0, 0, 9 };

/* Everything without a route is on p0's network, if nobody fills the route tables in. */
static void glean(struct fixture *f)
{
	_Atomic uint32_t *root = f->model->tables->route_root[0];
	static const uint8_t ipv4[16] = { 10, 0, 0, 9 };
	static const uint8_t ipv6[16] = { 0x20, 1, 0x0d, 0xb8, [15] = 9 };

	if (lpm_lookup(f->model->tables, &root[ROUTE_IPV4], ipv4) == LPM_NONE)
		root[ROUTE_IPV4] = route_leaf(ROUTE_GLEAN, P0);
	if (lpm_lookup(f->model->tables, &root[ROUTE_IPV6], ipv6) == LPM_NONE)
		root[ROUTE_IPV6] = route_leaf(ROUTE_GLEAN, P0);
}

static int setup(void **state)
{
	fixture_ports(state);
	struct fixture *f = *state;
	say(f, "address add 2001:db8::1/64 dev p0");
	glean(f);
	skip_frames(f);
	clock_stop(f);
	return 0;
}

static struct neighbour_object *neighbour(struct fixture *f, const char *text)
{
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	return neighbour_find(f->model, &address, f->model->interface[P0]);
}

static void expect_state(struct fixture *f, const char *text, enum neighbour_state state)
{
	const struct neighbour_object *found = neighbour(f, text);

	if (found == NULL)
		fail_msg("%s is not there", text);
	assert_int_equal(found->state, state);
}

static const struct neighbour_entry *entry(struct fixture *f, const char *text)
{
	struct neighbour_key key = { .interface = P0 };
	struct address address;

	assert_int_equal(address_parse(text, &address), 0);
	memcpy(key.address, address.bytes, 16);
	return hash_lookup(f->model->tables, HASH_NEIGHBOUR, &key, sizeof(key));
}

static void learn_9(struct fixture *f)
{
	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	skip_frames(f);
	expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
}

/* ---------------------------------------------------------------- resolution */

static void packets_wait_for_the_answer(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	expect_frame(f, P0, ARP_ASK_9);
	expect_nothing(f);
	expect_state(f, "10.0.0.9", NEIGHBOUR_INCOMPLETE);
	assert_null(entry(f, "10.0.0.9"));
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	expect_frame(f, P0, UDP_OUT_0);
	expect_nothing(f);
	expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
	assert_non_null(entry(f, "10.0.0.9"));
	assert_int_equal(entry(f, "10.0.0.9")->origin, ORIGIN_LEARNED);
	assert_memory_equal(entry(f, "10.0.0.9")->mac, host_mac, 6);
	/* what was punted before the tables knew it goes at once */
	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_1);
	expect_frame(f, P0, UDP_OUT_1);
	assert_int_equal(f->model->packet_count, 0);
}

static void ipv6_packets_wait_too(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP6_IN);
	expect_frame(f, P0, NS_ASK_9);
	expect_nothing(f);
	punt_text(f, PUNT_nd, P0, 14, NA_FROM_9);
	expect_frame(f, P0, UDP6_OUT);
	expect_nothing(f);
	expect_state(f, "2001:db8::9", NEIGHBOUR_REACHABLE);
}

static void the_last_ones_are_kept(void **state)
{
	static const char *const in[] = { UDP_IN_0, UDP_IN_1, UDP_IN_2, UDP_IN_3, UDP_IN_4 };
	struct fixture *f = *state;

	/* an 8,000-byte ping in links of 1,280 is 7 fragments: they find room */
	assert_in_range(NEIGHBOUR_PACKETS, 7, 64);
	for (size_t i = 0; i < NEIGHBOUR_PACKETS - 3; i++)
		punt_text(f, PUNT_neighbour_unknown, P1, 14, in[i % 2]);
	for (size_t i = 0; i < 5; i++)
		punt_text(f, PUNT_neighbour_unknown, P1, 14, in[i]);
	expect_frame(f, P0, ARP_ASK_9);
	expect_nothing(f); /* asked once */
	assert_int_equal(f->model->counters.packets_dropped, 2);
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	for (size_t i = 0; i < NEIGHBOUR_PACKETS - 3; i++)
		assert_non_null(injected(f));
	expect_frame(f, P0, UDP_OUT_2);
	expect_frame(f, P0, UDP_OUT_3);
	expect_frame(f, P0, UDP_OUT_4);
	expect_nothing(f);
}

static void waiting_packets_are_bounded(void **state)
{
	struct fixture *f = *state;
	uint8_t frame[256];
	size_t length = bytes(UDP_IN_0, frame);

	f->model->tables->route_root[0][ROUTE_IPV4] = route_leaf(ROUTE_GLEAN, P0);
	say(f, "address add 10.64.0.1/16 dev p0");
	f->model->tables->route_root[0][ROUTE_IPV4] = route_leaf(ROUTE_GLEAN, P0);
	for (unsigned int i = 0; i < 1200; i++) {
		memcpy(frame + 14 + 16,
		       (uint8_t[]){ 10, 64, (uint8_t)(2 + i / 200), (uint8_t)(1 + i % 200) }, 4);
		punt_bytes(f, PUNT_neighbour_unknown, P1, 14, frame, length);
		skip_frames(f);
	}
	assert_int_equal(f->model->packet_count, NEIGHBOUR_PACKETS_MAX);
	assert_int_equal(f->model->counters.packets_dropped, 1200 - NEIGHBOUR_PACKETS_MAX);
	for (int i = 0; i < 50; i++) {
		clock_advance(f, 0.1);
		skip_frames(f);
	}
	assert_int_equal(f->model->packet_count, 0);
	assert_int_equal(f->model->dynamic_count, 0); /* nobody answered: all forgotten */
}

static void nobody_there_is_told(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	expect_frame(f, P0, ARP_ASK_9);
	clock_advance(f, 1);
	expect_frame(f, P0, ARP_ASK_9);
	clock_advance(f, 1);
	expect_frame(f, P0, ARP_ASK_9);
	clock_advance(f, 0.9);
	expect_nothing(f);
	clock_advance(f, 0.1);
	expect_frame(f, P1, HOST_UNREACHABLE);
	expect_nothing(f);
	assert_null(neighbour(f, "10.0.0.9"));
	assert_int_equal(f->model->dynamic_count, 0);
}

/* ---------------------------------------------------------------- nexthops */

static uint32_t nexthop_of(struct fixture *f, uint32_t label)
{
	return label_index(word_of(f, label));
}

static enum nexthop_kind kind_of(struct fixture *f, uint32_t label)
{
	return nexthop_kind(word_load(&f->model->tables->nexthop[nexthop_of(f, label)]));
}

static void nexthops_ask_until_answered(void **state)
{
	static const unsigned int waits[] = { 1, 1, 3, 4, 8, 16, 32, 60, 60 };
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	punt_poll(f->model);
	assert_int_equal(kind_of(f, 100), NEXTHOP_UNRESOLVED);
	expect_frame(f, P0, ARP_ASK_9);
	for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
		clock_advance(f, waits[i] - 0.1);
		expect_nothing(f);
		clock_advance(f, 0.1);
		expect_frame(f, P0, ARP_ASK_9);
	}
	expect_state(f, "10.0.0.9", NEIGHBOUR_FAILED);
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	assert_int_equal(kind_of(f, 100), NEXTHOP_FORWARD);
	assert_memory_equal(rewrite_of(f, nexthop_of(f, 100))->header + 10, host_mac, 6);
	say(f, "mpls del 100");
	expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
}

static void a_packet_ends_the_waiting(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	clock_advance(f, 80);
	skip_frames(f);
	expect_state(f, "10.0.0.9", NEIGHBOUR_FAILED);
	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	expect_nothing(f);
	clock_advance(f, 1);
	expect_frame(f, P0, ARP_ASK_9);
}

static void a_new_mac_is_one_new_rewrite(void **state)
{
	static const uint8_t new_mac[6] = { 2, 0, 0, 0, 0, 0x99 };
	struct fixture *f = *state;

	punt_text(f, PUNT_arp, P0, 14, ARP_GRATUITOUS_9);
	assert_null(neighbour(f, "10.0.0.9")); /* updates known ones only */
	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	uint32_t index = nexthop_of(f, 100);
	assert_memory_equal(rewrite_of(f, index)->header + 10, host_mac, 6);
	punt_text(f, PUNT_arp, P0, 14, ARP_GRATUITOUS_9);
	assert_int_equal(nexthop_of(f, 100), index);
	assert_int_equal(kind_of(f, 100), NEXTHOP_FORWARD);
	assert_memory_equal(rewrite_of(f, index)->header + 10, new_mac, 6);
	assert_memory_equal(entry(f, "10.0.0.9")->mac, new_mac, 6);
	expect_state(f, "10.0.0.9", NEIGHBOUR_STALE);
}

/* ---------------------------------------------------------------- reachability */

static void confirmed_before_it_expires(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	for (int i = 0; i < 3; i++) {
		clock_advance(f, 299.9);
		expect_nothing(f);
		clock_advance(f, 0.2);
		expect_frame(f, P0, ARP_ASK_9_UNICAST);
		expect_state(f, "10.0.0.9", NEIGHBOUR_PROBE);
		assert_int_equal(kind_of(f, 100), NEXTHOP_FORWARD);
		punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
		expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
	}
}

static void lost_when_nobody_answers(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	clock_advance(f, 300);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(kind_of(f, 100), NEXTHOP_FORWARD);
		expect_frame(f, P0, i < 3 ? ARP_ASK_9_UNICAST : ARP_ASK_9);
		expect_nothing(f);
		clock_advance(f, 1);
	}
	assert_int_equal(kind_of(f, 100), NEXTHOP_UNRESOLVED);
	assert_null(entry(f, "10.0.0.9"));
	expect_state(f, "10.0.0.9", NEIGHBOUR_FAILED);
	say(f, "mpls del 100");
	clock_advance(f, 61);
	assert_null(neighbour(f, "10.0.0.9"));
}

static void unused_ones_age(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	clock_advance(f, 307);
	assert_null(neighbour(f, "10.0.0.9"));
	assert_null(entry(f, "10.0.0.9"));
	assert_int_equal(f->model->dynamic_count, 0);
	assert_int_equal(f->model->interface[P0]->dynamic, 0);
}

static void nobody_ages_while_nothing_can_be_asked(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	dataplane_answers(f, 0, port_macs[0], false);
	clock_advance(f, 1000);
	assert_non_null(entry(f, "10.0.0.9"));
	skip_frames(f);
	dataplane_answers(f, 0, port_macs[0], true);
	punt_poll(f->model);
	clock_advance(f, 0.1); /* spread by some milliseconds */
	expect_frame(f, P0, ARP_ANNOUNCE);
	expect_frame(f, P0, NA_ALL);
	expect_frame(f, P0, ARP_ASK_9_UNICAST); /* another machine may be there now */
	skip_frames(f);
	dataplane_end(f);
	model_poll(f->model);
	clock_advance(f, 1000);
	assert_non_null(entry(f, "10.0.0.9"));
}

static void restart(struct fixture *f)
{
	char *lines = configuration(f), *rest = lines, *line;

	model_end(f);
	model_begin(f, 0);
	f->model->clock = NULL;
	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != 0)
			say(f, line);
	free(lines);
}

static void taken_over_after_a_restart(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	uint32_t index = nexthop_of(f, 100);
	uint64_t word = word_load(&f->model->tables->nexthop[index]);
	for (int answered = 1; answered >= 0; answered--) {
		restart(f);
		model_settle(f->model);
		clock_stop(f);
		assert_int_equal(nexthop_of(f, 100), index);
		assert_int_equal(word_load(&f->model->tables->nexthop[index]), word);
		expect_state(f, "10.0.0.9", NEIGHBOUR_STALE);
		model_poll(f->model);
		skip_frames(f);
		glean(f);
		clock_advance(f, 0.2);
		expect_state(f, "10.0.0.9", NEIGHBOUR_PROBE);
		if (answered) {
			punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
			expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
		}
	}
	clock_advance(f, 7);
	assert_int_equal(kind_of(f, 100), NEXTHOP_UNRESOLVED);
	assert_null(entry(f, "10.0.0.9"));
}

/* ---------------------------------------------------------------- ARP */

static void requests_teach_and_are_answered(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_arp, P0, 14, ARP_REQUEST_9);
	expect_frame(f, P0, ARP_REPLY_9);
	expect_nothing(f);
	expect_state(f, "10.0.0.9", NEIGHBOUR_STALE);
	clock_advance(f, 5);
	expect_frame(f, P0, ARP_ASK_9_UNICAST); /* does it hear us? */
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
}

static void unasked_replies_teach_nothing(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	assert_null(neighbour(f, "10.0.0.9"));
	/* nor does the wrong interface, nor a host that cannot be there */
	punt_text(f, PUNT_arp, P1, 14, ARP_REQUEST_9);
	assert_int_equal(f->model->dynamic_count, 0);
	uint8_t frame[64];
	size_t length = bytes(ARP_REQUEST_9, frame);
	static const uint8_t senders[][4] = { { 10, 0, 0, 255 },
					      { 10, 0, 0, 0 },
					      { 192, 0, 2, 1 },
					      { 0, 0, 0, 0 },
					      { 224, 0, 0, 1 } };
	for (size_t i = 0; i < sizeof(senders) / 4; i++) {
		memcpy(frame + 28, senders[i], 4);
		punt_bytes(f, PUNT_arp, P0, 14, frame, length);
	}
	assert_int_equal(f->model->dynamic_count, 0);
}

static void duplicates_are_noticed(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_arp, P0, 14, ARP_DUPLICATE);
	assert_int_equal(f->model->counters.duplicates, 1);
	assert_non_null(strstr(f->model->error, "10.0.0.1 of p0 is used by 02:00:00:00:00:99 too"));
	expect_frame(f, P0, ARP_ANNOUNCE);
	punt_text(f, PUNT_arp, P0, 14, ARP_DUPLICATE); /* not again so soon */
	assert_int_equal(f->model->counters.duplicates, 2);
	expect_nothing(f);
	punt_text(f, PUNT_arp, P0, 14, ARP_ANNOUNCE); /* our own, come back */
	assert_int_equal(f->model->counters.duplicates, 2);
	punt_text(f, PUNT_nd, P0, 14, NA_DUPLICATE);
	assert_int_equal(f->model->counters.duplicates, 3);
	expect_nothing(f);
}

static void static_ones_stay_as_they_are(void **state)
{
	struct fixture *f = *state;

	say(f, "neigh add 10.0.0.9 lladdr 02:00:00:00:00:77 dev p0");
	punt_text(f, PUNT_arp, P0, 14, ARP_REQUEST_9);
	punt_text(f, PUNT_arp, P0, 14, ARP_GRATUITOUS_9);
	punt_text(f, PUNT_arp, P0, 14, ARP_ANSWER_9);
	assert_int_equal(neighbour(f, "10.0.0.9")->mac[5], 0x77);
	assert_int_equal(entry(f, "10.0.0.9")->origin, ORIGIN_STATIC);
	clock_advance(f, 400);
	assert_non_null(entry(f, "10.0.0.9"));
}

static void static_ones_replace_learned_ones(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	skip_frames(f);
	say(f, "neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev p0");
	clock_advance(f, 0.1);
	expect_frame(f, P0, UDP_OUT_0); /* what waited */
	expect_nothing(f);
	assert_int_equal(f->model->dynamic_count, 0);
	say(f, "neigh del 10.0.0.9 dev p0");
	assert_null(neighbour(f, "10.0.0.9"));
}

/* ---------------------------------------------------------------- neighbour discovery */

static void solicitations_are_answered(void **state)
{
	struct fixture *f = *state;

	punt_text(f, PUNT_nd, P0, 14, NS_FROM_9);
	expect_frame(f, P0, NA_TO_9);
	expect_nothing(f);
	expect_state(f, "2001:db8::9", NEIGHBOUR_STALE);
	clock_advance(f, 5);
	expect_frame(f, P0, NS_PROBE_9);
	punt_text(f, PUNT_nd, P0, 14, NA_FROM_9);
	expect_state(f, "2001:db8::9", NEIGHBOUR_REACHABLE);
	punt_text(f, PUNT_nd, P0, 14, NS_LINK_LOCAL);
	expect_frame(f, P0, NA_LINK_LOCAL);
	expect_state(f, "fe80::ff:fe00:9", NEIGHBOUR_STALE);
	punt_text(f, PUNT_nd, P0, 14, NS_DAD);
	expect_frame(f, P0, NA_ALL);
	expect_nothing(f);
	punt_text(f, PUNT_nd, P0, 14, RS);
	expect_nothing(f);
	assert_int_equal(f->model->counters.router_solicitations, 1);
	assert_int_equal(f->model->counters.nd_invalid, 0);
}

static void new_addresses_are_announced(void **state)
{
	struct fixture *f = *state;

	/* behind the probe, and alone: what was there before is known */
	say(f, "address del 2001:db8::1/64 dev p0");
	say(f, "address add 2001:db8::1/64 dev p0");
	clock_advance(f, 1.2);
	assert_non_null(injected(f));
	expect_nothing(f);
	clock_advance(f, 1.2);
	expect_frame(f, P0, NA_ALL);
	expect_nothing(f);
	say(f, "address add 10.0.0.77/24 dev p0");
	clock_advance(f, 3.5);
	for (unsigned int i = 0; i < DAD_ARP_PROBES; i++)
		assert_non_null(injected(f));
	expect_nothing(f);
	clock_advance(f, 2);
	const struct frame_slot *slot = injected(f);
	assert_non_null(slot);
	assert_memory_equal(slot->data + 28, ((uint8_t[]){ 10, 0, 0, 77 }), 4);
	assert_memory_equal(slot->data + 38, ((uint8_t[]){ 10, 0, 0, 77 }), 4);
	expect_nothing(f);
	say(f, "address del 10.0.0.77/24 dev p0");
	/* a duplicate is not */
	say(f, "address del 2001:db8::1/64 dev p0");
	say(f, "address add 2001:db8::1/64 dev p0");
	punt_text(f, PUNT_nd, P0, 14, NA_DUPLICATE);
	clock_advance(f, 5);
	expect_nothing(f);
	/* another link: at once, and again once nobody has answered */
	dataplane_answers(f, 0, port_macs[0], false);
	clock_advance(f, 0.1);
	dataplane_answers(f, 0, port_macs[0], true);
	punt_poll(f->model);
	expect_frame(f, P0, ARP_ANNOUNCE);
	expect_frame(f, P0, NA_ALL);
	expect_nothing(f);
}

/* Behind a tunnel nobody is asked. */
static void addresses_without_a_link_are_preferred(void **state)
{
	struct fixture *f = *state;

	say(f, "tunnel add t0 mode gre local 10.0.0.1 remote 10.0.0.9");
	say(f, "address add 198.51.100.1/24 dev t0");
	say(f, "loopback add lo0");
	say(f, "address add 2001:db8:5::1/128 dev lo0");
	assert_int_equal(f->model->tentative, 2);
	clock_advance(f, 0.1);
	assert_int_equal(f->model->tentative, 0);
}

static const char *state_of(struct fixture *f, const char *prefix)
{
	static char state[16];
	char line[64];

	snprintf(line, sizeof(line), "address show %s", prefix);
	json_t *rows = show(f, line);
	snprintf(state, sizeof(state), "%s",
		 json_string_value(json_object_get(json_array_get(rows, 0), "state")));
	json_decref(rows);
	return state;
}

/* Frames of p0 in `seconds` that are ARP requests from 0.0.0.0, or solicitations from ::. */
static unsigned int probes_in(struct fixture *f, unsigned int seconds, bool ipv4)
{
	static const uint8_t nobody[16];
	const struct frame_slot *slot;
	unsigned int count = 0;

	clock_advance(f, seconds);
	while ((slot = injected(f)) != NULL) {
		bool arp = slot->data[12] == 8 && slot->data[13] == 6;
		bool nd = slot->data[12] == 0x86 && slot->data[20] == 58;
		if (ipv4 && arp && memcmp(slot->data + 28, nobody, 4) == 0) {
			assert_memory_equal(slot->data + 38, ((uint8_t[]){ 10, 0, 0, 77 }), 4);
			count++;
		}
		if (!ipv4 && nd && memcmp(slot->data + 22, nobody, 16) == 0) {
			assert_int_equal(slot->data[14 + 40], 135);
			assert_int_equal(slot->length, 14 + 40 + 24); /* no option */
			count++;
		}
	}
	return count;
}

/* RFC 5227 2.1, RFC 4862 5.4: asked for, and ours if nobody answers. */
static void duplicates_are_looked_for(void **state)
{
	struct fixture *f = *state;

	say(f, "address add 10.0.0.77/24 dev p0");
	assert_string_equal(state_of(f, "10.0.0.77/24"), "tentative");
	assert_string_equal(state_of(f, "10.0.0.1/24"), "preferred");
	skip_frames(f);
	assert_int_equal(probes_in(f, 8, true), 3);
	assert_string_equal(state_of(f, "10.0.0.77/24"), "preferred");
	assert_int_equal(f->model->tentative, 0);

	say(f, "address add 2001:db8::77/64 dev p0");
	skip_frames(f);
	assert_int_equal(probes_in(f, 4, false), 1);
	assert_string_equal(state_of(f, "2001:db8::77/64"), "preferred");

	/* another link, perhaps */
	dataplane_answers(f, 0, port_macs[0], false);
	clock_advance(f, 1);
	dataplane_answers(f, 0, port_macs[0], true);
	clock_advance(f, 0.1);
	assert_string_equal(state_of(f, "10.0.0.77/24"), "tentative");
	clock_advance(f, 10);
	assert_string_equal(state_of(f, "10.0.0.77/24"), "preferred");
}

/* Somebody answers, or asks for the same: it is said, and the address stays. */
static void duplicates_are_found(void **state)
{
	/* a reply, and a probe, from 02:..:09: both for 10.0.0.1 */
	static const char *const frames[] = {
		"0200000000100200000000090806 0001080006040002 020000000009 0a000001 "
		"020000000010 0a000001",
		"ffffffffffff0200000000090806 0001080006040001 020000000009 00000000 "
		"000000000000 0a000001",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < 2; i++) {
		struct address_object *first = f->model->addresses;
		first->state = ADDRESS_TENTATIVE;
		f->model->tentative = 1;
		uint64_t duplicates = f->model->counters.duplicates;
		punt_text(f, PUNT_arp, P0, 14, frames[i]);
		assert_string_equal(state_of(f, "10.0.0.1/24"), "duplicate");
		assert_int_equal(f->model->tentative, 0);
		assert_int_equal(f->model->counters.duplicates, duplicates + 1);
		assert_non_null(injected(f)); /* defended */
		skip_frames(f);
	}
	/* once it is ours, a probe is a request as any other */
	addresses_preferred(f);
	punt_text(f, PUNT_arp, P0, 14, frames[1]);
	assert_string_equal(state_of(f, "10.0.0.1/24"), "preferred");
	assert_non_null(injected(f));
}

static void bad_solicitations_are_counted(void **state)
{
	enum { IP = 14, MESSAGE = 54 };
	static const struct {
		const char *what;
		size_t at;
		uint8_t value;
		bool sum; /* mended */
	} cases[] = {
		{ "hop limit", IP + 7, 254, false },
		{ "checksum", MESSAGE + 2, 0x12, false },
		{ "code", MESSAGE + 1, 1, true },
		{ "length beyond the frame", IP + 5, 33, false },
		{ "length short of the target", IP + 5, 23, true },
		{ "target is multicast", MESSAGE + 8, 0xff, true },
		{ "option of length 0", MESSAGE + 25, 0, true },
		{ "option longer than the message", MESSAGE + 25, 2, true },
		{ "multicast MAC", MESSAGE + 26, 3, true },
		{ "source is multicast", IP + 8, 0xff, true },
	};
	struct fixture *f = *state;
	uint8_t frame[256];
	size_t length = bytes(NS_FROM_9, frame);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bytes(NS_FROM_9, frame);
		frame[cases[i].at] = cases[i].value;
		if (cases[i].sum)
			ip_checksums(frame + IP, 40u + frame[IP + 5]);
		punt_bytes(f, PUNT_nd, P0, IP, frame, length);
		if (f->model->counters.nd_invalid != i + 1)
			fail_msg("%s: not counted", cases[i].what);
		expect_nothing(f);
	}
	/* from nowhere with a source option, or not to the group */
	bytes(NS_FROM_9, frame);
	memset(frame + IP + 8, 0, 16);
	ip_checksums(frame + IP, 72);
	punt_bytes(f, PUNT_nd, P0, IP, frame, length);
	assert_int_equal(f->model->counters.nd_invalid, 11);
	assert_int_equal(f->model->dynamic_count, 0);
}

/* RFC 4861 7.2.5, appendix C: state before, what the advertisement says, state and MAC after. */
static void advertisements_follow_the_table(void **state)
{
	static const struct {
		enum neighbour_state before;
		unsigned int flags; /* 4: solicited, 2: override */
		bool option, other;
		enum neighbour_state after;
		bool changed;
	} cases[] = {
		{ NEIGHBOUR_INCOMPLETE, 4, true, false, NEIGHBOUR_REACHABLE, false },
		{ NEIGHBOUR_INCOMPLETE, 0, true, false, NEIGHBOUR_STALE, false },
		{ NEIGHBOUR_INCOMPLETE, 6, false, false, NEIGHBOUR_INCOMPLETE, false },
		{ NEIGHBOUR_REACHABLE, 4, true, true, NEIGHBOUR_STALE, false },
		{ NEIGHBOUR_REACHABLE, 0, true, true, NEIGHBOUR_STALE, false },
		{ NEIGHBOUR_STALE, 4, true, true, NEIGHBOUR_STALE, false },
		{ NEIGHBOUR_STALE, 4, true, false, NEIGHBOUR_REACHABLE, false },
		{ NEIGHBOUR_STALE, 4, false, false, NEIGHBOUR_REACHABLE, false },
		{ NEIGHBOUR_STALE, 6, true, true, NEIGHBOUR_REACHABLE, true },
		{ NEIGHBOUR_STALE, 2, true, true, NEIGHBOUR_STALE, true },
		{ NEIGHBOUR_REACHABLE, 2, true, true, NEIGHBOUR_STALE, true },
		{ NEIGHBOUR_REACHABLE, 2, true, false, NEIGHBOUR_REACHABLE, false },
	};
	struct fixture *f = *state;
	uint8_t frame[256];

	punt_text(f, PUNT_nd, P0, 14, NA_FROM_9);
	assert_null(neighbour(f, "2001:db8::9")); /* not known, not asked */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP6_IN);
		struct neighbour_object *n = neighbour(f, "2001:db8::9");
		if (cases[i].before != NEIGHBOUR_INCOMPLETE)
			neighbour_heard(f->model, n, host_mac,
					cases[i].before == NEIGHBOUR_REACHABLE);
		size_t length = bytes(NA_FROM_9, frame);
		frame[14 + 44] = (uint8_t)(cases[i].flags << 4);
		if (cases[i].other)
			frame[14 + 40 + 31] = 0x55;
		if (!cases[i].option)
			frame[14 + 40 + 24] = 99; /* an option that nobody knows */
		ip_checksums(frame + 14, length - 14);
		punt_bytes(f, PUNT_nd, P0, 14, frame, length);
		if (n->state != cases[i].after || (n->mac[5] == 0x55) != cases[i].changed)
			fail_msg("case %zu: state %u, MAC ends in %02x", i, n->state, n->mac[5]);
		neighbour_forget(f->model, n);
		skip_frames(f);
	}
}

static void link_local_nexthops_are_asked(void **state)
{
	struct fixture *f = *state;

	say(f, "mpls add 100 swap 200 via fe80::ff:fe00:9 dev p0");
	punt_poll(f->model);
	expect_frame(f, P0, NS_ASK_LL);
}

/* ---------------------------------------------------------------- bounds, commands */

static void tables_are_bounded(void **state)
{
	struct fixture *f = *state;

	f->model->interface[P0]->dynamic = NEIGHBOUR_INTERFACE_MAX;
	punt_text(f, PUNT_arp, P0, 14, ARP_REQUEST_9);
	expect_frame(f, P0, ARP_REPLY_9); /* answered all the same */
	punt_text(f, PUNT_neighbour_unknown, P1, 14, UDP_IN_0);
	f->model->interface[P0]->dynamic = 0;
	f->model->dynamic_count = NEIGHBOUR_MAX;
	punt_text(f, PUNT_nd, P0, 14, NS_FROM_9);
	f->model->dynamic_count = 0;
	assert_int_equal(f->model->counters.neighbours_full, 3);
	assert_null(neighbour(f, "10.0.0.9"));
	assert_null(neighbour(f, "2001:db8::9"));
}

static void learned_ones_are_in_nobodys_way(void **state)
{
	struct fixture *f = *state;

	learn_9(f);
	punt_text(f, PUNT_nd, P0, 14, NS_FROM_9);
	say(f, "address add 10.0.0.9/24 dev p0"); /* somebody had it */
	assert_null(neighbour(f, "10.0.0.9"));
	say(f, "address del 10.0.0.9/24 dev p0");
	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.9");
	refused(f, "address del 10.0.0.1/24 dev p0", "in use by");
	expect_state(f, "10.0.0.9", NEIGHBOUR_REACHABLE);
	assert_int_equal(kind_of(f, 100), NEXTHOP_FORWARD);
	say(f, "mpls del 100");
	say(f, "neigh del 10.0.0.2 dev p0");
	say(f, "address del 10.0.0.1/24 dev p0");
	assert_null(neighbour(f, "10.0.0.9"));
	assert_non_null(neighbour(f, "2001:db8::9"));
	say(f, "address del 2001:db8::1/64 dev p0");
	punt_text(f, PUNT_nd, P0, 14, NS_LINK_LOCAL);
	say(f, "port del p0");
	assert_int_equal(f->model->dynamic_count, 0);
}

static void states_are_shown(void **state)
{
	struct fixture *f = *state;
	json_t *list, *row;

	learn_9(f);
	say(f, "mpls add 100 swap 200 via 10.0.0.10");
	clock_advance(f, 12);
	list = show(f, "neigh show 10.0.0.9");
	assert_int_equal(json_array_size(list), 1);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "reachable");
	assert_string_equal(json_string_value(json_object_get(row, "origin")), "learned");
	assert_int_equal(json_integer_value(json_object_get(row, "age")), 12);
	json_decref(list);
	list = show(f, "neigh show 10.0.0.10 dev p0");
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "failed");
	assert_null(json_object_get(row, "lladdr"));
	json_decref(list);
	list = show(f, "neigh show 10.0.0.2");
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "state")), "permanent");
	json_decref(list);
}

static void anything_is_survived(void **state)
{
	struct fixture *f = *state;
	static const char *const arp[] = { ARP_REQUEST_9, ARP_ANSWER_9, ARP_DUPLICATE };
	static const char *const nd[] = { NS_FROM_9, NA_FROM_9, NS_DAD, RS };
	static const char *const ip[] = { UDP_IN_0, UDP6_IN, OPTIONS_IN };
	uint8_t frame[512];

	for (size_t i = 0; i < sizeof(arp) / sizeof(arp[0]); i++)
		punt_mutations(f, PUNT_arp, 14, frame, bytes(arp[i], frame));
	for (size_t i = 0; i < sizeof(nd) / sizeof(nd[0]); i++)
		punt_mutations(f, PUNT_nd, 14, frame, bytes(nd[i], frame));
	for (size_t i = 0; i < sizeof(ip) / sizeof(ip[0]); i++)
		punt_mutations(f, PUNT_neighbour_unknown, 14, frame, bytes(ip[i], frame));
	clock_advance(f, 400);
	assert_int_equal(f->model->packet_count, 0);
}

#define IN_PORTS(test) cmocka_unit_test_setup_teardown(test, setup, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PORTS(packets_wait_for_the_answer),
		IN_PORTS(ipv6_packets_wait_too),
		IN_PORTS(the_last_ones_are_kept),
		IN_PORTS(waiting_packets_are_bounded),
		IN_PORTS(nobody_there_is_told),
		IN_PORTS(nexthops_ask_until_answered),
		IN_PORTS(a_packet_ends_the_waiting),
		IN_PORTS(a_new_mac_is_one_new_rewrite),
		IN_PORTS(confirmed_before_it_expires),
		IN_PORTS(lost_when_nobody_answers),
		IN_PORTS(unused_ones_age),
		IN_PORTS(nobody_ages_while_nothing_can_be_asked),
		IN_PORTS(taken_over_after_a_restart),
		IN_PORTS(requests_teach_and_are_answered),
		IN_PORTS(unasked_replies_teach_nothing),
		IN_PORTS(duplicates_are_noticed),
		IN_PORTS(static_ones_stay_as_they_are),
		IN_PORTS(static_ones_replace_learned_ones),
		IN_PORTS(solicitations_are_answered),
		IN_PORTS(new_addresses_are_announced),
		IN_PORTS(addresses_without_a_link_are_preferred),
		IN_PORTS(duplicates_are_looked_for),
		IN_PORTS(duplicates_are_found),
		IN_PORTS(bad_solicitations_are_counted),
		IN_PORTS(advertisements_follow_the_table),
		IN_PORTS(link_local_nexthops_are_asked),
		IN_PORTS(tables_are_bounded),
		IN_PORTS(learned_ones_are_in_nobodys_way),
		IN_PORTS(states_are_shown),
		IN_PORTS(anything_is_survived),
	};
	return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
