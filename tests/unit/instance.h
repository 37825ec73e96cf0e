/* SPDX-License-Identifier: BSD-3-Clause
 *
 * instance.h: an instance of its own for a test: a run directory under /dev/shm and the two files.
 */
#ifndef TESTS_UNIT_INSTANCE_H
#define TESTS_UNIT_INSTANCE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "dataplane/shm/table.h"

struct instance {
	char run_dir[64];
	struct region_place place;
	struct region tables_region;
	struct region state_region;
	struct tables *tables;
	struct state *state;
	struct heap *heap;
};

/* Only the run directory and the place. */
void instance_directory(struct instance *instance);
/* Both files, owned by the caller, and a heap of `heap_size` bytes that knows the state. */
void instance_make(struct instance *instance, uint64_t heap_size);
/* The heap as a control plane that restarts finds it: nothing claimed yet. */
void instance_restart_heap(struct instance *instance);
/* Close and delete everything. */
void instance_remove(struct instance *instance);

#endif
