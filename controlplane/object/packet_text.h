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

/* Ethernet, VLAN tags, labels, IP and what is in tunnels, down to ports; as far as the `length` bytes
 * that are there go, which may be less than the frame has:
 * "02:00:00:00:00:01 > 02:00:00:00:00:02 vlan 10 mpls 100 tc 5 ttl 64 ipv4 10.0.0.1 > 10.0.0.2 ttl 63 udp
 * 1000 > 2000". Never reads past them; the text is zero-terminated and cut where it is full. */
void packet_text(const uint8_t *frame, size_t length, enum packet_start start,
		 char text[PACKET_TEXT_SIZE]);

#endif
