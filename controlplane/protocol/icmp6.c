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

/* RFC 4443 4.2: from the address that was asked; if that was a group, from one of our own. */
static bool reply_source(const struct model *model, const struct punted *punted,
			 const struct address *to, const struct address *asker,
			 struct address *from)
{
	if (to->bytes[0] == 0xff)
		return icmp_source(model, punted->ingress, punted->vrf, asker, from);
	*from = *to;
	return punted_own(model, punted);
}

/* The message at `at` goes back without the headers before it. */
static void answer_echo(struct model *model, const struct punted *punted, size_t at,
			const struct address *from, const struct address *asker)
{
	static uint8_t reply[FRAME_MAX];
	size_t size = punted->length - at, length = IPV6_HEADER_SIZE + size;
	uint8_t *message = reply + IPV6_HEADER_SIZE;

	memcpy(reply, punted->packet, 2); /* traffic class is theirs; flow label: ours is none */
	reply[1] &= 0xf0;
	reply[2] = reply[3] = 0;
	store16(reply + 4, (uint32_t)size);
	reply[6] = ICMP6;
	reply[7] = HOP_LIMIT;
	memcpy(reply + 8, from->bytes, 16);
	memcpy(reply + 24, asker->bytes, 16);
	memcpy(message, punted->packet + at, size);
	message[0] = ECHO_REPLY;
	store16(message + 2, 0);
	store16(message + 2, icmp6_checksum(reply + 8, message, size));
	if (!address_is_link_local(asker)) {
		icmp_answer(model, punted, reply, length);
		return;
	}
	/* link-local addresses are on the link that the request came by, and have no route */
	struct neighbour_object *neighbour = NULL;
	if (neighbour_plausible(model, punted->ingress, asker))
		neighbour = neighbour_discover(model, asker, punted->ingress);
	if (neighbour != NULL &&
	    neighbour_send(model, neighbour, reply, length, punted->vrf, PACKET_OWN) == 0)
		model->counters.icmp_sent++;
	else
		model->counters.icmp_no_way++;
}

void icmp6_input(struct model *model, const struct punted *punted, size_t at)
{
	static const uint8_t zero[15];
	const uint8_t *ip = punted->packet, *message = ip + at;
	size_t size = punted->length - at;
	struct address asker, to, from;

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
	answer_echo(model, punted, at, &from, &asker);
}
