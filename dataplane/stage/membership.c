/* SPDX-License-Identifier: BSD-3-Clause
 *
 * membership.c: IGMP and MLD on an interface to whose hosts multicast is routed: the control plane's, which is a
 * router of RFC 3376 and RFC 3810 there.
 */
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_validate.h"

/* Plain from the link: what comes out of a label has another one's hosts behind it. */
static bool is_asked(const struct worker *worker, const struct packet *packet)
{
	const struct interface *row = &worker->tables->interface[packet->interface];

	return (word_load(&row->features) & INTERFACE_GROUPS) != 0 &&
	       !(packet->flags & PACKET_LABELLED);
}

bool membership(struct worker *worker, struct packet *packet)
{
	bool ipv4 = packet->payload == PAYLOAD_IPV4;
	uint8_t type;

	if (!is_asked(worker, packet))
		return false;
	int reason = multicast_protocol(ipv4 ? BRIDGE_IPV4 : BRIDGE_IPV6, packet->l3,
					packet_end(packet), &type);
	if (reason != PUNT_igmp && reason != PUNT_mld)
		return false;
	if (filter_local(worker, packet))
		punt(worker, packet->mbuf, packet->interface, (enum punt_reason)reason, packet->l3);
	return true;
}

bool membership_unconfigured(struct worker *worker, struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 && ip_load32(packet->l3 + 12) == 0 &&
	       packet->l3[16] >> 4 == 0xe && membership(worker, packet);
}
