/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Updates of random words in 16 MiB. */
#include "bench.h"

enum { COUNT = (16 << 20) / 8 };
static uint64_t table[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 161803398 + hart, sum = 0;
    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t v = next_random(&seed);
        table[v % COUNT] ^= v;
    }
    for (unsigned i = 0; i < COUNT; i += 1021)
        sum = mix(sum, table[i]);
    return sum;
}
