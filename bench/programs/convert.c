/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Conversions between integers, singles and doubles. */
#include "bench.h"

enum { COUNT = 1024 };
static int32_t in[COUNT];
static int64_t out[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 1618033 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++)
        in[i] = (int32_t)next_random(&seed) >> 4;
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++) {
            float single = (float)in[i];
            double wide = (double)single * 1.5;
            out[i] = (int64_t)wide + (int32_t)single;
        }
        in[r % COUNT]++;
        sum = mix(sum, (uint64_t)out[r % COUNT]);
    }
    return sum;
}
