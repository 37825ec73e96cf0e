/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_shadow.c: rules that never decide, since one before them matches all that they match.
 * Lists count with the prefixes that they have now.
 */
#include "controlplane/object/filter.h"

enum { LIST_LOOKED_AT = 256 }; /* prefixes: a longer list is not said to be covered */

static bool needs_header(const struct filter_rule_spec *rule)
{
	return rule->sport_count != 0 || rule->dport_count != 0 || rule->icmp_type >= 0 ||
	       rule->syn || rule->established;
}

static bool number_covers(int a, int b)
{
	return a == FILTER_ANY || a == b;
}

static bool ranges_cover(const struct filter_range *a, unsigned int a_count,
			 const struct filter_range *b, unsigned int b_count)
{
	if (a_count == 0)
		return true;
	if (b_count == 0)
		return false;
	for (unsigned int i = 0, j = 0; i < b_count; i++) {
		while (j < a_count && a[j].last < b[i].first)
			j++;
		if (j == a_count || a[j].first > b[i].first || a[j].last < b[i].last)
			return false;
	}
	return true;
}

static bool prefix_covers(const struct filter_prefix *a, const struct filter_prefix *b)
{
	if (a->family != b->family || a->length > b->length)
		return false;
	return lpm_prefix_matches(a->bytes, b->bytes, a->length);
}

/* Is all of the prefix in one of the element's? */
static bool element_covers_prefix(const struct filter_addresses *addresses,
				  const struct filter_element *element,
				  const struct filter_prefix *prefix)
{
	if (element->list[0] == 0)
		return prefix_covers(&element->prefix, prefix);
	for (int length = prefix->length; length >= 0; length--) {
		struct filter_prefix wider = { .family = prefix->family, .length = (uint8_t)length };
		for (int i = 0; i < length; i++)
			wider.bytes[i / 8] |= prefix->bytes[i / 8] & (uint8_t)(0x80 >> i % 8);
		if (filter_prefix_has(addresses, element->number, &wider))
			return true;
	}
	return false;
}

struct covering {
	const struct filter_addresses *addresses;
	const struct filter_element *element;
};

static int is_outside(void *context, const struct filter_prefix *prefix)
{
	const struct covering *covering = context;

	return !element_covers_prefix(covering->addresses, covering->element, prefix);
}

static bool element_covers(const struct filter_addresses *addresses, const struct filter_element *a,
			   const struct filter_element *b)
{
	struct covering covering = { addresses, a };

	if (a == NULL || a == b)
		return true;
	if (b == NULL)
		return false;
	if (b->list[0] == 0)
		return element_covers_prefix(addresses, a, &b->prefix);
	return b->prefixes <= LIST_LOOKED_AT &&
	       filter_prefix_walk(addresses, b->number, NULL, is_outside, &covering) == 0;
}

bool filter_rule_covers(const struct filter_addresses *addresses,
			const struct filter_rule_object *one, const struct filter_rule_object *other)
{
	const struct filter_rule_spec *a = &one->spec, *b = &other->spec;
	bool b_is_ip = b->ethertype == 0 || b->ethertype == 0x0800 || b->ethertype == 0x86dd;

	if (a->ethertype != b->ethertype && (a->ethertype != 0 || !b_is_ip))
		return false;
	/* what a fragment cannot match */
	if ((a->fragments && !b->fragments) || (needs_header(a) && !needs_header(b)))
		return false;
	return number_covers(a->protocol, b->protocol) && number_covers(a->dscp, b->dscp) &&
	       number_covers(a->icmp_type, b->icmp_type) &&
	       number_covers(a->icmp_code, b->icmp_code) && (!a->syn || b->syn) &&
	       (!a->established || b->established) &&
	       ranges_cover(a->sport, a->sport_count, b->sport, b->sport_count) &&
	       ranges_cover(a->dport, a->dport_count, b->dport, b->dport_count) &&
	       element_covers(addresses, one->from, other->from) &&
	       element_covers(addresses, one->to, other->to);
}
