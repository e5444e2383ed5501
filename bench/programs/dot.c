/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Inner products of 16-bit numbers, sums of 32 bits. */
#include "bench.h"

enum { COUNT = 4096 };
static int16_t a[COUNT], b[COUNT];

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 24494897 + hart, sum = 0;
    for (unsigned i = 0; i < COUNT; i++) {
        a[i] = (int16_t)((int16_t)next_random(&seed) >> 4);
        b[i] = (int16_t)((int16_t)next_random(&seed) >> 4);
    }
    for (uint64_t r = 0; r < rounds; r++) {
        uint32_t product = 0;
        for (unsigned i = 0; i < COUNT; i++)
            product += (uint32_t)(a[i] * b[i]);
        a[r % COUNT] ^= 5;
        sum = mix(sum, product);
    }
    return sum;
}
