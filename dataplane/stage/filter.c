/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter.c: who may come in, leave, or talk to us. The classifier is shm/filter.h; here are the
 * vectors, the counters of the rules, policing and samples.
 *
 * A packet that is no IP packet passes: the IP stage drops it and says why. Fragments that hide their
 * layer-4 header are dropped before any rule is asked (RFC 1858, 3128, 7112).
 */
#include <rte_cycles.h>
#include <rte_ether.h>
#include <rte_malloc.h>
#include <time.h>
#include "dataplane/shm/filter.h"
#include "dataplane/stage/stage.h"

enum {
	SAMPLES_A_SECOND = 50, /* of `log` rules, by one worker */
	GOES_ON = -1,          /* instead of a reason */
};

/* A policing rule's bucket. Made anew when the rule that has its index has another rate. */
struct filter_meter {
	uint64_t rate, burst;
	uint32_t packets;
	uint32_t made;
	struct rte_meter_srtcm_profile profile;
	struct rte_meter_srtcm meter;
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

/* ---------------------------------------------------------------- what a packet is */

static inline const uint8_t *packet_end(const struct packet *packet)
{
	return rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
}

static inline enum filter_parsed parse(const struct packet *packet, struct filter_packet *parsed)
{
	const uint8_t *header = packet->l3, *end = packet_end(packet);
	size_t room = end > header ? (size_t)(end - header) : 0;

	if (packet->payload == PAYLOAD_IPV4)
		return packet_parse_ipv4(parsed, header, room);
	enum filter_parsed result = packet_parse_ipv6(parsed, header, room);
	/* out of a label, the hop limit says nothing about the link */
	if (unlikely(result == PARSED_NEIGHBOUR && (packet->flags & PACKET_LABELLED)))
		return packet_parse_l4(parsed, header + 40, end, false);
	return result;
}

/* What becomes of a packet that no rule is asked about: a reason, or GOES_ON. */
static int end_of_parsed(enum filter_parsed parsed)
{
	switch (parsed) {
	case PARSED_TINY:
		return DROP_tiny_fragment;
	case PARSED_TRUNCATED:
		return DROP_filter_truncated;
	case PARSED_HEADERS:
		return DROP_filter_headers;
	default:
		return GOES_ON;
	}
}

/* ---------------------------------------------------------------- police and log */

static const struct filter_rule *rule_of(const struct filter *filter, uint16_t decision)
{
	const struct filter_rule *rule = filter_at(filter, filter->rule);
	const uint16_t *by_slot = filter_at(filter, filter->by_slot);
	unsigned int slot = decision & FILTER_SLOT_MASK;

	return slot < filter->slots && by_slot[slot] < filter->rule_count ? &rule[by_slot[slot]]
									  : NULL;
}

/* The worker's share of the rate (RFC 2697 with one bucket). The burst is whole: one flow is one
 * worker's. */
static void make_meter(const struct worker *worker, struct filter_meter *meter,
		       const struct filter_rule *rule)
{
	uint64_t share = rule->rate / worker->workers;
	struct rte_meter_srtcm_params parameters = {
		.cir = share > 0 ? share : 1, .cbs = rule->burst, .ebs = 0
	};

	meter->made = rte_meter_srtcm_profile_config(&meter->profile, &parameters) == 0 &&
		      rte_meter_srtcm_config(&meter->meter, &meter->profile) == 0;
	meter->rate = rule->rate;
	meter->burst = rule->burst;
	meter->packets = rule->packets;
}

static bool is_within_rate(struct worker *worker, const struct filter *filter, uint16_t decision,
			   uint32_t length)
{
	const struct filter_rule *rule = rule_of(filter, decision);

	if (rule == NULL)
		return false;
	struct filter_meter *meter = &worker->meter[rule->meter % FILTER_METERS];
	if (!meter->made || meter->rate != rule->rate || meter->burst != rule->burst ||
	    meter->packets != rule->packets)
		make_meter(worker, meter, rule);
	return meter->made &&
	       rte_meter_srtcm_color_blind_check(&meter->meter, &meter->profile, rte_rdtsc(),
						 rule->packets ? 1 : length) != RTE_COLOR_RED;
}

/* Into the ring of the last ones, not more often than is good for anybody. */
static void take_sample(struct worker *worker, const struct packet *packet, uint32_t number,
			uint16_t decision)
{
	struct filter_sample *sample =
		&worker->shared->filter_sample[worker->id][worker->sample % FILTER_SAMPLES];
	size_t room = (size_t)(packet_end(packet) - packet->l3);
	struct timespec now;

	if (rte_meter_srtcm_color_blind_check(&worker->sample_meter, worker->sample_profile,
					      rte_rdtsc(), 1) == RTE_COLOR_RED)
		return;
	worker->sample++;
	clock_gettime(CLOCK_REALTIME, &now);
	counter_add(&sample->sequence, 1);
	atomic_thread_fence(memory_order_release);
	sample->time = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	sample->interface = packet->interface;
	sample->filter = (uint16_t)number;
	sample->decision = decision;
	sample->ipv6 = packet->payload == PAYLOAD_IPV6;
	sample->length = (uint16_t)RTE_MIN(room, sizeof(sample->header));
	memcpy(sample->header, packet->l3, sample->length);
	word_store(&sample->sequence, counter_read(&sample->sequence) + 1);
}

/* ---------------------------------------------------------------- a decision */

/* Slots without memory are not counted. */
static inline void count(struct worker *worker, uint32_t number, unsigned int ready,
			 uint16_t decision, uint32_t length)
{
	unsigned int slot = decision & FILTER_SLOT_MASK;
	struct traffic_counter *counter =
		likely(slot < ready) ? &worker->rule[number][slot] : &worker->uncounted;

	counter_add(&counter->packets, 1);
	counter_add(&counter->bytes, length);
}

static inline bool is_plain_permit(uint16_t decision)
{
	return decision <= FILTER_SLOT_MASK;
}

/* What is no plain permit: a reason, or GOES_ON. */
static __rte_noinline int judge(struct worker *worker, const struct filter *filter, uint32_t number,
				const struct packet *packet, uint16_t decision,
				enum drop_reason denied)
{
	if (decision & FILTER_LOG)
		take_sample(worker, packet, number, decision);
	switch (filter_action(decision)) {
	case FILTER_PERMIT:
		return GOES_ON;
	case FILTER_POLICE:
		return is_within_rate(worker, filter, decision, packet->mbuf->pkt_len)
			       ? GOES_ON
			       : DROP_filter_policed;
	default:
		return (int)denied;
	}
}

/* ---------------------------------------------------------------- a vector */

/* Packets that one filter is asked about, and where they go. */
struct run {
	struct worker *worker;
	const struct filter *filter;
	uint32_t number;
	unsigned int ready; /* slots that are counted */
	enum drop_reason denied;
	struct vector *to;
	unsigned int dropped;
	struct rte_mbuf *drop[VECTOR_SIZE]; /* counted already */
};

static inline void run_end(struct run *run, struct packet *packet, int reason)
{
	if (reason == GOES_ON) {
		vector_add(run->to, packet);
		return;
	}
	drop_count(run->worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
	run->drop[run->dropped++] = packet->mbuf;
}

static inline void run_decision(struct run *run, struct packet *packet, uint16_t decision)
{
	count(run->worker, run->number, run->ready, decision, packet->mbuf->pkt_len);
	if (likely(is_plain_permit(decision)))
		vector_add(run->to, packet);
	else
		run_end(run, packet,
			judge(run->worker, run->filter, run->number, packet, decision,
			      run->denied));
}

/* A filter that looks at nothing but protocol and destination port: class[] says it all. The short
 * way is for IPv4 without options that is no fragment, and has its layer-4 header. */
static void run_direct(struct run *run, struct packet **packets, unsigned int count)
{
	const uint16_t *class = filter_at(run->filter, run->filter->class);
	const struct filter_page *pages = run->filter->page[ROUTE_IPV4];

	for (unsigned int i = 0; i < count; i++) {
		struct packet *packet = packets[i];
		const uint8_t *header = packet->l3;
		ptrdiff_t room = packet_end(packet) - header;
		uint16_t fragment, key, total;

		if (likely(packet->payload == PAYLOAD_IPV4 && room >= 24 && header[0] == 0x45)) {
			const struct filter_page *page = &pages[header[9]];
			memcpy(&fragment, header + 6, sizeof(fragment));
			memcpy(&total, header + 2, sizeof(total));
			ptrdiff_t need = 20 + (ptrdiff_t)page->header;
			if (likely((fragment & RTE_BE16(0x3fff)) == 0 && room >= need &&
				   rte_be_to_cpu_16(total) >= need)) {
				memcpy(&key, header + 20 + page->key, sizeof(key));
				run_decision(run, packet,
					     class[page->first +
						   (rte_be_to_cpu_16(key) & page->mask)]);
				continue;
			}
		}
		struct filter_packet parsed;
		enum filter_parsed result = parse(packet, &parsed);
		if (result == PARSED_IP)
			run_decision(run, packet, filter_class(run->filter, &parsed));
		else
			run_end(run, packet, end_of_parsed(result));
	}
}

/* Rows of one side's addresses, all lookups together. */
static void run_addresses(const struct run *run, const struct filter_packet *parsed,
			  unsigned int side, unsigned int count,
			  uint16_t rows[VECTOR_SIZE][FILTER_ROWS_MAX], unsigned int column)
{
	const struct tables *tables = run->worker->tables;
	const uint8_t *address[VECTOR_SIZE];
	uint32_t set[VECTOR_SIZE]; /* root entries, then sets */

	for (unsigned int i = 0; i < count; i++) {
		address[i] = side == 0 ? parsed[i].source : parsed[i].destination;
		set[i] = filter_root(tables, run->filter, &parsed[i]);
	}
	lpm_lookup_burst(tables, set, address, count);
	for (unsigned int i = 0; i < count; i++)
		rows[i][column] = filter_set_row(run->filter, side, set[i]);
}

static void prefetch_rows(const struct filter *filter, const uint16_t *rows, unsigned int count)
{
	const uint64_t *first = filter_at(filter, filter->words > 1 ? filter->summary : filter->row);

	for (unsigned int i = 0; i < count; i++)
		rte_prefetch0(&first[rows[i]]);
}

static void run_rows(struct run *run, struct packet **packets, unsigned int count)
{
	const struct filter *filter = run->filter;
	struct filter_packet parsed[VECTOR_SIZE];
	struct packet *asked[VECTOR_SIZE];
	uint16_t rows[VECTOR_SIZE][FILTER_ROWS_MAX];
	unsigned int n = 0, columns = 1;

	for (unsigned int i = 0; i < count; i++) {
		enum filter_parsed result = parse(packets[i], &parsed[n]);
		if (likely(result == PARSED_IP))
			asked[n++] = packets[i];
		else
			run_end(run, packets[i], end_of_parsed(result));
	}
	for (unsigned int i = 0; i < n; i++)
		columns = filter_rows(filter, &parsed[i], rows[i]);
	if (filter->dimensions & FILTER_SOURCE)
		run_addresses(run, parsed, 0, n, rows, columns++);
	if (filter->dimensions & FILTER_DESTINATION)
		run_addresses(run, parsed, 1, n, rows, columns++);
	for (unsigned int i = 0; i < n; i++)
		prefetch_rows(filter, rows[i], columns);
	for (unsigned int i = 0; i < n; i++)
		run_decision(run, asked[i],
			     filter_decision(filter, filter_first(filter, rows[i], columns,
								  run->worker->simd)));
}

/* Packets that filter `number` is asked about; those that it lets pass go to `to`, in order. */
static void run_filter(struct worker *worker, uint64_t number, enum drop_reason denied,
		       struct packet **packets, unsigned int count, struct vector *to)
{
	struct run run = { .worker = worker,
			   .filter = filter_get(worker->tables, number),
			   .number = (uint32_t)number,
			   .denied = denied,
			   .to = to };

	if (run.filter == NULL) { /* just taken away */
		for (unsigned int i = 0; i < count; i++)
			vector_add(to, packets[i]);
		return;
	}
	run.ready = __atomic_load_n(&worker->rule_ready[number], __ATOMIC_RELAXED);
	if (run.filter->words == 0)
		run_direct(&run, packets, count);
	else
		run_rows(&run, packets, count);
	if (run.dropped > 0)
		rte_pktmbuf_free_bulk(run.drop, run.dropped);
}

void filter(struct worker *worker)
{
	struct packet **packets = worker->filter.packet;
	unsigned int count = worker->filter.count;

	for (unsigned int i = 0, end; i < count; i = end) {
		uint32_t interface = packets[i]->interface;
		for (end = i + 1; end < count && packets[end]->interface == interface;)
			end++;
		run_filter(worker, word_load(&worker->tables->interface[interface].filter_in),
			   DROP_filter_in, &packets[i], end - i, &worker->ip);
	}
	worker->filter.count = 0;
}

void filter_vrf(struct worker *worker)
{
	struct vector all = worker->ip;

	worker->ip.count = 0;
	for (unsigned int i = 0, end; i < all.count; i = end) {
		uint8_t vrf = all.packet[i]->vrf;
		for (end = i + 1; end < all.count && all.packet[end]->vrf == vrf;)
			end++;
		run_filter(worker, word_load(&worker->tables->filter_vrf[vrf]), DROP_filter_in,
			   &all.packet[i], end - i, &worker->ip);
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
	enum filter_parsed result = parse(packet, &parsed);
	if (result != PARSED_IP)
		return end_of_parsed(result);
	uint16_t decision = filter_decide(worker->tables, filter, &parsed, worker->simd);
	unsigned int ready = __atomic_load_n(&worker->rule_ready[number], __ATOMIC_RELAXED);
	count(worker, (uint32_t)number, ready, decision, packet->mbuf->pkt_len);
	return is_plain_permit(decision) ? GOES_ON
					 : judge(worker, filter, (uint32_t)number, packet, decision,
						 denied);
}

/* The same for a frame of another type. */
static int ask_ethertype(struct worker *worker, uint64_t number, struct rte_mbuf *mbuf,
			 uint16_t type, enum drop_reason denied)
{
	const struct filter *filter = filter_get(worker->tables, number);
	int decision = filter == NULL ? -1 : filter_decide_ethertype(filter, type);

	if (decision < 0)
		return GOES_ON;
	unsigned int ready = __atomic_load_n(&worker->rule_ready[number], __ATOMIC_RELAXED);
	count(worker, (uint32_t)number, ready, (uint16_t)decision, mbuf->pkt_len);
	if (filter_action((uint16_t)decision) == FILTER_POLICE)
		return is_within_rate(worker, filter, (uint16_t)decision, mbuf->pkt_len)
			       ? GOES_ON
			       : DROP_filter_policed;
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
		reason = ask_ethertype(worker, number, packet->mbuf, RTE_ETHER_TYPE_MPLS,
				       DROP_filter_out);
	return passes(worker, packet->mbuf, packet->interface, reason);
}

bool filter_ethertype(struct worker *worker, struct rte_mbuf *mbuf, uint32_t interface,
		      uint16_t type)
{
	uint64_t number = word_load(&worker->tables->interface[interface].filter_in);

	return passes(worker, mbuf, interface,
		      ask_ethertype(worker, number, mbuf, type, DROP_filter_in));
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
		return ask_ethertype(worker, number, packet->mbuf, ethertype, denied);
	}
}

bool filter_frame_in(struct worker *worker, const struct packet *packet)
{
	uint64_t number = word_load(&worker->tables->interface[packet->interface].filter_in);

	return passes(worker, packet->mbuf, packet->interface,
		      ask_frame(worker, number, packet, DROP_filter_in));
}

bool filter_frame_out(struct worker *worker, const struct packet *packet, uint32_t interface)
{
	const struct interface *row = &worker->tables->interface[interface];

	if (!(word_load(&row->features) & INTERFACE_FILTER_OUT))
		return true;
	int reason = ask_frame(worker, word_load(&row->filter_out), packet, DROP_filter_out);
	if (reason == GOES_ON)
		return true;
	drop_count(worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
	return false;
}
