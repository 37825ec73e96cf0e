/* SPDX-License-Identifier: BSD-3-Clause
 *
 * worker.h: what a polling lcore has, and what it is told to poll.
 *
 * A worker owns everything in struct worker; nobody else writes it while it runs, but for `plan`,
 * `stop` and `doorbell`, which the control thread stores. The control thread never touches a queue that a
 * plan in use names: it publishes a new plan, waits until the worker says that it uses it, and only
 * then stops or closes what the new plan left out.
 */
#ifndef SHUNT_WORKER_H
#define SHUNT_WORKER_H

#include <rte_mbuf.h>
#include <rte_meter.h>
#include <rte_ring.h>
#include <rte_spinlock.h>
#include <stdbool.h>
#include "dataplane/shm/layout.h"
#include "dataplane/shm/reason.h"

enum {
	VECTOR_SIZE = 64,    /* packets of a burst */
	TRANSMIT_SIZE = 128, /* packets that wait for one port */
	RX_QUEUE_MAX = 256,  /* queues that one worker may poll */
	TX_RETRIES = 4,  /* times that a full device is asked again before packets are dropped */
	LAYERS_MAX = 16, /* labels that one packet may have popped here */
	STACK_WALK_MAX = 64, /* labels that are looked at for the bottom of the stack */
	DROP_WANTED = 128,   /* interfaces apart from each other in drop_wanted, by their last bits */
};

/* ---------------------------------------------------------------- plan: control thread to worker */

struct rx_queue {
	uint16_t dpdk_port;
	uint16_t queue;
	uint16_t port; /* port row, which is its interface index too */
	bool sends_idle; /* its driver sends by itself (LACP), but only when it is asked to send */
};

struct tx_queue {
	bool running;       /* false: packets for this port row are dropped as tx_port_gone */
	bool multi_segment; /* the device sends chained mbufs */
	uint16_t dpdk_port;
	uint16_t queue;
	rte_spinlock_t
		*lock; /* not NULL: workers share this queue (device has fewer than workers) */
};

/* Frames from the kernel by a port's mirror (port/exchange.h). */
struct host_queue {
	struct rte_ring *ring; /* of mbufs; this worker is its one consumer */
	uint16_t port;         /* port row that they leave by */
};

/* Immutable once published; private memory of the process. */
struct plan {
	const struct tables *tables; /* NULL: no tables yet, poll nothing */
	unsigned int rx_count;
	struct rx_queue rx[RX_QUEUE_MAX];
	struct tx_queue tx[PORT_MAX];
	uint64_t mirrored; /* bit per port row that has a mirror in the kernel */
	unsigned int host_count;
	struct host_queue host[PORT_MAX]; /* of the mirrors that this worker takes frames from */
};

/* ---------------------------------------------------------------- packets between stages */

/* How Ethernet got to the bridge: by the port that packet->interface is, or by a label (packet->nexthop is
 * the bridge). */
enum bridge_way { BRIDGE_BY_PORT, BRIDGE_BY_LABEL };

enum payload { PAYLOAD_MPLS, PAYLOAD_IPV4, PAYLOAD_IPV6, PAYLOAD_ETHERNET };

enum packet_flag {
	PACKET_REPLACED = 1 << 0, /* the nexthop's innermost label is on the packet already */
	PACKET_TTL_DONE = 1 << 1, /* this node's decrement is in the header that `l3` points to */
	PACKET_LABELLED = 1 << 2, /* it came out of a label stack or a tunnel, not from the link */
	PACKET_RPF = 1 << 3,      /* its interface has the source address checked */
	PACKET_ENCAPSULATED = 1 << 4, /* its outermost header is a tunnel's that begins here */
	PACKET_LAYER = 1 << 5,        /* 3 bits: tunnels that it left and entered */
	PACKET_LAYERS = 7 << 5,
};

/* A packet on its way through the stages. `l3` is the outermost header that is left: label stack
 * entry or IP header; what stood before it is gone. */
struct packet {
	struct rte_mbuf *mbuf;
	uint8_t *l3;
	/* output: index; encapsulate: the tunnel's interface row; bridge: which bridge */
	uint32_t nexthop;
	uint32_t push; /* output: TC, S and TTL of the labels to push, as in a label stack entry */
	union {
		struct {
			uint32_t interface; /* ingress interface: where its end is counted */
			uint8_t vrf;        /* ip: where to look it up */
			uint8_t space;      /* mpls: label space of the top label; bridge: BRIDGE_BY_... */
			uint8_t payload;    /* enum payload: what l3 points to */
			uint8_t flags;      /* enum packet_flag */
		};
		uint64_t context; /* all of these, to be set by one store */
	};
};
static_assert(sizeof(struct packet) == 32, "packet");
static_assert(VRF_MAX <= 256 && LABEL_SPACE_MAX <= 256, "they fit");

/* Every pool's buffers have a private area of PACKET_ROOM bytes. The packet of a copy stands there, so that it
 * lives as long as its buffer, whatever else is copied meanwhile. */
enum { PACKET_ROOM = CACHE_LINE };
static_assert(sizeof(struct packet) <= PACKET_ROOM, "it fits");
static inline struct packet *packet_of(struct rte_mbuf *mbuf)
{
	return rte_mbuf_to_priv(mbuf);
}

/* Packets for one stage, in the order in which they came. They stand in worker->packet, or are copies.
 * VECTOR_SIZE at most; in output as many more, when what was put into tunnels joins what was there. */
struct vector {
	unsigned int count;
	struct packet *packet[2 * VECTOR_SIZE];
};

/* Packets that wait for the ports, by port row. */
struct transmit {
	uint16_t count[PORT_MAX];
	uint64_t pending;                          /* bit per port row with packets that wait */
	uint32_t ingress[PORT_MAX][TRANSMIT_SIZE]; /* where a drop is counted */
	struct rte_mbuf *mbuf[PORT_MAX][TRANSMIT_SIZE];
};

/* ---------------------------------------------------------------- the kernel, by ports' mirrors */

/* What is for the kernel is policed by port and class, so that a flood of one kind starves no other. */
enum host_class {
	HOST_UNICAST, /* IP to an address of ours: TCP, UDP, ... */
	HOST_GROUP,   /* IP multicast and broadcast on the link: OSPF, LDP, DHCP, ... */
	HOST_LINK, /* all others: ARP, neighbour discovery, LLDP, STP, IS-IS, unknown Ethertypes */
	HOST_CLASS_COUNT
};

/* Wakes the thread that hands frames to the kernel. */
struct host_bell {
	alignas(CACHE_LINE) _Atomic bool sleeping; /* ring before you go; whoever rings clears it */
	int fd;                                    /* eventfd */
};

/* Set while the worker starts; all NULL in a process without that thread. */
struct host_path {
	struct rte_ring *ring; /* of mbufs with their port row in mbuf->port; we are the producer */
	struct host_bell *bell;
	struct rte_meter_srtcm_profile *profile;
	struct rte_meter_srtcm meter[PORT_MAX][HOST_CLASS_COUNT];
};

/* ---------------------------------------------------------------- worker */

struct worker {
	/* hot */
	const struct tables *tables;                    /* of the plan in use */
	struct interface_counters *interface;           /* state->interface[id] */
	struct traffic_counter *label[LABEL_SPACE_MAX]; /* NULL: not allocated, do not count */
	const _Atomic uint8_t *port_live;               /* state->port_live */
	bool pushing;                     /* most packets of the last vector got labels */
	uint8_t watch;                    /* enum watch_flag (stage/watch.h): of this turn */
	unsigned int pushed;              /* packets of this vector that got labels */
	uint16_t datagram;                /* identification of the next outer IPv4 header */
	struct traffic_counter uncounted; /* of spaces whose counters are not allocated */
	struct vector mpls, ip, output, encapsulate, bridge;
	struct vector filter; /* IP packets that came in by an interface with a filter */
	struct traffic_counter (*rule)[FILTER_SLOTS]; /* state->filter[id] */
	bool simd;                                    /* filter_has_simd() */
	/* not 0: the next packet that is dropped for it, by such an interface, is remembered */
	uint8_t drop_wanted[DROP_REASON_MAX][DROP_WANTED];
	struct packet packet[VECTOR_SIZE]; /* of the burst that is being processed */

	struct bridge_memory *bridging;    /* stage/bridge.h */
	_Atomic uint32_t *fdb_hit;         /* state->fdb_hit[id] */
	struct traffic_counter *multicast; /* state->multicast[id] */
	struct learn_producer *learn;      /* state->learn[id] */

	/* cold */
	const struct plan *current; /* plan in use during this turn */
	unsigned int id;
	bool busy_poll;             /* --poll busy: never sleep */
	struct worker_state *state; /* state->worker[id] */
	struct state *shared;       /* the whole file */
	struct ring_producer *punt; /* state->punt[id] */
	struct rte_mempool *pool;   /* for injected frames */
	struct rte_meter_srtcm_profile *punt_profile; /* of most reasons; behind it IGMP's and MLD's */
	struct rte_meter_srtcm punt_meter[PUNT_REASON_COUNT];
	struct watching *watching;     /* stage/watch.h */
	struct reassembly *reassembly; /* fragments that wait (reassemble.c) */
	unsigned int reassembling;     /* packets that they belong to */
	struct host_path host;
	unsigned int idle_turns;
	uint64_t drops_wanted_next; /* TSC: when drop_wanted is set again */
	struct filter_meter *meter; /* FILTER_METERS of this worker's share; see stage/filter.c */
	unsigned int workers;       /* how many share the rates */
	struct rte_ring **handover; /* by worker; NULL: there is one alone (stage/hand_over.h) */
	struct rte_meter_srtcm_profile *sample_profile;
	struct rte_meter_srtcm sample_meter;
	unsigned int sample; /* samples taken so far */
	/* stored by the control thread: slots of each filter that have counters */
	uint16_t rule_ready[FILTER_MAX];

	/* stored by the control thread */
	alignas(CACHE_LINE) _Atomic(const struct plan *)
		plan; /* to be used from the next turn on */
	_Atomic(const struct plan *)
		in_use; /* worker: says that it uses this one (also when offline) */
	_Atomic bool stop;
	_Atomic int doorbell; /* FIFO that wakes the control plane, or -1 */

	alignas(CACHE_LINE) struct transmit transmit;
};

/* Set up worker `id`: counters and rings must be allocated in `state` (region_allocate). The worker
 * starts offline, without a plan. Punt policers get `punt_rate` packets a second per reason,
 * those of IGMP and MLD twenty times as many. */
int worker_init(struct worker *worker, unsigned int id, struct state *state,
		struct rte_mempool *pool, bool busy_poll, unsigned int punt_rate);

/* Poll until `stop` is set; ends offline. For rte_eal_remote_launch and the main lcore. */
int worker_run(void *worker);

/* What stands in the vectors, through the stages behind classify until none is left. */
void worker_stages(struct worker *worker);

/* The same for nobody who looks on, whatever worker->watch says. Of worker_stages and the benchmarks. */
void worker_stages_unwatched(struct worker *worker);

/* One burst through all stages, from the received vector to the filled transmit buffers; nothing is
 * sent or freed but what is dropped. Used by worker_run, the stage tests and the benchmark. */
void worker_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		    unsigned int count);

/* Send what waits, port by port; what a device does not take is dropped as tx_full. */
void worker_flush(struct worker *worker);

#endif
