/* SPDX-License-Identifier: BSD-3-Clause
 *
 * control.h: the thread beside the workers that keeps house: attaches the control plane's tables,
 * makes the ports, allocates counters, opens the doorbell, reports. Whatever may be slow is done here.
 *
 * It reads the tables too (the port table, heap objects), under the last row of state->worker as if it
 * were a worker: CONTROL_ROW is online only while wishes are copied.
 */
#ifndef SHUNT_CONTROL_H
#define SHUNT_CONTROL_H

#include "dataplane/dataplane.h"

/* The control thread's row of state->worker, so that there are at most CONTROL_ROW workers. */
enum { CONTROL_ROW = DRIVER_ROW };

/* Keeps house until dataplane->stop; prints `ready` after its first turn. A thread's function; the
 * argument is a struct dataplane. Workers must have been launched. */
void *control_run(void *dataplane);

/* Counters of label space `space` for our workers, if they have none: allocate, point workers there. */
void control_space(struct dataplane *dataplane, unsigned int space);

/* Counters for interface rows below `used` in our workers' tables, in slices; raises interfaces_ready.
 * 0, or -ENOSPC: those rows take no packets until there is memory. */
int control_interfaces(struct dataplane *dataplane, uint64_t used);

/* Counters of a filter's slots below `slots` for our workers, if they have none; raises its
 * filter_ready. Rules without are not counted. */
void control_filter(struct dataplane *dataplane, uint32_t filter, uint32_t slots);

#endif
