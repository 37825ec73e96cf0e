/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-querier.c: who asks (RFC 3376 6.6.2, RFC 3810 7.6.2), our general queries, and what is
 * adopted from the querier. Only general queries elect: snooping bridges send specific ones too.
 */
#include "controlplane/protocol/snoop-private.h"

static const struct snoop_settings *settings_of(const struct family *family)
{
	return &family->domain->settings;
}

unsigned int snoop_robustness(const struct family *family)
{
	return family->other && family->robustness != 0 ? family->robustness
							: settings_of(family)->robustness;
}

uint64_t snoop_interval(const struct family *family)
{
	return family->other && family->interval != 0 ? family->interval
						      : settings_of(family)->query_interval;
}

/* The query response interval in force: a querier may give its hosts more time than we would, and one
 * query of it, for a topology change, say, less than they have after the others. RFC 3376 8.3 */
static uint64_t response_interval(const struct family *family, uint64_t heard)
{
	uint64_t own = settings_of(family)->query_response_interval;

	return heard > own ? heard : own;
}

uint64_t snoop_membership_interval(const struct family *family)
{
	return snoop_robustness(family) * snoop_interval(family) +
	       response_interval(family, family->other ? family->response : 0);
}

uint64_t snoop_presence(const struct family *family, unsigned int robustness, uint64_t interval,
			uint64_t response)
{
	const struct snoop_settings *settings = settings_of(family);

	return (robustness != 0 ? robustness : settings->robustness) *
		       (interval != 0 ? interval : settings->query_interval) +
	       response_interval(family, response) / 2;
}

unsigned int snoop_last_member_count(const struct domain *domain)
{
	const struct snoop_settings *settings = &domain->settings;

	return settings->last_member_count != 0 ? settings->last_member_count
						: settings->robustness;
}

static uint64_t startup_interval(const struct snoop_settings *settings)
{
	return settings->startup_interval != 0 ? settings->startup_interval
					       : settings->query_interval / 4;
}

static unsigned int startup_count(const struct snoop_settings *settings)
{
	return settings->startup_count != 0 ? settings->startup_count : settings->robustness;
}

bool snoop_can_ask(const struct family *family)
{
	const struct snoop_settings *settings = settings_of(family);

	return (family->id == SNOOP_IPV4 && !settings->router) ||
	       !snoop_unspecified(&settings->address[family->id]);
}

/* Is an address lower than ours? 0.0.0.0 wins over nobody. */
static bool beats_us(const struct family *family, const struct address *address)
{
	const struct address *own = &settings_of(family)->address[family->id];

	return snoop_unspecified(own) || memcmp(address, own, sizeof(*own)) < 0;
}

static bool candidate(const struct family *family)
{
	return settings_of(family)->querier && snoop_can_ask(family);
}

/* ---------------------------------------------------------------- sending */

void snoop_send_query(struct family *family, const struct snoop_ports *ports,
		      struct snoop_query *query)
{
	static const struct address nobody = { { [10] = 0xff, 0xff } };
	static const struct address all[SNOOP_FAMILIES] = {
		{ { [10] = 0xff, 0xff, 224, 0, 0, 1 } },
		{ { 0xff, 2, [15] = 1 } },
	};
	struct domain *domain = family->domain;
	const struct snoop_output *output = &domain->snoop->output;
	uint8_t packet[SNOOP_PACKET_MAX], mac[6];

	if (!snoop_can_ask(family) || snoop_ports_empty(ports))
		return;
	if (domain->settings.router && !family->self) /* RFC 3376 6.6.2: the querier alone does */
		return;
	query->source = domain->settings.address[family->id];
	/* a bridge that is not querier says nothing that could make others think so (RFC 4541 2.1.1) */
	if (family->id == SNOOP_IPV4 && (!family->self || snoop_unspecified(&query->source)))
		query->source = nobody;
	query->robustness = snoop_robustness(family);
	query->interval = snoop_interval(family);
	size_t length = family->id == SNOOP_IPV4 ? igmp_build_query(query, packet)
						 : mld_build_query(query, packet);
	snoop_group_mac(family->id,
			snoop_unspecified(&query->group) ? &all[family->id] : &query->group, mac);
	domain->counters.queries_sent++;
	output->send(output->context, &domain->key, ports, mac, packet, length);
}

static void send_general(struct family *family, const struct snoop_ports *ports)
{
	const struct snoop_settings *settings = settings_of(family);
	struct snoop_query query = {
		.version = settings->version[family->id],
		.response = settings->query_response_interval,
	};

	snoop_send_query(family, ports, &query);
}

void snoop_query_due(struct family *family)
{
	const struct snoop_settings *settings = settings_of(family);
	struct snoop *snoop = family->domain->snoop;

	if (!family->self)
		return;
	send_general(family, &family->domain->up);
	/* the first one may have waited for room: hosts have their time from now on */
	if (family->startup_left == startup_count(settings) && snoop_timer_runs(&family->settle))
		snoop_timer_set(snoop, &family->settle,
				snoop->now + settings->query_response_interval + SNOOP_SETTLE_NS);
	if (family->startup_left > 0)
		family->startup_left--;
	snoop_timer_set(snoop, &family->query,
			snoop->now + (family->startup_left > 0 ? startup_interval(settings)
							       : settings->query_interval));
}

void snoop_query_asked(struct family *family)
{
	struct snoop *snoop = family->domain->snoop;
	struct snoop_ports ports = family->ask;

	memset(&family->ask, 0, sizeof(family->ask));
	for (unsigned int i = 0; i < SNOOP_PORT_MAX / 64; i++) {
		ports.word[i] &= family->domain->up.word[i];
		if (!family->self) /* routers might take it for a querier's */
			ports.word[i] &= ~family->routers.word[i];
	}
	if (!family->self && !family->other)
		return; /* nothing is enforced */
	if (family->self && family->query.due <= snoop->now)
		return; /* all are about to be asked */
	send_general(family, &ports);
	if (!family->self)
		return;
	/* to them it is the first startup query (RFC 3376 8.7), and the others follow */
	uint64_t next = snoop->now + startup_interval(settings_of(family));
	family->startup_left = startup_count(settings_of(family)) - 1;
	if (family->startup_left > 0 && next < family->query.due)
		snoop_timer_set(snoop, &family->query, next);
}

/* ---------------------------------------------------------------- election */

/* There is somebody who asks, or nobody any more: what hosts want is known when they had time to
 * answer; without a querier it is soon forgotten, and everything is flooded. */
static void review_enforcement(struct family *family, uint64_t response)
{
	struct snoop *snoop = family->domain->snoop;

	if (!family->self && !family->other) {
		family->enforced = false;
		snoop_timer_set(snoop, &family->settle, SNOOP_NEVER);
	} else if (!family->enforced && !snoop_timer_runs(&family->settle)) {
		snoop_timer_set(snoop, &family->settle, snoop->now + response + SNOOP_SETTLE_NS);
	}
	snoop_family_changed(family);
}

void snoop_settled(struct family *family)
{
	family->enforced = true;
	snoop_family_changed(family);
}

void snoop_querier_review(struct family *family, uint64_t response)
{
	static const struct address nobody;
	const struct snoop_settings *settings = settings_of(family);
	struct snoop *snoop = family->domain->snoop;

	if (family->other && candidate(family) && !snoop_unspecified(&family->other_address) &&
	    !beats_us(family, &family->other_address)) {
		family->other = false;
		snoop_timer_set(snoop, &family->other_timer, SNOOP_NEVER);
	}
	bool self = candidate(family) && !family->other;
	if (self && !family->self) {
		family->startup_left = startup_count(settings);
		snoop_timer_set(snoop, &family->query, snoop->now);
		snoop_event(family->domain, SNOOP_QUERIER, family->id, 0,
			    &settings->address[family->id]);
	} else if (!self) {
		snoop_timer_set(snoop, &family->query, SNOOP_NEVER);
	}
	if (family->self && !self && !family->other)
		snoop_event(family->domain, SNOOP_QUERIER, family->id, 0, &nobody);
	family->self = self;
	review_enforcement(family, response);
}

void snoop_other_set(struct family *family, const struct address *address, unsigned int port,
		     uint64_t until)
{
	bool changed = !family->other || !snoop_address_equal(&family->other_address, address);

	family->other = true;
	family->other_address = *address;
	family->other_port = port;
	snoop_timer_set(family->domain->snoop, &family->other_timer, until);
	if (changed)
		snoop_event(family->domain, SNOOP_QUERIER, family->id, port, address);
}

void snoop_other_gone(struct family *family)
{
	static const struct address nobody;

	family->other = false;
	if (!candidate(family))
		snoop_event(family->domain, SNOOP_QUERIER, family->id, 0, &nobody);
	snoop_querier_review(family, settings_of(family)->query_response_interval);
}

void snoop_querier_heard(struct family *family, unsigned int port,
			 const struct snoop_message *message)
{
	struct domain *domain = family->domain;
	uint64_t until = domain->snoop->now + snoop_presence(family, message->robustness,
							     message->interval, message->response);
	struct router *router = &domain->port[port]->router[family->id];

	if (snoop_unspecified(&message->source)) {
		domain->counters.query_zero_source++;
		return;
	}
	snoop_router_until(router, &router->by_query, until, &message->source);
	if (candidate(family) && !beats_us(family, &message->source))
		return;
	if (family->other && !snoop_unspecified(&family->other_address) &&
	    memcmp(&message->source, &family->other_address, sizeof(message->source)) > 0)
		return;
	family->robustness = message->robustness;
	family->interval = message->interval;
	family->response = message->response;
	family->other_version = message->version;
	snoop_other_set(family, &message->source, port, until);
	snoop_querier_review(family, message->response);
}
