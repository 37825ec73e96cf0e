/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter.h: which rule of a filter decides about a packet. The reader is here, in one place for the
 * data plane, for `filter test` and for the tests; the writer is in filter-build.h.
 *
 * A published filter is one heap object that tables->filter[number] names: replaced by one store.
 * What may be asked of a packet is cut into dimensions, each of which gives a class by one load:
 *
 *   class        by family, protocol and destination port (or ICMP type and code, or fragment)
 *   sport        by source port
 *   misc         by DSCP and TCP flags
 *   source, destination   by address: one trie for all filters and lists (struct filter_roots)
 *                gives the number of a set of lists and prefixes, map[] the filter's class of that
 *
 * A class is a row of bits, one a rule, in order: those that it does not rule out. The rows of a
 * packet's classes are ANDed; the first bit that is left is the rule. A filter of up to 64 rules has
 * rows of one word. Longer ones have a summary word a row, bit i for word i, so that only words that
 * matter are looked at, four at a time where the processor has AVX2.
 *
 * A filter that looks at nothing but the first dimension has no rows: class[] holds its decisions. Of
 * others, IPv4 packets whose class leaves few rules need none either: filter-line.h.
 *
 * Rows, and map entries of sets that no address has yet, may be written to a published filter: no
 * packet gets there before the trie's entry names the set, which is stored later.
 */
#ifndef SHUNT_SHM_FILTER_H
#define SHUNT_SHM_FILTER_H

#include <string.h>
#include "filter-packet.h"
#include "lpm.h"

enum filter_action { FILTER_PERMIT, FILTER_DENY, FILTER_POLICE };

/* What becomes of packets above a policing rule's committed rate and within its excess burst or peak rate
 * (yellow): these, or what is below them: the DSCP that they are marked with. */
enum filter_exceed { FILTER_EXCEED_PERMIT = 64, FILTER_EXCEED_DENY };

/* A decision: bits 0-12 the slot (counter) of the rule, 13-14 the action, 15: a sample is taken. */
#define FILTER_SLOT_MASK    0x1fffu
#define FILTER_ACTION_SHIFT 13
#define FILTER_LOG          0x8000u

/* Dimensions besides the first one. */
enum filter_dimension {
	FILTER_SOURCE = 1 << 0,
	FILTER_DESTINATION = 1 << 1,
	FILTER_SPORT = 1 << 2,
	FILTER_MISC = 1 << 3,
};

enum {
	FILTER_ETHERTYPES = 32, /* that a filter may name, besides IPv4's and IPv6's */
	FILTER_ROW_MAX = 65535,
	FILTER_LANES = 4, /* words that are looked at together: rows of several are padded to it */
	FILTER_MISC_SIZE = 256,
	FILTER_IPV4_HEADER = 20, /* without options */
	FILTER_SPORT_SIZE = 65537, /* the last one: packets without ports */
	FILTER_ROWS_MAX = 5,       /* dimensions of a packet */
};

/* Where a protocol's entries stand in class[]: first + (key & mask). */
struct filter_page {
	uint32_t first;
	uint16_t mask;
	uint8_t key;    /* offset of the 16 bits that are the key, in the layer-4 header */
	uint8_t least;  /* bytes of an IPv4 packet without options, up to its layer-4 header's end */
};
static_assert(sizeof(struct filter_page) == 8, "filter_page");

struct filter_rule {
	uint32_t sequence; /* as the user numbers it */
	uint32_t text;     /* offset in the filter: its words, zero-terminated */
	uint16_t decision;
	uint16_t meter;   /* POLICE: index among the worker's meters */
	uint16_t packets; /* POLICE: rates and bursts are packets, else bytes */
	uint16_t exceed;  /* POLICE: what becomes of yellow: enum filter_exceed, or a DSCP */
	uint64_t rate;    /* a second: the committed rate, CIR */
	uint64_t burst;   /* CBS */
	uint64_t peak;    /* PIR, not below the rate (RFC 2698); 0: one rate (RFC 2697) */
	uint64_t excess;  /* PBS with a peak rate, else EBS, which may be 0 */
};
static_assert(sizeof(struct filter_rule) == 48, "filter_rule");

/* Root entries of the tries that give sets. A control plane that restarts makes its own: its sets
 * have other numbers, and so a filter names the tries that its map is made for. */
struct filter_roots {
	_Atomic uint32_t root[ROUTE_FAMILIES];
	_Atomic uint64_t changes; /* raised after each change: for who keeps a copy */
};

/* Offsets are in bytes from the filter's start, multiples of 8. CP writes, all read. */
struct filter {
	uint64_t size;  /* of the whole object */
	uint64_t version; /* another one than all had that stood at this offset before */
	uint64_t roots; /* heap offset of a struct filter_roots; 0: no address is looked at */
	char name[NAME_SIZE];
	uint32_t rule_count;
	uint32_t words;      /* of a row; 0: class[] holds decisions */
	uint32_t dimensions; /* enum filter_dimension */
	uint16_t otherwise;  /* decision about IP packets that no rule matches */
	uint16_t slots;      /* slots in use are below this */
	uint32_t ethertypes; /* entries of ethertype[] */
	uint32_t sets;       /* entries of each map */
	uint32_t rows;       /* room for rows */
	uint32_t rule;       /* struct filter_rule[rule_count], in order */
	uint32_t decision;   /* uint16_t[rule_count]: theirs, by themselves */
	uint32_t by_slot;    /* uint16_t[slots]: the rule that has it, or rule_count */
	uint32_t class;      /* uint16_t[]: rows or decisions */
	uint32_t sport;      /* uint16_t[FILTER_SPORT_SIZE]: rows */
	uint32_t misc;       /* uint16_t[FILTER_MISC_SIZE]: rows */
	uint32_t map[2];     /* source, destination: uint16_t[sets]: rows */
	uint32_t summary;    /* uint64_t[rows], if words > 1 */
	uint32_t row;        /* uint64_t[rows][words], 32-byte aligned */
	uint32_t lines;      /* filter-line.h: how many; 0: none */
	uint32_t line;       /* struct filter_line[lines] */
	uint32_t outcome;    /* struct filter_outcome[lines] */
	struct {
		uint16_t type, decision;
	} ethertype[FILTER_ETHERTYPES];
	/* of later fragments, by family and protocol: rows or decisions */
	uint16_t fragment[ROUTE_FAMILIES][256];
	struct filter_page page[ROUTE_FAMILIES][256];
};

static inline const void *filter_at(const struct filter *filter, uint32_t offset)
{
	return (const uint8_t *)filter + offset;
}

/* A word of tables->filter. */
#define FILTER_SLOTS_SHIFT 48
#define FILTER_OFFSET_MASK ((1ull << FILTER_SLOTS_SHIFT) - 1)

/* The published filter of this number (below FILTER_MAX), or NULL. */
static inline const struct filter *filter_get(const struct tables *tables, uint64_t number)
{
	uint64_t offset = word_load(&tables->filter[number < FILTER_MAX ? number : 0]) &
			  FILTER_OFFSET_MASK;

	return offset == 0 ? NULL : tables_object(tables, offset);
}

static inline enum filter_action filter_action(uint16_t decision)
{
	return (enum filter_action)(decision >> FILTER_ACTION_SHIFT & 3);
}

/* ---------------------------------------------------------------- rows */

/* The first bit that is set in all of `count` rows (count is at least 1), or rule_count. */
static inline uint32_t filter_first_scalar(const struct filter *filter, const uint16_t *rows,
					   unsigned int count)
{
	const uint64_t *summary = filter_at(filter, filter->summary);
	const uint64_t *row = filter_at(filter, filter->row);
	uint64_t left = summary[rows[0]];

	for (unsigned int i = 1; i < count; i++)
		left &= summary[rows[i]];
	for (; left != 0; left &= left - 1) {
		unsigned int word = (unsigned int)__builtin_ctzll(left);
		uint64_t bits = row[(size_t)rows[0] * filter->words + word];
		for (unsigned int i = 1; i < count; i++)
			bits &= row[(size_t)rows[i] * filter->words + word];
		if (bits != 0)
			return word * 64 + (unsigned int)__builtin_ctzll(bits);
	}
	return filter->rule_count;
}

#ifdef __x86_64__
#include <immintrin.h>

/* The same, four words at a time. The processor must have AVX2. */
__attribute__((target("avx2"))) static inline uint32_t
filter_first_avx2(const struct filter *filter, const uint16_t *rows, unsigned int count)
{
	const uint64_t *summary = filter_at(filter, filter->summary);
	const uint64_t *row = filter_at(filter, filter->row);
	uint64_t left = summary[rows[0]];

	for (unsigned int i = 1; i < count; i++)
		left &= summary[rows[i]];
	while (left != 0) {
		unsigned int word = (unsigned int)__builtin_ctzll(left) & ~3u;
		__m256i bits = _mm256_load_si256(
			(const __m256i *)&row[(size_t)rows[0] * filter->words + word]);
		for (unsigned int i = 1; i < count; i++)
			bits = _mm256_and_si256(
				bits,
				_mm256_load_si256((const __m256i *)&row[(size_t)rows[i] *
									filter->words +
								word]));
		if (!_mm256_testz_si256(bits, bits)) {
			uint64_t word_bits[FILTER_LANES];
			_mm256_storeu_si256((__m256i *)word_bits, bits);
			for (unsigned int i = 0;; i++)
				if (word_bits[i] != 0)
					return (word + i) * 64 +
					       (unsigned int)__builtin_ctzll(word_bits[i]);
		}
		left &= ~(0xfull << word);
	}
	return filter->rule_count;
}
#endif

/* Does the processor have what filter_first_avx2 needs? */
static inline bool filter_has_simd(void)
{
#ifdef __x86_64__
	return __builtin_cpu_supports("avx2") != 0;
#else
	return false;
#endif
}

/* With `simd` (of filter_has_simd) by the wide way: the answers are the same. */
static inline uint32_t filter_first(const struct filter *filter, const uint16_t *rows,
				    unsigned int count, bool simd)
{
	if (filter->words == 1) {
		const uint64_t *row = filter_at(filter, filter->row);
		uint64_t bits = row[rows[0]];
		for (unsigned int i = 1; i < count; i++)
			bits &= row[rows[i]];
		return bits == 0 ? filter->rule_count : (uint32_t)__builtin_ctzll(bits);
	}
#ifdef __x86_64__
	if (simd)
		return filter_first_avx2(filter, rows, count);
#endif
	(void)simd;
	return filter_first_scalar(filter, rows, count);
}

/* ---------------------------------------------------------------- a packet's classes */

/* Entry of class[] for a packet that filter_parse has looked at: a row or a decision. */
static inline uint16_t filter_class(const struct filter *filter, const struct filter_packet *packet)
{
	const uint16_t *class = filter_at(filter, filter->class);

	if (packet->later_fragment)
		return filter->fragment[packet->family][packet->protocol];
	const struct filter_page *page = &filter->page[packet->family][packet->protocol];
	return class[page->first + (packet_key(packet, page->key) & page->mask)];
}

/* Rows of all dimensions but addresses and the first, which rows[0] has; returns how many there are. */
static inline unsigned int filter_rows_behind_class(const struct filter *filter,
						    const struct filter_packet *packet,
						    uint16_t rows[FILTER_ROWS_MAX])
{
	unsigned int count = 1;

	if (filter->dimensions & FILTER_SPORT) {
		const uint16_t *sport = filter_at(filter, filter->sport);
		rows[count++] = sport[packet->has_ports ? packet_key(packet, 0)
							: FILTER_SPORT_SIZE - 1];
	}
	if (filter->dimensions & FILTER_MISC) {
		const uint16_t *misc = filter_at(filter, filter->misc);
		rows[count++] = misc[packet_misc(packet)];
	}
	return count;
}

/* Rows of all dimensions but addresses; returns how many. */
static inline unsigned int filter_rows(const struct filter *filter,
				       const struct filter_packet *packet,
				       uint16_t rows[FILTER_ROWS_MAX])
{
	rows[0] = filter_class(filter, packet);
	return filter_rows_behind_class(filter, packet, rows);
}

/* The row of a set of addresses; `side` 0: source, 1: destination. */
static inline uint16_t filter_set_row(const struct filter *filter, unsigned int side, uint32_t set)
{
	const uint16_t *map = filter_at(filter, filter->map[side]);

	/* a set that is published has its entry; none is read past the end whatever happened */
	return map[set < filter->sets ? set : 0];
}

static inline uint32_t filter_set_of(const struct tables *tables, const struct filter *filter,
				  const struct filter_packet *packet, const uint8_t *address)
{
	const struct filter_roots *roots = tables_object(tables, filter->roots);

	return lpm_lookup(tables, &roots->root[packet->family], address);
}

/* The rule that decides, from 0, or rule_count: none. One packet, start to end: for what is not a
 * burst. A filter without rows has no such number: see filter_decide. */
static inline uint32_t filter_match(const struct tables *tables, const struct filter *filter,
				    const struct filter_packet *packet, bool simd)
{
	uint16_t rows[FILTER_ROWS_MAX];
	unsigned int count = filter_rows(filter, packet, rows);

	if (filter->dimensions & FILTER_SOURCE)
		rows[count++] = filter_set_row(
			filter, 0, filter_set_of(tables, filter, packet, packet->source));
	if (filter->dimensions & FILTER_DESTINATION)
		rows[count++] = filter_set_row(
			filter, 1, filter_set_of(tables, filter, packet, packet->destination));
	return filter_first(filter, rows, count, simd);
}

/* The decision of a rule, or of none. */
static inline uint16_t filter_decision(const struct filter *filter, uint32_t rule)
{
	const uint16_t *decision = filter_at(filter, filter->decision);

	return rule < filter->rule_count ? decision[rule] : filter->otherwise;
}

/* The decision about a packet that filter_parse found to be PARSED_IP. */
static inline uint16_t filter_decide(const struct tables *tables, const struct filter *filter,
				     const struct filter_packet *packet, bool simd)
{
	if (filter->words == 0)
		return filter_class(filter, packet);
	return filter_decision(filter, filter_match(tables, filter, packet, simd));
}

/* Frames that are not IP: what no rule names passes, uncounted. -1: none names it. */
static inline int filter_decide_ethertype(const struct filter *filter, uint16_t type)
{
	for (uint32_t i = 0; i < filter->ethertypes && i < FILTER_ETHERTYPES; i++)
		if (filter->ethertype[i].type == type)
			return filter->ethertype[i].decision;
	return -1;
}

#endif
