/* SPDX-License-Identifier: BSD-3-Clause
 *
 * A full tmpfs is "no space" or "table full", never SIGBUS. Each case runs in a process with a mount
 * namespace of its own and a tiny tmpfs; exit 77 where the kernel does not let us have one.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>
#include "instance.h"

enum { SKIPPED = 77 };

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                    \
			_exit(1);                                                                  \
		}                                                                                  \
	} while (0)

/* Run `body` where `directory` is a tmpfs of `size`. Its exit status, or -1 for a signal. */
static int in_tmpfs(const char *directory, const char *size, void (*body)(struct region_place *))
{
	char error[REGION_ERROR_SIZE], options[64];
	struct region_place place;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0) {
		assert_int_equal(waitpid(pid, &status, 0), pid);
		return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	}
	snprintf(options, sizeof(options), "size=%s,mode=0755", size);
	if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("tmpfs", directory, "tmpfs", 0, options) != 0)
		_exit(SKIPPED);
	CHECK(region_place(&place, directory, "full", error) == 0);
	body(&place);
	_exit(0);
}

static void run(const char *size, void (*body)(struct region_place *))
{
	char directory[] = "/tmp/shunt-test-XXXXXX";

	assert_non_null(mkdtemp(directory));
	int status = in_tmpfs(directory, size, body);
	rmdir(directory);
	if (status == SKIPPED)
		skip();
	assert_int_equal(status, 0);
}

static void nothing_is_left(struct region_place *place)
{
	char error[REGION_ERROR_SIZE], command[400];
	struct region region;
	bool created;

	CHECK(region_own(&region, place, REGION_TABLES, 0, &created, error) == -ENOSPC);
	CHECK(strstr(error, "no memory") != NULL);
	CHECK(region.fd == -1);
	CHECK(region_attach(&region, place, REGION_TABLES, error) == -ENOENT);
	snprintf(command, sizeof(command), "test -z \"$(ls -A %s)\"", place->directory);
	CHECK(system(command) == 0);
}

static void no_memory_for_the_files(void **state)
{
	(void)state;
	run("4m", nothing_is_left);
}

static void fill_the_heap(struct region_place *place)
{
	char error[REGION_ERROR_SIZE];
	struct region region, reader;
	uint64_t offset, chunks = 0;
	bool created;

	CHECK(region_own(&region, place, REGION_TABLES, 0, &created, error) == 0);
	struct tables *tables = region.base;
	struct heap *heap = heap_new(&region);
	while ((offset = heap_allocate(heap, 1 << 20)) != 0) {
		memset(heap_object(heap, offset), 0x5a, 1 << 20);
		chunks++;
	}
	CHECK(chunks > 4);
	CHECK(heap_allocate(heap, 64) == 0);
	CHECK(!heap_waiting(heap));
	/* tables say "full" and change nothing */
	CHECK(label_space_create(tables, heap, 0) == -ENOSPC);
	CHECK(tables->label_space[0] == 0);

	/* a reader may look at every byte that was ever handed out, and at every table */
	CHECK(region_attach(&reader, place, REGION_TABLES, error) == 0);
	const volatile uint8_t *at = reader.base;
	uint64_t end = tables->control.heap_start + word_load(&tables->control.heap_used);
	for (uint64_t i = 0; i < offsetof(struct tables, inject); i += 4096)
		(void)at[i];
	for (uint64_t i = tables->control.heap_start; i < end; i += 4096)
		(void)at[i];
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		(void)word_load(&((const struct tables *)reader.base)->inject[i].tail);
	CHECK(region_allocate_inject(&region, WORKER_MAX) == -ENOSPC);
}

static void heap_is_full(void **state)
{
	(void)state;
	run("24m", fill_the_heap);
}

static void fill_the_state(struct region_place *place)
{
	char error[REGION_ERROR_SIZE];
	struct region region;
	bool created;

	CHECK(region_own(&region, place, REGION_STATE, 0, &created, error) == 0);
	struct state *shared = region.base;
	CHECK(region_allocate_workers(&region, 1) == 0);
	memset(&shared->punt[0].slot, 1, sizeof(shared->punt[0].slot));
	memset(shared->interface[0], 1,
	       INTERFACE_FIRST_TUNNEL * sizeof(shared->interface[0][0]));
	CHECK(region_allocate_labels(&region, 1, 0) == -ENOSPC);
	CHECK(region_allocate_interfaces(&region, 1, INTERFACE_FIRST_TUNNEL, INTERFACE_MAX) ==
	      -ENOSPC);
	CHECK(region_allocate_interfaces(&region, 1, 0, INTERFACE_MAX + 1) == -EINVAL);
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		CHECK(word_load(&shared->punt[i].tail) == 0);
	CHECK(region_allocate_workers(&region, WORKER_MAX + 1) == -EINVAL);
	CHECK(region_allocate_labels(&region, 1, LABEL_SPACE_MAX) == -EINVAL);
}

static void counters_do_not_fit(void **state)
{
	(void)state;
	run("16m", fill_the_state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_memory_for_the_files),
		cmocka_unit_test(heap_is_full),
		cmocka_unit_test(counters_do_not_fit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
