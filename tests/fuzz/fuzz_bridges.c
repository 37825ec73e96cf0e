/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/fuzz/fuzz_bridges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include "tests/stage/bridge-tables.h"
#include "tests/stage/filters.h"

enum { FIRST = 8, PORTS_BRIDGED = 8, TUNNEL_SLOT = 16 };

static const uint16_t both[] = { 10, 20, 0 }, twenty[] = { 20, 30, 0 };

static const struct bridge_seat ports[] = {
	{ FIRST, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ FIRST + 1, 2, 0, both, BRIDGE_PORT_LEARNING },
	{ FIRST + 2, 3, 10, twenty, BRIDGE_PORT_LEARNING | BRIDGE_PORT_ISOLATED },
	{ FIRST + 3, 4, 20, NULL, BRIDGE_PORT_LEARNING, { 50, 50, 50 }, 1 },
	{ FIRST + 4, 5, 10, NULL, BRIDGE_PORT_LEARNING | BRIDGE_PORT_ISOLATED },
	{ FIRST + 5, 130, 10, NULL, BRIDGE_PORT_HORIZON },
};
static const struct bridge_seat others[] = {
	{ FIRST + 6, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ FIRST + 7, 2, 10, twenty, BRIDGE_PORT_LEARNING },
};

/* The tunnels that carry Ethernet after the ports; every second one in VLAN 20, and with split horizon. */
static unsigned int seat_tunnels(struct bridge_seat *seats, unsigned int count)
{
	for (unsigned int i = 0; i < FUZZ_TUNNELS; i++) {
		unsigned int mode = i / 2 % TUNNEL_MODES;
		if (mode != TUNNEL_GRETAP && mode != TUNNEL_VXLAN && mode != TUNNEL_PSEUDOWIRE)
			continue;
		seats[count++] = (struct bridge_seat){
			.interface = INTERFACE_FIRST_TUNNEL + i,
			.slot = TUNNEL_SLOT + i,
			.native = i & 4 ? 20 : 10,
			.flags = BRIDGE_PORT_LEARNING | (i & 4 ? BRIDGE_PORT_HORIZON : 0),
		};
	}
	return count;
}

static void make_groups(void)
{
	static const unsigned int routers[] = { SLOT_OWN, 2 };

	for (unsigned int family = 0; family < BRIDGE_FAMILIES; family++)
		for (unsigned int bridge = 1; bridge <= 2; bridge++)
			bridge_routers(bridge, 10, family, routers, 2);
	GROUP_MEMBERS(1, 10, "239.1.1.1", NULL, 0, 1, 2, 3, 5, 130, TUNNEL_SLOT + 2,
		      TUNNEL_SLOT + 3);
	GROUP_MEMBERS(2, 10, "239.1.1.1", NULL, 0, 1, 2);
	GROUP_MEMBERS(1, 10, "ff0e::9:1", NULL, 0, 1, 2, TUNNEL_SLOT + 18);
	GROUP_MEMBERS(2, 10, "ff0e::9:1", NULL, 0, 1);
	GROUP_MEMBERS(1, 20, "239.1.1.1", NULL, GROUP_SOURCES, 4, TUNNEL_SLOT + 6);
	GROUP_MEMBERS(1, 20, "239.1.1.1", "10.0.0.5", 0, 2);
	GROUP_MEMBERS(2, 10, "239.1.1.2", NULL, GROUP_SOURCES | GROUP_ABSENT);
	GROUP_MEMBERS(2, 10, "239.1.1.2", "10.0.0.5", 0, 2);
	GROUP_MEMBERS(1, 10, "ff0e::9:2", NULL, GROUP_SOURCES | GROUP_ABSENT);
	GROUP_MEMBERS(1, 10, "ff0e::9:2", "2001:db8::2", 0, 3);
	ROUTE_GROUP_TO("239.1.1.1", { 1, 0, MULTICAST_NO_RPF }, { 2, 0, MULTICAST_NO_RPF });
	ROUTE_GROUP_TO("239.1.1.2", { 1, 32, 0 }, { 2, 32, 0 });
	ROUTE_GROUP_TO("ff0e::9:1", { 1, 0, MULTICAST_NO_RPF }, { 2, 0, MULTICAST_NO_RPF });
	ROUTE_GROUP_TO("ff0e::9:2", { 1 }, { 2 });
}

void fuzz_bridges_make(void)
{
	struct bridge_seat seats[BRIDGE_SLOTS - 1];
	unsigned int count = sizeof(ports) / sizeof(ports[0]);
	const uint32_t rule = DOMAIN_SNOOPING | DOMAIN_ENFORCED |
			      DOMAIN_ENFORCED << DOMAIN_FAMILY_BITS |
			      (uint32_t)UNREGISTERED_ROUTERS << DOMAIN_UNREGISTERED_SHIFT;
	const uint8_t mac[6] = { 2 };

	for (unsigned int port = FIRST; port < FIRST + PORTS_BRIDGED; port++)
		fixture_port(&fixture, port, mac, INTERFACE_MPLS);
	memcpy(seats, ports, sizeof(ports));
	bridge_make(1, seats, seat_tunnels(seats, count), 10, BRIDGE_LEARNING, rule);
	bridge_make(2, others, sizeof(others) / sizeof(others[0]), 10,
		    BRIDGE_LEARNING | BRIDGE_DROP_UNKNOWN, rule);
	fdb_entry_add(1, 10, "0a0000000001", FIRST, 1, ORIGIN_LEARNED);
	fdb_entry_add(1, 10, "0a0000000002", FIRST + 1, 2, ORIGIN_LEARNED);
	fdb_entry_add(1, 20, "0a0000000002", INTERFACE_FIRST_TUNNEL + 6, TUNNEL_SLOT + 6,
		      ORIGIN_LEARNED);
	fdb_entry_add(1, 10, "0a0000000003", INTERFACE_FIRST_TUNNEL + 2, TUNNEL_SLOT + 2,
		      ORIGIN_STATIC);
	fdb_entry_add(2, 10, "0a0000000002", FIRST + 7, 2, ORIGIN_LEARNED);
	make_groups();
	filters_start();
	bind_in(FIRST + 3, POLICE);
	bind_in(FIRST + 4, PERMIT);
	bind_out(FIRST + 4, PERMIT);
	bind_out(INTERFACE_FIRST_TUNNEL + 6, ETHERTYPE_DENY);
}

void fuzz_bridges_delete(void)
{
	filters_stop();
}
