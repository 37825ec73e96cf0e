/* SPDX-License-Identifier: BSD-3-Clause
 *
 * host.c: what is for the kernel, by the mirror of the port that it came in by; and what comes from there.
 *
 * A worker never calls the kernel for a frame: they go by rings to and from the thread of port/exchange.c.
 */
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <unistd.h>
#include "dataplane/stage/ip_header.h"
#include "dataplane/stage/stage.h"

enum {
	PACKET_WEIGHT = 1, /* rte_meter counts bytes; here every packet weighs one */
	ETHERTYPE_AT = 12,
	TAG_SIZE = 4,
	TAGS_MAX = 2,
	ARP_SIZE = 28, /* of IPv4 on Ethernet */
	ARP_REPLY = 2,
	ICMP = 1,
	IGMP = 2,
	ICMP_ECHO_REQUEST = 8,
	ICMP6_ECHO_REQUEST = 128,
	MLD_QUERY = 130,
	MLD_DONE = 132,
	MLD2_REPORT = 143,
	HOP_BY_HOP = 0,
	FRAGMENT = 44,
	FRAGMENT_HEADER = 8,
};

int host_init(struct worker *worker, struct rte_ring *ring, struct host_bell *bell,
	      unsigned int rate)
{
	struct rte_meter_srtcm_params parameters = {
		.cir = rate,
		.cbs = rate / 10 + 1,
		.ebs = 0,
	};
	struct host_path *host = &worker->host;

	host->ring = ring;
	host->bell = bell;
	host->profile = rte_zmalloc("host_profile", sizeof(*host->profile), 0);
	if (host->profile == NULL)
		return -ENOMEM;
	int result = rte_meter_srtcm_profile_config(host->profile, &parameters);
	for (unsigned int i = 0; result == 0 && i < PORT_MAX * HOST_CLASS_COUNT; i++)
		result = rte_meter_srtcm_config(
			&host->meter[i / HOST_CLASS_COUNT][i % HOST_CLASS_COUNT], host->profile);
	return result;
}

/* ---------------------------------------------------------------- to the kernel */

static inline unsigned int port_of(const struct worker *worker, unsigned int interface)
{
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);

	return (unsigned int)(flags >> INTERFACE_PORT_SHIFT) & 0xff;
}

static bool admitted(struct worker *worker, unsigned int interface, enum host_class class)
{
	struct rte_meter_srtcm *meter = &worker->host.meter[port_of(worker, interface)][class];

	return rte_meter_srtcm_color_blind_check(meter, worker->host.profile, rte_rdtsc(),
						 PACKET_WEIGHT) != RTE_COLOR_RED;
}

/* The thread looks at the rings before it sleeps; if it said that it does, wake it, once. */
static void ring_bell(struct host_bell *bell)
{
	const uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (!atomic_load_explicit(&bell->sleeping, memory_order_relaxed))
		return;
	atomic_store_explicit(&bell->sleeping, false, memory_order_relaxed);
	ssize_t written = write(bell->fd, &one, sizeof(one));
	(void)written; /* an eventfd that is full rings already */
}

static void hand_over(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface)
{
	mbuf->port = (uint16_t)port_of(worker, interface);
	if (unlikely(worker->watch & WATCH_PACKETS)) /* while it is ours */
		watch_end(worker, mbuf, interface, WATCH_CONSUMED, WATCH_to_host);
	if (rte_ring_sp_enqueue(worker->host.ring, mbuf) != 0) {
		drop(worker, mbuf, interface, DROP_host_ring_full);
		return;
	}
	counter_add(&worker->interface[interface].consumed, 1);
	counter_add(&worker->interface[interface].to_host, 1);
	ring_bell(worker->host.bell);
}

/* Bytes of the Ethernet header with its tags. */
static unsigned int link_header(const struct rte_mbuf *mbuf)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	unsigned int at = ETHERTYPE_AT;

	for (unsigned int i = 0; i < TAGS_MAX && at + TAG_SIZE + 2 <= mbuf->data_len; i++) {
		uint16_t type = ip_load16(frame + at);
		if (type != RTE_ETHER_TYPE_VLAN && type != RTE_ETHER_TYPE_QINQ)
			break;
		at += TAG_SIZE;
	}
	return at + 2;
}

/* `offset` bytes stand before the IP header: nothing but the Ethernet header and its tags shall. */
static void take_off(struct rte_mbuf *mbuf, unsigned int offset)
{
	uint8_t *frame = rte_pktmbuf_mtod(mbuf, uint8_t *);
	unsigned int header = link_header(mbuf);

	if (offset <= header)
		return;
	uint8_t *l3 = frame + offset;
	uint16_t type =
		rte_cpu_to_be_16(l3[0] >> 4 == 4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
	memmove(l3 - header, frame, header - sizeof(type));
	memcpy(l3 - sizeof(type), &type, sizeof(type));
	rte_pktmbuf_adj(mbuf, (uint16_t)(offset - header));
}

static inline unsigned int offset_in(const struct rte_mbuf *mbuf, const uint8_t *l3)
{
	return (unsigned int)(l3 - rte_pktmbuf_mtod(mbuf, const uint8_t *));
}

void host(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface, const uint8_t *l3,
	  enum host_class class)
{
	if (!admitted(worker, interface, class)) {
		drop(worker, mbuf, interface, DROP_host_policed);
		return;
	}
	take_off(mbuf, offset_in(mbuf, l3));
	hand_over(worker, mbuf, interface);
}

void host_copy(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       const uint8_t *l3, enum host_class class)
{
	struct interface_counters *counters = &worker->interface[interface];

	counter_add(&counters->copies, 1);
	if (!admitted(worker, interface, class)) {
		drop_count(worker, mbuf, interface, DROP_host_policed);
		return;
	}
	struct rte_mbuf *copy = rte_pktmbuf_copy(mbuf, worker->pool, 0, UINT32_MAX);
	if (copy == NULL) {
		drop_count(worker, mbuf, interface, DROP_no_buffer);
		return;
	}
	take_off(copy, offset_in(mbuf, l3));
	hand_over(worker, copy, interface);
}

/* ---------------------------------------------------------------- whose is it? */

enum taker { TAKER_SHUNT, TAKER_KERNEL, TAKER_BOTH };

/* A fragment is not looked into: the control plane puts ICMP together. */
static enum taker ipv4_taker(const uint8_t *header, const uint8_t *end)
{
	const uint8_t *message = header + (header[0] & 0xfu) * 4;

	if (header[9] == IGMP)
		return TAKER_SHUNT;
	if (header[9] != ICMP)
		return TAKER_KERNEL;
	if ((ip_load16(header + 6) & 0x3fff) != 0 || message >= end ||
	    message[0] == ICMP_ECHO_REQUEST)
		return TAKER_SHUNT;
	return TAKER_BOTH;
}

static enum taker icmp6_taker(uint8_t type)
{
	if (type == ICMP6_ECHO_REQUEST || (type >= MLD_QUERY && type <= MLD_DONE) ||
	    type == MLD2_REPORT)
		return TAKER_SHUNT;
	return TAKER_BOTH;
}

static enum taker ipv6_taker(const uint8_t *header, const uint8_t *end)
{
	const uint8_t *at = header + IPV6_HEADER;
	uint8_t next = header[6];

	if (next == HOP_BY_HOP && at + 2 <= end) {
		next = at[0];
		at += (at[1] + 1u) * 8;
	}
	if (next == FRAGMENT && at + FRAGMENT_HEADER <= end)
		return at[0] == IPV6_ICMP ? TAKER_SHUNT : TAKER_KERNEL;
	if (next != IPV6_ICMP)
		return TAKER_KERNEL;
	return at < end ? icmp6_taker(at[0]) : TAKER_SHUNT;
}

static bool is_group(const struct packet *packet)
{
	return packet->payload == PAYLOAD_IPV4 ? packet->l3[16] >= 0xe0 : packet->l3[24] == 0xff;
}

void host_local(struct worker *worker, struct packet *packet)
{
	struct rte_mbuf *mbuf = packet->mbuf;
	const uint8_t *end = rte_pktmbuf_mtod(mbuf, const uint8_t *) + mbuf->data_len;
	enum host_class class = is_group(packet) ? HOST_GROUP : HOST_UNICAST;
	enum taker taker = TAKER_SHUNT;

	if (!filter_local(worker, packet))
		return;
	if (host_mirrored(worker, packet->interface))
		taker = packet->payload == PAYLOAD_IPV4 ? ipv4_taker(packet->l3, end)
							: ipv6_taker(packet->l3, end);
	if (taker == TAKER_KERNEL) {
		host(worker, mbuf, packet->interface, packet->l3, class);
		return;
	}
	if (taker == TAKER_BOTH)
		host_copy(worker, mbuf, packet->interface, packet->l3, class);
	punt(worker, mbuf, packet->interface, PUNT_ip_local, packet->l3);
}

bool host_other(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		const uint8_t *l3)
{
	const uint8_t *frame = rte_pktmbuf_mtod(mbuf, const uint8_t *);
	uint64_t ours = word_load(&worker->tables->interface[interface].mac);

	if (!host_mirrored(worker, interface) ||
	    (!(frame[0] & 1) && memcmp(frame, &ours, RTE_ETHER_ADDR_LEN) != 0))
		return false;
	host(worker, mbuf, interface, l3, HOST_LINK);
	return true;
}

bool host_unconfigured(struct worker *worker, struct packet *packet)
{
	const uint8_t *header = packet->l3;

	if (packet->payload != PAYLOAD_IPV4 || (packet->flags & PACKET_LABELLED) ||
	    ip_load32(header + 12) != 0 || ip_load32(header + 16) != UINT32_MAX ||
	    !host_mirrored(worker, packet->interface))
		return false;
	if (filter_local(worker, packet))
		host(worker, packet->mbuf, packet->interface, header, HOST_GROUP);
	return true;
}

bool host_wants_arp(const uint8_t *arp, const uint8_t *end)
{
	return arp + ARP_SIZE <= end &&
	       (ip_load16(arp + 6) == ARP_REPLY || memcmp(arp + 14, arp + 24, 4) == 0);
}

/* ---------------------------------------------------------------- from the kernel */

static void send_frame(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf)
{
	struct interface_counters *counters = &worker->interface[port];

	counter_add(&counters->injected, 1);
	counter_add(&counters->from_host, 1);
	if (!(word_load(&worker->tables->interface[port].flags) & INTERFACE_UP)) {
		drop(worker, mbuf, port, DROP_tx_port_gone);
		return;
	}
	counter_add(&counters->tx_packets, 1);
	counter_add(&counters->tx_bytes, mbuf->pkt_len);
	transmit(worker, port, mbuf, port);
}

unsigned int host_poll(struct worker *worker)
{
	const struct plan *plan = worker->current;
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int total = 0;

	for (unsigned int i = 0; i < plan->host_count; i++) {
		unsigned int count = rte_ring_sc_dequeue_burst(plan->host[i].ring, (void **)mbufs,
							       VECTOR_SIZE, NULL);
		for (unsigned int k = 0; k < count; k++)
			send_frame(worker, plan->host[i].port, mbufs[k]);
		total += count;
	}
	return total;
}
