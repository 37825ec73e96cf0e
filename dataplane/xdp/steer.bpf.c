// SPDX-License-Identifier: BSD-3-Clause
/* steer.bpf.c: the program in the driver of a NIC that stays with the kernel: whose frame is it?
 *
 * The kernel keeps what is addressed to itself (its addresses on this interface: ARP, neighbour discovery
 * and everything above), what configures it (DHCP, router advertisements) and what is no business of
 * shunt's (LLDP, STP, unknown Ethertypes). All else goes to the AF_XDP socket of the queue by which it
 * came. Without a socket, since no data plane runs, everything is the kernel's.
 *
 * What goes to the socket is asked about by the filter of the port first, if it is here
 * (steer-filter.bpf.h): what it denies ends here. What the kernel keeps is filtered by the kernel.
 *
 * Every access is checked against the end of the frame; a frame that is cut off goes to shunt, which
 * counts what is wrong with it.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "steer-filter.bpf.h"

enum {
	ARP_TARGET = 24, /* bytes into an ARP packet: the target's protocol address */
	ARP_LENGTH = 28,
	ND_TARGET = 8, /* bytes into an ICMPv6 message */
	ND_ROUTER_ADVERTISEMENT = 134,
	ND_SOLICITATION = 135,
	DHCP_CLIENT = 68,
	DHCPV6_CLIENT = 546,
	DHCP_HARDWARE_ADDRESS = 8 + 28, /* bytes into UDP: the client's MAC (RFC 2131 2) */
	VXLAN = 4789,
	IPV6_HEADER = 40,
	ETHERTYPE_QINQ = 0x88a8,
	ETHERTYPE_MPLS = 0x8847,
	ETHERTYPE_MPLS_UPSTREAM = 0x8848,
};

struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, STEER_QUEUES);
	__type(key, __u32);
	__type(value, __u32);
} xsks_map SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STEER_ADDRESSES);
	__type(key, struct steer_address);
	__type(value, __u32);
} host_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, STEER_SETTING_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

/* [0]: the filter of the port, or nothing. Packets on their way meet the old one or the new one. */
struct filter_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct steer_filter));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__array(values, struct filter_map);
} filters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STEER_BANKS * STEER_SLOTS);
	__type(key, __u32);
	__type(value, struct steer_denied);
} denied SEC(".maps");

const volatile struct steer_owner owner SEC(".rodata.owner") = STEER_OWNER_NOBODY;

/* Whose frame it is. */
enum owner { SHUNT, KERNEL };

static __always_inline void count(__u32 index)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &index);

	if (counter)
		(*counter)++;
}

/* 0: not the kernel's, else STEER_ADDRESS_... */
static __always_inline __u32 address_of_host(const struct steer_address *address)
{
	__u32 *found = bpf_map_lookup_elem(&host_addresses, address);

	return found ? *found : 0;
}

static __always_inline __u32 ipv4_of_host(const __u8 *at)
{
	struct steer_address address = { .bytes = { [10] = 0xff, [11] = 0xff } };

	__builtin_memcpy(address.bytes + 12, at, 4);
	return address_of_host(&address);
}

static __always_inline __u32 ipv6_of_host(const __u8 *at)
{
	struct steer_address address;

	__builtin_memcpy(address.bytes, at, sizeof(address.bytes));
	return address_of_host(&address);
}

static __always_inline enum owner owner_of_arp(const __u8 *arp, const __u8 *end)
{
	if (arp + ARP_LENGTH > end)
		return SHUNT;
	return ipv4_of_host(arp + ARP_TARGET) ? KERNEL : SHUNT;
}

/* What ends in a tunnel of shunt's, at an address that both have. */
static __always_inline int is_tunnel(__u8 protocol, const __u8 *above, const __u8 *end)
{
	if (protocol == IPPROTO_GRE || protocol == IPPROTO_IPIP || protocol == IPPROTO_IPV6)
		return 1;
	return protocol == IPPROTO_UDP && above + 4 <= end && load16(above + 2) == VXLAN;
}

static __always_inline enum owner owner_by_address(__u32 found, __u8 protocol, const __u8 *above,
						   const __u8 *end)
{
	return found == STEER_ADDRESS_SHARED && is_tunnel(protocol, above, end) ? SHUNT : KERNEL;
}

/* An answer to a DHCP client of the kernel's, which has no address yet: to everybody, or with this
 * interface's MAC in it. One that is routed to a client elsewhere comes to our MAC with the client's in it. */
static __always_inline int is_dhcp_for_us(const __u8 *frame, const __u8 *udp, const __u8 *end)
{
	const __u8 *client = udp + DHCP_HARDWARE_ADDRESS;

	if (client + ETH_ALEN > end || load16(udp + 2) != DHCP_CLIENT)
		return 0;
	if (frame[0] & 1)
		return 1;
	for (int i = 0; i < ETH_ALEN; i++)
		if (client[i] != frame[i])
			return 0;
	return 1;
}

static __always_inline enum owner owner_of_ipv4(const __u8 *frame, const __u8 *ip, const __u8 *end,
						int everything)
{
	if (ip + 20 > end)
		return SHUNT;
	const __u8 *above = ip + (ip[0] & 0xf) * 4;
	int whole = (load16(ip + 6) & 0x1fff) == 0; /* or a fragment with no header above */
	if (!everything && ip[9] == IPPROTO_UDP && whole && is_dhcp_for_us(frame, above, end))
		return KERNEL;
	__u32 found = ipv4_of_host(ip + 16);
	return found ? owner_by_address(found, ip[9], above, end) : SHUNT;
}

static __always_inline enum owner owner_of_icmp6(const __u8 *icmp, const __u8 *end, int everything)
{
	if (icmp + 1 > end)
		return SHUNT;
	if (icmp[0] == ND_ROUTER_ADVERTISEMENT)
		return everything ? SHUNT : KERNEL;
	if (icmp[0] == ND_SOLICITATION && icmp + ND_TARGET + 16 <= end &&
	    ipv6_of_host(icmp + ND_TARGET))
		return KERNEL;
	return SHUNT;
}

static __always_inline enum owner owner_of_ipv6(const __u8 *ip, const __u8 *end, int everything)
{
	if (ip + IPV6_HEADER > end)
		return SHUNT;
	const __u8 *above = ip + IPV6_HEADER;
	/* a client asks and is answered at its link-local address (RFC 8415 13); others are routed */
	if (!everything && ip[24] == 0xfe && (ip[25] & 0xc0) == 0x80 && ip[6] == IPPROTO_UDP &&
	    above + 4 <= end && load16(above + 2) == DHCPV6_CLIENT)
		return KERNEL;
	__u32 found = ipv6_of_host(ip + 24);
	if (found)
		return owner_by_address(found, ip[6], above, end);
	return ip[6] == IPPROTO_ICMPV6 ? owner_of_icmp6(above, end, everything) : SHUNT;
}

/* 01:80:c2:00:00:0x: for the next bridge or switch only, which is the kernel here (LLDP, STP, LACP) */
static __always_inline int is_link_constrained(const __u8 *mac)
{
	return mac[0] == 0x01 && mac[1] == 0x80 && mac[2] == 0xc2 && mac[3] == 0 && mac[4] == 0 &&
	       (mac[5] & 0xf0) == 0;
}

static __always_inline enum owner owner_of(const __u8 *frame, const __u8 *end)
{
	__u32 which = STEER_FLAGS;
	const __u64 *flags = bpf_map_lookup_elem(&settings, &which);
	const __u8 *at = frame + ETH_HLEN;
	int mirrored = flags && (*flags & STEER_MIRROR);
	/* what configures hosts is for those behind a bridge, too */
	int everything = flags && (*flags & (STEER_EVERYTHING | STEER_MIRROR));

	if (at > end)
		return SHUNT;
	if (is_link_constrained(frame))
		return mirrored ? SHUNT : KERNEL;
	__u16 type = load16(frame + 12);
#pragma unroll
	for (int tag = 0; tag < 2; tag++) {
		if (type != ETH_P_8021Q && type != ETHERTYPE_QINQ)
			break;
		if (at + 4 > end)
			return SHUNT;
		type = load16(at + 2);
		at += 4;
	}
	switch (type) {
	case ETH_P_ARP:
		return owner_of_arp(at, end);
	case ETH_P_IP:
		return owner_of_ipv4(frame, at, end, everything);
	case ETH_P_IPV6:
		return owner_of_ipv6(at, end, everything);
	case ETHERTYPE_MPLS:
	case ETHERTYPE_MPLS_UPSTREAM:
		return SHUNT;
	default:
		return everything ? SHUNT : KERNEL;
	}
}

/* The data plane says again and again that the filter is the one that it has. If it does not, it is dead or
 * busy with other things: then the filter may be an old one. */
static __always_inline int is_lease_over(void)
{
	__u32 which = STEER_LEASE;
	const __u64 *lease = bpf_map_lookup_elem(&settings, &which);

	return !lease || bpf_ktime_get_coarse_ns() >= *lease;
}

/* Is it denied for certain? Counts it then. */
static __always_inline int ends_here(const __u8 *frame, const __u8 *end)
{
	__u32 zero = 0;
	void *current = bpf_map_lookup_elem(&filters, &zero);
	const struct steer_filter *filter = current ? bpf_map_lookup_elem(current, &zero) : 0;

	if (!filter)
		return 0;
	int slot = denied_by(filter, frame, end);
	if (slot < 0 || is_lease_over())
		return 0;
	__u32 index = filter->bank * STEER_SLOTS + (__u32)slot;
	struct steer_denied *counter = bpf_map_lookup_elem(&denied, &index);
	if (counter) {
		counter->packets++;
		counter->bytes += (__u64)(end - frame);
	}
	count(STEER_DENIED); /* who finds this one found that one too */
	return 1;
}

SEC("xdp")
int shunt_steer(struct xdp_md *context)
{
	const __u8 *frame = (const __u8 *)(long)context->data;
	const __u8 *end = (const __u8 *)(long)context->data_end;

	if (owner_of(frame, end) == KERNEL) {
		count(STEER_KERNEL);
		return XDP_PASS;
	}
	if (ends_here(frame, end))
		return XDP_DROP;
	count(STEER_SHUNT);
	return (int)bpf_redirect_map(&xsks_map, context->rx_queue_index, XDP_PASS);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
