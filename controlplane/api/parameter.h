/* SPDX-License-Identifier: BSD-3-Clause
 *
 * parameter.h: what the lists of parameters (table.c, table-*.c) are made of.
 */
#ifndef SHUNT_API_PARAMETER_H
#define SHUNT_API_PARAMETER_H

#include "controlplane/api/command.h"

#define INTERFACES "port vlan loopback bridge tunnel pseudowire"
#define MTU_MIN    68                       /* RFC 791 3.2 */
#define MTU_MAX    (FRAME_MAX - 14 - 2 * 4) /* a frame's Ethernet header and two tags left out */

#define NOT_HERE                                                                                   \
	{                                                                                          \
		.name = "", .flags = PARAMETER_ABSENT                                              \
	}
#define KEY (PARAMETER_POSITIONAL | PARAMETER_REQUIRED | PARAMETER_KEY)

#define OBJECT_NAME(extra, nouns, text)                                                            \
	{                                                                                          \
		.name = "name", .type = VALUE_NAME, .flags = PARAMETER_POSITIONAL | (extra),       \
		.complete = nouns, .help = text                                                    \
	}
#define NUMBER(word, extra, from, to, text)                                                        \
	{                                                                                          \
		.name = word, .type = VALUE_UNSIGNED, .flags = extra, .minimum = from,             \
		.maximum = to, .help = text                                                        \
	}
#define MTU                                                                                        \
	NUMBER("mtu", 0, MTU_MIN, MTU_MAX,                                                         \
	       "bytes after the Ethernet and VLAN headers, labels included")
#define MPLS_ON_OFF                                                                                \
	{                                                                                          \
		.name = "mpls", .type = VALUE_ON_OFF, .help = "take labelled packets or not"       \
	}
#define SPACE(text) NUMBER("space", 0, 0, LABEL_SPACE_MAX - 1, text)
#define UPSTREAM_SPACE                                                                             \
	NUMBER("upstream-space", 0, 0, LABEL_SPACE_MAX - 1,                                        \
	       "context space of upstream-assigned labels (RFC 5332), 0: none")
#define VRF(text) NUMBER("vrf", 0, 0, VRF_MAX - 1, text)
#define DEV(extra, nouns, text)                                                                    \
	{                                                                                          \
		.name = "dev", .type = VALUE_NAME, .flags = extra, .complete = nouns, .help = text \
	}
#define WORDS(word, extra, list, text)                                                             \
	{                                                                                          \
		.name = word, .type = VALUE_WORD, .flags = extra, .words = list, .help = text      \
	}

#define ON_OFF(word, text)                                                                         \
	{                                                                                          \
		.name = word, .type = VALUE_ON_OFF, .help = text                                   \
	}
#define INTERVAL(word, least, text)                                                                \
	{                                                                                          \
		.name = word, .type = VALUE_DURATION, .minimum = least,                            \
		.maximum = 31744ull * 1000000000ull, .help = text                                  \
	}
#define TENTH 100000000ull

/* ---- table-bridge.c ---- */

extern const struct parameter bridge_add[], bridge_set[], bridge_del[], bridge_show[];
extern const struct parameter fdb_add[], fdb_del[], fdb_show[];
extern const struct parameter bridge_group_change[], bridge_router_add[], bridge_router_del[];
extern const struct parameter topology_change[];
extern const struct parameter fdb_flush_parameters[];
extern const struct parameter bridge_multicast_add[], bridge_multicast_del[];
extern const struct parameter multicast_show[];

/* What any interface says that may be in a bridge, by the command's numbers. */
#define BRIDGE_MEMBER(prefix)                                                                      \
	[prefix##_BRIDGE] = { .name = "bridge", .type = VALUE_NAME, .complete = "bridge",          \
			      .help = "the bridge that it is a port of, or none: routed" },        \
	[prefix##_VLAN] = NUMBER("vlan", 0, 1, 4094, "the one VLAN that its frames are of"),       \
	[prefix##_TRUNK] = { .name = "trunk", .type = VALUE_STRING,                                \
			     .help = "VLANs that it carries with tags: 10,20-29" },                \
	[prefix##_NATIVE] = NUMBER("native", 0, 1, 4094, "trunk: VLAN of frames without a tag"),   \
	[prefix##_ISOLATED] = { .name = "isolated", .type = VALUE_ON_OFF,                          \
				.help = "sends nothing to other isolated ports" },                 \
	[prefix##_LEARNING] = { .name = "learning", .type = VALUE_ON_OFF,                          \
				.help = "learn source addresses here or not" },                    \
	[prefix##_LEARNING_LIMIT] = NUMBER("learning-limit", 0, 0, FDB_MAX,                        \
					   "addresses learned here at most, 0: no limit"),         \
	[prefix##_STORM_BROADCAST] = NUMBER("storm-broadcast", 0, 0, 4000000000u,                  \
					    "broadcasts a second at most, 0: no limit"),           \
	[prefix##_STORM_MULTICAST] = NUMBER("storm-multicast", 0, 0, 4000000000u,                  \
					    "multicasts a second at most, 0: no limit"),           \
	[prefix##_STORM_UNICAST] = NUMBER("storm-unicast", 0, 0, 4000000000u,                      \
					  "unknown unicasts a second at most, 0: no limit")

extern const char *const multicast_routing_words[];
/* What an interface says to whose hosts multicast may be routed, and which they tell their groups: RFC 3376 8, RFC
 * 3810 9. By the command's numbers. */
#define MULTICAST_ROUTER(prefix)                                                                   \
	[prefix##_MULTICAST_ROUTING] =                                                             \
		WORDS("multicast-routing", 0, multicast_routing_words,                             \
		      "route groups from elsewhere to its hosts that asked, and its own "          \
		      "elsewhere; no-rpf: whatever way they came"),                                \
	[prefix##_TTL_THRESHOLD] = NUMBER("multicast-ttl-threshold", 0, 0, 255,                    \
					  "least TTL of what is routed to its hosts"),             \
	[prefix##_IGMP_VERSION] = NUMBER("igmp-version", 0, 2, 3, "of our queries"),               \
	[prefix##_MLD_VERSION] = NUMBER("mld-version", 0, 1, 2, "of our queries"),                 \
	[prefix##_FAST_LEAVE] = ON_OFF("fast-leave", "who leaves a group is not asked again"),     \
	[prefix##_QUERY_INTERVAL] =                                                                \
		INTERVAL("query-interval", 1000000000ull, "time between general queries"),         \
	[prefix##_QUERY_RESPONSE_INTERVAL] =                                                       \
		INTERVAL("query-response-interval", TENTH, "time that hosts have to answer one"),  \
	[prefix##_LAST_MEMBER_INTERVAL] =                                                          \
		INTERVAL("last-member-interval", TENTH, "time between queries after a leave"),     \
	[prefix##_LAST_MEMBER_COUNT] =                                                             \
		NUMBER("last-member-count", 0, 0, 255, "queries after a leave, 0: robustness"),    \
	[prefix##_ROBUSTNESS] =                                                                    \
		NUMBER("robustness", 0, 1, 7, "messages that may be lost, and one"),               \
	[prefix##_STARTUP_INTERVAL] = INTERVAL("startup-query-interval", 0,                        \
					       "time between the first queries, 0: a quarter of "  \
					       "the query interval"),                              \
	[prefix##_STARTUP_COUNT] =                                                                 \
		NUMBER("startup-query-count", 0, 0, 255, "first queries, 0: robustness"),          \
	[prefix##_STRICT] = ON_OFF("strict", "drop IGMP without router alert"),                    \
	[prefix##_GROUP_LIMIT] =                                                                   \
		NUMBER("group-limit", 0, 1, 131072, "groups of one port at most"),                 \
	[prefix##_SOURCE_LIMIT] = NUMBER("source-limit", 0, 1, 131072,                             \
					 "sources of a group on one port at most")
extern const struct parameter filter_list_change[], filter_list_show[], filter_add[], filter_set[],
	filter_del[], filter_show[], filter_test[], filter_rule_change[], filter_rule_del[],
	filter_rule_show[], filter_bind[];

extern const struct parameter capture_start[];

extern const char *const admin_words[];
#define ADMIN WORDS("admin", PARAMETER_POSITIONAL, admin_words, "administrative state")
extern const char *const rpf_words[]; /* enum rpf_word */
#define RPF                                                                                        \
	WORDS("rpf", 0, rpf_words,                                                                 \
	      "sources that have no route back by this interface (strict), or none at all "        \
	      "(loose), "                                                                          \
	      "are dropped (RFC 3704)")
/* What ports, VLAN subinterfaces and bridges have in common, and the end of the list. */
#define INTERFACE_PARAMETERS(prefix, space_text)                                                   \
	[prefix##_MTU] = MTU, [prefix##_MPLS] = MPLS_ON_OFF,                                       \
	[prefix##_SPACE] = SPACE(space_text), [prefix##_UPSTREAM_SPACE] = UPSTREAM_SPACE,          \
	[prefix##_RPF] = RPF, MULTICAST_ROUTER(prefix), [prefix##_ADMIN] = ADMIN,                  \
	[prefix##_ADMIN + 1] = { .name = NULL }

/* table-interface.c */
extern const struct parameter port_add[], port_set[], port_del[], port_show[];
extern const struct parameter vlan_add[], vlan_set[], vlan_del[], vlan_show[];
extern const struct parameter loopback_add[], loopback_set[], loopback_del[], loopback_show[];

/* table-tunnel.c */
extern const struct parameter tunnel_add_parameters[], tunnel_set_parameters[],
	tunnel_del_parameters[], tunnel_show_parameters[];
extern const struct parameter pseudowire_add_parameters[], pseudowire_set_parameters[],
	pseudowire_del_parameters[], pseudowire_show_parameters[];

#endif
