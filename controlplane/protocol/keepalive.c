/* SPDX-License-Identifier: BSD-3-Clause
 *
 * keepalive.c: GRE keepalives sent, and answered.
 */
#include "controlplane/object/tunnel.h"
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/ip-send.h"
#include "controlplane/protocol/keepalive.h"

enum {
	GRE = 47,
	GRE_HEADER = 4,
	GRE_KEY = 4,
	GRE_HAS_KEY = 0x20,
	TYPE_IPV4 = 0x0800,
	TTL = 255,
	DSCP_NETWORK_CONTROL = 0xc0, /* CS6, RFC 4594 3.1 */
	KEEPALIVES_AT_ONCE = 256,
	KEEPALIVE_MAX = 2 * (IPV4_HEADER_SIZE + GRE_HEADER + GRE_KEY),
};

static size_t write_ipv4(struct model *model, uint8_t *at, const uint8_t from[16],
			 const uint8_t to[16], size_t length)
{
	at[0] = 0x45;
	at[1] = DSCP_NETWORK_CONTROL;
	store16(at + 2, (uint32_t)length);
	store16(at + 4, ++model->ip_identification);
	at[8] = TTL;
	at[9] = GRE;
	memcpy(at + 12, from + 12, 4);
	memcpy(at + 16, to + 12, 4);
	store16(at + 10, checksum(at, IPV4_HEADER_SIZE));
	return IPV4_HEADER_SIZE;
}

static size_t write_gre(uint8_t *at, const struct tunnel *wire, unsigned int protocol)
{
	store16(at + 2, protocol);
	if (!(wire->flags & TUNNEL_KEY))
		return GRE_HEADER;
	at[0] |= GRE_HAS_KEY;
	store32(at + GRE_HEADER, wire->id);
	return GRE_HEADER + GRE_KEY;
}

/* Refused by the routes or the rings it is not answered, as if it had been lost. */
static void ask(struct model *model, struct tunnel_object *tunnel)
{
	const struct tunnel *wire = &tunnel->settings.wire;
	uint8_t packet[KEEPALIVE_MAX] = { 0 };
	size_t half = IPV4_HEADER_SIZE + GRE_HEADER + (wire->flags & TUNNEL_KEY ? GRE_KEY : 0);
	size_t at = write_ipv4(model, packet, wire->local, wire->remote, 2 * half);

	at += write_gre(packet + at, wire, TYPE_IPV4);
	at += write_ipv4(model, packet + at, wire->remote, wire->local, half);
	at += write_gre(packet + at, wire, 0);
	keepalive_asked(model, tunnel);
	(void)ip_send(model, wire->vrf, packet, at, PACKET_OWN);
}

void keepalive_poll(struct model *model)
{
	uint64_t now = model_now(model);
	struct tunnel_object *tunnel;

	for (unsigned int i = 0; i < KEEPALIVES_AT_ONCE; i++) {
		tunnel = keepalive_next(model, now);
		if (tunnel == NULL)
			return;
		if (interface_is_up(tunnel->interface))
			ask(model, tunnel);
	}
}

void keepalive_input(struct model *model, const struct frame_slot *slot)
{
	const struct interface_object *interface = model->interface[slot->interface];
	struct punted punted = { .packet = NULL };
	uint8_t copy[IPV4_HEADER_SIZE + UINT8_MAX];

	if (interface == NULL || interface->tunnel == NULL || !interface_is_up(interface) ||
	    !punted_ip(slot->data + slot->l3_offset, slot->length - slot->l3_offset, &punted) ||
	    !punted.ipv4)
		return;
	const struct tunnel *wire = &interface->tunnel->settings.wire;
	if (memcmp(punted.packet + 16, wire->local + 12, 4) == 0) {
		if (interface->tunnel->settings.keepalive != 0)
			keepalive_answered(model, interface->tunnel);
		return;
	}
	if (memcmp(punted.packet + 16, wire->remote + 12, 4) != 0 || punted.length > sizeof(copy))
		return;
	memcpy(copy, punted.packet, punted.length);
	interface->tunnel->keepalives_returned++;
	(void)ip_send(model, wire->vrf, copy, punted.length, PACKET_OWN);
}
