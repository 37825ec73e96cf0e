/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tables of the Internet's size and shape: 1 M IPv4 and 256 k IPv6 prefixes against a model that
 * has nothing in common with a trie (a hash of prefixes, asked for each length). Counts the lines
 * that a lookup touches and the memory; says what it took in time.
 */
#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include "dataplane/shm/lpm.h"
#include "instance.h"
#include "prefix.h"

#ifdef __SANITIZE_ADDRESS__
enum { SCALE = 16 };
#else
enum { SCALE = 1 };
#endif
enum {
	IP4_PREFIXES = 1000000 / SCALE,
	IP6_PREFIXES = 256000 / SCALE,
	PROBES = 400000 / SCALE,
	TIMED = 1 << 20,
	HASH_SIZE = 1 << 22,
};

struct fixture {
	struct instance instance;
	_Atomic uint32_t root;
	struct lpm *lpm;
	unsigned int size;
	struct prefix *prefix;
	unsigned int count;
	uint32_t *hash;      /* index into prefix plus 1 */
	uint64_t lengths[3]; /* which lengths there are, a bit each */
	uint64_t random;
};

static double seconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time); /* the machine may be busy */
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---------------------------------------------------------------- model */

static uint32_t *hash_slot(struct fixture *fixture, address_bits bits, unsigned int length)
{
	uint64_t hash = ((uint64_t)(bits >> 64) ^ (uint64_t)bits * 0x9e3779b97f4a7c15ull ^ length) *
			0xff51afd7ed558ccdull;

	for (uint64_t i = hash >> 42;; i = (i + 1) % HASH_SIZE) {
		uint32_t *slot = &fixture->hash[i];
		if (*slot == 0 || (fixture->prefix[*slot - 1].bits == bits &&
				   fixture->prefix[*slot - 1].length == length))
			return slot;
	}
}

/* Add it unless it is there. */
static void add(struct fixture *fixture, address_bits bits, unsigned int length)
{
	bits &= prefix_mask(length);
	uint32_t *slot = hash_slot(fixture, bits, length);
	if (*slot != 0)
		return;
	fixture->prefix[fixture->count++] =
		(struct prefix){ bits, length,
				 1 + (uint32_t)(random_next(&fixture->random) % LPM_VALUE_MASK) };
	*slot = fixture->count;
	fixture->lengths[length / 64] |= 1ull << length % 64;
}

static uint32_t model_lookup(struct fixture *fixture, address_bits address)
{
	for (unsigned int length = fixture->size * 8 + 1; length-- > 0;) {
		if ((fixture->lengths[length / 64] >> length % 64 & 1) == 0)
			continue;
		uint32_t slot = *hash_slot(fixture, address & prefix_mask(length), length);
		if (slot != 0 && fixture->prefix[slot - 1].value != LPM_NONE)
			return fixture->prefix[slot - 1].value;
	}
	return LPM_NONE;
}

/* ---------------------------------------------------------------- shapes */

/* A length drawn by parts of a thousand. */
static unsigned int draw(struct fixture *fixture, const uint16_t (*part)[2])
{
	unsigned int at = (unsigned int)(random_next(&fixture->random) % 1000);

	while (at >= (*part)[1]) {
		at -= (*part)[1];
		part++;
	}
	return (*part)[0];
}

static address_bits random_address(struct fixture *fixture)
{
	return (address_bits)random_next(&fixture->random) << 64 | random_next(&fixture->random);
}

static void shape_ip4(struct fixture *fixture)
{
	static const uint16_t part[][2] = {
		{ 24, 590 }, { 23, 100 }, { 22, 115 }, { 21, 55 }, { 20, 47 }, { 19, 26 },
		{ 18, 16 },  { 17, 11 },  { 16, 24 },  { 15, 4 },  { 14, 3 },  { 13, 2 },
		{ 12, 1 },   { 10, 1 },   { 25, 1 },   { 28, 1 },  { 30, 1 },  { 32, 2 },
	};

	add(fixture, 0, 0);
	add(fixture, (address_bits)10 << 120, 8);
	while (fixture->count < IP4_PREFIXES) {
		/* 1.0.0.0 to 223.255.255.255; every other one within a prefix that is there */
		address_bits at = random_address(fixture);
		at = (at & prefix_mask(128) >> 8) | (address_bits)(1 + (at >> 120) % 223) << 120;
		unsigned int length = draw(fixture, part);
		const struct prefix *in =
			&fixture->prefix[random_next(&fixture->random) % fixture->count];
		if (in->length > 0 && in->length < length && random_next(&fixture->random) % 2 == 0)
			at = in->bits | (at & ~prefix_mask(in->length));
		add(fixture, at, length);
	}
}

/* Allocations of /29 to /32 in a few hundred /16 to /24 ranges, and more-specifics within them; a
 * host or a LAN alone in its /48 now and then. */
static void shape_ip6(struct fixture *fixture)
{
	static const uint16_t first[] = { 0x2001, 0x2400, 0x2401, 0x2402, 0x2403, 0x2404, 0x2405,
					  0x2406, 0x2407, 0x240e, 0x2600, 0x2602, 0x2603, 0x2604,
					  0x2605, 0x2606, 0x2607, 0x2620, 0x2800, 0x2801, 0x2803,
					  0x2804, 0x2a00, 0x2a01, 0x2a02, 0x2a03, 0x2a04, 0x2a05,
					  0x2a06, 0x2a07, 0x2a09, 0x2a0a, 0x2a0b, 0x2a0c, 0x2a0d,
					  0x2a0e, 0x2a0f, 0x2a10, 0x2a12, 0x2c0f };
	static const uint16_t block[][2] = {
		{ 32, 780 }, { 29, 200 }, { 28, 10 }, { 24, 8 }, { 20, 2 }
	};
	static const uint16_t part[][2] = { { 48, 600 }, { 44, 120 }, { 40, 110 }, { 36, 65 },
					    { 46, 25 },  { 47, 25 },  { 42, 20 },  { 33, 13 },
					    { 34, 12 },  { 64, 6 },   { 128, 4 } };
	unsigned int blocks = IP6_PREFIXES / 5;

	add(fixture, 0, 0);
	while (fixture->count < IP6_PREFIXES) {
		address_bits at = random_address(fixture);
		if (fixture->count < blocks) {
			at = at >> 16 | (address_bits)first[at % (sizeof(first) / sizeof(first[0]))]
						<< 112;
			add(fixture, at, draw(fixture, block));
			continue;
		}
		const struct prefix *in =
			&fixture->prefix[1 + random_next(&fixture->random) % (blocks - 1)];
		unsigned int length = draw(fixture, part);
		at = in->bits | (at & ~prefix_mask(in->length));
		if (length > 48) {
			/* alone: none of the other lengths has a /48 that ends so */
			at |= (address_bits)0xff << 80;
			if (*hash_slot(fixture, at & prefix_mask(48), 48) != 0)
				continue;
			add(fixture, at, 48);
		} else if (length == 48 && (uint8_t)(at >> 80) == 0xff) {
			continue;
		}
		add(fixture, at, length);
	}
}

/* ---------------------------------------------------------------- checks */

/* Cache lines that a lookup reads, but for the root entry's. */
static unsigned int lines(const struct fixture *fixture, const uint8_t *address)
{
	uint32_t entry = fixture->root;
	unsigned int depth = 0, count = 0;

	for (; lpm_type(entry) == LPM_NODE8 || lpm_type(entry) == LPM_NODE16; count++)
		entry = *lpm_step(fixture->instance.tables, entry, address, &depth);
	return count + (lpm_type(entry) == LPM_TAIL);
}

static void insert_all(struct fixture *fixture, const char *what)
{
	struct heap_statistics statistics;
	uint8_t bytes[16];
	size_t private_before = mallinfo2().uordblks + mallinfo2().hblkhd;
	double start = seconds();

	for (unsigned int i = 0; i < fixture->count; i++) {
		address_bytes(fixture->prefix[i].bits, bytes);
		assert_int_equal(lpm_insert(fixture->lpm, bytes, fixture->prefix[i].length,
					    fixture->prefix[i].value),
				 0);
	}
	double took = seconds() - start;
	heap_reclaim(fixture->instance.heap);
	heap_statistics(fixture->instance.heap, &statistics);
	size_t private = mallinfo2().uordblks + mallinfo2().hblkhd - private_before;
	print_message("%s: %u prefixes in %.2f s, %.1f MiB shared, %.1f MiB private\n", what,
		      fixture->count, took, (double)statistics.used / (1 << 20),
		      (double)private / (1 << 20));
	assert_in_range(statistics.used, 1, 128u << 20);
	assert_in_range(private, 0, 100u << 20);
}

static void probe(struct fixture *fixture, address_bits address, unsigned int lines_max)
{
	uint8_t bytes[16];

	address_bytes(address, bytes);
	assert_int_equal(lpm_lookup(fixture->instance.tables, &fixture->root, bytes),
			 model_lookup(fixture, address));
	assert_in_range(lines(fixture, bytes), 0, lines_max);
}

static void probe_many(struct fixture *fixture, unsigned int lines_max)
{
	address_bits one = (address_bits)1 << (128 - fixture->size * 8);

	for (unsigned int i = 0; i < PROBES; i++) {
		const struct prefix *prefix =
			&fixture->prefix[random_next(&fixture->random) % fixture->count];
		address_bits within = random_address(fixture) & ~prefix_mask(prefix->length);
		probe(fixture, prefix->bits, lines_max);
		probe(fixture, prefix->bits | within, lines_max);
		probe(fixture, prefix->bits - one, lines_max);
		probe(fixture, prefix_last(prefix) + one, lines_max);
		probe(fixture, random_address(fixture), lines_max);
	}
}

static void time_lookups(struct fixture *fixture, const char *what)
{
	uint8_t(*address)[16] = malloc(TIMED * sizeof(*address));
	uint32_t sum = 0;

	for (unsigned int i = 0; i < TIMED; i++) {
		const struct prefix *prefix =
			&fixture->prefix[random_next(&fixture->random) % fixture->count];
		address_bytes(prefix->bits |
				      (random_address(fixture) & ~prefix_mask(prefix->length)),
			      address[i]);
	}
	double start = seconds();
	for (unsigned int i = 0; i < TIMED; i++)
		sum += lpm_lookup(fixture->instance.tables, &fixture->root, address[i]);
	print_message("%s: %.1f ns a lookup", what, (seconds() - start) * 1e9 / TIMED);
	start = seconds();
	for (unsigned int i = 0; i < TIMED; i += LPM_BURST) {
		const uint8_t *burst[LPM_BURST];
		uint32_t entry[LPM_BURST];
		for (unsigned int k = 0; k < LPM_BURST; k++) {
			burst[k] = address[i + k];
			entry[k] = fixture->root;
		}
		lpm_lookup_burst(fixture->instance.tables, entry, burst, LPM_BURST);
		uint32_t leaf[LPM_BURST];
		lpm_lookup_table(fixture->instance.tables, fixture->root, leaf, burst, LPM_BURST);
		for (unsigned int k = 0; k < LPM_BURST; k++) {
			sum -= entry[k];
			assert_int_equal(leaf[k], entry[k]);
		}
	}
	print_message(", %.1f ns in bursts\n", (seconds() - start) * 1e9 / TIMED);
	assert_int_equal(sum, 0); /* the same answers */
	free(address);
}

static void remove_range(struct fixture *fixture, unsigned int first, unsigned int end)
{
	uint8_t bytes[16];

	for (unsigned int i = first; i < end; i++) {
		address_bytes(fixture->prefix[i].bits, bytes);
		assert_int_equal(lpm_remove(fixture->lpm, bytes, fixture->prefix[i].length), 0);
		fixture->prefix[i].value = LPM_NONE; /* the model's lookup passes over it */
	}
}

static int count_walked(void *context, const uint8_t *prefix, unsigned int length, uint32_t value)
{
	(void)prefix;
	(void)length;
	(void)value;
	++*(unsigned int *)context;
	return 0;
}

static void run(struct fixture *fixture, const char *what, unsigned int lines_max)
{
	struct heap_statistics statistics;
	unsigned int walked = 0;

	insert_all(fixture, what);
	assert_int_equal(fixture->root, LPM_NONE);
	lpm_publish(fixture->lpm);
	time_lookups(fixture, what);
	probe_many(fixture, lines_max);
	double start = seconds();
	lpm_walk(fixture->lpm, count_walked, &walked);
	assert_int_equal(walked, fixture->count);
	assert_int_equal(lpm_count(fixture->lpm), fixture->count);
	print_message("%s: walk %.2f s\n", what, seconds() - start);
	/* the default route, on which the whole trie hangs, and others; then the rest */
	start = seconds();
	remove_range(fixture, 0, 1);
	print_message("%s: default route removed in %.3f s\n", what, seconds() - start);
	start = seconds();
	remove_range(fixture, 1, fixture->count / 2);
	probe_many(fixture, lines_max);
	remove_range(fixture, fixture->count / 2, fixture->count);
	print_message("%s: all removed, half of it checked, in %.2f s\n", what, seconds() - start);
	assert_int_equal(fixture->root, LPM_NONE);
	heap_reclaim(fixture->instance.heap);
	heap_statistics(fixture->instance.heap, &statistics);
	assert_int_equal(statistics.used, 0);
}

static void ip4(void **state)
{
	struct fixture *fixture = *state;

	fixture->size = 4;
	fixture->lpm =
		lpm_new(fixture->instance.tables, fixture->instance.heap, &fixture->root, 4, true);
	shape_ip4(fixture);
	run(fixture, "IPv4", 3);
}

static void ip6(void **state)
{
	struct fixture *fixture = *state;

	fixture->size = 16;
	fixture->lpm =
		lpm_new(fixture->instance.tables, fixture->instance.heap, &fixture->root, 16, true);
	shape_ip6(fixture);
	run(fixture, "IPv6", 6);
}

/* No shape at all: the worst that IPv4 can be. */
static void ip4_random(void **state)
{
	struct fixture *fixture = *state;

	fixture->size = 4;
	fixture->lpm =
		lpm_new(fixture->instance.tables, fixture->instance.heap, &fixture->root, 4, true);
	while (fixture->count < IP4_PREFIXES / 20)
		add(fixture, random_address(fixture) & prefix_mask(32),
		    (unsigned int)(random_next(&fixture->random) % 33));
	run(fixture, "IPv4 at random", 3);
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	instance_make(&fixture->instance, 512u << 20);
	fixture->prefix = malloc((IP4_PREFIXES + 2) * sizeof(*fixture->prefix));
	fixture->hash = calloc(HASH_SIZE, sizeof(*fixture->hash));
	fixture->random = 88172645463325252ull;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	lpm_delete(fixture->lpm);
	instance_remove(&fixture->instance);
	free(fixture->prefix);
	free(fixture->hash);
	free(fixture);
	return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(ip4),
		TEST(ip6),
		TEST(ip4_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
