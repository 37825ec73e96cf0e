/* SPDX-License-Identifier: BSD-3-Clause
 *
 * options.h: the command line, and what EAL is told when the user says nothing.
 *
 *   shunt-dataplane [EAL options] -- [--instance NAME] [--run-dir DIR] [--poll busy|adaptive]
 *                   [--mbufs N] [--punt-rate N] [--host-rate N]
 */
#ifndef SHUNT_OPTIONS_H
#define SHUNT_OPTIONS_H

#include <stdbool.h>
#include "dataplane/shm/region.h"

enum {
	EAL_ARGUMENT_MAX = 128,
	EAL_MEMORY_MB = 512,      /* at least, where there are no hugepages */
	BUFFER_ROOM = 2304,       /* bytes of a packet buffer, headroom included */
	JUMBO_ROOM = 10240 + 128, /* also net_af_packet's framesz=10240 */
	JUMBO_SHARE = 8, /* there are so many times fewer jumbo buffers, made when first needed */
};

struct options {
	const char *instance; /* NULL: default */
	const char *run_dir;  /* NULL: /run/shunt */
	bool busy_poll;
	unsigned int mbufs;     /* packet buffers; 0: by the number of workers */
	unsigned int punt_rate; /* packets a second, per reason and worker */
	unsigned int host_rate; /* packets a second, per mirrored port, class and worker */
	char **eal;             /* EAL arguments as given, without the program's name */
	int eal_count;
};

/* Returns 0, 1 (help or version was printed: exit 0), or -EINVAL (said what is wrong: exit 2).
 * `options` points into argv afterwards. */
int options_parse(struct options *options, int argc, char **argv);

/* The EAL's arguments: the user's, and before them what is sensible where the user gave nothing:
 * one lcore, no telemetry, no PCI device but those that port rows name, a file prefix of this instance,
 * nothing left in hugetlbfs, and memory without hugepages where there are none.
 * `argv` has room for EAL_ARGUMENT_MAX pointers; their texts live until the process ends.
 * Returns the number of arguments, -E2BIG, or -ENOMEM. */
int options_eal(const struct options *options, const struct region_place *place,
		char *argv[EAL_ARGUMENT_MAX]);

/* Packet buffers for so many workers. */
unsigned int options_mbufs(const struct options *options, unsigned int worker_count);

#endif
