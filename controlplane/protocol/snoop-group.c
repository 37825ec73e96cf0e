/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-group.c: groups, their members, members' sources: made, found, freed.
 */
#include "controlplane/protocol/snoop-private.h"

struct group *snoop_group_find(const struct domain *domain, const struct address *address)
{
	struct group_key key = { .domain = domain, .address = *address };
	struct group *group;

	HASH_FIND(hh, domain->snoop->groups, &key, sizeof(key), group);
	return group;
}

struct group *snoop_group_get(struct domain *domain, enum snoop_family family,
			      const struct address *address)
{
	struct group *group = snoop_group_find(domain, address);

	if (group != NULL)
		return group;
	group = calloc(1, sizeof(*group));
	if (group == NULL)
		return NULL;
	group->key.domain = domain;
	group->key.address = *address;
	group->domain = domain;
	group->family = family;
	HASH_ADD(hh, domain->snoop->groups, key, sizeof(group->key), group);
	DL_APPEND(domain->groups, group);
	return group;
}

void snoop_group_free(struct group *group)
{
	struct domain *domain = group->domain;
	struct snoop *snoop = domain->snoop;
	struct address address = group->key.address;
	enum snoop_family family = group->family;

	snoop_group_withdraw(group);
	if (group->changed)
		LL_DELETE2(snoop->changed, group, changed_next);
	DL_DELETE(domain->groups, group);
	HASH_DELETE(hh, snoop->groups, group);
	free(group);
	snoop_proxy_changed(domain, family, &address);
}

/* ---------------------------------------------------------------- members */

struct member *snoop_member_find(const struct group *group, const struct port *port)
{
	struct member_key key = { .group = group, .port = port };
	struct member *member;

	HASH_FIND(hh, group->domain->snoop->members, &key, sizeof(key), member);
	return member;
}

static int by_port(const struct member *a, const struct member *b)
{
	return (int)a->port->number - (int)b->port->number;
}

struct member *snoop_member_get(struct group *group, struct port *port)
{
	struct snoop *snoop = group->domain->snoop;
	struct member *member = snoop_member_find(group, port);

	if (member != NULL)
		return member;
	member = calloc(1, sizeof(*member));
	if (member == NULL)
		return NULL;
	member->key.group = group;
	member->key.port = port;
	member->group = group;
	member->port = port;
	snoop_timer_init(&member->timer, TIMER_MEMBER);
	snoop_timer_init(&member->ask, TIMER_ASK);
	HASH_ADD(hh, snoop->members, key, sizeof(member->key), member);
	DL_INSERT_INORDER(group->members, member, by_port);
	DL_APPEND2(port->members, member, port_prev, port_next);
	port->groups++;
	return member;
}

static void member_free(struct member *member)
{
	struct snoop *snoop = member->group->domain->snoop;

	snoop_timer_drop(snoop, &member->timer);
	snoop_timer_drop(snoop, &member->ask);
	HASH_DELETE(hh, snoop->members, member);
	DL_DELETE(member->group->members, member);
	DL_DELETE2(member->port->members, member, port_prev, port_next);
	member->port->groups--;
	free(member);
}

static void member_event(const struct member *member, enum snoop_event_kind kind)
{
	snoop_group_event(member->port, kind, &member->group->key.address, &member->reporter,
			  member->reporter_mac);
}

void snoop_member_trim(struct member *member)
{
	struct group *group = member->group;
	struct source *source, *next;

	DL_FOREACH_SAFE(member->sources, source, next)
	if (!source->heard && !source->configured)
		snoop_source_free(source);
	if (member->exclude || member->configured || member->sources != NULL) {
		if (!member->joined)
			member_event(member, SNOOP_JOINED);
		member->joined = true;
		return;
	}
	snoop_touch(member);
	if (member->joined)
		member_event(member, SNOOP_LEFT);
	member_free(member);
	if (group->members == NULL)
		snoop_group_free(group);
}

void snoop_member_forget(struct member *member, bool configured)
{
	struct source *source;

	member->exclude = false;
	member->leaving = false;
	member->stale = false;
	member->queries_left = 0;
	member->until_v1 = member->until_v2 = 0;
	snoop_timer_drop(member->group->domain->snoop, &member->timer);
	snoop_timer_drop(member->group->domain->snoop, &member->ask);
	if (configured)
		member->configured = false;
	DL_FOREACH(member->sources, source)
	{
		source->heard = false;
		source->queries_left = 0;
		snoop_timer_drop(member->group->domain->snoop, &source->timer);
		if (configured)
			source->configured = false;
	}
	snoop_touch(member);
	snoop_member_trim(member);
}

/* ---------------------------------------------------------------- sources and channels */

static struct channel *channel_get(struct group *group, const struct address *address)
{
	struct snoop *snoop = group->domain->snoop;
	struct channel_key key = { .group = group, .source = *address };
	struct channel *channel;

	HASH_FIND(hh, snoop->channels, &key, sizeof(key), channel);
	if (channel != NULL) {
		channel->uses++;
		return channel;
	}
	channel = calloc(1, sizeof(*channel));
	if (channel == NULL)
		return NULL;
	channel->key = key;
	channel->ports = group->any; /* no member says otherwise so far */
	channel->uses = 1;
	HASH_ADD(hh, snoop->channels, key, sizeof(channel->key), channel);
	DL_APPEND(group->channels, channel);
	return channel;
}

struct source *snoop_source_find(const struct member *member, const struct address *address)
{
	struct source_key key = { .member = member, .address = *address };
	struct source *source;

	HASH_FIND(hh, member->group->domain->snoop->sources, &key, sizeof(key), source);
	return source;
}

static struct source *source_new(struct member *member, const struct address *address)
{
	struct source *source = calloc(1, sizeof(*source));

	if (source == NULL)
		return NULL;
	source->channel = channel_get(member->group, address);
	if (source->channel == NULL) {
		free(source);
		return NULL;
	}
	source->key.member = member;
	source->key.address = *address;
	source->member = member;
	snoop_timer_init(&source->timer, TIMER_SOURCE);
	HASH_ADD(hh, member->group->domain->snoop->sources, key, sizeof(source->key), source);
	DL_APPEND(member->sources, source);
	member->source_count++;
	return source;
}

struct source *snoop_source_get(struct member *member, const struct address *address)
{
	struct domain *domain = member->group->domain;
	struct source *source = snoop_source_find(member, address);

	if (source != NULL)
		return source;
	if (member->source_count >= domain->settings.sources_max) {
		domain->counters.record_sources_full++;
		return NULL;
	}
	if (HASH_CNT(hh, domain->snoop->sources) >= domain->snoop->sources_max) {
		domain->counters.record_total_full++;
		return NULL;
	}
	return source_new(member, address);
}

void snoop_source_free(struct source *source)
{
	struct member *member = source->member;
	struct snoop *snoop = member->group->domain->snoop;

	source->heard = source->configured = false;
	snoop_touch_source(source);
	snoop_timer_drop(snoop, &source->timer);
	HASH_DELETE(hh, snoop->sources, source);
	DL_DELETE(member->sources, source);
	member->source_count--;
	source->channel->uses--; /* publishing ends it, when what replaces its entry is there */
	free(source);
}

/* ---------------------------------------------------------------- what members want */

bool snoop_any_wanted(const struct member *member)
{
	return member->exclude || member->configured;
}

bool snoop_source_wanted(const struct member *member, const struct source *source)
{
	if (member->configured || source->configured)
		return true;
	if (!source->heard)
		return member->exclude;
	return snoop_timer_runs(&source->timer); /* stands: excluded (RFC 3376 6.3) */
}

static void set_bit(struct snoop_ports *ports, unsigned int port, bool value)
{
	if (value)
		snoop_ports_add(ports, port);
	else
		snoop_ports_delete(ports, port);
}

void snoop_touch_source(struct source *source)
{
	struct member *member = source->member;

	set_bit(&source->channel->ports, member->port->number, snoop_source_wanted(member, source));
	snoop_group_changed(member->group);
}

void snoop_touch(struct member *member)
{
	bool any = snoop_any_wanted(member);
	struct channel *channel;
	struct source *source;

	set_bit(&member->group->any, member->port->number, any);
	DL_FOREACH(member->group->channels, channel)
	set_bit(&channel->ports, member->port->number, any);
	DL_FOREACH(member->sources, source)
	set_bit(&source->channel->ports, member->port->number, snoop_source_wanted(member, source));
	snoop_group_changed(member->group);
}
