/* SPDX-License-Identifier: BSD-3-Clause
 *
 * trace-filter.c: which rule of a filter decides about a traced packet.
 */
#include "dataplane/stage/filter_ask.h"
#include "dataplane/stage/trace.h"

/* The number that the user gave the rule that decides; 0: none, slot 0 is no rule's. */
static uint32_t sequence_of(const struct filter *filter, uint16_t decision)
{
	const struct filter_rule *rule =
		(decision & FILTER_SLOT_MASK) != 0 ? filter_rule_of(filter, decision) : NULL;

	return rule != NULL ? rule->sequence : 0;
}

void trace_filter(struct worker *worker, unsigned int number, const struct packet *packet,
		  uint64_t filter_number)
{
	const struct filter *filter = filter_get(worker->tables, filter_number);
	struct filter_packet parsed;

	if (filter == NULL || filter_number == 0 ||
	    (packet->payload != PAYLOAD_IPV4 && packet->payload != PAYLOAD_IPV6) ||
	    filter_parse(packet, &parsed) != PARSED_IP)
		return;
	uint16_t decision = filter_decide(worker->tables, filter, &parsed, worker->simd);
	struct trace_record *record = trace_record(worker, number, TRACE_LOOKUP);
	record->lookup = TRACE_FILTER;
	record->interface = packet->interface;
	record->index = (uint32_t)filter_number;
	record->result = decision | (uint64_t)sequence_of(filter, decision) << 16;
}
