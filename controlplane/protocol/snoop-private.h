/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-private.h: the state of the snooping engine, for the files snoop*.c alone.
 *
 *   snoop            everything: hashes, the timer heap, limits
 *    domain          bridge and VLAN
 *     family         querier, router ports' sum, per IP version
 *     port           settings; router[family]
 *     group          what the tables hold of it: the entry (any, group) and one channel per source
 *      member        the group on a port: the RFCs' state
 *       source       of that member; its timer runs: forwarded; stands, in EXCLUDE: excluded
 *
 * Nothing is searched from end to end: groups, members, sources and channels are found by hashes, and
 * what is due by a heap.
 */
#ifndef SHUNT_PROTOCOL_SNOOP_PRIVATE_H
#define SHUNT_PROTOCOL_SNOOP_PRIVATE_H

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>
#include "controlplane/protocol/snoop-message.h"
#include "controlplane/protocol/snoop.h"

#define SNOOP_NEVER     UINT64_MAX
#define SNOOP_SETTLE_NS SNOOP_SECOND /* from the last answer to a query to its effect */

/* ---------------------------------------------------------------- timers */

enum snoop_timer_kind {
	TIMER_MEMBER,  /* group timer, RFC 3376 6.2.2 */
	TIMER_SOURCE,  /* source timer, 6.2.3 */
	TIMER_ASK,     /* next group- or source-specific query of a member, 6.6.3 */
	TIMER_ROUTER,  /* a router port's next expiry */
	TIMER_QUERY,   /* our next general query */
	TIMER_OTHER,   /* other querier present, 6.6.2 */
	TIMER_SETTLE,  /* what hosts want is known: enforce it */
	TIMER_SOLICIT, /* next router solicitation, RFC 4286 */
	TIMER_ANSWER,  /* proxy: answer to a general query */
	TIMER_PROXY,   /* proxy: answer to a specific one, or a change to be said again */
};

/* A timer stands when due is SNOOP_NEVER. It is in the heap under a key that may be earlier than
 * `due`: most timers are put off again and again before they run out, which then costs nothing. */
struct snoop_timer {
	uint64_t due;
	uint32_t place; /* index in the heap, and one; 0: not in it */
	uint8_t kind;
};

static inline bool snoop_timer_runs(const struct snoop_timer *timer)
{
	return timer->due != SNOOP_NEVER;
}

struct snoop_heap_slot {
	uint64_t key;
	struct snoop_timer *timer;
};

struct snoop_heap {
	struct snoop_heap_slot *slot;
	uint32_t count, room;
};

/* ---------------------------------------------------------------- state */

struct member;

struct channel_key {
	const struct group *group;
	struct address source;
};

/* A source of a group, over all ports. */
struct channel {
	UT_hash_handle hh;
	struct channel_key key;
	struct channel *prev, *next; /* of the group */
	struct snoop_ports ports;    /* members that want it */
	struct snoop_ports published;
	unsigned int uses; /* members with a struct source for it; 0: ends when it is published */
	bool out;          /* is an entry */
};

struct source_key {
	const struct member *member;
	struct address address;
};

struct source {
	UT_hash_handle hh;
	struct source_key key;
	struct source *prev, *next; /* of the member */
	struct member *member;
	struct channel *channel;
	struct snoop_timer timer;
	unsigned int queries_left; /* retransmissions, 6.6.3.2 */
	bool heard;                /* by reports; else configured alone */
	bool configured;
	bool marked; /* in the record at hand */
};

struct member_key {
	const struct group *group;
	const struct port *port;
};

struct member {
	UT_hash_handle hh;
	struct member_key key;
	struct member *prev, *next;           /* of the group, in order of ports */
	struct member *port_prev, *port_next; /* of the port */
	struct group *group;
	struct port *port;
	struct source *sources;
	unsigned int source_count;
	struct snoop_timer timer; /* group timer; runs in EXCLUDE */
	struct snoop_timer ask;
	unsigned int queries_left;   /* retransmissions, 6.6.3.1 */
	uint64_t until_v1, until_v2; /* older hosts are there, 7.3.2 */
	bool exclude;
	bool leaving; /* was asked since the last report for any source */
	bool configured, stale, joined;
	struct address reporter;
	uint8_t reporter_mac[6];
};

struct group_key {
	const struct domain *domain;
	struct address address;
};

struct group {
	UT_hash_handle hh;
	struct group_key key;
	struct group *prev, *next; /* of the domain */
	struct domain *domain;
	enum snoop_family family;
	struct member *members;
	struct channel *channels;
	struct snoop_ports any; /* members that want sources that have no channel */
	struct snoop_ports published;
	bool out;     /* (any, group) is an entry */
	bool changed; /* to be published */
	struct group *changed_next;
};

/* What routers know of a group from us as proxy. Lives until they know that nobody wants it. */
struct proxy {
	UT_hash_handle hh;
	struct group_key key;
	struct proxy *prev, *next; /* of the domain */
	struct domain *domain;
	enum snoop_family family;
	bool exclude;
	struct address *sources; /* sorted */
	unsigned int source_count;
	unsigned int repeat; /* how often the change is to be said again, RFC 3376 5.1 */
	bool asked;          /* the timer is for the answer to a query */
	struct snoop_timer timer;
};

struct router {
	struct snoop_timer timer;
	struct port *port;
	enum snoop_family family;
	uint64_t by_query, by_pim, by_advertisement; /* until when; 0: not */
	struct address address;
	bool found; /* was said to be one */
};

struct port {
	struct domain *domain;
	unsigned int number;
	struct snoop_port_settings settings;
	struct member *members;
	unsigned int groups;   /* members that count against the limit */
	uint64_t refused_next; /* when refusals are told of again */
	struct router router[SNOOP_FAMILIES];
};

struct family {
	struct domain *domain;
	enum snoop_family id;
	struct snoop_ports routers;
	struct snoop_rule published;
	bool out;     /* `published` was said */
	bool changed; /* rule or `ask` is to be looked at */
	struct family *changed_next;
	struct snoop_ports ask; /* ports to be asked: up again, or the topology changed */
	bool enforced;
	bool self;  /* we are the querier */
	bool other; /* somebody else is */
	struct address other_address;
	unsigned int other_port, other_version;
	unsigned int robustness; /* adopted; 0: ours */
	uint64_t interval;       /* adopted; 0: ours */
	uint64_t response;       /* the querier's hosts' time to answer */
	unsigned int startup_left, solicit_left;
	struct snoop_timer query, other_timer, settle, solicit, answer;
};

struct domain {
	UT_hash_handle hh;
	struct snoop_domain_key key;
	struct snoop *snoop;
	struct snoop_settings settings;
	struct snoop_counters counters;
	struct port *port[SNOOP_PORT_MAX];
	struct snoop_ports up;
	struct family family[SNOOP_FAMILIES];
	struct group *groups;
	struct proxy *proxies;
};

struct snoop {
	struct snoop_output output;
	struct domain *domains;
	struct group *groups;
	struct member *members;
	struct source *sources;
	struct channel *channels;
	struct proxy *proxies;
	struct group *changed;
	struct family *families_changed;
	struct snoop_heap heap;
	unsigned int members_max, sources_max;
	uint64_t now;
	uint64_t random;
};

/* ---------------------------------------------------------------- snoop-timer.c */

void snoop_timer_init(struct snoop_timer *timer, enum snoop_timer_kind kind);
/* 0 or -ENOMEM: it stands then. due SNOOP_NEVER: stop. */
void snoop_timer_set(struct snoop *snoop, struct snoop_timer *timer, uint64_t due);
/* Take it out of the heap, before it is freed. */
void snoop_timer_drop(struct snoop *snoop, struct snoop_timer *timer);
/* One that is due at `now`, made to stand; NULL: none. */
struct snoop_timer *snoop_timer_next(struct snoop *snoop, uint64_t now);
uint64_t snoop_timer_first(struct snoop *snoop);

/* ---------------------------------------------------------------- snoop.c */

struct domain *snoop_domain_find(const struct snoop *snoop, const struct snoop_domain_key *key);
struct port *snoop_port_find(const struct domain *domain, unsigned int port);
void snoop_event(const struct domain *domain, enum snoop_event_kind kind, enum snoop_family family,
		 unsigned int port, const struct address *address);
/* Of a group on a port, by this host. */
void snoop_group_event(const struct port *port, enum snoop_event_kind kind,
		       const struct address *group, const struct address *reporter,
		       const uint8_t reporter_mac[6]);
/* Run what is due, then publish what changed. */
void snoop_settle(struct snoop *snoop, uint64_t now);
static inline bool snoop_busy(const struct snoop *snoop)
{
	return snoop->output.busy(snoop->output.context);
}
/* Ports that are up, without `port`. */
struct snoop_ports snoop_others(const struct domain *domain, unsigned int port);

/* ---------------------------------------------------------------- snoop-group.c */

struct group *snoop_group_find(const struct domain *domain, const struct address *address);
struct group *snoop_group_get(struct domain *domain, enum snoop_family family,
			      const struct address *address);
void snoop_group_free(struct group *group);
struct member *snoop_member_find(const struct group *group, const struct port *port);
struct member *snoop_member_get(struct group *group, struct port *port);
/* Free what no longer is: sources that are neither heard nor configured, a member that wants nothing,
 * a group without members. The member may be gone afterwards. */
void snoop_member_trim(struct member *member);
/* End all that was learned of it; `configured` too if told. */
void snoop_member_forget(struct member *member, bool configured);
struct source *snoop_source_find(const struct member *member, const struct address *address);
/* NULL: no room, counted. */
struct source *snoop_source_get(struct member *member, const struct address *address);
void snoop_source_free(struct source *source);
/* Does the member want this source; any other source? */
bool snoop_source_wanted(const struct member *member, const struct source *source);
bool snoop_any_wanted(const struct member *member);
/* The member wants something else than before: of one source, of all. */
void snoop_touch_source(struct source *source);
void snoop_touch(struct member *member);

/* ---------------------------------------------------------------- snoop-publish.c */

void snoop_group_changed(struct group *group);
void snoop_publish(struct snoop *snoop);
/* Take its entries back, at once, and free its channels. */
void snoop_group_withdraw(struct group *group);
/* Its rule may differ from what was said, or `ask` is not empty. */
void snoop_family_changed(struct family *family);
void snoop_families_publish(struct snoop *snoop);

/* ---------------------------------------------------------------- snoop-report.c */

unsigned int snoop_member_version(const struct member *member, uint64_t now);
/* A report, leave or records, of a port. False: all that it wanted was refused and the port does not get
 * it in another way, so that a router that heard of it would send for nothing. */
bool snoop_report_apply(struct port *port, const struct snoop_message *message,
			const uint8_t source_mac[6]);
void snoop_member_expired(struct member *member);
void snoop_source_expired(struct source *source);

/* ---------------------------------------------------------------- snoop-ask.c */

/* Ask for the group, or for the sources that are marked as `which` says and whose timers run. Timers
 * that run longer are lowered. RFC 3376 6.6.3 */
void snoop_ask_group(struct member *member);
void snoop_ask_sources(struct member *member, bool which);
void snoop_ask_again(struct member *member);
/* A specific query of somebody else, come in by a port: RFC 3376 6.6.1, RFC 2236 3 */
void snoop_heard_query(struct domain *domain, unsigned int port,
		       const struct snoop_message *message);

/* ---------------------------------------------------------------- snoop-querier.c */

unsigned int snoop_robustness(const struct family *family);
uint64_t snoop_interval(const struct family *family);
/* Group membership interval, RFC 3376 8.4; and older version host present interval, 8.13 */
uint64_t snoop_membership_interval(const struct family *family);
unsigned int snoop_last_member_count(const struct domain *domain);
/* Who is querier may have changed: by settings, or because another came or went. */
/* If now there is one: how long its first query takes to be answered. */
void snoop_querier_review(struct family *family, uint64_t response);
/* Have we an address to ask from? */
bool snoop_can_ask(const struct family *family);
/* Other querier present interval, RFC 3376 8.5, of what a query says; 0: it does not. */
uint64_t snoop_presence(const struct family *family, unsigned int robustness, uint64_t interval,
			uint64_t response);
/* Somebody else is querier for so long; unspecified: unknown who. */
void snoop_other_set(struct family *family, const struct address *address, unsigned int port,
		     uint64_t until);
void snoop_querier_heard(struct family *family, unsigned int port,
			 const struct snoop_message *message);
void snoop_query_due(struct family *family);
void snoop_other_gone(struct family *family);
void snoop_settled(struct family *family);
/* Ask everybody on family->ask, if we may: as querier, or where no router is. */
void snoop_query_asked(struct family *family);
void snoop_send_query(struct family *family, const struct snoop_ports *ports,
		      struct snoop_query *query);

/* ---------------------------------------------------------------- snoop-router.c */

bool snoop_is_router(const struct router *router);
unsigned int snoop_router_reasons(const struct router *router);
uint64_t snoop_router_expires(const struct router *router);
/* Until when it is one for this reason (which is one of the router's by_...). */
void snoop_router_until(struct router *router, uint64_t *reason, uint64_t until,
			const struct address *address);
void snoop_router_review(struct router *router);
void snoop_router_due(struct router *router);
void snoop_solicit(struct family *family);
void snoop_solicit_due(struct family *family);

/* ---------------------------------------------------------------- snoop-proxy.c */

/* The members of a group changed; it may have none any more. RFC 4541 2.1.1.1 */
void snoop_proxy_changed(struct domain *domain, enum snoop_family family,
			 const struct address *group);
void snoop_proxy_query(struct family *family, const struct snoop_message *message);
/* The answer to a general query is due; a proxy's timer is. */
void snoop_proxy_answer(struct family *family);
void snoop_proxy_due(struct proxy *proxy);
void snoop_proxy_free(struct proxy *proxy);

#endif
