/* SPDX-License-Identifier: BSD-3-Clause
 *
 * region-place.c: the run directory, and files of other layouts in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "region-file.h"

static bool instance_valid(const char *instance)
{
	size_t length = strlen(instance);

	return length >= 1 && length < NAME_SIZE && instance[0] != '.' &&
	       strspn(instance,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-") ==
		       length;
}

int region_place(struct region_place *place, const char *run_dir, const char *instance,
		 char error[REGION_ERROR_SIZE])
{
	*place = (struct region_place){ 0 };
	if (run_dir == NULL)
		run_dir = "/run/shunt";
	if (instance == NULL)
		instance = "default";
	if (!instance_valid(instance)) {
		snprintf(error, REGION_ERROR_SIZE,
			 "instance \"%.64s\": expected 1 to %d of A-Z a-z 0-9 _ . -, not a dot "
			 "first",
			 instance, NAME_SIZE - 1);
		return -EINVAL;
	}
	int n = snprintf(place->directory, sizeof(place->directory), "%s/%s", run_dir, instance);
	if (n < 0 || (size_t)n >= sizeof(place->directory)) {
		snprintf(error, REGION_ERROR_SIZE,
			 "run directory \"%.64s...\": longer than the %zu bytes expected", run_dir,
			 sizeof(place->directory) - 1);
		return -EINVAL;
	}
	memcpy(place->instance, instance, strlen(instance) + 1);
	return 0;
}

/* mkdir with exactly this mode, whatever the umask says. */
static int make_directory(const char *path, mode_t mode)
{
	if (mkdir(path, mode) != 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, mode) == 0 ? 0 : -errno;
}

/* The run directory and, for the first instance of a host, the one above it. */
static int make_directories(const char *directory)
{
	char parent[sizeof(((struct region_place *)0)->directory)];
	int result = make_directory(directory, 0750);

	if (result != -ENOENT)
		return result;
	snprintf(parent, sizeof(parent), "%s", directory);
	char *slash = strrchr(parent, '/');
	if (slash == NULL || slash == parent)
		return result;
	*slash = '\0';
	result = make_directory(parent, 0755);
	return result != 0 ? result : make_directory(directory, 0750);
}

int region_place_make(const struct region_place *place, char error[REGION_ERROR_SIZE])
{
	struct stat st;
	int result = make_directories(place->directory);

	if (result == 0 && lstat(place->directory, &st) != 0)
		result = -errno;
	if (result != 0) {
		snprintf(error, REGION_ERROR_SIZE, "run directory %s: cannot be made: %s",
			 place->directory, strerror(-result));
		return result;
	}
	if (!S_ISDIR(st.st_mode)) {
		snprintf(error, REGION_ERROR_SIZE, "run directory %s: not a directory",
			 place->directory);
		return -EPERM;
	}
	if (st.st_uid != 0 && st.st_uid != geteuid()) {
		snprintf(error, REGION_ERROR_SIZE,
			 "run directory %s: owner is user %u, expected root or user %u",
			 place->directory, st.st_uid, geteuid());
		return -EPERM;
	}
	if ((st.st_mode & 022) != 0) {
		snprintf(error, REGION_ERROR_SIZE,
			 "run directory %s: mode is %04o, expected no write permission for others",
			 place->directory, st.st_mode & 07777);
		return -EPERM;
	}
	return 0;
}

/* Does this name belong to a file of the kind, with another layout hash? Sets the hash. */
static bool other_layout(const char *name, enum region_kind kind, uint64_t *hash)
{
	const char *kind_name = region_kind_name(kind);
	size_t length = strlen(kind_name);

	if (strncmp(name, kind_name, length) != 0 || name[length] != '.')
		return false;
	const char *digits = name + length + 1;
	if (strlen(digits) != 16 || strspn(digits, "0123456789abcdef") != 16)
		return false;
	return sscanf(digits, "%16" SCNx64, hash) == 1 && *hash != layout_hash();
}

/* Is it a file of this boot? Its header begins like ours: what comes before boot_id is the first
 * thing that no version may change. */
static bool of_this_boot(int directory, const char *name, struct region_header *header)
{
	char boot_id[BOOT_ID_SIZE], error[REGION_ERROR_SIZE];
	int fd = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : pread(fd, header, sizeof(*header), 0);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)sizeof(*header) && region_boot_id(boot_id, error) == 0 &&
	       memcmp(header->boot_id, boot_id, BOOT_ID_SIZE) == 0;
}

int region_find_other(const struct region_place *place, enum region_kind kind,
		      char error[REGION_ERROR_SIZE])
{
	const char *kind_name = region_kind_name(kind);
	DIR *directory = opendir(place->directory);
	struct region_header header;
	uint64_t hash;

	snprintf(error, REGION_ERROR_SIZE, "%s: no file %s.%016" PRIx64 " there yet",
		 place->directory, kind_name, layout_hash());
	if (directory == NULL)
		return -ENOENT;
	int result = -ENOENT;
	for (struct dirent *entry; result == -ENOENT && (entry = readdir(directory)) != NULL;) {
		if (!other_layout(entry->d_name, kind, &hash) ||
		    !of_this_boot(dirfd(directory), entry->d_name, &header))
			continue;
		snprintf(error, REGION_ERROR_SIZE,
			 "%s: the file there is %s of ABI version %u with layout %016" PRIx64
			 ", this program has ABI version %u with layout %016" PRIx64,
			 place->directory, kind_name, header.abi_version, hash, SHUNT_ABI_VERSION,
			 layout_hash());
		result = -EPROTO;
	}
	closedir(directory);
	return result;
}
