/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.h: what a bridge's row refers to, and how the tables of bridges and multicast are read.
 *
 * A bridge has up to SLOT_LABEL - 1 ports, each with a slot number; slot 0 is the bridge's own interface
 * (kind INTERFACE_BRIDGE: addresses, routes), which is a port like the others. Sets of ports are bit
 * maps of slots. Everything here is an immutable heap object that one store publishes; the words of
 * the array of domains are each valid by itself. CP writes, DP reads.
 *
 *   interface.bridge_port -> struct bridge_port      what the port does with its frames
 *   bridge[b].members     -> struct bridge_members   which interface a slot is
 *   bridge[b].domains     -> [VLAN] -> struct bridge_domain   who is in the VLAN, and how
 *   HASH_FDB              (bridge, VLAN, MAC) -> slot
 *   HASH_GROUP            (bridge, VLAN, group) -> ports
 *   HASH_GROUP_SOURCE     (bridge, VLAN, source, group) -> ports
 *   HASH_MULTICAST_ROUTE  (VRF, group) -> bridges and routed interfaces; which sources they want is in the
 *                         two above
 *
 * An interface that is in no bridge (port, VLAN subinterface) and has INTERFACE_GROUPS has its groups there too,
 * as if it were the one port of a bridge: number groups_of_interface(), VLAN_NONE, slot 0.
 */
#ifndef SHUNT_SHM_BRIDGE_H
#define SHUNT_SHM_BRIDGE_H

#include <stdbool.h>
#include "hash.h"

enum {
	SLOT_WORDS = BRIDGE_SLOTS / 64,
	SLOT_OWN = 0,
	SLOT_LABEL = BRIDGE_SLOTS - 1, /* no port: what comes in by `pop bridge` labels */
	VLAN_NONE = 0,
	VLAN_LAST = 4094
};

/* Bit s % 64 of word[s / 64] is slot s. */
struct port_set {
	uint64_t word[SLOT_WORDS];
};

/* bridge_row.flags */
#define BRIDGE_VALID           (1ull << 0)
#define BRIDGE_LEARNING        (1ull << 1)
#define BRIDGE_DROP_UNKNOWN    (1ull << 2) /* unknown unicast is not flooded */
#define BRIDGE_INTERFACE_SHIFT 32          /* 32 bits: row of its own interface */

/* A slot as one word: bits 0-19 interface, 20-27 its port row (PORT_VIRTUAL: tunnel, or the bridge's
 * own), 32-47 MTU; 0: free. */
#define MEMBER_INTERFACE_MASK 0xfffffull
#define MEMBER_PORT_SHIFT     20
#define MEMBER_MTU_SHIFT      32
#define MEMBER_VALID          (1ull << 63)

struct bridge_members {
	uint64_t member[BRIDGE_SLOTS];
	struct port_set isolated; /* send nothing to one another */
	struct port_set horizon;  /* split horizon: what comes in by one leaves by none of them */
};
static_assert(sizeof(struct bridge_members) == 2112, "bridge_members");

enum bridge_family { BRIDGE_IPV4, BRIDGE_IPV6, BRIDGE_FAMILIES };
enum bridge_unregistered { UNREGISTERED_FLOOD, UNREGISTERED_ROUTERS, UNREGISTERED_DROP };

/* bridge_domain.flags; those of a family are shifted left by DOMAIN_FAMILY_BITS times its number */
#define DOMAIN_SNOOPING           1u /* IGMP and MLD are the control plane's to forward */
#define DOMAIN_FAMILY_BITS        8
#define DOMAIN_ENFORCED           (1u << 8) /* registered groups go to their ports; else they flood */
#define DOMAIN_UNREGISTERED_SHIFT 9         /* 2 bits, enum bridge_unregistered */

/* A VLAN of a bridge. */
struct bridge_domain {
	struct port_set member; /* ports that are in it and up */
	struct port_set tagged; /* of these: who gets its frames with a tag */
	struct port_set routers[BRIDGE_FAMILIES];
	uint32_t flags; /* DOMAIN_... */
	uint32_t vlan, bridge;
	uint8_t reserved[20];
};
static_assert(sizeof(struct bridge_domain) == 160, "bridge_domain");

enum storm_kind { STORM_BROADCAST, STORM_MULTICAST, STORM_UNICAST, STORM_KINDS };
enum { STORM_METERS = 256 }; /* ports with storm control, over all bridges; number 0 is none */

#define BRIDGE_PORT_LEARNING 1u
#define BRIDGE_PORT_ISOLATED 2u
#define BRIDGE_PORT_HORIZON  4u

/* What interface.bridge_port refers to. */
struct bridge_port {
	uint32_t bridge;
	uint16_t slot;
	uint16_t
		native; /* VLAN of frames without a tag or with a priority tag; VLAN_NONE: dropped */
	uint32_t flags; /* BRIDGE_PORT_... */
	uint16_t meter; /* number of its policers in each worker, 0: none */
	uint16_t reserved;
	uint64_t storm[STORM_KINDS]; /* frames a second and worker; 0: no limit */
	uint8_t reserved2[24];
};
static_assert(sizeof(struct bridge_port) == 64, "bridge_port");

/* ---------------------------------------------------------------- addresses */

struct fdb_key {
	uint8_t mac[6];
	uint16_t vlan;
	uint32_t bridge;
	uint32_t reserved;
};
struct fdb_entry {
	struct fdb_key key;
	uint32_t interface;
	uint16_t slot;
	uint8_t origin;   /* enum origin; SYSTEM: the bridge's own address */
	uint8_t flags;    /* FDB_... */
	uint32_t hit;     /* index into state->fdb_hit */
	uint32_t learned; /* tick when it was learned or moved; fdb_hit tells no earlier ones */
};
static_assert(sizeof(struct fdb_entry) == 32, "fdb_entry");
#define FDB_DAMPED 1u /* moves too often: stays where it is for a while */

/* ---------------------------------------------------------------- multicast */

struct group_key {
	uint8_t group[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t bridge;   /* or groups_of_interface() */
	uint16_t vlan;
	uint16_t reserved;
};
/* Members; router ports are the domain's. */
struct group_entry {
	struct group_key key;
	struct port_set ports;
	uint32_t flags;   /* GROUP_... */
	uint32_t counter; /* index into state->multicast, 0: none */
};
static_assert(sizeof(struct group_entry) == 64, "group_entry");
#define GROUP_SOURCES 1u /* HASH_GROUP_SOURCE may have entries of this group */
#define GROUP_ABSENT  2u /* only there for those: other sources are unregistered */

struct group_source_key {
	struct group_key any;
	uint8_t source[16];
};
struct group_source_entry {
	struct group_source_key key;
	struct port_set ports;
	uint32_t counter; /* as that of a group, which has not what this one counts */
	uint32_t reserved;
};
static_assert(sizeof(struct group_source_entry) == 80, "group_source_entry");

enum { MULTICAST_BRANCHES = 32 }; /* bridges and interfaces of a VRF that multicast may be routed to */

struct multicast_key {
	uint8_t group[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t vrf;
	uint32_t reserved;
};
/* Where a group is routed to, for hosts have asked for it there. */
struct multicast_route {
	struct multicast_key key;
	uint32_t count; /* branches */
	uint32_t reserved;
	struct {
		uint32_t interface; /* a bridge's own, or a routed one */
		uint16_t threshold; /* a TTL that is less after the decrement does not leave by it */
		uint16_t flags;     /* MULTICAST_... */
	} branch[MULTICAST_BRANCHES];
};
static_assert(sizeof(struct multicast_route) == 288, "multicast_route");
#define MULTICAST_NO_RPF 1u /* whatever interface it came in by */

/* ---------------------------------------------------------------- reading */

static inline bool port_set_has(const struct port_set *set, unsigned int slot)
{
	return set->word[slot / 64 % SLOT_WORDS] >> (slot % 64) & 1;
}

static inline void port_set_add(struct port_set *set, unsigned int slot)
{
	set->word[slot / 64] |= 1ull << (slot % 64);
}

static inline void port_set_remove(struct port_set *set, unsigned int slot)
{
	set->word[slot / 64] &= ~(1ull << (slot % 64));
}

static inline unsigned int port_set_count(const struct port_set *set)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		count += (unsigned int)__builtin_popcountll(set->word[i]);
	return count;
}

static inline uint32_t member_interface(uint64_t member)
{
	return (uint32_t)(member & MEMBER_INTERFACE_MASK);
}

static inline unsigned int member_port(uint64_t member)
{
	return (unsigned int)(member >> MEMBER_PORT_SHIFT) & 0xff;
}

static inline unsigned int member_mtu(uint64_t member)
{
	return (unsigned int)(member >> MEMBER_MTU_SHIFT) & 0xffff;
}

/* group_key.bridge of a routed interface's groups; its row is below INTERFACE_FIRST_TUNNEL. */
static inline uint32_t groups_of_interface(uint32_t interface)
{
	return BRIDGE_MAX + interface;
}

/* The VLAN's domain, or NULL: no port of the bridge is in it. */
static inline const struct bridge_domain *bridge_domain(const struct tables *tables,
							uint32_t bridge, unsigned int vlan)
{
	uint64_t offset = word_load(&tables->bridge[bridge % BRIDGE_MAX].domains);

	if (offset == 0)
		return NULL;
	const _Atomic uint64_t *domains = tables_object(tables, offset);
	offset = word_load(&domains[vlan % VLAN_MAX]);
	return offset != 0 ? tables_object(tables, offset) : NULL;
}

/* NULL: the bridge is going away. */
static inline const struct bridge_members *bridge_members(const struct tables *tables,
							  uint32_t bridge)
{
	uint64_t offset = word_load(&tables->bridge[bridge % BRIDGE_MAX].members);

	return offset != 0 ? tables_object(tables, offset) : NULL;
}

static inline struct fdb_key fdb_key(uint32_t bridge, unsigned int vlan, const uint8_t *mac)
{
	struct fdb_key key = { .vlan = (uint16_t)vlan, .bridge = bridge };

	memcpy(key.mac, mac, sizeof(key.mac));
	return key;
}

static inline const struct fdb_entry *fdb_lookup(const struct tables *tables,
						 const struct fdb_key *key)
{
	return hash_lookup(tables, HASH_FDB, key, sizeof(*key));
}

#endif
