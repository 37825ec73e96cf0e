/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_reassemble.c: fragments for ourselves. A case says which bytes each fragment carries, in the order
 * in which they come: "0-16+" has the bytes 0 to 15 and more follow, "16-20" is the last one.
 */
#include <stdio.h>

#include "dataplane/shm/lpm.h"
#include "dataplane/shm/ring.h"
#include "dataplane/stage/reassemble.h"
#include "dataplane/stage/stage.h"
#include "tests/stage/case.h"
#include "tests/stage/piece.h"

enum { TCP = 6, NOTHING = -1, OTHER_PORT = 1 };

static int start(void **state)
{
	static const uint8_t ipv4[4] = { 10, 9, 8, 7 }, ipv6[16] = { 0x20, [15] = 2 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
		struct lpm *trie = fixture_trie(&fixture, 0, family, true);
		if (lpm_insert(trie, family == ROUTE_IPV4 ? ipv4 : ipv6,
			       family == ROUTE_IPV4 ? 32 : 128, route_leaf(ROUTE_LOCAL, 0)) != 0)
			return -1;
	}
	route(520, LABEL_POP_IP, 0, 0, 0);
	return 0;
}

/* ---------------------------------------------------------------- frames */

static void receive(const uint8_t *frame, size_t length, unsigned int port)
{
	struct rte_mbuf *mbuf = mbuf_of(frame, length);

	worker_process(fixture.worker, port, &mbuf, 1);
}

/* Send the fragments that the text names; returns how many. */
static unsigned int receive_all(const struct piece_shape *shape, const char *text)
{
	static uint8_t frame[FRAME_ROOM];
	unsigned int from, to, count = 0;
	int used;

	for (; sscanf(text, "%u-%u%n", &from, &to, &used) == 2; count++) {
		text += used;
		bool more = *text == '+';
		text += more;
		receive(frame, piece_build(frame, shape, from, to, more, false), 0);
	}
	return count;
}

/* ---------------------------------------------------------------- cases */

struct reassembly_case {
	const char *name;
	const char *fragments;
	unsigned int total; /* bytes of the whole packet that is punted; 0: none is */
	int reason;         /* that is counted, or NOTHING */
	unsigned int times;
	struct piece_shape shape; /* family: both */
};

static const struct reassembly_case cases[] = {
	{ "in order", "0-1480+ 1480-2960+ 2960-4000", 4000, NOTHING, 0 },
	{ "backwards", "2960-4000 1480-2960+ 0-1480+", 4000, NOTHING, 0 },
	{ "the last one in the middle", "0-1480+ 2960-4000 1480-2960+", 4000, NOTHING, 0 },
	{ "one byte in the last", "0-8+ 8-9", 9, NOTHING, 0 },
	{ "nine of 1000 bytes: more than rte_ip_frag takes",
	  "0-976+ 976-1952+ 1952-2928+ 2928-3904+ 3904-4880+ 4880-5856+ 5856-6832+ 6832-7808+ "
	  "7808-8008",
	  8008, NOTHING, 0 },
	{ "padding of the link", "0-24+ 24-30", 30, NOTHING, 0, { .padding = 7 } },
	{ "options, or a header before the fragment's",
	  "8-16 0-8+",
	  16,
	  NOTHING,
	  0,
	  { .extension = 8 } },
	{ "out of a label", "0-8+ 8-16", 16, NOTHING, 0, { .link = "eth mpls 520/0/65" } },
	{ "behind a tag 0", "0-8+ 8-16", 16, NOTHING, 0, { .link = "eth vlan:0" } },
	{ "buffers in several segments", "0-4000+ 4000-8000", 8000, NOTHING, 0 },
	{ "no last one", "0-8+ 8-16+", 0, NOTHING, 0 },
	{ "no first one", "8-16+ 16-20", 0, NOTHING, 0 },
	{ "a hole", "0-8+ 16-20", 0, NOTHING, 0 },
	{ "a duplicate of the first", "0-8+ 0-8+ 8-16", 16, DROP_fragment_duplicate, 1 },
	{ "a duplicate of the last", "8-16 8-16 0-8+", 16, DROP_fragment_duplicate, 1 },
	{ "overlaps the one before", "0-16+ 8-24", 0, DROP_fragment_overlap, 2 },
	{ "overlaps the one behind", "8-24 0-16+", 0, DROP_fragment_overlap, 2 },
	{ "within another", "0-32+ 8-16+", 0, DROP_fragment_overlap, 2 },
	{ "around another", "8-16+ 0-32+", 0, DROP_fragment_overlap, 2 },
	{ "the same start", "0-16+ 0-8+", 0, DROP_fragment_overlap, 2 },
	{ "what comes after an overlap is refused too", "0-16+ 8-24 16-32+ 0-16+ 16-20", 0,
	  DROP_fragment_overlap, 5 },
	{ "and does not make a packet", "0-16+ 8-24 0-16+ 16-20", 0, DROP_fragment_overlap, 4 },
	{ "two ends", "16-20 8-12", 0, DROP_fragment_overlap, 2 },
	{ "beyond the end", "8-16 16-24+", 0, DROP_fragment_overlap, 2 },
	{ "an end before what is there", "16-24+ 8-12", 0, DROP_fragment_overlap, 2 },
	{ "nothing in it", "0-0+", 0, DROP_fragment_invalid, 1 },
	{ "length that no other can follow", "0-13+", 0, DROP_fragment_invalid, 1 },
	{ "ping of death", "65528-65538", 0, DROP_fragment_invalid, 1 },
	{ "ends where the longest packet ends", "65504-65512", 0, NOTHING, 0 },
	{ "TCP: flags not in the first", "0-16+", 0, DROP_fragment_tiny, 1, { .protocol = TCP } },
	{ "TCP: header in the first", "0-24+ 24-25", 25, NOTHING, 0, { .protocol = TCP } },
	{ "64 fragments are the most",
	  "0-8+ 8-16+ 16-24+ 24-32+ 32-40+ 40-48+ 48-56+ 56-64+ 64-72+ 72-80+ 80-88+ 88-96+ "
	  "96-104+ 104-112+ 112-120+ 120-128+ 128-136+ 136-144+ 144-152+ 152-160+ 160-168+ "
	  "168-176+ 176-184+ 184-192+ 192-200+ 200-208+ 208-216+ 216-224+ 224-232+ 232-240+ "
	  "240-248+ 248-256+ 256-264+ 264-272+ 272-280+ 280-288+ 288-296+ 296-304+ 304-312+ "
	  "312-320+ 320-328+ 328-336+ 336-344+ 344-352+ 352-360+ 360-368+ 368-376+ 376-384+ "
	  "384-392+ 392-400+ 400-408+ 408-416+ 416-424+ 424-432+ 432-440+ 440-448+ 448-456+ "
	  "456-464+ 464-472+ 472-480+ 480-488+ 488-496+ 496-504+ 504-512+ 512-520",
	  0, DROP_fragments_full, 65 },
};

/* The whole packet, as if it had never been in pieces, is in the punt ring; or nothing is. */
static bool check_whole(const struct piece_shape *shape, unsigned int total)
{
	static uint8_t expected[FRAME_ROOM];
	struct piece_shape plain = *shape;
	const struct frame_slot *slot =
		ring_peek(fixture.worker->punt, &fixture.tables->punt_consumer[0]);

	if (total == 0 || slot == NULL) {
		if (total != 0 || slot != NULL)
			fprintf(stderr, "  %s packet in the punt ring\n", total != 0 ? "no" : "a");
		return total == 0 && slot == NULL;
	}
	plain.padding = 0;
	size_t length = piece_build(expected, &plain, 0, total, false, true);
	size_t l3 = length - total - shape->extension - (shape->family == IPV4 ? 20 : 40);
	if (shape->link != NULL && strstr(shape->link, "mpls") != NULL)
		expected[l3 + (shape->family == IPV4 ? 8 : 7)] = 64; /* the label's, less one */
	if (shape->family == IPV4)
		piece_mend(expected + l3, 20 + shape->extension);
	bool good = slot->reason == PUNT_ip_local && slot->l3_offset == l3 &&
		    slot->length == length && memcmp(slot->data, expected, length) == 0;
	if (!good)
		frame_print_difference(expected, length, slot->data, slot->length);
	return good;
}

static bool run_case(const struct reassembly_case *one, int family)
{
	static struct account before;
	unsigned int available = rte_mempool_avail_count(fixture.pool);
	struct piece_shape shape = one->shape;
	bool good = true;

	shape.family = family;
	shape.id = 77;
	account_take(&before);
	unsigned int count = receive_all(&shape, one->fragments);
	for (unsigned int reason = 0; reason < DROP_REASON_COUNT; reason++) {
		uint64_t expected = (int)reason == one->reason ? one->times : 0;
		uint64_t dropped = dropped_since(&before, 0, reason);
		if (dropped != expected) {
			fprintf(stderr, "  %lu dropped as %s\n", (unsigned long)dropped,
				drop_reason_name(reason));
			good = false;
		}
	}
	good = check_whole(&shape, one->total) && good;
	punt_take();
	if (one->total != 0 && rte_mempool_avail_count(fixture.pool) != available)
		good = false; /* nothing is kept of it */
	reassembly_flush(fixture.worker);
	good = account_balanced(&before, count) && good;
	if (fixture.worker->reassembling != 0 ||
	    rte_mempool_avail_count(fixture.pool) != available) {
		fprintf(stderr, "  %u packets left, buffers lost: %d\n",
			fixture.worker->reassembling,
			(int)available - (int)rte_mempool_avail_count(fixture.pool));
		good = false;
	}
	if (!good)
		fprintf(stderr, "FAILED: %s, IPv%d: %s\n", one->name, family == IPV4 ? 4 : 6,
			one->fragments);
	return good;
}

static void test_cases(void **state)
{
	unsigned int failed = 0;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(cases); i++)
		for (int family = IPV4; family <= IPV6; family++)
			failed += !run_case(&cases[i], family);
	assert_int_equal(failed, 0);
}

static void end_turn(void)
{
	watch_done(fixture.worker);
	watch_turn(fixture.worker);
}

/* Who traces fragments sees where each is left, and the last one as the packet that they make. */
static void test_traced(void **state)
{
	static const char *const texts[] = { "0-8+ 8-16+ 16-20", "16-20 8-16+ 0-8+",
					     "8-16+ 0-8+ 16-20" };
	const struct trace_ring *ring = &fixture.state->trace[0];
	uint64_t offset = heap_allocate(fixture.heap, sizeof(struct watch_wish));
	struct watch_wish *wish = heap_object(fixture.heap, offset);
	const struct piece_shape shape = { .family = IPV4, .id = 9 };

	(void)state;
	for (unsigned int i = 0; i < 2 * RTE_DIM(texts); i++) {
		unsigned int ends[3] = { 0 }, punted = UINT32_MAX, at = 0;
		*wish = (struct watch_wish){ .generation = 1000 + i,
					     .deadline = UINT64_MAX,
					     .count = 9,
					     .interface = WATCH_ANY };
		word_store(&fixture.tables->control.trace, offset);
		watch_turn(fixture.worker);
		for (const char *text = texts[i / 2]; at < 3; at++, text = strchr(text, ' ') + 1) {
			char one[16];
			snprintf(one, sizeof(one), "%.*s", (int)strcspn(text, " "), text);
			receive_all(&shape, one);
			if (i % 2 != 0) /* each in a turn of its own */
				end_turn();
			if (at == 2)
				break;
		}
		end_turn();
		for (uint64_t k = 0; k < word_load(&ring->count); k++) {
			const struct trace_record *record = &ring->record[k];
			if (record->kind != TRACE_END || record->packet >= 3)
				continue;
			ends[record->packet]++;
			if (record->end == WATCH_PUNTED)
				punted = record->packet;
		}
		assert_int_equal(punted, 2);
		for (unsigned int k = 0; k < 3; k++)
			assert_true(ends[k] > 0);
		assert_int_equal(punt_take(), 1);
		word_store(&fixture.tables->control.trace, 0);
		watch_turn(fixture.worker);
	}
}

/* Another source, identification, protocol or VRF: another packet. */
static void test_keys(void **state)
{
	static struct account before;
	static uint8_t frame[FRAME_ROOM];

	(void)state;
	account_take(&before);
	for (int family = IPV4; family <= IPV6; family++) {
		struct piece_shape shape = { .family = family, .id = 1 },
				   other = { .family = family, .id = 2 };
		receive_all(&shape, "0-8+");
		receive_all(&other, "8-16");
		size_t length = piece_build(frame, &shape, 8, 16, false, false);
		frame[ETHERNET + (family == IPV4 ? 15 : 23)] ^= 1; /* source */
		if (family == IPV4)
			piece_mend(frame + ETHERNET, 20);
		receive(frame, length, 0);
		assert_int_equal(punt_take(), 0);
		assert_int_equal(fixture.worker->reassembling, 3);
		receive_all(&shape, "8-16");
		assert_int_equal(punt_take(), 1);
		reassembly_flush(fixture.worker);
	}
	assert_true(account_balanced(&before, 8));
}

/* RFC 6946: a fragment that is all of it does not wait, and meets no other of its identification. */
static void test_atomic(void **state)
{
	struct piece_shape shape = { .family = IPV6, .id = 5 };

	(void)state;
	receive_all(&shape, "0-8+ 0-20");
	assert_true(check_whole(&shape, 20));
	assert_int_equal(punt_take(), 1);
	receive_all(&shape, "8-16");
	assert_true(check_whole(&shape, 16));
	assert_int_equal(punt_take(), 1);
	assert_int_equal(fixture.worker->reassembling, 0);
}

/* RFC 3168 5.3 */
static void test_congestion(void **state)
{
	static const struct {
		uint8_t first, second;
		int whole; /* the codepoint of the whole, or -1 */
	} mixed[] = {
		{ 2, 2, 2 }, { 2, 3, 3 }, { 3, 2, 3 }, { 1, 2, 1 }, { 0, 3, -1 }, { 0, 2, 0 }
	};

	(void)state;
	for (size_t i = 0; i < RTE_DIM(mixed); i++)
		for (int family = IPV4; family <= IPV6; family++) {
			struct piece_shape shape = { .family = family, .ecn = mixed[i].first };
			static struct account before;
			account_take(&before);
			receive_all(&shape, "0-8+");
			shape.ecn = mixed[i].second;
			receive_all(&shape, "8-16");
			shape.ecn = (uint8_t)mixed[i].whole;
			assert_true(check_whole(&shape, mixed[i].whole < 0 ? 0 : 16));
			assert_int_equal(dropped_since(&before, 0, DROP_fragment_invalid),
					 mixed[i].whole < 0 ? 2 : 0);
			punt_take();
			reassembly_flush(fixture.worker);
		}
}

/* Time is over: with the first fragment, somebody is told; an interface that went away tells nobody. */
static void test_timeout(void **state)
{
	static const struct {
		const char *fragments;
		bool down;
		unsigned int told, dropped;
	} waits[] = {
		{ "0-8+ 16-24+", false, 1, 1 }, { "16-24+ 0-8+", false, 1, 1 },
		{ "8-16+ 16-24", false, 0, 2 }, { "0-8+ 16-24+", true, 0, 2 },
		{ "0-16+ 8-16", false, 0, 0 }, /* refused: dropped before */
	};
	_Atomic uint64_t *flags = &fixture.tables->interface[0].flags;
	static struct account before;

	(void)state;
	for (size_t i = 0; i < RTE_DIM(waits); i++) {
		struct piece_shape shape = { .family = IPV4, .id = 9 };
		account_take(&before);
		receive_all(&shape, waits[i].fragments);
		reassembly_expire(fixture.worker, rte_rdtsc());
		assert_int_equal(fixture.worker->reassembling, 1);
		uint64_t was = word_load(flags);
		if (waits[i].down)
			word_store(flags, was & ~INTERFACE_UP);
		reassembly_expire(fixture.worker,
				  rte_rdtsc() + REASSEMBLY_SECONDS * rte_get_tsc_hz());
		word_store(flags, was);
		assert_int_equal(fixture.worker->reassembling, 0);
		assert_int_equal(dropped_since(&before, 0, DROP_fragment_timeout),
				 waits[i].dropped);
		const struct frame_slot *slot =
			ring_peek(fixture.worker->punt, &fixture.tables->punt_consumer[0]);
		if (waits[i].told > 0) {
			static uint8_t frame[FRAME_ROOM];
			size_t length = piece_build(frame, &shape, 0, 8, true, false);
			assert_int_equal(slot->reason, PUNT_fragment_timeout);
			assert_int_equal(slot->l3_offset, ETHERNET);
			assert_int_equal(slot->length, length);
			assert_memory_equal(slot->data, frame, length);
		}
		assert_int_equal(punt_take(), waits[i].told);
		assert_true(account_balanced(&before, 2));
	}
}

/* More packets than there is room for: the oldest go, the latest can still be completed. And by which
 * interface each fragment came is where its end is counted. */
static void test_full(void **state)
{
	static struct account before;
	static uint8_t frame[FRAME_ROOM];
	unsigned int sent = 0;

	(void)state;
	account_take(&before);
	for (unsigned int id = 1; id <= 1000; id++, sent++) {
		struct piece_shape shape = { .family = id % 2 != 0 ? IPV4 : IPV6,
					     .id = (uint16_t)id };
		receive(frame, piece_build(frame, &shape, 0, 8, true, false), 0);
		assert_in_range(rte_mempool_in_use_count(fixture.pool), 0, fixture.pool->size / 4);
	}
	unsigned int held = rte_mempool_in_use_count(fixture.pool);
	assert_in_range(held, 100, fixture.worker->reassembling);
	assert_int_equal(dropped_since(&before, 0, DROP_fragments_full), sent - held);
	struct piece_shape last = { .family = IPV6, .id = 1000, .link = "eth:1" };
	receive(frame, piece_build(frame, &last, 8, 16, false, false), OTHER_PORT);
	last.link = NULL;
	assert_true(check_whole(&last, 16));
	assert_int_equal(punt_take(), 1);
	reassembly_flush(fixture.worker);
	assert_true(account_balanced(&before, sent + 1));
}

/* Whatever a byte of two fragments becomes, all of it ends, and nothing is read past the frame. */
static void test_every_byte(void **state)
{
	static uint8_t first[FRAME_ROOM], frame[FRAME_ROOM];
	static struct account before;
	unsigned int failed = 0;

	(void)state;
	for (unsigned int k = 0; k < 4; k++) {
		struct piece_shape shape = { .family = k % 2 == 0 ? IPV4 : IPV6,
					     .id = 3,
					     .extension = k < 2 ? 0 : 8 };
		size_t first_length = piece_build(first, &shape, 0, 24, true, false);
		size_t length = piece_build(frame, &shape, 24, 40, false, false);
		for (size_t at = ETHERNET; at < length; at++)
			for (unsigned int value = 0; value < 256; value += 7) {
				uint8_t was = frame[at];
				account_take(&before);
				receive(first, first_length, 0);
				frame[at] = (uint8_t)value;
				if (k % 2 == 0 && at < ETHERNET + 20)
					piece_mend(frame + ETHERNET, (frame[ETHERNET] & 0xfu) * 4);
				struct rte_mbuf *mbuf = guarded_mbuf(frame, length, HEADROOM);
				worker_process(fixture.worker, 0, &mbuf, 1);
				reassembly_expire(fixture.worker, UINT64_MAX);
				failed += !account_balanced(&before, 2);
				transmit_take();
				punt_take();
				frame[at] = was;
				if (k % 2 == 0)
					piece_mend(frame + ETHERNET, 20 + shape.extension);
			}
	}
	assert_int_equal(failed, 0);
	assert_int_equal(rte_mempool_in_use_count(fixture.pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),      cmocka_unit_test(test_keys),
		cmocka_unit_test(test_traced),     cmocka_unit_test(test_atomic),
		cmocka_unit_test(test_congestion), cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_full),       cmocka_unit_test(test_every_byte),
	};
	return cmocka_run_group_tests_name("stage: reassemble", tests, start, stage_stop);
}
