/* SPDX-License-Identifier: BSD-3-Clause
 *
 * ip-send.c: IP packets out, by routes, nexthops, neighbours and labels.
 */
#include <stdlib.h>
#include "controlplane/protocol/bytes.h"
#include "controlplane/protocol/icmp-error.h"
#include "controlplane/protocol/inject.h"
#include "controlplane/protocol/ip-fragment.h"
#include "controlplane/protocol/ip-send.h"
#include "controlplane/protocol/neighbour.h"
#include "dataplane/shm/lpm.h"

enum {
	TYPE_IPV4 = 0x0800,
	TYPE_IPV6 = 0x86dd,
	TYPE_MPLS = 0x8847,
	ETHERNET_HEADER = 14,
	BOTTOM = 1 << 8,
	LABEL_TTL = 255,
	STEPS_MAX = 4, /* labels popped on the way along a path */
	OPTION_END = 0,
	OPTION_NOTHING = 1,
	OPTION_LOOSE_ROUTE = 131,
	OPTION_STRICT_ROUTE = 137,
};

static bool is_ipv4(const uint8_t *packet)
{
	return packet[0] >> 4 == 4;
}

static struct address destination_of(const uint8_t *packet)
{
	struct address address = { .bytes = { [10] = 0xff, 0xff } };

	if (is_ipv4(packet))
		memcpy(address.bytes + 12, packet + 16, 4);
	else
		memcpy(address.bytes, packet + 24, 16);
	return address;
}

/* ---------------------------------------------------------------- nexthops */

/* The rewrite to use, or NULL. */
static const struct rewrite *usable(const struct model *model, uint32_t nexthop)
{
	uint64_t word = word_load(&model->tables->nexthop[nexthop % NEXTHOP_MAX]);
	const struct rewrite *rewrite = nexthop_rewrite(model->tables, word);

	if (nexthop_kind(word) != NEXTHOP_FORWARD)
		return NULL;
	if (model->state == NULL || model->state->port_live[rewrite->port] ||
	    rewrite->backup == NEXTHOP_NONE)
		return rewrite;
	word = word_load(&model->tables->nexthop[rewrite->backup % NEXTHOP_MAX]);
	return nexthop_kind(word) == NEXTHOP_FORWARD ? nexthop_rewrite(model->tables, word) : NULL;
}

static unsigned int pushed_size(const struct rewrite *rewrite)
{
	return rewrite->label_count * 4u +
	       (rewrite->flags & REWRITE_ENTROPY && rewrite->label_count > 0 ? 8 : 0);
}

unsigned int nexthop_pushes(const struct model *model, uint32_t nexthop)
{
	const struct rewrite *rewrite = usable(model, nexthop);

	return rewrite == NULL ? 0 : pushed_size(rewrite) / 4;
}

unsigned int nexthop_mtu(const struct model *model, uint32_t nexthop)
{
	const struct rewrite *rewrite = usable(model, nexthop);

	return rewrite == NULL || rewrite->mtu < pushed_size(rewrite)
		       ? 0
		       : rewrite->mtu - pushed_size(rewrite);
}

/* A way out: what each fragment of a packet gets. */
struct way {
	struct model *model;
	const struct rewrite *rewrite;
	const uint32_t *stack;
	unsigned int depth;
	uint8_t ttl;
};

static int send_frame(void *context, const uint8_t *packet, size_t length)
{
	static uint8_t frame[FRAME_MAX];
	const struct way *way = context;
	const struct rewrite *rewrite = way->rewrite;
	unsigned int labels = rewrite->label_count + way->depth;
	size_t at = rewrite->header_length;

	if (ETHERNET_HEADER + at + labels * 4u + length > sizeof(frame))
		return -EMSGSIZE;
	memcpy(frame, rewrite->header + sizeof(rewrite->header) - at, at);
	if (at == 0) { /* into a tunnel: the type alone counts */
		memset(frame, 0, ETHERNET_HEADER);
		at = ETHERNET_HEADER;
		store16(frame + at - 2, TYPE_MPLS);
	}
	if (labels == 0)
		store16(frame + at - 2, is_ipv4(packet) ? TYPE_IPV4 : TYPE_IPV6);
	for (unsigned int i = 0; i < labels; i++, at += 4) {
		uint32_t word = i < rewrite->label_count ? rewrite->label[i] << 12 | way->ttl
							 : way->stack[i - rewrite->label_count];
		store32(frame + at, (word & ~(uint32_t)BOTTOM) | (i + 1 == labels ? BOTTOM : 0));
	}
	memcpy(frame + at, packet, length);
	return inject_frame(way->model, rewrite->interface, frame, at + length);
}

int ip_send_by_nexthop(struct model *model, uint32_t nexthop, const uint32_t *stack,
		       unsigned int depth, const uint8_t *packet, size_t length, uint8_t ttl,
		       uint32_t ingress)
{
	struct way way = { model, usable(model, nexthop), stack, depth, ttl };

	if (way.rewrite == NULL)
		return -EHOSTUNREACH;
	unsigned int labels = (way.rewrite->label_count + depth) * 4u;
	if (labels >= way.rewrite->mtu)
		return -EMSGSIZE;
	return ip_fragments(packet, length, way.rewrite->mtu - labels, ingress == PACKET_OWN,
			    arc4random(), send_frame, &way);
}

/* A nexthop whose neighbour is not known: the packet waits there, unless it needs labels. */
static int wait_for_nexthop(struct model *model, uint32_t index, const uint8_t *packet,
			    size_t length, uint16_t vrf, uint32_t ingress)
{
	const struct nexthop_object *nexthop = model->nexthop[index % NEXTHOP_MAX];

	if (nexthop == NULL || nexthop->neighbour == NULL || nexthop->key.label_count > 0 ||
	    nexthop->interface->tunnel != NULL || neighbour_known(nexthop->neighbour))
		return -EHOSTUNREACH;
	return neighbour_send(model, nexthop->neighbour, packet, length, vrf, ingress);
}

static int send_to(struct model *model, uint32_t nexthop, const uint8_t *packet, size_t length,
		   uint16_t vrf, uint32_t ingress)
{
	uint8_t ttl = is_ipv4(packet) ? packet[8] : packet[7];

	if (usable(model, nexthop) != NULL)
		return ip_send_by_nexthop(model, nexthop, NULL, 0, packet, length, ttl, ingress);
	return wait_for_nexthop(model, nexthop, packet, length, vrf, ingress);
}

/* Some member that can be used: packets of ours are few. */
static uint32_t member_of(const struct model *model, uint32_t group)
{
	const struct nexthop_group *row = &model->tables->group[group % GROUP_MAX];
	uint32_t first = atomic_load_explicit(&row->bucket[0], memory_order_acquire);

	for (unsigned int i = 0; i < GROUP_BUCKETS; i++) {
		uint32_t member = atomic_load_explicit(&row->bucket[i], memory_order_acquire);
		if (usable(model, member) != NULL)
			return member;
	}
	return first;
}

/* ---------------------------------------------------------------- routes */

static uint32_t look_up(const struct model *model, uint16_t vrf, const uint8_t *packet)
{
	bool ipv4 = is_ipv4(packet);

	return lpm_lookup(model->tables,
			  &model->tables->route_root[vrf % VRF_MAX][ipv4 ? ROUTE_IPV4 : ROUTE_IPV6],
			  packet + (ipv4 ? 16 : 24));
}

uint32_t ip_nexthop(const struct model *model, uint16_t vrf, const uint8_t *packet)
{
	uint32_t leaf = look_up(model, vrf, packet);

	if (route_kind(leaf) == ROUTE_NEXTHOP)
		return route_index(leaf);
	return route_kind(leaf) == ROUTE_GROUP ? member_of(model, route_index(leaf)) : NEXTHOP_NONE;
}

static int send_on_link(struct model *model, uint32_t index, const uint8_t *packet, size_t length,
			uint16_t vrf, uint32_t ingress)
{
	struct interface_object *interface = index < INTERFACE_MAX ? model->interface[index] : NULL;
	struct address to = destination_of(packet);

	if (interface == NULL || interface->kind == INTERFACE_LOOPBACK ||
	    !neighbour_plausible(model, interface, &to))
		return -EHOSTUNREACH;
	struct neighbour_object *neighbour = neighbour_discover(model, &to, interface);
	if (neighbour == NULL)
		return -EHOSTUNREACH;
	return neighbour_send(model, neighbour, packet, length, vrf, ingress);
}

int ip_send(struct model *model, uint16_t vrf, const uint8_t *packet, size_t length,
	    uint32_t ingress)
{
	uint32_t leaf = look_up(model, vrf, packet), index = route_index(leaf);

	switch (route_kind(leaf)) {
	case ROUTE_NEXTHOP:
		return send_to(model, index, packet, length, vrf, ingress);
	case ROUTE_GROUP:
		return send_to(model, member_of(model, index), packet, length, vrf, ingress);
	case ROUTE_GLEAN:
		return send_on_link(model, index, packet, length, vrf, ingress);
	default:
		return -ENETUNREACH;
	}
}

int ip_send_to_neighbour(struct model *model, const struct interface_object *interface,
			 const uint8_t *packet, size_t length)
{
	struct address to = destination_of(packet);
	struct neighbour_object *neighbour = neighbour_find(model, &to, interface);

	if (neighbour == NULL || !neighbour_known(neighbour))
		return -ENOENT;
	return neighbour_send(model, neighbour, packet, length, 0, PACKET_OWN);
}

/* ---------------------------------------------------------------- along a path */

/* Labels below the top one, with TTLs that last to the path's end. */
static unsigned int copy_below(const struct punted *punted, unsigned int top, uint32_t *stack,
			       unsigned int at)
{
	for (unsigned int i = top + 1; i < punted->depth; i++)
		stack[at++] = (punted->stack[i] & ~0xffu) | LABEL_TTL;
	return at;
}

static int send_by_entry(struct model *model, const struct punted *punted, unsigned int top,
			 uint64_t entry, const uint8_t *packet, size_t length)
{
	uint32_t index = label_index(entry), stack[PUNTED_STACK_MAX];
	uint32_t nexthop = entry & LABEL_GROUP ? member_of(model, index) : index;
	uint32_t low = (punted->stack[top] & 0xe00) | LABEL_TTL;
	unsigned int depth = 0;

	if (label_operation(entry) == LABEL_SWAP)
		stack[depth++] = label_out(entry) << 12 | low;
	/* REPLACE: the nexthop's own labels take the top one's place; POP: nothing does */
	depth = copy_below(punted, top, stack, depth);
	return ip_send_by_nexthop(model, nexthop, stack, depth, packet, length, LABEL_TTL,
				  PACKET_OWN);
}

int ip_send_along(struct model *model, const struct punted *punted, const uint8_t *packet,
		  size_t length)
{
	unsigned int space = punted->ingress->settings.space;

	for (unsigned int top = 0; top < punted->depth && top < STEPS_MAX; top++) {
		uint32_t label = punted->stack[top] >> 12;
		uint64_t entry =
			label >= LABEL_FIRST_FREE ? label_get(model->tables, space, label) : 0;
		switch (label_operation(entry)) {
		case LABEL_SWAP:
		case LABEL_REPLACE:
		case LABEL_POP:
			return send_by_entry(model, punted, top, entry, packet, length);
		case LABEL_POP_LABEL:
			break;
		default: /* explicit null above other labels goes like a pop */
			if (label != 0 && label != 2)
				return -ENETUNREACH;
		}
		space = 0; /* RFC 3031 3.14 */
	}
	return -ENETUNREACH;
}

/* ---------------------------------------------------------------- forwarding */

enum { OPTIONS_GOOD = 0, OPTIONS_REFUSED = -1 };

/* Options of a packet that goes on: OPTIONS_GOOD if whole; OPTIONS_REFUSED with one that lets the sender
 * choose the way (RFC 7126 4.3, 4.4: drop); else the offset of the byte that is wrong. */
static int check_options(const struct punted *punted)
{
	size_t at = IPV4_HEADER_SIZE;

	while (punted->ipv4 && at < punted->header_length) {
		const uint8_t *option = punted->packet + at;
		if (option[0] == OPTION_END)
			return OPTIONS_GOOD;
		if (option[0] == OPTION_NOTHING) {
			at++;
			continue;
		}
		if (punted->header_length - at < 2 || option[1] < 2 ||
		    option[1] > punted->header_length - at)
			return (int)at;
		if (option[0] == OPTION_LOOSE_ROUTE || option[0] == OPTION_STRICT_ROUTE)
			return OPTIONS_REFUSED;
		at += option[1];
	}
	return OPTIONS_GOOD;
}

/* One less TTL; IPv4's checksum is mended (RFC 1624). */
static void decrement(uint8_t *packet, bool ipv4)
{
	if (!ipv4) {
		packet[7]--;
		return;
	}
	uint32_t sum = (uint32_t)load16(packet + 10) + 0x100;
	packet[8]--;
	store16(packet + 10, sum + (sum >> 16));
}

static void tell(struct model *model, const struct punted *punted, int result)
{
	struct icmp_cause cause = icmp_cause_of(punted);

	if (result == -EMSGSIZE) {
		uint32_t nexthop = ip_nexthop(model, punted->vrf, punted->packet);
		unsigned int mtu = nexthop_mtu(model, nexthop);
		if (nexthop == NEXTHOP_NONE) { /* on a connected network */
			uint32_t leaf = look_up(model, punted->vrf, punted->packet);
			const struct interface_object *interface =
				route_kind(leaf) == ROUTE_GLEAN && route_index(leaf) < INTERFACE_MAX
					? model->interface[route_index(leaf)]
					: NULL;
			mtu = interface != NULL ? interface_mtu(interface) : 0;
		}
		icmp_error_send(model, &cause, ICMP_ERROR_TOO_BIG, mtu);
	} else if (result == -EHOSTUNREACH) {
		icmp_error_send(model, &cause, ICMP_ERROR_HOST_UNREACHABLE, 0);
	} else if (result == -ENETUNREACH) {
		icmp_error_send(model, &cause, ICMP_ERROR_NET_UNREACHABLE, 0);
	}
}

void ip_forward(struct model *model, const struct punted *punted)
{
	static uint8_t copy[FRAME_MAX];
	struct icmp_cause cause = icmp_cause_of(punted);
	int options = check_options(punted);

	if (options != OPTIONS_GOOD) {
		model->counters.packets_dropped++;
		if (options != OPTIONS_REFUSED) /* RFC 1812 4.3.3.5 */
			icmp_error_send(model, &cause, ICMP_ERROR_PARAMETER, (unsigned int)options);
		return;
	}
	if (punted_is_link_local(punted)) {
		model->counters.packets_dropped++;
		icmp_error_send(model, &cause, ICMP_ERROR_BEYOND_SCOPE, 0);
		return;
	}
	memcpy(copy, punted->packet, punted->length);
	if (!punted->ttl_done) {
		if (copy[punted->ipv4 ? 8 : 7] <= 1) {
			icmp_error_send(model, &cause, ICMP_ERROR_TIME_EXCEEDED, 0);
			return;
		}
		decrement(copy, punted->ipv4);
	}
	int result = ip_send(model, punted->vrf, copy, punted->length, punted->ingress->index);
	if (result == 0)
		return;
	model->counters.packets_dropped++;
	tell(model, punted, result);
}
