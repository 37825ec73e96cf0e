/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_sample.c: what rules with `log` decided about, as events. The workers take no more samples than
 * anybody wants to read.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include "controlplane/object/filter.h"

static unsigned int put_address(char *text, size_t size, const struct filter_packet *packet,
				const uint8_t *address, bool ports, unsigned int offset)
{
	char form[INET6_ADDRSTRLEN];
	bool ipv6 = packet->family == ROUTE_IPV6;

	inet_ntop(ipv6 ? AF_INET6 : AF_INET, address, form, sizeof(form));
	if (!ports)
		return (unsigned int)snprintf(text, size, "%s", form);
	return (unsigned int)snprintf(text, size, ipv6 ? "[%s]:%u" : "%s:%u", form,
				      packet_key(packet, offset));
}

static void describe_packet(const struct filter_sample *sample, char *text, size_t size)
{
	struct filter_packet packet;
	char protocol[16];
	size_t room = sample->length < sizeof(sample->header) ? sample->length
							      : sizeof(sample->header);
	enum filter_parsed parsed = sample->ipv6
					    ? packet_parse_ipv6(&packet, sample->header, room)
					    : packet_parse_ipv4(&packet, sample->header, room);

	if (parsed == PARSED_INVALID) {
		snprintf(text, size, sample->length == 0 ? "a frame that is not IP" : "a packet");
		return;
	}
	bool ports = parsed == PARSED_IP && packet.has_ports;
	filter_protocol_format(packet.protocol, protocol);
	unsigned int used = (unsigned int)snprintf(text, size, "%s ", protocol);
	used += put_address(text + used, size - used, &packet, packet.source, ports, 0);
	used += (unsigned int)snprintf(text + used, size - used, " to ");
	put_address(text + used, size - used, &packet, packet.destination, ports, 2);
}

static void tell_sample(struct model *model, const struct filter_sample *sample)
{
	static const char *const words[] = { "permits", "denies", "polices", "?" };
	const struct filter *filter =
		sample->filter < FILTER_MAX ? filter_get(model->tables, sample->filter) : NULL;
	unsigned int slot = sample->decision & FILTER_SLOT_MASK;
	char packet[160];

	if (filter == NULL || slot >= filter->slots)
		return;
	const uint16_t *by_slot = filter_at(filter, filter->by_slot);
	const struct filter_rule *rule = filter_at(filter, filter->rule);
	if (by_slot[slot] >= filter->rule_count)
		return;
	describe_packet(sample, packet, sizeof(packet));
	const struct interface_object *in =
		sample->interface < INTERFACE_MAX ? model->interface[sample->interface] : NULL;
	model_event(model, EVENT_FILTER, filter->name, "rule %u %s %s%s%s",
		    rule[by_slot[slot]].sequence, words[filter_action(sample->decision)], packet,
		    in != NULL ? " from " : "", in != NULL ? in->name : "");
}

void filter_take_samples(struct model *model)
{
	uint64_t workers = word_load(&model->state->control.worker_count);

	for (unsigned int w = 0; w < workers && w < WORKER_MAX; w++) {
		for (unsigned int i = 0; i < FILTER_SAMPLES; i++) {
			const struct filter_sample *sample = &model->state->filter_sample[w][i];
			uint64_t sequence = word_load(&sample->sequence);
			uint64_t *seen = &model->filters->sample[w][i];
			struct filter_sample copy;
			if (sequence == *seen || sequence % 2 != 0)
				continue;
			memcpy(&copy, sample, sizeof(copy));
			atomic_thread_fence(memory_order_acquire);
			if (counter_read(&sample->sequence) != sequence)
				continue;
			*seen = sequence;
			tell_sample(model, &copy);
		}
	}
}
