/* SPDX-License-Identifier: BSD-3-Clause
 *
 * inject.c: frames that the control plane made, out of the interface that it names.
 */
#include <rte_ether.h>
#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"

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
	char *data = NULL;
	if (slot->length >= RTE_ETHER_HDR_LEN && slot->length <= FRAME_MAX)
		data = rte_pktmbuf_append(mbuf, (uint16_t)slot->length);
	bool own = (flags >> INTERFACE_KIND_SHIFT & 0xf) == INTERFACE_BRIDGE;
	if (data == NULL || interface != slot->interface || !(flags & INTERFACE_UP) ||
	    (port >= PORT_MAX && !own)) {
		drop(worker, mbuf, interface, DROP_inject_invalid);
		return;
	}
	memcpy(data, slot->data, slot->length);
	if (own) {
		struct packet packet = { .mbuf = mbuf, .interface = interface };
		bridge_send(worker, &packet, interface);
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
	return count;
}

void inject_done(struct worker *worker, unsigned int count)
{
	if (count != 0)
		ring_release_count(&worker->shared->inject_consumer[worker->id], count);
}
