/* SPDX-License-Identifier: BSD-3-Clause
 *
 * bridges.h: frames that leave by many ports of bridges.
 */
#ifndef SHUNT_TESTS_BRIDGES_H
#define SHUNT_TESTS_BRIDGES_H

#include "tests/stage/bridge-tables.h"
#include "tests/stage/case.h"

enum { COPIES_MAX = 8 };

/* What leaves by a port; frame NULL: end of the list. */
struct copy {
	unsigned int port;
	const char *frame;
};

struct bridge_case {
	const char *name;
	unsigned int port; /* that it comes in by */
	const char *frame;
	struct copy out[COPIES_MAX];
	int dropped;            /* reason + 1; 0: not dropped */
	int punted;             /* reason + 1 */
	unsigned int punted_by; /* interface that it is punted for */
};
#define DROP(name) (DROP_##name + 1)
#define PUNT(name) (PUNT_##name + 1)

/* Each case alone; those that fail are named. */
void bridge_cases_run(const struct bridge_case *cases, size_t count);
#define BRIDGE_CASES_RUN(cases) bridge_cases_run((cases), sizeof(cases) / sizeof((cases)[0]))

#endif
