/* SPDX-License-Identifier: BSD-3-Clause
 *
 * frame.h: frames written as text, so that a table of cases reads as a specification.
 *
 * Words, in the order in which their bytes stand in the frame:
 *
 *   eth          Ethernet header to port 0's address; eth:P to that of port P
 *   dst:HEX      Ethernet header to this address (12 digits)
 *   out:P/N      Ethernet header as port P sends it to nexthop number N of fixture_nexthop
 *   vlan:N       tag 0x8100; qinq:N: tag 0x88a8 (N is all 16 bits of the tag)
 *   mpls         Ethertype 0x8847; upstream: 0x8848; type:HEX: any other
 *   L/TC/TTL     label stack entry; the last one before another word has the bottom bit, unless
 *                its word ends in n (never) or s (always)
 *   ip4/TTL/TOS  IPv4 header (both numbers as they are, TOS in hexadecimal), UDP, 12 bytes
 *   ip6/TTL/TC   the same with IPv6; after an Ethernet header both write their Ethertype
 *   raw:HEX      these bytes
 *   fill:N       N bytes that count up
 */
#ifndef SHUNT_TESTS_FRAME_H
#define SHUNT_TESTS_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum { FRAME_ROOM = 16384 };

/* Bytes of the frame. Ends the program at a word that it does not know. */
size_t frame_build(uint8_t frame[FRAME_ROOM], const char *text);

/* Internet checksum of a header whose checksum field is right: 0 (RFC 1071). */
uint16_t frame_checksum(const uint8_t *at, size_t length);

/* Print both, and where they differ first. */
void frame_print_difference(const uint8_t *expected, size_t expected_length, const uint8_t *found,
			    size_t found_length);

#endif
