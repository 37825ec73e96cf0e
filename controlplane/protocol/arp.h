/* SPDX-License-Identifier: BSD-3-Clause
 *
 * arp.h: address resolution for our own IPv4 addresses (RFC 826, RFC 5227).
 */
#ifndef SHUNT_PROTOCOL_ARP_H
#define SHUNT_PROTOCOL_ARP_H

#include <stddef.h>
#include <stdint.h>
#include "controlplane/object/object.h"

/* A frame with an ARP packet at `l3_offset` bytes, come in by `interface` (row index, in range).
 * Requests and probes for an address of that interface are answered; everything else, and
 * everything malformed, is ignored. */
void arp_input(struct model *model, uint32_t interface, const uint8_t *frame, size_t length,
	       size_t l3_offset);

/* Announce the addresses of interfaces for which that is due and whose link is up (RFC 5227 2.3).
 * What finds no room in the ring stays due. */
void arp_announce(struct model *model);

#endif
