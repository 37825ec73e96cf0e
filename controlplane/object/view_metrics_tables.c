/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_metrics_tables.c: metrics of stages, tunnels, filters, protocols and events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "controlplane/protocol/snoop.h"
#include "dataplane/shm/filter.h"
#include "dataplane/shm/watch.h"
#include "view_metrics.h"

/* ---------------------------------------------------------------- stages */

static void add_stages(struct metrics_text *out, const struct view *view, const char *name,
		       const char *help, size_t offset)
{
	uint64_t workers = word_load(&view->state->control.worker_count);

	metrics_family(out, name, true, help);
	for (unsigned int worker = 0; worker < workers && worker < WORKER_MAX; worker++)
		for (unsigned int stage = 0; stage < STAGE_COUNT; stage++) {
			const uint8_t *counters =
				(const uint8_t *)&view->state->runtime[worker][stage];
			const _Atomic uint64_t *counter =
				(const _Atomic uint64_t *)(counters + offset);
			metrics_add(out, "shunt_%s_total{worker=\"%u\",stage=\"%s\"} %" PRIu64 "\n",
				    name, worker, stage_name(stage), counter_read(counter));
		}
}

/* ---------------------------------------------------------------- tunnels and pseudowires */

static void add_tunnels(struct metrics_text *out, const struct view *view)
{
	uint32_t end = tables_interface_end(view->tables);
	char name[NAME_SIZE];

	metrics_family(out, "tunnel_up", false,
		       "Whether packets can go into the tunnel or pseudowire.");
	for (uint32_t i = INTERFACE_FIRST_TUNNEL; i < end; i++) {
		uint64_t flags = view_interface(view, i, name);
		if (flags != 0)
			metrics_add(out, "shunt_tunnel_up{tunnel=\"%s\"} %d\n", name,
				    view_tunnel_up(view, i, flags));
	}
}

/* ---------------------------------------------------------------- filters */

static void add_filter(struct metrics_text *out, const struct filter_sums *sums, const char *name,
		       const uint64_t *count)
{
	static const char *const actions[FILTER_SUMS] = { [FILTER_PERMIT] = "permit",
							  [FILTER_DENY] = "deny",
							  [FILTER_POLICE] = "police",
							  [FILTER_SUM_DEFAULT] = "default" };

	for (unsigned int i = 0; i < FILTER_SUMS; i++)
		metrics_add(out, "shunt_%s_total{filter=\"%s\",rules=\"%s\"} %" PRIu64 "\n", name,
			    sums->name, actions[i], count[i]);
}

static void add_filters(struct metrics_text *out, const struct view *view)
{
	struct filter_sums *sums = calloc(FILTER_MAX, sizeof(*sums));

	if (sums == NULL)
		return;
	for (uint32_t i = 1; i < FILTER_MAX; i++)
		view_filter_sums(view, i, &sums[i]);
	metrics_family(out, "filter_packets", true,
		       "Packets that the filter's rules decided about.");
	for (uint32_t i = 1; i < FILTER_MAX; i++)
		if (sums[i].name[0] != 0)
			add_filter(out, &sums[i], "filter_packets", sums[i].packets);
	metrics_family(out, "filter_bytes", true, "Bytes of these packets.");
	for (uint32_t i = 1; i < FILTER_MAX; i++)
		if (sums[i].name[0] != 0)
			add_filter(out, &sums[i], "filter_bytes", sums[i].bytes);
	free(sums);
}

/* ---------------------------------------------------------------- protocols and events */

static void add_protocols(struct metrics_text *out, const struct view *view)
{
	json_t *rows = view_private(view)->protocols(view->model), *row;
	size_t i;

	metrics_family(out, "protocols", true,
		       "What protocols counted, since the control plane began.");
	json_array_foreach(rows, i, row)
		metrics_add(out, "shunt_protocols_total{counter=\"%s\"} %lld\n",
			    json_string_value(json_object_get(row, "counter")),
			    (long long)json_integer_value(json_object_get(row, "count")));
	json_decref(rows);
}

/* Which samples are being written: of a metric, with this label. */
struct snooping_samples {
	struct metrics_text *out;
	const char *name, *label;
};

/* What is not 0. */
static void see_snooping(void *context, const char *name, const struct snoop_counters *counters)
{
	const struct snooping_samples *samples = context;

#define X(counter, text)                                                                           \
	if (counters->counter != 0)                                                                \
		metrics_add(samples->out,                                                          \
			    "shunt_%s_total{%s=\"%s\",counter=\"" #counter "\"} %" PRIu64 "\n",     \
			    samples->name, samples->label, name, counters->counter);
	SNOOP_COUNTERS(X)
#undef X
}

static void add_snooping(struct metrics_text *out, const struct view *view)
{
	struct snooping_samples bridges = { out, "snooping", "bridge" };
	struct snooping_samples routed = { out, "multicast_querier", "port" };

	metrics_family(out, bridges.name, true,
		       "What snooping counted in the bridge's VLANs, since the control plane began.");
	view_private(view)->bridge_counters(view->model, see_snooping, &bridges);
	metrics_family(out, routed.name, true,
		       "What IGMP and MLD counted at a routed interface, since the control plane began.");
	view_private(view)->port_counters(view->model, see_snooping, &routed);
}

/* The control plane's own, since it began. */
static void add_events(struct metrics_text *out, const struct view *view)
{
	const uint64_t *count = view_private(view)->event_counts(view->model);

	metrics_family(out, "events", true, "Events by kind, since the control plane began.");
	for (unsigned int kind = 0; kind < EVENT_KINDS; kind++)
		metrics_add(out, "shunt_events_total{kind=\"%s\"} %" PRIu64 "\n",
			    event_kind_words[kind], count[kind]);
}

void metrics_tables(struct metrics_text *out, const struct view *view)
{
	if (view->state != NULL) {
		metrics_family(out, "worker_cycle_hertz", false,
			       "Rate of the clock that workers count cycles of.");
		metrics_add(out, "shunt_worker_cycle_hertz %" PRIu64 "\n",
			    word_load(&view->state->control.tsc_hz));
		add_stages(out, view, "stage_packets",
			   "Packets of the stage in the turns that were sampled.",
			   offsetof(struct stage_counters, packets));
		add_stages(out, view, "stage_cycles", "Cycles that the stage took for these.",
			   offsetof(struct stage_counters, cycles));
	}
	add_tunnels(out, view);
	add_filters(out, view);
	if (view->model == NULL)
		return;
	add_protocols(out, view);
	add_snooping(out, view);
	add_events(out, view);
}
