/* SPDX-License-Identifier: BSD-3-Clause */
#include "traffic.h"

#include <errno.h>
#include "reader.h"

void traffic_since(const struct tables *tables, uint64_t baseline, uint32_t count, uint32_t index,
		   uint64_t *packets, uint64_t *bytes)
{
	const struct traffic_counter *from =
		tables_object_checked(tables, baseline, count * sizeof(*from));

	if (from == NULL)
		return;
	*packets = counter_since(*packets, counter_read(&from[index].packets));
	*bytes = counter_since(*bytes, counter_read(&from[index].bytes));
}

int traffic_baseline_set(struct heap *heap, _Atomic uint64_t *word, uint32_t count, uint32_t index,
			 uint64_t packets, uint64_t bytes)
{
	uint64_t offset = word_load(word);

	if (offset == 0) {
		if (packets == 0 && bytes == 0)
			return 0; /* that is what no baseline means */
		offset = heap_allocate(heap, count * sizeof(struct traffic_counter));
		if (offset == 0)
			return -ENOSPC;
		word_store(word, offset);
	}
	struct traffic_counter *baseline =
		(struct traffic_counter *)heap_object(heap, offset) + index;
	word_store(&baseline->packets, packets);
	word_store(&baseline->bytes, bytes);
	return 0;
}
