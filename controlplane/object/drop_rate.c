/* SPDX-License-Identifier: BSD-3-Clause
 *
 * drop_rate.c: how many packets a second are dropped: the counters of all interfaces are looked at about
 * once a second, some rows at a time.
 */
#include <stdlib.h>
#include "dataplane/shm/reason.h"
#include "model.h"

enum { ROWS_AT_ONCE = 256 };
#define PASS_NS 1000000000u

/* Reasons whose counter was not 0 when it was looked at last, in no order. */
struct rate_entry {
	unsigned int reason;
	uint64_t count;
	double rate;
};

struct rate_row {
	uint64_t time; /* ns, when it was looked at last; 0: never */
	unsigned int entry_count;
	struct rate_entry *entry;
};

struct drop_rates {
	uint32_t next;  /* row to be looked at; 0: a pass is to begin */
	uint64_t begun; /* ns */
	struct rate_row row[INTERFACE_MAX];
};

static void forget(struct rate_row *row)
{
	free(row->entry);
	*row = (struct rate_row){ 0 };
}

static struct rate_entry *find(const struct rate_row *row, unsigned int reason)
{
	for (unsigned int i = 0; i < row->entry_count; i++)
		if (row->entry[i].reason == reason)
			return &row->entry[i];
	return NULL;
}

/* NULL: no memory; that reason has no rate then. */
static struct rate_entry *add(struct rate_row *row, unsigned int reason)
{
	struct rate_entry *larger =
		realloc(row->entry, (row->entry_count + 1) * sizeof(*larger));

	if (larger == NULL)
		return NULL;
	row->entry = larger;
	larger[row->entry_count] = (struct rate_entry){ .reason = reason };
	return &larger[row->entry_count++];
}

static void count(struct rate_row *row, unsigned int reason, uint64_t packets, uint64_t passed)
{
	struct rate_entry *entry = find(row, reason);

	if (entry == NULL && packets == 0)
		return;
	if (entry == NULL)
		entry = add(row, reason);
	if (entry == NULL)
		return;
	/* the counters may have been cleared */
	uint64_t more = packets > entry->count ? packets - entry->count : 0;
	entry->rate = passed != 0 ? (double)more * 1e9 / (double)passed : 0;
	entry->count = packets;
}

static void look(const struct model *model, uint32_t interface, struct rate_row *row)
{
	struct interface_totals totals;
	const uint64_t *drop =
		&totals.value[offsetof(struct interface_counters, drop) / sizeof(uint64_t)];

	if (model->interface[interface] == NULL) {
		forget(row);
		return;
	}
	interface_totals(model->tables, model->state, interface, &totals);
	uint64_t now = model_now(model), passed = row->time != 0 ? now - row->time : 0;
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		count(row, i, drop[i], passed);
	row->time = now;
}

void drop_rate_poll(struct model *model)
{
	struct drop_rates *rates = model->drop_rates;
	uint64_t now = model_now(model);

	if (!model->alive)
		return;
	if (rates == NULL) {
		rates = model->drop_rates = calloc(1, sizeof(*rates));
		if (rates == NULL)
			return;
	}
	if (rates->next == 0 && now - rates->begun < PASS_NS)
		return;
	if (rates->next == 0)
		rates->begun = now;
	uint32_t end = tables_interface_end(model->tables);
	for (unsigned int i = 0; i < ROWS_AT_ONCE && rates->next < end; i++, rates->next++)
		look(model, rates->next, &rates->row[rates->next]);
	if (rates->next >= end)
		rates->next = 0;
}

double drop_rate_private(const struct model *model, uint32_t interface, unsigned int reason)
{
	if (model->drop_rates == NULL || interface >= INTERFACE_MAX)
		return -1;
	const struct rate_entry *entry = find(&model->drop_rates->row[interface], reason);
	return entry != NULL ? entry->rate : -1;
}

void drop_rate_close(struct model *model)
{
	for (uint32_t i = 0; model->drop_rates != NULL && i < INTERFACE_MAX; i++)
		free(model->drop_rates->row[i].entry);
	free(model->drop_rates);
}
