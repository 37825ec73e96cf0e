/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pseudowire.c: Ethernet that came out of a tunnel or from below a label.
 */
#include <rte_ether.h>
#include "dataplane/shm/tunnel.h"
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_check.h"
#include "dataplane/stage/tunnel_header.h"

enum { CONTROL_WORD = 4, CONTROL_LENGTH_MASK = 0x3f };

void receive_ethernet(struct worker *worker, struct packet *packet)
{
	if (packet_end(packet) - packet->l3 < RTE_ETHER_HDR_LEN)
		drop(worker, packet->mbuf, packet->interface, DROP_runt_frame);
	else if (worker->bridge.count ==
		 VECTOR_SIZE) /* other layers of other packets came before */
		drop(worker, packet->mbuf, packet->interface, DROP_no_buffer);
	else
		vector_add(&worker->bridge, packet);
}

/* Below a label that is no pseudowire's: no port of the bridge receives it. */
static void receive_labelled(struct worker *worker, struct packet *packet, uint32_t bridge)
{
	packet->nexthop = bridge;
	packet->space = BRIDGE_BY_LABEL;
	receive_ethernet(worker, packet);
}

/* The labelled packet ends where it came in, and is received by the pseudowire. False: it ended here. */
static bool enter(struct worker *worker, struct packet *packet, uint32_t interface, uint32_t bytes)
{
	const struct interface *row = &worker->tables->interface[interface];
	struct interface_counters *counters = &worker->interface[interface];
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;

	if (interface >= word_load(&worker->shared->control.interfaces_ready)) {
		drop(worker, packet->mbuf, packet->interface, DROP_interface_down);
		return false;
	}
	counter_add(&worker->interface[packet->interface].decapsulated, 1);
	counter_add(&counters->rx_packets, 1);
	counter_add(&counters->rx_bytes, bytes);
	packet->interface = interface;
	if ((word_load(&row->flags) & wanted) != wanted) {
		drop(worker, packet->mbuf, interface, DROP_tunnel_down);
		return false;
	}
	atomic_store_explicit(&counters->last_seen, coarse_time(), memory_order_relaxed);
	return true;
}

/* RFC 4385 3: the control word begins with 0; 1 is the associated channel (RFC 5085). Its length, if there
 * is one, says where padding begins; sequence numbers are not processed (RFC 4448 4.6). False: it ended
 * here. */
static bool control_word(struct worker *worker, struct packet *packet, uint8_t *word)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);

	if (packet_end(packet) - word < CONTROL_WORD) {
		drop(worker, packet->mbuf, packet->interface, DROP_tunnel_truncated);
		return false;
	}
	if (word[0] >> 4 == 1) {
		punt(worker, packet->mbuf, packet->interface, PUNT_mpls_oam, packet->l3);
		return false;
	}
	if (word[0] >> 4 != 0) {
		drop(worker, packet->mbuf, packet->interface, DROP_pseudowire_control_word);
		return false;
	}
	uint32_t length = word[1] & CONTROL_LENGTH_MASK;
	uint32_t have = packet->mbuf->pkt_len - (uint32_t)(word - frame);
	if (length >= CONTROL_WORD && length < have)
		packet_cut(packet->mbuf, packet->mbuf->pkt_len - (have - length));
	return true;
}

void pseudowire(struct worker *worker, struct packet *packet, uint64_t entry, uint8_t *below)
{
	const uint8_t *frame = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	uint32_t index = label_index(entry);
	uint8_t *ethernet = below + (entry & LABEL_CONTROL_WORD ? CONTROL_WORD : 0);
	uint32_t bytes = packet->mbuf->pkt_len - (uint32_t)(below - frame);

	if ((packet->flags & PACKET_LAYERS) >= TUNNEL_LAYERS_MAX * PACKET_LAYER) {
		drop(worker, packet->mbuf, packet->interface, DROP_too_many_layers);
		return;
	}
	if (index >= INTERFACE_MAX || (index >= BRIDGE_MAX && index < INTERFACE_FIRST_TUNNEL)) {
		drop(worker, packet->mbuf, packet->interface, DROP_bridge_unknown);
		return;
	}
	if (index >= INTERFACE_FIRST_TUNNEL && !enter(worker, packet, index, bytes))
		return;
	if ((entry & LABEL_CONTROL_WORD) && !control_word(worker, packet, below))
		return;
	packet->l3 = ethernet;
	packet->flags = (uint8_t)((packet->flags & PACKET_LAYERS) + PACKET_LAYER) | PACKET_LABELLED;
	packet->space = BRIDGE_BY_PORT;
	if (index < BRIDGE_MAX)
		receive_labelled(worker, packet, index);
	else
		receive_ethernet(worker, packet);
}
