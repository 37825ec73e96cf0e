/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/watch.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include "dataplane/clock.h"
#include "dataplane/shm/reader.h"
#include "dataplane/stage/capture.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/trace.h"

int watch_init(struct worker *worker)
{
	worker->watching = rte_zmalloc("watching", sizeof(*worker->watching), CACHE_LINE);
	return worker->watching == NULL ? -ENOMEM : trace_init(worker);
}

/* ---------------------------------------------------------------- wishes */

/* What the tables say may be anything: a wish that is not whole in the heap is none. */
static const struct watch_wish *wish_at(const struct tables *tables, uint64_t offset)
{
	const struct watch_wish *wish = tables_object_checked(tables, offset, sizeof(*wish));

	if (wish == NULL || wish->program_length > WATCH_PROGRAM_MAX)
		return NULL;
	return tables_object_checked(tables, offset,
				     sizeof(*wish) +
					     wish->program_length * sizeof(wish->program[0]));
}

static void take_over(struct watch_active *active, const struct watch_wish *wish)
{
	active->generation = wish->generation;
	active->count = wish->count;
	active->interface = wish->interface;
	active->options = wish->options;
	active->seen = 0;
	watch_match_load(&active->match, wish);
}

/* Is there a wish, and is it to be fulfilled still? */
static bool is_wished(struct worker *worker, enum watch_subject subject, uint64_t offset)
{
	struct watch_active *active = &worker->watching->active[subject];

	if (offset == 0)
		return false;
	const struct watch_wish *wish = wish_at(worker->tables, offset);
	if (wish == NULL)
		return false;
	if (wish->generation != active->generation)
		take_over(active, wish);
	return active->match.valid && (active->count == 0 || active->seen < active->count) &&
	       clock_ns(CLOCK_MONOTONIC) < word_load(&wish->deadline);
}

void watch_wishes(struct worker *worker)
{
	const struct tables_control *control = &worker->tables->control;

	if (is_wished(worker, WATCHED_TRACE, word_load(&control->trace)))
		worker->watch |= WATCH_TRACE;
	if (capture_ready(worker) &&
	    is_wished(worker, WATCHED_CAPTURE, word_load(&control->capture)))
		worker->watch |= WATCH_CAPTURE;
}

/* ---------------------------------------------------------------- runtime */

static void count_stage(struct worker *worker, enum stage_id stage, unsigned int packets,
			uint64_t cycles)
{
	struct stage_counters *counters = &worker->shared->runtime[worker->id][stage];

	if (!(worker->watch & WATCH_RUNTIME))
		return;
	worker->watching->cycles += cycles;
	counter_add(&counters->calls, 1);
	counter_add(&counters->packets, packets);
	counter_add(&counters->cycles, cycles);
}

void watch_runtime(struct worker *worker, unsigned int packets, uint64_t cycles)
{
	uint64_t stages = worker->watching->cycles;

	count_stage(worker, STAGE_receive, packets, cycles > stages ? cycles - stages : 0);
	worker->watching->cycles = 0;
}

/* ---------------------------------------------------------------- around the stages */

/* Say what goes into a stage. */
static void enter(struct worker *worker, enum stage_id stage, const struct vector *vector)
{
	worker->watching->stage = stage;
	if (worker->watch & WATCH_TRACE)
		trace_enter(worker, stage, vector->packet, vector->count);
}

/* A stage with its hooks; what it empties is `vector`. */
static __rte_always_inline void watched(struct worker *worker, enum stage_id stage,
					void (*run)(struct worker *), const struct vector *vector)
{
	unsigned int count = vector->count;

	if (count == 0)
		return;
	if (worker->watch & WATCH_PACKETS)
		enter(worker, stage, vector);
	if (worker->watch & WATCH_CAPTURE)
		capture_before(worker, stage, vector);
	uint64_t start = rte_rdtsc();
	run(worker);
	count_stage(worker, stage, count, rte_rdtsc() - start);
	if (worker->watch & WATCH_TRACE)
		trace_leave(worker, stage);
	if (worker->watch & WATCH_CAPTURE)
		capture_after(worker, stage);
}

void watch_stages(struct worker *worker)
{
	do { /* the order is worker_stages' */
		watched(worker, STAGE_filter, filter, &worker->filter);
		watched(worker, STAGE_mpls, mpls, &worker->mpls);
		watched(worker, STAGE_tunnel, tunnel, &worker->ip);
		if (word_load(&worker->tables->filter_vrfs) != 0)
			watched(worker, STAGE_filter_vrf, filter_vrf, &worker->ip);
		watched(worker, STAGE_ip, ip, &worker->ip);
		watched(worker, STAGE_bridge, bridge, &worker->bridge);
		do {
			watched(worker, STAGE_output, output, &worker->output);
			watched(worker, STAGE_encapsulate, encapsulate, &worker->encapsulate);
		} while (worker->output.count != 0);
	} while ((worker->mpls.count | worker->ip.count | worker->bridge.count |
		  worker->filter.count) != 0);
}

void watch_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		   unsigned int count)
{
	worker->watching->stage = STAGE_classify;
	if (worker->watch & WATCH_TRACE)
		trace_arrived(worker, interface, mbufs, count);
	for (unsigned int i = 0; worker->watch & WATCH_CAPTURE && i < count; i++)
		capture_frame(worker, CAPTURE_RECEIVED, mbufs[i], interface, 0);
	uint64_t start = rte_rdtsc();
	classify(worker, interface, mbufs, count);
	count_stage(worker, STAGE_classify, count, rte_rdtsc() - start);
	if (worker->watch & WATCH_TRACE)
		trace_leave(worker, STAGE_classify);
	watch_stages(worker);
}

void watch_flush(struct worker *worker)
{
	struct transmit *transmit = &worker->transmit;
	uint64_t start = rte_rdtsc();
	unsigned int count = 0;

	if (transmit->pending == 0)
		return;
	for (uint64_t pending = transmit->pending; pending != 0; pending &= pending - 1)
		count += transmit->count[__builtin_ctzll(pending)];
	while (transmit->pending != 0)
		transmit_port(worker, (unsigned int)__builtin_ctzll(transmit->pending));
	count_stage(worker, STAGE_transmit, count, rte_rdtsc() - start);
}

/* ---------------------------------------------------------------- ends */

void watch_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum watch_end end, unsigned int reason)
{
	if (worker->watch & WATCH_TRACE)
		trace_end(worker, mbuf, interface, end, reason);
	if (worker->watch & WATCH_CAPTURE)
		capture_end(worker, mbuf, interface, end, reason);
}

void watch_copied(struct worker *worker, const struct rte_mbuf *mbuf, struct rte_mbuf *copy)
{
	if (worker->watch & WATCH_TRACE)
		trace_copied(mbuf, copy);
}

void watch_done(struct worker *worker)
{
	if (worker->watch & WATCH_TRACE)
		trace_done(worker);
}

void watch_transmit(struct worker *worker, unsigned int port)
{
	const struct transmit *transmit = &worker->transmit;

	worker->watching->stage = STAGE_transmit;
	for (unsigned int i = 0; i < transmit->count[port]; i++)
		watch_end(worker, transmit->mbuf[port][i], transmit->ingress[port][i],
			  WATCH_TRANSMITTED, port);
}
