/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-input.c: a frame comes in, the time goes on: who does what then, and where the frame goes
 * (RFC 4541 2.1.1).
 */
#include "controlplane/protocol/snoop-private.h"

#define OWNER(timer, type, field) ((type *)((char *)(timer)-offsetof(type, field)))

static void run_timer(struct snoop_timer *timer)
{
	switch ((enum snoop_timer_kind)timer->kind) {
	case TIMER_MEMBER:
		snoop_member_expired(OWNER(timer, struct member, timer));
		break;
	case TIMER_SOURCE:
		snoop_source_expired(OWNER(timer, struct source, timer));
		break;
	case TIMER_ASK:
		snoop_ask_again(OWNER(timer, struct member, ask));
		break;
	case TIMER_ROUTER:
		snoop_router_due(OWNER(timer, struct router, timer));
		break;
	case TIMER_QUERY:
		snoop_query_due(OWNER(timer, struct family, query));
		break;
	case TIMER_OTHER:
		snoop_other_gone(OWNER(timer, struct family, other_timer));
		break;
	case TIMER_SETTLE:
		snoop_settled(OWNER(timer, struct family, settle));
		break;
	case TIMER_SOLICIT:
		snoop_solicit_due(OWNER(timer, struct family, solicit));
		break;
	case TIMER_ANSWER:
		snoop_proxy_answer(OWNER(timer, struct family, answer));
		break;
	case TIMER_PROXY:
		snoop_proxy_due(OWNER(timer, struct proxy, timer));
		break;
	}
}

void snoop_settle(struct snoop *snoop, uint64_t now)
{
	struct snoop_timer *timer;

	snoop->now = now;
	do { /* what is published may be due to be said at once */
		snoop_families_publish(snoop);
		while (!snoop_busy(snoop) && (timer = snoop_timer_next(snoop, now)) != NULL)
			run_timer(timer);
		snoop_publish(snoop);
	} while (!snoop_busy(snoop) &&
		 (snoop->families_changed != NULL || snoop_timer_first(snoop) <= now));
}

uint64_t snoop_tick(struct snoop *snoop, uint64_t now)
{
	snoop_settle(snoop, now);
	return snoop->families_changed != NULL ? now : snoop_timer_first(snoop);
}

/* ---------------------------------------------------------------- where frames go */

static struct snoop_ports routers_but(const struct domain *domain, enum snoop_family family,
				      unsigned int port)
{
	struct snoop_ports ports = domain->family[family].routers;

	snoop_ports_delete(&ports, port);
	return ports;
}

/* Ports where somebody wants the group, whatever just left. On the port of the leave itself only
 * version 1 hosts count: they cannot leave. */
static struct snoop_ports still_wanted(const struct port *port, const struct snoop_message *message)
{
	const struct group *group = snoop_group_find(port->domain, &message->group);
	struct snoop_ports wanted = { 0 };
	const struct member *member;

	if (group == NULL)
		return wanted;
	DL_FOREACH(group->members, member)
	{
		bool older = message->family == SNOOP_IPV4 &&
			     snoop_member_version(member, port->domain->snoop->now) == 1;
		if ((member->leaving && !member->configured) || (member->port == port && !older))
			continue;
		snoop_ports_add(&wanted, member->port->number);
	}
	return wanted;
}

/* A leave goes to a router port if nobody but those behind that port wants the group any more: a
 * router that heard one while there are others would cut their stream. */
static struct snoop_ports leave_to(const struct port *port, const struct snoop_message *message)
{
	struct snoop_ports routers = routers_but(port->domain, message->family, port->number);
	struct snoop_ports wanted = still_wanted(port, message), to = { 0 };

	for (unsigned int i = 0; i < SNOOP_PORT_MAX; i++) {
		struct snoop_ports others = wanted;
		if (!snoop_ports_has(&routers, i))
			continue;
		snoop_ports_delete(&others, i);
		if (snoop_ports_empty(&others))
			snoop_ports_add(&to, i);
	}
	if (!snoop_ports_empty(&routers) && snoop_ports_empty(&to))
		port->domain->counters.leaves_held++;
	return to;
}

/* ---------------------------------------------------------------- messages */

static void take_query(struct port *port, const struct snoop_message *message)
{
	struct domain *domain = port->domain;
	struct family *family = &domain->family[message->family];

	domain->counters.queries++;
	if (message->version != domain->settings.version[message->family])
		domain->counters.query_other_version++;
	if (snoop_unspecified(&message->group))
		snoop_querier_heard(family, port->number, message);
	else
		snoop_heard_query(domain, port->number, message);
	snoop_proxy_query(family, message);
}

static void take_router(struct port *port, const struct snoop_message *message)
{
	struct router *router = &port->router[message->family];
	bool hello = message->kind == MESSAGE_HELLO;
	uint64_t now = port->domain->snoop->now;
	uint64_t until = message->lifetime == 0             ? 0
			 : message->lifetime == SNOOP_NEVER ? SNOOP_NEVER
							    : now + message->lifetime;

	if (hello)
		port->domain->counters.pim_hellos++;
	else
		port->domain->counters.router_advertisements++;
	if (!hello && snoop_unspecified(&message->source)) { /* as a query from nobody */
		port->domain->counters.advertisement_zero_source++;
		return;
	}
	snoop_router_until(router, hello ? &router->by_pim : &router->by_advertisement, until,
			   &message->source);
}

/* Returns where the frame goes. */
static struct snoop_ports take(struct port *port, const struct snoop_message *message,
			       const uint8_t source_mac[6])
{
	struct domain *domain = port->domain;
	static const struct snoop_ports nowhere;

	switch (message->kind) {
	case MESSAGE_QUERY:
		take_query(port, message);
		return snoop_others(domain, port->number);
	case MESSAGE_REPORT:
	case MESSAGE_RECORDS:
		domain->counters.reports++;
		if (!snoop_report_apply(port, message, source_mac) || domain->settings.proxy)
			return nowhere;
		return routers_but(domain, message->family, port->number);
	case MESSAGE_LEAVE:
		domain->counters.leaves++;
		snoop_report_apply(port, message, source_mac);
		return domain->settings.proxy ? nowhere : leave_to(port, message);
	case MESSAGE_HELLO:
	case MESSAGE_ADVERTISEMENT:
	case MESSAGE_TERMINATION:
		take_router(port, message);
		return snoop_others(domain, port->number);
	case MESSAGE_OTHER:
		break;
	}
	return snoop_others(domain, port->number);
}

bool snoop_input(struct snoop *snoop, const struct snoop_domain_key *key, unsigned int number,
		 const uint8_t *packet, size_t length, const uint8_t source_mac[6], uint64_t now,
		 struct snoop_ports *forward)
{
	struct domain *domain = snoop_domain_find(snoop, key);
	struct snoop_message message;

	memset(forward, 0, sizeof(*forward));
	if (domain == NULL)
		return false;
	struct port *port = snoop_port_find(domain, number);
	if (port == NULL || !port->settings.up) {
		domain->counters.unknown_port++;
		return true;
	}
	snoop_settle(snoop, now); /* what ended before the frame came does not see it */
	if (snoop_parse(packet, length, domain->settings.strict, &domain->counters, &message))
		*forward = take(port, &message, source_mac);
	snoop_settle(snoop, now);
	return true;
}
