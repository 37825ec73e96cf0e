/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-claim.c: what an entry reaches, found from the shared memory alone: claimed by a control
 * plane that restarts, freed once its own table stands in its place. Whoever wrote it may have died
 * of a bug: nothing in it is believed unchecked.
 */
#include <errno.h>
#include "lpm-node.h"
#include "reader.h"

struct trie {
	const struct tables *tables;
	struct heap *heap;
	unsigned int address_bits;
	int (*object)(struct heap *heap, uint64_t offset, uint64_t size); /* what to do with each */
};

static int visit_entry(const struct trie *trie, uint32_t entry, unsigned int depth);

static const void *visit_object(const struct trie *trie, uint32_t entry, uint64_t size)
{
	if (trie->object(trie->heap, lpm_offset(entry), size) != 0)
		return NULL;
	return tables_object_checked(trie->tables, lpm_offset(entry), size);
}

static int visit_node(const struct trie *trie, uint32_t entry, unsigned int depth)
{
	unsigned int bits = lpm_type(entry) == LPM_NODE16 ? LPM_BITS_WIDE : LPM_BITS;
	int result = 0;

	/* a lookup must not read past the address */
	if (depth + bits > trie->address_bits)
		return -EINVAL;
	const _Atomic uint32_t *array = visit_object(trie, entry, sizeof(*array) << bits);
	if (array == NULL)
		return -EINVAL;
	for (uint32_t i = 0; result == 0 && i < 1u << bits; i++)
		result = visit_entry(trie, lpm_entry_load(&array[i]), depth + bits);
	return result;
}

static int visit_tail(const struct trie *trie, uint32_t entry, unsigned int depth)
{
	const struct lpm_tail *tail = visit_object(trie, entry, sizeof(*tail));

	if (tail == NULL || tail->length <= depth || tail->length > trie->address_bits ||
	    lpm_entry_load(&tail->value) > LPM_VALUE_MASK ||
	    lpm_entry_load(&tail->otherwise) > LPM_VALUE_MASK)
		return -EINVAL;
	return 0;
}

static int visit_entry(const struct trie *trie, uint32_t entry, unsigned int depth)
{
	switch (lpm_type(entry)) {
	case LPM_LEAF:
		return 0;
	case LPM_NODE8:
	case LPM_NODE16:
		return visit_node(trie, entry, depth);
	case LPM_TAIL:
		return visit_tail(trie, entry, depth);
	}
	return -EINVAL;
}

int lpm_claim(const struct tables *tables, struct heap *heap, uint32_t root,
	      unsigned int address_size)
{
	/* nothing is shared: claimed already means that two entries name one object, or a loop */
	const struct trie trie = { tables, heap, address_size * 8, heap_claim };

	return visit_entry(&trie, root, 0) == 0 ? 0 : -EINVAL;
}

static int free_object(struct heap *heap, uint64_t offset, uint64_t size)
{
	heap_free(heap, offset, size);
	return 0;
}

void lpm_trie_free(const struct tables *tables, struct heap *heap, uint32_t entry,
		   unsigned int depth, unsigned int address_bits)
{
	/* read after it was queued: it is not reused before heap_reclaim */
	const struct trie trie = { tables, heap, address_bits, free_object };

	visit_entry(&trie, entry, depth);
}
