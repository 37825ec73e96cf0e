/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_ask.h: what a filter has to know of a packet and what it does with its decision: for filter.c,
 * filter_vector.c and trace-filter.c.
 */
#ifndef SHUNT_STAGE_FILTER_ASK_H
#define SHUNT_STAGE_FILTER_ASK_H

#include "dataplane/shm/filter-line.h"
#include "dataplane/stage/ip_validate.h"
#include "dataplane/stage/stage.h"

static inline enum filter_parsed filter_parse(const struct packet *packet, struct filter_packet *parsed)
{
	const uint8_t *header = packet->l3, *end = packet_end(packet);
	size_t room = end > header ? (size_t)(end - header) : 0;

	if (packet->payload == PAYLOAD_IPV4)
		return packet_parse_ipv4(parsed, header, room);
	enum filter_parsed result = packet_parse_ipv6(parsed, header, room);
	/* out of a label, the hop limit says nothing about the link */
	if (unlikely(result == PARSED_NEIGHBOUR && (packet->flags & PACKET_LABELLED)))
		return packet_parse_l4(parsed, header + 40, end, false);
	return result;
}

/* What becomes of a packet that no rule is asked about: a reason, or GOES_ON. */
static inline int filter_end_of_parsed(enum filter_parsed parsed)
{
	switch (parsed) {
	case PARSED_TINY:
		return DROP_tiny_fragment;
	case PARSED_TRUNCATED:
		return DROP_filter_truncated;
	case PARSED_HEADERS:
		return DROP_filter_headers;
	default:
		return GOES_ON;
	}
}

/* The rule that decides, or NULL: none does. */
static inline const struct filter_rule *filter_rule_of(const struct filter *filter,
						       uint16_t decision)
{
	const struct filter_rule *rule = filter_at(filter, filter->rule);
	const uint16_t *by_slot = filter_at(filter, filter->by_slot);
	unsigned int slot = decision & FILTER_SLOT_MASK;

	return slot < filter->slots && by_slot[slot] < filter->rule_count ? &rule[by_slot[slot]]
									  : NULL;
}

/* Where the rules of one filter are counted: slots from `ready` on have no memory. */
struct filter_counting {
	struct traffic_counter *counters, *uncounted;
	unsigned int ready;
};

static inline struct filter_counting filter_counting(struct worker *worker, uint32_t number)
{
	return (struct filter_counting){ worker->rule[number], &worker->uncounted,
					 __atomic_load_n(&worker->rule_ready[number],
							 __ATOMIC_RELAXED) };
}

/* `whole`: all slots of the filter have memory. */
static inline void filter_count(const struct filter_counting *counting, uint32_t decision,
				uint32_t length, bool whole)
{
	unsigned int slot = decision & FILTER_SLOT_MASK;
	struct traffic_counter *counter =
		likely(whole || slot < counting->ready) ? &counting->counters[slot] : counting->uncounted;

	counter_add(&counter->packets, 1);
	counter_add(&counter->bytes, length);
}

static inline bool filter_is_plain_permit(uint16_t decision)
{
	return decision <= FILTER_SLOT_MASK;
}

/* What is no plain permit: a reason, or GOES_ON. Takes the sample, asks the meter. */
int filter_judge(struct worker *worker, const struct filter *filter, uint32_t number,
		 const struct packet *packet, uint16_t decision, enum drop_reason denied);

#endif
