/* SPDX-License-Identifier: BSD-3-Clause
 *
 * top.h: `shuntctl top`: rates of what the workers count.
 *
 * It reads the two shared files itself, as a reader that nobody waits for (dataplane/shm/reader.h): the
 * control plane is not asked, so that a million labels looked at every second cost it nothing, and rates
 * go on while it restarts.
 *
 *   top-source.c   the two files: mapped, lost, found again
 *   top-pane.c     what can be looked at: ports, tunnels, labels, ... and their columns
 *   top-collect.c  counters out of the files, into a sample
 *   top-group.c    ... of multicast groups
 *   top-rank.c     two samples to the rows that come first
 *   top-print.c    as text and as JSON lines
 *   top-screen.c   on a terminal
 */
#ifndef SHUNT_CLI_TOP_H
#define SHUNT_CLI_TOP_H

#include <stdio.h>
#include "cli/session.h"
#include "controlplane/object/object.h"

enum {
	TOP_COLUMNS = 8,   /* of numbers, of a pane, at most */
	TOP_ROWS = 1000,   /* that are shown or can be scrolled to */
	TOP_NAME = 96, /* two addresses */
	TOP_USUAL_ROWS = 20, /* of an output that is no terminal */
};

/* ---- the files ---- */

struct top_source {
	struct region_place place;
	struct region tables, state; /* base NULL: not there */
	struct view view;            /* of what is mapped; tables NULL: nothing */
	bool controlplane, dataplane; /* do they run? */
	uint64_t mapped;              /* raised with each file that was mapped: samples before are of
				       * another one */
	char reason[REGION_ERROR_SIZE]; /* why there is nothing to read; "": there is */
};

void top_source_begin(struct top_source *source, const struct region_place *place);
/* Look at what is there now. 0; or why there is nothing to read: -ENOENT, -EACCES, -EPROTO ... */
int top_source_refresh(struct top_source *source);
void top_source_end(struct top_source *source);

/* ---- samples ---- */

/* Counters of a pane's objects at one moment: rows of { id, counter... } with ascending ids. */
struct top_sample {
	uint64_t *word;
	size_t rows, capacity; /* capacity in words */
	unsigned int counters; /* of a row */
	uint64_t time;         /* CLOCK_MONOTONIC nanoseconds; 0: never taken */
	uint64_t mapped;       /* source->mapped then */
	bool failed;           /* memory was out: it has not all rows */
};

/* One more row, which stands at the end and is zero but for its id; NULL: memory is out. */
uint64_t *top_sample_row(struct top_sample *sample, uint64_t id);

static inline const uint64_t *top_sample_at(const struct top_sample *sample, size_t row)
{
	return sample->word + row * (1 + sample->counters);
}

/* ---- panes ---- */

enum top_kind {
	TOP_RATE,     /* counter `a` a second, times `scale` */
	TOP_TOTAL,    /* counter `a` as it stands */
	TOP_SHARE,    /* of the time: counter `a` in cycles, in percent */
	TOP_QUOTIENT, /* what counter `a` grew by for each that counter `b` grew by */
};

struct top_column {
	const char *title, *key; /* key: in JSON, and as `sort` has it */
	enum top_kind kind;
	unsigned int a, b, scale;
};

struct top_pane {
	const char *name;                /* as the command has it */
	const char *titles[2], *keys[2]; /* of the words that say which object a row is of */
	bool numbers[2];                 /* ... as numbers in JSON */
	unsigned int sort;               /* usual column; TOP_COLUMNS: by object */
	unsigned int counters;
	const struct top_column *columns; /* ends with title NULL */
	void (*collect)(const struct view *view, struct top_sample *sample);
	/* Both words of an object; "" where it is gone. */
	void (*name_of)(const struct view *view, uint64_t id, char name[2][TOP_NAME]);
};

extern const struct top_pane top_panes[]; /* in the order of enum top_pane_word */

/* The number of columns; the column of a key: TOP_COLUMNS for the objects' own order, -1: none. */
unsigned int top_pane_columns(const struct top_pane *pane);
int top_pane_sort(const struct top_pane *pane, const char *key);

/* ---- top-collect.c: for the panes ---- */

void collect_ports(const struct view *view, struct top_sample *sample);
void collect_tunnels(const struct view *view, struct top_sample *sample);
void collect_others(const struct view *view, struct top_sample *sample);
void collect_labels(const struct view *view, struct top_sample *sample);
void collect_groups(const struct view *view, struct top_sample *sample);
void collect_rules(const struct view *view, struct top_sample *sample);
void collect_drops(const struct view *view, struct top_sample *sample);
void collect_workers(const struct view *view, struct top_sample *sample);

/* The entry of the sample before that has the counter `id`: as collect_groups found it. */
void name_group(const struct view *view, uint64_t id, char name[2][TOP_NAME]);

/* The order of a pane's counters. */
enum { PORT_RX, PORT_RX_BYTES, PORT_TX, PORT_TX_BYTES, PORT_DROPS, PORT_MISSED, PORT_COUNTERS };
enum { WORKER_PACKETS, WORKER_BUSY, WORKER_IDLE, WORKER_TURNS, WORKER_NAPS, WORKER_COUNTERS };
enum { TRAFFIC_PACKETS, TRAFFIC_BYTES, TRAFFIC_COUNTERS };

/* Ids of objects that have two numbers. */
static inline uint64_t top_id(uint32_t high, uint32_t low)
{
	return (uint64_t)high << 32 | low;
}

/* ---- top-rank.c ---- */

struct top_row {
	uint64_t id;
	char name[2][TOP_NAME];
	double value[TOP_COLUMNS];
};

struct top_order {
	unsigned int column; /* TOP_COLUMNS: by object */
	bool reverse;        /* smallest first; objects: last first */
};

/* What is shown: the first rows in this order, out of all. */
struct top_result {
	struct top_row row[TOP_ROWS];
	unsigned int count;
	size_t of;      /* rows that there are */
	double seconds; /* between the two samples; 0: there is no earlier one, rates are 0 */
};

/* The value of a column between two rows of one object. `before` NULL: it was not there, and has
 * counted from 0 since. `hz`: of the cycle counter. */
double top_value(const struct top_column *column, const uint64_t *before, const uint64_t *now,
		 double seconds, double hz);

/* The first `wanted` (at most TOP_ROWS) rows. */
void top_rank(const struct view *view, const struct top_pane *pane, const struct top_order *order,
	      const struct top_sample *before, const struct top_sample *now, unsigned int wanted,
	      struct top_result *result);

/* ---- top.c: one look after the other ---- */

enum { SUMMARY_RX, SUMMARY_RX_BITS, SUMMARY_TX, SUMMARY_TX_BITS, SUMMARY_DROPS, SUMMARY_LOAD, SUMMARIES };

struct top {
	struct session *session;
	struct top_source source;
	const struct top_pane *pane;
	struct top_order order;
	uint64_t interval; /* nanoseconds */
	uint64_t looks;    /* left; UINT64_MAX: no end */
	unsigned int rows; /* wanted */
	struct top_sample sample[2];               /* of the pane: before, now */
	struct top_sample ports[2], workers[2];    /* for the summary */
	double summary[SUMMARIES];                 /* over all ports; mean of the workers' loads */
	struct top_result result;
};

/* Refresh the source, sample, rank. False: there is nothing to read (source.reason says why). */
bool top_look(struct top *top);
/* The same samples in another order. */
void top_sort_again(struct top *top);
/* Look at another pane: what was sampled is of no use. */
void top_switch(struct top *top, const struct top_pane *pane);
/* Did a signal ask us to end? */
bool top_ended(void);

extern const char *const top_summary_keys[SUMMARIES];

/* ---- top-print.c ---- */

/* 0 to 7 characters: 12.3k, 1.23M; a number below 1000 as it is. */
void top_number(double value, char text[16]);
void top_print_text(FILE *out, const struct top *top);
void top_print_json(FILE *out, const struct top *top, bool pretty);

/* ---- top-screen.c ---- */

/* Until the user ends it or `looks` are used up. -ENOTTY: the terminal is none that can be drawn on;
 * nothing was. The terminal is as before in any case. */
int top_screen(struct top *top);

#endif
