/* fuzz: what every fuzzer offers. It must take any bytes, and abort (assert) when a promise of the
 * code under test is broken; libFuzzer or replay.c calls it. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size); /* returns 0 */

#endif
