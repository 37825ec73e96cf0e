/* SPDX-License-Identifier: BSD-3-Clause
 *
 * neighbour.h: who asks for link-layer addresses, when, and what answers do (RFC 826, RFC 4861).
 */
#ifndef SHUNT_PROTOCOL_NEIGHBOUR_H
#define SHUNT_PROTOCOL_NEIGHBOUR_H

#include "controlplane/object/model.h"

/* A confirmed address is asked again after this time: the default lifetime of hardware routers is
 * hours, that of hosts half a minute; five minutes cost 65,536 neighbours 218 requests a second. */
#define NEIGHBOUR_REACHABLE_NS 300000000000ull
#define NEIGHBOUR_STALE_NS     5000000000ull  /* RFC 4861 10: DELAY_FIRST_PROBE_TIME */
#define NEIGHBOUR_RETRY_NS     1000000000ull  /* RFC 4861 10: RETRANS_TIMER */
#define NEIGHBOUR_BACKOFF_NS   60000000000ull /* longest wait between two requests */
enum {
	NEIGHBOUR_ASK = 3,           /* requests before nobody is there (MAX_MULTICAST_SOLICIT) */
	NEIGHBOUR_PROBE_UNICAST = 3, /* probes to the known MAC, then as many to everybody */
};

/* Ask and expire what is due. From the event loop, about every 10 ms. */
void neighbour_poll(struct model *model);

/* It was heard: `confirmed` says that it answered us (REACHABLE, else STALE). What waits for it is
 * sent. Ignored for configured ones. */
void neighbour_heard(struct model *model, struct neighbour_object *neighbour, const uint8_t mac[6],
		     bool confirmed);

/* Send an IP packet (from its header on, complete) to a neighbour, or let it wait until its address
 * is known. 0, or a negative errno: -EMSGSIZE, longer than the interface's MTU; inject_frame's. */
int neighbour_send(struct model *model, struct neighbour_object *neighbour, const uint8_t *packet,
		   size_t length, uint16_t vrf, uint32_t ingress);

/* May a host on the interface's networks have this address? Link-local: yes. */
bool neighbour_plausible(const struct model *model, const struct interface_object *interface,
			 const struct address *address);

/* Somebody else, with this MAC, claims an address of ours: counted, and logged at most every ten
 * seconds. */
void neighbour_duplicate(struct model *model, const struct interface_object *interface,
			 const struct address *address, const uint8_t mac[6]);

#endif
