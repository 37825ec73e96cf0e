/* SPDX-License-Identifier: BSD-3-Clause
 *
 * telemetry.h: DPDK telemetry commands under /shunt/, as dpdk-telemetry.py shows them:
 *
 *   /shunt/version                versions and generations
 *   /shunt/ports[,PORT]           names of the ports; what became of one
 *   /shunt/workers[,N]            numbers of the workers; load of one
 *   /shunt/interfaces[,FIRST]     names of interfaces from row FIRST on, as many as an answer holds
 *   /shunt/counters,INTERFACE     its packets and how they ended
 *   /shunt/drops[,INTERFACE]      dropped packets by reason, of all interfaces or of one
 *   /shunt/stages                 vectors, packets and cycles of each stage, of sampled turns
 *   /shunt/punts                  packets for the control plane by reason
 *
 * They read the two shared files alone and make nobody wait: what a packet costs does not change. An
 * answer has at most 400 names, which is what its 16 KiB have room for.
 */
#ifndef SHUNT_TELEMETRY_H
#define SHUNT_TELEMETRY_H

#include "dataplane/dataplane.h"

/* Register the commands; they answer if EAL was started with --telemetry. Once, after `state` is
 * there; the callbacks come from DPDK's own threads until rte_eal_cleanup, and look at
 * dataplane->tables only while they hold dataplane->tables_lock. 0, or what DPDK refused. */
int telemetry_start(struct dataplane *dataplane);

#endif
