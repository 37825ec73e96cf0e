/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "cli/top.h"
#include "controlplane/object/view.h"
#include "dataplane/shm/filter-build.h"

uint64_t *top_sample_row(struct top_sample *sample, uint64_t id)
{
	size_t size = 1 + sample->counters, used = sample->rows * size;

	if (used + size > sample->capacity) {
		size_t capacity = sample->capacity ? sample->capacity * 2 : 4096;
		uint64_t *larger = realloc(sample->word, capacity * sizeof(*larger));
		if (!larger) {
			sample->failed = true;
			return NULL;
		}
		sample->word = larger;
		sample->capacity = capacity;
	}
	sample->rows++;
	memset(sample->word + used, 0, size * sizeof(*sample->word));
	sample->word[used] = id;
	return sample->word + used;
}

/* ---- interfaces ---- */

static uint64_t dropped(const struct interface_totals *totals)
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		sum += (&TOTAL(totals, drop))[i];
	return sum;
}

static void add_totals(const struct view *view, uint32_t index, uint64_t *counter)
{
	struct interface_totals totals;

	interface_totals(view->tables, view->state, index, &totals);
	counter[PORT_RX] += TOTAL(&totals, rx_packets);
	counter[PORT_RX_BYTES] += TOTAL(&totals, rx_bytes);
	counter[PORT_TX] += TOTAL(&totals, tx_packets);
	counter[PORT_TX_BYTES] += TOTAL(&totals, tx_bytes);
	counter[PORT_DROPS] += dropped(&totals);
}

/* Each with what its VLAN subinterfaces count, as `port show` has it. */
void collect_ports(const struct view *view, struct top_sample *sample)
{
	uint64_t sum[PORT_MAX][PORT_COUNTERS] = { 0 }, flags, *row;
	bool there[PORT_MAX] = { false };
	struct port_status status;
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < INTERFACE_FIRST_TUNNEL; i++) {
		flags = view_interface(view, i, name);
		uint64_t port = flags >> INTERFACE_PORT_SHIFT & 0xff;
		if (view_kind(flags) == INTERFACE_PORT && i < PORT_MAX) {
			there[i] = true;
			add_totals(view, i, sum[i]);
		} else if (view_kind(flags) == INTERFACE_VLAN && port < PORT_MAX) {
			add_totals(view, i, sum[port]);
		}
	}
	for (uint32_t i = 0; i < PORT_MAX; i++) {
		if (!there[i] || !(row = top_sample_row(sample, i)))
			continue;
		memcpy(row + 1, sum[i], sizeof(sum[i]));
		if (view->state && port_status_copy(view->state, i, &status) == 0)
			row[1 + PORT_MISSED] = status.rx_missed;
	}
}

/* The first counters alone, which share a cache line: there may be 65,536 of them. */
static void add_tunnel(const struct view *view, uint32_t index, uint64_t *counter)
{
	const struct interface_counters *baseline = tables_object_checked(
		view->tables, word_load(&view->tables->interface_baseline[index]),
		sizeof(*baseline));
	uint64_t workers = view->state ? word_load(&view->state->control.worker_count) : 0;

	if (view->state && index >= word_load(&view->state->control.interfaces_ready))
		workers = 0;
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++) {
		const struct interface_counters *one = &view->state->interface[i][index];
		counter[PORT_RX] += counter_read(&one->rx_packets);
		counter[PORT_RX_BYTES] += counter_read(&one->rx_bytes);
		counter[PORT_TX] += counter_read(&one->tx_packets);
		counter[PORT_TX_BYTES] += counter_read(&one->tx_bytes);
	}
	if (!baseline || counter[PORT_RX] < counter_read(&baseline->rx_packets) ||
	    counter[PORT_TX] < counter_read(&baseline->tx_packets))
		return;
	counter[PORT_RX] -= counter_read(&baseline->rx_packets);
	counter[PORT_RX_BYTES] -= counter_read(&baseline->rx_bytes);
	counter[PORT_TX] -= counter_read(&baseline->tx_packets);
	counter[PORT_TX_BYTES] -= counter_read(&baseline->tx_bytes);
}

void collect_tunnels(const struct view *view, struct top_sample *sample)
{
	uint32_t end = tables_interface_end(view->tables);
	char name[NAME_SIZE];
	uint64_t *row;

	for (uint32_t i = INTERFACE_FIRST_TUNNEL; i < end; i++)
		if (view_interface(view, i, name) != 0 && (row = top_sample_row(sample, i)))
			add_tunnel(view, i, row + 1);
}

/* VLAN subinterfaces and what packets meet behind the ports. */
void collect_others(const struct view *view, struct top_sample *sample)
{
	char name[NAME_SIZE];
	uint64_t *row;

	for (uint32_t i = PORT_MAX; i < INTERFACE_FIRST_TUNNEL; i++)
		if (view_interface(view, i, name) != 0 && (row = top_sample_row(sample, i)))
			add_totals(view, i, row + 1);
}

void collect_drops(const struct view *view, struct top_sample *sample)
{
	uint32_t end = tables_interface_end(view->tables);
	struct interface_totals totals;
	char name[NAME_SIZE];

	for (uint32_t i = 0; i < end; i++) {
		if (view_interface(view, i, name) == 0)
			continue;
		interface_totals(view->tables, view->state, i, &totals);
		const uint64_t *count = &TOTAL(&totals, drop); /* by reason */
		for (unsigned int reason = 0; reason < DROP_REASON_COUNT; reason++) {
			uint64_t *row = count[reason] ? top_sample_row(sample, top_id(i, reason))
						      : NULL;
			if (row)
				row[1 + TRAFFIC_PACKETS] = count[reason];
		}
	}
}

/* ---- tables ---- */

/* Those that have counted something: the others have no rate. */
static void collect_space(const struct view *view, uint32_t space, struct top_sample *sample)
{
	uint64_t packets, bytes;

	for (uint32_t label = 0; label < LABEL_COUNT; label++) {
		if (label_get(view->tables, space, label) == 0)
			continue;
		label_counters(view->tables, view->state, space, label, &packets, &bytes);
		uint64_t *row = packets ? top_sample_row(sample, top_id(space, label)) : NULL;
		if (!row)
			continue;
		row[1 + TRAFFIC_PACKETS] = packets;
		row[1 + TRAFFIC_BYTES] = bytes;
	}
}

void collect_labels(const struct view *view, struct top_sample *sample)
{
	for (uint32_t space = 0; space < LABEL_SPACE_MAX; space++)
		if (tables_object_checked(view->tables,
					  word_load(&view->tables->label_space[space]),
					  LABEL_COUNT * sizeof(uint64_t)))
			collect_space(view, space, sample);
}

void collect_rules(const struct view *view, struct top_sample *sample)
{
	uint64_t packets, bytes;

	for (uint32_t filter = 1; filter < FILTER_MAX; filter++) {
		uint64_t word = word_load(&view->tables->filter[filter]);
		uint32_t slots = word ? (uint32_t)(word >> FILTER_SLOTS_SHIFT) : 0;
		for (uint32_t slot = 0; slot < slots && slot < FILTER_SLOTS; slot++) {
			filter_counters(view->tables, view->state, filter, slot, &packets, &bytes);
			uint64_t *row = packets ? top_sample_row(sample, top_id(filter, slot))
						: NULL;
			if (!row)
				continue;
			row[1 + TRAFFIC_PACKETS] = packets;
			row[1 + TRAFFIC_BYTES] = bytes;
		}
	}
}

/* ---- workers ---- */

/* Those that poll now. */
void collect_workers(const struct view *view, struct top_sample *sample)
{
	uint64_t workers = view->state ? word_load(&view->state->control.workers_running) : 0;

	for (uint32_t i = 0; i < workers && i < WORKER_MAX; i++) {
		const struct worker_state *worker = &view->state->worker[i];
		uint64_t *row = top_sample_row(sample, i);
		if (!row)
			return;
		row[1 + WORKER_PACKETS] = counter_read(&worker->packets);
		row[1 + WORKER_BUSY] = counter_read(&worker->busy_cycles);
		row[1 + WORKER_IDLE] = counter_read(&worker->idle_cycles);
		row[1 + WORKER_TURNS] = counter_read(&worker->busy_turns);
		row[1 + WORKER_NAPS] = counter_read(&worker->naps);
	}
}
