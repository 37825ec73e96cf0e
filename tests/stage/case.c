/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/object/packet_text.h"
#include "tests/stage/case.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "dataplane/shm/ring.h"
#include "dataplane/stage/stage.h"

enum { GUARDED = 32768, MBUFS = 2047, CANARY = 0xa5, CANARIES = 256, ONE_BUFFER = 2000 };

struct fixture fixture;
static uint8_t *guard; /* the page that cannot be read; GUARDED bytes stand before it */
static struct rte_mbuf_ext_shared_info external;
static struct rte_mbuf *taken[MBUFS];
static unsigned int taken_count;

static void external_free(void *address, void *context)
{
	(void)address;
	(void)context;
}

int stage_start(void **state)
{
	uint8_t mac[6];
	uint8_t *area = mmap(NULL, GUARDED + 4096, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	if (area == MAP_FAILED || mprotect(area + GUARDED, 4096, PROT_NONE) != 0)
		return -1;
	guard = area + GUARDED;
	fixture_start(&fixture, NULL, MBUFS, 2048, false);
	for (unsigned int port = 0; port < PORTS; port++) {
		fixture_mac(port, mac);
		fixture_port(&fixture, port, mac, INTERFACE_MPLS);
	}
	return 0;
}

int stage_stop(void **state)
{
	(void)state;
	fixture_stop(&fixture);
	munmap(guard - GUARDED, GUARDED + 4096);
	return 0;
}

uint32_t via(unsigned int port, unsigned int number, const uint32_t *labels, unsigned int count)
{
	return fixture_nexthop(&fixture, port, number, labels, count, NEXTHOP_NONE, 0);
}

void route(uint32_t label, enum label_operation operation, uint32_t out, uint32_t index,
	   uint64_t flags)
{
	fixture_label(&fixture, 0, label, label_entry(operation, out, index, flags));
}

/* ---------------------------------------------------------------- counters */

#define FIELD(name) (offsetof(struct interface_counters, name) / sizeof(uint64_t))

static unsigned int row_of(unsigned int index)
{
	return index < INTERFACES ? index : INTERFACE_FIRST_TUNNEL + index - INTERFACES;
}

unsigned int account_index(unsigned int interface)
{
	return interface < INTERFACE_FIRST_TUNNEL ? interface
						  : INTERFACES + interface - INTERFACE_FIRST_TUNNEL;
}

void account_take(struct account *account)
{
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++) {
		const _Atomic uint64_t *row =
			(const _Atomic uint64_t *)&fixture.worker->interface[row_of(i)];
		for (size_t k = 0; k < sizeof(account->value[0]) / sizeof(uint64_t); k++)
			account->value[i][k] = counter_read(&row[k]);
	}
}

uint64_t dropped_since(const struct account *before, unsigned int interface,
		       enum drop_reason reason)
{
	return counter_read(&fixture.worker->interface[interface].drop[reason]) -
	       before->value[account_index(interface)][FIELD(drop) + reason];
}

bool account_balanced(const struct account *before, unsigned int count)
{
	static struct account now;
	uint64_t all = 0;

	account_take(&now);
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++) {
		const uint64_t *new = now.value[i], *old = before->value[i];
#define SINCE(name) (new[FIELD(name)] - old[FIELD(name)])
		uint64_t in =
			SINCE(rx_packets) + SINCE(injected) + SINCE(copies) + SINCE(fragments);
		uint64_t out =
			SINCE(forwarded) - SINCE(tx_dropped) + SINCE(punted) + SINCE(consumed) +
			SINCE(decapsulated);
		all -= SINCE(decapsulated); /* received again */
#undef SINCE
		for (unsigned int k = 0; k < DROP_REASON_MAX; k++)
			out += new[FIELD(drop) + k] - old[FIELD(drop) + k];
		if (in != out) {
			fprintf(stderr, "  interface %u: %lu packets came, %lu ended\n", row_of(i),
				(unsigned long)in, (unsigned long)out);
			return false;
		}
		all += out;
	}
	if (all != count)
		fprintf(stderr, "  %lu packets ended, %u expected\n", (unsigned long)all, count);
	return all == count;
}

/* ---------------------------------------------------------------- packets in and out */

static void chain(struct rte_mbuf *head, const uint8_t *rest, size_t length);

struct rte_mbuf *mbuf_of(const uint8_t *frame, size_t length)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fixture.pool);
	size_t first = length < ONE_BUFFER ? length : ONE_BUFFER;
	char *data = mbuf == NULL ? NULL : rte_pktmbuf_append(mbuf, (uint16_t)first);

	if (data == NULL) {
		fprintf(stderr, "case: no buffer for %zu bytes\n", length);
		exit(1);
	}
	memcpy(data, frame, first);
	if (first < length)
		chain(mbuf, frame + first, length - first);
	return mbuf;
}

struct rte_mbuf *guarded_mbuf(const uint8_t *frame, size_t length, unsigned int headroom)
{
	struct rte_mbuf *mbuf = rte_pktmbuf_alloc(fixture.pool);
	uint8_t *data = guard - length;

	if (mbuf == NULL || length + headroom + CANARIES > GUARDED) {
		fprintf(stderr, "case: no buffer for %zu bytes\n", length);
		exit(1);
	}
	memset(data - headroom - CANARIES, CANARY, headroom + CANARIES);
	memcpy(data, frame, length);
	external.free_cb = external_free;
	rte_mbuf_ext_refcnt_set(&external, 1);
	rte_pktmbuf_attach_extbuf(mbuf, data - headroom, (rte_iova_t)(uintptr_t)data,
				  (uint16_t)(headroom + length), &external);
	mbuf->data_off = (uint16_t)headroom;
	mbuf->data_len = (uint16_t)length;
	mbuf->pkt_len = (uint32_t)length;
	return mbuf;
}

/* The rest of the frame in pool buffers behind its first segment. */
static void chain(struct rte_mbuf *head, const uint8_t *rest, size_t length)
{
	while (length > 0) {
		size_t part = length < 1500 ? length : 1500;
		if (rte_pktmbuf_chain(head, mbuf_of(rest, part)) != 0)
			exit(1);
		rest += part;
		length -= part;
	}
}

unsigned int transmit_take(void)
{
	struct transmit *transmit = &fixture.worker->transmit;
	unsigned int count = 0;

	for (unsigned int port = 0; port < PORT_MAX; port++) {
		for (unsigned int i = 0; i < transmit->count[port]; i++, count++)
			rte_pktmbuf_free(transmit->mbuf[port][i]);
		transmit->count[port] = 0;
	}
	transmit->pending = 0;
	return count;
}

unsigned int punt_take(void)
{
	struct ring_consumer *consumer = &fixture.tables->punt_consumer[0];
	unsigned int count = 0;

	for (; ring_peek(fixture.worker->punt, consumer) != NULL; count++)
		ring_release(consumer);
	return count;
}

void buffers_take(unsigned int left)
{
	for (; rte_mempool_avail_count(fixture.pool) > left; taken_count++) {
		taken[taken_count] = rte_pktmbuf_alloc(fixture.pool);
		assert_non_null(taken[taken_count]);
	}
}

void buffers_give(void)
{
	rte_pktmbuf_free_bulk(taken, taken_count);
	taken_count = 0;
}

int egress_of(const uint8_t *frame, size_t length)
{
	struct rte_mbuf *mbuf = mbuf_of(frame, length);

	worker_process(fixture.worker, 0, &mbuf, 1);
	int port = fixture.worker->transmit.pending == 0
			   ? -1
			   : __builtin_ctzll(fixture.worker->transmit.pending);
	transmit_take();
	punt_take();
	return port;
}

/* ---------------------------------------------------------------- checks of an end */

static bool same_frame(const uint8_t *expected, size_t length, const uint8_t *found,
		       size_t found_length)
{
	if (length == found_length && memcmp(expected, found, length) == 0)
		return true;
	frame_print_difference(expected, length, found, found_length);
	return false;
}

/* IPv4 below Ethernet, tags and labels has a right checksum; anything else is nobody's business here. */
static bool checksum_is_right(const uint8_t *frame, size_t length)
{
	size_t at = 12;

	while (at + 4 <= length && ((frame[at] == 0x81 && frame[at + 1] == 0) ||
				    (frame[at] == 0x88 && frame[at + 1] == 0xa8)))
		at += 4;
	if (frame[at] == 0x88 && frame[at + 1] == 0x47)
		while (at + 10 <= length && !(frame[at + 4] & 1))
			at += 4;
	bool labelled = at > 12 || frame[12] == 0x88;
	at += labelled ? 6 : 2;
	if (at + 20 > length || frame[at] != 0x45 || frame_checksum(frame + at, 20) == 0)
		return true;
	fprintf(stderr, "  IPv4 checksum at byte %zu is wrong\n", at);
	return false;
}

/* `frame` is what arrived: all that follows the expected text's bytes must be its tail (long frames). */
static bool check_sent(const struct end *end)
{
	static uint8_t expected[FRAME_ROOM], found[FRAME_ROOM];
	struct transmit *transmit = &fixture.worker->transmit;
	size_t length = frame_build(expected, end->frame);

	if (transmit->pending != 1ull << end->port || transmit->count[end->port] != 1) {
		fprintf(stderr, "  not (only) on port %u: ports %#lx\n", end->port,
			(unsigned long)transmit->pending);
		return false;
	}
	struct rte_mbuf *mbuf = transmit->mbuf[end->port][0];
	rte_mbuf_sanity_check(mbuf, 1);
	const uint8_t *bytes = rte_pktmbuf_read(mbuf, 0, mbuf->pkt_len, found);
	return same_frame(expected, length, bytes, mbuf->pkt_len) &&
	       checksum_is_right(bytes, length);
}

static bool check_sent_counters(const struct end *end, const struct account *before)
{
	static struct account now;
	unsigned int interface = account_index(end->interface != 0 ? end->interface : end->port);
	size_t length = fixture.worker->transmit.mbuf[end->port][0]->pkt_len;

	account_take(&now);
	if (now.value[interface][FIELD(tx_packets)] - before->value[interface][FIELD(tx_packets)] ==
		    1 &&
	    now.value[interface][FIELD(tx_bytes)] - before->value[interface][FIELD(tx_bytes)] ==
		    length)
		return true;
	fprintf(stderr, "  tx_packets and tx_bytes of interface %u did not move by 1 and %zu\n",
		interface, length);
	return false;
}

static bool check_punted(const struct end *end, const uint8_t *frame, size_t length,
			 unsigned int interface)
{
	static uint8_t expected[FRAME_ROOM];
	const struct frame_slot *slot =
		ring_peek(fixture.worker->punt, &fixture.tables->punt_consumer[0]);

	if (slot == NULL) {
		fprintf(stderr, "  nothing in the punt ring\n");
		return false;
	}
	if (end->frame != NULL) {
		length = frame_build(expected, end->frame);
		frame = expected;
	}
	bool good = same_frame(frame, length, slot->data, slot->length);
	if (slot->reason != (uint32_t)end->reason || slot->interface != interface ||
	    slot->l3_offset != end->l3 || slot->time == 0) {
		fprintf(stderr, "  punted: reason %s, interface %u, l3_offset %u\n",
			punt_reason_name(slot->reason), slot->interface, slot->l3_offset);
		good = false;
	}
	return good;
}

static bool check_at_ip(const struct end *end)
{
	static uint8_t expected[FRAME_ROOM];
	const struct vector *vector = &fixture.worker->ip;
	size_t length = frame_build(expected, end->frame);

	if (vector->count != 1) {
		fprintf(stderr, "  the IP stage did not get it\n");
		return false;
	}
	const struct packet *packet = vector->packet[0];
	const uint8_t *tail =
		rte_pktmbuf_mtod(packet->mbuf, const uint8_t *) + packet->mbuf->data_len;
	if (packet->vrf != end->vrf ||
	    packet->payload != (packet->l3[0] >> 4 == 4 ? PAYLOAD_IPV4 : PAYLOAD_IPV6)) {
		fprintf(stderr, "  VRF %u, payload %u\n", packet->vrf, packet->payload);
		return false;
	}
	return same_frame(expected, length, packet->l3, (size_t)(tail - packet->l3));
}

/* The counter of the end, at the interface that the packet came in by, moved by one. */
static bool check_counter(const struct end *end, unsigned int interface,
			  const struct account *before)
{
	static const char *const names[] = { "forwarded", "drop", "punted", "punted" };
	static struct account now;
	size_t field = end->kind == END_SENT     ? FIELD(forwarded)
		       : end->kind == END_DROPPED ? FIELD(drop) + (size_t)end->reason
						  : FIELD(punted);

	unsigned int index = account_index(interface);
	account_take(&now);
	if (now.value[index][field] - before->value[index][field] == 1)
		return true;
	fprintf(stderr, "  interface %u: %s %s did not move by 1\n", interface, names[end->kind],
		end->kind == END_DROPPED
			? drop_reason_name((unsigned int)end->reason)
			: "");
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++)
		for (unsigned int k = 0; k < DROP_REASON_COUNT; k++)
			if (dropped_since(before, row_of(i), k) != 0)
				fprintf(stderr, "  interface %u: dropped as %s\n", row_of(i),
					drop_reason_name(k));
	for (unsigned int i = 0; i < INTERFACES + TUNNELS; i++)
		if (now.value[i][FIELD(forwarded)] != before->value[i][FIELD(forwarded)])
			fprintf(stderr, "  interface %u: forwarded\n", row_of(i));
	return false;
}

static bool check_received(unsigned int interface, size_t length, const struct account *before)
{
	static struct account now;

	account_take(&now);
	if (now.value[interface][FIELD(rx_packets)] - before->value[interface][FIELD(rx_packets)] ==
		    1 &&
	    now.value[interface][FIELD(rx_bytes)] - before->value[interface][FIELD(rx_bytes)] ==
		    length)
		return true;
	fprintf(stderr, "  interface %u did not receive 1 packet of %zu bytes\n", interface,
		length);
	return false;
}

/* What `show drops` will say of it: it begins as it came, as it would have left, with the tunnel's header that
 * it has got, or with the frame that it carried. */
static bool check_sample(const struct end *end, unsigned int interface, const uint8_t *frame,
			 size_t length)
{
	static const uint8_t our_mac[5] = { 2, 0, 0, 0, 0 };
	const struct drop_sample *sample = /* the first one: all of the reason were cleared */
		&fixture.state->drop_sample[fixture.worker->id][end->reason][0];
	size_t captured = sample->length < DROP_SAMPLE_BYTES ? sample->length : DROP_SAMPLE_BYTES;
	size_t same = length < ETHERNET ? length : ETHERNET;
	bool begins = memcmp(sample->data, frame, same) == 0 ||
		      (captured > ETHERNET && memcmp(sample->data + 6, our_mac, 5) == 0) ||
		      (captured > ETHERNET && sample->length <= length &&
		       memcmp(sample->data, frame + length - sample->length, ETHERNET) == 0) ||
		      packet_start_of(sample->data, captured, sample->length) == PACKET_IP;

	if (sample->sequence != 0 && sample->sequence % 2 == 0 && sample->interface == interface &&
	    sample->captured == captured && sample->time != 0 && begins)
		return true;
	fprintf(stderr, "  remembered as dropped: interface %u, %u of %u bytes, begun with\n ",
		sample->interface, sample->captured, sample->length);
	for (unsigned int i = 0; i < ETHERNET; i++)
		fprintf(stderr, " %02x", sample->data[i]);
	fprintf(stderr, "\n");
	return false;
}

static bool canaries_alive(const uint8_t *buffer_start)
{
	for (unsigned int i = 1; i <= CANARIES; i++) {
		if (buffer_start[-(int)i] == CANARY)
			continue;
		fprintf(stderr, "  byte %u before the buffer was written\n", i);
		return false;
	}
	return true;
}

bool case_run(const struct stage_case *stage_case, const uint8_t *frame, size_t length,
	      unsigned int headroom, size_t first_segment)
{
	static struct account before;
	const struct end *end = &stage_case->end;
	struct worker *worker = fixture.worker;
	unsigned int available = rte_mempool_avail_count(fixture.pool);
	unsigned int interface =
		stage_case->interface != 0 ? stage_case->interface : stage_case->port;
	size_t first = first_segment == 0 || first_segment > length ? length : first_segment;
	struct rte_mbuf *mbuf = guarded_mbuf(frame, first, headroom);

	chain(mbuf, frame + first, length - first);
	account_take(&before);
	if (end->kind == END_DROPPED)
		memset(worker->shared->drop_sample[worker->id][end->reason], 0,
		       sizeof(worker->shared->drop_sample[worker->id][0]));
	drop_sample_again(worker, 0);
	bool good = true;
	if (end->kind == END_AT_IP) { /* worker_process, with a look at what the IP stage gets */
		classify(worker, stage_case->port, &mbuf, 1);
		mpls(worker);
		tunnel(worker);
		good = check_at_ip(end);
		worker_process(worker, stage_case->port, NULL, 0);
	} else {
		worker_process(worker, stage_case->port, &mbuf, 1);
	}
	unsigned int ended = stage_case->tunnel != 0 ? stage_case->tunnel : interface;
	good = check_counter(end, ended, &before) && good;
	good = check_received(interface, length, &before) && good;
	if (good && end->kind == END_SENT)
		good = check_sent(end) && check_sent_counters(end, &before);
	if (good && end->kind == END_DROPPED)
		good = check_sample(end, ended, frame, length);
	if (good && end->kind == END_PUNTED)
		good = check_punted(end, frame, length, ended);
	good = account_balanced(&before, 1) && good;
	good = canaries_alive(guard - first - headroom) && good;
	unsigned int sent = transmit_take(), punted = punt_take();
	if (sent != (end->kind == END_SENT) || punted != (end->kind == END_PUNTED || end->kind == END_AT_IP)) {
		fprintf(stderr,
			"  not as many packets on ports and in the punt ring as expected\n");
		good = false;
	}
	if (rte_mempool_avail_count(fixture.pool) != available) {
		fprintf(stderr, "  buffers lost: %d\n",
			(int)available - (int)rte_mempool_avail_count(fixture.pool));
		good = false;
	}
	if (!good)
		fprintf(stderr, "FAILED: %s: %s\n", stage_case->name, stage_case->frame);
	return good;
}

void cases_run(const struct stage_case *cases, size_t count)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int failed = 0;

	for (size_t i = 0; i < count; i++) {
		size_t length = frame_build(frame, cases[i].frame);
		failed += !case_run(&cases[i], frame, length, HEADROOM, 0);
	}
	assert_int_equal(failed, 0);
}
