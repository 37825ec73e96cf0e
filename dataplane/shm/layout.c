/* SPDX-License-Identifier: BSD-3-Clause
 *
 * layout.c: a hash of where every shared field stands, so that two builds with the same hash agree.
 */
#include <stddef.h>
#include "bridge.h"
#include "filter.h"
#include "hash.h"
#include "layout.h"
#include "reason.h"
#include "tunnel.h"

struct place {
	const char *name;
	uint64_t offset;
	uint64_t size;
};

#define STRUCT(s) { #s, alignof(struct s), sizeof(struct s) },
/* clang-format off */
#define FIELD(s, f)     { #s "." #f, offsetof(struct s, f), sizeof(((struct s *)0)->f) },
#define CONSTANT(value) { #value, 0, (uint64_t)(value) },

static const struct place places[] = {
	CONSTANT(SHUNT_ABI_VERSION)
	CONSTANT(WORKER_MAX) CONSTANT(PORT_MAX) CONSTANT(INTERFACE_MAX) CONSTANT(NEXTHOP_MAX)
	CONSTANT(GROUP_MAX) CONSTANT(GROUP_BUCKETS) CONSTANT(GROUP_MEMBER_MAX)
	CONSTANT(VRF_MAX) CONSTANT(ROUTE_UNREACHABLE) CONSTANT(ROUTE_KIND_SHIFT)
	CONSTANT(LABEL_SPACE_MAX) CONSTANT(LABEL_COUNT) CONSTANT(STACK_MAX)
	CONSTANT(RING_SLOTS) CONSTANT(FRAME_MAX) CONSTANT(HEAP_CHUNK)
	CONSTANT(HASH_VLAN) CONSTANT(HASH_NEIGHBOUR) CONSTANT(HASH_TUNNEL_IPV4) CONSTANT(HASH_TUNNEL_IPV6)
	CONSTANT(TUNNEL_MODES) CONSTANT(TUNNEL_FORMS) CONSTANT(TUNNEL_FORM_ANY) CONSTANT(TUNNEL_FORM_IPV6)
	CONSTANT(TUNNEL_CONTROL_WORD) CONSTANT(TUNNEL_SEQUENCE_WINDOW)
	CONSTANT(HASH_TABLE_MAX)
	CONSTANT(HASH_BUCKET_ENTRIES)
	CONSTANT(FILTER_MAX) CONSTANT(FILTER_SLOTS) CONSTANT(FILTER_SAMPLES)
	CONSTANT(FILTER_METERS) CONSTANT(FILTER_SLOTS_SHIFT)
	CONSTANT(FILTER_ACTION_SHIFT) CONSTANT(FILTER_LOG) CONSTANT(FILTER_MISC)
	CONSTANT(DROP_REASON_MAX) CONSTANT(DROP_REASON_COUNT)
	CONSTANT(PUNT_REASON_MAX) CONSTANT(PUNT_REASON_COUNT)
	CONSTANT(INTERFACE_FIRST_TUNNEL) CONSTANT(INTERFACE_SLICE) CONSTANT(BRIDGE_MAX)
	CONSTANT(BRIDGE_SLOTS) CONSTANT(VLAN_MAX) CONSTANT(FDB_MAX) CONSTANT(LEARN_SLOTS)
	CONSTANT(HASH_FDB) CONSTANT(HASH_GROUP) CONSTANT(HASH_GROUP_SOURCE)
	CONSTANT(HASH_MULTICAST_ROUTE) CONSTANT(LABEL_REPLICATE) CONSTANT(BRIDGE_DROP_UNKNOWN)
	CONSTANT(BRIDGE_INTERFACE_SHIFT) CONSTANT(MEMBER_MTU_SHIFT) CONSTANT(DOMAIN_ENFORCED)
	CONSTANT(DOMAIN_UNREGISTERED_SHIFT) CONSTANT(UNREGISTERED_DROP) CONSTANT(STORM_METERS)
	CONSTANT(BRIDGE_PORT_HORIZON) CONSTANT(GROUP_ABSENT) CONSTANT(MULTICAST_BRANCHES) CONSTANT(MULTICAST_NO_RPF)
	CONSTANT(INTERFACE_PSEUDOWIRE) CONSTANT(INTERFACE_BRIDGED)
	CONSTANT(INTERFACE_MSS_SHIFT) CONSTANT(INTERFACE_BRIDGE_SHIFT) CONSTANT(INTERFACE_HAS_VLANS) CONSTANT(INTERFACE_KIND_SHIFT)
	CONSTANT(INTERFACE_SPACE_SHIFT) CONSTANT(INTERFACE_UPSTREAM_SHIFT)
	CONSTANT(INTERFACE_PORT_SHIFT) CONSTANT(INTERFACE_MTU_SHIFT) CONSTANT(INTERFACE_VRF_SHIFT)
	CONSTANT(STAGE_COUNT) CONSTANT(WATCH_SAMPLE) CONSTANT(WATCH_PROGRAM_MAX)
	CONSTANT(PORT_FAILED) CONSTANT(LABEL_SPECIAL) CONSTANT(LABEL_INDEX_SHIFT)
	CONSTANT(LABEL_OPERATION_SHIFT) CONSTANT(LABEL_GROUP) CONSTANT(LABEL_TTL_PIPE)
	CONSTANT(LABEL_TC_UNIFORM) CONSTANT(LABEL_NO_COUNTERS) CONSTANT(LABEL_CONTROL_WORD)
	CONSTANT(LABEL_ORIGIN_SHIFT) CONSTANT(ORIGIN_LEARNED)
	CONSTANT(NEXTHOP_BLACKHOLE) CONSTANT(NEXTHOP_KIND_SHIFT) CONSTANT(REWRITE_IS_BACKUP)

	STRUCT(region_header)
	FIELD(region_header, magic) FIELD(region_header, abi_version) FIELD(region_header, kind)
	FIELD(region_header, layout_hash) FIELD(region_header, size) FIELD(region_header, boot_id)
	FIELD(region_header, instance)

	STRUCT(frame_slot)
	FIELD(frame_slot, length) FIELD(frame_slot, interface) FIELD(frame_slot, reason)
	FIELD(frame_slot, l3_offset) FIELD(frame_slot, time) FIELD(frame_slot, sequence)
	FIELD(frame_slot, nexthop) FIELD(frame_slot, ethertype) FIELD(frame_slot, data)
	STRUCT(ring_producer)
	FIELD(ring_producer, tail) FIELD(ring_producer, slot)
	STRUCT(ring_consumer)
	FIELD(ring_consumer, head)

	STRUCT(port_wish)
	FIELD(port_wish, name) FIELD(port_wish, devargs) FIELD(port_wish, host_device)
	FIELD(port_wish, generation) FIELD(port_wish, identity) FIELD(port_wish, mtu)
	FIELD(port_wish, rx_queues) FIELD(port_wish, up) FIELD(port_wish, host_interface)
	STRUCT(port_row)
	FIELD(port_row, wish)
	STRUCT(interface)
	FIELD(interface, flags) FIELD(interface, mac) FIELD(interface, name)
	FIELD(interface, outer_tag) FIELD(interface, inner_tag) FIELD(interface, parent)
	FIELD(interface, features) FIELD(interface, object) FIELD(interface, bridge_port)
	FIELD(interface, underlay) FIELD(interface, filter_in) FIELD(interface, filter_out)
	STRUCT(port_status)
	FIELD(port_status, sequence) FIELD(port_status, generation) FIELD(port_status, condition)
	FIELD(port_status, link_up) FIELD(port_status, speed_mbps) FIELD(port_status, flaps)
	FIELD(port_status, identity) FIELD(port_status, dpdk_port) FIELD(port_status, mtu)
	FIELD(port_status, rx_queues) FIELD(port_status, tx_queues) FIELD(port_status, mac)
	FIELD(port_status, driver) FIELD(port_status, error) FIELD(port_status, rx_packets)
	FIELD(port_status, tx_packets) FIELD(port_status, rx_bytes) FIELD(port_status, tx_bytes)
	FIELD(port_status, rx_missed) FIELD(port_status, rx_errors) FIELD(port_status, tx_errors)
	FIELD(port_status, rx_nombuf) FIELD(port_status, xdp_kernel)
	FIELD(port_status, xdp_shunt) FIELD(port_status, xdp_mode) FIELD(port_status, host_interface)
	FIELD(port_status, host_lost)

	STRUCT(rewrite)
	FIELD(rewrite, header) FIELD(rewrite, header_length) FIELD(rewrite, label_count)
	FIELD(rewrite, port) FIELD(rewrite, interface) FIELD(rewrite, mtu) FIELD(rewrite, backup)
	FIELD(rewrite, label) FIELD(rewrite, via) FIELD(rewrite, flags)
	STRUCT(nexthop_group)
	FIELD(nexthop_group, bucket)
	STRUCT(group_members)
	FIELD(group_members, count) FIELD(group_members, member)
	STRUCT(group_record)
	FIELD(group_record, interface_count) FIELD(group_record, interface)

	STRUCT(vlan_entry)
	FIELD(vlan_key, port) FIELD(vlan_key, outer_tag) FIELD(vlan_key, inner_tag)
	FIELD(vlan_entry, key) FIELD(vlan_entry, interface)
	STRUCT(neighbour_entry)
	FIELD(neighbour_key, address) FIELD(neighbour_key, interface)
	FIELD(neighbour_entry, key) FIELD(neighbour_entry, mac) FIELD(neighbour_entry, origin)
	STRUCT(tunnel)
	FIELD(tunnel, header) FIELD(tunnel, local) FIELD(tunnel, remote) FIELD(tunnel, id)
	FIELD(tunnel, flags) FIELD(tunnel, mode) FIELD(tunnel, header_length) FIELD(tunnel, ttl)
	FIELD(tunnel, dscp) FIELD(tunnel, vrf) FIELD(tunnel, in_space) FIELD(tunnel, in_label)
	STRUCT(tunnel_entry_ipv4)
	FIELD(tunnel_key_ipv4, remote) FIELD(tunnel_key_ipv4, local) FIELD(tunnel_key_ipv4, id)
	FIELD(tunnel_key_ipv4, form) FIELD(tunnel_key_ipv4, vrf) FIELD(tunnel_entry_ipv4, value)
	STRUCT(tunnel_entry_ipv6)
	FIELD(tunnel_key_ipv6, remote) FIELD(tunnel_key_ipv6, local) FIELD(tunnel_key_ipv6, id)
	FIELD(tunnel_key_ipv6, form) FIELD(tunnel_key_ipv6, vrf) FIELD(tunnel_entry_ipv6, value)
	FIELD(tunnel_value, interface) FIELD(tunnel_value, flags) FIELD(tunnel_value, local)
	FIELD(tunnel_value, remote)
	STRUCT(hash_bucket)
	FIELD(hash_bucket, entry) FIELD(hash_bucket, overflow)
	STRUCT(hash_root)
	FIELD(hash_root, buckets) FIELD(hash_root, bucket_count) FIELD(hash_root, key_size)
	FIELD(hash_root, entry_size)

	STRUCT(bridge_row)
	FIELD(bridge_row, flags)
	FIELD(bridge_row, members)
	FIELD(bridge_row, domains)
	FIELD(bridge_row, ageing)
	STRUCT(bridge_members)
	FIELD(bridge_members, member)
	FIELD(bridge_members, isolated)
	FIELD(bridge_members, horizon)
	STRUCT(bridge_domain)
	FIELD(bridge_domain, member)
	FIELD(bridge_domain, tagged)
	FIELD(bridge_domain, routers)
	FIELD(bridge_domain, flags)
	FIELD(bridge_domain, vlan)
	FIELD(bridge_domain, bridge)
	STRUCT(bridge_port)
	FIELD(bridge_port, bridge)
	FIELD(bridge_port, slot)
	FIELD(bridge_port, native)
	FIELD(bridge_port, flags)
	FIELD(bridge_port, meter)
	FIELD(bridge_port, storm)
	STRUCT(learn_event)
	FIELD(learn_event, mac)
	FIELD(learn_event, vlan)
	FIELD(learn_event, interface)
	FIELD(learn_event, bridge)
	FIELD(learn_event, sequence)
	STRUCT(learn_producer)
	FIELD(learn_producer, tail)
	FIELD(learn_producer, slot)
	STRUCT(fdb_key)
	FIELD(fdb_key, mac)
	FIELD(fdb_key, vlan)
	FIELD(fdb_key, bridge)
	STRUCT(fdb_entry)
	FIELD(fdb_entry, key)
	FIELD(fdb_entry, interface)
	FIELD(fdb_entry, slot)
	FIELD(fdb_entry, origin)
	FIELD(fdb_entry, flags)
	FIELD(fdb_entry, hit)
	FIELD(fdb_entry, learned)
	STRUCT(group_key)
	FIELD(group_key, group)
	FIELD(group_key, bridge)
	FIELD(group_key, vlan)
	STRUCT(group_entry)
	FIELD(group_entry, key)
	FIELD(group_entry, ports)
	FIELD(group_entry, flags)
	STRUCT(group_source_entry)
	FIELD(group_source_entry, key)
	FIELD(group_source_entry, ports)
	STRUCT(multicast_route)
	FIELD(multicast_route, key)
	FIELD(multicast_route, count)
	FIELD(multicast_route, branch)
	STRUCT(drop_sample)
	FIELD(drop_sample, sequence) FIELD(drop_sample, time) FIELD(drop_sample, interface)
	FIELD(drop_sample, length) FIELD(drop_sample, captured) FIELD(drop_sample, data)
	STRUCT(filter_sample)
	FIELD(filter_sample, sequence) FIELD(filter_sample, time) FIELD(filter_sample, interface)
	FIELD(filter_sample, filter) FIELD(filter_sample, decision) FIELD(filter_sample, length)
	FIELD(filter_sample, ipv6) FIELD(filter_sample, header)
	STRUCT(filter_page)
	FIELD(filter_page, first) FIELD(filter_page, mask) FIELD(filter_page, key)
	FIELD(filter_page, header)
	STRUCT(filter_rule)
	FIELD(filter_rule, sequence) FIELD(filter_rule, text) FIELD(filter_rule, decision)
	FIELD(filter_rule, meter) FIELD(filter_rule, packets) FIELD(filter_rule, rate)
	FIELD(filter_rule, burst)
	STRUCT(filter_roots)
	FIELD(filter_roots, root)
	STRUCT(filter)
	FIELD(filter, size) FIELD(filter, roots) FIELD(filter, name) FIELD(filter, rule_count)
	FIELD(filter, words) FIELD(filter, dimensions) FIELD(filter, otherwise)
	FIELD(filter, slots) FIELD(filter, ethertypes) FIELD(filter, sets) FIELD(filter, rows)
	FIELD(filter, rule) FIELD(filter, decision) FIELD(filter, by_slot) FIELD(filter, class) FIELD(filter, sport)
	FIELD(filter, misc) FIELD(filter, map) FIELD(filter, summary) FIELD(filter, row)
	FIELD(filter, ethertype) FIELD(filter, fragment) FIELD(filter, page)

	STRUCT(traffic_counter)
	FIELD(traffic_counter, packets) FIELD(traffic_counter, bytes)
	STRUCT(interface_counters)
	FIELD(interface_counters, rx_packets) FIELD(interface_counters, rx_bytes)
	FIELD(interface_counters, decapsulated) FIELD(interface_counters, last_seen)
	FIELD(interface_counters, tx_sequence) FIELD(interface_counters, rx_sequence)
	FIELD(interface_counters, injected) FIELD(interface_counters, copies)
	FIELD(interface_counters, fragments) FIELD(interface_counters, forwarded)
	FIELD(interface_counters, tx_dropped) FIELD(interface_counters, punted)
	FIELD(interface_counters, consumed) FIELD(interface_counters, tx_packets)
	FIELD(interface_counters, tx_bytes) FIELD(interface_counters, to_host)
	FIELD(interface_counters, from_host) FIELD(interface_counters, copies_failed)
	FIELD(interface_counters, drop)

	STRUCT(tables_control)
	FIELD(tables_control, epoch) FIELD(tables_control, reclaim) FIELD(tables_control, sleeping)
	FIELD(tables_control, hash_key) FIELD(tables_control, flow_seed)
	FIELD(tables_control, heap_used) FIELD(tables_control, heap_start)
	FIELD(tables_control, heap_size) FIELD(tables_control, generation)
	FIELD(tables_control, interface_used) FIELD(tables_control, nexthop_used) FIELD(tables_control, group_used)
	FIELD(tables_control, tunnel_forms)
	FIELD(tables_control, tick) FIELD(tables_control, trace) FIELD(tables_control, capture)
	STRUCT(tables)
	FIELD(tables, header) FIELD(tables, control) FIELD(tables, label_space)
	FIELD(tables, label_baseline) FIELD(tables, hash_root) FIELD(tables, route_root)
	FIELD(tables, port)
	FIELD(tables, interface) FIELD(tables, interface_baseline) FIELD(tables, nexthop)
	FIELD(tables, group) FIELD(tables, group_members) FIELD(tables, punt_consumer)
	FIELD(tables, inject) FIELD(tables, bridge)
	FIELD(tables, learn_consumer)
	FIELD(tables, filter) FIELD(tables, filter_baseline) FIELD(tables, filter_vrf)
	FIELD(tables, filter_local) FIELD(tables, filter_vrfs) FIELD(tables, filter_outs)

	STRUCT(state_control)
	FIELD(state_control, generation) FIELD(state_control, worker_count)
	FIELD(state_control, workers_running)
	FIELD(state_control, heartbeat) FIELD(state_control, spaces_ready)
	FIELD(state_control, interfaces_ready) FIELD(state_control, tsc_hz) FIELD(state_control, version)
	STRUCT(worker_state)
	FIELD(worker_state, seen) FIELD(worker_state, turns) FIELD(worker_state, busy_turns)
	FIELD(worker_state, packets) FIELD(worker_state, busy_cycles)
	FIELD(worker_state, idle_cycles) FIELD(worker_state, naps) FIELD(worker_state, lcore)
	FIELD(worker_state, punted)
	STRUCT(state)
	FIELD(state, header) FIELD(state, control) FIELD(state, worker) FIELD(state, port_live)
	FIELD(state, port) FIELD(state, inject_consumer) FIELD(state, punt)
	FIELD(state, interface) FIELD(state, label) FIELD(state, learn) FIELD(state, fdb_hit)
	FIELD(state, filter_ready) FIELD(state, filter_sample) FIELD(state, drop_sample) FIELD(state, filter)
	FIELD(state, runtime)
	STRUCT(stage_counters)
	FIELD(stage_counters, calls) FIELD(stage_counters, packets) FIELD(stage_counters, cycles)
	STRUCT(watch_instruction)
	FIELD(watch_instruction, code) FIELD(watch_instruction, jump_true)
	FIELD(watch_instruction, jump_false) FIELD(watch_instruction, k)
	STRUCT(watch_wish)
	FIELD(watch_wish, generation) FIELD(watch_wish, deadline) FIELD(watch_wish, count)
	FIELD(watch_wish, interface) FIELD(watch_wish, options) FIELD(watch_wish, program_length)
};

/* clang-format on */

/* FNV-1a */
static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
	return (hash ^ byte) * 0x100000001b3ull;
}

static uint64_t hash_number(uint64_t hash, uint64_t number)
{
	for (unsigned int shift = 0; shift < 64; shift += 8)
		hash = hash_byte(hash, (uint8_t)(number >> shift));
	return hash;
}

uint64_t layout_hash(void)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	/* words are in the host's order: another byte order is another layout */
	const uint16_t order = 1;
	hash = hash_byte(hash, *(const uint8_t *)&order);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		for (const char *at = places[i].name; *at != '\0'; at++)
			hash = hash_byte(hash, (uint8_t)*at);
		hash = hash_number(hash, places[i].offset);
		hash = hash_number(hash, places[i].size);
	}
	return hash;
}
