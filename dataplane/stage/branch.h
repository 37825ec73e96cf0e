/* SPDX-License-Identifier: BSD-3-Clause
 *
 * branch.h: copies of a labelled packet for the branches of a replicate label (RFC 6388, RFC 4875).
 */
#ifndef SHUNT_STAGE_BRANCH_H
#define SHUNT_STAGE_BRANCH_H

#include "dataplane/stage/stage.h"

/* Bytes of a copy that are its own: a label stack and an IP header, or what is hashed of them. The rest is
 * shared with the packet, which may change its own first bytes. */
enum { BRANCH_OWN = 128 };

/* A packet that begins at `from`, within the first segment; its l3 points there. NULL: no buffers. */
struct packet *branch_copy(struct worker *worker, const struct packet *packet, const uint8_t *from);

/* The packet, in buffers that nobody else has a reference to; `needed`, within its first segment, stands in the
 * first one of these too. Its own reference ends. NULL: no buffers, and nothing changed. */
struct packet *branch_alone(struct worker *worker, const struct packet *packet, const uint8_t *needed);

/* A branch got no copy: counted where it would have left. */
void branch_lost(struct worker *worker, uint32_t nexthop);

/* Send what stands in worker->output, which a packet's branches may fill. Not from within the stages that
 * this runs. */
void branch_flush(struct worker *worker);

#endif
