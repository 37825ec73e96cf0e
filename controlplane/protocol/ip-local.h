/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip-local.h: packets for ourselves, by what stands behind their IP headers.
 */
#ifndef SHUNT_PROTOCOL_IP_LOCAL_H
#define SHUNT_PROTOCOL_IP_LOCAL_H

#include "controlplane/protocol/punted.h"

/* A packet for ourselves (punted as ip_local), of either family. Options and extension headers are
 * skipped. ICMP goes on to icmp.h; of what nobody here takes the sender is told: port unreachable of UDP
 * and TCP, else protocol unreachable (RFC 1122 3.2.2.1), or which header was not recognized (RFC 4443
 * 3.4). Not about fragments, IGMP, and what came to a group. */
void ip_local(struct model *model, const struct punted *punted);

#endif
