/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-build.h: how the control plane makes filters: rules to the object that filter.h reads, and
 * the addresses that all of them share. Nothing here knows names of objects, users or text: callers
 * have validated.
 */
#ifndef SHUNT_SHM_FILTER_BUILD_H
#define SHUNT_SHM_FILTER_BUILD_H

#include "filter.h"
#include "heap.h"

/* ---------------------------------------------------------------- addresses */

/* Lists, and prefixes that rules name, are elements. Which elements cover an address is its set; a
 * set is interned, and the trie's leaves are the numbers of sets. */
struct filter_addresses;

/* Who has to know of a new set before an address leads to it: returns 0 or -ENOSPC. */
typedef int filter_set_added(void *context, uint32_t set);

/* Tries of its own, published to nobody before filter_addresses_publish: until then a change costs no
 * more than private memory and the heap's. NULL: no memory. */
struct filter_addresses *filter_addresses_new(struct tables *tables, struct heap *heap,
					      filter_set_added *added, void *context);
/* Filters may be published from now on. */
void filter_addresses_publish(struct filter_addresses *addresses);
/* The process ends: what was published stays. */
void filter_addresses_delete(struct filter_addresses *addresses);
/* Heap offset of the struct filter_roots. */
uint64_t filter_addresses_roots(const struct filter_addresses *addresses);

/* A new element's number, which is never 0. 0: no memory. */
uint32_t filter_element_new(struct filter_addresses *addresses);
/* It must have no prefixes. */
void filter_element_delete(struct filter_addresses *addresses, uint32_t element);

/* A prefix, host bits 0, of 4 or 16 bytes as the family says; bits behind them are not looked at. */
struct filter_prefix {
	uint8_t bytes[16];
	uint8_t family; /* enum route_family */
	uint8_t length; /* bits */
};

/* Effective for the next packet. -EEXIST: the element has it; -ENOSPC: nothing changed. */
int filter_prefix_add(struct filter_addresses *addresses, uint32_t element,
		      const struct filter_prefix *prefix);
/* -ENOENT; -ENOSPC: nothing changed (what stands below it may need another set). */
int filter_prefix_remove(struct filter_addresses *addresses, uint32_t element,
			 const struct filter_prefix *prefix);
bool filter_prefix_has(const struct filter_addresses *addresses, uint32_t element,
		       const struct filter_prefix *prefix);
/* Is the prefix one of the element's, or in one? A look-up, however many there are. */
bool filter_prefix_covered(const struct filter_addresses *addresses, uint32_t element,
			   const struct filter_prefix *prefix);
/* Is every prefix of element `b` one of element `a`'s, or in one? Looks at the nodes of all
 * elements until one says no. *nodes: at most so many, of which those looked at are taken off.
 * False, too, if they do not suffice (it is 0 then). */
bool filter_element_covers(const struct filter_addresses *addresses, uint32_t a, uint32_t b,
			   uint32_t *nodes);
/* Every prefix of the element in order of family, address and length, from `from` on (NULL: all).
 * `visit` returns non-zero to stop. */
int filter_prefix_walk(const struct filter_addresses *addresses, uint32_t element,
		       const struct filter_prefix *from,
		       int (*visit)(void *context, const struct filter_prefix *prefix),
		       void *context);

/* The elements of a set, ascending; *count is set. Number 0 is the empty one. NULL: not in use. */
const uint32_t *filter_set_elements(const struct filter_addresses *addresses, uint32_t set,
				    uint32_t *count);
/* Sets have numbers below this. */
uint32_t filter_set_count(const struct filter_addresses *addresses);

/* Restart: claim a published filter's tries, once per roots object. -EINVAL: corrupt. */
int filter_roots_claim(const struct tables *tables, struct heap *heap, uint64_t roots);
/* No filter names them any more: free tries and roots. */
void filter_roots_free(struct tables *tables, struct heap *heap, uint64_t roots);

/* ---------------------------------------------------------------- rules */

struct filter_range {
	uint16_t first, last;
};

enum { FILTER_ANY = -1 };

/* A rule as asked for. Ranges are ascending and do not touch. */
struct filter_rule_spec {
	uint32_t sequence;
	uint16_t slot;
	enum filter_action action;
	int protocol; /* or FILTER_ANY, like the next ones */
	int dscp, icmp_type, icmp_code;
	uint16_t ethertype; /* 0: IP of either family; IPv4's or IPv6's; or a frame that is no IP */
	bool log, syn, established, fragments;
	uint32_t from, to; /* elements, 0: any */
	/* what such an element stands for as long as there is this rule; NULL: it changes, a list */
	const struct filter_prefix *from_prefix, *to_prefix;
	unsigned int sport_count, dport_count;
	struct filter_range *sport, *dport;
	uint16_t meter; /* POLICE */
	bool packets;
	uint16_t exceed; /* enum filter_exceed, or a DSCP */
	uint64_t rate, burst, peak, excess; /* as in struct filter_rule */
	const char *text;
};

struct filter_spec {
	const char *name;
	enum filter_action otherwise; /* of slot 0 */
	const struct filter_rule_spec *const *rules; /* in order */
	uint32_t rule_count;
	uint16_t slots;
};

/* A filter that was built, with what is needed to learn of new sets. */
struct filter_built;

/* -ENOMEM; -E2BIG: more classes than a filter may have. Not published. */
int filter_build(const struct filter_spec *spec, const struct filter_addresses *addresses,
		 struct filter_built **built);
void filter_built_delete(struct filter_built *built);
const struct filter *filter_built_image(const struct filter_built *built);

/* Publish it under a number; what stood there is freed. Nothing is stored if they are the same.
 * -ENOSPC: nothing changed. */
int filter_publish(struct tables *tables, struct heap *heap, uint32_t number,
		   struct filter_built *built);
void filter_unpublish(struct tables *tables, struct heap *heap, uint32_t number);

/* What a published filter has to know of a set that no address leads to yet. -ENOSPC: it has to be
 * built anew, with more room. */
int filter_built_add_set(struct filter_built *built,
			 const struct filter_addresses *addresses, uint32_t set);

/* Restart: claim published filters and baselines. -EINVAL: corrupt. */
int filter_claim(const struct tables *tables, struct heap *heap);

/* ---------------------------------------------------------------- counters */

/* Totals of a slot over all workers, less its baseline. `state` NULL gives zeros. Anybody. */
void filter_counters(const struct tables *tables, const struct state *state, uint32_t number,
		     unsigned int slot, uint64_t *packets, uint64_t *bytes);
/* They count from here. -ENOSPC */
int filter_baseline_set(struct tables *tables, struct heap *heap, const struct state *state,
			uint32_t number, unsigned int slot);

#endif
