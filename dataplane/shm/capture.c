/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.c: the reader's half of the rings of captured packets.
 */
#include "capture.h"

/* Out of the ring, whose end may be in between. */
static void copy_out(const struct capture_ring *ring, uint64_t position, uint8_t *buffer,
		     uint32_t size)
{
	uint32_t at = (uint32_t)(position % CAPTURE_BYTES);
	uint32_t first = CAPTURE_BYTES - at < size ? CAPTURE_BYTES - at : size;

	memcpy(buffer, &ring->data[at], first);
	memcpy(buffer + first, ring->data, size - first);
}

/* Bytes of the whole records that `buffer` begins with. */
static uint32_t whole(const uint8_t *buffer, uint32_t size)
{
	uint32_t at = 0, record;

	while (size - at >= CAPTURE_ALIGN) {
		memcpy(&record, buffer + at, sizeof(record));
		if (record < CAPTURE_ALIGN || record % CAPTURE_ALIGN != 0 || record > size - at)
			break;
		at += record;
	}
	return at;
}

uint32_t capture_read(const struct capture_ring *ring, uint64_t *position, uint8_t *buffer,
		      uint32_t size, bool *lost)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
	uint64_t there = tail - *position;

	*lost = there > CAPTURE_BYTES; /* or another file, which begins at 0 */
	if (!*lost) {
		size = there < size ? (uint32_t)there : size;
		copy_out(ring, *position, buffer, size);
		atomic_thread_fence(memory_order_acquire);
		uint64_t reserved = atomic_load_explicit(&ring->reserved, memory_order_relaxed);
		*lost = reserved - *position > CAPTURE_BYTES;
	}
	if (*lost) {
		*position = tail;
		return 0;
	}
	size = whole(buffer, size);
	*position += size;
	return size;
}

const struct capture_record *capture_next(const uint8_t *buffer, uint32_t used, uint32_t *at)
{
	while (used - *at >= sizeof(struct capture_record)) {
		const struct capture_record *record = (const void *)(buffer + *at);
		if (record->size == 0 || record->size > used - *at)
			return NULL;
		*at += record->size;
		if (record->event < CAPTURE_EVENTS &&
		    record->size >= sizeof(*record) + record->captured)
			return record;
	}
	return NULL;
}
