/* SPDX-License-Identifier: BSD-3-Clause
 *
 * packet.h: frames up and down for tests of the protocols, and a clock that stands still.
 */
#ifndef TESTS_UNIT_PACKET_H
#define TESTS_UNIT_PACKET_H

#include "controlplane/object/model.h"
#include "model-fixture.h"

/* Nanoseconds; model->clock after clock_stop. */
extern uint64_t test_time;
void clock_stop(struct fixture *fixture);
/* Nobody has answered to the probes for our addresses; clock_stop does this too. */
void addresses_preferred(struct fixture *fixture);
/* Seconds go by; the protocols run every tenth of one. */
void clock_advance(struct fixture *fixture, double seconds);

/* "00 11:22 0a000001": hexadecimal digits, anything else between them; returns the length. */
size_t bytes(const char *text, uint8_t *frame);

/* Punt a frame (hexadecimal) and let the control plane take it. */
void punt_text(struct fixture *fixture, uint32_t reason, uint32_t interface, uint32_t l3_offset,
	       const char *text);
void punt_bytes(struct fixture *fixture, uint32_t reason, uint32_t interface, uint32_t l3_offset,
		const uint8_t *frame, size_t length);
/* mtu_exceeded: without Ethernet header. */
void punt_long(struct fixture *fixture, uint32_t interface, const uint8_t *packet, size_t length,
	       uint32_t nexthop, uint32_t ethertype);

/* The next injected frame, or NULL; it stays valid until 256 more were injected. */
const struct frame_slot *injected(struct fixture *fixture);
/* It must be this one, byte by byte (padding with zeroes to 60 bytes is ignored). */
void expect_frame(struct fixture *fixture, uint32_t interface, const char *text);
void expect_nothing(struct fixture *fixture);
/* Forget what was injected. */
void skip_frames(struct fixture *fixture);

/* Fill in the checksums of an IP packet of `length` bytes: IPv4 header, ICMP of either version. */
void ip_checksums(uint8_t *packet, size_t length);

/* Punt the frame cut off at each byte, each time in memory of just its length (for ASan); with its
 * bytes changed one at a time to all that is interesting. Nothing is expected but to survive. */
void punt_mutations(struct fixture *fixture, uint32_t reason, uint32_t l3_offset,
		    const uint8_t *frame, size_t length);

#endif
