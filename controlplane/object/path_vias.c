/* SPDX-License-Identifier: BSD-3-Clause
 *
 * path_vias.c: the addresses that recursive routes look for, in order, so that a change of a route
 * finds out by one search whether any of them is in its prefix.
 */
#include <stdlib.h>
#include "route.h"

struct via_index { /* an address that some list looks for */
	uint8_t address[16];
	uint32_t vrf;
	uint32_t users;
};

static int compare_via(const struct via_index *entry, uint32_t vrf, const uint8_t *address)
{
	bool ipv4 = address_is_ipv4((const struct address *)address);
	bool entry_ipv4 = address_is_ipv4((const struct address *)entry->address);

	if (entry->vrf != vrf)
		return entry->vrf < vrf ? -1 : 1;
	/* the first of a prefix's family follows the prefix: IPv4 stands in the midst of IPv6 */
	if (entry_ipv4 != ipv4)
		return entry_ipv4 ? -1 : 1;
	return memcmp(entry->address, address, sizeof(entry->address));
}

/* The first entry that is not below. */
static uint32_t find_via(const struct model *model, uint32_t vrf, const uint8_t *address)
{
	uint32_t low = 0, high = model->via_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (compare_via(&model->vias[middle], vrf, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool path_lists_look_at(const struct model *model, const struct route_prefix *prefix)
{
	struct address address;

	if (model->via_count == 0)
		return false;
	route_prefix_address(prefix, &address);
	uint32_t i = find_via(model, prefix->vrf, address.bytes);
	return i < model->via_count &&
	       route_prefix_covers(prefix, model->vias[i].vrf,
				   (const struct address *)model->vias[i].address);
}

static bool index_via(struct model *model, const struct nexthop_request *request)
{
	uint32_t i = find_via(model, request->vrf, request->via);

	if (i < model->via_count && compare_via(&model->vias[i], request->vrf, request->via) == 0) {
		model->vias[i].users++;
		return true;
	}
	struct via_index *larger = realloc(model->vias, (model->via_count + 1) * sizeof(*larger));
	if (larger == NULL)
		return false;
	model->vias = larger;
	memmove(&larger[i + 1], &larger[i], (model->via_count - i) * sizeof(*larger));
	larger[i] = (struct via_index){ .vrf = request->vrf, .users = 1 };
	memcpy(larger[i].address, request->via, sizeof(larger[i].address));
	model->via_count++;
	return true;
}

static void forget_via(struct model *model, const struct nexthop_request *request)
{
	uint32_t i = find_via(model, request->vrf, request->via);

	if (--model->vias[i].users > 0)
		return;
	model->via_count--;
	memmove(&model->vias[i], &model->vias[i + 1],
		(model->via_count - i) * sizeof(model->vias[0]));
}

void path_vias_forget(struct model *model, const struct path_list *list, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (path_may_recurse(&list->path[i].request))
			forget_via(model, &list->path[i].request);
}

bool path_vias_index(struct model *model, const struct path_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		if (path_may_recurse(&list->path[i].request) &&
		    !index_via(model, &list->path[i].request)) {
			path_vias_forget(model, list, i);
			return false;
		}
	}
	return true;
}
