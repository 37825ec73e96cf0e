/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter-model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const uint8_t protocols[] = { PROTOCOL_TCP,  PROTOCOL_UDP,  PROTOCOL_ICMP, PROTOCOL_ICMPV6,
				     PROTOCOL_SCTP, PROTOCOL_DCCP, 47,            50 };
static const uint16_t ports[] = { 0, 1, 22, 53, 80, 443, 8000, 8080, 65534, 65535 };

uint64_t model_seed(void)
{
	const char *given = getenv("SEED");

	return given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
}

uint64_t model_random(struct filter_model *model)
{
	model->random ^= model->random << 13;
	model->random ^= model->random >> 7;
	model->random ^= model->random << 17;
	return model->random * 0x2545f4914f6cdd1dull >> 16;
}

unsigned int model_pick(struct filter_model *model, unsigned int count)
{
	return (unsigned int)(model_random(model) % count);
}

/* ---------------------------------------------------------------- addresses */

/* Few bits vary, at both ends, so that prefixes nest and packets hit them. */
static void make_address(struct filter_model *model, unsigned int family, uint8_t address[16])
{
	memset(address, 0, 16);
	address[0] = family == ROUTE_IPV4 ? 10 : 0x20;
	address[1] = (uint8_t)model_pick(model, 3);
	address[family == ROUTE_IPV4 ? 2 : 7] = (uint8_t)(model_pick(model, 4) << 5);
	address[family == ROUTE_IPV4 ? 3 : 15] = (uint8_t)model_pick(model, 8);
}

static void make_prefix(struct filter_model *model, struct filter_prefix *prefix)
{
	unsigned int bits;

	prefix->family = (uint8_t)model_pick(model, 2);
	bits = prefix->family == ROUTE_IPV4 ? 32 : 128;
	make_address(model, prefix->family, prefix->bytes);
	prefix->length = (uint8_t)(model_pick(model, 3) == 0 ? bits : model_pick(model, bits + 1));
	for (unsigned int i = 0; i < 128; i++)
		if (i >= prefix->length)
			prefix->bytes[i / 8] &= (uint8_t)~(0x80 >> i % 8);
}

static bool same_prefix(const struct filter_prefix *a, const struct filter_prefix *b)
{
	return a->family == b->family && a->length == b->length &&
	       memcmp(a->bytes, b->bytes, 16) == 0;
}

static int find_prefix(const struct model_element *element, const struct filter_prefix *prefix)
{
	for (unsigned int i = 0; i < element->count; i++)
		if (same_prefix(&element->prefix[i], prefix))
			return (int)i;
	return -1;
}

static void add_prefix(struct filter_model *model, struct model_element *element)
{
	struct filter_prefix prefix;

	make_prefix(model, &prefix);
	int result = filter_prefix_add(model->addresses, element->number, &prefix);
	if (find_prefix(element, &prefix) >= 0) {
		assert_int_equal(result, -EEXIST);
		return;
	}
	assert_int_equal(result, 0);
	element->prefix[element->count++] = prefix;
}

static void remove_prefix(struct filter_model *model, struct model_element *element)
{
	unsigned int i = model_pick(model, element->count);

	assert_int_equal(
		filter_prefix_remove(model->addresses, element->number, &element->prefix[i]), 0);
	assert_int_equal(
		filter_prefix_remove(model->addresses, element->number, &element->prefix[i]),
		-ENOENT);
	element->prefix[i] = element->prefix[--element->count];
}

void model_fill_elements(struct filter_model *model)
{
	for (unsigned int i = 0; i < MODEL_ELEMENTS; i++) {
		struct model_element *element = &model->element[i];
		*element = (struct model_element){ .number = filter_element_new(model->addresses),
						   .fixed = i % 4 != 0 };
		assert_int_not_equal(element->number, 0);
		for (unsigned int n = 1 + (element->fixed ? 0 : model_pick(model, MODEL_PREFIXES)); n > 0; n--)
			add_prefix(model, element);
	}
}

void model_change_element(struct filter_model *model)
{
	struct model_element *element = &model->element[4 * model_pick(model, MODEL_ELEMENTS / 4)];

	if (element->count > 0 && (element->count == MODEL_PREFIXES || model_pick(model, 2) == 0))
		remove_prefix(model, element);
	else
		add_prefix(model, element);
}

static bool covers(const struct filter_prefix *prefix, const uint8_t *address)
{
	for (unsigned int i = 0; i < prefix->length; i++)
		if (((prefix->bytes[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1) != 0)
			return false;
	return true;
}

static bool element_has(const struct filter_model *model, uint32_t number, unsigned int family,
			const uint8_t *address)
{
	for (unsigned int e = 0; e < MODEL_ELEMENTS; e++) {
		const struct model_element *element = &model->element[e];
		for (unsigned int i = 0; element->number == number && i < element->count; i++)
			if (element->prefix[i].family == family &&
			    covers(&element->prefix[i], address))
				return true;
	}
	return false;
}

/* ---------------------------------------------------------------- rules */

static unsigned int make_ranges(struct filter_model *model, struct filter_range *range)
{
	unsigned int count = 1 + model_pick(model, MODEL_RANGES), from = 0, used = 0;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int first = ports[model_pick(model, sizeof(ports) / sizeof(ports[0]))];
		unsigned int last = first + (model_pick(model, 2) != 0 ? 0 : model_pick(model, 3000));
		if (first < from)
			continue;
		last = last > 65535 ? 65535 : last;
		range[used++] = (struct filter_range){ (uint16_t)first, (uint16_t)last };
		from = last + 2; /* they do not touch */
	}
	return used;
}

static void name_element(struct filter_model *model, uint32_t *number,
			 const struct filter_prefix **prefix)
{
	const struct model_element *element = &model->element[model_pick(model, MODEL_ELEMENTS)];

	*number = element->number;
	*prefix = element->fixed ? &element->prefix[0] : NULL;
}

static void make_rule(struct filter_model *model, uint32_t index, unsigned int fields)
{
	struct filter_rule_spec *rule = &model->rule[index];

	*rule = (struct filter_rule_spec){ .sequence = 10 * (index + 1),
					   .slot = (uint16_t)(index + 1),
					   .action = (enum filter_action)model_pick(model, 2),
					   .protocol = FILTER_ANY,
					   .dscp = FILTER_ANY,
					   .icmp_type = FILTER_ANY,
					   .icmp_code = FILTER_ANY,
					   .text = "permit" };
	rule->sport = model->range[index][0];
	rule->dport = model->range[index][1];
	if (model_pick(model, 4) != 0)
		rule->protocol = protocols[model_pick(model, sizeof(protocols))];
	if (model_pick(model, 8) == 0)
		rule->ethertype = model_pick(model, 4) == 0   ? 0x88cc
				  : model_pick(model, 2) == 0 ? 0x0800
							      : 0x86dd;
	if (fields & MODEL_PORTS && model_pick(model, 2) == 0)
		rule->dport_count = make_ranges(model, rule->dport);
	if (fields & MODEL_SPORTS && model_pick(model, 4) == 0)
		rule->sport_count = make_ranges(model, rule->sport);
	if (fields & MODEL_ADDRESSES && model_pick(model, 3) != 0)
		name_element(model, &rule->from, &rule->from_prefix);
	if (fields & MODEL_ADDRESSES && model_pick(model, 3) != 0)
		name_element(model, &rule->to, &rule->to_prefix);
	if (fields & MODEL_FLAGS && model_pick(model, 6) == 0)
		rule->dscp = (int)model_pick(model, 4);
	if (rule->protocol == PROTOCOL_TCP && fields & MODEL_FLAGS) {
		rule->syn = model_pick(model, 6) == 0;
		rule->established = model_pick(model, 6) == 0;
	}
	if ((rule->protocol == PROTOCOL_ICMP || rule->protocol == PROTOCOL_ICMPV6) &&
	    model_pick(model, 2) == 0) {
		rule->dport_count = rule->sport_count = 0;
		rule->icmp_type = (int)model_pick(model, 4);
		rule->icmp_code = model_pick(model, 2) == 0 ? FILTER_ANY : (int)model_pick(model, 3);
	}
	if (rule->dport_count == 0 && rule->sport_count == 0 && rule->icmp_type < 0 && !rule->syn &&
	    !rule->established)
		rule->fragments = model_pick(model, 6) == 0;
	model->rules[index] = rule;
}

void model_fill_rules(struct filter_model *model, uint32_t count, unsigned int fields)
{
	for (uint32_t i = 0; i < count; i++)
		make_rule(model, i, fields);
	model->rule_count = count;
	model->spec = (struct filter_spec){ .name = "f",
					    .otherwise = FILTER_DENY,
					    .rules = model->rules,
					    .rule_count = count,
					    .slots = (uint16_t)(count + 1) };
}

/* ---------------------------------------------------------------- packets */

static unsigned int make_port(struct filter_model *model)
{
	if (model_pick(model, 4) == 0)
		return model_pick(model, 65536);
	unsigned int port = ports[model_pick(model, sizeof(ports) / sizeof(ports[0]))];
	return (port + model_pick(model, 3) - 1) & 0xffff;
}

void model_make_packet(struct filter_model *model, struct model_packet *packet)
{
	*packet = (struct model_packet){ .family = model_pick(model, 2) };
	make_address(model, packet->family, packet->source);
	make_address(model, packet->family, packet->destination);
	packet->protocol = protocols[model_pick(model, sizeof(protocols))];
	if (model_pick(model, 50) == 0)
		packet->protocol = 200 + model_pick(model, 50);
	packet->sport = make_port(model);
	packet->dport = make_port(model);
	if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6) {
		packet->sport = model_pick(model, 5);
		packet->dport = model_pick(model, 4);
	}
	packet->dscp = model_pick(model, 5);
	packet->tcp_flags = model_pick(model, 64);
	if (packet->family == ROUTE_IPV6)
		packet->extensions = model_pick(model, 4) == 0 ? model_pick(model, 4) : 0;
	if (model_pick(model, 6) == 0) {
		packet->fragment = model_pick(model, 3) == 0 ? 0 : 2 + model_pick(model, 1000);
		packet->more = packet->fragment == 0 || model_pick(model, 2) == 0;
	}
}

static void put16(uint8_t *at, unsigned int value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static size_t write_l4(const struct model_packet *packet, uint8_t *at)
{
	memset(at, 0, 32);
	if (packet->fragment != 0) {
		memset(at, 0xff, 32); /* data that must not be taken for ports */
		return 32;
	}
	switch (packet->protocol) {
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		at[0] = (uint8_t)packet->sport;
		at[1] = (uint8_t)packet->dport;
		break;
	case PROTOCOL_TCP:
		at[12] = 0x50;
		at[13] = (uint8_t)packet->tcp_flags;
		/* fallthrough */
	default:
		put16(at, packet->sport);
		put16(at + 2, packet->dport);
	}
	return 32;
}

static size_t write_ipv4(const struct model_packet *packet, uint8_t *at)
{
	memset(at, 0, 20);
	at[0] = 0x45;
	at[1] = (uint8_t)(packet->dscp << 2);
	put16(at + 6, packet->fragment | (packet->more ? 0x2000 : 0));
	at[8] = 64;
	at[9] = (uint8_t)packet->protocol;
	memcpy(at + 12, packet->source, 4);
	memcpy(at + 16, packet->destination, 4);
	size_t size = 20 + write_l4(packet, at + 20);
	put16(at + 2, (unsigned int)size);
	return size;
}

static size_t write_ipv6(const struct model_packet *packet, uint8_t *at)
{
	static const uint8_t types[] = { 60, 0, 43 };
	uint8_t *next = &at[6], *end = at + 40;

	memset(at, 0, MODEL_PACKET_ROOM);
	at[0] = (uint8_t)(0x60 | packet->dscp >> 2);
	at[1] = (uint8_t)(packet->dscp << 6);
	at[7] = 64;
	memcpy(at + 8, packet->source, 16);
	memcpy(at + 24, packet->destination, 16);
	for (unsigned int i = 0; i < packet->extensions; i++) {
		*next = types[i % 3];
		next = end;
		end[1] = (uint8_t)(i % 2); /* 8 or 16 bytes */
		end += 8 + i % 2 * 8;
	}
	if (packet->fragment != 0 || packet->more) {
		*next = 44;
		next = end;
		put16(end + 2, packet->fragment << 3 | packet->more);
		end += 8;
	}
	*next = (uint8_t)packet->protocol;
	end += write_l4(packet, end);
	put16(at + 4, (unsigned int)(end - at - 40));
	return (size_t)(end - at);
}

size_t model_write_packet(const struct model_packet *packet, uint8_t bytes[MODEL_PACKET_ROOM])
{
	return packet->family == ROUTE_IPV4 ? write_ipv4(packet, bytes)
					    : write_ipv6(packet, bytes);
}

/* ---------------------------------------------------------------- the naive way */

static bool in_ranges(const struct filter_range *range, unsigned int count, unsigned int value)
{
	for (unsigned int i = 0; i < count; i++)
		if (value >= range[i].first && value <= range[i].last)
			return true;
	return count == 0;
}

static bool header_matches(const struct filter_rule_spec *rule, const struct model_packet *packet)
{
	bool has_ports = packet_protocol_has_ports(packet->protocol);
	bool looks = rule->sport_count + rule->dport_count != 0;

	if (looks && !has_ports)
		return false;
	if (looks && (!in_ranges(rule->sport, rule->sport_count, packet->sport) ||
		      !in_ranges(rule->dport, rule->dport_count, packet->dport)))
		return false;
	if (rule->syn && (packet->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) != TCP_FLAG_SYN)
		return false;
	if (rule->established && !(packet->tcp_flags & (TCP_FLAG_ACK | TCP_FLAG_RST)))
		return false;
	if (rule->icmp_type < 0)
		return true;
	return (packet->family == ROUTE_IPV4) == (packet->protocol == PROTOCOL_ICMP) &&
	       rule->icmp_type == (int)packet->sport &&
	       (rule->icmp_code < 0 || rule->icmp_code == (int)packet->dport);
}

static bool matches(const struct filter_model *model, const struct filter_rule_spec *rule,
		    const struct model_packet *packet)
{
	bool looks = rule->sport_count + rule->dport_count != 0 || rule->icmp_type >= 0 ||
		     rule->syn || rule->established;

	if (rule->ethertype != 0 &&
	    rule->ethertype != (packet->family == ROUTE_IPV4 ? 0x0800 : 0x86dd))
		return false;
	if (rule->protocol != FILTER_ANY && rule->protocol != (int)packet->protocol)
		return false;
	if (rule->dscp != FILTER_ANY && rule->dscp != (int)packet->dscp)
		return false;
	if (rule->from != 0 && !element_has(model, rule->from, packet->family, packet->source))
		return false;
	if (rule->to != 0 && !element_has(model, rule->to, packet->family, packet->destination))
		return false;
	if (packet->fragment != 0)
		return !looks;
	return !rule->fragments && header_matches(rule, packet);
}

uint32_t model_first(const struct filter_model *model, const struct model_packet *packet)
{
	uint32_t i = 0;

	while (i < model->rule_count && !matches(model, &model->rule[i], packet))
		i++;
	return i;
}
