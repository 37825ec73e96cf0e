/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-page.c: rules by protocol, port, ICMP type, fragment, DSCP and TCP flags. A page is swept once
 * from 0 to 65535: at each range's first number its rule's bit is flipped, and behind its last one.
 */
#include <errno.h>
#include <stdlib.h>
#include "filter-compile.h"

enum { PAGE_SIZE = 65536, ETHERTYPE_IPV4 = 0x0800, ETHERTYPE_IPV6 = 0x86dd };

/* What the numbers of a page are. */
enum key_kind { KEY_NONE, KEY_PORT, KEY_SPORT, KEY_ICMP };

bool filter_rule_is_other(const struct filter_rule_spec *rule)
{
	return rule->ethertype != 0 && rule->ethertype != ETHERTYPE_IPV4 &&
	       rule->ethertype != ETHERTYPE_IPV6;
}

uint16_t filter_rule_decision(const struct filter_rule_spec *rule)
{
	return (uint16_t)(rule->slot | (unsigned int)rule->action << FILTER_ACTION_SHIFT |
			  (rule->log ? FILTER_LOG : 0));
}

static bool family_fits(const struct filter_rule_spec *rule, unsigned int family)
{
	return rule->ethertype == 0 ||
	       rule->ethertype == (family == ROUTE_IPV4 ? ETHERTYPE_IPV4 : ETHERTYPE_IPV6);
}

/* Does it look into the layer-4 header? */
static bool needs_header(const struct filter_rule_spec *rule)
{
	return rule->sport_count != 0 || rule->dport_count != 0 || rule->icmp_type >= 0 ||
	       rule->syn || rule->established;
}

static enum key_kind kind_of(unsigned int family, unsigned int protocol)
{
	if (packet_protocol_has_ports(protocol))
		return KEY_PORT;
	return protocol == (family == ROUTE_IPV4 ? PROTOCOL_ICMP : PROTOCOL_ICMPV6) ? KEY_ICMP
										      : KEY_NONE;
}

/* May it match a packet of this protocol that is no later fragment, whatever its header says? */
static bool applies(const struct filter_rule_spec *rule, unsigned int family, unsigned int protocol)
{
	if (!family_fits(rule, family) || rule->fragments ||
	    (rule->protocol != FILTER_ANY && rule->protocol != (int)protocol))
		return false;
	enum key_kind kind = kind_of(family, protocol);
	if ((rule->sport_count != 0 || rule->dport_count != 0) && kind != KEY_PORT)
		return false;
	if ((rule->syn || rule->established) && protocol != PROTOCOL_TCP)
		return false;
	return rule->icmp_type < 0 || kind == KEY_ICMP;
}

/* ---------------------------------------------------------------- values */

/* The rule that comes first decides. */
static uint16_t first_decision(const struct filter_compiler *compiler, const uint64_t *bits)
{
	for (unsigned int i = 0; i < compiler->words; i++)
		if (bits[i] != 0)
			return filter_rule_decision(
				compiler->spec->rules[i * 64 + (unsigned int)__builtin_ctzll(
								       bits[i])]);
	return filter_decision_of(compiler->spec->otherwise);
}

int64_t filter_compile_value(struct filter_compiler *compiler, const uint64_t *bits, uint64_t hash)
{
	if (compiler->direct)
		return first_decision(compiler, bits);
	return filter_rows_intern(&compiler->rows, bits, hash);
}

/* ---------------------------------------------------------------- one sweep */

struct event {
	uint32_t rule;
	uint32_t next; /* event + 1 at the same number, 0: none */
};

struct sweep {
	struct event *event;
	uint32_t count, capacity;
	uint32_t *head; /* event + 1 by number */
	uint64_t *bits;
	uint64_t hash;
};

static int sweep_begin(struct sweep *sweep, struct filter_compiler *compiler)
{
	*sweep = (struct sweep){ .bits = compiler->bits };
	memset(sweep->bits, 0, compiler->words * sizeof(uint64_t));
	sweep->head = calloc(PAGE_SIZE, sizeof(*sweep->head));
	return sweep->head != NULL ? 0 : -ENOMEM;
}

static void sweep_end(struct sweep *sweep)
{
	free(sweep->event);
	free(sweep->head);
}

static void flip(struct sweep *sweep, uint32_t rule)
{
	sweep->bits[rule / 64] ^= 1ull << rule % 64;
	sweep->hash ^= filter_bit_hash(rule);
}

static int add_event(struct sweep *sweep, uint32_t number, uint32_t rule)
{
	if (number >= PAGE_SIZE)
		return 0;
	if (sweep->count == sweep->capacity) {
		uint32_t capacity = sweep->capacity != 0 ? 2 * sweep->capacity : 256;
		struct event *event = realloc(sweep->event, capacity * sizeof(*event));
		if (event == NULL)
			return -ENOMEM;
		sweep->event = event;
		sweep->capacity = capacity;
	}
	sweep->event[sweep->count] = (struct event){ rule, sweep->head[number] };
	sweep->head[number] = ++sweep->count;
	return 0;
}

static int add_range(struct sweep *sweep, uint32_t rule, uint32_t first, uint32_t last)
{
	int result = add_event(sweep, first, rule);

	return result != 0 ? result : add_event(sweep, last + 1, rule);
}

/* A rule's ranges, or its bit for the whole page. */
static int add_rule(struct sweep *sweep, const struct filter_rule_spec *rule, uint32_t index,
		    enum key_kind kind)
{
	const struct filter_range *range = kind == KEY_SPORT ? rule->sport : rule->dport;
	unsigned int count = kind == KEY_SPORT  ? rule->sport_count
			     : kind == KEY_PORT ? rule->dport_count
						: 0;
	int result = 0;

	if (kind == KEY_ICMP && rule->icmp_type >= 0) {
		uint32_t first = (uint32_t)rule->icmp_type << 8;
		return rule->icmp_code < 0
			       ? add_range(sweep, index, first, first + 255)
			       : add_range(sweep, index, first + (uint32_t)rule->icmp_code,
					   first + (uint32_t)rule->icmp_code);
	}
	if (count == 0)
		flip(sweep, index);
	for (unsigned int i = 0; i < count && result == 0; i++)
		result = add_range(sweep, index, range[i].first, range[i].last);
	return result;
}

static int sweep_values(struct sweep *sweep, struct filter_compiler *compiler, uint16_t *values)
{
	int64_t value = -1;

	for (uint32_t number = 0; number < PAGE_SIZE; number++) {
		if (sweep->head[number] != 0 || number == 0) {
			for (uint32_t e = sweep->head[number]; e != 0; e = sweep->event[e - 1].next)
				flip(sweep, sweep->event[e - 1].rule);
			value = filter_compile_value(compiler, sweep->bits, sweep->hash);
			if (value < 0)
				return (int)value;
		}
		values[number] = (uint16_t)value;
	}
	return 0;
}

/* ---------------------------------------------------------------- class[] */

static int64_t class_room(struct filter_compiler *compiler, uint32_t count)
{
	if (compiler->classes + count > compiler->class_capacity) {
		uint32_t capacity = 2 * (compiler->classes + count);
		uint16_t *class = realloc(compiler->class, capacity * sizeof(*class));
		if (class == NULL)
			return -ENOMEM;
		compiler->class = class;
		compiler->class_capacity = capacity;
	}
	uint32_t first = compiler->classes;
	compiler->classes += count;
	return first;
}

static int put_page(struct filter_compiler *compiler, struct sweep *sweep, enum key_kind kind,
		    struct filter_page *page)
{
	bool uniform = sweep->count == 0;
	int64_t first = class_room(compiler, uniform ? 1 : PAGE_SIZE);

	if (first < 0)
		return (int)first;
	page->first = (uint32_t)first;
	page->mask = uniform ? 0 : UINT16_MAX;
	page->key = kind == KEY_PORT ? 2 : 0;
	if (!uniform)
		return sweep_values(sweep, compiler, &compiler->class[first]);
	int64_t value = filter_compile_value(compiler, sweep->bits, sweep->hash);
	compiler->class[first] = (uint16_t)value;
	return value < 0 ? (int)value : 0;
}

static uint8_t least_of(unsigned int protocol)
{
	return (uint8_t)(FILTER_IPV4_HEADER + packet_l4_size(protocol));
}

/* The same page for whoever has the same rules: TCP and UDP where rules name neither, both families. */
static int make_page(struct filter_compiler *compiler, unsigned int family, unsigned int protocol)
{
	struct filter_page *page = &compiler->page[family][protocol];
	enum key_kind kind = kind_of(family, protocol);
	uint64_t signature = filter_bit_hash(0x10000u + kind);
	struct sweep sweep;
	int result = sweep_begin(&sweep, compiler);

	for (uint32_t i = 0; i < compiler->rules && result == 0; i++) {
		const struct filter_rule_spec *rule = compiler->spec->rules[i];
		if (!applies(rule, family, protocol))
			continue;
		signature += filter_bit_hash(i) | 1;
		result = add_rule(&sweep, rule, i, kind);
	}
	struct filter_page_made *made = compiler->made;
	for (; result == 0 && made < compiler->made + compiler->made_count; made++)
		if (made->signature == signature)
			break;
	if (result == 0 && made < compiler->made + compiler->made_count) {
		*page = made->page;
	} else if (result == 0) {
		result = put_page(compiler, &sweep, kind, page);
		if (compiler->made_count < sizeof(compiler->made) / sizeof(compiler->made[0]))
			compiler->made[compiler->made_count++] =
				(struct filter_page_made){ signature, *page };
	}
	page->least = least_of(protocol);
	sweep_end(&sweep);
	return result;
}

static int make_fragment(struct filter_compiler *compiler, unsigned int family,
			 unsigned int protocol)
{
	uint64_t hash = 0;

	memset(compiler->bits, 0, compiler->words * sizeof(uint64_t));
	for (uint32_t i = 0; i < compiler->rules; i++) {
		const struct filter_rule_spec *rule = compiler->spec->rules[i];
		if (needs_header(rule) || !family_fits(rule, family) ||
		    (rule->protocol != FILTER_ANY && rule->protocol != (int)protocol))
			continue;
		filter_row_set(compiler->bits, i);
		hash ^= filter_bit_hash(i);
	}
	int64_t value = filter_compile_value(compiler, compiler->bits, hash);
	compiler->fragment[family][protocol] = (uint16_t)value;
	return value < 0 ? (int)value : 0;
}

int filter_compile_pages(struct filter_compiler *compiler)
{
	bool named[256] = { false };
	int result = 0;

	for (uint32_t i = 0; i < compiler->rules; i++)
		if (compiler->spec->rules[i]->protocol != FILTER_ANY)
			named[compiler->spec->rules[i]->protocol] = true;
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
		int other = -1; /* a protocol that no rule names and that has no ports */
		for (unsigned int protocol = 0; protocol < 256 && result == 0; protocol++) {
			bool plain = !named[protocol] && !packet_protocol_has_ports(protocol);
			if (plain && other >= 0) {
				compiler->page[family][protocol] = compiler->page[family][other];
				compiler->page[family][protocol].least = least_of(protocol);
				compiler->fragment[family][protocol] =
					compiler->fragment[family][other];
				continue;
			}
			result = make_page(compiler, family, protocol);
			if (result == 0)
				result = make_fragment(compiler, family, protocol);
			if (plain)
				other = (int)protocol;
		}
	}
	return result;
}

/* Of whatever protocol: the first dimension has ruled out those of other ones. */
int filter_compile_sport(struct filter_compiler *compiler)
{
	struct sweep sweep;
	int result = sweep_begin(&sweep, compiler);

	compiler->sport = malloc(FILTER_SPORT_SIZE * sizeof(*compiler->sport));
	if (compiler->sport == NULL)
		result = -ENOMEM;
	for (uint32_t i = 0; i < compiler->rules && result == 0; i++)
		result = add_rule(&sweep, compiler->spec->rules[i], i, KEY_SPORT);
	if (result == 0) {
		/* before the first flip, the bits are those of rules without ports */
		int64_t value = filter_compile_value(compiler, sweep.bits, sweep.hash);
		compiler->sport[FILTER_SPORT_SIZE - 1] = (uint16_t)value;
		result = value < 0 ? (int)value : sweep_values(&sweep, compiler, compiler->sport);
	}
	sweep_end(&sweep);
	return result;
}

static bool misc_fits(const struct filter_rule_spec *rule, unsigned int index)
{
	return (rule->dscp == FILTER_ANY || rule->dscp == (int)(index & 63)) &&
	       (!rule->syn || (index & 64) != 0) && (!rule->established || (index & 128) != 0);
}

int filter_compile_misc(struct filter_compiler *compiler)
{
	for (unsigned int index = 0; index < FILTER_MISC_SIZE; index++) {
		uint64_t hash = 0;
		memset(compiler->bits, 0, compiler->words * sizeof(uint64_t));
		for (uint32_t i = 0; i < compiler->rules; i++) {
			if (!misc_fits(compiler->spec->rules[i], index))
				continue;
			filter_row_set(compiler->bits, i);
			hash ^= filter_bit_hash(i);
		}
		int64_t value = filter_compile_value(compiler, compiler->bits, hash);
		if (value < 0)
			return (int)value;
		compiler->misc[index] = (uint16_t)value;
	}
	return 0;
}
