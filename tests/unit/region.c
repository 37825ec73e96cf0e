/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The two shared files: who may own them, who is refused and why.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "instance.h"

enum { HEAP_SIZE = 64 << 20 };

static char error[REGION_ERROR_SIZE];

static int set_up(void **state)
{
	struct instance *instance = malloc(sizeof(*instance));

	instance_directory(instance);
	*state = instance;
	return 0;
}

static int tear_down(void **state)
{
	instance_remove(*state);
	free(*state);
	return 0;
}

static int own(struct instance *instance, enum region_kind kind, bool *created)
{
	return region_own(kind == REGION_TABLES ? &instance->tables_region
						: &instance->state_region,
			  &instance->place, kind, HEAP_SIZE, created, error);
}

static void path_of(const struct instance *instance, const char *kind, uint64_t hash,
		    char path[320])
{
	snprintf(path, 320, "%s/%s.%016" PRIx64, instance->place.directory, kind, hash);
}

/* Make a tables file, and overwrite `size` bytes of its header. */
static void make_with(struct instance *instance, size_t offset, const void *bytes, size_t size)
{
	bool created;

	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	memcpy((uint8_t *)instance->tables_region.base + offset, bytes, size);
	region_close(&instance->tables_region);
}

static void names_are_checked(void **state)
{
	struct region_place place;
	char long_name[NAME_SIZE + 1];

	(void)state;
	memset(long_name, 'a', NAME_SIZE);
	long_name[NAME_SIZE] = '\0';
	assert_int_equal(region_place(&place, NULL, NULL, error), 0);
	assert_string_equal(place.directory, "/run/shunt/default");
	assert_int_equal(region_place(&place, "/x", "a.b_C-9", error), 0);
	assert_string_equal(place.directory, "/x/a.b_C-9");
	const char *bad[] = { "", ".", "..", ".a", "a/b", "a b", "\xc3\xa4", long_name };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(region_place(&place, "/x", bad[i], error), -EINVAL);
	assert_int_equal(region_place(&place, "/x", long_name + 1, error), 0);
}

static void new_files_are_filled(void **state)
{
	struct instance *instance = *state;
	bool created = false;

	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_true(created);
	assert_int_equal(own(instance, REGION_STATE, &created), 0);
	assert_true(created);

	const struct tables *tables = instance->tables_region.base;
	const struct state *shared = instance->state_region.base;
	assert_int_equal(tables->header.magic, TABLES_MAGIC);
	assert_int_equal(tables->header.layout_hash, layout_hash());
	assert_string_equal(tables->header.instance, "test");
	assert_int_equal(tables->control.heap_start % HEAP_CHUNK, 0);
	assert_true(tables->control.heap_start >= sizeof(struct tables));
	assert_int_equal(tables->control.heap_size, HEAP_SIZE);
	assert_int_equal(tables->header.size, tables->control.heap_start + HEAP_SIZE);
	assert_int_not_equal(tables->control.hash_key[0], 0);
	assert_int_not_equal(tables->control.hash_key[0], tables->control.hash_key[1]);
	assert_int_equal(shared->header.magic, STATE_MAGIC);
	assert_int_equal(shared->header.size, sizeof(struct state));
	for (unsigned int i = 0; i < WORKER_MAX; i++)
		assert_true(shared->worker[i].seen == WORKER_OFFLINE);

	struct stat st;
	assert_int_equal(fstat(instance->tables_region.fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(fcntl(instance->tables_region.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void second_owner_is_refused(void **state)
{
	struct instance *instance = *state;
	struct region second;
	bool created;

	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_int_equal(
		region_own(&second, &instance->place, REGION_TABLES, HEAP_SIZE, &created, error),
		-EBUSY);
	assert_non_null(strstr(error, "another process owns it"));
	assert_int_equal(second.fd, -1);

	/* the next owner finds what the first one left */
	word_store(&((struct tables *)instance->tables_region.base)->control.epoch, 77);
	region_close(&instance->tables_region);
	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_false(created);
	const struct tables *tables = instance->tables_region.base;
	assert_int_equal(tables->control.epoch, 77);
}

static void readers_attach(void **state)
{
	struct instance *instance = *state;
	struct region reader;
	bool created;

	assert_int_equal(region_attach(&reader, &instance->place, REGION_TABLES, error), -ENOENT);
	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_int_equal(region_attach(&reader, &instance->place, REGION_TABLES, error), 0);
	assert_false(reader.writer);
	assert_true(region_owner_alive(&reader));
	assert_true(region_owned(&instance->place, REGION_TABLES));
	assert_false(region_owned(&instance->place, REGION_STATE));
	assert_true(region_is_current(&reader, &instance->place));
	assert_int_equal(region_allocate(&reader, 0, 4096), -EINVAL);
	region_close(&instance->tables_region);
	assert_false(region_owner_alive(&reader));
	assert_false(region_owned(&instance->place, REGION_TABLES));
	region_close(&reader);
}

static void other_layout_is_named(void **state)
{
	struct instance *instance = *state;
	char ours[320], other[320], hash[20];
	struct region reader;

	make_with(instance, 0, "", 0);
	path_of(instance, "tables", layout_hash(), ours);
	path_of(instance, "tables", 0x0123456789abcdefull, other);
	assert_int_equal(rename(ours, other), 0);
	assert_int_equal(region_attach(&reader, &instance->place, REGION_TABLES, error), -EPROTO);
	assert_non_null(strstr(error, "0123456789abcdef"));
	snprintf(hash, sizeof(hash), "%016" PRIx64, layout_hash());
	assert_non_null(strstr(error, hash));
	/* not the kind that was asked for */
	assert_int_equal(region_attach(&reader, &instance->place, REGION_STATE, error), -ENOENT);
}

/* A header that does not fit the name: refused to the reader and to the owner. */
static void refused(struct instance *instance, int result, const char *expected)
{
	struct region region;
	bool created;

	assert_int_equal(region_attach(&region, &instance->place, REGION_TABLES, error), result);
	assert_non_null(strstr(error, expected));
	assert_int_equal(own(instance, REGION_TABLES, &created), result);
	assert_non_null(strstr(error, expected));
}

static void other_version_is_named(void **state)
{
	const uint32_t version = 4711;

	make_with(*state, offsetof(struct region_header, abi_version), &version, sizeof(version));
	refused(*state, -EPROTO, "ABI version 4711, this program has 1");
}

static void other_hash_in_header_is_named(void **state)
{
	const uint64_t hash = 0xfedcba9876543210ull;

	make_with(*state, offsetof(struct region_header, layout_hash), &hash, sizeof(hash));
	refused(*state, -EPROTO, "has layout fedcba9876543210, this program has layout");
}

static void other_magic_is_refused(void **state)
{
	const uint64_t magic = STATE_MAGIC;

	make_with(*state, offsetof(struct region_header, magic), &magic, sizeof(magic));
	refused(*state, -EPROTO, "magic");
}

static void wrong_size_is_refused(void **state)
{
	struct instance *instance = *state;
	char path[320];

	make_with(instance, 0, "", 0);
	path_of(instance, "tables", layout_hash(), path);
	assert_int_equal(truncate(path, sizeof(struct tables) + 4096), 0);
	refused(instance, -EPROTO, "bytes");
}

static void wrong_heap_is_refused(void **state)
{
	const uint64_t used = HEAP_SIZE + HEAP_CHUNK;

	make_with(*state, offsetof(struct tables, control.heap_used), &used, sizeof(used));
	refused(*state, -EPROTO, "heap");
}

static void wrong_mode_is_refused(void **state)
{
	struct instance *instance = *state;
	char path[320];
	const mode_t bad[] = { 0660, 0644, 0642, 0740 };

	make_with(instance, 0, "", 0);
	path_of(instance, "tables", layout_hash(), path);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(chmod(path, bad[i]), 0);
		refused(instance, -EPERM, "expected 0640");
	}
}

static void wrong_owner_is_refused(void **state)
{
	struct instance *instance = *state;
	char path[320];

	if (geteuid() != 0)
		skip();
	make_with(instance, 0, "", 0);
	path_of(instance, "tables", layout_hash(), path);
	assert_int_equal(chown(path, 65534, 0), 0);
	refused(instance, -EPERM, "owner is user 65534");
}

static void symbolic_link_is_refused(void **state)
{
	struct instance *instance = *state;
	char path[320], target[360];

	make_with(instance, 0, "", 0);
	path_of(instance, "tables", layout_hash(), path);
	snprintf(target, sizeof(target), "%s.moved", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
	refused(instance, -EPERM, "symbolic link");
}

static void fifo_is_refused(void **state)
{
	struct instance *instance = *state;
	char path[320];

	assert_int_equal(region_place_make(&instance->place, error), 0);
	path_of(instance, "tables", layout_hash(), path);
	assert_int_equal(mkfifo(path, 0640), 0);
	refused(instance, -EPERM, "not a regular file");
}

static void directory_of_others_is_refused(void **state)
{
	struct instance *instance = *state;
	bool created;

	assert_int_equal(region_place_make(&instance->place, error), 0);
	assert_int_equal(chmod(instance->place.directory, 0777), 0);
	assert_int_equal(own(instance, REGION_TABLES, &created), -EPERM);
	assert_non_null(strstr(error, "0777"));
	assert_int_equal(chmod(instance->place.directory, 0750), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(instance->place.directory, 65534, 0), 0);
		assert_int_equal(own(instance, REGION_TABLES, &created), -EPERM);
		assert_non_null(strstr(error, "65534"));
	}
}

static void file_of_another_boot_is_replaced(void **state)
{
	struct instance *instance = *state;
	struct region reader, old;
	bool created = false;
	const char boot[40] = "00000000-0000-0000-0000-000000000000";

	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_int_equal(region_attach(&old, &instance->place, REGION_TABLES, error), 0);
	struct tables *tables = instance->tables_region.base;
	word_store(&tables->control.epoch, 5);
	memcpy(tables->header.boot_id, boot, sizeof(boot));
	region_close(&instance->tables_region);

	assert_int_equal(region_attach(&reader, &instance->place, REGION_TABLES, error), -ENOENT);
	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_true(created);
	tables = instance->tables_region.base;
	assert_int_equal(tables->control.epoch, 0);
	assert_false(region_is_current(&old, &instance->place));
	assert_true(region_is_current(&instance->tables_region, &instance->place));
	region_close(&old);
}

static void leftovers_are_cleared_away(void **state)
{
	struct instance *instance = *state;
	char path[330];
	bool created;

	assert_int_equal(region_place_make(&instance->place, error), 0);
	snprintf(path, sizeof(path), "%s/.tables.%016" PRIx64, instance->place.directory,
		 layout_hash());
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(own(instance, REGION_TABLES, &created), 0);
	assert_true(created);
	assert_int_not_equal(access(path, F_OK), 0);
}

/* ---------------------------------------------------------------- processes */

static pid_t fork_owner(struct instance *instance)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct region region;
	bool created;
	region_own(&region, &instance->place, REGION_TABLES, HEAP_SIZE, &created, error);
	for (;;)
		pause();
}

static void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void creator_may_die_anywhere(void **state)
{
	struct instance *instance = *state;
	bool created;
	unsigned int died = 0;

	srand(1);
	for (unsigned int i = 0; i < 200; i++) {
		struct timespec wait = { .tv_nsec = rand() % 1500000 };
		pid_t pid = fork_owner(instance);
		nanosleep(&wait, NULL);
		kill_child(pid);
		assert_int_equal(own(instance, REGION_TABLES, &created), 0);
		died += created;
		/* half of the time the next one finds a file, else none */
		if (rand() % 2 == 0) {
			char path[320];
			path_of(instance, "tables", layout_hash(), path);
			unlink(path);
		}
		region_close(&instance->tables_region);
	}
	assert_int_not_equal(died, 0);
}

/* Own the file, tell the pipe whether it worked, and hold it until killed. */
static pid_t fork_competitor(struct instance *instance, int pipe_end)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid > 0)
		return pid;
	struct region region;
	bool created;
	int result =
		region_own(&region, &instance->place, REGION_TABLES, HEAP_SIZE, &created, error);
	char told = result == 0 ? 'w' : result == -EBUSY ? 'b' : 'e';
	while (write(pipe_end, &told, 1) == 1)
		pause();
	_exit(0);
}

static void one_of_many_creators_wins(void **state)
{
	struct instance *instance = *state;
	enum { CREATORS = 6 };

	for (unsigned int round = 0; round < 20; round++) {
		pid_t pid[CREATORS];
		unsigned int won = 0;
		char path[320], told;
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		for (unsigned int i = 0; i < CREATORS; i++)
			pid[i] = fork_competitor(instance, ends[1]);
		for (unsigned int i = 0; i < CREATORS; i++) {
			assert_int_equal(read(ends[0], &told, 1), 1);
			assert_int_not_equal(told, 'e');
			won += told == 'w';
		}
		for (unsigned int i = 0; i < CREATORS; i++)
			kill_child(pid[i]);
		assert_int_equal(won, 1);
		close(ends[0]);
		close(ends[1]);
		path_of(instance, "tables", layout_hash(), path);
		if (round % 2 == 0)
			assert_int_equal(unlink(path), 0);
	}
}

/* Others who ask "is the owner alive?" all the time do not keep an owner out. */
static void questions_do_not_keep_owners_out(void **state)
{
	struct instance *instance = *state;
	bool created;

	make_with(instance, 0, "", 0);
	pid_t pid = fork();
	if (pid == 0) {
		for (;;)
			region_owned(&instance->place, REGION_TABLES);
	}
	for (unsigned int i = 0; i < 200; i++) {
		assert_int_equal(own(instance, REGION_TABLES, &created), 0);
		assert_false(created);
		region_close(&instance->tables_region);
	}
	kill_child(pid);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),  TEST(new_files_are_filled),
		TEST(second_owner_is_refused),        TEST(readers_attach),
		TEST(other_layout_is_named),          TEST(other_version_is_named),
		TEST(other_hash_in_header_is_named),  TEST(other_magic_is_refused),
		TEST(wrong_size_is_refused),          TEST(wrong_heap_is_refused),
		TEST(wrong_mode_is_refused),          TEST(wrong_owner_is_refused),
		TEST(symbolic_link_is_refused),       TEST(fifo_is_refused),
		TEST(directory_of_others_is_refused), TEST(file_of_another_boot_is_replaced),
		TEST(leftovers_are_cleared_away),     TEST(creator_may_die_anywhere),
		TEST(one_of_many_creators_wins),      TEST(questions_do_not_keep_owners_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
