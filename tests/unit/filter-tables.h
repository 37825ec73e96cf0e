/* SPDX-License-Identifier: BSD-3-Clause
 *
 * filter-tables.h: an instance with random address lists and one published filter, which stays what the model
 * says while the lists change.
 */
#ifndef TESTS_UNIT_FILTER_TABLES_H
#define TESTS_UNIT_FILTER_TABLES_H

#include "filter-model.h"

enum { NUMBER = 7 }; /* of the filter */

extern struct instance instance;
extern struct filter_model model;
extern struct filter_built *built; /* what is published; NULL: nothing yet */
extern uint64_t seed;

/* model.spec in place of what was published. */
void publish(void);

/* Tables for one test, its random numbers from `seed`. */
int filter_tables_start(void **state);
int filter_tables_stop(void **state);

#endif
