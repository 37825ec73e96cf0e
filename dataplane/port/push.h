/* SPDX-License-Identifier: BSD-3-Clause
 *
 * push.h: the filter of what comes in by a port, in the driver of its NIC too (xdp/steer.h), and what it
 * dropped there among the counters. Control thread only.
 */
#ifndef SHUNT_PORT_PUSH_H
#define SHUNT_PORT_PUSH_H

#include "dataplane/port/port.h"

/* One turn; with `count`, what was dropped is counted. */
void push_follow(struct dataplane *dataplane, struct port *port, bool count);

/* The device is about to be closed: count the last ones. */
void push_stop(struct dataplane *dataplane, struct port *port);

#endif
