/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop.h: IGMP and MLD snooping (RFC 4541), as a state machine that knows neither tables nor ports nor
 * a clock: frames, events and the time come in by calls, and what follows from them goes out by the
 * functions of struct snoop_output, from within those calls.
 *
 * A domain is a bridge and a VLAN in it, or a router's interface. In a domain every port has its own state of each group, as a
 * router's interface has (RFC 3376 6, RFC 3810 7): filter mode, group timer, source timers, the oldest
 * version that its hosts speak.
 *
 * How data frames go, which whoever forwards them must do alike (snoop_forward says it for one frame):
 *   1. 224.0.0.0/24, ff02::1: to all ports.
 *   2. Family not enforced (no querier that would keep memberships alive): to all ports.
 *   3. Entry (source, group), else (any, group): to its ports, and to the family's router ports.
 *   4. Neither: by the unregistered rule; in ff02::/16 to all ports.
 * Entries hold members only, so that a router port that comes or goes is one change and not one a
 * group. An entry may have no ports: its group is registered, and goes to router ports alone. A source
 * that some port excludes has an entry (source, group) without that port.
 *
 * All times are CLOCK_MONOTONIC nanoseconds, intervals too. `now` must not go back. One thread.
 */
#ifndef SHUNT_PROTOCOL_SNOOP_H
#define SHUNT_PROTOCOL_SNOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "controlplane/api/command.h" /* struct address: IPv4 as ::ffff:a.b.c.d */

enum {
	SNOOP_PORT_MAX = 256,    /* ports of a domain, numbered from 0 */
	SNOOP_PERMIT_MAX = 8,    /* permitted ranges of a port */
	SNOOP_PACKET_MAX = 1500, /* bytes of a packet that the engine sends */
};

enum snoop_family { SNOOP_IPV4, SNOOP_IPV6, SNOOP_FAMILIES };

/* Bit i % 64 of word[i / 64] is bridge port i. */
struct snoop_ports {
	uint64_t word[SNOOP_PORT_MAX / 64];
};

struct snoop_domain_key {
	uint16_t bridge;
	uint16_t vlan; /* 0: a router's interface */
};

/* ---------------------------------------------------------------- settings */

enum snoop_unregistered { SNOOP_FLOOD, SNOOP_ROUTER_PORTS, SNOOP_DROP };

struct snoop_settings {
	bool querier; /* candidate for querier (RFC 3376 6.6.2); one that is not still asks on a
		       * leave, on the port that it came by */
	bool strict;  /* IGMPv2 and v3 without router alert are dropped */
	bool proxy;   /* reports end here, and routers are told the sum of them (RFC 4541 2.1.1) */
	bool router;  /* a router's interface (RFC 3376 6, RFC 3810 7) with port 0 alone, and no bridge: it
		       * asks from its own address or not at all, and on a leave only if it is the querier */
	enum snoop_unregistered unregistered;
	/* Ours as querier. IPv4: unspecified is 0.0.0.0, which wins no election; a router's: no IGMP is
	 * sent. IPv6: link-local; unspecified: no MLD is sent. */
	struct address address[SNOOP_FAMILIES];
	uint8_t version[SNOOP_FAMILIES];  /* of our queries: IGMP 2 or 3, MLD 1 or 2 */
	unsigned int robustness;          /* RFC 3376 8.1; 1 to 7 */
	uint64_t query_interval;          /* 8.2 */
	uint64_t query_response_interval; /* 8.3 */
	uint64_t last_member_interval;    /* 8.8 */
	unsigned int last_member_count;   /* 8.9; 0: robustness */
	uint64_t startup_interval;        /* 8.6; 0: a quarter of the query interval */
	unsigned int startup_count;       /* 8.7; 0: robustness */
	unsigned int groups_max;          /* groups of a port, unless it has its own limit */
	unsigned int sources_max;         /* sources of a group on a port */
};

/* The RFCs' defaults, no querier, version 3 and 2, flood, 4,096 groups a port, 64 sources. */
extern const struct snoop_settings snoop_settings_default;

struct snoop_prefix {
	struct address address;
	unsigned int length; /* bits of the 16 bytes: 96 + n for IPv4 */
};

enum snoop_router_rule {
	SNOOP_ROUTER_LEARN,  /* by queries, PIM hellos, router advertisements */
	SNOOP_ROUTER_STATIC, /* always */
	SNOOP_ROUTER_NEVER,  /* whatever is heard there; a querier there is heard all the same */
};

struct snoop_port_settings {
	bool up;
	bool fast_leave; /* one host behind it: what it leaves goes at once, unasked */
	enum snoop_router_rule router[SNOOP_FAMILIES];
	unsigned int groups_max;   /* 0: the domain's */
	unsigned int permit_count; /* 0: every group is permitted */
	struct snoop_prefix permit[SNOOP_PERMIT_MAX];
};

/* ---------------------------------------------------------------- counters */

/* Of a domain. The first part: messages that were dropped, each under one name. */
#define SNOOP_COUNTERS(X)                                                                          \
	X(truncated, "IP header or packet ends before it should")                                  \
	X(fragment, "IGMP or MLD in a fragment")                                                   \
	X(ip_checksum, "IPv4 header checksum is wrong")                                            \
	X(igmp_ttl, "IGMP with a TTL other than 1")                                                \
	X(igmp_strict, "IGMPv2 or v3 without router alert, and `strict` is on")                    \
	X(igmp_short, "IGMP message shorter than its type needs")                                  \
	X(igmp_checksum, "IGMP checksum is wrong")                                                 \
	X(igmp_query_length, "IGMP query of 9 to 11 bytes")                                        \
	X(igmp_record_count, "IGMPv3 report ends before its last record")                          \
	X(igmp_record_sources, "IGMPv3 record or query whose sources go past the end")             \
	X(igmp_record_auxiliary, "IGMPv3 record whose auxiliary data goes past the end")           \
	X(mld_hop_limit, "MLD with a hop limit other than 1")                                      \
	X(mld_router_alert, "MLD without router alert")                                            \
	X(mld_source, "MLD from a source that is not link-local")                                  \
	X(mld_options, "hop-by-hop options that are malformed")                                    \
	X(mld_short, "MLD message shorter than its type needs")                                    \
	X(mld_checksum, "ICMPv6 checksum is wrong")                                                \
	X(mld_query_length, "MLD query of 25 to 27 bytes")                                         \
	X(mld_record_count, "MLDv2 report ends before its last record")                            \
	X(mld_record_sources, "MLDv2 record or query whose sources go past the end")               \
	X(mld_record_auxiliary, "MLDv2 record whose auxiliary data goes past the end")             \
	X(query_destination, "general query to an address other than all hosts")                   \
	X(query_group, "query, report or leave for an address that is no group")                   \
	X(pim_invalid, "PIM hello that is malformed")                                              \
	X(advertisement_invalid, "multicast router advertisement to another than all snoopers")    \
	X(unknown_port, "from a port that is not in the domain")                                   \
	/* taken, with something to remark */                                                      \
	X(igmp_no_router_alert, "IGMPv2 or v3 without router alert, accepted")                     \
	X(unknown_type, "IGMP message of an unknown type, flooded")                                \
	X(not_snooped, "neither IGMP nor MLD nor PIM, flooded")                                    \
	X(query_zero_source, "query from 0.0.0.0: no router, no election")                         \
	X(advertisement_zero_source, "router advertisement or termination from 0.0.0.0: ignored")  \
	X(query_other_version, "query of another version than ours")                               \
	/* records of reports that were not taken */                                               \
	X(record_unknown_type, "record of an unknown type, skipped")                               \
	X(record_group, "record for an address that is no group, or whose source is one")          \
	X(record_local, "membership of 224.0.0.0/24, ff02::1 or a narrower scope, not needed")     \
	X(record_ssm, "membership without sources in the SSM range (RFC 4604), ignored")           \
	X(record_not_permitted, "group outside the ranges permitted on the port")                  \
	X(record_groups_full, "refused: the port has as many groups as it may")                    \
	X(record_total_full, "refused: all groups or sources that fit are in use")                 \
	X(record_sources_full, "source refused: the group has as many on the port as it may")      \
	X(record_old_version, "leave or BLOCK ignored while older hosts are there")                \
	X(table_full, "entry that found no room in the tables")                                    \
	/* what came and went */                                                                   \
	X(queries, "queries taken")                                                                \
	X(reports, "reports taken")                                                                \
	X(leaves, "leaves taken")                                                                  \
	X(leaves_held, "leaves not passed on: other ports have members")                           \
	X(pim_hellos, "PIM hellos taken")                                                          \
	X(router_advertisements, "multicast router advertisements and terminations taken")         \
	X(queries_sent, "queries sent")                                                            \
	X(reports_sent, "reports sent as proxy")                                                   \
	X(solicitations_sent, "multicast router solicitations sent")                               \
	X(frames_lost, "queries, reports and solicitations that did not get out in time")

struct snoop_counters {
#define X(name, text) uint64_t name;
	SNOOP_COUNTERS(X)
#undef X
};

static inline void snoop_counters_add(struct snoop_counters *sum,
				      const struct snoop_counters *counters)
{
#define X(name, text) sum->name += counters->name;
	SNOOP_COUNTERS(X)
#undef X
}

/* ---------------------------------------------------------------- output */

enum snoop_event_kind {
	SNOOP_JOINED,  /* a port became a member */
	SNOOP_LEFT,    /* and is none any more */
	SNOOP_REFUSED, /* by a limit or a permitted range; of a port once a second */
	SNOOP_ROUTER_FOUND,
	SNOOP_ROUTER_GONE,
	SNOOP_QUERIER, /* another querier, or we (address: who; unspecified: nobody) */
};

struct snoop_event {
	enum snoop_event_kind kind;
	struct snoop_domain_key domain;
	enum snoop_family family;
	unsigned int port;      /* not for SNOOP_QUERIER */
	struct address address; /* the group; SNOOP_QUERIER: the querier */
	/* SNOOP_JOINED, SNOOP_LEFT, SNOOP_REFUSED: the host that spoke last; MAC all zero: none did */
	struct address reporter;
	uint8_t reporter_mac[6];
};

/* How a family is forwarded in a domain. */
struct snoop_rule {
	struct snoop_ports routers;
	bool enforced; /* false: registered groups are flooded too */
	enum snoop_unregistered unregistered;
};

/* All are called from within the functions below, and must not call those. None may be NULL. */
struct snoop_output {
	void *context;
	/* Add or change an entry; source NULL: any. 0 or a negative errno: then the engine counts
	 * table_full, and tries again at the group's next change. */
	int (*forward)(void *context, const struct snoop_domain_key *domain,
		       const struct address *source, const struct address *group,
		       const struct snoop_ports *members);
	void (*remove)(void *context, const struct snoop_domain_key *domain,
		       const struct address *source, const struct address *group);
	void (*rule)(void *context, const struct snoop_domain_key *domain, enum snoop_family family,
		     const struct snoop_rule *rule);
	/* An IP packet of our own, with the bridge's MAC as source; tags are the port's matter. */
	void (*send)(void *context, const struct snoop_domain_key *domain,
		     const struct snoop_ports *ports, const uint8_t destination_mac[6],
		     const uint8_t *packet, size_t length);
	void (*event)(void *context, const struct snoop_event *event);
	/* No room for more packets: timers and rules wait for a later tick. Reports are taken meanwhile. */
	bool (*busy)(void *context);
};

/* ---------------------------------------------------------------- life */

struct snoop;

/* `groups`, `sources`: how many memberships (a group on a port) and sources of such there may be in
 * all. NULL: no memory. */
struct snoop *snoop_new(const struct snoop_output *output, unsigned int groups,
			unsigned int sources);

/* Frees everything; the tables keep their entries (a restarted control plane takes them over). */
void snoop_free(struct snoop *snoop);

/* Snooping is on in the domain, or its settings change: intervals count from the next timer on. A new
 * domain begins with startup queries and with nothing enforced. 0; -ENOMEM; -EINVAL: robustness not 1 to 7, the
 * query interval under 1 s or not above the response interval, another interval under 100 ms, a
 * version that there is not. What the functions of this part set goes out by the next snoop_tick, so
 * that a take-over can be told between. */
int snoop_domain_set(struct snoop *snoop, const struct snoop_domain_key *key,
		     const struct snoop_settings *settings, uint64_t now);

/* Snooping is off: its entries are removed. */
void snoop_domain_delete(struct snoop *snoop, const struct snoop_domain_key *key);

/* The port is in the domain, or its settings change. Going down ends all that was learned by it; coming
 * up it is asked. 0, -ENOENT: no such domain, -ENOMEM. */
int snoop_port_set(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
		   const struct snoop_port_settings *settings, uint64_t now);
/* Ask at the port at once: what was sent before may not have got out. Nothing if there is no such port. */
void snoop_port_ask(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
		    uint64_t now);
void snoop_port_delete(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
		       uint64_t now);

/* A group that the port always gets; source NULL: any. 0, -ENOENT: no such domain or port, or nothing
 * to delete; -EINVAL: no group that can be snooped; -ENOSPC, -ENOMEM. */
int snoop_static_add(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
		     const struct address *group, const struct address *source, uint64_t now);
int snoop_static_delete(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
			const struct address *group, const struct address *source, uint64_t now);

/* ---------------------------------------------------------------- take-over
 *
 * After the domains and ports were set: what stands in the tables. First snoop_adopt_rule for each
 * domain and family, then snoop_adopt for all entries (any, group), then for those with a source.
 * Nothing is published as long as it is as it stands there. Adopted memberships are stale: their
 * ports are asked (startup queries), and what nobody answers for goes when its time is over. */
void snoop_adopt_rule(struct snoop *snoop, const struct snoop_domain_key *key,
		      enum snoop_family family, const struct snoop_rule *rule, uint64_t now);
/* 0; -ENOENT: no such domain, and the caller removes the entry; -EINVAL, -ENOSPC, -ENOMEM. */
int snoop_adopt(struct snoop *snoop, const struct snoop_domain_key *key,
		const struct address *source, const struct address *group,
		const struct snoop_ports *members, uint64_t now);

/* ---------------------------------------------------------------- running */

/* A frame that the data plane did not forward itself: IGMP, ICMPv6 130-132, 143, 151-153, PIM.
 * `packet`: from the IP header on, `length` bytes with what padding there is. *forward: the ports that
 * the frame is to go to as it is; none for a report of which all that counts was refused. False: no
 * such domain; *forward is empty. */
bool snoop_input(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int port,
		 const uint8_t *packet, size_t length, const uint8_t source_mac[6], uint64_t now,
		 struct snoop_ports *forward);

/* A packet of the domain's was lost; may be called from within `send`. */
void snoop_lost(struct snoop *snoop, const struct snoop_domain_key *key);

/* Do what is due. Returns when to come again, UINT64_MAX: nothing waits; `now` or earlier: the output was
 * busy. */
uint64_t snoop_tick(struct snoop *snoop, uint64_t now);

/* The spanning tree changed: ask everybody at once (RFC 4541 2.1.1.4). */
void snoop_topology_change(struct snoop *snoop, const struct snoop_domain_key *key, uint64_t now);

/* ---------------------------------------------------------------- looking */

/* A group that can be registered: multicast, and not one that all ports get anyway. */
bool snoop_group_valid(const struct address *group);
/* A source that this group can have. */
bool snoop_source_valid(const struct address *group, const struct address *source);

/* Where a data frame goes, its ingress port included. False: no such domain. */
bool snoop_forward(const struct snoop *snoop, const struct snoop_domain_key *key,
		   const struct address *source, const struct address *group,
		   struct snoop_ports *ports);

struct snoop_source_view {
	struct address address;
	bool forwarded;   /* false: excluded */
	bool configured;  /* by snoop_static_add */
	uint64_t expires; /* 0: does not */
};

/* A group on a port. */
struct snoop_member_view {
	struct snoop_domain_key domain;
	struct address group;
	unsigned int port;
	bool exclude;            /* filter mode */
	bool configured;         /* by snoop_static_add, for any source */
	bool stale;              /* taken over, nobody spoke up yet */
	unsigned int version;    /* its hosts': IGMP 1 to 3, MLD 1 or 2; 0: configured or stale */
	struct address reporter; /* who reported last */
	uint8_t reporter_mac[6];
	uint64_t expires; /* exclude: group timer; 0: does not */
	unsigned int source_count;
	const struct snoop_source_view *sources;
};

/* What made a port a router port. */
enum {
	SNOOP_BY_QUERY = 1,
	SNOOP_BY_PIM = 2,
	SNOOP_BY_ADVERTISEMENT = 4,
	SNOOP_BY_CONFIGURATION = 8
};

struct snoop_router_view {
	struct snoop_domain_key domain;
	enum snoop_family family;
	unsigned int port;
	unsigned int reasons;   /* SNOOP_BY_... */
	struct address address; /* who made it one last */
	uint64_t expires;       /* 0: does not */
};

struct snoop_querier_view {
	bool self;              /* we are */
	struct address address; /* whoever is; unspecified: nobody, or we without an address */
	unsigned int port;      /* another: where it is */
	uint64_t expires;       /* another: when it counts as gone */
	bool enforced;
	unsigned int robustness; /* in force: ours or the querier's */
	uint64_t query_interval;
};

/* In each group's order of ports; groups in no order. key NULL: all domains. */
void snoop_each_member(const struct snoop *snoop, const struct snoop_domain_key *key,
		       void (*see)(void *context, const struct snoop_member_view *member),
		       void *context);
void snoop_each_router(const struct snoop *snoop, const struct snoop_domain_key *key,
		       void (*see)(void *context, const struct snoop_router_view *router),
		       void *context);
/* groups: how many it has. In the order that they were set. */
void snoop_each_domain(const struct snoop *snoop,
		       void (*see)(void *context, const struct snoop_domain_key *key,
				   unsigned int groups),
		       void *context);
/* False: no such domain. */
bool snoop_querier(const struct snoop *snoop, const struct snoop_domain_key *key,
		   enum snoop_family family, struct snoop_querier_view *view);
/* Is the group on any port? */
bool snoop_has_members(const struct snoop *snoop, const struct snoop_domain_key *key,
		       const struct address *group);
/* NULL: no such domain. */
const struct snoop_counters *snoop_domain_counters(const struct snoop *snoop,
						   const struct snoop_domain_key *key);

/* ---------------------------------------------------------------- port sets */

static inline bool snoop_ports_has(const struct snoop_ports *ports, unsigned int port)
{
	return ports->word[port / 64] >> (port % 64) & 1;
}

static inline void snoop_ports_add(struct snoop_ports *ports, unsigned int port)
{
	ports->word[port / 64] |= 1ull << (port % 64);
}

static inline void snoop_ports_delete(struct snoop_ports *ports, unsigned int port)
{
	ports->word[port / 64] &= ~(1ull << (port % 64));
}

static inline bool snoop_ports_empty(const struct snoop_ports *ports)
{
	return (ports->word[0] | ports->word[1] | ports->word[2] | ports->word[3]) == 0;
}

#endif
