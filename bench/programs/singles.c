/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Single precision over arrays: multiply, add, fused multiply-add. */
#include "bench.h"

enum { COUNT = 2048 };
static float x[COUNT], y[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 2718281828 + hart, sum = 0;
    uint32_t bits;
    for (unsigned i = 0; i < COUNT; i++) {
        x[i] = (float)(next_random(&seed) >> 40) / 16777216.0f;
        y[i] = 0;
    }
    for (uint64_t r = 0; r < rounds; r++) {
        float dot = 0;
        for (unsigned i = 0; i < COUNT; i++)
            y[i] = __builtin_fmaf(x[i], 0.5f, y[i] * 0.25f);
        for (unsigned i = 0; i < COUNT; i++)
            dot += x[i] * y[i];
        __builtin_memcpy(&bits, &dot, sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
