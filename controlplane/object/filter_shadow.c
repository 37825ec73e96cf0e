/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_shadow.c: rules that never decide, since one before them matches all that they match.
 * Lists count with the prefixes that they have now.
 *
 * Whether a prefix is in a list is a look-up. Whether a list is in another, or in a prefix, takes a
 * walk over the prefixes of all lists and rules: the caller says how many nodes of them it allows
 * (FILTER_SHADOW_NODES for one command); beside long lists such a rule is not said to be covered.
 */
#include "controlplane/object/filter.h"

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

/* What an element has stands in the tries, be it a list or a rule's prefix. */
static bool element_covers(const struct filter_addresses *addresses, const struct filter_element *a,
			   const struct filter_element *b, uint32_t *nodes)
{
	if (a == NULL || a == b)
		return true;
	if (b == NULL)
		return false;
	if (b->list[0] == 0)
		return filter_prefix_covered(addresses, a->number, &b->prefix);
	/* no fewer nodes than it has prefixes: those left are for shorter ones */
	return b->prefixes <= *nodes && filter_element_covers(addresses, a->number, b->number, nodes);
}

bool filter_rule_covers(const struct filter_addresses *addresses,
			const struct filter_rule_object *one, const struct filter_rule_object *other,
			uint32_t *nodes)
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
	       element_covers(addresses, one->from, other->from, nodes) &&
	       element_covers(addresses, one->to, other->to, nodes);
}
