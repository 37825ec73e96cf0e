/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.c: Ethernet frames between the ports of a bridge (IEEE 802.1Q clause 8): VLAN of the frame,
 * source address, destination ports.
 *
 * Frames come from ports (whole vectors: a port of a bridge has no other frames), out of tunnels, and
 * from the bridge's own interface: what was routed to it, and what the control plane sends.
 */
#include <rte_ether.h>
#include "dataplane/stage/bridge.h"

static void end_by_drop(const struct bridging *bridging, enum drop_reason reason)
{
	drop(bridging->worker, bridging->mbuf, bridging->packet->interface, reason);
}

static inline uint16_t load16_be(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof(value));
	return rte_be_to_cpu_16(value);
}

/* 01:80:c2:00:00:00 to 0f: link-local protocols, which no bridge passes on (IEEE 802.1Q table 8-1). */
static inline bool is_reserved(const uint8_t *mac)
{
	static const uint8_t reserved[5] = { 0x01, 0x80, 0xc2, 0x00, 0x00 };

	return memcmp(mac, reserved, sizeof(reserved)) == 0 && mac[5] < 0x10;
}

/* ---------------------------------------------------------------- the frame's VLAN */

/* False: its tag is cut off, or is of no VLAN. */
static bool find_vlan(struct bridging *bridging)
{
	uint8_t *frame = bridging->frame;
	unsigned int vlan = bridging->port->native;

	bridging->tagged = load16_be(frame + 12) == RTE_ETHER_TYPE_VLAN;
	bridging->tci = 0;
	if (bridging->tagged) {
		if (bridging->mbuf->data_len < RTE_ETHER_HDR_LEN + TAG_SIZE)
			return false;
		uint16_t tci = load16_be(frame + 14);
		bridging->tci = tci & 0xf000;
		if ((tci & 0xfff) != 0)
			vlan = tci & 0xfff;
		else { /* priority tag: from here on it names the VLAN (IEEE 802.1Q 6.9.1) */
			tci = rte_cpu_to_be_16((uint16_t)(bridging->tci | vlan));
			memcpy(frame + 14, &tci, sizeof(tci));
		}
	}
	if (vlan == VLAN_NONE || vlan > VLAN_LAST)
		return false;
	bridging->tci = (uint16_t)(bridging->tci | vlan);
	bridging->domain = bridge_domain(bridging->worker->tables, bridging->port->bridge, vlan);
	return bridging->domain != NULL &&
	       (port_set_has(&bridging->domain->member, bridging->port->slot) ||
		bridging->port->slot == SLOT_LABEL);
}

/* ---------------------------------------------------------------- where it goes */

/* The port of a unicast address; SLOT... or -1: not known. An entry and the ports are published one after
 * the other: only what both say is believed. */
static int find_port(const struct bridging *bridging)
{
	struct fdb_key key =
		fdb_key(bridging->port->bridge, bridging->domain->vlan, bridging->frame);
	const struct fdb_entry *entry = fdb_lookup(bridging->worker->tables, &key);

	if (entry == NULL || !port_set_has(&bridging->domain->member, entry->slot) ||
	    member_interface(bridging->members->member[entry->slot % BRIDGE_SLOTS]) !=
		    entry->interface)
		return -1;
	return entry->slot;
}

/* False: it ended here. */
static bool unicast_ports(const struct bridging *bridging, struct port_set *ports)
{
	int slot = find_port(bridging);
	uint64_t flags = word_load(
		&bridging->worker->tables->bridge[bridging->port->bridge % BRIDGE_MAX].flags);

	if (likely(slot >= 0)) {
		if (slot == bridging->port->slot) {
			end_by_drop(bridging, DROP_bridge_same_port);
			return false;
		}
		*ports = (struct port_set){ 0 };
		port_set_add(ports, (unsigned int)slot);
		return true;
	}
	if (flags & BRIDGE_DROP_UNKNOWN) {
		end_by_drop(bridging, DROP_bridge_unknown_unicast);
		return false;
	}
	if (!storm_allows(bridging, STORM_UNICAST)) {
		end_by_drop(bridging, DROP_bridge_storm);
		return false;
	}
	*ports = bridging->domain->member;
	port_set_remove(ports, SLOT_OWN); /* whose address is known */
	return true;
}

static bool group_ports(const struct bridging *bridging, struct port_set *ports, uint32_t *counter)
{
	static const uint8_t all[RTE_ETHER_ADDR_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	bool broadcast = memcmp(bridging->frame, all, sizeof(all)) == 0; /* at any address */

	if (!storm_allows(bridging, broadcast ? STORM_BROADCAST : STORM_MULTICAST)) {
		end_by_drop(bridging, DROP_bridge_storm);
		return false;
	}
	if (!broadcast)
		return multicast_ports(bridging, ports, counter);
	*ports = bridging->domain->member;
	return true;
}

/* Only where it may go. False: nothing is left. */
static bool remove_forbidden(const struct bridging *bridging, struct port_set *ports)
{
	struct port_set allowed =
		bridge_allowed(bridging->domain, bridging->members, bridging->port);
	uint64_t any = 0;

	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		any |= ports->word[i] &= allowed.word[i];
	return any != 0;
}

/* Is the source that of the frame before, which was known here? */
static inline bool is_repeated(const struct bridging *bridging)
{
	const struct bridge_memo *memo = bridging->memo;

	return memo != NULL && memo->port == bridging->port && memo->domain == bridging->domain &&
	       memcmp(memo->source, bridging->frame + 6, sizeof(memo->source)) == 0;
}

/* Has the port, which is not the bridge's own, a filter of what comes in by it? */
static inline bool is_filtered(const struct bridging *bridging)
{
	const struct interface *row =
		&bridging->worker->tables->interface[bridging->packet->interface];

	return bridging->port->slot != SLOT_OWN && bridging->port->slot != SLOT_LABEL &&
	       (word_load(&row->features) & INTERFACE_FILTER_IN) != 0;
}

/* Has a bridge protocol data unit its topology change flag, or is it a notification (IEEE 802.1D 9.3)? */
static bool says_topology_change(const struct bridging *bridging)
{
	static const uint8_t llc[3] = { 0x42, 0x42, 0x03 };
	const uint8_t *bpdu = bridging->frame + RTE_ETHER_HDR_LEN + sizeof(llc);
	enum { NOTIFICATION_SIZE = 4, TYPE = 3, NOTIFICATION = 0x80, FLAGS = 4, CHANGE = 1 };

	if (bridging->frame[5] != 0 ||
	    bridging->mbuf->data_len < RTE_ETHER_HDR_LEN + sizeof(llc) + NOTIFICATION_SIZE ||
	    memcmp(bridging->frame + RTE_ETHER_HDR_LEN, llc, sizeof(llc)) != 0)
		return false;
	if (bpdu[TYPE] == NOTIFICATION)
		return true;
	return bridging->mbuf->data_len > RTE_ETHER_HDR_LEN + sizeof(llc) + FLAGS &&
	       (bpdu[FLAGS] & CHANGE) != 0;
}

/* Frames of link-local protocols are the kernel's, if it has a mirror of the port. */
static void end_reserved(const struct bridging *bridging)
{
	const uint8_t *l3 = bridging->frame + RTE_ETHER_HDR_LEN;
	struct worker *worker = bridging->worker;
	uint32_t interface = bridging->packet->interface;

	if (says_topology_change(bridging)) {
		if (host_mirrored(worker, interface))
			host_copy(worker, bridging->mbuf, interface, l3, HOST_LINK);
		punt_or_drop(worker, bridging->mbuf, interface, PUNT_stp, l3, DROP_bridge_reserved);
	} else if (!host_other(worker, bridging->mbuf, interface, l3)) {
		end_by_drop(bridging, DROP_bridge_reserved);
	}
}

void bridge_frame(struct worker *worker, struct packet *packet, const struct bridge_port *port,
		  struct bridge_memo *memo)
{
	struct bridging bridging = {
		.worker = worker,
		.packet = packet,
		.mbuf = packet->mbuf,
		.frame = packet->l3,
		.port = port,
		.members = bridge_members(worker->tables, port->bridge),
		.memo = memo,
	};
	struct port_set ports;
	uint32_t counter = 0;

	if (unlikely(bridging.mbuf->data_len < RTE_ETHER_HDR_LEN)) {
		end_by_drop(&bridging, DROP_runt_frame);
		return;
	}
	if (unlikely(bridging.members == NULL)) {
		end_by_drop(&bridging, DROP_bridge_unknown);
		return;
	}
	if (unlikely(is_reserved(bridging.frame))) {
		end_reserved(&bridging);
		return;
	}
	if (!find_vlan(&bridging)) {
		end_by_drop(&bridging, DROP_bridge_vlan);
		return;
	}
	/* what may not come in teaches nothing */
	if (unlikely(is_filtered(&bridging)) && !filter_frame_in(worker, packet))
		return;
	if (port->slot != SLOT_OWN && !is_repeated(&bridging) && !bridge_learn(&bridging))
		return;
	if (!(bridging.frame[0] & 1 ? group_ports(&bridging, &ports, &counter)
				    : unicast_ports(&bridging, &ports)))
		return;
	if (!remove_forbidden(&bridging, &ports)) {
		end_by_drop(&bridging, DROP_bridge_no_port);
		return;
	}
	if (counter != 0)
		multicast_count(worker, counter, 1, bridging.mbuf->pkt_len);
	bridge_replicate(&bridging, &ports);
}

/* ---------------------------------------------------------------- the stage */

/* The frame begins at packet->l3. */
static inline void start_at_l3(struct packet *packet)
{
	ptrdiff_t skipped = packet->l3 - rte_pktmbuf_mtod(packet->mbuf, uint8_t *);

	if (unlikely(skipped != 0)) {
		packet->mbuf->data_off = (uint16_t)(packet->mbuf->data_off + skipped);
		packet->mbuf->data_len = (uint16_t)(packet->mbuf->data_len - skipped);
		packet->mbuf->pkt_len = (uint32_t)(packet->mbuf->pkt_len - skipped);
	}
}

/* A frame from below a label: untagged, it is of the bridge's own VLAN; tagged, of any. Nothing can be sent
 * back, so nothing is learned, and it is not passed on to what else carries frames between bridges. */
static void bridge_labelled(struct worker *worker, struct packet *packet, struct bridge_memo *memo)
{
	uint32_t index = packet->nexthop % BRIDGE_MAX;
	const struct bridge_port *own = bridge_own_port(worker->tables, index);

	if (own == NULL) {
		drop(worker, packet->mbuf, packet->interface, DROP_bridge_unknown);
		return;
	}
	const struct bridge_port port = { .bridge = index,
					  .slot = SLOT_LABEL,
					  .native = own->native,
					  .flags = BRIDGE_PORT_HORIZON };
	start_at_l3(packet);
	bridge_frame(worker, packet, &port, memo);
}

void bridge(struct worker *worker)
{
	struct packet *packets[VECTOR_SIZE];
	unsigned int count = worker->bridge.count;
	struct bridge_memo memo = { .port = NULL };

	if (count == 0)
		return;
	memcpy(packets, worker->bridge.packet, count * sizeof(packets[0]));
	worker->bridge.count = 0;
	for (unsigned int first = 0, next; first < count; first = next) {
		uint32_t interface = packets[first]->interface;
		if (unlikely(packets[first]->space == BRIDGE_BY_LABEL)) {
			bridge_labelled(worker, packets[first], &memo);
			next = first + 1;
			continue;
		}
		const struct bridge_port *port = bridge_port_of(worker->tables, interface);
		for (next = first; next < count && packets[next]->interface == interface &&
				   packets[next]->space == BRIDGE_BY_PORT;
		     next++) {
			if (unlikely(port == NULL))
				drop(worker, packets[next]->mbuf, interface, DROP_bridge_unknown);
			else
				start_at_l3(packets[next]);
		}
		if (likely(port != NULL))
			bridge_vector(worker, &packets[first], next - first, port);
	}
}

void bridge_send(struct worker *worker, struct packet *packet, uint32_t interface)
{
	const struct bridge_port *port = bridge_port_of(worker->tables, interface);
	struct interface_counters *own = &worker->interface[interface];

	if (port == NULL || port->slot != SLOT_OWN) {
		drop(worker, packet->mbuf, packet->interface, DROP_bridge_unknown);
		return;
	}
	packet->l3 = rte_pktmbuf_mtod(packet->mbuf, uint8_t *);
	counter_add(&own->tx_packets, 1);
	counter_add(&own->tx_bytes, packet->mbuf->pkt_len);
	bridge_frame(worker, packet, port, NULL);
}

void bridge_classify(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		     unsigned int count)
{
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;
	struct packet context = { .interface = interface, .payload = PAYLOAD_ETHERNET };
	uint64_t bytes = 0;

	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(mbufs[i]);
	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(mbufs[i], void *));
	for (unsigned int i = 0; i < count; i++) {
		struct packet *packet = &worker->packet[i];
		packet->mbuf = mbufs[i];
		packet->l3 = rte_pktmbuf_mtod(mbufs[i], uint8_t *);
		packet->context = context.context;
		bytes += mbufs[i]->pkt_len;
		if (unlikely((flags & wanted) != wanted))
			drop(worker, mbufs[i], interface, DROP_interface_down);
		else
			vector_add(&worker->bridge, packet);
	}
	counter_add(&worker->interface[interface].rx_packets, count);
	counter_add(&worker->interface[interface].rx_bytes, bytes);
}
