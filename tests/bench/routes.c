/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/routes.h"

#include <rte_byteorder.h>
#include <string.h>

/* splitmix64 */
uint64_t bench_random(uint64_t number)
{
	number = (number + 1) * 0x9e3779b97f4a7c15ull;
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9ull;
	number = (number ^ number >> 27) * 0x94d049bb133111ebull;
	return number ^ number >> 31;
}

struct share {
	unsigned int length, percent;
};

/* As looking glasses show the default-free zone, in whole percents. */
static const struct share ip4_shares[] = { { 24, 60 }, { 23, 10 }, { 22, 12 }, { 21, 5 }, { 20, 5 },
					   { 19, 3 },  { 18, 2 },  { 17, 1 },  { 16, 2 } };
static const struct share ip6_shares[] = {
	{ 48, 46 }, { 47, 2 }, { 46, 4 }, { 45, 2 },  { 44, 10 },
	{ 40, 10 }, { 36, 6 }, { 33, 3 }, { 32, 13 }, { 29, 4 }
};

static unsigned int length_of(const struct share *share, unsigned int percent)
{
	while (percent >= share->percent)
		percent -= share++->percent;
	return share->length;
}

/* The first 64 bits of the prefix's address, before its host bits are cut off. */
static uint64_t high_bits(bool ip6, uint32_t number, uint64_t random)
{
	if (!ip6) {
		/* 1 to 223 without 127 */
		uint64_t first = 1 + (random >> 56) % 222;
		return (first + (first >= 127)) << 56 | (random << 8) >> 8;
	}
	/* providers have a /32, and eight routes each */
	uint64_t provider = bench_random(0x100000000ull | number / 8) >> 35;
	return (0x20000000 | provider) << 32 | (random & 0xffffffff);
}

static unsigned int make(bool ip6, uint32_t number, uint64_t *high)
{
	uint64_t random = bench_random(number);
	unsigned int percent = (unsigned int)(bench_random(random) % 100);
	unsigned int length = length_of(ip6 ? ip6_shares : ip4_shares, percent);

	*high = high_bits(ip6, number, random) & ~(UINT64_MAX >> length);
	return length;
}

unsigned int bench_prefix(bool ip6, uint32_t number, uint8_t prefix[16])
{
	uint64_t high;
	unsigned int length = make(ip6, number, &high);

	high = rte_cpu_to_be_64(high);
	memset(prefix, 0, 16);
	memcpy(prefix, &high, sizeof(high));
	return length;
}

void bench_address(bool ip6, uint32_t number, uint32_t seed, uint8_t *address)
{
	uint64_t high, low = bench_random(bench_random(seed) ^ 1);
	unsigned int length = make(ip6, number, &high);

	high = rte_cpu_to_be_64(high | (bench_random(seed) & UINT64_MAX >> length));
	memcpy(address, &high, ip6 ? sizeof(high) : 4);
	if (ip6)
		memcpy(address + 8, &low, sizeof(low));
}

void bench_ip4_header(uint8_t *header, uint32_t destination)
{
	static const uint8_t start[16] = {
		0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 0, 2, 9
	};
	uint32_t sum = 0;

	memcpy(header, start, sizeof(start));
	destination = rte_cpu_to_be_32(destination);
	memcpy(header + 16, &destination, sizeof(destination));
	for (unsigned int i = 0; i < 20; i += 2)
		sum += (uint32_t)(header[i] << 8 | header[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	header[10] = (uint8_t)(sum >> 8);
	header[11] = (uint8_t)sum;
}
