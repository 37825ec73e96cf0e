/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nd.h: IPv6 neighbour discovery (RFC 4861).
 */
#ifndef SHUNT_PROTOCOL_ND_H
#define SHUNT_PROTOCOL_ND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "controlplane/object/model.h"

/* A frame with an IPv6 packet at `l3_offset` bytes, come in by `interface` (row index, in range).
 * Solicitations for an address of that interface, its link-local one included, are answered, and
 * who sent them is learned (7.2.3); advertisements confirm or change whom we know (7.2.5). Router
 * solicitations, router advertisements and redirects are counted and ignored. What fails a check
 * of 7.1 is counted as invalid. */
void nd_input(struct model *model, uint32_t interface, const uint8_t *frame, size_t length,
	      size_t l3_offset);

/* Ask for an IPv6 neighbour: by its solicited-node multicast group, or at the MAC that is known. 0,
 * or inject_frame's errno. RFC 4861 7.2.2 */
int nd_solicit(struct model *model, const struct neighbour_object *neighbour, bool everybody);

/* RFC 4862 5.4.2: is this address of ours somebody else's too? 0, or inject_frame's errno. */
int nd_probe(struct model *model, const struct interface_object *interface,
	     const struct address *address);

/* An unsolicited advertisement of an IPv6 address of ours (RFC 4861 7.2.6). 0, or inject_frame's errno. */
int nd_announce_address(struct model *model, const struct interface_object *interface,
			const struct address *address);

/* The same for all IPv6 addresses of the interface. False: not all
 * found room in the ring. */
bool nd_announce(struct model *model, const struct interface_object *interface);

#endif
