/* SPDX-License-Identifier: BSD-3-Clause */
#include "controlplane/api/queue.h"

#include <errno.h>
#include <event2/event.h>
#include <time.h>

uint64_t queue_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The job whose turn it is, or NULL. */
static struct job *next_job(struct queue *queue)
{
	struct job *job;

	TAILQ_FOREACH(job, &queue->jobs, link)
	if (!queue->exclusive || job == queue->exclusive || !job->waits)
		return job;
	return NULL;
}

/* One slice of one job, which then goes to the end of the line. */
static void run_slice(struct queue *queue, uint64_t deadline)
{
	struct job *job = next_job(queue);
	bool was_exclusive, finished;

	if (!job)
		return;
	TAILQ_REMOVE(&queue->jobs, job, link);
	was_exclusive = job == queue->exclusive;
	finished = job->step(job, deadline);
	if (was_exclusive)
		queue->exclusive = NULL;
	if (finished)
		return;
	if (job->exclusive)
		queue->exclusive = job;
	TAILQ_INSERT_TAIL(&queue->jobs, job, link);
}

static void wake(struct queue *queue)
{
	static const struct timeval now = { 0, 0 };

	if (!TAILQ_EMPTY(&queue->jobs))
		event_add(queue->turn, &now);
}

static void on_turn(evutil_socket_t fd, short events, void *context)
{
	struct queue *queue = context;
	uint64_t deadline = queue_clock() + SLICE_NANOSECONDS;

	(void)fd;
	(void)events;
	/* Short jobs share a slice. */
	do
		run_slice(queue, deadline);
	while (!TAILQ_EMPTY(&queue->jobs) && queue_clock() < deadline);
	wake(queue);
}

int queue_open(struct queue *queue, struct event_base *base)
{
	TAILQ_INIT(&queue->jobs);
	queue->exclusive = NULL;
	queue->turn = evtimer_new(base, on_turn, queue);
	return queue->turn ? 0 : -ENOMEM;
}

void queue_close(struct queue *queue)
{
	while (!TAILQ_EMPTY(&queue->jobs))
		run_slice(queue, UINT64_MAX);
	event_free(queue->turn);
}

void queue_submit(struct queue *queue, struct job *job)
{
	bool idle = TAILQ_EMPTY(&queue->jobs);

	TAILQ_INSERT_TAIL(&queue->jobs, job, link);
	if (idle)
		run_slice(queue, queue_clock() + SLICE_NANOSECONDS);
	wake(queue);
}
