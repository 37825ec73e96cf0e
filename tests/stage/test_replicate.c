/* SPDX-License-Identifier: BSD-3-Clause
 *
 * test_replicate.c: replicate labels: a copy to every branch, with its own labels (RFC 6388, RFC 4875).
 */
#include "tests/stage/bridges.h"

static uint32_t group_of(const uint32_t *nexthops, unsigned int count)
{
	struct group_members members = { .count = count };
	uint32_t index;

	for (unsigned int i = 0; i < count; i++) {
		members.member[i].nexthop = nexthops[i];
		members.member[i].weight = 1;
	}
	assert_int_equal(group_add(fixture.nexthops, &members, &index), 0);
	return index;
}

static int start(void **state)
{
	int result = stage_start(state);

	if (result != 0)
		return result;
	const uint32_t branches[] = { via(1, 1, LABELS(201)), via(2, 2, LABELS(202)),
				      via(3, 3, LABELS(303, 203)), via(4, 4, NO_LABELS) };
	route(100, LABEL_REPLICATE, 0, group_of(branches, 4), LABEL_GROUP);
	route(101, LABEL_REPLICATE, 0, group_of(branches, 1), LABEL_GROUP);
	const uint32_t dead[] = { via(8, 8, LABELS(208)), via(9, 9, LABELS(209)) };
	const uint32_t half[] = { dead[0], branches[0], dead[1] };
	route(102, LABEL_REPLICATE, 0, group_of(half, 3), LABEL_GROUP);
	route(103, LABEL_REPLICATE, 0, group_of(dead, 2), LABEL_GROUP);
	route(104, LABEL_POP_LABEL, 0, 0, 0);
	route(105, LABEL_REPLICATE, 0, group_of(branches, 4), LABEL_GROUP | LABEL_TTL_PIPE);
	atomic_store(&fixture.state->port_live[8], 0);
	atomic_store(&fixture.state->port_live[9], 0);
	return 0;
}

static const struct bridge_case cases[] = {
	{ "four branches",
	  0,
	  "eth mpls 100/5/64 ip4/30",
	  { { 1, "out:1/1 mpls 201/5/63 ip4/30" },
	    { 2, "out:2/2 mpls 202/5/63 ip4/30" },
	    { 3, "out:3/3 mpls 303/5/63 203/5/63 ip4/30" },
	    { 4, "out:4/4 ip4/30" } } },
	{ "inner labels go with each copy",
	  0,
	  "eth mpls 100/5/20 77/1/9 ip6/30",
	  { { 1, "out:1/1 mpls 201/5/19 77/1/9 ip6/30" },
	    { 2, "out:2/2 mpls 202/5/19 77/1/9 ip6/30" },
	    { 3, "out:3/3 mpls 303/5/19 203/5/19 77/1/9 ip6/30" },
	    { 4, "out:4/4 mpls 77/1/9 ip6/30" } } },
	{ "uniform model: the popping branch alone hands its TTL down",
	  0,
	  "eth mpls 100/5/20 ip4/30",
	  { { 1, "out:1/1 mpls 201/5/19 ip4/30" },
	    { 2, "out:2/2 mpls 202/5/19 ip4/30" },
	    { 3, "out:3/3 mpls 303/5/19 203/5/19 ip4/30" },
	    { 4, "out:4/4 ip4/19" } } },
	{ "pipe model",
	  0,
	  "eth mpls 105/5/20 ip4/30",
	  { { 1, "out:1/1 mpls 201/5/19 ip4/30" },
	    { 2, "out:2/2 mpls 202/5/19 ip4/30" },
	    { 3, "out:3/3 mpls 303/5/255 203/5/19 ip4/30" },
	    { 4, "out:4/4 ip4/30" } } },
	{ "below another label",
	  0,
	  "eth mpls 104/5/64 100/5/64 ip4/63",
	  { { 1, "out:1/1 mpls 201/5/63 ip4/63" },
	    { 2, "out:2/2 mpls 202/5/63 ip4/63" },
	    { 3, "out:3/3 mpls 303/5/63 203/5/63 ip4/63" },
	    { 4, "out:4/4 ip4/63" } } },
	{ "one branch", 0, "eth mpls 101/5/64 ip4/7", { { 1, "out:1/1 mpls 201/5/63 ip4/7" } } },
	{ "longer than what a copy has of its own",
	  0,
	  "eth mpls 100/5/64s raw:00000000 fill:600",
	  { { 1, "out:1/1 mpls 201/5/63s raw:00000000 fill:600" },
	    { 2, "out:2/2 mpls 202/5/63s raw:00000000 fill:600" },
	    { 3, "out:3/3 mpls 303/5/63n 203/5/63s raw:00000000 fill:600" } },
	  DROP(mpls_payload_unknown) /* nobody can pop to it */ },
	{ "branches that are down get none",
	  0,
	  "eth mpls 102/5/64 ip4/7",
	  { { 1, "out:1/1 mpls 201/5/63 ip4/7" } } },
	{ "all of them are down",
	  0,
	  "eth mpls 103/5/64 ip4/7",
	  { { 0, NULL } },
	  DROP(nexthop_down) },
	{ "TTL would be 0",
	  0,
	  "eth mpls 100/5/1 ip4/7",
	  { { 0, NULL } },
	  0,
	  PUNT(mpls_ttl_exceeded),
	  0 },
};

static void test_branches(void **state)
{
	uint64_t lost = counter_read(&fixture.worker->interface[8].copies_failed);

	(void)state;
	BRIDGE_CASES_RUN(cases);
	assert_int_equal(counter_read(&fixture.worker->interface[8].copies_failed), lost + 2);
}

/* As many branches as there may be, each with a label of its own. */
static void test_most_branches(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	static bool seen[GROUP_MEMBER_MAX];
	uint32_t branches[GROUP_MEMBER_MAX];
	unsigned int free_before = rte_mempool_avail_count(fixture.pool), labels = 0;
	struct group_members members = { .count = GROUP_MEMBER_MAX + 1 };
	uint32_t index;

	(void)state;
	for (uint32_t i = 0; i < GROUP_MEMBER_MAX; i++)
		branches[i] = via(1 + i % 5, i % 250, LABELS(1000 + i));
	route(106, LABEL_REPLICATE, 0, group_of(branches, GROUP_MEMBER_MAX), LABEL_GROUP);
	assert_int_equal(group_add(fixture.nexthops, &members, &index), -EINVAL);
	account_take(&before);
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, "eth mpls 106/5/64 ip4/7"));
	worker_process(fixture.worker, 0, &mbuf, 1);
	for (unsigned int port = 1; port <= 5; port++) {
		for (unsigned int i = 0; i < fixture.worker->transmit.count[port]; i++) {
			const uint8_t *lse = rte_pktmbuf_mtod_offset(
				fixture.worker->transmit.mbuf[port][i], uint8_t *, 14);
			uint32_t branch =
				(uint32_t)(lse[0] << 12 | lse[1] << 4 | lse[2] >> 4) - 1000;
			assert_true(branch < GROUP_MEMBER_MAX && !seen[branch]);
			assert_int_equal(branch % 5, port - 1);
			seen[branch] = true;
			labels++;
		}
	}
	assert_int_equal(labels, GROUP_MEMBER_MAX);
	assert_true(account_balanced(&before, GROUP_MEMBER_MAX));
	transmit_take();
	assert_int_equal(rte_mempool_avail_count(fixture.pool), free_before);
}

/* A vector of packets whose copies fill every stage's vector many times over. */
static void test_vector(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbufs[VECTOR_SIZE];
	unsigned int free_before = rte_mempool_avail_count(fixture.pool);

	(void)state;
	account_take(&before);
	for (unsigned int i = 0; i < VECTOR_SIZE; i++)
		mbufs[i] =
			mbuf_of(frame, frame_build(frame, i % 4 == 3 ? "eth mpls 101/5/64 ip4/7"
								     : "eth mpls 100/5/64 ip4/70"));
	worker_process(fixture.worker, 0, mbufs, VECTOR_SIZE);
	assert_int_equal(fixture.worker->transmit.count[1], VECTOR_SIZE);
	for (unsigned int port = 2; port <= 4; port++)
		assert_int_equal(fixture.worker->transmit.count[port], VECTOR_SIZE * 3 / 4);
	assert_true(account_balanced(&before, VECTOR_SIZE + VECTOR_SIZE * 3 / 4 * 3));
	transmit_take();
	assert_int_equal(rte_mempool_avail_count(fixture.pool), free_before);
}

/* Without buffers the last branch gets the packet itself, the others are counted where they are missing. */
static void test_no_buffers(void **state)
{
	static uint8_t frame[FRAME_ROOM];
	static struct account before;
	struct rte_mbuf *mbuf = mbuf_of(frame, frame_build(frame, "eth mpls 100/5/64 ip4/70"));
	uint64_t lost = counter_read(&fixture.worker->interface[2].copies_failed);

	(void)state;
	account_take(&before);
	buffers_take(0);
	worker_process(fixture.worker, 0, &mbuf, 1);
	assert_int_equal(fixture.worker->transmit.count[1], 0);
	assert_int_equal(fixture.worker->transmit.count[4], 1);
	assert_int_equal(counter_read(&fixture.worker->interface[2].copies_failed), lost + 1);
	assert_true(account_balanced(&before, 1));
	transmit_take();
	buffers_give();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_branches),
		cmocka_unit_test(test_most_branches),
		cmocka_unit_test(test_vector),
		cmocka_unit_test(test_no_buffers),
	};
	return cmocka_run_group_tests_name("stage: replicate", tests, start, stage_stop);
}
