/* SPDX-License-Identifier: BSD-3-Clause
 *
 * layout.h: everything that the two planes share, explained once.
 *
 * Two files in the instance's run directory hold all shared state:
 *
 *   tables.<hash>   written by the control plane ALONE, read by everybody
 *   state.<hash>    written by the data plane ALONE, read by everybody
 *
 * A ring between the planes has its halves in the two files: each half is written by its owner.
 * So every word has one writer, and a process that is killed at any instruction leaves behind
 * words that are each valid on their own.
 *
 * How a reader may rely on a table while it changes:
 *
 *  - A published word is one aligned 8-byte C11 atomic. The writer stores it with release order,
 *    the reader loads it with acquire order. It is valid by itself at every moment.
 *  - What does not fit into a word stands in an immutable object: written into memory that no
 *    reader can reach, then published by one such store of its heap offset.
 *  - An object that was unlinked is reused only after a grace period (epoch.h): every worker that
 *    is online has passed the top of its loop since. A reader that is no worker (the CLI) checks
 *    `reclaim` before and after its copy instead.
 *
 * There are no pointers here, no function pointers and no struct of any library: fixed-width
 * integers, indexes and heap offsets only. A heap offset is in bytes from the start of the tables
 * file; 0 is "nothing". Sizes are held by static_assert and the layout by a hash of every field's
 * place (layout.c), which is part of the file's name and is checked by whoever maps it.
 *
 * Ownership stands beside each struct: CP is the control plane, DP is the data plane.
 */
#ifndef SHUNT_SHM_LAYOUT_H
#define SHUNT_SHM_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>
#include "capture.h"
#include "watch.h"

#define SHUNT_ABI_VERSION 1u
#define TABLES_MAGIC      0x3153454c42415453ull /* "STABLES1" */
#define STATE_MAGIC       0x3145544154534853ull /* "SHSTATE1" */

enum {
	CACHE_LINE = 64,
	NAME_SIZE = 32,        /* an object's name with its terminating zero */
	WORKER_MAX = 32,       /* polling lcores; the last row is the data plane's control thread */
	DRIVER_ROW = WORKER_MAX - 1, /* it counts there what ended in the driver of a NIC (XDP) */
	PORT_MAX = 64,         /* rows of the port table */
	INTERFACE_FIRST_TUNNEL = 4096, /* rows below: ports, VLAN subinterfaces, loopbacks, bridges */
	TUNNEL_MAX = 65536,            /* rows from there on: tunnels and pseudowires */
	INTERFACE_MAX = INTERFACE_FIRST_TUNNEL + TUNNEL_MAX,
	INTERFACE_SLICE = 2048, /* tunnels' rows whose counters are allocated together */
	BRIDGE_MAX = 1024,      /* bridges; index 0 is never used */
	BRIDGE_SLOTS = 256, /* ports of a bridge; slot 0 is its own interface, the last one no port */
	VLAN_MAX = 4096,        /* VLAN IDs */
	FDB_MAX = 262144,       /* entries of all bridges' forwarding tables */
	MULTICAST_COUNTERS = 65536, /* of all bridges' groups; 0 is of those that have none */
	LEARN_SLOTS = 1024,     /* slots of a ring of learned addresses, a power of two */
	PORT_VIRTUAL = PORT_MAX, /* rewrite.port of an interface that has no port row: always live */
	NEXTHOP_MAX = 131072,  /* index 0 is never used */
	GROUP_MAX = 4096,      /* nexthop groups; index 0 is never used */
	GROUP_BUCKETS = 256,   /* resilient buckets a group */
	LABEL_SPACE_MAX = 64,  /* space 0 is the platform's (RFC 3031 3.14) */
	VRF_MAX = 256,         /* routing tables; 0 is the main one */
	LABEL_COUNT = 1 << 20, /* a label is 20 bits */
	LABEL_FIRST_FREE = 16, /* 0 to 15 are special-purpose (RFC 7274) */
	STACK_MAX = 8,         /* labels that one nexthop may push */
	GROUP_MEMBER_MAX = 256, /* members that one group may have */
	FILTER_MAX = 1025,     /* filters; number 0 is none */
	FILTER_RULE_MAX = 4096, /* rules of one filter */
	FILTER_SLOTS = 4160,   /* counters of one filter: slot 0 is of what no rule decided */
	FILTER_METERS = 4096,  /* policing rules of all filters */
	FILTER_SAMPLES = 64,   /* last packets that `log` rules decided, of one worker */
	DROP_REASON_MAX = 104,
	DROP_SAMPLE_SLOTS = 16,  /* per reason: of the interfaces at which there were drops last */
	DROP_SAMPLE_BYTES = 160, /* of a packet that was dropped */
	PUNT_REASON_MAX = 32,
	FRAME_MAX = 10176,    /* bytes of a frame in a ring slot */
	RING_SLOTS = 256,     /* slots of a punt or inject ring, a power of two */
	HEAP_CHUNK = 2 << 20, /* the heap is handed out in chunks of this many bytes */
};

/* ---------------------------------------------------------------- header */

enum region_kind { REGION_TABLES = 1, REGION_STATE = 2 };

/* First bytes of either file; written by its owner before the file gets its name, then constant. */
struct region_header {
	uint64_t magic;
	uint32_t abi_version;
	uint32_t kind; /* enum region_kind */
	uint64_t layout_hash;
	uint64_t size;    /* bytes of the file, never changed */
	char boot_id[40]; /* /proc/sys/kernel/random/boot_id: a file of another boot is stale */
	char instance[NAME_SIZE];
	uint8_t reserved[24];
};
static_assert(sizeof(struct region_header) == 128, "region_header");

/* ---------------------------------------------------------------- rings */

/* One frame with what the other side must know about it. Producer writes, then publishes the tail. */
struct frame_slot {
	uint32_t length;    /* bytes of the frame in data */
	uint32_t interface; /* punt: where it came in; inject: where it goes out */
	uint32_t reason;    /* punt: enum punt_reason; inject: 0 */
	uint32_t l3_offset; /* punt: bytes from data to the layer-3 header or label stack */
	uint64_t time;      /* punt: CLOCK_MONOTONIC nanoseconds when it was put here */
	uint64_t sequence;  /* position in the ring, so that a check can see loss and repetition */
	uint32_t nexthop;   /* punt, mtu_exceeded: whose MTU it was; else 0 */
	uint32_t ethertype; /* punt, mtu_exceeded: of what stands at l3_offset, without Ethernet
	                     * header; 0: the frame has its own */
	uint8_t reserved[24];
	uint8_t data[FRAME_MAX];
};
static_assert(sizeof(struct frame_slot) == 10240, "frame_slot");

/* The producer's half: frames in place and the count of frames ever put in. */
struct ring_producer {
	alignas(CACHE_LINE) _Atomic uint64_t tail;
	alignas(CACHE_LINE) struct frame_slot slot[RING_SLOTS];
};

/* The consumer's half: the count of frames ever taken out. */
struct ring_consumer {
	alignas(CACHE_LINE) _Atomic uint64_t head;
};

/* ---------------------------------------------------------------- ports and interfaces */

/* What the control plane wishes of a port: an immutable heap object. CP writes, DP reads. */
struct port_wish {
	char name[NAME_SIZE];
	char devargs[256];    /* DPDK device arguments, zero-terminated */
	char host_device[16]; /* Linux interface behind it (iface= of the devargs), or "" */
	uint64_t generation;  /* raised with every change of the row; never 0 */
	uint32_t identity;  /* raised when the device must be made anew: other devargs or queues */
	uint16_t mtu;       /* bytes after the Ethernet and VLAN headers, labels included */
	uint16_t rx_queues; /* 0: one per worker, as far as the device has them */
	uint8_t up;         /* administratively up */
	uint8_t reserved[7];
	char host_interface[16]; /* name of its mirror in the kernel, or "": none */
};
static_assert(sizeof(struct port_wish) == 344, "port_wish");

/* Row of the port table: CP writes, DP reads. */
struct port_row {
	_Atomic uint64_t wish; /* heap offset of a struct port_wish; 0: no such port */
};

enum interface_kind {
	INTERFACE_NONE,
	INTERFACE_PORT,
	INTERFACE_VLAN,
	INTERFACE_LOOPBACK,
	INTERFACE_BRIDGE, /* a bridge's own routed interface: features name the bridge */
	INTERFACE_TUNNEL,
	INTERFACE_PSEUDOWIRE,
};

/* A logical interface. `flags` is valid by itself; the rest of the row stands before flags gets its
 * VALID bit and stays until a grace period after the bit is gone, but for the atomic words, each of
 * which is valid by itself. Row i < PORT_MAX with kind PORT is the interface of port row i (same
 * index). The second line is looked at only where `features` says so. CP writes, all read. */
struct interface {
	_Atomic uint64_t flags; /* INTERFACE_... below */
	_Atomic uint64_t mac;   /* six bytes in memory order, as in a frame; then 0, 0 */
	char name[NAME_SIZE];
	uint16_t outer_tag; /* VLAN ID, or 0 */
	uint16_t inner_tag;
	uint32_t parent; /* interface index of a subinterface's port */
	_Atomic uint64_t features; /* INTERFACE_... below */
	/* second line */
	_Atomic uint64_t object;      /* heap offset of what the kind needs: struct tunnel; or 0 */
	_Atomic uint64_t bridge_port; /* heap offset of a bridge port's settings; 0: not in a bridge */
	_Atomic uint64_t underlay;    /* tunnel: route leaf of the way to its remote end */
	_Atomic uint64_t filter_in;   /* number of the filter; 0: none */
	_Atomic uint64_t filter_out;
	uint8_t reserved[24];
};
static_assert(sizeof(struct interface) == 128, "interface");

/* features: what costs more than plain forwarding */
#define INTERFACE_RPF_STRICT (1ull << 0) /* source must be routed back by this interface */
#define INTERFACE_RPF_LOOSE  (1ull << 1) /* source must have a route */
#define INTERFACE_FILTER_IN  (1ull << 2) /* filter_in is set */
#define INTERFACE_FILTER_OUT (1ull << 3) /* filter_out is set */
#define INTERFACE_GROUPS     (1ull << 4) /* IGMP and MLD are the control plane's: routed multicast */
#define INTERFACE_BRIDGED    (1ull << 5) /* bridge_port is set: frames are the bridge's */
#define INTERFACE_MSS_SHIFT  16          /* 16 bits: TCP segments are clamped to it, 0: not */
#define INTERFACE_BRIDGE_SHIFT 32 /* 16 bits: BRIDGED: its bridge; kind BRIDGE: which one it is */

#define INTERFACE_VALID          (1ull << 0)
#define INTERFACE_UP             (1ull << 1) /* administratively, its port's flag included */
#define INTERFACE_MPLS           (1ull << 2) /* takes labelled packets */
#define INTERFACE_HAS_VLANS      (1ull << 3) /* has subinterfaces: tagged frames are looked up */
#define INTERFACE_KIND_SHIFT     4           /* 4 bits, enum interface_kind */
#define INTERFACE_SPACE_SHIFT    8           /* 8 bits: label space of 0x8847 */
#define INTERFACE_UPSTREAM_SHIFT 16 /* 8 bits: context space of 0x8848, 0: none (RFC 5332) */
#define INTERFACE_PORT_SHIFT     24 /* 8 bits: port row */
#define INTERFACE_MTU_SHIFT      32 /* 16 bits */
#define INTERFACE_VRF_SHIFT      48 /* 16 bits */

enum port_condition {
	PORT_ABSENT,  /* no wish, or not looked at yet */
	PORT_RUNNING, /* started */
	PORT_STOPPED, /* configured, administratively down */
	PORT_FAILED,  /* `error` says why; tried again when the wish changes */
};

/* What became of a wish. DP writes; readers copy it under `sequence` (odd: being written). */
struct port_status {
	_Atomic uint64_t sequence;
	uint64_t generation; /* of the wish that this answers */
	uint32_t condition;  /* enum port_condition */
	uint32_t link_up;
	uint32_t speed_mbps; /* 0: unknown */
	uint32_t flaps;      /* times that the link went down */
	uint32_t identity;
	uint16_t dpdk_port;
	uint16_t mtu;
	uint16_t rx_queues;
	uint16_t tx_queues;
	uint8_t mac[6];
	uint8_t reserved[2];
	char driver[32];
	char error[128];
	/* ethdev statistics, refreshed by the control thread; totals over restarts of the port */
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes, rx_missed, rx_errors, tx_errors,
		rx_nombuf;
	/* net_af_xdp: frames that our program in the driver left to the kernel, and sent here */
	uint64_t xdp_kernel, xdp_shunt;
	uint32_t xdp_mode; /* enum xdp_mode */
	uint16_t xdp_filter; /* enum xdp_filter: what became of ... */
	uint16_t xdp_filter_number; /* ... this filter, the port's; 0: it has none */
	uint64_t xdp_filter_version, xdp_filter_changes; /* of it, and of the addresses it names */
	/* mirror in the kernel that is there or about to be, or "": the next data plane removes it if
	 * nobody wants it any more */
	char host_interface[16];
	/* frames that the kernel did not take, or that no buffer was there for */
	uint64_t host_lost;
};
static_assert(sizeof(struct port_status) == 344, "port_status");

enum xdp_mode {
	XDP_NONE,    /* no program of ours: everything comes here, or it is no net_af_xdp */
	XDP_NATIVE,  /* in the driver */
	XDP_GENERIC, /* in the kernel's generic hook */
};

/* Is the filter of what comes in by the port in the driver too, so that what it denies ends there? */
enum xdp_filter {
	XDP_FILTER_NONE,   /* no program of ours, or no filter */
	XDP_FILTER_PUSHED, /* yes; else no, since: */
	XDP_FILTER_CALM,     /* it denies too little to be worth it */
	XDP_FILTER_BRIDGED,  /* the port is in a bridge */
	XDP_FILTER_DOWN,     /* it is down, or has no MAC */
	XDP_FILTER_PERMITS,  /* nothing is denied without being logged or policed */
	XDP_FILTER_RULES,    /* too many rules */
	XDP_FILTER_CLASSES,  /* too many classes */
	XDP_FILTER_PREFIXES, /* too many ranges of addresses */
	XDP_FILTER_KERNEL,   /* the kernel did not take it */
	XDP_FILTER_COUNT,
};

/* ---------------------------------------------------------------- labels */

/* Incoming label map (RFC 3031 3.11): label_space[s] is the heap offset of LABEL_COUNT words.
 * One word is all that forwarding needs to know of a label:
 *
 *   bits  0-19  label that replaces the top one (SWAP); VRF (REPLICATE with LABEL_LOCAL)
 *   bits 20-39  nexthop index, or group index if GROUP is set; VRF (POP_IP); bridge (POP_BRIDGE)
 *   bits 40-43  enum label_operation
 *   bits 44-    LABEL_... flags
 */
enum label_operation {
	LABEL_NONE,    /* no such label */
	LABEL_SWAP,    /* top label becomes bits 0-19, then the nexthop's labels are pushed */
	LABEL_REPLACE, /* like SWAP, but the nexthop's innermost label replaces the top one; a nexthop
	                   * without labels pops (members of a group with different labels) */
	LABEL_POP,     /* pop, push the nexthop's labels if any, send there (penultimate hop) */
	LABEL_POP_LABEL,  /* pop, look the next label up */
	LABEL_POP_IP,     /* pop, IP lookup in the VRF */
	LABEL_POP_BRIDGE, /* pop, Ethernet into the bridge */
	LABEL_SPECIAL,    /* labels 0 to 15: the data plane knows what to do */
	LABEL_REPLICATE,  /* like REPLACE, but a copy to every member of the group (RFC 6388,
	                   * RFC 4875) */
};
#define LABEL_OUT_MASK        0xfffffull
#define LABEL_INDEX_SHIFT     20
#define LABEL_INDEX_MASK      0xfffffull
#define LABEL_OPERATION_SHIFT 40
#define LABEL_OPERATION_MASK  0xfull
#define LABEL_GROUP           (1ull << 44) /* index is a group */
#define LABEL_TTL_PIPE        (1ull << 45) /* RFC 3443 pipe model, else uniform */
#define LABEL_TC_UNIFORM      (1ull << 46) /* a pop writes the traffic class into what it exposes */
#define LABEL_NO_COUNTERS     (1ull << 47)
#define LABEL_CONTROL_WORD    (1ull << 48) /* POP_BRIDGE: RFC 4448 control word follows */
#define LABEL_LOCAL           (1ull << 49) /* REPLICATE: and one copy is popped to IP here, in the VRF */
#define LABEL_ORIGIN_SHIFT    56           /* 8 bits, enum origin */

enum origin { ORIGIN_SYSTEM, ORIGIN_STATIC, ORIGIN_LEARNED };

/* ---------------------------------------------------------------- nexthops */

/* nexthop[i] is one word: what kind, and where its immutable rewrite stands (heap offset).
 * A change of a nexthop is a new rewrite and one store here. */
enum nexthop_kind {
	NEXTHOP_FREE,
	NEXTHOP_FORWARD, /* the rewrite is complete */
	NEXTHOP_UNRESOLVED, /* the neighbour's address or the port's own is unknown; rewrite tells who */
	NEXTHOP_BLACKHOLE,
};
#define NEXTHOP_KIND_SHIFT  56
#define NEXTHOP_OFFSET_MASK ((1ull << 48) - 1)
#define NEXTHOP_NONE        0u

/* Two lines; forwarding without a push reads only the first. CP writes, DP reads. Immutable. */
struct rewrite {
	uint8_t header[24];    /* Ethernet header with tags and type 0x8847, right-aligned */
	uint8_t header_length; /* 14, 18 or 22; 0: a tunnel's, nothing to write */
	uint8_t label_count;   /* labels to push, 0 to STACK_MAX */
	uint8_t port;          /* port row, or PORT_VIRTUAL: `interface` is a tunnel or a bridge */
	uint8_t reserved;
	uint32_t interface; /* egress interface index */
	uint16_t mtu;       /* its MTU: bytes after the Ethernet header, labels included */
	uint16_t reserved4;
	uint32_t
		backup; /* nexthop that takes over while the port's link is down, or NEXTHOP_NONE */
	uint8_t reserved2[24];
	/* second line: labels, and who this is (for show, and for a control plane that restarts) */
	uint32_t label[STACK_MAX]; /* label values, outermost first */
	uint8_t via[16];           /* neighbour; IPv4 as ::ffff:a.b.c.d; all zero: none */
	uint8_t flags;             /* REWRITE_... */
	uint8_t reserved3[15];
};
static_assert(sizeof(struct rewrite) == 128, "rewrite");
#define REWRITE_ENTROPY 1u /* push an entropy label pair below the pushed stack (RFC 6790) */
#define REWRITE_DEV_GIVEN                                                                          \
	2u /* the user named the interface; else it came from the connected network */
#define REWRITE_BACKUP_DEV 4u /* the same for the backup's interface */
#define REWRITE_IS_BACKUP  8u /* made by a `backup via` */

/* A group's buckets hold nexthop indexes; each is valid by itself, so a change of members stores only
 * the buckets that move. `members` tells show and a restarted control plane what was asked for. */
struct nexthop_group {
	_Atomic uint32_t bucket[GROUP_BUCKETS];
};
struct group_members { /* immutable heap object; CP writes, all read */
	uint32_t count;
	uint32_t reserved;
	struct {
		uint32_t nexthop;
		uint32_t weight;
	} member[GROUP_MEMBER_MAX];
};
static_assert(sizeof(struct group_members) == 2056, "group_members");

/* What group_members[i] names: the members, and by which interfaces they and their backups go, each once,
 * for the reverse-path check (RFC 3704 2.3: any of the paths will do). A nexthop's interfaces never
 * change. CP writes, all read. Immutable. */
enum { GROUP_INTERFACE_MAX = 2 * GROUP_MEMBER_MAX };
struct group_record {
	struct group_members members;
	uint32_t interface_count;
	uint32_t reserved;
	uint32_t interface[GROUP_INTERFACE_MAX];
};
static_assert(sizeof(struct group_record) == 4112, "group_record");

/* ---------------------------------------------------------------- routes */

/* Two tries (lpm.h) a VRF. A leaf says what becomes of a packet: bits 0-19 index, 20-23 the kind. */
enum route_family { ROUTE_IPV4, ROUTE_IPV6, ROUTE_FAMILIES };
enum route_kind {
	ROUTE_NONE,      /* no prefix covers the address */
	ROUTE_NEXTHOP,   /* index: nexthop */
	ROUTE_GROUP,     /* index: nexthop group */
	ROUTE_LOCAL,     /* index: the interface that has the address: for ourselves */
	ROUTE_GLEAN,     /* index: on this interface's network, link-layer address not known yet */
	ROUTE_BLACKHOLE, /* dropped and nobody is told */
	ROUTE_UNREACHABLE, /* dropped and the sender is told */
};
#define ROUTE_INDEX_MASK 0xfffffu
#define ROUTE_KIND_SHIFT 20
#define ROUTE_SYSTEM     (1u << 24) /* not configured as a route: of an address or a neighbour */

/* ---------------------------------------------------------------- hash tables */

/* The exact-match hash (hash.h): root word per table, 64-byte buckets of seven entry words and a link,
 * entries are immutable heap objects { key, value }. */
enum hash_table_id {
	HASH_VLAN,      /* struct vlan_entry */
	HASH_NEIGHBOUR, /* struct neighbour_entry */
	HASH_TUNNEL_IPV4, /* struct tunnel_entry_ipv4 (tunnel.h) */
	HASH_TUNNEL_IPV6, /* struct tunnel_entry_ipv6 */
	HASH_FDB,          /* struct fdb_entry (bridge.h, as the next three) */
	HASH_GROUP,        /* struct group_entry: any source */
	HASH_GROUP_SOURCE, /* struct group_source_entry */
	HASH_MULTICAST_ROUTE, /* struct multicast_route */
	HASH_TABLE_MAX = 16,
};

struct vlan_key {
	uint32_t port;
	uint16_t outer_tag;
	uint16_t inner_tag; /* 0: one tag */
};
struct vlan_entry {
	struct vlan_key key;
	uint32_t interface;
	uint32_t reserved;
};
static_assert(sizeof(struct vlan_entry) == 16, "vlan_entry");

struct neighbour_key {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint32_t interface;
	uint32_t reserved;
};
struct neighbour_entry {
	struct neighbour_key key;
	uint8_t mac[6];
	uint8_t origin; /* enum origin */
	uint8_t reserved;
};
static_assert(sizeof(struct neighbour_entry) == 32, "neighbour_entry");

/* ---------------------------------------------------------------- bridges */

/* Row of the bridge table; what it refers to is in bridge.h. CP writes, DP reads. */
struct bridge_row {
	_Atomic uint64_t flags;   /* BRIDGE_... (bridge.h); 0: no such bridge */
	_Atomic uint64_t members; /* heap offset of a struct bridge_members */
	_Atomic uint64_t domains; /* heap offset of VLAN_MAX words: heap offset of a struct
				   * bridge_domain, or 0 */
	_Atomic uint64_t ageing;  /* seconds until an address that was not heard of is forgotten */
	uint64_t reserved[4];
};
static_assert(sizeof(struct bridge_row) == 64, "bridge_row");

/* A source address that a bridge does not know, or not on this port. */
struct learn_event {
	uint8_t mac[6];
	uint16_t vlan;
	uint32_t interface; /* the bridge's port */
	uint32_t bridge;
	uint64_t sequence; /* position in the ring */
	uint64_t reserved;
};
static_assert(sizeof(struct learn_event) == 32, "learn_event");

/* As struct ring_producer; its consumer's half is a struct ring_consumer. */
struct learn_producer {
	alignas(CACHE_LINE) _Atomic uint64_t tail;
	alignas(CACHE_LINE) struct learn_event slot[LEARN_SLOTS];
};

/* ---------------------------------------------------------------- counters */

struct traffic_counter {
	_Atomic uint64_t packets;
	_Atomic uint64_t bytes; /* frame bytes as received, Ethernet header included, no FCS */
};

/* state->runtime as it was when it was cleared. CP writes, once; others read. */
struct runtime_baseline {
	struct stage_counters stage[WORKER_MAX][STAGE_MAX];
};

/* Of one interface, by one worker. Every packet that came in by an interface ends in exactly one of
 * forwarded, punted, consumed or drop[], and all of them are counted at its INGRESS interface:
 *   rx_packets + injected + copies + fragments ==
 *           forwarded - tx_dropped + punted + consumed + decapsulated + sum(drop)
 * tx_* count what was handed to the EGRESS interface. drop[] includes the tx_dropped reasons. What a
 * tunnel's packet costs stands in the first line. */
struct interface_counters {
	_Atomic uint64_t rx_packets, rx_bytes;
	_Atomic uint64_t forwarded;    /* put into a transmit buffer */
	_Atomic uint64_t tx_dropped;   /* ... and then not taken by the device: also a drop */
	_Atomic uint64_t decapsulated; /* received again, by a tunnel or a bridge's own interface */
	_Atomic uint64_t last_seen;    /* tunnel: when it received last (tunnel.h); no sum */
	_Atomic uint64_t tx_packets, tx_bytes;
	/* created: by the control plane, by replication */
	_Atomic uint64_t injected, copies, fragments;
	_Atomic uint64_t punted, consumed;
	_Atomic uint64_t tx_sequence; /* tunnel: how many were numbered when this worker did; no sum */
	_Atomic uint64_t rx_sequence; /* tunnel: newest received, and which before it; no sum */
	_Atomic uint64_t to_host;   /* of consumed: handed to the kernel by the port's mirror */
	_Atomic uint64_t from_host; /* of injected: came from the kernel by it */
	_Atomic uint64_t copies_failed; /* EGRESS: copies that could not be made; no sum */
	_Atomic uint64_t reserved[6];
	_Atomic uint64_t drop[DROP_REASON_MAX]; /* enum drop_reason */
};
static_assert(sizeof(struct interface_counters) == 1024, "interface_counters");

/* A packet that was dropped lately, for `show drops`: of a flood, one in a while. Its owner writes,
 * `sequence` odd while it does; one that died meanwhile leaves it odd until the next packet. DP writes,
 * others copy. */
struct drop_sample {
	_Atomic uint64_t sequence; /* 0: never used */
	uint64_t time;             /* CLOCK_REALTIME nanoseconds */
	uint32_t interface;        /* where the drop is counted */
	uint32_t length;           /* bytes of the frame */
	uint16_t captured;         /* bytes of it that are in data */
	uint8_t reserved[6];
	uint8_t data[DROP_SAMPLE_BYTES]; /* from its Ethernet header on, as it was when it was dropped */
};
static_assert(sizeof(struct drop_sample) == 192, "drop_sample");

/* ---------------------------------------------------------------- filters */

/* What a `log` rule saw last: the owner writes the slots of its ring in turn, `sequence` odd while it
 * does. DP writes, others copy. */
struct filter_sample {
	_Atomic uint64_t sequence; /* 0: never used */
	uint64_t time;             /* CLOCK_REALTIME nanoseconds */
	uint32_t interface;        /* that the packet came in by */
	uint16_t filter;           /* number */
	uint16_t decision;         /* as filter.h has it: slot and action */
	uint16_t length;           /* bytes of `header` that are there */
	uint16_t ipv6;             /* the header is an IPv6 one */
	uint8_t reserved[4];
	uint8_t header[64]; /* the packet from its IP header on */
	uint8_t reserved2[32];
};
static_assert(sizeof(struct filter_sample) == 128, "filter_sample");

/* ---------------------------------------------------------------- the two files */

/* CP writes, DP reads. */
struct tables_control {
	alignas(CACHE_LINE) _Atomic uint64_t epoch; /* raised after each unlinking; see epoch.h */
	/* raised before memory is reused (for the CLI) */
	alignas(CACHE_LINE) _Atomic uint64_t reclaim;
	/* 1: control plane sleeps, ring the doorbell */
	alignas(CACHE_LINE) _Atomic uint64_t sleeping;
	uint64_t hash_key[4]; /* random, set when the file is made: exact-match hashes */
	uint64_t flow_seed;   /* random, set when the file is made: equal-cost choice */
	/* bytes of the heap ever handed out: all of them are allocated */
	_Atomic uint64_t heap_used;
	uint64_t heap_start;         /* offset of the heap in the file, a multiple of HEAP_CHUNK */
	uint64_t heap_size;          /* bytes reserved for it */
	_Atomic uint64_t generation; /* of the control plane process: raised at each attach */
	_Atomic uint64_t interface_used; /* tunnels' rows from here on were never handed out */
	_Atomic uint64_t nexthop_used; /* nexthop indexes from here on were never handed out */
	_Atomic uint64_t group_used;   /* group indexes from here on were never handed out */
	_Atomic uint64_t tunnel_forms; /* which tunnels there are, so that only they are looked for */
	/* seconds that a control plane has counted since the file was made: the clock of fdb_hit */
	_Atomic uint64_t tick;
	/* heap offset of a struct watch_wish (watch.h), or 0; side by side, read once a turn */
	_Atomic uint64_t trace, capture;
};

struct tables {
	struct region_header header;
	struct tables_control control;
	/* heap offset of the ILM */
	alignas(CACHE_LINE) _Atomic uint64_t label_space[LABEL_SPACE_MAX];
	/* heap offset of LABEL_COUNT traffic_counter */
	_Atomic uint64_t label_baseline[LABEL_SPACE_MAX];
	_Atomic uint64_t hash_root[HASH_TABLE_MAX];
	_Atomic uint32_t route_root[VRF_MAX][ROUTE_FAMILIES]; /* root entries (lpm.h) */
	struct port_row port[PORT_MAX];
	struct interface interface[INTERFACE_MAX];
	/* heap offset of one interface_counters, or 0 */
	_Atomic uint64_t interface_baseline[INTERFACE_MAX];
	_Atomic uint64_t nexthop[NEXTHOP_MAX];
	struct nexthop_group group[GROUP_MAX];
	_Atomic uint64_t group_members[GROUP_MAX];      /* heap offset of a group_record; 0: not in use */
	struct bridge_row bridge[BRIDGE_MAX];
	struct ring_consumer learn_consumer[WORKER_MAX]; /* CP takes learned addresses out */
	/* heap offset of MULTICAST_COUNTERS traffic_counter, or 0 */
	_Atomic uint64_t multicast_baseline;
	/* heap offset of a struct runtime_baseline, or 0 */
	_Atomic uint64_t runtime_baseline;
	/* heap offset of a struct filter, and from bit 48 on how many slots it has; or 0 */
	_Atomic uint64_t filter[FILTER_MAX];
	/* heap offset of FILTER_SLOTS traffic_counter, or 0 */
	_Atomic uint64_t filter_baseline[FILTER_MAX];
	/* numbers of the filters of what is looked up in a VRF, and of what is for ourselves */
	_Atomic uint64_t filter_vrf[VRF_MAX];
	_Atomic uint64_t filter_local;
	/* is there any filter in filter_vrf; in filter_out of any interface? 0: no */
	_Atomic uint64_t filter_vrfs, filter_outs;
	struct ring_consumer punt_consumer[WORKER_MAX]; /* CP takes frames out of the punt rings */
	struct ring_producer inject[WORKER_MAX]; /* CP puts frames in; pages of idle rings: holes */
};

/* DP writes, CP reads. */
struct state_control {
	alignas(CACHE_LINE) _Atomic uint64_t generation; /* raised by each data plane process */
	_Atomic uint64_t worker_count;    /* rows that ever had a worker: all of them count */
	_Atomic uint64_t workers_running; /* rows that the process of this generation polls with */
	_Atomic uint64_t heartbeat; /* control thread's turns, for show only: not a sign of life */
	_Atomic uint64_t spaces_ready; /* bit s: label counters of space s are allocated */
	/* interface rows below this have counters: workers let nothing into one above */
	_Atomic uint64_t interfaces_ready;
	_Atomic uint64_t capture_ready; /* rings of workers below this are there */
	_Atomic uint64_t tsc_hz;
	char version[64]; /* program and DPDK version */
};

/* `seen` of a worker that is not running or sleeps: it holds no reference at all. */
#define WORKER_OFFLINE UINT64_MAX

struct worker_state {
	/* epoch at the top of its loop, or WORKER_OFFLINE */
	alignas(CACHE_LINE) _Atomic uint64_t seen;
	alignas(CACHE_LINE) _Atomic uint64_t turns, busy_turns, packets, busy_cycles,
		idle_cycles, naps;
	_Atomic uint64_t lcore;
	_Atomic uint64_t punted[PUNT_REASON_MAX];
};

struct state {
	struct region_header header;
	struct state_control control;
	struct worker_state worker[WORKER_MAX];
	/* 1: started and link up (fast reroute) */
	alignas(CACHE_LINE) _Atomic uint8_t port_live[PORT_MAX + 8]; /* [PORT_VIRTUAL]: 1 */
	struct port_status port[PORT_MAX];
	/* 1: counters of ports in interface[DRIVER_ROW] are allocated */
	_Atomic uint64_t driver_ready;
	/* slots of filter[DRIVER_ROW] that are allocated */
	_Atomic uint64_t filter_driver_ready[FILTER_MAX];
	/* counters of slots below this are allocated, for all of worker_count */
	_Atomic uint64_t filter_ready[FILTER_MAX];
	struct filter_sample filter_sample[WORKER_MAX][FILTER_SAMPLES];
	struct stage_counters runtime[WORKER_MAX][STAGE_MAX];
	struct ring_consumer inject_consumer[WORKER_MAX];
	struct learn_producer learn[WORKER_MAX];
	struct ring_producer punt[WORKER_MAX];
	/* rows of running workers are there */
	struct trace_ring trace[WORKER_MAX];
	struct drop_sample drop_sample[WORKER_MAX][DROP_REASON_MAX][DROP_SAMPLE_SLOTS];
	/* tunnels' rows are holes until there are any: see interfaces_ready */
	alignas(HEAP_CHUNK) struct interface_counters interface[WORKER_MAX][INTERFACE_MAX];
	/* `tick` when the entry's address was last seen as source; rows of running workers are there */
	alignas(HEAP_CHUNK) _Atomic uint32_t fdb_hit[WORKER_MAX][FDB_MAX];
	/* what bridges sent to groups, frame bytes as they came; rows of running workers are there */
	alignas(HEAP_CHUNK) struct traffic_counter multicast[WORKER_MAX][MULTICAST_COUNTERS];
	/* frame bytes as the filter met them; holes where filter_ready says so */
	alignas(HEAP_CHUNK) struct traffic_counter filter[WORKER_MAX][FILTER_MAX][FILTER_SLOTS];
	/* holes until there is something to capture: see capture_ready */
	alignas(HEAP_CHUNK) struct capture_ring capture[WORKER_MAX];
	/* 16 MiB per worker and space; allocated for the workers and spaces in use, holes elsewhere */
	alignas(HEAP_CHUNK) struct traffic_counter label[WORKER_MAX][LABEL_SPACE_MAX][LABEL_COUNT];
};

#define TABLES_HEAP_SIZE (16ull << 30) /* reserved address range, not memory */

/* The hash of every field's name, offset and size above: two builds with the same hash agree. */
uint64_t layout_hash(void);

/* Any object in the tables file by heap offset. */
static inline const void *tables_object(const struct tables *tables, uint64_t offset)
{
	return (const uint8_t *)tables + offset;
}

/* ---------------------------------------------------------------- word helpers */

static inline uint64_t word_load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/* Publish a word: everything written before is visible to whoever loads it. */
static inline void word_store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/* Add to a counter that has this one writer. */
static inline void counter_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline uint64_t counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static inline uint64_t label_entry(enum label_operation operation, uint32_t out_label,
				   uint32_t index, uint64_t flags)
{
	return (uint64_t)out_label | (uint64_t)index << LABEL_INDEX_SHIFT |
	       (uint64_t)operation << LABEL_OPERATION_SHIFT | flags;
}

static inline enum label_operation label_operation(uint64_t entry)
{
	return (enum label_operation)(entry >> LABEL_OPERATION_SHIFT & LABEL_OPERATION_MASK);
}

static inline uint32_t label_out(uint64_t entry)
{
	return (uint32_t)(entry & LABEL_OUT_MASK);
}

static inline uint32_t label_index(uint64_t entry)
{
	return (uint32_t)(entry >> LABEL_INDEX_SHIFT & LABEL_INDEX_MASK);
}

static inline uint32_t route_leaf(enum route_kind kind, uint32_t index)
{
	return (uint32_t)kind << ROUTE_KIND_SHIFT | index;
}

static inline enum route_kind route_kind(uint32_t leaf)
{
	return (enum route_kind)(leaf >> ROUTE_KIND_SHIFT & 0xf);
}

static inline uint32_t route_index(uint32_t leaf)
{
	return leaf & ROUTE_INDEX_MASK;
}

static inline uint64_t nexthop_word(enum nexthop_kind kind, uint64_t rewrite_offset)
{
	return (uint64_t)kind << NEXTHOP_KIND_SHIFT | rewrite_offset;
}

static inline enum nexthop_kind nexthop_kind(uint64_t word)
{
	return (enum nexthop_kind)(word >> NEXTHOP_KIND_SHIFT);
}

static inline const struct rewrite *nexthop_rewrite(const struct tables *tables, uint64_t word)
{
	return tables_object(tables, word & NEXTHOP_OFFSET_MASK);
}

#endif
