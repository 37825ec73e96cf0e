/* SPDX-License-Identifier: BSD-3-Clause
 *
 * link.h: which ports can send: the only writer of state->port_live, which fast reroute goes by.
 *
 * A thread of its own, so that a slow probe of one port does not delay the news that another has lost
 * its carrier. A port made from a Linux interface has the link of that interface (net_af_packet and
 * net_af_xdp report none themselves): rtnetlink wakes the thread, the truth is asked of the driver, and
 * asked again every few milliseconds, since the kernel may keep news back for up to a second. All other
 * ports have ethdev's.
 */
#ifndef SHUNT_PORT_LINK_H
#define SHUNT_PORT_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include "dataplane/port/device.h"

struct link_watch;

struct link_report {
	bool up;
	bool gone;      /* the Linux interface is not there, or is another one of the name */
	uint32_t speed; /* Mbit/s, 0: unknown */
	uint32_t flaps; /* times that it went down since it is watched */
};

/* Start the thread. NULL: why was logged. */
struct link_watch *link_watch_new(struct state *state);
/* End it; all ports are down from then on. */
void link_watch_delete(struct link_watch *links);

/* Watch a started device; `host_device` may be "". Its state is looked at before this returns. */
void link_watch_add(struct link_watch *links, unsigned int row, const struct device *device,
		    const char *host_device);
/* The port is down from now on. Nothing asks the device for its link after this returned. */
void link_watch_remove(struct link_watch *links, unsigned int row);

/* Zeros, when it is not watched. */
void link_watch_read(struct link_watch *links, unsigned int row, struct link_report *report);

#endif
