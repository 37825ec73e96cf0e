/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_header.h: what an outer packet is made of, and which key finds its tunnel. Only what is whole and
 * as its RFC wants it has a key; everything else is transit, or tunnel_refuse's.
 */
#ifndef SHUNT_TUNNEL_HEADER_H
#define SHUNT_TUNNEL_HEADER_H

#include "dataplane/shm/tunnel.h"
#include "dataplane/stage/ip_validate.h"

enum {
	PROTOCOL_IPIP = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_GRE = 47,
	PROTOCOL_DESTINATION_OPTIONS = 60,

	GRE_CHECKSUM = 0x8000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	/* routing and strict source route (RFC 1701), bits 4 and 5, version: RFC 2784 2.2, 2.3 */
	GRE_REFUSED = 0x4c07,
	GRE_MINIMUM = 4, /* bytes of a header without optional fields */
	GRE_KEEPALIVE = 0,

	UDP_HEADER = 8,
	VXLAN_HEADER = 8,
	VXLAN_VNI_VALID = 0x08, /* the I flag; all others are ignored (RFC 7348 5) */

	GRE_TYPE_IPV4 = 0x0800,
	GRE_TYPE_IPV6 = 0x86dd,
	GRE_TYPE_MPLS = 0x8847,
	GRE_TYPE_MPLS_UPSTREAM = 0x8848,
	GRE_TYPE_ETHERNET = 0x6558,
};

/* An outer packet that may be a tunnel's. */
struct outer {
	uint8_t *at; /* tunnel header, behind the IP header (and UDP's, for VXLAN before it) */
	const uint8_t *end;    /* of the bytes of the packet that can be read, padding left out */
	uint32_t length;       /* bytes from the IP header on, as the header says */
	uint32_t inner;        /* bytes from the IP header to what is inside */
	uint16_t protocol;     /* GRE's; IP in IP: the Ethertype of what is inside */
	uint16_t flags;        /* GRE's first two bytes */
	uint8_t form;          /* enum tunnel_form */
	uint8_t traffic_class; /* of the outer header */
	uint32_t id;           /* key or VNI; 0 without */
};

/* Bytes of a GRE header with these flags. */
static inline unsigned int gre_length(uint16_t flags)
{
	return GRE_MINIMUM + 4 * (unsigned int)__builtin_popcount(
					 flags & (GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE));
}

static inline bool outer_gre(struct outer *outer)
{
	const uint8_t *gre = outer->at;

	if (outer->end - gre < GRE_MINIMUM)
		return false;
	uint16_t flags = ip_load16(gre);
	unsigned int length = gre_length(flags);
	if ((flags & GRE_REFUSED) != 0 || outer->end - gre < (ptrdiff_t)length)
		return false;
	outer->flags = flags;
	outer->protocol = ip_load16(gre + 2);
	outer->form = outer->protocol == GRE_TYPE_ETHERNET ? TUNNEL_FORM_GRETAP : TUNNEL_FORM_GRE;
	outer->id = 0;
	if (flags & GRE_KEY) {
		outer->form++;
		outer->id = ip_load32(gre + (flags & GRE_CHECKSUM ? 8 : 4));
	}
	outer->inner += length;
	return true;
}
static_assert(TUNNEL_FORM_GRE_KEY == TUNNEL_FORM_GRE + 1 &&
		      TUNNEL_FORM_GRETAP_KEY == TUNNEL_FORM_GRETAP + 1,
	      "the form with a key is the next one");

static inline bool outer_vxlan(struct outer *outer)
{
	const uint8_t *udp = outer->at;

	if (outer->end - udp < UDP_HEADER + VXLAN_HEADER || ip_load16(udp + 2) != VXLAN_PORT ||
	    !(udp[UDP_HEADER] & VXLAN_VNI_VALID))
		return false;
	unsigned int length = ip_load16(udp + 4);
	uint32_t room = outer->length - outer->inner;
	if (length < UDP_HEADER + VXLAN_HEADER || length > room)
		return false;
	outer->length -= room - length;
	outer->form = TUNNEL_FORM_VXLAN;
	outer->protocol = GRE_TYPE_ETHERNET;
	outer->flags = 0;
	outer->id = ip_load32(udp + UDP_HEADER + 4) >> 8;
	outer->inner += UDP_HEADER + VXLAN_HEADER;
	return true;
}

static inline bool outer_by_protocol(struct outer *outer, uint8_t protocol)
{
	outer->form = TUNNEL_FORM_IPIP;
	outer->flags = 0;
	outer->id = 0;
	switch (protocol) {
	case PROTOCOL_GRE:
		return outer_gre(outer);
	case PROTOCOL_IPIP:
		outer->protocol = GRE_TYPE_IPV4;
		return true;
	case PROTOCOL_IPV6:
		outer->protocol = GRE_TYPE_IPV6;
		return true;
	case PROTOCOL_UDP:
		return outer_vxlan(outer);
	default:
		return false;
	}
}

/* `packet` has a valid IP header (ip_validate). Where the header's end is, and what follows: its protocol.
 * One header of destination options is stepped over if it has nothing that must be understood (RFC 2473
 * 4.1.1, which other nodes put on by themselves; RFC 8200 4.2). -1: a fragment, or another way to have
 * nothing to offer. */
int outer_protocol_ipv6(const struct packet *packet, struct outer *outer);

static inline int outer_protocol(const struct packet *packet, struct outer *outer)
{
	const uint8_t *header = packet->l3;

	if (unlikely(packet->payload != PAYLOAD_IPV4))
		return outer_protocol_ipv6(packet, outer);
	outer->inner = (header[0] & 0xfu) * 4;
	outer->length = ip_load16(header + 2);
	outer->at = packet->l3 + outer->inner;
	outer->traffic_class = header[1];
	outer->end = RTE_MIN(packet_end(packet), header + outer->length);
	return (ip_load16(header + 6) & 0x3fff) != 0 ? -1 : header[9];
}

/* Keys of both families in the room of the longer one. */
union tunnel_key {
	struct tunnel_key_ipv4 ipv4;
	struct tunnel_key_ipv6 ipv6;
};

/* The last eight bytes of a key, in one piece: they are read so, and a store of each would be waited for. */
static inline uint64_t tunnel_key_last(uint32_t id, uint8_t form, uint8_t vrf)
{
	if (RTE_BYTE_ORDER == RTE_LITTLE_ENDIAN)
		return id | (uint64_t)form << 32 | (uint64_t)vrf << 40;
	return (uint64_t)id << 32 | (uint64_t)form << 24 | (uint64_t)vrf << 16;
}
static_assert(offsetof(struct tunnel_key_ipv4, form) == offsetof(struct tunnel_key_ipv4, id) + 4 &&
		      offsetof(struct tunnel_key_ipv4, vrf) ==
			      offsetof(struct tunnel_key_ipv4, id) + 5,
	      "as tunnel_key_last has them");

/* The key of a tunnel that this packet came by: with its exact remote end, or with any. */
static inline void tunnel_key(union tunnel_key *key, const struct packet *packet, uint8_t form,
			      uint32_t id, bool any)
{
	uint64_t last = tunnel_key_last(id, form, packet->vrf);

	if (likely(packet->payload == PAYLOAD_IPV4)) {
		memcpy(key->ipv4.remote, packet->l3 + 12, 8);
		if (any)
			memset(key->ipv4.remote, 0, 4);
		memcpy(&key->ipv4.id, &last, sizeof(last));
	} else {
		memcpy(key->ipv6.remote, packet->l3 + 8, 32);
		if (any)
			memset(key->ipv6.remote, 0, 16);
		memcpy(&key->ipv6.id, &last, sizeof(last));
	}
}

static inline size_t tunnel_key_size(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? sizeof(struct tunnel_key_ipv4)
					       : sizeof(struct tunnel_key_ipv6);
}

/* memcmp and hash_bytes with sizes that the compiler knows. */
static inline bool tunnel_key_equal(const struct packet *packet, const void *one, const void *other)
{
	if (likely(packet->payload == PAYLOAD_IPV4))
		return memcmp(one, other, sizeof(struct tunnel_key_ipv4)) == 0;
	return memcmp(one, other, sizeof(struct tunnel_key_ipv6)) == 0;
}

static inline uint64_t tunnel_key_hash(const struct tables *tables, const struct packet *packet,
				       const union tunnel_key *key)
{
	if (likely(packet->payload == PAYLOAD_IPV4))
		return hash_bytes(tables->control.hash_key, key, sizeof(key->ipv4));
	return hash_bytes(tables->control.hash_key, key, sizeof(key->ipv6));
}

static inline enum hash_table_id tunnel_table_id(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? HASH_TUNNEL_IPV4 : HASH_TUNNEL_IPV6;
}

/* Bit of tables->control.tunnel_forms for this packet's form with an exact remote end. */
static inline unsigned int tunnel_form_bit(const struct packet *packet, uint8_t form)
{
	return form + (packet->payload == PAYLOAD_IPV4 ? 0 : TUNNEL_FORM_IPV6);
}

/* What the key's entry says, or NULL: one table at leisure. */
static inline const struct tunnel_value *tunnel_look_up(const struct tables *tables,
							const struct packet *packet, uint8_t form,
							uint32_t id, bool any)
{
	union tunnel_key key;

	tunnel_key(&key, packet, form, id, any);
	const uint8_t *entry =
		hash_lookup(tables, tunnel_table_id(packet), &key, tunnel_key_size(packet));
	return entry == NULL ? NULL
			     : (const struct tunnel_value *)(entry + tunnel_key_size(packet));
}

#endif
