/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip-send.h: the control plane's own way out for IP packets: by the tables that the data plane
 * forwards by.
 */
#ifndef SHUNT_PROTOCOL_IP_SEND_H
#define SHUNT_PROTOCOL_IP_SEND_H

#include "controlplane/protocol/punted.h"

/* Send a complete IP packet (header first, checksums right, TTL as it leaves) by the VRF's route to
 * its destination. A neighbour that is not known yet is asked, and the packet waits. `ingress`: the
 * interface it came in by, to be told what becomes of it, or PACKET_OWN. 0; -ENETUNREACH: no
 * route; -EMSGSIZE: longer than the MTU and not to be
 * fragmented; -EHOSTUNREACH: nexthop or neighbour table is of no use. */
int ip_send(struct model *model, uint16_t vrf, const uint8_t *packet, size_t length,
	    uint32_t ingress);

/* The same out of one interface, to a neighbour on its link; -ENOENT: it is not known. */
int ip_send_to_neighbour(struct model *model, const struct interface_object *interface,
			 const uint8_t *packet, size_t length);

/* Send it below `stack` (numbers with label, TC and TTL; `depth` of them) by a nexthop, which
 * pushes its own labels on top with `ttl`. */
int ip_send_by_nexthop(struct model *model, uint32_t nexthop, const uint32_t *stack,
		       unsigned int depth, const uint8_t *packet, size_t length, uint8_t ttl,
		       uint32_t ingress);

/* The way on of a packet with these labels: along its label-switched path, whatever the packet in
 * it. RFC 3032 2.3.2. -ENETUNREACH: the path ends here. */
int ip_send_along(struct model *model, const struct punted *punted, const uint8_t *packet,
		  size_t length);

/* Labels that a nexthop pushes, an entropy pair included. */
unsigned int nexthop_pushes(const struct model *model, uint32_t nexthop);
/* A nexthop's MTU less the labels that it pushes, 0 if it cannot be used now. */
unsigned int nexthop_mtu(const struct model *model, uint32_t nexthop);
/* The nexthop that the VRF's route to this packet's destination names, or NEXTHOP_NONE. */
uint32_t ip_nexthop(const struct model *model, uint16_t vrf, const uint8_t *packet);

/* A packet that the data plane punted because its neighbour is not known, or because it has
 * options: decrement its TTL and send it on. */
void ip_forward(struct model *model, const struct punted *punted);

#endif
