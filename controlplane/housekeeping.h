/* SPDX-License-Identifier: BSD-3-Clause
 *
 * housekeeping.h: what the event loop does beside answering clients: model_poll, punted frames, the
 * doorbell, and compaction of the journal.
 */
#ifndef SHUNT_CONTROLPLANE_HOUSEKEEPING_H
#define SHUNT_CONTROLPLANE_HOUSEKEEPING_H

#include "controlplane/api/api.h"

struct housekeeping;

/* Make the doorbell (RUN_DIR/NAME/doorbell, a FIFO that the data plane writes a byte to when
 * tables.control.sleeping is 1 and it has put something into a ring) and start the timer. */
int housekeeping_open(struct housekeeping **housekeeping, struct api *api,
		      char error[REGION_ERROR_SIZE]);
void housekeeping_close(struct housekeeping *housekeeping);

#endif
