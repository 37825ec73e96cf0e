/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/stage/tunnels.h"

static uint32_t underlay;

void tunnel_route(const uint8_t *prefix, unsigned int length, bool ipv4, uint32_t leaf)
{
	struct lpm *trie = fixture.trie[0][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6];

	assert_int_equal(lpm_insert(trie, prefix, length, leaf), 0);
}

int tunnels_start(void **state)
{
	uint8_t own4[16], own6[16];
	int result = stage_start(state);

	if (result != 0)
		return result;
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
		fixture_trie(&fixture, 0, family, true);
	uint32_t inner = route_leaf(ROUTE_NEXTHOP, via(1, 1, NO_LABELS));
	underlay = route_leaf(ROUTE_NEXTHOP, via(2, 2, NO_LABELS));
	tunnel_route((const uint8_t[4]){ 10, 9, 8, 0 }, 24, true, inner);
	tunnel_route((const uint8_t[16]){ 0x20, 0 }, 16, false, inner);
	tunnel_route((const uint8_t[4]){ 192, 0, 2, 0 }, 24, true, underlay);
	tunnel_route((const uint8_t[16]){ 0x20, 1, 0xd, 0xb8 }, 32, false, underlay);
	fixture_ipv4(own4, 1);
	fixture_ipv6(own6, 1);
	tunnel_route(own4 + 12, 32, true, route_leaf(ROUTE_LOCAL, 0));
	tunnel_route(own6, 128, false, route_leaf(ROUTE_LOCAL, 0));
	return 0;
}

struct tunnel tunnel_of(enum tunnel_mode mode, bool ipv4, unsigned int remote, uint32_t flags,
			uint32_t id)
{
	struct tunnel tunnel = { .mode = (uint8_t)mode, .flags = flags, .id = id };

	if (ipv4)
		fixture_ipv4(tunnel.local, 1);
	else
		fixture_ipv6(tunnel.local, 1);
	if (remote != 0 && ipv4)
		fixture_ipv4(tunnel.remote, remote);
	else if (remote != 0)
		fixture_ipv6(tunnel.remote, remote);
	return tunnel;
}

uint32_t tunnel_make(unsigned int number, const struct tunnel *tunnel, uint64_t flags,
		     uint64_t features)
{
	return fixture_tunnel(&fixture, number, tunnel, flags, features, underlay);
}
