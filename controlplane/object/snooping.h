/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping.h: the snooping engine (protocol/snoop.h) between bridges and tables.
 *
 * A bridge with snooping on has a domain in the engine for each VLAN that any port is in
 * (bridge_object->rule[vlan] is not NULL then), and each of its ports there is one of the engine's,
 * numbered by its slot. The bridge's own interface is none: our own host takes groups of the link
 * alone, which go everywhere, and what multicast routing takes elsewhere is a rule of the VLAN
 * (bridge-publish.c). What the engine says of groups goes into HASH_GROUP and HASH_GROUP_SOURCE, of
 * VLANs into their domains; frames that it sends wait in a list until the protocol side takes them.
 *
 * Routed interfaces are domains of the same engine, with one port (multicast_port.h).
 */
#ifndef SHUNT_OBJECT_SNOOPING_H
#define SHUNT_OBJECT_SNOOPING_H

#include "controlplane/object/bridge.h"
#include "controlplane/protocol/snoop.h"

enum {
	SNOOPING_GROUPS_MAX = 131072, /* memberships: a group on a port */
	SNOOPING_SOURCES_MAX = 131072,
	SNOOPING_FRAMES_MAX = 2048, /* that wait to be sent */
	/* from so many on the engine waits; what it says at once, to all ports of a VLAN, fits above */
	SNOOPING_FRAMES_BUSY = 1024,
	SNOOPING_FRAME_NS = 1000000000, /* how long one waits for a worker that takes none */
};

/* A frame of the engine's, for one port: Ethernet header without tags, then the packet. */
struct snooping_frame {
	struct snooping_frame *prev, *next;
	uint32_t interface;
	struct snoop_domain_key domain;
	uint64_t queued; /* when, ns */
	size_t length;
	uint8_t data[14 + SNOOP_PACKET_MAX];
};

enum snooping_item_kind { SNOOPING_GROUP, SNOOPING_ROUTER, SNOOPING_PORT };
enum { SNOOPING_BOTH_FAMILIES = SNOOP_FAMILIES };

struct snooping_key {
	uint32_t interface;
	uint16_t vlan;                /* PORT: 0 */
	uint8_t kind;                 /* enum snooping_item_kind */
	uint8_t family;               /* ROUTER: enum snoop_family, or both; else 0 */
	struct address group, source; /* GROUP; source all zero: any */
};

/* Something configured. */
struct snooping_item {
	struct snooping_key key;
	UT_hash_handle hh;             /* snooping->items, by key, in order of configuration */
	enum snoop_router_rule router; /* ROUTER */
	/* PORT */
	bool fast_leave;
	uint32_t group_limit;
	unsigned int permit_count;
	struct snoop_prefix permit[SNOOP_PERMIT_MAX];
};

struct snooping {
	struct snoop *engine;
	struct snooping_item *items;
	struct snooping_frame *frames;
	unsigned int frame_count;
	uint64_t due; /* next tick, ns */
	/* of state->multicast; the one that is taken next stands last */
	uint32_t free_counter[MULTICAST_COUNTERS], free_counters;
	uint64_t changed
		[BRIDGE_MAX]; /* until when a topology change that is heard is the last one */
};

/* ---- snooping.c ---- */

int snooping_open(struct model *model);
void snooping_close(struct model *model);
/* Settings, ports or VLANs of the bridge changed: before it is published. */
void snooping_bridge(struct model *model, struct bridge_object *bridge);
/* The bridge goes. */
void snooping_forget(struct model *model, struct bridge_object *bridge);
/* A port's link came up or went down: so did it, and its VLANs, in their bridges. */
void snooping_link(struct model *model, const struct interface_object *port, bool up);
/* Has the bridge an address to ask from, in its own VLAN? */
bool snooping_has_address(const struct bridge_object *bridge, enum snoop_family family);
/* Do what is due. */
void snooping_poll(struct model *model);
/* A frame of a bridge's port: of the bridge's VLAN, `packet` from its IP header on. *slots: where it is to
 * go as it is. False: no snooping there. */
bool snooping_input(struct model *model, const struct bridge_member *member, unsigned int vlan,
		    const uint8_t *packet, size_t length, const uint8_t source_mac[6],
		    struct port_set *slots);
/* A bridge protocol data unit of this port says that the spanning tree changed: what other ports learned
 * is forgotten (fdb_topology_heard), and hosts are asked. */
void snooping_topology(struct model *model, const struct bridge_member *member);
extern const struct handler topology_change_handler;
/* Who an interface asks its hosts as: its first IPv4 address, its link-local IPv6 one; unspecified: it has none. */
void snooping_own_addresses(const struct interface_object *interface,
			    struct address address[SNOOP_FAMILIES]);

/* ---- snooping-output.c ---- */

struct snoop_output snooping_output(struct model *model);
/* Whose domain it is: a bridge's own interface or a routed one; NULL: it is gone. */
struct interface_object *snooping_domain_interface(const struct model *model,
						   const struct snoop_domain_key *domain);
/* The interface that is this port of the engine's, or NULL. */
const struct interface_object *snooping_domain_port(const struct model *model,
						    const struct snoop_domain_key *domain,
						    unsigned int port);
/* Take an entry of a group (source NULL: of any) out of the tables. */
void snooping_entry_remove(struct model *model, const struct snoop_domain_key *domain,
			   const struct address *source, const struct address *group);
/* It is sent, or lost (counted in its domain). */
void snooping_frame_end(struct model *model, struct snooping_frame *frame, bool lost);

/* ---- snooping-adopt.c ---- */

/* Settle, before bridges are published: domains, ports, and what the tables have. */
void snooping_settle(struct model *model);

/* ---- snooping-counter.c ---- */

/* Which counters the entries of the tables have; before any is changed. */
void snooping_counters_find(struct model *model);
/* One for a new entry, its totals 0. 0: all are in use, or there is no memory for its baseline. */
uint32_t snooping_counter_take(struct model *model);
/* The entry that had it is gone (0: it had none). */
void snooping_counter_release(struct model *model, uint32_t counter);

/* ---- snooping-items.c ---- */

extern const struct handler bridge_group_add_handler, bridge_group_del_handler;
extern const struct handler bridge_router_add_handler, bridge_router_del_handler;
extern const struct handler bridge_multicast_add_handler, bridge_multicast_del_handler;
void snooping_items_free(struct snooping *snooping);
/* What is configured of a port in a VLAN, into its settings in the engine. */
void snooping_port_settings(const struct model *model, const struct bridge_member *member,
			    unsigned int vlan, struct snoop_port_settings *settings);
/* Configured groups of a port that joins a domain. */
void snooping_port_groups(struct model *model, const struct bridge_member *member,
			  unsigned int vlan);
/* Refuse if something configured would not fit any more (wish NULL: it leaves its bridge). */
int snooping_stays(const struct model *model, const struct interface_object *interface,
		   const struct member_wish *wish, struct error *error);
int snooping_configuration(const struct model *model, struct arguments *arguments,
			   int (*visit)(void *context, const struct arguments *arguments),
			   void *context);

/* ---- snooping-settings.c ---- */

void snooping_settings_begin(struct snooping_settings *settings);
/* From a `bridge add|set`. */
int snooping_settings_from(const struct arguments *arguments, const char *name,
			   struct snooping_settings *settings, struct error *error);
/* Into one: what is not as usual, or (`only`) what a `set` that undoes it needs. */
void snooping_settings_to(const struct snooping_settings *settings, const struct arguments *only,
			  struct arguments *arguments);
/* The same of MULTICAST_ROUTER (controlplane/api/parameter.h) alone, which begins with parameter `first`, for an
 * interface of this kind and name. */
bool router_settings_given(const struct arguments *arguments, unsigned int first);
int router_settings_from(const struct arguments *arguments, unsigned int first,
			 enum interface_kind kind, const char *name,
			 struct snooping_settings *settings, struct error *error);
void router_settings_to(const struct snooping_settings *settings, const struct arguments *only,
			unsigned int first, struct arguments *arguments);

/* ---- snooping-show.c ---- */

/* Rows of `bridge groups show` (`routed`: `multicast groups show`) and `bridge routers show`; only: the name of a
 * bridge or of a routed interface, or NULL. */
json_t *snooping_groups(const struct model *model, const char *only, bool routed);
json_t *snooping_routers(const struct model *model, const char *only);
/* Rows of `bridge snooping show`: { bridge, vlan, groups, ipv4: { querier ... }, ipv6: {}, counters }; `routed`: of
 * `multicast querier show`, with port, rpf and ttl_threshold instead of bridge and vlan. */
json_t *snooping_status(const struct model *model, const char *only, bool routed);
/* What was counted at each bridge, in all VLANs that it has or had; at each routed interface. */
void snooping_bridge_counters(const struct model *model,
			      void (*see)(void *context, const char *name,
					  const struct snoop_counters *counters),
			      void *context);
void snooping_port_counters(const struct model *model,
			    void (*see)(void *context, const char *name,
					const struct snoop_counters *counters),
			    void *context);

#endif
