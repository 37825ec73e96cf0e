/* SPDX-License-Identifier: BSD-3-Clause
 *
 * replicate.c: a bridged frame to its ports: as it is, with its tag put on or taken off, into tunnels, and
 * to the bridge's own interface.
 *
 * Ports that get the same bytes get the same buffers, by reference count. Those that get other tags than
 * the frame has share a second header buffer, which is chained before the frame's bytes behind the tag.
 * A shared buffer is never written, so tunnels and our own interface get whole copies. A copy that cannot
 * be made is counted at the port that does not get it; the frame itself was received and must end once: it
 * is forwarded if any port got it.
 */
#include <rte_ether.h>
#include "dataplane/stage/bridge.h"
#include "dataplane/stage/transmit.h"

enum { ADDRESSES = 12 };

/* Who gets the frame in one form. */
struct targets {
	unsigned int count;
	uint64_t member[BRIDGE_SLOTS];
};

static inline void failed(struct worker *worker, uint64_t member)
{
	counter_add(&worker->interface[member_interface(member)].copies_failed, 1);
}

/* Bytes behind the Ethernet header and the tag. */
static inline uint32_t payload_length(const struct bridging *bridging)
{
	return bridging->mbuf->pkt_len - bridging_l3(bridging);
}

/* ---------------------------------------------------------------- tags */

static void write_tag(uint8_t *at, uint16_t tci)
{
	const uint16_t words[2] = { RTE_BE16(RTE_ETHER_TYPE_VLAN), rte_cpu_to_be_16(tci) };

	memcpy(at, words, sizeof(words));
}

/* Change the frame itself, which nobody else has a reference to. False: no room before it. */
static bool change_tag(const struct bridging *bridging, struct rte_mbuf *mbuf)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);

	if (bridging->tagged) {
		memmove(frame + TAG_SIZE, frame, ADDRESSES);
		rte_pktmbuf_adj(mbuf, TAG_SIZE);
		return true;
	}
	uint8_t *start = (uint8_t *)rte_pktmbuf_prepend(mbuf, TAG_SIZE);
	if (start == NULL)
		return false;
	memmove(start, frame, ADDRESSES);
	write_tag(start + ADDRESSES, bridging->tci);
	return true;
}

/* The frame in the other form, for ports to share: a header of its own before the frame's bytes. NULL: no
 * buffers. */
static struct rte_mbuf *other_form(const struct bridging *bridging)
{
	struct rte_mempool *pool = bridging->worker->pool;
	struct rte_mbuf *header = rte_pktmbuf_alloc(pool);
	struct rte_mbuf *rest = rte_pktmbuf_clone(bridging->mbuf, pool);
	unsigned int skipped = ADDRESSES + (bridging->tagged ? TAG_SIZE : 0);

	if (header == NULL || rest == NULL) {
		rte_pktmbuf_free(header);
		rte_pktmbuf_free(rest);
		return NULL;
	}
	uint8_t *start = (uint8_t *)rte_pktmbuf_append(
		header, ADDRESSES + (bridging->tagged ? 0 : TAG_SIZE));
	memcpy(start, bridging->frame, ADDRESSES);
	if (!bridging->tagged)
		write_tag(start + ADDRESSES, bridging->tci);
	rte_pktmbuf_adj(rest, (uint16_t)skipped);
	header->next = rest;
	header->nb_segs = (uint16_t)(1 + rest->nb_segs);
	header->pkt_len = header->data_len + rest->pkt_len;
	return header;
}

/* ---------------------------------------------------------------- to where */

/* The buffers go to every target; references for all of them but one are taken here. */
static void send_shared(const struct bridging *bridging, struct rte_mbuf *mbuf,
			const struct targets *targets)
{
	struct worker *worker = bridging->worker;
	unsigned int ingress = bridging->packet->interface;
	uint32_t length = mbuf->pkt_len;

	if (targets->count > 1)
		rte_pktmbuf_refcnt_update(mbuf, (int16_t)(targets->count - 1));
	for (unsigned int i = 0; i < targets->count; i++) {
		uint64_t member = targets->member[i];
		struct interface_counters *egress = &worker->interface[member_interface(member)];
		counter_add(&egress->tx_packets, 1);
		counter_add(&egress->tx_bytes, length);
		transmit_add(worker, member_port(member), mbuf, ingress);
	}
	counter_add(&worker->interface[ingress].forwarded, targets->count);
}

/* A packet for a frame that goes on to another stage. They are used again in turn: far more than can be on
 * their way at a time. */
static struct packet *spare_packet(struct worker *worker)
{
	return &worker->spare[worker->spare_next++ % SPARE_PACKETS];
}

static struct packet *as_spare(const struct bridging *bridging, struct rte_mbuf *mbuf)
{
	struct packet *packet = spare_packet(bridging->worker);

	*packet = *bridging->packet;
	packet->mbuf = mbuf;
	packet->l3 = rte_pktmbuf_mtod(mbuf, uint8_t *);
	packet->payload = PAYLOAD_ETHERNET;
	return packet;
}

/* To the bridge's own interface, as if received by it. */
static void receive(const struct bridging *bridging, struct rte_mbuf *mbuf, uint64_t member)
{
	struct worker *worker = bridging->worker;
	struct interface_counters *own = &worker->interface[member_interface(member)];

	if (worker->mpls.count == VECTOR_SIZE || worker->ip.count == VECTOR_SIZE) {
		drop(worker, mbuf, bridging->packet->interface, DROP_no_buffer);
		return;
	}
	counter_add(&worker->interface[bridging->packet->interface].decapsulated, 1);
	counter_add(&own->rx_packets, 1);
	counter_add(&own->rx_bytes, mbuf->pkt_len);
	classify_own(worker, as_spare(bridging, mbuf), member_interface(member));
}

/* Into a tunnel, which puts its headers before the frame. */
static void send_by_tunnel(const struct bridging *bridging, struct rte_mbuf *mbuf, uint64_t member)
{
	struct worker *worker = bridging->worker;

	if (worker->encapsulate.count == VECTOR_SIZE && !bridging->at_once) {
		encapsulate(worker);
		output(worker);
	}
	if (worker->encapsulate.count == VECTOR_SIZE) {
		drop(worker, mbuf, bridging->packet->interface, DROP_no_buffer);
		return;
	}
	tunnel_encapsulate(worker, as_spare(bridging, mbuf), member_interface(member));
}

/* Tunnels and our own interface get the frame alone: a whole copy, or the frame itself as the last one.
 * Returns how many copies were made. */
static unsigned int send_whole(const struct bridging *bridging, const struct targets *targets,
			       bool last, const struct port_set *tagged_members)
{
	unsigned int made = 0;

	(void)tagged_members;
	for (unsigned int i = 0; i < targets->count; i++) {
		uint64_t member = targets->member[i];
		bool itself = last && i + 1 == targets->count;
		bool own = (member >> MEMBER_PORT_SHIFT & 0xff) == PORT_VIRTUAL &&
			   member == bridging->members->member[SLOT_OWN];
		struct rte_mbuf *mbuf = itself ? bridging->mbuf
					       : rte_pktmbuf_copy(bridging->mbuf,
								  bridging->worker->pool, 0,
								  UINT32_MAX);
		if (mbuf == NULL) {
			failed(bridging->worker, member);
			continue;
		}
		if (!itself)
			made++;
		(void)own;
	}
	return made;
}
