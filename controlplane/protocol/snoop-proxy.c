/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-proxy.c: routers hear one host, which wants what all ports together want (RFC 4541 2.1.1.1,
 * RFC 3376 3.2). In the version that the querier speaks.
 */
#include "controlplane/protocol/snoop-private.h"

#define REPEAT_INTERVAL SNOOP_SECOND /* RFC 3376 8.11 */

/* Between 0 and `limit`. RFC 3376 5.2: answers are spread. */
static uint64_t some_time(struct snoop *snoop, uint64_t limit)
{
	snoop->random ^= snoop->random << 13;
	snoop->random ^= snoop->random >> 7;
	snoop->random ^= snoop->random << 17;
	return limit == 0 ? 0 : snoop->random % limit;
}

/* ---------------------------------------------------------------- sending */

static const struct address *report_source(const struct domain *domain, enum snoop_family family)
{
	return &domain->settings.address[family];
}

static void send_packet(struct domain *domain, enum snoop_family family,
			const struct address *destination, const uint8_t *packet, size_t length)
{
	const struct snoop_output *output = &domain->snoop->output;
	uint8_t mac[6];

	if (snoop_ports_empty(&domain->family[family].routers))
		return;
	snoop_group_mac(family, destination, mac);
	domain->counters.reports_sent++;
	output->send(output->context, &domain->key, &domain->family[family].routers, mac, packet,
		     length);
}

static void flush(struct domain *domain, struct snoop_report *report)
{
	struct address to = { { 0 } };

	if (report->records == 0)
		return;
	snoop_report_end(report);
	to = report->family == SNOOP_IPV4 ? snoop_address(SNOOP_IPV4, report->packet + 16)
					  : snoop_address(SNOOP_IPV6, report->packet + 24);
	send_packet(domain, report->family, &to, report->packet, report->length);
	snoop_report_begin(report, report->family, report_source(domain, report->family));
}

/* All of a record, over several packets if need be. What of an EXCLUDE list does not fit into one
 * packet is left out, and so not excluded (RFC 3376 4.2.16). */
static void add_record(struct domain *domain, struct snoop_report *report,
		       enum snoop_record_type type, const struct proxy *proxy)
{
	unsigned int done = 0;

	for (;;) {
		const struct address *rest =
			done < proxy->source_count ? &proxy->sources[done] : NULL;
		int taken = snoop_report_add(report, type, &proxy->key.address, rest,
					     proxy->source_count - done);
		if (taken < 0) { /* a new packet takes it, also if it has no sources */
			flush(domain, report);
			continue;
		}
		done += (unsigned int)taken;
		if (done < proxy->source_count)
			flush(domain, report);
		if (proxy->exclude || done == proxy->source_count)
			return;
	}
}

static bool wants(const struct proxy *proxy)
{
	return proxy->exclude || proxy->source_count > 0;
}

/* The version to speak; 0: that with records. RFC 3376 7.2.1 */
static unsigned int older_version(const struct family *family)
{
	unsigned int newest = family->id == SNOOP_IPV4 ? 3 : 2;

	return family->other && family->other_version != 0 && family->other_version < newest
		       ? family->other_version
		       : 0;
}

static void send_old(const struct proxy *proxy, unsigned int version, bool leave)
{
	static const struct address all_routers[SNOOP_FAMILIES] = {
		{ { [10] = 0xff, 0xff, 224, 0, 0, 2 } },
		{ { 0xff, 2, [15] = 2 } },
	};
	const struct address *source = report_source(proxy->domain, proxy->family);
	const struct address *group = &proxy->key.address;
	uint8_t packet[SNOOP_PACKET_MAX];

	if (leave && proxy->family == SNOOP_IPV4 && version == 1)
		return; /* version 1 has none */
	size_t length = proxy->family == SNOOP_IPV4
				? igmp_build_old(version, leave, source, group, packet)
				: mld_build_old(leave, source, group, packet);
	send_packet(proxy->domain, proxy->family, leave ? &all_routers[proxy->family] : group,
		    packet, length);
}

/* Say what is wanted: as a change, all of it (it may be said twice, and whoever missed what was before
 * understands it), or as an answer. */
static void say(const struct proxy *proxy, bool change)
{
	static struct snoop_report report;
	unsigned int version = older_version(&proxy->domain->family[proxy->family]);
	enum snoop_record_type type = change ? RECORD_TO_IN : RECORD_IS_IN;

	if (version != 0) {
		if (change || wants(proxy))
			send_old(proxy, version, !wants(proxy));
		return;
	}
	snoop_report_begin(&report, proxy->family, report_source(proxy->domain, proxy->family));
	add_record(proxy->domain, &report,
		   proxy->exclude ? (change ? RECORD_TO_EX : RECORD_IS_EX) : type, proxy);
	flush(proxy->domain, &report);
}

/* ---------------------------------------------------------------- what all want */

static int by_address(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

/* RFC 3376 3.2: if anybody excludes, sources that nobody wants; else those that somebody wants. 0 or
 * -ENOMEM. */
static int merge(const struct group *group, bool *exclude, struct address **sources,
		 unsigned int *count)
{
	const struct channel *channel;
	unsigned int room = 0;

	*exclude = group != NULL && !snoop_ports_empty(&group->any);
	*count = 0;
	*sources = NULL;
	if (group == NULL)
		return 0;
	DL_COUNT(group->channels, channel, room);
	if (room == 0)
		return 0;
	*sources = malloc(room * sizeof(**sources));
	if (*sources == NULL)
		return -ENOMEM;
	DL_FOREACH(group->channels, channel)
	if (snoop_ports_empty(&channel->ports) == *exclude)
		(*sources)[(*count)++] = channel->key.source;
	qsort(*sources, *count, sizeof(**sources), by_address);
	return 0;
}

static struct proxy *proxy_get(struct domain *domain, enum snoop_family family,
			       const struct group_key *key)
{
	struct proxy *proxy;

	HASH_FIND(hh, domain->snoop->proxies, key, sizeof(*key), proxy);
	if (proxy != NULL)
		return proxy;
	proxy = calloc(1, sizeof(*proxy));
	if (proxy == NULL)
		return NULL;
	proxy->key = *key;
	proxy->domain = domain;
	proxy->family = family;
	snoop_timer_init(&proxy->timer, TIMER_PROXY);
	HASH_ADD(hh, domain->snoop->proxies, key, sizeof(proxy->key), proxy);
	DL_APPEND(domain->proxies, proxy);
	return proxy;
}

void snoop_proxy_free(struct proxy *proxy)
{
	snoop_timer_drop(proxy->domain->snoop, &proxy->timer);
	DL_DELETE(proxy->domain->proxies, proxy);
	HASH_DELETE(hh, proxy->domain->snoop->proxies, proxy);
	free(proxy->sources);
	free(proxy);
}

void snoop_proxy_changed(struct domain *domain, enum snoop_family family,
			 const struct address *address)
{
	struct group_key key = { .domain = domain, .address = *address };
	struct address *sources;
	unsigned int count;
	bool exclude;

	if (!domain->settings.proxy)
		return;
	struct proxy *proxy = proxy_get(domain, family, &key);
	if (proxy == NULL ||
	    merge(snoop_group_find(domain, address), &exclude, &sources, &count) != 0)
		return;
	if (proxy->exclude == exclude && proxy->source_count == count &&
	    (count == 0 || memcmp(proxy->sources, sources, count * sizeof(*sources)) == 0)) {
		free(sources);
		if (!wants(proxy) && proxy->repeat == 0)
			snoop_proxy_free(proxy);
		return;
	}
	free(proxy->sources);
	proxy->exclude = exclude;
	proxy->sources = sources;
	proxy->source_count = count;
	proxy->repeat = snoop_robustness(&domain->family[family]);
	proxy->asked = false;
	snoop_timer_set(domain->snoop, &proxy->timer, domain->snoop->now);
}

void snoop_proxy_due(struct proxy *proxy)
{
	struct snoop *snoop = proxy->domain->snoop;

	if (proxy->repeat > 0) {
		say(proxy, true); /* answers a query as well */
		proxy->repeat--;
	} else if (proxy->asked) {
		say(proxy, false);
	}
	proxy->asked = false;
	if (proxy->repeat > 0)
		snoop_timer_set(snoop, &proxy->timer, snoop->now + REPEAT_INTERVAL);
	else if (!wants(proxy))
		snoop_proxy_free(proxy);
}

/* ---------------------------------------------------------------- queries */

void snoop_proxy_query(struct family *family, const struct snoop_message *message)
{
	struct domain *domain = family->domain;
	struct snoop *snoop = domain->snoop;
	struct group_key key = { .domain = domain, .address = message->group };
	uint64_t due = snoop->now + some_time(snoop, message->response);
	struct proxy *proxy;

	if (!domain->settings.proxy)
		return;
	if (snoop_unspecified(&message->group)) {
		if (family->answer.due > due)
			snoop_timer_set(snoop, &family->answer, due);
		return;
	}
	HASH_FIND(hh, snoop->proxies, &key, sizeof(key), proxy);
	if (proxy == NULL || !wants(proxy))
		return;
	proxy->asked = true;
	if (proxy->timer.due > due)
		snoop_timer_set(snoop, &proxy->timer, due);
}

void snoop_proxy_answer(struct family *family)
{
	static struct snoop_report report;
	struct domain *domain = family->domain;
	const struct proxy *proxy;

	snoop_report_begin(&report, family->id, report_source(domain, family->id));
	DL_FOREACH(domain->proxies, proxy)
	{
		if (proxy->family != family->id || !wants(proxy))
			continue;
		if (older_version(family) != 0)
			say(proxy, false);
		else
			add_record(domain, &report, proxy->exclude ? RECORD_IS_EX : RECORD_IS_IN,
				   proxy);
	}
	flush(domain, &report);
}
