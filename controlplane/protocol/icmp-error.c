/* SPDX-License-Identifier: BSD-3-Clause
 *
 * icmp-error.c: ICMP errors, for IPv4 and IPv6, with label stacks.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/ip-send.h"
#include "dataplane/shm/reason.h"

enum {
	ICMP = 1,
	ICMP6 = 58,
	ICMP_HEADER = 8,
	IPV4_ERROR_MAX = 576,  /* RFC 1812 4.3.2.3 */
	IPV6_ERROR_MAX = 1280, /* RFC 4443 2.4 c */
	ORIGINAL_SIZE = 128,   /* RFC 4884 4: when an extension follows */
	EXTENSION_HEADER = 4,
	OBJECT_HEADER = 4,
	EXTENSION_VERSION = 2,
	CLASS_LABEL_STACK = 1, /* RFC 4950 */
	HOP_LIMIT = 255,       /* a label-switched path may be long */
	PRECEDENCE = 0xc0,     /* RFC 1812 4.3.2.5: internetwork control */
	EXTENSION_HEADERS_MAX = 8,
};

struct icmp_cause icmp_cause_of(const struct punted *punted)
{
	return (struct icmp_cause){
		.packet = punted->packet,
		.length = punted->length,
		.ingress = punted->ingress,
		.vrf = punted->vrf,
		.link_multicast = punted->link_multicast,
		.punted = punted,
	};
}

/* ---------------------------------------------------------------- about whom */

/* The broadcast address of a network of ours. */
static bool is_directed_broadcast(const struct model *model, uint16_t vrf, const uint8_t ip[4])
{
	const struct address_object *object;

	DL_FOREACH2(model->addresses, object, all_next)
	{
		if (object->interface->settings.vrf != vrf || object->length > 30 ||
		    !address_is_ipv4(&object->address))
			continue;
		uint32_t host = UINT32_MAX >> object->length;
		if ((load32(object->address.bytes + 12) | host) == load32(ip))
			return true;
	}
	return false;
}

static bool is_query(unsigned int type)
{
	static const uint8_t queries[] = { 0, 8, 9, 10, 13, 14, 15, 16, 17, 18, 42, 43 };

	return memchr(queries, (int)type, sizeof(queries)) != NULL;
}

/* RFC 1812 4.3.2.7 */
static bool ipv4_may_be_told(const struct model *model, const struct icmp_cause *cause)
{
	const uint8_t *ip = cause->packet;
	uint32_t source = load32(ip + 12), destination = load32(ip + 16);
	size_t header = (ip[0] & 0xfu) * 4;

	if (source >> 24 == 0 || source >> 24 == 127 || source >= 0xe0000000u ||
	    destination >= 0xe0000000u || (load16(ip + 6) & 0x1fff) != 0)
		return false;
	if (is_directed_broadcast(model, cause->vrf, ip + 12) ||
	    is_directed_broadcast(model, cause->vrf, ip + 16))
		return false;
	return ip[9] != ICMP || (cause->length > header && is_query(ip[header]));
}

/* Walk to the upper-layer header: false if it is not there, is no first fragment, or an ICMP
 * error. RFC 4443 2.4 e.1, RFC 8200 4 */
static bool ipv6_payload_may_be_told(const struct icmp_cause *cause)
{
	unsigned int next = cause->packet[6];
	size_t at = IPV6_HEADER_SIZE;

	for (unsigned int i = 0; i < EXTENSION_HEADERS_MAX; i++) {
		const uint8_t *header = cause->packet + at;
		size_t room = cause->length - at;
		switch (next) {
		case 44: /* fragment; a later one hides whether it is an error, unless it is no ICMP */
			if (room < 8)
				return false;
			if ((load16(header + 2) & 0xfff8) != 0)
				return header[0] != ICMP6;
			at += 8;
			break;
		case 0:  /* hop-by-hop */
		case 43: /* routing */
		case 60: /* destination */
			if (room < 8 || ((size_t)header[1] + 1) * 8 > room)
				return false;
			at += ((size_t)header[1] + 1) * 8;
			break;
		case ICMP6:
			return room > 0 && header[0] >= 128 && header[0] != 137;
		default:
			return true;
		}
		next = header[0];
	}
	return false;
}

static bool ipv6_may_be_told(const struct icmp_cause *cause)
{
	static const uint8_t zero[15];
	const uint8_t *source = cause->packet + 8, *destination = cause->packet + 24;

	if (source[0] == 0xff || destination[0] == 0xff ||
	    (memcmp(source, zero, 15) == 0 && source[15] <= 1))
		return false;
	return ipv6_payload_may_be_told(cause);
}

/* Is the cause whole enough to be read, and may its sender be told? */
static bool may_be_told(const struct model *model, const struct icmp_cause *cause)
{
	struct punted check;

	if (cause->link_multicast || !punted_ip(cause->packet, cause->length, &check))
		return false;
	return check.ipv4 ? ipv4_may_be_told(model, cause) : ipv6_may_be_told(cause);
}

/* Token bucket by time: `time` runs ahead of the clock by what is spent. */
static bool within_limit(struct model *model, const struct interface_object *ingress)
{
	struct icmp_bucket *bucket = &model->icmp_bucket[ingress->index];
	const uint64_t cost = 1000000000u / ICMP_ERROR_RATE;
	uint64_t now = model_now(model);

	if (bucket->time < now)
		bucket->time = now;
	if (bucket->time + cost > now + ICMP_ERROR_BURST * cost)
		return false;
	bucket->time += cost;
	return true;
}

/* ---------------------------------------------------------------- from whom */

static const struct address *first_of_family(const struct interface_object *interface, bool ipv4)
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (address_is_ipv4(&object->address) == ipv4)
		return &object->address;
	return NULL;
}

bool icmp_source(const struct model *model, const struct interface_object *interface, uint16_t vrf,
		 const struct address *to, struct address *from)
{
	const struct address_object *network = address_covering(interface, to);
	bool ipv4 = address_is_ipv4(to);
	const struct address *found =
		network != NULL ? &network->address : first_of_family(interface, ipv4);

	if (network == NULL && !ipv4 && address_is_link_local(to))
		found = NULL; /* its own scope first */
	else
		for (const struct interface_object *i = model->interfaces;
		     found == NULL && i != NULL; i = i->hh.next)
			if (i->kind == INTERFACE_LOOPBACK && i->settings.vrf == vrf)
				found = first_of_family(i, ipv4);
	if (found != NULL)
		*from = *found;
	else if (!ipv4 && interface->mac != 0)
		interface_link_local(interface, from);
	else
		return false;
	return true;
}

static bool source_about(const struct model *model, const struct icmp_cause *cause, bool ipv4,
			 const struct address *to, struct address *from)
{
	struct address asked = { .bytes = { [10] = 0xff, 0xff } };

	if (ipv4)
		memcpy(asked.bytes + 12, cause->packet + 16, 4);
	else
		memcpy(asked.bytes, cause->packet + 24, 16);
	if (!punted_is_own(model, cause->ingress, cause->vrf, &asked))
		return icmp_source(model, cause->ingress, cause->vrf, to, from);
	*from = asked;
	return true;
}

/* ---------------------------------------------------------------- the message */

struct code {
	uint8_t type, code;
};
static const struct code codes[][2] = {
	[ICMP_ERROR_TIME_EXCEEDED] = { { 3, 0 }, { 11, 0 } },
	[ICMP_ERROR_REASSEMBLY] = { { 3, 1 }, { 11, 1 } },
	[ICMP_ERROR_NET_UNREACHABLE] = { { 1, 0 }, { 3, 0 } },
	[ICMP_ERROR_HOST_UNREACHABLE] = { { 1, 3 }, { 3, 1 } },
	[ICMP_ERROR_TOO_BIG] = { { 2, 0 }, { 3, 4 } },
	[ICMP_ERROR_BEYOND_SCOPE] = { { 1, 2 }, { 3, 0 } }, /* of IPv6 only */
	[ICMP_ERROR_PARAMETER] = { { 4, 0 }, { 12, 0 } },
	[ICMP_ERROR_PORT_UNREACHABLE] = { { 1, 4 }, { 3, 3 } },
	[ICMP_ERROR_PROTOCOL_UNREACHABLE] = { { 4, 1 }, { 3, 2 } },
};

/* RFC 4884 7, RFC 4950 3: the stack as it arrived. Returns its size. */
static size_t write_extension(uint8_t *at, const struct punted *punted)
{
	size_t object = OBJECT_HEADER + punted->depth * 4u;

	memset(at, 0, EXTENSION_HEADER);
	at[0] = EXTENSION_VERSION << 4;
	store16(at + 4, (uint32_t)object);
	at[6] = CLASS_LABEL_STACK;
	at[7] = 1;
	for (unsigned int i = 0; i < punted->depth; i++)
		store32(at + EXTENSION_HEADER + OBJECT_HEADER + i * 4u, punted->stack[i]);
	store16(at + 2, checksum(at, EXTENSION_HEADER + object));
	return EXTENSION_HEADER + object;
}

/* ICMP header, original datagram, extension. IPv6's packet too big has no room for a length, and so
 * no extension (RFC 4884 5). Returns the size; checksum not yet set. */
static size_t write_message(uint8_t *message, const struct icmp_cause *cause, bool ipv4,
			    enum icmp_error_kind kind, unsigned int detail)
{
	bool extended = cause->punted != NULL && cause->punted->depth > 0 &&
			(ipv4 || kind != ICMP_ERROR_TOO_BIG);
	size_t room = ipv4 ? IPV4_ERROR_MAX - IPV4_HEADER_SIZE - ICMP_HEADER
			   : IPV6_ERROR_MAX - IPV6_HEADER_SIZE - ICMP_HEADER;
	size_t limit = extended ? ORIGINAL_SIZE : room;
	size_t original = cause->length < limit ? cause->length : limit;
	size_t size = ICMP_HEADER + original;

	memset(message, 0, ICMP_HEADER + ORIGINAL_SIZE);
	message[0] = codes[kind][ipv4].type;
	message[1] = codes[kind][ipv4].code;
	if (!ipv4)
		store32(message + 4, detail);
	else if (kind == ICMP_ERROR_PARAMETER)
		message[4] = (uint8_t)detail;
	else
		store16(message + 6, detail > 0xffff ? 0xffff : detail);
	memcpy(message + ICMP_HEADER, cause->packet, original);
	if (extended) {
		message[ipv4 ? 5 : 4] = ipv4 ? ORIGINAL_SIZE / 4 : ORIGINAL_SIZE / 8;
		size = ICMP_HEADER + ORIGINAL_SIZE;
		size += write_extension(message + size, cause->punted);
	}
	return size;
}

/* The IP header before a message of `size` bytes, and the checksums. Returns the packet's length. */
static size_t write_headers(struct model *model, uint8_t *packet, bool ipv4, size_t size,
			    const struct address *from, const uint8_t *to)
{
	uint8_t *message = packet + (ipv4 ? IPV4_HEADER_SIZE : IPV6_HEADER_SIZE);

	if (!ipv4) {
		memset(packet, 0, IPV6_HEADER_SIZE);
		packet[0] = 0x60 | PRECEDENCE >> 4;
		store16(packet + 4, (uint32_t)size);
		packet[6] = ICMP6;
		packet[7] = HOP_LIMIT;
		memcpy(packet + 8, from->bytes, 16);
		memcpy(packet + 24, to, 16);
		store16(message + 2, icmp6_checksum(packet + 8, message, size));
		return IPV6_HEADER_SIZE + size;
	}
	memset(packet, 0, IPV4_HEADER_SIZE);
	packet[0] = 0x45;
	packet[1] = PRECEDENCE;
	store16(packet + 2, (uint32_t)(IPV4_HEADER_SIZE + size));
	store16(packet + 4, ++model->ip_identification);
	packet[8] = HOP_LIMIT;
	packet[9] = ICMP;
	memcpy(packet + 12, from->bytes + 12, 4);
	memcpy(packet + 16, to, 4);
	store16(packet + 10, checksum(packet, IPV4_HEADER_SIZE));
	store16(message + 2, checksum(message, size));
	return IPV4_HEADER_SIZE + size;
}

/* ---------------------------------------------------------------- the way */

/* On along the path that the packet itself would have taken. RFC 3032 2.3.2 */
static int send_along(struct model *model, const struct punted *punted, const uint8_t *packet,
		      size_t length)
{
	uint32_t stack[PUNTED_STACK_MAX];

	if (punted->nexthop == NEXTHOP_NONE)
		return ip_send_along(model, punted, packet, length);
	/* the stack is the one to leave with, and its nexthop is known */
	for (unsigned int i = 0; i < punted->depth; i++)
		stack[i] = punted->stack[i] | 0xff;
	return ip_send_by_nexthop(model, punted->nexthop, stack, punted->depth, packet, length,
				  HOP_LIMIT, PACKET_OWN);
}

/* Did the packet come in by a label? Its labels, or a nexthop that no route of ours gave it: the one
 * of a label that was popped. */
static bool came_labelled(const struct model *model, const struct icmp_cause *cause)
{
	const struct punted *punted = cause->punted;

	return punted != NULL &&
	       (punted->depth > 0 ||
		(punted->nexthop != NEXTHOP_NONE &&
		 ip_nexthop(model, cause->vrf, punted->packet) != punted->nexthop));
}

static int send_back(struct model *model, const struct icmp_cause *cause, const uint8_t *packet,
		     size_t length)
{
	int result = -ENOENT;

	if (cause->ingress->settings.vrf == cause->vrf)
		result = ip_send_to_neighbour(model, cause->ingress, packet, length);
	if (result == -ENOENT)
		result = ip_send(model, cause->vrf, packet, length, PACKET_OWN);
	if (result == -ENETUNREACH && came_labelled(model, cause))
		result = send_along(model, cause->punted, packet, length);
	return result;
}

void icmp_error_send(struct model *model, const struct icmp_cause *cause, enum icmp_error_kind kind,
		     unsigned int detail)
{
	static uint8_t packet[2048]; /* IPV6_ERROR_MAX and the largest extension fit */
	struct address from, to = { .bytes = { [10] = 0xff, 0xff } };

	if (!may_be_told(model, cause)) {
		model->counters.icmp_suppressed++;
		return;
	}
	if (!within_limit(model, cause->ingress)) {
		model->counters.icmp_limited++;
		return;
	}
	bool ipv4 = cause->packet[0] >> 4 == 4;
	const uint8_t *source = cause->packet + (ipv4 ? 12 : 8);
	if (ipv4)
		memcpy(to.bytes + 12, source, 4);
	else
		memcpy(to.bytes, source, 16);
	if (!source_about(model, cause, ipv4, &to, &from)) {
		model->counters.icmp_no_way++;
		return;
	}
	size_t size = write_message(packet + (ipv4 ? IPV4_HEADER_SIZE : IPV6_HEADER_SIZE), cause,
				    ipv4, kind, detail);
	size_t length = write_headers(model, packet, ipv4, size, &from, source);
	if (send_back(model, cause, packet, length) == 0)
		model->counters.icmp_sent++;
	else
		model->counters.icmp_no_way++;
}

/* ---------------------------------------------------------------- punted frames */

/* The labels that the nexthop pushed are not the packet's. What is left of the MTU is for IP. */
static unsigned int take_pushed_off(const struct model *model, struct punted *punted)
{
	unsigned int pushed = nexthop_pushes(model, punted->nexthop);

	if (pushed > punted->depth)
		pushed = punted->depth;
	punted->depth -= pushed;
	memmove(punted->stack, punted->stack + pushed, punted->depth * sizeof(punted->stack[0]));
	unsigned int mtu = nexthop_mtu(model, punted->nexthop);
	return mtu > punted->depth * 4 ? mtu - punted->depth * 4 : 0;
}

/* RFC 1191, RFC 8201: IPv4 without DF is told nothing. */
static void too_long(struct model *model, struct punted *punted)
{
	struct icmp_cause cause = icmp_cause_of(punted);

	unsigned int mtu = take_pushed_off(model, punted);
	if (mtu == 0 || (punted->ipv4 && !(punted->packet[6] & 0x40))) {
		model->counters.icmp_suppressed++;
		return;
	}
	icmp_error_send(model, &cause, ICMP_ERROR_TOO_BIG, mtu);
}

void icmp_error_punted(struct model *model, struct punted *punted, unsigned int reason)
{
	struct icmp_cause cause = icmp_cause_of(punted);

	switch (reason) {
	case PUNT_ip_ttl_exceeded:
	case PUNT_mpls_ttl_exceeded:
		icmp_error_send(model, &cause, ICMP_ERROR_TIME_EXCEEDED, 0);
		return;
	case PUNT_fragment_timeout:
		icmp_error_send(model, &cause, ICMP_ERROR_REASSEMBLY, 0);
		return;
	case PUNT_ip_unreachable:
		icmp_error_send(model, &cause,
				punted_is_link_local(punted) ? ICMP_ERROR_BEYOND_SCOPE
							     : ICMP_ERROR_HOST_UNREACHABLE,
				0);
		return;
	case PUNT_ip_no_route:
		icmp_error_send(model, &cause, ICMP_ERROR_NET_UNREACHABLE, 0);
		return;
	case PUNT_mtu_exceeded:
		too_long(model, punted);
		return;
	default:
		return;
	}
}
