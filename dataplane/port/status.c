/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/status.h"

#include <rte_ethdev.h>
#include <stddef.h>
#include <string.h>

/* All but the sequence. */
static void copy(struct port_status *to, const struct port_status *from)
{
	size_t start = offsetof(struct port_status, generation);

	memcpy((uint8_t *)to + start, (const uint8_t *)from + start, sizeof(*to) - start);
}

static bool same(const struct port_status *a, const struct port_status *b)
{
	size_t start = offsetof(struct port_status, generation);

	return memcmp((const uint8_t *)a + start, (const uint8_t *)b + start, sizeof(*a) - start) ==
	       0;
}

void status_publish(struct state *state, const struct port *port)
{
	struct port_status *shared = &state->port[port->row];

	if (same(shared, &port->status))
		return;
	uint64_t sequence = atomic_load_explicit(&shared->sequence, memory_order_relaxed);
	atomic_store_explicit(&shared->sequence, sequence + 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	copy(shared, &port->status);
	word_store(&shared->sequence, sequence + 2);
}

void status_take_over(struct state *state, unsigned int row, struct port_status *status)
{
	struct port_status *shared = &state->port[row];
	uint64_t sequence = atomic_load_explicit(&shared->sequence, memory_order_relaxed);

	if (sequence % 2 != 0)
		word_store(&shared->sequence, sequence + 1);
	copy(status, shared);
}

void status_count(struct port *port)
{
	struct port_status *status = &port->status;
	const struct port_status *before = &port->before;
	struct rte_eth_stats now;
	uint64_t steered[STEER_COUNTER_COUNT];

	if (!port->device.present || rte_eth_stats_get(port->device.dpdk_port, &now) != 0)
		return;
	status->rx_packets = before->rx_packets + now.ipackets;
	status->tx_packets = before->tx_packets + now.opackets;
	status->rx_bytes = before->rx_bytes + now.ibytes;
	status->tx_bytes = before->tx_bytes + now.obytes;
	status->rx_missed = before->rx_missed + now.imissed;
	status->rx_errors = before->rx_errors + now.ierrors;
	status->tx_errors = before->tx_errors + now.oerrors;
	status->rx_nombuf = before->rx_nombuf + now.rx_nombuf;
	steer_count(&port->device.steer, steered);
	status->xdp_kernel = before->xdp_kernel + steered[STEER_KERNEL];
	status->xdp_shunt = before->xdp_shunt + steered[STEER_SHUNT];
}

void status_keep(struct port *port)
{
	status_count(port);
	copy(&port->before, &port->status);
}
