/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-model.h: a bridge of a model, whose hosts join and leave.
 */
#ifndef SHUNT_TESTS_SNOOPING_MODEL_H
#define SHUNT_TESTS_SNOOPING_MODEL_H

#include <stdio.h>
#include <string.h>
#include "controlplane/object/snooping.h"
#include "controlplane/protocol/punt.h"
#include "dataplane/shm/reason.h"
#include "packet.h"
#include "snoop-fixture.h"

enum { PORTS = 4 };

static inline void add_ports(struct fixture *f)
{
	static const char *const ports[PORTS] = { "vlan 10", "vlan 10", "trunk 10,20 native 20",
						  "vlan 20" };

	for (unsigned int i = 0; i < PORTS; i++) {
		char line[100];
		const uint8_t mac[6] = { 2, 0, 0, 0, 1, (uint8_t)i };
		snprintf(line, sizeof(line), "port add p%u devargs net_null%u bridge b0 %s", i, i,
			 ports[i]);
		say(f, line);
		dataplane_answers(f, i, mac, true);
	}
}

/* p0, p1 in VLAN 10; p2 has it with a tag; VLAN 20: p2 without one, p3. We ask. */
static inline int setup(void **state)
{
	fixture_empty(state);
	struct fixture *f = *state;
	dataplane_begin(f);
	clock_stop(f);
	say(f, "bridge add b0 vlan 10 querier on querier-address 10.0.0.100");
	add_ports(f);
	model_poll(f->model);
	punt_poll(f->model);
	return 0;
}

static inline void wait(struct fixture *f, double seconds)
{
	for (unsigned int i = 0; i < (unsigned int)(seconds * 10 + 0.5); i++) {
		test_time += 100000000;
		model_poll(f->model);
		punt_poll(f->model);
	}
}

/* An Ethernet frame with the packet, tagged if `vlan` is not 0. */
static inline void punt_packet(struct fixture *f, unsigned int port, unsigned int vlan,
			const uint8_t *packet, size_t length)
{
	uint8_t frame[2048] = { 1, 0, 0x5e, 1, 1, 1, 2, 0, 0, 0, 0, 9 };
	uint32_t reason = packet[0] >> 4 == 6 ? PUNT_mld : packet[9] == 103 ? PUNT_pim : PUNT_igmp;
	size_t at = 12;

	if (vlan != 0) {
		memcpy(frame + at, (uint8_t[]){ 0x81, 0, (uint8_t)(vlan >> 8), (uint8_t)vlan }, 4);
		at += 4;
	}
	memcpy(frame + at, packet[0] >> 4 == 6 ? "\x86\xdd" : "\x08\x00", 2);
	memcpy(frame + at + 2, packet, length);
	punt_bytes(f, reason, port, (uint32_t)at + 2, frame, at + 2 + length);
	model_poll(f->model);
	punt_poll(f->model);
}

static inline void report(struct fixture *f, unsigned int port, unsigned int vlan, unsigned int type,
		   const char *group)
{
	struct address address = address_of(group);
	enum snoop_family family = address_is_ipv4(&address) ? SNOOP_IPV4 : SNOOP_IPV6;
	struct address from = address_of(family == SNOOP_IPV4 ? "10.0.0.9" : "fe80::9");
	uint8_t packet[WIRE_MAX];

	punt_packet(f, port, vlan, packet, wire_single(family, type, &from, &address, packet));
}

static inline void record(struct fixture *f, unsigned int port, unsigned int vlan, unsigned int type,
		   const char *group, const char *source)
{
	struct address address = address_of(group), from = address_of("10.0.0.9");
	struct address list = address_of(source);
	struct wire_record one = { .type = type, .group = address, .sources = &list, .count = 1 };
	uint8_t packet[WIRE_MAX];

	punt_packet(f, port, vlan, packet, wire_records(SNOOP_IPV4, &from, &one, 1, packet));
}

static inline void hello(struct fixture *f, unsigned int port, unsigned int vlan)
{
	struct address from = address_of("10.0.0.1");
	uint8_t packet[WIRE_MAX];

	punt_packet(f, port, vlan, packet, wire_pim(SNOOP_IPV4, &from, 105, packet));
}

/* "b0 v1!/9": bridges and interfaces that the group is routed to, with what threshold if there is one, `!`
 * without the check of the reverse path; "-": none */
static inline void expect_route(struct fixture *f, const char *group, const char *expected)
{
	struct address address = address_of(group);
	struct multicast_key key = { .vrf = 0 };
	char text[64] = "-";
	size_t at = 0;

	memcpy(key.group, address.bytes, 16);
	const struct multicast_route *route =
		hash_lookup(f->model->tables, HASH_MULTICAST_ROUTE, &key, sizeof(key));
	for (uint32_t i = 0; route != NULL && i < route->count; i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "%s%s%s", at > 0 ? " " : "",
				       f->model->interface[route->branch[i].interface]->name,
				       route->branch[i].flags & MULTICAST_NO_RPF ? "!" : "");
		if (route->branch[i].threshold != 0)
			at += (size_t)snprintf(text + at, sizeof(text) - at, "/%u",
					       route->branch[i].threshold);
	}
	assert_string_equal(text, expected);
}

#define IN_BRIDGE(test) cmocka_unit_test_setup_teardown(test, setup, fixture_remove)

#endif
