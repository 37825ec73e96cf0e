/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-values.h: single words of rules. Private to filter-*.c. Each `read` returns 0 or -EINVAL with
 * what was expected in `expected`; each `write` makes the canonical form.
 */
#ifndef SHUNT_API_FILTER_VALUES_H
#define SHUNT_API_FILTER_VALUES_H

#include "controlplane/api/filter-words.h"

enum { EXPECTED_MAX = 192 };

int filter_ethertype_number(const char *text);
void filter_ethertype_format(unsigned int type, char text[16]);
int filter_dscp_number(const char *text);
/* Ranges of numbers and service names ("25,80,8000-8100,https"), sorted and merged. `protocol` is a
 * number or FILTER_ANY. Returns how many, or -EINVAL. */
int filter_ports_read(const char *text, int protocol, struct filter_range *ranges,
		      char expected[EXPECTED_MAX]);
void filter_ports_write(const struct filter_range *ranges, unsigned int count,
			char text[FILTER_TEXT_MAX]);
/* T or T/C; *code is FILTER_ANY without. */
int filter_icmp_read(const char *text, int *type, int *code);
/* N[k|m|g](bps|pps): bytes or packets a second. */
int filter_rate_read(const char *text, uint64_t *rate, bool *packets);
void filter_rate_write(uint64_t rate, bool packets, char text[40]);
/* permit, deny, or a DSCP to mark with: enum filter_exceed or the DSCP. */
int filter_exceed_read(const char *text);
/* N[k|m|g] */
int filter_size_read(const char *text, uint64_t *size);
/* PREFIX or @LIST */
int filter_party_read(const char *text, struct filter_party *party, char expected[EXPECTED_MAX]);
void filter_party_write(const struct filter_party *party, char text[52]);

#endif
