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
	uint8_t slot[BRIDGE_SLOTS];
};

static inline uint64_t member_of(const struct bridging *bridging, unsigned int slot)
{
	return bridging->members->member[slot];
}

static inline void failed(const struct bridging *bridging, unsigned int slot)
{
	uint32_t interface = member_interface(member_of(bridging, slot));

	counter_add(&bridging->worker->interface[interface].copies_failed, 1);
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
		uint64_t member = member_of(bridging, targets->slot[i]);
		struct interface_counters *egress = &worker->interface[member_interface(member)];
		counter_add(&egress->tx_packets, 1);
		counter_add(&egress->tx_bytes, length);
		transmit_add(worker, member_port(member), mbuf, ingress);
	}
	counter_add(&worker->interface[ingress].forwarded, targets->count);
}

/* The frame in `mbuf` as a packet that goes on to another stage. */
static struct packet *as_packet(const struct bridging *bridging, struct rte_mbuf *mbuf)
{
	struct packet *packet = packet_of(mbuf);

	*packet = *bridging->packet;
	packet->mbuf = mbuf;
	packet->l3 = rte_pktmbuf_mtod(mbuf, uint8_t *);
	packet->payload = PAYLOAD_ETHERNET;
	return packet;
}

/* To the bridge's own interface, as if received by it. */
static void receive(const struct bridging *bridging, struct rte_mbuf *mbuf)
{
	struct worker *worker = bridging->worker;
	uint32_t interface = member_interface(member_of(bridging, SLOT_OWN));
	struct interface_counters *own = &worker->interface[interface];

	/* all of them may meet in worker->ip */
	if (worker->mpls.count + worker->ip.count + worker->filter.count >= VECTOR_SIZE) {
		drop(worker, mbuf, bridging->packet->interface, DROP_no_buffer);
		return;
	}
	counter_add(&worker->interface[bridging->packet->interface].decapsulated, 1);
	counter_add(&own->rx_packets, 1);
	counter_add(&own->rx_bytes, mbuf->pkt_len);
	classify_own(worker, as_packet(bridging, mbuf), interface);
}

/* A tunnel or our own interface gets the buffers alone. They end. */
static void send_whole(const struct bridging *bridging, struct rte_mbuf *mbuf, unsigned int slot)
{
	bool tag = slot != SLOT_OWN && port_set_has(&bridging->domain->tagged, slot);

	if (tag != bridging->tagged && !change_tag(bridging, mbuf))
		drop(bridging->worker, mbuf, bridging->packet->interface, DROP_no_headroom);
	else if (slot == SLOT_OWN)
		receive(bridging, mbuf);
	else
		tunnel_encapsulate(bridging->worker, as_packet(bridging, mbuf),
				   member_interface(member_of(bridging, slot)));
}

/* Copies for these; the last one gets the frame itself if nobody else needs it. Returns how many got one. */
static unsigned int send_whole_copies(const struct bridging *bridging,
				      const struct targets *targets, bool give)
{
	unsigned int sent = 0;

	for (unsigned int i = 0; i < targets->count; i++) {
		struct rte_mbuf *mbuf = bridging->mbuf;
		if (!give || i + 1 < targets->count)
			mbuf = rte_pktmbuf_copy(bridging->mbuf, bridging->worker->pool, 0,
						UINT32_MAX);
		if (mbuf == NULL) {
			failed(bridging, targets->slot[i]);
			continue;
		}
		send_whole(bridging, mbuf, targets->slot[i]);
		sent++;
	}
	return sent;
}

/* Ports that get another tag than the frame has. `give`: the frame itself is theirs. Returns how many got
 * one; the frame itself ends if it was theirs. */
static unsigned int send_other(const struct bridging *bridging, const struct targets *targets,
			       bool give)
{
	struct rte_mbuf *mbuf = bridging->mbuf;

	if (!give) {
		mbuf = other_form(bridging);
		if (mbuf == NULL) {
			for (unsigned int i = 0; i < targets->count; i++)
				failed(bridging, targets->slot[i]);
			return 0;
		}
	} else if (!change_tag(bridging, mbuf)) {
		drop(bridging->worker, mbuf, bridging->packet->interface, DROP_no_headroom);
		return 1;
	}
	send_shared(bridging, mbuf, targets);
	return targets->count;
}

/* ---------------------------------------------------------------- all of them */

/* Where a slot's copy belongs, or NULL: it cannot be sent there. */
static inline struct targets *targets_of(const struct bridging *bridging, unsigned int slot,
					 struct targets *same, struct targets *other,
					 struct targets *whole)
{
	uint64_t member = member_of(bridging, slot);
	unsigned int port = member_port(member);

	if (unlikely(payload_length(bridging) > member_mtu(member) && slot != SLOT_OWN)) {
		failed(bridging, slot);
		return NULL;
	}
	if (unlikely(port >= PORT_MAX))
		return whole;
	if (unlikely(!atomic_load_explicit(&bridging->worker->port_live[port],
					   memory_order_relaxed))) {
		failed(bridging, slot);
		return NULL;
	}
	return port_set_has(&bridging->domain->tagged, slot) == bridging->tagged ? same : other;
}

/* Takes the ports out whose filters don't let it leave, and returns how many they are: copies that were
 * made and dropped. What leaves by the bridge's own interface is another matter: it comes in there. */
static __rte_noinline unsigned int filter_ports(const struct bridging *bridging,
						struct port_set *ports)
{
	unsigned int denied = 0;
	bool only = port_set_count(ports) == 1;

	for (unsigned int i = 0; i < SLOT_WORDS; i++) {
		for (uint64_t word = ports->word[i]; word != 0; word &= word - 1) {
			unsigned int slot = i * 64 + (unsigned int)__builtin_ctzll(word);
			if (slot == SLOT_OWN ||
			    filter_frame_out(bridging->worker, bridging->packet,
					     member_interface(member_of(bridging, slot)), only))
				continue;
			port_set_remove(ports, slot);
			denied++;
		}
	}
	return denied;
}

/* What no port gets: it ended with the last of its `denied` copies, or ends here. */
static void end_without_port(const struct bridging *bridging, unsigned int denied)
{
	if (denied == 0)
		drop(bridging->worker, bridging->mbuf, bridging->packet->interface,
		     DROP_bridge_no_port);
	else
		rte_pktmbuf_free(bridging->mbuf);
}

/* What a tunnel's own way leads out of the bridge is not flooded into tunnels, by whose ways it could come back
 * here, each time to all of them. */
static __rte_noinline void spare_tunnels(const struct bridging *bridging, struct port_set *ports)
{
	if (port_set_count(ports) == 1)
		return;
	for (unsigned int i = 0; i < SLOT_WORDS; i++)
		for (uint64_t word = ports->word[i]; word != 0; word &= word - 1) {
			unsigned int slot = i * 64 + (unsigned int)__builtin_ctzll(word);
			if (member_port(member_of(bridging, slot)) < PORT_MAX)
				continue;
			port_set_remove(ports, slot);
			failed(bridging, slot);
		}
}

void bridge_replicate(const struct bridging *bridging, struct port_set *ports)
{
	struct targets same, other, whole;
	struct interface_counters *ingress =
		&bridging->worker->interface[bridging->packet->interface];
	unsigned int sent = 0, denied = 0;

	if (unlikely(bridging->packet->flags & PACKET_ENCAPSULATED) &&
	    bridging->port->slot == SLOT_OWN)
		spare_tunnels(bridging, ports);
	if (unlikely(word_load(&bridging->worker->tables->filter_outs) != 0))
		denied = filter_ports(bridging, ports);
	same.count = other.count = whole.count = 0;
	for (unsigned int i = 0; i < SLOT_WORDS; i++) {
		for (uint64_t word = ports->word[i]; word != 0; word &= word - 1) {
			unsigned int slot = i * 64 + (unsigned int)__builtin_ctzll(word);
			struct targets *targets = targets_of(bridging, slot, &same, &other, &whole);
			if (targets != NULL)
				targets->slot[targets->count++] = (uint8_t)slot;
		}
	}
	if (unlikely(same.count + other.count + whole.count == 0)) {
		end_without_port(bridging, denied);
		if (denied > 1)
			counter_add(&ingress->copies, denied - 1);
		return;
	}
	/* whole copies first: the frame is as it came until the last of its ports gets it */
	if (unlikely(whole.count > 0))
		sent += send_whole_copies(bridging, &whole, same.count + other.count == 0);
	if (other.count > 0)
		sent += send_other(bridging, &other, same.count == 0);
	if (same.count > 0) {
		send_shared(bridging, bridging->mbuf, &same);
		sent += same.count;
	}
	sent += denied;
	if (sent > 1)
		counter_add(&ingress->copies, sent - 1);
}
