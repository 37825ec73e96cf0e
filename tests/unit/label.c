/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Label spaces, their counters, interface counters and port rows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/reader.h"
#include "dataplane/shm/reason.h"
#include "instance.h"

enum { HEAP_SIZE = 128 << 20 };

static int set_up(void **state)
{
	*state = malloc(sizeof(struct instance));
	instance_make(*state, HEAP_SIZE);
	return 0;
}

static int tear_down(void **state)
{
	instance_remove(*state);
	free(*state);
	return 0;
}

static void words_keep_their_fields(void **state)
{
	(void)state;
	uint64_t entry = label_entry(LABEL_POP_BRIDGE, LABEL_COUNT - 1, 0xabcde,
				     LABEL_GROUP | LABEL_TTL_PIPE);
	assert_int_equal(label_out(entry), LABEL_COUNT - 1);
	assert_int_equal(label_index(entry), 0xabcde);
	assert_int_equal(label_operation(entry), LABEL_POP_BRIDGE);
	assert_true((entry & LABEL_GROUP) != 0 && (entry & LABEL_TTL_PIPE) != 0);
	assert_true((entry & (LABEL_TC_UNIFORM | LABEL_NO_COUNTERS)) == 0);
}

static void labels_against_a_model(void **state)
{
	struct instance *instance = *state;
	struct tables *tables = instance->tables;
	uint64_t *model = calloc(LABEL_COUNT, sizeof(*model));

	assert_int_equal(label_get(tables, 3, 100), 0);
	assert_int_equal(label_space_create(tables, instance->heap, 3), 0);
	uint64_t offset = tables->label_space[3];
	assert_int_equal(label_space_create(tables, instance->heap, 3), 0);
	assert_int_equal(tables->label_space[3], offset);
	assert_int_equal(label_space_create(tables, instance->heap, LABEL_SPACE_MAX), -EINVAL);

	srand(3);
	for (unsigned int i = 0; i < 200000; i++) {
		uint32_t label =
			LABEL_FIRST_FREE + (uint32_t)rand() % (LABEL_COUNT - LABEL_FIRST_FREE);
		uint64_t entry =
			rand() % 4 == 0
				? 0
				: label_entry(LABEL_SWAP, (uint32_t)rand() % LABEL_COUNT, 1, 0);
		assert_int_equal(label_set(tables, 3, label, entry), model[label] != entry);
		model[label] = entry;
	}
	for (uint32_t label = 0; label < LABEL_COUNT; label++) {
		uint64_t entry = label < LABEL_FIRST_FREE ? label_entry(LABEL_SPECIAL, 0, 0, 0)
							  : model[label];
		if (label_get(tables, 3, label) != entry)
			assert_int_equal(label, LABEL_COUNT);
	}
	free(model);

	/* gone at once, its memory after a grace period */
	epoch_online(tables, &instance->state->worker[0]);
	label_space_destroy(tables, instance->heap, 3);
	assert_int_equal(label_get(tables, 3, 0), 0);
	assert_int_equal(heap_reclaim(instance->heap), 0);
	epoch_report(tables, &instance->state->worker[0]);
	assert_int_equal(heap_reclaim(instance->heap), 1);
}

static void label_totals(struct instance *instance, uint64_t packets, uint64_t bytes)
{
	uint64_t got_packets, got_bytes;

	label_counters(instance->tables, instance->state, 0, 1000, &got_packets, &got_bytes);
	assert_int_equal(got_packets, packets);
	assert_int_equal(got_bytes, bytes);
}

static void label_counters_add_up(void **state)
{
	struct instance *instance = *state;
	struct state *shared = instance->state;
	uint64_t packets = 9, bytes = 9;

	label_counters(instance->tables, NULL, 0, 1000, &packets, &bytes);
	assert_int_equal(packets + bytes, 0);
	assert_int_equal(region_allocate_labels(&instance->state_region, 2, 0), 0);
	word_store(&shared->control.worker_count, 2);
	word_store(&shared->control.interfaces_ready, INTERFACE_FIRST_TUNNEL);
	counter_add(&shared->label[0][0][1000].packets, 10);
	counter_add(&shared->label[0][0][1000].bytes, 1000);
	counter_add(&shared->label[1][0][1000].packets, 5);
	counter_add(&shared->label[1][0][1000].bytes, 500);
	label_totals(instance, 0, 0); /* not said to be allocated yet */
	word_store(&shared->control.spaces_ready, 1);
	label_totals(instance, 15, 1500);

	assert_int_equal(label_baseline_set(instance->tables, instance->heap, shared, 0, 1000), 0);
	label_totals(instance, 0, 0);
	counter_add(&shared->label[1][0][1000].packets, 1);
	counter_add(&shared->label[1][0][1000].bytes, 64);
	label_totals(instance, 1, 64);
	/* a state file that was made anew counts from 0 */
	atomic_store(&shared->label[0][0][1000].packets, 0);
	atomic_store(&shared->label[0][0][1000].bytes, 0);
	label_totals(instance, 6, 564);
	label_counters(instance->tables, shared, LABEL_SPACE_MAX, 1000, &packets, &bytes);
	assert_int_equal(packets, 0);
	label_counters(instance->tables, shared, 0, LABEL_COUNT, &packets, &bytes);
	assert_int_equal(packets, 0);
}

static void interface_counters_add_up(void **state)
{
	struct instance *instance = *state;
	struct state *shared = instance->state;
	struct interface_totals totals;
	enum {
		RX = 0,
		DROP = offsetof(struct interface_counters, drop) / 8 + DROP_tx_full,
	};

	assert_int_equal(region_allocate_workers(&instance->state_region, 3), 0);
	word_store(&shared->control.worker_count, 3);
	word_store(&shared->control.interfaces_ready, INTERFACE_FIRST_TUNNEL);
	for (unsigned int i = 0; i < 3; i++) {
		counter_add(&shared->interface[i][9].rx_packets, 100);
		counter_add(&shared->interface[i][9].drop[DROP_tx_full], i);
	}
	interface_totals(instance->tables, shared, 9, &totals);
	assert_int_equal(totals.value[RX], 300);
	assert_int_equal(totals.value[DROP], 3);
	assert_int_equal(interface_baseline_set(instance->tables, instance->heap, 9, shared), 0);
	counter_add(&shared->interface[2][9].rx_packets, 7);
	interface_totals(instance->tables, shared, 9, &totals);
	assert_int_equal(totals.value[RX], 7);
	assert_int_equal(totals.value[DROP], 0);
	interface_totals(instance->tables, shared, 8, &totals);
	assert_int_equal(totals.value[RX], 0);
	interface_totals(instance->tables, NULL, INTERFACE_MAX, &totals);
	assert_int_equal(totals.value[RX], 0);
	assert_int_equal(
		interface_baseline_set(instance->tables, instance->heap, INTERFACE_MAX, shared),
		-EINVAL);
}

static void port_rows(void **state)
{
	struct instance *instance = *state;
	struct port_wish wish = { .name = "p0", .generation = 1, .mtu = 1500 };
	struct port_status status;

	assert_int_equal(port_wish_set(instance->tables, instance->heap, PORT_MAX, &wish), -EINVAL);
	assert_int_equal(port_wish_set(instance->tables, instance->heap, 2, &wish), 0);
	const struct port_wish *found =
		tables_object(instance->tables, instance->tables->port[2].wish);
	assert_memory_equal(found, &wish, sizeof(wish));
	assert_int_equal(port_wish_set(instance->tables, instance->heap, 2, NULL), 0);
	assert_int_equal(instance->tables->port[2].wish, 0);

	struct port_status *row = &instance->state->port[2];
	row->generation = 5;
	assert_int_equal(port_status_copy(instance->state, 2, &status), 0);
	assert_int_equal(status.generation, 5);
	word_store(&row->sequence, 7); /* the writer died in the middle */
	assert_int_equal(port_status_copy(instance->state, 2, &status), -EAGAIN);
	word_store(&row->sequence, 8);
	assert_int_equal(port_status_copy(instance->state, 2, &status), 0);
	assert_int_equal(port_status_copy(instance->state, PORT_MAX, &status), -EINVAL);
}

static void readers_outside_periods_notice(void **state)
{
	struct instance *instance = *state;
	struct tables *tables = instance->tables;
	uint64_t offset = heap_allocate(instance->heap, 64);
	uint64_t begin = tables_read_begin(tables);
	uint64_t end = tables->control.heap_start + tables->control.heap_used;

	assert_false(tables_read_retry(tables, begin));
	heap_free(instance->heap, offset, 64);
	assert_false(tables_read_retry(tables, begin));
	heap_reclaim(instance->heap);
	assert_true(tables_read_retry(tables, begin));

	assert_ptr_equal(tables_object_checked(tables, offset, 64), tables_object(tables, offset));
	assert_non_null(tables_object_checked(tables, end - 64, 64));
	assert_null(tables_object_checked(tables, end - 56, 64));
	assert_null(tables_object_checked(tables, end, 8));
	assert_null(tables_object_checked(tables, 0, 8));
	assert_null(tables_object_checked(tables, offset + 1, 8));
	assert_null(tables_object_checked(tables, tables->control.heap_start - 8, 8));
	assert_null(tables_object_checked(tables, offset, UINT64_MAX));
	assert_null(tables_object_checked(tables, UINT64_MAX - 7, 16));
}

static void reasons_have_names(void **state)
{
	(void)state;
	assert_string_equal(drop_reason_name(DROP_mpls_no_label_below), "mpls_no_label_below");
	assert_string_equal(drop_reason_name(DROP_no_buffer), "no_buffer");
	assert_string_equal(drop_reason_name(DROP_REASON_COUNT), "?");
	assert_string_equal(drop_reason_text(UINT32_MAX), "?");
	assert_string_equal(punt_reason_name(PUNT_nd), "nd");
	assert_string_equal(punt_reason_text(PUNT_arp), "ARP");
	assert_string_equal(punt_reason_name(PUNT_REASON_COUNT), "?");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_keep_their_fields),
		TEST(labels_against_a_model),
		TEST(label_counters_add_up),
		TEST(interface_counters_add_up),
		TEST(port_rows),
		TEST(readers_outside_periods_notice),
		cmocka_unit_test(reasons_have_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
