/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/tunnels.h"

#include <rte_ip.h>
#include "dataplane/stage/ip_header.h"

static void store32(uint8_t *at, uint32_t value)
{
	ip_store16(at, value >> 16);
	ip_store16(at + 2, value & 0xffff);
}

static uint32_t remote_of(unsigned int number)
{
	return 0x0a000001u + number;
}

void bench_tunnels(struct fixture *fixture, unsigned int count, uint32_t flags,
		   const uint32_t *nexthops, unsigned int nexthop_count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct tunnel tunnel = { .mode = TUNNEL_GRE,
					 .flags = flags | TUNNEL_DF,
					 .id = flags & TUNNEL_KEY ? i : 0 };
		fixture_ipv4(tunnel.local, 1);
		fixture_ipv4(tunnel.remote, 0);
		store32(tunnel.remote + 12, remote_of(i));
		fixture_tunnel(fixture, i, &tunnel, INTERFACE_MPLS, 0,
			       route_leaf(ROUTE_NEXTHOP, nexthops[i % nexthop_count]));
	}
}

uint32_t bench_tunnel_nexthop(struct fixture *fixture, unsigned int number)
{
	static uint32_t made[TUNNEL_MAX];

	if (made[number] == 0)
		made[number] =
			fixture_nexthop_tunnel(fixture, INTERFACE_FIRST_TUNNEL + number, NULL, 0);
	return made[number];
}

unsigned int bench_outer_length(uint32_t flags)
{
	return IPV4_HEADER + 4 + (flags & TUNNEL_KEY ? 4 : 0) + (flags & TUNNEL_CHECKSUM ? 4 : 0);
}

void bench_outer(uint8_t *at, unsigned int number, uint32_t flags, uint16_t type,
		 unsigned int length)
{
	unsigned int outer = bench_outer_length(flags);
	uint8_t *gre = at + IPV4_HEADER;

	memset(at, 0, outer);
	at[0] = 0x45;
	at[8] = 64;
	at[9] = 47;
	ip_store16(at + 2, outer + length);
	store32(at + 12, remote_of(number));
	store32(at + 16, 0xc0000201);
	uint16_t sum = (uint16_t)~rte_raw_cksum(at, IPV4_HEADER);
	memcpy(at + 10, &sum, sizeof(sum));
	gre[0] = (uint8_t)((flags & TUNNEL_CHECKSUM ? 0x80 : 0) | (flags & TUNNEL_KEY ? 0x20 : 0));
	ip_store16(gre + 2, type);
	if (flags & TUNNEL_KEY)
		store32(gre + (flags & TUNNEL_CHECKSUM ? 8 : 4), number);
	if (flags & TUNNEL_CHECKSUM) {
		sum = (uint16_t)~rte_raw_cksum(gre, outer - IPV4_HEADER + length);
		memcpy(gre + 4, &sum, sizeof(sum));
	}
}
