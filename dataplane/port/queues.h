/* SPDX-License-Identifier: BSD-3-Clause
 *
 * queues.h: an ethdev's queues, their buffers, and how flows are spread over them. Control thread only.
 */
#ifndef SHUNT_PORT_QUEUES_H
#define SHUNT_PORT_QUEUES_H

#include <rte_ethdev.h>
#include "dataplane/options.h"
#include "dataplane/port/device.h"

enum {
	QUEUES_OVERHEAD = 14 + 2 * 4, /* Ethernet header and two VLAN tags: not in the MTU */
	QUEUES_NORMAL_FRAME = BUFFER_ROOM - RTE_PKTMBUF_HEADROOM,
	QUEUES_JUMBO_FRAME = JUMBO_ROOM - RTE_PKTMBUF_HEADROOM,
};

/* Configure the device and set up its queues: receive queues as wished (0: one per worker), one
 * transmit queue per worker, both as far as the device has them. The device's choice of buffers must
 * be made. Returns 0 or a negative errno, and then *what is the step that failed. */
int queues_set_up(struct device *device, const struct rte_eth_dev_info *info,
		  const struct port_wish *wish, unsigned int workers, struct device_pools *pools,
		  const char **what);

/* A pool of `count` buffers of `room` bytes, headroom included. NULL: see rte_errno. */
struct rte_mempool *queues_pool(const char *name, unsigned int count, unsigned int cache,
				uint16_t room);

/* The device is closed. `failed`: it never received anything, so nobody has buffers of its own pool. */
void queues_release_pool(struct device *device, struct device_pools *pools, bool failed);

#endif
