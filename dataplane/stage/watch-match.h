/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch-match.h: which frames someone wants to see, by a program of the BSD packet filter.
 *
 * libpcap's compiler makes the program (cli), the control plane publishes it in a struct watch_wish, and
 * libpcap's interpreter runs it here. Why not DPDK's rte_bpf: rte_bpf_convert is experimental in 22.11, loading
 * a program maps memory, which a worker shall not do in a turn, and what it makes loads from an mbuf alone: what
 * goes into a stage or comes out of it stands in none as it is captured. A classic program is checked in one
 * pass (watch-program.h), jumps forward only, and reads nothing but what the interpreter has compared with the
 * frame's length.
 */
#ifndef SHUNT_STAGE_WATCH_MATCH_H
#define SHUNT_STAGE_WATCH_MATCH_H

#include <sys/types.h>
#include <pcap/bpf.h>
#include <rte_mbuf.h>
#include <stdbool.h>
#include "dataplane/shm/watch.h"

enum { WATCH_MATCH_BYTES = 512 }; /* of a frame in several buffers that a program may see */

struct watch_match {
	unsigned int length; /* instructions; 0: every frame */
	bool valid;          /* else no frame */
	struct bpf_insn program[WATCH_PROGRAM_MAX];
};

/* Copy the wish's program and look whether it can be run; one that cannot matches nothing. */
void watch_match_load(struct watch_match *match, const struct watch_wish *wish);

/* Does it want the frame, which begins with its Ethernet header? */
bool watch_matches(const struct watch_match *match, const struct rte_mbuf *mbuf);

#endif
