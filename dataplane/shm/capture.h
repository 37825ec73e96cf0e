/* SPDX-License-Identifier: BSD-3-Clause
 *
 * capture.h: packets for `shuntctl capture`: a ring of bytes per worker, which its worker writes and never
 * waits for anybody to read.
 *
 * Records stand one behind the other, whole (one that does not fit before the end of the ring begins at
 * its beginning, behind a record of PADDING). The oldest are written over. A reader has a position of its
 * own, keeps no lock and is not known to the worker: it copies what is between its position and `tail`,
 * then looks at `reserved` whether that was written over meanwhile. Numbers in the records tell how many
 * it has missed. Any number of readers may look at the same time.
 *
 * The rings' memory is there from the first capture on, for as many workers as capture_ready says.
 */
#ifndef SHUNT_SHM_CAPTURE_H
#define SHUNT_SHM_CAPTURE_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	CAPTURE_BYTES = 4 << 20, /* of a ring, a power of two */
	CAPTURE_ALIGN = 8,       /* of records */
	CAPTURE_SNAP_MAX = 10176, /* bytes of a frame: FRAME_MAX */
};

/* What is seen of a packet; bits of watch_wish.options. */
enum capture_event {
	CAPTURE_RECEIVED, /* by a port, as it came */
	CAPTURE_SENT,     /* handed to a port's device, which may yet refuse it: DROPPED follows then */
	CAPTURE_DROPPED,  /* reason: enum drop_reason */
	CAPTURE_PUNTED,   /* to the control plane; reason: enum punt_reason */
	CAPTURE_CONSUMED, /* to the kernel, or into another packet; reason: enum watch_consumed */
	CAPTURE_BEFORE,   /* a stage: an Ethernet header, then what the stage gets */
	CAPTURE_AFTER,    /* a stage that it has left for another one, likewise */
	CAPTURE_EVENTS,
	CAPTURE_PADDING = CAPTURE_EVENTS,
};

/* The stages that it can be, those between ports: users' words, numbered in this order. */
#define CAPTURE_STAGES(X)                                                                          \
	X(filter)                                                                                  \
	X(mpls)                                                                                    \
	X(tunnel)                                                                                  \
	X(filter_vrf)                                                                              \
	X(ip)                                                                                      \
	X(bridge)                                                                                  \
	X(output)                                                                                  \
	X(encapsulate)

/* watch_wish.options of a capture: events, a stage for BEFORE and AFTER, and bytes of a frame at most. */
static inline uint32_t capture_options(uint32_t events, uint32_t stage, uint32_t snap)
{
	return events | stage << 8 | snap << 16;
}

static inline bool capture_wants(uint32_t options, enum capture_event event)
{
	return options >> event & 1;
}

static inline uint32_t capture_stage(uint32_t options)
{
	return options >> 8 & 0xff;
}

static inline uint32_t capture_snap(uint32_t options)
{
	return options >> 16;
}

struct capture_record {
	uint32_t size;     /* bytes from here to the next record */
	uint8_t event;     /* enum capture_event */
	uint8_t stage;     /* enum stage_id: BEFORE, AFTER */
	uint16_t captured; /* bytes of the frame that follow */
	uint64_t time;     /* CLOCK_REALTIME nanoseconds */
	uint64_t generation; /* of the wish that asked for it */
	uint64_t number;     /* of this worker for this wish, from 0 */
	uint32_t length;     /* bytes of the frame */
	uint32_t interface;  /* row: RECEIVED, SENT: the port; else where it is counted */
	uint32_t reason;
	uint32_t reserved;
};
static_assert(sizeof(struct capture_record) == 48, "capture_record");

/* DP writes, others read. Positions count bytes ever written. */
struct capture_ring {
	alignas(64) _Atomic uint64_t reserved; /* up to here something may be being written */
	_Atomic uint64_t tail;                 /* records up to here are whole */
	alignas(64) uint8_t data[CAPTURE_BYTES];
};

/* ---------------------------------------------------------------- the worker's half */

/* Room for a record of at most `captured` bytes, whose frame goes behind it. It is nobody's until
 * capture_publish. Owner only. */
static inline struct capture_record *capture_reserve(struct capture_ring *ring, uint32_t captured)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t size = (uint32_t)sizeof(struct capture_record) + captured;
	uint32_t at = (uint32_t)(tail % CAPTURE_BYTES), padding = 0;

	size = (size + CAPTURE_ALIGN - 1) & ~(uint32_t)(CAPTURE_ALIGN - 1);
	if (CAPTURE_BYTES - at < size)
		padding = CAPTURE_BYTES - at;
	atomic_store_explicit(&ring->reserved, tail + padding + size, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	if (padding > 0) {
		/* what is left may have no room for more than these */
		struct capture_record pad = { .size = padding, .event = CAPTURE_PADDING };
		memcpy(&ring->data[at], &pad, CAPTURE_ALIGN);
		atomic_store_explicit(&ring->tail, tail + padding, memory_order_release);
		at = 0;
	}
	return (struct capture_record *)(void *)&ring->data[at];
}

/* The record is complete, `captured` tells its size. Owner only. */
static inline void capture_publish(struct capture_ring *ring, struct capture_record *record)
{
	uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
	uint32_t size = (uint32_t)sizeof(*record) + record->captured;

	record->size = (size + CAPTURE_ALIGN - 1) & ~(uint32_t)(CAPTURE_ALIGN - 1);
	atomic_store_explicit(&ring->tail, tail + record->size, memory_order_release);
}

/* ---------------------------------------------------------------- readers */

/* Copy whole records from *position on, at most `size` bytes (more than one record has), and go on behind
 * them. Returns how many bytes; *lost: what stood at *position is gone, and reading goes on at what is
 * written now. Only the sizes of PADDING records and those that were checked by capture_next are to be
 * believed. */
uint32_t capture_read(const struct capture_ring *ring, uint64_t *position, uint8_t *buffer,
		      uint32_t size, bool *lost);

/* The next record of what capture_read gave, whose frame stands behind it, or NULL: no more. *at is from 0. */
const struct capture_record *capture_next(const uint8_t *buffer, uint32_t used, uint32_t *at);

#endif
