/* SPDX-License-Identifier: BSD-3-Clause
 *
 * journal.h: every accepted change, one line of canonical text each, in RUN_DIR/NAME/journal.
 *
 * The first line is `# shunt journal 1`. Lines are appended by one write(2) before the change is
 * answered, so a kill -9 loses nothing that was said yes to; what was being written at that moment
 * is an incomplete last line, which reading leaves out. The lines of an atomic batch stand between
 * `begin N` and `commit` and count only when all of that is there.
 *
 * Lines that can no longer be executed at start are left out; the journal that had them is kept as
 * journal.left-out.
 *
 * The format does not depend on the layout of the shared files: another version reads it too.
 */
#ifndef SHUNT_API_JOURNAL_H
#define SHUNT_API_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "controlplane/api/buffer.h"

#define JOURNAL_FIRST_LINE "# shunt journal 1\n"

enum { JOURNAL_ERROR_SIZE = 512 };

/* A journal that is being written. */
struct journal {
	int fd; /* -1: none */
	char path[320];
	uint64_t size;     /* bytes that count */
	uint64_t obsolete; /* of these: about what a compaction would save; who appends counts it */
	bool broken;       /* what was written could not be taken back: nothing more may follow */
};

/* A journal that was read. The lines stand in `text`, zero-terminated. */
struct journal_lines {
	char *text;
	char **line;
	size_t count;
	uint64_t valid_size; /* bytes of the file up to the end of what counts */
	size_t dropped;      /* lines of atomic batches that were not complete */
};

/* Read `path`. -ENOENT: no journal. -EPROTO: not a journal of version 1. Others: reading failed;
 * `error` tells. */
int journal_read(struct journal_lines *lines, const char *path, char error[JOURNAL_ERROR_SIZE]);
void journal_lines_free(struct journal_lines *lines);

/* Append to a journal that journal_read has read: what does not count is cut off first. */
int journal_open(struct journal *journal, const char *path, uint64_t valid_size);

/* Write a new journal beside the old one, then rename it over it and append from then on. `fill`
 * adds lines, each ended by a newline, to the buffer and calls journal_spill now and then. On
 * failure the journal is as it was. */
struct journal_writer {
	struct buffer buffer;
	int fd;
	uint64_t size;
	int status;
};
int journal_rewrite(struct journal *journal, const char *path,
		    int (*fill)(void *context, struct journal_writer *writer), void *context);

/* Write the buffer out if it has become long. 0 or a negative errno. */
int journal_spill(struct journal_writer *writer);

/* Append whole lines by one write. On failure (-ENOSPC, ...) nothing was appended. */
int journal_append(struct journal *journal, const char *lines, size_t size);

/* Would compaction save more than half of it and a mebibyte? A table that is filled saves nothing. */
bool journal_wants_rewrite(const struct journal *journal);

void journal_close(struct journal *journal);

#endif
