/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/housekeeping.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "controlplane/api/log.h"
#include "controlplane/protocol/punt.h"
#include "controlplane/start.h"

enum {
	POLL_BUSY_US = 10000, /* while a data plane is alive */
	POLL_IDLE_US = 100000,
	PUNT_ROUNDS = 64, /* calls of punt_poll in one turn of the loop */
};

struct housekeeping {
	struct api *api;
	int doorbell;
	char path[320];
	struct event *timer, *rung;
	bool compaction_failed; /* said once */
};

/* Take what is in the rings, then sleep, then look again: a frame that came between the two was put
 * in before its producer could see that we sleep. */
static void take_punted(struct model *model, struct event *again)
{
	static const struct timeval at_once = { 0, 0 };

	model_sleep(model, false);
	for (int i = 0; i < PUNT_ROUNDS; i++) {
		if (punt_poll(model))
			continue;
		model_sleep(model, true);
		if (!punt_poll(model))
			return;
		model_sleep(model, false);
	}
	event_add(again, &at_once);
}

static void compact_if_due(struct housekeeping *housekeeping)
{
	struct api *api = housekeeping->api;
	int rc;

	/* What a running batch did is in the model and not in the journal: wait for its end. */
	if (!journal_wants_rewrite(&api->journal) || !TAILQ_EMPTY(&api->queue.jobs))
		return;
	rc = api_compact(api);
	if (rc && !housekeeping->compaction_failed)
		log_warning("journal %s: compaction: %s", api->journal.path, strerror(-rc));
	housekeeping->compaction_failed = rc;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct housekeeping *housekeeping = context;
	struct model *model = housekeeping->api->model;
	struct timeval wait = { 0, POLL_IDLE_US };

	(void)fd;
	(void)events;
	model_poll(model);
	if (model_dataplane_alive(model))
		wait.tv_usec = POLL_BUSY_US;
	event_add(housekeeping->timer, &wait);
	take_punted(model, housekeeping->timer);
	compact_if_due(housekeeping);
}

static void on_doorbell(evutil_socket_t fd, short events, void *context)
{
	struct housekeeping *housekeeping = context;
	char bytes[512];

	(void)events;
	while (read(fd, bytes, sizeof(bytes)) == sizeof(bytes))
		;
	take_punted(housekeeping->api->model, housekeeping->timer);
}

/* The FIFO; what is there and is none is replaced. Open for both directions, so that it never says
 * end of file when a data plane goes away. */
static int open_doorbell(const char *path)
{
	struct stat status;
	int fd;

	if (!lstat(path, &status) && !S_ISFIFO(status.st_mode))
		unlink(path);
	if (mkfifo(path, 0660) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int housekeeping_open(struct housekeeping **result, struct api *api, char error[REGION_ERROR_SIZE])
{
	static const struct timeval at_once = { 0, 0 };
	struct housekeeping *housekeeping = calloc(1, sizeof(*housekeeping));

	if (!housekeeping)
		abort();
	housekeeping->api = api;
	snprintf(housekeeping->path, sizeof(housekeeping->path), "%s/doorbell",
		 api->place.directory);
	housekeeping->doorbell = open_doorbell(housekeeping->path);
	if (housekeeping->doorbell < 0) {
		int rc = housekeeping->doorbell;

		snprintf(error, REGION_ERROR_SIZE, "%s: %s", housekeeping->path, strerror(-rc));
		free(housekeeping);
		return rc;
	}
	housekeeping->timer = evtimer_new(api->base, on_timer, housekeeping);
	housekeeping->rung = event_new(api->base, housekeeping->doorbell, EV_READ | EV_PERSIST,
				       on_doorbell, housekeeping);
	if (!housekeeping->timer || !housekeeping->rung)
		abort();
	event_priority_set(housekeeping->timer, PRIORITY_PROTOCOL);
	event_priority_set(housekeeping->rung, PRIORITY_PROTOCOL);
	event_add(housekeeping->timer, &at_once);
	event_add(housekeeping->rung, NULL);
	*result = housekeeping;
	return 0;
}

void housekeeping_close(struct housekeeping *housekeeping)
{
	event_free(housekeeping->timer);
	event_free(housekeeping->rung);
	close(housekeeping->doorbell);
	free(housekeeping);
}
