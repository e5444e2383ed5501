/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* y = a x + y over singles. */
#include "bench.h"

enum { COUNT = 4096 };
static float x[COUNT], y[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 17320508 + hart, sum = 0;
    uint32_t bits;
    for (unsigned i = 0; i < COUNT; i++)
        x[i] = (float)((int32_t)next_random(&seed) >> 8);
    for (uint64_t r = 0; r < rounds; r++) {
        float a = (float)(int)(r % 9 - 4) * 0.5f;
        for (unsigned i = 0; i < COUNT; i++)
            y[i] = a * x[i] + y[i];
        __builtin_memcpy(&bits, &y[r % COUNT], sizeof bits);
        sum = mix(sum, bits);
    }
    return sum;
}
