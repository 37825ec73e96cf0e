/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel.h: tunnels and pseudowires as the two planes share them.
 *
 * A tunnel is an interface: a row of kind TUNNEL or PSEUDOWIRE from INTERFACE_FIRST_TUNNEL on. Its
 * words say what they say of any interface, about the packets inside:
 *
 *   flags     valid, up (nothing enters or leaves by a tunnel that is not both), mpls, label space,
 *             VRF of the inner packets, MTU of the inner packets (an Ethernet payload without its
 *             Ethernet header), kind
 *   features  reverse-path check, filters, BRIDGED and the bridge, MSS that inner TCP is clamped to
 *   object    heap offset of an immutable struct tunnel, made by tunnel_template
 *   underlay  route leaf (ROUTE_NEXTHOP or ROUTE_GROUP) of the way to the remote end in the outer
 *             VRF; anything else, 0 too: nothing is sent, and dropped as tunnel_down
 *
 * Arriving (decapsulation). An outer packet finds its tunnel in HASH_TUNNEL_IPV4 or HASH_TUNNEL_IPV6 by
 * { remote, local, key or VNI, form, outer VRF }; the exact remote is looked for before `any`. Only the
 * forms whose bit is set in tables->control.tunnel_forms are looked for. That is done before the
 * routing lookup, for packets that are whole (fragments go to ip, and come back when reassembled). What
 * finds none goes on to ip as any other packet; if it turns out to be for ourselves it is dropped, and
 * the reason says why no tunnel took it (tunnel_unknown, tunnel_key, gre_header ...), but for a node
 * without any tunnel, which has nothing to say about such packets.
 *
 * A pseudowire is found by its label: LABEL_POP_BRIDGE with the row as index, LABEL_CONTROL_WORD if
 * there is one. An index below BRIDGE_MAX is a bridge without a pseudowire's row (`mpls add L pop
 * bridge BR`): its frames go into the bridge from the interface that the labelled packet came in by.
 *
 * Leaving (encapsulation). A route's nexthop by a tunnel is a rewrite with header_length 0, port
 * PORT_VIRTUAL, interface = the row, mtu = the row's, labels to push first (MPLS in GRE), NEXTHOP_FORWARD
 * as long as the tunnel is up (its keepalive too) and has an underlay; else packets take the rewrite's
 * backup or another route. The bridge hands over frames by tunnel_encapsulate (stage.h).
 *
 * Counting. What enters a tunnel ends at its outer ingress interface as `decapsulated`, and has been
 * received (rx_*, bytes from the inner header on) at the tunnel's row, where its later end is counted
 * and where the tunnel's own drop reasons are: checksum, sequence, payload, ECN. What leaves by a
 * tunnel is tx_* at its row, and counted as forwarded where it came from. interface_counters.last_seen
 * is CLOCK_MONOTONIC in nanoseconds of the last packet received, per worker: the latest counts. Rows
 * from state.control.interfaces_ready on are not entered (reason interface_down, at the outer one).
 *
 * Keepalives (GRE over IPv4): a packet of GRE protocol 0 that a tunnel received is our own keepalive
 * that came back; an inner IPv4 packet from the tunnel's local to its remote address of protocol 47 is
 * the remote's, to be sent back as it is. Both are punted at the tunnel's row as gre_keepalive, with
 * l3_offset at the (outer; inner) IPv4 header whose destination tells which of the two it is, without
 * any look at martians, reverse path or the inner VRF.
 *
 * Order of changes by the control plane: a new tunnel is its row (object first, flags with VALID last),
 * then tunnel_add; its end is tunnel_remove and flags without VALID, and the row's next use after a
 * grace period. A changed struct tunnel with the same key is a new object and one store; with another
 * key: tunnel_add with the new one, store, tunnel_remove of the old one.
 */
#ifndef SHUNT_SHM_TUNNEL_H
#define SHUNT_SHM_TUNNEL_H

#include <stdbool.h>
#include "hash.h"

enum tunnel_mode {
	TUNNEL_GRE,        /* RFC 2784, 2890, 7676: IPv4, IPv6, MPLS (RFC 4023) */
	TUNNEL_GRETAP,     /* GRE with Ethernet (0x6558), into a bridge */
	TUNNEL_IPIP,       /* RFC 2003, 2473, 4213: IPv4 and IPv6 */
	TUNNEL_VXLAN,      /* RFC 7348, into a bridge */
	TUNNEL_PSEUDOWIRE, /* RFC 4448, into a bridge */
	TUNNEL_MODES,
};

enum {
	TUNNEL_HEADER_MAX = 64, /* bytes of outer headers: IPv6, UDP or GRE with all fields, VXLAN */
	TUNNEL_LAYERS_MAX = 4,  /* tunnels that one packet may enter and leave here */
	VXLAN_PORT = 4789,      /* UDP destination port */
	TUNNEL_REPLAY_WINDOW = 32, /* SEQUENCE_WINDOW: how far behind the newest one may come */
	TUNNEL_SEQUENCE_RESTART = 10, /* seconds without a good one: whatever comes begins anew */
};

/* struct tunnel.flags; entries of the hash have them too */
#define TUNNEL_KEY             (1u << 0) /* `id` is a GRE key; without it there is none, which is not 0 */
#define TUNNEL_CHECKSUM        (1u << 1) /* send one: GRE's, or VXLAN's in UDP */
#define TUNNEL_SEQUENCE_SEND   (1u << 2) /* GRE: number what we send */
#define TUNNEL_SEQUENCE_STRICT (1u << 3) /* GRE: refuse what is not newer than the newest (RFC 2890) */
#define TUNNEL_SEQUENCE_WINDOW (1u << 4) /* GRE: refuse what came already or is too far behind */
#define TUNNEL_DF              (1u << 5) /* outer IPv4: don't fragment, always */
#define TUNNEL_DF_INHERIT      (1u << 6) /* ... where the inner IPv4 packet says so; inner IPv6 does */
#define TUNNEL_FRAGMENT        (1u << 7) /* an outer IPv6 packet may be fragmented by us; IPv4: no DF */
#define TUNNEL_TTL_FIXED       (1u << 8) /* outer TTL is `ttl`; else the inner packet's */
#define TUNNEL_DSCP_FIXED      (1u << 9) /* outer DSCP is `dscp`; else the inner packet's */
#define TUNNEL_CONTROL_WORD    (1u << 10) /* pseudowire: RFC 4385 */
#define TUNNEL_SEQUENCE_RECEIVE (TUNNEL_SEQUENCE_STRICT | TUNNEL_SEQUENCE_WINDOW)

/* A tunnel: immutable heap object. CP writes, DP reads. The template holds the outer headers, right-
 * aligned, 0 where it depends on the packet. Addresses: IPv4 as ::ffff:a.b.c.d. */
struct tunnel {
	uint8_t header[TUNNEL_HEADER_MAX];
	/* second line */
	uint8_t local[16];
	uint8_t remote[16]; /* all zero: any; nothing can be sent then (no underlay) */
	uint32_t id;        /* GRE key; VNI; pseudowire: label that goes out, innermost */
	uint32_t flags;     /* TUNNEL_... */
	uint8_t mode;       /* enum tunnel_mode */
	uint8_t header_length;
	uint8_t ttl;     /* TTL_FIXED; pseudowire: TTL of the label */
	uint8_t dscp;    /* DSCP_FIXED: 6 bits */
	uint8_t vrf;     /* outer */
	uint8_t in_space; /* pseudowire: of ... */
	uint8_t reserved[2];
	uint32_t in_label; /* pseudowire: label that comes in; for those who look */
	uint8_t reserved2[12];
};
static_assert(sizeof(struct tunnel) == 128, "tunnel");

/* What makes the difference between packets of one pair of addresses. */
enum tunnel_form {
	TUNNEL_FORM_GRE,        /* without key */
	TUNNEL_FORM_GRE_KEY,    /* with key */
	TUNNEL_FORM_GRETAP,     /* protocol 0x6558, without key */
	TUNNEL_FORM_GRETAP_KEY, /* protocol 0x6558, with key */
	TUNNEL_FORM_IPIP,
	TUNNEL_FORM_VXLAN,
	/* not a tunnel: says that some tunnel has these addresses (`id` is 0); for the drop reason */
	TUNNEL_FORM_SOME_GRE,
	TUNNEL_FORM_SOME_VXLAN,
	TUNNEL_FORMS,
};

/* tables->control.tunnel_forms: bit form, + 8 for tunnels with remote `any`; IPv6 endpoints: + 16. */
#define TUNNEL_FORM_ANY  8u
#define TUNNEL_FORM_IPV6 16u

/* Addresses in the order of an IPv4 or IPv6 header that arrives: source, destination. Network order;
 * the rest in the host's. */
struct tunnel_key_ipv4 {
	uint8_t remote[4]; /* all zero: any */
	uint8_t local[4];
	uint32_t id;  /* GRE key or VNI, 0 in forms without */
	uint8_t form; /* enum tunnel_form */
	uint8_t vrf;  /* outer */
	uint16_t reserved;
};
static_assert(sizeof(struct tunnel_key_ipv4) == 16, "tunnel_key_ipv4");

struct tunnel_key_ipv6 {
	uint8_t remote[16];
	uint8_t local[16];
	uint32_t id;
	uint8_t form;
	uint8_t vrf;
	uint16_t reserved;
};
static_assert(sizeof(struct tunnel_key_ipv6) == 40, "tunnel_key_ipv6");

/* Behind the key in an entry. */
struct tunnel_value {
	uint32_t interface; /* the tunnel's row; of a SOME form: how many tunnels there are */
	uint32_t flags;     /* struct tunnel.flags */
	uint8_t local[4];   /* IPv4 endpoints, mode gre: to know the remote's keepalives */
	uint8_t remote[4];
};
static_assert(sizeof(struct tunnel_value) == 16, "tunnel_value");

struct tunnel_entry_ipv4 {
	struct tunnel_key_ipv4 key;
	struct tunnel_value value;
};
static_assert(sizeof(struct tunnel_entry_ipv4) == 32, "tunnel_entry_ipv4");

struct tunnel_entry_ipv6 {
	struct tunnel_key_ipv6 key;
	struct tunnel_value value;
};
static_assert(sizeof(struct tunnel_entry_ipv6) == 56, "tunnel_entry_ipv6");

/* ---- anybody ---- */

static inline bool tunnel_is_ipv4(const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, 0xff };
	return memcmp(address, mapped, sizeof(mapped)) == 0;
}

static inline bool tunnel_is_any(const uint8_t address[16])
{
	static const uint8_t zero[16];
	return memcmp(address, zero, sizeof(zero)) == 0;
}

/* The object of a row that has one (struct tunnel), or NULL. A reader inside a grace period. */
static inline const struct tunnel *tunnel_get(const struct tables *tables, uint32_t interface)
{
	uint64_t offset = word_load(&tables->interface[interface].object);
	return offset == 0 ? NULL : (const struct tunnel *)tables_object(tables, offset);
}

/* ---- control plane ---- */

/* Fill in header and header_length from the rest. Bytes that the outer headers add to an inner packet:
 * header_length (a pseudowire: its label and control word, without Ethernet and other labels). -EINVAL:
 * local and remote are not of one family, or the mode has no such flag. */
int tunnel_template(struct tunnel *tunnel);

/* The tunnels of the hashes, counted by form: the control plane's private memory. */
struct tunnel_table {
	struct tables *tables;
	struct heap *heap;
	uint32_t count[32]; /* by bit of tunnel_forms */
};

/* Make the hashes if they are not there; after a restart (hash_claim done), count what is in them.
 * -ENOSPC */
int tunnel_table_open(struct tunnel_table *table, struct tables *tables, struct heap *heap);

/* Let packets in by row `interface`, which must be valid. -EEXIST: another row has this key; -ENOSPC.
 * A pseudowire has nothing here (0): its label is what lets packets in. */
int tunnel_add(struct tunnel_table *table, const struct tunnel *tunnel, uint32_t interface);

/* -ENOENT: no such key, or not of this row. */
int tunnel_remove(struct tunnel_table *table, const struct tunnel *tunnel, uint32_t interface);

/* The row that has this tunnel's key, or 0. */
uint32_t tunnel_find(const struct tables *tables, const struct tunnel *tunnel);

#endif
