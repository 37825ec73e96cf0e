/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>
#include "cli/top.h"
#include "controlplane/object/view.h"
#include "dataplane/shm/filter.h"
#include "dataplane/shm/tunnel.h"

/* ---- which object a row is of ---- */

static void name_port(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	struct port_status status;

	view_interface(view, (uint32_t)id, name[0]);
	if (view->state && port_status_copy(view->state, (unsigned int)id, &status) == 0)
		snprintf(name[1], TOP_NAME, "%s", status.link_up ? "up" : "down");
}

static void name_tunnel(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	const struct interface *row = &view->tables->interface[id];
	uint64_t flags = view_interface(view, (uint32_t)id, name[0]);
	const struct tunnel *tunnel =
		tables_object_checked(view->tables, word_load(&row->object), sizeof(*tunnel));
	bool way = word_load(&row->underlay) != 0 || (tunnel && tunnel_is_any(tunnel->remote));

	snprintf(name[1], TOP_NAME, "%s", flags & INTERFACE_UP && way ? "up" : "down");
}

static void name_other(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	static const char *const kinds[] = { [INTERFACE_VLAN] = "vlan",
					     [INTERFACE_LOOPBACK] = "loopback",
					     [INTERFACE_BRIDGE] = "bridge" };
	uint64_t flags = view_interface(view, (uint32_t)id, name[0]);
	unsigned int kind = (unsigned int)view_kind(flags);

	snprintf(name[1], TOP_NAME, "%s",
		 kind < sizeof(kinds) / sizeof(kinds[0]) && kinds[kind] ? kinds[kind] : "");
}

static void name_label(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	(void)view;
	snprintf(name[0], TOP_NAME, "%u", (uint32_t)id);
	snprintf(name[1], TOP_NAME, "%u", (uint32_t)(id >> 32));
}

/* Part of a published filter, or NULL where that is not within it. */
static const void *filter_part(const struct filter *filter, uint64_t at, uint64_t size)
{
	return at <= filter->size && size <= filter->size - at ? filter_at(filter, (uint32_t)at) : NULL;
}

/* The rule of a slot: its number, or "default" for what none decided. Looked up in place: a copy of a
 * filter may take megabytes. */
static void read_rule(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	uint32_t slot = (uint32_t)id;
	uint64_t offset = word_load(&view->tables->filter[id >> 32]) & FILTER_OFFSET_MASK;
	const struct filter *filter = tables_object_checked(view->tables, offset, sizeof(*filter));

	if (!filter || !tables_object_checked(view->tables, offset, filter->size) ||
	    slot >= filter->slots)
		return;
	snprintf(name[0], TOP_NAME, "%.*s", NAME_SIZE - 1, filter->name);
	snprintf(name[1], TOP_NAME, "default");
	const uint16_t *number =
		filter_part(filter, filter->by_slot + slot * sizeof(uint16_t), sizeof(uint16_t));
	if (slot == 0 || !number || *number >= filter->rule_count)
		return;
	const struct filter_rule *rule =
		filter_part(filter, filter->rule + (uint64_t)*number * sizeof(*rule), sizeof(*rule));
	if (rule)
		snprintf(name[1], TOP_NAME, "%u", rule->sequence);
}

static void name_rule(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	for (unsigned int i = 0; i < 5; i++) {
		uint64_t begin = tables_read_begin(view->tables);
		read_rule(view, id, name);
		if (!tables_read_retry(view->tables, begin))
			return;
	}
}

static void name_drop(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	snprintf(name[0], TOP_NAME, "%s", drop_reason_name((uint32_t)id));
	view_interface(view, (uint32_t)(id >> 32), name[1]);
}

static void name_worker(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	snprintf(name[0], TOP_NAME, "%u", (uint32_t)id);
	if (view->state)
		snprintf(name[1], TOP_NAME, "%u",
			 (uint32_t)counter_read(&view->state->worker[id % WORKER_MAX].lcore));
}

/* ---- columns ---- */

static const struct top_column port_columns[] = {
	{ "RX/S", "rx_packets_rate", TOP_RATE, PORT_RX, 0, 1 },
	{ "RX BIT/S", "rx_bits_rate", TOP_RATE, PORT_RX_BYTES, 0, 8 },
	{ "TX/S", "tx_packets_rate", TOP_RATE, PORT_TX, 0, 1 },
	{ "TX BIT/S", "tx_bits_rate", TOP_RATE, PORT_TX_BYTES, 0, 8 },
	{ "DROPS/S", "drops_rate", TOP_RATE, PORT_DROPS, 0, 1 },
	{ "MISSED/S", "rx_missed_rate", TOP_RATE, PORT_MISSED, 0, 1 },
	{ .title = NULL },
};

static const struct top_column tunnel_columns[] = {
	{ "RX/S", "rx_packets_rate", TOP_RATE, PORT_RX, 0, 1 },
	{ "RX BIT/S", "rx_bits_rate", TOP_RATE, PORT_RX_BYTES, 0, 8 },
	{ "TX/S", "tx_packets_rate", TOP_RATE, PORT_TX, 0, 1 },
	{ "TX BIT/S", "tx_bits_rate", TOP_RATE, PORT_TX_BYTES, 0, 8 },
	{ "RX", "rx_packets", TOP_TOTAL, PORT_RX, 0, 0 },
	{ "TX", "tx_packets", TOP_TOTAL, PORT_TX, 0, 0 },
	{ .title = NULL },
};

static const struct top_column traffic_columns[] = {
	{ "PKT/S", "packets_rate", TOP_RATE, TRAFFIC_PACKETS, 0, 1 },
	{ "BIT/S", "bits_rate", TOP_RATE, TRAFFIC_BYTES, 0, 8 },
	{ "PACKETS", "packets", TOP_TOTAL, TRAFFIC_PACKETS, 0, 0 },
	{ "BYTES", "bytes", TOP_TOTAL, TRAFFIC_BYTES, 0, 0 },
	{ .title = NULL },
};

static const struct top_column drop_columns[] = {
	{ "PKT/S", "packets_rate", TOP_RATE, TRAFFIC_PACKETS, 0, 1 },
	{ "PACKETS", "packets", TOP_TOTAL, TRAFFIC_PACKETS, 0, 0 },
	{ .title = NULL },
};

static const struct top_column worker_columns[] = {
	{ "BUSY %", "busy", TOP_SHARE, WORKER_BUSY, 0, 0 },
	{ "IDLE %", "idle", TOP_SHARE, WORKER_IDLE, 0, 0 },
	{ "PKT/S", "packets_rate", TOP_RATE, WORKER_PACKETS, 0, 1 },
	{ "CYC/PKT", "cycles_per_packet", TOP_QUOTIENT, WORKER_BUSY, WORKER_PACKETS, 0 },
	{ "PKT/TURN", "packets_per_turn", TOP_QUOTIENT, WORKER_PACKETS, WORKER_TURNS, 0 },
	{ "NAPS/S", "naps_rate", TOP_RATE, WORKER_NAPS, 0, 1 },
	{ .title = NULL },
};

const struct top_pane top_panes[] = {
	[TOP_WORD_PORTS] = { "ports", { "PORT", "LINK" }, { "port", "link" }, { false, false }, 0,
			     PORT_COUNTERS, port_columns, collect_ports, name_port },
	[TOP_WORD_TUNNELS] = { "tunnels", { "TUNNEL", "STATE" }, { "tunnel", "state" },
			       { false, false }, 0, PORT_COUNTERS, tunnel_columns, collect_tunnels,
			       name_tunnel },
	[TOP_WORD_LABELS] = { "labels", { "LABEL", "SPACE" }, { "label", "space" }, { true, true },
			      0, TRAFFIC_COUNTERS, traffic_columns, collect_labels, name_label },
	[TOP_WORD_GROUPS] = { "groups", { "GROUP", "BRIDGE" }, { "group", "bridge" },
			      { false, false }, 0, TRAFFIC_COUNTERS, traffic_columns, collect_groups,
			      name_group },
	[TOP_WORD_RULES] = { "rules", { "FILTER", "SEQ" }, { "filter", "seq" }, { false, true }, 0,
			     TRAFFIC_COUNTERS, traffic_columns, collect_rules, name_rule },
	[TOP_WORD_DROPS] = { "drops", { "REASON", "INTERFACE" }, { "reason", "interface" },
			     { false, false }, 0, TRAFFIC_COUNTERS, drop_columns, collect_drops,
			     name_drop },
	[TOP_WORD_WORKERS] = { "workers", { "WORKER", "LCORE" }, { "worker", "lcore" },
			       { true, true }, TOP_COLUMNS, WORKER_COUNTERS, worker_columns,
			       collect_workers, name_worker },
	[TOP_WORD_INTERFACES] = { "interfaces", { "INTERFACE", "KIND" }, { "interface", "kind" },
				  { false, false }, 0, PORT_COUNTERS, port_columns, collect_others,
				  name_other },
};
static_assert(sizeof(top_panes) / sizeof(top_panes[0]) == TOP_WORDS, "a pane per word");

unsigned int top_pane_columns(const struct top_pane *pane)
{
	unsigned int count = 0;

	while (pane->columns[count].title)
		count++;
	return count;
}

int top_pane_sort(const struct top_pane *pane, const char *key)
{
	if (strcmp(key, pane->keys[0]) == 0)
		return TOP_COLUMNS;
	for (int i = 0; pane->columns[i].title; i++)
		if (strcmp(pane->columns[i].key, key) == 0)
			return i;
	return -1;
}
