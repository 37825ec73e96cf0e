/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/trace.h"

#include <errno.h>
#include <rte_errno.h>
#include <rte_mbuf_dyn.h>
#include "dataplane/clock.h"
#include "dataplane/shm/reason.h"

enum { NOT_TRACED = -1, MARK_SHIFT = 16 };

/* ---------------------------------------------------------------- marks */

static int mark_offset;

int trace_init(struct worker *worker)
{
	static const struct rte_mbuf_dynfield field = { .name = "shunt_trace",
							.size = sizeof(uint64_t),
							.align = alignof(uint64_t) };

	mark_offset = rte_mbuf_dynfield_register(&field);
	worker->watching->trace.turn =
		worker->id + WORKER_MAX; /* 0 is in buffers that were never marked */
	return mark_offset < 0 ? -rte_errno : 0;
}

/* It is nobody's but ours, whoever looks at the packet. */
static inline uint64_t *mark_of(const struct rte_mbuf *mbuf)
{
	return (uint64_t *)((uintptr_t)mbuf + (uintptr_t)mark_offset);
}

/* The traced packet's number, or NOT_TRACED. A header that was put before what it shares with the packet
 * has no mark of its own. */
static int number_of(const struct worker *worker, const struct rte_mbuf *mbuf)
{
	uint64_t turn = worker->watching->trace.turn;

	for (; mbuf != NULL; mbuf = mbuf->next) {
		uint64_t mark = *mark_of(mbuf);
		if (mark >> MARK_SHIFT == turn)
			return (int)(mark & ((1u << MARK_SHIFT) - 1));
	}
	return NOT_TRACED;
}

/* ---------------------------------------------------------------- records */

static struct trace_ring *ring_of(const struct worker *worker)
{
	return &worker->shared->trace[worker->id];
}

struct trace_record *trace_record(struct worker *worker, unsigned int number, enum trace_kind kind)
{
	struct trace_state *trace = &worker->watching->trace;
	struct trace_record *record = &trace->spilled;

	if (trace->written < TRACE_SLOTS && trace->records[number] < TRACE_RECORDS) {
		record = &ring_of(worker)->record[trace->written++];
		trace->records[number]++;
	}
	*record = (struct trace_record){
		.time = clock_ns(CLOCK_REALTIME),
		.packet = number,
		.kind = (uint8_t)kind,
		.stage = (uint8_t)worker->watching->stage,
	};
	return record;
}

static void copy_frame(struct trace_record *record, const struct rte_mbuf *mbuf)
{
	uint32_t length = RTE_MIN(mbuf->pkt_len, (uint32_t)TRACE_BYTES);
	const void *bytes = rte_pktmbuf_read(mbuf, 0, length, record->data);

	record->length = mbuf->pkt_len;
	if (bytes == NULL)
		return;
	record->captured = (uint16_t)length;
	if (bytes != record->data)
		memcpy(record->data, bytes, length);
}

/* ---------------------------------------------------------------- arrival */

/* Another wish than the one that the ring is about. */
static void begin(struct worker *worker, uint64_t generation)
{
	struct trace_state *trace = &worker->watching->trace;
	struct trace_ring *ring = ring_of(worker);

	word_store(&ring->count, 0);
	word_store(&ring->generation, generation);
	trace->generation = generation;
	trace->first_turn = trace->turn;
	trace->written = trace->taken = 0;
	memset(trace->records, 0, sizeof(trace->records));
}

/* `taken`: numbers that others' packets have. */
static bool is_wanted(const struct watch_active *active, unsigned int taken, unsigned int interface,
		      const struct rte_mbuf *mbuf)
{
	return (active->interface == WATCH_ANY || active->interface == interface) &&
	       active->seen < RTE_MIN(active->count, (uint64_t)TRACE_PACKETS_MAX - taken) &&
	       watch_matches(&active->match, mbuf);
}

static struct trace_record *record_arrival(struct worker *worker, unsigned int number,
					   struct rte_mbuf *mbuf, unsigned int interface)
{
	struct trace_state *trace = &worker->watching->trace;
	struct trace_record *record = trace_record(worker, number, TRACE_ARRIVED);

	*mark_of(mbuf) = trace->turn << MARK_SHIFT | number;
	trace->entered[number] = true;
	trace->interface[number] = interface;
	record->interface = interface;
	copy_frame(record, mbuf);
	return record;
}

void trace_arrived(struct worker *worker, unsigned int interface, struct rte_mbuf *const *mbufs,
		   unsigned int count)
{
	struct watch_active *active = &worker->watching->active[WATCHED_TRACE];
	struct trace_state *trace = &worker->watching->trace;

	if (trace->generation != active->generation)
		begin(worker, active->generation);
	memset(trace->entered, 0, sizeof(trace->entered));
	for (unsigned int i = 0; i < count; i++) {
		*mark_of(mbufs[i]) = 0;
		if (!is_wanted(active, trace->taken, interface, mbufs[i]))
			continue;
		record_arrival(worker, (unsigned int)active->seen++, mbufs[i], interface);
	}
}

void trace_joined(struct worker *worker, struct rte_mbuf *head, const struct rte_mbuf *last,
		  unsigned int interface)
{
	struct trace_state *trace = &worker->watching->trace;
	uint64_t mark =
		*mark_of(last) >> MARK_SHIFT == trace->turn ? *mark_of(last) : *mark_of(head);
	uint64_t turn = mark >> MARK_SHIFT, number = mark & ((1u << MARK_SHIFT) - 1);

	/* buffers that the join gives back are others' in this very turn */
	for (struct rte_mbuf *piece = head; piece != NULL; piece = piece->next)
		*mark_of(piece) = 0;
	if (trace->generation != worker->watching->active[WATCHED_TRACE].generation ||
	    turn < trace->first_turn || turn > trace->turn ||
	    (trace->turn - turn) % WORKER_MAX != 0)
		return;
	*mark_of(head) = trace->turn << MARK_SHIFT | number;
	trace->entered[number] = true;
	trace->interface[number] = interface;
}

uint32_t trace_give(const struct worker *worker, const struct rte_mbuf *mbuf)
{
	return number_of(worker, mbuf) == NOT_TRACED ? 0
						     : (uint32_t)worker->watching->trace.generation;
}

void trace_take(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		uint32_t given)
{
	const struct watch_active *active = &worker->watching->active[WATCHED_TRACE];
	struct trace_state *trace = &worker->watching->trace;

	if (trace->generation != active->generation)
		begin(worker, active->generation);
	*mark_of(mbuf) = 0;
	if (given != (uint32_t)active->generation ||
	    active->seen + trace->taken >= TRACE_PACKETS_MAX)
		return;
	struct trace_record *record =
		record_arrival(worker, TRACE_PACKETS_MAX - ++trace->taken, mbuf, interface);
	record->index = 1;
}

/* ---------------------------------------------------------------- stages */

void trace_enter(struct worker *worker, enum stage_id stage, struct packet *const *packets,
		 unsigned int count)
{
	struct trace_state *trace = &worker->watching->trace;

	memset(trace->entered, 0, sizeof(trace->entered));
	for (unsigned int i = 0; i < count; i++) {
		int number = number_of(worker, packets[i]->mbuf);
		if (number == NOT_TRACED)
			continue;
		trace->entered[number] = true;
		trace->interface[number] = packets[i]->interface;
		trace_lookups(worker, (unsigned int)number, stage, packets[i]);
	}
}

/* It came out of a tunnel, a pseudowire or a bridge: it is counted at another interface now. */
static void record_interface(struct worker *worker, unsigned int number,
			     const struct packet *packet)
{
	struct trace_state *trace = &worker->watching->trace;

	if (trace->interface[number] == packet->interface)
		return;
	trace->interface[number] = packet->interface;
	struct trace_record *record = trace_record(worker, number, TRACE_LOOKUP);
	record->lookup = TRACE_INTERFACE;
	record->index = record->interface = packet->interface;
}

static void record_stage(struct worker *worker, unsigned int number, enum stage_id next,
			 const struct packet *packet)
{
	record_interface(worker, number, packet);
	struct trace_record *record = trace_record(worker, number, TRACE_STAGE);
	record->next = (uint8_t)next;
	record->interface = packet->interface;
	record->vrf = packet->vrf;
	record->space = packet->space;
	record->length = packet->mbuf->pkt_len;
}

static void find_in(struct worker *worker, unsigned int number_of_vector, enum stage_id next)
{
	struct trace_state *trace = &worker->watching->trace;
	const struct vector *vector = watch_vector(worker, number_of_vector);
	unsigned int passed = worker->watching->passed.vector[number_of_vector];

	for (unsigned int i = passed; i < vector->count; i++) {
		int number = number_of(worker, vector->packet[i]->mbuf);
		if (number != NOT_TRACED && trace->entered[number])
			record_stage(worker, (unsigned int)number, next, vector->packet[i]);
	}
}

/* Frames that wait for a device; a copy each, so that only the first one is said. */
static void find_waiting(struct worker *worker)
{
	struct transmit *transmit = &worker->transmit;
	struct trace_state *trace = &worker->watching->trace;

	for (uint64_t pending = transmit->pending; pending != 0; pending &= pending - 1) {
		unsigned int port = (unsigned int)__builtin_ctzll(pending);
		for (unsigned int i = worker->watching->passed.port[port];
		     i < transmit->count[port]; i++) {
			int number = number_of(worker, transmit->mbuf[port][i]);
			if (number == NOT_TRACED || !trace->entered[number])
				continue;
			trace->entered[number] = false;
			struct packet packet = { .mbuf = transmit->mbuf[port][i],
						 .interface = trace->interface[number] };
			record_stage(worker, (unsigned int)number, STAGE_transmit, &packet);
		}
	}
}

void trace_leave(struct worker *worker, enum stage_id stage)
{
	/* a stage that takes packets from the ip vector and leaves them there has the next one behind it */
	const enum stage_id next[WATCH_VECTORS] = {
		STAGE_filter, STAGE_mpls,   stage < STAGE_tunnel ? STAGE_tunnel : STAGE_ip,
		STAGE_bridge, STAGE_output, STAGE_encapsulate,
	};

	for (unsigned int i = 0; i < WATCH_VECTORS; i++)
		find_in(worker, i, next[i]);
	find_waiting(worker);
}

/* ---------------------------------------------------------------- ends */

/* May its buffer be another packet's in a moment? Some reasons are of copies too, whose packet goes on. */
static bool is_over(enum watch_end end, unsigned int reason)
{
	return end == WATCH_PUNTED || (end == WATCH_DROPPED && reason != DROP_filter_out &&
				       reason != DROP_no_buffer && reason != DROP_host_policed);
}

void trace_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum watch_end end, unsigned int reason)
{
	int number = number_of(worker, mbuf);

	if (number == NOT_TRACED)
		return;
	struct trace_record *record = trace_record(worker, (unsigned int)number, TRACE_END);
	record->interface = interface;
	record->end = (uint8_t)end;
	record->reason = reason;
	copy_frame(record, mbuf);
	if (is_over(end, reason) && rte_mbuf_refcnt_read(mbuf) == 1)
		*mark_of(mbuf) = 0;
}

void trace_copied(const struct rte_mbuf *mbuf, struct rte_mbuf *copy)
{
	*mark_of(copy) = *mark_of(mbuf);
}

void trace_done(struct worker *worker)
{
	struct trace_state *trace = &worker->watching->trace;

	trace->turn += WORKER_MAX;
	if (trace->generation == worker->watching->active[WATCHED_TRACE].generation)
		word_store(&ring_of(worker)->count, trace->written);
}
