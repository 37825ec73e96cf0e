/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "cli/top.h"

#define INTERVAL_USUAL 1000000000ull

const char *const top_summary_keys[SUMMARIES] = { "rx_packets_rate", "rx_bits_rate",
						  "tx_packets_rate", "tx_bits_rate",
						  "drops_rate",      "load" };

/* ---- looking ---- */

/* The pair moves on: now becomes before. */
static void sample_take(const struct top *top, const struct top_pane *pane,
			struct top_sample pair[2])
{
	struct top_sample next = pair[0];

	pair[0] = pair[1];
	next.rows = 0;
	next.counters = pane->counters;
	next.mapped = top->source.mapped;
	next.failed = false;
	next.time = monotonic_ns();
	pane->collect(&top->source.view, &next);
	pair[1] = next;
	if (pair[0].failed)
		pair[0].time = 0; /* what is missing in it would look new */
}

/* The sums of a pane's columns over all rows. */
static void sum_columns(const struct top *top, const struct top_pane *pane,
			const struct top_sample pair[2], double sum[TOP_COLUMNS])
{
	static struct top_result all;
	const struct top_order order = { .column = TOP_COLUMNS };

	memset(sum, 0, TOP_COLUMNS * sizeof(*sum));
	top_rank(&top->source.view, pane, &order, &pair[0], &pair[1], TOP_ROWS, &all);
	for (unsigned int i = 0; i < all.count; i++)
		for (unsigned int column = 0; column < TOP_COLUMNS; column++)
			sum[column] += all.row[i].value[column];
}

static void summarize(struct top *top)
{
	const struct top_pane *ports = &top_panes[TOP_WORD_PORTS];
	const struct top_pane *workers = &top_panes[TOP_WORD_WORKERS];
	double sum[TOP_COLUMNS];

	sample_take(top, ports, top->ports);
	sample_take(top, workers, top->workers);
	sum_columns(top, ports, top->ports, sum);
	for (unsigned int i = SUMMARY_RX; i <= SUMMARY_DROPS; i++)
		top->summary[i] = sum[i];
	sum_columns(top, workers, top->workers, sum);
	size_t count = top->workers[1].rows;
	top->summary[SUMMARY_LOAD] = count > 0 ? sum[0] / (double)count : 0;
}

void top_sort_again(struct top *top)
{
	if (top->source.view.tables)
		top_rank(&top->source.view, top->pane, &top->order, &top->sample[0],
			 &top->sample[1], top->rows, &top->result);
}

bool top_look(struct top *top)
{
	if (top_source_refresh(&top->source) != 0) {
		top->result.count = 0;
		top->result.of = 0;
		return false;
	}
	sample_take(top, top->pane, top->sample);
	summarize(top);
	top_sort_again(top);
	return true;
}

void top_switch(struct top *top, const struct top_pane *pane)
{
	top->pane = pane;
	top->order = (struct top_order){ .column = pane->sort };
	top->sample[0].time = top->sample[1].time = 0;
	top->sample[0].rows = top->sample[1].rows = 0;
}

/* ---- not on a terminal ---- */

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void sleep_until(uint64_t time)
{
	struct timespec until = { .tv_sec = (time_t)(time / 1000000000u),
				  .tv_nsec = (long)(time % 1000000000u) };

	while (!ended && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* What changed about the processes, once. */
static void say_state(const struct top *top, bool readable)
{
	static int said = -1;
	int state = !readable ? 0 : top->source.controlplane ? 1 : 2;

	if (said >= 0 && state != said && state == 0)
		fprintf(stderr, "# waiting: %s\n", top->source.reason);
	if (state != said && state == 2)
		fprintf(stderr, "# waiting for the control plane: it is not running\n");
	said = state;
}

static int print_looks(struct top *top, struct error *error)
{
	uint64_t next = monotonic_ns();

	if (!top_look(top))
		return error_set(error, ERROR_REFUSED, -ENOENT, "top: %s", top->source.reason);
	say_state(top, true);
	while (!ended && top->looks > 0) {
		next += top->interval;
		sleep_until(next);
		if (ended)
			break;
		bool readable = top_look(top);
		say_state(top, readable);
		if (!readable || top->result.seconds <= 0)
			continue; /* nothing to compare with */
		if (top->session->json)
			top_print_json(stdout, top, top->session->pretty);
		else
			top_print_text(stdout, top);
		if (fflush(stdout) != 0)
			return error_set(error, ERROR_REFUSED, -EPIPE, "top: %s", strerror(errno));
		top->looks -= top->looks != UINT64_MAX;
	}
	return 0;
}

/* ---- the command ---- */

bool top_wanted(const struct arguments *arguments)
{
	return arguments->command->id == COMMAND_TOP_SHOW;
}

static int set_order(struct top *top, const struct arguments *arguments, struct error *error)
{
	const char *key = arguments->value[TOP_SORT].string;
	int column = TOP_COLUMNS;

	top_switch(top, top->pane);
	top->order.reverse = argument_present(arguments, TOP_REVERSE);
	if (!argument_present(arguments, TOP_SORT))
		return 0;
	column = top_pane_sort(top->pane, key);
	if (column >= 0) {
		top->order.column = (unsigned int)column;
		return 0;
	}
	error_set(error, ERROR_USAGE, -EINVAL, "sort: %.40s has no column '%.64s'", top->pane->name,
		  key);
	snprintf(error->expected, sizeof(error->expected), "%s", top->pane->keys[0]);
	for (unsigned int i = 0; top->pane->columns[i].title; i++) {
		size_t used = strlen(error->expected);
		snprintf(error->expected + used, sizeof(error->expected) - used, ", %s",
			 top->pane->columns[i].key);
	}
	return -EINVAL;
}

static uint64_t number_or(const struct arguments *arguments, unsigned int parameter, uint64_t usual)
{
	return argument_present(arguments, parameter) ? arguments->value[parameter].number : usual;
}

static int run(struct top *top, struct error *error)
{
	bool terminal = !top->session->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (terminal && top_screen(top) == 0)
		return 0;
	return print_looks(top, error);
}

/* Ctrl-C ends this command alone: the shell goes on. */
static int run_with_signals(struct top *top, struct error *error)
{
	static const int numbers[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = on_signal }, old[3];

	ended = 0;
	for (unsigned int i = 0; i < 3; i++)
		sigaction(numbers[i], &action, &old[i]);
	int code = run(top, error);
	for (unsigned int i = 0; i < 3; i++)
		sigaction(numbers[i], &old[i], NULL);
	return code;
}

int top_show(struct session *session, const struct arguments *arguments, struct error *error)
{
	struct top *top = calloc(1, sizeof(*top));

	if (!top)
		return error_set(error, ERROR_REFUSED, -ENOMEM, "top: no memory");
	top->session = session;
	top->interval = number_or(arguments, TOP_INTERVAL, INTERVAL_USUAL);
	top->looks = number_or(arguments, TOP_COUNT, UINT64_MAX);
	top->rows = (unsigned int)number_or(arguments, TOP_ROWS_WANTED, TOP_USUAL_ROWS);
	top->pane = &top_panes[number_or(arguments, TOP_PANE, TOP_WORD_PORTS)];
	top_source_begin(&top->source, &session->place);
	int code = set_order(top, arguments, error);
	if (code == 0)
		code = run_with_signals(top, error);
	for (unsigned int i = 0; i < 2; i++) {
		free(top->sample[i].word);
		free(top->ports[i].word);
		free(top->workers[i].word);
	}
	top_source_end(&top->source);
	free(top);
	return code;
}

bool top_ended(void)
{
	return ended;
}
