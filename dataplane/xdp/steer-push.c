/* SPDX-License-Identifier: BSD-3-Clause
 *
 * steer-push.c: the filter of a port goes into its program, and what it dropped comes out.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "dataplane/clock.h"
#include "dataplane/log.h"
#include "dataplane/xdp/steer-filter.h"
#include "dataplane/xdp/steer.h"

enum {
	CPUS_MAX = 1024,
	LIST_NS = 100000000, /* at least between two looks at addresses that change */
	LIST_SHARE = 20,     /* and as many times as long as such a look takes */
};
#define LEASE_NS 2000000000ull

/* ---------------------------------------------------------------- the maps */

static void lease(const struct steer *steer, uint64_t until)
{
	uint32_t which = STEER_LEASE;

	bpf_map_update_elem(steer->settings, &which, &until, BPF_ANY);
}

/* The program has the new one from here on, and no packet is on its way through the old one: the kernel
 * waits for them. */
static int swap(const struct steer *steer, const struct steer_filter *filter)
{
	uint32_t zero = 0;
	int map = bpf_map_create(BPF_MAP_TYPE_ARRAY, "shunt_filter", sizeof(zero), sizeof(*filter),
				 1, NULL);

	if (map < 0)
		return -errno;
	int result = 0;
	if (bpf_map_update_elem(map, &zero, filter, BPF_ANY) != 0 ||
	    bpf_map_update_elem(steer->filters, &zero, &map, BPF_ANY) != 0)
		result = -errno;
	close(map); /* the program holds it */
	return result;
}

/* If there is one. */
static void remove_filter(const struct steer *steer)
{
	uint32_t zero = 0;

	bpf_map_delete_elem(steer->filters, &zero);
}

static bool read_denied(const struct steer *steer, uint32_t bank, uint32_t slot,
			struct steer_denied *sum)
{
	static struct steer_denied value[CPUS_MAX];
	uint32_t index = bank * STEER_SLOTS + slot;
	int cpus = libbpf_num_possible_cpus();

	*sum = (struct steer_denied){ 0 };
	if (cpus < 1 || cpus > CPUS_MAX ||
	    bpf_map_lookup_elem(steer->denied, &index, value) != 0)
		return false;
	for (int cpu = 0; cpu < cpus; cpu++) {
		sum->packets += value[cpu].packets;
		sum->bytes += value[cpu].bytes;
	}
	return true;
}

/* ---------------------------------------------------------------- what was dropped */

void steer_harvest(struct steer *steer, steer_denied_report *report, void *context)
{
	struct steer_push *push = &steer->push;
	uint64_t count[STEER_COUNTER_COUNT];

	if (!steer->attached || push->number == 0)
		return;
	steer_count(steer, count);
	if (count[STEER_DENIED] == push->denied)
		return;
	/* a frame is counted by its slot first: what comes in between is found the next time */
	push->denied = count[STEER_DENIED];
	for (uint32_t slot = 0; slot < push->slots; slot++) {
		struct steer_denied now, *seen = &push->seen[slot];
		if (!read_denied(steer, push->bank, slot, &now) || now.packets == seen->packets)
			continue;
		report(context, push->number, slot, now.packets - seen->packets,
		       now.bytes - seen->bytes);
		*seen = now;
	}
}

/* A bank that nobody counts in any more, for the next but one filter. */
static void clear_bank(struct steer *steer, uint32_t bank, uint32_t slots)
{
	static const struct steer_denied zero[CPUS_MAX];

	for (uint32_t slot = 0; slot < slots; slot++) {
		uint32_t index = bank * STEER_SLOTS + slot;
		if (steer->push.seen[slot].packets != 0)
			bpf_map_update_elem(steer->denied, &index, zero, BPF_ANY);
		steer->push.seen[slot] = (struct steer_denied){ 0 };
	}
}

/* ---------------------------------------------------------------- which filter */

static struct steer_source source_of(const struct tables *tables, unsigned int row, bool flood)
{
	const struct interface *interface = &tables->interface[row];
	uint64_t features = word_load(&interface->features);
	struct steer_source source = {
		.tables = tables->control.hash_key[0],
		.number = features & INTERFACE_FILTER_IN ? word_load(&interface->filter_in) : 0,
		.mac = word_load(&interface->mac),
		.flags = (word_load(&interface->flags) & (INTERFACE_VALID | INTERFACE_UP)) |
			 (features & INTERFACE_BRIDGED),
		.flood = flood,
	};
	const struct filter *filter = filter_get(tables, source.number);

	if (source.number == 0 || source.number >= FILTER_MAX || filter == NULL)
		return (struct steer_source){ .tables = source.tables };
	source.word = word_load(&tables->filter[source.number]);
	source.version = filter->version;
	if (filter->dimensions & (FILTER_SOURCE | FILTER_DESTINATION)) {
		const struct filter_roots *roots = tables_object(tables, filter->roots);
		source.changes = word_load(&roots->changes);
	}
	return source;
}

static bool same(const struct steer_source *a, const struct steer_source *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool differ_by_addresses(const struct steer_source *a, const struct steer_source *b)
{
	struct steer_source other = *b;

	other.changes = a->changes;
	return same(a, &other);
}

static enum xdp_filter compile(const struct tables *tables, const struct steer_source *source,
			       struct steer_filter *image)
{
	const uint64_t up = INTERFACE_VALID | INTERFACE_UP;

	if (source->number == 0)
		return XDP_FILTER_NONE;
	if (!source->flood)
		return XDP_FILTER_CALM;
	if (source->flags & INTERFACE_BRIDGED)
		return XDP_FILTER_BRIDGED;
	if ((source->flags & up) != up || source->mac == 0)
		return XDP_FILTER_DOWN;
	return steer_compile(tables, filter_get(tables, source->number), source->mac, image);
}

/* Is there anything to do? An interval after the last look, if only addresses changed. */
static bool is_due(const struct steer_push *push, const struct steer_source *source, uint64_t now)
{
	if (same(&push->source, source))
		return false;
	return now >= push->next || !differ_by_addresses(&push->source, source);
}

bool steer_push_begin(struct steer *steer, const struct tables *tables, unsigned int row,
		      bool flood, struct steer_filter *image)
{
	struct steer_push *push = &steer->push;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	if (!steer->attached)
		return false;
	struct steer_source source = source_of(tables, row, flood);
	if (!is_due(push, &source, now)) {
		if (push->number != 0)
			lease(steer, now + LEASE_NS);
		return false;
	}
	push->result = compile(tables, &source, image);
	push->source = source;
	uint64_t took = clock_ns(CLOCK_MONOTONIC) - now;
	push->next = now + (took * LIST_SHARE > LIST_NS ? took * LIST_SHARE : LIST_NS);
	return push->result == XDP_FILTER_PUSHED || push->number != 0;
}

void steer_push_stop(struct steer *steer, steer_denied_report *report, void *context)
{
	if (!steer->attached || steer->push.number == 0)
		return;
	steer->push.result = XDP_FILTER_NONE;
	steer_push_end(steer, NULL, report, context);
}

void steer_push_end(struct steer *steer, struct steer_filter *image, steer_denied_report *report,
		    void *context)
{
	struct steer_push *push = &steer->push;
	uint32_t bank = !push->bank;
	int result = 0;

	if (push->result == XDP_FILTER_PUSHED) {
		image->bank = bank;
		lease(steer, clock_ns(CLOCK_MONOTONIC) + LEASE_NS);
		result = swap(steer, image);
	}
	if (result != 0) {
		log_warning("XDP: filter: %s; it is asked by the workers alone", strerror(-result));
		push->result = XDP_FILTER_KERNEL;
	}
	if (push->result != XDP_FILTER_PUSHED)
		remove_filter(steer);
	if (push->number != 0) {
		push->denied = UINT64_MAX;
		steer_harvest(steer, report, context);
		clear_bank(steer, push->bank, push->slots);
	}
	push->number = 0;
	if (push->result == XDP_FILTER_PUSHED) {
		push->number = (uint32_t)push->source.number;
		push->slots = image->slots;
	}
	push->denied = UINT64_MAX; /* read in any case */
	push->bank = bank;
}
