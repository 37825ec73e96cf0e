/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/capture.h"

#include <rte_ether.h>
#include "dataplane/clock.h"
#include "dataplane/stage/stage.h"
#include "dataplane/stage/watching.h"

static struct watch_active *wish(const struct worker *worker)
{
	return &worker->watching->active[WATCHED_CAPTURE];
}

/* Of that interface, or of the port that it is on? */
static bool is_of(const struct worker *worker, uint32_t wanted, uint32_t interface)
{
	if (wanted == WATCH_ANY || wanted == interface)
		return true;
	if (wanted >= PORT_MAX)
		return false;
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);
	return (flags >> INTERFACE_PORT_SHIFT & 0xff) == wanted;
}

/* The record that is being made, or NULL: it is not wanted. */
static struct capture_record *begin(const struct worker *worker, enum capture_event event,
				    uint32_t interface, uint32_t length)
{
	const struct watch_active *active = wish(worker);
	uint32_t room = RTE_MAX(capture_snap(active->options), (uint32_t)WATCH_MATCH_BYTES);

	if (!capture_wants(active->options, event) ||
	    !is_of(worker, active->interface, interface) ||
	    (active->count != 0 && active->seen >= active->count))
		return NULL;
	struct capture_record *record =
		capture_reserve(&worker->shared->capture[worker->id],
				RTE_MIN(RTE_MIN(room, length), (uint32_t)CAPTURE_SNAP_MAX));
	*record = (struct capture_record){
		.event = (uint8_t)event,
		.captured = (uint16_t)RTE_MIN(RTE_MIN(room, length), (uint32_t)CAPTURE_SNAP_MAX),
		.generation = active->generation,
		.number = active->seen,
		.length = length,
		.interface = interface,
	};
	return record;
}

/* Its bytes are there: is it one of those that are looked for? */
static void finish(const struct worker *worker, struct capture_record *record)
{
	struct watch_active *active = wish(worker);
	const struct watch_match *match = &active->match;
	const uint8_t *bytes = (const uint8_t *)(record + 1);
	uint32_t snap = capture_snap(active->options);

	if (match->length != 0 &&
	    bpf_filter(match->program, bytes, record->length, record->captured) == 0)
		return;
	record->captured = (uint16_t)RTE_MIN((uint32_t)record->captured, snap);
	record->time = clock_ns(CLOCK_REALTIME);
	active->seen++;
	capture_publish(&worker->shared->capture[worker->id], record);
}

static void copy(const struct rte_mbuf *mbuf, uint32_t offset, uint8_t *to, uint32_t length)
{
	const void *bytes = rte_pktmbuf_read(mbuf, offset, length, to);

	if (bytes != NULL && bytes != to)
		memcpy(to, bytes, length);
}

void capture_frame(struct worker *worker, enum capture_event event, const struct rte_mbuf *mbuf,
		   unsigned int interface, unsigned int reason)
{
	struct capture_record *record = begin(worker, event, interface, mbuf->pkt_len);

	if (record == NULL)
		return;
	record->reason = reason;
	record->stage = (uint8_t)worker->watching->stage;
	copy(mbuf, 0, (uint8_t *)(record + 1), record->captured);
	finish(worker, record);
}

/* ---------------------------------------------------------------- between stages */

/* MACs as it came with them, if they are there still; the type of what the stage sees. */
static void put_ethernet(const struct packet *packet, uint8_t header[RTE_ETHER_HDR_LEN])
{
	static const uint16_t types[] = {
		[PAYLOAD_MPLS] = RTE_ETHER_TYPE_MPLS,
		[PAYLOAD_IPV4] = RTE_ETHER_TYPE_IPV4,
		[PAYLOAD_IPV6] = RTE_ETHER_TYPE_IPV6,
	};
	const uint8_t *start = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	uint16_t type = rte_cpu_to_be_16(types[packet->payload]);

	memset(header, 0, RTE_ETHER_HDR_LEN);
	if (packet->l3 >= start + RTE_ETHER_HDR_LEN)
		memcpy(header, start, 2 * RTE_ETHER_ADDR_LEN);
	memcpy(header + 2 * RTE_ETHER_ADDR_LEN, &type, sizeof(type));
}

/* `before` bytes of the record are there; what follows is the packet from l3 on, which after a push may
 * stand before the buffer's data. */
static void put_rest(const struct packet *packet, struct capture_record *record, uint32_t before)
{
	const uint8_t *start = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *);
	uint8_t *to = (uint8_t *)(record + 1) + before;
	uint32_t left = record->captured - before;

	if (packet->l3 < start) {
		uint32_t pushed = RTE_MIN((uint32_t)(start - packet->l3), left);
		memcpy(to, packet->l3, pushed);
		copy(packet->mbuf, 0, to + pushed, left - pushed);
	} else {
		copy(packet->mbuf, (uint32_t)(packet->l3 - start), to, left);
	}
}

static void capture_packet(struct worker *worker, enum capture_event event, enum stage_id stage,
			   const struct packet *packet)
{
	int offset = (int)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, const uint8_t *));
	uint32_t before = packet->payload == PAYLOAD_ETHERNET ? 0 : RTE_ETHER_HDR_LEN;

	if (offset > (int)packet->mbuf->pkt_len)
		return;
	uint32_t length = before + (uint32_t)((int)packet->mbuf->pkt_len - offset);
	struct capture_record *record = begin(worker, event, packet->interface, length);
	if (record == NULL)
		return;
	record->stage = (uint8_t)stage;
	if (before != 0)
		put_ethernet(packet, (uint8_t *)(record + 1));
	put_rest(packet, record, before);
	finish(worker, record);
}

static bool wants_stage(const struct worker *worker, enum capture_event event, enum stage_id stage)
{
	uint32_t options = wish(worker)->options;

	return capture_wants(options, event) && capture_stage(options) == (uint32_t)stage;
}

void capture_before(struct worker *worker, enum stage_id stage, const struct vector *vector)
{
	if (!wants_stage(worker, CAPTURE_BEFORE, stage))
		return;
	for (unsigned int i = 0; i < vector->count; i++)
		capture_packet(worker, CAPTURE_BEFORE, stage, vector->packet[i]);
}

void capture_after(struct worker *worker, enum stage_id stage)
{
	if (!wants_stage(worker, CAPTURE_AFTER, stage))
		return;
	for (unsigned int i = 0; i < WATCH_VECTORS; i++) {
		const struct vector *other = watch_vector(worker, i);
		for (unsigned int k = worker->watching->passed.vector[i]; k < other->count; k++)
			capture_packet(worker, CAPTURE_AFTER, stage, other->packet[k]);
	}
	for (uint64_t pending = worker->transmit.pending; pending != 0; pending &= pending - 1)
		capture_after_port(worker, stage, (unsigned int)__builtin_ctzll(pending));
}

void capture_after_port(struct worker *worker, enum stage_id stage, unsigned int port)
{
	const struct transmit *transmit = &worker->transmit;
	uint16_t *passed = &worker->watching->passed.port[port];

	if (!wants_stage(worker, CAPTURE_AFTER, stage))
		return;
	for (unsigned int i = *passed; i < transmit->count[port]; i++)
		capture_frame(worker, CAPTURE_AFTER, transmit->mbuf[port][i],
			      transmit->ingress[port][i], 0);
	*passed = transmit->count[port];
}

void capture_end(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
		 enum watch_end end, unsigned int reason)
{
	switch (end) {
	case WATCH_TRANSMITTED:
		capture_frame(worker, CAPTURE_SENT, mbuf, reason, 0);
		break;
	case WATCH_DROPPED:
		capture_frame(worker, CAPTURE_DROPPED, mbuf, interface, reason);
		break;
	case WATCH_PUNTED:
		capture_frame(worker, CAPTURE_PUNTED, mbuf, interface, reason);
		break;
	default:
		capture_frame(worker, CAPTURE_CONSUMED, mbuf, interface, reason);
	}
}
