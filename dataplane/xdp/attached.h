/* SPDX-License-Identifier: BSD-3-Clause
 *
 * attached.h: which interfaces of the network namespace have an XDP program, by one dump of rtnetlink's.
 * libbpf's bpf_xdp_query makes such a dump for each interface that it is asked about.
 */
#ifndef SHUNT_XDP_ATTACHED_H
#define SHUNT_XDP_ATTACHED_H

#include <stdint.h>

struct attached {
	unsigned int host_index;
	const char *name; /* valid during the call */
	uint32_t program; /* its id */
	uint32_t mode;    /* XDP_FLAGS_DRV_MODE or XDP_FLAGS_SKB_MODE */
};

/* May take the program off. */
typedef void attached_visit(const struct attached *attached);

/* Call visit for each program on each interface; more than once where interfaces came or went meanwhile.
 * Returns 0, or a negative errno: -EAGAIN if they did each time that it was tried, and some may be missing.
 * One thread at a time. */
int attached_list(attached_visit *visit);

#endif
