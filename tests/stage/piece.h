/* SPDX-License-Identifier: BSD-3-Clause
 *
 * piece.h: fragments of UDP packets from 10.1.2.3 or its IPv6 counterpart, whose contents are a function of
 * their place in the packet.
 */
#ifndef SHUNT_TESTS_PIECE_H
#define SHUNT_TESTS_PIECE_H

#include <stdbool.h>
#include "tests/stage/frame.h"

enum { IPV4, IPV6, UDP = 17 };

struct piece_shape {
	int family;
	uint8_t protocol; /* UDP if it is 0 */
	uint8_t ecn;
	uint8_t ttl; /* 64 if it is 0 */
	uint16_t id;
	unsigned int
		extension; /* bytes of options, or of a hop-by-hop header before the fragment's */
	uint8_t option;    /* IPv4: what the options begin with, if it is not 0 */
	unsigned int padding; /* bytes behind the packet */
	const char *link;     /* what stands before it (frame.h), "eth" if it is NULL */
};

/* The frame with the bytes `from` to `to` (exclusive) of the packet; `more` follow. `whole`: as a packet
 * that never was in fragments. Returns its size. */
size_t piece_build(uint8_t *frame, const struct piece_shape *shape, unsigned int from,
		   unsigned int to, bool more, bool whole);

/* Set the checksum of an IPv4 header of `length` bytes. */
void piece_mend(uint8_t *header, unsigned int length);

#endif
