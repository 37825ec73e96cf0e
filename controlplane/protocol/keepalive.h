/* SPDX-License-Identifier: BSD-3-Clause
 *
 * keepalive.h: GRE keepalives, as routers have had them since Cisco IOS 12.2(8)T; no RFC.
 *
 * What is sent holds its own answer: inside GRE stands an IPv4 packet from the remote end to us, with
 * GRE of protocol 0 and nothing more. The remote end takes it out and forwards it, and so it is back.
 */
#ifndef SHUNT_PROTOCOL_KEEPALIVE_H
#define SHUNT_PROTOCOL_KEEPALIVE_H

#include "controlplane/object/model.h"

/* Ask the remote ends that are due. From the event loop, about every 10 ms. */
void keepalive_poll(struct model *model);

/* A frame punted as gre_keepalive by a tunnel's row: ours that came back, or the remote end's, to be
 * sent back by the routes of the outer VRF. */
void keepalive_input(struct model *model, const struct frame_slot *slot);

#endif
