/* SPDX-License-Identifier: BSD-3-Clause
 *
 * neighbour.c: resolution and reachability of neighbours, for both families.
 */
#include <stdlib.h>
#include "controlplane/protocol/arp.h"
#include "controlplane/protocol/dad.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/ip-fragment.h"
#include "controlplane/protocol/nd.h"
#include "controlplane/protocol/neighbour.h"

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd };
#define DUPLICATE_LOG_NS 10000000000ull

static const struct address *address_of(const struct neighbour_object *neighbour)
{
	return (const struct address *)neighbour->key.address;
}

bool neighbour_plausible(const struct model *model, const struct interface_object *interface,
			 const struct address *address)
{
	const struct address_object *network = address_covering(interface, address);

	if (network == NULL && !address_is_link_local(address))
		return false;
	return address_trouble(address, network != NULL ? network->length : 64, false) == NULL &&
	       address_own(model, interface->settings.vrf, address) == NULL;
}

void neighbour_duplicate(struct model *model, const struct interface_object *interface,
			 const struct address *address, const uint8_t mac[6])
{
	uint64_t now = model_now(model);
	char text[46], mac_text[18];

	model->counters.duplicates++;
	bool news = dad_conflict(model, interface, address);
	if (!news && model->duplicate_logged != 0 &&
	    now - model->duplicate_logged < DUPLICATE_LOG_NS)
		return;
	model->duplicate_logged = now;
	address_format(address, text);
	mac_format(mac, mac_text);
	model_event(model, EVENT_ADDRESS, interface->name, "%s is used by %s too", text, mac_text);
	model_complain(model, "address %s of %s is used by %s too: expected no other host with it",
		       text, interface->name, mac_text);
}

/* ---------------------------------------------------------------- packets */

struct target {
	struct model *model;
	const struct neighbour_object *neighbour;
};

static int transmit_frame(void *context, const uint8_t *packet, size_t length)
{
	static uint8_t frame[FRAME_MAX];
	const struct target *target = context;
	const struct neighbour_object *neighbour = target->neighbour;
	const struct interface_object *interface = neighbour->interface;
	uint8_t header[24];

	if (length > sizeof(frame) - sizeof(header))
		return -EMSGSIZE;
	unsigned int size = interface_header(
		interface, neighbour->mac,
		address_is_ipv4(address_of(neighbour)) ? TYPE_IPV4 : TYPE_IPV6, header);
	memcpy(frame, header + sizeof(header) - size, size);
	memcpy(frame + size, packet, length);
	return inject_frame(target->model, interface->index, frame, size + length);
}

static int transmit(struct model *model, const struct neighbour_object *neighbour,
		    const uint8_t *packet, size_t length, uint32_t ingress)
{
	struct target target = { model, neighbour };

	if (neighbour->interface->mac == 0)
		return -ENETDOWN;
	return ip_fragments(packet, length, interface_mtu(neighbour->interface),
			    ingress == PACKET_OWN, arc4random(), transmit_frame,
			    &target);
}

int neighbour_send(struct model *model, struct neighbour_object *neighbour, const uint8_t *packet,
		   size_t length, uint16_t vrf, uint32_t ingress)
{
	if (neighbour_known(neighbour))
		return transmit(model, neighbour, packet, length, ingress);
	if (length > interface_mtu(neighbour->interface) &&
	    !ip_may_fragment(packet, ingress == PACKET_OWN))
		return -EMSGSIZE;
	neighbour_queue(model, neighbour, packet, length, vrf, ingress);
	if (neighbour->state == NEIGHBOUR_FAILED) { /* somebody wants it: no backing off */
		uint64_t soonest = model_now(model) + NEIGHBOUR_RETRY_NS;
		neighbour->state = NEIGHBOUR_INCOMPLETE;
		neighbour->asked = 0;
		neighbour_schedule(model, neighbour,
				   neighbour->due < soonest ? neighbour->due : soonest);
	}
	return 0;
}

static void send_waiting(struct model *model, struct neighbour_object *neighbour)
{
	struct neighbour_packet *packet;

	while ((packet = neighbour_dequeue(model, neighbour)) != NULL) {
		if (transmit(model, neighbour, packet->data, packet->length, packet->ingress) != 0)
			model->counters.packets_dropped++;
		free(packet);
	}
}

/* RFC 1812 5.3.1, RFC 4443 3.1: who sent them is told that nobody is there. The queue is emptied
 * first, since telling may send packets to neighbours. */
static void give_waiting_up(struct model *model, struct neighbour_object *neighbour)
{
	struct neighbour_packet *packets[NEIGHBOUR_PACKETS], *packet;
	unsigned int count = 0;

	while ((packet = neighbour_dequeue(model, neighbour)) != NULL)
		packets[count++] = packet;
	for (unsigned int i = 0; i < count; i++) {
		packet = packets[i];
		model->counters.packets_dropped++;
		if (packet->ingress < INTERFACE_MAX && model->interface[packet->ingress] != NULL)
			icmp_error_send(model,
					&(struct icmp_cause){
						.packet = packet->data,
						.length = packet->length,
						.ingress = model->interface[packet->ingress],
						.vrf = packet->vrf,
					},
					ICMP_ERROR_HOST_UNREACHABLE, 0);
		free(packet);
	}
}

/* ---------------------------------------------------------------- answers */

void neighbour_heard(struct model *model, struct neighbour_object *neighbour, const uint8_t mac[6],
		     bool confirmed)
{
	uint64_t now = model_now(model);

	if (neighbour->configured)
		return;
	neighbour_learned(model, neighbour, mac, confirmed ? NEIGHBOUR_REACHABLE : NEIGHBOUR_STALE);
	neighbour_schedule(model, neighbour,
			   now + (confirmed ? NEIGHBOUR_REACHABLE_NS : NEIGHBOUR_STALE_NS));
	send_waiting(model, neighbour);
}

/* ---------------------------------------------------------------- timers */

/* Can it be asked now? An interface that is down proves nothing about its neighbours. */
static bool can_ask(const struct model *model, const struct neighbour_object *neighbour)
{
	const struct interface_object *interface = neighbour->interface;
	const struct interface_object *port =
		interface->parent != NULL ? interface->parent : interface;

	return model->alive && interface_is_up(interface) && port->link_up && interface->mac != 0;
}

/* `everybody`: by broadcast or multicast, else to the MAC that is known. What finds no room in the
 * ring is asked again in a tick and not counted. */
static void ask(struct model *model, struct neighbour_object *neighbour, bool everybody,
		uint64_t now, uint64_t wait)
{
	int result = address_is_ipv4(address_of(neighbour))
			     ? arp_solicit(model, neighbour, everybody)
			     : nd_solicit(model, neighbour, everybody);

	if (result == 0)
		neighbour->asked++;
	neighbour_schedule(model, neighbour, now + (result == 0 ? wait : NEIGHBOUR_TICK_NS));
}

/* Waits of 2, 4, 8 ... 60 seconds. */
static uint64_t backoff(unsigned int asked)
{
	unsigned int shift = asked > NEIGHBOUR_ASK ? asked - NEIGHBOUR_ASK : 1;

	if (shift > 5)
		return NEIGHBOUR_BACKOFF_NS;
	return NEIGHBOUR_RETRY_NS << shift;
}

static void give_up(struct model *model, struct neighbour_object *neighbour, uint64_t now)
{
	unsigned int asked = neighbour->asked;
	char address[46];

	if (neighbour->state != NEIGHBOUR_FAILED) { /* once, not at each further try */
		address_format((const struct address *)neighbour->key.address, address);
		model_event(model, EVENT_NEIGHBOUR, neighbour->interface->name,
			    "%s does not answer", address);
	}
	give_waiting_up(model, neighbour);
	if (!neighbour_lost(model, neighbour))
		return;
	neighbour->asked = asked > NEIGHBOUR_ASK ? NEIGHBOUR_ASK : asked;
	neighbour_schedule(model, neighbour, now + backoff(neighbour->asked));
}

static void probe(struct model *model, struct neighbour_object *neighbour, uint64_t now)
{
	if (neighbour->state != NEIGHBOUR_PROBE)
		neighbour->asked = 0;
	neighbour->state = NEIGHBOUR_PROBE;
	if (neighbour->asked < NEIGHBOUR_PROBE_UNICAST + NEIGHBOUR_ASK)
		ask(model, neighbour, neighbour->asked >= NEIGHBOUR_PROBE_UNICAST, now,
		    NEIGHBOUR_RETRY_NS);
	else
		give_up(model, neighbour, now);
}

static void act(struct model *model, struct neighbour_object *neighbour, uint64_t now)
{
	if (neighbour->configured) {
		send_waiting(model, neighbour);
		return;
	}
	if (!can_ask(model, neighbour)) {
		if (neighbour->state == NEIGHBOUR_INCOMPLETE && ++neighbour->asked > NEIGHBOUR_ASK)
			give_up(model, neighbour, now);
		else
			neighbour_schedule(model, neighbour, now + NEIGHBOUR_RETRY_NS);
		return;
	}
	switch (neighbour->state) {
	case NEIGHBOUR_NONE:
		return;
	case NEIGHBOUR_INCOMPLETE:
		if (neighbour->asked < NEIGHBOUR_ASK)
			ask(model, neighbour, true, now, NEIGHBOUR_RETRY_NS);
		else
			give_up(model, neighbour, now);
		return;
	case NEIGHBOUR_FAILED:
		if (neighbour->nexthops == NULL)
			neighbour_forget(model, neighbour);
		else
			ask(model, neighbour, true, now, backoff(neighbour->asked + 2));
		return;
	case NEIGHBOUR_REACHABLE:
	case NEIGHBOUR_STALE:
	case NEIGHBOUR_PROBE:
		probe(model, neighbour, now);
		return;
	}
}

void neighbour_poll(struct model *model)
{
	uint64_t now = model_now(model);
	struct neighbour_object *neighbour;

	while ((neighbour = neighbour_due(model, now)) != NULL)
		act(model, neighbour, now);
}
