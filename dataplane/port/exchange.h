/* SPDX-License-Identifier: BSD-3-Clause
 *
 * exchange.h: the thread that carries frames between the workers and the mirrors' descriptors, so that no
 * worker makes a system call for a frame.
 *
 *   worker (stage/host.c) -> ring per worker -> thread -> TAP
 *   TAP -> thread -> ring per port row -> the one worker whose plan names it
 *
 * It sleeps when there is nothing to do; a worker wakes it once. All functions here are the control
 * thread's.
 */
#ifndef SHUNT_PORT_EXCHANGE_H
#define SHUNT_PORT_EXCHANGE_H

#include <rte_mempool.h>
#include <rte_ring.h>
#include <stdbool.h>
#include "dataplane/worker.h"

struct exchange;

struct exchange_report {
	bool gone;     /* the kernel's device is not there any more */
	uint64_t lost; /* frames that the kernel did not take, or that no buffer was there for */
};

/* Start the thread. NULL: why was logged. */
struct exchange *exchange_new(unsigned int worker_count);
/* End it and free what waits. Workers have ended; descriptors stay open. */
void exchange_delete(struct exchange *exchange);

/* What host_init wants. */
struct rte_ring *exchange_ring(struct exchange *exchange, unsigned int worker);
struct host_bell *exchange_bell(struct exchange *exchange);

/* Carry frames of this port row by `fd` from now on. Frames from the kernel are put into buffers of `pool`
 * and into *ring, which lasts as long as the exchange. Returns 0 or a negative errno. */
int exchange_add(struct exchange *exchange, unsigned int row, int fd, struct rte_mempool *pool,
		 struct rte_ring **ring);
/* No more. No worker uses the row's ring; what waits there is freed. */
void exchange_remove(struct exchange *exchange, unsigned int row);

/* Since exchange_add. */
void exchange_read(struct exchange *exchange, unsigned int row, struct exchange_report *report);

#endif
