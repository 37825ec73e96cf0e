/* SPDX-License-Identifier: BSD-3-Clause */
#include <sched.h>
#include "tables-reader.h"

/* Keep a copy, to compare at the turn's end. */
static const union object *hold(struct reader *reader, const void *where, size_t size)
{
	struct held *held = &reader->held[reader->holds++];

	held->where = where;
	held->size = size;
	memcpy(&held->copy, where, size);
	return &held->copy;
}

/* From a nexthop's index to its rewrite; NULL: it was removed since. */
static const struct rewrite *follow(struct reader *reader, uint32_t index)
{
	uint64_t word = word_load(&reader->tables->nexthop[index]);

	if (nexthop_kind(word) == NEXTHOP_FREE)
		return NULL;
	const struct rewrite *rewrite =
		&hold(reader, nexthop_rewrite(reader->tables, word), sizeof(*rewrite))->rewrite;
	reader->rewrites++;
	reader->bad_object += !rewrite_good(rewrite) || rewrite->flags != nexthop_kind(word);
	return rewrite;
}

/* A bucket's nexthop is of the family that the label was told of; its members are as they were set.
 */
static void follow_group(struct reader *reader, unsigned int space, uint32_t label, uint64_t entry)
{
	uint32_t index = label_index(entry);
	const struct nexthop_group *group = &reader->tables->group[index];
	uint32_t bucket = random_number(&reader->seed) % GROUP_BUCKETS;
	const struct rewrite *rewrite =
		follow(reader, atomic_load_explicit(&group->bucket[bucket], memory_order_acquire));

	reader->groups++;
	if (rewrite != NULL)
		reader->bad_entry +=
			make_entry(space, label, index, identity_of(rewrite) % FAMILIES,
				   LABEL_GROUP) != entry;
	uint64_t offset = word_load(&reader->tables->group_members[index]);
	if (offset == 0)
		return;
	const struct group_members *members =
		&hold(reader, tables_object(reader->tables, offset), sizeof(*members))->members;
	reader->bad_object += !members_good(members);
}

/* What a label's word said earlier in this turn still leads to what it meant then, or to nothing.
 */
static void follow_label(struct reader *reader, const struct lookup *lookup)
{
	unsigned int space = lookup->space;
	uint32_t label = lookup->label;
	uint64_t entry = lookup->entry;

	if (entry == 0)
		return;
	if (label < LABEL_FIRST_FREE) {
		reader->bad_entry += label_operation(entry) != LABEL_SPECIAL;
		return;
	}
	if (entry & LABEL_GROUP) {
		follow_group(reader, space, label, entry);
		return;
	}
	const struct rewrite *rewrite = follow(reader, label_index(entry));
	if (rewrite != NULL)
		reader->bad_entry += make_entry(space, label, label_index(entry),
						identity_of(rewrite), 0) != entry;
}

static void look_at_port(struct reader *reader)
{
	unsigned int port = random_number(&reader->seed) % PORTS;
	uint64_t offset = word_load(&reader->tables->port[port].wish);

	if (offset == 0)
		return;
	const struct port_wish *wish =
		&hold(reader, tables_object(reader->tables, offset), sizeof(*wish))->wish;
	reader->wishes++;
	reader->bad_object += !wish_good(port, wish);
}

/* As long as the writer has work. */
static void linger(struct reader *reader)
{
	if (random_number(&reader->seed) % 4 == 0)
		sched_yield();
}

/* As a worker with a vector of packets: look them all up, then find where they go, then send. */
static void turn(struct reader *reader)
{
	struct lookup vector[VECTOR];

	reader->holds = 0;
	for (unsigned int i = 0; i < VECTOR; i++) {
		struct lookup *lookup = &vector[i];
		lookup->space = random_number(&reader->seed) % SPACES;
		lookup->label = random_number(&reader->seed) % (LABEL_FIRST_FREE + LABELS);
		lookup->entry = label_get(reader->tables, lookup->space, lookup->label);
	}
	linger(reader);
	for (unsigned int i = 0; i < VECTOR; i++)
		follow_label(reader, &vector[i]);
	look_at_port(reader);
	linger(reader);
	for (unsigned int i = 0; i < reader->holds; i++)
		reader->changed += memcmp(reader->held[i].where, &reader->held[i].copy,
					  reader->held[i].size) != 0;
}

void *read_as_worker(void *argument)
{
	struct reader *reader = argument;

	epoch_online(reader->tables, reader->worker);
	while (atomic_load(&reader->stop) == 0) {
		epoch_report(reader->tables, reader->worker);
		turn(reader);
		counter_add(&reader->turns, 1);
		if (random_number(&reader->seed) % 16 == 0) {
			epoch_offline(reader->worker);
			sched_yield();
			epoch_online(reader->tables, reader->worker);
		}
	}
	epoch_offline(reader->worker);
	return NULL;
}
