/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_refuse.c: why a packet for tunnels, and for us, is in none.
 */
#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_header.h"

enum { OPTION_PAD1 = 0, OPTION_MUST_MASK = 0xc0 };

/* Nothing among the options that must be understood (RFC 8200 4.2: highest two bits). */
static bool options_may_be_skipped(const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		if (*at & OPTION_MUST_MASK)
			return false;
		if (*at == OPTION_PAD1) {
			at++;
			continue;
		}
		if (end - at < 2 || at[1] > end - at - 2)
			return false;
		at += 2 + at[1];
	}
	return true;
}

int outer_protocol_ipv6(const struct packet *packet, struct outer *outer)
{
	const uint8_t *header = packet->l3;
	uint8_t protocol = header[6];

	outer->inner = IPV6_HEADER;
	outer->length = ip_load16(header + 4) + (uint32_t)IPV6_HEADER;
	outer->at = packet->l3 + IPV6_HEADER;
	outer->traffic_class = (uint8_t)(header[0] << 4 | header[1] >> 4);
	outer->end = RTE_MIN(packet_end(packet), header + outer->length);
	if (protocol != PROTOCOL_DESTINATION_OPTIONS)
		return protocol;
	ptrdiff_t room = outer->end - outer->at;
	if (room < 8 || room < (outer->at[1] + 1) * 8 ||
	    !options_may_be_skipped(outer->at + 2, outer->at + (outer->at[1] + 1) * 8))
		return -1;
	protocol = outer->at[0];
	outer->inner += (outer->at[1] + 1u) * 8;
	outer->at = packet->l3 + outer->inner;
	return protocol;
}

/* Is there a tunnel of this form and key with these addresses? */
static bool exists(const struct tables *tables, const struct packet *packet, uint8_t form,
		   uint32_t id)
{
	return tunnel_look_up(tables, packet, form, id, false) != NULL ||
	       tunnel_look_up(tables, packet, form, id, true) != NULL;
}

/* Ethernet in a tunnel for IP, or the other way round. */
static uint8_t other_form(uint8_t form)
{
	switch (form) {
	case TUNNEL_FORM_GRE:
		return TUNNEL_FORM_GRETAP;
	case TUNNEL_FORM_GRE_KEY:
		return TUNNEL_FORM_GRETAP_KEY;
	case TUNNEL_FORM_GRETAP:
		return TUNNEL_FORM_GRE;
	default:
		return TUNNEL_FORM_GRE_KEY;
	}
}

static enum drop_reason refuse_gre(const struct tables *tables, const struct packet *packet,
				   struct outer *outer)
{
	if (!exists(tables, packet, TUNNEL_FORM_SOME_GRE, 0))
		return DROP_tunnel_unknown;
	if (outer->end - outer->at < GRE_MINIMUM)
		return DROP_tunnel_truncated;
	if (ip_load16(outer->at) & GRE_REFUSED)
		return DROP_tunnel_header;
	if (!outer_gre(outer))
		return DROP_tunnel_truncated;
	return exists(tables, packet, other_form(outer->form), outer->id) ? DROP_tunnel_payload
									  : DROP_tunnel_key;
}

static enum drop_reason refuse_vxlan(const struct tables *tables, const struct packet *packet,
				     struct outer *outer)
{
	if (!exists(tables, packet, TUNNEL_FORM_SOME_VXLAN, 0))
		return DROP_tunnel_unknown;
	if (outer->end - outer->at < UDP_HEADER + VXLAN_HEADER)
		return DROP_tunnel_truncated;
	if (!(outer->at[UDP_HEADER] & VXLAN_VNI_VALID))
		return DROP_tunnel_header;
	return outer_vxlan(outer) ? DROP_tunnel_key : DROP_tunnel_truncated;
}

static bool is_vxlan(const struct outer *outer, uint64_t forms)
{
	const uint64_t vxlan =
		1ull << TUNNEL_FORM_VXLAN | 1ull << (TUNNEL_FORM_VXLAN + TUNNEL_FORM_ANY);

	return (forms & (vxlan | vxlan << TUNNEL_FORM_IPV6)) != 0 &&
	       outer->end - outer->at >= UDP_HEADER && ip_load16(outer->at + 2) == VXLAN_PORT;
}

bool tunnel_refuse(struct worker *worker, struct packet *packet)
{
	uint64_t forms = word_load(&worker->tables->control.tunnel_forms);
	struct outer outer;
	enum drop_reason reason;

	if (forms == 0)
		return false;
	int protocol = outer_protocol(packet, &outer);
	if (protocol == PROTOCOL_GRE)
		reason = refuse_gre(worker->tables, packet, &outer);
	else if (protocol == PROTOCOL_IPIP || protocol == PROTOCOL_IPV6)
		reason = DROP_tunnel_unknown;
	else if (protocol == PROTOCOL_UDP && is_vxlan(&outer, forms))
		reason = refuse_vxlan(worker->tables, packet, &outer);
	else
		return false;
	drop(worker, packet->mbuf, packet->interface, reason);
	return true;
}
