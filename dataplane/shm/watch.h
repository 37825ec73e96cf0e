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

enum {
	STAGE_MAX = 16,
	WATCH_SAMPLE = 64,       /* one of so many busy turns has its stages' cycles counted */
	WATCH_PROGRAM_MAX = 512, /* instructions of a match expression */
	WATCH_ANY = UINT32_MAX,  /* watch_wish.interface: whatever interface it came in by */
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

/* Classic BPF (the BSD packet filter, as libpcap's compiler makes it). */
struct watch_instruction {
	uint16_t code;
	uint8_t jump_true, jump_false;
	uint32_t k;
};
static_assert(sizeof(struct watch_instruction) == 8, "watch_instruction");

/* CP writes, DP reads. Immutable. */
struct watch_wish {
	uint64_t generation; /* another one with every wish, never 0 */
	uint64_t deadline;   /* CLOCK_MONOTONIC nanoseconds from which on nobody watches */
	uint64_t count;      /* packets that a worker reports at most; 0: no limit */
	uint32_t interface;  /* ingress interface row, or WATCH_ANY */
	uint32_t options;    /* of this kind of wish */
	uint32_t program_length; /* instructions; 0: every packet */
	uint32_t reserved;
	struct watch_instruction program[]; /* about the frame from its Ethernet header on */
};
static_assert(sizeof(struct watch_wish) == 40, "watch_wish");

#endif
