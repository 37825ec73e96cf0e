/* SPDX-License-Identifier: BSD-3-Clause
 *
 * fuzz.h: what every fuzz target has.
 */
#ifndef SHUNT_TESTS_FUZZ_H
#define SHUNT_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* One input; aborts on a defect. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
