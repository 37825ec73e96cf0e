/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-words.h: the words of a filter's rule: protocols and ports by number or name, lists of
 * ranges, rates. Each has one canonical form, which command_check puts in place of what was said.
 */
#ifndef SHUNT_API_FILTER_WORDS_H
#define SHUNT_API_FILTER_WORDS_H

#include "controlplane/api/command.h"
#include "dataplane/shm/filter-build.h"

enum {
	FILTER_RANGES_MAX = 256, /* of one `sport` or `dport` */
	FILTER_TEXT_MAX = FILTER_RANGES_MAX * 12,
};

/* Whom `from` or `to` names. */
struct filter_party {
	bool given;
	char list[NAME_SIZE];        /* "": the prefix */
	struct filter_prefix prefix; /* host bits 0 */
};

struct filter_words {
	enum filter_action action;
	int protocol, dscp, icmp_type, icmp_code; /* FILTER_ANY */
	uint16_t ethertype;                       /* 0: any */
	bool log, syn, established, fragments;
	struct filter_party from, to;
	unsigned int sport_count, dport_count;
	struct filter_range sport[FILTER_RANGES_MAX], dport[FILTER_RANGES_MAX];
	bool packets; /* rates and bursts */
	uint16_t exceed; /* enum filter_exceed, or a DSCP */
	uint64_t rate, burst, peak, excess; /* as in struct filter_rule */
};

/* Make the values canonical: of `filter rule add` and `replace`, and of `filter test`. -EINVAL: *error
 * is set, and *parameter is the one that is wrong. */
int filter_words_check(struct arguments *arguments, struct error *error, int *parameter);

/* What a rule's words say, implied protocols filled in. They were checked. */
void filter_words_read(const struct arguments *arguments, struct filter_words *words);
/* All that these say of a rule; its ports are those of `words`. The caller's: sequence, slot, elements and
 * their prefixes, meter, text. */
struct filter_rule_spec filter_words_spec(struct filter_words *words);

/* The first prefix of a blank-separated list of prefixes, which is moved behind it. False: the end, or
 * none. */
bool filter_prefix_next(const char **text, struct filter_prefix *prefix);
/* "10.0.0.0/8" */
void filter_prefix_format(const struct filter_prefix *prefix, char text[52]);
/* Host bits 0 and nothing else wrong? Else what it should have been in `right`. */
bool filter_prefix_of(const struct value *value, struct filter_prefix *prefix);

/* Single values; -EINVAL: no such thing. */
int filter_protocol_number(const char *text);
/* "tcp", or digits. */
void filter_protocol_format(int protocol, char text[16]);

#endif
