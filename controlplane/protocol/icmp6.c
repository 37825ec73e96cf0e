/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp6.c: IPv6 echo.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/icmp.h"
#include "controlplane/protocol/ip-send.h"
#include "controlplane/protocol/neighbour.h"

enum {
	ICMP6 = 58,
	ICMP_HEADER = 8,
	ECHO_REQUEST = 128,
	ECHO_REPLY = 129,
	HOP_LIMIT = 64,
};

/* Is it the link-local address of the interface, or any of ours in the VRF? */
static bool is_own(const struct model *model, const struct punted *punted, const struct address *to)
{
	struct address link_local;

	interface_link_local(punted->ingress, &link_local);
	if (memcmp(&link_local, to, sizeof(link_local)) == 0)
		return punted->depth == 0;
	const struct address_object *own = address_own(model, punted->vrf, to);
	return own != NULL && (!address_is_link_local(to) || own->interface == punted->ingress);
}

/* RFC 4443 4.2: from the address that was asked; if that was a group, from one of our own. */
static bool reply_source(const struct model *model, const struct punted *punted,
			 const struct address *to, const struct address *asker,
			 struct address *from)
{
	if (to->bytes[0] == 0xff)
		return icmp_source(model, punted->ingress, punted->vrf, asker, from);
	*from = *to;
	return is_own(model, punted, to);
}

static void answer_echo(struct model *model, const struct punted *punted,
			const struct address *from, const struct address *asker)
{
	static uint8_t reply[FRAME_MAX];
	size_t size = punted->length - IPV6_HEADER_SIZE;
	uint8_t *message = reply + IPV6_HEADER_SIZE;

	memcpy(reply, punted->packet, punted->length);
	reply[2] = reply[3] = 0; /* flow label: ours is none; traffic class is theirs */
	reply[1] &= 0xf0;
	reply[7] = HOP_LIMIT;
	memcpy(reply + 8, from->bytes, 16);
	memcpy(reply + 24, asker->bytes, 16);
	message[0] = ECHO_REPLY;
	store16(message + 2, 0);
	store16(message + 2, icmp6_checksum(reply + 8, message, size));
	if (!address_is_link_local(asker)) {
		icmp_answer(model, punted, reply, punted->length);
		return;
	}
	/* link-local addresses are on the link that the request came by, and have no route */
	struct neighbour_object *neighbour = NULL;
	if (neighbour_plausible(model, punted->ingress, asker))
		neighbour = neighbour_discover(model, asker, punted->ingress);
	if (neighbour != NULL &&
	    neighbour_send(model, neighbour, reply, punted->length, punted->vrf, PACKET_OWN) == 0)
		model->counters.icmp_sent++;
	else
		model->counters.icmp_no_way++;
}

void icmp6_input(struct model *model, const struct punted *punted)
{
	static const uint8_t zero[15];
	const uint8_t *ip = punted->packet, *message = ip + IPV6_HEADER_SIZE;
	size_t size = punted->length - IPV6_HEADER_SIZE;
	struct address asker, to, from;

	if (ip[6] != ICMP6)
		return;
	memcpy(&asker, ip + 8, 16);
	memcpy(&to, ip + 24, 16);
	if (size < ICMP_HEADER || asker.bytes[0] == 0xff ||
	    (memcmp(asker.bytes, zero, 15) == 0 && asker.bytes[15] <= 1) ||
	    icmp6_checksum(ip + 8, message, size) != 0) {
		model->counters.icmp_invalid++;
		return;
	}
	if (message[0] != ECHO_REQUEST || message[1] != 0 ||
	    !reply_source(model, punted, &to, &asker, &from))
		return;
	model->counters.echo_requests++;
	answer_echo(model, punted, &from, &asker);
}
