/* SPDX-License-Identifier: BSD-3-Clause
 *
 * region-new.c: how a shared file comes to be, and the memory behind it.
 *
 * Made under a temporary name, locked, filled, renamed. Only the holder of the lock on the file that
 * bears the temporary name may rename it or give the name away, so of several processes one makes the
 * file, and a process that is killed anywhere in here leaves at most an unlocked temporary file.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>
#include "epoch.h"
#include "region-file.h"

int region_allocate(struct region *region, uint64_t offset, uint64_t length)
{
	if (!region->writer || offset > INT64_MAX || length > INT64_MAX)
		return -EINVAL;
	int result;
	do
		result = posix_fallocate(region->fd, (off_t)offset, (off_t)length);
	while (result == EINTR);
	return -result;
}

int region_allocate_inject(struct region *tables, unsigned int worker_count)
{
	if (worker_count == 0 || worker_count > WORKER_MAX)
		return -EINVAL;
	return region_allocate(tables, offsetof(struct tables, inject),
			       worker_count * sizeof(struct ring_producer));
}

int region_allocate_workers(struct region *state, unsigned int worker_count)
{
#define ROW(member) { offsetof(struct state, member), sizeof(((struct state *)0)->member[0]) }
	static const struct {
		uint64_t offset, size;
	} rows[] = { ROW(punt), ROW(trace), ROW(drop_sample), ROW(fdb_hit), ROW(multicast) };
#undef ROW

	if (worker_count == 0 || worker_count > WORKER_MAX)
		return -EINVAL;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int result = region_allocate(state, rows[i].offset, worker_count * rows[i].size);
		if (result != 0)
			return result;
	}
	return region_allocate_interfaces(state, worker_count, 0, INTERFACE_FIRST_TUNNEL);
}

int region_allocate_interfaces(struct region *state, unsigned int worker_count, uint32_t first,
			       uint32_t end)
{
	const struct state *fixed = NULL;

	if (worker_count == 0 || worker_count > WORKER_MAX || first > end || end > INTERFACE_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < worker_count && first < end; i++) {
		int result = region_allocate(state,
					     offsetof(struct state, interface) +
						     i * sizeof(fixed->interface[0]) +
						     first * sizeof(fixed->interface[0][0]),
					     (end - first) * sizeof(fixed->interface[0][0]));
		if (result != 0)
			return result;
	}
	return 0;
}

int region_allocate_labels(struct region *state, unsigned int worker_count, unsigned int space)
{
	const struct state *fixed = NULL;

	if (worker_count == 0 || worker_count > WORKER_MAX || space >= LABEL_SPACE_MAX)
		return -EINVAL;
	for (unsigned int i = 0; i < worker_count; i++) {
		int result = region_allocate(state,
					     offsetof(struct state, label) +
						     i * sizeof(fixed->label[0]) +
						     space * sizeof(fixed->label[0][0]),
					     sizeof(fixed->label[0][0]));
		if (result != 0)
			return result;
	}
	return 0;
}

int region_allocate_capture(struct region *state, unsigned int worker_count)
{
	if (worker_count == 0 || worker_count > WORKER_MAX)
		return -EINVAL;
	return region_allocate(state, offsetof(struct state, capture),
			       worker_count * sizeof(struct capture_ring));
}

int region_allocate_filter(struct region *state, unsigned int worker_count, uint32_t filter,
			   uint32_t slots)
{
	const struct state *fixed = NULL;

	if (worker_count == 0 || worker_count > WORKER_MAX || filter >= FILTER_MAX ||
	    slots > FILTER_SLOTS)
		return -EINVAL;
	for (unsigned int i = 0; i < worker_count && slots > 0; i++) {
		int result = region_allocate(state,
					     offsetof(struct state, filter) +
						     i * sizeof(fixed->filter[0]) +
						     filter * sizeof(fixed->filter[0][0]),
					     slots * sizeof(fixed->filter[0][0][0]));
		if (result != 0)
			return result;
	}
	return 0;
}

/* The page of every ring's tail: an empty ring has no slots that anybody reads. */
static int allocate_tails(struct region *region, uint64_t rings)
{
	int result = 0;

	for (unsigned int i = 0; result == 0 && i < WORKER_MAX; i++)
		result = region_allocate(region, rings + i * sizeof(struct ring_producer),
					 CACHE_LINE);
	return result;
}

static int allocate_fixed(struct region *region)
{
	bool tables = region->kind == REGION_TABLES;
	uint64_t rings = tables ? offsetof(struct tables, inject) : offsetof(struct state, punt);
	int result = region_allocate(region, 0, rings);

	return result != 0 ? result : allocate_tails(region, rings);
}

/* Create the temporary file, or clear one away that a dead process left. -EAGAIN: cleared away, or
 * somebody else was faster. */
static int open_temporary(const char *path, char error[REGION_ERROR_SIZE])
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
	bool leftover = fd < 0 && errno == EEXIST;

	if (leftover)
		fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) {
		int err = errno;
		if (leftover && err == ENOENT)
			return -EAGAIN;
		snprintf(error, REGION_ERROR_SIZE, "%s: cannot be made: %s", path, strerror(err));
		return leftover && err == ELOOP ? -EPERM : -err;
	}
	int result = region_lock(fd, path, error);
	if (result == 0 && region_renamed(fd, path))
		result = -EAGAIN;
	if (result == 0 && leftover) {
		unlink(path);
		result = -EAGAIN;
	}
	if (result != 0) {
		close(fd);
		return result;
	}
	return fd;
}

static int fill_tables(struct tables *tables, uint64_t heap_start, uint64_t heap_size)
{
	struct tables_control *control = &tables->control;

	if (getrandom(control->hash_key, sizeof(control->hash_key), 0) !=
		    (ssize_t)sizeof(control->hash_key) ||
	    getrandom(&control->flow_seed, sizeof(control->flow_seed), 0) !=
		    (ssize_t)sizeof(control->flow_seed))
		return -EIO;
	control->heap_start = heap_start;
	control->heap_size = heap_size;
	/* index 0 is "none" */
	word_store(&control->nexthop_used, 1);
	word_store(&control->group_used, 1);
	return 0;
}

static void fill_state(struct state *state)
{
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		epoch_offline(&state->worker[i]);
}

static int fill_header(const struct region *region, char error[REGION_ERROR_SIZE])
{
	bool tables = region->kind == REGION_TABLES;
	struct region_header header = {
		.magic = tables ? TABLES_MAGIC : STATE_MAGIC,
		.abi_version = SHUNT_ABI_VERSION,
		.kind = (uint32_t)region->kind,
		.layout_hash = layout_hash(),
		.size = region->size,
	};
	static_assert(sizeof(header.boot_id) == BOOT_ID_SIZE, "boot id");
	static_assert(sizeof(header.instance) == sizeof(region->place.instance), "instance");
	memcpy(header.instance, region->place.instance, sizeof(header.instance));
	int result = region_boot_id(header.boot_id, error);
	if (result == 0)
		memcpy(region->base, &header, sizeof(header));
	return result;
}

/* Give the locked temporary file its size, its memory and its contents. */
static int fill(struct region *region, uint64_t heap_size, char error[REGION_ERROR_SIZE])
{
	uint64_t heap_start =
		(sizeof(struct tables) + HEAP_CHUNK - 1) / HEAP_CHUNK * (uint64_t)HEAP_CHUNK;
	uint64_t size = sizeof(struct state);
	int result;

	if (region->kind == REGION_TABLES) {
		heap_size = heap_size == 0 ? TABLES_HEAP_SIZE : heap_size & ~(HEAP_CHUNK - 1ull);
		size = heap_start + heap_size;
	}
	if (ftruncate(region->fd, (off_t)size) != 0 || fchmod(region->fd, 0640) != 0)
		result = -errno;
	else
		result = allocate_fixed(region);
	if (result != 0) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s/%s: no memory for a file of %" PRIu64 " bytes: %s",
			 region->place.directory, region_kind_name(region->kind), size,
			 strerror(-result));
		return result;
	}
	result = region_map(region, size, error);
	if (result != 0)
		return result;
	if (region->kind == REGION_STATE)
		fill_state(region->base);
	else
		result = fill_tables(region->base, heap_start, heap_size);
	if (result == 0)
		result = fill_header(region, error);
	else
		snprintf(error, REGION_ERROR_SIZE, "no random keys: %s", strerror(-result));
	if (result != 0)
		munmap(region->base, region->size);
	return result;
}

int region_new(struct region *region, uint64_t heap_size, int stale, char error[REGION_ERROR_SIZE])
{
	char path[REGION_PATH_SIZE], temporary[REGION_PATH_SIZE];

	region_path(path, &region->place, region->kind, false);
	region_path(temporary, &region->place, region->kind, true);
	region->base = NULL;
	region->fd = open_temporary(temporary, error);
	if (region->fd < 0)
		return region->fd;

	/* while the temporary name is ours nobody else makes the file; was it made just before? */
	int result;
	if (stale >= 0 ? region_renamed(stale, path) : access(path, F_OK) == 0)
		result = -EAGAIN;
	else
		result = fill(region, heap_size, error);
	if (result == 0 && rename(temporary, path) != 0) {
		result = -errno;
		snprintf(error, REGION_ERROR_SIZE, "%s: cannot be renamed to its final name: %s",
			 temporary, strerror(-result));
		munmap(region->base, region->size);
	}
	if (result != 0) {
		unlink(temporary);
		close(region->fd);
		region->fd = -1;
		region->base = NULL;
		region->size = 0;
	}
	return result;
}
