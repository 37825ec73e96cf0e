/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.h: which bridges and routed interfaces (multicast_port.h) a group is routed to: those with
 * `multicast-routing` whose hosts asked for it while we may ask them (querier, with an address in the group's
 * family).
 *
 * An entry of HASH_MULTICAST_ROUTE follows from their settings and HASH_GROUP alone, so it is made anew from them
 * whenever one changes, and a restart finds it as it was.
 */
#ifndef SHUNT_OBJECT_MULTICAST_ROUTE_H
#define SHUNT_OBJECT_MULTICAST_ROUTE_H

#include "controlplane/object/bridge.h"

/* May a bridge's own interface, or a routed one, have these settings in the VRF? Of one that is not there yet
 * `interface` has kind and name. -EINVAL; -ENOSPC: too many have them. */
int multicast_route_allowed(const struct model *model, const struct interface_object *interface,
			    unsigned int vrf, const struct snooping_settings *settings,
			    struct error *error);
/* An entry of HASH_GROUP came, changed or went. */
void multicast_route_group(struct model *model, const struct group_key *key);
/* Settings, addresses or state of a bridge's own interface (it is published), or of a routed one, may have
 * changed. */
void multicast_route_interface(struct model *model, struct interface_object *interface);
/* The same of all routed interfaces with multicast_port->changed, which ends with it: tables are walked once. */
void multicast_route_ports(struct model *model);
/* Settle, after all of them: what the tables had and nobody asks for any more goes. */
void multicast_route_settle(struct model *model);

#endif
