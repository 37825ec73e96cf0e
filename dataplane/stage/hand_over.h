/* SPDX-License-Identifier: BSD-3-Clause
 *
 * hand_over.h: packets of tunnels with sequence numbers, to the worker that owns the tunnel.
 *
 * What was received already is each worker's own to know, so that such a tunnel's packets must all come
 * out of it on one: the worker `row % workers`. A packet that arrives on another goes there as it is,
 * before anything of it is taken off or counted at the tunnel, by a bounded ring of the process with one
 * consumer; those that one worker received stay in their order.
 *
 * What waits in a ring is a buffer, an offset, and what was known of the packet (its context: ingress row,
 * VRF, layers). As with fragments (reassemble.c) the row's number indexes counters, which stay; before it
 * is believed again the row must be up.
 */
#ifndef SHUNT_HAND_OVER_H
#define SHUNT_HAND_OVER_H

#include "dataplane/worker.h"

/* A ring for each of the workers, if they are more than one. -ENOMEM or as rte_ring_create_elem. */
int hand_over_init(struct worker *const *workers, unsigned int count);

/* The rings' packets are dropped, and the rings freed: all workers have stopped. */
void hand_over_end(struct worker *const *workers, unsigned int count);

/* Does another worker own the tunnel of this row? */
static inline bool hand_over_wanted(const struct worker *worker, uint32_t interface)
{
	return worker->handover != NULL && interface % worker->workers != worker->id;
}

/* To the tunnel's owner: not this worker's any more. A full ring drops it as tunnel_owner_busy. */
void hand_over(struct worker *worker, struct packet *packet, uint32_t interface);

/* A vector of packets that others have handed over, through the stages; returns how many. worker->ip and
 * all other vectors are empty. */
unsigned int hand_over_poll(struct worker *worker);

#endif
