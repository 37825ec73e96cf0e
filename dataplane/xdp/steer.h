/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer.h: our program in the driver of a Linux interface behind net_af_xdp. Control thread only.
 *
 * net_af_xdp loads and attaches the program that its devargs name (xdp_prog=); it is given ours, which is
 * embedded in this executable and handed over by a memfd. So the program goes with the device: the
 * driver puts its sockets into the program's map and takes the program off when the device is closed. What
 * a killed process left is taken off before the next device of that interface is made.
 *
 * The maps are pinned as /sys/fs/bpf/shunt/INSTANCE/PORT/MAP as long as the port lives, for bpftool.
 */
#ifndef SHUNT_XDP_STEER_H
#define SHUNT_XDP_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include "dataplane/shm/layout.h"
#include "dataplane/xdp/steer-map.h"

struct steer {
	bool attached;
	bool generic; /* in the kernel's generic hook, since the driver has none */
	int host_addresses, settings, counters; /* maps */
	uint64_t flags;                         /* settings[0] as they are */
	unsigned int address_count;             /* in host_addresses */
	struct {
		struct steer_address address;
		uint32_t kind; /* STEER_ADDRESS_... */
	} address[STEER_ADDRESSES];
	char directory[160]; /* where the maps are pinned; "": nowhere */
};

/* Under which name maps are pinned. Call before the first device is made. */
void steer_instance(const char *name);

/* Does this port get our program? net_af_xdp without a program of the user's own. */
bool steer_wanted(const struct port_wish *wish);

/* The wish's devargs with our program. -ENOSPC: no room; else what memfd_create says. */
int steer_devargs(const struct port_wish *wish, char *devargs, size_t size);

/* Take off what a process that was killed left on the interface. */
void steer_clean(unsigned int host_index);

/* The device was made with our program: find its maps and pin them. -ENOENT: it is not there. */
int steer_open(struct steer *steer, unsigned int host_index, const char *port);

/* Tell the program about the kernel's addresses on the interface, and what the port row asks for,
 * `mirrored` by a device of stage/host.c's. Reads
 * the tables (NULL: none): the caller's epoch row is online. */
void steer_refresh(struct steer *steer, const struct tables *tables, unsigned int row,
		   const char *host_device, bool mirrored);

/* Frames since it was attached, by enum steer_counter. */
void steer_count(const struct steer *steer, uint64_t count[STEER_COUNTER_COUNT]);

/* Forget the maps; the driver takes the program off. */
void steer_close(struct steer *steer);

#endif
