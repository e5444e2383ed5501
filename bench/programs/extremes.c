/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Least and greatest of 32-bit numbers, and how many lie between two bounds. */
#include "bench.h"

enum { COUNT = 4096 };
static int32_t v[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 26457513 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++)
        v[i] = (int32_t)next_random(&seed);
    for (uint64_t r = 0; r < rounds; r++) {
        int32_t low = v[0], high = v[0];
        uint32_t between = 0;
        for (unsigned i = 0; i < COUNT; i++) {
            low = v[i] < low ? v[i] : low;
            high = v[i] > high ? v[i] : high;
        }
        for (unsigned i = 0; i < COUNT; i++)
            between += (v[i] > -1000000000) & (v[i] < 1000000000);
        v[r * 7 % COUNT] ^= (int32_t)(r & 1023);
        sum = mix(sum, (uint64_t)(uint32_t)low + (uint32_t)high + between);
    }
    return sum;
}
