/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter_vector.c: a vector of packets and one filter. Most packets are IPv4 without options and no
 * fragments: for them a short way, where the loads of all packets are under way together, ends with the
 * first table (filters that look at ports alone) or with a line (filter-line.h). What is left is parsed in
 * full and asks the rows. Nothing leaves before every packet has its verdict, so that their order stays.
 */
#include "dataplane/stage/filter_ask.h"

/* Verdicts are decisions, or one of these. */
#define VERDICT_PASS 0x10000u /* no rule is asked about it */
#define VERDICT_DROP 0x20000u /* with the reason in the low bits */

/* What packets have in common that are asked about together. */
struct same {
	uint64_t context, mask;
};

struct run {
	struct worker *worker;
	const struct filter *filter;
	uint32_t number;
	enum drop_reason denied;
	struct same same;
	unsigned int count;
	struct packet **packet;
	uint32_t verdict[VECTOR_SIZE];
	/* whose class is known, and stands in verdict[], but nothing else */
	unsigned int left_count;
	uint8_t left[VECTOR_SIZE];
	/* that the short way is not for */
	unsigned int others;
	uint8_t other[VECTOR_SIZE];
};

/* ---------------------------------------------------------------- what belongs together */

static inline struct same same_interface(uint32_t interface)
{
	const struct packet value = { .interface = interface }, mask = { .interface = UINT32_MAX };

	return (struct same){ value.context, mask.context };
}

static inline struct same same_vrf(uint8_t vrf)
{
	const struct packet value = { .vrf = vrf }, mask = { .vrf = UINT8_MAX };

	return (struct same){ value.context, mask.context };
}

static inline bool is_same(struct same same, const struct packet *packet)
{
	return ((packet->context ^ same.context) & same.mask) == 0;
}

/* The same, of IPv4 packets alone: one comparison of both. */
static inline struct same ipv4_of(struct same same)
{
	const struct packet value = { .payload = PAYLOAD_IPV4 }, mask = { .payload = UINT8_MAX };

	return (struct same){ same.context | value.context, same.mask | mask.context };
}

/* ---------------------------------------------------------------- the short way */

/* Of an IPv4 header's first eight bytes: version and length, all fragment bits but "don't fragment". */
#define SHORT_MASK  htobe64(0xff00000000003fffull)
#define SHORT_VALUE htobe64(0x4500000000000000ull)

/* An address that is kept as one: else the compiler adds it up anew for each packet. */
static __rte_always_inline const void *base_of(const void *address)
{
	__asm__("" : "+r"(address));
	return address;
}

/* What class[] has for a packet that is IPv4, no fragment, has no options, and has its layer-4 header whole
 * in frame and packet; -1: it is another one. */
static __rte_always_inline int32_t short_class(const struct packet *packet, struct same ipv4,
					       const struct filter_page *pages,
					       const uint16_t *class)
{
	const uint8_t *header = packet->l3;
	ptrdiff_t room = packet_end(packet) - header;
	uint64_t first;
	uint16_t total, key;

	if (unlikely(!is_same(ipv4, packet) || room < FILTER_IPV4_HEADER + 4))
		return -1;
	memcpy(&first, header, sizeof(first));
	memcpy(&total, header + 2, sizeof(total));
	struct filter_page page = pages[header[9]];
	if (unlikely((first & SHORT_MASK) != SHORT_VALUE || room < page.least ||
		     be16toh(total) < page.least))
		return -1;
	memcpy(&key, header + FILTER_IPV4_HEADER + page.key, sizeof(key));
	return class[page.first + (be16toh(key) & page.mask)];
}

/* verdict[] becomes the class, whose line is on its way. Returns how many packets were of this filter. */
static unsigned int short_classes(struct run *run)
{
	const uint16_t *class = base_of(filter_at(run->filter, run->filter->class));
	const struct filter_page *pages = run->filter->page[ROUTE_IPV4];
	const struct filter_line *lines = filter_at(run->filter, run->filter->line);
	const struct filter_outcome *outcomes = filter_at(run->filter, run->filter->outcome);

	struct packet *const *packets = run->packet;
	const struct same same = run->same, ipv4 = ipv4_of(same);
	size_t count = run->count, left = 0, i = 0;

	for (; i < count; i++) {
		int32_t row = short_class(packets[i], ipv4, pages, class);
		run->verdict[i] = (uint32_t)row;
		if (unlikely(row < 0)) {
			if (!is_same(same, packets[i]))
				break;
			run->other[run->others++] = (uint8_t)i;
			continue;
		}
		run->left[left++] = (uint8_t)i;
		rte_prefetch0(&lines[row]);
		rte_prefetch0(&outcomes[row]);
	}
	run->left_count = (unsigned int)left;
	return (unsigned int)i;
}

/* Of those whose class is known: the lines' verdicts; those that they don't know stay left. */
static void short_lines(struct run *run)
{
	const struct filter_line *lines = filter_at(run->filter, run->filter->line);
	const struct filter_outcome *outcomes = filter_at(run->filter, run->filter->outcome);
	unsigned int still = 0;

	for (unsigned int k = 0; k < run->left_count; k++) {
		unsigned int i = run->left[k];
		const uint8_t *header = run->packet[i]->l3;
		uint32_t source, destination, row = run->verdict[i];

		memcpy(&source, header + 12, sizeof(source));
		memcpy(&destination, header + 16, sizeof(destination));
		uint32_t decision = filter_line_decide(lines, outcomes, row, source, destination);
		bool asks = decision == FILTER_ASK_ROWS;
		run->verdict[i] = asks ? row : decision;
		run->left[still] = (uint8_t)i;
		still += asks;
	}
	run->left_count = still;
}

/* ---------------------------------------------------------------- the rows */

/* Packets whose rows are asked, by their number among them. */
struct asked {
	unsigned int count, columns;
	uint8_t place[VECTOR_SIZE]; /* in the vector */
	struct filter_packet parsed[VECTOR_SIZE];
	uint16_t row[VECTOR_SIZE][FILTER_ROWS_MAX];
};

static uint32_t verdict_of_parsed(enum filter_parsed parsed)
{
	int reason = filter_end_of_parsed(parsed);

	return reason == GOES_ON ? VERDICT_PASS : VERDICT_DROP | (uint32_t)reason;
}

/* What short_class has looked at. */
static inline void parse_short(const uint8_t *header, struct filter_packet *parsed)
{
	unsigned int protocol = header[9];

	*parsed = (struct filter_packet){
		.source = header + 12,
		.destination = header + 16,
		.l4 = header + 20, /* four bytes are there, and all that the protocol needs */
		.family = ROUTE_IPV4,
		.protocol = (uint8_t)protocol,
		.dscp = header[1] >> 2,
		.has_ports = packet_protocol_has_ports(protocol),
	};
}

/* Rows of all dimensions but addresses. */
static void ask_headers(struct run *run, struct asked *asked)
{
	asked->count = 0;
	asked->columns = 1;
	for (unsigned int k = 0; k < run->left_count; k++) {
		unsigned int i = run->left[k], n = asked->count++;
		struct filter_packet *parsed = &asked->parsed[n];
		asked->place[n] = (uint8_t)i;
		parse_short(run->packet[i]->l3, parsed);
		asked->row[n][0] = (uint16_t)run->verdict[i];
		asked->columns = filter_rows_behind_class(run->filter, parsed, asked->row[n]);
	}
	for (unsigned int k = 0; k < run->others; k++) {
		unsigned int i = run->other[k], n = asked->count;
		struct filter_packet *parsed = &asked->parsed[n];
		enum filter_parsed result = filter_parse(run->packet[i], parsed);
		run->verdict[i] = verdict_of_parsed(result);
		if (result != PARSED_IP)
			continue;
		asked->place[n] = (uint8_t)i;
		asked->columns = filter_rows(run->filter, parsed, asked->row[n]);
		asked->count++;
	}
}

/* Rows of one side's addresses of one family, all lookups together. */
static void ask_family(const struct run *run, struct asked *asked, unsigned int side,
		       unsigned int family)
{
	const struct tables *tables = run->worker->tables;
	const struct filter_roots *roots = tables_object(tables, run->filter->roots);
	const uint8_t *address[VECTOR_SIZE];
	uint32_t set[VECTOR_SIZE];
	uint8_t which[VECTOR_SIZE];
	unsigned int count = 0;

	for (unsigned int n = 0; n < asked->count; n++) {
		const struct filter_packet *parsed = &asked->parsed[n];
		which[count] = (uint8_t)n;
		address[count] = side == 0 ? parsed->source : parsed->destination;
		count += parsed->family == family;
	}
	if (count == 0)
		return;
	lpm_lookup_table(tables,
			 atomic_load_explicit(&roots->root[family], memory_order_acquire), set,
			 address, count);
	for (unsigned int k = 0; k < count; k++)
		asked->row[which[k]][asked->columns] = filter_set_row(run->filter, side, set[k]);
}

static void ask_addresses(const struct run *run, struct asked *asked, unsigned int side)
{
	if (!(run->filter->dimensions & (FILTER_SOURCE << side)))
		return;
	ask_family(run, asked, side, ROUTE_IPV4);
	ask_family(run, asked, side, ROUTE_IPV6);
	asked->columns++;
}

/* Rows of one word, or the summaries of longer ones: all are on their way at once. */
static void prefetch_first(const struct filter *filter, const struct asked *asked)
{
	const uint64_t *first = filter_at(filter, filter->words > 1 ? filter->summary : filter->row);

	for (unsigned int n = 0; n < asked->count; n++)
		for (unsigned int i = 0; i < asked->columns; i++)
			rte_prefetch0(&first[asked->row[n][i]]);
}

/* Of long rows, the words that are looked at first. */
static void prefetch_words(const struct filter *filter, const struct asked *asked)
{
	const uint64_t *summary = filter_at(filter, filter->summary);
	const uint64_t *row = filter_at(filter, filter->row);

	for (unsigned int n = 0; n < asked->count; n++) {
		const uint16_t *rows = asked->row[n];
		uint64_t left = summary[rows[0]];
		for (unsigned int i = 1; i < asked->columns; i++)
			left &= summary[rows[i]];
		unsigned int word = (unsigned int)__builtin_ctzll(left | 1ull << 63);
		for (unsigned int i = 0; left != 0 && i < asked->columns; i++)
			rte_prefetch0(&row[(size_t)rows[i] * filter->words + word]);
	}
}

static void ask_rows(struct run *run)
{
	const struct filter *filter = run->filter;
	struct asked asked;

	ask_headers(run, &asked);
	ask_addresses(run, &asked, 0);
	ask_addresses(run, &asked, 1);
	prefetch_first(filter, &asked);
	if (filter->words > 1)
		prefetch_words(filter, &asked);
	for (unsigned int n = 0; n < asked.count; n++)
		run->verdict[asked.place[n]] = filter_decision(
			filter,
			filter_first(filter, asked.row[n], asked.columns, run->worker->simd));
}

/* Returns how many packets were of this filter. */
static unsigned int decide(struct run *run)
{
	run->others = 0;
	unsigned int count = short_classes(run);

	if (run->filter->lines != 0)
		short_lines(run);
	if (run->left_count + run->others > 0)
		ask_rows(run);
	return count;
}

/* ---------------------------------------------------------------- the ends */

/* Counted where they came in, and freed together. */
static void drop_all(struct worker *worker, struct packet **packet, unsigned int count,
		     enum drop_reason reason)
{
	struct rte_mbuf *mbuf[VECTOR_SIZE];

	for (unsigned int i = 0, end; i < count; i = end) {
		uint32_t interface = packet[i]->interface;
		for (end = i; end < count && packet[end]->interface == interface; end++)
			mbuf[end] = packet[end]->mbuf;
		drop_count_all(worker, &mbuf[i], end - i, interface, reason);
	}
	rte_pktmbuf_free_bulk(mbuf, count);
}

/* A verdict that is neither a plain permit nor a plain deny: may the packet go on? */
static __rte_noinline bool goes_on(const struct run *run, const struct packet *packet,
				   uint32_t verdict)
{
	struct worker *worker = run->worker;
	int reason = GOES_ON;

	if (verdict >= VERDICT_DROP) {
		reason = (int)(verdict & ~VERDICT_DROP);
	} else if (verdict < VERDICT_PASS) {
		const struct filter_counting counting = filter_counting(worker, run->number);
		filter_count(&counting, verdict, packet->mbuf->pkt_len, false);
		reason = filter_judge(worker, run->filter, run->number, packet, (uint16_t)verdict,
				      run->denied);
	}
	if (reason != GOES_ON)
		drop(worker, packet->mbuf, packet->interface, (enum drop_reason)reason);
	return reason == GOES_ON;
}

/* Where the next packet that goes on, and the next that is plainly denied, is put. In registers: no other
 * function may get to know its address. */
struct ends {
	struct packet **go, **deny;
	struct filter_counting counting;
};

/* Verdicts are as random as the packets are: nothing branches between plain permit and plain deny. */
static __rte_always_inline struct ends end_one(struct ends ends, const struct run *run,
					       struct packet *packet, uint32_t verdict, bool whole)
{
	*ends.go = *ends.deny = packet;
	if (unlikely(verdict >= (uint32_t)FILTER_POLICE << FILTER_ACTION_SHIFT)) {
		ends.go += goes_on(run, packet, verdict);
		return ends;
	}
	uint32_t deny = verdict >> FILTER_ACTION_SHIFT;
	filter_count(&ends.counting, verdict, packet->mbuf->pkt_len, whole);
	ends.go += 1 - deny;
	ends.deny += deny;
	return ends;
}
static_assert(FILTER_PERMIT == 0 && FILTER_DENY == 1, "they add up");

/* ---------------------------------------------------------------- filters without rows */

/* A packet that the short way is not for. */
static __rte_noinline uint32_t decide_direct(const struct filter *filter,
					     const struct packet *packet)
{
	struct filter_packet parsed;
	enum filter_parsed result = filter_parse(packet, &parsed);

	return result == PARSED_IP ? filter_class(filter, &parsed) : verdict_of_parsed(result);
}

/* class[] has the decisions: there is nothing to wait for. */
static __rte_always_inline unsigned int end_direct(const struct run *run, struct ends *to,
						   bool whole)
{
	const struct filter *filter = run->filter;
	const uint16_t *class = base_of(filter_at(filter, filter->class));
	const struct filter_page *pages = filter->page[ROUTE_IPV4];
	const struct same same = run->same, ipv4 = ipv4_of(same);
	struct packet *const *packets = run->packet;
	size_t count = run->count, i = 0;
	struct ends ends = *to;

	for (; i < count; i++) {
		int32_t found = short_class(packets[i], ipv4, pages, class);
		if (unlikely(found < 0)) {
			if (!is_same(same, packets[i]))
				break;
			found = (int32_t)decide_direct(filter, packets[i]);
		}
		ends = end_one(ends, run, packets[i], (uint32_t)found, whole);
	}
	*to = ends;
	return (unsigned int)i;
}

static __rte_always_inline unsigned int end_rows(struct run *run, struct ends *to, bool whole)
{
	size_t count = decide(run);
	struct ends ends = *to;

	for (size_t i = 0; i < count; i++)
		ends = end_one(ends, run, run->packet[i], run->verdict[i], whole);
	*to = ends;
	return (unsigned int)count;
}

/* ---------------------------------------------------------------- vectors */

/* How many of the packets, from the first on, belong together. */
static unsigned int count_same(const struct run *run)
{
	unsigned int count = 0;

	while (count < run->count && is_same(run->same, run->packet[count]))
		count++;
	return count;
}

/* Packets from the first on that have in common what their filter follows from; those that it lets pass go
 * to `to`, in order. Returns how many they were. */
static unsigned int run_filter(struct run *run, uint64_t number, struct vector *to)
{
	struct packet *denied[VECTOR_SIZE];
	struct worker *worker = run->worker;
	struct ends ends = { &to->packet[to->count], denied, { NULL } };
	unsigned int count;

	run->filter = filter_get(worker->tables, number);
	if (run->filter == NULL) { /* just taken away */
		count = count_same(run);
		memcpy(ends.go, run->packet, count * sizeof(*ends.go));
		to->count += count;
		return count;
	}
	run->number = (uint32_t)number;
	run->denied = DROP_filter_in;
	ends.counting = filter_counting(worker, run->number);
	bool whole = ends.counting.ready >= run->filter->slots;
	if (run->filter->words != 0)
		count = whole ? end_rows(run, &ends, true) : end_rows(run, &ends, false);
	else
		count = whole ? end_direct(run, &ends, true) : end_direct(run, &ends, false);
	to->count = (unsigned int)(ends.go - to->packet);
	if (ends.deny != denied)
		drop_all(worker, denied, (unsigned int)(ends.deny - denied), run->denied);
	return count;
}

void filter(struct worker *worker)
{
	struct run run;

	run.worker = worker;
	run.packet = worker->filter.packet;
	for (run.count = worker->filter.count; run.count > 0;) {
		uint32_t interface = run.packet[0]->interface;
		run.same = same_interface(interface);
		unsigned int done = run_filter(
			&run, word_load(&worker->tables->interface[interface].filter_in),
			&worker->ip);
		run.packet += done;
		run.count -= done;
	}
	worker->filter.count = 0;
}

void filter_vrf(struct worker *worker)
{
	struct vector all = worker->ip;
	struct run run;

	run.worker = worker;
	run.packet = all.packet;
	worker->ip.count = 0;
	for (run.count = all.count; run.count > 0;) {
		uint8_t vrf = run.packet[0]->vrf;
		run.same = same_vrf(vrf);
		unsigned int done = run_filter(&run, word_load(&worker->tables->filter_vrf[vrf]),
					       &worker->ip);
		run.packet += done;
		run.count -= done;
	}
}
