/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.h: copies of packets for those who capture (dataplane/shm/capture.h), as the wish says: which
 * events, by which port, that its program matches. All of these are for worker->watch & WATCH_CAPTURE alone.
 */
#ifndef SHUNT_STAGE_CAPTURE_H
#define SHUNT_STAGE_CAPTURE_H

#include "dataplane/shm/capture.h"
#include "dataplane/worker.h"

/* Is there a ring for this worker? To be asked before anything is captured. */
static inline bool capture_ready(const struct worker *worker)
{
	return word_load(&worker->shared->control.capture_ready) > worker->id;
}

/* A frame that begins with its Ethernet header, or with that of the tunnel that it was going into. The
 * interface row is the port's if it is received or sent, else where it is counted. */
void capture_frame(struct worker *worker, enum capture_event event, const struct rte_mbuf *mbuf,
		   unsigned int interface, unsigned int reason);

/* What the stage is about to get; and what it has put into other stages' vectors and transmit buffers since
 * worker->watching->passed was noted. */
void capture_before(struct worker *worker, enum stage_id stage, const struct vector *vector);
void capture_after(struct worker *worker, enum stage_id stage);

/* The same of one port's transmit buffer. */
void capture_after_port(struct worker *worker, enum stage_id stage, unsigned int port);

/* As watch_end. */
void capture_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
		 enum watch_end end, unsigned int reason);

#endif
