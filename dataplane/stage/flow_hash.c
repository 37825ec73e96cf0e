/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/stage/flow_hash.h"

#include <stdbool.h>
#include <string.h>
#include "dataplane/stage/mpls_header.h"
#include "dataplane/worker.h"

enum {
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_DCCP = 33,
	PROTOCOL_SCTP = 132,
	PROTOCOL_UDP_LITE = 136,
};

/* One word into the hash: a multiplication folded onto itself, so that every bit reaches every other. */
static inline uint64_t mix(uint64_t hash, uint64_t word)
{
	__extension__ unsigned __int128 product =
		(unsigned __int128)(hash ^ word ^ 0x9e3779b97f4a7c15ull) * 0xd6e8feb86659fd93ull;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t mix_bytes(uint64_t hash, const uint8_t *at, unsigned int count)
{
	for (unsigned int i = 0; i < count; i += 4) {
		uint32_t word;
		memcpy(&word, at + i, sizeof(word));
		hash = mix(hash, word);
	}
	return hash;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP || protocol == PROTOCOL_SCTP ||
	       protocol == PROTOCOL_DCCP || protocol == PROTOCOL_UDP_LITE;
}

static uint64_t mix_ipv4(uint64_t hash, const uint8_t *header, const uint8_t *end)
{
	unsigned int length = (header[0] & 0xfu) * 4;

	if (end - header < 20 || length < 20)
		return hash;
	hash = mix_bytes(hash, header + 12, 8);
	hash = mix(hash, header[9]);
	/* more fragments, or an offset: the others of this packet have no ports to look at */
	bool fragment = (header[6] & 0x3f) != 0 || header[7] != 0;
	if (!fragment && has_ports(header[9]) && end - header >= (ptrdiff_t)length + 4)
		hash = mix_bytes(hash, header + length, 4);
	return hash;
}

static uint64_t mix_ipv6(uint64_t hash, const uint8_t *header, const uint8_t *end)
{
	if (end - header < 40)
		return hash;
	hash = mix_bytes(hash, header + 8, 32);
	hash = mix(hash, header[6]);
	if (has_ports(header[6]) && end - header >= 44)
		hash = mix_bytes(hash, header + 40, 4);
	return hash;
}

static uint64_t mix_ip(uint64_t hash, const uint8_t *header, const uint8_t *end)
{
	if (header >= end)
		return hash;
	if (header[0] >> 4 == 4)
		return mix_ipv4(hash, header, end);
	if (header[0] >> 4 == 6)
		return mix_ipv6(hash, header, end);
	return hash;
}

static inline uint32_t fold(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32);
}

uint32_t flow_hash_mpls(const uint8_t *stack, const uint8_t *end, uint64_t seed)
{
	uint64_t hash = mix(seed, 0);
	const uint8_t *at = stack;

	for (unsigned int i = 0; i < STACK_WALK_MAX && at + 4 <= end; i++, at += 4) {
		uint32_t word = lse_load(at);
		uint32_t label = lse_label(word);

		if (label == LABEL_EXTENSION && !lse_is_bottom(word) && at + 8 <= end) {
			/* the label below an extension is special too; 7 is the indicator there as well */
			at += 4;
			word = lse_load(at);
			label = lse_label(word) == LABEL_ENTROPY_INDICATOR ? LABEL_ENTROPY_INDICATOR
									   : LABEL_EXTENSION;
		}
		if (label == LABEL_ENTROPY_INDICATOR && !lse_is_bottom(word) && at + 8 <= end)
			return fold(mix(hash, lse_label(lse_load(at + 4))));
		if (label >= LABEL_FIRST_FREE)
			hash = mix(hash, label);
		if (lse_is_bottom(word))
			return fold(mix_ip(hash, at + 4, end));
	}
	return fold(hash);
}

uint32_t flow_hash_ip(const uint8_t *header, const uint8_t *end, uint64_t seed)
{
	return fold(mix_ip(mix(seed, 0), header, end));
}

static unsigned int type_at(const uint8_t *at)
{
	return (unsigned int)at[0] << 8 | at[1];
}

uint32_t flow_hash_ethernet(const uint8_t *frame, const uint8_t *end, uint64_t seed)
{
	const uint8_t *type = frame + 12;
	uint64_t hash = mix(seed, 0);

	if (end - frame < 14)
		return fold(hash);
	for (unsigned int tags = 0; tags < 2 && end - type >= 6; tags++, type += 4)
		if (type_at(type) != 0x8100 && type_at(type) != 0x88a8)
			break;
	if (type_at(type) == 0x0800 || type_at(type) == 0x86dd)
		return fold(mix_ip(hash, type + 2, end));
	return fold(mix_bytes(hash, frame, 12));
}
