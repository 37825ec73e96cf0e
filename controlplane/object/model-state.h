/* SPDX-License-Identifier: BSD-3-Clause
 *
 * model-state.h: what the model consists of: its objects, and struct model. A part of model.h, which is what
 * to include.
 */
#ifndef SHUNT_OBJECT_MODEL_STATE_H
#define SHUNT_OBJECT_MODEL_STATE_H

#include <bsd/sys/tree.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>
#include "controlplane/object/event.h"
#include "controlplane/object/object.h"
#include "controlplane/object/private.h"
#include "controlplane/object/watch.h"
#include "dataplane/shm/table.h"
#include "dataplane/shm/tunnel.h"

enum {
	PORT_MTU_DEFAULT = 1500, /* bytes after the Ethernet and VLAN headers */
	REQUEST_CACHE = 256,     /* nexthops found last, by what was asked for */
};

#define GRACE_LIMIT_NS 5000000000ull

/* ---- objects ---- */

struct interface_settings {
	char devargs[256];       /* port */
	char host_device[16];    /* port: iface= of the devargs */
	char host_interface[16]; /* port: its mirror in the kernel, "": none */
	uint16_t mtu;            /* bytes; 0: not given (port: 1500; VLAN: its port's) */
	uint16_t rx_queues;      /* port; 0: one per worker */
	uint16_t vrf;
	uint16_t outer_tag, inner_tag; /* VLAN */
	uint8_t space, upstream_space;
	uint8_t rpf; /* enum rpf_word */
	bool mpls, up;
};

struct interface_object {
	char name[NAME_SIZE];
	uint32_t index; /* row; a port's is below PORT_MAX */
	enum interface_kind kind;
	struct interface_settings settings;
	struct interface_object *parent;     /* VLAN: its port */
	struct tunnel_object *tunnel;        /* TUNNEL, PSEUDOWIRE (tunnel.h); else NULL */
	struct address_object *addresses;    /* list, in order of configuration */
	struct neighbour_object *neighbours; /* list: static ones, and who nexthops go by */
	uint32_t filter_in, filter_out;      /* numbers of the filters, 0: none */
	uint64_t mac;                        /* as in struct interface: 0 while unknown */
	uint64_t status_sequence;            /* of the port_status taken over last */
	uint16_t device_mtu;                 /* port: what its device has now; 0 while unknown */
	bool link_up;
	struct bridge_object *bridge; /* kind BRIDGE (bridge.h) */
	struct bridge_member *member; /* in a bridge, or NULL */
	struct multicast_port *multicast; /* routed, and asked for groups (multicast_port.h), or NULL */
	bool announce;     /* gratuitous ARP is due */
	uint32_t dynamic;  /* neighbours that are dynamic */
	UT_hash_handle hh; /* model->interfaces or model->tunnel_interfaces, by name */
};

/* What duplicate address detection has found (protocol/dad.h). */
enum address_state { ADDRESS_TENTATIVE, ADDRESS_PREFERRED, ADDRESS_DUPLICATE };

struct address_object {
	enum address_state state;
	unsigned int probes; /* TENTATIVE: sent */
	uint64_t probe_due;  /* ns: when the next one is; 0: not looked at yet */
	struct address address; /* host bits included */
	uint8_t length;         /* bits of its own family */
	struct interface_object *interface;
	struct nexthop_object *into; /* on a tunnel: what its network's leaf names; else NULL */
	bool leaving;                /* is being deleted: no route goes by its network any more */
	struct address_object *prev, *next;         /* of the interface */
	struct address_object *all_prev, *all_next; /* model->addresses */
};

/* What is known of a neighbour that is not configured (RFC 4861 7.3.2, for IPv4 too). The data
 * plane does not tell which neighbours it sends to, so that each is asked again before it expires:
 * STALE is short. */
enum neighbour_state {
	NEIGHBOUR_NONE,       /* not dynamic: configured, or named by a nexthop before settle */
	NEIGHBOUR_INCOMPLETE, /* asked, no answer yet */
	NEIGHBOUR_REACHABLE,  /* it answered */
	NEIGHBOUR_STALE,      /* heard of, or found in the tables: to be asked */
	NEIGHBOUR_PROBE,      /* known, and asked again */
	NEIGHBOUR_FAILED, /* did not answer, and is asked now and then as long as it is needed */
};

/* A packet that waits for its neighbour's address. */
struct neighbour_packet {
	struct neighbour_packet *prev, *next;
	uint32_t ingress; /* interface that it came in by, or PACKET_OWN */
	uint16_t vrf;
	uint16_t length;
	uint8_t data[]; /* from its IP header on, as it is sent */
};
#define PACKET_OWN UINT32_MAX /* made by ourselves: nobody is told about its loss */

/* A neighbour that is configured, that a nexthop goes by, that is dynamic, or all of these. */
struct neighbour_object {
	struct neighbour_key key;
	struct interface_object *interface;
	bool configured; /* static: mac is valid and the tables have it */
	uint8_t mac[6];  /* valid if neighbour_known */
	bool router;     /* IPv6: says that it is one */
	bool waiting;    /* is in the wheel */
	bool told;       /* the route tables take it for known */
	enum neighbour_state state;
	unsigned int asked; /* requests since it answered last */
	uint64_t confirmed; /* ns: when it was heard of last */
	uint64_t due;       /* ns: when something is to be done about it */
	struct neighbour_packet *packets;
	unsigned int packet_count;
	struct neighbour_object *wheel_prev, *wheel_next;
	struct nexthop_object *nexthops;      /* that go by it */
	struct nexthop_object *adjacency;     /* of its host route (fib.c), or NULL */
	struct neighbour_object *prev, *next; /* of the interface */
	UT_hash_handle hh;                    /* model->neighbours, by key */
};

/* What makes two nexthops the same: shared if equal. No padding. */
struct nexthop_key {
	uint8_t via[16];
	uint32_t label[STACK_MAX]; /* outermost first */
	uint32_t interface;
	uint8_t label_count;
	uint8_t flags; /* REWRITE_... */
	uint8_t has_backup;
	uint8_t nowhere; /* enum nexthop_kind of a nexthop by nobody; else NEXTHOP_FREE */
	uint32_t backup_interface;
	uint8_t backup_via[16];
};
static_assert(sizeof(struct nexthop_key) == 76, "nexthop_key has no padding");

struct nexthop_object {
	struct nexthop_key key;
	uint32_t index;
	uint32_t
		references; /* label words, routes, group members, a primary's backup, a host route */
	bool dirty;         /* its rewrite could not be written yet: model_poll tries again */
	bool found;         /* came from the tables: stays there until settle, wanted or not */
	bool shared;        /* in model->nexthops */
	struct interface_object *interface; /* NULL while found and not referred to */
	struct neighbour_object *neighbour; /* the same */
	struct nexthop_object *backup;
	struct nexthop_object *prev, *next; /* of the neighbour */
	UT_hash_handle hh;                  /* model->nexthops, by key */
};

struct group_object {
	struct group_members members; /* key: zero beyond count */
	uint32_t index;
	uint32_t references; /* label words and routes; a recursive one's: its path list */
	bool found;
	struct path_list *list; /* whose members these are at the moment: not shared; or NULL */
	UT_hash_handle hh;      /* model->groups, by members */
};

/* What a path asks for, names not resolved yet. Compared as bytes, so cleared before it is filled.
 */
struct nexthop_request {
	uint8_t via[16];
	uint8_t backup_via[16];
	uint32_t label[STACK_MAX];
	char dev[NAME_SIZE];
	char backup_dev[NAME_SIZE];
	uint8_t has_via, has_backup, label_count, entropy;
	uint32_t vrf; /* where `via` without dev is looked for; labels': 0 */
};
static_assert(sizeof(struct nexthop_request) % 8 == 0, "hash_bytes takes whole words");

enum {
	NEIGHBOUR_WHEEL = 4096,          /* slots of the timer wheel */
	NEIGHBOUR_MAX = 65536,           /* dynamic neighbours */
	NEIGHBOUR_INTERFACE_MAX = 32768, /* of one interface */
	NEIGHBOUR_PACKETS = 16, /* packets that wait for one neighbour: the fragments of a long ping ... */
	NEIGHBOUR_PACKETS_MAX = 1024,    /* ... and in all */
};
#define NEIGHBOUR_TICK_NS 100000000ull /* of the wheel */

enum { KEEPALIVE_WHEEL = 1024 }; /* slots of the tunnels' timer wheel */
#define KEEPALIVE_TICK_NS 20000000ull

/* What the protocols counted since the process began. */
struct protocol_counters {
	uint64_t arp_invalid, nd_invalid, router_solicitations, router_messages;
	uint64_t duplicates;      /* somebody else claims an address of ours */
	uint64_t neighbours_full; /* not learned: a limit is reached */
	uint64_t packets_dropped; /* that waited or should have waited for a neighbour */
	uint64_t echo_requests, icmp_invalid, icmp_sent, icmp_suppressed, icmp_limited;
	uint64_t icmp_no_way; /* no address to send from, or no way back */
	uint64_t fdb_moves, fdb_damped; /* addresses at another port; held at theirs */
	uint64_t fdb_limited, fdb_full; /* not learned: learning-limit, no room */
};

/* Token bucket of ICMP errors about packets of one interface. */
struct icmp_bucket {
	uint64_t time; /* ns: when it was full, as far as it is */
};

enum row_use { ROW_FREE, ROW_USED, ROW_WAITING, ROW_FOUND };

struct model {
	struct model_private private; /* first: view.c gets at it through a struct model * */
	struct region_place place;
	struct region tables_region, state_region; /* state: fd -1 while there is none */
	struct tables *tables;
	const struct state *state; /* mapped; its owner may be dead */
	bool alive;                /* the data plane, when last asked */
	bool found_tables, settled, dirty;
	bool multicast_settled; /* multicast routes know all bridges */
	uint64_t grace_limit_ns; /* a longer wait for the data plane has another name than "full" */
	struct heap *heap;
	struct nexthop_pool *pool;

	struct interface_object *interfaces;        /* by name, in order of configuration */
	struct interface_object *tunnel_interfaces; /* the same, of tunnels and pseudowires: many */
	struct interface_object *interface[INTERFACE_MAX];
	uint8_t row[INTERFACE_MAX];                   /* enum row_use */
	struct {
		uint32_t index;
		uint64_t since;          /* ns: free */
	} tunnel_row[TUNNEL_MAX];        /* free ones among those handed out before, a ring */
	uint32_t tunnel_rows, tunnel_oldest; /* how many; where the oldest stands */
	struct row_name *row_names;                   /* replay: tunnels' rows that were found */
	uint64_t generation;                          /* of port wishes: the last one given */
	uint32_t identity;
	struct address_object *addresses;
	struct neighbour_object *neighbours;
	struct nexthop_object *nexthops;
	struct nexthop_object *nexthop[NEXTHOP_MAX];
	struct group_object *groups;
	struct group_object *group[GROUP_MAX];
	struct lpm *route_table[VRF_MAX][ROUTE_FAMILIES]; /* NULL: never had a route */
	struct route_shadow *shadows;   /* static routes behind a system's, by prefix */
	struct path_list *path_lists;   /* of recursive routes, by what was asked for */
	struct path_list **list_number; /* replay: by number */
	uint32_t list_numbers;
	struct via_index *vias; /* where recursive routes look, in order */
	uint32_t via_count;
	struct tunnel_table tunnel_table;
	struct tunnel_object *tunnels;              /* by what makes them different */
	struct tunnel_local *tunnel_locals;         /* their local addresses */
	RB_HEAD(underlay_tree, underlay) underlays; /* the ways to their remote ends */
	struct underlay *underlays_dirty, *underlays_listed, *underlays_nested;
	struct tunnel_object *keepalives[KEEPALIVE_WHEEL]; /* lists, by tick that is due */
	uint64_t keepalive_tick;                           /* the first that is not over */
	struct tunnel_object *pseudowires;
	uint32_t tunnel_count;
	bool routes_live;  /* settled: the tables answer */
	bool routes_dirty; /* something did not fit: model_poll tries again */
	uint32_t nexthop_count, group_count;
	uint64_t *staged[LABEL_SPACE_MAX]; /* replay: the words to be; NULL: none in this space */
	unsigned int inject_workers;       /* that have a ring */
	unsigned int announcements;        /* interfaces with announce set */
	unsigned int tentative;            /* addresses */

	uint64_t (*clock)(void); /* nanoseconds; NULL: CLOCK_MONOTONIC. For tests */
	struct neighbour_object *wheel[NEIGHBOUR_WHEEL]; /* lists, by tick that is due */
	uint64_t wheel_tick;                             /* the first that is not over */
	uint32_t dynamic_count, packet_count;
	uint64_t duplicate_logged;  /* ns */
	uint16_t ip_identification; /* the last one given */
	struct icmp_bucket icmp_bucket[INTERFACE_MAX];
	struct protocol_counters counters;
	struct bridge_object *bridge[BRIDGE_MAX];
	uint8_t bridge_use[BRIDGE_MAX]; /* enum row_use */
	bool meter_use[256];            /* numbers of storm control's policers */
	struct fdb *fdb;
	struct snooping *snooping;
	struct multicast_port *multicast_ports; /* in order of configuration */

	struct {
		struct nexthop_request request;
		struct nexthop_object *nexthop; /* NULL: empty */
	} cache[REQUEST_CACHE];

	struct event_ring events;
	struct drop_rates *drop_rates; /* NULL: no data plane was there yet */
	struct filters *filters; /* filter.h */
	struct watch_object trace, capture; /* watch.h */
	json_t *reply;           /* what the last command has to say besides that it is done; or NULL */

	uint64_t punted[PUNT_REASON_MAX]; /* frames taken out of the punt rings */
	uint64_t injected,
		inject_full; /* frames put into inject rings; not, because they were full */
	char error[REGION_ERROR_SIZE]; /* last thing that went wrong outside a command */
};

#endif
