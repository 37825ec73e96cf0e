/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "region-file.h"

enum {
	LOCK_TRIES = 50, /* a millisecond apart: somebody's question "alive?" is over long before */
	OWN_TRIES = 20,
};

const char *region_kind_name(enum region_kind kind)
{
	return kind == REGION_TABLES ? "tables" : "state";
}

void region_path(char path[REGION_PATH_SIZE], const struct region_place *place,
		 enum region_kind kind, bool temporary)
{
	snprintf(path, REGION_PATH_SIZE, "%s/%s%s.%016" PRIx64, place->directory,
		 temporary ? "." : "", region_kind_name(kind), layout_hash());
}

uint64_t region_fixed_size(enum region_kind kind)
{
	return kind == REGION_TABLES ? sizeof(struct tables) : sizeof(struct state);
}

int region_boot_id(char boot_id[BOOT_ID_SIZE], char error[REGION_ERROR_SIZE])
{
	const char *path = "/proc/sys/kernel/random/boot_id";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, boot_id, BOOT_ID_SIZE - 1);
	int err = fd < 0 || n < 0 ? errno : 0;

	if (fd >= 0)
		close(fd);
	if (n < 36) {
		snprintf(error, REGION_ERROR_SIZE, "%s: cannot be read: %s", path, strerror(err));
		return err != 0 ? -err : -EIO;
	}
	memset(boot_id + 36, 0, BOOT_ID_SIZE - 36);
	return 0;
}

bool region_renamed(int fd, const char *path)
{
	struct stat ours, named;

	return fstat(fd, &ours) != 0 || lstat(path, &named) != 0 || ours.st_dev != named.st_dev ||
	       ours.st_ino != named.st_ino;
}

int region_lock(int fd, const char *path, char error[REGION_ERROR_SIZE])
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	/* region_owner_alive holds a shared lock for an instant: that is no owner */
	for (unsigned int i = 0; i < LOCK_TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR) {
			int err = errno;
			snprintf(error, REGION_ERROR_SIZE, "%s: cannot be locked: %s", path,
				 strerror(err));
			return -err;
		}
		nanosleep(&pause, NULL);
	}
	snprintf(error, REGION_ERROR_SIZE, "%s: another process owns it", path);
	return -EBUSY;
}

/* Map at a multiple of HEAP_CHUNK: struct state asks for it, and so do huge pages. */
static void *map_aligned(int fd, uint64_t size, int protection)
{
	uint8_t *reserved = mmap(NULL, size + HEAP_CHUNK, PROT_NONE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (reserved == MAP_FAILED)
		return NULL;
	uint64_t before = -(uint64_t)(uintptr_t)reserved % HEAP_CHUNK;
	uint8_t *base = reserved + before;
	void *mapped = mmap(base, size, protection, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, fd, 0);
	int err = errno;
	if (mapped == MAP_FAILED) {
		munmap(reserved, size + HEAP_CHUNK);
		errno = err;
		return NULL;
	}
	if (before > 0)
		munmap(reserved, before);
	if (before < HEAP_CHUNK)
		munmap(base + size, HEAP_CHUNK - before);
	return mapped;
}

int region_map(struct region *region, uint64_t size, char error[REGION_ERROR_SIZE])
{
	int protection = region->writer ? PROT_READ | PROT_WRITE : PROT_READ;
	void *base = map_aligned(region->fd, size, protection);

	if (base == NULL) {
		int err = errno;
		snprintf(error, REGION_ERROR_SIZE, "%s/%s: %" PRIu64 " bytes cannot be mapped: %s",
			 region->place.directory, region_kind_name(region->kind), size,
			 strerror(err));
		return -err;
	}
	/* hints: without huge pages it is slower, with a dump of it a core file is of no use */
	(void)madvise(base, size, MADV_HUGEPAGE);
	(void)madvise(base, size, MADV_DONTDUMP);
	region->base = base;
	region->size = size;
	return 0;
}

/* Is it a plain file of root's or ours that nobody else can write? */
static int check_file(const struct stat *st, const char *path, char error[REGION_ERROR_SIZE])
{
	if (!S_ISREG(st->st_mode)) {
		snprintf(error, REGION_ERROR_SIZE, "%s: not a regular file", path);
		return -EPERM;
	}
	if (st->st_uid != 0 && st->st_uid != geteuid()) {
		snprintf(error, REGION_ERROR_SIZE, "%s: owner is user %u, expected root or user %u",
			 path, st->st_uid, geteuid());
		return -EPERM;
	}
	if ((st->st_mode & 0137) != 0) {
		snprintf(error, REGION_ERROR_SIZE, "%s: mode is %04o, expected 0640", path,
			 st->st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

static int open_file(const char *path, int flags, struct stat *st, char error[REGION_ERROR_SIZE])
{
	/* O_NONBLOCK: a FIFO under this name must not hang us before it is refused */
	int fd = open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	int result = 0;

	if (fd < 0) {
		result = errno == ELOOP || errno == EISDIR ? -EPERM : -errno;
		snprintf(error, REGION_ERROR_SIZE, "%s: %s", path,
			 errno == ELOOP ? "is a symbolic link, expected a regular file"
					: strerror(errno));
		return result;
	}
	if (fstat(fd, st) != 0)
		result = -errno;
	else
		result = check_file(st, path, error);
	if (result != 0) {
		close(fd);
		return result;
	}
	return fd;
}

/* Is the file's header of this boot? A file too short for one was cut by a crash of the machine. */
static int read_header(int fd, struct region_header *header, bool *stale,
		       char error[REGION_ERROR_SIZE])
{
	char boot_id[BOOT_ID_SIZE];
	int result = region_boot_id(boot_id, error);

	if (result != 0)
		return result;
	ssize_t n = pread(fd, header, sizeof(*header), 0);
	*stale = n != (ssize_t)sizeof(*header) ||
		 memcmp(header->boot_id, boot_id, BOOT_ID_SIZE) != 0;
	return 0;
}

static int check_heap(const struct tables_control *control, uint64_t size)
{
	uint64_t start = control->heap_start, length = control->heap_size;

	if (start < sizeof(struct tables) || start % HEAP_CHUNK != 0 || start > size)
		return -EPROTO;
	if (length % HEAP_CHUNK != 0 || length != size - start)
		return -EPROTO;
	return word_load(&control->heap_used) <= length ? 0 : -EPROTO;
}

/* The header must be this build's, and the size what it says. */
static int check_header(const struct region_header *header, const struct stat *st, const char *path,
			enum region_kind kind, char error[REGION_ERROR_SIZE])
{
	uint64_t magic = kind == REGION_TABLES ? TABLES_MAGIC : STATE_MAGIC;
	uint64_t size = (uint64_t)st->st_size, fixed = region_fixed_size(kind);

	if (header->magic != magic || header->kind != (uint32_t)kind) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: magic %016" PRIx64 " kind %u, expected %016" PRIx64 " kind %u", path,
			 header->magic, header->kind, magic, (unsigned int)kind);
		return -EPROTO;
	}
	if (header->abi_version != SHUNT_ABI_VERSION) {
		snprintf(error, REGION_ERROR_SIZE, "%s: has ABI version %u, this program has %u",
			 path, header->abi_version, SHUNT_ABI_VERSION);
		return -EPROTO;
	}
	if (header->layout_hash != layout_hash()) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: has layout %016" PRIx64 ", this program has layout %016" PRIx64, path,
			 header->layout_hash, layout_hash());
		return -EPROTO;
	}
	if (header->size != size || size % HEAP_CHUNK != 0 ||
	    (kind == REGION_STATE ? size != fixed : size < fixed)) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: has %" PRIu64 " bytes, its header says %" PRIu64 ", at least %" PRIu64
			 " expected",
			 path, size, header->size, fixed);
		return -EPROTO;
	}
	return 0;
}

/* Check and map a file that is open (and locked, if the region is its writer's). */
static int take(struct region *region, const struct region_header *header, const char *path,
		char error[REGION_ERROR_SIZE])
{
	struct stat st; /* now that nobody makes it any more */
	if (fstat(region->fd, &st) != 0)
		return -errno;
	int result = check_header(header, &st, path, region->kind, error);
	if (result == 0)
		result = region_map(region, (uint64_t)st.st_size, error);
	if (result != 0 || region->kind == REGION_STATE)
		return result;

	const struct tables *tables = region->base;
	result = check_heap(&tables->control, region->size);
	if (result != 0) {
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: heap of %" PRIu64 " bytes at %" PRIu64 " does not fit its %zu bytes",
			 path, tables->control.heap_size, tables->control.heap_start, region->size);
		munmap(region->base, region->size);
	}
	return result;
}

/* One attempt to own the file. -EAGAIN: its name went to another file meanwhile. */
static int own(struct region *region, uint64_t heap_size, bool *created,
	       char error[REGION_ERROR_SIZE])
{
	char path[REGION_PATH_SIZE];
	struct stat st;

	region_path(path, &region->place, region->kind, false);
	region->fd = open_file(path, O_RDWR, &st, error);
	if (region->fd == -ENOENT) {
		*created = true;
		return region_new(region, heap_size, -1, error);
	}
	if (region->fd < 0)
		return region->fd;

	struct region_header header;
	bool stale = false;
	int result = region_lock(region->fd, path, error);
	if (result == 0 && region_renamed(region->fd, path))
		result = -EAGAIN;
	if (result == 0)
		result = read_header(region->fd, &header, &stale, error);
	if (result == 0 && stale) {
		int old = region->fd;
		*created = true;
		result = region_new(region, heap_size, old, error);
		close(old);
		return result;
	}
	*created = false;
	if (result == 0)
		result = take(region, &header, path, error);
	if (result != 0)
		close(region->fd);
	return result;
}

static void set_up(struct region *region, const struct region_place *place, enum region_kind kind,
		   bool writer)
{
	*region = (struct region){ .fd = -1, .writer = writer, .kind = kind, .place = *place };
}

int region_own(struct region *region, const struct region_place *place, enum region_kind kind,
	       uint64_t heap_size, bool *created, char error[REGION_ERROR_SIZE])
{
	int result = region_place_make(place, error);

	set_up(region, place, kind, true);
	for (unsigned int i = 0; result == 0 && i < OWN_TRIES; i++) {
		result = own(region, heap_size, created, error);
		if (result == 0)
			return 0;
		if (result == -EAGAIN)
			result = i + 1 < OWN_TRIES ? 0 : -EBUSY;
	}
	set_up(region, place, kind, false);
	return result;
}

int region_attach(struct region *region, const struct region_place *place, enum region_kind kind,
		  char error[REGION_ERROR_SIZE])
{
	char path[REGION_PATH_SIZE];
	struct region_header header;
	struct stat st;
	bool stale;

	set_up(region, place, kind, false);
	region_path(path, place, kind, false);
	int fd = open_file(path, O_RDONLY, &st, error);
	if (fd == -ENOENT)
		return region_find_other(place, kind, error);
	if (fd < 0)
		return fd;
	region->fd = fd;
	int result = read_header(fd, &header, &stale, error);
	if (result == 0 && stale) {
		snprintf(error, REGION_ERROR_SIZE, "%s: was made before this boot", path);
		result = -ENOENT;
	}
	if (result == 0)
		result = take(region, &header, path, error);
	if (result != 0) {
		close(fd);
		set_up(region, place, kind, false);
	}
	return result;
}

/* Does somebody hold the lock of this open file? */
static bool locked(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		return errno == EWOULDBLOCK;
	(void)flock(fd, LOCK_UN);
	return false;
}

bool region_owner_alive(const struct region *region)
{
	/* asking for another lock on our own descriptor would give the owner's away */
	return region->writer || (region->fd >= 0 && locked(region->fd));
}

bool region_owned(const struct region_place *place, enum region_kind kind)
{
	char path[REGION_PATH_SIZE];

	region_path(path, place, kind, false);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return false;
	bool owned = locked(fd);
	close(fd);
	return owned;
}

bool region_is_current(const struct region *region, const struct region_place *place)
{
	char path[REGION_PATH_SIZE];

	region_path(path, place, region->kind, false);
	return region->fd >= 0 && !region_renamed(region->fd, path);
}

void region_close(struct region *region)
{
	if (region->base != NULL)
		munmap(region->base, region->size);
	if (region->fd >= 0)
		close(region->fd);
	region->base = NULL;
	region->size = 0;
	region->fd = -1;
	region->writer = false;
}
