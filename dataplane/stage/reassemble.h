/* SPDX-License-Identifier: BSD-3-Clause
 *
 * reassemble.h: packets for ourselves that came in fragments (RFC 791 3.2, RFC 8200 4.5, RFC 5722).
 */
#ifndef SHUNT_REASSEMBLE_H
#define SHUNT_REASSEMBLE_H

#include "dataplane/worker.h"

/* A packet waits so long for the rest: Linux's time, within RFC 8200's 60 seconds. */
enum { REASSEMBLY_SECONDS = 30 };

/* A packet that has arrived: its destination is an address of ours, its IP header was validated.
 * Returns the packet if it is whole; if it was a fragment, the last one that was missing, the whole packet
 * (headers in the first segment, IPv4's checksum right, the frame's bytes before the IP header those of the
 * first fragment). NULL: it waits for the rest, or was dropped under one of the fragment_... reasons; its mbuf
 * is not the caller's any more. */
struct packet *reassemble(struct worker *worker, struct packet *packet);

/* At most a quarter of the pool's buffers wait. Needs worker->pool. -ENOMEM. */
int reassembly_init(struct worker *worker);

/* End what waits longer than REASSEMBLY_SECONDS at TSC `now`: the first fragment is punted as
 * fragment_timeout, so that its sender is told, the others are dropped. Once a turn, while
 * worker->reassembling is not 0. */
void reassembly_expire(struct worker *worker, uint64_t now);

/* Drop all that waits: the worker stops. */
void reassembly_flush(struct worker *worker);

#endif
