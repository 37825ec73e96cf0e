/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz_bridges.h: bridges with some of everything, for fuzz_stages.
 *
 * Bridge 1 has ports 8 to 13 (access, trunk, native, storm control, filters, isolated ones) and the tunnels
 * that carry Ethernet, bridge 2 ports 14 and 15. Groups have members in both, and are routed between them.
 */
#ifndef SHUNT_TESTS_FUZZ_BRIDGES_H
#define SHUNT_TESTS_FUZZ_BRIDGES_H

enum {
	FUZZ_TUNNELS = 32, /* rows of tunnels in use, from INTERFACE_FIRST_TUNNEL on */
	FUZZ_BRIDGE_LABEL = 208,
};

/* After the tunnels and the routes. What fails ends the program. */
void fuzz_bridges_make(void);
void fuzz_bridges_delete(void);

#endif
