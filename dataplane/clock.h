/* SPDX-License-Identifier: BSD-3-Clause
 *
 * clock.h: the time of one of the system's clocks.
 */
#ifndef SHUNT_CLOCK_H
#define SHUNT_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds of CLOCK_... */
static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
