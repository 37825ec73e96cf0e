/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table.c: every command there is. Parser, help, completion, man page and JSON-RPC come from here.
 */
#include <string.h>
#include "controlplane/api/parameter.h"

const char *const admin_words[] = { "up", "down", NULL };
const char *const rpf_words[] = { "off", "strict", "loose", NULL };
static const char *const model_words[] = { "uniform", "pipe", NULL };
static const char *const operation_words[] = { "swap",      "pop",        "pop ip",
					       "pop label", "pop bridge", "replicate", NULL };

/* ---- addresses and neighbours ---- */

#define PREFIX(extra, text)                                                                        \
	{                                                                                          \
		.name = "prefix", .type = VALUE_PREFIX, .flags = PARAMETER_POSITIONAL | (extra),   \
		.help = text                                                                       \
	}
#define ADDRESS(extra, text)                                                                       \
	{                                                                                          \
		.name = "address", .type = VALUE_ADDRESS, .flags = PARAMETER_POSITIONAL | (extra), \
		.help = text                                                                       \
	}
#define LLADDR                                                                                     \
	{                                                                                          \
		.name = "lladdr", .type = VALUE_MAC, .flags = PARAMETER_REQUIRED,                  \
		.help = "its Ethernet address"                                                     \
	}

static const struct parameter address_change[] = {
	[ADDRESS_PREFIX] = PREFIX(KEY, "the address with its network's length: 10.0.0.1/24"),
	[ADDRESS_DEV] =
		DEV(PARAMETER_REQUIRED | PARAMETER_KEY, INTERFACES, "interface that has it"),
	[ADDRESS_DEV + 1] = { .name = NULL },
};

static const struct parameter address_show[] = {
	[ADDRESS_PREFIX] = PREFIX(PARAMETER_KEY, "only this one"),
	[ADDRESS_DEV] = DEV(PARAMETER_KEY, INTERFACES, "only those of this interface"),
	[ADDRESS_DEV + 1] = { .name = NULL },
};

static const struct parameter neigh_change[] = {
	[NEIGH_ADDRESS] = ADDRESS(KEY, "the neighbour's IPv4 or IPv6 address"),
	[NEIGH_LLADDR] = LLADDR,
	[NEIGH_DEV] =
		DEV(PARAMETER_REQUIRED | PARAMETER_KEY, INTERFACES, "interface it is seen on"),
	[NEIGH_DEV + 1] = { .name = NULL },
};

static const struct parameter neigh_del[] = {
	[NEIGH_ADDRESS] = ADDRESS(KEY, "the neighbour's IPv4 or IPv6 address"),
	[NEIGH_LLADDR] = NOT_HERE,
	[NEIGH_DEV] =
		DEV(PARAMETER_REQUIRED | PARAMETER_KEY, INTERFACES, "interface it is seen on"),
	[NEIGH_DEV + 1] = { .name = NULL },
};

static const struct parameter neigh_show[] = {
	[NEIGH_ADDRESS] = ADDRESS(PARAMETER_KEY, "only this one"),
	[NEIGH_LLADDR] = NOT_HERE,
	[NEIGH_DEV] = DEV(PARAMETER_KEY, INTERFACES, "only those of this interface"),
	[NEIGH_DEV + 1] = { .name = NULL },
};

/* ---- label routes ---- */

static const struct parameter path_parameters[] = {
	[PATH_SWAP] = { .name = "swap",
			.type = VALUE_STACK,
			.help = "labels that replace the top one, outermost first" },
	[PATH_VIA] = { .name = "via", .type = VALUE_ADDRESS, .help = "address of the next node" },
	[PATH_DEV] = DEV(0, INTERFACES, "interface to leave by; left out: the connected network's"),
	[PATH_PUSH] = { .name = "push",
			.type = VALUE_STACK,
			.help = "labels to put on, outermost first" },
	[PATH_ENTROPY] = { .name = "entropy",
			   .type = VALUE_FLAG,
			   .help = "and an entropy label below them (RFC 6790)" },
	[PATH_WEIGHT] =
		NUMBER("weight", 0, 1, GROUP_BUCKETS, "share of the traffic, 1 if left out"),
	[PATH_BACKUP_VIA] = { .name = "backup via",
			      .type = VALUE_ADDRESS,
			      .help = "node that takes over while the link is down" },
	[PATH_BACKUP_DEV] = { .name = "backup dev",
			      .type = VALUE_NAME,
			      .complete = INTERFACES,
			      .help = "interface to it" },
	[PATH_PARAMETER_COUNT] = { .name = NULL },
};

/* ---- routes ---- */

static const char *const target_words[] = { "blackhole", "unreachable", NULL };

/* A path's, without swap. */
static const struct parameter route_path_parameters[] = {
	[PATH_SWAP] = NOT_HERE,
	[PATH_VIA] = { .name = "via",
		       .type = VALUE_ADDRESS,
		       .help = "address of the next node, which may be one that a route leads to" },
	[PATH_DEV] = DEV(0, INTERFACES, "interface to leave by; left out: the connected network's"),
	[PATH_PUSH] = { .name = "push",
			.type = VALUE_STACK,
			.help = "labels to put on, outermost first" },
	[PATH_ENTROPY] = { .name = "entropy",
			   .type = VALUE_FLAG,
			   .help = "and an entropy label below them (RFC 6790)" },
	[PATH_WEIGHT] =
		NUMBER("weight", 0, 1, GROUP_BUCKETS, "share of the traffic, 1 if left out"),
	[PATH_BACKUP_VIA] = { .name = "backup via",
			      .type = VALUE_ADDRESS,
			      .help = "node that takes over while the link is down" },
	[PATH_BACKUP_DEV] = { .name = "backup dev",
			      .type = VALUE_NAME,
			      .complete = INTERFACES,
			      .help = "interface to it" },
	[PATH_PARAMETER_COUNT] = { .name = NULL },
};

#define ROUTE_VRF_KEY(text) NUMBER("vrf", PARAMETER_KEY, 0, VRF_MAX - 1, text)

static const struct parameter route_change[] = {
	[ROUTE_PREFIX] = PREFIX(KEY, "the destinations: 10.0.0.0/8, 2001:db8::/32"),
	[ROUTE_VRF] = ROUTE_VRF_KEY("routing table, 0 is the main one"),
	[ROUTE_TARGET] = WORDS("target", PARAMETER_POSITIONAL, target_words,
			       "drop the packets, silently or telling the sender"),
	[ROUTE_PATHS] = { .name = "paths",
			  .type = VALUE_PATHS,
			  .group = route_path_parameters,
			  .help = "where packets go; several share the traffic" },
	[ROUTE_PATHS + 1] = { .name = NULL },
};

static const struct parameter route_del[] = {
	[ROUTE_PREFIX] = PREFIX(KEY, "the destinations"),
	[ROUTE_VRF] = ROUTE_VRF_KEY("routing table, 0 is the main one"),
	[ROUTE_VRF + 1] = { .name = NULL },
};

static const struct parameter route_show[] = {
	[ROUTE_PREFIX] = PREFIX(PARAMETER_KEY, "only this one"),
	[ROUTE_VRF] = ROUTE_VRF_KEY("only this routing table"),
	[ROUTE_SHOW_FROM] = { .name = "from",
			      .type = VALUE_PREFIX,
			      .help = "first prefix to look at" },
	[ROUTE_SHOW_COUNT] = NUMBER("count", 0, 1, ROUTE_ROWS_MAX, "at most so many of them"),
	[ROUTE_SHOW_COUNT + 1] = { .name = NULL },
};

/* ---- labels ---- */

#define LABEL(extra, text)                                                                         \
	{                                                                                          \
		.name = "label", .type = VALUE_LABEL, .flags = PARAMETER_POSITIONAL | (extra),     \
		.minimum = LABEL_FIRST_FREE, .maximum = LABEL_COUNT - 1, .help = text              \
	}

static const struct parameter mpls_change[] = {
	[MPLS_LABEL] = LABEL(KEY, "the incoming label"),
	[MPLS_SPACE] = { .name = "space",
			 .type = VALUE_UNSIGNED,
			 .flags = PARAMETER_KEY,
			 .maximum = LABEL_SPACE_MAX - 1,
			 .help = "label space, 0 is the platform's" },
	[MPLS_OPERATION] = WORDS("operation", PARAMETER_POSITIONAL, operation_words,
				 "what becomes of the label"),
	[MPLS_PATHS] = { .name = "paths",
			 .type = VALUE_PATHS,
			 .group = path_parameters,
			 .help = "where packets go; several share the traffic" },
	[MPLS_VRF] = VRF("routing table: of pop ip; of a copy that replicate pops here too"),
	[MPLS_BRIDGE] = { .name = "bridge",
			  .type = VALUE_NAME,
			  .complete = "bridge",
			  .help = "pop bridge: the bridge" },
	[MPLS_CONTROL_WORD] = { .name = "control-word",
				.type = VALUE_FLAG,
				.help = "pop bridge: a control word follows (RFC 4448)" },
	[MPLS_TTL] = WORDS("ttl", 0, model_words, "RFC 3443 model, uniform if left out"),
	[MPLS_TC] = WORDS("tc", 0, model_words,
			  "traffic class of what a pop exposes (RFC 3270), "
			  "pipe if left out"),
	[MPLS_NO_COUNTERS] = { .name = "no-counters",
			       .type = VALUE_FLAG,
			       .help = "don't count packets and bytes" },
	[MPLS_NO_COUNTERS + 1] = { .name = NULL },
};

static const struct parameter mpls_del[] = {
	[MPLS_LABEL] = LABEL(KEY, "the incoming label"),
	[MPLS_SPACE] = { .name = "space",
			 .type = VALUE_UNSIGNED,
			 .flags = PARAMETER_KEY,
			 .maximum = LABEL_SPACE_MAX - 1,
			 .help = "label space, 0 is the platform's" },
	[MPLS_SPACE + 1] = { .name = NULL },
};

static const struct parameter mpls_show[] = {
	[MPLS_LABEL] = LABEL(PARAMETER_KEY, "only this one"),
	[MPLS_SPACE] = { .name = "space",
			 .type = VALUE_UNSIGNED,
			 .flags = PARAMETER_KEY,
			 .maximum = LABEL_SPACE_MAX - 1,
			 .help = "only this label space" },
	[MPLS_SHOW_FROM] = { .name = "from",
			     .type = VALUE_LABEL,
			     .minimum = LABEL_FIRST_FREE,
			     .maximum = LABEL_COUNT - 1,
			     .help = "first label to look at" },
	[MPLS_SHOW_COUNT] = NUMBER("count", 0, 1, LABEL_ROWS_MAX, "at most so many of them"),
	[MPLS_SHOW_COUNT + 1] = { .name = NULL },
};

static const struct parameter nexthop_show[] = {
	NUMBER("index", PARAMETER_POSITIONAL | PARAMETER_KEY, 1, NEXTHOP_MAX - 1, "only this one"),
	{ .name = NULL }
};

/* ---- the rest ---- */

static const struct parameter show_interface[] = {
	OBJECT_NAME(PARAMETER_KEY, INTERFACES, "only this interface"), { .name = NULL }
};
const char *const event_kind_words[] = { "process", "link",   "address", "neighbour",
					 "mac",     "join",   "leave",   "router",
					 "tunnel",  "filter", "config",  NULL };

static const struct parameter show_events[] = {
	[EVENTS_FROM] = NUMBER("from", 0, 0, INT64_MAX, "first number of interest"),
	[EVENTS_COUNT] = NUMBER("count", 0, 1, 65536, "at most so many, the newest"),
	[EVENTS_KIND] = WORDS("kind", 0, event_kind_words,
			      "only this kind; of mac 16 moves a minute, then their number"),
	[EVENTS_FOLLOW] = { .name = "follow",
			    .type = VALUE_FLAG,
			    .help = "go on as they happen, one line each" },
	[EVENTS_FOLLOW + 1] = { .name = NULL },
};

static const struct parameter trace_start[] = {
	[TRACE_COUNT] = NUMBER("count", PARAMETER_POSITIONAL | PARAMETER_REQUIRED, 0,
			       TRACE_PACKETS_MAX, "so many packets; 0: end the one that runs"),
	[TRACE_PORT] = { .name = "port",
			 .type = VALUE_NAME,
			 .complete = "port",
			 .help = "that came in by this port" },
	[TRACE_MATCH] = { .name = "match",
			  .type = VALUE_STRING,
			  .minimum = 1,
			  .placeholder = "EXPR",
			  .help = "that pcap-filter(7) finds, when they come in" },
	[TRACE_TIMEOUT] = { .name = "timeout",
			    .type = VALUE_DURATION,
			    .minimum = 1000000,
			    .maximum = 24 * 3600 * 1000000000ull,
			    .help = "end after this time, usually 60s" },
	[TRACE_PROGRAM] = { .name = "program",
			    .type = VALUE_STRING,
			    .minimum = 1,
			    .help = "instead of match: what `tcpdump -ddd` makes of it, commas for "
				    "newlines" },
	[TRACE_PROGRAM + 1] = { .name = NULL },
};

static const char *const metrics_words[] = { "prometheus", "openmetrics", NULL };
static const struct parameter metrics_show[] = {
	[METRICS_FORMAT] = WORDS("format", 0, metrics_words,
				 "text format 0.0.4 (default) or OpenMetrics 1.0"),
	[METRICS_FORMAT + 1] = { .name = NULL },
};

static const char *const top_words[] = { "ports", "tunnels", "labels",     "groups", "rules",
					 "drops", "workers", "interfaces", NULL };
static const struct parameter top_show[] = {
	[TOP_PANE] = WORDS("pane", PARAMETER_POSITIONAL, top_words, "what to begin with"),
	[TOP_INTERVAL] = { .name = "interval",
			   .type = VALUE_DURATION,
			   .flags = PARAMETER_SECONDS,
			   .minimum = 100000000ull,
			   .maximum = 60000000000ull,
			   .help = "time between two looks, 1s if left out; a number: in seconds" },
	[TOP_COUNT] = NUMBER("count", 0, 1, 1000000000, "end after so many"),
	[TOP_SORT] = { .name = "sort",
		       .type = VALUE_STRING,
		       .minimum = 1,
		       .maximum = 63,
		       .placeholder = "COLUMN",
		       .help = "the column that decides the order, as JSON output names it" },
	[TOP_REVERSE] = { .name = "reverse", .type = VALUE_FLAG, .help = "smallest first" },
	[TOP_ROWS_WANTED] = NUMBER("rows", 0, 1, 1000, "at most so many where there is no terminal, 20 if left out"),
	[TOP_ROWS_WANTED + 1] = { .name = NULL },
};

static const struct parameter nothing[] = { { .name = NULL } };

#define CONFIG_FILE_NAME(extra, text)                                                              \
	{                                                                                          \
		.name = "file", .type = VALUE_STRING, .flags = PARAMETER_POSITIONAL | (extra),     \
		.minimum = 1, .help = text                                                         \
	}

static const struct parameter config_save[] = {
	CONFIG_FILE_NAME(0, "where to, left out: the file it started from"), { .name = NULL }
};
static const struct parameter config_diff[] = {
	CONFIG_FILE_NAME(PARAMETER_REQUIRED, "the file to compare with"), { .name = NULL }
};
static const struct parameter config_apply[] = {
	[CONFIG_FILE] = CONFIG_FILE_NAME(PARAMETER_REQUIRED, "the file"),
	[CONFIG_CONFIRM] = { .name = "confirm",
			     .type = VALUE_DURATION,
			     .minimum = 1000000000ull,
			     .maximum = 7 * 24 * 3600 * 1000000000ull,
			     .help = "roll back after this time unless `config confirm` comes" },
	[CONFIG_CONFIRM + 1] = { .name = NULL },
};

#define SPELLED(name, word, act, spelled, access, list, text)                                      \
	[COMMAND_##name] = { COMMAND_##name, word, act, spelled, access, list, text }
#define LOOK(name, word, act, list, text)   SPELLED(name, word, act, NULL, ACCESS_LOOK, list, text)
#define CHANGE(name, word, act, list, text) SPELLED(name, word, act, NULL, ACCESS_CHANGE, list, text)

static const struct command table[] = {
	CHANGE(BRIDGE_ADD, "bridge", "add", bridge_add, "make a bridge"),
	CHANGE(BRIDGE_SET, "bridge", "set", bridge_set, "change a bridge"),
	CHANGE(BRIDGE_DEL, "bridge", "del", bridge_del, "remove a bridge"),
	LOOK(BRIDGE_SHOW, "bridge", "show", bridge_show, "bridges and their ports"),
	CHANGE(PORT_ADD, "port", "add", port_add, "take a device into use"),
	CHANGE(PORT_SET, "port", "set", port_set, "change a port"),
	CHANGE(PORT_DEL, "port", "del", port_del, "give a device back"),
	LOOK(PORT_SHOW, "port", "show", port_show, "ports: configuration, link, statistics"),
	CHANGE(VLAN_ADD, "vlan", "add", vlan_add, "make a VLAN subinterface of a port"),
	CHANGE(VLAN_SET, "vlan", "set", vlan_set, "change a VLAN subinterface"),
	CHANGE(VLAN_DEL, "vlan", "del", vlan_del, "remove a VLAN subinterface"),
	LOOK(VLAN_SHOW, "vlan", "show", vlan_show, "VLAN subinterfaces"),
	CHANGE(LOOPBACK_ADD, "loopback", "add", loopback_add, "make a loopback interface"),
	CHANGE(LOOPBACK_SET, "loopback", "set", loopback_set, "change a loopback interface"),
	CHANGE(LOOPBACK_DEL, "loopback", "del", loopback_del, "remove a loopback interface"),
	LOOK(LOOPBACK_SHOW, "loopback", "show", loopback_show, "loopback interfaces"),
	CHANGE(TUNNEL_ADD, "tunnel", "add", tunnel_add_parameters, "make a tunnel"),
	CHANGE(TUNNEL_SET, "tunnel", "set", tunnel_set_parameters, "change a tunnel"),
	CHANGE(TUNNEL_DEL, "tunnel", "del", tunnel_del_parameters, "remove a tunnel"),
	LOOK(TUNNEL_SHOW, "tunnel", "show", tunnel_show_parameters,
	     "tunnels: state, the way to the other end, statistics"),
	CHANGE(ADDRESS_ADD, "address", "add", address_change, "give an interface an address"),
	CHANGE(ADDRESS_DEL, "address", "del", address_change, "take an address from an interface"),
	LOOK(ADDRESS_SHOW, "address", "show", address_show, "interface addresses"),
	CHANGE(PSEUDOWIRE_ADD, "pseudowire", "add", pseudowire_add_parameters,
	       "carry a bridge's Ethernet frames below a label (RFC 4448)"),
	CHANGE(PSEUDOWIRE_SET, "pseudowire", "set", pseudowire_set_parameters,
	       "change a pseudowire"),
	CHANGE(PSEUDOWIRE_DEL, "pseudowire", "del", pseudowire_del_parameters,
	       "remove a pseudowire"),
	LOOK(PSEUDOWIRE_SHOW, "pseudowire", "show", pseudowire_show_parameters,
	     "pseudowires: state, labels, the way to the other end, statistics"),
	CHANGE(FDB_ADD, "bridge fdb", "add", fdb_add, "say by which port an address is reached"),
	CHANGE(FDB_DEL, "bridge fdb", "del", fdb_del, "forget a static address"),
	CHANGE(FDB_FLUSH, "bridge fdb", "flush", fdb_flush_parameters,
	       "forget learned addresses: they are learned anew"),
	LOOK(FDB_SHOW, "bridge fdb", "show", fdb_show, "addresses that bridges know"),
	CHANGE(BRIDGE_GROUP_ADD, "bridge group", "add", bridge_group_change,
	       "send a group to a port, whoever asked for it"),
	CHANGE(BRIDGE_GROUP_DEL, "bridge group", "del", bridge_group_change,
	       "send a group to a port only if somebody asked for it"),
	LOOK(BRIDGE_GROUPS_SHOW, "bridge groups", "show", fdb_show,
	     "groups that hosts on bridges' ports have asked for"),
	CHANGE(BRIDGE_ROUTER_ADD, "bridge router", "add", bridge_router_add,
	       "say that there is a multicast router at a port, or that there is none"),
	CHANGE(BRIDGE_ROUTER_DEL, "bridge router", "del", bridge_router_del,
	       "learn whether there is a multicast router at a port"),
	LOOK(BRIDGE_ROUTERS_SHOW, "bridge routers", "show", fdb_show,
	     "bridges' ports at which there are multicast routers"),
	CHANGE(BRIDGE_MULTICAST_ADD, "bridge multicast", "add", bridge_multicast_add,
	       "limit what hosts at a bridge's port may ask for"),
	CHANGE(BRIDGE_MULTICAST_DEL, "bridge multicast", "del", bridge_multicast_del,
	       "take those limits away"),
	LOOK(BRIDGE_SNOOPING_SHOW, "bridge snooping", "show", fdb_show,
	     "who asks hosts for their groups, and what snooping has counted"),
	CHANGE(BRIDGE_TOPOLOGY_CHANGE, "bridge topology", "change", topology_change,
	       "hosts may be elsewhere now: forget learned addresses, ask for groups; a BPDU with a "
	       "change does so too, but for one that comes out of a label"),
	LOOK(MULTICAST_ROUTE_SHOW, "multicast route", "show", nothing,
	     "groups that are routed to bridges and interfaces"),
	LOOK(MULTICAST_GROUPS_SHOW, "multicast groups", "show", multicast_show,
	     "groups that hosts behind routed interfaces have asked for"),
	LOOK(MULTICAST_QUERIER_SHOW, "multicast querier", "show", multicast_show,
	     "who asks hosts behind routed interfaces, and what IGMP and MLD have counted"),
	CHANGE(NEIGH_ADD, "neigh", "add", neigh_change, "add a static neighbour"),
	CHANGE(NEIGH_REPLACE, "neigh", "replace", neigh_change, "add or change a static neighbour"),
	CHANGE(NEIGH_DEL, "neigh", "del", neigh_del, "remove a neighbour"),
	LOOK(NEIGH_SHOW, "neigh", "show", neigh_show, "neighbours"),
	CHANGE(ROUTE_ADD, "route", "add", route_change, "add a route"),
	CHANGE(ROUTE_REPLACE, "route", "replace", route_change,
	       "add or change a route, without a gap"),
	CHANGE(ROUTE_DEL, "route", "del", route_del, "remove a route"),
	LOOK(ROUTE_SHOW, "route", "show", route_show, "routes of all kinds"),
	CHANGE(MPLS_ADD, "mpls", "add", mpls_change, "add a label route"),
	CHANGE(MPLS_REPLACE, "mpls", "replace", mpls_change,
	       "add or change a label route, without a gap"),
	CHANGE(MPLS_DEL, "mpls", "del", mpls_del, "remove a label route"),
	LOOK(MPLS_SHOW, "mpls", "show", mpls_show, "label routes, with packets and bytes"),
	LOOK(NEXTHOP_SHOW, "nexthop", "show", nexthop_show, "nexthops that routes share"),
	CHANGE(FILTER_LIST_ADD, "filter list", "add", filter_list_change,
	       "add prefixes to a list; the first makes it"),
	CHANGE(FILTER_LIST_DEL, "filter list", "del", filter_list_change,
	       "take prefixes from a list; the last removes it"),
	LOOK(FILTER_LIST_SHOW, "filter list", "show", filter_list_show,
	     "lists, or the prefixes of one"),
	CHANGE(FILTER_ADD, "filter", "add", filter_add, "make a filter"),
	CHANGE(FILTER_SET, "filter", "set", filter_set, "change what becomes of the rest"),
	CHANGE(FILTER_DEL, "filter", "del", filter_del, "remove a filter that has no rules and is not bound"),
	LOOK(FILTER_SHOW, "filter", "show", filter_show,
	     "filters, or one with its rules; -s: what they counted"),
	LOOK(FILTER_TEST, "filter", "test", filter_test, "which rule decides about a packet"),
	CHANGE(FILTER_RULE_ADD, "filter rule", "add", filter_rule_change, "add a rule"),
	CHANGE(FILTER_RULE_REPLACE, "filter rule", "replace", filter_rule_change,
	       "add or change a rule, without a gap"),
	CHANGE(FILTER_RULE_DEL, "filter rule", "del", filter_rule_del, "remove a rule"),
	LOOK(FILTER_RULE_SHOW, "filter rule", "show", filter_rule_show,
	     "rules, with what they counted"),
	SPELLED(FILTER_BIND, "filter bind", "add", "filter bind", ACCESS_CHANGE, filter_bind,
		"let a filter decide about packets"),
	SPELLED(FILTER_UNBIND, "filter bind", "del", "filter unbind", ACCESS_CHANGE, filter_bind,
		"let it decide no more"),
	LOOK(SHOW_DROPS, "show", "drops", show_interface, "dropped packets by reason"),
	LOOK(SHOW_COUNTERS, "show", "counters", show_interface,
	     "packets by interface and how they ended"),
	LOOK(SHOW_WORKERS, "show", "workers", nothing, "load of each worker"),
	LOOK(SHOW_PROTOCOLS, "show", "protocols", nothing,
	     "what ARP, neighbour discovery and ICMP counted since the control plane began"),
	LOOK(SHOW_MEMORY, "show", "memory", nothing, "table memory"),
	LOOK(SHOW_VERSION, "show", "version", nothing,
	     "versions of the processes and of the layout"),
	LOOK(SHOW_RUNTIME, "show", "runtime", nothing,
	     "packets a call and cycles a packet of each stage, of one in 64 busy turns"),
	LOOK(SHOW_TRACE, "show", "trace", nothing, "packets of the last trace"),
	LOOK(SHOW_EVENTS, "show", "events", show_events, "what happened lately"),
	LOOK(METRICS_SHOW, "metrics", "show", metrics_show, "all numbers, for Prometheus"),
	LOOK(TOP_SHOW, "top", "show", top_show, "rates, live: of ports, tunnels, labels, rules, ..."),
	LOOK(TABLES_EXPORT, "tables", "export", nothing, "every row of every table as JSON lines"),
	CHANGE(TRACE, "trace", "start", trace_start,
	       "follow the next packets through the stages"),
	SPELLED(CAPTURE, "capture", "start", "capture", ACCESS_CHANGE, capture_start,
		"write packets to a file, for Wireshark"),
	CHANGE(COUNTERS_CLEAR, "counters", "clear", show_interface, "count from zero again"),
	CHANGE(CLEAR_RUNTIME, "clear", "runtime", nothing,
	       "`show runtime` counts from zero again; metrics go on"),
	LOOK(CONFIG_SHOW, "config", "show", nothing, "the running configuration"),
	CHANGE(CONFIG_SAVE, "config", "save", config_save,
	       "write the running configuration to a file"),
	LOOK(CONFIG_DIFF, "config", "diff", config_diff, "what `config apply` would change"),
	CHANGE(CONFIG_APPLY, "config", "apply", config_apply,
	       "make the running configuration this one"),
	CHANGE(CONFIG_CONFIRM, "config", "confirm", nothing, "keep what `config apply` did"),
	CHANGE(CONFIG_ROLLBACK, "config", "rollback", nothing, "undo what `config apply` did"),
};
static_assert(sizeof(table) / sizeof(table[0]) == COMMAND_COUNT, "one row per command");
static_assert(sizeof(mpls_change) / sizeof(mpls_change[0]) <= PARAMETER_MAX, "parameters");

const struct command *command_table(unsigned int *count)
{
	*count = COMMAND_COUNT;
	return table;
}

const struct command *command_by_id(enum command_id id)
{
	return (unsigned int)id < COMMAND_COUNT ? &table[id] : NULL;
}

const struct command *command_by_method(const char *method)
{
	for (unsigned int i = 0; i < COMMAND_COUNT; i++) {
		size_t noun = strlen(table[i].noun);
		if (table[i].spelled) {
			if (strcmp(method, table[i].spelled) == 0)
				return &table[i];
			continue;
		}
		if (strncmp(method, table[i].noun, noun) == 0 && method[noun] == ' ' &&
		    strcmp(method + noun + 1, table[i].verb) == 0)
			return &table[i];
	}
	return NULL;
}
