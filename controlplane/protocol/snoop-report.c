/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-report.c: what reports and leaves do to a group on a port: RFC 3376 6.4 and 7.3.2, RFC 3810
 * 7.4 and 8.3.2.
 *
 * In the comments A and B are sources of the state and of the record in INCLUDE, X (timers run:
 * forwarded) and Y (timers stand: excluded) those of EXCLUDE. A record marks its sources first;
 * what the tables do to differences is then done by looking at marks and timers.
 */
#include "controlplane/protocol/snoop-private.h"

/* A record, or an older message translated into one, on its way into a member. */
struct change {
	struct port *port;
	struct family *family;
	const struct snoop_message *message;
	const uint8_t *source_mac;
	struct snoop_record record;
	unsigned int old_version; /* it is a report of this version; 0: a record or leave */
	uint64_t until;           /* when the group membership interval ends */
	bool refused;             /* the record: by a limit or a permitted range */
	bool any_refused;         /* of the message's records: and the port does not get it */
	bool any_taken;           /* taken into the group on the port, had anyway, or leaves */
};

unsigned int snoop_member_version(const struct member *member, uint64_t now)
{
	bool igmp = member->group->family == SNOOP_IPV4;

	if (member->until_v1 > now)
		return 1;
	if (igmp && member->until_v2 > now)
		return 2;
	return igmp ? 3 : 2;
}

/* ---------------------------------------------------------------- sources */

/* Mark the record's sources in the member. Those that are not there are made (`create`), with a timer
 * that is due then (SNOOP_NEVER: it stands). */
static void mark(struct member *member, const struct change *change, bool create, uint64_t due)
{
	struct source *source;

	DL_FOREACH(member->sources, source)
	source->marked = false;
	for (unsigned int i = 0; i < change->record.count; i++) {
		struct address address =
			snoop_source_at(member->group->family, change->record.sources, i);
		source = create ? snoop_source_get(member, &address)
				: snoop_source_find(member, &address);
		if (source == NULL)
			continue;
		source->marked = true;
		if (source->heard || !create)
			continue;
		source->heard = true;
		snoop_timer_set(member->group->domain->snoop, &source->timer, due);
		snoop_touch_source(source);
	}
}

/* (B) = GMI for all that are marked, wherever they were: A+B, or X+A and Y-A. */
static void include(struct member *member, const struct change *change)
{
	struct source *source;

	mark(member, change, true, change->until);
	DL_FOREACH(member->sources, source)
	if (source->marked) {
		snoop_timer_set(member->group->domain->snoop, &source->timer, change->until);
		snoop_touch_source(source);
	}
}

/* IS_EX, TO_EX: to EXCLUDE(A*B, B-A) or EXCLUDE(A-Y, Y*A). New ones get no timer in INCLUDE; in
 * EXCLUDE the membership interval (IS_EX) or what the group timer had left (TO_EX). */
static void exclude(struct member *member, const struct change *change, bool to)
{
	struct snoop *snoop = member->group->domain->snoop;
	uint64_t due = SNOOP_NEVER;
	struct source *source;

	if (member->exclude)
		due = to ? member->timer.due : change->until;
	mark(member, change, true, due);
	DL_FOREACH(member->sources, source)
	if (!source->marked) {
		source->heard = false;
		snoop_timer_set(snoop, &source->timer, SNOOP_NEVER);
	}
	member->exclude = true;
	member->leaving = false;
	snoop_timer_set(snoop, &member->timer, change->until);
	snoop_touch(member);
	if (to)
		snoop_ask_sources(member, true); /* Q(G,A*B); Q(G,A-Y) */
}

/* TO_IN: Q(G,A-B); Q(G,X-A), Q(G) */
static void to_include(struct member *member, const struct change *change)
{
	include(member, change);
	if (member->exclude)
		snoop_ask_group(member);
	snoop_ask_sources(member, false);
}

/* BLOCK: Q(G,A*B); Q(G,A-Y), where what is new in EXCLUDE gets the group timer. */
static void block(struct member *member, const struct change *change)
{
	mark(member, change, member->exclude, member->timer.due);
	snoop_ask_sources(member, true);
}

/* ---------------------------------------------------------------- older hosts */

/* RFC 3376 7.3.2, RFC 3810 8.3.2. False: the record is to be ignored. */
static bool translate(const struct member *member, struct change *change, uint64_t now)
{
	unsigned int version = snoop_member_version(member, now);
	bool igmp = member->group->family == SNOOP_IPV4;

	if (version == (igmp ? 3u : 2u))
		return true;
	switch (change->record.type) {
	case RECORD_BLOCK:
		return false;
	case RECORD_TO_EX:
		change->record.count = 0;
		return true;
	case RECORD_TO_IN: /* a version 2 leave among them */
		return !(igmp && version == 1);
	default:
		return true;
	}
}

static void note_version(struct member *member, const struct change *change)
{
	if (change->old_version == 1)
		member->until_v1 = change->until;
	else if (change->old_version == 2)
		member->until_v2 = change->until;
}

/* ---------------------------------------------------------------- may it? */

static bool permitted(const struct port *port, const struct address *group)
{
	const struct snoop_port_settings *settings = &port->settings;

	for (unsigned int i = 0; i < settings->permit_count; i++) {
		const struct snoop_prefix *range = &settings->permit[i];
		unsigned int whole = range->length / 8, rest = range->length % 8;
		if (memcmp(range->address.bytes, group->bytes, whole) == 0 &&
		    (rest == 0 ||
		     (range->address.bytes[whole] ^ group->bytes[whole]) >> (8 - rest) == 0))
			return true;
	}
	return settings->permit_count == 0;
}

/* Told of now and then alone: a host that goes on asking must not push out what else happened. */
static struct member *refuse(struct change *change, uint64_t *counter)
{
	struct port *port = change->port;
	uint64_t now = port->domain->snoop->now;

	(*counter)++;
	change->refused = true;
	if (now < port->refused_next)
		return NULL;
	port->refused_next = now + SNOOP_SECOND;
	snoop_group_event(port, SNOOP_REFUSED, &change->record.group, &change->message->source,
			  change->source_mac);
	return NULL;
}

static bool leaves(const struct snoop_record *record)
{
	return record->type == RECORD_BLOCK || (record->type == RECORD_TO_IN && record->count == 0);
}

/* The member that the record is about, made if the record makes one. */
static struct member *find_member(struct change *change)
{
	struct port *port = change->port;
	struct domain *domain = port->domain;
	const struct snoop_record *record = &change->record;
	bool excludes = record->type == RECORD_IS_EX || record->type == RECORD_TO_EX;
	unsigned int most = port->settings.groups_max != 0 ? port->settings.groups_max
							   : domain->settings.groups_max;
	struct group *group = snoop_group_find(domain, &record->group);
	struct member *member = group == NULL ? NULL : snoop_member_find(group, port);

	if (member == NULL && (record->type == RECORD_BLOCK || (!excludes && record->count == 0)))
		return NULL; /* asks for nothing */
	/* what was there before times out */
	if (!leaves(record) && !permitted(port, &record->group))
		return refuse(change, &domain->counters.record_not_permitted);
	if (member != NULL)
		return member;
	if (port->groups >= most)
		return refuse(change, &domain->counters.record_groups_full);
	if (HASH_CNT(hh, domain->snoop->members) >= domain->snoop->members_max)
		return refuse(change, &domain->counters.record_total_full);
	group = snoop_group_get(domain, change->family->id, &record->group);
	return group == NULL ? NULL : snoop_member_get(group, port);
}

/* A source that is a group, or nobody. */
static bool has_bad_source(const struct change *change)
{
	for (unsigned int i = 0; i < change->record.count; i++) {
		struct address source =
			snoop_source_at(change->family->id, change->record.sources, i);
		if (snoop_unspecified(&source) || snoop_is_group(change->family->id, &source))
			return true;
	}
	return false;
}

static bool sensible(const struct change *change)
{
	struct snoop_counters *counters = &change->port->domain->counters;
	const struct snoop_record *record = &change->record;
	enum snoop_family family = change->family->id;
	uint64_t *counter = NULL;

	if (record->type < RECORD_IS_IN || record->type > RECORD_BLOCK)
		counter = &counters->record_unknown_type;
	else if (!snoop_is_group(family, &record->group) || has_bad_source(change))
		counter = &counters->record_group;
	else if (snoop_is_local(family, &record->group))
		counter = &counters->record_local;
	else if (snoop_is_ssm(family, &record->group) &&
		 (change->message->kind != MESSAGE_RECORDS || record->type == RECORD_IS_EX ||
		  record->type == RECORD_TO_EX))
		counter = &counters->record_ssm; /* RFC 4604 2.2 */
	if (counter != NULL)
		(*counter)++;
	return counter == NULL;
}

/* ---------------------------------------------------------------- one record */

static void apply(struct member *member, const struct change *change)
{
	switch (change->record.type) {
	case RECORD_IS_IN:
	case RECORD_ALLOW:
		include(member, change);
		break;
	case RECORD_IS_EX:
		exclude(member, change, false);
		break;
	case RECORD_TO_EX:
		exclude(member, change, true);
		break;
	case RECORD_TO_IN:
		to_include(member, change);
		break;
	case RECORD_BLOCK:
		block(member, change);
		break;
	}
}

/* Did it join sources alone, and there was room for none of them? */
static bool no_room(const struct member *member, const struct snoop_record *record)
{
	const struct source *source;

	if (record->count == 0 || (record->type != RECORD_IS_IN && record->type != RECORD_ALLOW))
		return false;
	DL_FOREACH(member->sources, source)
	if (source->marked)
		return false;
	return true;
}

static void change_member(struct member *member, struct change *change)
{
	struct domain *domain = change->port->domain;

	note_version(member, change);
	if (!translate(member, change, domain->snoop->now)) {
		domain->counters.record_old_version++;
		return;
	}
	member->reporter = change->message->source;
	memcpy(member->reporter_mac, change->source_mac, 6);
	if (change->record.type != RECORD_TO_IN && change->record.type != RECORD_BLOCK)
		member->stale = false;
	apply(member, change);
	change->refused = no_room(member, &change->record);
	snoop_member_trim(member);
}

/* Does the member get any of the record's sources, as a configured one, say? */
static bool gets_source(const struct member *member, const struct snoop_record *record)
{
	for (unsigned int i = 0; i < record->count; i++) {
		struct address address = snoop_source_at(member->group->family, record->sources, i);
		const struct source *source = snoop_source_find(member, &address);
		if (source != NULL && snoop_source_wanted(member, source))
			return true;
	}
	return false;
}

/* The port gets what was refused all the same, so routers must hear that somebody wants it: it is
 * there by configuration, or the port is a router's, or everything is flooded. A group that found no room
 * has no entry and is flooded too; one that is not permitted stays withheld then. */
static bool had_anyway(const struct change *change)
{
	const struct port *port = change->port;
	const struct domain *domain = port->domain;
	const struct address *address = &change->record.group;
	const struct group *group = snoop_group_find(domain, address);
	const struct member *member = group == NULL ? NULL : snoop_member_find(group, port);

	if (!change->family->enforced || snoop_ports_has(&change->family->routers, port->number))
		return true;
	if (member != NULL && (snoop_any_wanted(member) || gets_source(member, &change->record)))
		return true;
	return (group == NULL || !group->out) && domain->settings.unregistered == SNOOP_FLOOD &&
	       permitted(port, address);
}

static void take(struct change *change)
{
	if (!sensible(change))
		return;
	change->refused = false;
	struct member *member = find_member(change);
	bool taken = member != NULL || leaves(&change->record);
	if (member != NULL)
		change_member(member, change); /* which may free it */
	if (change->refused && !had_anyway(change))
		change->any_refused = true;
	else
		change->any_taken |= taken || change->refused;
}

bool snoop_report_apply(struct port *port, const struct snoop_message *message,
			const uint8_t source_mac[6])
{
	struct family *family = &port->domain->family[message->family];
	struct change change = {
		.port = port,
		.family = family,
		.message = message,
		.source_mac = source_mac,
		.until = port->domain->snoop->now + snoop_membership_interval(family),
		.record.group = message->group,
	};

	switch (message->kind) {
	case MESSAGE_REPORT:
		change.old_version = message->version;
		change.record.type = RECORD_IS_EX;
		take(&change);
		break;
	case MESSAGE_LEAVE:
		change.record.type = RECORD_TO_IN;
		take(&change);
		break;
	default:
		for (unsigned int i = 0, at = 0; i < message->record_count; i++) {
			at = (unsigned int)(snoop_record_read(message->family,
							      message->records + at,
							      &change.record) -
					    message->records);
			take(&change);
		}
	}
	return change.any_taken || !change.any_refused;
}

/* ---------------------------------------------------------------- time */

/* RFC 3376 6.5, RFC 3810 7.2.3: what has timers that run is INCLUDE now, the rest was excluded. */
void snoop_member_expired(struct member *member)
{
	struct source *source;

	member->exclude = false;
	member->leaving = false;
	member->stale = false;
	member->queries_left = 0;
	DL_FOREACH(member->sources, source)
	if (!snoop_timer_runs(&source->timer))
		source->heard = false;
	snoop_touch(member);
	snoop_member_trim(member);
}

/* RFC 3376 6.3: INCLUDE forgets it, EXCLUDE excludes it. */
void snoop_source_expired(struct source *source)
{
	struct member *member = source->member;

	source->queries_left = 0;
	if (!member->exclude)
		source->heard = false;
	snoop_touch_source(source);
	snoop_member_trim(member);
}
