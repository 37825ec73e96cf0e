/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/samples.h"

#include <stdlib.h>

void samples_add(struct samples *samples, double value)
{
	if (samples->count < SAMPLES_MAX)
		samples->value[samples->count++] = value;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double samples_percentile(struct samples *samples, unsigned int percent)
{
	qsort(samples->value, samples->count, sizeof(samples->value[0]), compare);
	return samples->value[(size_t)(samples->count - 1) * percent / 100];
}
