/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-publish.c: from memberships to entries, in an order in which no member misses a packet.
 */
#include "controlplane/protocol/snoop-private.h"

static bool equal(const struct snoop_ports *a, const struct snoop_ports *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

void snoop_group_changed(struct group *group)
{
	if (group->changed)
		return;
	group->changed = true;
	LL_PREPEND2(group->domain->snoop->changed, group, changed_next);
}

/* Write an entry if it differs from what was written. */
static void write_entry(struct group *group, const struct address *source,
			const struct snoop_ports *ports, struct snoop_ports *published, bool *out)
{
	struct domain *domain = group->domain;
	const struct snoop_output *output = &domain->snoop->output;

	if (*out && equal(ports, published))
		return;
	if (output->forward(output->context, &domain->key, source, &group->key.address, ports) !=
	    0) {
		domain->counters.table_full++;
		return;
	}
	*published = *ports;
	*out = true;
}

static void remove_entry(struct group *group, const struct address *source, bool *out)
{
	const struct snoop_output *output = &group->domain->snoop->output;

	if (*out)
		output->remove(output->context, &group->domain->key, source, &group->key.address);
	*out = false;
}

static void channel_free(struct group *group, struct channel *channel)
{
	remove_entry(group, &channel->key.source, &channel->out);
	DL_DELETE(group->channels, channel);
	HASH_DELETE(hh, group->domain->snoop->channels, channel);
	free(channel);
}

/* A channel that goes where any source goes needs no entry. Those that are needed come first, then
 * the one for any source, and only then the others go. */
static void publish_group(struct group *group)
{
	struct channel *channel, *next;

	DL_FOREACH(group->channels, channel)
	if (!equal(&channel->ports, &group->any))
		write_entry(group, &channel->key.source, &channel->ports, &channel->published,
			    &channel->out);
	write_entry(group, NULL, &group->any, &group->published, &group->out);
	DL_FOREACH_SAFE(group->channels, channel, next)
	{
		if (channel->uses == 0)
			channel_free(group, channel);
		else if (equal(&channel->ports, &group->any))
			remove_entry(group, &channel->key.source, &channel->out);
	}
}

void snoop_publish(struct snoop *snoop)
{
	while (snoop->changed != NULL) {
		struct group *group = snoop->changed;
		LL_DELETE2(snoop->changed, group, changed_next);
		group->changed = false;
		if (group->members == NULL) {
			snoop_group_free(group);
			continue;
		}
		publish_group(group);
		snoop_proxy_changed(group->domain, group->family, &group->key.address);
	}
}

void snoop_group_withdraw(struct group *group)
{
	struct channel *channel, *next;

	DL_FOREACH_SAFE(group->channels, channel, next)
	channel_free(group, channel);
	remove_entry(group, NULL, &group->out);
}

/* ---------------------------------------------------------------- rules */

static void publish_rule(struct family *family)
{
	struct domain *domain = family->domain;
	const struct snoop_output *output = &domain->snoop->output;
	struct snoop_rule rule = {
		.routers = family->routers,
		.enforced = family->enforced,
		.unregistered = domain->settings.unregistered,
	};

	if (family->out && equal(&rule.routers, &family->published.routers) &&
	    rule.enforced == family->published.enforced &&
	    rule.unregistered == family->published.unregistered)
		return;
	family->published = rule;
	family->out = true;
	output->rule(output->context, &domain->key, family->id, &rule);
}

void snoop_family_changed(struct family *family)
{
	if (family->changed)
		return;
	family->changed = true;
	LL_PREPEND2(family->domain->snoop->families_changed, family, changed_next);
}

void snoop_families_publish(struct snoop *snoop)
{
	while (snoop->families_changed != NULL && !snoop_busy(snoop)) {
		struct family *family = snoop->families_changed;
		LL_DELETE2(snoop->families_changed, family, changed_next);
		family->changed = false;
		publish_rule(family);
		if (!snoop_ports_empty(&family->ask))
			snoop_query_asked(family);
	}
}
