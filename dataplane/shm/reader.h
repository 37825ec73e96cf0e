/* SPDX-License-Identifier: BSD-3-Clause
 *
 * reader.h: for readers that no grace period waits for: the CLI, and whoever else looks at a tables
 * file without being a worker.
 *
 * Such a reader copies what it wants between tables_read_begin and tables_read_retry, reaches heap
 * objects by tables_object_checked alone, checks every index that it reads, and keeps nothing but the
 * copy:
 *
 *	do {
 *		begin = tables_read_begin(tables);
 *		copied = copy(...);
 *	} while (tables_read_retry(tables, begin) && ++tries < LIMIT);
 *
 * After the last try the copy is still made of words that were each valid; it is shown as uncertain.
 */
#ifndef SHUNT_SHM_READER_H
#define SHUNT_SHM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include "layout.h"

static inline uint64_t tables_read_begin(const struct tables *tables)
{
	return word_load(&tables->control.reclaim);
}

/* Was memory reused since `begin`? Then what was copied may be a mixture of two objects. */
static inline bool tables_read_retry(const struct tables *tables, uint64_t begin)
{
	atomic_thread_fence(memory_order_acquire);
	return counter_read(&tables->control.reclaim) != begin;
}

/* The heap object of `size` bytes at `offset`, or NULL when it is not within the memory that the heap
 * has handed out (0 is never). So a reader neither leaves the file nor meets a hole. */
static inline const void *tables_object_checked(const struct tables *tables, uint64_t offset,
						uint64_t size)
{
	uint64_t start = tables->control.heap_start;
	uint64_t used = word_load(&tables->control.heap_used);

	if (offset < start || offset % 8 != 0 || size > used || offset - start > used - size)
		return NULL;
	return tables_object(tables, offset);
}

#endif
