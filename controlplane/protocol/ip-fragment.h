/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip-fragment.h: IP packets that are longer than a link takes (RFC 791 3.2, RFC 8200 4.5).
 */
#ifndef SHUNT_PROTOCOL_IP_FRAGMENT_H
#define SHUNT_PROTOCOL_IP_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* May a complete packet be sent in fragments? IPv4 without DF; IPv6 only by who made it (`own`). */
bool ip_may_fragment(const uint8_t *packet, bool own);

/* Call `send` for the packet, or for each of its fragments of at most `mtu` bytes if it is longer. Each is
 * complete, in memory that the next one reuses. IPv6 fragments get this identification. 0; -EMSGSIZE: it
 * is longer and must not or cannot be fragmented; or what `send` returned first that was not 0. */
int ip_fragments(const uint8_t *packet, size_t length, unsigned int mtu, bool own,
		 uint32_t identification,
		 int (*send)(void *context, const uint8_t *packet, size_t length), void *context);

#endif
