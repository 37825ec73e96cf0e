/* SPDX-License-Identifier: BSD-3-Clause
 *
 * lpm-model.h: a table of routes together with a plain list of what is in it, for tests.
 */
#ifndef TESTS_UNIT_LPM_MODEL_H
#define TESTS_UNIT_LPM_MODEL_H

#include "dataplane/shm/lpm.h"
#include "instance.h"
#include "prefix.h"

#ifdef __SANITIZE_THREAD__ /* makes each step ten times as long; what matters there is the reader  \
			    */
enum { MODEL_MAX = 150 };
#else
enum { MODEL_MAX = 400 };
#endif
enum { SHAPES = 4 };

struct table {
	struct instance *instance;
	struct lpm *lpm;
	_Atomic uint32_t root;
	unsigned int size; /* bytes of an address */
	bool large;
	struct prefix prefix[MODEL_MAX];
	unsigned int count;
	uint64_t random;
};

/* An empty table, not yet published, of one of SHAPES: IPv4 and IPv6, small and large. */
void table_make(struct table *table, struct instance *instance, unsigned int i);
/* Bytes of the heap in use once all grace periods are over. */
uint64_t heap_in_use(struct instance *instance);
uint32_t model_lookup(const struct table *table, address_bits address);
uint32_t table_lookup(const struct table *table, address_bits address);
/* Lookups at both edges of a prefix, within and just beyond. */
void table_probe_edges(const struct table *table, const struct prefix *prefix);
/* Every edge, every prefix by lpm_get, and the walk. */
void table_check(const struct table *table);
struct prefix table_random_prefix(struct table *table);
/* Model only. */
void model_insert(struct table *table, const struct prefix *prefix);
void model_remove(struct table *table, const struct prefix *prefix);
/* Both. */
int table_insert(struct table *table, const struct prefix *prefix);
void table_remove(struct table *table, const struct prefix *prefix);
/* One random change; what the heap has no memory for must change nothing. Returns what it was
 * about. */
struct prefix table_change(struct table *table);
void table_changes(struct table *table, unsigned int steps);
void table_remove_all(struct table *table);

#endif
