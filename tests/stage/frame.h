/* SPDX-License-Identifier: BSD-3-Clause
 *
 * frame.h: frames written as text, so that a table of cases reads as a specification.
 *
 * Words, in the order in which their bytes stand in the frame:
 *
 *   eth          Ethernet header to port 0's address; eth:P to that of port P
 *   dst:HEX      Ethernet header to this address (12 digits)
 *   mac:HEX      Ethernet header with these two addresses (24 digits)
 *   out:P/N      Ethernet header as port P sends it to nexthop number N of fixture_nexthop
 *   vlan:N       tag 0x8100; qinq:N: tag 0x88a8 (N is all 16 bits of the tag)
 *   mpls         Ethertype 0x8847; upstream: 0x8848; type:HEX: any other
 *   L/TC/TTL     label stack entry; the last one before another word has the bottom bit, unless
 *                its word ends in n (never) or s (always)
 *   ip4/TTL/TOS  IPv4 header (both numbers as they are, TOS in hexadecimal), UDP, 12 bytes
 *   ip6/TTL/TC   the same with IPv6; after an Ethernet header both write their Ethertype
 *   tcp4:MSS     IPv4, TCP with SYN and this MSS, right checksums; tcp6:MSS: IPv6; tcp4:MSS/HEX: flags,
 *                then /TTL
 *   outer4:A>B   IPv4 header from 192.0.2.A to 192.0.2.B; then /TTL (64), /TOS in hexadecimal, /the
 *                fragment field and /the identification in hexadecimal. What stands behind it gives
 *                its protocol, and its length until the end of the frame or until `pad`
 *   outer6:A>B   the same in IPv6 from 2001:db8::A; then /HOP, /TC and /flow label in hexadecimal
 *   options      IPv6 destination options: an encapsulation limit of 4 (RFC 2473); options:HEX: another
 *                option of that type
 *   gre          GRE header; then :LIST of key=N, csum, seq=N, type=HEX, bits=HEX (or-ed to the first
 *                two bytes); the next word gives the protocol if `type` does not
 *   vxlan:VNI    UDP from port 49152 and VXLAN header; then /source port, /csum
 *   cw:HEX       pseudowire control word
 *   pad:N        N zero bytes that belong to none of the headers
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
