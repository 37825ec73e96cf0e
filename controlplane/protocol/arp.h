/* SPDX-License-Identifier: BSD-3-Clause
 *
 * arp.h: IPv4 address resolution (RFC 826, RFC 5227).
 */
#ifndef SHUNT_PROTOCOL_ARP_H
#define SHUNT_PROTOCOL_ARP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "controlplane/object/model.h"

/* A frame with an ARP packet at `l3_offset` bytes, come in by `interface` (row index, in range).
 * Requests and probes for an address of that interface are answered, and their sender is learned;
 * replies to us confirm whom we asked; what others say to each other (gratuitous ARP) changes
 * neighbours that are known already. Somebody else with an address of ours is counted, logged and
 * contradicted. Everything malformed is counted and ignored. */
void arp_input(struct model *model, uint32_t interface, const uint8_t *frame, size_t length,
	       size_t l3_offset);

/* RFC 5227 2.1.1: is this address of ours (4 bytes) somebody else's too? 0, or inject_frame's errno. */
int arp_probe(struct model *model, const struct interface_object *interface, const uint8_t ip[4]);

/* Ask for an IPv4 neighbour: by broadcast, or at the MAC that is known. 0, or inject_frame's errno. */
int arp_solicit(struct model *model, const struct neighbour_object *neighbour, bool everybody);

/* Announce an IPv4 address of ours (4 bytes; RFC 5227 2.3). 0, or inject_frame's errno. */
int arp_announce_address(struct model *model, const struct interface_object *interface,
			 const uint8_t ip[4]);

/* The same for all IPv4 addresses of the interface. False: not all found room in the ring. */
bool arp_announce(struct model *model, const struct interface_object *interface);

#endif
