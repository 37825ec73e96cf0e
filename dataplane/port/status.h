/* SPDX-License-Identifier: BSD-3-Clause
 *
 * status.h: what state->port tells of a port. Control thread only.
 */
#ifndef SHUNT_PORT_STATUS_H
#define SHUNT_PORT_STATUS_H

#include "dataplane/port/port.h"

/* Store port->status where everybody reads it, if it differs from what stands there. */
void status_publish(struct state *state, const struct port *port);

/* Make what stands there after another data plane readable again (it may have died while writing) and
 * copy it. */
void status_take_over(struct state *state, unsigned int row, struct port_status *status);

/* Bring statistics up to date: those of earlier devices and those of this one. */
void status_count(struct port *port);

/* The device is about to be closed: its statistics are history from now on. */
void status_keep(struct port *port);

#endif
