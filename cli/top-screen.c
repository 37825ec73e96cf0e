/* SPDX-License-Identifier: BSD-3-Clause
 *
 * top-screen.c: the live screen, by curses: it knows what the terminal can do, which lines differ from
 * what stands there, and how the terminal was before.
 */
#include <curses.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include "cli/top.h"

enum {
	LINE_HEAD,
	LINE_SUMMARY,
	LINE_PANES,
	LINE_TITLES,
	LINE_ROWS,
	NAME_LEAST = 8,
	NAME_MOST = 31, /* a whole name */
	WORD_LEAST = 8,
	NUMBER_WIDTH = 9, /* with what stands before it */
	KEY_ESCAPE_MS = 25,
};
#define INTERVAL_LEAST 100000000ull
#define INTERVAL_MOST  60000000000ull

struct screen {
	struct top *top;
	unsigned int first; /* row at the top */
	bool paused, help, readable, done;
};

/* ---- drawing ---- */

static void line_begin(int line)
{
	move(line, 0);
	clrtoeol();
}

/* Text that stays on its line. */
static void put(const char *text)
{
	int room = getmaxx(stdscr) - getcurx(stdscr);

	if (room > 0)
		addnstr(text, room);
}

static void draw_head(const struct screen *screen)
{
	const struct top *top = screen->top;
	char text[256], clock[16];
	time_t now = time(NULL);
	struct tm local;

	localtime_r(&now, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	snprintf(text, sizeof(text), "%s  %s  every %.3g s%s  control plane %s  data plane %s",
		 top->source.place.instance, clock, (double)top->interval / 1e9,
		 screen->paused ? " (paused)" : "",
		 top->source.controlplane ? "up" : "down: waiting",
		 top->source.dataplane ? "up" : "down: waiting");
	line_begin(LINE_HEAD);
	put(text);
}

static void draw_summary(const struct top *top)
{
	char number[SUMMARIES][16], text[256];

	for (unsigned int i = 0; i < SUMMARIES; i++)
		top_number(top->summary[i], number[i]);
	snprintf(text, sizeof(text), "rx %s/s %sbit/s  tx %s/s %sbit/s  drops %s/s  workers %s %% busy",
		 number[SUMMARY_RX], number[SUMMARY_RX_BITS], number[SUMMARY_TX],
		 number[SUMMARY_TX_BITS], number[SUMMARY_DROPS], number[SUMMARY_LOAD]);
	line_begin(LINE_SUMMARY);
	put(text);
}

static void draw_panes(const struct top *top)
{
	char text[64];

	line_begin(LINE_PANES);
	for (unsigned int i = 0; i < TOP_WORDS; i++) {
		bool shown = top->pane == &top_panes[i];
		snprintf(text, sizeof(text), "%u %s", i + 1, top_panes[i].name);
		if (shown)
			attron(A_BOLD | A_UNDERLINE);
		put(text);
		if (shown)
			attroff(A_BOLD | A_UNDERLINE);
		put(" ");
	}
}

/* Widths of the two words, of what the numbers leave: 16 and 8 on 80 columns. */
static void widths(const struct top_pane *pane, int width[2])
{
	int left = getmaxx(stdscr) - 1 - (int)top_pane_columns(pane) * NUMBER_WIDTH;

	width[1] = left < WORD_LEAST + NAME_MOST ? WORD_LEAST : left - NAME_MOST;
	width[1] = width[1] > NAME_MOST ? NAME_MOST : width[1];
	width[0] = left - width[1] < NAME_LEAST ? NAME_LEAST : left - width[1];
	width[0] = width[0] > NAME_MOST ? NAME_MOST : width[0];
}

static void put_words(const struct top_pane *pane, const char *first, const char *second)
{
	char text[128];
	int width[2];

	widths(pane, width);
	snprintf(text, sizeof(text), "%-*.*s %-*.*s", width[0], width[0], first, width[1], width[1],
		 second);
	put(text);
}

/* The column that decides the order has a mark before its title: > falling, < rising. */
static void draw_titles(const struct top *top)
{
	const struct top_pane *pane = top->pane;
	char text[64];

	line_begin(LINE_TITLES);
	attron(A_REVERSE);
	put_words(pane, pane->titles[0], pane->titles[1]);
	for (unsigned int i = 0; pane->columns[i].title; i++) {
		const char *mark = top->order.column != i ? " " : top->order.reverse ? "<" : ">";
		int blanks = NUMBER_WIDTH - 1 - (int)strlen(pane->columns[i].title);
		snprintf(text, sizeof(text), "%*s%s%s", blanks > 0 ? blanks : 0, "", mark,
			 pane->columns[i].title);
		put(text);
	}
	attroff(A_REVERSE);
}

static int rows_that_fit(void)
{
	int rows = getmaxy(stdscr) - LINE_ROWS - 1;

	return rows > 0 ? rows : 0;
}

static void draw_rows(const struct screen *screen)
{
	const struct top_result *result = &screen->top->result;
	const struct top_pane *pane = screen->top->pane;
	char number[16], text[32];

	for (int line = 0; line < rows_that_fit(); line++) {
		unsigned int at = screen->first + (unsigned int)line;
		line_begin(LINE_ROWS + line);
		if (at >= result->count)
			continue;
		const struct top_row *row = &result->row[at];
		put_words(pane, row->name[0], row->name[1]);
		for (unsigned int i = 0; pane->columns[i].title; i++) {
			top_number(row->value[i], number);
			snprintf(text, sizeof(text), "%*s", NUMBER_WIDTH, number);
			put(text);
		}
	}
}

static void draw_help(void)
{
	static const char *const lines[] = {
		"1-8, Tab, Shift-Tab  another pane",
		"> < or cursor keys   sort by the next column, the one before",
		"n                    sort by object",
		"r                    the other way round",
		"cursor up and down, page up and down, Home: scroll",
		"+ -                  look more rarely, more often",
		"blank                pause",
		"q, Ctrl-C            end",
	};

	static_assert(TOP_WORDS == 8, "the keys 1 to 8");
	for (int line = 0; line < rows_that_fit(); line++) {
		line_begin(LINE_ROWS + line);
		if ((size_t)line < sizeof(lines) / sizeof(lines[0]))
			put(lines[line]);
	}
}

static void draw_foot(const struct screen *screen)
{
	const struct top_result *result = &screen->top->result;
	char text[96];

	snprintf(text, sizeof(text), "%zu %s   q end  Tab pane  <> sort  r reverse  n by object  ? help",
		 result->of, screen->top->pane->name);
	line_begin(getmaxy(stdscr) - 1);
	put(text);
}

static void draw(const struct screen *screen)
{
	draw_head(screen);
	draw_summary(screen->top);
	draw_panes(screen->top);
	draw_titles(screen->top);
	draw_foot(screen);
	if (screen->help) {
		draw_help();
	} else if (screen->readable) {
		draw_rows(screen);
	} else {
		for (int line = 0; line < rows_that_fit(); line++)
			line_begin(LINE_ROWS + line);
		if (rows_that_fit() > 0) {
			move(LINE_ROWS, 0);
			put("waiting: ");
			put(screen->top->source.reason);
		}
	}
	refresh();
}

/* ---- keys ---- */

static void scroll_by(struct screen *screen, int rows)
{
	int last = (int)screen->top->result.count - rows_that_fit();
	int first = (int)screen->first + rows;

	if (first > last)
		first = last;
	screen->first = first < 0 ? 0 : (unsigned int)first;
}

static void show_pane(struct screen *screen, unsigned int pane)
{
	top_switch(screen->top, &top_panes[pane % TOP_WORDS]);
	screen->first = 0;
	screen->readable = top_look(screen->top);
}

/* Columns in their order, then the object, then from the start. */
static void sort_by(struct screen *screen, int step)
{
	struct top_order *order = &screen->top->order;
	unsigned int columns = top_pane_columns(screen->top->pane);
	unsigned int at = order->column < columns ? order->column : columns;

	at = (at + columns + 1 + (unsigned int)step) % (columns + 1);
	order->column = at < columns ? at : TOP_COLUMNS;
}

static void change_interval(struct top *top, bool longer)
{
	uint64_t interval = longer ? top->interval * 2 : top->interval / 2;

	if (interval >= INTERVAL_LEAST && interval <= INTERVAL_MOST)
		top->interval = interval;
}

static void sort_key(struct screen *screen, int key)
{
	if (key == '>' || key == KEY_RIGHT)
		sort_by(screen, 1);
	if (key == '<' || key == KEY_LEFT)
		sort_by(screen, -1);
	if (key == 'n')
		screen->top->order.column = TOP_COLUMNS;
	if (key == 'r')
		screen->top->order.reverse ^= true;
	top_sort_again(screen->top);
}

static void scroll_key(struct screen *screen, int key)
{
	if (key == KEY_DOWN || key == KEY_UP)
		scroll_by(screen, key == KEY_DOWN ? 1 : -1);
	if (key == KEY_NPAGE || key == KEY_PPAGE)
		scroll_by(screen, key == KEY_NPAGE ? rows_that_fit() : -rows_that_fit());
	if (key == KEY_HOME)
		screen->first = 0;
}

static void handle_key(struct screen *screen, int key)
{
	unsigned int pane = (unsigned int)(screen->top->pane - top_panes);

	screen->help = key == '?' || key == 'h';
	if (key == 'q' || key == 'Q')
		screen->done = true;
	else if (key >= '1' && key < '1' + TOP_WORDS)
		show_pane(screen, (unsigned int)(key - '1'));
	else if (key == '\t' || key == KEY_BTAB)
		show_pane(screen, pane + (key == '\t' ? 1 : TOP_WORDS - 1));
	else if (key == ' ')
		screen->paused = !screen->paused;
	else if (key == '+' || key == '-')
		change_interval(screen->top, key == '+');
	else if (key == '<' || key == '>' || key == 'n' || key == 'r' || key == KEY_LEFT ||
		 key == KEY_RIGHT)
		sort_key(screen, key);
	else
		scroll_key(screen, key);
}

/* ---- the loop ---- */

/* Keys until it is time to look again. */
static void wait_for_keys(struct screen *screen, uint64_t until)
{
	while (!screen->done && !top_ended()) {
		uint64_t now = monotonic_ns();
		if (now >= until)
			return;
		timeout((int)((until - now + 999999) / 1000000));
		int key = getch();
		if (key == KEY_RESIZE)
			scroll_by(screen, 0);
		else if (key != ERR)
			handle_key(screen, key);
		else
			continue;
		draw(screen);
	}
}

static void loop(struct screen *screen)
{
	struct top *top = screen->top;

	screen->readable = top_look(top);
	draw(screen);
	while (!screen->done && !top_ended() && top->looks > 0) {
		wait_for_keys(screen, monotonic_ns() + top->interval);
		if (screen->done || top_ended())
			break;
		if (!screen->paused)
			screen->readable = top_look(top);
		scroll_by(screen, 0);
		draw(screen);
		top->looks -= top->looks != UINT64_MAX;
	}
}

int top_screen(struct top *top)
{
	struct screen screen = { .top = top };
	SCREEN *terminal = newterm(NULL, stdout, stdin);

	if (!terminal)
		return -ENOTTY;
	top->rows = TOP_ROWS;
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	set_escdelay(KEY_ESCAPE_MS);
	curs_set(0);
	loop(&screen);
	endwin();
	delscreen(terminal);
	return 0;
}
