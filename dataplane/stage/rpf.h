/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rpf.h: reverse-path check of source addresses (RFC 3704).
 */
#ifndef SHUNT_RPF_H
#define SHUNT_RPF_H

#include "dataplane/worker.h"

/* Drop those of the packets with PACKET_RPF whose source fails their interface's check, and close up the
 * rest; returns how many are left. At most VECTOR_SIZE, their headers validated. */
unsigned int rpf(struct worker *worker, struct packet **packets, unsigned int count);

/* Does the way back to the packet's source lead by the interface that it came in by? Of multicast, which
 * no setting of the interface decides about (RFC 5110 2.2.1, RFC 1812 5.2.1). */
bool rpf_holds(const struct worker *worker, const struct packet *packet);

/* The flag of packets that come in by an interface with these features. */
static inline uint8_t rpf_flag(uint64_t features)
{
	return features & (INTERFACE_RPF_STRICT | INTERFACE_RPF_LOOSE) ? PACKET_RPF : 0;
}

#endif
