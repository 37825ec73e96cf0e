/* SPDX-License-Identifier: BSD-3-Clause
 *
 * punt.c: packets for the control plane, and packets from it.
 */
#include <errno.h>
#include <rte_cycles.h>
#include <rte_malloc.h>
#include <unistd.h>
#include "dataplane/clock.h"
#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"

/* rte_meter counts bytes; here every packet weighs one. */
enum { PACKET_WEIGHT = 1 };

/* Hosts' reports are many where groups are, and each is soon done: they get more than other reasons do.
 * At once no more than half a ring, so that the others find room there. */
enum { USUAL, REPORTS, PROFILES };
enum { REPORTS_FACTOR = 20, REPORTS_AT_ONCE = RING_SLOTS / 2 };

static inline unsigned int profile_of(enum punt_reason reason)
{
	return reason == PUNT_igmp || reason == PUNT_mld ? REPORTS : USUAL;
}

int punt_init(struct worker *worker, unsigned int rate)
{
	struct rte_meter_srtcm_params parameters[PROFILES] = {
		[USUAL] = { .cir = rate, .cbs = rate / 10 + 1 },
		[REPORTS] = { .cir = (uint64_t)rate * REPORTS_FACTOR },
	};
	int result = 0;

	parameters[REPORTS].cbs =
		RTE_MIN(rate / 10 * REPORTS_FACTOR + 1, (uint64_t)REPORTS_AT_ONCE);
	worker->punt_profile =
		rte_zmalloc("punt_profile", PROFILES * sizeof(*worker->punt_profile), 0);
	if (worker->punt_profile == NULL)
		return -ENOMEM;
	for (unsigned int i = 0; result == 0 && i < PROFILES; i++)
		result = rte_meter_srtcm_profile_config(&worker->punt_profile[i], &parameters[i]);
	for (unsigned int i = 0; result == 0 && i < PUNT_REASON_COUNT; i++)
		result = rte_meter_srtcm_config(&worker->punt_meter[i],
						&worker->punt_profile[profile_of(i)]);
	return result;
}

/* The control plane looks at the rings before it sleeps; if it said that it does, wake it. */
static void ring_doorbell(struct worker *worker)
{
	int doorbell = atomic_load_explicit(&worker->doorbell, memory_order_relaxed);

	atomic_thread_fence(memory_order_seq_cst);
	if (doorbell < 0 || word_load(&worker->tables->control.sleeping) == 0)
		return;
	/* a full pipe is a doorbell that rings already; a closed one is the control thread's to open */
	ssize_t written = write(doorbell, "p", 1);
	(void)written;
}

/* What the control plane is told besides the frame itself. */
struct cause {
	enum punt_reason reason;
	uint32_t nexthop, ethertype;
	int otherwise; /* enum drop_reason of those that policer or ring refuse; GENERAL: of theirs */
};
enum { GENERAL = -1 };

static void refuse(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		   const struct cause *cause, enum drop_reason reason)
{
	drop(worker, mbuf, interface,
	     cause->otherwise == GENERAL ? reason : (enum drop_reason)cause->otherwise);
}

static void punt_for(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		     const struct cause *cause, const uint8_t *l3)
{
	enum punt_reason reason = cause->reason;
	struct rte_meter_srtcm *meter = &worker->punt_meter[reason];

	if (rte_meter_srtcm_color_blind_check(meter, &worker->punt_profile[profile_of(reason)],
					      rte_rdtsc(), PACKET_WEIGHT) == RTE_COLOR_RED) {
		refuse(worker, mbuf, interface, cause, DROP_punt_policed);
		return;
	}
	if (mbuf->pkt_len > FRAME_MAX) {
		drop(worker, mbuf, interface, DROP_punt_too_long);
		return;
	}
	struct frame_slot *slot =
		ring_reserve(worker->punt, &worker->tables->punt_consumer[worker->id]);
	if (slot == NULL) {
		refuse(worker, mbuf, interface, cause, DROP_punt_ring_full);
		return;
	}
	slot->length = mbuf->pkt_len;
	slot->interface = interface;
	slot->reason = reason;
	slot->nexthop = cause->nexthop;
	slot->ethertype = cause->ethertype;
	slot->l3_offset = (uint32_t)(l3 - rte_pktmbuf_mtod(mbuf, const uint8_t *));
	slot->time = clock_ns(CLOCK_MONOTONIC);
	const void *bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, slot->data);
	if (bytes != slot->data) /* one segment: it was not copied yet */
		memcpy(slot->data, bytes, mbuf->pkt_len);
	ring_publish(worker->punt);
	counter_add(&worker->state->punted[reason], 1);
	counter_add(&worker->interface[interface].punted, 1);
	if (unlikely(worker->watch & WATCH_PACKETS))
		watch_end(worker, mbuf, interface, WATCH_PUNTED, reason);
	rte_pktmbuf_free(mbuf);
	ring_doorbell(worker);
}

void punt(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
	  enum punt_reason reason, const uint8_t *l3)
{
	struct cause cause = { .reason = reason, .otherwise = GENERAL };

	punt_for(worker, mbuf, interface, &cause, l3);
}

void punt_or_drop(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		  enum punt_reason reason, const uint8_t *l3, enum drop_reason otherwise)
{
	struct cause cause = { .reason = reason, .otherwise = (int)otherwise };

	punt_for(worker, mbuf, interface, &cause, l3);
}

void punt_too_long(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		   const uint8_t *l3, uint32_t nexthop, uint32_t ethertype)
{
	struct cause cause = { PUNT_mtu_exceeded, nexthop, ethertype, GENERAL };

	punt_for(worker, mbuf, interface, &cause, l3);
}
