/* SPDX-License-Identifier: BSD-3-Clause
 *
 * inject.c: put frames into the inject rings.
 */
#include "controlplane/object/model.h"
#include "controlplane/protocol/inject.h"
#include "dataplane/shm/ring.h"

/* Which worker sends for the interface; -ENOTCONN */
static int worker_of(const struct model *model, uint32_t interface)
{
	if (!model->alive || model->inject_workers == 0)
		return -ENOTCONN;
	/* a data plane that was restarted may have fewer workers than rings were made for, or more */
	uint64_t workers = word_load(&model->state->control.workers_running);
	if (workers == 0)
		return -ENOTCONN;
	if (workers > model->inject_workers)
		workers = model->inject_workers;
	return (int)(interface % workers);
}

static struct frame_slot *reserve(const struct model *model, int worker)
{
	return ring_reserve(&model->tables->inject[worker], &model->state->inject_consumer[worker]);
}

bool inject_is_full(const struct model *model, uint32_t interface)
{
	int worker = worker_of(model, interface);

	return worker >= 0 && reserve(model, worker) == NULL;
}

int inject_frame(struct model *model, uint32_t interface, const void *frame, size_t length)
{
	int worker = worker_of(model, interface);

	if (length > FRAME_MAX)
		return -EMSGSIZE;
	if (worker < 0)
		return worker;
	struct frame_slot *slot = reserve(model, worker);
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
	ring_publish(&model->tables->inject[worker]);
	model->injected++;
	return 0;
}
