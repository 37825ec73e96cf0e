/* SPDX-License-Identifier: BSD-3-Clause
 *
 * multicast_route.h: which bridges a group is routed to: those with `multicast-routing` whose hosts asked
 * for it while we may ask them (querier, with an address in the group's family).
 *
 * An entry of HASH_MULTICAST_ROUTE follows from the bridges' settings and HASH_GROUP alone, so it is made
 * anew from them whenever one changes, and a restart finds it as it was.
 */
#ifndef SHUNT_OBJECT_MULTICAST_ROUTE_H
#define SHUNT_OBJECT_MULTICAST_ROUTE_H

#include "controlplane/object/bridge.h"

/* May the bridge (NULL: a new one) have these settings in the VRF? -ENOSPC, refused: too many have them. */
int multicast_route_allowed(const struct model *model, const struct bridge_object *bridge,
			    const char *name, unsigned int vrf,
			    const struct bridge_settings *settings, struct error *error);
/* An entry of HASH_GROUP came, changed or went. */
void multicast_route_group(struct model *model, const struct group_key *key);
/* The bridge's settings, addresses or state may have changed; it is published. */
void multicast_route_bridge(struct model *model, struct bridge_object *bridge);
/* Settle, after all bridges: what the tables had and nobody asks for any more goes. */
void multicast_route_settle(struct model *model);

#endif
