/* SPDX-License-Identifier: BSD-3-Clause
 *
 * device.h: one ethdev from devargs to running queues, and back. Control thread only.
 */
#ifndef SHUNT_PORT_DEVICE_H
#define SHUNT_PORT_DEVICE_H

#include <rte_mempool.h>
#include <rte_spinlock.h>
#include <stdbool.h>
#include "dataplane/port/af_xdp.h"
#include "dataplane/port/bond.h"
#include "dataplane/shm/layout.h"
#include "dataplane/xdp/steer.h"

#define DEVICE_ERROR_SIZE 128

/* Packet buffers. Ports share them, so that a packet may leave by any. But for net_af_xdp: an attempt
 * that fails loses all the buffers of its fill ring, so each device has a pool of its own, that of a
 * failed one is freed, and that of a closed one (whose packets may be anywhere) goes to the next. */
struct device_pools {
	struct rte_mempool *normal;
	struct rte_mempool *jumbo; /* NULL until a port needs it */
	unsigned int mbufs;        /* in normal */
	unsigned int spare_count;
	struct rte_mempool *spare[PORT_MAX]; /* of net_af_xdp devices that are closed */
};

struct device {
	bool present;
	bool opened;        /* was set up without a failure */
	bool started;       /* to be polled */
	bool running;       /* as ethdev sees it */
	bool keeps_running; /* never stopped while present: the driver would not start again */
	bool host_mtu;      /* MTU is the Linux interface's, set by us */
	bool multi_segment; /* sends chained mbufs */
	bool jumbo;         /* receives into jumbo buffers */
	bool scatter;       /* receives into chained mbufs */
	uint16_t dpdk_port;
	uint16_t mtu;
	uint16_t rx_queues, tx_queues;
	unsigned int host_index; /* of the Linux interface behind it, 0: none */
	char name[64];           /* for messages: devargs up to the comma */
	char driver[32];
	uint8_t mac[6];
	struct bond bond;                   /* members, if it is a group */
	struct rte_mempool *pool;           /* that its queues receive into */
	struct af_xdp_sockets sockets;      /* net_af_xdp: that its queues made */
	struct steer steer;                 /* net_af_xdp: the program in the driver */
	rte_spinlock_t tx_lock[WORKER_MAX]; /* of transmit queues that several workers share */
};

/* Probe, configure and set up all queues; started if it never stops. `used` tells whether a DPDK port
 * belongs to another row already. On failure nothing stays behind, and `error` says what was tried and
 * why it failed. Returns 0 or a negative errno. Slow: up to seconds. */
int device_open(struct device *device, const struct port_wish *wish, unsigned int workers,
		struct device_pools *pools, bool (*used)(void *context, uint16_t dpdk_port),
		void *context, char error[DEVICE_ERROR_SIZE]);

/* Start it, or if it never stops, throw away what came in while nobody polled it. */
int device_start(struct device *device, char error[DEVICE_ERROR_SIZE]);

/* No worker uses it any more. */
void device_stop(struct device *device);

/* Change the MTU in place. -EBUSY: only possible by making it anew (other buffers, or the driver
 * wants to be stopped). */
int device_set_mtu(struct device *device, const struct port_wish *wish,
		   char error[DEVICE_ERROR_SIZE]);

/* Stop, close, unplug. No worker uses it. */
void device_close(struct device *device, struct device_pools *pools);

#endif
