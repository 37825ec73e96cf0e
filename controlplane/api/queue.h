/* SPDX-License-Identifier: BSD-3-Clause
 *
 * queue.h: work that is done in slices of about a millisecond, one slice a turn of the event loop,
 * so that neither protocol events nor other clients wait for a long batch.
 *
 * Jobs take turns. While an exclusive job (an atomic batch that has begun to change something)
 * runs, other jobs that change anything, or read the whole configuration, wait.
 */
#ifndef SHUNT_API_QUEUE_H
#define SHUNT_API_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct event;
struct event_base;

enum { SLICE_NANOSECONDS = 1000000 };

struct job {
	TAILQ_ENTRY(job) link;
	bool waits;     /* while another job is exclusive */
	bool exclusive; /* set and cleared by the job itself, in step() */
	/* Work until about `deadline` (queue_clock). True: finished, and the job has freed itself.
	 */
	bool (*step)(struct job *job, uint64_t deadline);
};

struct queue {
	TAILQ_HEAD(, job) jobs;
	struct job *exclusive;
	struct event *turn; /* wakes the queue in the next turn of the loop */
};

/* 0 or -ENOMEM. */
int queue_open(struct queue *queue, struct event_base *base);

/* Finish every job (nobody may be left half done), then free. */
void queue_close(struct queue *queue);

/* Hand a job over. If no other waits, its first slice is done at once, and it may be over (freed)
 * when this returns. */
void queue_submit(struct queue *queue, struct job *job);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t queue_clock(void);

#endif
