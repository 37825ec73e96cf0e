/* SPDX-License-Identifier: BSD-3-Clause
 *
 * table-filter.c: the parameters of filters, their rules, lists and bindings.
 */
#include "controlplane/api/parameter.h"

#define END(list) [list] = { .name = NULL }
#define TEXT(word, extra, what, text)                                                              \
	{                                                                                          \
		.name = word, .type = VALUE_STRING, .flags = extra, .minimum = 1,                  \
		.placeholder = what, .help = text                                                  \
	}
#define FLAG(word, text)                                                                           \
	{                                                                                          \
		.name = word, .type = VALUE_FLAG, .help = text                                     \
	}
#define LIST_NAME(extra, text)                                                                     \
	{                                                                                          \
		.name = "name", .type = VALUE_NAME,                                                \
		.flags = PARAMETER_POSITIONAL | PARAMETER_AT | (extra), .complete = "filter-list", \
		.placeholder = "LIST", .help = text                                                \
	}

static const char *const action_words[] = { "permit", "deny", NULL };
static const char *const direction_words[] = { "in", "out", "local", "in local", NULL };

/* ---- lists ---- */

const struct parameter filter_list_change[] = {
	[FILTER_LIST_NAME] = LIST_NAME(KEY, "the list"),
	[FILTER_LIST_PREFIXES] = { .name = "prefixes",
				   .type = VALUE_PREFIXES,
				   .flags = KEY,
				   .placeholder = "PREFIX...",
				   .help = "addresses: 192.0.2.1, 10.0.0.0/8, 2001:db8::/32" },
	END(FILTER_LIST_PREFIXES + 1),
};

const struct parameter filter_list_show[] = {
	[FILTER_LIST_NAME] = LIST_NAME(PARAMETER_KEY, "only this one, with its prefixes"),
	[FILTER_LIST_SHOW_FROM] = { .name = "from",
				    .type = VALUE_PREFIX,
				    .help = "first prefix to look at" },
	[FILTER_LIST_SHOW_COUNT] =
		NUMBER("count", 0, 1, ROUTE_ROWS_MAX, "at most so many prefixes"),
	END(FILTER_LIST_SHOW_COUNT + 1),
};

/* ---- filters ---- */

#define DEFAULT WORDS("default", 0, action_words, "what becomes of IP packets that no rule matches")

const struct parameter filter_add[] = {
	[FILTER_NAME] = OBJECT_NAME(KEY, NULL, "name of the new filter"),
	[FILTER_DEFAULT] = DEFAULT,
	END(FILTER_DEFAULT + 1),
};

const struct parameter filter_set[] = {
	[FILTER_NAME] = OBJECT_NAME(KEY, "filter", "the filter"),
	[FILTER_DEFAULT] = DEFAULT,
	END(FILTER_DEFAULT + 1),
};

const struct parameter filter_del[] = { OBJECT_NAME(KEY, "filter", "the filter"),
					END(FILTER_NAME + 1) };
const struct parameter filter_show[] = {
	OBJECT_NAME(PARAMETER_KEY, "filter", "only this one, with its rules"), END(FILTER_NAME + 1)
};

/* ---- rules ---- */

#define OF_FILTER(extra) OBJECT_NAME(extra, "filter", "the filter")
#define SEQUENCE(extra, text)                                                                      \
	{                                                                                          \
		.name = "seq", .type = VALUE_UNSIGNED, .flags = PARAMETER_POSITIONAL | (extra),    \
		.minimum = 1, .maximum = 999999, .help = text                                      \
	}
#define PROTOCOL  TEXT("proto", PARAMETER_NUMBER, "P", "protocol, by name or number")
#define ETHERTYPE TEXT("ethertype", 0, "E", "ipv4, ipv6, or frames that are not IP: mpls, 0x88cc")
#define PORTS(word, text) TEXT(word, PARAMETER_NUMBER, "R", text)
#define ICMP                                                                                       \
	TEXT("icmp", PARAMETER_NUMBER, "T[/C]", "ICMP type and code; proto icmpv6: ICMPv6's")
#define DSCP        TEXT("dscp", PARAMETER_NUMBER, "N", "differentiated services: 0 to 63, ef, af11")
#define SYN         FLAG("syn", "TCP packets that open a connection")
#define ESTABLISHED FLAG("established", "TCP packets with ACK or RST: of a connection")
#define FRAGMENTS   FLAG("fragments", "fragments other than the first, which have no ports")

const struct parameter filter_rule_change[] = {
	[RULE_FILTER] = OF_FILTER(KEY),
	[RULE_SEQUENCE] = SEQUENCE(PARAMETER_REQUIRED | PARAMETER_KEY,
				   "where it stands: the first that matches decides"),
	[RULE_ACTION] = WORDS("action", PARAMETER_POSITIONAL, action_words, "what to do"),
	[RULE_POLICE] = TEXT("police", 0, "RATE",
			     "let pass up to N[k|m|g](bps|pps); each of n workers an nth of it"),
	[RULE_BURST] = TEXT("burst", PARAMETER_NUMBER, "B",
			    "bytes or packets at once; a tenth of a second's if left out"),
	[RULE_EXCESS_BURST] = TEXT("excess-burst", PARAMETER_NUMBER, "B",
				   "so many more at once exceed: one rate, three colours"),
	[RULE_PEAK] = TEXT("peak", 0, "RATE",
			   "above police RATE up to this one exceed, above it all is dropped"),
	[RULE_PEAK_BURST] = TEXT("peak-burst", PARAMETER_NUMBER, "B",
				 "at once at the peak rate; a tenth of a second's if left out"),
	[RULE_EXCEED] = TEXT("exceed", PARAMETER_NUMBER, "permit|deny|DSCP",
			     "what becomes of those that exceed; a DSCP: marked; default permit"),
	[RULE_ETHERTYPE] = ETHERTYPE,
	[RULE_PROTOCOL] = PROTOCOL,
	[RULE_FROM] = TEXT("from", 0, "PREFIX|@LIST", "source addresses"),
	[RULE_TO] = TEXT("to", 0, "PREFIX|@LIST", "destination addresses"),
	[RULE_SPORT] = PORTS("sport", "source ports: 25,80,8000-8100,https"),
	[RULE_DPORT] = PORTS("dport", "destination ports"),
	[RULE_ICMP] = ICMP,
	[RULE_SYN] = SYN,
	[RULE_ESTABLISHED] = ESTABLISHED,
	[RULE_FRAGMENTS] = FRAGMENTS,
	[RULE_DSCP] = DSCP,
	[RULE_LOG] = FLAG("log", "samples of its packets in show events"),
	END(RULE_LOG + 1),
};

const struct parameter filter_rule_del[] = {
	[RULE_FILTER] = OF_FILTER(KEY),
	[RULE_SEQUENCE] = SEQUENCE(PARAMETER_REQUIRED | PARAMETER_KEY, "the rule"),
	END(RULE_SEQUENCE + 1),
};

const struct parameter filter_rule_show[] = {
	[RULE_FILTER] = OF_FILTER(PARAMETER_KEY),
	[RULE_SEQUENCE] = SEQUENCE(PARAMETER_KEY, "only this one"),
	END(RULE_SEQUENCE + 1),
};

/* A packet: what is left out is 0, and the family IPv4 unless an address says otherwise. */
const struct parameter filter_test[] = {
	[RULE_FILTER] = OF_FILTER(KEY),
	[RULE_SEQUENCE] = NOT_HERE,
	[RULE_ACTION] = NOT_HERE,
	[RULE_POLICE] = NOT_HERE,
	[RULE_BURST] = NOT_HERE,
	[RULE_EXCESS_BURST] = NOT_HERE,
	[RULE_PEAK] = NOT_HERE,
	[RULE_PEAK_BURST] = NOT_HERE,
	[RULE_EXCEED] = NOT_HERE,
	[RULE_ETHERTYPE] = ETHERTYPE,
	[RULE_PROTOCOL] = PROTOCOL,
	[RULE_FROM] = TEXT("from", 0, "IP", "its source address"),
	[RULE_TO] = TEXT("to", 0, "IP", "its destination address"),
	[RULE_SPORT] = PORTS("sport", "its source port"),
	[RULE_DPORT] = PORTS("dport", "its destination port"),
	[RULE_ICMP] = ICMP,
	[RULE_SYN] = FLAG("syn", "with SYN and no other TCP flag"),
	[RULE_ESTABLISHED] = FLAG("established", "with ACK"),
	[RULE_FRAGMENTS] = FLAG("fragments", "a fragment that is not the first"),
	[RULE_DSCP] = DSCP,
	END(RULE_DSCP + 1),
};

/* ---- bindings ---- */

const struct parameter filter_bind[] = {
	[BIND_FILTER] = OF_FILTER(KEY),
	[BIND_DIRECTION] = WORDS("direction", PARAMETER_POSITIONAL | PARAMETER_KEY, direction_words,
				 "what comes in by IF, leaves by it, or is for ourselves"),
	[BIND_DEV] = { .name = "dev",
		       .type = VALUE_NAME,
		       .flags = PARAMETER_POSITIONAL | PARAMETER_KEY,
		       .complete = INTERFACES,
		       .placeholder = "IF",
		       .help = "the interface" },
	[BIND_VRF] = NUMBER("vrf", PARAMETER_KEY, 0, VRF_MAX - 1,
			    "what is looked up in this routing table"),
	END(BIND_VRF + 1),
};
