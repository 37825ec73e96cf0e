/* SPDX-License-Identifier: BSD-3-Clause
 *
 * victim.h: two processes that work on the shared files and are killed again and again.
 */
#ifndef TESTS_UNIT_VICTIM_H
#define TESTS_UNIT_VICTIM_H

#include <stddef.h>
#include <sys/types.h>

/* A process: `run` maps what it needs by itself, works, and never returns. */
struct victim {
	void (*run)(void *context);
	void *context;
	pid_t pid; /* 0: not running */
};

void victim_start(struct victim *victim);
void victim_kill(struct victim *victim);

/* Start what is not running; then, `kills` times for each of the two, in random order: let them
 * work for up to 12 milliseconds, kill one with SIGKILL, start it anew. One time in eight the other
 * one is stopped from before the kill until the new process is at work, and goes on where it was.
 * Both run at the end. */
void victims_kill(struct victim victim[2], unsigned int kills);

/* Memory for what the processes count, seen by all of them. */
void *shared_memory(size_t size);

/* The number of kills of each side that the command line asks for, 2000 if it does not. */
unsigned int kills_wanted(int count, char **arguments);

#endif
