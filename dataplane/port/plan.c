/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "dataplane/dataplane.h"
#include "dataplane/log.h"

enum {
	WAIT_NS = 10000,
	WARN_AFTER_WAITS = 100000, /* a second or more: a worker's turn takes microseconds */
};

/* Receive queues are dealt out like cards, each port beginning with another worker. */
static void add_rx(struct plan *plan, const struct port *port, unsigned int worker,
		   unsigned int worker_count)
{
	for (uint16_t queue = 0; queue < port->device.rx_queues; queue++) {
		if ((port->row + queue) % worker_count != worker)
			continue;
		if (plan->rx_count == RX_QUEUE_MAX) {
			log_warning("worker %u: more than %d receive queues: queue %u of %s is "
				    "left out",
				    worker, RX_QUEUE_MAX, queue, port->device.name);
			return;
		}
		plan->rx[plan->rx_count++] = (struct rx_queue){
			.dpdk_port = port->device.dpdk_port,
			.queue = queue,
			.port = (uint16_t)port->row,
			.sends_idle = port->device.bond.count > 0 && queue == 0,
		};
	}
}

static void add_tx(struct plan *plan, struct port *port, unsigned int worker,
		   unsigned int worker_count)
{
	struct device *device = &port->device;
	uint16_t queue = (uint16_t)(worker % device->tx_queues);

	plan->tx[port->row] = (struct tx_queue){
		.running = true,
		.multi_segment = device->multi_segment,
		.dpdk_port = device->dpdk_port,
		.queue = queue,
		.lock = device->tx_queues < worker_count ? &device->tx_lock[queue] : NULL,
	};
}

/* Frames of one mirror all go by one worker, so that they keep their order. */
static void add_host(struct plan *plan, const struct port *port, unsigned int worker,
		     unsigned int worker_count)
{
	plan->mirrored |= 1ull << port->row;
	if (port->row % worker_count == worker)
		plan->host[plan->host_count++] = (struct host_queue){
			.ring = port->mirror.ring,
			.port = (uint16_t)port->row,
		};
}

static struct plan *build(struct dataplane *dataplane, unsigned int worker)
{
	struct plan *plan = calloc(1, sizeof(*plan));

	if (plan == NULL)
		return NULL;
	plan->tables = dataplane->tables;
	for (unsigned int row = 0; row < PORT_MAX; row++) {
		struct port *port = &dataplane->port[row];
		if (port->mirror.open)
			add_host(plan, port, worker, dataplane->worker_count);
		if (!port->plugged)
			continue;
		add_rx(plan, port, worker, dataplane->worker_count);
		add_tx(plan, port, worker, dataplane->worker_count);
	}
	return plan;
}

static void wait_for(const struct dataplane *dataplane, struct worker *worker,
		     const struct plan *plan)
{
	const struct timespec pause = { 0, WAIT_NS };

	for (uint64_t waits = 1;
	     atomic_load_explicit(&worker->in_use, memory_order_acquire) != plan; waits++) {
		if (atomic_load(&dataplane->stop))
			return;
		if (waits == WARN_AFTER_WAITS)
			log_warning("worker %u takes long for one turn; waiting for it",
				    worker->id);
		nanosleep(&pause, NULL);
	}
}

int plan_publish(struct dataplane *dataplane)
{
	struct plan *plans[WORKER_MAX];

	for (unsigned int i = 0; i < dataplane->worker_count; i++) {
		plans[i] = build(dataplane, i);
		if (plans[i] == NULL) {
			while (i-- > 0)
				free(plans[i]);
			return -ENOMEM;
		}
	}
	for (unsigned int i = 0; i < dataplane->worker_count; i++) {
		struct worker *worker = dataplane->worker[i];
		const struct plan *old = atomic_exchange(&worker->plan, plans[i]);
		plans[i] = (struct plan *)(uintptr_t)old;
	}
	for (unsigned int i = 0; i < dataplane->worker_count; i++) {
		struct worker *worker = dataplane->worker[i];
		wait_for(dataplane, worker, atomic_load(&worker->plan));
		/* workers that end say nothing of what they use: let it be, the process ends too */
		if (atomic_load(&dataplane->stop))
			return -ECANCELED;
		free(plans[i]);
	}
	return 0;
}

void plan_free(struct dataplane *dataplane)
{
	for (unsigned int i = 0; i < dataplane->worker_count; i++) {
		const struct plan *plan = atomic_exchange(&dataplane->worker[i]->plan, NULL);
		free((struct plan *)(uintptr_t)plan);
	}
}
