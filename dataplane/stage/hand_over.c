/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/hand_over.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_ring_elem.h>
#include "dataplane/stage/stage.h"

enum { HAND_OVER_RING = 1024 }; /* packets; one place stays empty */

struct handed {
	struct rte_mbuf *mbuf;
	uint64_t context; /* struct packet's */
	uint32_t l3; /* bytes from the frame's start to the outer IP header, negative before it */
	uint32_t watched; /* watch_give */
};
static_assert(sizeof(struct handed) == 24, "handed");

int hand_over_init(struct worker *const *workers, unsigned int count)
{
	char name[RTE_RING_NAMESIZE];

	if (count < 2)
		return 0;
	struct rte_ring **rings = calloc(count, sizeof(struct rte_ring *));
	if (rings == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "hand_over%u", i);
		rings[i] = rte_ring_create_elem(name, sizeof(struct handed), HAND_OVER_RING,
						SOCKET_ID_ANY, RING_F_SC_DEQ);
		if (rings[i] == NULL) {
			int result = -rte_errno;
			while (i-- > 0)
				rte_ring_free(rings[i]);
			free(rings);
			return result;
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		workers[i]->workers = count;
		workers[i]->handover = rings;
	}
	return 0;
}

void hand_over(struct worker *worker, struct packet *packet, uint32_t interface)
{
	struct rte_ring *ring = worker->handover[interface % worker->workers];
	struct handed handed = {
		.mbuf = packet->mbuf,
		.context = packet->context,
		.l3 = (uint32_t)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, uint8_t *)),
	};

	if (unlikely(worker->watch & WATCH_PACKETS)) { /* while it is ours */
		handed.watched = watch_give(worker, packet->mbuf);
		watch_end(worker, packet->mbuf, packet->interface, WATCH_CONSUMED,
			  WATCH_other_worker);
	}
	if (rte_ring_mp_enqueue_bulk_elem(ring, &handed, sizeof(handed), 1, NULL) == 0)
		drop(worker, packet->mbuf, packet->interface, DROP_tunnel_owner_busy);
}

/* Is the ingress row still one that packets come in by? The VRF of what came out of a label or a tunnel is
 * theirs, not the row's. */
static bool interface_still(const struct worker *worker, const struct packet *packet)
{
	const uint64_t wanted = INTERFACE_VALID | INTERFACE_UP;
	uint64_t flags = word_load(&worker->tables->interface[packet->interface].flags);

	return (flags & wanted) == wanted &&
	       ((packet->flags & PACKET_LABELLED) ||
		(uint8_t)(flags >> INTERFACE_VRF_SHIFT) == packet->vrf);
}

unsigned int hand_over_poll(struct worker *worker)
{
	struct handed handed[VECTOR_SIZE];

	if (worker->handover == NULL)
		return 0;
	unsigned int count = rte_ring_sc_dequeue_burst_elem(worker->handover[worker->id], handed,
							    sizeof(handed[0]), VECTOR_SIZE, NULL);
	for (unsigned int i = 0; i < count; i++) {
		struct packet *packet = &worker->packet[i];
		*packet = (struct packet){
			.mbuf = handed[i].mbuf,
			.l3 = rte_pktmbuf_mtod(handed[i].mbuf, uint8_t *) + (int32_t)handed[i].l3,
			.context = handed[i].context,
		};
		if (unlikely(worker->watch & WATCH_PACKETS))
			watch_take(worker, packet->mbuf, packet->interface, handed[i].watched);
		if (interface_still(worker, packet))
			vector_add(&worker->ip, packet);
		else
			drop(worker, packet->mbuf, packet->interface, DROP_interface_down);
	}
	if (count != 0)
		worker_stages(worker);
	return count;
}

void hand_over_end(struct worker *const *workers, unsigned int count)
{
	struct rte_ring **rings = count == 0 || workers[0] == NULL ? NULL : workers[0]->handover;
	struct handed handed;

	if (rings == NULL)
		return;
	for (unsigned int i = 0; i < count; i++) {
		while (rte_ring_sc_dequeue_bulk_elem(rings[i], &handed, sizeof(handed), 1, NULL) ==
		       1) {
			struct packet packet = { .context = handed.context };
			drop(workers[i], handed.mbuf, packet.interface, DROP_tunnel_owner_busy);
		}
		rte_ring_free(rings[i]);
		workers[i]->handover = NULL;
	}
	free(rings);
}
