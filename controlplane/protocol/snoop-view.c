/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-view.c: looking at the engine's state.
 */
#include "controlplane/protocol/snoop-private.h"

static void merge(struct snoop_ports *into, const struct snoop_ports *ports)
{
	for (unsigned int i = 0; i < SNOOP_PORT_MAX / 64; i++)
		into->word[i] |= ports->word[i];
}

static bool always_flooded(enum snoop_family family, const struct address *group)
{
	return !snoop_is_group(family, group) || snoop_is_local(family, group);
}

/* The entry that a frame meets; NULL: none. */
static const struct snoop_ports *entry(const struct domain *domain, const struct address *source,
				       const struct address *address)
{
	const struct group *group = snoop_group_find(domain, address);
	struct channel_key key = { .group = group, .source = *source };
	const struct channel *channel;

	if (group == NULL || !group->out)
		return NULL;
	HASH_FIND(hh, domain->snoop->channels, &key, sizeof(key), channel);
	return channel != NULL && channel->out ? &channel->published : &group->published;
}

bool snoop_forward(const struct snoop *snoop, const struct snoop_domain_key *key,
		   const struct address *source, const struct address *group,
		   struct snoop_ports *ports)
{
	const struct domain *domain = snoop_domain_find(snoop, key);
	enum snoop_family id = snoop_family_of(group);

	memset(ports, 0, sizeof(*ports));
	if (domain == NULL)
		return false;
	const struct family *family = &domain->family[id];
	const struct snoop_ports *members = entry(domain, source, group);
	bool link_local = id == SNOOP_IPV6 && group->bytes[1] == 2;
	if (always_flooded(id, group) || !family->enforced || (members == NULL && link_local)) {
		*ports = domain->up;
		return true;
	}
	if (members != NULL) {
		*ports = *members;
		merge(ports, &family->routers);
		return true;
	}
	if (domain->settings.unregistered == SNOOP_FLOOD)
		*ports = domain->up;
	else if (domain->settings.unregistered == SNOOP_ROUTER_PORTS)
		*ports = family->routers;
	return true;
}

/* ---------------------------------------------------------------- lists */

static uint64_t expires(const struct snoop_timer *timer)
{
	return snoop_timer_runs(timer) ? timer->due : 0;
}

static void see_member(const struct member *member,
		       void (*see)(void *context, const struct snoop_member_view *member),
		       void *context)
{
	uint64_t now = member->group->domain->snoop->now;
	bool learned = member->exclude;
	const struct source *source;
	unsigned int count = 0;
	struct snoop_source_view *sources = calloc(member->source_count + 1u, sizeof(*sources));

	if (sources == NULL)
		return;
	DL_FOREACH(member->sources, source)
	{
		learned |= source->heard;
		sources[count++] = (struct snoop_source_view){
			.address = source->key.address,
			.forwarded = snoop_source_wanted(member, source),
			.configured = source->configured,
			.expires = expires(&source->timer),
		};
	}
	struct snoop_member_view view = {
		.domain = member->group->domain->key,
		.group = member->group->key.address,
		.port = member->port->number,
		.exclude = snoop_any_wanted(member),
		.configured = member->configured,
		.stale = member->stale,
		.version = learned && !member->stale ? snoop_member_version(member, now) : 0,
		.reporter = member->reporter,
		.expires = expires(&member->timer),
		.source_count = count,
		.sources = sources,
	};
	memcpy(view.reporter_mac, member->reporter_mac, 6);
	see(context, &view);
	free(sources);
}

void snoop_each_member(const struct snoop *snoop, const struct snoop_domain_key *key,
		       void (*see)(void *context, const struct snoop_member_view *member),
		       void *context)
{
	const struct member *member;
	struct domain *domain, *next;
	const struct group *group;

	HASH_ITER(hh, snoop->domains, domain, next)
	{
		if (key != NULL && memcmp(key, &domain->key, sizeof(*key)) != 0)
			continue;
		DL_FOREACH(domain->groups, group)
		DL_FOREACH(group->members, member)
		see_member(member, see, context);
	}
}

static void see_router(const struct router *router,
		       void (*see)(void *context, const struct snoop_router_view *router),
		       void *context)
{
	struct snoop_router_view view = {
		.domain = router->port->domain->key,
		.family = router->family,
		.port = router->port->number,
		.reasons = snoop_router_reasons(router),
		.address = router->address,
		.expires = snoop_router_expires(router),
	};

	if (router->found)
		see(context, &view);
}

void snoop_each_router(const struct snoop *snoop, const struct snoop_domain_key *key,
		       void (*see)(void *context, const struct snoop_router_view *router),
		       void *context)
{
	struct domain *domain, *next;

	HASH_ITER(hh, snoop->domains, domain, next)
	{
		if (key != NULL && memcmp(key, &domain->key, sizeof(*key)) != 0)
			continue;
		for (unsigned int i = 0; i < SNOOP_PORT_MAX * SNOOP_FAMILIES; i++)
			if (domain->port[i / SNOOP_FAMILIES] != NULL)
				see_router(&domain->port[i / SNOOP_FAMILIES]
						    ->router[i % SNOOP_FAMILIES],
					   see, context);
	}
}

void snoop_each_domain(const struct snoop *snoop,
		       void (*see)(void *context, const struct snoop_domain_key *key,
				   unsigned int groups),
		       void *context)
{
	const struct domain *domain, *next;

	HASH_ITER(hh, snoop->domains, domain, next)
	{
		const struct group *group;
		unsigned int groups = 0;
		DL_COUNT(domain->groups, group, groups);
		see(context, &domain->key, groups);
	}
}

bool snoop_querier(const struct snoop *snoop, const struct snoop_domain_key *key,
		   enum snoop_family id, struct snoop_querier_view *view)
{
	const struct domain *domain = snoop_domain_find(snoop, key);

	memset(view, 0, sizeof(*view));
	if (domain == NULL)
		return false;
	const struct family *family = &domain->family[id];
	view->self = family->self;
	if (family->self)
		view->address = domain->settings.address[id];
	if (family->other) {
		view->address = family->other_address;
		view->port = family->other_port;
		view->expires = expires(&family->other_timer);
	}
	view->enforced = family->enforced;
	view->robustness = snoop_robustness(family);
	view->query_interval = snoop_interval(family);
	return true;
}

bool snoop_has_members(const struct snoop *snoop, const struct snoop_domain_key *key,
		       const struct address *group)
{
	const struct domain *domain = snoop_domain_find(snoop, key);
	const struct group *found = domain == NULL ? NULL : snoop_group_find(domain, group);

	return found != NULL && found->members != NULL;
}

const struct snoop_counters *snoop_domain_counters(const struct snoop *snoop,
						   const struct snoop_domain_key *key)
{
	const struct domain *domain = snoop_domain_find(snoop, key);

	return domain == NULL ? NULL : &domain->counters;
}

void snoop_lost(struct snoop *snoop, const struct snoop_domain_key *key)
{
	struct domain *domain = snoop_domain_find(snoop, key);

	if (domain != NULL)
		domain->counters.frames_lost++;
}
