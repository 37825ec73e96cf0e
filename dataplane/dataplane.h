/* SPDX-License-Identifier: BSD-3-Clause
 *
 * dataplane.h: the process as its control thread sees it. The control thread alone uses all of this
 * while workers run; before they start and after they have ended, the main thread does.
 */
#ifndef SHUNT_DATAPLANE_H
#define SHUNT_DATAPLANE_H

#include <pthread.h>
#include "dataplane/port/exchange.h"
#include "dataplane/port/link.h"
#include "dataplane/port/port.h"
#include "dataplane/shm/region.h"
#include "dataplane/worker.h"

struct dataplane {
	struct region_place place;
	struct region state_region;  /* ours */
	struct region tables_region; /* the control plane's, base NULL: not there yet */
	struct state *state;
	const struct tables *tables; /* of tables_region, as workers have it */
	/* held while `tables` changes, and by threads other than the two above that look at it */
	pthread_mutex_t tables_lock;
	uint64_t tables_generation;  /* of the control plane process, as last logged */

	struct worker *worker[WORKER_MAX];
	unsigned int worker_count;
	uint64_t spaces;        /* bit s: workers have label counters of space s */
	uint64_t spaces_failed; /* bit s: there was no memory for them, said once */

	struct device_pools pools;
	struct port port[PORT_MAX];
	struct link_watch *links;
	struct exchange *exchange;
	bool swept; /* what earlier data planes left of mirrors */
	int doorbell;

	_Atomic bool stop; /* SIGTERM or SIGINT came */
};

#endif
