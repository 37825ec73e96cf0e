/* SPDX-License-Identifier: BSD-3-Clause
 *
 * claim.c: what the tables refer to, found again by a control plane that restarts. The file was
 * written by a process that died, perhaps of a bug: nothing in it is believed unchecked.
 */
#include <errno.h>
#include <string.h>
#include "filter-build.h"
#include "table.h"
#include "tunnel.h"

static int claim_word(struct heap *heap, const _Atomic uint64_t *word, uint64_t size)
{
	uint64_t offset = word_load(word);

	if (offset == 0)
		return 0;
	/* nothing here is shared: claimed already means that two words name one object */
	return heap_claim(heap, offset, size) == 0 ? 0 : -EINVAL;
}

static int claim_words(struct heap *heap, const _Atomic uint64_t *word, unsigned int count,
		       uint64_t size)
{
	int result = 0;

	for (unsigned int i = 0; result == 0 && i < count; i++)
		result = claim_word(heap, &word[i], size);
	return result;
}

static bool label_valid(uint64_t entry)
{
	switch (label_operation(entry)) {
	case LABEL_NONE:
		return false; /* 0 is none; anything else needs an operation */
	case LABEL_SWAP:
	case LABEL_REPLACE:
	case LABEL_POP:
		return label_index(entry) != 0 &&
		       label_index(entry) < ((entry & LABEL_GROUP) != 0 ? (uint32_t)GROUP_MAX
									: (uint32_t)NEXTHOP_MAX);
	case LABEL_POP_LABEL:
	case LABEL_POP_IP:
	case LABEL_POP_BRIDGE:
	case LABEL_SPECIAL:
		return true;
	case LABEL_REPLICATE:
		return (entry & LABEL_GROUP) != 0 && label_index(entry) != 0 &&
		       label_index(entry) < GROUP_MAX;
	}
	return false;
}

static int claim_labels(const struct tables *tables, struct heap *heap)
{
	int result = claim_words(heap, tables->label_space, LABEL_SPACE_MAX,
				 LABEL_COUNT * sizeof(uint64_t));

	if (result == 0)
		result = claim_words(heap, tables->label_baseline, LABEL_SPACE_MAX,
				     LABEL_COUNT * sizeof(struct traffic_counter));
	for (unsigned int space = 0; result == 0 && space < LABEL_SPACE_MAX; space++) {
		uint64_t offset = word_load(&tables->label_space[space]);
		const _Atomic uint64_t *label = tables_object(tables, offset);
		/* a million words, most of them 0: the bulk of a restart's time */
		for (uint32_t i = 0; offset != 0 && i < LABEL_COUNT; i++) {
			uint64_t entry = counter_read(&label[i]);
			if (entry != 0 && !label_valid(entry))
				return -EINVAL;
		}
	}
	return result;
}

static bool rewrite_valid(const struct rewrite *rewrite, enum nexthop_kind kind)
{
	if (rewrite->header_length > sizeof(rewrite->header) || rewrite->label_count > STACK_MAX ||
	    rewrite->backup >= NEXTHOP_MAX)
		return false;
	/* only what is forwarded needs to have a way out */
	return kind != NEXTHOP_FORWARD ||
	       (rewrite->port <= PORT_VIRTUAL && rewrite->interface < INTERFACE_MAX);
}

static int claim_nexthops(const struct tables *tables, struct heap *heap)
{
	uint64_t used = word_load(&tables->control.nexthop_used);

	if (used == 0 || used > NEXTHOP_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < NEXTHOP_MAX; i++) {
		uint64_t word = word_load(&tables->nexthop[i]);
		if (word == 0)
			continue;
		if (i == NEXTHOP_NONE || i >= used || nexthop_kind(word) == NEXTHOP_FREE ||
		    nexthop_kind(word) > NEXTHOP_BLACKHOLE ||
		    heap_claim(heap, word & ~(0xffull << NEXTHOP_KIND_SHIFT),
			       sizeof(struct rewrite)) != 0 ||
		    !rewrite_valid(nexthop_rewrite(tables, word), nexthop_kind(word)))
			return -EINVAL;
	}
	return 0;
}

static int check_group(const struct tables *tables, uint32_t index)
{
	const struct group_members *members =
		tables_object(tables, word_load(&tables->group_members[index]));

	const struct group_record *record =
		tables_object(tables, word_load(&tables->group_members[index]));

	if (members->count == 0 || members->count > GROUP_MEMBER_MAX ||
	    record->interface_count > GROUP_INTERFACE_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < members->count; i++)
		if (members->member[i].nexthop == NEXTHOP_NONE ||
		    members->member[i].nexthop >= NEXTHOP_MAX || members->member[i].weight == 0)
			return -EINVAL;
	for (unsigned int b = 0; b < GROUP_BUCKETS; b++)
		if (atomic_load_explicit(&tables->group[index].bucket[b], memory_order_relaxed) >=
		    NEXTHOP_MAX)
			return -EINVAL;
	return 0;
}

static int claim_groups(const struct tables *tables, struct heap *heap)
{
	uint64_t used = word_load(&tables->control.group_used);
	int result =
		claim_words(heap, tables->group_members, GROUP_MAX, sizeof(struct group_record));

	if (used == 0 || used > GROUP_MAX)
		return -EINVAL;
	for (uint32_t i = 0; result == 0 && i < GROUP_MAX; i++) {
		if (word_load(&tables->group_members[i]) == 0)
			continue;
		result = i == 0 || i >= used ? -EINVAL : check_group(tables, i);
	}
	return result;
}

static bool terminated(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static int claim_ports(const struct tables *tables, struct heap *heap)
{
	for (unsigned int i = 0; i < PORT_MAX; i++) {
		uint64_t offset = word_load(&tables->port[i].wish);
		if (offset == 0)
			continue;
		if (heap_claim(heap, offset, sizeof(struct port_wish)) != 0)
			return -EINVAL;
		const struct port_wish *wish = tables_object(tables, offset);
		if (!terminated(wish->name, sizeof(wish->name)) ||
		    !terminated(wish->devargs, sizeof(wish->devargs)) ||
		    !terminated(wish->host_device, sizeof(wish->host_device)) ||
		    !terminated(wish->host_interface, sizeof(wish->host_interface)))
			return -EINVAL;
	}
	return 0;
}

static bool interface_valid(const struct interface *interface, uint64_t flags)
{
	uint64_t kind = flags >> INTERFACE_KIND_SHIFT & 0xf;

	return kind <= INTERFACE_PSEUDOWIRE &&
	       (flags >> INTERFACE_SPACE_SHIFT & 0xff) < LABEL_SPACE_MAX &&
	       (flags >> INTERFACE_UPSTREAM_SHIFT & 0xff) < LABEL_SPACE_MAX &&
	       (kind >= INTERFACE_LOOPBACK || (flags >> INTERFACE_PORT_SHIFT & 0xff) < PORT_MAX) &&
	       interface->parent < INTERFACE_MAX &&
	       terminated(interface->name, sizeof(interface->name));
}

static bool tunnel_valid(const struct tunnel *tunnel)
{
	return tunnel->mode < TUNNEL_MODES && tunnel->header_length <= TUNNEL_HEADER_MAX;
}

/* What a tunnel's row names. Its underlay is a leaf: whatever index it has is looked up masked. */
static int claim_tunnels(const struct tables *tables, struct heap *heap)
{
	uint64_t used = word_load(&tables->control.interface_used);

	for (uint32_t i = INTERFACE_FIRST_TUNNEL; i < INTERFACE_MAX && i < used; i++) {
		const struct interface *row = &tables->interface[i];
		if (claim_word(heap, &row->object, sizeof(struct tunnel)) != 0)
			return -EINVAL;
		const struct tunnel *tunnel = tunnel_get(tables, i);
		uint64_t flags = word_load(&row->flags);
		if (tunnel == NULL ? (flags & INTERFACE_VALID) != 0 : !tunnel_valid(tunnel))
			return -EINVAL;
	}
	return 0;
}

static int claim_interfaces(const struct tables *tables, struct heap *heap)
{
	for (unsigned int i = 0; i < INTERFACE_MAX; i++) {
		uint64_t flags = word_load(&tables->interface[i].flags);
		if ((flags & INTERFACE_VALID) != 0 &&
		    !interface_valid(&tables->interface[i], flags))
			return -EINVAL;
	}
	int result = claim_word(heap, &tables->runtime_baseline, sizeof(struct runtime_baseline));

	return result != 0 ? result
			   : claim_words(heap, tables->interface_baseline, INTERFACE_MAX,
					 sizeof(struct interface_counters));
}

int tables_claim(struct tables *tables, struct heap *heap)
{
	int result = claim_labels(tables, heap);

	if (result == 0)
		result = claim_nexthops(tables, heap);
	if (result == 0)
		result = claim_groups(tables, heap);
	if (result == 0)
		result = claim_ports(tables, heap);
	if (result == 0)
		result = claim_interfaces(tables, heap);
	if (result == 0)
		result = claim_tunnels(tables, heap);
	if (result == 0)
		result = tables_claim_bridges(tables, heap);
	if (result == 0)
		result = filter_claim(tables, heap);
	return result;
}
