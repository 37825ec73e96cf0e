/* SPDX-License-Identifier: BSD-3-Clause
 *
 * mpls.c: label switching.
 *
 * The common case, a swap towards one nexthop, is done in the vector's second pass itself; everything
 * else walks down the stack label by label in struct descent. A descent changes no byte of the packet
 * until it knows that the packet goes on, so that what is punted is what arrived.
 */
#include "dataplane/stage/branch.h"
#include "dataplane/stage/flow_hash.h"
#include "dataplane/stage/label_space.h"
#include "dataplane/stage/mpls_header.h"
#include "dataplane/stage/mpls_payload.h"
#include "dataplane/stage/nexthop.h"
#include "dataplane/stage/stage.h"

/* One packet on the way down its label stack. */
struct descent {
	struct worker *worker;
	struct packet *packet;
	uint8_t *top;       /* label stack entry that is looked at */
	const uint8_t *end; /* of the bytes that can be read */
	uint32_t word;      /* *top, with the traffic class that it would leave with */
	uint32_t ttl; /* that the packet would leave with: the node's one decrement is in it */
	unsigned int popped; /* labels that were popped */
};

static void end_by_drop(struct descent *descent, enum drop_reason reason)
{
	drop(descent->worker, descent->packet->mbuf, descent->packet->interface, reason);
}

static void end_by_punt(struct descent *descent, enum punt_reason reason)
{
	punt(descent->worker, descent->packet->mbuf, descent->packet->interface, reason,
	     descent->packet->l3);
}

/* TTL that leaves a node when `ttl` arrived (RFC 3443 2.1): 0 means that it must not leave. */
static inline uint32_t ttl_decrement(uint32_t ttl)
{
	return ttl == 0 ? 0 : ttl - 1;
}

/* ---------------------------------------------------------------- the ends of a descent */

/* TTL and traffic class into the IP header that a pop exposed; labels to be pushed get the same TTL. */
static void ip_expose(struct descent *descent, uint8_t *header, int payload, uint64_t entry,
		      bool set_ttl)
{
	uint32_t own = payload == PAYLOAD_IPV4 ? header[8] : header[7];
	uint32_t ttl = !set_ttl ? own : descent->ttl < own ? descent->ttl : own;
	bool set_class = (entry & LABEL_TC_UNIFORM) != 0;
	uint32_t class_selector = (descent->word & LSE_TC_MASK) >> 9 << 5;

	if (payload == PAYLOAD_IPV4)
		ipv4_store(header, ttl, set_class, class_selector);
	else
		ipv6_store(header, ttl, set_class, class_selector);
	descent->ttl = ttl;
}

/* To the output stage with the stack or payload at `l3`; labels that the nexthop pushes copy the
 * traffic class and, in the uniform model, the TTL (RFC 3443 3.1, 3.2). */
static void forward(struct descent *descent, uint64_t entry, uint8_t *l3, uint8_t payload,
		    uint32_t nexthop, uint8_t flags)
{
	uint32_t ttl = entry & LABEL_TTL_PIPE ? 255 : descent->ttl;
	struct packet *packet = descent->packet;

	packet->l3 = l3;
	packet->nexthop = nexthop;
	packet->push =
		(descent->word & LSE_TC_MASK) | ttl | (payload == PAYLOAD_MPLS ? 0 : LSE_BOTTOM);
	packet->payload = payload;
	packet->flags = (uint8_t)(flags | (packet->flags & PACKET_LAYERS));
	vector_add(&descent->worker->output, packet);
}

/* The nexthop of an entry: its own, or its flow's member of the group. */
static uint32_t choose(const struct descent *descent, uint64_t entry)
{
	uint32_t index = label_index(entry);

	if (!(entry & LABEL_GROUP))
		return index;
	return group_choose(descent->worker, index,
			    flow_hash_mpls(descent->packet->l3, descent->end,
					   descent->worker->tables->control.flow_seed));
}

/* The top label becomes `label`. RFC 3032 2.1, RFC 3443 2.1 */
static void end_by_swap(struct descent *descent, uint64_t entry, uint32_t label, uint32_t nexthop,
			uint8_t flags)
{
	if (descent->ttl == 0) {
		end_by_punt(descent, PUNT_mpls_ttl_exceeded);
		return;
	}
	lse_store(descent->top,
		  label << 12 | (descent->word & (LSE_TC_MASK | LSE_BOTTOM)) | descent->ttl);
	forward(descent, entry, descent->top, PAYLOAD_MPLS, nexthop, flags);
}

/* Penultimate hop popping: what is below goes to the nexthop as it is. In the uniform model it gets the
 * smaller TTL; in the pipe model the outgoing one is checked and the exposed one left alone. */
static void end_by_pop(struct descent *descent, uint64_t entry, uint32_t nexthop)
{
	uint8_t *below = descent->top + 4;
	bool uniform = !(entry & LABEL_TTL_PIPE);

	if (descent->ttl == 0) {
		end_by_punt(descent, PUNT_mpls_ttl_exceeded);
		return;
	}
	if (lse_is_bottom(descent->word)) {
		int payload = payload_of(below, descent->end);
		if (payload < 0) {
			end_by_drop(descent, DROP_mpls_payload_unknown);
			return;
		}
		if (uniform && (payload == PAYLOAD_IPV4 ? below[8] : below[7]) == 0) {
			end_by_punt(descent, PUNT_mpls_ttl_exceeded);
			return;
		}
		ip_expose(descent, below, payload, entry, uniform);
		forward(descent, entry, below, (uint8_t)payload, nexthop, 0);
		return;
	}
	uint32_t exposed = lse_load(below);
	uint32_t ttl = lse_ttl(exposed);
	if (uniform && ttl == 0) {
		end_by_punt(descent, PUNT_mpls_ttl_exceeded);
		return;
	}
	if (uniform && descent->ttl < ttl)
		ttl = descent->ttl;
	if (entry & LABEL_TC_UNIFORM)
		exposed = (exposed & ~LSE_TC_MASK) | (descent->word & LSE_TC_MASK);
	lse_store(below, (exposed & ~LSE_TTL_MASK) | ttl);
	descent->ttl = ttl;
	forward(descent, entry, below, PAYLOAD_MPLS, nexthop, 0);
}

/* The nexthop brings its own labels, the innermost of which replaces the top one; without any it pops. */
static void end_by_replace(struct descent *descent, uint64_t entry, uint32_t nexthop)
{
	const struct rewrite *rewrite = nexthop_usable(descent->worker, nexthop);

	if (rewrite == NULL) /* not left to the output stage, for which it may be there again */
		end_by_drop(descent, nexthop_trouble(descent->worker->tables, nexthop));
	else if (rewrite->label_count == 0)
		end_by_pop(descent, entry, nexthop);
	else
		end_by_swap(descent, entry, rewrite->label[rewrite->label_count - 1], nexthop,
			    PACKET_REPLACED);
}

/* The bottom label is gone: IP, in `vrf`. `allowed` is the payload that fits, or -1 for either. */
static void end_by_ip(struct descent *descent, uint64_t entry, uint8_t *below, unsigned int vrf,
		      int allowed)
{
	int payload = payload_of(below, descent->end);

	if (payload < 0 || (allowed >= 0 && payload != allowed)) {
		end_by_drop(descent, DROP_mpls_payload_unknown);
		return;
	}
	bool uniform = !(entry & LABEL_TTL_PIPE);
	ip_expose(descent, below, payload, entry, uniform);
	struct packet *packet = descent->packet;
	packet->l3 = below;
	packet->vrf = (uint8_t)vrf;
	packet->payload = (uint8_t)payload;
	packet->flags = (uint8_t)(PACKET_LABELLED | (uniform ? PACKET_TTL_DONE : 0) |
				  (packet->flags & PACKET_LAYERS));
	vector_add(&descent->worker->ip, packet);
}

/* ---------------------------------------------------------------- steps of a descent */

/* Is there an entropy label pair here (RFC 6790: indicator, then the label)? Both must be in the frame;
 * the walk to the bottom of the stack has made sure of that. RFC 7274 3.1: also behind the extension. */
static unsigned int entropy_pair_size(const uint8_t *at)
{
	uint32_t word = lse_load(at);
	unsigned int size = 8;

	if (lse_label(word) == LABEL_EXTENSION && !lse_is_bottom(word)) {
		word = lse_load(at + 4);
		size += 4;
	}
	if (lse_label(word) != LABEL_ENTROPY_INDICATOR || lse_is_bottom(word))
		return 0;
	return size;
}

/* The VRF of the interface that the packet came in by. */
static unsigned int ingress_vrf(const struct descent *descent)
{
	const struct tables *tables = descent->worker->tables;

	return (unsigned int)(word_load(&tables->interface[descent->packet->interface].flags) >>
			      INTERFACE_VRF_SHIFT);
}

/* The label above `below` is popped; go on with what stands there. RFC 3443 3: in the uniform model the
 * smaller of the outgoing TTL and the exposed one goes on; in the pipe model the exposed one is as if it
 * had come in. Entropy pairs go together with the label above them, and their TTL and traffic class say
 * nothing (RFC 6790 4.2); if one was the bottom of the stack, then the payload is for our own lookup, as
 * with explicit null. Returns false at such an end. */
static bool step_down(struct descent *descent, uint64_t entry, uint8_t *below)
{
	uint32_t traffic_class = descent->word & LSE_TC_MASK;

	for (unsigned int size; (size = entropy_pair_size(below)) != 0; below += size) {
		if (lse_is_bottom(lse_load(below + size - 4))) {
			end_by_ip(descent, entry, below + size, ingress_vrf(descent), -1);
			return false;
		}
	}
	descent->popped++;
	descent->top = below;
	descent->word = lse_load(below);
	uint32_t ttl = lse_ttl(descent->word);
	if (entry & LABEL_TTL_PIPE)
		descent->ttl = ttl_decrement(ttl);
	else if (ttl < descent->ttl)
		descent->ttl = ttl;
	if (entry & LABEL_TC_UNIFORM)
		descent->word = (descent->word & ~LSE_TC_MASK) | traffic_class;
	return true;
}

/* An entropy label pair arrived on top: the node before popped the label above it, so that the indicator
 * has that one's TTL (RFC 6790 4.2). Returns false at its end. */
static bool step_over_entropy(struct descent *descent, unsigned int size)
{
	uint8_t *below = descent->top + size;

	if (!lse_is_bottom(lse_load(below - 4)))
		return step_down(descent, 0, below);
	end_by_ip(descent, 0, below, ingress_vrf(descent), -1);
	return false;
}

/* Labels 0 to 15. Returns whether the descent goes on. */
static bool step_special(struct descent *descent)
{
	uint32_t label = lse_label(descent->word);
	unsigned int size = entropy_pair_size(descent->top);

	if (size != 0)
		return step_over_entropy(descent, size);
	switch (label) {
	case LABEL_IPV4_EXPLICIT_NULL:
	case LABEL_IPV6_EXPLICIT_NULL:
		if (!lse_is_bottom(descent->word)) /* RFC 4182: anywhere in the stack */
			return step_down(descent, 0, descent->top + 4);
		end_by_ip(descent, 0, descent->top + 4, ingress_vrf(descent),
			  label == LABEL_IPV4_EXPLICIT_NULL ? PAYLOAD_IPV4 : PAYLOAD_IPV6);
		return false;
	case LABEL_ROUTER_ALERT:
		end_by_punt(descent, PUNT_mpls_router_alert);
		return false;
	case LABEL_GENERIC_ASSOCIATED_CHANNEL:
		end_by_punt(descent, PUNT_mpls_oam);
		return false;
	case LABEL_OAM_ALERT:
		end_by_punt(descent, PUNT_mpls_oam_alert);
		return false;
	case LABEL_IMPLICIT_NULL:
		end_by_drop(descent, DROP_mpls_implicit_null);
		return false;
	case LABEL_EXTENSION:
		end_by_drop(descent, DROP_mpls_extended_label);
		return false;
	case LABEL_ENTROPY_INDICATOR: /* at the bottom: the label that it announces is missing */
		end_by_drop(descent, DROP_mpls_no_label_below);
		return false;
	default:
		end_by_drop(descent, DROP_mpls_reserved_label);
		return false;
	}
}

/* `pop ip`, `pop bridge`, a bud node's own copy: the label must be the last one but for an entropy pair, which goes with it. */
static void end_at_bottom(struct descent *descent, uint64_t entry)
{
	uint8_t *below = descent->top + 4;

	if (!lse_is_bottom(descent->word)) {
		unsigned int size = entropy_pair_size(below);
		if (size == 0 || !lse_is_bottom(lse_load(below + size - 4))) {
			end_by_drop(descent, DROP_mpls_not_bottom);
			return;
		}
		below += size;
	}
	if (label_operation(entry) == LABEL_POP_BRIDGE)
		pseudowire(descent->worker, descent->packet, entry, below);
	else
		end_by_ip(descent, entry, below,
			  label_operation(entry) == LABEL_REPLICATE ? label_out(entry) :
								      label_index(entry),
			  -1);
}

/* A copy by this branch. Returns how many were made: without a buffer for it none, which is counted there. */
static uint32_t copy_by(const struct descent *descent, uint64_t entry, uint32_t nexthop)
{
	struct descent copy = *descent;

	copy.packet = branch_copy(descent->worker, descent->packet, descent->top);
	if (copy.packet == NULL) {
		branch_lost(descent->worker, nexthop);
		return 0;
	}
	copy.top = copy.packet->l3;
	copy.end = copy.top + copy.packet->mbuf->data_len;
	if (descent->worker->output.count == VECTOR_SIZE)
		branch_flush(descent->worker);
	end_by_replace(&copy, entry, nexthop);
	return 1;
}

/* A copy by each branch that can send but the last of them, which is returned for the packet itself;
 * UINT32_MAX if there is none. */
static uint32_t copy_to_branches(const struct descent *descent, uint64_t entry,
				 const struct group_members *members, uint32_t *made)
{
	uint32_t last = UINT32_MAX;

	for (uint32_t i = 0; i < members->count && i < GROUP_MEMBER_MAX; i++) {
		uint32_t nexthop = members->member[i].nexthop;
		if (nexthop_usable(descent->worker, nexthop) == NULL) {
			branch_lost(descent->worker, nexthop);
			continue;
		}
		if (last != UINT32_MAX)
			*made += copy_by(descent, entry, last);
		last = nexthop;
	}
	return last;
}

/* What ends here, where anything may be written, shares nothing with the branches. False: no buffers. */
static bool have_alone(struct descent *descent)
{
	ptrdiff_t top = descent->top - descent->packet->l3;
	struct packet *alone = branch_alone(descent->worker, descent->packet, descent->top);

	if (alone == NULL)
		return false;
	descent->packet = alone;
	descent->top = alone->l3 + top;
	descent->end = rte_pktmbuf_mtod(alone->mbuf, uint8_t *) + alone->mbuf->data_len;
	return true;
}

/* A copy by each branch that can send (RFC 6388, RFC 4875). The packet itself is the last one's, or at a
 * bud node ours: there a TTL that ends here is as good as any, only the branches get nothing. */
static void end_by_replicate(struct descent *descent, uint64_t entry)
{
	struct worker *worker = descent->worker;
	uint64_t offset =
		word_load(&worker->tables->group_members[label_index(entry) & (GROUP_MAX - 1)]);
	bool local = (entry & LABEL_LOCAL) != 0;
	uint32_t last = UINT32_MAX, made = 0;

	if (offset == 0) {
		end_by_drop(descent, DROP_nexthop_invalid);
		return;
	}
	if (descent->ttl == 0 && !local) {
		end_by_punt(descent, PUNT_mpls_ttl_exceeded);
		return;
	}
	const struct group_members *members = tables_object(worker->tables, offset);
	if (descent->ttl != 0)
		last = copy_to_branches(descent, entry, members, &made);
	if (local && last != UINT32_MAX)
		made += copy_by(descent, entry, last);
	counter_add(&worker->interface[descent->packet->interface].copies, made);
	if (worker->output.count == VECTOR_SIZE)
		branch_flush(worker);
	if (local && made > 0 && !have_alone(descent)) {
		end_by_drop(descent, DROP_no_buffer);
		return;
	}
	if (local)
		end_at_bottom(descent, entry);
	else
		end_by_replace(descent, entry,
			       last != UINT32_MAX ? last : members->member[0].nexthop);
	branch_flush(worker); /* room for the vector's other packets */
}

static void count_label(struct worker *worker, unsigned int space, uint32_t label, uint64_t entry,
			const struct rte_mbuf *mbuf)
{
	struct traffic_counter *counters = worker->label[space];

	if ((entry & LABEL_NO_COUNTERS) || counters == NULL)
		return;
	counter_add(&counters[label].packets, 1);
	counter_add(&counters[label].bytes, mbuf->pkt_len);
}

/* One label. Returns whether there is another one to look at. */
static bool step(struct descent *descent, unsigned int space)
{
	uint32_t label = lse_label(descent->word);
	uint64_t offset = word_load(&descent->worker->tables->label_space[space]);
	uint64_t entry = 0;

	if (offset != 0)
		entry = word_load(
			(const _Atomic uint64_t *)tables_object(descent->worker->tables, offset) +
			label);
	if (label < LABEL_FIRST_FREE)
		return step_special(descent);
	if (label_operation(entry) != LABEL_NONE)
		count_label(descent->worker, space, label, entry, descent->packet->mbuf);
	switch (label_operation(entry)) {
	case LABEL_SWAP:
		end_by_swap(descent, entry, label_out(entry), choose(descent, entry), 0);
		return false;
	case LABEL_REPLACE:
		end_by_replace(descent, entry, choose(descent, entry));
		return false;
	case LABEL_REPLICATE:
		end_by_replicate(descent, entry);
		return false;
	case LABEL_POP:
		end_by_pop(descent, entry, choose(descent, entry));
		return false;
	case LABEL_POP_LABEL:
		if (lse_is_bottom(descent->word)) {
			end_by_drop(descent, DROP_mpls_no_label_below);
			return false;
		}
		return step_down(descent, entry, descent->top + 4);
	case LABEL_POP_IP:
	case LABEL_POP_BRIDGE:
		end_at_bottom(descent, entry);
		return false;
	default:
		end_by_drop(descent, DROP_mpls_unknown_label);
		return false;
	}
}

/* Everything that is not the common case. The first label is looked up in the packet's space, those
 * that a pop exposes in the platform's (RFC 3031 3.14). */
static __rte_noinline void descend(struct worker *worker, struct packet *packet)
{
	uint32_t word = lse_load(packet->l3);
	struct descent descent = {
		.worker = worker,
		.packet = packet,
		.top = packet->l3,
		.end = rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len,
		.word = word,
		.ttl = ttl_decrement(lse_ttl(word)),
	};
	unsigned int space = packet->space;

	while (step(&descent, space)) {
		space = 0;
		if (descent.popped == LAYERS_MAX) {
			end_by_drop(&descent, DROP_too_many_layers);
			return;
		}
	}
}

/* ---------------------------------------------------------------- the stage */

/* Does the stack have a bottom within the frame? Nothing beyond STACK_WALK_MAX labels is looked at. */
static inline bool stack_is_whole(const struct packet *packet)
{
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	const uint8_t *at = packet->l3;

	for (unsigned int i = 0; i < STACK_WALK_MAX; i++, at += 4) {
		if (at + 4 > end)
			return false;
		if (lse_is_bottom(lse_load(at)))
			return true;
	}
	return false;
}

/* A swap to one nexthop, uniform, counted: these bits of the entry and no others decide that. */
#define COMMON_MASK                                                                                \
	(LABEL_OPERATION_MASK << LABEL_OPERATION_SHIFT | LABEL_GROUP | LABEL_TTL_PIPE |            \
	 LABEL_NO_COUNTERS)
#define COMMON_SWAP   ((uint64_t)LABEL_SWAP << LABEL_OPERATION_SHIFT)
#define COMMON_POP    ((uint64_t)LABEL_POP << LABEL_OPERATION_SHIFT)
#define COMMON_POP_IP ((uint64_t)LABEL_POP_IP << LABEL_OPERATION_SHIFT)

static inline void count(struct traffic_counter *counter, const struct packet *packet)
{
	counter_add(&counter->packets, 1);
	counter_add(&counter->bytes, packet->mbuf->pkt_len);
}

static inline void swap(struct worker *worker, struct packet *packet, uint32_t word, uint64_t entry,
			struct traffic_counter *counter)
{
	uint32_t low = (word & (LSE_TC_MASK | LSE_BOTTOM | LSE_TTL_MASK)) - 1;

	lse_store(packet->l3, (uint32_t)label_out(entry) << 12 | low);
	packet->nexthop = label_index(entry);
	packet->push = low & ~LSE_BOTTOM;
	count(counter, packet);
	vector_add(&worker->output, packet);
}

/* end_by_pop for the common case: uniform, one nexthop, another label below with a TTL that counts. */
static inline bool pop(struct worker *worker, struct packet *packet, uint32_t word, uint64_t entry,
		       struct traffic_counter *counter)
{
	uint32_t ttl = lse_ttl(word) - 1;

	if (lse_is_bottom(word) || (entry & LABEL_TC_UNIFORM))
		return false;
	uint32_t exposed = lse_load(packet->l3 + 4);
	if (lse_ttl(exposed) == 0)
		return false;
	if (lse_ttl(exposed) < ttl)
		ttl = lse_ttl(exposed);
	packet->l3 += 4;
	lse_store(packet->l3, (exposed & ~LSE_TTL_MASK) | ttl);
	packet->nexthop = label_index(entry);
	packet->push = (word & LSE_TC_MASK) | ttl;
	count(counter, packet);
	vector_add(&worker->output, packet);
	return true;
}

/* end_by_ip for the common case: uniform, the last label, and the traffic class not handed down. */
static inline bool pop_ip(struct worker *worker, struct packet *packet, uint32_t word,
			  uint64_t entry, struct traffic_counter *counter)
{
	const uint8_t *end =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	uint8_t *header = packet->l3 + 4;
	uint32_t ttl = lse_ttl(word) - 1;

	if (!lse_is_bottom(word) || (entry & LABEL_TC_UNIFORM))
		return false;
	int payload = payload_of(header, end);
	if (payload == PAYLOAD_IPV4)
		ipv4_store(header, header[8] < ttl ? header[8] : ttl, false, 0);
	else if (payload == PAYLOAD_IPV6)
		ipv6_store(header, header[7] < ttl ? header[7] : ttl, false, 0);
	else
		return false;
	packet->l3 = header;
	packet->vrf = (uint8_t)label_index(entry);
	packet->payload = (uint8_t)payload;
	packet->flags =
		(uint8_t)(PACKET_LABELLED | PACKET_TTL_DONE | (packet->flags & PACKET_LAYERS));
	count(counter, packet);
	vector_add(&worker->ip, packet);
	return true;
}

static inline void switch_label(struct worker *worker, struct packet *packet, struct lookup lookup)
{
	uint32_t word = lse_load(packet->l3);
	uint64_t entry = word_load(lookup.entry);
	uint64_t common = entry & COMMON_MASK;

	if (unlikely(!lse_is_bottom(word) && !stack_is_whole(packet))) {
		drop(worker, packet->mbuf, packet->interface, DROP_mpls_truncated);
		return;
	}
	if (likely(lse_ttl(word) > 1)) {
		if (common == COMMON_SWAP) {
			swap(worker, packet, word, entry, lookup.counter);
			return;
		}
		if (common == COMMON_POP && pop(worker, packet, word, entry, lookup.counter))
			return;
		if (common == COMMON_POP_IP && pop_ip(worker, packet, word, entry, lookup.counter))
			return;
	}
	descend(worker, packet);
}

void mpls(struct worker *worker)
{
	struct lookup lookups[VECTOR_SIZE];
	unsigned int count = worker->mpls.count;
	struct packet **packets = worker->mpls.packet;

	if (count == 0)
		return;
	struct space space = space_get(worker, packets[0]->space);
	for (unsigned int i = 0; i < count; i++) {
		if (unlikely(packets[i]->space != space.number))
			space = space_get(worker, packets[i]->space);
		lookups[i] = look_up(&space, packets[i]);
	}
	if (worker->pushing) /* the new labels will stand before the frames, maybe in other lines */
		for (unsigned int i = 0; i < count; i++)
			rte_prefetch0(packets[i]->l3 - CACHE_LINE);
	for (unsigned int i = 0; i < count; i++)
		switch_label(worker, packets[i], lookups[i]);
	worker->mpls.count = 0;
}
