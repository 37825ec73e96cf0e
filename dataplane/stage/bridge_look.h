/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge_look.h: insides of bridge_vector.c: what the frames of a vector ask the tables, so that all of them
 * have asked before the first one needs its answer.
 */
#ifndef SHUNT_STAGE_BRIDGE_LOOK_H
#define SHUNT_STAGE_BRIDGE_LOOK_H

#include <rte_ether.h>
#include <rte_prefetch.h>
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/ip_header.h"

/* Bytes of a frame that are looked at. */
enum { LEAST = RTE_ETHER_HDR_LEN + TAG_SIZE + IPV4_HEADER };

/* No slot: to the ports of the frames that wait; it has to be looked up. */
enum { WAITING = -1, NOWHERE = -2 };

enum look_kind { LOOK_ALONE, LOOK_UNICAST, LOOK_GROUP };

/* What a frame asks the tables. */
struct look {
	uint8_t kind; /* enum look_kind; ALONE: nothing else is set */
	uint8_t family;
	bool tagged;
	bool repeats; /* the frame before has this source; else source_... are set */
	bool same;    /* of the third pass: it stands for another frame that repeats its own */
	uint16_t tci;
	const struct bridge_domain *domain;
	uint64_t hash, source_hash;
	const struct hash_bucket *bucket, *source_bucket;
	const void *entry, *source_entry; /* most likely those */
	struct fdb_key source;
	union {
		struct fdb_key address;
		struct group_key group;
	};
};

/* Frames that wait to be sent to the same ports. */
struct waiting {
	struct port_set ports;
	const struct bridge_domain *domain; /* NULL: no set of ports yet */
	bool tagged;
	bool plain;         /* all of the ports take frames as they are */
	uint32_t mtu;       /* the least of theirs */
	unsigned int count; /* targets */
	unsigned int frames;
	uint64_t bytes;
	struct rte_mbuf *mbuf[VECTOR_SIZE];
	struct {
		uint32_t interface, port;
	} target[PORT_MAX];
};

static const uint8_t no_frame[LEAST];

struct batch {
	struct worker *worker;
	const struct bridge_port *port;
	const struct bridge_members *members;
	uint32_t interface;
	const struct hash_root *addresses, *groups; /* NULL: none */
	/* the VLAN of the frame before; 0: none yet */
	unsigned int vlan;
	const struct bridge_domain *domain; /* NULL: the port is not in it */
	const struct bridge_domain *allowed_in;
	struct port_set allowed; /* of that domain, what a frame of this port may leave by */
	/* of the frame before that did not go alone: what it asks, and its bytes, in the first pass; in the
	 * third, what its destination's entry is, whether its source is known here, and where another one
	 * goes */
	const struct look *before;
	const uint8_t *frame; /* no_frame: there was none yet */
	const void *entry;
	bool known;
	int again; /* slot, WAITING or NOWHERE */
	uint64_t repeats; /* bit i: frame i has no look, but asks what the last one that has asks */
	uint32_t counter; /* of the group that was looked up last, and what is not counted yet */
	uint32_t counted_packets;
	uint64_t counted_bytes;
	struct bridge_memo memo;
	uint64_t forwarded, copies;
	struct waiting waiting;
};

/* As it stands in the frame: compared with RTE_BE16 constants. */
static inline uint16_t load16(const uint8_t *at)
{
	uint16_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint32_t load32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

static inline const struct hash_root *root_of(const struct tables *tables, enum hash_table_id id)
{
	uint64_t offset = word_load(&tables->hash_root[id]);

	return offset != 0 ? tables_object(tables, offset) : NULL;
}

/* ---------------------------------------------------------------- sets of ports */

/* (a | b) & allowed; false: none. */
static inline bool combine(struct port_set *ports, const struct port_set *a,
			   const struct port_set *b, const struct port_set *allowed)
{
#ifdef __AVX2__
	__m256i either = _mm256_or_si256(_mm256_loadu_si256((const void *)a),
					 _mm256_loadu_si256((const void *)b));
	__m256i all = _mm256_loadu_si256((const void *)allowed);
	_mm256_storeu_si256((void *)ports, _mm256_and_si256(either, all));
	return !_mm256_testz_si256(either, all);
#else
	uint64_t any = 0;

	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		any |= ports->word[i] = (a->word[i] | b->word[i]) & allowed->word[i];
	return any != 0;
#endif
}

static inline bool same_ports(const struct port_set *a, const struct port_set *b)
{
#ifdef __AVX2__
	__m256i differ = _mm256_xor_si256(_mm256_loadu_si256((const void *)a),
					  _mm256_loadu_si256((const void *)b));
	return _mm256_testz_si256(differ, differ);
#else
	return memcmp(a, b, sizeof(*a)) == 0;
#endif
}

/* ---------------------------------------------------------------- first pass: what to look up */

static __rte_noinline void enter_vlan(struct batch *batch, unsigned int vlan)
{
	batch->vlan = vlan;
	batch->domain = NULL;
	if (vlan == VLAN_NONE || vlan > VLAN_LAST)
		return;
	batch->domain = bridge_domain(batch->worker->tables, batch->port->bridge, vlan);
	if (batch->domain != NULL && !port_set_has(&batch->domain->member, batch->port->slot))
		batch->domain = NULL;
}

/* Data to a group that snooping decides about; false: anything else. */
static inline bool look_at_group(struct look *look, const uint8_t *frame, const uint8_t *l3,
				 const uint8_t *end)
{
	const uint32_t needed = DOMAIN_SNOOPING | DOMAIN_ENFORCED;
	uint32_t flags = look->domain->flags;

	look->group.bridge = look->domain->bridge;
	look->group.vlan = (uint16_t)look->domain->vlan;
	look->group.reserved = 0;
	if (load16(frame) == RTE_BE16(0x0100) && frame[2] == 0x5e) {
		look->family = BRIDGE_IPV4;
		multicast_map_ipv4(look->group.group, l3 + 16);
		return (flags & needed) == needed &&
		       load16(l3 - 2) == RTE_BE16(RTE_ETHER_TYPE_IPV4) &&
		       multicast_is_data_ipv4(l3);
	}
	look->family = BRIDGE_IPV6;
	flags = flags >> DOMAIN_FAMILY_BITS & DOMAIN_ENFORCED ? flags | DOMAIN_ENFORCED : 0;
	if (load16(frame) != RTE_BE16(0x3333) || end - l3 < IPV6_HEADER ||
	    (flags & needed) != needed || load16(l3 - 2) != RTE_BE16(RTE_ETHER_TYPE_IPV6) ||
	    !multicast_is_data_ipv6(l3))
		return false;
	memcpy(look->group.group, l3 + 24, sizeof(look->group.group));
	return true;
}

/* The line where the key's chain begins. */
static inline const struct hash_bucket *ask(const struct tables *tables,
					    const struct hash_root *root, const void *key,
					    size_t size, uint64_t *hash)
{
	*hash = hash_bytes(tables->control.hash_key, key, size);
	const struct hash_bucket *bucket = hash_bucket(tables, root, *hash);
	rte_prefetch0(bucket);
	return bucket;
}

static inline void ask_all(struct batch *batch, struct look *look, const uint8_t *frame)
{
	const struct tables *tables = batch->worker->tables;
	const struct look *before = batch->before;

	batch->before = look;
	batch->frame = frame;
	look->source = fdb_key(look->domain->bridge, look->domain->vlan, frame + 6);
	look->repeats =
		before != NULL && memcmp(&look->source, &before->source, sizeof(look->source)) == 0;
	look->same = false;
	if (!look->repeats)
		look->source_bucket = ask(tables, batch->addresses, &look->source,
					  sizeof(look->source), &look->source_hash);
	if (look->kind == LOOK_GROUP)
		look->bucket =
			ask(tables, batch->groups, &look->group, sizeof(look->group), &look->hash);
	else
		look->bucket = ask(tables, batch->addresses, &look->address, sizeof(look->address),
				   &look->hash);
}

/* A burst of one stream: do the bytes that decide say what they said in the frame before? False: maybe. */
static inline bool repeats_bytes(const struct batch *batch, const struct packet *packet)
{
	const uint8_t *frame = packet->l3, *other = batch->frame;
	const struct look *before = batch->before;

	/* the end of the destination first, which differs most; then both addresses, and type or tag */
	if (packet->mbuf->data_len < LEAST || load32(frame + 2) != load32(other + 2) ||
	    before == NULL || memcmp(frame, other, RTE_ETHER_HDR_LEN + 2) != 0)
		return false;
	if (before->kind == LOOK_UNICAST)
		return true;
	unsigned int l3 = bridge_l3(before->tagged);
	frame += l3;
	other += l3;
	if (before->tagged && memcmp(frame - 2, other - 2, 3) != 0) /* type, version, length of header */
		return false;
	if (before->family == BRIDGE_IPV4)
		return frame[9] == other[9] && memcmp(frame + 16, other + 16, 4) == 0;
	return packet->mbuf->data_len >= l3 + IPV6_HEADER && frame[6] == other[6] &&
	       memcmp(frame + 24, other + 24, 16) == 0;
}

static inline void look_at(struct batch *batch, const struct packet *packet, struct look *look)
{
	const uint8_t *frame = packet->l3, *l3 = frame + RTE_ETHER_HDR_LEN;

	look->kind = LOOK_ALONE;
	if (unlikely(packet->mbuf->data_len < LEAST))
		return;
	look->tci = batch->port->native;
	look->tagged = load16(frame + 12) == RTE_BE16(RTE_ETHER_TYPE_VLAN);
	if (look->tagged) {
		look->tci = rte_be_to_cpu_16(load16(frame + 14));
		l3 += TAG_SIZE;
		if ((look->tci & 0xfff) == 0) /* a priority tag, which is written */
			return;
	}
	if (unlikely((look->tci & 0xfff) != batch->vlan))
		enter_vlan(batch, look->tci & 0xfff);
	if (unlikely(batch->domain == NULL))
		return;
	look->domain = batch->domain;
	if (frame[0] & 1) {
		if (batch->groups == NULL ||
		    !look_at_group(look, frame, l3, frame + packet->mbuf->data_len))
			return;
		look->kind = LOOK_GROUP;
	} else {
		look->kind = LOOK_UNICAST;
		look->address = fdb_key(batch->domain->bridge, batch->domain->vlan, frame);
	}
	ask_all(batch, look, frame);
}

/* ---------------------------------------------------------------- second pass: the entries */

static inline void guess(const struct tables *tables, struct look *look)
{
	if (look->kind == LOOK_ALONE)
		return;
	look->entry = hash_guess(tables, look->bucket, look->hash);
	rte_prefetch0(look->entry);
	if (look->repeats)
		return;
	look->source_entry = hash_guess(tables, look->source_bucket, look->source_hash);
	rte_prefetch0(look->source_entry);
}

/* The entry itself, or NULL. */
static inline const void *entry_of(struct batch *batch, const struct look *look, const void *key,
				   size_t size)
{
	if (look->same)
		return batch->entry;
	batch->entry = look->entry;
	if (unlikely(look->entry == NULL || memcmp(look->entry, key, size) != 0))
		batch->entry =
			hash_find(batch->worker->tables, look->bucket, look->hash, key, size);
	return batch->entry;
}

static inline const struct fdb_entry *source_entry_of(const struct tables *tables,
						      const struct look *look)
{
	const size_t size = sizeof(look->source);

	if (likely(look->source_entry != NULL &&
		   memcmp(look->source_entry, &look->source, size) == 0))
		return look->source_entry;
	return hash_find(tables, look->source_bucket, look->source_hash, &look->source, size);
}

#endif
