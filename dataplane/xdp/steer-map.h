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

/* Key of host_addresses: IPv4 as ::ffff:a.b.c.d */
struct steer_address {
	__u8 bytes[16];
};

/* Value of host_addresses: what shunt wants of the packets to an address of the kernel. */
#define STEER_ADDRESS_HOST   1 /* nothing: it is the kernel's alone */
#define STEER_ADDRESS_SHARED 2 /* tunnels: it is an address of shunt's as well */

/* settings[0] */
#define STEER_EVERYTHING                                                                           \
	1ull /* bridge port: all frames are shunt's but those to the kernel's addresses */

#define STEER_MIRROR                                                                               \
	2ull /* the kernel has a mirror of the port: by it, it gets what is not to its addresses here */

/* Index of counters: frames that went that way. */
enum steer_counter { STEER_SHUNT, STEER_KERNEL, STEER_COUNTER_COUNT };

#endif
