/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mirror.h: a port as the machine's own kernel sees it: a TAP device by which the kernel gets what is for
 * this machine (stage/host.c) and whose frames go out of the port. It follows the port's MAC, MTU and link.
 * Control thread only.
 *
 * The device is persistent: addresses and routes on it stay while no data plane runs, and the next one
 * takes it over. It goes when its port or the port's `host-interface` does; what was dropped from the
 * configuration while no data plane ran is in state->port, and removed by the next one.
 */
#ifndef SHUNT_PORT_MIRROR_H
#define SHUNT_PORT_MIRROR_H

#include <rte_ring.h>
#include <stdbool.h>
#include <stdint.h>
#include "dataplane/port/device.h"

struct dataplane;
struct port;

struct mirror {
	bool open; /* in the workers' plans */
	int fd;
	char name[16];
	struct rte_ring *ring; /* of frames from the kernel */
	uint8_t mac[6];        /* as set last, like mtu and carrier */
	uint16_t mtu;
	bool carrier;
	uint64_t lost_before; /* host_lost of this row's mirrors that are gone */
	uint64_t retry_at;    /* failed: CLOCK_MONOTONIC ns of the next attempt */
	char error[DEVICE_ERROR_SIZE];
};

/* One turn: make the mirror what port->wish and the port's state ask for. Sets what port->status says of
 * it, its error too if the port has none. */
void mirror_follow(struct dataplane *dataplane, struct port *port);

/* The port goes: so does its mirror. */
void mirror_remove(struct dataplane *dataplane, struct port *port);

/* At the first sight of the tables: remove mirrors of earlier data planes that nobody wants any more. */
void mirror_sweep(struct dataplane *dataplane, const struct port_wish *const wish[PORT_MAX]);

/* This process ends, the mirror stays. */
void mirror_close(struct port *port);

#endif
