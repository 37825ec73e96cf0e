/* SPDX-License-Identifier: BSD-3-Clause
 *
 * nd.c: IPv6 neighbour discovery: answer for our addresses, announce them, ask for and learn those
 * of neighbours.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/dad.h"
#include "controlplane/protocol/nd.h"
#include "controlplane/protocol/neighbour.h"

enum {
	TYPE_IPV6 = 0x86dd,
	IPV6_HEADER = 40,
	ICMP6 = 58,
	ROUTER_SOLICITATION = 133,
	NEIGHBOUR_SOLICITATION = 135,
	NEIGHBOUR_ADVERTISEMENT = 136,
	OPTION_SOURCE = 1, /* source link-layer address */
	OPTION_TARGET = 2,
	MESSAGE_MIN = 24,  /* with a target address, without options */
	MESSAGE_SENT = 32, /* and with one link-layer address option */
	FLAG_ROUTER = 0x80,
	FLAG_SOLICITED = 0x40,
	FLAG_OVERRIDE = 0x20,
};

static const struct address unspecified;
static const struct address all_nodes = { { 0xff, 2, [15] = 1 } };

/* ---------------------------------------------------------------- sending */

/* A solicitation or advertisement with our MAC as its option, but in one from nowhere (RFC 4861 4.3). */
static int send_message(struct model *model, const struct interface_object *interface,
			const uint8_t to_mac[6], const struct address *from,
			const struct address *to, unsigned int type, unsigned int flags,
			const struct address *target)
{
	uint8_t frame[24 + IPV6_HEADER + MESSAGE_SENT] = { 0 };
	uint8_t header[24];
	unsigned int size = interface_header(interface, to_mac, TYPE_IPV6, header);
	uint8_t *ip = frame + size, *message = ip + IPV6_HEADER;
	size_t length = memcmp(from, &unspecified, sizeof(*from)) == 0 ? MESSAGE_MIN : MESSAGE_SENT;

	memcpy(frame, header + sizeof(header) - size, size);
	ip[0] = 0x60;
	store16(ip + 4, (uint32_t)length);
	ip[6] = ICMP6;
	ip[7] = 255;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	message[0] = (uint8_t)type;
	message[4] = (uint8_t)flags;
	memcpy(message + 8, target, 16);
	message[24] = type == NEIGHBOUR_SOLICITATION ? OPTION_SOURCE : OPTION_TARGET;
	message[25] = 1;
	memcpy(message + 26, &interface->mac, 6);
	store16(message + 2, icmp6_checksum(ip + 8, message, length));
	return inject_frame(model, interface->index, frame, size + IPV6_HEADER + length);
}

/* RFC 2464 7 */
static void multicast_mac(const struct address *group, uint8_t mac[6])
{
	mac[0] = mac[1] = 0x33;
	memcpy(mac + 2, group->bytes + 12, 4);
}

/* RFC 4291 2.7.1 */
static struct address solicited_node(const struct address *target, uint8_t mac[6])
{
	struct address group = { { 0xff, 2, [11] = 1, 0xff } };

	memcpy(group.bytes + 13, target->bytes + 13, 3);
	multicast_mac(&group, mac);
	return group;
}

int nd_probe(struct model *model, const struct interface_object *interface,
	     const struct address *address)
{
	uint8_t mac[6];
	struct address to = solicited_node(address, mac);

	return send_message(model, interface, mac, &unspecified, &to, NEIGHBOUR_SOLICITATION, 0,
			    address);
}

int nd_solicit(struct model *model, const struct neighbour_object *neighbour, bool everybody)
{
	const struct interface_object *interface = neighbour->interface;
	const struct address *target = (const struct address *)neighbour->key.address;
	const struct address_object *own = address_covering(interface, target);
	struct address from, to = *target;
	uint8_t mac[6];

	interface_link_local(interface, &from);
	if (own != NULL)
		from = own->address;
	memcpy(mac, neighbour->mac, 6);
	if (everybody)
		to = solicited_node(target, mac);
	return send_message(model, interface, mac, &from, &to, NEIGHBOUR_SOLICITATION, 0, target);
}

int nd_announce_address(struct model *model, const struct interface_object *interface,
			const struct address *address)
{
	uint8_t mac[6];

	multicast_mac(&all_nodes, mac);
	return send_message(model, interface, mac, address, &all_nodes, NEIGHBOUR_ADVERTISEMENT,
			    FLAG_ROUTER | FLAG_OVERRIDE, address);
}

bool nd_announce(struct model *model, const struct interface_object *interface)
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (!address_is_ipv4(&object->address) &&
	    nd_announce_address(model, interface, &object->address) != 0)
		return false;
	return true;
}

/* ---------------------------------------------------------------- receiving */

/* A message that passed the checks that all have in common. */
struct message {
	struct interface_object *interface;
	struct address from, to, target;
	const uint8_t *bytes; /* ICMPv6 header and what follows */
	size_t length;
	const uint8_t *from_mac; /* of the frame; NULL: it has no Ethernet header */
};

/* RFC 4861 7.1: hop limit, checksum, code, lengths. */
static bool read_message(const uint8_t *frame, size_t length, size_t l3_offset,
			 struct message *message)
{
	const uint8_t *ip = frame + l3_offset;

	if (length < l3_offset || length - l3_offset < IPV6_HEADER + 8 || ip[0] >> 4 != 6 ||
	    ip[6] != ICMP6 || ip[7] != 255)
		return false;
	message->length = load16(ip + 4);
	message->bytes = ip + IPV6_HEADER;
	if (message->length < 8 || message->length > length - l3_offset - IPV6_HEADER ||
	    message->bytes[1] != 0 || icmp6_checksum(ip + 8, message->bytes, message->length) != 0)
		return false;
	memcpy(&message->from, ip + 8, 16);
	memcpy(&message->to, ip + 24, 16);
	message->from_mac = l3_offset >= 14 ? frame + 6 : NULL;
	return true;
}

/* The options from `at` on: false if one of them is malformed. *mac: the link-layer address option
 * of type `wanted`, or NULL. */
static bool read_options(const struct message *message, size_t at, unsigned int wanted,
			 const uint8_t **mac)
{
	*mac = NULL;
	while (at < message->length) {
		const uint8_t *option = message->bytes + at;
		if (message->length - at < 8 || option[1] == 0 ||
		    (size_t)option[1] * 8 > message->length - at)
			return false;
		if (option[0] == wanted && option[1] == 1 && *mac == NULL)
			*mac = option + 2;
		at += (size_t)option[1] * 8;
	}
	return *mac == NULL || !((*mac)[0] & 1);
}

static bool equal(const struct address *a, const struct address *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_multicast(const struct address *address)
{
	return address->bytes[0] == 0xff;
}

static bool is_own(const struct interface_object *interface, const struct address *address)
{
	const struct address_object *object;
	struct address link_local;

	interface_link_local(interface, &link_local);
	if (equal(&link_local, address))
		return true;
	DL_FOREACH(interface->addresses, object)
	if (equal(&object->address, address))
		return true;
	return false;
}

/* RFC 4861 7.2.3: who solicits us tells its address, but not that it can hear us. */
static struct neighbour_object *learn_solicitor(struct model *model, const struct message *message,
						const uint8_t *mac)
{
	if (mac == NULL || !neighbour_plausible(model, message->interface, &message->from))
		return NULL;
	struct neighbour_object *neighbour =
		neighbour_discover(model, &message->from, message->interface);
	if (neighbour == NULL || neighbour->configured)
		return neighbour;
	if (!neighbour_known(neighbour) || memcmp(neighbour->mac, mac, 6) != 0)
		neighbour_heard(model, neighbour, mac, false);
	return neighbour;
}

/* RFC 4861 7.2.4. Duplicate address detection (RFC 4862 5.4.3) asks from nowhere: all nodes are
 * told. */
static void answer(struct model *model, const struct message *message, const uint8_t *mac)
{
	uint8_t to_mac[6];

	if (equal(&message->from, &unspecified)) {
		nd_announce_address(model, message->interface, &message->target);
		return;
	}
	const struct neighbour_object *known =
		neighbour_find(model, &message->from, message->interface);
	if (known != NULL && neighbour_known(known))
		memcpy(to_mac, known->mac, 6);
	else if (mac != NULL || message->from_mac != NULL)
		memcpy(to_mac, mac != NULL ? mac : message->from_mac, 6);
	else
		return;
	if (to_mac[0] & 1)
		return;
	send_message(model, message->interface, to_mac, &message->target, &message->from,
		     NEIGHBOUR_ADVERTISEMENT, FLAG_ROUTER | FLAG_SOLICITED | FLAG_OVERRIDE,
		     &message->target);
}

/* RFC 4861 7.1.1 */
static bool solicitation(struct model *model, const struct message *message)
{
	static const uint8_t group[13] = { 0xff, 2, [11] = 1, 0xff };
	bool from_nowhere = equal(&message->from, &unspecified);
	const uint8_t *mac;

	if (!read_options(message, MESSAGE_MIN, OPTION_SOURCE, &mac) ||
	    is_multicast(&message->from) || is_multicast(&message->target))
		return false;
	if (from_nowhere && (mac != NULL || memcmp(&message->to, group, sizeof(group)) != 0))
		return false;
	if (!is_own(message->interface, &message->target) ||
	    is_own(message->interface, &message->from))
		return true;
	/* RFC 4862 5.4.3: somebody else is about to take it */
	if (from_nowhere && message->from_mac != NULL &&
	    memcmp(message->from_mac, &message->interface->mac, 6) != 0 &&
	    dad_is_tentative(message->interface, &message->target))
		neighbour_duplicate(model, message->interface, &message->target,
				    message->from_mac);
	learn_solicitor(model, message, mac);
	answer(model, message, mac);
	return true;
}

/* RFC 4861 7.2.5, for a neighbour whose address was known. */
static void update(struct model *model, struct neighbour_object *neighbour, const uint8_t *mac,
		   bool solicited, bool override)
{
	bool other = mac != NULL && memcmp(mac, neighbour->mac, 6) != 0;

	if (other && !override) {
		if (neighbour->state == NEIGHBOUR_REACHABLE)
			neighbour_heard(model, neighbour, neighbour->mac, false);
		return;
	}
	if (solicited || other)
		neighbour_heard(model, neighbour, other ? mac : neighbour->mac, solicited);
}

/* RFC 4861 7.1.2, 7.2.5 */
static bool advertisement(struct model *model, const struct message *message)
{
	uint8_t flags = message->bytes[4];
	const uint8_t *mac;

	if (!read_options(message, MESSAGE_MIN, OPTION_TARGET, &mac) ||
	    is_multicast(&message->from) || is_multicast(&message->target) ||
	    (is_multicast(&message->to) && (flags & FLAG_SOLICITED)))
		return false;
	if (is_own(message->interface, &message->target)) {
		const uint8_t *who = mac != NULL ? mac : message->from_mac;
		if (who != NULL && memcmp(who, &message->interface->mac, 6) != 0)
			neighbour_duplicate(model, message->interface, &message->target, who);
		return true;
	}
	struct neighbour_object *neighbour =
		neighbour_find(model, &message->target, message->interface);
	if (neighbour == NULL || neighbour->configured)
		return true;
	if (neighbour_known(neighbour))
		update(model, neighbour, mac, flags & FLAG_SOLICITED, flags & FLAG_OVERRIDE);
	else if (mac != NULL)
		neighbour_heard(model, neighbour, mac, flags & FLAG_SOLICITED);
	neighbour->router = (flags & FLAG_ROUTER) != 0;
	return true;
}

static bool dispatch(struct model *model, struct message *message)
{
	switch (message->bytes[0]) {
	case ROUTER_SOLICITATION: /* hosts learn of us by other means */
		model->counters.router_solicitations++;
		return true;
	case NEIGHBOUR_SOLICITATION:
	case NEIGHBOUR_ADVERTISEMENT:
		if (message->length < MESSAGE_MIN)
			return false;
		memcpy(&message->target, message->bytes + 8, 16);
		return message->bytes[0] == NEIGHBOUR_SOLICITATION ? solicitation(model, message)
								   : advertisement(model, message);
	default: /* router advertisements and redirects are for hosts */
		model->counters.router_messages++;
		return true;
	}
}

void nd_input(struct model *model, uint32_t index, const uint8_t *frame, size_t length,
	      size_t l3_offset)
{
	struct message message = { .interface = model->interface[index] };

	if (message.interface == NULL || message.interface->mac == 0 ||
	    !interface_is_up(message.interface))
		return;
	if (!read_message(frame, length, l3_offset, &message) || !dispatch(model, &message))
		model->counters.nd_invalid++;
}
