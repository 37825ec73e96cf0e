/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filters.h: a few filters, and where they are bound.
 */
#ifndef SHUNT_TESTS_FILTERS_H
#define SHUNT_TESTS_FILTERS_H

#include "dataplane/shm/filter-build.h"
#include "tests/stage/case.h"

/* PERMIT: UDP, no other IP. DENY: no IP. POLICE: 60 bytes. ETHERTYPE_DENY: not 0x8847. METERED: as
 * filters_meter says. */
enum { PERMIT = 1, DENY, POLICE, ETHERTYPE_DENY, METERED, FILTERS };

/* Makes them, with counters; after stage_start. */
void filters_start(void);
void filters_stop(void);

/* To an interface row; number 0 takes the binding away. */
void bind_in(unsigned int interface, uint32_t number);
void bind_out(unsigned int interface, uint32_t number);

/* METERED polices with these: `rate`, `burst`, `peak`, `excess`, `packets` and `exceed` of the rule. */
void filters_meter(const struct filter_rule_spec *rates);

#endif
