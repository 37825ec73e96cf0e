/* SPDX-License-Identifier: BSD-3-Clause
 *
 * region-file.h: what region.c and region-new.c share about the file behind a region. Private to
 * dataplane/shm.
 */
#ifndef SHUNT_SHM_REGION_FILE_H
#define SHUNT_SHM_REGION_FILE_H

#include <sys/stat.h>
#include "region.h"

static_assert(sizeof(struct state) % HEAP_CHUNK == 0, "whole chunks can be mapped");

enum { REGION_PATH_SIZE = 320, BOOT_ID_SIZE = 40 };

/* The file's path, or that of its temporary name. */
void region_path(char path[REGION_PATH_SIZE], const struct region_place *place,
		 enum region_kind kind, bool temporary);

/* "tables" or "state" */
const char *region_kind_name(enum region_kind kind);

/* This boot's id, zero-terminated. Negative errno when the kernel does not tell. */
int region_boot_id(char boot_id[BOOT_ID_SIZE], char error[REGION_ERROR_SIZE]);

/* Bytes of the fixed part, as this build has it. */
uint64_t region_fixed_size(enum region_kind kind);

/* Has `path` been given to another file (or to none) since `fd` was opened? */
bool region_renamed(int fd, const char *path);

/* Take the lock of an open file without waiting for an owner. -EBUSY: there is one. */
int region_lock(int fd, const char *path, char error[REGION_ERROR_SIZE]);

/* Map an open file. The region's fd, kind and writer are set; base and size are filled in. */
int region_map(struct region *region, uint64_t size, char error[REGION_ERROR_SIZE]);

/* No file of this layout: -ENOENT, or -EPROTO if one of another layout and of this boot is there. */
int region_find_other(const struct region_place *place, enum region_kind kind,
		      char error[REGION_ERROR_SIZE]);

/* Make the file anew under its temporary name and rename it. `stale`: a locked file of the same name
 * that is replaced, or -1. On success the region is mapped and its lock is held.
 * -EAGAIN: somebody else was at it: look again. */
int region_new(struct region *region, uint64_t heap_size, int stale, char error[REGION_ERROR_SIZE]);

#endif
