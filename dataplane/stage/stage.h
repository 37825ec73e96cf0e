/* SPDX-License-Identifier: BSD-3-Clause
 *
 * stage.h: the stages, in the order in which packets meet them, and how a packet ends.
 *
 *   classify -> filter -> mpls -> tunnel -> ip -> output -> (worker_flush)
 *                  \        \________/      /        \-> encapsulate -> output
 *                   \____________\_________/-> punt, drop
 *
 * What a tunnel carried goes round again by its own stage, as far as it is not IP: mpls. A packet may
 * leave and enter TUNNEL_LAYERS_MAX tunnels.
 */
#ifndef SHUNT_STAGE_H
#define SHUNT_STAGE_H

#include <rte_branch_prediction.h>
#include "dataplane/stage/watch.h"
#include "dataplane/worker.h"

/* Frames of one interface to the vectors of the next stages: destination address, VLAN tags and
 * Ethertype. All of them are counted as received. */
void classify(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
	      unsigned int count);

/* IP packets that came in by an interface with a filter: those that it lets in go on to worker->ip.
 * Empties worker->filter. */
void filter(struct worker *worker);

/* The same for one packet that packet->interface, which has a filter, took out of a tunnel. False: it ended
 * here. */
bool filter_in(struct worker *worker, struct packet *packet);

/* The same for the filters of VRFs, whatever way a packet got there. Of worker->ip. */
void filter_vrf(struct worker *worker);

/* May a packet for ourselves, or for the host, have it? False: it ended here. For every way up. */
bool filter_local(struct worker *worker, struct packet *packet);

/* May it leave by the interface? False: it ended here. */
bool filter_out(struct worker *worker, struct packet *packet, uint32_t interface);

/* May a frame that is no IP packet come in? False: it ended here. ARP is not asked about. */
bool filter_ethertype(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface,
		      uint16_t type);

/* May a frame at packet->l3, Ethernet header and a tag or more, come into a bridge by packet->interface, which
 * has a filter? False: it ended here. */
bool filter_frame_in(struct worker *worker, const struct packet *packet);

/* May a copy of it leave by a bridge's port? `only`: no other port gets it, so that a policer may mark it.
 * False: the copy was dropped, which is counted at packet->interface; its buffer is the caller's. */
bool filter_frame_out(struct worker *worker, const struct packet *packet, uint32_t interface,
		      bool only);

/* Meters of policing rules, and the way to look at rows. */
int filter_init(struct worker *worker);

/* Label switching (RFC 3031, 3032, 3443). Empties worker->mpls. */
void mpls(struct worker *worker);

/* IP packets that came out of labels, by VRF. Empties worker->ip. */
void ip(struct worker *worker);

/* Takes IP packets that a tunnel was made for out of worker->ip and what they carry out of them (GRE RFC
 * 2784, 2890, 4023; IP in IP RFC 2003, 2473; VXLAN RFC 7348): IP stays in worker->ip, in its place; labelled
 * packets go to worker->mpls. What no tunnel was made for stays as it is. */
void tunnel(struct worker *worker);

/* An IP packet for ourselves that no tunnel took: was it one for tunnels? Then it is dropped with the
 * reason why none took it. False: it was none, and goes on. */
bool tunnel_refuse(struct worker *worker, struct packet *packet);

/* An Ethernet frame at packet->l3 that tunnel or pseudowire packet->interface has received: the end of its
 * way is the bridge's. */
void receive_ethernet(struct worker *worker, struct packet *packet);

/* A packet whose bottom label is LABEL_POP_BRIDGE's `entry`: Ethernet (RFC 4448) at `below`, behind the
 * control word if there is one (RFC 4385). It ends here, or in the bridge. */
void pseudowire(struct worker *worker, struct packet *packet, uint64_t entry, uint8_t *below);

/* The outer headers of the tunnels that packet->nexthop names (an interface row) onto the packets, then to
 * the tunnel's underlay. Empties worker->encapsulate, fills worker->output. */
void encapsulate(struct worker *worker);

/* Send what waits in worker->encapsulate and in worker->output; some may wait again, which lie in other
 * tunnels. */
void tunnel_make_room(struct worker *worker);

/* Send a packet by a tunnel or pseudowire: `l3` is what goes inside, `payload` says what it is
 * (PAYLOAD_ETHERNET: l3 is the Ethernet header), its length is within the tunnel's MTU. The bytes from
 * buffer's start to l3 are the packet's own (no other reference to them). Counts it as sent at the row. */
static inline void tunnel_encapsulate(struct worker *worker, struct packet *packet,
				      uint32_t interface)
{
	if (unlikely(worker->encapsulate.count == VECTOR_SIZE))
		tunnel_make_room(worker);
	packet->nexthop = interface;
	worker->encapsulate.packet[worker->encapsulate.count++] = packet;
}

/* Frames of worker->bridge from their ports, which packet->interface names (or from labels: enum
 * bridge_way), to the ports of their bridge (bridge.c); what is for the bridge's own interface goes to the stages of its kind. */
void bridge(struct worker *worker);
int bridge_init(struct worker *worker);

/* classify, for an interface that is a bridge's port. */
void bridge_classify(struct worker *worker, unsigned int interface, struct rte_mbuf **mbufs,
		     unsigned int count);

/* A frame out of a bridge's own interface: it begins with its Ethernet header and ends at once, counted at
 * packet->interface, or goes into a tunnel. The packet need not outlive the call. */
void bridge_send(struct worker *worker, struct packet *packet, uint32_t interface);

/* An IP packet to a multicast group that is not of its link alone, its header validated: to the bridges and
 * routed interfaces of its VRF on which hosts have asked for it. It ends here. */
void multicast_route(struct worker *worker, struct packet *packet);

/* IGMP or MLD to any multicast address, its header validated, by an interface to whose hosts groups are routed:
 * it ends here, at the control plane. False: it is none, and goes on. */
bool membership(struct worker *worker, struct packet *packet);

/* The same for a packet that is a martian for its source: IGMP of hosts without an address yet (RFC 3376
 * 4.2.13). */
bool membership_unconfigured(struct worker *worker, struct packet *packet);

/* A frame that a bridge hands to its own interface, untagged and counted as received. */
void classify_own(struct worker *worker, struct packet *packet, uint32_t interface);

/* Rewrite and put into the egress port's transmit buffer. Empties worker->output. */
void output(struct worker *worker);

/* Send a copy to the control plane, free the packet, count it as punted (or as dropped, if the policer
 * or the ring says no). `l3` is where its layer-3 header or label stack began on arrival. */
void punt(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
	  enum punt_reason reason, const uint8_t *l3);

/* The same for a packet that is dropped anyhow, so that its sender can be told: what the policer or the
 * ring refuses is counted as `otherwise`, which says more than how many could be told. */
void punt_or_drop(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		  enum punt_reason reason, const uint8_t *l3, enum drop_reason otherwise);

/* The same for a packet that is longer than its nexthop's MTU: it begins at `l3`, as it would have left,
 * and is of this Ethertype. */
void punt_too_long(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		   const uint8_t *l3, uint32_t nexthop, uint32_t ethertype);

/* Policers of `rate` packets a second and reason; a tenth of a second's worth may come at once. */
int punt_init(struct worker *worker, unsigned int rate);

/* Frames from the control plane to the transmit buffers; returns how many. They stay in the ring until
 * inject_done, after worker_flush: a worker that dies before that sends them again. */
unsigned int inject(struct worker *worker);
void inject_done(struct worker *worker, unsigned int count);

/* The kernel, for what is addressed to this machine and no protocol of shunt's (host.c). A packet that it
 * gets ends as consumed (and to_host), or is dropped as host_policed or host_ring_full. `l3` is where the
 * layer-3 header begins: labels and tunnels before it are taken off, VLAN tags stay. */
void host(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface, const uint8_t *l3,
	  enum host_class class);

/* A copy for the kernel, created (copies) and ended as above; the packet itself goes on. */
void host_copy(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       const uint8_t *l3, enum host_class class);

/* An IP packet that has arrived: for the control plane (ICMP echo, IGMP, MLD), for the kernel (what is not
 * ICMP), or for both (all other ICMP: the kernel's connections need its errors). Without a mirror on the
 * ingress interface's port it is the control plane's, as PUNT_ip_local. */
void host_local(struct worker *worker, struct packet *packet);

/* What no stage handles, but a mirrored port's kernel may: of an unknown Ethertype or LLC to our address or
 * to a group. False: it is not for the kernel and goes on. */
bool host_other(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
		const uint8_t *l3);

/* DHCP before a client has an address (RFC 2131 4.1): from 0.0.0.0 to 255.255.255.255. False: it is none,
 * or nobody listens. */
bool host_unconfigured(struct worker *worker, struct packet *packet);

/* Does the kernel want to see this ARP packet too? Answers and announcements: so it learns addresses, and
 * the control plane alone answers. */
bool host_wants_arp(const uint8_t *arp, const uint8_t *end);

/* Frames from the kernel to the transmit buffers; returns how many. */
unsigned int host_poll(struct worker *worker);

/* Frames for the kernel go into `ring`; policers of `rate` packets a second, port and class, a tenth of a
 * second's worth at once. */
int host_init(struct worker *worker, struct rte_ring *ring, struct host_bell *bell,
	      unsigned int rate);

/* Has the port of this interface a mirror? Not asked by packets that are forwarded. */
static inline bool host_mirrored(const struct worker *worker, unsigned int interface)
{
	uint64_t flags = word_load(&worker->tables->interface[interface].flags);
	uint64_t kind = flags >> INTERFACE_KIND_SHIFT & 0xf;
	unsigned int port = (unsigned int)(flags >> INTERFACE_PORT_SHIFT) & 0xff;

	return (kind == INTERFACE_PORT || kind == INTERFACE_VLAN) && port < PORT_MAX &&
	       (worker->current->mirrored >> port & 1) != 0;
}

/* Put one packet into a port row's transmit buffer; counts it as forwarded at `ingress`. */
void transmit(struct worker *worker, unsigned int port, struct rte_mbuf *mbuf,
	      unsigned int ingress);

/* Send what waits for one port row. */
void transmit_port(struct worker *worker, unsigned int port);

/* Remember it for `show drops`, and show it to those who watch: whatever of the two is wanted. */
void drop_look(struct worker *worker, const struct rte_mbuf *mbuf, unsigned int interface,
	       enum drop_reason reason);
/* Remember packets of all reasons again, the next of each: a few times a second. */
void drop_sample_again(struct worker *worker, uint64_t now);

/* That a packet ends here; its buffer is the caller's. */
static inline void drop_count(struct worker *worker, const struct rte_mbuf *mbuf,
			      unsigned int interface, enum drop_reason reason)
{
	counter_add(&worker->interface[interface].drop[reason], 1);
	if (unlikely((worker->drop_wanted[reason][interface % DROP_WANTED] |
		      (worker->watch & WATCH_PACKETS)) != 0))
		drop_look(worker, mbuf, interface, reason);
}

/* The same of several packets. */
static inline void drop_count_all(struct worker *worker, struct rte_mbuf *const *mbufs,
				  unsigned int count, unsigned int interface,
				  enum drop_reason reason)
{
	/* each that is looked at may be the last that is wanted */
	for (unsigned int i = 0; i < count; i++) {
		if (likely((worker->drop_wanted[reason][interface % DROP_WANTED] |
			    (worker->watch & WATCH_PACKETS)) == 0)) {
			counter_add(&worker->interface[interface].drop[reason], count - i);
			return;
		}
		drop_count(worker, mbufs[i], interface, reason);
	}
}

/* The packet ends here. */
static inline void drop(struct worker *worker, struct rte_mbuf *mbuf, unsigned int interface,
			enum drop_reason reason)
{
	drop_count(worker, mbuf, interface, reason);
	rte_pktmbuf_free(mbuf);
}

static inline void vector_add(struct vector *vector, struct packet *packet)
{
	vector->packet[vector->count++] = packet;
}

#endif
