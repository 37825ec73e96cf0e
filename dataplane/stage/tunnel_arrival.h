/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_arrival.h: which tunnel an IP packet came by. First whether it may have come by one at all, then
 * the look-ups of a whole vector, step by step, so that memory is asked for ahead.
 *
 * GRE over IPv4 without options or sequence number, which is what tunnels carry most of, is read in a few
 * words; everything else, right or wrong, goes the general way with the same result.
 */
#ifndef SHUNT_TUNNEL_ARRIVAL_H
#define SHUNT_TUNNEL_ARRIVAL_H

#include "dataplane/stage/stage.h"
#include "dataplane/stage/tunnel_header.h"

/* What one turn of the stage has for all packets. */
struct mouth {
	struct worker *worker;
	const struct hash_root *root[2]; /* by family: IPv4, IPv6 */
	uint64_t protocols[2];           /* bits of IP protocols that tunnels have, by family */
	uint64_t forms, ready;           /* tunnel_forms, interfaces_ready */
	uint64_t local;                  /* filter of what is for ourselves, or 0 */
	uint64_t now;                    /* nanoseconds; 0: not asked for yet */
	uint32_t ingress, decapsulated;  /* whose packets are being added up */
	bool gaps;                       /* some packet has left worker->ip */
};

/* A packet on its way into its tunnel: one line of the cache. */
struct arrival {
	struct packet *packet;
	union { /* one after the other */
		const struct hash_bucket *bucket;
		const uint8_t *entry; /* that has the key, most likely */
		const struct tunnel_value *value;
	};
	uint64_t hash;
	uint64_t key[2];   /* the words of a struct tunnel_key_ipv4; IPv6: the second is the key's last */
	uint32_t length;   /* bytes from the outer IP header on, as the header says */
	uint32_t id;       /* key or VNI; 0 without */
	uint16_t inner;    /* bytes from the outer IP header to what is inside */
	uint16_t protocol; /* GRE's; IP in IP: the Ethertype of what is inside */
	uint16_t flags;    /* GRE's first two bytes */
	uint8_t form;      /* enum tunnel_form */
	uint8_t traffic_class; /* of the outer header */
	uint8_t place;         /* in worker->ip */
	bool ipv6;             /* outer */
	bool again;            /* has the key of the arrival before */
	bool any;              /* the key is one with any remote end */
};
static_assert(sizeof(struct arrival) <= CACHE_LINE, "arrival");
static_assert(VECTOR_SIZE <= 256 && TUNNEL_HEADER_MAX < 256, "they fit");

/* Of the bytes of the packet that can be read, padding left out. */
static inline const uint8_t *arrival_end(const struct arrival *arrival)
{
	return RTE_MIN(packet_end(arrival->packet), arrival->packet->l3 + arrival->length);
}

/* ---------------------------------------------------------------- which packets */

static inline uint64_t arrival_load64(const uint8_t *at)
{
	uint64_t word;
	memcpy(&word, at, sizeof(word));
	return word;
}

/* One's complement sum of these three parts of an IPv4 header of 20 bytes is that of a right checksum:
 * the carries of each fold go around (RFC 1071 2 (C)). */
static inline bool arrival_sum_is_right(uint64_t first, uint64_t second, uint32_t third)
{
	uint64_t sum = first + second;

	sum += sum < second;
	sum += third;
	sum += sum < third;
	sum += sum << 32 | sum >> 32;
	uint32_t half = (uint32_t)(sum >> 32);
	half += half << 16 | half >> 16;
	return half >> 16 == 0xffff;
}

enum { PLAIN_ROOM = IPV4_HEADER + GRE_MINIMUM + IPV4_HEADER };

/* GRE over IPv4 without options, fragments, sequence number: with an exact key. False: look closer. */
static inline bool arrives_plain(const struct mouth *mouth, struct packet *packet,
				 struct arrival *arrival)
{
	/* version and length of the header; fragments, but not DF; the protocol */
	const uint64_t first_mask = rte_cpu_to_be_64(0xff00000000003fff);
	const uint64_t second_mask = rte_cpu_to_be_64(0x00ff000000000000);
	const uint64_t first_is = rte_cpu_to_be_64(0x4500000000000000);
	const uint64_t second_is = rte_cpu_to_be_64((uint64_t)PROTOCOL_GRE << 48);
	const uint8_t *header = packet->l3;

	if (packet->payload != PAYLOAD_IPV4 || packet_end(packet) - header < PLAIN_ROOM)
		return false;
	uint64_t first = arrival_load64(header), second = arrival_load64(header + 8);
	uint64_t ends = arrival_load64(header + 12);
	uint32_t gre = ip_load32(header + IPV4_HEADER);
	uint16_t flags = (uint16_t)(gre >> 16), protocol = (uint16_t)gre;
	if ((((first ^ first_is) & first_mask) | ((second ^ second_is) & second_mask)) != 0 ||
	    (flags & ~(GRE_CHECKSUM | GRE_KEY)) != 0 || protocol == GRE_TYPE_ETHERNET)
		return false;
	bool keyed = (flags & GRE_KEY) != 0;
	uint32_t inner = (uint32_t)IPV4_HEADER + GRE_MINIMUM + (keyed ? 4u : 0u) + (flags >> 15) * 4u;
	uint32_t length = ip_load16(header + 2);
	if (length < inner || length > packet_length(packet))
		return false;
	uint32_t local;
	memcpy(&local, header + 16, sizeof(local));
	if (!arrival_sum_is_right(first, second, local) ||
	    ipv4_source_is_martian(ip_load32(header + 12)))
		return false;
	uint8_t form = (uint8_t)(TUNNEL_FORM_GRE + keyed);
	/* to a group of the link: see arrives() */
	if (!(mouth->forms >> form & 1) ||
	    (rte_pktmbuf_mtod(packet->mbuf, const uint8_t *)[0] & 1))
		return false;
	arrival->packet = packet;
	arrival->id = keyed ? ip_load32(header + inner - 4) : 0;
	arrival->key[0] = ends;
	arrival->key[1] = tunnel_key_last(arrival->id, form, packet->vrf);
	arrival->length = length;
	arrival->inner = (uint16_t)inner;
	arrival->protocol = protocol;
	arrival->flags = flags;
	arrival->form = form;
	arrival->traffic_class = header[1];
	arrival->ipv6 = false;
	arrival->any = false;
	return true;
}

/* The same of everything else. */
static __rte_noinline bool arrives_otherwise(const struct mouth *mouth, struct packet *packet,
					     struct arrival *arrival)
{
	union tunnel_key key;
	struct outer outer;

	if (ip_validate(packet) != GOES_ON)
		return false;
	/* sent to a group by the link, and to us alone by IP: the ip stage says no (RFC 1812 5.3.4) */
	if (!(packet->flags & PACKET_LABELLED) &&
	    (rte_pktmbuf_mtod(packet->mbuf, const uint8_t *)[0] & 1))
		return false;
	int inside = outer_protocol(packet, &outer);
	if (inside < 0 || !outer_by_protocol(&outer, (uint8_t)inside))
		return false;
	uint64_t forms = mouth->forms >> tunnel_form_bit(packet, outer.form);
	if (!(forms & (1u | 1u << TUNNEL_FORM_ANY)))
		return false;
	*arrival = (struct arrival){
		.packet = packet,
		.length = outer.length,
		.id = outer.id,
		.inner = (uint16_t)outer.inner,
		.protocol = outer.protocol,
		.flags = outer.flags,
		.form = outer.form,
		.traffic_class = outer.traffic_class,
		.ipv6 = packet->payload != PAYLOAD_IPV4,
		.any = !(forms & 1),
	};
	tunnel_key(&key, packet, outer.form, outer.id, arrival->any);
	if (!arrival->ipv6) {
		memcpy(arrival->key, &key.ipv4, sizeof(arrival->key));
	} else {
		memcpy(&arrival->key[1], &key.ipv6.id, sizeof(arrival->key[1]));
		arrival->hash = tunnel_key_hash(mouth->worker->tables, packet, &key);
	}
	return true;
}
static_assert(sizeof(struct tunnel_key_ipv4) == 2 * sizeof(uint64_t), "words of a key");

/* Is its protocol one that some tunnel has? Most packets have none. */
static inline bool may_arrive(const struct mouth *mouth, const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	bool ipv4 = packet->payload == PAYLOAD_IPV4;

	if (packet_end(packet) - header < (ipv4 ? IPV4_HEADER : IPV6_HEADER))
		return false;
	uint8_t protocol = ipv4 ? header[9] : header[6];
	return protocol < 64 && (mouth->protocols[!ipv4] >> protocol & 1) != 0;
}

/* Is it whole, valid, of a form that some tunnel has? Then `arrival` has its headers and key. */
static inline bool arrives(const struct mouth *mouth, struct packet *packet,
			   struct arrival *arrival)
{
	if (!may_arrive(mouth, packet) || (unlikely(!arrives_plain(mouth, packet, arrival)) &&
					   !arrives_otherwise(mouth, packet, arrival)))
		return false;
	rte_prefetch0(packet->l3 + arrival->inner + IPV4_HEADER);
	return true;
}

/* ---------------------------------------------------------------- looking up */

/* Before the vector's own look-up of all: the bucket, unless the packet before was of the same tunnel. */
static inline void look_up_begin(const struct mouth *mouth, struct arrival *arrival,
				 const struct arrival *before)
{
	const struct tables *tables = mouth->worker->tables;

	arrival->again =
		before != NULL && before->key[1] == arrival->key[1] &&
		before->ipv6 == arrival->ipv6 &&
		(likely(!arrival->ipv6)
			 ? before->key[0] == arrival->key[0]
			 : before->any == arrival->any &&
				   memcmp(before->packet->l3 + 8, arrival->packet->l3 + 8, 32) == 0);
	if (arrival->again)
		return;
	if (likely(!arrival->ipv6))
		arrival->hash = hash_bytes(tables->control.hash_key, arrival->key,
					   sizeof(arrival->key));
	arrival->bucket = hash_bucket(tables, mouth->root[arrival->ipv6], arrival->hash);
	rte_prefetch0(arrival->bucket);
}

/* Anything but a first guess that was right. */
static __rte_noinline const struct tunnel_value *look_up_closer(const struct mouth *mouth,
								const struct arrival *arrival)
{
	const struct tables *tables = mouth->worker->tables;
	const struct packet *packet = arrival->packet;
	const struct tunnel_value *value =
		tunnel_look_up(tables, packet, arrival->form, arrival->id, arrival->any);
	unsigned int any = tunnel_form_bit(packet, arrival->form) + TUNNEL_FORM_ANY;

	if (value != NULL || arrival->any || !(mouth->forms >> any & 1))
		return value;
	return tunnel_look_up(tables, packet, arrival->form, arrival->id, true);
}

/* The exact remote end, or a tunnel that takes any. */
static inline const struct tunnel_value *look_up_end(const struct mouth *mouth,
						     const struct arrival *arrival)
{
	const uint8_t *entry = arrival->entry;

	if (likely(entry != NULL && !arrival->ipv6) &&
	    likely(((arrival_load64(entry) ^ arrival->key[0]) |
		    (arrival_load64(entry + 8) ^ arrival->key[1])) == 0))
		return (const struct tunnel_value *)(entry + sizeof(struct tunnel_key_ipv4));
	return look_up_closer(mouth, arrival);
}

/* The tunnels of all arrivals, or NULL. */
static inline void look_up(const struct mouth *mouth, struct arrival *arrivals, unsigned int count)
{
	struct worker *worker = mouth->worker;
	const struct tables *tables = worker->tables;

	for (unsigned int i = 0; i < count; i++) {
		struct arrival *arrival = &arrivals[i];
		if (arrival->again)
			continue;
		arrival->entry = hash_guess(tables, arrival->bucket, arrival->hash);
		rte_prefetch0(arrival->entry);
	}
	for (unsigned int i = 0; i < count; i++) {
		struct arrival *arrival = &arrivals[i];
		if (arrival->again) {
			arrival->value = arrival[-1].value;
			continue;
		}
		arrival->value = look_up_end(mouth, arrival);
		if (arrival->value == NULL)
			continue;
		rte_prefetch0(&tables->interface[arrival->value->interface]);
		rte_prefetch0(&worker->interface[arrival->value->interface]);
	}
}

#endif
