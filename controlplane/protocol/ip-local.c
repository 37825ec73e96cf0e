/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/icmp.h"
#include "controlplane/protocol/ip-local.h"

enum {
	HOP_BY_HOP = 0,
	ICMP = 1,
	IGMP = 2,
	TCP = 6,
	UDP = 17,
	ROUTING = 43,
	FRAGMENT = 44,
	ICMP6 = 58,
	NOTHING = 59,
	DESTINATION_OPTIONS = 60,
	EXTENSION_HEADERS_MAX = 8,
	SEGMENTS_LEFT = 3, /* where in a routing header */
};

static void tell(struct model *model, const struct punted *punted, enum icmp_error_kind kind,
		 size_t detail)
{
	struct icmp_cause cause = icmp_cause_of(punted);

	icmp_error_send(model, &cause, kind, (unsigned int)detail);
}

static void input4(struct model *model, const struct punted *punted)
{
	const uint8_t *ip = punted->packet;

	if (ip[9] == ICMP) {
		icmp4_input(model, punted);
		return;
	}
	if (!punted_own(model, punted) || (load16(ip + 6) & 0x3fff) != 0 || ip[9] == IGMP)
		return;
	tell(model, punted,
	     ip[9] == UDP || ip[9] == TCP ? ICMP_ERROR_PORT_UNREACHABLE
					  : ICMP_ERROR_PROTOCOL_UNREACHABLE,
	     0);
}

/* Bytes of the extension header at `at`, whose number is `next`; 0: it is none that can be skipped. */
static size_t skip(const struct punted *punted, unsigned int next, size_t at)
{
	const uint8_t *header = punted->packet + at;
	size_t room = punted->length - at;

	if (room < 8)
		return 0;
	if (next == FRAGMENT) /* a packet in one piece (RFC 6946) */
		return (load16(header + 2) & 0xfff9) == 0 ? 8 : 0;
	size_t size = ((size_t)header[1] + 1) * 8;
	return size <= room ? size : 0;
}

/* Who asks for a way through us by a routing header is told that we don't (RFC 8200 4.4, RFC 5095). */
static bool is_source_route(const struct punted *punted, unsigned int next, size_t at)
{
	return next == ROUTING && punted->length - at >= 8 &&
	       punted->packet[at + SEGMENTS_LEFT] != 0;
}

static void end6(struct model *model, const struct punted *punted, unsigned int next, size_t at,
		 size_t named_at)
{
	if (next == ICMP6)
		icmp6_input(model, punted, at);
	else if (next == NOTHING || !punted_own(model, punted))
		return;
	else if (next == UDP || next == TCP)
		tell(model, punted, ICMP_ERROR_PORT_UNREACHABLE, 0);
	else
		tell(model, punted, ICMP_ERROR_PROTOCOL_UNREACHABLE, named_at);
}

static void input6(struct model *model, const struct punted *punted)
{
	unsigned int next = punted->packet[6];
	size_t at = IPV6_HEADER_SIZE, named_at = 6;

	for (unsigned int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		/* hop-by-hop options stand first or are no header at all (RFC 8200 4.1) */
		if (next != ROUTING && next != FRAGMENT && next != DESTINATION_OPTIONS &&
		    (next != HOP_BY_HOP || i != 0)) {
			end6(model, punted, next, at, named_at);
			return;
		}
		if (is_source_route(punted, next, at)) {
			if (punted_own(model, punted))
				tell(model, punted, ICMP_ERROR_PARAMETER, at + 2);
			return;
		}
		size_t size = skip(punted, next, at);
		if (size == 0)
			return;
		next = punted->packet[at];
		named_at = at;
		at += size;
	}
}

void ip_local(struct model *model, const struct punted *punted)
{
	if (punted->ipv4)
		input4(model, punted);
	else
		input6(model, punted);
}
