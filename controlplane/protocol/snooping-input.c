/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-input.c: frames between bridges' ports, or routed interfaces, and the snooping engine.
 */
#include <stdlib.h>
#include "controlplane/object/multicast_port.h"
#include "controlplane/object/snooping.h"
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/snooping-input.h"
#include "dataplane/shm/reason.h"

enum {
	ADDRESSES = 12,
	TAG = 4,
	TYPE_TAG = 0x8100,
	TYPE_SERVICE_TAG = 0x88a8,
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TAG_PRIORITY = 0xf000, /* and drop eligibility */
	TAG_VLAN = 0x0fff,
};

/* Tags that a VLAN subinterface puts around its frames. */
static unsigned int own_tags(const struct interface_object *interface)
{
	return interface->kind != INTERFACE_VLAN ? 0 : interface->settings.inner_tag != 0 ? 2 : 1;
}

/* VLAN of what an interface sends without a tag besides its own ones. */
static unsigned int native_of(const struct interface_object *interface)
{
	return interface->member != NULL ? interface->member->settings.native : VLAN_NONE;
}

/* Out of a port as that has the VLAN: `body` is what follows the addresses and tags, its type included.
 * tci: VLAN and priority, as in a tag; a routed interface's: VLAN_NONE. */
static void send_out(struct model *model, const struct interface_object *interface,
		     unsigned int tci, const uint8_t *addresses, const uint8_t *body, size_t length)
{
	static uint8_t frame[FRAME_MAX];
	size_t at = ADDRESSES;

	if (length + ADDRESSES + 3 * TAG > sizeof(frame))
		return;
	memcpy(frame, addresses, ADDRESSES);
	if (own_tags(interface) == 2) {
		store16(frame + at, TYPE_SERVICE_TAG);
		store16(frame + at + 2, interface->settings.outer_tag);
		store16(frame + at + 4, TYPE_TAG);
		store16(frame + at + 6, interface->settings.inner_tag);
		at += 2 * TAG;
	} else if (own_tags(interface) == 1) {
		store16(frame + at, TYPE_TAG);
		store16(frame + at + 2, interface->settings.outer_tag);
		at += TAG;
	}
	if ((tci & TAG_VLAN) != native_of(interface)) {
		store16(frame + at, TYPE_TAG);
		store16(frame + at + 2, tci);
		at += TAG;
	}
	memcpy(frame + at, body, length);
	inject_frame(model, interface->index, frame, at + length);
}

/* Is it still what it was when the frame was made? */
static bool is_in_domain(const struct interface_object *interface,
			 const struct snoop_domain_key *domain)
{
	if (interface->member != NULL)
		return domain->bridge == interface->member->bridge->index;
	return domain->bridge == groups_of_interface(interface->index) && multicast_is_on(interface);
}

/* What a worker has no room for waits for the next turn: all VLANs are asked at the same time. */
void snooping_send(struct model *model)
{
	struct snooping_frame *frame, *next;
	uint64_t now = model_now(model);

	DL_FOREACH_SAFE(model->snooping->frames, frame, next)
	{
		const struct interface_object *interface = model->interface[frame->interface];
		bool full = interface != NULL && inject_is_full(model, frame->interface);
		if (full && now - frame->queued < SNOOPING_FRAME_NS)
			continue;
		if (interface != NULL && !full && is_in_domain(interface, &frame->domain))
			send_out(model, interface, frame->domain.vlan, frame->data,
				 frame->data + ADDRESSES, frame->length - ADDRESSES);
		snooping_frame_end(model, frame, full);
	}
}

/* ---------------------------------------------------------------- input */

/* Where the type of the frame's payload stands, and its VLAN and priority as in a tag. 0: it is no frame
 * of this port's. */
static size_t read_tags(const struct frame_slot *slot, const struct bridge_member *member,
			unsigned int *tci)
{
	size_t at = ADDRESSES + own_tags(member->interface) * TAG;

	*tci = member->settings.native;
	if (slot->length < at + 2)
		return 0;
	if (load16(slot->data + at) != TYPE_TAG)
		return at;
	if (slot->length < at + TAG + 2)
		return 0;
	unsigned int tag = load16(slot->data + at + 2);
	*tci = (tag & TAG_VLAN) != 0 ? tag : *tci | (tag & TAG_PRIORITY);
	return at + TAG;
}

/* Not back, nor between isolated ports or those of a split horizon. */
static bool may_go(const struct bridge_member *from, const struct bridge_member *to)
{
	return to != NULL && to != from && !(from->settings.isolated && to->settings.isolated) &&
	       !(from->settings.horizon && to->settings.horizon);
}

void snooping_topology_punted(struct model *model, const struct frame_slot *slot)
{
	struct interface_object *interface = model->interface[slot->interface];

	if (interface != NULL && interface->member != NULL && model->settled)
		snooping_topology(model, interface->member);
}

/* By a routed interface. */
static void routed_punted(struct model *model, const struct interface_object *interface,
			  const struct frame_slot *slot)
{
	if (!multicast_is_on(interface) || slot->reason == PUNT_pim ||
	    slot->l3_offset < ADDRESSES + 2 || slot->l3_offset >= slot->length)
		return;
	multicast_port_input(model, interface, slot->data + slot->l3_offset,
			     slot->length - slot->l3_offset, slot->data + 6);
	snooping_send(model);
}

void snooping_punted(struct model *model, const struct frame_slot *slot)
{
	const struct interface_object *interface = model->interface[slot->interface];
	const struct bridge_member *member = interface == NULL ? NULL : interface->member;
	struct port_set slots;
	unsigned int tci;

	if (interface == NULL || !model->settled)
		return;
	if (member == NULL) {
		routed_punted(model, interface, slot);
		return;
	}
	size_t at = read_tags(slot, member, &tci);
	unsigned int vlan = tci & TAG_VLAN;
	unsigned int type = at == 0 ? 0 : load16(slot->data + at);
	if ((type != TYPE_IPV4 && type != TYPE_IPV6) ||
	    !vlan_set_has(&member->settings.vlans, vlan))
		return;
	if (!snooping_input(model, member, vlan, slot->data + at + 2, slot->length - at - 2,
			    slot->data + 6, &slots))
		return;
	for (unsigned int i = SLOT_OWN + 1; i < BRIDGE_SLOTS; i++)
		if (port_set_has(&slots, i) && may_go(member, member->bridge->slot[i]))
			send_out(model, member->bridge->slot[i]->interface, tci, slot->data,
				 slot->data + at, slot->length - at);
	snooping_send(model);
}
