/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table-bridge.c: parameters of bridges and of their addresses.
 */
#include "controlplane/api/parameter.h"

static const char *const unknown_words[] = { "flood", "drop", NULL };

#define LEARNING                                                                                   \
	{                                                                                          \
		.name = "learning", .type = VALUE_ON_OFF, .help = "learn source addresses or not"  \
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

static const char *const unknown_multicast_words[] = { "flood", "router-ports", "drop", NULL };

const char *const multicast_routing_words[] = { "off", "on", "no-rpf", NULL };

#define SNOOPING                                                                                   \
	[BRIDGE_SNOOPING] = ON_OFF("snooping", "IGMP and MLD say which ports get a group"),        \
	[BRIDGE_QUERIER] = ON_OFF("querier", "ask hosts, unless somebody else does"),              \
	[BRIDGE_QUERIER_ADDRESS] = { .name = "querier-address",                                    \
				     .type = VALUE_ADDRESS,                                        \
				     .help = "IPv4 source of queries, left out: the bridge's "     \
					     "own address, else 0.0.0.0" },                        \
	[BRIDGE_UNKNOWN_MULTICAST] = WORDS("unknown-multicast", 0, unknown_multicast_words,        \
					   "groups that nobody has asked for"),                    \
	[BRIDGE_PROXY] = ON_OFF("proxy", "tell routers the sum of all reports")

const struct parameter bridge_add[] = {
	[BRIDGE_NAME] = OBJECT_NAME(KEY, NULL, "name of the new bridge and of its own interface"),
	[BRIDGE_VLAN] = OWN_VLAN,
	[BRIDGE_LLADDR] = LLADDR,
	[BRIDGE_VRF] = VRF("routing table of what its own interface gets"),
	[BRIDGE_LEARN] = LEARNING,
	[BRIDGE_AGEING] = AGEING,
	[BRIDGE_UNKNOWN_UNICAST] = UNKNOWN_UNICAST,
	SNOOPING,
	INTERFACE_PARAMETERS(BRIDGE, "label space of what its own interface gets"),
};

const struct parameter bridge_set[] = {
	[BRIDGE_NAME] = OBJECT_NAME(KEY, "bridge", "the bridge"),
	[BRIDGE_VLAN] = OWN_VLAN,
	[BRIDGE_LLADDR] = LLADDR,
	[BRIDGE_VRF] = NOT_HERE,
	[BRIDGE_LEARN] = LEARNING,
	[BRIDGE_AGEING] = AGEING,
	[BRIDGE_UNKNOWN_UNICAST] = UNKNOWN_UNICAST,
	SNOOPING,
	INTERFACE_PARAMETERS(BRIDGE, "label space of what its own interface gets"),
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

/* ---- multicast ---- */

#define BRIDGE_KEY OBJECT_NAME(KEY, "bridge", "the bridge")
#define PORT_KEY                                                                                   \
	{                                                                                          \
		.name = "port", .type = VALUE_NAME, .flags = PARAMETER_REQUIRED | PARAMETER_KEY,   \
		.complete = INTERFACES, .help = "the bridge's port"                                \
	}

const struct parameter bridge_group_change[] = {
	[BRIDGE_GROUP_BRIDGE] = BRIDGE_KEY,
	[BRIDGE_GROUP_VLAN] = FDB_VLAN_KEY,
	[BRIDGE_GROUP_ADDRESS] = { .name = "group",
				   .type = VALUE_ADDRESS,
				   .flags = PARAMETER_POSITIONAL | PARAMETER_KEY,
				   .help = "the group's address" },
	[BRIDGE_GROUP_SOURCE] = { .name = "source",
				  .type = VALUE_ADDRESS,
				  .flags = PARAMETER_KEY,
				  .help = "this source alone, left out: any" },
	[BRIDGE_GROUP_PORT] = PORT_KEY,
	[BRIDGE_GROUP_PORT + 1] = { .name = NULL },
};

static const char *const router_family_words[] = { "ipv4", "ipv6", NULL };
static const char *const router_mode_words[] = { "always", "never", NULL };

#define ROUTER_KEYS                                                                                \
	[BRIDGE_ROUTER_BRIDGE] = BRIDGE_KEY, [BRIDGE_ROUTER_VLAN] = FDB_VLAN_KEY,                  \
	[BRIDGE_ROUTER_PORT] = PORT_KEY,                                                           \
	[BRIDGE_ROUTER_FAMILY] = WORDS("family", PARAMETER_KEY, router_family_words,               \
				       "this one alone, left out: both")

const struct parameter bridge_router_add[] = {
	ROUTER_KEYS,
	[BRIDGE_ROUTER_MODE] = WORDS("mode", PARAMETER_POSITIONAL, router_mode_words,
				     "always a router port, which is usual, or never one"),
	[BRIDGE_ROUTER_MODE + 1] = { .name = NULL },
};

const struct parameter bridge_router_del[] = {
	ROUTER_KEYS,
	[BRIDGE_ROUTER_FAMILY + 1] = { .name = NULL },
};

const struct parameter topology_change[] = {
	[TOPOLOGY_BRIDGE] = BRIDGE_KEY,
	[TOPOLOGY_VLAN] = NUMBER("vlan", 0, 1, VLAN_MAX - 2, "this one alone, left out: all"),
	[TOPOLOGY_VLAN + 1] = { .name = NULL },
};

const struct parameter multicast_show[] = {
	OBJECT_NAME(PARAMETER_KEY, "port vlan", "only this interface"), { .name = NULL }
};

#define MULTICAST_PORT OBJECT_NAME(KEY, INTERFACES, "the bridge's port")

const struct parameter fdb_flush_parameters[] = {
	[FDB_FLUSH_BRIDGE] = BRIDGE_KEY,
	[FDB_FLUSH_DEV] = DEV(0, INTERFACES, "by this port alone, left out: by all"),
	[FDB_FLUSH_VLAN] = NUMBER("vlan", 0, 1, VLAN_MAX - 2, "in this one alone, left out: in all"),
	[FDB_FLUSH_VLAN + 1] = { .name = NULL },
};

const struct parameter bridge_multicast_add[] = {
	[BRIDGE_MULTICAST_PORT] = MULTICAST_PORT,
	[BRIDGE_MULTICAST_FAST_LEAVE] =
		ON_OFF("fast-leave", "who leaves a group here is not asked again"),
	[BRIDGE_MULTICAST_GROUP_LIMIT] =
		NUMBER("group-limit", 0, 0, 131072, "groups at most, 0: the bridge's"),
	[BRIDGE_MULTICAST_PERMIT] = { .name = "permit",
				      .type = VALUE_STRING,
				      .help = "groups that may be joined: 239.1.0.0/16,ff15::/16" },
	[BRIDGE_MULTICAST_PERMIT + 1] = { .name = NULL },
};

const struct parameter bridge_multicast_del[] = {
	[BRIDGE_MULTICAST_PORT] = MULTICAST_PORT,
	[BRIDGE_MULTICAST_PORT + 1] = { .name = NULL },
};
