/* SPDX-License-Identifier: BSD-3-Clause
 *
 * punted.c: Ethernet header, tags, label stack and IP header of a punted frame.
 */
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/punted.h"

enum {
	ETHERNET_HEADER = 14,
	TAG = 4,
	TAGS_MAX = 2,
	TYPE_TAG = 0x8100,
	TYPE_SERVICE_TAG = 0x88a8,
	TYPE_MPLS = 0x8847,
	TYPE_IP = 0,     /* of either version: its header tells */
	LAYERS_MAX = 12, /* tunnels and label stacks around what is looked at */
	PROTOCOL_IPIP = 4,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_GRE = 47,
	GRE_CHECKSUM = 0x80,
	GRE_KEY = 0x20,
	GRE_SEQUENCE = 0x10,
	TYPE_MPLS_UPSTREAM = 0x8848,
	LABEL_SIZE = 4,
	ENTROPY_INDICATOR = 7, /* RFC 6790 */
};

bool punted_ip(const uint8_t *at, size_t room, struct punted *punted)
{
	if (room < IPV4_HEADER_SIZE)
		return false;
	punted->packet = at;
	punted->ipv4 = at[0] >> 4 == 4;
	if (punted->ipv4) {
		punted->header_length = (at[0] & 0xfu) * 4;
		punted->length = load16(at + 2);
		return punted->header_length >= IPV4_HEADER_SIZE &&
		       punted->length >= punted->header_length && punted->length <= room;
	}
	if (at[0] >> 4 != 6 || room < IPV6_HEADER_SIZE)
		return false;
	punted->header_length = IPV6_HEADER_SIZE;
	punted->length = IPV6_HEADER_SIZE + (size_t)load16(at + 4);
	return punted->length <= room;
}

bool punted_is_link_local(const struct punted *punted)
{
	return !punted->ipv4 && (load16(punted->packet + 8) & 0xffc0) == 0xfe80;
}

bool punted_is_own(const struct model *model, const struct interface_object *ingress, uint16_t vrf,
		   const struct address *address)
{
	const struct address_object *own = address_own(model, vrf, address);
	struct address link_local;

	if (!address_is_link_local(address))
		return own != NULL;
	interface_link_local(ingress, &link_local);
	return memcmp(&link_local, address, sizeof(link_local)) == 0 ||
	       (own != NULL && own->interface == ingress);
}

bool punted_own(const struct model *model, const struct punted *punted)
{
	struct address to = { .bytes = { [10] = 0xff, 0xff } };

	if (punted->ipv4)
		memcpy(to.bytes + 12, punted->packet + 16, 4);
	else
		memcpy(to.bytes, punted->packet + 24, 16);
	return (punted->depth == 0 || !address_is_link_local(&to)) &&
	       punted_is_own(model, punted->ingress, punted->vrf, &to);
}

/* Where the Ethernet header with its tags ends, and the type at its end. 0: not in the frame. */
static size_t link_header(const struct frame_slot *slot, unsigned int *type)
{
	size_t at = ETHERNET_HEADER;

	if (slot->length < at)
		return 0;
	*type = load16(slot->data + at - 2);
	for (unsigned int i = 0; i < TAGS_MAX && (*type == TYPE_TAG || *type == TYPE_SERVICE_TAG);
	     i++) {
		at += TAG;
		if (slot->length < at)
			return 0;
		*type = load16(slot->data + at - 2);
	}
	return at;
}

/* The stack at `at`, to its bottom. Returns where it ends, 0 if that is not within the limits. */
static size_t read_stack(const struct frame_slot *slot, size_t at, struct punted *punted)
{
	while (punted->depth < PUNTED_STACK_MAX && slot->length - at >= LABEL_SIZE) {
		uint32_t word = load32(slot->data + at);
		at += LABEL_SIZE;
		punted->stack[punted->depth++] = word;
		if (word >> 8 & 1)
			return at;
	}
	return 0;
}

/* An IP packet out of labels: the bottom one, or the one above an entropy pair there, says in which
 * VRF and whose TTL it has. */
static void take_label(const struct model *model, struct punted *punted)
{
	unsigned int bottom = punted->depth - 1;

	if (bottom >= 1 && punted->stack[bottom - 1] >> 12 == ENTROPY_INDICATOR)
		bottom -= bottom >= 2 ? 2 : 1;
	uint32_t label = punted->stack[bottom] >> 12;
	unsigned int space = bottom == 0 ? punted->ingress->settings.space : 0;
	uint64_t entry = label >= LABEL_FIRST_FREE ? label_get(model->tables, space, label) : 0;

	punted->ttl_done = !(entry & LABEL_TTL_PIPE);
	if (label_operation(entry) == LABEL_POP_IP)
		punted->vrf = (uint16_t)(label_index(entry) % VRF_MAX);
	else if (entry & LABEL_LOCAL)
		punted->vrf = (uint16_t)(label_out(entry) % VRF_MAX);
}

/* Where the header behind an outer IP header begins; *type says what it is. 0: it is no tunnel's. */
static size_t skip_outer(const struct frame_slot *slot, size_t at, unsigned int *type)
{
	struct punted outer;

	if (!punted_ip(slot->data + at, slot->length - at, &outer))
		return 0;
	unsigned int protocol = outer.packet[outer.ipv4 ? 9 : 6];
	at += outer.header_length;
	if (protocol == PROTOCOL_IPIP || protocol == PROTOCOL_IPV6) {
		*type = TYPE_IP;
		return at;
	}
	if (protocol != PROTOCOL_GRE || slot->length - at < 4)
		return 0;
	uint8_t flags = slot->data[at];
	*type = load16(slot->data + at + 2);
	at += 4 + (flags & GRE_CHECKSUM ? 4u : 0) + (flags & GRE_KEY ? 4u : 0) +
	      (flags & GRE_SEQUENCE ? 4u : 0);
	return at <= slot->l3_offset ? at : 0;
}

/* Out of the tunnels that the frame came in, to what the innermost one carried: a label stack or the
 * IP header that l3_offset leads to. 0: there is no such thing. */
static size_t skip_tunnels(const struct frame_slot *slot, size_t at, unsigned int *type)
{
	for (unsigned int i = 0; i < LAYERS_MAX && at != 0 && at < slot->l3_offset; i++) {
		struct punted outer = { .depth = 0 };
		if (*type != TYPE_MPLS && *type != TYPE_MPLS_UPSTREAM) {
			at = skip_outer(slot, at, type);
			continue;
		}
		size_t below = read_stack(slot, at, &outer);
		if (below == 0 || below >= slot->l3_offset)
			return below == 0 ? 0 : at;
		at = below;
		*type = TYPE_IP;
	}
	return at <= slot->l3_offset ? at : 0;
}

bool punted_read(const struct model *model, const struct frame_slot *slot, struct punted *punted)
{
	unsigned int type = 0;

	memset(punted, 0, sizeof(*punted));
	punted->ingress = model->interface[slot->interface];
	if (punted->ingress == NULL || !interface_is_up(punted->ingress))
		return false;
	punted->vrf = punted->ingress->settings.vrf;
	punted->nexthop = slot->nexthop;
	size_t at = slot->l3_offset;
	type = slot->ethertype;
	if (type == 0) {
		at = link_header(slot, &type);
		if (at == 0 || slot->l3_offset < at)
			return false;
		punted->link_multicast = slot->data[0] & 1;
		if (punted->ingress->tunnel != NULL)
			at = skip_tunnels(slot, at, &type);
		if (at == 0)
			return false;
	}
	if (type == TYPE_MPLS || type == TYPE_MPLS_UPSTREAM) {
		at = read_stack(slot, at, punted);
		if (at == 0)
			return false;
		if (slot->ethertype == 0) /* else they are those that it would have left with */
			take_label(model, punted);
	}
	return punted_ip(slot->data + at, slot->length - at, punted);
}
