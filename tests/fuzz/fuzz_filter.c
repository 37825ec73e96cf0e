/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz_filter.c: any words at all as rules, any bytes as packets. What is taken for a rule reads the same
 * when it is said canonically; a filter is built and published of such rules; and both ways to classify
 * find the rule for each packet that reading them one after the other finds.
 *
 * The input is a text, each line of which is what stands behind `filter rule add f SEQ`, up to a byte 0;
 * then packets: two bytes (big-endian) are the length, then from the IP header on. @LIST names 10.0.0.0/8
 * and 2001:db8::/32, whatever it is called. With -fsanitize=fuzzer it is a libFuzzer target; else with
 * fuzz_main.c a program.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/api/filter-words.h"
#include "dataplane/shm/filter-line.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/instance.h"

enum { RULES = 80, LINE = 4096, TEXT = 2 * STRING_MAX + 512, NUMBER = 1, HEAP_SIZE = 256 << 20 };

/* What a rule says, and the prefix that it names or that of the list. */
struct rule {
	struct filter_rule_spec spec;
	struct filter_words words;
	uint32_t own[2]; /* elements made for `from` and `to` */
};

static struct instance instance;
static struct filter_addresses *addresses;
static struct rule rules[RULES];
static uint32_t rule_count;
static uint32_t list;
static const struct filter_prefix listed[] = { { { 10 }, ROUTE_IPV4, 8 },
					       { { 0x20, 1, 0xd, 0xb8 }, ROUTE_IPV6, 32 } };

static void broken(const char *what)
{
	fprintf(stderr, "fuzz: %s\n", what);
	abort();
}

static void remove_files(void)
{
	instance_remove(&instance);
}

static void start(void)
{
	if (instance.heap != NULL)
		return;
	instance_make(&instance, HEAP_SIZE);
	atexit(remove_files);
	addresses = filter_addresses_new(instance.tables, instance.heap, NULL, NULL);
	if (addresses == NULL)
		broken("no addresses");
	filter_addresses_publish(addresses);
	list = filter_element_new(addresses);
	for (unsigned int i = 0; i < 2; i++)
		if (filter_prefix_add(addresses, list, &listed[i]) != 0)
			broken("no list");
}

/* ---------------------------------------------------------------- rules */

/* Said canonically, it is the same again. */
static void check_canonical(const struct arguments *arguments)
{
	static char once[TEXT], again[TEXT];
	static struct arguments second;
	struct error error;

	if (command_to_text(arguments, once, sizeof(once)) < 0)
		broken("a rule has no text");
	if (command_parse(once, &second, &error) != 0) {
		fprintf(stderr, "%s\n%s\n", once, error.text);
		broken("its canonical text is no rule");
	}
	if (command_to_text(&second, again, sizeof(again)) < 0 || strcmp(once, again) != 0) {
		fprintf(stderr, "%s\n%s\n", once, again);
		broken("its canonical text is not canonical");
	}
}

static uint32_t element_of(const struct filter_party *party, uint32_t *own)
{
	*own = 0;
	if (!party->given)
		return 0;
	if (party->list[0] != '\0')
		return list;
	*own = filter_element_new(addresses);
	if (*own == 0 || filter_prefix_add(addresses, *own, &party->prefix) != 0)
		broken("no element");
	return *own;
}

static void add_rule(const char *text, size_t length)
{
	static char line[LINE];
	static struct arguments arguments;
	struct rule *rule = &rules[rule_count];
	struct filter_words *words = &rule->words;
	struct error error;

	snprintf(line, sizeof(line), "filter rule add f %u %.*s", rule_count + 1, (int)length,
		 text);
	if (command_parse(line, &arguments, &error) != 0 ||
	    arguments.command->id != COMMAND_FILTER_RULE_ADD)
		return;
	check_canonical(&arguments);
	filter_words_read(&arguments, words);
	rule->spec = filter_words_spec(words);
	rule->spec.sequence = rule_count + 1;
	rule->spec.slot = (uint16_t)(rule_count + 1);
	rule->spec.from = element_of(&words->from, &rule->own[0]);
	rule->spec.to = element_of(&words->to, &rule->own[1]);
	rule->spec.text = "";
	if (rule->own[0] != 0)
		rule->spec.from_prefix = &words->from.prefix;
	if (rule->own[1] != 0)
		rule->spec.to_prefix = &words->to.prefix;
	rule_count++;
}

static struct filter_built *publish(void)
{
	const struct filter_rule_spec *specs[RULES];
	struct filter_spec spec = { "f", FILTER_DENY, specs, rule_count,
				    (uint16_t)(rule_count + 1) };
	struct filter_built *built = NULL;

	for (uint32_t i = 0; i < rule_count; i++)
		specs[i] = &rules[i].spec;
	if (filter_build(&spec, addresses, &built) != 0 ||
	    filter_publish(instance.tables, instance.heap, NUMBER, built) != 0)
		broken("no filter");
	return built;
}

static void clear(struct filter_built *built)
{
	filter_unpublish(instance.tables, instance.heap, NUMBER);
	filter_built_delete(built);
	for (uint32_t i = 0; i < rule_count; i++) {
		const struct filter_party *parties[] = { &rules[i].words.from, &rules[i].words.to };
		for (unsigned int side = 0; side < 2; side++) {
			uint32_t own = rules[i].own[side];
			if (own == 0)
				continue;
			if (filter_prefix_remove(addresses, own, &parties[side]->prefix) != 0)
				broken("a prefix is not there any more");
			filter_element_delete(addresses, own);
		}
	}
	rule_count = 0;
	heap_reclaim(instance.heap);
	heap_reclaim(instance.heap);
}

/* ---------------------------------------------------------------- one after the other */

static bool covers(const struct filter_prefix *prefix, unsigned int family, const uint8_t *address)
{
	if (prefix->family != family)
		return false;
	for (unsigned int i = 0; i < prefix->length; i++)
		if ((prefix->bytes[i / 8] ^ address[i / 8]) >> (7 - i % 8) & 1)
			return false;
	return true;
}

static bool is_party(const struct filter_party *party, unsigned int family, const uint8_t *address)
{
	if (!party->given)
		return true;
	if (party->list[0] == '\0')
		return covers(&party->prefix, family, address);
	return covers(&listed[0], family, address) || covers(&listed[1], family, address);
}

static bool in_ranges(const struct filter_range *ranges, unsigned int count, unsigned int port)
{
	for (unsigned int i = 0; i < count; i++)
		if (port >= ranges[i].first && port <= ranges[i].last)
			return true;
	return false;
}

/* What a later fragment does not have. */
static bool matches_l4(const struct filter_words *words, const struct filter_packet *packet)
{
	bool tcp = packet->protocol == PROTOCOL_TCP;

	if ((words->sport_count != 0 || words->dport_count != 0) && !packet->has_ports)
		return false;
	if (words->sport_count != 0 &&
	    !in_ranges(words->sport, words->sport_count, packet_key(packet, 0)))
		return false;
	if (words->dport_count != 0 &&
	    !in_ranges(words->dport, words->dport_count, packet_key(packet, 2)))
		return false;
	/* ICMP is IPv4's and ICMPv6 is IPv6's: the other one has no types */
	if (words->icmp_type != FILTER_ANY &&
	    (packet->family == ROUTE_IPV4) != (packet->protocol == PROTOCOL_ICMP))
		return false;
	if (words->icmp_type != FILTER_ANY && packet->l4[0] != words->icmp_type)
		return false;
	if (words->icmp_code != FILTER_ANY && packet->l4[1] != words->icmp_code)
		return false;
	if (words->syn &&
	    !(tcp && (packet->l4[13] & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN))
		return false;
	return !words->established || (tcp && packet->l4[13] & (TCP_FLAG_ACK | TCP_FLAG_RST));
}

static bool matches(const struct filter_words *words, const struct filter_packet *packet)
{
	static const uint16_t types[] = { [ROUTE_IPV4] = 0x0800, [ROUTE_IPV6] = 0x86dd };
	bool l4 = words->sport_count != 0 || words->dport_count != 0 ||
		  words->icmp_type != FILTER_ANY || words->icmp_code != FILTER_ANY || words->syn ||
		  words->established;

	if (words->ethertype != 0 && words->ethertype != types[packet->family])
		return false;
	if (words->protocol != FILTER_ANY && words->protocol != packet->protocol)
		return false;
	if (words->dscp != FILTER_ANY && words->dscp != packet->dscp)
		return false;
	if (words->fragments && !packet->later_fragment)
		return false;
	if (!is_party(&words->from, packet->family, packet->source) ||
	    !is_party(&words->to, packet->family, packet->destination))
		return false;
	return !l4 || (!packet->later_fragment && matches_l4(words, packet));
}

static unsigned int expected_slot(const struct filter_packet *packet)
{
	for (uint32_t i = 0; i < rule_count; i++)
		if (matches(&rules[i].words, packet))
			return i + 1;
	return 0;
}

/* ---------------------------------------------------------------- packets */

static void check_slot(unsigned int found, unsigned int expected)
{
	if (found == expected)
		return;
	fprintf(stderr, "rule %u, expected %u\n", found, expected);
	broken("another rule than the first that matches");
}

static void judge(const uint8_t *data, size_t length)
{
	const struct filter *filter = filter_get(instance.tables, NUMBER);
	struct filter_packet packet;
	uint8_t *bytes = malloc(length); /* it ends where the sanitizer looks */

	if (bytes == NULL)
		broken("no memory");
	memcpy(bytes, data, length);
	enum filter_parsed parsed = bytes[0] >> 4 == 4 ? packet_parse_ipv4(&packet, bytes, length)
						       : packet_parse_ipv6(&packet, bytes, length);
	if (parsed == PARSED_IP) {
		unsigned int slot = expected_slot(&packet);
		for (unsigned int simd = 0; simd <= (filter_has_simd() ? 1u : 0u); simd++) {
			uint16_t found = filter_decide(instance.tables, filter, &packet, simd != 0);
			check_slot(found & FILTER_SLOT_MASK, slot);
		}
		uint16_t found = filter_short(filter, &packet);
		if (found != FILTER_ASK_ROWS)
			check_slot(found & FILTER_SLOT_MASK, slot);
	}
	free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = memchr(data, 0, size), *at = data;

	start();
	if (end == NULL)
		end = data + size;
	while (at < end && rule_count < RULES) {
		const uint8_t *line = memchr(at, '\n', (size_t)(end - at));
		if (line == NULL)
			line = end;
		if (line - at < LINE - 64)
			add_rule((const char *)at, (size_t)(line - at));
		at = line + 1;
	}
	struct filter_built *built = publish();
	size -= (size_t)(end - data);
	for (data = end + 1; size > 3;) {
		size_t length = (size_t)(data[0] << 8 | data[1]);
		data += 2;
		size -= 2;
		if (length > size - 1)
			length = size - 1;
		if (length > 0)
			judge(data, length);
		data += length;
		size -= length;
	}
	clear(built);
	return 0;
}
