/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/control.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>
#include "dataplane/log.h"
#include "dataplane/port/plan.h"
#include "dataplane/shm/epoch.h"
#include "dataplane/shm/filter.h"

enum {
	TURN_MS = 5,
	STATISTICS_TURNS = 20, /* every 100 ms */
	ATTACH_TURNS = 10,     /* every 50 ms: is the tables file there, is it still the one? */
	DOORBELL_TURNS = 10,
	FILTER_SLICE = 256, /* rule counters that are allocated together */
	/* So that a new filter, and a new rule, are counted from their first packet on: filters after the
	 * last one, and rules after the last of a filter, that have memory before they are there. */
	FILTERS_AHEAD = 32,
	RULES_AHEAD = FILTER_SLICE / 2,
};

/* ---------------------------------------------------------------- tables */

static void log_once(char last[REGION_ERROR_SIZE], const char *error)
{
	if (strcmp(last, error) == 0)
		return;
	snprintf(last, REGION_ERROR_SIZE, "%s", error);
	log_error("%s; forwarding goes on without it", error);
}

/* Workers go over to the new file before the old one is unmapped. */
static void swap_tables(struct dataplane *dataplane, struct region *found)
{
	struct region old = dataplane->tables_region;

	dataplane->tables_region = *found;
	dataplane->tables = found->base;
	int result = plan_publish(dataplane);
	if (result != 0) {
		dataplane->tables_region = old;
		dataplane->tables = old.base;
		if (result != -ECANCELED) {
			region_close(found);
			log_warning("tables: plan: %s", strerror(-result));
		}
		return;
	}
	if (old.base != NULL)
		region_close(&old);
	dataplane->tables_generation = 0;
}

static void replace_tables(struct dataplane *dataplane, struct region *found)
{
	pthread_mutex_lock(&dataplane->tables_lock);
	swap_tables(dataplane, found);
	pthread_mutex_unlock(&dataplane->tables_lock);
}

static void attach(struct dataplane *dataplane)
{
	static char last[REGION_ERROR_SIZE];
	char error[REGION_ERROR_SIZE];
	struct region found;

	if (dataplane->tables != NULL &&
	    region_is_current(&dataplane->tables_region, &dataplane->place))
		return;
	/* A file that vanished is kept as mapped: its tables are as valid as before. */
	int result = region_attach(&found, &dataplane->place, REGION_TABLES, error);
	if (result == 0)
		replace_tables(dataplane, &found);
	else if (result != -ENOENT)
		log_once(last, error);
}

static void log_generation(struct dataplane *dataplane)
{
	if (dataplane->tables == NULL)
		return;
	uint64_t generation = word_load(&dataplane->tables->control.generation);
	if (generation == dataplane->tables_generation)
		return;
	dataplane->tables_generation = generation;
	log_info("forwarding from tables generation %" PRIu64, generation);
}

/* ---------------------------------------------------------------- counters */

void control_space(struct dataplane *dataplane, unsigned int space)
{
	uint64_t bit = 1ull << space;

	if ((dataplane->spaces & bit) != 0)
		return;
	/* for earlier workers too, had they been more: readers add up all of worker_count */
	unsigned int rows = (unsigned int)word_load(&dataplane->state->control.worker_count);
	int result = region_allocate_labels(&dataplane->state_region, rows, space);
	if (result != 0) {
		if ((dataplane->spaces_failed & bit) == 0)
			log_warning("label space %u: counters: %s; its labels are not counted",
				    space, strerror(-result));
		dataplane->spaces_failed |= bit;
		return;
	}
	for (unsigned int i = 0; i < dataplane->worker_count; i++)
		__atomic_store_n(&dataplane->worker[i]->label[space],
				 dataplane->state->label[i][space], __ATOMIC_RELEASE);
	dataplane->spaces |= bit;
	_Atomic uint64_t *ready = &dataplane->state->control.spaces_ready;
	word_store(ready, word_load(ready) | bit);
}

static void find_spaces(struct dataplane *dataplane)
{
	for (unsigned int space = 0; dataplane->tables != NULL && space < LABEL_SPACE_MAX; space++)
		if (word_load(&dataplane->tables->label_space[space]) != 0)
			control_space(dataplane, space);
}

int control_interfaces(struct dataplane *dataplane, uint64_t used)
{
	_Atomic uint64_t *ready = &dataplane->state->control.interfaces_ready;
	uint32_t first = (uint32_t)word_load(ready);
	unsigned int rows = (unsigned int)word_load(&dataplane->state->control.worker_count);

	if (used <= first)
		return 0;
	uint32_t end = (uint32_t)RTE_MIN(RTE_ALIGN_CEIL(used, (uint64_t)INTERFACE_SLICE),
					 (uint64_t)INTERFACE_MAX);
	int result = region_allocate_interfaces(&dataplane->state_region, rows, first, end);
	if (result == 0)
		word_store(ready, end);
	return result;
}

/* Tunnels' counters, before workers let anything into a tunnel. */
static void find_interfaces(struct dataplane *dataplane)
{
	static bool said;

	if (dataplane->tables == NULL)
		return;
	int result = control_interfaces(dataplane,
					word_load(&dataplane->tables->control.interface_used));
	if (result != 0 && !said)
		log_warning("tunnels from row %" PRIu64 " on: counters: %s; they take no packets",
			    word_load(&dataplane->state->control.interfaces_ready),
			    strerror(-result));
	said = result != 0;
}

void control_filter(struct dataplane *dataplane, uint32_t filter, uint32_t slots)
{
	static bool said;
	_Atomic uint64_t *ready = &dataplane->state->filter_ready[filter];
	unsigned int rows = (unsigned int)word_load(&dataplane->state->control.worker_count);
	uint32_t now = (uint32_t)word_load(ready);

	if (slots > now) {
		/* a page at a time at least, so that a rule more is not an allocation more */
		uint32_t wanted = RTE_MIN(RTE_ALIGN_CEIL(slots, FILTER_SLICE), (uint32_t)FILTER_SLOTS);
		int result = region_allocate_filter(&dataplane->state_region, rows, filter, wanted);
		if (result != 0 && !said)
			log_warning("filter %u: counters: %s; not all of its rules are counted",
				    filter, strerror(-result));
		said = result != 0;
		if (result == 0) {
			now = wanted;
			word_store(ready, now);
		}
	}
	for (unsigned int i = 0; i < dataplane->worker_count; i++)
		__atomic_store_n(&dataplane->worker[i]->rule_ready[filter], (uint16_t)now,
				 __ATOMIC_RELEASE);
}

static uint32_t filter_slots(const struct tables *tables, uint32_t filter)
{
	return (uint32_t)(word_load(&tables->filter[filter]) >> FILTER_SLOTS_SHIFT);
}

/* The control plane gives the lowest free number. */
static void find_filters(struct dataplane *dataplane)
{
	const struct tables *tables = dataplane->tables;
	uint32_t last = FILTER_MAX - 1;

	if (tables == NULL)
		return;
	while (last > 0 && filter_slots(tables, last) == 0)
		last--;
	for (uint32_t i = 1; i < FILTER_MAX && i <= last + FILTERS_AHEAD; i++) {
		uint32_t wanted = RTE_MIN(filter_slots(tables, i) + (uint32_t)RULES_AHEAD,
					  (uint32_t)FILTER_SLOTS);
		if (wanted > word_load(&dataplane->state->filter_ready[i]))
			control_filter(dataplane, i, wanted);
	}
}

/* Rings for captured packets, when somebody wants some for the first time. */
static void find_capture(struct dataplane *dataplane)
{
	static bool said;
	_Atomic uint64_t *ready = &dataplane->state->control.capture_ready;
	unsigned int rows = (unsigned int)word_load(&dataplane->state->control.worker_count);

	if (dataplane->tables == NULL || word_load(ready) >= rows ||
	    word_load(&dataplane->tables->control.capture) == 0)
		return;
	int result = region_allocate_capture(&dataplane->state_region, rows);
	if (result == 0)
		word_store(ready, rows);
	else if (!said)
		log_warning("capture: rings of %u workers: %s; nothing is captured", rows,
			    strerror(-result));
	said = result != 0;
}

/* ---------------------------------------------------------------- ports */

static void reconcile(struct dataplane *dataplane)
{
	static struct port_wish copies[PORT_MAX];
	const struct port_wish *wish[PORT_MAX] = { NULL };
	const struct tables *tables = dataplane->tables;
	struct worker_state *row = &dataplane->state->worker[CONTROL_ROW];

	if (tables == NULL)
		return;
	/* online only while copying: what follows may take seconds, and nobody shall wait for it */
	epoch_online(tables, row);
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		uint64_t offset = word_load(&tables->port[i].wish);
		if (offset == 0)
			continue;
		memcpy(&copies[i], tables_object(tables, offset), sizeof(copies[i]));
		wish[i] = &copies[i];
	}
	epoch_offline(row);
	port_reconcile(dataplane, wish);
}

/* ---------------------------------------------------------------- doorbell */

static int open_doorbell(const struct dataplane *dataplane)
{
	char path[sizeof(dataplane->place.directory) + 16];
	struct stat st;

	snprintf(path, sizeof(path), "%s/doorbell", dataplane->place.directory);
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) != 0 || !S_ISFIFO(st.st_mode))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Workers write to the descriptor at any time, so its number stays for good: another FIFO takes its
 * place in one step. Without a reader a write fails, which is harmless (SIGPIPE is ignored). */
static void look_at_doorbell(struct dataplane *dataplane)
{
	struct pollfd reader = { .fd = dataplane->doorbell };

	if (dataplane->doorbell >= 0 && poll(&reader, 1, 0) == 0)
		return;
	int fd = open_doorbell(dataplane);
	if (fd < 0)
		return;
	if (dataplane->doorbell >= 0) {
		(void)dup3(fd, dataplane->doorbell, O_CLOEXEC); /* failed: tried again next time */
		close(fd);
		return;
	}
	dataplane->doorbell = fd;
	for (unsigned int i = 0; i < dataplane->worker_count; i++)
		atomic_store(&dataplane->worker[i]->doorbell, fd);
}

/* ---------------------------------------------------------------- the thread */

static void say_ready(void)
{
	puts("ready");
	fflush(stdout);
	(void)sd_notify(0, "READY=1"); /* 0 without systemd */
}

void *control_run(void *argument)
{
	struct dataplane *dataplane = argument;

	for (unsigned int turn = 0; !atomic_load(&dataplane->stop); turn++) {
		if (turn % ATTACH_TURNS == 0)
			attach(dataplane);
		log_generation(dataplane);
		find_spaces(dataplane);
		find_interfaces(dataplane);
		find_filters(dataplane);
		find_capture(dataplane);
		reconcile(dataplane);
		port_report(dataplane, turn % STATISTICS_TURNS == 0);
		if (turn % DOORBELL_TURNS == 0)
			look_at_doorbell(dataplane);
		counter_add(&dataplane->state->control.heartbeat, 1);
		if (turn == 0)
			say_ready();
		poll(NULL, 0, TURN_MS);
	}
	return NULL;
}
