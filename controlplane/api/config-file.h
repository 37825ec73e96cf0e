/* SPDX-License-Identifier: BSD-3-Clause
 *
 * config-file.h: files that are replaced as a whole, and the timer of `config apply ... confirm T`.
 * For config*.c and journal.c alone.
 */
#ifndef SHUNT_API_CONFIG_FILE_H
#define SHUNT_API_CONFIG_FILE_H

#include <sys/types.h>
#include "controlplane/api/api.h"

/* All of the bytes, however many writes it takes. 0 or a negative errno. */
int file_write(int fd, const char *bytes, size_t size);

/* Write a temporary file beside `path`, sync it and its directory, rename it. 0 or a negative
 * errno, and `path` is as it was. */
int file_replace(const char *path, const char *bytes, size_t size, mode_t mode);

/* Make the directory of `path` (0755) if it is not there; failing shows when the file is made. */
void file_make_parent(const char *path);

/* CLOCK_BOOTTIME in nanoseconds: goes on while the machine is suspended and over restarts of us. */
uint64_t clock_boottime(void);

/* Roll back when api->rollback_deadline has come. */
void rollback_arm(struct api *api);

/* Nothing is to be rolled back any more. */
void rollback_forget(struct api *api);

#endif
