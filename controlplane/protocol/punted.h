/* SPDX-License-Identifier: BSD-3-Clause
 *
 * punted.h: what a punted frame is, with everything checked that the parsers rely on.
 */
#ifndef SHUNT_PROTOCOL_PUNTED_H
#define SHUNT_PROTOCOL_PUNTED_H

#include "controlplane/object/model.h"

enum {
	PUNTED_STACK_MAX = 16, /* label stack entries that are looked at */
	IPV4_HEADER_SIZE = 20, /* without options */
	IPV6_HEADER_SIZE = 40,
};

struct punted {
	struct interface_object *ingress;
	const uint8_t *packet; /* IP header; whole, with its options, and in the frame */
	size_t header_length;  /* of IPv4 with options; 40 */
	size_t length;         /* of the IP packet, without padding */
	bool ipv4;
	bool link_multicast; /* came to a group MAC */
	bool ttl_done;       /* a label's TTL, with our decrement, was handed down to it */
	uint16_t vrf;        /* where the packet is looked up */
	uint32_t nexthop;    /* mtu_exceeded: whose MTU it was; else NEXTHOP_NONE */
	unsigned int depth;  /* labels above the IP header, outermost first; below: as numbers */
	uint32_t stack[PUNTED_STACK_MAX];
};

/* Is there an IP header at `at` that says it is no longer than `room` and no shorter than itself?
 * Sets header_length, length, packet and ipv4. */
bool punted_ip(const uint8_t *at, size_t room, struct punted *punted);

/* Is it from an IPv6 link-local address? It must not leave its link (RFC 4291 2.5.6). */
bool punted_is_link_local(const struct punted *punted);

/* Is this one of our addresses, for what came in by the interface and is looked up in the VRF? A link-local
 * address is one on its own link only. */
bool punted_is_own(const struct model *model, const struct interface_object *ingress, uint16_t vrf,
		   const struct address *address);

/* Is it for one of our addresses? Labels don't lead to link-local ones. */
bool punted_own(const struct model *model, const struct punted *punted);

/* Look at a slot whose numbers are in range. False: there is no IP packet in it, or its interface
 * is gone or down. */
bool punted_read(const struct model *model, const struct frame_slot *slot, struct punted *punted);

#endif
