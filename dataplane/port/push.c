/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/port/push.h"

#include <stddef.h>
#include <string.h>
#include "dataplane/control.h"
#include "dataplane/dataplane.h"
#include "dataplane/log.h"
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/filter.h"
#include "dataplane/shm/reason.h"

enum {
	SLICE = 256,       /* rule counters that are allocated together */
	FLOOD = 200,       /* packets denied from one look to the next, 100 ms: it is one ... */
	CALM_AFTER = 50,   /* ... until so many looks found fewer */
};

struct owner {
	struct dataplane *dataplane;
	const struct port *port;
};

/* ---------------------------------------------------------------- counters */

static bool ready(_Atomic uint64_t *word, uint64_t wanted, int result)
{
	static bool said;

	if (result == 0)
		word_store(word, wanted);
	else if (!said)
		log_warning("what filters drop in drivers: counters: %s; it is not counted",
			    strerror(-result));
	said = result != 0;
	return result == 0;
}

static bool interfaces_ready(struct dataplane *dataplane)
{
	const struct state *fixed = NULL;
	_Atomic uint64_t *word = &dataplane->state->driver_ready;

	if (word_load(word) != 0)
		return true;
	return ready(word, 1,
		     region_allocate(&dataplane->state_region,
				     offsetof(struct state, interface) +
					     DRIVER_ROW * sizeof(fixed->interface[0]),
				     PORT_MAX * sizeof(fixed->interface[0][0])));
}

static bool slots_ready(struct dataplane *dataplane, uint32_t number, uint32_t slot)
{
	const struct state *fixed = NULL;
	_Atomic uint64_t *word = &dataplane->state->filter_driver_ready[number];
	uint64_t wanted = RTE_MIN(RTE_ALIGN_CEIL(slot + 1, (uint32_t)SLICE), (uint32_t)FILTER_SLOTS);

	if (slot < word_load(word))
		return true;
	return ready(word, wanted,
		     region_allocate(&dataplane->state_region,
				     offsetof(struct state, filter) +
					     DRIVER_ROW * sizeof(fixed->filter[0]) +
					     number * sizeof(fixed->filter[0][0]),
				     wanted * sizeof(fixed->filter[0][0][0])));
}

static void denied(void *context, uint32_t number, uint32_t slot, uint64_t packets, uint64_t bytes)
{
	const struct owner *owner = context;
	struct state *state = owner->dataplane->state;

	if (number < FILTER_MAX && slot < FILTER_SLOTS &&
	    slots_ready(owner->dataplane, number, slot)) {
		counter_add(&state->filter[DRIVER_ROW][number][slot].packets, packets);
		counter_add(&state->filter[DRIVER_ROW][number][slot].bytes, bytes);
	}
	if (!interfaces_ready(owner->dataplane))
		return;
	struct interface_counters *row = &state->interface[DRIVER_ROW][owner->port->row];
	counter_add(&row->rx_packets, packets);
	counter_add(&row->rx_bytes, bytes);
	counter_add(&row->drop[DROP_filter_xdp], packets);
}

/* ---------------------------------------------------------------- turns */

static void report(struct port_status *status, enum xdp_filter result,
		   const struct steer_source *source)
{
	status->xdp_filter = (uint16_t)result;
	status->xdp_filter_number = (uint16_t)source->number;
	status->xdp_filter_version = source->version;
	status->xdp_filter_changes = source->changes;
}

/* A filter that is in the driver follows changes late, and trace and capture don't see what ends there. So it
 * is there only as long as that spares the workers something. */
static void look_for_flood(const struct dataplane *dataplane, struct port *port)
{
	uint64_t count[STEER_COUNTER_COUNT], denied_now = 0;

	for (unsigned int i = 0; i < dataplane->worker_count; i++)
		denied_now += counter_read(
			&dataplane->state->interface[i][port->row].drop[DROP_filter_in]);
	steer_count(&port->device.steer, count);
	denied_now += count[STEER_DENIED];
	/* fewer than before: the device was made anew and counts from 0 */
	bool known = port->denied_known && denied_now >= port->denied;
	if (known && denied_now - port->denied >= FLOOD)
		port->flood_looks = CALM_AFTER;
	else if (port->flood_looks > 0)
		port->flood_looks--;
	port->denied = denied_now;
	port->denied_known = true;
}

void push_follow(struct dataplane *dataplane, struct port *port, bool count)
{
	static struct steer_filter image; /* large */
	struct worker_state *row = &dataplane->state->worker[CONTROL_ROW];
	struct steer *steer = &port->device.steer;
	struct owner owner = { dataplane, port };

	if (!steer->attached || dataplane->tables == NULL) {
		report(&port->status, XDP_FILTER_NONE, &(struct steer_source){ .number = 0 });
		return;
	}
	if (count)
		look_for_flood(dataplane, port);
	epoch_online(dataplane->tables, row);
	bool changed = steer_push_begin(steer, dataplane->tables, port->row, port->flood_looks > 0,
					&image);
	epoch_offline(row); /* the kernel may take its time */
	if (changed)
		steer_push_end(steer, &image, denied, &owner);
	else if (count)
		steer_harvest(steer, denied, &owner);
	report(&port->status, steer->push.result, &steer->push.source);
}

void push_stop(struct dataplane *dataplane, struct port *port)
{
	struct owner owner = { dataplane, port };

	steer_push_stop(&port->device.steer, denied, &owner);
}
