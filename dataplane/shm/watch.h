/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch.h: what the control plane wishes to see of packets on their way, and where workers write it.
 *
 * A wish is an immutable heap object that one word of struct tables_control names (`trace`, `capture`; 0:
 * nothing is watched). It ends by itself, by count or at its deadline, so that nobody who dies leaves it on.
 * A worker looks at the words once a turn; while both are 0 no packet costs anything.
 */
#ifndef SHUNT_SHM_WATCH_H
#define SHUNT_SHM_WATCH_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

/* What a worker does with packets, in the order in which they meet it: name and what it is, for users. */
#define STAGES(X)                                                                                  \
	X(receive, "packets out of devices, and from other workers and processes")                 \
	X(classify, "destination address, VLAN tags and Ethertype")                                \
	X(filter, "filters of the interfaces that IP packets came in by")                          \
	X(mpls, "label lookup")                                                                    \
	X(tunnel, "headers of tunnels that end here")                                              \
	X(filter_vrf, "filters of VRFs")                                                           \
	X(ip, "IP lookup")                                                                         \
	X(bridge, "forwarding table and multicast groups, copies")                                 \
	X(output, "the nexthop's header")                                                          \
	X(encapsulate, "headers of tunnels that begin here")                                       \
	X(transmit, "packets into devices")

#define X(name, text) STAGE_##name,
enum stage_id { STAGES(X) STAGE_COUNT };
#undef X

/* The stage's name as users see it, or "?" for a number that is none. */
const char *stage_name(unsigned int stage);

enum {
	STAGE_MAX = 16,
	WATCH_SAMPLE = 64,       /* one of so many busy turns has its stages' cycles counted */
	WATCH_PROGRAM_MAX = 512, /* instructions of a match expression */
	TRACE_PACKETS_MAX = 128, /* packets of one trace */
	TRACE_RECORDS = 64,      /* records of a packet; further ones are left out */
	TRACE_SLOTS = TRACE_PACKETS_MAX * TRACE_RECORDS,
	TRACE_BYTES = 160,      /* of a frame in a record */
	WATCH_ANY = UINT32_MAX, /* watch_wish.interface: whatever interface it came in by */
};
static_assert((int)STAGE_COUNT <= (int)STAGE_MAX, "room for more");

/* One stage in the turns that were sampled. DP writes, others read. */
struct stage_counters {
	_Atomic uint64_t calls; /* vectors that were not empty */
	_Atomic uint64_t packets;
	_Atomic uint64_t cycles;
	uint64_t reserved;
};
static_assert(sizeof(struct stage_counters) == 32, "stage_counters");

/* ---------------------------------------------------------------- wishes */

/* Classic BPF (the BSD packet filter, as libpcap's compiler makes it). */
struct watch_instruction {
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};
static_assert(sizeof(struct watch_instruction) == 8, "watch_instruction");

/* CP writes, DP reads. Immutable but for its deadline. */
struct watch_wish {
	uint64_t generation; /* another one with every wish, never 0 */
	_Atomic uint64_t deadline; /* CLOCK_MONOTONIC nanoseconds from which on nobody watches: the one
				    * word that may change, when the wish is renewed */
	uint64_t count;      /* packets that a worker reports at most; 0: no limit */
	uint32_t interface;  /* ingress interface row, or WATCH_ANY */
	uint32_t options;    /* of this kind of wish */
	uint32_t program_length; /* instructions; 0: every packet */
	uint32_t reserved;
	struct watch_instruction program[]; /* about the frame from its Ethernet header on */
};
static_assert(sizeof(struct watch_wish) == 40, "watch_wish");

/* ---------------------------------------------------------------- how packets end */

/* How a packet, or a copy of it, ended, or where it was seen last. */
enum watch_end {
	WATCH_TRANSMITTED, /* reason: port row. The device may yet refuse it: WATCH_DROPPED follows */
	WATCH_DROPPED,     /* reason: enum drop_reason */
	WATCH_PUNTED,      /* reason: enum punt_reason */
	WATCH_CONSUMED,    /* reason: enum watch_consumed. A full ring follows as WATCH_DROPPED */
	WATCH_ENDS
};

#define WATCH_CONSUMERS(X)                                                                         \
	X(to_host, "to the kernel, by the port's mirror")                                          \
	X(reassembled, "became part of the packet that its fragments make")                        \
	X(fragment_waits, "waits for the other fragments")                                         \
	X(other_worker, "goes on at the worker that its tunnel belongs to")
#define X(name, text) WATCH_##name,
enum watch_consumed { WATCH_CONSUMERS(X) WATCH_CONSUMED_COUNT };
#undef X

/* ---------------------------------------------------------------- trace */

enum trace_kind {
	TRACE_ARRIVED, /* `data` is the frame as it came; index 1: from another worker, which traced it too */
	TRACE_LOOKUP,  /* what `stage` asked of which table: by enum trace_lookup */
	TRACE_STAGE,   /* it has left `stage` */
	TRACE_END,     /* `data` is what it was then; a packet that is copied has several */
	TRACE_KINDS
};

enum trace_lookup {
	TRACE_LABEL, /* index: label; result: its entry word */
	TRACE_ROUTE, /* key: address, IPv4 as ::ffff:a.b.c.d; result: route leaf */
	TRACE_FILTER, /* index: number; result: decision, from bit 16 on the rule's sequence number */
	TRACE_TUNNEL,    /* index: row of the one that it goes into */
	TRACE_INTERFACE, /* index: row at which it is counted from now on: tunnel, bridge, ... */
	TRACE_ADDRESS, /* index: bridge; key: MAC, VLAN; result: interface, or WATCH_ANY: not known */
	TRACE_GROUP,   /* index: bridge; key: group; result: 1: hosts asked for it, 0: nobody */
	TRACE_NEXTHOP, /* index: nexthop; result: egress interface, from bit 32 on how many labels it
			* pushes; key: the first four, outermost first */
	TRACE_LOOKUPS
};

/* DP writes, others read. */
struct trace_record {
	uint64_t time;      /* CLOCK_REALTIME nanoseconds */
	uint32_t packet;    /* number among the worker's traced ones, from 0 */
	uint8_t kind;       /* enum trace_kind */
	uint8_t stage;      /* enum stage_id */
	uint8_t next;       /* STAGE: which one has it now; STAGE_COUNT: none */
	uint8_t lookup;     /* LOOKUP: enum trace_lookup */
	uint32_t interface; /* row at which it is counted now */
	uint32_t length;    /* bytes of the frame */
	uint16_t captured;  /* of them in `data` */
	uint8_t end;        /* END: enum watch_end */
	uint8_t reserved;
	uint32_t reason; /* END */
	uint32_t index;
	uint8_t vrf, space;
	uint8_t reserved2[2];
	uint64_t result;
	uint8_t key[16];
	uint8_t reserved3[32];
	uint8_t data[TRACE_BYTES];
};
static_assert(sizeof(struct trace_record) == 256, "trace_record");

/* What one worker saw. A trace has at most TRACE_PACKETS_MAX packets, so that no record is written twice
 * in it. A reader loads generation, then count, copies, and loads generation again. DP writes, others read. */
struct trace_ring {
	alignas(64) _Atomic uint64_t generation; /* of the wish */
	_Atomic uint64_t count;                  /* records that are whole, of whole packets */
	alignas(64) struct trace_record record[TRACE_SLOTS];
};

#endif
