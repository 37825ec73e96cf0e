/* SPDX-License-Identifier: BSD-3-Clause
 *
 * pcapng.h: packets to a file that Wireshark, tcpdump and scapy read (draft-ietf-opsawg-pcapng).
 *
 * Why not DPDK's rte_pcapng: it takes interface names and counters from ethdev and packets from mbufs of
 * the process itself, and needs its EAL; this program has none of them and starts in milliseconds.
 */
#ifndef SHUNT_CLI_PCAPNG_H
#define SHUNT_CLI_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

enum pcapng_direction { PCAPNG_UNKNOWN, PCAPNG_INBOUND, PCAPNG_OUTBOUND };

struct pcapng_packet {
	uint32_t interface; /* number that pcapng_interface gave */
	uint64_t time;      /* nanoseconds since 1970 */
	enum pcapng_direction direction;
	uint32_t length;   /* bytes of the frame */
	uint32_t captured; /* of them in `bytes` */
	const uint8_t *bytes;
	uint64_t lost;       /* packets between the one before and this one that were not captured */
	const char *comment; /* NULL: none */
};

/* All of them write to the file and leave its errors to be asked for with ferror.
 * The section's header: what made it. */
void pcapng_section(FILE *file, const char *application);
/* An Ethernet interface; the first one is number 0, and so on. `snap`: bytes of a frame at most. */
void pcapng_interface(FILE *file, const char *name, uint32_t snap);
void pcapng_packet(FILE *file, const struct pcapng_packet *packet);

#endif
