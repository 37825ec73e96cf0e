/* SPDX-License-Identifier: BSD-3-Clause
 *
 * packet_text.h: the headers of a frame in one line, for people.
 */
#ifndef SHUNT_OBJECT_PACKET_TEXT_H
#define SHUNT_OBJECT_PACKET_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum { PACKET_TEXT_SIZE = 384 };

/* What a frame begins with. */
enum packet_start { PACKET_ETHERNET, PACKET_MPLS, PACKET_IP };

/* What does a frame of `length` bytes begin with, `captured` of which are there? One that was dropped
 * between the stages may begin with the header of the tunnel that it was going into; that has the frame's
 * length in it, which a MAC address has by chance alone. */
static inline enum packet_start packet_start_of(const uint8_t *frame, size_t captured,
						size_t length)
{
	if (captured >= 20 && frame[0] == 0x45 && (size_t)(frame[2] << 8 | frame[3]) == length)
		return PACKET_IP;
	if (captured >= 40 && frame[0] >> 4 == 6 &&
	    (size_t)(frame[4] << 8 | frame[5]) + 40 == length)
		return PACKET_IP;
	return PACKET_ETHERNET;
}

/* Ethernet, VLAN tags, labels, IP and what is in tunnels, down to ports; as far as the `length` bytes
 * that are there go, which may be less than the frame has:
 * "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 10 mpls 100 tc 5 ttl 64 ipv4 10.0.0.1 > 10.0.0.2 ttl 63 udp
 * 1000 > 2000". Never reads past them; the text is zero-terminated and cut where it is full. */
void packet_text(const uint8_t *frame, size_t length, enum packet_start start,
		 char text[PACKET_TEXT_SIZE]);

#endif
