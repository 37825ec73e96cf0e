/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_trace.c: what a trace says of a packet, whom it follows, when it ends; cycles of the stages.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/stage/stage.h"
#include "tests/stage/bridges.h"
#include "tests/stage/filters.h"

enum {
	TEXT = 2048,
	BUFFERS = 600,
	JUMP_EQUAL = 0x15,
	JUMP_ALWAYS = 0x05,
	LOAD_WORD = 0x20,
	STORE_LIKE = 0x0a, /* libpcap's bpf_validate lets it pass, its interpreter aborts */
	SHIFT_RIGHT = 0x74,
	RETURN = 0x06
};

static uint64_t generation = 1; /* the fixture has had one */

/* ---------------------------------------------------------------- a wish */

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void wish(uint64_t count, uint32_t interface, const struct watch_instruction *program,
		 unsigned int length, int64_t left_ns)
{
	uint64_t size = sizeof(struct watch_wish) + length * sizeof(*program);
	uint64_t offset = heap_allocate(fixture.heap, size);
	struct watch_wish *object = heap_object(fixture.heap, offset);

	assert_true(offset != 0);
	*object = (struct watch_wish){ .generation = ++generation,
				       .deadline = monotonic_ns() + (uint64_t)left_ns,
				       .count = count,
				       .interface = interface,
				       .program_length = length };
	if (length > 0)
		memcpy(object->program, program, length * sizeof(*program));
	word_store(&fixture.tables->control.trace, offset);
}

static void wish_any(uint64_t count)
{
	wish(count, WATCH_ANY, NULL, 0, 60000000000);
}

/* One turn of the worker with one frame, as worker_run has it. What was sent is taken. */
static void turn(unsigned int port, const char *text)
{
	struct worker *worker = fixture.worker;
	uint8_t frame[FRAME_ROOM];
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, text));

	watch_turn(worker);
	worker_process(worker, port, &mbuf, 1);
	for (unsigned int i = 0; i < PORTS; i++)
		if (worker->watch & WATCH_PACKETS)
			watch_transmit(worker, i);
	if (worker->watch & WATCH_PACKETS)
		watch_done(worker);
	transmit_take();
	punt_take();
}

/* ---------------------------------------------------------------- records as text */

static const struct trace_ring *ring(void)
{
	return &fixture.state->trace[0];
}

static void say_lookup(char *text, const struct trace_record *record)
{
	static const char *const names[] = { "label", "route",   "filter", "tunnel",
					     "from",  "address", "group",  "nexthop" };

	static_assert(sizeof(names) / sizeof(names[0]) == TRACE_LOOKUPS, "a name each");
	sprintf(text + strlen(text), "%s", names[record->lookup]);
	if (record->lookup == TRACE_LABEL)
		sprintf(text + strlen(text), " %u:%u", record->index,
			label_operation(record->result));
	if (record->lookup == TRACE_ROUTE)
		sprintf(text + strlen(text), " %u", route_kind((uint32_t)record->result));
	if (record->lookup == TRACE_FILTER)
		sprintf(text + strlen(text), " %u %u", record->index,
			(unsigned int)(record->result >> 16));
	if (record->lookup == TRACE_NEXTHOP)
		sprintf(text + strlen(text), " %u+%u", (uint32_t)record->result,
			(unsigned int)(record->result >> 32));
	if (record->lookup == TRACE_GROUP || record->lookup == TRACE_ADDRESS)
		sprintf(text + strlen(text), " %d", (int)record->result);
}

/* "p0 [classify>mpls] {label 100:1} [mpls>output] ... =1", ends: =PORT, !REASON, ^PUNT, *CONSUMER */
static void records_text(unsigned int number, char text[TEXT])
{
	static const char ends[] = { '=', '!', '^', '*' };

	text[0] = 0;
	for (uint64_t i = 0; i < word_load(&ring()->count); i++) {
		const struct trace_record *record = &ring()->record[i];
		char *at = text + strlen(text);
		if (record->packet != number)
			continue;
		if (record->kind == TRACE_ARRIVED)
			sprintf(at, "p%u", record->interface);
		else if (record->kind == TRACE_STAGE)
			sprintf(at, " [%s>%s]", stage_name(record->stage),
				stage_name(record->next));
		else if (record->kind == TRACE_END && record->end == WATCH_DROPPED)
			sprintf(at, " !%s", drop_reason_name(record->reason));
		else if (record->kind == TRACE_END && record->end == WATCH_PUNTED)
			sprintf(at, " ^%s", punt_reason_name(record->reason));
		else if (record->kind == TRACE_END)
			sprintf(at, " %c%u", ends[record->end], record->reason);
		else {
			strcat(at, " {");
			say_lookup(at, record);
			strcat(at, "}");
		}
	}
}

/* The bytes that the packet came or left with. */
static const struct trace_record *first_of(enum trace_kind kind)
{
	for (uint64_t i = 0; i < word_load(&ring()->count); i++)
		if (ring()->record[i].kind == kind)
			return &ring()->record[i];
	return NULL;
}

/* ---------------------------------------------------------------- what is said of a packet */

static const struct traced {
	const char *name, *frame, *records, *left;
} traced[] = {
	{ "swap", "eth mpls 100/5/64 ip4/7",
	  "p0 [classify>mpls] {label 100:1} [mpls>output] {nexthop 1+0} [output>transmit] =1",
	  "out:1/1 mpls 200/5/63 ip4/7" },
	{ "swap and push", "eth mpls 101/5/64 ip4/7",
	  "p0 [classify>mpls] {label 101:1} [mpls>output] {nexthop 2+1} [output>transmit] =2",
	  "out:2/2 mpls 301/5/63 201/5/63 ip4/7" },
	{ "two labels are looked up", "eth mpls 102/5/64 100/1/90 ip4/7",
	  "p0 [classify>mpls] {label 102:4} {label 100:1} [mpls>output] {nexthop 1+0} "
	  "[output>transmit] =1",
	  "out:1/1 mpls 200/1/63 ip4/7" },
	{ "no such label", "eth mpls 99/5/64 ip4/7",
	  "p0 [classify>mpls] {label 99:0} !mpls_unknown_label", "eth mpls 99/5/64 ip4/7" },
	{ "TTL", "eth mpls 100/5/1 ip4/7", "p0 [classify>mpls] {label 100:1} ^mpls_ttl_exceeded",
	  "eth mpls 100/5/1 ip4/7" },
	{ "not for us", "dst:020000000099 mpls 100/5/64 ip4/7", "p0 !not_for_us",
	  "dst:020000000099 mpls 100/5/64 ip4/7" },
	{ "no route", "eth ip4/7", "p0 [classify>tunnel] [tunnel>ip] {route 0} ^ip_no_route",
	  "eth ip4/7" },
	{ "copies", "eth mpls 103/5/64 ip4/7",
	  "p0 [classify>mpls] {label 103:8} [mpls>output] [mpls>output] {nexthop 1+1} {nexthop 2+1} "
	  "[output>transmit] =1 =2",
	  "out:1/3 mpls 401/5/63 ip4/7" },
};

static void check_records(const struct traced *cases, size_t count)
{
	unsigned int failed = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t frame[FRAME_ROOM];
		char text[TEXT];
		wish_any(1);
		turn(0, cases[i].frame);
		records_text(0, text);
		const struct trace_record *end = first_of(TRACE_END);
		size_t length = frame_build(frame, cases[i].left);
		bool same = end != NULL && end->length == length && end->captured == length &&
			    memcmp(end->data, frame, length) == 0;
		length = frame_build(frame, cases[i].frame);
		const struct trace_record *arrived = first_of(TRACE_ARRIVED);
		same = same && arrived->length == length &&
		       memcmp(arrived->data, frame, length) == 0;
		if (strcmp(text, cases[i].records) == 0 && same)
			continue;
		failed++;
		fprintf(stderr, "%s:\n  %s\n  instead of\n  %s%s\n", cases[i].name, text,
			cases[i].records, same ? "" : "\n  and other bytes");
	}
	assert_int_equal(failed, 0);
}

static void test_records(void **state)
{
	(void)state;
	check_records(traced, sizeof(traced) / sizeof(traced[0]));
}

/* Out of a label, neighbour discovery is IP like any other: the filter is asked. */
#define SOLICITATION                                                                               \
	"raw:6000000000183aff20010db800000000000000000000000520010db8000000000000000000000006"     \
	"870000000000000020010db8000000000000000000000006"

static const struct traced filtered[] = {
	{ "a rule decides", "eth mpls 104/5/64s ip6/64",
	  "p0 [classify>mpls] {label 104:5} [mpls>tunnel] [tunnel>ip] {filter 1 1} [filter_vrf>ip] {route 0} "
	  "^ip_no_route",
	  "eth mpls 104/5/64s ip6/64" },
	{ "no rule decides", "eth mpls 104/5/64s " SOLICITATION,
	  "p0 [classify>mpls] {label 104:5} [mpls>tunnel] [tunnel>ip] {filter 1 0} !filter_in",
	  "eth mpls 104/5/64s " SOLICITATION },
};

static void test_filter(void **state)
{
	(void)state;
	word_store(&fixture.tables->filter_vrf[0], PERMIT);
	word_store(&fixture.tables->filter_vrfs, 1);
	check_records(filtered, sizeof(filtered) / sizeof(filtered[0]));
	word_store(&fixture.tables->filter_vrf[0], 0);
	word_store(&fixture.tables->filter_vrfs, 0);
}

/* A frame from below a label is looked up in the bridge that the label names. */
#define BELOW "mac:0a00000000010a0000000099"

static const struct traced bridged[] = {
	{ "untagged: of the bridge's own VLAN", "eth mpls 105/0/64s " BELOW " type:9000 fill:46",
	  "p0 [classify>mpls] {label 105:6} [mpls>bridge] {address 3} [bridge>transmit] =3",
	  BELOW " type:9000 fill:46" },
	{ "in a VLAN that nobody has", "eth mpls 105/0/64s " BELOW " vlan:20 type:9000 fill:46",
	  "p0 [classify>mpls] {label 105:6} [mpls>bridge] {address -1} !bridge_vlan",
	  BELOW " vlan:20 type:9000 fill:46" },
	{ "no such bridge", "eth mpls 106/0/64s " BELOW " type:9000 fill:46",
	  "p0 [classify>mpls] {label 106:6} [mpls>bridge] !bridge_unknown",
	  "eth mpls 106/0/64s " BELOW " type:9000 fill:46" },
};

static void test_bridge(void **state)
{
	(void)state;
	check_records(bridged, sizeof(bridged) / sizeof(bridged[0]));
}

/* ---------------------------------------------------------------- which packets */

static uint64_t traced_packets(void)
{
	uint64_t count = 0;

	for (uint64_t i = 0; i < word_load(&ring()->count); i++)
		count += ring()->record[i].kind == TRACE_ARRIVED;
	return count;
}

static void test_count(void **state)
{
	char text[TEXT];

	(void)state;
	wish_any(2);
	for (unsigned int i = 0; i < 5; i++)
		turn(0, "eth mpls 100/5/64 ip4/7");
	assert_int_equal(traced_packets(), 2);
	records_text(1, text);
	assert_string_equal(text, traced[0].records);
	assert_false(fixture.worker->watch & WATCH_PACKETS);
	/* the next wish begins anew */
	wish_any(1);
	turn(0, "eth mpls 99/5/64 ip4/7");
	assert_int_equal(traced_packets(), 1);
	assert_int_equal(word_load(&ring()->generation), generation);
}

static void test_port(void **state)
{
	(void)state;
	wish(9, 1, NULL, 0, 60000000000);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_int_equal(word_load(&ring()->generation), generation);
	assert_int_equal(traced_packets(), 0);
	turn(1, "eth:1 mpls 100/5/64 ip4/7");
	assert_int_equal(traced_packets(), 1);
}

/* label == 101 */
static const struct watch_instruction label_101[] = { { LOAD_WORD, 0, 0, 14 },
						      { SHIFT_RIGHT, 0, 0, 12 },
						      { JUMP_EQUAL, 0, 1, 101 },
						      { RETURN, 0, 0, 65535 },
						      { RETURN, 0, 0, 0 } };

static void test_match(void **state)
{
	(void)state;
	wish(9, WATCH_ANY, label_101, 5, 60000000000);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_int_equal(traced_packets(), 0);
	turn(0, "eth mpls 101/5/64 ip4/7");
	assert_int_equal(traced_packets(), 1);
	turn(0, "eth"); /* ends before what the program reads */
	assert_int_equal(traced_packets(), 1);
}

/* Programs that must not be run. */
static void test_invalid(void **state)
{
	static const struct watch_instruction invalid[][2] = {
		{ { JUMP_EQUAL, 9, 9, 1 }, { RETURN, 0, 0, 1 } },
		{ { LOAD_WORD, 0, 0, 0 }, { LOAD_WORD, 0, 0, 0 } },
		{ { JUMP_ALWAYS, 0, 0, UINT32_MAX }, { RETURN, 0, 0, 1 } },
		{ { STORE_LIKE, 0, 0, 0 }, { RETURN, 0, 0, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++) {
		wish(9, WATCH_ANY, invalid[i], 2, 60000000000);
		turn(0, "eth mpls 100/5/64 ip4/7");
		assert_false(fixture.worker->watch & WATCH_PACKETS);
	}
}

/* Words that name no wish within the heap, or one that says to be longer than any. */
static void test_no_wish(void **state)
{
	_Atomic uint64_t *word = &fixture.tables->control.trace;
	uint64_t heap = fixture.tables->control.heap_start;

	(void)state;
	wish_any(9);
	uint64_t offset = word_load(word);
	const uint64_t wrong[] = { 1, 8, heap - 8, offset + 1, heap + fixture.tables->control.heap_used - 8,
				   1ull << 40, UINT64_MAX, UINT64_MAX - 7 };
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		word_store(word, wrong[i]);
		turn(0, "eth mpls 100/5/64 ip4/7");
		assert_false(fixture.worker->watch & WATCH_PACKETS);
	}
	word_store(word, offset);
	((struct watch_wish *)heap_object(fixture.heap, offset))->program_length = UINT32_MAX;
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_false(fixture.worker->watch & WATCH_PACKETS);
}

static void test_deadline(void **state)
{
	(void)state;
	wish(9, WATCH_ANY, NULL, 0, -1);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_false(fixture.worker->watch & WATCH_PACKETS);
	word_store(&fixture.tables->control.trace, 0);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_false(fixture.worker->watch & WATCH_PACKETS);
}

/* A buffer that was a traced packet's is another's in the same turn. */
static void test_reused_buffer(void **state)
{
	struct rte_mbuf *all[BUFFERS], *mbuf;
	uint8_t frame[FRAME_ROOM];
	size_t length = frame_build(frame, "eth mpls 99/5/64 ip4/7");
	unsigned int taken = 0;

	(void)state;
	wish_any(1);
	watch_turn(fixture.worker);
	mbuf = mbuf_of(frame, length);
	worker_process(fixture.worker, 0, &mbuf, 1);
	/* the dropped one comes back among all there are */
	while (taken < BUFFERS && (all[taken] = rte_pktmbuf_alloc(fixture.pool)) != NULL)
		taken++;
	for (unsigned int i = 0; i < taken; i++)
		watch_end(fixture.worker, all[i], 0, WATCH_DROPPED, DROP_no_buffer);
	rte_pktmbuf_free_bulk(all, taken);
	watch_done(fixture.worker);
	char text[TEXT];
	records_text(0, text);
	assert_string_equal(text, traced[3].records);
}

/* ---------------------------------------------------------------- records that are too many */

static void test_spilled(void **state)
{
	(void)state;
	wish_any(TRACE_PACKETS_MAX);
	for (unsigned int i = 0; i < TRACE_PACKETS_MAX + 5; i++)
		turn(0, "eth mpls 103/5/64 ip4/7");
	assert_int_equal(traced_packets(), TRACE_PACKETS_MAX);
	assert_true(word_load(&ring()->count) <= TRACE_SLOTS);
}

/* ---------------------------------------------------------------- runtime */

static uint64_t runtime_packets(enum stage_id stage)
{
	return counter_read(&fixture.state->runtime[0][stage].packets);
}

static void test_runtime(void **state)
{
	uint64_t classify = runtime_packets(STAGE_classify), mpls = runtime_packets(STAGE_mpls);
	uint64_t ip = runtime_packets(STAGE_ip);

	(void)state;
	word_store(&fixture.tables->control.trace, 0);
	atomic_store(&fixture.worker->state->busy_turns, WATCH_SAMPLE);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_int_equal(fixture.worker->watch, WATCH_RUNTIME);
	assert_int_equal(runtime_packets(STAGE_classify), classify + 1);
	assert_int_equal(runtime_packets(STAGE_mpls), mpls + 1);
	assert_int_equal(runtime_packets(STAGE_ip), ip);
	assert_true(counter_read(&fixture.state->runtime[0][STAGE_mpls].cycles) > 0);
	/* the turns after it are not sampled */
	atomic_store(&fixture.worker->state->busy_turns, WATCH_SAMPLE + 1);
	turn(0, "eth mpls 100/5/64 ip4/7");
	assert_int_equal(fixture.worker->watch, 0);
	assert_int_equal(runtime_packets(STAGE_mpls), mpls + 1);
}

/* ---------------------------------------------------------------- */

static int start(void **state)
{
	static const struct bridge_seat seats[] = { { 3, 1, 10, NULL, BRIDGE_PORT_LEARNING } };
	struct group_members members = { .count = 2 };
	uint32_t group;
	int result = stage_start(state);

	if (result != 0)
		return result;
	route(100, LABEL_SWAP, 200, via(1, 1, NO_LABELS), 0);
	route(101, LABEL_SWAP, 201, via(2, 2, LABELS(301)), 0);
	route(102, LABEL_POP_LABEL, 0, 0, 0);
	for (unsigned int i = 0; i < 2; i++) {
		const uint32_t label = 401 + i;
		members.member[i].nexthop = via(1 + i, 3, &label, 1);
		members.member[i].weight = 1;
	}
	if (group_add(fixture.nexthops, &members, &group) != 0)
		return -1;
	route(103, LABEL_REPLICATE, 0, group, LABEL_GROUP);
	route(104, LABEL_POP_IP, 0, 0, LABEL_TTL_PIPE);
	bridge_make(1, seats, sizeof(seats) / sizeof(seats[0]), 10, BRIDGE_LEARNING, 0);
	fdb_entry_add(1, 10, "0a0000000001", 3, 1, ORIGIN_LEARNED);
	route(105, LABEL_POP_BRIDGE, 0, 1, 0);
	route(106, LABEL_POP_BRIDGE, 0, 2, 0);
	filters_start();
	atomic_store(&fixture.worker->state->busy_turns, 1);
	return 0;
}

static int stop(void **state)
{
	filters_stop();
	return stage_stop(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),       cmocka_unit_test(test_filter),
		cmocka_unit_test(test_bridge),	      cmocka_unit_test(test_count),
		cmocka_unit_test(test_port),          cmocka_unit_test(test_match),
		cmocka_unit_test(test_invalid),       cmocka_unit_test(test_no_wish),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_reused_buffer), cmocka_unit_test(test_spilled),
		cmocka_unit_test(test_runtime),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
