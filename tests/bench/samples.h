/* SPDX-License-Identifier: BSD-3-Clause
 *
 * samples.h: what the benchmarks measured, and its percentiles.
 */
#ifndef SHUNT_BENCH_SAMPLES_H
#define SHUNT_BENCH_SAMPLES_H

enum { SAMPLES_MAX = 1 << 16 };

/* All 0: none yet. What is measured after SAMPLES_MAX is not kept. */
struct samples {
	unsigned int count;
	double value[SAMPLES_MAX];
};

void samples_add(struct samples *samples, double value);

/* The value that `percent` of the others do not exceed: 0 the least, 50 the median. Sorts them; there must be
 * one. */
double samples_percentile(struct samples *samples, unsigned int percent);

#endif
