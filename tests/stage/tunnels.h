/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnels.h: the tunnels of the tunnel tests. Port 0 has the address 192.0.2.1 and 2001:db8::1; the inner
 * packets' destinations (10.9.8.7, 2000::2) are routed to nexthop 1 of port 1, whatever else begins with
 * 192.0.2 or 2001:db8 to nexthop 2 of port 2.
 */
#ifndef SHUNT_TESTS_TUNNELS_H
#define SHUNT_TESTS_TUNNELS_H

#include "dataplane/shm/lpm.h"
#include "tests/stage/case.h"

#define T(number) (INTERFACE_FIRST_TUNNEL + (number))

/* cmocka group fixture: stage_start, and the routes. */
int tunnels_start(void **state);

/* A route of VRF 0. */
void tunnel_route(const uint8_t *prefix, unsigned int length, bool ipv4, uint32_t leaf);

/* Tunnel `number` from address 1 to address `remote` (0: any) of the family; its underlay is nexthop 2 of
 * port 2. */
struct tunnel tunnel_of(enum tunnel_mode mode, bool ipv4, unsigned int remote, uint32_t flags,
			uint32_t id);
uint32_t tunnel_make(unsigned int number, const struct tunnel *tunnel, uint64_t flags,
		     uint64_t features);

#endif
