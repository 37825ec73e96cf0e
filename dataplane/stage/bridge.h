/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.h: insides of the bridge stage: bridge_vector.c takes what is common many at a time, bridge.c
 * decides about a frame alone, multicast.c looks groups up, learn.c tells the control plane about addresses,
 * replicate.c makes the copies.
 */
#ifndef SHUNT_STAGE_BRIDGE_H
#define SHUNT_STAGE_BRIDGE_H

#include "dataplane/shm/bridge.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/stage.h"

enum {
	TAG_SIZE = 4,
	PROTOCOL_HOP_BY_HOP = 0,
	PROTOCOL_IGMP = 2,
	PROTOCOL_PIM = 103,
	LEARN_RECENT = 1024, /* addresses that were told lately */
	LEARN_BUDGETS = 256, /* ports' budgets, by interface modulo this */
	LEARN_BUDGET = 128,  /* events of one port in a window */
};

/* The source of the frame before, of the same vector, if it was known by its port. */
struct bridge_memo {
	const struct bridge_port *port; /* NULL: none */
	const struct bridge_domain *domain;
	uint8_t source[6];
};

/* A frame in its bridge. */
struct bridging {
	struct worker *worker;
	struct packet *packet;
	struct rte_mbuf *mbuf;
	uint8_t *frame;                 /* destination address */
	const struct bridge_port *port; /* that it came in by; the bridge's own too */
	const struct bridge_domain *domain;
	const struct bridge_members *members;
	struct bridge_memo *memo; /* of a vector; NULL: a frame by itself */
	uint16_t tci;             /* priority bits and VLAN, as in a tag */
	bool tagged;              /* it has a tag */
};

/* Bytes of a frame before its layer-3 header or LLC. */
static inline unsigned int bridge_l3(bool tagged)
{
	return 14u + (tagged ? TAG_SIZE : 0);
}

static inline unsigned int bridging_l3(const struct bridging *bridging)
{
	return bridge_l3(bridging->tagged);
}

/* What an interface is in its bridge, or NULL: it is none's. */
static inline const struct bridge_port *bridge_port_of(const struct tables *tables,
						       uint32_t interface)
{
	uint64_t offset = word_load(&tables->interface[interface].bridge_port);

	return offset != 0 ? tables_object(tables, offset) : NULL;
}

/* What a bridge's own interface is in it, or NULL: there is no such bridge. */
static inline const struct bridge_port *bridge_own_port(const struct tables *tables,
							uint32_t bridge)
{
	uint64_t flags = word_load(&tables->bridge[bridge % BRIDGE_MAX].flags);
	uint32_t own = (uint32_t)(flags >> BRIDGE_INTERFACE_SHIFT) % INTERFACE_MAX;

	return flags & BRIDGE_VALID ? bridge_port_of(tables, own) : NULL;
}

/* The ports of the domain by which a frame that came in by `port` may leave: not back to where it came from,
 * nor where that port must not send to. */
static inline struct port_set bridge_allowed(const struct bridge_domain *domain,
					     const struct bridge_members *members,
					     const struct bridge_port *port)
{
	struct port_set allowed = domain->member;
	uint64_t isolated = port->flags & BRIDGE_PORT_ISOLATED ? UINT64_MAX : 0;
	uint64_t horizon = port->flags & BRIDGE_PORT_HORIZON ? UINT64_MAX : 0;

	port_set_remove(&allowed, port->slot);
	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		allowed.word[i] &= ~(members->isolated.word[i] & isolated) &
				   ~(members->horizon.word[i] & horizon);
	return allowed;
}

/* ---- bridge.c, bridge_vector.c ---- */

/* A frame of `port`: of its packet, mbuf and l3 (its Ethernet header) are used. It ends here, or goes to
 * another stage. */
void bridge_frame(struct worker *worker, struct packet *packet, const struct bridge_port *port,
		  struct bridge_memo *memo);

/* The same for frames that came in by one interface, which is this port of a bridge; VECTOR_SIZE at most. */
void bridge_vector(struct worker *worker, struct packet **packets, unsigned int count,
		   const struct bridge_port *port);

/* ---- learn.c ---- */

struct learn_recent {
	uint64_t key;  /* address and VLAN */
	uint64_t port; /* interface and bridge */
	uint64_t time; /* TSC */
};

struct storm_meter {
	uint64_t rate; /* that it is set to */
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm meter;
};

/* A worker's memory for bridging. */
struct bridge_memory {
	struct learn_recent recent[LEARN_RECENT];
	struct {
		uint64_t window; /* TSC when it began */
		uint32_t events;
	} budget[LEARN_BUDGETS];
	uint64_t learn_window; /* TSC ticks that a budget is for, and that an address stays told */
	struct storm_meter storm[STORM_METERS][STORM_KINDS];
};

/* The address of the entry is being heard of. */
static inline void fdb_mark_seen(struct worker *worker, const struct fdb_entry *entry)
{
	_Atomic uint32_t *hit = &worker->fdb_hit[entry->hit % FDB_MAX];
	uint32_t tick = (uint32_t)counter_read(&worker->tables->control.tick);

	if (unlikely(atomic_load_explicit(hit, memory_order_relaxed) != tick))
		atomic_store_explicit(hit, tick, memory_order_relaxed);
}

/* The source address: seen, or told to the control plane. False: the frame must not go on, and was dropped. */
bool bridge_learn(const struct bridging *bridging);
/* Within the port's limit? Each worker counts by itself. */
bool storm_allows(const struct bridging *bridging, enum storm_kind kind);

/* ---- multicast.c ---- */

/* Ports of a frame to a multicast address. *counter: of its entry, untouched if it meets none. False: it ended
 * here. */
bool multicast_ports(const struct bridging *bridging, struct port_set *ports, uint32_t *counter);

/* Why the snooping engine wants a multicast packet whose IP header is whole (PUNT_igmp, PUNT_mld, PUNT_pim), or
 * MULTICAST_.... *type: of the message; 0: it has none. */
enum { MULTICAST_DATA = -1, MULTICAST_UNKNOWN_IGMP = -2 };
int multicast_protocol(enum bridge_family family, const uint8_t *header, const uint8_t *end,
		       uint8_t *type);

/* Members of (source, group) in a VLAN, else of (any, group), and the counter of that entry; IPv4 addresses as
 * ::ffff:a.b.c.d. False: unregistered. */
bool multicast_members(const struct tables *tables, uint32_t bridge, unsigned int vlan,
		       const uint8_t group[16], const uint8_t source[16], struct port_set *ports,
		       uint32_t *counter);

/* The members of the entry's group that want this source, and the counter of their entry; NULL:
 * unregistered. */
const struct port_set *multicast_source_members(const struct tables *tables,
						const struct group_entry *any,
						const uint8_t source[16], uint32_t *counter);

/* Frames that met this entry go to its ports. Entries without a counter count where nobody reads. */
static inline void multicast_count(struct worker *worker, uint32_t counter, uint64_t packets,
				   uint64_t bytes)
{
	struct traffic_counter *of = &worker->multicast[counter % MULTICAST_COUNTERS];

	counter_add(&of->packets, packets);
	counter_add(&of->bytes, bytes);
}

/* An IPv4 address as the tables have it: ::ffff:a.b.c.d. */
static inline void multicast_map_ipv4(uint8_t address[16], const uint8_t *ipv4)
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	memcpy(address + 12, ipv4, 4);
}

/* Of a header with all of its fixed bytes: is it certainly data to a group that is registered or not, and
 * nothing that the snooping engine wants or that all get? */
static inline bool multicast_is_data_ipv4(const uint8_t *header)
{
	uint8_t protocol = header[9];

	return header[0] >> 4 == 4 && (header[0] & 0xf) >= 5 && header[16] >> 4 == 0xe &&
	       protocol != PROTOCOL_IGMP && protocol != PROTOCOL_PIM &&
	       (header[16] != 224 || (header[17] | header[18]) != 0);
}

static inline bool multicast_is_data_ipv6(const uint8_t *header)
{
	uint8_t next = header[6];

	return header[0] >> 4 == 6 && header[24] == 0xff && (header[25] & 0xf) > 2 &&
	       next != PROTOCOL_HOP_BY_HOP && next != IPV6_ICMP && next != PROTOCOL_PIM;
}

/* ---- replicate.c ---- */

/* Send it to these ports, none of which is the one that it came in by, less those whose filters don't let it
 * leave. It ends here. */
void bridge_replicate(const struct bridging *bridging, struct port_set *ports);

#endif
