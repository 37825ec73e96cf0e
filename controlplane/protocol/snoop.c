/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop.c: the engine's life, its domains and ports. Nothing that is set here goes out before the next
 * tick, so that a take-over can be told first.
 */
#include "controlplane/protocol/snoop-private.h"

const struct snoop_settings snoop_settings_default = {
	.version = { 3, 2 },
	.robustness = 2,
	.query_interval = 125 * SNOOP_SECOND,
	.query_response_interval = 10 * SNOOP_SECOND,
	.last_member_interval = SNOOP_SECOND,
	.groups_max = 4096,
	.sources_max = 64,
};

struct snoop *snoop_new(const struct snoop_output *output, unsigned int groups,
			unsigned int sources)
{
	struct snoop *snoop = calloc(1, sizeof(*snoop));

	if (snoop == NULL)
		return NULL;
	snoop->output = *output;
	snoop->members_max = groups;
	snoop->sources_max = sources;
	snoop->random = 0x9e3779b97f4a7c15;
	return snoop;
}

struct domain *snoop_domain_find(const struct snoop *snoop, const struct snoop_domain_key *key)
{
	struct domain *domain;

	HASH_FIND(hh, snoop->domains, key, sizeof(*key), domain);
	return domain;
}

struct port *snoop_port_find(const struct domain *domain, unsigned int port)
{
	return port < SNOOP_PORT_MAX ? domain->port[port] : NULL;
}

void snoop_event(const struct domain *domain, enum snoop_event_kind kind, enum snoop_family family,
		 unsigned int port, const struct address *address)
{
	struct snoop_event event = {
		.kind = kind,
		.domain = domain->key,
		.family = family,
		.port = port,
		.address = *address,
	};

	domain->snoop->output.event(domain->snoop->output.context, &event);
}

void snoop_group_event(const struct port *port, enum snoop_event_kind kind,
		       const struct address *group, const struct address *reporter,
		       const uint8_t reporter_mac[6])
{
	const struct domain *domain = port->domain;
	struct snoop_event event = {
		.kind = kind,
		.domain = domain->key,
		.family = snoop_family_of(group),
		.port = port->number,
		.address = *group,
		.reporter = *reporter,
	};

	memcpy(event.reporter_mac, reporter_mac, sizeof(event.reporter_mac));
	domain->snoop->output.event(domain->snoop->output.context, &event);
}

/* ---------------------------------------------------------------- domains */

static struct domain *domain_new(struct snoop *snoop, const struct snoop_domain_key *key)
{
	struct domain *domain = calloc(1, sizeof(*domain));

	if (domain == NULL)
		return NULL;
	domain->key = *key;
	domain->snoop = snoop;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		struct family *family = &domain->family[i];
		family->domain = domain;
		family->id = i;
		snoop_timer_init(&family->query, TIMER_QUERY);
		snoop_timer_init(&family->other_timer, TIMER_OTHER);
		snoop_timer_init(&family->settle, TIMER_SETTLE);
		snoop_timer_init(&family->solicit, TIMER_SOLICIT);
		snoop_timer_init(&family->answer, TIMER_ANSWER);
	}
	HASH_ADD(hh, snoop->domains, key, sizeof(domain->key), domain);
	return domain;
}

/* Nothing that makes time stand still, or that no message can say. */
static bool plausible(const struct snoop_settings *settings)
{
	return settings->robustness >= 1 && settings->robustness <= 7 &&
	       settings->query_interval >= SNOOP_SECOND &&
	       settings->query_response_interval >= SNOOP_SECOND / 10 &&
	       settings->query_response_interval < settings->query_interval &&
	       settings->last_member_interval >= SNOOP_SECOND / 10 &&
	       (settings->startup_interval == 0 ||
		settings->startup_interval >= SNOOP_SECOND / 10) &&
	       settings->version[SNOOP_IPV4] >= 2 && settings->version[SNOOP_IPV4] <= 3 &&
	       settings->version[SNOOP_IPV6] >= 1 && settings->version[SNOOP_IPV6] <= 2;
}

int snoop_domain_set(struct snoop *snoop, const struct snoop_domain_key *key,
		     const struct snoop_settings *settings, uint64_t now)
{
	struct domain *domain = snoop_domain_find(snoop, key);
	struct proxy *proxy, *next;

	snoop->now = now;
	if (!plausible(settings))
		return -EINVAL;
	if (domain == NULL)
		domain = domain_new(snoop, key);
	if (domain == NULL)
		return -ENOMEM;
	bool proxy_before = domain->settings.proxy;
	domain->settings = *settings;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++)
		snoop_querier_review(&domain->family[i], settings->query_response_interval);
	if (proxy_before && !settings->proxy)
		DL_FOREACH_SAFE(domain->proxies, proxy, next)
	snoop_proxy_free(proxy);
	if (!proxy_before && settings->proxy) {
		struct group *group;
		DL_FOREACH(domain->groups, group)
		snoop_group_changed(group);
	}
	return 0;
}

static void port_free(struct port *port)
{
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++)
		snoop_timer_drop(port->domain->snoop, &port->router[i].timer);
	port->domain->port[port->number] = NULL;
	free(port);
}

void snoop_domain_delete(struct snoop *snoop, const struct snoop_domain_key *key)
{
	struct domain *domain = snoop_domain_find(snoop, key);
	struct proxy *proxy, *next_proxy;
	struct group *group, *next_group;

	if (domain == NULL)
		return;
	domain->settings.proxy = false;
	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++) {
		while (domain->port[i] != NULL && domain->port[i]->members != NULL)
			snoop_member_forget(domain->port[i]->members, true);
		if (domain->port[i] != NULL)
			port_free(domain->port[i]);
	}
	DL_FOREACH_SAFE(domain->groups, group, next_group)
	snoop_group_free(group);
	DL_FOREACH_SAFE(domain->proxies, proxy, next_proxy)
	snoop_proxy_free(proxy);
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		struct family *family = &domain->family[i];
		snoop_timer_drop(snoop, &family->query);
		snoop_timer_drop(snoop, &family->other_timer);
		snoop_timer_drop(snoop, &family->settle);
		snoop_timer_drop(snoop, &family->solicit);
		snoop_timer_drop(snoop, &family->answer);
		if (family->changed)
			LL_DELETE2(snoop->families_changed, family, changed_next);
	}
	HASH_DELETE(hh, snoop->domains, domain);
	free(domain);
}

static int nothing_forward(void *context, const struct snoop_domain_key *domain,
			   const struct address *source, const struct address *group,
			   const struct snoop_ports *members)
{
	(void)context, (void)domain, (void)source, (void)group, (void)members;
	return 0;
}

static void nothing_remove(void *context, const struct snoop_domain_key *domain,
			   const struct address *source, const struct address *group)
{
	(void)context, (void)domain, (void)source, (void)group;
}

static void nothing_event(void *context, const struct snoop_event *event)
{
	(void)context, (void)event;
}

void snoop_free(struct snoop *snoop)
{
	struct domain *domain, *next;

	snoop->output.forward = nothing_forward;
	snoop->output.remove = nothing_remove;
	snoop->output.event = nothing_event;
	HASH_ITER(hh, snoop->domains, domain, next)
	snoop_domain_delete(snoop, &domain->key);
	free(snoop->heap.slot);
	free(snoop);
}

/* ---------------------------------------------------------------- ports */

struct snoop_ports snoop_others(const struct domain *domain, unsigned int port)
{
	struct snoop_ports ports = domain->up;

	snoop_ports_delete(&ports, port);
	return ports;
}

static struct port *port_new(struct domain *domain, unsigned int number)
{
	struct port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->domain = domain;
	port->number = number;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		port->router[i].port = port;
		port->router[i].family = i;
		snoop_timer_init(&port->router[i].timer, TIMER_ROUTER);
	}
	domain->port[number] = port;
	return port;
}

/* All that was learned by it ends. */
static void forget(struct port *port, bool configured)
{
	struct member *member, *next;

	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		struct router *router = &port->router[i];
		router->by_query = router->by_pim = router->by_advertisement = 0;
	}
	DL_FOREACH_SAFE2(port->members, member, next, port_next)
	snoop_member_forget(member, configured);
}

static void review_routers(struct port *port)
{
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++)
		snoop_router_review(&port->router[i]);
}

static void ask_port(struct port *port)
{
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		struct family *family = &port->domain->family[i];
		snoop_ports_add(&family->ask, port->number);
		snoop_family_changed(family);
		snoop_solicit(family);
	}
}

int snoop_port_set(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int number,
		   const struct snoop_port_settings *settings, uint64_t now)
{
	struct domain *domain = snoop_domain_find(snoop, key);

	snoop->now = now;
	if (domain == NULL || number >= SNOOP_PORT_MAX)
		return -ENOENT;
	struct port *port = domain->port[number];
	if (port == NULL)
		port = port_new(domain, number);
	if (port == NULL)
		return -ENOMEM;
	bool up_before = port->settings.up;
	port->settings = *settings;
	if (settings->up)
		snoop_ports_add(&domain->up, number);
	else
		snoop_ports_delete(&domain->up, number);
	if (up_before && !settings->up)
		forget(port, false);
	review_routers(port);
	if (settings->up && !up_before)
		ask_port(port);
	return 0;
}

void snoop_port_ask(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int number,
		    uint64_t now)
{
	const struct domain *domain = snoop_domain_find(snoop, key);
	struct port *port = domain == NULL ? NULL : snoop_port_find(domain, number);

	snoop->now = now;
	if (port != NULL && port->settings.up)
		ask_port(port);
}

void snoop_port_delete(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int number,
		       uint64_t now)
{
	struct domain *domain = snoop_domain_find(snoop, key);

	snoop->now = now;
	if (domain == NULL || snoop_port_find(domain, number) == NULL)
		return;
	struct port *port = domain->port[number];
	snoop_ports_delete(&domain->up, number);
	port->settings.up = false;
	forget(port, true);
	review_routers(port);
	port_free(port);
}

void snoop_topology_change(struct snoop *snoop, const struct snoop_domain_key *key, uint64_t now)
{
	struct domain *domain = snoop_domain_find(snoop, key);

	if (domain == NULL)
		return;
	for (unsigned int i = 0; i < SNOOP_FAMILIES; i++) {
		domain->family[i].ask = domain->up;
		snoop_family_changed(&domain->family[i]);
		snoop_solicit(&domain->family[i]);
	}
	snoop_settle(snoop, now);
}
