/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridge.h: bridges, their ports, and the addresses that they know, in the control plane.
 *
 * A bridge is an interface of kind INTERFACE_BRIDGE (interface_object->bridge) with ports: interfaces
 * of other kinds (interface_object->member). Slot numbers are given when the model is settled, and a
 * port that the tables have keeps its own, so that what was learned by it stays right.
 */
#ifndef SHUNT_OBJECT_BRIDGE_H
#define SHUNT_OBJECT_BRIDGE_H

#include "controlplane/object/model.h"
#include "controlplane/protocol/snoop.h"
#include "dataplane/shm/bridge.h"

enum {
	BRIDGE_VLAN_DEFAULT = 1,
	SLOT_NONE = BRIDGE_SLOTS,
	VLAN_WORDS = VLAN_MAX / 64,
	BRIDGE_MTU_DEFAULT = 1500,
};
#define BRIDGE_AGEING_DEFAULT 300000000000ull /* ns */

struct vlan_set {
	uint64_t word[VLAN_WORDS];
};

static inline bool vlan_set_has(const struct vlan_set *set, unsigned int vlan)
{
	return set->word[vlan / 64] >> (vlan % 64) & 1;
}

/* What is configured of an interface as a bridge's port. Compared as bytes. */
struct member_settings {
	struct vlan_set vlans; /* access: the native one alone */
	uint16_t native;       /* VLAN of frames without a tag; VLAN_NONE: they are dropped */
	bool trunk;
	bool isolated, learning;
	bool horizon; /* split horizon: a tunnel or pseudowire */
	uint8_t reserved[2];
	uint32_t learning_limit; /* 0: none */
	uint32_t storm[STORM_KINDS];
};

struct bridge_member {
	struct bridge_object *bridge;
	struct interface_object *interface;
	unsigned int slot; /* SLOT_NONE before settle */
	uint16_t meter;
	bool link_lost; /* its port's link went down, and did not come back */
	struct member_settings settings;
	uint32_t learned; /* addresses */
	uint64_t limited; /* not learned: learning-limit */
};

/* What the snooping engine says of a VLAN. */
struct domain_rule {
	uint32_t flags; /* DOMAIN_... */
	struct port_set routers[BRIDGE_FAMILIES];
	struct port_set ports; /* that the engine knows */
};

/* IGMP and MLD in all VLANs of a bridge, or on a routed interface (multicast_port.h). */
struct snooping_settings {
	bool on;            /* a bridge's */
	bool fast_leave;    /* on all ports */
	bool address_given; /* engine.address[SNOOP_IPV4] is what was said */
	uint8_t routing;       /* enum multicast_routing_word */
	uint8_t ttl_threshold; /* of what is routed to it */
	struct snoop_settings engine;
};

struct bridge_settings {
	uint16_t vlan; /* of its own interface */
	bool learning, drop_unknown;
	uint64_t ageing; /* ns */
	uint8_t mac[6];  /* given by lladdr; all zero: made up */
	struct snooping_settings snooping;
};

/* What the multicast routes to a bridge, or to a routed interface, were made from. */
struct multicast_branch {
	bool wanted[BRIDGE_FAMILIES];
	uint8_t threshold, flags;
	uint16_t vlan; /* an interface's: VLAN_NONE */
};

/* Addresses to be forgotten because the spanning tree changed: fdb_poll does it. */
struct topology_flush {
	bool asked;
	uint32_t but;    /* row of the one port that keeps its own; INTERFACE_MAX: none does */
	uint64_t next;   /* ns: when what was asked may begin */
	uint32_t left;   /* hit indexes that the one under way has not seen yet; 0: none is */
	uint32_t spared; /* its `but` */
};

struct bridge_object {
	struct interface_object *interface;
	uint32_t index;
	struct topology_flush flush;
	struct bridge_settings settings;
	struct bridge_member *slot[BRIDGE_SLOTS]; /* [SLOT_OWN]: NULL */
	uint8_t slot_use[BRIDGE_SLOTS];           /* enum row_use */
	struct domain_rule *rule[VLAN_MAX];       /* NULL: none */
	struct snoop_counters gone;               /* what snooping counted in VLANs that went */
	struct multicast_branch routed;
	uint32_t labels; /* whose packets come in: pop bridge */
	bool dirty;      /* something found no memory: bridge_poll tries again */
};

/* ---- bridge.c ---- */

extern const struct handler bridge_add_handler, bridge_set_handler, bridge_del_handler;
/* By name, refusing an unknown one. */
struct bridge_object *bridge_get(const struct model *model, const char *name, struct error *error);
void bridge_add_arguments(const struct interface_object *interface, struct arguments *arguments);
void bridge_free(struct model *model);

/* ---- bridge-member.c ---- */

/* Numbers of the parameters in a command of an interface that may be a port (BRIDGE_MEMBER of
 * parameter.h stands there in this order). */
struct member_wish {
	struct bridge_object *bridge; /* NULL: leave */
	bool given;                   /* anything about bridges was said */
	struct member_settings settings;
};
/* What the arguments ask for: `first` is the number of their `bridge` parameter. Refuses what cannot
 * be; changes nothing. `kind` and `name` are the interface's, which need not be there yet (NULL). */
int member_wish_from(struct model *model, const struct arguments *arguments, unsigned int first,
		     enum interface_kind kind, const char *name,
		     const struct interface_object *interface, struct member_wish *wish,
		     struct error *error);
/* Do it. -ENOSPC: no slot; nothing changed. */
int member_apply(struct model *model, struct interface_object *interface,
		 const struct member_wish *wish, struct error *error);
/* Put what is configured into a command: all of it, or (`only`) what a `set` that undoes it needs. */
void member_to_arguments(const struct interface_object *interface, const struct arguments *only,
			 unsigned int first, struct arguments *arguments);
/* Before the interface goes. */
void member_leave(struct model *model, struct interface_object *interface);

/* ---- bridge-publish.c ---- */

/* Make the tables say what the objects say; what finds no memory is tried again by bridge_poll. */
void bridge_publish(struct model *model, struct bridge_object *bridge);
/* The interface went up or down, or its MTU, addresses or MAC changed: of whatever it is. */
void bridge_interface_changed(struct model *model, struct interface_object *interface);
/* For the snooping engine: how multicast goes in this VLAN from now on. -ENOSPC: bridge_poll will try
 * again. */
int bridge_rule_set(struct model *model, struct bridge_object *bridge, unsigned int vlan,
		    const struct domain_rule *rule);
void bridge_unpublish(struct model *model, struct bridge_object *bridge);
/* VLANs that any port is in, its own interface included. */
void bridge_used_vlans(const struct bridge_object *bridge, struct vlan_set *used);
void member_unpublish(struct model *model, struct bridge_member *member);
/* Settle: slots, rows, what nobody asked for. */
void bridge_settle(struct model *model);
void bridge_poll(struct model *model);
/* Indexes of bridges: the one that a found row of this name has, or a free one; 0: none left. */
uint32_t bridge_index_take(struct model *model, const struct interface_object *interface);

/* ---- fdb.c ---- */

extern const struct handler fdb_add_handler, fdb_del_handler, fdb_flush_handler;
int fdb_open(struct model *model);
/* What `bridge show` says of a port's learning; false: the interface is none's. */
bool fdb_private_learning(const struct model *model, uint32_t interface,
			  struct learning_status *status);
void fdb_close(struct model *model);
/* Settle: entries of the tables that still fit are kept, with their origin. */
void fdb_settle(struct model *model);
/* Addresses that workers saw; topology changes; ageing. */
void fdb_poll(struct model *model);
/* Forget what was learned by a port; `configured`: static ones too. */
void fdb_flush(struct model *model, const struct bridge_member *member, bool configured);
/* Forget what was learned in the bridge, in this VLAN (0: all), by this port (NULL: all), at once. */
void fdb_flush_learned(struct model *model, const struct bridge_object *bridge,
		       const struct bridge_member *member, unsigned int vlan);
/* The port heard of a topology change: soon forget what the bridge's other ports learned, IEEE
 * 802.1D-2004 17.11. At most once a second, in steps; if several ports hear of one within that second,
 * the next time spares none. */
void fdb_topology_heard(const struct bridge_member *member);
/* The bridge's own address, in its own VLAN. */
void fdb_own(struct model *model, struct bridge_object *bridge);
/* Refuse if a static entry of the port would not fit any more (wish NULL: it leaves its bridge). */
int fdb_stays(const struct model *model, const struct interface_object *interface,
	      const struct member_wish *wish, struct error *error);
/* Everything of a bridge. */
void fdb_flush_bridge(struct model *model, const struct bridge_object *bridge);
int fdb_configuration(const struct model *model, struct arguments *arguments,
		      int (*visit)(void *context, const struct arguments *arguments),
		      void *context);

#endif
