/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/xdp/steer-filter.h"

#include <string.h>

enum { ENTRIES_MAX = 1 << 20 }; /* of the tries that are looked at for one filter: some milliseconds */

static_assert((int)STEER_SLOTS == (int)FILTER_SLOTS, "slots");

__extension__ typedef unsigned __int128 uint128; /* an address; IPv4's has 32 bits of it */

struct compiling {
	const struct tables *tables;
	const struct filter *filter;
	struct steer_filter *steer;
	uint32_t words; /* of a row here */
	uint32_t used;  /* words of row[] */
	uint16_t place[FILTER_ROW_MAX + 1]; /* of a row of the filter's; 0: not here yet */
	enum xdp_filter result;
	unsigned int family; /* of the trie that is looked at */
	uint32_t count[STEER_SIDES]; /* ranges of this family */
	uint32_t entries;
};

static bool is_plain_deny(uint16_t decision)
{
	return !(decision & FILTER_LOG) && filter_action(decision) == FILTER_DENY;
}

/* ---------------------------------------------------------------- rows */

/* Where the row stands here. */
static uint16_t put_row(struct compiling *compiling, uint32_t row)
{
	const struct filter *filter = compiling->filter;
	const uint64_t *from = filter_at(filter, filter->row);

	if (row >= filter->rows) /* cannot be */
		return 0;
	if (compiling->place[row] != 0)
		return compiling->place[row];
	if (compiling->used + compiling->words > STEER_ROW_WORDS) {
		compiling->result = XDP_FILTER_CLASSES;
		return 0;
	}
	uint16_t place = (uint16_t)compiling->used;
	memcpy(&compiling->steer->row[place], &from[(size_t)row * filter->words],
	       compiling->words * sizeof(*from));
	compiling->used += compiling->words;
	compiling->place[row] = place;
	return place;
}

static void put_rows(struct compiling *compiling, uint16_t *to, uint32_t from, uint32_t count)
{
	const uint16_t *row = filter_at(compiling->filter, from);

	for (uint32_t i = 0; i < count && compiling->result == XDP_FILTER_PUSHED; i++)
		to[i] = put_row(compiling, row[i]);
}

/* ---------------------------------------------------------------- addresses */

static void put_start(struct compiling *compiling, unsigned int side, uint32_t i, uint128 start)
{
	struct steer_filter *steer = compiling->steer;

	if (compiling->family == ROUTE_IPV4) {
		steer->start4[side][i] = (uint32_t)start;
		return;
	}
	steer->start6[side][i][0] = (uint64_t)(start >> 64);
	steer->start6[side][i][1] = (uint64_t)start;
}

/* From this address on, in order, the set is another one. */
static void put_set(struct compiling *compiling, uint128 start, uint32_t set)
{
	const struct filter *filter = compiling->filter;

	for (unsigned int side = 0; side < STEER_SIDES; side++) {
		uint16_t *at = compiling->steer->at[compiling->family][side];
		uint32_t *count = &compiling->count[side];
		if (!(filter->dimensions & (side == 0 ? FILTER_SOURCE : FILTER_DESTINATION)))
			continue;
		uint16_t row = put_row(compiling, filter_set_row(filter, side, set));
		if (*count > 0 && at[*count - 1] == row)
			continue;
		if (*count == STEER_RANGES) {
			compiling->result = XDP_FILTER_PREFIXES;
			return;
		}
		put_start(compiling, side, *count, start);
		at[(*count)++] = row;
	}
}

/* `prefix` has whole bytes of an address: as many as the family has. */
static uint128 number_of(const uint8_t *prefix, unsigned int family)
{
	if (family == ROUTE_IPV4)
		return lpm_bits(prefix, 4);
	return (uint128)lpm_bits(prefix, 8) << 64 | lpm_bits(prefix + 8, 8);
}

/* The last address that has the first `length` bits of this one, the others being 0. */
static uint128 last_of(uint128 first, unsigned int bits, unsigned int length)
{
	return length == bits ? first : first | (((uint128)1 << (bits - length - 1)) * 2 - 1);
}

static void put_tail(struct compiling *compiling, const struct lpm_tail *tail, uint128 first,
		     uint128 last)
{
	unsigned int bits = compiling->family == ROUTE_IPV4 ? 32 : 128;
	uint128 start = number_of(tail->prefix, compiling->family);
	uint128 end = last_of(start, bits, tail->length);
	uint32_t value = atomic_load(&tail->value), otherwise = atomic_load(&tail->otherwise);

	if (start != first)
		put_set(compiling, first, otherwise);
	put_set(compiling, start, value);
	if (end != last)
		put_set(compiling, end + 1, otherwise);
}

/* What an entry says of the addresses from `first` on that have their first `depth` bits. */
static void put_entry(struct compiling *compiling, uint32_t entry, uint128 first,
		      unsigned int depth)
{
	unsigned int bits = compiling->family == ROUTE_IPV4 ? 32 : 128;
	const struct tables *tables = compiling->tables;

	if (compiling->result != XDP_FILTER_PUSHED)
		return;
	if (++compiling->entries > ENTRIES_MAX || depth > bits) {
		compiling->result = XDP_FILTER_PREFIXES;
		return;
	}
	if (lpm_type(entry) == LPM_LEAF) {
		put_set(compiling, first, entry);
		return;
	}
	if (lpm_type(entry) == LPM_TAIL) {
		put_tail(compiling, tables_object(tables, lpm_offset(entry)), first,
			 last_of(first, bits, depth));
		return;
	}
	unsigned int stride = lpm_type(entry) == LPM_NODE16 ? 16 : 8;
	const _Atomic uint32_t *node = tables_object(tables, lpm_offset(entry));
	for (uint32_t i = 0; i < 1u << stride; i++)
		put_entry(compiling, atomic_load_explicit(&node[i], memory_order_acquire),
			  first | (uint128)i << (bits - depth - stride), depth + stride);
}

/* What is not in use is never begun by an address but the last one, whose row it has. */
static void pad_ranges(struct compiling *compiling)
{
	for (unsigned int side = 0; side < STEER_SIDES; side++) {
		uint16_t *at = compiling->steer->at[compiling->family][side];
		uint32_t count = compiling->count[side];
		for (uint32_t i = count; i < STEER_RANGES && count > 0; i++) {
			put_start(compiling, side, i, ~(uint128)0);
			at[i] = at[count - 1];
		}
	}
}

static void put_addresses(struct compiling *compiling)
{
	const struct filter *filter = compiling->filter;

	if (!(filter->dimensions & (FILTER_SOURCE | FILTER_DESTINATION)))
		return;
	const struct filter_roots *roots = tables_object(compiling->tables, filter->roots);
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++) {
		compiling->family = family;
		compiling->count[0] = compiling->count[1] = 0;
		put_entry(compiling,
			  atomic_load_explicit(&roots->root[family], memory_order_acquire), 0, 0);
		pad_ranges(compiling);
	}
}

/* ---------------------------------------------------------------- the filter */

/* Entries of class[]: behind the last that any page has. */
static uint32_t count_classes(const struct filter *filter)
{
	uint32_t count = 0;

	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
		for (unsigned int protocol = 0; protocol < 256; protocol++) {
			const struct filter_page *page = &filter->page[family][protocol];
			if (page->first + page->mask + 1 > count)
				count = page->first + page->mask + 1;
		}
	return count;
}

static void put_pages(const struct filter *filter, struct steer_filter *steer)
{
	for (unsigned int family = 0; family < ROUTE_FAMILIES; family++)
		for (unsigned int protocol = 0; protocol < 256; protocol++) {
			const struct filter_page *page = &filter->page[family][protocol];
			steer->page[family][protocol] =
				(struct steer_page){ .first = page->first,
						     .mask = page->mask,
						     .key = page->key,
						     .header = (uint8_t)packet_l4_size(protocol) };
		}
}

static bool denies_any(const struct filter *filter, uint32_t classes)
{
	const uint16_t *decision = filter_at(filter, filter->words == 0 ? filter->class
								       : filter->decision);
	uint32_t count = filter->words == 0 ? classes : filter->rule_count;

	for (uint32_t i = 0; i < count; i++)
		if (is_plain_deny(decision[i]))
			return true;
	return filter->words != 0 && is_plain_deny(filter->otherwise);
}

static void put_dimensions(struct compiling *compiling, uint32_t classes)
{
	const struct filter *filter = compiling->filter;
	struct steer_filter *steer = compiling->steer;

	memset(steer->row, 0xff, compiling->words * sizeof(steer->row[0]));
	compiling->used = compiling->words;
	memcpy(steer->decision, filter_at(filter, filter->decision),
	       filter->rule_count * sizeof(uint16_t));
	put_rows(compiling, steer->class, filter->class, classes);
	if (filter->dimensions & FILTER_SPORT)
		put_rows(compiling, steer->sport, filter->sport, FILTER_SPORT_SIZE);
	if (filter->dimensions & FILTER_MISC)
		put_rows(compiling, steer->misc, filter->misc, FILTER_MISC_SIZE);
	put_addresses(compiling);
}

enum xdp_filter steer_compile(const struct tables *tables, const struct filter *filter, uint64_t mac,
			      struct steer_filter *steer)
{
	static struct compiling compiling; /* large */
	uint32_t classes = count_classes(filter);

	if (classes > STEER_CLASSES)
		return XDP_FILTER_CLASSES;
	if (filter->words != 0 && filter->rule_count > STEER_RULES)
		return XDP_FILTER_RULES;
	if (!denies_any(filter, classes))
		return XDP_FILTER_PERMITS;
	memset(steer, 0, sizeof(*steer));
	memset(&compiling, 0, sizeof(compiling));
	compiling.tables = tables;
	compiling.filter = filter;
	compiling.steer = steer;
	compiling.result = XDP_FILTER_PUSHED;
	compiling.words = filter->words == 0 ? 0 : (filter->rule_count + 63) / 64;
	steer->mac = mac;
	steer->words = compiling.words;
	steer->dimensions = filter->dimensions;
	steer->slots = filter->slots;
	steer->otherwise = filter->otherwise;
	put_pages(filter, steer);
	if (filter->words == 0)
		memcpy(steer->class, filter_at(filter, filter->class), classes * sizeof(uint16_t));
	else
		put_dimensions(&compiling, classes);
	return compiling.result;
}
