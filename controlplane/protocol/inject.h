/* SPDX-License-Identifier: BSD-3-Clause
 *
 * inject.h: frames that the control plane sends.
 */
#ifndef SHUNT_PROTOCOL_INJECT_H
#define SHUNT_PROTOCOL_INJECT_H

#include <stddef.h>
#include <stdint.h>
#include "controlplane/object/object.h"

/* Put a frame of `length` bytes, complete as it goes on the wire (Ethernet header with the
 * interface's own VLAN tags, no FCS), into the inject ring of a worker; it leaves by the port of
 * `interface` (row index), or inside that tunnel: without the Ethernet header then, of which the
 * type alone counts. Frames of one interface stay in order. -ENOTCONN: no data plane is
 * alive, or its rings are not there yet; -ENOBUFS: the ring is full (counted); -EMSGSIZE: longer
 * than FRAME_MAX. */
int inject_frame(struct model *model, uint32_t interface, const void *frame, size_t length);
/* Would it be refused because the ring is full? Counts nothing. */
bool inject_is_full(const struct model *model, uint32_t interface);

#endif
