/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controlplane/api/config-file.h"

enum { SPILL_SIZE = 1 << 20, GROWTH_ALLOWED = 1 << 20 };

/* ---- reading ---- */

static int read_all(int fd, char *text, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t n = read(fd, text + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		used += (size_t)n;
	}
	text[size] = 0;
	return 0;
}

/* The whole file, zero-terminated. */
static int read_file(const char *path, char **text, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat status;
	int rc;

	if (fd < 0)
		return -errno;
	rc = fstat(fd, &status) ? -errno : 0;
	if (!rc && !S_ISREG(status.st_mode))
		rc = -EPROTO;
	if (!rc) {
		*size = (size_t)status.st_size;
		*text = malloc(*size + 1);
		rc = *text ? read_all(fd, *text, *size) : -ENOMEM;
		if (rc)
			free(*text);
	}
	close(fd);
	return rc;
}

/* An atomic batch while it is read. */
struct frame {
	bool open;
	size_t first;         /* index of its first line */
	unsigned long wanted; /* lines that `begin` announced */
};

/* Drop the lines of a frame that never saw its commit. */
static void frame_drop(struct frame *frame, struct journal_lines *lines)
{
	if (!frame->open)
		return;
	lines->dropped += lines->count - frame->first;
	lines->count = frame->first;
	frame->open = false;
}

static void take_line(struct journal_lines *lines, struct frame *frame, char *line)
{
	if (!strncmp(line, "begin ", 6)) {
		frame_drop(frame, lines);
		*frame = (struct frame){ true, lines->count, strtoul(line + 6, NULL, 10) };
	} else if (!strcmp(line, "commit")) {
		if (frame->open && lines->count - frame->first != frame->wanted)
			frame_drop(frame, lines);
		frame->open = false;
	} else if (*line && *line != '#') {
		lines->line[lines->count++] = line;
	}
}

static size_t count_lines(const char *text, size_t size)
{
	size_t count = 0;

	for (const char *at = text; (at = memchr(at, '\n', size - (size_t)(at - text))); at++)
		count++;
	return count;
}

/* Cut the text into lines; a last one without its newline does not count. */
static int split(struct journal_lines *lines, size_t size)
{
	struct frame frame = { 0 };
	char *at = lines->text, *end;

	lines->line = malloc((count_lines(at, size) + 1) * sizeof(*lines->line));
	if (!lines->line)
		return -ENOMEM;
	while ((end = memchr(at, '\n', size - (size_t)(at - lines->text)))) {
		*end = 0;
		take_line(lines, &frame, at);
		at = end + 1;
		if (!frame.open)
			lines->valid_size = (uint64_t)(at - lines->text);
	}
	frame_drop(&frame, lines);
	return 0;
}

int journal_read(struct journal_lines *lines, const char *path, char error[JOURNAL_ERROR_SIZE])
{
	size_t size = 0, first = strlen(JOURNAL_FIRST_LINE);
	int rc;

	memset(lines, 0, sizeof(*lines));
	rc = read_file(path, &lines->text, &size);
	if (rc) {
		snprintf(error, JOURNAL_ERROR_SIZE, "journal %s: %s", path,
			 rc == -EPROTO ? "not a regular file" : strerror(-rc));
		return rc;
	}
	if (size < first || memcmp(lines->text, JOURNAL_FIRST_LINE, first)) {
		snprintf(error, JOURNAL_ERROR_SIZE,
			 "journal %s: its first line is not '# shunt journal 1'", path);
		rc = -EPROTO;
	} else {
		rc = split(lines, size);
	}
	if (rc)
		journal_lines_free(lines);
	return rc;
}

void journal_lines_free(struct journal_lines *lines)
{
	free(lines->text);
	free(lines->line);
	memset(lines, 0, sizeof(*lines));
}

/* ---- writing ---- */

int journal_open(struct journal *journal, const char *path, uint64_t valid_size)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)valid_size)) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	journal->fd = fd;
	snprintf(journal->path, sizeof(journal->path), "%s", path);
	journal->size = valid_size;
	journal->obsolete = 0;
	journal->broken = false;
	return 0;
}

static int spill(struct journal_writer *writer)
{
	if (!writer->status)
		writer->status = file_write(writer->fd, writer->buffer.data, writer->buffer.used);
	writer->size += writer->buffer.used;
	writer->buffer.used = 0;
	return writer->status;
}

int journal_spill(struct journal_writer *writer)
{
	return writer->buffer.used < SPILL_SIZE ? writer->status : spill(writer);
}

/* Fill the new file and give it its name. */
static int write_new(struct journal_writer *writer, const char *temporary, const char *path,
		     int (*fill)(void *context, struct journal_writer *writer), void *context)
{
	int rc;

	buffer_add_string(&writer->buffer, JOURNAL_FIRST_LINE);
	rc = fill(context, writer);
	if (!rc)
		rc = spill(writer);
	buffer_free(&writer->buffer);
	if (!rc && rename(temporary, path))
		rc = -errno;
	return rc;
}

int journal_rewrite(struct journal *journal, const char *path,
		    int (*fill)(void *context, struct journal_writer *writer), void *context)
{
	struct journal_writer writer = { 0 };
	char temporary[340];
	int rc;

	snprintf(temporary, sizeof(temporary), "%s.new", path);
	unlink(temporary);
	writer.fd = open(temporary, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (writer.fd < 0)
		return -errno;
	rc = write_new(&writer, temporary, path, fill, context);
	if (rc) {
		close(writer.fd);
		unlink(temporary);
		return rc;
	}
	journal_close(journal);
	journal->fd = writer.fd;
	if (path != journal->path)
		snprintf(journal->path, sizeof(journal->path), "%s", path);
	journal->size = writer.size;
	journal->obsolete = 0;
	journal->broken = false;
	return 0;
}

int journal_append(struct journal *journal, const char *lines, size_t size)
{
	ssize_t n;
	int rc;

	if (journal->fd < 0 || journal->broken)
		return -EIO;
	do
		n = write(journal->fd, lines, size);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)size) {
		journal->size += size;
		return 0;
	}
	/* A short write is a full file system; half a line must not meet the next append. */
	rc = n < 0 ? -errno : -ENOSPC;
	if (ftruncate(journal->fd, (off_t)journal->size))
		journal->broken = true;
	return rc;
}

bool journal_wants_rewrite(const struct journal *journal)
{
	return journal->obsolete > GROWTH_ALLOWED && journal->obsolete > journal->size / 2;
}

void journal_close(struct journal *journal)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
}
