/* SPDX-License-Identifier: BSD-3-Clause
 *
 * snooping-entries.h: what the tables have of the groups of bridge b0.
 */
#ifndef SHUNT_TESTS_SNOOPING_ENTRIES_H
#define SHUNT_TESTS_SNOOPING_ENTRIES_H

#include "snooping-model.h"

/* The entry of a group (and a source) in a VLAN, or NULL. */
const struct group_entry *any_entry(struct fixture *f, unsigned int vlan, const char *group);
const struct group_source_entry *source_entry(struct fixture *f, unsigned int vlan,
					      const char *group, const char *source);
/* A VLAN, which must be there. */
const struct bridge_domain *domain(struct fixture *f, unsigned int vlan);

/* `expected`: numbers of ports, "0,2"; "-": none; of a group also "no entry". */
void expect_set(struct fixture *f, const struct port_set *set, const char *expected);
void expect_group(struct fixture *f, unsigned int vlan, const char *group, const char *expected);

#endif
