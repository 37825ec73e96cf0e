/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label_space.h: where a label's entry and its counter stand.
 */
#ifndef SHUNT_LABEL_SPACE_H
#define SHUNT_LABEL_SPACE_H

#include <rte_prefetch.h>
#include "dataplane/stage/mpls_header.h"
#include "dataplane/worker.h"

/* What the first pass finds for a packet. */
struct lookup {
	const _Atomic uint64_t *entry;
	struct traffic_counter *counter;
};

/* A label space as one vector sees it. Without entries every label finds the empty one; without counters
 * every label counts where nobody reads. */
struct space {
	unsigned int number;
	const _Atomic uint64_t *entries;
	struct traffic_counter *counters;
	uint32_t entry_mask, counter_mask;
};

static inline struct space space_get(struct worker *worker, unsigned int number)
{
	static const _Atomic uint64_t no_entry;
	uint64_t offset = word_load(&worker->tables->label_space[number]);
	struct traffic_counter *counters =
		__atomic_load_n(&worker->label[number], __ATOMIC_ACQUIRE);

	return (struct space){
		.number = number,
		.entries = offset != 0 ? tables_object(worker->tables, offset) : &no_entry,
		.counters = counters != NULL ? counters : &worker->uncounted,
		.entry_mask = offset != 0 ? LABEL_COUNT - 1 : 0,
		.counter_mask = counters != NULL ? LABEL_COUNT - 1 : 0,
	};
}

/* Ask for the lines of the label's entry and of its counter. */
static inline struct lookup look_up(const struct space *space, const struct packet *packet)
{
	uint32_t label = lse_label(lse_load(packet->l3));
	struct lookup lookup = {
		.entry = space->entries + (label & space->entry_mask),
		.counter = space->counters + (label & space->counter_mask),
	};

	rte_prefetch0(lookup.entry);
	rte_prefetch0(lookup.counter);
	return lookup;
}

#endif
