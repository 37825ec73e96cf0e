/* SPDX-License-Identifier: BSD-3-Clause
 *
 * transmit.h: into a port row's transmit buffer, for the stages that fill them.
 */
#ifndef SHUNT_STAGE_TRANSMIT_H
#define SHUNT_STAGE_TRANSMIT_H

#include "dataplane/stage/stage.h"

/* `ingress` is where a drop is counted; that it was forwarded is counted by the caller. */
static inline void transmit_add(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf,
				unsigned int ingress)
{
	unsigned int count = worker->transmit.count[port];

	worker->transmit.mbuf[port][count] = mbuf;
	worker->transmit.ingress[port][count] = ingress;
	worker->transmit.count[port] = (uint16_t)++count;
	worker->transmit.pending |= 1ull << port;
	if (unlikely(count == TRANSMIT_SIZE))
		transmit_port(worker, port);
}

/* The same for several, in this order. */
static inline void transmit_add_many(struct worker *worker, unsigned int port,
				     struct rte_mbuf *const *mbufs, unsigned int count,
				     unsigned int ingress)
{
	struct transmit *transmit = &worker->transmit;

	while (count > 0) {
		unsigned int start = transmit->count[port];
		unsigned int fits = RTE_MIN(count, TRANSMIT_SIZE - start);
		memcpy(&transmit->mbuf[port][start], mbufs, fits * sizeof(mbufs[0]));
		for (unsigned int i = 0; i < fits; i++)
			transmit->ingress[port][start + i] = ingress;
		transmit->count[port] = (uint16_t)(start + fits);
		transmit->pending |= 1ull << port;
		if (start + fits == TRANSMIT_SIZE)
			transmit_port(worker, port);
		mbufs += fits;
		count -= fits;
	}
}

#endif
