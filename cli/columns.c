/* SPDX-License-Identifier: BSD-3-Clause
 *
 * columns.c: which members of a result stand in which column.
 */
#include "cli/render.h"

#define RIGHT      COLUMN_RIGHT
#define STATISTICS (COLUMN_RIGHT | COLUMN_STATISTICS)

static const struct column port[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "LINK", .key = "link" },
	{ .title = "SPEED", .key = "speed", .flags = RIGHT },
	{ .title = "MTU", .key = "mtu", .flags = RIGHT },
	{ .title = "MAC", .key = "mac" },
	{ .title = "MPLS", .key = "mpls" },
	{ .title = "SPACE", .key = "space", .flags = RIGHT },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "CONDITION", .key = "condition" },
	{ .title = "DRIVER", .key = "driver" },
	{ .title = "ERROR", .key = "error" },
	{ .title = "HOST", .key = "host_interface", .flags = COLUMN_STATISTICS },
	{ .title = "XDP", .key = "xdp", .flags = COLUMN_STATISTICS },
	{ .title = "XDP FILTER", .key = "xdp_filter", .flags = COLUMN_STATISTICS },
	{ .title = "RPF", .key = "rpf", .flags = COLUMN_STATISTICS },
	{ .title = "DEVARGS", .key = "devargs", .flags = COLUMN_STATISTICS },
	{ .title = "QUEUES", .key = "rx_queues", .flags = STATISTICS },
	{ .title = "FLAPS", .key = "flaps", .flags = STATISTICS },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = STATISTICS },
	{ .title = "RX BYTES", .key = "rx_bytes", .flags = STATISTICS },
	{ .title = "RX MISSED", .key = "rx_missed", .flags = STATISTICS },
	{ .title = "RX ERRORS", .key = "rx_errors", .flags = STATISTICS },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = STATISTICS },
	{ .title = "TX BYTES", .key = "tx_bytes", .flags = STATISTICS },
	{ .title = "TX ERRORS", .key = "tx_errors", .flags = STATISTICS },
	{ .title = "TO HOST", .key = "to_host", .flags = STATISTICS },
	{ .title = "FROM HOST", .key = "from_host", .flags = STATISTICS },
	{ .title = "POLICED", .key = "host_policed", .flags = STATISTICS },
	{ .title = "LOST", .key = "host_lost", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column vlan[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "TAG", .key = "tag", .flags = RIGHT },
	{ .title = "INNER", .key = "inner", .flags = RIGHT },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "MTU", .key = "mtu", .flags = RIGHT },
	{ .title = "MAC", .key = "mac" },
	{ .title = "MPLS", .key = "mpls" },
	{ .title = "SPACE", .key = "space", .flags = RIGHT },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "RPF", .key = "rpf", .flags = COLUMN_STATISTICS },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = STATISTICS },
	{ .title = "RX BYTES", .key = "rx_bytes", .flags = STATISTICS },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = STATISTICS },
	{ .title = "TX BYTES", .key = "tx_bytes", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column loopback[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column bridge[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "VLAN", .key = "vlan", .flags = RIGHT },
	{ .title = "MAC", .key = "mac" },
	{ .title = "MTU", .key = "mtu", .flags = RIGHT },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "RPF", .key = "rpf", .flags = COLUMN_STATISTICS },
	{ .title = "AGEING", .key = "ageing", .flags = RIGHT },
	{ .title = "LEARNING", .key = "learning", .flags = COLUMN_STATISTICS },
	{ .title = "UNKNOWN UNICAST", .key = "unknown_unicast", .flags = COLUMN_STATISTICS },
	{ .title = "PORTS", .key = "ports", .inner = "dev vlan trunk native isolated learning_limit limited" },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = STATISTICS },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column tunnel[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "MODE", .key = "mode" },
	{ .title = "LOCAL", .key = "local" },
	{ .title = "REMOTE", .key = "remote" },
	{ .title = "KEY", .key = "key", .flags = RIGHT },
	{ .title = "VNI", .key = "vni", .flags = RIGHT },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "STATE", .key = "state" },
	{ .title = "REASON", .key = "reason" },
	{ .title = "MTU", .key = "mtu", .flags = RIGHT },
	{ .title = "UNDERLAY", .key = "underlay", .inner = "labels entropy via dev state backup" },
	{ .title = "MPLS", .key = "mpls" },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "OUTER VRF", .key = "outer_vrf", .flags = RIGHT },
	{ .title = "LAST SEEN", .key = "last_seen", .flags = RIGHT },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = STATISTICS },
	{ .title = "RX BYTES", .key = "rx_bytes", .flags = STATISTICS },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = STATISTICS },
	{ .title = "TX BYTES", .key = "tx_bytes", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column pseudowire[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "IN", .key = "in_label", .flags = RIGHT },
	{ .title = "SPACE", .key = "in_space", .flags = RIGHT },
	{ .title = "OUT", .key = "out_labels", .flags = COLUMN_STACK },
	{ .title = "CONTROL WORD", .key = "control_word" },
	{ .title = "ADMIN", .key = "admin" },
	{ .title = "STATE", .key = "state" },
	{ .title = "MTU", .key = "mtu", .flags = RIGHT },
	{ .title = "NEXTHOP", .key = "nexthops", .inner = "via dev state" },
	{ .title = "LAST SEEN", .key = "last_seen", .flags = RIGHT },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = RIGHT },
	{ .title = "RX BYTES", .key = "rx_bytes", .flags = STATISTICS },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = RIGHT },
	{ .title = "TX BYTES", .key = "tx_bytes", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column fdb[] = {
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "VLAN", .key = "vlan", .flags = RIGHT },
	{ .title = "MAC", .key = "mac" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "ORIGIN", .key = "origin" },
	{ .title = "AGE", .key = "age", .flags = RIGHT },
	{ .title = "DAMPED", .key = "damped" },
	{ .title = NULL },
};

static const struct column groups[] = {
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "VLAN", .key = "vlan", .flags = RIGHT },
	{ .title = "GROUP", .key = "group" },
	{ .title = "PORT", .key = "port" },
	{ .title = "MODE", .key = "mode" },
	{ .title = "SOURCES", .key = "sources", .inner = "address forwarded expires" },
	{ .title = "VERSION", .key = "version" },
	{ .title = "ORIGIN", .key = "origin" },
	{ .title = "REPORTER", .key = "reporter" },
	{ .title = "REPORTER MAC", .key = "reporter_mac", .flags = COLUMN_STATISTICS },
	{ .title = "EXPIRES", .key = "expires", .flags = RIGHT },
	{ .title = "PACKETS", .key = "packets", .flags = STATISTICS },
	{ .title = "BYTES", .key = "bytes", .flags = STATISTICS },
	{ .title = NULL },
};

static const struct column multicast_routes[] = {
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "GROUP", .key = "group" },
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "PORT", .key = "port" },
	{ .title = "RPF", .key = "rpf" },
	{ .title = "TTL-THRESHOLD", .key = "ttl_threshold", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column routed_groups[] = {
	{ .title = "PORT", .key = "port" },
	{ .title = "GROUP", .key = "group" },
	{ .title = "MODE", .key = "mode" },
	{ .title = "SOURCES", .key = "sources", .inner = "address forwarded" },
	{ .title = "VERSION", .key = "version" },
	{ .title = "ORIGIN", .key = "origin" },
	{ .title = "REPORTER", .key = "reporter" },
	{ .title = "EXPIRES", .key = "expires", .flags = RIGHT },
	{ .title = "PACKETS", .key = "packets", .flags = STATISTICS },
	{ .title = "BYTES", .key = "bytes", .flags = STATISTICS },
	{ .title = NULL },
};

static const struct column routers[] = {
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "VLAN", .key = "vlan", .flags = RIGHT },
	{ .title = "PORT", .key = "port" },
	{ .title = "FAMILY", .key = "family" },
	{ .title = "REASONS", .key = "reasons" },
	{ .title = "ADDRESS", .key = "address" },
	{ .title = "QUERIER", .key = "querier" },
	{ .title = "EXPIRES", .key = "expires", .flags = RIGHT },
	{ .title = NULL },
};

#define QUERIER "querier port enforced robustness query_interval expires"
static const struct column snooping[] = {
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "VLAN", .key = "vlan", .flags = RIGHT },
	{ .title = "GROUPS", .key = "groups", .flags = RIGHT },
	{ .title = "IPV4", .key = "ipv4", .inner = QUERIER },
	{ .title = "IPV6", .key = "ipv6", .inner = QUERIER },
	{ .title = "COUNTERS", .key = "counters", .flags = STATISTICS },
	{ .title = NULL },
};

static const struct column querier[] = {
	{ .title = "PORT", .key = "port" },
	{ .title = "RPF", .key = "rpf" },
	{ .title = "TTL-THRESHOLD", .key = "ttl_threshold", .flags = RIGHT },
	{ .title = "GROUPS", .key = "groups", .flags = RIGHT },
	{ .title = "IPV4", .key = "ipv4", .inner = QUERIER },
	{ .title = "IPV6", .key = "ipv6", .inner = QUERIER },
	{ .title = "COUNTERS", .key = "counters", .flags = STATISTICS },
	{ .title = NULL },
};

static const struct column protocols[] = {
	{ .title = "COUNTER", .key = "counter" },
	{ .title = "COUNT", .key = "count" },
	{ .title = NULL },
};

static const struct column address[] = {
	{ .title = "PREFIX", .key = "prefix" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "STATE", .key = "state" },
	{ .title = NULL },
};

static const struct column neigh[] = {
	{ .title = "ADDRESS", .key = "address" },
	{ .title = "LLADDR", .key = "lladdr" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "STATE", .key = "state" },
	{ .title = "AGE", .key = "age", .flags = RIGHT },
	{ .title = "ORIGIN", .key = "origin" },
	{ .title = NULL },
};

static const struct column route[] = {
	{ .title = "PREFIX", .key = "prefix" },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "KIND", .key = "kind" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "NEXTHOPS",
	  .key = "nexthops",
	  .inner = "labels entropy via dev weight state backup" },
	{ .title = "ACTIVE", .key = "active", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column mpls[] = {
	{ .title = "LABEL", .key = "label", .flags = RIGHT },
	{ .title = "SPACE", .key = "space", .flags = RIGHT },
	{ .title = "OPERATION", .key = "operation" },
	{ .title = "OUT LABELS", .key = "out_labels", .flags = COLUMN_STACK },
	{ .title = "VRF", .key = "vrf", .flags = RIGHT },
	{ .title = "BRIDGE", .key = "bridge" },
	{ .title = "PSEUDOWIRE", .key = "pseudowire" },
	{ .title = "NEXTHOPS",
	  .key = "nexthops",
	  .inner = "labels entropy via dev weight state backup",
	  .common = "out_labels" },
	{ .title = "TTL", .key = "ttl", .flags = COLUMN_STATISTICS },
	{ .title = "TC", .key = "tc", .flags = COLUMN_STATISTICS },
	{ .title = "PACKETS", .key = "packets", .flags = RIGHT },
	{ .title = "BYTES", .key = "bytes", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column nexthop[] = {
	{ .title = "INDEX", .key = "index", .flags = RIGHT },
	{ .title = "LABELS", .key = "labels", .flags = COLUMN_STACK },
	{ .title = "ENTROPY", .key = "entropy" },
	{ .title = "VIA", .key = "via" },
	{ .title = "DEV", .key = "dev" },
	{ .title = "MAC", .key = "mac" },
	{ .title = "STATE", .key = "state" },
	{ .title = "BACKUP", .key = "backup", .inner = "via dev state" },
	{ .title = "IS BACKUP", .key = "is_backup", .flags = COLUMN_STATISTICS },
	{ .title = "MTU", .key = "mtu", .flags = STATISTICS },
	{ .title = "ORIGIN", .key = "origin", .flags = COLUMN_STATISTICS },
	{ .title = "REFERENCES", .key = "references", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column filter[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "DEFAULT", .key = "default" },
	{ .title = "BOUND", .key = "bound" },
	{ .title = "XDP", .key = "xdp" },
	{ .title = "RULES", .key = "rule_count", .flags = RIGHT },
	{ .title = "BY DEFAULT", .key = "packets", .flags = STATISTICS },
	{ .title = "BYTES", .key = "bytes", .flags = STATISTICS },
	{ .title = "RULE",
	  .key = "rules",
	  .inner = "seq action police burst excess_burst peak peak_burst exceed ethertype proto from "
		   "to sport dport icmp syn established fragments dscp log" },
	{ .title = "COUNTED", .key = "rules", .inner = "packets bytes", .flags = STATISTICS },
	{ .title = NULL },
};

static const struct column filter_rule[] = {
	{ .title = "FILTER", .key = "filter" },
	{ .title = "SEQ", .key = "seq", .flags = RIGHT },
	{ .title = "RULE", .key = "text" },
	{ .title = "PACKETS", .key = "packets", .flags = RIGHT },
	{ .title = "BYTES", .key = "bytes", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column filter_list[] = {
	{ .title = "NAME", .key = "name" },
	{ .title = "SIZE", .key = "size", .flags = RIGHT },
	{ .title = "RULES", .key = "rules", .flags = RIGHT },
	{ .title = "PREFIXES", .key = "prefixes" },
	{ .title = NULL },
};

static const struct column drops[] = {
	{ .title = "REASON", .key = "reason" },
	{ .title = "INTERFACE", .key = "interface" },
	{ .title = "PACKETS", .key = "packets", .flags = RIGHT },
	{ .title = "RATE", .key = "rate", .flags = RIGHT },
	{ .title = "AGE", .key = "age", .flags = RIGHT },
	{ .title = "LENGTH", .key = "length", .flags = RIGHT },
	{ .title = "LAST PACKET", .key = "headers" },
	{ .title = "EXPLANATION", .key = "text", .flags = COLUMN_STATISTICS },
	{ .title = "HEX", .key = "hex", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column counters[] = {
	{ .title = "INTERFACE", .key = "interface" },
	{ .title = "RX PACKETS", .key = "rx_packets", .flags = RIGHT },
	{ .title = "RX BYTES", .key = "rx_bytes", .flags = STATISTICS },
	{ .title = "INJECTED", .key = "injected", .flags = STATISTICS },
	{ .title = "COPIES", .key = "copies", .flags = STATISTICS },
	{ .title = "COPIES FAILED", .key = "copies_failed", .flags = STATISTICS },
	{ .title = "FRAGMENTS", .key = "fragments", .flags = STATISTICS },
	{ .title = "FORWARDED", .key = "forwarded", .flags = RIGHT },
	{ .title = "PUNTED", .key = "punted", .flags = RIGHT },
	{ .title = "CONSUMED", .key = "consumed", .flags = RIGHT },
	{ .title = "DROPPED", .key = "dropped", .flags = RIGHT },
	{ .title = "BY XDP", .key = "xdp_dropped", .flags = RIGHT },
	{ .title = "IN FLIGHT", .key = "in_flight", .flags = RIGHT },
	{ .title = "TX PACKETS", .key = "tx_packets", .flags = RIGHT },
	{ .title = "TX BYTES", .key = "tx_bytes", .flags = STATISTICS },
	{ .title = "TX DROPPED", .key = "tx_dropped", .flags = STATISTICS },
	{ .title = "DROPS", .key = "drops", .flags = COLUMN_STATISTICS },
	{ .title = NULL },
};

static const struct column runtime[] = {
	{ .title = "WORKER", .key = "worker", .flags = RIGHT },
	{ .title = "STAGE", .key = "stage" },
	{ .title = "CALLS", .key = "calls", .flags = RIGHT },
	{ .title = "PACKETS", .key = "packets", .flags = RIGHT },
	{ .title = "PACKETS/CALL", .key = "packets_per_call", .flags = RIGHT },
	{ .title = "CYCLES/PACKET", .key = "cycles_per_packet", .flags = RIGHT },
	{ .title = "PERCENT", .key = "percent", .flags = RIGHT },
	{ .title = NULL },
};

static const struct column workers[] = {
	{ .title = "WORKER", .key = "worker", .flags = RIGHT },
	{ .title = "LCORE", .key = "lcore", .flags = RIGHT },
	{ .title = "ONLINE", .key = "online" },
	{ .title = "PACKETS", .key = "packets", .flags = RIGHT },
	{ .title = "CYCLES/PACKET", .key = "cycles_per_packet", .flags = RIGHT },
	{ .title = "TURNS", .key = "turns", .flags = STATISTICS },
	{ .title = "BUSY TURNS", .key = "busy_turns", .flags = STATISTICS },
	{ .title = "BUSY CYCLES", .key = "busy_cycles", .flags = STATISTICS },
	{ .title = "IDLE CYCLES", .key = "idle_cycles", .flags = STATISTICS },
	{ .title = "NAPS", .key = "naps", .flags = STATISTICS },
	{ .title = "PUNTED", .key = "punted" },
	{ .title = NULL },
};

static const struct column events[] = {
	{ .title = "NUMBER", .key = "number", .flags = RIGHT },
	{ .title = "TIME", .key = "time" },
	{ .title = "KIND", .key = "kind" },
	{ .title = "OBJECT", .key = "object" },
	{ .title = "TEXT", .key = "text" },
	{ .title = NULL },
};

static const struct sheet sheets[] = {
	{ COMMAND_PORT_SHOW, port },         { COMMAND_VLAN_SHOW, vlan },
	{ COMMAND_LOOPBACK_SHOW, loopback }, { COMMAND_ADDRESS_SHOW, address },
	{ COMMAND_NEIGH_SHOW, neigh },       { COMMAND_ROUTE_SHOW, route },
	{ COMMAND_MPLS_SHOW, mpls },         { COMMAND_NEXTHOP_SHOW, nexthop },
	{ COMMAND_SHOW_DROPS, drops },       { COMMAND_SHOW_COUNTERS, counters },
	{ COMMAND_SHOW_PROTOCOLS, protocols },
	{ COMMAND_SHOW_RUNTIME, runtime },
	{ COMMAND_SHOW_WORKERS, workers },   { COMMAND_BRIDGE_SHOW, bridge },
	{ COMMAND_FDB_SHOW, fdb },           { COMMAND_BRIDGE_GROUPS_SHOW, groups },
	{ COMMAND_BRIDGE_ROUTERS_SHOW, routers },
	{ COMMAND_BRIDGE_SNOOPING_SHOW, snooping },
	{ COMMAND_MULTICAST_ROUTE_SHOW, multicast_routes },
	{ COMMAND_MULTICAST_GROUPS_SHOW, routed_groups },
	{ COMMAND_MULTICAST_QUERIER_SHOW, querier },
	{ COMMAND_TUNNEL_SHOW, tunnel },
	{ COMMAND_PSEUDOWIRE_SHOW, pseudowire },
	{ COMMAND_SHOW_EVENTS, events },
	{ COMMAND_FILTER_SHOW, filter },
	{ COMMAND_FILTER_RULE_SHOW, filter_rule },
	{ COMMAND_FILTER_LIST_SHOW, filter_list },
};

const struct sheet *sheet_find(enum command_id command)
{
	for (unsigned int i = 0; i < sizeof(sheets) / sizeof(sheets[0]); i++)
		if (sheets[i].command == command)
			return &sheets[i];
	return NULL;
}
