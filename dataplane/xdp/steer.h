/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer.h: our program in the driver of a Linux interface behind net_af_xdp. Control thread only.
 *
 * net_af_xdp loads and attaches the program that its devargs name (xdp_prog=); it is given ours, which is
 * embedded in this executable and handed over by a memfd. So the program goes with the device: the
 * driver puts its sockets into the program's map and takes the program off when the device is closed. What
 * a killed process left is taken off when the next one of the instance starts, from whichever interface:
 * the port may be gone from the configuration meanwhile. The object says whose it is before it is handed
 * over, so there is no moment at which a program on an interface does not. And before a device of an
 * interface is made, whatever program of ours is on it is taken off.
 *
 * The filter of what comes in by the port goes into the program too (steer_push_begin) while there is a flood
 * of what it denies (port/push.c), which then ends in the driver, before a core of ours sees it:
 *
 *  - First it is decided whose frame it is. What the kernel keeps is not filtered: shunt's filters are
 *    about what shunt takes in, with and without the program, and a default-deny filter does not cut off
 *    the host's ssh. Addresses that both have are the kernel's but for tunnels.
 *  - Only what the filter denies for certain ends in the driver; what it permits, polices or logs, and what
 *    the program does not look into (steer-filter.bpf.h) goes to the worker, which asks the same filter
 *    again. The program has the very tables of the classifier (steer-filter.h).
 *  - A filter is replaced as a whole, by one store: each packet is judged by the old one or the new one.
 *    The new one is there some milliseconds after the tables have it, later than in the workers: until
 *    then, what either denies is dropped. While addresses in lists change all the time, it follows at
 *    intervals (LIST_NS, steer-push.c).
 *  - The filter holds for a lease that the control thread renews every turn. So a data plane that was
 *    killed denies nothing that is the kernel's then, and one that is busy elsewhere does not deny by an
 *    old filter for longer than that.
 *  - What it drops is counted by the rule, and at the port as received and dropped under filter_xdp
 *    (state->interface, state->filter: DRIVER_ROW).
 *
 * The maps are pinned as /sys/fs/bpf/shunt/INSTANCE/PORT/MAP as long as the port lives, for bpftool.
 */
#ifndef SHUNT_XDP_STEER_H
#define SHUNT_XDP_STEER_H

#include <stdbool.h>
#include <stddef.h>
#include "dataplane/shm/layout.h"
#include "dataplane/xdp/steer-map.h"

/* Which filter is in the driver, and what it was made from. */
struct steer_push {
	enum xdp_filter result;
	struct steer_source {
		uint64_t tables;  /* which tables */
		uint64_t number;  /* of the port's filter; 0: none */
		uint64_t word;    /* of tables->filter */
		uint64_t version; /* of the object that stands there */
		uint64_t changes; /* of the addresses that it looks at */
		uint64_t mac;
		uint64_t flags; /* of the interface: VALID, UP; and BRIDGED of its features */
		uint64_t flood; /* so much is denied that it shall be there */
	} source;
	uint64_t next;      /* when changed addresses are looked at again, ns */
	uint32_t number;    /* of the filter in the driver; 0: none */
	uint32_t slots;     /* of its counters */
	uint32_t bank;      /* that it counts in */
	uint64_t denied;    /* STEER_DENIED when they were read last */
	struct steer_denied *seen; /* STEER_SLOTS: the bank's counters, as they were then */
};

struct steer {
	bool attached;
	bool generic; /* in the kernel's generic hook, since the driver has none */
	int host_addresses, settings, counters; /* maps */
	int filters, denied, owner;
	uint64_t flags;                         /* settings[STEER_FLAGS] as they are */
	struct steer_push push;
	unsigned int address_count;             /* in host_addresses */
	struct {
		struct steer_address address;
		uint32_t kind; /* STEER_ADDRESS_... */
	} address[STEER_ADDRESSES];
	char directory[160]; /* where the maps are pinned; "": nowhere */
};

/* Under which name maps are pinned, and the run directory that tells our programs from those of other
 * instances. Call before the first device is made and before steer_clean_instance. */
void steer_instance(const char *name, const char *directory);

/* Take off what a killed process of the instance left, on all interfaces of the network namespace, and its
 * pins. Looks at the programs that are loaded, and at the interfaces, all at once, only if one of those is
 * the instance's. The caller owns the state file: no other process of the instance lives. */
void steer_clean_instance(void);

/* Does this port get our program? net_af_xdp without a program of the user's own. */
bool steer_wanted(const struct port_wish *wish);

/* The wish's devargs with our program. -ENOSPC: no room; else what memfd_create says. */
int steer_devargs(const struct port_wish *wish, char *devargs, size_t size);

/* Is a program of another instance's on the interface? It lives if the interface's queue has a socket
 * (af_xdp_is_bound). */
bool steer_of_others(unsigned int host_index);

/* Take off what a process that was killed left on the interface. */
void steer_clean(unsigned int host_index);

/* The device was made with our program: find its maps and pin them. -ENOENT: it is not there. */
int steer_open(struct steer *steer, unsigned int host_index, const char *port);

/* Tell the program about the kernel's addresses on the interface, and what the port row asks for,
 * `mirrored` by a device of stage/host.c's. Reads
 * the tables (NULL: none): the caller's epoch row is online. */
void steer_refresh(struct steer *steer, const struct tables *tables, unsigned int row,
		   const char *host_device, bool mirrored);

/* Who is told of what the filter in the driver dropped since the last time. */
typedef void steer_denied_report(void *context, uint32_t number, uint32_t slot, uint64_t packets,
				 uint64_t bytes);

/* One turn: has the port another filter than there is, or none any more, or is a `flood` of what it denies
 * new or over? Returns whether steer_push_end is to
 * follow, with what it can be in the driver in `image`. Reads the tables: the caller's epoch row is
 * online. */
bool steer_push_begin(struct steer *steer, const struct tables *tables, unsigned int row,
		      bool flood, struct steer_filter *image);

/* Into the driver, or out of it (then `image` may be NULL). Takes as long as the kernel waits for packets on their way. */
void steer_push_end(struct steer *steer, struct steer_filter *image, steer_denied_report *report,
		    void *context);

/* No filter from here on: the device is about to be closed. */
void steer_push_stop(struct steer *steer, steer_denied_report *report, void *context);

void steer_harvest(struct steer *steer, steer_denied_report *report, void *context);

/* Frames since it was attached, by enum steer_counter. */
void steer_count(const struct steer *steer, uint64_t count[STEER_COUNTER_COUNT]);

/* Forget the maps; the driver takes the program off. */
void steer_close(struct steer *steer);

#endif
