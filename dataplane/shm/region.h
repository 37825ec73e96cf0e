/* SPDX-License-Identifier: BSD-3-Clause
 *
 * region.h: the two shared files: made, locked, mapped, checked.
 *
 * Whoever writes a file holds an exclusive flock on it for as long as it lives; the kernel drops the
 * lock at its death. So "alive" is a question to the kernel, not a pid or a heartbeat.
 */
#ifndef SHUNT_SHM_REGION_H
#define SHUNT_SHM_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include "layout.h"

#define REGION_ERROR_SIZE 512

/* An instance's run directory. */
struct region_place {
	char directory[256]; /* RUN_DIR/NAME */
	char instance[NAME_SIZE];
};

/* A mapped file. */
struct region {
	int fd;      /* -1: none */
	bool writer; /* holds the lock and maps read-write */
	void *base;  /* struct tables * or struct state * */
	size_t size;
	enum region_kind kind;
	struct region_place place; /* where it was found or made */
};

/* Name the run directory: `run_dir` NULL is /run/shunt, `instance` NULL is "default".
 * -EINVAL: instance is not 1 to 31 characters of [A-Za-z0-9_.-], or begins with a dot. */
int region_place(struct region_place *place, const char *run_dir, const char *instance,
		 char error[REGION_ERROR_SIZE]);

/* Make the run directory if it is not there (0750) and check it: a directory of ours (root's or the
 * effective user's) that others cannot write. */
int region_place_make(const struct region_place *place, char error[REGION_ERROR_SIZE]);

/* Own a file: take over the one that is there (same boot, same layout), or make it anew under a
 * temporary name and rename it. The lock is taken before anything is written.
 * `heap_size` matters for a new tables file only (0: TABLES_HEAP_SIZE).
 * `created`: told whether it was made anew.
 * -EBUSY: another process owns it. -ENOSPC: no memory for it. -EPERM: mode or owner are wrong.
 * -EPROTO: a file of the name has another layout or version; the message says which two met. */
int region_own(struct region *region, const struct region_place *place, enum region_kind kind,
	       uint64_t heap_size, bool *created, char error[REGION_ERROR_SIZE]);

/* Map somebody else's file read-only. -ENOENT: not there yet (try again later); -EPROTO: the file
 * there has another layout or version, the message says which two met; also when only files with
 * another layout hash are there. */
int region_attach(struct region *region, const struct region_place *place, enum region_kind kind,
		  char error[REGION_ERROR_SIZE]);

/* Is the owner of this attached file alive? Asks the kernel about the lock without taking it for
 * longer than the question. */
bool region_owner_alive(const struct region *region);

/* Does anybody own the file of this kind and layout now? Mapped or not; asked of the kernel. */
bool region_owned(const struct region_place *place, enum region_kind kind);

/* Has the file been replaced by another of the same name since it was mapped? */
bool region_is_current(const struct region *region, const struct region_place *place);

void region_close(struct region *region);

/* Allocate the memory behind [offset, offset + length) of an owned file, so that no access meets a
 * hole. -ENOSPC: not to be had; nothing changed. */
int region_allocate(struct region *region, uint64_t offset, uint64_t length);

/* What grows with the data plane's workers: each allocates the memory for workers 0 to
 * worker_count - 1 by region_allocate, what is there already included. -ENOSPC; -EINVAL: more than
 * WORKER_MAX, or a space that cannot be. The tails of all rings are allocated from the start, so that
 * an empty ring may be looked at before its slots are there. */

/* Control plane, on `tables`: inject rings, before it puts a frame into one. */
int region_allocate_inject(struct region *tables, unsigned int worker_count);
/* Data plane, on `state`: punt rings, samples of drops, traces, and counters of groups and of interfaces but for
 * tunnels', before it stores worker_count. */
int region_allocate_workers(struct region *state, unsigned int worker_count);
/* Data plane, on `state`: counters of interface rows first to end - 1, before it stores `end` in
 * interfaces_ready. */
int region_allocate_interfaces(struct region *state, unsigned int worker_count, uint32_t first,
			       uint32_t end);
/* Data plane, on `state`: label counters of one space, before it sets its bit in spaces_ready. */
int region_allocate_labels(struct region *state, unsigned int worker_count, unsigned int space);
/* Data plane, on `state`: rings of captured packets, before it stores worker_count in capture_ready. */
int region_allocate_capture(struct region *state, unsigned int worker_count);
/* Data plane, on `state`: counters of a filter's slots below `slots`, before it stores filter_ready. */
int region_allocate_filter(struct region *state, unsigned int worker_count, uint32_t filter,
			   uint32_t slots);

#endif
