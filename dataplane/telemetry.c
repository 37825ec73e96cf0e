/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/telemetry.h"

#include <errno.h>
#include <inttypes.h>
#include <rte_telemetry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "dataplane/shm/reader.h"
#include "dataplane/shm/table.h"

enum {
	READ_TRIES = 5,
	NAMES_MAX = 400, /* of the longest names, they fit into the 16 KiB of an answer */
};
static_assert(NAMES_MAX <= RTE_TEL_MAX_ARRAY_ENTRIES, "names of one answer");
static_assert((int)DROP_REASON_MAX <= RTE_TEL_MAX_DICT_ENTRIES, "reasons of one answer");

static struct dataplane *served; /* DPDK's callbacks have no argument of ours */

/* ---------------------------------------------------------------- reading */

/* Its row; -ENOENT. */
static int64_t interface_find(const struct tables *tables, const char *wanted)
{
	uint32_t end = tables_interface_end(tables);
	char name[NAME_SIZE];

	for (uint32_t row = 0; row < end; row++)
		if (tables_interface(tables, row, name) != 0 && strcmp(name, wanted) == 0)
			return row;
	return -ENOENT;
}

/* As in reader.h: a baseline may be freed meanwhile. */
static void totals_read(const struct tables *tables, uint32_t row, struct interface_totals *totals)
{
	for (unsigned int i = 0; i < READ_TRIES; i++) {
		uint64_t begin = tables_read_begin(tables);
		interface_totals(tables, served->state, row, totals);
		if (!tables_read_retry(tables, begin))
			return;
	}
}

static unsigned int workers(void)
{
	uint64_t count = word_load(&served->state->control.worker_count);

	return count < WORKER_MAX ? (unsigned int)count : WORKER_MAX;
}

/* ---------------------------------------------------------------- answers without tables */

static int answer_version(const char *command, const char *parameters, struct rte_tel_data *answer)
{
	const struct state_control *control = &served->state->control;
	char version[sizeof(control->version)];

	(void)command;
	(void)parameters;
	memcpy(version, control->version, sizeof(version));
	version[sizeof(version) - 1] = '\0';
	rte_tel_data_start_dict(answer);
	rte_tel_data_add_dict_string(answer, "version", version);
	rte_tel_data_add_dict_string(answer, "instance", served->place.instance);
	rte_tel_data_add_dict_u64(answer, "generation", word_load(&control->generation));
	rte_tel_data_add_dict_u64(answer, "workers", word_load(&control->workers_running));
	rte_tel_data_add_dict_u64(answer, "tsc_hz", word_load(&control->tsc_hz));
	return 0;
}

static int answer_worker(const struct worker_state *worker, struct rte_tel_data *answer)
{
	rte_tel_data_start_dict(answer);
	rte_tel_data_add_dict_u64(answer, "lcore", counter_read(&worker->lcore));
	rte_tel_data_add_dict_string(
		answer, "state", counter_read(&worker->seen) != WORKER_OFFLINE ? "online" : "offline");
	rte_tel_data_add_dict_u64(answer, "turns", counter_read(&worker->turns));
	rte_tel_data_add_dict_u64(answer, "busy_turns", counter_read(&worker->busy_turns));
	rte_tel_data_add_dict_u64(answer, "packets", counter_read(&worker->packets));
	rte_tel_data_add_dict_u64(answer, "busy_cycles", counter_read(&worker->busy_cycles));
	rte_tel_data_add_dict_u64(answer, "idle_cycles", counter_read(&worker->idle_cycles));
	rte_tel_data_add_dict_u64(answer, "naps", counter_read(&worker->naps));
	return 0;
}

/* A whole number that is all of the text. */
static bool number_read(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno == 0 && *text >= '0' && *text <= '9' && *end == '\0';
}

static int answer_workers(const char *command, const char *parameters, struct rte_tel_data *answer)
{
	uint64_t number;

	(void)command;
	if (parameters != NULL) {
		if (!number_read(parameters, &number) || number >= workers())
			return -EINVAL;
		return answer_worker(&served->state->worker[number], answer);
	}
	rte_tel_data_start_array(answer, RTE_TEL_INT_VAL);
	for (unsigned int i = 0; i < workers(); i++)
		rte_tel_data_add_array_int(answer, (int)i);
	return 0;
}

static int answer_punts(const char *command, const char *parameters, struct rte_tel_data *answer)
{
	(void)command;
	(void)parameters;
	rte_tel_data_start_dict(answer);
	for (unsigned int reason = 0; reason < PUNT_REASON_COUNT; reason++) {
		uint64_t sum = 0;
		for (unsigned int i = 0; i < workers(); i++)
			sum += counter_read(&served->state->worker[i].punted[reason]);
		rte_tel_data_add_dict_u64(answer, punt_reason_name(reason), sum);
	}
	return 0;
}

static void put_stage(const char *name, const char *what, uint64_t sum, struct rte_tel_data *answer)
{
	char key[NAME_SIZE];

	snprintf(key, sizeof(key), "%s_%s", name, what);
	rte_tel_data_add_dict_u64(answer, key, sum);
}

static int answer_stages(const char *command, const char *parameters, struct rte_tel_data *answer)
{
	(void)command;
	(void)parameters;
	rte_tel_data_start_dict(answer);
	for (unsigned int stage = 0; stage < STAGE_COUNT; stage++) {
		uint64_t calls = 0, packets = 0, cycles = 0;
		for (unsigned int i = 0; i < workers(); i++) {
			const struct stage_counters *one = &served->state->runtime[i][stage];
			calls += counter_read(&one->calls);
			packets += counter_read(&one->packets);
			cycles += counter_read(&one->cycles);
		}
		put_stage(stage_name(stage), "calls", calls, answer);
		put_stage(stage_name(stage), "packets", packets, answer);
		put_stage(stage_name(stage), "cycles", cycles, answer);
	}
	return 0;
}

/* ---------------------------------------------------------------- answers from the tables */

static void put_port(const struct port_status *status, struct rte_tel_data *answer)
{
	rte_tel_data_start_dict(answer);
	rte_tel_data_add_dict_string(answer, "condition", port_condition_name(status->condition));
	rte_tel_data_add_dict_string(answer, "link", status->link_up ? "up" : "down");
	rte_tel_data_add_dict_u64(answer, "speed", status->speed_mbps);
	rte_tel_data_add_dict_u64(answer, "flaps", status->flaps);
	rte_tel_data_add_dict_u64(answer, "dpdk_port", status->dpdk_port);
	rte_tel_data_add_dict_u64(answer, "mtu", status->mtu);
	rte_tel_data_add_dict_u64(answer, "rx_queues", status->rx_queues);
	rte_tel_data_add_dict_u64(answer, "tx_queues", status->tx_queues);
	rte_tel_data_add_dict_u64(answer, "rx_packets", status->rx_packets);
	rte_tel_data_add_dict_u64(answer, "rx_bytes", status->rx_bytes);
	rte_tel_data_add_dict_u64(answer, "tx_packets", status->tx_packets);
	rte_tel_data_add_dict_u64(answer, "tx_bytes", status->tx_bytes);
	rte_tel_data_add_dict_u64(answer, "rx_missed", status->rx_missed);
	rte_tel_data_add_dict_u64(answer, "rx_errors", status->rx_errors);
	rte_tel_data_add_dict_u64(answer, "tx_errors", status->tx_errors);
	rte_tel_data_add_dict_u64(answer, "rx_no_buffer", status->rx_nombuf);
}

static void put_names(const struct tables *tables, uint32_t row, uint32_t end,
		      struct rte_tel_data *answer)
{
	char name[NAME_SIZE];

	rte_tel_data_start_array(answer, RTE_TEL_STRING_VAL);
	for (unsigned int count = 0; row < end && count < NAMES_MAX; row++)
		if (tables_interface(tables, row, name) != 0)
			count += rte_tel_data_add_array_string(answer, name) == 0;
}

static int ports_of(const struct tables *tables, const char *wanted, struct rte_tel_data *answer)
{
	struct port_status status;
	int64_t row;

	if (wanted == NULL) {
		put_names(tables, 0, PORT_MAX, answer);
		return 0;
	}
	row = interface_find(tables, wanted);
	if (row < 0 || row >= PORT_MAX)
		return -ENOENT;
	if (port_status_copy(served->state, (unsigned int)row, &status) != 0)
		return -EAGAIN;
	put_port(&status, answer);
	return 0;
}

static int interfaces_of(const struct tables *tables, const char *wanted,
			 struct rte_tel_data *answer)
{
	uint64_t first = 0;

	if (wanted != NULL && (!number_read(wanted, &first) || first >= INTERFACE_MAX))
		return -EINVAL;
	put_names(tables, (uint32_t)first, tables_interface_end(tables), answer);
	return 0;
}

static int counters_of(const struct tables *tables, const char *wanted, struct rte_tel_data *answer)
{
	struct interface_totals totals = { 0 };
	int64_t row = wanted != NULL ? interface_find(tables, wanted) : -EINVAL;
	uint64_t dropped = 0;

	if (row < 0)
		return (int)row;
	totals_read(tables, (uint32_t)row, &totals);
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		dropped += (&TOTAL(&totals, drop))[i];
	rte_tel_data_start_dict(answer);
	rte_tel_data_add_dict_u64(answer, "rx_packets", TOTAL(&totals, rx_packets));
	rte_tel_data_add_dict_u64(answer, "rx_bytes", TOTAL(&totals, rx_bytes));
	rte_tel_data_add_dict_u64(answer, "tx_packets", TOTAL(&totals, tx_packets));
	rte_tel_data_add_dict_u64(answer, "tx_bytes", TOTAL(&totals, tx_bytes));
	rte_tel_data_add_dict_u64(answer, "injected", TOTAL(&totals, injected));
	rte_tel_data_add_dict_u64(answer, "copies", TOTAL(&totals, copies));
	rte_tel_data_add_dict_u64(answer, "copies_failed", TOTAL(&totals, copies_failed));
	rte_tel_data_add_dict_u64(answer, "fragments", TOTAL(&totals, fragments));
	rte_tel_data_add_dict_u64(answer, "forwarded", TOTAL(&totals, forwarded));
	rte_tel_data_add_dict_u64(answer, "punted", TOTAL(&totals, punted));
	rte_tel_data_add_dict_u64(answer, "consumed", TOTAL(&totals, consumed));
	rte_tel_data_add_dict_u64(answer, "decapsulated", TOTAL(&totals, decapsulated));
	rte_tel_data_add_dict_u64(answer, "dropped", dropped);
	return 0;
}

static int drops_of(const struct tables *tables, const char *wanted, struct rte_tel_data *answer)
{
	struct interface_totals totals = { 0 }, sum = { 0 };
	int64_t first = wanted != NULL ? interface_find(tables, wanted) : 0;
	uint32_t end = wanted != NULL ? (uint32_t)first + 1 : tables_interface_end(tables);

	if (first < 0)
		return (int)first;
	for (uint32_t row = (uint32_t)first; row < end; row++) {
		if ((word_load(&tables->interface[row].flags) & INTERFACE_VALID) == 0)
			continue;
		totals_read(tables, row, &totals);
		for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
			(&TOTAL(&sum, drop))[i] += (&TOTAL(&totals, drop))[i];
	}
	rte_tel_data_start_dict(answer);
	for (unsigned int i = 0; i < DROP_REASON_COUNT; i++)
		rte_tel_data_add_dict_u64(answer, drop_reason_name(i), (&TOTAL(&sum, drop))[i]);
	return 0;
}

static int with_tables(int (*answer_of)(const struct tables *, const char *, struct rte_tel_data *),
		       const char *wanted, struct rte_tel_data *answer)
{
	int result = -ENOENT;

	pthread_mutex_lock(&served->tables_lock);
	if (served->tables != NULL)
		result = answer_of(served->tables, wanted, answer);
	pthread_mutex_unlock(&served->tables_lock);
	return result;
}

#define WITH_TABLES(what)                                                                          \
	static int answer_##what(const char *command, const char *parameters,                      \
				 struct rte_tel_data *answer)                                      \
	{                                                                                          \
		(void)command;                                                                     \
		return with_tables(what##_of, parameters, answer);                                 \
	}

WITH_TABLES(ports)
WITH_TABLES(interfaces)
WITH_TABLES(counters)
WITH_TABLES(drops)

/* ---------------------------------------------------------------- the commands */

int telemetry_start(struct dataplane *dataplane)
{
	static const struct {
		const char *command;
		telemetry_cb answer;
		const char *help;
	} commands[] = {
		{ "/shunt/version", answer_version, "Versions and generations. No parameters." },
		{ "/shunt/ports", answer_ports,
		  "Names of the ports; what became of one. Parameters: string PORT (optional)." },
		{ "/shunt/workers", answer_workers,
		  "Numbers of the workers; load of one. Parameters: int WORKER (optional)." },
		{ "/shunt/interfaces", answer_interfaces,
		  "Names of interfaces. Parameters: int FIRST row (optional)." },
		{ "/shunt/counters", answer_counters,
		  "Packets and how they ended. Parameters: string INTERFACE." },
		{ "/shunt/drops", answer_drops,
		  "Dropped packets by reason. Parameters: string INTERFACE (optional)." },
		{ "/shunt/stages", answer_stages,
		  "Vectors, packets and cycles of each stage in the turns that were sampled. "
		  "No parameters." },
		{ "/shunt/punts", answer_punts,
		  "Packets for the control plane by reason. No parameters." },
	};
	int result = 0;

	served = dataplane;
	for (unsigned int i = 0; result == 0 && i < sizeof(commands) / sizeof(commands[0]); i++)
		result = rte_telemetry_register_cmd(commands[i].command, commands[i].answer,
						    commands[i].help);
	return result;
}
