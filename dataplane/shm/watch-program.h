/* SPDX-License-Identifier: BSD-3-Clause
 *
 * watch-program.h: may a program of the BSD packet filter be run by libpcap's interpreter?
 *
 * Why not bpf_validate: libpcap's lets instructions pass at which its interpreter aborts, and jumps back,
 * by which a program never ends (its compiler makes them for `ip6 protochain`).
 */
#ifndef SHUNT_SHM_WATCH_PROGRAM_H
#define SHUNT_SHM_WATCH_PROGRAM_H

#include <sys/types.h>
#include <pcap/bpf.h>
#include <stdbool.h>

/* Every instruction is one of those that bpf_filter knows, jumps forward only and into the program, uses
 * memory cells that there are and divides by no constant 0; the last one returns. `count` may be 0: false.
 * Who runs it checks a copy that nobody else writes. */
bool watch_program_runs(const struct bpf_insn *program, unsigned int count);

#endif
