/* SPDX-License-Identifier: BSD-3-Clause
 *
 * plan.h: tells the workers which queues to poll, and waits until they do. Control thread only.
 */
#ifndef SHUNT_PORT_PLAN_H
#define SHUNT_PORT_PLAN_H

struct dataplane;

/* Give each worker a plan of the ports that are plugged now and of dataplane->tables, wait until all
 * of them use it, and free the plans before. When this returns, no worker touches a queue or a tables
 * file that is not in the new plans. -ENOMEM: nothing changed. -ECANCELED: the process ends; workers may
 * still use anything, so nothing must be stopped. */
int plan_publish(struct dataplane *dataplane);

/* After the workers have ended: free the plans. */
void plan_free(struct dataplane *dataplane);

#endif
