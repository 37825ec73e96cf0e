/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-ask.c: group-specific and group-and-source-specific queries, out of the one port where
 * somebody left (RFC 3376 6.6.3, RFC 3810 7.6.3), whether or not we are the querier; and what those
 * of others do.
 */
#include "controlplane/protocol/snoop-private.h"

static uint64_t query_time(const struct domain *domain)
{
	return domain->settings.last_member_interval * snoop_last_member_count(domain);
}

/* A router asks if it is the querier. On a bridge, where a router is, MLD is left to it unless we are the
 * querier: our query has our address, and a router whose own is higher would yield to it (RFC 3810 7.6.2).
 * IGMP's comes from nobody then. */
static bool can_ask(const struct member *member)
{
	const struct domain *domain = member->group->domain;
	const struct family *family = &domain->family[member->group->family];

	if (domain->settings.router)
		return family->self;
	return snoop_can_ask(family) && (family->id == SNOOP_IPV4 || family->self ||
					 !snoop_ports_has(&family->routers, member->port->number));
}

static void send(struct member *member, const struct address *sources, unsigned int count,
		 bool suppress)
{
	struct domain *domain = member->group->domain;
	struct family *family = &domain->family[member->group->family];
	struct snoop_ports ports = { 0 };
	struct snoop_query query = {
		.version = domain->settings.version[family->id],
		.group = member->group->key.address,
		.response = domain->settings.last_member_interval,
		.suppress = suppress,
		.sources = sources,
		.source_count = count,
	};

	if (!can_ask(member))
		return;
	if (count > 0) /* who blocks a source speaks the version that can be asked about one */
		query.version = family->id == SNOOP_IPV4 ? 3 : 2;
	snoop_ports_add(&ports, member->port->number);
	snoop_send_query(family, &ports, &query);
}

/* Those sources with retransmissions left whose timers run longer than the query time (they were
 * reported again: S flag), or those whose don't. */
static void send_sources(struct member *member, bool longer, uint64_t limit)
{
	struct address list[SNOOP_QUERY_SOURCES];
	unsigned int count = 0;
	struct source *source;

	DL_FOREACH(member->sources, source)
	{
		if (source->queries_left == 0 || (source->timer.due > limit) != longer)
			continue;
		list[count++] = source->key.address;
		if (count == SNOOP_QUERY_SOURCES) {
			send(member, list, count, longer);
			count = 0;
		}
	}
	if (count > 0)
		send(member, list, count, longer);
}

void snoop_ask_again(struct member *member)
{
	struct domain *domain = member->group->domain;
	uint64_t limit = domain->snoop->now + query_time(domain);
	bool more = false;
	struct source *source;

	if (member->queries_left > 0) {
		bool answered = member->timer.due > limit;
		/* an older query has no S flag, and would lower timers that were just raised */
		if (!answered || domain->settings.version[member->group->family] ==
					 (member->group->family == SNOOP_IPV4 ? 3 : 2))
			send(member, NULL, 0, answered);
		more = --member->queries_left > 0;
	}
	send_sources(member, true, limit);
	send_sources(member, false, limit);
	DL_FOREACH(member->sources, source)
	if (source->queries_left > 0 && --source->queries_left > 0)
		more = true;
	snoop_timer_set(domain->snoop, &member->ask,
			more ? domain->snoop->now + domain->settings.last_member_interval
			     : SNOOP_NEVER);
}

void snoop_ask_group(struct member *member)
{
	struct domain *domain = member->group->domain;
	struct snoop *snoop = domain->snoop;
	uint64_t limit = snoop->now + query_time(domain);

	if (member->port->settings.fast_leave) {
		snoop_timer_set(snoop, &member->timer, snoop->now);
		member->leaving = true;
		return;
	}
	if (member->leaving) /* RFC 2236 6: asked already */
		return;
	if (!can_ask(member))
		return; /* a router asks, or the timer runs out as it is */
	member->leaving = true;
	if (member->timer.due > limit)
		snoop_timer_set(snoop, &member->timer, limit);
	member->queries_left = snoop_last_member_count(domain);
	snoop_timer_set(snoop, &member->ask, snoop->now);
}

void snoop_ask_sources(struct member *member, bool which)
{
	struct domain *domain = member->group->domain;
	struct snoop *snoop = domain->snoop;
	uint64_t limit = snoop->now + query_time(domain);
	bool fast = member->port->settings.fast_leave;
	struct source *source;

	DL_FOREACH(member->sources, source)
	{
		if (source->marked != which || !source->heard || !snoop_timer_runs(&source->timer))
			continue;
		if (fast) {
			snoop_timer_set(snoop, &source->timer, snoop->now);
			continue;
		}
		if (source->timer.due <= limit || !can_ask(member))
			continue;
		snoop_timer_set(snoop, &source->timer, limit);
		source->queries_left = snoop_last_member_count(domain);
		snoop_timer_set(snoop, &member->ask, snoop->now);
	}
}

/* ---------------------------------------------------------------- queries of others */

static void lower(struct snoop *snoop, struct snoop_timer *timer, uint64_t limit)
{
	if (snoop_timer_runs(timer) && timer->due > limit)
		snoop_timer_set(snoop, timer, limit);
}

void snoop_heard_query(struct domain *domain, unsigned int port,
		       const struct snoop_message *message)
{
	struct group *group = snoop_group_find(domain, &message->group);
	struct snoop *snoop = domain->snoop;
	uint64_t time = message->response * snoop_last_member_count(domain);
	struct member *member;

	if (group == NULL || message->suppress)
		return;
	if (time < query_time(domain)) /* whatever it says, hosts need time to answer */
		time = query_time(domain);
	uint64_t limit = snoop->now + time;
	DL_FOREACH(group->members, member)
	{
		/* a bridge passes the query on to other ports; a router lowers its timers as hosts do (RFC
		 * 3376 6.6.1) */
		if (member->port->number == port && !domain->settings.router)
			continue;
		if (message->source_count == 0)
			lower(snoop, &member->timer, limit);
		for (unsigned int i = 0; i < message->source_count; i++) {
			struct address address =
				snoop_source_at(group->family, message->sources, i);
			struct source *source = snoop_source_find(member, &address);
			if (source != NULL)
				lower(snoop, &source->timer, limit);
		}
	}
}
