/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tables-reader.h: a thread that reads the tables as a worker does, and tables that prove
 * themselves.
 *
 * A label's out label follows from the label, its space and what it points at; a rewrite, a group's
 * members and a port's wish each follow from a few of their bytes. An object or an index that were
 * reused too early would belong to something else.
 */
#ifndef TESTS_UNIT_TABLES_READER_H
#define TESTS_UNIT_TABLES_READER_H

#include <string.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/table.h"

enum {
	SPACES = 4,
	LABELS = 128, /* in use of each space, from LABEL_FIRST_FREE on */
	FAMILIES = 6, /* a group has members of one family alone */
	PORTS = 8,
	VECTOR = 16,           /* labels that the reader looks up in a turn */
	HELD = 2 * VECTOR + 1, /* objects that it then holds: a rewrite and members each, a wish */
};

static inline uint32_t random_number(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* ---------------------------------------------------------------- what things look like */

static inline uint32_t mix(uint32_t a, uint32_t b, uint32_t c)
{
	uint64_t x = (a * 0x9e3779b97f4a7c15ull) ^ (b * 0xc2b2ae3d27d4eb4full) ^
		     (c * 0xff51afd7ed558ccdull);
	x ^= x >> 31;
	x *= 0x94d049bb133111ebull;
	return (uint32_t)(x >> 32);
}

/* The identity stays with a nexthop; the serial number changes with each rewrite. */
static inline struct rewrite make_rewrite(uint32_t identity, uint32_t serial,
					  enum nexthop_kind kind)
{
	struct rewrite rewrite = { .header_length = 14,
				   .port = (uint8_t)(serial % PORT_MAX),
				   .label_count = STACK_MAX,
				   .mtu = 1500,
				   .flags = (uint8_t)kind };

	memcpy(rewrite.via, &identity, 4);
	memcpy(rewrite.via + 4, &serial, 4);
	for (unsigned int i = 0; i < STACK_MAX; i++)
		rewrite.label[i] = mix(identity, serial, i);
	for (unsigned int i = 0; i < sizeof(rewrite.header); i++)
		rewrite.header[i] = (uint8_t)mix(identity, serial, 100 + i);
	return rewrite;
}

static inline uint32_t identity_of(const struct rewrite *rewrite)
{
	uint32_t identity;
	memcpy(&identity, rewrite->via, 4);
	return identity;
}

static inline bool rewrite_good(const struct rewrite *rewrite)
{
	uint32_t serial;
	memcpy(&serial, rewrite->via + 4, 4);
	struct rewrite good = make_rewrite(identity_of(rewrite), serial, rewrite->flags);
	return memcmp(&good, rewrite, sizeof(good)) == 0;
}

/* What a label's word says of a nexthop or of a group of this family. */
static inline uint64_t make_entry(unsigned int space, uint32_t label, uint32_t index,
				  uint32_t subject, uint64_t flags)
{
	uint32_t out = mix(label << 8 | space, index, subject) & LABEL_OUT_MASK;
	return label_entry(LABEL_SWAP, out, index, flags);
}

/* Weights follow from the first one. */
static inline uint32_t weight_of(uint32_t salt, uint32_t nexthop)
{
	return 1 + mix(salt, nexthop, 7) % 9;
}

static inline bool members_good(const struct group_members *members)
{
	if (members->count == 0 || members->count > GROUP_MEMBER_MAX)
		return false;
	for (uint32_t i = 1; i < members->count; i++)
		if (members->member[i].weight !=
		    weight_of(members->member[0].weight, members->member[i].nexthop))
			return false;
	return true;
}

static inline struct port_wish make_wish(unsigned int port, uint64_t generation)
{
	struct port_wish wish = { .generation = generation,
				  .identity = (uint32_t)generation * 3,
				  .mtu = (uint16_t)(1000 + generation % 1000),
				  .rx_queues = 1,
				  .up = 1 };

	wish.name[0] = (char)('a' + port);
	memset(wish.devargs, (int)('a' + generation % 26), sizeof(wish.devargs) - 1);
	return wish;
}

static inline bool wish_good(unsigned int port, const struct port_wish *wish)
{
	struct port_wish good = make_wish(port, wish->generation);
	return memcmp(&good, wish, sizeof(good)) == 0;
}

/* ---------------------------------------------------------------- the reader */

union object {
	struct rewrite rewrite;
	struct group_members members;
	struct port_wish wish;
};

struct held {
	const void *where;
	size_t size;
	union object copy;
};

struct lookup {
	unsigned int space;
	uint32_t label;
	uint64_t entry;
};

struct reader {
	const struct tables *tables;
	struct worker_state *worker;
	uint32_t seed;
	struct held held[HELD];
	unsigned int holds;
	_Atomic uint64_t stop, turns;
	uint64_t rewrites, groups, wishes;       /* looked at */
	uint64_t bad_entry, bad_object, changed; /* must stay 0 */
};

/* The thread: until `stop`; `argument` is a struct reader with tables, worker and seed. */
void *read_as_worker(void *argument);

#endif
