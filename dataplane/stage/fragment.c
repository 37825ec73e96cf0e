/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fragment.c: IPv4 packets that are longer than the way on takes (RFC 791 3.2, RFC 1812 5.2.7.1).
 */
#include <errno.h>
#include <rte_ip_frag.h>
#include "dataplane/stage/fragment.h"
#include "dataplane/stage/stage.h"

enum { DONT_FRAGMENT = 0x4000, OFFSET_MASK = 0x1fff };

/* Bytes of the packet from its IP header on, padding included. */
static uint32_t room_of(const struct packet *packet)
{
	return packet->mbuf->pkt_len -
	       (uint32_t)(packet->l3 - rte_pktmbuf_mtod(packet->mbuf, const uint8_t *));
}

bool fragment_allowed(const struct packet *packet)
{
	const uint8_t *header = packet->l3;
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;

	if (packet->payload != PAYLOAD_IPV4 || end - header < IPV4_HEADER || header[0] >> 4 != 4)
		return false;
	unsigned int length = (header[0] & 0xfu) * 4, total = ip_load16(header + 2);
	unsigned int word = ip_load16(header + 6);
	return length >= IPV4_HEADER && length <= end - header && total >= length &&
	       total <= room_of(packet) && !(word & DONT_FRAGMENT) &&
	       (word & OFFSET_MASK) * 8 + total <= IP_PACKET_MAX &&
	       ipv4_sum(header, length) == 0xffff;
}

void packet_cut(struct rte_mbuf *mbuf, uint32_t length)
{
	while (mbuf->pkt_len > length) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(mbuf), *before = mbuf;
		uint32_t excess = mbuf->pkt_len - length;
		if (last == mbuf || excess < last->data_len) {
			rte_pktmbuf_trim(mbuf, (uint16_t)excess);
			return;
		}
		while (before->next != last)
			before = before->next;
		before->next = NULL;
		mbuf->nb_segs--;
		mbuf->pkt_len -= last->data_len;
		rte_pktmbuf_free_seg(last);
	}
}

/* The packet alone: no link-layer header before it, no padding behind it. */
static void strip(struct packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;

	rte_pktmbuf_adj(mbuf, (uint16_t)(packet->l3 - rte_pktmbuf_mtod(mbuf, uint8_t *)));
	packet_cut(mbuf, ip_load16(packet->l3 + 2));
}

unsigned int fragment(struct worker *worker, struct packet *packet, unsigned int mtu,
		      struct rte_mbuf *fragments[FRAGMENTS_MAX])
{
	strip(packet);
	int count = rte_ipv4_fragment_packet(packet->mbuf, fragments, FRAGMENTS_MAX, (uint16_t)mtu,
					     worker->pool, worker->pool);
	if (count <= 0) {
		drop(worker, packet->mbuf, packet->interface,
		     count == -ENOMEM ? DROP_no_buffer : DROP_mtu_exceeded);
		return 0;
	}
	for (int i = 0; i < count; i++)
		ipv4_set_checksum(rte_pktmbuf_mtod(fragments[i], uint8_t *));
	counter_add(&worker->interface[packet->interface].fragments, (uint64_t)count - 1);
	rte_pktmbuf_free(packet->mbuf); /* the fragments hold what they share of it */
	return (unsigned int)count;
}
