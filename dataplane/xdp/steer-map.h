/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer-map.h: what the program in the driver (steer.bpf.c) and its loader (steer.c) agree on.
 */
#ifndef SHUNT_XDP_STEER_MAP_H
#define SHUNT_XDP_STEER_MAP_H

#include <linux/types.h>

enum {
	STEER_QUEUES = 64,     /* receive queues with an AF_XDP socket */
	STEER_ADDRESSES = 512, /* addresses of the kernel on one interface */
};

/* Index of settings. */
enum steer_setting {
	STEER_FLAGS, /* below */
	STEER_LEASE, /* CLOCK_MONOTONIC nanoseconds until which the filter holds */
	STEER_SETTING_COUNT
};

/* Whose program it is: device and number of the instance's run directory. It is a constant of the program,
 * which does not ask for it: who loads the object puts it in place of STEER_OWNER_NOBODY before. */
struct steer_owner {
	__u64 device, inode;
};

/* bytes that stand nowhere else in the object */
#define STEER_OWNER_NOBODY { 0x9d4b1f6ac3e85072ull, 0x27f0b85ce1936ad4ull }

/* Key of host_addresses: IPv4 as ::ffff:a.b.c.d */
struct steer_address {
	__u8 bytes[16];
};

/* Value of host_addresses: what shunt wants of the packets to an address of the kernel. */
#define STEER_ADDRESS_HOST   1 /* nothing: it is the kernel's alone */
#define STEER_ADDRESS_SHARED 2 /* tunnels: it is an address of shunt's as well */

/* settings[STEER_FLAGS] */
#define STEER_EVERYTHING                                                                           \
	1ull /* bridge port: all frames are shunt's but those to the kernel's addresses */

#define STEER_MIRROR                                                                               \
	2ull /* the kernel has a mirror of the port: by it, it gets what is not to its addresses here */

/* Index of counters: frames that went that way. */
enum steer_counter { STEER_SHUNT, STEER_KERNEL, STEER_DENIED, STEER_COUNTER_COUNT };

/* ---------------------------------------------------------------- the filter */

/* What of a filter finds room in the driver. */
enum {
	STEER_RULES = 1024, /* of a filter that looks at more than destination ports */
	STEER_WORDS = STEER_RULES / 64,
	STEER_ROW_WORDS = 65536, /* of all rows */
	STEER_CLASSES = 16 * 65536,
	STEER_RANGES_LOG = 13, /* ranges of addresses, of one family, on one side */
	STEER_RANGES = 1 << STEER_RANGES_LOG,
	STEER_SLOTS = 4160, /* counters of one filter: FILTER_SLOTS */
	STEER_BANKS = 2,
	STEER_SIDES = 2, /* source, destination */
	STEER_NO_PORT = 65536,
};

/* Where a protocol's entries stand in class[] (struct filter_page of shm/filter.h). */
struct steer_page {
	__u32 first;
	__u16 mask;
	__u8 key;    /* offset of the 16 bits that are the key, in the layer-4 header */
	__u8 header; /* bytes of layer-4 header that must be there */
};

/* A filter as the program asks it: shm/filter.h's, but that addresses are looked up by halving, and that
 * rows are named by the place of their first word. The row at 0 has all bits. An immutable value,
 * replaced as a whole. */
struct steer_filter {
	__u64 mac;        /* of the interface: six bytes in memory order, then 0, 0 */
	__u32 bank;       /* of `denied` */
	__u32 words;      /* of a row; 0: class[] holds decisions */
	__u32 dimensions; /* enum filter_dimension */
	__u32 slots;      /* of its counters; the program does not ask */
	__u32 otherwise;
	__u32 reserved;
	struct steer_page page[2][256]; /* by family and protocol */
	__u16 decision[STEER_RULES];
	__u16 misc[256];
	__u16 sport[STEER_NO_PORT + 8];
	/* addresses from start[i] to before start[i + 1]: row at[i]. What is not in use has the highest
	 * start, and the last row. */
	__u16 at[2][STEER_SIDES][STEER_RANGES];
	__u32 start4[STEER_SIDES][STEER_RANGES];
	__u64 start6[STEER_SIDES][STEER_RANGES][2]; /* high, low */
	__u64 row[STEER_ROW_WORDS];
	__u16 class[STEER_CLASSES];
};

/* denied[bank * STEER_SLOTS + slot]: frames that the rule dropped. */
struct steer_denied {
	__u64 packets, bytes;
};

#endif
