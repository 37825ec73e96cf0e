/* SPDX-License-Identifier: BSD-3-Clause */
#include "filter-tables.h"

enum { HEAP_SIZE = 512 << 20 };

struct instance instance;
struct filter_model model;
struct filter_built *built;
uint64_t seed;

void publish(void)
{
	struct filter_built *next;

	assert_int_equal(filter_build(&model.spec, model.addresses, &next), 0);
	assert_int_equal(filter_publish(instance.tables, instance.heap, NUMBER, next), 0);
	filter_built_delete(built);
	built = next;
	heap_reclaim(instance.heap);
	heap_reclaim(instance.heap);
}

static int set_added(void *context, uint32_t set)
{
	(void)context;
	if (built != NULL && filter_built_add_set(built, model.addresses, set) != 0)
		publish();
	return 0;
}

int filter_tables_start(void **state)
{
	(void)state;
	instance_make(&instance, HEAP_SIZE);
	model.random = seed;
	model.addresses = filter_addresses_new(instance.tables, instance.heap, set_added, NULL);
	assert_non_null(model.addresses);
	filter_addresses_publish(model.addresses);
	model_fill_elements(&model);
	return 0;
}

int filter_tables_stop(void **state)
{
	(void)state;
	filter_built_delete(built);
	built = NULL;
	filter_addresses_delete(model.addresses);
	instance_remove(&instance);
	return 0;
}
