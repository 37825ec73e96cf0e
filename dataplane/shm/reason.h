/* SPDX-License-Identifier: BSD-3-Clause
 *
 * reason.h: why a packet was dropped or sent up to the control plane. One name each; the counters,
 * `shuntctl show drops` and the tests are generated from these two lists. Append only: a number is
 * part of the shared layout.
 */
#ifndef SHUNT_SHM_REASON_H
#define SHUNT_SHM_REASON_H

/* clang-format off */
#define DROP_REASONS(X)                                                                            \
	X(runt_frame, "shorter than its Ethernet header and tags")                                 \
	X(interface_down, "came in by an interface that is set down")                              \
	X(not_for_us, "destination MAC is neither ours nor a multicast that we take")              \
	X(unknown_vlan, "no subinterface has these VLAN tags")                                     \
	X(unknown_ethertype, "no stage handles this Ethertype")                                    \
	X(mpls_disabled, "labelled, on an interface without `mpls on`")                            \
	X(mpls_truncated, "frame ends before the bottom of the label stack")                       \
	X(mpls_unknown_label, "no entry for this label in its label space")                        \
	X(mpls_reserved_label, "special-purpose label that nobody has defined a use for")          \
	X(mpls_implicit_null, "label 3 must never be on the wire (RFC 3032 2.1)")                  \
	X(mpls_extended_label, "extended special-purpose label that nobody has defined (RFC 7274)") \
	X(mpls_no_label_below, "`pop label` at the bottom of the stack")                           \
	X(mpls_not_bottom, "`pop ip` or `pop bridge` above the bottom of the stack")               \
	X(mpls_payload_unknown, "first nibble below the stack is not 4 or 6")                      \
	X(mpls_upstream_label, "upstream-assigned label (0x8848) without a context space")         \
	X(too_many_layers, "more labels or layers to remove than the limit")                       \
	X(nexthop_unresolved, "nexthop's link-layer address is not known")                         \
	X(nexthop_invalid, "table names a nexthop, group or port that is not there")               \
	X(nexthop_down, "nexthop's port is down and no backup is up")                              \
	X(blackhole, "routed into a blackhole")                                                    \
	X(mtu_exceeded, "longer than the egress interface's MTU, and not IP to answer")            \
	X(no_headroom, "no room in the buffer for the labels and headers to put on")               \
	X(ip_invalid, "IP header is not valid")                                                    \
	X(ip_no_route, "no route to the destination")                                              \
	X(bridge_unknown, "no such bridge")                                                        \
	X(tx_full, "the egress device did not take it")                                            \
	X(tx_port_gone, "the egress port is not running")                                          \
	X(punt_policed, "more for the control plane than its policer lets through")                \
	X(punt_ring_full, "control plane does not keep up, or does not run")                       \
	X(punt_too_long, "frame for the control plane is longer than a ring slot")                 \
	X(inject_invalid, "control plane's frame names an interface that is not there")            \
	X(no_buffer, "packet buffers are used up")                                                 \
	X(ip_checksum, "IPv4 header checksum is wrong")                                            \
	X(ip_martian, "source or destination that must not be on a link (RFC 1812 5.3.7)")         \
	X(ip_multicast, "multicast to a group that is routed nowhere")                              \
	X(fragment_invalid, "fragment of a length or offset that none can have")                   \
	X(fragment_tiny, "first fragment without the whole transport header (RFC 1858, RFC 7112)") \
	X(fragment_overlap, "fragments of a packet for ourselves overlap (RFC 5722)")              \
	X(fragment_duplicate, "fragment that was there already")                                   \
	X(fragments_full, "too many fragments wait for the rest of their packets")                 \
	X(fragment_timeout, "the rest of the packet did not come in time")                         \
	X(host_policed, "more for the kernel by the port's mirror than its policer lets through")  \
	X(host_ring_full, "the kernel does not keep up with what is for it")                       \
	X(tunnel_unknown, "for a tunnel, and no tunnel has these addresses")                       \
	X(tunnel_key, "tunnels have these addresses, but none this key or VNI, or its lack")       \
	X(tunnel_truncated, "ends before its tunnel header does")                                  \
	X(tunnel_header, "tunnel header whose version or flags nobody takes (RFC 2784, 7348)")     \
	X(tunnel_down, "tunnel that it came in by or goes out by is set down")                     \
	X(tunnel_checksum, "GRE or UDP checksum is wrong")                                         \
	X(tunnel_sequence_old, "GRE sequence number is too far behind, or not newer (strict)")     \
	X(tunnel_sequence_duplicate, "GRE sequence number that came already")                      \
	X(tunnel_sequence_missing, "no GRE sequence number, on a tunnel that asks for one")        \
	X(tunnel_payload, "of a protocol that its tunnel does not carry")                          \
	X(tunnel_ecn, "congestion was marked outside, and inside is not ECN-capable (RFC 6040)")   \
	X(tunnel_no_route, "nothing leads to the tunnel's remote end")                             \
	X(pseudowire_control_word, "first nibble of the control word is neither 0 nor 1 (RFC 4385)") \
	X(bridge_vlan, "the bridge's port is not in this VLAN")                                    \
	X(bridge_reserved, "to 01:80:c2:00:00:0x, which no bridge passes on")                      \
	X(bridge_source, "source address is multicast, zero, or the bridge's own")                 \
	X(bridge_same_port, "its destination is behind the port that it came in by")               \
	X(bridge_no_port, "no other port of the bridge may have it")                               \
	X(bridge_unknown_unicast, "address is not known, and the bridge does not flood")           \
	X(bridge_unregistered, "multicast that nobody asked for, and the bridge does not flood")   \
	X(bridge_storm, "more broadcast, multicast or unknown unicast than the port may send")     \
	X(multicast_no_route, "multicast whose source nobody elsewhere asked for")                  \
	X(multicast_incoming, "multicast that is not routed back to its source this way")          \
	X(multicast_ttl, "multicast whose TTL ends here or is below all its thresholds")            \
	X(ip_rpf_strict, "no route back to the source by the interface it came in by")             \
	X(ip_rpf_loose, "no route back to the source")                                                       \
	X(filter_in, "denied by the filter of the interface that it came in by, or of its VRF")    \
	X(filter_out, "denied by the filter of the interface that it would have left by")          \
	X(filter_local, "for ourselves, and denied by the filter of what is")                      \
	X(filter_policed, "above the rate of the rule that permits it")                            \
	X(filter_truncated, "filtered, and ends within its layer-4 or extension headers")          \
	X(filter_headers, "filtered, and has more extension headers than are walked")              \
	X(tiny_fragment, "filtered, and a fragment that hides its layer-4 header (RFC 1858, 3128, 7112)") \
	X(tunnel_owner_busy, "of a tunnel with sequence numbers, whose worker does not keep up")   \
	X(filter_xdp, "denied by the filter of the port that it came in by, in the NIC's driver")  \
	X(filter_exceeded, "above the committed rate of a rule that denies what exceeds it")

#define PUNT_REASONS(X)                                                                            \
	X(mpls_ttl_exceeded, "label TTL would reach 0")                                            \
	X(mpls_router_alert, "label 1 (RFC 3032 2.1)")                                             \
	X(mpls_oam, "label 13, generic associated channel (RFC 5586)")                             \
	X(mpls_oam_alert, "label 14 (RFC 3429)")                                                   \
	X(mtu_exceeded, "IP packet longer than the egress MTU")                                    \
	X(arp, "ARP")                                                                              \
	X(nd, "IPv6 neighbour discovery")                                                          \
	X(ip_local, "IP packet for ourselves")                                                     \
	X(ip_ttl_exceeded, "IP TTL or hop limit would reach 0")                                    \
	X(ip_unreachable, "route says unreachable, or the source is of its link only")             \
	X(ip_options, "IPv4 options on a packet that goes on")                                     \
	X(neighbour_unknown, "on a connected network, link-layer address not known yet")           \
	X(ip_no_route, "no route to the destination")                                              \
	X(fragment_timeout, "the rest of a packet for ourselves did not come in time")             \
	X(gre_keepalive, "GRE keepalive: our own one back, or the remote's to be sent back") \
	X(igmp, "IGMP, for snooping")                                                              \
	X(mld, "MLD, for snooping")                                                                \
	X(pim, "PIM, for snooping")                                                                \
	X(stp, "a bridge says that the spanning tree changed")

/* clang-format on */

#define X(name, text) DROP_##name,
enum drop_reason { DROP_REASONS(X) DROP_REASON_COUNT };
#undef X
#define X(name, text) PUNT_##name,
enum punt_reason { PUNT_REASONS(X) PUNT_REASON_COUNT };
#undef X

/* The reason's name as users see it, or "?" for a number that is none. */
const char *drop_reason_name(unsigned int reason);
const char *drop_reason_text(unsigned int reason);
const char *punt_reason_name(unsigned int reason);
const char *punt_reason_text(unsigned int reason);

#endif
