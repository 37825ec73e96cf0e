/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer-filter.bpf.h: does the port's filter deny this frame for certain? shm/filter.h for the verifier:
 * steps whose number is known, no pointer that is computed but into one value, no branches where the ways
 * would multiply. Functions that are not static are verified by themselves, once.
 *
 * What is left to the data plane: frames that are tagged, labelled or not for us, fragments, IPv4 options,
 * IPv6 extension headers, headers that are cut off, neighbour discovery, and what a rule polices or logs.
 */
#ifndef SHUNT_XDP_STEER_FILTER_BPF_H
#define SHUNT_XDP_STEER_FILTER_BPF_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include "steer-map.h"

enum {
	SOURCE = 1 << 0, /* enum filter_dimension (shm/filter.h) */
	DESTINATION = 1 << 1,
	SPORT = 1 << 2,
	MISC = 1 << 3,
	SLOT_MASK = 0x1fff, /* a decision's parts, the same */
	ACTION_MASK = 0xe000,
	PLAIN_DENY = 1 << 13,
	IPV4 = 0, /* enum route_family */
	IPV6 = 1,
	DCCP = 33,
	UDP_LITE = 136,
	SCTP = 132,
	TCP_FLAGS = 13, /* bytes into its header */
	NEIGHBOUR_FIRST = 133, /* neighbour discovery: RFC 4861 4 */
	NEIGHBOUR_LAST = 137,
};

/* What a filter asks of a packet. Addresses in the machine's order; IPv4's are low[] alone. */
struct steer_packet {
	__u64 high[STEER_SIDES], low[STEER_SIDES];
	__u32 family, protocol;
	__u32 words[2]; /* 16 bits each: ports, or ICMP's type and code */
	__u32 misc;
	__u32 header; /* bytes above IP that are there */
};

static __always_inline __u16 load16(const __u8 *at)
{
	return (__u16)(at[0] << 8 | at[1]);
}

static __always_inline __u32 load32(const __u8 *at)
{
	return (__u32)load16(at) << 16 | load16(at + 2);
}

static __always_inline __u64 load64(const __u8 *at)
{
	return (__u64)load32(at) << 32 | load32(at + 4);
}

/* ---------------------------------------------------------------- the packet */

/* packet_misc of shm/filter-packet.h */
static __always_inline __u32 tcp_misc(__u8 flags)
{
	__u32 syn = flags >> 1 & 1, rst = flags >> 2 & 1, ack = flags >> 4 & 1;

	return (syn & ~ack & 1) << 6 | (ack | rst) << 7;
}

static __always_inline int parse_above(struct steer_packet *packet, const __u8 *above,
				       const __u8 *end, long size)
{
	packet->header = size < 0 ? 0 : size > 255 ? 255 : (__u32)size;
	packet->words[0] = packet->words[1] = 0;
	if (packet->header >= 4 && above + 4 <= end) {
		packet->words[0] = load16(above);
		packet->words[1] = load16(above + 2);
	}
	if (packet->protocol == IPPROTO_TCP) {
		if (packet->header < 20 || above + 20 > end)
			return 0;
		packet->misc |= tcp_misc(above[TCP_FLAGS]);
	}
	return 1;
}

static __always_inline int parse_ipv4(struct steer_packet *packet, const __u8 *ip, const __u8 *end)
{
	if (ip + 20 > end || ip[0] != 0x45 || (load16(ip + 6) & 0x3fff) != 0)
		return 0;
	long total = load16(ip + 2), room = end - ip;
	packet->family = IPV4;
	packet->protocol = ip[9];
	packet->misc = ip[1] >> 2;
	packet->high[0] = packet->high[1] = 0;
	packet->low[0] = load32(ip + 12);
	packet->low[1] = load32(ip + 16);
	return total >= 20 && parse_above(packet, ip + 20, end, (total < room ? total : room) - 20);
}

static __always_inline int is_extension(__u8 protocol)
{
	return protocol == 0 || protocol == 43 || protocol == 44 || protocol == 51 ||
	       protocol == 60 || protocol == 135 || protocol == 139 || protocol == 140;
}

static __always_inline int parse_ipv6(struct steer_packet *packet, const __u8 *ip, const __u8 *end)
{
	if (ip + 40 > end || ip[0] >> 4 != 6 || is_extension(ip[6]))
		return 0;
	long total = 40 + load16(ip + 4), room = end - ip;
	packet->family = IPV6;
	packet->protocol = ip[6];
	packet->misc = (__u32)(ip[0] & 0xf) << 2 | ip[1] >> 6;
	packet->high[0] = load64(ip + 8);
	packet->low[0] = load64(ip + 16);
	packet->high[1] = load64(ip + 24);
	packet->low[1] = load64(ip + 32);
	if (!parse_above(packet, ip + 40, end, (total < room ? total : room) - 40))
		return 0;
	__u32 type = packet->words[0] >> 8;
	return packet->protocol != IPPROTO_ICMPV6 || ip[7] != 255 ||
	       (packet->header >= 4 && (type < NEIGHBOUR_FIRST || type > NEIGHBOUR_LAST));
}

/* 0: not to be asked about here. */
static __always_inline int parse_frame(struct steer_packet *packet, __u64 mac, const __u8 *frame,
				       const __u8 *end)
{
	const __u8 *ip = frame + ETH_HLEN;
	__u64 to = 0;

	if (ip > end)
		return 0;
	__builtin_memcpy(&to, frame, ETH_ALEN);
	if (to != mac && !(frame[0] & 1))
		return 0;
	switch (load16(frame + 12)) {
	case ETH_P_IP:
		return parse_ipv4(packet, ip, end);
	case ETH_P_IPV6:
		return parse_ipv6(packet, ip, end);
	default:
		return 0;
	}
}

/* ---------------------------------------------------------------- addresses */

/* 1 or 0. Neither clang is to make a branch of it nor the verifier to follow both values: it would have
 * to, for each of thirteen steps. (It does that for masks of all bits or none, too.) */
static __always_inline __u64 is_below(__u64 a, __u64 b)
{
	__u64 below = ((~a & b) | ((~a | b) & (a - b))) >> 63;

	asm volatile("" : "+r"(below));
	return below;
}

__noinline __u32 row_of_ipv4(const struct steer_filter *filter, __u32 side, __u64 address)
{
	__u64 low = 0;

	if (!filter || side >= STEER_SIDES)
		return 0;
#pragma unroll
	for (int bit = STEER_RANGES_LOG - 1; bit >= 0; bit--) {
		__u64 start = filter->start4[side][low + (1u << bit)];
		low += (is_below(address, start) ^ 1) << bit;
	}
	return filter->at[IPV4][side][low];
}

/* Is the address's high half below, or the same and the low half below: a borrow from both. */
__noinline __u32 row_of_ipv6(const struct steer_filter *filter, __u32 side, __u64 high,
			     __u64 low_half)
{
	__u64 low = 0;

	if (!filter || side >= STEER_SIDES)
		return 0;
#pragma unroll
	for (int bit = STEER_RANGES_LOG - 1; bit >= 0; bit--) {
		const __u64 *start = filter->start6[side][low + (1u << bit)];
		__u64 same = (is_below(high, start[0]) | is_below(start[0], high)) ^ 1;
		__u64 below = is_below(high, start[0]) | (same & is_below(low_half, start[1]));
		low += (below ^ 1) << bit;
	}
	return filter->at[IPV6][side][low];
}

static __always_inline __u32 row_of_address(const struct steer_filter *filter, __u32 side,
					    const struct steer_packet *packet)
{
	return packet->family == IPV4
		       ? row_of_ipv4(filter, side, packet->low[side])
		       : row_of_ipv6(filter, side, packet->high[side], packet->low[side]);
}

/* ---------------------------------------------------------------- the rule */

static __always_inline int has_ports(__u32 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == SCTP ||
	       protocol == DCCP || protocol == UDP_LITE;
}

/* The lowest bit that is set, by de Bruijn's sequence. */
static const __u8 bit_numbers[64] = {
	0,  1,	48, 2,	57, 49, 28, 3,	61, 58, 50, 42, 38, 29, 17, 4,	62, 55, 59, 36, 53, 51,
	43, 22, 45, 39, 33, 30, 24, 18, 12, 5,	63, 47, 56, 27, 60, 41, 37, 16, 54, 35, 52, 21,
	44, 32, 23, 11, 46, 26, 40, 15, 34, 20, 31, 10, 25, 14, 19, 9,	13, 8,	7,  6
};

static __always_inline __u32 first_bit(__u64 bits)
{
	return bit_numbers[((bits & (0 - bits)) * 0x03f79d71b4cb0a89ull) >> 58];
}

static __always_inline __u64 bits_of(const struct steer_filter *filter, __u32 row, __u32 word)
{
	return filter->row[(row + word) & (STEER_ROW_WORDS - 1)];
}

/* The decision of the first rule whose bit stands in all of the packet's rows. */
__noinline __u32 decide_by_rows(const struct steer_filter *filter,
				const struct steer_packet *packet, __u32 class)
{
	__u32 sport = 0, misc = 0, source = 0, destination = 0;

	if (!filter || !packet)
		return 0;
	if (filter->dimensions & SPORT)
		sport = filter->sport[has_ports(packet->protocol) ? packet->words[0] & 0xffff
								  : STEER_NO_PORT];
	if (filter->dimensions & MISC)
		misc = filter->misc[packet->misc & 0xff];
	if (filter->dimensions & SOURCE)
		source = row_of_address(filter, 0, packet);
	if (filter->dimensions & DESTINATION)
		destination = row_of_address(filter, 1, packet);
	for (__u32 word = 0; word < STEER_WORDS; word++) {
		if (word >= filter->words)
			break;
		__u64 bits = bits_of(filter, class, word) & bits_of(filter, sport, word) &
			     bits_of(filter, misc, word) & bits_of(filter, source, word) &
			     bits_of(filter, destination, word);
		if (bits != 0)
			return filter->decision[word * 64 + first_bit(bits)];
	}
	return filter->otherwise;
}

/* The slot of what denies it, or -1. */
static __always_inline int denied_by(const struct steer_filter *filter, const __u8 *frame,
				     const __u8 *end)
{
	struct steer_packet packet = { .family = 0 };

	if (!parse_frame(&packet, filter->mac, frame, end))
		return -1;
	const struct steer_page *page = &filter->page[packet.family & 1][packet.protocol & 0xff];
	if (packet.header < page->header)
		return -1;
	__u32 key = page->header == 0 ? 0 : page->key == 0 ? packet.words[0] : packet.words[1];
	__u32 index = page->first + (key & page->mask);
	if (index >= STEER_CLASSES)
		return -1;
	__u32 decision = filter->class[index];
	if (filter->words != 0)
		decision = decide_by_rows(filter, &packet, decision);
	__u32 slot = decision & SLOT_MASK;
	return (decision & ACTION_MASK) == PLAIN_DENY && slot < STEER_SLOTS ? (int)slot : -1;
}

#endif
