/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Who gets one of the control socket's places, and who loses it. Clients are sockets of this process,
 * looked at as another user where that matters.
 */
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "controlplane/api/connection.h"
#include "instance.h"

enum { PLACES = 16, LOOKERS = 14, NOBODY = 65534, LOOK_GROUP = 65000, REQUEST_COUNT = 20000 };

struct fixture {
	struct instance instance;
	struct api api;
	struct server *server;
	int client[64];
	size_t count;
};

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char error[REGION_ERROR_SIZE];

	instance_directory(&f->instance);
	assert_int_equal(region_place_make(&f->instance.place, error), 0);
	f->api.place = f->instance.place;
	f->api.journal.fd = -1;
	f->api.base = event_base_new();
	assert_int_equal(queue_open(&f->api.queue, f->api.base), 0);
	assert_int_equal(server_open(&f->server, &f->api, error), 0);
	f->server->limit = PLACES;
	f->server->look = LOOK_GROUP;
	/* as with a group of lookers: everybody may come up to the server's own judgement */
	chmod(f->instance.run_dir, 0755);
	chmod(f->instance.place.directory, 0755);
	chmod(f->server->path, 0666);
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;

	for (size_t i = 0; i < f->count; i++)
		close(f->client[i]);
	queue_close(&f->api.queue);
	server_close(f->server);
	event_base_free(f->api.base);
	instance_remove(&f->instance);
	free(f);
	return 0;
}

static void turn(struct fixture *f)
{
	for (int i = 0; i < 4; i++)
		event_base_loop(f->api.base, EVLOOP_NONBLOCK);
}

static int connect_one(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_in_range(strlen(f->server->path), 1, sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, f->server->path, sizeof(address.sun_path));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	f->client[f->count++] = fd;
	return fd;
}

/* A client of that kind; what the server has made of it is done when this returns. */
static int come(struct fixture *f, bool looker)
{
	int fd;

	if (looker) {
		assert_int_equal(setegid(LOOK_GROUP), 0);
		assert_int_equal(seteuid(NOBODY), 0);
	}
	fd = connect_one(f);
	if (looker) {
		assert_int_equal(seteuid(0), 0);
		assert_int_equal(setegid(0), 0);
	}
	turn(f);
	return fd;
}

/* 'o' open, 'r' refused, 'c' closed without a word. */
static char fate(int fd)
{
	char text[256];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_PEEK | MSG_DONTWAIT);

	if (n < 0)
		return 'o';
	text[n] = 0;
	return n && strstr(text, "too many connections") ? 'r' : 'c';
}

static void age(struct fixture *f, int number, uint64_t seconds)
{
	struct connection *connection = TAILQ_FIRST(&f->server->connections);

	while (number--)
		connection = TAILQ_NEXT(connection, link);
	connection->used_at -= seconds * 1000000000u;
}

static void places_are_kept_for_those_who_change(void **state)
{
	struct fixture *f = *state;
	int changer;

	if (geteuid())
		skip();
	for (int i = 0; i < LOOKERS; i++)
		assert_int_equal(fate(come(f, true)), 'o');
	assert_int_equal(fate(come(f, true)), 'r');
	changer = come(f, false);
	assert_int_equal(fate(changer), 'o');
	assert_int_equal(f->server->lookers, LOOKERS);
	age(f, LOOKERS, 90); /* a changer's place is not for lookers */
	assert_int_equal(fate(come(f, true)), 'r');
	assert_int_equal(fate(changer), 'o');
	close(f->client[3]);
	turn(f);
	assert_int_equal(f->server->lookers, LOOKERS - 1);
	assert_int_equal(fate(come(f, true)), 'o');
}

static void longest_idle_makes_room(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < PLACES; i++)
		assert_int_equal(fate(come(f, false)), 'o');
	age(f, 5, 50);
	assert_int_equal(fate(come(f, false)), 'r'); /* nobody was idle for long */
	age(f, 5, 20);
	age(f, 9, 90);
	age(f, 2, 99);
	assert_int_equal(write(f->client[2], "{", 1), 1); /* a message under way */
	turn(f);
	age(f, 2, 99);
	assert_int_equal(fate(come(f, false)), 'o');
	assert_int_equal(fate(f->client[9]), 'c');
	assert_int_equal(fate(come(f, false)), 'o');
	assert_int_equal(fate(f->client[5]), 'c');
	assert_int_equal(fate(come(f, false)), 'r');
	assert_int_equal(fate(f->client[2]), 'o');
	assert_int_equal(f->server->count, PLACES);
}

/* Who never reads is left; who reads slowly is not. */
static void deaf_client_is_left(void **state)
{
	static const char request[] = "[1]\n";
	struct fixture *f = *state;
	static char bytes[65536];
	int fd, slow;

	/* more than this machine may stand still between two looks */
	f->server->patience = (struct timeval){ .tv_sec = 3 };
	fd = come(f, false);
	slow = come(f, false);
	for (int i = 0; i < REQUEST_COUNT; i++) {
		(void)!write(fd, request, sizeof(request) - 1);
		(void)!write(slow, request, sizeof(request) - 1);
		if (i % 64 == 0)
			turn(f);
	}
	turn(f);
	assert_int_equal(f->server->count, 2);
	for (int i = 0; i < 10; i++) {
		usleep(350000);
		assert_true(recv(slow, bytes, sizeof(bytes), MSG_DONTWAIT) > 0);
		turn(f);
	}
	assert_int_equal(f->server->count, 1);
	assert_int_equal(write(fd, "x", 1), -1);
	assert_int_equal(write(slow, "\n", 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(places_are_kept_for_those_who_change, begin, end),
		cmocka_unit_test_setup_teardown(longest_idle_makes_room, begin, end),
		cmocka_unit_test_setup_teardown(deaf_client_is_left, begin, end),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
