/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz_main.c: a fuzz target without libFuzzer: runs the files and directories that are its arguments, and
 * random changes of each (as many as FUZZ_CHANGES says, 200 unless told).
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tests/fuzz/fuzz.h"

enum { INPUT_MAX = 65536 };

static uint64_t random_next(void)
{
	static uint64_t state = 88172645463325252ull;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* A few bytes, bits or the length changed. */
static size_t change(uint8_t *data, size_t size)
{
	for (unsigned int i = (unsigned int)(random_next() % 8); i > 0 && size > 0; i--) {
		size_t at = random_next() % size;
		switch (random_next() % 4) {
		case 0:
			data[at] = (uint8_t)random_next();
			break;
		case 1:
			data[at] ^= (uint8_t)(1u << random_next() % 8);
			break;
		case 2:
			memmove(data + at, data + at + (size - at) / 2,
				(size - at) - (size - at) / 2);
			break;
		default:
			size -= random_next() % 2 == 0 ? size - at : 0;
			break;
		}
	}
	return size;
}

static void run_file(const char *path, unsigned long changes)
{
	static uint8_t data[INPUT_MAX], changed[INPUT_MAX];
	FILE *file = fopen(path, "rb");

	if (file == NULL) {
		perror(path);
		exit(1);
	}
	size_t size = fread(data, 1, sizeof(data), file);
	fclose(file);
	LLVMFuzzerTestOneInput(data, size);
	for (unsigned long i = 0; i < changes; i++) {
		memcpy(changed, data, size);
		LLVMFuzzerTestOneInput(changed, change(changed, size));
	}
}

static unsigned int run_path(const char *path, unsigned long changes)
{
	struct stat info;
	char name[4096];
	unsigned int count = 0;

	if (stat(path, &info) != 0) {
		perror(path);
		exit(1);
	}
	if (!S_ISDIR(info.st_mode)) {
		run_file(path, changes);
		return 1;
	}
	DIR *directory = opendir(path);
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		count += run_path(name, changes);
	}
	closedir(directory);
	return count;
}

int main(int argc, char **argv)
{
	const char *text = getenv("FUZZ_CHANGES");
	unsigned long changes = text != NULL ? strtoul(text, NULL, 10) : 200;
	unsigned int count = 0;

	for (int i = 1; i < argc; i++)
		count += run_path(argv[i], changes);
	printf("%u inputs and %lu changes of each\n", count, changes);
	return count == 0;
}
