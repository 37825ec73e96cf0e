/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge-tables.h: bridge tables by hand, in `fixture`. What fails ends the test.
 */
#ifndef SHUNT_TESTS_BRIDGE_TABLES_H
#define SHUNT_TESTS_BRIDGE_TABLES_H

#include "dataplane/shm/bridge.h"
#include "tests/stage/fixture.h"

enum { OWN_ROW = 80 };

extern struct fixture fixture;

/* A port of the bridge that is being made. */
struct bridge_seat {
	unsigned int interface, slot;
	uint16_t native;
	const uint16_t *tagged; /* VLANs, 0 at the end; NULL: none */
	uint32_t flags;
	uint64_t storm[STORM_KINDS];
	uint16_t meter;
};

/* Bridge `index` with these ports and its own interface OWN_ROW + index - 1, in VLAN `own_vlan`. `rule`:
 * flags of all its domains. Made anew each time. */
void bridge_make(unsigned int index, const struct bridge_seat *seats, unsigned int count,
		 unsigned int own_vlan, uint64_t flags, uint32_t rule);
/* Router ports of a family in a VLAN. */
void bridge_routers(unsigned int index, unsigned int vlan, enum bridge_family family,
		    const unsigned int *slots, unsigned int count);
void fdb_entry_add(unsigned int index, unsigned int vlan, const char *mac, unsigned int interface,
		   unsigned int slot, enum origin origin);
/* An entry of a group (and source, or NULL), with these slots. `flags`: bits 0-31 the entry's, 32-63 its
 * counter, ORed. */
#define COUNTER(number) ((uint64_t)(number) << 32)
void group_add_entry(unsigned int index, unsigned int vlan, const char *group, const char *source,
		     uint64_t flags, const unsigned int *slots, unsigned int count);
#define GROUP_MEMBERS(bridge, vlan, group, source, flags, ...)                                     \
	group_add_entry(bridge, vlan, group, source, flags, (const unsigned int[]){ __VA_ARGS__ }, \
			sizeof((unsigned int[]){ __VA_ARGS__ }) / sizeof(unsigned int))

/* A group's route in VRF 0 to the own interfaces of these bridges; threshold and flags as struct
 * multicast_route has them. */
struct branch {
	unsigned int bridge, threshold, flags;
};
void route_group(const char *group, const struct branch *branches, unsigned int count);
/* A routed interface as one of them. */
#define BRANCH_INTERFACE(row) ((unsigned int)(row) + 1u - (unsigned int)OWN_ROW)
#define ROUTE_GROUP_TO(group, ...)                                                                 \
	route_group(group, (const struct branch[]){ __VA_ARGS__ },                                 \
		    sizeof((struct branch[]){ __VA_ARGS__ }) / sizeof(struct branch))

/* Bytes of an IPv4 or IPv6 address as the tables have it. Returns where it begins on the wire. */
const uint8_t *table_address(const char *text, uint8_t bytes[16]);

#endif
