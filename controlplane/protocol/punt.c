/* SPDX-License-Identifier: BSD-3-Clause
 *
 * punt.c: take frames out of the punt rings and hand them to their protocols.
 */
#include <time.h>
#include "controlplane/object/model.h"
#include "controlplane/protocol/arp.h"
#include "controlplane/protocol/dad.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/ip-local.h"
#include "controlplane/protocol/ip-send.h"
#include "controlplane/protocol/keepalive.h"
#include "controlplane/protocol/nd.h"
#include "controlplane/protocol/neighbour.h"
#include "controlplane/protocol/punt.h"
#include "controlplane/protocol/snooping-input.h"
#include "dataplane/shm/reason.h"
#include "dataplane/shm/ring.h"

enum { SLICE_NS = 1000000, FRAMES_BETWEEN_LOOKS = 16 };

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

/* Frames with an IP packet that the control plane has to do something about. */
static void dispatch_ip(struct model *model, const struct frame_slot *slot)
{
	struct punted punted;

	if (!punted_read(model, slot, &punted))
		return;
	switch (slot->reason) {
	case PUNT_ip_local:
		ip_local(model, &punted);
		return;
	case PUNT_neighbour_unknown:
	case PUNT_ip_options:
		ip_forward(model, &punted);
		return;
	default:
		icmp_error_punted(model, &punted, slot->reason);
	}
}

/* What comes from another process is checked before it is used. */
void punt_dispatch(struct model *model, const struct frame_slot *slot)
{
	if (slot->reason >= PUNT_REASON_MAX)
		return;
	model->punted[slot->reason]++;
	if (slot->length > FRAME_MAX || slot->l3_offset > slot->length ||
	    slot->interface >= INTERFACE_MAX)
		return;
	if (slot->reason == PUNT_arp)
		arp_input(model, slot->interface, slot->data, slot->length, slot->l3_offset);
	else if (slot->reason == PUNT_nd)
		nd_input(model, slot->interface, slot->data, slot->length, slot->l3_offset);
	else if (slot->reason == PUNT_gre_keepalive)
		keepalive_input(model, slot);
	else if (slot->reason == PUNT_stp)
		snooping_topology_punted(model, slot);
	else if (slot->reason == PUNT_igmp || slot->reason == PUNT_mld || slot->reason == PUNT_pim)
		snooping_punted(model, slot);
	else
		dispatch_ip(model, slot);
}

static unsigned int poll_worker(struct model *model, unsigned int worker, uint64_t end)
{
	const struct ring_producer *producer = &model->state->punt[worker];
	struct ring_consumer *consumer = &model->tables->punt_consumer[worker];
	unsigned int count = 0;

	while (count < RING_SLOTS) {
		const struct frame_slot *slot = ring_peek(producer, consumer);
		if (slot == NULL ||
		    (count % FRAMES_BETWEEN_LOOKS == FRAMES_BETWEEN_LOOKS - 1 && now() > end))
			break;
		punt_dispatch(model, slot);
		ring_release(consumer);
		count++;
	}
	return count;
}

/* Addresses of interfaces for which that is due and whose link is up. */
static void announce(struct model *model)
{
	for (struct interface_object *i = model->interfaces; i != NULL; i = i->hh.next) {
		const struct interface_object *port = i->parent != NULL ? i->parent : i;
		if (!i->announce || !port->link_up || !interface_is_up(i) ||
		    !arp_announce(model, i) || !nd_announce(model, i))
			continue;
		i->announce = false;
		model->announcements--;
	}
}

unsigned int punt_poll(struct model *model)
{
	unsigned int count = 0;

	if (model->state == NULL)
		return 0;
	uint64_t end = now() + SLICE_NS;
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		count += poll_worker(model, i, end);
	if (model->announcements > 0)
		announce(model);
	neighbour_poll(model);
	keepalive_poll(model);
	snooping_send(model);
	dad_poll(model);
	return count;
}

static bool frames_wait(const struct model *model)
{
	for (unsigned int i = 0; model->state != NULL && i < WORKER_MAX; i++)
		if (ring_peek(&model->state->punt[i], &model->tables->punt_consumer[i]) != NULL)
			return true;
	return false;
}

bool model_sleep(struct model *model, bool sleeping)
{
	_Atomic uint64_t *word = &model->tables->control.sleeping;

	atomic_store_explicit(word, sleeping, memory_order_seq_cst);
	if (!sleeping)
		return true;
	/* either we see the frame, or its producer sees that we sleep (epoch.h has the same
	 * pairing) */
	atomic_thread_fence(memory_order_seq_cst);
	if (!frames_wait(model))
		return true;
	word_store(word, 0);
	return false;
}
