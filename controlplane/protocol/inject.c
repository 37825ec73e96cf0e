/* SPDX-License-Identifier: BSD-3-Clause
 *
 * inject.c: put frames into the inject rings.
 */
#include "controlplane/object/model.h"
#include "controlplane/protocol/inject.h"
#include "dataplane/shm/ring.h"

int inject_frame(struct model *model, uint32_t interface, const void *frame, size_t length)
{
	if (length > FRAME_MAX)
		return -EMSGSIZE;
	if (!model->alive || model->inject_workers == 0)
		return -ENOTCONN;
	/* a data plane that was restarted may have fewer workers than rings were made for, or more */
	uint64_t workers = word_load(&model->state->control.workers_running);
	if (workers == 0)
		return -ENOTCONN;
	if (workers > model->inject_workers)
		workers = model->inject_workers;
	uint64_t worker = interface % workers;
	struct ring_producer *producer = &model->tables->inject[worker];
	struct frame_slot *slot = ring_reserve(producer, &model->state->inject_consumer[worker]);
	if (slot == NULL) {
		model->inject_full++;
		return -ENOBUFS;
	}
	slot->length = (uint32_t)length;
	slot->interface = interface;
	slot->reason = 0;
	slot->l3_offset = 0;
	slot->time = 0;
	memcpy(slot->data, frame, length);
	ring_publish(producer);
	model->injected++;
	return 0;
}
