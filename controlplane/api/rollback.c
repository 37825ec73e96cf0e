/* SPDX-License-Identifier: BSD-3-Clause
 *
 * rollback.c: the timer of `config apply FILE confirm T`.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "controlplane/api/config-file.h"
#include "controlplane/api/config.h"
#include "controlplane/api/log.h"
#include "controlplane/object/event.h"

enum { RETRY_SECONDS = 10, TURN_SECONDS_MAX = 1 };

/* A rollback that the timer began. */
struct rollback_job {
	struct job job; /* first */
	struct api *api;
	struct batch *batch;
};

static void finished(struct api *api, bool accepted, const struct error *error)
{
	api->rollback_running = false;
	if (accepted)
		return;
	log_error("config rollback: %s; trying again in %d s", error->text, RETRY_SECONDS);
	api->rollback_deadline = clock_boottime() + RETRY_SECONDS * 1000000000ull;
	rollback_arm(api);
}

static bool rollback_step(struct job *job, uint64_t deadline)
{
	struct rollback_job *rollback = (struct rollback_job *)job;
	struct api *api = rollback->api;
	struct error error = { 0 };
	json_t *result = NULL;

	/* Confirmed, or rolled back by command, while this job waited for its turn. */
	if (!rollback->batch && !api->rollback_deadline) {
		api->rollback_running = false;
		free(rollback);
		return true;
	}
	if (!rollback->batch)
		rollback->batch = config_rollback(api, &error);
	if (rollback->batch) {
		bool over = batch_step(rollback->batch, deadline);

		job->exclusive = rollback->batch->exclusive;
		if (!over)
			return false;
		result = config_rolled_back(api, rollback->batch, &error);
	}
	finished(api, result, &error);
	json_decref(result);
	free(rollback);
	return true;
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct api *api = context;
	struct rollback_job *rollback;

	(void)fd;
	(void)events;
	if (!api->rollback_deadline || api->rollback_running)
		return;
	if (clock_boottime() < api->rollback_deadline) {
		rollback_arm(api);
		return;
	}
	log_warning("config: not confirmed in time, rolling back");
	model_event(api->model, EVENT_CONFIG, "", "not confirmed in time");
	rollback = calloc(1, sizeof(*rollback));
	if (!rollback)
		abort();
	rollback->job.waits = true;
	rollback->job.step = rollback_step;
	rollback->api = api;
	api->rollback_running = true;
	queue_submit(&api->queue, &rollback->job);
}

/* The timer's clock stands still while the machine sleeps, the deadline's does not: look once a
 * second. */
void rollback_arm(struct api *api)
{
	uint64_t now = clock_boottime();
	uint64_t left = api->rollback_deadline > now ? api->rollback_deadline - now : 0;
	struct timeval wait = { .tv_sec = (time_t)(left / 1000000000u),
				.tv_usec = (suseconds_t)(left % 1000000000u / 1000) };

	if (!api->rollback_timer)
		api->rollback_timer = evtimer_new(api->base, on_timer, api);
	if (wait.tv_sec >= TURN_SECONDS_MAX)
		wait = (struct timeval){ .tv_sec = TURN_SECONDS_MAX };
	if (api->rollback_timer)
		event_add(api->rollback_timer, &wait);
}

void rollback_forget(struct api *api)
{
	api->rollback_deadline = 0;
	if (api->rollback_timer)
		event_del(api->rollback_timer);
	unlink(api->rollback_path);
}

/* There is a file, but no way back in it: what was applied stays, unconfirmed, and somebody has to
 * know. */
static void set_aside(const struct api *api, const char *why)
{
	char aside[sizeof(api->rollback_path) + 8];

	snprintf(aside, sizeof(aside), "%s.damaged", api->rollback_path);
	log_error("%s: %s: what was applied last stays without a rollback; the file is kept as %s",
		  api->rollback_path, why, aside);
	if (rename(api->rollback_path, aside))
		log_error("%s: %s", aside, strerror(errno));
}

void config_resume(struct api *api)
{
	json_error_t why;
	json_t *file, *deadline;

	if (access(api->rollback_path, F_OK) && errno == ENOENT)
		return;
	file = json_load_file(api->rollback_path, JSON_REJECT_DUPLICATES, &why);
	deadline = json_object_get(file, "deadline_ns");
	if (!file) {
		set_aside(api, why.text);
	} else if (!json_is_integer(deadline) || json_integer_value(deadline) <= 0 ||
		   !json_is_object(json_object_get(file, "config"))) {
		set_aside(api, "expected {\"deadline_ns\": number, \"config\": {...}}");
	} else {
		api->rollback_deadline = (uint64_t)json_integer_value(deadline);
		log_info("config: an apply waits for confirmation, or is rolled back");
		rollback_arm(api);
	}
	json_decref(file);
}

void config_close(struct api *api)
{
	if (api->rollback_timer)
		event_free(api->rollback_timer);
}
