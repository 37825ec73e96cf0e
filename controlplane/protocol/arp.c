/* SPDX-License-Identifier: BSD-3-Clause
 *
 * arp.c: ARP: answer for our addresses, announce them, ask for and learn those of neighbours.
 */
#include <arpa/inet.h>
#include "controlplane/object/model.h"
#include "controlplane/protocol/arp.h"
#include "controlplane/protocol/dad.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/neighbour.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_ARP = 0x0806,
	HARDWARE_ETHERNET = 1,
	OPERATION_REQUEST = 1,
	OPERATION_REPLY = 2,
	FRAME_MIN = 60, /* without FCS */
};

/* RFC 826, for Ethernet and IPv4. */
struct arp_packet {
	uint16_t hardware_type, protocol_type;
	uint8_t hardware_size, protocol_size;
	uint16_t operation;
	uint8_t sender_mac[6], sender_ip[4];
	uint8_t target_mac[6], target_ip[4];
} __attribute__((packed));
static_assert(sizeof(struct arp_packet) == 28, "arp_packet");

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* The interface's own address that these four bytes are, or NULL. */
static const struct address_object *own_address(const struct interface_object *interface,
						const uint8_t ip[4])
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (address_is_ipv4(&object->address) && memcmp(object->address.bytes + 12, ip, 4) == 0)
		return object;
	return NULL;
}

/* Header, packet, padding: out of the interface. */
static int send_packet(struct model *model, const struct interface_object *interface,
		       const uint8_t to[6], const struct arp_packet *packet)
{
	uint8_t frame[FRAME_MIN + 8] = { 0 };
	uint8_t header[24];
	unsigned int length = interface_header(interface, to, TYPE_ARP, header);

	memcpy(frame, header + sizeof(header) - length, length);
	memcpy(frame + length, packet, sizeof(*packet));
	size_t size = length + sizeof(*packet);
	return inject_frame(model, interface->index, frame, size < FRAME_MIN ? FRAME_MIN : size);
}

static struct arp_packet make_packet(unsigned int operation,
				     const struct interface_object *interface, const uint8_t ip[4])
{
	struct arp_packet packet = {
		.hardware_type = htons(HARDWARE_ETHERNET),
		.protocol_type = htons(TYPE_IPV4),
		.hardware_size = 6,
		.protocol_size = 4,
		.operation = htons((uint16_t)operation),
	};

	memcpy(packet.sender_mac, &interface->mac, 6);
	memcpy(packet.sender_ip, ip, 4);
	return packet;
}

static bool is_valid(const struct arp_packet *packet)
{
	static const uint8_t zero[6];

	return packet->hardware_type == htons(HARDWARE_ETHERNET) &&
	       packet->protocol_type == htons(TYPE_IPV4) && packet->hardware_size == 6 &&
	       packet->protocol_size == 4 &&
	       (packet->operation == htons(OPERATION_REQUEST) ||
		packet->operation == htons(OPERATION_REPLY)) &&
	       !(packet->sender_mac[0] & 1) && memcmp(packet->sender_mac, zero, 6) != 0;
}

static struct address ipv4_address(const uint8_t ip[4])
{
	return (struct address){ .bytes = { [10] = 0xff, 0xff, ip[0], ip[1], ip[2], ip[3] } };
}

/* ---------------------------------------------------------------- sending */

int arp_announce_address(struct model *model, const struct interface_object *interface,
			 const uint8_t ip[4])
{
	/* RFC 5227 2.3: a request in which sender and target are both ours */
	struct arp_packet packet = make_packet(OPERATION_REQUEST, interface, ip);

	memcpy(packet.target_ip, ip, 4);
	return send_packet(model, interface, broadcast, &packet);
}

bool arp_announce(struct model *model, const struct interface_object *interface)
{
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (address_is_ipv4(&object->address) &&
	    arp_announce_address(model, interface, object->address.bytes + 12) != 0)
		return false;
	return true;
}

int arp_probe(struct model *model, const struct interface_object *interface, const uint8_t ip[4])
{
	static const uint8_t nobody[4];
	struct arp_packet packet = make_packet(OPERATION_REQUEST, interface, nobody);

	memcpy(packet.target_ip, ip, 4);
	return send_packet(model, interface, broadcast, &packet);
}

int arp_solicit(struct model *model, const struct neighbour_object *neighbour, bool everybody)
{
	const struct interface_object *interface = neighbour->interface;
	const struct address_object *own =
		address_covering(interface, (const struct address *)neighbour->key.address);

	if (own == NULL)
		return -EADDRNOTAVAIL;
	struct arp_packet packet =
		make_packet(OPERATION_REQUEST, interface, own->address.bytes + 12);
	memcpy(packet.target_ip, neighbour->key.address + 12, 4);
	return send_packet(model, interface, everybody ? broadcast : neighbour->mac, &packet);
}

/* ---------------------------------------------------------------- receiving */

/* RFC 5227 2.4: somebody else sends from an address of ours. Contradicted as often as it is
 * logged, so that two stubborn machines don't fill the link. */
static void contradict(struct model *model, const struct interface_object *interface,
		       const struct arp_packet *packet)
{
	struct address address = ipv4_address(packet->sender_ip);
	uint64_t logged = model->duplicate_logged;

	if (memcmp(packet->sender_mac, &interface->mac, 6) == 0) /* our own, come back */
		return;
	neighbour_duplicate(model, interface, &address, packet->sender_mac);
	if (model->duplicate_logged != logged)
		arp_announce_address(model, interface, packet->sender_ip);
}

/* RFC 5227 2.1.1: somebody else is about to take an address that we are about to take. It is answered as
 * any other request. */
static void notice_probe(struct model *model, const struct interface_object *interface,
			 const struct arp_packet *packet)
{
	static const uint8_t nobody[4];
	struct address address = ipv4_address(packet->target_ip);

	if (memcmp(packet->sender_ip, nobody, 4) == 0 &&
	    memcmp(packet->sender_mac, &interface->mac, 6) != 0 &&
	    dad_is_tentative(interface, &address))
		neighbour_duplicate(model, interface, &address, packet->sender_mac);
}

/* RFC 826, "packet reception": known senders are updated from whatever they say, unknown ones are
 * added if they ask for us. A reply to us is the confirmation of our question. */
static void learn(struct model *model, struct interface_object *interface,
		  const struct arp_packet *packet, bool to_us)
{
	struct address sender = ipv4_address(packet->sender_ip);
	bool reply = packet->operation == htons(OPERATION_REPLY);

	if (!neighbour_plausible(model, interface, &sender))
		return;
	struct neighbour_object *neighbour = neighbour_find(model, &sender, interface);
	if (neighbour == NULL && to_us && !reply)
		neighbour = neighbour_discover(model, &sender, interface);
	if (neighbour == NULL || neighbour->configured)
		return;
	bool same =
		neighbour_known(neighbour) && memcmp(neighbour->mac, packet->sender_mac, 6) == 0;
	/* what others hear too says nothing new about who is there: no end to REACHABLE */
	if (same && !(reply && to_us))
		return;
	neighbour_heard(model, neighbour, packet->sender_mac, reply && to_us);
}

void arp_input(struct model *model, uint32_t index, const uint8_t *frame, size_t length,
	       size_t l3_offset)
{
	struct interface_object *interface = model->interface[index];
	struct arp_packet packet;

	if (interface == NULL || interface->mac == 0 || !interface_is_up(interface))
		return;
	if (length < l3_offset || length - l3_offset < sizeof(packet)) {
		model->counters.arp_invalid++;
		return;
	}
	memcpy(&packet, frame + l3_offset, sizeof(packet));
	if (!is_valid(&packet)) {
		model->counters.arp_invalid++;
		return;
	}
	bool to_us = own_address(interface, packet.target_ip) != NULL;
	if (own_address(interface, packet.sender_ip) != NULL) {
		contradict(model, interface, &packet);
		return;
	}
	if (to_us)
		notice_probe(model, interface, &packet);
	learn(model, interface, &packet, to_us);
	if (!to_us || packet.operation != htons(OPERATION_REQUEST))
		return;
	/* RFC 826: the fields change places, and ours are filled in */
	struct arp_packet reply = make_packet(OPERATION_REPLY, interface, packet.target_ip);
	memcpy(reply.target_mac, packet.sender_mac, 6);
	memcpy(reply.target_ip, packet.sender_ip, 4);
	/* a full ring drops the reply, and the asker asks again */
	send_packet(model, interface, packet.sender_mac, &reply);
}
