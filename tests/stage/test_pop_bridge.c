/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_pop_bridge.c: Ethernet from below labels into a bridge, without a pseudowire.
 */
#include "tests/stage/bridges.h"

static const uint16_t both[] = { 10, 20, 0 };

/* Labelled frames come in by port 0, which is none of the bridge's. */
static const struct bridge_seat seats[] = {
	{ 1, 1, 10, NULL, BRIDGE_PORT_LEARNING },
	{ 2, 2, 0, both, BRIDGE_PORT_LEARNING },
	{ 3, 3, 20, NULL, BRIDGE_PORT_LEARNING },
	{ 4, 4, 10, NULL, BRIDGE_PORT_HORIZON },
};

static int start(void **state)
{
	static const unsigned int members[] = { 1 }, router[] = { 2 };
	int result = stage_start(state);

	if (result != 0)
		return result;
	bridge_make(1, seats, sizeof(seats) / sizeof(seats[0]), 10, BRIDGE_LEARNING,
		    DOMAIN_SNOOPING | DOMAIN_ENFORCED);
	fdb_entry_add(1, 10, "0a0000000001", 1, 1, ORIGIN_LEARNED);
	fdb_entry_add(1, 20, "0a0000000003", 3, 3, ORIGIN_LEARNED);
	group_add_entry(1, 10, "239.0.0.1", NULL, 0, members, 1);
	bridge_routers(1, 10, BRIDGE_IPV4, router, 1);
	route(100, LABEL_POP_BRIDGE, 0, 1, 0);
	route(101, LABEL_POP_BRIDGE, 0, 1, LABEL_CONTROL_WORD);
	route(102, LABEL_POP_BRIDGE, 0, 2, 0);
	return 0;
}

#define SOURCE "0a0000000099"
#define BODY   " type:9000 fill:46"
#define GROUP_BODY   " type:0800 raw:4500001c00000000101100000a000009ef000001 fill:8"
#define GROUP        "mac:01005e000001" SOURCE GROUP_BODY
#define GROUP_TAGGED "mac:01005e000001" SOURCE " vlan:10" GROUP_BODY
#define REPORT_BODY   " type:0800 raw:4500001c00000000010200000a000009ef000001 raw:16000000ef000001"
#define REPORT        "mac:01005e000001" SOURCE REPORT_BODY
#define REPORT_TAGGED "mac:01005e000001" SOURCE " vlan:10" REPORT_BODY
#define QUERY_BODY    " type:0800 raw:4500001c00000000010200000a000009ef000009 raw:11640000ef000009"
#define QUERY         "mac:01005e000009" SOURCE QUERY_BODY
#define QUERY_TAGGED  "mac:01005e000009" SOURCE " vlan:10" QUERY_BODY
#define MLD_DONE                                                                                   \
	"mac:333300000002" SOURCE                                                                  \
	" type:86dd raw:6000000000200001fe800000000000000000000000000009"                          \
	"ff0200000000000000000000000000023a00050200000100" "84000000 fill:20"

static const struct bridge_case cases[] = {
	{ "known address",
	  0,
	  "eth mpls 100/0/64s mac:0a0000000001" SOURCE BODY,
	  { { 1, "mac:0a0000000001" SOURCE BODY } } },
	{ "unknown address: to all but what carries frames between bridges",
	  0,
	  "eth mpls 100/0/64s mac:0a0000000077" SOURCE BODY,
	  { { 1, "mac:0a0000000077" SOURCE BODY },
	    { 2, "mac:0a0000000077" SOURCE " vlan:10" BODY } } },
	{ "a tag is taken as it is",
	  0,
	  "eth mpls 100/0/64s mac:0a0000000003" SOURCE " vlan:20" BODY,
	  { { 3, "mac:0a0000000003" SOURCE BODY } } },
	{ "VLAN that nobody has",
	  0,
	  "eth mpls 100/0/64s mac:0a0000000003" SOURCE " vlan:30" BODY,
	  { { 0, NULL } },
	  DROP(bridge_vlan) },
	{ "control word",
	  0,
	  "eth mpls 101/0/64s cw:00000000 mac:0a0000000001" SOURCE BODY,
	  { { 1, "mac:0a0000000001" SOURCE BODY } } },
	{ "a group's members get it, and routers",
	  0,
	  "eth mpls 100/0/64s " GROUP,
	  { { 1, GROUP }, { 2, GROUP_TAGGED } } },
	{ "a report is nobody's, no port could be asked: to routers alone, not to the group's members",
	  0,
	  "eth mpls 100/0/64s " REPORT,
	  { { 2, REPORT_TAGGED } } },
	{ "a leave likewise, MLD's too",
	  0,
	  "eth mpls 100/0/64s " MLD_DONE,
	  { { 0, NULL } },
	  DROP(bridge_no_port) },
	{ "a query is for all hosts",
	  0,
	  "eth mpls 100/0/64s " QUERY,
	  { { 1, QUERY }, { 2, QUERY_TAGGED } } },
	{ "no such bridge",
	  0,
	  "eth mpls 102/0/64s mac:0a0000000001" SOURCE BODY,
	  { { 0, NULL } },
	  DROP(bridge_unknown) },
	{ "spanning tree",
	  0,
	  "eth mpls 100/0/64s mac:0180c2000002" SOURCE BODY,
	  { { 0, NULL } },
	  DROP(bridge_reserved) },
	{ "runt", 0, "eth mpls 100/0/64s raw:0a0000000001", { { 0, NULL } }, DROP(runt_frame) },
};

static void test_cases(void **state)
{
	uint64_t told = word_load(&fixture.worker->learn->tail);

	(void)state;
	BRIDGE_CASES_RUN(cases);
	assert_int_equal(word_load(&fixture.worker->learn->tail), told);
}

/* A whole vector. */
static void test_vector(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int free_before = rte_mempool_avail_count(fixture.pool);

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		mbufs[i] = mbuf_of(
			frame,
			frame_build(frame, "eth mpls 100/0/64s mac:0a0000000001" SOURCE BODY));
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	assert_int_equal(fixture.worker->transmit.count[1], VECTOR_SIZE);
	assert_true(account_balanced(&before, VECTOR_SIZE));
	transmit_take();
	assert_int_equal(rte_mempool_avail_count(fixture.pool), free_before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(test_vector),
	};

	return cmocka_run_group_tests(tests, start, stage_stop);
}
