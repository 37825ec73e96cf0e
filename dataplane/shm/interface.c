/* SPDX-License-Identifier: BSD-3-Clause
 *
 * interface.c: port wishes and status, interface rows and their counters.
 */
#include <errno.h>
#include <string.h>
#include "reader.h"
#include "table.h"
#include "traffic.h"

enum { STATUS_TRIES = 1000, VALUES = sizeof(struct interface_totals) / sizeof(uint64_t) };

int port_wish_set(struct tables *tables, struct heap *heap, unsigned int port,
		  const struct port_wish *wish)
{
	uint64_t offset = 0;

	if (port >= PORT_MAX)
		return -EINVAL;
	if (wish != NULL) {
		offset = heap_allocate(heap, sizeof(*wish));
		if (offset == 0)
			return -ENOSPC;
		memcpy(heap_object(heap, offset), wish, sizeof(*wish));
	}
	uint64_t old = word_load(&tables->port[port].wish);
	word_store(&tables->port[port].wish, offset);
	heap_free(heap, old, sizeof(*wish));
	return 0;
}

int port_status_copy(const struct state *state, unsigned int port, struct port_status *copy)
{
	if (port >= PORT_MAX)
		return -EINVAL;
	const struct port_status *status = &state->port[port];
	for (unsigned int i = 0; i < STATUS_TRIES; i++) {
		uint64_t sequence = word_load(&status->sequence);
		if (sequence % 2 != 0)
			continue;
		memcpy(copy, status, sizeof(*copy));
		atomic_thread_fence(memory_order_acquire);
		if (counter_read(&status->sequence) == sequence)
			return 0;
	}
	return -EAGAIN;
}

const char *port_condition_name(uint32_t condition)
{
	static const char *const names[] = { [PORT_ABSENT] = "absent",
					     [PORT_RUNNING] = "running",
					     [PORT_STOPPED] = "stopped",
					     [PORT_FAILED] = "failed" };

	return condition <= PORT_FAILED ? names[condition] : "unknown";
}

/* ---------------------------------------------------------------- rows */

uint64_t tables_interface(const struct tables *tables, uint32_t index, char name[NAME_SIZE])
{
	name[0] = 0;
	if (index >= INTERFACE_MAX)
		return 0;
	const struct interface *row = &tables->interface[index];
	uint64_t flags = word_load(&row->flags);
	if (!(flags & INTERFACE_VALID))
		return 0;
	memcpy(name, row->name, NAME_SIZE);
	name[NAME_SIZE - 1] = 0;
	return flags;
}

uint32_t tables_interface_end(const struct tables *tables)
{
	uint64_t used = word_load(&tables->control.interface_used);

	if (used < INTERFACE_FIRST_TUNNEL)
		return INTERFACE_FIRST_TUNNEL;
	return used < INTERFACE_MAX ? (uint32_t)used : INTERFACE_MAX;
}

/* ---------------------------------------------------------------- counters */

/* Counters as they stand, in the order of struct interface_counters: all of its members are words. */
static const _Atomic uint64_t *words(const struct interface_counters *counters)
{
	return (const _Atomic uint64_t *)counters;
}

static void add_row(const struct state *state, uint64_t row, unsigned int interface,
		    struct interface_totals *totals)
{
	const _Atomic uint64_t *value = words(&state->interface[row][interface]);

	for (unsigned int i = 0; i < VALUES; i++)
		totals->value[i] += counter_read(&value[i]);
}

static void sum_workers(const struct state *state, unsigned int interface,
			struct interface_totals *totals)
{
	memset(totals, 0, sizeof(*totals));
	if (state == NULL)
		return;
	/* rows of workers that never ran are holes of the file: not to be touched */
	uint64_t workers = word_load(&state->control.worker_count);
	if (interface >= word_load(&state->control.interfaces_ready))
		return;
	for (uint64_t worker = 0; worker < workers && worker < DRIVER_ROW; worker++)
		add_row(state, worker, interface, totals);
	if (interface < PORT_MAX && word_load(&state->driver_ready) != 0)
		add_row(state, DRIVER_ROW, interface, totals);
}

void interface_totals(const struct tables *tables, const struct state *state,
		      unsigned int interface, struct interface_totals *totals)
{
	if (interface >= INTERFACE_MAX) {
		memset(totals, 0, sizeof(*totals));
		return;
	}
	sum_workers(state, interface, totals);
	const struct interface_counters *baseline = tables_object_checked(
		tables, word_load(&tables->interface_baseline[interface]), sizeof(*baseline));
	if (baseline == NULL)
		return;
	for (unsigned int i = 0; i < VALUES; i++)
		totals->value[i] =
			counter_since(totals->value[i], counter_read(&words(baseline)[i]));
}

int interface_baseline_set(struct tables *tables, struct heap *heap, unsigned int interface,
			   const struct state *state)
{
	struct interface_totals totals;

	if (interface >= INTERFACE_MAX)
		return -EINVAL;
	uint64_t offset = heap_allocate(heap, sizeof(totals));
	if (offset == 0)
		return -ENOSPC;
	sum_workers(state, interface, &totals);
	memcpy(heap_object(heap, offset), &totals, sizeof(totals));
	uint64_t old = word_load(&tables->interface_baseline[interface]);
	word_store(&tables->interface_baseline[interface], offset);
	heap_free(heap, old, sizeof(totals));
	return 0;
}
