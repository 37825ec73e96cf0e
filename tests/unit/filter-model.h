/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-model.h: random filters, random packets, and what the rules say of them when they are simply
 * read one after the other.
 */
#ifndef TESTS_UNIT_FILTER_MODEL_H
#define TESTS_UNIT_FILTER_MODEL_H

#include "dataplane/shm/filter-build.h"
#include "instance.h"

enum {
	MODEL_ELEMENTS = 48,
	MODEL_PREFIXES = 24, /* of one element at most */
	MODEL_RANGES = 3,
	MODEL_PACKET_ROOM = 256,
};

/* A packet as it is meant. */
struct model_packet {
	uint8_t source[16], destination[16];
	unsigned int family, protocol, sport, dport; /* ports: ICMP's are type and code */
	unsigned int dscp, tcp_flags, extensions;    /* IPv6: headers before the layer-4 one */
	unsigned int fragment;                       /* offset in units of 8; 0 */
	bool more;                                   /* more fragments follow */
};

struct model_element {
	uint32_t number;
	bool fixed; /* one prefix, for good: rules tell it to the compiler */
	unsigned int count;
	struct filter_prefix prefix[MODEL_PREFIXES];
};

struct filter_model {
	struct filter_addresses *addresses;
	struct model_element element[MODEL_ELEMENTS];
	uint32_t rule_count;
	struct filter_rule_spec rule[FILTER_RULE_MAX];
	const struct filter_rule_spec *rules[FILTER_RULE_MAX];
	struct filter_range range[FILTER_RULE_MAX][2][MODEL_RANGES];
	struct filter_spec spec;
	uint64_t random;
};

/* SEED of the environment, or another one each second: what model.random begins with. */
uint64_t model_seed(void);
/* `state` is never 0. */
uint64_t model_random(struct filter_model *model);
unsigned int model_pick(struct filter_model *model, unsigned int count);

/* Elements with some prefixes each, in `addresses`. */
void model_fill_elements(struct filter_model *model);
/* Add or remove one prefix of some element. */
void model_change_element(struct filter_model *model);
/* `count` rules; `fields` (bits of enum model_field): what they may ask for. */
enum model_field {
	MODEL_PORTS = 1,
	MODEL_ADDRESSES = 2,
	MODEL_FLAGS = 4,
	MODEL_SPORTS = 8,
	MODEL_ALL = 15
};
void model_fill_rules(struct filter_model *model, uint32_t count, unsigned int fields);

void model_make_packet(struct filter_model *model, struct model_packet *packet);
/* Its bytes from the IP header on; returns how many. */
size_t model_write_packet(const struct model_packet *packet, uint8_t bytes[MODEL_PACKET_ROOM]);

/* Rule that decides, by reading them in turn, or rule_count. */
uint32_t model_first(const struct filter_model *model, const struct model_packet *packet);

#endif
