/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table-bridge.c: parameters of bridges and of their addresses.
 */
#include "controlplane/api/parameter.h"

static const char *const unknown_words[] = { "flood", "drop", NULL };

#define LEARNING                                                                                   \
	{                                                                                          \
		.name = "learning", .type = VALUE_ON_OFF,                                          \
		.help = "learn source addresses or not"                                            \
	}
#define AGEING                                                                                     \
	{                                                                                          \
		.name = "ageing", .type = VALUE_DURATION, .minimum = 1000000000ull,                \
		.maximum = 1000000ull * 1000000000ull,                                             \
		.help = "time after which an address that was not heard of is forgotten"           \
	}
#define UNKNOWN_UNICAST                                                                            \
	WORDS("unknown-unicast", 0, unknown_words, "frames to addresses that are not known")
#define LLADDR                                                                                     \
	{                                                                                          \
		.name = "lladdr", .type = VALUE_MAC,                                               \
		.help = "its own interface's Ethernet address, left out: one is made up"           \
	}
#define OWN_VLAN NUMBER("vlan", 0, 1, VLAN_MAX - 2, "VLAN that its own interface is in")

const struct parameter bridge_add[] = {
	[BRIDGE_NAME] = OBJECT_NAME(KEY, NULL, "name of the new bridge and of its own interface"),
	[BRIDGE_VLAN] = OWN_VLAN,
	[BRIDGE_MTU] = MTU,
	[BRIDGE_LLADDR] = LLADDR,
	[BRIDGE_MPLS] = MPLS_ON_OFF,
	[BRIDGE_SPACE] = SPACE("label space of what its own interface gets"),
	[BRIDGE_UPSTREAM_SPACE] = UPSTREAM_SPACE,
	[BRIDGE_VRF] = VRF("routing table of what its own interface gets"),
	[BRIDGE_LEARN] = LEARNING,
	[BRIDGE_AGEING] = AGEING,
	[BRIDGE_UNKNOWN_UNICAST] = UNKNOWN_UNICAST,
	[BRIDGE_RPF] = RPF,
	[BRIDGE_ADMIN] = ADMIN,
	[BRIDGE_ADMIN + 1] = { .name = NULL },
};

const struct parameter bridge_set[] = {
	[BRIDGE_NAME] = OBJECT_NAME(KEY, "bridge", "the bridge"),
	[BRIDGE_VLAN] = OWN_VLAN,
	[BRIDGE_MTU] = MTU,
	[BRIDGE_LLADDR] = LLADDR,
	[BRIDGE_MPLS] = MPLS_ON_OFF,
	[BRIDGE_SPACE] = SPACE("label space of what its own interface gets"),
	[BRIDGE_UPSTREAM_SPACE] = UPSTREAM_SPACE,
	[BRIDGE_VRF] = NOT_HERE,
	[BRIDGE_LEARN] = LEARNING,
	[BRIDGE_AGEING] = AGEING,
	[BRIDGE_UNKNOWN_UNICAST] = UNKNOWN_UNICAST,
	[BRIDGE_RPF] = RPF,
	[BRIDGE_ADMIN] = ADMIN,
	[BRIDGE_ADMIN + 1] = { .name = NULL },
};

const struct parameter bridge_del[] = { OBJECT_NAME(KEY, "bridge", "the bridge"),
					{ .name = NULL } };
const struct parameter bridge_show[] = { OBJECT_NAME(PARAMETER_KEY, "bridge", "only this one"),
					 { .name = NULL } };

/* ---- addresses ---- */

#define FDB_ADDRESS                                                                                \
	{                                                                                          \
		.name = "mac", .type = VALUE_MAC, .flags = KEY, .help = "the Ethernet address"     \
	}
#define FDB_VLAN_KEY                                                                               \
	NUMBER("vlan", PARAMETER_KEY, 1, VLAN_MAX - 2, "VLAN, left out: the port's native one")

const struct parameter fdb_add[] = {
	[FDB_MAC] = FDB_ADDRESS,
	[FDB_DEV] = DEV(PARAMETER_REQUIRED | PARAMETER_KEY, INTERFACES, "the bridge's port"),
	[FDB_VLAN] = FDB_VLAN_KEY,
	[FDB_VLAN + 1] = { .name = NULL },
};

const struct parameter fdb_del[] = {
	[FDB_MAC] = FDB_ADDRESS,
	[FDB_DEV] = DEV(PARAMETER_REQUIRED | PARAMETER_KEY, INTERFACES, "the bridge's port"),
	[FDB_VLAN] = FDB_VLAN_KEY,
	[FDB_VLAN + 1] = { .name = NULL },
};

const struct parameter fdb_show[] = {
	[FDB_SHOW_BRIDGE] = { .name = "bridge",
			      .type = VALUE_NAME,
			      .flags = PARAMETER_POSITIONAL | PARAMETER_KEY,
			      .complete = "bridge",
			      .help = "only this bridge" },
	[FDB_SHOW_BRIDGE + 1] = { .name = NULL },
};
