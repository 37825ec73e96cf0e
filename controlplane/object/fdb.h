/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fdb.h: the insides of fdb.c, fdb-learn.c and fdb-topology.c.
 */
#ifndef SHUNT_OBJECT_FDB_H
#define SHUNT_OBJECT_FDB_H

#include "controlplane/object/bridge.h"

enum {
	FDB_MOVES = 5,         /* moves within FDB_MOVE_TICKS that damp an address ... */
	FDB_MOVE_TICKS = 10,   /* seconds */
	FDB_DAMP_TICKS = 10,   /* ... for so long */
	FDB_AGE_STEP = 4096,   /* addresses that one turn of ageing, or of flushing, looks at */
	FDB_LEARN_STEP = 4096, /* events that one turn takes */
	FDB_TOLD = 16,         /* moves that are told of in FDB_TOLD_TICKS, and so many dampings */
	FDB_TOLD_TICKS = 60,   /* seconds */
};

struct fdb_object {
	struct fdb_key key;
	uint32_t interface, hit;
	uint16_t slot;
	uint8_t origin; /* enum origin */
	bool damped;
	bool placed;           /* the tables have it */
	uint8_t moves;         /* since `moving` */
	uint64_t moving;       /* ticks */
	uint64_t damped_until; /* ticks */
	uint64_t learned;      /* ticks: when it was learned or moved */
	UT_hash_handle hh;     /* fdb->objects, by key */
};

struct fdb {
	struct fdb_object *objects;
	struct fdb_object *object[FDB_MAX]; /* by hit index */
	uint32_t free_hit[FDB_MAX], free_count, count;
	uint32_t age_next;                     /* hit index that is looked at next */
	uint32_t flush_next;                   /* the same, of topology changes */
	uint64_t tick_time;                    /* ns: when the tick was raised last */
	uint64_t told_since;                   /* tick that the next two are counted from */
	uint64_t told_moves, told_dampings;    /* more than FDB_TOLD: the rest was not told of */
};

struct fdb_object *fdb_find(const struct model *model, const struct fdb_key *key);
/* `hit`: the one that it has in the tables; FDB_MAX: a free one. NULL: full. Not in the tables yet. */
struct fdb_object *fdb_new(struct model *model, const struct fdb_key *key, uint32_t hit);
/* Place it. -ENOSPC: it stays where it was; a new one is gone. */
int fdb_set(struct model *model, struct fdb_object *object,
	    const struct interface_object *interface, unsigned int slot, enum origin origin);
int fdb_publish(struct model *model, const struct fdb_object *object);
void fdb_remove(struct model *model, struct fdb_object *object);
/* Topology changes that were heard of: begin those that may, one step of all. */
void fdb_topology_poll(struct model *model);

#endif
