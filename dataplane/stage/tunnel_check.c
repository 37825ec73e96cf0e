/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/tunnel_check.h"

#include <rte_ip.h>
#include "dataplane/stage/tunnel_header.h"

/* ---------------------------------------------------------------- checksums */

uint16_t packet_sum(const struct rte_mbuf *mbuf, const uint8_t *at, uint32_t length)
{
	const uint8_t *end = rte_pktmbuf_mtod(mbuf, const uint8_t *) + mbuf->data_len;
	uint32_t first = RTE_MIN((uint32_t)(end - at), length);
	uint32_t sum = rte_raw_cksum(at, first);
	bool odd = first % 2 != 0;

	length -= first;
	for (mbuf = mbuf->next; mbuf != NULL && length > 0; mbuf = mbuf->next) {
		uint32_t part = RTE_MIN((uint32_t)mbuf->data_len, length);
		uint16_t more = rte_raw_cksum(rte_pktmbuf_mtod(mbuf, const void *), part);
		/* the other byte of each pair: RFC 1071 2 (B) */
		sum += odd ? rte_bswap16(more) : more;
		odd ^= part % 2 != 0;
		length -= part;
	}
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

uint32_t pseudo_header_sum(const uint8_t *header, bool ipv4, uint8_t protocol, uint32_t length)
{
	uint32_t addresses = ipv4 ? rte_raw_cksum(header + 12, 8) : rte_raw_cksum(header + 8, 32);

	return addresses + rte_cpu_to_be_16(protocol) + rte_cpu_to_be_16((uint16_t)length) +
	       rte_cpu_to_be_16((uint16_t)(length >> 16));
}

/* ---------------------------------------------------------------- sequence numbers */

/* rx_sequence: bits 0-31 the newest, bits 32-63 which were received: bit 32 the newest itself, bit 32 + i
 * the one i before it; 0: none yet. */
static uint64_t sequence_word(uint32_t newest, uint32_t received)
{
	return (uint64_t)received << 32 | newest;
}

int sequence_check(struct interface_counters *row, uint32_t flags, uint32_t sequence, uint64_t now)
{
	uint64_t word = counter_read(&row->rx_sequence);
	uint32_t newest = (uint32_t)word, received = (uint32_t)(word >> 32);
	int32_t ahead = (int32_t)(sequence - newest);
	uint64_t silence = now - counter_read(&row->last_seen);

	static_assert(TUNNEL_REPLAY_WINDOW == 32, "bits of received");
	if (word == 0 || silence > TUNNEL_SEQUENCE_RESTART * 1000000000ull) {
		word = sequence_word(sequence, 1);
	} else if (ahead > 0) {
		received = ahead < TUNNEL_REPLAY_WINDOW ? received << ahead | 1 : 1;
		word = sequence_word(sequence, received);
	} else if (ahead == 0) {
		return DROP_tunnel_sequence_duplicate;
	} else if ((flags & TUNNEL_SEQUENCE_STRICT) || ahead <= -TUNNEL_REPLAY_WINDOW) {
		return DROP_tunnel_sequence_old;
	} else if (received >> -ahead & 1) {
		return DROP_tunnel_sequence_duplicate;
	} else {
		word = sequence_word(newest, received | 1u << -ahead);
	}
	atomic_store_explicit(&row->rx_sequence, word, memory_order_relaxed);
	return GOES_ON;
}

/* ---------------------------------------------------------------- MSS */

enum { TCP_HEADER = 20, TCP_SYN = 0x02, OPTION_END = 0, OPTION_NOP = 1, OPTION_MSS = 2 };

/* The two bytes of the MSS option between these, or NULL. */
static uint8_t *find_mss(uint8_t *option, const uint8_t *end)
{
	while (option < end && *option != OPTION_END) {
		if (*option == OPTION_NOP) {
			option++;
			continue;
		}
		if (end - option < 2 || option[1] < 2 || option[1] > end - option)
			return NULL;
		if (option[0] == OPTION_MSS)
			return option[1] == 4 ? option + 2 : NULL;
		option += option[1];
	}
	return NULL;
}

/* 16 bits at `at` become `value`. They may stand at an odd place of what the checksum is made over. */
static void store_summed(uint8_t *checksum, uint8_t *at, uint16_t value, bool odd)
{
	uint16_t before = ip_load16(at), after = value;

	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	if (odd) {
		before = rte_bswap16(before);
		after = rte_bswap16(after);
	}
	uint32_t sum = (uint16_t)~ip_load16(checksum) + (uint32_t)(uint16_t)~before + after;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	checksum[0] = (uint8_t)(~sum >> 8);
	checksum[1] = (uint8_t)~sum;
}

void mss_clamp(uint8_t *header, const uint8_t *end, bool ipv4, uint16_t mss)
{
	uint8_t *tcp = header + (ipv4 ? (header[0] & 0xf) * 4 : IPV6_HEADER);
	uint8_t protocol = ipv4 ? header[9] : header[6];

	/* a later fragment has no TCP header; a first one may */
	if (protocol != PROTOCOL_TCP || end - tcp < TCP_HEADER || !(tcp[13] & TCP_SYN) ||
	    (ipv4 && (ip_load16(header + 6) & 0x1fff) != 0))
		return;
	unsigned int length = (unsigned int)(tcp[12] >> 4) * 4;
	if (length < TCP_HEADER || end - tcp < (ptrdiff_t)length)
		return;
	uint8_t *option = find_mss(tcp + TCP_HEADER, tcp + length);
	if (option != NULL && ip_load16(option) > mss)
		store_summed(tcp + 16, option, mss, (option - tcp) % 2 != 0);
}
