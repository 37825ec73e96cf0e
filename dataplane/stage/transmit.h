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

#endif
