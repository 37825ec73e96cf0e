/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/watch.h"

#include <errno.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include "dataplane/stage/stage.h"

int watch_init(struct worker *worker)
{
	worker->watching = rte_zmalloc("watching", sizeof(*worker->watching), CACHE_LINE);
	return worker->watching == NULL ? -ENOMEM : 0;
}

void watch_wishes(struct worker *worker)
{
	const struct tables_control *control = &worker->tables->control;

	if (word_load(&control->trace) != 0)
		worker->watch |= WATCH_TRACE;
	if (word_load(&control->capture) != 0)
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

/* Remember what goes into a stage. */
static void enter(struct worker *worker, const struct vector *vector)
{
	struct watching *watching = worker->watching;

	watching->count = vector->count;
	for (unsigned int i = 0; i < vector->count; i++) {
		watching->packet[i] = vector->packet[i];
		watching->before[i] = *vector->packet[i];
	}
}

/* A stage with its hooks; what it empties is `vector`. */
static __rte_always_inline void watched(struct worker *worker, enum stage_id stage,
					void (*run)(struct worker *), const struct vector *vector)
{
	unsigned int count = vector->count;

	if (count == 0)
		return;
	if (worker->watch & WATCH_PACKETS)
		enter(worker, vector);
	uint64_t start = rte_rdtsc();
	run(worker);
	count_stage(worker, stage, count, rte_rdtsc() - start);
	worker->watching->count = 0;
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
		watched(worker, STAGE_output, output, &worker->output);
		watched(worker, STAGE_encapsulate, encapsulate, &worker->encapsulate);
	} while ((worker->mpls.count | worker->ip.count | worker->output.count |
		  worker->bridge.count | worker->filter.count) != 0);
}

void watch_process(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		   unsigned int count)
{
	uint64_t start = rte_rdtsc();

	classify(worker, interface, mbufs, count);
	count_stage(worker, STAGE_classify, count, rte_rdtsc() - start);
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
	struct watching *watching = worker->watching;

	(void)interface;
	(void)end;
	(void)reason;
	for (unsigned int i = 0; i < watching->count; i++) {
		if (watching->packet[i] != NULL && watching->before[i].mbuf == mbuf)
			watching->packet[i] = NULL;
	}
}

void watch_transmit(struct worker *worker, unsigned int port)
{
	const struct transmit *transmit = &worker->transmit;

	for (unsigned int i = 0; i < transmit->count[port]; i++)
		watch_end(worker, transmit->mbuf[port][i], transmit->ingress[port][i],
			  WATCH_TRANSMITTED, port);
}
