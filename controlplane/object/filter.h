/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter.h: filters in the model, for filter*.c and the model itself.
 *
 * A filter that was changed is built and published whole, by model_flush before the change is answered
 * or by model_poll: a batch of rules costs one build. Lists change at once.
 *
 * What a published filter still asks about stays in the tries until no packet is judged by that filter
 * any more: rules give their prefixes back a grace period after the filter without them is published.
 */
#ifndef SHUNT_OBJECT_FILTER_H
#define SHUNT_OBJECT_FILTER_H

#include "controlplane/api/filter-words.h"
#include "model.h"

/* A list, or a prefix that rules name. */
struct filter_element {
	char list[NAME_SIZE];        /* "": the prefix */
	struct filter_prefix prefix; /* zero for a list */
	uint32_t number;
	uint32_t references;           /* of rules, and of those that packets may still be judged by */
	uint32_t rules;                /* of rules that there are */
	uint64_t prefixes;             /* of a list */
	struct filter_prefix *last;    /* those of a list that nobody knows any more (filters.emptied) */
	UT_hash_handle hh;             /* by list or by prefix */
};

struct filter_rule_object {
	struct filter_rule_spec spec;
	struct filter_element *from, *to; /* or NULL */
	char *text;                       /* canonical, behind SEQ: spec.text */
};

/* A rule of the published filter that an earlier process left: whose counter goes on. */
struct filter_found_rule {
	uint32_t sequence;
	uint16_t slot;
};

struct filter_object {
	char name[NAME_SIZE];
	uint32_t number;
	enum filter_action otherwise;
	struct filter_rule_object **rule; /* by sequence */
	uint32_t rule_count, rule_capacity;
	uint64_t slot[FILTER_SLOTS / 64 + 1]; /* those in use; 0 is */
	struct filter_found_rule *found;      /* replay */
	uint32_t found_count;
	uint16_t slots; /* ever used are below this */
	uint32_t bindings;
	bool dirty; /* not published as it is */
	struct filter_built *built;
	UT_hash_handle hh; /* by name */
};

struct filters {
	struct filter_addresses *addresses;
	struct filter_object *filters; /* in order of configuration */
	struct filter_object *filter[FILTER_MAX];
	uint8_t row[FILTER_MAX]; /* enum row_use */
	struct filter_element *lists, *prefixes;
	/* lists whose last prefix was taken away, as long as packets are judged by rules that were there: by
	 * number */
	struct filter_element *emptied;
	struct filter_elements {
		struct filter_element **element;
		size_t count, capacity;
	} leaving, /* of rules that are gone, while their filters are not published without them */
		left; /* a grace period later: to be given back */
	uint32_t vrf[VRF_MAX], local;   /* numbers */
	uint64_t meter[FILTER_METERS / 64];
	uint64_t sample[WORKER_MAX][FILTER_SAMPLES]; /* sequences seen */
	bool dirty;
};

/* filter.c */
struct filter_object *filter_find(const struct model *model, const char *name);
struct filter_object *filter_named(const struct model *model, const char *name, struct error *error);
void filter_changed(struct model *model, struct filter_object *filter);
/* Publish it as it is now, if it is not. 0, or -errno with *error set. */
int filter_flush(struct model *model, struct filter_object *filter, struct error *error);
/* Give a rule's element (or NULL) back once no packet is judged by a filter that asks about it. */
void filter_element_leave(struct model *model, struct filter_element *element);

/* filter_sample.c */
void filter_take_samples(struct model *model);

/* filter_rule.c */
void filter_rule_free(struct filter_rule_object *rule);

/* filter_list.c */
/* With one more reference. -ENOENT, -ENOSPC with *error set. NULL party: NULL element. */
int filter_element_acquire(struct model *model, const struct filter_party *party,
			   struct filter_element **element, struct error *error);
void filter_element_release(struct model *model, struct filter_element *element);
void filter_elements_free(struct filters *filters);
int filter_list_configuration(const struct model *model, struct arguments *arguments,
			      int (*visit)(void *context, const struct arguments *arguments),
			      void *context);
json_t *filter_private_lists(const struct model *model, const char *name,
			     const struct filter_prefix *from, uint64_t count);

/* filter_bind.c */
void filter_bind_settle(struct model *model);
int filter_bind_configuration(const struct model *model, struct arguments *arguments,
			      int (*visit)(void *context, const struct arguments *arguments),
			      void *context);

/* filter_shadow.c */
enum { FILTER_SHADOW_NODES = 16384 }; /* looked at, at most, for the hints of one command */
/* Is every packet of rule b one of rule a? *nodes as for filter_element_covers: false, too, if
 * they do not suffice. */
bool filter_rule_covers(const struct filter_addresses *addresses, const struct filter_rule_object *a,
			const struct filter_rule_object *b, uint32_t *nodes);

#endif
