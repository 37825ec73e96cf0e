/* SPDX-License-Identifier: BSD-3-Clause
 *
 * punt.h: frames that the data plane sends up.
 */
#ifndef SHUNT_PROTOCOL_PUNT_H
#define SHUNT_PROTOCOL_PUNT_H

#include <stdbool.h>
#include "controlplane/object/object.h"

/* Take frames out of the workers' punt rings, count them by reason and hand them to their
 * protocols; send what is due by itself (gratuitous ARP). At most a ring's worth of frames from
 * each worker and about a millisecond in all, so that the event loop goes on: call it again while
 * it returns more than 0. Returns how many frames were taken. From the event loop only. */
unsigned int punt_poll(struct model *model);

/* Count one frame and hand it to its protocol; nothing in it is believed, and nothing after its
 * `length` bytes is read. Called by punt_poll, and by tests. */
void punt_dispatch(struct model *model, const struct frame_slot *slot);

/* Tell the data plane whether the event loop is about to sleep, so that it rings the doorbell when
 * it punts a frame. False: a frame came in meanwhile; the loop is not taken to be asleep, and must
 * call punt_poll first. Always true when `sleeping` is false. */
bool model_sleep(struct model *model, bool sleeping);

#endif
