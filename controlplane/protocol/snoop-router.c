/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-router.c: ports behind which there are multicast routers: by general queries and PIM hellos
 * (RFC 4541 2.1.1.1), by advertisements (RFC 4286), by configuration.
 */
#include "controlplane/protocol/snoop-private.h"

enum {
	SOLICITATIONS = 3, /* RFC 4286 6.3 */
};

#define SOLICITATION_DELAY    SNOOP_SECOND
#define SOLICITATION_INTERVAL (3 * SNOOP_SECOND)

unsigned int snoop_router_reasons(const struct router *router)
{
	enum snoop_router_rule rule = router->port->settings.router[router->family];
	unsigned int reasons = 0;

	if (rule == SNOOP_ROUTER_NEVER || !router->port->settings.up)
		return 0;
	if (router->by_query != 0)
		reasons |= SNOOP_BY_QUERY;
	if (router->by_pim != 0)
		reasons |= SNOOP_BY_PIM;
	if (router->by_advertisement != 0)
		reasons |= SNOOP_BY_ADVERTISEMENT;
	if (rule == SNOOP_ROUTER_STATIC)
		reasons |= SNOOP_BY_CONFIGURATION;
	return reasons;
}

uint64_t snoop_router_expires(const struct router *router)
{
	uint64_t until[] = { router->by_query, router->by_pim, router->by_advertisement }, last = 0;

	if (router->port->settings.router[router->family] == SNOOP_ROUTER_STATIC)
		return 0;
	for (unsigned int i = 0; i < 3; i++)
		if (until[i] > last)
			last = until[i];
	return last == SNOOP_NEVER ? 0 : last;
}

void snoop_router_review(struct router *router)
{
	struct domain *domain = router->port->domain;
	struct family *family = &domain->family[router->family];
	uint64_t until[] = { router->by_query, router->by_pim, router->by_advertisement };
	uint64_t due = SNOOP_NEVER;
	bool found = snoop_router_reasons(router) != 0;

	for (unsigned int i = 0; i < 3; i++)
		if (until[i] != 0 && until[i] < due)
			due = until[i];
	snoop_timer_set(domain->snoop, &router->timer, due);
	if (found == router->found)
		return;
	router->found = found;
	if (found)
		snoop_ports_add(&family->routers, router->port->number);
	else
		snoop_ports_delete(&family->routers, router->port->number);
	snoop_event(domain, found ? SNOOP_ROUTER_FOUND : SNOOP_ROUTER_GONE, router->family,
		    router->port->number, &router->address);
	snoop_family_changed(family);
}

void snoop_router_until(struct router *router, uint64_t *reason, uint64_t until,
			const struct address *address)
{
	*reason = until;
	router->address = *address;
	snoop_router_review(router);
}

void snoop_router_due(struct router *router)
{
	uint64_t *reason[] = { &router->by_query, &router->by_pim, &router->by_advertisement };

	for (unsigned int i = 0; i < 3; i++)
		if (*reason[i] <= router->port->domain->snoop->now)
			*reason[i] = 0;
	snoop_router_review(router);
}

/* ---------------------------------------------------------------- solicitations */

/* A port came up: routers there are to say so. Soon, but once for ports that come up together. A router
 * needs to know of no others. */
void snoop_solicit(struct family *family)
{
	if (family->domain->settings.router)
		return;
	family->solicit_left = SOLICITATIONS;
	snoop_timer_set(family->domain->snoop, &family->solicit,
			family->domain->snoop->now + SOLICITATION_DELAY);
}

void snoop_solicit_due(struct family *family)
{
	static const struct address all_routers[SNOOP_FAMILIES] = {
		{ { [10] = 0xff, 0xff, 224, 0, 0, 2 } },
		{ { 0xff, 2, [15] = 2 } },
	};
	struct domain *domain = family->domain;
	const struct snoop_output *output = &domain->snoop->output;
	const struct address *source = &domain->settings.address[family->id];
	uint8_t packet[SNOOP_PACKET_MAX], mac[6];

	if (family->solicit_left == 0 || snoop_ports_empty(&domain->up) ||
	    (family->id == SNOOP_IPV6 && snoop_unspecified(source)))
		return;
	size_t length = family->id == SNOOP_IPV4 ? igmp_build_solicitation(source, packet)
						 : mld_build_solicitation(source, packet);
	snoop_group_mac(family->id, &all_routers[family->id], mac);
	domain->counters.solicitations_sent++;
	output->send(output->context, &domain->key, &domain->up, mac, packet, length);
	if (--family->solicit_left > 0)
		snoop_timer_set(domain->snoop, &family->solicit,
				domain->snoop->now + SOLICITATION_INTERVAL);
}
