/* SPDX-License-Identifier: BSD-3-Clause
 *
 * trace.h: packets followed through the stages (tables_control.trace, struct trace_ring).
 *
 * A traced packet's buffer has a mark, which copies and clones inherit: so a packet is known again behind
 * each stage, whatever it became. A mark is of one turn of one worker. What a stage looked up is looked up
 * again for the record, before the stage runs: no stage knows that it is watched.
 */
#ifndef SHUNT_STAGE_TRACE_H
#define SHUNT_STAGE_TRACE_H

#include "dataplane/stage/watching.h"

/* The mark's place in a buffer. 0 or a negative errno. */
int trace_init(struct worker *worker);

/* Frames that came in by `interface`: choose those that are traced, and forget the marks that the others'
 * buffers have from before. */
void trace_arrived(struct worker *worker, unsigned int interface, struct rte_mbuf *const *mbufs,
		   unsigned int count);

/* Packets are about to go into a stage: what it will look up for those that are traced. */
void trace_enter(struct worker *worker, enum stage_id stage, struct packet *const *packets,
		 unsigned int count);

/* They have left it: where those that are traced are now. */
void trace_leave(struct worker *worker, enum stage_id stage);

/* As watch_end. */
void trace_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum watch_end end, unsigned int reason);

/* As watch_joined: the packet is followed as its last fragment is, else as its first one was. */
void trace_joined(struct worker *worker, struct rte_mbuf *head, const struct rte_mbuf *last,
		  unsigned int interface);

/* As watch_give and watch_take: the trace that the packet is in; 0: none. It is another packet of the worker that
 * has it now. */
uint32_t trace_give(const struct worker *worker, const struct rte_mbuf *mbuf);
void trace_take(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		uint32_t given);

/* As watch_copied. */
void trace_copied(const struct rte_mbuf *mbuf, struct rte_mbuf *copy);

/* The turn is over: readers may have its records. */
void trace_done(struct worker *worker);

/* A new record of traced packet `number`, zero but for what all have; never NULL: what there is no room for
 * goes to where nobody reads. */
struct trace_record *trace_record(struct worker *worker, unsigned int number, enum trace_kind kind);

/* ---- trace-lookup.c ---- */

/* What `stage` is about to look up for the packet, as records. */
void trace_lookups(struct worker *worker, unsigned int number, enum stage_id stage,
		   const struct packet *packet);

/* ---- trace-filter.c ---- */

/* What the filter with this number decides about the packet, as a record; none if it is asked about no such
 * packet. */
void trace_filter(struct worker *worker, unsigned int number, const struct packet *packet,
		  uint64_t filter_number);

#endif
