/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_port.h: routed interfaces (ports and VLAN subinterfaces) to whose hosts multicast is routed: shunt is an
 * IGMP and MLD router there (RFC 3376 6, RFC 3810 7).
 *
 * The snooping engine has a domain for each of them, with the interface as its only port, number 0; its key is
 * groups_of_interface() (dataplane/shm/bridge.h) and VLAN_NONE, and so are those of its groups in HASH_GROUP and
 * HASH_GROUP_SOURCE. The interface's row has INTERFACE_GROUPS, so that workers give IGMP and MLD to us.
 *
 * IGMP is asked for from the interface's first IPv4 address, MLD from its link-local one; in a family without an
 * address nobody is asked and nothing is routed.
 */
#ifndef SHUNT_OBJECT_MULTICAST_PORT_H
#define SHUNT_OBJECT_MULTICAST_PORT_H

#include "controlplane/object/bridge.h"

enum { MULTICAST_PORT_NUMBER = 0 }; /* its port's in the engine */

/* interface_object->multicast: what was configured, on or off; NULL: nothing was. */
struct multicast_port {
	struct interface_object *interface;
	struct snooping_settings settings;
	struct multicast_branch routed; /* what its routes were made from */
	struct multicast_branch before; /* the same, for multicast_route_ports */
	bool changed;   /* it may have: for multicast_route_ports */
	bool dirty;     /* they found no memory: multicast_port_poll tries again */
	bool link_lost; /* the link went down, and did not come back */
	struct multicast_port *prev, *next; /* model->multicast_ports */
};

/* What a command asks for. */
struct multicast_wish {
	bool given; /* anything was said */
	struct snooping_settings settings;
};

/* The command's MULTICAST_ROUTER parameters begin with number `first`. Refuses what cannot be; changes nothing.
 * `draft` has kind and name of the interface, which may not be there yet, `vrf` is its own; `bridge`: that it will
 * be in, or NULL. */
int multicast_wish_from(const struct model *model, const struct arguments *arguments,
			unsigned int first, const struct interface_object *draft, uint16_t vrf,
			const struct bridge_object *bridge, struct multicast_wish *wish,
			struct error *error);
/* Do it. -ENOMEM: nothing changed. */
int multicast_apply(struct model *model, struct interface_object *interface,
		    const struct multicast_wish *wish, struct error *error);
/* Put what is configured into a command: all of it, or (`only`) what a `set` that undoes it needs. */
void multicast_to_arguments(const struct interface_object *interface, const struct arguments *only,
			    unsigned int first, struct arguments *arguments);
/* Before the interface goes. */
void multicast_leave(struct model *model, struct interface_object *interface);

/* Is the interface one of these, switched on? */
static inline bool multicast_is_on(const struct interface_object *interface)
{
	return interface->multicast != NULL &&
	       interface->multicast->settings.routing != MULTICAST_ROUTING_OFF;
}

/* Its domain of the engine. */
static inline struct snoop_domain_key
multicast_port_key(const struct interface_object *interface)
{
	return (struct snoop_domain_key){ (uint16_t)groups_of_interface(interface->index),
					  VLAN_NONE };
}

/* Has it an address to ask from? */
bool multicast_port_has_address(const struct interface_object *interface, enum snoop_family family);
/* Its state, MTU, addresses or MAC changed, or those of the port that it is a part of. */
void multicast_port_changed(struct model *model, const struct interface_object *interface);
/* A port's link came up or went down: so did it, and what is a part of it. */
void multicast_port_link(struct model *model, const struct interface_object *port, bool up);
/* Settle, before entries of the tables are taken over: domains and their ports. */
void multicast_port_domains(struct model *model);
/* Settle, after that. */
void multicast_port_settle(struct model *model);
void multicast_port_poll(struct model *model);
/* IGMP or MLD from one of its hosts: `packet` from its IP header on. */
void multicast_port_input(struct model *model, const struct interface_object *interface,
			  const uint8_t *packet, size_t length, const uint8_t source_mac[6]);

#endif
