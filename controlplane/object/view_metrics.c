/* SPDX-License-Identifier: BSD-3-Clause
 *
 * view_metrics.c: the shows' numbers as metrics, in Prometheus' text format 0.0.4 or in OpenMetrics 1.0.
 *
 * Each family takes one member of the rows of a show. The formats differ in where a counter has its
 * suffix, and in how the text ends.
 */
#include "view_metrics.h"

struct metric {
	const char *name; /* without shunt_ and _total */
	bool counter;
	const char
		*key; /* member of the row; an object: one sample per member, labelled by `inner` */
	const char *help;
	const char *inner;
	unsigned int scale; /* 0: as it is; else the member times this */
};

/* Rows of a show, and the member that names one. */
struct metric_source {
	json_t *(*show)(const struct view *, const struct arguments *, struct error *);
	const char *label; /* of the samples */
	const char *name;  /* the member with its value */
	const struct metric *metric;
	unsigned int count;
};

static const struct metric port_metrics[] = {
	{ "port_link_up", false, "link", "Whether the port's link is up.", NULL, 0 },
	{ "port_speed_bytes", false, "speed",
	  "Bytes a second that the link can carry, 0: not known.", NULL, .scale = 125000 },
	{ "port_flaps", true, "flaps", "Times that the link went down.", NULL, 0 },
	{ "port_receive_missed_packets", true, "rx_missed",
	  "Frames that found no room in the device.", NULL, 0 },
	{ "port_receive_errors", true, "rx_errors", "Frames that the device found wrong.", NULL,
	  0 },
	{ "port_receive_no_buffer", true, "rx_no_buffer", "Frames for which there was no buffer.",
	  NULL, 0 },
	{ "port_transmit_errors", true, "tx_errors", "Frames that the device failed to send.", NULL,
	  0 },
	{ "port_xdp_shunt_packets", true, "xdp_shunt", "Frames that the XDP program sent to shunt.",
	  NULL, 0 },
	{ "port_xdp_kernel_packets", true, "xdp_kernel",
	  "Frames that the XDP program left to the kernel.", NULL, 0 },
};

static const struct metric interface_metrics[] = {
	{ "receive_packets", true, "rx_packets", "Packets received by the interface.", NULL, 0 },
	{ "receive_bytes", true, "rx_bytes", "Bytes received, without frame check sequences.", NULL,
	  0 },
	{ "transmit_packets", true, "tx_packets", "Packets handed to the interface.", NULL, 0 },
	{ "transmit_bytes", true, "tx_bytes", "Bytes handed to the interface.", NULL, 0 },
	{ "forwarded_packets", true, "forwarded", "Packets of this ingress that were sent on.",
	  NULL, 0 },
	{ "punted_packets", true, "punted", "Packets of this ingress for the control plane.", NULL,
	  0 },
	{ "consumed_packets", true, "consumed",
	  "Packets of this ingress that ended here, as meant.", NULL, 0 },
	{ "injected_packets", true, "injected", "Packets made by the control plane.", NULL, 0 },
	{ "copies", true, "copies", "Packets made by replication.", NULL, 0 },
	{ "copies_failed", true, "copies_failed",
	  "Copies for the interface that could not be made.", NULL, 0 },
	{ "fragments", true, "fragments", "Packets made by fragmentation.", NULL, 0 },
	{ "dropped_packets", true, "drops", "Packets of this ingress that were dropped.", "reason",
	  0 },
};

static const struct metric worker_metrics[] = {
	{ "worker_packets", true, "packets", "Packets that the worker took in.", NULL, 0 },
	{ "worker_busy_cycles", true, "busy_cycles", "Cycles of turns with packets.", NULL, 0 },
	{ "worker_idle_cycles", true, "idle_cycles", "Cycles of turns without.", NULL, 0 },
	{ "worker_turns", true, "turns", "Turns of the poll loop.", NULL, 0 },
	{ "worker_naps", true, "naps", "Times that an idle worker slept.", NULL, 0 },
	{ "worker_punted_packets", true, "punted", "Packets for the control plane.", "reason", 0 },
};

#define METRICS(list) list, sizeof(list) / sizeof((list)[0])

static const struct metric_source sources[] = {
	{ view_ports, "port", "name", METRICS(port_metrics) },
	{ view_counters, "interface", "interface", METRICS(interface_metrics) },
	{ view_workers, "worker", "worker", METRICS(worker_metrics) },
};

/* ---------------------------------------------------------------- writing */

void metrics_add(struct metrics_text *out, const char *format, ...)
{
	char line[512];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	buffer_add_string(&out->text, line);
}

void metrics_family(struct metrics_text *out, const char *name, bool counter, const char *help)
{
	const char *suffix = counter && !out->openmetrics ? "_total" : "";

	metrics_add(out, "# HELP shunt_%s%s %s\n", name, suffix, help);
	metrics_add(out, "# TYPE shunt_%s%s %s\n", name, suffix, counter ? "counter" : "gauge");
}

/* A number, or "up" as 1 and any other word as 0. */
static void number_format(const json_t *value, unsigned int scale, char text[32])
{
	if (json_is_string(value))
		snprintf(text, 32, "%d", strcmp(json_string_value(value), "up") == 0);
	else
		snprintf(text, 32, "%lld",
			 (long long)json_integer_value(value) * (scale != 0 ? scale : 1));
}

static void row_name(const json_t *row, const char *key, char text[64])
{
	const json_t *value = json_object_get(row, key);

	if (json_is_integer(value))
		snprintf(text, 64, "%lld", (long long)json_integer_value(value));
	else
		snprintf(text, 64, "%s", value != NULL ? json_string_value(value) : "");
}

/* Names are of letters, digits, _ . and -: nothing in a label's value needs an escape. */
static void add_row(struct metrics_text *out, const struct metric_source *source,
		    const struct metric *metric, json_t *row)
{
	json_t *value = json_object_get(row, metric->key), *member;
	const char *suffix = metric->counter ? "_total" : "", *key;
	char name[64], number[32];

	row_name(row, source->name, name);
	if (metric->inner != NULL) {
		json_object_foreach(value, key, member)
		{
			number_format(member, metric->scale, number);
			metrics_add(out, "shunt_%s%s{%s=\"%s\",%s=\"%s\"} %s\n", metric->name, suffix,
			    source->label, name, metric->inner, key, number);
		}
		return;
	}
	if (value == NULL)
		return;
	number_format(value, metric->scale, number);
	metrics_add(out, "shunt_%s%s{%s=\"%s\"} %s\n", metric->name, suffix, source->label, name, number);
}

static void add_source(struct metrics_text *out, const struct metric_source *source, json_t *rows)
{
	json_t *row;
	size_t index;

	for (unsigned int i = 0; i < source->count; i++) {
		const struct metric *metric = &source->metric[i];
		metrics_family(out, metric->name, metric->counter, metric->help);
		json_array_foreach(rows, index, row) add_row(out, source, metric, row);
	}
}

/* ---------------------------------------------------------------- what has no rows */

static void add_tables(struct metrics_text *out, json_t *memory)
{
	json_t *tables = json_object_get(memory, "tables"), *row;
	const char *name;

	metrics_family(out, "table_entries", false, "Entries that a table has.");
	json_object_foreach(tables, name, row)
		metrics_add(out, "shunt_table_entries{table=\"%s\"} %lld\n", name,
		    (long long)json_integer_value(json_object_get(row, "used")));
	metrics_family(out, "table_limit_entries", false, "Entries that a table has room for.");
	json_object_foreach(tables, name,
			    row) if (json_integer_value(json_object_get(row, "limit")) > 0)
		metrics_add(out, "shunt_table_limit_entries{table=\"%s\"} %lld\n", name,
		    (long long)json_integer_value(json_object_get(row, "limit")));
	metrics_family(out, "heap_bytes", false, "Bytes of table memory that are handed out.");
	metrics_add(out, "shunt_heap_bytes %lld\n",
	    (long long)json_integer_value(json_object_get(memory, "heap_bytes")));
}

static void add_processes(struct metrics_text *out, const struct view *view)
{
	metrics_family(out, "process_up", false, "Whether the process runs.");
	metrics_add(out, "shunt_process_up{process=\"controlplane\"} %d\n", view->model != NULL);
	metrics_add(out, "shunt_process_up{process=\"dataplane\"} %d\n", view->state != NULL);
	metrics_family(out, "build_info", false, "Version, as labels.");
	metrics_add(out, "shunt_build_info{version=\"%s\",layout=\"%016llx\"} 1\n", SHUNT_VERSION,
	    (unsigned long long)view->tables->header.layout_hash);
}

json_t *view_metrics(const struct view *view, const struct arguments *arguments,
		     struct error *error)
{
	static struct arguments everything; /* a show without any restriction */
	struct metrics_text out = {
		.openmetrics = argument_present(arguments, METRICS_FORMAT) &&
			       arguments->value[METRICS_FORMAT].number == METRICS_OPENMETRICS,
	};
	json_t *rows, *result;

	add_processes(&out, view);
	for (unsigned int i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		rows = sources[i].show(view, &everything, error);
		add_source(&out, &sources[i], rows);
		json_decref(rows);
	}
	rows = view_memory(view, &everything, error);
	add_tables(&out, rows);
	json_decref(rows);
	metrics_tables(&out, view);
	if (out.openmetrics)
		buffer_add_string(&out.text, "# EOF\n");
	result = json_stringn(out.text.data, out.text.used);
	buffer_free(&out.text);
	return result;
}
