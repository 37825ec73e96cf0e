/* SPDX-License-Identifier: BSD-3-Clause
 *
 * inject.c: frames that the control plane made, out of the interface that it names, or into the tunnel.
 */
#include <rte_ether.h>
#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"

enum { TAG_LENGTH = 4 };

/* A frame of a bridge into a tunnel that is its port: all of it. */
static void inject_bridged(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface,
			   uint64_t flags)
{
	struct packet *packet = packet_of(mbuf);

	if (mbuf->pkt_len >
	    RTE_ETHER_HDR_LEN + TAG_LENGTH + (flags >> INTERFACE_MTU_SHIFT & 0xffff)) {
		drop(worker, mbuf, interface, DROP_inject_invalid);
		return;
	}
	*packet = (struct packet){
		.mbuf = mbuf,
		.l3 = rte_pktmbuf_mtod(mbuf, uint8_t *),
		.interface = interface,
		.payload = PAYLOAD_ETHERNET,
	};
	tunnel_encapsulate(worker, packet, interface);
}

/* A packet behind an Ethernet header that tells its type, into a tunnel; inject() sees to the rest. */
static void inject_tunnel(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface,
			  uint64_t flags)
{
	struct packet *packet = packet_of(mbuf);
	uint8_t *header = rte_pktmbuf_mtod(mbuf, uint8_t *);
	uint16_t type = (uint16_t)(header[12] << 8 | header[13]);

	if (type != RTE_ETHER_TYPE_IPV4 && type != RTE_ETHER_TYPE_IPV6 &&
	    type != RTE_ETHER_TYPE_MPLS) {
		drop(worker, mbuf, interface, DROP_inject_invalid);
		return;
	}
	*packet = (struct packet){
		.mbuf = mbuf,
		.l3 = header + RTE_ETHER_HDR_LEN,
		.interface = interface,
		.vrf = (uint8_t)(flags >> INTERFACE_VRF_SHIFT),
		.payload = type == RTE_ETHER_TYPE_IPV4   ? PAYLOAD_IPV4
			   : type == RTE_ETHER_TYPE_IPV6 ? PAYLOAD_IPV6
							 : PAYLOAD_MPLS,
	};
	tunnel_encapsulate(worker, packet, interface);
}

/* One frame, complete as it goes on the wire. Its end is counted at the interface it leaves by. */
static void inject_frame(struct worker *worker, const struct frame_slot *slot)
{
	unsigned int interface = slot->interface < INTERFACE_MAX ? slot->interface : 0;
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(worker->pool);

	counter_add(&worker->interface[interface].injected, 1);
	if (mbuf == NULL) {
		counter_add(&worker->interface[interface].drop[DROP_no_buffer], 1);
		return;
	}
	unsigned int port = (unsigned int)(flags >> INTERFACE_PORT_SHIFT) & 0xff;
	unsigned int kind = (unsigned int)(flags >> INTERFACE_KIND_SHIFT) & 0xf;
	bool is_bridged =
		(kind == INTERFACE_TUNNEL || kind == INTERFACE_PSEUDOWIRE) &&
		(word_load(&worker->tables->interface[interface].features) & INTERFACE_BRIDGED);
	bool is_tunnel = kind == INTERFACE_TUNNEL || is_bridged;
	char *data = NULL;
	if (slot->length >= RTE_ETHER_HDR_LEN && slot->length <= FRAME_MAX)
		data = rte_pktmbuf_append(mbuf, (uint16_t)slot->length);
	bool own = kind == INTERFACE_BRIDGE;
	if (data == NULL || interface != slot->interface || !(flags & INTERFACE_UP) ||
	    (port >= PORT_MAX && !own && !is_tunnel)) {
		drop(worker, mbuf, interface, DROP_inject_invalid);
		return;
	}
	memcpy(data, slot->data, slot->length);
	if (own) {
		struct packet packet = { .mbuf = mbuf, .interface = interface };
		bridge_send(worker, &packet, interface);
		return;
	}
	if (is_bridged) {
		inject_bridged(worker, mbuf, interface, flags);
		return;
	}
	if (is_tunnel) {
		inject_tunnel(worker, mbuf, interface, flags);
		return;
	}
	counter_add(&worker->interface[interface].tx_packets, 1);
	counter_add(&worker->interface[interface].tx_bytes, slot->length);
	transmit(worker, port, mbuf, interface);
}

unsigned int inject(struct worker *worker)
{
	const struct ring_producer *producer = &worker->tables->inject[worker->id];
	const struct ring_consumer *consumer = &worker->shared->inject_consumer[worker->id];
	unsigned int count = 0;

	for (; count < VECTOR_SIZE; count++) {
		const struct frame_slot *slot = ring_peek_at(producer, consumer, count);
		if (slot == NULL)
			break;
		inject_frame(worker, slot);
	}
	if (unlikely(worker->encapsulate.count != 0)) {
		encapsulate(worker);
		worker_stages(worker);
	}
	return count;
}

void inject_done(struct worker *worker, unsigned int count)
{
	if (count != 0)
		ring_release_count(&worker->shared->inject_consumer[worker->id], count);
}
