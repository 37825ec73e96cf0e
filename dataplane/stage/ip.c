/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip.c: IP packets that came in plain or out of labels.
 *
 * This version has no routes: neighbour discovery goes to the control plane, everything else ends
 * here as ip_no_route.
 */
#include "dataplane/stage/stage.h"

enum {
	IPV6_ICMP = 58,
	ND_ROUTER_SOLICITATION = 133,
	ND_REDIRECT = 137,
};

/* Version, header length and total length fit the frame (RFC 791 3.1, RFC 8200 3). */
static bool header_is_valid(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	ptrdiff_t length = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) +
			   packet->mbuf->data_len - header;

	if (packet->payload == PAYLOAD_IPV4) {
		if (length < 20)
			return false;
		int header_length = (header[0] & 0xf) * 4;
		return header[0] >> 4 == 4 && header_length >= 20 &&
		       (header[2] << 8 | header[3]) >= header_length;
	}
	return length >= 40 && header[0] >> 4 == 6;
}

/* Neighbour discovery from the link itself (RFC 4861: hop limit 255). Out of a label in the pipe model
 * the hop limit says nothing about that. */
static bool is_neighbour_discovery(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	const uint8_t *end = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) +
			     packet->mbuf->data_len;

	return packet->payload == PAYLOAD_IPV6 && !(packet->flags & PACKET_LABELLED) && header[6] == IPV6_ICMP && header[7] == 255 &&
	       end - header > 40 && header[40] >= ND_ROUTER_SOLICITATION &&
	       header[40] <= ND_REDIRECT;
}

void ip(struct worker *worker)
{
	struct vector *in = &worker->ip;

	for (unsigned int i = 0; i < in->count; i++) {
		struct packet *packet = in->packet[i];

		if (!header_is_valid(packet))
			drop(worker, packet->mbuf, packet->interface, DROP_ip_invalid);
		else if (is_neighbour_discovery(packet))
			punt(worker, packet->mbuf, packet->interface, PUNT_nd, packet->l3);
		else
			drop(worker, packet->mbuf, packet->interface, DROP_ip_no_route);
	}
	in->count = 0;
}
