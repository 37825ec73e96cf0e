/* SPDX-License-Identifier: BSD-3-Clause
 *
 * stage.h: the stages, in the order in which packets meet them, and how a packet ends.
 *
 *   classify -> mpls -> ip -> output -> (worker_flush)
 *        \________\______\______\-> punt, drop
 */
#ifndef SHUNT_STAGE_H
#define SHUNT_STAGE_H

#include <rte_branch_prediction.h>
#include "dataplane/worker.h"

/* Frames of one interface to the vectors of the next stages: destination address, VLAN tags and
 * Ethertype. All of them are counted as received. */
void classify(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
	      unsigned int count);

/* Label switching (RFC 3031, 3032, 3443). Empties worker->mpls. */
void mpls(struct worker *worker);

/* IP packets that came out of labels, by VRF. Empties worker->ip. */
void ip(struct worker *worker);

/* Rewrite and put into the egress port's transmit buffer. Empties worker->output. */
void output(struct worker *worker);

/* Send a copy to the control plane, free the packet, count it as punted (or as dropped, if the policer
 * or the ring says no). `l3` is where its layer-3 header or label stack began on arrival. */
void punt(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
	  enum punt_reason reason, const uint8_t *l3);

/* The same for a packet that is dropped anyhow, so that its sender can be told: what the policer or the
 * ring refuses is counted as `otherwise`, which says more than how many could be told. */
void punt_or_drop(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		  enum punt_reason reason, const uint8_t *l3, enum drop_reason otherwise);

/* The same for a packet that is longer than its nexthop's MTU: it begins at `l3`, as it would have left,
 * and is of this Ethertype. */
void punt_too_long(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		   const uint8_t *l3, uint32_t nexthop, uint32_t ethertype);

/* Policers of `rate` packets a second and reason; a tenth of a second's worth may come at once. */
int punt_init(struct worker *worker, unsigned int rate);

/* Frames from the control plane to the transmit buffers; returns how many. They stay in the ring until
 * inject_done, after worker_flush: a worker that dies before that sends them again. */
unsigned int inject(struct worker *worker);
void inject_done(struct worker *worker, unsigned int count);

/* Put one packet into a port row's transmit buffer; counts it as forwarded at `ingress`. */
void transmit(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf,
	      unsigned int ingress);

/* Send what waits for one port row. */
void transmit_port(struct worker *worker, unsigned int port);

/* The packet ends here. */
static inline void drop(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
			enum drop_reason reason)
{
	counter_add(&worker->interface[interface].drop[reason], 1);
	rte_pktmbuf_free(mbuf);
}

static inline void vector_add(struct vector *vector, struct packet *packet)
{
	vector->packet[vector->count++] = packet;
}

#endif
