/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rpf.c: does the way back to the source lead where the packet came from (RFC 3704, RFC 8704)?
 *
 * Strict: by any of the paths of the route to it, backups included. Loose: by some route. A source that is
 * routed to a blackhole or is unreachable has no route, so that who floods can be shut out by a route to
 * it (RFC 5635); one that is an address of ours cannot come from outside.
 */
#include "dataplane/shm/lpm.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/rpf.h"
#include "dataplane/stage/stage.h"

/* By this interface, or its backup. Loose: by any. */
static bool nexthop_leads(const struct tables *tables, uint32_t index, uint32_t interface,
			  bool strict)
{
	uint64_t word = word_load(&tables->nexthop[index & (NEXTHOP_MAX - 1)]);

	if (nexthop_kind(word) != NEXTHOP_FORWARD && nexthop_kind(word) != NEXTHOP_UNRESOLVED)
		return false;
	const struct rewrite *rewrite = nexthop_rewrite(tables, word);
	if (!strict || rewrite->interface == interface)
		return true;
	if (rewrite->backup == NEXTHOP_NONE)
		return false;
	word = word_load(&tables->nexthop[rewrite->backup & (NEXTHOP_MAX - 1)]);
	return (nexthop_kind(word) == NEXTHOP_FORWARD ||
		nexthop_kind(word) == NEXTHOP_UNRESOLVED) &&
	       nexthop_rewrite(tables, word)->interface == interface;
}

static bool group_leads(const struct tables *tables, uint32_t index, uint32_t interface,
			bool strict)
{
	uint64_t offset = word_load(&tables->group_members[index & (GROUP_MAX - 1)]);
	bool found = false;

	if (offset == 0 || !strict)
		return offset != 0;
	const struct group_record *record = tables_object(tables, offset);
	for (uint32_t i = 0; i < record->interface_count; i++)
		found |= record->interface[i] == interface;
	return found;
}

static bool leads_back(const struct tables *tables, uint32_t leaf, uint32_t interface, bool strict)
{
	switch (route_kind(leaf)) {
	case ROUTE_NEXTHOP:
		return nexthop_leads(tables, route_index(leaf), interface, strict);
	case ROUTE_GROUP:
		return group_leads(tables, route_index(leaf), interface, strict);
	case ROUTE_GLEAN: /* on the link, and not asked for yet */
		return !strict || route_index(leaf) == interface;
	default:
		return false;
	}
}

/* What is on the link has no route (RFC 4291 2.5.6). */
static bool is_exempt(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV6 && ipv6_is_link_local(packet->l3 + 8);
}

bool rpf_holds(const struct worker *worker, const struct packet *packet)
{
	bool ipv4 = packet->payload == PAYLOAD_IPV4;
	const uint8_t *source = packet->l3 + (ipv4 ? 12 : 8);
	uint32_t leaf = lpm_lookup(
		worker->tables,
		&worker->tables->route_root[packet->vrf][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6], source);

	return leads_back(worker->tables, leaf, packet->interface, true);
}

unsigned int rpf(struct worker *worker, struct packet **packets, unsigned int count)
{
	const uint8_t *sources[VECTOR_SIZE];
	uint32_t leaves[VECTOR_SIZE];
	uint8_t checked[VECTOR_SIZE];
	unsigned int checks = 0, left = 0, next = 0;

	for (unsigned int i = 0; i < count; i++) {
		const struct packet *packet = packets[i];
		bool ipv4 = packet->payload == PAYLOAD_IPV4;
		if (!(packet->flags & PACKET_RPF) || is_exempt(packet))
			continue;
		sources[checks] = packet->l3 + (ipv4 ? 12 : 8);
		leaves[checks] = atomic_load_explicit(
			&worker->tables->route_root[packet->vrf][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
			memory_order_acquire);
		checked[checks++] = (uint8_t)i;
	}
	lpm_lookup_burst(worker->tables, leaves, sources, checks);
	for (unsigned int i = 0; i < count; i++) {
		struct packet *packet = packets[i];
		if (next < checks && checked[next] == i) {
			uint64_t features =
				word_load(&worker->tables->interface[packet->interface].features);
			bool strict = features & INTERFACE_RPF_STRICT;
			if (!leads_back(worker->tables, leaves[next++], packet->interface,
					strict)) {
				drop(worker, packet->mbuf, packet->interface,
				     strict ? DROP_ip_rpf_strict : DROP_ip_rpf_loose);
				continue;
			}
		}
		packets[left++] = packet;
	}
	return left;
}
