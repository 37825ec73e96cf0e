/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-input.h: IGMP, MLD and PIM of bridges' ports, to the snooping engine and out again.
 */
#ifndef SHUNT_PROTOCOL_SNOOPING_INPUT_H
#define SHUNT_PROTOCOL_SNOOPING_INPUT_H

#include "controlplane/object/model.h"

/* A punted frame of a bridge's port, from its Ethernet header on: the engine hears it, and it goes to the
 * ports that the engine names. What is no such frame ends here. */
void snooping_punted(struct model *model, const struct frame_slot *slot);

/* A punted bridge protocol data unit with a topology change: hosts may be elsewhere now. */
void snooping_topology_punted(struct model *model, const struct frame_slot *slot);

/* Send what the engine has to say. From the event loop. */
void snooping_send(struct model *model);

#endif
