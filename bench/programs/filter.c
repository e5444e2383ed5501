/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Recursive filters over a signal of singles: each result needs the one before it. */
#include "bench.h"

enum { COUNT = 2048, STAGES = 4 };
static float signal[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 57721566 + hart, sum = 0;
    uint32_t bits;
    float past[STAGES][2] = {{0}};
    for (unsigned i = 0; i < COUNT; i++)
        signal[i] = (float)((int32_t)next_random(&seed) >> 8) / 8388608.0f;
    for (uint64_t r = 0; r < rounds; r++) {
        float last = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            float x = signal[i];
            for (unsigned s = 0; s < STAGES; s++) { /* direct form II, transposed */
                float y = 0.29f * x + past[s][0];
                past[s][0] = 0.21f * x - 0.17f * y + past[s][1];
                past[s][1] = 0.07f * x - 0.31f * y;
                x = y;
            }
            last += x;
        }
        __builtin_memcpy(&bits, &last, sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
