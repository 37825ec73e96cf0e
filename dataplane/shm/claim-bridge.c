/* SPDX-License-Identifier: BSD-3-Clause
 *
 * claim-bridge.c: what bridges refer to, found again by a control plane that restarts. As in claim.c, nothing is believed unchecked.
 */
#include <errno.h>
#include "bridge.h"
#include "table.h"

static int claim_object(struct heap *heap, uint64_t offset, uint64_t size)
{
	return heap_claim(heap, offset, size) == 0 ? 0 : -EINVAL;
}

static int claim_domains(const struct tables *tables, struct heap *heap, uint64_t offset)
{
	const _Atomic uint64_t *domains = tables_object(tables, offset);
	int result = claim_object(heap, offset, VLAN_MAX * sizeof(uint64_t));

	for (unsigned int vlan = 0; result == 0 && vlan < VLAN_MAX; vlan++) {
		uint64_t domain = word_load(&domains[vlan]);
		if (domain != 0)
			result = claim_object(heap, domain, sizeof(struct bridge_domain));
	}
	return result;
}

static int check_members(const struct bridge_members *members)
{
	for (unsigned int slot = 0; slot < BRIDGE_SLOTS; slot++)
		if (member_interface(members->member[slot]) >= INTERFACE_MAX ||
		    member_port(members->member[slot]) > PORT_VIRTUAL)
			return -EINVAL;
	return 0;
}

static int claim_row(const struct tables *tables, struct heap *heap, const struct bridge_row *row)
{
	uint64_t members = word_load(&row->members), domains = word_load(&row->domains);
	int result = 0;

	if ((word_load(&row->flags) >> BRIDGE_INTERFACE_SHIFT) >= INTERFACE_MAX)
		return -EINVAL;
	if (members != 0) {
		result = claim_object(heap, members, sizeof(struct bridge_members));
		if (result == 0)
			result = check_members(tables_object(tables, members));
	}
	return result == 0 && domains != 0 ? claim_domains(tables, heap, domains) : result;
}

static int claim_ports(const struct tables *tables, struct heap *heap)
{
	for (unsigned int i = 0; i < INTERFACE_MAX; i++) {
		uint64_t offset = word_load(&tables->interface[i].bridge_port);
		if (offset == 0)
			continue;
		if (claim_object(heap, offset, sizeof(struct bridge_port)) != 0)
			return -EINVAL;
		const struct bridge_port *port = tables_object(tables, offset);
		if (port->bridge >= BRIDGE_MAX || port->slot >= BRIDGE_SLOTS ||
		    port->native >= VLAN_MAX || port->meter >= STORM_METERS)
			return -EINVAL;
	}
	return 0;
}

int tables_claim_bridges(struct tables *tables, struct heap *heap)
{
	int result = 0;

	for (unsigned int i = 0; result == 0 && i < BRIDGE_MAX; i++)
		result = claim_row(tables, heap, &tables->bridge[i]);
	uint64_t baseline = word_load(&tables->multicast_baseline);
	if (result == 0 && baseline != 0)
		result = claim_object(heap, baseline,
				      MULTICAST_COUNTERS * sizeof(struct traffic_counter));
	return result != 0 ? result : claim_ports(tables, heap);
}
