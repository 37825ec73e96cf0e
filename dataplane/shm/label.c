/* SPDX-License-Identifier: BSD-3-Clause
 *
 * label.c: label spaces, label words and their counters (RFC 3031 3.11, 3.14).
 */
#include <errno.h>
#include "table.h"
#include "traffic.h"

enum {
	LABEL_SPACE_SIZE = LABEL_COUNT * sizeof(uint64_t),
	LABEL_BASELINE_SIZE = LABEL_COUNT * sizeof(struct traffic_counter),
};

int label_space_create(struct tables *tables, struct heap *heap, unsigned int space)
{
	if (space >= LABEL_SPACE_MAX)
		return -EINVAL;
	if (word_load(&tables->label_space[space]) != 0)
		return 0;
	uint64_t offset = heap_allocate(heap, LABEL_SPACE_SIZE);
	if (offset == 0)
		return -ENOSPC;
	_Atomic uint64_t *label = heap_object(heap, offset);
	for (uint32_t i = 0; i < LABEL_FIRST_FREE; i++)
		counter_add(&label[i], label_entry(LABEL_SPECIAL, 0, 0, 0));
	word_store(&tables->label_space[space], offset);
	return 0;
}

/* Unlink a word's object; `size` as it was allocated. */
static void unlink_object(struct heap *heap, _Atomic uint64_t *word, uint64_t size)
{
	uint64_t offset = word_load(word);

	word_store(word, 0);
	heap_free(heap, offset, size);
}

void label_space_destroy(struct tables *tables, struct heap *heap, unsigned int space)
{
	if (space >= LABEL_SPACE_MAX)
		return;
	unlink_object(heap, &tables->label_space[space], LABEL_SPACE_SIZE);
	unlink_object(heap, &tables->label_baseline[space], LABEL_BASELINE_SIZE);
}

bool label_set(struct tables *tables, unsigned int space, uint32_t label, uint64_t entry)
{
	uint64_t offset = word_load(&tables->label_space[space]);
	_Atomic uint64_t *word = (_Atomic uint64_t *)((uint8_t *)tables + offset) + label;

	if (word_load(word) == entry)
		return false;
	word_store(word, entry);
	return true;
}

static void sum_workers(const struct state *state, unsigned int space, uint32_t label,
			uint64_t *packets, uint64_t *bytes)
{
	*packets = *bytes = 0;
	/* what is not said to be ready is a hole of the file: not to be touched */
	if (state == NULL || (word_load(&state->control.spaces_ready) >> space & 1) == 0)
		return;
	uint64_t workers = word_load(&state->control.worker_count);
	for (uint64_t i = 0; i < workers && i < WORKER_MAX; i++)
		traffic_add(&state->label[i][space][label], packets, bytes);
}

int label_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
		       unsigned int space, uint32_t label)
{
	uint64_t packets, bytes;

	if (space >= LABEL_SPACE_MAX || label >= LABEL_COUNT)
		return -EINVAL;
	sum_workers(state, space, label, &packets, &bytes);
	return traffic_baseline_set(heap, &tables->label_baseline[space], LABEL_COUNT, label,
				    packets, bytes);
}

void label_counters(const struct tables *tables, const struct state *state, unsigned int space,
		    uint32_t label, uint64_t *packets, uint64_t *bytes)
{
	*packets = *bytes = 0;
	if (space >= LABEL_SPACE_MAX || label >= LABEL_COUNT)
		return;
	sum_workers(state, space, label, packets, bytes);
	traffic_since(tables, word_load(&tables->label_baseline[space]), LABEL_COUNT, label,
		      packets, bytes);
}
