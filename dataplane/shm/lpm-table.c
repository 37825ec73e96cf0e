/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-table.c: a table is made beside the root entry, published, cleared.
 */
#include <stdlib.h>
#include "lpm-node.h"

struct lpm *lpm_new(struct tables *tables, struct heap *heap, _Atomic uint32_t *root,
		    unsigned int address_size, bool large)
{
	struct lpm *lpm = calloc(1, sizeof(*lpm));

	if (lpm == NULL)
		return NULL;
	lpm->tables = tables;
	lpm->heap = heap;
	lpm->root = root;
	lpm->large = large;
	lpm->address_bits = address_size * 8;
	return lpm;
}

void lpm_delete(struct lpm *lpm)
{
	if (lpm == NULL)
		return;
	if (!lpm->published)
		lpm_clear(lpm);
	lpm_node_delete(lpm->top);
	free(lpm);
}

void lpm_clear(struct lpm *lpm)
{
	struct lpm_place top = { 0 };
	_Atomic uint32_t *root = lpm_place_entry(lpm, &top);
	uint32_t old = lpm_entry_load(root);

	lpm_entry_store(root, LPM_NONE);
	lpm_trie_free(lpm->tables, lpm->heap, old, 0, lpm->address_bits);
	lpm_node_delete(lpm->top);
	lpm->top = NULL;
	lpm->default_value = LPM_NONE;
}

void lpm_publish(struct lpm *lpm)
{
	if (lpm->published)
		return;
	uint32_t old = lpm_entry_load(lpm->root);
	lpm_entry_store(lpm->root, lpm_entry_load(&lpm->beside));
	lpm->published = true;
	lpm_trie_free(lpm->tables, lpm->heap, old, 0, lpm->address_bits);
}
