/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp.c: IPv4 echo, and what both families have in common.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp.h"
#include "controlplane/protocol/ip-send.h"

enum {
	ICMP = 1,
	ICMP_HEADER = 8,
	ECHO_REPLY = 0,
	ECHO_REQUEST = 8,
	TTL = 64,
	DONT_FRAGMENT = 0x4000,
};

void icmp_answer(struct model *model, const struct punted *punted, const uint8_t *packet,
		 size_t length)
{
	int result = -ENOENT;

	if (punted->ingress->settings.vrf == punted->vrf)
		result = ip_send_to_neighbour(model, punted->ingress, packet, length);
	if (result == -ENOENT)
		result = ip_send(model, punted->vrf, packet, length, PACKET_OWN);
	if (result == 0)
		model->counters.icmp_sent++;
	else
		model->counters.icmp_no_way++;
}

/* RFC 1122 3.2.2.6. A host on nobody's link, or a group, is not answered. */
static bool source_is_host(const uint8_t ip[4])
{
	return ip[0] != 0 && ip[0] != 127 && ip[0] < 224;
}

static void answer_echo(struct model *model, const struct punted *punted)
{
	static uint8_t reply[FRAME_MAX];
	const uint8_t *ip = punted->packet;
	size_t size = punted->length - punted->header_length;
	uint8_t *message = reply + IPV4_HEADER_SIZE;

	memset(reply, 0, IPV4_HEADER_SIZE);
	reply[0] = 0x45;
	reply[1] = ip[1];
	store16(reply + 2, (uint32_t)(IPV4_HEADER_SIZE + size));
	store16(reply + 4, ++model->ip_identification);
	store16(reply + 6, load16(ip + 6) & DONT_FRAGMENT);
	reply[8] = TTL;
	reply[9] = ICMP;
	memcpy(reply + 12, ip + 16, 4);
	memcpy(reply + 16, ip + 12, 4);
	store16(reply + 10, checksum(reply, IPV4_HEADER_SIZE));
	memcpy(message, ip + punted->header_length, size);
	message[0] = ECHO_REPLY;
	store16(message + 2, 0);
	store16(message + 2, checksum(message, size));
	icmp_answer(model, punted, reply, IPV4_HEADER_SIZE + size);
}

void icmp4_input(struct model *model, const struct punted *punted)
{
	const uint8_t *ip = punted->packet, *message = ip + punted->header_length;
	size_t size = punted->length - punted->header_length;

	if (!punted_own(model, punted))
		return;
	if ((load16(ip + 6) & 0x3fff) != 0 || size < ICMP_HEADER || checksum(message, size) != 0 ||
	    !source_is_host(ip + 12)) {
		model->counters.icmp_invalid++;
		return;
	}
	if (message[0] != ECHO_REQUEST || message[1] != 0)
		return;
	model->counters.echo_requests++;
	answer_echo(model, punted);
}
