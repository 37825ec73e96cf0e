/* SPDX-License-Identifier: BSD-3-Clause */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include "instance.h"

void instance_directory(struct instance *instance)
{
	char error[REGION_ERROR_SIZE];

	*instance = (struct instance){ .tables_region.fd = -1, .state_region.fd = -1 };
	snprintf(instance->run_dir, sizeof(instance->run_dir), "/dev/shm/shunt-test-XXXXXX");
	assert_non_null(mkdtemp(instance->run_dir));
	assert_int_equal(region_place(&instance->place, instance->run_dir, "test", error), 0);
}

void instance_make(struct instance *instance, uint64_t heap_size)
{
	char error[REGION_ERROR_SIZE];
	bool created = false;

	instance_directory(instance);
	assert_int_equal(region_own(&instance->tables_region, &instance->place, REGION_TABLES,
				    heap_size, &created, error),
			 0);
	assert_true(created);
	assert_int_equal(region_own(&instance->state_region, &instance->place, REGION_STATE, 0,
				    &created, error),
			 0);
	instance->tables = instance->tables_region.base;
	instance->state = instance->state_region.base;
	instance->heap = heap_new(&instance->tables_region);
	assert_non_null(instance->heap);
	heap_set_state(instance->heap, instance->state);
}

void instance_restart_heap(struct instance *instance)
{
	heap_delete(instance->heap);
	instance->heap = heap_new(&instance->tables_region);
	assert_non_null(instance->heap);
	heap_set_state(instance->heap, instance->state);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void instance_remove(struct instance *instance)
{
	heap_delete(instance->heap);
	region_close(&instance->tables_region);
	region_close(&instance->state_region);
	nftw(instance->run_dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}
