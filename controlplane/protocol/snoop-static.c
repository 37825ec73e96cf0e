/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-static.c: memberships that nobody reported: configured ones, and those that a control plane
 * before this one left in the tables.
 */
#include "controlplane/protocol/snoop-private.h"

bool snoop_group_valid(const struct address *group)
{
	enum snoop_family family = snoop_family_of(group);

	return snoop_is_group(family, group) && !snoop_is_local(family, group);
}

bool snoop_source_valid(const struct address *group, const struct address *source)
{
	enum snoop_family family = snoop_family_of(group);

	return snoop_family_of(source) == family && !snoop_unspecified(source) &&
	       !snoop_is_group(family, source);
}

static struct port *find_port(struct snoop *snoop, const struct snoop_domain_key *key,
			      unsigned int number)
{
	const struct domain *domain = snoop_domain_find(snoop, key);

	return domain == NULL ? NULL : snoop_port_find(domain, number);
}

/* NULL: no room, or no memory. */
static struct member *member_get(struct group *group, struct port *port)
{
	const struct snoop *snoop = group->domain->snoop;
	struct member *member = snoop_member_find(group, port);

	if (member != NULL || HASH_CNT(hh, snoop->members) >= snoop->members_max)
		return member;
	return snoop_member_get(group, port);
}

int snoop_static_add(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int number,
		     const struct address *group, const struct address *source, uint64_t now)
{
	struct port *port = find_port(snoop, key, number);

	snoop->now = now;
	if (port == NULL)
		return -ENOENT;
	if (!snoop_group_valid(group) || (source != NULL && !snoop_source_valid(group, source)))
		return -EINVAL;
	struct group *object = snoop_group_get(port->domain, snoop_family_of(group), group);
	struct member *member = object == NULL ? NULL : member_get(object, port);
	if (member == NULL) {
		if (object != NULL && object->members == NULL)
			snoop_group_free(object);
		return -ENOSPC;
	}
	if (source == NULL) {
		member->configured = true;
		snoop_touch(member);
	} else {
		struct source *wanted = snoop_source_get(member, source);
		if (wanted == NULL) {
			snoop_member_trim(member);
			return -ENOSPC;
		}
		wanted->configured = true;
		snoop_touch_source(wanted);
	}
	snoop_member_trim(member);
	return 0;
}

int snoop_static_delete(struct snoop *snoop, const struct snoop_domain_key *key,
			unsigned int number, const struct address *address,
			const struct address *source, uint64_t now)
{
	struct port *port = find_port(snoop, key, number);
	struct group *group = port == NULL ? NULL : snoop_group_find(port->domain, address);
	struct member *member = group == NULL ? NULL : snoop_member_find(group, port);

	snoop->now = now;
	if (member == NULL)
		return -ENOENT;
	if (source == NULL) {
		if (!member->configured)
			return -ENOENT;
		member->configured = false;
		snoop_touch(member);
	} else {
		struct source *object = snoop_source_find(member, source);
		if (object == NULL || !object->configured)
			return -ENOENT;
		object->configured = false;
		snoop_touch_source(object);
	}
	snoop_member_trim(member);
	return 0;
}

/* ---------------------------------------------------------------- take-over */

void snoop_adopt_rule(struct snoop *snoop, const struct snoop_domain_key *key, enum snoop_family id,
		      const struct snoop_rule *rule, uint64_t now)
{
	static const struct address unknown;
	struct domain *domain = snoop_domain_find(snoop, key);

	snoop->now = now;
	if (domain == NULL)
		return;
	struct family *family = &domain->family[id];
	uint64_t until = now + snoop_presence(family, 0, 0, 0);
	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++) {
		struct port *port = domain->port[i];
		if (port == NULL || !port->settings.up || !snoop_ports_has(&rule->routers, i) ||
		    port->settings.router[id] != SNOOP_ROUTER_LEARN)
			continue;
		snoop_router_until(&port->router[id], &port->router[id].by_query, until, &unknown);
	}
	if (rule->enforced) {
		family->enforced = true;
		snoop_timer_set(snoop, &family->settle, SNOOP_NEVER);
		if (!family->self)
			snoop_other_set(family, &unknown, 0, until);
	}
	family->published = *rule;
	family->out = true;
	snoop_family_changed(family);
}

static struct member *adopt_member(struct group *group, unsigned int number)
{
	struct port *port = snoop_port_find(group->domain, number);

	return port == NULL || !port->settings.up ? NULL : member_get(group, port);
}

static void adopt_any(struct group *group, const struct snoop_ports *members, uint64_t until)
{
	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++) {
		struct member *member = snoop_ports_has(members, i) ? adopt_member(group, i) : NULL;
		/* one that is configured needs no host: learned as well, it would outlive its deletion */
		if (member == NULL || member->configured)
			continue;
		member->exclude = true;
		member->stale = true;
		member->joined = true;
		snoop_timer_set(group->domain->snoop, &member->timer, until);
		snoop_touch(member);
	}
	group->published = *members;
	group->out = true;
}

/* A port that gets the group but not this source excludes it; one that gets this source alone
 * includes it. */
static void adopt_source(struct group *group, const struct address *address,
			 const struct snoop_ports *members, uint64_t until)
{
	struct domain *domain = group->domain;
	const struct snoop_output *output = &domain->snoop->output;
	const struct address key = group->key.address;
	struct channel *channel = NULL;

	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++) {
		bool wanted = snoop_ports_has(members, i);
		struct member *member = wanted == snoop_ports_has(&group->published, i)
						? NULL
						: adopt_member(group, i);
		struct source *source = member == NULL ? NULL : snoop_source_get(member, address);
		if (source != NULL && source->configured) {
			channel = source->channel;
		} else if (source != NULL) {
			source->heard = true;
			snoop_timer_set(domain->snoop, &source->timer,
					wanted ? until : SNOOP_NEVER);
			member->stale = member->joined = true;
			snoop_touch_source(source);
			channel = source->channel;
		}
		if (member != NULL)
			snoop_member_trim(member);
		if (member != NULL && source == NULL && snoop_group_find(domain, &key) == NULL)
			break; /* no room for the source, and nobody wanted another: it is freed */
	}
	if (channel != NULL) {
		channel->published = *members;
		channel->out = true;
	} else {
		output->remove(output->context, &domain->key, address, &key);
	}
}

int snoop_adopt(struct snoop *snoop, const struct snoop_domain_key *key,
		const struct address *source, const struct address *address,
		const struct snoop_ports *members, uint64_t now)
{
	struct domain *domain = snoop_domain_find(snoop, key);
	enum snoop_family id = snoop_family_of(address);

	snoop->now = now;
	if (domain == NULL)
		return -ENOENT;
	if (!snoop_group_valid(address))
		return -EINVAL;
	struct group *group = snoop_group_get(domain, id, address);
	if (group == NULL)
		return -ENOMEM;
	snoop_group_changed(group); /* and freed then, if nobody turns out to want it */
	uint64_t until = now + snoop_membership_interval(&domain->family[id]);
	if (source == NULL)
		adopt_any(group, members, until);
	else
		adopt_source(group, source, members, until);
	return 0;
}
