/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter.c: who may come in, leave, or talk to us. The classifier is shm/filter.h, vectors are in
 * filter_vector.c; here are policing, samples, and packets that are asked about one by one.
 *
 * A packet that is no IP packet passes: the IP stage drops it and says why. Fragments that hide their
 * layer-4 header are dropped before any rule is asked (RFC 1858, 3128, 7112).
 */
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include "dataplane/clock.h"
#include "dataplane/stage/filter_ask.h"
#include "dataplane/stage/mpls_payload.h"

enum { SAMPLES_A_SECOND = 50 }; /* of `log` rules, by one worker */

/* A policing rule's buckets. Made anew when the rule that has its index has other rates or bursts. */
struct filter_meter {
	uint64_t rate, burst, peak, excess;
	uint32_t packets;
	uint32_t made;
	union {
		struct {
			struct rte_meter_srtcm_profile profile;
			struct rte_meter_srtcm meter;
		} single; /* RFC 2697: peak is 0 */
		struct {
			struct rte_meter_trtcm_profile profile;
			struct rte_meter_trtcm meter;
		} two; /* RFC 2698 */
	};
};

int filter_init(struct worker *worker)
{
	struct rte_meter_srtcm_params parameters = {
		.cir = SAMPLES_A_SECOND, .cbs = SAMPLES_A_SECOND, .ebs = 0
	};

	worker->workers = 1;
	worker->simd = filter_has_simd();
	worker->meter = rte_zmalloc("filter_meter", FILTER_METERS * sizeof(*worker->meter), 0);
	worker->sample_profile = rte_zmalloc("filter_sample", sizeof(*worker->sample_profile), 0);
	if (worker->meter == NULL || worker->sample_profile == NULL)
		return -ENOMEM;
	int result = rte_meter_srtcm_profile_config(worker->sample_profile, &parameters);
	return result != 0 ? result
			   : rte_meter_srtcm_config(&worker->sample_meter, worker->sample_profile);
}

/* ---------------------------------------------------------------- police and log */

static uint64_t share_of(const struct worker *worker, uint64_t rate)
{
	uint64_t share = rate / worker->workers;

	return share > 0 ? share : 1;
}

/* The worker's share of the rates. Bursts are whole: one flow is one worker's. */
static void make_meter(const struct worker *worker, struct filter_meter *meter,
		       const struct filter_rule *rule)
{
	struct rte_meter_srtcm_params single = { .cir = share_of(worker, rule->rate),
						 .cbs = rule->burst,
						 .ebs = rule->excess };
	struct rte_meter_trtcm_params two = { .cir = share_of(worker, rule->rate),
					      .pir = share_of(worker, rule->peak),
					      .cbs = rule->burst,
					      .pbs = rule->excess };

	if (rule->peak == 0)
		meter->made =
			rte_meter_srtcm_profile_config(&meter->single.profile, &single) == 0 &&
			rte_meter_srtcm_config(&meter->single.meter, &meter->single.profile) == 0;
	else
		meter->made = rte_meter_trtcm_profile_config(&meter->two.profile, &two) == 0 &&
			      rte_meter_trtcm_config(&meter->two.meter, &meter->two.profile) == 0;
	meter->rate = rule->rate;
	meter->burst = rule->burst;
	meter->peak = rule->peak;
	meter->excess = rule->excess;
	meter->packets = rule->packets;
}

static enum rte_color color_of(struct worker *worker, const struct filter_rule *rule,
			       uint32_t length)
{
	struct filter_meter *meter = &worker->meter[rule->meter % FILTER_METERS];
	uint32_t weight = rule->packets ? 1 : length;

	if (!meter->made || meter->rate != rule->rate || meter->burst != rule->burst ||
	    meter->peak != rule->peak || meter->excess != rule->excess ||
	    meter->packets != rule->packets)
		make_meter(worker, meter, rule);
	if (!meter->made)
		return RTE_COLOR_RED;
	return meter->peak == 0
		       ? rte_meter_srtcm_color_blind_check(&meter->single.meter,
							   &meter->single.profile, rte_rdtsc(), weight)
		       : rte_meter_trtcm_color_blind_check(&meter->two.meter, &meter->two.profile,
							   rte_rdtsc(), weight);
}

/* Another DSCP; ECN stays. What others share is not written: such copies go on as they are. */
static void mark(const struct packet *packet, unsigned int dscp)
{
	uint8_t *header = packet->l3;

	if (rte_mbuf_refcnt_read(packet->mbuf) != 1 || RTE_MBUF_CLONED(packet->mbuf))
		return;
	if (packet->payload == PAYLOAD_IPV4)
		ipv4_store(header, header[8], true, dscp << 2);
	else
		ipv6_store(header, header[7], true, dscp << 2);
}

/* `packet` is NULL if it is no IP. A reason, or GOES_ON. */
static int police(struct worker *worker, const struct filter *filter, uint16_t decision,
		  uint32_t length, const struct packet *packet)
{
	const struct filter_rule *rule = filter_rule_of(filter, decision);
	enum rte_color color = rule == NULL ? RTE_COLOR_RED : color_of(worker, rule, length);

	if (color == RTE_COLOR_GREEN)
		return GOES_ON;
	if (color == RTE_COLOR_RED)
		return DROP_filter_policed;
	if (rule->exceed == FILTER_EXCEED_DENY)
		return DROP_filter_exceeded;
	if (rule->exceed < FILTER_EXCEED_PERMIT && packet != NULL)
		mark(packet, rule->exceed);
	return GOES_ON;
}

/* Into the ring of the last ones, not more often than is good for anybody. `packet` is NULL if it is no IP. */
static void take_sample(struct worker *worker, const struct packet *packet, uint32_t interface,
			uint32_t number, uint16_t decision)
{
	struct filter_sample *sample =
		&worker->shared->filter_sample[worker->id][worker->sample % FILTER_SAMPLES];
	size_t room = packet != NULL ? (size_t)(packet_end(packet) - packet->l3) : 0;

	if (rte_meter_srtcm_color_blind_check(&worker->sample_meter, worker->sample_profile,
					      rte_rdtsc(), 1) == RTE_COLOR_RED)
		return;
	worker->sample++;
	counter_add(&sample->sequence, 1);
	atomic_thread_fence(memory_order_release);
	sample->time = clock_ns(CLOCK_REALTIME);
	sample->interface = interface;
	sample->filter = (uint16_t)number;
	sample->decision = decision;
	sample->ipv6 = packet != NULL && packet->payload == PAYLOAD_IPV6;
	sample->length = (uint16_t)RTE_MIN(room, sizeof(sample->header));
	if (packet != NULL)
		memcpy(sample->header, packet->l3, sample->length);
	word_store(&sample->sequence, counter_read(&sample->sequence) + 1);
}

int filter_judge(struct worker *worker, const struct filter *filter, uint32_t number,
				const struct packet *packet, uint16_t decision,
				enum drop_reason denied)
{
	if (decision & FILTER_LOG)
		take_sample(worker, packet, packet->interface, number, decision);
	switch (filter_action(decision)) {
	case FILTER_PERMIT:
		return GOES_ON;
	case FILTER_POLICE:
		return police(worker, filter, decision, packet->mbuf->pkt_len, packet);
	default:
		return (int)denied;
	}
}

/* ---------------------------------------------------------------- one packet */

/* A reason, or GOES_ON. */
static int ask(struct worker *worker, uint64_t number, struct packet *packet,
	       enum drop_reason denied)
{
	const struct filter *filter = filter_get(worker->tables, number);
	struct filter_packet parsed;

	if (filter == NULL)
		return GOES_ON;
	enum filter_parsed result = filter_parse(packet, &parsed);
	if (result != PARSED_IP)
		return filter_end_of_parsed(result);
	uint16_t decision = filter_short(filter, &parsed);
	if (decision == FILTER_ASK_ROWS)
		decision = filter_decide(worker->tables, filter, &parsed, worker->simd);
	const struct filter_counting counting = filter_counting(worker, (uint32_t)number);
	filter_count(&counting, decision, packet->mbuf->pkt_len, false);
	return filter_is_plain_permit(decision) ? GOES_ON
					 : filter_judge(worker, filter, (uint32_t)number, packet, decision,
						 denied);
}

/* The same for a frame of another type, which came in by `interface`. */
static int ask_ethertype(struct worker *worker, uint64_t number, struct rte_mbuf *mbuf,
			 uint32_t interface, uint16_t type, enum drop_reason denied)
{
	const struct filter *filter = filter_get(worker->tables, number);
	int decision = filter == NULL ? -1 : filter_decide_ethertype(filter, type);

	if (decision < 0)
		return GOES_ON;
	const struct filter_counting counting = filter_counting(worker, (uint32_t)number);
	filter_count(&counting, (uint16_t)decision, mbuf->pkt_len, false);
	if ((uint32_t)decision & FILTER_LOG)
		take_sample(worker, NULL, interface, (uint32_t)number, (uint16_t)decision);
	if (filter_action((uint16_t)decision) == FILTER_POLICE)
		return police(worker, filter, (uint16_t)decision, mbuf->pkt_len, NULL);
	return filter_action((uint16_t)decision) == FILTER_PERMIT ? GOES_ON : (int)denied;
}

static bool passes(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface, int reason)
{
	if (reason == GOES_ON)
		return true;
	drop(worker, mbuf, interface, (enum drop_reason)reason);
	return false;
}

bool filter_local(struct worker *worker, struct packet *packet)
{
	uint64_t number = word_load(&worker->tables->filter_local);

	return number == 0 || passes(worker, packet->mbuf, packet->interface,
				     ask(worker, number, packet, DROP_filter_local));
}

bool filter_in(struct worker *worker, struct packet *packet)
{
	uint64_t number = word_load(&worker->tables->interface[packet->interface].filter_in);

	return passes(worker, packet->mbuf, packet->interface,
		      ask(worker, number, packet, DROP_filter_in));
}

bool filter_out(struct worker *worker, struct packet *packet, uint32_t interface)
{
	const struct interface *row = &worker->tables->interface[interface];
	int reason;

	if (!(word_load(&row->features) & INTERFACE_FILTER_OUT))
		return true;
	uint64_t number = word_load(&row->filter_out);
	if (packet->payload == PAYLOAD_IPV4 || packet->payload == PAYLOAD_IPV6)
		reason = ask(worker, number, packet, DROP_filter_out);
	else
		reason = ask_ethertype(worker, number, packet->mbuf, packet->interface,
				       RTE_ETHER_TYPE_MPLS, DROP_filter_out);
	return passes(worker, packet->mbuf, packet->interface, reason);
}

bool filter_ethertype(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface,
		      uint16_t type)
{
	uint64_t number = word_load(&worker->tables->interface[interface].filter_in);

	return passes(worker, mbuf, interface,
		      ask_ethertype(worker, number, mbuf, interface, type, DROP_filter_in));
}

/* ---------------------------------------------------------------- frames that are bridged */

static inline uint16_t load16_be(const uint8_t *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return rte_be_to_cpu_16(value);
}

/* A frame at packet->l3, with as many tags as it likes: IP is asked about as such, ARP not at all, all
 * others by their Ethertype. It is on its link, whatever way it came: neighbour discovery passes. A reason,
 * or GOES_ON. */
static int ask_frame(struct worker *worker, uint64_t number, const struct packet *packet,
		     enum drop_reason denied)
{
	const uint8_t *end = packet_end(packet), *type = packet->l3 + 2 * RTE_ETHER_ADDR_LEN;
	struct packet inside = { .mbuf = packet->mbuf, .interface = packet->interface };
	uint16_t ethertype = load16_be(type);

	while ((ethertype == RTE_ETHER_TYPE_VLAN || ethertype == RTE_ETHER_TYPE_QINQ) &&
	       end - type >= 6) {
		type += 4;
		ethertype = load16_be(type);
	}
	inside.l3 = packet->l3 + (type + 2 - packet->l3);
	inside.payload = ethertype == RTE_ETHER_TYPE_IPV4 ? PAYLOAD_IPV4 : PAYLOAD_IPV6;
	switch (ethertype) {
	case RTE_ETHER_TYPE_IPV4:
	case RTE_ETHER_TYPE_IPV6:
		return ask(worker, number, &inside, denied);
	case RTE_ETHER_TYPE_ARP:
		return GOES_ON;
	default:
		return ask_ethertype(worker, number, packet->mbuf, packet->interface, ethertype,
				     denied);
	}
}

bool filter_frame_in(struct worker *worker, const struct packet *packet)
{
	uint64_t number = word_load(&worker->tables->interface[packet->interface].filter_in);

	return passes(worker, packet->mbuf, packet->interface,
		      ask_frame(worker, number, packet, DROP_filter_in));
}

bool filter_frame_out(struct worker *worker, const struct packet *packet, uint32_t interface,
		      bool only)
{
	const struct interface *row = &worker->tables->interface[interface];

	if (!(word_load(&row->features) & INTERFACE_FILTER_OUT))
		return true;
	/* a frame that has other ports too is theirs as well, and so is not marked */
	if (!only)
		rte_mbuf_refcnt_update(packet->mbuf, 1);
	int reason = ask_frame(worker, word_load(&row->filter_out), packet, DROP_filter_out);
	if (!only)
		rte_mbuf_refcnt_update(packet->mbuf, -1);
	if (reason == GOES_ON)
		return true;
	drop_count(worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
	return false;
}
