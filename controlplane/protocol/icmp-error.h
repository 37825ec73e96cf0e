/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp-error.h: telling a sender what became of its packet (RFC 792, 1812 4.3, 4443, 4884, 4950).
 */
#ifndef SHUNT_PROTOCOL_ICMP_ERROR_H
#define SHUNT_PROTOCOL_ICMP_ERROR_H

#include "controlplane/protocol/punted.h"

enum icmp_error_kind {
	ICMP_ERROR_TIME_EXCEEDED,
	ICMP_ERROR_REASSEMBLY,           /* the other fragments did not come in time */
	ICMP_ERROR_NET_UNREACHABLE,      /* no route */
	ICMP_ERROR_HOST_UNREACHABLE,     /* nobody answers */
	ICMP_ERROR_TOO_BIG,              /* fragmentation needed; packet too big */
	ICMP_ERROR_BEYOND_SCOPE,         /* link-local source, destination on another link; IPv6 */
	ICMP_ERROR_PARAMETER,            /* a field of the header, or an option, is wrong */
	ICMP_ERROR_PORT_UNREACHABLE,     /* it is for us, and nobody listens there */
	ICMP_ERROR_PROTOCOL_UNREACHABLE, /* the same of a protocol; IPv6: next header not recognized */
};

/* What an error is about. */
struct icmp_cause {
	const uint8_t *packet; /* IP header and what follows, in memory of `length` bytes */
	size_t length;
	const struct interface_object *ingress;
	uint16_t vrf; /* where the way back is looked up */
	bool link_multicast;
	const struct punted *punted; /* with its labels, or NULL */
};

struct icmp_cause icmp_cause_of(const struct punted *punted);

/* Errors of one interface's packets: this many a second, of which so many at once. */
enum { ICMP_ERROR_RATE = 200, ICMP_ERROR_BURST = 50 };

/* Send an error about a packet, unless one must not be sent about it (RFC 1812 4.3.2.7, RFC 4443
 * 2.4 e) or the limit is reached. `detail`: of TOO_BIG the bytes that an IP packet may have, of
 * PARAMETER, and of PROTOCOL_UNREACHABLE for IPv6, the offset of the byte that is wrong, else 0. From the
 * address that the packet was for, if that is ours (RFC 4443 2.2 a), else from the ingress interface's, else
 * a loopback's; to the neighbour on the ingress interface, else
 * by the VRF's route, else along the packet's label-switched path. What became of it is counted. */
void icmp_error_send(struct model *model, const struct icmp_cause *cause, enum icmp_error_kind kind,
		     unsigned int detail);

/* A frame punted as ip_ttl_exceeded, mpls_ttl_exceeded, ip_unreachable, ip_no_route,
 * fragment_timeout or mtu_exceeded. */
void icmp_error_punted(struct model *model, struct punted *punted, unsigned int reason);

/* The address to send from: of the interface, on `to`'s network if there is one, else its first of
 * the family, else a loopback's of the VRF; IPv6: else link-local. False: none. */
bool icmp_source(const struct model *model, const struct interface_object *interface, uint16_t vrf,
		 const struct address *to, struct address *from);

#endif
