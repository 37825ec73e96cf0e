/* SPDX-License-Identifier: BSD-3-Clause
 *
 * top-group.c: multicast groups of bridges and routed interfaces, each entry by its counter. Which entry has a counter is known when
 * all of them were walked: it is kept for the rows that are shown.
 */
#include <stdio.h>
#include <string.h>
#include "cli/top.h"
#include "controlplane/object/view.h"
#include "dataplane/shm/bridge.h"
#include "dataplane/shm/table.h"

static struct {
	bool used, of_source;
	struct group_source_key key;
} entries[MULTICAST_COUNTERS];

static void keep(uint32_t counter, const struct group_key *any, const uint8_t *source)
{
	if (counter == 0 || counter >= MULTICAST_COUNTERS)
		return;
	entries[counter].used = true;
	entries[counter].of_source = source != NULL;
	entries[counter].key.any = *any;
	if (source != NULL)
		memcpy(entries[counter].key.source, source, sizeof(entries[counter].key.source));
}

static void keep_group(void *context, const void *found)
{
	struct group_entry entry = *(const struct group_entry *)found;

	(void)context;
	keep(entry.counter, &entry.key, NULL);
}

static void keep_source(void *context, const void *found)
{
	struct group_source_entry entry = *(const struct group_source_entry *)found;

	(void)context;
	keep(entry.counter, &entry.key.any, entry.key.source);
}

/* Those that have counted something, as labels. */
void collect_groups(const struct view *view, struct top_sample *sample)
{
	uint64_t packets, bytes;

	memset(entries, 0, sizeof(entries));
	view_hash_walk(view, HASH_GROUP, sizeof(struct group_entry), keep_group, NULL);
	view_hash_walk(view, HASH_GROUP_SOURCE, sizeof(struct group_source_entry), keep_source,
		       NULL);
	for (uint32_t counter = 1; counter < MULTICAST_COUNTERS; counter++) {
		if (!entries[counter].used)
			continue;
		multicast_counters(view->tables, view->state, counter, &packets, &bytes);
		uint64_t *row = packets ? top_sample_row(sample, counter) : NULL;
		if (!row)
			continue;
		row[1 + TRAFFIC_PACKETS] = packets;
		row[1 + TRAFFIC_BYTES] = bytes;
	}
}

static void format(const uint8_t bytes[16], char text[46])
{
	struct address address;

	memcpy(address.bytes, bytes, sizeof(address.bytes));
	address_format(&address, text);
}

void name_group(const struct view *view, uint64_t id, char name[2][TOP_NAME])
{
	const struct group_source_key *key = &entries[id % MULTICAST_COUNTERS].key;
	char group[46], source[46], bridge[NAME_SIZE];

	format(key->any.group, group);
	format(key->source, source);
	bool routed = key->any.bridge >= BRIDGE_MAX;
	if (routed)
		view_interface(view, (key->any.bridge - BRIDGE_MAX) % INTERFACE_FIRST_TUNNEL, bridge);
	else
		view_bridge_name(view, key->any.bridge, bridge);
	if (entries[id % MULTICAST_COUNTERS].of_source)
		snprintf(name[0], TOP_NAME, "%s %s", group, source);
	else
		snprintf(name[0], TOP_NAME, "%s", group);
	if (routed)
		snprintf(name[1], TOP_NAME, "%s", bridge);
	else
		snprintf(name[1], TOP_NAME, "%s.%u", bridge, key->any.vlan);
}
