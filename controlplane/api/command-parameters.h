/* SPDX-License-Identifier: BSD-3-Clause
 *
 * command-parameters.h: the numbers of each command's parameters, and of the words that they take. A part of
 * command.h, which is what to include.
 *
 * Parameters are indexes into arguments->value, in the order of each command's parameter list in table.c. A
 * noun's add, set, replace and del share one numbering.
 */
#ifndef SHUNT_API_COMMAND_PARAMETERS_H
#define SHUNT_API_COMMAND_PARAMETERS_H

enum port_parameter { /* port add NAME devargs STRING [mtu N] [rx-queues N] [mpls on|off [space N]
			    * [upstream-space N]] [vrf N] [host-interface NAME|none]
			    * [rpf off|strict|loose] [bridge ...] [multicast-routing ...] [up|down];
			    * port set NAME [devargs STRING] [mtu N] [rx-queues N] [mpls ...]
			    * [host-interface NAME|none] [rpf ...] [bridge ...] [multicast-routing ...]
			    * [up|down] */
		      PORT_NAME,
		      PORT_DEVARGS,
		      PORT_MTU,
		      PORT_RX_QUEUES,
		      PORT_MPLS,
		      PORT_SPACE,
		      PORT_UPSTREAM_SPACE,
		      PORT_VRF,
		      PORT_HOST_INTERFACE,
		      PORT_RPF, /* WORD: enum rpf_word */
		      /* [bridge BR|none [vlan V | trunk V[,V-V] [native V]] [isolated on|off]
		       * [learning on|off] [learning-limit N] [storm-broadcast PPS]
		       * [storm-multicast PPS] [storm-unicast PPS]] */
		      PORT_BRIDGE,
		      PORT_VLAN,
		      PORT_TRUNK,
		      PORT_NATIVE,
		      PORT_ISOLATED,
		      PORT_LEARNING,
		      PORT_LEARNING_LIMIT,
		      PORT_STORM_BROADCAST,
		      PORT_STORM_MULTICAST,
		      PORT_STORM_UNICAST,
		      /* as BRIDGE_MULTICAST_ROUTING and those behind it */
		      PORT_MULTICAST_ROUTING,
		      PORT_TTL_THRESHOLD,
		      PORT_IGMP_VERSION,
		      PORT_MLD_VERSION,
		      PORT_FAST_LEAVE,
		      PORT_QUERY_INTERVAL,
		      PORT_QUERY_RESPONSE_INTERVAL,
		      PORT_LAST_MEMBER_INTERVAL,
		      PORT_LAST_MEMBER_COUNT,
		      PORT_ROBUSTNESS,
		      PORT_STARTUP_INTERVAL,
		      PORT_STARTUP_COUNT,
		      PORT_STRICT,
		      PORT_GROUP_LIMIT,
		      PORT_SOURCE_LIMIT,
		      PORT_ADMIN /* WORD up, down */
};
/* bridge add BR [vlan V] [mtu N] [lladdr MAC] [vrf N] [mpls ...] [learning on|off] [ageing T]
 * [unknown-unicast flood|drop] [up|down]; vlan: where its own interface is */
enum bridge_parameter {
	BRIDGE_NAME,
	BRIDGE_VLAN,
	BRIDGE_MTU,
	BRIDGE_LLADDR,
	BRIDGE_MPLS,
	BRIDGE_SPACE,
	BRIDGE_UPSTREAM_SPACE,
	BRIDGE_VRF,
	BRIDGE_LEARN,
	BRIDGE_AGEING,
	BRIDGE_UNKNOWN_UNICAST,
	BRIDGE_RPF,
	/* IGMP and MLD snooping in all its VLANs: [snooping on|off] [querier on|off] [querier-address IP]
	 * [unknown-multicast flood|router-ports|drop] [proxy on|off] */
	BRIDGE_SNOOPING,
	BRIDGE_QUERIER,
	BRIDGE_QUERIER_ADDRESS,
	BRIDGE_UNKNOWN_MULTICAST, /* WORD: enum bridge_unregistered */
	BRIDGE_PROXY,
	/* MULTICAST_ROUTER of parameter.h stands in this order in each command that has it:
	 * [multicast-routing off|on|no-rpf] [multicast-ttl-threshold N] [igmp-version 2|3] [mld-version 1|2]
	 * [fast-leave on|off] and so on */
	BRIDGE_MULTICAST_ROUTING, /* WORD: enum multicast_routing_word */
	BRIDGE_TTL_THRESHOLD,
	BRIDGE_IGMP_VERSION,
	BRIDGE_MLD_VERSION,
	BRIDGE_FAST_LEAVE,
	BRIDGE_QUERY_INTERVAL,
	BRIDGE_QUERY_RESPONSE_INTERVAL,
	BRIDGE_LAST_MEMBER_INTERVAL,
	BRIDGE_LAST_MEMBER_COUNT,
	BRIDGE_ROBUSTNESS,
	BRIDGE_STARTUP_INTERVAL,
	BRIDGE_STARTUP_COUNT,
	BRIDGE_STRICT,
	BRIDGE_GROUP_LIMIT,
	BRIDGE_SOURCE_LIMIT,
	BRIDGE_ADMIN
};
enum multicast_routing_word { MULTICAST_ROUTING_OFF, MULTICAST_ROUTING_ON, MULTICAST_ROUTING_NO_RPF };
enum unknown_unicast_word { UNKNOWN_FLOOD, UNKNOWN_DROP };
enum fdb_parameter { FDB_MAC, FDB_DEV, FDB_VLAN }; /* bridge fdb add MAC dev PORT [vlan V] */
enum fdb_show_parameter { FDB_SHOW_BRIDGE };       /* bridge fdb|groups|routers show [BR] */
/* bridge group add BR [vlan V] GROUP [source IP] port P */
enum bridge_group_parameter {
	BRIDGE_GROUP_BRIDGE,
	BRIDGE_GROUP_VLAN,
	BRIDGE_GROUP_ADDRESS,
	BRIDGE_GROUP_SOURCE,
	BRIDGE_GROUP_PORT
};
/* bridge router add BR [vlan V] port P [family ipv4|ipv6] [always|never] */
enum bridge_router_parameter {
	BRIDGE_ROUTER_BRIDGE,
	BRIDGE_ROUTER_VLAN,
	BRIDGE_ROUTER_PORT,
	BRIDGE_ROUTER_FAMILY, /* WORD: enum router_family_word */
	BRIDGE_ROUTER_MODE    /* WORD: enum router_mode_word */
};
enum router_family_word { ROUTER_IPV4, ROUTER_IPV6 };
enum router_mode_word { ROUTER_ALWAYS, ROUTER_NEVER };
/* bridge fdb flush BR [dev IF] [vlan V] */
enum fdb_flush_parameter { FDB_FLUSH_BRIDGE, FDB_FLUSH_DEV, FDB_FLUSH_VLAN };
enum topology_parameter { TOPOLOGY_BRIDGE, TOPOLOGY_VLAN }; /* bridge topology change BR [vlan V] */
/* bridge multicast add P [fast-leave on|off] [group-limit N] [permit PREFIX,PREFIX...] */
enum bridge_multicast_parameter {
	BRIDGE_MULTICAST_PORT,
	BRIDGE_MULTICAST_FAST_LEAVE,
	BRIDGE_MULTICAST_GROUP_LIMIT,
	BRIDGE_MULTICAST_PERMIT
};
enum vlan_parameter { /* vlan add NAME dev PORT tag N [inner N] [mtu N] [mpls ...] [vrf N]
			* [multicast-routing ...] */
		      VLAN_NAME,
		      VLAN_DEV,
		      VLAN_TAG,
		      VLAN_INNER,
		      VLAN_MTU,
		      VLAN_MPLS,
		      VLAN_SPACE,
		      VLAN_UPSTREAM_SPACE,
		      VLAN_VRF,
		      VLAN_RPF,
		      /* as BRIDGE_MULTICAST_ROUTING and those behind it */
		      VLAN_MULTICAST_ROUTING,
		      VLAN_TTL_THRESHOLD,
		      VLAN_IGMP_VERSION,
		      VLAN_MLD_VERSION,
		      VLAN_FAST_LEAVE,
		      VLAN_QUERY_INTERVAL,
		      VLAN_QUERY_RESPONSE_INTERVAL,
		      VLAN_LAST_MEMBER_INTERVAL,
		      VLAN_LAST_MEMBER_COUNT,
		      VLAN_ROBUSTNESS,
		      VLAN_STARTUP_INTERVAL,
		      VLAN_STARTUP_COUNT,
		      VLAN_STRICT,
		      VLAN_GROUP_LIMIT,
		      VLAN_SOURCE_LIMIT,
		      VLAN_ADMIN
};
enum loopback_parameter { LOOPBACK_NAME, LOOPBACK_VRF, LOOPBACK_ADMIN };
enum tunnel_parameter {
	/* tunnel add NAME mode gre|gretap|ipip|vxlan local IP remote IP|any [key N] [vni N] ... */
	TUNNEL_PARAMETER_NAME,
	TUNNEL_PARAMETER_MODE, /* words in the order of enum tunnel_mode */
	TUNNEL_PARAMETER_LOCAL,
	TUNNEL_PARAMETER_REMOTE,
	TUNNEL_PARAMETER_KEY,
	TUNNEL_PARAMETER_VNI,
	TUNNEL_PARAMETER_CHECKSUM,
	TUNNEL_PARAMETER_SEQUENCE,
	TUNNEL_PARAMETER_TTL,
	TUNNEL_PARAMETER_DSCP,
	TUNNEL_PARAMETER_DF,
	TUNNEL_PARAMETER_FRAGMENT,
	TUNNEL_PARAMETER_KEEPALIVE,
	TUNNEL_PARAMETER_RETRIES,
	TUNNEL_PARAMETER_MSS,
	TUNNEL_PARAMETER_MTU,
	TUNNEL_PARAMETER_MPLS,
	TUNNEL_PARAMETER_SPACE,
	TUNNEL_PARAMETER_VRF,
	TUNNEL_PARAMETER_OUTER_VRF,
	TUNNEL_PARAMETER_RPF,
	TUNNEL_PARAMETER_BRIDGE, /* as PORT_BRIDGE and those behind it */
	TUNNEL_PARAMETER_VLAN,
	TUNNEL_PARAMETER_TRUNK,
	TUNNEL_PARAMETER_NATIVE,
	TUNNEL_PARAMETER_ISOLATED,
	TUNNEL_PARAMETER_LEARNING,
	TUNNEL_PARAMETER_LEARNING_LIMIT,
	TUNNEL_PARAMETER_STORM_BROADCAST,
	TUNNEL_PARAMETER_STORM_MULTICAST,
	TUNNEL_PARAMETER_STORM_UNICAST,
	TUNNEL_PARAMETER_ADMIN
};
/* pseudowire add NAME bridge BR [vlan V | trunk V[,V-V] ...] in L [space N] out STACK [via IP] [dev IF]
 * [control-word] [mtu N] [up|down] */
enum pseudowire_parameter {
	PSEUDOWIRE_NAME,
	PSEUDOWIRE_BRIDGE, /* as PORT_BRIDGE and those behind it */
	PSEUDOWIRE_VLAN,
	PSEUDOWIRE_TRUNK,
	PSEUDOWIRE_NATIVE,
	PSEUDOWIRE_ISOLATED,
	PSEUDOWIRE_LEARNING,
	PSEUDOWIRE_LEARNING_LIMIT,
	PSEUDOWIRE_STORM_BROADCAST,
	PSEUDOWIRE_STORM_MULTICAST,
	PSEUDOWIRE_STORM_UNICAST,
	PSEUDOWIRE_IN,
	PSEUDOWIRE_SPACE,
	PSEUDOWIRE_OUT,
	PSEUDOWIRE_VIA,
	PSEUDOWIRE_DEV,
	PSEUDOWIRE_CONTROL_WORD,
	PSEUDOWIRE_MTU,
	PSEUDOWIRE_ADMIN
};
enum sequence_word {
	SEQUENCE_WORD_STRICT,
	SEQUENCE_WORD_WINDOW,
	SEQUENCE_WORD_SEND,
	SEQUENCE_WORD_OFF
};
enum df_word { DF_WORD_INHERIT, DF_WORD_SET, DF_WORD_CLEAR };
enum {
	TTL_MAX = 255,
	DSCP_MAX = 63,
	MSS_MAX = 65535,
	TUNNEL_TTL_USUAL = 64, /* RFC 2003 3.1 asks for one that lasts to the other end */
	TUNNEL_RETRIES_USUAL = 3,
};
#define KEEPALIVE_USUAL_NS 10000000000ull
#define KEEPALIVE_MAX_NS   3600000000000ull
enum address_parameter { ADDRESS_PREFIX, ADDRESS_DEV }; /* address add PREFIX dev IF */
enum neigh_parameter {
	NEIGH_ADDRESS,
	NEIGH_LLADDR,
	NEIGH_DEV
}; /* neigh add IP lladdr MAC dev IF */
enum route_parameter {
	/* route add PREFIX [vrf N] PATH [PATH ...] | blackhole | unreachable; a PATH has no swap here.
	 * blackhole and unreachable are POSITIONAL WORD ROUTE_TARGET, in JSON "target" */
	ROUTE_PREFIX,
	ROUTE_VRF,
	ROUTE_TARGET,
	ROUTE_PATHS
};
enum route_target_word { TARGET_BLACKHOLE, TARGET_UNREACHABLE };
/* route show [PREFIX] [vrf N] [from PREFIX] [count N]: rows in the order of VRF, family, address and
 * length. `from` is of the first VRF that is shown. */
enum route_show_parameter { ROUTE_SHOW_FROM = ROUTE_VRF + 1, ROUTE_SHOW_COUNT };
enum mpls_parameter {
	/* mpls add L [space N] swap STACK PATH [swap STACK PATH ...]
	 *                      | pop PATH [PATH ...] | pop ip [vrf N] | pop label | pop bridge BR [control-word]
	 *                      | replicate [swap STACK] PATH [[swap STACK] PATH ...]
	 *                      [ttl uniform|pipe] [tc uniform|pipe] [no-counters]
	 * `pop` is POSITIONAL WORD MPLS_OPERATION in JSON "operation": swap | pop | pop-ip | pop-label |
	 * pop-bridge; in text `swap` may be left to the path's own keyword. */
	MPLS_LABEL,
	MPLS_SPACE,
	MPLS_OPERATION,
	MPLS_PATHS,
	MPLS_VRF,
	MPLS_BRIDGE,
	MPLS_CONTROL_WORD,
	MPLS_TTL,
	MPLS_TC,
	MPLS_NO_COUNTERS
};
/* mpls show [L] [space N] [from L] [count N]: rows are in the order of space and label. `from` is of
 * the first space that is shown. */
enum mpls_show_parameter { MPLS_SHOW_FROM = MPLS_SPACE + 1, MPLS_SHOW_COUNT };
enum mpls_operation_word {
	OPERATION_SWAP,
	OPERATION_POP,
	OPERATION_POP_IP,
	OPERATION_POP_LABEL,
	OPERATION_POP_BRIDGE,
	OPERATION_REPLICATE
};
/* filter list add|del LIST PREFIX...; show [LIST] [from PREFIX] [count N] */
enum filter_list_parameter { FILTER_LIST_NAME, FILTER_LIST_PREFIXES };
enum filter_list_show_parameter {
	FILTER_LIST_SHOW_FROM = FILTER_LIST_NAME + 1,
	FILTER_LIST_SHOW_COUNT
};
/* filter add|set NAME [default permit|deny] */
enum filter_parameter { FILTER_NAME, FILTER_DEFAULT };
enum filter_word { FILTER_WORD_PERMIT, FILTER_WORD_DENY }; /* action, default */
/* filter rule add|replace NAME SEQ permit|deny|police RATE [burst B] [excess-burst B] [peak RATE
 * [peak-burst B]] [exceed permit|deny|DSCP] MATCH...; filter test NAME has the same numbers for what it takes. */
enum filter_rule_parameter {
	RULE_FILTER,
	RULE_SEQUENCE,
	RULE_ACTION,
	RULE_POLICE,
	RULE_BURST,
	RULE_EXCESS_BURST,
	RULE_PEAK,
	RULE_PEAK_BURST,
	RULE_EXCEED,
	RULE_ETHERTYPE,
	RULE_PROTOCOL,
	RULE_FROM,
	RULE_TO,
	RULE_SPORT,
	RULE_DPORT,
	RULE_ICMP,
	RULE_SYN,
	RULE_ESTABLISHED,
	RULE_FRAGMENTS,
	RULE_DSCP,
	RULE_LOG
};
/* filter bind|unbind NAME in|out IF | vrf V | [in] local */
enum filter_bind_parameter { BIND_FILTER, BIND_DIRECTION, BIND_DEV, BIND_VRF };
enum filter_direction_word { BIND_IN, BIND_OUT, BIND_LOCAL, BIND_IN_LOCAL /* the same */ };
enum model_word { MODEL_UNIFORM, MODEL_PIPE }; /* ttl, tc */
enum admin_word { ADMIN_UP, ADMIN_DOWN };
enum rpf_word { RPF_OFF, RPF_STRICT, RPF_LOOSE };
enum config_parameter {
	CONFIG_FILE,
	CONFIG_CONFIRM
}; /* apply|diff FILE [confirm T]; save [FILE]. In
							* JSON-RPC the file's content may be given
							* inline: "config": {...} is then used */
/* metrics [format F] */
enum metrics_parameter { METRICS_FORMAT };
enum metrics_word { METRICS_PROMETHEUS, METRICS_OPENMETRICS };
/* top [PANE] [interval T] [count N] [sort COLUMN] [reverse] [rows N]: all of it is the client's part */
enum top_parameter { TOP_PANE, TOP_INTERVAL, TOP_COUNT, TOP_SORT, TOP_REVERSE, TOP_ROWS_WANTED };
enum top_pane_word {
	TOP_WORD_PORTS,
	TOP_WORD_TUNNELS,
	TOP_WORD_LABELS,
	TOP_WORD_GROUPS,
	TOP_WORD_RULES,
	TOP_WORD_DROPS,
	TOP_WORD_WORKERS,
	TOP_WORD_INTERFACES,
	TOP_WORDS
};
/* show events [from N] [count N] [kind K] [follow]: `follow` is the client's part */
enum event_parameter { EVENTS_FROM, EVENTS_COUNT, EVENTS_KIND, EVENTS_FOLLOW };
enum event_kind {                /* in the order of event_kind_words */
		  EVENT_PROCESS, /* one of the two started or ended */
		  EVENT_LINK,
		  EVENT_ADDRESS, /* duplicates */
		  EVENT_NEIGHBOUR,
		  EVENT_MAC, /* moved between a bridge's ports, held there */
		  EVENT_JOIN,
		  EVENT_LEAVE,
		  EVENT_ROUTER, /* multicast routers and queriers */
		  EVENT_TUNNEL,
		  EVENT_FILTER,
		  EVENT_CONFIG, /* loaded, saved, applied, confirmed, rolled back */
		  EVENT_KINDS
};
extern const char *const event_kind_words[]; /* ends with NULL */
/* trace N [port P] [match EXPR] [timeout T] [program TEXT]; 0 ends it. `match` is the client's part: it
 * sends `program` instead (controlplane/object/watch.h). Answers {"generation"}. */
enum trace_parameter { TRACE_COUNT, TRACE_PORT, TRACE_MATCH, TRACE_TIMEOUT, TRACE_PROGRAM };
#define TRACE_TIMEOUT_USUAL 60000000000ull
/* capture FILE [port P] [match EXPR] [count N] [duration T] [snap N] [dropped] [punted] [stage S [after]]:
 * received, sent and dropped packets if none of the last ones is given. FILE, `match` and `duration` are the
 * client's part: it sends `program` instead of `match`, then within CAPTURE_LEASE_NS, again and again, the
 * `generation` that it was answered, and that with `stop` at the end. */
enum capture_parameter {
	CAPTURE_PARAMETER_FILE,
	CAPTURE_PARAMETER_PORT,
	CAPTURE_PARAMETER_MATCH,
	CAPTURE_PARAMETER_COUNT,
	CAPTURE_PARAMETER_DURATION,
	CAPTURE_PARAMETER_SNAP,
	CAPTURE_PARAMETER_DROPPED,
	CAPTURE_PARAMETER_PUNTED,
	CAPTURE_PARAMETER_STAGE, /* WORD: of CAPTURE_STAGES (dataplane/shm/capture.h) */
	CAPTURE_PARAMETER_AFTER,
	CAPTURE_PARAMETER_PROGRAM,
	CAPTURE_PARAMETER_GENERATION,
	CAPTURE_PARAMETER_STOP
};
#define CAPTURE_LEASE_NS 5000000000ull
enum show_parameter {
	SHOW_NAME
}; /* `port show [NAME]`, `mpls show [LABEL]` etc.: the noun's keys, none required */

#endif
