/* SPDX-License-Identifier: BSD-3-Clause */
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "instance.h"
#include "victim.h"

enum { PAUSE = 12000 }; /* microseconds between two kills, at most */

void victim_start(struct victim *victim)
{
	victim->pid = fork();
	assert_true(victim->pid >= 0);
	if (victim->pid > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	victim->run(victim->context);
	_exit(0);
}

void victim_kill(struct victim *victim)
{
	int status;

	kill(victim->pid, SIGKILL);
	assert_int_equal(waitpid(victim->pid, &status, 0), victim->pid);
	/* one that ended by itself had a reason, on standard error */
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	victim->pid = 0;
}

static void wait_microseconds(long microseconds)
{
	const struct timespec time = { .tv_nsec = microseconds * 1000 };

	nanosleep(&time, NULL);
}

/* Either side, but each `left` times in all. */
static unsigned int choose(const unsigned int left[2])
{
	return (unsigned int)rand() % (left[0] + left[1]) >= left[0];
}

void victims_kill(struct victim victim[2], unsigned int kills)
{
	unsigned int left[2] = { kills, kills };

	for (unsigned int i = 0; i < 2; i++)
		if (victim[i].pid == 0)
			victim_start(&victim[i]);
	while (left[0] + left[1] > 0) {
		unsigned int which = choose(left);
		bool stop = rand() % 8 == 0;
		left[which]--;
		wait_microseconds(rand() % PAUSE);
		if (stop) {
			kill(victim[1 - which].pid, SIGSTOP);
			wait_microseconds(rand() % 2000);
		}
		victim_kill(&victim[which]);
		victim_start(&victim[which]);
		if (stop) {
			wait_microseconds(rand() % PAUSE);
			kill(victim[1 - which].pid, SIGCONT);
		}
	}
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(memory, MAP_FAILED);
	return memory;
}

unsigned int kills_wanted(int count, char **arguments)
{
	return count > 1 ? (unsigned int)strtoul(arguments[1], NULL, 10) : 2000;
}
