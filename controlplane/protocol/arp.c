/* SPDX-License-Identifier: BSD-3-Clause
 *
 * arp.c: answer ARP requests for our addresses; announce them when an interface comes up.
 */
#include <arpa/inet.h>
#include "controlplane/object/model.h"
#include "controlplane/protocol/arp.h"
#include "controlplane/protocol/inject.h"

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

static bool is_request(const struct arp_packet *packet)
{
	return packet->hardware_type == htons(HARDWARE_ETHERNET) &&
	       packet->protocol_type == htons(TYPE_IPV4) && packet->hardware_size == 6 &&
	       packet->protocol_size == 4 && packet->operation == htons(OPERATION_REQUEST) &&
	       !(packet->sender_mac[0] & 1);
}

void arp_input(struct model *model, uint32_t index, const uint8_t *frame, size_t length,
	       size_t l3_offset)
{
	const struct interface_object *interface = model->interface[index];
	struct arp_packet packet;

	if (interface == NULL || interface->mac == 0 || !interface_is_up(interface) ||
	    length < l3_offset || length - l3_offset < sizeof(packet))
		return;
	memcpy(&packet, frame + l3_offset, sizeof(packet));
	if (!is_request(&packet) || own_address(interface, packet.target_ip) == NULL ||
	    own_address(interface, packet.sender_ip) != NULL)
		return;
	/* RFC 826: the fields change places, and ours are filled in */
	struct arp_packet reply = make_packet(OPERATION_REPLY, interface, packet.target_ip);
	memcpy(reply.target_mac, packet.sender_mac, 6);
	memcpy(reply.target_ip, packet.sender_ip, 4);
	/* a full ring drops the reply, and the asker asks again */
	send_packet(model, interface, packet.sender_mac, &reply);
}

static bool announce(struct model *model, const struct interface_object *interface)
{
	static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	{
		if (!address_is_ipv4(&object->address))
			continue;
		/* RFC 5227 2.3: a request in which sender and target are both ours */
		const uint8_t *ip = object->address.bytes + 12;
		struct arp_packet packet = make_packet(OPERATION_REQUEST, interface, ip);
		memcpy(packet.target_ip, ip, 4);
		if (send_packet(model, interface, broadcast, &packet) != 0)
			return false;
	}
	return true;
}

void arp_announce(struct model *model)
{
	for (struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		const struct interface_object *port = i->parent != NULL ? i->parent : i;
		if (!i->announce || !port->link_up || !interface_is_up(i) || !announce(model, i))
			continue;
		i->announce = false;
		model->announcements--;
	}
}
