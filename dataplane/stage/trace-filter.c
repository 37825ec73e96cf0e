/* SPDX-License-Identifier: BSD-3-Clause
 *
 * trace-filter.c: which rule of a filter decides about a traced packet.
 */
#include "dataplane/shm/filter.h"
#include "dataplane/stage/trace.h"

/* The number that the user gave the rule that decides; 0: none. */
static uint32_t sequence_of(const struct filter *filter, uint16_t decision)
{
	const struct filter_rule *rule = filter_at(filter, filter->rule);
	const uint16_t *by_slot = filter_at(filter, filter->by_slot);
	unsigned int slot = decision & FILTER_SLOT_MASK;

	return slot != 0 && slot < filter->slots && by_slot[slot] < filter->rule_count
		       ? rule[by_slot[slot]].sequence
		       : 0;
}

void trace_filter(struct worker *worker, unsigned int number, const struct packet *packet,
		  uint64_t filter_number)
{
	const struct filter *filter = filter_get(worker->tables, filter_number);
	const uint8_t *at = packet->l3;
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	size_t room = end > at ? (size_t)(end - at) : 0;
	struct filter_packet parsed;

	if (filter == NULL || filter_number == 0 ||
	    (packet->payload != PAYLOAD_IPV4 && packet->payload != PAYLOAD_IPV6))
		return;
	enum filter_parsed result = packet->payload == PAYLOAD_IPV4
					    ? packet_parse_ipv4(&parsed, at, room)
					    : packet_parse_ipv6(&parsed, at, room);
	if (result != PARSED_IP)
		return;
	uint16_t decision = filter_decide(worker->tables, filter, &parsed, worker->simd);
	struct trace_record *record = trace_record(worker, number, TRACE_LOOKUP);
	record->lookup = TRACE_FILTER;
	record->interface = packet->interface;
	record->index = (uint32_t)filter_number;
	record->result = decision | (uint64_t)sequence_of(filter, decision) << 16;
}
