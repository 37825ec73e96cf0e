/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.h: insides of the bridge stage: bridge.c decides, multicast.c looks groups up, learn.c tells the
 * control plane about addresses, replicate.c makes the copies.
 */
#ifndef SHUNT_STAGE_BRIDGE_H
#define SHUNT_STAGE_BRIDGE_H

#include "dataplane/shm/bridge.h"
#include "dataplane/stage/stage.h"

enum {
	TAG_SIZE = 4,
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
	bool at_once; /* its packet does not outlive the call, and no stage may be run */
};

/* Bytes of the frame before its layer-3 header or LLC. */
static inline unsigned int bridging_l3(const struct bridging *bridging)
{
	return 14u + (bridging->tagged ? TAG_SIZE : 0);
}

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

/* The source address: seen, or told to the control plane. False: the frame must not go on, and was dropped. */
bool bridge_learn(const struct bridging *bridging);
/* Within the port's limit? Each worker counts by itself. */
bool storm_allows(const struct bridging *bridging, enum storm_kind kind);

/* ---- multicast.c ---- */

/* Ports of a frame to a multicast address. False: it ended here. */
bool multicast_ports(const struct bridging *bridging, struct port_set *ports);

/* Members of (source, group) in a VLAN, else of (any, group); IPv4 addresses as ::ffff:a.b.c.d. False:
 * unregistered. */
bool multicast_members(const struct tables *tables, uint32_t bridge, unsigned int vlan,
		       const uint8_t group[16], const uint8_t source[16], struct port_set *ports);

/* An IPv4 address as the tables have it: ::ffff:a.b.c.d. */
static inline void multicast_map_ipv4(uint8_t address[16], const uint8_t *ipv4)
{
	memset(address, 0, 10);
	address[10] = address[11] = 0xff;
	memcpy(address + 12, ipv4, 4);
}

/* ---- replicate.c ---- */

/* Send it to these ports, none of which is the one that it came in by, less those whose filters don't let it
 * leave. It ends here. */
void bridge_replicate(const struct bridging *bridging, struct port_set *ports);

#endif
