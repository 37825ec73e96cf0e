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
	return tables_object_checked(
		tables, offset, sizeof(*wish) + wish->program_length * sizeof(wish->program[0]));
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
	/* its own packets may all have been seen, and others be handed to it: out of tunnels */
	bool more = active->count == 0 || active->seen < active->count ||
		    (subject == WATCHED_TRACE && worker->handover != NULL &&
		     word_load(&worker->tables->control.tunnel_forms) != 0);
	return active->match.valid && more &&
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

const struct vector *watch_vector(const struct worker *worker, unsigned int number)
{
	const struct vector *vectors[WATCH_VECTORS] = { &worker->filter, &worker->mpls,
							&worker->ip,     &worker->bridge,
							&worker->output, &worker->encapsulate };

	return vectors[number];
}

/* What stands there is not of the stage that begins or goes on, but for the vector that it empties. */
static void note_passed(struct worker *worker, const struct vector *vector)
{
	struct watch_passed *passed = &worker->watching->passed;

	worker->watching->emptied = vector;
	for (unsigned int i = 0; i < WATCH_VECTORS; i++) {
		const struct vector *other = watch_vector(worker, i);
		passed->vector[i] = other == vector ? 0 : other->count;
	}
	memcpy(passed->port, worker->transmit.count, sizeof(passed->port));
}

/* Say what goes into a stage. */
static void enter(struct worker *worker, enum stage_id stage, const struct vector *vector)
{
	worker->watching->stage = stage;
	note_passed(worker, vector);
	if (worker->watch & WATCH_TRACE)
		trace_enter(worker, stage, vector->packet, vector->count);
	if (worker->watch & WATCH_CAPTURE)
		capture_before(worker, stage, vector);
}

/* Say what it has passed on. In the middle of it, what it has not got round to stands in its own vector. */
static void leave(struct worker *worker, enum stage_id stage)
{
	if (worker->watch & WATCH_TRACE)
		trace_leave(worker, stage);
	if (worker->watch & WATCH_CAPTURE)
		capture_after(worker, stage);
}

/* A stage with its hooks; what it empties is `vector`. Of its cycles, those of stages that it ran in between are
 * theirs. */
static __rte_always_inline void watched(struct worker *worker, enum stage_id stage,
					void (*run)(struct worker *), const struct vector *vector)
{
	unsigned int count = vector->count;

	if (count == 0)
		return;
	if (worker->watch & WATCH_PACKETS)
		enter(worker, stage, vector);
	uint64_t before = worker->watching->cycles, start = rte_rdtsc();
	run(worker);
	uint64_t cycles = rte_rdtsc() - start, between = worker->watching->cycles - before;
	count_stage(worker, stage, count, cycles > between ? cycles - between : 0);
	if (worker->watch & WATCH_PACKETS)
		leave(worker, stage);
}

void watch_between(struct worker *worker, enum watch_order order)
{
	struct watching *watching = worker->watching;
	const struct vector *emptied = watching->emptied;
	enum stage_id stage = watching->stage;
	bool entered[TRACE_PACKETS_MAX];

	memcpy(entered, watching->trace.entered, sizeof(entered));
	for (unsigned int i = 0; i < WATCH_VECTORS; i++)
		if (watch_vector(worker, i) == emptied)
			watching->passed.vector[i] = emptied->count;
	if (worker->watch & WATCH_PACKETS)
		leave(worker, stage);
	if (order == WATCH_OUTPUT_FIRST)
		watched(worker, STAGE_output, output, &worker->output);
	watched(worker, STAGE_encapsulate, encapsulate, &worker->encapsulate);
	if (order == WATCH_ENCAPSULATE_FIRST)
		watched(worker, STAGE_output, output, &worker->output);
	watching->stage = stage;
	memcpy(watching->trace.entered, entered, sizeof(entered));
	note_passed(worker, emptied);
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
	worker->watching->stage = STAGE_receive;
}

void watch_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		   unsigned int count)
{
	worker->watching->stage = STAGE_classify;
	note_passed(worker, NULL);
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
	worker->watching->stage = STAGE_transmit;
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

void watch_joined(struct worker *worker, struct rte_mbuf *head, const struct rte_mbuf *last,
		  unsigned int interface)
{
	if (worker->watch & WATCH_TRACE)
		trace_joined(worker, head, last, interface);
}

uint32_t watch_give(const struct worker *worker, const struct rte_mbuf *mbuf)
{
	return worker->watch & WATCH_TRACE ? trace_give(worker, mbuf) : 0;
}

void watch_take(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		uint32_t given)
{
	worker->watching->stage = STAGE_receive;
	if (worker->watch & WATCH_TRACE)
		trace_take(worker, mbuf, interface, given);
}

void watch_done(struct worker *worker)
{
	if (worker->watch & WATCH_TRACE)
		trace_done(worker);
}

void watch_filled(struct worker *worker, unsigned int port)
{
	if (worker->watch & WATCH_CAPTURE)
		capture_after_port(worker, worker->watching->stage, port);
	worker->watching->passed.port[port] = 0;
}

void watch_transmit(struct worker *worker, unsigned int port)
{
	const struct transmit *transmit = &worker->transmit;
	enum stage_id stage = worker->watching->stage; /* it may be full in the middle of one */

	worker->watching->stage = STAGE_transmit;
	for (unsigned int i = 0; i < transmit->count[port]; i++)
		watch_end(worker, transmit->mbuf[port][i], transmit->ingress[port][i],
			  WATCH_TRANSMITTED, port);
	worker->watching->stage = stage;
}
