/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include "epoch.h"

bool epoch_over(const struct state *state, uint64_t epoch)
{
	if (state == NULL)
		return true;
	/* After the epoch was raised, before `seen` is read: pairs with the fence of epoch_online, so
	 * that a worker is either seen here or sees what was unlinked. All rows count, whatever
	 * worker_count says: rows that never ran are offline. */
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		if (word_load(&state->worker[i].seen) < epoch)
			return false;
	return true;
}
