/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snoop-timer.c: a binary heap of timers.
 */
#include "controlplane/protocol/snoop-private.h"

enum { HEAP_FIRST = 1024 };

static void put(struct snoop_heap *heap, uint32_t at, struct snoop_heap_slot slot)
{
	heap->slot[at] = slot;
	slot.timer->place = at + 1;
}

static void up(struct snoop_heap *heap, uint32_t at)
{
	struct snoop_heap_slot slot = heap->slot[at];

	while (at > 0 && heap->slot[(at - 1) / 2].key > slot.key) {
		put(heap, at, heap->slot[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	put(heap, at, slot);
}

static void down(struct snoop_heap *heap, uint32_t at)
{
	struct snoop_heap_slot slot = heap->slot[at];

	for (;;) {
		uint32_t child = 2 * at + 1;
		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->slot[child + 1].key < heap->slot[child].key)
			child++;
		if (heap->slot[child].key >= slot.key)
			break;
		put(heap, at, heap->slot[child]);
		at = child;
	}
	put(heap, at, slot);
}

static bool grow(struct snoop_heap *heap)
{
	uint32_t room = heap->room == 0 ? HEAP_FIRST : heap->room * 2;

	if (heap->count < heap->room)
		return true;
	struct snoop_heap_slot *slot = realloc(heap->slot, room * sizeof(*slot));
	if (slot == NULL)
		return false;
	heap->slot = slot;
	heap->room = room;
	return true;
}

void snoop_timer_init(struct snoop_timer *timer, enum snoop_timer_kind kind)
{
	*timer = (struct snoop_timer){ .due = SNOOP_NEVER, .kind = (uint8_t)kind };
}

void snoop_timer_drop(struct snoop *snoop, struct snoop_timer *timer)
{
	struct snoop_heap *heap = &snoop->heap;
	uint32_t at = timer->place - 1;

	timer->due = SNOOP_NEVER;
	if (timer->place == 0)
		return;
	timer->place = 0;
	struct snoop_heap_slot last = heap->slot[--heap->count];
	if (last.timer == timer)
		return;
	put(heap, at, last);
	up(heap, at);
	down(heap, last.timer->place - 1);
}

void snoop_timer_set(struct snoop *snoop, struct snoop_timer *timer, uint64_t due)
{
	struct snoop_heap *heap = &snoop->heap;

	timer->due = due;
	if (due == SNOOP_NEVER)
		return;
	if (timer->place != 0) {
		struct snoop_heap_slot *slot = &heap->slot[timer->place - 1];
		if (due < slot->key) {
			slot->key = due;
			up(heap, timer->place - 1);
		}
		return;
	}
	if (!grow(heap)) /* what should end goes on: nobody starves */
		return;
	heap->slot[heap->count] = (struct snoop_heap_slot){ .key = due, .timer = timer };
	up(heap, heap->count++);
}

/* The first one's key made true; what stands goes out. False: there is none. */
static bool tidy(struct snoop *snoop)
{
	struct snoop_heap *heap = &snoop->heap;

	while (heap->count > 0) {
		struct snoop_heap_slot *first = &heap->slot[0];
		if (first->key == first->timer->due)
			return true;
		if (first->timer->due == SNOOP_NEVER) {
			snoop_timer_drop(snoop, first->timer);
			continue;
		}
		first->key = first->timer->due;
		down(heap, 0);
	}
	return false;
}

struct snoop_timer *snoop_timer_next(struct snoop *snoop, uint64_t now)
{
	/* most keys that come up are early ones: only those that can be due are looked at */
	while (snoop->heap.count > 0 && snoop->heap.slot[0].key <= now) {
		if (!tidy(snoop))
			return NULL;
		struct snoop_timer *timer = snoop->heap.slot[0].timer;
		if (timer->due > now)
			return NULL;
		snoop_timer_drop(snoop, timer);
		return timer;
	}
	return NULL;
}

uint64_t snoop_timer_first(struct snoop *snoop)
{
	return tidy(snoop) ? snoop->heap.slot[0].key : SNOOP_NEVER;
}
