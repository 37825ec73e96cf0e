/* SPDX-License-Identifier: BSD-3-Clause
 *
 * tunnel_check.h: what is looked at, or changed, in a packet that enters or leaves a tunnel, beside its
 * headers: checksums, sequence numbers, ECN and the MSS.
 */
#ifndef SHUNT_TUNNEL_CHECK_H
#define SHUNT_TUNNEL_CHECK_H

#include "dataplane/clock.h"
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/ip_header.h"
#include "dataplane/worker.h"

/* interface_counters.last_seen of now: CLOCK_MONOTONIC in nanoseconds, some milliseconds behind at most. */
static inline uint64_t coarse_time(void)
{
	return clock_ns(CLOCK_MONOTONIC_COARSE);
}

/* The packet ends `excess` bytes earlier. */
static inline void packet_shorten(struct rte_mbuf *mbuf, uint32_t excess)
{
	if (likely(excess == 0))
		return;
	if (mbuf->nb_segs > 1) {
		packet_cut(mbuf, mbuf->pkt_len - excess);
		return;
	}
	mbuf->data_len = (uint16_t)(mbuf->data_len - excess);
	mbuf->pkt_len -= excess;
}

/* One's complement sum of `length` bytes from `at` on, which lie in the first segment of `mbuf` and those
 * behind it; `at` may stand before the frame's start. Not folded beyond 16 bits, not complemented. */
uint16_t packet_sum(const struct rte_mbuf *mbuf, const uint8_t *at, uint32_t length);

/* Sum of an IPv4 or IPv6 pseudo-header (RFC 768, RFC 8200 8.1) of `length` bytes above the header. */
uint32_t pseudo_header_sum(const uint8_t *header, bool ipv4, uint8_t protocol, uint32_t length);

/* Is this sequence number one to be taken (RFC 2890 2.2)? GOES_ON, or the drop reason. `row` is the
 * tunnel's counters, `flags` TUNNEL_SEQUENCE_...; `now` as last_seen. */
int sequence_check(struct interface_counters *row, uint32_t flags, uint32_t sequence, uint64_t now);

/* Take the smaller MSS, if it is a TCP segment that opens a connection (SYN): RFC 793, RFC 1624. The
 * header at `header` is valid and of `ipv4`; nothing beyond `end` is touched. */
void mss_clamp(uint8_t *header, const uint8_t *end, bool ipv4, uint16_t mss);

enum { ECN_NOT_ECT, ECN_ECT_1, ECN_ECT_0, ECN_CE };

/* What the ECN field of the inner header becomes when the outer one is taken off (RFC 6040 4.2), or -1: the
 * packet must be dropped. */
static inline int ecn_decapsulate(unsigned int outer, unsigned int inner)
{
	if (likely(outer <= ECN_NOT_ECT || outer == ECN_ECT_0))
		return (int)inner;
	if (inner == ECN_NOT_ECT)
		return outer == ECN_CE ? -1 : ECN_NOT_ECT;
	if (outer == ECN_CE || inner == ECN_CE)
		return ECN_CE;
	return ECN_ECT_1;
}

/* Another ECN field in an IP header; IPv4's checksum follows. */
static inline void ecn_store(uint8_t *header, bool ipv4, unsigned int ecn)
{
	if (!ipv4) {
		header[1] = (uint8_t)((header[1] & 0xcf) | ecn << 4);
		return;
	}
	uint32_t sum = (uint16_t)~ip_load16(header + 10) + (uint32_t)(uint16_t)~ip_load16(header);
	header[1] = (uint8_t)((header[1] & 0xfc) | ecn);
	sum += ip_load16(header);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	header[10] = (uint8_t)(~sum >> 8);
	header[11] = (uint8_t)~sum;
}

/* Traffic class of an IP header: DSCP and ECN. */
static inline uint8_t traffic_class_of(const uint8_t *header, bool ipv4)
{
	return ipv4 ? header[1] : (uint8_t)(header[0] << 4 | header[1] >> 4);
}

#endif
