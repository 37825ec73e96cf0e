/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_tunnel.c: packets out of tunnels: which tunnel takes which packet, and what becomes of those that
 * none takes.
 */
#include "tests/stage/tunnels.h"

enum {
	GRE,
	GRE_KEY_5,
	GRE_KEY_0,
	GRE_ANY_KEY_7,
	IPIP,
	IPIP_6,
	GRE_6,
	GRE_DOWN,
	GRE_LABELS,
	GRETAP,
	VXLAN,
	GRE_VRF,
	NESTED,
	VXLAN_6,
	KEY_7_FROM_2,
};

static void make(unsigned int number, enum tunnel_mode mode, bool ipv4, unsigned int remote,
		 uint32_t flags, uint32_t id, uint64_t row)
{
	struct tunnel tunnel = tunnel_of(mode, ipv4, remote, flags, id);
	tunnel_make(number, &tunnel, row, 0);
}

static int start(void **state)
{
	int result = tunnels_start(state);

	if (result != 0)
		return result;
	make(GRE, TUNNEL_GRE, true, 2, 0, 0, 0);
	make(GRE_KEY_5, TUNNEL_GRE, true, 2, TUNNEL_KEY, 5, 0);
	make(GRE_KEY_0, TUNNEL_GRE, true, 3, TUNNEL_KEY, 0, 0);
	make(GRE_ANY_KEY_7, TUNNEL_GRE, true, 0, TUNNEL_KEY, 7, 0);
	make(KEY_7_FROM_2, TUNNEL_GRE, true, 2, TUNNEL_KEY, 7, 0);
	make(IPIP, TUNNEL_IPIP, true, 2, 0, 0, 0);
	make(IPIP_6, TUNNEL_IPIP, false, 2, 0, 0, 0);
	make(GRE_6, TUNNEL_GRE, false, 2, 0, 0, 0);
	make(GRE_DOWN, TUNNEL_GRE, true, 10, 0, 0, 0);
	make(GRE_LABELS, TUNNEL_GRE, true, 14, 0, 0, INTERFACE_MPLS);
	make(GRETAP, TUNNEL_GRETAP, true, 2, 0, 0, 0);
	make(VXLAN, TUNNEL_VXLAN, true, 2, 0, 100, 0);
	make(VXLAN_6, TUNNEL_VXLAN, false, 2, 0, 100, 0);
	make(GRE_VRF, TUNNEL_GRE, true, 15, 0, 0, 3ull << INTERFACE_VRF_SHIFT);
	_Atomic uint64_t *flags = &fixture.tables->interface[T(GRE_DOWN)].flags;
	word_store(flags, word_load(flags) & ~INTERFACE_UP);
	route(520, LABEL_SWAP, 521, via(1, 1, NO_LABELS), 0);
	route(522, LABEL_POP_IP, 0, 0, 0);
	return 0;
}

#define IN(number) .tunnel = T(number)
#define OUT4       SENT(1, "out:1/1 ip4/63/b8")
#define OUT6       SENT(1, "out:1/1 ip6/63/b8")

static const struct stage_case gre_cases[] = {
	{ "IPv4 in GRE", "eth outer4:2>1 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "IPv6 in GRE", "eth outer4:2>1 gre ip6/64/b8", OUT6, IN(GRE) },
	{ "over IPv6", "eth outer6:2>1 gre ip4/64/b8", OUT4, IN(GRE_6) },
	{ "IPv6 over IPv6", "eth outer6:2>1 gre ip6/64/b8", OUT6, IN(GRE_6) },
	{ "over IPv6 with an encapsulation limit", "eth outer6:2>1 options gre ip6/64/b8", OUT6,
	  IN(GRE_6) },
	{ "outer TTL 1 has arrived", "eth outer4:2>1/1 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "inner TTL 1", "eth outer4:2>1 gre ip4/1", PUNTED_AT(ip_ttl_exceeded, 14 + 24), IN(GRE) },
	{ "padding of the outer frame", "eth outer4:2>1 gre ip4/64/b8 pad:6", OUT4, IN(GRE) },
	{ "the inner packet's VRF", "eth outer4:15>1 gre ip4/64/b8", AT_IP(3, "ip4/64/b8"),
	  IN(GRE_VRF) },
	{ "with a tag", "eth vlan:0 outer4:2>1 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "out of a label", "eth mpls 522/0/64 outer4:2>1/70 gre ip4/64/b8", OUT4, IN(GRE) },
	{ "checksum, though none is asked for", "eth outer4:2>1 gre:csum ip4/64/b8", OUT4,
	  IN(GRE) },
	{ "sequence number, ignored", "eth outer4:2>1 gre:seq=9 ip4/64/b8", OUT4, IN(GRE) },
	{ "bits 6 to 12 are ignored", "eth outer4:2>1 gre:bits=03f8 ip4/64/b8", OUT4, IN(GRE) },
	{ "nothing inside", "eth outer4:2>1 gre:type=0800", DROPPED(ip_invalid), IN(GRE) },
	{ "another protocol inside", "eth outer4:2>1 gre:type=880b raw:ff030021",
	  DROPPED(tunnel_payload), IN(GRE) },
	{ "IPv4 type, IPv6 inside", "eth outer4:2>1 gre:type=0800 ip6/64", DROPPED(ip_invalid),
	  IN(GRE) },
	{ "keepalive that came back", "eth outer4:2>1 gre:type=0000", PUNTED(gre_keepalive),
	  IN(GRE) },
	{ "keepalive of the remote", "eth outer4:2>1 gre outer4:1>2/255 gre:type=0000",
	  PUNTED_AT(gre_keepalive, 14 + 24), IN(GRE) },
	{ "like a keepalive, from elsewhere", "eth outer4:2>1 gre outer4:9>2/255 gre:type=0000",
	  SENT(2, "out:2/2 outer4:9>2/254 gre:type=0000"), IN(GRE) },
};

static const struct stage_case key_cases[] = {
	{ "key 5", "eth outer4:2>1 gre:key=5 ip4/64/b8", OUT4, IN(GRE_KEY_5) },
	{ "key 5 with everything", "eth outer4:2>1 gre:csum,key=5,seq=9 ip4/64/b8", OUT4,
	  IN(GRE_KEY_5) },
	{ "key 6", "eth outer4:2>1 gre:key=6 ip4/64/b8", DROPPED(tunnel_key) },
	{ "key 0 is a key", "eth outer4:3>1 gre:key=0 ip4/64/b8", OUT4, IN(GRE_KEY_0) },
	{ "no key is not key 0", "eth outer4:3>1 gre ip4/64/b8", DROPPED(tunnel_key) },
	{ "key 0 is not no key", "eth outer4:2>1 gre:key=0 ip4/64/b8", DROPPED(tunnel_key) },
	{ "any remote end", "eth outer4:77>1 gre:key=7 ip4/64/b8", OUT4, IN(GRE_ANY_KEY_7) },
	{ "the exact remote end before any", "eth outer4:2>1 gre:key=7 ip4/64/b8", OUT4,
	  IN(KEY_7_FROM_2) },
	{ "any remote end, another key", "eth outer4:77>1 gre:key=8 ip4/64/b8",
	  DROPPED(tunnel_key) },
};

static const struct stage_case refused_cases[] = {
	{ "unknown remote end", "eth outer6:9>1 gre ip4/64/b8", DROPPED(tunnel_unknown) },
	{ "not for us: transit", "eth outer4:2>9 gre ip4/64/b8",
	  SENT(2, "out:2/2 outer4:2>9/63 gre ip4/64/b8") },
	{ "transit over IPv6", "eth outer6:2>9 gre ip4/64/b8",
	  SENT(2, "out:2/2 outer6:2>9/63 gre ip4/64/b8") },
	{ "set down", "eth outer4:10>1 gre ip4/64/b8", DROPPED(tunnel_down), IN(GRE_DOWN) },
	{ "version 1", "eth outer4:2>1 gre:bits=0001 ip4/64/b8", DROPPED(tunnel_header) },
	{ "version 7", "eth outer4:2>1 gre:bits=0007 ip4/64/b8", DROPPED(tunnel_header) },
	{ "routing", "eth outer4:2>1 gre:bits=4000 ip4/64/b8", DROPPED(tunnel_header) },
	{ "bit 4", "eth outer4:2>1 gre:bits=0800 ip4/64/b8", DROPPED(tunnel_header) },
	{ "bit 5", "eth outer4:2>1 gre:bits=0400 ip4/64/b8", DROPPED(tunnel_header) },
	{ "a transit packet of version 1 is none of ours", "eth outer4:2>9 gre:bits=0001 ip4/64/b8",
	  SENT(2, "out:2/2 outer4:2>9/63 gre:bits=0001 ip4/64/b8") },
	{ "cut off in the GRE header", "eth outer4:2>1 gre:bits=2000", DROPPED(tunnel_truncated) },
	{ "to a group by the link", "dst:01005e000001 outer4:2>1 gre ip4/64/b8",
	  DROPPED(ip_martian) },
	{ "options that must be understood", "eth outer6:2>1 options:c3 gre ip4/64",
	  PUNTED(ip_local) },
};

static const struct stage_case ipip_cases[] = {
	{ "IPv4 in IPv4", "eth outer4:2>1 ip4/64/b8", OUT4, IN(IPIP) },
	{ "IPv6 in IPv4", "eth outer4:2>1 ip6/64/b8", OUT6, IN(IPIP) },
	{ "IPv4 in IPv6", "eth outer6:2>1 ip4/64/b8", OUT4, IN(IPIP_6) },
	{ "IPv6 in IPv6", "eth outer6:2>1 ip6/64/b8", OUT6, IN(IPIP_6) },
	{ "with an encapsulation limit", "eth outer6:2>1 options ip4/64/b8", OUT4, IN(IPIP_6) },
	{ "unknown remote end", "eth outer4:9>1 ip4/64/b8", DROPPED(tunnel_unknown) },
	{ "transit", "eth outer4:2>9 ip4/64/b8", SENT(2, "out:2/2 outer4:2>9/63 ip4/64/b8") },
	{ "IP in IP in GRE", "eth outer4:2>1 gre outer4:2>1 ip4/64/b8", OUT4, IN(IPIP) },
	{ "four layers", "eth outer4:2>1 outer6:2>1 gre outer4:2>1 gre outer6:2>1 ip4/64/b8", OUT4,
	  IN(IPIP_6) },
	{ "five layers",
	  "eth outer4:2>1 outer6:2>1 gre outer4:2>1 gre outer6:2>1 outer4:2>1 ip4/64/b8",
	  DROPPED(too_many_layers), IN(IPIP) },
};

static const struct stage_case label_cases[] = {
	{ "labels in GRE", "eth outer4:14>1 gre mpls 520/3/64 ip4/64",
	  SENT(1, "out:1/1 mpls 521/3/63 ip4/64"), IN(GRE_LABELS) },
	{ "popped", "eth outer4:14>1 gre mpls 522/0/64 ip4/90/b8", OUT4, IN(GRE_LABELS) },
	{ "unknown label", "eth outer4:14>1 gre mpls 600/0/64 ip4/64", DROPPED(mpls_unknown_label),
	  IN(GRE_LABELS) },
	{ "where labels are not taken", "eth outer4:2>1 gre mpls 520/3/64 ip4/64",
	  DROPPED(mpls_disabled), IN(GRE) },
	{ "upstream-assigned without a context", "eth outer4:14>1 gre upstream 520/3/64 ip4/64",
	  DROPPED(mpls_upstream_label), IN(GRE_LABELS) },
	{ "cut off", "eth outer4:14>1 gre:type=8847 raw:0020", DROPPED(mpls_truncated),
	  IN(GRE_LABELS) },
	{ "without bottom", "eth outer4:14>1 gre mpls 520/3/64n", DROPPED(mpls_truncated),
	  IN(GRE_LABELS) },
	{ "GRE below a label in GRE",
	  "eth outer4:14>1 gre mpls 522/0/64 outer4:2>1/70 gre ip4/64/b8", OUT4, IN(GRE) },
};

#define RUNS(name)                                                                                 \
	static void test_##name(void **state)                                                      \
	{                                                                                          \
		(void)state;                                                                       \
		CASES_RUN(name##_cases);                                                           \
	}
RUNS(gre)
RUNS(key)
RUNS(refused)
RUNS(ipip)
RUNS(label)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gre),     cmocka_unit_test(test_key),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_ipip),
		cmocka_unit_test(test_label),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
