/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Sums over arrays of 8 to 64 bits that fit the TLB. */
#include "bench.h"

enum { COUNT = 8192 };
static uint8_t bytes[COUNT];
static uint16_t halves[COUNT];
static int32_t words[COUNT];
static uint64_t doubles[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 88172645463325252 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        uint64_t v = next_random(&seed);
        bytes[i] = (uint8_t)v;
        halves[i] = (uint16_t)v;
        words[i] = (int32_t)v;
        doubles[i] = v;
    }
    for (uint64_t r = 0; r < rounds; r++) {
        for (unsigned i = 0; i < COUNT; i++)
            sum += bytes[i];
        for (unsigned i = 0; i < COUNT; i++)
            sum ^= halves[i] * sum;
        int32_t low = 0;
        for (unsigned i = 0; i < COUNT; i++)
            low = (int32_t)((uint32_t)low + (uint32_t)words[i]);
        for (unsigned i = 0; i < COUNT; i++)
            sum += doubles[i] + (uint64_t)(int64_t)low;
        words[r % COUNT]++;
    }
    return sum;
}
