/* SPDX-License-Identifier: BSD-3-Clause
 *
 * start.h: from nothing to a model that knows its configuration.
 */
#ifndef SHUNT_CONTROLPLANE_START_H
#define SHUNT_CONTROLPLANE_START_H

#include "controlplane/api/api.h"

/* Priorities of the event loop: punted frames and timers go before clients. */
enum { PRIORITY_PROTOCOL, PRIORITY_CLIENT, PRIORITY_COUNT };

/* Make the run directory, own the tables, replay the journal (or load the configuration file if
 * there is no journal), settle, and begin a compact journal. NULL: the default. On failure nothing
 * was changed and `error` says why; -EBUSY: another control plane runs. */
int start_open(struct api *api, const char *run_dir, const char *instance, const char *config,
	       char error[REGION_ERROR_SIZE]);
void start_close(struct api *api);

/* `ready` on standard output and to systemd. */
void start_tell_ready(void);

#endif
