/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Division: greatest common divisors and decimal digits. */
#include "bench.h"

static uint64_t gcd(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

uint64_t work(uint64_t hart, uint64_t rounds)
{
    uint64_t seed = 31415926 + hart, sum = 0;
    for (uint64_t r = 0; r < rounds; r++) {
        uint64_t a = next_random(&seed), b = next_random(&seed) >> 20;
        sum += gcd(a, b);
        for (uint64_t v = a; v; v /= 10)
            sum += v % 10;
    }
    return sum;
}
