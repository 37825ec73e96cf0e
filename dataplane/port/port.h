/* SPDX-License-Identifier: BSD-3-Clause
 *
 * port.h: makes the ports what the control plane's port table wishes, and reports in state->port.
 * Control thread only.
 *
 * Removal goes: out of the plans, wait for the workers, stop, close, unplug. A port that fails disturbs
 * no other. Its error stands in its status; it is tried again when its wish changes, and every few
 * seconds if it is made from a Linux interface, which may appear later.
 */
#ifndef SHUNT_PORT_PORT_H
#define SHUNT_PORT_PORT_H

#include "dataplane/port/device.h"
#include "dataplane/port/link.h"
#include "dataplane/port/mirror.h"

struct dataplane;

struct port {
	unsigned int row;
	bool wished;
	bool plugged;          /* in the workers' plans: started, to be polled */
	struct port_wish wish; /* as last acted on */
	struct device device;
	struct mirror mirror;
	struct port_status status; /* as published */
	struct port_status before; /* statistics of this row's devices that are gone */
	uint32_t flaps_before;     /* the same for the link's flaps */
	uint64_t denied;           /* packets that its filter denied, when it was looked at last */
	bool denied_known;
	unsigned int flood_looks;  /* looks for which that is a flood still */
	uint64_t retry_at;         /* failed: CLOCK_MONOTONIC ns of the next attempt, 0: none */
	unsigned int retry_ms;     /* failed: how long the last pause was */
	unsigned int host_seen;    /* failed: index that its Linux interface had then */
};

/* Take over the statistics that a data plane before us left behind; no port is there. */
void port_start(struct dataplane *dataplane);

/* One turn: compare wishes (NULL: no such port) with what is, and act. */
void port_reconcile(struct dataplane *dataplane, const struct port_wish *const wish[PORT_MAX]);

/* Links as the link thread sees them; with `statistics`, device counters too. */
void port_report(struct dataplane *dataplane, bool statistics);

/* Workers have ended: stop and close all. */
void port_close_all(struct dataplane *dataplane);

#endif
