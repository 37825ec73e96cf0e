/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/protocol/dad.h"

#include <stdlib.h>
#include "controlplane/protocol/arp.h"
#include "controlplane/protocol/nd.h"

static struct address_object *find(const struct interface_object *interface,
				   const struct address *address)
{
	struct address_object *object;

	DL_FOREACH(interface->addresses, object)
	if (memcmp(&object->address, address, sizeof(*address)) == 0)
		return object;
	return NULL;
}

bool dad_is_tentative(const struct interface_object *interface, const struct address *address)
{
	const struct address_object *object = find(interface, address);

	return object != NULL && object->state == ADDRESS_TENTATIVE;
}

bool dad_conflict(struct model *model, const struct interface_object *interface,
		  const struct address *address)
{
	struct address_object *object = find(interface, address);

	if (object == NULL || object->state == ADDRESS_DUPLICATE)
		return false;
	if (object->state == ADDRESS_TENTATIVE)
		model->tentative--;
	object->state = ADDRESS_DUPLICATE;
	return true;
}

/* Behind a loopback there is nobody, and a tunnel's far end has no link-layer address to say. */
static bool has_link(const struct interface_object *interface)
{
	return interface->kind != INTERFACE_LOOPBACK && interface->tunnel == NULL;
}

/* Can anybody be asked? */
static bool is_reachable(const struct model *model, const struct interface_object *interface)
{
	const struct interface_object *port =
		interface->parent != NULL ? interface->parent : interface;

	return model->alive && interface_is_up(interface) && port->link_up && interface->mac != 0;
}

static int send(struct model *model, const struct address_object *object, bool announcement)
{
	const struct interface_object *interface = object->interface;
	const struct address *address = &object->address;

	if (address_is_ipv4(address))
		return announcement ? arp_announce_address(model, interface, address->bytes + 12)
				    : arp_probe(model, interface, address->bytes + 12);
	return announcement ? nd_announce_address(model, interface, address)
			    : nd_probe(model, interface, address);
}

/* What finds no room in the ring is sent with the next turn. */
static void probe(struct model *model, struct address_object *object, uint64_t now)
{
	bool ipv4 = address_is_ipv4(&object->address);
	unsigned int probes = ipv4 ? DAD_ARP_PROBES : DAD_ND_PROBES;

	if (send(model, object, object->probes == probes) != 0)
		return;
	if (object->probes == probes) {
		object->state = ADDRESS_PREFERRED;
		model->tentative--;
		return;
	}
	object->probes++;
	object->probe_due =
		now + (ipv4 && object->probes == probes ? DAD_LAST_NS : DAD_INTERVAL_NS);
}

void dad_poll(struct model *model)
{
	struct address_object *object;

	if (model->tentative == 0)
		return;
	uint64_t now = model_now(model);
	DL_FOREACH2(model->addresses, object, all_next)
	{
		if (object->state != ADDRESS_TENTATIVE)
			continue;
		if (!has_link(object->interface)) {
			object->state = ADDRESS_PREFERRED;
			model->tentative--;
		} else if (object->probe_due == 0) { /* RFC 5227 2.1.1: not all at once */
			object->probe_due = now + DAD_WAIT_NS + arc4random() % DAD_WAIT_NS;
		} else if (now >= object->probe_due && is_reachable(model, object->interface)) {
			probe(model, object, now);
		}
	}
}
